/* Policies that extend another: what comes of both, its version, and that every complaint is about the file that is there to be mended. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/policy.h"

#define MAIL(id, at, tone) "{\"id\":\"" id "\",\"at\":\"" at "\",\"channel\":\"email\",\"template\":\"t\",\"tone\":\"" tone "\"}"
#define ON(members) "{\"name\":\"mine\",\"extends\":\"base\"," members "}"
#define STEPS(steps) ON("\"steps\":[" steps "]")

static const char base_text[] =
	"{ // the ground\n \"name\":\"base\",\"title\":\"Ground\",\"min_gap\":\"72h\",\"minimum\":{\"EUR\":1000},\"group\":\"invoice\",\n"
	" \"caps\":[{\"contacts\":1,\"days\":5}],\"steps\":[" MAIL("first", "due+1d", "friendly") "," MAIL("second", "due+10d", "neutral") ","
	MAIL("third", "second+10d", "firm") "]}";

static struct policy *base(void)
{
	struct policy *policy = NULL;

	assert_int_equal(policy_parse(base_text, strlen(base_text), &policy, NULL), 0);
	return policy;
}

static struct policy *on(const struct policy *ground, const char *text)
{
	struct policy *policy = NULL;
	struct err err = { 0 };

	if (policy_parse_on(text, strlen(text), ground, &policy, &err) < 0)
		fail_msg("%s: %s %s\n%s", err.path, err.code, err.text, text);
	return policy;
}

/* "first due+1d, ..." */
static void steps_are(const struct policy *policy, const char *const *ids)
{
	size_t i = 0;

	for (; ids[i]; i++) {
		assert_true(i < policy->step_count);
		assert_string_equal(policy->steps[i].id, ids[i]);
	}
	assert_int_equal(policy->step_count, i);
}
#define STEPS_ARE(policy, ...) steps_are(policy, (const char *const[]){ __VA_ARGS__, NULL })

static void what_is_not_said_is_the_bases(void **state)
{
	CLEANUP(policy_freep) struct policy *ground = base();
	CLEANUP(policy_freep) struct policy *p = on(ground, ON("\"title\":\"Mine\",\"min_gap\":\"96h\""));

	(void)state;
	assert_string_equal(p->name, "mine");
	assert_string_equal(p->extends, "base");
	assert_string_equal(p->title, "Mine");
	assert_int_equal(p->min_gap_ms, INT64_C(96) * 3600000);
	assert_int_equal(p->group, GROUP_INVOICE);
	assert_int_equal(p->minimum_count, 1);
	assert_int_equal(p->cap_count, 1);
	STEPS_ARE(p, "first", "second", "third");
	assert_int_equal(p->steps[2].at.step, 1);
	assert_null(ground->extends);
}

static void several_messages_a_day_are_the_bases_too(void **state)
{
	static const char text[] = "{\"name\":\"base\",\"min_gap\":\"1h\",\"same_day\":true,\"steps\":[" MAIL("first", "due+1d", "friendly") "]}";
	static const struct {
		const char *json;
		bool same_day;
	} rows[] = { { ON("\"min_gap\":\"2h\""), true }, { ON("\"same_day\":true"), true }, { ON("\"same_day\":false"), false },
		{ ON("\"same_day\":null"), false } };
	CLEANUP(policy_freep) struct policy *ground = NULL, *plain = base();

	(void)state;
	assert_int_equal(policy_parse(text, strlen(text), &ground, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(policy_freep) struct policy *p = on(ground, rows[i].json), *on_plain = on(plain, rows[i].json);

		assert_int_equal(p->same_day, rows[i].same_day);
		assert_int_equal(on_plain->same_day, rows[i].same_day && i != 0);
	}
}

static void a_member_is_replaced_whole_and_null_takes_it_away(void **state)
{
	CLEANUP(policy_freep) struct policy *ground = base();
	CLEANUP(policy_freep) struct policy *p = on(ground, ON("\"minimum\":{\"GBP\":500},\"caps\":null,\"group\":null,\"max_contacts\":4"));

	(void)state;
	assert_int_equal(p->minimum_count, 1);
	assert_string_equal(p->minimum[0].currency, "GBP");
	assert_int_equal(p->cap_count, 2); /* as when nobody says anything */
	assert_int_equal(p->group, GROUP_DEBTOR);
	assert_int_equal(p->max_contacts, 4);
}

static void steps_are_replaced_added_and_taken_out(void **state)
{
	CLEANUP(policy_freep) struct policy *ground = base();
	CLEANUP(policy_freep) struct policy *p = on(ground, STEPS(
		"{\"id\":\"second\",\"at\":\"due+12d\",\"channel\":\"sms\",\"template\":\"u\",\"tone\":\"neutral\"},"
		"{\"id\":\"pre\",\"before\":\"first\",\"at\":\"due-7d\",\"channel\":\"email\",\"template\":\"t\",\"tone\":\"friendly\",\"else\":null},"
		"{\"id\":\"early\",\"after\":\"pre\",\"at\":\"due+0d\",\"channel\":\"email\",\"template\":\"t\",\"tone\":\"friendly\"},"
		"{\"id\":\"first\",\"remove\":true},"
		"{\"id\":\"last\",\"after\":\"third\",\"at\":\"third+9d\",\"gate\":\"decision\",\"role\":\"owner\"}"));

	(void)state;
	STEPS_ARE(p, "pre", "early", "second", "third", "last");
	assert_int_equal(p->steps[2].channel, CHANNEL_SMS);
	assert_int_equal(p->steps[2].at.days, 12);
	assert_int_equal(p->steps[3].at.step, 2); /* counts from the replaced one */
	assert_int_equal(p->steps[4].kind, STEP_GATE);
}

static void a_base_without_steps_gets_them(void **state)
{
	static const char nothing[] = "{\"name\":\"base\",\"do_nothing\":true}";
	CLEANUP(policy_freep) struct policy *ground = NULL;
	CLEANUP(policy_freep) struct policy *p = NULL;

	(void)state;
	assert_int_equal(policy_parse(nothing, strlen(nothing), &ground, NULL), 0);
	p = on(ground, ON("\"do_nothing\":false,\"steps\":[" MAIL("a", "due+1d", "friendly") "]"));
	STEPS_ARE(p, "a");
	assert_false(p->nothing);
}

static void the_version_is_that_of_the_whole(void **state)
{
	static const char other[] = "{\"name\":\"base\",\"min_gap\":\"72h\",\"steps\":[" MAIL("first", "due+2d", "friendly") "]}";
	CLEANUP(policy_freep) struct policy *ground = base();
	CLEANUP(policy_freep) struct policy *moved = NULL;
	CLEANUP(policy_freep) struct policy *p = on(ground, ON("\"title\":\"Mine\""));
	CLEANUP(policy_freep) struct policy *spaced = on(ground, "{ /* the same */ \"extends\":\"base\", \"title\":\"Mine\",\n\"name\":\"mine\" }");
	CLEANUP(policy_freep) struct policy *again = NULL;
	CLEANUP(policy_freep) struct policy *q = NULL;

	(void)state;
	assert_string_equal(p->digest, spaced->digest); /* what is only written otherwise is the same policy */
	assert_int_equal(policy_parse(other, strlen(other), &moved, NULL), 0);
	q = on(moved, ON("\"title\":\"Mine\""));
	assert_string_not_equal(p->digest, q->digest); /* the ground moved */
	/* What is kept of it needs no base. */
	assert_int_equal(policy_parse(p->source, p->source_len, &again, NULL), 0);
	assert_string_equal(again->digest, p->digest);
	assert_null(again->extends);
	STEPS_ARE(again, "first", "second", "third");
}

static void one_may_stand_on_another_that_does(void **state)
{
	CLEANUP(policy_freep) struct policy *ground = base();
	CLEANUP(policy_freep) struct policy *middle = on(ground, STEPS("{\"id\":\"third\",\"remove\":true}"));
	CLEANUP(policy_freep) struct policy *p =
		on(middle, "{\"name\":\"top\",\"extends\":\"mine\",\"steps\":[{\"id\":\"first\",\"remove\":true}]}");

	(void)state;
	STEPS_ARE(p, "second");
	assert_string_equal(p->extends, "mine");
	assert_int_equal(p->min_gap_ms, INT64_C(72) * 3600000);
}

static void the_head_is_read_alone(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct policy_head head;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(policy_read_head(arena, ON("\"nonsense\":1"), strlen(ON("\"nonsense\":1")), &head, NULL), 0);
	assert_string_equal(head.name, "mine");
	assert_string_equal(head.extends, "base");
	assert_int_equal(policy_read_head(arena, "{\"name\":\"a\",\"extends\":null}", 27, &head, NULL), 0);
	assert_null(head.extends);
	assert_int_equal(policy_read_head(arena, "{\"name\":\"a\",\"extends\":[\"b\"]}", 28, &head, &err), -EBADMSG);
	assert_string_equal(err.path, "$.extends");
}

struct row {
	const char *json, *code, *path, *says;
};
static const struct row rows[] = {
	{ STEPS("{\"id\":\"fourth\",\"remove\":true}"), "unknown_step", "$.steps[0].id", "\"base\", which has first, second, third" },
	{ STEPS("{\"id\":\"secnd\",\"at\":\"due+9d\",\"channel\":\"email\",\"template\":\"t\",\"tone\":\"firm\"}"), "missing", "$.steps[0].after",
		"\"secnd\" is no step of \"base\" (first, second, third)" },
	{ STEPS("{\"id\":\"x\",\"after\":\"fourth\",\"at\":\"due+9d\"}"), "unknown_step", "$.steps[0].after", "which has first" },
	{ STEPS("{\"id\":\"x\",\"before\":\"fourth\",\"at\":\"due+9d\"}"), "unknown_step", "$.steps[0].before", "which has first" },
	{ STEPS("{\"id\":\"x\",\"after\":\"first\",\"before\":\"second\"}"), "bad_step", "$.steps[0].before", "one of them" },
	{ STEPS("{\"id\":\"first\",\"after\":\"second\",\"at\":\"due+9d\"}"), "bad_step", "$.steps[0].after", "stands where \"base\" has it" },
	{ STEPS("{\"id\":\"first\",\"remove\":true,\"at\":\"due+9d\"}"), "unknown_member", "$.steps[0].at", "" },
	{ STEPS("{\"id\":\"first\",\"remove\":1}"), "wrong_type", "$.steps[0].remove", "" },
	{ STEPS("{\"at\":\"due+9d\"}"), "missing", "$.steps[0].id", "" },
	{ STEPS("7"), "wrong_type", "$.steps[0]", "id of a step" },
	{ STEPS(MAIL("first", "due+2d", "friendly") "," MAIL("first", "due+3d", "friendly")), "duplicate_id", "$.steps[1].id", "is taken" },
	/* what shows only in the whole, at its place in this file */
	{ STEPS("{\"id\":\"first\",\"remove\":true},{\"id\":\"third\",\"at\":\"due+9w\",\"channel\":\"email\",\"template\":\"t\",\"tone\":\"firm\"}"),
		"bad_at", "$.steps[1].at", "\"due+9w\"" },
	{ STEPS("{\"id\":\"first\",\"remove\":true},{\"id\":\"third\",\"at\":\"due+40d\",\"channel\":\"email\",\"template\":\"t\",\"tone\":\"firm\","
		"\"if\":{\"kinds\":[\"firm\"]}}"), "bad_item", "$.steps[1].if.kinds[0]", "company" },
	/* or only at a step of the base */
	{ STEPS("{\"id\":\"second\",\"remove\":true}"), "unknown_step", "$.steps", "step \"third\" of \"base\" does not go with what stands here: at" },
	{ STEPS(MAIL("first", "due+1d", "legal")), "tone_falls", "$.steps", "step \"second\" of \"base\"" },
	{ ON("\"window\":{\"hours\":\"9-17\"}"), "bad_hours", "$.window.hours", "" },
	{ ON("\"windows\":{}"), "unknown_member", "$.windows", "" },
	{ ON("\"do_nothing\":true"), "bad_list", "$.steps", "must be empty" },
	{ ON("\"steps\":{}"), "wrong_type", "$.steps", "" },
	{ "{\"name\":\"Mine\",\"extends\":\"base\"}", "bad_name", "$.name", "must begin with a-z" },
	{ "{\"name\":", "bad_json", NULL, "" },
};

static void complaints_are_about_the_file(void **state)
{
	CLEANUP(policy_freep) struct policy *ground = base();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct policy *policy = NULL;
		struct err err = { 0 };

		assert_int_equal(policy_parse_on(rows[i].json, strlen(rows[i].json), ground, &policy, &err), -EBADMSG);
		if (strcmp(err.code, rows[i].code) != 0 || (rows[i].path && strcmp(err.path, rows[i].path) != 0) || !strstr(err.text, rows[i].says))
			fail_msg("%s\n%s %s %s", rows[i].json, err.code, err.path, err.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_said_is_the_bases),
		cmocka_unit_test(several_messages_a_day_are_the_bases_too),
		cmocka_unit_test(a_member_is_replaced_whole_and_null_takes_it_away),
		cmocka_unit_test(steps_are_replaced_added_and_taken_out),
		cmocka_unit_test(a_base_without_steps_gets_them),
		cmocka_unit_test(the_version_is_that_of_the_whole),
		cmocka_unit_test(one_may_stand_on_another_that_does),
		cmocka_unit_test(the_head_is_read_alone),
		cmocka_unit_test(complaints_are_about_the_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
