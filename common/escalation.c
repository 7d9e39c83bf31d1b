#include "common/escalation_internal.h"

#include <string.h>

#include "common/hash.h"
#include "common/utc.h"

const char *const escalation_state_names[ESCALATION_STATE_COUNT + 1] = { "none", "stub", "waiting", "sending", "in_doubt",
	"task", "gate", "closed", NULL };

/* From each state, where a trigger leads; what is not listed is ESCALATION_NONE: refused. */
static const enum escalation_state transitions[ESCALATION_STATE_COUNT][TRIGGER_COUNT] = {
	[ESCALATION_NONE] = { [TRIGGER_OPENED] = ESCALATION_WAITING },
	[ESCALATION_STUB] = { [TRIGGER_OPENED] = ESCALATION_WAITING },
	[ESCALATION_WAITING] = {
		[TRIGGER_RELEASED] = ESCALATION_SENDING,
		[TRIGGER_TASK_OPENED] = ESCALATION_TASK,
		[TRIGGER_GATE_OPENED] = ESCALATION_GATE,
		[TRIGGER_CLOSED] = ESCALATION_CLOSED,
	},
	[ESCALATION_SENDING] = {
		[TRIGGER_SENT] = ESCALATION_WAITING,
		[TRIGGER_NOT_SENT] = ESCALATION_WAITING,
		[TRIGGER_DOUBT] = ESCALATION_DOUBT,
		[TRIGGER_CLOSED] = ESCALATION_CLOSED, /* its answer is still recorded */
	},
	[ESCALATION_DOUBT] = {
		[TRIGGER_SENT] = ESCALATION_WAITING,
		[TRIGGER_NOT_SENT] = ESCALATION_WAITING,
		[TRIGGER_DOUBT] = ESCALATION_DOUBT,
		[TRIGGER_CLOSED] = ESCALATION_CLOSED,
	},
	[ESCALATION_TASK] = {
		[TRIGGER_TASK_ENDED] = ESCALATION_WAITING,
		[TRIGGER_CLOSED] = ESCALATION_CLOSED,
	},
	[ESCALATION_GATE] = {
		[TRIGGER_DECIDED] = ESCALATION_WAITING,
		[TRIGGER_CLOSED] = ESCALATION_CLOSED,
	},
	[ESCALATION_CLOSED] = {
		[TRIGGER_OPENED] = ESCALATION_WAITING, /* a payment came back, a void was withdrawn */
		[TRIGGER_RELEASED] = ESCALATION_CLOSED, /* a word of thanks: the walk is over all the same */
		[TRIGGER_SENT] = ESCALATION_CLOSED,
		[TRIGGER_NOT_SENT] = ESCALATION_CLOSED,
		[TRIGGER_DOUBT] = ESCALATION_CLOSED,
	},
};

bool escalation_move(struct escalation *e, enum escalation_trigger trigger)
{
	enum escalation_state to = transitions[e->state][trigger];

	if (to == ESCALATION_NONE)
		return false;
	e->state = to;
	return true;
}

void escalation_walked(struct escalation *e, struct arena *arena, const char *step, enum step_end end, const char *reason,
	int64_t at, const char *attempt)
{
	bool beside = aside_id(step) || end == STEP_SKIPPED;

	e->walk = arena_grow(arena, e->walk, e->walk_count, &e->walk_capacity, sizeof(*e->walk));
	e->walk[e->walk_count++] = (struct walked){ .step = step, .end = end, .reason = reason, .at = at, .attempt = attempt };
	if (e->step && strcmp(e->step, step) == 0) {
		e->step = e->attempt = e->task = e->verdict = NULL;
		e->in_doubt = false;
		e->since = e->look_at = 0;
	}
	e->provider_failed = e->channel_failed = e->provider_only = NULL;
	e->asked_as = aside_id(step) ? e->asked_as : NULL;
	e->deferred = NULL;
	e->document_until = e->link_until = e->put_off = 0;
	unreached_end(e, step, end);
	if (!beside)
		e->rests_until = 0;
	if (beside && e->retry_why && strcmp(e->retry_why, "call_back_at") == 0)
		return; /* the hour that they asked for is still to come, whatever is said or left out before */
	e->retry_at = 0;
	e->retry_why = NULL;
}

void escalation_said(struct escalation *e, const char *said)
{
	struct walked *last = &e->walk[e->walk_count - 1];

	last->said = strcmp(said, last->step) == 0 ? NULL : said;
}

void escalation_hold(struct escalation *e, struct arena *arena, const struct hold_entry *hold)
{
	for (size_t i = 0; i < e->hold_count; i++)
		if (strcmp(e->holds[i].reason, hold->reason) == 0) {
			e->holds[i] = *hold;
			return;
		}
	e->holds = arena_grow(arena, e->holds, e->hold_count, &e->hold_capacity, sizeof(*e->holds));
	e->holds[e->hold_count++] = *hold;
}

bool escalation_commanded(struct escalation *e, struct arena *arena, const struct event *command)
{
	const char *both = arena_printf(arena, "%s\n%s", command->source, command->id);
	uint8_t digest[SHA256_SIZE];
	char hex[2 * 12 + 1];

	sha256(both, strlen(both), digest);
	hex_format(digest, 12, hex);
	for (size_t i = 0; i < e->command_count; i++)
		if (strcmp(e->commands[i], hex) == 0)
			return false;
	if (e->command_count == ESCALATION_COMMANDS_KEPT)
		memmove(e->commands, e->commands + 1, --e->command_count * sizeof(*e->commands));
	e->commands = arena_grow(arena, e->commands, e->command_count, &e->command_capacity, sizeof(*e->commands));
	e->commands[e->command_count++] = arena_strdup(arena, hex);
	return true;
}

/* --- holds --------------------------------------------------------------------------------------------------------- */

/* A hold without an end of its own is renewed: it ends, is looked at, and goes on. So nothing can be forgotten in one. */
static int64_t renewed_until(int64_t since, int64_t period, int64_t now)
{
	if (now < since)
		return since + period;
	return since + ((now - since) / period + 1) * period;
}

/* A step that was given up because nobody knows may have been sent: for spacing and limits it was. */
static bool perhaps_sent(const struct walked *walked)
{
	return walked->end != STEP_SKIPPED || (walked->reason && strcmp(walked->reason, "unknown") == 0);
}

static bool contacts_spent(const struct escalation *e, const struct policy *policy)
{
	int32_t made = 0;

	for (size_t i = 0; i < e->walk_count; i++) {
		int step = policy_step_index(policy, e->walk[i].step);

		if (!aside_id(e->walk[i].step) && (step < 0 || policy->steps[step].kind != STEP_GATE)) /* a decision contacts nobody */
			made += perhaps_sent(&e->walk[i]);
	}
	return policy->max_contacts && made >= policy->max_contacts;
}

static bool below_minimum(const struct policy *policy, const char *currency, int64_t balance)
{
	for (size_t i = 0; i < policy->minimum_count; i++)
		if (strcmp(policy->minimum[i].currency, currency) == 0)
			return balance < policy->minimum[i].minor;
	return false;
}

const char *escalation_hold_for(const struct escalation *e, const struct debtor *d, const struct rules *rules,
	const struct invoice_view *view, int whom, int64_t *until)
{
	int64_t now = rules->now;
	const struct business_time window = rules->policy ?
		schedule_window(rules->policy, d, rules->creditor_zone, rules->holidays) :
		(struct business_time){ 0 };

#define HOLD(reason_, until_)                                                                                          \
	do {                                                                                                           \
		int64_t end_ = (until_);                                                                               \
		if (end_ > now && (whom == LADDER || !aside_passes(whom, reason_))) {                                                                                     \
			*until = end_;                                                                                 \
			return reason_;                                                                                \
		}                                                                                                      \
	} while (0)

	for (size_t i = 0; i < e->hold_count; i++)
		if (!hold_outdated(&e->holds[i], e, d, rules))
			HOLD(e->holds[i].reason, e->holds[i].until);
	if (handed_over(e))
		HOLD("handed_over", renewed_until(e->handed.at, 30 * DAY_MS, now));
	HOLD("dead_letter", d->dead_letter_until);
	if (!d->known)
		HOLD("no_customer", renewed_until(e->opened_at, DAY_MS, now));
	if (d->insolvent.on)
		HOLD("insolvency", renewed_until(d->insolvent.order.time, 30 * DAY_MS, now));
	if (d->paused.on)
		HOLD("paused", d->paused.until ? d->paused.until : renewed_until(d->paused.order.time, 30 * DAY_MS, now));
	if (view->dispute)
		HOLD("dispute", renewed_until(view->dispute->order.time, 14 * DAY_MS, now));
	if (view->state == STATE_DRAFT)
		HOLD("draft", renewed_until(e->opened_at, 7 * DAY_MS, now));
	if (view->reconcile || plan_differs(e, view))
		HOLD("reconcile", renewed_until(e->opened_at, 7 * DAY_MS, now));
	if (book_holds(book_finding(&e->invoice, rules->books, now)))
		HOLD("book_differs", renewed_until(e->opened_at, 7 * DAY_MS, now));
	if (view->plan && !escalation_broke(e, "plan", view->plan))
		HOLD("plan", view->plan->instalment_count && rules->policy ? plan_until(rules, &window, view->plan, view->balance) :
			renewed_until(view->plan->order.time, 30 * DAY_MS, now));
	if (view->settlement && !escalation_broke(e, "settlement", view->settlement))
		HOLD("settlement", date_is_set(view->settlement->until_on) && rules->policy ? settlement_until(&window, view->settlement) :
			renewed_until(view->settlement->order.time, 30 * DAY_MS, now));
	if (view->undelivered)
		HOLD("undelivered", renewed_until(view->undelivered->order.time, 7 * DAY_MS, now));
	if (view->no_more) /* as an opt-out, until a person says what it is */
		HOLD("reply", renewed_until(view->no_more->at, 14 * DAY_MS, now));
	if (view->reply)
		HOLD("reply", said_until(view->reply, &window, rules->policy));
	if (!rules->policy)
		HOLD("unknown_policy", renewed_until(e->opened_at, DAY_MS, now));
	HOLD("call_back_at", call_back_until(e, &window));
	if (view->promise)
		HOLD("promise", promise_until(e, rules, &window, view->promise));
	if (view->announced)
		HOLD(view->announced->says_paid ? "says_paid" : "announced", said_until(view->announced, &window, true));
	if (view->automatic)
		HOLD("automatic", renewed_until(e->opened_at, 30 * DAY_MS, now));
	if (rules->policy->nothing)
		HOLD("do_nothing", renewed_until(e->opened_at, 90 * DAY_MS, now));
	if (below_minimum(rules->policy, e->invoice.snapshot.currency, view->balance))
		HOLD("below_minimum", renewed_until(e->opened_at, 30 * DAY_MS, now));
	if (contacts_spent(e, rules->policy))
		HOLD("exhausted", renewed_until(e->opened_at, 30 * DAY_MS, now));
	return "";
#undef HOLD
}

/* --- the next step ------------------------------------------------------------------------------------------------- */

static void fill_walk(const struct escalation *e, const struct policy *policy, const struct business_time *when,
	struct schedule_walk *walk, bool over[POLICY_STEPS_MAX])
{
	walk->issued_on = e->invoice.snapshot.issued_on;
	walk->due_on = schedule_due(policy, when, e->invoice.snapshot.due_on);
	for (size_t i = 0; i < POLICY_STEPS_MAX; i++) {
		walk->done[i] = date_none();
		over[i] = false;
	}
	for (size_t i = 0; i < e->walk_count; i++) {
		int step = policy_step_index(policy, e->walk[i].step);

		if (step < 0)
			continue;
		over[step] = true;
		if (perhaps_sent(&e->walk[i]))
			walk->done[step] = business_date(when, e->walk[i].at);
	}
}

static bool condition_holds(const struct step_if *when, const struct escalation *e, const struct debtor *d,
	const struct invoice_view *view, int32_t days_past_due)
{
	return (!when->currency || strcmp(when->currency, e->invoice.snapshot.currency) == 0) &&
		(when->balance_min < 0 || view->balance >= when->balance_min) &&
		(when->balance_max < 0 || view->balance <= when->balance_max) &&
		days_past_due >= when->days_past_due_min && days_past_due <= when->days_past_due_max &&
		word_listed(when->kinds, customer_kind_names[d->customer.kind]) &&
		word_listed(when->countries, d->customer.country) && any_tag(when->tags, e->invoice.snapshot.tags);
}

/* The debt's first reminder that went out, for the days of grace that some law gives after it. */
static void first_reminder(const struct escalation *e, const struct rules *rules, const struct business_time *when, struct permit_case *c)
{
	c->first_reminder = date_none();
	for (size_t i = 0; i < e->walk_count; i++) {
		int step = policy_step_index(rules->policy, e->walk[i].step);

		if (!perhaps_sent(&e->walk[i]) || step < 0 || rules->policy->steps[step].kind != STEP_MESSAGE)
			continue;
		c->first_reminder = business_date(when, e->walk[i].at);
		c->by_post = rules->policy->steps[step].channel == CHANNEL_LETTER;
		return;
	}
}

const struct contact *escalation_reach(const struct escalation *e, const struct debtor *d, const struct rules *rules,
	const struct step *step, int64_t from, enum channel *channel, struct permit *permit)
{
	const struct business_time when = schedule_window(rules->policy, d, rules->creditor_zone, rules->holidays);
	const enum channel channels[] = { step->channel, step->fallback };
	struct permit_case c = { .guard = rules->guard, .holidays = rules->holidays, .policy = rules->policy, .debtor = d,
		.creditor_zone = rules->creditor_zone };

	size_t passed = e->unreached_step && strcmp(e->unreached_step, step->id) == 0 ? e->unreached_count : 0;
	int64_t waits = 0;

	first_reminder(e, rules, &when, &c);
	*permit = (struct permit){ .decision = GUARD_DENY, .why = debtor_opted_out(d, step->channel) ? "opted_out" : "no_address" };
	for (size_t i = 0; i < (step->has_fallback ? 2u : 1u); i++) {
		if (e->channel_failed && strcmp(e->channel_failed, channel_names[channels[i]]) == 0) {
			permit->why = "refused";
			continue;
		}
		c.channel = *channel = channels[i];
		c.contact = debtor_contact_but(d, channels[i], step->to, rules->now, e->unreached, passed);
		if (!c.contact) {
			waits = waits ? waits : debtor_wrong_until(d, channels[i], step->to, rules->now);
			continue;
		}
		*permit = permit_contact(&c, from);
		if (permit->decision == GUARD_ALLOW)
			return c.contact;
	}
	if (waits) /* the step is not lost meanwhile */
		*permit = (struct permit){ .decision = GUARD_REVIEW, .why = "wrong_contact", .until = waits };
	return NULL;
}

/* Why a step that is owed does not go out yet: our last word is neither kept nor taken back, or what it must rest on is not there. */
static const char *stands_back(const struct escalation *e, const struct debtor *d, const struct policy *policy, const struct step *step)
{
	struct needs missing = escalation_missing(e, d, policy, &step->needs);

	if (step->announces.on && e->commitment.state == COMMITMENT_OPEN)
		return "commitment";
	return missing.facts || missing.steps ? "incomplete" : NULL;
}

static struct next_action next_step(const struct escalation *e, const struct debtor *d, const struct rules *rules,
	const struct invoice_view *view)
{
	const struct policy *policy = rules->policy;
	const struct business_time when = schedule_window(policy, d, rules->creditor_zone, rules->holidays);
	struct schedule_walk walk;
	bool over[POLICY_STEPS_MAX];
	int reenter = e->reenter ? policy_step_index(policy, e->reenter) : -1;

	fill_walk(e, policy, &when, &walk, over);
	for (size_t i = 0; i < policy->step_count; i++) {
		const struct step *step = &policy->steps[i];
		struct next_action next = { .step = i, .why = "schedule" };
		struct permit permit;
		enum channel channel;
		date owed_on;
		int64_t from;

		if (over[i])
			continue;
		if (reenter > (int)i && !over[reenter]) { /* what was broken leads further up the ladder */
			next.kind = NEXT_SKIP;
			next.at = next.owed_at = rules->now;
			next.why = e->reenter_why;
			return next;
		}
		owed_on = schedule_step_date(policy, i, &walk, &when);
		if (reenter == (int)i && (!date_is_set(owed_on) || date_diff(owed_on, e->reenter_on) > 0))
			owed_on = e->reenter_on;
		if (!date_is_set(owed_on)) { /* hangs on a step that was skipped: it will never be owed */
			next.kind = NEXT_SKIP;
			next.at = next.owed_at = rules->now;
			next.why = "anchor_skipped";
			return next;
		}
		next.at = next.owed_at = business_opening(&when, owed_on);
		if (!condition_holds(&step->when, e, d, view, date_diff(owed_on, walk.due_on))) {
			next.kind = NEXT_SKIP;
			next.why = "condition";
			return next;
		}
		next.kind = step->kind == STEP_GATE ? NEXT_GATE : NEXT_SKIP;
		if (next.kind == NEXT_GATE)
			return next;
		next.why = next.owed_at <= rules->now ? stands_back(e, d, policy, step) : NULL;
		if (next.why) {
			next.kind = NEXT_HELD;
			next.at = renewed_until(e->opened_at, 7 * DAY_MS, rules->now);
			return next;
		}
		from = next.owed_at > rules->now ? next.owed_at : rules->now;
		if (e->retry_at > from)
			from = e->retry_at;
		if (e->rests_until > from)
			from = e->rests_until;
		(void)escalation_reach(e, d, rules, step, from, &channel, &permit);
		next.why = permit.why;
		next.rule = permit.rule;
		next.source = permit.source;
		if (permit.decision == GUARD_DENY)
			return next;
		next.kind = NEXT_CONTACT;
		if (permit.decision == GUARD_REVIEW) { /* a person looks at it, once it is owed */
			if (next.owed_at <= rules->now) {
				next.kind = NEXT_HELD;
				next.at = permit.until ? permit.until : renewed_until(e->opened_at, DAY_MS, rules->now);
			}
			return next;
		}
		next.at = permit.at;
		if (!next.why || strcmp(next.why, "window") == 0)
			next.why = e->rests_until > rules->now && e->rests_until > next.owed_at ? "step_refused" :
				e->retry_at > rules->now && e->retry_at > next.owed_at ? (e->retry_why ? e->retry_why : "retry") :
				next.at > from && next.owed_at <= rules->now		  ? "window" :
											    "schedule";
		if (schedule_before_due(policy, i, &walk, &when) &&
			date_diff(business_date(&when, next.at), walk.due_on) >= 0) {
			next.kind = NEXT_SKIP;
			next.at = next.owed_at;
			next.why = "past_due";
		}
		return next;
	}
	return (struct next_action){ .kind = NEXT_HELD, .why = "exhausted",
		.at = renewed_until(e->opened_at, 30 * DAY_MS, rules->now) };
}

static bool is_first(const struct next_action *aside, const struct next_action *ladder)
{
	return aside->kind != NEXT_NONE && (ladder->kind == NEXT_NONE || aside->at <= ladder->at);
}

struct next_action escalation_next(const struct escalation *e, const struct debtor *d, const struct rules *rules)
{
	struct next_action next = { 0 }, aside;
	struct invoice_view view;
	const char *hold;

	switch (e->state) {
	case ESCALATION_CLOSED:
		if (e->attempt && aside_id(e->step))
			return (struct next_action){ .kind = NEXT_BUSY, .at = e->look_at, .why = "sending" };
		if (e->attempt || !d || !rules->policy || (e->stopped && withdrawal_moot(e))) /* stopped and paid since: no thanks either */
			return next;
		view = invoice_view(&e->invoice);
		return aside_next(e, d, rules, &view, "", 0);
	case ESCALATION_SENDING:
		return (struct next_action){ .kind = NEXT_BUSY, .at = e->look_at, .why = "sending" };
	case ESCALATION_DOUBT:
		return (struct next_action){ .kind = NEXT_RESOLVE, .at = e->look_at, .why = "in_doubt" };
	case ESCALATION_WAITING:
	case ESCALATION_TASK:
	case ESCALATION_GATE:
		break;
	default:
		return next;
	}
	if (!d)
		return (struct next_action){ .kind = NEXT_HELD, .why = "no_customer",
			.at = renewed_until(e->opened_at, DAY_MS, rules->now) };
	view = invoice_view(&e->invoice);
	hold = escalation_hold_for(e, d, rules, &view, LADDER, &next.at);
	if (*hold) {
		next.kind = NEXT_HELD;
		next.why = hold;
		aside = e->state == ESCALATION_WAITING ? aside_next(e, d, rules, &view, hold, next.at) : (struct next_action){ 0 };
		return is_first(&aside, &next) ? aside : next;
	}
	if (e->state == ESCALATION_TASK)
		return (struct next_action){ .kind = NEXT_TASK_END, .at = e->look_at, .why = "task" };
	if (e->state == ESCALATION_GATE)
		return (struct next_action){ .kind = NEXT_GATE_END, .at = e->look_at, .why = "decision" };
	next = next_step(e, d, rules, &view);
	if (next.kind == NEXT_CONTACT && next.owed_at <= rules->now && rules->feed_stale_since)
		return (struct next_action){ .kind = NEXT_HELD, .step = next.step, .why = "feed_stale",
			.owed_at = next.owed_at, .at = next.at > rules->now + HOUR_MS ? next.at : rules->now + HOUR_MS };
	aside = aside_next(e, d, rules, &view, next.kind == NEXT_HELD ? next.why : "", next.at);
	return is_first(&aside, &next) ? aside : next;
}

/* --- what follows from changed facts --------------------------------------------------------------------------------- */

static void name_invoice(struct draft *draft, const struct escalation *e)
{
	jw_str(&draft->w, "invoice", e->invoice.id);
}

/*
 * The version that is walked from here on. Before anything is known of the customer nothing is chosen: the invoice is held, and what
 * comes may say otherwise. Where somebody chose, the trail says who.
 */
static void choose_policy(struct escalation *e, struct debtor *d, const struct rules *rules, struct effects *fx)
{
	const struct selection *s = rules->selection;
	struct draft *draft;

	if (e->policy_digest || !rules->policy || (s && !s->settled))
		return;
	e->policy = rules->policy->name;
	e->policy_digest = rules->policy->digest;
	if (!s)
		return;
	e->policy_by = selected_by_names[s->by];
	e->policy_rule = s->rule ? arena_strdup(fx->arena, s->rule) : NULL;
	reset_chosen(e, d, rules, fx);
	if (s->by == SELECTED_BY_DEFAULT && !s->asked)
		return;
	draft = effects_record(fx, "policy.chosen", e->invoice.debtor_id);
	name_invoice(draft, e);
	jw_str(&draft->w, "policy_name", e->policy);
	jw_str(&draft->w, "policy_digest", e->policy_digest);
	jw_str(&draft->w, "by", e->policy_by);
	jw_opt_str(&draft->w, "rule", e->policy_rule);
}

static void open_escalation(struct escalation *e, struct debtor *d, const struct rules *rules, struct effects *fx,
	const struct invoice_view *view)
{
	bool again = e->state == ESCALATION_CLOSED;
	struct draft *draft;

	escalation_move(e, TRIGGER_OPENED);
	if (e->attempt) { /* closed while it was on its way: what became of it comes first, or it would be written over */
		escalation_move(e, TRIGGER_RELEASED);
		escalation_move(e, TRIGGER_DOUBT);
	}
	if (!again)
		e->opened_at = rules->now;
	e->closed = NULL;
	e->closed_at = 0;
	choose_policy(e, d, rules, fx);
	if (d)
		debtor_open_add(d, fx->arena, e->invoice.id);
	draft = effects_event(fx, again ? "escalation.resumed" : "escalation.opened", e->invoice.debtor_id, e->invoice.id);
	jw_opt_str(&draft->w, "policy", e->policy);
	jw_opt_str(&draft->w, "policy_by", e->policy_by);
	jw_opt_str(&draft->w, "policy_rule", e->policy_rule);
	jw_int(&draft->w, "balance_minor", view->balance);
	jw_str(&draft->w, "currency", e->invoice.snapshot.currency);
	if (again) {
		draft = effects_record(fx, "invoice.changed", e->invoice.debtor_id);
		name_invoice(draft, e);
		jw_str(&draft->w, "change", "reopened");
		work_again(e, d, fx);
	}
}

static void drop_task(struct escalation *e, const char *result, struct effects *fx)
{
	struct task task = { .id = e->task, .kind = e->state == ESCALATION_GATE ? "decision" : task_kind(e->task),
		.debtor_id = e->invoice.debtor_id, .invoice_ids = &e->invoice.id, .invoice_count = 1, .step = e->step,
		.close = true, .result = result };

	if (e->task)
		effects_task(fx, &task);
	e->step = e->task = NULL;
}

void escalation_task_withdrawn(struct escalation *e, bool others, struct effects *fx)
{
	enum escalation_trigger trigger = e->state == ESCALATION_GATE ? TRIGGER_DECIDED : TRIGGER_TASK_ENDED;

	e->asked_as = others ? arena_strdup(fx->arena, e->task) : NULL;
	drop_task(e, "obsolete", fx);
	escalation_move(e, trigger);
}

static void tell_closed(struct escalation *e, const char *reason, struct effects *fx)
{
	struct draft *draft = effects_record(fx, "invoice.closed", e->invoice.debtor_id);

	e->closed = reason;
	name_invoice(draft, e);
	jw_str(&draft->w, "reason", reason);
	draft = effects_event(fx, "escalation.closed", e->invoice.debtor_id, e->invoice.id);
	jw_str(&draft->w, "reason", reason);
	if (strcmp(reason, "uncollectible") == 0)
		block_suggested(e, reason, fx);
}

static void close_escalation(struct escalation *e, struct debtor *d, const char *reason, struct effects *fx)
{
	walk_tasks_closed(e, fx);
	unsent_closed(e, fx);
	if (e->state == ESCALATION_TASK || e->state == ESCALATION_GATE)
		drop_task(e, "obsolete", fx);
	if (e->held)
		hold_tell(e, NULL, NULL, 0, false, fx);
	if (withdrawal_moot(e)) /* of a loss our word stands: it is carried out or taken back in writing */
		commitment_lapse(e, reason, fx);
	call_tasks_closed(e, fx);
	said_closed(e, fx);
	e->held = e->deferred = NULL;
	e->held_until = e->acts_at = 0;
	hold_keep(e, fx->now);
	if (!escalation_move(e, TRIGGER_CLOSED))
		return;
	e->closed_at = fx->now;
	e->next_at = 0;
	if (d)
		debtor_open_remove(d, e->invoice.id);
	tell_closed(e, reason, fx);
	work_closed(e, d, reason, fx);
}

void escalation_stop(struct escalation *e, struct debtor *debtor, struct effects *fx)
{
	e->stopped = true;
	close_escalation(e, debtor, "stopped", fx);
	e->hold_count = 0;
}

/* Of several endings the facts alone say which one counts, whichever came first. What was given up, or stopped, held work on; paid, it goes on. */
static void close_otherwise(struct escalation *e, struct debtor *d, const char *reason, struct effects *fx)
{
	struct draft *draft;
	bool unpaid, lost = strcmp(reason, "stopped") == 0 || strcmp(reason, "uncollectible") == 0;

	if (!e->closed || strcmp(e->closed, reason) == 0)
		return;
	unpaid = strcmp(e->closed, "stopped") == 0 || strcmp(e->closed, "uncollectible") == 0;
	e->closed = reason;
	if (withdrawal_moot(e))
		commitment_lapse(e, reason, fx);
	draft = effects_record(fx, "invoice.changed", e->invoice.debtor_id);
	name_invoice(draft, e);
	jw_str(&draft->w, "change", reason);
	if (lost)
		work_again(e, d, fx);
	else if (unpaid)
		work_closed(e, d, reason, fx);
}

/* What was agreed while a person was asked to decide comes first: the question is put again when it is broken. */
static bool agreed_hold(const char *hold)
{
	return strcmp(hold, "handed_over") == 0 || strcmp(hold, "plan") == 0 || strcmp(hold, "settlement") == 0 || strcmp(hold, "promise") == 0;
}

static void follow_hold(struct escalation *e, struct debtor *d, const struct next_action *next, const struct rules *rules, struct effects *fx)
{
	const char *hold = next->kind == NEXT_HELD ? next->why : next->held;
	int64_t until = next->kind == NEXT_HELD ? next->at : next->held_until, excused_until;
	const char *excuse = hold ? hold : "";
	bool same = hold && e->held && strcmp(hold, e->held) == 0;
	int64_t ends = e->held_until ? e->held_until : e->next_at; /* an old document noted no end of its own */
	const char *detail = next->kind == NEXT_HELD ? escalation_hold_detail(e, d, next, rules, fx->arena) : NULL;

	if (d && (e->state == ESCALATION_SENDING || e->state == ESCALATION_DOUBT)) { /* what excuses does so while a message is on its way, too */
		struct invoice_view view = invoice_view(&e->invoice);

		excuse = escalation_hold_for(e, d, rules, &view, LADDER, &excused_until);
	}
	commitment_watch(e, excuse, fx);
	work_watch(e, d, excuse, fx);
	if (hold && strcmp(hold, "exhausted") == 0)
		told_exhausted(e, fx);
	e->held_until = hold ? until : 0;
	if (same) {
		if (ends && ends <= rules->now && next->kind == NEXT_HELD)
			hold_tell(e, hold, detail, until, true, fx);
		return;
	}
	if (e->held)
		hold_tell(e, NULL, NULL, 0, false, fx);
	e->held = hold ? arena_strdup(fx->arena, hold) : NULL; /* the law's words do not outlive a reload */
	if (!hold)
		return;
	if (e->state == ESCALATION_TASK || (e->state == ESCALATION_GATE && agreed_hold(hold))) /* nobody calls about what is disputed or promised */
		escalation_task_withdrawn(e, false, fx);
	hold_tell(e, hold, detail, until, false, fx);
}

static void skip_step(struct escalation *e, const char *step, const char *reason, const struct rules *rules, struct effects *fx)
{
	struct draft *draft = effects_record(fx, "attempt.skipped", e->invoice.debtor_id);
	const char *waits = NULL;

	name_invoice(draft, e);
	jw_str(&draft->w, "step", step);
	jw_str(&draft->w, "reason", reason);
	draft = effects_event(fx, "contact.skipped", e->invoice.debtor_id, e->invoice.id);
	jw_str(&draft->w, "step", step);
	jw_str(&draft->w, "reason", reason);
	if (strncmp(step, "withdrawn:", 10) == 0)
		withdrawal_unsent(e, reason, fx);
	if (strcmp(reason, "no_address") == 0 && !aside_id(step)) {
		struct task task = { .id = arena_printf(fx->arena, "no_address:%s:%s", e->invoice.id, step),
			.kind = "no_address", .debtor_id = e->invoice.debtor_id,
			.invoice_ids = arena_memdup(fx->arena, &e->invoice.id, sizeof(e->invoice.id)), .invoice_count = 1,
			.step = step, .opened_at = rules->now, .deadline = rules->now + 7 * DAY_MS };

		effects_task(fx, &task);
		waits = task.id;
	}
	escalation_walked(e, fx->arena, step, STEP_SKIPPED, reason, rules->now, waits);
}

static struct next_action skip_what_is_due(struct escalation *e, struct debtor *debtor, const struct rules *rules, struct effects *fx)
{
	for (;;) {
		struct next_action next = escalation_next(e, debtor, rules);

		if (next.kind != NEXT_SKIP || next.at > rules->now)
			return next;
		skip_step(e, next.aside.id[0] ? arena_strdup(fx->arena, next.aside.id) : rules->policy->steps[next.step].id,
			arena_strdup(fx->arena, next.why), rules, fx);
	}
}

static const char *close_reason(enum invoice_state state)
{
	switch (state) {
	case STATE_PAID:
		return "paid";
	case STATE_VOID:
		return "voided";
	case STATE_UNCOLLECTIBLE:
		return "uncollectible";
	case STATE_SETTLED:
		return "settled";
	default:
		return NULL;
	}
}

static void follow_facts(struct escalation *e, struct debtor *debtor, const struct rules *rules, struct effects *fx)
{
	struct invoice_view view;
	struct next_action next;
	const char *reason;
	int64_t look, due;

	offers_paid(e, fx);
	view = invoice_view(&e->invoice);
	reason = close_reason(view.state);
	if (e->stopped && (!reason || view.state == STATE_UNCOLLECTIBLE))
		reason = "stopped";
	book_follow(e, rules, fx);
	if (view.state == STATE_UNKNOWN || view.state == STATE_DRAFT) {
		if (e->state == ESCALATION_NONE)
			e->state = ESCALATION_STUB;
		if (e->state == ESCALATION_STUB) {
			e->next_at = book_look_at(e, rules);
			return;
		}
	}
	if (e->state == ESCALATION_NONE || e->state == ESCALATION_STUB || (e->state == ESCALATION_CLOSED && !reason))
		open_escalation(e, debtor, rules, fx, &view);
	if (reason && e->state != ESCALATION_CLOSED) {
		aside_drop(e, rules, debtor, reason, fx);
		close_escalation(e, debtor, reason, fx);
	} else if (reason) {
		close_otherwise(e, debtor, reason, fx);
	}
	if (e->state != ESCALATION_CLOSED)
		choose_policy(e, debtor, rules, fx);
	if (e->state == ESCALATION_CLOSED) {
		if (view.state == STATE_PAID)
			agreed_kept(e, debtor, rules, fx);
		next = skip_what_is_due(e, debtor, rules, fx);
		if (debtor)
			debtor_thanks(debtor, fx->arena, e->invoice.id, next.kind == NEXT_ASIDE && aside_for_payment(next.aside.kind));
		commitment_watch(e, "", fx);
		look = commitment_look_at(e, rules->now);
		e->next_at = look && (!next.at || look < next.at) ? look : next.at;
		return;
	}
	agreed_judge(e, debtor, rules, &view, fx);
	unsent_watch(e, rules, fx);
	next = skip_what_is_due(e, debtor, rules, fx);
	due = told_of_due(e, debtor, rules, &view, fx);
	follow_hold(e, debtor, &next, rules, fx);
	said_watch(e, debtor, rules, &view, fx);
	call_watch(e, debtor, fx);
	if (next.kind == NEXT_HELD && e->state == ESCALATION_TASK)
		next = escalation_next(e, debtor, rules);
	look = commitment_look_at(e, rules->now);
	e->next_at = look && look < next.at ? look : next.at;
	look = unsent_look_at(e, rules);
	if (look && look < e->next_at)
		e->next_at = look;
	if (due && (!e->next_at || due < e->next_at))
		e->next_at = due; /* told on its day, whenever the next step is */
	e->acts_at = e->next_at < next.at ? next.at : 0;
}

const char *payment_link_of(const struct escalation *e, int64_t now)
{
	return invoice_payment_url(&e->invoice.snapshot, now + PAYMENT_LINK_LIFE_MS);
}

void escalation_refresh(struct escalation *e, struct debtor *debtor, const struct rules *rules, struct effects *fx)
{
	if (e->retry_why && strcmp(e->retry_why, RETRY_PAYMENT_LINK) == 0 && payment_link_of(e, rules->now)) { /* a new one came */
		e->retry_at = 0;
		e->retry_why = NULL;
	}
	follow_facts(e, debtor, rules, fx);
	agreed_count(e, debtor, rules);
}
