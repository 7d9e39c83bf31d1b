#include "common/erasure.h"

#include <string.h>

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* --- what is known of the file ------------------------------------------------------------------------------------------- */

static int64_t last_fact(const struct invoice *invoice)
{
	int64_t at = later(invoice->order.time, invoice->debtor_order.time);

	for (size_t i = 0; i < invoice->fact_count; i++)
		at = later(at, invoice->facts[i].order.time);
	return at;
}

struct erasure_invoice erasure_invoice(struct arena *arena, const struct escalation *e)
{
	struct erasure_invoice ret = { .life = { .id = arena_strdup(arena, e->invoice.id), .opened_at = e->opened_at,
					       .under_way = e->attempt != NULL, .last_at = later(last_fact(&e->invoice), e->closed_at) } };

	ret.attempts = arena_alloc(arena, e->walk_count * sizeof(*ret.attempts));
	for (size_t i = 0; i < e->walk_count; i++) {
		ret.life.last_at = later(ret.life.last_at, e->walk[i].at);
		if (e->walk[i].attempt)
			ret.attempts[ret.attempt_count++] =
				(struct erasure_attempt){ arena_strdup(arena, e->walk[i].attempt), e->walk[i].at };
	}
	if (e->state == ESCALATION_CLOSED)
		ret.life.closed_at = e->closed_at ? e->closed_at : ret.life.last_at;
	else if (e->state == ESCALATION_STUB || e->state == ESCALATION_NONE) /* it never became an invoice */
		ret.life.closed_at = ret.life.last_at;
	if (!ret.life.opened_at)
		ret.life.opened_at = ret.life.last_at;
	return ret;
}

static int64_t last_event(const struct erasure_file *file)
{
	const struct debtor *d = file->debtor;
	int64_t at = later(d->order.time, later(d->paused.order.time, d->insolvent.order.time));

	for (int i = 0; i < CHANNEL_COUNT; i++)
		at = later(at, d->opt_out[i].order.time);
	if (d->contact_count)
		at = later(at, d->contacts[d->contact_count - 1].at);
	for (size_t i = 0; i < file->invoice_count; i++)
		at = later(at, file->invoices[i].life.last_at);
	return at;
}

/* The oldest open task: if any bars a year, it does. */
static const struct erasure_task *oldest_task(const struct erasure_file *file)
{
	const struct erasure_task *oldest = NULL;

	for (size_t i = 0; i < file->task_count; i++)
		if (!oldest || file->tasks[i].opened_at < oldest->opened_at)
			oldest = &file->tasks[i];
	return oldest;
}

static struct retention_case as_case(const struct erasure_file *file, struct arena *arena)
{
	const struct erasure_task *task = oldest_task(file);
	struct retention_invoice *lives = arena_alloc(arena, (file->invoice_count + 1) * sizeof(*lives));

	for (size_t i = 0; i < file->invoice_count; i++)
		lives[i] = file->invoices[i].life;
	return (struct retention_case){ .country = file->debtor->customer.country, .debtor_kind = file->debtor->customer.kind,
		.held = file->debtor->retained.on, .last_event_at = last_event(file), .invoices = lives,
		.invoice_count = file->invoice_count, .accounts = file->more, .task = task ? task->id : NULL, .task_opened_at = task ? task->opened_at : 0 };
}

/* --- the plan ---------------------------------------------------------------------------------------------------------------- */

bool erasure_in_store(const char *origin, const char *log)
{
	size_t n = strlen(origin);

	return log && strncmp(log, origin, n) == 0 && (!log[n] || strncmp(log + n, "/g", 2) == 0);
}

static struct trail_keys *all_keys(const struct debtor *debtor, struct arena *arena, size_t *count)
{
	const struct trail_place *place = &debtor->trail;
	struct trail_keys *keys = arena_alloc(arena, (place->earlier_count + 1) * sizeof(*keys));

	*count = place->earlier_count;
	if (*count)
		memcpy(keys, place->earlier, *count * sizeof(*keys));
	if (place->year)
		keys[(*count)++] = (struct trail_keys){ place->log, place->year, place->slot, TRAIL_CLASSES, place->n, place->prev_index };
	return keys;
}

void erasure_plan(const struct retention *retention, const struct erasure_file *file, const struct erasure_request *request,
	const struct zone *zone, int64_t now, struct arena *arena, struct erasure_plan *ret)
{
	struct retention_case whole = as_case(file, arena);
	size_t key_count;
	const struct trail_keys *keys = all_keys(file->debtor, arena, &key_count);

	*ret = (struct erasure_plan){ .parts = arena_alloc(arena, (key_count * CLASS_COUNT + 1) * sizeof(*ret->parts)) };
	for (size_t k = 0; k < key_count; k++)
		for (int class = 0; class < CLASS_COUNT; class ++) {
			struct erasure_part *part = &ret->parts[ret->count];

			if (!(keys[k].classes >> class & 1))
				continue;
			if (!(request->classes >> class & 1) || (request->until_year && keys[k].year > request->until_year)) {
				ret->left[class] = true;
				continue;
			}
			*part = (struct erasure_part){ &keys[k], (enum key_class)class, !erasure_in_store(request->log, keys[k].log),
				retention_judge(retention, &whole, zone, keys[k].year, (enum key_class)class, now) };
			ret->count++;
			if (part->verdict.bar == BAR_NONE && !part->elsewhere) {
				ret->going++;
			} else {
				ret->refused++;
				ret->left[class] = true;
			}
		}
}

static bool goes(const struct erasure_plan *plan, const struct trail_keys *keys, int class)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct erasure_part *part = &plan->parts[i];

		if (part->keys->year == keys->year && part->keys->slot == keys->slot && strcmp(part->keys->log, keys->log) == 0 &&
			part->class == (enum key_class)class && part->verdict.bar == BAR_NONE && !part->elsewhere)
			return true;
	}
	return false;
}

static unsigned going_classes(const struct erasure_plan *plan, const struct trail_keys *keys)
{
	unsigned classes = 0;

	for (int class = 0; class < CLASS_COUNT; class ++)
		if (keys->log && goes(plan, keys, class))
			classes |= 1u << class;
	return classes & keys->classes;
}

static int year_of(const struct zone *zone, int64_t at)
{
	int year, month, day;

	date_split(zone_date(zone, at), &year, &month, &day);
	return year;
}

bool erasure_drops(const struct erasure_plan *plan, const struct debtor *debtor, const struct zone *zone,
	const struct erasure_invoice *invoice)
{
	const struct trail_place *place = &debtor->trail;
	struct trail_keys present = { place->log, place->year, place->slot, TRAIL_CLASSES, 0, 0 };
	int end = year_of(zone, later(invoice->life.closed_at, invoice->life.last_at));
	bool any = false;

	if (!invoice->life.closed_at)
		return false;
	for (size_t i = 0; i <= place->earlier_count; i++) {
		const struct trail_keys *keys = i < place->earlier_count ? &place->earlier[i] : &present;
		unsigned going = going_classes(plan, keys);

		if (!keys->year || keys->year > end || !(keys->classes >> CLASS_FACTS & 1))
			continue;
		if (!(going >> CLASS_FACTS & 1))
			return false;
		any = true;
	}
	return any;
}

/* --- carrying it out -------------------------------------------------------------------------------------------------------- */

/*
 * What says who it is. That a channel was refused, or a hold lies on it, stays without its words; country and kind do too: they decide
 * how long the rest is kept.
 */
static void strip(struct debtor *debtor)
{
	debtor->customer = (struct customer){ .country = debtor->customer.country, .kind = debtor->customer.kind };
	debtor->order = (struct fact_order){ 0 };
	debtor->contact_count = debtor->address_count = debtor->allowed_count = debtor->wrong_count = 0;
	debtor->paused.reason = debtor->insolvent.reason = debtor->retained.reason = NULL;
	for (int i = 0; i < CHANNEL_COUNT; i++) {
		debtor->opt_out[i].reason = NULL;
		debtor->stop_replies[i].from = "";
	}
}

static void take_out_keys(struct debtor *debtor, const struct erasure_plan *plan, struct arena *arena, struct erasing *ret)
{
	struct trail_place *place = &debtor->trail;
	struct trail_keys present = { place->log, place->year, place->slot, TRAIL_CLASSES, place->n, place->prev_index };
	size_t kept = 0;

	ret->keys = arena_alloc(arena, (place->earlier_count + 1) * sizeof(*ret->keys));
	if (place->year && going_classes(plan, &present)) /* a file that lost a class is not gone on with */
		debtor_trail_begin(place, arena, place->log, place->tenure, 0, 0);
	for (size_t i = 0; i < place->earlier_count; i++) {
		struct trail_keys *keys = &place->earlier[i];
		unsigned going = going_classes(plan, keys);

		if (going) {
			ret->keys[ret->key_count] = *keys;
			ret->keys[ret->key_count++].classes = going;
			keys->classes &= ~going;
		}
		if (keys->classes)
			place->earlier[kept++] = *keys;
	}
	place->earlier_count = kept;
}

static bool content_goes(const struct erasing *erasing, int year)
{
	for (size_t i = 0; i < erasing->key_count; i++)
		if (erasing->keys[i].year == year && erasing->keys[i].classes >> CLASS_CONTENT & 1)
			return true;
	return false;
}

bool erasure_apply(struct debtor *debtor, const struct erasure_plan *plan, const struct erasure_file *file, const struct zone *zone,
	struct arena *arena, struct erasing *ret)
{
	size_t attempts = 0;

	*ret = (struct erasing){ .debtor = debtor->id };
	ret->ids = arena_alloc(arena, (file->invoice_count + 1) * sizeof(*ret->ids));
	if (!plan->left[CLASS_IDENTITY])
		ret->ids[ret->id_count++] = debtor->id;
	for (size_t i = 0; i < file->invoice_count; i++) {
		attempts += file->invoices[i].attempt_count;
		if (!plan->left[CLASS_IDENTITY] || erasure_drops(plan, debtor, zone, &file->invoices[i]))
			ret->ids[ret->id_count++] = file->invoices[i].life.id;
	}
	take_out_keys(debtor, plan, arena, ret);
	ret->attempts = arena_alloc(arena, (attempts + 1) * sizeof(*ret->attempts));
	for (size_t i = 0; i < file->invoice_count; i++)
		for (size_t k = 0; k < file->invoices[i].attempt_count; k++)
			if (content_goes(ret, year_of(zone, file->invoices[i].attempts[k].at)))
				ret->attempts[ret->attempt_count++] = file->invoices[i].attempts[k].id;
	if (!plan->left[CLASS_IDENTITY])
		strip(debtor);
	return !plan->left[CLASS_IDENTITY] && !plan->left[CLASS_CONTENT] && !plan->left[CLASS_FACTS];
}

bool erasure_may_have_expired(const struct retention *retention, const struct debtor *debtor, const struct erasure_request *request,
	const struct zone *zone, int64_t now)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct erasure_file file = { .debtor = debtor, .more = true };
	struct erasure_plan plan;

	erasure_plan(retention, &file, request, zone, now, arena, &plan);
	return plan.going > 0;
}
