/*
 * The bodies of provider files: a JSON tree or a list of fields with the operators $each, $if, $opt and $map. The tree is
 * filled and then serialised, never pasted together as text, so no value can break out of its place.
 */
#include <errno.h>
#include <string.h>

#include "common/adapter_internal.h"

/* The operators and their members. */
static const char *const each_members[] = { "$each", "do", NULL };
static const char *const if_members[] = { "$if", "then", "else", NULL };
static const char *const opt_members[] = { "$opt", NULL };
static const char *const map_members[] = { "$map", "key", "value", NULL };
static const char *const json_members[] = { "$json", NULL };
static const char *const file_members[] = { "$file", "filename", "type", NULL };

static const struct operator_row {
	enum node_kind kind;
	const char *const *members;
	unsigned takes; /* kinds of the value named; 0 = it names none */
} operators[] = {
	{ NODE_EACH, each_members, KIND(VALUE_LIST) | KIND(VALUE_FILES) },
	{ NODE_IF, if_members, ~KIND(VALUE_NONE) },
	{ NODE_OPT, opt_members, 0 },
	{ NODE_MAP, map_members, KIND(VALUE_PAIRS) },
	{ NODE_JSON, json_members, 0 },
	{ NODE_FILE, file_members, KIND(VALUE_BYTES) },
};

/* 1 and *ret: `json` is an operator; 0: a plain object. Checks its members and what it is applied to. */
static int find_operator(const struct adapter *adapter, const struct json *json, unsigned places,
	const struct operator_row **ret, struct reference *ref, struct err *err)
{
	const char *key;
	struct json value;
	int r;

	for (size_t i = 0; json_member(json, &i, &key, &value);) {
		const struct operator_row *row = NULL;

		if (*key != '$')
			continue;
		for (size_t k = 0; k < ARRAY_LEN(operators); k++) {
			if (strcmp(operators[k].members[0], key) == 0)
				row = &operators[k];
		}
		if (!row)
			return json_refuse(json, key, err, "unknown_operator",
				"there is no operator \"%s\"", key);
		r = json_only(json, row->members, err);
		if (r == 0 && row->takes) {
			if (value.type != JSON_STRING)
				return json_refuse(json, key, err, "wrong_type",
					"must be the name of a value");
			r = reference_parse(adapter, &value, json_str(&value), places | (row->kind == NODE_IF ? PLACE_TEST : 0), row->takes,
				ref, err);
		}
		*ret = row;
		return r < 0 ? r : 1;
	}
	return 0;
}

static struct json required(const struct json *json, const char *key, int *r, struct err *err)
{
	struct json value = json_get(json, key);

	if (value.type == JSON_NONE)
		*r = json_refuse(json, key, err, "missing", "is missing");
	return value;
}

/* What the items of an $each are called. */
static unsigned item_places(const struct reference *list, unsigned places)
{
	places &= ~(unsigned)(PLACE_ITEM | PLACE_FILE);
	return places | (reference_lists_files(list) ? PLACE_FILE : PLACE_ITEM);
}

/* The two templates of a $map. */
static int parse_map(const struct adapter *adapter, const struct json *json, unsigned places,
	struct text *name, struct text *text, struct err *err)
{
	int r = 0;
	struct json key = required(json, "key", &r, err), value = required(json, "value", &r, err);

	places = (places & ~(unsigned)PLACE_TREE) | PLACE_PAIR;
	if (r == 0)
		r = text_parse(adapter, &key, places, name, err);
	return r < 0 ? r : text_parse(adapter, &value, places, text, err);
}

/* --- JSON trees ----------------------------------------------------------------------------------------------------- */

static int parse_kid(const struct adapter *adapter, const struct json *json, const char *key,
	unsigned places, struct node *ret, struct err *err)
{
	int r = 0;
	struct json value = required(json, key, &r, err);

	return r < 0 ? r : node_parse(adapter, &value, places, ret, err);
}

static int parse_operator(const struct adapter *adapter, const struct json *json,
	const struct operator_row *row, unsigned places, struct node *ret, struct err *err)
{
	int r;

	ret->kind = row->kind;
	ret->kids = arena_alloc(adapter->arena, 2 * sizeof(*ret->kids));
	switch (row->kind) {
	case NODE_EACH:
		ret->count = 1;
		return parse_kid(adapter, json, "do", item_places(&ret->ref, places), &ret->kids[0], err);
	case NODE_JSON:
		ret->count = 1;
		return parse_kid(adapter, json, "$json", places, &ret->kids[0], err);
	case NODE_FILE:
		return json_refuse(json, NULL, err, "unknown_operator", "$file is for the fields of a multipart body: here use |base64");
	case NODE_OPT:
		ret->count = 1;
		return parse_kid(adapter, json, "$opt", places, &ret->kids[0], err);
	case NODE_MAP:
		return parse_map(adapter, json, places, &ret->name, &ret->text, err);
	default:
		r = parse_kid(adapter, json, "then", places, &ret->kids[0], err);
		ret->count = 1;
		if (r == 0 && json_has(json, "else")) {
			r = parse_kid(adapter, json, "else", places, &ret->kids[1], err);
			ret->count = 2;
		}
		return r;
	}
}

static int parse_object(const struct adapter *adapter, const struct json *json, unsigned places,
	struct node *ret, struct err *err)
{
	const struct operator_row *row = NULL;
	const char *key;
	struct json value;
	int r = find_operator(adapter, json, places, &row, &ret->ref, err);

	if (r != 0)
		return r < 0 ? r : parse_operator(adapter, json, row, places, ret, err);
	ret->kind = NODE_OBJECT;
	ret->keys = arena_alloc(adapter->arena, (json_len(json) + 1) * sizeof(*ret->keys));
	ret->kids = arena_alloc(adapter->arena, (json_len(json) + 1) * sizeof(*ret->kids));
	for (size_t i = 0; json_member(json, &i, &key, &value); ret->count++) {
		ret->keys[ret->count] = key;
		r = node_parse(adapter, &value, places, &ret->kids[ret->count], err);
		if (r < 0)
			return r;
	}
	return 0;
}

int node_parse(const struct adapter *adapter, const struct json *json, unsigned places,
	struct node *ret, struct err *err)
{
	CLEANUP(buf_clear) struct buf raw = { 0 };
	int r;

	*ret = (struct node){ 0 };
	switch (json->type) {
	case JSON_STRING:
		ret->kind = NODE_TEXT;
		return text_parse(adapter, json, places | PLACE_TREE, &ret->text, err);
	case JSON_OBJECT:
		return parse_object(adapter, json, places, ret, err);
	case JSON_ARRAY:
		ret->kind = NODE_ARRAY;
		ret->kids = arena_alloc(adapter->arena, (json_len(json) + 1) * sizeof(*ret->kids));
		for (; ret->count < json_len(json); ret->count++) {
			struct json item = json_at(json, ret->count);

			r = node_parse(adapter, &item, places, &ret->kids[ret->count], err);
			if (r < 0)
				return r;
		}
		return 0;
	default:
		ret->kind = NODE_RAW;
		json_write(&raw, json);
		ret->raw = arena_memdup(adapter->arena, buf_str(&raw), raw.len);
		return 0;
	}
}

static int render_text(const struct scope *scope, const struct text *text, struct json_writer *w,
	const char *key, bool optional, struct err *err)
{
	struct value v;
	int r = text_value(scope, text, &v, err);

	if (r < 0)
		return r;
	if (optional && value_empty(&v))
		return 0;
	if (v.kind == VALUE_NONE)
		return err_set(err, -EBADMSG, "missing_value", v.s, "the message has no %s", v.s);
	value_write(w, key, &v);
	return 0;
}

static int render_opt(const struct scope *scope, const struct node *kid, struct json_writer *w,
	const char *key, struct err *err)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	struct json_writer inner = jw_init(&out);
	int r;

	if (kid->kind == NODE_TEXT)
		return render_text(scope, &kid->text, w, key, true, err);
	r = node_render(scope, kid, &inner, NULL, false, err);
	if (r < 0)
		return r;
	if (out.len > 0 && strcmp(out.data, "{}") != 0 && strcmp(out.data, "[]") != 0)
		jw_raw(w, key, out.data, out.len);
	return 0;
}

/* The i-th item of a list, for what is inside an $each. */
static void enter_item(struct scope *inner, const struct value *list, size_t i, struct value *item)
{
	if (list->kind == VALUE_FILES) {
		inner->file = &list->files[i];
		return;
	}
	*item = (struct value){ .kind = VALUE_STRING, .s = list->items[i] };
	inner->item = item;
}

static int render_each(const struct scope *scope, const struct node *node, struct json_writer *w,
	const char *key, bool in_array, struct err *err)
{
	struct scope inner = *scope;
	struct value list, item;
	int r = reference_value(scope, &node->ref, &list, err);

	if (r < 0)
		return r;
	if (!in_array)
		jw_array(w, key);
	for (size_t i = 0; i < list.count; i++) {
		enter_item(&inner, &list, i, &item);
		r = node_render(&inner, &node->kids[0], w, NULL, true, err);
		if (r < 0)
			return r;
	}
	if (!in_array)
		jw_end_array(w);
	return 0;
}

static int render_map(const struct scope *scope, const struct node *node, struct json_writer *w,
	const char *key, struct err *err)
{
	struct scope inner = *scope;
	struct value pairs;
	const char *name;
	int r = reference_value(scope, &node->ref, &pairs, err);

	if (r < 0)
		return r;
	jw_object(w, key);
	for (size_t i = 0; i < pairs.count; i++) {
		inner.pair_key = pairs.items[2 * i];
		inner.pair_value = pairs.items[2 * i + 1];
		r = text_string(&inner, &node->name, &name, err);
		if (r == 0)
			r = render_text(&inner, &node->text, w, name, false, err);
		if (r < 0)
			return r;
	}
	jw_end_object(w);
	return 0;
}

static int render_json(const struct scope *scope, const struct node *node, struct json_writer *w, const char *key, struct err *err)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	struct json_writer inner = jw_init(&out);
	int r = node_render(scope, &node->kids[0], &inner, NULL, false, err);

	if (r == 0)
		jw_str(w, key, buf_str(&out));
	return r;
}

int node_render(const struct scope *scope, const struct node *node, struct json_writer *w,
	const char *key, bool in_array, struct err *err)
{
	struct value v;
	int r = 0;

	switch (node->kind) {
	case NODE_RAW:
		jw_raw(w, key, node->raw, strlen(node->raw));
		return 0;
	case NODE_TEXT:
		return render_text(scope, &node->text, w, key, false, err);
	case NODE_ARRAY:
		jw_array(w, key);
		for (size_t i = 0; i < node->count && r == 0; i++)
			r = node_render(scope, &node->kids[i], w, NULL, true, err);
		jw_end_array(w);
		return r;
	case NODE_OBJECT:
		jw_object(w, key);
		for (size_t i = 0; i < node->count && r == 0; i++)
			r = node_render(scope, &node->kids[i], w, node->keys[i], false, err);
		jw_end_object(w);
		return r;
	case NODE_EACH:
		return render_each(scope, node, w, key, in_array, err);
	case NODE_IF:
		r = reference_value(scope, &node->ref, &v, err);
		if (r < 0)
			return r;
		if (!value_empty(&v))
			return node_render(scope, &node->kids[0], w, key, in_array, err);
		return node->count < 2 ? 0 : node_render(scope, &node->kids[1], w, key, in_array, err);
	case NODE_OPT:
		return render_opt(scope, &node->kids[0], w, key, err);
	case NODE_MAP:
		return render_map(scope, node, w, key, err);
	case NODE_JSON:
		return render_json(scope, node, w, key, err);
	case NODE_FILE:
		break;
	}
	return 0;
}

/* --- fields: forms, queries, headers ----------------------------------------------------------------------------------- */

static int parse_file(const struct adapter *adapter, const struct json *json, unsigned places, struct field *ret, struct err *err)
{
	int r = 0;
	struct json name = required(json, "filename", &r, err), type = required(json, "type", &r, err);

	if (!(places & PLACE_MULTIPART))
		return json_refuse(json, NULL, err, "unknown_operator", "$file is for the fields of a multipart body");
	if (r == 0)
		r = text_parse(adapter, &name, places, &ret->text, err);
	return r < 0 ? r : text_parse(adapter, &type, places, &ret->name_text, err);
}

/* The value of a field, when it is an object. */
static int parse_special(const struct adapter *adapter, const struct json *value, unsigned places, struct field *ret,
	struct err *err)
{
	const struct operator_row *row = NULL;
	struct json inner;
	int r = find_operator(adapter, value, places, &row, &ret->ref, err);

	if (r < 0)
		return r;
	ret->kind = row ? row->kind : NODE_OBJECT;
	switch (ret->kind) {
	case NODE_OPT:
		inner = json_get(value, "$opt");
		return text_parse(adapter, &inner, places, &ret->text, err);
	case NODE_JSON:
		inner = json_get(value, "$json");
		ret->tree = arena_alloc(adapter->arena, sizeof(*ret->tree));
		return node_parse(adapter, &inner, places & ~(unsigned)PLACE_MULTIPART, ret->tree, err);
	case NODE_FILE:
		return parse_file(adapter, value, places, ret, err);
	default:
		return json_refuse(value, NULL, err, "wrong_type",
			"must be a string, {\"$opt\": string}, {\"$json\": tree} or, in a multipart body, {\"$file\": bytes}");
	}
}

static int parse_pair(const struct adapter *adapter, const struct json *json, unsigned places,
	struct field *ret, struct err *err)
{
	struct json name = json_at(json, 0), value = json_at(json, 1);

	if (json_len(json) != 2 || name.type != JSON_STRING)
		return json_refuse(json, NULL, err, "wrong_type", "must be [name, value]");
	ret->kind = NODE_TEXT;
	ret->name = json_str(&name);
	if (value.type == JSON_OBJECT)
		return parse_special(adapter, &value, places, ret, err);
	return text_parse(adapter, &value, places, &ret->text, err);
}

static int parse_kids(const struct adapter *adapter, const struct json *json, const char *key,
	unsigned places, struct field *ret, size_t which, struct err *err)
{
	struct field_list list;
	int r = 0;
	struct json kids = required(json, key, &r, err);

	if (r == 0)
		r = fields_parse(adapter, &kids, places, &list, err);
	if (r < 0)
		return r;
	ret->kids[which] = list.fields;
	ret->kid_count[which] = list.count;
	return 0;
}

static int parse_field(const struct adapter *adapter, const struct json *json, unsigned places,
	struct field *ret, struct err *err)
{
	const struct operator_row *row = NULL;
	int r;

	if (json->type == JSON_ARRAY)
		return parse_pair(adapter, json, places, ret, err);
	r = json->type == JSON_OBJECT ? find_operator(adapter, json, places, &row, &ret->ref, err) : 0;
	if (r < 0)
		return r;
	if (!row || row->kind == NODE_OPT || row->kind == NODE_JSON || row->kind == NODE_FILE)
		return json_refuse(json, NULL, err, "wrong_type",
			"must be [name, value] or one of $each, $if, $map");
	ret->kind = row->kind;
	if (row->kind == NODE_MAP)
		return parse_map(adapter, json, places, &ret->name_text, &ret->text, err);
	if (row->kind == NODE_EACH)
		return parse_kids(adapter, json, "do", item_places(&ret->ref, places), ret, 0, err);
	r = parse_kids(adapter, json, "then", places, ret, 0, err);
	if (r == 0 && json_has(json, "else"))
		r = parse_kids(adapter, json, "else", places, ret, 1, err);
	return r;
}

int fields_parse(const struct adapter *adapter, const struct json *array, unsigned places,
	struct field_list *ret, struct err *err)
{
	int r = 0;

	if (array->type != JSON_ARRAY)
		return json_refuse(array, NULL, err, "wrong_type", "must be a list of [name, value]");
	*ret = (struct field_list){ 0 };
	ret->fields = arena_alloc(adapter->arena, (json_len(array) + 1) * sizeof(*ret->fields));
	for (; ret->count < json_len(array) && r == 0; ret->count++) {
		struct json item = json_at(array, ret->count);

		r = parse_field(adapter, &item, places, &ret->fields[ret->count], err);
	}
	return r;
}

static struct pair *add_pair(const struct scope *scope, struct pair_list *list, const char *name,
	const char *value)
{
	list->pairs = arena_grow(scope->arena, list->pairs, list->count, &list->capacity,
		sizeof(*list->pairs));
	list->pairs[list->count] = (struct pair){ .name = name, .value = value, .len = strlen(value) };
	return &list->pairs[list->count++];
}

static int render_kids(const struct scope *scope, const struct field *field, size_t which,
	struct pair_list *ret, struct err *err)
{
	const struct field_list kids = { field->kids[which], field->kid_count[which] };

	return fields_render(scope, &kids, ret, err);
}

static int render_pairs(const struct scope *scope, const struct field *field,
	const struct value *pairs, struct pair_list *ret, struct err *err)
{
	struct scope inner = *scope;
	const char *name, *value;
	int r;

	for (size_t i = 0; i < pairs->count; i++) {
		inner.pair_key = pairs->items[2 * i];
		inner.pair_value = pairs->items[2 * i + 1];
		if ((r = text_string(&inner, &field->name_text, &name, err)) < 0 ||
			(r = text_string(&inner, &field->text, &value, err)) < 0)
			return r;
		(void)add_pair(scope, ret, name, value);
	}
	return 0;
}

static int render_file(const struct scope *scope, const struct field *field, struct pair_list *ret, struct err *err)
{
	const char *filename, *type;
	struct pair *pair;
	struct value v;
	int r;

	if ((r = reference_value(scope, &field->ref, &v, err)) < 0 || (r = text_string(scope, &field->text, &filename, err)) < 0 ||
		(r = text_string(scope, &field->name_text, &type, err)) < 0)
		return r;
	if (v.kind != VALUE_BYTES)
		return err_set(err, -EBADMSG, "missing_value", field->ref.source, "the message has no %s", field->ref.source);
	pair = add_pair(scope, ret, field->name, "");
	pair->value = v.s;
	pair->len = v.count;
	pair->filename = filename;
	pair->type = type;
	return 0;
}

static int render_tree(const struct scope *scope, const struct field *field, struct pair_list *ret, struct err *err)
{
	struct buf out = { .arena = scope->arena };
	struct json_writer w = jw_init(&out);
	int r = node_render(scope, field->tree, &w, NULL, false, err);

	if (r == 0)
		(void)add_pair(scope, ret, field->name, buf_str(&out));
	return r;
}

static int render_field(const struct scope *scope, const struct field *field, struct pair_list *ret,
	struct err *err)
{
	struct scope inner = *scope;
	const char *text;
	struct value v, item;
	int r;

	if (field->kind == NODE_TEXT) {
		r = text_string(scope, &field->text, &text, err);
		if (r == 0)
			(void)add_pair(scope, ret, field->name, text);
		return r;
	}
	if (field->kind == NODE_OPT) {
		r = text_value(scope, &field->text, &v, err);
		if (r == 0 && !value_empty(&v))
			(void)add_pair(scope, ret, field->name, value_string(scope, &v));
		return r;
	}
	if (field->kind == NODE_FILE)
		return render_file(scope, field, ret, err);
	if (field->kind == NODE_JSON)
		return render_tree(scope, field, ret, err);
	r = reference_value(scope, &field->ref, &v, err);
	if (r < 0)
		return r;
	if (field->kind == NODE_IF)
		return render_kids(scope, field, value_empty(&v) ? 1 : 0, ret, err);
	if (field->kind == NODE_MAP)
		return render_pairs(scope, field, &v, ret, err);
	for (size_t i = 0; i < v.count; i++) {
		enter_item(&inner, &v, i, &item);
		r = render_kids(&inner, field, 0, ret, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int fields_render(const struct scope *scope, const struct field_list *list, struct pair_list *ret,
	struct err *err)
{
	for (size_t i = 0; i < list->count; i++) {
		int r = render_field(scope, &list->fields[i], ret, err);

		if (r < 0)
			return r;
	}
	return 0;
}
