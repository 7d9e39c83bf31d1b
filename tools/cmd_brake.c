/*
 * suspend and release: an order to all partitions, whoever leads them. The process at the control socket obeys at once; what it does not lead, or
 * does not record in time, is told by the partition's stream, which whoever leads it reads before it sends. Then it is looked at in Redis what
 * stands, until all have obeyed or nobody leads them.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cmd.h"

#define LOOK_MS 100
#define LOOKS_HERE 20 /* who took it over the socket records it with its next group; else it may have lost the partition */
#define LOOKS 200 /* 20 s: within that time a partition whose leader died is led by another one, or by nobody */

struct side { /* a partition */
	bool here; /* taken over the socket */
	const char *id; /* of the order in its stream, as its document has it; NULL = none was given */
	char owner[128]; /* who has its lease; "" = nobody */
	bool stands, waits; /* waits: in the stream, and nobody leads it */
};

struct brake {
	struct ctl *ctl;
	const char *command, *why;
	int64_t until;
	bool on;
	struct side *parts;
	uint32_t count;
};

static int tell(struct brake *b, uint32_t p)
{
	struct ctl *ctl = b->ctl;
	struct order order = { .command = b->command, .why = b->why, .until = b->until };
	const char *id, *entry;
	struct debtor system;
	int r = ctl_system(ctl, ctl->arena, p, &system);

	if (r != 0)
		return r;
	/* Brakes count by their time: a clock here that is behind the one of the last word must not make this one old. */
	order.time = system.suspended.set && system.suspended.order.time > ctl->now ? system.suspended.order.time : ctl->now;
	r = ctl_order_send(ctl, p, &order, &id, &entry);
	if (r == 0)
		b->parts[p].id = arena_printf(ctl->arena, "dunningctl %s", id);
	return r;
}

static int look(struct brake *b, uint32_t p)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct keyspace keys = ctl_keys(b->ctl, p);
	struct side *part = &b->parts[p];
	const struct redis_reply *lease;
	struct debtor system;
	const struct debtor_switch *s = &system.suspended;
	int r = ctl_system(b->ctl, arena, p, &system);

	if (r == 0)
		r = ctl_ask(b->ctl, arena, &lease, "GET", key_of(arena, &keys, "lease"), NULL);
	if (r != 0)
		return r;
	part->stands = s->set && s->on == b->on && ((part->id && s->order.id && strcmp(s->order.id, part->id) == 0) ||
		(part->here && s->reason && strcmp(s->reason, b->why) == 0));
	snprintf(part->owner, sizeof(part->owner), "%.*s", lease->type == REDIS_STRING ? (int)strcspn(lease->str, " ") : 0,
		lease->type == REDIS_STRING ? lease->str : "");
	part->waits = !part->stands && part->id && !part->owner[0];
	return 0;
}

/* 0, or why Redis could not be asked, said already. */
static int await(struct brake *b)
{
	int r = 0;

	for (uint32_t p = 0; r == 0 && p < b->count; p++)
		if (!b->parts[p].here)
			r = tell(b, p);
	for (int looks = 0, open = 1; r == 0 && open && looks < LOOKS; looks++) {
		if (looks)
			(void)poll(NULL, 0, LOOK_MS);
		open = 0;
		for (uint32_t p = 0; r == 0 && p < b->count; p++) {
			struct side *part = &b->parts[p];

			if (part->stands || part->waits)
				continue;
			r = look(b, p);
			if (r == 0 && looks == LOOKS_HERE && !part->stands && !part->id)
				r = tell(b, p);
			open += !part->stands && !part->waits;
		}
	}
	return r;
}

/* --- what is said of it --------------------------------------------------------------------------------------------------------------- */

static const struct column part_columns[] = { { "partition", NULL, false }, { "led_by", NULL, false }, { "here", NULL, false }, { "stream", NULL, false },
	{ "state", NULL, false }, { 0 } };

static void say_json(struct brake *b, bool ok)
{
	struct fields *f = fields_create(b->ctl->arena);
	struct table *t = table_create(b->ctl->arena, part_columns);
	bool socket = true, stream = false;

	for (uint32_t p = 0; p < b->count; p++) {
		const struct side *part = &b->parts[p];

		socket &= part->here;
		stream |= part->id != NULL;
		table_add(t, (struct cell[]){ cell_number(p), cell_text(part->owner[0] ? part->owner : NULL), cell_flag(part->here), cell_flag(part->id != NULL),
			cell_text(part->stands ? "stands" : part->waits ? "waits" : "unconfirmed") });
	}
	fields_add(f, "ok", NULL, cell_flag(ok));
	fields_add(f, "by", NULL, cell_text(socket && !stream ? "control_socket" : "stream"));
	fields_table(f, "partitions", NULL, t);
	view_fields(&b->ctl->view, f);
}

/* "3 (host-b), 5"; "" = none. */
static const char *list(const struct brake *b, bool (*one)(const struct side *part))
{
	CLEANUP(buf_clear) struct buf out = { 0 };

	for (uint32_t p = 0; p < b->count; p++)
		if (one(&b->parts[p]))
			buf_printf(&out, "%s%u%s%s%s", out.len ? ", " : "", p, b->parts[p].owner[0] ? " (" : "", b->parts[p].owner, b->parts[p].owner[0] ? ")" : "");
	return arena_strdup(b->ctl->arena, buf_str(&out));
}

static bool waits(const struct side *part)
{
	return part->waits;
}

static bool is_open(const struct side *part)
{
	return !part->stands && !part->waits;
}

static bool untold(const struct side *part)
{
	return !part->here && !part->id;
}

static int say(struct brake *b)
{
	struct ctl *ctl = b->ctl;
	const char *left = list(b, is_open), *waiting = list(b, waits);

	if (ctl->view.json) {
		say_json(b, !*left);
		return *left ? EXIT_FOUND : EXIT_DONE;
	}
	if (*left)
		return ctl_fail(ctl, EXIT_FOUND, "unconfirmed", "partition %s: not known to have %s after %d s; the order lies in the stream, and whoever leads it next "
			"obeys before it sends. Look again: dunningctl status", left, b->on ? "stopped" : "begun again", LOOKS * LOOK_MS / 1000);
	view_say(&ctl->view, "%s", b->on ? "All sending is suspended." : "Sending is released.");
	if (*waiting)
		view_say(&ctl->view, "Nobody leads partition %s just now: whoever takes it reads the order before it sends.", waiting);
	return EXIT_DONE;
}

/* Redis, by which the others are told, and by which it is known what stands, does not answer: `r`, said already. */
static int say_unknown(struct brake *b, int r)
{
	const char *left = list(b, untold);

	if (*left) {
		ctl_warn(b->ctl, "not told: partition %s%s", left, b->count > 1 ? "; the process at the control socket obeys for what it leads itself" : "");
		return r;
	}
	ctl_warn(b->ctl, "the daemon obeys, but whether that is recorded cannot be looked at: what is not, a restart would forget");
	return EXIT_DONE;
}

/* Of an older daemon, which does not say which ones, all count as led elsewhere: one that is told twice does it once. */
static void take_answer(struct brake *b, bool all, const struct json *answer)
{
	struct json elsewhere = json_get(answer, "elsewhere");

	for (uint32_t p = 0; p < b->count; p++)
		b->parts[p].here = all || elsewhere.type == JSON_ARRAY;
	for (size_t i = 0; i < json_len(&elsewhere); i++) {
		struct json one = json_at(&elsewhere, i);

		if (one.type == JSON_INT && json_int(&one) >= 0 && json_int(&one) < b->count)
			b->parts[json_int(&one)].here = false;
	}
}

static int brake(struct ctl *ctl, const char *command, const char *why, int64_t until)
{
	CLEANUP(buf_clear) struct buf body = { 0 };
	struct brake b = { .ctl = ctl, .command = command, .why = why, .until = until, .on = strcmp(command, "suspend") == 0, .count = ctl_partitions(ctl) };
	struct json answer = { 0 };
	const char *error;
	int status = 0, r;

	b.parts = arena_alloc(ctl->arena, b.count * sizeof(*b.parts));
	ctl_write_who(ctl, why, until, &body);
	r = ctl_daemon(ctl, "POST", arena_printf(ctl->arena, "/%s", command), &body, &status, &answer);
	error = r == 0 ? json_text(&answer, "error") : NULL;
	if (r < 0)
		ctl_warn(ctl, "the daemon does not answer at %s (%s): it is told through Redis", ctl_socket(ctl), strerror(-r));
	else if (status == 200 || (error && strcmp(error, "led_elsewhere") == 0))
		take_answer(&b, status == 200, &answer);
	else
		return ctl_fail(ctl, EXIT_FOUND, error ? error : "refused", "the daemon refuses: %s",
			json_text(&answer, "text") ? json_text(&answer, "text") : "no reason given");
	r = await(&b);
	return r == 0 ? say(&b) : say_unknown(&b, r);
}

static int run_suspend(struct ctl *ctl, const struct invocation *call)
{
	const char *until = command_option(call, "until");
	int64_t at = 0;
	int r = ctl_config(ctl, false);

	if (r == 0 && until)
		r = ctl_until(ctl, until, &at);
	return r == 0 ? brake(ctl, "suspend", call->args[0], at) : r;
}

static const struct option_row suspend_options[] = {
	{ "until", "WHEN", "2026-03-02T09:00:00Z, 2026-03-02 (that day included) or a span such as 4h; else until released" },
	{ 0 },
};

static const char more[] =
	"Every partition is told, also those that other instances lead: over the control socket, and through Redis. Exit status 0: all of them have\n"
	"obeyed, or nobody leads them and the order lies in their streams; 1: one has not said so within 20 seconds.";

const struct command cmd_suspend = { .name = "suspend", .args = "WHY", .min_args = 1, .max_args = 1,
	.help = "stop all sending; events are still taken", .more = more, .options = suspend_options, .run = run_suspend };

static int run_release(struct ctl *ctl, const struct invocation *call)
{
	int r = ctl_config(ctl, false);

	return r == 0 ? brake(ctl, "release", call->args[0], 0) : r;
}

const struct command cmd_release = { .name = "release", .args = "WHY", .min_args = 1, .max_args = 1,
	.help = "send again, after suspend or the brake", .more = more, .run = run_release };
