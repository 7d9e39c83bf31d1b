/* Evidence bundles: what a lawyer hands in and an expert checks, made out of the trail; and the check of one. */
#include <ctype.h>
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
	int r = log_key_read(ctl_credentials_of(ctl, LOG_KEY_CREDENTIAL), ctl->config->origin, &pins, ret, &err);

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

struct making {
	struct ctl *ctl;
	struct evidence_order order;
	const struct note_key *verifier; /* of the first generation */
	const uint8_t *seed; /* NULL: the manifest stays unsigned */
	const char **dirs; /* of the generations */
	size_t count;
	struct evidence_generation *made;
	size_t made_count;
	struct bundle *last; /* of those made */
	bool history, documents;
	const struct bundle_file *more; /* put into each of them; NULL = none */
	struct evidence_sum sum; /* over all */
};

static int failed(struct making *m, int r, const struct err *err)
{
	return ctl_fail_err(m->ctl, r == -EACCES ? EXIT_UNAVAILABLE : EXIT_FOUND, err);
}

static int finish(struct making *m, struct bundle *bundle)
{
	struct err err = { 0 };
	int r;

	bundle_sort(bundle);
	r = evidence_add_reports(bundle, &err);
	if (r < 0)
		return failed(m, r, &err);
	r = bundle_finish(bundle, &m->sum.newest, m->seed);
	return r < 0 ? ctl_fail(m->ctl, EXIT_CONFIG, "bad_key", "the manifest cannot be signed: %s", strerror(-r)) : EXIT_DONE;
}

/* Whose the invoice is, by the newest generation that knows it: the others may know its debtor alone. */
static int find_debtor(struct making *m)
{
	struct err err = { 0 };
	int r = -ENOENT;

	for (size_t i = m->count; !m->order.debtor && i-- > 0;) {
		m->order.state_dir = m->dirs[i];
		r = evidence_debtor(&m->order, m->ctl->arena, &m->order.debtor, &err);
		if (r < 0 && r != -ENOENT)
			return failed(m, r, &err);
	}
	return m->order.debtor ? EXIT_DONE : failed(m, r, &err);
}

/* The bundle of one generation. One that has nothing of the case, or nothing signed, is passed over; the latter is said. */
static int make_one(struct making *m, unsigned number, struct bundle *whole)
{
	struct ctl *ctl = m->ctl;
	struct bundle *bundle = arena_alloc(ctl->arena, sizeof(*bundle));
	struct evidence_generation *made = &m->made[m->made_count];
	struct note_key *key = arena_memdup(ctl->arena, m->verifier, sizeof(*key));
	struct evidence_sum sum;
	struct err err = { 0 };
	int r = ctl_key_here(ctl, m->order.state_dir, key);

	if (r != 0)
		return r;
	bundle->arena = ctl->arena;
	m->order.verifier = key;
	r = evidence_collect(&m->order, bundle, &sum, &err);
	if (m->order.progress)
		fputs("\r\033[K", stderr);
	if (m->count > 1 && r == -ENODATA)
		ctl_warn(ctl, "%s: %s; it is not in the bundle", m->order.state_dir, err.text);
	if (m->count > 1 && (r == -ENODATA || r == -ENOENT))
		return EXIT_DONE;
	if (r < 0)
		return failed(m, r, &err);
	m->sum.debtor = sum.debtor;
	m->sum.records += sum.records;
	m->sum.withheld += sum.withheld;
	m->sum.system += sum.system;
	m->sum.unsigned_records += sum.unsigned_records;
	m->sum.findings += sum.findings;
	m->sum.newest = sum.newest;
	if (m->sum.disclosed && m->sum.disclosed[0] && sum.disclosed[0])
		m->sum.disclosed = arena_printf(ctl->arena, "%s; %s", m->sum.disclosed, sum.disclosed);
	else if (!m->sum.disclosed || sum.disclosed[0])
		m->sum.disclosed = sum.disclosed;
	evidence_add_texts(bundle);
	bundle_sort(bundle);
	if (m->documents)
		r = evidence_add_documents(bundle, ctl->config->documents_dir, &err);
	if (r == 0 && m->history)
		r = evidence_add_history(&m->order, sum.debtor, bundle, &err);
	if (r < 0)
		return failed(m, r, &err);
	if (m->more)
		bundle_add(bundle, m->more->path, m->more->data.data, m->more->data.len);
	r = finish(m, bundle);
	*made = (struct evidence_generation){ number, key->name };
	m->made_count++;
	m->last = bundle;
	if (r == 0 && m->count > 1)
		evidence_add_generation(whole, bundle, number);
	return r;
}

/* One bundle; or where several generations have something of the case, one for each, and what holds them together. */
static int collect(struct ctl *ctl, const struct invocation *call, const uint8_t wrap_key[32], struct log_key *key, const uint8_t *seed,
	const struct bundle_file *more, struct bundle *bundle, struct evidence_sum *sum)
{
	struct making m = { .ctl = ctl, .verifier = &key->verifier, .seed = seed, .more = more, .history = command_option(call, "history") != NULL,
		.documents = !evidence_withheld(command_option(call, "withhold"), "documents"),
		.order = { .wrap_key = wrap_key, .debtor = command_option(call, "debtor"), .invoice = call->args[0],
			.leaves = !command_option(call, "without-leaves"), .withhold = command_option(call, "withhold"),
			.progress = !ctl->view.json && isatty(STDERR_FILENO) ? show_progress : NULL } };
	const char *state_dir;
	int r = ctl_state_dir(ctl, command_option(call, "state"), &state_dir);

	if (r != 0)
		return r;
	m.dirs = trail_generations(state_dir, ctl->arena, &m.count);
	m.made = arena_alloc(ctl->arena, m.count * sizeof(*m.made));
	r = find_debtor(&m);
	for (size_t i = 0; i < m.count && r == 0; i++) {
		m.order.state_dir = m.dirs[i];
		r = make_one(&m, (unsigned)i + 1, bundle);
	}
	*sum = m.sum;
	if (r != 0)
		return r;
	if (!m.made_count)
		return ctl_fail(ctl, EXIT_FOUND, "unknown", "no signed record of %s is in the trail", m.order.debtor);
	if (m.made_count == 1) {
		*bundle = *m.last;
		return EXIT_DONE;
	}
	evidence_add_list(bundle, m.made, m.made_count);
	return finish(&m, bundle);
}

static const char *manifest_digest(const struct bundle *bundle)
{
	const struct bundle_file *manifest = bundle_find(bundle, BUNDLE_MANIFEST);
	uint8_t digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];

	sha256(manifest->data.data, manifest->data.len, digest);
	return arena_strdup(bundle->arena, hex_format(digest, SHA256_SIZE, hex));
}

static void show_bundle(struct ctl *ctl, const struct evidence_sum *sum, const char *path, const struct bundle *bundle, bool signed_, bool recorded)
{
	struct fields *f = fields_create(ctl->arena);

	fields_add(f, "path", "Bundle", cell_text(path));
	fields_add(f, "debtor", "Debtor", cell_text(sum->debtor));
	fields_add(f, "records", "Records", cell_number((int64_t)sum->records));
	fields_add(f, "withheld", "Withheld", sum->withheld ? cell_number((int64_t)sum->withheld) : cell_none());
	fields_add(f, "unsigned_records", "Left out, not yet signed", sum->unsigned_records ? cell_number((int64_t)sum->unsigned_records) : cell_none());
	fields_add(f, "system", "Of the daemon", cell_number((int64_t)sum->system));
	fields_add(f, "files", "Files", cell_number((int64_t)bundle->count));
	fields_add(f, "manifest_sha256", "Digest of manifest", cell_text(manifest_digest(bundle)));
	fields_add(f, "manifest_signed", NULL, cell_flag(signed_));
	fields_add(f, NULL, "Manifest", cell_text(signed_ ? "signed by the log's key" : "not signed: the log's key is not at hand"));
	fields_add(f, "recorded", NULL, cell_flag(recorded));
	fields_add(f, NULL, "In the trail", cell_text(recorded ? "recorded: export.made" : "NOT recorded that it was made"));
	view_fields(&ctl->view, f);
}

int ctl_evidence(struct ctl *ctl, const struct invocation *call, const char *path, bool show, const struct bundle_file *more, const char **digest)
{
	struct bundle bundle = { .arena = ctl->arena };
	struct evidence_sum sum;
	uint8_t wrap_key[32];
	struct log_key key = { 0 };
	struct err err = { 0 };
	bool secret, recorded;
	int r;

	if (access(path, F_OK) == 0)
		return ctl_fail(ctl, EXIT_USAGE, "exists", "%s exists: a bundle is written where nothing is", path);
	r = ctl_config(ctl, true);
	if (r == 0)
		r = ctl_wrap_key(ctl, true, wrap_key);
	if (r != 1)
		return r;
	r = read_key(ctl, &key, &secret);
	if (r == 0)
		r = collect(ctl, call, wrap_key, &key, secret ? key.seed : NULL, more, &bundle, &sum);
	cleanse(wrap_key, sizeof(wrap_key));
	cleanse(&key, sizeof(key));
	if (r != 0)
		return r;
	*digest = manifest_digest(&bundle);
	recorded = ctl_record_reading(ctl, &(struct ctl_reading){ .command = call->command->name, .customer = sum.debtor, .invoice = call->args[0],
						   .whom = command_option(call, "for"), .records = sum.disclosed, .digest = *digest });
	if (evidence_write(&bundle, path, &err) < 0)
		return ctl_fail_err(ctl, EXIT_FOUND, &err);
	if (sum.findings)
		ctl_warn(ctl, "the trail is not whole: see dunningctl trail verify");
	if (sum.unsigned_records)
		ctl_warn(ctl, "%zu records are not in a signed checkpoint yet and were left out", sum.unsigned_records);
	if (show)
		show_bundle(ctl, &sum, path, &bundle, secret, recorded);
	return sum.findings ? EXIT_FOUND : EXIT_DONE;
}

static int run_evidence(struct ctl *ctl, const struct invocation *call)
{
	const char *path = command_option(call, "out"), *digest = NULL;

	if (!call->args[0] == !command_option(call, "debtor"))
		return ctl_fail(ctl, EXIT_USAGE, "usage", "name an invoice, or a customer with --debtor");
	if (!path)
		return ctl_fail(ctl, EXIT_USAGE, "usage", "name the folder or the .zip file to write with --out");
	return ctl_evidence(ctl, call, path, true, NULL, &digest);
}

static const struct option_row evidence_options[] = {
	{ "debtor", "ID", "the whole file of this customer instead of one invoice" },
	{ "out", "DIR|FILE.zip", "where to write it (also -o); it must not exist" },
	{ "withhold", "PART,...", "leave out these parts, such as recipient.json: the proofs stay valid, the report says so" },
	{ "history", NULL, "with the customer's paid invoices and how late each was, and nothing else of them" },
	{ "without-leaves", NULL, "without the log's leaves: smaller, but nobody can see that nothing was left out" },
	{ "for", "WHOM", "for whom it is made, for the trail" },
	{ "state", "DIR", "state directory (the configuration's)" },
	{ 0 },
};

const struct command cmd_evidence = { .name = "evidence", .args = "[INVOICE]", .max_args = 1,
	.help = "an evidence bundle: what happened, with proofs, for lawyer, judge and expert",
	.more = "Everything recorded about the invoice's debtor, with proofs against the last signed checkpoint, keys and all that is\n"
		"needed to check it offline: dunningctl trail verify BUNDLE, or the verify.sh in it. With an invoice, records about\n"
		"other invoices alone are withheld: they are counted, not shown (--history lists those that were paid). The documents that the\n"
		"records name by digest, invoice and contract, are enclosed where documents.dir has them (--withhold documents: not). Reads the journal and the key store; needs the wrap\n"
		"key (--credentials), and the log's key to sign the manifest. The same trail gives the same bytes.\n"
		"That it was made, of which records, by whom and its digest is recorded by the running daemon, behind all that is in it; where it\n"
		"cannot be, this is said.\n\n"
		"A case that spans a sealed trail is a folder with a bundle for each generation (g1, g2 ...) and a report over all of\n"
		"them; --state STATE-DIR/sealed/NUMBER makes that of one generation alone.",
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

/* Fingerprints with commas between; colons in them, as openssl prints them, do not count. */
static int read_roots(struct ctl *ctl, const char *text, struct bundle_checking *how)
{
	char *list = text ? arena_strdup(ctl->arena, text) : NULL, *word;
	uint8_t (*roots)[SHA256_SIZE] = arena_alloc(ctl->arena, text ? strlen(text) + 1 : 1); /* 32 of 64 digits */

	while ((word = strsep(&list, ",")) != NULL) {
		size_t n = 0;

		for (size_t i = 0; word[i]; i++)
			if (word[i] != ':')
				word[n++] = (char)tolower((unsigned char)word[i]);
		word[n] = '\0';
		if (hex_parse(word, SHA256_SIZE, roots[how->root_count]) < 0)
			return ctl_fail(ctl, EXIT_USAGE, "usage", "--root wants SHA-256 fingerprints of certificates: openssl x509 -noout -fingerprint -sha256");
		how->root_count++;
	}
	how->roots = roots;
	return 0;
}

static int read_witnesses(struct ctl *ctl, const char *text, struct bundle_checking *how)
{
	char *list = text ? arena_strdup(ctl->arena, text) : NULL, *word;
	struct note_key *keys = NULL;
	size_t capacity = 0;

	while ((word = strsep(&list, ",")) != NULL) {
		keys = arena_grow(ctl->arena, keys, how->witness_count, &capacity, sizeof(*keys));
		if (note_key_parse(word, &keys[how->witness_count]) < 0 || keys[how->witness_count].type != NOTE_COSIGNATURE)
			return ctl_fail(ctl, EXIT_USAGE, "usage", "\"%s\" is no witness's verifier key: name+id+base64, of the type 4", word);
		how->witness_count++;
	}
	how->witnesses = keys;
	return 0;
}

int ctl_verify_bundle(struct ctl *ctl, const char *path, const struct invocation *call)
{
	struct bundle bundle = { .arena = ctl->arena };
	struct showing showing = { ctl->arena, table_create(ctl->arena, check_columns) };
	struct bundle_checking how = { .verifier_key = command_option(call, "key"), .ahead = CHECK_AHEAD, .line = on_line, .arg = &showing };
	struct fields *f = fields_create(ctl->arena);
	struct err err = { 0 };
	int r = read_roots(ctl, command_option(call, "root"), &how);

	if (r == 0)
		r = read_witnesses(ctl, command_option(call, "witness"), &how);
	if (r != 0)
		return r;
	r = evidence_read(path, &bundle, &err);
	if (r == -EBADMSG)
		on_line(&(struct check_line){ "files", CHECK_REFUSED, err.text }, &showing);
	else if (r < 0)
		return ctl_fail_err(ctl, EXIT_USAGE, &err);
	else
		r = evidence_is_whole(&bundle) ? evidence_check_whole(&bundle, &how, &err) : bundle_check(&bundle, &how, &err);
	if (r == 0)
		r = evidence_check_reports(&bundle, on_line, &showing, &err);
	fields_add(f, "ok", NULL, cell_flag(r == 0));
	fields_add(f, NULL, "Bundle", cell_text(r == 0 ? "all that was checked holds" : "REFUSED"));
	fields_add(f, "refused", "First failure", r < 0 ? cell_text(err.text) : cell_none());
	fields_table(f, "checks", "Checks", showing.table);
	view_fields(&ctl->view, f);
	return r < 0 ? EXIT_FOUND : EXIT_DONE;
}
