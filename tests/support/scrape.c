#include "tests/support/scrape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/support/exposition.h"
#include "tests/support/http_get.h"
#include "tests/support/process.h"

#define WAIT_MS 60000

/* -1: there is no such sample, or no answer. */
static double now(int port, const char *sample)
{
	CLEANUP(http_reply_clear) struct http_reply reply = { 0 };
	double ret = -1;
	char url[80];

	snprintf(url, sizeof(url), "http://127.0.0.1:%d/metrics", port);
	if (http_get(url, &reply) == 200)
		(void)exposition_value(buf_str(&reply.body), sample, &ret);
	return ret;
}

static void until(int port, const char *alert, const char *sample, double value, bool above)
{
	int64_t deadline = real_ms() + WAIT_MS;
	double got;

	while (got = now(port, sample), above ? got <= value : got < value || got > value) {
		if (real_ms() > deadline)
			fail_msg("%s: %s is %f, not %s%f", alert, sample, got, above ? "above " : "", value);
		pause_ms(20);
	}
}

void scrape_fires(int port, const char *alert, const char *sample, double value)
{
	until(port, alert, sample, value, false);
}

void scrape_fires_above(int port, const char *alert, const char *sample, double value)
{
	until(port, alert, sample, value, true);
}
