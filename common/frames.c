#include "common/frames.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SEGMENT_MAGIC "dunningd-journal/v1\n"
#define SEGMENT_MAGIC_SIZE 20
#define ORIGIN_MAX 1024
#define MARK_SIZE (4 + 8 + GROUP_ID_SIZE + 8)
#define LOG_SIZE (2 + 8)
#define CRC_SIZE 4
#define ID_TEXT_SIZE (REDIS_ID_SIZE - 1)
#define CLOSE_SIZE                                                                                 \
	(4 + 8 + 8 + 2 * GROUP_ID_SIZE + 2 * ID_TEXT_SIZE + 2 + 8 + 8 + 4 + 4 + SHA256_SIZE)

/* --- what is still plain -------------------------------------------------------------------------- */

static int compare_keys(const void *a, const void *b)
{
	return memcmp((*(struct seal *const *)a)->key, (*(struct seal *const *)b)->key, AES_KEY_SIZE);
}

/* Key by key: to set one costs as much as to seal a short text, and few seal all that a group says of a case. */
void frames_seal(struct journal_group *group)
{
	CLEANUP(freep) struct seal **seals = xmalloc(group->seal_count * sizeof(*seals)); /* no key is copied while they are sorted */

	for (size_t i = 0; i < group->seal_count; i++)
		seals[i] = &group->seals[i];
	qsort(seals, group->seal_count, sizeof(*seals), compare_keys);
	for (size_t i = 0; i < group->seal_count; i++) {
		const struct seal *seal = seals[i];
		bool record = seal->body < group->record_count, again = i > 0 && compare_keys(&seals[i - 1], &seals[i]) == 0;
		uint8_t *body = (uint8_t *)(uintptr_t)(record ? group->records[seal->body].data :
								group->images[seal->body - group->record_count].data);
		uint8_t *text = body + seal->at;

		aes_gcm_seal_in_place(again ? NULL : seal->key, text - AES_NONCE_SIZE, record ? body : group->head.id,
			record ? LEAF_SIZE : GROUP_ID_SIZE, text, seal->len);
	}
	if (group->seal_count)
		cleanse(group->seals, group->seal_count * sizeof(*group->seals));
	group->seal_count = 0;
}

/* --- segment header ------------------------------------------------------------------------- */

void frames_segment_add(struct buf *out, struct frames_segment *segment)
{
	size_t start = out->len, origin_len = strlen(segment->origin), size;

	assert(origin_len > 0 && origin_len <= ORIGIN_MAX);
	size = FRAMES_START_SIZE + 2 + 8 + 8 + SHA256_SIZE + SEGMENT_RANDOM_SIZE + 2 + origin_len + 4 +
		segment->mark_count * MARK_SIZE + 2 + segment->log_count * LOG_SIZE + CRC_SIZE;
	assert(size <= FRAMES_HEADER_MAX && segment->log_count <= UINT16_MAX);
	buf_reserve(out, size);
	buf_add(out, SEGMENT_MAGIC, SEGMENT_MAGIC_SIZE);
	buf_add_u32be(out, (uint32_t)size);
	buf_add_u16be(out, segment->year);
	buf_add_u64be(out, segment->first_index);
	buf_add_u64be(out, segment->first_write);
	buf_add(out, segment->previous, SHA256_SIZE);
	buf_add(out, segment->random, SEGMENT_RANDOM_SIZE);
	buf_add_u16be(out, (uint16_t)origin_len);
	buf_add(out, segment->origin, origin_len);
	buf_add_u32be(out, (uint32_t)segment->mark_count);
	for (size_t i = 0; i < segment->mark_count; i++) {
		const struct frames_mark *mark = &segment->marks[i];

		assert(i == 0 || mark[-1].partition < mark->partition);
		buf_add_u32be(out, mark->partition);
		buf_add_u64be(out, mark->pseq);
		buf_add(out, mark->id, GROUP_ID_SIZE);
		buf_add_u64be(out, mark->above);
	}
	buf_add_u16be(out, (uint16_t)segment->log_count);
	for (size_t i = 0; i < segment->log_count; i++) {
		assert(i == 0 || segment->logs[i - 1].year < segment->logs[i].year);
		buf_add_u16be(out, segment->logs[i].year);
		buf_add_u64be(out, segment->logs[i].next_index);
	}
	buf_add_u32be(out, crc32c(0, out->data + start, out->len - start));
	assert(out->len - start == size);
	segment->size = size;
	sha256(out->data + start, size, segment->digest);
}

size_t frames_segment_size(const void *start, size_t len)
{
	size_t size;

	if (len < FRAMES_START_SIZE || memcmp(start, SEGMENT_MAGIC, SEGMENT_MAGIC_SIZE) != 0)
		return 0;
	size = read_u32be((const uint8_t *)start + SEGMENT_MAGIC_SIZE);
	return size <= FRAMES_START_SIZE + CRC_SIZE || size > FRAMES_HEADER_MAX ? 0 : size;
}

static bool read_marks(struct reader *r, struct arena *arena, struct frames_segment *ret)
{
	struct frames_mark *marks;
	size_t count = reader_u32be(r);

	if (r->bad || count > reader_left(r) / MARK_SIZE)
		return false;
	marks = arena_alloc(arena, count * sizeof(*marks) + 1);
	for (size_t i = 0; i < count; i++) {
		marks[i].partition = reader_u32be(r);
		marks[i].pseq = reader_u64be(r);
		memcpy(marks[i].id, reader_take(r, GROUP_ID_SIZE).data, GROUP_ID_SIZE);
		marks[i].above = reader_u64be(r);
		if (i > 0 && marks[i].partition <= marks[i - 1].partition)
			return false;
	}
	ret->marks = marks;
	ret->mark_count = count;
	return true;
}

static bool read_logs(struct reader *r, struct arena *arena, struct frames_segment *ret)
{
	struct frames_log *logs;
	size_t count = reader_u16be(r);

	if (r->bad || count > reader_left(r) / LOG_SIZE)
		return false;
	logs = arena_alloc(arena, count * sizeof(*logs) + 1);
	for (size_t i = 0; i < count; i++) {
		logs[i].year = reader_u16be(r);
		logs[i].next_index = reader_u64be(r);
		if (i > 0 && logs[i].year <= logs[i - 1].year)
			return false;
	}
	ret->logs = logs;
	ret->log_count = count;
	return true;
}

int frames_segment_read(const void *bytes, size_t len, struct arena *arena, struct frames_segment *ret)
{
	size_t size = frames_segment_size(bytes, len);
	struct frames_segment found = { .size = size };
	struct slice previous, random, origin;
	struct reader r;

	if (size == 0 || size > len)
		return -EBADMSG;
	if (crc32c(0, bytes, size - CRC_SIZE) != read_u32be((const uint8_t *)bytes + size - CRC_SIZE))
		return -EBADMSG;
	r = reader_init((const uint8_t *)bytes + FRAMES_START_SIZE, size - FRAMES_START_SIZE - CRC_SIZE);
	found.year = reader_u16be(&r);
	found.first_index = reader_u64be(&r);
	found.first_write = reader_u64be(&r);
	previous = reader_take(&r, SHA256_SIZE);
	random = reader_take(&r, SEGMENT_RANDOM_SIZE);
	origin = reader_take(&r, reader_u16be(&r));
	if (r.bad || origin.len == 0 || origin.len > ORIGIN_MAX || memchr(origin.data, 0, origin.len) ||
		found.first_write == 0)
		return -EBADMSG;
	memcpy(found.previous, previous.data, SHA256_SIZE);
	memcpy(found.random, random.data, SEGMENT_RANDOM_SIZE);
	found.origin = arena_memdup(arena, origin.data, origin.len);
	if (!read_marks(&r, arena, &found) || !read_logs(&r, arena, &found) || reader_left(&r) > 0)
		return -EBADMSG;
	sha256(bytes, size, found.digest);
	*ret = found;
	return 0;
}

const struct frames_mark *frames_mark_find(const struct frames_segment *segment, uint32_t partition)
{
	size_t low = 0, high = segment->mark_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (segment->marks[middle].partition < partition)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < segment->mark_count && segment->marks[low].partition == partition)
		return &segment->marks[low];
	return NULL;
}

/* --- frames ------------------------------------------------------------------------------------ */

static void frame_add(struct buf *out, const struct frames_segment *segment, enum frame_type type,
	uint64_t write, uint64_t index, const void *body, size_t len)
{
	size_t start = out->len;
	uint32_t crc;

	assert(len > 0 && len <= FRAME_BODY_MAX && start <= UINT32_MAX);
	buf_add_u32be(out, (uint32_t)len);
	buf_add_char(out, (char)type);
	buf_add_u64be(out, write);
	buf_add_u64be(out, index);
	buf_add_u32be(out, (uint32_t)start);
	crc = crc32c(0, segment->random, SEGMENT_RANDOM_SIZE);
	crc = crc32c(crc, out->data + start, out->len - start);
	buf_add_u32be(out, crc32c(crc, body, len));
	buf_add(out, body, len);
}

bool frame_peek(const void *bytes, size_t len, struct frame *ret)
{
	const uint8_t *p = bytes;
	size_t body;

	if (len < FRAME_HEADER_SIZE)
		return false;
	body = read_u32be(p);
	if (body == 0 || body > FRAME_BODY_MAX || p[4] < FRAME_RECORD || p[4] > FRAME_CLOSE)
		return false;
	*ret = (struct frame){
		.type = (enum frame_type)p[4],
		.write = read_u64be(p + 5),
		.index = read_u64be(p + 13),
		.write_offset = read_u32be(p + 21),
		.crc = read_u32be(p + 25),
		.body = { p + FRAME_HEADER_SIZE, body },
		.size = FRAME_HEADER_SIZE + body,
	};
	return true;
}

bool frame_valid(const struct frames_segment *segment, const void *bytes, const struct frame *frame)
{
	uint32_t crc = crc32c(0, segment->random, SEGMENT_RANDOM_SIZE);

	crc = crc32c(crc, bytes, FRAME_HEADER_SIZE - CRC_SIZE);
	return crc32c(crc, frame->body.data, frame->body.len) == frame->crc;
}

static void chain_next(uint8_t chain[SHA256_SIZE], const void *closing, size_t len)
{
	struct slice parts[] = { { chain, SHA256_SIZE }, { closing, len } };
	uint8_t next[SHA256_SIZE];

	sha256_slices(parts, ARRAY_LEN(parts), next);
	memcpy(chain, next, SHA256_SIZE);
}

static void add_padded(struct buf *out, const char *text)
{
	char field[ID_TEXT_SIZE] = { 0 };

	memcpy(field, text, strnlen(text, ID_TEXT_SIZE));
	buf_add(out, field, sizeof(field));
}

size_t frames_group_size(const struct journal_group *group)
{
	size_t size = FRAME_HEADER_SIZE + CLOSE_SIZE;

	for (size_t i = 0; i < group->record_count; i++)
		size += FRAME_HEADER_SIZE + group->records[i].len;
	for (size_t i = 0; i < group->image_count; i++)
		size += FRAME_HEADER_SIZE + group->images[i].len;
	return size;
}

void frames_group_add(struct buf *out, const struct frames_segment *segment, uint64_t write,
	const struct journal_group *group, uint8_t chain[SHA256_SIZE])
{
	CLEANUP(buf_clear) struct buf closing = { 0 };
	const struct group_header *head = &group->head;
	uint64_t next_index = head->first_index + group->record_count;
	size_t start = out->len;
	uint8_t digest[SHA256_SIZE];

	assert(head->year == segment->year);
	buf_reserve(out, frames_group_size(group));
	for (size_t i = 0; i < group->record_count; i++)
		frame_add(out, segment, FRAME_RECORD, write, head->first_index + i,
			group->records[i].data, group->records[i].len);
	for (size_t i = 0; i < group->image_count; i++)
		frame_add(out, segment, FRAME_IMAGES, write, next_index, group->images[i].data,
			group->images[i].len);
	sha256(out->data + start, out->len - start, digest);

	buf_reserve(&closing, CLOSE_SIZE);
	buf_add_u32be(&closing, head->partition);
	buf_add_u64be(&closing, head->pseq);
	buf_add_u64be(&closing, head->epoch);
	buf_add(&closing, head->id, GROUP_ID_SIZE);
	buf_add(&closing, head->predecessor, GROUP_ID_SIZE);
	add_padded(&closing, head->run_id);
	add_padded(&closing, head->repl_id);
	buf_add_u16be(&closing, head->year);
	buf_add_u64be(&closing, head->first_index);
	buf_add_u64be(&closing, (uint64_t)head->decided_at);
	buf_add_u32be(&closing, (uint32_t)group->record_count);
	buf_add_u32be(&closing, (uint32_t)group->image_count);
	buf_add(&closing, digest, SHA256_SIZE);
	assert(closing.len == CLOSE_SIZE);
	frame_add(out, segment, FRAME_CLOSE, write, next_index, closing.data, closing.len);
	chain_next(chain, closing.data, closing.len);
}

/* --- scan -------------------------------------------------------------------------------------- */

struct scan {
	const struct frames_segment *segment;
	const uint8_t *bytes;
	size_t len;
	size_t at; /* the frame being looked at */
	/* the group being gathered */
	size_t group_at;
	struct slice *records, *images; /* owned; borrowed into the group handed out */
	size_t record_count, record_capacity, image_count, image_capacity;
	/* what the last accepted frame and the last whole group left */
	bool any; /* a whole group was found: `write` is its */
	uint64_t write;
	size_t write_start;
	uint64_t group_write;
	size_t group_write_start;
	struct frames_end end;
};

static bool read_padded(struct reader *r, char ret[REDIS_ID_SIZE])
{
	struct slice field = reader_take(r, ID_TEXT_SIZE);
	size_t len;

	if (r->bad)
		return false;
	len = strnlen((const char *)field.data, field.len);
	for (size_t i = len; i < field.len; i++)
		if (field.data[i] != 0)
			return false;
	memcpy(ret, field.data, len);
	ret[len] = '\0';
	return true;
}

/* Reads a closing frame and holds it against what was gathered. */
static bool read_closing(const struct scan *scan, const struct frame *frame, struct group_header *ret)
{
	struct reader r = reader_init(frame->body.data, frame->body.len);
	struct group_header head = { 0 };
	uint32_t record_count, image_count;
	uint8_t digest[SHA256_SIZE];

	if (frame->body.len != CLOSE_SIZE)
		return false;
	head.partition = reader_u32be(&r);
	head.pseq = reader_u64be(&r);
	head.epoch = reader_u64be(&r);
	memcpy(head.id, reader_take(&r, GROUP_ID_SIZE).data, GROUP_ID_SIZE);
	memcpy(head.predecessor, reader_take(&r, GROUP_ID_SIZE).data, GROUP_ID_SIZE);
	if (!read_padded(&r, head.run_id) || !read_padded(&r, head.repl_id))
		return false;
	head.year = reader_u16be(&r);
	head.first_index = reader_u64be(&r);
	head.decided_at = (int64_t)reader_u64be(&r);
	record_count = reader_u32be(&r);
	image_count = reader_u32be(&r);
	sha256(scan->bytes + scan->group_at, scan->at - scan->group_at, digest);
	if (head.year != scan->segment->year || head.first_index != scan->end.next_index ||
		record_count != scan->record_count || image_count != scan->image_count ||
		!equal_secret(reader_take(&r, SHA256_SIZE).data, digest, SHA256_SIZE))
		return false;
	*ret = head;
	return true;
}

/* Whether a frame with a right CRC may stand here: stale ones of a write that failed have right CRCs too. */
static bool frame_fits(struct scan *scan, const struct frame *frame)
{
	uint64_t index = scan->end.next_index + scan->record_count;

	if (frame->index != index || frame->write_offset > scan->at)
		return false;
	if (scan->at > scan->group_at) { /* inside a group, which never spans writes */
		if (frame->write != scan->group_write ||
			scan->at - frame->write_offset != scan->group_write_start)
			return false;
	} else if (scan->any && frame->write == scan->write) {
		if (scan->at - frame->write_offset != scan->write_start)
			return false;
	} else if (frame->write_offset != 0 ||
		(scan->any ? frame->write <= scan->write : frame->write < scan->segment->first_write)) {
		return false;
	}
	return frame->type != FRAME_RECORD || scan->image_count == 0;
}

/* The frame at scan->at, when it is whole and follows from what came before. */
static bool next_frame(struct scan *scan, struct frame *ret)
{
	const uint8_t *at = scan->bytes + scan->at;

	return frame_peek(at, scan->len - scan->at, ret) && ret->size <= scan->len - scan->at &&
		frame_fits(scan, ret) && frame_valid(scan->segment, at, ret);
}

static void gather(struct scan *scan, const struct frame *frame)
{
	if (scan->at == scan->group_at) {
		scan->group_write = frame->write;
		scan->group_write_start = scan->at - frame->write_offset;
	}
	if (frame->type == FRAME_RECORD) {
		xgrow(&scan->records, &scan->record_capacity, scan->record_count + 1, sizeof(*scan->records));
		scan->records[scan->record_count++] = frame->body;
	} else {
		xgrow(&scan->images, &scan->image_capacity, scan->image_count + 1, sizeof(*scan->images));
		scan->images[scan->image_count++] = frame->body;
	}
}

static bool all_zero(const uint8_t *p, size_t len)
{
	return len == 0 || (p[0] == 0 && memcmp(p, p + 1, len - 1) == 0);
}

/*
 * What stands behind the last whole group, when it is not zeros. The pages of one write reach the disk in any order, so its frames
 * may be found behind damage; but a write begins only when the one before is on the disk. Hence every valid frame must belong to a
 * write that began exactly at `end`, or to the write of the last whole group. Any other proves that what is damaged once was whole.
 */
static enum frames_tail survey(struct scan *scan)
{
	uint64_t floor = scan->any ? scan->write : scan->segment->first_write;
	/* Each look-alike costs a CRC over its length: hostile bytes could make that quadratic. */
	size_t budget = 8 * scan->len + (1u << 20), at = scan->end.end;
	struct frame frame;

	while (at < scan->len) {
		const uint8_t *p = scan->bytes + at;
		size_t left = scan->len - at;

		if (!frame_peek(p, left, &frame) || frame.size > left || frame.write < floor ||
			frame.write_offset > at || frame.index < scan->end.next_index) {
			at++;
			continue;
		}
		if (frame.size > budget)
			return FRAMES_CORRUPT;
		budget -= frame.size;
		if (!frame_valid(scan->segment, p, &frame)) {
			at++;
			continue;
		}
		if (frame.write > scan->end.last_write)
			scan->end.last_write = frame.write;
		if (scan->any && frame.write == scan->write ? at - frame.write_offset != scan->write_start
							    : at - frame.write_offset != scan->end.end)
			return FRAMES_CORRUPT;
		at += frame.size;
	}
	return FRAMES_TORN;
}

static void judge_tail(struct scan *scan)
{
	struct frames_end *end = &scan->end;
	size_t last = scan->len;

	end->tail = FRAMES_CLEAN;
	end->damage = end->end;
	if (all_zero(scan->bytes + end->end, scan->len - end->end))
		return;
	end->damage = scan->at;
	end->tail = survey(scan);
	while (scan->bytes[last - 1] == 0)
		last--;
	end->dropped = last - end->end;
}

int frames_scan(const void *bytes, size_t len, const struct frames_segment *segment, frames_group_fn fn,
	void *arg, struct frames_end *ret)
{
	struct scan scan = { .segment = segment, .bytes = bytes, .len = len };
	struct frame frame;
	int r = 0;

	assert(segment->size <= len);
	scan.at = scan.group_at = scan.end.end = segment->size;
	scan.end.next_index = segment->first_index;
	scan.end.last_write = segment->first_write - 1;
	memcpy(scan.end.chain, segment->digest, SHA256_SIZE);
	while (next_frame(&scan, &frame)) {
		struct journal_group group = { 0 }; /* nothing of it is still to be sealed */

		if (frame.type != FRAME_CLOSE) {
			gather(&scan, &frame);
			scan.at += frame.size;
			continue;
		}
		if (!read_closing(&scan, &frame, &group.head))
			break;
		group.records = scan.records;
		group.record_count = scan.record_count;
		group.images = scan.images;
		group.image_count = scan.image_count;
		if (!scan.any || frame.write != scan.write)
			scan.write_start = scan.at - frame.write_offset;
		scan.any = true;
		scan.write = scan.end.last_write = frame.write;
		chain_next(scan.end.chain, frame.body.data, frame.body.len);
		scan.end.next_index += scan.record_count;
		r = fn ? fn(&group, scan.group_at, arg) : 0;
		if (r != 0)
			break;
		scan.at += frame.size;
		scan.group_at = scan.end.end = scan.at;
		scan.record_count = scan.image_count = 0;
	}
	if (r == 0) {
		judge_tail(&scan);
		*ret = scan.end;
	}
	free(scan.records);
	free(scan.images);
	return r;
}
