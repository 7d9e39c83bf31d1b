/* Court procedures: their deadlines from an event on, the limit of the claim, the court's fee. */
#include <errno.h>
#include <string.h>

#include "tools/law.h"

static const char *const events[] = { "order", "service", NULL };

/* --- one procedure's deadlines ----------------------------------------------------------------------------------------------------- */

static void put_deadline(struct json_writer *expect, struct arena *arena, const struct deadline *deadline)
{
	law_put_date(expect, arena_printf(arena, "%s_nominal", deadline->name), deadline->nominal);
	law_put_date(expect, deadline->name, deadline->last);
}

static int answer_path(const struct law *law, const struct procedure *p, const struct json *given, struct json_writer *expect, struct err *err)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	bool any = false;

	for (const char *const *event = events; *event; event++) {
		struct deadline list[DEADLINES_MAX];
		date on = date_none();
		size_t count;
		int r = law_opt_date(given, *event, &on, err);

		if (r < 0)
			return r;
		if (!date_is_set(on))
			continue;
		any = true;
		count = procedure_deadlines(p, law->holidays, *event, on, list);
		if (!count)
			return json_refuse(given, *event, err, "no_deadline", "%s has no deadline that counts from it", p->id);
		for (size_t i = 0; i < count; i++)
			put_deadline(expect, arena, &list[i]);
	}
	if (!any && p->deadline_count)
		return json_refuse(given, p->deadlines[0].after, err, "missing", "must be given: its deadlines count from it");
	jw_opt_str(expect, "limit", p->limit_text);
	jw_opt_str(expect, "court", p->court);
	jw_opt_str(expect, "needs", p->needs);
	jw_opt_str(expect, "note", p->note);
	jw_str(expect, "source", p->source);
	jw_str(expect, "certainty", p->certainty);
	return 0;
}

/* --- which procedures a claim has -------------------------------------------------------------------------------------------------- */

static bool of_country(const struct procedure *p, const char *country)
{
	size_t len = strlen(country);

	return strncmp(p->country, country, len) == 0 && (!p->country[len] || p->country[len] == '-');
}

static void put_procedure(struct json_writer *expect, const struct procedure *p, int64_t claim, date on)
{
	int64_t limit = procedure_limit(p, on), fee = procedure_fee(p, claim);

	jw_object(expect, NULL);
	jw_str(expect, "path", p->id);
	if (claim >= 0 && limit >= 0)
		jw_bool(expect, "open", claim <= limit);
	else
		jw_null(expect, "open");
	jw_str(expect, "limit", p->limit_text ? p->limit_text : "");
	if (limit >= 0)
		jw_int(expect, "limit_minor", limit);
	else
		jw_null(expect, "limit_minor");
	if (claim >= 0 && fee >= 0)
		jw_int(expect, "court_fee_minor", fee);
	else
		jw_null(expect, "court_fee_minor");
	jw_str(expect, "source", p->source);
	jw_str(expect, "certainty", p->certainty);
	jw_end_object(expect);
}

static int answer_country(const struct law *law, const struct json *given, struct json_writer *expect, struct err *err)
{
	const char *country, *currency = NULL;
	date on = date_none();
	int64_t claim = -1;
	bool any = false;
	int r;

	if ((r = json_get_str(given, "country", 40, &country, err)) < 0 ||
		(r = json_opt_int(given, "amount_minor", 0, INT64_MAX / 20000, &claim, err)) < 0 ||
		(r = json_opt_str(given, "currency", 3, &currency, err)) < 0 || (r = law_opt_date(given, "date", &on, err)) < 0)
		return r;
	if (claim >= 0 && !date_is_set(on))
		return json_refuse(given, "date", err, "missing", "must be given: limits changed over the years");
	jw_array(expect, "procedures");
	for (size_t i = 0; law->procedures && i < law->procedures->count; i++) {
		const struct procedure *p = &law->procedures->items[i];
		bool other = currency && p->currency && strcmp(currency, p->currency) != 0;

		if (!of_country(p, country))
			continue;
		put_procedure(expect, p, other ? -1 : claim, on);
		any = true;
	}
	jw_end_array(expect);
	return any ? 0 : json_refuse(given, "country", err, "unknown_country", "no procedures are known of \"%s\"", country);
}

static int answer(const struct law *law, const struct json *given, struct json_writer *expect, struct err *err)
{
	const char *path = NULL;
	const struct procedure *p;
	int r = json_opt_str(given, "path", 60, &path, err);

	if (r < 0)
		return r;
	if (!path)
		return answer_country(law, given, expect, err);
	p = procedure_find(law->procedures, path);
	return p ? answer_path(law, p, given, expect, err) :
		   json_refuse(given, "path", err, "unknown_path", "there is no procedure \"%s\"", path);
}

static int given(const struct invocation *call, struct json_writer *w, struct err *err)
{
	static const char *const texts[] = { "path", "order", "service", "country", "currency", "date", NULL };

	for (const char *const *name = texts; *name; name++)
		law_give(call, w, *name, *name);
	return law_give_int(call, w, "amount-minor", "amount_minor", err);
}

static const struct option_row options[] = {
	{ "path", "PROCEDURE", "fr-injonction-de-payer, de-mahnbescheid ...: its deadlines" },
	{ "order", "DATE", "of the court's order" },
	{ "service", "DATE", "on which it was served" },
	{ "country", "COUNTRY", "instead of a path: the procedures there are" },
	{ "amount-minor", "N", "of the claim, in minor units: which are open for it, and the court's fee" },
	{ "currency", "CODE", "of the claim" },
	{ "date", "DATE", "of the case" },
	{ 0 },
};

const struct law_command law_deadline = { .command = { .name = "law deadline", .args = "", .options = options, .run = law_run,
	.help = "deadlines, limits and fees of court procedures",
	.more = "  dunningctl law deadline --path fr-injonction-de-payer --order 2026-09-01\n"
		"  dunningctl law deadline --country GB --amount-minor 120000 --currency GBP --date 2026-11-22\n"
		"NAME_nominal is the day as counted, NAME as moved by holidays: the nominal one is the careful one." },
	.given = given, .answer = answer };
