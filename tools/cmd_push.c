/* Events into the inbound streams: checked here as the daemon will check them, all of them before the first goes out. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "tools/cmd.h"

#define INPUT_MAX (256u << 20)
#define LOOK_MS 50
#define LOOKS 600 /* 30 s */

struct pushed {
	const char *from; /* "events.json", "events.ndjson:3" */
	const char *text;
	size_t len;
	struct event event;
	uint32_t partition;
	const char *producer; /* NULL: the shared stream */
	const char *entry; /* once it is pushed */
};

struct pushing {
	struct ctl *ctl;
	struct arena *arena;
	const char *producer;
	struct pushed *items;
	size_t count, capacity, refused;
};

static const struct producer *find_producer(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->producer_count; i++)
		if (name ? config->producers[i].name && strcmp(config->producers[i].name, name) == 0 : !config->producers[i].name)
			return &config->producers[i];
	return NULL;
}

static int check(struct pushing *p, struct pushed *one, struct err *err)
{
	const struct config *config = p->ctl->config;
	const struct producer *producer;
	int r = event_parse(p->arena, one->text, one->len, config->type_prefix, &one->event, err);

	if (r < 0)
		return r;
	one->producer = p->producer ? p->producer : one->event.type == EVENT_OPERATOR_COMMAND ? "operator" : NULL;
	producer = find_producer(config, one->producer);
	if (!producer && p->ctl->configured)
		return err_set(err, -EBADMSG, "not_allowed", "$.type", "no producer \"%s\" is configured", one->producer ? one->producer : "");
	if (producer && !(producer->types >> one->event.type & 1))
		return err_set(err, -EBADMSG, "not_allowed", "$.type", "%s may not send %s",
			one->producer ? one->producer : "the shared stream", event_type_names[one->event.type]);
	if (config->partitions == 1)
		return 0;
	if (!one->event.customer_id)
		return err_set(err, -EBADMSG, "missing", "$.data.customer.id",
			"with %d partitions an event must name its customer, or nobody knows where it belongs", (int)config->partitions);
	one->partition = partition_of(one->event.customer_id, ctl_partitions(p->ctl));
	return 0;
}

static void add(struct pushing *p, const char *from, const char *text, size_t len)
{
	struct pushed one = { .from = from, .text = text, .len = len };
	struct err err = { 0 };

	if (check(p, &one, &err) < 0) {
		p->refused++;
		(void)ctl_fail(p->ctl, EXIT_FOUND, err.code, "%s: %s: %s %s", from, err.code, err.path, err.text);
		return;
	}
	p->items = arena_grow(p->arena, p->items, p->count, &p->capacity, sizeof(*p->items));
	p->items[p->count++] = one;
}

static void add_array(struct pushing *p, const char *from, const struct json *root)
{
	for (size_t i = 0; i < json_len(root); i++) {
		CLEANUP(buf_clear) struct buf text = { 0 };
		struct json one = json_at(root, i);

		json_write(&text, &one);
		add(p, arena_printf(p->arena, "%s[%zu]", from, i), arena_memdup(p->arena, text.data, text.len), text.len);
	}
}

/* A line each: what a file with many events is made of. */
static void add_lines(struct pushing *p, const char *from, const char *text, size_t len)
{
	size_t number = 0;

	for (const char *end = text + len; text < end;) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		size_t line = stop ? (size_t)(stop - text) : (size_t)(end - text);

		number++;
		if (strspn(text, " \t\r") < line)
			add(p, arena_printf(p->arena, "%s:%zu", from, number), text, line);
		text += line + (stop != NULL);
	}
}

static void add_text(struct pushing *p, const char *from, const char *text, size_t len)
{
	const char *end = memchr(text, '\n', len);
	struct json *root = arena_alloc(p->arena, sizeof(*root));
	struct err err = { 0 };

	while (len && (text[len - 1] == '\n' || text[len - 1] == ' ' || text[len - 1] == '\r' || text[len - 1] == '\t'))
		len--;
	if (json_scan(text, len, 0, &err) == 0 && text[strspn(text, " \t\r\n")] == '[' && json_parse(p->arena, text, len, 0, root, &err) == 0)
		add_array(p, from, root);
	else if (err.code[0] && end && json_scan(text, (size_t)(end - text), 0, NULL) == 0)
		add_lines(p, from, text, len);
	else
		add(p, from, text, len);
}

static int read_stdin(struct buf *ret)
{
	for (;;) {
		ssize_t n;

		if (ret->len > INPUT_MAX)
			return -EFBIG;
		buf_reserve(ret, 65537);
		n = read(STDIN_FILENO, ret->data + ret->len, 65536);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		ret->len += (size_t)n;
		ret->data[ret->len] = '\0';
	}
}

static int add_argument(struct pushing *p, const char *argument)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	const char *name = strcmp(argument, "-") == 0 ? "stdin" : argument;
	struct err err = { 0 };
	int r;

	if (argument[0] == '{' || argument[0] == '[') {
		add_text(p, "argument", argument, strlen(argument));
		return 0;
	}
	r = strcmp(argument, "-") == 0 ? read_stdin(&text) : file_read(argument, INPUT_MAX, &text, &err);
	if (r < 0)
		return ctl_fail(p->ctl, EXIT_FOUND, "unreadable", "%s", err.text[0] ? err.text : strerror(-r));
	if (!text.len)
		return ctl_fail(p->ctl, EXIT_FOUND, "empty", "%s is empty", name);
	add_text(p, name, arena_memdup(p->arena, text.data, text.len), text.len);
	return 0;
}

static const struct column columns[] = { { "type", "TYPE", false }, { "invoice", "INVOICE", false }, { "customer", "CUSTOMER", false },
	{ "event_id", "EVENT", false }, { "stream", "STREAM", false }, { "entry", "ENTRY", false }, { 0 } };

static int push_all(struct pushing *p)
{
	struct ctl *ctl = p->ctl;
	struct table *t = table_create(p->arena, columns);
	int r = 0;

	for (size_t i = 0; i < p->count && r == 0; i++) {
		struct pushed *one = &p->items[i];
		struct keyspace keys = ctl_keys(ctl, one->partition);
		const char *stream = key_events(p->arena, &keys, one->producer);
		const char *argv[] = { "XADD", stream, "*", "event", one->text };
		const size_t lens[] = { 4, strlen(stream), 1, 5, one->len };
		const struct redis_reply *reply;

		r = ctl_askv(ctl, p->arena, &reply, ARRAY_LEN(argv), argv, lens);
		one->entry = r == 0 ? reply->str : NULL;
		if (r == 0)
			table_add(t, (struct cell[]){ cell_text(event_type_names[one->event.type]), cell_text(one->event.invoice_id),
					      cell_text(one->event.customer_id), cell_text(one->event.id), cell_text(stream),
					      cell_text(reply->str) });
	}
	view_table(&ctl->view, t, "Nothing was pushed.");
	if (r != 0)
		ctl_warn(ctl, "%zu of %zu were pushed; pushing all again does no harm: what is known already changes nothing", table_rows(t),
			p->count);
	return r;
}

static bool is_read(const char *position, const char *entry)
{
	unsigned long long ms = 0, seq = 0, wanted_ms = 0, wanted_seq = 0;

	(void)sscanf(position, "%llu-%llu", &ms, &seq);
	(void)sscanf(entry, "%llu-%llu", &wanted_ms, &wanted_seq);
	return ms > wanted_ms || (ms == wanted_ms && seq >= wanted_seq);
}

/* Until what it says has been taken in, and can be asked for. */
static int wait_read(struct pushing *p)
{
	size_t left = p->count;

	for (int looks = 0; left && looks < LOOKS; looks++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		const struct pushed *one = &p->items[left - 1];
		struct keyspace keys = ctl_keys(p->ctl, one->partition);
		const struct redis_reply *reply;
		int r = ctl_ask(p->ctl, arena, &reply, "HGET", key_of(arena, &keys, "cursor"), key_events(arena, &keys, one->producer), NULL);

		if (r != 0)
			return r;
		if (reply->type == REDIS_STRING && is_read(reply->str, one->entry)) {
			left--; /* backwards: of a stream those before the last are read by then */
			looks = -1;
		} else {
			(void)poll(NULL, 0, LOOK_MS);
		}
	}
	return !left ? EXIT_DONE :
		       ctl_fail(p->ctl, EXIT_FOUND, "not_read", "pushed, and not read within %d s: dunningctl status says why", LOOKS * LOOK_MS / 1000);
}

/* Who tells that an invoice is paid hears at once that it is not over. */
static void tell_contradicted(struct pushing *p)
{
	for (size_t i = 0; i < p->count; i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		const struct pushed *one = &p->items[i];
		struct invoice_view view;
		struct entry entry;
		size_t found = 0;

		if (one->event.type != EVENT_INVOICE_PAID ||
			entries_load(p->ctl, arena, one->partition, &one->event.invoice_id, 1, &entry, &found, NULL, NULL) != 0 || !found)
			continue;
		view = invoice_view(&entry.e.invoice);
		if (view.said_paid)
			ctl_warn(p->ctl, "%s is not closed: %s; a person looks (dunningctl explain %s)", entry.e.invoice.id,
				escalation_differs(&entry.e, &view, arena), entry.e.invoice.id);
	}
}

static int run_push(struct ctl *ctl, const struct invocation *call)
{
	struct pushing p = { .ctl = ctl, .arena = ctl->arena, .producer = command_option(call, "producer") };
	int r = ctl_config(ctl, false);

	for (size_t i = 0; i < call->arg_count && r == 0; i++)
		r = add_argument(&p, call->args[i]);
	if (r == 0 && !call->arg_count)
		r = add_argument(&p, "-");
	if (r != 0)
		return r;
	if (p.refused)
		return ctl_fail(ctl, EXIT_FOUND, "refused", "%zu of %zu events are refused, so none was pushed", p.refused, p.refused + p.count);
	if (command_option(call, "dry-run"))
		return EXIT_DONE;
	r = push_all(&p);
	if (r != 0 || !command_option(call, "wait"))
		return r;
	r = wait_read(&p);
	if (r == 0)
		tell_contradicted(&p);
	return r;
}

static const struct option_row options[] = {
	{ "producer", "NAME", "into this producer's stream (the shared one; commands: the operator's)" },
	{ "dry-run", NULL, "check them and push nothing" },
	{ "wait", NULL, "until the daemon has taken them in, 30 seconds at most" },
	{ 0 },
};

const struct command cmd_push = { .name = "push", .args = "[FILE|-|EVENT]...", .max_args = COMMAND_ANY,
	.help = "check events and put them into the inbound stream",
	.more = "A file holds one event, an array of them, or one a line; \"-\" or no word reads the standard input; a word that\n"
		"begins with \"{\" is the event itself. When one is refused, none is pushed.",
	.options = options, .run = run_push };
