/* What a verified request says: unwrapped, taken apart, and put into our words. */
#include "common/adapter_hook_internal.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/hash.h"
#include "common/mime_html.h"
#include "common/mime_read.h"
#include "common/utc.h"

#define VALUE_MAX 16000 /* bytes of a reply's text */
#define JSON_VALUES_MAX 2000000 /* of a body, of 64 bytes each; 20,000 events have a tenth of that */
#define WORD_MAX 400
#define UNREAD_MAX 16000 /* bytes that are kept of an element that is no event */

/* --- values ------------------------------------------------------------------------------------------------------------------- */

/* Numbers as they are written; a fraction only as a time. */
static const char *scalar(const struct json *json, struct arena *arena)
{
	if (json->type == JSON_INT)
		return arena_printf(arena, "%lld", (long long)json_int(json));
	if (json->type == JSON_BOOL)
		return json_bool(json) ? "true" : "false";
	return json_str(json);
}

static const char *without_prefix(const char *text, const char *prefix)
{
	if (!text || !prefix)
		return text;
	return strncmp(text, prefix, strlen(prefix)) == 0 ? text + strlen(prefix) : NULL;
}

static const char *pointed(const struct json *root, const struct source *source, struct arena *arena)
{
	struct json value = pointer_get(root, source->name);

	for (size_t i = 0; value.type == JSON_ARRAY && i < json_len(&value); i++) {
		struct json one = json_at(&value, i);
		const char *text = without_prefix(scalar(&one, arena), source->prefix);

		if (text)
			return text;
	}
	return without_prefix(scalar(&value, arena), source->prefix);
}

static const char *text_of_mail(const char *mail, size_t len, struct arena *arena)
{
	CLEANUP(buf_clear) struct buf plain = { 0 };

	/* No mail is base64 as a whole: its headers have a colon. */
	return base64_decode(mail, len, &plain) == 0 ? mime_text(buf_str(&plain), plain.len, arena) : mime_text(mail, len, arena);
}

static const char *transformed(const struct source *source, const char *text, struct arena *arena)
{
	size_t len = text ? strlen(text) : 0;
	const char *end;

	if (source->mail)
		return text ? text_of_mail(text, len, arena) : NULL;
	if (source->html)
		return text ? mime_html_text(text, len, VALUE_MAX, arena) : NULL;
	if (source->address && text && (end = strrchr(text, '>')) && strrchr(text, '<') && strrchr(text, '<') < end) {
		text = strrchr(text, '<') + 1;
		return arena_memdup(arena, text, (size_t)(end - text));
	}
	if (source->phone && len > 2 && *text != '+' && !text[strspn(text, "0123456789")])
		return arena_printf(arena, "+%s", strncmp(text, "00", 2) == 0 ? text + 2 : text);
	if (source->transform == ID_STRIP_ANGLE && len > 2 && text[0] == '<' && text[len - 1] == '>')
		return arena_memdup(arena, text + 1, len - 2);
	if (source->transform == ID_BEFORE && text && (end = strchr(text, source->before)))
		return arena_memdup(arena, text, (size_t)(end - text));
	return text;
}

/* What is not listed stands for itself. */
static const char *translated(const struct source *source, const char *text)
{
	for (const char **w = source->words; w && *w && text; w += 2)
		if (strcmp(w[0], text) == 0)
			return w[1];
	return text;
}

int source_get(const struct hook_reading *reading, const struct source *source, const char **ret, struct err *err)
{
	const char *text = NULL;
	int r = 0;

	switch (source->kind) {
	case SOURCE_NONE:
		break;
	case SOURCE_HEADER:
		r = header_get(reading->request, source->name, &text, err);
		text = without_prefix(text, source->prefix);
		break;
	case SOURCE_QUERY:
		text = without_prefix(query_get(reading->request->url, source->name, reading->arena), source->prefix);
		break;
	case SOURCE_POINTER:
		text = reading->element ? pointed(reading->element, source, reading->arena) : NULL;
		break;
	case SOURCE_OUTER:
		text = reading->outer ? pointed(reading->outer, source, reading->arena) : NULL;
		break;
	}
	*ret = translated(source, transformed(source, text, reading->arena));
	return r;
}

/* --- the document ------------------------------------------------------------------------------------------------------------- */

/* What was attached, by what tells it from anything else; the bytes stay in the request. */
static void write_file(struct json_writer *w, const struct form_file *file)
{
	uint8_t digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];

	jw_object(w, NULL);
	jw_str(w, "name", file->name);
	jw_str(w, "type", file->type);
	if (file->data) {
		sha256(file->data, file->len, digest);
		jw_int(w, "bytes", (int64_t)file->len);
		jw_str(w, "sha256", hex_format(digest, sizeof(digest), hex));
	} else {
		jw_opt_int(w, "bytes", (int64_t)file->len);
	}
	jw_end_object(w);
}

static void write_files(struct json_writer *w, const struct form_file *files, size_t count)
{
	jw_array(w, FORM_FILES);
	for (size_t i = 0; i < count && i < HOOK_FILES_MAX; i++)
		write_file(w, &files[i]);
	if (count > HOOK_FILES_MAX)
		jw_int(w, NULL, (int64_t)(count - HOOK_FILES_MAX));
	jw_end_array(w);
}

/* What the form says of its own fields; an empty object where it says nothing that can be read. */
static struct json form_charsets(const char *field, const struct form_pair *pairs, size_t count, struct arena *arena)
{
	struct json ret = { 0 };

	for (size_t i = 0; field && i < count; i++)
		if (strcmp(pairs[i].name, field) == 0 && json_parse(arena, pairs[i].value, pairs[i].value_len, 0, &ret, NULL) < 0)
			ret = (struct json){ 0 };
	return ret;
}

/* A form, or a query, as an object; of a name that stands several times the first value. */
static int form_document(const struct hook *hook, const struct hook_request *request, struct arena *arena, struct json *ret, struct err *err)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct json_writer w = jw_init(&text);
	struct form_pair *pairs;
	struct form_file *files = NULL;
	struct json charsets, charset;
	size_t count, file_count = 0;
	int r = hook->form == FORM_QUERY ? form_decode(request->body, request->body_len, arena, &pairs, &count, err) :
						  form_fields(request, arena, &pairs, &count, &files, &file_count, err);

	if (r < 0)
		return r;
	charsets = form_charsets(hook->charsets, pairs, count, arena);
	jw_object(&w, NULL);
	if (file_count)
		write_files(&w, files, file_count);
	for (size_t i = 0; i < count; i++) {
		bool known = strcmp(pairs[i].name, FORM_FILES) == 0;

		if (memchr(pairs[i].name, '\0', pairs[i].name_len) || memchr(pairs[i].value, '\0', pairs[i].value_len))
			return err_set(err, -EBADMSG, "bad_form", "", "a field of the form has a NUL");
		for (size_t k = 0; k < i && !known; k++)
			known = strcmp(pairs[k].name, pairs[i].name) == 0;
		charset = json_get(&charsets, pairs[i].name);
		if (!known)
			jw_str(&w, pairs[i].name, json_str(&charset) ? mime_utf8(pairs[i].value, pairs[i].value_len, json_str(&charset), arena) :
								       pairs[i].value);
	}
	jw_end_object(&w);
	return json_parse(arena, buf_str(&text), text.len, 0, ret, err);
}

static int mail_document(const struct hook_request *request, struct arena *arena, struct json *ret, struct err *err)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct json_writer w = jw_init(&text);

	mime_document(&w, request->body, request->body_len, arena);
	return json_parse(arena, buf_str(&text), text.len, 0, ret, err);
}

static enum hook_form form_of(const struct hook *hook, const struct hook_request *request)
{
	if (hook->form != FORM_EITHER)
		return hook->form;
	return form_is(request, "application/x-www-form-urlencoded") || form_is(request, "multipart/form-data") ? FORM_FIELDS : FORM_JSON;
}

/* U+0000 within a text, which no text of ours can hold: as what cannot be shown. Of the same length; `*some`: there was one. */
static const char *without_nuls(const char *text, size_t len, struct arena *arena, bool *some)
{
	char *ret = arena_memdup(arena, text, len);

	*some = false;
	for (size_t i = 0; i + 1 < len; i++) {
		if (ret[i] != '\\')
			continue;
		if (len - i >= 6 && memcmp(ret + i, "\\u0000", 6) == 0) {
			memcpy(ret + i, "\\ufffd", 6);
			*some = true;
		}
		i++; /* what is escaped begins no escape */
	}
	return ret;
}

/* Where the element of a list that begins at `from` ends: at a comma or the list's end, outside of its strings and brackets. `len`: nowhere. */
static size_t element_end(const char *text, size_t len, size_t from)
{
	size_t depth = 0;
	bool string = false;

	for (size_t i = from; i < len; i++) {
		char c = text[i];

		if (string) {
			i += c == '\\';
			string = c != '"';
		} else if (c == '"') {
			string = true;
		} else if (!depth && (c == ',' || c == ']')) {
			return i;
		} else if (c == '[' || c == '{') {
			depth++;
		} else if ((c == ']' || c == '}') && depth) {
			depth--;
		}
	}
	return len;
}

/* As it can be read, and no more than is of use. */
static void quote(struct buf *out, const char *text, size_t len)
{
	CLEANUP(buf_clear) struct buf plain = { 0 };
	struct json_writer w = jw_init(out);

	for (const char *p = text, *end = text + (len < UNREAD_MAX ? len : UNREAD_MAX); p < end;) {
		size_t n = *p ? utf8_len(p, end) : 0;

		if (n)
			buf_add(&plain, p, n);
		else
			buf_add_char(&plain, '?');
		p += n ? n : 1;
	}
	jw_strn(&w, NULL, buf_str(&plain), plain.len);
}

/* The list with a text in the place of each element that is no JSON: the element as it stands there. False: it is no list. */
static bool quote_bad(const char *text, size_t len, struct buf *out)
{
	size_t at = strspn(text, " \t\r\n"), end;

	if (at >= len || text[at] != '[')
		return false;
	buf_add_char(out, '[');
	for (at++;; at = end + 1) {
		end = element_end(text, len, at);
		if (end >= len)
			return false;
		if (json_scan(text + at, end - at, JSON_FRACTIONS, NULL) == 0)
			buf_add(out, text + at, end - at);
		else
			quote(out, text + at, end - at);
		buf_add_char(out, text[end]);
		if (text[end] == ']')
			break;
	}
	end++;
	return end + strspn(text + end, " \t\r\n") == len;
}

/* Before anybody is verified. Those within texts are counted, too. */
static bool too_many(const char *body, size_t len)
{
	size_t count = 0;

	for (const char *at = body; at < body + len && count <= JSON_VALUES_MAX; at++)
		count += *at == ',' || *at == '[' || *at == '{';
	return count > JSON_VALUES_MAX;
}

/* Where one element cannot be read, the others are. `err` is that of the whole, when nothing helps. */
static int json_document(const struct hook *hook, const struct hook_request *request, struct arena *arena, struct json *ret, struct err *err)
{
	CLEANUP(buf_clear) struct buf quoted = { 0 };
	const char *text;
	struct err whole = { 0 };
	bool nuls;
	int r;

	if (too_many(request->body, request->body_len))
		return err_set(err, -EBADMSG, "too_many_values", "", "at most %d values", JSON_VALUES_MAX);
	r = json_parse(arena, request->body, request->body_len, JSON_FRACTIONS, ret, &whole);
	if (r == 0)
		return 0;
	text = without_nuls(request->body, request->body_len, arena, &nuls);
	if (nuls && json_parse(arena, text, request->body_len, JSON_FRACTIONS, ret, NULL) == 0)
		return 0;
	if (hook->verify.kind != VERIFY_NONE && quote_bad(text, request->body_len, &quoted) &&
		json_parse(arena, buf_str(&quoted), quoted.len, JSON_FRACTIONS, ret, NULL) == 0)
		return 0;
	return err_set(err, r, whole.code, whole.path, "%s", whole.text);
}

int hook_document(const struct hook *hook, const struct hook_request *request, struct arena *arena, struct json **ret, struct err *err)
{
	struct json *json = arena_alloc(arena, sizeof(*json));
	int r;

	switch (form_of(hook, request)) {
	case FORM_MAIL:
		r = mail_document(request, arena, json, err);
		break;
	case FORM_JSON:
		r = json_document(hook, request, arena, json, err);
		break;
	default:
		r = form_document(hook, request, arena, json, err);
	}
	if (r == 0)
		*ret = json;
	return r;
}

/* The same object with the JSON that stands in the text of a member in its place. 1, 0: there is no such text. */
static int read_member(struct json *json, const char *name, struct arena *arena, struct err *err)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct json_writer w = jw_init(&text);
	struct json inner, value = json_get(json, name);
	const char *key;
	int r;

	if (!json_str(&value))
		return 0;
	r = json_parse(arena, json_str(&value), strlen(json_str(&value)), JSON_FRACTIONS, &inner, err);
	if (r < 0)
		return r;
	jw_object(&w, NULL);
	for (size_t i = 0; json_member(json, &i, &key, &value);)
		jw_json(&w, key, strcmp(key, name) == 0 ? &inner : &value);
	jw_end_object(&w);
	r = json_parse(arena, buf_str(&text), text.len, JSON_FRACTIONS, json, err);
	return r < 0 ? r : 1;
}

/* 1: *json is what lies inside, 0: there is nothing inside. */
static int unwrap(const struct unwrap *unwrap, struct arena *arena, struct json *json, struct err *err)
{
	for (size_t i = 0; i < unwrap->count; i++) {
		const struct unwrap_step *step = &unwrap->steps[i];
		struct json at = step->kind == STEP_SINGLE || step->kind == STEP_READ ? *json : pointer_get(json, step->pointer);
		const char *key, *text;
		size_t first = 0;
		int r;

		if (step->kind == STEP_READ) {
			if (json->type != JSON_OBJECT)
				return 0;
			r = read_member(json, step->pointer, arena, err);
			if (r <= 0)
				return r;
			continue;
		}
		if (at.type == JSON_NONE)
			return 0;
		if (step->kind == STEP_SINGLE) {
			if (at.type != JSON_OBJECT || json_len(&at) != 1 || !json_member(&at, &first, &key, json))
				return 0;
		} else if (step->kind == STEP_TEXT) {
			text = json_str(&at);
			if (!text)
				return 0;
			r = json_parse(arena, text, strlen(text), JSON_FRACTIONS, json, err);
			if (r < 0)
				return r;
		} else {
			*json = at;
		}
		json->parent = NULL; /* it pointed to a value of this loop */
		json->key = NULL;
	}
	return 1;
}

/* --- one event ---------------------------------------------------------------------------------------------------------------- */

/* At most `max` bytes, whole characters. */
static const char *cut(struct arena *arena, const char *text, size_t max)
{
	size_t len = text ? strlen(text) : 0;

	if (len <= max)
		return text;
	for (len = max; len && ((unsigned char)text[len] & 0xc0) == 0x80;)
		len--;
	return arena_memdup(arena, text, len);
}

/* The first that is there. */
static const char *first_text(const struct hook_reading *reading, const struct source_list *list, size_t max)
{
	for (size_t i = 0; i < list->count; i++) {
		const char *text = NULL;

		if (source_get(reading, &list->sources[i], &text, NULL) == 0 && text && *text)
			return cut(reading->arena, text, max);
	}
	return NULL;
}

/* All that are there, with '/' between: "failed/permanent". */
static const char *joined(const struct hook_reading *reading, const struct source_list *list)
{
	const char *ret = NULL;

	for (size_t i = 0; i < list->count; i++) {
		const char *text = NULL;

		if (source_get(reading, &list->sources[i], &text, NULL) == 0 && text && *text)
			ret = ret ? arena_printf(reading->arena, "%s/%s", ret, text) : text;
	}
	return ret;
}

/* Ours are 26 characters of Crockford's base 32: what is none may be another system's. */
static const char *our_id(const struct hook_reading *reading, const struct source_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const char *text = NULL;

		if (source_get(reading, &list->sources[i], &text, NULL) == 0 && text && strlen(text) == ATTEMPT_ID_SIZE - 1 &&
			!text[strspn(text, "0123456789ABCDEFGHJKMNPQRSTVWXYZ")])
			return text;
	}
	return NULL;
}

/* Printable ASCII and of sane length, or it is none. */
static const char *their_id(const struct hook_reading *reading, const struct source_list *list)
{
	const char *text = first_text(reading, list, 200);

	for (const char *p = text; p && *p; p++)
		if (*p <= ' ' || *p > '~')
			return NULL;
	return text;
}

/* RFC 3339 as some write it: a blank for the T, no zone for UTC, a zone without its colon, or of hours alone. */
static int loose_parse(const char *text, int64_t *ret)
{
	char copy[40];
	size_t len = strlen(text);
	bool zone;

	if (len < 19 || len + 4 > sizeof(copy))
		return -EINVAL;
	memcpy(copy, text, len + 1);
	if (copy[10] == ' ')
		copy[10] = 'T';
	zone = strpbrk(copy + 19, "Zz+-");
	if (!zone) {
		memcpy(copy + len, "Z", 2);
	} else if (len >= 24 && (copy[len - 5] == '+' || copy[len - 5] == '-')) {
		memmove(copy + len - 1, copy + len - 2, 3);
		copy[len - 2] = ':';
	} else if (len >= 22 && (copy[len - 3] == '+' || copy[len - 3] == '-')) {
		memcpy(copy + len, ":00", 4);
	}
	return utc_parse(copy, ret);
}

/* Seconds or milliseconds, also with a fraction, RFC 3339 or near it, or as in mail. 0: not told. */
static int64_t text_time(const char *text)
{
	int64_t at = 0;
	char *end;

	if (utc_parse(text, &at) == 0 || loose_parse(text, &at) == 0 || http_date_parse(text, &at) == 0)
		return at > 0 ? at : 0;
	at = strtoll(text, &end, 10);
	if (*end || at <= 0 || strlen(text) > 15)
		return 0;
	return at < INT64_C(100000000000) ? at * 1000 : at;
}

static int64_t fraction_time(double seconds)
{
	return seconds > 0 && seconds < 1e11 ? (int64_t)(seconds * 1000) : 0;
}

int time_read(const struct json *value, int64_t *ret)
{
	char digits[24];
	const char *text = json_str(value);

	if (value->type == JSON_INT) {
		snprintf(digits, sizeof(digits), "%lld", (long long)json_int(value));
		text = digits;
	}
	*ret = value->type == JSON_DOUBLE ? fraction_time(json_double(value)) : text && *text ? text_time(text) : 0;
	return *ret ? 0 : -EBADMSG;
}

static int64_t time_at(const struct hook_reading *reading, const struct source *source)
{
	const struct json *root = source->kind == SOURCE_OUTER ? reading->outer : reading->element;
	struct json value = source->kind == SOURCE_POINTER || source->kind == SOURCE_OUTER ? pointer_get(root, source->name) :
											     (struct json){ 0 };
	const char *text = NULL;

	if (value.type == JSON_DOUBLE)
		return fraction_time(json_double(&value));
	return source_get(reading, source, &text, NULL) < 0 || !text || !*text ? 0 : text_time(text);
}

static int64_t event_time(const struct hook_reading *reading, const struct source_list *list)
{
	int64_t at = 0;

	for (size_t i = 0; i < list->count && !at; i++)
		at = time_at(reading, &list->sources[i]);
	return at;
}

static enum hook_word look_up(const struct hook *hook, const char *said)
{
	for (size_t i = 0; i < hook->word_count; i++) {
		const struct word_row *row = &hook->words[i];

		if (row->any ? strncmp(row->said, said, strlen(row->said)) == 0 : strcmp(row->said, said) == 0)
			return row->word;
	}
	return HOOK_OTHER;
}

static bool any_stands(const struct stop_rule *rules, size_t count, const struct hook_reading *reading)
{
	for (size_t i = 0; i < count; i++) {
		const char *text = NULL;

		if (source_get(reading, &rules[i].source, &text, NULL) == 0 && text && strcasecmp(text, rules[i].value) == 0)
			return true;
	}
	return false;
}

/* By what the provider calls it, or by all that it says. A header's id names the request, in which this is the i-th. */
static const char *event_id(const struct hook *hook, const struct hook_reading *reading, size_t i, const struct hook_event *event)
{
	const char *told = joined(reading, &hook->id);
	CLEANUP(buf_clear) struct buf text = { 0 };
	uint8_t digest[SHA256_SIZE];
	bool request = false;

	for (size_t k = 0; k < hook->id.count; k++)
		request |= hook->id.sources[k].kind == SOURCE_HEADER || hook->id.sources[k].kind == SOURCE_OUTER;
	buf_add_str(&text, hook->path);
	buf_add_char(&text, '\n');
	if (told && request && i)
		buf_printf(&text, "%zu\n", i);
	if (told)
		buf_add_str(&text, told);
	else
		buf_add(&text, event->raw, event->raw_len);
	sha256(text.data, text.len, digest);
	return hex_format(digest, sizeof(digest), arena_alloc(reading->arena, HOOK_ID_SIZE));
}

static const char *file_text(const struct hook_reading *one, const struct source *source)
{
	const char *text = NULL;

	return source->kind && source_get(one, source, &text, NULL) == 0 && text ? cut(one->arena, text, WORD_MAX) : "";
}

/* Of a form its own list; else what the file points to. NULL: nothing was attached. */
static const char *event_files(const struct hook *hook, const struct hook_reading *reading)
{
	struct json list = form_of(hook, reading->request) == FORM_FIELDS && !hook->files ? json_get(reading->element, FORM_FILES) :
			   hook->files			       ? pointer_get(reading->element, hook->files) :
								 (struct json){ 0 };
	CLEANUP(buf_clear) struct buf out = { 0 };
	struct json_writer w = jw_init(&out);
	size_t named = 0;

	if (list.type != JSON_ARRAY || !json_len(&list))
		return NULL;
	if (!hook->files) {
		json_write(&out, &list);
		return arena_memdup(reading->arena, buf_str(&out), out.len);
	}
	jw_array(&w, NULL);
	for (size_t i = 0; i < json_len(&list); i++) {
		struct json element = json_at(&list, i);
		struct hook_reading one = { .request = reading->request, .arena = reading->arena, .outer = reading->element, .element = &element };
		struct form_file file = { .name = file_text(&one, &hook->file_name), .type = file_text(&one, &hook->file_type) };
		CLEANUP(buf_clear) struct buf bytes = { 0 };
		const char *content = NULL;

		if (element.type != JSON_OBJECT || !*file.name || named++ >= HOOK_FILES_MAX)
			continue;
		file.len = (size_t)strtoull(file_text(&one, &hook->file_bytes), NULL, 10);
		if (hook->file_content.kind && source_get(&one, &hook->file_content, &content, NULL) == 0 && content &&
			base64_decode(content, strlen(content), &bytes) == 0) {
			file.data = buf_str(&bytes);
			file.len = bytes.len;
		}
		write_file(&w, &file);
	}
	if (named > HOOK_FILES_MAX)
		jw_int(&w, NULL, (int64_t)(named - HOOK_FILES_MAX));
	jw_end_array(&w);
	return named ? arena_memdup(reading->arena, buf_str(&out), out.len) : NULL;
}

static void read_event(const struct hook *hook, const struct hook_reading *reading, size_t i, struct hook_event *ret)
{
	CLEANUP(buf_clear) struct buf raw = { 0 };

	const char *said = joined(reading, &hook->type);

	*ret = (struct hook_event){ .said = said ? cut(reading->arena, said, WORD_MAX) : "" };
	ret->word = look_up(hook, ret->said);
	if (ret->word == HOOK_REPLIED && any_stands(hook->stops, hook->stop_count, reading))
		ret->word = HOOK_STOPPED;
	ret->announced = ret->word == HOOK_REPLIED && any_stands(hook->paids, hook->paid_count, reading);
	json_write(&raw, reading->element);
	ret->raw = arena_memdup(reading->arena, buf_str(&raw), raw.len);
	ret->raw_len = raw.len;
	ret->attempt_id = our_id(reading, &hook->attempt);
	ret->message_id = their_id(reading, &hook->message);
	ret->at = event_time(reading, &hook->time);
	ret->reason = first_text(reading, &hook->reason, WORD_MAX);
	ret->address = first_text(reading, &hook->address, 254);
	ret->recipient = first_text(reading, &hook->recipient, 254);
	ret->text = first_text(reading, &hook->text, VALUE_MAX);
	ret->files = event_files(hook, reading);
	ret->id = event_id(hook, reading, i, ret);
}

/* A text is such an element as it stands, or was a text there. */
static void read_odd(const struct hook *hook, const struct hook_reading *reading, size_t i, const struct json *element, struct hook_event *ret)
{
	CLEANUP(buf_clear) struct buf raw = { 0 };
	struct err err = { 0 };

	if (json_str(element))
		quote(&raw, json_str(element), strlen(json_str(element)));
	else if (element->type == JSON_NONE || element->type == JSON_NULL)
		buf_add_str(&raw, "null");
	else
		json_write(&raw, element);
	if (!json_str(element) || json_scan(json_str(element), strlen(json_str(element)), JSON_FRACTIONS, &err) == 0)
		(void)err_set(&err, -EBADMSG, "wrong_type", "", "an event must be an object");
	*ret = (struct hook_event){ .word = HOOK_OTHER, .said = "", .unread = true, .reason = arena_strdup(reading->arena, err.text),
		.raw = arena_memdup(reading->arena, buf_str(&raw), raw.len), .raw_len = raw.len };
	ret->id = event_id(hook, reading, i, ret);
}

static bool is_notification(const struct json *document)
{
	struct json type = json_get(document, "Type");

	return json_str(&type) && strcmp(json_str(&type), "Notification") == 0;
}

const char *hook_asks(const struct hook *hook, const struct hook_request *request, struct arena *arena)
{
	struct json *document, value;
	const char *url, *host, *end;

	if (hook->verify.kind != VERIFY_SNS || hook_document(hook, request, arena, &document, NULL) < 0 || is_notification(document))
		return NULL;
	value = json_get(document, "SubscribeURL");
	url = json_str(&value);
	if (!url || strncmp(url, "https://sns.", 12) != 0)
		return NULL;
	for (const unsigned char *p = (const unsigned char *)url; *p; p++)
		if (*p <= ' ' || *p >= 0x7f)
			return NULL;
	host = url + 8;
	end = host + strcspn(host, "/?#@:\\");
	return *end == '/' && end - host > 14 && strncmp(end - 14, ".amazonaws.com", 14) == 0 ? url : NULL;
}

int hook_read(const struct hook *hook, const struct hook_request *request, struct arena *arena, struct hook_event **ret, size_t *count,
	struct err *err)
{
	struct hook_reading reading = { .request = request, .arena = arena };
	struct json *document, outer, list;
	size_t elements;
	int r = hook_document(hook, request, arena, &document, err);

	*count = 0;
	if (r < 0)
		return r;
	if (hook->verify.kind == VERIFY_SNS && !is_notification(document))
		return 0;
	outer = *document;
	r = unwrap(&hook->unwrap, arena, &outer, err);
	if (r <= 0)
		return r;
	list = pointer_get(&outer, hook->each);
	elements = list.type == JSON_ARRAY ? json_len(&list) : list.type == JSON_NONE ? 0 : 1;
	if (elements > HOOK_EVENTS_MAX)
		return err_set(err, -EBADMSG, "too_long", "$", "a request tells at most %d events", HOOK_EVENTS_MAX);
	*ret = arena_alloc(arena, (elements + 1) * sizeof(**ret));
	reading.outer = &outer;
	for (size_t i = 0; i < elements; i++) {
		struct json element = list.type == JSON_ARRAY ? json_at(&list, i) : list, odd = element;
		bool others = list.type == JSON_ARRAY && hook->verify.kind != VERIFY_NONE; /* anybody must not make dead letters */

		r = element.type == JSON_OBJECT ? unwrap(&hook->element, arena, &element, others ? NULL : err) :
						  err_set(others ? NULL : err, -EBADMSG, "wrong_type", "$", "an event must be an object");
		if (r < 0 && !others)
			return r;
		reading.element = NULL;
		if (r < 0)
			read_odd(hook, &reading, i, &odd, &(*ret)[(*count)++]);
		if (r <= 0)
			continue; /* 0: a ping */
		reading.element = &element;
		read_event(hook, &reading, i, &(*ret)[(*count)++]);
	}
	return 0;
}
