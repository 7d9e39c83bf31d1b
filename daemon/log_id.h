/*
 * log_id - which lines of the log an administrator may look up: each of these has an id (MESSAGE_ID) and an entry in systemd's catalogue
 * (systemd/dunningd.catalog), which says what to do. It rides on the priority: log_line(log, LOG_ERR | MSG(NO_SPACE), ...).
 */
#ifndef DUNNINGD_DAEMON_LOG_ID_H
#define DUNNINGD_DAEMON_LOG_ID_H

#define LOG_ID_SHIFT 10 /* above priority and facility, see syslog(3) */
#define MSG(name) ((int)MSG_##name << LOG_ID_SHIFT)

enum log_id {
	MSG_NONE,
	MSG_CANNOT_START,
	MSG_ENDS,
	MSG_NO_PROGRESS,
	MSG_STOPPED_HARD,
	MSG_RELOAD_REFUSED,
	MSG_SENDING_HELD,
	MSG_REDIS_AWAY,
	MSG_REDIS_SETTINGS,
	MSG_REDIS_REFUSES,
	MSG_REPLICAS_MISSING,
	MSG_NO_SPACE,
	MSG_DEAD_LETTER,
	MSG_CANNOT_SEND,
	MSG_REFUSED,
	MSG_PROVIDER_FAILS,
	MSG_PROVIDER_REFUSES_US,
	MSG_PROVIDER_PAUSES,
	MSG_CLOCK_DOUBT,
	MSG_ANCHOR_FAILS,
	MSG_ANCHOR_LATE,
	MSG_TRAIL_SET_BACK,
	MSG_TRAIL_UNSIGNED,
	MSG_SHADOW,
	MSG_HOOK_REFUSED,
	MSG_HOOK_UNSIGNED,
	MSG_POLL_FAILS,
	MSG_EVENTS_MISSING,
	MSG_LAW_RUNS_OUT,
	MSG_ERASURE_WAITS,
	MSG_LEASE_LOST,
	MSG_COUNT
};

extern const char *const log_ids[MSG_COUNT]; /* 32 hexadecimal digits; of MSG_NONE: NULL */

#endif
