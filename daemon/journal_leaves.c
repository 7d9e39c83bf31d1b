#include "daemon/journal_leaves.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "daemon/journal_internal.h"

#define HEADER_MAX (1u << 20) /* more marks than partitions there can be */

struct journal_leaves {
	char *path; /* of the journal's folder */
	uint16_t year;
	/* where the next leaf is looked for; name "" = nowhere yet */
	char name[JOURNAL_NAME_SIZE];
	uint64_t at, index;
	struct frames_segment head; /* of that segment; only what a frame's checksum needs */
};

struct journal_leaves *journal_leaves_create(const char *state_dir, uint16_t year)
{
	struct journal_leaves *leaves = xcalloc(1, sizeof(*leaves));
	struct buf path = { 0 };

	buf_printf(&path, "%s/journal", state_dir);
	leaves->path = buf_take(&path);
	leaves->year = year;
	return leaves;
}

void journal_leaves_destroy(struct journal_leaves *leaves)
{
	if (!leaves)
		return;
	free(leaves->path);
	free(leaves);
}

static int damaged(const struct journal_leaves *leaves, uint64_t at, const char *what, struct err *err)
{
	return err_set(err, -EBADMSG, "journal_damaged", "", "%s/%s is damaged at byte %" PRIu64 " (%s): restore this segment from a copy",
		leaves->path, leaves->name, at, what);
}

static int open_segment(const struct journal_leaves *leaves, const char *name, struct err *err)
{
	CLEANUP(buf_clear) struct buf path = { 0 };
	int fd;

	buf_printf(&path, "%s/%s", leaves->path, name);
	fd = open(path.data, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? err_set(err, -errno, "unreadable", "", "%s: %s", path.data, strerror(errno)) : fd;
}

/* --- which segment ------------------------------------------------------------------------------------ */

/* Of this year; *index: of its first record. */
static bool of_year(const struct journal_leaves *leaves, const char *name, uint64_t *index)
{
	unsigned year;

	return sscanf(name, "%*[0-9]-%4u-%20" SCNu64, &year, index) == 2 && year == leaves->year;
}

/* The last segment that begins at or before `index`, and behind the one named `behind`; *ret "" when there is none. */
static int find_segment(const struct journal_leaves *leaves, const char *behind, uint64_t index, char ret[JOURNAL_NAME_SIZE],
	uint64_t *first, struct err *err)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	char **names;
	size_t count;
	int r = file_list(arena, leaves->path, JOURNAL_SUFFIX, &names, &count);

	if (r < 0)
		return err_set(err, r, "unreadable", "", "%s: %s", leaves->path, strerror(-r));
	ret[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		uint64_t begins;

		if (strlen(names[i]) >= JOURNAL_NAME_SIZE || !of_year(leaves, names[i], &begins) || begins > index ||
			strcmp(names[i], behind) <= 0)
			continue;
		(void)snprintf(ret, JOURNAL_NAME_SIZE, "%s", names[i]);
		*first = begins;
	}
	return 0;
}

static int begin_segment(struct journal_leaves *leaves, const char *name, uint64_t first, struct err *err)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf header = { 0 };
	CLEANUP(closep) int fd = open_segment(leaves, name, err);
	uint8_t start[FRAMES_START_SIZE];
	size_t size;
	int r;

	if (fd < 0)
		return fd;
	(void)snprintf(leaves->name, sizeof(leaves->name), "%s", name);
	if (journal_read_at(fd, start, sizeof(start), 0) < 0)
		return damaged(leaves, 0, "no segment header", err);
	size = frames_segment_size(start, sizeof(start));
	if (!size || size > HEADER_MAX)
		return damaged(leaves, 0, "no segment header", err);
	buf_reserve(&header, size + 1);
	r = journal_read_at(fd, header.data, size, 0);
	if (r < 0 || frames_segment_read(header.data, size, arena, &leaves->head) < 0 || leaves->head.first_index != first)
		return damaged(leaves, 0, "no segment header", err);
	leaves->head.origin = NULL;
	leaves->head.marks = NULL;
	leaves->head.logs = NULL;
	leaves->at = leaves->head.size;
	leaves->index = first;
	return 0;
}

/* --- reading ------------------------------------------------------------------------------------------- */

/* Leaves of the segment that it stands in, until `end` or the segment's end; 1: the latter. */
static int read_some(struct journal_leaves *leaves, uint64_t from, uint64_t end, char *ret, struct err *err)
{
	CLEANUP(closep) int fd = open_segment(leaves, leaves->name, err);
	struct journal_window window = { .fd = fd };
	struct stat st;
	int r = 0;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return err_set(err, -errno, "unreadable", "", "%s/%s: %s", leaves->path, leaves->name, strerror(errno));
	window.file_end = (uint64_t)st.st_size;
	while (r == 0 && leaves->index < end) {
		const uint8_t *bytes = journal_window_get(&window, leaves->at, FRAME_HEADER_SIZE);
		struct record_body body;
		struct frame frame;

		if (!bytes || !frame_peek(bytes, FRAME_HEADER_SIZE, &frame)) {
			r = 1;
		} else if (frame.index != leaves->index) {
			r = damaged(leaves, leaves->at, "a record is missing", err);
		} else if (frame.type != FRAME_RECORD) {
			leaves->at += frame.size;
		} else {
			bytes = journal_window_get(&window, leaves->at, frame.size);
			if (!bytes || !frame_peek(bytes, frame.size, &frame) || !frame_valid(&leaves->head, bytes, &frame)) {
				r = damaged(leaves, leaves->at, "no frame with a right checksum", err);
			} else if (record_body_read(frame.body.data, frame.body.len, &body) < 0) {
				r = damaged(leaves, leaves->at, "no record", err);
			} else {
				if (ret && leaves->index >= from)
					memcpy(ret + (leaves->index - from) * LEAF_SIZE, body.leaf, LEAF_SIZE);
				leaves->at += frame.size;
				leaves->index++;
			}
		}
	}
	buf_clear(&window.bytes);
	return r;
}

int journal_leaves_read(struct journal_leaves *leaves, uint64_t from, size_t count, char *ret, struct err *err)
{
	uint64_t end = from + count, first;
	char name[JOURNAL_NAME_SIZE];
	int r = 0;

	if (!count)
		return 0;
	if (!leaves->name[0] || leaves->index != from) {
		r = find_segment(leaves, "", from, name, &first, err);
		if (r == 0 && !name[0])
			r = err_set(err, -ENODATA, "journal_short", "", "%s has no record %" PRIu64 " of %u", leaves->path, from,
				(unsigned)leaves->year);
		if (r == 0)
			r = begin_segment(leaves, name, first, err);
	}
	while (r == 0 && (r = read_some(leaves, from, end, ret, err)) == 1) {
		r = find_segment(leaves, leaves->name, leaves->index, name, &first, err);
		if (r == 0 && (!name[0] || first != leaves->index))
			r = err_set(err, -ENODATA, "journal_short", "", "%s ends before record %" PRIu64 " of %u", leaves->path,
				leaves->index, (unsigned)leaves->year);
		if (r == 0)
			r = begin_segment(leaves, name, first, err);
	}
	if (r < 0)
		leaves->name[0] = '\0'; /* it looks anew */
	return r;
}

int journal_leaves_last_segment(struct journal_leaves *leaves, uint64_t *ret, struct err *err)
{
	char name[JOURNAL_NAME_SIZE];

	*ret = 0;
	return find_segment(leaves, "", UINT64_MAX, name, ret, err);
}

int journal_leaves_count(struct journal_leaves *leaves, uint64_t *ret, struct err *err)
{
	char name[JOURNAL_NAME_SIZE];
	uint64_t first = 0;
	int r = find_segment(leaves, "", UINT64_MAX, name, &first, err);

	*ret = 0;
	if (r < 0 || !name[0])
		return r;
	r = begin_segment(leaves, name, first, err);
	if (r == 0)
		r = read_some(leaves, 0, UINT64_MAX, NULL, err);
	*ret = leaves->index;
	leaves->name[0] = '\0';
	return r < 0 ? r : 0;
}

int journal_leaves_years(const char *state_dir, struct arena *arena, uint16_t **ret, size_t *count)
{
	size_t names_count, capacity = 0;
	char **names;
	int r = file_list(arena, arena_printf(arena, "%s/journal", state_dir), JOURNAL_SUFFIX, &names, &names_count);

	*ret = NULL;
	*count = 0;
	for (size_t i = 0; r == 0 && i < names_count; i++) {
		unsigned year;
		size_t at = 0;

		if (sscanf(names[i], "%*[0-9]-%4u-", &year) != 1)
			continue;
		while (at < *count && (*ret)[at] < year)
			at++;
		if (at < *count && (*ret)[at] == year)
			continue;
		*ret = arena_grow(arena, *ret, *count, &capacity, sizeof(**ret));
		memmove(*ret + at + 1, *ret + at, (*count - at) * sizeof(**ret));
		(*ret)[at] = (uint16_t)year;
		(*count)++;
	}
	return r;
}
