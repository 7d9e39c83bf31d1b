/* The journal on real files: what is acknowledged is there after a reopening, and what is damaged is never passed off as whole. */
#include "daemon/journal_internal.h"
#include "tests/integration/journal_fixture.h"

static void check_round_trip(struct fixture *f)
{
	struct group_header head;
	struct buf body = { 0 };

	for (uint32_t p = 0; p < 3; p++) {
		assert_replay(f, p, 0, 10);
		assert_replay(f, p, 7, 10);
		assert_replay(f, p, 10, 10);
		assert_int_equal(f->port->last(f->port->self, p, &head), 0);
		assert_int_equal(head.pseq, 10);
		assert_int_equal(head.epoch, 3);
		assert_string_equal(head.repl_id, "s");
		for (uint64_t n = 1; n <= 10; n++)
			assert_int_equal(knows(f, p, n, 0), 1);
		assert_int_equal(knows(f, p, 10, 1), 0);
		assert_int_equal(knows(f, p, 4, 1), 0);
		assert_int_equal(knows(f, p, 11, 0), 0);
	}
	assert_int_equal(f->port->last(f->port->self, 3, &head), -ENOENT);
	assert_int_equal(knows(f, 3, 1, 0), 0);
	/* Every record by its index, and none beyond. */
	for (uint64_t index = 0, n = 1; n <= 10; n++) {
		for (uint32_t p = 0; p < 3; p++) {
			struct content c;

			make_content(&c, p, n, 0);
			for (size_t i = 0; i < c.record_count; i++, index++) {
				buf_reset(&body);
				assert_int_equal(f->port->read(f->port->self, 2026, index, &body), 0);
				assert_int_equal(body.len, c.records[i].len);
				assert_memory_equal(body.data, c.records[i].data, body.len);
			}
			buf_clear(&c.bytes);
		}
		assert_int_equal(f->port->read(f->port->self, 2025, n, &body), -ENOENT);
	}
	assert_int_equal(f->port->read(f->port->self, 2026, f->port->next_index(f->port->self, 2026), &body), -ENOENT);
	buf_clear(&body);
}

static void round_trip(void **state)
{
	struct fixture *f = *state;
	uint64_t next;

	open_journal(f);
	assert_string_equal(f->port->origin(f->port->self, 2026), ORIGIN "/2026");
	assert_int_equal(f->port->next_index(f->port->self, 2026), 0);
	for (uint64_t n = 1; n <= 10; n++)
		for (uint32_t p = 0; p < 3; p++)
			append(f, 2026, p, n, 0);
	check_round_trip(f);
	next = f->port->next_index(f->port->self, 2026);
	for (int i = 0; i < 3; i++) { /* also a second and third time: opening changes nothing */
		close_journal(f);
		open_journal(f);
		assert_int_equal(f->port->recovered(f->port->self), 0);
		assert_int_equal(f->port->next_index(f->port->self, 2026), next);
		check_round_trip(f);
	}
	append(f, 2026, 1, 11, 0);
	assert_replay(f, 1, 0, 11);
}

static void groups_gather_in_one_write(void **state)
{
	struct fixture *f = *state;
	struct journal_counters counters;
	int before;

	open_journal(f);
	append(f, 2026, 0, 1, 0); /* the segment is there */
	before = atomic_load(&syncs);
	for (uint64_t n = 2; n <= 51; n++)
		hand_over(f, 2026, 0, n, 0);
	wait_done(f, 51);
	assert_int_equal(atomic_load(&syncs) - before, 1);
	counters = journal_counters(f->journal);
	assert_int_equal(counters.groups, 51);
	assert_int_equal(counters.writes, 2);
	assert_replay(f, 0, 0, 51);
	close_journal(f);
	open_journal(f);
	assert_replay(f, 0, 0, 51);
}

/* Makes three writes: groups 1, 2, then 3 and 4 together. Gives the segment's bytes and where each write ends. */
static void make_three_writes(struct fixture *f, struct buf *bytes, size_t ends[4])
{
	struct arena *arena = arena_create();

	open_journal(f);
	append(f, 2026, 0, 1, 0);
	append(f, 2026, 0, 2, 0);
	hand_over(f, 2026, 0, 3, 0);
	hand_over(f, 2026, 0, 4, 0);
	wait_done(f, f->done + 2);
	close_journal(f);
	assert_int_equal(file_read(segment_path(f, arena, 0), 1 << 20, bytes, NULL), 0);
	ends[0] = frames_segment_size(bytes->data, bytes->len);
	for (size_t i = 1, at = ends[0]; i < 4; i++) {
		struct frame frame;
		uint64_t write = 0;

		while (frame_peek(bytes->data + at, bytes->len - at, &frame) && (write == 0 || frame.write == write)) {
			write = frame.write;
			at += frame.size;
		}
		ends[i] = at;
	}
	arena_free(arena);
}

/* The last write is cut at every byte, the rest zeros (preallocated) or missing. */
static void torn_at_every_byte(void **state)
{
	struct fixture *f = *state;
	struct arena *arena = arena_create();
	struct buf bytes = { 0 }, copy = { 0 };
	size_t ends[4];
	const char *path;

	f->segment_bytes = 8 << 10;
	make_three_writes(f, &bytes, ends);
	path = segment_path(f, arena, 0);
	for (size_t cut = ends[2]; cut < ends[3]; cut++) {
		bool zeros = cut % 2 == 0;
		uint64_t whole = 2;
		struct frames_end end;
		struct frames_segment head;

		buf_reset(&copy);
		buf_add(&copy, bytes.data, bytes.len);
		memset(copy.data + cut, 0, copy.len - cut);
		assert_int_equal(frames_segment_read(copy.data, copy.len, arena, &head), 0);
		assert_int_equal(frames_scan(copy.data, copy.len, &head, NULL, NULL, &end), 0);
		whole += end.end > ends[2];
		put_file(path, copy.data, zeros ? copy.len : cut);
		open_journal(f);
		assert_replay(f, 0, 0, whole);
		if (cut == ends[2])
			assert_int_equal(f->port->recovered(f->port->self), 0);
		else if (zeros)
			assert_int_equal(f->port->recovered(f->port->self), end.dropped);
		if (cut % 13 == 0) { /* the place is usable again, and nothing of the cut returns */
			append(f, 2026, 0, whole + 1, 7);
			close_journal(f);
			open_journal(f);
			assert_int_equal(f->port->recovered(f->port->self), 0);
			assert_int_equal(knows(f, 0, whole + 1, 7), 1);
			assert_int_equal(knows(f, 0, whole + 1, 0), 0);
		}
		close_journal(f);
	}
	buf_clear(&bytes);
	buf_clear(&copy);
	arena_free(arena);
}

static void damage_before_a_later_write_is_refused(void **state)
{
	struct fixture *f = *state;
	struct arena *arena = arena_create();
	struct buf bytes = { 0 };
	size_t ends[4], count;
	char **names;

	make_three_writes(f, &bytes, ends);
	names = segment_names(f, arena, &count);
	for (size_t at = ends[0]; at < ends[2]; at += 41) {
		struct err err = { 0 };
		char offset[32];
		size_t frame_at = ends[0];
		struct frame frame;

		while (frame_peek(bytes.data + frame_at, bytes.len - frame_at, &frame) && frame_at + frame.size <= at)
			frame_at += frame.size;
		bytes.data[at] ^= 0x20;
		put_file(segment_path(f, arena, 0), bytes.data, bytes.len);
		bytes.data[at] ^= 0x20;
		assert_int_equal(try_open(f, &err), -EBADMSG);
		assert_non_null(strstr(err.text, names[0]));
		(void)snprintf(offset, sizeof(offset), " %zu ", frame_at);
		assert_non_null(strstr(err.text, offset));
	}
	/* The lock is free again after a refusal, and the whole file opens. */
	put_file(segment_path(f, arena, 0), bytes.data, bytes.len);
	open_journal(f);
	assert_replay(f, 0, 0, 4);
	buf_clear(&bytes);
	arena_free(arena);
}

/* Of a large write the first pages never reached the disk, of one behind it all did: no reserve, though it is nothing but zeros. */
static void zeros_before_what_is_written(void **state)
{
	struct fixture *f = *state;
	struct arena *arena = arena_create();
	struct buf bytes = { 0 };
	struct err err = { 0 };
	struct frame frame;
	size_t at, begins[3] = { 0 };
	uint64_t write = 0;
	int writes = 0;

	f->segment_bytes = 2 << 20;
	open_journal(f);
	append(f, 2026, 0, 1, 0);
	for (uint64_t n = 2; n <= 400; n++)
		hand_over(f, 2026, 0, n, 0);
	wait_done(f, f->done + 399);
	append(f, 2026, 0, 401, 0);
	close_journal(f);
	assert_int_equal(file_read(segment_path(f, arena, 0), 16 << 20, &bytes, NULL), 0);
	for (at = frames_segment_size(bytes.data, bytes.len); frame_peek(bytes.data + at, bytes.len - at, &frame); at += frame.size)
		if (frame.write != write) {
			write = frame.write;
			assert_true(writes < 3);
			begins[writes++] = at;
		}
	assert_int_equal(writes, 3);
	assert_true(begins[2] - begins[1] > 200 << 10);
	memset(bytes.data + begins[1], 0, 150 << 10);
	put_file(segment_path(f, arena, 0), bytes.data, bytes.len);
	assert_int_equal(try_open(f, &err), -EBADMSG);
	assert_non_null(strstr(err.text, arena_printf(arena, " %zu (a later write stands whole", begins[1])));
	memset(bytes.data + begins[2], 0, at - begins[2]); /* without the one behind it is a torn one, as long as it ever was */
	put_file(segment_path(f, arena, 0), bytes.data, bytes.len);
	while (bytes.data[begins[2] - 1] == 0)
		begins[2]--;
	open_journal(f);
	assert_int_equal(f->port->recovered(f->port->self), begins[2] - begins[1]);
	assert_replay(f, 0, 0, 1);
	buf_clear(&bytes);
	arena_free(arena);
}

/* Over several segments: a flipped bit is refused, cut off, or harmless, but never read as something else. */
static void flipped_bits_are_never_believed(void **state)
{
	struct fixture *f = *state;
	struct arena *arena = arena_create();
	size_t count, refused = 0, cut = 0, late = 0;
	char **names;

	f->segment_bytes = 4 << 10;
	open_journal(f);
	for (uint64_t n = 1; n <= 40; n++)
		append(f, 2026, 0, n, 0);
	close_journal(f);
	names = segment_names(f, arena, &count);
	assert_true(count >= 4);
	for (size_t i = 0; i < count; i++) {
		const char *path = arena_printf(arena, "%s/journal/%s", f->dir, names[i]);
		struct buf bytes = { 0 };

		assert_int_equal(file_read(path, 1 << 20, &bytes, NULL), 0);
		for (size_t at = 0; at < bytes.len; at += 97) {
			struct replayed replayed = { 0 };
			struct err err = { 0 };
			int r;

			bytes.data[at] ^= (char)(1u << (at % 8));
			put_file(path, bytes.data, bytes.len);
			r = try_open(f, &err);
			if (r < 0) {
				assert_int_equal(r, -EBADMSG);
				refused++;
			} else {
				uint64_t lost = f->port->recovered(f->port->self);

				r = replay(f, 0, 0, &replayed);
				assert_true(r == 0 || r == -EBADMSG);
				assert_false(replayed.wrong);
				for (size_t j = 0; j < replayed.count; j++)
					assert_int_equal(replayed.pseqs[j], 1 + j);
				if (r == 0)
					assert_true(replayed.count == 40 || (lost > 0 && replayed.count == 39));
				if (r == 0 && replayed.count == 40)
					assert_true(lost > 0); /* it was in the preallocated zeros */
				late += r < 0;
				cut += lost > 0;
				close_journal(f);
			}
			bytes.data[at] ^= (char)(1u << (at % 8));
			put_file(path, bytes.data, bytes.len);
		}
		buf_clear(&bytes);
	}
	assert_true(refused > 0 && late > 0 && cut > 0);
	open_journal(f);
	assert_replay(f, 0, 0, 40);
	arena_free(arena);
}

static void segments_roll(void **state)
{
	struct fixture *f = *state;
	struct arena *arena = arena_create();
	struct group_header head;
	struct buf bytes = { 0 };
	struct stat st;
	size_t count;

	f->segment_bytes = 4 << 10;
	open_journal(f);
	append(f, 2026, 7, 1, 0); /* a partition that falls silent at once */
	for (uint64_t n = 1; n <= 200; n++)
		append(f, 2026, 0, n, 0);
	(void)segment_names(f, arena, &count);
	assert_true(count > 10);
	assert_int_equal(journal_counters(f->journal).segments, count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(stat(segment_path(f, arena, i), &st), 0);
		assert_true(st.st_size <= 4 << 10);
	}
	assert_replay(f, 0, 0, 200);
	close_journal(f);
	open_journal(f);
	assert_replay(f, 0, 0, 200);
	assert_replay(f, 7, 0, 1);
	assert_int_equal(f->port->last(f->port->self, 7, &head), 0);
	assert_int_equal(head.pseq, 1);
	close_journal(f);

	/*
	 * Damage in the body of the second segment: opening and recent questions do not read it, old ones find it out. The end of a
	 * segment is known from the header after it.
	 */
	assert_int_equal(file_read(segment_path(f, arena, 1), 1 << 20, &bytes, NULL), 0);
	bytes.data[bytes.len / 2] ^= 1;
	put_file(segment_path(f, arena, 1), bytes.data, bytes.len);
	open_journal(f);
	assert_replay(f, 0, 150, 200);
	assert_int_equal(knows(f, 0, 150, 0), 1);
	assert_int_equal(f->port->last(f->port->self, 7, &head), 0);
	assert_int_equal(f->port->last(f->port->self, 0, &head), 0);
	assert_int_equal(head.pseq, 200);
	{
		struct replayed replayed = { 0 };

		assert_int_equal(replay(f, 0, 0, &replayed), -EBADMSG);
		assert_false(replayed.wrong);
		assert_non_null(strstr(journal_damage(f->journal)->text, "damaged at byte"));
	}
	close_journal(f);
	/* A closed segment that lost its last group whole: the chain tells. */
	bytes.data[bytes.len / 2] ^= 1;
	for (size_t at = frames_segment_size(bytes.data, bytes.len), last = at; at < bytes.len;) {
		struct frame frame;

		assert_true(frame_peek(bytes.data + at, bytes.len - at, &frame));
		at += frame.size;
		if (at == bytes.len)
			bytes.len = last;
		else if (frame.type == FRAME_CLOSE)
			last = at;
	}
	put_file(segment_path(f, arena, 1), bytes.data, bytes.len);
	open_journal(f);
	{
		struct replayed replayed = { 0 };

		assert_int_equal(replay(f, 0, 0, &replayed), -EBADMSG);
	}
	buf_clear(&bytes);
	arena_free(arena);
}

static void years_are_logs(void **state)
{
	struct fixture *f = *state;
	uint64_t old_next, new_next;

	open_journal(f);
	for (uint64_t n = 1; n <= 5; n++)
		append(f, 2026, 0, n, 0);
	old_next = f->port->next_index(f->port->self, 2026);
	assert_int_equal(f->port->next_index(f->port->self, 2027), 0);
	for (uint64_t n = 6; n <= 9; n++)
		append(f, 2027, 0, n, 0);
	new_next = f->port->next_index(f->port->self, 2027);
	assert_true(new_next > 0);
	assert_string_equal(f->port->origin(f->port->self, 2027), ORIGIN "/2027");
	/* A straggler of another partition, decided before midnight. */
	append(f, 2026, 1, 1, 0);
	append(f, 2027, 0, 10, 0);
	for (int i = 0; i < 2; i++) {
		struct content c;
		struct buf body = { 0 };

		make_content(&c, 1, 1, 0);
		assert_int_equal(f->port->next_index(f->port->self, 2026), old_next + c.record_count);
		assert_int_equal(f->port->read(f->port->self, 2026, old_next, &body), 0);
		assert_int_equal(body.len, c.records[0].len);
		assert_memory_equal(body.data, c.records[0].data, body.len);
		assert_replay(f, 0, 0, 10);
		assert_replay(f, 1, 0, 1);
		buf_clear(&c.bytes);
		make_content(&c, 0, 10, 0);
		assert_int_equal(f->port->next_index(f->port->self, 2027), new_next + c.record_count);
		buf_clear(&body);
		buf_clear(&c.bytes);
		close_journal(f);
		open_journal(f);
	}
}

static void second_daemon_is_refused(void **state)
{
	struct fixture *f = *state, other = { .base = f->base, .segment_bytes = f->segment_bytes };
	struct err err = { 0 };

	open_journal(f);
	(void)snprintf(other.dir, sizeof(other.dir), "%s", f->dir);
	assert_int_equal(try_open(&other, &err), -EBUSY);
	assert_string_equal(err.code, "locked");
	append(f, 2026, 0, 1, 0);
	close_journal(f);
	open_journal(f);
}

static void another_origin_is_refused(void **state)
{
	struct fixture *f = *state;
	struct journal_settings settings = { .state_dir = f->dir, .origin = "test.example/other", .segment_bytes = 4096 };
	struct err err = { 0 };

	open_journal(f);
	append(f, 2026, 0, 1, 0);
	close_journal(f);
	assert_int_equal(journal_open(&settings, f->base, &f->journal, &err), -EBADMSG);
	assert_string_equal(err.code, "wrong_origin");
}

static void superseded_groups_are_left_out(void **state)
{
	struct fixture *f = *state;

	open_journal(f);
	for (uint64_t n = 1; n <= 9; n++) {
		append(f, 2026, 0, n, 0);
		append(f, 2026, 1, n, 0);
	}
	append(f, 2026, 0, 8, 5);
	append(f, 2026, 0, 9, 5);
	append(f, 2026, 1, 10, 0);
	for (int i = 0; i < 2; i++) {
		struct replayed replayed = { .salt = 5 };
		struct group_header head;

		assert_int_equal(replay(f, 0, 7, &replayed), 0);
		assert_int_equal(replayed.count, 2);
		assert_false(replayed.wrong);
		assert_int_equal(f->port->last(f->port->self, 0, &head), 0);
		assert_int_equal(head.pseq, 9);
		assert_int_equal(head.id[2], 5);
		assert_int_equal(knows(f, 0, 8, 0), 1);
		assert_int_equal(knows(f, 0, 9, 0), 1);
		assert_int_equal(knows(f, 0, 8, 5), 1);
		assert_int_equal(knows(f, 0, 9, 5), 1);
		assert_int_equal(knows(f, 0, 8, 6), 0);
		assert_replay(f, 1, 0, 10);
		close_journal(f);
		open_journal(f);
	}
}

static void no_callback_after_close(void **state)
{
	struct fixture *f = *state;

	open_journal(f);
	append(f, 2026, 0, 1, 0);
	for (uint64_t n = 2; n <= 20; n++)
		hand_over(f, 2026, 0, n, 0);
	close_journal(f);
	(void)event_base_loop(f->base, EVLOOP_NONBLOCK);
	assert_int_equal(f->done, 1);
	open_journal(f);
	assert_int_equal(knows(f, 0, 1, 0), 1);
}

/* Half a megabyte in one group: larger than a segment, it gets one of its own. */
static void large_group(void **state)
{
	struct fixture *f = *state;
	CLEANUP(freep) uint8_t *bytes = xcalloc(1, 512 << 10);
	struct slice record = { bytes, 512 << 10 };
	struct journal_group group = { .head = { .pseq = 3, .year = 2026, .id = { 1 } }, .records = &record,
		.record_count = 1 };
	struct buf body = { 0 };

	f->segment_bytes = 4 << 10;
	open_journal(f);
	append(f, 2026, 0, 1, 0);
	append(f, 2026, 0, 2, 0);
	memset(bytes, 0xa5, record.len);
	group.head.first_index = f->port->next_index(f->port->self, 2026);
	f->port->append(f->port->self, &group, on_done, f);
	wait_done(f, 3);
	assert_int_equal(f->results[2], 0);
	append(f, 2026, 0, 4, 0);
	close_journal(f);
	open_journal(f);
	assert_int_equal(f->port->read(f->port->self, 2026, group.head.first_index, &body), 0);
	assert_int_equal(body.len, record.len);
	assert_memory_equal(body.data, bytes, body.len);
	buf_clear(&body);
}

/* The writer closes a segment while somebody reads it: what is there is read, though the reserved end is gone. */
static void a_segment_that_is_closed_meanwhile(void **state)
{
	char path[] = "/tmp/dunningd-window-XXXXXX", bytes[4096];
	struct journal_window window = { .fd = mkstemp(path) };

	(void)state;
	memset(bytes, 7, sizeof(bytes));
	assert_true(window.fd >= 0 && write(window.fd, bytes, sizeof(bytes)) == sizeof(bytes));
	window.file_end = 1 << 20; /* as it was before */
	assert_non_null(journal_window_get(&window, 0, 29));
	assert_non_null(journal_window_get(&window, 4000, 96));
	assert_null(journal_window_get(&window, 4000, 97));
	assert_non_null(journal_window_get(&window, 4095, 1));
	buf_clear(&window.bytes);
	assert_int_equal(close(window.fd), 0);
	assert_int_equal(unlink(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(round_trip),
		TEST(groups_gather_in_one_write),
		TEST(torn_at_every_byte),
		TEST(zeros_before_what_is_written),
		TEST(damage_before_a_later_write_is_refused),
		TEST(flipped_bits_are_never_believed),
		TEST(segments_roll),
		TEST(years_are_logs),
		TEST(second_daemon_is_refused),
		TEST(another_origin_is_refused),
		TEST(superseded_groups_are_left_out),
		TEST(no_callback_after_close),
		TEST(large_group),
		cmocka_unit_test(a_segment_that_is_closed_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
