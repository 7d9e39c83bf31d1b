/* That every open escalation has exactly one next action, or one named hold with an end, and the timer that brings it about. */
#include <stdlib.h>
#include <string.h>

#include "common/utc.h"
#include "tools/cmd.h"

/* A timer may rightly come later than what the rules say now: a hold that ended early is noticed within so much. */
#define TIMER_LATE_MS (2 * HOUR_MS)
#define TIMER_MISSED_MS (10 * MINUTE_MS)
#define FINDINGS_MAX 1000

static const struct column finding_columns[] = { { "invoice", "INVOICE", false }, { "finding", "FINDING", false },
	{ "text", "WHAT IS WRONG", false }, { 0 } };

struct finding {
	const char *invoice, *code, *text;
};

struct names { /* the fields of a hash, sorted */
	const char **items;
	size_t count;
};

struct checking {
	struct ctl *ctl;
	struct names attempts, tasks; /* of the partition */
	struct finding *findings;
	size_t count, capacity, checked, open, held, missed;
	int64_t oldest_missed;
	size_t unruled;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int read_names(struct ctl *ctl, struct arena *arena, const char *key, struct names *ret)
{
	const struct redis_reply *reply;
	int r = ctl_ask(ctl, arena, &reply, "HKEYS", key, NULL);

	if (r != 0)
		return r;
	ret->count = reply->count;
	ret->items = arena_alloc(arena, (reply->count + 1) * sizeof(*ret->items));
	for (size_t i = 0; i < reply->count; i++)
		ret->items[i] = reply->items[i].str;
	if (ret->count)
		qsort(ret->items, ret->count, sizeof(*ret->items), by_name);
	return 0;
}

static bool listed(const struct names *names, const char *field)
{
	return names->count && bsearch(&field, names->items, names->count, sizeof(*names->items), by_name);
}

static bool found_already(const struct checking *c, const char *invoice)
{
	for (size_t i = 0; i < c->count; i++)
		if (strcmp(c->findings[i].invoice, invoice) == 0)
			return true;
	return false;
}

static void add_finding(struct checking *c, const char *invoice, const char *code, const char *text)
{
	struct arena *arena = c->ctl->arena;

	if (c->count == FINDINGS_MAX || found_already(c, invoice))
		return;
	c->findings = arena_grow(arena, c->findings, c->count, &c->capacity, sizeof(*c->findings));
	c->findings[c->count++] = (struct finding){ arena_strdup(arena, invoice), code, arena_strdup(arena, text) };
}

/* NULL: nothing is wrong. */
static const char *examine(struct checking *c, struct arena *arena, const struct entry *entry, const struct verdict *v,
	const char **text)
{
	const struct escalation *e = &entry->e;
	int64_t now = c->ctl->now, soonest = v->next.at > now ? v->next.at : now;

	if (v->next.kind == NEXT_NONE) {
		*text = "it has neither a next action nor a hold";
		return "nothing_next";
	}
	if (v->next.at == 0) {
		*text = v->next.kind == NEXT_HELD ? arena_printf(arena, "its hold \"%s\" has no end", v->next.why) :
						     "its next action has no time";
		return v->next.kind == NEXT_HELD ? "endless_hold" : "no_time";
	}
	if (!entry->timer) {
		*text = "no timer is set for it, so nothing will ever look at it";
		return "no_timer";
	}
	if (v->by_rules && entry->timer > soonest + TIMER_LATE_MS) {
		*text = arena_printf(arena, "its timer is set for %s, but \"%s\" is for %s",
			view_time(arena, entry->timer, entry->zone), verdict_action(v), view_time(arena, v->next.at, entry->zone));
		return "late_timer";
	}
	if ((e->state == ESCALATION_SENDING || e->state == ESCALATION_DOUBT) && (!e->attempt || !listed(&c->attempts, e->attempt))) {
		*text = arena_printf(arena, "it waits for the outcome of attempt %s, which is not among those under way",
			e->attempt ? e->attempt : "(none)");
		return "lost_attempt";
	}
	if ((e->state == ESCALATION_TASK || e->state == ESCALATION_GATE) && (!e->task || !listed(&c->tasks, e->task))) {
		*text = arena_printf(arena, "it waits for task %s, which is not among the open ones", e->task ? e->task : "(none)");
		return "lost_task";
	}
	return NULL;
}

/* What is read in pieces may have changed between them: a finding must stand when everything of this invoice is read again. */
static int look_again(struct checking *c, struct arena *arena, const struct entry *entry)
{
	struct keyspace keys = ctl_keys(c->ctl, entry->partition);
	struct checking fresh = *c;
	const char *id = entry->e.invoice.id, *text, *code;
	struct entry again;
	struct verdict v;
	size_t count;
	int r;

	if (c->count == FINDINGS_MAX)
		return 0;
	if ((r = read_names(c->ctl, arena, key_of(arena, &keys, "attempts"), &fresh.attempts)) != 0 ||
		(r = read_names(c->ctl, arena, key_of(arena, &keys, "tasks"), &fresh.tasks)) != 0 || (r = entries_load(c->ctl, arena, entry->partition, &id, 1, &again, &count, NULL, NULL)) != 0 || !count ||
		(r = entries_timers(c->ctl, arena, entry->partition, &again, 1)) != 0 || !entry_open(&again) ||
		again.e.version != entry->e.version)
		return r;
	v = entry_next(c->ctl, &again);
	code = examine(&fresh, arena, &again, &v, &text);
	if (code)
		add_finding(c, id, code, text);
	return 0;
}

static int check_page(struct ctl *ctl, struct arena *arena, struct entry *entries, size_t count, void *arg)
{
	struct checking *c = arg;
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++) {
		struct verdict v;
		const char *text;

		c->checked++;
		if (!entry_open(&entries[i]))
			continue;
		c->open++;
		v = entry_next(ctl, &entries[i]);
		c->held += v.next.kind == NEXT_HELD;
		c->unruled += !v.by_rules;
		if (entries[i].timer && entries[i].timer < ctl->now - TIMER_MISSED_MS) {
			c->missed++;
			if (!c->oldest_missed || entries[i].timer < c->oldest_missed)
				c->oldest_missed = entries[i].timer;
		}
		if (examine(c, arena, &entries[i], &v, &text))
			r = look_again(c, arena, &entries[i]);
	}
	return r;
}

static void unreadable(const char *invoice_id, const struct err *err, void *arg)
{
	struct checking *c = arg;

	add_finding(c, invoice_id, "not_ours", arena_printf(c->ctl->arena, "its document cannot be read: %s %s", err->path, err->text));
}

static void show(struct ctl *ctl, const struct checking *c)
{
	struct table *t = table_create(ctl->arena, finding_columns);
	struct fields *f = fields_create(ctl->arena);

	for (size_t i = 0; i < c->count; i++)
		table_add(t, (struct cell[]){ cell_text(c->findings[i].invoice), cell_text(c->findings[i].code),
				      cell_text(c->findings[i].text) });
	fields_add(f, "documents", NULL, cell_number((int64_t)c->checked));
	fields_add(f, "open", NULL, cell_number((int64_t)c->open));
	fields_add(f, "held", NULL, cell_number((int64_t)c->held));
	fields_add(f, "timers_passed", NULL, cell_number((int64_t)c->missed));
	fields_add(f, "without_policy", NULL, cell_number((int64_t)c->unruled));
	fields_table(f, "findings", "", t);
	if (ctl->view.json) {
		view_fields(&ctl->view, f);
		return;
	}
	if (c->count)
		view_table(&ctl->view, t, "");
	view_say(&ctl->view, "%zu open of %zu: %zu with a next action, %zu held with an end, %zu found wrong%s", c->open, c->checked,
		c->open - c->held, c->held, c->count, c->count == FINDINGS_MAX ? " at least" : "");
	if (c->unruled)
		view_say(&ctl->view, "%zu walk a policy version that is not among the files here: of these, what the daemon noted was checked",
			c->unruled);
	if (c->missed && (ctl->played || ctl->configured))
		view_say(&ctl->view, "%zu timers have passed, the oldest %s: is the daemon running and sending? See dunningctl status",
			c->missed, view_distance(ctl->arena, c->oldest_missed, ctl->now));
}

static int run_check(struct ctl *ctl, const struct invocation *call)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct checking c = { .ctl = ctl };
	int r = ctl_config(ctl, false);

	(void)call;
	for (uint32_t p = 0; r == 0 && p < ctl_partitions(ctl); p++) {
		struct keyspace keys = ctl_keys(ctl, p);

		if ((r = read_names(ctl, arena, key_of(arena, &keys, "attempts"), &c.attempts)) == 0 &&
			(r = read_names(ctl, arena, key_of(arena, &keys, "tasks"), &c.tasks)) == 0)
			r = entries_scan(ctl, p, check_page, unreadable, &c);
	}
	if (r != 0)
		return r;
	show(ctl, &c);
	return c.count ? EXIT_FOUND : EXIT_DONE;
}

const struct command cmd_check = { .name = "check", .args = "", .max_args = 0,
	.help = "that every open invoice has one next action, or one hold with an end",
	.more = "Exit status 1 when one has neither, when nothing will ever look at it again, or when it waits for an attempt or a\n"
		"task that does not exist.",
	.run = run_check };
