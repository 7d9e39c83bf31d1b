/*
 * The day: all invoices are walked through, some at a time, while whoever looks waits for it; for a few seconds what was found is shown to
 * others too, and for longer where a large book takes longer. Of what was read only sums and the few lines that are shown are kept.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/utc.h"
#include "daemon/dashboard_internal.h"

#define SCAN_COUNT "100" /* a few milliseconds of reading, then others have their turn */
#define FRESH_MS 2000
#define FRESH_TIMES 20 /* a book that takes a second is read again after twenty */
#define PATIENCE_MS 3000
#define TASKS_SHOWN 10

void book_free(struct book *book)
{
	if (!book)
		return;
	arena_free(book->arena);
	free(book);
}

static void put_today(struct board *b, const void *arg)
{
	board_today(b, arg);
}

static void show(struct visit *visit)
{
	struct dashboard *dashboard = visit->dashboard;
	struct board_today today = { 0 };

	if (dashboard->book)
		today = dashboard->book->today;
	else
		visit->board.again = "3";
	today.status = dashboard_status(dashboard, visit->arena, dashboard->book ? dashboard->book->dead : 0);
	visit->waits = false;
	visit_page(visit, HTTP_OK, put_today, &today);
}

static void show_all(struct dashboard *dashboard)
{
	for (struct visit *v = dashboard->visits, *next; v; v = next) {
		next = v->next;
		if (v->waits)
			show(v);
	}
}

static void on_patience(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	show_all(arg);
}

/* --- the walk ---------------------------------------------------------------------------------------------------------------------- */

static struct keyspace keys_here(const struct dashboard *dashboard)
{
	return (struct keyspace){ dashboard->settings.config->prefix, dashboard->walk.partition };
}

static void ask(struct dashboard *dashboard, size_t argc, const char *const *argv, redis_done_fn done)
{
	dashboard_ask(dashboard, argc, argv, done, dashboard);
}

static void give_up(struct dashboard *dashboard)
{
	book_free(dashboard->reading);
	dashboard->reading = NULL;
	for (struct visit *v = dashboard->visits, *next; v; v = next) {
		next = v->next;
		if (v->waits)
			visit_away(v);
	}
}

static void whole(struct dashboard *dashboard)
{
	struct book *book = dashboard->reading;

	dashboard->reading = NULL;
	book->read_at = dashboard_mono();
	book->took_ms = book->read_at - dashboard->walk.begun;
	book->today.as_of = dashboard_now(dashboard);
	book_free(dashboard->book);
	dashboard->book = book;
	event_del(dashboard->patience);
	show_all(dashboard);
}

static void scan(struct dashboard *dashboard);
static void begin(struct dashboard *dashboard);
static void begin_partition(struct dashboard *dashboard);

static void page_read(struct dashboard *dashboard)
{
	if (walk_over(dashboard, &dashboard->walk))
		whole(dashboard);
	else if (strcmp(dashboard->walk.cursor, "0") == 0)
		begin_partition(dashboard);
	else
		scan(dashboard);
}

static void on_documents(int r, const struct redis_reply *reply, void *arg)
{
	struct dashboard *dashboard = arg;
	struct book *book = dashboard->reading;
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	if (r < 0 || reply->type != REDIS_ARRAY) {
		give_up(dashboard);
		return;
	}
	for (size_t i = 0; i < reply->count; i++) {
		const struct redis_reply *text = &reply->items[i];
		struct escalation e;

		arena_clear(arena);
		if (text->type != REDIS_STRING || escalation_read(arena, arena_memdup(arena, text->str, text->len), text->len, &e, NULL) < 0 ||
			!digest_invoice(&book->digest, &e))
			continue;
		book_figures_add(&book->figures, &e);
		board_queue_add(&book->today, dashboard->zone, dashboard_now(dashboard), &e);
	}
	page_read(dashboard);
}

static void on_scanned(int r, const struct redis_reply *reply, void *arg)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct dashboard *dashboard = arg;
	uint32_t *partitions;

	if (!is_scan(r, reply))
		give_up(dashboard);
	else if (!walk_read(dashboard, &dashboard->walk, reply, arena, &partitions, on_documents, dashboard))
		page_read(dashboard);
}

static void scan(struct dashboard *dashboard)
{
	if (walk_on(dashboard, &dashboard->walk, "escalation", SCAN_COUNT, on_scanned, dashboard))
		return;
	book_free(dashboard->reading);
	begin(dashboard);
}

/* Once the tasks of all that this server has are counted. */
static void after_tasks(struct dashboard *dashboard)
{
	struct walk *walk = &dashboard->walk;

	if (redis_links_count(dashboard->redis) > 1) {
		scan(dashboard);
	} else if (walk->partition + 1 < (uint32_t)dashboard->settings.config->partitions) {
		walk->partition++;
		begin_partition(dashboard);
	} else {
		walk->partition = 0;
		scan(dashboard);
	}
}

/* --- its tasks ----------------------------------------------------------------------------------------------------------------------- */

static int64_t deadline_of(const struct board_task *task)
{
	struct json deadline = json_get(&task->root, "deadline");

	return json_int(&deadline);
}

/* The soonest of all partitions. */
static void keep_task(struct book *book, const struct board_task *task)
{
	size_t at = book->today.task_count;

	if (at == TASKS_SHOWN && deadline_of(&book->tasks[at - 1]) <= deadline_of(task))
		return;
	if (at == TASKS_SHOWN)
		at--;
	else
		book->today.task_count++;
	for (; at > 0 && deadline_of(&book->tasks[at - 1]) > deadline_of(task); at--)
		book->tasks[at] = book->tasks[at - 1];
	book->tasks[at] = *task;
}

static void on_tasks(int r, const struct redis_reply *reply, void *arg)
{
	struct dashboard *dashboard = arg;
	struct book *book = dashboard->reading;
	struct board_task task;

	if (r < 0 || reply->type != REDIS_ARRAY) {
		give_up(dashboard);
		return;
	}
	for (size_t i = 0; i < reply->count; i++)
		if (task_read(book->arena, dashboard->walk.partition, "", &reply->items[i], &task))
			keep_task(book, &task);
	after_tasks(dashboard);
}

static void on_deadlines(int r, const struct redis_reply *reply, void *arg)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct dashboard *dashboard = arg;
	struct keyspace keys = keys_here(dashboard);
	const char *argv[TASKS_SHOWN + 2] = { "HMGET", key_of(arena, &keys, "tasks") };

	if (!is_texts(r, reply)) {
		give_up(dashboard);
		return;
	}
	if (!reply->count) {
		after_tasks(dashboard);
		return;
	}
	for (size_t i = 0; i < reply->count && i < TASKS_SHOWN; i++)
		argv[i + 2] = reply->items[i].str;
	ask(dashboard, (reply->count < TASKS_SHOWN ? reply->count : TASKS_SHOWN) + 2, argv, on_tasks);
}

static void on_task_count(int r, const struct redis_reply *reply, void *arg)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct dashboard *dashboard = arg;
	struct keyspace keys = keys_here(dashboard);
	const char *argv[] = { "ZRANGE", key_of(arena, &keys, "task_due"), "0", "9" };

	if (r < 0 || reply->type != REDIS_INTEGER) {
		give_up(dashboard);
		return;
	}
	dashboard->reading->today.tasks_open += reply->integer;
	ask(dashboard, ARRAY_LEN(argv), argv, on_deadlines);
}

static void on_dead(int r, const struct redis_reply *reply, void *arg)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct dashboard *dashboard = arg;
	struct keyspace keys = keys_here(dashboard);
	const char *argv[] = { "HLEN", key_of(arena, &keys, "tasks") };

	if (r < 0 || reply->type != REDIS_INTEGER) {
		give_up(dashboard);
		return;
	}
	dashboard->reading->dead += reply->integer;
	ask(dashboard, ARRAY_LEN(argv), argv, on_task_count);
}

static void begin_partition(struct dashboard *dashboard)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct keyspace keys = keys_here(dashboard);
	const char *argv[] = { "XLEN", key_of(arena, &keys, "dead") };

	(void)snprintf(dashboard->walk.cursor, sizeof(dashboard->walk.cursor), "0");
	ask(dashboard, ARRAY_LEN(argv), argv, on_dead);
}

static void begin(struct dashboard *dashboard)
{
	struct book *book = xcalloc(1, sizeof(*book));
	date today = zone_date(dashboard->zone, dashboard_now(dashboard));

	book->arena = arena_create();
	digest_begin(&book->digest, book->arena, dashboard->zone, date_add_days(today, 1), 0); /* it tells of the day before its own: of today */
	book_figures_begin(&book->figures, dashboard->zone, today);
	book->today.digest = &book->digest;
	book->today.figures = &book->figures;
	book->today.tasks = book->tasks;
	dashboard->reading = book;
	dashboard->walk = (struct walk){ .begun = dashboard_mono() };
	begin_partition(dashboard);
}

/* --- who looks ------------------------------------------------------------------------------------------------------------------------ */

static bool fresh(const struct dashboard *dashboard)
{
	const struct book *book = dashboard->book;
	int64_t keeps = book ? FRESH_TIMES * book->took_ms : 0;

	return book && dashboard_mono() - book->read_at < (keeps > FRESH_MS ? keeps : FRESH_MS);
}

void serve_today(struct visit *visit)
{
	struct dashboard *dashboard = visit->dashboard;

	visit->board.place = BOARD_TODAY;
	if (fresh(dashboard)) {
		show(visit);
		return;
	}
	if (!visit_connected(visit))
		return;
	if (!dashboard->patience)
		dashboard->patience = evtimer_new(dashboard->base, on_patience, dashboard);
	visit->waits = true;
	if (!evtimer_pending(dashboard->patience, NULL)) /* whoever came first has waited for long enough */
		evtimer_add(dashboard->patience, &(struct timeval){ .tv_sec = PATIENCE_MS / 1000 });
	if (!dashboard->reading)
		begin(dashboard);
}
