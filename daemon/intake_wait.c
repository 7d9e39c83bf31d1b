/*
 * Receipts that wait, as they name their message by an id of the provider that we do not know yet. In rounds, page by page: first the receipts,
 * then the attempts without an outcome, then the ids that are known. In that order, since a receipt comes only after its attempt's
 * release was committed, and the commit that takes an attempt's entry away is the one that makes its id known: where neither is there, the
 * message was not ours. What is found goes into the stream of its partition, and only then out of this one; done twice, it is there once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "common/contact.h"
#include "common/keys.h"
#include "common/utc.h"
#include "daemon/log_id.h"
#include "daemon/intake_internal.h"

#define FIRST_MS 500 /* most answers are committed by then */
#define PAUSE_MAX_MS MINUTE_MS
#define PAGE 100
#define APART_MS MINUTE_MS /* hosts' clocks need not agree on what came first */
#define DOUBTFUL_MS (5 * MINUTE_MS) /* whatever waited longer waited for an attempt in doubt: nobody answers so late */

/* KEYS: the stream of those that wait, the partition's. ARGV: the entry, its text from now on. One slot, so that it is in one of them at any time. */
static const char move_text[] =
	"if redis.call('XDEL', KEYS[1], ARGV[1]) == 0 then return 0 end\n"
	"redis.call('XADD', KEYS[2], '*', 'event', ARGV[2])\n"
	"return 1\n";

struct waited { /* one of a page */
	struct round *round;
	const char *id; /* its entry's */
	const char *event;
	size_t len;
	const char *provider, *message, *source, *event_id, *status;
	const char *last; /* the attempt that its address leads to; NULL = none */
	const char *claim; /* the attempt whose message it is */
	int64_t at; /* ms UTC: when it came */
	long long seen_ms;
	const char *apart, *bytes; /* what lies beside it; NULL = nothing does; not fetched */
	size_t bytes_len;
	bool goes, found, exactly; /* goes: it waits no more; found: `entry`, and exactly this attempt */
	bool pushed_out; /* it would wait on, but too many do */
	struct attempt_entry entry;
	uint32_t partition;
};

struct open_attempt {
	const char *provider;
	int64_t released_at;
};

struct round {
	struct intake *intake;
	struct arena *arena; /* of one page */
	char from[64]; /* the last entry of the pages before */
	struct waited *items;
	size_t count, asked; /* asked: answers of Redis still to come */
	int64_t excess; /* so many of the oldest do not wait on */
	struct open_attempt *open;
	size_t open_count, open_capacity;
	bool failed, waiting; /* waiting: some wait on */
};

struct asking { /* one partition's */
	struct round *round;
	uint32_t partition;
};

static uint32_t partitions(const struct round *round)
{
	return (uint32_t)round->intake->settings.config->partitions;
}

static struct keyspace keys_of(const struct round *round, uint32_t partition)
{
	return (struct keyspace){ round->intake->settings.config->prefix, partition };
}

static char *waits_key(const struct round *round)
{
	struct keyspace keys = keys_of(round, 0);

	return key_of(round->arena, &keys, INTAKE_WAITS);
}

static void wait_for(struct intake *intake, int64_t ms)
{
	event_add(intake->timer, &(struct timeval){ ms / 1000, ms % 1000 * 1000 });
}

static void round_end(struct round *round)
{
	struct intake *intake = round->intake;

	if (intake->more || round->failed)
		intake->pause_ms = FIRST_MS;
	else if (round->waiting && intake->pause_ms < PAUSE_MAX_MS / 2)
		intake->pause_ms *= 2;
	else
		intake->pause_ms = PAUSE_MAX_MS; /* another instance may leave some */
	intake->more = false;
	intake->round = NULL;
	arena_free(round->arena);
	free(round);
	wait_for(intake, intake->pause_ms);
}

/* The round ends where Redis does not answer: the next one begins anew. */
static bool answered(struct round *round, int r, const struct redis_reply *reply, enum redis_type type)
{
	round->failed |= r < 0 || reply->type != type;
	return !round->failed;
}

static void next_page(struct round *round);

/* --- out of it ------------------------------------------------------------------------------------------------------------------ */

static void moved(struct round *round)
{
	if (--round->asked)
		return;
	if (round->failed || round->count < PAGE)
		round_end(round);
	else
		next_page(round);
}

static void on_moved(int r, const struct redis_reply *reply, void *arg)
{
	struct waited *one = arg;

	(void)answered(one->round, r, reply, REDIS_INTEGER);
	moved(one->round);
}

/* Whether another one of the page has the same bytes. Of other pages none does: the same bytes again tell of the same event, which is known. */
static bool shared(const struct waited *one)
{
	for (size_t i = 0; i < one->round->count; i++) {
		const struct waited *other = &one->round->items[i];

		if (other != one && other->apart && strcmp(other->apart, one->apart) == 0)
			return true;
	}
	return false;
}

/* It is in the other partition. So are its bytes: here nobody would read them any more, nor erase them with their debtor. */
static void on_saved(int r, const struct redis_reply *reply, void *arg)
{
	struct waited *one = arg;
	struct round *round = one->round;
	struct keyspace keys = keys_of(round, 0);
	struct redis_link *link = redis_links_at(round->intake->redis, 0);
	const char *gone[] = { "XDEL", waits_key(round), one->id }, *bytes[] = { "DEL", key_body(round->arena, &keys, one->apart ? one->apart : "") };
	bool drop;

	if (!answered(round, r, reply, REDIS_INTEGER)) {
		moved(round);
		return;
	}
	drop = one->apart && !shared(one);
	round->asked += drop;
	redis_link_command(link, ARRAY_LEN(gone), gone, NULL, INTAKE_REDIS_MS, on_moved, one);
	if (drop)
		redis_link_command(link, ARRAY_LEN(bytes), bytes, NULL, INTAKE_REDIS_MS, on_moved, one);
}

static void move(struct waited *one);

static void on_bytes(int r, const struct redis_reply *reply, void *arg)
{
	struct waited *one = arg;
	struct round *round = one->round;

	if (r < 0 || reply->type == REDIS_ERROR) {
		round->failed = true;
		moved(round);
		return;
	}
	one->bytes_len = reply->type == REDIS_STRING ? reply->len : 0;
	one->bytes = arena_memdup(round->arena, reply->type == REDIS_STRING ? reply->str : "", one->bytes_len);
	move(one);
	moved(round);
}

/* What lies beside it goes along to the other partition. */
static void fetch(struct waited *one)
{
	struct round *round = one->round;
	struct keyspace keys = keys_of(round, 0);
	const char *argv[] = { "GET", key_body(round->arena, &keys, one->apart) };

	round->asked++;
	redis_link_command(redis_links_at(round->intake->redis, 0), ARRAY_LEN(argv), argv, NULL, INTAKE_REDIS_MS, on_bytes, one);
}

static void move(struct waited *one)
{
	struct round *round = one->round;
	struct intake *intake = round->intake;
	int64_t replicas = intake->settings.config->redis_replicas;
	struct keyspace keys = keys_of(round, one->partition);
	bool given_up = !one->found && (one->pushed_out || intake->settings.now(intake->settings.now_arg) - one->at >= DOUBTFUL_MS);
	struct redis_link *link = redis_links_at(intake->redis, one->partition);
	CLEANUP(buf_clear) struct buf text = { 0 };
	const char *event;

	if (one->partition && one->apart && !one->bytes) {
		fetch(one);
		return;
	}
	if (intake_event_claim(&text, one->event, one->len, one->found ? &one->entry : NULL, !one->exactly, given_up) < 0)
		buf_add(&text, one->event, one->len); /* none of ours: a dead letter */
	event = arena_memdup(round->arena, buf_str(&text), text.len);
	round->asked++;
	if (one->partition == 0) {
		const char *argv[] = { waits_key(round), key_events(round->arena, &keys, NULL), one->id, event };
		const size_t lens[] = { strlen(argv[0]), strlen(argv[1]), strlen(argv[2]), text.len };

		redis_link_script_kept(link, &intake->move, replicas, 2, ARRAY_LEN(argv), argv, lens, INTAKE_REDIS_MS, on_moved, one);
	} else {
		const char *argv[] = { key_events(round->arena, &keys, NULL), key_of(round->arena, &keys, INTAKE_WAITS),
			key_body(round->arena, &keys, one->apart ? one->apart : ""),
			intake_seen_key(intake, round->arena, one->partition, "event", one->provider, one->source, one->event_id), "1",
			arena_printf(round->arena, "%lld", one->seen_ms), "", "0", arena_printf(round->arena, "%lld", (long long)INTAKE_BODY_MS),
			one->bytes ? one->bytes : "", event, "" };
		size_t lens[ARRAY_LEN(argv)];

		for (size_t i = 0; i < ARRAY_LEN(argv); i++)
			lens[i] = i == 9 ? one->bytes_len : i == 10 ? text.len : strlen(argv[i]);
		redis_link_script_kept(link, &intake->save, replicas, 4, ARRAY_LEN(argv), argv, lens, INTAKE_REDIS_MS, on_saved, one);
	}
}

static void move_all(struct round *round)
{
	round->asked = 1; /* until all are asked */
	for (size_t i = 0; i < round->count && !round->failed; i++) {
		struct waited *one = &round->items[i];

		if (one->found && id_valid(one->entry.debtor_id))
			one->partition = partition_of(one->entry.debtor_id, partitions(round));
		if (one->goes)
			move(one);
		else
			round->waiting = true;
	}
	moved(round);
}

/* --- whose it is -------------------------------------------------------------------------------------------------------------- */

static void on_entry(int r, const struct redis_reply *reply, void *arg)
{
	struct waited *one = arg;
	struct round *round = one->round;

	if (r < 0 || reply->type == REDIS_ERROR)
		round->failed = true;
	else if (reply->type == REDIS_STRING)
		one->found = attempt_entry_read(round->arena, arena_memdup(round->arena, reply->str, reply->len), reply->len, &one->entry, NULL) == 0 &&
			one->entry.id;
	if (--round->asked == 0)
		move_all(round);
}

/*
 * Whether an attempt may still turn out to be its: it left before this came, and nobody knows what became of it. Who wants no more, or complained,
 * is written to for as long as nobody knows who it is: a person finds that out sooner than an attempt in doubt may end.
 */
static bool may_be_claimed(const struct round *round, const struct waited *one)
{
	bool urgent = false;

	for (int word = 0; word < HOOK_WORD_COUNT; word++)
		urgent |= hook_word_wants_no_more((enum hook_word)word) && strcmp(one->status, hook_words[word]) == 0;
	if (round->intake->settings.now(round->intake->settings.now_arg) - one->at >= (urgent ? DOUBTFUL_MS : INTAKE_WAIT_MS))
		return false;
	for (size_t i = 0; i < round->open_count; i++)
		if (round->open[i].released_at <= one->at + APART_MS && strcmp(round->open[i].provider, one->provider) == 0)
			return true;
	return false;
}

static void find_attempts(struct round *round)
{
	round->asked = 1;
	for (size_t i = 0; i < round->count; i++) {
		struct waited *one = &round->items[i];
		const char *attempt = one->claim ? one->claim : one->last, *argv[] = { "GET", NULL };
		struct keyspace keys;

		one->exactly = one->claim != NULL;
		one->pushed_out = !one->claim && round->excess-- > 0 && may_be_claimed(round, one);
		one->goes = one->claim || one->pushed_out || !may_be_claimed(round, one);
		if (!one->goes || !attempt)
			continue;
		keys = keys_of(round, intake_partition_in(attempt, partitions(round)));
		argv[1] = key_attempt(round->arena, &keys, attempt);
		round->asked++;
		redis_link_command(redis_links_at(round->intake->redis, keys.partition), ARRAY_LEN(argv), argv, NULL, INTAKE_REDIS_MS, on_entry, one);
	}
	if (--round->asked == 0)
		move_all(round);
}

static void on_references(int r, const struct redis_reply *reply, void *arg)
{
	struct round *round = ((struct asking *)arg)->round;

	for (size_t i = 0; answered(round, r, reply, REDIS_ARRAY) && i < round->count && i < reply->count; i++)
		if (reply->items[i].type == REDIS_STRING && reply->items[i].len == ATTEMPT_ID_SIZE - 1)
			round->items[i].claim = arena_strdup(round->arena, reply->items[i].str);
	if (--round->asked)
		return;
	if (round->failed)
		round_end(round);
	else
		find_attempts(round);
}

static void find_references(struct round *round)
{
	const struct intake_settings *s = &round->intake->settings;

	round->asked = partitions(round);
	for (uint32_t p = 0; p < partitions(round); p++) {
		struct asking *asking = arena_alloc(round->arena, sizeof(*asking));
		const char **argv = arena_alloc(round->arena, (round->count + 1) * sizeof(*argv));
		struct keyspace keys = keys_of(round, p);

		*asking = (struct asking){ round, p };
		argv[0] = "MGET";
		for (size_t i = 0; i < round->count; i++)
			argv[1 + i] = key_reference(round->arena, &keys, s->install_key, "message", round->items[i].provider, round->items[i].message);
		redis_link_command(redis_links_at(round->intake->redis, p), 1 + round->count, argv, NULL, INTAKE_REDIS_MS, on_references, asking);
	}
}

static void on_attempts(int r, const struct redis_reply *reply, void *arg)
{
	struct round *round = ((struct asking *)arg)->round;

	for (size_t i = 0; answered(round, r, reply, REDIS_ARRAY) && i < reply->count; i++) {
		const struct redis_reply *value = &reply->items[i];
		struct attempt_entry entry;

		if (value->type != REDIS_STRING ||
			attempt_entry_read(round->arena, arena_memdup(round->arena, value->str, value->len), value->len, &entry, NULL) < 0)
			continue;
		round->open = arena_grow(round->arena, round->open, round->open_count, &round->open_capacity, sizeof(*round->open));
		round->open[round->open_count++] = (struct open_attempt){ entry.provider, entry.released_at };
	}
	if (--round->asked)
		return;
	if (round->failed)
		round_end(round);
	else
		find_references(round);
}

static void find_open(struct round *round)
{
	round->asked = partitions(round);
	for (uint32_t p = 0; p < partitions(round); p++) {
		struct asking *asking = arena_alloc(round->arena, sizeof(*asking));
		struct keyspace keys = keys_of(round, p);
		const char *argv[] = { "HVALS", key_of(round->arena, &keys, "attempts") };

		*asking = (struct asking){ round, p };
		redis_link_command(redis_links_at(round->intake->redis, p), ARRAY_LEN(argv), argv, NULL, INTAKE_REDIS_MS, on_attempts, asking);
	}
}

/* --- a page of them ------------------------------------------------------------------------------------------------------------- */

static const char *text_of(const struct json *object, const char *key)
{
	const char *text = json_text(object, key);

	return text ? text : "";
}

static void read_one(struct arena *arena, const struct redis_reply *entry, struct waited *one)
{
	const struct redis_reply *fields = &entry->items[1];
	struct json *event = arena_alloc(arena, sizeof(*event)), *wait = arena_alloc(arena, sizeof(*wait));
	struct json data, told, at, seen;

	*event = *wait = (struct json){ 0 };
	for (size_t i = 0; i + 1 < fields->count; i += 2) {
		const struct redis_reply *value = &fields->items[i + 1];
		bool is_event = strcmp(fields->items[i].str, "event") == 0;

		(void)json_parse(arena, value->str, value->len, 0, is_event ? event : wait, NULL);
		if (is_event) {
			one->event = arena_memdup(arena, value->str, value->len);
			one->len = value->len;
		}
	}
	data = json_get(event, "data");
	told = json_get(&data, "webhook");
	at = json_get(&told, "received_at");
	seen = json_get(wait, "seen_ms");
	one->id = arena_strdup(arena, entry->items[0].str);
	one->event = one->event ? one->event : "";
	one->provider = text_of(&data, "provider");
	one->message = text_of(&data, "provider_id");
	one->source = text_of(event, "source");
	one->event_id = text_of(event, "id");
	one->status = text_of(&data, "status");
	one->last = json_text(wait, "last");
	one->apart = json_text(&told, "apart");
	one->at = json_int(&at);
	one->seen_ms = json_int(&seen) > 0 ? json_int(&seen) : HOOK_SEEN_MS;
}

static bool is_entry(const struct redis_reply *entry)
{
	return entry->type == REDIS_ARRAY && entry->count == 2 && entry->items[0].type == REDIS_STRING && entry->items[1].type == REDIS_ARRAY;
}

static void on_page(int r, const struct redis_reply *reply, void *arg)
{
	struct round *round = arg;

	if (!answered(round, r, reply, REDIS_ARRAY) || !reply->count) {
		round_end(round);
		return;
	}
	round->items = arena_alloc(round->arena, reply->count * sizeof(*round->items));
	for (size_t i = 0; i < reply->count; i++) {
		struct waited *one = &round->items[round->count];

		if (!is_entry(&reply->items[i]))
			continue;
		one->round = round;
		read_one(round->arena, &reply->items[i], one);
		snprintf(round->from, sizeof(round->from), "(%s", one->id);
		round->count++;
	}
	if (round->count)
		find_open(round);
	else
		round_end(round);
}

static void next_page(struct round *round)
{
	const char *argv[] = { "XRANGE", NULL, round->from, "+", "COUNT", NULL };

	arena_free(round->arena);
	round->arena = arena_create();
	round->items = NULL;
	round->open = NULL;
	round->count = round->open_count = round->open_capacity = 0;
	argv[1] = waits_key(round);
	argv[5] = arena_printf(round->arena, "%d", PAGE);
	redis_link_command(redis_links_at(round->intake->redis, 0), ARRAY_LEN(argv), argv, NULL, INTAKE_REDIS_MS, on_page, round);
}

static void on_length(int r, const struct redis_reply *reply, void *arg)
{
	struct round *round = arg;

	if (!answered(round, r, reply, REDIS_INTEGER) || !reply->integer) {
		round_end(round);
		return;
	}
	round->excess = reply->integer - INTAKE_WAITS_KEPT;
	if (round->excess > 0)
		intake_note(round->intake, LOG_WARNING | MSG(HOOK_REFUSED), "intake: %lld receipts wait for messages that we do not know: the oldest %lld of them wait no more",
			(long long)reply->integer, (long long)round->excess);
	next_page(round);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct intake *intake = arg;
	struct round *round;
	const char *argv[] = { "XLEN", NULL };

	(void)fd, (void)what;
	if (!redis_links_connected(intake->redis)) {
		wait_for(intake, FIRST_MS);
		return;
	}
	intake->round = round = xcalloc(1, sizeof(*round));
	round->intake = intake;
	round->arena = arena_create();
	snprintf(round->from, sizeof(round->from), "-");
	argv[1] = waits_key(round);
	redis_link_command(redis_links_at(intake->redis, 0), ARRAY_LEN(argv), argv, NULL, INTAKE_REDIS_MS, on_length, round);
}

/* --- the whole ---------------------------------------------------------------------------------------------------------------- */

void intake_wait_soon(struct intake *intake)
{
	bool soon = intake->pause_ms == FIRST_MS && evtimer_pending(intake->timer, NULL); /* then a later one does not put it off */

	intake->more = intake->round != NULL;
	if (!intake->round && !soon)
		wait_for(intake, FIRST_MS);
	intake->pause_ms = FIRST_MS;
}

void intake_wait_create(struct intake *intake)
{
	redis_script_init(&intake->move, move_text);
	intake->timer = evtimer_new(intake->base, on_timer, intake);
	intake->pause_ms = FIRST_MS;
	wait_for(intake, FIRST_MS);
}

void intake_wait_destroy(struct intake *intake)
{
	event_free(intake->timer);
	if (intake->round)
		arena_free(intake->round->arena);
	free(intake->round);
}
