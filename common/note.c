#include "common/note.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"

#define DASH "\xe2\x80\x94 " /* U+2014 and a space: a signature line begins so */
#define HEX_ID (2 * NOTE_ID_SIZE)

static struct slice slice_of(const char *text)
{
	return (struct slice){ (const uint8_t *)text, strlen(text) };
}

static bool begins(const struct slice *s, const char *text)
{
	return s->len >= strlen(text) && memcmp(s->data, text, strlen(text)) == 0;
}

/* Cuts off what stands before the first `end`; false when there is none. */
static bool cut(struct slice *rest, char end, struct slice *ret)
{
	const uint8_t *at = rest->len ? memchr(rest->data, end, rest->len) : NULL;

	if (!at)
		return false;
	*ret = (struct slice){ rest->data, (size_t)(at - rest->data) };
	*rest = (struct slice){ at + 1, rest->len - ret->len - 1 };
	return true;
}

/* UTF-8 without a control below U+0020 but the line end: signed-note, "Format". */
static bool clean(const struct slice *text)
{
	const char *at = (const char *)text->data, *end = text->len ? at + text->len : at;

	while (at < end) {
		size_t len = utf8_len(at, end);

		if (!len || ((unsigned char)*at < 0x20 && *at != '\n'))
			return false;
		at += len;
	}
	return true;
}

/* --- keys ---------------------------------------------------------------------------------------- */

static bool name_valid(const struct slice *name)
{
	static const char *const excluded[] = { "+", "\n", /* and all that Unicode calls White_Space: */ " ", "\xc2\x85", "\u00a0", "\u1680",
		"\u2000", "\u2001", "\u2002", "\u2003", "\u2004", "\u2005", "\u2006", "\u2007", "\u2008", "\u2009", "\u200a", "\u2028",
		"\u2029", "\u202f", "\u205f", "\u3000" };

	if (!name->len || name->len > NOTE_NAME_MAX || !clean(name))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(excluded); i++)
		if (memmem(name->data, name->len, excluded[i], strlen(excluded[i])))
			return false;
	return true;
}

static void make_key(const struct slice *name, enum note_type type, const void *public_key, struct note_key *ret)
{
	uint8_t hash[SHA256_SIZE], kind = (uint8_t)type;
	struct slice parts[] = { *name, slice_of("\n"), { &kind, 1 }, { public_key, ED25519_KEY_SIZE } };

	*ret = (struct note_key){ .type = type };
	memcpy(ret->name, name->data, name->len);
	memcpy(ret->public_key, public_key, ED25519_KEY_SIZE);
	sha256_slices(parts, ARRAY_LEN(parts), hash);
	memcpy(ret->id, hash, NOTE_ID_SIZE);
}

int note_key_make(const char *name, enum note_type type, const uint8_t public_key[ED25519_KEY_SIZE], struct note_key *ret)
{
	struct slice text = slice_of(name);

	if (!name_valid(&text) || (type != NOTE_ED25519 && type != NOTE_COSIGNATURE))
		return -EINVAL;
	make_key(&text, type, public_key, ret);
	return 0;
}

int note_key_parse(const char *text, struct note_key *ret)
{
	CLEANUP(buf_clear) struct buf bytes = { 0 };
	struct slice rest = slice_of(text), name, id; /* base64 has plus signs too: only the first two part anything */
	char hex[HEX_ID + 1];
	struct note_key key;

	if (!cut(&rest, '+', &name) || !cut(&rest, '+', &id) || !name_valid(&name) || id.len != HEX_ID ||
		base64_decode((const char *)rest.data, rest.len, &bytes) < 0 || !bytes.len)
		return -EBADMSG;
	if (bytes.data[0] != NOTE_ED25519 && bytes.data[0] != NOTE_COSIGNATURE)
		return -ENOTSUP;
	if (bytes.len != 1 + ED25519_KEY_SIZE)
		return -EBADMSG;
	make_key(&name, (enum note_type)bytes.data[0], bytes.data + 1, &key);
	if (memcmp(hex_format(key.id, NOTE_ID_SIZE, hex), id.data, HEX_ID) != 0)
		return -EBADMSG;
	*ret = key;
	return 0;
}

void note_key_add(struct buf *out, const struct note_key *key)
{
	uint8_t bytes[1 + ED25519_KEY_SIZE] = { (uint8_t)key->type };
	char hex[HEX_ID + 1];

	memcpy(bytes + 1, key->public_key, ED25519_KEY_SIZE);
	buf_printf(out, "%s+%s+", key->name, hex_format(key->id, NOTE_ID_SIZE, hex));
	base64_add(out, bytes, sizeof(bytes));
}

/* --- notes --------------------------------------------------------------------------------------- */

/* A line without its end. */
static int parse_signature(struct slice line, struct note_signature *ret)
{
	CLEANUP(buf_clear) struct buf bytes = { 0 };

	if (!begins(&line, DASH))
		return -EBADMSG;
	line.data += strlen(DASH);
	line.len -= strlen(DASH);
	if (!cut(&line, ' ', &ret->name) || !name_valid(&ret->name) ||
		base64_decode((const char *)line.data, line.len, &bytes) < 0 || bytes.len <= NOTE_ID_SIZE)
		return -EBADMSG;
	ret->base64 = line;
	return 0;
}

int note_parse(const void *data, size_t len, struct note *ret)
{
	struct slice whole = { data, len }, rest, line;
	size_t end = len;

	if (len > NOTE_MAX)
		return -E2BIG;
	if (!clean(&whole))
		return -EBADMSG;
	while (end >= 2 && memcmp(whole.data + end - 2, "\n\n", 2) != 0) /* the last empty line: the text may have others */
		end--;
	if (end < 2)
		return -EBADMSG;
	ret->text = (struct slice){ whole.data, end - 1 };
	ret->signature_count = 0;
	rest = (struct slice){ whole.data + end, len - end };
	while (cut(&rest, '\n', &line)) {
		if (ret->signature_count == NOTE_SIGNATURES_MAX)
			return -E2BIG;
		if (parse_signature(line, &ret->signatures[ret->signature_count++]) < 0)
			return -EBADMSG;
	}
	return rest.len || !ret->signature_count ? -EBADMSG : 0;
}

/* `signature` is what stands behind the key id. tlog-cosignature, "Format", tells what a witness signs. */
static bool check_signature(const struct slice *text, const struct note_key *key, struct slice signature, uint64_t *time)
{
	CLEANUP(buf_clear) struct buf message = { 0 };

	*time = 0;
	if (key->type == NOTE_COSIGNATURE) {
		if (signature.len < 8)
			return false;
		*time = read_u64be(signature.data);
		signature.data += 8;
		signature.len -= 8;
		if (*time > INT64_MAX)
			return false;
		buf_printf(&message, "cosignature/v1\ntime %llu\n", (unsigned long long)*time);
	}
	buf_add(&message, text->data, text->len);
	return signature.len == ED25519_SIGNATURE_SIZE && ed25519_verify(key->public_key, message.data, message.len, signature.data);
}

/* Of one signature line and one key: 1 it is its and good, 0 it is another's, -EKEYREJECTED. */
static int check_line(const struct note *note, const struct note_signature *line, const struct note_key *key, struct note_seal *ret)
{
	CLEANUP(buf_clear) struct buf bytes = { 0 };
	struct slice signature;
	uint64_t time;

	if (line->name.len != strlen(key->name) || memcmp(line->name.data, key->name, line->name.len) != 0 ||
		base64_decode((const char *)line->base64.data, line->base64.len, &bytes) < 0 || memcmp(bytes.data, key->id, NOTE_ID_SIZE) != 0)
		return 0;
	signature = (struct slice){ (const uint8_t *)bytes.data + NOTE_ID_SIZE, bytes.len - NOTE_ID_SIZE };
	if (!check_signature(&note->text, key, signature, &time))
		return -EKEYREJECTED;
	ret->good = true;
	if (time > ret->time)
		ret->time = time;
	return 1;
}

int note_verify(const struct note *note, const struct note_key *keys, size_t count, struct note_seal *ret)
{
	bool any = false;

	memset(ret, 0, count * sizeof(*ret));
	for (size_t i = 0; i < note->signature_count; i++)
		for (size_t k = 0; k < count; k++) {
			int r = check_line(note, &note->signatures[i], &keys[k], &ret[k]);

			if (r < 0) {
				memset(ret, 0, count * sizeof(*ret));
				return r;
			}
			any |= r > 0;
		}
	return any ? 0 : -ENOKEY;
}

int note_begin(struct buf *out, const void *text, size_t len)
{
	struct slice s = { text, len };

	if (!len || s.data[len - 1] != '\n' || !clean(&s))
		return -EINVAL;
	buf_add(out, text, len);
	buf_add_char(out, '\n');
	return 0;
}

int note_sign(struct buf *out, const void *text, size_t len, const struct note_key *key, const uint8_t seed[ED25519_SEED_SIZE])
{
	uint8_t public_key[ED25519_KEY_SIZE], bytes[NOTE_ID_SIZE + ED25519_SIGNATURE_SIZE];

	if (key->type != NOTE_ED25519)
		return -EINVAL;
	ed25519_public_key(seed, public_key);
	if (memcmp(public_key, key->public_key, ED25519_KEY_SIZE) != 0)
		return -EKEYREJECTED;
	memcpy(bytes, key->id, NOTE_ID_SIZE);
	ed25519_sign(seed, text, len, bytes + NOTE_ID_SIZE);
	buf_printf(out, DASH "%s ", key->name);
	base64_add(out, bytes, sizeof(bytes));
	buf_add_char(out, '\n');
	return 0;
}

/* --- checkpoints --------------------------------------------------------------------------------- */

bool note_line(struct slice *rest, struct slice *ret)
{
	return cut(rest, '\n', ret);
}

int note_number(const struct slice *text, uint64_t *ret)
{
	uint64_t n = 0;

	if (!text->len || (text->data[0] == '0' && text->len > 1))
		return -EBADMSG;
	for (size_t i = 0; i < text->len; i++) {
		unsigned digit = (unsigned)text->data[i] - '0';

		if (digit > 9 || n > ((uint64_t)INT64_MAX - digit) / 10)
			return -EBADMSG;
		n = 10 * n + digit;
	}
	*ret = n;
	return 0;
}

static bool lines_valid(struct slice rest)
{
	struct slice line;

	while (cut(&rest, '\n', &line))
		if (!line.len)
			return false;
	return !rest.len;
}

static bool root_valid(const struct checkpoint *c)
{
	uint8_t empty[SHA256_SIZE];

	sha256("", 0, empty);
	return c->size || memcmp(c->root, empty, SHA256_SIZE) == 0;
}

int checkpoint_parse(const void *text, size_t len, struct checkpoint *ret)
{
	CLEANUP(buf_clear) struct buf root = { 0 };
	struct slice whole = { text, len }, rest = whole, size, base64;
	struct checkpoint found;

	if (!clean(&whole) || !cut(&rest, '\n', &found.origin) || !found.origin.len || !cut(&rest, '\n', &size) ||
		note_number(&size, &found.size) < 0 || !cut(&rest, '\n', &base64) ||
		base64_decode((const char *)base64.data, base64.len, &root) < 0 || root.len != SHA256_SIZE || !lines_valid(rest))
		return -EBADMSG;
	memcpy(found.root, root.data, SHA256_SIZE);
	found.extensions = rest;
	if (!root_valid(&found))
		return -EBADMSG;
	*ret = found;
	return 0;
}

int checkpoint_add(struct buf *out, const struct checkpoint *c)
{
	if (!c->origin.len || memchr(c->origin.data, '\n', c->origin.len) || !clean(&c->origin) || c->size > INT64_MAX || !root_valid(c) ||
		!clean(&c->extensions) || !lines_valid(c->extensions))
		return -EINVAL;
	buf_add(out, c->origin.data, c->origin.len);
	buf_printf(out, "\n%llu\n", (unsigned long long)c->size);
	base64_add(out, c->root, SHA256_SIZE);
	buf_add_char(out, '\n');
	buf_add(out, c->extensions.data, c->extensions.len);
	return 0;
}
