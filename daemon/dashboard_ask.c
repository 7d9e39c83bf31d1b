/* Documents out of Redis, a bounded number at a time: lists, searches, tasks. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/dashboard_internal.h"

#define SCAN_COUNT "50" /* all of a page may match: there must be room for it */
#define ROUNDS_MAX 400 /* of a search, until it asks whether to go on: some 20,000 keys */
#define SEARCH_MS 3000
#define DEBTORS_MAX 20 /* that a search names */

static void ask(struct visit *visit, size_t argc, const char *const *argv, redis_done_fn done)
{
	dashboard_ask(visit->dashboard, argc, argv, done, visit);
}

static struct keyspace keys_of(const struct visit *visit, uint32_t partition)
{
	return (struct keyspace){ visit->dashboard->settings.config->prefix, partition };
}

bool is_texts(int r, const struct redis_reply *reply)
{
	if (r < 0 || reply->type != REDIS_ARRAY)
		return false;
	for (size_t i = 0; i < reply->count; i++)
		if (reply->items[i].type != REDIS_STRING)
			return false;
	return true;
}

bool is_scan(int r, const struct redis_reply *reply)
{
	return r == 0 && reply->type == REDIS_ARRAY && reply->count == 2 && reply->items[0].type == REDIS_STRING &&
		reply->items[0].len < sizeof(((struct walk *)NULL)->cursor) && is_texts(0, &reply->items[1]);
}

/* --- a walk ------------------------------------------------------------------------------------------------------------------------ */

bool walk_on(struct dashboard *dashboard, struct walk *walk, const char *kind, const char *count, redis_done_fn done, void *arg)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct keyspace keys = { dashboard->settings.config->prefix, walk->partition };
	struct redis_link *link = redis_links_at(dashboard->redis, walk->partition);
	bool all = redis_links_count(dashboard->redis) == 1, begins = strcmp(walk->cursor, "0") == 0;
	const char *argv[] = { "SCAN", walk->cursor, "MATCH", all ? key_pattern(arena, keys.prefix, kind) :
		key_of(arena, &keys, arena_printf(arena, "%s:*", kind)), "COUNT", count };

	if (!begins && walk->connection != redis_link_connection(link))
		return false;
	walk->connection = redis_link_connection(link);
	dashboard_ask(dashboard, ARRAY_LEN(argv), argv, done, arg);
	return true;
}

bool walk_read(struct dashboard *dashboard, struct walk *walk, const struct redis_reply *scan, struct arena *arena, uint32_t **partitions,
	redis_done_fn done, void *arg)
{
	const struct config *config = dashboard->settings.config;
	const struct redis_reply *found = &scan->items[1];
	const char **argv = arena_alloc(arena, (found->count + 1) * sizeof(*argv));
	size_t argc = 1;

	argv[0] = "MGET";
	*partitions = arena_alloc(arena, (found->count + 1) * sizeof(**partitions));
	(void)snprintf(walk->cursor, sizeof(walk->cursor), "%s", scan->items[0].str);
	for (size_t i = 0; i < found->count; i++) { /* of partitions that are no more something may be left */
		uint32_t *partition = &(*partitions)[argc - 1];

		if (key_partition(found->items[i].str, config->prefix, partition) && *partition < (uint32_t)config->partitions)
			argv[argc++] = found->items[i].str;
	}
	if (argc > 1)
		dashboard_ask(dashboard, argc, argv, done, arg);
	return argc > 1;
}

bool walk_over(struct dashboard *dashboard, struct walk *walk)
{
	if (strcmp(walk->cursor, "0") == 0)
		walk->partition++;
	return walk->partition >= redis_links_count(dashboard->redis);
}

bool visit_connected(struct visit *visit)
{
	if (redis_links_connected(visit->dashboard->redis))
		return true;
	visit_away(visit);
	return false;
}

static bool read_entry(struct visit *visit, uint32_t partition, const char *text, size_t len, struct board_entry *ret)
{
	*ret = (struct board_entry){ .partition = partition };
	return escalation_read(visit->arena, arena_memdup(visit->arena, text, len), len, &ret->e, NULL) == 0;
}

/* --- debtors, and what comes next --------------------------------------------------------------------------------------------- */

static void settle(struct visit *visit, struct board_entry *entry, const struct debtor *system)
{
	struct dashboard *dashboard = visit->dashboard;
	const struct config *config = dashboard->settings.config;
	struct rules rules = { .creditor_zone = config->creditor.zone, .holidays = library_holidays(dashboard->library),
		.guard = library_guard(dashboard->library),
		.books = &system->books, .now = dashboard_now(dashboard) };

	if (entry->e.policy_digest)
		entry->policy = library_policy_digest(dashboard->library, entry->e.policy_digest);
	rules.policy = entry->policy;
	rules.feed_stale_since = feed_stale_since(entry->policy, debtor_payments_known_to(system, config->ledgers), rules.now);
	entry->next = escalation_next(&entry->e, entry->d, &rules);
}

static void load_debtors(struct visit *visit);

/* Entries of one partition stand together; the last value is the system case's. */
static void on_debtors(int r, const struct redis_reply *reply, void *arg)
{
	struct visit *visit = arg;
	struct debtor system = { .id = SYSTEM_CASE };
	const struct redis_reply *last;

	if (r < 0 || reply->type != REDIS_ARRAY || !reply->count || reply->count - 1 > visit->entry_count - visit->loaded) {
		visit_away(visit);
		return;
	}
	last = &reply->items[reply->count - 1];
	if (last->type == REDIS_STRING && debtor_read(visit->arena, arena_memdup(visit->arena, last->str, last->len), last->len, &system, NULL) < 0)
		system = (struct debtor){ .id = SYSTEM_CASE };
	for (size_t i = 0; i + 1 < reply->count; i++) {
		struct board_entry *entry = &visit->entries[visit->loaded++];
		struct debtor *d = arena_alloc(visit->arena, sizeof(*d));
		const struct redis_reply *value = &reply->items[i];

		if (value->type == REDIS_STRING && debtor_read(visit->arena, arena_memdup(visit->arena, value->str, value->len), value->len, d, NULL) == 0)
			entry->d = d;
		settle(visit, entry, &system);
	}
	load_debtors(visit);
}

static void load_debtors(struct visit *visit)
{
	const char *argv[2 * DASHBOARD_PAGE + 2] = { "MGET" };
	struct keyspace keys;
	size_t argc = 1;

	if (visit->loaded == visit->entry_count) {
		visit->then(visit);
		return;
	}
	keys = keys_of(visit, visit->entries[visit->loaded].partition);
	for (size_t i = visit->loaded; i < visit->entry_count && visit->entries[i].partition == keys.partition; i++) {
		const char *debtor = visit->entries[i].e.invoice.debtor_id;

		argv[argc++] = key_debtor(visit->arena, &keys, debtor ? debtor : "~none");
	}
	argv[argc++] = key_debtor(visit->arena, &keys, SYSTEM_CASE);
	ask(visit, argc, argv, on_debtors);
}

/* --- invoices by their ids ------------------------------------------------------------------------------------------------------ */

static void on_invoices(int r, const struct redis_reply *reply, void *arg)
{
	struct visit *visit = arg;

	if (r < 0 || reply->type != REDIS_ARRAY) {
		visit_away(visit);
		return;
	}
	for (size_t i = 0; i < reply->count && visit->entry_count < ARRAY_LEN(visit->entries); i++)
		if (reply->items[i].type == REDIS_STRING &&
			read_entry(visit, visit->list.partition, reply->items[i].str, reply->items[i].len, &visit->entries[visit->entry_count]))
			visit->entry_count++;
	load_debtors(visit);
}

void visit_invoices(struct visit *visit, uint32_t partition, const char *const *ids, size_t count, visit_fn then)
{
	const char *argv[2 * DASHBOARD_PAGE + 1] = { "MGET" };
	struct keyspace keys = keys_of(visit, partition);
	size_t argc = 1;

	visit->then = then;
	visit->list.partition = partition;
	for (size_t i = 0; i < count && argc < ARRAY_LEN(argv); i++)
		argv[argc++] = key_escalation(visit->arena, &keys, ids[i]);
	if (argc == 1)
		then(visit);
	else
		ask(visit, argc, argv, on_invoices);
}

struct finding { /* in one partition */
	struct visit *visit;
	uint32_t partition;
};

static void on_found(int r, const struct redis_reply *reply, void *arg)
{
	struct finding *finding = arg;
	struct visit *visit = finding->visit;

	if (r == 0 && reply->type == REDIS_STRING && !visit->entry_count &&
		read_entry(visit, finding->partition, reply->str, reply->len, &visit->entries[0]))
		visit->entry_count = 1;
	visit->walk.rounds += r < 0; /* what did not answer may have it */
	if (--visit->asked)
		return;
	if (visit->walk.rounds && !visit->entry_count)
		visit_away(visit);
	else
		load_debtors(visit);
}

void visit_find(struct visit *visit, const char *invoice_id, visit_fn then)
{
	uint32_t partitions = (uint32_t)visit->dashboard->settings.config->partitions;

	visit->then = then;
	visit->asked = partitions;
	for (uint32_t p = 0; p < partitions; p++) {
		struct keyspace keys = keys_of(visit, p);
		const char *argv[] = { "GET", key_escalation(visit->arena, &keys, invoice_id) };
		struct finding *finding = arena_alloc(visit->arena, sizeof(*finding));

		*finding = (struct finding){ visit, p };
		dashboard_ask(visit->dashboard, ARRAY_LEN(argv), argv, on_found, finding);
	}
}

static void on_dead(int r, const struct redis_reply *reply, void *arg)
{
	struct visit *visit = arg;

	if (r == 0 && reply->type == REDIS_INTEGER)
		visit->dead += reply->integer;
	if (--visit->asked == 0)
		visit->then(visit);
}

void visit_dead(struct visit *visit, visit_fn then)
{
	uint32_t partitions = (uint32_t)visit->dashboard->settings.config->partitions;

	visit->then = then;
	visit->asked = partitions;
	for (uint32_t p = 0; p < partitions; p++) {
		struct keyspace keys = keys_of(visit, p);
		const char *argv[] = { "XLEN", key_of(visit->arena, &keys, "dead") };

		dashboard_ask(visit->dashboard, ARRAY_LEN(argv), argv, on_dead, visit);
	}
}

/* --- the list ---------------------------------------------------------------------------------------------------------------------- */

static void put_list(struct board *b, const void *arg)
{
	board_list(b, arg);
}

static void show_list(struct visit *visit)
{
	visit->list.entries = visit->entries;
	visit->list.count = visit->entry_count;
	visit->list.debtors = visit->debtors;
	visit->list.partitions = visit->dashboard->settings.config->partitions > 1;
	visit_page(visit, HTTP_OK, put_list, &visit->list);
}

static void list_by_time(struct visit *visit, uint32_t partition, int64_t offset);

static void on_timers(int r, const struct redis_reply *reply, void *arg)
{
	struct visit *visit = arg;
	const char *ids[DASHBOARD_PAGE];
	uint32_t partition = visit->walk.partition;
	int64_t offset = visit->walk.begun;
	size_t count;

	if (!is_texts(r, reply)) {
		visit_away(visit);
		return;
	}
	if (!reply->count && offset == 0 && partition + 1 < visit->dashboard->settings.config->partitions) {
		list_by_time(visit, partition + 1, 0);
		return;
	}
	count = reply->count < DASHBOARD_PAGE ? reply->count : DASHBOARD_PAGE;
	for (size_t i = 0; i < count; i++)
		ids[i] = arena_strdup(visit->arena, reply->items[i].str);
	if (reply->count > DASHBOARD_PAGE)
		visit->list.next = arena_printf(visit->arena, "%u:%" PRId64, partition, offset + DASHBOARD_PAGE);
	else if (partition + 1 < visit->dashboard->settings.config->partitions)
		visit->list.next = arena_printf(visit->arena, "%u:0", partition + 1);
	visit_invoices(visit, partition, ids, count, show_list);
}

/* walk.begun: the place in the list */
static void list_by_time(struct visit *visit, uint32_t partition, int64_t offset)
{
	struct keyspace keys = keys_of(visit, partition);
	const char *argv[] = { "ZRANGE", key_of(visit->arena, &keys, "due"), arena_printf(visit->arena, "%" PRId64, offset),
		arena_printf(visit->arena, "%" PRId64, offset + DASHBOARD_PAGE) };

	visit->walk.partition = partition;
	visit->walk.begun = offset;
	visit->list.partition = partition;
	ask(visit, ARRAY_LEN(argv), argv, on_timers);
}

/* --- a search ---------------------------------------------------------------------------------------------------------------------- */

static void search_on(struct visit *visit);

static bool looks_like(const struct board_list *list, const struct redis_reply *text) /* almost all are others: looked at before they are read */
{
	static const char *const marks[FILTER_COUNT] = { [FILTER_HELD] = "\"held\":", [FILTER_DOUBT] = "\"in_doubt\"", [FILTER_CLOSED] = "\"closed\"" };

	return text->type == REDIS_STRING && (!marks[list->filter] || strstr(text->str, marks[list->filter])) &&
		(!list->words || strcasestr(text->str, list->words));
}

static int by_partition(const void *a, const void *b)
{
	const struct board_entry *x = a, *y = b;

	return (x->partition > y->partition) - (x->partition < y->partition);
}

static void end_search(struct visit *visit)
{
	if (visit->entry_count)
		qsort(visit->entries, visit->entry_count, sizeof(*visit->entries), by_partition);
	load_debtors(visit);
}

static void page_searched(struct visit *visit)
{
	struct walk *walk = &visit->walk;

	if (walk_over(visit->dashboard, walk)) {
		end_search(visit);
	} else if (visit->entry_count >= DASHBOARD_PAGE || ++walk->rounds >= ROUNDS_MAX || dashboard_mono() - walk->begun > SEARCH_MS) {
		visit->list.next = arena_printf(visit->arena, "%u:%s:%" PRIu64, walk->partition, walk->cursor, walk->connection);
		end_search(visit);
	} else {
		search_on(visit);
	}
}

static void on_documents(int r, const struct redis_reply *reply, void *arg)
{
	struct visit *visit = arg;

	if (r < 0 || reply->type != REDIS_ARRAY) {
		visit_away(visit);
		return;
	}
	for (size_t i = 0; i < reply->count; i++) {
		struct board_entry *entry = &visit->entries[visit->entry_count];

		visit->list.read += reply->items[i].type == REDIS_STRING;
		/* A page of SCAN is taken whole, or its rest would be lost. */
		if (visit->entry_count < ARRAY_LEN(visit->entries) && looks_like(&visit->list, &reply->items[i]) &&
			read_entry(visit, visit->found[i], reply->items[i].str, reply->items[i].len, entry) &&
			board_matches(&entry->e, visit->list.filter, visit->list.words))
			visit->entry_count++;
	}
	page_searched(visit);
}

static void on_scanned(int r, const struct redis_reply *reply, void *arg)
{
	struct visit *visit = arg;

	if (!is_scan(r, reply))
		visit_away(visit);
	else if (!walk_read(visit->dashboard, &visit->walk, reply, visit->arena, &visit->found, on_documents, visit))
		page_searched(visit);
}

static void search_on(struct visit *visit)
{
	if (walk_on(visit->dashboard, &visit->walk, "escalation", SCAN_COUNT, on_scanned, visit))
		return;
	visit->entry_count = 0;
	visit->list.read = 0;
	visit->walk = (struct walk){ .cursor = "0", .begun = visit->walk.begun, .rounds = visit->walk.rounds };
	(void)walk_on(visit->dashboard, &visit->walk, "escalation", SCAN_COUNT, on_scanned, visit);
}

/* Debtors come first: by name, id or a contact's address. */
static void debtors_on(struct visit *visit);

static void begin_invoices(struct visit *visit)
{
	visit->walk = (struct walk){ .cursor = "0", .begun = visit->walk.begun }; /* both together have SEARCH_MS */
	search_on(visit);
}

static void debtors_searched(struct visit *visit)
{
	struct walk *walk = &visit->walk;

	if (walk_over(visit->dashboard, walk) || visit->list.debtor_count >= DEBTORS_MAX || ++walk->rounds >= ROUNDS_MAX ||
		dashboard_mono() - walk->begun > SEARCH_MS)
		begin_invoices(visit);
	else
		debtors_on(visit);
}

static void on_debtor_documents(int r, const struct redis_reply *reply, void *arg)
{
	struct visit *visit = arg;

	if (r < 0 || reply->type != REDIS_ARRAY) {
		visit_away(visit);
		return;
	}
	for (size_t i = 0; i < reply->count && visit->list.debtor_count < DEBTORS_MAX; i++) {
		const struct redis_reply *text = &reply->items[i];
		struct debtor *d;

		visit->list.read += text->type == REDIS_STRING;
		if (text->type != REDIS_STRING || !strcasestr(text->str, visit->list.words))
			continue;
		d = arena_alloc(visit->arena, sizeof(*d));
		if (debtor_read(visit->arena, arena_memdup(visit->arena, text->str, text->len), text->len, d, NULL) == 0 && strcmp(d->id, SYSTEM_CASE) != 0 &&
			board_debtor_matches(d, visit->list.words))
			visit->debtors[visit->list.debtor_count++] = d;
	}
	debtors_searched(visit);
}

static void on_debtors_scanned(int r, const struct redis_reply *reply, void *arg)
{
	struct visit *visit = arg;

	if (!is_scan(r, reply))
		visit_away(visit);
	else if (!walk_read(visit->dashboard, &visit->walk, reply, visit->arena, &visit->found, on_debtor_documents, visit))
		debtors_searched(visit);
}

static void debtors_on(struct visit *visit)
{
	if (walk_on(visit->dashboard, &visit->walk, "debtor", SCAN_COUNT, on_debtors_scanned, visit))
		return;
	visit->list.debtor_count = 0;
	visit->walk = (struct walk){ .cursor = "0", .begun = visit->walk.begun, .rounds = visit->walk.rounds };
	(void)walk_on(visit->dashboard, &visit->walk, "debtor", SCAN_COUNT, on_debtors_scanned, visit);
}

#define PLACE_DIGITS 12 /* of a list: far more than there are */
#define CURSOR_DIGITS 20 /* of SCAN: 64 bits */

/* "3:200": partition, and place in the list; "3:200:7": cursor, and its connection. */
static bool read_from(const struct visit *visit, size_t digits, uint32_t *partition, const char **rest, uint64_t *connection)
{
	const char *from = visit_asked(visit, "from"), *colon = from ? strchr(from, ':') : NULL;
	size_t len = colon ? strspn(colon + 1, "0123456789") : 0;
	char *end;
	unsigned long n = colon ? strtoul(from, &end, 10) : 0;

	if (!len || end != colon || len > digits || n >= (unsigned long)visit->dashboard->settings.config->partitions)
		return false;
	if (connection && colon[1 + len] == ':')
		*connection = strtoull(colon + 2 + len, NULL, 10);
	else if (connection || colon[1 + len])
		return false;
	*partition = (uint32_t)n;
	*rest = arena_memdup(visit->arena, colon + 1, len);
	return true;
}

void serve_list(struct visit *visit)
{
	const char *state = visit_asked(visit, "state"), *words = visit_asked(visit, "q"), *rest = "0";
	uint32_t partition = 0;
	uint64_t connection = 0;
	bool from;

	visit->board.place = BOARD_INVOICES;
	visit->then = show_list;
	for (int f = 0; state && f < FILTER_COUNT; f++)
		if (strcmp(board_filter_names[f], state) == 0)
			visit->list.filter = (enum board_filter)f;
	visit->list.words = words && *words ? words : NULL;
	visit->list.walked = visit->list.words || visit->list.filter;
	from = read_from(visit, visit->list.walked ? CURSOR_DIGITS : PLACE_DIGITS, &partition, &rest, visit->list.walked ? &connection : NULL);
	if (!visit_connected(visit))
		return;
	if (!visit->list.walked) {
		list_by_time(visit, partition, strtoll(rest, NULL, 10));
		return;
	}
	visit->walk = (struct walk){ .partition = partition, .connection = connection, .begun = dashboard_mono() };
	(void)snprintf(visit->walk.cursor, sizeof(visit->walk.cursor), "%s", rest);
	if (from || !visit->list.words)
		search_on(visit);
	else
		debtors_on(visit);
}

/* --- tasks --------------------------------------------------------------------------------------------------------------------------- */

bool task_read(struct arena *arena, uint32_t partition, const char *id, const struct redis_reply *value, struct board_task *ret)
{
	*ret = (struct board_task){ .partition = partition, .id = arena_strdup(arena, id) };
	return value->type == REDIS_STRING && json_parse(arena, arena_memdup(arena, value->str, value->len), value->len, 0, &ret->root, NULL) == 0 &&
		ret->root.type == JSON_OBJECT;
}

static void put_tasks(struct board *b, const void *arg)
{
	board_tasks(b, arg);
}

static void tasks_on(struct visit *visit, uint32_t partition, int64_t offset);

static void show_tasks(struct visit *visit, const char *next)
{
	struct board_tasks tasks = { visit->tasks, visit->task_count, next };

	visit_page(visit, HTTP_OK, put_tasks, &tasks);
}

static void on_tasks(int r, const struct redis_reply *reply, void *arg)
{
	struct visit *visit = arg;
	struct walk *walk = &visit->walk;

	if (r < 0 || reply->type != REDIS_ARRAY || reply->count > DASHBOARD_PAGE - visit->task_count) {
		visit_away(visit);
		return;
	}
	for (size_t i = 0; i < reply->count; i++) /* the ids were noted where they go */
		if (task_read(visit->arena, walk->partition, visit->tasks[visit->task_count].id, &reply->items[i], &visit->tasks[visit->task_count]))
			visit->task_count++;
		else
			memmove(&visit->tasks[visit->task_count], &visit->tasks[visit->task_count + 1],
				(ARRAY_LEN(visit->tasks) - visit->task_count - 1) * sizeof(*visit->tasks));
	if (walk->rounds)
		show_tasks(visit, arena_printf(visit->arena, "%u:%" PRId64, walk->partition, walk->begun + walk->rounds));
	else
		tasks_on(visit, walk->partition + 1, 0);
}

/* walk.begun: the place in the list; walk.rounds: how many of it are shown when there are more. */
static void on_deadlines(int r, const struct redis_reply *reply, void *arg)
{
	struct visit *visit = arg;
	struct keyspace keys = keys_of(visit, visit->walk.partition);
	const char *argv[DASHBOARD_PAGE + 2] = { "HMGET", key_of(visit->arena, &keys, "tasks") };
	size_t room = DASHBOARD_PAGE - visit->task_count, count;

	if (!is_texts(r, reply)) {
		visit_away(visit);
		return;
	}
	count = reply->count < room ? reply->count : room;
	visit->walk.rounds = reply->count > room ? (int)room : 0;
	if (!count) {
		if (visit->walk.rounds || !room)
			show_tasks(visit, arena_printf(visit->arena, "%u:%" PRId64, visit->walk.partition, visit->walk.begun));
		else
			tasks_on(visit, visit->walk.partition + 1, 0);
		return;
	}
	for (size_t i = 0; i < count; i++)
		argv[i + 2] = visit->tasks[visit->task_count + i].id = arena_strdup(visit->arena, reply->items[i].str);
	ask(visit, count + 2, argv, on_tasks);
}

static void tasks_on(struct visit *visit, uint32_t partition, int64_t offset)
{
	struct keyspace keys = keys_of(visit, partition);
	const char *argv[] = { "ZRANGE", key_of(visit->arena, &keys, "task_due"), arena_printf(visit->arena, "%" PRId64, offset),
		arena_printf(visit->arena, "%" PRId64, offset + DASHBOARD_PAGE) };

	if (partition >= visit->dashboard->settings.config->partitions) {
		show_tasks(visit, NULL);
		return;
	}
	visit->walk.partition = partition;
	visit->walk.begun = offset;
	ask(visit, ARRAY_LEN(argv), argv, on_deadlines);
}

void serve_tasks(struct visit *visit)
{
	const char *rest = "0";
	uint32_t partition = 0;

	visit->board.place = BOARD_TASKS;
	(void)read_from(visit, PLACE_DIGITS, &partition, &rest, NULL);
	if (visit_connected(visit))
		tasks_on(visit, partition, strtoll(rest, NULL, 10));
}

static void on_task(int r, const struct redis_reply *reply, void *arg)
{
	struct visit *visit = arg;

	if (r < 0) {
		visit_away(visit);
		return;
	}
	visit->task_count = task_read(visit->arena, visit->walk.partition, visit->target, reply, &visit->tasks[0]);
	visit->then(visit);
}

void visit_task(struct visit *visit, uint32_t partition, const char *id, visit_fn then)
{
	struct keyspace keys = keys_of(visit, partition);
	const char *argv[] = { "HGET", key_of(visit->arena, &keys, "tasks"), id };

	visit->then = then;
	visit->walk.partition = partition;
	ask(visit, ARRAY_LEN(argv), argv, on_task);
}
