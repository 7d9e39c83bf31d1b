/*
 * Erasing a debtor's file: what is asked for by a person, and every night what has run out.
 *
 * First all that concerns the debtor is looked up: its document, its invoices' (a walk over all of them), open tasks. Then one group
 * decides by them, if the debtor's document is still the one that was looked at: it records `erasure.done`, deletes the documents, and
 * notes in the system case's which keys are to go, from which streams what, and which messages in the outbox. All of that is sealed under
 * the system case's keys, so that it can be redone when the debtor's are gone. When it is committed the keys are deleted, then the files,
 * then the entries in the streams; a last group, which is durable only when the keys are gone from the disk, takes the note out again.
 * Whatever ends the process in between, the next start finds the note and carries on.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "daemon/erase_internal.h"

#define NIGHT_MAX 100 /* files in one night, but for a last page of the walk; the next night goes on from there */
#define NIGHT_MINUTE 180 /* of the creditor's day: 03:00 */
#define RETRY_ERASE_MS 1000
#define TRIES_MAX 5 /* a file that changes all the time is left alone */

static void run(struct erase_job *job);

/* --- its life ------------------------------------------------------------------------------------------------------------------ */

static struct erase_job *job_create(struct dunner *d)
{
	struct arena *arena = arena_create();
	struct erase_job *job = arena_alloc(arena, sizeof(*job));

	job->dunner = d;
	job->arena = arena;
	job->classes = TRAIL_CLASSES;
	job->cursor[0] = '0';
	d->erase = job;
	recent_forget(d); /* documents and keys: they must not outlive what is erased */
	return job;
}

static struct target *add_target(struct erase_job *job, const char *id)
{
	job->targets = arena_grow(job->arena, job->targets, job->count, &job->capacity, sizeof(*job->targets));
	job->targets[job->count] = (struct target){ .id = arena_strdup(job->arena, id) };
	return &job->targets[job->count++];
}

void erase_free(struct dunner *d)
{
	if (d->erase)
		arena_free(d->erase->arena);
	d->erase = NULL;
	if (d->erase_timer)
		d->ports.clock->timer_destroy(d->ports.clock->self, d->erase_timer);
	d->erase_timer = NULL;
	buf_clear(&d->erase_said);
}

static void job_end(struct erase_job *job)
{
	struct dunner *d = job->dunner;

	if (job->erased || job->resumed)
		dunner_log(d, LOG_NOTICE, "erase: %zu keys of %zu files erased%s", job->erased, job->count,
			job->nightly ? ": their periods have run out" : job->resumed ? ", as begun before the start" : "");
	d->erase = NULL;
	arena_free(job->arena);
	dunner_pump(d);
}

static void on_timer(void *arg)
{
	struct dunner *d = arg;

	if (d->erase && d->erase->retry) {
		d->erase->retry = false;
		run(d->erase);
	}
}

void erase_again_later(struct erase_job *job)
{
	struct dunner *d = job->dunner;

	if (!d->erase_timer)
		d->erase_timer = d->ports.clock->timer_create(d->ports.clock->self, on_timer, d);
	if (!job->told)
		dunner_log(d, LOG_WARNING | MSG(ERASURE_WAITS), "erase: Redis or the outbox does not do what is asked of it: it is tried again every second");
	job->told = job->retry = true;
	d->ports.clock->timer_in(d->ports.clock->self, d->erase_timer, RETRY_ERASE_MS);
}

void erase_go(struct erase_job *job, enum erase_step step)
{
	job->step = step;
	run(job);
}

/* --- what came of it ------------------------------------------------------------------------------------------------------------ */

static void say_failed(struct erase_job *job, const char *code, const char *text)
{
	struct buf *out = &job->dunner->erase_said;
	struct json_writer w = jw_init(out);

	buf_reset(out);
	jw_object(&w, NULL);
	jw_str(&w, "state", "failed");
	jw_str(&w, "error", code);
	jw_str(&w, "text", text);
	jw_end_object(&w);
}

void dunner_erasure_said(const struct dunner *d, struct json_writer *w)
{
	/* Of a nightly one nobody asks: what was said last stands. */
	if (d->erase && !d->erase->nightly && !d->erase->resumed)
		jw_str(w, "state", "running");
	else if (!d->erase_said.len)
		jw_str(w, "state", "none");
	else /* the members alone */
		buf_add(w->buf, d->erase_said.data + 1, d->erase_said.len - 2);
}

/* --- the look-up ---------------------------------------------------------------------------------------------------------------- */

static struct target *target_of(struct erase_job *job, const char *debtor_id)
{
	for (size_t i = 0; i < job->count && debtor_id; i++)
		if (strcmp(job->targets[i].id, debtor_id) == 0)
			return &job->targets[i];
	return NULL;
}

/* A walk's step is done: on with it, or to the next step. False: it failed and is tried again. */
static bool walked(struct erase_job *job, int r, const char *next)
{
	if (r < 0) {
		erase_again_later(job);
		return false;
	}
	snprintf(job->cursor, sizeof(job->cursor), "%s", next);
	return true;
}

static void on_found(int r, const char *next, const char *const *keys, const struct store_value *values, size_t count, void *arg)
{
	struct erase_job *job = arg;
	struct dunner *d = job->dunner;
	struct erasure_request request = erase_request(job);

	(void)keys;
	if (!walked(job, r, next))
		return;
	for (size_t i = 0; i < count; i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		struct debtor debtor;

		if (values[i].data && debtor_read(arena, values[i].data, values[i].len, &debtor, NULL) == 0 &&
			strcmp(debtor.id, SYSTEM_CASE) != 0 && !target_of(job, debtor.id) &&
			erasure_may_have_expired(d->library->retention, &debtor, &request, erase_zone(d), flow_now(d)))
			(void)add_target(job, debtor.id);
	}
	snprintf(d->expire_from, sizeof(d->expire_from), "%s", next);
	erase_go(job, strcmp(next, "0") == 0 || job->count >= NIGHT_MAX ? STEP_DEBTORS : STEP_FIND);
}

static void on_debtors(int r, const struct store_value *values, size_t count, void *arg)
{
	struct erase_job *job = arg;

	if (r < 0 || count != job->count) {
		erase_again_later(job);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		struct target *target = &job->targets[i];
		const char *text = values[i].data ? arena_memdup(job->arena, values[i].data, values[i].len) : NULL;
		struct debtor *debtor = text ? arena_alloc(job->arena, sizeof(*debtor)) : NULL;

		*target = (struct target){ .id = target->id };
		if (debtor && debtor_read(job->arena, text, values[i].len, debtor, NULL) == 0)
			target->debtor = debtor;
	}
	snprintf(job->cursor, sizeof(job->cursor), "0");
	erase_go(job, STEP_INVOICES);
}

static void take_invoice(struct erase_job *job, const struct store_value *value)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct escalation e;
	struct target *target;

	if (!value->data || escalation_read(arena, value->data, value->len, &e, NULL) < 0)
		return;
	target = target_of(job, e.invoice.debtor_id);
	for (size_t i = 0; target && i < target->invoice_count; i++)
		if (strcmp(target->invoices[i].life.id, e.invoice.id) == 0)
			return; /* a walk may come by twice */
	if (!target)
		return;
	target->invoices = arena_grow(job->arena, target->invoices, target->invoice_count, &target->invoice_capacity,
		sizeof(*target->invoices));
	target->invoices[target->invoice_count++] = erasure_invoice(job->arena, &e);
}

static void on_invoices(int r, const char *next, const char *const *keys, const struct store_value *values, size_t count, void *arg)
{
	struct erase_job *job = arg;

	(void)keys;
	if (!walked(job, r, next))
		return;
	for (size_t i = 0; i < count; i++)
		/* Most are others': with few targets that is seen without reading them. */
		if (job->count > 1 || (values[i].data && memmem(values[i].data, values[i].len, job->targets[0].id, strlen(job->targets[0].id))))
			take_invoice(job, &values[i]);
	erase_go(job, strcmp(job->cursor, "0") == 0 ? STEP_TASKS : STEP_INVOICES);
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct erasure_invoice *)a)->life.id, ((const struct erasure_invoice *)b)->life.id);
}

static void on_tasks(int r, const struct store_value *values, size_t count, void *arg)
{
	struct erase_job *job = arg;

	if (r < 0) {
		erase_again_later(job);
		return;
	}
	for (size_t i = 0; i + 1 < count; i += 2) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		struct json root, debtor, opened;
		struct target *target;

		if (json_parse(arena, values[i + 1].data, values[i + 1].len, 0, &root, NULL) < 0)
			continue;
		debtor = json_get(&root, "debtor");
		opened = json_get(&root, "opened_at");
		target = target_of(job, json_str(&debtor));
		if (!target)
			continue;
		target->tasks = arena_grow(job->arena, target->tasks, target->task_count, &target->task_capacity, sizeof(*target->tasks));
		target->tasks[target->task_count++] =
			(struct erasure_task){ arena_strdup(job->arena, values[i].data), json_int(&opened) };
	}
	for (size_t i = 0; i < job->count; i++) /* so that two askings name the same one */
		if (job->targets[i].invoice_count)
			qsort(job->targets[i].invoices, job->targets[i].invoice_count, sizeof(*job->targets[i].invoices), by_id);
	erase_go(job, STEP_JUDGE);
}

/* --- the target in hand ---------------------------------------------------------------------------------------------------------- */

static bool facts_go(const struct erasure_plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		if (plan->parts[i].class == CLASS_FACTS && plan->parts[i].verdict.bar == BAR_NONE && !plan->parts[i].elsewhere)
			return true;
	return false;
}

void erase_next(struct erase_job *job)
{
	job->at++;
	job->tries = 0;
	job->told = false;
	job->rekeyed = job->stale = false;
	if (job->at >= job->count)
		job_end(job);
	else
		erase_go(job, job->resumed ? STEP_CARRY : STEP_JUDGE);
}

static void judge(struct erase_job *job)
{
	struct target *target = erase_in_hand(job);
	struct erasure_plan plan;

	if (!target->debtor || (!job->nightly && target->debtor->trail.year == 0 && !target->debtor->trail.earlier_count)) {
		if (!job->nightly)
			say_failed(job, "unknown", "there is no file of this customer");
		erase_next(job);
		return;
	}
	erase_plan(job, target, target->debtor, job->arena, &plan);
	erase_say(job, target, &plan, false);
	job->kept = arena_alloc(job->arena, (target->invoice_count + 1) * sizeof(*job->kept));
	job->kept_count = job->kept_at = 0;
	for (size_t i = 0; i < target->invoice_count && facts_go(&plan); i++)
		if (!erasure_drops(&plan, target->debtor, erase_zone(job->dunner), &target->invoices[i]))
			job->kept[job->kept_count++] = target->invoices[i].life.id;
	if (job->yes && plan.going)
		erase_go(job, job->kept_count && !job->rekeyed ? STEP_REKEY : STEP_ERASE);
	else if (!job->nightly && plan.refused)
		erase_go(job, STEP_REFUSE);
	else
		erase_next(job);
}

static void look_again(struct erase_job *job)
{
	if (++job->tries > TRIES_MAX) {
		if (!job->nightly)
			say_failed(job, "busy", "something about this customer changes all the time: try again later");
		erase_next(job);
		return;
	}
	erase_go(job, STEP_DEBTORS);
}

void erase_committed(struct dunner *d, const struct group *g)
{
	struct erase_job *job = d->erase;

	if (!job || !job->waits || !g->inputs || g->inputs->kind != INPUT_ERASURE)
		return;
	job->waits = false;
	switch (job->step) {
	case STEP_REKEY:
		job->kept_at += REKEY_MAX;
		job->rekeyed = job->kept_at >= job->kept_count;
		erase_go(job, job->rekeyed ? STEP_DEBTORS : STEP_REKEY);
		break;
	case STEP_ERASE:
		if (job->stale)
			look_again(job);
		else
			erase_go(job, STEP_CARRY);
		break;
	default:
		erase_next(job);
		break;
	}
}

/* --- on, step by step ----------------------------------------------------------------------------------------------------------------- */

static void ask_debtors(struct erase_job *job)
{
	struct dunner *d = job->dunner;

	if (!job->count) {
		job_end(job);
		return;
	}
	job->keys = arena_alloc(job->arena, job->count * sizeof(*job->keys));
	for (size_t i = 0; i < job->count; i++)
		job->keys[i] = key_debtor(job->arena, &d->keyspace, job->targets[i].id);
	d->ports.store->load(d->ports.store->self, job->keys, job->count, on_debtors, job);
}

static void run(struct erase_job *job)
{
	struct dunner *d = job->dunner;
	const struct store_port *store = d->ports.store;

	if (d->stopping || d->failed) { /* what is recorded is carried on with at the next start */
		d->erase = NULL;
		arena_free(job->arena);
		return;
	}
	switch (job->step) {
	case STEP_FIND:
		store->scan(store->self, job->cursor, key_debtor(job->arena, &d->keyspace, "*"), on_found, job);
		return;
	case STEP_DEBTORS:
		ask_debtors(job);
		return;
	case STEP_INVOICES:
		store->scan(store->self, job->cursor, key_escalation(job->arena, &d->keyspace, "*"), on_invoices, job);
		return;
	case STEP_TASKS:
		store->hash(store->self, key_of(job->arena, &d->keyspace, "tasks"), on_tasks, job);
		return;
	case STEP_JUDGE:
		judge(job);
		return;
	case STEP_CARRY:
		erase_carry(job);
		return;
	case STEP_STREAMS:
		erase_read_stream(job);
		return;
	default:
		job->waits = true;
		flow_wait(d, flow_input(INPUT_ERASURE));
		dunner_pump(d);
		return;
	}
}

/* --- how it begins --------------------------------------------------------------------------------------------------------------------- */

void erase_resume(struct dunner *d, const struct debtor *system)
{
	struct erase_job *job;

	if (!system->erasing_count || d->erase)
		return;
	job = job_create(d);
	job->resumed = job->yes = true;
	job->step = STEP_CARRY;
	job->retry = true; /* begun by erase_pump(), when the start is recorded */
	for (size_t i = 0; i < system->erasing_count; i++)
		add_target(job, system->erasing[i].debtor)->work = erase_copy_work(job->arena, &system->erasing[i]);
}

static int64_t next_night(const struct dunner *d, int64_t now)
{
	const struct zone *zone = erase_zone(d);
	date today = zone_date(zone, now);
	int64_t at = zone_to_utc(zone, today, NIGHT_MINUTE);

	return at > now ? at : zone_to_utc(zone, date_add_days(today, 1), NIGHT_MINUTE);
}

void erase_pump(struct dunner *d)
{
	int64_t now = flow_now(d);
	struct erase_job *job;

	if (d->state != DUNNER_RUNNING || d->stopping)
		return;
	if (d->erase && d->erase->resumed && d->erase->retry && !d->erase_timer) {
		d->erase->retry = false;
		run(d->erase);
		return;
	}
	if (!d->config->retention_expire || d->erase)
		return;
	if (!d->expire_at)
		d->expire_at = next_night(d, now);
	if (now < d->expire_at)
		return;
	d->expire_at = next_night(d, now);
	job = job_create(d);
	job->nightly = job->yes = true;
	if (d->expire_from[0])
		snprintf(job->cursor, sizeof(job->cursor), "%s", d->expire_from);
	run(job);
}

int dunner_erase(struct dunner *d, const struct dunner_erasure *erasure, struct err *err)
{
	struct erase_job *job;

	if (d->erase)
		return err_set(err, -EBUSY, "busy", "", "another erasure is under way: try again when it is done");
	if (d->state != DUNNER_RUNNING || d->stopping)
		return err_set(err, -EAGAIN, "not_running", "", "the daemon is not running yet, or stopping: try again later");
	job = job_create(d);
	job->yes = erasure->yes;
	job->classes = erasure->classes;
	job->until_year = erasure->until_year;
	job->who = arena_strdup(job->arena, erasure->who);
	job->why = arena_strdup(job->arena, erasure->why);
	(void)add_target(job, erasure->customer);
	job->step = STEP_DEBTORS;
	buf_reset(&d->erase_said);
	run(job);
	return 0;
}
