/* `extends`: one file on the ground of another becomes one whole policy, which is then read like any other. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/policy.h"

#define NAME_MAX_LEN 200 /* bytes that are looked at; how long a name may be is said when the whole is read */
#define MERGED_MAX ((size_t)2 * POLICY_STEPS_MAX) /* more are refused by their number, when the whole is read */

/* A step of the whole: where it is written. */
struct origin {
	struct json json;
	const char *id;
	bool own;
	size_t index; /* in the own file's list */
};

struct merge {
	const char *base; /* name */
	struct json root, base_root, own_steps, base_steps;
	struct origin steps[MERGED_MAX];
	size_t count;
};

int policy_read_head(struct arena *arena, const char *json, size_t len, struct policy_head *ret, struct err *err)
{
	struct json *root = arena_alloc(arena, sizeof(*root));
	int r = json_parse(arena, json, len, JSON_COMMENTS, root, err);

	*ret = (struct policy_head){ 0 };
	if (r < 0)
		return r;
	if (root->type != JSON_OBJECT)
		return json_refuse(root, NULL, err, "wrong_type", "must be an object with name and steps");
	if ((r = json_get_str(root, "name", NAME_MAX_LEN, &ret->name, err)) < 0)
		return r;
	return json_opt_str(root, "extends", NAME_MAX_LEN, &ret->extends, err);
}

static size_t find(const struct merge *m, const char *id)
{
	size_t i = 0;

	while (i < m->count && strcmp(m->steps[i].id, id) != 0)
		i++;
	return i;
}

/* "pre-due, reminder, call" */
static const char *ids(const struct merge *m, char *ret, size_t size)
{
	ret[0] = '\0';
	for (size_t i = 0; i < m->count && strlen(ret) + strlen(m->steps[i].id) + 3 < size; i++) {
		strcat(ret, i ? ", " : "");
		strcat(ret, m->steps[i].id);
	}
	return ret;
}

static int refuse_unknown(const struct merge *m, const struct json *object, const char *key, const char *id, struct err *err)
{
	char known[200];

	return json_refuse(object, key, err, "unknown_step", "\"%.64s\" must be a step of \"%s\", which has %s", id, m->base, ids(m, known, sizeof(known)));
}

static void insert(struct merge *m, size_t at, const struct origin *step)
{
	memmove(&m->steps[at + 1], &m->steps[at], (m->count - at) * sizeof(*m->steps));
	m->steps[at] = *step;
	m->count++;
}

/* A step that the base does not have: `after` or `before` says where it goes, so that a slip in an id is noticed. */
static int add_new(struct merge *m, const struct origin *step, struct err *err)
{
	const char *after = json_text(&step->json, "after"), *before = json_text(&step->json, "before"), *beside = after ? after : before;
	size_t at;

	if (json_has(&step->json, "after") && json_has(&step->json, "before"))
		return json_refuse(&step->json, "before", err, "bad_step", "must not stand beside `after`: one of them says where the step goes");
	if (!beside && m->count) {
		char known[200];

		return json_refuse(&step->json, "after", err, "missing",
			"must be there: \"%.64s\" is no step of \"%s\" (%s), so say after (or `before`) which one it goes", step->id, m->base,
			ids(m, known, sizeof(known)));
	}
	if (m->count == MERGED_MAX)
		return json_refuse(&step->json, NULL, err, "bad_list", "a policy must have at most %d steps", POLICY_STEPS_MAX);
	at = beside ? find(m, beside) : 0;
	if (beside && at == m->count)
		return refuse_unknown(m, &step->json, after ? "after" : "before", beside, err);
	insert(m, at + (after ? 1 : 0), step);
	return 0;
}

static int merge_step(struct merge *m, const struct origin *step, struct err *err)
{
	static const char *const removal[] = { "id", "remove", NULL };
	size_t at = find(m, step->id);
	bool remove = false;
	int r = json_opt_bool(&step->json, "remove", &remove, err);

	if (r < 0)
		return r;
	if (at < m->count && m->steps[at].own)
		return json_refuse(&step->json, "id", err, "duplicate_id", "\"%.64s\" is taken: every step has its own id", step->id);
	if (remove) {
		if (at == m->count)
			return refuse_unknown(m, &step->json, "id", step->id, err);
		if ((r = json_only(&step->json, removal, err)) < 0)
			return r;
		m->count--;
		memmove(&m->steps[at], &m->steps[at + 1], (m->count - at) * sizeof(*m->steps));
		return 0;
	}
	if (at == m->count)
		return add_new(m, step, err);
	if (json_has(&step->json, "after") || json_has(&step->json, "before"))
		return json_refuse(&step->json, json_has(&step->json, "after") ? "after" : "before", err, "bad_step",
			"must be left out: \"%.64s\" stands where \"%s\" has it", step->id, m->base);
	m->steps[at] = *step;
	return 0;
}

static int merge_steps(struct merge *m, struct err *err)
{
	int r;

	if ((r = json_opt_array(&m->base_root, "steps", &m->base_steps, err)) < 0 || (r = json_opt_array(&m->root, "steps", &m->own_steps, err)) < 0)
		return r;
	for (size_t i = 0; i < json_len(&m->base_steps); i++) {
		struct origin step = { .json = json_at(&m->base_steps, i) };

		step.id = json_text(&step.json, "id");
		m->steps[m->count++] = step;
	}
	for (size_t i = 0; i < json_len(&m->own_steps); i++) {
		struct origin step = { .json = json_at(&m->own_steps, i), .own = true, .index = i };

		if (step.json.type != JSON_OBJECT)
			return json_refuse(&step.json, NULL, err, "wrong_type", "must be an object with the id of a step");
		if ((r = json_get_str(&step.json, "id", NAME_MAX_LEN, &step.id, err)) < 0 || (r = merge_step(m, &step, err)) < 0)
			return r;
	}
	return 0;
}

/* --- the whole, as text ------------------------------------------------------------------------------------------- */

static bool is_any(const char *word, const char *const *words)
{
	while (*words && strcmp(*words, word) != 0)
		words++;
	return *words != NULL;
}

/* Whether the file says it, be it null: that takes the base's away, and leaves what holds when nobody says anything. */
static bool says(const struct json *object, const char *key)
{
	const char *name;
	struct json value;

	for (size_t i = 0; json_member(object, &i, &name, &value);)
		if (strcmp(name, key) == 0)
			return true;
	return false;
}

static void write_step(struct json_writer *w, const struct origin *step)
{
	static const char *const places[] = { "after", "before", "remove", NULL };
	const char *key;
	struct json value;

	if (!step->own) {
		jw_json(w, NULL, &step->json);
		return;
	}
	jw_object(w, NULL);
	for (size_t i = 0; json_member(&step->json, &i, &key, &value);)
		if (!is_any(key, places) && value.type != JSON_NONE)
			jw_json(w, key, &value);
	jw_end_object(w);
}

static void write_whole(const struct merge *m, struct buf *out)
{
	static const char *const apart[] = { "name", "extends", "steps", NULL };
	struct json_writer writer = jw_init(out), *w = &writer;
	struct json name = json_get(&m->root, "name"), value;
	const char *key;

	jw_object(w, NULL);
	jw_json(w, "name", &name);
	for (size_t i = 0; json_member(&m->base_root, &i, &key, &value);) {
		struct json own = json_get(&m->root, key);

		if (is_any(key, apart))
			continue;
		if (own.type != JSON_NONE)
			jw_json(w, key, &own);
		else if (!says(&m->root, key))
			jw_json(w, key, &value);
	}
	for (size_t i = 0; json_member(&m->root, &i, &key, &value);)
		if (!is_any(key, apart) && value.type != JSON_NONE && !json_has(&m->base_root, key))
			jw_json(w, key, &value);
	if (m->count) {
		jw_array(w, "steps");
		for (size_t i = 0; i < m->count; i++)
			write_step(w, &m->steps[i]);
		jw_end_array(w);
	}
	jw_end_object(w);
}

/* A complaint about the whole, told of the file that is there to be mended. */
static int tell(const struct merge *m, const struct err *whole, int r, struct err *err)
{
	static const char before[] = "$.steps[";
	const struct origin *step;
	char path[sizeof(whole->path)];
	const char *rest;
	char *end;
	size_t i;

	if (strncmp(whole->path, before, strlen(before)) != 0)
		return err_set(err, r, whole->code, whole->path, "%s", whole->text);
	i = strtoul(whole->path + strlen(before), &end, 10);
	rest = *end == ']' ? end + 1 : end;
	step = &m->steps[i < m->count ? i : 0];
	if (!step->own)
		return err_set(err, r, whole->code, "$.steps", "step \"%s\" of \"%s\" does not go with what stands here: %s%s%s", step->id, m->base,
			*rest == '.' ? rest + 1 : rest, *rest ? " " : "", whole->text);
	snprintf(path, sizeof(path), "$.steps[%zu]%s", step->index, rest);
	return err_set(err, r, whole->code, path, "%s", whole->text);
}

int policy_parse_on(const char *json, size_t len, const struct policy *base, struct policy **ret, struct err *err)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct merge *m = arena_alloc(arena, sizeof(*m));
	struct policy *policy = NULL;
	struct err whole = { 0 };
	int r;

	m->base = base->name;
	if ((r = json_parse(arena, json, len, JSON_COMMENTS, &m->root, err)) < 0 ||
		(r = json_parse(arena, base->source, base->source_len, JSON_COMMENTS, &m->base_root, err)) < 0 || (r = merge_steps(m, err)) < 0)
		return r;
	write_whole(m, &text);
	r = policy_parse(buf_str(&text), text.len, &policy, &whole);
	if (r < 0)
		return tell(m, &whole, r, err);
	policy->extends = arena_strdup(policy->arena, base->name);
	*ret = policy;
	return 0;
}
