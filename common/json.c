/* json-c has names of its own for two that our header uses: here they get others. */
#define json_bool jsonc_bool
#define json_type jsonc_type
#include <json-c/json.h>
#undef json_bool
#undef json_type

#include "common/json.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* --- parsing --------------------------------------------------------------------------------------------------------- */

/* Blanks comments and trailing commas, so that json-c sees strict JSON with the same offsets. `text` passed the scan. */
static void blank_comments(char *text, size_t len)
{
	size_t comma = SIZE_MAX;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '"') {
			for (i++; text[i] != '"'; i++)
				i += text[i] == '\\';
			comma = SIZE_MAX;
		} else if (text[i] == '/') {
			const char *end = text[i + 1] == '/' ? memchr(text + i, '\n', len - i) :
							       (const char *)memmem(text + i + 2, len - i - 2, "*/", 2) + 2;
			size_t until = end ? (size_t)(end - text) : len; /* a line comment may end with the text */

			memset(text + i, ' ', until - i);
			i = until - 1;
		} else if (text[i] == ',') {
			comma = i;
		} else if (text[i] == '}' || text[i] == ']') {
			if (comma != SIZE_MAX)
				text[comma] = ' ';
			comma = SIZE_MAX;
		} else if (!strchr(" \t\r\n", text[i])) {
			comma = SIZE_MAX;
		}
	}
}

static struct json wrap(json_object *node, const struct json *parent, const char *key, size_t index)
{
	static const enum json_type kinds[] = { [json_type_null] = JSON_NONE, [json_type_boolean] = JSON_BOOL,
		[json_type_double] = JSON_DOUBLE, [json_type_int] = JSON_INT, [json_type_object] = JSON_OBJECT,
		[json_type_array] = JSON_ARRAY, [json_type_string] = JSON_STRING };

	return (struct json){ .node = node, .parent = parent, .key = key, .index = index,
		.type = kinds[json_object_get_type(node)] };
}

static void release(void *p)
{
	json_object_put(p);
}

int json_parse(struct arena *arena, const char *text, size_t len, unsigned flags, struct json *ret, struct err *err)
{
	static _Thread_local struct json_tokener *tokener; /* made once: a new one costs as much as a small document */
	json_object *root;
	int r;

	r = json_scan(text, len, flags, err);
	if (r < 0)
		return r;
	if (len > INT_MAX - 1)
		return err_set(err, -EBADMSG, "too_large", "$", "the document is too large");
	if (flags & JSON_COMMENTS) {
		char *copy = arena_memdup(arena, text, len);

		blank_comments(copy, len);
		text = copy;
	}
	if (!tokener) {
		tokener = json_tokener_new_ex(JSON_DEPTH_MAX + 1);
		if (!tokener)
			xmalloc(SIZE_MAX);
		json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	}
	json_tokener_reset(tokener);
	root = json_tokener_parse_ex(tokener, text, (int)len);
	if (!root && json_tokener_get_error(tokener) == json_tokener_continue)
		root = json_tokener_parse_ex(tokener, "", 1); /* a bare number ends only with its text */
	if (json_tokener_get_error(tokener) != json_tokener_success) {
		json_object_put(root);
		return err_set(err, -EBADMSG, "bad_json", "$", "json-c refuses it: %s",
			json_tokener_error_desc(json_tokener_get_error(tokener)));
	}
	if (root)
		arena_defer(arena, release, root);
	*ret = wrap(root, NULL, NULL, 0);
	return 0;
}

/* --- where are we ------------------------------------------------------------------------------------------------------ */

void json_path(const struct json *json, const char *key, char *ret, size_t size)
{
	const struct json *chain[JSON_DEPTH_MAX + 2];
	size_t depth = 0, n = (size_t)snprintf(ret, size, "$");

	for (const struct json *at = json; at && depth < JSON_DEPTH_MAX + 2; at = at->parent)
		chain[depth++] = at;
	while (depth-- > 0 && n < size) {
		const struct json *at = chain[depth];

		if (at->key)
			n += (size_t)snprintf(ret + n, size - n, ".%s", at->key);
		else if (at->parent)
			n += (size_t)snprintf(ret + n, size - n, "[%zu]", at->index);
	}
	if (key && n < size)
		snprintf(ret + n, size - n, ".%s", key);
}

int json_refuse(const struct json *json, const char *key, struct err *err, const char *code, const char *format, ...)
{
	char path[160], text[300];
	va_list args;

	if (!err)
		return -EBADMSG;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_path(json, key, path, sizeof(path));
	return err_set(err, -EBADMSG, code, path, "%s", text);
}

/* --- looking up ---------------------------------------------------------------------------------------------------------- */

struct json json_get(const struct json *object, const char *key)
{
	json_object *node = NULL;

	if (object->type == JSON_OBJECT)
		json_object_object_get_ex(object->node, key, &node);
	return wrap(node, object, key, 0);
}

bool json_has(const struct json *object, const char *key)
{
	return json_get(object, key).type != JSON_NONE;
}

size_t json_len(const struct json *json)
{
	if (json->type == JSON_ARRAY)
		return json_object_array_length(json->node);
	return json->type == JSON_OBJECT ? (size_t)json_object_object_length(json->node) : 0;
}

struct json json_at(const struct json *array, size_t i)
{
	json_object *node = array->type == JSON_ARRAY && i < json_len(array) ?
		json_object_array_get_idx(array->node, i) :
		NULL;

	return wrap(node, array, NULL, i);
}

bool json_member(const struct json *object, size_t *i, const char **key, struct json *value)
{
	struct json_object_iterator at, end;

	if (object->type != JSON_OBJECT || *i >= json_len(object))
		return false;
	at = json_object_iter_begin(object->node);
	end = json_object_iter_end(object->node);
	for (size_t k = 0; k < *i && !json_object_iter_equal(&at, &end); k++)
		json_object_iter_next(&at);
	*key = json_object_iter_peek_name(&at);
	*value = wrap(json_object_iter_peek_value(&at), object, *key, 0);
	(*i)++;
	return true;
}

const char *json_str(const struct json *json)
{
	return json->type == JSON_STRING ? json_object_get_string(json->node) : NULL;
}

int64_t json_int(const struct json *json)
{
	return json->type == JSON_INT ? json_object_get_int64(json->node) : 0;
}

bool json_bool(const struct json *json)
{
	return json->type == JSON_BOOL && json_object_get_boolean(json->node);
}

double json_double(const struct json *json)
{
	return json->type == JSON_DOUBLE || json->type == JSON_INT ? json_object_get_double(json->node) : 0;
}

/* --- typed members --------------------------------------------------------------------------------------------------------- */

static int typed(const struct json *object, const char *key, enum json_type type, bool required, const char *what,
	struct json *ret, struct err *err)
{
	struct json found = json_get(object, key);

	if (found.type == JSON_NONE)
		return required ? json_refuse(object, key, err, "missing", "is missing: it must be %s", what) : 0;
	if (found.type != type)
		return json_refuse(object, key, err, "wrong_type", "must be %s", what);
	*ret = found;
	return 0;
}

int json_get_object(const struct json *object, const char *key, struct json *ret, struct err *err)
{
	return typed(object, key, JSON_OBJECT, true, "an object", ret, err);
}

int json_opt_object(const struct json *object, const char *key, struct json *ret, struct err *err)
{
	return typed(object, key, JSON_OBJECT, false, "an object", ret, err);
}

int json_get_array(const struct json *object, const char *key, struct json *ret, struct err *err)
{
	return typed(object, key, JSON_ARRAY, true, "an array", ret, err);
}

int json_opt_array(const struct json *object, const char *key, struct json *ret, struct err *err)
{
	return typed(object, key, JSON_ARRAY, false, "an array", ret, err);
}

static int str(const struct json *object, const char *key, size_t max, bool required, const char **ret, struct err *err)
{
	struct json found = { 0 };
	int r = typed(object, key, JSON_STRING, required, "a string", &found, err);

	if (r < 0 || found.type == JSON_NONE)
		return r;
	if ((size_t)json_object_get_string_len(found.node) > max)
		return json_refuse(object, key, err, "too_long", "must have at most %zu bytes", max);
	*ret = json_str(&found);
	return 0;
}

int json_get_str(const struct json *object, const char *key, size_t max, const char **ret, struct err *err)
{
	return str(object, key, max, true, ret, err);
}

int json_opt_str(const struct json *object, const char *key, size_t max, const char **ret, struct err *err)
{
	return str(object, key, max, false, ret, err);
}

static int integer(const struct json *object, const char *key, int64_t min, int64_t max, bool required, int64_t *ret,
	struct err *err)
{
	struct json found = { 0 };
	int r = typed(object, key, JSON_INT, required, "a whole number", &found, err);
	int64_t n;

	if (r < 0 || found.type == JSON_NONE)
		return r;
	n = json_int(&found);
	if (n < min || n > max)
		return json_refuse(object, key, err, "out_of_range", "must be between %lld and %lld", (long long)min,
			(long long)max);
	*ret = n;
	return 0;
}

int json_get_int(const struct json *object, const char *key, int64_t min, int64_t max, int64_t *ret, struct err *err)
{
	return integer(object, key, min, max, true, ret, err);
}

int json_opt_int(const struct json *object, const char *key, int64_t min, int64_t max, int64_t *ret, struct err *err)
{
	return integer(object, key, min, max, false, ret, err);
}

int json_opt_bool(const struct json *object, const char *key, bool *ret, struct err *err)
{
	struct json found = { 0 };
	int r = typed(object, key, JSON_BOOL, false, "true or false", &found, err);

	if (r == 0 && found.type == JSON_BOOL)
		*ret = json_bool(&found);
	return r;
}

bool id_valid(const char *id)
{
	size_t n = strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:/@+=-");

	return n >= 1 && n <= 128 && !id[n];
}

static int identity(const struct json *object, const char *key, bool required, const char **ret, struct err *err)
{
	const char *id = NULL;
	int r = str(object, key, 100000, required, &id, err);

	if (r < 0 || !id)
		return r;
	if (!id_valid(id))
		return json_refuse(object, key, err, "bad_id",
			"must be 1 to 128 letters, digits or any of . _ : / @ + = -");
	*ret = id;
	return 0;
}

int json_get_id(const struct json *object, const char *key, const char **ret, struct err *err)
{
	return identity(object, key, true, ret, err);
}

int json_opt_id(const struct json *object, const char *key, const char **ret, struct err *err)
{
	return identity(object, key, false, ret, err);
}

static int choice(const struct json *object, const char *key, const char *const *names, bool required, int *ret,
	struct err *err)
{
	struct buf list = { 0 };
	const char *text = NULL;
	int r = str(object, key, 1000, required, &text, err);

	if (r < 0 || !text)
		return r;
	for (int i = 0; names[i]; i++)
		if (strcmp(names[i], text) == 0) {
			*ret = i;
			return 0;
		}
	for (int i = 0; names[i]; i++)
		buf_printf(&list, "%s%s", i ? ", " : "", names[i]);
	r = json_refuse(object, key, err, "not_one_of", "must be one of %s", buf_str(&list));
	buf_clear(&list);
	return r;
}

int json_get_word(const struct json *object, const char *key, const char *const *names, int *ret, struct err *err)
{
	return choice(object, key, names, true, ret, err);
}

int json_opt_word(const struct json *object, const char *key, const char *const *names, int *ret, struct err *err)
{
	return choice(object, key, names, false, ret, err);
}

/* What would be right there; as many as fit into a sentence. */
static int refuse_member(const struct json *object, const char *key, const char *const *names, struct err *err)
{
	char list[220] = "";

	for (size_t i = 0; names[i]; i++) {
		size_t len = strlen(list);

		if (len + strlen(names[i]) + 7 >= sizeof(list)) {
			strcat(list, ", ...");
			break;
		}
		snprintf(list + len, sizeof(list) - len, "%s%s", i ? ", " : "", names[i]);
	}
	return json_refuse(object, key, err, "unknown_member", "is not a member known here; these are: %s", list);
}

int json_only(const struct json *object, const char *const *names, struct err *err)
{
	const char *key;
	struct json value;

	for (size_t i = 0; json_member(object, &i, &key, &value);) {
		bool known = false;

		for (size_t k = 0; names[k] && !known; k++)
			known = strcmp(names[k], key) == 0;
		if (!known)
			return refuse_member(object, key, names, err);
	}
	return 0;
}

/* --- writing a node ----------------------------------------------------------------------------------------------------------- */

static void write_double(struct buf *buf, double d)
{
	char text[40];

	if (d == 0)
		d = 0; /* no minus zero: it would read back as the integer 0 */
	for (int digits = 1; digits <= 17; digits++) { /* the shortest that reads back as the same */
		double back;

		snprintf(text, sizeof(text), "%.*g", digits, d);
		if (sscanf(text, "%lf", &back) == 1 && back == d)
			break;
	}
	buf_add_str(buf, text);
}

static void write_node(struct json_writer *w, const char *key, json_object *node, int depth)
{
	switch (json_object_get_type(node)) {
	case json_type_null:
		jw_null(w, key);
		break;
	case json_type_boolean:
		jw_bool(w, key, json_object_get_boolean(node));
		break;
	case json_type_int:
		jw_int(w, key, json_object_get_int64(node));
		break;
	case json_type_double: {
		struct buf text = { 0 };

		write_double(&text, json_object_get_double(node));
		jw_raw(w, key, text.data, text.len);
		buf_clear(&text);
		break;
	}
	case json_type_string:
		jw_strn(w, key, json_object_get_string(node), (size_t)json_object_get_string_len(node));
		break;
	case json_type_array:
		jw_array(w, key);
		for (size_t i = 0; depth && i < json_object_array_length(node); i++)
			write_node(w, NULL, json_object_array_get_idx(node, i), depth - 1);
		jw_end_array(w);
		break;
	case json_type_object: {
		struct json_object_iterator at = json_object_iter_begin(node), end = json_object_iter_end(node);

		jw_object(w, key);
		for (; depth && !json_object_iter_equal(&at, &end); json_object_iter_next(&at))
			write_node(w, json_object_iter_peek_name(&at), json_object_iter_peek_value(&at), depth - 1);
		jw_end_object(w);
		break;
	}
	}
}

void jw_json(struct json_writer *w, const char *key, const struct json *json)
{
	write_node(w, key, json->node, JSON_DEPTH_MAX + 1);
}

void json_write(struct buf *buf, const struct json *json)
{
	struct json_writer w = jw_init(buf);

	jw_json(&w, NULL, json);
}
