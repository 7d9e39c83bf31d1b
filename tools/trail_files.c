#include "tools/trail_files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/hash.h"
#include "common/json.h"
#include "common/merkle.h"
#include "daemon/generation.h"
#include "daemon/keystore.h"
#include "tools/aside.h"

#define SEGMENT_SUFFIX ".journal"
#define SEGMENT_MAX (2u << 30)
#define PREVIOUS_OFFSET 42 /* of a segment's header: the chain before it (FORMATS.md section 6) */
#define TAG_KEPT 16 /* bytes of a tag that tell it from all others */

/* Of a key store's shard (FORMATS.md section 8): which keys are there can be seen without opening any. */
#define SHARD_HEAD 64
#define SHARD_SLOT 160
enum slot_state { SLOT_FREE, SLOT_USED, SLOT_ERASED };

/* What is known of one slot: whether its keys are there, and the newest record under it. */
struct slot {
	uint64_t name; /* year and slot; 0 = this place is free */
	uint8_t state, classes;
	bool told; /* that they are missing: once is enough */
	bool lost; /* records of it may lie in a part that cannot be read: the next one's number is not known */
	bool any; /* a record was seen: */
	uint64_t n, index;
	uint8_t hash[SHA256_SIZE];
	bool tag_keyed;
	uint8_t tag_key[32];
};

struct place { /* of a partition */
	uint32_t partition;
	uint64_t pseq, epoch;
	uint8_t id[GROUP_ID_SIZE];
};

struct log {
	uint16_t year;
	uint64_t next_index;
	const char *origin; /* NULL: known from headers alone */
	uint64_t read; /* leaves */
	struct merkle_range range; /* of them, unless rootless */
};

/* A segment being read aside. Its buffer was that of the segment before last: fresh memory costs more than reading. */
struct coming {
	struct aside aside;
	struct buf path, bytes;
	int r;
	struct err err;
};

struct walker {
	const struct trail_walk *walk;
	struct arena *arena; /* of the caller: findings */
	struct arena *scratch; /* of one record */
	struct trail_sum *sum;
	const char *keys_in; /* the state directory with the keys */
	struct keystore *keys; /* NULL: closed */
	/* the segment under way */
	const char *file;
	struct buf bytes;
	struct frames_segment head;
	struct coming coming; /* the one behind it */
	/* since the beginning */
	struct place *places;
	size_t place_count, place_capacity;
	struct log *logs;
	size_t log_count, log_capacity;
	struct slot *slots;
	size_t slot_count, slot_size;
	uint8_t (*tags)[TAG_KEPT]; /* all zero = free */
	size_t tag_count, tag_size;
	bool all_lost; /* slots that were not seen yet may have records in what cannot be read */
	bool linked; /* `chain` is what the segment before ended with */
	uint8_t chain[SHA256_SIZE];
	uint64_t last_write;
};

static void find(struct walker *w, uint64_t offset, const char *code, const char *format, ...) __attribute__((format(printf, 4, 5)));
static void find(struct walker *w, uint64_t offset, const char *code, const char *format, ...)
{
	struct trail_finding finding = { .file = w->file, .offset = offset, .code = code };
	char text[400];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	finding.text = text;
	w->sum->findings++;
	if (w->walk->finding)
		w->walk->finding(&finding, w->walk->arg);
}

/* --- tables ------------------------------------------------------------------------------------------------------------------------- */

/* By the upper bits, so that a table twice as large keeps the order: it is filled from one end to the other, not at random. */
static size_t mix(uint64_t n, size_t size)
{
	return (size_t)((n * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - __builtin_ctzll(size)));
}

static void grow_slots(struct walker *w)
{
	size_t size = w->slot_size ? 2 * w->slot_size : 1024;
	struct slot *slots = xcalloc(size, sizeof(*slots));

	for (size_t i = 0; i < w->slot_size; i++) {
		size_t at = mix(w->slots[i].name, size);

		if (!w->slots[i].name)
			continue;
		while (slots[at].name)
			at = (at + 1) & (size - 1);
		slots[at] = w->slots[i];
	}
	free(w->slots);
	w->slots = slots;
	w->slot_size = size;
}

/* Reads the two bytes that say whether the keys are there. */
static void look_at_keys(const struct walker *w, uint16_t year, uint32_t number, struct slot *slot)
{
	char path[600];
	uint8_t head[2] = { 0 };
	CLEANUP(closep) int fd = -1;

	snprintf(path, sizeof(path), "%s/keys/%04u/%07" PRIu32 ".keys", w->keys_in, (unsigned)year, number / KEYSTORE_SHARD_SLOTS);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || pread(fd, head, sizeof(head), SHARD_HEAD + (off_t)(number % KEYSTORE_SHARD_SLOTS) * SHARD_SLOT) != sizeof(head))
		return;
	slot->state = head[0];
	slot->classes = head[1];
}

static struct slot *slot_of(struct walker *w, uint16_t year, uint32_t number)
{
	uint64_t name = (uint64_t)1 << 63 | (uint64_t)year << 32 | number;
	size_t at;

	if (2 * (w->slot_count + 1) > w->slot_size)
		grow_slots(w);
	for (at = mix(name, w->slot_size); w->slots[at].name; at = (at + 1) & (w->slot_size - 1))
		if (w->slots[at].name == name)
			return &w->slots[at];
	w->slot_count++;
	w->slots[at].name = name;
	w->slots[at].lost = w->all_lost;
	look_at_keys(w, year, number, &w->slots[at]);
	return &w->slots[at];
}

/* The table does not fit into any cache: asked for while there is other work to do. */
static void tag_prefetch(const struct walker *w, const uint8_t tag[SHA256_SIZE])
{
	if (w->tag_size)
		__builtin_prefetch(w->tags[mix(read_u64be(tag), w->tag_size)], 1);
}

static bool tag_add(struct walker *w, const uint8_t tag[SHA256_SIZE])
{
	static const uint8_t none[TAG_KEPT];
	size_t at;

	if (2 * (w->tag_count + 1) > w->tag_size) {
		size_t size = w->tag_size ? 2 * w->tag_size : 4096;
		uint8_t(*tags)[TAG_KEPT] = xcalloc(size, sizeof(*tags));

		for (size_t i = 0; i < w->tag_size; i++) {
			if (memcmp(w->tags[i], none, TAG_KEPT) == 0)
				continue;
			for (at = mix(read_u64be(w->tags[i]), size); memcmp(tags[at], none, TAG_KEPT) != 0;)
				at = (at + 1) & (size - 1);
			memcpy(tags[at], w->tags[i], TAG_KEPT);
		}
		free(w->tags);
		w->tags = tags;
		w->tag_size = size;
	}
	for (at = mix(read_u64be(tag), w->tag_size); memcmp(w->tags[at], none, TAG_KEPT) != 0; at = (at + 1) & (w->tag_size - 1))
		if (memcmp(w->tags[at], tag, TAG_KEPT) == 0)
			return false;
	memcpy(w->tags[at], tag, TAG_KEPT);
	w->tag_count++;
	return true;
}

static struct place *place_of(struct walker *w, uint32_t partition)
{
	for (size_t i = 0; i < w->place_count; i++)
		if (w->places[i].partition == partition)
			return &w->places[i];
	xgrow(&w->places, &w->place_capacity, w->place_count + 1, sizeof(*w->places));
	w->places[w->place_count] = (struct place){ .partition = partition };
	return &w->places[w->place_count++];
}

static struct log *log_of(struct walker *w, uint16_t year)
{
	for (size_t i = 0; i < w->log_count; i++)
		if (w->logs[i].year == year)
			return &w->logs[i];
	xgrow(&w->logs, &w->log_capacity, w->log_count + 1, sizeof(*w->logs));
	w->logs[w->log_count] = (struct log){ .year = year };
	return &w->logs[w->log_count++];
}

/* --- keys ---------------------------------------------------------------------------------------------------------------------------- */

bool trail_gone(const struct trail_record *record, size_t i)
{
	const struct blob *blob = &record->body->blobs[i];
	const struct slot *slot = slot_of(record->walker, blob->year, blob->slot);

	return slot->state == SLOT_ERASED || (slot->state == SLOT_USED && !(slot->classes >> blob->class & 1));
}

/* Whether a blob's class key is there. Erased is legal; never there is not. */
static bool key_there(struct walker *w, const struct blob *blob, uint64_t offset)
{
	struct slot *slot = slot_of(w, blob->year, blob->slot);

	if (slot->state == SLOT_USED && slot->classes >> blob->class & 1)
		return true;
	if (slot->state == SLOT_USED || slot->state == SLOT_ERASED) {
		w->sum->erased++;
		return false;
	}
	if (!slot->told)
		find(w, offset, "key_missing", "the keys of slot %" PRIu32 " of %u, which it is sealed with, are not in the key store",
			blob->slot, (unsigned)blob->year);
	slot->told = true;
	return false;
}

static bool open_keys(struct walker *w, const struct blob *blob, uint64_t offset, struct case_keys *ret)
{
	const struct keys_port *port = keystore_port(w->keys);
	struct slot *slot = slot_of(w, blob->year, blob->slot);
	int r = port->open(port->self, blob->year, blob->slot, ret);

	if (r == 0)
		return true;
	if (!slot->told)
		find(w, offset, "key_damaged", "the keys of slot %" PRIu32 " of %u cannot be opened: %s", blob->slot, (unsigned)blob->year,
			strerror(-r));
	slot->told = true;
	return false;
}

/* --- records ------------------------------------------------------------------------------------------------------------------------- */

static void check_parts(struct walker *w, const struct record_body *body, const struct case_keys *keys, const struct json *record,
	uint64_t offset)
{
	struct json parts = json_get(record, "parts");

	if (json_len(&parts) != body->blob_count - 1) {
		find(w, offset, "parts", "the record names %zu parts, beside it stand %zu", json_len(&parts), body->blob_count - 1);
		return;
	}
	for (size_t i = 1; i < body->blob_count; i++) {
		CLEANUP(buf_clear) struct buf text = { 0 };
		struct json part = json_at(&parts, i - 1), named = json_get(&part, "commitment");
		uint8_t salt[SALT_SIZE], commitment[SHA256_SIZE];
		char hex[2 * SHA256_SIZE + 1];

		if (!key_there(w, &body->blobs[i], offset))
			continue;
		if (record_body_open(body, i, keys, salt, &text) < 0) {
			find(w, offset, "part_sealed", "part %zu cannot be opened with its key", i);
			continue;
		}
		w->sum->parts++;
		part_commitment(salt, buf_str(&text), text.len, commitment);
		if (!json_str(&named) || strcmp(json_str(&named), hex_format(commitment, SHA256_SIZE, hex)) != 0)
			find(w, offset, "part_commitment", "part %zu is not the one that the record commits to", i);
	}
}

/* Numbered without gaps under its key slot, and pointing to the one before. */
static void check_order(struct walker *w, const struct case_keys *keys, const struct trail_record *record, const struct json *root,
	const uint8_t tag[SHA256_SIZE], uint64_t offset)
{
	struct slot *slot = slot_of(w, keys->year, keys->slot);
	struct json seq = json_get(root, "seq"), prev = json_get(root, "prev"), prev_index = json_get(&prev, "index"),
		    prev_hash = json_get(&prev, "leaf_hash");
	uint64_t n = (uint64_t)json_int(&seq);
	uint8_t expected[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];

	if (!slot->tag_keyed) {
		record_tag_key(keys->case_key, record->origin, slot->tag_key);
		slot->tag_keyed = true;
	}
	record_tag(slot->tag_key, n, expected);
	if (!equal_secret(expected, tag, SHA256_SIZE))
		find(w, offset, "tag", "its tag is not that of record %" PRIu64 " of its case", n);
	if (!slot->lost && n != (slot->any ? slot->n + 1 : 0))
		find(w, offset, "sequence", "it is record %" PRIu64 " of its case where %" PRIu64 " is due", n, slot->any ? slot->n + 1 : 0);
	if (slot->any && ((uint64_t)json_int(&prev_index) != slot->index || !json_str(&prev_hash) ||
				 strcmp(json_str(&prev_hash), hex_format(slot->hash, SHA256_SIZE, hex)) != 0))
		find(w, offset, "previous", "it does not point to the record before it, number %" PRIu64 " of the log", slot->index);
	slot->any = true;
	slot->lost = false;
	slot->n = n;
	slot->index = record->index;
	record_leaf_hash(record->leaf, slot->hash);
}

/* Opens the record and holds it against its leaf. The text lies in the scratch arena. */
static void open_record(struct walker *w, const struct record_body *body, struct trail_record *record, struct case_keys *keys,
	const uint8_t commitment[SHA256_SIZE], const uint8_t tag[SHA256_SIZE], uint64_t offset)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	uint8_t salt[SALT_SIZE], actual[SHA256_SIZE];
	struct json *root = arena_alloc(w->scratch, sizeof(*root));
	struct err err = { 0 };

	if (!key_there(w, &body->blobs[0], offset) || !open_keys(w, &body->blobs[0], offset, keys))
		return;
	if (record_body_open(body, 0, keys, salt, &text) < 0) {
		find(w, offset, "record_sealed", "the record cannot be opened with its key");
		return;
	}
	record_commitment(salt, buf_str(&text), text.len, actual);
	if (!equal_secret(actual, commitment, SHA256_SIZE))
		find(w, offset, "commitment", "the record is not the one that its leaf commits to");
	if (json_parse(w->scratch, buf_str(&text), text.len, 0, root, &err) < 0) {
		find(w, offset, "record_text", "the record is no JSON: %s", err.text);
		return;
	}
	record->text = arena_memdup(w->scratch, text.data, text.len);
	record->len = text.len;
	record->keys = keys;
	record->opened = true;
	w->sum->opened++;
	check_order(w, keys, record, root, tag, offset);
	check_parts(w, body, keys, root, offset);
}

static void add_leaf(struct walker *w, const char *leaf)
{
	struct log *log = log_of(w, w->head.year);
	uint8_t hash[SHA256_SIZE];

	if (!log->origin)
		log->origin = arena_strdup(w->arena, w->head.origin);
	log->read++;
	if (w->walk->rootless)
		return;
	record_leaf_hash(leaf, hash);
	merkle_append(&log->range, hash);
}

static int walk_record(struct walker *w, const struct journal_group *group, size_t at, size_t i)
{
	const struct slice *bytes = &group->records[i];
	uint64_t offset = (uint64_t)(bytes->data - (const uint8_t *)w->bytes.data) - FRAME_HEADER_SIZE;
	struct trail_record record = { .origin = w->head.origin, .year = w->head.year, .index = group->head.first_index + i,
		.file = w->file, .at = at, .decided_at = group->head.decided_at, .partition = group->head.partition };
	struct record_body body;
	struct case_keys keys = { 0 };
	uint8_t commitment[SHA256_SIZE], tag[SHA256_SIZE];
	int r;

	arena_clear(w->scratch);
	w->sum->records++;
	if (record_body_read(bytes->data, bytes->len, &body) < 0 || record_leaf_read(body.leaf, commitment, tag) < 0) {
		find(w, offset, "record_shape", "the body of record %" PRIu64 " cannot be read", record.index);
		return 0;
	}
	record.leaf = body.leaf;
	tag_prefetch(w, tag);
	record.body = &body;
	record.walker = w;
	add_leaf(w, body.leaf);
	if (w->keys) {
		open_record(w, &body, &record, &keys, commitment, tag, offset);
	} else {
		for (size_t b = 0; b < body.blob_count; b++)
			(void)key_there(w, &body.blobs[b], offset);
	}
	if (!tag_add(w, tag))
		find(w, offset, "twice", "record %" PRIu64 " has the case and number of another one", record.index);
	r = w->walk->record ? w->walk->record(&record, w->walk->arg) : 0;
	cleanse(&keys, sizeof(keys));
	return r;
}

/* --- groups -------------------------------------------------------------------------------------------------------------------------- */

/* Images are what Redis is made from again: they must be whole, and open with the keys that are there. */
static void check_images(struct walker *w, const struct journal_group *group, const struct slice *frame)
{
	uint64_t offset = (uint64_t)(frame->data - (const uint8_t *)w->bytes.data) - FRAME_HEADER_SIZE;
	struct reader r = reader_init(frame->data, frame->len);
	size_t count = reader_u8(&r);

	for (size_t i = 0; i < count; i++) {
		CLEANUP(buf_clear) struct buf plain = { 0 };
		struct case_keys keys;
		struct blob blob;

		if (blob_read(&r, &blob) < 0) {
			find(w, offset, "images_shape", "blob %zu of the after-images cannot be read", i);
			return;
		}
		if (!key_there(w, &blob, offset) || !w->keys || !open_keys(w, &blob, offset, &keys))
			continue;
		if (blob_open(&blob, &keys, group->head.id, GROUP_ID_SIZE, &plain) < 0)
			find(w, offset, "images_sealed", "blob %zu of the after-images cannot be opened with its key", i);
		cleanse(&keys, sizeof(keys));
	}
	if (r.bad || reader_left(&r) > 0)
		find(w, offset, "images_shape", "behind the after-images stands something else");
}

/* Numbers grow by one and each group names the one before, unless another instance wrote in between, under another epoch. */
static void check_group(struct walker *w, const struct group_header *head, uint64_t at)
{
	static const uint8_t none[GROUP_ID_SIZE];
	struct place *place = place_of(w, head->partition);
	bool follows = head->pseq == place->pseq + 1 && memcmp(head->predecessor, place->pseq ? place->id : none, GROUP_ID_SIZE) == 0;

	if (head->epoch < place->epoch)
		find(w, at, "epoch", "group %" PRIu64 " of partition %" PRIu32 " was decided under epoch %" PRIu64 ", after one of %" PRIu64,
			head->pseq, head->partition, head->epoch, place->epoch);
	else if (!follows && place->pseq && head->epoch == place->epoch)
		find(w, at, "group_order", "group %" PRIu64 " of partition %" PRIu32 " does not follow group %" PRIu64, head->pseq,
			head->partition, place->pseq);
	else if (!follows)
		w->sum->takeovers++;
	place->pseq = head->pseq;
	place->epoch = head->epoch;
	memcpy(place->id, head->id, GROUP_ID_SIZE);
}

static int walk_group(const struct journal_group *group, size_t at, void *arg)
{
	struct walker *w = arg;
	int r = 0;

	w->sum->groups++;
	if (!w->sum->first_at)
		w->sum->first_at = group->head.decided_at;
	w->sum->last_at = group->head.decided_at;
	check_group(w, &group->head, at);
	for (size_t i = 0; i < group->record_count && r == 0; i++)
		r = walk_record(w, group, at, i);
	for (size_t i = 0; i < group->image_count && r == 0; i++)
		check_images(w, group, &group->images[i]);
	log_of(w, group->head.year)->next_index = group->head.first_index + group->record_count;
	return r;
}

/* One damage is one finding: what hangs on what cannot be read is not held against what follows. */
static void lose(struct walker *w)
{
	w->linked = false;
	w->all_lost = true;
	for (size_t i = 0; i < w->slot_size; i++) {
		w->slots[i].lost = true;
		w->slots[i].any = false;
	}
}

/* --- segments ------------------------------------------------------------------------------------------------------------------------ */

/* What the header says of everything before it must be what was found there. */
static void check_header(struct walker *w, bool first)
{
	static const uint8_t none[SHA256_SIZE];
	const struct frames_segment *head = &w->head;
	char name[64];

	snprintf(name, sizeof(name), "%020" PRIu64 "-%04u-%020" PRIu64 SEGMENT_SUFFIX, head->first_write, (unsigned)head->year,
		head->first_index);
	if (strcmp(name, w->file) != 0)
		find(w, 0, "name", "by its header its name is %s", name);
	if (first && memcmp(head->previous, none, SHA256_SIZE) != 0) {
		find(w, PREVIOUS_OFFSET, "beginning", "it is not the first segment, and those before it are gone");
		lose(w);
	} else if (!first && w->linked && !equal_secret(head->previous, w->chain, SHA256_SIZE)) {
		find(w, PREVIOUS_OFFSET, "chain", "it does not follow the segment before it: one is missing, or groups at its end");
		lose(w);
	} else if (!first && w->linked) {
		if (head->first_write <= w->last_write)
			find(w, 0, "writes", "its writes begin with %" PRIu64 ", after %" PRIu64, head->first_write, w->last_write);
		if (head->first_index != log_of(w, head->year)->next_index)
			find(w, 0, "index", "its records begin with %" PRIu64 " where %" PRIu64 " is due", head->first_index,
				log_of(w, head->year)->next_index);
		for (size_t i = 0; i < head->mark_count; i++) {
			const struct place *place = place_of(w, head->marks[i].partition);

			if (place->pseq != head->marks[i].pseq || memcmp(place->id, head->marks[i].id, GROUP_ID_SIZE) != 0)
				find(w, 0, "mark", "by its header partition %" PRIu32 " stands at group %" PRIu64 ", it stands at %" PRIu64,
					place->partition, head->marks[i].pseq, place->pseq);
		}
	}
	if (w->linked)
		return;
	for (size_t i = 0; i < head->mark_count; i++) { /* what cannot be known is taken from it */
		struct place *place = place_of(w, head->marks[i].partition);

		place->pseq = head->marks[i].pseq;
		memcpy(place->id, head->marks[i].id, GROUP_ID_SIZE);
	}
	for (size_t i = 0; i < head->log_count; i++)
		log_of(w, head->logs[i].year)->next_index = head->logs[i].next_index;
}

static int read_keys(struct walker *w, struct err *err)
{
	CLEANUP(buf_clear) struct buf path = { 0 };
	int r;

	if (!w->walk->wrap_key)
		return 0;
	buf_printf(&path, "%s/keys", w->keys_in);
	if (access(buf_str(&path), R_OK | X_OK) < 0) /* keystore_open() would make it */
		return errno == ENOENT ? 0 : err_set(err, -errno, "unreadable", "", "%s: %s", buf_str(&path), strerror(errno));
	keystore_close(w->keys);
	w->keys = NULL;
	r = keystore_open(w->keys_in, w->walk->wrap_key, 4096, &w->keys, err);
	return r;
}

/* Without its reserve, of which a walk has no use. */
static int read_segment(const char *path, struct buf *ret, struct err *err)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	int r;

	if (fd < 0)
		return err_set(err, -errno, "unreadable", "", "%s cannot be opened: %s", path, strerror(errno));
	if (fstat(fd, &st) == 0 && st.st_size > (off_t)SEGMENT_MAX)
		return err_set(err, -EFBIG, "unreadable", "", "%s is larger than %u bytes", path, SEGMENT_MAX);
	r = file_read_written(fd, ret);
	return r < 0 ? err_set(err, r, "unreadable", "", "%s cannot be read: %s", path, strerror(-r)) : 0;
}

static void read_coming(void *arg)
{
	struct coming *coming = arg;

	coming->r = read_segment(buf_str(&coming->path), &coming->bytes, &coming->err);
}

static void begin_coming(struct walker *w, const char *name)
{
	buf_reset(&w->coming.path);
	buf_printf(&w->coming.path, "%s/journal/%s", w->walk->state_dir, name);
	buf_reset(&w->coming.bytes);
	aside_begin(&w->coming.aside, read_coming, &w->coming);
}

/* Takes the segment that was read and begins to read the `next` one (NULL: there is none). */
static int take_coming(struct walker *w, const char *next, struct err *err)
{
	struct buf bytes = w->bytes;
	int r;

	aside_end(&w->coming.aside);
	r = w->coming.r;
	if (r < 0) {
		*err = w->coming.err;
		return r;
	}
	w->bytes = w->coming.bytes;
	w->coming.bytes = bytes;
	if (next)
		begin_coming(w, next);
	return 0;
}

/*
 * Whether what stands from `at` on is other now than when it was read: then the daemon wrote while we read, and our copy has the later
 * of two writes and not all of the one before it. On the disk they never stand like that.
 */
static bool written_meanwhile(const struct walker *w, const char *name, size_t at)
{
	CLEANUP(buf_clear) struct buf path = { 0 };
	CLEANUP(buf_clear) struct buf now = { 0 };

	buf_printf(&path, "%s/journal/%s", w->walk->state_dir, name);
	return read_segment(buf_str(&path), &now, NULL) == 0 && now.len > at &&
		memcmp(now.data + at, w->bytes.data + at, (now.len < w->bytes.len ? now.len : w->bytes.len) - at) != 0;
}

static int walk_segment(struct walker *w, char *const *names, size_t i, size_t count, struct err *err)
{
	bool first = i == 0, last = i + 1 == count;
	struct frames_end end = { 0 };
	int r;

	w->file = arena_strdup(w->arena, names[i]);
	w->sum->segments++;
	r = take_coming(w, last ? NULL : names[i + 1], err);
	if (r == 0) /* behind the reading: every key of what was read is in it */
		r = read_keys(w, err);
	if (r < 0)
		return r;
	if (frames_segment_read(buf_str(&w->bytes), w->bytes.len, w->arena, &w->head) < 0) {
		find(w, 0, "header", "no segment header stands here");
		lose(w);
		return 0;
	}
	check_header(w, first);
	w->sum->origin = w->head.origin;
	r = frames_scan(w->bytes.data, w->bytes.len, &w->head, walk_group, w, &end);
	if (r != 0)
		return r;
	if (last && (end.tail == FRAMES_TORN || (end.tail == FRAMES_CORRUPT && written_meanwhile(w, names[i], end.end))))
		w->sum->torn = end.dropped;
	else if (end.tail != FRAMES_CLEAN)
		find(w, end.damage, end.tail == FRAMES_TORN ? "torn" : "corrupt",
			"no frame stands rightly here: restore this segment from a copy (its whole groups end at byte %zu)", end.end);
	w->linked = true;
	if (end.tail != FRAMES_CLEAN && !last)
		lose(w);
	memcpy(w->chain, end.chain, SHA256_SIZE);
	w->last_write = end.last_write;
	hex_format(end.chain, SHA256_SIZE, w->sum->head);
	return 0;
}

static int by_year(const void *a, const void *b)
{
	const struct log *one = a, *other = b;

	return (int)one->year - (int)other->year;
}

static void sum_logs(struct walker *w)
{
	struct trail_log *logs = arena_alloc(w->arena, (w->log_count + 1) * sizeof(*logs));

	if (w->log_count)
		qsort(w->logs, w->log_count, sizeof(*w->logs), by_year);
	for (size_t i = 0; i < w->log_count; i++) {
		const struct log *log = &w->logs[i];
		struct trail_log *ret = &logs[w->sum->log_count];

		if (!log->origin)
			continue;
		ret->origin = log->origin;
		ret->year = log->year;
		ret->size = log->read;
		ret->complete = log->read == log->next_index;
		if (ret->complete && !w->walk->rootless) /* over a gap it would be taken for that of a shorter log */
			merkle_root(&log->range, ret->root);
		w->sum->log_count++;
	}
	w->sum->logs = logs;
}

const char **trail_generations(const char *state_dir, struct arena *arena, size_t *count)
{
	size_t capacity = 0, n = 0;
	const char **dirs = NULL, *dir;

	for (unsigned number = 1;; number++) {
		dir = generation_dir(arena, state_dir, number);
		if (access(arena_printf(arena, "%s/journal", dir), F_OK) < 0)
			break;
		dirs = arena_grow(arena, dirs, n, &capacity, sizeof(*dirs));
		dirs[n++] = dir;
	}
	dirs = arena_grow(arena, dirs, n, &capacity, sizeof(*dirs));
	if (!n || access(arena_printf(arena, "%s/journal", state_dir), F_OK) == 0) /* between a sealing and the next start there is none */
		dirs[n++] = state_dir;
	*count = n;
	return dirs;
}

int trail_walk(const struct trail_walk *walk, struct arena *arena, struct trail_sum *ret, struct err *err)
{
	CLEANUP(arena_freep) struct arena *scratch = arena_create();
	struct walker w = { .walk = walk, .arena = arena, .scratch = scratch, .sum = ret };
	char **names;
	size_t count;
	int r;

	*ret = (struct trail_sum){ 0 };
	w.keys_in = walk->state_dir;
	if (access(arena_printf(arena, "%s/next", walk->state_dir), F_OK) == 0) /* what a sealing leaves: see daemon/generation.h */
		w.keys_in = arena_printf(arena, "%s/../..", walk->state_dir);
	r = file_list(arena, arena_printf(arena, "%s/journal", walk->state_dir), SEGMENT_SUFFIX, &names, &count);
	if (r < 0)
		return err_set(err, r, "unreadable", "", "%s/journal: %s", walk->state_dir, strerror(-r));
	if (count)
		begin_coming(&w, names[0]);
	for (size_t i = 0; i < count && r == 0; i++)
		r = walk_segment(&w, names, i, count, err);
	aside_end(&w.coming.aside);
	sum_logs(&w);
	keystore_close(w.keys);
	if (w.slots)
		for (size_t i = 0; i < w.slot_size; i++)
			cleanse(w.slots[i].tag_key, sizeof(w.slots[i].tag_key));
	buf_clear(&w.bytes);
	buf_clear(&w.coming.bytes);
	buf_clear(&w.coming.path);
	free(w.slots);
	free(w.tags);
	free(w.places);
	free(w.logs);
	return r;
}
