/*
 * The world of a flow, one answer at a time: a small store and a small journal that keep their promises, and a test that says whose
 * answers wait. Include <cmocka.h> first.
 */
#ifndef DUNNINGD_TESTS_UNIT_FLOW_WORLD_H
#define DUNNINGD_TESTS_UNIT_FLOW_WORLD_H

#include "tests/support/tree.h"
#include "tests/unit/flow_calls.h"

/* --- ports -------------------------------------------------------------------------------------------------------------- */

static int64_t port_now(void *self)
{
	return ((struct world *)self)->mono + OFFSET;
}

static int64_t port_mono(void *self)
{
	return ((struct world *)self)->mono;
}

static struct port_timer *timer_create_(void *self, timer_fn fn, void *arg)
{
	struct world *w = self;
	struct port_timer *t = arena_alloc(w->arena, sizeof(*t));

	*t = (struct port_timer){ .fn = fn, .arg = arg, .next = w->timers };
	return w->timers = t;
}

static void timer_stop(void *self, struct port_timer *t)
{
	(void)self;
	t->at = 0;
}

static void timer_at(void *self, struct port_timer *t, int64_t at)
{
	(void)self;
	t->at = at - OFFSET > 0 ? at - OFFSET : 1;
}

static void timer_in(void *self, struct port_timer *t, int64_t ms)
{
	t->at = port_mono(self) + ms;
}

static void clock_idle(void *self, bool idle, int64_t next)
{
	(void)self, (void)idle, (void)next;
}

static const char *clock_doubt(void *self)
{
	return ((struct world *)self)->doubt;
}

static void random_some(void *self, void *ret, size_t len)
{
	struct world *w = self;

	memset(ret, ++w->random, len);
}

static const char *origin(void *self, uint16_t year)
{
	struct world *w = self;

	(void)year;
	return w->log_origin ? arena_printf(w->arena, "%s/2026", w->log_origin) : "test.example/acme/2026";
}

static uint64_t next_index(void *self, uint16_t year)
{
	struct world *w = self;

	return year == w->newest.before ? w->size_before : w->newest.year && year > w->newest.year ? 0 : w->next_index;
}

static struct journal_log newest_log(void *self)
{
	return ((struct world *)self)->newest;
}

static const struct slice *copy_slices(struct arena *arena, const struct slice *from, size_t count)
{
	struct slice *to = arena_alloc(arena, (count + 1) * sizeof(*to));

	for (size_t i = 0; i < count; i++)
		to[i] = (struct slice){ arena_memdup(arena, from[i].data, from[i].len), from[i].len };
	return to;
}

static void append(void *self, const struct journal_group *group, journal_done_fn done, void *arg)
{
	struct world *w = self;
	struct call *c = call(w, APPEND, done, arg);

	c->group = *group;
	c->group.images = copy_slices(w->arena, group->images, group->image_count);
	c->group.records = copy_slices(w->arena, group->records, group->record_count);
	c->group.seals = arena_memdup(w->arena, group->seals, group->seal_count * sizeof(*group->seals));
	frames_seal(&c->group);
	if (w->newest.year && group->head.year != w->newest.year) {
		w->newest.before = w->newest.year;
		w->size_before = w->next_index;
		w->next_index = 0;
	}
	w->newest.year = group->head.year;
	w->newest.ended = utc_year(group->head.decided_at) > w->newest.year;
	if (group->head.first_index != w->next_index)
		fail_msg("group %d has a place in the log that is not its own", (int)group->head.pseq);
	if (group->head.pseq != w->handed_pseq + 1)
		fail_msg("group %d is handed to the journal after group %d", (int)group->head.pseq, (int)w->handed_pseq);
	w->handed_pseq = group->head.pseq;
	w->next_index += group->record_count;
}

static int replay(void *self, uint32_t partition, uint64_t above, journal_replay_fn fn, void *arg)
{
	struct world *w = self;
	int r = 0;

	(void)partition;
	for (size_t i = 0; i < w->journaled && r == 0; i++)
		if (w->journal[i].head.pseq > above)
			r = fn(&w->journal[i], arg);
	return r;
}

static int last(void *self, uint32_t partition, struct group_header *ret)
{
	struct world *w = self;

	(void)partition;
	if (!w->journaled)
		return -ENOENT;
	*ret = w->journal[w->journaled - 1].head;
	return 0;
}

static int knows(void *self, uint32_t partition, uint64_t pseq, const uint8_t id[GROUP_ID_SIZE])
{
	struct world *w = self;

	(void)partition;
	for (size_t i = 0; i < w->journaled; i++)
		if (w->journal[i].head.pseq == pseq && memcmp(w->journal[i].head.id, id, GROUP_ID_SIZE) == 0)
			return 1;
	return 0;
}

static int read_record(void *self, uint16_t year, uint64_t index, struct buf *body)
{
	struct world *w = self;

	(void)year;
	for (size_t i = 0; i < w->journaled; i++) {
		const struct journal_group *g = &w->journal[i];

		if (index >= g->head.first_index && index < g->head.first_index + g->record_count) {
			const struct slice *record = &g->records[index - g->head.first_index];

			buf_add(body, record->data, record->len);
			return 0;
		}
	}
	return -ENOENT;
}

static uint64_t recovered(void *self)
{
	(void)self;
	return 0;
}

static int key_open(void *self, uint16_t year, uint32_t slot, struct case_keys *ret)
{
	struct world *w = self;

	(void)year;
	if (slot >= w->key_count)
		return -ENOENT;
	*ret = w->keys[slot];
	return 0;
}

static int key_create(void *self, uint16_t year, const uint8_t case_key[32], struct case_keys *ret)
{
	struct world *w = self;

	*ret = (struct case_keys){ .year = year, .slot = w->key_count };
	memset(ret->class_key, 1, sizeof(ret->class_key));
	memcpy(ret->case_key, case_key ? case_key : ret->class_key[0], 32);
	w->keys[w->key_count++] = *ret;
	return 0;
}

static void store_read(void *self, const struct stream_position *positions, size_t position_count, size_t count, int block_ms,
	store_entries_fn done, void *arg)
{
	struct call *c = call(self, READ, done, arg);

	c->count = count;
	c->positions = arena_memdup(c->arena, positions, position_count * sizeof(*positions));
	for (size_t i = 0; i < position_count; i++)
		c->positions[i].stream = arena_strdup(c->arena, positions[i].stream);
	c->block = block_ms > 0;
}

static void store_load(void *self, const char *const *keys, size_t count, store_values_fn done, void *arg)
{
	struct call *c = call(self, LOAD, done, arg);

	c->keys = arena_alloc(c->arena, count * sizeof(*c->keys));
	c->count = count;
	for (size_t i = 0; i < count; i++)
		c->keys[i] = arena_strdup(c->arena, keys[i]);
}

static void store_hash(void *self, const char *key, store_values_fn done, void *arg)
{
	struct call *c = call(self, HASH, done, arg);

	snprintf(c->key, sizeof(c->key), "%s", key);
}

static void store_scan(void *self, const char *from, const char *pattern, store_scan_fn done, void *arg)
{
	struct call *c = call(self, SCAN, done, arg);

	(void)pattern;

	snprintf(c->key, sizeof(c->key), "%s", from);
}

static void store_lasting(void *self, const char *const *keys, size_t count, store_values_fn done, void *arg)
{
	struct call *c = call(self, LASTING, done, arg);

	c->keys = arena_alloc(c->arena, count * sizeof(*c->keys));
	c->count = count;
	for (size_t i = 0; i < count; i++)
		c->keys[i] = arena_strdup(c->arena, keys[i]);
}

static void store_due(void *self, int64_t now, size_t limit, store_due_fn done, void *arg)
{
	struct call *c = call(self, DUE, done, arg);

	c->number = now;
	c->limit = limit;
}

static void store_cursor(void *self, store_cursor_fn done, void *arg)
{
	call(self, CURSOR, done, arg);
}

static void store_commit(void *self, const struct store_commit *commit, store_commit_fn done, void *arg)
{
	struct call *c = call(self, COMMIT, done, arg);
	struct image *images = arena_memdup(c->arena, commit->images, (commit->image_count + 1) * sizeof(*images));

	for (size_t i = 0; i < commit->image_count; i++) {
		images[i].key = arena_strdup(c->arena, images[i].key);
		images[i].field = arena_strdup(c->arena, images[i].field);
		images[i].value = images[i].value ? arena_memdup(c->arena, images[i].value, images[i].value_len) : NULL;
	}
	c->commit = *commit;
	c->commit.images = images;
	c->commit.head = arena_memdup(c->arena, commit->head, sizeof(*commit->head));
}

static void store_lease(void *self, const char *owner, int64_t ttl, uint64_t at_least, uint64_t held, store_lease_fn done, void *arg)
{
	struct call *c = call(self, LEASE, done, arg);

	(void)owner;
	c->until = ((struct world *)self)->mono + ttl; /* counted from the question, as the real one does */
	c->number = (int64_t)at_least;
	c->limit = held;
}

static void store_release(void *self, const char *owner, store_done_fn done, void *arg)
{
	(void)owner;
	call(self, RELEASE, done, arg);
}

static void store_trying(void *self, const char *stream, const char *id, uint64_t epoch, store_lease_fn done, void *arg)
{
	(void)stream, (void)id, (void)epoch;
	call(self, TRYING, done, arg);
}

static void store_trim(void *self, const struct stream_position *applied, size_t count, store_done_fn done, void *arg)
{
	(void)applied, (void)count;
	call(self, TRIM, done, arg);
}

static void store_tails(void *self, struct stream_position *positions, size_t count, store_done_fn done, void *arg)
{
	struct call *c = call(self, TAILS, done, arg);

	c->positions = positions;
	c->count = count;
}

static void store_replicated(void *self, int64_t wanted, int timeout, store_replicated_fn done, void *arg)
{
	(void)wanted, (void)timeout;
	call(self, REPLICATED, done, arg);
}

static void start(void *self, const struct message *message, transport_may_start_fn may_start, transport_done_fn done, void *arg)
{
	struct call *c = call(self, START, done, arg);

	c->may_start = may_start;
	snprintf(c->key, sizeof(c->key), "%s", message->provider);
}

static void lookup(void *self, const struct message *message, int64_t sent_at, transport_lookup_fn done, void *arg)
{
	(void)message, (void)sent_at;
	(void)call(self, LOOKUP, done, arg);
}

static const char *secret(const char *credential, void *self)
{
	(void)credential;
	return ((struct world *)self)->secret;
}

/* --- a world ---------------------------------------------------------------------------------------------------------------- */

static const char settings_json[] =
	"{\"origin\":\"test.example/acme\",\"retention\":{\"expire\":false,\"file\":\"" SOURCE_DIR "/daemon/share/retention.json\"},\"instance\":\"host-a\","
	"\"state_dir\":\"%s\",\"creditor\":{\"name\":\"Acme\",\"locale\":\"en-GB\",\"zone\":\"UTC\"},"
	"\"redis\":{\"replicas\":%d},\"senders\":{\"default\":{\"name\":\"A\",\"email\":\"a@acme.example\"}},"
	"\"channels\":{\"email\":%s},\"providers\":{%s},\"policies\":{\"default\":\"p\"}}";
static const char adapter_json[] =
	"{\"adapter\":1,\"name\":\"test\",\"channel\":[\"email\"],\"features\":{\"idempotency\":\"none\"},"
	"\"send\":{\"method\":\"POST\",\"url\":\"http://127.0.0.1:1/send\",\"auth\":{\"kind\":\"none\"},"
	"\"body\":{\"kind\":\"json\",\"value\":{\"to\":\"{to.email}\",\"text\":\"{text}\"}}},\"response\":{\"id\":\"/id\"}}";
/* One with means to settle a doubt, of which the test says more: the rest of its features, where it sends, what else stands in it. */
#define MEANS_ADAPTER(idempotency, url, more)                                                                                     \
	"{\"adapter\":1,\"name\":\"means\",\"channel\":[\"email\"],\"config\":{\"key\":{\"required\":true,\"secret\":true},\"base\":{\"default\":"   \
	"\"http://127.0.0.1:1\"},\"other\":{}},\"features\":{\"idempotency\":" idempotency "},\"send\":{\"method\":\"POST\",\"url\":\"{config.base}"      \
	url "\",\"auth\":{\"kind\":\"bearer\",\"token\":\"{config.key}\"},\"body\":{\"kind\":\"json\",\"value\":{\"to\":\"{to.email}\","                \
	"\"text\":\"{text}\"}}},\"response\":{\"id\":\"/id\"}" more "}"
#define KEY_OF_A_DAY "{\"kind\":\"header\",\"header\":\"Idempotency-Key\",\"window_s\":86400}"
#define LOOKUP_AFTER(seconds)                                                                                                     \
	",\"lookup\":{\"request\":{\"method\":\"GET\",\"url\":\"{config.base}/find\"},\"each\":\"/items\",\"match\":{\"/attempt\":"             \
	"\"{dispatch.id}\"},\"id\":\"/id\",\"not_before_s\":5,\"conclusive_after_s\":" seconds "}"
static const char policy_json[] =
	"{\"name\":\"p\",\"title\":\"T\",\"steps\":[{\"id\":\"reminder\",\"at\":\"due+1d\",\"channel\":\"email\","
	"\"template\":\"note\",\"tone\":\"friendly\"}]}";

static void on_log(int priority, const char *line, void *arg)
{
	struct world *w = arg;

	(void)priority;
	snprintf(w->log + strlen(w->log), sizeof(w->log) - strlen(w->log), "%s\n", line);
}

static void on_failed(int r, int exit_code, const char *reason, void *arg)
{
	(void)r, (void)exit_code, (void)arg;
	fail_msg("the flow ended: %s", reason);
}

static void on_stopped(void *arg)
{
	((struct world *)arg)->stopped++;
}

static struct library *load_library(struct world *w)
{
	struct library *library = NULL;
	struct err err = { 0 };

	if (library_load(w->config, w->dir, &library, &err) < 0)
		fail_msg("%s %s", err.path, err.text);
	return library;
}

static enum dunner_history history(void *arg)
{
	return ((struct world *)arg)->history;
}

static void on_taken_over(void *arg)
{
	((struct world *)arg)->taken_over++;
}

static void begin_flow(struct world *w)
{
	static const uint8_t install_key[32] = "an install key for these tests";
	const struct clock_port clock = { .self = w, .now = port_now, .mono = port_mono, .timer_create = timer_create_,
		.timer_destroy = timer_stop, .timer_at = timer_at, .timer_in = timer_in, .timer_stop = timer_stop, .idle = clock_idle,
		.doubt = clock_doubt };
	const struct random_port random = { .self = w, .bytes = random_some };
	const struct journal_port journal = { .self = w, .origin = origin, .next_index = next_index, .log = newest_log, .append = append,
		.replay = replay, .last = last, .knows = knows, .read = read_record, .recovered = recovered };
	const struct keys_port keys = { .self = w, .open = key_open, .create = key_create };
	const struct store_port store = { .self = w, .read = store_read, .load = store_load, .hash = store_hash, .due = store_due,
		.scan = store_scan, .lasting = store_lasting,
		.cursor = store_cursor, .commit = store_commit, .lease = store_lease, .release = store_release,
		.trying = store_trying, .trim = store_trim, .tails = store_tails, .replicated = store_replicated };
	const struct transport_port transport = { .self = w, .start = start, .lookup = lookup };
	const struct dunner_ports ports = { .clock = arena_memdup(w->arena, &clock, sizeof(clock)),
		.random = arena_memdup(w->arena, &random, sizeof(random)), .journal = arena_memdup(w->arena, &journal, sizeof(journal)),
		.keys = arena_memdup(w->arena, &keys, sizeof(keys)), .store = arena_memdup(w->arena, &store, sizeof(store)),
		.transport = arena_memdup(w->arena, &transport, sizeof(transport)) };
	const struct dunner_settings settings = { .config = w->config, .install_key = install_key, .secret = secret, .secret_arg = w, .build = "test", .boot_id = "boot",
		.log_origin = w->log_origin, .generation = w->sealed ? 2 : 1, .sealed = w->sealed, .paces = w->paces };
	const struct dunner_callbacks callbacks = { .failed = on_failed, .stopped = on_stopped, .log = on_log, .shared = history,
		.taken_over = on_taken_over, .arg = w };

	w->dunner = dunner_create(&ports, &settings, w->library, &callbacks);
	dunner_start(w->dunner);
}

static void begin(struct world *w)
{
	if (w->config->provider_count > 1) { /* beside the outbox */
		paces_free(w->paces);
		w->paces = paces_create(w->config);
		paces_use(w->paces, w->library);
	}
	begin_flow(w);
}

/* `email`: the channel's providers, as JSON; those that are not the outbox are the members `providers`. */
static struct world *open_world_with(int replicas, const char *email, const char *providers)
{
	struct arena *arena = arena_create();
	struct world *w = arena_alloc(arena, sizeof(*w));
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct err err = { 0 };
	static const char *const files[][2] = { { "policies/p.json", policy_json }, { "templates/en/note.subject", "Invoice" },
		{ "templates/en/note.txt", "Dear sir, {{balance}} is open.\n" }, { "providers/a.json", adapter_json }, { "providers/b.json", adapter_json },
		{ "providers/keyed.json", MEANS_ADAPTER(KEY_OF_A_DAY, "/send", "") },
		{ "providers/asked.json", MEANS_ADAPTER("\"none\"", "/send", LOOKUP_AFTER("300")) } };

	*w = (struct world){ .arena = arena, .mono = 1000, .answer = OUTCOME_ACCEPTED, .found = LOOKUP_MISSED, .secret = "one" };
	snprintf(w->dir, sizeof(w->dir), "/tmp/dunningd-test-flow-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	buf_printf(&text, settings_json, w->dir, replicas, email, providers);
	if (config_parse(text.data, text.len, &w->config, &err) < 0)
		fail_msg("%s %s", err.path, err.text);
	assert_int_equal(file_make_dirs(arena_printf(arena, "%s/policies", w->dir), 0700), 0);
	assert_int_equal(file_make_dirs(arena_printf(arena, "%s/templates/en", w->dir), 0700), 0);
	assert_int_equal(file_make_dirs(arena_printf(arena, "%s/providers", w->dir), 0700), 0);
	assert_int_equal(file_make_dirs(arena_printf(arena, "%s/law", w->dir), 0700), 0); /* no holidays here */
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		assert_int_equal(file_replace(arena_printf(arena, "%s/%s", w->dir, files[i][0]), files[i][1], strlen(files[i][1]), 0600), 0);
	w->library = load_library(w);
	begin(w);
	return w;
}

static inline struct world *open_world(int replicas)
{
	return open_world_with(replicas, "\"outbox\"", "");
}

/* Whether an event of this type went to the outbound stream. */
static inline bool told(const struct world *w, const char *type)
{
	for (size_t i = 0; i < w->item_count; i++)
		if (strstr(w->items[i]->key, ":outbound") && memmem(w->items[i]->value, w->items[i]->len, type, strlen(type)))
			return true;
	return false;
}

/* As a kill ends it. */
static void end_life(struct world *w)
{
	dunner_destroy(w->dunner);
	w->timers = NULL;
	for (struct call *c; (c = w->calls);) {
		w->calls = c->next;
		arena_free(c->arena);
	}
	memset(w->held, 0, sizeof(w->held));
}

static void close_world(struct world *w)
{
	end_life(w);
	paces_free(w->paces);
	library_free(w->library);
	config_free(w->config);
	tree_remove(w->dir);
	arena_free(w->arena);
}

static inline void push(struct world *w, int id, const char *event)
{
	snprintf(w->entries[w->entry_count].id, STREAM_ID_SIZE, "%d-0", id);
	w->entries[w->entry_count++].event = arena_strdup(w->arena, event);
}

#define EVENT(id, type, rest)                                                                                                  \
	"{\"specversion\":\"1.0\",\"id\":\"" id "\",\"source\":\"s\",\"type\":\"" type "\",\"time\":\"2026-04-09T08:00:00Z\",\"data\":{" rest "}}"
#define INVOICE(n, due) INVOICE_OF(n, due, n)
#define INVOICE_OF(n, due, c)                                                                                                        \
	EVENT("e" n, "invoice.finalized", "\"invoice\":{\"id\":\"inv_" n "\",\"number\":\"" n "\",\"version\":1,\"status\":\"open\","          \
		"\"issued_on\":\"2026-03-02\",\"due_on\":\"" due "\",\"currency\":\"EUR\",\"total_minor\":1000,\"due_minor\":1000},"      \
		"\"customer\":{\"id\":\"cus_" c "\",\"name\":\"C\",\"country\":\"GB\",\"kind\":\"company\",\"locale\":\"en-GB\",\"timezone\":\"UTC\"," \
		"\"contacts\":[{\"id\":\"c1\",\"role\":\"billing\",\"relation\":\"internal\",\"name\":\"M\",\"email\":\"m@c.example\",\"channels\":[\"email\"]}]}")
#define LATER "2026-06-01"

static inline bool stored(struct world *w, const char *invoice)
{
	char key[100];

	snprintf(key, sizeof(key), "dunning:{0}:escalation:%s", invoice);
	return find(w, key, "") != NULL;
}

static inline void flush(struct world *w)
{
	for (size_t i = 0; i < w->item_count; i++)
		w->items[i]->key[0] = '\0';
	w->pseq = w->epoch = 0;
	memset(w->group, 0, GROUP_ID_SIZE);
}

static inline struct world *running(int replicas)
{
	struct world *w = open_world(replicas);

	settle(w);
	pass(w, 500);
	assert_int_equal(w->dunner->state, DUNNER_RUNNING);
	w->log[0] = '\0';
	return w;
}

#endif
