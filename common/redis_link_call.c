/* For tools, which have nothing else to do than to wait for an answer. */
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>

#include "common/redis_link_internal.h"

#define REPLICAS_MS "2000"
#define RETRY_MS 1000 /* as long as it is tried again to connect to a server that is not there */
#define PAUSE_MS 50 /* before what was not executed is tried again */
#define ELSEWHERE_MS 15000 /* as long as a fail-over may take */

struct call {
	struct arena *arena;
	struct redis_reply reply;
	bool done;
	int r;
};

static void on_call(int r, const struct redis_reply *reply, void *arg)
{
	struct call *call = arg;

	call->r = r;
	if (reply)
		redis_reply_copy(call->arena, reply, &call->reply);
	call->done = true;
}

void redis_link_try_once(struct redis_link *link)
{
	link->once = true;
}

/* Of one server, a connection that is refused is an answer; of many, another one may be there. */
static bool wait_ready(struct event_base *base, const struct redis_link *link, int64_t deadline)
{
	int64_t again_until = link->url.kind != REDIS_SINGLE ? deadline : link->once ? 0 : link_mono() + RETRY_MS;

	while (!link->ready && link_mono() < (link->connecting || !link->backoff ? deadline : again_until))
		event_base_loop(base, EVLOOP_ONCE);
	return link->ready;
}

/* Whether it is worth while to ask again; the link finds the way by itself. */
static bool not_executed(enum redis_class class)
{
	return class == REDIS_MOVED || class == REDIS_ASK || class == REDIS_READONLY || class == REDIS_RETRY || class == REDIS_DOWN;
}

static void rest(struct event_base *base)
{
	struct timeval pause = { .tv_usec = PAUSE_MS * 1000 };

	event_base_loopexit(base, &pause);
	event_base_dispatch(base);
}

/* Behind the command, over the same connection. */
static void send_wait(struct redis_link *to, int64_t replicas, struct call *waited)
{
	char wanted[24];
	const char *argv[] = { "WAIT", wanted, REPLICAS_MS };

	snprintf(wanted, sizeof(wanted), "%lld", (long long)replicas);
	redis_link_command(to, ARRAY_LEN(argv), argv, NULL, 0, on_call, waited);
}

int redis_call_kept(struct event_base *base, struct redis_link *link, struct arena *arena, int64_t replicas, size_t argc,
	const char *const *argv, const size_t *lens, const struct redis_reply **ret)
{
	bool many = link->url.kind != REDIS_SINGLE;
	int64_t deadline = link_mono() + (many ? ELSEWHERE_MS : CONNECT_MS);
	struct redis_link *to = link;

	for (;;) {
		struct call *call = arena_alloc(arena, sizeof(*call)), *waited = arena_alloc(arena, sizeof(*waited));
		enum redis_class class;

		call->arena = waited->arena = arena;
		if (!wait_ready(base, to, deadline))
			return -ENOTCONN;
		if (to->asks)
			link_asking(to);
		redis_link_command(to, argc, argv, lens, 0, on_call, call);
		if (replicas)
			send_wait(to, replicas, waited);
		while (!call->done || (replicas && !waited->done))
			event_base_loop(base, EVLOOP_ONCE);
		*ret = &call->reply;
		class = call->r == 0 ? redis_reply_class(&call->reply) : REDIS_OTHER;
		if (call->r == 0 && class == REDIS_OK && replicas && (waited->r < 0 || waited->reply.integer < replicas))
			return -EAGAIN;
		if (!many || !not_executed(class) || link_mono() > deadline)
			return call->r;
		to = link;
		if (class == REDIS_ASK && (link_aside(link, &call->reply) || link->aside))
			to = link->aside;
		else
			rest(base);
	}
}

int redis_call(struct event_base *base, struct redis_link *link, struct arena *arena, size_t argc, const char *const *argv,
	const size_t *lens, const struct redis_reply **ret)
{
	return redis_call_kept(base, link, arena, 0, argc, argv, lens, ret);
}
