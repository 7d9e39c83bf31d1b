/* When a step is owed: anchors, spacing, the debtor's window over changes of the clocks, caps and gap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/law.h"
#include "common/schedule.h"
#include "common/utc.h"

static int64_t at(const char *text)
{
	int64_t ret;

	if (utc_parse(text, &ret) < 0)
		fail_msg("%s", text);
	return ret;
}

static date day(const char *text)
{
	date ret = date_none();

	if (*text && date_parse(text, &ret) < 0)
		fail_msg("%s", text);
	return ret;
}

static struct policy *parse(const char *json)
{
	struct policy *policy = NULL;
	struct err err = { 0 };

	if (policy_parse(json, strlen(json), &policy, &err) < 0)
		fail_msg("%s: %s %s\n%s", err.path, err.code, err.text, json);
	return policy;
}

static struct policy *with_window(const char *window)
{
	char json[400];

	snprintf(json, sizeof(json), "{\"name\":\"p\",\"do_nothing\":true,\"window\":{%s}}", window);
	return parse(json);
}

/* --- windows --------------------------------------------------------------------------------------------------------- */

#define DAILY(hours) "\"days\":\"mon-sun\",\"hours\":\"" hours "\""

static const struct window_row {
	const char *name, *zone, *window, *from, *to; /* the first instant >= from inside the window */
} window_rows[] = {
	{ "before the opening", "Europe/Paris", "", "2026-03-02T05:00:00Z", "2026-03-02T08:00:00Z" },
	{ "the opening itself", "Europe/Paris", "", "2026-03-02T08:00:00Z", "2026-03-02T08:00:00Z" },
	{ "inside", "Europe/Paris", "", "2026-03-02T12:34:56.789Z", "2026-03-02T12:34:56.789Z" },
	{ "the last millisecond", "Europe/Paris", "", "2026-03-02T16:29:59.999Z", "2026-03-02T16:29:59.999Z" },
	{ "the closing is outside", "Europe/Paris", "", "2026-03-02T16:30:00Z", "2026-03-03T08:00:00Z" },
	{ "Friday evening to Monday, and the clocks change between", "Europe/Paris", "", "2026-03-27T17:00:00Z",
		"2026-03-30T07:00:00Z" },
	{ "and back in October", "Europe/Paris", "", "2026-10-23T16:00:00Z", "2026-10-26T08:00:00Z" },
	{ "New York changes on another Sunday", "America/New_York", "", "2026-03-06T23:00:00Z", "2026-03-09T13:00:00Z" },
	{ "Paris has not changed then", "Europe/Paris", "", "2026-03-06T23:00:00Z", "2026-03-09T08:00:00Z" },
	{ "no change in Kathmandu, three quarters off", "Asia/Kathmandu", "", "2026-03-27T17:00:00Z", "2026-03-30T03:15:00Z" },
	{ "half an hour of summer on Lord Howe", "Australia/Lord_Howe", "", "2026-04-03T09:00:00Z", "2026-04-05T22:30:00Z" },
	{ "an opening in the gap is the first instant behind it", "Europe/Paris", DAILY("02:30-12:00"), "2026-03-28T23:30:00Z",
		"2026-03-29T01:00:00Z" },
	{ "an opening in the overlap is the first of the two", "Europe/Paris", DAILY("02:30-12:00"), "2026-10-24T22:30:00Z",
		"2026-10-25T00:30:00Z" },
	{ "the second of the two is inside", "Europe/Paris", DAILY("02:30-12:00"), "2026-10-25T01:30:00Z",
		"2026-10-25T01:30:00Z" },
	{ "a closing in the overlap is the first of the two", "Europe/Paris", DAILY("00:00-02:30"), "2026-10-25T00:30:00Z",
		"2026-10-25T23:00:00Z" },
	{ "midnight that does not exist", "America/Santiago", DAILY("00:00-06:00"), "2026-09-06T03:00:00Z",
		"2026-09-06T04:00:00Z" },
	{ "a day of 23 hours ends at its own midnight", "Europe/Paris", DAILY("10:00-24:00"), "2026-03-29T21:59:59Z",
		"2026-03-29T21:59:59Z" },
	{ "and is over then", "Europe/Paris", DAILY("10:00-24:00"), "2026-03-29T22:00:00Z", "2026-03-30T08:00:00Z" },
	{ "Samoa had no 30 December 2011", "Pacific/Apia", DAILY("09:00-17:00"), "2011-12-30T04:00:00Z",
		"2011-12-30T19:00:00Z" },
	{ "a fixed zone of the policy", "Asia/Tokyo", "\"zone\":\"Europe/Paris\"", "2026-03-02T05:00:00Z",
		"2026-03-02T08:00:00Z" },
	{ "only Saturdays", "Europe/Paris", "\"days\":\"sat\"", "2026-03-02T05:00:00Z", "2026-03-07T08:00:00Z" },
	{ "where it is already tomorrow", "Pacific/Kiritimati", "", "2026-03-01T18:00:00Z", "2026-03-01T19:00:00Z" },
	{ "where it is still yesterday", "Pacific/Pago_Pago", "", "2026-03-02T05:00:00Z", "2026-03-02T20:00:00Z" },
};

static void window_row(void **state)
{
	const struct window_row *row = *state;
	CLEANUP(policy_freep) struct policy *policy = with_window(row->window);
	struct debtor debtor = { .customer = { .timezone = row->zone, .country = "FR" } };
	struct business_time when = schedule_window(policy, &debtor, "UTC", NULL);
	char text[UTC_TEXT_SIZE];

	assert_string_equal(utc_format(business_next(&when, at(row->from)), text), row->to);
	assert_int_equal(business_next(&when, at(row->to)), at(row->to)); /* where it leads is inside */
}

/* The creditor's hours at the creditor's clock, and the debtor's dates: what is owed on the 3rd, or promised until the 2nd, waits for their 3rd. */
static void hours_of_another_zone(void **state)
{
	CLEANUP(policy_freep) struct policy *policy = with_window("\"zone\":\"Asia/Tokyo\",\"days\":\"mon-sat\",\"hours\":\"05:30-06:30\"");
	struct debtor debtor = { .customer = { .timezone = "America/New_York", .country = "US" } };
	struct business_time when = schedule_window(policy, &debtor, "UTC", NULL);

	(void)state;
	assert_string_equal(zone_name(when.zone), "Asia/Tokyo");
	assert_int_equal(business_date(&when, at("2026-07-03T03:59:59Z")).days, day("2026-07-02").days);
	assert_int_equal(business_opening(&when, day("2026-07-03")), at("2026-07-03T20:30:00Z")); /* in Tokyo already the 4th */
	assert_int_equal(business_next(&when, at("2026-07-02T12:00:00Z")), at("2026-07-02T20:30:00Z"));
	debtor.customer.timezone = "Pacific/Auckland"; /* ahead of Tokyo: it is the 3rd there while Tokyo still has the 2nd */
	when = schedule_window(policy, &debtor, "UTC", NULL);
	assert_int_equal(business_opening(&when, day("2026-07-03")), at("2026-07-02T20:30:00Z"));
	debtor.customer.timezone = NULL;
	when = schedule_window(policy, &debtor, "America/New_York", NULL);
	assert_int_equal(business_opening(&when, day("2026-07-03")), at("2026-07-03T20:30:00Z"));
}

static void zones_and_holidays(void **state)
{
	CLEANUP(law_freep) struct law *law = NULL;
	const struct holidays *holidays = law_load(SOURCE_DIR "/daemon/share", NULL, &law, NULL) < 0 ? NULL : law->holidays;
	CLEANUP(policy_freep) struct policy *policy = with_window(""), *none = with_window("\"holidays\":\"none\"");
	struct debtor debtor = { .customer = { .country = "FR" } };
	struct business_time when = schedule_window(policy, &debtor, "Europe/Lisbon", holidays);

	(void)state;
	assert_string_equal(zone_name(when.zone), "Europe/Lisbon"); /* the debtor has none */
	assert_string_equal(calendar_name(when.calendar), "FR*"); /* nobody told where in France */
	debtor.customer.postal.postcode = "75002";
	when = schedule_window(policy, &debtor, "Europe/Lisbon", holidays);
	assert_string_equal(calendar_name(when.calendar), "FR");
	when = schedule_window(none, &debtor, "Europe/Lisbon", holidays);
	assert_null(when.calendar);
	assert_int_equal(business_next(&when, at("2026-07-14T09:00:00Z")), at("2026-07-14T09:00:00Z")); /* his policy does not mind */
	when = schedule_window(policy, &debtor, "Europe/Lisbon", holidays);
	assert_int_equal(business_next(&when, at("2026-07-14T09:00:00Z")), at("2026-07-15T08:00:00Z"));
	assert_int_equal(business_opening(&when, day("2026-12-25")), at("2026-12-28T09:00:00Z"));
	assert_int_equal(business_add_days(&when, day("2026-04-30"), 1).days, day("2026-05-04").days);
	debtor.customer.country = "GB"; /* in which part, nobody knows */
	when = schedule_window(policy, &debtor, "Europe/Lisbon", holidays);
	assert_int_equal(business_opening(&when, day("2026-11-30")), at("2026-12-01T09:00:00Z"));
	debtor.customer.country = "JP"; /* of which nothing is known */
	when = schedule_window(policy, &debtor, "Europe/Lisbon", holidays);
	assert_null(when.calendar);
	debtor.customer.timezone = "Europe/Atlantis"; /* cannot come this far; a person still is not called at night */
	when = schedule_window(policy, &debtor, "Europe/Lisbon", holidays);
	assert_string_equal(zone_name(when.zone), "Europe/Lisbon");
	when = schedule_window(policy, &debtor, "Mars/Base", NULL);
	assert_string_equal(zone_name(when.zone), "UTC");
}

static void a_due_date_moves_where_the_policy_says_so(void **state)
{
	static const char json[] = "{\"name\":\"p\",\"due_roll\":\"following\",\"do_nothing\":true}";
	static const struct { const char *due, *moved; } rows[] = { { "2026-05-01", "2026-05-04" }, { "2026-05-02", "2026-05-04" },
		{ "2026-05-04", "2026-05-04" }, { "", "" } };
	CLEANUP(policy_freep) struct policy *policy = NULL, *other = with_window("");
	CLEANUP(law_freep) struct law *law = NULL;
	struct debtor debtor = { .customer = { .country = "FR" } };
	struct business_time when;
	char text[DATE_TEXT_SIZE];

	(void)state;
	assert_int_equal(law_load(SOURCE_DIR "/daemon/share", NULL, &law, NULL), 0);
	assert_int_equal(policy_parse(json, sizeof(json) - 1, &policy, NULL), 0);
	when = schedule_window(policy, &debtor, "Europe/Paris", law->holidays);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_string_equal(date_format(schedule_due(policy, &when, day(rows[i].due)), text), rows[i].moved);
		assert_string_equal(date_format(schedule_due(other, &when, day(rows[i].due)), text), rows[i].due);
	}
}

/* --- dates ----------------------------------------------------------------------------------------------------------- */

#define MAIL(id, when) "{\"id\":\"" id "\",\"at\":\"" when "\",\"channel\":\"email\",\"template\":\"t\",\"tone\":\"neutral\"}"
#define STEPS(steps) "{\"name\":\"p\",\"steps\":[" steps "]}"

static const struct date_row {
	const char *name, *json, *issued, *due;
	const char *done[3];
	size_t step;
	const char *owed;
	bool before_due;
} date_rows[] = {
	{ "days from the due date", STEPS(MAIL("a", "due+1d")), "2026-03-02", "2026-04-01", { 0 }, 0, "2026-04-02", false },
	{ "days before it", STEPS(MAIL("a", "due-7d")), "2026-03-02", "2026-04-01", { 0 }, 0, "2026-03-25", true },
	{ "the due date itself", STEPS(MAIL("a", "due+0d")), "2026-03-02", "2026-04-01", { 0 }, 0, "2026-04-01", false },
	{ "business days leap over the week-end", STEPS(MAIL("a", "due+2bd")), "", "2026-04-02", { 0 }, 0, "2026-04-06", false },
	{ "business days backwards", STEPS(MAIL("a", "due-2bd")), "", "2026-04-06", { 0 }, 0, "2026-04-02", true },
	{ "no business days from a Sunday is Monday", STEPS(MAIL("a", "due+0bd")), "", "2026-04-05", { 0 }, 0, "2026-04-06", false },
	{ "from the issue date", STEPS(MAIL("a", "issued+10d")), "2026-03-02", "2026-04-01", { 0 }, 0, "2026-03-12", true },
	{ "without one from the due date", STEPS(MAIL("a", "issued+10d")), "", "2026-04-01", { 0 }, 0, "2026-04-11", false },
	{ "end of the due date's month", STEPS(MAIL("a", "eom+0d")), "", "2028-02-10", { 0 }, 0, "2028-02-29", false },
	{ "end of month and more", STEPS(MAIL("a", "eom+45d")), "", "2026-01-31", { 0 }, 0, "2026-03-17", false },
	{ "across the change of the clocks a day is a day", STEPS(MAIL("a", "due+2d")), "", "2026-03-28", { 0 }, 0, "2026-03-30",
		false },
	{ "from a step that is open: never yet", STEPS(MAIL("a", "due+1d") "," MAIL("b", "a+10d")), "", "2026-04-01", { 0 }, 1, "",
		false },
	{ "from a step that was done", STEPS(MAIL("a", "due+1d") "," MAIL("b", "a+10d")), "", "2026-04-01", { "2026-04-20" }, 1,
		"2026-04-30", false },
	{ "in time: no spacing", STEPS(MAIL("a", "due+1d") "," MAIL("b", "due+8d")), "", "2026-04-01", { "2026-04-02" }, 1,
		"2026-04-09", false },
	{ "late: later ones keep their spacing", STEPS(MAIL("a", "due+1d") "," MAIL("b", "due+8d")), "", "2026-04-01",
		{ "2026-04-20" }, 1, "2026-04-27", false },
	{ "early: not earlier than written", STEPS(MAIL("a", "due+1d") "," MAIL("b", "due+8d")), "", "2026-04-01",
		{ "2026-03-20" }, 1, "2026-04-09", false },
	{ "the step before was skipped: spacing from the one before that",
		STEPS(MAIL("a", "due+1d") "," MAIL("b", "due+8d") "," MAIL("c", "due+15d")), "", "2026-04-01",
		{ "2026-04-20", NULL }, 2, "2026-05-04", false },
	{ "the last that was done counts", STEPS(MAIL("a", "due+1d") "," MAIL("b", "due+8d") "," MAIL("c", "due+15d")), "",
		"2026-04-01", { "2026-06-20", "2026-04-10" }, 2, "2026-04-17", false },
	{ "done, but its own anchor was skipped", STEPS(MAIL("a", "due+1d") "," MAIL("b", "a+3d") "," MAIL("c", "due+15d")), "",
		"2026-04-01", { NULL, "2026-06-10" }, 2, "2026-06-21", false },
	{ "another late one between a step and its anchor", STEPS(MAIL("a", "due+1d") "," MAIL("b", "due+8d") "," MAIL("c", "a+10d")),
		"", "2026-04-01", { "2026-04-02", "2026-04-20" }, 2, "2026-04-23", false },
	{ "spacing between anchors", STEPS(MAIL("a", "issued+30d") "," MAIL("b", "due+8d")), "2026-03-02", "2026-04-01",
		{ "2026-04-11" }, 1, "2026-04-19", false },
};

static void date_row(void **state)
{
	const struct date_row *row = *state;
	CLEANUP(policy_freep) struct policy *policy = parse(row->json);
	struct debtor debtor = { .customer = { .timezone = "Europe/Paris", .country = "FR" } };
	struct business_time when = schedule_window(policy, &debtor, "UTC", NULL);
	struct schedule_walk walk = { .issued_on = day(row->issued), .due_on = day(row->due) };
	char text[DATE_TEXT_SIZE];

	for (size_t i = 0; i < POLICY_STEPS_MAX; i++)
		walk.done[i] = i < 3 && row->done[i] ? day(row->done[i]) : date_none();
	assert_string_equal(date_format(schedule_step_date(policy, row->step, &walk, &when), text), row->owed);
	assert_int_equal(schedule_before_due(policy, row->step, &walk, &when), row->before_due);
}

/* --- caps and gap ---------------------------------------------------------------------------------------------------- */

#define PACED(members) "{\"name\":\"p\",\"do_nothing\":true," members "}"
#define CAPS2 "\"min_gap\":\"0h\",\"caps\":[{\"contacts\":2,\"days\":7}]"

static const struct pace_row {
	const char *name, *json;
	struct {
		const char *at;
		enum channel channel;
	} made[4];
	enum channel channel;
	const char *from, *earliest, *rule;
} pace_rows[] = {
	{ "nothing was sent", PACED("\"title\":\"x\""), { { 0 } }, CHANNEL_EMAIL, "2026-04-10T09:00:00Z", "2026-04-10T09:00:00Z", NULL },
	{ "the gap holds", PACED("\"title\":\"x\""), { { "2026-04-09T12:00:00Z", CHANNEL_EMAIL } }, CHANNEL_EMAIL,
		"2026-04-10T09:00:00Z", "2026-04-11T12:00:00Z", "min_gap" },
	{ "over all channels", PACED("\"title\":\"x\""), { { "2026-04-09T12:00:00Z", CHANNEL_SMS } }, CHANNEL_CALL,
		"2026-04-10T09:00:00Z", "2026-04-11T12:00:00Z", "min_gap" },
	{ "its last instant is free", PACED("\"title\":\"x\""), { { "2026-04-09T12:00:00Z", CHANNEL_EMAIL } }, CHANNEL_EMAIL,
		"2026-04-11T12:00:00Z", "2026-04-11T12:00:00Z", NULL },
	{ "no gap asked for", PACED("\"min_gap\":\"0h\""), { { "2026-04-09T12:00:00Z", CHANNEL_EMAIL } }, CHANNEL_EMAIL,
		"2026-04-09T12:00:01Z", "2026-04-09T12:00:01Z", NULL },
	{ "below the cap", PACED(CAPS2), { { "2026-04-09T12:00:00Z", CHANNEL_EMAIL } }, CHANNEL_EMAIL, "2026-04-10T09:00:00Z",
		"2026-04-10T09:00:00Z", NULL },
	{ "at the cap: when the oldest that counts leaves it", PACED(CAPS2),
		{ { "2026-04-06T12:00:00Z", CHANNEL_EMAIL }, { "2026-04-09T12:00:00Z", CHANNEL_CALL } }, CHANNEL_SMS,
		"2026-04-10T09:00:00Z", "2026-04-13T12:00:00Z", "cap" },
	{ "an older one does not matter", PACED(CAPS2),
		{ { "2026-04-01T12:00:00Z", CHANNEL_EMAIL }, { "2026-04-06T12:00:00Z", CHANNEL_EMAIL },
			{ "2026-04-09T12:00:00Z", CHANNEL_EMAIL } },
		CHANNEL_EMAIL, "2026-04-10T09:00:00Z", "2026-04-13T12:00:00Z", "cap" },
	{ "seven days are past", PACED(CAPS2),
		{ { "2026-04-02T12:00:00Z", CHANNEL_EMAIL }, { "2026-04-09T12:00:00Z", CHANNEL_EMAIL } }, CHANNEL_EMAIL,
		"2026-04-10T09:00:00Z", "2026-04-10T09:00:00Z", NULL },
	{ "a cap of one channel binds that channel", PACED("\"title\":\"x\",\"min_gap\":\"0h\""),
		{ { "2026-04-06T12:00:00Z", CHANNEL_CALL } }, CHANNEL_CALL, "2026-04-10T09:00:00Z", "2026-04-13T12:00:00Z", "cap" },
	{ "and no other", PACED("\"title\":\"x\",\"min_gap\":\"0h\""), { { "2026-04-06T12:00:00Z", CHANNEL_CALL } }, CHANNEL_EMAIL,
		"2026-04-10T09:00:00Z", "2026-04-10T09:00:00Z", NULL },
	{ "a voice that calls is a call", PACED("\"title\":\"x\",\"min_gap\":\"0h\""), { { "2026-04-06T12:00:00Z", CHANNEL_VOICE } }, CHANNEL_CALL,
		"2026-04-10T09:00:00Z", "2026-04-13T12:00:00Z", "cap" },
	{ "and a call holds it up", PACED("\"title\":\"x\",\"min_gap\":\"0h\""), { { "2026-04-06T12:00:00Z", CHANNEL_CALL } }, CHANNEL_VOICE,
		"2026-04-10T09:00:00Z", "2026-04-13T12:00:00Z", "cap" },
	{ "others do not fill it", PACED("\"min_gap\":\"0h\",\"caps\":[{\"channel\":\"call\",\"contacts\":1,\"days\":7}]"),
		{ { "2026-04-09T12:00:00Z", CHANNEL_EMAIL } }, CHANNEL_CALL, "2026-04-10T09:00:00Z", "2026-04-10T09:00:00Z", NULL },
	{ "the later of gap and cap", PACED("\"min_gap\":\"48h\",\"caps\":[{\"contacts\":1,\"days\":7}]"),
		{ { "2026-04-09T12:00:00Z", CHANNEL_EMAIL } }, CHANNEL_EMAIL, "2026-04-10T09:00:00Z", "2026-04-16T12:00:00Z", "cap" },
	{ "the gap may be the later", PACED("\"min_gap\":\"480h\",\"caps\":[{\"contacts\":1,\"days\":7}]"),
		{ { "2026-04-09T12:00:00Z", CHANNEL_EMAIL } }, CHANNEL_EMAIL, "2026-04-10T09:00:00Z", "2026-04-29T12:00:00Z",
		"min_gap" },
};

static void pace_row(void **state)
{
	const struct pace_row *row = *state;
	CLEANUP(policy_freep) struct policy *policy = parse(row->json);
	struct contact_made made[4];
	struct debtor debtor = { .contacts = made };
	const char *rule = NULL;
	char text[UTC_TEXT_SIZE];

	for (; debtor.contact_count < 4 && row->made[debtor.contact_count].at; debtor.contact_count++)
		made[debtor.contact_count] = (struct contact_made){ .at = at(row->made[debtor.contact_count].at),
			.channel = row->made[debtor.contact_count].channel, .attempt = "x" };
	assert_string_equal(utc_format(pace_earliest(policy, &debtor, row->channel, at(row->from), &rule), text), row->earliest);
	assert_int_equal(pace_earliest(policy, &debtor, row->channel, at(row->from), NULL), at(row->earliest));
	if (row->rule)
		assert_string_equal(rule, row->rule);
	else
		assert_null(rule);
}

#define ROWS(rows, fn)                                                                                               \
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)                                                                 \
	tests[count++] = (struct CMUnitTest){ .name = rows[i].name, .test_func = fn, .initial_state = (void *)(uintptr_t)&rows[i] }

int main(void)
{
	static struct CMUnitTest tests[ARRAY_LEN(window_rows) + ARRAY_LEN(date_rows) + ARRAY_LEN(pace_rows) + 3];
	size_t count = 0;

	ROWS(window_rows, window_row);
	ROWS(date_rows, date_row);
	ROWS(pace_rows, pace_row);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(hours_of_another_zone);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(zones_and_holidays);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(a_due_date_moves_where_the_policy_says_so);
	return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
