/* The narrow end of the middle: what a group was built into goes to the journal, then to the store. */
#include <errno.h>
#include <string.h>
#include <syslog.h>

#include "common/utc.h"
#include "daemon/flow.h"

void commit_retry(struct dunner *d, struct group *g, int64_t in_ms)
{
	g->held = g->retry = true;
	d->ports.clock->timer_in(d->ports.clock->self, d->retry_timer, in_ms);
}

/* A release that a fail-over would lose must not leave. */
static void on_replicated(int r, int64_t replicas, void *arg)
{
	struct group *g = arg;
	struct dunner *d = g->dunner;
	bool enough = r == 0 && replicas >= d->config->redis_replicas;

	g->held = false;
	if (recover_due(d))
		return;
	if (!enough) {
		d->replicas_missed = flow_mono(d);
		dunner_log(d, LOG_ERR | MSG(REPLICAS_MISSING), "commit: %lld of %lld replicas have the release: it does not leave", (long long)replicas,
			(long long)d->config->redis_replicas);
	}
	commit_finished(d, g, enough);
}

static void released(struct dunner *d, struct group *g)
{
	if (d->config->redis_replicas && (g->releases || g->resend_count)) {
		g->held = true;
		d->ports.store->replicated(d->ports.store->self, d->config->redis_replicas, REPLICAS_WAIT_MS, on_replicated, g);
	} else {
		commit_finished(d, g, true);
	}
}

void commit_broken(struct dunner *d)
{
	dunner_refuse(d, "Redis refused a write, as a key is of another kind: something else writes under %s; stop dunningd, delete that key "
		"and the hash %s: at its start all is made anew from the journal", d->config->prefix, key_of(d->arena, &d->keyspace, "cursor"));
}

static void on_committed(int r, enum commit_status status, void *arg)
{
	struct group *g = arg;
	struct dunner *d = g->dunner;

	g->held = false;
	if (r < 0 && recover_due(d))
		return;
	if (r < 0) {
		bool refuses = r == -ENOSPC || r == -EPERM;

		if (refuses && !d->store_refuses)
			dunner_log(d, LOG_ERR | MSG(REDIS_REFUSES), "commit: the store refuses writes (%s): nothing is sent until it takes them",
				strerror(-r));
		d->store_refuses = refuses;
		sender_gate(d);
		commit_retry(d, g, refuses ? 1000 : RETRY_COMMIT_MS);
		return;
	}
	d->store_refuses = false;
	switch (status) {
	case COMMIT_APPLIED:
	case COMMIT_ALREADY:
		if (!recover_due(d)) /* else it is redone with the others */
			released(d, g);
		return;
	case COMMIT_STALE:
		dunner_fail(d, -ESTALE, 75, "another instance owns partition %u now", d->settings.partition);
		return;
	case COMMIT_GAP:
		recover_wanted(d, "the store is not where we left it");
		(void)recover_due(d);
		return;
	case COMMIT_BROKEN:
		commit_broken(d);
		return;
	}
}

/* The first of the decided groups, once it is durable. */
static void commit_next(struct dunner *d)
{
	struct group *g = d->decided;
	struct store_commit commit = { .epoch = d->epoch, .writer = d->config->instance };

	if (!g || !g->journaled || g->held || d->recovery)
		return;
	commit.head = &g->out.head;
	commit.images = g->images;
	commit.image_count = g->image_count;
	g->held = true;
	d->ports.store->commit(d->ports.store->self, &commit, on_committed, g);
}

static void on_journaled(int r, void *arg)
{
	struct group *g = arg;
	struct dunner *d = g->dunner;

	g->held = false;
	if (r == -ENOSPC) {
		if (!d->no_space)
			dunner_log(d, LOG_CRIT | MSG(NO_SPACE), "journal: no space: reading and sending are held, trying every 10 s");
		d->no_space = true;
		sender_gate(d);
		if (!recover_due(d))
			commit_retry(d, g, RETRY_SPACE_MS);
		return;
	}
	if (r < 0) {
		dunner_fail(d, r, 74, "the journal cannot be written: %s", strerror(-r));
		return;
	}
	d->no_space = false;
	g->journaled = true;
	for (const struct input *input = g->inputs; input; input = input->next)
		if (input->record && input->record->done)
			input->record->done(input->record, input->record->arg);
	if (g->out.head.pseq > d->pseq) { /* durable in their order, but told in any */
		d->pseq = g->out.head.pseq;
		memcpy(d->last_group, g->out.head.id, GROUP_ID_SIZE);
	}
	if (!recover_due(d))
		commit_next(d);
	dunner_log_signed(d); /* it may have been the log's last group, which is to be signed now */
}

static void journal(struct dunner *d, struct group *g)
{
	const struct journal_port *port = d->ports.journal;

	/* While this one waited for space, another partition took its place in the log: its records must be made anew. */
	if (!log_turn_stands(d, &g->out.head)) {
		recover_wanted(d, "a group lost its place in the journal");
		(void)recover_due(d);
		return;
	}
	g->held = true;
	port->append(port->self, &g->out, on_journaled, g);
}

static void on_try_cleared(int r, bool granted, uint64_t count, int64_t until, const char *owner, void *arg)
{
	struct group *g = arg;
	struct dunner *d = g->dunner;

	(void)granted, (void)count, (void)until, (void)owner;
	g->held = false;
	if (recover_due(d))
		return;
	/*
	 * It was decided: if the store cannot be told, it stays counted, and the journal says enough. Once the group is durable the entry
	 * is redone, never tried again, and the next one's count begins anew. To wait here for the store would count every crash of an
	 * outage against an innocent entry.
	 */
	(void)r;
	d->trying = TRY_NONE;
	journal(d, g);
}

static void clear_try(struct dunner *d, struct group *g)
{
	const struct input *input = g->inputs;

	while (input->kind != INPUT_ENTRY)
		input = input->next;
	g->held = true;
	d->ports.store->trying(d->ports.store->self, d->applied[input->entry->stream].stream, NULL, d->epoch, on_try_cleared, g);
}

static bool waits_for_space(const struct dunner *d)
{
	for (const struct group *g = d->decided; g; g = g->next)
		if (g->retry && !g->journaled)
			return true;
	return false;
}

void commit_group(struct dunner *d, struct group *g)
{
	int r;

	sender_gate(d); /* it may have heard a person's word, or been one contact too many */
	if (waits_for_space(d)) { /* one whose place in the journal this one would take: the timer takes them in their order */
		g->held = g->retry = true;
		return;
	}
	r = group_build(d, g);
	if (r == -ENOSPC) {
		on_journaled(r, g);
		return;
	}
	if (r == -EAGAIN) { /* dunner_log_signed() comes first, unless nothing is signed for now */
		d->root_awaited = true;
		commit_retry(d, g, SECOND_MS);
		return;
	}
	if (r < 0) {
		dunner_fail(d, r, 74, "a group cannot be built: the keys of a case are missing or unreadable (%s)",
			strerror(-r));
		return;
	}
	d->root_awaited = false;
	if (!g->out.record_count && !g->image_count) { /* nothing to say: only looked */
		commit_finished(d, g, false);
		return;
	}
	d->group = NULL;
	*d->decided_end = g;
	d->decided_end = &g->next;
	d->decided_count++;
	if (g->careful)
		clear_try(d, g);
	else
		journal(d, g);
	dunner_pump(d);
}

static void go_on(struct dunner *d, struct group *g)
{
	g->retry = false;
	if (!g->loaded)
		group_run(d, g);
	else if (g->journaled)
		commit_next(d);
	else if (!g->out.images) /* there was no space for its keys, or for a group before it */
		commit_group(d, g);
	else if (g->careful && d->trying != TRY_NONE)
		clear_try(d, g);
	else
		journal(d, g);
}

void commit_again(struct dunner *d)
{
	for (struct group *g = d->decided; g; g = g->next)
		g->held &= !g->retry;
	if (d->group)
		d->group->held &= !d->group->retry;
	if (recover_due(d))
		return;
	for (struct group *g = d->decided, *next; g; g = next) {
		next = g->next;
		if (g->retry)
			go_on(d, g);
		if (d->recovery || d->recovery_wanted)
			return;
	}
	if (d->group && d->group->retry)
		go_on(d, d->group);
}

/* The soonest timer known: this group may have set a sooner one. */
static void note_due(struct dunner *d, const struct group *g)
{
	const char *due = key_of(g->arena, &d->keyspace, "due");

	for (size_t i = 0; i < g->image_count; i++)
		if (g->images[i].op == IMAGE_ZADD && g->images[i].number < d->next_due &&
			strcmp(g->images[i].key, due) == 0)
			d->next_due = g->images[i].number;
}

void commit_finished(struct dunner *d, struct group *g, bool released)
{
	struct input *input = g->inputs;

	d->turns++;
	for (const struct draft *draft = g->fx.records; draft && d->callbacks.hold; draft = draft->next)
		if (draft->hold)
			d->callbacks.hold(draft->hold, draft->opens, d->callbacks.arg);
	d->doubts = d->doubts + g->doubts > 0 ? d->doubts + g->doubts : 0;
	recent_put(d, g);
	note_due(d, g);
	if (g->journaled) {
		d->committed_pseq = g->out.head.pseq;
		memcpy(d->committed_group, g->out.head.id, GROUP_ID_SIZE);
	}
	inbox_applied(d, g);
	if (g == d->group) {
		d->group = NULL;
	} else {
		d->decided = g->next;
		if (!d->decided)
			d->decided_end = &d->decided;
		d->decided_count--;
	}
	d->due_seen = false;
	if (d->careful && g->position_count)
		d->careful--;
	sender_release(d, g, released && d->state == DUNNER_RUNNING);
	if (released)
		reconcile_committed(d, g);
	erase_committed(d, g);
	while (input) {
		struct input *next = input->next;
		enum input_kind kind = input->kind;
		struct arena *arena = input->arena;

		adopt_committed(d, input);
		if (input->flight)
			sender_drop(d, input->flight);
		else if (arena)
			arena_free(arena);
		d->start_recorded |= kind == INPUT_START;
		d->stop_recorded |= kind == INPUT_STOP;
		input = next;
	}
	group_free(g);
	commit_next(d);
	dunner_pump(d);
}
