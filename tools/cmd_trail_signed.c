/* The signed log: how it stands, and its files made again from the journal. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "daemon/generation.h"
#include "daemon/journal_leaves.h"
#include "daemon/signed_log.h"
#include "daemon/state_dir.h"
#include "tools/cmd.h"
#include "tools/trail_anchors.h"
#include "tools/trail_copies.h"
#include "tools/trail_signed.h"

int ctl_verifier_key(struct ctl *ctl, const char *given, struct note_key *ret)
{
	struct log_key key = { 0 };
	struct err err = { 0 };
	int r;

	if (given && note_key_parse(given, ret) < 0)
		return ctl_fail(ctl, EXIT_USAGE, "bad_key", "\"%s\" is no verifier key: name+id+base64, as dunningctl trail key show prints it",
			given);
	if (given)
		return 1;
	r = ctl_config(ctl, false);
	if (r != 0 || !ctl->configured)
		return r;
	if (ctl->config->trail_verifier_key)
		return note_key_parse(ctl->config->trail_verifier_key, ret) == 0;
	r = log_key_read(ctl_credentials_of(ctl, LOG_KEY_CREDENTIAL), ctl->config->origin, NULL, &key, &err);
	cleanse(key.seed, sizeof(key.seed));
	cleanse(key.next_seed, sizeof(key.next_seed));
	if (r == 0)
		*ret = key.verifier;
	return r == 0;
}

int ctl_key_here(struct ctl *ctl, const char *state_dir, struct note_key *key)
{
	struct generation generation;
	struct err err = { 0 };
	uint8_t public_key[ED25519_KEY_SIZE];
	size_t n = strlen(key->name);
	int r = generation_read(state_dir, NULL, ctl->arena, &generation, &err);

	if (r == -EBADMSG)
		return ctl_fail_err(ctl, EXIT_CONFIG, &err);
	if (r < 0 || generation.number < 2 || strncmp(generation.origin, key->name, n) != 0 || generation.origin[n] != '/')
		return 0;
	memcpy(public_key, key->public_key, sizeof(public_key));
	return note_key_make(generation.origin, NOTE_ED25519, public_key, key) < 0 ?
		ctl_fail(ctl, EXIT_CONFIG, "bad_origin", "the origin \"%s\" cannot be the name of a key", generation.origin) : 0;
}

/* --- status -------------------------------------------------------------------------------------------------------------------------- */

static const struct column status_columns[] = { { "year", "LOG OF", true }, { "records", "RECORDS", true }, { "signed_size", "SIGNED", true },
	{ "root", "ROOT (RFC 6962)", false }, { "published_at", "LAST CHECKPOINT", false }, { "age", NULL, false }, { "checkpoint", "CHECKPOINT", false },
	{ 0 } };

static void on_finding(const struct trail_finding *finding, void *arg)
{
	ctl_warn(arg, "%s: %s", finding->file, finding->text);
}

static int count_records(struct ctl *ctl, const char *state_dir, uint16_t year, uint64_t *ret)
{
	CLEANUP(journal_leaves_destroyp) struct journal_leaves *leaves = journal_leaves_create(state_dir, year);
	struct err err = { 0 };

	return journal_leaves_count(leaves, ret, &err) < 0 ? ctl_fail_err(ctl, EXIT_FOUND, &err) : 0;
}

void ctl_anchors(struct ctl *ctl, struct fields *f, const struct trail_anchors *anchors)
{
	fields_add(f, "anchored", "Anchored", cell_text(trail_vouched_words(&anchors->stamps, "not anchored", ctl->arena)));
	fields_add(f, "stamps", "Time stamps", anchors->stamps.count ? cell_number((int64_t)anchors->stamps.count) : cell_none());
	fields_add(f, "witnessed", "Witnessed", cell_text(trail_vouched_words(&anchors->cosignatures, "not witnessed", ctl->arena)));
	fields_add(f, "waiting_since", "Not anchored since", cell_time(anchors->waiting_since, NULL));
	if (anchors->own_roots)
		fields_add(f, NULL, "Note", cell_text("some time stamps go back only to certificates kept beside them: the configuration does not name "
						     "their authority"));
	if (anchors->own_keys)
		fields_add(f, NULL, "Note", cell_text("some cosignatures hold only by keys kept beside them: the configuration does not name their witness"));
	if (anchors->unknown)
		fields_add(f, NULL, "Note", cell_text("some cosignatures are by nobody whom the configuration names: they were not checked"));
}

static const struct column copies_columns[] = { { "name", "STORE", false }, { "segments", "CLOSED SEGMENTS", true }, { "segments_copied", "COPIED", true },
	{ "shards", "KEY FILES", true }, { "shards_copied", "COPIED", true }, { 0 } };

/* What of the journal and the keys lies in each store, as the daemon noted it. */
static void add_copies(struct ctl *ctl, struct fields *f, const char *state_dir)
{
	struct table *stores = table_create(ctl->arena, copies_columns);

	for (size_t i = 0; ctl->configured && i < ctl->config->anchor_count; i++) {
		const struct anchor_settings *store = &ctl->config->anchors[i];
		struct trail_copies copies;

		if (store->kind != ANCHOR_S3)
			continue;
		trail_copies_read(state_dir, store, &copies);
		table_add(stores, (struct cell[]){ cell_text(store->name), cell_number((int64_t)copies.segments), cell_number((int64_t)copies.segments_copied),
					  copies.keys ? cell_number((int64_t)copies.shards) : cell_none(),
					  copies.keys ? cell_number((int64_t)copies.shards_copied) : cell_none() });
	}
	fields_table(f, "stores", "Stores", stores);
}

static int run_status(struct ctl *ctl, const struct invocation *call)
{
	struct table *logs = table_create(ctl->arena, status_columns);
	struct fields *f = fields_create(ctl->arena);
	struct trail_signed *trail;
	struct trail_anchors anchors;
	struct note_key key;
	const char *state_dir;
	uint16_t *years;
	size_t count;
	uint64_t all = 0, behind = 0;
	struct generation generation;
	bool any = false;
	int r = ctl_state_dir(ctl, call->args[0], &state_dir), known;

	if (r != 0)
		return r;
	known = ctl_verifier_key(ctl, command_option(call, "key"), &key);
	if (known > 1)
		return known;
	r = known ? ctl_key_here(ctl, state_dir, &key) : 0;
	if (r != 0)
		return r;
	r = journal_leaves_years(state_dir, ctl->arena, &years, &count);
	if (r < 0)
		return ctl_fail(ctl, EXIT_UNAVAILABLE, "unreadable", "%s/journal: %s", state_dir, strerror(-r));
	trail = trail_signed_open(state_dir, known ? &key : NULL, false, on_finding, ctl, ctl->arena);
	for (size_t i = 0; i < count; i++) {
		const struct trail_signed_log *log = trail_signed_log(trail, years[i]);
		char hex[2 * SHA256_SIZE + 1];
		uint64_t records;

		r = count_records(ctl, state_dir, years[i], &records);
		if (r != 0)
			return r;
		any |= log && log->size;
		all += records;
		behind += records - (log && log->size < records ? log->size : log ? records : 0);
		table_add(logs, (struct cell[]){ cell_number(years[i]), cell_number((int64_t)records), log ? cell_number((int64_t)log->size) : cell_none(),
					cell_text(log && log->size ? arena_strdup(ctl->arena, hex_format(log->root, SHA256_SIZE, hex)) : NULL),
					cell_time(log ? log->at : 0, NULL), cell_text(log && log->at ? view_distance(ctl->arena, log->at, ctl->now) : NULL),
					cell_text(signed_words(log ? log->state : SIGNED_NOT)) });
	}
	if (generation_read(state_dir, NULL, ctl->arena, &generation, NULL) == 0 && generation.number > 1) {
		fields_add(f, "origin", "Origin", cell_text(generation.origin));
		fields_add(f, "generation", "Generation", cell_number(generation.number));
		fields_add(f, NULL, "Sealed", cell_text(generation_dir(ctl->arena, state_dir, generation.number - 1)));
		fields_add(f, "sealed", NULL, cell_json(generation.sealed));
	}
	fields_add(f, "signed", NULL, cell_flag(any));
	fields_add(f, NULL, "Trail", cell_text(any ? behind ? "signed, but for its last records" : "signed" : "not signed"));
	fields_add(f, "records", "Records", cell_number((int64_t)all));
	fields_add(f, "behind", "Not signed yet", any && behind ? cell_number((int64_t)behind) : any ? cell_none() : cell_number((int64_t)all));
	if (known) {
		CLEANUP(buf_clear) struct buf text = { 0 };

		note_key_add(&text, &key);
		fields_add(f, "verifier_key", "Verifier key", cell_text(arena_strdup(ctl->arena, buf_str(&text))));
	}
	trail_anchors_read(state_dir, ctl->configured ? ctl->config : NULL, known ? &key : NULL, on_finding, ctl, ctl->arena, &anchors);
	ctl_anchors(ctl, f, &anchors);
	add_copies(ctl, f, state_dir);
	fields_table(f, "logs", "Logs", logs);
	view_fields(&ctl->view, f);
	return trail_signed_findings(trail) || anchors.findings ? EXIT_FOUND : EXIT_DONE;
}

static const struct option_row key_options[] = {
	{ "key", "VERIFIER-KEY", "whose signature it must be (the configuration's)" },
	{ 0 },
};

const struct command cmd_trail_status = { .name = "trail status", .args = "[STATE-DIR]", .max_args = 1,
	.help = "how far the trail is signed, by which key, and who vouched for it",
	.more = "Looks at the signatures, not at the records: trail verify does. Reads alone. Exit status 1 when what was signed cannot be read or\n"
		"is not signed by this key.",
	.options = key_options, .run = run_status };

/* --- rebuild ------------------------------------------------------------------------------------------------------------------------- */

static const struct column rebuild_columns[] = { { "year", "LOG OF", true }, { "size", "RECORDS", true }, { "missing", "WERE MISSING", true },
	{ "mended", "WERE WRONG", true }, { 0 } };

/* The daemon's own lock: beside a running one nobody else writes. */
static int lock(struct ctl *ctl, const char *state_dir)
{
	const char *path = arena_printf(ctl->arena, "%s/lock", state_dir);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0) {
		(void)ctl_fail(ctl, EXIT_UNAVAILABLE, "unreadable", "%s: %s", path, strerror(errno));
		return -1;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	(void)ctl_fail(ctl, EXIT_FOUND, "locked", "%s is held by a running dunningd: stop it first (it mends its files itself when it starts)", path);
	close(fd);
	return -1;
}

/* 0 or an exit code, said already. */
static int make_logs(struct ctl *ctl, struct signed_log_settings *settings, const uint16_t *years, size_t count, struct table *ret)
{
	for (size_t i = 0; i < count; i++) {
		CLEANUP(signed_log_closep) struct signed_log *log = NULL;
		struct signed_log_report report;
		struct err err = { 0 };
		uint64_t records;
		int r;

		settings->year = years[i];
		r = count_records(ctl, settings->state_dir, years[i], &records);
		if (r != 0)
			return r;
		r = signed_log_open(settings, records, &log, &report, &err);
		if (r < 0)
			return ctl_fail_err(ctl, r == -EKEYREJECTED ? EXIT_CONFIG : EXIT_FOUND, &err);
		if (signed_log_size(log))
			table_add(ret, (struct cell[]){ cell_number(years[i]), cell_number((int64_t)signed_log_size(log)),
					       cell_number((int64_t)report.missing), cell_number((int64_t)report.mended) });
	}
	return 0;
}

static int run_rebuild(struct ctl *ctl, const struct invocation *call)
{
	struct table *logs = table_create(ctl->arena, rebuild_columns);
	struct signed_log_settings settings = { .rebuild = true };
	struct log_key whose = { 0 }; /* nothing is signed */
	struct fields *f = fields_create(ctl->arena);
	CLEANUP(closep) int fd = -1;
	struct note_key key;
	struct err err = { 0 };
	uint16_t *years;
	size_t count;
	int r = ctl_state_dir(ctl, call->args[0], &settings.state_dir), known;

	if (r != 0)
		return r;
	known = ctl_verifier_key(ctl, command_option(call, "key"), &key);
	if (known > 1)
		return known;
	if (!known)
		return ctl_fail(ctl, EXIT_CONFIG, "no_key", "no verifier key is known: give it with --key, or the configuration with --config");
	r = ctl_key_here(ctl, settings.state_dir, &key);
	if (r != 0)
		return r;
	whose.verifier = key;
	settings.key = &whose;
	r = journal_leaves_years(settings.state_dir, ctl->arena, &years, &count);
	if (r < 0)
		return ctl_fail(ctl, EXIT_UNAVAILABLE, "unreadable", "%s/journal: %s", settings.state_dir, strerror(-r));
	fd = lock(ctl, settings.state_dir);
	if (fd < 0)
		return EXIT_FOUND;
	r = make_logs(ctl, &settings, years, count, logs);
	if (state_dir_give_back(settings.state_dir, &err) < 0 && r == 0) /* also what was made before it failed */
		r = ctl_fail_err(ctl, EXIT_FOUND, &err);
	if (r != 0)
		return r;
	fields_add(f, "ok", NULL, cell_flag(true));
	fields_add(f, NULL, "Files", cell_text(table_rows(logs) ? "made again from the journal, which has the signed root" :
								  "none: nothing was ever signed"));
	fields_table(f, "logs", "Logs", logs);
	view_fields(&ctl->view, f);
	return EXIT_DONE;
}

const struct command cmd_trail_rebuild = { .name = "trail rebuild", .args = "[STATE-DIR]", .max_args = 1,
	.help = "make the signed log's files again from the journal",
	.more = "While the daemon is stopped: reads the whole journal, sees that it has the root that was signed, and writes every tile and entry\n"
		"bundle that is missing or wrong. Signs nothing, and needs no secret.",
	.options = key_options, .run = run_rebuild };
