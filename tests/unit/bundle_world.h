/*
 * bundle_world - a log with the records of one debtor among those of others, and a bundle of it.
 */
#ifndef TESTS_BUNDLE_WORLD_H
#define TESTS_BUNDLE_WORLD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bundle_check.h"
#include "common/bundle_make.h"
#include "common/hash.h"
#include "common/utc.h"

#define BUNDLE_ORIGIN "trail.example.com/acme/host-a"
#define BUNDLE_SEED ((const uint8_t[ED25519_SEED_SIZE]){ 4, 5, 6 })
#define WORLD static __attribute__((unused))

struct bundle_world {
	struct arena *arena;
	size_t size; /* leaves of the log */
	uint8_t case_key[32], tag_key[32], salt[SALT_SIZE];
	char (*leaves)[LEAF_SIZE];
	struct bundle_log log;
	struct bundle_record *records; /* of the debtor */
	size_t count;
	char prev[300]; /* member of the next one */
};

/* One more record at that place of the log. `members` without braces, may be ""; the parts name themselves. */
WORLD void world_record(struct bundle_world *w, uint64_t index, const char *members, const struct bundle_part *parts, size_t part_count)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct bundle_record *record = &w->records[w->count];
	uint8_t commitment[32], tag[32];
	char hex[65];

	*record = (struct bundle_record){ .log = &w->log, .index = index, .open = true, .part_count = part_count };
	buf_printf(&text, "{\"v\":1,\"case\":\"cus_7\",\"seq\":%zu%s,%s", w->count, w->prev, members);
	for (size_t i = 0; i < part_count; i++) {
		record->parts[i] = parts[i];
		part_commitment(parts[i].salt, parts[i].data.data, parts[i].data.len, commitment);
		buf_printf(&text, "%s{\"name\":\"%s\",\"media_type\":\"application/json\",\"size\":%zu,\"commitment\":\"%s\",\"class\":\"content\"}",
			i ? "," : ",\"parts\":[", parts[i].name, parts[i].data.len, hex_format(commitment, 32, hex));
	}
	buf_printf(&text, "%s}", part_count ? "]" : "");
	record->text = (struct slice){ arena_memdup(w->arena, text.data, text.len), text.len };
	memcpy(record->salt, w->salt, SALT_SIZE);
	record_commitment(record->salt, text.data, text.len, commitment);
	record_tag(w->tag_key, w->count, tag);
	record_leaf(commitment, tag, w->leaves[index]);
	record_leaf_hash(w->leaves[index], commitment);
	snprintf(w->prev, sizeof(w->prev), ",\"prev\":{\"origin\":\"" BUNDLE_ORIGIN "/2026\",\"index\":%llu,\"leaf_hash\":\"%s\"}",
		(unsigned long long)index, hex_format(commitment, 32, hex));
	w->count++;
}

/* A log of `size` leaves of others. */
WORLD void world_begin(struct bundle_world *w, struct arena *arena, size_t size)
{
	*w = (struct bundle_world){ .arena = arena, .size = size, .case_key = { 1, 2 }, .salt = { 7, 7 } };
	w->leaves = arena_alloc(arena, size * LEAF_SIZE);
	w->records = arena_alloc(arena, 1000 * sizeof(*w->records));
	record_tag_key(w->case_key, BUNDLE_ORIGIN "/2026", w->tag_key);
	for (size_t i = 0; i < size; i++) {
		uint8_t commitment[32], tag[32];

		sha256(&i, sizeof(i), commitment);
		sha256(commitment, 32, tag);
		record_leaf(commitment, tag, w->leaves[i]);
	}
}

/* The signed note over the first leaves; in the arena. */
WORLD struct slice world_note(struct bundle_world *w, size_t size)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	CLEANUP(buf_clear) struct buf note = { 0 };
	struct merkle_range *range = arena_alloc(w->arena, sizeof(*range));
	struct checkpoint checkpoint = { .origin = { (const uint8_t *)BUNDLE_ORIGIN "/2026", sizeof(BUNDLE_ORIGIN "/2026") - 1 }, .size = size };
	uint8_t public_key[32];

	for (size_t i = 0; i < size; i++) {
		uint8_t hash[32];

		record_leaf_hash(w->leaves[i], hash);
		merkle_append(range, hash);
	}
	merkle_root(range, checkpoint.root);
	ed25519_public_key(BUNDLE_SEED, public_key);
	if (note_key_make(BUNDLE_ORIGIN "/2026", NOTE_ED25519, public_key, &w->log.key) < 0 || checkpoint_add(&text, &checkpoint) < 0 ||
		note_begin(&note, text.data, text.len) < 0 || note_sign(&note, text.data, text.len, &w->log.key, BUNDLE_SEED) < 0)
		abort();
	return (struct slice){ arena_memdup(w->arena, note.data, note.len), note.len };
}

/* Signs the log. */
WORLD void world_sign(struct bundle_world *w)
{
	struct err err = { 0 };

	w->log.year = 2026;
	w->log.note = world_note(w, w->size);
	w->log.leaves = (const char(*)[LEAF_SIZE])w->leaves;
	if (bundle_log_ready(&w->log, w->size, w->arena, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		abort();
	}
}

/* The bundle, but for its manifest. `leave_out`: a record that it lacks; SIZE_MAX = none. */
WORLD struct bundle world_bundle(struct bundle_world *w, size_t leave_out, bool leaves)
{
	struct bundle bundle = { .arena = w->arena };
	char hex[65];
	const char *line = arena_printf(w->arena, BUNDLE_ORIGIN "/2026 %s\n", hex_format(w->tag_key, 32, hex));
	size_t number = 0;

	bundle_add_log(&bundle, &w->log, leaves);
	bundle_add(&bundle, "case/tagkey", line, strlen(line));
	for (size_t i = 0; i < w->count; i++)
		if (i != leave_out)
			bundle_add_record(&bundle, arena_printf(w->arena, "records/%04zu", ++number), &w->records[i]);
	return bundle;
}

#endif
