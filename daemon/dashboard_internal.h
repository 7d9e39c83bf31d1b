/* dashboard_internal - shared by dashboard.c and dashboard_*.c alone. */
#ifndef DUNNINGD_DAEMON_DASHBOARD_INTERNAL_H
#define DUNNINGD_DAEMON_DASHBOARD_INTERNAL_H

#include "common/board.h"
#include "common/form.h"
#include "common/keys.h"
#include "common/session.h"
#include "common/throttle.h"
#include "daemon/dashboard.h"

#define DASHBOARD_PAGE 50 /* lines of a list */
#define DASHBOARD_REDIS_MS 5000

struct visit;
typedef void (*visit_fn)(struct visit *visit);

struct walk { /* over the documents of all partitions, a page at a time */
	uint32_t partition; /* of SCAN: the first of those that one server has, which is all of them or, in a cluster, this one */
	char cursor[32]; /* of SCAN ... */
	uint64_t connection; /* ... which counts over this one: another server knows nothing of it */
	int rounds;
	int64_t begun; /* mono */
};

struct visit { /* one request, until it is answered */
	struct dashboard *dashboard;
	struct evhttp_request *request; /* NULL once answered */
	struct arena *arena;
	struct board board; /* without its buffer */
	int64_t uid; /* -1: not over the socket */
	const struct form_pair *query, *body;
	size_t query_count, body_count;
	struct event *later; /* goes on reading in the next turn of the loop */
	bool waits; /* for the book */

	struct board_entry entries[2 * DASHBOARD_PAGE];
	size_t entry_count, loaded; /* loaded: those that have their debtor */
	visit_fn then; /* once the entries are there */
	size_t asked; /* answers that are still to come */
	int64_t dead; /* letters in the streams that answered */
	struct board_list list;
	const struct debtor *debtors[DASHBOARD_PAGE];
	struct walk walk;
	uint32_t *found; /* the partitions of what its page found */

	struct board_task tasks[DASHBOARD_PAGE];
	size_t task_count;

	struct debtor *debtor; /* whose file is read */
	struct bundle *bundle;
	struct board_file file;
	struct board_record *records; /* newest first while it is read */
	uint16_t year; /* of the record that comes next */
	uint64_t index;

	enum board_action action;
	const char *target, *pass_id;
	struct board_form form;
	struct visit *next, **at;
};

/* The whole book, walked through not long ago. */
struct book {
	struct arena *arena;
	struct board_today today;
	struct digest digest;
	struct book_figures figures;
	struct board_task tasks[10]; /* as many as the first page shows */
	int64_t dead; /* letters */
	int64_t read_at, took_ms; /* mono: when it was done, and how long that took */
};

struct dashboard {
	struct dashboard_settings settings;
	struct library *library; /* a reference */
	const struct zone *zone;
	uint8_t key[32]; /* of sessions and passes: random, of this process */
	struct event_base *base;
	struct evhttp *http; /* NULL: over the control socket alone */
	struct http_guard *guard;
	struct redis_links *redis;
	struct redis_script tell; /* what a person says, where the replicas have it too */
	struct throttle *throttle;
	struct visit *visits;
	size_t visit_count;
	struct book *book, *reading; /* the last whole one; the one that is being made. NULL = none */
	struct walk walk; /* of the one that is being made */
	struct event *patience; /* who waits for the book gets what is there */
	struct dashboard_counts counts;
};

/* dashboard.c */
int64_t dashboard_now(const struct dashboard *dashboard);
int64_t dashboard_mono(void);
void dashboard_note(struct dashboard *dashboard, int priority, const char *format, ...) __attribute__((format(printf, 3, 4)));
void dashboard_ask(struct dashboard *dashboard, size_t argc, const char *const *argv, redis_done_fn done, void *arg); /* one partition's server */
struct json dashboard_status(struct dashboard *dashboard, struct arena *arena, int64_t dead); /* dead: letters in the streams */
const char *visit_asked(const struct visit *visit, const char *name); /* of the query; NULL = not, or not as it should be */
const char *visit_typed(const struct visit *visit, const char *name, size_t max); /* of the body; NULL likewise, "" = nothing was typed */
void visit_answer(struct visit *visit, int status, const char *type, const void *data, size_t len); /* ends it */
typedef void (*board_fn)(struct board *board, const void *arg);
void visit_page(struct visit *visit, int status, board_fn fn, const void *arg); /* likewise */
void visit_plain(struct visit *visit, int status, enum board_word title, enum board_word text);
void visit_away(struct visit *visit); /* Redis does not answer */
void visit_go(struct visit *visit, const char *to); /* 303 */
/* The records that are about to be shown are noted in the trail. False: they are not, and the visit is answered. */
bool visit_records(struct visit *visit, const char *command, const char *customer, const char *records);

/* dashboard_ask.c: documents out of Redis */
bool visit_connected(struct visit *visit); /* false: the visit is answered */
void visit_invoices(struct visit *visit, uint32_t partition, const char *const *ids, size_t count, visit_fn then); /* into entries */
void visit_find(struct visit *visit, const char *invoice_id, visit_fn then); /* one of any partition, into entries[0]; entry_count 0 = unknown */
void visit_task(struct visit *visit, uint32_t partition, const char *id, visit_fn then); /* into tasks[0]; task_count 0 = unknown */
void visit_dead(struct visit *visit, visit_fn then); /* counts the dead letters there are now */
void serve_list(struct visit *visit);
void serve_tasks(struct visit *visit);
bool is_texts(int r, const struct redis_reply *reply); /* an answer that is a list of texts, as Redis gives it */
/* The walk's next page of `kind` ("escalation"). False: nothing was asked, for the connection is another: whoever walks begins anew. */
bool walk_on(struct dashboard *dashboard, struct walk *walk, const char *kind, const char *count, redis_done_fn done, void *arg);
/*
 * What SCAN told: notes where it goes on, and asks for what was found; partitions[i], in the arena, is that of the i-th. False: there is nothing
 * to ask for.
 */
bool walk_read(struct dashboard *dashboard, struct walk *walk, const struct redis_reply *scan, struct arena *arena, uint32_t **partitions,
	redis_done_fn done, void *arg);
bool walk_over(struct dashboard *dashboard, struct walk *walk); /* after a page: that was the last one; else it may be another server's turn */
bool is_scan(int r, const struct redis_reply *reply); /* a cursor, and a list of texts */
bool task_read(struct arena *arena, uint32_t partition, const char *id, const struct redis_reply *value, struct board_task *ret);

/* dashboard_book.c: the day */
void serve_today(struct visit *visit);
void book_free(struct book *book);

/* dashboard_file.c: the trail */
void serve_debtor(struct visit *visit);
void serve_message(struct visit *visit);

/* dashboard_do.c: what is done */
void serve_form(struct visit *visit);
void serve_do(struct visit *visit);

#endif
