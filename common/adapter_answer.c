/* What a provider's answer means, and whether a look-up found the message. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/adapter_internal.h"
#include "common/utc.h"

#define ID_MAX 200
#define RETRY_MAX_MS (400 * DAY_MS) /* beyond it is nonsense; the caller clamps to what suits it */

/* --- reading an answer --------------------------------------------------------------------------------------------------- */

struct json pointer_get(const struct json *root, const char *pointer)
{
	struct json at = *root;
	char token[256];

	while (*pointer == '/') {
		struct json next;
		size_t n = 0;

		for (pointer++; *pointer && *pointer != '/'; pointer++) {
			char c = *pointer;

			if (c == '~')
				c = *++pointer == '1' ? '/' : '~';
			if (n < sizeof(token) - 1)
				token[n++] = c;
		}
		token[n] = '\0';
		if (at.type == JSON_ARRAY && n > 0 && n < 10 && !token[strspn(token, "0123456789")])
			next = json_at(&at, strtoul(token, NULL, 10));
		else if (at.type == JSON_OBJECT)
			next = json_get(&at, token);
		else
			return (struct json){ 0 };
		at = next;
		at.parent = NULL; /* it pointed to a value of this loop; only the node is of interest */
		at.key = NULL;
	}
	return at;
}

const char *http_head_get(const struct http_answer *answer, const char *name, struct arena *arena)
{
	const char *p = answer->head, *end = answer->head_len ? p + answer->head_len : p;
	size_t len = strlen(name);

	while (p && p < end) {
		const char *line_end = memchr(p, '\n', (size_t)(end - p));
		const char *stop = line_end ? line_end : end;

		if ((size_t)(stop - p) > len && p[len] == ':' && strncasecmp(p, name, len) == 0) {
			p += len + 1;
			while (p < stop && isspace((unsigned char)*p))
				p++;
			while (stop > p && isspace((unsigned char)stop[-1]))
				stop--;
			return arena_memdup(arena, p, (size_t)(stop - p));
		}
		p = line_end ? line_end + 1 : end;
	}
	return NULL;
}

void reading_init(struct reading *reading, const struct http_answer *answer, int64_t now,
	struct arena *arena)
{
	*reading = (struct reading){ .answer = answer, .arena = arena, .now = now };
	if (answer->body_len == 0 || answer->truncated ||
		json_parse(arena, answer->body, answer->body_len, JSON_FRACTIONS, &reading->body,
			NULL) < 0)
		reading->body = (struct json){ 0 };
}

const char *scalar_text(const struct json *json, struct arena *arena)
{
	if (json->type == JSON_INT)
		return arena_printf(arena, "%lld", (long long)json_int(json));
	return json_str(json);
}

const char *reading_id(const struct reading *reading, const struct json *root,
	const struct id_source *source)
{
	struct json value = source->pointer ? pointer_get(root, source->pointer) : (struct json){ 0 };
	const char *raw = source->header ? http_head_get(reading->answer, source->header, reading->arena) :
					   scalar_text(&value, reading->arena);
	size_t len = raw ? strlen(raw) : 0;
	const char *cut;

	if (source->transform == ID_STRIP_ANGLE && len > 2 && raw[0] == '<' && raw[len - 1] == '>') {
		raw++;
		len -= 2;
	}
	if (source->transform == ID_BEFORE && raw) {
		cut = strchr(raw, source->before);
		len = cut ? (size_t)(cut - raw) : len;
	}
	if (len == 0 || len > ID_MAX)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		if (raw[i] <= ' ' || raw[i] > '~')
			return NULL;
	}
	return arena_memdup(reading->arena, raw, len);
}

static bool constant_equals(const struct constant *constant, const char *text,
	const struct json *value)
{
	char number[24];

	if (!value) { /* a header: text only */
		snprintf(number, sizeof(number), "%lld", (long long)constant->n);
		return strcmp(constant->type == JSON_STRING ? constant->s : number, text) == 0;
	}
	if (constant->type != value->type)
		return false;
	if (constant->type == JSON_STRING)
		return strcmp(constant->s, json_str(value)) == 0;
	return constant->n == (constant->type == JSON_BOOL ? json_bool(value) : json_int(value));
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* "*" stands for anything; ASCII letters of either case are the same. */
static bool like(const char *pattern, const char *text)
{
	const char *star = NULL, *back = NULL;

	while (*text) {
		if (*pattern == '*') {
			star = ++pattern;
			back = text;
		} else if (lower(*pattern) == lower(*text)) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star;
			text = ++back;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

/*
 * Of one value; `value` is NULL for a header or a body, which are text only. "Not one of" asks for a value that is there: an answer
 * without it says nothing.
 */
static bool value_passes(const struct condition *condition, const char *text, const struct json *value)
{
	bool there = value ? value->type != JSON_NONE && value->type != JSON_NULL : text != NULL, found = false;

	for (size_t i = 0; there && i < condition->count; i++) {
		if (condition->test == TEST_LIKE)
			found = found || (text && like(condition->constants[i].s, text));
		else
			found = found || constant_equals(&condition->constants[i], text, value);
	}
	switch (condition->test) {
	case TEST_EXISTS:
		return there;
	case TEST_ABSENT:
		return !there;
	case TEST_ONE_OF:
	case TEST_LIKE:
		return found;
	case TEST_NONE_OF:
		return there && !found;
	}
	return false;
}

static bool list_passes(const struct reading *reading, const struct condition *condition, const struct json *list)
{
	size_t passed = 0, count = list->type == JSON_ARRAY ? json_len(list) : 0;

	for (size_t i = 0; i < count; i++) {
		struct json item = json_at(list, i), value = pointer_get(&item, condition->rest);

		passed += value_passes(condition, scalar_text(&value, reading->arena), &value);
	}
	return condition->all ? count > 0 && passed == count : passed > 0;
}

/* The body as one text; a NUL would end it. */
static const char *body_text(const struct reading *reading)
{
	const struct http_answer *answer = reading->answer;
	char *text = arena_memdup(reading->arena, answer->body_len ? answer->body : "", answer->body_len);

	for (size_t i = 0; i < answer->body_len; i++) {
		if (!text[i])
			text[i] = ' ';
	}
	return text;
}

static bool condition_holds(const struct reading *reading, const struct condition *condition)
{
	struct json value;

	switch (condition->where) {
	case IN_HEADER:
		return value_passes(condition, http_head_get(reading->answer, condition->name, reading->arena), NULL);
	case IN_BODY:
		return value_passes(condition, body_text(reading), NULL);
	case IN_JSON:
		break;
	}
	value = pointer_get(&reading->body, condition->name);
	if (condition->rest)
		return list_passes(reading, condition, &value);
	return value_passes(condition, scalar_text(&value, reading->arena), &value);
}

static bool rule_matches(const struct reading *reading, const struct rule *rule)
{
	int status = reading->answer->status;
	bool hit = rule->status_count == 0;

	for (size_t i = 0; i < rule->status_count; i++)
		hit = hit || (status >= rule->status_low[i] && status <= rule->status_high[i]);
	for (size_t i = 0; hit && i < rule->condition_count; i++)
		hit = condition_holds(reading, &rule->conditions[i]);
	return hit;
}

const struct rule *rule_find(const struct reading *reading, const struct rule *rules, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (rule_matches(reading, &rules[i]))
			return &rules[i];
	}
	return NULL;
}

/* A date counts from the provider's own clock when it tells it, so that a wrong one on either side does no harm. */
static int64_t until_date(const struct reading *reading, int64_t at)
{
	const char *when = http_head_get(reading->answer, "Date", reading->arena);
	int64_t now = reading->now;

	if (when)
		(void)http_date_parse(when, &now);
	return at > now ? at - now : 1;
}

static int64_t delay_ms(const struct reading *reading, const char *text, enum delay_unit unit)
{
	int64_t n, at;
	char *end;

	if (!text || !*text)
		return 0;
	if (*text < '0' || *text > '9') {
		if (unit != DELAY_AUTO || http_date_parse(text, &at) < 0)
			return 0;
		n = until_date(reading, at);
		return n > RETRY_MAX_MS ? RETRY_MAX_MS : n;
	}
	errno = 0;
	n = strtoll(text, &end, 10);
	/* "1.5" is no Retry-After, but providers write it: rounded up. */
	if (*end == '.' && !end[1 + strspn(end + 1, "0123456789")])
		n += n < INT64_MAX;
	else if (*end)
		return 0;
	if (errno || n > INT64_MAX / 2000)
		return RETRY_MAX_MS;
	switch (unit) {
	case DELAY_AUTO:
	case DELAY_SECONDS:
		n = n * SECOND_MS;
		break;
	case DELAY_EPOCH:
		n = until_date(reading, n * SECOND_MS);
		break;
	case DELAY_EPOCH_MS:
		n = until_date(reading, n);
		break;
	case DELAY_MS:
		break;
	}
	return n > RETRY_MAX_MS ? RETRY_MAX_MS : n > 0 ? n : 1;
}

int64_t reading_delay(const struct reading *reading, const struct rule *rule)
{
	const struct delay_source *source = rule ? &rule->delay : NULL;
	const char *text = NULL;
	struct json value;
	int64_t ms;

	if (source && source->header) {
		text = http_head_get(reading->answer, source->header, reading->arena);
	} else if (source && source->pointer) {
		value = pointer_get(&reading->body, source->pointer);
		text = value.type == JSON_DOUBLE ?
			       arena_printf(reading->arena, "%.3f", json_double(&value)) :
			       scalar_text(&value, reading->arena);
	}
	ms = delay_ms(reading, text, source ? source->unit : DELAY_AUTO);
	if (ms == 0)
		ms = delay_ms(reading, http_head_get(reading->answer, "Retry-After", reading->arena),
			DELAY_AUTO);
	return ms == 0 && rule ? rule->retry_after_ms : ms;
}

/* The rules behind the file's own. */
static void apply_defaults(int status, struct outcome *ret)
{
	static const struct {
		int low, high;
		enum outcome_kind kind;
		enum outcome_scope scope;
		const char *reason;
	} defaults[] = {
		{ 200, 299, OUTCOME_ACCEPTED, SCOPE_MESSAGE, "accepted" },
		{ 401, 401, OUTCOME_REFUSED, SCOPE_PROVIDER, "config" },
		{ 403, 403, OUTCOME_REFUSED, SCOPE_PROVIDER, "config" },
		{ 408, 409, OUTCOME_IN_DOUBT, SCOPE_MESSAGE, "unclear" },
		{ 425, 425, OUTCOME_IN_DOUBT, SCOPE_MESSAGE, "unclear" },
		{ 429, 429, OUTCOME_THROTTLED, SCOPE_MESSAGE, "throttled" },
		{ 400, 499, OUTCOME_REFUSED, SCOPE_MESSAGE, "refused" },
		{ 500, 599, OUTCOME_IN_DOUBT, SCOPE_MESSAGE, "server_error" },
		{ 0, 999, OUTCOME_IN_DOUBT, SCOPE_MESSAGE, "unclear" },
	};
	size_t i = 0;

	while (i < ARRAY_LEN(defaults) - 1 && (status < defaults[i].low || status > defaults[i].high))
		i++;
	ret->kind = defaults[i].kind;
	ret->scope = defaults[i].scope;
	ret->reason = defaults[i].reason;
}

char *reading_raw(const struct reading *reading, size_t *len)
{
	const struct http_answer *answer = reading->answer;
	char *raw = arena_alloc(reading->arena, answer->head_len + 2 + answer->body_len + 1);

	memcpy(raw, answer->head_len ? answer->head : "", answer->head_len);
	memcpy(raw + answer->head_len, "\r\n", 2);
	memcpy(raw + answer->head_len + 2, answer->body_len ? answer->body : "", answer->body_len);
	*len = answer->head_len + 2 + answer->body_len;
	return raw;
}

/* A token may end before its time: a fresh one is asked for. That the account is refused shows when that is refused too. */
static void token_refused(const struct adapter *adapter, int status, struct outcome *ret)
{
	if (!adapter->token || status != 401)
		return;
	ret->kind = OUTCOME_TEMPORARY;
	ret->scope = SCOPE_MESSAGE;
	ret->reason = "token_expired";
}

void adapter_answer(const struct adapter *adapter, const struct http_answer *answer, int64_t now,
	struct arena *arena, struct outcome *ret)
{
	const struct rule *rule;
	struct reading reading;
	const char *id;

	reading_init(&reading, answer, now, arena);
	*ret = (struct outcome){ .status = answer->status };
	rule = rule_find(&reading, adapter->response.rules, adapter->response.rule_count);
	if (rule) {
		ret->kind = rule->answer->kind;
		ret->scope = rule->scope;
		ret->reason = rule->reason ? rule->reason : rule->answer->name;
	} else {
		apply_defaults(answer->status, ret);
		token_refused(adapter, answer->status, ret);
	}
	if (ret->kind == OUTCOME_ACCEPTED) {
		id = reading_id(&reading, &reading.body, &adapter->response.id);
		ret->provider_id = id;
		if (!id && (!rule || rule->answer->needs_id)) {
			ret->kind = OUTCOME_IN_DOUBT;
			ret->reason = "no_id";
		}
	}
	if (ret->kind == OUTCOME_THROTTLED || ret->kind == OUTCOME_TEMPORARY)
		ret->retry_after_ms = reading_delay(&reading, rule);
	ret->raw = reading_raw(&reading, &ret->raw_len);
}
