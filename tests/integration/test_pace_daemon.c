/* Limits, a refused account and a second provider, through the whole daemon and dunningctl, with the sandbox as the provider. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/world.h"

#define WAIT_MS 30000
#define OUTCOME(outcome) "{channel=\"email\",provider=\"sandbox\",outcome=\"" outcome "\"}"
#define WITHIN(le) "{channel=\"email\",provider=\"sandbox\",le=\"" le "\"}"
#define REFUSES "{\"mode\":\"401\",\"count\":1}"

static struct world *begin(void **state, const struct world_options *options)
{
	struct world *w = calloc(1, sizeof(*w));

	world_open(w, options);
	world_measure(w);
	*state = w;
	world_start(w, NULL);
	assert_true(world_ready(w, WAIT_MS));
	return w;
}

static int teardown(void **state)
{
	world_close(*state, false);
	free(*state);
	return 0;
}

static int64_t requests(struct world *w)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json counts = world_ask_sandbox(w, arena, "/counts"), n = json_get(&counts, "requests");

	return json_int(&n);
}

/* At least so many; what waits for the pace has its timer in the future, so that the world looks quiet. */
static void requested(struct world *w, int64_t count)
{
	int64_t deadline = real_ms() + WAIT_MS;

	while (requests(w) < count && real_ms() < deadline)
		pause_ms(10);
	assert_true(world_quiet(w, WAIT_MS));
	assert_int_equal(requests(w), count);
}

#define CTL(...) ctl(w, (const char *const[]){ __VA_ARGS__, NULL })
static struct buf said;

static int ctl(struct world *w, const char *const *words)
{
	buf_reset(&said);
	return world_ctl(w, words, &said);
}

static void says(const char *text)
{
	if (!strstr(buf_str(&said), text))
		fail_msg("\"%s\" is not in: %s", text, buf_str(&said));
}

static void all_once(struct world *w, int count)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct world_sent sent = world_sent(w, arena, count);

	for (int i = 0; i < count; i++)
		assert_int_equal(sent.captured[i], 1);
	assert_true(sent.messages == count && sent.repeated == 0);
}

/* What is behind the rate is not released before its turn comes; the count of the day outlives the process. */
static void rate_and_quota(void **state)
{
	struct world *w = begin(state, &(struct world_options){ .limits = ",\"per_second\":5,\"per_day\":12" });
	int64_t begun = real_ms();

	world_push_range(w, WORLD_FINALIZED, 0, 10, 1);
	requested(w, 10);
	assert_true(real_ms() - begun >= 1700); /* nine distances of 200 ms; later is always right, sooner never */
	all_once(w, 10);
	assert_int_equal(CTL("provider", "health", "sandbox"), 0);
	says("10 of 12 a day");
	says("5/s");
	assert_int_equal(process_stop(&w->daemon, WAIT_MS), 0);
	world_start(w, NULL);
	assert_true(world_ready(w, WAIT_MS));
	world_push_range(w, WORLD_FINALIZED, 10, 4, 1);
	requested(w, 12);
	assert_int_equal(CTL("provider", "health", "--json", "sandbox"), 0);
	says("\"quota\":\"12 of 12 a day\"");
	assert_int_equal(CTL("list"), 0);
	says("quota");
	assert_int_equal(process_stop(&w->daemon, WAIT_MS), 0);
	assert_true(world_trail_verifies(w));
}

static void a_refused_account(void **state)
{
	struct world *w = begin(state, &(struct world_options){ 0 });

	world_behave(w, REFUSES);
	world_push_range(w, WORLD_FINALIZED, 0, 1, 1);
	assert_true(world_quiet(w, WAIT_MS));
	world_push_range(w, WORLD_FINALIZED, 1, 1, 1);
	assert_true(world_quiet(w, WAIT_MS));
	assert_int_equal(requests(w), 1); /* the second one was never tried */
	world_fires_above(w, "DunningdProviderStopped", "dunningd_provider_stopped_seconds{provider=\"sandbox\"}", 0);
	world_fires(w, "DunningdProviderFails", "dunningd_attempts_total" OUTCOME("refused"), 1);
	assert_int_equal(CTL("provider", "health"), 1);
	says("stopped");
	says("refused: config (401)");
	assert_int_equal(CTL("explain", "inv_1"), 0);
	says("the provider refuses this account");
	assert_int_equal(CTL("provider", "list"), 0);
	says("stopped");
	assert_int_equal(CTL("reload"), 0); /* a person mended it */
	assert_int_equal(CTL("provider", "health"), 0);
	assert_int_equal(CTL("retry", "inv_0", "mended"), 0);
	assert_int_equal(CTL("retry", "inv_1", "mended"), 0);
	requested(w, 3);
	all_once(w, 2);
}

static void one_that_asks_for_patience(void **state)
{
	struct world *w = begin(state, &(struct world_options){ 0 });

	world_behave(w, "{\"mode\":\"429\",\"retry_after\":\"3600\",\"count\":1}");
	world_push_range(w, WORLD_FINALIZED, 0, 1, 1);
	world_fires_above(w, "DunningdProviderPaused", "dunningd_provider_paused_seconds{provider=\"sandbox\"}", 3000);
}

static void one_that_is_away(void **state)
{
	struct world *w = begin(state, &(struct world_options){ 0 });

	process_kill(&w->sandbox);
	world_push_range(w, WORLD_FINALIZED, 0, 1, 1);
	world_fires(w, "DunningdProviderFails", "dunningd_attempts_total" OUTCOME("temporary"), 1);
}

/* Half a second and more: it is not in the bucket of half a second. */
static void a_slow_one(void **state)
{
	struct world *w = begin(state, &(struct world_options){ 0 });

	world_behave(w, "{\"mode\":\"slow\",\"ms\":600,\"count\":1}");
	world_push_range(w, WORLD_FINALIZED, 0, 1, 1);
	requested(w, 1);
	world_fires(w, "DunningdProviderSlow", "dunningd_attempt_duration_seconds_bucket" WITHIN("+Inf"), 1);
	world_fires(w, "DunningdProviderSlow", "dunningd_attempt_duration_seconds_bucket" WITHIN("0.5"), 0);
}

static void the_second_provider(void **state)
{
	struct world *w = begin(state, &(struct world_options){ .spare = true });

	world_behave(w, REFUSES);
	world_push_range(w, WORLD_FINALIZED, 0, 1, 1);
	assert_true(world_quiet(w, WAIT_MS));
	world_push_range(w, WORLD_FINALIZED, 1, 1, 1);
	requested(w, 3); /* one refused, and both through the other one */
	all_once(w, 2);
	assert_int_equal(CTL("timeline", "inv_1"), 0);
	says("spare");
	assert_int_equal(CTL("provider", "list"), 0);
	says("email (2nd)");
}

/* The first message finds out; none of the others waits for it, or asks again. */
static void a_quota_that_is_told(void **state)
{
	struct world *w = begin(state, &(struct world_options){ .spare = true });

	world_behave(w, "{\"mode\":\"quota\",\"count\":1}");
	world_push_range(w, WORLD_FINALIZED, 0, 1, 1);
	assert_true(world_quiet(w, WAIT_MS));
	world_push_range(w, WORLD_FINALIZED, 1, 4, 1);
	requested(w, 6);
	all_once(w, 5);
	assert_int_equal(CTL("timeline", "inv_4"), 0);
	says("spare");
	assert_int_equal(CTL("provider", "health"), 1);
	says("throttled: quota (429)");
	assert_int_equal(CTL("tasks"), 0);
	says("provider:sandbox");
}

/* What a person wrote into it and reloads is told not to count yet; what no start would take, too. */
static void a_configuration_that_changed(void **state)
{
	struct world *w = begin(state, &(struct world_options){ 0 });

	world_configure(w, "\"creditor\":", "/* as before */ \"creditor\":");
	assert_int_equal(CTL("reload", "--json"), 0);
	says("\"config_changed\":false");
	world_configure(w, "\"providers\":{", "\"providers\":{\"second\":{\"file\":\"outbox\"},");
	assert_int_equal(CTL("reload"), 0);
	says("changed since the daemon started: only a restart takes it");
	says(w->config);
	assert_int_equal(CTL("status"), 1);
	says("Not quite well: 1 thing can wait for the morning.");
	assert_int_equal(CTL("provider", "list", "--json"), 0);
	says("\"name\":\"second\",\"channels\":null,\"state\":\"new\"");
	world_configure(w, "\"outbox\"}", "\"is-nowhere.json\"}");
	assert_int_equal(CTL("status"), 1);
	says("changed since the daemon started");
	world_configure(w, "\"second\":{\"file\":\"is-nowhere.json\"},", "");
	(void)CTL("status", "--json");
	says("\"config_changed\":false");
}

static void a_test_by_hand(void **state)
{
	struct world *w = begin(state, &(struct world_options){ 0 });

	assert_int_equal(CTL("--who", "ann", "provider", "test", "sandbox", "me@acme.example"), 0);
	says("accepted");
	assert_int_equal(requests(w), 1);
	world_behave(w, REFUSES);
	assert_int_equal(CTL("provider", "test", "--json", "sandbox", "me@acme.example"), 1);
	says("\"outcome\":\"refused\",\"reason\":\"config\",\"status\":401");
	assert_int_equal(CTL("provider", "test", "nobody", "me@acme.example"), 1);
	says("none of the providers that the daemon was started with");
	assert_int_equal(CTL("provider", "check", "sandbox.json"), 0); /* by the name that the configuration has */
	says("/providers/sandbox.json");
	says("Token first");
	assert_int_equal(CTL("provider", "check", "smtp"), 0);
	says("Built in");
	assert_int_equal(CTL("provider", "check", "nowhere.json"), 1);
	says("/providers/nowhere.json");
	assert_int_equal(CTL("provider", "check", "./sandbox.json"), 1);
	assert_int_equal(CTL("provider", "test", "sandbox", "me@acme.example\nBcc: x@y.example"), 1);
	assert_int_equal(CTL("provider", "test", "sandbox", "not an address"), 1);
	assert_int_equal(CTL("provider", "test", "--channel", "letter", "sandbox", "me@acme.example"), 1);
	assert_int_equal(requests(w), 2);
	assert_int_equal(CTL("trail", "log", "--customer", "~system", "--json"), 0);
	says("\"kind\":\"provider.test\"");
	says("\"kind\":\"provider.tested\"");
	assert_null(strstr(buf_str(&said), "me@acme.example"));
	assert_int_equal(process_stop(&w->daemon, WAIT_MS), 0);
	assert_true(world_trail_verifies(w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(rate_and_quota, teardown),
		cmocka_unit_test_teardown(a_refused_account, teardown),
		cmocka_unit_test_teardown(one_that_asks_for_patience, teardown),
		cmocka_unit_test_teardown(one_that_is_away, teardown),
		cmocka_unit_test_teardown(a_slow_one, teardown),
		cmocka_unit_test_teardown(the_second_provider, teardown),
		cmocka_unit_test_teardown(a_quota_that_is_told, teardown),
		cmocka_unit_test_teardown(a_configuration_that_changed, teardown),
		cmocka_unit_test_teardown(a_test_by_hand, teardown),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	buf_clear(&said);
	return failed;
}
