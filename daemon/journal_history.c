#include "daemon/journal_internal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/utc.h"

#define HEADER_GUESS 4096 /* most headers are shorter */
#define READ_WINDOW (256u << 10)
#define READ_FIRST (8u << 10) /* then twice as much each time: most who look want a few records */

void journal_name(const struct frames_segment *head, char ret[JOURNAL_NAME_SIZE])
{
	(void)snprintf(ret, JOURNAL_NAME_SIZE, "%020llu-%04u-%020llu" JOURNAL_SUFFIX,
		(unsigned long long)head->first_write, (unsigned)head->year,
		(unsigned long long)head->first_index);
}

int journal_read_at(int fd, void *ret, size_t len, uint64_t offset)
{
	uint8_t *p = ret;

	while (len > 0) {
		ssize_t n = pread(fd, p, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ENODATA;
		p += n;
		len -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

/* --- standing --------------------------------------------------------------------------------------- */

void standing_clear(struct standing *standing)
{
	free(standing->marks);
	free(standing->logs);
	*standing = (struct standing){ 0 };
}

void standing_copy(struct standing *to, const struct standing *from)
{
	xgrow(&to->marks, &to->mark_capacity, from->mark_count + 1, sizeof(*to->marks));
	xgrow(&to->logs, &to->log_capacity, from->log_count + 1, sizeof(*to->logs));
	to->mark_count = from->mark_count;
	to->log_count = from->log_count;
	to->newest = from->newest;
	to->ended = from->ended;
	if (from->mark_count > 0)
		memcpy(to->marks, from->marks, from->mark_count * sizeof(*to->marks));
	if (from->log_count > 0)
		memcpy(to->logs, from->logs, from->log_count * sizeof(*to->logs));
}

void standing_load(struct standing *standing, const struct frames_segment *head)
{
	struct standing borrowed = {
		.marks = (struct frames_mark *)head->marks,
		.mark_count = head->mark_count,
		.logs = (struct frames_log *)head->logs,
		.log_count = head->log_count,
		.newest = head->year, /* nothing of a later year begins before the log of this one has ended */
	};

	if (head->log_count > 0 && head->logs[head->log_count - 1].year > head->year)
		borrowed.newest = head->logs[head->log_count - 1].year;
	standing_copy(standing, &borrowed);
}

struct frames_mark *standing_mark(struct standing *standing, uint32_t partition, bool add)
{
	size_t low = 0, high = standing->mark_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (standing->marks[middle].partition < partition)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < standing->mark_count && standing->marks[low].partition == partition)
		return &standing->marks[low];
	if (!add)
		return NULL;
	xgrow(&standing->marks, &standing->mark_capacity, standing->mark_count + 1,
		sizeof(*standing->marks));
	memmove(&standing->marks[low + 1], &standing->marks[low],
		(standing->mark_count - low) * sizeof(*standing->marks));
	standing->mark_count++;
	standing->marks[low] = (struct frames_mark){ .partition = partition };
	return &standing->marks[low];
}

uint64_t standing_index(const struct standing *standing, uint16_t year)
{
	for (size_t i = 0; i < standing->log_count; i++)
		if (standing->logs[i].year == year)
			return standing->logs[i].next_index;
	return 0;
}

void standing_advance(struct standing *standing, const struct group_header *head, uint64_t records)
{
	struct frames_mark *mark = standing_mark(standing, head->partition, true);
	size_t i = 0;

	mark->pseq = mark->above = head->pseq;
	memcpy(mark->id, head->id, sizeof(mark->id));
	while (i < standing->log_count && standing->logs[i].year < head->year)
		i++;
	if (i == standing->log_count || standing->logs[i].year != head->year) {
		xgrow(&standing->logs, &standing->log_capacity, standing->log_count + 1,
			sizeof(*standing->logs));
		memmove(&standing->logs[i + 1], &standing->logs[i],
			(standing->log_count - i) * sizeof(*standing->logs));
		standing->log_count++;
	}
	standing->logs[i] = (struct frames_log){ head->year, head->first_index + records };
	if (head->year >= standing->newest) {
		standing->newest = head->year;
		standing->ended = utc_year(head->decided_at) > head->year;
	}
}

struct journal_log standing_log(const struct standing *standing)
{
	struct journal_log log = { .year = standing->newest, .ended = standing->ended };

	for (size_t i = 0; i < standing->log_count && standing->logs[i].year < log.year; i++)
		log.before = standing->logs[i].year;
	return log;
}

/* --- keeping track -------------------------------------------------------------------------------------- */

static void set_last(struct history *h, const struct group_header *head)
{
	for (size_t i = 0; i < h->last_count; i++) {
		if (h->lasts[i].partition == head->partition) {
			h->lasts[i] = *head;
			return;
		}
	}
	xgrow(&h->lasts, &h->last_capacity, h->last_count + 1, sizeof(*h->lasts));
	h->lasts[h->last_count++] = *head;
}

static void add_place(struct segment *segment, uint64_t index, uint64_t at)
{
	const struct place *last =
		segment->place_count > 0 ? &segment->places[segment->place_count - 1] : NULL;

	if (last && (at < last->at + PLACE_EVERY || index <= last->index))
		return;
	xgrow(&segment->places, &segment->place_capacity, segment->place_count + 1,
		sizeof(*segment->places));
	segment->places[segment->place_count++] = (struct place){ index, at };
}

int history_add_segment(struct history *h, const char *name, const void *header, size_t len)
{
	struct segment segment = { 0 };
	int r = frames_segment_read(header, len, h->arena, &segment.head);

	if (r < 0)
		return r;
	(void)snprintf(segment.name, sizeof(segment.name), "%s", name);
	segment.end = segment.head.size;
	xgrow(&h->segments, &h->capacity, h->count + 1, sizeof(*h->segments));
	h->segments[h->count++] = segment;
	return 0;
}

void history_add_group(struct history *h, const struct group_header *head, uint64_t records,
	uint64_t at, uint64_t end)
{
	struct segment *segment = &h->segments[h->count - 1];

	segment->end = end;
	if (records > 0)
		add_place(segment, head->first_index, at);
	standing_advance(&h->standing, head, records);
	set_last(h, head);
}

void history_clear(struct history *h)
{
	for (size_t i = 0; i < h->count; i++)
		free(h->segments[i].places);
	free(h->segments);
	free(h->lasts);
	standing_clear(&h->standing);
	closep(&h->dir);
	arena_free(h->arena);
}

static int damaged(struct history *h, const char *name, uint64_t offset, const char *what)
{
	err_clear(&h->damage);
	return err_set(&h->damage, -EBADMSG, "journal_damaged", "",
		"%s/%s is damaged at byte %llu (%s): restore this segment from a copy", h->path, name,
		(unsigned long long)offset, what);
}

/* --- reading segments ----------------------------------------------------------------------------------- */

static int open_segment(const struct history *h, const char *name)
{
	int fd = openat(h->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -errno : fd;
}

/* Appends the file's first `len` bytes, all when `len` is 0. */
static int read_segment(const struct history *h, const char *name, uint64_t len, struct buf *ret)
{
	CLEANUP(closep) int fd = open_segment(h, name);
	struct stat st;
	int r;

	if (fd < 0)
		return fd;
	if (len == 0) {
		if (fstat(fd, &st) < 0)
			return -errno;
		len = (uint64_t)st.st_size;
	}
	buf_reserve(ret, len + 1);
	r = journal_read_at(fd, ret->data + ret->len, len, 0);
	if (r == 0)
		ret->len += len;
	return r;
}

/* Appends the file but for its reserve: what is not written yet. */
static int read_written(const struct history *h, const char *name, struct buf *ret)
{
	CLEANUP(closep) int fd = open_segment(h, name);

	return fd < 0 ? fd : file_read_written(fd, ret);
}

static int read_header(struct history *h, const char *name)
{
	CLEANUP(buf_clear) struct buf header = { 0 };
	CLEANUP(closep) int fd = open_segment(h, name);
	char expected[JOURNAL_NAME_SIZE];
	struct segment *segment;
	struct stat st;
	size_t len;
	int r;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	for (len = HEADER_GUESS;;) {
		size_t size, got = (uint64_t)st.st_size < len ? (size_t)st.st_size : len;

		buf_reserve(&header, got + 1);
		r = journal_read_at(fd, header.data, got, 0);
		if (r < 0)
			return r;
		size = frames_segment_size(header.data, got);
		if (size <= got || got < len)
			break;
		len = size;
	}
	len = (uint64_t)st.st_size < len ? (size_t)st.st_size : len;
	if (history_add_segment(h, name, header.data, len) < 0)
		return damaged(h, name, 0, "no segment header");
	segment = &h->segments[h->count - 1];
	segment->end = (uint64_t)st.st_size;
	journal_name(&segment->head, expected);
	if (strcmp(expected, name) != 0)
		return damaged(h, name, 0, "the name is not the header's");
	if (h->count > 1 && segment->head.first_write <= segment[-1].head.first_write)
		return damaged(h, name, 0, "older than the segment before it");
	return 0;
}

/*
 * Walks one segment. What is closed, and what was durable before, must be whole.
 */
static int scan_segment(struct history *h, size_t i, frames_group_fn fn, void *arg)
{
	const struct segment *segment = &h->segments[i];
	CLEANUP(buf_clear) struct buf bytes = { 0 };
	struct frames_end end;
	bool last = i + 1 == h->count;
	int r;

	r = read_segment(h, segment->name, last ? segment->end : 0, &bytes);
	if (r < 0)
		return r == -ENODATA ? damaged(h, segment->name, 0, "too short") : r;
	if (bytes.len < segment->head.size)
		return damaged(h, segment->name, bytes.len, "too short");
	r = frames_scan(bytes.data, bytes.len, &segment->head, fn, arg, &end);
	if (r != 0)
		return r;
	if (end.tail != FRAMES_CLEAN)
		return damaged(h, segment->name, end.damage, "no frame with a right checksum");
	if (last ? end.end != segment->end
		 : !equal_secret(end.chain, h->segments[i + 1].head.previous, sizeof(end.chain)))
		return damaged(h, segment->name, end.end, "groups are missing at its end");
	return 0;
}

struct loading {
	struct history *history;
	struct segment *segment;
};

static int load_group(const struct journal_group *group, size_t at, void *arg)
{
	struct loading *loading = arg;

	if (group->record_count > 0)
		add_place(loading->segment, group->head.first_index, at);
	standing_advance(&loading->history->standing, &group->head, group->record_count);
	set_last(loading->history, &group->head);
	return 0;
}

static int load_last_segment(struct history *h, struct frames_end *ret)
{
	struct segment *segment = &h->segments[h->count - 1];
	struct loading loading = { h, segment };
	CLEANUP(buf_clear) struct buf bytes = { 0 };
	int r;

	standing_load(&h->standing, &segment->head);
	r = read_written(h, segment->name, &bytes);
	if (r < 0)
		return r;
	if (bytes.len < segment->head.size)
		return damaged(h, segment->name, bytes.len, "too short");
	r = frames_scan(bytes.data, bytes.len, &segment->head, load_group, &loading, ret);
	if (r < 0)
		return r;
	segment->end = ret->end;
	if (ret->tail == FRAMES_CORRUPT)
		return damaged(h, segment->name, ret->damage,
			"a later write stands whole behind it, so this is no torn tail");
	return 0;
}

/* A segment whose making was interrupted has no name yet. */
static int remove_unfinished(struct history *h)
{
	char **names;
	size_t count;
	int r = file_list(h->arena, h->path, JOURNAL_SUFFIX ".new", &names, &count);

	for (size_t i = 0; r == 0 && i < count; i++)
		if (unlinkat(h->dir, names[i], 0) < 0)
			r = -errno;
	return r;
}

static int load(struct history *h, const char *origin, struct frames_end *ret)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	char **names;
	size_t count;
	int r;

	r = remove_unfinished(h);
	if (r == 0)
		r = file_list(arena, h->path, JOURNAL_SUFFIX, &names, &count);
	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++) {
		const struct frames_segment *head;

		r = read_header(h, names[i]);
		if (r < 0)
			return r;
		head = &h->segments[i].head;
		if (strcmp(head->origin, arena_printf(arena, "%s/%u", origin, (unsigned)head->year)) != 0)
			return err_set(&h->damage, -EBADMSG, "wrong_origin", "",
				"%s/%s belongs to the log %s, not to %s: the origin of a log cannot change",
				h->path, names[i], head->origin, origin);
	}
	return h->count > 0 ? load_last_segment(h, ret) : 0;
}

int history_load(struct history *h, const char *origin, struct frames_end *ret, struct err *err)
{
	int r;

	h->arena = arena_create();
	r = load(h, origin, ret);
	if (r == -EBADMSG && h->damage.code[0])
		return err_set(err, r, h->damage.code, "", "%s", h->damage.text);
	return r < 0 ? err_set(err, r, "unreadable", "", "%s: %s", h->path, strerror(-r)) : 0;
}

/* --- questions -------------------------------------------------------------------------------------------- */

/* Which numbers of a partition a segment holds: above < n <= upto, none when it has no group of it. */
struct span {
	bool any;
	uint64_t above, upto;
	const uint8_t *last_id;
};

static struct span partition_span(struct history *h, size_t i, uint32_t partition)
{
	const struct frames_mark *before = frames_mark_find(&h->segments[i].head, partition);
	const struct frames_mark *after = i + 1 < h->count ?
		frames_mark_find(&h->segments[i + 1].head, partition) :
		standing_mark(&h->standing, partition, false);

	if (!after || (before && memcmp(before->id, after->id, sizeof(after->id)) == 0))
		return (struct span){ 0 };
	return (struct span){ true, before ? before->above : 0, after->pseq, after->id };
}

struct replay {
	uint32_t partition;
	uint64_t above, upto;
	journal_replay_fn fn;
	void *arg;
};

static int replay_group(const struct journal_group *group, size_t at, void *arg)
{
	const struct replay *replay = arg;

	(void)at;
	if (group->head.partition != replay->partition || group->head.pseq <= replay->above ||
		group->head.pseq > replay->upto)
		return 0;
	return replay->fn(group, replay->arg);
}

int history_replay(struct history *h, uint32_t partition, uint64_t above, journal_replay_fn fn,
	void *arg)
{
	CLEANUP(freep) uint64_t *upto = xcalloc(h->count + 1, sizeof(*upto));
	uint64_t limit = UINT64_MAX;

	/* Where numbers went back, the later group counts: nothing before it reaches beyond its predecessor. */
	for (size_t i = h->count; i-- > 0;) {
		struct span span = partition_span(h, i, partition);

		upto[i] = span.any && span.upto > above && span.above < limit ? limit : 0;
		if (span.any && span.above < limit)
			limit = span.above;
	}
	for (size_t i = 0; i < h->count; i++) {
		struct replay replay = { partition, above, upto[i], fn, arg };
		int r = upto[i] > above ? scan_segment(h, i, replay_group, &replay) : 0;

		if (r != 0)
			return r;
	}
	return 0;
}

struct search {
	uint32_t partition;
	uint64_t pseq;
	const uint8_t *id; /* NULL: looks for the last one */
	bool found;
	struct group_header head;
};

static int search_group(const struct journal_group *group, size_t at, void *arg)
{
	struct search *search = arg;

	(void)at;
	if (group->head.partition != search->partition)
		return 0;
	if (search->id &&
		(group->head.pseq != search->pseq || memcmp(group->head.id, search->id, GROUP_ID_SIZE) != 0))
		return 0;
	search->found = true;
	search->head = group->head;
	return 0;
}

int history_last(struct history *h, uint32_t partition, struct group_header *ret)
{
	struct search search = { .partition = partition };
	int r;

	for (size_t i = 0; i < h->last_count; i++) {
		if (h->lasts[i].partition == partition) {
			*ret = h->lasts[i];
			return 0;
		}
	}
	for (size_t i = h->count; i-- > 0;) {
		if (!partition_span(h, i, partition).any)
			continue;
		r = scan_segment(h, i, search_group, &search);
		if (r < 0)
			return r;
		if (!search.found)
			return damaged(h, h->segments[i].name, 0, "a group that the next header names is missing");
		set_last(h, &search.head);
		*ret = search.head;
		return 0;
	}
	return -ENOENT;
}

int history_knows(struct history *h, uint32_t partition, uint64_t pseq, const uint8_t id[GROUP_ID_SIZE])
{
	struct search search = { .partition = partition, .pseq = pseq, .id = id };
	int r;

	for (size_t i = h->count; i-- > 0;) {
		struct span span = partition_span(h, i, partition);

		if (!span.any || pseq <= span.above || pseq > span.upto)
			continue;
		if (pseq == span.upto) {
			if (memcmp(span.last_id, id, GROUP_ID_SIZE) == 0)
				return 1;
			continue;
		}
		r = scan_segment(h, i, search_group, &search);
		if (r < 0)
			return r;
		if (search.found)
			return 1;
	}
	return 0;
}

/* --- one record ------------------------------------------------------------------------------------------- */

const uint8_t *journal_window_get(struct journal_window *window, uint64_t at, size_t len)
{
	size_t want = window->ahead > READ_FIRST ? window->ahead : READ_FIRST;
	ssize_t n = 1;

	if (at >= window->base && at - window->base + len <= window->bytes.len)
		return (const uint8_t *)window->bytes.data + (at - window->base);
	if (at > window->file_end || len > window->file_end - at)
		return NULL;
	window->ahead = want < READ_WINDOW ? 2 * want : READ_WINDOW;
	if (want < len)
		want = len;
	if (want > window->file_end - at)
		want = (size_t)(window->file_end - at);
	buf_reset(&window->bytes);
	buf_reserve(&window->bytes, want + 1);
	window->base = at;
	/* It may end sooner than it did: the writer closes a segment, and its reserved end is cut off. */
	while (window->bytes.len < want && n) {
		n = pread(window->fd, window->bytes.data + window->bytes.len, want - window->bytes.len, (off_t)(at + window->bytes.len));
		if (n < 0 && errno != EINTR)
			return NULL;
		window->bytes.len += n > 0 ? (size_t)n : 0;
	}
	return window->bytes.len >= len ? (const uint8_t *)window->bytes.data : NULL;
}

static int read_record(struct history *h, struct segment *segment, struct journal_window *window,
	uint64_t index, struct buf *body)
{
	uint64_t at = segment->head.size;

	for (size_t i = segment->place_count; i-- > 0;) {
		if (segment->places[i].index <= index) {
			at = segment->places[i].at;
			break;
		}
	}
	while (at < segment->end) {
		const uint8_t *bytes = journal_window_get(window, at, FRAME_HEADER_SIZE);
		struct frame frame;

		if (!bytes || !frame_peek(bytes, FRAME_HEADER_SIZE, &frame))
			return damaged(h, segment->name, at, "no frame");
		if (frame.type == FRAME_RECORD && frame.index == index) {
			bytes = journal_window_get(window, at, frame.size);
			if (!bytes || !frame_peek(bytes, frame.size, &frame) ||
				!frame_valid(&segment->head, bytes, &frame))
				return damaged(h, segment->name, at, "wrong checksum");
			buf_add(body, frame.body.data, frame.body.len);
			return 0;
		}
		if (frame.index > index)
			return damaged(h, segment->name, at, "a record is missing");
		if (frame.type == FRAME_RECORD)
			add_place(segment, frame.index, at);
		at += frame.size;
	}
	return -ENOENT;
}

int history_read(struct history *h, uint16_t year, uint64_t index, struct buf *body)
{
	CLEANUP(closep) int fd = -1;
	struct journal_window window = { 0 };
	int r;

	if (index >= standing_index(&h->standing, year))
		return -ENOENT;
	for (size_t i = h->count; i-- > 0;) {
		struct segment *segment = &h->segments[i];

		if (segment->head.year != year || segment->head.first_index > index)
			continue;
		fd = open_segment(h, segment->name);
		if (fd < 0)
			return fd;
		window = (struct journal_window){ .fd = fd, .file_end = segment->end };
		r = read_record(h, segment, &window, index, body);
		buf_clear(&window.bytes);
		return r;
	}
	return -ENOENT;
}
