/* What a debtor agreed to and whether it was kept. */
#include <string.h>

#include "common/escalation_internal.h"
#include "common/money.h"
#include "common/utc.h"

int64_t feed_stale_since(const struct policy *policy, int64_t known_to, int64_t now)
{
	if (!policy || !policy->freshness_ms || !known_to || now - known_to <= policy->freshness_ms)
		return 0;
	return known_to + policy->freshness_ms;
}

bool escalation_broke(const struct escalation *e, const char *what, const struct fact *fact)
{
	for (size_t i = 0; i < e->ended_count; i++)
		if (!e->ended[i].kept && strcmp(e->ended[i].what, what) == 0 && strcmp(e->ended[i].id, fact->id) == 0 &&
			e->ended[i].told_at == fact->order.time)
			return true;
	return false;
}

static void end(struct escalation *e, struct arena *arena, const char *what, const struct fact *fact, bool kept, int64_t at)
{
	e->ended = arena_grow(arena, e->ended, e->ended_count, &e->ended_capacity, sizeof(*e->ended));
	e->ended[e->ended_count++] = (struct agreed_end){ what, fact->id, fact->order.time, at, kept };
}

int64_t promise_until(const struct escalation *e, const struct rules *rules, const struct business_time *when, const struct fact *promise)
{
	const struct agreed *agreed = rules->policy ? &rules->policy->agreed : NULL;
	date until = promise->until_on;
	int32_t broken = 0;

	for (size_t i = 0; i < e->ended_count; i++)
		broken += !e->ended[i].kept && strcmp(e->ended[i].what, "promise") == 0 && strcmp(e->ended[i].id, promise->id) != 0;
	if (agreed && agreed->promises_most && broken >= agreed->promises_most)
		return 0;
	if (agreed && agreed->promise_within_days) {
		date last = date_add_days(business_date(when, promise->order.time), agreed->promise_within_days);

		if (date_diff(until, last) > 0)
			until = last;
	}
	return business_opening(when, date_add_days(until, 1));
}

int64_t plan_until(const struct rules *rules, const struct business_time *when, const struct fact *plan, int64_t balance)
{
	struct instalment_view next;

	if (!plan_next(plan, balance, &next))
		return 0;
	return business_opening(when, date_add_days(next.due_on, (rules->policy ? rules->policy->agreed.plan_grace_days : 0) + 1));
}

/* By then; figures say no day: all that they have may have been paid before. */
static int64_t open_when_agreed(const struct escalation *e, const struct fact *plan)
{
	return e->invoice.snapshot.total - invoice_paid_by(&e->invoice, plan->order.time + 1);
}

/* A plan may list what was paid before: payments go to the oldest instalment, whenever they were made. So it may cover the whole invoice. */
bool plan_differs(const struct escalation *e, const struct invoice_view *view)
{
	const struct fact *plan = view->plan;

	if (!plan || !plan->instalment_count || view->state != STATE_OPEN || escalation_broke(e, "plan", plan))
		return false;
	return plan_sum(plan) < open_when_agreed(e, plan) || plan_sum(plan) > e->invoice.snapshot.total + late_account_of(e).owed;
}

const char *escalation_differs(const struct escalation *e, const struct invoice_view *view, struct arena *arena)
{
	struct money sum = { 0 }, open = { 0 };
	char a[32], b[32], said[UTC_TEXT_SIZE], figures[UTC_TEXT_SIZE];

	if (view->said_paid)
		return arena_printf(arena, "%s: it was said to be paid at %s, and figures of %s say that it is open", view->reconcile,
			utc_format(view->said_paid->order.time, said), utc_format(e->invoice.order.time, figures));
	if (view->reconcile || !plan_differs(e, view))
		return view->reconcile;
	sum.minor = plan_sum(view->plan);
	open.minor = open_when_agreed(e, view->plan);
	memcpy(sum.currency, e->invoice.snapshot.currency, sizeof(sum.currency));
	memcpy(open.currency, sum.currency, sizeof(open.currency));
	return arena_printf(arena, "plan_differs: the instalments come to %s %s, %s were open", money_plain(sum, a, sizeof(a)), sum.currency,
		money_plain(open, b, sizeof(b)));
}

int64_t settlement_until(const struct business_time *when, const struct fact *settlement)
{
	return date_is_set(settlement->until_on) ? business_opening(when, date_add_days(settlement->until_on, 1)) : 0;
}

const char *agreed_holding(const struct escalation *e, const struct debtor *d, const struct rules *rules, const struct invoice_view *view)
{
	bool dated = d && rules->policy; /* without them nobody knows when a day ends there: it holds until it is broken */
	struct business_time when = { 0 };

	if (dated)
		when = schedule_window(rules->policy, d, rules->creditor_zone, rules->holidays);
	if (view->plan && !escalation_broke(e, "plan", view->plan) &&
		(!dated || !view->plan->instalment_count || plan_until(rules, &when, view->plan, view->balance) > rules->now))
		return "plan";
	if (view->settlement && !escalation_broke(e, "settlement", view->settlement) &&
		(!dated || !date_is_set(view->settlement->until_on) || settlement_until(&when, view->settlement) > rules->now))
		return "settlement";
	if (view->promise && !escalation_broke(e, "promise", view->promise) && (!dated || promise_until(e, rules, &when, view->promise) > rules->now))
		return "promise";
	return NULL;
}

/* --- kept or not ----------------------------------------------------------------------------------------------------- */

/* The ladder goes on at this step, unless it came as far already. What lies between is skipped, for that reason. */
static void go_on_at(struct escalation *e, const struct rules *rules, const struct business_time *when, int step, const char *why)
{
	int now = e->reenter ? policy_step_index(rules->policy, e->reenter) : -1;

	if (step < 0 || step <= now)
		return;
	e->reenter = rules->policy->steps[step].id;
	e->reenter_why = why;
	e->reenter_on = zone_date(when->zone, rules->now);
}

static struct draft *tell(struct escalation *e, const char *record, const char *event, const char *key, const struct fact *fact,
	struct effects *fx)
{
	struct draft *draft = effects_record(fx, record, e->invoice.debtor_id);

	jw_str(&draft->w, "invoice", e->invoice.id);
	jw_str(&draft->w, key, fact->id);
	if (event) {
		draft = effects_event(fx, event, e->invoice.debtor_id, e->invoice.id);
		jw_str(&draft->w, key, fact->id);
	}
	return draft;
}

static void judge_promise(struct escalation *e, const struct rules *rules, const struct business_time *when,
	const struct fact *promise, struct effects *fx)
{
	int64_t until = promise_until(e, rules, when, promise);

	if (!until || until > rules->now || e->opened_at > until || escalation_broke(e, "promise", promise))
		return;
	end(e, fx->arena, "promise", promise, false, rules->now);
	(void)tell(e, "promise.broken", "promise.broken", "promise", promise, fx);
	go_on_at(e, rules, when, rules->policy->agreed.promise_broken, "promise_broken");
}

static void judge_plan(struct escalation *e, const struct rules *rules, const struct business_time *when, const struct invoice_view *view,
	struct effects *fx)
{
	int64_t until = plan_until(rules, when, view->plan, view->balance);
	struct instalment_view next;
	char day[DATE_TEXT_SIZE];

	if (!until || until > rules->now || e->opened_at > until || escalation_broke(e, "plan", view->plan) ||
		!plan_next(view->plan, view->balance, &next))
		return;
	end(e, fx->arena, "plan", view->plan, false, rules->now);
	for (int i = 0; i < 2; i++) { /* the record, then the event: the same is said of both */
		struct draft *draft = i ? effects_event(fx, "payment_plan.broken", e->invoice.debtor_id, e->invoice.id) :
					  effects_record(fx, "plan.broken", e->invoice.debtor_id);

		if (!i)
			jw_str(&draft->w, "invoice", e->invoice.id);
		jw_str(&draft->w, "plan", view->plan->id);
		jw_int(&draft->w, "instalment", (int64_t)next.index + 1);
		jw_int(&draft->w, "instalments", (int64_t)view->plan->instalment_count);
		jw_str(&draft->w, "due_on", date_format(next.due_on, day));
		jw_int(&draft->w, "rest_minor", next.rest);
		jw_str(&draft->w, "currency", e->invoice.snapshot.currency);
	}
	go_on_at(e, rules, when, rules->policy->agreed.plan_broken, "plan_broken");
}

/* By when it was paid, and not by when that was told, each instalment whose days of grace are over was met within them. */
static bool met_in_time(const struct escalation *e, const struct rules *rules, const struct business_time *when, const struct fact *plan)
{
	int64_t later = plan_sum(plan);

	for (size_t i = 0; i < plan->instalment_count; i++) {
		int64_t end = business_opening(when, date_add_days(plan->instalments[i].due_on, rules->policy->agreed.plan_grace_days + 1));

		later -= plan->instalments[i].amount;
		if (end > rules->now)
			break;
		if (e->opened_at <= end && e->invoice.snapshot.total - invoice_paid_by(&e->invoice, end) > later)
			return false;
	}
	return plan->instalment_count > 0;
}

/* The plan was found broken because a payment was told late: it stands again. What was skipped meanwhile stays skipped. */
static void restore_plan(struct escalation *e, const struct rules *rules, const struct business_time *when, const struct invoice_view *view,
	struct effects *fx)
{
	int64_t until = plan_until(rules, when, view->plan, view->balance);
	size_t kept = 0;

	if (!escalation_broke(e, "plan", view->plan) || (until && until <= rules->now) || !met_in_time(e, rules, when, view->plan))
		return;
	for (size_t i = 0; i < e->ended_count; i++)
		if (e->ended[i].kept || strcmp(e->ended[i].what, "plan") != 0 || strcmp(e->ended[i].id, view->plan->id) != 0 ||
			e->ended[i].told_at != view->plan->order.time)
			e->ended[kept++] = e->ended[i];
	e->ended_count = kept;
	if (e->reenter && e->reenter_why && strcmp(e->reenter_why, "plan_broken") == 0 && !aside_walked(e, e->reenter)) {
		e->reenter = e->reenter_why = NULL;
		e->reenter_on = date_none();
	}
	(void)tell(e, "plan.restored", "payment_plan.restored", "plan", view->plan, fx);
}

static void judge_settlement(struct escalation *e, const struct rules *rules, const struct business_time *when, const struct fact *settlement,
	struct effects *fx)
{
	int64_t until = settlement_until(when, settlement);

	if (!until || until > rules->now || e->opened_at > until || escalation_broke(e, "settlement", settlement))
		return;
	end(e, fx->arena, "settlement", settlement, false, rules->now);
	(void)tell(e, "settlement.broken", NULL, "settlement", settlement, fx);
}

/* While anything else holds the ladder, or the payments known are too old, nobody can say that a day passed in vain. */
void agreed_judge(struct escalation *e, const struct debtor *d, const struct rules *rules, const struct invoice_view *view, struct effects *fx)
{
	struct business_time when;
	int64_t until;

	if (!rules->policy || !d || view->state != STATE_OPEN || !(view->promise || view->plan || view->settlement))
		return;
	when = schedule_window(rules->policy, d, rules->creditor_zone, rules->holidays);
	if (view->plan)
		restore_plan(e, rules, &when, view, fx);
	if (rules->behind || rules->feed_stale_since || (e->state != ESCALATION_WAITING && e->state != ESCALATION_TASK && e->state != ESCALATION_GATE) ||
		*escalation_hold_for(e, d, rules, view, LADDER, &until))
		return;
	if (view->promise)
		judge_promise(e, rules, &when, view->promise, fx);
	if (view->plan)
		judge_plan(e, rules, &when, view, fx);
	if (view->settlement)
		judge_settlement(e, rules, &when, view->settlement, fx);
}

void agreed_kept(struct escalation *e, struct debtor *d, const struct rules *rules, struct effects *fx)
{
	const struct fact *promise = invoice_view(&e->invoice).promise;
	int64_t paid_at = invoice_paid_at(&e->invoice);
	struct business_time when;
	struct agreed_end *known = NULL;

	if (!promise || !d || !rules->policy || promise->order.time > paid_at)
		return;
	when = schedule_window(rules->policy, d, rules->creditor_zone, rules->holidays);
	if (date_diff(business_date(&when, paid_at), promise->until_on) > 0)
		return;
	for (size_t i = 0; i < e->ended_count; i++)
		if (strcmp(e->ended[i].what, "promise") == 0 && strcmp(e->ended[i].id, promise->id) == 0 &&
			e->ended[i].told_at == promise->order.time)
			known = &e->ended[i];
	if (known && known->kept)
		return; /* paid, reversed and paid again */
	if (known) /* the payment was in time, and told late */
		known->kept = true;
	else
		end(e, fx->arena, "promise", promise, true, rules->now);
	d->promises_kept++;
	(void)tell(e, "promise.kept", NULL, "promise", promise, fx);
}

/* The first payment is a test: one that did not come by its day has failed it, whatever comes later. */
static void count_deposit(struct escalation *e, struct debtor *d, const struct invoice_view *view)
{
	bool deposit = strcmp(invoice_kind_names[e->invoice.snapshot.kind], "deposit") == 0 && view->state != STATE_VOID;
	bool paid = deposit && e->settled, late = deposit && (e->settled ? e->settled[0] == 'l' : e->overdue_told && !view->dispute);

	d->deposits += paid - e->deposit_counted;
	d->deposits_late += late - e->deposit_late;
	e->deposit_counted = paid;
	e->deposit_late = late;
}

/* Whether anything of it is still owed once it is closed: late charges that its payment left, or what was given up. A settlement is about all. */
static void count_owed(struct escalation *e, struct debtor *d, const struct invoice_view *view)
{
	struct late_account late = late_account_of(e);
	bool owed = e->state == ESCALATION_CLOSED && view->state != STATE_VOID && view->state != STATE_SETTLED &&
		(view->balance > 0 || late.open || late.elsewhere);

	d->still_owed += owed - e->still_owed;
	e->still_owed = owed;
}

void agreed_count(struct escalation *e, struct debtor *d, const struct rules *rules)
{
	const struct invoice_view view = invoice_view(&e->invoice);
	bool paid = e->state == ESCALATION_CLOSED && e->closed && strcmp(e->closed, "paid") == 0;
	int64_t broken = 0;
	const char *settled = NULL;
	const struct zone *zone;

	if (!d || zone_get(debtor_zone(d, rules->creditor_zone), &zone) < 0)
		return;
	if (paid) {
		const struct business_time when = rules->policy ? schedule_window(rules->policy, d, rules->creditor_zone, rules->holidays) :
			(struct business_time){ 0 };
		date due = rules->policy ? schedule_due(rules->policy, &when, e->invoice.snapshot.due_on) : e->invoice.snapshot.due_on;

		/* Late is what came when the day was over everywhere (UTC-12): the kindest reading, and the same whatever zone is told when. */
		settled = date_diff((date){ (int32_t)((invoice_paid_at(&e->invoice) - 12 * HOUR_MS) / DAY_MS) }, due) > 0 ? "late" : "in_time";
	}
	if (view.state != STATE_VOID && !view.dispute)
		broken = invoice_promises_broken(&e->invoice, zone, zone_date(zone, rules->now),
			paid ? zone_date(zone, invoice_paid_at(&e->invoice)) : date_none());
	d->paid += (settled != NULL) - (e->settled != NULL);
	d->paid_late += (settled && settled[0] == 'l') - (e->settled && e->settled[0] == 'l');
	d->promises_broken += broken - e->promises_broken;
	e->settled = settled;
	e->promises_broken = broken;
	count_deposit(e, d, &view);
	count_owed(e, d, &view);
}
