/* The judge reads the journal: every group as it becomes durable, decrypted record by record. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "common/json.h"
#include "common/keys.h"
#include "common/utc.h"
#include "tests/sim/sim_policy.h"

static const char *member(const struct json *json, const char *key)
{
	struct json v = json_get(json, key);

	return v.type == JSON_STRING ? json_str(&v) : NULL;
}

static void check_chain(struct judge *judge, struct host *host, const struct group_header *head)
{
	static const uint8_t none[GROUP_ID_SIZE];
	bool found = head->pseq == 1 && memcmp(head->predecessor, none, GROUP_ID_SIZE) == 0;

	for (size_t i = judge->group_count; i-- > 0 && !found;)
		found = judge->groups[i].partition == head->partition && judge->groups[i].pseq == head->pseq - 1 &&
			memcmp(judge->groups[i].id, head->predecessor, GROUP_ID_SIZE) == 0;
	if (!found)
		sim_breach(judge->sim, "chain", "group %llu of %s names a predecessor that no journal holds",
			(unsigned long long)head->pseq, host->name);
	for (size_t i = judge->group_count; i-- > 0;)
		if (judge->groups[i].host == host) {
			if (judge->sim->weather.hosts == 1 && judge->groups[i].pseq + 1 != head->pseq)
				sim_breach(judge->sim, "chain", "group %llu follows group %llu",
					(unsigned long long)head->pseq, (unsigned long long)judge->groups[i].pseq);
			break;
		}
	judge->groups = arena_grow(judge->arena, judge->groups, judge->group_count, &judge->group_capacity,
		sizeof(*judge->groups));
	judge->groups[judge->group_count] = (struct known_group){ .host = host, .partition = head->partition, .pseq = head->pseq, .decided = head->decided_at };
	memcpy(judge->groups[judge->group_count].id, head->id, GROUP_ID_SIZE);
	judge->group_count++;
}

/* --- the trail ------------------------------------------------------------------------------------------------------------------ */

/* The newest record of the case: anywhere, or in one log under one key slot. */
static struct known_leaf *find_case(struct judge *judge, const char *name, const char *origin, uint32_t slot)
{
	for (size_t i = judge->case_count; i-- > 0;) {
		struct known_leaf *c = &judge->cases[i];

		if (strcmp(c->name, name) == 0 && (!origin || (strcmp(c->origin, origin) == 0 && c->slot == slot)))
			return c;
	}
	return NULL;
}

static bool points_to(const struct json *prev, const struct known_leaf *leaf)
{
	struct json number = json_get(prev, "index");
	const char *origin = member(prev, "origin"), *hash = member(prev, "leaf_hash");
	char hex[65];

	return origin && hash && strcmp(origin, leaf->origin) == 0 && (uint64_t)json_int(&number) == leaf->index &&
		strcmp(hash, hex_format(leaf->hash, 32, hex)) == 0;
}

static void check_place(struct judge *judge, const struct json *record, const struct known_leaf *leaf)
{
	struct known_leaf *here = find_case(judge, leaf->name, leaf->origin, leaf->slot);
	struct known_leaf *before = find_case(judge, leaf->name, NULL, 0);
	struct json prev = json_get(record, "prev");
	uint64_t expected = here ? here->n + 1 : 0;
	bool found = false;

	if (leaf->n != expected)
		sim_breach(judge->sim, "trail", "record %llu of %s in %s is number %llu, not %llu",
			(unsigned long long)leaf->index, leaf->name, leaf->origin, (unsigned long long)leaf->n,
			(unsigned long long)expected);
	/* One host: the very last record. Two: a record of this case; what a superseded tail holds may be passed over. */
	for (size_t i = judge->case_count; i-- > 0 && !found && judge->sim->weather.hosts > 1;)
		found = strcmp(judge->cases[i].name, leaf->name) == 0 && points_to(&prev, &judge->cases[i]);
	if (judge->sim->weather.hosts == 1)
		found = before && points_to(&prev, before);
	if (prev.type != JSON_OBJECT ? before && judge->sim->weather.hosts == 1 : !found)
		sim_breach(judge->sim, "trail", "record %llu of %s in %s does not follow the one before it",
			(unsigned long long)leaf->index, leaf->name, leaf->origin);
	judge->cases = arena_grow(judge->arena, judge->cases, judge->case_count, &judge->case_capacity,
		sizeof(*judge->cases));
	judge->cases[judge->case_count++] = *leaf;
}

/* Leaf = commitment and tag of what was decrypted; gives the record's text. */
static bool open_record(struct judge *judge, struct host *host, const struct record_body *body, const char *origin,
	struct buf *text, struct case_keys *keys)
{
	uint8_t salt[SALT_SIZE];

	if (body->blob_count < 1 || disk_keys(host->disk, body->blobs[0].year, body->blobs[0].slot, keys) < 0) {
		sim_breach(judge->sim, "trail", "a record of %s is sealed with keys that %s does not have", origin, host->name);
		return false;
	}
	if (record_body_open(body, 0, keys, salt, text) < 0) {
		sim_breach(judge->sim, "trail", "a record of %s cannot be decrypted", origin);
		return false;
	}
	for (size_t i = 1; i < body->blob_count; i++) {
		CLEANUP(buf_clear) struct buf part = { 0 };
		uint8_t part_salt[SALT_SIZE], commitment[32];
		char hex[65];

		if (record_body_open(body, i, keys, part_salt, &part) < 0) {
			sim_breach(judge->sim, "trail", "a part of a record of %s cannot be decrypted", origin);
			return false;
		}
		part_commitment(part_salt, part.data, part.len, commitment);
		if (!strstr(buf_str(text), hex_format(commitment, 32, hex)))
			sim_breach(judge->sim, "trail", "a part of a record of %s is not the one committed to", origin);
	}
	return true;
}

static void check_leaf(struct judge *judge, const struct record_body *body, const struct case_keys *keys, const char *origin,
	uint64_t n, const struct buf *text)
{
	CLEANUP(buf_clear) struct buf plain = { 0 };
	uint8_t salt[SALT_SIZE], commitment[32], tag_key[32], tag[32];
	char leaf[LEAF_SIZE];

	if (record_body_open(body, 0, keys, salt, &plain) < 0)
		return;
	record_commitment(salt, text->data, text->len, commitment);
	record_tag_key(keys->case_key, origin, tag_key);
	record_tag(tag_key, n, tag);
	record_leaf(commitment, tag, leaf);
	if (memcmp(leaf, body->leaf, LEAF_SIZE) != 0)
		sim_breach(judge->sim, "trail", "a leaf of %s is not the one of its record (n %llu)", origin, (unsigned long long)n);
}

/* --- what the records say ------------------------------------------------------------------------------------------------------- */

static int step_index(const struct judge *judge, const char *step)
{
	return step ? policy_step_index(judge->sim->policy, step) : -1;
}

/* Which of its host's flows has that group's partition now. 0: the host reads its disk, before any has. */
static uint32_t flow_of(const struct judge *judge, const struct host *host, size_t group)
{
	const struct partition *part = &host->parts[judge->groups[group - 1].partition];

	return part->dunner ? part->flows : 0;
}

static void note_intent(struct judge *judge, struct host *host, const struct json *record, const char *id)
{
	struct known_attempt *a = judge_attempt(judge, id);
	struct json invoices = json_get(record, "invoices"), rule = json_get(record, "rule"), steps = json_get(&rule, "steps"),
		    balances = json_get(&rule, "balances_minor");

	a->count = json_len(&invoices);
	a->invoices = arena_alloc(judge->arena, a->count * sizeof(char *));
	a->steps = arena_alloc(judge->arena, a->count * sizeof(char *));
	a->over = arena_alloc(judge->arena, a->count * sizeof(bool));
	a->sums = arena_alloc(judge->arena, a->count * sizeof(*a->sums));
	for (size_t i = 0; i < a->count; i++) {
		struct json one = json_at(&invoices, i), step = json_at(&steps, i), sum = json_at(&balances, i);

		a->sums[i] = json_int(&sum);
		a->invoices[i] = arena_strdup(judge->arena, json_str(&one));
		a->steps[i] = arena_strdup(judge->arena, json_str(&step) ? json_str(&step) : member(record, "step"));
		sim_note(judge->sim, "trail: intent %s: %s, step %s", id, a->invoices[i], a->steps[i]);
		if (judge_invoice(judge, a->invoices[i])->handed && judge->sim->weather.hosts == 1)
			sim_breach(judge->sim, "who took the case writes", "%s is about %s, which was handed over", id, a->invoices[i]);
		if (judge->sim->mode == MODE_LIFE && !judge->sim->rollbacks && !judge->sim->flushes && !facts_owed(judge, a->invoices[i], json_int(&sum)))
			sim_breach(judge->sim, "money sums are exact", "%s asks for %lld of %s", id, (long long)json_int(&sum), a->invoices[i]);
	}
	a->debtor_id = arena_strdup(judge->arena, member(record, "case"));
	a->step = arena_strdup(judge->arena, member(record, "step"));
	a->intended = true;
	a->intended_wall = sim_wall(judge->sim);
	a->intent_group = judge->group_count;
	a->intent_life = flow_of(judge, host, judge->group_count);
	a->outcome = a->reason = NULL;
}

static void skip(struct judge *judge, const char *invoice_id, const char *step, const char *reason)
{
	int index = step_index(judge, step);
	struct known_invoice *invoice = judge_invoice(judge, invoice_id);
	const struct walk_step *walk = index < 0 ? NULL : &invoice->walk[index];

	/* One that another host wrote and the store never took is as open: which of them counts is known when the store has one. */
	if (walk && (judge_walk(judge, invoice, (size_t)index) == WALK_OPEN || (walk->end == WALK_SKIPPED && walk->group && !judge->groups[walk->group - 1].applied)))
		invoice->walk[index] = (struct walk_step){ WALK_SKIPPED, arena_strdup(judge->arena, reason),
			judge_date(judge, invoice->debtor_id, judge->decided_at), judge->group_count, walk->end == WALK_SKIPPED ? walk->group : 0, 0 };
}

static bool final(const char *kind)
{
	static const char *const kinds[] = { "attempt.submitted", "attempt.failed", "attempt.cancelled", "attempt.reconciled" };

	for (size_t i = 0; kind && i < ARRAY_LEN(kinds); i++)
		if (strcmp(kinds[i], kind) == 0)
			return true;
	return false;
}

/* What one channel refuses is owed still, by the step's other one. */
static bool falls_back(const struct judge *judge, const char *step, const char *channel)
{
	int index = policy_step_index(judge->sim->policy, step);
	const struct step *s = index < 0 ? NULL : &judge->sim->policy->steps[index];

	return s && s->has_fallback && channel && strcmp(channel_names[s->channel], channel) == 0;
}

/* Another group has its number in the store. */
static bool lost(const struct judge *judge, size_t group)
{
	const struct known_group *g = &judge->groups[group - 1];

	for (size_t i = 0; i < judge->group_count; i++)
		if (judge->groups[i].applied && judge->groups[i].partition == g->partition && judge->groups[i].pseq == g->pseq && i != group - 1)
			return true;
	return false;
}

static void note_outcome(struct judge *judge, struct host *host, const struct json *record, const char *kind, const char *id)
{
	struct known_attempt *a = judge_attempt(judge, id);
	struct json status = json_get(record, "status");
	const char *reason = member(record, "reason");
	bool never_sent = reason && strcmp(reason, "never_sent") == 0;
	bool denied = a->accepted && (strcmp(kind, "attempt.failed") == 0 || strcmp(kind, "attempt.cancelled") == 0 || never_sent);

	/* A tail that outlived its host's crash unsynced, or its sleep, and is found when the partition has gone on elsewhere: it tells, no more. */
	if ((final(a->outcome) || a->unknown || denied) && lost(judge, judge->group_count))
		return;
	if (final(a->outcome) && !judge_superseded(judge, a->outcome_group))
		sim_breach(judge->sim, "5 one outcome", "attempt %s: %s after %s", id, kind, a->outcome);
	a->outcome = arena_strdup(judge->arena, kind);
	a->outcome_group = judge->group_count;
	a->reason = arena_strdup(judge->arena, reason);
	a->outcome_wall = sim_wall(judge->sim);
	for (size_t i = 0; i < a->count; i++)
		a->over[i] = judge_invoice(judge, a->invoices[i])->closed;
	if (denied)
		sim_breach(judge->sim, "truth", "attempt %s was accepted, but the trail says %s (%s)", id, kind,
			reason ? reason : "");
	if (reason && strcmp(reason, "process_died") == 0 && a->intent_group && judge->groups[a->intent_group - 1].host == host && a->intent_life &&
		a->intent_life == flow_of(judge, host, a->intent_group))
		sim_breach(judge->sim, "truth", "attempt %s: the process that decided it lives, the trail says %s", id, reason);
	if (strcmp(kind, "attempt.unknown") == 0 && judge->sim->weather.hosts == 1 && facts_told_of(judge, id))
		sim_breach(judge->sim, "a receipt settles a doubt", "attempt %s is given up, though its provider spoke of it", id);
	a->unknown = strcmp(kind, "attempt.unknown") == 0 || (a->unknown && strcmp(kind, "attempt.reconciled") != 0);
	if (never_sent && !a->accepted) { /* proven: the next request with this id is a first one */
		a->requests = 0;
		a->first_byte_wall = 0;
	}
	if (a->unknown && member(record, "how") && strcmp(member(record, "how"), "skip") == 0)
		for (size_t i = 0; i < a->count; i++)
			skip(judge, a->invoices[i], a->steps[i], "unknown");
	/* An address that leads nowhere ends no step: another may do, and where none does a record says that it was skipped. */
	if (strcmp(kind, "attempt.failed") == 0 && json_int(&status) == 422 && !(reason && strcmp(reason, "bad_address") == 0))
		for (size_t i = 0; i < a->count; i++)
			if (!falls_back(judge, a->steps[i], member(record, "channel")))
				skip(judge, a->invoices[i], a->steps[i], "refused");
}

static void contacted(struct judge *judge, const char *debtor_id, const char *id, enum channel channel)
{
	judge->contacts = arena_grow(judge->arena, judge->contacts, judge->contact_count, &judge->contact_capacity,
		sizeof(*judge->contacts));
	judge->contacts[judge->contact_count++] = (struct known_contact){ arena_strdup(judge->arena, debtor_id),
		arena_strdup(judge->arena, id), judge->decided_at, judge->group_count, channel, NULL, NULL };
}

/* A step that a person ended: the first one of the invoice that is open. */
static void walk_by_hand(struct judge *judge, const char *invoice_id, enum step_kind kind, const char *debtor_id, const char *id)
{
	struct known_invoice *invoice = judge_invoice(judge, invoice_id);
	const struct policy *policy = judge->sim->policy;
	size_t step = 0;

	while (step < policy->step_count && judge_walk(judge, invoice, step) != WALK_OPEN)
		step++;
	for (size_t i = 0; i < policy->step_count && judge->sim->weather.hosts > 1; i++) /* a call's name may come back, weeks later */
		if (invoice->walk[i].why && strcmp(invoice->walk[i].why, id) == 0 &&
			date_diff(judge_date(judge, debtor_id, judge->decided_at), invoice->walk[i].on) <= 2) {
			if (!judge->groups[invoice->walk[i].group - 1].applied) /* the other host says so too */
				invoice->walk[i].group = judge->group_count;
			return;
		}
	if (step == policy->step_count || (kind == STEP_GATE && policy->steps[step].kind != STEP_GATE)) {
		sim_breach(judge->sim, "3 steps", "%s ends a step of invoice %s that is not open", id, invoice_id);
		return;
	}
	invoice->walk[step] = (struct walk_step){ WALK_SENT, arena_strdup(judge->arena, id),
		judge_date(judge, debtor_id, judge->decided_at), judge->group_count, 0, 0 };
}

/* A letter that waits to be posted: a contact from then on, until it counts as one that was made, or nobody posts it. */
static void note_waiting(struct judge *judge, struct known_call *call, const char *debtor_id, bool waits)
{
	size_t at = judge->contact_count;

	if (strncmp(call->task, "post:", 5) != 0)
		return;
	call->debtor_id = arena_strdup(judge->arena, debtor_id);
	call->turn_at = judge->decided_at;
	if (judge->sim->weather.hosts > 1 || call->waits == waits)
		return;
	call->waits = waits;
	if (waits)
		contacted(judge, debtor_id, call->task, CHANNEL_LETTER);
	while (!waits && at-- > 0)
		if (strcmp(judge->contacts[at].attempt, call->task) == 0) {
			memmove(&judge->contacts[at], &judge->contacts[at + 1], (--judge->contact_count - at) * sizeof(*judge->contacts));
			break;
		}
}

static void note_call(struct judge *judge, const struct json *record, const char *task, bool opened)
{
	struct json invoices = json_get(record, "invoices");
	const char *result = member(record, "result");
	struct known_call *call = NULL;
	bool again;

	for (size_t i = 0; i < judge->call_count; i++)
		if (strcmp(judge->calls[i].task, task) == 0)
			call = &judge->calls[i];
	if (opened) {
		if (!call) {
			judge->calls = arena_grow(judge->arena, judge->calls, judge->call_count, &judge->call_capacity,
				sizeof(*judge->calls));
			call = &judge->calls[judge->call_count++];
			*call = (struct known_call){ .task = arena_strdup(judge->arena, task) };
		}
		if (call->done)
			call->count = 0;
		call->done = call->left = false;
		note_waiting(judge, call, member(record, "case"), true);
		/* Opened again under the same name, it has the new invoices beside those that never left it. */
		for (size_t i = 0; i < json_len(&invoices); i++) {
			struct json one = json_at(&invoices, i);
			bool known = false;

			for (size_t k = 0; k < call->count; k++)
				known |= strcmp(call->invoices[k], json_str(&one)) == 0;
			call->invoices = arena_grow(judge->arena, call->invoices, call->count, &call->capacity, sizeof(char *));
			if (!known)
				call->invoices[call->count++] = arena_strdup(judge->arena, json_str(&one));
		}
		return;
	}
	if (call)
		note_waiting(judge, call, member(record, "case"), false);
	/* They asked to be called again: the step is owed still. */
	again = member(record, "reason") && strcmp(member(record, "reason"), "call_back_at") == 0;
	if (!call || !result || strcmp(result, "done") != 0 || again) { /* whose call is obsolete or too late is out of it */
		if (call)
			call->left = result && (strcmp(result, "obsolete") == 0 || strcmp(result, "skipped") == 0);
		for (size_t k = 0; call && k < json_len(&invoices); k++) {
			struct json one = json_at(&invoices, k);

			for (size_t i = 0; i < call->count; i++)
				if (strcmp(call->invoices[i], json_str(&one)) == 0)
					call->invoices[i] = call->invoices[--call->count];
		}
		return;
	}
	for (size_t i = 0; i < json_len(&invoices) && !call->count && judge->sim->weather.hosts > 1 && !call->done; i++) {
		struct json one = json_at(&invoices, i); /* the other host had called it too late, and that came to nothing */

		walk_by_hand(judge, json_str(&one), STEP_CALL, member(record, "case"), task);
	}
	for (size_t i = 0; i < call->count; i++)
		walk_by_hand(judge, call->invoices[i], STEP_CALL, member(record, "case"), task);
	if (call->count)
		contacted(judge, member(record, "case"), task, strncmp(task, "post:", 5) == 0 ? CHANNEL_LETTER : CHANNEL_CALL);
	for (size_t i = 0; i < call->count && strncmp(task, "post:", 5) == 0; i++)
		carrier_tells(judge->sim, call->invoices[i]);
	call->done = true; /* the other host may say it again */
	call->count = judge->sim->weather.hosts > 1 ? call->count : 0;
}

/* Out of it for one of its invoices, nobody finds it any more: the others must not wait for it. */
static void check_calls(struct judge *judge)
{
	for (size_t i = 0; i < judge->call_count && judge->sim->weather.hosts == 1; i++)
		if (judge->calls[i].left && judge->calls[i].count)
			sim_breach(judge->sim, "a task is gone for all", "%s is closed, and invoice %s waits for it", judge->calls[i].task,
				judge->calls[i].invoices[0]);
}

static void note_house(struct judge *judge, const char *debtor_id, bool deserted, int64_t told_at)
{
	for (size_t i = 0; i < judge->house_count; i++)
		if (strcmp(judge->houses[i].debtor_id, debtor_id) == 0) {
			if (told_at > judge->houses[i].told_at)
				judge->houses[i] = (struct known_house){ judge->houses[i].debtor_id, deserted, told_at };
			return;
		}
	judge->houses = arena_grow(judge->arena, judge->houses, judge->house_count, &judge->house_capacity, sizeof(*judge->houses));
	judge->houses[judge->house_count++] = (struct known_house){ arena_strdup(judge->arena, debtor_id), deserted, told_at };
}

/* Nobody had it: no limit counts it. */
static void not_counted(struct judge *judge, const char *attempt)
{
	size_t kept = 0;

	for (size_t i = 0; i < judge->contact_count; i++)
		if (strcmp(judge->contacts[i].attempt, attempt) != 0)
			judge->contacts[kept++] = judge->contacts[i];
	judge->contact_count = kept;
}

/* What the carrier told of a letter: one that nobody took is on a person's desk; a house where nobody is gets no second one. */
static void note_letter(struct judge *judge, const char *invoice_id, const char *debtor_id, const char *status, const char *attempt, int64_t told_at)
{
	struct known_invoice *invoice = judge_invoice(judge, invoice_id);

	sim_note(judge->sim, "trail: the letter about %s is %s", invoice_id, status);
	if (!invoice->closed && !invoice->handed && (strcmp(status, "unclaimed") == 0 || strcmp(status, "refused") == 0))
		invoice->unclaimed = true;
	if (strcmp(status, "returned") == 0 || strcmp(status, "delivered") == 0)
		note_house(judge, debtor_id, status[0] == 'r', told_at);
	if (strcmp(status, "returned") == 0)
		not_counted(judge, attempt);
}

/* What the last letter was about is owed again, of those for which nothing went on meanwhile. */
static void note_dead_address(struct judge *judge, const char *invoice_id, const char *step, const char *attempt)
{
	struct known_invoice *invoice = judge_invoice(judge, invoice_id);
	int index = step_index(judge, step);

	if (strncmp(attempt, "post:", 5) != 0 && !judge_attempt(judge, attempt)->failed)
		sim_breach(judge->sim, "truth", "attempt %s about %s did not arrive, says the trail, and nobody told that", attempt, invoice_id);
	settled_undelivered(judge, invoice_id, attempt);
	if (index >= 0 && invoice->walk[index].why && strcmp(invoice->walk[index].why, attempt) == 0)
		invoice->walk[index].back = judge->group_count;
}

static void check_house(struct judge *judge, const char *debtor_id, const char *task)
{
	for (size_t i = 0; i < judge->house_count && judge->sim->weather.hosts == 1; i++)
		if (judge->houses[i].deserted && strcmp(judge->houses[i].debtor_id, debtor_id) == 0)
			sim_breach(judge->sim, "no letter to a house where nobody is", "%s of %s is to be posted", task, debtor_id);
}

static void note_task(struct judge *judge, const struct json *record, bool opened)
{
	struct json invoices = json_get(record, "invoices"), first = json_at(&invoices, 0);
	const char *task = member(record, "task"), *kind = member(record, "task_kind");

	if (!task || !kind)
		return;
	sim_note(judge->sim, "trail: task %s, %zu invoices, the first is %s%s%s", task, json_len(&invoices), json_str(&first),
		opened ? "" : ": ", opened ? "" : member(record, "result"));
	if (strcmp(kind, "call") == 0 || strcmp(kind, "post") == 0)
		note_call(judge, record, task, opened);
	if (strcmp(kind, "post") == 0 && opened)
		check_house(judge, member(record, "case"), task);
	if (strcmp(kind, "refused") == 0 && opened && member(record, "step") && strcmp(member(record, "reason") ? member(record, "reason") : "", "failed") == 0) {
		const char *step = member(record, "step"), *last = strrchr(step, ' '); /* it names all of them */

		skip(judge, json_str(&first), last ? last + 1 : step, "refused");
	}
	if (strcmp(kind, "letter_unclaimed") == 0 && opened)
		judge_invoice(judge, json_str(&first))->unclaimed_task = true;
	if (strcmp(kind, "call") == 0 && opened && judge->sim->drawn)
		manners_call(judge, member(record, "case"), task);
	if (opened)
		people_task(judge->sim, kind, task, json_str(&first));
}

/* Who asks to be called at an hour is not written to before. Said twice, the earlier hour is held against us: which word was the later one, no record says. */
static void note_call_back(struct judge *judge, const struct json *record)
{
	bool asked = strcmp(member(record, "outcome"), "call_back_at") == 0;
	struct json invoices = json_get(record, "invoices"), at = json_get(record, "back_at");

	for (size_t i = 0; i < json_len(&invoices); i++) {
		struct json one = json_at(&invoices, i);
		struct known_invoice *invoice = judge_invoice(judge, json_str(&one));
		int64_t before = invoice->call_back_at && !judge_superseded(judge, invoice->call_back_group) ? invoice->call_back_at : 0;

		invoice->call_back_at = !asked ? 0 : before && before < json_int(&at) ? before : json_int(&at);
		invoice->call_back_group = judge->group_count;
	}
}

static void note_phone(struct judge *judge, const struct json *record)
{
	struct json invoices = json_get(record, "invoices");

	note_call_back(judge, record);
	for (size_t i = 0; i < json_len(&invoices) && strcmp(member(record, "outcome"), "promise") == 0; i++) {
		struct json one = json_at(&invoices, i);

		judge_invoice(judge, json_str(&one))->call_promised_at = sim_wall(judge->sim);
	}
	if (!member(record, "task") && strcmp(member(record, "outcome"), "call_back_at") != 0) /* its task was over already: it counts all the same */
		contacted(judge, member(record, "case"), member(record, "event_id"), CHANNEL_CALL);
}

/* A person's hold that came back with a Redis of long ago lasts as one given that day: by the trail, whatever was told first. */
static void note_hold_ended(struct judge *judge, struct known_invoice *invoice)
{
	if (invoice->held && strcmp(invoice->held, "operator") == 0 && judge->decided_at > invoice->rest_until)
		invoice->rest_until = judge->decided_at;
	invoice->held = NULL;
}

static void note_closed(struct known_invoice *invoice)
{
	invoice->closed = true;
	invoice->call_back_at = 0;
}

/* Whoever leaves out a step, or lets it go on, answers for it. */
static void note_go_on(struct judge *judge, const struct json *record)
{
	const char *word = member(record, "command"), *target = member(record, "target");

	if (word && target && (strcmp(word, "skip") == 0 || strcmp(word, "retry") == 0 || strcmp(word, "resume") == 0))
		judge_invoice(judge, target)->call_back_at = 0;
}

static void note_broken(struct judge *judge, const char *kind, const char *invoice_id)
{
	struct known_invoice *invoice = judge_invoice(judge, invoice_id);

	invoice->jumped = true;
	if (strcmp(kind, "plan.broken") != 0)
		return;
	invoice->plan_broken_at = sim_wall(judge->sim);
	if (judge->sim->mode == MODE_LIFE && invoice->debtor_id &&
		!facts_plan_missed(judge, invoice_id, judge_date(judge, invoice->debtor_id, judge->decided_at), judge->sim->mono - MINUTE_MS) &&
		!facts_plan_missed(judge, invoice_id, judge_date(judge, invoice->debtor_id, judge->decided_at), judge->sim->mono))
		sim_breach(judge->sim, "a plan that is kept is not broken", "%s: no instalment was missed", invoice_id);
	if (judge->sim->mode == MODE_LIFE && facts_plan_short(judge, invoice_id, judge->sim->mono - MINUTE_MS) &&
		facts_plan_short(judge, invoice_id, judge->sim->mono))
		sim_breach(judge->sim, "a plan that does not add up is a question", "%s: it is called broken", invoice_id);
}

/*
 * A payment was told late: the plan holds again, and must not have a missed instalment. A day is missed when business opens after it: at Easter
 * that is five days later.
 */
#define OPENS_WITHIN 5
static void note_restored(struct judge *judge, const char *invoice_id)
{
	struct known_invoice *invoice = judge_invoice(judge, invoice_id);

	invoice->plan_broken_at = 0;
	if (judge->sim->mode == MODE_LIFE && invoice->debtor_id && facts_read(judge, invoice_id) &&
		facts_plan_missed(judge, invoice_id, date_add_days(judge_date(judge, invoice->debtor_id, judge->decided_at), -OPENS_WITHIN),
			judge->sim->mono))
		sim_breach(judge->sim, "a plan that is missed does not stand", "%s: an instalment is open beyond its days of grace", invoice_id);
}

/* What was written to the debtor, and what it comes to. */
static void note_offer(struct judge *judge, const struct json *record, const char *invoice_id, const char *attempt)
{
	struct json parts = json_get(record, "instalments"), amount = json_get(record, "amount_minor");
	struct instalment *items = arena_alloc(judge->arena, (json_len(&parts) + 1) * sizeof(*items));
	struct known_offer made = { .invoice_id = judge_invoice(judge, invoice_id)->id, .code = arena_strdup(judge->arena, member(record, "code")),
		.attempt = arena_strdup(judge->arena, attempt), .amount = json_int(&amount), .instalments = items, .count = json_len(&parts),
		.at = judge->decided_at, .group = judge->group_count };

	for (size_t i = 0; i < made.count; i++) {
		struct json one = json_at(&parts, i);

		amount = json_get(&one, "amount_minor");
		items[i].amount = json_int(&amount);
		if (date_parse(member(&one, "due_on"), &items[i].due_on) < 0)
			abort();
	}
	if (date_parse(member(record, "until"), &made.until) < 0)
		abort();
	settled_offer(judge, &made);
}

static void note_decision(struct judge *judge, const struct json *record, const char *invoice)
{
	const char *decision = member(record, "decision");

	if (strcmp(decision, "stop") == 0)
		judge_invoice(judge, invoice)->stopped = true;
	else if (member(record, "step")) /* else no step is left */
		walk_by_hand(judge, invoice, STEP_GATE, member(record, "case"), "a decision");
	if (strcmp(decision, "settle") == 0) { /* the ladder goes on at its next offer; where it has none, they speak about it for a month */
		judge_invoice(judge, invoice)->jumped = true;
		judge_invoice(judge, invoice)->rest_until = judge->decided_at + (settled_offers_left(judge, invoice) ? 0 : 30 * DAY_MS);
	}
}

/* What was announced is our word; and whoever took the case is the only one who writes. */
static void note_word(struct judge *judge, const char *kind, const char *invoice_id, const char *result)
{
	struct known_invoice *invoice = judge_invoice(judge, invoice_id);
	bool opened = strcmp(kind, "commitment.opened") == 0;

	if (strncmp(kind, "handover.", 9) == 0) {
		invoice->handed = strcmp(kind, "handover.requested") == 0 || strcmp(result, "returned") != 0;
		invoice->rest_until = judge->decided_at;
		return;
	}
	if (strcmp(kind, "commitment.overdue") == 0)
		return;
	if (opened && invoice->word_open && judge->sim->weather.hosts == 1)
		sim_breach(judge->sim, "no second threat", "%s: what was announced before is neither carried out nor taken back", invoice_id);
	invoice->word_open = opened;
	invoice->words += opened;
}

static void note_erasure(struct judge *judge, const char *debtor)
{
	judge->erased = arena_grow(judge->arena, judge->erased, judge->erased_count, &judge->erased_capacity, sizeof(*judge->erased));
	judge->erased[judge->erased_count].debtor_id = arena_strdup(judge->arena, debtor);
	judge->erased[judge->erased_count++].group = judge->group_count;
}

static void note_record(struct judge *judge, struct host *host, const struct json *record)
{
	const char *kind = member(record, "kind"), *attempt = member(record, "attempt"), *invoice = member(record, "invoice");
	struct json told_at = json_get(record, "event_time");

	if (!kind)
		return;
	if (member(record, "event_id"))
		facts_recorded(judge, member(record, "event_id"));
	sim_note(judge->sim, "trail: %s %s %s %s", kind, attempt ? attempt : invoice ? invoice : "",
		member(record, "step") ? member(record, "step") : member(record, "hold") ? member(record, "hold") : "",
		member(record, "reason") ? member(record, "reason") : "");
	judge->poisoned |= strcmp(kind, "event.dead") == 0 && member(record, "reason") && strcmp(member(record, "reason"), "poison") == 0;
	if (strcmp(kind, "operator.command") == 0)
		note_go_on(judge, record);
	if (attempt && member(record, "delivery") && strcmp(member(record, "delivery"), "failed") == 0)
		not_counted(judge, attempt);
	if (strcmp(kind, "attempt.intent") == 0)
		note_intent(judge, host, record, attempt);
	else if (strcmp(kind, "attempt.skipped") == 0)
		skip(judge, invoice, member(record, "step"), member(record, "reason"));
	else if (strcmp(kind, "attempt.undelivered") == 0)
		note_dead_address(judge, invoice, member(record, "step"), attempt);
	else if (attempt && strncmp(kind, "attempt.", 8) == 0 && strcmp(kind, "attempt.event") != 0)
		note_outcome(judge, host, record, kind, attempt);
	else if (strcmp(kind, "task.opened") == 0 || strcmp(kind, "task.closed") == 0)
		note_task(judge, record, strcmp(kind, "task.opened") == 0);
	else if (strcmp(kind, "phone.note") == 0 && member(record, "outcome"))
		note_phone(judge, record);
	else if (strcmp(kind, "attempt.event") == 0 && attempt && invoice && member(record, "letter"))
		note_letter(judge, invoice, member(record, "case"), member(record, "letter"), attempt, json_int(&told_at));
	else if (invoice && (strcmp(kind, "promise.broken") == 0 || strcmp(kind, "plan.broken") == 0))
		note_broken(judge, kind, invoice);
	else if (invoice && attempt && strcmp(kind, "offer.made") == 0)
		note_offer(judge, record, invoice, attempt);
	else if (invoice && strcmp(kind, "settlement.broken") == 0)
		settled_broken(judge, invoice, member(record, "settlement"));
	else if (invoice && strcmp(kind, "plan.restored") == 0)
		note_restored(judge, invoice);
	else if (invoice && (strncmp(kind, "commitment.", 11) == 0 || strncmp(kind, "handover.", 9) == 0))
		note_word(judge, kind, invoice, member(record, "result"));
	else if (strcmp(kind, "decision.recorded") == 0)
		note_decision(judge, record, invoice);
	else if (strcmp(kind, "operator.command") == 0 && strcmp(member(record, "case"), SYSTEM_CASE) != 0 &&
		strcmp(member(record, "command"), "task_done") != 0) /* one that comes too late does nothing, each time */
		facts_commanded(judge, member(record, "event_id"));
	else if (strcmp(kind, "event.dead") == 0)
		facts_quarantined(judge, member(record, "sha256"));
	else if (strcmp(kind, "erasure.done") == 0)
		note_erasure(judge, member(record, "debtor"));
	else if (strcmp(kind, "hold.opened") == 0)
		judge_invoice(judge, invoice)->held = arena_strdup(judge->arena, member(record, "hold"));
	else if (strcmp(kind, "hold.ended") == 0)
		note_hold_ended(judge, judge_invoice(judge, invoice));
	else if (strcmp(kind, "invoice.closed") == 0 && invoice)
		note_closed(judge_invoice(judge, invoice));
	else if (strcmp(kind, "invoice.opened") == 0 && invoice)
		judge_invoice(judge, invoice)->closed = false;
}

/* One year's log ends with log.sealed, and the next begins by naming it. */
static void check_log(struct judge *judge, const struct json *record, const struct journal_group *group, const char *origin, uint64_t index,
	const char *before)
{
	struct json named = json_get(record, "before"), size = json_get(&named, "size"), name = json_get(&named, "origin");
	const char *kind = member(record, "kind");
	struct known_log *log = NULL, *old = NULL;

	for (size_t i = 0; i < judge->log_count; i++) {
		if (strcmp(judge->logs[i].origin, origin) == 0)
			log = &judge->logs[i];
		if (before && strcmp(judge->logs[i].origin, before) == 0)
			old = &judge->logs[i];
	}
	if (!log) {
		judge->logs = arena_grow(judge->arena, judge->logs, judge->log_count, &judge->log_capacity, sizeof(*judge->logs));
		log = &judge->logs[judge->log_count++];
		*log = (struct known_log){ .origin = arena_strdup(judge->arena, origin) };
		if (old && !old->sealed)
			sim_breach(judge->sim, "log", "%s begins, and %s was not sealed", origin, before);
	}
	if (log->sealed)
		sim_breach(judge->sim, "log", "a record %s stands in %s behind log.sealed", kind, origin);
	log->size = index + 1;
	log->sealed = strcmp(kind, "log.sealed") == 0;
	if (log->sealed && utc_year(group->head.decided_at) <= group->head.year)
		sim_breach(judge->sim, "log", "%s is sealed within its year", origin);
	if (old && index == 1 && strcmp(kind, "log.begun") != 0)
		sim_breach(judge->sim, "log", "%s does not begin with log.begun", origin);
	if (strcmp(kind, "log.begun") == 0 &&
		(!old || !json_str(&name) || strcmp(json_str(&name), before) != 0 || (uint64_t)json_int(&size) != old->size))
		sim_breach(judge->sim, "log", "%s names another end than that of %s", origin, before ? before : "(none)");
}

void judge_durable(struct judge *judge, struct host *host, const struct journal_group *group)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const struct journal_log newest = host->journal.log(host);
	uint16_t year_before = newest.year < group->head.year ? newest.year : newest.before;
	const char *before = year_before && year_before < group->head.year ?
		arena_strdup(arena, host->journal.origin(host, year_before)) : NULL;
	const char *origin = arena_strdup(arena, host->journal.origin(host, group->head.year));

	judge->decided_at = group->head.decided_at;
	check_chain(judge, host, &group->head);
	for (size_t i = 0; i < group->record_count && !judge->sim->broken; i++) {
		CLEANUP(buf_clear) struct buf text = { 0 };
		struct record_body body;
		struct case_keys keys;
		struct json record, seq;
		struct err err = { 0 };
		struct known_leaf leaf = { .origin = arena_strdup(judge->arena, origin),
			.index = group->head.first_index + i };
		const char *name;

		if (record_body_read(group->records[i].data, group->records[i].len, &body) < 0) {
			sim_breach(judge->sim, "trail", "a record's body in %s cannot be read", origin);
			return;
		}
		if (!open_record(judge, host, &body, origin, &text, &keys))
			return;
		if (json_parse(arena, text.data, text.len, 0, &record, &err) < 0 || !(name = member(&record, "case"))) {
			sim_breach(judge->sim, "trail", "a record in %s is no JSON: %s", origin, err.text);
			return;
		}
		seq = json_get(&record, "seq");
		leaf.name = arena_strdup(judge->arena, name);
		leaf.n = (uint64_t)json_int(&seq);
		leaf.slot = keys.slot;
		record_leaf_hash(body.leaf, leaf.hash);
		check_leaf(judge, &body, &keys, origin, leaf.n, &text);
		check_place(judge, &record, &leaf);
		check_log(judge, &record, group, origin, leaf.index, before);
		judge->records++;
		note_record(judge, host, &record);
	}
	check_calls(judge);
	if (judge->sim->mode == MODE_LIFE && !judge->sim->broken)
		told_group(judge, host, group);
}

bool judge_intent(struct judge *judge, struct host *host, const struct journal_group *group, struct message *ret)
{
	const char *origin = host->journal.origin(host, group->head.year);

	for (size_t i = 0; i < group->record_count; i++) {
		CLEANUP(buf_clear) struct buf text = { 0 };
		struct record_body body;
		struct case_keys keys;
		struct json record, invoices;
		struct err err = { 0 };
		const char **ids;

		if (record_body_read(group->records[i].data, group->records[i].len, &body) < 0 ||
			!open_record(judge, host, &body, origin, &text, &keys) ||
			json_parse(judge->arena, text.data, text.len, 0, &record, &err) < 0 ||
			strcmp(member(&record, "kind"), "attempt.intent") != 0)
			continue;
		invoices = json_get(&record, "invoices");
		ret->invoice_count = json_len(&invoices);
		ids = arena_alloc(judge->arena, ret->invoice_count * sizeof(char *));
		for (size_t k = 0; k < ret->invoice_count; k++) {
			struct json one = json_at(&invoices, k);

			ids[k] = arena_strdup(judge->arena, json_str(&one));
		}
		ret->invoice_ids = ids;
		return true;
	}
	return false;
}
