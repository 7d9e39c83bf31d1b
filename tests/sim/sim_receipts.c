/*
 * What the provider tells of the messages that it took, as its webhooks bring it into the stream: before its own answer or days later, twice
 * and in any order; some it gave up. No bounces for good: whom they are about is settled by the tests of contact.
 */
#include <stdio.h>
#include <string.h>

#include "tests/sim/sim_judge.h"

static const char *pick_status(struct sim *sim)
{
	static const char *const usual[] = { "sent", "deferred", "delivered", "delivered", "opened", "bounced" };

	if (rng_chance(&sim->receipts, 20000))
		return "failed";
	return rng_chance(&sim->receipts, 8000) ? "complained" : usual[rng_range(&sim->receipts, 0, 5)];
}

static const char *write_receipt(struct sim *sim, const struct message *m, const char *status, int64_t at)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct json_writer w = jw_init(&text);
	char time[UTC_TEXT_SIZE], id[40];

	utc_format(at, time);
	snprintf(id, sizeof(id), "hook_%llu", (unsigned long long)++sim->receipt_count);
	jw_object(&w, NULL);
	jw_str(&w, "specversion", "1.0");
	jw_str(&w, "id", id);
	jw_str(&w, "source", "/hooks/mail");
	jw_str(&w, "type", "contact.delivery_updated");
	jw_str(&w, "time", time);
	jw_object(&w, "data");
	jw_str(&w, "customer_id", m->debtor_id);
	jw_array(&w, "invoice_ids");
	for (size_t i = 0; i < m->invoice_count; i++)
		jw_str(&w, NULL, m->invoice_ids[i]);
	jw_end_array(&w);
	jw_str(&w, "attempt_id", m->attempt_id);
	jw_str(&w, "channel", channel_names[m->channel]);
	jw_str(&w, "status", status);
	jw_end_object(&w);
	jw_end_object(&w);
	return arena_strdup(sim->arena, buf_str(&text));
}

void receipts_tell(struct sim *sim, const struct message *message)
{
	int64_t count = rng_range(&sim->receipts, 1, 4);

	if (sim->mode != MODE_LIFE || !rng_chance(&sim->receipts, sim->weather.receipts))
		return;
	for (int64_t i = 0; i < count; i++) {
		int64_t delay = rng_chance(&sim->receipts, 500000) ? rng_range(&sim->receipts, 0, 200) : rng_range(&sim->receipts, 0, 2 * DAY_MS);
		int64_t at = sim_wall(sim) + delay;
		const char *status = pick_status(sim), *text = write_receipt(sim, message, status, at);

		judge_attempt(sim->judge, message->attempt_id)->failed |= strcmp(status, "failed") == 0;
		book_tell(sim, "dunning:{0}:events", at, text);
		if (rng_chance(&sim->receipts, 300000)) /* its own repetition: it had no answer */
			book_tell(sim, "dunning:{0}:events", at + rng_range(&sim->receipts, 0, HOUR_MS), text);
	}
}
