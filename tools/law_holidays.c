/* The public holidays of a place, and its business days. */
#include <errno.h>
#include <string.h>

#include "tools/law.h"

#define NAME_SIZE 40

static int calendar_of(const struct law *law, const struct json *given, const struct calendar **ret, struct err *err)
{
	const char *name;
	int r = json_get_str(given, "calendar", NAME_SIZE, &name, err);

	if (r < 0)
		return r;
	*ret = holidays_place(law->holidays, name);
	return *ret ? 0 : json_refuse(given, "calendar", err, "unknown_calendar", "no holidays are known of \"%s\"", name);
}

/* --- law holidays ------------------------------------------------------------------------------------------------------------------ */

static int answer_holidays(const struct law *law, const struct json *given, struct json_writer *expect, struct err *err)
{
	struct holiday days[HOLIDAYS_MAX];
	const struct calendar *calendar = NULL;
	size_t count = 0;
	int64_t year;
	int r = json_get_int(given, "year", 1900, 9998, &year, err);

	if (r < 0 || (json_has(given, "calendar") && (r = calendar_of(law, given, &calendar, err)) < 0))
		return r;
	if (calendar) {
		jw_str(expect, "calendar", calendar_name(calendar));
		count = calendar_year(calendar, (int)year, days);
	}
	jw_int(expect, "year", year);
	law_put_date(expect, "easter", easter((int)year));
	if (!calendar)
		return 0;
	jw_array(expect, "holidays");
	for (size_t i = 0; i < count; i++) {
		jw_object(expect, NULL);
		law_put_date(expect, "observed", days[i].observed);
		jw_str(expect, "weekday", law_weekday(days[i].observed));
		jw_str(expect, "id", days[i].id);
		law_put_date(expect, "actual", days[i].actual);
		jw_end_object(expect);
	}
	jw_end_array(expect);
	return 0;
}

static int given_holidays(const struct invocation *call, struct json_writer *w, struct err *err)
{
	law_give(call, w, "calendar", "calendar");
	return law_give_int(call, w, "year", "year", err);
}

static const struct option_row holiday_options[] = {
	{ "calendar", "PLACE", "FR, FR-57, DE-BY, GB-SCT, EU-TARGET ..." },
	{ "year", "YEAR", "of the days off" },
	{ 0 },
};

const struct law_command law_holidays = { .command = { .name = "law holidays", .args = "", .options = holiday_options, .run = law_run,
	.help = "the public holidays of a place in a year",
	.more = "  dunningctl law holidays --calendar DE-BY --year 2026\n"
		"Without a calendar: Easter alone. law status --all lists the calendars." },
	.given = given_holidays, .answer = answer_holidays };

/* --- law business-day -------------------------------------------------------------------------------------------------------------- */

static const char *holiday_of(const struct calendar *calendar, date d)
{
	struct holiday days[HOLIDAYS_MAX];
	int year, month, day;
	size_t count;

	date_split(d, &year, &month, &day);
	count = calendar_year(calendar, year, days);
	for (size_t i = 0; i < count; i++)
		if (days[i].observed.days == d.days)
			return days[i].id;
	return NULL;
}

static int answer_business_day(const struct law *law, const struct json *given, struct json_writer *expect, struct err *err)
{
	const struct calendar *calendar;
	date d, to = date_none();
	int64_t days = 0;
	int r;

	if ((r = calendar_of(law, given, &calendar, err)) < 0 || (r = law_get_date(given, "date", &d, err)) < 0 ||
		(r = law_opt_date(given, "to", &to, err)) < 0 || (r = json_opt_int(given, "days", -10000, 10000, &days, err)) < 0)
		return r;
	if (date_is_set(to) && (date_diff(to, d) > 100000 || date_diff(to, d) < -100000))
		return json_refuse(given, "to", err, "out_of_range", "must lie within 100,000 days");
	jw_str(expect, "calendar", calendar_name(calendar));
	jw_str(expect, "weekday", law_weekday(d));
	jw_bool(expect, "business_day", calendar_business_day(calendar, d));
	jw_opt_str(expect, "holiday", holiday_of(calendar, d));
	law_put_date(expect, "next", calendar_roll(calendar, d, ROLL_FOLLOWING));
	law_put_date(expect, "previous", calendar_roll(calendar, d, ROLL_PRECEDING));
	if (json_has(given, "days"))
		law_put_date(expect, "result", calendar_add_business_days(calendar, d, (int32_t)days));
	if (date_is_set(to))
		jw_int(expect, "business_days", calendar_business_days(calendar, d, to));
	return 0;
}

static int given_business_day(const struct invocation *call, struct json_writer *w, struct err *err)
{
	law_give(call, w, "calendar", "calendar");
	law_give(call, w, "date", "date");
	law_give(call, w, "to", "to");
	return law_give_int(call, w, "days", "days", err);
}

static const struct option_row business_options[] = {
	{ "calendar", "PLACE", "whose holidays: FR, DE-BY, GB-SCT ..." },
	{ "date", "DATE", "asked about, or counted from" },
	{ "days", "N", "the N-th business day behind the date, before it when negative" },
	{ "to", "DATE", "how many business days lie behind the date, up to this one" },
	{ 0 },
};

const struct law_command law_business_day = { .command = { .name = "law business-day", .args = "", .options = business_options, .run = law_run,
	.help = "whether a day is a business day, and which is the next, or the N-th",
	.more = "  dunningctl law business-day --calendar FR-57 --date 2026-12-24 --days 3" },
	.given = given_business_day, .answer = answer_business_day };
