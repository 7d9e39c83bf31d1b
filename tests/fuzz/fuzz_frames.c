/*
 * Three ways in, by the first byte modulo 3.
 * 0: the rest is a journal segment as found on a disk; nothing may be read beyond it, and what comes out must fit together.
 * 2: the same, with all CRCs made right first, so that hostile values come further.
 * 1: the rest says how to build a segment and how to damage it; then no group may come out that was not put in.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/frames.h"
#include "common/images.h"
#include "common/record.h"

static int look(const struct journal_group *group, size_t at, void *arg)
{
	struct arena *arena = arena_create();

	(void)arg;
	assert(at > 0);
	for (size_t i = 0; i < group->record_count; i++) {
		struct record_body body;

		if (record_body_read(group->records[i].data, group->records[i].len, &body) == 0)
			assert(body.blob_count >= 1 && body.blob_count <= 1 + RECORD_PARTS_MAX);
	}
	for (size_t i = 0; i < group->image_count; i++) {
		struct reader r = reader_init(group->images[i].data, group->images[i].len);
		struct image image;

		while (image_read(&r, arena, &image) > 0)
			assert(image.key[0]);
	}
	arena_free(arena);
	return 0;
}

static void check_end(const struct frames_segment *head, size_t len, const struct frames_end *end)
{
	assert(end->end >= head->size && end->end <= len);
	assert(end->damage >= end->end && end->damage <= len);
	assert(end->tail != FRAMES_TORN || (end->dropped > 0 && end->end + end->dropped <= len));
}

static void as_found(const uint8_t *data, size_t len)
{
	struct arena *arena = arena_create();
	struct frames_segment head;
	struct frames_end end;

	if (frames_segment_read(data, len, arena, &head) == 0) {
		assert(frames_scan(data, len, &head, look, NULL, &end) == 0);
		check_end(&head, len, &end);
	}
	arena_free(arena);
}

static void put_crc(uint8_t *at, uint32_t crc)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(crc >> (24 - 8 * i));
}

static void with_right_crcs(const uint8_t *data, size_t len)
{
	size_t size = frames_segment_size(data, len), at = size;
	struct arena *arena = arena_create();
	struct frames_segment head;
	struct buf copy = { 0 };
	struct frame frame;
	uint8_t *bytes;

	buf_add(&copy, data, len);
	bytes = (uint8_t *)copy.data;
	if (size > 0 && size <= len)
		put_crc(bytes + size - 4, crc32c(0, bytes, size - 4));
	if (len > 0 && frames_segment_read(bytes, len, arena, &head) == 0) {
		while (frame_peek(bytes + at, len - at, &frame) && frame.size <= len - at) {
			uint32_t crc = crc32c(0, head.random, sizeof(head.random));

			crc = crc32c(crc, bytes + at, FRAME_HEADER_SIZE - 4);
			put_crc(bytes + at + FRAME_HEADER_SIZE - 4, crc32c(crc, frame.body.data, frame.body.len));
			at += frame.size;
		}
		as_found(bytes, len);
	}
	buf_clear(&copy);
	arena_free(arena);
}

#define GROUPS_MAX 24

struct built {
	struct frames_segment head;
	struct buf bytes;
	size_t ends[GROUPS_MAX + 1];
	uint64_t writes[GROUPS_MAX];
	size_t count, seen;
};

static int compare(const struct journal_group *group, size_t at, void *arg)
{
	struct built *built = arg;

	assert(built->seen < built->count);
	assert(at == built->ends[built->seen]);
	assert(group->head.pseq == built->seen + 1);
	for (size_t i = 0; i < group->record_count; i++)
		assert(group->records[i].data[0] == (uint8_t)(built->seen + i));
	built->seen++;
	return 0;
}

/* Bytes: group count and write boundaries, then (offset, length, value) triples of damage. */
static void as_built(struct reader *r)
{
	struct built built = { .head = { .origin = "test.example/f/2026", .year = 2026, .first_write = 1 } };
	uint8_t chain[SHA256_SIZE], filler[64];
	struct buf write = { 0 }, damaged = { 0 };
	struct frames_end end;
	uint64_t number = 1, index = 0;
	size_t first = SIZE_MAX;

	built.count = reader_u8(r) % (GROUPS_MAX + 1);
	frames_segment_add(&built.bytes, &built.head);
	built.ends[0] = built.bytes.len;
	memcpy(chain, built.head.digest, sizeof(chain));
	for (size_t i = 0; i < built.count; i++) {
		uint8_t shape = reader_u8(r);
		struct slice records[4];
		struct journal_group group = { .head = { .pseq = i + 1, .year = 2026, .first_index = index },
			.records = records, .record_count = shape & 3 };

		memset(filler, (int)i, sizeof(filler));
		for (size_t j = 0; j < group.record_count; j++) {
			filler[j] = (uint8_t)(i + j);
			records[j] = (struct slice){ filler + j, 1 + (shape >> 3) };
		}
		frames_group_add(&write, &built.head, number, &group, chain);
		built.ends[i + 1] = built.bytes.len + write.len;
		built.writes[i] = number;
		index += group.record_count;
		if (shape & 4 || i + 1 == built.count) {
			buf_add(&built.bytes, write.data, write.len);
			buf_reset(&write);
			number++;
		}
	}
	memset(filler, 0, sizeof(filler));
	for (int i = 0; i < 8; i++)
		buf_add(&built.bytes, filler, sizeof(filler));
	buf_add(&damaged, built.bytes.data, built.bytes.len);
	while (reader_left(r) >= 4) {
		size_t at = built.head.size + reader_u16be(r) % (damaged.len - built.head.size), len = reader_u8(r);
		uint8_t value = reader_u8(r);

		for (size_t i = at; i < at + len && i < damaged.len; i++)
			damaged.data[i] = (char)(value == 0 ? 0 : damaged.data[i] ^ value);
	}
	for (size_t i = 0; i < damaged.len && first == SIZE_MAX; i++)
		if (damaged.data[i] != built.bytes.data[i])
			first = i;
	assert(frames_scan(damaged.data, damaged.len, &built.head, compare, &built, &end) == 0);
	check_end(&built.head, damaged.len, &end);
	assert(end.end == built.ends[built.seen]);
	if (first == SIZE_MAX)
		assert(end.tail == FRAMES_CLEAN && built.seen == built.count);
	else /* all before the damage comes out */
		assert(first >= built.ends[built.seen] && (built.seen == built.count || first < built.ends[built.seen + 1]));
	/* The last write is whole, the damage lies before it. */
	if (first != SIZE_MAX && built.seen < built.count) {
		size_t last = built.count - 1;

		while (last > 0 && built.writes[last - 1] == built.writes[built.count - 1])
			last--;
		if (built.seen < last && memcmp(damaged.data + built.ends[last], built.bytes.data + built.ends[last],
						 built.ends[built.count] - built.ends[last]) == 0)
			assert(end.tail == FRAMES_CORRUPT);
		if (built.seen >= last)
			assert(end.tail != FRAMES_CORRUPT);
	}
	buf_clear(&built.bytes);
	buf_clear(&write);
	buf_clear(&damaged);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r = reader_init(data, size);
	uint8_t way = reader_u8(&r);

	if (way % 3 == 0)
		as_found(r.at, reader_left(&r));
	else if (way % 3 == 1)
		as_built(&r);
	else
		with_right_crcs(r.at, reader_left(&r));
	return 0;
}
