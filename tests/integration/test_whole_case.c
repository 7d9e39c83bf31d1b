/*
 * One case from the deposit to the handover, eight months of it, with the shipped ladder: played once, with a few kill -9 at random instants of
 * it. What everybody got, what was walked and told is what is expected; the bundle for the lawyer reads as one chronology, and
 * a stranger can check it. `tests/outside/cases` plays it with hundreds of kills.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "common/date.h"
#include "common/file.h"
#include "tests/support/whole_case.h"

#define KILLS 4

static int setup(void **state)
{
	struct story *s = calloc(1, sizeof(*s));
	uint64_t seed = getenv("SEED") ? strtoull(getenv("SEED"), NULL, 10) : (uint64_t)time(NULL);

	printf("SEED=%llu\n", (unsigned long long)seed);
	whole_case_play(s, KILLS, seed);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	story_close(*state);
	free(*state);
	return 0;
}

static void the_end_is_the_expected_one(void **state)
{
	struct story *s = *state;

	assert_int_equal(s->killed, KILLS);
	if (strcmp(whole_case_end(s), whole_case_expected) != 0) {
		fputs(whole_case_end(s), stderr); /* too long for cmocka */
		fail_msg("it ended otherwise");
	}
	(void)STORY_CTL(s, "check");
	assert_true(world_trail_verifies(&s->world));
}

static const char *report(struct story *s, const char *folder)
{
	CLEANUP(buf_clear) struct buf html = { 0 };
	CLEANUP(buf_clear) struct buf text = { 0 };
	bool tag = false;

	assert_int_equal(file_read(arena_printf(s->arena, "%s/report.en.html", folder), 8 << 20, &html, NULL), 0);
	for (const char *at = strstr(buf_str(&html), "<body"); *at; at++) { /* the words alone; a row ends with a line */
		if (*at == '<' && strncmp(at, "</tr>", 5) == 0)
			buf_add_str(&text, "\n");
		if (*at == '<' || *at == '>' || *at == '\n')
			tag = *at == '<';
		if (*at == '>' || *at == '\n')
			buf_add_str(&text, " ");
		else if (!tag)
			buf_add(&text, at, 1);
	}
	return arena_strdup(s->arena, buf_str(&text));
}

/* "4 June 2026" at the beginning of a row's text; 0 days when it does not begin so. */
static int32_t day_at(const char *text)
{
	static const char *const months[] = { "January", "February", "March", "April", "May", "June", "July", "August", "September", "October" };
	char month[16];
	int day, year;

	if (sscanf(text, " %d %15s %d", &day, month, &year) != 3)
		return 0;
	for (int i = 0; i < (int)ARRAY_LEN(months); i++)
		if (strcmp(months[i], month) == 0)
			return date_of(year, i + 1, day).days;
	return 0;
}

/* From one heading to the next: its days never go back. How many rows with a day it has. */
static int rises(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from), *end = at ? strstr(at, to) : NULL;
	int32_t last = 0;
	int rows = 0;

	if (!end)
		fail_msg("the report has no part \"%s\" before \"%s\":\n%s", from, to, text);
	for (; (at = strchr(at, '\n')) && at < end; at++) {
		const char *cell = at + 1;
		int32_t day;

		cell += strspn(cell, " ");
		if (strncmp(from, "Contacts", 8) == 0) /* they are numbered */
			cell += strspn(cell, "0123456789");
		day = day_at(cell);
		if (!day)
			continue;
		rows++;
		if (day < last)
			fail_msg("\"%s\" goes back at %.60s", from, cell);
		last = day;
	}
	return rows;
}

static void says_in_order(const char *text, const char *const *words)
{
	for (const char *at = text; *words; words++) {
		const char *found = strstr(at, *words);

		if (!found)
			fail_msg("the report does not say \"%s\" (any more, from there on):\n%.6000s", *words, at);
		at = found;
	}
}

static void the_evidence_reads_as_one_chronology(void **state)
{
	struct story *s = *state;
	const char *folder = arena_printf(s->arena, "%s/bundle", s->world.dir), *text;

	(void)STORY_CTL(s, "evidence", "--debtor", "cus_1", "--out", folder);
	(void)STORY_CTL(s, "trail", "verify", folder);
	(void)STORY_CTL(s, "trail", "verify", arena_printf(s->arena, "%s/bundle.zip", s->world.dir)); /* what the lawyer got */
	text = report(s, folder);
	assert_true(rises(text, "Contacts with the debtor", "Why nothing was sent at times") >= 17);
	assert_true(rises(text, "Why nothing was sent at times", "What else is on record") >= 15);
	assert_true(rises(text, "What else is on record", "Each contact, as it was sent") >= 25);
	says_in_order(text, (const char *const[]){ "Contacts with the debtor", "9 February 2026", "telephone", "20 February 2026", "25 March 2026",
		"7 April 2026", "text message", "11 June 2026", "1 July 2026", "17 July 2026", "letter", "12 rue X, 69002 Lyon", "posted by a person",
		"unclaimed after notice", "Why nothing was sent at times", "Promise broken", "Payment plan agreed", "Payment plan broken",
		"Dispute opened", "Dispute resolved", "handed over", "What else is on record", "the deposit is not paid", "Work may go on", "Note of a call",
		"Fixed sum asked for", "Work is to rest", "as announced", "Decision of a person", "Announced to the debtor", "Case handed over",
		"Announcement carried out", NULL });
	assert_null(strstr(text, "work.hold"));
	assert_null(strstr(text, "formal-notice"));
}

static void it_stops_in_good_order(void **state)
{
	story_ends_well(*state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_end_is_the_expected_one),
		cmocka_unit_test(the_evidence_reads_as_one_chronology),
		cmocka_unit_test(it_stops_in_good_order),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
