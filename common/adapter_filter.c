/* The filters of value templates: {to.phone|e164}, {text|trunc:160}. Each turns one value into another or says -EBADMSG. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/adapter_internal.h"
#include "common/date.h"
#include "common/hash.h"
#include "common/sms.h"
#include "common/utc.h"

#define SCALARS (KIND(VALUE_STRING) | KIND(VALUE_INT) | KIND(VALUE_BOOL))

const char *value_string(const struct scope *scope, const struct value *v)
{
	if (v->kind == VALUE_INT)
		return arena_printf(scope->arena, "%lld", (long long)v->n);
	if (v->kind == VALUE_BOOL)
		return v->n ? "true" : "false";
	return v->s;
}

static struct value text_of(const char *s)
{
	return (struct value){ .kind = VALUE_STRING, .s = s };
}

static int filter_e164(const struct scope *scope, const char *arg, struct value *v)
{
	char *out = arena_alloc(scope->arena, strlen(v->s) + 2);
	const char *p = v->s;
	size_t n = 0;

	(void)arg;
	if (strncmp(p, "00", 2) == 0) {
		out[n++] = '+';
		p += 2;
	}
	for (; *p; p++) {
		if (!strchr(" -.()/", *p))
			out[n++] = *p;
	}
	v->s = out;
	return phone_valid(out) ? 0 : -EBADMSG;
}

static int filter_digits(const struct scope *scope, const char *arg, struct value *v)
{
	const char *s = value_string(scope, v);
	char *out = arena_alloc(scope->arena, strlen(s) + 1);
	size_t n = 0;

	(void)arg;
	for (; *s; s++) {
		if (*s >= '0' && *s <= '9')
			out[n++] = *s;
	}
	*v = text_of(out);
	return n > 0 ? 0 : -EBADMSG;
}

void url_escape(struct buf *buf, const char *s)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

	for (; *s; s++) {
		if (strchr(plain, *s))
			buf_add_char(buf, *s);
		else
			buf_printf(buf, "%%%02X", (unsigned char)*s);
	}
}

static int filter_query(const struct scope *scope, const char *arg, struct value *v)
{
	CLEANUP(buf_clear) struct buf out = { 0 };

	(void)arg;
	url_escape(&out, value_string(scope, v));
	*v = text_of(arena_memdup(scope->arena, buf_str(&out), out.len));
	return 0;
}

/* One segment: an empty one, "." and ".." would make another path of it. */
static int filter_path(const struct scope *scope, const char *arg, struct value *v)
{
	const char *s = value_string(scope, v);

	if (!*s || strcmp(s, ".") == 0 || strcmp(s, "..") == 0)
		return -EBADMSG;
	return filter_query(scope, arg, v);
}

static int filter_base64(const struct scope *scope, const char *arg, struct value *v)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	const char *s = v->kind == VALUE_BYTES ? v->s : value_string(scope, v);

	(void)arg;
	base64_add(&out, s, v->kind == VALUE_BYTES ? v->count : strlen(s));
	*v = text_of(arena_memdup(scope->arena, buf_str(&out), out.len));
	return 0;
}

static int filter_sha256(const struct scope *scope, const char *arg, struct value *v)
{
	const char *s = v->kind == VALUE_BYTES ? v->s : value_string(scope, v);
	uint8_t digest[SHA256_SIZE];

	(void)arg;
	sha256(s, v->kind == VALUE_BYTES ? v->count : strlen(s), digest);
	*v = text_of(hex_format(digest, sizeof(digest), arena_alloc(scope->arena, 2 * sizeof(digest) + 1)));
	return 0;
}

/* For what goes into XML or HTML. Characters that XML 1.0 (section 2.2) does not have are refused. */
static int filter_xml(const struct scope *scope, const char *arg, struct value *v)
{
	static const struct {
		char c;
		const char *name;
	} names[] = { { '&', "&amp;" }, { '<', "&lt;" }, { '>', "&gt;" }, { '"', "&quot;" }, { '\'', "&#39;" } };
	CLEANUP(buf_clear) struct buf out = { 0 };

	(void)arg;
	for (const char *p = value_string(scope, v); *p; p++) {
		size_t i = 0;

		if ((unsigned char)*p < 0x20 && !strchr("\t\n\r", *p))
			return -EBADMSG;
		while (i < ARRAY_LEN(names) && names[i].c != *p)
			i++;
		if (i < ARRAY_LEN(names))
			buf_add_str(&out, names[i].name);
		else
			buf_add_char(&out, *p);
	}
	*v = text_of(arena_memdup(scope->arena, buf_str(&out), out.len));
	return 0;
}

/* RFC 9562 section 5.8, but for the version's digit: some take no other than 4. The same text gives the same one. */
static int filter_uuid(const struct scope *scope, const char *arg, struct value *v)
{
	uint8_t digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];

	(void)arg;
	sha256(v->s, strlen(v->s), digest);
	digest[6] = (uint8_t)(0x40 | (digest[6] & 0x0f));
	digest[8] = (uint8_t)(0x80 | (digest[8] & 0x3f));
	(void)hex_format(digest, sizeof(digest), hex);
	v->s = arena_printf(scope->arena, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
	return 0;
}

/* What stands for the first `len` bytes of the word; NULL: nothing. */
static const char *table_word(const struct table *table, const char *word, size_t len)
{
	for (size_t i = 0; i < table->count; i++)
		if (strncmp(table->pairs[2 * i], word, len) == 0 && !table->pairs[2 * i][len])
			return table->pairs[2 * i + 1];
	return NULL;
}

/* "fr-CA", else "fr", else "*". */
static int filter_table(const struct scope *scope, const char *arg, struct value *v)
{
	const struct table *table = table_find(scope->adapter, arg);
	const char *found = table_word(table, v->s, strlen(v->s));

	if (!found && strchr(v->s, '-'))
		found = table_word(table, v->s, strcspn(v->s, "-"));
	v->s = found ? found : table_word(table, "*", 1);
	return v->s ? 0 : -EBADMSG;
}

/* "a:b": a when the text needs nothing beyond the default alphabet of SMS, else b. */
static int filter_gsm7(const struct scope *scope, const char *arg, struct value *v)
{
	const char *colon = strchr(arg, ':');

	if (!colon)
		return -EBADMSG;
	*v = text_of(sms_measure(v->s).gsm7 ? arena_memdup(scope->arena, arg, (size_t)(colon - arg)) : colon + 1);
	return 0;
}

/* The last n characters. */
static int filter_last(const struct scope *scope, const char *arg, struct value *v)
{
	long keep = strtol(arg, NULL, 10);
	const char *p = v->s + strlen(v->s);

	(void)scope;
	while (p > v->s && keep > 0) {
		p--;
		if (((unsigned char)*p & 0xc0) != 0x80)
			keep--;
	}
	v->s = p;
	return 0;
}

static int filter_json(const struct scope *scope, const char *arg, struct value *v)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	struct json_writer w = jw_init(&out);

	(void)arg;
	value_write(&w, NULL, v);
	*v = text_of(arena_memdup(scope->arena, buf_str(&out), out.len));
	return 0;
}

/* "Name" <a@b>, the name as an RFC 5322 quoted string. */
static int filter_address(const struct scope *scope, const char *arg, struct value *v)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	const struct party *party = v->party;

	(void)arg;
	if (!party->email) {
		*v = (struct value){ 0 };
		return 0;
	}
	if (party->name && *party->name) {
		buf_add_char(&out, '"');
		for (const char *p = party->name; *p; p++) {
			if (*p == '"' || *p == '\\')
				buf_add_char(&out, '\\');
			buf_add_char(&out, *p);
		}
		buf_printf(&out, "\" <%s>", party->email);
	} else {
		buf_add_str(&out, party->email);
	}
	*v = text_of(arena_memdup(scope->arena, buf_str(&out), out.len));
	return 0;
}

#define WORD_BYTES 45 /* an encoded word has at most 75 characters: RFC 2047 section 2 */

static bool is_ascii(const char *s)
{
	for (; *s; s++) {
		if ((unsigned char)*s >= 0x80)
			return false;
	}
	return true;
}

/* =?UTF-8?B?...?= words, each of whole characters. */
static void add_encoded_words(struct buf *out, const char *s)
{
	while (*s) {
		size_t len = strlen(s) < WORD_BYTES ? strlen(s) : WORD_BYTES;

		while (len < strlen(s) && ((unsigned char)s[len] & 0xc0) == 0x80)
			len--;
		buf_add_str(out, "=?UTF-8?B?");
		base64_add(out, s, len);
		buf_add_str(out, "?=");
		s += len;
		if (*s)
			buf_add_char(out, ' ');
	}
}

/* For those who pass an address on as it is: a name beyond ASCII as RFC 2047 has it. */
static int filter_mime_address(const struct scope *scope, const char *arg, struct value *v)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	const struct party *party = v->party;

	if (!party->email || !party->name || is_ascii(party->name))
		return filter_address(scope, arg, v);
	add_encoded_words(&out, party->name);
	buf_printf(&out, " <%s>", party->email);
	*v = text_of(arena_memdup(scope->arena, buf_str(&out), out.len));
	return 0;
}

static int filter_join(const struct scope *scope, const char *arg, struct value *v)
{
	CLEANUP(buf_clear) struct buf out = { 0 };

	for (size_t i = 0; i < v->count; i++) {
		if (i > 0)
			buf_add_str(&out, arg);
		buf_add_str(&out, v->items[i]);
	}
	*v = text_of(arena_memdup(scope->arena, buf_str(&out), out.len));
	return 0;
}

/* At most n characters (code points), never half of one. */
static int filter_trunc(const struct scope *scope, const char *arg, struct value *v)
{
	long left = strtol(arg, NULL, 10);
	const char *p = v->s;

	for (; *p; p++) {
		if (((unsigned char)*p & 0xc0) != 0x80 && left-- == 0)
			break;
	}
	v->s = arena_memdup(scope->arena, v->s, (size_t)(p - v->s));
	return 0;
}

static int filter_int(const struct scope *scope, const char *arg, struct value *v)
{
	char *end;

	(void)scope;
	(void)arg;
	if (v->kind == VALUE_STRING) {
		errno = 0;
		*v = (struct value){ .kind = VALUE_INT, .n = strtoll(v->s, &end, 10), .s = v->s };
		if (errno || end == v->s || *end || strchr(" \t\n\v\f\r+", *v->s))
			return -EBADMSG;
	}
	return 0;
}

static int filter_bool(const struct scope *scope, const char *arg, struct value *v)
{
	(void)scope;
	(void)arg;
	if (v->kind == VALUE_STRING) {
		bool yes = strcmp(v->s, "true") == 0 || strcmp(v->s, "1") == 0;

		if (!yes && *v->s && strcmp(v->s, "false") != 0 && strcmp(v->s, "0") != 0)
			return -EBADMSG;
		*v = (struct value){ .kind = VALUE_BOOL, .n = yes };
	} else {
		*v = (struct value){ .kind = VALUE_BOOL, .n = v->n != 0 };
	}
	return 0;
}

static int filter_iso8601(const struct scope *scope, const char *arg, struct value *v)
{
	char text[UTC_TEXT_SIZE];

	(void)arg;
	*v = text_of(arena_strdup(scope->arena, utc_format(v->n, text)));
	return 0;
}

static int filter_date(const struct scope *scope, const char *arg, struct value *v)
{
	char text[DATE_TEXT_SIZE];

	(void)arg;
	*v = text_of(arena_strdup(scope->arena,
		date_format((date){ (int32_t)(v->n / DAY_MS) }, text)));
	return 0;
}

static int filter_epoch(const struct scope *scope, const char *arg, struct value *v)
{
	(void)scope;
	(void)arg;
	v->n /= SECOND_MS;
	return 0;
}

static const struct filter_row filters[] = {
	{ "e164", KIND(VALUE_STRING), VALUE_STRING, ARG_NONE, filter_e164 },
	{ "digits", KIND(VALUE_STRING) | KIND(VALUE_INT), VALUE_STRING, ARG_NONE, filter_digits },
	{ "path", SCALARS, VALUE_STRING, ARG_NONE, filter_path },
	{ "query", SCALARS, VALUE_STRING, ARG_NONE, filter_query },
	{ "base64", SCALARS | KIND(VALUE_BYTES), VALUE_STRING, ARG_NONE, filter_base64 },
	{ "sha256", SCALARS | KIND(VALUE_BYTES), VALUE_STRING, ARG_NONE, filter_sha256 },
	{ "xml", SCALARS, VALUE_STRING, ARG_NONE, filter_xml },
	{ "uuid", KIND(VALUE_STRING), VALUE_STRING, ARG_NONE, filter_uuid },
	{ "table", KIND(VALUE_STRING), VALUE_STRING, ARG_TABLE, filter_table },
	{ "gsm7", KIND(VALUE_STRING), VALUE_STRING, ARG_CHOICE, filter_gsm7 },
	{ "last", KIND(VALUE_STRING), VALUE_STRING, ARG_NUMBER, filter_last },
	{ "json", ~(KIND(VALUE_BYTES) | KIND(VALUE_FILES)), VALUE_STRING, ARG_NONE, filter_json },
	{ "address", KIND(VALUE_PARTY), VALUE_STRING, ARG_NONE, filter_address },
	{ "mime_address", KIND(VALUE_PARTY), VALUE_STRING, ARG_NONE, filter_mime_address },
	{ "join", KIND(VALUE_LIST), VALUE_STRING, ARG_TEXT, filter_join },
	{ "trunc", KIND(VALUE_STRING), VALUE_STRING, ARG_NUMBER, filter_trunc },
	{ "int", KIND(VALUE_STRING) | KIND(VALUE_INT), VALUE_INT, ARG_NONE, filter_int },
	{ "bool", SCALARS, VALUE_BOOL, ARG_NONE, filter_bool },
	{ "date", KIND(VALUE_INT), VALUE_STRING, ARG_NONE, filter_date },
	{ "iso8601", KIND(VALUE_INT), VALUE_STRING, ARG_NONE, filter_iso8601 },
	{ "epoch", KIND(VALUE_INT), VALUE_INT, ARG_NONE, filter_epoch },
};

const struct filter_row *filter_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(filters); i++) {
		if (strcmp(filters[i].name, name) == 0)
			return &filters[i];
	}
	return NULL;
}
