/* Erasing a debtor's file, and the hold that forbids it. The daemon decides and does it; here it is asked, and what it says is shown. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/record.h"
#include "tools/cmd.h"

#define POLL_MS 50
#define WAIT_MS (30 * 60 * 1000) /* it looks through all invoices, and writes streams anew */

/* --- retain ----------------------------------------------------------------------------------------------------------------------- */

static int check_customer(struct ctl *ctl, const char *id)
{
	struct keyspace keys = ctl_keys(ctl, partition_of(id, ctl_partitions(ctl)));
	const struct redis_reply *reply;
	int r;

	if (!id_valid(id))
		return ctl_fail(ctl, EXIT_USAGE, "usage", "\"%s\" is no customer's id", id);
	r = ctl_ask(ctl, ctl->arena, &reply, "EXISTS", key_debtor(ctl->arena, &keys, id), NULL);
	if (r == 0 && reply->integer != 1)
		r = ctl_fail(ctl, EXIT_FOUND, "unknown", "there is no file of customer %s", id);
	return r;
}

static int run_retain(struct ctl *ctl, const struct invocation *call)
{
	const char *id = call->args[0], *word = call->args[1], *why = command_option(call, "why");
	bool on = strcmp(word, "on") == 0;
	struct order order = { .command = on ? "retain" : "unretain", .target = id, .why = why };
	int r;

	if (!on && strcmp(word, "off") != 0)
		return ctl_fail(ctl, EXIT_USAGE, "usage", "say on or off, not \"%s\"", word);
	if (!why)
		return ctl_fail(ctl, EXIT_USAGE, "usage", "say --why: it stands in the trail");
	r = ctl_config(ctl, false);
	if (r == 0)
		r = check_customer(ctl, id);
	return r == 0 ? ctl_order(ctl, partition_of(id, ctl_partitions(ctl)), &order) : r;
}

static const struct option_row retain_options[] = {
	{ "why", "WHY", "for the trail: the case that needs it" },
	{ 0 },
};

const struct command cmd_trail_retain = { .name = "trail retain", .args = "CUSTOMER on|off", .min_args = 2, .max_args = 2,
	.help = "a retention hold: nothing of this customer's file is erased while it lasts",
	.more = "For a dispute that may go to court, or an audit. It is no hold on contacts: see dunningctl hold.", .options = retain_options,
	.run = run_retain };

/* --- erase -------------------------------------------------------------------------------------------------------------------------- */

static int64_t number(const struct json *object, const char *key)
{
	struct json v = json_get(object, key);

	return json_int(&v);
}

/* "identity,content" into an array; NULL = all. 0 or an exit code. */
static int write_classes(struct ctl *ctl, const char *list, struct json_writer *w)
{
	jw_array(w, "classes");
	for (int class = 0; class < CLASS_COUNT && !list; class ++)
		jw_str(w, NULL, class_names[class]);
	while (list && *list) {
		size_t len = strcspn(list, ",");
		int class = 0;

		while (class < CLASS_COUNT && (strlen(class_names[class]) != len || strncmp(class_names[class], list, len) != 0))
			class++;
		if (class == CLASS_COUNT)
			return ctl_fail(ctl, EXIT_USAGE, "usage", "--class is identity, content, facts, or some of them with commas: not \"%s\"", list);
		jw_str(w, NULL, class_names[class]);
		list += len + (list[len] == ',');
	}
	jw_end_array(w);
	return 0;
}

static int write_request(struct ctl *ctl, const struct invocation *call, struct buf *body)
{
	const char *why = command_option(call, "why"), *until = command_option(call, "until");
	struct json_writer w = jw_init(body);
	bool yes = command_option(call, "yes") != NULL;
	char *end = NULL;
	long year = until ? strtol(until, &end, 10) : 0;
	int r;

	if (yes && !why)
		return ctl_fail(ctl, EXIT_USAGE, "usage", "say --why: it stands in the trail");
	if (until && (strlen(until) != 4 || *end || year < 1970))
		return ctl_fail(ctl, EXIT_USAGE, "usage", "--until is a year such as 2021, not \"%s\"", until);
	if (!id_valid(call->args[0]))
		return ctl_fail(ctl, EXIT_USAGE, "usage", "\"%s\" is no customer's id", call->args[0]);
	jw_object(&w, NULL);
	jw_str(&w, "who", ctl_who(ctl));
	jw_str(&w, "why", why ? why : "asked what may be erased");
	jw_str(&w, "customer", call->args[0]);
	r = write_classes(ctl, command_option(call, "class"), &w);
	if (r != 0)
		return r;
	jw_opt_int(&w, "until_year", year);
	jw_bool(&w, "yes", yes);
	jw_end_object(&w);
	return 0;
}

static int wait_for_it(struct ctl *ctl, struct json *ret)
{
	const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };

	for (int waited = 0; waited < WAIT_MS; waited += POLL_MS) {
		int status = 0, r = ctl_daemon(ctl, "GET", "/erase", NULL, &status, ret);

		if (r < 0)
			return ctl_daemon_away(ctl, r);
		if (status != 200 || !json_text(ret, "state") || strcmp(json_text(ret, "state"), "none") == 0)
			return ctl_fail(ctl, EXIT_UNAVAILABLE, "lost", "the daemon does not know of it any more: it was started again; it goes on "
				"with what was recorded. Ask again");
		if (strcmp(json_text(ret, "state"), "failed") == 0)
			return ctl_fail(ctl, EXIT_FOUND, json_text(ret, "error") ? json_text(ret, "error") : "failed", "%s",
				json_text(ret, "text") ? json_text(ret, "text") : "it failed");
		if (strcmp(json_text(ret, "state"), "done") == 0)
			return 0;
		(void)nanosleep(&pause, NULL);
	}
	return ctl_fail(ctl, EXIT_UNAVAILABLE, "timeout", "the daemon is not done with it yet: ask again later");
}

static const struct column part_columns[] = { { "year", "YEAR", true }, { "class", "CLASS", false }, { "records", "RECORDS", true },
	{ "outcome", "OUTCOME", false }, { "reason", "BECAUSE OF", false }, { "what", "WHICH", false }, { "from", "POSSIBLE FROM", false },
	{ "basis", "BASIS", false }, { "certainty", NULL, false }, { 0 } };

static int show(struct ctl *ctl, const struct json *answer)
{
	struct fields *f = fields_create(ctl->arena);
	struct table *t = table_create(ctl->arena, part_columns);
	struct json parts = json_get(answer, "parts"), dry = json_get(answer, "dry_run");
	bool dry_run = json_bool(&dry);
	int64_t going = number(answer, "going"), refused = number(answer, "refused");

	for (size_t i = 0; i < json_len(&parts); i++) {
		struct json one = json_at(&parts, i);
		const char *outcome = json_text(&one, "outcome"), *shown = outcome;

		if (!ctl->view.json && outcome)
			shown = strcmp(outcome, "would_erase") == 0 ? "would go" : outcome;
		table_add(t, (struct cell[]){ cell_number(number(&one, "year")), cell_text(json_text(&one, "class")), cell_number(number(&one, "records")),
				      cell_text(shown), cell_text(json_text(&one, "reason")), cell_text(json_text(&one, "what")), cell_text(json_text(&one, "from")),
				      cell_text(json_text(&one, "basis")), cell_text(json_text(&one, "certainty")) });
	}
	fields_add(f, "customer", "Customer", cell_text(json_text(answer, "customer")));
	fields_add(f, "dry_run", NULL, cell_flag(dry_run));
	fields_add(f, dry_run ? "would_erase" : "erased", dry_run ? "Would be erased" : "Erased", cell_number(going));
	fields_add(f, "refused", "Refused", cell_number(refused));
	fields_table(f, "parts", "Parts", t);
	view_fields(&ctl->view, f);
	if (!dry_run && going && !ctl->view.json)
		view_say(&ctl->view, "Redis keeps what it wrote to its own files until it writes them anew: BGREWRITEAOF, and BGSAVE where it saves "
			"snapshots. Backups of the key store, exports and what was sent are beyond reach.");
	else if (dry_run && going && !ctl->view.json)
		view_say(&ctl->view, "Nothing was erased: --yes does it, and there is no way back.");
	return refused || !going ? EXIT_FOUND : EXIT_DONE;
}

static int run_erase(struct ctl *ctl, const struct invocation *call)
{
	CLEANUP(buf_clear) struct buf body = { 0 };
	struct json answer = { 0 };
	int status = 0, r = ctl_config(ctl, false);

	if (r == 0)
		r = write_request(ctl, call, &body);
	if (r != 0)
		return r;
	r = ctl_daemon(ctl, "POST", "/erase", &body, &status, &answer);
	if (r < 0)
		return ctl_daemon_away(ctl, r);
	if (status != 200)
		return ctl_fail(ctl, EXIT_FOUND, json_text(&answer, "error") ? json_text(&answer, "error") : "refused", "the daemon refuses: %s",
			json_text(&answer, "text") ? json_text(&answer, "text") : "no reason given");
	r = wait_for_it(ctl, &answer);
	return r == 0 ? show(ctl, &answer) : r;
}

static const struct option_row erase_options[] = {
	{ "class", "CLASSES", "identity, content, facts, or some of them with commas (all)" },
	{ "until", "YEAR", "only what was recorded in this year and before" },
	{ "why", "WHY", "for the trail; needed with --yes" },
	{ "yes", NULL, "do it; without it only what would go is shown" },
	{ 0 },
};

const struct command cmd_trail_erase = { .name = "trail erase", .args = "CUSTOMER", .min_args = 1, .max_args = 1,
	.help = "erase a customer's file, as far as it may go; a dry run without --yes",
	.more = "By class and year: identity is who it is and the events as they came, content the messages, facts the records.\n"
		"What an open invoice, a retention hold or a period still needs is refused, with the day from which it may go;\n"
		"that is recorded, as is what was erased. Exit status 1 when anything was refused. Proofs of all other records\n"
		"stay valid.", .options = erase_options, .run = run_erase };
