#include "daemon/redo.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/flow.h"

static int by_entry(const void *a, const void *b)
{
	const struct image *one = a, *other = b;
	int order = strcmp(one->key, other->key);

	return order ? order : inbox_compare(one->field, other->field);
}

/*
 * The journal keeps a group's images case by case. Where a stream's entries belong to several, their order is another one than that of their
 * ids, and Redis takes none below the last. Everything else keeps its order: each key belongs to one case.
 */
static void order_entries(struct redo_group *group, struct arena *arena)
{
	struct image *sorted = arena_alloc(arena, (group->image_count + 1) * sizeof(*sorted));
	size_t n = 0, from;

	for (size_t i = 0; i < group->image_count; i++)
		if (!image_is_entry(&group->images[i]))
			sorted[n++] = group->images[i];
	from = n;
	for (size_t i = 0; i < group->image_count; i++)
		if (image_is_entry(&group->images[i]))
			sorted[n++] = group->images[i];
	qsort(sorted + from, n - from, sizeof(*sorted), by_entry);
	group->images = sorted;
}

int redo_open(const struct keys_port *port, struct arena *arena, const struct journal_group *group, struct redo_group *to)
{
	size_t capacity = 0;

	to->head = group->head;
	for (size_t f = 0; f < group->image_count; f++) {
		struct reader reader = reader_init(group->images[f].data, group->images[f].len);
		uint8_t blobs = reader_u8(&reader);

		for (uint8_t b = 0; b < blobs; b++) {
			struct buf *plain = arena_alloc(arena, sizeof(*plain));
			struct case_keys keys;
			struct blob blob;
			struct reader content;
			struct image image;
			int result = blob_read(&reader, &blob);

			if (result < 0)
				return result;
			result = port->open(port->self, blob.year, blob.slot, &keys);
			if (result == -ENOENT)
				continue; /* erased: what was erased is not rebuilt */
			if (result < 0)
				return result;
			result = blob_open(&blob, &keys, group->head.id, GROUP_ID_SIZE, plain);
			if (result == -ENOENT) /* that class was */
				continue;
			if (result < 0) {
				buf_clear(plain);
				return result;
			}
			content = reader_init(plain->data, plain->len);
			while ((result = image_read(&content, arena, &image)) == 1) {
				to->images = arena_grow(arena, to->images, to->image_count, &capacity, sizeof(image));
				to->images[to->image_count++] = image;
			}
			buf_clear(plain);
			if (result < 0)
				return result;
		}
	}
	order_entries(to, arena);
	return 0;
}

/* The last word of daemon/adopt.c about it: "<origin> <phase> <Redis' run id> <where>". NULL: these images have none. */
static const char *adopted(struct arena *arena, const struct image *images, size_t count)
{
	static const char ending[] = ":debtor:" SYSTEM_CASE;
	const char *text = NULL;

	for (size_t i = 0; i < count; i++) {
		size_t n = strlen(images[i].key);
		struct debtor system = { 0 };

		if (images[i].op == IMAGE_SET && n > strlen(ending) && strcmp(images[i].key + n - strlen(ending), ending) == 0 &&
			debtor_read(arena, images[i].value, images[i].value_len, &system, NULL) == 0)
			text = system.adopted;
	}
	return text;
}

static bool is_at(const char *text, const char *origin, const char *phase)
{
	size_t n = strlen(origin);

	return strncmp(text, origin, n) == 0 && strncmp(text + n, phase, strlen(phase)) == 0;
}

/* The words stay in the document for ever, whoever writes it: only the log's own say that it began, at the very first place. */
void redo_adoption_look(struct redo_adoption *adoption, const char *origin, const struct image *images, size_t count)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *text = adopted(arena, images, count), *where = text ? strrchr(text, ' ') : NULL;

	if (!where)
		return;
	if (is_at(text, origin, " dead ") && strcmp(where, " 0-0") == 0)
		*adoption = (struct redo_adoption){ .origin = origin, .done = adoption->done };
	else if (adoption->origin && is_at(text, adoption->origin, " done "))
		adoption->done = true;
}

struct run_search {
	const struct keys_port *keys;
	const char *origin;
	bool sealed;
	struct redo_run run;
	uint8_t last[GROUP_ID_SIZE];
	struct redo_adoption adoption; /* begun with the run's first group */
	int r;
};

static void look(struct run_search *search, const struct journal_group *group)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct redo_group opened = { 0 };

	search->r = redo_open(search->keys, arena, group, &opened);
	if (search->r == 0)
		redo_adoption_look(&search->adoption, search->origin, opened.images, opened.image_count);
}

static int on_run(const struct journal_group *group, void *arg)
{
	static const uint8_t none[GROUP_ID_SIZE];
	struct run_search *search = arg;
	bool first = search->run.begin == RUN_NONE;

	if (first || memcmp(group->head.predecessor, search->last, GROUP_ID_SIZE) != 0) {
		search->run = (struct redo_run){ .first = group->head, .begin = first && search->sealed ? RUN_ADOPTED : RUN_PART };
		search->adoption = (struct redo_adoption){ 0 };
		if (memcmp(group->head.predecessor, none, GROUP_ID_SIZE) == 0)
			search->run.begin = RUN_WHOLE;
		else if (search->run.begin == RUN_PART)
			look(search, group);
	} else if (search->adoption.origin && !search->adoption.done) {
		look(search, group);
	}
	if (search->adoption.done)
		search->run.begin = RUN_ADOPTED;
	memcpy(search->last, group->head.id, GROUP_ID_SIZE);
	return search->r;
}

int redo_last_run(const struct journal_port *journal, const struct keys_port *keys, uint32_t partition, const char *origin, bool sealed,
	struct redo_run *ret)
{
	struct run_search search = { .keys = keys, .origin = origin, .sealed = sealed };
	int r = journal->replay(journal->self, partition, 0, on_run, &search);

	*ret = search.run;
	return r < 0 ? r : 0;
}
