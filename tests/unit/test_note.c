/* Signed notes, keys and checkpoints against published data; and that nothing altered passes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/note.h"
#include "tests/unit/vectors.h"

#define KEYS_MAX 8
#define TEXT "trail.example.com/acme/host-a/2026\n3\nXEu1SmuIv6E+JURiJy8h0dYs5yNUQk+BqWAFFoWyrPc=\n"

static const uint8_t seed[ED25519_SEED_SIZE] = { 1, 2, 3 };

static size_t read_keys(const struct json *row, struct note_key *ret)
{
	struct json vkeys = json_get(row, "vkeys");

	assert_true(json_len(&vkeys) > 0 && json_len(&vkeys) <= KEYS_MAX);
	for (size_t i = 0; i < json_len(&vkeys); i++) {
		struct json vkey = json_at(&vkeys, i);

		assert_int_equal(note_key_parse(json_str(&vkey), &ret[i]), 0);
	}
	return json_len(&vkeys);
}

/* Read and verified with the keys of that row. */
static int read_note(struct slice bytes, const struct json *row, struct note *note, struct note_seal *seals)
{
	struct note_key keys[KEYS_MAX];
	size_t count = read_keys(row, keys);
	int r = note_parse(bytes.data, bytes.len, note);

	return r < 0 ? r : note_verify(note, keys, count, seals);
}

static bool either(const struct json *row)
{
	return strcmp(vector_text(row, "expect"), "either") == 0;
}

static void assert_expected(const struct json *row, int r)
{
	if (!either(row) && (r == 0) != vector_valid(row))
		fail_msg("%s: %d, not %s", vector_text(row, "desc"), r, vector_text(row, "expect"));
}

/* --- what is published ------------------------------------------------------------------------------ */

static void verifier_keys(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json root = vector_json(arena, "notes.json"), rows = json_get(&root, "verifier_keys"), keys = json_get(&root, "keys");

	(void)state;
	assert_true(json_len(&rows) > 0 && json_len(&keys) > 0);
	for (size_t i = 0; i < json_len(&rows); i++) {
		CLEANUP(buf_clear) struct buf again = { 0 };
		struct json row = json_at(&rows, i);
		struct note_key key;
		int r = note_key_parse(vector_text(&row, "vkey"), &key);

		assert_expected(&row, r);
		if (r == 0) {
			note_key_add(&again, &key);
			assert_string_equal(buf_str(&again), vector_text(&row, "vkey"));
		}
	}
	for (size_t i = 0; i < json_len(&keys); i++) { /* out of their seeds */
		CLEANUP(buf_clear) struct buf again = { 0 };
		struct json row = json_at(&keys, i);
		struct slice from = vector_hex(arena, vector_text(&row, "seed_hex"));
		uint8_t public_key[ED25519_KEY_SIZE];
		struct note_key key;

		ed25519_public_key(from.data, public_key);
		assert_int_equal(note_key_make(vector_text(&row, "name"), (enum note_type)vector_number(&row, "type"), public_key, &key), 0);
		note_key_add(&again, &key);
		assert_string_equal(buf_str(&again), vector_text(&row, "vkey"));
	}
}

/* Ed25519 gives the same signature again: the line that a key's seed makes stands in the note. */
static void sign_again(struct arena *arena, const struct json *all_keys, const struct note *note, struct slice bytes,
	const struct note_seal *seals, const struct json *row)
{
	struct json vkeys = json_get(row, "vkeys");

	for (size_t i = 0; i < json_len(&vkeys); i++) {
		struct json vkey = json_at(&vkeys, i);

		for (size_t k = 0; k < json_len(all_keys); k++) {
			CLEANUP(buf_clear) struct buf line = { 0 };
			struct json owner = json_at(all_keys, k);
			struct note_key key;

			if (!seals[i].good || strcmp(vector_text(&owner, "vkey"), json_str(&vkey)) != 0)
				continue;
			assert_int_equal(note_key_parse(json_str(&vkey), &key), 0);
			assert_int_equal(note_sign(&line, note->text.data, note->text.len, &key,
						 vector_hex(arena, vector_text(&owner, "seed_hex")).data), 0);
			assert_non_null(memmem(bytes.data, bytes.len, line.data, line.len));
		}
	}
}

static void check_notes(const char *file)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json root = vector_json(arena, file), rows = json_get(&root, "cases"), keys = json_get(&root, "keys");

	assert_true(json_len(&rows) > 0);
	for (size_t i = 0; i < json_len(&rows); i++) {
		struct json row = json_at(&rows, i);
		struct slice bytes = vector_base64(arena, &row, "note_base64");
		struct note_seal seals[KEYS_MAX];
		struct note note;
		int r = read_note(bytes, &row, &note, seals);

		assert_expected(&row, r);
		if (r < 0 || either(&row))
			continue;
		sign_again(arena, &keys, &note, bytes, seals, &row);
		for (size_t at = 0; at < note.text.len; at++) { /* no byte of the text may be another */
			((uint8_t *)bytes.data)[at] ^= 1;
			if (read_note(bytes, &row, &note, seals) == 0)
				fail_msg("%s: byte %zu altered and taken", vector_text(&row, "desc"), at);
			((uint8_t *)bytes.data)[at] ^= 1;
		}
	}
}

static void notes(void **state)
{
	(void)state;
	check_notes("notes.json");
}

static void notes_of_specifications(void **state)
{
	(void)state;
	check_notes("notes-published.json");
}

static void cosignatures(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json root = vector_json(arena, "cosignatures.json"), rows = json_get(&root, "cases");

	(void)state;
	assert_true(json_len(&rows) > 0);
	for (size_t i = 0; i < json_len(&rows); i++) {
		struct json row = json_at(&rows, i), times = json_get(&row, "times");
		struct note_key keys[KEYS_MAX];
		struct note_seal seals[KEYS_MAX];
		struct note note;
		size_t count = read_keys(&row, keys), witness = 0;
		int r = read_note(vector_base64(arena, &row, "note_base64"), &row, &note, seals);

		assert_expected(&row, r);
		for (size_t k = 0; r == 0 && k < count; k++) {
			struct json time;

			assert_true(seals[k].good);
			if (keys[k].type != NOTE_COSIGNATURE)
				continue;
			time = json_at(&times, witness++);
			assert_int_equal(seals[k].time, json_int(&time));
		}
		assert_int_equal(witness, json_len(&times));
	}
}

static void checkpoints(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json root = vector_json(arena, "checkpoints.json"), rows = json_get(&root, "cases");

	(void)state;
	assert_true(json_len(&rows) > 0);
	for (size_t i = 0; i < json_len(&rows); i++) {
		CLEANUP(buf_clear) struct buf again = { 0 }, lines = { 0 };
		struct json row = json_at(&rows, i), extensions = json_get(&row, "extensions");
		struct slice bytes = vector_base64(arena, &row, "note_base64");
		struct note_seal seals[KEYS_MAX];
		struct checkpoint checkpoint;
		struct note note;
		uint8_t hash[SHA256_SIZE];
		int r = read_note(bytes, &row, &note, seals);

		if (r == 0)
			r = checkpoint_parse(note.text.data, note.text.len, &checkpoint);
		else
			assert_false(vector_valid(&row));
		assert_expected(&row, r);
		if (r < 0)
			continue;
		assert_int_equal(checkpoint.origin.len, strlen(vector_text(&row, "origin")));
		assert_memory_equal(checkpoint.origin.data, vector_text(&row, "origin"), checkpoint.origin.len);
		assert_int_equal(checkpoint.size, vector_number(&row, "size"));
		vector_hash(&row, "root_hex", hash);
		assert_memory_equal(checkpoint.root, hash, SHA256_SIZE);
		for (size_t k = 0; k < json_len(&extensions); k++) {
			struct json line = json_at(&extensions, k);

			buf_printf(&lines, "%s\n", json_str(&line));
		}
		assert_int_equal(checkpoint.extensions.len, lines.len);
		if (lines.len)
			assert_memory_equal(checkpoint.extensions.data, lines.data, lines.len);
		assert_int_equal(checkpoint_add(&again, &checkpoint), 0);
		assert_int_equal(again.len, note.text.len);
		assert_memory_equal(again.data, note.text.data, again.len);
	}
}

static void checkpoints_on_a_disk(void **state)
{
	static const char *const files[] = { "checkpoint", "older/checkpoint-0", "older/checkpoint-1", "older/checkpoint-2",
		"older/checkpoint-255", "older/checkpoint-256", "older/checkpoint-257", "older/checkpoint-299" };
	static const uint64_t sizes[] = { 300, 0, 1, 2, 255, 256, 257, 299 };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	char *vkey = (char *)vector_file(arena, "log-300/vkey").data;
	struct note_key key;

	(void)state;
	vkey[strcspn(vkey, "\n")] = '\0';
	assert_int_equal(note_key_parse(vkey, &key), 0);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		struct slice bytes = vector_file(arena, arena_join(arena, "log-300/", files[i]));
		struct checkpoint checkpoint;
		struct note_seal seal;
		struct note note;

		assert_int_equal(note_parse(bytes.data, bytes.len, &note), 0);
		assert_int_equal(note_verify(&note, &key, 1, &seal), 0);
		assert_int_equal(checkpoint_parse(note.text.data, note.text.len, &checkpoint), 0);
		assert_int_equal(checkpoint.size, sizes[i]);
		assert_int_equal(checkpoint.origin.len, strlen(key.name));
		assert_memory_equal(checkpoint.origin.data, key.name, checkpoint.origin.len);
	}
}

/* --- beyond it -------------------------------------------------------------------------------------- */

static void make_key(const char *name, const uint8_t from[ED25519_SEED_SIZE], struct note_key *ret)
{
	uint8_t public_key[ED25519_KEY_SIZE];

	ed25519_public_key(from, public_key);
	assert_int_equal(note_key_make(name, NOTE_ED25519, public_key, ret), 0);
}

static void our_own_is_read_back(void **state)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	struct note_key key, stranger;
	struct note_seal seals[2];
	struct note note;
	uint8_t other[ED25519_SEED_SIZE] = { 9 };

	(void)state;
	make_key("trail.example.com/acme/host-a/2026", seed, &key);
	make_key("stranger.example.com", other, &stranger);
	assert_int_equal(note_begin(&out, TEXT, strlen(TEXT)), 0);
	assert_int_equal(note_parse(out.data, out.len, &note), -EBADMSG); /* nobody signed yet */
	assert_int_equal(note_sign(&out, TEXT, strlen(TEXT), &key, other), -EKEYREJECTED);
	assert_int_equal(note_sign(&out, TEXT, strlen(TEXT), &stranger, other), 0);
	assert_int_equal(note_parse(out.data, out.len, &note), 0);
	assert_int_equal(note_verify(&note, &key, 1, seals), -ENOKEY);
	assert_false(seals[0].good);
	assert_int_equal(note_sign(&out, TEXT, strlen(TEXT), &key, seed), 0);
	assert_int_equal(note_parse(out.data, out.len, &note), 0);
	assert_int_equal(note.signature_count, 2);
	assert_int_equal(note_verify(&note, (struct note_key[]){ key, stranger }, 2, seals), 0);
	assert_true(seals[0].good && seals[1].good);
	assert_int_equal(note.text.len, strlen(TEXT));
	key.type = NOTE_COSIGNATURE;
	assert_int_equal(note_sign(&out, TEXT, strlen(TEXT), &key, seed), -EINVAL);
}

/* Lines of strangers are passed over, but lines they must be. */
static void what_a_stranger_may_not_add(void **state)
{
	static const char *const bad[] = { "\xe2\x80\x94 x AAAAAAA=", "\xe2\x80\x94 x AAAAAA==\n", "\xe2\x80\x94 x AA==\n", "\xe2\x80\x94 x \n",
		"\xe2\x80\x94 x\n", "\xe2\x80\x94  AAAAAAA=\n", "\xe2\x80\x94 x+y AAAAAAA=\n", "\xe2\x80\x94 x AAAAAAA= \n", "x AAAAAAA=\n", "x", "\n" };
	CLEANUP(buf_clear) struct buf out = { 0 };
	struct note_key key;
	struct note note;
	size_t len;

	(void)state;
	make_key("trail.example.com/acme/host-a/2026", seed, &key);
	assert_int_equal(note_begin(&out, TEXT, strlen(TEXT)), 0);
	assert_int_equal(note_sign(&out, TEXT, strlen(TEXT), &key, seed), 0);
	len = out.len;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		out.len = len;
		buf_add_str(&out, bad[i]);
		if (note_parse(out.data, out.len, &note) != -EBADMSG)
			fail_msg("taken: %s", bad[i]);
	}
	out.len = len;
	buf_add_str(&out, "\xe2\x80\x94 x AAAAAAA=\n");
	assert_int_equal(note_parse(out.data, out.len, &note), 0);
}

static void what_cannot_be_signed(void **state)
{
	static const char *const texts[] = { "", "no line end", "tab\there\n", "\xe9\n", "nul\x01\n" };
	CLEANUP(buf_clear) struct buf out = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_int_equal(note_begin(&out, texts[i], strlen(texts[i])), -EINVAL);
	assert_int_equal(out.len, 0);
}

static void names(void **state)
{
	static const char *const bad[] = { "", "a b", "a+b", "a\nb", "a\tb", "a\u00a0b", "a\u2003", "\u3000a", "a\xc2\x85", "\xff" };
	char long_name[NOTE_NAME_MAX + 2];
	uint8_t public_key[ED25519_KEY_SIZE] = { 1 };
	struct note_key key;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(note_key_make(bad[i], NOTE_ED25519, public_key, &key), -EINVAL);
	memset(long_name, 'x', sizeof(long_name));
	long_name[NOTE_NAME_MAX + 1] = '\0';
	assert_int_equal(note_key_make(long_name, NOTE_ED25519, public_key, &key), -EINVAL);
	long_name[NOTE_NAME_MAX] = '\0';
	assert_int_equal(note_key_make(long_name, NOTE_ED25519, public_key, &key), 0);
	assert_int_equal(note_key_make("é.example.com/~journal", NOTE_ED25519, public_key, &key), 0);
	assert_int_equal(note_key_make("x", (enum note_type)6, public_key, &key), -EINVAL);
}

static void other_verifier_keys(void **state)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct note_key key;

	(void)state;
	make_key("x", seed, &key);
	note_key_add(&text, &key);
	assert_int_equal(note_key_parse(buf_str(&text), &key), 0);
	for (size_t i = 2; i < 10; i++) /* the id is written in lower case, and in one way */
		if (text.data[i] >= 'a' && text.data[i] <= 'f') {
			text.data[i] = (char)(text.data[i] - 32);
			assert_int_equal(note_key_parse(buf_str(&text), &key), -EBADMSG);
			text.data[i] = (char)(text.data[i] + 32);
		}
	buf_add_char(&text, '\n');
	assert_int_equal(note_key_parse(buf_str(&text), &key), -EBADMSG);
	assert_int_equal(note_key_parse("x+00000000+Bg==", &key), -ENOTSUP);
	assert_int_equal(note_key_parse("x+00000000+", &key), -EBADMSG);
}

static void too_much(void **state)
{
	CLEANUP(buf_clear) struct buf out = { 0 }, big = { 0 };
	struct note_key key;
	struct note note;

	(void)state;
	make_key("x", seed, &key);
	assert_int_equal(note_begin(&out, "a\n", 2), 0);
	for (size_t i = 0; i < NOTE_SIGNATURES_MAX; i++)
		assert_int_equal(note_sign(&out, "a\n", 2, &key, seed), 0);
	assert_int_equal(note_parse(out.data, out.len, &note), 0);
	assert_int_equal(note_sign(&out, "a\n", 2, &key, seed), 0);
	assert_int_equal(note_parse(out.data, out.len, &note), -E2BIG);
	buf_reserve(&big, NOTE_MAX + 1);
	memset(big.data, 'x', NOTE_MAX + 1);
	assert_int_equal(note_parse(big.data, NOTE_MAX + 1, &note), -E2BIG);
	assert_int_equal(note_parse("", 0, &note), -EBADMSG);
}

#define LINE(text) { (const uint8_t *)(text), sizeof(text) - 1 }

static void checkpoints_that_nobody_could_read(void **state)
{
	const struct checkpoint rows[] = {
		{ .origin = LINE(""), .size = 1 },
		{ .origin = LINE("a\nb"), .size = 1 },
		{ .origin = LINE("a\x01"), .size = 1 },
		{ .origin = LINE("a"), .size = 0 }, /* with zeros for a root */
		{ .origin = LINE("a"), .size = (uint64_t)INT64_MAX + 1 },
		{ .origin = LINE("a"), .size = 1, .extensions = LINE("no end") },
		{ .origin = LINE("a"), .size = 1, .extensions = LINE("one\n\ntwo\n") },
	};
	CLEANUP(buf_clear) struct buf out = { 0 };
	struct checkpoint good = { .origin = LINE("a"), .size = 1 }, read;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(checkpoint_add(&out, &rows[i]), -EINVAL);
	assert_int_equal(out.len, 0);
	assert_int_equal(checkpoint_add(&out, &good), 0);
	for (size_t len = 0; len < out.len; len++)
		assert_int_equal(checkpoint_parse(out.data, len, &read), -EBADMSG);
	assert_int_equal(checkpoint_parse(out.data, out.len, &read), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(verifier_keys),
		cmocka_unit_test(notes),
		cmocka_unit_test(notes_of_specifications),
		cmocka_unit_test(cosignatures),
		cmocka_unit_test(checkpoints),
		cmocka_unit_test(checkpoints_on_a_disk),
		cmocka_unit_test(our_own_is_read_back),
		cmocka_unit_test(what_a_stranger_may_not_add),
		cmocka_unit_test(what_cannot_be_signed),
		cmocka_unit_test(names),
		cmocka_unit_test(other_verifier_keys),
		cmocka_unit_test(too_much),
		cmocka_unit_test(checkpoints_that_nobody_could_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
