/* Made-up invoices into one's own instance, so many a second and no more than so many: to see how it bears it. Never where anybody could be reached. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/hash.h"
#include "common/utc.h"
#include "tools/cmd.h"

#define EVENTS_MAX 1000000
#define RATE_MAX 20000
#define BATCH_MS 50 /* what belongs to so long goes out together */
#define PER_DEBTOR 5
#define APPLY_MS 120000 /* until all of it must be applied */

struct load {
	struct ctl *ctl;
	char run[17]; /* in every id, so that no two runs meet */
	int64_t events, rate, sent;
};

static int64_t mono(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The file may be another one than the daemon's that reads these streams: so it is asked. A sealed trail's origin has a number behind it. */
static int same_daemon(struct ctl *ctl)
{
	size_t len = strlen(ctl->config->origin);
	struct json status, trail, origin;
	int http = 0, r = ctl_daemon(ctl, "GET", "/status", NULL, &http, &status);

	if (r < 0)
		return ctl_daemon_away(ctl, r);
	trail = json_get(&status, "trail");
	origin = json_get(&trail, "origin");
	if (!json_str(&origin) || strncmp(json_str(&origin), ctl->config->origin, len) != 0 || (json_str(&origin)[len] && json_str(&origin)[len] != '/'))
		return ctl_fail(ctl, EXIT_FOUND, "not_a_test", "the daemon that runs writes the trail %s, and the configuration names %s: load is for the test's own",
			json_str(&origin) ? json_str(&origin) : "of nobody", ctl->config->origin);
	return 0;
}

/* As --clock demands it: a trail that is a test's, and providers on this computer. 0 or an exit code, said already. */
static int harmless(struct ctl *ctl)
{
	CLEANUP(library_freep) struct library *library = NULL;
	struct err err = { 0 };
	const char *far;

	if (ctl->call->globals[GLOBAL_REDIS])
		return ctl_fail(ctl, EXIT_USAGE, "usage", "load goes to the configuration's Redis, never to another one: no --redis");
	if (strncmp(ctl->config->origin, "test.", 5) != 0)
		return ctl_fail(ctl, EXIT_FOUND, "not_a_test", "$.origin is %s: load is for trails whose origin begins with \"test.\"", ctl->config->origin);
	if (library_load(ctl->config, ctl_share(ctl), &library, &err) < 0)
		return ctl_fail_err(ctl, EXIT_CONFIG, &err);
	far = ctl->config->shadow ? NULL : library_reaches_out(library);
	if (far)
		return ctl_fail(ctl, EXIT_FOUND, "not_a_test", "load is for providers on this computer; \"%s\" is not", far);
	return same_daemon(ctl);
}

/* So many, in digits alone; 0: it is no such number. */
static int64_t count_of(const char *text, int64_t otherwise)
{
	if (!text)
		return otherwise;
	return strlen(text) < 10 && strspn(text, "0123456789") == strlen(text) ? strtoll(text, NULL, 10) : 0;
}

static void write_event(struct load *l, struct json_writer *w, int64_t number, const char *customer)
{
	const char *id = arena_printf(l->ctl->arena, "load-%s-%lld", l->run, (long long)number);
	date due = { (int32_t)(l->ctl->now / DAY_MS) - 3 };
	char text[UTC_TEXT_SIZE], day[DATE_TEXT_SIZE];

	jw_object(w, NULL);
	jw_str(w, "specversion", "1.0");
	jw_str(w, "id", id);
	jw_str(w, "source", "dunningctl-load");
	jw_str(w, "type", arena_printf(l->ctl->arena, "%sinvoice.finalized", l->ctl->config->type_prefix ? l->ctl->config->type_prefix : ""));
	jw_str(w, "time", utc_format(l->ctl->now, text));
	jw_object(w, "data");
	jw_object(w, "invoice");
	jw_str(w, "id", id);
	jw_str(w, "number", id);
	jw_int(w, "version", 1);
	jw_str(w, "status", "open");
	jw_str(w, "issued_on", date_format(date_add_days(due, -30), day));
	jw_str(w, "due_on", date_format(due, day));
	jw_str(w, "currency", "EUR");
	jw_int(w, "total_minor", 10000);
	jw_int(w, "paid_minor", 0);
	jw_int(w, "credited_minor", 0);
	jw_int(w, "due_minor", 10000);
	jw_end_object(w);
	jw_object(w, "customer");
	jw_str(w, "id", customer);
	jw_str(w, "name", "Load");
	jw_str(w, "country", "FR");
	jw_str(w, "kind", "company");
	jw_str(w, "locale", "fr-FR");
	jw_str(w, "timezone", "Europe/Paris");
	jw_array(w, "contacts");
	jw_object(w, NULL);
	jw_str(w, "id", "c1");
	jw_str(w, "role", "billing");
	jw_str(w, "email", "load@example.com");
	jw_array(w, "channels");
	jw_str(w, NULL, "email");
	jw_end_array(w);
	jw_end_object(w);
	jw_end_array(w);
	jw_end_object(w);
	jw_end_object(w);
	jw_end_object(w);
}

static int push_one(struct load *l)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf event = { 0 };
	struct json_writer w = jw_init(&event);
	const char *customer = arena_printf(arena, "load-%s-c%lld", l->run, (long long)(l->sent / PER_DEBTOR));
	struct keyspace keys = ctl_keys(l->ctl, partition_of(customer, ctl_partitions(l->ctl)));
	const struct redis_reply *reply;

	write_event(l, &w, l->sent, customer);
	l->sent++;
	return ctl_ask(l->ctl, arena, &reply, "XADD", key_events(arena, &keys, NULL), "*", "event", buf_str(&event), NULL);
}

/* Every shared stream is applied to its end. */
static int applied(struct load *l, bool *ret)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	int r = 0;

	*ret = true;
	for (uint32_t p = 0; r == 0 && p < ctl_partitions(l->ctl); p++) {
		struct keyspace keys = ctl_keys(l->ctl, p);
		const char *stream = key_events(arena, &keys, NULL);
		const struct redis_reply *last, *at;

		r = ctl_ask(l->ctl, arena, &last, "XREVRANGE", stream, "+", "-", "COUNT", "1", NULL);
		if (r == 0)
			r = ctl_ask(l->ctl, arena, &at, "HMGET", key_of(arena, &keys, "cursor"), stream, NULL);
		if (r == 0 && last->count)
			*ret &= at->count == 1 && at->items[0].str && strcmp(at->items[0].str, last->items[0].items[0].str) == 0;
	}
	return r;
}

static int run_load(struct ctl *ctl, const struct invocation *call)
{
	const char *events = command_option(call, "events"), *rate = command_option(call, "rate");
	struct load l = { .ctl = ctl, .events = count_of(events, 1000), .rate = count_of(rate, 200) };
	struct fields *f = fields_create(ctl->arena);
	int64_t begin, pushed, end;
	uint8_t random[8];
	bool done = false;
	int r = ctl_config(ctl, true);

	if (r == 0 && (l.events < 1 || l.events > EVENTS_MAX || l.rate < 1 || l.rate > RATE_MAX))
		r = ctl_fail(ctl, EXIT_USAGE, "usage", "--events wants 1 to %d, --rate 1 to %d a second", EVENTS_MAX, RATE_MAX);
	if (r == 0)
		r = harmless(ctl);
	if (r != 0)
		return r;
	random_bytes(random, sizeof(random));
	hex_format(random, sizeof(random), l.run);
	begin = mono();
	while (r == 0 && l.sent < l.events) {
		int64_t allowed = (mono() - begin) * l.rate / 1000 + 1;

		while (r == 0 && l.sent < l.events && l.sent < allowed)
			r = push_one(&l);
		if (l.sent < l.events)
			(void)poll(NULL, 0, BATCH_MS);
	}
	pushed = mono();
	while (r == 0 && !done && mono() - pushed < APPLY_MS) {
		r = applied(&l, &done);
		if (r == 0 && !done)
			(void)poll(NULL, 0, BATCH_MS);
	}
	end = mono();
	if (r != 0)
		return r;
	fields_add(f, "run", "Run", cell_text(arena_printf(ctl->arena, "load-%s", l.run)));
	fields_add(f, "events", "Events", cell_number(l.sent));
	fields_add(f, "push_ms", "Pushed in, ms", cell_number(pushed - begin));
	fields_add(f, "behind_ms", "Applied after, ms", done ? cell_number(end - pushed) : cell_none());
	fields_add(f, "applied", NULL, cell_flag(done));
	view_fields(&ctl->view, f);
	return done ? EXIT_DONE : ctl_fail(ctl, EXIT_FOUND, "not_applied", "not all of it is applied yet: dunningctl status");
}

static const struct option_row options[] = {
	{ "events", "N", "so many invoices in all (1000)" },
	{ "rate", "N", "so many a second, at most (200)" },
	{ 0 },
};

const struct command cmd_load = { .name = "load", .args = "", .max_args = 0,
	.help = "made-up invoices into your own test instance, at a rate, and how long until they are applied",
	.more = "Refused unless the origin begins with \"test.\" and every provider is the outbox or on this computer: nobody outside can be reached. Five\n"
		"invoices a debtor, due three days ago; their ids begin with load-.", .options = options, .run = run_load };
