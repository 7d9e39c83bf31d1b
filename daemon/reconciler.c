/* Attempts whose outcome nobody knows: after a restart, and while in doubt. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "common/utc.h"
#include "daemon/flow.h"

#define SENT_AGAIN_LOOK_MS (10 * MINUTE_MS) /* whether what must not be sent again now may be by now */
#define INTENT_REQUEST 3 /* among the blobs of an intent, behind its message and its recipient */

struct pass {
	struct dunner *dunner;
	struct input *first, **end;
	int64_t doubts;
	bool failed, all;
};

static struct input *input_for(struct arena **arena, enum input_kind kind, const char *json, size_t len)
{
	struct input *input;
	struct err err = { 0 };

	*arena = arena_create();
	input = arena_alloc(*arena, sizeof(*input));
	input->arena = *arena;
	input->kind = kind;
	input->attempt = arena_alloc(*arena, sizeof(*input->attempt));
	if (attempt_entry_read(*arena, json, len, input->attempt, &err) < 0) {
		arena_free(*arena);
		return NULL;
	}
	return input;
}

static void on_attempts(int r, const struct store_value *values, size_t count, void *arg)
{
	struct pass *pass = arg;
	struct dunner *d = pass->dunner;
	int64_t now = flow_now(d), at;

	pass->failed = r < 0;
	if (r < 0)
		return;
	for (size_t i = 0; i + 1 < count; i += 2) {
		struct provider_traits traits;
		struct arena *arena;
		struct input *input;
		bool news;

		if (!values[i + 1].data)
			continue;
		input = input_for(&arena, INPUT_RECONCILE, values[i + 1].data, values[i + 1].len);
		if (!input)
			continue;
		pass->doubts += input->attempt->in_doubt;
		traits = decide_traits(d, input->attempt);
		news = decide_moved(d, input->attempt) != input->attempt->moved;
		if (sender_flight(d, input->attempt->id) ||
			(input->attempt->in_doubt && !pass->all && !news &&
				contact_doubt_next(input->attempt, &traits, now, &at) == DOUBT_WAIT)) {
			arena_free(arena);
			continue;
		}
		if (!input->attempt->in_doubt) { /* released by a life before this one: it may have left */
			input->kind = INPUT_OUTCOME;
			input->outcome = arena_alloc(arena, sizeof(*input->outcome));
			if ((uint64_t)input->attempt->pseq > d->not_released_above &&
				(uint64_t)input->attempt->pseq <= d->not_released_to)
				*input->outcome = (struct outcome){ .kind = OUTCOME_CANCELLED, .reason = "not_released" };
			else
				*input->outcome = (struct outcome){ .kind = OUTCOME_IN_DOUBT, .reason = "process_died" };
		}
		*pass->end = input;
		pass->end = &input->next;
	}
}

/* Behind the entries, on the same connection: whether they are those of the place where we left the store. */
static void on_place(int r, const struct store_value *values, size_t count, void *arg)
{
	struct pass *pass = arg;
	struct dunner *d = pass->dunner;
	bool ours = r == 0 && !pass->failed && recover_place_is_ours(d, values, count) && !d->recovery;

	d->reconciling = false;
	d->reconcile_again |= !ours;
	d->reconcile_all |= !ours && pass->all;
	if (ours)
		d->doubts = pass->doubts;
	for (struct input *input; ours && (input = pass->first);) {
		pass->first = input->next;
		flow_wait(d, input);
	}
	reconcile_free(d);
	if (ours)
		dunner_pump(d);
	else
		d->ports.clock->timer_in(d->ports.clock->self, d->pump_timer, RETRY_COMMIT_MS);
}

void reconcile_free(struct dunner *d)
{
	for (struct input *input; d->pass && (input = d->pass->first);) {
		d->pass->first = input->next;
		arena_free(input->arena);
	}
	free(d->pass);
	d->pass = NULL;
}

void reconcile_start(struct dunner *d)
{
	struct pass *pass;
	struct arena *arena;

	if (d->reconciling || d->state == DUNNER_STOPPING)
		return;
	d->reconciling = true;
	d->reconcile_again = false;
	d->pass = pass = xcalloc(1, sizeof(*pass));
	pass->dunner = d;
	pass->all = d->reconcile_all;
	d->reconcile_all = false;
	pass->end = &pass->first;
	arena = arena_create();
	d->ports.store->hash(d->ports.store->self, key_of(arena, &d->keyspace, "attempts"), on_attempts, pass);
	d->ports.store->hash(d->ports.store->self, key_of(arena, &d->keyspace, "cursor"), on_place, pass);
	arena_free(arena);
}

static const char *verdict_on(const struct candidate *members, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (members[i].escalation->verdict)
			return members[i].escalation->verdict;
	return NULL;
}

/*
 * Where the intent stands is told by its place in a log, and another instance's log has a place of that number, too: what stands there in ours
 * can even be an older intent of the same attempt, with other bytes.
 */
static bool is_intent(const struct attempt_entry *entry, const struct record_body *record)
{
	uint8_t hash[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];

	record_leaf_hash(record->leaf, hash);
	return !entry->intent_leaf || strncmp(hex_format(hash, SHA256_SIZE, hex), entry->intent_leaf, strlen(entry->intent_leaf)) == 0;
}

/*
 * The bytes as they were decided, from the journal: a resend says the same or nothing. `request`: the one that was made of them, which is
 * none where the message itself is what went; NULL: not wanted.
 */
static int stored_message(struct dunner *d, const struct attempt_entry *entry, struct arena *arena, struct message *ret, struct buf *request)
{
	CLEANUP(buf_clear) struct buf body = { 0 };
	struct buf *plain = arena_alloc(arena, sizeof(*plain));
	uint8_t salt[SALT_SIZE];
	struct record_body record;
	struct case_keys keys;
	struct json *json = arena_alloc(arena, sizeof(*json));
	struct err err = { 0 };
	int r;

	if (entry->sealed)
		return -ENOENT;
	r = d->ports.journal->read(d->ports.journal->self, entry->intent_year, entry->intent_index, &body);
	if (r < 0)
		return r;
	r = record_body_read(body.data, body.len, &record);
	if (r < 0)
		return r;
	if (record.blob_count < 2 || !is_intent(entry, &record))
		return -EBADMSG;
	r = d->ports.keys->open(d->ports.keys->self, record.blobs[1].year, record.blobs[1].slot, &keys);
	if (r < 0)
		return r;
	r = record_body_open(&record, 1, &keys, salt, plain);
	if (r >= 0)
		r = json_parse(arena, buf_str(plain), plain->len, 0, json, &err);
	if (r >= 0)
		r = message_read(json, arena, ret, &err);
	buf_clear(plain);
	if (r >= 0 && request && record.blob_count > INTENT_REQUEST)
		r = record_body_open(&record, INTENT_REQUEST, &keys, salt, request);
	if (r >= 0 && strcmp(ret->attempt_id, entry->id) != 0)
		r = -EBADMSG;
	return r;
}

struct request_parts {
	struct slice target, body; /* target: its first line without the query */
};

static struct request_parts parts_of(const struct buf *request)
{
	const char *text = buf_str(request), *body = strstr(text, "\r\n\r\n");
	size_t head = body ? (size_t)(body + 4 - text) : request->len;

	return (struct request_parts){ { (const uint8_t *)text, strcspn(text, "?\r") }, { (const uint8_t *)text + head, request->len - head } };
}

static bool same_bytes(const struct slice *a, const struct slice *b)
{
	return a->len == b->len && (!a->len || memcmp(a->data, b->data, a->len) == 0);
}

/*
 * A request is made of the message each time, by this version of dunningd. The provider knows the first one by its key: whether it takes another
 * one under it for that one, for a new one or for neither, nobody can say. Headers and a query may name the time, and what signs them does.
 */
static bool same_request(struct dunner *d, const struct message *message, const struct buf *was)
{
	CLEANUP(buf_clear) struct buf now = { 0 };
	struct request_parts a, b;

	if (!was->len)
		return true;
	if (sender_request(message, &now, NULL, d) < 0)
		return false;
	a = parts_of(was);
	b = parts_of(&now);
	return same_bytes(&a.target, &b.target) && same_bytes(&a.body, &b.body);
}

/* What would be sent, if it is the very request that is in doubt. -ESTALE: another one would be made of the message now. */
static int repeated(struct dunner *d, const struct attempt_entry *entry, struct arena *arena, struct message *ret)
{
	CLEANUP(buf_clear) struct buf request = { 0 };
	int r = stored_message(d, entry, arena, ret, &request);

	if (r < 0 || same_request(d, ret, &request))
		return r;
	if (flow_now(d) >= entry->doubt_since + HOUR_MS) /* not each time: by now a person is asked */
		dunner_log(d, LOG_WARNING | MSG(PROVIDER_MOVED), "reconciler: attempt %s in doubt: another request would be made of its message now, so it is not sent again",
			entry->id);
	return -ESTALE;
}

/* The same bytes, to people who would get them now. Those of another instance's attempt lie in its journal: no resend, but a look-up at once. */
static bool may_go_again(struct dunner *d, const struct contact_env *env, const struct debtor *debtor, const struct candidate *members,
	size_t count, const struct attempt_entry *entry)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct message message;

	return contact_stands(env, debtor, members, count, entry) && repeated(d, entry, arena, &message) == 0 &&
	       contact_reaches(env, debtor, &members[0], &message);
}

bool reconcile_note_moved(struct dunner *d, struct attempt_entry *entry)
{
	bool moved = decide_moved(d, entry);

	if (moved == entry->moved)
		return false;
	entry->moved = moved;
	if (moved)
		dunner_log(d, LOG_WARNING | MSG(PROVIDER_MOVED), "reconciler: attempt %s in doubt: provider %s has another file, address, account or mode than it was sent through, "
			"so it is neither sent again nor looked up there", entry->id, entry->provider);
	return true;
}

void decide_reconcile(struct dunner *d, struct group *g, struct input *input)
{
	struct contact_env env = decide_env(d);
	/* its own: what is decided may be given back */
	struct attempt_entry *entry = arena_memdup(g->arena, input->attempt, sizeof(*entry));
	struct provider_traits traits = decide_traits(d, entry);
	struct doc *debtor = group_find(d, g, DOC_DEBTOR, entry->debtor_id);
	struct candidate *members;
	struct outcome person = { .kind = OUTCOME_ACCEPTED, .reason = "person" };
	const char *verdict;
	enum doubt_step step;
	size_t count;
	int64_t at;
	bool sent, keep;
	int64_t wait = 0;

	members = decide_members(d, g, entry, &count);
	if (decide_settled(members, count, entry, &sent)) { /* since it was read from the store */
		decide_entry(g, NULL, entry, true);
		return;
	}
	if (debtor && debtor->loaded)
		debtor->touched = true;
	verdict = verdict_on(members, count);
	if (verdict && (strcmp(verdict, VERDICT_WEBHOOK) == 0 || letter_unclaimed(verdict))) /* the provider spoke of it: it has it */
		person.reason = VERDICT_WEBHOOK;
	if (verdict && strcmp(verdict, "not_sent") != 0) {
		(void)contact_settle(&env, debtor && debtor->loaded ? debtor->d : NULL, members, count, entry, &traits, &person,
			&g->fx);
		for (size_t i = 0; i < count && letter_unclaimed(verdict); i++)
			(void)escalation_letter_unclaimed(members[i].escalation, entry->id, verdict, &g->fx);
		decide_entry(g, input->attempt, entry, true);
		return;
	}
	if ((input->never_sent || verdict) && sender_flight(d, entry->id))
		return; /* another request with this id went out after the look-up */
	if (input->never_sent || verdict) {
		brake_uncount(d, g, entry, members, count);
		contact_never_sent(debtor && debtor->loaded ? debtor->d : NULL, members, count, entry,
			verdict ? "person" : "lookup", &g->fx);
		decide_entry(g, input->attempt, entry, true);
		return;
	}
	keep = reconcile_note_moved(d, entry);
	step = contact_doubt_next(entry, &traits, env.now, &at);
	if (step == DOUBT_RESEND_NOW && !may_go_again(d, &env, debtor && debtor->loaded ? debtor->d : NULL, members, count, entry)) {
		traits.idempotent = false; /* not now, by that */
		step = contact_doubt_next(entry, &traits, env.now, &at);
		if (step == DOUBT_UNKNOWN && traits.lookup) { /* in the morning it may, while its key is known */
			step = DOUBT_WAIT;
			at = env.now + SENT_AGAIN_LOOK_MS;
		}
	}
	if (step == DOUBT_UNKNOWN) {
		decide_entry(g, input->attempt, entry,
			contact_unknown(&env, debtor && debtor->loaded ? debtor->d : NULL, members, count, entry,
				entry->moved ? "provider_changed" : "no_proof", &g->fx));
		return;
	}
	if (step == DOUBT_RESEND_NOW)
		wait = (pacing_ask(d, g, entry->provider).wait_us + 999) / 1000;
	if (step == DOUBT_RESEND_NOW && !wait && g->resend_count < DUE_PAGE && g->contacts_allowed) {
		entry->doubt_since = env.now; /* on disk before it goes: a look-up proves nothing about a younger request */
		entry->lookups = 0;
		contact_counted(debtor && debtor->loaded ? debtor->d : NULL, entry, env.now, &g->fx);
		keep = true;
		pacing_count(d, g, entry->provider);
		g->resend[g->resend_count++] = entry;
	}
	if (step == DOUBT_LOOKUP_NOW && g->lookup_count < DUE_PAGE) {
		g->lookup[g->lookup_count++] = entry;
		keep = true;
		do /* those that were missed meanwhile are one */
			entry->lookups++;
		while ((step = contact_doubt_next(entry, &traits, env.now, &at)) == DOUBT_LOOKUP_NOW);
	}
	if (keep)
		decide_entry(g, input->attempt, entry, false);
	for (size_t i = 0; i < count; i++)
		if (members[i].escalation->state == ESCALATION_DOUBT)
			members[i].escalation->look_at = step == DOUBT_WAIT && at > env.now ? at : env.now + (wait ? wait : MINUTE_MS);
}

/* What an entry itself tells: enough for a look-up by our id, though never for a request. */
static struct message known_message(const struct attempt_entry *entry)
{
	struct message message = { .attempt_id = entry->id, .provider = entry->provider, .debtor_id = entry->debtor_id, .step = entry->step,
		.invoice_ids = entry->invoice_ids, .invoice_count = entry->invoice_count };

	for (int c = 0; c < CHANNEL_COUNT; c++)
		if (strcmp(channel_names[c], entry->channel) == 0)
			message.channel = (enum channel)c;
	return message;
}

struct search {
	struct dunner *dunner;
	struct arena *arena;
	struct attempt_entry *entry;
	struct message message;
	int64_t asked_at; /* ms UTC: what the answer says is of then or later, however long it took */
};

static void on_lookup(enum lookup_result result, const char *provider_id, void *arg)
{
	struct search *search = arg;
	struct dunner *d = search->dunner;
	struct attempt_entry *entry = search->entry;
	struct provider_traits traits = decide_traits(d, entry);
	struct input *input = arena_alloc(search->arena, sizeof(*input));

	d->lookups--;
	input->arena = search->arena;
	input->attempt = entry;
	if (result == LOOKUP_FOUND) {
		input->kind = INPUT_OUTCOME;
		input->outcome = arena_alloc(search->arena, sizeof(*input->outcome));
		*input->outcome = (struct outcome){ .kind = OUTCOME_ACCEPTED, .reason = "lookup",
			.provider_id = arena_strdup(search->arena, provider_id) };
	} else if (result == LOOKUP_MISSED && traits.conclusive_after_ms &&
		search->asked_at >= entry->doubt_since + traits.conclusive_after_ms) {
		input->kind = INPUT_RECONCILE;
		input->never_sent = true;
	} else {
		arena_free(search->arena);
		return;
	}
	flow_wait(d, input);
	dunner_pump(d);
}

static struct attempt_entry *copy_entry(struct arena *arena, const struct attempt_entry *entry)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct attempt_entry *copy = arena_alloc(arena, sizeof(*copy));
	struct err err = { 0 };

	attempt_entry_write(&text, entry);
	(void)attempt_entry_read(arena, buf_str(&text), text.len, copy, &err); /* what was just written */
	return copy;
}

void reconcile_committed(struct dunner *d, struct group *g)
{
	for (size_t i = 0; i < g->resend_count; i++) {
		struct arena *arena = arena_create();
		struct message message;
		int r = repeated(d, g->resend[i], arena, &message);

		if (r == 0 && !sender_flight(d, g->resend[i]->id)) {
			struct flight *flight = sender_create(d, &message, g->resend[i]);

			flight->resend = true;
			flight->touched = g->resend_touched[i];
			sender_start(flight);
		} else if (r < 0) { /* another instance's, erased, or made otherwise since: counted as a try, so that other means get their turn */
			struct arena *kept = arena_create();
			struct input *input = arena_alloc(kept, sizeof(*input));

			dunner_log(d, LOG_WARNING, "reconciler: attempt %s: its bytes cannot be sent again (%s)", g->resend[i]->id,
				r == -ESTALE ? "another request would be made of them now" : strerror(-r));
			input->arena = kept;
			input->kind = INPUT_OUTCOME;
			input->attempt = copy_entry(kept, g->resend[i]);
			input->outcome = arena_alloc(kept, sizeof(*input->outcome));
			*input->outcome = (struct outcome){ .kind = OUTCOME_TEMPORARY, .reason = "no_bytes" };
			flow_wait(d, input);
		}
		arena_free(arena);
	}
	for (size_t i = 0; i < g->lookup_count; i++) {
		struct arena *arena = arena_create();
		struct search *search = arena_alloc(arena, sizeof(*search));

		*search = (struct search){ .dunner = d, .arena = arena, .entry = copy_entry(arena, g->lookup[i]), .asked_at = flow_now(d) };
		if (stored_message(d, search->entry, arena, &search->message, NULL) < 0) /* another log's, or erased */
			search->message = known_message(search->entry);
		d->lookups++;
		d->ports.transport->lookup(d->ports.transport->self, &search->message, search->entry->released_at,
			on_lookup, search);
	}
}
