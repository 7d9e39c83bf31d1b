/* What others are told of an invoice once: that it will be due, that it is overdue, that its ladder is at its end. Read out of the journal. */
#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "daemon/redo.h"
#include "tests/sim/sim_policy.h"

static const char *const kinds[OUTBOUND_COUNT] = { "invoice.will_be_due", "invoice.overdue", "escalation.exhausted" };

static void note(struct judge *judge, const struct image *image, struct arena *arena)
{
	struct json event, type, data, invoice;
	struct err err = { 0 };

	if (json_parse(arena, image->value, image->value_len, 0, &event, &err) < 0) {
		sim_breach(judge->sim, "outbound", "an event to others is no JSON: %s", err.text);
		return;
	}
	type = json_get(&event, "type");
	data = json_get(&event, "data");
	invoice = json_get(&data, "invoice_id");
	for (int kind = 0; kind < OUTBOUND_COUNT; kind++) {
		if (!json_str(&type) || strcmp(json_str(&type), kinds[kind]) != 0)
			continue;
		sim_note(judge->sim, "outbound: %s %s", kinds[kind], json_str(&invoice));
		judge->outbound = arena_grow(judge->arena, judge->outbound, judge->outbound_count, &judge->outbound_capacity, sizeof(*judge->outbound));
		judge->outbound[judge->outbound_count++] = (struct known_outbound){ arena_strdup(judge->arena, json_str(&invoice)),
			(enum outbound_kind)kind, judge->group_count, judge->decided_at };
	}
}

void told_group(struct judge *judge, struct host *host, const struct journal_group *group)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct redo_group opened = { 0 };

	if (redo_open(&host->keys, arena, group, &opened) < 0) {
		sim_breach(judge->sim, "journal", "the images of group %llu of %s cannot be opened", (unsigned long long)group->head.pseq, host->name);
		return;
	}
	for (size_t i = 0; i < opened.image_count; i++)
		if (opened.images[i].op == IMAGE_XADD_EVENT)
			note(judge, &opened.images[i], arena);
}

/* Whoever is erased is forgotten: what comes of the invoice afterwards is a new story. */
static bool erased(const struct judge *judge, const struct known_invoice *invoice)
{
	for (size_t i = 0; i < judge->erased_count; i++)
		if (invoice->debtor_id && strcmp(judge->erased[i].debtor_id, invoice->debtor_id) == 0)
			return true;
	return false;
}

static unsigned times(const struct judge *judge, const char *id, enum outbound_kind kind)
{
	unsigned n = 0;

	for (size_t i = 0; i < judge->outbound_count; i++)
		n += judge->outbound[i].kind == kind && strcmp(judge->outbound[i].invoice_id, id) == 0 && !judge_superseded(judge, judge->outbound[i].group);
	return n;
}

/*
 * The debtor was written to before its day, by such a step, or days after it: others had heard by then.
 * What a doubt that ends late tells of one before its day is no such; nor what a person did, which is told while much is unread, and nothing overdue.
 */
static bool contacted(const struct judge *judge, const struct known_invoice *invoice, bool before)
{
	const struct policy *policy = judge->sim->policy;

	for (size_t i = 0; i < policy->step_count; i++)
		if (judge_walk(judge, invoice, i) == WALK_SENT && !strchr(invoice->walk[i].why, ':') &&
			(before ? policy->steps[i].at.days < 0 : policy->steps[i].at.days >= 0 && date_diff(invoice->walk[i].on, invoice->snapshot->due_on) > 1))
			return true;
	return false;
}

static void check_missing(struct judge *judge, const struct known_invoice *invoice)
{
	const bool must[OUTBOUND_COUNT] = { invoice->snapshot && contacted(judge, invoice, true), invoice->snapshot && contacted(judge, invoice, false),
		invoice->held && strcmp(invoice->held, "exhausted") == 0 };
	char day[DATE_TEXT_SIZE];

	for (int kind = 0; kind < OUTBOUND_COUNT; kind++)
		if (must[kind] && !times(judge, invoice->id, (enum outbound_kind)kind))
			sim_breach(judge->sim, "others hear of it", "%s, due on %s: %s was never told", invoice->id,
				invoice->snapshot ? date_format(invoice->snapshot->due_on, day) : "?", kinds[kind]);
}

void told_judge(struct judge *judge)
{
	for (size_t i = 0; i < judge->invoice_count && !judge->sim->broken; i++) {
		const struct known_invoice *invoice = &judge->invoices[i];

		if (erased(judge, invoice))
			continue;
		for (int kind = 0; kind < OUTBOUND_COUNT; kind++)
			if (times(judge, invoice->id, (enum outbound_kind)kind) > 1)
				sim_breach(judge->sim, "others hear of it once", "%s: %s was told %u times", invoice->id, kinds[kind],
					times(judge, invoice->id, (enum outbound_kind)kind));
		if (judge->sim->weather.hosts == 1 && !judge->sim->drawn)
			check_missing(judge, invoice);
	}
	for (size_t i = 0; i < judge->outbound_count && !judge->sim->broken && !judge->sim->drawn; i++) {
		const struct known_outbound *o = &judge->outbound[i];
		const struct known_invoice *invoice = judge_invoice(judge, o->invoice_id);

		/* The flow may not know where the debtor is: a day here or there. */
		if (o->kind == OUTBOUND_WILL_BE_DUE && invoice->snapshot && invoice->debtor_id &&
			date_diff(judge_date(judge, invoice->debtor_id, o->decided), invoice->snapshot->due_on) > 0)
			sim_breach(judge->sim, "others hear of it in time", "%s: that it will be due is told when it was", o->invoice_id);
	}
}
