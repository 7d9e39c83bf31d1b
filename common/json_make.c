/* A document built from values at hand, without ever being text. */
#include <string.h>

#include "common/json_internal.h"

struct json_maker jm_init(struct arena *arena)
{
	return (struct json_maker){ .arena = arena };
}

static struct json_node *add(struct json_maker *m, const char *key, enum json_type type)
{
	struct json_node *node;

	m->nodes = arena_grow(m->arena, m->nodes, m->used, &m->capacity, sizeof(*m->nodes));
	node = &m->nodes[m->used++];
	*node = (struct json_node){ .type = type, .key = key };
	return node;
}

static void open_with(struct json_maker *m, const char *key, enum json_type type)
{
	(void)add(m, key, type);
	m->open[m->depth++] = m->used;
}

void jm_object(struct json_maker *m, const char *key)
{
	open_with(m, key, JSON_OBJECT);
}

void jm_array(struct json_maker *m, const char *key)
{
	open_with(m, key, JSON_ARRAY);
}

void jm_end(struct json_maker *m)
{
	size_t from = m->open[--m->depth];
	struct json_node *container = &m->nodes[from - 1];

	container->count = (uint32_t)(m->used - from);
	container->items = arena_alloc(m->arena, (container->count + 1) * sizeof(*container->items));
	memcpy(container->items, m->nodes + from, container->count * sizeof(*container->items));
	for (uint32_t i = 0; i < container->count && container->type == JSON_OBJECT; i++)
		container->names |= json_name_bit(container->items[i].key);
	m->used = from;
}

void jm_str(struct json_maker *m, const char *key, const char *value)
{
	struct json_node *node = add(m, key, JSON_STRING);

	node->text = value;
	node->count = (uint32_t)strlen(value);
}

void jm_opt_str(struct json_maker *m, const char *key, const char *value)
{
	if (value && *value)
		jm_str(m, key, value);
}

void jm_int(struct json_maker *m, const char *key, int64_t value)
{
	add(m, key, JSON_INT)->whole = value;
}

void jm_bool(struct json_maker *m, const char *key, bool value)
{
	add(m, key, JSON_BOOL)->truth = value;
}

void jm_same(struct json_maker *m, const char *key, const struct json *value)
{
	*add(m, NULL, JSON_NULL) = *value->node;
	m->nodes[m->used - 1].key = key;
}

struct json jm_last(const struct json_maker *m)
{
	const struct json_node *node = arena_memdup(m->arena, &m->nodes[m->used - 1], sizeof(*node));

	return (struct json){ .node = node, .type = node->type };
}
