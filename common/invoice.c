#include "common/invoice.h"

#include <string.h>

#include "common/hash.h"
#include "common/utc.h"
#include "common/reply.h"

const char *const fact_names[FACT_KIND_COUNT + 1] = { "payment", "credit", "dispute", "promise", "announced", "paid",
	"voided", "uncollectible", "charge_failed", "undelivered", "plan", "settlement", "reply", "listed", NULL };

/* Which register an event sets, and whether it ends it. */
static const struct {
	bool fact, ends;
	enum fact_kind kind;
} rows[EVENT_TYPE_COUNT] = {
	[EVENT_INVOICE_SENT] = { true, true, FACT_UNDELIVERED },
	[EVENT_INVOICE_DELIVERY_FAILED] = { true, false, FACT_UNDELIVERED },
	[EVENT_INVOICE_PAID] = { true, false, FACT_PAID },
	[EVENT_INVOICE_PAYMENT_RECEIVED] = { true, false, FACT_PAYMENT },
	[EVENT_INVOICE_PAYMENT_ANNOUNCED] = { true, false, FACT_ANNOUNCED },
	[EVENT_INVOICE_PAYMENT_FAILED] = { true, false, FACT_CHARGE_FAILED },
	[EVENT_INVOICE_PAYMENT_REVERSED] = { true, true, FACT_PAYMENT },
	[EVENT_INVOICE_VOIDED] = { true, false, FACT_VOIDED },
	[EVENT_INVOICE_MARKED_UNCOLLECTIBLE] = { true, false, FACT_UNCOLLECTIBLE },
	[EVENT_CREDIT_NOTE_ISSUED] = { true, false, FACT_CREDIT },
	[EVENT_CREDIT_NOTE_VOIDED] = { true, true, FACT_CREDIT },
	[EVENT_DISPUTE_OPENED] = { true, false, FACT_DISPUTE },
	[EVENT_DISPUTE_RESOLVED] = { true, true, FACT_DISPUTE },
	[EVENT_PROMISE_MADE] = { true, false, FACT_PROMISE },
	[EVENT_PROMISE_WITHDRAWN] = { true, true, FACT_PROMISE },
	[EVENT_PAYMENT_PLAN_AGREED] = { true, false, FACT_PLAN },
	[EVENT_PAYMENT_PLAN_AMENDED] = { true, false, FACT_PLAN },
	[EVENT_PAYMENT_PLAN_CANCELLED] = { true, true, FACT_PLAN },
	[EVENT_SETTLEMENT_AGREED] = { true, false, FACT_SETTLEMENT },
	[EVENT_CONTACT_REPLY_RECEIVED] = { true, false, FACT_REPLY },
};

/* Facts of which an invoice has one only, whatever event brings it. Of answers the last: a machine that answers must not crowd out payments. */
static bool single(enum fact_kind kind)
{
	return kind == FACT_PAID || kind == FACT_VOIDED || kind == FACT_UNCOLLECTIBLE || kind == FACT_UNDELIVERED || kind == FACT_REPLY;
}

static const char *fact_identity(const struct event *e, enum fact_kind kind, struct arena *arena)
{
	uint8_t digest[SHA256_SIZE];
	char hex[2 * 12 + 1];
	char *both;

	if (single(kind))
		return "";
	if (e->fact_id)
		return e->fact_id;
	both = arena_printf(arena, "%s\n%s", e->source, e->id); /* (source, id) may hold any character: a digest is an id */
	sha256(both, strlen(both), digest);
	return arena_strdup(arena, hex_format(digest, 12, hex));
}

/* Both with a version, or both without: only such can replace each other. */
static bool like(const struct fact_order *a, const struct fact_order *b)
{
	return !a->version == !b->version;
}

static bool booked(enum fact_kind kind)
{
	return kind == FACT_PAYMENT || kind == FACT_CREDIT;
}

/* A payment that is told behind its reversal does not count; what it was is kept, for what was owed in between. */
static bool fill_ended(struct fact *fact, const struct event *e)
{
	if (!fact->ended || !booked(fact->kind) || (fact->told.time && fact_order_compare(&e->order, &fact->told) <= 0))
		return false;
	fact->told = e->order;
	fact->amount = e->amount;
	fact->fee = e->fee;
	fact->at = e->at;
	fact->after_version = e->after_version;
	return true;
}

const char *invoice_guess(const struct event *answer)
{
	return answer->guessed ? answer->guess : reply_reason(answer->text);
}

static bool says_no_more(const char *reason)
{
	return reason && strcmp(reason, "no_more") == 0;
}

/* An answer that is told behind a later one says something new only when it may ask for no more. */
static bool fill_reply(struct fact *fact, const struct event *e)
{
	if (fact_order_compare(&e->order, &fact->order) == 0 || fact_order_compare(&e->order, &fact->told) <= 0 || !says_no_more(invoice_guess(e)))
		return false;
	fact->told = e->order;
	fact->reason = "no_more";
	fact->ended = false;
	return true;
}

/* What may ask for no more is not said less by what they write after it: it stands until somebody read it. */
static void keep_no_more(struct fact *reply, const struct fact *before)
{
	if (says_no_more(reply->reason)) {
		reply->told = reply->order;
		return;
	}
	reply->told = before->told;
	if (says_no_more(before->reason) && !before->ended)
		reply->reason = before->reason;
}

static bool apply_fact(struct invoice *invoice, const struct event *e, enum fact_kind kind, bool ends,
	struct arena *arena)
{
	const char *id = fact_identity(e, kind, arena);
	struct fact *fact = NULL, before = { 0 };

	for (size_t i = 0; i < invoice->fact_count && !fact; i++)
		if (invoice->facts[i].kind == kind && like(&invoice->facts[i].order, &e->order) &&
			strcmp(invoice->facts[i].id, id) == 0)
			fact = &invoice->facts[i];
	if (fact && fact_order_compare(&e->order, &fact->order) <= 0)
		return kind == FACT_REPLY ? fill_reply(fact, e) : !ends && fill_ended(fact, e);
	if (fact && ends && booked(kind) && (!fact->ended || fact->told.time)) { /* what it was stays known */
		if (!fact->ended)
			fact->told = fact->order;
		fact->order = e->order;
		fact->ended = true;
		return true;
	}
	if (!fact) {
		invoice->facts = arena_grow(arena, invoice->facts, invoice->fact_count, &invoice->fact_capacity,
			sizeof(*invoice->facts));
		fact = &invoice->facts[invoice->fact_count++];
	}
	before = *fact;
	*fact = (struct fact){ .kind = kind, .id = id, .order = e->order, .ended = ends, .amount = e->amount,
		.fee = e->fee, .at = e->at, .after_version = e->after_version, .until_on = e->until_on,
		.reason = kind == FACT_REPLY ? invoice_guess(e) : kind == FACT_DISPUTE && e->reason && id_valid(e->reason) ? e->reason : NULL,
		.instalments = e->instalments, .text = kind == FACT_REPLY ? e->text : NULL,
		.instalment_count = e->instalment_count, .settles = e->settles, .in_kind = e->in_kind,
		.says_paid = kind == FACT_ANNOUNCED && e->announced };
	if (kind == FACT_REPLY)
		keep_no_more(fact, &before);
	return true;
}

static bool apply_figures(struct invoice *invoice, const struct event *e, struct arena *arena)
{
	const struct figures told = { e->snapshot, e->order }, now = { invoice->snapshot, invoice->order };
	bool replaces = invoice->known && like(&told.order, &now.order);
	const struct figures *before = replaces ? &now : invoice->beside;
	const struct figures *other = !invoice->known ? NULL : replaces ? invoice->beside : &now;
	bool speaks = !other || fact_time_compare(&told.order, &other->order) > 0;
	const struct figures *beside = speaks ? other : &told;

	if (before && fact_order_compare(&told.order, &before->order) <= 0)
		return false;
	invoice->known = true;
	invoice->snapshot = speaks ? told.snapshot : other->snapshot;
	invoice->order = speaks ? told.order : other->order;
	invoice->beside = beside ? arena_memdup(arena, beside, sizeof(*beside)) : NULL;
	return true;
}

bool invoice_apply(struct invoice *invoice, const struct event *e, struct arena *arena)
{
	bool changed = false;

	if (e->customer_id && (!invoice->debtor_id || fact_order_compare(&e->order, &invoice->debtor_order) > 0)) {
		invoice->debtor_id = e->customer_id;
		invoice->debtor_order = e->order;
		changed = true;
	}
	if (e->has_snapshot)
		changed |= apply_figures(invoice, e, arena);
	if (rows[e->type].fact) /* whoever says by a key that it is paid announces it: only money is a payment */
		changed |= apply_fact(invoice, e, e->announced && rows[e->type].kind == FACT_REPLY ? FACT_ANNOUNCED : rows[e->type].kind,
			rows[e->type].ends, arena);
	return changed;
}

bool invoice_listed(struct invoice *invoice, const struct event *e, const struct book_item *item, struct arena *arena)
{
	char id[BOOK_ID_SIZE];
	struct event listed = { .type = e->type, .fact_id = arena_strdup(arena, book_id(e->book->source, id)), .source = e->source, .id = e->id,
		.order = { .time = e->book->as_of, .source = e->source, .id = e->book->snapshot_id }, .at = e->book->as_of, .amount = item->due,
		.after_version = item->version, .until_on = date_none() };

	return apply_fact(invoice, &listed, FACT_LISTED, false, arena);
}

/* Whether the snapshot cannot know the fact yet: by version where it says so, else by time. */
static bool newer_than_snapshot(const struct invoice *invoice, const struct fact *fact)
{
	if (fact->after_version && invoice->order.version)
		return fact->after_version >= invoice->order.version;
	if (fact->order.version && invoice->order.version)
		return fact->order.version > invoice->order.version;
	return fact->at > invoice->order.time;
}

/* Whether the fact was told after the figures: by version where both say one, else by time. */
static int against_figures(const struct invoice *invoice, const struct fact *fact)
{
	return like(&fact->order, &invoice->order) ? fact_order_compare(&fact->order, &invoice->order) :
						     fact_time_compare(&fact->order, &invoice->order);
}

/* Told with a version and without one: the later of the two speaks. */
static bool overruled(const struct invoice *invoice, const struct fact *fact)
{
	for (size_t i = 0; i < invoice->fact_count; i++) {
		const struct fact *other = &invoice->facts[i];

		if (other->kind == fact->kind && !like(&other->order, &fact->order) && strcmp(other->id, fact->id) == 0)
			return fact_time_compare(&other->order, &fact->order) > 0;
	}
	return false;
}

static void latest(const struct fact **slot, const struct fact *fact)
{
	if (!*slot || fact_time_compare(&fact->order, &(*slot)->order) > 0)
		*slot = fact;
}

/*
 * Two readings of what was paid (or credited): the snapshot plus what it cannot know, and all that we were told ourselves. Figures say no day:
 * of what is asked before `end` (ms UTC) they have all that is not known to have come later.
 */
struct readings {
	int64_t beyond, told;
};
static void add_reading(const struct invoice *invoice, const struct fact *fact, int64_t end, struct readings *sums)
{
	bool newer = newer_than_snapshot(invoice, fact), late = fact->at >= end;

	sums->told += late ? 0 : fact->amount;
	sums->beyond += newer == late ? 0 : newer ? fact->amount : -fact->amount;
}

static struct readings read_sums(const struct invoice *invoice, enum fact_kind kind, int64_t in_snapshot, int64_t end)
{
	struct readings sums = { .beyond = in_snapshot };

	for (size_t i = 0; i < invoice->fact_count; i++) {
		const struct fact *fact = &invoice->facts[i];

		if (fact->kind == kind && !fact->ended && !overruled(invoice, fact))
			add_reading(invoice, fact, end, &sums);
	}
	return sums;
}

static int64_t kinder(struct readings sums)
{
	return sums.told > sums.beyond ? sums.told : sums.beyond;
}

static int64_t kinder_sum(const struct invoice *invoice, enum fact_kind kind, int64_t in_snapshot, bool *differ)
{
	struct readings sums = read_sums(invoice, kind, in_snapshot, INT64_MAX);

	*differ |= sums.told > sums.beyond;
	return kinder(sums);
}

static void view_money(const struct invoice *invoice, struct invoice_view *view)
{
	const struct snapshot *s = &invoice->snapshot;
	bool differ = false;

	view->paid = kinder_sum(invoice, FACT_PAYMENT, s->paid, &differ);
	view->credited = kinder_sum(invoice, FACT_CREDIT, s->credited, &differ);
	view->balance = s->total - view->paid - view->credited;
	if (differ)
		view->reconcile = "payments_differ";
	if (view->balance < 0)
		view->balance = 0;
}

int64_t invoice_paid_by(const struct invoice *invoice, int64_t end)
{
	return kinder(read_sums(invoice, FACT_PAYMENT, invoice->snapshot.paid, end)) +
		kinder(read_sums(invoice, FACT_CREDIT, invoice->snapshot.credited, end));
}

int64_t invoice_day_over(date until)
{
	return date_is_set(until) ? (until.days + 1) * DAY_MS + 12 * HOUR_MS : INT64_MAX;
}

bool invoice_paid_in_time(const struct invoice *invoice, int64_t sum, date until)
{
	return invoice_paid_by(invoice, invoice_day_over(until)) >= sum;
}

/* What was agreed is done: nothing more is asked for. */
static bool settled(const struct invoice *invoice, const struct invoice_view *view)
{
	const struct fact *s = view->settlement;

	return s && (s->in_kind || (s->settles && invoice_paid_in_time(invoice, s->amount, s->until_on)));
}

/* The money came after all: what ended the balance is a payment, and not the credit note by which a loss is booked. */
static bool made_good(const struct invoice *invoice, const struct invoice_view *view)
{
	int64_t paid_at = 0, credited_at = 0;

	for (size_t i = 0; i < invoice->fact_count && !view->balance; i++) {
		const struct fact *fact = &invoice->facts[i];
		int64_t *last = fact->kind == FACT_PAYMENT ? &paid_at : fact->kind == FACT_CREDIT ? &credited_at : NULL;

		if (last && !fact->ended && !overruled(invoice, fact) && fact->at > *last)
			*last = fact->at;
	}
	return paid_at && paid_at >= credited_at;
}

int64_t invoice_fees_paid(const struct invoice *invoice)
{
	int64_t ret = 0;

	for (size_t i = 0; i < invoice->fact_count; i++) {
		const struct fact *fact = &invoice->facts[i];

		if (fact->kind == FACT_PAYMENT && !fact->ended && !overruled(invoice, fact))
			ret += fact->fee;
	}
	return ret;
}

const char *invoice_payment_url(const struct snapshot *snapshot, int64_t at)
{
	return snapshot->payment_url_until && at >= snapshot->payment_url_until ? NULL : snapshot->payment_url;
}

/*
 * Whether it is explained why figures of a later time say that what was said to be paid is open: they are of a later version than what was said, or
 * money went back since. A time alone explains nothing: that of a payment is often the bank's, and lies days before it is told.
 */
static bool open_again(const struct invoice *invoice, const struct fact *said, const struct fact *went_back)
{
	return (said->order.version && invoice->order.version > said->order.version) ||
		(went_back && fact_time_compare(&went_back->order, &said->order) > 0);
}

struct invoice_view invoice_view(const struct invoice *invoice)
{
	const struct snapshot *s = &invoice->snapshot;
	struct invoice_view view = { .state = STATE_UNKNOWN };
	const struct fact *ending[3] = { 0 }, *went_back = NULL;
	bool reversed = false, charge_failed = false, said, lost;

	for (size_t i = 0; i < invoice->fact_count; i++) {
		const struct fact *fact = &invoice->facts[i];

		if (overruled(invoice, fact))
			continue;
		switch (fact->kind) {
		case FACT_PAID:
		case FACT_VOIDED:
		case FACT_UNCOLLECTIBLE:
			ending[fact->kind - FACT_PAID] = fact;
			break;
		case FACT_PAYMENT:
			reversed |= fact->ended && against_figures(invoice, fact) > 0;
			if (fact->ended)
				latest(&went_back, fact);
			break;
		case FACT_CHARGE_FAILED:
			charge_failed = true;
			break;
		case FACT_DISPUTE:
			if (!fact->ended)
				latest(&view.dispute, fact);
			break;
		case FACT_PROMISE:
		case FACT_ANNOUNCED:
			if (!fact->ended)
				latest(fact->kind == FACT_PROMISE ? &view.promise : &view.announced, fact);
			break;
		case FACT_UNDELIVERED:
			if (!fact->ended)
				latest(&view.undelivered, fact);
			break;
		case FACT_PLAN:
			if (!fact->ended)
				latest(&view.plan, fact);
			break;
		case FACT_SETTLEMENT:
			latest(&view.settlement, fact);
			break;
		case FACT_REPLY:
			latest(&view.reply, fact);
			if (!fact->ended && says_no_more(fact->reason))
				latest(&view.no_more, fact);
			break;
		case FACT_CREDIT:
		case FACT_LISTED:
		case FACT_KIND_COUNT:
			break;
		}
	}
	if (!invoice->known)
		return view;
	view_money(invoice, &view);
	view.automatic = s->automatic && !charge_failed;
	if (reversed)
		view.reconcile = "payment_reversed";
	view.state = s->status == INVOICE_DRAFT ? STATE_DRAFT : STATE_OPEN;
	if (ending[2] && against_figures(invoice, ending[2]) < 0)
		ending[2] = NULL;
	said = ending[0] && against_figures(invoice, ending[0]) >= 0;
	lost = ending[2] || s->status == INVOICE_UNCOLLECTIBLE;
	if (lost && !reversed) /* what is given up is so for as long as nobody pays */
		lost = !made_good(invoice, &view) && !(said && (!ending[2] || fact_time_compare(&ending[0]->order, &ending[2]->order) > 0));
	if (s->status == INVOICE_VOID || (ending[1] && against_figures(invoice, ending[1]) >= 0)) {
		view.state = STATE_VOID;
	} else if (lost) {
		view.state = STATE_UNCOLLECTIBLE;
	} else if (said || s->status == INVOICE_PAID || (view.state == STATE_OPEN && view.balance == 0)) {
		view.state = reversed ? STATE_OPEN : STATE_PAID;
	} else if (ending[0] && !reversed && !open_again(invoice, ending[0], went_back)) {
		view.reconcile = "paid_then_open";
		view.said_paid = ending[0];
	}
	if (view.state == STATE_OPEN && settled(invoice, &view))
		view.state = STATE_SETTLED;
	return view;
}

/* By what was told of money where that covers it: that it is paid is often told days behind the payment, and is then no day of its own. */
int64_t invoice_last_payment_at(const struct invoice *invoice)
{
	int64_t at[FACT_KIND_COUNT] = { 0 }, told = kinder(read_sums(invoice, FACT_CREDIT, invoice->snapshot.credited, INT64_MAX));

	for (size_t i = 0; i < invoice->fact_count; i++) {
		const struct fact *fact = &invoice->facts[i];

		if (fact->ended || overruled(invoice, fact))
			continue;
		told += fact->kind == FACT_PAYMENT ? fact->amount : 0;
		at[fact->kind] = fact->at > at[fact->kind] ? fact->at : at[fact->kind];
	}
	return at[FACT_PAYMENT] && (at[FACT_PAYMENT] > at[FACT_PAID] || told >= invoice->snapshot.total) ? at[FACT_PAYMENT] : at[FACT_PAID];
}

int64_t invoice_paid_at(const struct invoice *invoice)
{
	int64_t at = invoice_last_payment_at(invoice);

	return at ? at : invoice->order.time;
}

/* --- at another time -------------------------------------------------------------------------------------------------- */

/* It was told to be reversed or voided before then. */
static bool ended_by(const struct invoice *invoice, const struct fact *fact, int64_t at)
{
	if (fact->ended)
		return fact->order.time < at;
	for (size_t i = 0; i < invoice->fact_count; i++) {
		const struct fact *other = &invoice->facts[i];

		if (other->kind == fact->kind && other->ended && !like(&other->order, &fact->order) && strcmp(other->id, fact->id) == 0 &&
			other->order.time >= fact->order.time && other->order.time < at)
			return true;
	}
	return false;
}

/* As read_sums(), of what had happened by then. */
static struct readings readings_at(const struct invoice *invoice, enum fact_kind kind, int64_t in_snapshot, int64_t end, int64_t at)
{
	struct readings sums = { .beyond = invoice->order.time < at ? in_snapshot : 0 };

	for (size_t i = 0; i < invoice->fact_count; i++) {
		const struct fact *fact = &invoice->facts[i];

		if (fact->kind != kind || fact->at >= at || (fact->ended && !fact->told.time))
			continue;
		if (!ended_by(invoice, fact, at))
			add_reading(invoice, fact, end, &sums);
		else if (invoice->order.time < at && fact->order.time > invoice->order.time && !newer_than_snapshot(invoice, fact) && fact->at < end)
			sums.beyond -= fact->amount; /* figures of before its reversal have it still */
	}
	return sums;
}

static int64_t paid_at(const struct invoice *invoice, int64_t end, int64_t at)
{
	return kinder(readings_at(invoice, FACT_PAYMENT, invoice->snapshot.paid, end, at)) +
		kinder(readings_at(invoice, FACT_CREDIT, invoice->snapshot.credited, end, at));
}

/* The figures have money that came by no other word. */
static bool figures_alone(const struct invoice *invoice)
{
	const struct readings money = readings_at(invoice, FACT_PAYMENT, invoice->snapshot.paid, INT64_MAX, invoice->order.time + 1);

	return money.beyond > money.told;
}

bool invoice_once_paid(const struct invoice *invoice, int64_t sum, date until)
{
	bool alone = figures_alone(invoice);
	int64_t end = invoice_day_over(until);

	for (size_t i = 0; i <= invoice->fact_count; i++) { /* when money came, and last when figures told of some that nothing else told */
		const struct fact *fact = i < invoice->fact_count ? &invoice->facts[i] : NULL;
		int64_t at = fact ? fact->at : invoice->order.time, paid = paid_at(invoice, end, at + 1);

		if (at < end && (fact ? fact->kind == FACT_PAYMENT : alone) && paid >= sum && paid < invoice->snapshot.total)
			return true;
	}
	return false;
}

/* A payment was taken back by then, and the figures do not know it: whoever said that it is paid said so of that payment. */
static bool charged_back(const struct invoice *invoice, int64_t at)
{
	for (size_t i = 0; i < invoice->fact_count; i++) {
		const struct fact *fact = &invoice->facts[i];

		if (fact->kind == FACT_PAYMENT && fact->ended && fact->order.time < at && against_figures(invoice, fact) > 0)
			return true;
	}
	return false;
}

/* One of the facts that end it, told before then and not taken back by figures before then. */
static bool over_at(const struct invoice *invoice, int64_t at)
{
	for (size_t i = 0; i < invoice->fact_count; i++) {
		const struct fact *fact = &invoice->facts[i];
		bool ends = fact->kind == FACT_PAID || fact->kind == FACT_VOIDED || fact->kind == FACT_UNCOLLECTIBLE;

		if (fact->at >= at)
			continue;
		if (fact->kind == FACT_PAID && charged_back(invoice, at))
			continue;
		if (ends && (against_figures(invoice, fact) >= 0 || at <= invoice->order.time))
			return true;
		if (fact->kind == FACT_SETTLEMENT && (fact->in_kind || (fact->settles && paid_at(invoice, invoice_day_over(fact->until_on), at) >= fact->amount)))
			return true;
	}
	return false;
}

int64_t invoice_balance_at(const struct invoice *invoice, const struct zone *zone, int64_t at)
{
	const struct snapshot *s = &invoice->snapshot;
	bool told = invoice->order.time < at;
	int64_t balance;

	if (!invoice->known || s->status == INVOICE_DRAFT ||
		(date_is_set(s->issued_on) ? zone_to_utc(zone, s->issued_on, 0) >= at : !told) ||
		(told && (s->status == INVOICE_VOID || s->status == INVOICE_UNCOLLECTIBLE)) ||
		(told && s->status == INVOICE_PAID && !charged_back(invoice, at)))
		return 0;
	balance = s->total - paid_at(invoice, INT64_MAX, at);
	return balance < 0 || over_at(invoice, at) ? 0 : balance;
}

static bool stands(const struct invoice *invoice, const struct fact *fact)
{
	return fact->kind == FACT_PROMISE && !fact->ended && !overruled(invoice, fact);
}

/* Another word was given in time. */
static bool superseded(const struct invoice *invoice, const struct fact *promise, const struct zone *zone)
{
	for (size_t i = 0; i < invoice->fact_count; i++) {
		const struct fact *other = &invoice->facts[i];

		if (other != promise && stands(invoice, other) && fact_time_compare(&other->order, &promise->order) > 0 &&
			date_diff(zone_date(zone, other->order.time), promise->until_on) <= 0)
			return true;
	}
	return false;
}

int64_t invoice_promises_broken(const struct invoice *invoice, const struct zone *zone, date today, date paid_on)
{
	int64_t broken = 0;

	for (size_t i = 0; i < invoice->fact_count; i++) {
		const struct fact *promise = &invoice->facts[i];

		broken += stands(invoice, promise) && date_diff(today, promise->until_on) > 0 &&
			(!date_is_set(paid_on) || date_diff(paid_on, promise->until_on) > 0) && !superseded(invoice, promise, zone);
	}
	return broken;
}
