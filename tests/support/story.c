#include "tests/support/story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/date.h"
#include "common/utc.h"
#include "common/zone.h"

#define WAIT_MS 20000

static void start(struct story *s, const char *spec)
{
	s->world.options.clock = spec;
	world_start(&s->world, NULL);
	assert_true(world_ready(&s->world, WAIT_MS));
	s->world.options.clock = "rate:0";
	s->running = true;
}

void story_open(struct story *s, const char *policy, const char *begin)
{
	const struct world_options options = { .prefix = "dunning", .policy = "talk", .clock = "rate:0" };

	*s = (struct story){ .arena = arena_create() };
	world_open(&s->world, &options);
	world_put(&s->world, "policies/talk.json", policy);
	start(s, arena_printf(s->arena, "start:%s,rate:0", begin));
}

void story_close(struct story *s)
{
	world_close(&s->world, false);
	arena_free(s->arena);
}

static int pick(struct story *s, int below)
{
	s->chance ^= s->chance << 13;
	s->chance ^= s->chance >> 7;
	s->chance ^= s->chance << 17;
	return (int)(s->chance % (uint64_t)below);
}

/* The instant of the kill is what is being chosen: while it starts, or far behind that. */
static void wait_and_kill(struct story *s)
{
	pause_ms(pick(s, 3) ? pick(s, 120) : pick(s, 600));
	process_kill(&s->world.daemon);
	s->running = false;
	s->killed++;
}

/* How often here. */
static int turn(struct story *s)
{
	int n;

	if (s->spots <= 0)
		return 0;
	n = (s->kills + pick(s, s->spots)) / s->spots;
	s->spots--;
	s->kills -= n;
	return n;
}

void story_kill(struct story *s)
{
	int n = turn(s);

	for (int i = 0; i < n; i++) {
		if (i) {
			s->world.options.clock = "rate:0";
			world_start(&s->world, NULL);
		}
		wait_and_kill(s);
	}
	if (n)
		start(s, "rate:0");
}

void story_event(struct story *s, const char *type, const char *invoice, const char *time, const char *more)
{
	const char *event = arena_printf(s->arena, "{\"specversion\":\"1.0\",\"id\":\"ev-%d\",\"source\":\"https://billing.example/talk\",\"type\":\"%s\","
		"\"time\":\"%s\",\"data\":{\"invoice_id\":\"%s\"%s}}", ++s->events, type, time, invoice, more);

	world_push(&s->world, event, strlen(event));
	story_kill(s);
	story_applied(s);
}

void story_invoice(struct story *s, const char *invoice, const char *due_on, int64_t total)
{
	date due;
	char issued[DATE_TEXT_SIZE];
	const char *event;

	assert_int_equal(date_parse(due_on, &due), 0);
	date_format(date_add_days(due, -30), issued);
	event = arena_printf(s->arena, "{\"specversion\":\"1.0\",\"id\":\"ev-%d\",\"source\":\"https://billing.example/talk\",\"type\":\"invoice.finalized\","
		"\"time\":\"%sT08:00:00Z\",\"data\":{\"invoice\":{\"id\":\"%s\",\"number\":\"F-%s\",\"version\":1,\"status\":\"open\",\"issued_on\":\"%s\","
		"\"due_on\":\"%s\",\"currency\":\"EUR\",\"total_minor\":%lld,\"due_minor\":%lld,\"payment_url\":\"https://pay.example/%s\"},"
		"\"customer\":{\"id\":\"cus_%s\",\"name\":\"Dupont SARL\",\"country\":\"FR\",\"kind\":\"company\",\"locale\":\"en-GB\","
		"\"postal\":{\"line1\":\"1 rue X\",\"postcode\":\"75002\",\"city\":\"Paris\"},"
		"\"timezone\":\"Europe/Paris\",\"contacts\":[{\"id\":\"c1\",\"role\":\"billing\",\"name\":\"Mme Roy\",\"email\":\"compta@dupont.example\","
		"\"phone\":\"+33100000000\"},{\"id\":\"c2\",\"role\":\"manager\",\"name\":\"M. Petit\",\"email\":\"petit@dupont.example\","
		"\"phone\":\"+33100000001\"}]}}}",
		++s->events, issued, invoice, invoice, issued, due_on, (long long)total, (long long)total, invoice, invoice);
	world_push(&s->world, event, strlen(event));
	story_applied(s);
}

/* What a person said stands in a stream of its own, which is trimmed once it is read. */
static bool heard(struct story *s)
{
	const char *stream = world_key(&s->world, s->arena, "events:operator");
	const struct redis_reply *last = world_redis(&s->world, s->arena, (const char *const[]){ "XREVRANGE", stream, "+", "-", "COUNT", "1", NULL });
	const struct redis_reply *at = world_redis(&s->world, s->arena,
		(const char *const[]){ "HGET", world_key(&s->world, s->arena, "cursor"), stream, NULL });

	return !last->count || (at->type == REDIS_STRING && strcmp(at->str, last->items[0].items[0].str) == 0);
}

void story_applied(struct story *s)
{
	int64_t deadline = real_ms() + WAIT_MS;

	while (!world_applied(&s->world) || !heard(s)) {
		if (real_ms() > deadline || !process_running(&s->world.daemon))
			fail_msg("what was told is not applied");
		pause_ms(10);
	}
}

void story_until(struct story *s, const char *until)
{
	int64_t deadline = real_ms() + 2 * WAIT_MS;
	const char *now = "";
	int kills = turn(s);

	if (s->running)
		assert_int_equal(process_stop(&s->world.daemon, WAIT_MS), 0);
	for (; kills > 0; kills--) {
		s->world.options.clock = arena_printf(s->arena, "rate:0,jump,until:%s", until);
		world_start(&s->world, NULL);
		wait_and_kill(s);
	}
	start(s, arena_printf(s->arena, "rate:0,jump,until:%s", until));
	for (;;) {
		struct json status = world_status(&s->world, s->arena);

		now = status.type == JSON_OBJECT ? story_str(&status, "now") : "";
		if (strcmp(now, until) == 0)
			break;
		if (world_redis_int(&s->world, (const char *const[]){ "ZCARD", world_key(&s->world, s->arena, "due"), NULL }) == 0) {
			assert_int_equal(process_stop(&s->world.daemon, WAIT_MS), 0); /* nothing to jump to: it stands where it is */
			start(s, arena_printf(s->arena, "start:%s,rate:0", until));
			return;
		}
		if (real_ms() > deadline)
			fail_msg("the clock shows %s, not %s", now, until);
		pause_ms(10);
	}
}

struct json story_ctl(struct story *s, int status, const char *const *words)
{
	CLEANUP(buf_clear) struct buf output = { 0 };
	const char *argv[24] = { "--json" };
	struct json root = { 0 };
	struct err err = { 0 };
	size_t n = 1;
	int r;

	while (*words && n < 23)
		argv[n++] = *words++;
	r = world_ctl(&s->world, argv, &output);
	if (r != status)
		fail_msg("dunningctl %s %s: %d: %s", argv[1], argv[2] ? argv[2] : "", r, buf_str(&output));
	if (status == 0 && json_parse(s->arena, arena_memdup(s->arena, buf_str(&output), output.len), output.len, JSON_FRACTIONS, &root, &err) < 0)
		fail_msg("dunningctl %s: %s: %s", argv[1], err.text, buf_str(&output));
	return root;
}

const char *story_str(const struct json *object, const char *key)
{
	struct json value = json_get(object, key);

	return json_str(&value) ? json_str(&value) : "";
}

static struct json messages(struct story *s, const char *invoice)
{
	struct json root = world_ask_sandbox(&s->world, s->arena, arena_printf(s->arena, "/messages?invoice=%s", invoice));

	return json_get(&root, "messages");
}

static const char *day_in_paris(struct story *s, const char *at)
{
	const struct zone *zone;
	char day[DATE_TEXT_SIZE];
	int64_t instant;

	assert_int_equal(zone_get("Europe/Paris", &zone), 0);
	assert_int_equal(utc_parse(at, &instant), 0);
	if (date_weekday(zone_date(zone, instant)) > FRIDAY || zone_minute(zone, instant) < 9 * 60 || zone_minute(zone, instant) >= 17 * 60 + 30)
		fail_msg("%s is not within the working hours of Paris", at);
	return arena_strdup(s->arena, date_format(zone_date(zone, instant), day));
}

void story_sent_is(struct story *s, const char *invoice, const char *expected)
{
	int64_t deadline = real_ms() + WAIT_MS;
	const char *found;

	for (;;) {
		struct json all = messages(s, invoice);

		found = "";
		for (size_t i = 0; i < json_len(&all); i++) {
			struct json one = json_at(&all, i), deliveries = json_get(&one, "deliveries");

			if (json_int(&deliveries) != 1)
				fail_msg("step %s was asked for %lld times", story_str(&one, "step"), (long long)json_int(&deliveries));
			found = arena_printf(s->arena, "%s%.*s %s\n", found, (int)strcspn(story_str(&one, "step"), ":"), story_str(&one, "step"),
				day_in_paris(s, story_str(&one, "received_at")));
		}
		if (strcmp(found, expected) == 0)
			return;
		if (real_ms() > deadline)
			fail_msg("sent about %s:\n%sexpected:\n%s", invoice, found, expected);
		pause_ms(20);
	}
}

static const char *to_email(const struct json *message)
{
	struct json to = json_get(message, "to");

	return to.type == JSON_OBJECT ? story_str(&to, "email") : story_str(message, "to");
}

const char *story_text(struct story *s, const char *invoice, const char *step)
{
	struct json all = messages(s, invoice);

	for (size_t i = json_len(&all); i-- > 0;) {
		struct json one = json_at(&all, i);

		if (strncmp(story_str(&one, "step"), step, strlen(step)) == 0)
			return arena_printf(s->arena, "To: %s\n%s\n%s", to_email(&one), story_str(&one, "subject"), story_str(&one, "text"));
	}
	fail_msg("no message of step %s about %s", step, invoice);
	return "";
}

const char *story_walk(struct story *s, const char *invoice, const char *step)
{
	struct json root = STORY_CTL(s, "show", invoice), walk = json_get(&root, "walk");

	for (size_t i = 0; i < json_len(&walk); i++) {
		struct json one = json_at(&walk, i);
		const char *reason = story_str(&one, "reason");

		if (strncmp(story_str(&one, "step"), step, strlen(step)) == 0)
			return arena_printf(s->arena, "%s%s%s", story_str(&one, "end"), *reason ? " " : "", reason);
	}
	return "not walked";
}

const char *story_tasks(struct story *s)
{
	struct json tasks = STORY_CTL(s, "tasks");
	const char *ret = "";

	for (size_t i = 0; i < json_len(&tasks); i++) {
		struct json one = json_at(&tasks, i);

		ret = arena_printf(s->arena, "%s%s ", ret, story_str(&one, "id"));
	}
	return ret;
}

void story_wait_tasks(struct story *s, const char *expected)
{
	int64_t deadline = real_ms() + WAIT_MS;

	for (;;) {
		const char *tasks = story_tasks(s);

		if (strcmp(tasks, expected) == 0)
			return;
		if (real_ms() > deadline)
			fail_msg("these tasks are open: %s; expected: %s", tasks, expected);
		pause_ms(20);
	}
}

int64_t story_count(struct story *s, const char *type)
{
	const struct redis_reply *reply = world_redis(&s->world, s->arena,
		(const char *const[]){ "XRANGE", world_key(&s->world, s->arena, "outbound"), "-", "+", NULL });
	const char *needle = arena_printf(s->arena, "\"type\":\"%s\"", type);
	int64_t count = 0;

	for (size_t i = 0; i < reply->count; i++)
		count += strstr(reply->items[i].items[1].items[1].str, needle) != NULL;
	return count;
}

bool story_recorded(struct story *s, const char *invoice, const char *kind)
{
	struct json log = STORY_CTL(s, "trail", "log", invoice);

	for (size_t i = 0; i < json_len(&log); i++) {
		struct json one = json_at(&log, i), record = json_get(&one, "record");

		if (strcmp(story_str(&record, "kind"), kind) == 0)
			return true;
	}
	return false;
}

void story_ends_well(struct story *s)
{
	(void)STORY_CTL(s, "check");
	assert_true(world_trail_verifies(&s->world));
	assert_int_equal(process_stop(&s->world.daemon, WAIT_MS), 0);
	s->running = false;
}
