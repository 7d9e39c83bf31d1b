#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/frames.h"

/*
 * A segment with writes 7 (group 1), 8 (groups 2, 3, 4) and 9 (group 5). Group n has the body "record n", n - 1 times more
 * images than records, and pseq n.
 */
#define GROUPS 5
static const uint64_t write_of[GROUPS] = { 7, 8, 8, 8, 9 };

struct disk {
	struct buf bytes;
	struct frames_segment head;
	size_t ends[GROUPS + 1]; /* behind each group; [0]: behind the header */
};

static const struct frames_mark marks[] = {
	{ 0, 41, { 1, 2, 3 }, 41 },
	{ 5, 9, { 4 }, 3 },
};
static const struct frames_log logs[] = { { 2025, 1000 }, { 2026, 17 } };

static void make_disk(struct disk *disk, size_t groups)
{
	struct buf write = { 0 };
	uint8_t chain[SHA256_SIZE];
	uint64_t index = 17;

	memset(disk, 0, sizeof(*disk));
	disk->head = (struct frames_segment){
		.origin = "test.example/acme/2026",
		.year = 2026,
		.first_index = 17,
		.first_write = 7,
		.previous = { 9, 8, 7 },
		.random = { 0xaa, 0xbb },
		.marks = marks,
		.mark_count = ARRAY_LEN(marks),
		.logs = logs,
		.log_count = ARRAY_LEN(logs),
	};
	frames_segment_add(&disk->bytes, &disk->head);
	disk->ends[0] = disk->bytes.len;
	memcpy(chain, disk->head.digest, sizeof(chain));
	for (size_t i = 0; i < groups; i++) {
		struct slice records[] = { { (const uint8_t *)"record one", 10 }, { (const uint8_t *)"r2", 2 } };
		struct slice images[] = { { (const uint8_t *)"image", 5 }, { (const uint8_t *)"picture", 7 },
			{ (const uint8_t *)"x", 1 }, { (const uint8_t *)"y", 1 } };
		struct journal_group group = {
			.head = { .partition = 3, .pseq = 100 + i, .epoch = 4, .id = { 0xf0, (uint8_t)i },
				.predecessor = { 0xf0, (uint8_t)(i - 1) }, .run_id = "0123456789abcdef0123456789abcdef01234567",
				.repl_id = "short", .year = 2026, .first_index = index, .decided_at = -1 },
			.records = records,
			.record_count = i % 3,
			.images = images,
			.image_count = i % 5,
		};

		if (i > 0 && write_of[i] != write_of[i - 1]) {
			buf_add(&disk->bytes, write.data, write.len);
			buf_reset(&write);
		}
		frames_group_add(&write, &disk->head, write_of[i], &group, chain);
		disk->ends[i + 1] = disk->bytes.len + write.len;
		index += group.record_count;
	}
	buf_add(&disk->bytes, write.data, write.len);
	buf_clear(&write);
}

static void free_disk(struct disk *disk)
{
	buf_clear(&disk->bytes);
}

struct seen {
	size_t count;
	size_t stop_after; /* 0: never */
};

static int see(const struct journal_group *group, size_t at, void *arg)
{
	struct seen *seen = arg;

	(void)at;
	assert_int_equal(group->head.pseq, 100 + seen->count);
	assert_int_equal(group->record_count, seen->count % 3);
	assert_int_equal(group->image_count, seen->count % 5);
	if (group->record_count > 0)
		assert_memory_equal(group->records[0].data, "record one", 10);
	if (group->image_count > 0)
		assert_memory_equal(group->images[0].data, "image", 5);
	seen->count++;
	return seen->count == seen->stop_after ? 77 : 0;
}

static struct frames_end scan(const struct disk *disk, const void *bytes, size_t len, size_t *count)
{
	struct seen seen = { 0 };
	struct frames_end end;
	/* an allocation of exactly this size: a sanitizer sees any byte too far */
	void *copy = malloc(len);

	memcpy(copy, bytes, len);
	assert_int_equal(frames_scan(copy, len, &disk->head, see, &seen, &end), 0);
	free(copy);
	*count = seen.count;
	return end;
}

static void header_round_trip(void **state)
{
	struct arena *arena = arena_create();
	struct frames_segment head;
	struct disk disk;

	(void)state;
	make_disk(&disk, 0);
	assert_int_equal(frames_segment_size(disk.bytes.data, FRAMES_START_SIZE), disk.bytes.len);
	assert_int_equal(frames_segment_read(disk.bytes.data, disk.bytes.len, arena, &head), 0);
	assert_string_equal(head.origin, disk.head.origin);
	assert_int_equal(head.year, 2026);
	assert_int_equal(head.first_index, 17);
	assert_int_equal(head.first_write, 7);
	assert_memory_equal(head.previous, disk.head.previous, 32);
	assert_memory_equal(head.random, disk.head.random, 16);
	assert_memory_equal(head.digest, disk.head.digest, 32);
	assert_int_equal(head.mark_count, 2);
	assert_int_equal(head.marks[1].partition, 5);
	assert_int_equal(head.marks[1].pseq, 9);
	assert_int_equal(head.marks[1].above, 3);
	assert_int_equal(head.log_count, 2);
	assert_int_equal(head.logs[0].next_index, 1000);
	assert_ptr_equal(frames_mark_find(&head, 5), &head.marks[1]);
	assert_null(frames_mark_find(&head, 4));
	for (size_t i = 0; i < disk.bytes.len; i++) { /* each flipped bit, each truncation */
		disk.bytes.data[i] ^= 0x10;
		assert_int_equal(frames_segment_read(disk.bytes.data, disk.bytes.len, arena, &head), -EBADMSG);
		disk.bytes.data[i] ^= 0x10;
		assert_int_equal(frames_segment_read(disk.bytes.data, i, arena, &head), -EBADMSG);
	}
	free_disk(&disk);
	arena_free(arena);
}

static int check_heads(const struct journal_group *group, size_t at, void *arg)
{
	size_t *count = arg;

	(void)at;
	assert_int_equal(group->head.partition, 3);
	assert_int_equal(group->head.epoch, 4);
	assert_int_equal(group->head.id[1], *count);
	assert_int_equal(group->head.predecessor[1], (uint8_t)(*count - 1));
	assert_string_equal(group->head.run_id, "0123456789abcdef0123456789abcdef01234567");
	assert_string_equal(group->head.repl_id, "short");
	assert_int_equal(group->head.year, 2026);
	assert_true(group->head.decided_at == -1);
	(*count)++;
	return 0;
}

static void groups_round_trip(void **state)
{
	struct frames_end end;
	struct disk disk;
	size_t count = 0;

	(void)state;
	make_disk(&disk, GROUPS);
	assert_int_equal(frames_scan(disk.bytes.data, disk.bytes.len, &disk.head, check_heads, &count, &end), 0);
	assert_int_equal(count, GROUPS);
	end = scan(&disk, disk.bytes.data, disk.bytes.len, &count);
	assert_int_equal(count, GROUPS);
	assert_int_equal(end.tail, FRAMES_CLEAN);
	assert_int_equal(end.end, disk.ends[GROUPS]);
	assert_int_equal(end.next_index, 17 + 0 + 1 + 2 + 0 + 1);
	assert_int_equal(end.last_write, 9);
	assert_int_equal(end.dropped, 0);
	free_disk(&disk);
}

static void preallocated_tail_is_clean(void **state)
{
	struct frames_end end;
	struct disk disk;
	size_t count;

	(void)state;
	for (size_t groups = 0; groups <= GROUPS; groups++) {
		make_disk(&disk, groups);
		buf_reserve(&disk.bytes, 5000);
		memset(disk.bytes.data + disk.bytes.len, 0, 5000);
		end = scan(&disk, disk.bytes.data, disk.bytes.len + 5000, &count);
		assert_int_equal(count, groups);
		assert_int_equal(end.tail, FRAMES_CLEAN);
		assert_int_equal(end.end, disk.ends[groups]);
		assert_int_equal(end.last_write, groups == 0 ? 6 : write_of[groups - 1]);
		free_disk(&disk);
	}
}

static bool only_zeros(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i])
			return false;
	return true;
}

/* Cut anywhere: what is whole counts, the rest is torn, unless it is the zeros that a length begins with. */
static void truncated_anywhere(void **state)
{
	struct frames_end end;
	struct disk disk;
	size_t count;

	(void)state;
	make_disk(&disk, GROUPS);
	for (size_t len = disk.ends[0]; len < disk.bytes.len; len++) {
		size_t whole = 0;

		while (disk.ends[whole + 1] <= len)
			whole++;
		end = scan(&disk, disk.bytes.data, len, &count);
		assert_int_equal(count, whole);
		assert_int_equal(end.end, disk.ends[whole]);
		assert_int_equal(end.tail,
			only_zeros(disk.bytes.data + disk.ends[whole], len - disk.ends[whole]) ? FRAMES_CLEAN :
												 FRAMES_TORN);
	}
	free_disk(&disk);
}

static size_t group_of(const struct disk *disk, size_t at)
{
	size_t group = 0;

	while (disk->ends[group + 1] <= at)
		group++;
	return group;
}

/*
 * One byte changed in group g: with a later write behind it that is corruption, in the last write a torn tail. The groups before
 * are yielded, never anything else.
 */
static void flipped_anywhere(void **state)
{
	struct frames_end end;
	struct disk disk;
	size_t count;

	(void)state;
	make_disk(&disk, GROUPS);
	for (size_t at = disk.ends[0]; at < disk.bytes.len; at++) {
		size_t group = group_of(&disk, at);

		for (unsigned bit = 0; bit < 8; bit += 3) {
			disk.bytes.data[at] ^= (char)(1u << bit);
			end = scan(&disk, disk.bytes.data, disk.bytes.len, &count);
			disk.bytes.data[at] ^= (char)(1u << bit);
			assert_int_equal(count, group);
			assert_int_equal(end.end, disk.ends[group]);
			assert_int_equal(end.tail, write_of[group] == 9 ? FRAMES_TORN : FRAMES_CORRUPT);
		}
	}
	free_disk(&disk);
}

/* Zeroed stretches, as lost sectors leave them, of every length in the last write and before it. */
static void zeroed_stretches(void **state)
{
	struct frames_end end;
	struct disk disk;
	size_t count;

	(void)state;
	for (size_t groups = 4; groups <= GROUPS; groups++) {
		make_disk(&disk, groups);
		for (size_t from = disk.ends[1]; from < disk.bytes.len; from += 7) {
			size_t group = group_of(&disk, from);

			for (size_t len = 1; from + len <= disk.bytes.len; len += 11) {
				struct buf copy = { 0 };
				bool changed;

				buf_add(&copy, disk.bytes.data, disk.bytes.len);
				memset(copy.data + from, 0, len);
				changed = memcmp(copy.data, disk.bytes.data, copy.len) != 0;
				end = scan(&disk, copy.data, copy.len, &count);
				buf_clear(&copy);
				if (!changed || count > group) {
					/* only zeros were zeroed, at least in this group */
					continue;
				}
				assert_int_equal(count, group);
				if (groups == GROUPS && write_of[group] == 8 && from + len <= disk.ends[4])
					assert_int_equal(end.tail, FRAMES_CORRUPT);
				if (write_of[group] == write_of[groups - 1])
					assert_int_not_equal(end.tail, FRAMES_CORRUPT);
			}
		}
		free_disk(&disk);
	}
}

/* The write before the last lost its end, the last one stands: they were synced in order, so that is corruption. */
static void hole_before_the_last_write(void **state)
{
	struct frames_end end;
	struct disk disk;
	size_t count;

	(void)state;
	make_disk(&disk, GROUPS);
	memset(disk.bytes.data + disk.ends[3], 0, disk.ends[4] - disk.ends[3]);
	end = scan(&disk, disk.bytes.data, disk.bytes.len, &count);
	assert_int_equal(count, 3);
	assert_int_equal(end.tail, FRAMES_CORRUPT);
	assert_int_equal(end.damage, disk.ends[3]);
	free_disk(&disk);
}

/* The first page of the last write is lost, later groups of it stand: torn, and none of them counts. */
static void hole_in_the_last_write(void **state)
{
	struct frames_end end;
	struct disk disk;
	size_t count;

	(void)state;
	make_disk(&disk, 4);
	memset(disk.bytes.data + disk.ends[1], 0, 40);
	end = scan(&disk, disk.bytes.data, disk.bytes.len, &count);
	assert_int_equal(count, 1);
	assert_int_equal(end.tail, FRAMES_TORN);
	assert_int_equal(end.end, disk.ends[1]);
	assert_int_equal(end.dropped, disk.bytes.len - disk.ends[1]);
	assert_int_equal(end.last_write, 8);
	free_disk(&disk);
}

/* Remains of a write that found no space, behind a later one that took its place. */
static void stale_frames_behind_a_write(void **state)
{
	struct journal_group small = { .head = { .partition = 3, .pseq = 100, .year = 2026, .first_index = 17 } };
	struct slice body = { (const uint8_t *)"left over", 9 };
	struct journal_group large = small;
	struct buf stale = { 0 }, fresh = { 0 };
	uint8_t chain[SHA256_SIZE] = { 0 };
	struct frames_end end;
	struct disk disk;
	size_t size;

	(void)state;
	make_disk(&disk, 0);
	large.records = &body;
	large.record_count = 1;
	for (int i = 0; i < 4; i++)
		frames_group_add(&stale, &disk.head, 7, i == 0 ? &small : &large, chain);
	frames_group_add(&fresh, &disk.head, 8, &small, chain);
	/* Both begin with a group of the same size, so that a stale frame follows exactly. */
	size = frames_group_size(&small);
	assert_int_equal(size, fresh.len);
	buf_add(&disk.bytes, fresh.data, fresh.len);
	buf_add(&disk.bytes, stale.data + size, stale.len - size);
	assert_int_equal(frames_scan(disk.bytes.data, disk.bytes.len, &disk.head, NULL, NULL, &end), 0);
	assert_int_equal(end.tail, FRAMES_TORN);
	assert_int_equal(end.end, disk.ends[0] + size);
	assert_int_equal(end.last_write, 8);
	buf_clear(&stale);
	buf_clear(&fresh);
	free_disk(&disk);
}

/* Frames of another segment have right CRCs only with its random bytes. */
static void frames_of_another_segment(void **state)
{
	struct frames_end end;
	struct disk disk, other;
	size_t count;

	(void)state;
	make_disk(&disk, GROUPS);
	make_disk(&other, 0);
	other.head.random[0] ^= 1;
	other.bytes.len = 0;
	frames_segment_add(&other.bytes, &other.head);
	buf_add(&other.bytes, disk.bytes.data + disk.ends[0], disk.bytes.len - disk.ends[0]);
	end = scan(&other, other.bytes.data, other.bytes.len, &count);
	assert_int_equal(count, 0);
	assert_int_equal(end.tail, FRAMES_TORN);
	free_disk(&disk);
	free_disk(&other);
}

static void caller_may_stop(void **state)
{
	struct seen seen = { .stop_after = 2 };
	struct frames_end end;
	struct disk disk;

	(void)state;
	make_disk(&disk, GROUPS);
	assert_int_equal(frames_scan(disk.bytes.data, disk.bytes.len, &disk.head, see, &seen, &end), 77);
	assert_int_equal(seen.count, 2);
	free_disk(&disk);
}

/* The chain covers everything: a segment with other content ends in another value. */
static void chain_tells_content(void **state)
{
	struct frames_end a, b;
	struct disk disk;
	size_t count;

	(void)state;
	make_disk(&disk, GROUPS);
	a = scan(&disk, disk.bytes.data, disk.bytes.len, &count);
	b = scan(&disk, disk.bytes.data, disk.ends[4], &count);
	assert_memory_not_equal(a.chain, b.chain, sizeof(a.chain));
	free_disk(&disk);
}

static void single_frame(void **state)
{
	struct frame frame;
	struct disk disk;
	const char *at;

	(void)state;
	make_disk(&disk, GROUPS);
	at = disk.bytes.data + disk.ends[1];
	assert_true(frame_peek(at, FRAME_HEADER_SIZE, &frame));
	assert_int_equal(frame.type, FRAME_RECORD);
	assert_int_equal(frame.index, 17);
	assert_int_equal(frame.write, 8);
	assert_int_equal(frame.body.len, 10);
	assert_true(frame_valid(&disk.head, at, &frame));
	disk.bytes.data[disk.ends[1] + FRAME_HEADER_SIZE] ^= 1;
	assert_false(frame_valid(&disk.head, at, &frame));
	assert_false(frame_peek(at, FRAME_HEADER_SIZE - 1, &frame));
	assert_false(frame_peek("\0\0\0\0\1aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", FRAME_HEADER_SIZE, &frame));
	free_disk(&disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_round_trip),
		cmocka_unit_test(groups_round_trip),
		cmocka_unit_test(preallocated_tail_is_clean),
		cmocka_unit_test(truncated_anywhere),
		cmocka_unit_test(flipped_anywhere),
		cmocka_unit_test(zeroed_stretches),
		cmocka_unit_test(hole_before_the_last_write),
		cmocka_unit_test(hole_in_the_last_write),
		cmocka_unit_test(stale_frames_behind_a_write),
		cmocka_unit_test(frames_of_another_segment),
		cmocka_unit_test(caller_may_stop),
		cmocka_unit_test(chain_tells_content),
		cmocka_unit_test(single_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
