/*
 * http_client_internal - what http_client.c, which has the queues and the pace, http_client_before.c, which asks for tokens and walks the
 * steps before a request, and http_client_mask.c, which keeps secrets out of records, share.
 */
#ifndef DUNNINGD_DAEMON_HTTP_CLIENT_INTERNAL_H
#define DUNNINGD_DAEMON_HTTP_CLIENT_INTERNAL_H

#include "daemon/http_client.h"
#include "daemon/http_client_smtp.h"
#include "daemon/http_client_wire.h"
#include "daemon/log_id.h"
#include "daemon/outbox.h"

struct request {
	struct arena *arena; /* owns it */
	struct http_client *client;
	struct provider *provider; /* NULL: unknown */
	struct adapter *adapter; /* as it was when the request was made; owned */
	struct http_request http;
	const void *mail; /* for a mail server: smtp_mail()'s bytes, in the arena; NULL = by HTTP */
	size_t mail_len;
	struct adapter_lookup *lookup; /* NULL: a message */
	const struct message *message; /* a copy, when requests come before this one, or for a mail server; else NULL */
	const struct poll *poll; /* NULL: none; then there is no message */
	struct poll_position position;
	http_asked_fn asked;
	const struct http_answer *answer; /* while `asked` is called */
	int64_t sent_at; /* of a look-up */
	const char *token; /* that it was made with; NULL = none */
	size_t step; /* the next one */
	struct adapter_bound *bound; /* by the steps before it */
	size_t bound_count;
	transport_may_start_fn may_start;
	transport_done_fn done;
	transport_lookup_fn looked_up;
	void *arg;
	int64_t queued_at, begun_at; /* mono, us */
	struct outcome outcome;
	enum lookup_result found;
	const char *found_id;
	struct request *next, **link; /* link: on the wire */
};

struct request_list {
	struct request *first, **end;
	size_t count;
};

struct provider {
	struct http_client *client;
	char *name;
	struct adapter *adapter; /* owned; NULL = built in */
	bool smtp; /* a mail server; else, without an adapter, the outbox */
	const struct provider_settings *settings; /* the configuration's */
	struct wire *wire;
	struct request_list queue;
	struct request *active; /* on the wire */
	struct event *pump;
	struct pace *pace; /* shared with whoever decides about messages */
	const char *stopped_reason;
	int64_t lookups_from; /* mono, us: it wants no look-up before; messages it may still take */
	char *token; /* owned; NULL = none. The requests of this provider are made with it ... */
	int64_t token_until; /* ... until then, wall clock */
	bool token_asked; /* its request is under way: the others wait */
	unsigned tokens_refused; /* times in a row */
	struct http_provider_status counters;
	struct provider *next;
};

struct http_client {
	struct event_base *base;
	struct http_client_settings settings;
	struct transport_port port;
	struct provider *providers;
	struct outbox *outbox;
	struct smtp_client *smtp;
	struct paces *own_paces; /* when none were given */
	struct request_list settled; /* their callbacks are still to be called */
	struct event *deliver;
	bool global, stopping;
};

void http_client_note(struct http_client *client, int priority, const char *format, ...) __attribute__((format(printf, 3, 4)));
void provider_pump_soon(struct provider *provider);
void request_send(struct request *request); /* the one that sends, or looks up: it is built */
void request_finish(struct request *request); /* off the wire, with its outcome */
void request_mask(struct request *request); /* our secrets in the answer that is recorded: each byte a '*' */
void request_refuse(struct request *request, const struct err *err); /* before it was queued */

/* 0, or the request is refused. With others before it, it is made when their answers are there; now only whether it can be. */
int request_prepare(struct request *request, const struct message *message, int64_t sent_at);
void request_go_on(struct request *request); /* the token, then each step, then the request itself */
void request_explain(const struct request *request, const struct err *err, struct outcome *ret); /* why it cannot be made */
void token_judge(struct provider *provider, struct outcome *outcome); /* after each outcome: may make a refusal of it */
void token_drop(struct provider *provider);

#endif
