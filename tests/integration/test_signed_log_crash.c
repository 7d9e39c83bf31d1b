/* The signed log's writing, broken off: the order of its steps, and a crash, a broken disk or a full one at each of them. */
#include "tests/integration/signed_log_fixture.h"

static const char *in_dir(struct fixture *f, const char *name)
{
	return arena_printf(f->arena, "%s/%s", f->dir, name);
}

static void lose_log(struct fixture *f)
{
	tree_remove(in_dir(f, "log"));
	tree_remove(in_dir(f, "head"));
}

/* What there is of it, in the folder `name`. */
static void keep_log(struct fixture *f, const char *name)
{
	static const char *const parts[] = { "log", "head" };

	tree_remove(in_dir(f, name));
	assert_int_equal(mkdir(in_dir(f, name), 0700), 0);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (access(in_dir(f, parts[i]), F_OK) == 0)
			tree_copy(in_dir(f, parts[i]), arena_printf(f->arena, "%s/%s/%s", f->dir, name, parts[i]));
}

static bool ends_with(const char *path, const char *end)
{
	return strlen(path) >= strlen(end) && strcmp(path + strlen(path) - strlen(end), end) == 0;
}

static bool synced_between(size_t from, size_t to, const char *path)
{
	for (size_t i = from; i < to; i++)
		if (trace[i].what == 's' && strcmp(trace[i].path, path) == 0)
			return true;
	return false;
}

/* A power cut keeps what was synced, and of the rest whatever it likes: so the order of the syncs is the promise. */
static void the_order_of_writing(void **state)
{
	struct fixture *f = *state;
	size_t head = 0, checkpoint = 0, tiles = 0;

	open_log(f);
	sign_to(f, 300);
	grow_journal(f, 1000);
	traced = 0;
	tracing = true;
	assert_int_equal(signed_log_extend(f->log, 1000, &f->err), 0);
	tracing = false;
	assert_true(traced > 20 && traced < ARRAY_LEN(trace));
	for (size_t i = 0; i < traced; i++) {
		char temporary[220], folder[200];

		if (trace[i].what != 'r')
			continue;
		snprintf(temporary, sizeof(temporary), "%s.new", trace[i].path);
		if (!i || trace[i - 1].what != 's' || strcmp(trace[i - 1].path, temporary) != 0)
			fail_msg("%s gets its name before its bytes are on the disk", trace[i].path);
		if (strstr(trace[i].path, "/head/"))
			head = i;
		else if (ends_with(trace[i].path, "/checkpoint"))
			checkpoint = i;
		else
			tiles++;
		snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(trace[i].path, '/') - trace[i].path), trace[i].path);
		if (i == head) /* 4: before anything of 5 */
			assert_true(synced_between(i, i + 2, folder));
		else if (i != checkpoint) { /* 5: before 6 */
			size_t until = i;

			while (until < traced && !(trace[until].what == 'r' && ends_with(trace[until].path, "/checkpoint")))
				until++;
			assert_true(until < traced && head < i);
			if (!synced_between(i, until, folder))
				fail_msg("%s is not on the disk when the checkpoint is published", trace[i].path);
		} else {
			assert_true(synced_between(i, traced, folder));
		}
	}
	assert_true(head == 1 && checkpoint > head && tiles == 7);
	assert_int_equal(trace[head].what, 'r');
}

/* --- power cuts ---------------------------------------------------------------------------------------------------------------------- */

static const char *parent_of(struct fixture *f, const char *path)
{
	return arena_printf(f->arena, "%.*s", (int)(strrchr(path, '/') - path), path);
}

/* What a step has done to the disk is lost unless the folder was synced behind it, or luck would have it. */
static bool survives(struct fixture *f, size_t step, size_t cut)
{
	return synced_between(step + 1, cut, parent_of(f, trace[step].path)) || rand() % 2;
}

/* The disk after a power cut behind the first `cut` steps: what it was before them, and of theirs what had to stay or just did. */
static void play_disk(struct fixture *f, size_t cut)
{
	lose_log(f);
	tree_copy(in_dir(f, "before"), f->dir);
	for (size_t i = 0; i < cut; i++) {
		const char *path = trace[i].path;
		CLEANUP(buf_clear) struct buf bytes = { 0 };

		if (trace[i].what == 's' || !survives(f, i, cut) || access(parent_of(f, path), F_OK) != 0)
			continue;
		if (trace[i].what == 'm') {
			(void)mkdir(path, 0700);
		} else if (trace[i].what == 'u') {
			(void)unlink(path);
		} else { /* its bytes were synced before: the_order_of_writing() */
			int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

			assert_int_equal(file_read(arena_printf(f->arena, "%s/after%s", f->dir, path + strlen(f->dir)), 1 << 20, &bytes, NULL), 0);
			assert_int_equal(write(fd, bytes.data, bytes.len), bytes.len);
			assert_int_equal(close(fd), 0);
		}
	}
}

/*
 * A replay of the flush points: the checkpoint never goes back and never forks, what is published is whole, and the log opens and goes
 * on, wherever the power goes. The journal is on the disk: it was synced before anybody heard of its leaves.
 */
static void a_power_cut_at_every_step(void **state)
{
	static const uint64_t rows[][2] = { { 0, 3 }, { 3, 300 }, { 300, 512 }, { 512, 800 } };
	struct fixture *f = *state;
	int cuts = 0;

	srand(3);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t before = rows[i][0], size = rows[i][1];

		open_log(f);
		if (before)
			sign_to(f, before);
		open_log(f);
		keep_log(f, "before");
		grow_journal(f, size);
		traced = 0;
		tracing = true;
		assert_int_equal(signed_log_extend(f->log, size, &f->err), 0);
		tracing = false;
		keep_log(f, "after");
		for (size_t cut = 0; cut <= traced; cut++) {
			for (int luck = 0; luck < 2; luck++, cuts++) {
				uint64_t now;

				play_disk(f, cut);
				now = published(f, NULL);
				assert_true(now == before || now == size);
				(void)check_files(f, now);
				open_log(f);
				assert_int_equal(f->report.mended, 0);
				assert_true(signed_log_size(f->log) >= now);
				sign_all(f);
				(void)check_files(f, size);
			}
		}
		assert_int_equal(published(f, NULL), size);
	}
	assert_true(cuts > 150);
}

/* --- crashes, broken and full disks -------------------------------------------------------------------------------------------------- */

/* What a child process does with a log of `before` records: 0, or the exit status of the step that ended it. */
static int child_extends(struct fixture *f, int step)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		steps = 0;
		die_at = step;
		if (try_open(f, false) < 0 ||
			(signed_log_size(f->log) < journal_size(f) && signed_log_extend(f->log, journal_size(f), &f->err) < 0))
			_exit(1);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* At every step: what was published before is a beginning of what is published after, and it is whole. */
static void a_crash_at_every_step(void **state)
{
	static const uint64_t rows[][2] = { { 0, 3 }, { 300, 512 }, { 512, 800 } };
	struct fixture *f = *state;
	int crashes = 0;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t before = rows[i][0], size = rows[i][1], last = before;
		int r = 77;

		grow_journal(f, size);
		for (int step = 1; r == 77; step++) {
			uint64_t now;

			/* back to where it was, as far as the files go: so each step is reached */
			lose_log(f);
			if (before) {
				open_log(f);
				assert_int_equal(signed_log_extend(f->log, before, &f->err), 0);
			}
			last = published(f, NULL);
			assert_int_equal(last, before);
			r = child_extends(f, step);
			if (r != 77 && r != 0)
				fail_msg("%llu to %llu, step %d: exit status %d", (unsigned long long)before, (unsigned long long)size, step, r);
			now = published(f, NULL);
			assert_true(now == before || now == size);
			(void)check_files(f, now); /* whatever is published is whole, before anything is mended */
			crashes += r == 77;
			open_log(f);
			now = signed_log_size(f->log);
			assert_true(now >= last && (now == before || now == size));
			(void)check_files(f, now);
			assert_int_equal(f->report.mended, 0); /* a crash leaves no damaged file */
			sign_all(f);
			(void)check_files(f, size);
			open_log(f);
			assert_int_equal(f->report.missing + f->report.mended, 0);
		}
		assert_int_equal(r, 0);
	}
	assert_true(crashes > 80);
}

/* And again while the crash is mended. */
static void a_crash_while_mending(void **state)
{
	struct fixture *f = *state;

	grow_journal(f, 600);
	for (int first = 5; first < 25; first += 9) {
		int r = 77;

		for (int step = 1; r == 77; step++) {
			lose_log(f);
			assert_int_equal(child_extends(f, first), 77);
			r = child_extends(f, step);
			assert_true(r == 77 || r == 0);
			(void)check_files(f, published(f, NULL));
			open_log(f);
			sign_all(f);
			(void)check_files(f, 600);
		}
	}
}

/* After an error of the disk nothing more is signed: the process ends with it, and a later start finds everything right. */
static void a_broken_or_full_disk(void **state)
{
	struct fixture *f = *state;
	int broken = 0, full = 0;

	grow_journal(f, 600);
	for (int kind = 0; kind < 2; kind++) {
		int r = -1;

		for (int step = 1; r < 0; step++) {
			lose_log(f);
			open_log(f);
			assert_int_equal(signed_log_extend(f->log, 250, &f->err), 0);
			steps = 0;
			*(kind ? &full_at : &fail_at) = step;
			r = signed_log_extend(f->log, 600, &f->err);
			fail_at = full_at = 0;
			if (steps >= step && r == 0)
				r = published(f, NULL) == 600 ? -EAGAIN : 0; /* only the removal of partial files may fail silently */
			assert_true(r == 0 || r == -EAGAIN || r == (kind ? -ENOSPC : -EIO));
			broken += r == -EIO;
			full += r == -ENOSPC;
			(void)check_files(f, published(f, NULL));
			open_log(f);
			sign_all(f);
			(void)check_files(f, 600);
		}
	}
	assert_true(broken > 20 && full > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_order_of_writing),
		TEST(a_power_cut_at_every_step),
		TEST(a_crash_at_every_step),
		TEST(a_crash_while_mending),
		TEST(a_broken_or_full_disk),
	};

	return cmocka_run_group_tests_name("signed_log_crash", tests, NULL, NULL);
}
