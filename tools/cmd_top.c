/* How it stands, again and again: the verdict, what flows, providers, what is due. On a terminal the screen is kept; else it is plain text. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <curses.h>

#include "common/utc.h"
#include "tools/cmd.h"
#include "tools/findings.h"

#define EVERY_MS 2000

/* Counters of the daemon, summed over its partitions. */
struct counters {
	int64_t at, events, contacts, outcomes, dead, in_flight, in_doubt; /* at: mono ms; 0 = it did not answer */
};

struct line {
	const char *text;
	enum grade grade; /* how it is coloured; OK = not at all */
	bool heading;
};

struct top {
	struct ctl *ctl;
	struct arena *arena; /* of one frame */
	struct counters last;
	struct line *lines;
	size_t count, capacity;
};

static int64_t mono(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void add(struct top *t, enum grade grade, bool heading, const char *text)
{
	CLEANUP(buf_clear) struct buf clean = { 0 };

	view_clean(&clean, text);
	t->lines = arena_grow(t->arena, t->lines, t->count, &t->capacity, sizeof(*t->lines));
	t->lines[t->count++] = (struct line){ arena_strdup(t->arena, buf_str(&clean)), grade, heading };
}

static int64_t number(const struct json *object, const char *key)
{
	struct json v = json_get(object, key);

	return json_int(&v);
}

static const char *word(const struct json *object, const char *key)
{
	const char *text = json_text(object, key);

	return text ? text : "";
}

/* --- a frame ------------------------------------------------------------------------------------------------------------------------------ */

static struct counters count(const struct json *status)
{
	struct json partitions = json_get(status, "partitions");
	struct counters c = { .at = mono() };

	for (size_t i = 0; i < json_len(&partitions); i++) {
		struct json one = json_at(&partitions, i);

		c.events += number(&one, "events");
		c.contacts += number(&one, "contacts");
		c.outcomes += number(&one, "outcomes");
		c.dead += number(&one, "dead");
		c.in_flight += number(&one, "in_flight");
		c.in_doubt += number(&one, "in_doubt");
	}
	return c;
}

/* "12.5/s": since the frame before, of the same life of the daemon. */
static const char *rate(struct top *t, int64_t now, int64_t before, int64_t span_ms)
{
	return t->last.at && span_ms > 0 && now >= before ? arena_printf(t->arena, "%.1f/s", 1000.0 * (double)(now - before) / (double)span_ms) : "-";
}

static void add_flow(struct top *t, const struct json *status)
{
	struct counters c = count(status);
	int64_t span = c.at - t->last.at;

	add(t, GRADE_OK, true, "FLOW            SINCE START       NOW");
	add(t, GRADE_OK, false, arena_printf(t->arena, "events        %13lld %9s", (long long)c.events, rate(t, c.events, t->last.events, span)));
	add(t, GRADE_OK, false, arena_printf(t->arena, "contacts      %13lld %9s", (long long)c.contacts, rate(t, c.contacts, t->last.contacts, span)));
	add(t, GRADE_OK, false, arena_printf(t->arena, "outcomes      %13lld %9s", (long long)c.outcomes, rate(t, c.outcomes, t->last.outcomes, span)));
	add(t, GRADE_OK, false, arena_printf(t->arena, "dead letters  %13lld %9s", (long long)c.dead, rate(t, c.dead, t->last.dead, span)));
	add(t, GRADE_OK, false, arena_printf(t->arena, "on the wire   %13lld    in doubt %lld", (long long)c.in_flight, (long long)c.in_doubt));
	t->last = c;
}

static void add_providers(struct top *t, const struct json *status)
{
	struct json providers = json_get(status, "providers");

	add(t, GRADE_OK, true, "PROVIDER         STATE     REQUESTS  ACCEPTED  IN DOUBT  WAITING");
	for (size_t i = 0; i < json_len(&providers); i++) {
		struct json one = json_at(&providers, i);
		const char *state = word(&one, "state");

		add(t, strcmp(state, "stopped") == 0 ? GRADE_FAIL : strcmp(state, "asked") != 0 ? GRADE_WARN : GRADE_OK, false,
			arena_printf(t->arena, "%-16.16s %-8s %9lld %9lld %9lld %8lld", word(&one, "name"), state, (long long)number(&one, "requests"),
				(long long)number(&one, "accepted"), (long long)number(&one, "in_doubt"), (long long)number(&one, "queued")));
	}
}

/* How much is looked at in the next hours: a timer is a hint, and most are no contact. */
static int add_due(struct top *t)
{
	static const int hours[] = { 0, 1, 3, 12, 24, 24 * 7 };
	const char *line = "";
	int64_t from = 0;

	add(t, GRADE_OK, true, "TIMERS      due now   +1 h    +3 h   +12 h   +24 h     +7 d");
	for (size_t h = 0; h < ARRAY_LEN(hours); h++) {
		int64_t to = t->ctl->now + hours[h] * HOUR_MS, sum = 0;

		for (uint32_t p = 0; p < ctl_partitions(t->ctl); p++) {
			struct keyspace keys = ctl_keys(t->ctl, p);
			const struct redis_reply *reply;
			int r = ctl_ask(t->ctl, t->arena, &reply, "ZCOUNT", key_of(t->arena, &keys, "due"),
				h ? arena_printf(t->arena, "(%lld", (long long)from) : "-inf", arena_printf(t->arena, "%lld", (long long)to), NULL);

			if (r != 0)
				return r;
			sum += reply->integer;
		}
		line = arena_printf(t->arena, "%s%8lld", line, (long long)sum);
		from = to;
	}
	add(t, GRADE_OK, false, arena_printf(t->arena, "           %s", line));
	return 0;
}

static int frame(struct top *t)
{
	struct findings findings = { .arena = t->arena };
	struct book_look look = { 0 };
	struct json *status = arena_alloc(t->arena, sizeof(*status));
	struct timespec real;
	char text[UTC_TEXT_SIZE];
	bool answers;
	int http = 0, r = 0;

	t->lines = NULL;
	t->count = t->capacity = 0;
	if (!t->ctl->played) {
		clock_gettime(CLOCK_REALTIME, &real);
		t->ctl->now = (int64_t)real.tv_sec * 1000 + real.tv_nsec / 1000000;
	}
	answers = ctl_daemon(t->ctl, "GET", "/status", NULL, &http, status) == 0 && http == 200;
	if (!answers) {
		findings_add(&findings, GRADE_FAIL, "daemon_away", "dunningctl doctor", "the daemon does not answer at %s", ctl_socket(t->ctl));
		*status = (struct json){ 0 };
		t->last = (struct counters){ 0 };
	} else {
		findings_daemon(&findings, status);
	}
	for (uint32_t p = 0; r == 0 && p < ctl_partitions(t->ctl); p++)
		r = ctl_look_at_book(t->ctl, t->arena, p, answers ? status : NULL, &look, NULL);
	findings_book(&findings, &look);
	if (r == EXIT_UNAVAILABLE)
		findings_add(&findings, GRADE_FAIL, "redis_away", "systemctl status redis-server; dunningctl doctor", "Redis cannot be asked from here%s%s",
			t->ctl->away[0] ? ": " : "", t->ctl->away);
	add(t, findings_of(&findings, GRADE_FAIL) ? GRADE_FAIL : findings_well(&findings) ? GRADE_OK : GRADE_WARN, true,
		arena_printf(t->arena, "dunningd %s  %s  %s", word(status, "instance"), utc_format(t->ctl->now, text), findings_verdict(&findings)));
	for (int grade = GRADE_FAIL; grade >= GRADE_WARN; grade--)
		for (size_t i = 0; i < findings.count; i++)
			if ((int)findings.items[i].grade == grade)
				add(t, (enum grade)grade, false, arena_printf(t->arena, "%s; do: %s", findings.items[i].what, findings.items[i].todo));
	if (status->type == JSON_OBJECT) {
		add_flow(t, status);
		add_providers(t, status);
	}
	return r == 0 ? add_due(t) : r;
}

/* --- showing it --------------------------------------------------------------------------------------------------------------------------- */

static void show_plain(const struct top *t)
{
	for (size_t i = 0; i < t->count; i++)
		fprintf(t->ctl->view.out, "%s\n", t->lines[i].text);
	fprintf(t->ctl->view.out, "\n");
	(void)fflush(t->ctl->view.out);
}

static void show_screen(const struct top *t)
{
	static const short colours[GRADE_COUNT] = { [GRADE_WARN] = 1, [GRADE_FAIL] = 2 };

	erase();
	for (size_t i = 0; i < t->count && (int)i < LINES - 1; i++) {
		attrset((int)((t->lines[i].heading ? A_BOLD : A_NORMAL) | (chtype)COLOR_PAIR(colours[t->lines[i].grade])));
		mvaddnstr((int)i, 0, t->lines[i].text, COLS);
	}
	attrset((int)A_DIM);
	mvaddnstr(LINES - 1, 0, "q ends", COLS);
	refresh();
}

static int on_screen(struct top *t, int every)
{
	int r = 0, key = 0;

	if (!initscr())
		return ctl_fail(t->ctl, EXIT_FOUND, "no_terminal", "this terminal cannot be used (TERM): dunningctl top --once");
	(void)cbreak();
	(void)noecho();
	(void)curs_set(0);
	if (has_colors() && start_color() == OK && use_default_colors() == OK) {
		(void)init_pair(1, COLOR_YELLOW, -1);
		(void)init_pair(2, COLOR_RED, -1);
	}
	timeout(every);
	while ((r == 0 || r == EXIT_UNAVAILABLE) && key != 'q' && key != 'Q' && key != 27) {
		arena_clear(t->arena);
		r = frame(t);
		show_screen(t);
		key = getch();
	}
	(void)endwin();
	return r == EXIT_UNAVAILABLE ? EXIT_DONE : r; /* it was told, and may come back */
}

static int in_plain_text(struct top *t, int every, bool once)
{
	int r;

	do {
		arena_clear(t->arena);
		r = frame(t);
		show_plain(t);
		if (!once)
			(void)poll(NULL, 0, every);
	} while (!once && (r == 0 || r == EXIT_UNAVAILABLE) && !ferror(t->ctl->view.out));
	return r;
}

static int run_top(struct ctl *ctl, const struct invocation *call)
{
	struct top top = { .ctl = ctl, .arena = arena_create() };
	bool once = command_option(call, "once") != NULL;
	const char *every = command_option(call, "every");
	int64_t span = EVERY_MS;
	int r = ctl_config(ctl, false);

	if (r == 0 && every && (span_parse(every, &span) < 0 || span > HOUR_MS || span < 1000))
		r = ctl_fail(ctl, EXIT_USAGE, "usage", "--every wants a span between 1s and 1h, not \"%s\"", every);
	ctl->quiet = !once;
	if (r == 0)
		r = once || !isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO) ? in_plain_text(&top, (int)span, once) : on_screen(&top, (int)span);
	arena_free(top.arena);
	return r;
}

static const struct option_row options[] = {
	{ "once", NULL, "one look, as plain text" },
	{ "every", "SPAN", "time between two looks (2s)" },
	{ 0 },
};

const struct command cmd_top = { .name = "top", .args = "", .max_args = 0, .help = "how it stands, again and again: verdict, flow, providers, what is due",
	.more = "q ends it. Where the output is no terminal it is plain text, one look behind the other.", .options = options, .run = run_top };
