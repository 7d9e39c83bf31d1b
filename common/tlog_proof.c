#include "common/tlog_proof.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"

#define HEADER "c2sp.org/tlog-proof@v1\n"
#define KEYS_MAX 16

static bool take(struct slice *rest, const char *text)
{
	size_t len = strlen(text);

	if (rest->len < len || memcmp(rest->data, text, len) != 0)
		return false;
	*rest = (struct slice){ rest->data + len, rest->len - len };
	return true;
}

static bool base64_valid(const struct slice *text)
{
	CLEANUP(buf_clear) struct buf bytes = { 0 };

	return text->len && base64_decode((const char *)text->data, text->len, &bytes) == 0;
}

static bool read_hash(const struct slice *line, struct merkle_proof *path)
{
	CLEANUP(buf_clear) struct buf bytes = { 0 };

	if (path->count == MERKLE_PROOF_MAX || base64_decode((const char *)line->data, line->len, &bytes) < 0 || bytes.len != SHA256_SIZE)
		return false;
	memcpy(path->hashes[path->count++], bytes.data, SHA256_SIZE);
	return true;
}

int tlog_proof_parse(const void *data, size_t len, struct tlog_proof *ret)
{
	struct slice rest = { data, len }, line;
	struct note note;

	if (len > TLOG_PROOF_MAX)
		return -E2BIG;
	ret->extra = (struct slice){ 0 };
	ret->path.count = 0;
	if (!take(&rest, HEADER))
		return -EBADMSG;
	if (take(&rest, "extra ") && (!note_line(&rest, &ret->extra) || !base64_valid(&ret->extra)))
		return -EBADMSG;
	if (!take(&rest, "index ") || !note_line(&rest, &line) || note_number(&line, &ret->index) < 0)
		return -EBADMSG;
	do {
		if (!note_line(&rest, &line) || (line.len && !read_hash(&line, &ret->path)))
			return -EBADMSG;
	} while (line.len);
	ret->checkpoint = rest;
	return note_parse(rest.data, rest.len, &note) < 0 ? -EBADMSG : 0;
}

void tlog_proof_add(struct buf *out, const struct tlog_proof *proof)
{
	buf_add_str(out, HEADER);
	if (proof->extra.len) {
		buf_add_str(out, "extra ");
		buf_add(out, proof->extra.data, proof->extra.len);
		buf_add_char(out, '\n');
	}
	buf_printf(out, "index %llu\n", (unsigned long long)proof->index);
	for (size_t i = 0; i < proof->path.count; i++) {
		base64_add(out, proof->path.hashes[i], SHA256_SIZE);
		buf_add_char(out, '\n');
	}
	buf_add_char(out, '\n');
	buf_add(out, proof->checkpoint.data, proof->checkpoint.len);
}

int tlog_proof_check(const struct tlog_proof *proof, const uint8_t leaf_hash[SHA256_SIZE], const char *origin,
	const struct note_key *keys, size_t key_count, struct checkpoint *ret)
{
	struct note_seal seals[KEYS_MAX];
	struct checkpoint checkpoint;
	struct note note;
	int r;

	if (key_count > KEYS_MAX || note_parse(proof->checkpoint.data, proof->checkpoint.len, &note) < 0)
		return -EBADMSG;
	r = note_verify(&note, keys, key_count, seals);
	if (r < 0)
		return r;
	if (checkpoint_parse(note.text.data, note.text.len, &checkpoint) < 0 || checkpoint.origin.len != strlen(origin) ||
		memcmp(checkpoint.origin.data, origin, checkpoint.origin.len) != 0 ||
		merkle_inclusion_check(&proof->path, proof->index, checkpoint.size, leaf_hash, checkpoint.root) < 0)
		return -EBADMSG;
	if (ret)
		*ret = checkpoint;
	return 0;
}
