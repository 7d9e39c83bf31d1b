/*
 * dashboard - the owner's pages at /: the day, the book, one debtor's correspondence, policies, health; and the few things that are done
 * there. Over HTTP at dashboard.listen to whoever has a token (evhttp; a proxy in front speaks TLS), and over the control socket.
 *
 *	GET  /  /tasks  /invoices  /invoice  /debtor  /message  /policies  /health     and /dashboard.css, /icon.svg
 *	GET  /do?what=hold&id=INV-1    the form that asks once        POST /do    an operator.command, with who and why
 *	POST /sign-in  /sign-out       a token becomes a cookie for a working day
 *
 * A token comes by that cookie or as "Authorization: Bearer". Without one, or with a wrong one, every address gives one page (401); one that
 * may only read gets another (403) where something is done. GET and HEAD change nothing. A POST needs the pass of its form, good for that
 * person, action and thing alone; told twice it counts once. All reading is bounded and never waits in the loop: pages of the stores, so
 * many records of the trail at a time. Whose correspondence is shown stands in the trail before it is (read.made).
 */
#ifndef DUNNINGD_DAEMON_DASHBOARD_H
#define DUNNINGD_DAEMON_DASHBOARD_H

#include <stdint.h>

#include <event2/event.h>
#include <event2/http.h>

#include "common/library.h"
#include "common/redis_links.h"
#include "daemon/control.h"
#include "daemon/ports.h"

struct dashboard_settings {
	const struct config *config; /* borrowed for life, as all of these */
	const struct redis_url *redis;
	const struct journal_port *journal;
	const struct keys_port *keys;
	const char *log_origin; /* of the trail's logs, without the year */
	adapter_secret_fn secret; /* the tokens */
	void *secret_arg;
	int64_t (*now)(void *arg); /* ms UTC */
	void (*status)(struct json_writer *w, void *arg); /* the members of one object: as GET /status */
	int (*reading)(const struct control_reading *reading, struct err *err, void *arg);
	void (*note)(int priority, const char *line, void *arg); /* "dashboard: ..." for the log; ids alone */
	void *arg; /* of all four */
};

struct dashboard;

/* Binds dashboard.listen, if there is one. -errno, -EBADMSG: err says why. */
int dashboard_create(struct event_base *base, const struct dashboard_settings *settings, struct library *library, struct dashboard **ret,
	struct err *err);
void dashboard_use(struct dashboard *dashboard, struct library *library); /* after a reload */
void dashboard_destroy(struct dashboard *dashboard); /* who waits gets 503. NULL is allowed */
DEFINE_CLEANUP(struct dashboard, dashboard_destroy)

/* A request that came over the control socket, by a process of this user. It is answered, now or later. */
void dashboard_serve(struct dashboard *dashboard, struct evhttp_request *request, int64_t uid);
/* Whether its address is one of the dashboard's. */
bool dashboard_has(const char *uri);

struct dashboard_counts {
	uint64_t shown; /* pages */
	uint64_t told; /* commands put into the operator's stream */
	uint64_t refused; /* requests answered with 4xx */
};
struct dashboard_counts dashboard_counts(const struct dashboard *dashboard);

#endif
