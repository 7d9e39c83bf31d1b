/*
 * What a debtor says in words of their own is for a person to read. The hold that it brings has an end, except where it may ask for an end of
 * all contacts; the task has none but that somebody does it, or that the invoice is closed: what nobody read in time is late, and not forgotten.
 */
#include <string.h>

#include "common/escalation_internal.h"
#include "common/reply.h"
#include "common/utc.h"

/* Three days of ours to answer a reply, and no weekend takes them. */
static int64_t three_days(int64_t from, const struct business_time *when, bool known)
{
	int64_t hours = from + 72 * HOUR_MS;
	int64_t days = known ? business_opening(when, business_add_days(when, business_date(when, from), 3)) : hours;

	return days > hours ? days : hours;
}

int64_t said_until(const struct fact *said, const struct business_time *when, bool known)
{
	bool paid = said->kind == FACT_ANNOUNCED || (said->reason && strcmp(said->reason, "paid") == 0);

	if (known && said->kind == FACT_ANNOUNCED && date_is_set(said->until_on))
		return business_opening(when, date_add_days(said->until_on, 1));
	return paid ? said->at + 7 * DAY_MS : three_days(said->at, when, known);
}

static void close_said(const struct escalation *e, struct said *said, const char *kind, struct effects *fx)
{
	struct task task = invoice_task(e, kind, fx->arena);

	if (!said->open)
		return;
	task.close = true;
	task.result = "obsolete";
	effects_task(fx, &task);
	said->open = false;
}

/* Asks a person once about each: who did it is not asked again about the same words. */
static void ask(const struct escalation *e, struct said *said, const char *kind, const char *id, int64_t until, const char *reason,
	const char *script, struct effects *fx)
{
	struct task task = invoice_task(e, kind, fx->arena);

	if (said->id && strcmp(said->id, id) == 0)
		return;
	task.reason = reason;
	task.script = script;
	task.opened_at = fx->now;
	task.deadline = until < fx->now ? fx->now : until; /* told late, it is late already */
	if (said->open && said->until && said->until < task.deadline) /* whoever writes each day is not put off each day */
		task.deadline = said->until;
	effects_task(fx, &task);
	*said = (struct said){ arena_strdup(fx->arena, id), true, task.deadline };
}

void said_watch(struct escalation *e, const struct debtor *d, const struct rules *rules, const struct invoice_view *view, struct effects *fx)
{
	const struct business_time when = rules->policy && d ? schedule_window(rules->policy, d, rules->creditor_zone, rules->holidays) :
		(struct business_time){ 0 };
	const struct fact *reply = view->reply, *announced = view->announced;
	bool known = rules->policy && d;

	if (reply) /* an invoice has one, the last: its event tells it from the one before */
		ask(e, &e->replied, "answer_reply", arena_printf(fx->arena, "%lld %lld %.300s", (long long)reply->order.time,
			(long long)reply->told.time, reply->order.id), said_until(reply, &when, known),
			reply_task_reason(reply->reason), reply_task_script(fx->arena, reply->text, e->invoice.id), fx);
	if (announced && announced->says_paid)
		ask(e, &e->says_paid, "find_payment", announced->id, said_until(announced, &when, known), "says_paid", NULL, fx);
	for (size_t i = 0; i < e->hold_count && !(announced && announced->says_paid); i++) /* on the telephone */
		if (strcmp(e->holds[i].reason, "says_paid") == 0)
			ask(e, &e->says_paid, "find_payment", arena_printf(fx->arena, "call %lld", (long long)e->holds[i].since), e->holds[i].until,
				"says_paid", NULL, fx);
}

void said_seen(struct escalation *e, int64_t at)
{
	for (size_t i = 0; i < e->invoice.fact_count; i++) {
		struct fact *fact = &e->invoice.facts[i];

		fact->ended |= fact->kind == FACT_REPLY && fact->reason && strcmp(fact->reason, "no_more") == 0 && fact->at <= at;
	}
}

void said_closed(struct escalation *e, struct effects *fx)
{
	said_seen(e, INT64_MAX); /* nobody is asked about these once more where it opens again */
	close_said(e, &e->replied, "answer_reply", fx);
	close_said(e, &e->says_paid, "find_payment", fx);
}

void said_done(struct escalation *e, const char *task)
{
	if (strncmp(task, "answer_reply:", 13) == 0) {
		e->replied.open = false;
		said_seen(e, INT64_MAX);
	}
	if (strncmp(task, "find_payment:", 13) == 0)
		e->says_paid.open = false;
}

static void write_one(struct json_writer *w, const char *name, const struct said *said)
{
	if (!said->id)
		return;
	jw_object(w, name);
	jw_str(w, "id", said->id);
	if (said->open) {
		jw_bool(w, "open", true);
		jw_opt_int(w, "until", said->until);
	}
	jw_end_object(w);
}

void said_write(struct json_writer *w, const struct escalation *e)
{
	write_one(w, "replied", &e->replied);
	write_one(w, "says_paid", &e->says_paid);
}

static int read_one(const struct json *json, const char *name, struct said *ret, struct err *err)
{
	struct json said = json_get(json, name), until;
	int r;

	if (said.type == JSON_NONE)
		return 0;
	if ((r = json_get_str(&said, "id", 400, &ret->id, err)) < 0)
		return r;
	until = json_get(&said, "until");
	ret->until = json_int(&until);
	return json_opt_bool(&said, "open", &ret->open, err);
}

int said_read(const struct json *json, struct escalation *ret, struct err *err)
{
	int r = read_one(json, "replied", &ret->replied, err);

	return r < 0 ? r : read_one(json, "says_paid", &ret->says_paid, err);
}
