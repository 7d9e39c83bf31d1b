/* Sessions and passes of the dashboard: ours, in time, for that alone; and nothing that was changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/session.h"

static const uint8_t key[32] = "a key of one process, 32 bytes.", other[32] = "a key of another one, 32 bytes.", nonce[16] = "random enough...";

static void a_session_is_ours_and_ends(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *text = session_write(key, 7, 1000, nonce, arena);
	uint32_t who = 0;

	(void)state;
	assert_true(session_read(key, text, 1000, &who));
	assert_int_equal(who, 7);
	assert_true(session_read(key, text, 1000 + SESSION_MS - 1, &who));
	assert_false(session_read(key, text, 1000 + SESSION_MS, &who));
	assert_false(session_read(other, text, 1000, &who));
	for (size_t i = 0; text[i]; i++) {
		char *changed = arena_strdup(arena, text);

		changed[i] = changed[i] == '0' ? '1' : '0';
		assert_false(session_read(key, changed, 1000, &who));
	}
	for (size_t len = 0; text[len]; len++)
		assert_false(session_read(key, arena_memdup(arena, text, len), 1000, &who));
	assert_false(session_read(key, arena_join(arena, text, "00"), 1000, &who));
}

static void a_pass_is_for_one_form(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *text = pass_write(key, "Anne", "hold", "INV-1", 1000, nonce, arena);
	char id[PASS_ID_SIZE];
	uint32_t who;

	(void)state;
	assert_true(pass_read(key, "Anne", "hold", "INV-1", 1000 + PASS_MS - 1, text, id));
	assert_int_equal(strlen(id), PASS_ID_SIZE - 1);
	assert_false(pass_read(key, "Anne", "hold", "INV-1", 1000 + PASS_MS, text, id));
	assert_false(pass_read(key, "Nora", "hold", "INV-1", 1000, text, id));
	assert_false(pass_read(key, "Anne", "resume", "INV-1", 1000, text, id));
	assert_false(pass_read(key, "Anne", "hold", "INV-2", 1000, text, id));
	assert_false(pass_read(key, "Annehold", "", "INV-1", 1000, text, id)); /* the same letters, parted otherwise */
	assert_false(pass_read(other, "Anne", "hold", "INV-1", 1000, text, id));
	assert_false(pass_read(key, "Anne", "hold", "INV-1", 1000, "", id));
	assert_false(session_read(key, text, 1000, &who)); /* one is not the other */
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_session_is_ours_and_ends), cmocka_unit_test(a_pass_is_for_one_form) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
