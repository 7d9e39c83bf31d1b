/* redis_link_internal - shared by redis_link*.c. For them only. */
#ifndef DUNNINGD_COMMON_REDIS_LINK_INTERNAL_H
#define DUNNINGD_COMMON_REDIS_LINK_INTERNAL_H

#include "common/redis_link.h"
#include "common/redis_nodes.h"

struct event;
struct bufferevent;
struct evdns_base;
struct ssl_ctx_st;
struct redisReader;

#define CONNECT_MS 5000

struct waiting {
	redis_done_fn done;
	void *arg;
	int64_t since, deadline;
	/* A script call that may have to be sent whole. */
	const struct redis_script *script;
	bool whole; /* it was sent so already */
	int64_t replicas; /* that must have what it wrote, before its answer is told */
	struct arena *kept; /* the answer, while they are waited for; NULL before */
	struct redis_reply reply;
	size_t keys, argc;
	char **argv;
	size_t *lens;
	struct waiting *next;
};

struct redis_link {
	struct event_base *base;
	struct redis_url url;
	char *key; /* of a cluster: the link is for its slot; NULL: for any primary */
	struct redis_node at; /* the server itself, or what was found */
	bool found, redirected; /* at is where to connect next; redirected: said so by a node, not by who was asked */
	struct redis_node known[REDIS_NODES_MAX]; /* of a cluster: as last told */
	size_t known_count, seek_next; /* whom to ask next: of those known, then of the address */
	struct redis_link *scout; /* to whom is asked where the server is; a sentinel goes on to be asked */
	struct event *watch; /* when it is asked anew; NULL: of a single server */
	struct redis_link *aside; /* where an ASK led last */
	bool asks; /* this is such a one: each command comes behind ASKING */
	redis_state_fn state;
	void *state_arg;
	struct evdns_base *dns;
	struct ssl_ctx_st *tls;
	struct bufferevent *bev;
	struct redisReader *reader;
	struct arena *replies; /* what the reader makes of the reply that it is at */
	struct event *timer; /* reconnect */
	uint64_t connection; /* how many there were */
	struct event *scan; /* deadlines, and failures to be told from the loop */
	struct waiting *first, **last; /* sent, in order */
	struct waiting *failed, **failed_last; /* told -ENOTCONN at the next turn of the loop */
	int failure;
	bool connecting, ready, destroyed;
	bool once; /* see redis_link_try_once() */
	int inside; /* callbacks on the stack */
	int64_t connect_deadline, ready_at;
	int backoff;
};

int64_t link_mono(void);
void link_arm(struct event *event, int ms);
void link_scan(struct redis_link *link); /* something waits now: its deadline is looked at */
void link_disconnect(struct redis_link *link, int why, const char *text);
void link_write(struct redis_link *link, size_t argc, const char *const *argv, const size_t *lens);
struct waiting *link_waiting(redis_done_fn done, void *arg, int timeout_ms);
void link_push(struct redis_link *link, struct waiting *w);
void link_push_failed(struct redis_link *link, struct waiting *w);
void link_connect(struct redis_link *link); /* to `at` */

void link_leave(struct redis_link *link); /* behind link->inside++, around what may call the user */
void link_asking(struct redis_link *link); /* before a command of an aside */
/* Where the ASK led, once it is connected; NULL until then. */
struct redis_link *link_aside(struct redis_link *link, const struct redis_reply *ask);

/* redis_link_script.c */
void link_send_script(struct redis_link *link, struct waiting *w, bool whole);
/* Over the connection that wrote it, since WAIT tells of nothing else. */
void link_await_replicas(struct redis_link *link, struct waiting *w, const struct redis_reply *reply);
/* The script that was answered by ASK goes where that led, with its answer to whoever waits. False: not now. */
bool link_follow(struct redis_link *link, struct waiting *w, const struct redis_reply *ask);

/* redis_link_seek.c */
void link_seek(struct redis_link *link); /* asks where the server is, then connects to it */
void link_seek_end(struct redis_link *link); /* nobody is asked any more */
void link_seek_watch(struct redis_link *link); /* connected: does it stay the one? */

#endif
