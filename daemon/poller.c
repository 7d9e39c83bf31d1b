#include "daemon/poller.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "common/hash.h"
#include "common/keys.h"
#include "common/utc.h"
#include "daemon/log_id.h"

#define WAIT_MS 1000 /* until this daemon acts, or Redis is there */
#define FIRST_MS 200

#define STUCK_MAX 32 /* elements of one poll that are known to end rounds; of more, those of the fewest rounds are forgotten */

struct stuck {
	char id[2 * 16 + 1]; /* its digest; "" = free */
	unsigned rounds; /* that ended at it */
};

struct asking { /* one poll of one provider; while a round is under way it cannot be freed but by its end */
	struct poller *poller;
	const char *provider; /* in `arena`, as all that lives as long as this */
	struct library *library; /* a reference: the poll lies there */
	const struct library_provider *of;
	const struct poll *poll;
	struct arena *arena;
	struct event *timer;
	bool busy, dropped; /* dropped: freed at the end of its round */
	unsigned failures; /* in a row */
	struct stuck stuck[STUCK_MAX];

	/* one round */
	struct arena *round;
	struct poll_position position;
	struct poll_item *items;
	size_t item_count, next_item, taking, pages; /* taking: the end of those that are being taken */
	const char *page; /* of the next list */
	int64_t reached; /* the greatest cursor of what is saved as events ... */
	bool moved; /* ... and it is not saved itself yet */
	struct hook_request request;
	struct hook_origin origin;
	struct asking *next;
};

struct poller {
	struct poller_settings settings;
	struct event_base *base;
	struct intake *intake;
	struct asking *askings;
	struct poller_counts counts;
};

static void note(struct poller *poller, int priority, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void note(struct poller *poller, int priority, const char *format, ...)
{
	char line[400];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	poller->settings.note(priority, line, poller->settings.note_arg);
}

static void asking_free(struct asking *a)
{
	struct asking **link = &a->poller->askings;

	while (*link != a)
		link = &(*link)->next;
	*link = a->next;
	event_free(a->timer);
	arena_free(a->round);
	library_free(a->library);
	arena_free(a->arena);
	free(a);
}

static void wait_for(struct asking *a, int64_t ms)
{
	event_add(a->timer, &(struct timeval){ ms / 1000, ms % 1000 * 1000 });
}

static void round_end(struct asking *a, const char *failed)
{
	int64_t interval = poll_interval_ms(a->poll), wait = interval;

	arena_free(a->round);
	a->round = NULL;
	a->busy = false;
	if (a->dropped) {
		asking_free(a);
		return;
	}
	a->poller->counts.failed += failed != NULL;
	if (failed) {
		if (a->failures++ == 0)
			note(a->poller, LOG_WARNING | MSG(POLL_FAILS), "poll: provider %s, %s: %s; asked again later", a->provider, poll_name(a->poll), failed);
		wait <<= a->failures < 16 ? a->failures : 16;
		wait = wait > POLLER_BACKOFF_MAX_MS ? POLLER_BACKOFF_MAX_MS : wait;
		wait = wait < interval ? interval : wait;
	} else {
		if (a->failures)
			note(a->poller, LOG_NOTICE, "poll: provider %s, %s: answers again", a->provider, poll_name(a->poll));
		a->failures = 0;
	}
	wait_for(a, wait);
}

static struct redis_link *place(const struct poller *poller) /* of position_key() */
{
	return redis_links_at(intake_links(poller->intake), 0);
}

static char *position_key(const struct asking *a)
{
	struct keyspace keys = { a->poller->settings.config->prefix, 0 };

	return key_of(a->round, &keys, arena_printf(a->round, "poll:%s:%s", a->provider, poll_name(a->poll)));
}

static void ask_next(struct asking *a);

/* --- what an answer tells ----------------------------------------------------------------------------------------------------- */

static void on_position_saved(int r, const struct redis_reply *reply, void *arg)
{
	struct asking *a = arg;

	if (r < 0 || reply->type == REDIS_ERROR) {
		round_end(a, "its place was not saved");
		return;
	}
	a->moved = false;
	ask_next(a);
}

static void save_position(struct asking *a)
{
	const char *argv[] = { "SET", position_key(a), arena_printf(a->round, "%lld", (long long)a->reached) };

	redis_link_command(place(a->poller), ARRAY_LEN(argv), argv, NULL, INTAKE_REDIS_MS, on_position_saved, a);
}

static void pass(struct asking *a, const struct poll_item *item)
{
	if (!item->has_cursor || item->cursor <= a->reached)
		return;
	a->reached = item->cursor;
	a->moved = true;
}

static void on_taken(const struct intake_result *result, void *arg)
{
	struct asking *a = arg;

	a->poller->counts.taken += result->added;
	a->poller->counts.known += result->known;
	if (result->end != INTAKE_SAVED) {
		round_end(a, "Redis did not take what it told");
		return;
	}
	for (; a->next_item < a->taking; a->next_item++)
		pass(a, &a->items[a->next_item]);
	if (a->moved && a->pages == 1 && !a->page) /* in its order: what comes now is further on */
		save_position(a);
	else
		ask_next(a);
}

static void pass_on(struct asking *a, struct hook_event *events, size_t count)
{
	struct intake_batch batch = { .arena = a->round, .adapter = a->of->adapter, .origin = &a->origin, .seen_ms = poll_seen_ms(a->poll),
		.events = events, .count = count };

	a->origin = (struct hook_origin){ .provider = a->provider, .source = arena_printf(a->round, "/poll/%s/%s", a->provider, poll_name(a->poll)),
		.hook = poll_hook(a->poll), .request = &a->request, .verified = true, .alone = count == 1,
		.now = a->poller->settings.now(a->poller->settings.now_arg) };
	intake_take(a->poller->intake, &batch, on_taken, a);
}

/* What the list tells of one whose answer is of no use becomes a reply, which holds and asks for a person; where that is its id alone, a dead letter. */
static void set_aside(struct asking *a, const char *said, const char *why)
{
	const struct poll_item *item = &a->items[a->next_item];
	const char *name = item->id ? item->id : poll_name(a->poll);
	struct hook_event *events = NULL;
	size_t count = 0;
	uint8_t digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];

	note(a->poller, LOG_WARNING | MSG(POLL_FAILS), "poll: provider %s, %s: %.200s %s: read it there", a->provider, poll_name(a->poll), name, why);
	a->request.body = item->json;
	a->request.body_len = item->len;
	if (hook_read(poll_hook(a->poll), &a->request, a->round, &events, &count, NULL) < 0 || count != 1 || events->word != HOOK_REPLIED) {
		sha256(item->id ? item->id : item->json, item->id ? strlen(item->id) : item->len, digest);
		events = arena_alloc(a->round, sizeof(*events));
		*events = (struct hook_event){ .word = HOOK_REPLIED, .said = said, .id = arena_strdup(a->round, hex_format(digest, sizeof(digest), hex)) };
	}
	events->announced = false;
	events->text = arena_printf(a->round, "This answer %s: read it at the provider (%s, %s).", why, a->provider, name);
	pass_on(a, events, 1);
}

/* Whether so many rounds have ended at this element, this one among them. */
static bool is_stuck(struct asking *a, unsigned most)
{
	const struct poll_item *item = &a->items[a->next_item];
	struct stuck *one = &a->stuck[0];
	uint8_t digest[SHA256_SIZE];
	char id[2 * 16 + 1];

	sha256(item->json, item->len, digest);
	hex_format(digest, 16, id);
	for (size_t i = 0; i < STUCK_MAX && strcmp(one->id, id) != 0; i++)
		if (strcmp(a->stuck[i].id, id) == 0 || a->stuck[i].rounds < one->rounds)
			one = &a->stuck[i];
	if (strcmp(one->id, id) != 0) {
		*one = (struct stuck){ 0 };
		memcpy(one->id, id, sizeof(id));
	}
	if (one->rounds < most)
		one->rounds++;
	return one->rounds >= most;
}

static void take_list(struct asking *a, size_t most);

/* The events in a body, which is ours or an item's answer. */
static void take(struct asking *a, const char *body, size_t len)
{
	struct hook_event *events;
	size_t count;
	struct err err = { 0 };

	a->request.body = body;
	a->request.body_len = len;
	if (hook_read(poll_hook(a->poll), &a->request, a->round, &events, &count, &err) == 0)
		pass_on(a, events, count);
	else if (a->taking - a->next_item > 1) /* one of them: which? */
		take_list(a, 1);
	else if (is_stuck(a, POLLER_TRIES_MAX))
		set_aside(a, "unreadable", "cannot be read");
	else
		round_end(a, "what it told cannot be read");
}

static bool good(const struct http_answer *answer)
{
	return answer && answer->status >= 200 && answer->status <= 299 && !answer->truncated;
}

/* Whether it may be about this element: not when nobody answers, or we may not ask, or not now. */
static bool its_own(const struct http_answer *answer)
{
	return answer && answer->status && answer->status != 401 && answer->status != 403 && answer->status != 429;
}

static void on_item(const struct http_answer *answer, void *arg)
{
	struct asking *a = arg;

	if (answer && (answer->status == 404 || answer->status == 410)) { /* deleted meanwhile */
		a->request = (struct hook_request){ 0 };
		on_taken(&(struct intake_result){ .end = INTAKE_SAVED }, a);
	} else if (answer && answer->truncated && answer->status >= 200 && answer->status <= 299) {
		set_aside(a, "too_long", "is too long to be taken over");
	} else if (!good(answer)) {
		if (its_own(answer) && is_stuck(a, answer->status >= 500 ? POLLER_AWAY_MAX : POLLER_TRIES_MAX))
			set_aside(a, "unreadable", "is not given out");
		else
			round_end(a, "no answer to use");
	} else {
		take(a, arena_memdup(a->round, answer->body, answer->body_len), answer->body_len);
	}
}

/* The next of those that are new, as one document. */
static void take_list(struct asking *a, size_t most)
{
	CLEANUP(buf_clear) struct buf text = { 0 };

	a->taking = a->item_count - a->next_item > most ? a->next_item + most : a->item_count;
	buf_add_char(&text, '[');
	for (size_t i = a->next_item; i < a->taking; i++) {
		if (i > a->next_item)
			buf_add_char(&text, ',');
		buf_add(&text, a->items[i].json, a->items[i].len);
	}
	buf_add_char(&text, ']');
	take(a, arena_memdup(a->round, buf_str(&text), text.len), text.len);
}

static void on_list(const struct http_answer *answer, void *arg)
{
	struct asking *a = arg;
	struct err err = { 0 };

	if (!good(answer)) {
		round_end(a, answer && answer->truncated ? "the list is too long" : "no answer to use");
		return;
	}
	if (poll_read_list(a->poll, answer, &a->position, a->round, &a->items, &a->item_count, &a->page, &err) < 0) {
		round_end(a, "the list cannot be read");
		return;
	}
	ask_next(a);
}

/* --- requests ----------------------------------------------------------------------------------------------------------------- */

/* As it may be shown: the address that events name as their origin. */
static const char *address_of(const struct asking *a)
{
	const struct adapter_input input = { .settings = a->of->settings, .now = a->poller->settings.now(a->poller->settings.now_arg) };
	struct http_request masked = { 0 };

	return adapter_poll_request(a->of->adapter, a->poll, &input, &a->position, a->round, &masked, NULL) < 0 ? "" : masked.url;
}

static void ask(struct asking *a, http_asked_fn fn)
{
	a->request = (struct hook_request){ .url = address_of(a), .path_secret = "", .now = a->poller->settings.now(a->poller->settings.now_arg) };
	http_client_ask(a->poller->settings.http, a->provider, a->of->adapter, a->poll, &a->position, fn, a);
}

static void ask_list(struct asking *a)
{
	a->items = NULL;
	a->item_count = a->next_item = a->taking = 0;
	a->position.item = NULL;
	a->position.page = a->page;
	a->page = NULL;
	a->pages++;
	ask(a, on_list);
}

/* The next of the list, or the list's next page, or nothing more. */
static void ask_next(struct asking *a)
{
	if (a->dropped) {
		round_end(a, NULL);
	} else if (a->next_item < a->item_count && !poll_by_item(a->poll)) {
		take_list(a, HOOK_EVENTS_MAX);
	} else if (a->next_item < a->item_count) {
		a->taking = a->next_item + 1;
		a->position.item = a->items[a->next_item].id;
		ask(a, on_item);
	} else if (a->page && a->pages == POLLER_PAGES_MAX) {
		round_end(a, "the list has too many pages");
	} else if (a->page) {
		ask_list(a);
	} else if (a->moved) {
		save_position(a);
	} else {
		round_end(a, NULL);
	}
}

static void on_position(int r, const struct redis_reply *reply, void *arg)
{
	struct asking *a = arg;

	if (r < 0 || (reply->type != REDIS_STRING && reply->type != REDIS_NIL)) {
		round_end(a, "its place cannot be read");
		return;
	}
	if (reply->type == REDIS_STRING) {
		a->position.has_cursor = true;
		a->reached = a->position.cursor = strtoll(reply->str, NULL, 10);
	}
	ask_list(a);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct asking *a = arg;
	struct poller *poller = a->poller;
	const char *argv[] = { "GET", NULL };

	(void)fd, (void)what;
	if (!poller->settings.may_ask(poller->settings.may_ask_arg) || !redis_link_connected(place(poller))) {
		wait_for(a, WAIT_MS);
		return;
	}
	poller->counts.asked++;
	a->busy = true;
	a->moved = false;
	a->round = arena_create();
	a->position = (struct poll_position){ 0 };
	a->reached = INT64_MIN;
	a->page = NULL;
	a->pages = 0;
	argv[1] = position_key(a);
	redis_link_command(place(poller), ARRAY_LEN(argv), argv, NULL, INTAKE_REDIS_MS, on_position, a);
}

/* --- the whole ---------------------------------------------------------------------------------------------------------------- */

static void add(struct poller *poller, struct library *library, const struct library_provider *of, const struct poll *poll)
{
	struct asking *a = xcalloc(1, sizeof(*a));

	a->poller = poller;
	a->arena = arena_create();
	a->library = library_ref(library);
	a->of = of;
	a->poll = poll;
	a->provider = arena_strdup(a->arena, of->name);
	a->timer = evtimer_new(poller->base, on_timer, a);
	a->next = poller->askings;
	poller->askings = a;
	wait_for(a, FIRST_MS);
}

void poller_use(struct poller *poller, struct library *library)
{
	for (struct asking *a = poller->askings, *next; a; a = next) {
		next = a->next;
		a->dropped = true;
		if (!a->busy)
			asking_free(a);
	}
	for (size_t i = 0; i < library->provider_count; i++) {
		const struct library_provider *of = &library->providers[i];

		for (size_t k = 0; of->adapter && k < adapter_poll_count(of->adapter); k++)
			if (poll_wanted(adapter_poll(of->adapter, k), of->settings))
				add(poller, library, of, adapter_poll(of->adapter, k));
	}
}

struct poller *poller_create(struct event_base *base, const struct poller_settings *settings, struct library *library)
{
	struct poller *poller = xcalloc(1, sizeof(*poller));

	poller->settings = *settings;
	poller->base = base;
	poller->intake = intake_create(base, &(struct intake_settings){ .config = settings->config, .redis = settings->redis,
		.install_key = settings->install_key, .now = settings->now, .now_arg = settings->now_arg, .note = settings->note, .note_arg = settings->note_arg });
	poller_use(poller, library);
	return poller;
}

void poller_destroy(struct poller *poller)
{
	if (!poller)
		return;
	intake_destroy(poller->intake);
	while (poller->askings)
		asking_free(poller->askings);
	free(poller);
}

struct poller_counts poller_counts(const struct poller *poller)
{
	return poller->counts;
}
