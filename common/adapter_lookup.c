/* Look-ups: how a message whose answer never came is asked for, and whether it is there. */
#include <errno.h>
#include <string.h>

#include "common/adapter_internal.h"
#include "common/utc.h"

static int parse_matches(struct adapter *adapter, const struct json *lookup, struct err *err)
{
	struct lookup_plan *plan = &adapter->lookup;
	struct json match = json_get(lookup, "match"), value;
	const char *key, *word = json_str(&match);
	int r = 0;

	if (word && strcmp(word, "request") == 0)
		return 0;
	if (match.type != JSON_OBJECT)
		return json_refuse(lookup, "match", err, match.type == JSON_NONE ? "missing" : "wrong_type",
			"must be {pointer: template}, or \"request\" when the request asks for this message alone");
	if (json_len(&match) == 0)
		return json_refuse(lookup, "match", err, "missing",
			"must not be empty: any message would do");
	plan->matches = arena_alloc(adapter->arena, json_len(&match) * sizeof(*plan->matches));
	for (size_t i = 0; r == 0 && json_member(&match, &i, &key, &value);) {
		struct lookup_match *m = &plan->matches[plan->match_count++];

		m->pointer = key;
		r = pointer_parse(&match, key, key, err);
		if (r == 0)
			r = text_parse(adapter, &value, PLACE_LOOKUP, &m->text, err);
	}
	return r;
}

int lookup_parse(struct adapter *adapter, const struct json *root, struct err *err)
{
	static const char *const members[] = { "request", "each", "match", "id", "since", "more",
		"not_found_status", "not_before_s", "conclusive_after_s", NULL };
	struct lookup_plan *plan = &adapter->lookup;
	struct json lookup = { 0 }, request, id;
	int64_t before = 0, conclusive = 0, not_found = 0;
	int r = json_opt_object(root, "lookup", &lookup, err);

	if (r < 0 || lookup.type == JSON_NONE)
		return r;
	plan->each = "";
	id = json_get(&lookup, "id");
	if ((r = json_only(&lookup, members, err)) < 0 ||
		(r = json_get_object(&lookup, "request", &request, err)) < 0 ||
		(r = plan_parse(adapter, &request, PLACE_LOOKUP, &adapter->send.auth, &adapter->lookup_request, err)) < 0 ||
		(r = json_opt_str(&lookup, "each", 200, &plan->each, err)) < 0 ||
		(r = pointer_parse(&lookup, "each", plan->each, err)) < 0 ||
		(r = parse_matches(adapter, &lookup, err)) < 0 ||
		(r = json_opt_str(&lookup, "since", 200, &plan->since, err)) < 0 ||
		(r = json_opt_str(&lookup, "more", 200, &plan->more, err)) < 0 ||
		(r = json_opt_int(&lookup, "not_found_status", 404, 410, &not_found, err)) < 0 ||
		(r = json_opt_int(&lookup, "not_before_s", 0, 86400, &before, err)) < 0 ||
		(r = json_opt_int(&lookup, "conclusive_after_s", 1, 30 * 86400, &conclusive, err)) < 0)
		return r;
	if ((plan->since && (r = pointer_parse(&lookup, "since", plan->since, err)) < 0) ||
		(plan->more && (r = pointer_parse(&lookup, "more", plan->more, err)) < 0))
		return r;
	if (strcmp(adapter->lookup_request.method, "GET") != 0)
		return json_refuse(&request, "method", err, "not_one_of", "a look-up is a GET");
	if (id.type == JSON_NONE)
		return json_refuse(&lookup, "id", err, "missing", "is missing");
	adapter->has_lookup = true;
	plan->not_found_status = (int)not_found;
	plan->not_before_ms = before * SECOND_MS;
	plan->conclusive_ms = conclusive * SECOND_MS;
	return id_source_parse(&id, &plan->id, err);
}

int adapter_lookup_request(const struct adapter *adapter, const struct adapter_input *input,
	struct arena *arena, struct http_request *ret, struct adapter_lookup **lookup,
	struct err *err)
{
	const struct scope scope = { .adapter = adapter, .input = input, .arena = arena };
	const struct lookup_plan *plan = &adapter->lookup;
	struct adapter_lookup *made;
	int r = 0;

	if (!adapter->has_lookup)
		return err_set(err, -ENOTSUP, "no_lookup", "", "%s has no look-up", adapter->name);
	if ((input->message->text || input->message->html) && (r = message_check(input->message, err)) < 0)
		return r;
	made = arena_alloc(arena, sizeof(*made));
	made->plan = plan;
	made->sent_at = input->sent_at;
	made->expected = arena_alloc(arena, (plan->match_count + 1) * sizeof(*made->expected));
	for (size_t i = 0; i < plan->match_count && r == 0; i++)
		r = text_string(&scope, &plan->matches[i].text, &made->expected[i], err);
	if (r < 0 || (r = plan_build(&scope, &adapter->lookup_request, NULL, ret, err)) < 0)
		return r;
	*lookup = made;
	return 0;
}

/* The provider's clock and ours differ, and some cut to whole seconds. */
#define SINCE_SLACK_MS MINUTE_MS

/* Seconds, with or without a fraction, or ms: no time of either kind is one of the other's. */
static int64_t epoch_ms(const struct json *value)
{
	double n = value->type == JSON_INT ? (double)json_int(value) : json_double(value);

	if (!(n >= 0 && n < 1e15))
		return 0;
	return (int64_t)(n < 1e11 ? n * (double)SECOND_MS : n);
}

/* 1, 0, or -EBADMSG: its time cannot be read, so that it may be this message. */
static int new_enough(const struct adapter_lookup *lookup, const struct json *item)
{
	struct json value = lookup->plan->since ? pointer_get(item, lookup->plan->since) : (struct json){ 0 };
	const char *text = json_str(&value);
	int64_t at;

	if (!lookup->plan->since)
		return 1;
	if (value.type == JSON_INT || value.type == JSON_DOUBLE)
		at = epoch_ms(&value);
	else if (!text || (utc_parse(text, &at) < 0 && http_date_parse(text, &at) < 0))
		return -EBADMSG;
	return at >= lookup->sent_at - SINCE_SLACK_MS;
}

static int item_matches(const struct adapter_lookup *lookup, const struct json *item, struct arena *arena)
{
	for (size_t i = 0; i < lookup->plan->match_count; i++) {
		struct json value = pointer_get(item, lookup->plan->matches[i].pointer);
		const char *text = scalar_text(&value, arena);

		if (!text || strcmp(text, lookup->expected[i]) != 0)
			return 0;
	}
	return new_enough(lookup, item);
}

/* The last page has no link to a next one, or says so: null, false or an empty text. */
static bool says_no(const struct json *more)
{
	return more->type == JSON_NONE || more->type == JSON_NULL || (more->type == JSON_BOOL && !json_bool(more)) ||
		(more->type == JSON_STRING && !json_str(more)[0]);
}

int adapter_lookup_answer(const struct adapter_lookup *lookup, const struct http_answer *answer,
	struct arena *arena, const char **provider_id)
{
	const struct lookup_plan *plan = lookup->plan;
	struct reading reading;
	struct json list, more;
	int unclear = 0;

	if (plan->not_found_status && answer->status == plan->not_found_status)
		return 0;
	if (answer->status < 200 || answer->status > 299)
		return -EBADMSG;
	reading_init(&reading, answer, 0, arena);
	list = pointer_get(&reading.body, plan->each);
	if (list.type != JSON_ARRAY && list.type != JSON_OBJECT)
		return -EBADMSG;
	for (size_t i = 0; i < (list.type == JSON_ARRAY ? json_len(&list) : 1); i++) {
		struct json item = list.type == JSON_ARRAY ? json_at(&list, i) : list;

		int r = item_matches(lookup, &item, arena);

		unclear = r < 0 ? r : unclear;
		if (r <= 0)
			continue;
		*provider_id = reading_id(&reading, &item, &plan->id);
		return *provider_id ? 1 : -EBADMSG;
	}
	if (unclear)
		return unclear;
	if (plan->more) {
		more = pointer_get(&reading.body, plan->more);
		if (!says_no(&more))
			return -EBADMSG; /* only a part of the list: it may stand in the rest */
	}
	return 0;
}
