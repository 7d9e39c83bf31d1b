#include "daemon/signed_log.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/record.h"
#include "common/tiler.h"
#include "daemon/journal_leaves.h"
#include "daemon/log_files.h"

#define NOTE_FILE_MAX 65536 /* a checkpoint with every signature that could come to stand on it */
#define CHUNK MERKLE_TILE_WIDTH /* leaves read at once */
#define BUNDLE_MAX (MERKLE_TILE_WIDTH * (2 + LEAF_SIZE))

/* What was signed once: a file's bytes and what they say. size 0: there is none. */
struct signing {
	uint64_t size;
	uint8_t root[SHA256_SIZE];
	struct buf note;
};

struct signed_log {
	struct note_key key, next; /* of this year's log; next: while a rotation lasts, and either one is believed */
	const struct log_key *secret; /* borrowed; NULL: nothing is signed */
	bool rotating;
	uint16_t year;
	struct log_files *files;
	struct journal_leaves *once, *again; /* two readers, for each leaf is read twice before it is signed over */
	struct merkle_range range; /* leaf by leaf */
	struct tiler *tiler, *trial; /* out of tile bytes; trial: before it is signed */
	struct signing published;
	bool (*halted)(void *arg);
	void *arg;
	bool mend; /* files with other bytes are damaged: the root was compared with the signed one */
	struct signed_log_report *report; /* while it is opened */
	const struct signed_log_settings *settings; /* likewise */
	char chunk[CHUNK * LEAF_SIZE];
};

static int refuse(const struct signed_log *log, struct err *err, const char *code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
static int refuse(const struct signed_log *log, struct err *err, const char *code, const char *format, ...)
{
	char text[300];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return err_set(err, -EBADMSG, code, "", "the log %s %s", log->key.name, text);
}

static int io(const struct signed_log *log, int r, const char *path, struct err *err)
{
	return err_set(err, r, r == -ENOSPC ? "no_space" : "log_io", "", "the log %s: %s: %s", log->key.name, path,
		r == -EEXIST ? "other bytes stand there, and none were ever signed for it: the state directory was taken back to an older "
			       "state, or is written by another process" :
			       strerror(-r));
}

/* --- signed notes --------------------------------------------------------------------------------------- */

static int read_note(const char *path, const struct note_key *keys, size_t count, struct buf *text, struct checkpoint *ret, struct err *err)
{
	const struct note_key *key = keys;
	struct note note;
	struct note_seal seals[2];
	int r = file_read(path, NOTE_FILE_MAX, text, NULL);

	if (r == -ENOENT || r == -ENOTDIR)
		return -ENOENT;
	if (r < 0)
		return err_set(err, r, "unreadable", "", "%s: %s", path, strerror(-r));
	if (note_parse(text->data, text->len, &note) < 0)
		return err_set(err, -EBADMSG, "no_checkpoint", "", "%s is no signed note", path);
	r = note_verify(&note, keys, count, seals);
	if (r < 0)
		return err_set(err, -EKEYREJECTED, r == -ENOKEY ? "other_key" : "bad_signature", "",
			r == -ENOKEY ? "%s is signed by another key than the one of %s: give the key that has signed this log" :
				       "%s was altered: the signature of %s is not right",
			path, key->name);
	if (checkpoint_parse(note.text.data, note.text.len, ret) < 0 || ret->origin.len != strlen(key->name) ||
		memcmp(ret->origin.data, key->name, ret->origin.len) != 0)
		return err_set(err, -EBADMSG, "no_checkpoint", "", "%s is no checkpoint of %s", path, key->name);
	return 0;
}

int signed_log_read(const char *path, const struct note_key *key, struct buf *text, struct checkpoint *ret, struct err *err)
{
	return read_note(path, key, 1, text, ret, err);
}

static int read_signing(const struct signed_log *log, const char *file, struct signing *ret, struct err *err)
{
	const struct note_key keys[] = { log->key, log->next };
	CLEANUP(buf_clear) struct buf path = { 0 };
	struct checkpoint checkpoint;
	int r;

	buf_printf(&path, "%s/%s", log->settings->state_dir, file);
	r = read_note(path.data, keys, log->rotating ? 2 : 1, &ret->note, &checkpoint, err);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	ret->size = checkpoint.size;
	memcpy(ret->root, checkpoint.root, SHA256_SIZE);
	return 0;
}

/* While a rotation lasts: the one that was, and the one that comes. */
static bool signed_by_all(const struct signed_log *log, const struct note *note)
{
	const struct note_key keys[] = { log->key, log->next };
	struct note_seal seals[2];
	size_t count = log->rotating ? 2 : 1;

	if (note_verify(note, keys, count, seals) < 0)
		return false;
	return seals[0].good && (count == 1 || seals[1].good);
}

/* Signs, and believes its own signature only as a stranger would: read back and verified. */
static int sign(const struct signed_log *log, uint64_t size, const uint8_t root[SHA256_SIZE], struct signing *ret, struct err *err)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct checkpoint checkpoint = { .origin = { (const uint8_t *)log->key.name, strlen(log->key.name) }, .size = size }, read;
	struct note note;

	memcpy(checkpoint.root, root, SHA256_SIZE);
	ret->size = size;
	memcpy(ret->root, root, SHA256_SIZE);
	if (checkpoint_add(&text, &checkpoint) < 0 || note_begin(&ret->note, text.data, text.len) < 0 ||
		note_sign(&ret->note, text.data, text.len, &log->key, log->secret->seed) < 0 ||
		(log->rotating && note_sign(&ret->note, text.data, text.len, &log->next, log->secret->next_seed) < 0) ||
		note_parse(ret->note.data, ret->note.len, &note) < 0 || !signed_by_all(log, &note) ||
		checkpoint_parse(note.text.data, note.text.len, &read) < 0 || read.size != size || memcmp(read.root, root, SHA256_SIZE) != 0)
		return refuse(log, err, "sign_failed", "was signed, and the signature is not right: nothing is published");
	return 0;
}

/* --- leaves --------------------------------------------------------------------------------------------- */

typedef int (*leaf_fn)(struct signed_log *log, const char leaf[LEAF_SIZE], void *arg, struct err *err);

/* The leaves [from, to), in order. */
static int each_leaf(struct signed_log *log, struct journal_leaves *reader, uint64_t from, uint64_t to, leaf_fn fn, void *arg,
	struct err *err)
{
	for (uint64_t at = from; at < to;) {
		size_t count = to - at < CHUNK ? (size_t)(to - at) : CHUNK;
		int r = journal_leaves_read(reader, at, count, log->chunk, err);

		for (size_t i = 0; r == 0 && i < count; i++)
			r = fn(log, log->chunk + i * LEAF_SIZE, arg, err);
		if (r < 0)
			return r;
		at += count;
		if (log->settings && log->settings->progress && at / 65536 != (at - count) / 65536)
			log->settings->progress(at, to, log->settings->arg);
	}
	return 0;
}

static int add_to_range(struct signed_log *log, const char leaf[LEAF_SIZE], void *arg, struct err *err)
{
	uint8_t hash[SHA256_SIZE];

	(void)log, (void)err;
	record_leaf_hash(leaf, hash);
	merkle_append(arg, hash);
	return 0;
}

static int add_to_trial(struct signed_log *log, const char leaf[LEAF_SIZE], void *arg, struct err *err)
{
	(void)err;
	buf_add(arg, leaf, LEAF_SIZE);
	return tiler_add(log->trial, leaf, LEAF_SIZE, NULL, NULL);
}

/* --- files ---------------------------------------------------------------------------------------------- */

struct putting {
	struct signed_log *log;
	struct err *err;
};

static int put_tile(const struct merkle_tile *tile, const void *bytes, size_t len, void *arg)
{
	const struct putting *putting = arg;
	struct signed_log *log = putting->log;
	char path[LOG_PATH_SIZE];
	int r = log_files_put(log->files, log_files_tile(log->files, tile, path), bytes, len, log->mend);

	if (r < 0)
		return io(log, r, path, putting->err);
	if (log->report) {
		log->report->missing += r == LOG_PUT_NEW;
		log->report->mended += r == LOG_PUT_MENDED;
	}
	return 0;
}

static int write_leaf(struct signed_log *log, const char leaf[LEAF_SIZE], void *arg, struct err *err)
{
	struct putting putting = { log, err };

	(void)arg;
	return tiler_add(log->tiler, leaf, LEAF_SIZE, put_tile, &putting);
}

/* What a smaller log's edge had as partial files and is full now. */
static int drop_partials(struct signed_log *log, uint64_t before, struct err *err)
{
	uint64_t now = log->tiler->size;

	for (unsigned level = 0; level <= MERKLE_ENTRIES; level = level + 1 == TILER_LEVELS ? MERKLE_ENTRIES : level + 1) {
		uint64_t index = merkle_level_size(before, level) / MERKLE_TILE_WIDTH;
		struct merkle_tile tile = { level, index, MERKLE_TILE_WIDTH };
		char path[LOG_PATH_SIZE];
		int r = 0;

		if (merkle_tile_width(before, level, index) && merkle_tile_width(now, level, index) == MERKLE_TILE_WIDTH)
			r = log_files_drop_partial(log->files, &tile);
		if (r < 0)
			return io(log, r, log_files_tile(log->files, &tile, path), err);
	}
	return 0;
}

/* Steps 4 to 6 of the order. `head` false: it is that already. `write` feeds the tiler with what is new. */
static int put_head(struct signed_log *log, const struct signing *signing, struct err *err)
{
	char path[LOG_PATH_SIZE];
	int r = log_files_replace(log->files, log_files_head(log->files, path), signing->note.data, signing->note.len);

	if (r == 0)
		r = log_files_sync(log->files);
	return r < 0 ? io(log, r, path, err) : 0;
}

/* The full files are written; the edge, then nothing but the checkpoint is left. */
static int publish(struct signed_log *log, struct signing *signing, uint64_t before, struct err *err)
{
	struct putting putting = { log, err };
	char path[LOG_PATH_SIZE];
	uint8_t root[SHA256_SIZE];
	int r;

	tiler_root(log->tiler, root);
	if (log->tiler->size != signing->size || memcmp(root, signing->root, SHA256_SIZE) != 0)
		return refuse(log, err, "root_differs", "was computed anew while its tiles were written, and has another root");
	r = tiler_edge(log->tiler, put_tile, &putting);
	if (r < 0)
		return r;
	(void)log_files_checkpoint(log->files, path);
	r = log_files_sync(log->files);
	if (r < 0)
		return io(log, r, path, err);
	r = drop_partials(log, before, err); /* the full ones are on the disk: the checkpoint that is out needs either */
	if (r < 0)
		return r;
	r = log_files_replace(log->files, path, signing->note.data, signing->note.len);
	if (r == 0)
		r = log_files_sync(log->files);
	if (r < 0)
		return io(log, r, path, err);
	buf_clear(&log->published.note);
	log->published = *signing;
	signing->note = (struct buf){ 0 };
	return 0;
}

/* --- growing -------------------------------------------------------------------------------------------- */

int signed_log_extend(struct signed_log *log, uint64_t to, struct err *err)
{
	CLEANUP(buf_clear) struct buf leaves = { 0 };
	struct merkle_range range = log->range;
	struct signing signing = { 0 };
	uint8_t one[SHA256_SIZE], other[SHA256_SIZE];
	uint64_t before = log->published.size;
	int r;

	assert(log->secret && to > before && log->tiler->size == before && range.size == before);
	if (to > before + SIGNED_LOG_BATCH)
		to = before + SIGNED_LOG_BATCH;
	/* Each leaf is read twice, and the root comes two ways: one flipped bit that was signed over could never be mended. */
	r = each_leaf(log, log->once, before, to, add_to_range, &range, err);
	if (r < 0)
		return r;
	tiler_copy(log->trial, log->tiler);
	r = each_leaf(log, log->again, before, to, add_to_trial, &leaves, err);
	if (r < 0)
		return r;
	merkle_root(&range, one);
	tiler_root(log->trial, other);
	if (memcmp(one, other, SHA256_SIZE) != 0)
		return refuse(log, err, "root_differs", "has two roots at %" PRIu64
			" records, by two ways: the memory or the disk is not to be trusted, and nothing is signed", to);
	if (log->halted && log->halted(log->arg))
		return err_set(err, -ECANCELED, "halted", "", "the log %s is not signed any more", log->key.name);
	r = sign(log, to, one, &signing, err);
	if (r == 0)
		r = put_head(log, &signing, err);
	for (uint64_t i = 0; r == 0 && i < to - before; i++)
		r = write_leaf(log, leaves.data + i * LEAF_SIZE, NULL, err);
	if (r == 0)
		r = publish(log, &signing, before, err);
	if (r == 0)
		log->range = range;
	buf_clear(&signing.note);
	return r;
}

/* --- opening -------------------------------------------------------------------------------------------- */

static int read_tile(const struct merkle_tile *tile, struct buf *ret, void *arg)
{
	struct signed_log *log = arg;
	struct merkle_tile full = { tile->level, tile->index, MERKLE_TILE_WIDTH };
	char path[LOG_PATH_SIZE];
	int r = log_files_read(log->files, log_files_tile(log->files, tile, path), BUNDLE_MAX, ret);

	if (r == -ENOENT)
		r = log_files_read(log->files, log_files_tile(log->files, &full, path), BUNDLE_MAX, ret);
	return r;
}

static int range_tile(const struct merkle_tile *tile, uint8_t (*ret)[SHA256_SIZE], void *arg)
{
	const struct tiler *tiler = arg;

	memcpy(ret, tiler->hashes[tile->level], tile->width * SHA256_SIZE);
	return 0;
}

/* Whether the files on the disk give a log of that size and root: the edge, and that every other file is there. */
static bool files_hold(struct signed_log *log, const struct signing *signing)
{
	uint8_t root[SHA256_SIZE];

	if (tiler_load(log->tiler, signing->size, read_tile, log) < 0)
		return false;
	tiler_root(log->tiler, root);
	if (memcmp(root, signing->root, SHA256_SIZE) != 0)
		return false;
	for (unsigned level = 0; level <= MERKLE_ENTRIES; level = level + 1 == TILER_LEVELS ? MERKLE_ENTRIES : level + 1)
		for (uint64_t n = 0; n < merkle_level_size(signing->size, level) / MERKLE_TILE_WIDTH; n++)
			if (!log_files_has(log->files, &(struct merkle_tile){ level, n, MERKLE_TILE_WIDTH }))
				return false;
	return true;
}

/* The leaves of one level 0 tile from `at` on, against its bytes. */
static bool tile_agrees(struct signed_log *log, uint64_t at, uint64_t size, struct buf *tile)
{
	uint64_t index = at / MERKLE_TILE_WIDTH;
	struct merkle_tile want = { 0, index, merkle_tile_width(size, 0, index) };
	size_t first = at % MERKLE_TILE_WIDTH, count = want.width - first;

	buf_reset(tile);
	if (read_tile(&want, tile, log) < 0 || tile->len < want.width * SHA256_SIZE ||
		journal_leaves_read(log->again, at, count, log->chunk, NULL) < 0)
		return false;
	for (size_t i = 0; i < count; i++) {
		uint8_t hash[SHA256_SIZE];

		record_leaf_hash(log->chunk + i * LEAF_SIZE, hash);
		if (memcmp(hash, tile->data + (first + i) * SHA256_SIZE, SHA256_SIZE) != 0)
			return false;
	}
	return true;
}

/* The journal's last segment against the tiles: a journal that was put in place of ours shows here, at little cost. */
static bool tail_agrees(struct signed_log *log, uint64_t size)
{
	CLEANUP(buf_clear) struct buf tile = { 0 };
	uint64_t at;

	if (journal_leaves_last_segment(log->again, &at, NULL) < 0)
		return false;
	for (; at < size; at += MERKLE_TILE_WIDTH - at % MERKLE_TILE_WIDTH)
		if (!tile_agrees(log, at, size, &tile))
			return false;
	return true;
}

/* The journal's own root at a size that was signed must be the signed one: else this journal is not the one that was signed. */
static int check_root(struct signed_log *log, struct merkle_range *range, const struct signing *signing, struct err *err)
{
	uint8_t root[SHA256_SIZE];
	int r;

	if (range->size > signing->size)
		return 0; /* both are the same size, or it was compared before */
	r = each_leaf(log, log->once, range->size, signing->size, add_to_range, range, err);
	if (r < 0)
		return r;
	merkle_root(range, root);
	if (memcmp(root, signing->root, SHA256_SIZE) != 0)
		return refuse(log, err, "root_differs", "was signed at %" PRIu64 " records with another root than the journal has there: the "
			"journal was altered or replaced. Restore it from a copy; nothing may be signed over this one. If there is no copy, seal it: "
			"dunningctl trail seal --yes --why ...", signing->size);
	return 0;
}

/* From where the files are right up to `to`: root first, files then. */
static int catch_up(struct signed_log *log, const struct signing *old, struct signing *to, bool whole, struct err *err)
{
	struct merkle_range range = { 0 };
	struct merkle_tiles edge = { .read = range_tile, .arg = log->tiler };
	uint64_t from = 0;
	int r;

	if (whole) {
		tiler_clear(log->tiler);
		r = check_root(log, &range, old, err);
		if (r < 0)
			return r;
		log->report->from_journal = to->size > 0;
	} else {
		from = edge.size = log->tiler->size;
		(void)merkle_range_load(&edge, &range);
	}
	r = check_root(log, &range, to, err);
	if (r < 0)
		return r;
	log->range = range;
	log->mend = true;
	r = each_leaf(log, log->again, from, to->size, write_leaf, NULL, err);
	if (r < 0)
		return r;
	log->report->published = to->size > log->published.size;
	r = publish(log, to, old->size, err);
	log->mend = false;
	return r;
}

static int recover(struct signed_log *log, uint64_t leaves, struct signing *head, struct signing *checkpoint, struct err *err)
{
	/* By the order of writing it is always the head that is ahead. A head that is behind was lost; both were signed. */
	struct signing *newer = checkpoint->size > head->size ? checkpoint : head, *older = newer == head ? checkpoint : head;
	bool rewrite = newer == checkpoint && checkpoint->size, whole;
	int r;

	if (!newer->size)
		return 0;
	if (older->size == newer->size && memcmp(older->root, newer->root, SHA256_SIZE) != 0)
		return refuse(log, err, "forked", "was signed twice at %" PRIu64 " records, with two roots: nothing may be signed any more; "
			"seal it and begin another origin: dunningctl trail seal --yes --why ...", newer->size);
	if (newer->size > leaves)
		return refuse(log, err, "journal_behind", "was signed at %" PRIu64 " records, and the journal has %" PRIu64 ": the journal was "
			"taken back to an older state or lost its end. Restore its newest copy; if there is none, seal it: "
			"dunningctl trail seal --yes --why ...", newer->size, leaves);
	log->published.size = checkpoint->size;
	whole = log->settings->rebuild || (older->size && !files_hold(log, older)) || !tail_agrees(log, older->size);
	if (!whole && older->size == newer->size) {
		struct merkle_tiles edge = { log->tiler->size, range_tile, log->tiler };

		(void)merkle_range_load(&edge, &log->range);
		log->published = *checkpoint;
		checkpoint->note = (struct buf){ 0 };
		return 0;
	}
	if (rewrite) {
		r = put_head(log, newer, err);
		if (r < 0)
			return r;
	}
	if (!older->size)
		tiler_clear(log->tiler);
	return catch_up(log, older, newer, whole, err);
}

/*
 * What only one of two keys has signed, both sign: the same tree. So a log that gets no more records, too, can be read with the new key
 * alone once the old one is gone, and the old key vouches for the new one in every log.
 */
static int sign_again(struct signed_log *log, struct err *err)
{
	struct signing signing = { 0 };
	char path[LOG_PATH_SIZE];
	struct note note;
	int r;

	if (!log->rotating || !log->secret || !log->published.size ||
		(note_parse(log->published.note.data, log->published.note.len, &note) == 0 && signed_by_all(log, &note)))
		return 0;
	r = sign(log, log->published.size, log->published.root, &signing, err);
	if (r == 0)
		r = put_head(log, &signing, err);
	(void)log_files_checkpoint(log->files, path);
	if (r == 0 && ((r = log_files_replace(log->files, path, signing.note.data, signing.note.len)) < 0 ||
			      (r = log_files_sync(log->files)) < 0))
		r = io(log, r, path, err);
	if (r == 0) {
		buf_clear(&log->published.note);
		log->published = signing;
		signing.note = (struct buf){ 0 };
	}
	buf_clear(&signing.note);
	return r;
}

int signed_log_open(const struct signed_log_settings *settings, uint64_t leaves, struct signed_log **ret,
	struct signed_log_report *report, struct err *err)
{
	CLEANUP(signed_log_closep) struct signed_log *log = xcalloc(1, sizeof(*log));
	struct signing head = { 0 }, checkpoint = { 0 };
	char path[LOG_PATH_SIZE];
	int r;

	*report = (struct signed_log_report){ 0 };
	log_key_of_year(&settings->key->verifier, settings->year, &log->key);
	log->rotating = settings->key->rotating;
	if (log->rotating)
		log_key_of_year(&settings->key->next, settings->year, &log->next);
	log->secret = settings->signs ? settings->key : NULL;
	log->year = settings->year;
	log->halted = settings->halted;
	log->arg = settings->arg;
	log->settings = settings;
	log->report = report;
	log->tiler = xcalloc(1, sizeof(*log->tiler));
	log->trial = xcalloc(1, sizeof(*log->trial));
	log->once = journal_leaves_create(settings->state_dir, settings->year);
	log->again = journal_leaves_create(settings->state_dir, settings->year);
	r = log_files_open(settings->state_dir, settings->year, &log->files);
	if (r < 0)
		return io(log, r, settings->state_dir, err);
	r = read_signing(log, log_files_head(log->files, path), &head, err);
	if (r == 0)
		r = read_signing(log, log_files_checkpoint(log->files, path), &checkpoint, err);
	if (r == 0)
		r = recover(log, leaves, &head, &checkpoint, err);
	if (r == 0)
		r = sign_again(log, err);
	buf_clear(&head.note);
	buf_clear(&checkpoint.note);
	if (r < 0)
		return r;
	log->settings = NULL;
	log->report = NULL;
	*ret = TAKE(log);
	return 0;
}

void signed_log_close(struct signed_log *log)
{
	if (!log)
		return;
	log_files_close(log->files);
	journal_leaves_destroy(log->once);
	journal_leaves_destroy(log->again);
	tiler_clear(log->tiler);
	tiler_clear(log->trial);
	free(log->tiler);
	free(log->trial);
	buf_clear(&log->published.note);
	free(log);
}

uint64_t signed_log_size(const struct signed_log *log)
{
	return log->published.size;
}

const uint8_t *signed_log_root(const struct signed_log *log)
{
	return log->published.root;
}
