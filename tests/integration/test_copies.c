/* The journal and the key store in a store of copies: what is locked and what never is, what erasing leaves there, and a store that misbehaves. */
#include <time.h>

#include "daemon/keystore.h"
#include "tests/integration/anchor_fixture.h"

#define KEYS "/keys/test.example.com/acme/keys/2026/0000000.keys"
#define SHARD "keys/2026/0000000.keys"

static const uint8_t wrap_key[32] = { 1, 2, 3 };
static struct keystore *keys;

static int this_year(void)
{
	time_t now = time(NULL);
	struct tm tm;

	return gmtime_r(&now, &tm)->tm_year + 1900; /* a test over New Year's Eve may fail */
}

static struct fixture *open_fixture(const struct s3_peer_settings *more)
{
	struct fixture *f = fixture_create(more);
	struct err err = { 0 };

	if (keystore_open(f->dir, wrap_key, 8, &keys, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(file_make_dirs(path_of(f, "journal"), 0700), 0);
	return f;
}

static void close_fixture(struct fixture *f)
{
	keystore_close(keys);
	keys = NULL;
	fixture_destroy(f);
}

static const char *segment(struct fixture *f, unsigned n)
{
	return arena_printf(f->arena, "%020u-%04d-%020u.journal", n, this_year(), 10 * n);
}

static void write_segment(struct fixture *f, unsigned n, size_t len)
{
	char *bytes = arena_alloc(f->arena, len);

	for (size_t i = 0; i < len; i++)
		bytes[i] = (char)(i * (n + 7) + i / 251);
	assert_int_equal(file_replace(path_of(f, arena_printf(f->arena, "journal/%s", segment(f, n))), bytes, len, 0600), 0);
}

/* A debtor's keys, durable. */
static void add_debtor(void)
{
	const struct keys_port *port = keystore_port(keys);
	struct case_keys made;

	assert_int_equal(port->create(port->self, 2026, NULL, &made), 0);
	assert_int_equal(keystore_sync(keys), 0);
}

static void erase_debtor(uint32_t slot, unsigned classes)
{
	const struct keys_port *port = keystore_port(keys);

	port->erase(port->self, 2026, slot, classes);
	assert_int_equal(keystore_sync(keys), 0);
}

static const char *row(struct fixture *f)
{
	const char *plain = store_row(f);

	return arena_printf(f->arena, "%.*s,\"keys_bucket\":\"keys\"}", (int)strlen(plain) - 1, plain);
}

static const struct anchor_copies_status *copies(struct fixture *f)
{
	return &look_at(f, "copies")->copies;
}

static bool all_copied(struct fixture *f, uint64_t segments, uint64_t shards)
{
	const struct anchor_copies_status *c = copies(f);

	return c->there && c->segments_copied == segments && c->segments == segments && c->shards_copied == shards && c->shards == shards;
}

static void assert_there(struct fixture *f, const char *key, const char *file, size_t from, size_t len, const char *lock)
{
	CLEANUP(buf_clear) struct buf there = { 0 }, locked = { 0 }, here = { 0 };

	if (!s3_peer_object(f->s3, key, &there, &locked))
		fail_msg("%s is not there", key);
	assert_int_equal(file_read(path_of(f, file), 64 << 20, &here, NULL), 0);
	assert_int_equal(there.len, len ? len : here.len);
	assert_memory_equal(there.data, here.data + from, there.len);
	assert_string_equal(buf_str(&locked), lock);
}

static const char *lock_of(struct fixture *f, int years)
{
	return arena_printf(f->arena, "GOVERNANCE until %d-01-01T00:00:00Z", this_year() + years);
}

static const char *key_of_segment(struct fixture *f, unsigned n)
{
	return arena_printf(f->arena, "test.example.com/acme/%d/journal/%s", this_year(), segment(f, n));
}

/* Whether these bytes stand anywhere in the store, old versions too. */
static bool store_holds(struct fixture *f, const void *bytes, size_t len)
{
	for (size_t i = 0;; i++) {
		CLEANUP(buf_clear) struct buf path = { 0 }, object = { 0 };

		if (!s3_peer_each(f->s3, i, &path, &object))
			return false;
		if (object.len && memmem(object.data, object.len, bytes, len))
			return true;
	}
}

static void slot_bytes(struct fixture *f, uint32_t slot, uint8_t ret[128])
{
	CLEANUP(buf_clear) struct buf shard = { 0 };

	assert_int_equal(file_read(path_of(f, SHARD), KEYSTORE_SHARD_BYTES, &shard, NULL), 0);
	memcpy(ret, shard.data + 64 + 160 * slot + 16, 128);
}

/* --- segments ------------------------------------------------------------------------------------------------- */

static void row_46_closed_segments_are_copied_once(void **state)
{
	struct fixture *f = open_fixture(&(struct s3_peer_settings){ 0 });
	size_t requests;

	(void)state;
	for (unsigned n = 1; n <= 3; n++)
		write_segment(f, n, 1000 * n);
	begin(f, store_row(f));
	UNTIL(f, all_copied(f, 2, 0));
	assert_false(copies(f)->keys);
	for (unsigned n = 1; n <= 2; n++)
		assert_there(f, key_of_segment(f, n), arena_printf(f->arena, "journal/%s", segment(f, n)), 0, 0, lock_of(f, 2));
	assert_int_equal(s3_peer_count(f->s3), 2); /* the last is still written */
	finish(f);
	requests = http_peer_requests(f->s3_http);
	write_segment(f, 4, 10);
	begin(f, store_row(f));
	UNTIL(f, all_copied(f, 3, 0));
	assert_int_equal(http_peer_requests(f->s3_http), requests + 3); /* is there a log? then PUT and HEAD of the third alone */
	finish(f);
	assert_int_equal(unlink(path_of(f, "anchors/copies.json")), 0);
	begin(f, store_row(f));
	UNTIL(f, all_copied(f, 3, 0));
	assert_int_equal(s3_peer_count(f->s3), 3); /* compared */
	assert_int_equal(copies(f)->failures, 0);
	close_fixture(f);
}

static void a_large_one_goes_in_parts(void **state)
{
	struct fixture *f = open_fixture(&(struct s3_peer_settings){ 0 });
	const char *file = arena_printf(f->arena, "journal/%s", segment(f, 1));

	(void)state;
	write_segment(f, 1, 16777216 + 100);
	write_segment(f, 2, 1);
	begin(f, store_row(f));
	UNTIL(f, all_copied(f, 1, 0));
	assert_int_equal(s3_peer_count(f->s3), 3);
	for (unsigned part = 0; part < 3; part++)
		assert_there(f, arena_printf(f->arena, "%s.%04u", key_of_segment(f, 1), part), file, part * (size_t)8388608, part < 2 ? 8388608 : 100,
			lock_of(f, 2));
	close_fixture(f);
}

static void locked_for_no_longer_than_the_shortest_period(void **state)
{
	struct fixture *f = open_fixture(&(struct s3_peer_settings){ 0 });

	(void)state;
	begin(f, store_row(f));
	anchors_lock_months(f->anchors, 0);
	write_segment(f, 1, 10);
	write_segment(f, 2, 10);
	UNTIL(f, all_copied(f, 1, 0));
	assert_there(f, key_of_segment(f, 1), arena_printf(f->arena, "journal/%s", segment(f, 1)), 0, 0, "");
	anchors_lock_months(f->anchors, 36);
	write_segment(f, 3, 10);
	UNTIL(f, all_copied(f, 2, 0));
	assert_there(f, key_of_segment(f, 2), arena_printf(f->arena, "journal/%s", segment(f, 2)), 0, 0, lock_of(f, 3));
	close_fixture(f);
}

static void somebody_elses_segment_is_an_alarm(void **state)
{
	struct fixture *f = open_fixture(&(struct s3_peer_settings){ 0 });

	(void)state;
	s3_peer_put(f->s3, key_of_segment(f, 1), "theirs", "GOVERNANCE", "2999-01-01T00:00:00Z");
	write_segment(f, 1, 10);
	write_segment(f, 2, 10);
	begin(f, store_row(f));
	UNTIL(f, strcmp(copies(f)->word, "conflict") == 0 && copies(f)->alarm);
	assert_false(all_copied(f, 1, 0));
	assert_int_equal(copies(f)->bytes_waiting, 10);
	assert_non_null(strstr(buf_str(&f->notes), "<2>anchor: copies did not take the copy test.example.com/acme/"));
	close_fixture(f);
}

static void a_bucket_without_locks_is_an_alarm(void **state)
{
	struct fixture *f = open_fixture(&(struct s3_peer_settings){ .forgets_locks = true });

	(void)state;
	write_segment(f, 1, 10);
	write_segment(f, 2, 10);
	begin(f, store_row(f));
	UNTIL(f, strcmp(copies(f)->word, "unlocked") == 0 && copies(f)->alarm);
	close_fixture(f);
}

/* --- keys ------------------------------------------------------------------------------------------------------- */

static void the_key_store_is_replaced_and_never_locked(void **state)
{
	struct fixture *f = open_fixture(&(struct s3_peer_settings){ 0 });
	size_t requests;

	(void)state;
	add_debtor();
	begin(f, row(f));
	UNTIL(f, all_copied(f, 0, 1));
	assert_there(f, KEYS, SHARD, 0, 0, "");
	add_debtor();
	UNTIL(f, copies(f)->shards_copied == 0); /* once in an hour, unless asked */
	anchors_want(f->anchors);
	UNTIL(f, all_copied(f, 0, 1));
	assert_there(f, KEYS, SHARD, 0, 0, "");
	assert_int_equal(s3_peer_versions(f->s3, KEYS), 1);
	assert_int_equal(f->erasures, 0);
	finish(f);
	requests = http_peer_requests(f->s3_http);
	begin(f, row(f));
	UNTIL(f, all_copied(f, 0, 1));
	assert_int_equal(http_peer_requests(f->s3_http), requests); /* its digest is known */
	close_fixture(f);
}

static void what_is_erased_goes_from_the_copies(void **state)
{
	struct fixture *f = open_fixture(&(struct s3_peer_settings){ 0 });
	uint8_t sealed[128], other[128];

	(void)state;
	add_debtor();
	add_debtor();
	begin(f, row(f));
	UNTIL(f, all_copied(f, 0, 1));
	slot_bytes(f, 0, sealed);
	slot_bytes(f, 1, other);
	assert_true(store_holds(f, sealed, sizeof(sealed)));
	erase_debtor(0, 7);
	UNTIL(f, all_copied(f, 0, 1) && f->erasures == 1); /* at once, unasked */
	assert_true(f->erased.year == 2026 && f->erased.shard == 0 && f->erased.keys == 3 && f->erased.versions == 1);
	assert_int_equal(s3_peer_versions(f->s3, KEYS), 1);
	assert_there(f, KEYS, SHARD, 0, 0, "");
	assert_false(store_holds(f, sealed, sizeof(sealed)));
	assert_true(store_holds(f, other, sizeof(other)));
	assert_false(copies(f)->alarm || copies(f)->erasing);
	close_fixture(f);
}

static void what_cannot_be_deleted_is_an_alarm(void **state)
{
	static const struct row {
		struct s3_peer_settings how;
		const char *word;
	} rows[] = {
		{ { .keeps_versions = true }, "undeleted" },
		{ { .unlisted = true }, "unlisted" },
		{ { .locks_keys = true }, "locked" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fixture *f = open_fixture(&(struct s3_peer_settings){ 0 });
		uint8_t sealed[128];

		add_debtor();
		begin(f, row(f));
		UNTIL(f, all_copied(f, 0, 1));
		slot_bytes(f, 0, sealed);
		s3_peer_set(f->s3, &rows[i].how);
		erase_debtor(0, 1);
		UNTIL(f, copies(f)->alarm && copies(f)->erasing && strcmp(copies(f)->word, rows[i].word) == 0);
		assert_int_equal(f->erasures, 0);
		assert_true(store_holds(f, sealed, sizeof(sealed)));
		if (!strstr(buf_str(&f->notes), "keys that were erased here still lie in its copies"))
			fail_msg("%s", buf_str(&f->notes));
		finish(f); /* and over a restart */
		begin(f, row(f));
		UNTIL(f, copies(f)->alarm && copies(f)->erasing && strcmp(copies(f)->word, rows[i].word) == 0);
		assert_int_equal(f->erasures, 0);
		finish(f);
		if (!rows[i].how.locks_keys) { /* what is locked stays: a person must see to the bucket */
			s3_peer_set(f->s3, &(struct s3_peer_settings){ 0 });
			begin(f, row(f));
			UNTIL(f, all_copied(f, 0, 1) && f->erasures == 1);
			assert_int_equal(f->erased.keys, 1);
			assert_false(copies(f)->alarm);
			assert_false(store_holds(f, sealed, sizeof(sealed)));
		}
		close_fixture(f);
	}
}

/* The key store was taken back: what lies there is newer, and may be all that is left of it. */
static void newer_keys_are_never_overwritten(void **state)
{
	struct fixture *f = open_fixture(&(struct s3_peer_settings){ 0 });
	const char *const keep[] = { "cp", "-a", path_of(f, "keys"), path_of(f, "yesterday"), NULL },
			  *const back[] = { "cp", "-a", path_of(f, "yesterday/2026"), path_of(f, "keys/"), NULL };
	uint8_t sealed[128];
	struct err err = { 0 };

	(void)state;
	add_debtor();
	assert_int_equal(process_run(keep, NULL, WAIT_MS), 0);
	add_debtor();
	slot_bytes(f, 1, sealed);
	begin(f, row(f));
	UNTIL(f, all_copied(f, 0, 1));
	finish(f);
	keystore_close(keys);
	assert_int_equal(process_run(back, NULL, WAIT_MS), 0);
	if (keystore_open(f->dir, wrap_key, 8, &keys, &err) < 0)
		fail_msg("%s", err.text);
	erase_debtor(0, 7);
	begin(f, row(f));
	UNTIL(f, copies(f)->alarm && strcmp(copies(f)->word, "keys_ahead") == 0);
	assert_true(store_holds(f, sealed, sizeof(sealed)));
	assert_int_equal(f->erasures, 0);
	close_fixture(f);
}

/* --- a store that misbehaves ------------------------------------------------------------------------------------------ */

static const struct misbehaviour {
	const char *name;
	enum peer_act act;
	const char *bytes, *word;
} misbehaviours[] = {
	{ "409 Conflict", PEER_ANSWER, "HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n", "http_409" },
	{ "422", PEER_ANSWER, "HTTP/1.1 422 Unprocessable\r\nContent-Length: 0\r\n\r\n", "http_422" },
	{ "503 Slow Down", PEER_ANSWER, "HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n\r\n", "http_503" },
	{ "403", PEER_ANSWER, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", "refused" },
	{ "nothing, for ever", PEER_HANG, NULL, "timeout" },
	{ "the end of the connection", PEER_CLOSE, NULL, "connection_lost" },
};

/* From the n-th request of a round on it misbehaves, whatever is asked; then it is well again, and all comes to rest. */
static void misbehaves(struct fixture *f, const struct misbehaviour *how, size_t n)
{
	size_t count = http_peer_requests(f->s3_http) + n;
	struct peer_step *all = arena_alloc(f->arena, (count + 1) * sizeof(*all));

	for (size_t i = 0; i < count; i++)
		all[i] = (struct peer_step){ PEER_ANSWER, NULL };
	all[count] = (struct peer_step){ how->act, how->bytes };
	http_peer_script(f->s3_http, all, count + 1);
}

static void a_store_that_misbehaves(void **state)
{
	static const struct peer_step well = { PEER_ANSWER, NULL };
	const struct misbehaviour *how = *state;
	struct fixture *f = open_fixture(&(struct s3_peer_settings){ 0 });
	uint8_t sealed[128];

	write_segment(f, 1, 10);
	for (uint32_t i = 0; i < 5; i++)
		add_debtor();
	begin(f, row(f));
	UNTIL(f, all_copied(f, 0, 1));
	for (unsigned n = 0; n < 5; n++) { /* GET, PUT, HEAD, list, delete of an erasure */
		slot_bytes(f, n, sealed);
		misbehaves(f, how, n);
		erase_debtor(n, 7);
		anchors_want(f->anchors); /* it would see within a second */
		UNTIL(f, copies(f)->alarm && copies(f)->erasing && copies(f)->failures);
		/* A refusal to list or to delete has a word of its own. */
		if (n < 3 && strcmp(copies(f)->word, how->word) != 0)
			fail_msg("%u: %s", n, copies(f)->word);
		assert_int_equal(f->erasures, n);
		http_peer_script(f->s3_http, &well, 1);
		anchors_want(f->anchors);
		UNTIL(f, all_copied(f, 0, 1) && f->erasures == n + 1);
		assert_false(copies(f)->alarm);
		assert_false(store_holds(f, sealed, sizeof(sealed)));
		assert_int_equal(s3_peer_versions(f->s3, KEYS), 1);
	}
	for (unsigned n = 0; n < 2; n++) { /* PUT, HEAD of a segment */
		misbehaves(f, how, n);
		write_segment(f, n + 2, 10);
		anchors_want(f->anchors);
		UNTIL(f, copies(f)->failures);
		assert_string_equal(copies(f)->word, how->word);
		assert_false(copies(f)->alarm); /* not before a day has gone by */
		assert_true(copies(f)->bytes_waiting == 10 && copies(f)->segments_copied == n);
		http_peer_script(f->s3_http, &well, 1);
		anchors_want(f->anchors);
		UNTIL(f, all_copied(f, n + 1, 1));
	}
	close_fixture(f);
}

int main(void)
{
	static const struct CMUnitTest plain[] = {
		cmocka_unit_test(row_46_closed_segments_are_copied_once),
		cmocka_unit_test(a_large_one_goes_in_parts),
		cmocka_unit_test(locked_for_no_longer_than_the_shortest_period),
		cmocka_unit_test(somebody_elses_segment_is_an_alarm),
		cmocka_unit_test(a_bucket_without_locks_is_an_alarm),
		cmocka_unit_test(the_key_store_is_replaced_and_never_locked),
		cmocka_unit_test(what_is_erased_goes_from_the_copies),
		cmocka_unit_test(what_cannot_be_deleted_is_an_alarm),
		cmocka_unit_test(newer_keys_are_never_overwritten),
	};
	struct CMUnitTest tests[ARRAY_LEN(plain) + ARRAY_LEN(misbehaviours)];

	memcpy(tests, plain, sizeof(plain));
	for (size_t i = 0; i < ARRAY_LEN(misbehaviours); i++)
		tests[ARRAY_LEN(plain) + i] = (struct CMUnitTest){ .name = misbehaviours[i].name, .test_func = a_store_that_misbehaves,
			.initial_state = (void *)(uintptr_t)&misbehaviours[i] };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
