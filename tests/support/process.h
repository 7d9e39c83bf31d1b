/* process - programs that a test starts: always with a deadline, always ended by their pid, never left behind. */
#ifndef DUNNINGD_TESTS_SUPPORT_PROCESS_H
#define DUNNINGD_TESTS_SUPPORT_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/buf.h"

struct process {
	pid_t pid; /* 0 = none */
	int status; /* wait status of the last that ended, -1 = none did */
};

/* argv is NULL-terminated; output goes to the end of `log`. The process dies with the test. Fails the test when it cannot be run. */
void process_start(struct process *process, const char *const *argv, const char *log);
bool process_running(struct process *process); /* reaps it when it has ended */
/* Its wait status, or -1 when it still runs after `ms`. Afterwards there is none. */
int process_wait(struct process *process, int ms);
void process_kill(struct process *process); /* SIGKILL, and waits for it */
/* SIGTERM, then SIGKILL after `ms`. Its wait status. */
int process_stop(struct process *process, int ms);
/* Runs a program to its end; its output into `output` (may be NULL). Its exit status, -1 for a signal or after `ms`. */
int process_run(const char *const *argv, struct buf *output, int ms);

int64_t real_ms(void); /* CLOCK_MONOTONIC */
void pause_ms(int ms); /* between two looks at a condition with a deadline, never instead of one */

#endif
