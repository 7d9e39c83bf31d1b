/* The anchors against real peers on loopback: what each keeps, what is recorded, and that no misbehaviour goes unnoticed or lasts. */
#include "tests/integration/anchor_fixture.h"

#include "common/witness.h"

#define FOLDER "anchors/2026/"

static const struct s3_peer_settings plain = { 0 };

static void rewrite(struct fixture *f, const char *old, const char *fresh)
{
	const char *path = path_of(f, FOLDER "state.json"), *at;
	CLEANUP(buf_clear) struct buf text = { 0 }, changed = { 0 };

	assert_int_equal(file_read(path, 1 << 20, &text, NULL), 0);
	at = strstr(buf_str(&text), old);
	assert_non_null(at);
	buf_add(&changed, text.data, (size_t)(at - text.data));
	buf_add_str(&changed, fresh);
	buf_add_str(&changed, at + strcspn(at, ",}"));
	assert_int_equal(file_replace(path, changed.data, changed.len, 0600), 0);
}

/* --- time stamps ----------------------------------------------------------------------------------------- */

static void a_stamp_is_taken_kept_and_recorded(void **state)
{
	struct fixture *f = fixture_create(&plain);
	CLEANUP(buf_clear) struct buf output = { 0 }, kept = { 0 };

	(void)state;
	log_maker_write(f->dir, 300, 0);
	begin(f, stamp_row(f, ",\"policy\":\"" AUTHORITY_POLICY "\""));
	wait_for(f, "tsa-1", 300, NULL);
	assert_int_equal(f->status.size, 300);
	assert_string_equal(f->status.origin, LOG_MAKER_ORIGIN);
	assert_false(f->status.anchors[0].alarm);
	assert_int_equal(f->records, 1);
	assert_int_equal(f->last.kind, ANCHOR_TIMESTAMP);
	assert_string_equal(f->last.origin, LOG_MAKER_ORIGIN);
	assert_int_equal(f->last.size, 300);
	assert_string_equal(f->last.authority, "CN=A test authority");
	assert_int_equal(file_read(path_of(f, FOLDER "300/tsa-1.tsr"), 1 << 20, &kept, NULL), 0);
	assert_int_equal(kept.len, f->last.bytes.len);
	assert_memory_equal(kept.data, f->last.bytes.data, kept.len);
	{ /* a stranger's tool, with nothing but what is kept */
		const char *const argv[] = { "openssl", "ts", "-verify", "-queryfile", path_of(f, FOLDER "300/tsa-1.tsq"), "-in",
			path_of(f, FOLDER "300/tsa-1.tsr"), "-CAfile", path_of(f, FOLDER "300/tsa-1.pem"), NULL };
		const char *const data[] = { "openssl", "ts", "-verify", "-data", path_of(f, FOLDER "300/checkpoint"), "-in",
			path_of(f, FOLDER "300/tsa-1.tsr"), "-CAfile", path_of(f, FOLDER "300/tsa-1.pem"), NULL };

		if (process_run(argv, &output, WAIT_MS) != 0 || process_run(data, &output, WAIT_MS) != 0)
			fail_msg("%s", buf_str(&output));
	}
	fixture_destroy(f);
}

static void nothing_is_asked_twice_after_a_restart(void **state)
{
	struct fixture *f = fixture_create(&plain);

	(void)state;
	log_maker_write(f->dir, 10, 0);
	for (int i = 0; i < 3; i++) {
		begin(f, stamp_row(f, ""));
		wait_for(f, "tsa-1", 10, NULL);
		finish(f);
	}
	assert_int_equal(http_peer_requests(f->tsa_http), 1);
	fixture_destroy(f);
}

static void a_log_that_grows_waits_its_hour_unless_asked(void **state)
{
	struct fixture *f = fixture_create(&plain);

	(void)state;
	log_maker_write(f->dir, 10, 0);
	begin(f, stamp_row(f, ""));
	wait_for(f, "tsa-1", 10, NULL);
	log_maker_write(f->dir, 300, 0);
	UNTIL(f, (look_at(f, "tsa-1"), f->status.size == 300));
	assert_int_equal(http_peer_requests(f->tsa_http), 1);
	anchors_want(f->anchors);
	wait_for(f, "tsa-1", 300, NULL);
	assert_int_equal(f->records, 2);
	fixture_destroy(f);
}

struct flaw {
	const char *name;
	enum authority_whim whim;
	bool stranger;
	const char *more, *word;
};
static const struct flaw flaws[] = {
	{ "an authority that answers another request", AUTHORITY_OTHER_NONCE, false, "", "nonce" },
	{ "an authority that stamps other data", AUTHORITY_OTHER_DATA, false, "", "imprint" },
	{ "an authority that refuses", AUTHORITY_REFUSES, false, "", "refused" },
	{ "an authority whose clock is wrong", AUTHORITY_WRONG_TIME, false, "", "time" },
	{ "an authority that talks nonsense", AUTHORITY_GARBAGE, false, "", "malformed" },
	{ "an authority with a fault", AUTHORITY_FAULT, false, "", "http_500" },
	{ "an authority of another root", AUTHORITY_HONEST, true, "", "untrusted" },
	{ "an authority with another policy", AUTHORITY_HONEST, false, ",\"policy\":\"1.2.3\"", "policy" },
};

static void the_list_of_the_day_is_kept(void **state)
{
	struct fixture *f = fixture_create(&plain);
	CLEANUP(buf_clear) struct buf output = { 0 };
	const char *root;

	(void)state;
	authority_destroy(f->authority);
	f->authority = authority_create_listing(arena_printf(f->arena, "http://127.0.0.1:%u/list.crl", http_peer_port(f->tsa_http)));
	http_peer_handler(f->tsa_http, authority_http, f->authority);
	root = authority_root(f->authority, f->arena);
	assert_int_equal(file_replace(path_of(f, "root.pem"), root, strlen(root), 0600), 0);
	log_maker_write(f->dir, 10, 0);
	authority_be(f->authority, AUTHORITY_REVOKED);
	begin(f, stamp_row(f, ""));
	wait_for(f, "tsa-1", 0, "revoked");
	assert_false(there_is(f, FOLDER "10/tsa-1.tsr"));
	authority_be(f->authority, AUTHORITY_OLD_LIST); /* told, and the stamp is kept without it */
	anchors_want(f->anchors);
	wait_for(f, "tsa-1", 10, NULL);
	assert_true(there_is(f, FOLDER "10/tsa-1.tsr") && !there_is(f, FOLDER "10/tsa-1.crl"));
	assert_non_null(strstr(buf_str(&f->notes), "<4>anchor: tsa-1: its stamps are kept without a list of revoked certificates"));
	authority_be(f->authority, AUTHORITY_NO_LIST);
	log_maker_write(f->dir, 11, 0);
	anchors_want(f->anchors);
	wait_for(f, "tsa-1", 11, NULL);
	assert_false(there_is(f, FOLDER "11/tsa-1.crl"));
	authority_be(f->authority, AUTHORITY_HONEST);
	log_maker_write(f->dir, 12, 0);
	anchors_want(f->anchors);
	wait_for(f, "tsa-1", 12, NULL);
	{
		const char *const argv[] = { "openssl", "crl", "-inform", "DER", "-in", path_of(f, FOLDER "12/tsa-1.crl"), "-CAfile",
			path_of(f, FOLDER "12/tsa-1.pem"), "-noout", NULL };

		if (process_run(argv, &output, WAIT_MS) != 0 || !strstr(buf_str(&output), "verify OK"))
			fail_msg("%s", buf_str(&output));
	}
	fixture_destroy(f);
}

/* Nothing of it is kept or recorded; once it behaves, all is as if nothing had been. */
static void misbehaving_authority(void **state)
{
	const struct flaw *flaw = *state;
	struct fixture *f = fixture_create(&plain);

	log_maker_write(f->dir, 10, 0);
	authority_be(f->authority, flaw->whim);
	if (flaw->stranger)
		http_peer_handler(f->tsa_http, authority_http, f->stranger);
	begin(f, stamp_row(f, flaw->more));
	wait_for(f, "tsa-1", 0, flaw->word);
	assert_int_equal(look_at(f, "tsa-1")->failures, 1);
	assert_true(look_at(f, "tsa-1")->at == 0 && f->records == 0);
	assert_false(there_is(f, FOLDER "10/tsa-1.tsr"));
	finish(f);
	authority_be(f->authority, AUTHORITY_HONEST);
	http_peer_handler(f->tsa_http, authority_http, f->authority);
	begin(f, stamp_row(f, ""));
	anchors_want(f->anchors);
	wait_for(f, "tsa-1", 10, NULL);
	assert_string_equal(look_at(f, "tsa-1")->word, "");
	assert_true(there_is(f, FOLDER "10/tsa-1.tsr"));
	fixture_destroy(f);
}

static void one_that_hangs_holds_nobody_else_up(void **state)
{
	static const struct peer_step hang = { PEER_HANG, NULL };
	struct fixture *f = fixture_create(&plain);
	int64_t begun;

	(void)state;
	log_maker_write(f->dir, 10, 0);
	http_peer_script(f->tsa_http, &hang, 1);
	begin(f, arena_printf(f->arena, "%s,%s", stamp_row(f, ",\"timeout\":\"1s\""), witness_row(f)));
	wait_for(f, "witness-1", 10, NULL);
	begun = real_ms();
	wait_for(f, "tsa-1", 0, "timeout");
	assert_true(real_ms() - begun < 10000);
	fixture_destroy(f);
}

/* It ends while somebody has not answered: at once. */
static void an_end_does_not_wait(void **state)
{
	static const struct peer_step hang = { PEER_HANG, NULL };
	struct fixture *f = fixture_create(&plain);
	int64_t begun;

	(void)state;
	log_maker_write(f->dir, 10, 0);
	http_peer_script(f->tsa_http, &hang, 1);
	begin(f, stamp_row(f, ""));
	UNTIL(f, look_at(f, "tsa-1")->busy);
	begun = real_ms();
	finish(f);
	assert_true(real_ms() - begun < 5000);
	fixture_destroy(f);
}

static void the_alarm_rises_with_age_and_falls(void **state)
{
	struct fixture *f = fixture_create(&plain);

	(void)state;
	log_maker_write(f->dir, 10, 0);
	authority_be(f->authority, AUTHORITY_FAULT);
	begin(f, stamp_row(f, ""));
	wait_for(f, "tsa-1", 0, "http_500");
	assert_false(look_at(f, "tsa-1")->alarm);
	finish(f);
	rewrite(f, "\"waiting_since\":", arena_printf(f->arena, "\"waiting_since\":%lld",
		(long long)((int64_t)time(NULL) * 1000 - ANCHOR_ALARM_MS)));
	begin(f, stamp_row(f, ""));
	UNTIL(f, look_at(f, "tsa-1")->alarm);
	assert_true(look_at(f, "tsa-1")->age_ms >= ANCHOR_ALARM_MS);
	(void)event_base_loop(f->base, EVLOOP_NONBLOCK);
	assert_non_null(strstr(buf_str(&f->notes), "<3>anchor: tsa-1: alarm: the oldest leaf has been waiting for 25 h (http_500)"));
	authority_be(f->authority, AUTHORITY_HONEST);
	anchors_want(f->anchors);
	wait_for(f, "tsa-1", 10, NULL);
	UNTIL(f, !look_at(f, "tsa-1")->alarm);
	assert_int_equal(look_at(f, "tsa-1")->age_ms, 0);
	fixture_destroy(f);
}

static void a_log_set_back_is_not_anchored(void **state)
{
	struct fixture *f = fixture_create(&plain);

	(void)state;
	log_maker_write(f->dir, 300, 0);
	begin(f, stamp_row(f, ""));
	wait_for(f, "tsa-1", 300, NULL);
	log_maker_write(f->dir, 299, 0);
	UNTIL(f, (look_at(f, "tsa-1"), f->status.set_back));
	(void)event_base_loop(f->base, EVLOOP_NONBLOCK);
	assert_non_null(strstr(buf_str(&f->notes), "<2>anchor: the checkpoint of 2026 has 299 leaves, and more were anchored"));
	anchors_want(f->anchors);
	finish(f);
	begin(f, stamp_row(f, "")); /* also after a restart */
	UNTIL(f, (look_at(f, "tsa-1"), f->status.set_back));
	assert_int_equal(http_peer_requests(f->tsa_http), 1);
	fixture_destroy(f);
}

static void without_a_signed_log_nobody_is_asked(void **state)
{
	struct fixture *f = fixture_create(&plain);
	const struct anchor_status *s;

	(void)state;
	begin(f, stamp_row(f, ""));
	anchors_want(f->anchors);
	log_maker_write(f->dir, 0, 0); /* an empty log has a checkpoint at best, and no leaf */
	for (int64_t until = real_ms() + 1500; real_ms() < until; pause_ms(20))
		s = look_at(f, "tsa-1"), assert_true(!s->size && !s->busy && !s->age_ms);
	assert_string_equal(f->status.origin, "");
	assert_int_equal(http_peer_requests(f->tsa_http), 0);
	fixture_destroy(f);
}

static void a_damaged_checkpoint_is_told(void **state)
{
	struct fixture *f = fixture_create(&plain);
	int64_t until = real_ms() + WAIT_MS;

	(void)state;
	log_maker_write(f->dir, 10, 0);
	assert_int_equal(file_replace(path_of(f, "log/2026/checkpoint"), "x", 1, 0600), 0);
	begin(f, stamp_row(f, ""));
	while ((void)look_at(f, "tsa-1"), !strstr(buf_str(&f->notes), "<3>anchor: ") && real_ms() < until)
		pause_ms(10);
	assert_non_null(strstr(buf_str(&f->notes), "/log/2026/checkpoint cannot be read, and is not anchored: it is no checkpoint"));
	log_maker_write(f->dir, 10, 0);
	wait_for(f, "tsa-1", 10, NULL);
	fixture_destroy(f);
}

static void an_answer_without_end_is_cut_off(void **state)
{
	static const struct peer_step flood = { PEER_FLOOD, "HTTP/1.1 200 OK\r\n\r\n" };
	struct fixture *f = fixture_create(&plain);

	(void)state;
	log_maker_write(f->dir, 10, 0);
	http_peer_script(f->tsa_http, &flood, 1);
	http_peer_script(f->witness_http, &flood, 1);
	http_peer_script(f->s3_http, &flood, 1);
	begin(f, arena_printf(f->arena, "%s,%s,%s", stamp_row(f, ""), witness_row(f), store_row(f)));
	wait_for(f, "tsa-1", 0, "too_long");
	wait_for(f, "witness-1", 0, "useless");
	wait_for(f, "copies", 0, "conflict"); /* what is called checkpoint there is none */
	fixture_destroy(f);
}

static void roots_that_are_none_refuse_the_start(void **state)
{
	struct fixture *f = fixture_create(&plain);
	struct err err = { 0 };

	(void)state;
	begin(f, stamp_row(f, ""));
	assert_int_equal(anchors_check(f->config, &err), 0);
	assert_int_equal(file_replace(path_of(f, "root.pem"), "x", 1, 0600), 0);
	assert_int_equal(anchors_check(f->config, &err), -EBADMSG);
	assert_string_equal(err.path, "$.trail.anchors.tsa-1.roots");
	assert_non_null(strstr(err.text, "root.pem holds no certificate"));
	assert_int_equal(unlink(path_of(f, "root.pem")), 0);
	err_clear(&err);
	assert_int_equal(anchors_check(f->config, &err), -ENOENT);
	assert_string_equal(err.path, "$.trail.anchors.tsa-1.roots");
	fixture_destroy(f);
}

/* --- witnesses ---------------------------------------------------------------------------------------------- */

static void a_witness_follows_the_log_as_it_grows(void **state)
{
	static const uint64_t sizes[] = { 1, 255, 256, 257, 600 };
	struct fixture *f = fixture_create(&plain);

	(void)state;
	log_maker_write(f->dir, sizes[0], 0);
	begin(f, witness_row(f));
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		CLEANUP(buf_clear) struct buf text = { 0 };
		struct note_key keys[2];
		struct note_seal seals[2];
		struct note note;

		log_maker_write(f->dir, sizes[i], 0);
		anchors_want(f->anchors);
		wait_for(f, "witness-1", sizes[i], NULL);
		assert_int_equal(witness_peer_size(f->witness), sizes[i]);
		assert_int_equal(f->records, i + 1);
		assert_int_equal(f->last.kind, ANCHOR_WITNESS);
		assert_int_equal(file_read(path_of(f, arena_printf(f->arena, FOLDER "%llu/witness-1.cosigned", (unsigned long long)sizes[i])),
					 1 << 20, &text, NULL),
			0);
		log_maker_key(&keys[0]);
		assert_int_equal(note_key_parse(f->config->anchors[0].verifier_key, &keys[1]), 0);
		assert_int_equal(note_parse(text.data, text.len, &note), 0);
		assert_int_equal(note_verify(&note, keys, 2, seals), 0);
		assert_true(seals[0].good && seals[1].good && (int64_t)seals[1].time * SECOND_MS == f->last.at);
	}
	assert_int_equal(http_peer_requests(f->witness_http), ARRAY_LEN(sizes)); /* never a 409 */
	fixture_destroy(f);
}

static void a_witness_that_knows_less_is_proved_to_from_there(void **state)
{
	struct fixture *f = fixture_create(&plain);
	uint8_t none[SHA256_SIZE];

	(void)state;
	log_maker_write(f->dir, 300, 0);
	begin(f, witness_row(f));
	wait_for(f, "witness-1", 300, NULL);
	sha256("", 0, none);
	witness_peer_know(f->witness, 0, none); /* it has lost its memory */
	log_maker_write(f->dir, 600, 0);
	anchors_want(f->anchors);
	wait_for(f, "witness-1", 600, NULL);
	assert_int_equal(http_peer_requests(f->witness_http), 3);
	fixture_destroy(f);
}

static void two_histories_are_an_alarm(void **state)
{
	struct fixture *f = fixture_create(&plain);

	(void)state;
	log_maker_write(f->dir, 300, 0);
	begin(f, witness_row(f));
	wait_for(f, "witness-1", 300, NULL);
	log_maker_write(f->dir, 600, 1); /* another history, signed by the same key */
	anchors_want(f->anchors);
	wait_for(f, "witness-1", 300, "forked");
	assert_true(look_at(f, "witness-1")->alarm);
	assert_non_null(strstr(buf_str(&f->notes), "<2>anchor: witness-1 has seen another tree of " LOG_MAKER_ORIGIN));
	assert_int_equal(f->records, 1);
	fixture_destroy(f);
}

static void a_witness_that_has_seen_more_is_an_alarm(void **state)
{
	struct fixture *f = fixture_create(&plain);
	uint8_t root[SHA256_SIZE] = { 1 };

	(void)state;
	witness_peer_know(f->witness, 400, root);
	log_maker_write(f->dir, 300, 0);
	begin(f, witness_row(f));
	wait_for(f, "witness-1", 0, "ahead");
	assert_true(look_at(f, "witness-1")->alarm);
	assert_non_null(strstr(buf_str(&f->notes), "has seen more of " LOG_MAKER_ORIGIN " than is here"));
	fixture_destroy(f);
}

static void a_witness_with_a_wrong_clock_or_a_fault_is_not_believed(void **state)
{
	static const struct peer_step fault = { PEER_ANSWER, "HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n" },
				      missing = { PEER_ANSWER, "HTTP/1.1 404 x\r\nContent-Length: 0\r\n\r\n" }, real = { PEER_ANSWER, NULL };
	struct fixture *f = fixture_create(&plain);

	(void)state;
	witness_peer_shift(f->witness, 3600);
	log_maker_write(f->dir, 300, 0);
	begin(f, witness_row(f));
	wait_for(f, "witness-1", 0, "useless");
	witness_peer_shift(f->witness, 0);
	http_peer_script(f->witness_http, &fault, 1);
	anchors_want(f->anchors);
	wait_for(f, "witness-1", 0, "http_503");
	http_peer_script(f->witness_http, &missing, 1);
	anchors_want(f->anchors);
	wait_for(f, "witness-1", 0, "unknown_log");
	http_peer_script(f->witness_http, &real, 1);
	assert_false(there_is(f, FOLDER "300/witness-1.cosigned"));
	anchors_want(f->anchors);
	wait_for(f, "witness-1", 300, NULL); /* it had seen it: 409, and from there */
	fixture_destroy(f);
}

/* --- copies -------------------------------------------------------------------------------------------------- */

static const char *key_of(struct fixture *f, const char *name)
{
	return arena_printf(f->arena, LOG_MAKER_ORIGIN "/%s", name);
}

static void assert_copied(struct fixture *f, const char *name, const char *file, bool locked)
{
	CLEANUP(buf_clear) struct buf bytes = { 0 }, lock = { 0 }, own = { 0 };

	if (!s3_peer_object(f->s3, key_of(f, name), &bytes, &lock))
		fail_msg("%s is not copied", name);
	assert_int_equal(file_read(path_of(f, file), 1 << 20, &own, NULL), 0);
	assert_int_equal(bytes.len, own.len);
	assert_memory_equal(bytes.data, own.data, own.len);
	if (!locked)
		assert_string_equal(buf_str(&lock), "");
	else
		assert_int_equal(strncmp(buf_str(&lock), "COMPLIANCE until 20", 19), 0);
}

static void full_tiles_checkpoints_and_stamps_are_copied(void **state)
{
	struct fixture *f = fixture_create(&plain);

	(void)state;
	log_maker_write(f->dir, 600, 0);
	begin(f, arena_printf(f->arena, "%s,%s", stamp_row(f, ""), store_row(f)));
	wait_for(f, "tsa-1", 600, NULL);
	wait_for(f, "copies", 600, NULL);
	anchors_want(f->anchors); /* for the stamp, should it have come later than the copy */
	for (int64_t until = real_ms() + WAIT_MS; s3_peer_count(f->s3) < 7 && real_ms() < until;)
		(void)look_at(f, "copies"), pause_ms(10);
	assert_copied(f, "tile/0/000", "log/2026/tile/0/000", true);
	assert_copied(f, "tile/0/001", "log/2026/tile/0/001", true);
	assert_copied(f, "tile/entries/000", "log/2026/tile/entries/000", true);
	assert_copied(f, "tile/entries/001", "log/2026/tile/entries/001", true);
	assert_copied(f, "checkpoints/600", "log/2026/checkpoint", true);
	assert_copied(f, "checkpoint", "log/2026/checkpoint", false);
	assert_copied(f, "anchors/600.tsa-1.tsr", FOLDER "600/tsa-1.tsr", true);
	assert_int_equal(s3_peer_count(f->s3), 7); /* and nothing else: no partial tile */
	log_maker_write(f->dir, 65536 + 300, 0);
	anchors_want(f->anchors);
	wait_for(f, "copies", 65536 + 300, NULL);
	assert_copied(f, "tile/1/000", "log/2026/tile/1/000", true);
	assert_copied(f, "tile/entries/256", "log/2026/tile/entries/256", true);
	assert_copied(f, "checkpoint", "log/2026/checkpoint", false);
	fixture_destroy(f);
}

static void a_store_that_was_away_catches_up(void **state)
{
	static const struct peer_step away = { PEER_RESET, NULL }, slow = { PEER_ANSWER, "HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n" },
				      hang = { PEER_HANG, NULL };
	static const struct peer_step real[] = { { PEER_ANSWER, NULL } };
	struct fixture *f = fixture_create(&plain);

	(void)state;
	log_maker_write(f->dir, 300, 0);
	http_peer_script(f->s3_http, &away, 1);
	begin(f, store_row(f));
	wait_for(f, "copies", 0, "connection_lost");
	http_peer_script(f->s3_http, &slow, 1);
	anchors_want(f->anchors);
	wait_for(f, "copies", 0, "http_503");
	http_peer_script(f->s3_http, &hang, 1);
	anchors_want(f->anchors);
	wait_for(f, "copies", 0, "timeout");
	log_maker_write(f->dir, 600, 0);
	http_peer_script(f->s3_http, real, 1);
	anchors_want(f->anchors);
	wait_for(f, "copies", 600, NULL);
	assert_copied(f, "tile/0/001", "log/2026/tile/0/001", true);
	assert_int_equal(f->records, 1);
	fixture_destroy(f);
}

static void somebody_elses_log_in_the_store_is_an_alarm(void **state)
{
	struct fixture *f = fixture_create(&plain);

	(void)state;
	s3_peer_put(f->s3, key_of(f, "checkpoints/300"), "another checkpoint", "COMPLIANCE", "2036-01-01T00:00:00Z");
	log_maker_write(f->dir, 300, 0);
	begin(f, store_row(f));
	wait_for(f, "copies", 0, "conflict");
	assert_true(look_at(f, "copies")->alarm);
	assert_non_null(strstr(buf_str(&f->notes), "<2>anchor: copies: " LOG_MAKER_ORIGIN "/checkpoints/300 is there with other bytes"));
	fixture_destroy(f);
}

/* Yesterday's state directory: what the store has last is larger, and stays so. */
static void a_store_that_has_more_is_an_alarm(void **state)
{
	struct fixture *f = fixture_create(&plain);

	(void)state;
	log_maker_write(f->dir, 600, 0);
	begin(f, store_row(f));
	wait_for(f, "copies", 600, NULL);
	finish(f);
	assert_int_equal(unlink(path_of(f, FOLDER "state.json")), 0);
	log_maker_write(f->dir, 300, 0);
	begin(f, store_row(f));
	wait_for(f, "copies", 0, "ahead");
	assert_true(look_at(f, "copies")->alarm);
	assert_non_null(strstr(buf_str(&f->notes), "<2>anchor: copies has a checkpoint of 600 leaves"));
	log_maker_write(f->dir, 600, 0);
	assert_copied(f, "checkpoint", "log/2026/checkpoint", false);
	fixture_destroy(f);
}

/* The journal came back from a copy, its log did not: the store is asked before anything of it can be signed. */
static void a_log_that_was_lost_is_asked_for(void **state)
{
	struct fixture *f = fixture_create(&(struct s3_peer_settings){ 0 });
	CLEANUP(buf_clear) struct buf checkpoint = { 0 };
	const char *const lose[] = { "rm", "-rf", path_of(f, "log"), NULL };

	(void)state;
	log_maker_write(f->dir, 300, 0);
	assert_int_equal(file_read(path_of(f, "log/2026/checkpoint"), 1 << 16, &checkpoint, NULL), 0);
	assert_int_equal(process_run(lose, NULL, WAIT_MS), 0);
	assert_int_equal(file_make_dirs(path_of(f, "journal"), 0700), 0);
	assert_int_equal(file_replace(path_of(f, "journal/00000000000000000001-2026-00000000000000000000.journal"), "x", 1, 0600), 0);
	begin(f, store_row(f)); /* of a store that has nothing: a new installation */
	UNTIL(f, (look_at(f, "copies"), f->status.looked));
	assert_false(f->status.ahead);
	finish(f);
	s3_peer_put(f->s3, "test.example.com/acme/2026/checkpoint", buf_str(&checkpoint), NULL, NULL);
	begin(f, store_row(f));
	UNTIL(f, (look_at(f, "copies"), f->status.looked));
	assert_true(f->status.ahead);
	assert_string_equal(look_at(f, "copies")->word, "ahead");
	fixture_destroy(f);
}

static void a_bucket_without_locks_is_an_alarm(void **state)
{
	struct fixture *f = fixture_create(&(struct s3_peer_settings){ .forgets_locks = true });

	(void)state;
	log_maker_write(f->dir, 300, 0);
	begin(f, store_row(f));
	wait_for(f, "copies", 0, "unlocked");
	assert_true(look_at(f, "copies")->alarm);
	fixture_destroy(f);
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(a_stamp_is_taken_kept_and_recorded),
		cmocka_unit_test(the_list_of_the_day_is_kept),
		cmocka_unit_test(nothing_is_asked_twice_after_a_restart),
		cmocka_unit_test(a_log_that_grows_waits_its_hour_unless_asked),
		cmocka_unit_test(one_that_hangs_holds_nobody_else_up),
		cmocka_unit_test(an_end_does_not_wait),
		cmocka_unit_test(the_alarm_rises_with_age_and_falls),
		cmocka_unit_test(a_log_set_back_is_not_anchored),
		cmocka_unit_test(without_a_signed_log_nobody_is_asked),
		cmocka_unit_test(a_damaged_checkpoint_is_told),
		cmocka_unit_test(an_answer_without_end_is_cut_off),
		cmocka_unit_test(roots_that_are_none_refuse_the_start),
		cmocka_unit_test(a_witness_follows_the_log_as_it_grows),
		cmocka_unit_test(a_witness_that_knows_less_is_proved_to_from_there),
		cmocka_unit_test(two_histories_are_an_alarm),
		cmocka_unit_test(a_witness_that_has_seen_more_is_an_alarm),
		cmocka_unit_test(a_witness_with_a_wrong_clock_or_a_fault_is_not_believed),
		cmocka_unit_test(full_tiles_checkpoints_and_stamps_are_copied),
		cmocka_unit_test(a_store_that_was_away_catches_up),
		cmocka_unit_test(somebody_elses_log_in_the_store_is_an_alarm),
		cmocka_unit_test(a_store_that_has_more_is_an_alarm),
		cmocka_unit_test(a_log_that_was_lost_is_asked_for),
		cmocka_unit_test(a_bucket_without_locks_is_an_alarm),
	};
	struct CMUnitTest tests[ARRAY_LEN(flaws) + ARRAY_LEN(others)];

	for (size_t i = 0; i < ARRAY_LEN(flaws); i++)
		tests[i] = (struct CMUnitTest){ .name = flaws[i].name, .test_func = misbehaving_authority,
			.initial_state = (void *)(uintptr_t)&flaws[i] };
	memcpy(tests + ARRAY_LEN(flaws), others, sizeof(others));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
