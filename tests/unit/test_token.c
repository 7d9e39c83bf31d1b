/* Links and form tokens of the debtor's page, what was typed into a form, and how often somebody may come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/form.h"
#include "common/throttle.h"
#include "common/token.h"
#include "common/utc.h"

static const uint8_t install[32] = { 1, 2, 3 }, other[32] = { 1, 2, 4 };
static const uint8_t nonce[12] = { 9, 8, 7 };
static const struct token_keys keys = { install, 1, 1 };

static int64_t at(const char *text)
{
	int64_t ret = 0;

	assert_int_equal(utc_parse(text, &ret), 0);
	return ret;
}

static struct page_link link_of(const char *invoice)
{
	return (struct page_link){ .partition = 63, .channel = CHANNEL_SMS, .last_on = date_of(2026, 7, 1), .language = "fr", .invoice_id = invoice };
}

static void a_link_opens_what_it_was_made_for(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct page_link link = link_of("inv_42/A:b@c+d=e-f"), read;
	const char *text = page_link_write(&keys, &link, arena);
	char id[LINK_ID_SIZE], again[LINK_ID_SIZE], longest[129];

	(void)state;
	assert_true(page_link_read(&keys, text, at("2026-04-03T08:00:00Z"), arena, &read));
	assert_string_equal(read.invoice_id, link.invoice_id);
	assert_int_equal(read.partition, 63);
	assert_int_equal(read.channel, CHANNEL_SMS);
	assert_string_equal(read.language, "fr");
	assert_int_equal(read.key, 1);
	assert_null(strpbrk(text, "+/=.?&#% "));
	assert_string_equal(page_link_id(text, id), page_link_id(text, again));
	assert_int_equal(strlen(id), 16);
	assert_null(strstr(text, id));
	memset(longest, 'x', 128);
	longest[128] = '\0';
	link = link_of(longest);
	text = page_link_write(&keys, &link, arena);
	assert_true(strlen(text) <= LINK_TEXT_MAX);
	assert_true(page_link_read(&keys, text, 0, arena, &read));
	link.channel = CHANNEL_COUNT;
	link.language[0] = '\0';
	assert_true(page_link_read(&keys, page_link_write(&keys, &link, arena), 0, arena, &read));
	assert_int_equal(read.channel, CHANNEL_COUNT);
}

/* A text message has room for it; whatever only looks like one stays as it is. */
static void a_uuid_makes_a_short_link(void **state)
{
	static const char *const ids[] = { "0190a5c7-1d2e-7f3a-8b4c-5d6e7f809100", "0190A5C7-1d2e-7f3a-8b4c-5d6e7f809100", "0190a5c7-1d2e-7f3a-8b4c-5d6e7f80910g",
		"0190a5c71-d2e-7f3a-8b4c-5d6e7f809100", "0190a5c7:1d2e-7f3a-8b4c-5d6e7f809100", "0190a5c71d2e7f3a8b4c5d6e7f809100" };
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		const struct page_link link = link_of(ids[i]);
		const char *text = page_link_write(&keys, &link, arena);
		struct page_link read;

		assert_true(page_link_read(&keys, text, 0, arena, &read));
		assert_string_equal(read.invoice_id, ids[i]);
		assert_int_equal(strlen(text) == 55, i == 0);
	}
}

/* Its last day is over when it is over everywhere. */
static void a_link_ends(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const struct page_link link = link_of("inv_42");
	const char *text = page_link_write(&keys, &link, arena);
	struct page_link read;

	(void)state;
	assert_true(page_link_read(&keys, text, at("2026-07-02T11:59:59Z"), arena, &read));
	assert_false(page_link_read(&keys, text, at("2026-07-02T12:00:00Z"), arena, &read));
}

static void keys_are_rotated(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const struct page_link link = link_of("inv_42");
	const struct token_keys both = { install, 2, 1 }, second = { install, 2, 2 }, foreign = { other, 1, 1 };
	const char *first = page_link_write(&keys, &link, arena), *newer = page_link_write(&both, &link, arena);
	struct page_link read;

	(void)state;
	assert_string_not_equal(first, newer);
	assert_true(page_link_read(&both, first, 0, arena, &read));
	assert_true(page_link_read(&both, newer, 0, arena, &read));
	assert_int_equal(read.key, 2);
	assert_false(page_link_read(&second, first, 0, arena, &read));
	assert_false(page_link_read(&keys, newer, 0, arena, &read)); /* of a key that is not there yet */
	assert_false(page_link_read(&foreign, first, 0, arena, &read));
}

/* Whatever one character becomes: nothing but the link itself is the link. */
static void no_other_text_is_a_link(void **state)
{
	static const char chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/.%";
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const struct page_link link = link_of("inv_42");
	const char *text = page_link_write(&keys, &link, arena);
	struct page_link read;

	(void)state;
	for (size_t i = 0; i < strlen(text); i++)
		for (const char *c = chars; *c; c++) {
			char *changed = arena_strdup(arena, text);

			changed[i] = *c;
			if (*c != text[i] && page_link_read(&keys, changed, 0, arena, &read))
				fail_msg("%s is taken for %s", changed, text);
		}
	for (size_t n = 0; n < strlen(text); n++)
		assert_false(page_link_read(&keys, arena_memdup(arena, text, n), 0, arena, &read));
	assert_false(page_link_read(&keys, arena_printf(arena, "%sA", text), 0, arena, &read));
	assert_false(page_link_read(&keys, arena_printf(arena, "%s=", text), 0, arena, &read));
}

static void a_form_is_of_one_link_and_action(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct page_link link = link_of("inv_42"), another = link_of("inv_43");
	const char *one, *two, *token, *elsewhere;
	char id[TOKEN_ID_SIZE];
	int64_t now = at("2026-04-03T08:00:30Z");

	(void)state;
	link.key = another.key = 1;
	one = page_link_write(&keys, &link, arena);
	two = page_link_write(&keys, &another, arena);
	token = form_token_write(&keys, &link, one, "paid", now, nonce, arena);
	assert_true(form_token_read(&keys, &link, one, "paid", now, token, id));
	assert_string_equal(id, "090807000000000000000000");
	assert_null(strstr(token, id));
	assert_false(form_token_read(&keys, &link, one, "dispute", now, token, id));
	assert_false(form_token_read(&keys, &another, two, "paid", now, token, id));
	assert_false(form_token_read(&(struct token_keys){ other, 1, 1 }, &link, one, "paid", now, token, id));
	elsewhere = arena_strdup(arena, token);
	((char *)(uintptr_t)elsewhere)[9] ^= 1;
	assert_false(form_token_read(&keys, &link, one, "paid", now, elsewhere, id));
	assert_false(form_token_read(&keys, &link, one, "paid", now, "", id));
	assert_false(form_token_read(&keys, &link, one, "paid", now, one, id)); /* a link is no token */
	/* for a day; a clock that was set back a little does no harm */
	assert_true(form_token_read(&keys, &link, one, "paid", now + FORM_HOURS * HOUR_MS, token, id));
	assert_false(form_token_read(&keys, &link, one, "paid", now + FORM_HOURS * HOUR_MS + MINUTE_MS, token, id));
	assert_true(form_token_read(&keys, &link, one, "paid", now - 5 * MINUTE_MS, token, id));
	assert_false(form_token_read(&keys, &link, one, "paid", now - 6 * MINUTE_MS, token, id));
}

/* --- forms -------------------------------------------------------------------------------------------------------------------------- */

static const struct {
	const char *body;
	enum form_got got;
	bool lines;
	const char *text;
} typed[] = {
	{ "a=x", FORM_TEXT, false, "x" },
	{ "b=1&a=%C3%A9+%26+%3Cb%3E&c", FORM_TEXT, false, "\u00e9 & <b>" },
	{ "a=++x+y%09", FORM_TEXT, false, "x y" },
	{ "a=one%0D%0Atwo%0Athree%0D", FORM_TEXT, true, "one\ntwo\nthree" },
	{ "a=one%0Atwo", FORM_BAD, false, "" },
	{ "", FORM_NONE, false, "" },
	{ "a=", FORM_NONE, false, "" },
	{ "a=+%0A+", FORM_NONE, false, "" },
	{ "aa=x&A=y", FORM_NONE, false, "" },
	{ "a=x&a=x", FORM_BAD, false, "" }, /* twice */
	{ "a=x%00", FORM_BAD, false, "" },
	{ "a=x%00y", FORM_BAD, true, "" },
	{ "a=%FF", FORM_BAD, false, "" },
	{ "a=%C0%80", FORM_BAD, false, "" }, /* an overlong NUL */
	{ "a=%ED%A0%80", FORM_BAD, false, "" }, /* half a surrogate */
	{ "a=%1B%5B0m", FORM_BAD, true, "" },
	{ "a=%C2%85", FORM_BAD, true, "" }, /* a control character of C1 */
	{ "a=x%E2%80%AEy", FORM_BAD, true, "" }, /* turns the direction of writing */
	{ "a=x%E2%81%A6y", FORM_BAD, true, "" },
	{ "a=%E2%80%A8x", FORM_BAD, true, "" }, /* a line separator */
	{ "a=%F0%9F%98%80", FORM_TEXT, false, "\U0001F600" },
	{ "a=12345678901234567890x", FORM_LONG, false, "12345678901234567890x" }, /* more than 20 bytes */
};

static void what_was_typed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(typed) / sizeof(*typed); i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		struct form_pair *pairs;
		const char *text;
		size_t count;

		assert_int_equal(form_decode(typed[i].body, strlen(typed[i].body), arena, &pairs, &count, NULL), 0);
		if (form_get(pairs, count, "a", 20, typed[i].lines, arena, &text) != typed[i].got || strcmp(text, typed[i].text) != 0)
			fail_msg("%s is read as \"%s\"", typed[i].body, text);
	}
}

static void broken_escapes_are_refused(void **state)
{
	static const char *const bodies[] = { "a=%", "a=%0", "a=%0g", "%=x", "a=x&b=%zz" };

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		struct form_pair *pairs;
		size_t count;

		if (form_decode(bodies[i], strlen(bodies[i]), arena, &pairs, &count, NULL) == 0)
			fail_msg("%s is taken", bodies[i]);
	}
}

/* --- how often ---------------------------------------------------------------------------------------------------------------------- */

static void some_at_once_then_one_in_a_while(void **state)
{
	CLEANUP(throttle_freep) struct throttle *t = throttle_create(install);
	const struct throttle_rate rate = { 3, 1000 };

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(throttle_take(t, 'a', "x", 1, &rate, 5000));
	assert_false(throttle_take(t, 'a', "x", 1, &rate, 5000));
	assert_true(throttle_take(t, 'b', "x", 1, &rate, 5000)); /* counted apart */
	assert_true(throttle_take(t, 'a', "y", 1, &rate, 5000)); /* somebody else */
	assert_false(throttle_take(t, 'a', "x", 1, &rate, 5999));
	assert_true(throttle_take(t, 'a', "x", 1, &rate, 6000));
	assert_false(throttle_take(t, 'a', "x", 1, &rate, 6000));
	for (int i = 0; i < 3; i++) /* and all of them again after a rest */
		assert_true(throttle_take(t, 'a', "x", 1, &rate, 20000));
	assert_false(throttle_take(t, 'a', "x", 1, &rate, 20000));
}

/* A crowd takes no more room than there is, and takes no place from who came too often. */
static void a_crowd_forgets_nobody_who_floods(void **state)
{
	CLEANUP(throttle_freep) struct throttle *t = throttle_create(install);
	const struct throttle_rate rate = { 1, 1000 }, slow = { 10, 1000000 };

	(void)state;
	for (int i = 0; i < 10; i++)
		assert_true(throttle_take(t, 'a', "flood", 5, &slow, 0));
	for (uint32_t i = 0; i < 100000; i++)
		(void)throttle_take(t, 'a', &i, sizeof(i), &rate, i / 100);
	assert_false(throttle_take(t, 'a', "flood", 5, &slow, 1000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_link_opens_what_it_was_made_for),
		cmocka_unit_test(a_uuid_makes_a_short_link),
		cmocka_unit_test(a_link_ends),
		cmocka_unit_test(keys_are_rotated),
		cmocka_unit_test(no_other_text_is_a_link),
		cmocka_unit_test(a_form_is_of_one_link_and_action),
		cmocka_unit_test(what_was_typed),
		cmocka_unit_test(broken_escapes_are_refused),
		cmocka_unit_test(some_at_once_then_one_in_a_while),
		cmocka_unit_test(a_crowd_forgets_nobody_who_floods),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
