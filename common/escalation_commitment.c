/* What a step announces is our word: kept or taken back in writing, by a person. And what must be there before it, and before a handover. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/escalation_internal.h"
#include "common/utc.h"

#define WITHDRAWAL_MS (14 * DAY_MS) /* so long a mail that takes it back may wait for its hour */
#define OVERDUE_MS (7 * DAY_MS) /* a task that is over its day comes back */

const char *const commitment_state_names[COMMITMENT_STATE_COUNT + 1] = { "none", "open", "fulfilled", "withdrawn", "lapsed", NULL };
static const char *const takers[] = { "lawyer", "agency", "court", NULL };
static const char *const results[] = { "kept", "returned", NULL };

bool handed_over(const struct escalation *e)
{
	return e->handed.to && !(e->handed.result && strcmp(e->handed.result, "returned") == 0);
}

/* --- what must be there ---------------------------------------------------------------------------------------------------- */

static bool waived(const struct escalation *e, const char *what)
{
	for (size_t i = 0; i < e->waived_count; i++)
		if (strcmp(e->waived[i], what) == 0)
			return true;
	return false;
}

/* Some message of the ladder arrived, as its provider or carrier says; or somebody was spoken to. */
static bool delivered(const struct escalation *e, const struct debtor *d)
{
	if (e->call.at)
		return true;
	for (size_t i = 0; d && i < d->contact_count; i++) {
		const struct contact_made *made = &d->contacts[i];

		for (size_t k = 0; k < e->walk_count && (made->delivery == DELIVERY_DELIVERED || made->delivery == DELIVERY_OPENED); k++)
			if (e->walk[k].end != STEP_SKIPPED && e->walk[k].attempt && contact_made_by(made, e->walk[k].attempt))
				return true;
	}
	return false;
}

/* It went out, and its provider did not give it up later: nobody was warned by that. */
static bool notice_given(const struct escalation *e)
{
	const struct commitment *c = &e->commitment;

	for (size_t i = 0; i < e->walk_count && c->attempt; i++)
		if (e->walk[i].attempt && strcmp(e->walk[i].attempt, c->attempt) == 0 && e->walk[i].reason && strcmp(e->walk[i].reason, WALKED_FAILED) == 0)
			return false;
	return c->made != 0;
}

static bool there(const struct escalation *e, const struct debtor *d, enum need need, bool offers)
{
	const struct snapshot *s = &e->invoice.snapshot;

	switch (need) {
	case NEED_APPROVAL:
		return e->approved.at || (offers && e->settling.at);
	case NEED_NOTICE:
		return notice_given(e);
	case NEED_DELIVERED:
		return delivered(e, d);
	case NEED_DOCUMENT:
		return s->pdf_sha256 != NULL;
	default:
		return s->contract || s->late_fee_ref || s->terms_url;
	}
}

/* Made with words of its own, or left out by a person. */
static bool step_over(const struct escalation *e, const char *step)
{
	for (size_t i = 0; i < e->walk_count; i++)
		if (strcmp(e->walk[i].step, step) == 0)
			return e->walk[i].end != STEP_SKIPPED ? !e->walk[i].said :
								e->walk[i].reason && strcmp(e->walk[i].reason, "operator") == 0;
	return false;
}

struct needs escalation_missing(const struct escalation *e, const struct debtor *d, const struct policy *policy, const struct needs *needs)
{
	struct needs missing = { 0 };

	for (int need = 0; need < NEED_COUNT; need++)
		if (needs->facts >> need & 1 && !waived(e, need_names[need]) && !there(e, d, (enum need)need, needs->offers))
			missing.facts |= 1u << need;
	for (size_t i = 0; policy && i < policy->step_count; i++)
		if (needs->steps >> i & 1 && !waived(e, policy->steps[i].id) && !step_over(e, policy->steps[i].id))
			missing.steps |= UINT32_C(1) << i;
	return missing;
}

const char *escalation_lacks(const struct escalation *e, const struct debtor *d, const struct policy *policy, const struct needs *needs,
	struct arena *arena)
{
	struct needs missing = escalation_missing(e, d, policy, needs);
	const char *words = NULL;

	for (int need = 0; need < NEED_COUNT; need++)
		if (missing.facts >> need & 1)
			words = arena_printf(arena, "%s%s%s", words ? words : "", words ? ", " : "", need_names[need]);
	for (size_t i = 0; policy && i < policy->step_count; i++)
		if (missing.steps >> i & 1)
			words = arena_printf(arena, "%s%s%s", words ? words : "", words ? ", " : "", policy->steps[i].id);
	return words;
}

/* The one that is asked now, else that was announced, else the first: a policy may have one for each way. NULL: none. */
static const struct step *handover_step(const struct escalation *e, const struct policy *policy)
{
	const char *const named[] = { e->state == ESCALATION_GATE ? e->step : NULL, e->commitment.what };

	for (size_t i = 0; policy && i < ARRAY_LEN(named); i++) {
		int step = named[i] ? policy_step_index(policy, named[i]) : -1;

		if (step >= 0 && policy->steps[step].handover)
			return &policy->steps[step];
	}
	for (size_t i = 0; policy && i < policy->step_count; i++)
		if (policy->steps[i].handover)
			return &policy->steps[i];
	return NULL;
}

const struct needs *escalation_handover_needs(const struct escalation *e, const struct policy *policy)
{
	static const struct needs none = { 0 };
	const struct step *step = handover_step(e, policy);

	return step ? &step->needs : &none;
}

/* --- our word ---------------------------------------------------------------------------------------------------------------- */

static void tell(struct escalation *e, const char *kind, const char *reason, struct effects *fx)
{
	const struct commitment *c = &e->commitment;

	for (int i = 0; i < 2; i++) { /* the record, then the event: the same is said of both */
		struct draft *draft = i ? effects_event(fx, kind, e->invoice.debtor_id, e->invoice.id) : effects_record(fx, kind, e->invoice.debtor_id);

		if (!i)
			jw_str(&draft->w, "invoice", e->invoice.id);
		jw_str(&draft->w, "step", c->step);
		jw_opt_str(&draft->w, "what", c->what);
		jw_int(&draft->w, "deadline", c->deadline);
		jw_opt_str(&draft->w, "attempt", c->attempt);
		jw_opt_str(&draft->w, "approver", c->approver);
		jw_opt_str(&draft->w, "lacks", c->lacks);
		jw_opt_str(&draft->w, "reason", reason);
	}
}

static void follow_task(struct escalation *e, const char *role, const char *result, struct effects *fx)
{
	const struct commitment *c = &e->commitment;
	struct task task = { .id = arena_printf(fx->arena, "commitment:%s", e->invoice.id), .kind = "commitment",
		.debtor_id = e->invoice.debtor_id, .invoice_ids = arena_memdup(fx->arena, &e->invoice.id, sizeof(e->invoice.id)),
		.invoice_count = 1, .step = c->step, .role = role, .reason = c->overdue_told ? "overdue" : c->what, .opened_at = fx->now,
		.deadline = c->overdue_told ? fx->now + OVERDUE_MS : c->deadline, .close = result != NULL, .result = result };

	effects_task(fx, &task);
}

void commitment_open(struct escalation *e, const struct debtor *d, const struct policy *policy, const char *step, const char *attempt,
	struct effects *fx)
{
	int index = policy && step ? policy_step_index(policy, step) : -1;
	const struct announces *a = index < 0 ? NULL : &policy->steps[index].announces;
	const struct step *what = a && a->step >= 0 ? &policy->steps[a->step] : NULL;
	struct commitment *c = &e->commitment;

	if (!a || !a->on || c->state == COMMITMENT_OPEN || e->state == ESCALATION_CLOSED)
		return; /* of a closed one nothing more follows */
	*c = (struct commitment){ .state = COMMITMENT_OPEN, .step = arena_strdup(fx->arena, step), .made = c->made + 1,
		.what = what ? arena_strdup(fx->arena, what->id) : NULL, .attempt = attempt, .opened_at = fx->now,
		.deadline = fx->now + a->within_days * DAY_MS, .approver = e->approved.by };
	c->lacks = what ? escalation_lacks(e, d, policy, &what->needs, fx->arena) : NULL;
	tell(e, "commitment.opened", NULL, fx);
	follow_task(e, what ? what->role : NULL, NULL, fx);
}

static void end(struct escalation *e, enum commitment_state state, const char *kind, const char *reason, const char *by, const char *why,
	struct effects *fx)
{
	struct commitment *c = &e->commitment;

	c->state = state;
	c->ended_at = fx->now;
	c->by = by;
	c->why = why;
	tell(e, kind, reason, fx);
	follow_task(e, NULL, state == COMMITMENT_LAPSED ? "obsolete" : "done", fx);
}

bool withdrawal_moot(const struct escalation *e)
{
	enum invoice_state state = invoice_view(&e->invoice).state;

	return state == STATE_PAID || state == STATE_SETTLED || state == STATE_VOID;
}

void commitment_lapse(struct escalation *e, const char *reason, struct effects *fx)
{
	struct task task = { .id = arena_printf(fx->arena, "withdraw_in_writing:%s", e->invoice.id), .kind = "withdraw_in_writing",
		.debtor_id = e->invoice.debtor_id, .invoice_ids = arena_memdup(fx->arena, &e->invoice.id, sizeof(e->invoice.id)),
		.invoice_count = 1, .close = true, .result = "obsolete" };

	if (e->commitment.state == COMMITMENT_OPEN)
		end(e, COMMITMENT_LAPSED, "commitment.lapsed", reason, NULL, NULL, fx);
	else if (e->commitment.state == COMMITMENT_WITHDRAWN && withdrawal_moot(e))
		effects_task(fx, &task);
}

/* While something holds the ladder for a reason of the debtor's, nobody expects us to carry it out. */
bool hold_excuses(const char *hold)
{
	return *hold && strcmp(hold, "exhausted") != 0 && strcmp(hold, "incomplete") != 0 && strcmp(hold, "commitment") != 0;
}

void commitment_watch(struct escalation *e, const char *hold, struct effects *fx)
{
	struct commitment *c = &e->commitment;

	if (c->state != COMMITMENT_OPEN || c->overdue_told || c->deadline > fx->now || hold_excuses(hold))
		return;
	c->overdue_told = true;
	tell(e, "commitment.overdue", NULL, fx);
	follow_task(e, NULL, NULL, fx);
}

int64_t commitment_look_at(const struct escalation *e, int64_t now)
{
	int64_t word = e->commitment.state == COMMITMENT_OPEN && e->commitment.deadline > now ? e->commitment.deadline : 0;
	int64_t work = e->state != ESCALATION_CLOSED && e->work_hold_at > now ? e->work_hold_at : 0; /* closed, it waits for nothing */

	return !word || (work && work < word) ? work : word;
}

bool withdrawal_owed(const struct escalation *e, const struct policy *policy, struct aside *ret)
{
	const struct commitment *c = &e->commitment;
	int index;

	if (c->state != COMMITMENT_WITHDRAWN)
		return false;
	index = policy_step_index(policy, c->step);
	*ret = (struct aside){ .kind = ASIDE_WITHDRAWN, .template_name = index < 0 ? NULL : policy->steps[index].announces.withdraw,
		.from = c->ended_at, .until = c->ended_at + WITHDRAWAL_MS };
	if (!ret->template_name)
		ret->template_name = ANNOUNCES_WITHDRAWAL; /* the policy that it walks now does not know of the step */
	(void)snprintf(ret->id, sizeof(ret->id), "withdrawn:%lld", (long long)c->made);
	return !aside_walked(e, ret->id);
}

void withdrawal_unsent(struct escalation *e, const char *reason, struct effects *fx)
{
	struct task task = { .id = arena_printf(fx->arena, "withdraw_in_writing:%s", e->invoice.id), .kind = "withdraw_in_writing",
		.debtor_id = e->invoice.debtor_id, .invoice_ids = arena_memdup(fx->arena, &e->invoice.id, sizeof(e->invoice.id)),
		.invoice_count = 1, .reason = reason, .opened_at = fx->now, .deadline = fx->now + OVERDUE_MS };

	if (!withdrawal_moot(e))
		effects_task(fx, &task);
}

/* --- what a person says -------------------------------------------------------------------------------------------------------- */

/* Whether the gate that is open is the one at which it is carried out. */
static bool asked_here(const struct escalation *e)
{
	return e->commitment.state == COMMITMENT_OPEN && e->state == ESCALATION_GATE && e->commitment.what && e->step &&
		strcmp(e->step, e->commitment.what) == 0;
}

/* Nobody lets it drop; and where it is a handover, it takes one to carry it out. */
static int may_decide(const struct escalation *e, const struct policy *policy, const char *decision, struct err *err)
{
	static const char *const ends[] = { "stop", "write_off", NULL }, *const goes_on[] = { "continue", "pursue", NULL },
			  *const others[] = { "settle", "sent", "not_sent", NULL };
	int step = policy && asked_here(e) ? policy_step_index(policy, e->step) : -1;
	bool here = step >= 0 && policy->steps[step].handover;

	if (!word_listed(ends, decision) && !word_listed(goes_on, decision) && !word_listed(others, decision))
		return err_set(err, -EBADMSG, "not_one_of", "$.data.decision",
			"must be pursue (or continue), settle, write_off, stop, sent or not_sent, not \"%s\"", decision);
	if (e->commitment.state != COMMITMENT_OPEN || !(word_listed(ends, decision) || (here && word_listed(goes_on, decision))))
		return 0;
	return err_set(err, -EBADMSG, "commitment_open", "$.data.decision",
		"step %s of invoice %s announced what would follow: carry it out (dunningctl handover, or commitment execute) or take it back in "
		"writing (dunningctl commitment withdraw) first", e->commitment.step, e->invoice.id);
}

/* What must be settled first. NULL: nothing. */
static const char *in_the_way(const struct escalation *e, const struct debtor *d, const struct rules *rules)
{
	struct invoice_view view = invoice_view(&e->invoice);
	const char *agreed = agreed_holding(e, d, rules, &view);

	return e->state == ESCALATION_CLOSED	      ? "it is closed" :
	       handed_over(e)			      ? "it is handed over already" :
	       e->state == ESCALATION_SENDING	      ? "a message is on its way: wait for its outcome" :
	       e->state == ESCALATION_DOUBT	      ? "a message may have been sent: say what became of it first (dunningctl decide)" :
	       d && d->insolvent.on		      ? "the debtor is insolvent: the claim is declared to whoever administers it" :
	       view.dispute			      ? "a dispute is open" :
	       !agreed				      ? NULL :
	       strcmp(agreed, "plan") == 0	      ? "a payment plan is agreed" :
	       strcmp(agreed, "settlement") == 0      ? "a settlement is agreed" :
							"a promise to pay is open";
}

static int may_hand_over(const struct escalation *e, const struct debtor *d, const struct rules *rules, const char *to, struct err *err)
{
	CLEANUP(arena_freep) struct arena *arena = NULL;
	const struct policy *policy = rules->policy;
	const char *way = in_the_way(e, d, rules), *lacks;

	if (!word_listed(takers, to))
		return err_set(err, -EBADMSG, "not_one_of", "$.data.to", "must be lawyer, agency or court, not \"%s\"", to);
	if (way)
		return err_set(err, -EBADMSG, "not_now", "$.data.target", "invoice %s cannot be handed over: %s", e->invoice.id, way);
	arena = arena_create();
	lacks = escalation_lacks(e, d, policy, escalation_handover_needs(e, policy), arena);
	if (lacks)
		return err_set(err, -EBADMSG, "incomplete", "$.data.target",
			"what the policy asks for before a handover of invoice %s is not there: %s; supply it, or say why you do without (dunningctl waive)",
			e->invoice.id, lacks);
	return 0;
}

static int may_waive(const struct escalation *e, const struct policy *policy, const char *what, struct err *err)
{
	if (!word_listed(need_names, what) && (!policy || policy_step_index(policy, what) < 0))
		return err_set(err, -EBADMSG, "not_one_of", "$.data.what",
			"must be approval, notice, delivered, document, contract, or a step of the policy, not \"%s\"", what);
	if (waived(e, what))
		return err_set(err, -EBADMSG, "waived", "$.data.what", "\"%s\" is waived already", what);
	return 0;
}

/* Whose word alone counts about it. NULL: anybody's. */
static const struct step *named_approver(const struct escalation *e, const struct policy *policy, const char *command, const char *what)
{
	bool waive = strcmp(command, "waive") == 0, approval = waive && strcmp(what, need_names[0]) == 0;
	const struct step *handover = strcmp(command, "handover") == 0 ? handover_step(e, policy) : NULL;
	const char *id = waive || strcmp(command, "skip") == 0 ? what :
		strcmp(command, "decide") == 0 && e->state == ESCALATION_GATE ? e->step : handover ? handover->id : NULL;

	for (size_t i = 0; policy && id && i < policy->step_count; i++)
		if (policy->steps[i].approver && (approval || strcmp(policy->steps[i].id, id) == 0))
			return &policy->steps[i];
	return NULL;
}

int commitment_may(const struct escalation *e, const struct debtor *d, const struct rules *rules, const char *command, const char *what,
	const char *who, struct err *err)
{
	const struct policy *policy = rules->policy;
	const struct step *named = named_approver(e, policy, command, what ? what : "");
	int step = policy && e->commitment.what ? policy_step_index(policy, e->commitment.what) : -1;
	bool execute = strcmp(command, "commitment_execute") == 0;

	what = what ? what : "";
	if (named && (!who || strcmp(named->approver, who) != 0))
		return err_set(err, -EBADMSG, "not_approver", "$.data.who", "step %s is for %s to answer, and for nobody else (dunningctl --who)", named->id,
			named->approver);
	if (strcmp(command, "decide") == 0)
		return may_decide(e, policy, what, err);
	if (strcmp(command, "handover") == 0)
		return may_hand_over(e, d, rules, what, err);
	if (strcmp(command, "waive") == 0)
		return may_waive(e, policy, what, err);
	if (strcmp(command, "handover_result") == 0 && !(handed_over(e) && word_listed(results, what)))
		return err_set(err, -EBADMSG, handed_over(e) ? "not_one_of" : "not_now", "$.data.result",
			handed_over(e) ? "must be kept or returned" : "nobody has this case: it is not handed over");
	if (!execute && strcmp(command, "commitment_withdraw") != 0)
		return 0;
	if (e->commitment.state != COMMITMENT_OPEN)
		return err_set(err, -EBADMSG, "no_commitment", "$.data.target", "invoice %s has no announcement that is open", e->invoice.id);
	if (execute && step >= 0 && policy->steps[step].handover)
		return err_set(err, -EBADMSG, "handover", "$.data.target",
			"what was announced is a handover: dunningctl handover %s --to lawyer|agency|court carries it out", e->invoice.id);
	return 0;
}

/* The gate at which it would have been asked is over, wherever the ladder stands. */
static void walk_gate(struct escalation *e, const char *gate, enum step_end how, const char *reason, struct effects *fx)
{
	struct task task = { .id = e->task, .kind = "decision", .debtor_id = e->invoice.debtor_id,
		.invoice_ids = arena_memdup(fx->arena, &e->invoice.id, sizeof(e->invoice.id)), .invoice_count = 1, .step = gate, .close = true,
		.result = "done" };

	if (!gate || aside_walked(e, gate))
		return;
	if (e->state == ESCALATION_GATE && e->step && strcmp(e->step, gate) == 0) {
		if (e->task)
			effects_task(fx, &task);
		escalation_move(e, TRIGGER_DECIDED);
	}
	escalation_walked(e, fx->arena, gate, how, reason, fx->now, NULL);
}

static void write_handed(struct draft *draft, const struct escalation *e, const char *why)
{
	jw_str(&draft->w, "to", e->handed.to);
	jw_opt_str(&draft->w, "procedure", e->handed.procedure);
	jw_opt_str(&draft->w, "bundle_sha256", e->handed.bundle);
	jw_opt_str(&draft->w, "result", e->handed.result);
	jw_opt_str(&draft->w, "why", why);
}

static void tell_handed(struct escalation *e, const char *kind, const char *why, struct effects *fx)
{
	struct draft *draft = effects_record(fx, kind, e->invoice.debtor_id);

	jw_str(&draft->w, "invoice", e->invoice.id);
	write_handed(draft, e, why);
	draft = effects_event(fx, kind, e->invoice.debtor_id, e->invoice.id);
	write_handed(draft, e, NULL);
	jw_int(&draft->w, "balance_minor", invoice_view(&e->invoice).balance);
	jw_str(&draft->w, "currency", e->invoice.snapshot.currency);
}

static void hand_over(struct escalation *e, const struct policy *policy, const struct event *command, const char *to, struct effects *fx)
{
	struct json procedure = json_get(&command->data, "procedure"), bundle = json_get(&command->data, "bundle_sha256");
	const struct step *step = handover_step(e, policy);

	walk_tasks_closed(e, fx); /* whoever takes it looks for the debtor from now on */
	e->handed = (struct handed){ .to = to, .procedure = json_str(&procedure), .bundle = json_str(&bundle), .at = fx->now, .by = command->who,
		.why = command->why };
	tell_handed(e, "handover.requested", command->why, fx);
	block_suggested(e, "handed_over", fx);
	if (e->commitment.state == COMMITMENT_OPEN)
		end(e, COMMITMENT_FULFILLED, "commitment.fulfilled", "handover", command->who, command->why, fx);
	walk_gate(e, step ? arena_strdup(fx->arena, step->id) : NULL, STEP_DONE, to, fx);
}

static void waive(struct escalation *e, const struct event *command, const char *what, struct effects *fx)
{
	struct draft *draft = effects_record(fx, "requirement.waived", e->invoice.debtor_id);

	e->waived = arena_grow(fx->arena, e->waived, e->waived_count, &e->waived_capacity, sizeof(*e->waived));
	e->waived[e->waived_count++] = what;
	jw_str(&draft->w, "invoice", e->invoice.id);
	jw_str(&draft->w, "what", what);
	jw_str(&draft->w, "why", command->why);
}

void commitment_decided(struct escalation *e, const struct event *command, struct effects *fx)
{
	if (asked_here(e))
		end(e, COMMITMENT_FULFILLED, "commitment.fulfilled", "decided", command->who, command->why, fx);
}

bool commitment_said(struct escalation *e, struct debtor *d, const struct policy *policy, const struct event *command, const char *what,
	struct effects *fx)
{
	(void)d;
	if (strcmp(command->command, "commitment_execute") == 0) {
		end(e, COMMITMENT_FULFILLED, "commitment.fulfilled", NULL, command->who, command->why, fx);
		walk_gate(e, e->commitment.what, STEP_DONE, "executed", fx);
	} else if (strcmp(command->command, "commitment_withdraw") == 0) {
		end(e, COMMITMENT_WITHDRAWN, "commitment.withdrawn", NULL, command->who, command->why, fx);
		walk_gate(e, e->commitment.what, STEP_SKIPPED, "withdrawn", fx);
	} else if (strcmp(command->command, "handover") == 0) {
		hand_over(e, policy, command, what, fx);
	} else if (strcmp(command->command, "handover_result") == 0) {
		e->handed.result = what;
		e->handed.result_at = fx->now;
		tell_handed(e, "handover.ended", command->why, fx);
	} else if (strcmp(command->command, "waive") == 0) {
		waive(e, command, what, fx);
	} else {
		return false;
	}
	return true;
}

/* --- as it is stored ------------------------------------------------------------------------------------------------------------- */

static void write_handed_doc(struct json_writer *w, const struct handed *h)
{
	if (!h->to)
		return;
	jw_object(w, "handed");
	jw_str(w, "to", h->to);
	jw_opt_str(w, "procedure", h->procedure);
	jw_opt_str(w, "bundle", h->bundle);
	jw_int(w, "at", h->at);
	jw_opt_str(w, "by", h->by);
	jw_opt_str(w, "why", h->why);
	jw_opt_str(w, "result", h->result);
	jw_opt_int(w, "result_at", h->result_at);
	jw_end_object(w);
}

static void write_approved(struct json_writer *w, const char *key, const struct approved *approved)
{
	if (!approved->at)
		return;
	jw_object(w, key);
	jw_opt_str(w, "by", approved->by);
	jw_opt_str(w, "step", approved->step);
	jw_int(w, "at", approved->at);
	jw_end_object(w);
}

void commitment_write(struct json_writer *w, const struct escalation *e)
{
	const struct commitment *c = &e->commitment;

	if (c->state) {
		jw_object(w, "commitment");
		jw_str(w, "state", commitment_state_names[c->state]);
		jw_str(w, "step", c->step);
		jw_opt_str(w, "what", c->what);
		jw_opt_str(w, "attempt", c->attempt);
		jw_int(w, "opened_at", c->opened_at);
		jw_int(w, "deadline", c->deadline);
		jw_opt_str(w, "approver", c->approver);
		jw_opt_str(w, "lacks", c->lacks);
		jw_opt_int(w, "ended_at", c->ended_at);
		jw_opt_str(w, "by", c->by);
		jw_opt_str(w, "why", c->why);
		if (c->overdue_told)
			jw_bool(w, "overdue_told", true);
		jw_int(w, "made", c->made);
		jw_end_object(w);
	}
	jw_opt_int(w, "minutes", e->minutes);
	jw_opt_int(w, "timed", e->timed);
	jw_opt_int(w, "aged", e->aged);
	if (e->aged_paid)
		jw_bool(w, "aged_paid", true);
	jw_opt_int(w, "work_hold_at", e->work_hold_at);
	jw_opt_str(w, "work_hold_step", e->work_hold_step);
	if (e->work_rested)
		jw_bool(w, "work_rested", true);
	write_handed_doc(w, &e->handed);
	write_approved(w, "approved", &e->approved);
	write_approved(w, "settling", &e->settling);
	if (e->waived_count)
		jw_array(w, "waived");
	for (size_t i = 0; i < e->waived_count; i++)
		jw_str(w, NULL, e->waived[i]);
	if (e->waived_count)
		jw_end_array(w);
}

static int read_commitment(const struct json *json, struct commitment *ret, struct err *err)
{
	struct json one = { 0 };
	int state = 0, r = json_opt_object(json, "commitment", &one, err);

	if (r < 0 || one.type == JSON_NONE)
		return r;
	if ((r = json_get_word(&one, "state", commitment_state_names, &state, err)) < 0 ||
		(r = json_get_str(&one, "step", 128, &ret->step, err)) < 0 || (r = json_opt_str(&one, "what", 128, &ret->what, err)) < 0 ||
		(r = json_opt_str(&one, "attempt", 400, &ret->attempt, err)) < 0 ||
		(r = json_get_int(&one, "opened_at", INT64_MIN, INT64_MAX, &ret->opened_at, err)) < 0 ||
		(r = json_get_int(&one, "deadline", INT64_MIN, INT64_MAX, &ret->deadline, err)) < 0 ||
		(r = json_opt_str(&one, "approver", 400, &ret->approver, err)) < 0 ||
		(r = json_opt_str(&one, "lacks", 8000, &ret->lacks, err)) < 0 ||
		(r = json_opt_int(&one, "ended_at", INT64_MIN, INT64_MAX, &ret->ended_at, err)) < 0 ||
		(r = json_opt_str(&one, "by", 400, &ret->by, err)) < 0 || (r = json_opt_str(&one, "why", 4000, &ret->why, err)) < 0 ||
		(r = json_opt_bool(&one, "overdue_told", &ret->overdue_told, err)) < 0 ||
		(r = json_opt_int(&one, "made", 0, INT64_MAX, &ret->made, err)) < 0)
		return r;
	ret->state = (enum commitment_state)state;
	return 0;
}

static int read_handed(const struct json *json, struct handed *ret, struct err *err)
{
	struct json one = { 0 };
	int r = json_opt_object(json, "handed", &one, err);

	if (r < 0 || one.type == JSON_NONE)
		return r;
	if ((r = json_get_str(&one, "to", 16, &ret->to, err)) < 0 ||
		(r = json_opt_str(&one, "procedure", HANDOVER_PROCEDURE_MAX, &ret->procedure, err)) < 0 ||
		(r = json_opt_str(&one, "bundle", HANDOVER_BUNDLE_SIZE, &ret->bundle, err)) < 0 ||
		(r = json_get_int(&one, "at", INT64_MIN, INT64_MAX, &ret->at, err)) < 0 ||
		(r = json_opt_str(&one, "by", 400, &ret->by, err)) < 0 || (r = json_opt_str(&one, "why", 4000, &ret->why, err)) < 0 ||
		(r = json_opt_str(&one, "result", 16, &ret->result, err)) < 0)
		return r;
	return json_opt_int(&one, "result_at", INT64_MIN, INT64_MAX, &ret->result_at, err);
}

static int read_approved(const struct json *json, const char *key, struct approved *ret, struct err *err)
{
	struct json one = { 0 };
	int r = json_opt_object(json, key, &one, err);

	if (r < 0 || one.type == JSON_NONE)
		return r;
	if ((r = json_opt_str(&one, "by", 400, &ret->by, err)) < 0 || (r = json_opt_str(&one, "step", 128, &ret->step, err)) < 0)
		return r;
	return json_get_int(&one, "at", INT64_MIN, INT64_MAX, &ret->at, err);
}

int commitment_read(const struct json *json, struct arena *arena, struct escalation *ret, struct err *err)
{
	struct json list = { 0 };
	int r;

	if ((r = json_opt_int(json, "minutes", 0, MONEY_MAX, &ret->minutes, err)) < 0 ||
		(r = json_opt_int(json, "timed", 0, MONEY_MAX, &ret->timed, err)) < 0 ||
		(r = json_opt_int(json, "aged", 0, EXPERIENCE_AGES, &ret->aged, err)) < 0 ||
		(r = json_opt_bool(json, "aged_paid", &ret->aged_paid, err)) < 0 ||
		(r = json_opt_int(json, "work_hold_at", INT64_MIN, INT64_MAX, &ret->work_hold_at, err)) < 0 ||
		(r = json_opt_str(json, "work_hold_step", 128, &ret->work_hold_step, err)) < 0 ||
		(r = json_opt_bool(json, "work_rested", &ret->work_rested, err)) < 0 ||
		(r = read_commitment(json, &ret->commitment, err)) < 0 || (r = read_handed(json, &ret->handed, err)) < 0 ||
		(r = read_approved(json, "approved", &ret->approved, err)) < 0 || (r = read_approved(json, "settling", &ret->settling, err)) < 0 ||
		(r = json_opt_array(json, "waived", &list, err)) < 0)
		return r;
	ret->waived_count = ret->waived_capacity = json_len(&list);
	ret->waived = arena_alloc(arena, (ret->waived_count + 1) * sizeof(*ret->waived));
	for (size_t i = 0; i < ret->waived_count; i++) {
		struct json one = json_at(&list, i);

		ret->waived[i] = json_str(&one) ? json_str(&one) : "";
	}
	return 0;
}
