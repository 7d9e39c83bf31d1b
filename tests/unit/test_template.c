#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/template.h"

/* Partials are compiled once, by name, from an object of texts. */
struct partials {
	struct arena *arena;
	const struct json *texts;
	struct {
		const char *name;
		struct template *template;
	} compiled[8];
	size_t count;
};

static const struct template *partial_of(const char *name, void *arg)
{
	struct partials *partials = arg;
	struct json text;

	for (size_t i = 0; i < partials->count; i++)
		if (!strcmp(partials->compiled[i].name, name))
			return partials->compiled[i].template;
	if (!json_has(partials->texts, name))
		return NULL;
	text = json_get(partials->texts, name);
	assert_true(partials->count < ARRAY_LEN(partials->compiled));
	partials->compiled[partials->count].name = arena_strdup(partials->arena, name);
	assert_int_equal(template_parse(json_str(&text), strlen(json_str(&text)),
				 &partials->compiled[partials->count].template, NULL),
		0);
	return partials->compiled[partials->count++].template;
}

static int render_json(const char *text, const struct json *context, const struct json *texts, enum template_escape escape,
	bool strict, struct buf *out, struct err *err)
{
	CLEANUP(template_freep) struct template *template = NULL;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct partials partials = { .arena = arena, .texts = texts };
	int r = template_parse(text, strlen(text), &template, err);

	if (r == 0)
		r = template_render(template, context, escape, texts ? partial_of : NULL, &partials, strict, out, err);
	for (size_t i = 0; i < partials.count; i++)
		template_free(partials.compiled[i].template);
	return r;
}

/* `context` and `partials` are JSON texts; partials may be NULL. */
static int render(const char *text, const char *context, const char *partials, enum template_escape escape, bool strict,
	struct buf *out, struct err *err)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json data, texts;

	assert_int_equal(json_parse(arena, context, strlen(context), JSON_FRACTIONS, &data, NULL), 0);
	if (partials)
		assert_int_equal(json_parse(arena, partials, strlen(partials), 0, &texts, NULL), 0);
	return render_json(text, &data, partials ? &texts : NULL, escape, strict, out, err);
}

/* ---- the specification ---- */

static char *spec_path(struct arena *arena, const char *module)
{
	const char *shared = getenv("DUNNINGD_SHARED");

	return shared ? arena_printf(arena, "%s/mustache-spec/%s.json", shared, module) :
			arena_printf(arena, "%s/../shared/mustache-spec/%s.json", SOURCE_DIR, module);
}

/* Published data: where CI runs it must be there. */
static bool spec_is_absent(const char *module)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	return access(spec_path(arena, module), R_OK) != 0 && !getenv("CI");
}

static void run_module(const char *module)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf file_text = { 0 };
	struct err err = { 0 };
	struct json root, tests;
	char chunk[4096];
	FILE *file;

	file = fopen(spec_path(arena, module), "re");
	assert_non_null(file);
	for (size_t n; (n = fread(chunk, 1, sizeof(chunk), file)) > 0;)
		buf_add(&file_text, chunk, n);
	fclose(file);
	if (json_parse(arena, file_text.data, file_text.len, JSON_FRACTIONS, &root, &err) < 0)
		fail_msg("%s: %s %s", module, err.code, err.text);
	tests = json_get(&root, "tests");
	assert_true(json_len(&tests) >= 12);
	for (size_t i = 0; i < json_len(&tests); i++) {
		CLEANUP(buf_clear) struct buf out = { 0 };
		struct json test = json_at(&tests, i), name = json_get(&test, "name"), data = json_get(&test, "data");
		struct json text = json_get(&test, "template"), expected = json_get(&test, "expected");
		struct json partials = json_get(&test, "partials");

		if (render_json(json_str(&text), &data, &partials, ESCAPE_HTML, false, &out, &err) < 0)
			fail_msg("%s: %s: %s %s", module, json_str(&name), err.code, err.text);
		if (strcmp(buf_str(&out), json_str(&expected)) != 0)
			fail_msg("%s: %s: \"%s\", not \"%s\"", module, json_str(&name), buf_str(&out), json_str(&expected));
	}
	print_message("%s: %zu\n", module, json_len(&tests));
}

static void spec_module(void **state)
{
	if (spec_is_absent(*state))
		skip();
	run_module(*state);
}

/* ---- where values land ---- */

struct row {
	const char *name;
	enum template_escape escape;
	const char *text, *context, *expected;
};

static const struct row rows[] = {
	{ "HTML: five entities", ESCAPE_HTML, "<b title='{{v}}'>", "{\"v\":\"<&>\\\"'\"}", "<b title='&lt;&amp;&gt;&quot;&#39;'>" },
	{ "HTML: control characters go", ESCAPE_HTML, "{{v}}", "{\"v\":\"a\\u0001b\\u007fc\\u0085d\\te\\nf\"}", "abcd\te\nf" },
	{ "HTML: raw stays raw", ESCAPE_HTML, "{{{v}}}{{&v}}", "{\"v\":\"<i>\"}", "<i><i>" },
	{ "HTML: other languages pass", ESCAPE_HTML, "{{v}}", "{\"v\":\"Dupr\\u00e9 \\u4e2d \\ud83d\\ude00\"}",
		"Dupr\xc3\xa9 \xe4\xb8\xad \xf0\x9f\x98\x80" },
	{ "text: values as they are", ESCAPE_TEXT, "{{v}}", "{\"v\":\"<&>\\\"'\"}", "<&>\"'" },
	{ "text: raw is no way around", ESCAPE_TEXT, "{{{v}}}", "{\"v\":\"a\\u0007b\"}", "ab" },
	{ "text: LF and TAB stay", ESCAPE_TEXT, "{{v}}", "{\"v\":\"a\\r\\nb\\tc\\u001b[31md\\u009be\"}", "a\nb\tc[31mde" },
	{ "text: no-break spaces stay", ESCAPE_TEXT, "{{v}}", "{\"v\":\"1\\u202f200,00\\u00a0\\u20ac\"}",
		"1\xe2\x80\xaf" "200,00\xc2\xa0\xe2\x82\xac" },
	{ "header: an injected field", ESCAPE_HEADER, "Invoice {{v}} due", "{\"v\":\"7\\r\\nBcc: all@example.org\\r\\n\\r\\nx\"}",
		"Invoice 7 Bcc: all@example.org x due" },
	{ "header: raw too", ESCAPE_HEADER, "{{{v}}}{{&v}}", "{\"v\":\"a\\nb\"}", "a ba b" },
	{ "header: a bare CR, VT, NEL, LS, PS", ESCAPE_HEADER, "{{v}}",
		"{\"v\":\"a\\rb\\u000bc\\u0085d\\u2028e\\u2029f\\u0000\"}", NULL },
	{ "header: line ends of other alphabets", ESCAPE_HEADER, "{{v}}",
		"{\"v\":\"a\\rb\\u000bc\\u0085d\\u2028e\\u2029f\\u007fg\"}", "a b c d e f g" },
	{ "header: the file's own line end", ESCAPE_HEADER, "\n Your invoice {{v}}\n\n", "{\"v\":\"INV-1 \"}", "Your invoice INV-1" },
	{ "header: direction overrides go", ESCAPE_HEADER, "{{v}}",
		"{\"v\":\"a\\u202ab\\u202bc\\u202cd\\u202de\\u202ef\\u2066g\\u2067h\\u2068i\\u2069j\"}", "abcdefghij" },
	{ "header: no HTML", ESCAPE_HEADER, "{{v}}", "{\"v\":\"A & B <c>\"}", "A & B <c>" },
	{ "header: no-break spaces stay", ESCAPE_HEADER, "{{v}}", "{\"v\":\"1\\u202f2\\u00a0x\"}", "1\xe2\x80\xaf" "2\xc2\xa0x" },
	{ "header: a value across two tags", ESCAPE_HEADER, "{{a}}{{b}}", "{\"a\":\"x\\r\",\"b\":\"\\ny\"}", "x y" },
	{ "header: nothing but white space", ESCAPE_HEADER, " {{a}}\n", "{\"a\":\"\\r\\n\"}", "" },
	{ "SMS: one line, trimmed", ESCAPE_SMS, "\n Pay {{v}}\n  today.\n", "{\"v\":\"12\\n\\n EUR\"}", "Pay 12 EUR today." },
	{ "SMS: plain spaces only", ESCAPE_SMS, "{{v}}", "{\"v\":\"1\\u202f200,00\\u00a0EUR\\u2009x\"}", "1 200,00 EUR x" },
	{ "SMS: direction overrides go", ESCAPE_SMS, "{{v}}", "{\"v\":\"a\\u202eb\\u2066c\"}", "abc" },
	{ "SMS: no HTML", ESCAPE_SMS, "{{v}}", "{\"v\":\"A&B\"}", "A&B" },
	{ "URL: only unreserved bytes stay", ESCAPE_URL, "https://x/?i={{v}}&a=1", "{\"v\":\"a b&c=d/e?f%g\\u00e9~._-\\r\\n\"}",
		"https://x/?i=a%20b%26c%3Dd%2Fe%3Ff%25g%C3%A9~._-%0D%0A&a=1" },
	{ "URL: raw too", ESCAPE_URL, "{{{v}}}", "{\"v\":\"&\"}", "%26" },
	{ "values are not searched for tags", ESCAPE_TEXT, "{{a}}{{{a}}}", "{\"a\":\"{{b}}\",\"b\":\"secret\"}", "{{b}}{{b}}" },
	{ "not even half a tag", ESCAPE_TEXT, "{{a}}b}}", "{\"a\":\"{{\",\"b\":\"secret\"}", "{{b}}" },
	{ "numbers", ESCAPE_TEXT, "{{a}} {{b}} {{c}} {{d}} {{e}}",
		"{\"a\":0.1,\"b\":-9223372036854775808,\"c\":3.0,\"d\":1e300,\"e\":0.30000000000000004}",
		"0.1 -9223372036854775808 3 1e+300 0.30000000000000004" },
	{ "truth", ESCAPE_TEXT, "{{#t}}t{{/t}}{{#zero}}0{{/zero}}{{#empty}}e{{/empty}}{{#list}}l{{/list}}{{#none}}n{{/none}}",
		"{\"t\":true,\"zero\":0,\"empty\":\"\",\"list\":[],\"none\":null}", "t0" },
	{ "booleans are words", ESCAPE_TEXT, "{{a}} {{b}}", "{\"a\":true,\"b\":false}", "true false" },
	{ "two tags on a line do not stand alone", ESCAPE_TEXT, "a\n  {{#t}}{{/t}}  \nb", "{\"t\":true}", "a\n    \nb" },
};

static void row_holds(void **state)
{
	const struct row *row = *state;
	CLEANUP(buf_clear) struct buf out = { 0 };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct err err = { 0 };
	struct json data;

	if (!row->expected) { /* such a value cannot even be read: JSON strings hold no NUL */
		assert_int_equal(json_parse(arena, row->context, strlen(row->context), 0, &data, NULL), -EBADMSG);
		return;
	}
	if (render(row->text, row->context, NULL, row->escape, true, &out, &err) < 0)
		fail_msg("%s: %s", err.code, err.text);
	assert_string_equal(buf_str(&out), row->expected);
}

/* Every character there is: what comes out of HEADER and SMS is one line of text, whatever goes in. */
static void every_character_in_one_line(void **state)
{
	static const enum template_escape escapes[] = { ESCAPE_HEADER, ESCAPE_SMS };
	CLEANUP(template_freep) struct template *template = NULL;
	CLEANUP(buf_clear) struct buf out = { 0 };

	(void)state;
	assert_int_equal(template_parse("a{{v}}b", 7, &template, NULL), 0);
	for (size_t e = 0; e < ARRAY_LEN(escapes); e++) {
		for (unsigned c = 1; c < 0x3000; c++) {
			CLEANUP(arena_freep) struct arena *arena = arena_create();
			char *text = arena_printf(arena, "{\"v\":\"\\u%04x\"}", c);
			bool gone = (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
			bool space = c <= ' ' || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029;
			struct json data;

			buf_reset(&out);
			assert_int_equal(json_parse(arena, text, strlen(text), 0, &data, NULL), 0);
			assert_int_equal(template_render(template, &data, escapes[e], NULL, NULL, true, &out, NULL), 0);
			if (gone)
				assert_string_equal(buf_str(&out), "ab");
			else if (space)
				assert_string_equal(buf_str(&out), "a b");
			else
				assert_true(out.len >= 3 && !strpbrk(out.data, "\r\n"));
		}
	}
}

/* ---- strictness ---- */

struct refusal {
	const char *name;
	const char *text, *context, *partials;
	bool strict;
	const char *code, *words; /* NULL: not refused */
};

static const struct refusal refusals[] = {
	{ "a missing variable", "a\n\nDear {{contact_name}},", "{}", NULL, true, "missing_variable", "line 3: {{contact_name}}" },
	{ "is nothing when lenient", "{{contact_name}}", "{}", NULL, false, NULL, NULL },
	{ "an empty one is there", "{{a}}", "{\"a\":\"\"}", NULL, true, NULL, NULL },
	{ "null is as good as missing", "{{a}}", "{\"a\":null}", NULL, true, "missing_variable", "{{a}}" },
	{ "null hides nothing", "{{#o}}{{a}}{{/o}}", "{\"a\":1,\"o\":{\"a\":null}}", NULL, true, NULL, NULL },
	{ "missing in a dotted name", "{{a.b}}", "{\"a\":{},\"b\":1}", NULL, true, "missing_variable", "{{a.b}}" },
	{ "dotted through a text", "{{a.b}}", "{\"a\":\"x\"}", NULL, true, "missing_variable", "{{a.b}}" },
	{ "missing in a section not taken", "{{#a}}{{b}}{{/a}}", "{}", NULL, true, NULL, NULL },
	{ "missing in one of two items", "{{#a}}\n{{b}}\n{{/a}}", "{\"a\":[{\"b\":1},{}]}", NULL, true, "missing_variable",
		"line 2: {{b}}" },
	{ "missing inside a partial", "{{>p}}", "{}", "{\"p\":\"\\n{{b}}\"}", true, "missing_variable", "line 2: {{b}}" },
	{ "raw and missing", "{{{a}}}", "{}", NULL, true, "missing_variable", "{{a}}" },
	{ "a list is no text", "{{a}}", "{\"a\":[1]}", NULL, true, "not_text", "{{a}}" },
	{ "an object is no text", "{{a}}", "{\"a\":{}}", NULL, true, "not_text", "{{a}}" },
	{ "a missing partial", "x\n{{>footer}}", "{}", "{}", true, "missing_partial", "line 2: there is no partial footer" },
	{ "no partials at all", "{{>footer}}", "{}", NULL, true, "missing_partial", "footer" },
	{ "a partial of itself", "{{>p}}", "{}", "{\"p\":\"x{{>p}}\"}", false, "too_deep", "{{p}}" },
	{ "partials of each other", "{{>p}}", "{}", "{\"p\":\"{{>q}}\",\"q\":\"{{>p}}\"}", false, "too_deep", "deep" },
	{ "sections without end", "{{>p}}", "{\"a\":[1,2]}", "{\"p\":\"{{#a}}{{#a}}{{>p}}{{/a}}{{/a}}\"}", false, "too_deep", "" },
	{ "not closed", "a\n{{#x}}\nb", "{}", NULL, false, "bad_template", "line 2: section {{#x}} is not closed" },
	{ "closed twice", "{{#x}}{{/x}}{{/x}}", "{}", NULL, false, "bad_template", "closes no open section" },
	{ "crossed", "{{#x}}\n{{#y}}\n{{/x}}{{/y}}", "{}", NULL, false, "bad_template",
		"line 3: {{/x}} closes the section {{#y}} of line 2" },
	{ "a longer name closes nothing", "{{#x}}{{/xy}}", "{}", NULL, false, "bad_template", "{{/xy}}" },
	{ "a tag without end", "a {{b", "{}", NULL, false, "bad_template", "line 1: the tag is not closed" },
	{ "a raw tag half closed", "{{{b}}", "{}", NULL, false, "bad_template", "not closed" },
	{ "no name", "{{}}", "{}", NULL, false, "bad_template", "is no name" },
	{ "a name of two words", "{{due date}}", "{}", NULL, false, "bad_template", "\"due date\" is no name" },
	{ "an empty part", "{{a..b}}", "{}", NULL, false, "bad_template", "a..b" },
	{ "a leading dot", "{{.a}}", "{}", NULL, false, "bad_template", ".a" },
	{ "inheritance", "{{<p}}{{/p}}", "{}", NULL, false, "bad_template", "<p" },
	{ "a block", "{{$b}}{{/b}}", "{}", NULL, false, "bad_template", "$b" },
	{ "a dynamic partial", "{{>*b}}", "{}", NULL, false, "bad_template", "*b" },
	{ "a partial outside the folder", "{{>../b}}", "{}", NULL, false, "bad_template", "../b" },
	{ "delimiters: one word", "{{=<%=}}", "{}", NULL, false, "bad_template", "two words" },
	{ "delimiters: three words", "{{=a b c=}}", "{}", NULL, false, "bad_template", "two words" },
	{ "delimiters: too long", "{{=aaaaaaaaaaaaaaaaa b=}}", "{}", NULL, false, "bad_template", "two words" },
	{ "bytes that are not UTF-8", "a\xff", "{}", NULL, false, "bad_utf8", "byte 1" },
	{ "an overlong slash", "\xc0\xaf", "{}", NULL, false, "bad_utf8", "byte 0" },
	{ "a surrogate", "\xed\xa0\x80", "{}", NULL, false, "bad_utf8", "byte 0" },
	{ "half a character", "ab\xe2\x82", "{}", NULL, false, "bad_utf8", "byte 2" },
};

static void refusal_holds(void **state)
{
	const struct refusal *row = *state;
	CLEANUP(buf_clear) struct buf out = { 0 };
	struct err err = { 0 };
	int r;

	buf_add_str(&out, "before");
	r = render(row->text, row->context, row->partials, ESCAPE_TEXT, row->strict, &out, &err);
	if (!row->code) {
		if (r < 0)
			fail_msg("%s: %s", err.code, err.text);
		return;
	}
	assert_int_equal(r, -EBADMSG);
	assert_string_equal(err.code, row->code);
	if (!strstr(err.text, row->words))
		fail_msg("\"%s\" does not say \"%s\"", err.text, row->words);
	assert_string_equal(buf_str(&out), "before");
}

static void limits(void **state)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	CLEANUP(buf_clear) struct buf context = { 0 };
	CLEANUP(buf_clear) struct buf out = { 0 };
	CLEANUP(template_freep) struct template *template = NULL;
	struct err err = { 0 };

	(void)state;
	/* 64 sections are allowed, 65 are not. */
	for (int depth = TEMPLATE_NESTING_MAX; depth <= TEMPLATE_NESTING_MAX + 1; depth++) {
		buf_reset(&text);
		for (int i = 0; i < depth; i++)
			buf_add_str(&text, "{{#a}}");
		for (int i = 0; i < depth; i++)
			buf_add_str(&text, "{{/a}}");
		err = (struct err){ 0 };
		assert_int_equal(render(text.data, "{\"a\":1}", NULL, ESCAPE_TEXT, true, &out, &err),
			depth == TEMPLATE_NESTING_MAX ? 0 : -EBADMSG);
	}
	/* 1100 x 1000 bytes is more than 1 MiB. */
	buf_add_str(&context, "{\"v\":\"");
	for (int i = 0; i < 1000; i++)
		buf_add_char(&context, 'x');
	buf_add_str(&context, "\",\"a\":[0");
	for (int i = 1; i < 1100; i++)
		buf_add_str(&context, ",0");
	buf_add_str(&context, "]}");
	err = (struct err){ 0 };
	assert_int_equal(render("{{#a}}{{v}}{{/a}}", context.data, NULL, ESCAPE_TEXT, true, &out, &err), -EBADMSG);
	assert_string_equal(err.code, "too_long");
	assert_int_equal(out.len, 0);
	/* 1100 ^ 3 items that write nothing. */
	err = (struct err){ 0 };
	assert_int_equal(render("{{#a}}{{#a}}{{#a}}{{/a}}{{/a}}{{/a}}", context.data, NULL, ESCAPE_TEXT, true, &out, &err),
		-EBADMSG);
	assert_string_equal(err.code, "too_many_steps");

	buf_reset(&text);
	while (text.len < TEMPLATE_MAX)
		buf_add_char(&text, 'x');
	assert_int_equal(template_parse(text.data, text.len, &template, NULL), 0);
	buf_add_char(&text, 'x');
	err = (struct err){ 0 };
	assert_int_equal(template_parse(text.data, text.len, &template, &err), -EBADMSG);
	assert_string_equal(err.code, "too_long");
	assert_int_equal(template_parse("a\0b", 3, &(struct template *){ NULL }, NULL), -EBADMSG);
}

static void the_names_in_order(void **state)
{
	static const char text[] = "{{a}}\n{{#list}}\n{{b.c}} {{{raw}}}{{&amp}}\n{{^x}}{{.}}{{/x}}{{/list}}\n{{! c }}{{> _foot/er }}";
	static const struct template_use expected[] = {
		{ TEMPLATE_VARIABLE, "a", 1, false },
		{ TEMPLATE_SECTION, "list", 2, false },
		{ TEMPLATE_VARIABLE, "b.c", 3, false },
		{ TEMPLATE_VARIABLE, "raw", 3, true },
		{ TEMPLATE_VARIABLE, "amp", 3, true },
		{ TEMPLATE_INVERTED, "x", 4, false },
		{ TEMPLATE_VARIABLE, ".", 4, false },
		{ TEMPLATE_SECTION_END, "x", 4, false },
		{ TEMPLATE_SECTION_END, "list", 4, false },
		{ TEMPLATE_PARTIAL, "_foot/er", 5, false },
	};
	CLEANUP(template_freep) struct template *template = NULL;
	struct template_use use;
	size_t n = 0;

	(void)state;
	assert_int_equal(template_parse(text, sizeof(text) - 1, &template, NULL), 0);
	for (size_t i = 0; template_next(template, &i, &use); n++) {
		assert_true(n < ARRAY_LEN(expected));
		assert_int_equal(use.kind, expected[n].kind);
		assert_string_equal(use.name, expected[n].name);
		assert_int_equal(use.line, expected[n].line);
		assert_int_equal(use.raw, expected[n].raw);
	}
	assert_int_equal(n, ARRAY_LEN(expected));
}

/* Where partials stand alone, each line of theirs is indented, theirs in turn too; values keep their own lines. */
static void indentation_adds_up(void **state)
{
	CLEANUP(buf_clear) struct buf out = { 0 };

	(void)state;
	assert_int_equal(render("a\n  {{>p}}\nb\n", "{\"v\":\"1\\n2\",\"l\":[1,2]}",
				 "{\"p\":\"p1\\n\\t{{>q}}\\np2 {{>q}}{{v}}\\n\",\"q\":\"{{#l}}\\nq{{.}}\\n{{/l}}\\n\"}", ESCAPE_TEXT, true,
				 &out, NULL),
		0);
	assert_string_equal(buf_str(&out), "a\n  p1\n  \tq1\n  \tq2\n  p2 q1\nq2\n1\n2\nb\n");
}

int main(void)
{
	static char modules[][16] = { "comments", "delimiters", "interpolation", "inverted", "partials", "sections" };
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(every_character_in_one_line),
		cmocka_unit_test(limits),
		cmocka_unit_test(the_names_in_order),
		cmocka_unit_test(indentation_adds_up),
	};
	struct CMUnitTest spec[ARRAY_LEN(modules)], escapes[ARRAY_LEN(rows)], strict[ARRAY_LEN(refusals)];
	int failed;

	for (size_t i = 0; i < ARRAY_LEN(modules); i++)
		spec[i] = (struct CMUnitTest){ .name = modules[i], .test_func = spec_module, .initial_state = modules[i] };
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		escapes[i] = (struct CMUnitTest){ .name = rows[i].name,
			.test_func = row_holds,
			.initial_state = (void *)(uintptr_t)&rows[i] };
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++)
		strict[i] = (struct CMUnitTest){ .name = refusals[i].name,
			.test_func = refusal_holds,
			.initial_state = (void *)(uintptr_t)&refusals[i] };
	failed = cmocka_run_group_tests_name("the specification", spec, NULL, NULL);
	failed += cmocka_run_group_tests_name("where values land", escapes, NULL, NULL);
	failed += cmocka_run_group_tests_name("refusals", strict, NULL, NULL);
	return failed + cmocka_run_group_tests_name("template", others, NULL, NULL);
}
