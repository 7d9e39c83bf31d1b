/* Erasing: the groups. Which documents and keys go is decided with the debtor's document loaded, and recorded in the same group. */
#include <string.h>

#include "common/hash.h"
#include "daemon/erase_internal.h"

#define INDEXES_MAX 500

const struct zone *erase_zone(const struct dunner *d)
{
	const struct zone *zone = NULL;

	(void)zone_get(d->config->creditor.zone, &zone); /* the configuration was checked */
	return zone;
}

struct erasure_request erase_request(const struct erase_job *job)
{
	return (struct erasure_request){ job->classes, job->until_year, job->dunner->config->origin };
}

struct target *erase_in_hand(struct erase_job *job)
{
	return &job->targets[job->at];
}

struct erasure_file erase_file(const struct target *target, const struct debtor *debtor)
{
	return (struct erasure_file){ debtor, target->invoices, target->invoice_count, target->tasks, target->task_count, false };
}

void erase_plan(struct erase_job *job, const struct target *target, const struct debtor *debtor, struct arena *arena,
	struct erasure_plan *ret)
{
	struct dunner *d = job->dunner;
	struct erasure_file file = erase_file(target, debtor);
	struct erasure_request request = erase_request(job);

	erasure_plan(d->library->retention, &file, &request, erase_zone(d), flow_now(d), arena, ret);
}

struct erasing erase_copy_work(struct arena *arena, const struct erasing *work)
{
	struct erasing ret = *work;

	ret.debtor = arena_strdup(arena, work->debtor);
	ret.keys = arena_memdup(arena, work->keys, work->key_count * sizeof(*work->keys));
	ret.ids = arena_memdup(arena, work->ids, work->id_count * sizeof(*work->ids));
	ret.attempts = arena_memdup(arena, work->attempts, work->attempt_count * sizeof(*work->attempts));
	for (size_t i = 0; i < ret.key_count; i++)
		ret.keys[i].log = arena_strdup(arena, work->keys[i].log);
	for (size_t i = 0; i < ret.id_count; i++)
		ret.ids[i] = arena_strdup(arena, work->ids[i]);
	for (size_t i = 0; i < ret.attempt_count; i++)
		ret.attempts[i] = arena_strdup(arena, work->attempts[i]);
	return ret;
}

/* --- what came of it ------------------------------------------------------------------------------------------------------------ */

static void write_part(struct json_writer *w, const struct erasure_part *part, bool done)
{
	const struct retention_verdict *v = &part->verdict;
	bool goes = v->bar == BAR_NONE && !part->elsewhere;
	char text[DATE_TEXT_SIZE];

	jw_object(w, NULL);
	jw_int(w, "year", part->keys->year);
	jw_str(w, "class", class_names[part->class]);
	jw_str(w, "outcome", goes ? done ? "erased" : "would_erase" : "refused");
	jw_int(w, "records", (int64_t)part->keys->n);
	if (!goes)
		jw_str(w, "reason", part->elsewhere ? "elsewhere" : retention_bar_names[v->bar]);
	jw_opt_str(w, "what", part->elsewhere ? part->keys->log : v->what);
	if (date_is_set(v->from))
		jw_str(w, "from", date_format(v->from, text));
	if (v->rule) {
		jw_str(w, "basis", v->rule->source);
		jw_str(w, "certainty", v->rule->certainty);
	}
	jw_end_object(w);
}

static void write_parts(struct json_writer *w, const char *key, const struct erasure_plan *plan, bool done, int which)
{
	jw_array(w, key);
	for (size_t i = 0; i < plan->count; i++) {
		bool goes = plan->parts[i].verdict.bar == BAR_NONE && !plan->parts[i].elsewhere;

		if (which < 0 || goes == (bool)which)
			write_part(w, &plan->parts[i], done);
	}
	jw_end_array(w);
}

void erase_say(struct erase_job *job, const struct target *target, const struct erasure_plan *plan, bool done)
{
	struct buf *out = &job->dunner->erase_said;
	struct json_writer w = jw_init(out);

	if (job->nightly)
		return;
	buf_reset(out);
	jw_object(&w, NULL);
	jw_str(&w, "state", "done");
	jw_str(&w, "customer", target->id);
	jw_bool(&w, "dry_run", !job->yes);
	jw_int(&w, "going", (int64_t)plan->going);
	jw_int(&w, "refused", (int64_t)plan->refused);
	write_parts(&w, "parts", plan, done, -1);
	jw_end_object(&w);
}

/* --- its groups ------------------------------------------------------------------------------------------------------------------ */

void erase_wants(struct dunner *d, struct group *g)
{
	struct erase_job *job = d->erase;

	if (!job)
		return;
	if (job->step == STEP_ERASE)
		(void)group_doc(d, g, DOC_DEBTOR, erase_in_hand(job)->id);
	for (size_t i = job->kept_at; job->step == STEP_REKEY && i < job->kept_count && i < job->kept_at + REKEY_MAX; i++)
		(void)group_doc(d, g, DOC_ESCALATION, job->kept[i]);
}

/*
 * Where the records of a key stand in their log, newest first: each names the one before. As long as its facts can be opened, and not
 * more than a few hundred: the number of all is told beside it.
 */
static void write_indexes(struct dunner *d, struct json_writer *w, const struct trail_keys *keys)
{
	const struct journal_port *journal = d->ports.journal;
	const char *origin = journal->origin(journal->self, keys->year);
	uint64_t index = keys->last_index;

	jw_object(w, NULL);
	jw_int(w, "year", keys->year);
	jw_array(w, "indexes");
	for (uint64_t n = 0; n < keys->n && n < INDEXES_MAX; n++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		CLEANUP(buf_clear) struct buf bytes = { 0 }, text = { 0 };
		uint8_t salt[SALT_SIZE];
		struct record_body body;
		struct case_keys open;
		struct json root, prev, before;
		int r = journal->read(journal->self, keys->year, index, &bytes);

		if (r < 0 || record_body_read(bytes.data, bytes.len, &body) < 0 || body.blobs[0].year != keys->year ||
			body.blobs[0].slot != keys->slot || d->ports.keys->open(d->ports.keys->self, keys->year, keys->slot, &open) < 0)
			break;
		r = record_body_open(&body, 0, &open, salt, &text);
		cleanse(&open, sizeof(open));
		if (r < 0 || json_parse(arena, buf_str(&text), text.len, 0, &root, NULL) < 0)
			break;
		jw_int(w, NULL, (int64_t)index);
		prev = json_get(&root, "prev");
		before = json_get(&prev, "origin");
		if (!json_str(&before) || strcmp(json_str(&before), origin) != 0)
			break;
		before = json_get(&prev, "index");
		index = (uint64_t)json_int(&before);
	}
	jw_end_array(w);
	jw_end_object(w);
}

static void record(struct erase_job *job, struct group *g, const char *kind, const struct target *target, const struct erasure_plan *plan,
	bool done)
{
	struct draft *draft = effects_record(&g->fx, kind, NULL);
	const struct trail_keys *told = NULL;

	draft->actor = job->nightly ? "daemon" : arena_printf(g->arena, "person:%s", job->who);
	jw_str(&draft->w, "debtor", target->id);
	jw_str(&draft->w, "why", job->nightly ? "expired" : job->why);
	if (!job->yes)
		jw_bool(&draft->w, "dry_run", true);
	write_parts(&draft->w, "keys", plan, done, done);
	if (!done)
		return;
	jw_array(&draft->w, "records");
	for (size_t i = 0; i < plan->count; i++) {
		const struct erasure_part *part = &plan->parts[i];

		if (part->verdict.bar != BAR_NONE || part->elsewhere || told == part->keys)
			continue;
		told = part->keys;
		write_indexes(job->dunner, &draft->w, told);
	}
	jw_end_array(&draft->w);
}

static void delete(struct group *g, size_t *capacity, const char *key)
{
	g->deleted = arena_grow(g->arena, g->deleted, g->deleted_count, capacity, sizeof(*g->deleted));
	g->deleted[g->deleted_count++] = key;
}

static void delete_documents(struct dunner *d, struct group *g, const struct target *target, const struct erasure_plan *plan,
	const struct debtor *debtor)
{
	size_t capacity = 0, untimed_capacity = 0;

	for (size_t i = 0; i < target->invoice_count; i++) {
		const struct erasure_invoice *invoice = &target->invoices[i];

		if (!erasure_drops(plan, debtor, erase_zone(d), invoice))
			continue;
		delete(g, &capacity, key_escalation(g->arena, &d->keyspace, invoice->life.id));
		for (size_t k = 0; k < invoice->attempt_count; k++)
			delete(g, &capacity, key_attempt(g->arena, &d->keyspace, invoice->attempts[k].id));
		g->untimed = arena_grow(g->arena, g->untimed, g->untimed_count, &untimed_capacity, sizeof(*g->untimed));
		g->untimed[g->untimed_count++] = invoice->life.id;
	}
}

static void decide_erasure(struct dunner *d, struct group *g, struct erase_job *job)
{
	struct target *target = erase_in_hand(job);
	struct doc *doc = group_find(d, g, DOC_DEBTOR, target->id), *system = group_case(d, g, NULL);
	struct erasure_plan plan;
	struct erasing work;
	struct erasure_file file;

	/* Every change of an invoice changes its debtor's document: at the same version all is as it was looked at. */
	job->stale = !doc->existed || doc->d->version != target->debtor->version;
	if (job->stale)
		return;
	erase_plan(job, target, doc->d, g->arena, &plan);
	if (!plan.going) { /* midnight went by, or the periods were loaded anew */
		job->stale = true;
		return;
	}
	record(job, g, "erasure.done", target, &plan, true);
	if (plan.refused && !job->nightly)
		record(job, g, "erasure.refused", target, &plan, false);
	erase_say(job, target, &plan, true);
	delete_documents(d, g, target, &plan, doc->d);
	file = erase_file(target, doc->d);
	doc->erased = erasure_apply(doc->d, &plan, &file, erase_zone(d), g->arena, &work);
	doc->d->indexed = false; /* what leads to it may have gone with these keys: it is written again, under those that stay */
	doc->touched = true;
	if (doc->erased) {
		size_t capacity = g->deleted_count;

		delete(g, &capacity, doc->key);
	}
	target->work = erase_copy_work(job->arena, &work);
	debtor_erasing_add(system->d, g->arena, &target->work);
	system->touched = true;
	job->erased += plan.going;
	job->refused += plan.refused;
}

void erase_decide(struct dunner *d, struct group *g)
{
	struct erase_job *job = d->erase;
	struct doc *system = group_case(d, g, NULL);

	if (!job)
		return;
	switch (job->step) {
	case STEP_REFUSE: {
		struct erasure_plan plan;

		erase_plan(job, erase_in_hand(job), erase_in_hand(job)->debtor, g->arena, &plan);
		record(job, g, "erasure.refused", erase_in_hand(job), &plan, false);
		break;
	}
	case STEP_REKEY:
		for (struct doc *doc = g->docs; doc; doc = doc->next)
			if (doc->kind == DOC_ESCALATION && doc->loaded && doc->existed)
				doc->touched = true;
		break;
	case STEP_ERASE:
		decide_erasure(d, g, job);
		break;
	case STEP_CLOSE:
		debtor_erasing_remove(system->d, erase_in_hand(job)->id);
		system->touched = true;
		break;
	default:
		break;
	}
}

void erase_images(struct dunner *d, struct group *g)
{
	struct doc *system = group_case(d, g, NULL);
	const char *due = key_of(g->arena, &d->keyspace, "due");

	for (size_t i = 0; i < g->deleted_count; i++) {
		struct image image = { .op = IMAGE_DEL, .key = g->deleted[i] };

		group_image(g, system, CLASS_FACTS, &image);
	}
	for (size_t i = 0; i < g->untimed_count; i++) {
		struct image image = { .op = IMAGE_ZREM, .key = due, .field = g->untimed[i] };

		group_image(g, system, CLASS_FACTS, &image);
	}
}
