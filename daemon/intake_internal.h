/* intake_internal - shared by intake.c, which takes events, and intake_wait.c, which looks after those that wait for their message. */
#ifndef DUNNINGD_DAEMON_INTAKE_INTERNAL_H
#define DUNNINGD_DAEMON_INTAKE_INTERNAL_H

#include "daemon/intake.h"

struct call;
struct round;

struct intake {
	struct intake_settings settings;
	struct event_base *base;
	struct redis_links *redis;
	struct redis_script save;
	struct call *calls;

	/* intake_wait.c */
	struct redis_script move;
	struct event *timer;
	struct round *round; /* NULL: none is under way */
	int64_t pause_ms; /* before the next one, while some wait */
	bool more; /* one came while it was under way */
};

void intake_note(struct intake *intake, int priority, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Says of an event, or of what counts once, that it is known in the partition. */
char *intake_seen_key(const struct intake *intake, struct arena *arena, uint32_t partition, const char *what, const char *provider, const char *source,
	const char *id);
uint32_t intake_partition_in(const char *attempt_id, uint32_t partitions); /* as an id itself tells */

void intake_wait_create(struct intake *intake);
void intake_wait_destroy(struct intake *intake); /* after its links */
void intake_wait_soon(struct intake *intake); /* one waits from now on */

#endif
