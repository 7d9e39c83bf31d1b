#include "tools/projection.h"

#include <stdlib.h>
#include <string.h>

/* Open addressing; the numbers are indexes + 1. */
struct slots {
	uint32_t *at;
	size_t size;
};

struct item {
	struct projected value; /* first: what is given out */
	struct slots index; /* of its fields, but for a stream */
	size_t capacity;
	bool gone;
};

struct projection {
	struct item *items;
	size_t count, capacity;
	struct slots index;
};

static uint64_t hash(const char *name)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
	return h ^ (h >> 29);
}

static char *copy(const void *bytes, size_t len)
{
	char *ret = xmalloc(len + 1);

	if (len)
		memcpy(ret, bytes, len);
	ret[len] = '\0';
	return ret;
}

/* Where the name is, or the free slot where it belongs. */
static uint32_t *slot_of(const struct slots *s, const char *(*name_of)(const void *all, size_t i), const void *all, const char *name)
{
	size_t at = hash(name) & (s->size - 1);

	while (s->at[at] && strcmp(name_of(all, s->at[at] - 1), name) != 0)
		at = (at + 1) & (s->size - 1);
	return &s->at[at];
}

static void slots_grow(struct slots *s, const char *(*name_of)(const void *all, size_t i), const void *all, size_t count)
{
	if (s->size > 2 * (count + 1))
		return;
	free(s->at);
	s->size = s->size ? 4 * s->size : 8;
	s->at = xcalloc(s->size, sizeof(*s->at));
	for (size_t i = 0; i < count; i++)
		*slot_of(s, name_of, all, name_of(all, i)) = (uint32_t)i + 1;
}

static const char *key_name(const void *all, size_t i)
{
	return ((const struct item *)all)[i].value.key;
}

static const char *field_name(const void *all, size_t i)
{
	return ((const struct projected_field *)all)[i].name;
}

/* --- values ------------------------------------------------------------------------------------------------------------------ */

static void field_clear(struct projected_field *field)
{
	free((char *)(uintptr_t)field->name);
	free((char *)(uintptr_t)field->value);
	*field = (struct projected_field){ 0 };
}

/* Its key stays. */
static void item_clear(struct item *item)
{
	for (size_t i = 0; i < item->value.count; i++)
		field_clear(&item->value.fields[i]);
	free(item->value.fields);
	free((char *)(uintptr_t)item->value.value);
	free(item->index.at);
	item->value = (struct projected){ .key = item->value.key };
	item->index = (struct slots){ 0 };
	item->capacity = 0;
	item->gone = true;
}

static struct item *item_find(const struct projection *p, const char *key)
{
	uint32_t at = p->index.size ? *slot_of(&p->index, key_name, p->items, key) : 0;

	return at && !p->items[at - 1].gone ? &p->items[at - 1] : NULL;
}

static struct item *item_get(struct projection *p, const char *key, enum projected_kind kind)
{
	uint32_t *at;
	struct item *item;

	slots_grow(&p->index, key_name, p->items, p->count);
	at = slot_of(&p->index, key_name, p->items, key);
	if (!*at) {
		xgrow((void **)&p->items, &p->capacity, p->count + 1, sizeof(*p->items));
		p->items[p->count] = (struct item){ .value.key = copy(key, strlen(key)), .gone = true };
		*at = (uint32_t)++p->count;
	}
	item = &p->items[*at - 1];
	if (item->gone || item->value.kind != kind)
		item_clear(item);
	item->gone = false;
	item->value.kind = kind;
	return item;
}

static void field_put(struct item *item, const char *name, const void *bytes, size_t len, int64_t number)
{
	struct projected *v = &item->value;
	struct projected_field *field;
	uint32_t *at;

	slots_grow(&item->index, field_name, v->fields, v->count);
	at = slot_of(&item->index, field_name, v->fields, name);
	if (!*at) {
		xgrow((void **)&v->fields, &item->capacity, v->count + 1, sizeof(*v->fields));
		v->fields[v->count] = (struct projected_field){ .name = copy(name, strlen(name)) };
		*at = (uint32_t)++v->count;
	}
	field = &v->fields[*at - 1];
	free((char *)(uintptr_t)field->value);
	field->value = bytes ? copy(bytes, len) : NULL;
	field->len = len;
	field->number = number;
}

/* Those behind it that could not have their own place move up. */
static void slot_free(struct slots *s, uint32_t *slot, const struct projected_field *fields)
{
	size_t hole = (size_t)(slot - s->at), mask = s->size - 1;

	for (size_t at = (hole + 1) & mask; s->at[at]; at = (at + 1) & mask) {
		size_t home = hash(fields[s->at[at] - 1].name) & mask;

		if (((at - home) & mask) < ((at - hole) & mask))
			continue;
		s->at[hole] = s->at[at];
		hole = at;
	}
	s->at[hole] = 0;
}

static void field_drop(struct projection *p, const char *key, const char *name)
{
	struct item *item = item_find(p, key);
	struct projected_field *field = item ? (struct projected_field *)(uintptr_t)projected_find(&item->value, name) : NULL;
	struct projected *v = item ? &item->value : NULL;

	if (!field)
		return;
	if (v->count == 1) { /* the last one goes with its key, as in Redis */
		item_clear(item);
		return;
	}
	slot_free(&item->index, slot_of(&item->index, field_name, v->fields, name), v->fields);
	field_clear(field);
	if (field != &v->fields[v->count - 1]) { /* the last one takes its place */
		*slot_of(&item->index, field_name, v->fields, v->fields[v->count - 1].name) = (uint32_t)(field - v->fields) + 1;
		*field = v->fields[v->count - 1];
	}
	v->count--;
}

static bool is_later(const char *id, const char *than)
{
	uint64_t at[2] = { strtoull(id, NULL, 10), strtoull(than, NULL, 10) };
	const char *dash[2] = { strchr(id, '-'), strchr(than, '-') };

	if (at[0] != at[1])
		return at[0] > at[1];
	return (dash[0] ? strtoull(dash[0] + 1, NULL, 10) : 0) > (dash[1] ? strtoull(dash[1] + 1, NULL, 10) : 0);
}

static void entry_add(struct item *item, const struct image *image)
{
	struct projected *v = &item->value;

	if (v->count && !is_later(image->field, v->fields[v->count - 1].name))
		return;
	xgrow((void **)&v->fields, &item->capacity, v->count + 1, sizeof(*v->fields));
	v->fields[v->count++] = (struct projected_field){ .name = copy(image->field, strlen(image->field)), .value = copy(image->value, image->value_len),
		.len = image->value_len, .number = image->number, .event = image->op == IMAGE_XADD_EVENT };
}

/* --- the whole ---------------------------------------------------------------------------------------------------------------- */

void projection_apply(struct projection *p, const struct image *image)
{
	struct item *item;

	switch (image->op) {
	case IMAGE_SET:
	case IMAGE_SET_UNTIL:
		item = item_get(p, image->key, PROJECTED_STRING);
		free((char *)(uintptr_t)item->value.value);
		item->value.value = copy(image->value, image->value_len);
		item->value.len = image->value_len;
		item->value.until = image->op == IMAGE_SET_UNTIL ? image->number : 0;
		break;
	case IMAGE_DEL:
		item = item_find(p, image->key);
		if (item)
			item_clear(item);
		break;
	case IMAGE_ZADD:
		field_put(item_get(p, image->key, PROJECTED_ZSET), image->field, NULL, 0, image->number);
		break;
	case IMAGE_HSET:
		field_put(item_get(p, image->key, PROJECTED_HASH), image->field, image->value ? image->value : "", image->value_len, 0);
		break;
	case IMAGE_ZREM:
	case IMAGE_HDEL:
		field_drop(p, image->key, image->field);
		break;
	case IMAGE_XADD:
	case IMAGE_XADD_EVENT:
		entry_add(item_get(p, image->key, PROJECTED_STREAM), image);
		break;
	case IMAGE_OP_COUNT:
		break;
	}
}

const struct projected *projection_find(const struct projection *p, const char *key)
{
	struct item *item = item_find(p, key);

	return item ? &item->value : NULL;
}

const struct projected_field *projected_find(const struct projected *value, const char *field)
{
	const struct item *item = (const struct item *)value;
	uint32_t at = item->index.size ? *slot_of(&item->index, field_name, value->fields, field) : 0;

	return at ? &value->fields[at - 1] : NULL;
}

int projection_each(const struct projection *p, projected_fn fn, void *arg)
{
	for (size_t i = 0; i < p->count; i++) {
		int r = p->items[i].gone ? 0 : fn(&p->items[i].value, arg);

		if (r != 0)
			return r;
	}
	return 0;
}

struct projection *projection_create(void)
{
	return xcalloc(1, sizeof(struct projection));
}

void projection_free(struct projection *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->count; i++) {
		item_clear(&p->items[i]);
		free((char *)(uintptr_t)p->items[i].value.key);
	}
	free(p->items);
	free(p->index.at);
	free(p);
}
