/*
 * law_cases - the published cases (legal-vectors/, which lies beside the tree) through an engine, and the shipped law data. Absent: the
 * test is skipped, but where CI runs it must be there. A case passes when every member of its `expect` stands in the answer, with that
 * value; further members are welcome.
 */
#ifndef TESTS_LAW_CASES_H
#define TESTS_LAW_CASES_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/json.h"

#define CASES static __attribute__((unused))

CASES struct json law_json(struct arena *arena, const char *path)
{
	CLEANUP(buf_clear) struct buf bytes = { 0 };
	struct err err = { 0 };
	struct json root = { 0 };

	if (file_read(path, 1 << 22, &bytes, &err) < 0 ||
		json_parse(arena, arena_memdup(arena, buf_str(&bytes), bytes.len), bytes.len, JSON_FRACTIONS | JSON_COMMENTS, &root,
			&err) < 0)
		fail_msg("%s: %s %s", path, err.path, err.text);
	return root;
}

/* A section of the shipped law data, which lies in the file of its name but for '-' instead of '_'. In the arena, with its parents. */
CASES struct json *law_data(struct arena *arena, const char *section)
{
	char *path = arena_printf(arena, "%s/daemon/share/law/%s.json", SOURCE_DIR, section);
	struct json *root = arena_alloc(arena, 2 * sizeof(*root));

	for (char *c = path + strlen(path) - strlen(section) - 5; *c; c++)
		*c = (char)(*c == '_' ? '-' : *c);
	root[0] = law_json(arena, path);
	root[1] = json_get(&root[0], section);
	assert_int_equal(root[1].type, JSON_OBJECT);
	return &root[1];
}

CASES struct json law_vectors(struct arena *arena, const char *file)
{
	const char *shared = getenv("DUNNINGD_SHARED");
	const char *path = shared ? arena_printf(arena, "%s/legal-vectors/%s", shared, file) :
				    arena_printf(arena, "%s/../shared/legal-vectors/%s", SOURCE_DIR, file);

	if (access(path, R_OK) != 0 && !getenv("CI"))
		skip();
	return law_json(arena, path);
}

/* Every member and item of `expect` is in `got`. */
CASES bool law_covers(const struct json *expect, const struct json *got)
{
	struct json value, other;
	const char *key;

	if (expect->type == JSON_OBJECT) {
		for (size_t i = 0; json_member(expect, &i, &key, &value);) {
			other = json_get(got, key);
			if (!law_covers(&value, &other))
				return false;
		}
		return got->type == JSON_OBJECT;
	}
	if (expect->type != got->type || json_len(expect) != json_len(got))
		return false;
	for (size_t i = 0; i < json_len(expect) && expect->type == JSON_ARRAY; i++) {
		value = json_at(expect, i);
		other = json_at(got, i);
		if (!law_covers(&value, &other))
			return false;
	}
	if (expect->type == JSON_STRING)
		return strcmp(json_str(expect), json_str(got)) == 0;
	return json_int(expect) == json_int(got) && json_bool(expect) == json_bool(got);
}

/* Writes the members of an answer. A refusal is an answer too when it wrote a member "error". */
typedef void (*law_answer_fn)(const struct json *given, struct json_writer *w, struct err *err, void *arg);

/* Runs them all and fails with each that is not as expected; how many there were. */
CASES size_t law_run_cases(struct arena *arena, const struct json *cases, law_answer_fn answer, void *arg)
{
	size_t wrong = 0;

	for (size_t i = 0; i < json_len(cases); i++) {
		CLEANUP(buf_clear) struct buf out = { 0 };
		CLEANUP(buf_clear) struct buf want = { 0 };
		struct json row = json_at(cases, i), id = json_get(&row, "id"), given = json_get(&row, "given");
		struct json expect = json_get(&row, "expect"), got;
		struct json_writer w = jw_init(&out);
		struct err err = { 0 };

		jw_object(&w, NULL);
		answer(&given, &w, &err, arg);
		jw_end_object(&w);
		assert_int_equal(json_parse(arena, arena_memdup(arena, out.data, out.len), out.len, JSON_FRACTIONS, &got, NULL), 0);
		if (law_covers(&expect, &got))
			continue;
		json_write(&want, &expect);
		print_error("%s:\n  want %s\n  got  %s\n  %s %s\n", json_str(&id), buf_str(&want), buf_str(&out), err.path, err.text);
		wrong++;
	}
	if (wrong)
		fail_msg("%zu of %zu cases are not as expected", wrong, json_len(cases));
	return json_len(cases);
}

#endif
