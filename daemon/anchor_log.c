/* One year's log as its files tell, and the files that vouch for it: common/FORMATS.md sections 9 and 10. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "daemon/anchor_internal.h"

#define STATE_MAX (4u << 20)

static char *join(const char *a, const char *b, unsigned year)
{
	CLEANUP(buf_clear) struct buf path = { 0 };

	buf_printf(&path, "%s/%s/%04u", a, b, year);
	return buf_take(&path);
}

struct anchor_log *anchor_log_open(const char *state_dir, uint16_t year, const char **why)
{
	struct anchor_log *log = xcalloc(1, sizeof(*log));
	CLEANUP(buf_clear) struct buf path = { 0 }, text = { 0 };
	int r;

	*why = NULL;
	log->year = year;
	log->log_dir = join(state_dir, "log", year);
	log->dir = join(state_dir, "anchors", year);
	buf_printf(&path, "%s/state.json", log->dir);
	r = file_read(buf_str(&path), STATE_MAX, &text, NULL);
	if (r == 0)
		r = anchor_state_parse(text.data ? text.data : "", text.len, &log->state, NULL);
	if (r < 0 && r != -ENOENT)
		*why = r == -EBADMSG ? "damaged" : strerror(-r);
	return log;
}

void anchor_log_free(struct anchor_log *log)
{
	anchor_state_clear(&log->state);
	buf_clear(&log->text);
	free(log->log_dir);
	free(log->dir);
	free(log);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
		a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Notes the size; dirty when a leaf begins to wait. */
static int note_size(struct anchor_log *log, int64_t now)
{
	size_t waiting = 0;

	for (size_t i = 0; i < log->state.mark_count; i++)
		waiting += log->state.marks[i].waiting_since != 0;
	if (!anchor_seen(&log->state, log->head.size, now))
		return -ERANGE;
	for (size_t i = 0; i < log->state.mark_count; i++)
		waiting -= log->state.marks[i].waiting_since != 0;
	log->dirty |= waiting != 0;
	return 0;
}

int anchor_log_look(struct anchor_log *log, int64_t now)
{
	CLEANUP(buf_clear) struct buf path = { 0 }, text = { 0 };
	struct checkpoint head;
	struct stat found;
	struct note note;
	int r;

	buf_printf(&path, "%s/checkpoint", log->log_dir);
	if (stat(buf_str(&path), &found) < 0)
		return -errno;
	if (log->head.size && same_file(&found, &log->found))
		return note_size(log, now); /* a record of ours may have come to count meanwhile */
	r = file_read(buf_str(&path), NOTE_MAX, &text, NULL);
	if (r < 0)
		return r;
	if (note_parse(text.data, text.len, &note) < 0 || checkpoint_parse(note.text.data, note.text.len, &head) < 0)
		return -EBADMSG;
	buf_clear(&log->text);
	log->text = text;
	text = (struct buf){ 0 };
	log->head = head;
	log->found = found;
	return note_size(log, now);
}

int anchor_log_save(struct anchor_log *log)
{
	CLEANUP(buf_clear) struct buf path = { 0 }, text = { 0 };
	int r;

	if (!log->dirty)
		return 0;
	buf_printf(&path, "%s/state.json", log->dir);
	anchor_state_add(&text, &log->state);
	r = file_make_dirs(log->dir, 0700);
	if (r == 0)
		r = file_replace(buf_str(&path), text.data, text.len, 0600);
	if (r == 0)
		log->dirty = false;
	return r;
}

int anchor_log_file(const struct anchor_log *log, const struct merkle_tile *tile, struct buf *ret)
{
	CLEANUP(buf_clear) struct buf path = { 0 };
	struct merkle_tile whole = *tile;
	char name[MERKLE_PATH_SIZE];
	int r;

	buf_printf(&path, "%s/%s", log->log_dir, merkle_tile_path(tile, name));
	r = file_read(buf_str(&path), S3_OBJECT_MAX, ret, NULL);
	if (r != -ENOENT || tile->width == MERKLE_TILE_WIDTH)
		return r;
	whole.width = MERKLE_TILE_WIDTH; /* it has replaced the partial one */
	buf_reset(&path);
	buf_printf(&path, "%s/%s", log->log_dir, merkle_tile_path(&whole, name));
	return file_read(buf_str(&path), S3_OBJECT_MAX, ret, NULL);
}

static int read_hashes(const struct merkle_tile *tile, uint8_t (*ret)[SHA256_SIZE], void *arg)
{
	CLEANUP(buf_clear) struct buf bytes = { 0 };
	int r = anchor_log_file(arg, tile, &bytes);

	if (r < 0)
		return r;
	if (bytes.len < (size_t)tile->width * SHA256_SIZE)
		return -EBADMSG;
	memcpy(ret, bytes.data, (size_t)tile->width * SHA256_SIZE);
	return 0;
}

int anchor_log_proof(const struct anchor_log *log, uint64_t size, uint64_t old, struct merkle_proof *ret)
{
	struct merkle_tiles tiles = { .size = size, .read = read_hashes, .arg = (void *)(uintptr_t)log };

	return merkle_consistency(&tiles, old, ret);
}

static int keep(const char *dir, const char *name, const struct slice *bytes)
{
	CLEANUP(buf_clear) struct buf path = { 0 };

	buf_printf(&path, "%s/%s", dir, name);
	return file_replace(buf_str(&path), bytes->data, bytes->len, 0600);
}

const struct anchor_form anchor_forms[] = {
	[ANCHOR_TIMESTAMP] = { "tsr", "token.tsr", "application/timestamp-reply" },
	[ANCHOR_WITNESS] = { "cosigned", "checkpoint.txt", "text/plain; charset=utf-8" },
	[ANCHOR_S3] = { NULL, NULL, NULL },
};

int anchor_log_given(const struct anchor_log *log, const struct anchor_unrecorded *one, struct buf *ret)
{
	CLEANUP(buf_clear) struct buf path = { 0 };

	if (!anchor_forms[one->kind].suffix)
		return 0;
	buf_printf(&path, "%s/%llu/%s.%s", log->dir, (unsigned long long)one->size, one->name, anchor_forms[one->kind].suffix);
	return file_read(buf_str(&path), STATE_MAX, ret, NULL);
}

int anchor_log_keep(const struct anchor_log *log, uint64_t size, const struct slice *checkpoint, const char *name, const struct slice *bytes)
{
	CLEANUP(buf_clear) struct buf dir = { 0 };
	int r;

	buf_printf(&dir, "%s/%llu", log->dir, (unsigned long long)size);
	if ((r = file_make_dirs(buf_str(&dir), 0700)) < 0 || (r = keep(buf_str(&dir), "checkpoint", checkpoint)) < 0)
		return r;
	return keep(buf_str(&dir), name, bytes);
}
