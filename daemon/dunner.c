#include "daemon/dunner.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "common/utc.h"
#include "daemon/flow.h"

int64_t flow_now(const struct dunner *d)
{
	return d->ports.clock->now(d->ports.clock->self);
}

int64_t flow_mono(const struct dunner *d)
{
	return d->ports.clock->mono(d->ports.clock->self);
}

void dunner_log(struct dunner *d, int priority, const char *format, ...)
{
	char line[500];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (d->callbacks.log)
		d->callbacks.log(priority, line, d->callbacks.arg);
}

void dunner_set_state(struct dunner *d, enum dunner_state state)
{
	if (d->state == state)
		return;
	d->state = state;
	sender_gate(d);
	if (d->callbacks.changed)
		d->callbacks.changed(d->callbacks.arg);
}

void dunner_fail(struct dunner *d, int r, int exit_code, const char *format, ...)
{
	va_list args;

	if (d->failed)
		return;
	d->failed = true;
	va_start(args, format);
	vsnprintf(d->reason, sizeof(d->reason), format, args);
	va_end(args);
	sender_gate(d);
	if (d->callbacks.failed)
		d->callbacks.failed(r, exit_code, d->reason, d->callbacks.arg);
}

void dunner_refuse(struct dunner *d, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(d->reason, sizeof(d->reason), format, args);
	va_end(args);
	dunner_log(d, LOG_CRIT | MSG(PARTITION_REFUSED), "%s", d->reason);
	dunner_set_state(d, DUNNER_REFUSED);
}

struct input *flow_input(enum input_kind kind)
{
	struct arena *arena = arena_create();
	struct input *input = arena_alloc(arena, sizeof(*input));

	input->arena = arena;
	input->kind = kind;
	return input;
}

void flow_wait(struct dunner *d, struct input *input)
{
	input->next = NULL;
	*d->waiting_end = input;
	d->waiting_end = &input->next;
}

/* --- what holds all sending ----------------------------------------------------------------------------------------- */

const char *flow_holding(const struct dunner *d)
{
	int64_t now = flow_now(d);

	if (d->trail_set_back)
		return "trail_set_back";
	if (d->adoption)
		return "adopting";
	if (d->state != DUNNER_RUNNING)
		return "backlog";
	if (d->no_space)
		return "no_space";
	if (d->store_refuses)
		return "store_refuses";
	if (d->replicas_missed && flow_mono(d) - d->replicas_missed < REPLICAS_RETRY_MS)
		return "replicas";
	if (d->suspended && (!d->suspended_until || d->suspended_until > now))
		return "suspended";
	if (d->braked || brake_over(d))
		return "brake";
	return d->ports.clock->doubt(d->ports.clock->self);
}

static void tell_holding(struct dunner *d)
{
	const char *holding = flow_holding(d);

	if (holding == d->holding || (holding && d->holding && strcmp(holding, d->holding) == 0))
		return;
	d->holding = holding;
	if (d->state == DUNNER_RUNNING)
		dunner_log(d, holding ? LOG_WARNING | MSG(SENDING_HELD) : LOG_INFO, holding ? "sending is held: %s" : "sending%s",
			holding ? holding : "");
	if (d->callbacks.changed)
		d->callbacks.changed(d->callbacks.arg);
}

/* --- groups ----------------------------------------------------------------------------------------------------------- */

bool flow_room(const struct dunner *d)
{
	/* An erasure deletes what it did not load: nothing is decided beside it. */
	if (d->decided && ((d->waiting && d->waiting->kind == INPUT_ERASURE) ||
				 (d->decided->inputs && d->decided->inputs->kind == INPUT_ERASURE)))
		return false;
	if (d->group || d->recovery || d->recovery_wanted || d->decided_count >= GROUPS_DECIDED_MAX)
		return false;
	/* One after the other: this life's first word, entries under suspicion, and whatever waits for space. */
	return !d->decided || (d->start_recorded && !d->careful && !d->no_space);
}

static void take_waiting(struct dunner *d, struct group *g)
{
	size_t taken = 0;

	while (d->waiting && taken < DUE_PAGE && (d->waiting->kind != INPUT_ERASURE || !g->input_count)) {
		struct input *input = d->waiting;

		d->waiting = input->next;
		if (!d->waiting)
			d->waiting_end = &d->waiting;
		group_add(g, input);
		taken += input->kind == INPUT_ERASURE ? DUE_PAGE : 1;
	}
}

static void start_group(struct dunner *d)
{
	struct group *g = group_create(d);

	g->contacts_allowed = !flow_holding(d) && !d->stopping && inbox_marked(d, MARK_DECIDE_AGE_MS);
	take_waiting(d, g);
	if (d->queued && (!d->careful || d->trying >= TRY_ALLOWED) && (!g->inputs || g->inputs->kind != INPUT_ERASURE)) {
		g->careful = d->careful != 0;
		inbox_take(d, g);
	}
	group_run(d, g);
}

static void on_try(int r, bool granted, uint64_t count, int64_t until, const char *owner, void *arg)
{
	struct dunner *d = arg;

	(void)granted, (void)until, (void)owner;
	if (d->trying != TRY_ASKED)
		return;
	d->trying = r < 0 ? TRY_NONE : count > POISON_TRIES ? TRY_UNREAD : count == POISON_TRIES ? TRY_POISON : TRY_ALLOWED;
	if (r < 0)
		d->ports.clock->timer_in(d->ports.clock->self, d->pump_timer, RETRY_COMMIT_MS);
	else
		dunner_pump(d);
}

static void ask_try(struct dunner *d)
{
	struct page *page = d->pages;

	while (page && page->used == page->count)
		page = page->next;
	if (!page || d->trying != TRY_NONE)
		return;
	d->trying = TRY_ASKED;
	d->ports.store->trying(d->ports.store->self, d->applied[page->entries[page->used].stream].stream, page->entries[page->used].id,
		d->epoch, on_try, d);
}

static void tell_idle(struct dunner *d, bool idle)
{
	bool digest = d->config->digest_email && d->digest_due && (!d->next_due || d->digest_due < d->next_due);

	d->ports.clock->idle(d->ports.clock->self, idle, digest ? d->digest_due : d->next_due);
}

size_t dunner_slots(const struct dunner *d)
{
	size_t used = d->flight_count + (d->group ? d->group->release_count : 0);

	if (d->state == DUNNER_REFUSED) /* nothing more is started, and what is known of the others stays here: they hold nobody up */
		return d->on_the_way;
	for (const struct group *g = d->decided; g; g = g->next)
		used += g->release_count;
	return used;
}

size_t flow_slots_beside(const struct dunner *d)
{
	return d->callbacks.beside ? d->callbacks.beside(d->callbacks.arg) : 0;
}

/* How many contacts may be decided now, at most a page: what is on the wire and what earlier groups released take slots. */
static size_t contact_slots(const struct dunner *d)
{
	size_t most = (size_t)d->config->limits.concurrency, used = d->on_the_way + flow_slots_beside(d);

	for (const struct group *g = d->decided; g; g = g->next)
		used += g->release_count;
	used = used < most ? most - used : 0;
	most = pacing_room(d);
	used = used < most ? used : most;
	if (d->config->brake_contacts_per_hour) { /* no more than the one that is too many */
		int64_t left = brake_over(d) ? 0 : d->config->brake_contacts_per_hour + 1 - d->hour_contacts;

		used = (int64_t)used < left ? used : (size_t)left;
	}
	return used < DUE_PAGE ? used : DUE_PAGE;
}

/*
 * A group costs the journal a sync and the store a transaction, whatever is in it. While another one has them, this one waits until it is
 * half of what it can be, or until the other one is done: it would hardly be there sooner.
 */
static bool worth_a_group(const struct dunner *d)
{
	size_t most = (size_t)d->config->limits.concurrency, waiting = 0;

	most = most < DUE_PAGE ? most : DUE_PAGE;
	for (const struct input *input = d->waiting; input && waiting < DUE_PAGE / 2; input = input->next)
		waiting++;
	return !d->decided || waiting >= DUE_PAGE / 2 || contact_slots(d) >= (most + 1) / 2;
}

/* Its timer is still in the store, and what it asked for is on its way there. */
static bool is_decided(struct dunner *d, const char *invoice_id)
{
	for (struct group *g = d->decided; g; g = g->next) {
		const struct doc *doc = group_find(d, g, DOC_ESCALATION, invoice_id);

		if (doc && doc->loaded && doc->touched)
			return true;
	}
	return false;
}

static bool all_decided(struct dunner *d, const struct store_due *due, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!is_decided(d, due[i].member))
			return false;
	return true;
}

static void on_due(int r, const struct store_due *due, size_t count, int64_t next, void *arg)
{
	struct dunner *d = arg;
	size_t slots = d->waiting && d->waiting->kind == INPUT_ERASURE ? 0 : contact_slots(d);
	struct group *g;

	d->asking_due = false;
	if (r < 0) {
		d->ports.clock->timer_in(d->ports.clock->self, d->pump_timer, RETRY_COMMIT_MS);
		return;
	}
	d->next_due = count ? due[0].at : next;
	d->due_seen = count ? d->decided && all_decided(d, due, count) : !next;
	if (!flow_room(d) || !slots || !count || d->due_seen || d->state != DUNNER_RUNNING || flow_holding(d) ||
		!inbox_marked(d, MARK_DECIDE_AGE_MS)) {
		dunner_pump(d);
		return;
	}
	g = group_create(d);
	g->contacts_allowed = true;
	take_waiting(d, g);
	for (size_t i = 0; i < count && slots; i++) {
		struct input *input;

		if (is_decided(d, due[i].member))
			continue;
		slots--;
		input = arena_alloc(g->arena, sizeof(*input));
		input->kind = INPUT_DUE;
		input->invoice_id = arena_strdup(g->arena, due[i].member);
		group_add(g, input);
		g->due_count++;
	}
	tell_idle(d, false);
	group_run(d, g);
}

/* Looks for due timers when a contact could be decided now: mark fresh, a slot free, nothing held. */
static bool ask_due(struct dunner *d)
{
	size_t slots, timers = 0;

	if (d->asking_due || d->due_seen || d->stopping || flow_holding(d) || !inbox_marked(d, MARK_DECIDE_AGE_MS))
		return false;
	if (d->next_due && d->next_due > flow_now(d))
		return false;
	slots = contact_slots(d);
	if (!slots || !worth_a_group(d))
		return false;
	for (const struct group *g = d->decided; g; g = g->next)
		timers += g->due_count;
	d->asking_due = true;
	d->ports.store->due(d->ports.store->self, flow_now(d), slots + timers, on_due, d);
	return true;
}

static void on_released(int r, void *arg)
{
	struct dunner *d = arg;

	(void)r; /* the lease runs out by itself */
	dunner_set_state(d, DUNNER_STOPPED);
	if (d->callbacks.stopped)
		d->callbacks.stopped(d->callbacks.arg);
}

static void release(struct dunner *d)
{
	d->releasing = true;
	lease_stop(d);
	d->ports.store->release(d->ports.store->self, d->config->instance, on_released, d);
}

static void stop_step(struct dunner *d)
{
	struct input *input;

	if (d->state == DUNNER_STOPPED || d->flight_count || d->waiting || d->group || d->decided)
		return;
	if (!d->stop_recorded && d->state == DUNNER_STOPPING && d->epoch && !d->stop_queued) {
		d->stop_queued = true;
		input = flow_input(INPUT_STOP);
		input->who = d->seal_who;
		input->why = d->seal_why;
		flow_wait(d, input);
		dunner_pump(d);
		return;
	}
	if (!d->stop_recorded || d->releasing)
		return;
	release(d);
}

static void pump_once(struct dunner *d)
{
	if (d->failed || d->recovery || !d->epoch || d->state == DUNNER_REFUSED || d->state == DUNNER_STOPPED ||
		d->state == DUNNER_STARTING || d->state == DUNNER_PASSIVE)
		return;
	brake_hour(d);
	if (d->state == DUNNER_DRAINING && d->start_recorded && d->caught_up_at >= 0 && !d->waiting)
		dunner_set_state(d, DUNNER_RUNNING);
	tell_holding(d);
	held_pump(d);
	inbox_read(d);
	if (!flow_room(d))
		return;
	if (d->stopping) {
		if (d->waiting)
			start_group(d);
		else
			stop_step(d);
		return;
	}
	if (d->adoption) {
		if (d->waiting)
			start_group(d);
		else
			adopt_next(d);
		return;
	}
	if (d->careful && d->queued && d->trying < TRY_ALLOWED) {
		ask_try(d);
		if (d->waiting)
			start_group(d);
		return;
	}
	if (d->queued || (d->waiting && d->waiting->kind == INPUT_ERASURE)) {
		start_group(d);
		return;
	}
	if (d->waiting && !worth_a_group(d))
		return;
	if (d->waiting) { /* outcomes share a group with the next contacts, when any are due: half as many syncs and commits */
		if (!d->asking_due && !ask_due(d))
			start_group(d);
		return;
	}
	if (d->reconcile_again && d->state == DUNNER_RUNNING)
		reconcile_start(d);
	erase_pump(d);
	digest_pump(d);
	feed_pump(d);
	ask_due(d);
}

void dunner_pump(struct dunner *d)
{
	d->pump_wanted = true;
	if (d->pumping)
		return;
	d->pumping = true;
	while (d->pump_wanted) {
		d->pump_wanted = false;
		pump_once(d);
	}
	d->pumping = false;
	sender_gate(d);
	if (d->failed || d->state == DUNNER_STOPPED)
		return;
	tell_idle(d, !d->flight_count && !d->group && !d->decided && !d->waiting && !d->queued && !d->asking_due && !d->reconciling &&
				!d->erase && !d->digest && d->state == DUNNER_RUNNING);
	if (d->state == DUNNER_RUNNING && !d->group && !d->decided && !d->asking_due)
		d->ports.clock->timer_at(d->ports.clock->self, d->pump_timer,
			d->next_due ? d->next_due : flow_now(d) + 30 * SECOND_MS);
}

static void on_pump(void *arg)
{
	struct dunner *d = arg;

	if (d->next_due && d->next_due <= flow_now(d))
		d->next_due = 0;
	d->due_seen = false;
	dunner_pump(d);
}

static void on_retry(void *arg)
{
	struct dunner *d = arg;

	if (d->failed)
		return;
	if (d->recovery)
		recover_start(d, d->live_recovery);
	else
		commit_again(d);
}

/* --- life ------------------------------------------------------------------------------------------------------------ */

struct dunner *dunner_create(const struct dunner_ports *ports, const struct dunner_settings *settings,
	const struct library *library, const struct dunner_callbacks *callbacks)
{
	struct dunner *d = xcalloc(1, sizeof(*d));

	d->ports = *ports;
	d->settings = *settings;
	d->config = settings->config;
	d->documents = (struct documents){ d->config->documents_dir, settings->fetch };
	if (!d->settings.log_origin)
		d->settings.log_origin = d->config->origin;
	if (d->settings.sealed)
		adopt_create(d);
	d->library = library_ref(library);
	d->callbacks = *callbacks;
	d->arena = arena_create();
	d->keyspace = (struct keyspace){ d->config->prefix, settings->partition };
	d->pages_end = &d->pages;
	d->waiting_end = &d->waiting;
	d->decided_end = &d->decided;
	d->caught_up_at = -1;
	d->stream_count = d->config->producer_count;
	d->read_at = arena_alloc(d->arena, d->stream_count * sizeof(*d->read_at));
	d->applied = arena_alloc(d->arena, d->stream_count * sizeof(*d->applied));
	d->tails = arena_alloc(d->arena, d->stream_count * sizeof(*d->tails));
	for (size_t i = 0; i < d->stream_count; i++) {
		d->applied[i].stream = key_events(d->arena, &d->keyspace, d->config->producers[i].name);
		snprintf(d->applied[i].id, STREAM_ID_SIZE, "0-0");
		d->read_at[i] = d->tails[i] = d->applied[i];
	}
	d->pump_timer = ports->clock->timer_create(ports->clock->self, on_pump, d);
	d->retry_timer = ports->clock->timer_create(ports->clock->self, on_retry, d);
	if (d->config->digest_email)
		d->digest_timer = ports->clock->timer_create(ports->clock->self, on_pump, d);
	d->hour_started = flow_now(d);
	return d;
}

void dunner_start(struct dunner *d)
{
	lease_start(d);
}

void dunner_stop(struct dunner *d)
{
	if (d->stopping)
		return;
	d->stopping = true;
	/* Who mends what is refused need not wait for the lease; nor for one that is being asked for and may be granted behind our back. */
	if (!d->guards && (d->epoch ? d->state == DUNNER_REFUSED && d->lease_until > flow_mono(d) : d->lease_asked && d->lease_takes)) {
		release(d);
		return;
	}
	if (!d->epoch || d->state == DUNNER_REFUSED || d->state == DUNNER_PASSIVE) {
		dunner_set_state(d, DUNNER_STOPPED);
		if (d->callbacks.stopped)
			d->callbacks.stopped(d->callbacks.arg);
		return;
	}
	if (d->state == DUNNER_RUNNING || d->state == DUNNER_DRAINING)
		dunner_set_state(d, DUNNER_STOPPING);
	dunner_pump(d);
}

void dunner_trail_set_back(struct dunner *d, bool on)
{
	d->trail_set_back = on;
	dunner_pump(d);
}

void dunner_seal(struct dunner *d, const char *who, const char *why)
{
	d->seal_who = arena_strdup(d->arena, who);
	d->seal_why = arena_strdup(d->arena, why);
}

bool dunner_detached(const struct dunner *d)
{
	for (const struct group *g = d->decided; g; g = g->next)
		if (g->held && !g->journaled && !g->retry)
			return false;
	return !d->on_the_way && !d->lookups;
}

void dunner_succeed(struct dunner *d, struct dunner *from)
{
	struct input **at = &from->waiting, *input;

	recover_give_back(from);
	while ((input = *at)) {
		if (input->kind != INPUT_RECORD) {
			at = &input->next;
			continue;
		}
		*at = input->next;
		flow_wait(d, input);
	}
	from->waiting_end = at;
	d->events = from->events;
	d->dead = from->dead;
	d->contacts = from->contacts;
	d->outcomes = from->outcomes;
	superseded_outcomes(d, from);
}

static void drop_group(struct group *g)
{
	for (struct input *input = g->inputs, *next; input; input = next) {
		next = input->next;
		if (!input->flight && input->arena)
			arena_free(input->arena);
	}
	group_free(g);
}

void dunner_destroy(struct dunner *d)
{
	const struct clock_port *clock;

	if (!d)
		return;
	clock = d->ports.clock;
	if (d->lease_timer)
		clock->timer_destroy(clock->self, d->lease_timer);
	clock->timer_destroy(clock->self, d->pump_timer);
	clock->timer_destroy(clock->self, d->retry_timer);
	while (d->waiting) {
		struct input *input = d->waiting;

		d->waiting = input->next;
		if (!input->flight && input->arena)
			arena_free(input->arena);
	}
	if (d->group)
		drop_group(d->group);
	while (d->decided) {
		struct group *g = d->decided;

		d->decided = g->next;
		drop_group(g);
	}
	erase_free(d);
	digest_free(d);
	if (d->digest_timer)
		clock->timer_destroy(clock->self, d->digest_timer);
	adopt_free(d);
	reconcile_free(d);
	sender_free(d);
	inbox_free(d);
	recover_free(d);
	superseded_free(d);
	recent_forget(d);
	decide_forget_unmade(d);
	library_free(d->library);
	if (d->books_arena)
		arena_free(d->books_arena);
	arena_free(d->arena);
	free(d);
}

void dunner_reload(struct dunner *d, const struct library *library)
{
	struct input *input;

	library_free(d->library);
	d->library = library_ref(library);
	d->loaded_at = flow_now(d);
	if (!d->epoch)
		return; /* the start records what is there then */
	d->reconcile_again = true; /* what settles the doubts may be another file now, or the old one again */
	input = flow_input(INPUT_RELOAD);
	flow_wait(d, input);
	dunner_pump(d);
}

void dunner_status(const struct dunner *d, struct dunner_status *ret)
{
	*ret = (struct dunner_status){ .state = d->state, .reason = d->reason[0] ? d->reason : d->gap, .epoch = d->epoch, .pseq = d->pseq,
		.events = d->events, .dead = d->dead, .contacts = d->contacts, .outcomes = d->outcomes,
		.in_flight = d->flight_count, .in_doubt = (uint64_t)d->doubts, .turns = d->turns,
		.caught_up_ms = d->caught_up_at < 0 ? -1 : flow_mono(d) - d->caught_up_at, .next_due = d->next_due };
	ret->payments_age_ms = d->payments_known_to ? flow_now(d) - d->payments_known_to : -1;
	ret->feed_stale = d->state == DUNNER_RUNNING && d->feed_told;
	ret->holding = flow_holding(d);
	ret->owner = d->owner;
	ret->owner_epoch = d->owner_epoch;
	ret->unled_ms = !d->epoch && d->unled_since ? flow_mono(d) - d->unled_since : 0;
	if (d->epoch && d->lease_until > flow_mono(d))
		ret->lease_left_ms = d->lease_until - flow_mono(d);
	for (const struct page *page = d->pages; page; page = page->next)
		ret->waiting += page->count - page->applied;
}

static bool operator(struct dunner *d, bool suspend, const char *who, const char *why, int64_t until)
{
	struct input *input;

	if (!d->epoch || d->failed || d->stopping || d->state == DUNNER_REFUSED)
		return false; /* what waited here would be said long after, or never: whoever leads it is told by the stream */
	input = flow_input(INPUT_OPERATOR);
	input->suspend = suspend;
	input->who = arena_strdup(input->arena, who);
	input->why = arena_strdup(input->arena, why);
	input->until = until;
	d->suspended = suspend; /* at once; recorded with the next group */
	d->suspended_until = until;
	flow_wait(d, input);
	dunner_pump(d);
	return d->lease_until > flow_mono(d); /* else somebody may have taken it */
}

bool dunner_suspend(struct dunner *d, const char *who, const char *why, int64_t until)
{
	return operator(d, true, who, why, until);
}

bool dunner_release(struct dunner *d, const char *who, const char *why)
{
	return operator(d, false, who, why, 0);
}
