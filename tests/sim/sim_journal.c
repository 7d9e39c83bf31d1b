/*
 * The journal and keys ports over a disk in memory. What fdatasync covered survives a crash; of the rest any pages do, or turn into
 * zeros. The bytes are those of common/frames, and a start reads them back with its scan.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/frames.h"
#include "common/utc.h"
#include "tests/sim/sim.h"

#define PAGE 512
#define LOGS_MAX 4

struct stored { /* one group, as appended or as read back */
	struct journal_group group;
	struct arena *arena;
	journal_done_fn done;
	void *arg;
	size_t keys, erasures; /* slots that must be durable with it; erasures that must be done */
	bool durable, judged;
};

struct slot {
	uint16_t year;
	struct case_keys keys;
};

struct erasure { /* of class keys */
	uint16_t year;
	uint32_t slot;
	unsigned classes;
};

struct disk {
	struct host *host;
	struct sim *sim;
	char origin[200];
	struct stored **groups; /* every whole group, oldest first; those at the end may not be durable yet */
	size_t count, capacity, durable; /* durable: how many survive for certain */
	size_t written; /* groups[durable .. written) are in the write under way */
	struct frames_segment segment;
	struct arena *segment_arena;
	struct frames_log logs[LOGS_MAX];
	size_t log_count;
	struct buf bytes; /* the open segment */
	size_t synced; /* bytes of it */
	size_t first_here; /* groups[first_here ..] lie in it */
	uint8_t chain[SHA256_SIZE];
	uint64_t write;
	bool syncing, broken;
	int64_t no_space_until, slow_until; /* mono */
	uint64_t recovered;
	struct slot *slots;
	size_t slot_count, slot_capacity, slots_durable;
	struct erasure *erasures; /* asked for; those that are durable are done to the slots themselves */
	size_t erasure_count, erasure_capacity, erasures_durable;
	uint16_t origin_year;
	char origin_text[220];
};

static void stored_free(struct stored *s)
{
	arena_free(s->arena);
}

static struct stored *stored_copy(const struct journal_group *group)
{
	struct arena *arena = arena_create();
	struct stored *s = arena_alloc(arena, sizeof(*s));
	struct slice *records = arena_alloc(arena, (group->record_count + 1) * sizeof(*records));
	struct slice *images = arena_alloc(arena, (group->image_count + 1) * sizeof(*images));

	for (size_t i = 0; i < group->record_count; i++)
		records[i] = (struct slice){ arena_memdup(arena, group->records[i].data, group->records[i].len),
			group->records[i].len };
	for (size_t i = 0; i < group->image_count; i++)
		images[i] = (struct slice){ arena_memdup(arena, group->images[i].data, group->images[i].len),
			group->images[i].len };
	s->arena = arena;
	s->group = *group;
	s->group.records = records;
	s->group.images = images;
	s->group.seals = arena_memdup(arena, group->seals, group->seal_count * sizeof(*group->seals));
	frames_seal(&s->group);
	return s;
}

static void push_group(struct disk *disk, struct stored *s)
{
	xgrow(&disk->groups, &disk->capacity, disk->count + 1, sizeof(struct stored *));
	disk->groups[disk->count++] = s;
}

static struct frames_log *log_of(struct disk *disk, uint16_t year)
{
	for (size_t i = 0; i < disk->log_count; i++)
		if (disk->logs[i].year == year)
			return &disk->logs[i];
	if (disk->log_count == LOGS_MAX)
		abort();
	disk->logs[disk->log_count] = (struct frames_log){ .year = year };
	return &disk->logs[disk->log_count++];
}

/* The logs as after the first `count` groups. */
static void recount(struct disk *disk, size_t count)
{
	disk->log_count = 0;
	for (size_t i = 0; i < count; i++)
		log_of(disk, disk->groups[i]->group.head.year)->next_index =
			disk->groups[i]->group.head.first_index + disk->groups[i]->group.record_count;
}

static const char *origin_of(struct disk *disk, uint16_t year)
{
	snprintf(disk->origin_text, sizeof(disk->origin_text), "%s/%u", disk->origin, year);
	return disk->origin_text;
}

/* --- segments -------------------------------------------------------------------------------------------------------------- */

/* Of a partition, among the first `count`. NULL: there is none. */
static const struct group_header *last_of(const struct disk *disk, size_t count, uint32_t partition)
{
	while (count-- > 0)
		if (disk->groups[count]->group.head.partition == partition)
			return &disk->groups[count]->group.head;
	return NULL;
}

/* Closed segments never change again: only the groups are kept of them. */
static void begin_segment(struct disk *disk, const struct group_header *head)
{
	struct frames_mark marks[PARTITIONS_MAX];
	size_t mark_count = 0;
	uint16_t year = head->year;

	arena_free(disk->segment_arena);
	disk->segment_arena = arena_create();
	recount(disk, disk->written); /* without what is handed over and not written */
	disk->segment = (struct frames_segment){ .origin = arena_strdup(disk->segment_arena, origin_of(disk, year)),
		.year = year, .first_index = head->first_index, .first_write = disk->write + 1,
		.logs = arena_memdup(disk->segment_arena, disk->logs, disk->log_count * sizeof(*disk->logs)),
		.log_count = disk->log_count };
	memcpy(disk->segment.previous, disk->chain, SHA256_SIZE);
	rng_fill(&disk->sim->disk, disk->segment.random, SEGMENT_RANDOM_SIZE);
	for (uint32_t p = 0; p < PARTITIONS_MAX; p++) {
		const struct group_header *last = last_of(disk, disk->written, p);

		if (!last)
			continue;
		marks[mark_count] = (struct frames_mark){ .partition = p, .pseq = last->pseq, .above = p == head->partition ? head->pseq - 1 : last->pseq };
		memcpy(marks[mark_count++].id, last->id, GROUP_ID_SIZE);
	}
	if (mark_count) {
		disk->segment.marks = arena_memdup(disk->segment_arena, marks, mark_count * sizeof(*marks));
		disk->segment.mark_count = mark_count;
	}
	buf_reset(&disk->bytes);
	frames_segment_add(&disk->bytes, &disk->segment);
	memcpy(disk->chain, disk->segment.digest, SHA256_SIZE);
	disk->synced = disk->bytes.len;
	disk->first_here = disk->written;
	recount(disk, disk->count);
}

static bool needs_segment(const struct disk *disk, const struct group_header *head)
{
	const struct group_header *last = last_of(disk, disk->written, head->partition);

	return !disk->bytes.len || disk->segment.year != head->year || (last && head->pseq <= last->pseq);
}

static int same_group(const struct journal_group *group, size_t at, void *arg)
{
	struct disk *disk = arg;

	(void)at;
	push_group(disk, stored_copy(group));
	return 0;
}

/* Reads the open segment back, as a start does. What was synced must be there. */
static void reopen(struct disk *disk)
{
	struct arena *arena = arena_create();
	struct frames_segment segment;
	struct frames_end end;
	struct stored **before = NULL;
	size_t durable_here = disk->durable - disk->first_here, found;

	disk->recovered = 0;
	if (disk->bytes.len) {
		before = xcalloc(disk->count + 1, sizeof(*before));
		memcpy(before, disk->groups, disk->count * sizeof(*before));
		size_t had = disk->count;

		disk->count = disk->first_here;
		if (frames_segment_read(disk->bytes.data, disk->bytes.len, arena, &segment) < 0 ||
			frames_scan(disk->bytes.data, disk->bytes.len, &segment, same_group, disk, &end) < 0)
			sim_breach(disk->sim, "journal", "the open segment of %s cannot be read", disk->host->name);
		else if (end.tail == FRAMES_CORRUPT)
			sim_breach(disk->sim, "journal", "a torn write of %s looks like corruption at %zu of %zu (synced %zu)",
				disk->host->name, end.damage, disk->bytes.len, disk->synced);
		else
			disk->recovered = end.dropped;
		found = disk->count - disk->first_here;
		if (!disk->sim->broken && found < durable_here)
			sim_breach(disk->sim, "journal", "%s lost %zu synced groups", disk->host->name, durable_here - found);
		for (size_t i = disk->first_here; i < had; i++) {
			if (i < disk->count) {
				disk->groups[i]->judged = before[i]->judged;
				disk->groups[i]->keys = before[i]->keys;
			}
			stored_free(before[i]);
		}
		free(before);
		if (!disk->sim->broken) {
			memcpy(disk->chain, end.chain, SHA256_SIZE);
			if (end.last_write > disk->write)
				disk->write = end.last_write;
		}
		buf_reset(&disk->bytes);
	}
	arena_free(arena);
	disk->durable = disk->written = disk->count;
	disk->broken = disk->syncing = false;
	recount(disk, disk->count);
	for (size_t i = 0; i < disk->count; i++)
		disk->groups[i]->durable = true;
}

/* --- writing ------------------------------------------------------------------------------------------------------------------ */

static void start_write(struct disk *disk);

struct told {
	struct disk *disk;
	journal_done_fn done;
	void *arg;
	int r;
};

static void tell(void *arg)
{
	struct told told = *(struct told *)arg;

	free(arg);
	told.done(told.r, told.arg);
}

static void tell_later(struct disk *disk, const struct stored *s, int r, int64_t delay)
{
	struct told *told = xmalloc(sizeof(*told));

	*told = (struct told){ disk, s->done, s->arg, r };
	sim_after(disk->sim, disk->host->life, delay, true, tell, free, told);
}

/* The write's groups and all behind it are refused; nothing of them stays. */
static void refuse_all(struct disk *disk, int r)
{
	for (size_t i = disk->durable; i < disk->count; i++) {
		tell_later(disk, disk->groups[i], r, 0);
		stored_free(disk->groups[i]);
	}
	disk->count = disk->written = disk->durable;
	recount(disk, disk->count);
}

struct sync {
	struct disk *disk;
	struct life *life;
};

static void erase_classes(struct case_keys *keys, unsigned classes)
{
	for (int class = 0; class < CLASS_COUNT; class ++)
		if (classes >> class & 1)
			memset(keys->class_key[class], 0, sizeof(keys->class_key[class]));
}

/* Keys are gone from the disk before the group that was appended after their erasure is on it. */
static void erase_up_to(struct disk *disk, size_t count)
{
	for (; disk->erasures_durable < count; disk->erasures_durable++) {
		const struct erasure *e = &disk->erasures[disk->erasures_durable];

		if (e->slot < disk->slot_count && disk->slots[e->slot].year == e->year)
			erase_classes(&disk->slots[e->slot].keys, e->classes);
	}
}

static void mark_durable(struct disk *disk)
{
	for (size_t i = disk->durable; i < disk->written; i++) {
		struct stored *s = disk->groups[i];

		s->durable = true;
		if (s->keys > disk->slots_durable)
			disk->slots_durable = s->keys;
		if (!s->judged) {
			s->judged = true;
			judge_durable(disk->sim->judge, disk->host, &s->group);
		}
		erase_up_to(disk, s->erasures);
	}
	disk->durable = disk->written;
	disk->synced = disk->bytes.len;
}

static void sync_done(void *arg)
{
	struct sync sync = *(struct sync *)arg;
	struct disk *disk = sync.disk;
	size_t from = disk->durable;
	bool fails;

	free(arg);
	if (!sync.life->alive)
		return; /* the crash has already decided what is left of it */
	fails = !disk->sim->calm && rng_chance(&disk->sim->faults, disk->sim->weather.broken_disk);
	disk->syncing = false;
	if (fails) {
		sim_note(disk->sim, "disk of %s: fsync fails", disk->host->name);
		disk->broken = true;
		for (size_t i = from; i < disk->count; i++)
			tell_later(disk, disk->groups[i], -EIO, 0);
		return;
	}
	mark_durable(disk);
	for (size_t i = from; i < disk->durable; i++)
		tell_later(disk, disk->groups[i], 0, 0);
	world_moment(disk->host, MOMENT_SYNCED, NULL);
	start_write(disk);
}

static int64_t sync_time(const struct disk *disk)
{
	struct sim *sim = disk->sim;

	if (disk->slow_until > sim->mono && !sim->calm)
		return rng_range(&sim->faults, 300, 3000);
	return rng_chance(&sim->disk, 5000) ? rng_range(&sim->disk, 20, 800) : rng_range(&sim->disk, 0, 6);
}

static void start_write(struct disk *disk)
{
	struct sim *sim = disk->sim;
	CLEANUP(buf_clear) struct buf out = { 0 };
	struct sync *sync;

	if (disk->syncing || disk->broken || disk->count == disk->durable)
		return;
	if (!sim->calm && rng_chance(&sim->faults, sim->weather.no_space)) {
		disk->no_space_until = sim->mono + rng_range(&sim->faults, 100, 60000);
		sim_note(sim, "disk of %s: full", disk->host->name);
	}
	if (disk->no_space_until > sim->mono && !sim->calm) {
		refuse_all(disk, -ENOSPC);
		return;
	}
	disk->write++;
	while (disk->written < disk->count) {
		struct stored *s = disk->groups[disk->written];

		if (needs_segment(disk, &s->group.head)) {
			if (out.len)
				break; /* a new segment is a write of its own */
			begin_segment(disk, &s->group.head);
			disk->write++;
		}
		frames_group_add(&out, &disk->segment, disk->write, &s->group, disk->chain);
		disk->written++;
	}
	buf_add(&disk->bytes, out.data, out.len);
	disk->syncing = true;
	sync = xmalloc(sizeof(*sync));
	*sync = (struct sync){ disk, disk->host->life };
	sim_after(sim, NULL, sync_time(disk), true, sync_done, free, sync);
}

static void begin_write(void *arg)
{
	start_write(arg);
}

static void port_append(void *self, const struct journal_group *group, journal_done_fn done, void *arg)
{
	struct host *host = self;
	struct disk *disk = host->disk;
	struct stored *s;

	if (world_gone(host))
		return;
	s = stored_copy(group);
	s->done = done;
	s->arg = arg;
	s->keys = disk->slot_count;
	s->erasures = disk->erasure_count;
	if (disk->broken) {
		tell_later(disk, s, -EIO, 0);
		stored_free(s);
		return;
	}
	if (group->head.first_index != log_of(disk, group->head.year)->next_index)
		sim_breach(disk->sim, "journal", "a group of %s begins at index %llu, the log is at %llu", host->name,
			(unsigned long long)group->head.first_index,
			(unsigned long long)log_of(disk, group->head.year)->next_index);
	log_of(disk, group->head.year)->next_index += group->record_count;
	push_group(disk, s);
	sim_note(disk->sim, "journal of %s: group %llu, %zu records", host->name, (unsigned long long)group->head.pseq,
		group->record_count);
	world_moment(host, MOMENT_APPEND, NULL);
	world_appended(host, &s->group);
	if (!disk->syncing)
		sim_after(disk->sim, host->life, 0, true, begin_write, NULL, disk);
}

/* --- reading ---------------------------------------------------------------------------------------------------------------------- */

static const char *port_origin(void *self, uint16_t year)
{
	struct host *host = self;

	return origin_of(host->disk, year);
}

static uint64_t port_next_index(void *self, uint16_t year)
{
	struct host *host = self;

	return log_of(host->disk, year)->next_index;
}

static struct journal_log port_log(void *self)
{
	const struct disk *disk = ((struct host *)self)->disk;
	struct journal_log log = { 0 };

	for (size_t i = 0; i < disk->count; i++) {
		const struct group_header *head = &disk->groups[i]->group.head;

		if (head->year > log.year) {
			log.before = log.year;
			log.year = head->year;
		}
	}
	if (disk->count)
		log.ended = utc_year(disk->groups[disk->count - 1]->group.head.decided_at) > log.year;
	return log;
}

static int port_replay(void *self, uint32_t partition, uint64_t above, journal_replay_fn fn, void *arg)
{
	struct host *host = self;
	struct disk *disk = host->disk;

	for (size_t i = 0; i < disk->durable; i++) {
		const struct journal_group *group = &disk->groups[i]->group;
		bool superseded = false; /* after a take-over and return, numbers are given anew */
		int r;

		if (group->head.partition != partition || group->head.pseq <= above)
			continue;
		for (size_t k = i + 1; k < disk->durable && !superseded; k++)
			superseded = disk->groups[k]->group.head.partition == partition && disk->groups[k]->group.head.pseq <= group->head.pseq;
		r = superseded ? 0 : fn(group, arg);
		if (r)
			return r;
	}
	return 0;
}

static int port_last(void *self, uint32_t partition, struct group_header *ret)
{
	struct host *host = self;

	const struct group_header *last = last_of(host->disk, host->disk->count, partition);

	if (!last)
		return -ENOENT;
	*ret = *last;
	return 0;
}

static int port_knows(void *self, uint32_t partition, uint64_t pseq, const uint8_t id[GROUP_ID_SIZE])
{
	struct host *host = self;

	for (size_t i = 0; i < host->disk->count; i++) {
		const struct group_header *head = &host->disk->groups[i]->group.head;

		if (head->partition == partition && head->pseq == pseq && memcmp(head->id, id, GROUP_ID_SIZE) == 0)
			return 1;
	}
	return 0;
}

static int port_read_record(void *self, uint16_t year, uint64_t index, struct buf *body)
{
	struct host *host = self;

	for (size_t i = 0; i < host->disk->durable; i++) {
		const struct journal_group *g = &host->disk->groups[i]->group;

		if (g->head.year == year && index >= g->head.first_index && index < g->head.first_index + g->record_count) {
			const struct slice *record = &g->records[index - g->head.first_index];

			buf_add(body, record->data, record->len);
			return 0;
		}
	}
	return -ENOENT;
}

static uint64_t port_recovered(void *self)
{
	struct host *host = self;

	return host->disk->recovered;
}

/* --- keys --------------------------------------------------------------------------------------------------------------------------- */

int disk_keys(const struct disk *disk, uint16_t year, uint32_t slot, struct case_keys *ret)
{
	if (slot >= disk->slot_count || disk->slots[slot].year != year)
		return -ENOENT;
	*ret = disk->slots[slot].keys;
	return 0;
}

static int keys_open(void *self, uint16_t year, uint32_t slot, struct case_keys *ret)
{
	struct host *host = self;

	bool left = false;
	int r = disk_keys(host->disk, year, slot, ret);

	for (size_t i = host->disk->erasures_durable; i < host->disk->erasure_count && r == 0; i++)
		if (host->disk->erasures[i].year == year && host->disk->erasures[i].slot == slot)
			erase_classes(ret, host->disk->erasures[i].classes);
	for (int class = 0; class < CLASS_COUNT && r == 0; class ++)
		left |= case_keys_has(ret, (enum key_class)class);
	return r < 0 ? r : left ? 0 : -ENOENT;
}

static void keys_erase(void *self, uint16_t year, uint32_t slot, unsigned classes)
{
	struct host *host = self;
	struct disk *disk = host->disk;

	xgrow(&disk->erasures, &disk->erasure_capacity, disk->erasure_count + 1, sizeof(*disk->erasures));
	disk->erasures[disk->erasure_count++] = (struct erasure){ year, slot, classes };
}

static int keys_create(void *self, uint16_t year, const uint8_t case_key[32], struct case_keys *ret)
{
	struct host *host = self;
	struct disk *disk = host->disk;
	struct slot slot = { .year = year };

	if (disk->broken)
		return -EIO;
	if (disk->no_space_until > disk->sim->mono && !disk->sim->calm)
		return -ENOSPC;
	slot.keys.year = year;
	slot.keys.slot = (uint32_t)disk->slot_count;
	rng_fill(&disk->sim->flow, slot.keys.case_key, 32);
	if (case_key)
		memcpy(slot.keys.case_key, case_key, 32);
	rng_fill(&disk->sim->flow, slot.keys.class_key, sizeof(slot.keys.class_key));
	xgrow(&disk->slots, &disk->slot_capacity, disk->slot_count + 1, sizeof(*disk->slots));
	disk->slots[disk->slot_count++] = slot;
	*ret = slot.keys;
	return 0;
}

/* --- the disk itself ---------------------------------------------------------------------------------------------------------------- */

struct disk *disk_create(struct host *host)
{
	struct disk *disk = xcalloc(1, sizeof(*disk));

	disk->host = host;
	disk->sim = host->sim;
	snprintf(disk->origin, sizeof(disk->origin), "test.sim.example/%s", host->name);
	return disk;
}

void disk_destroy(struct disk *disk)
{
	if (!disk)
		return;
	for (size_t i = 0; i < disk->count; i++)
		stored_free(disk->groups[i]);
	free(disk->groups);
	free(disk->slots);
	free(disk->erasures);
	buf_clear(&disk->bytes);
	arena_free(disk->segment_arena);
	free(disk);
}

void disk_slow(struct host *host, int64_t ms)
{
	host->disk->slow_until = host->sim->mono + ms;
}

bool disk_full(const struct disk *disk)
{
	return disk->no_space_until > disk->sim->mono;
}

void journal_plug(struct host *host)
{
	struct disk *disk = host->disk;

	reopen(disk);
	for (size_t i = 0; i < disk->count; i++)
		if (!disk->groups[i]->judged) { /* it reached the disk, though nobody was told */
			disk->groups[i]->judged = true;
			judge_durable(disk->sim->judge, host, &disk->groups[i]->group);
		}
	host->journal = (struct journal_port){ .self = host, .origin = port_origin, .next_index = port_next_index, .log = port_log,
		.append = port_append, .replay = port_replay, .last = port_last, .knows = port_knows,
		.read = port_read_record, .recovered = port_recovered };
	host->keys = (struct keys_port){ .self = host, .open = keys_open, .create = keys_create, .erase = keys_erase };
}

void journal_unplug(struct host *host, bool crash)
{
	struct disk *disk = host->disk;
	struct rng *rng = &disk->sim->disk;

	for (size_t i = disk->written; i < disk->count; i++) /* only in memory */
		stored_free(disk->groups[i]);
	disk->count = disk->written;
	for (size_t i = disk->durable; i < disk->written; i++) /* done before the group was written */
		erase_up_to(disk, disk->groups[i]->erasures);
	disk->erasure_count = disk->erasures_durable; /* what was not done is asked for again */
	/* Half of the crashes are the process's alone: what it wrote is the kernel's. The others are power cuts. */
	if (crash && disk->bytes.len > disk->synced && rng_chance(rng, 500000)) {
		size_t page = disk->synced / PAGE * PAGE;

		if (rng_chance(rng, 300000)) { /* the file's length did not reach the disk */
			disk->bytes.len = disk->synced + (size_t)rng_range(rng, 0, (int64_t)(disk->bytes.len - disk->synced));
			disk->bytes.data[disk->bytes.len] = '\0';
		}
		for (; page < disk->bytes.len; page += PAGE) {
			size_t from = page < disk->synced ? disk->synced : page;
			size_t to = page + PAGE < disk->bytes.len ? page + PAGE : disk->bytes.len;

			if (!rng_chance(rng, disk->sim->weather.torn))
				memset(disk->bytes.data + from, 0, to - from);
		}
	}
	/* Keys are synced before the group that first uses them is written. */
	for (size_t i = disk->durable; i < disk->written; i++)
		if (disk->groups[i]->keys > disk->slots_durable)
			disk->slots_durable = disk->groups[i]->keys;
	disk->slot_count = disk->slots_durable;
}
