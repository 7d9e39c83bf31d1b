/* The trail, read from the disk: whether it is whole and unaltered, and what it says of one invoice. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/case_file.h"
#include "common/hash.h"
#include "common/keys.h"
#include "common/ranges.h"
#include "common/utc.h"
#include "daemon/service.h"
#include "tools/cmd.h"
#include "tools/trail_anchors.h"
#include "tools/trail_files.h"
#include "tools/trail_signed.h"
#include "tools/trail_turn.h"

#define FINDINGS_SHOWN 100


int ctl_wrap_key(struct ctl *ctl, bool needed, uint8_t key[32])
{
	struct err err = { 0 };
	int r = credential_key(ctl_credentials_of(ctl, "wrap-key"), "wrap-key", key, &err);

	if (r == 0)
		return 1;
	if (r == -EBADMSG && strcmp(err.code, "bad_key") == 0)
		return ctl_fail_err(ctl, EXIT_CONFIG, &err);
	if (!needed && !ctl->call->globals[GLOBAL_CREDENTIALS])
		return 0;
	return ctl_fail(ctl, EXIT_CONFIG, err.code, "%s: records are opened with the wrap key (--credentials)", err.text);
}

static int walk_failed(struct ctl *ctl, int r, const struct err *err)
{
	return ctl_fail_err(ctl, r == -EKEYREJECTED ? EXIT_CONFIG : r == -ENOENT || r == -EACCES ? EXIT_UNAVAILABLE : EXIT_FOUND, err);
}

/* --- verify -------------------------------------------------------------------------------------------------------------------------- */

static const struct column finding_columns[] = { { "segment", "SEGMENT", false }, { "offset", "BYTE", true }, { "finding", "FINDING", false },
	{ "text", "WHAT IS WRONG", false }, { 0 } };

static const struct column log_columns[] = { { "origin", "LOG", false }, { "size", "SIZE", true }, { "root", "ROOT (RFC 6962)", false },
	{ "signed_size", "SIGNED", true }, { "checkpoint", "CHECKPOINT", false }, { "files", "FILES COMPARED", true }, { 0 } };

struct verifying {
	struct arena *arena;
	struct table *table;
	struct trail_signed *signatures;
	struct trail_turn *turn;
	struct trail_anchors anchors;
};

static uint64_t findings_of(const struct trail_sum *sum, const struct verifying *v)
{
	return sum->findings + trail_signed_findings(v->signatures) + trail_turn_findings(v->turn) + v->anchors.findings;
}

static int on_record(const struct trail_record *record, void *arg)
{
	struct verifying *v = arg;

	trail_turn_record(v->turn, record);
	trail_signed_leaf(v->signatures, record->year, record->index, record->leaf);
	return 0;
}

static void on_finding(const struct trail_finding *finding, void *arg)
{
	struct verifying *v = arg;

	if (table_rows(v->table) < FINDINGS_SHOWN)
		table_add(v->table, (struct cell[]){ cell_text(finding->file), cell_number((int64_t)finding->offset), cell_text(finding->code),
					     cell_text(arena_strdup(v->arena, finding->text)) });
}

static const struct table *log_table(struct arena *arena, const struct trail_sum *sum, const struct trail_signed *signatures)
{
	struct table *table = table_create(arena, log_columns);
	char hex[2 * SHA256_SIZE + 1];

	for (size_t i = 0; i < sum->log_count; i++) {
		const struct trail_log *log = &sum->logs[i];
		const struct trail_signed_log *s = trail_signed_log(signatures, log->year);
		uint8_t root[SHA256_SIZE];
		bool rooted = log->complete && trail_signed_root(signatures, log->year, root); /* over a gap it would be a shorter log's */

		table_add(table, (struct cell[]){ cell_text(log->origin), cell_number((int64_t)log->size),
					 cell_text(rooted ? arena_strdup(arena, hex_format(root, SHA256_SIZE, hex)) : NULL),
					 s ? cell_number((int64_t)s->size) : cell_none(), cell_text(signed_words(s ? s->state : SIGNED_NOT)),
					 s ? cell_number((int64_t)s->files) : cell_none() });
	}
	return table;
}

/* Of all logs, the one that is worst off. */
static enum signed_state worst(const struct trail_sum *sum, const struct trail_signed *signatures)
{
	bool none = !sum->log_count, unchecked = false;

	for (size_t i = 0; i < sum->log_count; i++) {
		const struct trail_signed_log *s = trail_signed_log(signatures, sum->logs[i].year);

		none |= !s || s->state == SIGNED_NOT;
		unchecked |= s && s->state == SIGNED_UNCHECKED;
	}
	return trail_signed_findings(signatures) ? SIGNED_WRONG : unchecked ? SIGNED_UNCHECKED : none ? SIGNED_NOT : SIGNED_RIGHT;
}

static void note_sealed(struct ctl *ctl, struct fields *f, const char *state_dir)
{
	size_t count;
	const char **dirs = trail_generations(state_dir, ctl->arena, &count);

	for (size_t i = 0; i < count && strcmp(dirs[i], state_dir) != 0; i++)
		fields_add(f, NULL, "Note", cell_text(arena_printf(ctl->arena, "sealed before it, and verified by itself: dunningctl trail verify %s",
			dirs[i])));
}

static void show_sum(struct ctl *ctl, const char *state_dir, const struct trail_sum *sum, bool opened, const struct verifying *v)
{
	struct fields *f = fields_create(ctl->arena);
	uint64_t findings = findings_of(sum, v);
	enum signed_state state = worst(sum, v->signatures);

	fields_add(f, "ok", NULL, cell_flag(!findings));
	fields_add(f, NULL, "Trail", cell_text(findings ? "IS NOT WHOLE" : "whole and unaltered"));
	fields_add(f, "signed", "Signature", cell_text(signed_words(state)));
	ctl_anchors(ctl, f, &v->anchors);
	fields_add(f, "origin", "Log", cell_text(sum->origin));
	fields_add(f, "segments", "Segments", cell_number((int64_t)sum->segments));
	fields_add(f, "groups", "Groups", cell_number((int64_t)sum->groups));
	fields_add(f, "records", "Records", cell_number((int64_t)sum->records));
	fields_add(f, "opened", "Opened", cell_number((int64_t)sum->opened));
	fields_add(f, "parts", "Parts opened", opened ? cell_number((int64_t)sum->parts) : cell_none());
	fields_add(f, "erased", "Erased", cell_number((int64_t)sum->erased));
	fields_add(f, "takeovers", "Take-overs", sum->takeovers ? cell_number((int64_t)sum->takeovers) : cell_none());
	fields_add(f, "first_at", "First", cell_time(sum->first_at, NULL));
	fields_add(f, "last_at", "Last", cell_time(sum->last_at, NULL));
	fields_add(f, "head", "Head", sum->head[0] ? cell_text(sum->head) : cell_none());
	fields_add(f, "torn", "Unfinished", sum->torn ? cell_number((int64_t)sum->torn) : cell_none());
	fields_add(f, "contents_verified", NULL, cell_flag(opened));
	fields_add(f, "found", NULL, cell_number((int64_t)findings));
	if (!opened)
		fields_add(f, NULL, "Note", cell_text("without the wrap key (--credentials) the contents of records were not opened: their frames, "
						     "order, tags and keys were"));
	if (sum->torn)
		fields_add(f, NULL, "Note", cell_text("the last write is not whole: it is being written now, or was cut off and was never "
						     "acknowledged"));
	if (state == SIGNED_UNCHECKED)
		fields_add(f, NULL, "Note", cell_text("whose signature it is was not checked: give the verifier key (--key), or the configuration"));
	note_sealed(ctl, f, state_dir);
	fields_table(f, "logs", "Logs", log_table(ctl->arena, sum, v->signatures));
	fields_table(f, "findings", "Found", v->table);
	view_fields(&ctl->view, f);
}

static int run_verify(struct ctl *ctl, const struct invocation *call)
{
	struct verifying v = { .arena = ctl->arena, .table = table_create(ctl->arena, finding_columns) };
	uint8_t key[32];
	struct trail_walk walk = { .record = on_record, .finding = on_finding, .arg = &v, .rootless = true };
	struct trail_sum sum;
	struct note_key verifier;
	struct err err = { 0 };
	int r, opened, known;

	if (call->args[0] && ctl_is_bundle(call->args[0]))
		return ctl_verify_bundle(ctl, call->args[0], call);
	if (command_option(call, "root") || command_option(call, "witness"))
		return ctl_fail(ctl, EXIT_USAGE, "usage", "--root and --witness are for bundles: a trail is verified by the configuration's");
	r = ctl_state_dir(ctl, call->args[0], &walk.state_dir);
	if (r != 0)
		return r;
	known = ctl_verifier_key(ctl, command_option(call, "key"), &verifier);
	if (known > 1)
		return known;
	r = known ? ctl_key_here(ctl, walk.state_dir, &verifier) : 0;
	if (r != 0)
		return r;
	opened = ctl_wrap_key(ctl, false, key);
	if (opened > 1)
		return opened;
	walk.wrap_key = opened ? key : NULL;
	v.signatures = trail_signed_open(walk.state_dir, known ? &verifier : NULL, command_option(call, "full") != NULL, on_finding, &v,
		ctl->arena);
	v.turn = trail_turn_create(v.signatures, on_finding, &v, ctl->arena);
	r = trail_walk(&walk, ctl->arena, &sum, &err);
	cleanse(key, sizeof(key));
	if (r < 0)
		return walk_failed(ctl, r, &err);
	trail_signed_end(v.signatures);
	trail_turn_end(v.turn);
	trail_anchors_read(walk.state_dir, ctl->configured ? ctl->config : NULL, known ? &verifier : NULL, on_finding, &v, ctl->arena, &v.anchors);
	show_sum(ctl, walk.state_dir, &sum, opened, &v);
	return findings_of(&sum, &v) ? EXIT_FOUND : EXIT_DONE;
}

static const struct option_row verify_options[] = {
	{ "full", NULL, "every tile and entry bundle of the signed logs, too" },
	{ "key", "VERIFIER-KEY", "whose signature it must be (the configuration's; of a bundle: as the company published it)" },
	{ "root", "SHA256,...", "of a bundle: fingerprints of the root certificates of time-stamp authorities that you believe" },
	{ "witness", "VERIFIER-KEY,...", "of a bundle: keys of the witnesses that you believe" },
	{ 0 },
};

const struct command cmd_trail_verify = { .name = "trail verify", .args = "[STATE-DIR|BUNDLE]", .max_args = 1,
	.help = "that the trail, or an evidence bundle, is whole and unaltered",
	.more = "Frames, the hash chain, the order of groups and records, that no case has a number twice, and that the keys are\n"
		"there or were erased. With the wrap key also that every record and part is the one committed to. For each log its\n"
		"size and root: two whole trails with the same ones have the same records; that the checkpoint is signed by the trail's\n"
		"key, and that its root is that of the records; that a year's log which was left ends with log.sealed, and that the next one\n"
		"names its size and root; that each time stamp and cosignature kept still holds, and speaks of this\n"
		"very log (by the authorities and witnesses of the configuration). A sealed trail is verified by its own\n"
		"folder, STATE-DIR/sealed/NUMBER. Reads alone, also beside a running daemon. Exit status 1 with file and\n"
		"byte of whatever is wrong.\n\n"
		"A bundle (folder or .zip, see evidence) is checked without anything else: one line per check, the first failure\n"
		"named. Exit status 0: all that was checked holds, 1: refused, 2: could not be checked. What could not be looked at\n"
		"is never called good. Time stamps and cosignatures are checked with the certificates and keys enclosed: whether those are\n"
		"their owners' is for you to compare (--key, --root, --witness).",
	.options = verify_options, .run = run_verify };

/* --- log ----------------------------------------------------------------------------------------------------------------------------- */

struct logging {
	struct ctl *ctl;
	struct ranges shown_records;
	const char *whose; /* the customer of the records shown */
	const char *invoice, *customer;
	bool parts;
	struct buf out; /* JSON */
	struct json_writer w;
	size_t shown;
	int64_t closed; /* records that could not be opened */
	struct arena *arena; /* of one record */
	const char **attempts; /* that the invoice's records named */
	size_t attempt_count, attempt_capacity;
};

static bool is(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

/* What older versions noted of a receipt or a reply names the attempt alone, whose own records came before it. */
static bool concerns(struct logging *l, const struct json *root)
{
	const char *attempt = json_text(root, "attempt");
	bool known = false;

	if (l->customer)
		return is(json_text(root, "case"), l->customer);
	for (size_t i = 0; attempt && i < l->attempt_count && !known; i++)
		known = is(l->attempts[i], attempt);
	if (!case_concerns(root, l->invoice))
		return known && !case_names_invoice(root);
	if (attempt && !known) {
		l->attempts = arena_grow(l->ctl->arena, l->attempts, l->attempt_count, &l->attempt_capacity, sizeof(*l->attempts));
		l->attempts[l->attempt_count++] = arena_strdup(l->ctl->arena, attempt);
	}
	return true;
}

static bool printable(const char *media_type)
{
	return media_type && (strncmp(media_type, "text/", 5) == 0 || strcmp(media_type, "application/json") == 0 ||
				     strcmp(media_type, "application/http") == 0 || strcmp(media_type, "message/rfc822") == 0);
}

static void add_parts(struct logging *l, const struct trail_record *record, const struct json *root)
{
	struct json parts = json_get(root, "parts");

	for (size_t i = 0; i + 1 < record->body->blob_count && i < json_len(&parts); i++) {
		CLEANUP(buf_clear) struct buf text = { 0 };
		struct json part = json_at(&parts, i);
		const char *name = json_text(&part, "name") ? json_text(&part, "name") : "?";
		uint8_t salt[SALT_SIZE];
		int r = record_body_open(record->body, i + 1, record->keys, salt, &text);

		if (l->ctl->view.json && r == 0 && is(json_text(&part, "media_type"), "application/json") && json_scan(text.data, text.len, 0, NULL) == 0)
			jw_raw(&l->w, name, text.data, text.len);
		else if (l->ctl->view.json && r == 0 && printable(json_text(&part, "media_type")))
			jw_strn(&l->w, name, buf_str(&text), text.len);
		else if (l->ctl->view.json && r == 0) {
			CLEANUP(buf_clear) struct buf base64 = { 0 };

			base64_add(&base64, text.data, text.len);
			jw_str(&l->w, name, buf_str(&base64));
		}
		else if (l->ctl->view.json)
			jw_null(&l->w, name);
		else if (r < 0)
			view_say(&l->ctl->view, "    %s: its key was erased", name);
		else if (printable(json_text(&part, "media_type"))) {
			view_say(&l->ctl->view, "    %s:", name);
			view_text(&l->ctl->view, buf_str(&text));
		} else {
			view_say(&l->ctl->view, "    %s: %zu bytes, %s", name, text.len, json_text(&part, "media_type") ? json_text(&part, "media_type") : "of no type");
		}
	}
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), n = strlen(end);

	return len > n && strcmp(text + len - n, end) == 0;
}

/* All members of the record but those that every record has, as "name value". */
static void members(const struct json *root, struct buf *out)
{
	static const char *const common[] = { "v", "kind", "case", "seq", "prev", "time", "mono_ns", "boot_id", "clock", "instance", "build",
		"actor", "parts", "rule" };
	const char *key;
	struct json value;

	for (size_t i = 0; json_member(root, &i, &key, &value);) {
		CLEANUP(buf_clear) struct buf text = { 0 };
		char utc[UTC_TEXT_SIZE];
		bool skip = false;

		for (size_t c = 0; c < ARRAY_LEN(common); c++)
			skip |= strcmp(common[c], key) == 0;
		if (skip)
			continue;
		if (value.type == JSON_STRING)
			buf_add_str(&text, json_str(&value));
		else if (value.type == JSON_INT && (strcmp(key, "until") == 0 || strcmp(key, "deadline") == 0 || ends_with(key, "_at") ||
							  ends_with(key, "_time")))
			buf_add_str(&text, utc_format(json_int(&value), utc));
		else
			json_write(&text, &value);
		buf_printf(out, "%s%s %s", out->len ? ", " : "", key, buf_str(&text));
	}
}

static int log_record(const struct trail_record *record, void *arg)
{
	struct logging *l = arg;
	struct json root;
	CLEANUP(buf_clear) struct buf text = { 0 };
	int64_t at = record->decided_at;

	if (!record->opened) {
		l->closed++;
		return 0;
	}
	arena_clear(l->arena);
	if (json_parse(l->arena, record->text, record->len, 0, &root, NULL) < 0 || !concerns(l, &root))
		return 0;
	l->shown++;
	ranges_add(&l->shown_records, record->origin, record->index);
	if (!l->whose)
		l->whose = arena_strdup(l->ctl->arena, json_text(&root, "case") ? json_text(&root, "case") : "?");
	if (l->ctl->view.json) {
		jw_object(&l->w, NULL);
		jw_str(&l->w, "origin", record->origin);
		jw_int(&l->w, "index", (int64_t)record->index);
		jw_raw(&l->w, "record", record->text, record->len);
		if (l->parts) {
			jw_object(&l->w, "parts");
			add_parts(l, record, &root);
			jw_end_object(&l->w);
		}
		jw_end_object(&l->w);
		return 0;
	}
	if (json_text(&root, "time"))
		(void)utc_parse(json_text(&root, "time"), &at);
	members(&root, &text);
	view_say(&l->ctl->view, "%-20s %6llu  %-20s %-14s %s", view_time(l->arena, at, NULL), (unsigned long long)record->index,
		json_text(&root, "kind") ? json_text(&root, "kind") : "?", json_text(&root, "actor") ? json_text(&root, "actor") : "", buf_str(&text));
	if (l->parts)
		add_parts(l, record, &root);
	return 0;
}

/* Shows what was held back, once it is recorded that it is shown. The daemon's own records are nobody's. */
static void hand_over(struct logging *l, const char *held, size_t len, const char *whom)
{
	const struct ctl_reading reading = { .command = l->parts ? "trail log --parts" : "trail log", .customer = l->whose, .invoice = l->invoice,
		.whom = whom, .records = ranges_text(&l->shown_records) };

	if (l->shown && !is(l->whose, SYSTEM_CASE))
		(void)ctl_record_reading(l->ctl, &reading);
	(void)fwrite(held, 1, len, l->ctl->view.out);
	ranges_clear(&l->shown_records);
}

static int run_log(struct ctl *ctl, const struct invocation *call)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	FILE *out = ctl->view.out;
	char *held = NULL;
	size_t held_len = 0;
	struct logging l = { .ctl = ctl, .invoice = call->args[0], .customer = command_option(call, "customer"),
		.parts = command_option(call, "parts") != NULL, .arena = arena };
	uint8_t key[32];
	struct trail_walk walk = { .record = log_record, .arg = &l, .wrap_key = key };
	struct trail_sum sum;
	struct err err = { 0 };
	uint64_t findings = 0;
	const char **dirs;
	size_t count;
	int r;

	if (!l.invoice == !l.customer)
		return ctl_fail(ctl, EXIT_USAGE, "usage", "name an invoice, or a customer with --customer");
	r = ctl_state_dir(ctl, command_option(call, "state"), &walk.state_dir);
	if (r != 0)
		return r;
	dirs = trail_generations(walk.state_dir, ctl->arena, &count);
	r = ctl_wrap_key(ctl, true, key);
	if (r != 1)
		return r;
	l.w = jw_init(&l.out);
	jw_array(&l.w, NULL);
	ctl->view.out = open_memstream(&held, &held_len);
	if (!ctl->view.out)
		abort();
	for (size_t i = 0; i < count && r >= 0; i++) {
		walk.state_dir = dirs[i];
		r = trail_walk(&walk, ctl->arena, &sum, &err);
		findings += sum.findings;
	}
	cleanse(key, sizeof(key));
	jw_end_array(&l.w);
	if (r >= 0 && ctl->view.json)
		fprintf(ctl->view.out, "%s\n", buf_str(&l.out));
	buf_clear(&l.out);
	(void)fclose(ctl->view.out);
	ctl->view.out = out;
	if (r >= 0)
		hand_over(&l, held, held_len, command_option(call, "for"));
	free(held);
	if (r < 0)
		return walk_failed(ctl, r, &err);
	if (findings)
		ctl_warn(ctl, "the trail is not whole: see dunningctl trail verify");
	if (l.closed)
		ctl_warn(ctl, "%lld records could not be opened: their keys were erased, or are missing", (long long)l.closed);
	if (!l.shown)
		return ctl_fail(ctl, EXIT_FOUND, "unknown", "the trail has no record of %s", l.invoice ? l.invoice : l.customer);
	return findings ? EXIT_FOUND : EXIT_DONE;
}

static const struct option_row log_options[] = {
	{ "customer", "CUSTOMER", "all records of this customer's file instead" },
	{ "parts", NULL, "messages, answers and events, too" },
	{ "for", "WHOM", "for whom, for the trail" },
	{ "state", "DIR", "state directory (the configuration's)" },
	{ 0 },
};

const struct command cmd_trail_log = { .name = "trail log", .args = "[INVOICE]", .max_args = 1,
	.help = "every record of one invoice, in order, opened",
	.more = "Reads the journal, those that were sealed before it too, and the key store; needs the wrap key (--credentials). Times are UTC.\n"
		"That a debtor's records were read, which, and by whom is itself recorded, by the running daemon; where it cannot be, this is\n"
		"said on standard error.",
	.options = log_options,
	.run = run_log };
