#include "tools/trail_signed.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/file.h"
#include "common/tiler.h"
#include "daemon/log_key.h"
#include "daemon/signed_log.h"
#include "tools/aside.h"

#define FILE_MAX 65536
#define BATCH 4096 /* leaves: half a megabyte, which the next processor takes from a cache */

struct signing {
	const char *file;
	bool there;
	uint64_t size;
	uint8_t root[SHA256_SIZE];
};

struct log {
	struct trail_signed_log shown;
	struct signing head, checkpoint;
	struct tiler *tiler;
	bool gap; /* a leaf could not be read, which the journal's walk tells */
};

struct told {
	struct trail_finding finding;
	struct told *next;
};

/* A leaf of the journal: copied, since the walk goes on while another thread makes the tree. */
struct leaf {
	uint16_t year;
	uint64_t index;
	char bytes[LEAF_SIZE];
};

struct batch {
	struct leaf *leaves; /* BATCH */
	size_t count;
};

struct trail_signed {
	/* the caller's thread alone: */
	trail_finding_fn fn;
	void *arg;
	struct batch filling;
	/* the job's, while it runs: */
	struct aside aside;
	struct batch given;
	const char *state_dir;
	const struct note_key *key;
	bool full;
	struct arena *arena; /* its own */
	struct log *logs; /* by year */
	size_t count, capacity;
	uint64_t findings;
	struct told *told, **last; /* findings to be told by the caller's thread, in order */
	struct log *comparing;
};

void trail_year_key(const struct note_key *key, uint16_t year, struct note_key *ret)
{
	char tail[8];
	size_t len = strlen(key->name), n = (size_t)snprintf(tail, sizeof(tail), "/%04u", (unsigned)year);

	if (len >= n && strcmp(key->name + len - n, tail) == 0)
		*ret = *key;
	else
		log_key_of_year(key, year, ret);
}

static void find(struct trail_signed *t, struct log *log, const char *file, const char *code, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
static void find(struct trail_signed *t, struct log *log, const char *file, const char *code, const char *format, ...)
{
	struct told *told = arena_alloc(t->arena, sizeof(*told));
	char text[400];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	told->finding = (struct trail_finding){ .file = arena_strdup(t->arena, file), .code = arena_strdup(t->arena, code),
		.text = arena_strdup(t->arena, text) };
	*t->last = told;
	t->last = &told->next;
	t->findings++;
	log->shown.state = SIGNED_WRONG;
}

/* Nothing runs aside. */
static void tell(struct trail_signed *t)
{
	for (const struct told *told = t->told; told && t->fn; told = told->next)
		t->fn(&told->finding, t->arg);
	t->told = NULL;
	t->last = &t->told;
}

const char *signed_words(enum signed_state state)
{
	static const char *const words[] = { [SIGNED_NOT] = "not signed", [SIGNED_UNCHECKED] = "not checked: no verifier key",
		[SIGNED_RIGHT] = "right", [SIGNED_WRONG] = "WRONG" };

	return words[state];
}

/* --- what was signed --------------------------------------------------------------------------------------------------------------- */

/* Without a key: what it says, whoever wrote it. */
static int read_unchecked(const char *path, struct buf *text, struct checkpoint *ret, struct err *err)
{
	struct note note;
	int r = file_read(path, FILE_MAX, text, err);

	if (r < 0)
		return r;
	if (note_parse(text->data, text->len, &note) < 0 || checkpoint_parse(note.text.data, note.text.len, ret) < 0)
		return err_set(err, -EBADMSG, "no_checkpoint", "", "%s is no signed checkpoint", path);
	return 0;
}

static void read_signing(struct trail_signed *t, struct log *log, struct signing *ret)
{
	const char *file = ret->file, *path = arena_printf(t->arena, "%s/%s", t->state_dir, file);
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct checkpoint checkpoint;
	struct err err = { 0 };
	struct note_key key;
	int r;

	if (t->key) {
		trail_year_key(t->key, log->shown.year, &key);
		r = signed_log_read(path, &key, &text, &checkpoint, &err);
	} else {
		r = read_unchecked(path, &text, &checkpoint, &err);
	}
	if (r == -ENOENT)
		return;
	if (r < 0) {
		find(t, log, file, err.code, "%s", err.text);
		return;
	}
	ret->there = true;
	ret->size = checkpoint.size;
	memcpy(ret->root, checkpoint.root, SHA256_SIZE);
	if (log->shown.state == SIGNED_NOT)
		log->shown.state = t->key ? SIGNED_RIGHT : SIGNED_UNCHECKED;
}

static struct log *log_of(struct trail_signed *t, uint16_t year)
{
	size_t i = 0;

	while (i < t->count && t->logs[i].shown.year < year)
		i++;
	if (i < t->count && t->logs[i].shown.year == year)
		return &t->logs[i];
	t->logs = arena_grow(t->arena, t->logs, t->count, &t->capacity, sizeof(*t->logs));
	memmove(&t->logs[i + 1], &t->logs[i], (t->count - i) * sizeof(*t->logs));
	t->count++;
	t->logs[i] = (struct log){ .shown.year = year, .tiler = xcalloc(1, sizeof(*t->logs[i].tiler)) };
	return &t->logs[i];
}

static void list_years(struct trail_signed *t, const char *folder)
{
	char **names;
	size_t count;

	if (file_list(t->arena, arena_printf(t->arena, "%s/%s", t->state_dir, folder), "", &names, &count) < 0)
		return;
	for (size_t i = 0; i < count; i++)
		if (strlen(names[i]) == 4 && strspn(names[i], "0123456789") == 4)
			(void)log_of(t, (uint16_t)atoi(names[i]));
}

static void close_trail(void *arg)
{
	struct trail_signed *t = arg;

	aside_end(&t->aside); /* of a walk that broke off */
	for (size_t i = 0; i < t->count; i++) {
		tiler_clear(t->logs[i].tiler);
		free(t->logs[i].tiler);
	}
	free(t->filling.leaves);
	free(t->given.leaves);
	arena_free(t->arena);
}

struct trail_signed *trail_signed_open(const char *state_dir, const struct note_key *key, bool full, trail_finding_fn fn, void *arg,
	struct arena *arena)
{
	struct trail_signed *t = arena_alloc(arena, sizeof(*t));

	*t = (struct trail_signed){ .state_dir = state_dir, .key = key, .full = full, .fn = fn, .arg = arg, .arena = arena_create(),
		.last = &t->told };
	arena_defer(arena, close_trail, t);
	list_years(t, "log");
	list_years(t, "head");
	for (size_t i = 0; i < t->count; i++) {
		struct log *log = &t->logs[i];
		struct stat st;

		log->checkpoint.file = arena_printf(t->arena, "log/%04u/checkpoint", (unsigned)log->shown.year);
		log->head.file = arena_printf(t->arena, "head/%04u", (unsigned)log->shown.year);
		read_signing(t, log, &log->checkpoint); /* the head behind it: it is never the older one */
		read_signing(t, log, &log->head);
		if (log->checkpoint.there && log->checkpoint.size > log->head.size && log->shown.state != SIGNED_WRONG)
			find(t, log, log->head.file, "head_behind", "%" PRIu64 " records are published, and the head knows of %" PRIu64,
				log->checkpoint.size, log->head.size);
		log->shown.size = log->checkpoint.size;
		memcpy(log->shown.root, log->checkpoint.root, SHA256_SIZE);
		if (stat(arena_printf(t->arena, "%s/%s", state_dir, log->checkpoint.file), &st) == 0)
			log->shown.at = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
	}
	tell(t);
	return t;
}

/* --- leaves ------------------------------------------------------------------------------------------------------------------------- */

static int compare_file(const struct merkle_tile *tile, const void *bytes, size_t len, void *arg)
{
	struct trail_signed *t = arg;
	struct log *log = t->comparing;
	CLEANUP(buf_clear) struct buf there = { 0 };
	struct merkle_tile full = { tile->level, tile->index, MERKLE_TILE_WIDTH };
	char path[MERKLE_PATH_SIZE], file[MERKLE_PATH_SIZE + 16], whole[1024];
	int r;

	log->shown.files++;
	(void)snprintf(file, sizeof(file), "log/%04u/%s", (unsigned)log->shown.year, merkle_tile_path(tile, path));
	(void)snprintf(whole, sizeof(whole), "%s/%s", t->state_dir, file);
	r = file_read(whole, FILE_MAX, &there, NULL);
	if (r == -ENOENT && tile->width < MERKLE_TILE_WIDTH) { /* the full one may have come since */
		(void)snprintf(whole, sizeof(whole), "%s/log/%04u/%s", t->state_dir, (unsigned)log->shown.year, merkle_tile_path(&full, path));
		r = file_read(whole, FILE_MAX, &there, NULL);
		there.len = r == 0 && there.len > len ? len : there.len;
	}
	if (r < 0)
		find(t, log, file, "tile_missing", "it cannot be read: %s (dunningctl trail rebuild)", strerror(-r));
	else if (there.len != len || memcmp(there.data, bytes, len) != 0)
		find(t, log, file, "tile_differs", "it is not what follows from the journal (dunningctl trail rebuild)");
	return 0;
}

static void compare_root(struct trail_signed *t, struct log *log, const struct signing *signing, const char *file)
{
	uint8_t root[SHA256_SIZE];

	if (!signing->there || signing->size != log->tiler->size)
		return;
	tiler_root(log->tiler, root);
	if (memcmp(root, signing->root, SHA256_SIZE) != 0)
		find(t, log, file, "signed_root", "at %" PRIu64 " records another root was signed than that of the journal's records",
			signing->size);
}

static void add_leaf(struct trail_signed *t, const struct leaf *leaf)
{
	struct log *log = log_of(t, leaf->year);

	if (log->gap)
		return;
	if (leaf->index != log->tiler->size) {
		log->gap = true;
		return;
	}
	t->comparing = log;
	(void)tiler_add(log->tiler, leaf->bytes, LEAF_SIZE, t->full && leaf->index < log->checkpoint.size ? compare_file : NULL, t);
	compare_root(t, log, &log->checkpoint, log->checkpoint.file);
	if (log->head.size != log->checkpoint.size || !log->checkpoint.there)
		compare_root(t, log, &log->head, log->head.file);
	if (t->full && log->checkpoint.there && log->tiler->size == log->checkpoint.size)
		(void)tiler_edge(log->tiler, compare_file, t);
}

static void add_batch(void *arg)
{
	struct trail_signed *t = arg;

	for (size_t i = 0; i < t->given.count; i++)
		add_leaf(t, &t->given.leaves[i]);
}

static void hand_over(struct trail_signed *t)
{
	struct batch done;

	aside_end(&t->aside);
	tell(t);
	done = t->given;
	t->given = t->filling;
	t->filling = (struct batch){ .leaves = done.leaves };
	aside_begin(&t->aside, add_batch, t);
}

void trail_signed_leaf(struct trail_signed *t, uint16_t year, uint64_t index, const char leaf[LEAF_SIZE])
{
	struct leaf *next;

	if (t->filling.count == BATCH)
		hand_over(t);
	if (!t->filling.leaves)
		t->filling.leaves = xcalloc(BATCH, sizeof(*t->filling.leaves));
	next = &t->filling.leaves[t->filling.count++];
	next->year = year;
	next->index = index;
	memcpy(next->bytes, leaf, LEAF_SIZE);
}

void trail_signed_end(struct trail_signed *t)
{
	hand_over(t);
	aside_end(&t->aside);
	for (size_t i = 0; i < t->count; i++) {
		struct log *log = &t->logs[i];
		uint64_t size = log->head.size > log->checkpoint.size ? log->head.size : log->checkpoint.size;

		if (log->tiler->size < size && !log->gap)
			find(t, log, log->head.file, "journal_behind",
				"%" PRIu64 " records were signed, and the journal has %" PRIu64, size, log->tiler->size);
		else if (log->tiler->size < size)
			log->shown.state = SIGNED_WRONG; /* the journal's walk has told why */
		if (log->head.there && log->checkpoint.there && log->head.size == log->checkpoint.size &&
			memcmp(log->head.root, log->checkpoint.root, SHA256_SIZE) != 0)
			find(t, log, log->head.file, "forked",
				"two roots were signed for %" PRIu64 " records", log->head.size);
	}
	tell(t);
}

const struct trail_signed_log *trail_signed_log(const struct trail_signed *t, uint16_t year)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->logs[i].shown.year == year)
			return &t->logs[i].shown;
	return NULL;
}

bool trail_signed_root(const struct trail_signed *t, uint16_t year, uint8_t ret[SHA256_SIZE])
{
	for (size_t i = 0; i < t->count; i++) {
		if (t->logs[i].shown.year != year || t->logs[i].gap)
			continue;
		tiler_root(t->logs[i].tiler, ret);
		return true;
	}
	return false;
}

uint64_t trail_signed_findings(const struct trail_signed *t)
{
	return t->findings;
}
