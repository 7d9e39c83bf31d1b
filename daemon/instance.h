/*
 * instance - one running daemon: its configuration and credentials, the ports, the partitions' flows, and its life from the first
 * check to the last line.
 */
#ifndef DUNNINGD_DAEMON_INSTANCE_H
#define DUNNINGD_DAEMON_INSTANCE_H

#include <stdbool.h>

struct instance_options {
	const char *config_file;
	const char *share_dir; /* shipped policies, templates and provider files */
	const char *credentials_dir; /* NULL = $CREDENTIALS_DIRECTORY */
	const char *clock; /* a played clock, as in common/played_clock.h; NULL = the computer's */
};

/* Exit codes, of <sysexits.h> where they say the same. */
enum {
	INSTANCE_OK = 0,
	INSTANCE_FAILED = 1, /* see the last line of the log */
	INSTANCE_USAGE = 64,
	INSTANCE_IO = 74, /* the journal or the state directory */
	INSTANCE_LEASE_LOST = 75, /* of a partition alone, which begins anew: the process never ends with it */
	INSTANCE_CONFIG = 78, /* configuration, credentials, Redis settings: a person must mend them */
};

/* Reads everything that a start would read and says what is wrong, or "ok". An exit code. */
int instance_check(const struct instance_options *options);
/* Until SIGTERM, SIGINT or a fault. An exit code. */
int instance_run(const struct instance_options *options);

#endif
