/* For tools, which have nothing else to do than to wait for an answer. */
#include <errno.h>
#include <event2/event.h>

#include "common/redis_link_internal.h"

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

static bool wait_ready(struct event_base *base, const struct redis_link *link, int64_t deadline)
{
	while (!link->ready && link_mono() < deadline)
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

int redis_call(struct event_base *base, struct redis_link *link, struct arena *arena, size_t argc, const char *const *argv,
	const size_t *lens, const struct redis_reply **ret)
{
	bool many = link->url.kind != REDIS_SINGLE;
	int64_t deadline = link_mono() + (many ? ELSEWHERE_MS : CONNECT_MS);
	struct redis_link *to = link;

	for (;;) {
		struct call *call = arena_alloc(arena, sizeof(*call));
		enum redis_class class;

		call->arena = arena;
		if (!wait_ready(base, to, deadline))
			return -ENOTCONN;
		if (to->asks)
			link_asking(to);
		redis_link_command(to, argc, argv, lens, 0, on_call, call);
		while (!call->done)
			event_base_loop(base, EVLOOP_ONCE);
		*ret = &call->reply;
		class = call->r == 0 ? redis_reply_class(&call->reply) : REDIS_OTHER;
		if (!many || !not_executed(class) || link_mono() > deadline)
			return call->r;
		to = link;
		if (class == REDIS_ASK && (link_aside(link, &call->reply) || link->aside))
			to = link->aside;
		else
			rest(base);
	}
}
