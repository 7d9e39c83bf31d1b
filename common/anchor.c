#include "common/anchor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"

#define FILE_VERSION 1
#define BIG INT64_MAX

static void clear_mark(struct anchor_mark *mark)
{
	for (size_t i = 0; i < mark->queue_count; i++)
		free(mark->queue[i]);
	free(mark->queue);
	*mark = (struct anchor_mark){ 0 };
}

void anchor_state_clear(struct anchor_state *state)
{
	for (size_t i = 0; i < state->mark_count; i++)
		clear_mark(&state->marks[i]);
	free(state->unrecorded);
	*state = (struct anchor_state){ 0 };
}

struct anchor_mark *anchor_mark(struct anchor_state *state, const char *name, enum anchor_kind kind)
{
	struct anchor_mark *mark;
	size_t i = 0;

	while (i < state->mark_count && strcmp(state->marks[i].name, name) != 0)
		i++;
	mark = &state->marks[i];
	if (i < state->mark_count && mark->kind == kind)
		return mark;
	if (i == ANCHOR_MARKS_MAX || strlen(name) >= sizeof(mark->name))
		return NULL;
	if (i == state->mark_count)
		state->mark_count++;
	clear_mark(mark);
	mark->kind = kind;
	snprintf(mark->name, sizeof(mark->name), "%s", name);
	return mark;
}

/* Whether there are leaves beyond the mark that call for it. */
static bool calls(const struct anchor_state *state, const struct anchor_mark *mark)
{
	uint64_t own = 0;

	for (size_t i = 0; i < state->token_count; i++)
		own += state->tokens[i] >= mark->size;
	return state->size > mark->size && state->size - mark->size > own;
}

bool anchor_seen(struct anchor_state *state, uint64_t size, int64_t now)
{
	if (size < state->size)
		return false;
	state->size = size;
	for (size_t i = 0; i < state->mark_count; i++) {
		struct anchor_mark *mark = &state->marks[i];

		if (size < mark->size)
			return false;
		if (!mark->waiting_since && calls(state, mark))
			mark->waiting_since = now;
	}
	return true;
}

void anchor_token(struct anchor_state *state)
{
	if (state->token_count == ANCHOR_TOKENS_MAX) /* the oldest counts as any other leaf again: one stamp too many at worst */
		memmove(state->tokens, state->tokens + 1, --state->token_count * sizeof(*state->tokens));
	state->tokens[state->token_count++] = state->size;
}

static void drop_unrecorded(struct anchor_state *state, size_t i)
{
	state->unrecorded_count--;
	memmove(&state->unrecorded[i], &state->unrecorded[i + 1], (state->unrecorded_count - i) * sizeof(*state->unrecorded));
}

void anchor_unrecorded(struct anchor_state *state, const struct anchor_unrecorded *one)
{
	if (state->unrecorded_count == ANCHOR_UNRECORDED_MAX)
		drop_unrecorded(state, 0);
	xgrow(&state->unrecorded, &state->unrecorded_capacity, state->unrecorded_count + 1, sizeof(*state->unrecorded));
	state->unrecorded[state->unrecorded_count++] = *one;
}

bool anchor_recorded(struct anchor_state *state, const char *name, uint64_t size)
{
	for (size_t i = 0; i < state->unrecorded_count; i++) {
		if (state->unrecorded[i].size != size || strcmp(state->unrecorded[i].name, name) != 0)
			continue;
		drop_unrecorded(state, i);
		return true;
	}
	return false;
}

void anchor_want(struct anchor_mark *mark)
{
	mark->wanted = true;
	mark->next_try = 0;
	mark->failures = 0;
}

int64_t anchor_due_at(const struct anchor_state *state, const struct anchor_mark *mark, int64_t every_ms)
{
	int64_t at = mark->asked_at ? mark->asked_at + every_ms : 0;

	if (mark->disagrees)
		return mark->next_try > 1 ? mark->next_try : 1;
	if (mark->wanted && (state->size > mark->size || mark->queue_count))
		return mark->next_try > 1 ? mark->next_try : 1;
	if (!mark->waiting_since && !mark->queue_count)
		return 0;
	if (mark->next_try > at)
		at = mark->next_try;
	return at > 1 ? at : 1; /* long ago */
}

bool anchor_due(const struct anchor_state *state, const struct anchor_mark *mark, int64_t every_ms, int64_t now)
{
	int64_t at = anchor_due_at(state, mark, every_ms), furthest = every_ms > ANCHOR_RETRY_MAX_MS ? every_ms : ANCHOR_RETRY_MAX_MS;

	return at && (at <= now || at > now + furthest);
}

void anchor_done(struct anchor_state *state, struct anchor_mark *mark, uint64_t size, int64_t at, int64_t asked_at)
{
	anchor_well(mark);
	mark->size = size;
	mark->at = at;
	mark->asked_at = asked_at;
	mark->wanted = false;
	mark->waiting_since = calls(state, mark) ? asked_at : 0; /* what it has not seen came after the request */
}

void anchor_well(struct anchor_mark *mark)
{
	mark->next_try = 0;
	mark->failures = 0;
	mark->word[0] = '\0';
	mark->disagrees = false;
}

void anchor_failed(struct anchor_state *state, struct anchor_mark *mark, const char *word, int64_t now)
{
	int64_t wait = ANCHOR_RETRY_MIN_MS << (mark->failures < 10 ? mark->failures : 10);

	mark->failures++;
	mark->next_try = now + (wait < ANCHOR_RETRY_MAX_MS ? wait : ANCHOR_RETRY_MAX_MS);
	snprintf(mark->word, sizeof(mark->word), "%s", word);
	mark->disagrees |= strcmp(word, "ahead") == 0 || strcmp(word, "forked") == 0; /* also while it cannot be reached */
	state->held |= mark->disagrees;
}

int64_t anchor_age_ms(const struct anchor_mark *mark, int64_t now)
{
	return mark->waiting_since && now > mark->waiting_since ? now - mark->waiting_since : 0;
}

void anchor_queue(struct anchor_mark *mark, const char *file)
{
	if (mark->queue_count == ANCHOR_QUEUE_MAX)
		anchor_unqueue(mark);
	xgrow((void **)&mark->queue, &mark->queue_capacity, mark->queue_count + 1, sizeof(*mark->queue));
	mark->queue[mark->queue_count++] = xstrdup(file);
}

void anchor_unqueue(struct anchor_mark *mark)
{
	free(mark->queue[0]);
	memmove(mark->queue, mark->queue + 1, --mark->queue_count * sizeof(*mark->queue));
}

/* --- the file -------------------------------------------------------------------------------------------- */

static void write_unrecorded(struct json_writer *w, const struct anchor_state *state)
{
	jw_array(w, "unrecorded");
	for (size_t i = 0; i < state->unrecorded_count; i++) {
		const struct anchor_unrecorded *one = &state->unrecorded[i];

		jw_object(w, NULL);
		jw_str(w, "anchor", anchor_kind_names[one->kind]);
		jw_str(w, "name", one->name);
		jw_int(w, "size", (int64_t)one->size);
		jw_int(w, "at", one->at);
		jw_str(w, "serial", one->serial);
		jw_str(w, "authority", one->authority);
		jw_end_object(w);
	}
	jw_end_array(w);
}

void anchor_state_add(struct buf *out, const struct anchor_state *state)
{
	struct json_writer w = jw_init(out);

	jw_object(&w, NULL);
	jw_int(&w, "v", FILE_VERSION);
	jw_int(&w, "size", (int64_t)state->size);
	if (state->held)
		jw_bool(&w, "held", true);
	jw_array(&w, "tokens");
	for (size_t i = 0; i < state->token_count; i++)
		jw_int(&w, NULL, (int64_t)state->tokens[i]);
	jw_end_array(&w);
	if (state->unrecorded_count)
		write_unrecorded(&w, state);
	jw_object(&w, "anchors");
	for (size_t i = 0; i < state->mark_count; i++) {
		const struct anchor_mark *mark = &state->marks[i];

		jw_object(&w, mark->name);
		jw_str(&w, "kind", anchor_kind_names[mark->kind]);
		jw_int(&w, "size", (int64_t)mark->size);
		jw_int(&w, "at", mark->at);
		jw_int(&w, "asked_at", mark->asked_at);
		jw_int(&w, "waiting_since", mark->waiting_since);
		jw_int(&w, "next_try", mark->next_try);
		jw_int(&w, "failures", mark->failures);
		jw_str(&w, "failed", mark->word);
		if (mark->disagrees)
			jw_bool(&w, "disagrees", true);
		jw_int(&w, "known", (int64_t)mark->known);
		jw_int(&w, "tiles", (int64_t)mark->tiles);
		jw_array(&w, "queue");
		for (size_t k = 0; k < mark->queue_count; k++)
			jw_str(&w, NULL, mark->queue[k]);
		jw_end_array(&w);
		jw_end_object(&w);
	}
	jw_end_object(&w);
	jw_end_object(&w);
	buf_add_char(out, '\n');
}

static int get_count(const struct json *object, const char *key, uint64_t *ret, struct err *err)
{
	int64_t n = 0;
	int r = json_get_int(object, key, 0, BIG, &n, err);

	if (r == 0)
		*ret = (uint64_t)n;
	return r;
}

static int parse_queue(const struct json *object, struct anchor_mark *mark, struct err *err)
{
	struct json queue = { 0 };
	int r = json_get_array(object, "queue", &queue, err);

	if (r < 0)
		return r;
	if (json_len(&queue) > ANCHOR_QUEUE_MAX)
		return json_refuse(object, "queue", err, "too_many", "must be at most %d", ANCHOR_QUEUE_MAX);
	for (size_t i = 0; i < json_len(&queue); i++) {
		struct json item = json_at(&queue, i);

		if (!json_str(&item) || strlen(json_str(&item)) > 100 || strstr(json_str(&item), ".."))
			return json_refuse(&item, NULL, err, "bad_value", "must be a stamp such as \"300/tsa-1\"");
		anchor_queue(mark, json_str(&item));
	}
	return 0;
}

static int parse_mark(const struct json *anchors, const char *name, const struct json *object, struct anchor_state *state, struct err *err)
{
	struct anchor_mark *mark;
	const char *word = "";
	int kind = -1, r = json_opt_word(object, "kind", anchor_kind_names, &kind, err);

	if (r < 0)
		return r;
	if (kind < 0)
		return json_refuse(object, "kind", err, "missing", "must be there");
	mark = anchor_mark(state, name, (enum anchor_kind)kind);
	if (!mark)
		return json_refuse(anchors, name, err, "too_many", "is one too many, or too long a name");

	if ((r = get_count(object, "size", &mark->size, err)) < 0 || (r = json_get_int(object, "at", 0, BIG, &mark->at, err)) < 0 ||
		(r = json_get_int(object, "asked_at", 0, BIG, &mark->asked_at, err)) < 0 ||
		(r = json_get_int(object, "waiting_since", 0, BIG, &mark->waiting_since, err)) < 0 ||
		(r = json_get_int(object, "next_try", 0, BIG, &mark->next_try, err)) < 0 ||
		(r = json_get_int(object, "failures", 0, BIG, &mark->failures, err)) < 0 ||
		(r = json_get_str(object, "failed", ANCHOR_WORD_SIZE - 1, &word, err)) < 0 ||
		(r = json_opt_bool(object, "disagrees", &mark->disagrees, err)) < 0 ||
		(r = get_count(object, "known", &mark->known, err)) < 0 || (r = get_count(object, "tiles", &mark->tiles, err)) < 0)
		return r;
	snprintf(mark->word, sizeof(mark->word), "%s", word);
	return parse_queue(object, mark, err);
}

static int parse_tokens(const struct json *root, struct anchor_state *state, struct err *err)
{
	struct json tokens = { 0 };
	int r = json_get_array(root, "tokens", &tokens, err);

	if (r < 0)
		return r;
	if (json_len(&tokens) > ANCHOR_TOKENS_MAX)
		return json_refuse(root, "tokens", err, "too_many", "must be at most %d", ANCHOR_TOKENS_MAX);
	for (size_t i = 0; i < json_len(&tokens); i++) {
		struct json item = json_at(&tokens, i);

		if (item.type != JSON_INT || json_int(&item) < 0)
			return json_refuse(&item, NULL, err, "wrong_type", "must be a size");
		state->tokens[state->token_count++] = (uint64_t)json_int(&item);
	}
	return 0;
}

static int parse_unrecorded(const struct json *root, struct anchor_state *state, struct err *err)
{
	struct json list = json_get(root, "unrecorded");

	if (list.type != JSON_NONE && list.type != JSON_ARRAY)
		return json_refuse(root, "unrecorded", err, "wrong_type", "must be an array");
	if (json_len(&list) > ANCHOR_UNRECORDED_MAX)
		return json_refuse(root, "unrecorded", err, "too_many", "must be at most %d", ANCHOR_UNRECORDED_MAX);
	for (size_t i = 0; i < json_len(&list); i++) {
		struct json item = json_at(&list, i);
		struct anchor_unrecorded one = { 0 };
		const char *name = "", *serial = "", *authority = "";
		int kind = -1, r;

		if ((r = json_opt_word(&item, "anchor", anchor_kind_names, &kind, err)) < 0 ||
			(r = json_get_str(&item, "name", sizeof(one.name) - 1, &name, err)) < 0 || (r = get_count(&item, "size", &one.size, err)) < 0 ||
			(r = json_get_int(&item, "at", 0, BIG, &one.at, err)) < 0 ||
			(r = json_get_str(&item, "serial", sizeof(one.serial) - 1, &serial, err)) < 0 ||
			(r = json_get_str(&item, "authority", sizeof(one.authority) - 1, &authority, err)) < 0)
			return r;
		if (kind < 0 || !*name || *name == '.' || strchr(name, '/')) /* it becomes a file's name */
			return json_refuse(&item, NULL, err, "bad_value", "must be what an anchor gave");
		one.kind = (enum anchor_kind)kind;
		snprintf(one.name, sizeof(one.name), "%s", name);
		snprintf(one.serial, sizeof(one.serial), "%s", serial);
		snprintf(one.authority, sizeof(one.authority), "%s", authority);
		anchor_unrecorded(state, &one);
	}
	return 0;
}

static int parse_state(const struct json *root, struct anchor_state *state, struct err *err)
{
	struct json anchors = { 0 }, value;
	const char *name;
	int64_t version;
	int r;

	if (root->type != JSON_OBJECT)
		return json_refuse(root, NULL, err, "wrong_type", "must be an object");
	if ((r = json_get_int(root, "v", FILE_VERSION, FILE_VERSION, &version, err)) < 0 ||
		(r = get_count(root, "size", &state->size, err)) < 0 || (r = json_opt_bool(root, "held", &state->held, err)) < 0 ||
		(r = parse_tokens(root, state, err)) < 0 || (r = parse_unrecorded(root, state, err)) < 0 ||
		(r = json_get_object(root, "anchors", &anchors, err)) < 0)
		return r;
	for (size_t i = 0; json_member(&anchors, &i, &name, &value);)
		if ((r = parse_mark(&anchors, name, &value, state, err)) < 0)
			return r;
	return 0;
}

int anchor_state_parse(const char *text, size_t len, struct anchor_state *ret, struct err *err)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json root;
	int r = json_parse(arena, text, len, 0, &root, err);

	if (r == 0)
		r = parse_state(&root, ret, err);
	if (r < 0)
		anchor_state_clear(ret);
	return r < 0 ? -EBADMSG : 0;
}
