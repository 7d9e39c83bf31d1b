/* The tree that json_tree.c builds is the one that json-c builds: documents of every shape, read by both. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "common/json.h"

#define ROUNDS 3000

/* Read without JSON_COMMENTS it is ours, with them json-c's. */
static void same(const char *text, size_t len)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf ours = { 0 };
	CLEANUP(buf_clear) struct buf theirs = { 0 };
	struct err err = { 0 };
	struct json a, b;

	assert_int_equal(json_parse(arena, text, len, JSON_FRACTIONS, &a, &err), 0);
	assert_int_equal(json_parse(arena, text, len, JSON_FRACTIONS | JSON_COMMENTS, &b, &err), 0);
	json_write(&ours, &a);
	json_write(&theirs, &b);
	assert_string_equal(buf_str(&ours), buf_str(&theirs));
	assert_int_equal(a.type, b.type);
	assert_int_equal(json_len(&a), json_len(&b));
}

static void test_documents(void **state)
{
	static const char *const rows[] = { "{}", "[]", "null", "true", "false", "0", "-0", "-9223372036854775808",
		"9223372036854775807", "1.5", "-2e3", "1E-7", "\"\"", "\"a\"", " [ 1 , 2 ] ", "\t{\"a\" :\n{\"b\":[]}}\r\n",
		"{\"a\":null,\"b\":[null,true,{\"c\":\"d\"}],\"e\":12,\"\":\"empty name\"}", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
		"\"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\\uFFFD\"", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"", "[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]",
		"[[],[[]],{},{\"a\":{}}]" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		same(rows[i], strlen(rows[i]));
}

/* A text need not end with NUL, and its last byte may be a digit. */
static void test_borrowed_text(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	char *exact = malloc(3);
	struct err err = { 0 };
	struct json json;

	(void)state;
	memcpy(exact, "123", 3);
	assert_int_equal(json_parse(arena, exact, 2, 0, &json, &err), 0);
	assert_int_equal(json_int(&json), 12);
	assert_int_equal(json_parse(arena, exact, 3, 0, &json, &err), 0);
	assert_int_equal(json_int(&json), 123);
	free(exact);
}

static void test_many_members(void **state)
{
	CLEANUP(buf_clear) struct buf text = { 0 };

	(void)state;
	buf_add_char(&text, '{');
	for (int i = 0; i < 1000; i++)
		buf_printf(&text, "%s\"name %d\":[%d,{\"x\":%d}]", i ? "," : "", i, i, -i);
	buf_add_char(&text, '}');
	same(text.data, text.len);
}

/* What is not plain, as it stands in a text and in JSON; JSON that is refused in a string has no text. */
static const struct {
	const char *text, *json;
} specials[] = { { "\"", "\\\"" }, { "\\", "\\\\" }, { "\n", "\\n" }, { "\x01", "\\u0001" }, { "\x1f", "\\u001f" }, { " ", " " }, { "!", "!" },
	{ "#", "#" }, { "[", "[" }, { "]", "]" }, { "\x7f", "\x7f" }, { "\xc2\x80", "\xc2\x80" }, { "\xe2\x82\xac", "\xe2\x82\xac" },
	{ "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" }, { NULL, "\n" }, { NULL, "\x1f" }, { NULL, "\x80" }, { NULL, "\xff" }, { NULL, "\xa2" },
	{ NULL, "\xdc" }, { NULL, "\xe2\x82" }, { NULL, "\\x" } };

/* At every place of a word, with each of them at every distance behind: text is looked at by sixteen or by eight bytes. */
static void special_at(size_t place, size_t distance, size_t after, size_t which, size_t second)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf text = { 0 };
	CLEANUP(buf_clear) struct buf json = { 0 };
	CLEANUP(buf_clear) struct buf written = { 0 };
	struct json_writer w = jw_init(&written);
	struct err err = { 0 };
	struct json parsed, member;
	bool wrong = !specials[which].text || !specials[second].text;
	char *exact;

	buf_add_str(&json, "{\"");
	for (int round = 0; round < 2; round++) { /* as a name and as a value */
		buf_reset(&text);
		for (size_t i = 0; i < place + distance + after; i++) {
			size_t what = i == place ? which : i == place + distance ? second : SIZE_MAX;

			buf_add_str(&text, what == SIZE_MAX ? "z" : wrong ? "?" : specials[what].text);
			buf_add_str(&json, what == SIZE_MAX ? "z" : specials[what].json);
		}
		buf_add_str(&json, round ? "\"}" : "\":\"");
	}
	exact = malloc(json.len); /* a read past the end is seen */
	assert_non_null(exact);
	memcpy(exact, json.data, json.len);
	assert_int_equal(json_parse(arena, exact, json.len, 0, &parsed, &err), wrong ? -EBADMSG : 0);
	free(exact);
	if (wrong)
		return;
	member = json_get(&parsed, buf_str(&text));
	assert_string_equal(json_str(&member), buf_str(&text));
	jw_object(&w, NULL);
	jw_str(&w, buf_str(&text), buf_str(&text));
	jw_end_object(&w);
	assert_string_equal(buf_str(&written), buf_str(&json));
}

static void test_every_place_of_a_word(void **state)
{
	(void)state;
	for (size_t which = 0; which < ARRAY_LEN(specials); which++)
		for (size_t second = 0; second < ARRAY_LEN(specials); second++)
			for (size_t place = 0; place < 10; place++)
				/* Two halves of a character side by side could be a whole one. */
				for (size_t distance = specials[which].text ? 1 : 2; distance < 10; distance++)
					special_at(place, distance, 1 + (5 * place + distance) % 17, which, second);
}

struct dice {
	uint64_t state;
};

static unsigned roll(struct dice *dice, unsigned sides)
{
	dice->state = dice->state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(dice->state >> 33) % sides;
}

static void random_string(struct dice *dice, struct json_writer *w, const char *key)
{
	static const char *const bits[] = { "a", "\"", "\\", "\n", "\t", "\x01", "\xc3\xa9", "\xf0\x9f\x98\x80", "/", " ", "xyz" };
	CLEANUP(buf_clear) struct buf text = { 0 };

	for (unsigned n = roll(dice, 12); n; n--)
		buf_add_str(&text, bits[roll(dice, ARRAY_LEN(bits))]);
	jw_str(w, key, buf_str(&text));
}

static void random_value(struct dice *dice, struct json_writer *w, const char *key, int depth)
{
	char name[20];

	switch (roll(dice, depth ? 7 : 5)) {
	case 0: jw_null(w, key); break;
	case 1: jw_bool(w, key, roll(dice, 2)); break;
	case 2: jw_int(w, key, (int64_t)(dice->state >> roll(dice, 60)) * (roll(dice, 2) ? 1 : -1)); break;
	case 3: jw_raw(w, key, "-1.25e2", 7); break;
	case 4: random_string(dice, w, key); break;
	case 5:
		jw_array(w, key);
		for (unsigned n = roll(dice, 6); n; n--)
			random_value(dice, w, NULL, depth - 1);
		jw_end_array(w);
		break;
	default:
		jw_object(w, key);
		for (unsigned n = roll(dice, 6); n; n--) {
			snprintf(name, sizeof(name), "k%u", n);
			random_value(dice, w, name, depth - 1);
		}
		jw_end_object(w);
	}
}

static void test_random_documents(void **state)
{
	struct dice dice = { 20260302 };

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		CLEANUP(buf_clear) struct buf text = { 0 };
		struct json_writer w = jw_init(&text);

		random_value(&dice, &w, NULL, 6);
		same(text.data, text.len);
	}
}

static void test_random_bytes_differ(void **state)
{
	uint8_t one[32], seen[400][32];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(seen); i++) {
		random_bytes(one, sizeof(one));
		for (size_t k = 0; k < i; k++)
			assert_memory_not_equal(one, seen[k], sizeof(one));
		memcpy(seen[i], one, sizeof(one));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_documents),
		cmocka_unit_test(test_borrowed_text),
		cmocka_unit_test(test_many_members),
		cmocka_unit_test(test_every_place_of_a_word),
		cmocka_unit_test(test_random_documents),
		cmocka_unit_test(test_random_bytes_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
