/* Whether it is well, and if not, what to do; then how the daemon and its book stand. */
#include <stdlib.h>
#include <string.h>

#include "daemon/intake.h"
#include "tools/cmd.h"
#include "tools/findings.h"

#define MANY 4 /* partitions: more would not go on one screen */

/* --- the book ------------------------------------------------------------------------------------------------------------------------ */

static const struct column book_columns[] = { { "partition", "PARTITION", true }, { "timers", "OPEN", true },
	{ "timers_due", "DUE NOW", true }, { "next_timer", "NEXT", false }, { "tasks", "TASKS", true }, { "tasks_late", "LATE", true },
	{ "attempts", "UNDER WAY", true }, { "in_doubt", "IN DOUBT", true }, { "dead", "DEAD", true }, { "unread", "UNREAD STREAMS", false },
	{ "suspended", "SUSPENDED", false }, { "writer", NULL, false }, { "owner", "OWNER", false }, { "last_clean", NULL, false }, { 0 } };

static int64_t number(struct ctl *ctl, struct arena *arena, int *r, const char *command, const char *key, const char *from, const char *to)
{
	const struct redis_reply *reply;

	if (*r == 0)
		*r = ctl_ask(ctl, arena, &reply, command, key, from, to, NULL);
	return *r == 0 ? reply->integer : 0;
}

static size_t doubts(struct ctl *ctl, struct arena *arena, int *r, const char *key, size_t *all)
{
	const struct redis_reply *reply;
	size_t count = 0;

	if (*r == 0)
		*r = ctl_ask(ctl, arena, &reply, "HVALS", key, NULL);
	*all = *r == 0 ? reply->count : 0;
	for (size_t i = 0; i < *all; i++)
		count += strstr(reply->items[i].str, "\"in_doubt\":true") != NULL;
	return count;
}

/* The streams whose last entry is not applied yet: last id against the cursor's. */
static const char *unread(struct ctl *ctl, struct arena *arena, int *r, uint32_t partition, const char **writer)
{
	struct keyspace keys = ctl_keys(ctl, partition);
	const struct redis_reply *cursor;
	const char *list = NULL;

	*writer = NULL;
	if (*r == 0)
		*r = ctl_ask(ctl, arena, &cursor, "HGETALL", key_of(arena, &keys, "cursor"), NULL);
	for (size_t s = 0; *r == 0 && s < ctl->config->producer_count; s++) {
		const char *stream = key_events(arena, &keys, ctl->config->producers[s].name), *applied = "0-0";
		const struct redis_reply *last;

		for (size_t i = 0; i + 1 < cursor->count; i += 2) {
			if (strcmp(cursor->items[i].str, stream) == 0)
				applied = cursor->items[i + 1].str;
			if (strcmp(cursor->items[i].str, "writer") == 0)
				*writer = cursor->items[i + 1].str;
		}
		*r = ctl_ask(ctl, arena, &last, "XREVRANGE", stream, "+", "-", "COUNT", "1", NULL);
		if (*r == 0 && last->count && last->items[0].count && strcmp(last->items[0].items[0].str, applied) != 0) {
			const char *name = ctl->config->producers[s].name ? ctl->config->producers[s].name : "events";

			list = list ? arena_printf(arena, "%s, %s", list, name) : name;
		}
	}
	return list;
}

static const char *suspended_because(const struct ctl *ctl, const struct debtor *system)
{
	if (!system->suspended.on || (system->suspended.until && system->suspended.until <= ctl->now))
		return NULL;
	return system->suspended.reason ? system->suspended.reason : "yes";
}

/* One partition more. */
static void add_look(struct book_look *sum, const struct book_look *look)
{
	sum->now = look->now;
	sum->played = look->played;
	sum->partitions++;
	sum->dead += look->dead;
	sum->tasks += look->tasks;
	sum->tasks_late += look->tasks_late;
	sum->in_doubt += look->in_doubt;
	if (look->oldest_due && (!sum->oldest_due || look->oldest_due < sum->oldest_due))
		sum->oldest_due = look->oldest_due;
	if (!look->suspended)
		return;
	if (!sum->suspended_in++) {
		sum->suspended = look->suspended;
		sum->suspended_until = look->suspended_until;
	}
}

int ctl_look_at_book(struct ctl *ctl, struct arena *arena, uint32_t partition, const struct json *status, struct book_look *look, struct table *t)
{
	struct keyspace keys = ctl_keys(ctl, partition);
	const char *due = key_of(arena, &keys, "due"), *task_due = key_of(arena, &keys, "task_due"),
		   *now = arena_printf(arena, "%lld", (long long)ctl->now), *writer, *waiting, *owner, *suspended;
	const struct redis_reply *soonest, *lease;
	struct debtor *system = arena_alloc(arena, sizeof(*system));
	int r = ctl_system(ctl, arena, partition, system);
	int64_t timers = number(ctl, arena, &r, "ZCARD", due, NULL, NULL), passed = number(ctl, arena, &r, "ZCOUNT", due, "-inf", now),
		tasks = number(ctl, arena, &r, "HLEN", key_of(arena, &keys, "tasks"), NULL, NULL),
		late = number(ctl, arena, &r, "ZCOUNT", task_due, "-inf", now),
		dead = number(ctl, arena, &r, "XLEN", key_of(arena, &keys, "dead"), NULL, NULL), next = 0;
	size_t attempts, in_doubt = doubts(ctl, arena, &r, key_of(arena, &keys, "attempts"), &attempts);

	waiting = unread(ctl, arena, &r, partition, &writer);
	if (r == 0)
		r = ctl_ask(ctl, arena, &soonest, "ZRANGE", due, "0", "0", "WITHSCORES", NULL);
	if (r == 0)
		r = ctl_ask(ctl, arena, &lease, "GET", key_of(arena, &keys, "lease"), NULL);
	if (r != 0)
		return r;
	suspended = suspended_because(ctl, system);
	if (soonest->count == 2)
		next = strtoll(soonest->items[1].str, NULL, 10);
	add_look(look, &(struct book_look){ .now = ctl->now, .dead = dead, .tasks = tasks, .tasks_late = late, .in_doubt = (int64_t)in_doubt,
		.oldest_due = !status || findings_held(status, partition) || suspended ? 0 : next, .suspended = suspended,
		.suspended_until = system->suspended.until, .played = ctl->played });
	owner = lease->type == REDIS_STRING ? arena_printf(arena, "%.*s", (int)strcspn(lease->str, " "), lease->str) : NULL;
	if (!t)
		return 0;
	table_add(t, (struct cell[]){ cell_number(partition), cell_number(timers), cell_number(passed), cell_time(next, NULL),
			      cell_number(tasks), cell_number(late), cell_number((int64_t)attempts), cell_number((int64_t)in_doubt),
			      cell_number(dead), cell_text(waiting),
			      cell_text(suspended),
			      cell_text(writer), cell_text(owner), cell_flag(!system->running) });
	return 0;
}

/* What providers told of messages whose ids are not known here yet: so many wait for them, whichever instance took them. */
static int64_t receipts_waiting(struct ctl *ctl, int *r)
{
	struct keyspace keys = ctl_keys(ctl, 0);

	return number(ctl, ctl->arena, r, "XLEN", key_of(ctl->arena, &keys, INTAKE_WAITS), NULL, NULL);
}

static const struct column partition_columns[] = { { "partition", "PARTITION", true }, { "state", "STATE", false },
	{ "owner", "LED BY", false }, { "epoch", "EPOCH", true }, { "lease_left_ms", "LEASE, MS", true },
	{ "holding", "HELD BY", false }, { "in_flight", "ON THE WIRE", true }, { "contacts", "CONTACTS", true },
	{ "events", "EVENTS", true }, { "dead", "DEAD", true }, { "caught_up_ms", "READ, MS AGO", true }, { "reason", "REASON", false }, { 0 } };
static const struct column instance_columns[] = { { "instance", "INSTANCE", false }, { "partitions", "LEADS", true }, { 0 } };
static const struct column provider_columns[] = { { "name", "PROVIDER", false }, { "state", "STATE", false },
	{ "requests", "REQUESTS", true }, { "accepted", "ACCEPTED", true }, { "in_doubt", "IN DOUBT", true }, { "queued", "QUEUED", true }, { 0 } };

/* In words: what is not there is said, never left out. */
static const char *trail_words(struct ctl *ctl, const struct json *status)
{
	struct json trail = json_get(status, "trail"), is_signed = json_get(&trail, "signed"), size = json_get(&trail, "size"),
		    behind = json_get(&trail, "behind"), no_space = json_get(&trail, "no_space"), generation = json_get(&trail, "generation"),
		    origin = json_get(&trail, "origin");

	if (trail.type != JSON_OBJECT)
		return NULL;
	if (!json_bool(&is_signed))
		return "not signed: there is no key (dunningctl trail key new)";
	return arena_printf(ctl->arena, "signed up to %lld records of this year%s%s%s", (long long)json_int(&size),
		json_int(&behind) ? arena_printf(ctl->arena, ", %lld not yet", (long long)json_int(&behind)) : "",
		json_bool(&no_space) ? "; there is no space" : "",
		json_int(&generation) > 1 ? arena_printf(ctl->arena, "; %s, after the one before was sealed", json_str(&origin)) : "");
}

static const char *poll_words(struct ctl *ctl, const struct json *polls)
{
	struct json asked = json_get(polls, "asked"), failed = json_get(polls, "failed"), taken = json_get(polls, "taken");

	return arena_printf(ctl->arena, "%lld lists, %lld of them not to be read, %lld events taken", (long long)json_int(&asked),
		(long long)json_int(&failed), (long long)json_int(&taken));
}

static const char *webhook_words(struct ctl *ctl, const struct json *hooks)
{
	struct json taken = json_get(hooks, "taken"), known = json_get(hooks, "known"), refused = json_get(hooks, "refused"),
		    unsaved = json_get(hooks, "unsaved");

	return arena_printf(ctl->arena, "%lld events taken, %lld told again; %lld requests refused, %lld not saved", (long long)json_int(&taken),
		(long long)json_int(&known), (long long)json_int(&refused), (long long)json_int(&unsaved));
}

/* `brief`: what many partitions say is in the findings. */
static void add_daemon(struct ctl *ctl, struct fields *f, const struct json *status, bool brief)
{
	struct json partitions = json_get(status, "partitions"), providers = json_get(status, "providers"), pid = json_get(status, "pid"),
		    anchors = json_get(status, "anchors"), hooks = json_get(status, "hooks"),
		    polls = json_get(status, "poll"), instances = json_get(status, "instances");
	CLEANUP(buf_clear) struct buf raw = { 0 };

	json_write(&raw, status);
	fields_add(f, "daemon", NULL, cell_json(arena_strdup(ctl->arena, buf_str(&raw))));
	fields_add(f, NULL, "Daemon", cell_text(arena_printf(ctl->arena, "running%s%s", json_text(status, "version") ? ", version " : "",
		json_text(status, "version") ? json_text(status, "version") : "")));
	fields_add(f, NULL, "Instance", cell_text(json_text(status, "instance")));
	fields_add(f, NULL, "Process", pid.type == JSON_INT ? cell_number(json_int(&pid)) : cell_none());
	fields_add(f, NULL, "Mode", cell_text(json_text(status, "mode")));
	fields_add(f, NULL, "Started", cell_text(json_text(status, "started_at")));
	fields_add(f, NULL, "Its time", cell_text(json_text(status, "now")));
	fields_add(f, NULL, "Trail", cell_text(trail_words(ctl, status)));
	if (hooks.type == JSON_OBJECT)
		fields_add(f, NULL, "Webhooks", cell_text(webhook_words(ctl, &hooks)));
	if (polls.type == JSON_OBJECT)
		fields_add(f, NULL, "Asked for", cell_text(poll_words(ctl, &polls)));
	if (anchors.type == JSON_OBJECT)
		ctl_show_anchors(ctl, f, &anchors);
	if (json_len(&instances) > 1)
		fields_table(f, NULL, "Instances", ctl_members(ctl, &instances, instance_columns));
	if (partitions.type == JSON_ARRAY && !brief)
		fields_table(f, NULL, "Partitions", ctl_members(ctl, &partitions, partition_columns));
	if (providers.type == JSON_ARRAY)
		fields_table(f, NULL, "Providers", ctl_members(ctl, &providers, provider_columns));
}

/* For people: one block each, so that a line stays as short as a sentence. */
void ctl_show_findings(struct ctl *ctl, const struct findings *findings, bool all)
{
	view_say(&ctl->view, "%s", findings_verdict(findings));
	for (int grade = GRADE_FAIL; grade >= (all ? GRADE_OK : GRADE_NOTE); grade--)
		for (size_t i = 0; i < findings->count; i++) {
			const struct finding *one = &findings->items[i];

			if ((int)one->grade != grade)
				continue;
			view_say(&ctl->view, "  %-4s  %s%s%s", grade_names[grade], all ? one->code : "", all ? ": " : "", one->what);
			if (one->todo && grade != GRADE_OK)
				view_say(&ctl->view, "        do: %s", one->todo);
		}
}

void ctl_add_findings(struct fields *f, const struct findings *findings)
{
	fields_add(f, "well", NULL, cell_flag(findings_well(findings)));
	fields_add(f, "verdict", NULL, cell_text(findings_verdict(findings)));
	fields_table(f, "findings", NULL, findings_table(findings, true));
}

static int run_status(struct ctl *ctl, const struct invocation *call)
{
	struct fields *f = fields_create(ctl->arena);
	struct table *book = table_create(ctl->arena, book_columns);
	struct json *status = arena_alloc(ctl->arena, sizeof(*status));
	struct findings findings = { .arena = ctl->arena };
	struct book_look look = { 0 };
	bool answers, brief;
	int64_t receipts;
	int http = 0, r = ctl_config(ctl, false), answered;

	if (r != 0)
		return r;
	ctl->once = true;
	answered = ctl_daemon(ctl, "GET", "/status", NULL, &http, status);
	answers = answered == 0 && http == 200;
	brief = ctl_partitions(ctl) > MANY && !command_option(call, "long");
	if (answers)
		findings_daemon(&findings, status);
	else
		findings_add(&findings, GRADE_FAIL, "daemon_away", "systemctl status dunningd; journalctl -u dunningd -n 50; dunningctl doctor",
			"the daemon does not answer at %s: nothing is sent, and events wait in Redis", ctl_socket(ctl));
	for (uint32_t p = 0; r == 0 && p < ctl_partitions(ctl); p++)
		r = ctl_look_at_book(ctl, ctl->arena, p, answers ? status : NULL, &look, book);
	findings_book(&findings, &look);
	receipts = receipts_waiting(ctl, &r);
	if (r != 0)
		findings_add(&findings, GRADE_FAIL, "redis_away", "systemctl status redis-server; dunningctl doctor", "Redis cannot be asked from here%s%s",
			ctl->away[0] ? ": " : "", ctl->away);
	else if (ctl_feed_unknown(ctl))
		findings_add(&findings, GRADE_NOTE, "payment_feed_unknown", "dunningd-events(5), ledger.watermark",
			"no ledger.watermark ever came: how old the payments known here are cannot be said");
	ctl_show_findings(ctl, &findings, false);
	ctl_add_findings(f, &findings);
	if (answers)
		add_daemon(ctl, f, status, brief);
	else
		fields_add(f, "daemon", NULL, cell_none());
	if (r == 0 && ctl_payments_known_to(ctl) > 1)
		fields_add(f, "payments_known_to", "Payments known to", cell_time(ctl_payments_known_to(ctl), NULL));
	if (r == 0) {
		fields_add(f, "payment_feed_known", NULL, cell_flag(!ctl_feed_unknown(ctl)));
		fields_add(f, "receipts_waiting", receipts ? "Receipts waiting" : NULL, cell_number(receipts));
	}
	fields_table(f, "book", brief ? NULL : "Redis", book);
	if (brief)
		fields_add(f, NULL, "Partitions", cell_text(arena_printf(ctl->arena, "%u: dunningctl status --long tells them apart", ctl_partitions(ctl))));
	view_say(&ctl->view, "%s", "");
	view_fields(&ctl->view, f);
	if (r != 0)
		return r;
	return !answers ? EXIT_UNAVAILABLE : findings_well(&findings) ? EXIT_DONE : EXIT_FOUND;
}

static const struct option_row status_options[] = {
	{ "long", NULL, "also a line for each partition, where there are more than four" },
	{ 0 },
};

const struct command cmd_status = { .name = "status", .args = "", .max_args = 0,
	.help = "whether it is well, and if not, what to do; then how the daemon and its book stand",
	.more = "The first line is the verdict. Below it stands what is not as it should be, worst first, each with what mends it: fail needs\n"
		"somebody now, warn can wait for the morning, note is good to know. Exit status 1 when it is not well, 69 when the daemon or\n"
		"Redis does not answer; what can be told is told all the same.", .options = status_options, .run = run_status };
