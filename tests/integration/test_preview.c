/* What the shipped policies say, as `dunningctl template preview` shows it: each text by a step that has it, each law by its policy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "common/json.h"
#include "tests/support/process.h"

#define SHARE SOURCE_DIR "/daemon/share"
#define RUN_MS 60000
#define SEEN_MAX 64

static const char config[] = "{\"origin\": \"test.example/acme\", \"state_dir\": \"/nonexistent\","
	"\"creditor\": {\"name\": \"Acme\", \"locale\": \"en-GB\", \"zone\": \"Europe/London\"},"
	"\"senders\": {\"default\": {\"name\": \"Acme\", \"email\": \"a@acme.example\"}},"
	"\"channels\": {\"email\": \"outbox\", \"sms\": \"outbox\"}}";

struct asked {
	struct arena *arena;
	char file[40];
	const char *seen[SEEN_MAX]; /* templates */
	size_t seen_count;
};

static int begin(void **state)
{
	struct asked *a = calloc(1, sizeof(*a));
	int fd;

	strcpy(a->file, "/tmp/dunningd-preview-XXXXXX");
	fd = mkstemp(a->file);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, config, strlen(config)), (ssize_t)strlen(config));
	assert_int_equal(close(fd), 0);
	a->arena = arena_create();
	*state = a;
	return 0;
}

static int end(void **state)
{
	struct asked *a = *state;

	assert_int_equal(unlink(a->file), 0);
	arena_free(a->arena);
	free(a);
	return 0;
}

/* The answer of dunningctl --json to three words and perhaps an option; kept in the arena. */
static const struct json *ask(struct asked *a, const char *one, const char *two, const char *three, const char *option)
{
	const char *argv[] = { BUILD_DIR "/dunningctl", "--config", a->file, "--share", SHARE, "--json", one, two, three, option, NULL };
	CLEANUP(buf_clear) struct buf out = { 0 };
	struct json *root = arena_alloc(a->arena, sizeof(*root));
	struct err err = { 0 };

	if (process_run(argv, &out, RUN_MS) != 0)
		fail_msg("%s %s %s: %s", one, two, three, buf_str(&out));
	if (json_parse(a->arena, arena_memdup(a->arena, buf_str(&out), out.len), out.len, JSON_FRACTIONS, root, &err) < 0)
		fail_msg("%s: %s", three, err.text);
	return root;
}

static const char *member(const struct json *object, const char *key)
{
	struct json value = json_get(object, key);

	return value.type == JSON_STRING ? json_str(&value) : NULL;
}

static void has(const char *where, const char *text, const char *needle)
{
	if (!text || !strstr(text, needle))
		fail_msg("%s lacks \"%s\": %s", where, needle, text ? text : "(nothing)");
}

static bool was_seen(struct asked *a, const char *template)
{
	for (size_t i = 0; i < a->seen_count; i++)
		if (strcmp(a->seen[i], template) == 0)
			return true;
	assert_true(a->seen_count < SEEN_MAX);
	a->seen[a->seen_count++] = template;
	return false;
}

static size_t preview_all(struct asked *a, const char *policy)
{
	const struct json *shown = ask(a, "policy", "show", policy, NULL);
	struct json list = json_get(shown, "steps");
	const struct json *steps = arena_memdup(a->arena, &list, sizeof(list));
	size_t seen = 0;

	for (size_t i = 0; i < json_len(steps); i++) {
		struct json item = json_at(steps, i);
		const struct json *step = arena_memdup(a->arena, &item, sizeof(item)), *notice;
		const char *word = arena_printf(a->arena, "%s/%s", policy, member(step, "id")), *channel = member(step, "channel");

		if (!channel || (was_seen(a, member(step, "template")) && strcmp(member(step, "template"), "penalties") != 0))
			continue; /* a gate says nothing */
		notice = ask(a, "template", "preview", word, NULL);
		has(word, member(notice, "text"), strcmp(channel, "call") == 0 ? "Before you call" : "F-2026-0042");
		if (strcmp(channel, "email") == 0) {
			has(word, member(notice, "html"), "</html>");
			assert_non_null(member(notice, "subject"));
		}
		if (strcmp(member(step, "template"), "penalties") == 0)
			has(word, member(notice, "text"), "the law (");
		seen++;
	}
	return seen;
}

static void every_text_of_every_policy(void **state)
{
	struct asked *a = *state;
	char **names;
	size_t count, seen = 0;

	assert_int_equal(file_list(a->arena, SHARE "/policies", ".json", &names, &count), 0);
	assert_true(count >= 12);
	for (size_t i = 0; i < count; i++)
		seen += preview_all(a, arena_memdup(a->arena, names[i], strlen(names[i]) - strlen(".json")));
	assert_true(a->seen_count >= 13 && seen >= a->seen_count + 6); /* seven laws */
}

/* What stands in the way is asked of a household in other words than of an accounts desk. */
static void a_consumer_is_not_an_office(void **state)
{
	struct asked *a = *state;

	has("business", member(ask(a, "template", "preview", "fr-b2b/clarification", NULL), "text"), "did not reach the right desk");
	has("consumer", member(ask(a, "template", "preview", "fr-b2c/clarification", "--consumer"), "text"), "the invoice did not reach you;");
	has("consumer", member(ask(a, "template", "preview", "fr-b2c/call", "--consumer"), "text"), "(partner, relative, colleague)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_text_of_every_policy, begin, end),
		cmocka_unit_test_setup_teardown(a_consumer_is_not_an_office, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
