/*
 * aside - one job at a time in a second thread. Between aside_begin() and aside_end() everything that the job works on is the job's alone,
 * so there is nothing to lock.
 */
#ifndef DUNNINGD_TOOLS_ASIDE_H
#define DUNNINGD_TOOLS_ASIDE_H

#include <pthread.h>
#include <stdbool.h>

struct aside { /* zeroed at first */
	pthread_t thread;
	bool running;
	void (*fn)(void *arg);
	void *arg;
};

void aside_begin(struct aside *aside, void (*fn)(void *arg), void *arg); /* the one before was waited for */
void aside_end(struct aside *aside); /* waits for it; nothing when none was begun */

#endif
