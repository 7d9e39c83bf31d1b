#include "tools/sandbox_tell.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <event2/buffer.h>
#include <event2/http.h>

#include "common/hash.h"

#define ANSWER_S 20

const char *const sandbox_tell_states[TELL_STATE_COUNT + 1] = { "waiting", "taken", "given up", NULL };

struct telling {
	struct sandbox_told told; /* first: what the callers see */
	struct sandbox_teller *teller;
	struct event *timer; /* the next try, or the end of a connection */
	struct evhttp_connection *connection; /* never freed within its own callback */
	char event[33];
	char *text;
};

struct sandbox_teller {
	struct event_base *base;
	const struct sandbox_keys *keys;
	char *to, *public_url;
	uint16_t port;
	int64_t retry_ms;
	struct telling **tellings;
	size_t len, capacity;
};

struct sandbox_teller *sandbox_teller_create(struct event_base *base, const struct sandbox_keys *keys)
{
	struct sandbox_teller *teller = xcalloc(1, sizeof(*teller));

	*teller = (struct sandbox_teller){ .base = base, .keys = keys, .retry_ms = SANDBOX_RETRY_MS };
	return teller;
}

static void hang_up(struct telling *telling)
{
	if (telling->connection)
		evhttp_connection_free(TAKE(telling->connection));
}

void sandbox_teller_destroy(struct sandbox_teller *teller)
{
	if (!teller)
		return;
	for (size_t i = 0; i < teller->len; i++) {
		hang_up(teller->tellings[i]);
		event_free(teller->tellings[i]->timer);
		free(teller->tellings[i]->text);
		free(teller->tellings[i]);
	}
	free(teller->tellings);
	free(teller->to);
	free(teller->public_url);
	free(teller);
}

int sandbox_teller_aim(struct sandbox_teller *teller, const char *to, const char *public_url, int64_t retry_ms, struct err *err)
{
	static const char host[] = "http://127.0.0.1:";
	char *end = NULL;
	unsigned long port = strncmp(to, host, strlen(host)) == 0 ? strtoul(to + strlen(host), &end, 10) : 0;

	if (!port || port > UINT16_MAX || *end)
		return err_set(err, -EBADMSG, "bad_address", "$.to", "must be http://127.0.0.1:PORT: the sandbox reaches nobody else");
	free(teller->to);
	free(teller->public_url);
	teller->to = xstrdup(to);
	teller->public_url = xstrdup(public_url ? public_url : to);
	teller->port = (uint16_t)port;
	teller->retry_ms = retry_ms ? retry_ms : SANDBOX_RETRY_MS;
	return 0;
}

const char *sandbox_teller_to(const struct sandbox_teller *teller)
{
	return teller->to;
}

const char *sandbox_teller_public(const struct sandbox_teller *teller)
{
	return teller->public_url;
}

static void wake_in(struct telling *telling, int64_t ms)
{
	event_add(telling->timer, &(struct timeval){ .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 });
}

static void on_answer(struct evhttp_request *request, void *arg)
{
	struct telling *telling = arg;
	struct sandbox_told *told = &telling->told;
	int64_t pause = 0;

	told->status = request ? evhttp_request_get_response_code(request) : 0;
	told->tries++;
	if (told->status >= 200 && told->status < 300)
		told->state = TELL_TAKEN;
	else if (told->tries == SANDBOX_TRIES)
		told->state = TELL_GIVEN_UP;
	else
		pause = telling->teller->retry_ms << (told->tries - 1);
	wake_in(telling, pause);
}

static int64_t wall_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Signed anew for each try: what is signed is the time too. */
static void send_now(struct telling *telling)
{
	struct sandbox_teller *teller = telling->teller;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct evhttp_request *request = evhttp_request_new(on_answer, telling);
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	struct sandbox_webhook webhook;
	const char *const *proofs;
	const char *host = strstr(teller->public_url, "://");

	host = host ? host + 3 : teller->public_url;
	(void)sandbox_webhook_make(&telling->told.saying, arena, &webhook, NULL); /* it could be made before */
	proofs = sandbox_sign(telling->told.saying.scheme, teller->keys, &webhook, teller->public_url, telling->event, wall_ms(), arena);
	evhttp_add_header(headers, "Host", arena_printf(arena, "%.*s", (int)strcspn(host, "/?#"), host));
	evhttp_add_header(headers, "Content-Type", webhook.type);
	evhttp_add_header(headers, "Connection", "close");
	for (size_t i = 0; proofs[i]; i += 2)
		evhttp_add_header(headers, proofs[i], proofs[i + 1]);
	evbuffer_add(evhttp_request_get_output_buffer(request), webhook.body, webhook.body_len);
	telling->connection = evhttp_connection_base_new(teller->base, NULL, "127.0.0.1", teller->port);
	evhttp_connection_set_timeout(telling->connection, ANSWER_S);
	if (evhttp_make_request(telling->connection, request, EVHTTP_REQ_POST, webhook.path) < 0) { /* the request is freed */
		telling->told.state = TELL_GIVEN_UP;
		wake_in(telling, 0);
	}
}

static void on_time(evutil_socket_t fd, short what, void *arg)
{
	struct telling *telling = arg;

	(void)fd, (void)what;
	hang_up(telling);
	if (telling->told.state == TELL_WAITING)
		send_now(telling);
}

static void add(struct sandbox_teller *teller, const struct sandbox_saying *saying, const char *event, int64_t after_ms)
{
	struct telling *telling = xcalloc(1, sizeof(*telling));

	*telling = (struct telling){ .told.saying = *saying, .teller = teller, .text = saying->text ? xstrdup(saying->text) : NULL };
	(void)snprintf(telling->event, sizeof(telling->event), "%s", event);
	telling->told.saying.event = telling->event;
	telling->told.saying.text = telling->text;
	telling->timer = evtimer_new(teller->base, on_time, telling);
	xgrow(&teller->tellings, &teller->capacity, teller->len + 1, sizeof(struct telling *));
	teller->tellings[teller->len++] = telling;
	wake_in(telling, after_ms);
}

int sandbox_tell(struct sandbox_teller *teller, const struct sandbox_saying *saying, int times, int64_t after_ms, struct err *err)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct sandbox_saying fresh = *saying;
	struct sandbox_webhook webhook;
	uint8_t bytes[16];
	char event[33];
	int r;

	if (!teller->to)
		return err_set(err, -EDESTADDRREQ, "no_hooks", "", "the sandbox was not told where to: POST /hooks, or --hooks");
	random_bytes(bytes, sizeof(bytes));
	hex_format(bytes, sizeof(bytes), event);
	if (!fresh.event)
		fresh.event = event;
	r = sandbox_webhook_make(&fresh, arena, &webhook, err);
	for (int i = 0; r == 0 && i < times; i++)
		add(teller, &fresh, fresh.event, after_ms);
	return r;
}

size_t sandbox_teller_len(const struct sandbox_teller *teller)
{
	return teller->len;
}

const struct sandbox_told *sandbox_teller_at(const struct sandbox_teller *teller, size_t i)
{
	return &teller->tellings[i]->told;
}
