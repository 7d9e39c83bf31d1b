/* What the RFC 8259 scanner takes and refuses, with code and path; and that json-c builds what it let through. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/json.h"

struct row {
	const char *name;
	const char *text;
	size_t len;
	unsigned flags;
	const char *code; /* NULL: accepted */
	const char *path;
};
#define TEXT(s) s, sizeof(s) - 1
#define OK(name, text) { name, TEXT(text), 0, NULL, NULL }
#define LAX(name, flags, text) { name, TEXT(text), flags, NULL, NULL }
#define BAD(name, text, code, path) { name, TEXT(text), 0, code, path }
#define BAD_LAX(name, flags, text, code, path) { name, TEXT(text), flags, code, path }

static const struct row rows[] = {
	/* RFC 8259 section 2 and 3: any value is a text, with blanks of four kinds around its tokens */
	OK("an object", "{}"),
	OK("an array", "[]"),
	OK("a bare string", "\"a\""),
	OK("a bare number", "7"),
	OK("a bare word", "null"),
	OK("blanks everywhere", " \t\r\n{ \"a\" : [ 1 , true , false , null ] } \n"),
	BAD("nothing", "", "bad_json", "$"),
	BAD("blanks alone", " \n", "bad_json", "$"),
	BAD("a form feed is no blank", "\f{}", "bad_json", "$"),
	BAD("a no-break space is no blank", "\xc2\xa0{}", "bad_json", "$"),
	BAD("NUL behind the value", "{}\0", "bad_json", "$"),
	BAD("a byte order mark", "\xef\xbb\xbf{}", "bad_json", "$"),
	BAD("two values", "{} {}", "bad_json", "$"),
	BAD("garbage behind the value", "{}x", "bad_json", "$"),
	BAD("an open object", "{", "bad_json", "$"),
	BAD("an object that ends in a name", "{\"a\"", "bad_json", "$.a"),
	BAD("an object that ends in a colon", "{\"a\":", "bad_json", "$.a"),
	BAD("an open array", "[1", "bad_json", "$[0]"),
	BAD("the wrong bracket", "[1}", "bad_json", "$[0]"),
	BAD("the wrong brace", "{\"a\":1]", "bad_json", "$.a"),
	BAD("a closing bracket alone", "]", "bad_json", "$"),
	BAD("a comma before the end of an array", "[1,]", "bad_json", "$[1]"),
	BAD("a comma before the end of an object", "{\"a\":1,}", "bad_json", "$.a"),
	BAD("a comma first", "[,1]", "bad_json", "$[0]"),
	BAD("two commas", "[1,,2]", "bad_json", "$[1]"),
	BAD("no comma", "[1 2]", "bad_json", "$[0]"),
	BAD("no colon", "{\"a\" 1}", "bad_json", "$.a"),
	BAD("a name without quotes", "{a:1}", "bad_json", "$"),
	BAD("a number as a name", "{1:1}", "bad_json", "$"),
	BAD("a comment in an event", "{} // no", "bad_json", "$"),
	/* words */
	BAD("True", "True", "bad_json", "$"),
	BAD("nul", "nul", "bad_json", "$"),
	BAD("nulll", "nulll", "bad_json", "$"),
	BAD("NaN", "{\"a\":NaN}", "bad_json", "$.a"),
	BAD("Infinity", "[Infinity]", "bad_json", "$[0]"),
	BAD("-Infinity", "[0,-Infinity]", "bad_json", "$[1]"),
	BAD("undefined", "undefined", "bad_json", "$"),
	/* strings */
	OK("every short escape", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
	OK("an escape of four digits", "\"\\u00e9\\u20AC\""),
	OK("a pair of surrogates", "\"\\ud83d\\ude00\""),
	OK("DEL and U+2028 as they are", "\"\x7f\xe2\x80\xa8\""),
	OK("the last code point", "\"\xf4\x8f\xbf\xbf\""),
	OK("a noncharacter", "\"\xef\xbf\xbf\""),
	BAD("single quotes", "'a'", "bad_json", "$"),
	BAD("an open string", "\"a", "bad_json", "$"),
	BAD("an open escape", "\"a\\", "bad_json", "$"),
	BAD("an unknown escape", "\"\\x41\"", "bad_json", "$"),
	BAD("an escaped quote mark of C", "\"\\'\"", "bad_json", "$"),
	BAD("a NUL as an escape letter", "\"\\\0\"", "bad_json", "$"),
	BAD("a raw newline", "\"a\nb\"", "bad_json", "$"),
	BAD("a raw tab", "{\"a\":\"\t\"}", "bad_json", "$.a"),
	BAD("a raw NUL", "\"a\0b\"", "bad_json", "$"),
	BAD("U+0000 by escape", "{\"a\":\"x\\u0000\"}", "bad_json", "$.a"),
	BAD("U+0000 in a name", "{\"a\\u0000b\":1}", "bad_json", "$"),
	BAD("three digits", "\"\\u12\"", "bad_json", "$"),
	BAD("an escape cut off", "\"\\u123", "bad_json", "$"),
	BAD("a digit that is none", "\"\\u12g4\"", "bad_json", "$"),
	BAD("a lone high surrogate", "\"\\ud83d\"", "bad_utf8", "$"),
	BAD("a high surrogate and a letter", "\"\\ud83dabcdefg\"", "bad_utf8", "$"),
	BAD("a high surrogate and another escape", "\"\\ud83d\\n12345\"", "bad_utf8", "$"),
	BAD("two high surrogates", "\"\\ud83d\\ud83d\"", "bad_utf8", "$"),
	BAD("a high surrogate and half an escape", "\"\\ud83d\\u12", "bad_utf8", "$"),
	BAD("a high surrogate and no digits", "\"\\ud83d\\uzzzz\"", "bad_json", "$"),
	BAD("the first and the last surrogate of each kind, alone: D800", "\"\\ud800\"", "bad_utf8", "$"),
	BAD("DBFF", "\"\\udbff\"", "bad_utf8", "$"),
	BAD("DC00", "\"\\udc00\"", "bad_utf8", "$"),
	BAD("DFFF", "\"\\udfff\"", "bad_utf8", "$"),
	BAD("a high surrogate and E000", "\"\\ud800\\ue000\"", "bad_utf8", "$"),
	OK("beside the surrogates: D7FF, E000, and the first and last pair", "\"\\ud7ff\\ue000\\ud800\\udc00\\udbff\\udfff\""),
	BAD("a lone low surrogate", "{\"a\":[\"\\ude00\"]}", "bad_utf8", "$.a[0]"),
	/* UTF-8: the ill-formed sequences of RFC 3629 */
	BAD("a continuation byte alone", "\"\x80\"", "bad_utf8", "$"),
	BAD("an overlong slash in two bytes", "\"\xc0\xaf\"", "bad_utf8", "$"),
	BAD("an overlong slash in three", "\"\xe0\x80\xaf\"", "bad_utf8", "$"),
	BAD("an overlong slash in four", "\"\xf0\x80\x80\xaf\"", "bad_utf8", "$"),
	BAD("Java's NUL", "\"\xc0\x80\"", "bad_utf8", "$"),
	BAD("a surrogate in UTF-8", "\"\xed\xa0\x80\"", "bad_utf8", "$"),
	BAD("beyond U+10FFFF", "\"\xf4\x90\x80\x80\"", "bad_utf8", "$"),
	BAD("five bytes", "\"\xf8\x88\x80\x80\x80\"", "bad_utf8", "$"),
	BAD("FE and FF", "\"\xfe\xff\"", "bad_utf8", "$"),
	BAD("Latin-1", "{\"name\":\"Caf\xe9\"}", "bad_utf8", "$.name"),
	BAD("a sequence cut by the quote", "\"\xe2\x82\"", "bad_utf8", "$"),
	BAD("a sequence cut by the end", "\"\xe2", "bad_utf8", "$"),
	BAD("bad bytes in a name", "{\"a\xff\":1}", "bad_utf8", "$"),
	/* numbers */
	OK("zero", "0"),
	OK("minus zero", "-0"),
	OK("the largest int64", "9223372036854775807"),
	OK("the smallest int64", "-9223372036854775808"),
	BAD("2^63", "{\"a\":9223372036854775808}", "out_of_range", "$.a"),
	BAD("-2^63 - 1", "[-9223372036854775809]", "out_of_range", "$[0]"),
	BAD("2^64", "18446744073709551616", "out_of_range", "$"),
	BAD("2^64 - 1", "18446744073709551615", "out_of_range", "$"),
	BAD("2^64 + 2^63: wraps below", "27670116110564327424", "out_of_range", "$"),
	BAD("forty digits", "1000000000000000000000000000000000000000", "out_of_range", "$"),
	BAD("a fraction", "{\"due_minor\":12.5}", "not_integer", "$.due_minor"),
	BAD("a fraction of zeros", "12.00", "not_integer", "$"),
	BAD("1e2", "{\"a\":{\"b\":1e2}}", "not_integer", "$.a.b"),
	BAD("1E-2", "1E-2", "not_integer", "$"),
	BAD("a leading zero", "007", "bad_json", "$"),
	BAD("a leading zero with minus", "-01", "bad_json", "$"),
	BAD("a plus", "+1", "bad_json", "$"),
	BAD("a minus alone", "-", "bad_json", "$"),
	BAD("a point first", ".5", "bad_json", "$"),
	BAD("a point last", "1.", "bad_json", "$"),
	BAD("an exponent without digits", "1e", "bad_json", "$"),
	BAD("an exponent with sign and no digits", "1e+", "bad_json", "$"),
	BAD("hexadecimal", "0x10", "bad_json", "$"),
	BAD("digits with an underscore", "1_000", "bad_json", "$"),
	LAX("a fraction where it may be", JSON_FRACTIONS, "[12.5,1e2,-0.0,1E-7,0.5e+3]"),
	BAD_LAX("an integer beyond int64 stays one", JSON_FRACTIONS, "18446744073709551616", "out_of_range", "$"),
	BAD_LAX("a double beyond all doubles", JSON_FRACTIONS, "{\"a\":1e999}", "out_of_range", "$.a"),
	LAX("a double that vanishes", JSON_FRACTIONS, "1e-999"),
	/* names */
	OK("the same name in two objects", "[{\"a\":1},{\"a\":1},{\"b\":{\"a\":{\"a\":1}}}]"),
	OK("an empty name", "{\"\":1}"),
	BAD("the same name twice", "{\"a\":1,\"b\":2,\"a\":3}", "duplicate_key", "$.a"),
	BAD("twice, once by escape", "{\"a\":1,\"\\u0061\":2}", "duplicate_key", NULL),
	BAD("twice, an accent by escape", "{\"\xc3\xa9\":1,\"\\u00E9\":2}", "duplicate_key", NULL),
	BAD("twice, an emoji by surrogates", "{\"\xf0\x9f\x98\x80\":1,\"\\ud83d\\ude00\":2}", "duplicate_key", NULL),
	BAD("twice, a euro sign by escape", "{\"\xe2\x82\xac\":1,\"\\u20ac\":2}", "duplicate_key", NULL),
	BAD("twice, a slash by escape", "{\"/\":1,\"\\/\":2}", "duplicate_key", NULL),
	BAD("the empty name twice", "{\"\":1,\"\":2}", "duplicate_key", "$."),
	BAD("twice, deep inside", "{\"data\":{\"x\":[0,{\"due_minor\":1,\"due_minor\":2}]}}", "duplicate_key",
		"$.data.x[1].due_minor"),
	/* comments, only where they may be */
	LAX("a line comment", JSON_COMMENTS, "// first\n{\"a\":1} // last"),
	LAX("a block comment", JSON_COMMENTS, "/* first */{\"a\"/**/:/***/1/* \" */}/* last */"),
	LAX("no comment inside a string", JSON_COMMENTS, "{\"a\":\"// no /* no\",\"b\":\"\\\"/*\"}"),
	LAX("a trailing comma", JSON_COMMENTS, "{\"a\":[1,2,],}"),
	LAX("a trailing comma before a comment", JSON_COMMENTS, "[1, // one\n /* two, */ ]"),
	BAD_LAX("a block comment that is not closed", JSON_COMMENTS, "{} /* ", "bad_json", "$"),
	BAD_LAX("a block comment opened alone", JSON_COMMENTS, "{}/*/", "bad_json", "$"),
	BAD_LAX("a slash alone", JSON_COMMENTS, "{}/", "bad_json", "$"),
	BAD_LAX("a slash and something", JSON_COMMENTS, "{\"a\":/1}", "bad_json", "$.a"),
	BAD_LAX("a comma alone", JSON_COMMENTS, "[,]", "bad_json", "$[0]"),
	BAD_LAX("two trailing commas", JSON_COMMENTS, "[1,,]", "bad_json", "$[1]"),
	BAD_LAX("a comment of the shell", JSON_COMMENTS, "# no\n{}", "bad_json", "$"),
};

static void row_holds(void **state)
{
	const struct row *row = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	char *exact = malloc(row->len ? row->len : 1); /* no NUL behind it: a read past the end shows under the sanitizer */
	struct json root;
	struct err err = { 0 };
	int r;

	memcpy(exact, row->text, row->len);
	r = json_scan(exact, row->len, row->flags, &err);
	if (row->code) {
		assert_int_equal(r, -EBADMSG);
		assert_string_equal(err.code, row->code);
		if (row->path)
			assert_string_equal(err.path, row->path);
		assert_non_null(strstr(err.text, " in line "));
		assert_int_equal(json_scan(exact, row->len, row->flags, NULL), -EBADMSG);
		assert_int_equal(json_parse(arena, exact, row->len, row->flags, &root, NULL), -EBADMSG);
	} else {
		assert_int_equal(r, 0);
		if (json_parse(arena, exact, row->len, row->flags, &root, &err) < 0)
			fail_msg("the scan let it through, but: %s", err.text);
	}
	free(exact);
}

/* --- limits -------------------------------------------------------------------------------------------------------- */

static void where_it_is_refused(void **state)
{
	static const struct {
		const char *text, *said;
	} rows_said[] = {
		{ "{\"a\": {\"b\": 1 \"c\": 2}}", "a comma or the end of the object is expected in line 1, column 15" },
		{ "{\n\t\"a\": [1 2]}", "a comma or the end of the list is expected in line 2, column 10" },
		{ "{\"\xc3\xa9\": \"\xc3\xa9\",\n \"b\" 1}", "a colon is expected in line 2, column 6" },
		{ "{\"\xc3\xa9\" 1}", "a colon is expected in line 1, column 6" }, /* of characters, not bytes */
		{ "", "a value is missing in line 1, column 1" },
		{ "[1,\n\n", "a value is missing in line 3, column 1" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows_said); i++) {
		struct err err = { 0 };

		assert_int_equal(json_scan(rows_said[i].text, strlen(rows_said[i].text), 0, &err), -EBADMSG);
		assert_string_equal(err.text, rows_said[i].said);
	}
}

static void depth_32_and_not_33(void **state)
{
	(void)state;
	for (size_t depth = 31; depth <= 34; depth++)
		for (int kind = 0; kind < 3; kind++) { /* arrays, objects, in turn */
			CLEANUP(arena_freep) struct arena *arena = arena_create();
			CLEANUP(buf_clear) struct buf text = { 0 };
			struct err err = { 0 };
			struct json root;
			int r;

			for (size_t i = 0; i < depth; i++)
				buf_add_str(&text, kind == 0 || (kind == 2 && i % 2) ? "[" : "{\"k\":");
			buf_add_str(&text, "1");
			for (size_t i = depth; i-- > 0;)
				buf_add_str(&text, kind == 0 || (kind == 2 && i % 2) ? "]" : "}");
			r = json_parse(arena, text.data, text.len, 0, &root, &err);
			if (depth <= JSON_DEPTH_MAX) {
				assert_int_equal(r, 0);
				continue;
			}
			assert_int_equal(r, -EBADMSG);
			assert_string_equal(err.code, "too_deep");
			if (kind == 0)
				assert_memory_equal(err.path, "$[0][0][0]", 10);
		}
}

/* A scanner without recursion: no depth can break it. */
static void a_million_brackets(void **state)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct err err = { 0 };

	(void)state;
	for (int i = 0; i < 1000000; i++)
		buf_add_char(&text, '[');
	assert_int_equal(json_scan(text.data, text.len, 0, &err), -EBADMSG);
	assert_string_equal(err.code, "too_deep");
}

static void many_names(void **state)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct err err = { 0 };

	(void)state;
	buf_add_char(&text, '{');
	for (int i = 0; i < 5000; i++)
		buf_printf(&text, "%s\"name%d\":{\"name%d\":%d}", i ? "," : "", i, i, i);
	buf_add_char(&text, '}');
	assert_int_equal(json_scan(text.data, text.len, 0, NULL), 0);
	text.len--;
	buf_add_str(&text, ",\"name2500\":0}");
	assert_int_equal(json_scan(text.data, text.len, 0, &err), -EBADMSG);
	assert_string_equal(err.code, "duplicate_key");
	assert_string_equal(err.path, "$.name2500");
}

/* A path that is too long is cut, and never a reason to write past its end; what cannot be printed is a question mark. */
static void long_and_strange_paths(void **state)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct err err = { 0 };

	(void)state;
	for (int i = 0; i < 20; i++)
		buf_add_str(&text, "{\"a-name-of-twenty-one\":");
	buf_add_str(&text, "x");
	assert_int_equal(json_scan(text.data, text.len, 0, &err), -EBADMSG);
	assert_int_equal(strlen(err.path), sizeof(err.path) - 1);
	err_clear(&err);
	assert_int_equal(json_scan(TEXT("{\"caf\xc3\xa9\":x}"), 0, &err), -EBADMSG);
	assert_string_equal(err.path, "$.caf??");
}

/* --- documents ------------------------------------------------------------------------------------------------------ */

static const char sample[] = "{\"s\":\"t\\u00e9\\n\",\"i\":-42,\"max\":9223372036854775807,\"b\":true,\"f\":false,\"n\":null,"
			     "\"a\":[1,\"two\",[3],{\"four\":5}],\"o\":{\"x\":{\"y\":[{\"z\":1}]}},\"id\":\"inv_1\",\"bad id\":\"a b\","
			     "\"w\":\"call\",\"empty\":\"\"}";

static int parse(struct arena *arena, const char *text, struct json *root)
{
	return json_parse(arena, text, strlen(text), 0, root, NULL);
}

static void values_and_types(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json root, v, item, deep;
	char path[160];

	(void)state;
	assert_int_equal(parse(arena, sample, &root), 0);
	assert_int_equal(root.type, JSON_OBJECT);
	assert_int_equal(json_len(&root), 12);
	v = json_get(&root, "s");
	assert_string_equal(json_str(&v), "t\xc3\xa9\n");
	assert_int_equal(json_int(&v), 0);
	assert_false(json_bool(&v));
	assert_true(json_double(&v) == 0);
	assert_int_equal(json_len(&v), 0);
	v = json_get(&root, "i");
	assert_int_equal(json_int(&v), -42);
	assert_true(json_double(&v) == -42);
	assert_null(json_str(&v));
	v = json_get(&root, "max");
	assert_true(json_int(&v) == INT64_MAX);
	v = json_get(&root, "b");
	assert_true(json_bool(&v));
	v = json_get(&root, "f");
	assert_int_equal(v.type, JSON_BOOL);
	assert_false(json_bool(&v));
	v = json_get(&root, "n"); /* null is absence */
	assert_int_equal(v.type, JSON_NONE);
	assert_false(json_has(&root, "n"));
	assert_false(json_has(&root, "nothing"));
	assert_true(json_has(&root, "a"));
	v = json_get(&root, "a");
	assert_int_equal(json_len(&v), 4);
	item = json_at(&v, 1);
	assert_string_equal(json_str(&item), "two");
	assert_int_equal(json_at(&v, 4).type, JSON_NONE);
	assert_int_equal(json_at(&root, 0).type, JSON_NONE);
	item = json_at(&v, 3);
	deep = json_get(&item, "four");
	json_path(&deep, NULL, path, sizeof(path));
	assert_string_equal(path, "$.a[3].four");
	json_path(&v, "k", path, sizeof(path));
	assert_string_equal(path, "$.a.k");
	json_path(&root, NULL, path, sizeof(path));
	assert_string_equal(path, "$");
	json_path(&deep, "more", path, 8); /* cut, never past the end */
	assert_string_equal(path, "$.a[3].");
	/* what is absent can be looked into */
	v = json_get(&root, "nothing");
	item = json_get(&v, "further");
	deep = json_at(&item, 3);
	assert_int_equal(deep.type, JSON_NONE);
	json_path(&deep, "down", path, sizeof(path));
	assert_string_equal(path, "$.nothing.further[3].down");
}

static void members_in_order(void **state)
{
	static const char *const names[] = { "s", "i", "max", "b", "f", "n", "a", "o", "id", "bad id", "w", "empty" };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json root, value, none = { 0 };
	const char *key;
	size_t n = 0;

	(void)state;
	assert_int_equal(parse(arena, sample, &root), 0);
	for (size_t i = 0; json_member(&root, &i, &key, &value); n++)
		assert_string_equal(key, names[n]);
	assert_int_equal(n, ARRAY_LEN(names));
	assert_false(json_member(&none, &(size_t){ 0 }, &key, &value));
}

/* Bare scalars, and the same tokener used again after a refusal. */
static void scalars_as_documents(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json root;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(parse(arena, "12", &root), 0);
	assert_int_equal(json_int(&root), 12);
	assert_int_equal(parse(arena, " -7 ", &root), 0);
	assert_int_equal(json_int(&root), -7);
	assert_int_equal(parse(arena, "[", &root), -EBADMSG);
	assert_int_equal(parse(arena, "\"x\"", &root), 0);
	assert_string_equal(json_str(&root), "x");
	assert_int_equal(parse(arena, "null", &root), 0);
	assert_int_equal(root.type, JSON_NONE);
	assert_int_equal(parse(arena, "true", &root), 0);
	assert_true(json_bool(&root));
	assert_int_equal(json_parse(arena, "1.5", 3, JSON_FRACTIONS, &root, &err), 0);
	assert_int_equal(root.type, JSON_DOUBLE);
	assert_true(json_double(&root) == 1.5);
}

/* Comments are blanked and nothing else is: the document is the one without them. */
static void comments_leave_the_rest(void **state)
{
	static const struct {
		const char *text, *plain;
	} cases[] = {
		{ "{\"a\":1}", "{\"a\":1}" },
		{ "// x\n{\"a\":1}// y", "{\"a\":1}" },
		{ "/* x */{\"a\":/* y */1}", "{\"a\":1}" },
		{ "/**/[1]/***/", "[1]" },
		{ "/* a */ [1, /* b */ 2 /* c */]", "[1,2]" },
		{ "/*/ still inside */[1]", "[1]" },
		{ "/* // */[1]// /*\n", "[1]" },
		{ "[1,2,]", "[1,2]" },
		{ "[1,2, /* , */ // ,\n ]", "[1,2]" },
		{ "{\"a\":[1,],\"b\":{\"c\":2,},}", "{\"a\":[1],\"b\":{\"c\":2}}" },
		{ "{\"a\":\"x, // }, /* ]\",}", "{\"a\":\"x, // }, /* ]\"}" },
		{ "[\"\\\"// a\",\"b\\\\\"/* \" */,]", "[\"\\\"// a\",\"b\\\\\"]" },
		{ "[{},[],\n]", "[{},[]]" },
		{ "/*\n * many\n * lines\n */\n{\n\t\"a\": 1, // one\n\t/* two */ \"b\": 2,\n}\n", "{\"a\":1,\"b\":2}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		CLEANUP(buf_clear) struct buf out = { 0 };
		struct json root;
		struct err err = { 0 };

		if (json_parse(arena, cases[i].text, strlen(cases[i].text), JSON_COMMENTS, &root, &err) < 0)
			fail_msg("%s: %s", cases[i].text, err.text);
		json_write(&out, &root);
		assert_string_equal(buf_str(&out), cases[i].plain);
	}
}

/* --- typed members ---------------------------------------------------------------------------------------------------- */

static const char *const words[] = { "email", "sms", "call", NULL };

static void typed_members(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json root, v = { 0 };
	const char *s = NULL;
	int64_t n = 0;
	int word = -1;
	bool b = false;

	(void)state;
	assert_int_equal(parse(arena, sample, &root), 0);
	assert_int_equal(json_get_object(&root, "o", &v, NULL), 0);
	assert_int_equal(json_opt_object(&root, "o", &v, NULL), 0);
	assert_int_equal(json_get_array(&root, "a", &v, NULL), 0);
	assert_int_equal(json_opt_array(&root, "a", &v, NULL), 0);
	assert_int_equal(json_get_str(&root, "s", 4, &s, NULL), 0);
	assert_int_equal(json_get_str(&root, "empty", 0, &s, NULL), 0);
	assert_string_equal(s, "");
	assert_int_equal(json_get_int(&root, "i", -42, -42, &n, NULL), 0);
	assert_int_equal(n, -42);
	assert_int_equal(json_opt_int(&root, "max", INT64_MIN, INT64_MAX, &n, NULL), 0);
	assert_true(n == INT64_MAX);
	assert_int_equal(json_opt_bool(&root, "b", &b, NULL), 0);
	assert_true(b);
	assert_int_equal(json_get_id(&root, "id", &s, NULL), 0);
	assert_string_equal(s, "inv_1");
	assert_int_equal(json_opt_id(&root, "id", &s, NULL), 0);
	assert_int_equal(json_get_word(&root, "w", words, &word, NULL), 0);
	assert_int_equal(word, 2);
	/* optional and absent, or null: nothing is touched */
	s = "kept";
	n = 77;
	word = 5;
	v = (struct json){ 0 };
	assert_int_equal(json_opt_str(&root, "n", 9, &s, NULL), 0);
	assert_int_equal(json_opt_str(&root, "zz", 9, &s, NULL), 0);
	assert_int_equal(json_opt_id(&root, "zz", &s, NULL), 0);
	assert_string_equal(s, "kept");
	assert_int_equal(json_opt_int(&root, "n", 0, 1, &n, NULL), 0);
	assert_int_equal(n, 77);
	assert_int_equal(json_opt_word(&root, "zz", words, &word, NULL), 0);
	assert_int_equal(word, 5);
	assert_int_equal(json_opt_bool(&root, "zz", &b, NULL), 0);
	assert_true(b);
	assert_int_equal(json_opt_object(&root, "zz", &v, NULL), 0);
	assert_int_equal(json_opt_array(&root, "n", &v, NULL), 0);
	assert_null(v.node);
}

enum getter { OBJECT, ARRAY, STRING, INTEGER, ID, WORD, OPT_OBJECT, OPT_ARRAY, OPT_STRING, OPT_INTEGER, OPT_BOOL, OPT_ID, OPT_WORD };
struct refusal {
	enum getter getter;
	const char *key, *code, *path;
};
static const struct refusal refusals[] = {
	{ OBJECT, "zz", "missing", "$.zz" },
	{ OBJECT, "n", "missing", "$.n" },
	{ OBJECT, "a", "wrong_type", "$.a" },
	{ OPT_OBJECT, "a", "wrong_type", "$.a" },
	{ ARRAY, "o", "wrong_type", "$.o" },
	{ ARRAY, "zz", "missing", "$.zz" },
	{ OPT_ARRAY, "s", "wrong_type", "$.s" },
	{ STRING, "i", "wrong_type", "$.i" },
	{ STRING, "zz", "missing", "$.zz" },
	{ STRING, "s", "too_long", "$.s" },
	{ OPT_STRING, "b", "wrong_type", "$.b" },
	{ INTEGER, "s", "wrong_type", "$.s" },
	{ INTEGER, "b", "wrong_type", "$.b" },
	{ INTEGER, "zz", "missing", "$.zz" },
	{ INTEGER, "i", "out_of_range", "$.i" },
	{ INTEGER, "max", "out_of_range", "$.max" },
	{ OPT_INTEGER, "a", "wrong_type", "$.a" },
	{ OPT_INTEGER, "max", "out_of_range", "$.max" },
	{ OPT_BOOL, "i", "wrong_type", "$.i" },
	{ OPT_BOOL, "s", "wrong_type", "$.s" },
	{ ID, "bad id", "bad_id", "$.bad id" },
	{ ID, "empty", "bad_id", "$.empty" },
	{ ID, "i", "wrong_type", "$.i" },
	{ ID, "zz", "missing", "$.zz" },
	{ OPT_ID, "bad id", "bad_id", "$.bad id" },
	{ WORD, "s", "not_one_of", "$.s" },
	{ WORD, "zz", "missing", "$.zz" },
	{ WORD, "i", "wrong_type", "$.i" },
	{ OPT_WORD, "empty", "not_one_of", "$.empty" },
};

static int ask(const struct json *root, const struct refusal *row, struct err *err)
{
	struct json v;
	const char *s;
	int64_t n;
	int word;
	bool b;

	switch (row->getter) {
	case OBJECT:
		return json_get_object(root, row->key, &v, err);
	case ARRAY:
		return json_get_array(root, row->key, &v, err);
	case STRING:
		return json_get_str(root, row->key, 3, &s, err);
	case INTEGER:
		return json_get_int(root, row->key, 0, 10, &n, err);
	case ID:
		return json_get_id(root, row->key, &s, err);
	case WORD:
		return json_get_word(root, row->key, words, &word, err);
	case OPT_OBJECT:
		return json_opt_object(root, row->key, &v, err);
	case OPT_ARRAY:
		return json_opt_array(root, row->key, &v, err);
	case OPT_STRING:
		return json_opt_str(root, row->key, 3, &s, err);
	case OPT_INTEGER:
		return json_opt_int(root, row->key, 0, 10, &n, err);
	case OPT_BOOL:
		return json_opt_bool(root, row->key, &b, err);
	case OPT_ID:
		return json_opt_id(root, row->key, &s, err);
	case OPT_WORD:
		return json_opt_word(root, row->key, words, &word, err);
	}
	return 0;
}

static void refused_members(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json root, o, x, y, z;

	(void)state;
	assert_int_equal(parse(arena, sample, &root), 0);
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		struct err err = { 0 };

		if (ask(&root, &refusals[i], &err) != -EBADMSG || strcmp(err.code, refusals[i].code) != 0 ||
			strcmp(err.path, refusals[i].path) != 0 || !err.text[0])
			fail_msg("row %zu: %s %s %s", i, err.code, err.path, err.text);
		assert_int_equal(ask(&root, &refusals[i], NULL), -EBADMSG);
	}
	/* a path through everything */
	o = json_get(&root, "o");
	x = json_get(&o, "x");
	y = json_get(&x, "y");
	z = json_at(&y, 0);
	struct err err = { 0 };
	assert_int_equal(json_get_word(&z, "z", words, &(int){ 0 }, &err), -EBADMSG);
	assert_string_equal(err.path, "$.o.x.y[0].z");
	err_clear(&err);
	assert_int_equal(json_get_word(&root, "s", words, &(int){ 0 }, &err), -EBADMSG);
	assert_string_equal(err.text, "must be one of email, sms, call");
}

static void only_known_members(void **state)
{
	static const char *const known[] = { "a", "b", NULL };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json root;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(parse(arena, "{\"b\":1,\"a\":null}", &root), 0);
	assert_int_equal(json_only(&root, known, &err), 0);
	assert_int_equal(parse(arena, "{\"a\":1,\"typo\":1}", &root), 0);
	assert_int_equal(json_only(&root, known, &err), -EBADMSG);
	assert_string_equal(err.code, "unknown_member");
	assert_string_equal(err.path, "$.typo");
}

static void ids(void **state)
{
	char longest[130];

	(void)state;
	memset(longest, 'a', sizeof(longest));
	longest[128] = '\0';
	assert_true(id_valid(longest));
	longest[128] = 'a';
	longest[129] = '\0';
	assert_false(id_valid(longest));
	assert_true(id_valid("AZaz09._:/@+=-"));
	assert_false(id_valid(""));
	for (int c = 1; c < 256; c++) {
		char one[2] = { (char)c, '\0' };
		bool allowed = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			strchr("._:/@+=-", c);

		assert_int_equal(id_valid(one), allowed);
	}
}

/* --- writing --------------------------------------------------------------------------------------------------------- */

static void round_trips(void **state)
{
	static const struct {
		unsigned flags;
		const char *text, *written;
	} cases[] = {
		{ 0, sample, NULL },
		{ 0, "[]", "[]" },
		{ 0, "{}", "{}" },
		{ 0, "null", "null" },
		{ 0, "[null,true,false,-0,-9223372036854775808]", "[null,true,false,0,-9223372036854775808]" },
		{ 0, "\"\\u0001\\b\\f\\n\\r\\t\\u001f\\\"\\\\\\/\\u007f\"", "\"\\u0001\\u0008\\u000c\\n\\r\\t\\u001f\\\"\\\\/\x7f\"" },
		{ 0, "{\"k\\u00e9\\n\":\"\\ud83d\\ude00\"}", "{\"k\xc3\xa9\\n\":\"\xf0\x9f\x98\x80\"}" },
		{ JSON_FRACTIONS, "[0.5,0.1,1.25e-7,-3.0e100]", "[0.5,0.1,1.25e-07,-3e+100]" },
		{ JSON_FRACTIONS, "[0.30000000000000004,1e-999]", "[0.30000000000000004,0]" },
		{ JSON_FRACTIONS, "[2.0,100.0,-0.0]", "[2,1e+02,0]" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		CLEANUP(buf_clear) struct buf once = { 0 };
		CLEANUP(buf_clear) struct buf twice = { 0 };
		struct json root;

		assert_int_equal(json_parse(arena, cases[i].text, strlen(cases[i].text), cases[i].flags, &root, NULL), 0);
		json_write(&once, &root);
		if (cases[i].written)
			assert_string_equal(buf_str(&once), cases[i].written);
		assert_int_equal(json_parse(arena, once.data, once.len, cases[i].flags, &root, NULL), 0);
		json_write(&twice, &root);
		assert_string_equal(buf_str(&once), buf_str(&twice));
	}
}

static void the_writer(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf out = { 0 };
	struct json_writer w = jw_init(&out);
	struct json root;

	(void)state;
	assert_int_equal(parse(arena, "{\"in\":[1]}", &root), 0);
	jw_object(&w, NULL);
	jw_str(&w, "s", "a\"b");
	jw_opt_str(&w, "gone", NULL);
	jw_opt_str(&w, "gone", "");
	jw_opt_str(&w, "there", "x");
	jw_int(&w, "i", INT64_MIN);
	jw_opt_int(&w, "gone", 0);
	jw_opt_int(&w, "n", 5);
	jw_bool(&w, "t", true);
	jw_bool(&w, "f", false);
	jw_null(&w, "nil");
	jw_raw(&w, "raw", "[1, 2]", 6);
	jw_array(&w, "list");
	jw_object(&w, NULL);
	jw_end_object(&w);
	jw_array(&w, NULL);
	jw_end_array(&w);
	jw_strn(&w, NULL, "abc", 2);
	jw_json(&w, NULL, &root);
	jw_end_array(&w);
	jw_end_object(&w);
	assert_string_equal(buf_str(&out),
		"{\"s\":\"a\\\"b\",\"there\":\"x\",\"i\":-9223372036854775808,\"n\":5,\"t\":true,\"f\":false,\"nil\":null,"
		"\"raw\":[1, 2],\"list\":[{},[],\"ab\",{\"in\":[1]}]}");
	assert_int_equal(json_scan(out.data, out.len, 0, NULL), 0);
}

/* Whatever bytes come in, what is written is JSON: each byte that belongs to no sequence becomes U+FFFD. */
static void bad_bytes_are_replaced(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *written;
	} cases[] = {
		{ TEXT("a\xff" "b"), "\"a\xef\xbf\xbd" "b\"" },
		{ TEXT("\xc0\xaf"), "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ TEXT("\xe2\x82"), "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ TEXT("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ TEXT("\xe0\x80\xaf"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ TEXT("\xf0\x80\x80\xaf"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ TEXT("\xf4\x90\x80\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ TEXT("\xf4\x8f\xbf\xbf\xe2\x82\xac\xc3\xa9"), "\"\xf4\x8f\xbf\xbf\xe2\x82\xac\xc3\xa9\"" },
		{ TEXT("\0\x1f"), "\"\\u0000\\u001f\"" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(buf_clear) struct buf out = { 0 };
		struct json_writer w = jw_init(&out);

		jw_strn(&w, NULL, cases[i].bytes, cases[i].len);
		assert_string_equal(buf_str(&out), cases[i].written);
	}
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(where_it_is_refused),
		cmocka_unit_test(depth_32_and_not_33),
		cmocka_unit_test(a_million_brackets),
		cmocka_unit_test(many_names),
		cmocka_unit_test(long_and_strange_paths),
		cmocka_unit_test(values_and_types),
		cmocka_unit_test(members_in_order),
		cmocka_unit_test(scalars_as_documents),
		cmocka_unit_test(comments_leave_the_rest),
		cmocka_unit_test(typed_members),
		cmocka_unit_test(refused_members),
		cmocka_unit_test(only_known_members),
		cmocka_unit_test(ids),
		cmocka_unit_test(round_trips),
		cmocka_unit_test(the_writer),
		cmocka_unit_test(bad_bytes_are_replaced),
	};
	struct CMUnitTest tests[ARRAY_LEN(rows)];
	int failed;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].name,
			.test_func = row_holds,
			.initial_state = (void *)(uintptr_t)&rows[i] };
	failed = cmocka_run_group_tests_name("json_scan", tests, NULL, NULL);
	return failed + cmocka_run_group_tests_name("json", others, NULL, NULL);
}
