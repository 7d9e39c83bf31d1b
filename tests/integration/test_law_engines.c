/* Every published case of interest, fees, limitation, notices and contacts through the real program, one process a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "tests/unit/law_cases.h"

/* All cases of these lists, in their order, as one flat list with "given" and "expect". */
static size_t write_questions(struct arena *arena, const struct json *file, const char *const *lists, const char *path,
	struct json *expect, struct json *ids)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	size_t n = 0;
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	for (; *lists; lists++) {
		struct json list = json_get(file, *lists);
		const struct json *kept = arena_memdup(arena, &list, sizeof(list));

		assert_true(json_len(kept) > 0);
		for (size_t i = 0; i < json_len(kept); i++, n++) {
			struct json item = json_at(kept, i), given = json_get(&item, "given");

			assert_true(n < 200);
			expect[n] = json_get(&item, "expect");
			ids[n] = json_get(&item, given.type == JSON_OBJECT ? "id" : "text");
			json_write(&out, given.type == JSON_OBJECT ? &given : &item);
			buf_add_char(&out, '\n');
		}
	}
	assert_int_equal(fwrite(buf_str(&out), 1, out.len, f), out.len);
	assert_int_equal(fclose(f), 0);
	return n;
}

static void run(const char *command, const char *file_name, const char *const *lists, size_t count)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(freep) char *line = NULL;
	struct json file = law_vectors(arena, file_name), expect[200], ids[200];
	char path[] = "/tmp/dunningd-law-XXXXXX";
	size_t capacity = 0, wrong = 0, at = 0;
	int fd = mkstemp(path);
	FILE *answers;

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(write_questions(arena, &file, lists, path, expect, ids), count);
	answers = popen(arena_printf(arena, "%s/dunningctl --share %s/daemon/share --json law %s <%s", BUILD_DIR, SOURCE_DIR, command, path),
		"re");
	assert_non_null(answers);
	for (ssize_t len; (len = getline(&line, &capacity, answers)) >= 0; at++) {
		struct json got;

		assert_true(at < count);
		assert_int_equal(json_parse(arena, arena_memdup(arena, line, (size_t)len), (size_t)len, JSON_FRACTIONS, &got, NULL), 0);
		if (expect[at].type == JSON_STRING) { /* of a word alone */
			struct json word = json_get(&got, "expect");

			if (word.type == JSON_STRING && strcmp(json_str(&word), json_str(&expect[at])) == 0)
				continue;
		} else if (law_covers(&expect[at], &got)) {
			continue;
		}
		print_error("%s: %s", json_str(&ids[at]), line);
		wrong++;
	}
	(void)pclose(answers); /* 1 where an answer is a refusal, as it must be for a rate that is not known */
	(void)unlink(path);
	assert_int_equal(at, count);
	assert_int_equal(wrong, 0);
}

#define LISTS(...) (const char *const[]){ __VA_ARGS__, NULL }

static void interest(void **state)
{
	(void)state;
	run("interest", "interest.json", LISTS("vectors"), 46);
}

static void fees(void **state)
{
	(void)state;
	run("fees", "fees.json", LISTS("vectors"), 27);
}

static void limitation(void **state)
{
	(void)state;
	run("limitation", "limitation.json", LISTS("vectors"), 10);
}

static void notices(void **state)
{
	(void)state;
	run("notice", "notices.json", LISTS("vectors"), 4);
}

static void contacts(void **state)
{
	(void)state;
	run("contact", "contact.json", LISTS("time_windows", "caps_and_consent", "third_parties"), 72);
}

static void opt_out(void **state)
{
	(void)state;
	run("opt-out", "contact.json", LISTS("opt_out_words"), 25);
}

int main(void)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(interest), cmocka_unit_test(fees), cmocka_unit_test(limitation),
		cmocka_unit_test(notices), cmocka_unit_test(contacts), cmocka_unit_test(opt_out) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
