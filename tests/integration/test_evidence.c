/*
 * A dispute in court: the real daemon walks two invoices of one debtor, with payments, a dispute and a credit between; then a bundle is
 * made, checked, altered and robbed of a record.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "common/hash.h"
#include "common/note.h"
#include "tests/support/world.h"

#define WAIT_MS 20000
#define SEED_HEX "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"
#define ORIGIN "test.example/world"

#define EVENT(id, type, subject, time, data)                                                                                      \
	"{\"specversion\":\"1.0\",\"id\":\"" id "\",\"source\":\"https://billing.example/eu\",\"type\":\"" type "\","                  \
	"\"subject\":\"invoice/" subject "\",\"time\":\"" time "\",\"data\":{" data "}}"
#define FIGURES(id, number, version, status, total, paid, credited, due)                                                          \
	"\"invoice\":{\"id\":\"" id "\",\"number\":\"" number "\",\"version\":" version ",\"status\":\"" status                       \
	"\",\"issued_on\":\"2026-03-02\",\"due_on\":\"2026-04-01\",\"currency\":\"EUR\",\"total_minor\":" total ",\"paid_minor\":" paid \
	",\"credited_minor\":" credited ",\"due_minor\":" due "}"
#define CUSTOMER(id, name, contact)                                                                                               \
	"\"customer\":{\"id\":\"" id "\",\"name\":\"" name "\",\"country\":\"FR\",\"kind\":\"company\",\"locale\":\"fr-FR\","          \
	"\"timezone\":\"Europe/Paris\",\"contacts\":[{\"id\":\"c1\",\"role\":\"billing\",\"relation\":\"internal\",\"name\":\"" contact  \
	"\",\"email\":\"compta@" id ".example\",\"phone\":\"+33100000000\",\"channels\":[\"email\",\"call\"]}]}"

static const char *const first_day[] = {
	EVENT("e1", "invoice.finalized", "inv_42", "2026-03-02T09:00:00Z",
		FIGURES("inv_42", "F-2026-0042", "1", "open", "120000", "0", "0", "120000") ","
			CUSTOMER("cus_7", "Établissements Dupont & Fils SARL", "Mme Zoé Roÿ")),
	EVENT("e2", "invoice.finalized", "inv_43", "2026-03-02T09:00:00Z",
		FIGURES("inv_43", "F-2026-0043", "1", "open", "45050", "0", "0", "45050") ","
			CUSTOMER("cus_7", "Établissements Dupont & Fils SARL", "Mme Zoé Roÿ")),
	EVENT("e3", "invoice.finalized", "inv_90", "2026-03-02T09:00:00Z",
		FIGURES("inv_90", "F-2026-0090", "1", "open", "9900", "0", "0", "9900") "," CUSTOMER("cus_9", "Autre SAS", "M. Tiers")),
	NULL,
};
static const char *const second_act[] = {
	EVENT("e4", "invoice.payment_received", "inv_42", "2026-04-07T10:00:00Z",
		"\"invoice_id\":\"inv_42\",\"payment_id\":\"pay_1\",\"amount_minor\":40000,\"paid_at\":\"2026-04-07T09:30:00Z\""),
	EVENT("e5", "dispute.opened", "inv_43", "2026-04-08T10:00:00Z", "\"invoice_id\":\"inv_43\",\"dispute_id\":\"d_1\",\"reason\":\"livraison incomplète\""),
	NULL,
};
static const char *const third_act[] = {
	EVENT("e6", "dispute.resolved", "inv_43", "2026-04-20T10:00:00Z", "\"invoice_id\":\"inv_43\",\"dispute_id\":\"d_1\""),
	EVENT("e7", "credit_note.issued", "inv_43", "2026-04-20T10:05:00Z", "\"invoice_id\":\"inv_43\",\"credit_note_id\":\"cn_1\",\"amount_minor\":5050"),
	NULL,
};

static struct world world;
static struct arena *keep; /* strings of the whole run */

static void put(const char *name, const void *data, size_t len)
{
	assert_int_equal(file_replace(arena_printf(keep, "%s/%s", world.dir, name), data, len, 0600), 0);
}

static void push_all(const char *const *events)
{
	for (; *events; events++)
		world_push(&world, *events, strlen(*events));
}

#define WARNING "{\"warning\":\"not_recorded\""
static bool unrecorded; /* said of what the last ctl() read */

static struct json ctl(struct arena *arena, int expected, const char *const *words)
{
	CLEANUP(buf_clear) struct buf output = { 0 };
	const char *argv[20] = { "--json" };
	struct json root = { 0 };
	const char *text;
	int r;

	for (size_t n = 1; *words && n < 19; n++)
		argv[n] = *words++;
	r = world_ctl(&world, argv, &output);
	unrecorded = strncmp(buf_str(&output), WARNING, sizeof(WARNING) - 1) == 0;
	text = buf_str(&output);
	if (unrecorded) /* on standard error, before what it is about */
		text = strchr(text, '\n') + 1;
	if (r != expected)
		fail_msg("dunningctl %s %s: %d, not %d: %s", argv[1], argv[2] ? argv[2] : "", r, expected, buf_str(&output));
	if (*text && json_parse(arena, text, strlen(text), JSON_FRACTIONS, &root, NULL) < 0)
		fail_msg("dunningctl %s: %s", argv[1], buf_str(&output));
	return root;
}
#define CTL(arena, expected, ...) ctl(arena, expected, (const char *const[]){ __VA_ARGS__, NULL })

static const char *str(const struct json *object, const char *key)
{
	struct json value = json_get(object, key);

	return json_str(&value) ? json_str(&value) : "";
}

static void walk_until(const char *begin, const char *until)
{
	int64_t deadline = real_ms() + WAIT_MS;
	char spec[120];

	snprintf(spec, sizeof(spec), "%s%srate:0,jump,until:%s", begin ? begin : "", begin ? "," : "", until);
	world.options.clock = spec;
	world_start(&world, NULL);
	assert_true(world_ready(&world, WAIT_MS));
	for (;;) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		struct json daemon = world_status(&world, arena);

		if (strcmp(str(&daemon, "now"), until) == 0)
			break;
		if (real_ms() > deadline)
			fail_msg("the clock shows %s, not %s", str(&daemon, "now"), until);
		pause_ms(20);
	}
	world.options.clock = "rate:0";
}

static void until_applied(void)
{
	int64_t deadline = real_ms() + WAIT_MS;

	while (!world_applied(&world)) {
		assert_true(real_ms() < deadline);
		pause_ms(20);
	}
}

static void copy_checkpoint(void)
{
	CLEANUP(buf_clear) struct buf note = { 0 };
	struct err err = { 0 };

	if (file_read(arena_printf(keep, "%s/log/2026/checkpoint", world.state), 1 << 16, &note, &err) < 0)
		fail_msg("%s", err.text);
	put("early", note.data, note.len);
}

static int story(void **state)
{
	const struct world_options options = { .prefix = "dunning", .policy = "fr-b2b", .clock = "rate:0" };
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	(void)state;
	keep = arena_create();
	world_open(&world, &options);
	put("credentials/trail-log-key", SEED_HEX, strlen(SEED_HEX));
	push_all(first_day);
	walk_until("start:2026-03-02T09:00:00Z", "2026-04-07T08:00:00Z");
	(void)CTL(arena, 0, "call", "log", "call:inv_42:call", "Mme Roÿ cherche la facture, rappelle demain", "--outcome", "voicemail", "--who", "Léa Martin");
	push_all(second_act);
	until_applied();
	assert_int_equal(process_stop(&world.daemon, WAIT_MS), 0);
	copy_checkpoint();
	walk_until(NULL, "2026-04-21T08:00:00Z");
	push_all(third_act);
	until_applied();
	assert_int_equal(process_stop(&world.daemon, WAIT_MS), 0);
	walk_until(NULL, "2026-05-04T08:00:00Z");
	assert_int_equal(process_stop(&world.daemon, WAIT_MS), 0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	world_close(&world, getenv("DUNNINGD_KEEP") != NULL);
	arena_free(keep);
	return 0;
}

static const char *at(const char *name)
{
	return arena_printf(keep, "%s/%s", world.dir, name);
}

/* The daemon's log key, as the company would have published it. */
static const char *published(void)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	uint8_t seed[32], public_key[32];
	struct note_key key;

	(void)hex_parse(SEED_HEX, 32, seed);
	ed25519_public_key(seed, public_key);
	assert_int_equal(note_key_make(ORIGIN, NOTE_ED25519, public_key, &key), 0);
	note_key_add(&text, &key);
	return arena_strdup(keep, buf_str(&text));
}

static const char *check_state(const struct json *verified, const char *name)
{
	struct json checks = json_get(verified, "checks");

	for (size_t i = 0; i < json_len(&checks); i++) {
		struct json one = json_at(&checks, i);

		if (strcmp(str(&one, "check"), name) == 0)
			return str(&one, "state");
	}
	return "";
}

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

static void read_all(const char *path, struct buf *ret)
{
	struct err err = { 0 };

	if (file_read(path, 64 << 20, ret, &err) < 0)
		fail_msg("%s", err.text);
}

static const char *said; /* by the last verify_sh() */

static void provide(const char *only, const char *program)
{
	(void)file_make_dirs(only, 0700);
	if (symlink(program, arena_printf(keep, "%s/%s", only, strrchr(program, '/') + 1)) < 0)
		assert_int_equal(errno, EEXIST);
}

/* On a machine that has a shell and openssl, and `cat` or not: without it all takes longer. */
static int verify_sh_on(const char *only, const char *bundle, const char *key)
{
	CLEANUP(buf_clear) struct buf output = { 0 };
	int r;
	const char *argv[] = { "env", "-i", arena_printf(keep, "PATH=%s", only), arena_printf(keep, "TMPDIR=%s", world.dir), "/bin/sh",
		SOURCE_DIR "/tools/evidence/verify.sh", bundle, key, NULL };

	provide(only, "/usr/bin/openssl");
	r = process_run(argv, &output, 10 * WAIT_MS);
	said = arena_strdup(keep, buf_str(&output));
	return r;
}

static int verify_sh(const char *bundle, const char *key)
{
	provide(at("few"), "/usr/bin/cat");
	return verify_sh_on(at("few"), bundle, key);
}

/* The file made another, and the manifest with it: by someone without the log's key. */
static void forge(const char *folder, const char *path, const struct buf *data)
{
	CLEANUP(buf_clear) struct buf manifest = { 0 };
	const char *list = arena_printf(keep, "%s/manifest", folder);
	uint8_t digest[32];
	char hex[65], *line, *end;

	put(arena_printf(keep, "%s/%s", folder, path), data->data, data->len);
	sha256(data->data, data->len, digest);
	read_all(at(list), &manifest);
	line = strstr(manifest.data, arena_printf(keep, "  %s\n", path));
	memcpy(line - 64, hex_format(digest, 32, hex), 64);
	end = strstr(manifest.data, "\n\n");
	put(list, manifest.data, end ? (size_t)(end + 1 - manifest.data) : manifest.len);
}

/* --- the tests -------------------------------------------------------------------------------------- */

static void a_bundle_of_a_debtor_is_whole(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf one = { 0 };
	CLEANUP(buf_clear) struct buf two = { 0 };
	struct json verified;

	(void)state;
	(void)CTL(arena, 0, "evidence", "--debtor", "cus_7", "-o", at("whole"));
	(void)CTL(arena, 0, "evidence", "--debtor", "cus_7", "--out", at("whole.zip"));
	(void)CTL(arena, 0, "evidence", "--debtor", "cus_7", "--out", at("again.zip"));
	read_all(at("whole.zip"), &one);
	read_all(at("again.zip"), &two);
	assert_int_equal(one.len, two.len);
	assert_memory_equal(one.data, two.data, one.len);
	for (int i = 0; i < 2; i++) {
		verified = CTL(arena, 0, "trail", "verify", i ? at("whole.zip") : at("whole"), "--key", published());
		assert_string_equal(check_state(&verified, "complete"), "good");
		assert_string_equal(check_state(&verified, "manifest"), "good");
		assert_string_equal(check_state(&verified, "key"), "good");
		assert_string_equal(check_state(&verified, "process"), "good");
		assert_string_equal(check_state(&verified, "report"), "good");
		assert_string_equal(check_state(&verified, "anchored"), "NOT CHECKED");
	}
	assert_int_equal(verify_sh(at("whole"), published()), 0);
	assert_int_equal(verify_sh(at("whole"), "test.example/world+00000000+AAAA"), 1);
	assert_int_equal(verify_sh(at("nothing"), NULL), 2);
	(void)CTL(arena, 2, "trail", "verify", at("nothing.zip"));
	(void)CTL(arena, 2, "evidence", "--debtor", "cus_7", "--out", at("whole"));
	(void)CTL(arena, 1, "evidence", "--debtor", "cus_8", "--out", at("nobody"));
	assert_false(exists(at("nobody")));
}

static void nobody_else_is_in_it(void **state)
{
	CLEANUP(buf_clear) struct buf zip = { 0 };
	static const char *const others[] = { "Autre SAS", "Tiers", "inv_90", "cus_9", "F-2026-0090" };

	(void)state;
	read_all(at("whole.zip"), &zip);
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (memmem(zip.data, zip.len, others[i], strlen(others[i])))
			fail_msg("%s is in another debtor's bundle", others[i]);
}

static void a_bundle_of_an_invoice_withholds_the_others(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json made = CTL(arena, 0, "evidence", "inv_42", "--out", at("one")), withheld = json_get(&made, "withheld"), verified;

	(void)state;
	assert_true(json_int(&withheld) > 0);
	verified = CTL(arena, 0, "trail", "verify", at("one"));
	assert_string_equal(check_state(&verified, "complete"), "good");
}

/* An authority of our own stamps the checkpoint from the middle of the story, as the daemon keeps such stamps (FORMATS.md section 10). */
static const char authority[] =
	"set -e; cd \"$1\"; a=state-0/anchors/2026/$2; mkdir -p $a; cp early $a/checkpoint; mkdir tsa; "
	"printf '[tsa]\\ndefault_tsa=t\\n[t]\\nserial=tsa/serial\\nsigner_digest=sha256\\ndefault_policy=1.2.3\\ndigests=sha256\\n' >tsa/conf; echo 01 >tsa/serial; "
	"printf 'extendedKeyUsage=critical,timeStamping\\nkeyUsage=critical,digitalSignature\\n' >tsa/ext; "
	"openssl req -x509 -newkey ed25519 -nodes -keyout tsa/ca.key -out $a/own.pem -subj /CN=root -days 30; "
	"openssl req -newkey rsa:2048 -nodes -keyout tsa/tsa.key -out tsa/tsa.csr -subj /CN=tsa; "
	"openssl x509 -req -in tsa/tsa.csr -CA $a/own.pem -CAkey tsa/ca.key -CAcreateserial -extfile tsa/ext -days 30 -out tsa/tsa.pem; "
	"printf '[ca]\\ndefault_ca=c\\n[c]\\ndatabase=tsa/index\\ndefault_md=default\\ndefault_crl_days=7\\n' >tsa/list; : >tsa/index; "
	"list() { openssl ca -gencrl -config tsa/list -keyfile tsa/ca.key -cert $a/own.pem | openssl crl -outform DER -out tsa/$1; }; list none.crl; "
	"openssl ca -config tsa/list -keyfile tsa/ca.key -cert $a/own.pem -revoke tsa/tsa.pem; list revoked.crl; "
	"openssl ts -query -data early -sha256 -cert -out $a/own.tsq; "
	"openssl ts -reply -config tsa/conf -queryfile $a/own.tsq -signer tsa/tsa.pem -inkey tsa/tsa.key -out $a/own.tsr";

/* As openssl prints it. */
static char *fingerprint_of(const char *name)
{
	CLEANUP(buf_clear) struct buf output = { 0 };
	char *text;

	assert_int_equal(process_run((const char *const[]){ "openssl", "x509", "-in", at(name), "-noout", "-fingerprint", "-sha256", NULL }, &output,
				 WAIT_MS), 0);
	text = arena_strdup(keep, strchr(buf_str(&output), '=') + 1);
	text[strcspn(text, "\n")] = '\0';
	return text;
}

static void a_stamped_log(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf early = { 0 };
	CLEANUP(buf_clear) struct buf stamp = { 0 };
	CLEANUP(buf_clear) struct buf output = { 0 };
	struct note note;
	struct checkpoint checkpoint;
	struct json verified;
	const char *size, *path;
	char *root;

	(void)state;
	read_all(at("early"), &early);
	assert_int_equal(note_parse(early.data, early.len, &note), 0);
	assert_int_equal(checkpoint_parse(note.text.data, note.text.len, &checkpoint), 0);
	size = arena_printf(arena, "%llu", (unsigned long long)checkpoint.size);
	if (process_run((const char *const[]){ "sh", "-c", authority, "sh", world.dir, size, NULL }, &output, WAIT_MS) != 0)
		fail_msg("%s", buf_str(&output));
	(void)CTL(arena, 0, "evidence", "--debtor", "cus_7", "-o", at("stamped"));
	verified = CTL(arena, 0, "trail", "verify", at("stamped"));
	assert_string_equal(check_state(&verified, "stamp"), "good");
	assert_string_equal(check_state(&verified, "anchored"), "good");
	assert_string_equal(check_state(&verified, "revocation"), "NOT CHECKED"); /* the authority has no list */
	assert_string_equal(check_state(&verified, "root"), "NOT CHECKED");
	assert_string_equal(check_state(&verified, "witnessed"), "NOT CHECKED");
	root = fingerprint_of(arena_printf(arena, "state-0/anchors/2026/%s/own.pem", size));
	verified = CTL(arena, 0, "trail", "verify", at("stamped"), "--root", root);
	assert_string_equal(check_state(&verified, "root"), "good");
	root[strlen(root) - 1] = root[strlen(root) - 1] == '0' ? '1' : '0';
	verified = CTL(arena, 1, "trail", "verify", at("stamped"), "--root", root);
	assert_string_equal(check_state(&verified, "root"), "REFUSED");
	(void)CTL(arena, 2, "trail", "verify", at("stamped"), "--root", "1234");
	assert_true(exists(at("stamped/records/0001/anchored.tlog-proof")));
	assert_false(exists(at("stamped/records/0036/anchored.tlog-proof"))); /* after the stamp */
	assert_int_equal(verify_sh(at("stamped"), published()), 0);
	assert_non_null(strstr(said, "good: 1 time stamps"));
	assert_non_null(strstr(said, "NOT CHECKED: whether certificates were revoked, for 1 stamps"));
	assert_non_null(strstr(said, fingerprint_of(arena_printf(arena, "state-0/anchors/2026/%s/own.pem", size))));
	assert_non_null(strstr(said, "NOT WITNESSED"));
	path = arena_printf(arena, "log/2026/anchored/%s/own.tsr", size);
	read_all(at(arena_printf(arena, "stamped/%s", path)), &stamp);
	stamp.data[stamp.len - 20] ^= 1; /* in the authority's signature */
	forge("stamped", path, &stamp);
	assert_int_equal(verify_sh(at("stamped"), NULL), 1);
	assert_non_null(strstr(said, "is no time stamp of"));
	verified = CTL(arena, 1, "trail", "verify", at("stamped"));
	assert_string_equal(check_state(&verified, "stamp"), "REFUSED");
}

/* The list of revoked certificates of that day, where it was kept. */
static void a_stamp_with_the_list_of_its_day(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf list = { 0 };
	struct json verified;
	char **sizes;
	size_t count;
	const char *path;

	(void)state; /* the stamp is a_stamped_log's */
	assert_int_equal(file_list(arena, at("state-0/anchors/2026"), "", &sizes, &count), 0);
	read_all(at("tsa/none.crl"), &list);
	put(arena_printf(arena, "state-0/anchors/2026/%s/own.crl", sizes[0]), list.data, list.len);
	(void)CTL(arena, 0, "evidence", "--debtor", "cus_7", "-o", at("listed"));
	verified = CTL(arena, 0, "trail", "verify", at("listed"));
	assert_string_equal(check_state(&verified, "revocation"), "good");
	assert_int_equal(verify_sh(at("listed"), published()), 0);
	assert_null(strstr(said, "whether certificates were revoked"));
	path = arena_printf(arena, "log/2026/anchored/%s/own.crl", sizes[0]);
	buf_reset(&list);
	read_all(at("tsa/revoked.crl"), &list);
	forge("listed", path, &list);
	verified = CTL(arena, 1, "trail", "verify", at("listed"));
	assert_non_null(strstr(str(&verified, "refused"), "certificate revoked"));
	assert_int_equal(verify_sh(at("listed"), NULL), 1);
	assert_non_null(strstr(said, "is no time stamp of"));
}

static void parts_can_be_withheld(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf report = { 0 };
	CLEANUP(buf_clear) struct buf zip = { 0 };
	struct json verified;

	(void)state;
	(void)CTL(arena, 0, "evidence", "--debtor", "cus_7", "--withhold", "message.json,recipient.json,request,event.json,script.txt", "-o", at("quiet"));
	(void)CTL(arena, 0, "evidence", "--debtor", "cus_7", "--withhold", "message.json,recipient.json,request,event.json,script.txt", "-o", at("quiet.zip"));
	verified = CTL(arena, 0, "trail", "verify", at("quiet"));
	assert_string_equal(check_state(&verified, "complete"), "good");
	assert_string_equal(check_state(&verified, "report"), "good");
	assert_int_equal(verify_sh_on(at("only"), at("quiet"), NULL), 0);
	read_all(at("quiet/report.en.html"), &report);
	assert_non_null(strstr(buf_str(&report), "Content withheld or erased."));
	assert_non_null(strstr(buf_str(&report), "1,200.00")); /* the account stands in the records themselves */
	read_all(at("quiet.zip"), &zip);
	assert_null(memmem(zip.data, zip.len, "compta@", 7));
	assert_null(memmem(zip.data, zip.len, "Dupont", 6));
}

/* A checkpoint from the middle of the story: what came after it is not in the bundle, and that is said. */
static void what_is_not_signed_yet_is_left_out(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf last = { 0 };
	CLEANUP(buf_clear) struct buf early = { 0 };
	struct json made, left_out, verified;

	(void)state;
	read_all(at("state-0/log/2026/checkpoint"), &last);
	read_all(at("early"), &early);
	put("state-0/log/2026/checkpoint", early.data, early.len);
	made = CTL(arena, 0, "evidence", "--debtor", "cus_7", "-o", at("part"));
	left_out = json_get(&made, "unsigned_records");
	assert_true(json_int(&left_out) > 0);
	verified = CTL(arena, 0, "trail", "verify", at("part"));
	assert_string_equal(check_state(&verified, "complete"), "good");
	early.data[early.len - 3] ^= 1; /* in its signature */
	put("state-0/log/2026/checkpoint", early.data, early.len);
	(void)CTL(arena, 1, "evidence", "--debtor", "cus_7", "-o", at("unsigned"));
	assert_false(exists(at("unsigned")));
	put("state-0/log/2026/checkpoint", last.data, last.len);
}

/* The key is elsewhere, and only pinned here. */
static void without_the_secret_the_manifest_is_not_signed(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf config = { 0 };
	CLEANUP(buf_clear) struct buf wrap = { 0 };
	const char *argv[] = { BUILD_DIR "/dunningctl", "--config", at("pinned.json"), "--credentials", at("others"), "evidence", "--debtor", "cus_7", "-o",
		at("pinned.zip"), NULL };
	const char *text, *trail;
	struct json verified;

	(void)state;
	read_all(world.config, &config);
	read_all(at("credentials/wrap-key"), &wrap);
	assert_int_equal(file_make_dirs(at("others"), 0700), 0);
	put("others/wrap-key", wrap.data, wrap.len);
	trail = strstr(buf_str(&config), "\"trail\":{") + strlen("\"trail\":{");
	text = arena_printf(arena, "%.*s\"verifier_key\":\"%s\",%s", (int)(trail - buf_str(&config)), buf_str(&config), published(), trail);
	put("pinned.json", text, strlen(text));
	assert_int_equal(process_run(argv, NULL, WAIT_MS), 0);
	verified = CTL(arena, 0, "trail", "verify", at("pinned.zip"), "--key", published());
	assert_string_equal(check_state(&verified, "manifest"), "NOT CHECKED");
	assert_string_equal(check_state(&verified, "key"), "good");
}

static void a_record_left_out_is_missed(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *copy[] = { "cp", "-r", at("whole"), at("robbed"), NULL };
	const char *rob[] = { "rm", "-r", at("robbed/records/0004"), NULL };
	struct json verified;

	(void)state;
	assert_int_equal(process_run(copy, NULL, WAIT_MS), 0);
	assert_int_equal(process_run(rob, NULL, WAIT_MS), 0);
	verified = CTL(arena, 1, "trail", "verify", at("robbed"));
	assert_non_null(strstr(str(&verified, "refused"), "records/0004"));
	assert_int_equal(verify_sh(at("robbed"), NULL), 1);
}

/* Walks the files of the folder; one bit of each. */
static void no_bit_may_be_another(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf manifest = { 0 };
	size_t count = 0;

	(void)state;
	read_all(at("whole/manifest"), &manifest);
	for (char *line = strchr(buf_str(&manifest), '\n') + 1; strlen(line) > 66 && line[64] == ' '; line = strchr(line, '\n') + 1, count++) {
		CLEANUP(buf_clear) struct buf file = { 0 };
		const char *path = arena_printf(arena, "whole/%.*s", (int)(strchr(line, '\n') - line - 66), line + 66);
		size_t bit;

		if (count % 40 && !strstr(path, "records/0004/")) /* a sample: each is one run of the program */
			continue;
		read_all(at(path), &file);
		bit = count * 7919 % (8 * file.len);
		file.data[bit / 8] ^= (char)(1 << bit % 8);
		put(path, file.data, file.len);
		(void)CTL(arena, 1, "trail", "verify", at("whole"));
		assert_int_equal(verify_sh(at("whole"), NULL), 1);
		file.data[bit / 8] ^= (char)(1 << bit % 8);
		put(path, file.data, file.len);
	}
	assert_true(count > 50);
	(void)CTL(arena, 0, "trail", "verify", at("whole"));
}

/* The reports say what the records say, and nothing that they must not. */
static void reports(void **state)
{
	static const char *const files[] = { "whole/report.fr.html", "whole/report.en.html", "whole/report.de.html", "whole/process/TRAIL.md" };
	static const char *const never[] = { "qualified", "certified", "court-proof", "qualifié", "certifié", "qualifiziert", "<script", "http:", "https:" };
	CLEANUP(buf_clear) struct buf french = { 0 };
	CLEANUP(buf_clear) struct buf pdf = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		CLEANUP(buf_clear) struct buf text = { 0 };

		read_all(at(files[i]), &text);
		for (size_t k = 0; k < ARRAY_LEN(never); k++)
			if (strstr(buf_str(&text), never[k]))
				fail_msg("%s says %s", files[i], never[k]);
	}
	read_all(at("whole/report.fr.html"), &french);
	for (const char *const *text = (const char *const[]){ "Établissements Dupont &amp; Fils SARL", "1\u202f200,00\u00a0€", "Contact n° 7",
		     "livraison incomplète", "Mme Roÿ cherche la facture", "Bordereau de pièces", NULL }; *text; text++)
		if (!strstr(buf_str(&french), *text))
			fail_msg("the report does not say %s", *text);
	assert_null(strstr(buf_str(&french), "Contact n° 8")); /* seven, grouped ones once */
	read_all(at("whole/report.de.pdf"), &pdf);
	assert_memory_equal(pdf.data, "%PDF-", 5);
}

/* By whoever makes the manifest anew: the report is held against the records. */
static void a_report_that_says_something_else(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf report = { 0 };
	const char *copy[] = { "cp", "-r", at("whole"), at("forged"), NULL };
	struct json verified;

	(void)state;
	assert_int_equal(process_run(copy, NULL, WAIT_MS), 0);
	read_all(at("forged/report.en.html"), &report);
	memcpy(strstr(report.data, "2 April 2026"), "3", 1);
	forge("forged", "report.en.html", &report);
	verified = CTL(arena, 1, "trail", "verify", at("forged"));
	assert_string_equal(check_state(&verified, "manifest"), "NOT CHECKED");
	assert_string_equal(check_state(&verified, "report"), "REFUSED");
}

/* Still a digit, of any base. */
static void change(char *digit)
{
	*digit = *digit == '1' ? '2' : '1';
}

static void drop_line(struct buf *file, const char *in_it)
{
	char *begin = strstr(file->data, in_it), *after = strchr(begin, '\n') + 1;

	while (begin > file->data && begin[-1] != '\n')
		begin--;
	memmove(begin, after, file->len - (size_t)(after - file->data) + 1);
	file->len -= (size_t)(after - begin);
}

/* By someone without the log's key, who makes the manifest fit: each check of verify.sh but that of the digests, by what it says. */
static void what_the_manifest_does_not_guard(void **state)
{
	static const struct {
		const char *path, *find; /* find: the character behind this text; NULL: the first one of the file */
		const char *said;
		bool line;              /* the line that has it is left out instead */
	} rows[] = {
		{ "log/2026/checkpoint", "/2026 iHvPB", "is not signed by the log's key", false },
		{ "log/2026/vkey", "/2026+", "is not signed by the log's key", false },
		{ "records/0004/leaf", "=\n", "is not in the log", false },
		{ "records/0004/leaf.tlog-proof", "c2sp", "no proof", false },
		{ "records/0004/leaf.tlog-proof", "=\n", "is not in the log", false },
		{ "records/0004/leaf.tlog-proof", "=\n\n", "is not in the log", true }, /* where it joins others' */
		{ "records/0004/leaf.tlog-proof", "=", "is no base64", false },
		{ "records/0004/leaf.tlog-proof", "index", "its index cannot be read", false },
		{ "records/0004/leaf.tlog-proof", "index ", "is not in the log", false },
		{ "records/0004/leaf.tlog-proof", "/202", "its log is not in the bundle", false },
		{ "records/0004/leaf.tlog-proof", "/2026\n", "against another checkpoint", false },
		{ "records/0004/record.json", "{", "records/0004/record.json is not what its leaf commits to", false },
		{ "records/0004/salt", NULL, "records/0004/record.json is not what its leaf commits to", false },
		{ "records/0004/parts/message.json", "{", "parts/message.json is not what its record commits to", false },
		{ "records/0004/parts/request.salt", NULL, "parts/request is not what its record commits to", false },
		{ "case/tagkey", "/2026 ", "records/0001 does not have the next number of the case", false },
	};
	const char *copy[] = { "cp", "-r", at("whole"), at("unguarded"), NULL }, *line;
	CLEANUP(buf_clear) struct buf manifest = { 0 }, doubled = { 0 };

	(void)state;
	assert_int_equal(process_run(copy, NULL, WAIT_MS), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(buf_clear) struct buf before = { 0 }, after = { 0 };

		read_all(at(arena_printf(keep, "unguarded/%s", rows[i].path)), &before);
		buf_add(&after, before.data, before.len);
		if (rows[i].line)
			drop_line(&after, rows[i].find);
		else
			change(rows[i].find ? strstr(after.data, rows[i].find) + strlen(rows[i].find) : after.data);
		forge("unguarded", rows[i].path, &after);
		if (verify_sh(at("unguarded"), NULL) != 1 || !strstr(said, rows[i].said))
			fail_msg("%s: not \"%s\" but: %s", rows[i].path, rows[i].said, said);
		forge("unguarded", rows[i].path, &before);
	}
	/* Files are counted: a line that stands there twice would let in another. */
	read_all(at("unguarded/manifest"), &manifest);
	line = strchr(manifest.data, '\n') + 1;
	buf_printf(&doubled, "%.*s%s", (int)(strchr(line, '\n') + 1 - manifest.data), manifest.data, line);
	put("unguarded/manifest", doubled.data, doubled.len);
	put("unguarded/another", "x", 1);
	if (verify_sh(at("unguarded"), NULL) != 1 || !strstr(said, "in disorder"))
		fail_msg("%s", said);
}

/* The last record of that kind in the system's case, as JSON; NULL = none. */
static const char *last_of(struct arena *arena, const char *kind)
{
	struct json log = CTL(arena, 0, "trail", "log", "--customer", "~system");
	const char *found = NULL;

	assert_false(unrecorded); /* nobody's records: no reading */
	for (size_t i = 0; i < json_len(&log); i++) {
		CLEANUP(buf_clear) struct buf text = { 0 };
		struct json one = json_at(&log, i), record = json_get(&one, "record");

		json_write(&text, &record);
		if (strcmp(str(&record, "kind"), kind) == 0)
			found = arena_strdup(arena, buf_str(&text));
	}
	return found;
}

/* Until the last record of that kind has all of these in it. */
static void until_recorded(const char *kind, const char *const *parts)
{
	int64_t deadline = real_ms() + WAIT_MS;

	for (;;) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		const char *text = last_of(arena, kind);
		size_t n = 0;

		while (text && parts[n] && strstr(text, parts[n]))
			n++;
		if (!parts[n])
			return;
		if (real_ms() > deadline)
			fail_msg("%s does not say %s: %s", kind, parts[n], text ? text : "none");
		pause_ms(20);
	}
}

/* Whoever reads a debtor's records, or takes a bundle of them along, stands in the trail; where that cannot be, it is said. */
static void who_reads_is_recorded(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf one = { 0 }, two = { 0 }, manifest = { 0 };
	struct json made, recorded, lines;
	uint8_t digest[32];
	char hex[65];

	(void)state;
	assert_null(last_of(arena, "read.made")); /* no daemon ran while all of the above was read ... */
	lines = CTL(arena, 0, "trail", "log", "inv_42");
	assert_true(unrecorded);
	assert_true(json_len(&lines) > 0);
	made = CTL(arena, 0, "evidence", "--debtor", "cus_7", "-o", at("away.zip"));
	recorded = json_get(&made, "recorded");
	assert_true(unrecorded && !json_bool(&recorded));
	world_start(&world, NULL);
	assert_true(world_ready(&world, WAIT_MS));
	(void)CTL(arena, 0, "trail", "log", "inv_42", "--who", "Léa Martin", "--for", "Me Dupré");
	assert_false(unrecorded);
	until_recorded("read.made", (const char *const[]){ "\"actor\":\"person:Léa Martin\"", "\"debtor\":\"cus_7\"", "\"invoice\":\"inv_42\"",
					    "\"command\":\"trail log\"", "\"for\":\"Me Dupré\"", "\"records\":\"" ORIGIN "/2026 ",
					    arena_printf(arena, "\"uid\":%u", (unsigned)getuid()), NULL });
	made = CTL(arena, 0, "evidence", "--debtor", "cus_7", "-o", at("here"), "--who", "Léa Martin", "--for", "tribunal");
	recorded = json_get(&made, "recorded");
	assert_true(!unrecorded && json_bool(&recorded));
	read_all(at("here/manifest"), &manifest);
	sha256(manifest.data, manifest.len, digest);
	until_recorded("export.made", (const char *const[]){ "\"debtor\":\"cus_7\"", "\"for\":\"tribunal\"", "\"command\":\"evidence\"",
					      hex_format(digest, 32, hex), "beyond any erasure", NULL });
	assert_int_equal(process_stop(&world.daemon, WAIT_MS), 0);
	(void)CTL(arena, 0, "trail", "verify", at("here"));
	/* The records of the readings are not the debtor's: they do not stand in the next bundle, nor does that one differ from the same again. */
	(void)CTL(arena, 0, "evidence", "--debtor", "cus_7", "-o", at("one.zip"));
	(void)CTL(arena, 0, "evidence", "--debtor", "cus_7", "-o", at("two.zip"));
	read_all(at("one.zip"), &one);
	read_all(at("two.zip"), &two);
	assert_int_equal(one.len, two.len);
	assert_memory_equal(one.data, two.data, one.len);
	assert_null(memmem(one.data, one.len, "\"kind\":\"read.made\"", 18));
	assert_null(memmem(one.data, one.len, "\"kind\":\"export.made\"", 20));
}

/* The daemon goes on recording and signing while the journal is read: the bundle is that of one moment. */
static void beside_a_daemon_at_work(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	int number = 0;

	(void)state;
	world_start(&world, NULL);
	assert_true(world_ready(&world, WAIT_MS));
	for (int i = 0; i < 4; i++) {
		const char *path = arena_printf(arena, "%s/busy-%d.zip", world.dir, i);
		const char *argv[] = { BUILD_DIR "/dunningctl", "--config", world.config, "--credentials", at("credentials"), "evidence", "--debtor", "cus_7",
			"-o", path, NULL };
		struct process ctl_process = { 0 };
		int status;

		process_start(&ctl_process, argv, at("busy.log"));
		while (process_running(&ctl_process)) {
			const char *event = arena_printf(arena,
				EVENT("n%d", "invoice.finalized", "more_%d", "2026-03-02T09:00:00Z",
					FIGURES("more_%d", "M-%d", "1", "open", "100", "0", "0", "100") "," CUSTOMER("cus_more", "Plus", "X")),
				number, number, number, number);

			number++;
			world_push(&world, event, strlen(event));
			until_applied();
		}
		status = ctl_process.status;
		if (status != 0) {
			CLEANUP(buf_clear) struct buf said_ = { 0 };

			read_all(at("busy.log"), &said_);
			fail_msg("%d: %s", status, buf_str(&said_));
		}
		(void)CTL(arena, 0, "trail", "verify", path);
	}
	assert_int_equal(process_stop(&world.daemon, WAIT_MS), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_bundle_of_a_debtor_is_whole), cmocka_unit_test(nobody_else_is_in_it),
		cmocka_unit_test(a_bundle_of_an_invoice_withholds_the_others), cmocka_unit_test(parts_can_be_withheld),
		cmocka_unit_test(what_is_not_signed_yet_is_left_out), cmocka_unit_test(without_the_secret_the_manifest_is_not_signed),
		cmocka_unit_test(a_record_left_out_is_missed),
		cmocka_unit_test(reports), cmocka_unit_test(a_report_that_says_something_else), cmocka_unit_test(no_bit_may_be_another), cmocka_unit_test(what_the_manifest_does_not_guard),
		cmocka_unit_test(a_stamped_log), cmocka_unit_test(a_stamp_with_the_list_of_its_day), cmocka_unit_test(who_reads_is_recorded),
		cmocka_unit_test(beside_a_daemon_at_work) };

	return cmocka_run_group_tests(tests, story, end);
}
