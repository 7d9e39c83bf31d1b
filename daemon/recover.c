/*
 * Where does the store stand, what does the journal say, and what must be done again: at every start, and whenever the store is
 * found to have gone back in time while we live.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "common/hash.h"
#include "common/utc.h"
#include "daemon/flow.h"
#include "daemon/redo.h"

#define REDO_CHUNK 64

struct recovery {
	struct dunner *dunner;
	struct arena *arena; /* of the chunk being redone */
	struct redo_group *chunk;
	size_t chunk_count, done;
	uint8_t at[GROUP_ID_SIZE]; /* where the store is, when a new generation begins */
	uint64_t above; /* every group up to here is in the store */
	uint64_t begin; /* ... when the redo began */
	uint64_t gap; /* the last group that was refused, its predecessor missing */
	uint8_t link[GROUP_ID_SIZE]; /* the last group that was read: the next one is made behind it */
	uint64_t redone;
	bool rebuild, more, identity_same;
	bool emptied; /* the store had nothing at all */
	bool looked; /* at the cursor */
	bool went_back; /* the store lost what it had: what came after it was last read may be lost as well */
	uint64_t not_released; /* so many of the journal's last groups: the crash fell between their fsync and their commit */
	struct group_header last; /* of the journal */
	bool has_last;
	struct redo_run run; /* the journal's last one, above where the store is: what is redone */
	char previous_writer[128];
	int failure;
};

static void ask_cursor(struct recovery *r);

static void retry(struct recovery *r)
{
	struct dunner *d = r->dunner;

	d->ports.clock->timer_in(d->ports.clock->self, d->retry_timer, RETRY_COMMIT_MS);
}

void recover_free(struct dunner *d)
{
	if (!d->recovery)
		return;
	arena_free(d->recovery->arena);
	free(d->recovery);
	d->recovery = NULL;
}

/* --- the end: streams, attempts, a start record --------------------------------------------------------------------- */

static void finish(struct recovery *r)
{
	struct dunner *d = r->dunner;
	bool live = d->live_recovery;

	while (d->decided) /* redone with the others; what they released was never started */
		commit_finished(d, d->decided, false);
	if (!live) {
		d->not_released_above = d->pseq - r->not_released;
		d->not_released_to = d->pseq;
	}
	d->committed_pseq = d->pseq;
	memcpy(d->committed_group, d->last_group, GROUP_ID_SIZE);
	adopt_again(d, r->emptied);
	if (r->redone)
		dunner_log(d, LOG_NOTICE, "recover: %llu groups redone from the journal", (unsigned long long)r->redone);
	recover_free(d);
	recent_forget(d);
	d->live_recovery = false;
	inbox_reset(d);
	d->due_seen = false;
	dunner_set_state(d, d->stopping ? DUNNER_STOPPING : DUNNER_DRAINING);
	if (!live) {
		flow_wait(d, flow_input(INPUT_START));
		d->reconcile_again = d->reconcile_all = true;
	}
	inbox_start(d);
	dunner_pump(d);
}

/* What was never read went with the stream, even where new entries came to it meanwhile: a person must have it pushed again. */
static void name_gap(struct dunner *d, const struct stream_position *at)
{
	struct input *input = flow_input(INPUT_GAP);
	char when[UTC_TEXT_SIZE];

	utc_format((int64_t)strtoull(at->id, NULL, 10), when);
	dunner_log(d, LOG_ERR | MSG(EVENTS_MISSING), "recover: entries of %s may be missing: the last one read was %s (%s); push what came since again",
		at->stream, at->id, when);
	input->gap = arena_printf(input->arena, "%s %s", at->stream, at->id);
	flow_wait(d, input);
}

static void on_tails(int result, void *arg)
{
	struct recovery *r = arg;
	struct dunner *d = r->dunner;

	if (result < 0) {
		retry(r);
		return;
	}
	for (size_t s = 0; s < d->stream_count; s++) {
		bool behind = inbox_compare(d->tails[s].id, d->applied[s].id) < 0;

		if (behind || (r->went_back && strcmp(d->applied[s].id, "0-0") != 0))
			name_gap(d, &d->applied[s]);
		if (behind)
			snprintf(d->applied[s].id, STREAM_ID_SIZE, "0-0");
	}
	finish(r);
}

static void ask_tails(struct recovery *r)
{
	struct dunner *d = r->dunner;

	d->ports.store->tails(d->ports.store->self, d->tails, d->stream_count, on_tails, r);
}

/* --- redo ------------------------------------------------------------------------------------------------------------ */

static int on_replay(const struct journal_group *group, void *arg)
{
	struct recovery *r = arg;
	bool first = !r->chunk_count && r->above == r->begin;

	if (r->chunk_count == REDO_CHUNK)
		return 1;
	/* What was superseded, or an earlier run has, may bear such numbers as well. */
	if (memcmp(first ? group->head.id : group->head.predecessor, first ? r->run.first.id : r->link, GROUP_ID_SIZE) != 0)
		return 0;
	memcpy(r->link, group->head.id, GROUP_ID_SIZE);
	r->failure = redo_open(r->dunner->ports.keys, r->arena, group, &r->chunk[r->chunk_count]);
	if (r->failure < 0)
		return r->failure;
	r->chunk_count++;
	return 0;
}

static void redo_next(struct recovery *r);

static void note_positions(struct dunner *d, const struct redo_group *group)
{
	for (size_t i = 0; i < group->image_count; i++)
		for (size_t s = 0; s < d->stream_count && group->images[i].op == IMAGE_HSET; s++)
			if (strcmp(group->images[i].field, d->applied[s].stream) == 0)
				snprintf(d->applied[s].id, STREAM_ID_SIZE, "%.*s", (int)group->images[i].value_len,
					(const char *)group->images[i].value);
}

static void on_redone(int result, enum commit_status status, void *arg)
{
	struct recovery *r = arg;
	struct dunner *d = r->dunner;
	const struct redo_group *group = &r->chunk[r->done];

	if (result < 0) {
		retry(r);
		return;
	}
	if (status == COMMIT_STALE) {
		dunner_fail(d, -ESTALE, 75, "another instance took partition %u during the redo", d->settings.partition);
		return;
	}
	if (status == COMMIT_BROKEN) {
		commit_broken(d);
		return;
	}
	if (status == COMMIT_GAP) { /* it went back again: look anew; twice at the same place it helps to wait, if anything does */
		bool again = r->gap == group->head.pseq;

		r->gap = group->head.pseq;
		if (again)
			retry(r);
		else
			ask_cursor(r);
		return;
	}
	note_positions(d, group);
	r->above = group->head.pseq;
	r->redone++;
	r->done++;
	d->turns++;
	redo_next(r);
}

static void redo_next(struct recovery *r)
{
	struct dunner *d = r->dunner;
	/* Only the first may meet an empty store: flushed once more, it must be begun once more. */
	struct store_commit commit = { .epoch = d->epoch, .writer = d->config->instance, .redo = true,
		.rebuild = r->rebuild && r->above == r->begin };
	const struct redo_group *group;
	int result;

	if (r->done == r->chunk_count) {
		arena_clear(r->arena);
		r->chunk = arena_alloc(r->arena, REDO_CHUNK * sizeof(*r->chunk));
		r->chunk_count = r->done = 0;
		result = d->ports.journal->replay(d->ports.journal->self, d->settings.partition, r->above, on_replay, r);
		if (result < 0) {
			dunner_fail(d, result, 74, "the journal cannot be replayed: %s", strerror(-result));
			return;
		}
		if (!r->chunk_count) {
			ask_tails(r);
			return;
		}
	}
	group = &r->chunk[r->done];
	commit.head = &group->head;
	commit.images = group->images;
	commit.image_count = group->image_count;
	d->ports.store->commit(d->ports.store->self, &commit, on_redone, r);
}

/* --- where the store stands ---------------------------------------------------------------------------------------------- */

/* The log is one for all partitions: whoever runs us must know, wherever it shows. */
static void refuse_unknown(struct dunner *d, uint64_t pseq)
{
	if (d->callbacks.rolled_back)
		d->callbacks.rolled_back(d->callbacks.arg);
	dunner_refuse(d,
		"Redis holds group %llu of this instance, which its journal does not know: the journal was rolled back or the state directory is another one's; nothing is sent; restore the newest journal, or run `dunningctl trail seal --yes --why ...` and start again",
		(unsigned long long)pseq);
}

static void take_positions(struct dunner *d, const struct store_cursor *cursor)
{
	for (size_t s = 0; s < d->stream_count; s++) {
		snprintf(d->applied[s].id, STREAM_ID_SIZE, "0-0");
		for (size_t i = 0; i < cursor->stream_count; i++)
			if (strcmp(cursor->streams[i].stream, d->applied[s].stream) == 0)
				memcpy(d->applied[s].id, cursor->streams[i].id, STREAM_ID_SIZE);
	}
}

/* What another log, or nobody, wrote last: go on from where the store is. */
static void go_on(struct recovery *r, uint64_t pseq, const uint8_t group[GROUP_ID_SIZE])
{
	struct dunner *d = r->dunner;

	d->taken_over = true;
	d->pseq = pseq;
	memcpy(d->last_group, group, GROUP_ID_SIZE);
	ask_tails(r);
}

static void on_system(int result, const struct store_value *values, size_t count, void *arg)
{
	struct recovery *r = arg;
	struct dunner *d = r->dunner;
	struct debtor system = { 0 };

	if (result < 0 || count != 1) {
		retry(r);
		return;
	}
	if (values[0].data && debtor_read(r->arena, values[0].data, values[0].len, &system, NULL) == 0 && system.trail.log &&
		strcmp(system.trail.log, d->settings.log_origin) == 0) {
		refuse_unknown(d, r->above);
		return;
	}
	dunner_log(d, LOG_NOTICE, "recover: the log before %s was sealed: going on from group %llu, where Redis is", d->settings.log_origin,
		(unsigned long long)r->above);
	go_on(r, r->above, r->at);
}

/*
 * The first start after a sealing, with an empty journal. It is empty too when this state directory was taken back to its sealing: then
 * Redis knows records of this very log, and it is refused like any other journal that was rolled back.
 */
static void begin_generation(struct recovery *r, const struct store_cursor *cursor)
{
	struct dunner *d = r->dunner;
	const char *key = key_debtor(r->arena, &d->keyspace, SYSTEM_CASE);

	memcpy(r->at, cursor->group, GROUP_ID_SIZE);
	d->ports.store->load(d->ports.store->self, &key, 1, on_system, r);
}

static int on_above(const struct journal_group *group, void *arg)
{
	struct recovery *r = arg;

	if (r->run.begin == RUN_NONE || memcmp(group->head.predecessor, r->link, GROUP_ID_SIZE) != 0)
		r->run = (struct redo_run){ .begin = RUN_PART, .first = group->head };
	memcpy(r->link, group->head.id, GROUP_ID_SIZE);
	return 0;
}

/* The journal's last unbroken run above the store's place: it can be redone where it was made for that very place. 0 or -errno. */
static int look_above(struct recovery *r, const struct store_cursor *cursor)
{
	const struct journal_port *journal = r->dunner->ports.journal;
	int result = journal->replay(journal->self, r->dunner->settings.partition, cursor->pseq, on_above, r);

	return result < 0 ? result : 0;
}

static bool follows(const struct recovery *r, const struct store_cursor *cursor)
{
	return r->run.begin != RUN_NONE && memcmp(r->run.first.predecessor, cursor->group, GROUP_ID_SIZE) == 0;
}

/* Redis went back to before what others had written: our journal has no more than what came behind it, and theirs does not have that. */
static void refuse_hole(struct dunner *d, uint64_t pseq)
{
	d->guards = true;
	dunner_refuse(d, "Redis went back to group %llu of partition %u, and other instances have what lies between it and this journal: nothing is sent; empty "
		"nothing, stop the others first, and do as dunningd-operations(7) says under SEVERAL INSTANCES (`dunningctl instances rebuild`)",
		(unsigned long long)pseq, d->settings.partition);
}

/*
 * An empty partition that is not a new one: our journal alone must not make it again, nor begin it, where another one has a part of its history.
 * That another one has, is in the journal itself, whoever was seen; and where several write, only who led it when it was emptied, and
 * always before, makes it again.
 */
static bool history_elsewhere(const struct dunner *d, bool has_last, enum redo_begin begin)
{
	enum dunner_history history = d->callbacks.shared ? d->callbacks.shared(d->callbacks.arg) : HISTORY_OURS;

	if (!has_last)
		return history != HISTORY_OURS && !(history == HISTORY_SHARED && !d->owner[0]);
	return begin == RUN_PART || (history != HISTORY_OURS && !d->live_recovery);
}

/* Where another instance took over from us, our journal must reach; but for one that was sealed since, which is empty. */
bool recover_rolled_back(struct dunner *d, const struct store_cursor *cursor)
{
	struct group_header last = { 0 };
	bool has_last = d->ports.journal->last(d->ports.journal->self, d->settings.partition, &last) == 0;

	for (size_t i = 0; i < cursor->left_count && (has_last || !d->settings.sealed); i++)
		if (strcmp(cursor->left[i].instance, d->config->instance) == 0 && cursor->left[i].pseq > (has_last ? last.pseq : 0)) {
			refuse_unknown(d, cursor->left[i].pseq);
			return true;
		}
	return false;
}

/*
 * What another instance committed is the truth. False: our journal was going on from that very place, and nobody else did: what we wrote is
 * redone, as it may have left.
 */
static bool take_over(struct recovery *r, const struct store_cursor *cursor)
{
	struct dunner *d = r->dunner;
	bool rebuilt = strcmp(cursor->writer, REBUILD_WRITER) == 0;

	if (recover_rolled_back(d, cursor))
		return true;
	if (!rebuilt && d->callbacks.taken_over &&
		d->ports.journal->knows(d->ports.journal->self, d->settings.partition, cursor->pseq, cursor->group) != 1)
		d->callbacks.taken_over(d->callbacks.arg); /* else it is our own, from before this instance was renamed */
	if (follows(r, cursor)) {
		superseded_look(d, cursor); /* what was so before: the life that took over may have died before it had recorded it */
		return false;
	}
	if (r->run.begin != RUN_NONE && r->run.first.pseq > cursor->pseq + 1) { /* it had the group before ours when we wrote that one */
		refuse_hole(d, cursor->pseq);
		return true;
	}
	if (r->has_last && r->last.epoch == d->epoch) {
		/* The first groups of a take-over did not come into Redis. Others in their place are decided under an epoch of their own. */
		dunner_fail(d, -ESTALE, 75, "what was decided of partition %u under this lease did not come into Redis: it is taken anew",
			d->settings.partition);
		return true;
	}
	dunner_log(d, LOG_NOTICE, "recover: partition %u was last written by %s: continuing from there", d->settings.partition, cursor->writer);
	if (rebuilt && !d->adoption)
		adopt_create(d); /* spread over other partitions: nobody's journal has any of it */
	superseded_look(d, cursor);
	snprintf(d->taken_from, sizeof(d->taken_from), "%s", cursor->writer);
	d->taken_pseq = cursor->pseq;
	memcpy(d->taken_group, cursor->group, GROUP_ID_SIZE);
	go_on(r, cursor->pseq, cursor->group); /* own groups above it are superseded */
	return true;
}

static void on_cursor(int result, const struct store_cursor *cursor, void *arg)
{
	struct recovery *r = arg;
	struct dunner *d = r->dunner;
	bool empty, ours;
	int known, failure;

	if (result < 0) {
		retry(r);
		return;
	}
	if (cursor->epoch > d->epoch) {
		dunner_fail(d, -ESTALE, 75, "another instance owns partition %u now", d->settings.partition);
		return;
	}
	if (d->live_recovery && cursor->epoch < d->epoch) { /* our lease went with the rest */
		lease_renew(d);
		if (cursor->epoch) {
			retry(r);
			return;
		}
	}
	empty = !cursor->present || !cursor->pseq;
	ours = !cursor->writer[0] || strcmp(cursor->writer, d->config->instance) == 0;
	r->has_last = d->ports.journal->last(d->ports.journal->self, d->settings.partition, &r->last) == 0;
	memcpy(d->run_id, cursor->run_id, REDIS_ID_SIZE);
	memcpy(d->repl_id, cursor->repl_id, REDIS_ID_SIZE);
	take_positions(d, cursor);
	r->rebuild = empty;
	r->emptied |= empty || cursor->rebuilt;
	r->above = empty ? 0 : cursor->pseq;
	r->run = (struct redo_run){ 0 };
	if (empty && r->has_last)
		failure = redo_last_run(d->ports.journal, d->ports.keys, d->settings.partition, d->settings.log_origin, d->settings.sealed != NULL, &r->run);
	else
		failure = r->has_last ? look_above(r, cursor) : 0;
	if (failure < 0) {
		dunner_fail(d, failure, 74, "the journal cannot be replayed: %s", strerror(-failure));
		return;
	}
	if (!empty && !ours && take_over(r, cursor))
		return;
	if (empty && history_elsewhere(d, r->has_last, r->run.begin)) {
		dunner_refuse(d, "Redis has lost partition %u, and other instances have parts of its history: nothing is sent; stop all of them, and run "
			"`dunningctl instances rebuild --yes STATE-DIR...` with the state directories of all", d->settings.partition);
		return;
	}
	if (d->settings.sealed && !r->has_last && empty) {
		dunner_refuse(d, "Redis is empty, and so is the journal of %s, which was to take over what Redis had when the log before it was "
			"sealed: nothing is sent; restore Redis from its newest backup, then start again", d->settings.log_origin);
		return;
	}
	if (d->settings.sealed && !r->has_last) {
		begin_generation(r, cursor);
		return;
	}
	if (!empty) {
		known = r->has_last && cursor->pseq <= r->last.pseq ?
			d->ports.journal->knows(d->ports.journal->self, d->settings.partition, cursor->pseq, cursor->group) :
			0;
		if (known < 0) {
			dunner_fail(d, known, 74, "the journal cannot be read: %s", strerror(-known));
			return;
		}
		if (!known && !(follows(r, cursor) && (d->settings.sealed || !ours))) {
			refuse_unknown(d, cursor->pseq);
			return;
		}
		if (r->run.begin != RUN_NONE && !follows(r, cursor)) {
			refuse_hole(d, cursor->pseq);
			return;
		}
	}
	if (!r->has_last) {
		d->pseq = 0;
		memset(d->last_group, 0, GROUP_ID_SIZE);
		ask_tails(r);
		return;
	}
	if (empty)
		r->above = r->run.first.pseq - 1; /* what was before it is in it, too */
	r->begin = r->above;
	d->pseq = r->last.pseq;
	memcpy(d->last_group, r->last.id, GROUP_ID_SIZE);
	r->identity_same = strcmp(r->last.run_id, cursor->run_id) == 0 && strcmp(r->last.repl_id, cursor->repl_id) == 0;
	/* Looked at again in the middle of the redo, it may be there already: what was seen first stands. */
	r->went_back |= empty || cursor->rebuilt || (d->live_recovery ? !r->identity_same || cursor->pseq < d->committed_pseq :
						     !r->identity_same && cursor->pseq + 1 < r->last.pseq);
	/*
	 * As many groups as a life has journaled and not committed may lie above the cursor (which the journal knows) when it dies, and
	 * nothing leaves before its commit. Where more are missing, or another server answers, the store lost some that may have left. So
	 * it may have where a life came between, and died in its redo: the cursor is where that one came to.
	 */
	if (!r->looked && !d->live_recovery && !empty && !cursor->redo && r->identity_same && d->epoch == r->last.epoch + 1 &&
		r->last.pseq - cursor->pseq <= GROUPS_DECIDED_MAX)
		r->not_released = r->last.pseq - cursor->pseq;
	r->looked = true;
	r->chunk_count = r->done = 0;
	redo_next(r);
}

static void ask_cursor(struct recovery *r)
{
	struct dunner *d = r->dunner;

	d->ports.store->cursor(d->ports.store->self, on_cursor, r);
}

static bool is_place(const struct store_value *cursor, size_t count, uint64_t pseq, const uint8_t id[GROUP_ID_SIZE])
{
	uint8_t group[GROUP_ID_SIZE] = { 0 };
	uint64_t at = 0;

	for (size_t i = 0; i + 1 < count; i += 2) {
		if (strcmp(cursor[i].data, "pseq") == 0)
			at = strtoull(cursor[i + 1].data, NULL, 10);
		else if (strcmp(cursor[i].data, "group") == 0 &&
			hex_parse(cursor[i + 1].data, GROUP_ID_SIZE, group) < 0)
			return false;
	}
	return at == pseq && memcmp(group, id, GROUP_ID_SIZE) == 0;
}

bool recover_place_is_ours(const struct dunner *d, const struct store_value *cursor, size_t count)
{
	return is_place(cursor, count, d->committed_pseq, d->committed_group);
}

bool recover_place_is_near(const struct dunner *d, const struct store_value *cursor, size_t count)
{
	const struct group *g = d->decided;

	return recover_place_is_ours(d, cursor, count) ||
	       (g && g->journaled && is_place(cursor, count, g->out.head.pseq, g->out.head.id));
}

static struct input **take_inputs(struct group *g, struct input **end)
{
	for (struct input *input = g->inputs, *next; input; input = next) {
		next = input->next;
		if (input->kind == INPUT_ENTRY || input->kind == INPUT_DUE)
			continue;
		if (input->page) { /* the store is asked anew */
			arena_free(input->arena);
			continue;
		}
		input->next = NULL;
		*end = input;
		end = &input->next;
	}
	return end;
}

/* Groups of which nothing is in the journal: their inputs are taken again, in their order; entries by reading them again. */
void recover_give_back(struct dunner *d)
{
	struct group **at = &d->decided, *g;
	struct input *first = NULL, **end = &first;

	while (*at && (*at)->journaled)
		at = &(*at)->next;
	d->decided_end = at;
	while ((g = *at)) {
		*at = g->next;
		d->decided_count--;
		brake_give_back(d, g);
		end = take_inputs(g, end);
		group_free(g);
	}
	if (d->group) {
		brake_give_back(d, d->group);
		end = take_inputs(d->group, end);
		group_free(d->group);
		d->group = NULL;
	}
	if (first) {
		*end = d->waiting;
		if (!d->waiting)
			d->waiting_end = end;
		d->waiting = first;
	}
	d->no_space = false; /* nothing waits for it any more: the next group will tell */
}

bool recover_due(struct dunner *d)
{
	if (!d->recovery_wanted)
		return false;
	if (d->group && d->group->held)
		return true;
	for (const struct group *g = d->decided; g; g = g->next)
		if (g->held)
			return true;
	recover_give_back(d);
	d->recovery_wanted = false;
	recover_start(d, true);
	return true;
}

void recover_wanted(struct dunner *d, const char *why)
{
	if (d->recovery || d->recovery_wanted)
		return;
	dunner_log(d, LOG_WARNING, "recover: %s: nothing is released until the journal is redone", why);
	d->recovery_wanted = true;
	d->caught_up_at = -1;
	sender_gate(d);
}

void recover_start(struct dunner *d, bool live)
{
	struct recovery *r = d->recovery;

	if (!r) {
		r = xcalloc(1, sizeof(*r));
		r->dunner = d;
		r->arena = arena_create();
		d->recovery = r;
		d->live_recovery = live;
		d->caught_up_at = -1;
		sender_gate(d);
		if (live)
			dunner_set_state(d, DUNNER_STARTING);
	}
	arena_clear(r->arena);
	r->chunk = NULL;
	r->chunk_count = r->done = 0;
	ask_cursor(r);
}
