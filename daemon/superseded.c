/*
 * What another instance took over from us while we were away. Groups that we journaled and that never came into the store are superseded: the other
 * one went on without them. That is recorded; and what we know of attempts that it holds for doubtful is told it as events, through
 * the partition's stream, like a provider's word.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "common/hash.h"
#include "common/utc.h"
#include "daemon/flow.h"

struct tale { /* an event for the owner */
	char *event;
	struct tale *next;
};

struct superseded {
	struct dunner *dunner;
	struct tale *tales, **tales_end;
	bool telling, asked, looked;
};

static struct superseded *own(struct dunner *d)
{
	if (!d->superseded) {
		d->superseded = xcalloc(1, sizeof(*d->superseded));
		d->superseded->dunner = d;
		d->superseded->tales_end = &d->superseded->tales;
	}
	return d->superseded;
}

void superseded_free(struct dunner *d)
{
	for (struct tale *tale = d->superseded ? d->superseded->tales : NULL, *next; tale; tale = next) {
		next = tale->next;
		free(tale->event);
		free(tale);
	}
	free(d->superseded);
	d->superseded = NULL;
}

/* --- telling ----------------------------------------------------------------------------------------------------------------- */

static void on_told(int r, void *arg)
{
	struct superseded *s = arg;
	struct tale *tale = s->tales;

	s->telling = false;
	if (r < 0)
		return; /* with the next look at the lease; one that is told twice is known by its id */
	s->tales = tale->next;
	if (!s->tales)
		s->tales_end = &s->tales;
	free(tale->event);
	free(tale);
	superseded_tell(s->dunner);
}

void superseded_tell(struct dunner *d)
{
	struct superseded *s = d->superseded;
	CLEANUP(arena_freep) struct arena *arena = NULL;

	if (!s || !s->tales || s->telling)
		return;
	arena = arena_create();
	s->telling = true;
	d->ports.store->tell(d->ports.store->self, key_events(arena, &d->keyspace, NULL), s->tales->event, strlen(s->tales->event), on_told, s);
}

/* Accepted by the provider: what an owner in doubt about it needs to know. */
static void add_tale(struct dunner *d, const struct attempt_entry *entry, const char *provider_id)
{
	struct superseded *s = own(d);
	struct tale *tale = xcalloc(1, sizeof(*tale));
	CLEANUP(buf_clear) struct buf text = { 0 };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json_writer w = jw_init(&text);
	char now[UTC_TEXT_SIZE];

	jw_object(&w, NULL);
	jw_str(&w, "specversion", "1.0");
	jw_str(&w, "id", arena_printf(arena, "superseded-%s", entry->id));
	jw_str(&w, "source", arena_printf(arena, "/instances/%s", d->config->instance));
	jw_str(&w, "type", "contact.delivery_updated");
	jw_str(&w, "time", utc_format(flow_now(d), now));
	jw_object(&w, "data");
	jw_str(&w, "customer_id", entry->debtor_id);
	jw_array(&w, "invoice_ids");
	for (size_t i = 0; i < entry->invoice_count; i++)
		jw_str(&w, NULL, entry->invoice_ids[i]);
	jw_end_array(&w);
	jw_str(&w, "attempt_id", entry->id);
	jw_str(&w, "channel", entry->channel);
	jw_str(&w, "provider", entry->provider);
	jw_opt_str(&w, "provider_id", provider_id);
	jw_str(&w, "status", "sent");
	jw_end_object(&w);
	jw_end_object(&w);
	tale->event = xcalloc(1, text.len + 1);
	memcpy(tale->event, text.data, text.len);
	*s->tales_end = tale;
	s->tales_end = &tale->next;
}

void superseded_outcomes(struct dunner *d, const struct dunner *from)
{
	for (const struct flight *flight = from->flights; flight; flight = flight->next)
		if (flight->done && flight->outcome.kind == OUTCOME_ACCEPTED && strcmp(flight->entry.debtor_id, SYSTEM_CASE) != 0)
			add_tale(d, &flight->entry, flight->outcome.provider_id);
}

/* --- what our journal has ------------------------------------------------------------------------------------------------------ */

struct tail {
	struct dunner *dunner;
	const struct store_cursor *cursor;
	uint64_t first, last, groups, outcomes;
	bool stands; /* its first group stands where nobody went on yet */
};

static bool is_accepted(const struct json *record)
{
	struct json kind = json_get(record, "kind"), how = json_get(record, "how"), id = json_get(record, "provider_id");

	if (!json_str(&kind))
		return false;
	return strcmp(json_str(&kind), "attempt.submitted") == 0 || (strcmp(json_str(&kind), "attempt.reconciled") == 0 && json_str(&id) && !json_str(&how));
}

static void take_record(struct tail *tail, struct arena *arena, const struct json *record)
{
	struct json attempt = json_get(record, "attempt"), invoices = json_get(record, "invoices"), debtor = json_get(record, "case"),
		    provider = json_get(record, "provider"), channel = json_get(record, "channel"), id = json_get(record, "provider_id");
	struct attempt_entry entry = { .id = json_str(&attempt), .debtor_id = json_str(&debtor), .provider = json_str(&provider),
		.channel = json_str(&channel) };
	const char **ids = arena_alloc(arena, (json_len(&invoices) + 1) * sizeof(*ids));

	if (!is_accepted(record) || !entry.id || !entry.debtor_id || !entry.provider || !entry.channel || strcmp(entry.debtor_id, SYSTEM_CASE) == 0)
		return;
	for (size_t i = 0; i < json_len(&invoices); i++) {
		struct json one = json_at(&invoices, i);

		if (json_str(&one))
			ids[entry.invoice_count++] = json_str(&one);
	}
	entry.invoice_ids = ids;
	tail->outcomes++;
	add_tale(tail->dunner, &entry, json_str(&id));
}

/* A record that cannot be opened was erased since, or is damaged: then it tells nothing. */
static void open_record(struct tail *tail, const struct slice *body)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf text = { 0 };
	const struct keys_port *port = tail->dunner->ports.keys;
	struct record_body record;
	struct case_keys keys;
	uint8_t salt[SALT_SIZE];
	struct json root;

	if (record_body_read(body->data, body->len, &record) < 0 || !record.blob_count ||
		port->open(port->self, record.blobs[0].year, record.blobs[0].slot, &keys) < 0 ||
		record_body_open(&record, 0, &keys, salt, &text) < 0 || json_parse(arena, buf_str(&text), text.len, 0, &root, NULL) < 0)
		return;
	take_record(tail, arena, &root);
}

static int on_group(const struct journal_group *group, void *arg)
{
	struct tail *tail = arg;

	if (memcmp(group->head.predecessor, tail->cursor->group, GROUP_ID_SIZE) == 0)
		return tail->stands = true; /* made for this very place, where nobody else went on: from here on it is redone, should we lead */
	if (!tail->groups++)
		tail->first = group->head.pseq;
	tail->last = group->head.pseq;
	for (size_t i = 0; i < group->record_count; i++)
		open_record(tail, &group->records[i]);
	return 0;
}

static void record_tail(struct dunner *d, const struct tail *tail, const char *writer)
{
	struct dunner_record record = { .kind = "daemon.superseded", .count = 5,
		.members = { { "partition", NULL, d->settings.partition }, { "first", NULL, (int64_t)tail->first }, { "last", NULL, (int64_t)tail->last },
			{ "groups", NULL, (int64_t)tail->groups }, { "by", writer, 0 } } };

	dunner_log(d, LOG_NOTICE, "recover: %llu groups of ours, from %llu on, are superseded: %s went on without them; %llu outcomes that they hold are told it",
		(unsigned long long)tail->groups, (unsigned long long)tail->first, writer, (unsigned long long)tail->outcomes);
	if (d->callbacks.record)
		d->callbacks.record(&record, d->callbacks.arg);
	else
		dunner_record(d, &record);
}

void superseded_look(struct dunner *d, const struct store_cursor *cursor)
{
	struct superseded *s = own(d);
	const struct journal_port *journal = d->ports.journal;
	struct tail tail = { .dunner = d, .cursor = cursor };
	struct group_header last;

	if (s->looked || !cursor->present || !cursor->writer[0] || strcmp(cursor->writer, d->config->instance) == 0)
		return;
	s->looked = true;
	for (size_t i = 0; i < cursor->left_count; i++) {
		if (strcmp(cursor->left[i].instance, d->config->instance) != 0 || journal->last(journal->self, d->settings.partition, &last) < 0 ||
			last.pseq <= cursor->left[i].pseq)
			continue;
		(void)journal->replay(journal->self, d->settings.partition, cursor->left[i].pseq, on_group, &tail);
		if (tail.groups)
			record_tail(d, &tail, cursor->writer);
		else if (tail.stands && d->state == DUNNER_PASSIVE) /* whoever leads may still go on without it */
			s->looked = false;
	}
	superseded_tell(d);
}

static void on_cursor(int r, const struct store_cursor *cursor, void *arg)
{
	struct superseded *s = arg;

	s->asked = false;
	/* Before anything is led: this partition may be another's for good, and we would write our log on elsewhere. */
	if (r < 0 || (s->dunner->state == DUNNER_PASSIVE && recover_rolled_back(s->dunner, cursor)))
		return;
	superseded_look(s->dunner, cursor);
}

void superseded_ask(struct dunner *d)
{
	struct superseded *s = own(d);

	superseded_tell(d);
	if (s->looked || s->asked)
		return;
	s->asked = true;
	d->ports.store->cursor(d->ports.store->self, on_cursor, s);
}

/* --- what we take over ------------------------------------------------------------------------------------------------------------ */

/* Where the other's part ends, so that it knows when it comes back. */
void superseded_mark(struct dunner *d, struct group *g)
{
	char hex[2 * GROUP_ID_SIZE + 1];
	struct adopted *mark, **end = &g->adopted;
	const char *place;

	if (!d->taken_from[0])
		return;
	while (*end)
		end = &(*end)->next;
	place = arena_printf(g->arena, "%llu %s", (unsigned long long)d->taken_pseq, hex_format(d->taken_group, GROUP_ID_SIZE, hex));
	mark = arena_alloc(g->arena, sizeof(*mark));
	mark->class = CLASS_FACTS;
	mark->image = (struct image){ .op = IMAGE_HSET, .key = key_of(g->arena, &d->keyspace, "cursor"),
		.field = arena_printf(g->arena, "left %s", d->taken_from), .value = place, .value_len = strlen(place) };
	*end = mark;
}
