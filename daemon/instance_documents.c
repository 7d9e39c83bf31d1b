/* Whether invoices' documents are fetched, and from where. */
#include <time.h>

#include "daemon/instance_internal.h"

static int64_t mono(void *arg)
{
	struct timespec at;

	(void)arg;
	(void)clock_gettime(CLOCK_MONOTONIC, &at);
	return (int64_t)at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

struct fetch *instance_fetch(struct instance *in)
{
	const struct fetch_settings settings = { .hosts = in->config->documents_fetch, .ca_file = in->config->http_ca_file, .mono = mono };

	return settings.hosts ? fetch_create(in->base, &settings) : NULL;
}
