/* The answer rules of provider files, compiled and checked: what an answer may be called, and by which conditions. */
#include <string.h>

#include "common/adapter_internal.h"
#include "common/utc.h"

/* What a rule may call its answer, and what that is to the flow. */
static const struct answer_row answers[] = {
	{ "accepted", OUTCOME_ACCEPTED, SCOPE_MESSAGE, true },
	{ "duplicate", OUTCOME_ACCEPTED, SCOPE_MESSAGE, false }, /* it was accepted before */
	{ "refused", OUTCOME_REFUSED, SCOPE_MESSAGE, false },
	{ "bad_address", OUTCOME_REFUSED, SCOPE_RECIPIENT, false },
	{ "stopped", OUTCOME_REFUSED, SCOPE_RECIPIENT, false }, /* the recipient said STOP */
	{ "suppressed", OUTCOME_REFUSED, SCOPE_RECIPIENT, false },
	{ "throttled", OUTCOME_THROTTLED, SCOPE_MESSAGE, false },
	{ "temporary", OUTCOME_TEMPORARY, SCOPE_MESSAGE, false },
	{ "in_doubt", OUTCOME_IN_DOUBT, SCOPE_MESSAGE, false },
	{ "config", OUTCOME_REFUSED, SCOPE_PROVIDER, false },
	{ "quota", OUTCOME_THROTTLED, SCOPE_PROVIDER, false },
	{ "token_expired", OUTCOME_TEMPORARY, SCOPE_MESSAGE, false }, /* a fresh one is asked for */
};

/* RFC 6901. */
int pointer_parse(const struct json *at, const char *key, const char *pointer, struct err *err)
{
	if (*pointer && *pointer != '/')
		return json_refuse(at, key, err, "bad_pointer",
			"\"%s\" is no JSON pointer: it must begin with \"/\"", pointer);
	for (const char *p = pointer; *p; p++) {
		if (*p == '~' && p[1] != '0' && p[1] != '1')
			return json_refuse(at, key, err, "bad_pointer",
				"\"%s\": behind \"~\" only 0 or 1 may stand", pointer);
	}
	return 0;
}

bool token_valid(const char *s)
{
	return *s && !s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")];
}

int header_name_parse(const struct json *at, const char *key, const char *name, struct err *err)
{
	if (!token_valid(name))
		return json_refuse(at, key, err, "bad_header", "\"%s\" is no header name", name);
	return 0;
}

/* Exactly one of `header` and `pointer`. */
static int parse_source(const struct json *json, const char **header, const char **pointer,
	struct err *err)
{
	int r;

	if ((r = json_opt_str(json, "header", 100, header, err)) < 0 ||
		(r = json_opt_str(json, "pointer", 200, pointer, err)) < 0)
		return r;
	if (!*header == !*pointer)
		return json_refuse(json, NULL, err, "missing", "must have header or pointer");
	return *header ? header_name_parse(json, "header", *header, err) :
			 pointer_parse(json, "pointer", *pointer, err);
}

int id_source_parse(const struct json *json, struct id_source *ret, struct err *err)
{
	static const char *const members[] = { "header", "pointer", "transform", NULL };
	const char *transform = NULL;
	int r;

	*ret = (struct id_source){ 0 };
	if (json->type == JSON_STRING) {
		ret->pointer = json_str(json);
		return pointer_parse(json, NULL, ret->pointer, err);
	}
	if (json->type != JSON_OBJECT)
		return json_refuse(json, NULL, err, "wrong_type",
			"must be a pointer or {\"header\": name}");
	if ((r = json_only(json, members, err)) < 0 ||
		(r = parse_source(json, &ret->header, &ret->pointer, err)) < 0 ||
		(r = json_opt_str(json, "transform", 40, &transform, err)) < 0)
		return r;
	if (!transform)
		return 0;
	if (strcmp(transform, "strip_angle") == 0) {
		ret->transform = ID_STRIP_ANGLE;
	} else if (strncmp(transform, "before:", 7) == 0 && strlen(transform) == 8) {
		ret->transform = ID_BEFORE;
		ret->before = transform[7];
	} else {
		return json_refuse(json, "transform", err, "not_one_of",
			"must be strip_angle or before:C with one character C");
	}
	return 0;
}

static int parse_delay(const struct json *json, struct delay_source *ret, struct err *err)
{
	static const char *const members[] = { "header", "pointer", "unit", NULL };
	static const char *const units[] = { "auto", "s", "ms", "epoch", "epoch_ms", NULL };
	int unit = DELAY_AUTO;
	int r;

	if ((r = json_only(json, members, err)) < 0 ||
		(r = parse_source(json, &ret->header, &ret->pointer, err)) < 0 ||
		(r = json_opt_word(json, "unit", units, &unit, err)) < 0)
		return r;
	ret->unit = (enum delay_unit)unit;
	return 0;
}

/* 429, "2xx", or a list of these. */
static int parse_status(const struct json *json, struct rule *rule, struct err *err)
{
	const char *s = json_str(json);
	int64_t n = json_int(json);
	int low, high;

	if (json->type == JSON_INT && n >= 100 && n <= 599) {
		low = high = (int)n;
	} else if (s && s[0] >= '1' && s[0] <= '5' && strcmp(s + 1, "xx") == 0) {
		low = (s[0] - '0') * 100;
		high = low + 99;
	} else {
		return json_refuse(json, NULL, err, "not_one_of",
			"must be a status like 429 or a class like \"4xx\"");
	}
	if (rule->status_count == ARRAY_LEN(rule->status_low))
		return json_refuse(json, NULL, err, "too_long", "too many statuses");
	rule->status_low[rule->status_count] = low;
	rule->status_high[rule->status_count++] = high;
	return 0;
}

static int parse_statuses(const struct json *rule, struct rule *ret, struct err *err)
{
	struct json status = json_get(rule, "status");
	int r = 0;

	if (status.type == JSON_NONE)
		return 0;
	if (status.type != JSON_ARRAY)
		return parse_status(&status, ret, err);
	for (size_t i = 0; i < json_len(&status) && r == 0; i++) {
		struct json item = json_at(&status, i);

		r = parse_status(&item, ret, err);
	}
	return r == 0 && ret->status_count == 0 ?
		       json_refuse(rule, "status", err, "missing", "must not be empty") :
		       r;
}

static int parse_constant(const struct json *json, struct constant *ret, struct err *err)
{
	if (json->type != JSON_STRING && json->type != JSON_INT && json->type != JSON_BOOL)
		return json_refuse(json, NULL, err, "wrong_type",
			"must be a string, an integer, true or false");
	*ret = (struct constant){ .type = json->type, .s = json_str(json),
		.n = json->type == JSON_BOOL ? json_bool(json) : json_int(json) };
	return 0;
}

static int parse_constants(struct arena *arena, const struct json *json, struct condition *ret,
	struct err *err)
{
	size_t count = json->type == JSON_ARRAY ? json_len(json) : 1;
	int r = 0;

	ret->constants = arena_alloc(arena, (count + 1) * sizeof(*ret->constants));
	if (json->type != JSON_ARRAY) {
		ret->count = 1;
		return parse_constant(json, &ret->constants[0], err);
	}
	for (; ret->count < count && r == 0; ret->count++) {
		struct json item = json_at(json, ret->count);

		r = parse_constant(&item, &ret->constants[ret->count], err);
	}
	return r;
}

/* A value, a list of values, or an object with one of these members. */
static int parse_test(struct arena *arena, const struct json *json, struct condition *ret,
	struct err *err)
{
	static const char *const members[] = { "exists", "not", "like", "all", NULL };
	static const char *const names[] = { "not", "like", "all" };
	static const enum test_kind kinds[] = { TEST_NONE_OF, TEST_LIKE, TEST_ONE_OF };
	struct json inner;
	int r;

	ret->test = TEST_ONE_OF;
	if (json->type != JSON_OBJECT)
		return parse_constants(arena, json, ret, err);
	r = json_only(json, members, err);
	if (r < 0)
		return r;
	if (json_len(json) != 1)
		return json_refuse(json, NULL, err, "missing", "must have exists, not, like or all");
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		inner = json_get(json, names[i]);
		if (inner.type == JSON_NONE)
			continue;
		ret->test = kinds[i];
		ret->all = i == 2;
		if (ret->all && !ret->rest)
			return json_refuse(json, "all", err, "unknown_member", "all is for a pointer with a \"*\" in it");
		r = parse_constants(arena, &inner, ret, err);
		for (size_t k = 0; r == 0 && ret->test == TEST_LIKE && k < ret->count; k++) {
			if (ret->constants[k].type != JSON_STRING)
				r = json_refuse(json, "like", err, "wrong_type", "must be a text with \"*\" for anything");
		}
		return r;
	}
	inner = json_get(json, "exists");
	if (inner.type != JSON_BOOL)
		return json_refuse(json, "exists", err, "wrong_type", "must be true or false");
	ret->test = json_bool(&inner) ? TEST_EXISTS : TEST_ABSENT;
	return 0;
}

/* A pointer with a "*" token: into each element of a list. */
static int split_pointer(struct arena *arena, const struct json *object, struct condition *ret, struct err *err)
{
	const char *star = strstr(ret->name, "/*");

	if (!star || (star[2] && star[2] != '/'))
		return 0;
	ret->rest = star + 2;
	if (strstr(ret->rest, "/*"))
		return json_refuse(object, ret->name, err, "bad_pointer", "only one \"*\" may stand in a pointer");
	ret->name = arena_memdup(arena, ret->name, (size_t)(star - ret->name));
	return 0;
}

static struct condition *add_condition(struct arena *arena, struct rule *rule, size_t *capacity)
{
	rule->conditions = arena_grow(arena, rule->conditions, rule->condition_count, capacity,
		sizeof(*rule->conditions));
	rule->conditions[rule->condition_count] = (struct condition){ 0 };
	return &rule->conditions[rule->condition_count++];
}

static int parse_conditions(struct arena *arena, const struct json *rule, const char *member,
	struct rule *ret, size_t *capacity, struct err *err)
{
	bool header = strcmp(member, "header") == 0;
	struct json object = { 0 }, test;
	const char *key;
	int r = json_opt_object(rule, member, &object, err);

	for (size_t i = 0; r == 0 && json_member(&object, &i, &key, &test);) {
		struct condition *condition = add_condition(arena, ret, capacity);

		condition->where = header ? IN_HEADER : IN_JSON;
		condition->name = key;
		r = header ? header_name_parse(&object, key, key, err) :
			     pointer_parse(&object, key, key, err);
		if (r == 0 && !header)
			r = split_pointer(arena, &object, condition, err);
		if (r == 0)
			r = parse_test(arena, &test, condition, err);
	}
	return r;
}

/* The whole text of a body that may be no JSON. */
static int parse_body_test(struct arena *arena, const struct json *rule, struct rule *ret, size_t *capacity, struct err *err)
{
	struct json test = { 0 };
	struct condition *condition;
	int r = json_opt_object(rule, "body", &test, err);

	if (r < 0 || test.type == JSON_NONE)
		return r;
	condition = add_condition(arena, ret, capacity);
	condition->where = IN_BODY;
	if (!json_has(&test, "like"))
		return json_refuse(rule, "body", err, "missing", "must be {\"like\": text with \"*\" for anything}");
	return parse_test(arena, &test, condition, err);
}

static int parse_require(struct arena *arena, const struct json *rule, struct rule *ret,
	size_t *capacity, struct err *err)
{
	struct json list = { 0 };
	int r = json_opt_array(rule, "require", &list, err);

	for (size_t i = 0; r == 0 && i < json_len(&list); i++) {
		struct json item = json_at(&list, i);
		struct condition *condition = add_condition(arena, ret, capacity);

		condition->test = TEST_EXISTS;
		condition->name = json_str(&item);
		r = condition->name ? pointer_parse(&item, NULL, condition->name, err) :
				      json_refuse(&item, NULL, err, "wrong_type", "must be a pointer");
	}
	return r;
}

/* A word for records and programs, as stable as the file. */
static int parse_reason(const struct json *rule, struct rule *ret, struct err *err)
{
	int r = json_opt_str(rule, "reason", 40, &ret->reason, err);

	if (r == 0 && ret->reason &&
		(!*ret->reason || ret->reason[strspn(ret->reason, "abcdefghijklmnopqrstuvwxyz0123456789_")]))
		return json_refuse(rule, "reason", err, "bad_id",
			"must be a word of lower-case letters, digits and underscores");
	return r;
}

/* A refusal that is no 2xx must never be believed to be a message on its way. */
static int check_rule(const struct json *json, const struct rule *rule, struct err *err)
{
	bool only_2xx = rule->status_count > 0;

	for (size_t i = 0; i < rule->status_count; i++)
		only_2xx = only_2xx && rule->status_low[i] >= 200 && rule->status_high[i] <= 299;
	if (rule->answer->needs_id && !only_2xx)
		return json_refuse(json, "status", err, "out_of_range",
			"only a 2xx can be accepted (another may be a duplicate)");
	if (rule->status_count == 0 && rule->condition_count == 0)
		return json_refuse(json, NULL, err, "missing", "a rule needs a condition");
	return 0;
}

static int parse_rule(struct arena *arena, const struct json *json, struct rule *ret,
	struct err *err)
{
	static const char *const members[] = { "status", "header", "json", "body", "require", "outcome",
		"scope", "reason", "retry_after_s", "retry_after", NULL };
	const char *names[ARRAY_LEN(answers) + 1] = { 0 };
	struct json delay = { 0 };
	int answer = 0, scope = -1;
	int64_t seconds = 0;
	size_t capacity = 0;
	int r;

	for (size_t i = 0; i < ARRAY_LEN(answers); i++)
		names[i] = answers[i].name;
	if (json->type != JSON_OBJECT)
		return json_refuse(json, NULL, err, "wrong_type", "must be an object");
	if ((r = json_only(json, members, err)) < 0 ||
		(r = parse_statuses(json, ret, err)) < 0 ||
		(r = parse_conditions(arena, json, "header", ret, &capacity, err)) < 0 ||
		(r = parse_conditions(arena, json, "json", ret, &capacity, err)) < 0 ||
		(r = parse_body_test(arena, json, ret, &capacity, err)) < 0 ||
		(r = parse_require(arena, json, ret, &capacity, err)) < 0 ||
		(r = json_get_word(json, "outcome", names, &answer, err)) < 0 ||
		(r = json_opt_word(json, "scope", scope_names, &scope, err)) < 0 ||
		(r = parse_reason(json, ret, err)) < 0 ||
		(r = json_opt_int(json, "retry_after_s", 1, 400 * 86400, &seconds, err)) < 0 ||
		(r = json_opt_object(json, "retry_after", &delay, err)) < 0)
		return r;
	if (delay.type == JSON_OBJECT && (r = parse_delay(&delay, &ret->delay, err)) < 0)
		return r;
	ret->answer = &answers[answer];
	ret->scope = scope >= 0 ? (enum outcome_scope)scope : ret->answer->scope;
	ret->retry_after_ms = seconds * SECOND_MS;
	return check_rule(json, ret, err);
}

/* Whether `earlier` takes every answer that `rule` could: then `rule` is never reached. */
static bool hides(const struct rule *earlier, const struct rule *rule)
{
	if (earlier->condition_count > 0 || rule->status_count == 0)
		return false;
	for (size_t i = 0; i < rule->status_count; i++) {
		bool covered = false;

		for (size_t k = 0; k < earlier->status_count; k++)
			covered = covered || (earlier->status_low[k] <= rule->status_low[i] && earlier->status_high[k] >= rule->status_high[i]);
		if (!covered)
			return false;
	}
	return true;
}

int rules_parse(struct arena *arena, const struct json *list, struct rule **ret, size_t *count, struct err *err)
{
	struct rule *rules = arena_alloc(arena, (json_len(list) + 1) * sizeof(*rules));
	int r = 0;

	for (*count = 0; *count < json_len(list) && r == 0; (*count)++) {
		struct json item = json_at(list, *count);

		r = parse_rule(arena, &item, &rules[*count], err);
		for (size_t i = 0; r == 0 && i < *count; i++) {
			if (hides(&rules[i], &rules[*count]))
				r = json_refuse(&item, NULL, err, "unreachable",
					"rule %zu takes all of these answers already: put this one before it", i);
		}
	}
	*ret = rules;
	return r;
}

int response_parse(struct arena *arena, const struct json *json, struct response *ret,
	struct err *err)
{
	static const char *const members[] = { "id", "rules", NULL };
	struct json id = json_get(json, "id"), rules = { 0 };
	int r = json_only(json, members, err);

	if (r < 0)
		return r;
	if (id.type == JSON_NONE)
		return json_refuse(json, "id", err, "missing",
			"is missing: without its id no answer proves anything");
	if ((r = id_source_parse(&id, &ret->id, err)) < 0 ||
		(r = json_opt_array(json, "rules", &rules, err)) < 0)
		return r;
	return rules_parse(arena, &rules, &ret->rules, &ret->rule_count, err);
}
