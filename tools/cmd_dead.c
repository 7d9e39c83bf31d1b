/* The dead letters: events that could not be taken, with the reason; sent again once it is gone, or dropped. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cmd.h"

#define PAGE "500"

struct letter {
	uint32_t partition;
	const char *id; /* of the entry in the dead letters */
	const char *event, *reason, *path, *detail, *stream, *origin_id; /* NULL = not there */
	size_t event_len;
};

static struct letter read_letter(uint32_t partition, const struct redis_reply *entry)
{
	struct letter l = { .partition = partition, .id = entry->items[0].str };
	const struct redis_reply *fields = &entry->items[1];

	for (size_t i = 0; i + 1 < fields->count; i += 2) {
		const char *name = fields->items[i].str, *value = fields->items[i + 1].str;

		if (strcmp(name, "event") == 0) {
			l.event = value;
			l.event_len = fields->items[i + 1].len;
		} else if (strcmp(name, "reason") == 0) {
			l.reason = value;
		} else if (strcmp(name, "path") == 0) {
			l.path = *value ? value : NULL;
		} else if (strcmp(name, "detail") == 0) {
			l.detail = value;
		} else if (strcmp(name, "stream") == 0) {
			l.stream = value;
		} else if (strcmp(name, "id") == 0) {
			l.origin_id = value;
		}
	}
	return l;
}

static const char *dead_key(struct ctl *ctl, uint32_t partition)
{
	struct keyspace keys = ctl_keys(ctl, partition);

	return key_of(ctl->arena, &keys, "dead");
}

typedef int (*letter_fn)(struct ctl *ctl, const struct letter *letter, void *arg);

/* The newest of each partition; "" = it has none. */
static int newest_letters(struct ctl *ctl, const char **ret)
{
	int r = 0;

	for (uint32_t p = 0; r == 0 && p < ctl_partitions(ctl); p++) {
		const struct redis_reply *reply;

		r = ctl_ask(ctl, ctl->arena, &reply, "XREVRANGE", dead_key(ctl, p), "+", "-", "COUNT", "1", NULL);
		ret[p] = r == 0 && reply->count && reply->items[0].count == 2 ? reply->items[0].items[0].str : "";
	}
	return r;
}

/* Those that are there now: what is replayed may be a dead letter again at once, in any partition, and would be replayed without end. */
static int each_letter(struct ctl *ctl, letter_fn fn, void *arg)
{
	int r = ctl_config(ctl, false);
	const char **newest = NULL;

	if (r == 0) {
		newest = arena_alloc(ctl->arena, ctl_partitions(ctl) * sizeof(*newest));
		r = newest_letters(ctl, newest);
	}
	for (uint32_t p = 0; r == 0 && p < ctl_partitions(ctl); p++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		char from[80] = "-";
		bool more = *newest[p] != '\0';

		while (more && r == 0) {
			const struct redis_reply *reply;

			arena_clear(arena);
			r = ctl_ask(ctl, arena, &reply, "XRANGE", dead_key(ctl, p), from, newest[p], "COUNT", PAGE, NULL);
			more = r == 0 && reply->count;
			for (size_t i = 0; more && i < reply->count && r == 0; i++) {
				struct letter letter;

				if (reply->items[i].count != 2)
					continue;
				letter = read_letter(p, &reply->items[i]);
				snprintf(from, sizeof(from), "(%s", letter.id);
				r = fn(ctl, &letter, arg);
			}
		}
	}
	return r;
}

/* "<partition>:<id>" when there are several partitions: ids of streams are unique only in one. */
static const char *letter_name(struct ctl *ctl, const struct letter *l)
{
	return ctl_partitions(ctl) == 1 ? arena_strdup(ctl->arena, l->id) : arena_printf(ctl->arena, "%u:%s", l->partition, l->id);
}

static int find_letter(struct ctl *ctl, const char *name, struct letter *ret)
{
	const char *colon = strchr(name, ':'), *id = colon ? colon + 1 : name;
	unsigned long partition = colon ? strtoul(name, NULL, 10) : 0;
	const struct redis_reply *reply;
	int r = ctl_config(ctl, false);

	if (r != 0)
		return r;
	if (!*id || strspn(id, "0123456789-") != strlen(id) || partition >= ctl_partitions(ctl))
		return ctl_fail(ctl, EXIT_USAGE, "usage", "\"%s\" is no dead letter: dunningctl dead list names them", name);
	r = ctl_ask(ctl, ctl->arena, &reply, "XRANGE", dead_key(ctl, (uint32_t)partition), id, id, NULL);
	if (r != 0)
		return r;
	if (reply->count != 1 || reply->items[0].count != 2)
		return ctl_fail(ctl, EXIT_FOUND, "unknown", "there is no dead letter %s", name);
	*ret = read_letter((uint32_t)partition, &reply->items[0]);
	return 0;
}

/* --- list and show ----------------------------------------------------------------------------------------------------------------- */

static const struct column columns[] = { { "letter", "LETTER", false }, { "reason", "REASON", false }, { "path", "PATH", false },
	{ "invoice", "INVOICE", false }, { "customer", "CUSTOMER", false }, { "stream", NULL, false }, { "entry", NULL, false },
	{ "detail", "DETAIL", false }, { 0 } };

struct listing {
	struct table *table;
	const char *reason;
};

static int list_letter(struct ctl *ctl, const struct letter *l, void *arg)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct listing *listing = arg;
	struct event event = { 0 };

	if (listing->reason && (!l->reason || strcmp(l->reason, listing->reason) != 0))
		return 0;
	if (l->event)
		(void)event_parse(arena, l->event, l->event_len, ctl->config->type_prefix, &event, NULL);
	table_add(listing->table, (struct cell[]){ cell_text(letter_name(ctl, l)), cell_text(arena_strdup(ctl->arena, l->reason)),
					  cell_text(arena_strdup(ctl->arena, l->path)), cell_text(arena_strdup(ctl->arena, event.invoice_id)),
					  cell_text(arena_strdup(ctl->arena, event.customer_id)), cell_text(arena_strdup(ctl->arena, l->stream)),
					  cell_text(arena_strdup(ctl->arena, l->origin_id)), cell_text(arena_strdup(ctl->arena, l->detail)) });
	return 0;
}

static int run_list(struct ctl *ctl, const struct invocation *call)
{
	struct listing listing = { .table = table_create(ctl->arena, columns), .reason = command_option(call, "reason") };
	int r = each_letter(ctl, list_letter, &listing);

	if (r != 0)
		return r;
	view_table(&ctl->view, listing.table, "There are no dead letters.");
	return EXIT_DONE;
}

static const struct option_row reason_options[] = {
	{ "reason", "REASON", "those with this reason" },
	{ 0 },
};

const struct command cmd_dead_list = { .name = "dead list", .args = "", .max_args = 0, .help = "events that could not be taken, and why",
	.options = reason_options, .run = run_list };

static int run_show(struct ctl *ctl, const struct invocation *call)
{
	struct fields *f = fields_create(ctl->arena);
	struct letter l;
	int r = find_letter(ctl, call->args[0], &l);

	if (r != 0)
		return r;
	fields_add(f, "letter", "Letter", cell_text(call->args[0]));
	fields_add(f, "reason", "Reason", cell_text(l.reason));
	fields_add(f, "path", "Path", cell_text(l.path));
	fields_add(f, "detail", "What is wrong", cell_text(l.detail));
	fields_add(f, "stream", "Came by", cell_text(l.stream));
	fields_add(f, "entry", "As entry", cell_text(l.origin_id));
	fields_add(f, "event", NULL, cell_text(l.event));
	view_fields(&ctl->view, f);
	if (!ctl->view.json && l.event) {
		view_say(&ctl->view, "Event");
		view_text(&ctl->view, l.event);
	}
	return EXIT_DONE;
}

const struct command cmd_dead_show = { .name = "dead show", .args = "LETTER", .min_args = 1, .max_args = 1,
	.help = "one of them with the whole event", .run = run_show };

/* --- replay and drop --------------------------------------------------------------------------------------------------------------- */

static int remove_letter(struct ctl *ctl, const struct letter *l)
{
	const struct redis_reply *reply;

	return ctl_ask(ctl, ctl->arena, &reply, "XDEL", dead_key(ctl, l->partition), l->id, NULL);
}

/* Put into its stream again, or its customer's partition's, first: should this be cut off between the two, the event comes twice, which changes nothing. */
static int replay(struct ctl *ctl, const struct letter *l)
{
	struct event event;
	struct err err = { 0 };
	const struct redis_reply *reply;
	const char *argv[] = { "XADD", NULL, "*", "event", l->event };
	size_t lens[] = { 4, 0, 1, 5, l->event_len };
	struct keyspace keys = ctl_keys(ctl, l->partition);
	const char *streams = key_events(ctl->arena, &keys, NULL), *name = letter_name(ctl, l);
	int r;

	if (!l->event || !l->stream || strncmp(l->stream, streams, strlen(streams)) != 0)
		return ctl_fail(ctl, EXIT_FOUND, "no_event", "%s names neither an event nor the stream it came by", name);
	if (event_parse(ctl->arena, l->event, l->event_len, ctl->config->type_prefix, &event, &err) < 0)
		return ctl_fail(ctl, EXIT_FOUND, err.code, "%s would be refused again: %s %s", name, err.path, err.text);
	argv[1] = l->stream;
	if (event.customer_id) { /* whoever put it there counted otherwise */
		keys = ctl_keys(ctl, partition_of(event.customer_id, ctl_partitions(ctl)));
		argv[1] = arena_printf(ctl->arena, "%s%s", key_events(ctl->arena, &keys, NULL), l->stream + strlen(streams));
	}
	lens[1] = strlen(argv[1]);
	r = ctl_askv(ctl, ctl->arena, &reply, ARRAY_LEN(argv), argv, lens);
	if (r == 0)
		r = remove_letter(ctl, l);
	if (r == 0)
		view_say(&ctl->view, "%s: %s %s goes in again as %s", name, event_type_names[event.type],
			event.invoice_id ? event.invoice_id : "", reply->str);
	return r;
}

struct doing {
	int (*act)(struct ctl *ctl, const struct letter *l);
	const char *reason;
	int64_t done, refused;
};

static int do_one(struct ctl *ctl, const struct letter *l, void *arg)
{
	struct doing *doing = arg;
	int r;

	if (doing->reason && (!l->reason || strcmp(l->reason, doing->reason) != 0))
		return 0;
	r = doing->act(ctl, l);
	doing->done += r == 0;
	doing->refused += r == EXIT_FOUND;
	return r == EXIT_FOUND ? 0 : r; /* the others all the same */
}

static int do_letters(struct ctl *ctl, const struct invocation *call, struct doing *doing, const char *what)
{
	bool all = command_option(call, "all") != NULL;
	struct fields *f = fields_create(ctl->arena);
	int r = 0;

	doing->reason = command_option(call, "reason");
	if ((all || doing->reason) == (call->arg_count > 0))
		return ctl_fail(ctl, EXIT_USAGE, "usage", "name dead letters, or say --all or --reason REASON");
	if (!call->arg_count)
		r = each_letter(ctl, do_one, doing);
	for (size_t i = 0; i < call->arg_count && r == 0; i++) {
		struct letter l;

		r = find_letter(ctl, call->args[i], &l);
		if (r == 0)
			r = do_one(ctl, &l, doing);
	}
	if (r != 0)
		return r;
	fields_add(f, what, NULL, cell_number(doing->done));
	fields_add(f, "refused", NULL, cell_number(doing->refused));
	if (ctl->view.json)
		view_fields(&ctl->view, f);
	else
		view_say(&ctl->view, "%lld %s%s", (long long)doing->done, what,
			doing->refused ? arena_printf(ctl->arena, ", %lld refused", (long long)doing->refused) : "");
	return doing->refused ? EXIT_FOUND : EXIT_DONE;
}

static int run_replay(struct ctl *ctl, const struct invocation *call)
{
	struct doing doing = { .act = replay };

	return do_letters(ctl, call, &doing, "replayed");
}

static int run_drop(struct ctl *ctl, const struct invocation *call)
{
	struct doing doing = { .act = remove_letter };

	return do_letters(ctl, call, &doing, "dropped");
}

static const struct option_row many_options[] = {
	{ "all", NULL, "all of them" },
	{ "reason", "REASON", "all with this reason" },
	{ 0 },
};

const struct command cmd_dead_replay = { .name = "dead replay", .args = "LETTER...", .max_args = COMMAND_ANY,
	.help = "put them into their stream again, when they can be read now",
	.more = "For instance after a policy that an event names was installed. One that came into the stream of another partition than its\n"
		"customer's (wrong_partition) goes where it belongs. The hold that a dead letter put on its invoice\n"
		"stays until its end, or until dunningctl resume.",
	.options = many_options, .run = run_replay };
const struct command cmd_dead_drop = { .name = "dead drop", .args = "LETTER...", .max_args = COMMAND_ANY,
	.help = "forget them; the trail still knows that they came", .options = many_options, .run = run_drop };
