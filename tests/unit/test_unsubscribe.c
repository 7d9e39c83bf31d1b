/* List-Unsubscribe: the link and who may use it, what a mail's head says, and what a POST must say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/mime.h"
#include "common/unsubscribe.h"

#define ATTEMPT "01JX9000000000000000000042"
static const uint8_t key[32] = "an install key for these tests", other_key[32] = "another one";

static void a_link_is_for_one_attempt(void **state)
{
	char token[UNSUBSCRIBE_TOKEN_SIZE], wrong[UNSUBSCRIBE_TOKEN_SIZE], id[ATTEMPT_ID_SIZE];

	(void)state;
	unsubscribe_token(key, ATTEMPT, token);
	assert_int_equal(strlen(token), 59);
	assert_memory_equal(token, ATTEMPT "-", 27);
	assert_true(unsubscribe_check(key, token, id));
	assert_string_equal(id, ATTEMPT);
	assert_false(unsubscribe_check(other_key, token, id));
	for (size_t i = 0; i < strlen(token); i++) { /* any other letter anywhere */
		memcpy(wrong, token, sizeof(wrong));
		wrong[i] = wrong[i] == '1' ? '2' : '1';
		assert_false(unsubscribe_check(key, wrong, id));
	}
	assert_false(unsubscribe_check(key, "", id));
	assert_false(unsubscribe_check(key, ATTEMPT, id));
	token[strlen(token) - 1] = '\0';
	assert_false(unsubscribe_check(key, token, id));
}

static const struct row {
	const char *name, *reply_to;
	bool listens, off;
	enum channel channel;
	const char *says; /* NULL: nothing; '#' is the token */
	const char *page;
} rows[] = {
	{ "both ways", "r@acme.example", true, false, CHANNEL_EMAIL,
		"<https://dunning.example/hooks/unsubscribe/#>, <mailto:r@acme.example?subject=STOP&body=STOP>", NULL },
	{ "answers to the sender", NULL, true, false, CHANNEL_EMAIL,
		"<https://dunning.example/hooks/unsubscribe/#>, <mailto:f@acme.example?subject=STOP&body=STOP>", NULL },
	{ "the page instead of webhooks", "r@acme.example", false, false, CHANNEL_EMAIL,
		"<https://pay.example/p/AQ/stop>, <mailto:r@acme.example?subject=STOP&body=STOP>", "https://pay.example/p/AQ" },
	{ "webhooks before the page", "r@acme.example", true, false, CHANNEL_EMAIL,
		"<https://dunning.example/hooks/unsubscribe/#>, <mailto:r@acme.example?subject=STOP&body=STOP>", "https://pay.example/p/AQ" },
	{ "by mail alone", "r+7@acme.example", false, false, CHANNEL_EMAIL, "<mailto:r+7@acme.example?subject=STOP&body=STOP>", NULL },
	{ "an address that a URI must not hold", "a?b%c=\xc3\xa9@acme.example", false, false, CHANNEL_EMAIL,
		"<mailto:a%3Fb%25c%3D%C3%A9@acme.example?subject=STOP&body=STOP>", NULL },
	{ "by mail to the sender alone", NULL, false, false, CHANNEL_EMAIL, "<mailto:f@acme.example?subject=STOP&body=STOP>", NULL },
	{ "switched off", "r@acme.example", true, true, CHANNEL_EMAIL, NULL, NULL },
	{ "no mail", "r@acme.example", true, false, CHANNEL_SMS, NULL, "https://pay.example/p/AQ" },
};

static void what_a_head_says(void **state)
{
	const struct row *row = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf head = { 0 };
	struct config config = { .list_unsubscribe = !row->off, .hooks_listen = row->listens ? "127.0.0.1:1" : NULL,
		.hooks_public_url = "https://dunning.example" };
	struct message m = { .attempt_id = ATTEMPT, .channel = row->channel, .from = { .email = "f@acme.example", .reply_to = row->reply_to },
		.to.email = "t@x.example" };
	char token[UNSUBSCRIBE_TOKEN_SIZE];
	const char *hash = row->says ? strchr(row->says, '#') : NULL, *expected = row->says;

	unsubscribe_token(key, ATTEMPT, token);
	if (hash)
		expected = arena_printf(arena, "%.*s%s%s", (int)(hash - row->says), row->says, token, hash + 1);
	unsubscribe_offer(&config, key, row->page, &m, arena);
	mime_head(&m, 0, &head);
	if (!expected) {
		assert_null(m.list_unsubscribe);
		assert_null(m.list_unsubscribe_post);
		assert_null(strstr(buf_str(&head), "List-"));
		return;
	}
	assert_string_equal(m.list_unsubscribe, expected);
	assert_non_null(strstr(buf_str(&head), arena_printf(arena, "\r\nList-Unsubscribe: %s\r\n", expected)));
	assert_int_equal(row->listens || row->page, strstr(buf_str(&head), "\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n") != NULL); /* RFC 8058 */
}

static void what_a_post_says(void **state)
{
	static const struct {
		const char *body;
		bool asked;
	} bodies[] = {
		{ "List-Unsubscribe=One-Click", true },
		{ "a=b&List-Unsubscribe=One-Click&c=d", true },
		{ "--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--\r\n", true },
		{ "", false },
		{ "&", false },
		{ "List-Unsubscribe=One-Clic", false },
		{ "List-Unsubscribe=One-Click2", false },
		{ "xList-Unsubscribe=One-Click", false },
		{ "List-Unsubscribe=", false },
		{ "list-unsubscribe=one-click", false },
		{ "--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nTwo-Click\r\n--x--\r\n", false },
		{ "--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++)
		if (unsubscribe_asked(bodies[i].body, strlen(bodies[i].body)) != bodies[i].asked)
			fail_msg("%s", bodies[i].body);
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_LEN(rows) + 2] = { cmocka_unit_test(a_link_is_for_one_attempt), cmocka_unit_test(what_a_post_says) };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		tests[i + 2] = (struct CMUnitTest){ .name = rows[i].name, .test_func = what_a_head_says, .initial_state = (void *)(uintptr_t)&rows[i] };
	return cmocka_run_group_tests_name("unsubscribe", tests, NULL, NULL);
}
