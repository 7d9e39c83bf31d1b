/* The journal without space, with a disk that fails, and the order in which keys and groups reach it. */
#include "tests/integration/journal_fixture.h"

/* Fills up: the group that does not fit and all behind it fail, the index goes back, and with space it goes on. */
static void check_no_space(struct fixture *f, void (*make_space)(void *arg), void *arg)
{
	uint64_t n = 1, indexes[4096] = { 0 };
	int failed = 0, first_failed;

	while (f->done == 0 || f->results[f->done - 1] == 0) {
		assert_true(n < 4000);
		indexes[n] = f->port->next_index(f->port->self, 2026);
		hand_over(f, 2026, 0, n++, 0);
		wait_done(f, f->done + 1);
	}
	assert_int_equal(f->results[f->done - 1], -ENOSPC);
	n--;
	assert_true(n > 1);
	assert_int_equal(f->port->next_index(f->port->self, 2026), indexes[n]);
	/* Several at once, before the loop hears of it: all fail, though a small one would fit. */
	first_failed = f->done;
	for (uint64_t i = 0; i < 5; i++)
		hand_over(f, 2026, 0, n + i, 0);
	wait_done(f, first_failed + 5);
	for (int i = first_failed; i < f->done; i++)
		failed += f->results[i] == -ENOSPC;
	assert_int_equal(failed, 5);
	assert_int_equal(f->port->next_index(f->port->self, 2026), indexes[n]);
	assert_replay(f, 0, 0, n - 1);
	assert_int_equal(knows(f, 0, n, 0), 0);
	make_space(arg);
	append(f, 2026, 0, n, 9);
	append(f, 2026, 0, n + 1, 9);
	assert_true(journal_counters(f->journal).no_space >= 2);
	close_journal(f);
	open_journal(f);
	assert_int_equal(f->port->recovered(f->port->self), 0);
	assert_int_equal(knows(f, 0, n, 9), 1);
	assert_int_equal(knows(f, 0, n, 0), 0);
	{
		struct replayed replayed = { .salt = 9 };

		assert_int_equal(replay(f, 0, n - 1, &replayed), 0);
		assert_int_equal(replayed.count, 2);
		assert_false(replayed.wrong);
	}
}

static void set_file_size_limit(rlim_t limit)
{
	struct rlimit r;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &r), 0);
	r.rlim_cur = limit;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

static void lift_limit(void *arg)
{
	(void)arg;
	set_file_size_limit(RLIM_INFINITY);
}

static void file_size_limit(void **state)
{
	struct fixture *f = *state;

	f->segment_bytes = 1 << 20;
	(void)signal(SIGXFSZ, SIG_IGN);
	open_journal(f);
	set_file_size_limit(20000);
	check_no_space(f, lift_limit, NULL);
}

static void hand_over_one_more(struct fixture *f)
{
	set_file_size_limit(RLIM_INFINITY);
	hand_over(f, 2026, 1, 2, 0);
}

/* It comes when the first failure is told and its own predecessor's is not: it must not be written without that. */
static void no_space_for_the_group_before(void **state)
{
	struct fixture *f = *state;

	f->segment_bytes = 1 << 20;
	(void)signal(SIGXFSZ, SIG_IGN);
	open_journal(f);
	append(f, 2026, 0, 1, 0);
	set_file_size_limit(100);
	f->then = hand_over_one_more;
	hand_over(f, 2026, 0, 2, 0);
	hand_over(f, 2026, 1, 1, 0);
	wait_done(f, 4);
	for (int i = 1; i < 4; i++)
		assert_int_equal(f->results[i], -ENOSPC);
	append(f, 2026, 1, 1, 0);
	append(f, 2026, 1, 2, 0);
	assert_replay(f, 1, 0, 2);
}

/* The same when the limit is met while a new segment is begun. */
static void no_space_for_a_segment(void **state)
{
	struct fixture *f = *state;
	uint64_t n = 1, next;
	size_t segments;

	f->segment_bytes = 4 << 10;
	(void)signal(SIGXFSZ, SIG_IGN);
	open_journal(f);
	while (journal_counters(f->journal).segments < 3)
		append(f, 2026, 0, n++, 0);
	next = f->port->next_index(f->port->self, 2026);
	segments = journal_counters(f->journal).segments;
	set_file_size_limit(100);
	hand_over(f, 2027, 0, n, 0); /* a new year needs a new segment */
	wait_done(f, f->done + 1);
	assert_int_equal(f->results[f->done - 1], -ENOSPC);
	assert_int_equal(f->port->next_index(f->port->self, 2027), 0);
	hand_over(f, 2026, 0, n, 0); /* the old one is closed by now */
	wait_done(f, f->done + 1);
	assert_int_equal(f->results[f->done - 1], -ENOSPC);
	assert_int_equal(f->port->next_index(f->port->self, 2026), next);
	set_file_size_limit(RLIM_INFINITY);
	append(f, 2027, 0, n, 0);
	assert_int_equal(journal_counters(f->journal).segments, segments + 1);
	close_journal(f);
	open_journal(f);
	assert_replay(f, 0, 0, n);
}

static void remove_ballast(void *arg)
{
	assert_int_equal(unlink(arg), 0);
}

static void full_file_system(void **state)
{
	struct fixture *f = *state;
	char ballast[128], page[4096] = { 1 };
	int fd;

	if (mount("none", f->dir, "tmpfs", 0, "size=256k") < 0)
		skip();
	f->segment_bytes = 1 << 20; /* cannot be preallocated */
	(void)snprintf(ballast, sizeof(ballast), "%s/ballast", f->dir);
	open_journal(f);
	append(f, 2026, 1, 1, 0);
	fd = open(ballast, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	for (int i = 0; i < 40; i++)
		assert_int_equal(write(fd, page, sizeof(page)), sizeof(page));
	assert_int_equal(close(fd), 0);
	f->done = 0;
	check_no_space(f, remove_ballast, ballast);
	close_journal(f);
	assert_int_equal(umount(f->dir), 0);
}

static void failed_sync_is_final(void **state)
{
	struct fixture *f = *state;
	int before;

	open_journal(f);
	append(f, 2026, 0, 1, 0);
	before = f->done;
	atomic_store(&fail_sync, 1);
	hand_over(f, 2026, 0, 2, 0);
	wait_done(f, before + 1);
	assert_int_equal(f->results[before], -EIO);
	before = atomic_load(&syncs);
	for (int i = 0; i < 3; i++) {
		hand_over(f, 2026, 0, 2, 0);
		wait_done(f, f->done + 1);
		assert_int_equal(f->results[f->done - 1], -EIO);
	}
	assert_int_equal(atomic_load(&syncs), before); /* no second try */
	close_journal(f);
	open_journal(f);
	append(f, 2026, 0, 3, 0);
}

static void keys_come_first(void **state)
{
	struct fixture *f = *state;
	static const uint8_t wrap_key[32] = { 1 };
	const struct keys_port *keys;
	struct case_keys made;

	assert_int_equal(keystore_open(f->dir, wrap_key, 16, &f->keys, NULL), 0);
	keys = keystore_port(f->keys);
	open_journal(f);
	append(f, 2026, 0, 1, 0);
	assert_int_equal(keys->create(keys->self, 2026, NULL, &made), 0);
	memset(traced, 0, sizeof(traced));
	atomic_store(&trace_syncs, true);
	append(f, 2026, 0, 2, 0);
	append(f, 2026, 0, 3, 0);
	atomic_store(&trace_syncs, false);
	/* the shard, the year's folder, the folder of years; then the group; then one without new keys */
	assert_string_equal(traced, "kkkjj");
	assert_int_equal(keys->create(keys->self, 2026, NULL, &made), 0);
	atomic_store(&fail_sync, 1); /* the key store's */
	hand_over(f, 2026, 0, 4, 0);
	wait_done(f, f->done + 1);
	assert_int_equal(f->results[f->done - 1], -EIO);
	assert_replay(f, 0, 0, 3);
}

/*
 * Another instance took over behind group 5 and gave the partition back behind its 7: our 6 to 9 are superseded, and our next is 8.
 */

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(file_size_limit),
		TEST(no_space_for_the_group_before),
		TEST(no_space_for_a_segment),
		TEST(full_file_system),
		TEST(failed_sync_is_final),
		TEST(keys_come_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
