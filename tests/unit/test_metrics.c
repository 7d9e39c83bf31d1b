/* The registry and its two texts, held to a reader that knows nothing of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/metrics.h"
#include "tests/support/exposition.h"

enum { SENT, WAITING, TOOK, LATE, NEVER, ROW_COUNT };
static const int64_t bounds[] = { 5, 1000, 2500 };
static const struct metric rows[ROW_COUNT] = {
	[SENT] = { .name = "t_sent", .type = METRIC_COUNTER, .unit = "", .scale = 1, .labels = { "channel", "provider" }, .series_max = 3,
		.help = "What was \"sent\", \\ and\nhow" },
	[WAITING] = { .name = "t_waiting", .type = METRIC_GAUGE, .unit = "", .scale = 1, .help = "What waits" },
	[TOOK] = { .name = "t_took_seconds", .type = METRIC_HISTOGRAM, .unit = "seconds", .scale = 1000, .labels = { "provider" }, .series_max = 2,
		.bounds = bounds, .bound_count = 3, .help = "How long it took" },
	[LATE] = { .name = "t_late_seconds", .type = METRIC_GAUGE, .unit = "seconds", .scale = 1000000, .help = "How late it is" },
	[NEVER] = { .name = "t_never", .type = METRIC_GAUGE, .unit = "", .scale = 1, .help = "Has no value" },
};

static const char *const email[] = { "email", "acme" }, *const sms[] = { "sms", "acme" };

static void same(const struct metrics *metrics, bool open, const char *expected)
{
	CLEANUP(buf_clear) struct buf text = { 0 };

	metrics_write(metrics, open, &text);
	assert_string_equal(buf_str(&text), expected);
	if (exposition_fault(buf_str(&text), open))
		fail_msg("%s", exposition_fault(buf_str(&text), open));
}

static void both_texts(void **state)
{
	CLEANUP(metrics_freep) struct metrics *metrics = metrics_create(rows, ROW_COUNT);
	const char *const provider[] = { "acme" };

	(void)state;
	metrics_add(metrics, SENT, 2, email);
	metrics_add(metrics, SENT, 1, sms);
	metrics_add(metrics, SENT, 1, email);
	metrics_set(metrics, WAITING, 7, NULL);
	metrics_set(metrics, WAITING, -3, NULL);
	metrics_observe(metrics, TOOK, 5, provider);
	metrics_observe(metrics, TOOK, 6, provider);
	metrics_observe(metrics, TOOK, 99999, provider);
	metrics_observe(metrics, TOOK, -1, provider);
	metrics_set(metrics, LATE, -1500, NULL);
	same(metrics, false,
		"# HELP t_sent_total What was \"sent\", \\\\ and\\nhow\n# TYPE t_sent_total counter\n"
		"t_sent_total{channel=\"email\",provider=\"acme\"} 3\nt_sent_total{channel=\"sms\",provider=\"acme\"} 1\n"
		"# HELP t_waiting What waits\n# TYPE t_waiting gauge\nt_waiting -3\n"
		"# HELP t_took_seconds How long it took\n# TYPE t_took_seconds histogram\n"
		"t_took_seconds_bucket{provider=\"acme\",le=\"0.005\"} 2\nt_took_seconds_bucket{provider=\"acme\",le=\"1.0\"} 3\n"
		"t_took_seconds_bucket{provider=\"acme\",le=\"2.5\"} 3\nt_took_seconds_bucket{provider=\"acme\",le=\"+Inf\"} 4\n"
		"t_took_seconds_sum{provider=\"acme\"} 100.01\nt_took_seconds_count{provider=\"acme\"} 4\n"
		"# HELP t_late_seconds How late it is\n# TYPE t_late_seconds gauge\nt_late_seconds -0.0015\n");
	metrics_reset(metrics, SENT);
	metrics_reset(metrics, TOOK);
	metrics_add(metrics, SENT, 0, sms);
	same(metrics, true,
		"# HELP t_sent What was \\\"sent\\\", \\\\ and\\nhow\n# TYPE t_sent counter\nt_sent_total{channel=\"sms\",provider=\"acme\"} 0\n"
		"# HELP t_waiting What waits\n# TYPE t_waiting gauge\nt_waiting -3\n"
		"# HELP t_late_seconds How late it is\n# TYPE t_late_seconds gauge\n# UNIT t_late_seconds seconds\nt_late_seconds -0.0015\n"
		"# EOF\n");
}

static const struct value_row {
	const char *name, *value, *text;
} values[] = {
	{ "as it is", "acme-1", "acme-1" },
	{ "empty", "", "" },
	{ "a quote", "a\"b", "a\\\"b" },
	{ "a backslash at its end", "a\\", "a\\\\" },
	{ "a line's end", "a\nb", "a\\nb" },
	{ "a closing brace", "a\"} 1", "a\\\"} 1" },
	{ "UTF-8", "caf\xc3\xa9", "caf\xc3\xa9" },
	{ "no UTF-8", "caf\xe9!", "caf?!" },
	{ "too long", "0123456789012345678901234567890123456789012345678901234567890123X",
		"0123456789012345678901234567890123456789012345678901234567890123" },
	{ "cut between characters", "012345678901234567890123456789012345678901234567890123456789012\xc3\xa9",
		"012345678901234567890123456789012345678901234567890123456789012" },
};

static void label_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		CLEANUP(metrics_freep) struct metrics *metrics = metrics_create(rows, ROW_COUNT);
		CLEANUP(buf_clear) struct buf text = { 0 };
		CLEANUP(buf_clear) struct buf sample = { 0 };
		const char *const labels[] = { "email", values[i].value };
		double n;

		metrics_add(metrics, SENT, 41, labels);
		metrics_add(metrics, SENT, 1, labels); /* the same again, also once cut */
		metrics_write(metrics, true, &text);
		buf_printf(&sample, "t_sent_total{channel=\"email\",provider=\"%s\"}", values[i].text);
		if (exposition_fault(buf_str(&text), true) || !exposition_value(buf_str(&text), buf_str(&sample), &n) || (int)n != 42)
			fail_msg("%s:\n%s", values[i].name, buf_str(&text));
	}
}

/* A label that turns out to be without bound must not fill anybody's memory. */
static void bounded(void **state)
{
	CLEANUP(metrics_freep) struct metrics *metrics = metrics_create(rows, ROW_COUNT);
	CLEANUP(buf_clear) struct buf text = { 0 };
	double n;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		char provider[16];
		const char *const labels[] = { "email", provider };

		(void)snprintf(provider, sizeof(provider), "p%d", i % 100);
		metrics_add(metrics, SENT, 1, labels);
	}
	assert_int_equal(metrics_left_out(metrics), 970);
	metrics_write(metrics, false, &text);
	assert_true(exposition_value(buf_str(&text), "t_sent_total{channel=\"email\",provider=\"p2\"}", &n) && (int)n == 10);
	assert_false(exposition_value(buf_str(&text), "t_sent_total{channel=\"email\",provider=\"p3\"}", &n));
}

static void chosen_by_accept(void **state)
{
	(void)state;
	assert_false(metrics_wants_open(NULL));
	assert_false(metrics_wants_open("*/*"));
	assert_false(metrics_wants_open("text/plain;version=0.0.4;q=0.5"));
	assert_true(metrics_wants_open("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"));
}

/* The reader itself finds what is wrong. */
static const struct fault_row {
	const char *name, *text;
	bool open;
} faults[] = {
	{ "no type", "a 1\n", false },
	{ "no end", "# HELP a b\n# TYPE a gauge\na 1", false },
	{ "no EOF", "# HELP a b\n# TYPE a gauge\na 1\n", true },
	{ "after EOF", "# HELP a b\n# TYPE a gauge\na 1\n# EOF\n\n", true },
	{ "a family twice", "# HELP a b\n# TYPE a gauge\na 1\n# HELP c b\n# TYPE c gauge\nc 1\n# HELP a b\n", false },
	{ "a sample twice", "# HELP a b\n# TYPE a gauge\na 1\na 2\n", false },
	{ "another family's sample", "# HELP a b\n# TYPE a gauge\nb 1\n", false },
	{ "no number", "# HELP a b\n# TYPE a gauge\na x\n", false },
	{ "a label twice", "# HELP a b\n# TYPE a gauge\na{x=\"1\",x=\"2\"} 1\n", false },
	{ "a label's value unescaped", "# HELP a b\n# TYPE a gauge\na{x=\"1\"2\"} 1\n", false },
	{ "a counter without total", "# HELP a b\n# TYPE a counter\na 1\n", true },
	{ "a counter below zero", "# HELP a_total b\n# TYPE a_total counter\na_total -1\n", false },
	{ "a unit that the name lacks", "# HELP a b\n# TYPE a gauge\n# UNIT a seconds\na 1\n# EOF\n", true },
	{ "buckets that fall", "# HELP a b\n# TYPE a histogram\na_bucket{le=\"1\"} 2\na_bucket{le=\"+Inf\"} 1\na_sum 1\na_count 1\n", false },
	{ "no last bucket", "# HELP a b\n# TYPE a histogram\na_bucket{le=\"1\"} 2\na_sum 1\na_count 2\n", false },
	{ "another count", "# HELP a b\n# TYPE a histogram\na_bucket{le=\"+Inf\"} 2\na_sum 1\na_count 3\n", false },
	{ "no sum", "# HELP a b\n# TYPE a histogram\na_bucket{le=\"+Inf\"} 2\na_count 2\n", false },
};

static void the_reader_is_strict(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(faults); i++)
		if (!exposition_fault(faults[i].text, faults[i].open))
			fail_msg("%s is not found", faults[i].name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_texts),
		cmocka_unit_test(label_values),
		cmocka_unit_test(bounded),
		cmocka_unit_test(chosen_by_accept),
		cmocka_unit_test(the_reader_is_strict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
