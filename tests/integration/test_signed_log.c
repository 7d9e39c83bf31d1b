/* The signed log over a real journal: its files byte for byte, and what is found at a start and mended or refused. */
#include "tests/integration/signed_log_fixture.h"

/* --- growing ------------------------------------------------------------------------------------------------------------------------ */

static int disk_tile(const struct merkle_tile *tile, uint8_t (*ret)[SHA256_SIZE], void *arg)
{
	struct fixture *f = arg;
	CLEANUP(buf_clear) struct buf bytes = { 0 };
	struct merkle_tile full = { tile->level, tile->index, MERKLE_TILE_WIDTH };
	char path[MERKLE_PATH_SIZE];

	if (file_read(state_path(f, arena_printf(f->arena, "log/%d/%s", YEAR, merkle_tile_path(tile, path))), 1 << 16, &bytes, NULL) < 0)
		read_file(f, arena_printf(f->arena, "log/%d/%s", YEAR, merkle_tile_path(&full, path)), &bytes);
	assert_true(bytes.len >= tile->width * SHA256_SIZE);
	memcpy(ret, bytes.data, tile->width * SHA256_SIZE);
	return 0;
}

/* What a C2SP reader needs at each of these sizes is there, byte for byte, and every checkpoint has grown out of those before. */
static void sizes(void **state)
{
	static const uint64_t rows[] = { 1, 255, 256, 257, 65536, 66049 };
	struct fixture *f = *state;
	uint8_t roots[ARRAY_LEN(rows)][SHA256_SIZE];

	open_log(f);
	assert_int_equal(signed_log_size(f->log), 0);
	assert_int_equal(check_files(f, 0), 0); /* an empty log has no files at all */
	assert_int_equal(count_files(state_path(f, "log")), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct merkle_tiles tiles = { rows[i], disk_tile, f };

		sign_to(f, rows[i]);
		(void)check_files(f, rows[i]);
		assert_int_equal(published(f, roots[i]), rows[i]);
		assert_memory_equal(roots[i], signed_log_root(f->log), SHA256_SIZE);
		for (size_t k = 0; k < i; k++) {
			struct merkle_proof proof;

			assert_int_equal(merkle_consistency(&tiles, rows[k], &proof), 0);
			assert_int_equal(merkle_consistency_check(&proof, rows[k], rows[i], roots[k], roots[i]), 0);
		}
	}
	/* 258 full level 0 tiles and as many bundles, a partial of each, level 1 with a full and a partial one, level 2, the checkpoint: the
	   partial ones of earlier sizes are gone, but for those of level 2, which is not full */
	assert_int_equal(count_files(state_path(f, arena_printf(f->arena, "log/%d", YEAR))), 2 * 258 + 2 + 2 + 1 + 1);
	assert_int_equal(count_files(state_path(f, "head")), 1);
	open_log(f); /* and it goes on from the files */
	assert_int_equal(f->report.missing + f->report.mended, 0);
	assert_false(f->report.from_journal);
	sign_to(f, 66100);
	(void)check_files(f, 66100);
}

/* In many small steps, over many segments: every file as if it had come in one. */
static void step_by_step(void **state)
{
	struct fixture *f = *state;

	open_log(f);
	for (uint64_t size = 3; size < 3000; size += 1 + size % 97) {
		sign_to(f, size);
		if (size % 5 == 0)
			open_log(f);
	}
	(void)check_files(f, signed_log_size(f->log));
}

static void another_year_is_another_log(void **state)
{
	struct fixture *f = *state;

	open_log(f);
	grow_journal(f, 10);
	append(f, YEAR + 1, 5);
	append(f, YEAR, 3); /* the clock had gone back over New Year */
	append(f, YEAR + 1, 4);
	append(f, YEAR, 300);
	sign_all(f);
	assert_int_equal(signed_log_size(f->log), 313);
	(void)check_files(f, 313);
}

/* --- what is found at a start ------------------------------------------------------------------------------------------------------- */

static void files_lost_or_damaged(void **state)
{
	static const char *const files[] = { "tile/0/000", "tile/0/002.p/88", "tile/1/000.p/2", "tile/entries/001", "tile/entries/002.p/88" };
	struct fixture *f = *state;

	open_log(f);
	sign_to(f, 600);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		const char *name = arena_printf(f->arena, "log/%d/%s", YEAR, files[i]);
		CLEANUP(buf_clear) struct buf before = { 0 };

		assert_int_equal(unlink(state_path(f, name)), 0);
		open_log(f);
		assert_int_equal(f->report.missing, 1);
		assert_int_equal(f->report.mended, 0);
		assert_true(f->report.from_journal);
		(void)check_files(f, 600);

		read_file(f, name, &before);
		before.data[before.len / 2] ^= 1;
		write_file(f, name, before.data, before.len);
		assert_int_equal(try_open(f, true), 0); /* all of them: what a start does not look at, `trail rebuild` does */
		assert_int_equal(f->report.mended, 1);
		(void)check_files(f, 600);
		if (i > 0 && i != 3) { /* the edge is looked at at every start */
			write_file(f, name, before.data, before.len);
			open_log(f);
			assert_int_equal(f->report.mended, 1);
			(void)check_files(f, 600);
		}
		write_file(f, name, before.data, before.len / 2);
		if (i != 3) {
			open_log(f);
			assert_int_equal(f->report.mended, 1);
		} else {
			assert_int_equal(try_open(f, true), 0);
		}
		(void)check_files(f, 600);
	}
	sign_to(f, 601);
	(void)check_files(f, 601);
}

static void head_or_checkpoint_lost(void **state)
{
	struct fixture *f = *state;
	const char *head = arena_printf(f->arena, "head/%d", YEAR), *checkpoint = arena_printf(f->arena, "log/%d/checkpoint", YEAR);
	CLEANUP(buf_clear) struct buf old = { 0 };
	CLEANUP(buf_clear) struct buf now = { 0 };
	uint8_t root[SHA256_SIZE], again[SHA256_SIZE];

	open_log(f);
	sign_to(f, 300);
	read_file(f, checkpoint, &old);
	sign_to(f, 700);
	assert_int_equal(published(f, root), 700);
	read_file(f, head, &now);
	assert_int_equal(unlink(state_path(f, checkpoint)), 0);
	open_log(f);
	assert_int_equal(published(f, again), 700);
	assert_memory_equal(root, again, SHA256_SIZE);
	assert_true(f->report.published);
	assert_int_equal(unlink(state_path(f, head)), 0);
	open_log(f);
	(void)check_files(f, 700);
	assert_int_equal(access(state_path(f, head), F_OK), 0);
	write_file(f, head, old.data, old.len); /* went back: the checkpoint is believed, both are signed */
	open_log(f);
	assert_int_equal(signed_log_size(f->log), 700);
	write_file(f, checkpoint, old.data, old.len);
	open_log(f);
	assert_int_equal(published(f, again), 700); /* the head knows better, and the same bytes are published */
	assert_memory_equal(root, again, SHA256_SIZE);
	sign_to(f, 800);
	(void)check_files(f, 800);
}

static void a_journal_behind_is_refused(void **state)
{
	struct fixture *f = *state;

	open_log(f);
	sign_to(f, 300);
	close_journal(f);
	assert_int_equal(system(arena_printf(f->arena, "cp -r %s/journal %s/old", f->dir, f->dir)), 0);
	open_journal(f);
	sign_to(f, 310);
	close_journal(f);
	assert_int_equal(system(arena_printf(f->arena, "rm -r %s/journal && mv %s/old %s/journal", f->dir, f->dir, f->dir)), 0);
	open_journal(f);
	assert_refused(f, -EBADMSG, "journal_behind");
	assert_non_null(strstr(f->err.text, "310"));
	grow_journal(f, 320); /* the same leaves as before, as a copy of the journal would have */
	open_log(f);
	sign_all(f);
	(void)check_files(f, 320);
}

static void another_journal_is_refused(void **state)
{
	struct fixture *f = *state;

	open_log(f);
	sign_to(f, 300);
	close_journal(f);
	assert_int_equal(system(arena_printf(f->arena, "rm -r %s/journal", f->dir)), 0);
	open_journal(f);
	f->salt = 1;
	f->pseq = 0;
	grow_journal(f, 400);
	assert_refused(f, -EBADMSG, "root_differs");
	assert_int_equal(unlink(state_path(f, arena_printf(f->arena, "head/%d", YEAR))), 0);
	assert_refused(f, -EBADMSG, "root_differs");
	f->salt = 0;
	assert_int_equal(published(f, NULL), 300); /* untouched */
	(void)check_files(f, 300);
}

/* The state directory went back, but for its tiles: a tile that nobody here has signed says so. */
static void tiles_of_another_history(void **state)
{
	struct fixture *f = *state;

	open_log(f);
	sign_to(f, 300);
	grow_journal(f, 310);
	write_file(f, arena_printf(f->arena, "log/%d/tile/0/001.p/54", YEAR), "other", 5);
	assert_int_equal(signed_log_extend(f->log, 310, &f->err), -EEXIST);
	assert_non_null(strstr(f->err.text, "tile/0/001.p/54"));
	assert_int_equal(published(f, NULL), 300);
}

static void notes_by_others(void **state)
{
	static const uint8_t seed[32] = { 8 };
	struct fixture *f = *state;
	struct log_key own = f->key, other;
	const char *head = arena_printf(f->arena, "head/%d", YEAR), *checkpoint = arena_printf(f->arena, "log/%d/checkpoint", YEAR);
	CLEANUP(buf_clear) struct buf good = { 0 };
	CLEANUP(buf_clear) struct buf text = { 0 };
	CLEANUP(buf_clear) struct buf forged = { 0 };
	struct checkpoint fork = { .size = 300, .root = { 1 } };
	struct note_key key;

	open_log(f);
	sign_to(f, 300);
	read_file(f, checkpoint, &good);
	assert_int_equal(log_key_make(seed, ORIGIN, &other), 0);
	f->key = other;
	assert_refused(f, -EKEYREJECTED, "other_key");
	f->key = own;
	for (size_t i = 0; i < good.len; i += 1) { /* no bit of it may be another */
		good.data[i] ^= 1;
		write_file(f, i % 2 ? head : checkpoint, good.data, good.len);
		assert_true(try_open(f, false) < 0);
		good.data[i] ^= 1;
		write_file(f, i % 2 ? head : checkpoint, good.data, good.len);
	}
	write_file(f, head, "", 0);
	assert_refused(f, -EBADMSG, "no_checkpoint");
	/* the same key, the same size, another root: the one thing that cannot be mended */
	log_key_of_year(&own.verifier, YEAR, &key);
	fork.origin = (struct slice){ (const uint8_t *)key.name, strlen(key.name) };
	assert_int_equal(checkpoint_add(&text, &fork), 0);
	assert_int_equal(note_begin(&forged, text.data, text.len), 0);
	assert_int_equal(note_sign(&forged, text.data, text.len, &key, own.seed), 0);
	write_file(f, head, forged.data, forged.len);
	assert_refused(f, -EBADMSG, "forked");
	/* right in itself, but of another log */
	write_file(f, head, good.data, good.len);
	buf_reset(&text);
	buf_reset(&forged);
	fork.origin.len -= 1;
	assert_int_equal(checkpoint_add(&text, &fork), 0);
	assert_int_equal(note_begin(&forged, text.data, text.len), 0);
	assert_int_equal(note_sign(&forged, text.data, text.len, &key, own.seed), 0);
	write_file(f, head, forged.data, forged.len);
	assert_refused(f, -EBADMSG, "no_checkpoint");
	write_file(f, head, good.data, good.len);
	open_log(f);
	(void)check_files(f, 300);
}

/* A leaf that changes on the disk between the journal's write and the signing is not signed over. */
static void a_damaged_journal_is_not_signed(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_clear) struct buf bytes = { 0 };
	char **names, leaf[LEAF_SIZE];
	size_t count;
	char *at;

	open_log(f);
	sign_to(f, 10);
	grow_journal(f, 200);
	assert_int_equal(file_list(f->arena, state_path(f, "journal"), ".journal", &names, &count), 0);
	assert_int_equal(file_read(state_path(f, arena_printf(f->arena, "journal/%s", names[count - 1])), 1 << 24, &bytes, NULL), 0);
	make_leaf(f, 150, leaf);
	at = memmem(bytes.data, bytes.len, leaf, LEAF_SIZE);
	assert_non_null(at);
	at[60] ^= 1;
	write_file(f, arena_printf(f->arena, "journal/%s", names[count - 1]), bytes.data, bytes.len);
	assert_int_equal(signed_log_extend(f->log, 200, &f->err), -EBADMSG);
	assert_string_equal(f->err.code, "journal_damaged");
	assert_int_equal(published(f, NULL), 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sizes),
		TEST(step_by_step),
		TEST(another_year_is_another_log),
		TEST(files_lost_or_damaged),
		TEST(head_or_checkpoint_lost),
		TEST(a_journal_behind_is_refused),
		TEST(another_journal_is_refused),
		TEST(tiles_of_another_history),
		TEST(notes_by_others),
		TEST(a_damaged_journal_is_not_signed),
	};

	return cmocka_run_group_tests_name("signed_log", tests, NULL, NULL);
}
