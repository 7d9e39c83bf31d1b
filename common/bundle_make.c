#include "common/bundle_make.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/tlog_proof.h"

static int read_level(const struct merkle_tile *tile, uint8_t (*ret)[SHA256_SIZE], void *arg)
{
	const struct bundle_log *log = arg;

	memcpy(ret, log->levels[tile->level][tile->index * MERKLE_TILE_WIDTH], tile->width * SHA256_SIZE);
	return 0;
}

static struct merkle_tiles tiles_of(const struct bundle_log *log)
{
	return (struct merkle_tiles){ log->checkpoint.size, read_level, (void *)(uintptr_t)log };
}

static void build_levels(struct bundle_log *log, struct arena *arena)
{
	uint64_t size = log->checkpoint.size;

	log->levels[0] = arena_alloc(arena, size * SHA256_SIZE + 1);
	for (uint64_t i = 0; i < size; i++)
		record_leaf_hash(log->leaves[i], log->levels[0][i]);
	for (unsigned level = 1; level < ARRAY_LEN(log->levels) && (size = merkle_level_size(log->checkpoint.size, level)) > 0; level++) {
		log->levels[level] = arena_alloc(arena, size * SHA256_SIZE);
		for (uint64_t i = 0; i < size; i++) {
			struct merkle_range range = { 0 };

			for (size_t k = 0; k < MERKLE_TILE_WIDTH; k++)
				merkle_append(&range, log->levels[level - 1][i * MERKLE_TILE_WIDTH + k]);
			merkle_root(&range, log->levels[level][i]);
		}
	}
}

int bundle_log_ready(struct bundle_log *log, size_t count, struct arena *arena, struct err *err)
{
	struct merkle_range *range = arena_alloc(arena, sizeof(*range));
	struct merkle_tiles tiles;
	uint8_t root[SHA256_SIZE];
	struct note_seal seal;
	struct note note;

	if (note_parse(log->note.data, log->note.len, &note) < 0 || note_verify(&note, &log->key, 1, &seal) < 0)
		return err_set(err, -EKEYREJECTED, "checkpoint", "", "the checkpoint of %s is not signed by the log's key", log->key.name);
	if (checkpoint_parse(note.text.data, note.text.len, &log->checkpoint) < 0 || log->checkpoint.origin.len != strlen(log->key.name) ||
		memcmp(log->checkpoint.origin.data, log->key.name, log->checkpoint.origin.len) != 0)
		return err_set(err, -EBADMSG, "checkpoint", "", "the checkpoint is not that of %s", log->key.name);
	if (log->checkpoint.size > count)
		return err_set(err, -ERANGE, "checkpoint", "", "the checkpoint of %s covers %llu records, the journal has %zu: it was rolled back",
			log->key.name, (unsigned long long)log->checkpoint.size, count);
	build_levels(log, arena);
	tiles = tiles_of(log);
	(void)merkle_range_load(&tiles, range);
	merkle_root(range, root);
	if (memcmp(root, log->checkpoint.root, SHA256_SIZE) != 0)
		return err_set(err, -EBADMSG, "checkpoint", "", "the records of %s are not those that its checkpoint signs", log->key.name);
	return 0;
}

int bundle_anchor_ready(const struct bundle_log *log, const struct bundle_anchor *anchor)
{
	struct merkle_tiles tiles = { anchor->size, read_level, (void *)(uintptr_t)log };
	struct merkle_range *range = xcalloc(1, sizeof(*range));
	struct checkpoint checkpoint;
	uint8_t root[SHA256_SIZE];
	struct note_seal seal;
	struct note note;
	int r = -EBADMSG;

	if (anchor->size <= log->checkpoint.size && note_parse(anchor->note.data, anchor->note.len, &note) == 0 &&
		note_verify(&note, &log->key, 1, &seal) == 0 && checkpoint_parse(note.text.data, note.text.len, &checkpoint) == 0 &&
		checkpoint.size == anchor->size && merkle_range_load(&tiles, range) == 0) {
		merkle_root(range, root);
		r = memcmp(root, checkpoint.root, SHA256_SIZE) == 0 ? 0 : -EBADMSG;
	}
	free(range);
	return r;
}

static void add(struct bundle *bundle, const char *folder, const char *name, const struct buf *data)
{
	bundle_add(bundle, arena_printf(bundle->arena, "%s/%s", folder, name), buf_str(data), data->len);
}

void bundle_add_log(struct bundle *bundle, const struct bundle_log *log, bool leaves)
{
	CLEANUP(buf_clear) struct buf vkey = { 0 };
	CLEANUP(buf_clear) struct buf policy = { 0 };
	const char *folder = arena_printf(bundle->arena, "log/%04u", (unsigned)log->year);
	uint64_t size = leaves ? log->checkpoint.size : 0;

	note_key_add(&vkey, &log->key);
	buf_printf(&policy, "log %s\nquorum none\n", buf_str(&vkey)); /* C2SP tlog-policy: whom to trust */
	buf_add_char(&vkey, '\n');
	add(bundle, folder, "vkey", &vkey);
	add(bundle, folder, "policy", &policy);
	bundle_add(bundle, arena_printf(bundle->arena, "%s/checkpoint", folder), log->note.data, log->note.len);
	for (uint64_t n = 0; n * MERKLE_TILE_WIDTH < size; n++) {
		struct merkle_tile tile = { MERKLE_ENTRIES, n, merkle_tile_width(size, 0, n) };
		CLEANUP(buf_clear) struct buf entries = { 0 };
		char path[MERKLE_PATH_SIZE];

		for (size_t i = 0; i < tile.width; i++)
			(void)merkle_bundle_add(&entries, log->leaves[n * MERKLE_TILE_WIDTH + i], LEAF_SIZE);
		add(bundle, folder, merkle_tile_path(&tile, path), &entries);
	}
}

void bundle_add_anchor(struct bundle *bundle, const struct bundle_log *log, const struct bundle_anchor *anchor)
{
	CLEANUP(buf_clear) struct buf file = { 0 };
	struct merkle_tiles tiles = tiles_of(log);
	struct merkle_proof *proof = arena_alloc(bundle->arena, sizeof(*proof));

	bundle_add(bundle, arena_printf(bundle->arena, "log/%04u/anchored/%" PRIu64 "/checkpoint", (unsigned)log->year, anchor->size),
		anchor->note.data, anchor->note.len);
	if (anchor->size == log->checkpoint.size)
		return;
	(void)merkle_consistency(&tiles, anchor->size, proof);
	buf_printf(&file, "old %" PRIu64 "\n", anchor->size);
	for (size_t i = 0; i < proof->count; i++) {
		base64_add(&file, proof->hashes[i], SHA256_SIZE);
		buf_add_char(&file, '\n');
	}
	buf_add_char(&file, '\n');
	buf_add(&file, log->note.data, log->note.len);
	bundle_add(bundle, arena_printf(bundle->arena, "log/%04u/consistency/%" PRIu64 "-%" PRIu64, (unsigned)log->year, anchor->size,
				   log->checkpoint.size), file.data, file.len);
}

static void add_proof(struct bundle *bundle, const char *folder, const char *name, const struct bundle_log *log, uint64_t size, struct slice note,
	uint64_t index)
{
	CLEANUP(buf_clear) struct buf file = { 0 };
	struct merkle_tiles tiles = { size, read_level, (void *)(uintptr_t)log };
	struct tlog_proof *proof = arena_alloc(bundle->arena, sizeof(*proof));

	proof->index = index;
	proof->checkpoint = note;
	(void)merkle_inclusion(&tiles, index, &proof->path);
	tlog_proof_add(&file, proof);
	add(bundle, folder, name, &file);
}

void bundle_add_record(struct bundle *bundle, const char *folder, const struct bundle_record *record)
{
	const struct bundle_log *log = record->log;

	add_proof(bundle, folder, "leaf.tlog-proof", log, log->checkpoint.size, log->note, record->index);
	if (record->anchor)
		add_proof(bundle, folder, "anchored.tlog-proof", log, record->anchor->size, record->anchor->note, record->index);
	bundle_add(bundle, arena_printf(bundle->arena, "%s/leaf", folder), log->leaves[record->index], LEAF_SIZE);
	if (!record->open)
		return;
	bundle_add(bundle, arena_printf(bundle->arena, "%s/record.json", folder), record->text.data, record->text.len);
	bundle_add(bundle, arena_printf(bundle->arena, "%s/salt", folder), record->salt, SALT_SIZE);
	for (size_t i = 0; i < record->part_count; i++) {
		const struct bundle_part *part = &record->parts[i];

		if (!part->there)
			continue;
		bundle_add(bundle, arena_printf(bundle->arena, "%s/parts/%s", folder, part->name), part->data.data, part->data.len);
		bundle_add(bundle, arena_printf(bundle->arena, "%s/parts/%s.salt", folder, part->name), part->salt, SALT_SIZE);
	}
}

int bundle_finish(struct bundle *bundle, const struct note_key *key, const uint8_t seed[ED25519_SEED_SIZE])
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	CLEANUP(buf_clear) struct buf note = { 0 };
	int r;

	bundle_sort(bundle);
	bundle_manifest(bundle, &text);
	if (seed) {
		(void)note_begin(&note, text.data, text.len);
		r = note_sign(&note, text.data, text.len, key, seed);
		if (r < 0)
			return r;
	}
	bundle_add(bundle, BUNDLE_MANIFEST, seed ? note.data : text.data, seed ? note.len : text.len);
	bundle_sort(bundle);
	return 0;
}
