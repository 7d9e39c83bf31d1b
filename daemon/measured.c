#include "daemon/measured.h"

#include <stdlib.h>
#include <time.h>

#include "common/cleanup.h"

struct call {
	struct measured *measured;
	enum channel channel;
	char *provider; /* owned */
	int64_t began; /* mono; -1 = no byte left */
	transport_may_start_fn may_start;
	transport_done_fn done;
	void *arg;
	struct call *next, **link;
};

struct measured {
	struct transport_port port;
	const struct transport_port *behind;
	measured_fn fn;
	void *arg;
	struct call *calls;
};

static int64_t mono_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void call_free(struct call *call)
{
	*call->link = call->next;
	if (call->next)
		call->next->link = call->link;
	free(call->provider);
	free(call);
}

static bool may_start(void *arg)
{
	struct call *call = arg;
	bool may = call->may_start(call->arg);

	if (may)
		call->began = mono_ms();
	return may;
}

static void on_done(const struct outcome *outcome, void *arg)
{
	struct call *call = arg;
	struct measured *measured = call->measured;

	measured->fn(call->channel, call->provider, outcome->kind, call->began < 0 ? -1 : mono_ms() - call->began, measured->arg);
	call->done(outcome, call->arg);
	call_free(call);
}

static void start(void *self, const struct message *message, transport_may_start_fn asked, transport_done_fn done, void *arg)
{
	struct measured *measured = self;
	struct call *call = xcalloc(1, sizeof(*call));

	*call = (struct call){ .measured = measured, .channel = message->channel, .provider = xstrdup(message->provider), .began = -1,
		.may_start = asked, .done = done, .arg = arg, .next = measured->calls, .link = &measured->calls };
	if (call->next)
		call->next->link = &call->next;
	measured->calls = call;
	measured->behind->start(measured->behind->self, message, may_start, on_done, call);
}

static void lookup(void *self, const struct message *message, int64_t sent_at, transport_lookup_fn done, void *arg)
{
	const struct transport_port *behind = ((struct measured *)self)->behind;

	behind->lookup(behind->self, message, sent_at, done, arg);
}

static int forget(void *self, const char *const *attempt_ids, size_t count)
{
	const struct transport_port *behind = ((struct measured *)self)->behind;

	return behind->forget(behind->self, attempt_ids, count);
}

struct measured *measured_create(const struct transport_port *behind, measured_fn fn, void *arg)
{
	struct measured *measured = xcalloc(1, sizeof(*measured));

	*measured = (struct measured){ .behind = behind, .fn = fn, .arg = arg,
		.port = { .self = measured, .start = start, .lookup = lookup, .forget = behind->forget ? forget : NULL } };
	return measured;
}

void measured_destroy(struct measured *measured)
{
	if (!measured)
		return;
	while (measured->calls)
		call_free(measured->calls);
	free(measured);
}

const struct transport_port *measured_port(struct measured *measured)
{
	return &measured->port;
}
