/* A group's documents: asked for, loaded in rounds until nothing new is wanted, then decided. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "common/hash.h"
#include "daemon/flow.h"

struct group *group_create(struct dunner *d)
{
	struct arena *arena = arena_create();
	struct group *g = arena_alloc(arena, sizeof(*g));

	g->dunner = d;
	g->arena = arena;
	g->library = library_ref(d->library);
	g->inputs_end = &g->inputs;
	g->docs_end = &g->docs;
	g->releases_end = &g->releases;
	g->dead_end = &g->dead;
	g->index_size = 256;
	g->index = arena_alloc(arena, g->index_size * sizeof(struct doc *));
	effects_init(&g->fx, arena, flow_now(d));
	return g;
}

void group_free(struct group *g)
{
	if (!g)
		return;
	for (struct doc *doc = g->docs; doc; doc = doc->next)
		cleanse(&doc->keys, sizeof(doc->keys));
	if (g->out.seals)
		cleanse(g->out.seals, g->out.seal_count * sizeof(*g->out.seals));
	if (g->bodies) {
		buf_clear(&g->bodies[0]);
		buf_clear(&g->bodies[1]);
	}
	library_free(g->library);
	arena_free(g->arena);
}

void group_add(struct group *g, struct input *input)
{
	input->next = NULL;
	*g->inputs_end = input;
	g->inputs_end = &input->next;
	g->input_count++;
	g->landing_count += input->flight != NULL;
}

static size_t place(const struct group *g, enum doc_kind kind, const char *id)
{
	uint32_t h = crc32c((uint32_t)kind, id, strlen(id));
	size_t at = h % g->index_size;

	while (g->index[at] && (g->index[at]->kind != kind || strcmp(g->index[at]->id, id) != 0))
		at = (at + 1) % g->index_size;
	return at;
}

struct doc *group_find(struct dunner *d, struct group *g, enum doc_kind kind, const char *id)
{
	(void)d;
	return id ? g->index[place(g, kind, id)] : NULL;
}

static void grow_index(struct group *g)
{
	g->index_size *= 2;
	g->index = arena_alloc(g->arena, g->index_size * sizeof(struct doc *));
	for (struct doc *doc = g->docs; doc; doc = doc->next)
		g->index[place(g, doc->kind, doc->id)] = doc;
}

struct doc *group_doc(struct dunner *d, struct group *g, enum doc_kind kind, const char *id)
{
	size_t at = place(g, kind, id);
	struct doc *doc = g->index[at];

	if (doc)
		return doc;
	if (g->doc_count >= g->index_size / 2) {
		grow_index(g);
		at = place(g, kind, id);
	}
	doc = arena_alloc(g->arena, sizeof(*doc));
	doc->kind = kind;
	doc->id = arena_strdup(g->arena, id);
	doc->key = kind == DOC_ESCALATION ? key_escalation(g->arena, &d->keyspace, id) :
		   kind == DOC_BODY ? key_body(g->arena, &d->keyspace, id) :
				      key_debtor(g->arena, &d->keyspace, id);
	g->index[at] = doc;
	*g->docs_end = doc;
	g->docs_end = &doc->next;
	g->doc_count++;
	return doc;
}

struct doc *group_case(struct dunner *d, struct group *g, const char *debtor_id)
{
	struct doc *doc = group_find(d, g, DOC_DEBTOR, debtor_id ? debtor_id : SYSTEM_CASE);

	return doc && doc->loaded ? doc : group_find(d, g, DOC_DEBTOR, SYSTEM_CASE);
}

/* `ours`: as we wrote it a moment ago; it never left this process. */
static int parse_doc(struct dunner *d, struct group *g, struct doc *doc, const struct store_value *value, bool ours)
{
	struct json *json = arena_alloc(g->arena, sizeof(*json));
	struct err err = { 0 };
	int r = 0;

	doc->loaded = true;
	doc->existed = value->data != NULL;
	if (doc->kind == DOC_BODY) {
		doc->bytes = (struct slice){ value->data ? arena_memdup(g->arena, value->data, value->len) : NULL, value->len };
		return 0;
	}
	if (value->data)
		r = json_parse(g->arena, value->data, value->len, ours ? JSON_OURS : 0, json, &err);
	if (doc->kind == DOC_DEBTOR) {
		doc->d = arena_alloc(g->arena, sizeof(*doc->d));
		doc->d->id = doc->id;
		if (value->data && r == 0)
			r = debtor_from(g->arena, json, doc->d, &err);
		doc->was = doc->d->customer;
		doc->was_indexed = doc->d->indexed;
	} else {
		doc->e = arena_alloc(g->arena, sizeof(*doc->e));
		doc->e->invoice.id = doc->id;
		if (value->data && r == 0)
			r = escalation_from(g->arena, json, doc->e, &err);
	}
	if (r < 0)
		dunner_refuse(d, "the document %s in Redis is not one of ours: %s %s; stop dunningd and delete the hash %s: at its start "
			"all is made anew from the journal", doc->key, err.path, err.text, key_of(g->arena, &d->keyspace, "cursor"));
	return r;
}

static void load_round(struct dunner *d, struct group *g);

struct round {
	struct dunner *dunner;
	struct group *group;
	struct doc **docs;
	const char **keys;
	size_t count;
	bool failed;
};

static void on_loaded(int r, const struct store_value *values, size_t count, void *arg)
{
	struct round *round = arg;

	bool ours = round->dunner->ports.journal->hears != NULL; /* such a store is this process's own memory */

	round->failed = r < 0 || count != round->count;
	for (size_t i = 0; i < round->count && !round->failed; i++)
		round->failed = parse_doc(round->dunner, round->group, round->docs[i], &values[i], ours) < 0;
}

/* Behind the documents, on the same connection: whether they are those of the place where we left the store. */
static void on_place(int r, const struct store_value *values, size_t count, void *arg)
{
	struct round *round = arg;
	struct dunner *d = round->dunner;

	round->group->held = false;
	if (d->state == DUNNER_REFUSED)
		return;
	if (r == 0 && !round->failed && !recover_place_is_near(d, values, count))
		recover_wanted(d, "the store is not where we left it");
	if (recover_due(d))
		return;
	if (r < 0 || round->failed) { /* nothing was decided yet: they are loaded again */
		for (size_t i = 0; i < round->count; i++)
			round->docs[i]->asked = round->docs[i]->loaded = false;
		commit_retry(d, round->group, RETRY_COMMIT_MS);
		return;
	}
	load_round(d, round->group);
}

/* What the latest group under way makes of the document: so the store will have it. NULL: none of them changes it. */
static struct doc *decided_doc(struct dunner *d, const struct doc *doc)
{
	struct doc *found = NULL;

	for (struct group *g = d->decided; g; g = g->next) {
		struct doc *one = group_find(d, g, doc->kind, doc->id);

		if (one && one->touched && one->loaded)
			found = one;
	}
	return found;
}

/* Documents not asked for yet: into the round those of the store, the others are there at once. How many those are, or -errno. */
static int gather(struct dunner *d, struct group *g, struct round *round)
{
	int ready = 0, r;

	*round = (struct round){ .dunner = d, .group = g };
	decide_wants(d, g);
	round->docs = arena_alloc(g->arena, g->doc_count * sizeof(struct doc *));
	round->keys = arena_alloc(g->arena, g->doc_count * sizeof(char *));
	for (struct doc *doc = g->docs; doc; doc = doc->next) {
		const struct doc *decided;
		struct store_value value;

		if (doc->asked)
			continue;
		doc->asked = true;
		decided = decided_doc(d, doc);
		if (decided) {
			value = decided->kind == DOC_BODY ? (struct store_value){ (const char *)decided->bytes.data, decided->bytes.len } :
							    (struct store_value){ decided->text, decided->text_len };
			recent_lend_keys(doc, decided->keyed && !d->erase ? &decided->keys : NULL, decided->tag_key);
		}
		if (decided || recent_get(d, doc, &value)) {
			r = parse_doc(d, g, doc, &value, true);
			if (r < 0)
				return r;
			ready++;
		} else {
			round->docs[round->count] = doc;
			round->keys[round->count++] = doc->key;
		}
	}
	return ready;
}

static void load_round(struct dunner *d, struct group *g)
{
	struct round *round = arena_alloc(g->arena, sizeof(*round));
	int ready;

	do
		ready = gather(d, g, round);
	while (ready > 0 && !round->count); /* what is known now may want more */
	if (ready < 0)
		return;
	if (!round->count) {
		g->loaded = true;
		library_free(g->library); /* another one may have come since */
		g->library = library_ref(d->library);
		decide_group(d, g);
		return;
	}
	g->held = true;
	d->ports.store->load(d->ports.store->self, round->keys, round->count, on_loaded, round);
	d->ports.store->hash(d->ports.store->self, key_of(g->arena, &d->keyspace, "cursor"), on_place, round);
}

void group_run(struct dunner *d, struct group *g)
{
	d->group = g;
	load_round(d, g);
}
