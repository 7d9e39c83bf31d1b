/*
 * Where a debtor is, as far as holidays and contact rules tell regions apart: by region, by postcode, by neither, and then whatever is off or
 * forbidden anywhere in the country counts.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/law.h"
#include "common/permit.h"
#include "common/utc.h"

static struct law *law;

static int set_up(void **state)
{
	struct err err = { 0 };

	(void)state;
	if (law_load(SOURCE_DIR "/daemon/share", NULL, &law, &err) < 0)
		fail_msg("%s", err.text);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	law_free(law);
	return 0;
}

/* --- holidays ------------------------------------------------------------------------------------------------------------- */

struct row {
	const char *name;
	struct place place;
	const char *calendar;
	const char *off, *open; /* a day off there, and a day off elsewhere in the country; NULL = no such day */
};

static const struct row rows[] = {
	{ "Bavaria by its code", { "DE", "BY", NULL }, "DE-BY*", "2026-01-06", "2026-10-31" },
	{ "Bavaria by the whole code", { "DE", "DE-BY", "80331" }, "DE-BY*", "2026-01-06", "2026-03-08" },
	{ "Bavaria by name, and perhaps a Catholic commune", { "DE", "bayern", NULL }, "DE-BY*", "2026-08-15", "2026-10-31" },
	{ "Berlin", { "DE", "BE", NULL }, "DE-BE", "2027-03-08", "2026-01-06" },
	{ "Germany, and no word where", { "DE", NULL, NULL }, "DE*", "2026-01-06", "2026-07-14" },
	{ "Germany: everybody's day", { "DE", NULL, "80331" }, "DE*", "2026-10-31", NULL },
	{ "Germany: a word that is none of its regions", { "DE", "Süd", NULL }, "DE*", "2026-03-08", NULL },
	{ "Alsace by its postcode", { "FR", NULL, "67000" }, "FR-67", "2026-04-03", NULL },
	{ "Alsace by its department", { "FR", "68", NULL }, "FR-68", "2026-12-26", NULL },
	{ "Moselle, whatever its region is called", { "FR", "GES", "57000" }, "FR-57", "2026-12-26", NULL },
	{ "Grand Est may be Alsace", { "FR", "GES", NULL }, "FR*", "2026-12-26", NULL },
	{ "Grand Est, in Reims", { "FR", "GES", "51100" }, "FR", "2026-07-14", "2026-12-26" },
	{ "Paris", { "FR", NULL, "75002" }, "FR", "2026-07-14", "2026-04-03" },
	{ "France, and no word where", { "FR", NULL, NULL }, "FR*", "2026-04-03", "2026-12-20" },
	{ "La Réunion by its postcode", { "FR", NULL, "97400" }, "FR-RE", "2027-12-20", "2026-12-26" },
	{ "La Réunion by its own country", { "RE", NULL, NULL }, "FR-RE", "2027-12-20", "2026-12-26" },
	{ "Saint-Barthélemy is not Guadeloupe", { "FR", NULL, "97133" }, "FR-BL", "2026-10-09", "2026-05-27" },
	{ "Guadeloupe beside it", { "FR", NULL, "97134" }, "FR-GP", "2026-05-27", "2026-10-09" },
	{ "Scotland by its postcode", { "GB", NULL, "EH1 1YZ" }, "GB-SCT", "2026-06-15", "2026-04-06" },
	{ "London is not Edinburgh", { "GB", NULL, "E1 6AN" }, "GB-ENG", "2026-04-06", "2026-01-02" },
	{ "small letters", { "GB", NULL, "bt1 5gs" }, "GB-NIR", "2026-07-13", "2026-06-15" },
	{ "Scotland by name", { "GB", "Scotland", NULL }, "GB-SCT", "2026-01-02", "2026-04-06" },
	{ "on the border", { "GB", NULL, "TD15 1BA" }, "GB", "2026-06-15", NULL },
	{ "Kent is a county", { "GB", "Kent", NULL }, "GB", "2026-01-02", NULL },
	{ "Spain has one calendar", { "ES", "CT", "08001" }, "ES", "2026-10-12", NULL },
	{ "the Netherlands: terms are not people", { "NL", NULL, NULL }, "NL", "2026-04-27", NULL },
	{ "a country without a calendar", { "SE", NULL, NULL }, NULL, NULL, NULL },
	{ "no country", { NULL, "BY", "80331" }, NULL, NULL, NULL },
};

static date day(const char *text)
{
	date d;

	assert_int_equal(date_parse(text, &d), 0);
	return d;
}

static void row_holds(void **state)
{
	const struct row *row = *state;
	const struct calendar *c = holidays_of(law->holidays, &row->place);

	if (!row->calendar) {
		assert_null(c);
		return;
	}
	assert_non_null(c);
	assert_string_equal(calendar_name(c), row->calendar);
	assert_ptr_equal(holidays_place(law->holidays, row->calendar), c); /* what the guard asks for by name */
	if (row->off)
		assert_true(calendar_holiday(c, day(row->off)));
	if (row->open)
		assert_false(calendar_holiday(c, day(row->open)));
}

/* Where nothing is known, every day that is off for anybody there is off; where it is, never more than that. */
static void careful_is_all_of_them(void **state)
{
	static const char *const regions[] = { "BW", "BY", "BE", "BB", "HB", "HH", "HE", "MV", "NI", "NW", "RP", "SL", "SN", "ST", "SH", "TH" };
	const struct calendar *any = holidays_of(law->holidays, &(struct place){ .country = "DE" });

	(void)state;
	for (date d = day("2026-01-01"); date_diff(d, day("2027-12-31")) <= 0; d = date_add_days(d, 1)) {
		bool off = false;

		for (size_t i = 0; i < ARRAY_LEN(regions); i++)
			off = off || calendar_holiday(holidays_of(law->holidays, &(struct place){ .country = "DE", .region = regions[i] }), d);
		assert_int_equal(calendar_holiday(any, d), off);
	}
}

/* --- contact rules -------------------------------------------------------------------------------------------------------- */

static bool binds(struct place place, const char *id)
{
	const struct contact_rule *rules[GUARD_RULES_MAX + 1];

	guard_rules_at(&law->guard, &place, rules);
	for (size_t i = 0; rules[i]; i++)
		if (strcmp(rules[i]->id, id) == 0)
			return true;
	return false;
}

static void rules_of_a_state(void **state)
{
	static const struct {
		struct place place;
		bool massachusetts, new_york_city;
	} cases[] = {
		{ { "US", "MA", NULL }, true, false }, { { "US", "US-MA", "02108" }, true, false },
		{ { "US", "Massachusetts", NULL }, true, true }, /* a word that is no code: of the city nothing is known */
		{ { "US", NULL, "02108" }, true, false }, { { "US", "CA", "94103" }, false, false }, { { "US", "CA", NULL }, false, false },
		{ { "US", "NY", NULL }, false, true }, { { "US", "NY", "10001" }, false, true }, { { "US", "NY", "14604" }, false, false },
		{ { "US", NULL, "11201-1234" }, false, true }, { { "US", NULL, NULL }, true, true }, { { "US", NULL, "02840" }, false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(binds(cases[i].place, "us-ma"), cases[i].massachusetts);
		assert_int_equal(binds(cases[i].place, "us-nyc"), cases[i].new_york_city);
		assert_true(binds(cases[i].place, "us-tcpa"));
	}
	assert_true(binds((struct place){ "CA", "ON", NULL }, "ca-on") && !binds((struct place){ "CA", "ON", NULL }, "ca-qc"));
	assert_true(binds((struct place){ "CA", NULL, "H2X 1Y4" }, "ca-qc") && !binds((struct place){ "CA", NULL, "H2X 1Y4" }, "ca-on"));
	assert_true(!binds((struct place){ "CA", "BC", NULL }, "ca-qc") && !binds((struct place){ "CA", NULL, "V5K 0A1" }, "ca-on"));
}

/* --- a debtor ------------------------------------------------------------------------------------------------------------- */

/* From when on, asked at `from`. */
static const char *allowed(struct debtor *debtor, enum channel channel, const char *from, char text[UTC_TEXT_SIZE])
{
	static const char json[] = "{\"name\":\"p\",\"caps\":[],\"min_gap\":\"0h\",\"window\":{\"days\":\"mon-sun\",\"hours\":\"09:00-17:30\"},"
		"\"steps\":[{\"id\":\"a\",\"at\":\"due+1d\",\"channel\":\"email\",\"template\":\"t\",\"tone\":\"neutral\"}]}";
	CLEANUP(policy_freep) struct policy *policy = NULL;
	struct permit_case c = { .guard = &law->guard, .holidays = law->holidays, .debtor = debtor, .channel = channel,
		.creditor_zone = "Europe/Berlin", .first_reminder = date_none() };
	int64_t at;

	assert_int_equal(policy_parse(json, sizeof(json) - 1, &policy, NULL), 0);
	assert_int_equal(utc_parse(from, &at), 0);
	c.policy = policy;
	return utc_format(permit_contact(&c, at).at, text);
}

static void nobody_is_written_to_on_their_own_holiday(void **state)
{
	struct debtor debtor = { .id = "c", .known = true, .customer = { .country = "DE", .timezone = "Europe/Berlin", .kind = 0 } };
	struct postal *postal = &debtor.customer.postal;
	static const char epiphany[] = "2027-01-06T09:00:00Z"; /* a Wednesday */
	char text[UTC_TEXT_SIZE];

	(void)state;
	postal->region = "BY";
	assert_string_equal(allowed(&debtor, CHANNEL_EMAIL, epiphany, text), "2027-01-07T08:00:00Z");
	postal->region = "NW";
	assert_string_equal(allowed(&debtor, CHANNEL_EMAIL, epiphany, text), epiphany);
	postal->region = NULL; /* not known: nobody is disturbed on anybody's */
	assert_string_equal(allowed(&debtor, CHANNEL_EMAIL, epiphany, text), "2027-01-07T08:00:00Z");
	postal->region = "NW";
	postal->country = "AT"; /* an address elsewhere says nothing of where they are */
	assert_string_equal(allowed(&debtor, CHANNEL_EMAIL, epiphany, text), "2027-01-07T08:00:00Z");
	debtor.customer = (struct customer){ .country = "GB", .timezone = "Europe/London", .postal.postcode = "EH1 1YZ" };
	assert_string_equal(allowed(&debtor, CHANNEL_EMAIL, "2027-01-04T10:00:00Z", text), "2027-01-05T09:00:00Z"); /* 2 January, observed */
	postal->postcode = "SW1A 1AA";
	assert_string_equal(allowed(&debtor, CHANNEL_EMAIL, "2027-01-04T10:00:00Z", text), "2027-01-04T10:00:00Z");
}

/* The third call in a week: forbidden to a consumer in Massachusetts, and to one who may be there. */
static void the_rules_of_their_state_bind(void **state)
{
	static const char *const regions[] = { "MA", "CA", NULL };
	static const char now[] = "2026-11-18T17:00:00Z";
	char text[UTC_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(regions); i++) {
		struct contact_made made[2] = { { .channel = CHANNEL_CALL }, { .channel = CHANNEL_CALL } };
		struct debtor debtor = { .id = "c", .known = true, .contacts = made, .contact_count = 2,
			.customer = { .country = "US", .timezone = "America/New_York", .kind = 2, .postal.region = regions[i] } };

		assert_int_equal(utc_parse("2026-11-16T17:00:00Z", &made[0].at), 0);
		assert_int_equal(utc_parse("2026-11-17T17:00:00Z", &made[1].at), 0);
		if (i == 1)
			assert_string_equal(allowed(&debtor, CHANNEL_CALL, now, text), now);
		else
			assert_string_not_equal(allowed(&debtor, CHANNEL_CALL, now, text), now);
	}
}

int main(void)
{
	static const struct CMUnitTest fixed[] = {
		cmocka_unit_test(careful_is_all_of_them),
		cmocka_unit_test(rules_of_a_state),
		cmocka_unit_test(nobody_is_written_to_on_their_own_holiday),
		cmocka_unit_test(the_rules_of_their_state_bind),
	};
	struct CMUnitTest tests[ARRAY_LEN(rows) + ARRAY_LEN(fixed)];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].name, .test_func = row_holds, .initial_state = (void *)(uintptr_t)&rows[i] };
	memcpy(&tests[ARRAY_LEN(rows)], fixed, sizeof(fixed));
	return cmocka_run_group_tests_name("place", tests, set_up, tear_down);
}
