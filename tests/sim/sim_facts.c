/* The judge's own reading of the events: is this invoice paid, held, or its debtor out of bounds? */
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "common/zone.h"
#include "tests/sim/sim_judge.h"

#define DEAD_HOLD (71 * HOUR_MS) /* 72 h from when it was read; an hour less, so that clocks do not matter */

static bool known(const struct told *t, int64_t by_mono)
{
	return t->since_mono <= by_mono || (t->decided && !t->broken);
}

static bool about(const struct told *t, const char *invoice_id)
{
	return t->event.invoice_id && strcmp(t->event.invoice_id, invoice_id) == 0;
}

/* The same fact told twice: by its id, else by the event's. */
static bool same_fact(const struct event *a, const struct event *b)
{
	if (a->fact_id && b->fact_id)
		return strcmp(a->fact_id, b->fact_id) == 0;
	return !a->fact_id && !b->fact_id && strcmp(a->id, b->id) == 0;
}

static bool first_telling(const struct judge *judge, size_t i, int64_t by_mono)
{
	const struct told *t = &judge->told[i];

	for (size_t k = 0; k < i; k++) {
		const struct told *o = &judge->told[k];

		if (known(o, by_mono) && !o->broken && about(o, t->event.invoice_id) && o->event.type == t->event.type &&
			same_fact(&o->event, &t->event))
			return false;
	}
	return true;
}

bool facts_known(const struct told *t, int64_t by_mono)
{
	return known(t, by_mono);
}

bool facts_first(const struct judge *judge, size_t i, int64_t by_mono)
{
	return first_telling(judge, i, by_mono);
}

const struct event *facts_taken_back(const struct judge *judge, const struct event *payment, int64_t by_mono)
{
	for (size_t i = 0; i < judge->told_count && payment->type == EVENT_INVOICE_PAYMENT_RECEIVED; i++) {
		const struct event *e = &judge->told[i].event;

		if (known(&judge->told[i], by_mono) && !judge->told[i].broken && e->type == EVENT_INVOICE_PAYMENT_REVERSED &&
			about(&judge->told[i], payment->invoice_id) && same_fact(e, payment) && fact_order_compare(&e->order, &payment->order) > 0)
			return e;
	}
	return NULL;
}

/* All payments and credits that were told, each once; `beyond`: those that the newest figures cannot know. */
static int64_t told_paid(const struct judge *judge, const char *id, int64_t by_mono, const struct told *newest, int64_t *beyond)
{
	int64_t all = 0;

	*beyond = 0;
	for (size_t i = 0; i < judge->told_count; i++) {
		const struct told *t = &judge->told[i];

		if (!known(t, by_mono) || t->broken || !about(t, id) ||
			(t->event.type != EVENT_INVOICE_PAYMENT_RECEIVED && t->event.type != EVENT_CREDIT_NOTE_ISSUED) ||
			!first_telling(judge, i, by_mono) || facts_taken_back(judge, &t->event, by_mono))
			continue;
		all += t->event.amount;
		if (t->event.after_version >= newest->event.order.version)
			*beyond += t->event.amount;
	}
	return all;
}

/* Paid in full, whichever way it is counted. */
static bool paid(const struct judge *judge, const char *id, int64_t by_mono)
{
	const struct told *newest = NULL;
	int64_t all = 0, beyond = 0, total = NEVER;

	for (size_t i = 0; i < judge->told_count; i++) {
		const struct told *t = &judge->told[i];

		if (!known(t, by_mono) || t->broken || !about(t, id))
			continue;
		if (t->event.type == EVENT_INVOICE_PAID)
			return true;
		if (t->event.has_snapshot && (!newest || t->event.order.version > newest->event.order.version))
			newest = t;
	}
	if (!newest)
		return false;
	total = newest->event.snapshot.total;
	all = told_paid(judge, id, by_mono, newest, &beyond);
	return all >= total || newest->event.snapshot.due - beyond <= 0 || newest->event.snapshot.status == INVOICE_PAID;
}

const struct told *facts_figures(const struct judge *judge, const char *id, int64_t by_mono)
{
	const struct told *newest = NULL;

	for (size_t i = 0; i < judge->told_count; i++) {
		const struct told *t = &judge->told[i];

		if (known(t, by_mono) && !t->broken && about(t, id) && t->event.has_snapshot &&
			(!newest || t->event.order.version > newest->event.order.version))
			newest = t;
	}
	return newest;
}

static const struct told *newest_figures(const struct judge *judge, const char *id, int64_t by_mono)
{
	return facts_figures(judge, id, by_mono);
}

/* What is open by the kinder of two readings: the newest figures with what they cannot know, and all that was told by itself. */
static int64_t balance(const struct judge *judge, const char *id, int64_t by_mono)
{
	const struct told *newest = newest_figures(judge, id, by_mono);
	int64_t all = 0, beyond = 0;

	if (!newest || paid(judge, id, by_mono))
		return 0;
	all = told_paid(judge, id, by_mono, newest, &beyond);
	all = newest->event.snapshot.total - all;
	beyond = newest->event.snapshot.due - beyond;
	return all < beyond ? all : beyond;
}

/* Payments, or credits, each by the kinder of the two readings. */
static int64_t kinder_of(const struct judge *judge, const char *id, enum event_type type, int64_t stated, int64_t version, int64_t by_mono)
{
	int64_t all = 0, beyond = stated;

	for (size_t i = 0; i < judge->told_count; i++) {
		const struct event *e = &judge->told[i].event;

		if (!known(&judge->told[i], by_mono) || !about(&judge->told[i], id) || e->type != type || !first_telling(judge, i, by_mono) || facts_taken_back(judge, e, by_mono))
			continue;
		all += e->amount;
		beyond += e->after_version >= version ? e->amount : 0;
	}
	return all > beyond ? all : beyond;
}

static bool is_balance(const struct judge *judge, const char *id, int64_t amount, int64_t by_mono)
{
	const struct told *newest = newest_figures(judge, id, by_mono);
	const struct snapshot *s = newest ? &newest->event.snapshot : NULL;
	int64_t open, version;

	if (!s)
		return false;
	version = newest->event.order.version;
	open = s->total - kinder_of(judge, id, EVENT_INVOICE_PAYMENT_RECEIVED, s->paid, version, by_mono) -
		kinder_of(judge, id, EVENT_CREDIT_NOTE_ISSUED, s->credited, version, by_mono);
	return amount == (open > 0 ? open : 0);
}

bool facts_owed(const struct judge *judge, const char *id, int64_t amount)
{
	int64_t now = judge->sim->mono;

	for (size_t i = 0; i < judge->told_count; i++)
		if (judge->told[i].broken && about(&judge->told[i], id))
			return true; /* before a person looked, it may have counted */
	for (size_t i = 0; i < judge->told_count; i++)
		if (about(&judge->told[i], id) && judge->told[i].since_wall > judge->decided_at - HOUR_MS && judge->told[i].since_mono <= now &&
			(is_balance(judge, id, amount, judge->told[i].since_mono) || is_balance(judge, id, amount, judge->told[i].since_mono - 1)))
			return true;
	return is_balance(judge, id, amount, now);
}

bool facts_paid(const struct judge *judge, const char *id)
{
	return paid(judge, id, NEVER);
}

bool facts_read(const struct judge *judge, const char *id)
{
	for (size_t i = 0; i < judge->told_count; i++)
		if (about(&judge->told[i], id) && !judge->told[i].broken && !judge->told[i].recorded)
			return false;
	return true;
}

#define PLAN_GRACE 3 /* days, of the simulated policy */

static const struct event *newest_plan(const struct judge *judge, const char *id, int64_t by_mono)
{
	const struct event *plan = NULL;

	for (size_t i = 0; i < judge->told_count; i++) {
		const struct told *t = &judge->told[i];

		if (known(t, by_mono) && !t->broken && about(t, id) && t->event.type == EVENT_PAYMENT_PLAN_AGREED &&
			(!plan || fact_order_compare(&t->event.order, &plan->order) > 0))
			plan = &t->event;
	}
	return plan;
}

static int64_t sum_of(const struct event *plan)
{
	int64_t sum = 0;

	for (size_t i = 0; i < plan->instalment_count; i++)
		sum += plan->instalments[i].amount;
	return sum;
}

/* It comes to less than was open when it was agreed, however what was paid is counted: each time it was told, or the newest figures without it. */
bool facts_plan_short(const struct judge *judge, const char *id, int64_t by_mono)
{
	const struct event *plan = newest_plan(judge, id, by_mono);
	const struct told *newest = newest_figures(judge, id, by_mono);
	int64_t all = 0, beyond;

	if (!plan || !newest)
		return false;
	beyond = newest->event.snapshot.total - newest->event.snapshot.due;
	for (size_t i = 0; i < judge->told_count; i++) {
		const struct told *t = &judge->told[i];
		bool after = t->event.at > plan->order.time, unseen = t->event.after_version >= newest->event.order.version;

		if (!known(t, by_mono) || t->broken || !about(t, id) ||
			(t->event.type != EVENT_INVOICE_PAYMENT_RECEIVED && t->event.type != EVENT_CREDIT_NOTE_ISSUED) ||
			!first_telling(judge, i, by_mono) || facts_taken_back(judge, &t->event, by_mono))
			continue;
		all += after ? 0 : t->event.amount;
		beyond += unseen == after ? 0 : unseen ? t->event.amount : -t->event.amount;
	}
	return sum_of(plan) < newest->event.snapshot.total - (all > beyond ? all : beyond);
}

/* The day after which the newest plan's first open instalment breaks it; none: there is no plan, or all is paid. */
static date plan_ends(const struct judge *judge, const char *id, int64_t by_mono)
{
	const struct event *plan = newest_plan(judge, id, by_mono);
	int64_t open = balance(judge, id, by_mono), later = plan ? sum_of(plan) : 0;

	for (size_t i = 0; plan && i < plan->instalment_count; i++) {
		later -= plan->instalments[i].amount;
		if (open > later)
			return date_add_days(plan->instalments[i].due_on, PLAN_GRACE);
	}
	return date_none();
}

bool facts_plan_missed(const struct judge *judge, const char *id, date today, int64_t by_mono)
{
	date last = plan_ends(judge, id, by_mono);

	return date_is_set(last) && date_diff(today, last) > 0;
}

static bool planned(struct judge *judge, const char *id, int64_t wall, date today, int64_t by_mono)
{
	date last = plan_ends(judge, id, by_mono);
	int64_t broken_at = judge_invoice(judge, id)->plan_broken_at;

	if (broken_at && wall >= broken_at)
		return false;
	return facts_plan_short(judge, id, by_mono) || (date_is_set(last) && date_diff(today, last) <= 0);
}

static bool voided(const struct judge *judge, const char *id, int64_t by_mono)
{
	for (size_t i = 0; i < judge->told_count; i++) {
		const struct told *t = &judge->told[i];

		if (known(t, by_mono) && !t->broken && about(t, id) &&
			(t->event.type == EVENT_INVOICE_VOIDED ||
				(t->event.has_snapshot && t->event.snapshot.status == INVOICE_VOID)))
			return true;
	}
	return false;
}

static bool ended(const struct judge *judge, const struct event *e, enum event_type ending, int64_t by_mono)
{
	for (size_t i = 0; i < judge->told_count; i++) {
		const struct told *t = &judge->told[i];

		if (known(t, by_mono) && !t->broken && t->event.type == ending && about(t, e->invoice_id) &&
			same_fact(&t->event, e))
			return true;
	}
	return false;
}

static const struct event *newest_of(const struct judge *judge, const char *invoice_id, const char *debtor_id,
	enum event_type a, enum event_type b, int64_t by_mono)
{
	const struct event *newest = NULL;

	for (size_t i = 0; i < judge->told_count; i++) {
		const struct told *t = &judge->told[i];
		struct fact_order order;

		if (!known(t, by_mono) || t->broken || (t->event.type != a && t->event.type != b))
			continue;
		if (invoice_id ? !about(t, invoice_id) :
				 !t->event.customer_id || strcmp(t->event.customer_id, debtor_id) != 0)
			continue;
		order = t->event.order;
		if (!newest || fact_order_compare(&order, &newest->order) > 0)
			newest = &t->event;
	}
	return newest;
}

static bool disputed(const struct judge *judge, const char *id, int64_t by_mono)
{
	for (size_t i = 0; i < judge->told_count; i++) {
		const struct told *t = &judge->told[i];

		if (known(t, by_mono) && !t->broken && about(t, id) && t->event.type == EVENT_DISPUTE_OPENED &&
			!ended(judge, &t->event, EVENT_DISPUTE_RESOLVED, by_mono))
			return true;
	}
	return false;
}

static bool promised(struct judge *judge, const char *id, date today, int64_t by_mono)
{
	const struct event *newest = NULL;

	for (size_t i = 0; i < judge->told_count; i++) {
		const struct told *t = &judge->told[i];

		if (known(t, by_mono) && !t->broken && about(t, id) && t->event.type == EVENT_PROMISE_MADE &&
			!ended(judge, &t->event, EVENT_PROMISE_WITHDRAWN, by_mono) &&
			(!newest || fact_order_compare(&t->event.order, &newest->order) > 0))
			newest = &t->event;
	}
	if (newest && newest->order.time < judge_invoice(judge, id)->call_promised_at)
		return false; /* what was said on the telephone since counts, and its day is not known here */
	return newest && date_diff(today, newest->until_on) <= 0;
}

static bool announced(const struct judge *judge, const char *id, date today, int64_t wall, int64_t by_mono)
{
	const struct event *e = newest_of(judge, id, NULL, EVENT_INVOICE_PAYMENT_ANNOUNCED, EVENT_INVOICE_PAYMENT_ANNOUNCED,
		by_mono);

	if (!e)
		return false;
	return date_is_set(e->until_on) ? date_diff(today, e->until_on) <= 0 : wall < e->at + 7 * DAY_MS;
}

static bool resumed_since(const struct judge *judge, const char *id, int64_t since_wall);

static bool broken_letter(const struct judge *judge, const char *id, int64_t wall, int64_t by_mono)
{
	for (size_t i = 0; i < judge->told_count; i++) {
		const struct told *t = &judge->told[i];

		if (known(t, by_mono) && t->broken && !t->by_person && about(t, id) && wall < t->since_wall + DEAD_HOLD &&
			!resumed_since(judge, id, t->since_wall))
			return true;
	}
	return false;
}

static bool opted_out(const struct judge *judge, const char *debtor_id, enum channel channel, int64_t by_mono)
{
	for (size_t i = 0; i < judge->told_count; i++) {
		const struct told *t = &judge->told[i];

		if (known(t, by_mono) && !t->broken && t->event.customer_id &&
			(t->event.type == EVENT_CUSTOMER_OPTED_OUT || t->event.delivery == DELIVERY_COMPLAINED) &&
			strcmp(t->event.customer_id, debtor_id) == 0 &&
			(t->event.channel == channel || t->event.channel == CHANNEL_COUNT))
			return true;
	}
	return false;
}

/* --- what people and ledgers said: commands count in the order in which they came ----------------------------------------------- */

static bool commanded(const struct told *t, int64_t by_mono)
{
	return known(t, by_mono) && !t->broken && t->event.type == EVENT_OPERATOR_COMMAND;
}

static bool suspended(const struct judge *judge, int64_t by_mono, int64_t wall)
{
	const struct event *newest = NULL;

	for (size_t i = 0; i < judge->told_count; i++) {
		const struct told *t = &judge->told[i];

		if (commanded(t, by_mono) && (!strcmp(t->event.command, "suspend") || !strcmp(t->event.command, "release")) &&
			(!newest || fact_order_compare(&t->event.order, &newest->order) > 0))
			newest = &t->event;
	}
	return newest && *newest->command == 's' && (!newest->until || wall < newest->until);
}

static bool held_by_hand(const struct judge *judge, const char *id, int64_t by_mono, int64_t wall)
{
	bool held = false;

	for (size_t i = 0; i < judge->told_count; i++) {
		const struct told *t = &judge->told[i];

		if (!commanded(t, by_mono) || !t->event.target || strcmp(t->event.target, id) != 0)
			continue;
		if (strcmp(t->event.command, "hold") == 0)
			held = wall < (t->event.until ? t->event.until : t->since_wall + 29 * DAY_MS);
		else if (strcmp(t->event.command, "resume") == 0)
			held = false;
	}
	return held;
}

/* A person's resume also ends what a dead letter began. */
static bool resumed_since(const struct judge *judge, const char *id, int64_t since_wall)
{
	for (size_t i = 0; i < judge->told_count; i++) {
		const struct told *t = &judge->told[i];

		if (t->event.type == EVENT_OPERATOR_COMMAND && !t->broken && t->event.target && strcmp(t->event.target, id) == 0 &&
			!strcmp(t->event.command, "resume") && t->since_wall >= since_wall)
			return true;
	}
	return false;
}

static bool stale(const struct judge *judge, int64_t by_mono, int64_t wall)
{
	int64_t newest = 0;

	for (size_t i = 0; i < judge->told_count; i++) {
		const struct told *t = &judge->told[i];

		if (known(t, by_mono) && !t->broken && t->event.type == EVENT_LEDGER_WATERMARK && t->event.watermark > newest)
			newest = t->event.watermark;
	}
	return newest && wall - newest > judge->sim->policy->freshness_ms + MINUTE_MS;
}

/* --- lists of what is open ---------------------------------------------------------------------------------------------------------- */

static bool came_whole(const struct judge *judge, const struct book_part *list, int64_t by_mono)
{
	int64_t came = 0;

	for (int64_t part = 1; part <= list->parts; part++)
		for (size_t i = 0; i < judge->list_count; i++) {
			const struct told *t = &judge->told[judge->lists[i]];

			if (known(t, by_mono) && !t->broken && strcmp(t->event.book->snapshot_id, list->snapshot_id) == 0 && t->event.book->part == part) {
				came++;
				break;
			}
		}
	return came == list->parts;
}

static const struct book_item *item_of(const struct book_part *list, const char *id)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i].invoice_id, id) == 0)
			return &list->items[i];
	return NULL;
}

/* Something that moves its balance, or ends it, was told later than that. */
static bool moved_since(const struct judge *judge, const char *id, int64_t since, int64_t by_mono)
{
	for (size_t i = 0; i < judge->told_count; i++) {
		const struct told *t = &judge->told[i];

		if (known(t, by_mono) && !t->broken && about(t, id) && t->event.time > since &&
			(t->event.has_snapshot || t->event.type == EVENT_INVOICE_PAYMENT_RECEIVED || t->event.type == EVENT_CREDIT_NOTE_ISSUED ||
				t->event.type == EVENT_INVOICE_PAYMENT_REVERSED))
			return true;
	}
	return false;
}

static int64_t told_version(const struct judge *judge, const char *id, int64_t by_mono)
{
	int64_t version = 0;

	for (size_t i = 0; i < judge->told_count; i++) {
		const struct told *t = &judge->told[i];

		if (known(t, by_mono) && !t->broken && about(t, id) && t->event.has_snapshot && t->event.order.version > version)
			version = t->event.order.version;
	}
	return version;
}

/* The producer's own list does not have it any more, or has less of it, and nothing younger was told. */
static bool listed_otherwise(const struct judge *judge, const char *id, int64_t by_mono)
{
	const struct book_part *whole = NULL;
	const struct book_item *item = NULL;
	int64_t as_of = 0;

	for (size_t i = 0; i < judge->list_count; i++) {
		const struct told *t = &judge->told[judge->lists[i]];
		const struct book_part *list = t->event.book;

		if (!known(t, by_mono) || t->broken)
			continue;
		if ((!whole || list->as_of > whole->as_of) && came_whole(judge, list, by_mono))
			whole = list;
		if (list->as_of > as_of && item_of(list, id)) {
			as_of = list->as_of;
			item = item_of(list, id);
		}
	}
	if (whole && item && as_of < whole->as_of)
		item = NULL;
	if ((!whole && !item) || paid(judge, id, by_mono) || voided(judge, id, by_mono) ||
		moved_since(judge, id, item ? as_of : whole->as_of, by_mono) || (item && told_version(judge, id, by_mono) > item->version))
		return false;
	return !item || item->due < balance(judge, id, by_mono);
}

/* Money went back, and the figures are older than that: a person compares the books, or newer ones come. */
static bool unmatched(const struct judge *judge, const char *id, int64_t by_mono)
{
	const struct told *newest = newest_figures(judge, id, by_mono);

	for (size_t i = 0; i < judge->told_count && newest; i++)
		if (known(&judge->told[i], by_mono) && !judge->told[i].broken && about(&judge->told[i], id) &&
			judge->told[i].event.type == EVENT_INVOICE_PAYMENT_REVERSED && judge->told[i].event.time > newest->event.time)
			return true;
	return false;
}

const char *const stop_names[STOP_COUNT] = { "paid", "voided", "disputed", "promised", "payment announced", "undelivered", "paused",
	"opted out", "stopped by a person", "held by a person", "suspended with all others",
	"of a ledger that has not told for long", "named by a dead letter", "under a plan",
	"not on its producer's list, or with less", "settled for less", "under a settlement", "of money that went back, which no figures have yet" };

unsigned facts_stops(struct judge *judge, const char *id, const char *debtor_id, enum channel channel, int64_t by_mono, int64_t wall)
{
	date today = judge_date(judge, debtor_id, wall);
	const struct event *sent = newest_of(judge, id, NULL, EVENT_INVOICE_DELIVERY_FAILED, EVENT_INVOICE_SENT, by_mono);
	const struct event *pause = newest_of(judge, NULL, debtor_id, EVENT_CUSTOMER_PAUSED, EVENT_CUSTOMER_RESUMED, by_mono);
	bool stops[STOP_COUNT] = {
		paid(judge, id, by_mono),
		voided(judge, id, by_mono),
		disputed(judge, id, by_mono),
		promised(judge, id, today, by_mono),
		announced(judge, id, today, wall, by_mono),
		sent && sent->type == EVENT_INVOICE_DELIVERY_FAILED,
		pause && pause->type == EVENT_CUSTOMER_PAUSED && (!pause->until || wall < pause->until),
		opted_out(judge, debtor_id, channel, by_mono),
		judge_invoice(judge, id)->stopped,
		held_by_hand(judge, id, by_mono, wall),
		suspended(judge, by_mono, wall),
		judge->sim->policy->freshness_ms && stale(judge, by_mono, wall),
		broken_letter(judge, id, wall, by_mono),
		planned(judge, id, wall, today, by_mono),
		listed_otherwise(judge, id, by_mono),
		settled_done(judge, id, by_mono),
		settled_stands(judge, id, wall, today, by_mono),
		unmatched(judge, id, by_mono),
	};
	unsigned set = 0;

	for (unsigned i = 0; i < STOP_COUNT; i++)
		set |= (unsigned)stops[i] << i;
	return set;
}

/* The debtor's newest data, by the events' own order. */
static const struct event *newest_customer(const struct judge *judge, const char *debtor_id, int64_t by_mono)
{
	const struct event *newest = NULL;

	for (size_t i = 0; i < judge->told_count; i++) {
		const struct told *t = &judge->told[i];
		struct fact_order order = t->event.order, best = newest ? newest->order : order;

		if (!known(t, by_mono) || t->broken || !t->event.has_customer || !t->event.customer_id ||
			strcmp(t->event.customer_id, debtor_id) != 0)
			continue;
		order.version = best.version = 0; /* an invoice's */
		if (!newest || fact_order_compare(&order, &best) > 0)
			newest = &t->event;
	}
	return newest;
}

bool facts_moved(const struct judge *judge, const struct message *m, int64_t by_mono)
{
	const struct event *newest = newest_customer(judge, m->debtor_id, by_mono);

	for (size_t i = 0; newest && i < newest->customer.contact_count; i++) {
		const struct contact *c = &newest->customer.contacts[i];
		const char *now = m->channel == CHANNEL_EMAIL ? c->email : c->phone, *then = m->channel == CHANNEL_EMAIL ? m->to.email : m->to.phone;

		if (now && then && strcmp(now, then) == 0)
			return false;
	}
	return newest != NULL;
}

/* --- what is told ----------------------------------------------------------------------------------------------------------- */

void judge_event_added(struct judge *judge, const char *stream, const char *text, bool raw)
{
	struct told t = { .text = arena_strdup(judge->arena, text), .since_mono = judge->sim->mono,
		.since_wall = sim_wall(judge->sim) };
	struct err err = { 0 };
	uint8_t digest[32];

	(void)stream;
	sha256(text, strlen(text), digest);
	hex_format(digest, sizeof(digest), t.digest);
	for (size_t i = 0; i < judge->told_count; i++) {
		struct told *known_one = &judge->told[i];

		if (strcmp(known_one->text, text) != 0)
			continue;
		if (known_one->since_mono == NEVER) { /* sent again after the store had lost it */
			known_one->since_mono = t.since_mono;
			known_one->since_wall = t.since_wall;
			known_one->broken = known_one->broken && !known_one->quarantined;
			known_one->quarantined = false;
			return;
		}
	}
	t.broken = raw || event_parse(judge->arena, t.text, strlen(t.text), NULL, &t.event, &err) < 0;
	if (raw)
		t.event = (struct event){ 0 };
	t.by_person = t.event.type == EVENT_OPERATOR_COMMAND;
	if (!t.broken && t.event.offer)
		settled_accepted(judge, &t.event);
	judge->told = arena_grow(judge->arena, judge->told, judge->told_count, &judge->told_capacity, sizeof(*judge->told));
	judge->told[judge->told_count] = t;
	if (!t.broken && t.event.book) {
		judge->lists = arena_grow(judge->arena, judge->lists, judge->list_count, &judge->list_capacity, sizeof(*judge->lists));
		judge->lists[judge->list_count++] = judge->told_count;
	}
	if (!t.broken && t.event.has_snapshot) {
		struct known_invoice *invoice = judge_invoice(judge, t.event.invoice_id);

		invoice->snapshot = arena_memdup(judge->arena, &t.event.snapshot, sizeof(t.event.snapshot));
		if (t.event.customer_id)
			invoice->debtor_id = t.event.customer_id;
	}
	judge->told_count++;
}

bool facts_told_of(const struct judge *judge, const char *attempt)
{
	for (size_t i = 0; i < judge->told_count; i++) {
		const struct told *t = &judge->told[i];

		if (t->recorded && !t->broken && t->event.delivery && t->event.attempt_id && strcmp(t->event.attempt_id, attempt) == 0 &&
			t->since_wall < sim_wall(judge->sim) - 10 * MINUTE_MS)
			return true;
	}
	return false;
}

void facts_recorded(struct judge *judge, const char *event_id)
{
	for (size_t i = 0; i < judge->told_count; i++)
		if (judge->told[i].event.id && strcmp(judge->told[i].event.id, event_id) == 0) {
			judge->told[i].recorded = true;
			judge->told[i].decided = judge->sim->weather.hosts == 1;
		}
}

void facts_commanded(struct judge *judge, const char *event_id)
{
	for (size_t i = 0; i < judge->told_count; i++) {
		struct told *t = &judge->told[i];

		if (!t->event.id || strcmp(t->event.id, event_id) != 0)
			continue;
		if (t->commanded && judge->sim->weather.hosts == 1)
			sim_breach(judge->sim, "5 a command counts once", "%s of %s (%s) is taken again", t->event.command,
				t->event.target, event_id);
		t->commanded = true;
	}
}

void facts_quarantined(struct judge *judge, const char *digest)
{
	for (size_t i = judge->told_count; i-- > 0;) /* one telling of it: another may have been read well */
		if (strcmp(judge->told[i].digest, digest) == 0 && !judge->told[i].broken) {
			if (judge->told[i].recorded && judge->sim->weather.hosts == 1)
				return;
			judge->told[i].broken = judge->told[i].quarantined = true;
			judge->told[i].since_wall = sim_wall(judge->sim);
			return;
		}
}

void judge_event_lost(struct judge *judge, const char *text)
{
	for (size_t i = 0; i < judge->told_count; i++)
		if (judge->told[i].since_mono != NEVER && strcmp(judge->told[i].text, text) == 0) {
			judge->told[i].since_mono = NEVER;
			return;
		}
}
