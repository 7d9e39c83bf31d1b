/* What a log says to a witness, and what it makes of each answer. Against the published requests and cosignatures. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/utc.h"
#include "common/witness.h"
#include "tests/unit/vectors.h"

#define WITNESS 1 /* its place among the keys */
#define COSIGNED_AT INT64_C(1701740212000)

struct fixture {
	struct arena *arena;
	struct slice body; /* request from 256 to 300 */
	struct witness_request request;
	const char *line; /* a good answer */
	struct note_key key;
};

static void open_fixture(struct fixture *f)
{
	struct json root, rows, row, keys, key;

	f->arena = arena_create();
	root = vector_json(f->arena, "cosignatures.json");
	rows = json_get(&root, "add_checkpoint");
	row = json_at(&rows, 0);
	keys = json_get(&root, "keys");
	key = json_at(&keys, WITNESS);
	f->body = (struct slice){ (const uint8_t *)vector_text(&row, "body"), strlen(vector_text(&row, "body")) };
	f->line = vector_text(&row, "response_line");
	assert_int_equal(note_key_parse(vector_text(&key, "vkey"), &f->key), 0);
	assert_int_equal(witness_request_parse(f->body.data, f->body.len, &f->request), 0);
}

static struct witness_reply answer(const struct fixture *f, int status, const char *type, const char *body, struct buf *lines)
{
	const struct witness_answer a = { status, type, { (const uint8_t *)body, strlen(body) } };

	return witness_read(&a, &f->request, 300, &f->key, COSIGNED_AT + 60 * SECOND_MS, 5 * MINUTE_MS, lines);
}

/* --- requests ------------------------------------------------------------------------------------------ */

static void published_requests(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json root = vector_json(arena, "cosignatures.json"), rows = json_get(&root, "add_checkpoint");

	(void)state;
	assert_true(json_len(&rows) > 0);
	for (size_t i = 0; i < json_len(&rows); i++) {
		CLEANUP(buf_clear) struct buf again = { 0 };
		struct json row = json_at(&rows, i);
		const char *body = vector_text(&row, "body");
		struct witness_request request;
		struct checkpoint checkpoint;
		uint8_t old_root[SHA256_SIZE];
		struct note note;

		assert_int_equal(witness_request_parse(body, strlen(body), &request), 0);
		assert_int_equal(witness_request_add(&again, &request), 0);
		assert_string_equal(buf_str(&again), body);
		assert_int_equal(note_parse(request.checkpoint.data, request.checkpoint.len, &note), 0);
		assert_int_equal(checkpoint_parse(note.text.data, note.text.len, &checkpoint), 0);
		vector_hash(&row, "old_root_hex", old_root);
		assert_int_equal(merkle_consistency_check(&request.proof, request.old, checkpoint.size, old_root, checkpoint.root), 0);
	}
}

static void damaged_requests(void **state)
{
	static const char *const bad[] = {
		"",
		"old 1",
		"old 1\n",
		"old 1\n\n", /* no checkpoint */
		"old\n\nx\n",
		"Old 1\n\nx\n",
		"old 01\n\nx\n",
		"old -1\n\nx\n",
		"old 1 \n\nx\n",
		"old 9223372036854775808\n\nx\n",
		"old 18446744073709551652\n\nx\n", /* 2^64 + 36 */
		"old 1\nAAAA\n\nx\n", /* too short for a hash */
		"old 1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=\n\nx\n", /* stray bits */
		"old 1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nx\n", /* no empty line */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct witness_request request = { .old = 77 };

		if (witness_request_parse(bad[i], strlen(bad[i]), &request) != -EBADMSG || request.old != 77)
			fail_msg("row %zu is taken", i);
	}
}

static void a_proof_has_63_hashes_at_most(void **state)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	struct witness_request request = { .proof.count = WITNESS_PROOF_MAX, .checkpoint = { (const uint8_t *)"x\n", 2 } }, again;

	(void)state;
	assert_int_equal(witness_request_add(&out, &request), 0);
	assert_int_equal(witness_request_parse(out.data, out.len, &again), 0);
	assert_int_equal(again.proof.count, WITNESS_PROOF_MAX);
	buf_reset(&out);
	request.proof.count++;
	assert_int_equal(witness_request_add(&out, &request), -E2BIG);
	assert_int_equal(out.len, 0);
	buf_add_str(&out, "old 1\n");
	for (int i = 0; i < WITNESS_PROOF_MAX + 1; i++)
		buf_add_str(&out, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n");
	buf_add_str(&out, "\nx\n");
	assert_int_equal(witness_request_parse(out.data, out.len, &again), -EBADMSG);
}

/* --- cosignatures ---------------------------------------------------------------------------------------- */

static void published_cosignature(void **state)
{
	CLEANUP(buf_clear) struct buf lines = { 0 };
	struct fixture f;
	struct witness_reply reply;

	(void)state;
	open_fixture(&f);
	reply = answer(&f, 200, NULL, f.line, &lines);
	assert_int_equal(reply.outcome, WITNESS_COSIGNED);
	assert_int_equal(reply.at, COSIGNED_AT);
	assert_string_equal(buf_str(&lines), f.line);
	arena_free(f.arena);
}

static void lines_of_strangers_are_left_out(void **state)
{
	CLEANUP(buf_clear) struct buf lines = { 0 };
	struct fixture f;

	(void)state;
	open_fixture(&f);
	assert_int_equal(answer(&f, 200, NULL, arena_printf(f.arena, "\u2014 a.stranger AAAAAAAA\n%s", f.line), &lines).outcome,
		WITNESS_COSIGNED);
	assert_string_equal(buf_str(&lines), f.line);
	arena_free(f.arena);
}

/* Each answer of the published notes: what stands behind the log's own line is what the witness would have said. */
static void published_notes(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json root = vector_json(arena, "cosignatures.json"), rows = json_get(&root, "cases"), keys = json_get(&root, "keys");
	struct json witness = json_at(&keys, WITNESS);
	struct note_key key;
	size_t good = 0, bad = 0;

	(void)state;
	assert_int_equal(note_key_parse(vector_text(&witness, "vkey"), &key), 0);
	for (size_t i = 0; i < json_len(&rows); i++) {
		CLEANUP(buf_clear) struct buf lines = { 0 };
		struct json row = json_at(&rows, i);
		struct slice bytes = vector_base64(arena, &row, "note_base64");
		const uint8_t *at = memmem(bytes.data, bytes.len, "\u2014 witness-", strlen("\u2014 witness-"));
		struct witness_request request = { .checkpoint = { bytes.data, (size_t)(at - bytes.data) } };
		struct witness_answer a = { 200, NULL, { at, bytes.len - request.checkpoint.len } };
		struct witness_reply reply = witness_read(&a, &request, 300, &key, COSIGNED_AT, MINUTE_MS, &lines);

		assert_non_null(at);
		if ((reply.outcome == WITNESS_COSIGNED) != vector_valid(&row))
			fail_msg("%s: %s", vector_text(&row, "desc"), witness_outcome_word(reply.outcome));
		if (vector_valid(&row))
			good++;
		else
			bad++;
		assert_int_equal(lines.len > 0, vector_valid(&row));
	}
	assert_true(good > 0 && bad > 0);
}

static void cosignature_of_another_time_is_useless(void **state)
{
	static const int64_t nows[] = { COSIGNED_AT - 301 * SECOND_MS, COSIGNED_AT - 300 * SECOND_MS, COSIGNED_AT + 300 * SECOND_MS,
		COSIGNED_AT + 301 * SECOND_MS };
	struct fixture f;

	(void)state;
	open_fixture(&f);
	for (size_t i = 0; i < ARRAY_LEN(nows); i++) {
		CLEANUP(buf_clear) struct buf lines = { 0 };
		struct witness_answer a = { 200, NULL, { (const uint8_t *)f.line, strlen(f.line) } };
		bool good = i == 1 || i == 2;

		assert_int_equal(witness_read(&a, &f.request, 300, &f.key, nows[i], 5 * MINUTE_MS, &lines).outcome,
			good ? WITNESS_COSIGNED : WITNESS_USELESS);
		assert_int_equal(lines.len > 0, good);
	}
	arena_free(f.arena);
}

/* --- all the other answers --------------------------------------------------------------------------------- */

struct row {
	const char *name;
	int status;
	const char *type, *body;
	uint64_t old;
	enum witness_outcome outcome;
	uint64_t size;
};

static const struct row rows[] = {
	{ "409: it knows another size", 409, "text/x.tlog.size", "299\n", 256, WITNESS_BEHIND, 299 },
	{ "409: it knows less", 409, "text/x.tlog.size", "0\n", 256, WITNESS_BEHIND, 0 },
	{ "409: it knows the size that we want to show, we prove from another", 409, "text/x.tlog.size", "300\n", 256, WITNESS_BEHIND, 300 },
	{ "409: it knows more than there is", 409, "text/x.tlog.size", "301\n", 256, WITNESS_AHEAD, 301 },
	{ "409: it knows that size with another root", 409, "text/x.tlog.size", "300\n", 300, WITNESS_FORKED, 300 },
	{ "409: for the size that was right", 409, "text/x.tlog.size", "256\n", 256, WITNESS_USELESS, 256 },
	{ "409 of another type", 409, "text/plain", "299\n", 256, WITNESS_USELESS, 0 },
	{ "409 without a type", 409, NULL, "299\n", 256, WITNESS_USELESS, 0 },
	{ "409 without a line end", 409, "text/x.tlog.size", "299", 256, WITNESS_USELESS, 0 },
	{ "409 with more behind it", 409, "text/x.tlog.size", "299\n\n", 256, WITNESS_USELESS, 0 },
	{ "409 of no size", 409, "text/x.tlog.size", "\n", 256, WITNESS_USELESS, 0 },
	{ "409 of 2^64 + 43", 409, "text/x.tlog.size", "18446744073709551659\n", 256, WITNESS_USELESS, 0 },
	{ "400", 400, NULL, "", 256, WITNESS_REFUSED, 0 },
	{ "403", 403, NULL, "", 256, WITNESS_UNKNOWN_KEY, 0 },
	{ "404", 404, NULL, "", 256, WITNESS_UNKNOWN_LOG, 0 },
	{ "422", 422, NULL, "", 256, WITNESS_FORKED, 0 },
	{ "429", 429, NULL, "", 256, WITNESS_FAILED, 0 },
	{ "500", 500, NULL, "", 256, WITNESS_FAILED, 0 },
	{ "302", 302, NULL, "", 256, WITNESS_FAILED, 0 },
	{ "204", 204, NULL, "", 256, WITNESS_FAILED, 0 },
	{ "200 without a line", 200, NULL, "", 256, WITNESS_USELESS, 0 },
	{ "200 with a page", 200, "text/html", "<html>\n", 256, WITNESS_USELESS, 0 },
	{ "200 with a stranger's line alone", 200, NULL, "\u2014 a.stranger AAAAAAAA\n", 256, WITNESS_USELESS, 0 },
	{ "200 with a wrong signature in its name", 200, NULL,
		"\u2014 witness-1.vectors.example.com RQq0jwAAAABlbn61iGW3Wv8UQficsVLLeNFukG7P3P0x6yoNwQ2Noz9W4BrlSMvi2YpdECPz7Os3Z0P4l0059UdV4puBIbj9WVJ4AQ==\n",
		256, WITNESS_USELESS, 0 },
	{ "200 with a note of its own", 200, NULL, "\nanother text\n\n\u2014 a.stranger AAAAAAAA\n", 256, WITNESS_USELESS, 0 },
};

static void answers(void **state)
{
	CLEANUP(buf_clear) struct buf lines = { 0 };
	const struct row *row = *state;
	struct witness_reply reply;
	struct fixture f;

	open_fixture(&f);
	f.request.old = row->old;
	reply = answer(&f, row->status, row->type, row->body, &lines);
	assert_string_equal(witness_outcome_word(reply.outcome), witness_outcome_word(row->outcome));
	assert_int_equal(reply.size, row->size);
	assert_int_equal(lines.len, 0);
	arena_free(f.arena);
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(published_requests),
		cmocka_unit_test(damaged_requests),
		cmocka_unit_test(a_proof_has_63_hashes_at_most),
		cmocka_unit_test(published_cosignature),
		cmocka_unit_test(lines_of_strangers_are_left_out),
		cmocka_unit_test(published_notes),
		cmocka_unit_test(cosignature_of_another_time_is_useless),
	};
	struct CMUnitTest tests[ARRAY_LEN(rows) + ARRAY_LEN(others)];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].name, .test_func = answers, .initial_state = (void *)(uintptr_t)&rows[i] };
	memcpy(tests + ARRAY_LEN(rows), others, sizeof(others));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
