/* json-c has names of its own for two that our header uses: here they get others. */
#define json_bool jsonc_bool
#define json_type jsonc_type
#include <json-c/json.h>
#undef json_bool
#undef json_type

#include "common/json_internal.h"

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

static struct json wrap(const struct json_node *node, const struct json *parent, const char *key, size_t index)
{
	if (!node || node->type == JSON_NULL)
		return (struct json){ .parent = parent, .key = key, .index = index, .type = JSON_NONE };
	return (struct json){ .node = node, .parent = parent, .key = key, .index = index, .type = node->type };
}

/* The same document as a tree of ours. */
static void convert(struct arena *arena, json_object *from, struct json_node *to)
{
	switch (json_object_get_type(from)) {
	case json_type_null:
		to->type = JSON_NULL;
		break;
	case json_type_boolean:
		to->type = JSON_BOOL;
		to->truth = json_object_get_boolean(from);
		break;
	case json_type_int:
		to->type = JSON_INT;
		to->whole = json_object_get_int64(from);
		break;
	case json_type_double:
		to->type = JSON_DOUBLE;
		to->fraction = json_object_get_double(from);
		break;
	case json_type_string:
		to->type = JSON_STRING;
		to->count = (uint32_t)json_object_get_string_len(from);
		to->text = arena_memdup(arena, json_object_get_string(from), to->count);
		break;
	case json_type_array:
		to->type = JSON_ARRAY;
		to->count = (uint32_t)json_object_array_length(from);
		to->items = arena_alloc(arena, (to->count + 1) * sizeof(*to->items));
		for (uint32_t i = 0; i < to->count; i++)
			convert(arena, json_object_array_get_idx(from, i), &to->items[i]);
		break;
	case json_type_object: {
		struct json_object_iterator at = json_object_iter_begin(from), end = json_object_iter_end(from);

		to->type = JSON_OBJECT;
		to->items = arena_alloc(arena, ((size_t)json_object_object_length(from) + 1) * sizeof(*to->items));
		for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at)) {
			struct json_node *item = &to->items[to->count++];

			convert(arena, json_object_iter_peek_value(&at), item);
			item->key = arena_strdup(arena, json_object_iter_peek_name(&at));
			to->names |= json_name_bit(item->key);
		}
		break;
	}
	}
}

static int parse_file(struct arena *arena, const char *text, size_t len, struct json_node *ret, struct err *err)
{
	struct json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH_MAX + 1);
	char *copy = arena_memdup(arena, text, len);
	enum json_tokener_error error;
	json_object *root;

	if (!tokener)
		xmalloc(SIZE_MAX);
	blank_comments(copy, len);
	/* Not JSON_TOKENER_STRICT: json_scan() was stricter, and json-c 0.18 takes every byte beyond ASCII for a control character then. */
	json_tokener_set_flags(tokener, JSON_TOKENER_VALIDATE_UTF8);
	root = json_tokener_parse_ex(tokener, copy, (int)len);
	if (!root && json_tokener_get_error(tokener) == json_tokener_continue)
		root = json_tokener_parse_ex(tokener, "", 1); /* a bare number ends only with its text */
	error = json_tokener_get_error(tokener);
	json_tokener_free(tokener);
	if (error == json_tokener_success)
		convert(arena, root, ret);
	json_object_put(root);
	return error == json_tokener_success ? 0 : err_set(err, -EBADMSG, "bad_json", "$", "json-c refuses it: %s",
						      json_tokener_error_desc(error));
}

int json_parse(struct arena *arena, const char *text, size_t len, unsigned flags, struct json *ret, struct err *err)
{
	struct json_node *root;
	int r = flags & JSON_OURS ? 0 : json_scan(text, len, flags, err);

	if (r < 0)
		return r;
	if (len > INT_MAX / 2)
		return err_set(err, -EBADMSG, "too_large", "$", "the document is too large");
	if (flags & JSON_COMMENTS) {
		root = arena_alloc(arena, sizeof(*root));
		r = parse_file(arena, text, len, root, err);
		if (r < 0)
			return r;
	} else {
		root = json_tree(arena, text, len);
	}
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

static const struct json_node *member(const struct json_node *object, const char *key)
{
	if (!(object->names & json_name_bit(key)))
		return NULL;
	for (uint32_t i = 0; i < object->count; i++) {
		const char *name = object->items[i].key;

		if (name[0] == key[0] && strcmp(name, key) == 0)
			return &object->items[i];
	}
	return NULL;
}

struct json json_get(const struct json *object, const char *key)
{
	return wrap(object->type == JSON_OBJECT ? member(object->node, key) : NULL, object, key, 0);
}

bool json_has(const struct json *object, const char *key)
{
	return json_get(object, key).type != JSON_NONE;
}

size_t json_len(const struct json *json)
{
	return json->type == JSON_ARRAY || json->type == JSON_OBJECT ? json->node->count : 0;
}

struct json json_at(const struct json *array, size_t i)
{
	return wrap(array->type == JSON_ARRAY && i < array->node->count ? &array->node->items[i] : NULL, array, NULL, i);
}

bool json_member(const struct json *object, size_t *i, const char **key, struct json *value)
{
	const struct json_node *node;

	if (object->type != JSON_OBJECT || *i >= object->node->count)
		return false;
	node = &object->node->items[(*i)++];
	*key = node->key;
	*value = wrap(node, object, *key, 0);
	return true;
}

const char *json_str(const struct json *json)
{
	return json->type == JSON_STRING ? json->node->text : NULL;
}

const char *json_text(const struct json *object, const char *key)
{
	struct json value = json_get(object, key);

	return json_str(&value);
}

int64_t json_int(const struct json *json)
{
	return json->type == JSON_INT ? json->node->whole : 0;
}

bool json_bool(const struct json *json)
{
	return json->type == JSON_BOOL && json->node->truth;
}

double json_double(const struct json *json)
{
	return json->type == JSON_DOUBLE ? json->node->fraction : json->type == JSON_INT ? (double)json->node->whole : 0;
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
	if (found.node->count > max)
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

static void write_node(struct json_writer *w, const char *key, const struct json_node *node)
{
	struct buf text = { 0 };

	switch (node->type) {
	case JSON_NONE:
	case JSON_NULL:
		jw_null(w, key);
		break;
	case JSON_BOOL:
		jw_bool(w, key, node->truth);
		break;
	case JSON_INT:
		jw_int(w, key, node->whole);
		break;
	case JSON_DOUBLE:
		write_double(&text, node->fraction);
		jw_raw(w, key, text.data, text.len);
		buf_clear(&text);
		break;
	case JSON_STRING:
		jw_strn(w, key, node->text, node->count);
		break;
	case JSON_ARRAY:
		jw_array(w, key);
		for (uint32_t i = 0; i < node->count; i++)
			write_node(w, NULL, &node->items[i]);
		jw_end_array(w);
		break;
	case JSON_OBJECT:
		jw_object(w, key);
		for (uint32_t i = 0; i < node->count; i++)
			write_node(w, node->items[i].key, &node->items[i]);
		jw_end_object(w);
		break;
	}
}

void jw_json(struct json_writer *w, const char *key, const struct json *json)
{
	static const struct json_node nothing = { .type = JSON_NULL };

	write_node(w, key, json->node ? json->node : &nothing);
}

void json_write(struct buf *buf, const struct json *json)
{
	struct json_writer w = jw_init(buf);

	jw_json(&w, NULL, json);
}
