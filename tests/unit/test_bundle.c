/* Evidence bundles: what is whole is called whole, what was left out is missed, and nothing altered passes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/bundle_world.h"

#define RECORDS 6

static void make_world(struct bundle_world *w, struct arena *arena, size_t size)
{
	static const char message[] = "{\"text\":\"pay\"}";
	struct bundle_part part = { .name = "message.json", .there = true, .salt = { 3 },
		.data = { (const uint8_t *)message, sizeof(message) - 1 } };

	world_begin(w, arena, size);
	for (size_t i = 0; i < RECORDS; i++)
		world_record(w, i * (size - 1) / (RECORDS - 1), "\"kind\":\"attempt.intent\"", &part, i == 2);
	world_sign(w);
}

/* The refusal's code, "" when it holds. `said` takes the last line of a check, by name. */
struct saying {
	const char *name;
	enum check_state state;
	bool said;
};

static void on_line(const struct check_line *line, void *arg)
{
	struct saying *s = arg;

	if (strcmp(line->name, s->name) == 0) {
		s->state = line->state;
		s->said = true;
	}
}

static const char *refusal(const struct bundle *bundle, const char *key, struct saying *saying)
{
	static struct err err;
	struct bundle_checking how = { .verifier_key = key, .ahead = 1000, .line = saying ? on_line : NULL, .arg = saying };

	err = (struct err){ 0 };
	return bundle_check(bundle, &how, &err) < 0 ? err.code : "";
}

static enum check_state state_of(const struct bundle *bundle, const char *key, const char *name)
{
	struct saying s = { .name = name };

	assert_string_equal(refusal(bundle, key, &s), "");
	assert_true(s.said);
	return s.state;
}

static const char *vkey_text(struct bundle_world *w, const char *name)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct note_key key;

	assert_int_equal(note_key_make(name, NOTE_ED25519, w->log.key.public_key, &key), 0);
	note_key_add(&text, &key);
	return arena_strdup(w->arena, buf_str(&text));
}

static void a_whole_bundle(void **state)
{
	static const size_t sizes[] = { RECORDS, 255, 256, 257, 600 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		struct bundle_world w;
		struct bundle bundle;

		make_world(&w, arena, sizes[i]);
		bundle = world_bundle(&w, SIZE_MAX, true);
		assert_int_equal(bundle_finish(&bundle, &w.log.key, BUNDLE_SEED), 0);
		assert_int_equal(state_of(&bundle, NULL, "complete"), CHECK_GOOD);
		assert_int_equal(state_of(&bundle, NULL, "manifest"), CHECK_GOOD);
		assert_int_equal(state_of(&bundle, NULL, "key"), CHECK_NOT);
		assert_int_equal(state_of(&bundle, NULL, "anchored"), CHECK_NOT);
		assert_int_equal(state_of(&bundle, NULL, "witnessed"), CHECK_NOT);
		assert_int_equal(state_of(&bundle, vkey_text(&w, BUNDLE_ORIGIN), "key"), CHECK_GOOD);
		assert_int_equal(state_of(&bundle, vkey_text(&w, BUNDLE_ORIGIN "/2026"), "key"), CHECK_GOOD);
		assert_string_equal(refusal(&bundle, vkey_text(&w, "trail.example.com/other"), NULL), "key");
	}
}

static void what_was_not_looked_at_is_not_called_good(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct bundle_world w;
	struct bundle bundle;

	(void)state;
	make_world(&w, arena, 300);
	w.records[1].open = false;
	w.records[2].parts[0].there = false;
	bundle = world_bundle(&w, SIZE_MAX, false);
	assert_int_equal(bundle_finish(&bundle, &w.log.key, NULL), 0);
	assert_int_equal(state_of(&bundle, NULL, "manifest"), CHECK_NOT);
	assert_int_equal(state_of(&bundle, NULL, "records"), CHECK_NOT);
	assert_int_equal(state_of(&bundle, NULL, "parts"), CHECK_NOT);
	assert_int_equal(state_of(&bundle, NULL, "complete"), CHECK_NOT);
}

/* By whoever has the log key: with a manifest over what is left, rightly signed. */
static void a_record_left_out(void **state)
{
	(void)state;
	for (size_t i = 0; i < RECORDS; i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		struct bundle_world w;
		struct bundle bundle;

		make_world(&w, arena, 300);
		bundle = world_bundle(&w, i, true);
		assert_int_equal(bundle_finish(&bundle, &w.log.key, BUNDLE_SEED), 0);
		assert_string_equal(refusal(&bundle, NULL, NULL), i + 1 < RECORDS ? "order" : "complete");
	}
}

/* A manifest of more than a megabyte is a signed note like any other. */
static void very_many_files(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct bundle_world w;
	struct bundle bundle;

	(void)state;
	make_world(&w, arena, 300);
	bundle = world_bundle(&w, SIZE_MAX, true);
	for (int i = 0; i < 20000; i++)
		bundle_add(&bundle, arena_printf(arena, "extra/%05d", i), "x", 1);
	assert_int_equal(bundle_finish(&bundle, &w.log.key, BUNDLE_SEED), 0);
	assert_int_equal(state_of(&bundle, NULL, "manifest"), CHECK_GOOD);
}

static void two_records_exchanged(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct bundle_record first;
	struct bundle_world w;
	struct bundle bundle;

	(void)state;
	make_world(&w, arena, 300);
	first = w.records[2];
	w.records[2] = w.records[3];
	w.records[3] = first;
	bundle = world_bundle(&w, SIZE_MAX, true);
	assert_int_equal(bundle_finish(&bundle, &w.log.key, BUNDLE_SEED), 0);
	assert_string_equal(refusal(&bundle, NULL, NULL), "order");
}

/* A record of another text, a part of another, with everything else made anew: only the log stands against it. */
static void a_forged_record(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct bundle_world w;
	struct bundle bundle;
	char *text;

	(void)state;
	make_world(&w, arena, 300);
	text = arena_memdup(arena, w.records[4].text.data, w.records[4].text.len);
	text[5] = '2';
	w.records[4].text.data = (const uint8_t *)text;
	bundle = world_bundle(&w, SIZE_MAX, true);
	assert_int_equal(bundle_finish(&bundle, &w.log.key, BUNDLE_SEED), 0);
	assert_string_equal(refusal(&bundle, NULL, NULL), "records");
	make_world(&w, arena, 300);
	w.records[2].parts[0].data = (struct slice){ (const uint8_t *)"{}", 2 };
	bundle = world_bundle(&w, SIZE_MAX, true);
	assert_int_equal(bundle_finish(&bundle, &w.log.key, BUNDLE_SEED), 0);
	assert_string_equal(refusal(&bundle, NULL, NULL), "parts");
	make_world(&w, arena, 300);
	w.leaves[20][20] ^= 1; /* a stranger's, in the bundle's copy */
	bundle = world_bundle(&w, SIZE_MAX, true);
	assert_int_equal(bundle_finish(&bundle, &w.log.key, BUNDLE_SEED), 0);
	assert_string_equal(refusal(&bundle, NULL, NULL), "leaves");
}

static void files_missing_unknown_and_altered(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct bundle_world w;
	struct bundle bundle, other;

	(void)state;
	make_world(&w, arena, 300);
	bundle = world_bundle(&w, SIZE_MAX, true);
	assert_int_equal(bundle_finish(&bundle, &w.log.key, BUNDLE_SEED), 0);
	other = (struct bundle){ .arena = arena };
	for (size_t i = 0; i < bundle.count; i++)
		if (strcmp(bundle.files[i].path, "records/0003/salt") != 0)
			bundle_add(&other, bundle.files[i].path, bundle.files[i].data.data, bundle.files[i].data.len);
	assert_string_equal(refusal(&other, NULL, NULL), "files");
	bundle_add(&bundle, "letter.pdf", "x", 1);
	bundle_sort(&bundle);
	assert_string_equal(refusal(&bundle, NULL, NULL), "files");
}

/* After a take-over the debtor has a second file in the same log, numbered from 0 again: both are disclosed, both must be complete. */
static void two_files_of_one_debtor(void **state)
{
	(void)state;
	for (int robbed = 0; robbed < 3; robbed++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		struct bundle_world first, second;
		struct bundle bundle = { .arena = arena };
		size_t number = 0, out_of_first = robbed == 1, out_of_second = robbed == 2;
		char hex[2][65];
		char *keys;

		world_begin(&first, arena, 300);
		for (uint64_t i = 0; i < 4; i++)
			world_record(&first, 10 * i, "\"kind\":\"a\"", NULL, 0);
		second = first; /* the same log */
		second.count = 0;
		second.records = arena_alloc(arena, 10 * sizeof(*second.records));
		second.case_key[0] = 9;
		record_tag_key(second.case_key, BUNDLE_ORIGIN "/2026", second.tag_key);
		for (uint64_t i = 0; i < 3; i++)
			world_record(&second, 100 + 10 * i, "\"kind\":\"b\"", NULL, 0);
		world_sign(&second);
		bundle_add_log(&bundle, &second.log, true);
		keys = arena_printf(arena, BUNDLE_ORIGIN "/2026 %s\n" BUNDLE_ORIGIN "/2026 %s\n", hex_format(first.tag_key, 32, hex[0]),
			hex_format(second.tag_key, 32, hex[1]));
		bundle_add(&bundle, "case/tagkey", keys, strlen(keys));
		for (size_t i = 0; i < first.count - out_of_first; i++) {
			first.records[i].log = &second.log;
			bundle_add_record(&bundle, arena_printf(arena, "records/%04zu", ++number), &first.records[i]);
		}
		for (size_t i = 0; i < second.count - out_of_second; i++)
			bundle_add_record(&bundle, arena_printf(arena, "records/%04zu", ++number), &second.records[i]);
		assert_int_equal(bundle_finish(&bundle, &second.log.key, BUNDLE_SEED), 0);
		assert_string_equal(refusal(&bundle, NULL, NULL), robbed ? "complete" : "");
	}
}

/* Checkpoints with a stamp: each record proves itself against the first one that holds it. */
static struct bundle anchored(struct bundle_world *w, struct bundle_anchor *anchors, size_t count)
{
	struct bundle bundle;

	for (size_t i = 0; i < count; i++) {
		anchors[i].note = world_note(w, anchors[i].size);
		assert_int_equal(bundle_anchor_ready(&w->log, &anchors[i]), 0);
	}
	for (size_t i = 0; i < w->count; i++)
		for (size_t k = count; k-- > 0;)
			if (anchors[k].size > w->records[i].index)
				w->records[i].anchor = &anchors[k];
	bundle = world_bundle(w, SIZE_MAX, true);
	for (size_t i = 0; i < count; i++) {
		bundle_add_anchor(&bundle, &w->log, &anchors[i]);
		bundle_add(&bundle, arena_printf(w->arena, "log/2026/anchored/%llu/tsa.txt", (unsigned long long)anchors[i].size), "x", 1);
	}
	return bundle;
}

static void stamped_checkpoints(void **state)
{
	static const size_t sizes[] = { 10, 257, 600 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		struct bundle_anchor anchors[] = { { .size = 1 }, { .size = sizes[i] / 2 }, { .size = sizes[i] } };
		struct bundle_anchor beyond = { .size = sizes[i] + 1 };
		struct bundle_world w;
		struct bundle bundle;

		make_world(&w, arena, sizes[i]);
		beyond.note = w.log.note;
		assert_int_equal(bundle_anchor_ready(&w.log, &beyond), -EBADMSG);
		bundle = anchored(&w, anchors, ARRAY_LEN(anchors));
		assert_int_equal(bundle_finish(&bundle, &w.log.key, BUNDLE_SEED), 0);
		assert_int_equal(state_of(&bundle, NULL, "anchored"), CHECK_NOT); /* there is no stamp on them: see test_bundle_anchors */
		assert_int_equal(state_of(&bundle, NULL, "complete"), CHECK_GOOD);
	}
}

/* Rightly signed, and yet another history: the log's key holder showed the authority something else. */
static void a_stamp_on_another_history(void **state)
{
	static const char *const kinds[] = { "another root", "no consistency", "a proof against it" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		struct bundle_anchor anchor = { .size = 150 };
		struct bundle_world w, other;
		struct bundle bundle, all;

		make_world(&w, arena, 300);
		bundle = anchored(&w, &anchor, 1);
		make_world(&other, arena, 300);
		other.leaves[20][20] ^= 1;
		anchor.note = world_note(&other, 150);
		all = (struct bundle){ .arena = arena };
		for (size_t k = 0; k < bundle.count; k++) {
			const struct bundle_file *f = &bundle.files[k];

			if (i == 0 && strcmp(f->path, "log/2026/anchored/150/checkpoint") == 0)
				bundle_add(&all, f->path, anchor.note.data, anchor.note.len);
			else if (i == 2 && strcmp(f->path, "records/0001/anchored.tlog-proof") == 0)
				bundle_add(&all, f->path, "c2sp.org/tlog-proof@v1\n", 23);
			else if (i != 1 || strcmp(f->path, "log/2026/consistency/150-300") != 0)
				bundle_add(&all, f->path, f->data.data, f->data.len);
		}
		assert_int_equal(bundle_finish(&all, &w.log.key, BUNDLE_SEED), 0);
		assert_string_equal(refusal(&all, NULL, NULL), i == 2 ? "records" : "anchored");
	}
}

static void what_belongs_to_no_record(void **state)
{
	static const char *const paths[] = { "records/0001/parts/letter.txt", "records/0009/leaf", "system/0002/leaf" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		struct bundle_world w;
		struct bundle bundle;

		make_world(&w, arena, 300);
		bundle = world_bundle(&w, SIZE_MAX, true);
		bundle_add(&bundle, paths[i], "x", 1);
		assert_int_equal(bundle_finish(&bundle, &w.log.key, BUNDLE_SEED), 0);
		assert_string_equal(refusal(&bundle, NULL, NULL), "records");
	}
}

/* One bit anywhere in the zip file, at 10,000 places. */
static void no_bit_may_be_another(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf zip = { 0 };
	struct bundle_world w;
	struct bundle bundle, again = { .arena = arena };
	uint64_t random = 1;

	(void)state;
	make_world(&w, arena, 300);
	bundle = world_bundle(&w, SIZE_MAX, true);
	assert_int_equal(bundle_finish(&bundle, &w.log.key, BUNDLE_SEED), 0);
	assert_int_equal(bundle_zip(&bundle, &zip), 0);
	assert_int_equal(bundle_unzip(zip.data, zip.len, &again, NULL), 0);
	assert_int_equal(again.count, bundle.count);
	assert_string_equal(refusal(&again, NULL, NULL), "");
	for (int i = 0; i < 10000; i++) {
		CLEANUP(arena_freep) struct arena *scratch = arena_create();
		struct bundle altered = { .arena = scratch };
		size_t bit;

		random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		bit = (size_t)(random >> 16) % (8 * zip.len);
		zip.data[bit / 8] ^= (char)(1 << bit % 8);
		if (bundle_unzip(zip.data, zip.len, &altered, NULL) == 0)
			fail_msg("bit %zu altered and taken", bit);
		zip.data[bit / 8] ^= (char)(1 << bit % 8);
	}
	for (int i = 0; i < 10000; i++) { /* and in the files of a folder, which no zip file guards */
		struct bundle_file *file;
		struct slice whole;
		uint8_t *copy;
		size_t bit;

		random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		file = &again.files[(random >> 16) % again.count];
		whole = file->data;
		copy = malloc(whole.len);
		memcpy(copy, whole.data, whole.len);
		bit = (size_t)(random >> 40) % (8 * whole.len);
		copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
		file->data.data = copy;
		if (refusal(&again, NULL, NULL)[0] == '\0')
			fail_msg("bit %zu of %s altered and taken", bit, file->path);
		file->data = whole;
		free(copy);
	}
}

/* Else our own reader alone would take it: the check value of CRC-32, of nine bytes and so of fours and a rest. */
static void the_crc_of_a_file_is_that_of_all_zip_files(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf zip = { 0 };
	struct bundle bundle = { .arena = arena };

	(void)state;
	bundle_add(&bundle, "a", "123456789", 9);
	assert_int_equal(bundle_zip(&bundle, &zip), 0);
	assert_memory_equal(zip.data + 14, "\x26\x39\xf4\xcb", 4);
}

static void paths(void **state)
{
	static const char *const bad[] = { "", "/a", "a/", "a//b", "../a", "a/../b", ".a", "a/.b", "a b", "a\\b", "C:", "a\nb", "\xc3\xa9" };

	(void)state;
	assert_true(bundle_path_valid("log/2026/tile/entries/x001/x234/067.p/8"));
	assert_true(bundle_path_valid("report.fr.html"));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (bundle_path_valid(bad[i]))
			fail_msg("%s is taken", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_whole_bundle), cmocka_unit_test(what_was_not_looked_at_is_not_called_good),
		cmocka_unit_test(a_record_left_out), cmocka_unit_test(two_records_exchanged), cmocka_unit_test(very_many_files), cmocka_unit_test(a_forged_record),
		cmocka_unit_test(files_missing_unknown_and_altered), cmocka_unit_test(what_belongs_to_no_record), cmocka_unit_test(two_files_of_one_debtor), cmocka_unit_test(stamped_checkpoints),
		cmocka_unit_test(a_stamp_on_another_history), cmocka_unit_test(no_bit_may_be_another),
		cmocka_unit_test(the_crc_of_a_file_is_that_of_all_zip_files), cmocka_unit_test(paths) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
