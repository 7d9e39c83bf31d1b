/* Messages beside the ladder: what a call came to, thanks, instalments. They record and do not ask, so the ladder's limits are not theirs. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/escalation_internal.h"
#include "common/hash.h"
#include "common/utc.h"

#define CONFIRM_MS (3 * DAY_MS) /* after that a call is no news to whoever was called */
#define THANKS_MS (5 * DAY_MS)
#define TOGETHER_MS HOUR_MS /* so long after it was told a payment waits for those that are told with it: one word is about all of them */

bool aside_id(const char *step)
{
	return step && strchr(step, ':');
}

bool aside_for_payment(enum aside_kind kind)
{
	return kind == ASIDE_THANKS || kind == ASIDE_APOLOGY;
}

/* A mail that states what was said goes out whatever follows from it; one that asks for an instalment only while nothing speaks against it. */
bool aside_passes(int kind, const char *hold)
{
	static const char *const calm[] = { "plan", "exhausted", "below_minimum", "automatic", NULL };
	static const char *const said[] = { "dispute", "promise", "settlement", "announced", "undelivered", "reply", "says_paid",
		"waiting_approval", "lacks_reference", "refuses", "call_back_at", "settle", NULL };

	if (kind == ASIDE_STOPPED)
		return true; /* it asks for nothing, and is owed to the person, not about the invoice */
	for (size_t i = 0; calm[i]; i++)
		if (strcmp(calm[i], hold) == 0)
			return true;
	for (size_t i = 0; said[i] && kind != ASIDE_INSTALMENT; i++)
		if (strcmp(said[i], hold) == 0)
			return true;
	return false;
}

bool aside_walked(const struct escalation *e, const char *id)
{
	for (size_t i = 0; i < e->walk_count; i++)
		if (strcmp(e->walk[i].step, id) == 0)
			return true;
	return false;
}

/* Six bytes of the fact's id: it may be long, and hold anything. */
static const char *short_id(const struct fact *fact, char ret[13])
{
	uint8_t digest[SHA256_SIZE];

	sha256(fact->id, strlen(fact->id), digest);
	return hex_format(digest, 6, ret);
}

/* Of a call outside the ladder, the first step that confirms its calls says how. */
static const char *confirm_template(const struct escalation *e, const struct policy *policy)
{
	int step = e->call.step ? policy_step_index(policy, e->call.step) : -1;

	if (step >= 0)
		return policy->steps[step].confirm;
	for (size_t i = 0; i < policy->step_count; i++)
		if (policy->steps[i].kind == STEP_CALL && policy->steps[i].confirm)
			return policy->steps[i].confirm;
	return NULL;
}

static bool confirm_owed(const struct escalation *e, const struct policy *policy, struct aside *ret)
{
	if (!e->call.at)
		return false;
	*ret = (struct aside){ .kind = ASIDE_CONFIRM, .template_name = confirm_template(e, policy), .from = e->call.at,
		.until = e->call.at + CONFIRM_MS };
	snprintf(ret->id, sizeof(ret->id), "confirm:%lld", (long long)e->call.number);
	return ret->template_name && !aside_walked(e, ret->id);
}

static bool promise_owed(const struct escalation *e, const struct rules *rules, const struct business_time *when,
	const struct invoice_view *view, struct aside *ret)
{
	const struct fact *fact = view->promise;
	char digest[13];

	if (!fact || !rules->policy->agreed.promise_thanks || e->opened_at > fact->order.time ||
		(e->call.outcome == CALL_PROMISE && e->call.at && date_diff(e->call.until_on, fact->until_on) == 0)) /* that mail says it */
		return false;
	*ret = (struct aside){ .kind = ASIDE_PROMISE, .template_name = rules->policy->agreed.promise_thanks, .fact = fact,
		.from = fact->order.time, .until = business_opening(when, date_add_days(fact->until_on, 1)) };
	if (ret->until > ret->from + CONFIRM_MS)
		ret->until = ret->from + CONFIRM_MS;
	snprintf(ret->id, sizeof(ret->id), "promise:%s", short_id(fact, digest));
	return !aside_walked(e, ret->id) && promise_until(e, rules, when, fact) > rules->now;
}

static bool instalment_owed(const struct escalation *e, const struct rules *rules, const struct business_time *when,
	const struct invoice_view *view, struct aside *ret)
{
	const struct agreed *agreed = &rules->policy->agreed;
	char digest[13], day[DATE_TEXT_SIZE];
	struct instalment_view next;

	if (!view->plan || escalation_broke(e, "plan", view->plan) || !plan_next(view->plan, view->balance, &next))
		return false;
	for (int late = 0; late < 2; late++) {
		*ret = (struct aside){ .kind = ASIDE_INSTALMENT, .template_name = late ? agreed->plan_late : agreed->plan_before,
			.fact = view->plan, .instalment = next, .late = late,
			.from = business_opening(when, date_add_days(next.due_on, late ? 1 : -agreed->plan_before_days)),
			.until = late ? plan_until(rules, when, view->plan, view->balance) :
					business_opening(when, date_add_days(next.due_on, 1)) };
		snprintf(ret->id, sizeof(ret->id), "plan:%s:%s:%s", short_id(view->plan, digest), date_format(next.due_on, day),
			late ? "late" : "due");
		if (ret->template_name && rules->now < ret->until && !aside_walked(e, ret->id))
			return true;
	}
	return false;
}

/* The last message that went out, and the call that was made: somebody was asked for this money. */
static const struct walked *last_contact(const struct escalation *e)
{
	for (size_t i = e->walk_count; i-- > 0;)
		if (e->walk[i].end != STEP_SKIPPED && !aside_id(e->walk[i].step) && e->walk[i].attempt)
			return &e->walk[i];
	return NULL;
}

static bool said_paid(const struct invoice *invoice)
{
	for (size_t i = 0; i < invoice->fact_count; i++)
		if (invoice->facts[i].kind == FACT_PAID)
			return true;
	return invoice->snapshot.status == INVOICE_PAID;
}

/*
 * Paid. Where the money came before the last reminder and was told after it, both crossed: we say sorry, also where less had been agreed before that
 * reminder; else, where the policy wants it, thanks. Nobody who was never reminded is written to.
 */
static bool paid_owed(const struct escalation *e, const struct rules *rules, const struct invoice_view *view, struct aside *ret)
{
	const struct agreed *agreed = &rules->policy->agreed;
	const struct walked *last = last_contact(e);
	bool crossed = last && last->end == STEP_SENT && invoice_paid_at(&e->invoice) < last->at && e->closed_at >= last->at;
	bool sorry = crossed && agreed->apology;
	bool paid = view->state == STATE_PAID || (sorry && view->state == STATE_SETTLED && view->settlement->order.time < last->at);

	if (!view->paid && !said_paid(&e->invoice))
		return false; /* a credit note is nothing to thank for */
	if (!last || !paid || aside_walked(e, "paid:thanks") || aside_walked(e, "paid:apology"))
		return false;
	*ret = (struct aside){ .kind = sorry ? ASIDE_APOLOGY : ASIDE_THANKS, .template_name = sorry ? agreed->apology : agreed->thanks,
		.from = e->closed_at, .until = e->closed_at + THANKS_MS };
	snprintf(ret->id, sizeof(ret->id), "paid:%s", sorry ? "apology" : "thanks");
	return ret->template_name && rules->now < ret->until;
}

/*
 * Somebody wants no more by this channel, and the law of the place has that confirmed: once, by that channel and to that address, and then
 * silence. Only an answer that we read ourselves: what a provider stopped by itself it also confirms by itself.
 */
static const struct contact *who_stopped(const struct debtor *d, enum channel channel)
{
	const struct stop_reply *stop = debtor_stop_unconfirmed(d, channel);

	for (size_t i = 0; stop && i < d->customer.contact_count; i++) {
		const struct contact *one = &d->customer.contacts[i];
		const char *address = channel == CHANNEL_EMAIL ? one->email : one->phone;

		if (!one->external && address && strcasecmp(address, stop->from) == 0)
			return one;
	}
	return NULL;
}

static bool stop_owed(const struct debtor *d, const struct rules *rules, struct aside *ret)
{
	for (int i = 0; i < CHANNEL_COUNT && rules->guard; i++) {
		int64_t at = d->stop_replies[i].at;

		if (!at || rules->now < at || rules->now - at > GUARD_CONFIRM_MS || !who_stopped(d, (enum channel)i) ||
			!guard_confirms(rules->guard, d->customer.country, (enum channel)i))
			continue;
		*ret = (struct aside){ .kind = ASIDE_STOPPED, .channel = (enum channel)i, .template_name = "stop_confirmed", .from = at,
			.until = at + GUARD_CONFIRM_MS + 1 };
		snprintf(ret->id, sizeof(ret->id), "stop:%s", channel_names[i]);
		return true;
	}
	return false;
}

bool aside_owed(const struct escalation *e, const struct rules *rules, const struct debtor *d, const struct invoice_view *view,
	struct aside *ret)
{
	const struct business_time when = schedule_window(rules->policy, d, rules->creditor_zone, rules->holidays);

	if (e->state == ESCALATION_CLOSED)
		return (!withdrawal_moot(e) && withdrawal_owed(e, rules->policy, ret)) || paid_owed(e, rules, view, ret);
	if (stop_owed(d, rules, ret))
		return true;
	return withdrawal_owed(e, rules->policy, ret) || confirm_owed(e, rules->policy, ret) || promise_owed(e, rules, &when, view, ret) ||
		instalment_owed(e, rules, &when, view, ret);
}

const struct contact *escalation_reach_aside(const struct escalation *e, const struct debtor *d, const struct rules *rules,
	const struct aside *aside, int64_t from, struct step *step, struct permit *permit)
{
	static const char *const billing[] = { "billing", NULL };
	static const char *const no_effects[] = { NULL };
	int of = aside->kind == ASIDE_CONFIRM && e->call.step ? policy_step_index(rules->policy, e->call.step) : -1;
	struct permit_case c = { .guard = rules->guard, .holidays = rules->holidays, .policy = rules->policy, .debtor = d,
		.creditor_zone = rules->creditor_zone, .channel = aside->channel, .first_reminder = date_none(), .aside = true };

	*step = (struct step){ .id = aside->id, .kind = STEP_MESSAGE, .channel = aside->channel, .template_name = aside->template_name,
		.sender = of >= 0 ? rules->policy->steps[of].sender : "", .to = of >= 0 ? rules->policy->steps[of].to : billing,
		.tone = TONE_FRIENDLY, .effects = no_effects, .in_doubt = DOUBT_SKIP };
	*permit = (struct permit){ .decision = GUARD_DENY, .why = debtor_opted_out(d, CHANNEL_EMAIL) ? "opted_out" : "no_address" };
	/* Whoever was on the telephone is the first to know what was said; an outsider never. */
	for (size_t i = 0; i < d->customer.contact_count && aside->kind == ASIDE_CONFIRM && e->call.contact && !c.contact; i++) {
		const struct contact *one = &d->customer.contacts[i];

		if (strcmp(one->id, e->call.contact) == 0 && !one->external && one->email && !debtor_opted_out(d, CHANNEL_EMAIL) &&
			(!one->channels || one->channels & 1u << CHANNEL_EMAIL) && !debtor_address_dead(d, CHANNEL_EMAIL, one->email) && !debtor_wrong(d, one))
			c.contact = one;
	}
	if (aside->kind == ASIDE_STOPPED) {
		c.contact = who_stopped(d, aside->channel);
		c.confirms = d->stop_replies[aside->channel].at;
	} else if (!c.contact) {
		c.contact = debtor_contact(d, CHANNEL_EMAIL, step->to, rules->now);
	}
	if (!c.contact)
		return NULL;
	*permit = permit_contact(&c, from);
	return permit->decision == GUARD_ALLOW ? c.contact : NULL;
}

/* A person's hold, or one because of something that nobody could read. */
static bool held_by_hand(const struct escalation *e, const struct rules *rules)
{
	for (size_t i = 0; i < e->hold_count; i++)
		if (e->holds[i].until > rules->now && !aside_passes(ASIDE_CONFIRM, e->holds[i].reason))
			return true;
	return false;
}

struct next_action aside_next(const struct escalation *e, const struct debtor *d, const struct rules *rules,
	const struct invoice_view *view, const char *held, int64_t held_until)
{
	struct next_action next = { 0 };
	struct permit permit;
	struct step step;
	int64_t from, until;

	if (!rules->policy || !d->known || !aside_owed(e, rules, d, view, &next.aside))
		return (struct next_action){ 0 }; /* nor the name of what is not owed */
	if (e->state != ESCALATION_CLOSED && *escalation_hold_for(e, d, rules, view, (int)next.aside.kind, &until)) /* the ladder tells of it */
		return rules->now < next.aside.until ? (struct next_action){ 0 } : (struct next_action){ .kind = NEXT_SKIP, .at = rules->now,
			.owed_at = rules->now, .why = "stale", .aside = next.aside };
	if (e->state == ESCALATION_CLOSED &&
		(d->insolvent.on || d->paused.on || d->dead_letter_until > rules->now || handed_over(e) || held_by_hand(e, rules)))
		return next.aside.kind != ASIDE_WITHDRAWN ? (struct next_action){ 0 } : (struct next_action){ .kind = NEXT_SKIP, .at = rules->now,
			.owed_at = rules->now, .why = "held", .aside = next.aside }; /* no timer looks again: a person does */
	from = next.aside.from > rules->now ? next.aside.from : rules->now;
	if (aside_for_payment(next.aside.kind) && from < next.aside.from + TOGETHER_MS)
		from = next.aside.from + TOGETHER_MS;
	if (e->retry_at > from && (next.aside.kind != ASIDE_STOPPED || !e->retry_why)) /* a wait for its own provider, not for what the ladder wants */
		from = e->retry_at;
	(void)escalation_reach_aside(e, d, rules, &next.aside, from, &step, &permit);
	next.kind = NEXT_ASIDE;
	next.owed_at = next.aside.from;
	next.at = permit.at;
	next.why = permit.why ? permit.why : e->retry_at > rules->now ? (e->retry_why ? e->retry_why : "retry") : "beside";
	next.rule = permit.rule;
	next.source = permit.source;
	next.held = *held ? held : NULL;
	next.held_until = held_until;
	if (permit.decision != GUARD_ALLOW || next.at >= next.aside.until) {
		next.kind = NEXT_SKIP;
		next.at = next.owed_at = rules->now;
		next.why = permit.decision != GUARD_ALLOW ? permit.why : "stale";
		if (next.aside.from > rules->now) /* what is owed later may still become possible */
			return (struct next_action){ 0 };
		return next;
	}
	/* What asks must not do so while the payments known are too old; the mail about a call neither. */
	if (e->state != ESCALATION_CLOSED && next.aside.kind != ASIDE_STOPPED && rules->feed_stale_since && next.at <= rules->now)
		next.at = rules->now + HOUR_MS;
	return next;
}

static void drop(struct escalation *e, const struct rules *rules, const char *id, const char *reason, struct effects *fx)
{
	struct draft *draft;

	draft = effects_record(fx, "attempt.skipped", e->invoice.debtor_id);
	jw_str(&draft->w, "invoice", e->invoice.id);
	jw_str(&draft->w, "step", id);
	jw_str(&draft->w, "reason", reason);
	escalation_walked(e, fx->arena, arena_strdup(fx->arena, id), STEP_SKIPPED, reason, rules->now, NULL);
}

void aside_drop(struct escalation *e, const struct rules *rules, const struct debtor *d, const char *reason, struct effects *fx)
{
	struct aside aside;

	if (!rules->policy || !d)
		return;
	if (withdrawal_moot(e) && withdrawal_owed(e, rules->policy, &aside) && !(e->step && strcmp(e->step, aside.id) == 0))
		drop(e, rules, aside.id, reason, fx); /* paid: there is nothing left to take back */
	if (confirm_owed(e, rules->policy, &aside) && !(e->step && strcmp(e->step, aside.id) == 0))
		drop(e, rules, aside.id, reason, fx);
	/* Whoever put a hold on it did so for a reason, which may not be over: no word of thanks by itself. */
	if (held_by_hand(e, rules) && last_contact(e) && (rules->policy->agreed.thanks || rules->policy->agreed.apology) &&
		!aside_walked(e, "paid:thanks"))
		drop(e, rules, "paid:thanks", "held", fx);
}
