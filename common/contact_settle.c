/* What the outcome of an attempt means for its invoices and their debtor; and how a doubt is settled. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "common/contact.h"
#include "common/utc.h"

#define RETRY_MIN_MS (60 * SECOND_MS)
#define RETRY_MAX_MS (24 * HOUR_MS)
#define RETRY_PROVIDER_MS (15 * MINUTE_MS) /* a refused account: nothing changes by itself within minutes */
#define PUT_OFF_MIN_MS (5 * MINUTE_MS) /* "again": after so long, then twice as long each time ... */
#define PUT_OFF_MAX_MS (4 * HOUR_MS) /* ... up to this */
#define PUT_OFF_SLOWEST 6 /* from so many on it is the longest */
#define PUT_OFF_MAX 10 /* and after so many, which take 21 hours and a quarter, it is refused */
#define RESENDS_MAX 5
#define UNKNOWN_LOOK_MS (7 * DAY_MS) /* the hold of an unknown attempt is renewed weekly */

void attempt_entry_write(struct buf *out, const struct attempt_entry *entry)
{
	struct json_writer w = jw_init(out);

	jw_object(&w, NULL);
	jw_str(&w, "id", entry->id);
	jw_str(&w, "debtor", entry->debtor_id);
	jw_array(&w, "invoices");
	for (size_t i = 0; i < entry->invoice_count; i++)
		jw_str(&w, NULL, entry->invoice_ids[i]);
	jw_end_array(&w);
	jw_str(&w, "step", entry->step);
	jw_str(&w, "channel", entry->channel);
	jw_str(&w, "provider", entry->provider);
	jw_opt_str(&w, "policy_digest", entry->policy_digest);
	jw_int(&w, "released_at", entry->released_at);
	jw_opt_int(&w, "due_at", entry->due_at);
	if (entry->in_doubt)
		jw_bool(&w, "in_doubt", true);
	jw_opt_int(&w, "doubt_since", entry->doubt_since);
	jw_int(&w, "intent_year", entry->intent_year);
	jw_int(&w, "intent_index", (int64_t)entry->intent_index);
	jw_opt_str(&w, "intent_leaf", entry->intent_leaf);
	if (entry->sealed)
		jw_bool(&w, "sealed", true);
	jw_opt_int(&w, "pseq", entry->pseq);
	jw_opt_int(&w, "resends", entry->resends);
	jw_opt_int(&w, "lookups", entry->lookups);
	jw_opt_int(&w, "unknown_at", entry->unknown_at);
	jw_opt_str(&w, "means", entry->means);
	if (entry->shadow)
		jw_bool(&w, "shadow", true);
	if (entry->moved)
		jw_bool(&w, "moved", true);
	jw_end_object(&w);
}

int attempt_entry_read(struct arena *arena, const char *text, size_t len, struct attempt_entry *ret, struct err *err)
{
	struct json *json = arena_alloc(arena, sizeof(*json));
	struct json invoices = { 0 };
	int64_t year = 0, index = 0;
	const char **ids;
	int r;

	*ret = (struct attempt_entry){ 0 };
	if ((r = json_parse(arena, text, len, 0, json, err)) < 0 ||
		(r = json_get_str(json, "id", 64, &ret->id, err)) < 0 ||
		(r = json_get_str(json, "debtor", 128, &ret->debtor_id, err)) < 0 ||
		(r = json_get_array(json, "invoices", &invoices, err)) < 0 ||
		(r = json_get_str(json, "step", 128, &ret->step, err)) < 0 ||
		(r = json_get_str(json, "channel", 32, &ret->channel, err)) < 0 ||
		(r = json_get_str(json, "provider", 128, &ret->provider, err)) < 0 ||
		(r = json_opt_str(json, "policy_digest", 64, &ret->policy_digest, err)) < 0 ||
		(r = json_get_int(json, "released_at", INT64_MIN, INT64_MAX, &ret->released_at, err)) < 0 ||
		(r = json_opt_int(json, "due_at", INT64_MIN, INT64_MAX, &ret->due_at, err)) < 0 ||
		(r = json_opt_bool(json, "in_doubt", &ret->in_doubt, err)) < 0 ||
		(r = json_opt_int(json, "doubt_since", INT64_MIN, INT64_MAX, &ret->doubt_since, err)) < 0 ||
		(r = json_opt_int(json, "intent_year", 0, 9999, &year, err)) < 0 ||
		(r = json_opt_int(json, "intent_index", 0, INT64_MAX, &index, err)) < 0 ||
		(r = json_opt_str(json, "intent_leaf", 2 * SHA256_SIZE, &ret->intent_leaf, err)) < 0 ||
		(r = json_opt_bool(json, "sealed", &ret->sealed, err)) < 0 ||
		(r = json_opt_int(json, "pseq", 0, INT64_MAX, &ret->pseq, err)) < 0 ||
		(r = json_opt_int(json, "resends", 0, MONEY_MAX, &ret->resends, err)) < 0 ||
		(r = json_opt_int(json, "lookups", 0, MONEY_MAX, &ret->lookups, err)) < 0 ||
		(r = json_opt_int(json, "unknown_at", INT64_MIN, INT64_MAX, &ret->unknown_at, err)) < 0 ||
		(r = json_opt_str(json, "means", 64, &ret->means, err)) < 0 ||
		(r = json_opt_bool(json, "shadow", &ret->shadow, err)) < 0 || (r = json_opt_bool(json, "moved", &ret->moved, err)) < 0)
		return r;
	ret->intent_year = (uint16_t)year;
	ret->intent_index = (uint64_t)index;
	ret->invoice_count = json_len(&invoices);
	ids = arena_alloc(arena, ret->invoice_count * sizeof(*ids));
	for (size_t i = 0; i < ret->invoice_count; i++) {
		struct json one = json_at(&invoices, i);

		ids[i] = json_str(&one) ? json_str(&one) : "";
	}
	ret->invoice_ids = ids;
	return 0;
}

static void describe(struct json_writer *w, const struct attempt_entry *entry)
{
	jw_str(w, "attempt", entry->id);
	jw_array(w, "invoices");
	for (size_t i = 0; i < entry->invoice_count; i++)
		jw_str(w, NULL, entry->invoice_ids[i]);
	jw_end_array(w);
	jw_str(w, "step", entry->step);
	jw_str(w, "channel", entry->channel);
	jw_str(w, "provider", entry->provider);
}

static void record(const char *kind, const char *event_type, const struct attempt_entry *entry,
	const struct outcome *outcome, const char *how, struct effects *fx)
{
	struct draft *draft = effects_record(fx, kind, entry->debtor_id);
	struct draft *event = entry->invoice_count ? effects_event(fx, event_type, entry->debtor_id, entry->invoice_ids[0]) : NULL;

	describe(&draft->w, entry);
	if (event) /* not of the owner's own mail */
		describe(&event->w, entry);
	if (event && entry->shadow)
		jw_bool(&event->w, "shadow", true);
	jw_opt_str(&draft->w, "how", how);
	if (!outcome)
		return;
	jw_str(&draft->w, "reason", outcome->reason);
	jw_opt_str(&draft->w, "provider_id", outcome->provider_id);
	jw_opt_int(&draft->w, "status", outcome->status);
	jw_opt_str(&draft->w, "remote", outcome->remote);
	if (outcome->raw_len)
		draft_part(draft, "answer", outcome->raw_type ? outcome->raw_type : "application/http", CLASS_CONTENT,
			arena_memdup(fx->arena, outcome->raw, outcome->raw_len), outcome->raw_len);
	if (!event)
		return;
	jw_str(&event->w, "reason", outcome->reason);
	jw_opt_str(&event->w, "provider_id", outcome->provider_id);
}

static bool holds_attempt(const struct candidate *c, const struct attempt_entry *entry)
{
	return c->escalation->attempt && strcmp(c->escalation->attempt, entry->id) == 0;
}

/* The step is walked: the state moves, its effects are told. */
static void walk_on(struct debtor *debtor, struct candidate *c, const struct attempt_entry *entry, enum step_end end, const char *reason, int64_t at,
	enum escalation_trigger trigger, struct effects *fx)
{
	struct escalation *e = c->escalation;
	const char *step = e->step;
	struct draft *event;

	if (!escalation_move(e, trigger))
		return;
	escalation_walked(e, fx->arena, step, end, reason, at, entry->id);
	if (!aside_id(step)) /* of a call's confirmation each invoice has its own id */
		escalation_said(e, entry->step);
	if (end == STEP_SKIPPED && strncmp(step, "withdrawn:", 10) == 0)
		withdrawal_unsent(e, reason, fx);
	if (aside_id(step))
		return; /* no stage of the ladder */
	event = effects_event(fx, "escalation.stage_changed", entry->debtor_id, e->invoice.id);
	jw_str(&event->w, "step", step);
	jw_opt_str(&event->w, "reason", reason);
	if (end != STEP_SKIPPED)
		escalation_step_effects(e, debtor, c->policy, step, entry->step, fx);
	else if (strcmp(reason, "unknown") == 0) { /* perhaps they read it: then it is our word */
		commitment_open(e, debtor, c->policy, step, entry->id, fx);
		note_said(e, entry->id, fx);
	}
}

static void not_sent(struct candidate *c, int64_t retry_at, struct effects *fx)
{
	struct escalation *e = c->escalation;

	(void)fx;
	if (!escalation_move(e, TRIGGER_NOT_SENT))
		return;
	e->step = e->attempt = e->verdict = NULL;
	e->in_doubt = false;
	e->since = e->look_at = 0;
	e->retry_at = retry_at;
	e->retry_why = e->provider_failed = NULL;
}

static int64_t clamp_retry(int64_t wait)
{
	return wait < RETRY_MIN_MS ? RETRY_MIN_MS : wait > RETRY_MAX_MS ? RETRY_MAX_MS : wait;
}

static void open_task(const char *kind, const struct attempt_entry *entry, const char *reason, struct effects *fx)
{
	struct task task = { .id = arena_printf(fx->arena, "%s:%s", kind, entry->id), .kind = kind,
		.debtor_id = entry->debtor_id, .invoice_ids = entry->invoice_ids, .invoice_count = entry->invoice_count,
		.step = entry->step, .reason = reason, .opened_at = fx->now, .deadline = fx->now + UNKNOWN_LOOK_MS };

	effects_task(fx, &task);
}

static void close_task(const char *kind, const struct attempt_entry *entry, struct effects *fx)
{
	struct task task = { .id = arena_printf(fx->arena, "%s:%s", kind, entry->id), .kind = kind,
		.debtor_id = entry->debtor_id, .invoice_ids = entry->invoice_ids, .invoice_count = entry->invoice_count,
		.step = entry->step, .close = true, .result = "done" };

	effects_task(fx, &task);
}

static void enter_doubt(struct candidate *members, size_t count, struct attempt_entry *entry,
	const struct provider_traits *traits, int64_t now)
{
	int64_t at;

	if (!entry->in_doubt) {
		entry->in_doubt = true;
		entry->doubt_since = now;
	}
	contact_doubt_next(entry, traits, now, &at);
	for (size_t i = 0; i < count; i++)
		if (holds_attempt(&members[i], entry) && escalation_move(members[i].escalation, TRIGGER_DOUBT)) {
			members[i].escalation->look_at = at;
			members[i].escalation->in_doubt = true;
		}
}

/* The step that this attempt walked; NULL: none. */
static struct walked *walked_by(struct escalation *e, const char *attempt_id)
{
	for (size_t i = e->walk_count; i-- > 0;)
		if (e->walk[i].end != STEP_SKIPPED && e->walk[i].attempt && strcmp(e->walk[i].attempt, attempt_id) == 0)
			return &e->walk[i];
	return NULL;
}

/* Since that step nothing of the ladder was said to the debtor, nor is on its way: what was left out, or asked of a person alone, can wait for it. */
static bool said_last(const struct escalation *e, const struct walked *walked)
{
	for (const struct walked *later = walked + 1; later < e->walk + e->walk_count; later++)
		if (!aside_id(later->step) && (later->end != STEP_SKIPPED || strcmp(later->reason, "unknown") == 0))
			return false;
	return e->state != ESCALATION_CLOSED && (!e->attempt || aside_id(e->step));
}

/* Its message reached nobody: nothing of what it said, or had others do, rests on it. */
static void unsaid(struct candidate *c, struct debtor *debtor, const struct walked *walked, struct effects *fx)
{
	struct escalation *e = c->escalation;

	if (e->commitment.state == COMMITMENT_OPEN && strcmp(e->commitment.step, walked->step) == 0)
		commitment_lapse(e, "undelivered", fx);
	if (e->work_hold_step && strcmp(e->work_hold_step, walked->step) == 0) { /* nobody was warned */
		e->work_hold_at = 0;
		e->work_hold_step = NULL;
	}
	work_undelivered(e, debtor, c->policy, walked->step, fx);
	late_fee_undelivered(e, walked->attempt, fx);
	offers_undelivered(e, walked->attempt);
	note_undelivered(e, walked->attempt);
}

/* It reached nobody: its step is owed again, and is *ret, as it was walked. What a person was asked for since waits until it was. */
static void take_back(struct candidate *c, struct debtor *debtor, struct walked *walked, struct walked *ret, struct effects *fx)
{
	struct escalation *e = c->escalation;
	struct draft *draft;

	*ret = *walked;
	escalation_letter_returned(e, ret, fx);
	memmove(walked, walked + 1, (size_t)(e->walk + --e->walk_count - walked) * sizeof(*walked));
	unsaid(c, debtor, ret, fx);
	if ((e->state == ESCALATION_TASK || e->state == ESCALATION_GATE) && !aside_id(ret->step))
		escalation_task_withdrawn(e, false, fx);
	e->tries++; /* whoever gets it next, it is another attempt */
	e->deferred = NULL;
	draft = effects_record(fx, "attempt.undelivered", e->invoice.debtor_id);
	jw_str(&draft->w, "attempt", ret->attempt);
	jw_str(&draft->w, "invoice", e->invoice.id);
	jw_str(&draft->w, "step", ret->step);
}

/* Later steps went on: it stays where it is, with the word beside it, and a person is told, once. */
static void failed_since(struct candidate *c, struct debtor *debtor, struct walked *walked, const char *reason, struct effects *fx)
{
	struct escalation *e = c->escalation;

	if (e->state == ESCALATION_CLOSED || (walked->reason && strcmp(walked->reason, WALKED_FAILED) == 0))
		return;
	walked->reason = WALKED_FAILED;
	unsaid(c, debtor, walked, fx); /* what others may have read since does not announce it */
	escalation_refused(e, c->policy, walked->step, reason, fx);
}

/* What one channel refuses for good may go by the step's other one. */
static bool falls_back(const struct policy *policy, const char *id, const char *channel)
{
	int index = policy && id ? policy_step_index(policy, id) : -ENOENT;
	const struct step *step = index < 0 ? NULL : &policy->steps[index];

	return step && step->has_fallback && strcmp(channel_names[step->channel], channel) == 0;
}

/*
 * The address is as good as before, and still it was not reached: whoever has it is passed over for this step. False: the channel has nobody else
 * of the role.
 */
static bool next_of_role(struct candidate *c, const struct debtor *debtor, const char *id, const char *channel, const char *to, struct effects *fx)
{
	int index = c->policy && id ? policy_step_index(c->policy, id) : -ENOENT, of = 0;
	struct escalation *e = c->escalation;

	while (channel_names[of] && strcmp(channel_names[of], channel) != 0)
		of++;
	if (index < 0 || !debtor || !to || of == CHANNEL_LETTER || !channel_names[of])
		return false;
	if (!e->unreached_step || strcmp(e->unreached_step, id) != 0)
		e->unreached_count = 0;
	e->unreached_step = arena_strdup(fx->arena, id);
	for (size_t i = 0; i < debtor->customer.contact_count; i++) {
		const struct contact *one = &debtor->customer.contacts[i];
		const char *address = debtor_address(debtor, one, (enum channel)of, fx->arena);

		if (!address || strcasecmp(address, to) != 0)
			continue;
		e->unreached = arena_grow(fx->arena, e->unreached, e->unreached_count, &e->unreached_capacity, sizeof(*e->unreached));
		e->unreached[e->unreached_count++] = arena_printf(fx->arena, "%s:%s", channel, one->id);
	}
	return debtor_contact_but(debtor, (enum channel)of, c->policy->steps[index].to, fx->now, e->unreached, e->unreached_count) != NULL;
}

void contact_bounced(struct debtor *debtor, struct candidate *members, size_t count, const char *attempt_id, const char *reason, struct effects *fx)
{
	const struct contact_made *made = debtor ? debtor_contact_made(debtor, attempt_id) : NULL;

	for (size_t i = 0; i < count; i++) {
		struct walked *walked = walked_by(members[i].escalation, attempt_id), back;

		if (walked && !said_last(members[i].escalation, walked)) {
			failed_since(&members[i], debtor, walked, reason, fx);
		} else if (walked) {
			take_back(&members[i], debtor, walked, &back, fx);
			if (made && made->to && !debtor_address_dead(debtor, made->channel, made->to)) /* another message reached it later: this one does not try again */
				(void)next_of_role(&members[i], debtor, back.step, channel_names[made->channel], made->to, fx);
		}
	}
}

void contact_failed(struct debtor *debtor, struct candidate *members, size_t count, const struct attempt_entry *entry, const char *reason,
	struct effects *fx)
{
	const struct contact_made *made = debtor ? debtor_contact_made(debtor, entry->id) : NULL;

	for (size_t i = 0; i < count; i++) {
		struct escalation *e = members[i].escalation;
		struct walked *was = walked_by(e, entry->id), walked;

		if (!was)
			continue;
		if (!said_last(e, was)) {
			failed_since(&members[i], debtor, was, reason, fx);
			continue;
		}
		take_back(&members[i], debtor, was, &walked, fx);
		if (next_of_role(&members[i], debtor, walked.step, entry->channel, made ? made->to : NULL, fx)) {
			continue;
		} else if (falls_back(members[i].policy, walked.step, entry->channel)) {
			e->channel_failed = arena_strdup(fx->arena, entry->channel);
		} else {
			escalation_walked(e, fx->arena, walked.step, STEP_SKIPPED, "refused", walked.at, walked.attempt);
			e->walk[e->walk_count - 1].said = walked.said;
			if (strncmp(walked.step, "withdrawn:", 10) == 0)
				withdrawal_unsent(e, "refused", fx);
			escalation_refused(e, members[i].policy, walked.step, reason, fx);
		}
	}
}

/* What the provider told of it before its answer was known here. */
static enum delivery_state told(struct debtor *debtor, const struct attempt_entry *entry)
{
	const struct contact_made *made = debtor ? debtor_contact_made(debtor, entry->id) : NULL;

	return made ? made->delivery : DELIVERY_NONE;
}

/*
 * The provider refuses the recipient: he wants no more by this channel, or the address leads nowhere. Then another contact or channel
 * may do, and the step is owed still. False: nothing is known that would change who is asked next.
 */
static bool recipient_refused(struct debtor *debtor, const struct attempt_entry *entry, const struct outcome *outcome, struct effects *fx)
{
	const struct contact_made *made = debtor ? debtor_contact_made(debtor, entry->id) : NULL;
	struct fact_order order = { .time = fx->now, .source = entry->provider, .id = entry->id };
	struct draft *draft;

	if (outcome->kind != OUTCOME_REFUSED || outcome->scope != SCOPE_RECIPIENT || !made || !made->to)
		return false;
	if (strcmp(outcome->reason, "stopped") != 0) /* on a provider's list, and why is not said: no wish of his */
		return debtor_address_told(debtor, fx->arena, made->channel, made->to, true, fx->now);
	if (!debtor_opt_out(debtor, made->channel, &order, outcome->reason))
		return false;
	draft = effects_record(fx, "consent.withdrawn", debtor->id);
	jw_str(&draft->w, "channel", channel_names[made->channel]);
	jw_str(&draft->w, "how", outcome->reason);
	jw_str(&draft->w, "attempt", entry->id);
	return true;
}

/* Whether the channel has one more provider behind this one. */
static bool has_next(const struct config *config, const struct attempt_entry *entry)
{
	for (int c = 0; c < CHANNEL_COUNT; c++)
		for (size_t i = 0; i + 1 < CHANNEL_PROVIDERS_MAX && config->channel_providers[c][i]; i++)
			if (strcmp(channel_names[c], entry->channel) == 0 && strcmp(config->channel_providers[c][i], entry->provider) == 0)
				return config->channel_providers[c][i + 1] != NULL;
	return false;
}

/* How often the provider put these off already. */
static int64_t put_off(const struct candidate *members, size_t count, const struct attempt_entry *entry)
{
	int64_t ret = 0;

	for (size_t i = 0; i < count; i++)
		if (holds_attempt(&members[i], entry) && members[i].escalation->put_off > ret)
			ret = members[i].escalation->put_off;
	return ret;
}

static int64_t put_off_wait(int64_t before)
{
	int64_t wait = PUT_OFF_MIN_MS << (before < 10 ? before : 10);

	return wait < PUT_OFF_MAX_MS ? wait : PUT_OFF_MAX_MS;
}

/* A certain failure of an attempt that was never in doubt. */
static void fail(const struct contact_env *env, struct debtor *debtor, struct candidate *members, size_t count, struct attempt_entry *entry,
	const struct outcome *outcome, struct effects *fx)
{
	bool other = recipient_refused(debtor, entry, outcome, fx);
	bool refused = outcome->kind == OUTCOME_REFUSED && outcome->scope != SCOPE_PROVIDER && !other;
	/* It is the provider that cannot, for now: the next one of the channel may at once. */
	bool next = !refused && !other && has_next(env->config, entry) &&
		(outcome->scope == SCOPE_PROVIDER || outcome->kind == OUTCOME_TEMPORARY);
	/* It looked at the message; one that cannot even be asked has its circuit breaker, and loses nobody his step. */
	bool again = outcome->kind == OUTCOME_TEMPORARY && outcome->scope != SCOPE_PROVIDER && outcome->status && !next;
	bool ill = again && outcome->status >= 500; /* it says so itself: no word about the message, however long it lasts */
	const struct contact_made *made = debtor ? debtor_contact_made(debtor, entry->id) : NULL;
	const char *to = made ? made->to : NULL;
	int64_t before = put_off(members, count, entry);
	bool final = refused || (again && !ill && before >= PUT_OFF_MAX);
	int64_t wait = outcome->kind == OUTCOME_CANCELLED || other || next ? 0 :
		       outcome->scope == SCOPE_PROVIDER	      ? RETRY_PROVIDER_MS :
		       outcome->kind == OUTCOME_THROTTLED     ? clamp_retry(outcome->retry_after_ms) :
		       again				      ? put_off_wait(before) :
								PUT_OFF_MIN_MS;
	bool back, other_contact;

	record(outcome->kind == OUTCOME_CANCELLED ? "attempt.cancelled" : "attempt.failed",
		outcome->kind == OUTCOME_CANCELLED ? "contact.cancelled" : "contact.failed", entry, outcome, NULL, fx);
	if (debtor)
		(void)debtor_contact_remove(debtor, entry->id);
	for (size_t i = 0; i < count; i++) {
		if (!holds_attempt(&members[i], entry))
			continue;
		/* What is refused for good would be so again; what was put off for too long may be about one mailbox. */
		other_contact = final && !refused && next_of_role(&members[i], debtor, members[i].escalation->step, entry->channel, to, fx);
		back = final && !other_contact && falls_back(members[i].policy, members[i].escalation->step, entry->channel);
		if (final && !back && !other_contact) {
			const char *step = members[i].escalation->step;

			walk_on(debtor, &members[i], entry, STEP_SKIPPED, "refused", entry->released_at, TRIGGER_NOT_SENT, fx);
			escalation_refused(members[i].escalation, members[i].policy, step, outcome->reason, fx);
			continue;
		}
		not_sent(&members[i], back || other_contact || !wait ? 0 : fx->now + wait, fx);
		if (next)
			members[i].escalation->provider_failed = arena_strdup(fx->arena, entry->provider);
		if (again && !final)
			members[i].escalation->put_off = ill && before >= PUT_OFF_SLOWEST ? before : before + 1;
		if (back)
			members[i].escalation->channel_failed = arena_strdup(fx->arena, entry->channel);
		if (back || other_contact)
			members[i].escalation->put_off = 0;
		if ((!final || back || other_contact) && outcome->status) /* the provider knows the id and refused it: the next try has its own */
			members[i].escalation->tries++;
	}
}

void contact_counted(struct debtor *debtor, const struct attempt_entry *entry, int64_t now, struct effects *fx)
{
	for (int c = 0; debtor && c < CHANNEL_COUNT; c++)
		if (strcmp(channel_names[c], entry->channel) == 0)
			debtor_contact_add(debtor, fx->arena, now, (enum channel)c, arena_strdup(fx->arena, entry->id));
}

bool contact_settle(const struct contact_env *env, struct debtor *debtor, struct candidate *members, size_t count,
	struct attempt_entry *entry, const struct provider_traits *traits, const struct outcome *given, struct effects *fx)
{
	struct outcome webhook = *given;
	const struct outcome *outcome = given;

	/* No answer of its own, and yet it spoke of this very attempt: it has it. */
	if (given->kind == OUTCOME_IN_DOUBT && told(debtor, entry)) {
		webhook.kind = OUTCOME_ACCEPTED;
		webhook.reason = "webhook";
		outcome = &webhook;
	}
	if (outcome->kind == OUTCOME_ACCEPTED) {
		bool answered = outcome->status || entry->resends; /* not by a look-up of the only request */
		/* Out of a doubt it may be the resend alone that reached the debtor: the next step keeps its distance from that. */
		int64_t at = entry->in_doubt && answered ? env->now : entry->released_at;

		record(entry->in_doubt ? "attempt.reconciled" : "attempt.submitted",
			entry->in_doubt ? "contact.reconciled" : "contact.submitted", entry, outcome,
			entry->in_doubt ? outcome->reason : NULL, fx);
		if (answered)
			contact_counted(debtor, entry, env->now, fx);
		for (size_t i = 0; i < count; i++)
			if (holds_attempt(&members[i], entry))
				walk_on(debtor, &members[i], entry, STEP_SENT, entry->shadow ? WALKED_SHADOW : NULL, at, TRIGGER_SENT, fx);
		if (told(debtor, entry) == DELIVERY_BOUNCED_HARD || told(debtor, entry) == DELIVERY_SUPPRESSED)
			contact_bounced(debtor, members, count, entry->id, delivery_names[told(debtor, entry)], fx);
		else if (told(debtor, entry) == DELIVERY_FAILED)
			contact_failed(debtor, members, count, entry, "failed", fx);
		if (entry->unknown_at)
			close_task("unknown_attempt", entry, fx);
		return true;
	}
	if (outcome->kind != OUTCOME_IN_DOUBT && !entry->in_doubt) {
		fail(env, debtor, members, count, entry, outcome, fx);
		return true;
	}
	if (!entry->in_doubt)
		record("attempt.in_doubt", "contact.unknown", entry, outcome, NULL, fx);
	else
		entry->resends++; /* what happens to a resend never settles a doubt, unless it is accepted */
	if (outcome->kind == OUTCOME_IN_DOUBT) {
		entry->doubt_since = env->now; /* of the last request: a look-up must be later by enough to prove anything */
		entry->lookups = 0;
		contact_counted(debtor, entry, env->now, fx);
	}
	enter_doubt(members, count, entry, traits, env->now);
	return false;
}

/*
 * When the next look-up is due: a minute after the first one, then after twice as long each time. Besides, at the first moment from which it
 * proves something, and a minute before the end. Lists have limits (Brevo: 300 an hour), and after a crash there are many doubts at once.
 */
static int64_t lookup_due(const struct attempt_entry *entry, int64_t first, int64_t conclusive, int64_t end)
{
	int n = entry->lookups < 20 ? (int)entry->lookups : 20;
	int64_t before = n ? first + (((int64_t)1 << (n - 1)) - 1) * MINUTE_MS : INT64_MIN;
	int64_t due = first + (((int64_t)1 << n) - 1) * MINUTE_MS, last = end - MINUTE_MS;

	if (n && before < conclusive && due > conclusive)
		return conclusive;
	return due <= last ? due : before < last ? last : end;
}

enum doubt_step contact_doubt_next(const struct attempt_entry *entry, const struct provider_traits *traits, int64_t now,
	int64_t *at)
{
	int64_t since = entry->doubt_since ? entry->doubt_since : now;
	int64_t pause = entry->resends < 1 ? 5 * SECOND_MS : (int64_t)MINUTE_MS << (entry->resends < 6 ? entry->resends : 6);

	*at = now;
	if (entry->unknown_at) {
		*at = entry->unknown_at + ((now - entry->unknown_at) / UNKNOWN_LOOK_MS + 1) * UNKNOWN_LOOK_MS;
		return DOUBT_WAIT;
	}
	if (traits->idempotent && !entry->sealed && entry->resends < RESENDS_MAX &&
		(!traits->window_ms || now < entry->released_at + traits->window_ms / 10 * 8)) {
		*at = since + pause;
		return *at <= now ? DOUBT_RESEND_NOW : DOUBT_WAIT;
	}
	if (traits->lookup) {
		int64_t first = since + traits->not_before_ms, conclusive = since + traits->conclusive_after_ms;
		int64_t end = (conclusive > first ? conclusive : first) + HOUR_MS;

		*at = lookup_due(entry, first, conclusive, end);
		if (now < end)
			return *at <= now ? DOUBT_LOOKUP_NOW : DOUBT_WAIT;
	}
	*at = since + HOUR_MS; /* a webhook that echoes our id may still come */
	return *at <= now ? DOUBT_UNKNOWN : DOUBT_WAIT;
}

bool contact_unknown(const struct contact_env *env, struct debtor *debtor, struct candidate *members, size_t count,
	struct attempt_entry *entry, const char *why, struct effects *fx)
{
	enum doubt_rule rule = DOUBT_HOLD;
	struct outcome outcome = { .kind = OUTCOME_IN_DOUBT, .reason = why };
	int index;

	if (aside_id(entry->step))
		rule = DOUBT_SKIP; /* it asks for nothing: better none than two */
	else if (count && members[0].policy && (index = policy_step_index(members[0].policy, entry->step)) >= 0)
		rule = members[0].policy->steps[index].in_doubt;
	if (!entry->unknown_at) {
		entry->unknown_at = env->now;
		record("attempt.unknown", "contact.unknown", entry, &outcome,
			rule == DOUBT_HOLD ? "hold" : rule == DOUBT_SKIP ? "skip" : "resend", fx);
		if (rule == DOUBT_HOLD)
			open_task("unknown_attempt", entry, why, fx);
	}
	for (size_t i = 0; i < count; i++) {
		struct escalation *e = members[i].escalation;

		if (!holds_attempt(&members[i], entry))
			continue;
		if (rule == DOUBT_SKIP) {
			walk_on(debtor, &members[i], entry, STEP_SKIPPED, "unknown", entry->released_at, TRIGGER_NOT_SENT, fx);
		} else if (rule == DOUBT_RESEND) { /* the policy's author chose a possible second letter over none */
			int64_t tries = e->tries + 1;

			not_sent(&members[i], env->now, fx);
			e->tries = tries;
			e->provider_only = arena_strdup(fx->arena, entry->provider);
		} else {
			e->look_at = env->now + UNKNOWN_LOOK_MS;
		}
	}
	(void)debtor; /* the contact counts for caps and gap: it may have been one */
	return rule != DOUBT_HOLD;
}

void contact_never_sent(struct debtor *debtor, struct candidate *members, size_t count, struct attempt_entry *entry,
	const char *how, struct effects *fx)
{
	struct outcome outcome = { .kind = OUTCOME_CANCELLED, .reason = "never_sent" };

	record("attempt.reconciled", "contact.reconciled", entry, &outcome, how, fx);
	if (debtor)
		(void)debtor_contact_remove(debtor, entry->id);
	for (size_t i = 0; i < count; i++)
		if (holds_attempt(&members[i], entry))
			not_sent(&members[i], 0, fx);
	if (entry->unknown_at)
		close_task("unknown_attempt", entry, fx);
}

/*
 * It counts itself, as it may have gone: so what came to the debtor besides it since, a call that was made while nobody knew, keeps its distance
 * and its place under the caps. What asks for nothing (an aside) keeps none.
 */
static bool permitted_again(const struct rules *rules, const struct debtor *debtor, const struct attempt_entry *entry)
{
	struct contact_made made[DEBTOR_CONTACTS_KEPT];
	struct debtor others = *debtor;
	struct permit_case c = { .guard = rules->guard, .holidays = rules->holidays, .policy = rules->policy, .debtor = &others,
		.creditor_zone = rules->creditor_zone, .first_reminder = date_none(), .again = aside_id(entry->step) };
	struct permit permit;
	int channel = 0;

	others.contacts = made;
	others.contact_count = 0;
	for (size_t i = debtor->contact_count > DEBTOR_CONTACTS_KEPT ? debtor->contact_count - DEBTOR_CONTACTS_KEPT : 0; i < debtor->contact_count; i++)
		if (strcmp(debtor->contacts[i].attempt, entry->id) != 0)
			made[others.contact_count++] = debtor->contacts[i];
	while (channel_names[channel] && strcmp(channel_names[channel], entry->channel) != 0)
		channel++;
	if (!channel_names[channel])
		return false;
	c.channel = (enum channel)channel;
	permit = permit_contact(&c, rules->now);
	return permit.decision == GUARD_ALLOW && permit.at <= rules->now;
}

/* What it would be owed if its attempt had never been: does anything hold that now? */
static struct next_action next_without(const struct escalation *e, const struct debtor *debtor, const struct rules *rules,
	struct escalation *without)
{
	*without = *e;
	without->state = ESCALATION_WAITING;
	return escalation_next(without, debtor, rules);
}

bool contact_stands(const struct contact_env *env, const struct debtor *debtor, const struct candidate *members, size_t count,
	const struct attempt_entry *entry)
{
	if (!debtor || !count || count != entry->invoice_count) /* of the digest there is none: its bytes are not kept */
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct escalation *e = members[i].escalation;
		struct rules rules = contact_rules(env, members[i].policy);
		struct escalation without;
		struct next_action next;

		if (!holds_attempt(&members[i], entry) || e->state != ESCALATION_DOUBT || !members[i].policy)
			return false;
		if (!permitted_again(&rules, debtor, entry))
			return false; /* it may be the one that arrives: not at night */
		next = next_without(e, debtor, &rules, &without);
		if (next.kind == NEXT_ASIDE && next.owed_at <= env->now && strcmp(next.aside.id, e->step) == 0 &&
			(next.aside.kind == ASIDE_STOPPED || !rules.feed_stale_since)) /* what asks waits while the payments known are too old */
			continue;
		if (next.kind != NEXT_CONTACT || next.owed_at > env->now ||
			strcmp(members[i].policy->steps[next.step].id, e->step) != 0)
			return false;
	}
	return true;
}

static bool same_address(const char *a, const char *b)
{
	return a && b && strcasecmp(a, b) == 0;
}

bool contact_reaches(const struct contact_env *env, const struct debtor *debtor, const struct candidate *lead, const struct message *sent)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct rules rules = contact_rules(env, lead->policy);
	struct escalation without;
	struct next_action next = next_without(lead->escalation, debtor, &rules, &without);
	enum channel channel = next.aside.channel;
	const struct contact *contact;
	struct permit permit;
	struct step beside;

	contact = next.kind == NEXT_ASIDE ?
			  escalation_reach_aside(&without, debtor, &rules, &next.aside, env->now, &beside, &permit) :
			  escalation_reach(&without, debtor, &rules, &lead->policy->steps[next.step], env->now, &channel, &permit);
	return contact && channel == sent->channel &&
	       same_address(debtor_address(debtor, contact, channel, arena), message_address(sent, arena)) &&
	       (!sent->electronic || same_address(contact->email, sent->to.email));
}
