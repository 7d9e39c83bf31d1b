#include "tests/support/schema.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/buf.h"

static struct json member(const struct json *object, const char *key)
{
	struct json value = json_get(object, key);

	value.parent = NULL;
	value.key = NULL;
	return value;
}

/* "#/components/schemas/x" */
static struct json resolve(const struct json *root, const struct json *schema, struct arena *arena)
{
	struct json at = *schema, ref = member(schema, "$ref");
	const char *text = json_str(&ref);

	if (!text || strncmp(text, "#/", 2) != 0)
		return at;
	at = *root;
	for (char *rest = arena_strdup(arena, text + 2), *token; (token = strsep(&rest, "/"));)
		at = member(&at, token);
	return resolve(root, &at, arena);
}

static bool has_type(const struct json *value, const char *type)
{
	switch (value->type) {
	case JSON_OBJECT:
		return strcmp(type, "object") == 0;
	case JSON_ARRAY:
		return strcmp(type, "array") == 0;
	case JSON_STRING:
		return strcmp(type, "string") == 0;
	case JSON_BOOL:
		return strcmp(type, "boolean") == 0;
	case JSON_INT:
		return strcmp(type, "integer") == 0 || strcmp(type, "number") == 0;
	case JSON_DOUBLE:
		return strcmp(type, "number") == 0;
	default:
		return false;
	}
}

static size_t characters(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

/* POSIX knows no (?: and no \d; a pattern that needs them is passed over. */
static bool pattern_fits(const char *pattern, const char *text)
{
	regex_t compiled;
	bool fits;

	if (strstr(pattern, "(?") || strstr(pattern, "\\d") || strstr(pattern, "\\w") || regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB))
		return true;
	fits = regexec(&compiled, text, 0, NULL, 0) == 0;
	regfree(&compiled);
	return fits;
}

static bool bound(const struct json *schema, const char *key, int64_t *ret)
{
	struct json value = member(schema, key);

	*ret = json_int(&value);
	return value.type == JSON_INT;
}

static const char *check_string(const struct json *schema, const char *text, const char *where, struct arena *arena)
{
	struct json pattern = member(schema, "pattern");
	int64_t n;

	if ((bound(schema, "minLength", &n) && characters(text) < (size_t)n) || (bound(schema, "maxLength", &n) && characters(text) > (size_t)n))
		return arena_printf(arena, "%s: the length of \"%s\"", where, text);
	if (json_str(&pattern) && !pattern_fits(json_str(&pattern), text))
		return arena_printf(arena, "%s: \"%s\" does not fit %s", where, text, json_str(&pattern));
	return "";
}

static const char *check_enum(const struct json *schema, const struct json *value, const char *where, struct arena *arena)
{
	CLEANUP(buf_clear) struct buf mine = { 0 };
	struct json list = member(schema, "enum");

	if (list.type != JSON_ARRAY)
		return "";
	json_write(&mine, value);
	for (size_t i = 0; i < json_len(&list); i++) {
		CLEANUP(buf_clear) struct buf theirs = { 0 };
		struct json item = json_at(&list, i);

		json_write(&theirs, &item);
		if (strcmp(buf_str(&mine), buf_str(&theirs)) == 0)
			return "";
	}
	return arena_printf(arena, "%s: %s is not one of those listed", where, buf_str(&mine));
}

static const char *check_array(const struct json *root, const struct json *schema, const struct json *value, const char *where,
	struct arena *arena)
{
	struct json items = member(schema, "items");
	const char *wrong = "";
	int64_t n;

	if ((bound(schema, "minItems", &n) && json_len(value) < (size_t)n) || (bound(schema, "maxItems", &n) && json_len(value) > (size_t)n))
		return arena_printf(arena, "%s: the number of items", where);
	for (size_t i = 0; !*wrong && items.type == JSON_OBJECT && i < json_len(value); i++) {
		struct json item = json_at(value, i);

		wrong = schema_check(root, &items, &item, arena_printf(arena, "%s[%zu]", where, i), arena);
	}
	return wrong;
}

static const char *check_object(const struct json *root, const struct json *schema, const struct json *value, const char *where,
	struct arena *arena)
{
	struct json required = member(schema, "required"), properties = member(schema, "properties"), other = member(schema, "additionalProperties"),
		    item, inner;
	const char *key, *wrong = "";

	for (size_t i = 0; i < json_len(&required); i++) {
		item = json_at(&required, i);
		if (!json_has(value, json_str(&item)))
			return arena_printf(arena, "%s lacks %s", where, json_str(&item));
	}
	for (size_t i = 0; !*wrong && json_member(value, &i, &key, &item);) {
		const char *name = arena_printf(arena, "%s.%s", where, key);

		inner = member(&properties, key);
		if (inner.type != JSON_NONE)
			wrong = schema_check(root, &inner, &item, name, arena);
		else if (other.type == JSON_OBJECT)
			wrong = schema_check(root, &other, &item, name, arena);
		else if (other.type == JSON_BOOL && !json_bool(&other))
			wrong = arena_printf(arena, "%s is not described", name);
	}
	return wrong;
}

static const char *check_choices(const struct json *root, const struct json *schema, const struct json *value, const char *where,
	struct arena *arena)
{
	struct json all = member(schema, "allOf"), any = member(schema, "anyOf"), one = member(schema, "oneOf"), item;
	const char *wrong = "", *last = "";
	size_t fits = 0;

	for (size_t i = 0; !*wrong && i < json_len(&all); i++) {
		item = json_at(&all, i);
		wrong = schema_check(root, &item, value, where, arena);
	}
	if (*wrong || (json_len(&any) == 0 && json_len(&one) == 0))
		return wrong;
	for (size_t i = 0; i < json_len(&any) + json_len(&one); i++) {
		item = i < json_len(&any) ? json_at(&any, i) : json_at(&one, i - json_len(&any));
		last = schema_check(root, &item, value, where, arena);
		fits += !*last;
	}
	return fits > 0 ? "" : last; /* more than one of oneOf: the descriptions are careless about it, Prism takes the first */
}

const char *schema_check(const struct json *root, const struct json *unresolved, const struct json *value, const char *where,
	struct arena *arena)
{
	struct json schema = resolve(root, unresolved, arena), type = member(&schema, "type"), nullable = member(&schema, "nullable");
	const char *wrong;

	if (value->type == JSON_NULL && json_bool(&nullable))
		return "";
	if (json_str(&type) && !has_type(value, json_str(&type)))
		return arena_printf(arena, "%s is no %s", where, json_str(&type));
	wrong = check_enum(&schema, value, where, arena);
	if (!*wrong && value->type == JSON_STRING)
		wrong = check_string(&schema, json_str(value), where, arena);
	if (!*wrong && value->type == JSON_ARRAY)
		wrong = check_array(root, &schema, value, where, arena);
	if (!*wrong && value->type == JSON_OBJECT)
		wrong = check_object(root, &schema, value, where, arena);
	return *wrong ? wrong : check_choices(root, &schema, value, where, arena);
}

/* --- requests ------------------------------------------------------------------------------------------------------------ */

/* "/a/{b}/c" and "/a/x/c?q" */
static bool path_fits(const char *pattern, const char *path)
{
	while (*pattern) {
		if (*pattern == '{') {
			pattern = strchr(pattern, '}') + 1;
			path += strcspn(path, "/?");
		} else if (*pattern++ != *path++) {
			return false;
		}
	}
	return !*path || *path == '?';
}

static const char *unescape(const char *s, size_t len, struct arena *arena)
{
	char *out = arena_alloc(arena, len + 1), hex[3] = "";
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (s[i] == '%' && i + 2 < len + 1) {
			memcpy(hex, s + i + 1, 2);
			out[n++] = (char)strtoul(hex, NULL, 16);
			i += 2;
		} else {
			out[n++] = s[i];
		}
	}
	return out;
}

/* Pairs become an object: what is named x[y] belongs to x, and numbers and booleans are what they look like. */
static void add_field(struct json_writer *w, struct buf *seen, const char *name, const char *value)
{
	size_t base = strcspn(name, "[");
	char key[130];

	snprintf(key, sizeof(key), "\n%.*s\n", (int)(base < 120 ? base : 120), name);
	if (strstr(buf_str(seen), key))
		return;
	buf_add_str(seen, key);
	key[strlen(key) - 1] = '\0';
	if (name[base])
		jw_object(w, key + 1), jw_end_object(w);
	else if (strcmp(value, "true") == 0 || strcmp(value, "false") == 0)
		jw_bool(w, key + 1, *value == 't');
	else
		jw_str(w, key + 1, value);
}

static void read_pairs(struct json_writer *w, struct buf *seen, const char *p, struct arena *arena)
{
	while (p && *p) {
		size_t len = strcspn(p, "&"), name = strcspn(p, "=&");

		add_field(w, seen, unescape(p, name, arena), name < len ? unescape(p + name + 1, len - name - 1, arena) : "");
		p = p[len] ? p + len + 1 : NULL;
	}
}

static void read_multipart(struct json_writer *w, struct buf *seen, const struct http_request *request, struct arena *arena)
{
	const char *p = request->body, *end = p + request->body_len;

	while ((p = memmem(p, (size_t)(end - p), "form-data; name=\"", 17))) {
		const char *name = p + 17, *stop = strchr(name, '"'), *value = memmem(name, (size_t)(end - name), "\r\n\r\n", 4);
		bool file = strncmp(stop, "\"; filename=", 12) == 0;

		p = memmem(value, (size_t)(end - value), "\r\n--", 4);
		add_field(w, seen, arena_memdup(arena, name, (size_t)(stop - name)),
			file ? "<file" : arena_memdup(arena, value + 4, (size_t)(p - value - 4)));
	}
}

static const char *header(const struct http_request *request, const char *name)
{
	for (size_t i = 0; i < request->header_count; i++) {
		if (strcasecmp(request->headers[i].name, name) == 0)
			return request->headers[i].value;
	}
	return NULL;
}

static const char *check_parameters(const struct json *root, const struct json *list, const struct http_request *request, const char *query,
	struct arena *arena)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	CLEANUP(buf_clear) struct buf seen = { 0 };
	struct json_writer w = jw_init(&out);
	struct json given;
	const char *key, *wrong = "";

	jw_object(&w, NULL);
	read_pairs(&w, &seen, query, arena);
	jw_end_object(&w);
	if (json_parse(arena, arena_memdup(arena, out.data, out.len), out.len, 0, &given, NULL) < 0)
		return "the query";
	for (size_t i = 0; i < json_len(list); i++) {
		struct json item = json_at(list, i), parameter = resolve(root, &item, arena), name = member(&parameter, "name"),
			    where = member(&parameter, "in"), must = member(&parameter, "required"), schema = member(&parameter, "schema");
		bool in_header = json_str(&where) && strcmp(json_str(&where), "header") == 0;
		const char *text = in_header ? header(request, json_str(&name)) : NULL;

		if (in_header && !text && json_bool(&must))
			return arena_printf(arena, "the header %s is not there", json_str(&name));
		if (text && *(wrong = check_string(&schema, text, json_str(&name), arena)))
			return wrong;
	}
	for (size_t i = 0; json_member(&given, &i, &key, &(struct json){ 0 });) {
		bool known = false;

		for (size_t k = 0; k < json_len(list); k++) {
			struct json item = json_at(list, k), parameter = resolve(root, &item, arena), name = member(&parameter, "name");

			known = known || (json_str(&name) && strcmp(json_str(&name), key) == 0);
		}
		if (!known)
			return arena_printf(arena, "the query's %s is not described", key);
	}
	return wrong;
}

static const char *check_body(const struct json *root, const struct json *operation, const struct http_request *request, struct arena *arena)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	CLEANUP(buf_clear) struct buf seen = { 0 };
	struct json_writer w = jw_init(&out);
	const char *type = header(request, "Content-Type");
	struct json body = member(operation, "requestBody"), content, media, schema, value, properties;
	const char *key;

	if (!request->body)
		return "";
	body = resolve(root, &body, arena);
	content = member(&body, "content");
	media = member(&content, arena_memdup(arena, type, strcspn(type, ";")));
	schema = member(&media, "schema");
	if (schema.type != JSON_OBJECT)
		return arena_printf(arena, "%s is not described", type);
	if (strcmp(type, "application/json") == 0) {
		if (json_parse(arena, request->body, request->body_len, JSON_FRACTIONS, &value, NULL) < 0)
			return "the body is no JSON";
		return schema_check(root, &schema, &value, "body", arena);
	}
	jw_object(&w, NULL);
	if (strncmp(type, "multipart/", 10) == 0)
		read_multipart(&w, &seen, request, arena);
	else
		read_pairs(&w, &seen, request->body, arena);
	jw_end_object(&w);
	if (json_parse(arena, arena_memdup(arena, out.data, out.len), out.len, 0, &value, NULL) < 0)
		return "the fields";
	/* Of fields: those that must be there are, and each is known. What stands in them is text, or a file. */
	schema = resolve(root, &schema, arena);
	properties = member(&schema, "properties");
	for (size_t i = 0; json_member(&value, &i, &key, &(struct json){ 0 });) {
		if (!json_has(&properties, key))
			return arena_printf(arena, "the field %s is not described", key);
	}
	schema = member(&schema, "required");
	for (size_t i = 0; i < json_len(&schema); i++) {
		struct json item = json_at(&schema, i);

		if (!json_has(&value, json_str(&item)))
			return arena_printf(arena, "the field %s is not there", json_str(&item));
	}
	return "";
}

const char *schema_check_request(const struct json *root, const struct http_request *request, struct arena *arena)
{
	struct json paths = member(root, "paths"), item, operation, parameters;
	const char *path = strchr(strstr(request->url, "://") + 3, '/'), *key, *wrong;
	char method[8] = "";

	for (size_t i = 0; request->method[i] && i < sizeof(method) - 1; i++)
		method[i] = (char)(request->method[i] | 0x20);
	for (size_t i = 0; json_member(&paths, &i, &key, &item);) {
		item.parent = NULL;
		operation = member(&item, method);
		if (!path_fits(key, path) || operation.type != JSON_OBJECT)
			continue;
		parameters = member(&operation, "parameters");
		wrong = check_parameters(root, &parameters, request, strchr(path, '?') ? strchr(path, '?') + 1 : NULL, arena);
		return *wrong ? wrong : check_body(root, &operation, request, arena);
	}
	return arena_printf(arena, "%s %s is not described", request->method, path);
}
