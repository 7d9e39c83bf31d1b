/* The signer beside a real journal and loop: when it signs, and when it does not any more. */
#include "daemon/signer.h"
#include "tests/integration/signed_log_fixture.h"

#define WAIT_S 20

struct told {
	int published, failed, error, notes;
	uint64_t size;
	char last[500];
};
static struct told told;

static void on_published(uint16_t year, uint64_t size, void *arg)
{
	(void)arg;
	assert_int_equal(year, YEAR);
	assert_true(size > told.size);
	told.published++;
	told.size = size;
}

static void on_failed(int r, const char *text, void *arg)
{
	(void)arg;
	told.failed++;
	told.error = r;
	snprintf(told.last, sizeof(told.last), "%s", text);
}

static void on_note(int priority, const char *line, void *arg)
{
	(void)priority, (void)arg;
	told.notes++;
	snprintf(told.last, sizeof(told.last), "%s", line);
}

static struct signer *make(struct fixture *f, int64_t every_ms)
{
	struct signer_settings settings = { .state_dir = f->dir, .key = &f->key, .journal = f->journal, .every_ms = every_ms };
	struct signer_callbacks callbacks = { .published = on_published, .failed = on_failed, .note = on_note };
	struct signer *signer;
	struct err err = { 0 };

	told = (struct told){ 0 };
	if (signer_create(&settings, f->base, &callbacks, &signer, &err) < 0)
		fail_msg("signer_create: %s", err.text);
	return signer;
}

static int64_t mono(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The loop turns until the condition holds. */
#define WAIT_FOR(condition)                                                                                                          \
	for (int64_t until_ = mono() + WAIT_S * 1000; !(condition);) {                                                               \
		assert_true(mono() < until_);                                                                                        \
		assert_true(event_base_loop(f->base, EVLOOP_ONCE) >= 0);                                                             \
	}

static void one_checkpoint_for_many(void **state)
{
	struct fixture *f = *state;
	struct signer *signer = make(f, 100);
	struct signer_status status;
	int64_t began = mono();

	for (int i = 0; i < 300; i++)
		append(f, YEAR, 1);
	WAIT_FOR(told.size == 300);
	/* one more than the time allows: the first look may come at once */
	assert_true(told.published <= (mono() - began) / 100 + 1);
	signer_status(signer, &status);
	assert_true(status.year == YEAR && status.records == 300 && status.size == 300 && !status.behind && !status.no_space);
	assert_int_equal(status.published, told.published);
	(void)check_files(f, 300);
	assert_int_equal(told.failed, 0);
	signer_destroy(signer, true);
}

static void the_rest_at_the_end(void **state)
{
	struct fixture *f = *state;
	struct signer *signer = make(f, 3600000);

	append(f, YEAR, 300);
	signer_destroy(signer, false);
	assert_int_equal(published(f, NULL), 0);
	signer = make(f, 3600000);
	append(f, YEAR, 5);
	signer_destroy(signer, true);
	assert_int_equal(told.size, 305);
	(void)check_files(f, 305);
}

static void every_log_is_caught_up(void **state)
{
	struct fixture *f = *state;
	struct signer *signer;
	struct signer_status status;

	for (size_t i = 0; i < 40; i++)
		append(f, YEAR, 1000);
	signer = make(f, 100);
	signer_status(signer, &status);
	assert_int_equal(status.behind, 40000);
	WAIT_FOR(told.size == 40000);
	assert_int_equal(told.published, 2); /* SIGNED_LOG_BATCH, then the rest */
	signer_destroy(signer, true);
	(void)check_files(f, 40000);
}

/* After a failed sync of the journal nothing is signed, not even what was durable before. */
static void nothing_after_the_journal_failed(void **state)
{
	struct fixture *f = *state;
	struct signer *signer = make(f, 3600000);

	append(f, YEAR, 10);
	signer_destroy(signer, true);
	assert_int_equal(published(f, NULL), 10);
	signer = make(f, 3600000);
	append(f, YEAR, 10);
	fail_sync = true;
	f->expect = -EIO;
	append(f, YEAR, 10);
	fail_sync = false;
	assert_true(journal_broken(f->journal));
	signer_destroy(signer, true);
	assert_int_equal(published(f, NULL), 10);
	assert_int_equal(told.failed, 0); /* the journal has told it */
}

static void a_disk_that_fails_ends_it(void **state)
{
	struct fixture *f = *state;
	struct signer *signer = make(f, 100);

	append(f, YEAR, 10);
	WAIT_FOR(told.size == 10);
	append(f, YEAR, 10);
	steps = 0;
	fail_at = 2;
	WAIT_FOR(told.failed);
	assert_int_equal(told.error, -EIO);
	assert_non_null(strstr(told.last, "test.example/acme/2026"));
	fail_at = 0;
	signer_destroy(signer, true); /* and nothing more is signed */
	assert_int_equal(told.failed, 1);
	assert_int_equal(published(f, NULL), 10);
	signer = make(f, 100);
	WAIT_FOR(told.size == 20 || published(f, NULL) == 20);
	signer_destroy(signer, true);
	(void)check_files(f, 20);
}

static void no_space_is_waited_out(void **state)
{
	struct fixture *f = *state;
	struct signer *signer = make(f, 100);
	struct signer_status status;

	append(f, YEAR, 300);
	WAIT_FOR(told.size == 300);
	always_full = true;
	append(f, YEAR, 10);
	WAIT_FOR(told.notes);
	signer_status(signer, &status);
	assert_true(status.no_space && status.behind == 10);
	assert_non_null(strstr(told.last, "no space"));
	always_full = false;
	WAIT_FOR(told.size == 310);
	signer_status(signer, &status);
	assert_false(status.no_space);
	assert_int_equal(told.failed, 0);
	assert_int_equal(told.notes, 2); /* once when it began, once when it ended */
	signer_destroy(signer, true);
	(void)check_files(f, 310);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_checkpoint_for_many),
		TEST(the_rest_at_the_end),
		TEST(every_log_is_caught_up),
		TEST(nothing_after_the_journal_failed),
		TEST(a_disk_that_fails_ends_it),
		TEST(no_space_is_waited_out),
	};

	return cmocka_run_group_tests_name("signer", tests, NULL, NULL);
}
