/* Attempts on their way. Asks may_start at the last moment, keeps every outcome until its group is committed. */
#include <errno.h>
#include <string.h>
#include <syslog.h>

#include "common/adapter.h"
#include "daemon/flow.h"

static char *copy(struct arena *arena, const char *s)
{
	return arena_strdup(arena, s);
}

struct flight *sender_create(struct dunner *d, const struct message *message, const struct attempt_entry *entry)
{
	struct arena *arena = arena_create();
	struct flight *flight = arena_alloc(arena, sizeof(*flight));
	struct message *m = &flight->message;
	const char **ids = arena_alloc(arena, (entry->invoice_count + 1) * sizeof(*ids));

	flight->arena = arena;
	flight->dunner = d;
	for (size_t i = 0; i < entry->invoice_count; i++)
		ids[i] = copy(arena, entry->invoice_ids[i]);
	message_copy(message, arena, m);
	m->invoice_ids = ids;
	m->invoice_count = entry->invoice_count;
	flight->entry = *entry;
	flight->entry.id = m->attempt_id;
	flight->entry.debtor_id = copy(arena, entry->debtor_id);
	flight->entry.step = copy(arena, entry->step);
	flight->entry.channel = copy(arena, entry->channel);
	flight->entry.provider = copy(arena, entry->provider);
	flight->entry.policy_digest = copy(arena, entry->policy_digest);
	flight->entry.intent_leaf = copy(arena, entry->intent_leaf);
	flight->entry.means = copy(arena, entry->means);
	flight->entry.invoice_ids = ids;
	flight->link = &d->flights;
	flight->next = d->flights;
	if (flight->next)
		flight->next->link = &flight->next;
	d->flights = flight;
	d->flight_count++;
	d->on_the_way++;
	return flight;
}

struct flight *sender_flight(const struct dunner *d, const char *attempt_id)
{
	for (struct flight *f = d->flights; f; f = f->next)
		if (strcmp(f->entry.id, attempt_id) == 0)
			return f;
	return NULL;
}

void sender_drop(struct dunner *d, struct flight *flight)
{
	*flight->link = flight->next;
	if (flight->next)
		flight->next->link = flight->link;
	d->flight_count--;
	d->on_the_way -= !flight->done;
	arena_free(flight->arena);
}

void sender_free(struct dunner *d)
{
	while (d->flights)
		sender_drop(d, d->flights);
}

/* From here on whatever was changed before holds for every attempt of which no byte has left. */
static void fence(struct dunner *d)
{
	if (d->ports.transport->fence)
		d->ports.transport->fence(d->ports.transport->self);
}

/* Until when, by all that is known now, an attempt may start: the mark's age and the lease's margin; 0 = not at all. */
static int64_t start_until(struct dunner *d)
{
	int64_t mark = d->caught_up_at + MARK_MAX_AGE_MS + 1, lease = d->lease_until - LEASE_MARGIN_MS;

	if (d->failed || d->stopping || d->recovery || d->state != DUNNER_RUNNING || flow_holding(d) || !inbox_marked(d, MARK_MAX_AGE_MS))
		return 0;
	return mark < lease ? mark : lease;
}

void sender_gate(struct dunner *d)
{
	int64_t until = start_until(d), before = atomic_load(&d->start_until);

	if (until == before)
		return;
	atomic_store(&d->start_until, until);
	if (until < before && d->on_the_way)
		fence(d);
}

/*
 * The last question before the first byte, maybe in another thread. Everything that could make this contact wrong is looked at here, in
 * memory, and nothing else: the mark's age, the lease's margin, and whether anything applied since concerns these people.
 */
static bool may_start(void *arg)
{
	struct flight *flight = arg;
	struct dunner *d = flight->dunner;

	return !atomic_load(&flight->touched) && flow_mono(d) < atomic_load(&d->start_until);
}

void sender_outcome(struct flight *flight, const struct outcome *outcome)
{
	struct dunner *d = flight->dunner;
	struct input *input = arena_alloc(flight->arena, sizeof(*input));
	struct outcome *o = &flight->outcome;

	d->on_the_way -= !flight->done;
	flight->done = true;
	*o = *outcome;
	o->reason = copy(flight->arena, outcome->reason);
	o->provider_id = copy(flight->arena, outcome->provider_id);
	o->remote = copy(flight->arena, outcome->remote);
	o->detail = copy(flight->arena, outcome->detail);
	o->raw = outcome->raw_len ? arena_memdup(flight->arena, outcome->raw, outcome->raw_len) : NULL;
	input->kind = INPUT_OUTCOME;
	input->flight = flight;
	input->attempt = &flight->entry;
	input->outcome = o;
	flow_wait(d, input);
}

static void on_done(const struct outcome *outcome, void *arg)
{
	struct flight *flight = arg;
	struct dunner *d = flight->dunner;

	sender_outcome(flight, outcome);
	dunner_pump(d);
}

void sender_start(struct flight *flight)
{
	struct dunner *d = flight->dunner;

	d->contacts++;
	d->ports.transport->start(d->ports.transport->self, &flight->message, may_start, on_done, flight);
}

void sender_release(struct dunner *d, struct group *g, bool start)
{
	for (struct release *release = g->releases; release; release = release->next) {
		struct flight *flight = sender_create(d, &release->message, &release->entry);

		flight->touched = release->touched;
		if (start && !flight->touched) {
			sender_start(flight);
		} else {
			struct outcome outcome = { .kind = OUTCOME_CANCELLED, .reason = "not_released" };

			sender_outcome(flight, &outcome);
		}
	}
}

static bool concerns(const struct attempt_entry *entry, const char *debtor_id, const char *invoice_id)
{
	if (debtor_id && strcmp(entry->debtor_id, debtor_id) == 0)
		return true;
	for (size_t i = 0; invoice_id && i < entry->invoice_count; i++)
		if (strcmp(entry->invoice_ids[i], invoice_id) == 0)
			return true;
	return false;
}

static void touch_group(struct group *g, const char *debtor_id, const char *invoice_id)
{
	for (struct release *release = g->releases; release; release = release->next)
		release->touched |= concerns(&release->entry, debtor_id, invoice_id);
	for (size_t i = 0; i < g->resend_count; i++)
		g->resend_touched[i] |= concerns(g->resend[i], debtor_id, invoice_id);
}

/* Also what a group decided to send and is not on its way yet. */
void sender_touch(struct dunner *d, const char *debtor_id, const char *invoice_id)
{
	bool any = false;

	for (struct flight *f = d->flights; f; f = f->next) {
		if (f->done || !concerns(&f->entry, debtor_id, invoice_id))
			continue;
		any |= !atomic_exchange(&f->touched, true);
	}
	if (any)
		fence(d);
	for (struct group *g = d->decided; g; g = g->next)
		touch_group(g, debtor_id, invoice_id);
	if (d->group)
		touch_group(d->group, debtor_id, invoice_id);
}

static void add_line(struct buf *out, const char *first, const char *between, const char *second)
{
	buf_add_str(out, first);
	buf_add_str(out, between);
	buf_add_str(out, second);
	buf_add_str(out, "\r\n");
}

/* The request as the trail keeps it: secrets masked, the rest byte for byte. */
int sender_request(const struct message *message, struct buf *masked, struct err *err, void *arg)
{
	struct dunner *d = arg;
	const struct library_provider *provider = library_provider(d->library, message->provider);
	CLEANUP(arena_freep) struct arena *arena = NULL;
	struct adapter_input input = { .message = message, .now = flow_now(d) };
	struct http_request request;
	int r;

	if (provider && provider->smtp && !d->config->shadow) {
		r = smtp_mail(message, masked, err);
		return r < 0 ? r : 1;
	}
	if (!provider || !provider->adapter || d->config->shadow)
		return 0; /* the outbox sends the message itself: it is recorded as it is */
	arena = arena_create();
	input.settings = provider->settings;
	r = adapter_request(provider->adapter, &input, arena, &request, err);
	if (r < 0)
		return r;
	add_line(masked, request.method, " ", request.url);
	for (size_t i = 0; i < request.header_count; i++)
		add_line(masked, request.headers[i].name, ": ", request.headers[i].value);
	buf_add_str(masked, "\r\n");
	if (request.body_len)
		buf_add(masked, request.body, request.body_len);
	return 0;
}
