/*
 * A new generation of the trail begins with an empty journal, as does a book that was spread over other partitions, and Redis holds the truth: page by page all that it has is taken over, each
 * case under new keys in the new log, so that Redis can be made again from this journal alone. Nothing is read or sent before it is done.
 *
 * How far it came stands in the system case's document, and so in the journal: a life that is cut off is continued by the next one, at the
 * page where it was. A page taken over twice is only written twice.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "common/hash.h"
#include "daemon/flow.h"

#define PAGE_ENTRIES 250 /* of a stream */
#define CHUNK_KEYS 100 /* documents with their debtors: some 200 a group */
#define CHUNK_TASKS 50
#define TOLD_EVERY 10000

/* The streams first: what comes after them may add entries, and a redo writes them in the order of the journal. */
enum phase { PHASE_DEAD, PHASE_OUTBOUND, PHASE_TASKS, PHASE_ATTEMPTS, PHASE_KEYS, PHASE_DONE, PHASE_COUNT };
static const char *const phase_names[PHASE_COUNT] = { "dead", "outbound", "tasks", "attempts", "keys", "done" };

struct adopt_page { /* what one input takes over; in the input's arena */
	const char **debtors, **invoices;
	size_t debtor_count, invoice_count;
	struct adopted *images;
	struct attempt_entry *kept; /* a doubt that stands already */
	enum phase phase; /* how far it is behind it */
	const char *at; /* NULL: as before */
};

struct adoption {
	struct dunner *dunner;
	enum phase phase;
	char at[STREAM_ID_SIZE]; /* where the next page begins */
	bool asked, stale; /* stale: the answer under way is of a time before a recovery */
	bool emptied; /* Redis lost everything before all was taken over */
	struct input *ready, **ready_end; /* one a group */
	struct arena *arena; /* of a page of keys */
	const char **keys;
	size_t count, used;
	char next[STREAM_ID_SIZE]; /* the page behind it; "0" = none */
	uint64_t taken, told;
};

void adopt_create(struct dunner *d)
{
	struct adoption *a = xcalloc(1, sizeof(*a));

	a->dunner = d;
	a->ready_end = &a->ready;
	a->arena = arena_create();
	d->adoption = a;
}

static void forget(struct adoption *a)
{
	while (a->ready) {
		struct input *input = a->ready;

		a->ready = input->next;
		arena_free(input->arena);
	}
	a->ready_end = &a->ready;
	a->count = a->used = 0;
	arena_clear(a->arena);
}

void adopt_free(struct dunner *d)
{
	if (!d->adoption)
		return;
	forget(d->adoption);
	arena_free(d->adoption->arena);
	free(d->adoption);
	d->adoption = NULL;
}

static void go_to(struct adoption *a, enum phase phase, const char *at)
{
	a->phase = phase;
	snprintf(a->at, sizeof(a->at), "%s", at);
}

/* --- how far it came ----------------------------------------------------------------------------------------------------- */

/* "<origin> <phase> <Redis' run id> <where>": a place among keys means nothing to another process of Redis. */
static const char *progress(struct dunner *d, struct arena *arena, enum phase phase, const char *at)
{
	return arena_printf(arena, "%s %s %s %s", d->settings.log_origin, phase_names[phase], d->run_id[0] ? d->run_id : "-", at);
}

/* False: nothing of this generation was ever recorded. */
static bool read_progress(struct adoption *a, const char *text)
{
	const struct dunner *d = a->dunner;
	size_t n = strlen(d->settings.log_origin);
	char phase[16], run_id[REDIS_ID_SIZE], at[STREAM_ID_SIZE];

	if (!text || strncmp(text, d->settings.log_origin, n) != 0 || sscanf(text + n, " %15s %40s %47s", phase, run_id, at) != 3)
		return false;
	for (int i = 0; i < PHASE_COUNT; i++)
		if (strcmp(phase_names[i], phase) == 0)
			go_to(a, (enum phase)i, i == PHASE_KEYS && strcmp(run_id, d->run_id) != 0 ? "0" : at);
	return true;
}

static struct adopted *add_image(struct arena *arena, struct adopted **list, const char *debtor_id, enum key_class class)
{
	struct adopted *one = arena_alloc(arena, sizeof(*one)), **at = list;

	while (*at)
		at = &(*at)->next;
	one->debtor_id = debtor_id;
	one->class = class;
	return *at = one;
}

/* The first words of a new log, where one was sealed, and the places in the streams. */
static void open_log(struct dunner *d, struct group *g)
{
	const char *cursor = key_of(g->arena, &d->keyspace, "cursor");

	if (d->settings.sealed) {
		struct draft *draft = effects_record(&g->fx, "log.opened", NULL);

		jw_str(&draft->w, "origin", d->settings.log_origin);
		jw_int(&draft->w, "generation", d->settings.generation);
		jw_raw(&draft->w, "sealed", d->settings.sealed, strlen(d->settings.sealed));
	}
	for (size_t s = 0; s < d->stream_count; s++) {
		struct adopted *place;

		if (strcmp(d->applied[s].id, "0-0") == 0)
			continue;
		place = add_image(g->arena, &g->adopted, NULL, CLASS_FACTS);
		place->image = (struct image){ .op = IMAGE_HSET, .key = cursor, .field = d->applied[s].stream,
			.value = arena_strdup(g->arena, d->applied[s].id), .value_len = strlen(d->applied[s].id) };
	}
}

static bool cut_off(const struct dunner *d, const char *text)
{
	size_t n = strlen(d->settings.log_origin);

	return text && strncmp(text, d->settings.log_origin, n) == 0 && text[n] == ' ' && strncmp(text + n, " done ", 6) != 0;
}

void adopt_begin(struct dunner *d, struct group *g)
{
	struct doc *system = group_case(d, g, NULL);
	struct adoption *a;

	if (!d->adoption && !cut_off(d, system->d->adopted))
		return;
	if (!d->adoption) /* of a book that was spread: the first group of an earlier life made us the store's writer */
		adopt_create(d);
	a = d->adoption;
	if (!read_progress(a, system->d->adopted)) {
		open_log(d, g);
		go_to(a, PHASE_DEAD, "0-0");
		system->d->adopted = progress(d, g->arena, a->phase, a->at);
		system->touched = true;
	}
	if (a->phase == PHASE_DONE)
		return;
	dunner_log(d, LOG_NOTICE, "adopt: the journal of %s takes over what Redis has, from %s %s on: nothing is sent before",
		d->settings.log_origin, phase_names[a->phase], a->at);
}

/* --- a page becomes inputs --------------------------------------------------------------------------------------------------- */

static struct input *page_input(struct adoption *a)
{
	struct input *input = flow_input(INPUT_ADOPT);

	input->page = arena_alloc(input->arena, sizeof(*input->page));
	*a->ready_end = input;
	a->ready_end = &input->next;
	return input;
}

/* Behind what is ready lies this place. */
static void then(struct adoption *a, enum phase phase, const char *at)
{
	struct input *input = page_input(a);

	input->page->phase = phase;
	input->page->at = arena_strdup(input->arena, at);
}

static bool answered(struct adoption *a, int r)
{
	struct dunner *d = a->dunner;
	bool stale = a->stale;

	a->asked = a->stale = false;
	d->turns++; /* many pages may have no key of ours: that is progress all the same */
	if (stale)
		dunner_pump(d);
	else if (r < 0)
		d->ports.clock->timer_in(d->ports.clock->self, d->pump_timer, RETRY_COMMIT_MS);
	return !stale && r >= 0;
}

static const char *customer_of(struct arena *arena, const struct store_entry *entry)
{
	struct json root, data, id;

	if (!entry->event || json_parse(arena, entry->event, entry->len, 0, &root, NULL) < 0)
		return NULL;
	data = json_get(&root, "data");
	id = json_get(&data, "customer_id");
	return json_str(&id) && id_valid(json_str(&id)) ? json_str(&id) : NULL;
}

/* An entry's own id: where it still is, writing it again does nothing. */
static void take_entry(struct adoption *a, struct input *input, const struct store_entry *entry, const char *key)
{
	struct adopt_page *page = input->page;
	bool dead = a->phase == PHASE_DEAD;
	const char *debtor = dead ? NULL : customer_of(input->arena, entry);
	struct adopted *one = add_image(input->arena, &page->images, debtor, dead ? CLASS_CONTENT : CLASS_FACTS);

	if (debtor)
		page->debtors[page->debtor_count++] = debtor;
	one->image = (struct image){ .op = entry->event ? IMAGE_XADD_EVENT : IMAGE_XADD, .key = arena_strdup(input->arena, key), .field = arena_strdup(input->arena, entry->id),
		.number = dead ? a->dunner->config->limits.dead_maxlen : a->dunner->config->limits.outbound_maxlen,
		.value = arena_memdup(input->arena, entry->event ? entry->event : entry->raw, entry->event ? entry->len : entry->raw_len),
		.value_len = entry->event ? entry->len : entry->raw_len };
}

static void on_entries(int r, const struct store_entry *entries, size_t count, const struct store_place *place, void *arg)
{
	struct adoption *a = arg;
	struct dunner *d = a->dunner;
	struct input *input;
	const char *key;

	(void)place;
	if (!answered(a, r))
		return;
	input = page_input(a);
	key = key_of(input->arena, &d->keyspace, a->phase == PHASE_DEAD ? "dead" : "outbound");
	input->page->debtors = arena_alloc(input->arena, (count + 1) * sizeof(char *));
	for (size_t i = 0; i < count; i++)
		take_entry(a, input, &entries[i], key);
	input->page->phase = count ? a->phase : a->phase + 1;
	input->page->at = count ? arena_strdup(input->arena, entries[count - 1].id) : a->phase + 1 == PHASE_OUTBOUND ? "0-0" : "0";
	a->taken += count;
	dunner_pump(d);
}

static void take_task(struct adoption *a, struct input *input, const struct store_value *id, const struct store_value *task)
{
	struct adopt_page *page = input->page;
	const struct keyspace *keys = &a->dunner->keyspace;
	struct arena *arena = input->arena;
	const char *name = arena_memdup(arena, id->data, id->len);
	struct json *root = arena_alloc(arena, sizeof(*root)), debtor, deadline;
	struct adopted *one;
	const char *owner;

	if (json_parse(arena, task->data, task->len, 0, root, NULL) < 0)
		return; /* none of ours */
	debtor = json_get(root, "debtor");
	deadline = json_get(root, "deadline");
	owner = json_str(&debtor);
	if (owner)
		page->debtors[page->debtor_count++] = owner;
	one = add_image(arena, &page->images, owner, CLASS_CONTENT);
	one->image = (struct image){ .op = IMAGE_HSET, .key = key_of(arena, keys, "tasks"), .field = name,
		.value = arena_memdup(arena, task->data, task->len), .value_len = task->len };
	one = add_image(arena, &page->images, owner, CLASS_FACTS);
	one->image = (struct image){ .op = IMAGE_ZADD, .key = key_of(arena, keys, "task_due"), .field = name,
		.number = json_int(&deadline) };
}

static void on_tasks(int r, const struct store_value *values, size_t count, void *arg)
{
	struct adoption *a = arg;
	struct input *input = NULL;

	if (!answered(a, r))
		return;
	for (size_t i = 0; i + 1 < count; i += 2) {
		if (i / 2 % CHUNK_TASKS == 0) {
			input = page_input(a);
			input->page->debtors = arena_alloc(input->arena, CHUNK_TASKS * sizeof(char *));
		}
		if (values[i].data && values[i + 1].data)
			take_task(a, input, &values[i], &values[i + 1]);
	}
	then(a, PHASE_ATTEMPTS, "0");
	dunner_pump(a->dunner);
}

/* Whoever released it, its outcome may be in the log that is sealed, or nowhere: it is in doubt, and its bytes are not at hand. */
static void take_attempt(struct adoption *a, const struct store_value *value)
{
	struct input *input = page_input(a);
	struct err err = { 0 };

	input->attempt = arena_alloc(input->arena, sizeof(*input->attempt));
	if (attempt_entry_read(input->arena, value->data, value->len, input->attempt, &err) < 0) {
		dunner_log(a->dunner, LOG_WARNING | MSG(ENTRY_UNREAD), "adopt: an entry of `attempts` cannot be read and is left as it is: %s %s", err.path,
			err.text);
		input->attempt = NULL;
		return;
	}
	input->attempt->sealed = true;
	if (input->attempt->in_doubt) {
		input->page->kept = input->attempt;
		return;
	}
	input->kind = INPUT_OUTCOME;
	input->outcome = arena_alloc(input->arena, sizeof(*input->outcome));
	*input->outcome = (struct outcome){ .kind = OUTCOME_IN_DOUBT, .reason = "log_sealed" };
}

static void on_attempts(int r, const struct store_value *values, size_t count, void *arg)
{
	struct adoption *a = arg;

	if (!answered(a, r))
		return;
	for (size_t i = 0; i + 1 < count; i += 2)
		if (values[i + 1].data)
			take_attempt(a, &values[i + 1]);
	then(a, PHASE_KEYS, "0");
	dunner_pump(a->dunner);
}

/* --- keys ------------------------------------------------------------------------------------------------------------------- */

/* What stands behind "<prefix>:{p}:<kind>:", NULL when it is another key. */
static const char *id_in(struct adoption *a, struct arena *arena, const char *key, const char *kind)
{
	const char *before = key_of(arena, &a->dunner->keyspace, arena_join(arena, kind, ":"));
	size_t n = strlen(before);

	return strncmp(key, before, n) == 0 && strcmp(key + n, SYSTEM_CASE) != 0 ? key + n : NULL;
}

static size_t chunk_size(const struct adoption *a)
{
	return a->count - a->used < CHUNK_KEYS ? a->count - a->used : CHUNK_KEYS;
}

/* The documents of the next keys; `lasting`: the values of those that are attempts, each with its end. */
static void take_keys(struct adoption *a, const struct store_value *lasting, size_t lasting_count)
{
	struct input *input = page_input(a);
	struct adopt_page *page = input->page;
	size_t count = chunk_size(a), n = 0;
	struct arena *arena = input->arena;

	page->debtors = arena_alloc(arena, (2 * count + 1) * sizeof(char *));
	page->invoices = arena_alloc(arena, (count + 1) * sizeof(char *));
	for (size_t i = 0; i < count; i++) {
		const char *key = arena_strdup(arena, a->keys[a->used + i]), *id;
		struct attempt_entry *entry;
		struct adopted *one;

		if ((id = id_in(a, arena, key, "debtor")))
			page->debtors[page->debtor_count++] = id;
		else if ((id = id_in(a, arena, key, "escalation")))
			page->invoices[page->invoice_count++] = id;
		if (!id_in(a, arena, key, "attempt") || n + 1 >= lasting_count + 1)
			continue;
		if (lasting[n].data && lasting[n + 1].data) {
			entry = arena_alloc(arena, sizeof(*entry));
			if (attempt_entry_read(arena, lasting[n].data, lasting[n].len, entry, NULL) == 0) {
				page->debtors[page->debtor_count++] = entry->debtor_id;
				one = add_image(arena, &page->images, entry->debtor_id, CLASS_FACTS);
				one->image = (struct image){ .op = IMAGE_SET_UNTIL, .key = key, .number = strtoll(lasting[n + 1].data, NULL, 10),
					.value = arena_memdup(arena, lasting[n].data, lasting[n].len), .value_len = lasting[n].len };
			}
		}
		n += 2;
	}
	a->used += count;
	a->taken += count;
	if (a->used < a->count)
		return;
	page->phase = strcmp(a->next, "0") == 0 ? PHASE_DONE : PHASE_KEYS;
	page->at = arena_strdup(arena, a->next);
}

static void on_lasting(int r, const struct store_value *values, size_t count, void *arg)
{
	struct adoption *a = arg;

	if (!answered(a, r))
		return;
	take_keys(a, values, count);
	dunner_pump(a->dunner);
}

/* A receipt that comes weeks later finds its way by an attempt's key, which ends by itself. */
static void ask_lasting(struct adoption *a)
{
	const struct store_port *store = a->dunner->ports.store;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char **keys = arena_alloc(arena, CHUNK_KEYS * sizeof(*keys));
	size_t count = 0;

	for (size_t i = 0; i < chunk_size(a); i++)
		if (id_in(a, arena, a->keys[a->used + i], "attempt"))
			keys[count++] = a->keys[a->used + i];
	if (!count) {
		take_keys(a, NULL, 0);
		dunner_pump(a->dunner);
		return;
	}
	a->asked = true;
	store->lasting(store->self, keys, count, on_lasting, a);
}

static void on_keys(int r, const char *next, const char *const *keys, const struct store_value *values, size_t count, void *arg)
{
	struct adoption *a = arg;

	(void)values;
	if (!answered(a, r))
		return;
	forget(a);
	a->keys = arena_alloc(a->arena, (count + 1) * sizeof(*a->keys));
	for (size_t i = 0; i < count; i++)
		a->keys[i] = arena_strdup(a->arena, keys[i]);
	a->count = count;
	snprintf(a->next, sizeof(a->next), "%s", next);
	if (!count && strcmp(next, "0") == 0)
		then(a, PHASE_DONE, "0");
	else if (!count)
		go_to(a, PHASE_KEYS, next);
	dunner_pump(a->dunner);
}

/* --- one step after the other --------------------------------------------------------------------------------------------------- */

static void ask_page(struct adoption *a)
{
	struct dunner *d = a->dunner;
	const struct store_port *store = d->ports.store;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct stream_position from;

	a->asked = true;
	switch (a->phase) {
	case PHASE_DEAD:
	case PHASE_OUTBOUND:
		from.stream = key_of(arena, &d->keyspace, a->phase == PHASE_DEAD ? "dead" : "outbound");
		memcpy(from.id, a->at, sizeof(from.id));
		store->read(store->self, &from, 1, PAGE_ENTRIES, 0, on_entries, a);
		break;
	case PHASE_TASKS:
		store->hash(store->self, key_of(arena, &d->keyspace, "tasks"), on_tasks, a);
		break;
	case PHASE_ATTEMPTS:
		store->hash(store->self, key_of(arena, &d->keyspace, "attempts"), on_attempts, a);
		break;
	default:
		store->scan(store->self, a->at, key_of(arena, &d->keyspace, "*"), on_keys, a);
		break;
	}
}

void adopt_next(struct dunner *d)
{
	struct adoption *a = d->adoption;

	if (a->asked || d->decided || d->group || !d->start_recorded)
		return;
	if (a->phase == PHASE_DONE) {
		if (a->taken)
			dunner_log(d, LOG_NOTICE, "adopt: all that Redis has is in the journal of %s", d->settings.log_origin);
		adopt_free(d);
		dunner_pump(d);
		return;
	}
	if (a->emptied) {
		dunner_refuse(d, "Redis was emptied before the journal of %s had taken over what it had: nothing is sent; restore Redis from its "
			"newest backup, then run `dunningctl trail seal --yes --why ...` and start again", d->settings.log_origin);
		return;
	}
	if (a->ready) {
		struct input *input = a->ready;

		a->ready = input->next;
		if (!a->ready)
			a->ready_end = &a->ready;
		flow_wait(d, input);
		dunner_pump(d);
	} else if (a->used < a->count) {
		ask_lasting(a);
	} else {
		ask_page(a);
	}
}

void adopt_again(struct dunner *d, bool emptied)
{
	struct adoption *a = d->adoption;

	if (!a)
		return;
	forget(a);
	for (struct input **at = &d->waiting, *input; (input = *at);) {
		if (!input->page) {
			at = &input->next;
			continue;
		}
		*at = input->next;
		if (!*at)
			d->waiting_end = at;
		arena_free(input->arena);
	}
	a->stale = a->asked;
	a->emptied |= emptied;
	if (a->phase != PHASE_DONE)
		go_to(a, PHASE_DEAD, "0-0");
}

/* --- in a group ------------------------------------------------------------------------------------------------------------------ */

void adopt_wants(struct dunner *d, struct group *g, const struct input *input)
{
	const struct adopt_page *page = input->page;

	for (size_t i = 0; i < page->debtor_count; i++)
		group_doc(d, g, DOC_DEBTOR, page->debtors[i]);
	for (size_t i = 0; i < page->invoice_count; i++)
		group_doc(d, g, DOC_ESCALATION, page->invoices[i]);
	if (page->kept)
		group_doc(d, g, DOC_DEBTOR, page->kept->debtor_id);
}

void adopt_decide(struct dunner *d, struct group *g, const struct input *input)
{
	struct doc *system = group_case(d, g, NULL), *doc;
	const struct adopt_page *page = input->page;
	struct adopted **end = &g->adopted;

	for (size_t i = 0; i < page->invoice_count; i++) {
		doc = group_find(d, g, DOC_ESCALATION, page->invoices[i]);
		if (!doc || !doc->existed)
			continue;
		doc->touched = true;
		doc = group_find(d, g, DOC_DEBTOR, doc->e->invoice.debtor_id);
		if (doc && doc->loaded)
			doc->touched = true;
	}
	for (size_t i = 0; i < page->debtor_count; i++) {
		doc = group_find(d, g, DOC_DEBTOR, page->debtors[i]);
		if (doc && doc->loaded)
			doc->d->indexed = false; /* this journal has none of what leads to it */
	}
	while (*end)
		end = &(*end)->next;
	for (const struct adopted *image = page->images; image; image = image->next) {
		struct adopted *copy = arena_memdup(g->arena, image, sizeof(*image));

		doc = group_find(d, g, DOC_DEBTOR, image->debtor_id);
		copy->debtor_id = doc && doc->loaded && doc->existed ? image->debtor_id : NULL; /* a case without a document has no keys */
		copy->next = NULL;
		*end = copy;
		end = &copy->next;
	}
	if (page->kept) {
		doc = group_find(d, g, DOC_DEBTOR, page->kept->debtor_id);
		if (doc && doc->loaded)
			doc->touched = true;
		decide_entry(g, page->kept, page->kept, false);
	}
	if (!page->at)
		return;
	system->d->adopted = progress(d, g->arena, page->phase, page->at);
	system->touched = true;
}

void adopt_committed(struct dunner *d, const struct input *input)
{
	struct adoption *a = d->adoption;

	if (!a || !input->page || !input->page->at)
		return;
	go_to(a, input->page->phase, input->page->at);
	if (a->taken / TOLD_EVERY != a->told / TOLD_EVERY)
		dunner_log(d, LOG_INFO, "adopt: %llu entries and documents taken over", (unsigned long long)a->taken);
	a->told = a->taken;
}
