/* The ground that all stands on: memory and arenas, byte strings and their reader, errors as values. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/err.h"

/* --- buf ----------------------------------------------------------------------------------------------------------- */

static void grows_and_ends_with_nul(void **state)
{
	CLEANUP(buf_clear) struct buf buf = { 0 };

	(void)state;
	assert_string_equal(buf_str(&buf), "");
	buf_reset(&buf); /* of an empty one: nothing */
	assert_null(buf.data);
	buf_add(&buf, "", 0);
	assert_int_equal(buf.len, 0);
	assert_string_equal(buf.data, "");
	for (int i = 0; i < 1000; i++) {
		buf_add_str(&buf, "ab");
		buf_add_char(&buf, 'c');
		assert_int_equal(buf.len, 3 * (i + 1));
		assert_int_equal(buf.data[buf.len], '\0');
		assert_true(buf.capacity > buf.len);
	}
	assert_memory_equal(buf.data + 2997, "abc", 3);
	buf_reset(&buf);
	assert_int_equal(buf.len, 0);
	assert_string_equal(buf.data, "");
	buf_add(&buf, "a\0b", 3);
	assert_int_equal(buf.len, 3);
	assert_memory_equal(buf.data, "a\0b", 4);
}

static void formats(void **state)
{
	CLEANUP(buf_clear) struct buf buf = { 0 };
	char wide[300];

	(void)state;
	memset(wide, 'w', sizeof(wide) - 1);
	wide[sizeof(wide) - 1] = '\0';
	buf_printf(&buf, "%s-%d|", wide, 7);
	assert_int_equal(buf.len, sizeof(wide) - 1 + 3);
	assert_string_equal(buf.data + sizeof(wide) - 1, "-7|");
	buf_reset(&buf);
	buf_printf(&buf, "%s", "");
	assert_string_equal(buf_str(&buf), "");
}

static void integers_in_decimal(void **state)
{
	static const struct {
		int64_t n;
		const char *text;
	} cases[] = { { 0, "0" }, { 7, "7" }, { -1, "-1" }, { 10, "10" }, { 1234567890, "1234567890" },
		{ INT64_MAX, "9223372036854775807" }, { INT64_MIN, "-9223372036854775808" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(buf_clear) struct buf buf = { 0 };

		buf_add_int(&buf, cases[i].n);
		assert_string_equal(buf_str(&buf), cases[i].text);
	}
}

static void big_endian(void **state)
{
	CLEANUP(buf_clear) struct buf buf = { 0 };
	struct reader r;
	struct slice rest;

	(void)state;
	buf_add_char(&buf, (char)0xfe);
	buf_add_u16be(&buf, 0x0102);
	buf_add_u32be(&buf, 0x03040506);
	buf_add_u64be(&buf, UINT64_C(0x8708090a0b0c0d0e));
	buf_add_str(&buf, "xyz");
	assert_memory_equal(buf.data, "\xfe\x01\x02\x03\x04\x05\x06\x87\x08\x09\x0a\x0b\x0c\x0d\x0exyz", 18);
	assert_int_equal(read_u16be(buf.data + 1), 0x0102);
	assert_int_equal(read_u32be(buf.data + 3), 0x03040506);
	assert_true(read_u64be(buf.data + 7) == UINT64_C(0x8708090a0b0c0d0e));
	r = reader_init(buf.data, buf.len);
	assert_int_equal(reader_left(&r), 18);
	assert_int_equal(reader_u8(&r), 0xfe);
	assert_int_equal(reader_u16be(&r), 0x0102);
	assert_int_equal(reader_u32be(&r), 0x03040506);
	assert_true(reader_u64be(&r) == UINT64_C(0x8708090a0b0c0d0e));
	rest = reader_take(&r, 3);
	assert_memory_equal(rest.data, "xyz", 3);
	assert_int_equal(reader_left(&r), 0);
	assert_false(r.bad);
	rest = reader_take(&r, 0); /* nothing more is wanted: that is no error */
	assert_false(r.bad);
}

static void a_reader_stops_at_its_end(void **state)
{
	struct reader r = reader_init("\1\2\3", 3);
	struct slice none;

	(void)state;
	assert_int_equal(reader_u32be(&r), 0);
	assert_true(r.bad);
	assert_int_equal(reader_u8(&r), 0); /* also what would have been there */
	none = reader_take(&r, 0);
	assert_null(none.data);
	r = reader_init("\1\2\3", 3);
	none = reader_take(&r, SIZE_MAX);
	assert_true(r.bad && !none.data && !none.len);
	r = reader_init(NULL, 0);
	assert_int_equal(reader_left(&r), 0);
	assert_int_equal(reader_u16be(&r), 0);
	assert_true(r.bad);
}

static void taken_strings_are_the_callers(void **state)
{
	struct buf buf = { 0 };
	char *text = buf_take(&buf);

	(void)state;
	assert_string_equal(text, "");
	free(text);
	buf_add_str(&buf, "mine");
	text = buf_take(&buf);
	assert_string_equal(text, "mine");
	assert_null(buf.data);
	assert_int_equal(buf.len, 0);
	free(text);
}

/* --- cleanup ----------------------------------------------------------------------------------------------------------- */

static void zero_sizes_are_memory(void **state)
{
	void *p;

	(void)state;
	p = xmalloc(0);
	assert_non_null(p);
	p = xrealloc(p, 0);
	assert_non_null(p);
	free(p);
	p = xcalloc(0, 8);
	assert_non_null(p);
	free(p);
	p = xstrdup("s");
	assert_string_equal(p, "s");
	freep(&p);
}

static void arrays_double(void **state)
{
	int *items = NULL;
	size_t capacity = 0;

	(void)state;
	xgrow(&items, &capacity, 1, sizeof(*items));
	assert_int_equal(capacity, 8);
	items[7] = 77;
	xgrow(&items, &capacity, 8, sizeof(*items));
	assert_int_equal(capacity, 8);
	xgrow(&items, &capacity, 100, sizeof(*items));
	assert_int_equal(capacity, 128);
	assert_int_equal(items[7], 77);
	free(items);
}

/* Out of memory ends the process with 71 and one line: no caller has a path for it. */
static void out_of_memory_ends_the_process(void **state)
{
	char text[4096] = "";
	int pipes[2], status;
	pid_t child;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	child = fork();
	if (child == 0) {
		dup2(pipes[1], STDERR_FILENO);
		setenv("ASAN_OPTIONS", "allocator_may_return_null=1", 1);
		execl("/proc/self/exe", "out-of-memory", (char *)NULL);
		_exit(1);
	}
	close(pipes[1]);
	for (size_t n = 0; n < sizeof(text) - 1;) {
		ssize_t got = read(pipes[0], text + n, sizeof(text) - 1 - n);

		if (got <= 0)
			break;
		n += (size_t)got;
	}
	close(pipes[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 71);
	assert_non_null(strstr(text, "out of memory\n")); /* a sanitizer adds a warning of its own */
}

static void files_are_closed(void **state)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), none = -1;

	(void)state;
	assert_true(fd >= 0);
	closep(&none);
	closep(&fd);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_int_equal(errno, EBADF);
}

struct thing {
	int freed;
};
static void thing_free(struct thing *thing)
{
	thing->freed++;
}
DEFINE_CLEANUP(struct thing, thing_free)

static void ownership_moves(void **state)
{
	struct thing one = { 0 }, two = { 0 };

	(void)state;
	{
		CLEANUP(thing_freep) struct thing *a = &one;
		CLEANUP(thing_freep) struct thing *b = &two;
		struct thing *moved = TAKE(b);

		(void)a;
		assert_ptr_equal(moved, &two);
		assert_null(b);
	}
	assert_int_equal(one.freed, 1);
	assert_int_equal(two.freed, 0);
}

/* --- arenas --------------------------------------------------------------------------------------------------------------- */

static void arena_memory_is_zero_and_aligned(void **state)
{
	struct arena *arena = arena_create();
	unsigned char *p[600];
	size_t sizes[600];

	(void)state;
	arena_free(NULL);
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < ARRAY_LEN(p); i++) {
			sizes[i] = i % 50 == 49 ? 70000 + i : (i * 37) % 3000;
			p[i] = arena_alloc(arena, sizes[i]);
			assert_int_equal((uintptr_t)p[i] % 16, 0);
			for (size_t k = 0; k < sizes[i]; k++)
				if (p[i][k])
					fail_msg("byte %zu of %zu is not zero", k, i);
			memset(p[i], (int)(i % 255 + 1), sizes[i]);
		}
		for (size_t i = 0; i < ARRAY_LEN(p); i++) /* nobody wrote into another's */
			for (size_t k = 0; k < sizes[i]; k++)
				if (p[i][k] != i % 255 + 1)
					fail_msg("byte %zu of %zu was overwritten", k, i);
		arena_clear(arena);
	}
	arena_clear(arena);
	arena_free(arena);
}

static void bytes_in_an_arena(void **state)
{
	struct arena *arena = arena_create();
	struct buf bufs[20];
	const char *taken;

	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(bufs); k++)
		bufs[k] = (struct buf){ .arena = arena };
	for (int i = 0; i < 30000; i++)
		for (size_t k = 0; k < ARRAY_LEN(bufs); k++) /* side by side, so that none can grow into its neighbour */
			buf_add_char(&bufs[k], (char)('a' + k));
	for (size_t k = 0; k < ARRAY_LEN(bufs); k++) {
		assert_int_equal(bufs[k].len, 30000);
		for (size_t i = 0; i < bufs[k].len; i++)
			if (bufs[k].data[i] != (char)('a' + k))
				fail_msg("byte %zu of %zu is another's", i, k);
		assert_int_equal(bufs[k].data[30000], '\0');
	}
	taken = bufs[0].data;
	buf_clear(&bufs[0]); /* the arena keeps what it has */
	assert_int_equal(bufs[0].len, 0);
	assert_string_equal(buf_str(&bufs[0]), "");
	buf_add_str(&bufs[0], "again");
	assert_ptr_not_equal(bufs[0].data, taken);
	assert_int_equal(taken[0], 'a');
	assert_string_equal(bufs[0].data, "again");
	arena_free(arena);
}

static void arena_strings(void **state)
{
	struct arena *arena = arena_create();
	char *text;

	(void)state;
	assert_null(arena_strdup(arena, NULL));
	assert_string_equal(arena_strdup(arena, "abc"), "abc");
	assert_memory_equal(arena_memdup(arena, "a\0b", 3), "a\0b", 4);
	assert_string_equal(arena_memdup(arena, NULL, 0), "");
	text = arena_printf(arena, "%0500d", 7);
	assert_int_equal(strlen(text), 500);
	arena_free(arena);
}

static char order[8];
static void note(void *p)
{
	strcat(order, p);
}

static void deferred_calls_in_reverse(void **state)
{
	struct arena *arena = arena_create();

	(void)state;
	order[0] = '\0';
	arena_defer(arena, note, "a");
	arena_defer(arena, note, "b");
	arena_clear(arena);
	assert_string_equal(order, "ba");
	arena_defer(arena, note, "c");
	arena_free(arena);
	assert_string_equal(order, "bac");
}

static void arena_arrays_grow(void **state)
{
	struct arena *arena = arena_create();
	int *items = NULL;
	size_t capacity = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		items = arena_grow(arena, items, (size_t)i, &capacity, sizeof(*items));
		items[i] = i;
	}
	for (int i = 0; i < 1000; i++)
		assert_int_equal(items[i], i);
	assert_true(capacity >= 1000 && capacity < 2500);
	arena_free(arena);
}

/* --- err -------------------------------------------------------------------------------------------------------------------- */

static void the_first_error_stays(void **state)
{
	struct err err = { 0 };
	char wide[1000];

	(void)state;
	assert_int_equal(err_set(NULL, -EBADMSG, "code", "$", "text"), -EBADMSG);
	assert_int_equal(err_set(&err, -EBADMSG, "wrong_type", "$.a", "must be %s, not %d", "a string", 7), -EBADMSG);
	assert_int_equal(err_set(&err, -EINVAL, "other", "$.b", "later"), -EINVAL);
	assert_string_equal(err.code, "wrong_type");
	assert_string_equal(err.path, "$.a");
	assert_string_equal(err.text, "must be a string, not 7");
	err_clear(&err);
	assert_string_equal(err.code, "");
	assert_string_equal(err.path, "");
	assert_string_equal(err.text, "");
	memset(wide, 'x', sizeof(wide) - 1);
	wide[sizeof(wide) - 1] = '\0';
	assert_int_equal(err_set(&err, -EIO, wide, NULL, "%s", wide), -EIO); /* cut, not past its end */
	assert_int_equal(strlen(err.code), sizeof(err.code) - 1);
	assert_string_equal(err.path, "");
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_and_ends_with_nul),
		cmocka_unit_test(formats),
		cmocka_unit_test(integers_in_decimal),
		cmocka_unit_test(big_endian),
		cmocka_unit_test(a_reader_stops_at_its_end),
		cmocka_unit_test(taken_strings_are_the_callers),
		cmocka_unit_test(zero_sizes_are_memory),
		cmocka_unit_test(arrays_double),
		cmocka_unit_test(out_of_memory_ends_the_process),
		cmocka_unit_test(files_are_closed),
		cmocka_unit_test(ownership_moves),
		cmocka_unit_test(arena_memory_is_zero_and_aligned),
		cmocka_unit_test(bytes_in_an_arena),
		cmocka_unit_test(arena_strings),
		cmocka_unit_test(deferred_calls_in_reverse),
		cmocka_unit_test(arena_arrays_grow),
		cmocka_unit_test(the_first_error_stays),
	};

	if (argc == 1 && strcmp(argv[0], "out-of-memory") == 0) {
		volatile size_t all = SIZE_MAX / 4;

		xmalloc(all);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
