/* The stored form of an escalation: compact JSON with a schema number. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/escalation_internal.h"

#define SCHEMA 1

static const char *const end_names[] = { "sent", "done", "skipped", NULL };

static void write_walk(struct json_writer *w, const struct escalation *e)
{
	if (!e->walk_count)
		return;
	jw_array(w, "walk");
	for (size_t i = 0; i < e->walk_count; i++) {
		jw_object(w, NULL);
		jw_str(w, "step", e->walk[i].step);
		jw_str(w, "end", end_names[e->walk[i].end]);
		jw_opt_str(w, "reason", e->walk[i].reason);
		jw_int(w, "at", e->walk[i].at);
		jw_opt_str(w, "attempt", e->walk[i].attempt);
		jw_opt_str(w, "said", e->walk[i].said);
		jw_end_object(w);
	}
	jw_end_array(w);
}

static void write_holds(struct json_writer *w, const struct escalation *e)
{
	if (!e->hold_count)
		return;
	jw_array(w, "holds");
	for (size_t i = 0; i < e->hold_count; i++) {
		jw_object(w, NULL);
		jw_str(w, "reason", e->holds[i].reason);
		jw_int(w, "since", e->holds[i].since);
		jw_int(w, "until", e->holds[i].until);
		jw_opt_str(w, "who", e->holds[i].who);
		jw_opt_str(w, "why", e->holds[i].why);
		jw_end_object(w);
	}
	jw_end_array(w);
}

static void write_call(struct json_writer *w, const struct escalation *e)
{
	char day[DATE_TEXT_SIZE];

	jw_opt_int(w, "calls", e->calls);
	if (e->wrong_contact)
		jw_bool(w, "wrong_contact", true);
	said_write(w, e);
	jw_opt_int(w, "call_back_at", e->call_back.at);
	jw_opt_int(w, "call_back_said", e->call_back.said_at);
	if (!e->call.at)
		return;
	jw_object(w, "call");
	jw_int(w, "at", e->call.at);
	jw_int(w, "number", e->call.number);
	jw_str(w, "outcome", call_outcome_names[e->call.outcome]);
	if (date_is_set(e->call.until_on))
		jw_str(w, "until_on", date_format(e->call.until_on, day));
	jw_opt_str(w, "step", e->call.step);
	jw_opt_str(w, "contact", e->call.contact);
	jw_opt_str(w, "tell", e->call.tell);
	jw_end_object(w);
}

static void write_ended(struct json_writer *w, const struct escalation *e)
{
	if (!e->ended_count)
		return;
	jw_array(w, "ended");
	for (size_t i = 0; i < e->ended_count; i++) {
		jw_object(w, NULL);
		jw_str(w, "what", e->ended[i].what);
		jw_str(w, "id", e->ended[i].id);
		jw_int(w, "told_at", e->ended[i].told_at);
		jw_int(w, "at", e->ended[i].at);
		if (e->ended[i].kept)
			jw_bool(w, "kept", true);
		jw_end_object(w);
	}
	jw_end_array(w);
}

static void write_texts(struct json_writer *w, const char *key, const char *const *texts, size_t count)
{
	if (!count)
		return;
	jw_array(w, key);
	for (size_t i = 0; i < count; i++)
		jw_str(w, NULL, texts[i]);
	jw_end_array(w);
}

void escalation_write(struct buf *out, const struct escalation *e)
{
	struct json_writer writer = jw_init(out), *w = &writer;
	char day[DATE_TEXT_SIZE];

	jw_object(w, NULL);
	jw_int(w, "schema", SCHEMA);
	jw_int(w, "version", e->version);
	invoice_write(w, &e->invoice);
	jw_str(w, "state", escalation_state_names[e->state]);
	jw_opt_str(w, "policy", e->policy);
	jw_opt_str(w, "policy_digest", e->policy_digest);
	jw_opt_str(w, "policy_by", e->policy_by);
	jw_opt_str(w, "policy_rule", e->policy_rule);
	jw_opt_str(w, "settled", e->settled);
	jw_opt_int(w, "promises_broken", e->promises_broken);
	jw_opt_int(w, "opened_at", e->opened_at);
	write_walk(w, e);
	jw_opt_str(w, "step", e->step);
	jw_opt_str(w, "attempt", e->attempt);
	jw_opt_str(w, "task", e->task);
	jw_opt_str(w, "asked_as", e->asked_as);
	jw_opt_str(w, "verdict", e->verdict);
	if (e->in_doubt)
		jw_bool(w, "in_doubt", true);
	jw_opt_int(w, "since", e->since);
	jw_opt_int(w, "look_at", e->look_at);
	jw_opt_int(w, "tries", e->tries);
	jw_opt_int(w, "put_off", e->put_off);
	jw_opt_int(w, "retry_at", e->retry_at);
	jw_opt_str(w, "retry_why", e->retry_why);
	jw_opt_int(w, "rests_until", e->rests_until);
	jw_opt_int(w, "document_until", e->document_until);
	jw_opt_int(w, "link_until", e->link_until);
	jw_opt_str(w, "provider_failed", e->provider_failed);
	jw_opt_str(w, "channel_failed", e->channel_failed);
	jw_opt_str(w, "provider_only", e->provider_only);
	write_holds(w, e);
	jw_opt_str(w, "unreached_step", e->unreached_step);
	write_texts(w, "unreached", e->unreached, e->unreached_count);
	write_texts(w, "commands", e->commands, e->command_count);
	jw_opt_str(w, "deferred", e->deferred);
	jw_opt_str(w, "held", e->held);
	if (e->held_done)
		jw_bool(w, "held_done", true);
	jw_opt_int(w, "held_until", e->held_until);
	write_call(w, e);
	write_ended(w, e);
	jw_opt_str(w, "reenter", e->reenter);
	jw_opt_str(w, "reenter_why", e->reenter_why);
	if (e->reenter)
		jw_str(w, "reenter_on", date_format(e->reenter_on, day));
	commitment_write(w, e);
	offers_write(w, e);
	late_fee_write(w, e);
	note_write(w, e);
	jw_opt_str(w, "reset_from", e->reset_from);
	jw_opt_str(w, "refused", e->refused);
	if (e->unsent_told)
		jw_bool(w, "unsent_told", true);
	if (e->still_owed)
		jw_bool(w, "still_owed", true);
	if (e->deposit_counted)
		jw_bool(w, "deposit_counted", true);
	if (e->deposit_late)
		jw_bool(w, "deposit_late", true);
	jw_opt_str(w, "closed", e->closed);
	jw_opt_int(w, "closed_at", e->closed_at);
	if (e->stopped)
		jw_bool(w, "stopped", true);
	if (e->will_be_due_told)
		jw_bool(w, "will_be_due_told", true);
	if (e->overdue_told)
		jw_bool(w, "overdue_told", true);
	if (e->start_told)
		jw_bool(w, "start_told", true);
	if (e->exhausted_told)
		jw_bool(w, "exhausted_told", true);
	jw_opt_str(w, "book", e->book);
	jw_opt_int(w, "next_at", e->next_at);
	jw_opt_int(w, "acts_at", e->acts_at);
	jw_end_object(w);
}

static int read_walk(const struct json *json, struct arena *arena, struct escalation *ret, struct err *err)
{
	struct json walk = { 0 };
	int r = json_opt_array(json, "walk", &walk, err);

	if (r < 0)
		return r;
	ret->walk_count = ret->walk_capacity = json_len(&walk);
	ret->walk = arena_alloc(arena, ret->walk_count * sizeof(*ret->walk));
	for (size_t i = 0; i < ret->walk_count; i++) {
		struct json one = json_at(&walk, i);
		struct walked *to = &ret->walk[i];
		int end = 0;

		if ((r = json_get_str(&one, "step", 128, &to->step, err)) < 0 ||
			(r = json_get_word(&one, "end", end_names, &end, err)) < 0 ||
			(r = json_opt_str(&one, "reason", 128, &to->reason, err)) < 0 ||
			(r = json_get_int(&one, "at", INT64_MIN, INT64_MAX, &to->at, err)) < 0 ||
			(r = json_opt_str(&one, "attempt", 300, &to->attempt, err)) < 0 ||
			(r = json_opt_str(&one, "said", 128, &to->said, err)) < 0)
			return r;
		to->end = (enum step_end)end;
	}
	return 0;
}

static int read_holds(const struct json *json, struct arena *arena, struct escalation *ret, struct err *err)
{
	struct json holds = { 0 };
	int r = json_opt_array(json, "holds", &holds, err);

	if (r < 0)
		return r;
	ret->hold_count = ret->hold_capacity = json_len(&holds);
	ret->holds = arena_alloc(arena, ret->hold_count * sizeof(*ret->holds));
	for (size_t i = 0; i < ret->hold_count; i++) {
		struct json one = json_at(&holds, i);
		struct hold_entry *to = &ret->holds[i];

		if ((r = json_get_str(&one, "reason", 128, &to->reason, err)) < 0 ||
			(r = json_opt_int(&one, "since", INT64_MIN, INT64_MAX, &to->since, err)) < 0 ||
			(r = json_get_int(&one, "until", INT64_MIN, INT64_MAX, &to->until, err)) < 0 ||
			(r = json_opt_str(&one, "who", 400, &to->who, err)) < 0 ||
			(r = json_opt_str(&one, "why", 1600, &to->why, err)) < 0)
			return r;
	}
	return 0;
}

static int read_texts(const struct json *json, const char *key, struct arena *arena, const char ***ret, size_t *count, size_t *capacity, struct err *err)
{
	struct json list = { 0 };
	int r = json_opt_array(json, key, &list, err);

	if (r < 0)
		return r;
	*count = *capacity = json_len(&list);
	*ret = arena_alloc(arena, *count * sizeof(**ret));
	for (size_t i = 0; i < *count; i++) {
		struct json one = json_at(&list, i);

		(*ret)[i] = json_str(&one) ? json_str(&one) : "";
	}
	return 0;
}

static int read_day(const struct json *json, const char *key, date *ret, struct err *err)
{
	const char *text = NULL;
	int r = json_opt_str(json, key, 10, &text, err);

	*ret = date_none();
	if (r < 0 || !text)
		return r;
	return date_parse(text, ret) < 0 ? json_refuse(json, key, err, "bad_date", "must be a date") : 0;
}

static int read_call(const struct json *json, struct escalation *ret, struct err *err)
{
	struct call_made *made = &ret->call;
	struct json call = { 0 };
	int outcome = CALL_NONE, r = json_opt_object(json, "call", &call, err);

	*made = (struct call_made){ .until_on = date_none() };
	if (r < 0 || call.type == JSON_NONE)
		return r;
	if ((r = json_get_int(&call, "at", INT64_MIN, INT64_MAX, &made->at, err)) < 0 ||
		(r = json_opt_int(&call, "number", 0, MONEY_MAX, &made->number, err)) < 0 ||
		(r = json_get_word(&call, "outcome", call_outcome_names, &outcome, err)) < 0 ||
		(r = read_day(&call, "until_on", &made->until_on, err)) < 0 || (r = json_opt_str(&call, "step", 128, &made->step, err)) < 0 ||
		(r = json_opt_str(&call, "contact", 128, &made->contact, err)) < 0 ||
		(r = json_opt_str(&call, "tell", 4 * CALL_TELL_MAX, &made->tell, err)) < 0)
		return r;
	made->outcome = (enum call_outcome)outcome;
	if (made->number)
		return 0;
	/* Of an older version: the last call of all, whatever came of it. */
	made->number = ret->calls;
	ret->wrong_contact |= made->outcome == CALL_WRONG_CONTACT;
	if (!call_reached(made->outcome))
		*made = (struct call_made){ .until_on = date_none() };
	return 0;
}

static int read_ended(const struct json *json, struct arena *arena, struct escalation *ret, struct err *err)
{
	struct json list = { 0 };
	int r = json_opt_array(json, "ended", &list, err);

	if (r < 0)
		return r;
	ret->ended_count = ret->ended_capacity = json_len(&list);
	ret->ended = arena_alloc(arena, ret->ended_count * sizeof(*ret->ended));
	for (size_t i = 0; i < ret->ended_count; i++) {
		struct json one = json_at(&list, i);
		struct agreed_end *to = &ret->ended[i];

		if ((r = json_get_str(&one, "what", 16, &to->what, err)) < 0 || (r = json_get_str(&one, "id", 200, &to->id, err)) < 0 ||
			(r = json_get_int(&one, "told_at", INT64_MIN, INT64_MAX, &to->told_at, err)) < 0 ||
			(r = json_get_int(&one, "at", INT64_MIN, INT64_MAX, &to->at, err)) < 0 ||
			(r = json_opt_bool(&one, "kept", &to->kept, err)) < 0)
			return r;
	}
	return 0;
}

int escalation_read(struct arena *arena, const char *text, size_t len, struct escalation *ret, struct err *err)
{
	struct json *json = arena_alloc(arena, sizeof(*json));
	int r = json_parse(arena, text, len, 0, json, err);

	return r < 0 ? r : escalation_from(arena, json, ret, err);
}

int escalation_from(struct arena *arena, const struct json *json, struct escalation *ret, struct err *err)
{
	int state = 0, r;

	*ret = (struct escalation){ 0 };
	if ((r = json_get_int(json, "schema", 1, SCHEMA, &(int64_t){ 0 }, err)) < 0 ||
		(r = json_get_int(json, "version", 0, MONEY_MAX, &ret->version, err)) < 0 ||
		(r = invoice_read(json, arena, &ret->invoice, err)) < 0 ||
		(r = json_get_word(json, "state", escalation_state_names, &state, err)) < 0 ||
		(r = json_opt_str(json, "policy", 128, &ret->policy, err)) < 0 ||
		(r = json_opt_str(json, "policy_digest", 64, &ret->policy_digest, err)) < 0 ||
		(r = json_opt_str(json, "policy_by", 16, &ret->policy_by, err)) < 0 ||
		(r = json_opt_str(json, "policy_rule", 128, &ret->policy_rule, err)) < 0 ||
		(r = json_opt_str(json, "settled", 16, &ret->settled, err)) < 0 ||
		(r = json_opt_int(json, "promises_broken", 0, MONEY_MAX, &ret->promises_broken, err)) < 0 ||
		(r = json_opt_int(json, "opened_at", INT64_MIN, INT64_MAX, &ret->opened_at, err)) < 0 ||
		(r = read_walk(json, arena, ret, err)) < 0 || (r = json_opt_str(json, "step", 128, &ret->step, err)) < 0 ||
		(r = json_opt_str(json, "attempt", 128, &ret->attempt, err)) < 0 ||
		(r = json_opt_str(json, "task", 400, &ret->task, err)) < 0 || (r = json_opt_str(json, "asked_as", 400, &ret->asked_as, err)) < 0 ||
		(r = json_opt_str(json, "verdict", 16, &ret->verdict, err)) < 0 || (r = json_opt_bool(json, "in_doubt", &ret->in_doubt, err)) < 0 ||
		(r = json_opt_int(json, "since", INT64_MIN, INT64_MAX, &ret->since, err)) < 0 ||
		(r = json_opt_int(json, "look_at", INT64_MIN, INT64_MAX, &ret->look_at, err)) < 0 ||
		(r = json_opt_int(json, "tries", 0, MONEY_MAX, &ret->tries, err)) < 0 ||
		(r = json_opt_int(json, "put_off", 0, MONEY_MAX, &ret->put_off, err)) < 0 ||
		(r = json_opt_int(json, "retry_at", INT64_MIN, INT64_MAX, &ret->retry_at, err)) < 0 ||
		(r = json_opt_str(json, "retry_why", 32, &ret->retry_why, err)) < 0 ||
		(r = json_opt_int(json, "rests_until", INT64_MIN, INT64_MAX, &ret->rests_until, err)) < 0 ||
		(r = json_opt_int(json, "document_until", INT64_MIN, INT64_MAX, &ret->document_until, err)) < 0 ||
		(r = json_opt_int(json, "link_until", INT64_MIN, INT64_MAX, &ret->link_until, err)) < 0 ||
		(r = json_opt_str(json, "provider_failed", 128, &ret->provider_failed, err)) < 0 ||
		(r = json_opt_str(json, "channel_failed", 16, &ret->channel_failed, err)) < 0 ||
		(r = json_opt_str(json, "provider_only", 128, &ret->provider_only, err)) < 0 ||
		(r = read_holds(json, arena, ret, err)) < 0 ||
		(r = read_texts(json, "commands", arena, &ret->commands, &ret->command_count, &ret->command_capacity, err)) < 0 ||
		(r = json_opt_str(json, "unreached_step", 128, &ret->unreached_step, err)) < 0 ||
		(r = read_texts(json, "unreached", arena, &ret->unreached, &ret->unreached_count, &ret->unreached_capacity, err)) < 0 ||
		(r = json_opt_str(json, "deferred", 400, &ret->deferred, err)) < 0 ||
		(r = json_opt_str(json, "held", 128, &ret->held, err)) < 0 ||
		(r = json_opt_bool(json, "held_done", &ret->held_done, err)) < 0 ||
		(r = json_opt_int(json, "held_until", INT64_MIN, INT64_MAX, &ret->held_until, err)) < 0 ||
		(r = json_opt_int(json, "call_back_at", INT64_MIN, INT64_MAX, &ret->call_back.at, err)) < 0 ||
		(r = json_opt_int(json, "call_back_said", INT64_MIN, INT64_MAX, &ret->call_back.said_at, err)) < 0 ||
		(r = json_opt_int(json, "calls", 0, MONEY_MAX, &ret->calls, err)) < 0 || (r = json_opt_bool(json, "wrong_contact", &ret->wrong_contact, err)) < 0 ||
		(r = said_read(json, ret, err)) < 0 || (r = read_call(json, ret, err)) < 0 ||
		(r = read_ended(json, arena, ret, err)) < 0 || (r = json_opt_str(json, "reenter", 128, &ret->reenter, err)) < 0 ||
		(r = json_opt_str(json, "reenter_why", 32, &ret->reenter_why, err)) < 0 ||
		(r = read_day(json, "reenter_on", &ret->reenter_on, err)) < 0 || (r = commitment_read(json, arena, ret, err)) < 0 ||
		(r = offers_read(json, arena, ret, err)) < 0 || (r = late_fee_read(json, ret, err)) < 0 ||
		(r = note_read(json, ret, err)) < 0 || (r = json_opt_str(json, "reset_from", 128, &ret->reset_from, err)) < 0 ||
		(r = json_opt_str(json, "refused", ESCALATION_REFUSED_MAX, &ret->refused, err)) < 0 ||
		(r = json_opt_bool(json, "unsent_told", &ret->unsent_told, err)) < 0 ||
		(r = json_opt_bool(json, "still_owed", &ret->still_owed, err)) < 0 ||
		(r = json_opt_bool(json, "deposit_counted", &ret->deposit_counted, err)) < 0 ||
		(r = json_opt_bool(json, "deposit_late", &ret->deposit_late, err)) < 0 ||
		(r = json_opt_str(json, "closed", 128, &ret->closed, err)) < 0 ||
		(r = json_opt_int(json, "closed_at", INT64_MIN, INT64_MAX, &ret->closed_at, err)) < 0 ||
		(r = json_opt_bool(json, "stopped", &ret->stopped, err)) < 0 ||
		(r = json_opt_bool(json, "will_be_due_told", &ret->will_be_due_told, err)) < 0 ||
		(r = json_opt_bool(json, "overdue_told", &ret->overdue_told, err)) < 0 ||
		(r = json_opt_bool(json, "start_told", &ret->start_told, err)) < 0 ||
		(r = json_opt_bool(json, "exhausted_told", &ret->exhausted_told, err)) < 0 || (r = json_opt_str(json, "book", 32, &ret->book, err)) < 0 ||
		(r = json_opt_int(json, "next_at", INT64_MIN, INT64_MAX, &ret->next_at, err)) < 0 ||
		(r = json_opt_int(json, "acts_at", INT64_MIN, INT64_MAX, &ret->acts_at, err)) < 0)
		return r;
	ret->state = (enum escalation_state)state;
	ret->in_doubt |= ret->state == ESCALATION_DOUBT; /* an older version did not note it */
	ret->stopped |= ret->closed && strcmp(ret->closed, "stopped") == 0; /* the reason said it alone, once */
	return 0;
}
