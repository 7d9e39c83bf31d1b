#include "common/witness.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "common/cleanup.h"
#include "common/utc.h"

#define SIZE_TYPE "text/x.tlog.size"

int witness_request_add(struct buf *out, const struct witness_request *request)
{
	if (request->proof.count > WITNESS_PROOF_MAX)
		return -E2BIG;
	buf_printf(out, "old %llu\n", (unsigned long long)request->old);
	for (size_t i = 0; i < request->proof.count; i++) {
		base64_add(out, request->proof.hashes[i], SHA256_SIZE);
		buf_add_char(out, '\n');
	}
	buf_add_char(out, '\n');
	buf_add(out, request->checkpoint.data, request->checkpoint.len);
	return 0;
}

int witness_request_parse(const void *data, size_t len, struct witness_request *ret)
{
	struct slice rest = { data, len }, line;
	struct witness_request request = { 0 };

	if (!note_line(&rest, &line) || line.len < 4 || memcmp(line.data, "old ", 4) != 0)
		return -EBADMSG;
	line = (struct slice){ line.data + 4, line.len - 4 };
	if (note_number(&line, &request.old) < 0)
		return -EBADMSG;
	for (;;) {
		CLEANUP(buf_clear) struct buf hash = { 0 };

		if (!note_line(&rest, &line))
			return -EBADMSG;
		if (!line.len)
			break;
		if (request.proof.count == WITNESS_PROOF_MAX || base64_decode((const char *)line.data, line.len, &hash) < 0 ||
			hash.len != SHA256_SIZE)
			return -EBADMSG;
		memcpy(request.proof.hashes[request.proof.count++], hash.data, SHA256_SIZE);
	}
	if (!rest.len)
		return -EBADMSG;
	request.checkpoint = rest;
	*ret = request;
	return 0;
}

const char *witness_outcome_word(enum witness_outcome outcome)
{
	static const char *const words[] = { "cosigned", "behind", "ahead", "forked", "unknown_log", "unknown_key", "refused", "useless",
		"failed" };

	return words[outcome];
}

/* Behind the checkpoint's own lines the body's must make a note that holds; the witness's lines among them are kept. */
static struct witness_reply read_lines(const struct slice *body, const struct slice *checkpoint, const struct note_key *key, int64_t now,
	int64_t tolerance_ms, struct buf *lines)
{
	const struct witness_reply useless = { .outcome = WITNESS_USELESS };
	CLEANUP(buf_clear) struct buf whole = { 0 };
	struct note own, note;
	struct note_seal seal;
	int64_t at;

	if (body->len > NOTE_MAX || note_parse(checkpoint->data, checkpoint->len, &own) < 0)
		return useless;
	buf_add(&whole, checkpoint->data, checkpoint->len);
	buf_add(&whole, body->data, body->len);
	/* The same text as before: an empty line in the body would make it another one. */
	if (note_parse(whole.data, whole.len, &note) < 0 || note.text.len != own.text.len || note_verify(&note, key, 1, &seal) < 0)
		return useless;
	if (seal.time > INT64_MAX / SECOND_MS)
		return useless;
	at = (int64_t)seal.time * SECOND_MS;
	if (at > now + tolerance_ms || at < now - tolerance_ms)
		return useless;
	for (size_t i = own.signature_count; i < note.signature_count; i++) {
		const struct note_signature *s = &note.signatures[i];

		if (s->name.len != strlen(key->name) || memcmp(s->name.data, key->name, s->name.len) != 0)
			continue;
		buf_add_str(lines, "\u2014 ");
		buf_add(lines, s->name.data, s->name.len);
		buf_add_char(lines, ' ');
		buf_add(lines, s->base64.data, s->base64.len);
		buf_add_char(lines, '\n');
	}
	return (struct witness_reply){ .outcome = WITNESS_COSIGNED, .at = at };
}

/*
 * 409: the witness knows the log at another size than `old`, and says which; or it knows that very size with another root ("Request": the
 * same answer for both).
 */
static struct witness_reply read_conflict(const struct witness_answer *answer, const struct witness_request *request, uint64_t size)
{
	struct witness_reply reply = { .outcome = WITNESS_USELESS };
	struct slice rest = answer->body, line;

	if (!answer->type || strcasecmp(answer->type, SIZE_TYPE) != 0 || !note_line(&rest, &line) || rest.len || note_number(&line, &reply.size) < 0)
		return (struct witness_reply){ .outcome = WITNESS_USELESS };
	if (reply.size > size)
		reply.outcome = WITNESS_AHEAD;
	else if (reply.size != request->old)
		reply.outcome = WITNESS_BEHIND;
	else if (reply.size == size)
		reply.outcome = WITNESS_FORKED;
	return reply;
}

struct witness_reply witness_read(const struct witness_answer *answer, const struct witness_request *request, uint64_t size,
	const struct note_key *key, int64_t now, int64_t tolerance_ms, struct buf *lines)
{
	enum witness_outcome outcome = WITNESS_FAILED;

	switch (answer->status) {
	case 200:
		return read_lines(&answer->body, &request->checkpoint, key, now, tolerance_ms, lines);
	case 409:
		return read_conflict(answer, request, size);
	case 400:
		outcome = WITNESS_REFUSED;
		break;
	case 403:
		outcome = WITNESS_UNKNOWN_KEY;
		break;
	case 404:
		outcome = WITNESS_UNKNOWN_LOG;
		break;
	case 422:
		outcome = WITNESS_FORKED;
		break;
	default:
		break;
	}
	return (struct witness_reply){ .outcome = outcome };
}
