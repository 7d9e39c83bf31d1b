/* Evidence bundles: what a lawyer hands in and an expert checks, made out of the trail; and the check of one. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/bundle_check.h"
#include "common/bundle_make.h"
#include "common/hash.h"
#include "daemon/log_key.h"
#include "tools/cmd.h"
#include "tools/evidence.h"
#include "tools/trail_files.h"

#define BAR 30

/* --- evidence -------------------------------------------------------------------------------------- */

static void show_progress(uint64_t done, uint64_t all, void *arg)
{
	int filled = all ? (int)(done < all ? done * BAR / all : BAR) : 0;

	(void)arg;
	fprintf(stderr, "\r  [%-*.*s] %llu records read", BAR, filled, "##############################", (unsigned long long)done);
}

/* The key that signs the manifest, or the pinned one alone: then the manifest stays unsigned. */
static int read_key(struct ctl *ctl, struct log_key *ret, bool *secret)
{
	struct err err = { 0 };
	const struct log_key_pins pins = { ctl->config->trail_verifier_key, ctl->config->trail_next_verifier_key };
	int r = log_key_read(ctl_credentials(ctl), ctl->config->origin, &pins, ret, &err);

	*secret = r == 0;
	if (r == 0)
		return EXIT_DONE;
	if (ctl->config->trail_verifier_key && strcmp(err.code, "log_key_missing") == 0 &&
		note_key_parse(ctl->config->trail_verifier_key, &ret->verifier) == 0)
		return EXIT_DONE;
	if (r == -ENOENT)
		return ctl_fail(ctl, EXIT_CONFIG, "unsigned", "the trail has no key that signs it: dunningctl trail key new, and the credential for the daemon");
	return ctl_fail_err(ctl, EXIT_CONFIG, &err);
}

static int collect(struct ctl *ctl, const struct invocation *call, const uint8_t wrap_key[32], struct log_key *key, const uint8_t *seed,
	struct bundle *bundle, struct evidence_sum *sum)
{
	struct evidence_order order = { .wrap_key = wrap_key, .debtor = command_option(call, "debtor"), .invoice = call->args[0],
		.leaves = !command_option(call, "without-leaves"), .withhold = command_option(call, "withhold"), .verifier = &key->verifier,
		.progress = !ctl->view.json && isatty(STDERR_FILENO) ? show_progress : NULL };
	struct err err = { 0 };
	const char **generations;
	size_t count;
	int r = ctl_state_dir(ctl, command_option(call, "state"), &order.state_dir);

	if (r == 0)
		r = ctl_key_here(ctl, order.state_dir, &key->verifier);
	if (r != 0)
		return r;
	generations = trail_generations(order.state_dir, ctl->arena, &count);
	for (size_t i = 0; i < count; i++)
		if (strcmp(generations[i], order.state_dir) != 0)
			ctl_warn(ctl, "%s was sealed: what it has of the case is a bundle of its own, with --state %s", generations[i], generations[i]);
	r = evidence_collect(&order, bundle, sum, &err);
	if (order.progress)
		fputs("\r\033[K", stderr);
	if (r < 0)
		return ctl_fail_err(ctl, r == -EACCES ? EXIT_UNAVAILABLE : EXIT_FOUND, &err);
	evidence_add_texts(bundle);
	bundle_sort(bundle);
	r = evidence_add_reports(bundle, &err);
	if (r < 0)
		return ctl_fail_err(ctl, EXIT_FOUND, &err);
	r = bundle_finish(bundle, &sum->newest, seed);
	return r < 0 ? ctl_fail(ctl, EXIT_CONFIG, "bad_key", "the manifest cannot be signed: %s", strerror(-r)) : EXIT_DONE;
}

static void show_bundle(struct ctl *ctl, const struct evidence_sum *sum, const char *path, const struct bundle *bundle, bool signed_)
{
	const struct bundle_file *manifest = bundle_find(bundle, BUNDLE_MANIFEST);
	struct fields *f = fields_create(ctl->arena);
	uint8_t digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];

	sha256(manifest->data.data, manifest->data.len, digest);
	fields_add(f, "path", "Bundle", cell_text(path));
	fields_add(f, "debtor", "Debtor", cell_text(sum->debtor));
	fields_add(f, "records", "Records", cell_number((int64_t)sum->records));
	fields_add(f, "withheld", "Withheld", sum->withheld ? cell_number((int64_t)sum->withheld) : cell_none());
	fields_add(f, "unsigned_records", "Left out, not yet signed", sum->unsigned_records ? cell_number((int64_t)sum->unsigned_records) : cell_none());
	fields_add(f, "system", "Of the daemon", cell_number((int64_t)sum->system));
	fields_add(f, "files", "Files", cell_number((int64_t)bundle->count));
	fields_add(f, "manifest_sha256", "Digest of manifest", cell_text(arena_strdup(ctl->arena, hex_format(digest, SHA256_SIZE, hex))));
	fields_add(f, "manifest_signed", NULL, cell_flag(signed_));
	fields_add(f, NULL, "Manifest", cell_text(signed_ ? "signed by the log's key" : "not signed: the log's key is not at hand"));
	view_fields(&ctl->view, f);
}

static int run_evidence(struct ctl *ctl, const struct invocation *call)
{
	const char *path = command_option(call, "out");
	struct bundle bundle = { .arena = ctl->arena };
	struct evidence_sum sum;
	uint8_t wrap_key[32];
	struct log_key key = { 0 };
	struct err err = { 0 };
	bool secret;
	int r;

	if (!call->args[0] == !command_option(call, "debtor"))
		return ctl_fail(ctl, EXIT_USAGE, "usage", "name an invoice, or a customer with --debtor");
	if (!path)
		return ctl_fail(ctl, EXIT_USAGE, "usage", "name the folder or the .zip file to write with --out");
	if (access(path, F_OK) == 0)
		return ctl_fail(ctl, EXIT_USAGE, "exists", "%s exists: a bundle is written where nothing is", path);
	r = ctl_config(ctl, true);
	if (r == 0)
		r = ctl_wrap_key(ctl, true, wrap_key);
	if (r != 1)
		return r;
	r = read_key(ctl, &key, &secret);
	if (r == 0)
		r = collect(ctl, call, wrap_key, &key, secret ? key.seed : NULL, &bundle, &sum);
	cleanse(wrap_key, sizeof(wrap_key));
	cleanse(&key, sizeof(key));
	if (r != 0)
		return r;
	if (evidence_write(&bundle, path, &err) < 0)
		return ctl_fail_err(ctl, EXIT_FOUND, &err);
	if (sum.findings)
		ctl_warn(ctl, "the trail is not whole: see dunningctl trail verify");
	if (sum.unsigned_records)
		ctl_warn(ctl, "%zu records are not in a signed checkpoint yet and were left out", sum.unsigned_records);
	show_bundle(ctl, &sum, path, &bundle, secret);
	return sum.findings ? EXIT_FOUND : EXIT_DONE;
}

static const struct option_row evidence_options[] = {
	{ "debtor", "ID", "the whole file of this customer instead of one invoice" },
	{ "out", "DIR|FILE.zip", "where to write it (also -o); it must not exist" },
	{ "withhold", "PART,...", "leave out these parts, such as recipient.json: the proofs stay valid, the report says so" },
	{ "without-leaves", NULL, "without the log's leaves: smaller, but nobody can see that nothing was left out" },
	{ "state", "DIR", "state directory (the configuration's)" },
	{ 0 },
};

const struct command cmd_evidence = { .name = "evidence", .args = "[INVOICE]", .max_args = 1,
	.help = "an evidence bundle: what happened, with proofs, for lawyer, judge and expert",
	.more = "Everything recorded about the invoice's debtor, with proofs against the last signed checkpoint, keys and all that is\n"
		"needed to check it offline: dunningctl trail verify BUNDLE, or the verify.sh in it. With an invoice, records about\n"
		"other invoices alone are withheld: they are counted, not shown. Reads the journal and the key store; needs the wrap\n"
		"key (--credentials), and the log's key to sign the manifest. The same trail gives the same bytes.",
	.options = evidence_options, .run = run_evidence };

/* --- trail verify BUNDLE --------------------------------------------------------------------------- */

bool ctl_is_bundle(const char *path)
{
	char manifest[4200];
	size_t len = strlen(path);
	struct stat st;

	if (len > 4 && strcmp(path + len - 4, ".zip") == 0)
		return true;
	snprintf(manifest, sizeof(manifest), "%s/" BUNDLE_MANIFEST, path);
	return stat(path, &st) == 0 && (S_ISREG(st.st_mode) || access(manifest, F_OK) == 0);
}

static const struct column check_columns[] = { { "check", "CHECK", false }, { "state", "RESULT", false }, { "text", "WHAT WAS FOUND", false }, { 0 } };

struct showing {
	struct arena *arena;
	struct table *table;
};

static void on_line(const struct check_line *line, void *arg)
{
	static const char *const words[] = { [CHECK_GOOD] = "good", [CHECK_NOT] = "NOT CHECKED", [CHECK_REFUSED] = "REFUSED" };
	struct showing *s = arg;

	table_add(s->table, (struct cell[]){ cell_text(line->name), cell_text(words[line->state]), cell_text(arena_strdup(s->arena, line->text)) });
}

int ctl_verify_bundle(struct ctl *ctl, const char *path, const char *verifier_key)
{
	struct bundle bundle = { .arena = ctl->arena };
	struct showing showing = { ctl->arena, table_create(ctl->arena, check_columns) };
	struct bundle_checking how = { .verifier_key = verifier_key, .ahead = CHECK_AHEAD, .line = on_line, .arg = &showing };
	struct fields *f = fields_create(ctl->arena);
	struct err err = { 0 };
	int r = evidence_read(path, &bundle, &err);

	if (r == -EBADMSG)
		on_line(&(struct check_line){ "files", CHECK_REFUSED, err.text }, &showing);
	else if (r < 0)
		return ctl_fail_err(ctl, EXIT_USAGE, &err);
	else
		r = bundle_check(&bundle, &how, &err);
	if (r == 0)
		r = evidence_check_reports(&bundle, on_line, &showing, &err);
	fields_add(f, "ok", NULL, cell_flag(r == 0));
	fields_add(f, NULL, "Bundle", cell_text(r == 0 ? "all that was checked holds" : "REFUSED"));
	fields_add(f, "refused", "First failure", r < 0 ? cell_text(err.text) : cell_none());
	fields_table(f, "checks", "Checks", showing.table);
	view_fields(&ctl->view, f);
	return r < 0 ? EXIT_FOUND : EXIT_DONE;
}
