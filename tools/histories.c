#include "tools/histories.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/json.h"
#include "common/keys.h"
#include "daemon/generation.h"
#include "daemon/journal_internal.h"
#include "daemon/keystore.h"
#include "daemon/redo.h"
#include "tools/trail_files.h"

#define CACHE_KEYS 4096

struct source { /* one journal */
	const char *dir, *origin; /* origin: without the year */
	struct history history;
	const struct keys_port *keys;
};

struct group_place { /* a group of the partition that is asked for */
	struct group_header head;
	size_t source;
};

struct histories {
	struct arena *arena;
	struct source *sources;
	size_t count, capacity;
	struct keystore **stores;
	int *locks;
	size_t dirs;
	/* of one partition */
	struct group_place *places; /* by id */
	size_t place_count, place_capacity, now; /* now: the source being read */
	const struct group_place **chain; /* from its first to its last */
	size_t length;
};

/* --- opening ------------------------------------------------------------------------------------------------------------------ */

/* Of its first segment, without the year. -ENOENT: there is none. */
static int origin_of(const char *journal, struct arena *arena, const char **ret)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct frames_segment head;
	char **names, *year;
	size_t count, size;
	int r = file_list(arena, journal, JOURNAL_SUFFIX, &names, &count);

	if (r < 0 || !count)
		return r < 0 ? r : -ENOENT;
	r = file_read(arena_printf(arena, "%s/%s", journal, names[0]), (size_t)1 << 31, &text, NULL);
	if (r < 0)
		return r;
	size = frames_segment_size(text.data, text.len);
	if (!size || size > text.len || frames_segment_read(text.data, size, arena, &head) < 0)
		return -EBADMSG;
	*ret = arena_strdup(arena, head.origin);
	year = strrchr(*ret, '/');
	if (year)
		*year = '\0';
	return 0;
}

static int add_source(struct histories *h, const char *dir, const struct keys_port *keys, struct err *err)
{
	const char *path = arena_printf(h->arena, "%s/journal", dir), *origin = NULL;
	struct frames_end end = { 0 };
	struct source *source;
	int r = origin_of(path, h->arena, &origin);

	if (r == -ENOENT)
		return 0; /* it never wrote */
	if (r < 0)
		return err_set(err, r, "unreadable", "", "%s: %s", path, r == -EBADMSG ? "its first segment has no header" : strerror(-r));
	h->sources = arena_grow(h->arena, h->sources, h->count, &h->capacity, sizeof(*h->sources));
	source = &h->sources[h->count++];
	*source = (struct source){ .dir = dir, .origin = origin, .keys = keys, .history = { .path = path, .dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) } };
	if (source->history.dir < 0) {
		h->count--;
		return err_set(err, -errno, "unreadable", "", "%s: %s", path, strerror(errno));
	}
	return history_load(&source->history, origin, &end, err);
}

static int open_dir(struct histories *h, const char *state_dir, const uint8_t wrap_key[32], struct err *err)
{
	const char **generations;
	size_t count;
	int r;

	if (access(arena_printf(h->arena, "%s/keys", state_dir), R_OK | X_OK) < 0) /* keystore_open() would make it */
		return err_set(err, -errno, "unreadable", "", "%s/keys: %s", state_dir, strerror(errno));
	r = generation_lock(state_dir, err);
	if (r < 0)
		return r;
	h->locks[h->dirs] = r;
	r = keystore_open(state_dir, wrap_key, CACHE_KEYS, &h->stores[h->dirs++], err);
	generations = trail_generations(state_dir, h->arena, &count);
	for (size_t i = 0; i < count && r == 0; i++)
		r = add_source(h, generations[i], keystore_port(h->stores[h->dirs - 1]), err);
	return r;
}

int histories_open(const char *const *state_dirs, size_t count, const uint8_t wrap_key[32], struct histories **ret, struct err *err)
{
	CLEANUP(histories_closep) struct histories *h = xcalloc(1, sizeof(*h));

	h->arena = arena_create();
	h->locks = arena_alloc(h->arena, (count + 1) * sizeof(*h->locks));
	h->stores = arena_alloc(h->arena, (count + 1) * sizeof(*h->stores));
	for (size_t i = 0; i < count; i++) {
		int r = open_dir(h, state_dirs[i], wrap_key, err);

		if (r < 0)
			return r;
	}
	*ret = TAKE(h);
	return 0;
}

void histories_close(struct histories *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < h->count; i++)
		history_clear(&h->sources[i].history); /* and closes its folder */
	for (size_t i = 0; i < h->dirs; i++) {
		keystore_close(h->stores[i]);
		closep(&h->locks[i]);
	}
	free(h->places);
	free(h->chain);
	arena_free(h->arena);
	free(h);
}

/* --- the chain ---------------------------------------------------------------------------------------------------------------- */

static int on_head(const struct journal_group *group, void *arg)
{
	struct histories *h = arg;

	xgrow((void **)&h->places, &h->place_capacity, h->place_count + 1, sizeof(*h->places));
	h->places[h->place_count++] = (struct group_place){ group->head, h->now };
	return 0;
}

static int by_id(const void *a, const void *b)
{
	return memcmp(((const struct group_place *)a)->head.id, ((const struct group_place *)b)->head.id, GROUP_ID_SIZE);
}

static const struct group_place *find(const struct histories *h, const uint8_t id[GROUP_ID_SIZE])
{
	struct group_place wanted = { 0 };

	memcpy(wanted.head.id, id, GROUP_ID_SIZE);
	return h->place_count ? bsearch(&wanted, h->places, h->place_count, sizeof(wanted), by_id) : NULL;
}

static int read_heads(struct histories *h, uint32_t partition, struct err *err)
{
	h->place_count = 0;
	for (h->now = 0; h->now < h->count; h->now++) {
		struct source *source = &h->sources[h->now];
		int r = history_replay(&source->history, partition, 0, on_head, h);

		if (r < 0)
			return err_set(err, r, "damaged", "", "%s: %s", source->dir, source->history.damage.text[0] ? source->history.damage.text : strerror(-r));
	}
	if (h->place_count)
		qsort(h->places, h->place_count, sizeof(*h->places), by_id);
	return 0;
}

/* Whoever has the last lease went on from what was committed: what else there is beside its chain was superseded. */
static const struct group_place *tip(const struct histories *h)
{
	const struct group_place *last = NULL;

	for (size_t i = 0; i < h->place_count; i++) {
		const struct group_header *head = &h->places[i].head;

		if (!last || head->epoch > last->head.epoch || (head->epoch == last->head.epoch && head->pseq > last->head.pseq))
			last = &h->places[i];
	}
	return last;
}

/* `missing`: the group before the first one is nowhere. */
static void link_up(struct histories *h, const struct group_place *last, bool *missing)
{
	static const uint8_t none[GROUP_ID_SIZE];
	const struct group_place *at = last;

	free(h->chain);
	h->chain = xcalloc(h->place_count + 1, sizeof(*h->chain));
	h->length = 0;
	for (; at && h->length < h->place_count; at = find(h, at->head.predecessor))
		h->chain[h->length++] = at;
	for (size_t i = 0; i < h->length / 2; i++) {
		const struct group_place *swap = h->chain[i];

		h->chain[i] = h->chain[h->length - 1 - i];
		h->chain[h->length - 1 - i] = swap;
	}
	*missing = h->length && memcmp(h->chain[0]->head.predecessor, none, GROUP_ID_SIZE) != 0;
}

/* --- playing it ----------------------------------------------------------------------------------------------------------------- */

struct playing {
	struct histories *histories;
	struct projection *projection;
	size_t at; /* of the chain: the next one */
	size_t source;
	struct redo_adoption adoption;
	int r;
	char *instance; /* whose the source's last record is */
};

/* A record names the instance that wrote it. */
static void name_instance(struct playing *p, const struct journal_group *group)
{
	const struct keys_port *keys = p->histories->sources[p->source].keys;

	for (size_t i = 0; i < group->record_count; i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		CLEANUP(buf_clear) struct buf text = { 0 };
		struct record_body body;
		struct case_keys opened;
		uint8_t salt[SALT_SIZE];
		struct json root, name;

		if (record_body_read(group->records[i].data, group->records[i].len, &body) < 0 || !body.blob_count ||
			keys->open(keys->self, body.blobs[0].year, body.blobs[0].slot, &opened) < 0 ||
			record_body_open(&body, 0, &opened, salt, &text) < 0 || json_parse(arena, buf_str(&text), text.len, 0, &root, NULL) < 0)
			continue;
		name = json_get(&root, "instance");
		if (json_str(&name))
			snprintf(p->instance, sizeof(((struct history_end *)0)->instance), "%s", json_str(&name));
		return;
	}
}

static int on_play(const struct journal_group *group, void *arg)
{
	struct playing *p = arg;
	struct histories *h = p->histories;
	CLEANUP(arena_freep) struct arena *arena = NULL;
	struct redo_group opened = { 0 };

	if (p->at == h->length || h->chain[p->at]->source != p->source || memcmp(h->chain[p->at]->head.id, group->head.id, GROUP_ID_SIZE) != 0)
		return 1; /* another one went on from here */
	arena = arena_create();
	p->r = redo_open(h->sources[p->source].keys, arena, group, &opened);
	if (p->r < 0)
		return 1;
	for (size_t i = 0; i < opened.image_count; i++)
		projection_apply(p->projection, &opened.images[i]);
	redo_adoption_look(&p->adoption, h->sources[p->source].origin, opened.images, opened.image_count);
	name_instance(p, group);
	p->at++;
	return 0;
}

/* `adopted`: what came before all this does not matter, as a group of it began to take over all that Redis had, and another one ended that. */
static int play(struct histories *h, uint32_t partition, struct projection *projection, char *instance, bool *adopted, struct err *err)
{
	struct playing p = { .histories = h, .projection = projection, .instance = instance };

	while (p.at < h->length) {
		size_t before = p.at;
		struct source *source;
		int r;

		p.source = h->chain[p.at]->source;
		source = &h->sources[p.source];
		r = history_replay(&source->history, partition, h->chain[p.at]->head.pseq - 1, on_play, &p);
		r = p.r < 0 ? p.r : r;
		if (r < 0 || p.at == before)
			return err_set(err, r < 0 ? r : -EBADMSG, "damaged", "", "%s: group %" PRIu64 " of partition %u cannot be opened: %s", source->dir,
				h->chain[p.at]->head.pseq, partition, r < 0 ? strerror(-r) : "it is not where it was");
	}
	*adopted = p.adoption.done;
	return 0;
}

int histories_play(struct histories *h, const char *prefix, uint32_t partition, struct projection *projection, struct history_end *ret,
	struct err *err)
{
	struct keyspace keys = { prefix, partition };
	const struct projected *system;
	const struct group_place *last;
	bool missing, adopted = false;
	int r = read_heads(h, partition, err);

	*ret = (struct history_end){ 0 };
	if (r < 0)
		return r;
	last = tip(h);
	if (!last)
		return 0;
	link_up(h, last, &missing);
	r = play(h, partition, projection, ret->instance, &adopted, err);
	if (r < 0)
		return r;
	system = projection_find(projection, key_debtor(h->arena, &keys, SYSTEM_CASE));
	if (!system) /* the book was spread since, and somebody else led its new partition */
		return err_set(err, -ENOENT, "incomplete", "", "these journals have partition %u under another prefix than %s alone: name the state directories of "
			"all instances", partition, prefix);
	if (missing && !adopted)
		return err_set(err, -ENOENT, "incomplete", "", "group %" PRIu64 " of partition %u is in none of these journals, and group %" PRIu64
			" follows it: name the state directories of all instances", h->chain[0]->head.pseq - 1, partition, h->chain[0]->head.pseq);
	ret->groups = h->length;
	ret->pseq = last->head.pseq;
	ret->epoch = last->head.epoch;
	memcpy(ret->id, last->head.id, GROUP_ID_SIZE);
	for (size_t i = 0; i < h->count; i++)
		for (size_t k = 0; k < h->length; k++)
			if (h->chain[k]->source == i) {
				ret->journals++;
				break;
			}
	return 0;
}
