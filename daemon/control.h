/*
 * control - HTTP on a Unix socket for dunningctl: what needs the running process. Who may reach it is the business of the folder
 * that it lies in. It holds nothing itself; the callbacks do.
 *
 *	GET  /status                                    JSON, by callbacks->status
 *	GET  /config                                    {"config":...}: the configuration it was started with, by callbacks->config
 *	POST /suspend        {"who","why","until"?}     until: RFC 3339; without it until released
 *	POST /release        {"who","why"}              both are done where this process leads. 409 "led_elsewhere" with "elsewhere":[partitions]
 *	                     names those that it does not surely lead: their streams must have the order, as dunningctl gives it
 *	POST /reload         {}                         policies, templates and provider files anew
 *	POST /clock/confirm  {"who","why"}
 *	POST /anchor         {"who","why"}              all who vouch for the trail are asked now
 *	POST /anchor/agreed  {"who","why"}              what was held since one of them had more of the log may go on
 *	POST /erase          {"who","why","customer","classes","until_year"?,"yes"}   begins; classes: array of their names
 *	POST /reading        {"who","kind","command","customer","invoice"?,"for"?,"records","digest"?}   a person opened records ("read"), or
 *	                     was given a bundle of them ("export"). 200: it will stand in the trail
 *	POST /provider/test  {"who","provider","address","channel"?}   begins: one message by hand, recorded before and after
 *	POST /link           {"who","invoice","partition"}   {"ok":true,"url":...}: the debtor's page about it, for whoever asked for it
 *	GET  /provider/test  JSON, by callbacks->tested: what became of the last one
 *	GET  /, /invoices ...          the dashboard (daemon/dashboard.h)
 *	GET  /erase          JSON, by callbacks->erasure: what became of the last one
 *
 * 200 with {"ok":true} or the status; else {"error":code,"path":..,"text":..} with 400 (the request), 404, 405, 409 (refused), 413.
 */
#ifndef DUNNINGD_DAEMON_CONTROL_H
#define DUNNINGD_DAEMON_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include <event2/event.h>
#include <event2/http.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "common/json.h"
#include "daemon/dunner.h"

#define CONTROL_BODY_MAX 16384
#define CONTROL_WHO_MAX 128 /* bytes */
#define CONTROL_WHY_MAX 400
#define CONTROL_RECORDS_MAX 8000 /* bytes of the list of indexes */

struct control;

struct control_reading {
	bool exported; /* a bundle was made of them; else they were shown */
	const char *who;
	int64_t uid; /* of the process that asks, as the kernel knows it; -1 = it does not say */
	const char *command; /* "trail log" */
	const char *customer; /* whose */
	const char *invoice, *whom; /* about which one alone, for whom; NULL = not said */
	const char *records; /* "<origin> 3-7,9", with "; " between logs */
	const char *digest; /* SHA-256 of a bundle's manifest, hexadecimal; NULL = none */
};

struct control_test {
	const char *who, *provider, *address;
	const char *channel; /* NULL: as the address looks */
};

struct control_link {
	const char *who, *invoice;
	int64_t uid; /* as of a reading */
	int64_t partition;
};

/* All from the loop. who and why: one line, valid UTF-8, not empty. */
struct control_callbacks {
	void (*status)(struct json_writer *w, void *arg); /* the members of one object */
	void (*config)(struct json_writer *w, void *arg); /* the members of one object */
	/* until 0: none. -EAGAIN: done here, but for the partitions whose numbers went into the array `elsewhere`. */
	int (*suspend)(const char *who, const char *why, int64_t until, struct json_writer *elsewhere, struct err *err, void *arg);
	int (*release)(const char *who, const char *why, struct json_writer *elsewhere, struct err *err, void *arg);
	int (*reload)(struct err *err, void *arg);
	int (*seal)(const char *who, const char *why, struct err *err, void *arg); /* the trail's last records, then the end */
	int (*confirm_clock)(const char *who, const char *why, struct err *err, void *arg);
	int (*anchor)(const char *who, const char *why, struct err *err, void *arg);
	int (*agreed)(const char *who, const char *why, struct err *err, void *arg);
	int (*erase)(const struct dunner_erasure *erasure, struct err *err, void *arg);
	void (*erasure)(struct json_writer *w, void *arg); /* the members of one object */
	int (*test)(const struct control_test *test, struct err *err, void *arg);
	void (*tested)(struct json_writer *w, void *arg); /* the members of one object */
	int (*link)(const struct control_link *link, struct arena *arena, const char **url, struct err *err, void *arg);
	int (*reading)(const struct control_reading *reading, struct err *err, void *arg);
	/* Any other address: whether it is a page, which is then answered, now or later. `uid`: as of a reading. NULL: there are none */
	bool (*page)(struct evhttp_request *request, int64_t uid, void *arg);
	void *arg;
};

/*
 * Binds `path`; a socket left over by a dead process is replaced. -EADDRINUSE: somebody answers there. -ENAMETOOLONG, -errno. Mode 0660.
 * `callbacks` is borrowed for life.
 */
int control_create(struct event_base *base, const char *path, const struct control_callbacks *callbacks,
	struct control **ret, struct err *err);
void control_destroy(struct control *control); /* removes the socket. NULL is allowed */
DEFINE_CLEANUP(struct control, control_destroy)

#endif
