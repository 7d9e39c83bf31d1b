/*
 * One unpaid invoice as its users live through it: pushed with plain redis-cli, walked by the shipped policy fr-b2b under a played clock,
 * looked at through the provider and dunningctl alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/utc.h"
#include "common/zone.h"
#include "tests/support/world.h"

#define WAIT_MS 20000
#define NBSP "\xc2\xa0" /* before the currency */
#define THIN "\xe2\x80\xaf" /* narrow, between the thousands */

/* The example of the documentation. */
static const char finalized[] =
	"{\"specversion\":\"1.0\",\"id\":\"01JX9\",\"source\":\"https://billing.example/eu\",\"type\":\"invoice.finalized\","
	"\"subject\":\"invoice/inv_42\",\"time\":\"2026-03-02T09:00:00Z\","
	"\"data\":{\"invoice\":{\"id\":\"inv_42\",\"number\":\"F-2026-0042\",\"version\":1,\"kind\":\"standard\",\"status\":\"open\","
	"\"issued_on\":\"2026-03-02\",\"due_on\":\"2026-04-01\",\"currency\":\"EUR\",\"total_minor\":120000,\"paid_minor\":0,"
	"\"credited_minor\":0,\"due_minor\":120000,\"payment_url\":\"https://pay.example/x\",\"pdf_url\":\"https://billing.example/x.pdf\","
	"\"pdf_sha256\":\"\xe2\x80\xa6\",\"collection\":\"send_invoice\",\"terms\":{\"net_days\":30,\"late_fee_ref\":\"CGV-7\"},"
	"\"refs\":{\"contract\":\"C-17\",\"purchase_order\":\"PO-9\"},\"policy\":\"fr-b2b\"},"
	"\"customer\":{\"id\":\"cus_7\",\"name\":\"Dupont SARL\",\"country\":\"FR\",\"kind\":\"company\",\"locale\":\"fr-FR\","
	"\"timezone\":\"Europe/Paris\",\"contacts\":[{\"id\":\"c1\",\"role\":\"billing\",\"relation\":\"internal\",\"name\":\"Mme Roy\","
	"\"email\":\"compta@dupont.example\",\"phone\":\"+33100000000\",\"channels\":[\"email\",\"call\"]}]}}}";
static const char paid[] =
	"{\"specversion\":\"1.0\",\"id\":\"01JXA\",\"source\":\"https://billing.example/eu\",\"type\":\"invoice.paid\","
	"\"subject\":\"invoice/inv_42\",\"time\":\"2026-05-04T08:00:00Z\","
	"\"data\":{\"invoice\":{\"id\":\"inv_42\",\"number\":\"F-2026-0042\",\"version\":2,\"status\":\"paid\",\"issued_on\":\"2026-03-02\","
	"\"due_on\":\"2026-04-01\",\"currency\":\"EUR\",\"total_minor\":120000,\"paid_minor\":120000,\"credited_minor\":0,"
	"\"due_minor\":0}}}";

static const struct {
	const char *step, *on, *says; /* the day in Paris */
} expected[] = {
	{ "pre-due", "2026-03-25", "F-2026-0042" },
	{ "reminder", "2026-04-02", "reste impay" },
	{ "clarification", "2026-04-10", "F-2026-0042" },
	{ "penalties", "2026-04-17", "441-10" },
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	const struct world_options options = { .prefix = "dunning", .policy = "fr-b2b", .clock = "rate:0" };

	world_open(w, &options);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	world_close(*state, false);
	free(*state);
	return 0;
}

/* What a person would type. */
static void redis_cli_xadd(struct world *w, const char *event)
{
	const char *argv[] = { "redis-cli", "-s", w->redis_socket, "XADD", "dunning:{0}:events", "*", "event", event, NULL };

	assert_int_equal(process_run(argv, NULL, WAIT_MS), 0);
}

/* dunningctl ... --json */
static struct json ctl(struct world *w, struct arena *arena, const char *const *words)
{
	CLEANUP(buf_clear) struct buf output = { 0 };
	const char *argv[20] = { "--json" };
	struct json root = { 0 };
	struct err err = { 0 };
	size_t n = 1;

	while (*words && n < 19)
		argv[n++] = *words++;
	if (world_ctl(w, argv, &output) != 0)
		fail_msg("dunningctl %s: %s", argv[1], buf_str(&output));
	if (json_parse(arena, buf_str(&output), output.len, JSON_FRACTIONS, &root, &err) < 0)
		fail_msg("dunningctl %s: %s: %s", argv[1], err.text, buf_str(&output));
	return root;
}

#define CTL(w, arena, ...) ctl(w, arena, (const char *const[]){ __VA_ARGS__, NULL })

static const char *str(const struct json *object, const char *key)
{
	struct json value = json_get(object, key);

	return json_str(&value) ? json_str(&value) : "";
}

/* The played clock runs from one due instant to the next, and stands still when it is there. */
static void walk_until(struct world *w, const char *begin, const char *until)
{
	int64_t deadline = real_ms() + WAIT_MS;
	char spec[120];

	snprintf(spec, sizeof(spec), "%s%srate:0,jump,until:%s", begin ? begin : "", begin ? "," : "", until);
	w->options.clock = spec;
	world_start(w, NULL);
	assert_true(world_ready(w, WAIT_MS));
	for (;;) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		struct json daemon = world_status(w, arena);

		if (strcmp(str(&daemon, "now"), until) == 0)
			break;
		if (real_ms() > deadline)
			fail_msg("the clock shows %s, not %s", str(&daemon, "now"), until);
		pause_ms(20);
	}
	w->options.clock = "rate:0";
}

static void stop(struct world *w)
{
	assert_int_equal(process_stop(&w->daemon, WAIT_MS), 0);
}

static struct json messages(struct world *w, struct arena *arena)
{
	struct json root = world_ask_sandbox(w, arena, "/messages?invoice=inv_42");

	return json_get(&root, "messages");
}

/* The day in Paris; fails the test when nobody works there then. */
static const char *working_day(struct arena *arena, const char *at)
{
	const struct zone *zone;
	char day[DATE_TEXT_SIZE];
	int64_t instant;

	assert_int_equal(zone_get("Europe/Paris", &zone), 0);
	assert_int_equal(utc_parse(at, &instant), 0);
	if (date_weekday(zone_date(zone, instant)) > FRIDAY || zone_minute(zone, instant) < 9 * 60 ||
		zone_minute(zone, instant) >= 17 * 60 + 30)
		fail_msg("%s is not within the working hours of Paris", at);
	return arena_strdup(arena, date_format(zone_date(zone, instant), day));
}

static void messages_are(struct world *w, size_t count)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json all = messages(w, arena);

	for (size_t i = 0; i < json_len(&all); i++) {
		struct json one = json_at(&all, i), deliveries = json_get(&one, "deliveries");
		const char *day = working_day(arena, str(&one, "received_at")), *text = str(&one, "text");

		if (i >= count)
			fail_msg("one too many: %s on %s", str(&one, "step"), day);
		assert_string_equal(str(&one, "step"), expected[i].step);
		assert_string_equal(day, expected[i].on);
		assert_int_equal(json_int(&deliveries), 1);
		assert_string_equal(str(&one, "locale"), "fr");
		if (!strstr(text, "1" THIN "200,00" NBSP "\xe2\x82\xac") || !strstr(text, expected[i].says) || !strstr(text, "Bonjour Mme Roy"))
			fail_msg("step %s: %s", expected[i].step, text);
	}
	assert_int_equal(json_len(&all), count);
}

/* The ids of what waits for a person, a space behind each. */
static const char *open_tasks(struct world *w, struct arena *arena)
{
	struct json tasks = CTL(w, arena, "tasks");
	const char *ret = "";

	for (size_t i = 0; i < json_len(&tasks); i++) {
		struct json one = json_at(&tasks, i);

		ret = arena_printf(arena, "%s%s ", ret, str(&one, "id"));
	}
	return ret;
}

/* How a step ended, by `dunningctl show`: "sent", "done", "skipped task_expired". */
static const char *step_end(struct world *w, struct arena *arena, const char *step)
{
	struct json root = CTL(w, arena, "show", "inv_42"), walk = json_get(&root, "walk");

	for (size_t i = 0; i < json_len(&walk); i++) {
		struct json one = json_at(&walk, i);

		if (strcmp(str(&one, "step"), step) == 0)
			return arena_printf(arena, "%s %s", str(&one, "end"), str(&one, "reason"));
	}
	return "not walked";
}

static void until_nothing_waits(struct world *w)
{
	int64_t deadline = real_ms() + WAIT_MS;

	for (;;) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		const char *tasks = open_tasks(w, arena);

		if (!tasks[0])
			return;
		if (real_ms() > deadline)
			fail_msg("these stay open: %s", tasks);
		pause_ms(20);
	}
}

static void one_invoice_from_its_first_day_to_its_payment(void **state)
{
	struct world *w = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	redis_cli_xadd(w, finalized);
	walk_until(w, "start:2026-03-02T09:00:00Z", "2026-04-07T08:00:00Z");
	messages_are(w, 2);
	assert_string_equal(open_tasks(w, arena), "call:inv_42:call ");
	(void)CTL(w, arena, "call", "log", "call:inv_42:call", "the machine answers", "--outcome", "voicemail");
	until_nothing_waits(w);
	assert_string_equal(step_end(w, arena, "call"), "done voicemail");
	stop(w);

	walk_until(w, NULL, "2026-05-04T08:00:00Z");
	messages_are(w, 4);
	assert_string_equal(step_end(w, arena, "text"), "skipped no_address");
	assert_string_equal(step_end(w, arena, "second-call"), "skipped task_expired");
	assert_string_equal(open_tasks(w, arena), "no_address:inv_42:text decision:inv_42:worth-it ");
	redis_cli_xadd(w, paid);
	until_nothing_waits(w);
	stop(w);

	walk_until(w, "start:2027-05-04T08:00:00Z", "2027-05-04T08:00:00Z");
	messages_are(w, 4);
	assert_string_equal(open_tasks(w, arena), "");
	assert_int_equal(world_ctl(w, (const char *const[]){ "check", NULL }, NULL), 0);
	assert_true(world_trail_verifies(w));
	stop(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(one_invoice_from_its_first_day_to_its_payment, setup, teardown) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
