/* dunningctl over the signed log: its key, and (with it) what lies on the disk. */
#include <sys/file.h>
#include <sys/stat.h>

#include "common/merkle.h"
#include "common/record.h"
#include "daemon/journal_leaves.h"
#include "daemon/signed_log.h"
#include "tests/integration/ctl_fixture.h"
#include "tests/support/process.h"

static const char *key_file(struct fixture *f)
{
	return arena_printf(f->arena, "%s/" LOG_KEY_CREDENTIAL, f->credentials);
}

/* --- key ----------------------------------------------------------------------------------------------------------------------------- */

static void a_key_is_made_once(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_clear) struct buf before = { 0 };
	CLEANUP(buf_clear) struct buf after = { 0 };
	struct note_key key, log;
	struct log_key read;
	struct err err = { 0 };
	struct stat st;
	const char *verifier;

	assert_ctl(f, 1, "trail", "key", "show");
	assert_says(f, "not signed");
	assert_ctl(f, 0, "trail", "key", "new", "--json");
	verifier = arena_strdup(f->arena, text_of(output(f), "verifier_key"));
	assert_int_equal(note_key_parse(verifier, &key), 0);
	assert_string_equal(key.name, f->config->origin);
	assert_int_equal(note_key_parse(text_of(output(f), "log_verifier_key"), &log), 0);
	assert_int_equal(strncmp(log.name, key.name, strlen(key.name)), 0);
	assert_int_equal(log.name[strlen(key.name)], '/');
	assert_memory_equal(log.public_key, key.public_key, sizeof(key.public_key));
	assert_int_equal(stat(key_file(f), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(file_read(key_file(f), 1000, &before, NULL), 0);
	assert_null(strstr(buf_str(&f->out), "seed"));

	assert_int_equal(log_key_read(f->credentials, f->config->origin, &(struct log_key_pins){ .key = verifier }, &read, &err), 0); /* as the daemon does */
	assert_memory_equal(read.verifier.public_key, key.public_key, sizeof(key.public_key));

	assert_ctl(f, 1, "trail", "key", "new"); /* never a second time */
	assert_says(f, "never overwritten");
	assert_int_equal(file_read(key_file(f), 1000, &after, NULL), 0);
	assert_string_equal(before.data, after.data);
	assert_ctl(f, 0, "trail", "key", "show", "--json");
	assert_string_equal(text_of(output(f), "verifier_key"), verifier);
	assert_ctl(f, 1, "trail", "key", "new", "/nowhere/at/all");
	put(f, "credentials/" LOG_KEY_CREDENTIAL, "x", 1);
	assert_ctl(f, 78, "trail", "key", "show");
	assert_says(f, "64 hexadecimal digits");
}

/* The units' folders: credentials/ of dunningd.json, credentials/two/ of two.json beside it. Neither is ever taken for the other. */
static void the_keys_are_its_own_creditors(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_clear) struct buf text = { 0 };
	const char *two = arena_printf(f->arena, "%s/two.json", f->dir), *folder = arena_printf(f->arena, "%s/two", f->credentials),
		   *own = arena_printf(f->arena, "%s/" LOG_KEY_CREDENTIAL, folder), *alone = arena_printf(f->arena, "%s/alone", f->dir),
		   *acme = arena_printf(f->arena, "%s/acme.json", alone);

	assert_int_equal(file_read(f->config_file, 65536, &text, NULL), 0);
	put(f, "two.json", text.data, text.len);
	f->bare = true; /* no --credentials */
	assert_ctl(f, 1, "--config", two, "trail", "key", "new");
	assert_says(f, own);
	assert_int_not_equal(access(key_file(f), F_OK), 0);
	assert_int_equal(file_make_dirs(folder, 0700), 0);
	assert_ctl(f, 0, "--config", two, "trail", "key", "new");
	assert_int_equal(access(own, F_OK), 0);
	assert_int_not_equal(access(key_file(f), F_OK), 0);
	assert_ctl(f, 0, "--config", f->config_file, "trail", "key", "new");
	assert_int_equal(access(key_file(f), F_OK), 0);

	assert_int_equal(file_make_dirs(arena_printf(f->arena, "%s/credentials", alone), 0700), 0);
	put(f, "alone/acme.json", text.data, text.len); /* of another name, and no other creditor's is there */
	assert_ctl(f, 0, "--config", acme, "trail", "key", "new");
	assert_int_equal(access(arena_printf(f->arena, "%s/credentials/" LOG_KEY_CREDENTIAL, alone), F_OK), 0);
}

/* --- a signed trail ------------------------------------------------------------------------------------------------------------------ */

#define INVOICES 12
#define YEAR 2026 /* of START */

/* The daemon's own flow and journal, stopped; signed as the daemon would have, with a checkpoint in between. */
static uint64_t make_signed(struct fixture *f, bool sign)
{
	CLEANUP(journal_leaves_destroyp) struct journal_leaves *leaves = journal_leaves_create(f->state, YEAR);
	struct signed_log_settings settings = { .state_dir = f->state, .year = YEAR };
	struct signed_log_report report;
	struct signed_log *log;
	struct err err = { 0 };
	struct log_key key;
	uint64_t records;

	assert_ctl(f, 0, "trail", "key", "new");
	assert_int_equal(log_key_read(f->credentials, f->config->origin, NULL, &key, &err), 0);
	settings.key = &key;
	settings.signs = true;
	start_flow(f, START);
	for (int i = 0; i < INVOICES; i++) {
		const char *id = arena_printf(f->arena, "INV-%d", i);

		(void)redis(f, "XADD", "dunning:{0}:events", "*", "event",
			invoice_event(f, id, arena_printf(f->arena, "cus_%d", i % 3), "2026-03-10", "ladder"), NULL);
		settle(f);
	}
	stop_flow(f);
	assert_int_equal(journal_leaves_count(leaves, &records, &err), 0);
	assert_true(records > INVOICES);
	if (!sign)
		return records;
	if (signed_log_open(&settings, records, &log, &report, &err) < 0)
		fail_msg("signed_log_open: %s", err.text);
	assert_int_equal(signed_log_extend(log, 10, &err), 0);
	assert_int_equal(signed_log_extend(log, records, &err), 0);
	signed_log_close(log);
	return records;
}

static const char *log_file(struct fixture *f, const char *name)
{
	return arena_printf(f->arena, "%s/log/%d/%s", f->state, YEAR, name);
}

static struct json first_log(struct fixture *f)
{
	struct json logs = json_get(output(f), "logs");

	assert_int_equal(json_len(&logs), 1);
	return json_at(&logs, 0);
}

static void assert_first_finding(struct fixture *f, const char *code, const char *file)
{
	struct json findings, first;

	findings = json_get(output(f), "findings");
	if (!json_len(&findings))
		fail_msg("nothing was found in %s: %s", file, buf_str(&f->out));
	first = json_at(&findings, 0);
	if (code)
		assert_string_equal(text_of(&first, "finding"), code);
	assert_string_equal(text_of(&first, "segment"), file);
}

static void in_words(void **state)
{
	struct fixture *f = *state;
	uint64_t records = make_signed(f, false);
	struct json log;

	assert_ctl(f, 0, "trail", "verify");
	assert_says(f, "not signed");
	assert_says(f, "not anchored");
	assert_says(f, "not witnessed");
	assert_ctl(f, 0, "trail", "status");
	assert_says(f, "not signed");
	assert_ctl(f, 0, "trail", "status", "--json");
	assert_int_equal(number_of(output(f), "records"), records);
	assert_int_equal(number_of(output(f), "behind"), records);
	assert_ctl(f, 0, "trail", "rebuild");
	assert_says(f, "nothing was ever signed");
	assert_ctl(f, 0, "trail", "verify", "--json");
	log = first_log(f);
	assert_string_equal(text_of(&log, "checkpoint"), "not signed");
}

static void a_signed_trail(void **state)
{
	struct fixture *f = *state;
	uint64_t records = make_signed(f, true);
	struct json log;
	const char *own;

	assert_ctl(f, 0, "trail", "verify", "--json");
	log = first_log(f);
	assert_string_equal(text_of(output(f), "signed"), "right");
	assert_string_equal(text_of(output(f), "anchored"), "not anchored");
	assert_string_equal(text_of(&log, "checkpoint"), "right");
	assert_int_equal(number_of(&log, "signed_size"), records);
	assert_int_equal(number_of(&log, "files"), 0);
	assert_ctl(f, 0, "trail", "verify", "--full", "--json");
	log = first_log(f);
	assert_int_equal(number_of(&log, "files"), 2); /* of so few records: a tile and a bundle */
	assert_ctl(f, 0, "trail", "status", "--json");
	log = first_log(f);
	assert_int_equal(number_of(&log, "records"), records);
	assert_int_equal(number_of(&log, "signed_size"), records);
	assert_int_equal(strlen(text_of(&log, "root")), 64);
	assert_non_null(text_of(&log, "age"));
	assert_ctl(f, 0, "trail", "status");
	assert_says(f, "signed");
	assert_says(f, "not anchored");

	/* by either of its keys, and by no other */
	assert_ctl(f, 0, "trail", "key", "show", "--json");
	own = arena_strdup(f->arena, text_of(output(f), "verifier_key"));
	assert_ctl(f, 0, "trail", "verify", "--key", own);
	assert_ctl(f, 1, "trail", "verify", "--key", "vectors.example.com/trail-a+752d6978+Ad5lPzH7ROASpZhGQTpQ96eNkXeumzrjrCXTiB0Z2cGg", "--json");
	assert_first_finding(f, "other_key", arena_printf(f->arena, "log/%d/checkpoint", YEAR));
	assert_ctl(f, 2, "trail", "verify", "--key", "what");
	(void)unlink(key_file(f));
	assert_ctl(f, 0, "trail", "verify"); /* whose it is cannot be said then, and is not */
	assert_says(f, "not checked");
	assert_ctl(f, 0, "trail", "verify", "--key", own);
	assert_says(f, "right");
}

/* No bit of the checkpoint, of the head, of a tile or of a bundle may be another. */
static void any_altered_file(void **state)
{
	struct fixture *f = *state;
	uint64_t records = make_signed(f, true);
	const char *files[] = { "log/2026/checkpoint", "head/2026", arena_printf(f->arena, "log/2026/tile/0/000.p/%llu", (unsigned long long)records),
		arena_printf(f->arena, "log/2026/tile/entries/000.p/%llu", (unsigned long long)records) };

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		const char *path = arena_printf(f->arena, "%s/%s", f->state, files[i]);
		CLEANUP(buf_clear) struct buf bytes = { 0 };

		assert_int_equal(file_read(path, 1 << 20, &bytes, NULL), 0);
		for (size_t at = 3; at < bytes.len; at += 1 + bytes.len / 7) {
			bytes.data[at] ^= 1;
			assert_int_equal(file_replace(path, bytes.data, bytes.len, 0600), 0);
			assert_ctl(f, 1, "trail", "verify", "--full", "--json");
			assert_first_finding(f, i >= 2 ? "tile_differs" : NULL, files[i]);
			bytes.data[at] ^= 1;
		}
		assert_int_equal(file_replace(path, bytes.data, bytes.len, 0600), 0);
	}
	assert_ctl(f, 0, "trail", "verify", "--full");
}

static void another_history(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_clear) struct buf text = { 0 };
	CLEANUP(buf_clear) struct buf forged = { 0 };
	uint64_t records = make_signed(f, true);
	struct checkpoint checkpoint = { .size = records, .root = { 1 } };
	struct note_key key;
	struct log_key own;
	struct err err = { 0 };

	assert_int_equal(log_key_read(f->credentials, f->config->origin, NULL, &own, &err), 0);
	log_key_of_year(&own.verifier, YEAR, &key);
	checkpoint.origin = (struct slice){ (const uint8_t *)key.name, strlen(key.name) };
	for (int i = 0; i < 2; i++) { /* the same size with another root; more than there is */
		buf_reset(&text);
		buf_reset(&forged);
		checkpoint.size = records + (uint64_t)i;
		assert_int_equal(checkpoint_add(&text, &checkpoint), 0);
		assert_int_equal(note_begin(&forged, text.data, text.len), 0);
		assert_int_equal(note_sign(&forged, text.data, text.len, &key, own.seed), 0);
		assert_int_equal(file_replace(log_file(f, "checkpoint"), forged.data, forged.len, 0600), 0);
		assert_int_equal(file_replace(arena_printf(f->arena, "%s/head/%d", f->state, YEAR), forged.data, forged.len, 0600), 0);
		assert_ctl(f, 1, "trail", "verify", "--json");
		assert_first_finding(f, i ? "journal_behind" : "signed_root",
			arena_printf(f->arena, i ? "head/%d" : "log/%d/checkpoint", YEAR));
		assert_ctl(f, 1, "trail", "rebuild");
	}
}

/* --- rebuild ------------------------------------------------------------------------------------------------------------------------- */

/* --- one record ------------------------------------------------------------------------------------------------------------------------ */

static void hex_of(const struct json *object, const char *key, uint8_t ret[32])
{
	assert_int_equal(hex_parse(text_of(object, key), 32, ret), 0);
}

/* By what is shown alone: commitment, leaf and root follow from salt, record, tag and proof. */
static void assert_proves_itself(const struct json *shown)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct json record = json_get(shown, "record"), hashes = json_get(shown, "proof");
	struct merkle_proof proof = { 0 };
	uint8_t salt[32], commitment[32], tag[32], expected[32], root[32], hash[32];
	char leaf[LEAF_SIZE];

	json_write(&text, &record);
	hex_of(shown, "salt", salt);
	hex_of(shown, "commitment", expected);
	hex_of(shown, "tag", tag);
	hex_of(shown, "root", root);
	record_commitment(salt, text.data, text.len, commitment);
	assert_memory_equal(commitment, expected, 32);
	record_leaf(commitment, tag, leaf);
	record_leaf_hash(leaf, hash);
	hex_of(shown, "leaf_hash", expected);
	assert_memory_equal(hash, expected, 32);
	for (size_t i = 0; i < json_len(&hashes); i++) {
		CLEANUP(buf_clear) struct buf bytes = { 0 };
		struct json one = json_at(&hashes, i);

		assert_int_equal(base64_decode(json_str(&one), strlen(json_str(&one)), &bytes), 0);
		memcpy(proof.hashes[proof.count++], bytes.data, 32);
	}
	assert_int_equal(merkle_inclusion_check(&proof, (uint64_t)number_of(shown, "index"), (uint64_t)number_of(shown, "signed_size"), hash, root), 0);
}

static const char *part_state(struct fixture *f, const char *name)
{
	struct json parts = json_get(output(f), "parts");

	for (size_t i = 0; i < json_len(&parts); i++) {
		struct json one = json_at(&parts, i);

		if (strcmp(text_of(&one, "name"), name) == 0)
			return text_of(&one, "state");
	}
	return "";
}

static void one_record(void **state)
{
	struct fixture *f = *state;
	uint64_t records = make_signed(f, true);
	CLEANUP(buf_clear) struct buf shard = { 0 };
	CLEANUP(buf_clear) struct buf bare = { 0 };
	const char *argv[] = { BUILD_DIR "/dunningctl", "trail", "show", NULL, "--state", f->state, "--json", "--key", NULL, NULL };
	struct json record, first, shown;
	int64_t opened = -1;
	const char *tile = log_file(f, arena_printf(f->arena, "tile/0/000.p/%llu", (unsigned long long)records)), *leaf, *keys;

	for (uint64_t i = 0; i < records; i++) {
		assert_ctl(f, 0, "trail", "show", arena_printf(f->arena, "%d", (int)i), "--json");
		assert_proves_itself(output(f));
		record = json_get(output(f), "record");
		if (opened < 0 && strcmp(text_of(&record, "kind"), "invoice.opened") == 0)
			opened = (int64_t)i;
	}
	assert_true(opened >= 0);
	assert_ctl(f, 0, "trail", "show", arena_printf(f->arena, "%d", (int)opened), "--parts");
	assert_says(f, "NOT RECORDED in the trail that these records were read: the daemon, which alone writes there, is not running");
	assert_says(f, "Dupont");
	assert_says(f, "in the log that the trail's key signed");
	assert_ctl(f, 0, "trail", "show", arena_printf(f->arena, "%d", (int)opened), "--json");
	assert_non_null(strstr(buf_str(&f->err), "{\"warning\":\"not_recorded\""));
	assert_non_null(strstr(part_state(f, "event.json"), "opened, with its salt"));
	record = json_get(output(f), "record");
	leaf = arena_strdup(f->arena, text_of(output(f), "leaf_hash"));
	assert_ctl(f, 0, "trail", "show", "--customer", arena_strdup(f->arena, text_of(&record, "case")),
		arena_printf(f->arena, "%d", (int)number_of(&record, "seq")), "--json");
	assert_non_null(strstr(buf_str(&f->err), "{\"warning\":\"not_recorded\""));
	assert_string_equal(text_of(output(f), "leaf_hash"), leaf);
	assert_ctl(f, 1, "trail", "show", "--customer", "cus_nobody", "0");
	assert_ctl(f, 1, "trail", "show", arena_printf(f->arena, "%llu", (unsigned long long)records));
	assert_ctl(f, 2, "trail", "show", "first");
	assert_ctl(f, 2, "trail", "show");
	assert_ctl(f, 1, "trail", "show", "0", "--log", "2025");

	/* without the wrap key, and without a configuration, its place is proven all the same, and nothing is read */
	assert_ctl(f, 0, "trail", "key", "show", "--json");
	argv[8] = text_of(output(f), "verifier_key");
	argv[3] = arena_printf(f->arena, "%d", (int)opened);
	if (process_run(argv, &bare, WAIT_MS) != 0)
		fail_msg("%s", buf_str(&bare));
	assert_int_equal(json_parse(f->arena, buf_str(&bare), bare.len, JSON_FRACTIONS, &shown, NULL), 0);
	first = json_get(&shown, "record");
	assert_int_not_equal(first.type, JSON_OBJECT);
	assert_string_equal(text_of(&shown, "leaf_hash"), leaf);
	assert_non_null(strstr(text_of(&shown, "state"), "encrypted, with its salt, under the facts key"));
	assert_string_equal(text_of(&shown, "proven"), "in the log that the trail's key signed");
	(void)unlink(arena_printf(f->arena, "%s/wrap-key", f->credentials));
	assert_ctl(f, 78, "trail", "show", "--customer", "cus_1", "0");
	put(f, "credentials/wrap-key", f->wrap_key, sizeof(f->wrap_key));

	/* erased by the book: its place is what is left */
	keys = arena_printf(f->arena, "%s/keys/2026/0000000.keys", f->state);
	assert_int_equal(file_read(keys, 1 << 24, &shard, NULL), 0);
	for (size_t slot = 1; 64 + (slot + 1) * 160 <= shard.len; slot++)
		if (shard.data[64 + slot * 160] == 1) {
			shard.data[64 + slot * 160] = 2;
			memset(shard.data + 64 + slot * 160 + 1, 0, 159);
		}
	assert_int_equal(file_replace(keys, shard.data, shard.len, 0600), 0);
	assert_ctl(f, 0, "trail", "show", arena_printf(f->arena, "%d", (int)opened), "--json");
	assert_non_null(strstr(text_of(output(f), "state"), "erased: the facts key of 2026 was deleted, and with it the salt"));
	assert_string_equal(text_of(output(f), "leaf_hash"), leaf);

	/* a tile that is another proves nothing */
	shard.len = 0;
	assert_int_equal(file_read(tile, 1 << 20, &shard, NULL), 0);
	shard.data[1] ^= 1;
	assert_int_equal(file_replace(tile, shard.data, shard.len, 0600), 0);
	assert_ctl(f, 1, "trail", "show", arena_printf(f->arena, "%d", (int)opened));
	assert_says(f, "NOT PROVEN: it is not in the signed log");
}

static void made_again(void **state)
{
	struct fixture *f = *state;
	uint64_t records = make_signed(f, true);
	const char *bundle = log_file(f, arena_printf(f->arena, "tile/entries/000.p/%llu", (unsigned long long)records));
	struct json log;
	struct stat top, made;
	int fd;

	assert_int_equal(unlink(log_file(f, arena_printf(f->arena, "tile/0/000.p/%llu", (unsigned long long)records))), 0);
	assert_int_equal(file_replace(bundle, "x", 1, 0600), 0);
	assert_ctl(f, 1, "trail", "verify", "--full");
	assert_ctl(f, 0, "trail", "verify"); /* the records are whole */
	fd = open(arena_printf(f->arena, "%s/lock", f->state), O_RDWR | O_CREAT, 0600);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_ctl(f, 1, "trail", "rebuild");
	assert_says(f, "running dunningd");
	assert_int_equal(close(fd), 0);
	if (geteuid() == 0) /* as on a real host: what root makes there is the daemon's */
		assert_int_equal(chown(f->state, 65534, 65534), 0);
	assert_ctl(f, 0, "trail", "rebuild", "--json");
	log = first_log(f);
	assert_int_equal(number_of(&log, "missing"), 1);
	assert_int_equal(number_of(&log, "mended"), 1);
	assert_int_equal(stat(f->state, &top), 0);
	assert_int_equal(stat(bundle, &made), 0);
	assert_int_equal(made.st_uid, top.st_uid);
	assert_ctl(f, 0, "trail", "verify", "--full");
	(void)unlink(key_file(f));
	assert_ctl(f, 78, "trail", "rebuild");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_key_is_made_once),
		TEST(the_keys_are_its_own_creditors),
		TEST(in_words),
		TEST(a_signed_trail),
		TEST(any_altered_file),
		TEST(another_history),
		TEST(one_record),
		TEST(made_again),
	};

	return cmocka_run_group_tests_name("ctl_signed", tests, NULL, NULL);
}
