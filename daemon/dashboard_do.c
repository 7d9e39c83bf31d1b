/* What is done: a form that asks once, then one operator.command in the operator's stream, with who and why. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "common/hash.h"
#include "common/order.h"
#include "common/selection.h"
#include "common/utc.h"
#include "daemon/dashboard_internal.h"
#include "daemon/log_id.h"

#define WHY_MAX 400 /* as over the control socket */
#define WHO_MAX 100
#define SOURCE "dashboard"

static bool read_action(struct visit *visit, const char *what)
{
	for (int a = 0; what && a < BOARD_ACTION_COUNT; a++)
		if (strcmp(board_action_names[a], what) == 0) {
			visit->action = (enum board_action)a;
			return true;
		}
	return false;
}

static void put_form(struct board *b, const void *arg)
{
	board_form(b, arg);
}

static void show_form(struct visit *visit, int status)
{
	uint8_t nonce[16];

	random_bytes(nonce, sizeof(nonce));
	visit->form.action = visit->action;
	visit->form.target = visit->target;
	visit->form.entry = visit->entry_count ? &visit->entries[0] : NULL;
	visit->form.task = visit->task_count ? &visit->tasks[0] : NULL;
	visit->form.pass = pass_write(visit->dashboard->key, visit->board.who, board_action_names[visit->action], visit->target, dashboard_mono(), nonce,
		visit->arena);
	visit_page(visit, status, put_form, &visit->form);
}

/* --- what was asked --------------------------------------------------------------------------------------------------------------- */

static bool possible(const struct visit *visit)
{
	if (visit->action == BOARD_DONE)
		return visit->task_count && !order_instead(visit->arena, visit->target);
	return visit->entry_count && board_asked(&visit->entries[0], visit->action);
}

static void on_ready_form(struct visit *visit)
{
	if (possible(visit))
		show_form(visit, HTTP_OK);
	else
		visit_plain(visit, HTTP_NOTFOUND, W_NOT_ASKED, W_NOT_ASKED_TEXT);
}

/* The invoice, or for a task that is done the task. `partition`: of that. */
static void load(struct visit *visit, const char *partition, visit_fn then)
{
	unsigned long n = partition ? strtoul(partition, NULL, 10) : 0;

	if (!visit_connected(visit))
		return;
	if (visit->action == BOARD_DONE && n < (unsigned long)visit->dashboard->settings.config->partitions)
		visit_task(visit, (uint32_t)n, visit->target, then);
	else
		visit_find(visit, order_invoice(visit->arena, visit->target), then);
}

/* A task's id is made of an invoice's and more: not one of those that id_valid() takes, but of the same letters. */
static bool target_ok(const char *target)
{
	return target && *target && strlen(target) <= 300 &&
		strspn(target, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:/@+=-") == strlen(target) &&
		(strchr(target, ':') || id_valid(target));
}

static bool may(struct visit *visit)
{
	if (visit->board.may_act)
		return true;
	visit_plain(visit, 403, W_NOT_ALLOWED, W_NOT_ALLOWED_TEXT);
	return false;
}

void serve_form(struct visit *visit)
{
	visit->target = visit_asked(visit, "id");
	visit->board.place = BOARD_TASKS;
	if (!may(visit))
		return;
	if (!target_ok(visit->target) || !read_action(visit, visit_asked(visit, "what")))
		visit_plain(visit, HTTP_NOTFOUND, W_NOT_FOUND, W_NOT_FOUND_TEXT);
	else
		load(visit, visit_asked(visit, "p"), on_ready_form);
}

/* --- what was said ------------------------------------------------------------------------------------------------------------------ */

static void on_told(int r, const struct redis_reply *reply, void *arg)
{
	struct visit *visit = arg;

	if (r < 0 || reply->type != REDIS_STRING) {
		if (reply && reply->type == REDIS_ERROR)
			dashboard_note(visit->dashboard, LOG_ERR | MSG(REDIS_REFUSES), "dashboard: Redis did not take a command: %.100s", reply->str);
		visit_away(visit);
		return;
	}
	visit->dashboard->counts.told++;
	if (visit->action == BOARD_DONE)
		visit_go(visit, "/tasks");
	else
		visit_go(visit, arena_printf(visit->arena, "/invoice?id=%s&told=1", board_escape(&visit->board, visit->entries[0].e.invoice.id)));
}

/* The same form sent twice is one order; sent again with other words, which Back and a correction are, another. */
static const char *order_id(const struct visit *visit, const struct order *order, const char *who)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	uint8_t digest[SHA256_SIZE];
	char hex[2 * 16 + 1];

	order_event(&text, order, visit->pass_id, SOURCE, who, 0); /* whenever it was sent */
	sha256(text.data, text.len, digest);
	return arena_strdup(visit->arena, hex_format(digest, 16, hex));
}

static void tell(struct visit *visit, const struct order *order, const char *who)
{
	CLEANUP(buf_clear) struct buf event = { 0 };
	struct dashboard *dashboard = visit->dashboard;
	uint32_t partition = visit->action == BOARD_DONE ? visit->tasks[0].partition : visit->entries[0].partition;
	struct keyspace keys = { dashboard->settings.config->prefix, partition };
	const char *argv[] = { key_events(visit->arena, &keys, "operator"), NULL };
	size_t lens[] = { strlen(argv[0]), 0 };
	struct event parsed;
	struct err err = { 0 };

	order_event(&event, order, order_id(visit, order, who), SOURCE, who, dashboard_now(dashboard));
	if (event_parse(visit->arena, event.data, event.len, NULL, &parsed, &err) < 0) {
		dashboard_note(dashboard, LOG_ERR, "dashboard: a command is no event: %s %s", err.path, err.text);
		visit_plain(visit, HTTP_BADREQUEST, W_AGAIN, W_AGAIN_TEXT);
		return;
	}
	argv[1] = arena_memdup(visit->arena, event.data, lens[1] = event.len);
	redis_link_script_kept(redis_links_at(dashboard->redis, partition), &dashboard->tell, dashboard->settings.config->redis_replicas, 1,
		ARRAY_LEN(argv), argv, lens, DASHBOARD_REDIS_MS, on_told, visit);
}

static const char *rules_refuse(struct visit *visit, const char *decision, const char *who)
{
	struct dashboard *dashboard = visit->dashboard;
	struct board_entry *entry = &visit->entries[0];
	const struct rules rules = { .policy = entry->policy, .creditor_zone = dashboard->settings.config->creditor.zone,
		.holidays = library_holidays(dashboard->library), .guard = library_guard(dashboard->library), .now = dashboard_now(dashboard) };
	struct err err = { 0 };

	return commitment_may(&entry->e, entry->d, &rules, "decide", decision, who, &err) < 0 ? arena_strdup(visit->arena, err.text) : NULL;
}

/* The day that is named is included. False: it is none to come. */
static bool read_until(const struct visit *visit, const char *text, int64_t *ret)
{
	date day;

	*ret = 0;
	if (!*text)
		return true;
	if (date_parse(text, &day) < 0)
		return false;
	*ret = zone_to_utc(visit->dashboard->zone, date_add_days(day, 1), 0);
	return *ret > dashboard_now(visit->dashboard);
}

static void on_ready_do(struct visit *visit)
{
	static const char *const commands[] = { "hold", "resume", "task_done", "decide" };
	const struct board *b = &visit->board;
	struct board_form *form = &visit->form;
	struct order order = { .command = commands[visit->action], .target = visit->target };
	const char *who = b->who;

	if (!possible(visit)) {
		visit_plain(visit, 409, W_NOT_ASKED, W_NOT_ASKED_TEXT);
		return;
	}
	if (visit->action == BOARD_DECIDE)
		order.target = visit->entries[0].e.invoice.id;
	form->why = order.why = visit_typed(visit, "why", WHY_MAX);
	if (!form->why || !*form->why)
		form->why_wrong = board_say(b, W_MISSING);
	if (visit->action == BOARD_HOLD) {
		form->until = visit_typed(visit, "until", 10);
		if (!form->until || !read_until(visit, form->until, &order.until))
			form->until_wrong = board_say(b, W_BAD_DAY);
	}
	if (b->ask_who) {
		form->name = who = visit_typed(visit, "who", WHO_MAX);
		if (!who || !*who)
			form->name_wrong = board_say(b, W_MISSING);
	}
	if (visit->action == BOARD_DECIDE) {
		form->decision = order.decision = visit_typed(visit, "decision", 20);
		if (!form->decision || !*form->decision || !word_listed(escalation_answers(&visit->entries[0].e), form->decision))
			form->decision_wrong = board_say(b, W_CHOOSE);
		else
			form->decision_wrong = rules_refuse(visit, form->decision, who);
	}
	if (form->why_wrong || form->until_wrong || form->decision_wrong || form->name_wrong)
		show_form(visit, 422);
	else
		tell(visit, &order, who);
}

void serve_do(struct visit *visit)
{
	const char *pass = visit_typed(visit, "pass", 200);
	char id[PASS_ID_SIZE];

	visit->target = visit_typed(visit, "id", 300);
	visit->board.place = BOARD_TASKS;
	if (!may(visit))
		return;
	if (!target_ok(visit->target) || !read_action(visit, visit_typed(visit, "what", 20)) || !pass ||
		!pass_read(visit->dashboard->key, visit->board.who, board_action_names[visit->action], visit->target, dashboard_mono(), pass, id)) {
		visit_plain(visit, 403, W_AGAIN, W_AGAIN_TEXT);
		return;
	}
	visit->pass_id = arena_strdup(visit->arena, id);
	load(visit, visit_typed(visit, "p", 10), on_ready_do);
}
