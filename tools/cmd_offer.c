/* What was offered to a debtor, as it was written; and that it was accepted. */
#include <string.h>

#include "common/utc.h"
#include "tools/cmd.h"

static const struct column columns[] = { { "code", "OFFER", false }, { "until", "UNTIL", false }, { "state", "STATE", false },
	{ "amount", "SETTLES FOR", true }, { "instalments", "INSTALMENTS", false }, { "approver", "APPROVED BY", false },
	{ "made_at", NULL, false }, { "attempt", NULL, false }, { 0 } };

static const char *parts_of(struct ctl *ctl, const struct made_offer *offer, const char *currency)
{
	const char *text = NULL;
	char day[DATE_TEXT_SIZE];

	for (size_t i = 0; i < offer->instalment_count; i++)
		text = arena_printf(ctl->arena, "%s%s%s %lld %s", text ? text : "", text ? ", " : "", date_format(offer->instalments[i].due_on, day),
			(long long)offer->instalments[i].amount, currency);
	return text;
}

static int run_list(struct ctl *ctl, const struct invocation *call)
{
	struct table *t = table_create(ctl->arena, columns);
	struct entry entry;
	int r = entry_find(ctl, ctl->arena, call->args[0], &entry);

	for (size_t i = 0; r == 0 && i < entry.e.offer_count; i++) {
		const struct made_offer *o = &entry.e.offers[i];
		bool over = entry.zone && date_diff(zone_date(entry.zone, ctl->now), o->until) > 0;

		table_add(t, (struct cell[]){ cell_text(o->code), cell_date(o->until), cell_text(!o->made_at ? "not sent" : over ? "void" : "stands"),
			o->instalment_count ? cell_none() : cell_money(o->amount, entry.e.invoice.snapshot.currency),
			cell_text(parts_of(ctl, o, entry.e.invoice.snapshot.currency)), cell_text(o->approver), cell_time(o->made_at, entry.zone),
			cell_text(o->attempt) });
	}
	if (r != 0)
		return r;
	view_table(&ctl->view, t, "Nothing was offered.");
	return EXIT_DONE;
}

const struct command cmd_offer_list = { .name = "offer list", .args = "INVOICE", .min_args = 1, .max_args = 1,
	.help = "what was offered to the debtor of this invoice, and until when it stands", .run = run_list };

static void write_offer(struct json_writer *w, const void *arg)
{
	jw_str(w, "offer", arg);
}

static int run_accept(struct ctl *ctl, const struct invocation *call)
{
	struct order order = { .command = "offer_accept", .target = call->args[0], .why = call->args[2], .more = write_offer, .more_arg = call->args[1] };
	struct event event = { .type = EVENT_OPERATOR_COMMAND, .offer = call->args[1], .time = 0, .who = "" };
	struct err err = { 0 };
	struct entry entry;
	int r = entry_find(ctl, ctl->arena, call->args[0], &entry);

	if (r != 0)
		return r;
	event.time = ctl->now;
	if (entry.zone && offer_take(&entry.e, entry.zone, &event, &err) < 0)
		return ctl_fail(ctl, EXIT_FOUND, err.code, "%s", err.text);
	return ctl_order(ctl, entry.partition, &order);
}

const struct command cmd_offer_accept = { .name = "offer accept", .args = "INVOICE OFFER HOW", .min_args = 3, .max_args = 3,
	.help = "the debtor accepted an offer: say how they said so",
	.more = "Only while it stands. It becomes the settlement or the payment plan that was offered: the ladder waits for it.", .run = run_accept };
