/* Events put into the streams again: out of files, or out of another Redis, such as one that was restored from a backup of its own. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/utc.h"
#include "tools/cmd.h"

#define INPUT_MAX (1u << 30)
#define PAGE "500"

struct replaying {
	struct ctl *ctl;
	bool dry;
	int64_t read, pushed, passed; /* passed over: its stream is none of the configuration's */
	struct redis_link *other; /* NULL: files */
	struct event_base *base;
};

/* Whether a key is one of the inbound streams: only what was accepted there goes back there. */
static bool is_inbound(const struct ctl *ctl, struct arena *arena, const char *stream)
{
	for (uint32_t p = 0; p < ctl_partitions(ctl); p++)
		for (size_t i = 0; i < ctl->config->producer_count; i++) {
			struct keyspace keys = ctl_keys(ctl, p);

			if (strcmp(key_events(arena, &keys, ctl->config->producers[i].name), stream) == 0)
				return true;
		}
	return false;
}

static int put_back(struct replaying *s, struct arena *arena, const char *stream, const char *event, size_t len)
{
	const char *argv[] = { "XADD", stream, "*", "event", event };
	const size_t lens[] = { 4, strlen(stream), 1, 5, len };
	const struct redis_reply *reply;
	int r;

	s->read++;
	if (!is_inbound(s->ctl, arena, stream)) {
		s->passed++;
		return 0;
	}
	r = s->dry ? 0 : ctl_askv(s->ctl, arena, &reply, ARRAY_LEN(argv), argv, lens);
	s->pushed += r == 0;
	return r;
}

/* --- files -------------------------------------------------------------------------------------------------------------------------------- */

/* A line of a backup's unread.ndjson; or a plain event, which goes where `push` would put it. */
static int replay_line(struct replaying *s, const char *file, size_t number, const char *text, size_t len)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json root, stream, event;
	struct event plain;
	struct keyspace keys;
	struct err err = { 0 };

	if (json_parse(arena, text, len, JSON_FRACTIONS, &root, &err) < 0)
		return ctl_fail(s->ctl, EXIT_FOUND, err.code, "%s:%zu: %s %s", file, number, err.path, err.text);
	stream = json_get(&root, "stream");
	event = json_get(&root, "event");
	if (json_str(&stream) && json_str(&event))
		return put_back(s, arena, json_str(&stream), json_str(&event), strlen(json_str(&event)));
	if (event_parse(arena, text, len, s->ctl->config->type_prefix, &plain, &err) < 0)
		return ctl_fail(s->ctl, EXIT_FOUND, err.code, "%s:%zu: %s %s", file, number, err.path, err.text);
	if (!plain.customer_id && ctl_partitions(s->ctl) > 1)
		return ctl_fail(s->ctl, EXIT_FOUND, "missing", "%s:%zu: with %u partitions an event must name its customer", file, number, ctl_partitions(s->ctl));
	keys = ctl_keys(s->ctl, plain.customer_id ? partition_of(plain.customer_id, ctl_partitions(s->ctl)) : 0);
	return put_back(s, arena, key_events(arena, &keys, plain.type == EVENT_OPERATOR_COMMAND ? "operator" : NULL), text, len);
}

static int replay_file(struct replaying *s, const char *file)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct err err = { 0 };
	size_t number = 0;
	int r = file_read(file, INPUT_MAX, &text, &err);

	if (r < 0)
		return ctl_fail(s->ctl, EXIT_FOUND, "unreadable", "%s", err.text);
	for (const char *at = text.data, *end = at + text.len; r == 0 && at < end;) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t len = stop ? (size_t)(stop - at) : (size_t)(end - at);

		number++;
		if (strspn(at, " \t\r") < len)
			r = replay_line(s, file, number, at, len);
		at += len + (stop != NULL);
	}
	return r;
}

/* --- another Redis -------------------------------------------------------------------------------------------------------------------------- */

/* What stands there now: it may be our own stream, to which each that is pushed is added. NULL: there is nothing, or nobody answers. */
static const char *newest(struct replaying *s, const char *stream)
{
	const char *argv[] = { "XREVRANGE", stream, "+", "-", "COUNT", "1" };
	const struct redis_reply *reply;

	if (redis_call(s->base, s->other, s->ctl->arena, ARRAY_LEN(argv), argv, NULL, &reply) < 0 || reply->type != REDIS_ARRAY || !reply->count)
		return NULL;
	return reply->items[0].items[0].str;
}

static int replay_stream(struct replaying *s, const char *stream, const char *from, const char *to)
{
	if (strcmp(to, "+") == 0 && newest(s, stream))
		to = newest(s, stream);
	for (;;) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		const char *argv[] = { "XRANGE", stream, from, to, "COUNT", PAGE };
		const struct redis_reply *reply;
		int r = redis_call(s->base, s->other, arena, ARRAY_LEN(argv), argv, NULL, &reply);

		if (r < 0 || reply->type == REDIS_ERROR)
			return ctl_fail(s->ctl, EXIT_UNAVAILABLE, "redis_away", "the other Redis does not answer: %s", r < 0 ? strerror(-r) : reply->str);
		if (!reply->count)
			return 0;
		for (size_t i = 0; r == 0 && i < reply->count; i++) {
			const struct redis_reply *fields = &reply->items[i].items[1];

			for (size_t k = 0; r == 0 && k + 1 < fields->count; k += 2)
				if (strcmp(fields->items[k].str, "event") == 0)
					r = put_back(s, arena, stream, fields->items[k + 1].str, fields->items[k + 1].len);
		}
		if (r != 0)
			return r;
		from = arena_printf(s->ctl->arena, "(%s", reply->items[reply->count - 1].items[0].str);
	}
}

/* A stream id, or an instant: ms are the first half of an id. NULL and said already when it is neither. */
static const char *bound(struct replaying *s, const char *option, const char *text, const char *otherwise)
{
	int64_t at;

	if (!text)
		return otherwise;
	if (utc_parse(text, &at) == 0)
		return arena_printf(s->ctl->arena, "%lld", (long long)at);
	if (strspn(text, "0123456789-(") == strlen(text))
		return text;
	(void)ctl_fail(s->ctl, EXIT_USAGE, "usage", "--%s wants a stream's entry id or an instant such as 2026-03-02T09:00:00Z, not \"%s\"", option, text);
	return NULL;
}

static bool known_producer(struct replaying *s, const char *name)
{
	const char *names = "";

	for (size_t i = 0; i < s->ctl->config->producer_count; i++) {
		const char *one = s->ctl->config->producers[i].name;

		if (!name || (one && strcmp(one, name) == 0))
			return true;
		names = one ? arena_printf(s->ctl->arena, "%s%s%s", names, *names ? ", " : "", one) : names;
	}
	(void)ctl_fail(s->ctl, EXIT_USAGE, "usage", "--producer: there is no \"%s\"; the configuration names %s", name, *names ? names : "none");
	return false;
}

static int replay_redis(struct replaying *s, const struct invocation *call)
{
	const char *from = bound(s, "since", command_option(call, "since"), "-"), *to = bound(s, "until", command_option(call, "until"), "+"),
		   *only = command_option(call, "producer");
	struct redis_url url;
	struct err err = { 0 };
	int r = 0;

	if (!from || !to || !known_producer(s, only))
		return EXIT_USAGE;
	if (redis_url_parse(command_option(call, "from"), &url, &err) < 0)
		return ctl_fail(s->ctl, EXIT_USAGE, err.code, "%s: %s", command_option(call, "from"), err.text);
	s->base = event_base_new();
	s->other = redis_link_create(s->base, &url, NULL, NULL);
	for (uint32_t p = 0; r == 0 && p < ctl_partitions(s->ctl); p++)
		for (size_t i = 0; r == 0 && i < s->ctl->config->producer_count; i++) {
			struct keyspace keys = ctl_keys(s->ctl, p);
			const char *name = s->ctl->config->producers[i].name;

			if (!only || (name && strcmp(only, name) == 0))
				r = replay_stream(s, key_events(s->ctl->arena, &keys, name), from, to);
		}
	redis_link_destroy(s->other);
	event_base_free(s->base);
	return r;
}

static int run_replay(struct ctl *ctl, const struct invocation *call)
{
	struct replaying s = { .ctl = ctl, .dry = command_option(call, "dry-run") != NULL };
	struct fields *f = fields_create(ctl->arena);
	int r = ctl_config(ctl, true);
	bool whole;

	if (r != 0)
		return r;
	if (!call->arg_count == !command_option(call, "from"))
		return ctl_fail(ctl, EXIT_USAGE, "usage", "files, or --from REDIS: one of them");
	for (size_t i = 0; r == 0 && i < call->arg_count; i++)
		r = replay_file(&s, call->args[i]);
	if (r == 0 && command_option(call, "from"))
		r = replay_redis(&s, call);
	fields_add(f, "read", "Read", cell_number(s.read));
	fields_add(f, "pushed", s.dry ? "Would be pushed" : "Pushed", cell_number(s.pushed));
	fields_add(f, "passed_over", "Passed over", s.passed ? cell_number(s.passed) : cell_none());
	whole = s.pushed && !s.passed;
	fields_add(f, NULL, "Next", cell_text(r != 0 || s.dry ? NULL : whole ? "dunningctl status: once nothing more is missing, dunningctl gap closed \"WHY\"" :
		s.passed ? "some were passed over, so the gap may not be closed: look at what they are" :
		"nothing was found to push, so no gap is closed by it: are the files, or --since and --until, right?"));
	view_fields(&ctl->view, f);
	return r != 0 || s.dry || whole || (!s.read && !command_option(call, "from")) ? r : EXIT_FOUND; /* a backup's file is often empty */
}

static const struct option_row options[] = {
	{ "from", "REDIS", "read the inbound streams of this Redis, such as one that was restored from a backup of its own" },
	{ "since", "ID|TIME", "with --from: from this entry or instant on, included" },
	{ "until", "ID|TIME", "with --from: up to this entry or instant, included" },
	{ "producer", "NAME", "with --from: only this producer's stream" },
	{ "dry-run", NULL, "count them and push nothing" },
	{ 0 },
};

const struct command cmd_replay = { .name = "replay", .args = "[FILE]...", .max_args = COMMAND_ANY,
	.help = "push events again: a backup's unread.ndjson, files of events, or a range of another Redis's streams",
	.more = "Each goes into the stream that it came from; a plain event, one a line, where `push` would put it. What is known already changes nothing:\n"
		"so rather too many than too few.", .options = options, .run = run_replay };
