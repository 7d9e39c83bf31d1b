/* The store: strings, the attempts under way, and the timers, in one process's memory. It loses nothing and nobody else writes to it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "tools/simulation_internal.h"

#define LEASE_MS (365 * INT64_C(86400000)) /* nobody else wants it */
#define RUN_ID "0000000000000000000000000000000000000000"

/* --- tables --------------------------------------------------------------------------------------------------------------- */

static uint32_t hash_of(const char *key)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	for (; *key; key++)
		h = (h ^ (unsigned char)*key) * 16777619u;
	return h ^ h >> 15;
}

static struct item *table_find(const struct table *t, const char *key)
{
	uint32_t hash = hash_of(key);

	for (struct item *i = t->bucket_count ? t->buckets[hash & (t->bucket_count - 1)] : NULL; i; i = i->next)
		if (i->hash == hash && strcmp(i->key, key) == 0)
			return i;
	return NULL;
}

static void table_grow(struct table *t)
{
	size_t count = t->bucket_count ? 2 * t->bucket_count : 1024;
	struct item **buckets = xcalloc(count, sizeof(struct item *));

	for (size_t i = 0; i < t->bucket_count; i++)
		for (struct item *one = t->buckets[i], *next; one; one = next) {
			next = one->next;
			one->next = buckets[one->hash & (count - 1)];
			buckets[one->hash & (count - 1)] = one;
		}
	free(t->buckets);
	t->buckets = buckets;
	t->bucket_count = count;
}

/* Items stay where they are for good, so that a call under way may point to one. */
static struct item *table_need(struct table *t, const char *key)
{
	struct item *item = table_find(t, key);
	size_t len = strlen(key) + 1;
	struct item **bucket;

	if (item)
		return item;
	if (t->count >= t->bucket_count)
		table_grow(t);
	item = xcalloc(1, sizeof(*item) + len);
	memcpy(item->key, key, len);
	item->hash = hash_of(key);
	bucket = &t->buckets[item->hash & (t->bucket_count - 1)];
	item->next = *bucket;
	*bucket = item;
	t->count++;
	return item;
}

static void item_set(struct item *item, const void *value, size_t len)
{
	item->value = xrealloc(item->value, len + 1);
	if (len)
		memcpy(item->value, value, len);
	item->value[len] = '\0';
	item->len = len;
}

static void item_unset(struct item *item)
{
	if (!item)
		return;
	free(item->value);
	item->value = NULL;
	item->len = 0;
}

static void table_clear(struct table *t)
{
	for (size_t i = 0; i < t->bucket_count; i++)
		for (struct item *one = t->buckets[i], *next; one; one = next) {
			next = one->next;
			free(one->value);
			free(one->due);
			free(one);
		}
	free(t->buckets);
}

/* --- timers: in the order of a Redis sorted set ------------------------------------------------------------------------------ */

static int due_order(const struct due *a, const struct due *b)
{
	return a->at != b->at ? a->at < b->at ? -1 : 1 : strcmp(a->item->key, b->item->key);
}

/* All below `at` go left, all others right. */
static void due_split(struct due *tree, const struct due *at, struct due **left, struct due **right)
{
	while (tree)
		if (due_order(tree, at) < 0) {
			*left = tree;
			left = &tree->right;
			tree = tree->right;
		} else {
			*right = tree;
			right = &tree->left;
			tree = tree->left;
		}
	*left = *right = NULL;
}

static struct due *due_merge(struct due *left, struct due *right)
{
	struct due *root = NULL, **at = &root;

	while (left && right)
		if (left->priority > right->priority) {
			*at = left;
			at = &left->right;
			left = left->right;
		} else {
			*at = right;
			at = &right->left;
			right = right->left;
		}
	*at = left ? left : right;
	return root;
}

static void due_remove(struct simulation *sim, struct due *node)
{
	struct due **at = &sim->due;

	while (*at != node)
		at = due_order(node, *at) < 0 ? &(*at)->left : &(*at)->right;
	*at = due_merge(node->left, node->right);
}

static void due_insert(struct simulation *sim, struct due *node)
{
	struct due **at = &sim->due;

	while (*at && (*at)->priority >= node->priority)
		at = due_order(node, *at) < 0 ? &(*at)->left : &(*at)->right;
	due_split(*at, node, &node->left, &node->right);
	*at = node;
}

void simulation_put_due(struct simulation *sim, const char *invoice_id, int64_t when)
{
	struct item *item = table_need(&sim->timers_of, invoice_id);

	if (item->due)
		due_remove(sim, item->due);
	else
		item->due = xcalloc(1, sizeof(*item->due));
	*item->due = (struct due){ .item = item, .at = when, .priority = item->hash * 2654435761u };
	due_insert(sim, item->due);
}

static void unset_due(struct simulation *sim, const char *invoice_id)
{
	struct item *item = table_find(&sim->timers_of, invoice_id);

	if (!item || !item->due)
		return;
	due_remove(sim, item->due);
	free(item->due);
	item->due = NULL;
}

/* The soonest `most`, in order; stops at the first one after `now`, whose instant is *next. */
static void due_walk(const struct due *tree, int64_t now, size_t most, struct store_due *ret, size_t *count, int64_t *next)
{
	if (!tree || *next)
		return;
	due_walk(tree->left, now, most, ret, count, next);
	if (*next)
		return;
	if (tree->at > now || *count == most) {
		*next = tree->at;
		return;
	}
	ret[(*count)++] = (struct store_due){ tree->item->key, tree->at };
	due_walk(tree->right, now, most, ret, count, next);
}

/* --- the book ------------------------------------------------------------------------------------------------------------------ */

void simulation_put(struct simulation *sim, const char *key, const char *value, size_t len)
{
	item_set(table_need(&sim->strings, key), value, len);
}

void simulation_put_attempt(struct simulation *sim, const char *id, const char *value, size_t len)
{
	item_set(table_need(&sim->attempts, id), value, len);
}

const char *simulation_get(const struct simulation *sim, const char *key, size_t *len)
{
	const struct item *item = table_find(&sim->strings, key);

	*len = item ? item->len : 0;
	return item ? item->value : NULL;
}

/* --- streams ---------------------------------------------------------------------------------------------------------------------- */

static size_t stream_index(const struct simulation *sim, const char *key)
{
	return strcmp(key, sim->streams[0].key) == 0 ? 0 : 1;
}

static void give_entries(struct simulation *sim, struct job *job)
{
	const size_t *from = job->data;
	size_t count = 0, capacity = 0;
	struct store_entry *entries = NULL;
	char (*ids)[STREAM_ID_SIZE] = NULL;
	size_t ids_capacity = 0;

	for (size_t s = 0; s < job->count; s++) {
		const struct stream *stream = &sim->streams[from[2 * s]];
		size_t taken = 0;

		for (size_t i = from[2 * s + 1]; i < stream->count && taken < (size_t)job->number; i++, taken++) {
			xgrow(&entries, &capacity, count + 1, sizeof(*entries));
			xgrow(&ids, &ids_capacity, count + 1, sizeof(*ids));
			snprintf(ids[count], sizeof(*ids), "%zu-0", i + 1);
			entries[count++] = (struct store_entry){ .stream = s, .event = stream->entries[i].text,
				.len = stream->entries[i].len };
		}
	}
	for (size_t i = 0; i < count; i++)
		entries[i].id = ids[i];
	if (!count && job->number2) { /* it may wait */
		sim->blocked = *job;
		sim->blocked.number2 = sim->mono + job->number2;
		job->data = NULL;
		return;
	}
	((store_entries_fn)job->done)(0, entries, count, &sim->place, job->arg);
	free(entries);
	free(ids);
}

void simulation_read_on(struct simulation *sim)
{
	struct job job = sim->blocked;

	sim->blocked = (struct job){ 0 }; /* its data is the job's now */
	job.number2 = 0;
	simulation_later(sim, &job);
}

void simulation_stream_add(struct simulation *sim, size_t index, const char *text, size_t len)
{
	struct stream *stream = &sim->streams[index];

	xgrow(&stream->entries, &stream->capacity, stream->count + 1, sizeof(*stream->entries));
	stream->entries[stream->count++] = (struct stream_entry){ text, len };
	if (sim->blocked.run)
		simulation_read_on(sim);
}

static void port_read(void *self, const struct stream_position *positions, size_t position_count, size_t count, int block_ms,
	store_entries_fn done, void *arg)
{
	struct simulation *sim = self;
	size_t *from = xcalloc(2 * position_count, sizeof(*from));

	for (size_t i = 0; i < position_count; i++) {
		from[2 * i] = stream_index(sim, positions[i].stream);
		from[2 * i + 1] = (size_t)strtoull(positions[i].id, NULL, 10);
	}
	simulation_later(sim, &(struct job){ .run = give_entries, .done = (void (*)(void))done, .arg = arg, .data = from,
				      .count = position_count, .number = (int64_t)count, .number2 = block_ms });
}

/* --- reading ---------------------------------------------------------------------------------------------------------------------- */

static void give_values(struct simulation *sim, struct job *job)
{
	struct item **items = job->data;
	struct store_value *values = xcalloc(job->count + 1, sizeof(*values));

	(void)sim;
	for (size_t i = 0; i < job->count; i++)
		if (items[i])
			values[i] = (struct store_value){ items[i]->value, items[i]->len };
	((store_values_fn)job->done)(0, values, job->count, job->arg);
	free(values);
}

static void port_load(void *self, const char *const *keys, size_t count, store_values_fn done, void *arg)
{
	struct simulation *sim = self;
	struct item **items = xcalloc(count + 1, sizeof(struct item *));

	for (size_t i = 0; i < count; i++)
		items[i] = table_find(&sim->strings, keys[i]);
	simulation_later(sim, &(struct job){ .run = give_values, .done = (void (*)(void))done, .arg = arg, .data = items, .count = count });
}

/* Only erasures and receipts ask for these, and there are none. */
static void port_lasting(void *self, const char *const *keys, size_t count, store_values_fn done, void *arg)
{
	(void)keys;
	simulation_later(self, &(struct job){ .run = give_values, .done = (void (*)(void))done, .arg = arg,
				       .data = xcalloc(2 * count + 1, sizeof(struct item *)), .count = 2 * count });
}

static void give_attempts(struct simulation *sim, struct job *job)
{
	struct store_value *values = xcalloc(2 * sim->attempts.count + 1, sizeof(*values));
	size_t count = 0;

	for (size_t i = 0; i < sim->attempts.bucket_count; i++)
		for (struct item *one = sim->attempts.buckets[i]; one; one = one->next)
			if (one->value) {
				values[count++] = (struct store_value){ one->key, strlen(one->key) };
				values[count++] = (struct store_value){ one->value, one->len };
			}
	((store_values_fn)job->done)(0, values, count, job->arg);
	free(values);
}

static void give_place(struct simulation *sim, struct job *job)
{
	char epoch[24], pseq[24], group[2 * GROUP_ID_SIZE + 1];
	struct store_value values[] = { { "epoch", 5 }, { epoch, 0 }, { "pseq", 4 }, { pseq, 0 }, { "group", 5 }, { group, 0 } };

	values[1].len = (size_t)snprintf(epoch, sizeof(epoch), "%llu", (unsigned long long)sim->epoch);
	values[3].len = (size_t)snprintf(pseq, sizeof(pseq), "%llu", (unsigned long long)sim->place.pseq);
	values[5].len = strlen(hex_format(sim->place.group, GROUP_ID_SIZE, group));
	((store_values_fn)job->done)(0, values, sim->place.present ? 6 : 2, job->arg);
}

static void port_hash(void *self, const char *key, store_values_fn done, void *arg)
{
	struct simulation *sim = self;

	simulation_later(sim, &(struct job){ .run = strcmp(key, sim->attempts_key) == 0 ? give_attempts : give_place,
				      .done = (void (*)(void))done, .arg = arg });
}

static void give_due(struct simulation *sim, struct job *job)
{
	struct store_due *due = xcalloc(job->count + 1, sizeof(*due));
	size_t count = 0;
	int64_t next = 0;

	due_walk(sim->due, job->number, job->count, due, &count, &next);
	((store_due_fn)job->done)(0, due, count, next, job->arg);
	free(due);
}

static void port_due(void *self, int64_t now, size_t limit, store_due_fn done, void *arg)
{
	simulation_later(self, &(struct job){ .run = give_due, .done = (void (*)(void))done, .arg = arg, .count = limit, .number = now });
}

static void give_cursor(struct simulation *sim, struct job *job)
{
	struct store_cursor cursor = { .present = sim->place.present, .epoch = sim->epoch, .pseq = sim->place.pseq, .run_id = RUN_ID,
		.repl_id = RUN_ID };

	memcpy(cursor.group, sim->place.group, GROUP_ID_SIZE);
	((store_cursor_fn)job->done)(0, &cursor, job->arg);
}

static void port_cursor(void *self, store_cursor_fn done, void *arg)
{
	simulation_later(self, &(struct job){ .run = give_cursor, .done = (void (*)(void))done, .arg = arg });
}

/* --- writing ---------------------------------------------------------------------------------------------------------------------- */

/* Of the dead letter's fields, ["reason", ..., ...], only why. */
static void note_dead(struct simulation *sim, const struct image *image)
{
	const char *at = strstr(image->value, "\"reason\",\"");
	char reason[40];

	sim->dead++;
	snprintf(reason, sizeof(reason), "%.*s", at ? (int)strcspn(at + 10, "\"") : 0, at ? at + 10 : "");
	if (sim->watch.refused)
		sim->watch.refused(reason, sim->watch.arg);
}

/* What only others read (tasks, outbound events, where a receipt finds its way) is not kept. */
static void apply(struct simulation *sim, const struct image *image)
{
	switch (image->op) {
	case IMAGE_SET:
		simulation_put(sim, image->key, image->value, image->value_len);
		break;
	case IMAGE_DEL:
		item_unset(table_find(&sim->strings, image->key));
		break;
	case IMAGE_ZADD:
		if (strcmp(image->key, sim->due_key) == 0)
			simulation_put_due(sim, image->field, image->number);
		break;
	case IMAGE_ZREM:
		if (strcmp(image->key, sim->due_key) == 0)
			unset_due(sim, image->field);
		break;
	case IMAGE_HSET:
		if (strcmp(image->key, sim->attempts_key) == 0)
			simulation_put_attempt(sim, image->field, image->value, image->value_len);
		break;
	case IMAGE_HDEL:
		if (strcmp(image->key, sim->attempts_key) == 0)
			item_unset(table_find(&sim->attempts, image->field));
		break;
	case IMAGE_XADD:
		if (strcmp(image->key, sim->dead_key) == 0)
			note_dead(sim, image);
		break;
	default:
		break;
	}
}

static void give_committed(struct simulation *sim, struct job *job)
{
	(void)sim;
	((store_commit_fn)job->done)(0, COMMIT_APPLIED, job->arg);
}

static void port_commit(void *self, const struct store_commit *commit, store_commit_fn done, void *arg)
{
	struct simulation *sim = self;

	for (size_t i = 0; i < commit->image_count; i++)
		apply(sim, &commit->images[i]);
	sim->place.present = true;
	sim->place.pseq = commit->head->pseq;
	memcpy(sim->place.group, commit->head->id, GROUP_ID_SIZE);
	sim->groups++;
	simulation_later(sim, &(struct job){ .run = give_committed, .done = (void (*)(void))done, .arg = arg });
}

static void give_lease(struct simulation *sim, struct job *job)
{
	((store_lease_fn)job->done)(0, true, sim->epoch, sim->mono + LEASE_MS, "", job->arg);
}

static void port_lease(void *self, const char *owner, int64_t ttl_ms, uint64_t at_least, uint64_t held, store_lease_fn done,
	void *arg)
{
	(void)owner, (void)ttl_ms, (void)at_least, (void)held;
	simulation_later(self, &(struct job){ .run = give_lease, .done = (void (*)(void))done, .arg = arg });
}

/* The first try of every entry. */
static void give_try(struct simulation *sim, struct job *job)
{
	(void)sim;
	((store_lease_fn)job->done)(0, true, 1, 0, "", job->arg);
}

static void port_trying(void *self, const char *stream, const char *id, uint64_t epoch, store_lease_fn done, void *arg)
{
	(void)stream, (void)id, (void)epoch;
	simulation_later(self, &(struct job){ .run = give_try, .done = (void (*)(void))done, .arg = arg });
}

static void give_done(struct simulation *sim, struct job *job)
{
	(void)sim;
	((store_done_fn)job->done)(0, job->arg);
}

static void port_release(void *self, const char *owner, store_done_fn done, void *arg)
{
	(void)owner;
	simulation_later(self, &(struct job){ .run = give_done, .done = (void (*)(void))done, .arg = arg });
}

static void port_trim(void *self, const struct stream_position *applied, size_t count, store_done_fn done, void *arg)
{
	(void)applied, (void)count;
	simulation_later(self, &(struct job){ .run = give_done, .done = (void (*)(void))done, .arg = arg });
}

static void port_tails(void *self, struct stream_position *positions, size_t count, store_done_fn done, void *arg)
{
	struct simulation *sim = self;

	for (size_t i = 0; i < count; i++)
		snprintf(positions[i].id, STREAM_ID_SIZE, "%zu-0", sim->streams[stream_index(sim, positions[i].stream)].count);
	simulation_later(sim, &(struct job){ .run = give_done, .done = (void (*)(void))done, .arg = arg });
}

static bool port_connected(void *self)
{
	(void)self;
	return true;
}

void simulation_store_plug(struct simulation *sim)
{
	for (size_t i = 0; i < SIMULATION_STREAMS; i++)
		sim->streams[i].key = key_events(sim->arena, &sim->keys, sim->producers[i].name);
	sim->attempts_key = key_of(sim->arena, &sim->keys, "attempts");
	sim->due_key = key_of(sim->arena, &sim->keys, "due");
	sim->dead_key = key_of(sim->arena, &sim->keys, "dead");
	sim->epoch = 1;
	sim->store = (struct store_port){ .self = sim, .read = port_read, .load = port_load, .hash = port_hash, .lasting = port_lasting,
		.due = port_due, .cursor = port_cursor, .commit = port_commit, .lease = port_lease, .release = port_release,
		.trying = port_trying, .trim = port_trim, .tails = port_tails, .connected = port_connected };
}

void simulation_store_clear(struct simulation *sim)
{
	table_clear(&sim->strings);
	table_clear(&sim->timers_of);
	table_clear(&sim->attempts);
	for (size_t i = 0; i < SIMULATION_STREAMS; i++)
		free(sim->streams[i].entries);
	free(sim->blocked.data);
}
