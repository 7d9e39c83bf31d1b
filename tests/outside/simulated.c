/*
 * simulated - what `dunningctl policy simulate` foretells is what happens: a book is simulated, then walked by the real daemon under a
 * played clock, with the sandbox as provider. The same contacts in the same minutes about the same invoices, line by line.
 *
 *	simulated [--invoices N] [--days D] [--seed S] [--programs DIR] [--keep]
 *
 * Among the debtors are three time zones, some without an address, some with several invoices. At three instants there is news: payments,
 * part payments, promises, disputes and an opt-out. After the last of them the rest is simulated once more, from Redis, with the news still
 * in the stream, and compared with the rest of what happens.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/date.h"
#include "common/file.h"
#include "common/utc.h"
#include "tests/support/world.h"

#define BEGIN INT64_C(1772441696000) /* 2026-03-02T08:54:56Z: a Monday, before the first window opens */
#define NEWS 3
#define WAIT_MS 120000
#define SHOWN 10 /* lines that differ */

static uint64_t seed = 1;

static int pick(int below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (int)(seed % (uint64_t)below);
}

/* --- the book ---------------------------------------------------------------------------------------------------------------------- */

struct story {
	struct world world;
	int invoices, days, debtors;
	struct buf first, news[NEWS]; /* events, one a line */
	int64_t news_at[NEWS], end;
	struct buf path;
};

static void add_head(struct buf *out, const char *type, int64_t at, const char *id)
{
	char time[UTC_TEXT_SIZE];

	buf_printf(out, "{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"https://billing.example/eu\",\"type\":\"%s\",\"time\":\"%s\",\"data\":", id, type,
		utc_format(at, time));
}

static void add_invoice(struct story *s, int i)
{
	static const char *const places[][2] = { { "FR", "Europe/Paris" }, { "FR", "Europe/Paris" }, { "US", "America/New_York" },
		{ "GB", "Europe/London" } };
	int debtor = i % s->debtors, place = debtor % 4;
	date due = { (int32_t)(BEGIN / DAY_MS) - 8 + pick(s->days * 2 / 3) };
	char issued_on[DATE_TEXT_SIZE], due_on[DATE_TEXT_SIZE], id[20];

	snprintf(id, sizeof(id), "f%d", i);
	date_format(due, due_on);
	date_format(date_add_days(due, -30), issued_on);
	add_head(&s->first, "invoice.finalized", BEGIN - DAY_MS, id);
	buf_printf(&s->first,
		"{\"invoice\":{\"id\":\"inv_%d\",\"number\":\"F-%d\",\"version\":1,\"kind\":\"standard\",\"status\":\"open\",\"issued_on\":\"%s\","
		"\"due_on\":\"%s\",\"currency\":\"EUR\",\"total_minor\":%d,\"paid_minor\":0,\"credited_minor\":0,\"due_minor\":%d,"
		"\"payment_url\":\"https://pay.example/%d\"},"
		"\"customer\":{\"id\":\"cus_%d\",\"name\":\"Dupont %d\",\"country\":\"%s\",\"kind\":\"%s\",\"locale\":\"fr-FR\",\"timezone\":\"%s\","
		"\"contacts\":[{\"id\":\"c1\",\"role\":\"billing\",\"relation\":\"internal\",\"name\":\"Mme Roy\"%s,\"phone\":\"+33100000%03d\"}]}}}\n",
		i, i, issued_on, due_on, 50000 + i, 50000 + i, i, debtor, debtor, places[place][0], debtor % 7 ? "company" : "sole_trader",
		places[place][1], debtor % 9 == 8 ? "" : ",\"email\":\"compta@example.com\"", debtor % 1000);
}

static void add_news(struct story *s, int i)
{
	int when = pick(NEWS), what = pick(12);
	int64_t at = s->news_at[when];
	struct buf *out = &s->news[when];
	char id[20], text[UTC_TEXT_SIZE], until[DATE_TEXT_SIZE];

	snprintf(id, sizeof(id), "n%d", i);
	utc_format(at, text);
	date_format((date){ (int32_t)(at / DAY_MS) + 6 }, until);
	if (what < 4) {
		add_head(out, "invoice.payment_received", at, id);
		buf_printf(out, "{\"invoice_id\":\"inv_%d\",\"payment_id\":\"pay_%d\",\"amount_minor\":%d,\"paid_at\":\"%s\"}}\n", i, i,
			what ? 50000 + i : 20000, text);
	} else if (what == 4) {
		add_head(out, "promise.made", at, id);
		buf_printf(out, "{\"invoice_id\":\"inv_%d\",\"promise_id\":\"p_%d\",\"until_on\":\"%s\"}}\n", i, i, until);
	} else if (what == 5) {
		add_head(out, "dispute.opened", at, id);
		buf_printf(out, "{\"invoice_id\":\"inv_%d\",\"dispute_id\":\"d_%d\"}}\n", i, i);
	} else if (what == 6 && i % 5 == 0) {
		add_head(out, "customer.opted_out", at, id);
		buf_printf(out, "{\"customer_id\":\"cus_%d\",\"channel\":\"email\"}}\n", i % s->debtors);
	}
}

static void make_book(struct story *s)
{
	s->debtors = s->invoices * 2 / 5 + 1;
	s->end = BEGIN + s->days * DAY_MS;
	for (int n = 0; n < NEWS; n++) /* at no minute at which anything is due */
		s->news_at[n] = BEGIN + (n + 1) * s->days / (NEWS + 1) * DAY_MS + 3 * HOUR_MS + 17 * MINUTE_MS;
	for (int i = 0; i < s->invoices; i++)
		add_invoice(s, i);
	for (int i = 0; i < s->invoices; i++)
		add_news(s, i);
	buf_printf(&s->path, "%s/book.ndjson", s->world.dir);
}

/* --- contacts as lines ------------------------------------------------------------------------------------------------------------------ */

struct lines {
	char **items;
	size_t count, capacity;
};

static void lines_clear(struct lines *lines)
{
	for (size_t i = 0; i < lines->count; i++)
		free(lines->items[i]);
	free(lines->items);
}

static const char *text_of(const struct json *object, const char *key)
{
	struct json value = json_get(object, key);

	return json_str(&value) ? json_str(&value) : "";
}

/* To the minute. */
static void add_line(struct lines *lines, const char *at, const char *step, const char *channel, const char *debtor, const struct json *invoices)
{
	struct buf line = { 0 };

	buf_printf(&line, "%.16s %s %s %s", at, debtor, step, channel);
	for (size_t i = 0; i < json_len(invoices); i++) {
		struct json one = json_at(invoices, i);

		buf_printf(&line, " %s", json_str(&one));
	}
	xgrow(&lines->items, &lines->capacity, lines->count + 1, sizeof(char *));
	lines->items[lines->count++] = line.data; /* taken over */
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort(struct lines *lines)
{
	if (lines->count)
		qsort(lines->items, lines->count, sizeof(char *), by_text);
}

/* `words`: simulate's own. */
static struct lines foretold(struct story *s, const char *const *words)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf output = { 0 };
	struct json root, contacts;
	struct lines lines = { 0 };
	struct err err = { 0 };

	if (world_ctl(&s->world, words, &output) != 0)
		world_fail("dunningctl policy simulate: %s", buf_str(&output));
	if (json_parse(arena, buf_str(&output), output.len, 0, &root, &err) < 0)
		world_fail("dunningctl policy simulate: %s", err.text);
	contacts = json_get(&root, "contacts");
	for (size_t i = 0; i < json_len(&contacts); i++) {
		struct json one = json_at(&contacts, i), invoices = json_get(&one, "invoices");

		add_line(&lines, text_of(&one, "at"), text_of(&one, "step"), text_of(&one, "channel"), text_of(&one, "debtor"), &invoices);
	}
	sort(&lines);
	return lines;
}

/* What the provider got; and the calls that were asked of somebody, which others are told of. From `from` on (RFC 3339). */
static struct lines happened(struct story *s, const char *from)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json root = world_ask_sandbox(&s->world, arena, "/messages"), messages = json_get(&root, "messages");
	const char *range[] = { "XRANGE", world_key(&s->world, arena, "outbound"), "-", "+", NULL };
	const struct redis_reply *outbound = world_redis(&s->world, arena, range);
	struct lines lines = { 0 };

	for (size_t i = 0; i < json_len(&messages); i++) {
		struct json one = json_at(&messages, i), invoices = json_get(&one, "invoices"), deliveries = json_get(&one, "deliveries");

		if (json_int(&deliveries) != 1)
			world_fail("message %s came %d times", text_of(&one, "id"), (int)json_int(&deliveries));
		if (strcmp(text_of(&one, "received_at"), from) >= 0)
			add_line(&lines, text_of(&one, "received_at"), text_of(&one, "step"), text_of(&one, "channel"), text_of(&one, "debtor"),
				&invoices);
	}
	for (size_t i = 0; i < outbound->count; i++) {
		const struct redis_reply *fields = &outbound->items[i].items[1];
		struct json *event = arena_alloc(arena, sizeof(*event)), data, invoices;

		if (fields->count < 2 || json_parse(arena, fields->items[1].str, fields->items[1].len, 0, event, NULL) < 0)
			world_fail("an outbound event cannot be read");
		data = json_get(event, "data");
		invoices = json_get(&data, "invoices");
		if (strcmp(text_of(event, "type"), "task.opened") == 0 && strcmp(text_of(&data, "task_kind"), "call") == 0 &&
			strcmp(text_of(event, "time"), from) >= 0)
			add_line(&lines, text_of(event, "time"), text_of(&data, "step"), "call", text_of(&data, "customer_id"), &invoices);
	}
	sort(&lines);
	return lines;
}

static void compare(const char *what, const struct lines *told, const struct lines *came)
{
	int wrong = 0;

	for (size_t i = 0, k = 0; i < told->count || k < came->count;) {
		int order = i == told->count ? 1 : k == came->count ? -1 : strcmp(told->items[i], came->items[k]);

		if (order && wrong++ < SHOWN)
			printf("%s %s\n", order < 0 ? "foretold, did not happen:" : "happened, not foretold: ", order < 0 ? told->items[i] : came->items[k]);
		i += order <= 0;
		k += order >= 0;
	}
	if (wrong || !told->count)
		world_fail("%s: %zu contacts were foretold, %zu happened, %d lines differ", what, told->count, came->count, wrong);
	printf("%s: %zu contacts, as foretold\n", what, told->count);
}

/* --- the daemon walks ------------------------------------------------------------------------------------------------------------------------ */

static void push_lines(struct story *s, const struct buf *text)
{
	for (const char *at = buf_str(text), *stop; (stop = strchr(at, '\n')); at = stop + 1)
		world_push(&s->world, at, (size_t)(stop - at));
}

static void walk_until(struct story *s, int64_t from, int64_t until)
{
	int64_t deadline = real_ms() + WAIT_MS + s->invoices * 1000;
	char spec[140], begin[UTC_TEXT_SIZE], end[UTC_TEXT_SIZE];

	utc_format(from, begin);
	utc_format(until, end);
	snprintf(spec, sizeof(spec), "start:%s,rate:0,jump,until:%s", begin, end);
	s->world.options.clock = spec;
	world_start(&s->world, NULL);
	if (!world_ready(&s->world, WAIT_MS))
		world_fail("the daemon does not come up");
	for (bool there = false; !there;) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		struct json daemon = world_status(&s->world, arena);

		there = strcmp(text_of(&daemon, "now"), end) == 0;
		if (!there && real_ms() > deadline)
			world_fail("the clock shows %s, not %s", text_of(&daemon, "now"), end);
		pause_ms(there ? 0 : 50);
	}
	if (process_stop(&s->world.daemon, WAIT_MS) != 0)
		world_fail("the daemon does not end well");
	s->world.options.clock = "rate:0";
}

/* Some of the news were payments: the book that was walked knows after which contacts. */
static void assume_history(struct story *s, const char *from)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf output = { 0 };
	const char *words[] = { "--json", "policy", "simulate", "--from", from, "--days", "30", "--assume", "history", "--summary", NULL };
	struct json root, history, all, paid;
	int exit = world_ctl(&s->world, words, &output);

	if (exit && strstr(buf_str(&output), "no invoice of this book was paid"))
		return; /* a small book may know of none */
	if (exit || json_parse(arena, buf_str(&output), output.len, 0, &root, NULL) < 0)
		world_fail("dunningctl policy simulate --assume history: %s", buf_str(&output));
	history = json_get(&root, "history");
	all = json_at(&history, json_len(&history) - 1);
	paid = json_get(&all, "paid");
	if (json_len(&history) < 2 || json_int(&paid) < 1)
		world_fail("--assume history knows of no payment: %s", buf_str(&output));
	printf("%lld invoices were paid after a contact\n", (long long)json_int(&paid));
}

static void play(struct story *s)
{
	CLEANUP(buf_clear) struct buf whole = { 0 };
	char days[16], rest[16], begin[UTC_TEXT_SIZE], last[UTC_TEXT_SIZE];
	int left = (int)((s->end - s->news_at[NEWS - 1]) / DAY_MS);
	const char *by_file[] = { "--json", "policy", "simulate", "--book", buf_str(&s->path), "--from", begin, "--days", days, NULL };
	const char *by_redis[] = { "--json", "policy", "simulate", "--from", last, "--days", rest, NULL };
	CLEANUP(lines_clear) struct lines told = { 0 };
	CLEANUP(lines_clear) struct lines told_rest = { 0 };
	CLEANUP(lines_clear) struct lines came = { 0 };
	CLEANUP(lines_clear) struct lines came_rest = { 0 };
	int64_t at = BEGIN, began = real_ms(), told_at;

	snprintf(days, sizeof(days), "%d", s->days);
	snprintf(rest, sizeof(rest), "%d", left);
	utc_format(BEGIN, begin);
	utc_format(s->news_at[NEWS - 1], last);
	s->end = s->news_at[NEWS - 1] + left * DAY_MS;
	buf_add(&whole, s->first.data, s->first.len);
	for (int n = 0; n < NEWS; n++)
		buf_add(&whole, buf_str(&s->news[n]), s->news[n].len);
	if (file_replace(buf_str(&s->path), buf_str(&whole), whole.len, 0600) < 0)
		world_fail("%s cannot be written", buf_str(&s->path));
	told = foretold(s, by_file);
	told_at = real_ms();
	push_lines(s, &s->first);
	for (int n = 0; n < NEWS; n++) {
		walk_until(s, at, s->news_at[n]);
		at = s->news_at[n];
		push_lines(s, &s->news[n]);
	}
	told_rest = foretold(s, by_redis);
	walk_until(s, at, s->end);
	came = happened(s, begin);
	came_rest = happened(s, last);
	/* The days end at the hour at which they began: what comes after the walk's own end is not compared. */
	utc_format(s->end, last);
	while (told.count && strncmp(told.items[told.count - 1], last, 16) >= 0)
		free(told.items[--told.count]);
	compare("the whole", &told, &came);
	compare("the rest, from Redis", &told_rest, &came_rest);
	assume_history(s, last);
	printf("%d invoices, %d days: simulated in %.1f s, walked in %.1f s\n", s->invoices, s->days, (double)(told_at - began) / 1000,
		(double)(real_ms() - told_at) / 1000);
}

int main(int argc, char **argv)
{
	static const struct option longs[] = { { "invoices", 1, NULL, 'i' }, { "days", 1, NULL, 'd' }, { "seed", 1, NULL, 's' },
		{ "programs", 1, NULL, 'p' }, { "keep", 0, NULL, 'k' }, { 0 } };
	struct story s = { .invoices = 60, .days = 60 };
	struct world_options options = { .prefix = "dunning", .policy = "fr-b2b", .clock = "rate:0" };
	bool keep = false;
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1)
		if (c == 'i')
			s.invoices = atoi(optarg);
		else if (c == 'd')
			s.days = atoi(optarg);
		else if (c == 's')
			seed = strtoull(optarg, NULL, 10) + 1;
		else if (c == 'p')
			options.programs = optarg;
		else if (c == 'k')
			keep = true;
		else
			return 2;
	if (s.invoices < 1 || s.days < 8)
		return 2;
	printf("seed %llu\n", (unsigned long long)seed - 1);
	seed *= UINT64_C(0x9e3779b97f4a7c15);
	world_open(&s.world, &options);
	make_book(&s);
	play(&s);
	world_close(&s.world, keep);
	buf_clear(&s.first);
	for (int n = 0; n < NEWS; n++)
		buf_clear(&s.news[n]);
	buf_clear(&s.path);
	printf("ok\n");
	return 0;
}
