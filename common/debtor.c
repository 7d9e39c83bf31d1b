#include "common/debtor.h"

#include <string.h>
#include <strings.h>

#include "common/invoice.h"
#include "common/reply.h"

static bool switch_apply(struct debtor_switch *s, const struct event *e, bool on)
{
	if (s->set && fact_order_compare(&e->order, &s->order) <= 0)
		return false;
	*s = (struct debtor_switch){ .set = true, .on = on, .order = e->order, .until = on ? e->until : 0,
		.reason = e->reason };
	return true;
}

bool debtor_feed_told(struct debtor *system, struct arena *arena, const char *source, int64_t watermark)
{
	struct feed *feed = NULL;

	for (size_t i = 0; i < system->feed_count; i++)
		if (strcmp(system->feeds[i].source, source) == 0)
			feed = &system->feeds[i];
	if (feed) {
		if (watermark <= feed->watermark)
			return false;
		feed->watermark = watermark;
		return true;
	}
	if (system->feed_count == FEEDS_MAX || watermark <= 0)
		return false;
	system->feeds = arena_grow(arena, system->feeds, system->feed_count, &system->feed_capacity, sizeof(*system->feeds));
	system->feeds[system->feed_count++] = (struct feed){ source, watermark };
	return true;
}

int64_t debtor_payments_known_to(const struct debtor *system, const char *const *ledgers)
{
	int64_t known_to = 0;

	for (size_t i = 0; i < system->feed_count; i++)
		if (!known_to || system->feeds[i].watermark < known_to)
			known_to = system->feeds[i].watermark;
	for (; ledgers && *ledgers; ledgers++) {
		bool spoke = false;

		for (size_t i = 0; i < system->feed_count; i++)
			spoke |= strcmp(system->feeds[i].source, *ledgers) == 0;
		if (!spoke)
			return 1;
	}
	return known_to;
}

bool contact_made_by(const struct contact_made *made, const char *attempt)
{
	size_t len = strlen(attempt);

	if (strncmp(made->attempt, attempt, len) != 0)
		return false;
	return !made->attempt[len] || (made->attempt[len] == '@' && made->attempt[len + 1] &&
		!made->attempt[len + 1 + strspn(made->attempt + len + 1, "0123456789")]);
}

struct contact_made *debtor_contact_made(struct debtor *debtor, const char *attempt)
{
	for (size_t i = debtor->contact_count; attempt && i-- > 0;)
		if (contact_made_by(&debtor->contacts[i], attempt))
			return &debtor->contacts[i];
	return NULL;
}

static struct address_state *find_address(const struct debtor *debtor, enum channel channel, const char *address)
{
	for (size_t i = 0; i < debtor->address_count; i++)
		if (debtor->addresses[i].channel == channel && strcasecmp(debtor->addresses[i].address, address) == 0)
			return &debtor->addresses[i];
	return NULL;
}

static int compare_addresses(const struct address_state *a, const struct address_state *b)
{
	return a->channel != b->channel ? (int)a->channel - (int)b->channel : strcasecmp(a->address, b->address);
}

/* The one that was told of longest ago goes; false: that would be the new one itself. */
static bool forget_address(struct debtor *debtor, int64_t at)
{
	size_t oldest = 0;

	for (size_t i = 1; i < debtor->address_count; i++)
		if (debtor->addresses[i].at < debtor->addresses[oldest].at)
			oldest = i;
	if (debtor->addresses[oldest].at >= at)
		return false;
	debtor->address_count--;
	memmove(&debtor->addresses[oldest], &debtor->addresses[oldest + 1],
		(debtor->address_count - oldest) * sizeof(*debtor->addresses));
	return true;
}

bool debtor_address_told(struct debtor *debtor, struct arena *arena, enum channel channel, const char *address, bool dead, int64_t at)
{
	struct address_state *state = find_address(debtor, channel, address), fresh = { address, channel, dead, at };
	size_t place = 0;

	if (state && (at < state->at || (at == state->at && (!dead || state->dead))))
		return false;
	if (state) {
		*state = fresh;
		return true;
	}
	if (debtor->address_count == ADDRESSES_MAX && !forget_address(debtor, at))
		return false;
	debtor->addresses = arena_grow(arena, debtor->addresses, debtor->address_count, &debtor->address_capacity,
		sizeof(*debtor->addresses));
	while (place < debtor->address_count && compare_addresses(&debtor->addresses[place], &fresh) < 0)
		place++;
	memmove(&debtor->addresses[place + 1], &debtor->addresses[place], (debtor->address_count - place) * sizeof(fresh));
	debtor->addresses[place] = fresh;
	debtor->address_count++;
	return true;
}

bool debtor_address_dead(const struct debtor *debtor, enum channel channel, const char *address)
{
	const struct address_state *state = find_address(debtor, channel, address);

	return state && state->dead;
}

bool debtor_opt_out(struct debtor *debtor, enum channel channel, const struct fact_order *order, const char *reason)
{
	const struct event e = { .order = *order, .reason = reason };

	return switch_apply(&debtor->opt_out[channel], &e, true);
}

static bool opt_out_all(struct debtor *debtor, const struct event *e)
{
	bool changed = false;

	for (int i = 0; i < CHANNEL_COUNT; i++)
		if (e->channel == CHANNEL_COUNT || e->channel == (enum channel)i)
			changed |= switch_apply(&debtor->opt_out[i], e, true);
	return changed;
}

bool debtor_told_of_another(struct debtor *debtor, const struct event *e)
{
	const struct contact_made *made = debtor_contact_made(debtor, e->attempt_id);
	const char *to = e->attempt_id ? (made ? made->to : NULL) : e->address; /* about no message it is about an address alone */

	return e->recipient && !(to && strcasecmp(to, e->recipient) == 0);
}

/* A receipt: what is known of the message and its address, and what its recipient wants. */
static bool apply_delivery(struct debtor *debtor, const struct event *e, struct arena *arena)
{
	struct contact_made *made = debtor_contact_made(debtor, e->attempt_id);
	const char *address = made && made->to ? made->to : e->address;
	enum channel channel = made ? made->channel : e->channel;
	bool changed = false;

	if (e->unverified || debtor_told_of_another(debtor, e))
		return false;
	if (made && delivery_counts(e->delivery, e->time, made->delivery, made->delivery_at)) {
		made->delivery = e->delivery;
		made->delivery_at = e->time;
		changed = true;
	}
	if (address && channel != CHANNEL_COUNT &&
		(e->delivery == DELIVERY_BOUNCED_HARD || e->delivery == DELIVERY_DELIVERED || e->delivery == DELIVERY_OPENED))
		changed |= debtor_address_told(debtor, arena, channel, address, e->delivery == DELIVERY_BOUNCED_HARD, e->time);
	if (delivery_wants_no_more(e->delivery))
		changed |= opt_out_all(debtor, e);
	return changed;
}

/* Who answers it had it: whatever its provider's own answer will be, it was sent. */
static bool apply_answered(struct debtor *debtor, const struct event *e)
{
	struct contact_made *made = e->unverified || e->by_address ? NULL : debtor_contact_made(debtor, e->attempt_id);

	if (!made || made->delivery)
		return false;
	made->delivery = DELIVERY_SENT;
	made->delivery_at = e->time;
	return true;
}

/* "No more", in an answer to a message of ours. */
static bool apply_stop_reply(struct debtor *debtor, const struct event *e)
{
	const struct contact_made *made = debtor_contact_made(debtor, e->attempt_id);
	const char *from = made && made->to ? made->to : e->address;

	if (e->channel != CHANNEL_COUNT && from) {
		struct stop_reply *first = &debtor->stop_replies[e->channel];

		if (!first->at || e->time < first->at || (e->time == first->at && strcmp(from, first->from) < 0))
			*first = (struct stop_reply){ .at = e->time, .from = from, .confirmed = first->confirmed };
	}
	return opt_out_all(debtor, e);
}

bool debtor_apply(struct debtor *debtor, const struct event *event, struct arena *arena)
{
	struct event e = *event;
	bool changed = false;

	e.order.version = 0; /* an invoice's version says nothing about its customer's data */
	if (e.has_customer && (!debtor->known || fact_order_compare(&e.order, &debtor->order) > 0)) {
		debtor->known = true;
		debtor->customer = e.customer;
		debtor->order = e.order;
		debtor_wrong_mended(debtor);
		changed = true;
	}
	switch (e.type) {
	case EVENT_CUSTOMER_PAUSED:
		return switch_apply(&debtor->paused, &e, true) || changed;
	case EVENT_CUSTOMER_RESUMED:
		return switch_apply(&debtor->paused, &e, false) || changed;
	case EVENT_CUSTOMER_INSOLVENCY_OPENED:
		return switch_apply(&debtor->insolvent, &e, true) || changed;
	case EVENT_CUSTOMER_INSOLVENCY_ENDED: /* it is over, or was said by mistake */
		return switch_apply(&debtor->insolvent, &e, false) || changed;
	case EVENT_CUSTOMER_OPTED_OUT:
		return opt_out_all(debtor, &e) || changed;
	case EVENT_CONTACT_DELIVERY_UPDATED:
	case EVENT_LETTER_STATUS_UPDATED:
		return apply_delivery(debtor, &e, arena) || changed;
	case EVENT_CONTACT_REPLY_RECEIVED:
		changed |= apply_answered(debtor, &e);
		if (!e.unverified && reply_wish(e.text) == REPLY_OPT_OUT) /* by any reasonable means: 47 CFR 64.1200(a)(10) */
			changed |= apply_stop_reply(debtor, &e);
		return changed;
	default:
		return changed;
	}
}

void debtor_trail_begin(struct trail_place *place, struct arena *arena, const char *log, uint64_t tenure, uint16_t year, uint32_t slot)
{
	if (place->year) {
		place->earlier = arena_grow(arena, place->earlier, place->earlier_count, &place->earlier_capacity,
			sizeof(*place->earlier));
		place->earlier[place->earlier_count++] = (struct trail_keys){ place->log, place->year, place->slot,
			TRAIL_CLASSES, place->n, place->prev_index };
	}
	place->log = log;
	place->tenure = tenure;
	place->year = year;
	place->slot = slot;
	place->n = 0;
}

void debtor_erasing_add(struct debtor *system, struct arena *arena, const struct erasing *erasing)
{
	system->erasing = arena_grow(arena, system->erasing, system->erasing_count, &system->erasing_capacity,
		sizeof(*system->erasing));
	system->erasing[system->erasing_count++] = *erasing;
}

void debtor_erasing_remove(struct debtor *system, const char *debtor_id)
{
	size_t kept = 0;

	for (size_t i = 0; i < system->erasing_count; i++)
		if (strcmp(system->erasing[i].debtor, debtor_id) != 0)
			system->erasing[kept++] = system->erasing[i];
	system->erasing_count = kept;
}

static size_t place_of(const char *const *list, size_t count, const char *id, bool *found)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (strcmp(list[middle], id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*found = low < count && strcmp(list[low], id) == 0;
	return low;
}

static bool list_add(struct arena *arena, const char ***list, size_t *count, size_t *capacity, const char *id)
{
	bool found;
	size_t at = place_of(*list, *count, id, &found);

	if (found)
		return false;
	*list = arena_grow(arena, *list, *count, capacity, sizeof(**list));
	memmove(&(*list)[at + 1], &(*list)[at], (*count - at) * sizeof(**list));
	(*list)[at] = id;
	++*count;
	return true;
}

static bool list_remove(const char **list, size_t *count, const char *id)
{
	bool found;
	size_t at = place_of(list, *count, id, &found);

	if (!found)
		return false;
	--*count;
	memmove(&list[at], &list[at + 1], (*count - at) * sizeof(*list));
	return true;
}

void debtor_open_add(struct debtor *debtor, struct arena *arena, const char *invoice_id)
{
	(void)list_add(arena, &debtor->open, &debtor->open_count, &debtor->open_capacity, invoice_id);
	(void)list_remove(debtor->thanks, &debtor->thanks_count, invoice_id);
}

void debtor_open_remove(struct debtor *debtor, const char *invoice_id)
{
	(void)list_remove(debtor->open, &debtor->open_count, invoice_id);
}

void debtor_thanks(struct debtor *debtor, struct arena *arena, const char *invoice_id, bool wait)
{
	if (wait)
		(void)list_add(arena, &debtor->thanks, &debtor->thanks_count, &debtor->thanks_capacity, invoice_id);
	else
		(void)list_remove(debtor->thanks, &debtor->thanks_count, invoice_id);
}

bool debtor_owes_nothing(const struct debtor *debtor)
{
	return !debtor->open_count && !debtor->still_owed;
}

bool debtor_work_hold(struct debtor *debtor, struct arena *arena, const char *invoice_id)
{
	return list_add(arena, &debtor->work_held, &debtor->work_held_count, &debtor->work_held_capacity, invoice_id);
}

bool debtor_work_release(struct debtor *debtor, const char *invoice_id)
{
	return list_remove(debtor->work_held, &debtor->work_held_count, invoice_id);
}

bool debtor_work_held(const struct debtor *debtor, const char *invoice_id)
{
	bool found;

	(void)place_of(debtor->work_held, debtor->work_held_count, invoice_id, &found);
	return found;
}

void debtor_contact_add(struct debtor *debtor, struct arena *arena, int64_t at, enum channel channel, const char *attempt)
{
	const struct contact_made *known = debtor_contact_made(debtor, attempt);
	struct contact_made made = known ? *known : (struct contact_made){ 0 };

	made.at = at;
	made.channel = channel;
	made.attempt = attempt;
	(void)debtor_contact_remove(debtor, attempt);
	if (debtor->contact_count == DEBTOR_CONTACTS_KEPT) {
		memmove(debtor->contacts, debtor->contacts + 1, (debtor->contact_count - 1) * sizeof(*debtor->contacts));
		debtor->contact_count--;
	}
	debtor->contacts = arena_grow(arena, debtor->contacts, debtor->contact_count, &debtor->contact_capacity,
		sizeof(*debtor->contacts));
	debtor->contacts[debtor->contact_count++] = made;
}

bool debtor_contact_remove(struct debtor *debtor, const char *attempt)
{
	for (size_t i = 0; i < debtor->contact_count; i++)
		if (strcmp(debtor->contacts[i].attempt, attempt) == 0) {
			memmove(&debtor->contacts[i], &debtor->contacts[i + 1],
				(debtor->contact_count - i - 1) * sizeof(*debtor->contacts));
			debtor->contact_count--;
			return true;
		}
	return false;
}

bool debtor_opted_out(const struct debtor *debtor, enum channel channel)
{
	return debtor->opt_out[channel].on;
}
