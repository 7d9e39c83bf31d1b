/* What runs out, or has: of the law data, of which entries are named, and the certificates that webhooks are verified by. Told at the start and once a day. */
#include <stdio.h>
#include <string.h>

#include "common/utc.h"
#include "daemon/instance_internal.h"

#define NAMED_MAX 8 /* entries that a line names */

struct law_counts {
	size_t entries, in_state[LAW_STATE_COUNT];
	date next; /* the first day that something runs out on, from today on; none = nothing does */
};

static date today(const struct instance *in)
{
	const struct clock_port *clock = clock_port(in->clock, 0);

	return (date){ (int32_t)(clock->now(clock->self) / DAY_MS) };
}

static struct law_counts count(const struct law *law, date day)
{
	struct law_counts counts = { .next = date_none() };
	const struct law_entry *entries;

	counts.entries = law_entries(law, &entries);
	for (size_t i = 0; i < counts.entries; i++) {
		date until = entries[i].known_until;

		counts.in_state[law_entry_state(&entries[i], day)]++;
		if (date_is_set(until) && date_diff(until, day) >= 0 && (!date_is_set(counts.next) || date_diff(until, counts.next) < 0))
			counts.next = until;
	}
	return counts;
}

static void tell_state(const struct instance *in, date day, enum law_state state, size_t total, const char *what)
{
	CLEANUP(buf_clear) struct buf line = { 0 };
	const struct law_entry *entries;
	size_t all = law_entries(in->library->law, &entries), named = 0;

	buf_printf(&line, "%zu entries %s: ", total, what);
	for (size_t i = 0; i < all && named < NAMED_MAX; i++) {
		char text[DATE_TEXT_SIZE];

		if (law_entry_state(&entries[i], day) != state)
			continue;
		buf_printf(&line, "%s%s.%s (%s)", named ? ", " : "", entries[i].section, entries[i].name, date_format(entries[i].known_until, text));
		named++;
	}
	buf_printf(&line, "%s; dunningctl law status; law.dir takes what you know", named < total ? " ..." : "");
	log_line(in->log, LOG_WARNING | MSG(LAW_RUNS_OUT), "law", "%s", buf_str(&line));
}

static void tell_certificate(const char *provider, const char *setting, int64_t until, void *arg)
{
	const struct instance *in = arg;
	char text[UTC_TEXT_SIZE];

	if (!until)
		log_line(in->log, LOG_WARNING | MSG(CERTIFICATE_ENDS), "hooks", "provider %s: the certificate in its setting %s cannot be read: all that it tells is refused",
			provider, setting);
	else
		log_line(in->log, LOG_WARNING | MSG(CERTIFICATE_ENDS), "hooks", "provider %s: the certificate in its setting %s %s %s: what it tells is refused once it signs by another",
			provider, setting, until / DAY_MS < in->told_on.days ? "ran out at" : "runs out at", utc_format(until, text));
}

void instance_runs_out(struct instance *in)
{
	date day = today(in);
	struct law_counts counts;

	if (in->told_on.days == day.days)
		return;
	in->told_on = day;
	library_certificates(in->library, day.days * DAY_MS + CERTIFICATE_SOON_MS, tell_certificate, in);
	if (!in->library->law)
		return;
	counts = count(in->library->law, day);
	if (counts.in_state[LAW_RAN_OUT])
		tell_state(in, day, LAW_RAN_OUT, counts.in_state[LAW_RAN_OUT], "ran out, and what needs them is refused");
	if (counts.in_state[LAW_RUNS_OUT])
		tell_state(in, day, LAW_RUNS_OUT, counts.in_state[LAW_RUNS_OUT], "run out soon");
}

bool instance_law_left(const struct instance *in, int64_t *days, int64_t *ran_out)
{
	struct law_counts counts;

	if (!in->library->law)
		return false;
	counts = count(in->library->law, today(in));
	*days = date_is_set(counts.next) ? date_diff(counts.next, today(in)) : -1;
	*ran_out = (int64_t)counts.in_state[LAW_RAN_OUT];
	return true;
}

void instance_status_law(const struct instance *in, struct json_writer *w)
{
	struct law_counts counts;
	char text[DATE_TEXT_SIZE];

	if (!in->library->law)
		return;
	counts = count(in->library->law, today(in));
	jw_object(w, "law");
	jw_int(w, "entries", (int64_t)counts.entries);
	jw_int(w, "unknown", (int64_t)counts.in_state[LAW_RAN_OUT]);
	jw_int(w, "run_out_soon", (int64_t)counts.in_state[LAW_RUNS_OUT]);
	if (date_is_set(counts.next))
		jw_str(w, "next", date_format(counts.next, text));
	else
		jw_null(w, "next");
	jw_end_object(w);
}
