/* Inputs and loaded documents in, changed documents and effects out. The rules are in common/; here is only who is asked what. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "common/adapter.h"
#include "common/embedded.h"
#include "common/hash.h"
#include "common/utc.h"
#include "common/worth.h"
#include "daemon/documents.h"
#include "daemon/flow.h"
#include "daemon/newest.h"

struct rules decide_rules(const struct dunner *d, const struct policy *policy)
{
	int64_t now = flow_now(d);

	return (struct rules){ .policy = policy, .creditor_zone = d->config->creditor.zone,
		.holidays = library_holidays(d->library), .guard = library_guard(d->library), .books = &d->books, .now = now, .loaded_at = d->loaded_at,
		.feed_stale_since = feed_stale_since(policy, d->payments_known_to, now) };
}

static size_t capacity(const char *provider, void *library)
{
	const struct library_provider *p = library_provider(library, provider);

	return p && p->adapter ? adapter_documents(p->adapter) : 1; /* the outbox: a file to print */
}

struct contact_env decide_env(const struct dunner *d)
{
	return (struct contact_env){ .config = d->config, .notices = d->library->notices,
		.holidays = library_holidays(d->library), .guard = library_guard(d->library),
		.demands = d->library->law ? &d->library->law->demands : NULL, .books = &d->books,
		.interest = d->library->law ? &d->library->law->interest : NULL, .install_key = d->settings.install_key,
		.partition = d->settings.partition, .now = flow_now(d), .loaded_at = d->loaded_at, .payments_known_to = d->payments_known_to, .document = documents_get,
		.document_arg = (void *)(uintptr_t)&d->documents, .capacity = capacity, .capacity_arg = d->library, .checkpoint = newest_checkpoint,
		.checkpoint_arg = (void *)(uintptr_t)d->config->state_dir, .merge = d->settings.merge ? merge_apart : NULL,
		.merge_arg = d->settings.merge, .unkept = d->ports.journal->hears != NULL };
}

static const struct policy *find_policy(const char *name, const void *library)
{
	return library_policy(library, name);
}

static struct selection choose(const struct dunner *d, const struct escalation *e, const struct debtor *debtor)
{
	return selection_choose(d->config, find_policy, d->library, &e->invoice, debtor);
}

/* A running escalation keeps its version. */
const struct policy *decide_policy(const struct dunner *d, const struct escalation *e, const struct debtor *debtor)
{
	if (e->policy_digest)
		return library_policy_digest(d->library, e->policy_digest);
	return choose(d, e, debtor).policy;
}

const char *decide_means(const struct dunner *d, const char *provider, struct arena *arena)
{
	const struct library_provider *p = library_provider(d->library, provider);

	return p ? library_means(p, d->config->shadow, d->settings.install_key, d->settings.secret, d->settings.secret_arg,
			    arena_alloc(arena, LIBRARY_MEANS_SIZE)) :
		   NULL;
}

bool decide_moved(const struct dunner *d, const struct attempt_entry *entry)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *today = entry->means ? decide_means(d, entry->provider, arena) : NULL;

	return entry->means && (!today || strcmp(today, entry->means) != 0);
}

struct provider_traits decide_traits(const struct dunner *d, const struct attempt_entry *entry)
{
	const struct library_provider *p = library_provider(d->library, entry->provider);

	if (decide_moved(d, entry))
		return (struct provider_traits){ 0 };
	if (p && p->smtp && !d->config->shadow)
		return (struct provider_traits){ 0 }; /* a mail server remembers nothing, and nobody can ask it */
	if (!p || !p->adapter || d->config->shadow)
		return (struct provider_traits){ .idempotent = true }; /* the outbox: a file by the attempt's name */
	return (struct provider_traits){ .idempotent = adapter_idempotency_ms(p->adapter) > 0,
		.window_ms = adapter_idempotency_ms(p->adapter), .lookup = adapter_can_lookup(p->adapter),
		.not_before_ms = adapter_lookup_not_before_ms(p->adapter),
		.conclusive_after_ms = adapter_lookup_conclusive_ms(p->adapter) };
}

/* --- what must be loaded ------------------------------------------------------------------------------------------- */

static void want(struct dunner *d, struct group *g, enum doc_kind kind, const char *id)
{
	if (id)
		group_doc(d, g, kind, id);
}

static void want_attempt(struct dunner *d, struct group *g, const struct attempt_entry *entry)
{
	want(d, g, DOC_DEBTOR, entry->debtor_id);
	for (size_t i = 0; i < entry->invoice_count; i++)
		want(d, g, DOC_ESCALATION, entry->invoice_ids[i]);
}

/* A contact concerns all open invoices of the debtor, thanks all that were paid: for a due timer they are loaded too. */
static size_t siblings(const struct debtor *debtor, bool paid, const char *const **ret)
{
	size_t count = paid ? debtor->thanks_count : debtor->open_count;

	*ret = (const char *const *)(paid ? debtor->thanks : debtor->open);
	return count < CONTACT_INVOICES_MAX ? count : CONTACT_INVOICES_MAX;
}

static void want_siblings(struct dunner *d, struct group *g, const char *invoice_id, bool any_state)
{
	struct doc *doc = group_find(d, g, DOC_ESCALATION, invoice_id), *debtor;
	const char *const *ids;
	size_t count;

	if (!doc || !doc->loaded || !doc->e->invoice.debtor_id)
		return;
	debtor = group_find(d, g, DOC_DEBTOR, doc->e->invoice.debtor_id);
	if (!debtor || !debtor->loaded || (!any_state && doc->e->state != ESCALATION_WAITING && doc->e->state != ESCALATION_CLOSED))
		return;
	count = siblings(debtor->d, !any_state && doc->e->state == ESCALATION_CLOSED, &ids);
	for (size_t i = 0; i < count && g->doc_count < GROUP_DOCS_MAX; i++)
		want(d, g, DOC_ESCALATION, ids[i]);
}

/* Whatever ends a task for one of its invoices concerns all of them, however many more are at hand. */
static void want_sharers(struct dunner *d, struct group *g, const struct doc *doc)
{
	const struct doc *debtor = group_find(d, g, DOC_DEBTOR, doc->e->invoice.debtor_id);

	for (size_t i = 0; doc->e->state == ESCALATION_TASK && debtor && debtor->loaded && i < debtor->d->open_count; i++)
		want(d, g, DOC_ESCALATION, debtor->d->open[i]);
}

static bool about_customer(const char *command)
{
	static const char *const words[] = { "retain", "unretain", "allow", "forbid" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(words[i], command) == 0)
			return true;
	return false;
}

/* An answer that names no invoice is about all that are open. */
static void want_open(struct dunner *d, struct group *g, const struct input *input)
{
	const struct doc *debtor = input->parsed == 0 && decide_names_nothing(&input->event) ? group_find(d, g, DOC_DEBTOR, input->event.customer_id) : NULL;

	for (size_t i = 0; debtor && debtor->loaded && i < debtor->d->open_count; i++)
		want(d, g, DOC_ESCALATION, debtor->d->open[i]);
}

void decide_wants(struct dunner *d, struct group *g)
{
	want(d, g, DOC_DEBTOR, SYSTEM_CASE);
	for (struct input *input = g->inputs; input; input = input->next) {
		switch (input->kind) {
		case INPUT_ENTRY:
			want(d, g, DOC_ESCALATION, input->event.invoice_id);
			want(d, g, DOC_DEBTOR, input->event.customer_id);
			want(d, g, DOC_BODY, input->parsed == 0 ? input->event.apart : NULL);
			for (size_t i = 0; input->event.book && i < input->event.book->count; i++)
				want(d, g, DOC_ESCALATION, input->event.book->items[i].invoice_id);
			if (input->event.type == EVENT_CALL_COMPLETED) /* a call is about all the invoices of its task */
				want_siblings(d, g, input->event.invoice_id, true);
			for (size_t i = 0; i < input->event.invoice_count; i++)
				want(d, g, DOC_ESCALATION, input->event.invoice_ids[i]);
			want_open(d, g, input);
			for (size_t i = 0; i < input->also_count; i++) {
				want(d, g, DOC_ESCALATION, input->also[i].invoice_id);
				want(d, g, DOC_DEBTOR, input->also[i].customer_id);
			}
			if (input->parsed == 0 && input->event.type == EVENT_OPERATOR_COMMAND && input->event.target) {
				const char *customer = decide_task_customer(&input->event);
				const char *id = customer ? NULL : strcmp(input->event.command, "call_log") == 0 && !strchr(input->event.target, ':') ?
					input->event.target : decide_task_invoice(g->arena, input->event.target);

				want(d, g, DOC_DEBTOR, customer);
				if (!customer && id_valid(input->event.target))
					want(d, g, about_customer(input->event.command) ? DOC_DEBTOR : DOC_ESCALATION, input->event.target);
				if (id && id_valid(id)) { /* a task's id, which may be longer than the invoice's that it names */
					want(d, g, DOC_ESCALATION, id);
					want_siblings(d, g, id, true);
				}
			}
			break;
		case INPUT_DUE:
			want(d, g, DOC_ESCALATION, input->invoice_id);
			want_siblings(d, g, input->invoice_id, false);
			break;
		case INPUT_OUTCOME:
		case INPUT_RECONCILE:
			want_attempt(d, g, input->attempt);
			break;
		case INPUT_ERASURE:
			erase_wants(d, g);
			break;
		case INPUT_ADOPT:
			adopt_wants(d, g, input);
			break;
		default:
			break;
		}
	}
	for (struct doc *doc = g->docs; doc; doc = doc->next)
		if (doc->kind == DOC_ESCALATION && doc->loaded) {
			want(d, g, DOC_DEBTOR, doc->e->invoice.debtor_id);
			want_sharers(d, g, doc);
		}
}

/* --- due timers ------------------------------------------------------------------------------------------------------ */

static struct debtor *debtor_of(struct dunner *d, struct group *g, const struct escalation *e)
{
	struct doc *doc = group_find(d, g, DOC_DEBTOR, e->invoice.debtor_id);

	return doc && doc->loaded ? doc->d : NULL;
}

static void touch(struct dunner *d, struct group *g, struct doc *doc)
{
	struct doc *debtor = group_find(d, g, DOC_DEBTOR, doc->e->invoice.debtor_id);

	doc->touched = true;
	if (debtor && debtor->loaded)
		debtor->touched = true;
}

/* How it ended teaches what to expect of others. */
static void count_worth(struct dunner *d, struct group *g, struct doc *doc, const struct debtor *debtor)
{
	struct doc *system = group_case(d, g, NULL);
	const struct zone *zone;

	if (!doc->e->invoice.known || zone_get(debtor ? debtor_zone(debtor, d->config->creditor.zone) : d->config->creditor.zone, &zone) < 0)
		return;
	system->touched |= worth_count(doc->e, &system->d->experience, doc->e->invoice.snapshot.due_on,
		doc->e->state == ESCALATION_CLOSED ? zone_date(zone, invoice_paid_at(&doc->e->invoice)) : date_none(), zone_date(zone, flow_now(d)));
}

static void refresh(struct dunner *d, struct group *g, struct doc *doc)
{
	struct debtor *debtor = debtor_of(d, g, doc->e);
	int64_t paid = debtor ? debtor->paid : 0, late = debtor ? debtor->paid_late : 0, broken = debtor ? debtor->promises_broken : 0;
	int64_t kept = debtor ? debtor->promises_kept : 0, work = debtor ? (int64_t)debtor->work_held_count : 0;
	int64_t owed = debtor ? debtor->still_owed : 0, thanks = debtor ? (int64_t)debtor->thanks_count : 0;
	int64_t deposits = debtor ? debtor->deposits : 0, deposits_late = debtor ? debtor->deposits_late : 0;
	const char *walks = debtor ? debtor->walks : NULL, *task = doc->e->state == ESCALATION_TASK ? doc->e->task : NULL;
	struct selection selection;
	struct rules rules;

	if (!doc->e->policy_digest)
		selection = choose(d, doc->e, debtor);
	doc->policy = doc->e->policy_digest ? decide_policy(d, doc->e, debtor) : selection.policy;
	rules = decide_rules(d, doc->policy);
	rules.behind = !g->contacts_allowed;
	rules.selection = doc->e->policy_digest ? NULL : &selection;
	escalation_refresh(doc->e, debtor, &rules, &g->fx);
	count_worth(d, g, doc, debtor);
	if (debtor && (paid != debtor->paid || late != debtor->paid_late || broken != debtor->promises_broken ||
			      deposits != debtor->deposits || deposits_late != debtor->deposits_late || walks != debtor->walks ||
			      kept != debtor->promises_kept || work != (int64_t)debtor->work_held_count ||
			      owed != debtor->still_owed || thanks != (int64_t)debtor->thanks_count))
		group_find(d, g, DOC_DEBTOR, debtor->id)->touched = true;
	if (task && doc->e->state != ESCALATION_TASK)
		decide_task_left(d, g, doc, task);
}

/* Nothing was posted: what kept its distance from that letter is looked at. */
static void forget_letter(struct dunner *d, struct group *g, const struct doc *invoice, const char *task)
{
	struct doc *debtor = group_find(d, g, DOC_DEBTOR, invoice->e->invoice.debtor_id);

	if (!debtor || !debtor->loaded || strcmp(task_kind(task), "post") != 0)
		return;
	if (debtor_contact_remove(debtor->d, task))
		decide_touch_debtor(g, debtor);
}

void decide_task_left(struct dunner *d, struct group *g, const struct doc *invoice, const char *task)
{
	forget_letter(d, g, invoice, task);
	for (struct doc *doc = g->docs; doc; doc = doc->next)
		if (doc->kind == DOC_ESCALATION && doc->loaded && doc->e->state == ESCALATION_TASK && strcmp(doc->e->task, task) == 0) {
			escalation_task_withdrawn(doc->e, true, &g->fx); /* the text names what is out of it by now */
			touch(d, g, doc);
			refresh(d, g, doc);
		}
}

/* Recorded once per invoice, step, reason and end, so that a wait cannot flood the trail. */
static void note_deferral(struct dunner *d, struct group *g, struct doc *doc, const struct next_action *next)
{
	const char *step = doc->policy->steps[next->step].id;
	char text[UTC_TEXT_SIZE];
	char *key = arena_printf(g->arena, "%s %s %s", step, next->why, utc_format(next->at, text));
	struct draft *draft;

	(void)d;
	if (doc->e->deferred && strcmp(doc->e->deferred, key) == 0)
		return;
	doc->e->deferred = key;
	draft = effects_record(&g->fx, "attempt.deferred", doc->e->invoice.debtor_id);
	jw_str(&draft->w, "invoice", doc->id);
	jw_str(&draft->w, "step", step);
	jw_str(&draft->w, "reason", next->why);
	jw_int(&draft->w, "owed_at", next->owed_at);
	jw_int(&draft->w, "until", next->at);
	draft = effects_event(&g->fx, "contact.deferred", doc->e->invoice.debtor_id, doc->id);
	jw_str(&draft->w, "step", step);
	jw_str(&draft->w, "reason", next->why);
	jw_int(&draft->w, "until", next->at);
}

/* What a person should know before they decide. */
static const char *gate_script(struct dunner *d, struct group *g, struct doc *doc)
{
	struct doc *system = group_case(d, g, NULL);
	struct debtor *debtor = debtor_of(d, g, doc->e);
	const struct zone *zone;
	struct worth worth;

	if (zone_get(debtor ? debtor_zone(debtor, d->config->creditor.zone) : d->config->creditor.zone, &zone) < 0)
		return NULL;
	worth = worth_of(d->config, doc->e, doc->policy, &system->d->experience, zone_date(zone, flow_now(d)));
	return worth_text(&worth, doc->e, d->config->creditor.locale, g->arena);
}

static void open_gate(struct dunner *d, struct group *g, struct doc *doc, const struct step *step, int64_t now, bool renewed)
{
	struct escalation *e = doc->e;
	struct task task = { .id = arena_printf(g->arena, "decision:%s:%s", doc->id, step->id), .kind = "decision",
		.debtor_id = e->invoice.debtor_id, .invoice_ids = &doc->id, .invoice_count = 1, .step = step->id,
		.role = step->role, .owner = step->owner ? step->owner : step->approver, .reason = renewed ? "renewed" : step->gate, .opened_at = now,
		.deadline = now + step->deadline_days * DAY_MS, .script = step->handover ? NULL : gate_script(d, g, doc) };

	if (!renewed)
		escalation_move(e, TRIGGER_GATE_OPENED);
	e->step = step->id;
	e->task = task.id;
	if (!renewed)
		e->since = now;
	e->look_at = task.deadline;
	effects_task(&g->fx, &task);
}

static void expire_call(struct dunner *d, struct group *g, struct doc *doc, int64_t now)
{
	struct escalation *e = doc->e;
	struct task task = { .id = e->task, .kind = task_kind(e->task), .debtor_id = e->invoice.debtor_id, .invoice_ids = &doc->id,
		.invoice_count = 1, .step = e->step, .close = true, .result = "expired" };
	struct draft *draft = effects_record(&g->fx, "attempt.skipped", e->invoice.debtor_id);

	jw_str(&draft->w, "invoice", doc->id);
	jw_str(&draft->w, "step", e->step);
	jw_str(&draft->w, "reason", "task_expired");
	effects_task(&g->fx, &task);
	forget_letter(d, g, doc, e->task);
	escalation_move(e, TRIGGER_TASK_ENDED);
	escalation_walked(e, g->arena, e->step, STEP_SKIPPED, "task_expired", now, NULL);
}

static void release(struct dunner *d, struct group *g, struct debtor *debtor, const struct contact_plan *plan)
{
	struct contact_env env = decide_env(d);
	struct release *release = arena_alloc(g->arena, sizeof(*release));
	struct contact_released out = { 0 };
	struct err err = { 0 };
	bool expected = false;
	int r;

	if (plan->step->kind == STEP_CALL)
		r = contact_open_call(&env, debtor, plan, &g->fx, &err);
	else if (contact_by_hand(&env, plan))
		r = contact_open_post(&env, debtor, plan, &g->fx, &err);
	else
		r = contact_release(&env, debtor, plan, sender_request, d, &g->fx, &out, &err);
	for (size_t i = 0; i < plan->member_count; i++) {
		struct doc *doc = group_find(d, g, DOC_ESCALATION, plan->members[i]->invoice.id);

		touch(d, g, doc);
		doc->contacted = true;
		if (r < 0)
			expected |= contact_put_off(&env, debtor, plan, i, r, &err, &g->fx);
		if (r < 0 && !expected)
			decide_unmade(d, doc->id);
	}
	if (r == -EAGAIN && expected)
		return;
	if (r < 0) {
		dunner_log(d, (expected ? LOG_WARNING : LOG_ERR) | MSG(CANNOT_SEND), "decide: step %s for invoice %s cannot be sent: %s %s", plan->step->id,
			plan->members[0]->invoice.id, err.path, err.text);
		return;
	}
	for (size_t i = 0; i < out.papers.count; i++)
		dunner_log(d, LOG_WARNING | MSG(PAPER_MISSING), "decide: step %s for invoice %s goes without its document", plan->step->id, out.papers.invoice_ids[i]);
	if (contact_by_hand(&env, plan))
		return;
	pacing_count(d, g, out.message.provider);
	release->message = out.message;
	release->intent = out.intent;
	release->entry = (struct attempt_entry){ .id = out.message.attempt_id, .debtor_id = debtor->id,
		.step = out.message.step, .channel = channel_names[out.message.channel],
		.provider = out.message.provider, .policy_digest = plan->policy->digest,
		.invoice_ids = out.message.invoice_ids, .invoice_count = out.message.invoice_count,
		.released_at = env.now, .due_at = plan->owed_at, .shadow = env.config->shadow, .means = decide_means(d, out.message.provider, g->arena) };
	*g->releases_end = release;
	g->releases_end = &release->next;
	g->release_count++;
	brake_count(d, g, !plan->members[0]->tries && !plan->members[0]->put_off); /* a failing provider makes no more contacts of them */
}

static size_t free_slots(const struct dunner *d, const struct group *g)
{
	size_t used = d->flight_count + flow_slots_beside(d), most = (size_t)d->config->limits.concurrency;

	/* What a kill could leave in doubt stays within the limit: an outcome frees its slot when it is durable before the release is. */
	used += g->release_count - g->landing_count;
	for (const struct group *before = d->decided; before; before = before->next)
		used += before->release_count - before->landing_count;
	return used < most ? most - used : 0;
}

/* A statement of account has all that is owed in the currency, also what is disputed, promised, or not owed a word just now. */
static void list_open(struct dunner *d, struct group *g, const struct debtor *debtor, struct contact_plan *plan)
{
	for (size_t i = 0; i < debtor->open_count; i++) {
		struct doc *doc = group_find(d, g, DOC_ESCALATION, debtor->open[i]);

		if (!doc || !doc->loaded || plan->open_count == CONTACT_INVOICES_MAX) {
			plan->open_left_out++; /* no more are at hand than one contact may be about */
			continue;
		}
		if (doc->e->invoice.known && doc->e->state != ESCALATION_CLOSED && invoice_view(&doc->e->invoice).balance > 0 &&
			strcmp(doc->e->invoice.snapshot.currency, plan->members[0]->invoice.snapshot.currency) == 0)
			plan->open[plan->open_count++] = doc->e;
	}
}

static bool contact_due(struct dunner *d, struct group *g, struct doc *doc, struct debtor *debtor)
{
	struct candidate *candidates = arena_alloc(g->arena, CONTACT_INVOICES_MAX * sizeof(*candidates));
	struct contact_env env = decide_env(d);
	struct contact_plan *plan = &d->plan;
	const char *const *ids;
	size_t count = 0, known = siblings(debtor, doc->e->state == ESCALATION_CLOSED, &ids);

	if (known) /* who is looked at below may leave the list */
		ids = arena_memdup(g->arena, ids, known * sizeof(*ids));
	candidates[count++] = (struct candidate){ doc->e, doc->policy };
	for (size_t i = 0; i < known && count < CONTACT_INVOICES_MAX; i++) {
		struct doc *other = group_find(d, g, DOC_ESCALATION, ids[i]);

		if (!other || !other->loaded || other == doc || !other->e->invoice.debtor_id || strcmp(other->e->invoice.debtor_id, debtor->id) != 0)
			continue;
		if (other->e->next_at && other->e->next_at <= flow_now(d) && !other->contacted) { /* a promise broken just now changes what is owed */
			touch(d, g, other);
			refresh(d, g, other);
		}
		if (other->e->state != doc->e->state)
			continue;
		other->policy = decide_policy(d, other->e, debtor);
		if (other->policy)
			candidates[count++] = (struct candidate){ other->e, other->policy };
	}
	if (!contact_plan(&env, debtor, candidates, count, doc->id, plan))
		return false;
	if (!contact_by_hand(&env, plan) && !pacing_choose(d, g, debtor, plan))
		return false;
	if (plan->step->attach_statement)
		list_open(d, g, debtor, plan);
	release(d, g, debtor, plan);
	return true;
}

static void resolve_doubt(struct dunner *d, struct doc *doc);

static void look(struct dunner *d, struct group *g, struct doc *doc)
{
	struct debtor *debtor = debtor_of(d, g, doc->e);
	int64_t now = flow_now(d);
	struct next_action next;
	struct rules rules;

	if (doc->contacted)
		return; /* a sibling's contact in this group covered it */
	doc->policy = decide_policy(d, doc->e, debtor);
	rules = decide_rules(d, doc->policy);
	next = escalation_next(doc->e, debtor, &rules);
	if (next.kind == NEXT_TASK_END && next.at <= now)
		expire_call(d, g, doc, now);
	else if (next.kind == NEXT_GATE_END && next.at <= now) {
		int step = doc->policy ? policy_step_index(doc->policy, doc->e->step) : -ENOENT;

		if (step >= 0)
			open_gate(d, g, doc, &doc->policy->steps[step], now, true);
	} else if (next.kind == NEXT_RESOLVE || next.kind == NEXT_BUSY)
		resolve_doubt(d, doc);
	touch(d, g, doc);
	refresh(d, g, doc);
	next = escalation_next(doc->e, debtor, &rules);
	if (next.kind == NEXT_GATE && next.at <= now) {
		open_gate(d, g, doc, &doc->policy->steps[next.step], now, false);
	} else if ((next.kind == NEXT_CONTACT || next.kind == NEXT_ASIDE) && next.at <= now && debtor) {
		if (g->contacts_allowed && free_slots(d, g) && !group_find(d, g, DOC_DEBTOR, debtor->id)->answered)
			contact_due(d, g, doc, debtor);
	} else if (next.kind == NEXT_CONTACT && next.owed_at <= now && doc->policy) {
		note_deferral(d, g, doc, &next);
	}
}

/* --- outcomes -------------------------------------------------------------------------------------------------------- */

struct candidate *decide_members(struct dunner *d, struct group *g, const struct attempt_entry *entry, size_t *count)
{
	struct candidate *members = arena_alloc(g->arena, entry->invoice_count * sizeof(*members));
	struct doc *debtor = group_find(d, g, DOC_DEBTOR, entry->debtor_id);

	if (debtor)
		debtor->answered = true;
	*count = 0;
	for (size_t i = 0; i < entry->invoice_count; i++) {
		struct doc *doc = group_find(d, g, DOC_ESCALATION, entry->invoice_ids[i]);

		if (!doc || !doc->loaded || !doc->existed)
			continue;
		doc->policy = decide_policy(d, doc->e, debtor_of(d, g, doc->e));
		touch(d, g, doc);
		members[(*count)++] = (struct candidate){ doc->e, doc->policy };
	}
	return members;
}

bool decide_settled(const struct candidate *members, size_t count, const struct attempt_entry *entry, bool *sent)
{
	bool held = !count; /* nothing is left of its invoices: only the entry can tell */

	*sent = false;
	for (size_t i = 0; i < count; i++) {
		const struct escalation *e = members[i].escalation;

		held |= e->attempt && strcmp(e->attempt, entry->id) == 0;
		for (size_t k = 0; k < e->walk_count; k++)
			*sent |= e->walk[k].end == STEP_SENT && e->walk[k].attempt &&
				strcmp(e->walk[k].attempt, entry->id) == 0;
	}
	return !held;
}

void decide_entry(struct group *g, const struct attempt_entry *was, struct attempt_entry *entry, bool settled)
{
	g->doubts += (!settled && entry->in_doubt) - (was && was->in_doubt);
	if (settled) {
		g->settled = arena_grow(g->arena, g->settled, g->settled_count, &g->settled_capacity,
			sizeof(*g->settled));
		g->settled[g->settled_count++] = entry->id;
	} else {
		g->kept = arena_grow(g->arena, g->kept, g->kept_count, &g->kept_capacity, sizeof(struct attempt_entry *));
		g->kept[g->kept_count++] = entry;
	}
}

static void decide_outcome(struct dunner *d, struct group *g, struct input *input)
{
	struct contact_env env = decide_env(d);
	/* its own: what is decided may be given back */
	struct attempt_entry *entry = arena_memdup(g->arena, input->attempt, sizeof(*entry));
	struct provider_traits traits = decide_traits(d, entry);
	struct doc *debtor = group_find(d, g, DOC_DEBTOR, entry->debtor_id);
	struct candidate *members;
	bool sent;
	size_t count;

	members = decide_members(d, g, entry, &count);
	if (decide_settled(members, count, entry, &sent) && (sent || input->outcome->kind != OUTCOME_ACCEPTED)) {
		decide_entry(g, NULL, entry, true);
		return; /* another answer about it came first; only that it was sent after all is still news */
	}
	if (debtor && debtor->loaded)
		debtor->touched = true;
	digest_settled(d, g, entry, input->outcome);
	if (input->outcome->kind == OUTCOME_IN_DOUBT)
		(void)reconcile_note_moved(d, entry);
	if (input->outcome->kind == OUTCOME_CANCELLED)
		brake_uncount(d, g, entry, members, count);
	decide_entry(g, input->attempt, entry,
		contact_settle(&env, debtor && debtor->loaded ? debtor->d : NULL, members, count, entry, &traits, input->outcome, &g->fx));
	pacing_told(d, g, entry, input->outcome);
	d->outcomes++;
	if (input->outcome->kind == OUTCOME_REFUSED)
		dunner_log(d, LOG_WARNING | MSG(REFUSED), "sender: attempt %s, step %s, was refused by provider %s: %s (HTTP %d); its answer is in the trail",
			entry->id, entry->step, entry->provider, input->outcome->reason,
			input->outcome->status);
}

/* The doubt's timer fired, or an attempt's outcome never came back: the reconciler looks at all of them. */
static void resolve_doubt(struct dunner *d, struct doc *doc)
{
	int64_t now = flow_now(d), pause = (now - doc->e->since) / 4; /* ever more seldom: some doubts stay for weeks */

	if (doc->e->look_at > now)
		return; /* only a hint to look */
	if (doc->e->attempt && sender_flight(d, doc->e->attempt))
		pause = 10 * MINUTE_MS;
	pause = pause < MINUTE_MS ? MINUTE_MS : pause > 7 * DAY_MS ? 7 * DAY_MS : pause;
	doc->e->look_at = now + pause;
	reconcile_start(d);
}

/* --- the whole group ------------------------------------------------------------------------------------------------- */

/* Each version of a policy stands in the trail once, before anything is done by it. */
static void record_policies(struct dunner *d, struct group *g)
{
	struct doc *system = group_case(d, g, NULL);

	for (size_t i = 0; i < d->library->policy_count; i++) {
		const struct policy *policy = d->library->policies[i];
		struct draft *draft;
		bool known = false;

		for (size_t k = 0; k < system->d->policy_count; k++)
			known |= strncmp(system->d->policies[k], policy->digest, 64) == 0;
		if (known)
			continue;
		draft = effects_record(&g->fx, "policy.loaded", NULL);
		jw_str(&draft->w, "name", policy->name);
		jw_str(&draft->w, "digest", policy->digest);
		draft_part(draft, "policy.json", "application/json", CLASS_FACTS, policy->source, policy->source_len);
		system->d->policies = arena_grow(g->arena, system->d->policies, system->d->policy_count,
			&system->d->policy_capacity, sizeof(*system->d->policies));
		system->d->policies[system->d->policy_count++] = policy->digest;
		system->touched = true;
	}
}

static void decide_start(struct dunner *d, struct group *g)
{
	struct doc *system = group_case(d, g, NULL);
	struct draft *draft = effects_record(&g->fx, "daemon.start", NULL);
	uint64_t cut = d->ports.journal->recovered(d->ports.journal->self);
	const struct embedded *process = &embedded_files[EMBEDDED_PROCESS];
	uint8_t digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];

	sha256(process->data, process->len, digest); /* décret 2016-1673, art. 2 to 7: which description of the process was in force */
	jw_str(&draft->w, "process_sha256", hex_format(digest, SHA256_SIZE, hex));
	jw_str(&draft->w, "previous_stop", system->d->running ? "unclean" : "clean");
	jw_int(&draft->w, "epoch", (int64_t)d->epoch);
	jw_int(&draft->w, "partition", d->settings.partition);
	if (cut) {
		draft = effects_record(&g->fx, "daemon.recovered", NULL);
		jw_int(&draft->w, "bytes_cut", (int64_t)cut);
	}
	/* What killed the last life stood in the group it was loading; those decided before may have gone with it. */
	d->careful = system->d->running ? (GROUPS_DECIDED_MAX + 1) * (size_t)d->config->limits.batch : 0;
	system->d->running = true;
	system->touched = true;
	record_policies(d, g);
	if (d->taken_over || !system->d->tenure)
		system->d->tenure = d->epoch;
	d->tenure = system->d->tenure;
	d->payments_known_to = debtor_payments_known_to(system->d, d->config->ledgers);
	d->suspended = system->d->suspended.on;
	d->suspended_until = system->d->suspended.until;
	decide_gaps_told(d, system->d);
	decide_books_known(d, system->d);
	held_known(d, system->d);
	digest_known(d, system->d);
	d->feed_told = system->d->feed_stale;
	d->feed_waits = false;
	pacing_restore(d, g, system->d);
	erase_resume(d, system->d);
}

void decide_operator(struct dunner *d, struct group *g, struct input *input)
{
	struct doc *system = group_case(d, g, NULL);
	struct fact_order stands = system->d->suspended.order, order = { .time = flow_now(d), .id = "~" };
	struct draft *draft = effects_record(&g->fx, input->suspend ? "sending.suspended" : "sending.resumed", NULL);

	draft->actor = arena_printf(g->arena, "person:%s", input->who);
	jw_str(&draft->w, "why", input->why);
	jw_opt_int(&draft->w, "until", input->until);
	draft = effects_event(&g->fx, input->suspend ? "sending.suspended" : "sending.resumed", NULL, NULL);
	jw_str(&draft->w, "reason", input->why);
	/* said now: newer than the word that stands, whatever clock that one carries, and older than the stream's next */
	if (stands.time >= order.time) {
		order.time = stands.time;
		order.source = stands.source;
	}
	system->d->suspended = (struct debtor_switch){ .set = true, .on = input->suspend, .until = input->until,
		.order = order, .reason = arena_strdup(g->arena, input->why) };
	system->touched = true;
	d->suspended = input->suspend;
	d->suspended_until = input->until;
	brake_anew(d, system);
	if (!input->suspend)
		brake_released(d, g, system);
}

/* The very last word: behind it nothing is ever written in this log. */
static void seal_log(struct dunner *d, struct group *g, const struct input *input)
{
	struct draft *draft = effects_record(&g->fx, "log.sealed", NULL);

	draft->actor = arena_printf(g->arena, "person:%s", input->who);
	jw_str(&draft->w, "origin", d->settings.log_origin);
	jw_str(&draft->w, "why", input->why);
}

void decide_group(struct dunner *d, struct group *g)
{
	for (struct input *input = g->inputs; input; input = input->next) {
		g->fx.actor = "daemon";
		switch (input->kind) {
		case INPUT_ENTRY:
			decide_event(d, g, input);
			break;
		case INPUT_OUTCOME:
			decide_outcome(d, g, input);
			break;
		case INPUT_RECONCILE:
			decide_reconcile(d, g, input);
			break;
		case INPUT_START:
			adopt_begin(d, g);
			superseded_mark(d, g);
			decide_start(d, g);
			break;
		case INPUT_RELOAD:
			record_policies(d, g);
			decide_look_at_unmade(d, g);
			break;
		case INPUT_STOP: {
			struct doc *system = group_case(d, g, NULL);

			(void)effects_record(&g->fx, "daemon.stop", NULL);
			if (input->why)
				seal_log(d, g, input);
			system->d->running = false;
			system->touched = true;
			break;
		}
		case INPUT_OPERATOR:
			decide_operator(d, g, input);
			break;
		case INPUT_GAP:
			decide_gap(d, g, input);
			break;
		case INPUT_RECORD:
			decide_record(d, g, input->record);
			break;
		case INPUT_ERASURE:
			erase_decide(d, g);
			break;
		case INPUT_ADOPT:
			adopt_decide(d, g, input);
			break;
		case INPUT_FEED:
			decide_feed(d, g);
			break;
		case INPUT_HELD:
			decide_held(d, g, input);
			break;
		case INPUT_DIGEST:
			decide_digest(d, g, input);
			break;
		case INPUT_DUE:
			break;
		}
	}
	g->fx.actor = "daemon";
	for (struct input *input = g->inputs; input; input = input->next) {
		struct doc *doc;

		if (input->kind != INPUT_DUE)
			continue;
		doc = group_find(d, g, DOC_ESCALATION, input->invoice_id);
		if (doc && doc->loaded && doc->existed)
			look(d, g, doc);
		else if (doc && doc->loaded)
			doc->touched = true; /* a timer without an invoice: take it out */
	}
	for (struct doc *doc = g->docs; doc; doc = doc->next)
		if (doc->kind == DOC_ESCALATION && doc->touched && doc->loaded && (doc->existed || doc->e->version == 0))
			refresh(d, g, doc);
	commit_group(d, g);
}
