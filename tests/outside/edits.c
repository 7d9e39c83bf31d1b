/*
 * edits - nothing in an evidence bundle can be another: a bundle out of a real trail of many records, with a time stamp and a cosignature on
 * an earlier checkpoint, as it lies on the disk.
 *
 *	edits [--records N] [--edits N] [--scripted N] [--seed S] [--programs DIR] [--keep]
 *
 *	edits		one bit of one file, in the folder and in the zip file by turns (10,000; records: 100,000): read from the disk and refused by
 *			the code behind `dunningctl trail verify`
 *	forged		one in ten of them again, in what only the log guards (records, keys, proofs, leaves, checkpoints), with a manifest that fits,
 *			as anybody can make one who has not the log's key
 *	scripted	so many (100) of each kind for verify.sh, on a machine with a shell, openssl and coreutils; the whole bundle with openssl alone
 *	Before, the bundle is whole to both.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/bundle_check.h"
#include "common/file.h"
#include "common/merkle.h"
#include "common/record.h"
#include "common/timestamp.h"
#include "common/witness.h"
#include "tests/support/authority.h"
#include "tests/support/process.h"
#include "tests/support/witness_peer.h"
#include "tools/evidence.h"

#define WAIT_MS 600000
#define FILE_MAX (1u << 30)
#define DEBTORS 500
#define OF_ONE 30 /* records */
#define LOG_SEED ((const uint8_t[ED25519_SEED_SIZE]){ 2 }) /* bench_trail's */
#define AT INT64_C(1790000000) /* s: the stamp */

static uint64_t seed = 1;
static const char *programs = BUILD_DIR;
static char dir[128];
static struct arena *arena;
static int wrong;

static uint64_t pick(uint64_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % below;
}

__attribute__((format(printf, 1, 2), noreturn)) static void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "; kept in %s\n", dir);
	exit(1);
}

static const char *at(const char *name)
{
	return arena_printf(arena, "%s/%s", dir, name);
}

static struct slice load(const char *path)
{
	CLEANUP(buf_clear) struct buf bytes = { 0 };
	struct err err = { 0 };

	if (file_read(path, FILE_MAX, &bytes, &err) < 0)
		die("%s", err.text);
	return (struct slice){ arena_memdup(arena, buf_str(&bytes), bytes.len), bytes.len };
}

static void put(const char *path, const void *data, size_t len)
{
	char *folder = arena_strdup(arena, path);

	*strrchr(folder, '/') = '\0';
	if (file_make_dirs(folder, 0700) < 0 || file_replace(path, data, len, 0600) < 0)
		die("%s cannot be written", path);
}

static void run(const char *const *argv)
{
	CLEANUP(buf_clear) struct buf output = { 0 };
	int r = process_run(argv, &output, WAIT_MS);

	if (r != 0)
		die("%s %s: %d: %s", argv[0], argv[1], r, buf_str(&output));
}
#define RUN(...) run((const char *const[]){ __VA_ARGS__, NULL })
#define CTL arena_printf(arena, "%s/dunningctl", programs), "--config", at("trail/dunningd.json"), "--credentials", at("trail/credentials")

/* --- the bundle ------------------------------------------------------------------------------------------------- */

static void add_stamp(const char *folder, const struct slice *note)
{
	CLEANUP(authority_destroyp) struct authority *authority = authority_create(AUTHORITY_SOUND);
	CLEANUP(buf_clear) struct buf query = { 0 }, answer = { 0 }, crl = { 0 };
	struct timestamp_query asked = { .nonce = 77 };
	const char *root = authority_root(authority, arena);

	sha256(note->data, note->len, asked.imprint);
	timestamp_query_add(&query, &asked);
	authority_answer(authority, query.data, query.len, AT, &answer);
	authority_crl(authority, AT - 3600, false, &crl);
	put(arena_printf(arena, "%s/tsa.tsq", folder), query.data, query.len);
	put(arena_printf(arena, "%s/tsa.tsr", folder), answer.data, answer.len);
	put(arena_printf(arena, "%s/tsa.pem", folder), root, strlen(root));
	put(arena_printf(arena, "%s/tsa.crl", folder), crl.data, crl.len);
}

static void add_cosigned(const char *folder, const struct note_key *key, const struct slice *note)
{
	CLEANUP(witness_peer_destroyp) struct witness_peer *witness = witness_peer_create(key);
	CLEANUP(buf_clear) struct buf request = { 0 }, answer = { 0 }, file = { 0 }, vkey = { 0 };
	struct witness_request asked = { .checkpoint = *note };

	buf_add_str(&request, "POST /add-checkpoint HTTP/1.1\r\n\r\n");
	(void)witness_request_add(&request, &asked);
	witness_peer_answer(&request, &answer, witness);
	buf_add(&file, note->data, note->len);
	buf_add_str(&file, strstr(buf_str(&answer), "\r\n\r\n") + 4);
	witness_peer_key(witness, &vkey);
	buf_add_char(&vkey, '\n');
	put(arena_printf(arena, "%s/w.cosigned", folder), file.data, file.len);
	put(arena_printf(arena, "%s/w.vkey", folder), vkey.data, vkey.len);
}

/* Half of the log, as it was once: its leaves stand in a bundle of all of it. */
static void vouch(const char *bundle, uint64_t records)
{
	struct merkle_range *range = arena_alloc(arena, sizeof(*range));
	struct checkpoint checkpoint = { .size = records / 512 * 256 };
	CLEANUP(buf_clear) struct buf text = { 0 }, note = { 0 };
	struct slice vkey = load(arena_printf(arena, "%s/log/2026/vkey", bundle)), signed_note;
	struct note_key key;
	const char *folder;

	*strchr((char *)(uintptr_t)vkey.data, '\n') = '\0';
	if (note_key_parse((const char *)vkey.data, &key) < 0)
		die("%s is no key", (const char *)vkey.data);
	for (uint64_t n = 0; n < checkpoint.size / 256; n++) {
		struct merkle_tile tile = { MERKLE_ENTRIES, n, MERKLE_TILE_WIDTH };
		struct slice leaves[MERKLE_TILE_WIDTH], file;
		char path[MERKLE_PATH_SIZE];
		uint8_t hash[SHA256_SIZE];

		file = load(arena_printf(arena, "%s/log/2026/%s", bundle, merkle_tile_path(&tile, path)));
		if (merkle_bundle_read(file.data, file.len, MERKLE_TILE_WIDTH, leaves) < 0)
			die("%s is no bundle of entries", path);
		for (size_t i = 0; i < MERKLE_TILE_WIDTH; i++) {
			record_leaf_hash((const char *)leaves[i].data, hash);
			merkle_append(range, hash);
		}
	}
	checkpoint.origin = (struct slice){ (const uint8_t *)key.name, strlen(key.name) };
	merkle_root(range, checkpoint.root);
	if (checkpoint_add(&text, &checkpoint) < 0 || note_begin(&note, text.data, text.len) < 0 ||
		note_sign(&note, text.data, text.len, &key, LOG_SEED) < 0)
		die("the earlier checkpoint cannot be signed");
	signed_note = (struct slice){ (const uint8_t *)note.data, note.len };
	folder = at(arena_printf(arena, "trail/state/anchors/2026/%" PRIu64, checkpoint.size));
	put(arena_printf(arena, "%s/checkpoint", folder), note.data, note.len);
	add_stamp(folder, &signed_note);
	add_cosigned(folder, &key, &signed_note);
}

static void make(uint64_t records)
{
	(void)file_make_dirs(at("trail"), 0700);
	RUN(arena_printf(arena, "%s/tests/bench/bench_trail", programs), at("trail"), arena_printf(arena, "%" PRIu64, records),
		arena_printf(arena, "%d", DEBTORS), arena_printf(arena, "%d", OF_ONE));
	RUN(CTL, "evidence", "--debtor", "cus_0", "-o", at("bare"));
	vouch(at("bare"), records);
	RUN(CTL, "evidence", "--debtor", "cus_0", "-o", at("folder"));
	RUN(CTL, "evidence", "--debtor", "cus_0", "-o", at("bundle.zip"));
	RUN(CTL, "trail", "verify", at("folder"));
	RUN(CTL, "trail", "verify", at("bundle.zip"));
}

/* --- judges ------------------------------------------------------------------------------------------------------ */

static void on_line(const struct check_line *line, void *arg)
{
	(void)line, (void)arg;
}

/* What `dunningctl trail verify BUNDLE` does; the name of the check that refuses, "" = it holds. */
static const char *judge(const char *path)
{
	static struct err err;
	CLEANUP(arena_freep) struct arena *scratch = arena_create();
	struct bundle bundle = { .arena = scratch };
	struct bundle_checking how = { .ahead = CHECK_AHEAD };
	int r;

	err = (struct err){ 0 };
	r = evidence_read(path, &bundle, &err);
	if (r == 0)
		r = bundle_check(&bundle, &how, &err);
	if (r == 0)
		r = evidence_check_reports(&bundle, on_line, NULL, &err);
	return r == 0 ? "" : err.code[0] ? err.code : "unreadable";
}

static int verify_sh(bool coreutils)
{
	static const char *const names[] = { "cat", "cut", "head", "ls", "od", "rm", "sha256sum", "sort", "tail", "tr", "wc" };
	const char *bin = at(coreutils ? "coreutils" : "openssl"), *argv[] = { "env", "-i", arena_printf(arena, "PATH=%s", bin),
		arena_printf(arena, "TMPDIR=%s", dir), "/bin/sh", SOURCE_DIR "/tools/evidence/verify.sh", at("folder"), NULL };

	if (access(bin, F_OK) < 0) {
		(void)file_make_dirs(bin, 0700);
		if (symlink("/usr/bin/openssl", arena_printf(arena, "%s/openssl", bin)) < 0)
			die("no link to openssl");
		for (size_t i = 0; i < ARRAY_LEN(names) && coreutils; i++)
			if (symlink(arena_printf(arena, "/usr/bin/%s", names[i]), arena_printf(arena, "%s/%s", bin, names[i])) < 0)
				die("no link to %s", names[i]);
	}
	return process_run(argv, NULL, WAIT_MS);
}

/* --- edits --------------------------------------------------------------------------------------------------------- */

static struct bundle files; /* of the whole folder */

static void flip(const char *path, uint64_t bit)
{
	CLEANUP(closep) int fd = open(path, O_RDWR | O_CLOEXEC);
	uint8_t byte;

	if (fd < 0 || pread(fd, &byte, 1, (off_t)(bit / 8)) != 1)
		die("%s cannot be read", path);
	byte ^= (uint8_t)(1u << bit % 8);
	if (pwrite(fd, &byte, 1, (off_t)(bit / 8)) != 1)
		die("%s cannot be written", path);
}

/* Any file as likely as any other, or any byte; in a small file else hardly one would be hit. */
static const struct bundle_file *some_file(void)
{
	uint64_t all = 0, left;

	if (pick(2))
		return &files.files[pick(files.count)];
	for (size_t i = 0; i < files.count; i++)
		all += files.files[i].data.len;
	left = pick(all);
	for (size_t i = 0;; left -= files.files[i++].data.len)
		if (left < files.files[i].data.len)
			return &files.files[i];
}

static void taken(const char *by, const char *path, uint64_t bit)
{
	fprintf(stderr, "edits: bit %" PRIu64 " of %s is another, and %s takes it\n", bit, path, by);
	wrong++;
}

static void edits(int count)
{
	const char *zip = at("bundle.zip");
	struct stat st;

	if (stat(zip, &st) < 0)
		die("%s is not there", zip);
	for (int i = 0; i < count; i++) {
		const struct bundle_file *file = some_file();
		const char *path = i % 2 ? zip : arena_printf(arena, "%s/folder/%s", dir, file->path);
		uint64_t bit = pick(8 * (i % 2 ? (uint64_t)st.st_size : file->data.len));

		flip(path, bit);
		if (!judge(i % 2 ? zip : at("folder"))[0])
			taken("trail verify", path, bit);
		flip(path, bit);
	}
}

static bool ends(const char *path, const char *with)
{
	size_t len = strlen(path), n = strlen(with);

	return len > n && strcmp(path + len - n, with) == 0;
}

/*
 * What is believed for its own sake, whoever made the manifest. Texts are not; reports are held against the records; what carries a signature
 * over a part of its bytes only (stamps, certificates, lists) may have another one elsewhere. `scripted`: and verify.sh says that it does
 * not look at leaves and consistency; openssl reads a request loosely.
 */
static bool guarded(const char *path, bool scripted)
{
	static const char *const loose[] = { ".tsr", ".pem", ".crl" };
	bool ret = strncmp(path, "records/", 8) == 0 || strncmp(path, "system/", 7) == 0 || strncmp(path, "log/", 4) == 0 ||
		   strcmp(path, "case/tagkey") == 0;

	for (size_t i = 0; i < ARRAY_LEN(loose); i++)
		ret = ret && !ends(path, loose[i]);
	if (scripted)
		ret = ret && !ends(path, ".tsq") && !ends(path, "/policy") && !strstr(path, "/tile/") && !strstr(path, "/consistency/");
	return ret;
}

/* The manifest over the files as they now are, unsigned. */
static void fit_manifest(const char *path)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct bundle altered = { .arena = arena };

	for (size_t i = 0; i < files.count; i++) {
		struct bundle_file *file = &files.files[i];
		struct slice data = strcmp(file->path, path) == 0 ? load(arena_printf(arena, "%s/folder/%s", dir, path)) : file->data;

		altered.files = arena_grow(arena, altered.files, altered.count, &altered.capacity, sizeof(*altered.files));
		altered.files[altered.count++] = (struct bundle_file){ file->path, data };
	}
	bundle_manifest(&altered, &text);
	put(at("folder/manifest"), text.data, text.len);
}

static void forged(int count, bool scripted)
{
	const struct bundle_file *manifest = bundle_find(&files, BUNDLE_MANIFEST);

	for (int i = 0; i < count; i++) {
		const struct bundle_file *file;
		struct arena *whole = arena;
		const char *path, *code = "";
		uint64_t bit;

		do
			file = some_file();
		while (!guarded(file->path, scripted));
		path = arena_printf(arena, "%s/folder/%s", dir, file->path);
		bit = pick(8 * file->data.len);
		arena = arena_create(); /* of this edit */
		flip(path, bit);
		fit_manifest(file->path);
		if (scripted ? verify_sh(true) != 1 : !(code = judge(at("folder")))[0] || strcmp(code, "files") == 0)
			taken(scripted ? "verify.sh, with a manifest that fits," : "trail verify, with a manifest that fits,", path, bit);
		flip(path, bit);
		arena_free(arena);
		arena = whole;
	}
	put(at("folder/manifest"), manifest->data.data, manifest->data.len);
}

static void scripted(int count)
{
	for (int i = 0; i < count; i++) {
		const struct bundle_file *file = some_file();
		const char *path = arena_printf(arena, "%s/folder/%s", dir, file->path);
		uint64_t bit = pick(8 * file->data.len);

		flip(path, bit);
		if (verify_sh(true) != 1)
			taken("verify.sh", path, bit);
		flip(path, bit);
	}
}

static void whole(bool script_too)
{
	const char *paths[] = { at("folder"), at("bundle.zip") };

	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		if (judge(paths[i])[0])
			die("%s is refused as it is: %s", paths[i], judge(paths[i]));
	if (script_too && (verify_sh(false) != 0 || verify_sh(true) != 0))
		die("verify.sh refuses the bundle as it is");
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "records", required_argument, NULL, 'r' }, { "edits", required_argument, NULL, 'e' },
		{ "scripted", required_argument, NULL, 'h' }, { "seed", required_argument, NULL, 's' }, { "programs", required_argument, NULL, 'd' },
		{ "keep", no_argument, NULL, 'k' }, { 0 } };
	int count = 10000, scripts = 100, option;
	uint64_t records = 100000, given;
	struct err err = { 0 };
	bool keep = false;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == 'r')
			records = strtoull(optarg, NULL, 10);
		else if (option == 'e')
			count = atoi(optarg);
		else if (option == 'h')
			scripts = atoi(optarg);
		else if (option == 's')
			seed = strtoull(optarg, NULL, 10);
		else if (option == 'd')
			programs = optarg;
		else if (option == 'k')
			keep = true;
		else
			return 2;
	}
	if (records < 1024)
		return 2;
	given = seed;
	seed = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	arena = arena_create();
	snprintf(dir, sizeof(dir), "%s/dunningd-edits-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	if (!mkdtemp(dir))
		die("no folder");
	make(records);
	files.arena = arena;
	if (evidence_read(at("folder"), &files, &err) < 0)
		die("%s", err.text);
	whole(true);
	edits(count);
	forged(count / 10, false);
	scripted(scripts);
	forged(scripts / 10, true);
	whole(false);
	printf("edits: a bundle of %zu files out of %" PRIu64 " records, seed %" PRIu64 ": %d edits, %d with a manifest that fits; verify.sh: %d and %d; "
	       "%d taken\n",
		files.count, records, given, count, count / 10, scripts, scripts / 10, wrong);
	if (!wrong && !keep)
		RUN("rm", "-rf", dir);
	arena_free(arena);
	return wrong ? 1 : 0;
}
