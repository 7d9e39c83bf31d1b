/* A public holiday as the real daemon keeps it, what dunningctl foretells of it, and the warning before the law data runs out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/file.h"
#include "tests/support/world.h"

#define WAIT_MS 20000
/* Thursday, the day of the armistice, half past one in Paris; and 50 days before the calendars are to be looked through again. */
#define START "start:2027-11-11T00:30:00Z,rate:0"

static void put_event(char *text, size_t size, const char *invoice, const char *country, const char *zone)
{
	(void)snprintf(text, size, "{\"specversion\":\"1.0\",\"id\":\"e-%s\",\"source\":\"https://billing.example\",\"type\":\"invoice.finalized\","
		"\"subject\":\"invoice/%s\",\"time\":\"2027-10-11T09:00:00Z\",\"data\":{\"invoice\":{\"id\":\"%s\",\"version\":1,\"kind\":\"standard\","
		"\"status\":\"open\",\"issued_on\":\"2027-10-11\",\"due_on\":\"2027-11-10\",\"currency\":\"EUR\",\"total_minor\":120000,\"paid_minor\":0,"
		"\"credited_minor\":0,\"due_minor\":120000,\"policy\":\"fr-b2b\"},\"customer\":{\"id\":\"c-%s\",\"name\":\"Dupont\",\"country\":\"%s\","
		"\"kind\":\"company\",\"locale\":\"fr-FR\",\"timezone\":\"%s\",\"contacts\":[{\"id\":\"c1\",\"role\":\"billing\",\"relation\":\"internal\","
		"\"name\":\"Mme Roy\",\"email\":\"compta@dupont.example\",\"channels\":[\"email\"]}]}}}", invoice, invoice, invoice, invoice, country, zone);
}

/* What the explained contact's `key` is, once the daemon has set a timer for it. */
static const char *explained(struct world *w, struct arena *arena, const char *invoice, const char *key)
{
	int64_t deadline = real_ms() + WAIT_MS;

	for (;;) {
		CLEANUP(buf_clear) struct buf output = { 0 };
		struct json root, value;

		if (world_ctl(w, (const char *const[]){ "--json", "explain", invoice, NULL }, &output) == 0 &&
			json_parse(arena, arena_memdup(arena, output.data, output.len), output.len, JSON_FRACTIONS, &root, NULL) == 0 &&
			json_has(&root, "timer")) {
			value = json_get(&root, key);
			return json_str(&value) ? json_str(&value) : "";
		}
		if (real_ms() > deadline)
			fail_msg("explain %s: %s", invoice, buf_str(&output));
		pause_ms(20);
	}
}

static void nobody_is_contacted_on_a_holiday(void **state)
{
	const struct world_options options = { .prefix = "dunning", .policy = "fr-b2b", .clock = START };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf log = { 0 };
	struct world *w = calloc(1, sizeof(*w));
	struct json status, law, value;
	char event[2000];

	(void)state;
	world_open(w, &options);
	world_start(w, NULL);
	assert_true(world_ready(w, WAIT_MS));
	put_event(event, sizeof(event), "inv-fr", "FR", "Europe/Paris");
	world_push(w, event, strlen(event));
	put_event(event, sizeof(event), "inv-de", "DE", "Europe/Berlin");
	world_push(w, event, strlen(event));
	assert_string_equal(explained(w, arena, "inv-fr", "at"), "2027-11-12T08:00:00Z");
	assert_string_equal(explained(w, arena, "inv-fr", "timer"), "2027-11-12T08:00:00Z");
	assert_string_equal(explained(w, arena, "inv-de", "at"), "2027-11-11T08:00:00Z"); /* where it is a day like others */
	assert_string_equal(explained(w, arena, "inv-de", "timer"), "2027-11-11T08:00:00Z");

	status = world_status(w, arena);
	law = json_get(&status, "law");
	value = json_get(&law, "run_out_soon");
	assert_true(json_int(&value) >= 41);
	value = json_get(&law, "next");
	assert_string_equal(json_str(&value), "2027-12-31");
	assert_int_equal(file_read(world_log(w, arena), 64 << 20, &log, NULL), 0);
	if (!strstr(log.data, "law: 6 entries ran out, and what needs them is refused: rates.ecb_mro (2026-06-30), rates.boe_reference (") ||
		!strstr(log.data, "run out soon: holidays.FR (2027-12-31)"))
		fail_msg("%s", log.data);
	assert_int_equal(process_stop(&w->daemon, WAIT_MS), 0);
	world_close(w, false);
	free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(nobody_is_contacted_on_a_holiday) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
