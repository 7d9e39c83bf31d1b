#include "common/config_effective.h"

#include <string.h>

#include "common/json.h"

#define FLAT_DEPTH 4 /* "providers.brevo.settings.url" */

struct listing {
	struct arena *arena;
	struct config_value *items;
	size_t count, capacity;
};

static void add(struct listing *l, const char *path, const char *value, bool from_file, const struct config_key *key)
{
	l->items = arena_grow(l->arena, l->items, l->count, &l->capacity, sizeof(*l->items));
	l->items[l->count++] = (struct config_value){ path, value, from_file, key };
}

static const char *text_of(struct arena *arena, const struct json *value)
{
	CLEANUP(buf_clear) struct buf out = { 0 };

	json_write(&out, value);
	return arena_strdup(arena, buf_str(&out));
}

/* "a.b" below the root; JSON_NONE when it is not there. */
static struct json at_path(struct arena *arena, const struct json *root, const char *path)
{
	struct json value = *root;

	while (value.type == JSON_OBJECT && *path) {
		size_t len = strcspn(path, ".");

		value = json_get(&value, arena_printf(arena, "%.*s", (int)len, path));
		path += len + (path[len] == '.');
	}
	return *path ? (struct json){ 0 } : value;
}

/* As the table has it, without quotes. */
static const char *fallback_of(struct arena *arena, const struct config_key *key)
{
	if (!key->fallback)
		return NULL;
	return key->type == CONFIG_TEXT || key->type == CONFIG_WORD ? arena_printf(arena, "\"%s\"", key->fallback) : key->fallback;
}

static bool in_table(const char *path)
{
	size_t count;
	const struct config_key *keys = config_keys(&count);

	for (size_t i = 0; i < count; i++)
		if (strcmp(keys[i].path, path) == 0)
			return true;
	return false;
}

/* What is more than a single value, down to its leaves: objects by name, all else as it stands. */
static void flatten(struct listing *l, const struct json *value, const char *path, int depth)
{
	const char *name;
	struct json member;

	if (value->type != JSON_OBJECT || depth == FLAT_DEPTH) {
		if (!in_table(path))
			add(l, path, text_of(l->arena, value), true, NULL);
		return;
	}
	for (size_t i = 0; json_member(value, &i, &name, &member);)
		flatten(l, &member, *path ? arena_printf(l->arena, "%s.%s", path, name) : arena_strdup(l->arena, name), depth + 1);
}

void config_effective(const struct config *config, struct arena *arena, struct config_value **ret, size_t *count)
{
	struct listing l = { .arena = arena };
	struct json *root = arena_alloc(arena, sizeof(*root));
	size_t key_count;
	const struct config_key *keys = config_keys(&key_count);

	(void)json_parse(arena, config->text, strlen(config->text), 0, root, NULL); /* it was read from it */
	for (size_t i = 0; i < key_count; i++) {
		struct json value = at_path(arena, root, keys[i].path);

		if (value.type == JSON_NONE)
			add(&l, keys[i].path, fallback_of(arena, &keys[i]), false, &keys[i]);
		else
			add(&l, keys[i].path, text_of(arena, &value), true, &keys[i]);
	}
	flatten(&l, root, "", 0);
	*ret = l.items;
	*count = l.count;
}

static const struct config_value *find(const struct config_value *values, size_t count, const char *path)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(values[i].path, path) == 0)
			return &values[i];
	return NULL;
}

static bool same(const struct config_value *a, const struct config_value *b)
{
	return a->value && b->value ? strcmp(a->value, b->value) == 0 : a->value == b->value;
}

void config_differences(const struct config_value *a, size_t a_count, const struct config_value *b, size_t b_count, struct arena *arena,
	struct config_difference **ret, size_t *count)
{
	struct config_difference *all = arena_alloc(arena, (a_count + b_count + 1) * sizeof(*all));
	size_t n = 0;

	for (size_t i = 0; i < a_count; i++) {
		const struct config_value *other = find(b, b_count, a[i].path);

		if (!other || !same(&a[i], other))
			all[n++] = (struct config_difference){ a[i].path, &a[i], other };
	}
	for (size_t i = 0; i < b_count; i++)
		if (!find(a, a_count, b[i].path))
			all[n++] = (struct config_difference){ b[i].path, NULL, &b[i] };
	*ret = all;
	*count = n;
}
