#include "tools/aside.h"

#include <assert.h>

static void *run(void *arg)
{
	const struct aside *aside = arg;

	aside->fn(aside->arg);
	return NULL;
}

void aside_begin(struct aside *aside, void (*fn)(void *arg), void *arg)
{
	assert(!aside->running);
	aside->fn = fn;
	aside->arg = arg;
	aside->running = pthread_create(&aside->thread, NULL, run, aside) == 0;
	if (!aside->running) /* no thread to be had: here and now, then */
		fn(arg);
}

void aside_end(struct aside *aside)
{
	if (aside->running)
		(void)pthread_join(aside->thread, NULL);
	aside->running = false;
}
