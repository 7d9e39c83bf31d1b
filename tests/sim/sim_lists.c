/*
 * What tells of everything now and then, or of what a person did: the producer's list of the invoices that are open, as its ledger has them
 * at that time, in parts that come late, twice or not at all; and the carrier of a letter that was posted by hand.
 */
#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "tests/sim/sim_book.h"

/* --- lists ----------------------------------------------------------------------------------------------------------------------- */

/* What the ledger has of it then; NULL: nothing yet. */
static const struct sim_figures *figures_at(const struct sim_invoice *invoice, int64_t at)
{
	const struct sim_figures *ret = NULL;

	for (size_t i = 0; i < invoice->history_count && invoice->history[i].at <= at; i++)
		ret = &invoice->history[i];
	return ret;
}

static const char *write_part(struct sim *sim, uint64_t list, int64_t as_of, int part, int parts)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct json_writer w = jw_init(&text);
	char time[UTC_TEXT_SIZE], id[40];
	int listed = 0;

	snprintf(id, sizeof(id), "list-%llu-%d", (unsigned long long)list, part);
	utc_format(as_of, time);
	jw_object(&w, NULL);
	jw_str(&w, "specversion", "1.0");
	jw_str(&w, "id", id);
	jw_str(&w, "source", "https://billing.example/sim");
	jw_str(&w, "type", "book.snapshot");
	jw_str(&w, "time", time);
	jw_object(&w, "data");
	snprintf(id, sizeof(id), "list-%llu", (unsigned long long)list);
	jw_str(&w, "snapshot_id", id);
	jw_str(&w, "as_of", time);
	jw_int(&w, "part", part);
	jw_int(&w, "parts", parts);
	jw_array(&w, "invoices");
	for (size_t i = 0; i < sim->book->invoice_count; i++) {
		const struct sim_invoice *invoice = &sim->book->invoices[i];
		const struct sim_figures *now = figures_at(invoice, as_of);

		if (!now || now->due <= 0 || invoice->turned || listed++ % parts != part - 1)
			continue;
		jw_object(&w, NULL);
		jw_str(&w, "id", invoice->id);
		jw_str(&w, "customer_id", invoice->debtor->id);
		jw_int(&w, "version", now->version);
		jw_int(&w, "due_minor", now->due);
		jw_end_object(&w);
	}
	jw_end_array(&w);
	jw_end_object(&w);
	jw_end_object(&w);
	return arena_strdup(sim->book->arena, buf_str(&text));
}

static void tell_list(void *arg)
{
	struct sim *sim = arg;
	struct rng *rng = &sim->lists;
	int64_t as_of = sim_wall(sim);
	int parts = (int)rng_range(rng, 1, 3);
	uint64_t list = ++sim->book->next_event;

	for (int part = 1; part <= parts; part++) {
		const char *text = write_part(sim, list, as_of, part, parts);
		int64_t at = as_of + rng_range(rng, 0, rng_chance(rng, 200000) ? 8 * HOUR_MS : 5000);

		if (rng_chance(rng, 30000))
			continue; /* the list is never whole */
		book_tell(sim, "dunning:{0}:events:billing", at, text);
		if (rng_chance(rng, 200000))
			book_tell(sim, "dunning:{0}:events", at + rng_range(rng, 0, DAY_MS), text);
	}
	sim_at_wall(sim, as_of + rng_range(rng, DAY_MS, 7 * DAY_MS), tell_list, NULL, sim);
}

void lists_schedule(struct sim *sim)
{
	if (sim->weather.lists)
		sim_at_wall(sim, sim->begin + rng_range(&sim->lists, 3 * DAY_MS, 10 * DAY_MS), tell_list, NULL, sim);
}

/* --- carriers -------------------------------------------------------------------------------------------------------------------- */

void carrier_tells(struct sim *sim, const char *invoice)
{
	static const char *const endings[] = { "delivered", "delivered", "unclaimed", "returned", "refused" };
	struct rng *rng = &sim->lists;
	const char *const said[] = { "posted", "in_transit", endings[rng_range(rng, 0, 4)] };
	int64_t at = sim_wall(sim);
	char time[UTC_TEXT_SIZE];

	for (size_t i = 0; i < ARRAY_LEN(said) && sim->mode == MODE_LIFE; i++) {
		const char *text;

		at += rng_range(rng, MINUTE_MS, 2 * DAY_MS);
		text = arena_printf(sim->book->arena, "{\"specversion\":\"1.0\",\"id\":\"post-%llu\",\"source\":\"https://post.example\","
			"\"type\":\"letter.status_updated\",\"time\":\"%s\",\"data\":{\"invoice_id\":\"%s\",\"status\":\"%s\",\"tracking\":\"RA1\"}}",
			(unsigned long long)++sim->book->next_event, utc_format(at, time), invoice, said[i]);
		book_tell(sim, "dunning:{0}:events", at + (rng_chance(rng, 200000) ? rng_range(rng, 0, DAY_MS) : 0), text);
		if (rng_chance(rng, 300000))
			book_tell(sim, "dunning:{0}:events", at + rng_range(rng, 0, DAY_MS), text);
	}
}
