/* A trail that must not go on is sealed, and a new one begins under an origin of its own. */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/generation.h"
#include "daemon/state_dir.h"
#include "tools/cmd.h"

#define STOP_WAIT_MS 40000 /* the daemon waits 25 s for what is on the wire */

static const struct column sealed_columns[] = { { "origin", "LOG", false }, { "records", "RECORDS", true }, { "size", "SIGNED", true },
	{ "root", "ROOT (RFC 6962)", false }, { "from", "KNOWN FROM", false }, { 0 } };

/* As the plan's text has them. */
static const struct table *sealed_table(struct arena *arena, const char *sealed, bool *forked)
{
	struct table *table = table_create(arena, sealed_columns);
	struct json root, logs;

	if (json_parse(arena, sealed, strlen(sealed), 0, &root, NULL) < 0)
		return table;
	logs = json_get(&root, "logs");
	for (size_t i = 0; i < json_len(&logs); i++) {
		struct json log = json_at(&logs, i), origin = json_get(&log, "origin"), records = json_get(&log, "records"),
			    size = json_get(&log, "size"), hash = json_get(&log, "root"), from = json_get(&log, "from"),
			    twice = json_get(&log, "forked");

		*forked |= json_bool(&twice);
		table_add(table, (struct cell[]){ cell_text(json_str(&origin)),
					 records.type == JSON_INT ? cell_number(json_int(&records)) : cell_none(),
					 size.type == JSON_INT ? cell_number(json_int(&size)) : cell_none(), cell_text(json_str(&hash)),
					 cell_text(json_str(&from)) });
	}
	return table;
}

static void show(struct ctl *ctl, const struct sealing *sealing, const struct sealing_plan *plan, bool done)
{
	struct fields *f = fields_create(ctl->arena);
	bool forked = false;
	const struct table *table = sealed_table(ctl->arena, plan->after.sealed, &forked);

	fields_add(f, "sealed", NULL, cell_flag(done));
	fields_add(f, NULL, "Trail", cell_text(done ? "sealed" : "would be sealed: nothing was changed (--yes does it)"));
	fields_add(f, "origin", "Sealed", cell_text(plan->before.origin));
	fields_add(f, "kept_in", "Kept in", cell_text(generation_dir(ctl->arena, sealing->state_dir, plan->before.number)));
	fields_add(f, "new_origin", "New origin", cell_text(done || plan->begun ? plan->after.origin : NULL));
	fields_add(f, "generation", "Generation", cell_number(plan->after.number));
	fields_add(f, "begun", NULL, cell_flag(plan->begun));
	if (plan->begun)
		fields_add(f, NULL, "Note", cell_text("an earlier sealing was cut off, and is ended as it was begun"));
	if (forked)
		fields_add(f, NULL, "Note", cell_text("two roots were signed for one size: show both to whoever relies on this log"));
	if (done)
		fields_add(f, NULL, "Next", cell_text("start dunningd: it takes over all that Redis has, and sends nothing before it has"));
	fields_table(f, "logs", "Logs", table);
	view_fields(&ctl->view, f);
}

static int fail(struct ctl *ctl, int r, const struct err *err)
{
	return ctl_fail_err(ctl, r == -EBUSY ? EXIT_UNAVAILABLE : r == -EKEYREJECTED || r == -EBADMSG ? EXIT_CONFIG : EXIT_FOUND, err);
}

/* A daemon that runs ends first, with the words that seal the log, if it can still write it. 0, or an exit code, said already. */
static int take_lock(struct ctl *ctl, const struct sealing *sealing, int *ret)
{
	struct timespec pause = { .tv_nsec = 50 * 1000 * 1000 };
	struct err err = { 0 };
	int r;

	*ret = generation_lock(sealing->state_dir, &err);
	if (*ret == -EBUSY) {
		r = ctl_seal(ctl, sealing->why);
		if (r > 1)
			return r;
		for (int i = 0; r == 1 && i < STOP_WAIT_MS / 50 && *ret == -EBUSY; i++) {
			(void)nanosleep(&pause, NULL);
			err_clear(&err);
			*ret = generation_lock(sealing->state_dir, &err);
		}
	}
	return *ret < 0 ? fail(ctl, *ret, &err) : 0;
}

static int run_seal(struct ctl *ctl, const struct invocation *call)
{
	const char *known[] = { command_option(call, "known"), NULL };
	struct sealing sealing = { .why = command_option(call, "why"), .known = known, .now = ctl->now };
	struct sealing_plan plan = { 0 };
	struct note_key key;
	struct err err = { 0 };
	bool yes = command_option(call, "yes") != NULL;
	int r, verifier, lock = -1;

	if (!sealing.why || !sealing.why[0])
		return ctl_fail(ctl, EXIT_USAGE, "usage", "say why with --why: it stands in the new trail's first record");
	r = ctl_config(ctl, true);
	if (r != 0)
		return r;
	sealing.state_dir = ctl->config->state_dir;
	sealing.configured = ctl->config->origin;
	sealing.who = ctl_who(ctl);
	verifier = ctl_verifier_key(ctl, command_option(call, "key"), &key);
	if (verifier > 1)
		return verifier;
	sealing.key = verifier ? &key : NULL;
	if (yes) {
		r = take_lock(ctl, &sealing, &lock);
		if (r != 0)
			return r;
	}
	r = generation_plan(&sealing, ctl->arena, &plan, &err);
	if (r == 0 && yes)
		r = generation_seal(&sealing, &plan, &err);
	if (yes) { /* also what a sealing that failed, or the lock, left to root: the daemon is somebody else */
		int given = state_dir_give_back(sealing.state_dir, r < 0 ? NULL : &err);

		r = r < 0 ? r : given;
	}
	closep(&lock);
	if (r < 0)
		return fail(ctl, r, &err);
	show(ctl, &sealing, &plan, yes);
	return EXIT_DONE;
}

static const struct option_row seal_options[] = {
	{ "why", "TEXT", "why it is sealed, for the trail" },
	{ "yes", NULL, "do it: without, it says what it would do" },
	{ "known", "FILE", "a checkpoint of the log that somebody else has, such as a witness: quoted if it is the larger one" },
	{ "key", "VERIFIER-KEY", "whose signature it must be (the configuration's)" },
	{ 0 },
};

const struct command cmd_trail_seal = { .name = "trail seal", .args = "", .max_args = 0,
	.help = "seals a trail that must not go on, and begins another under an origin of its own",
	.more = "For a journal that was taken back to an older state (restored, or a machine's snapshot), for a log of which two histories were\n"
		"signed, for a log key in other hands. A running daemon ends first, with log.sealed as its last record where the log can\n"
		"still be written. Journal and signed log are moved as they are to\n"
		"sealed/NUMBER in the state directory; keys stay. The next start takes over all that Redis has into the new journal, whose\n"
		"first record quotes the sealed log's last known checkpoint, who and why; nothing is sent before. May be repeated if cut off.",
	.options = seal_options, .run = run_seal };
