/* The `poll` of a provider file: compiled and checked when it is loaded, and the lists that the provider answers with. */
#include "common/adapter_poll.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/adapter_hook_internal.h"
#include "common/utc.h"

#define ITEMS_MAX 5000 /* of one list: an answer is bounded anyway */

enum cursor_kind { CURSOR_NUMBER, CURSOR_TIME };

struct poll {
	const struct adapter *adapter;
	const char *name, *when;
	struct request_plan list, item;
	bool by_item, has_cursor, newest_first;
	const char *each, *item_id, *next; /* next NULL: there is one page alone */
	const char *next_query; /* what it points to is an address, of which this parameter is the page; NULL: it is the page itself */
	const char *cursor;
	enum cursor_kind cursor_kind;
	int64_t interval_ms, overlap_ms, window_ms;
	struct hook hook;
};

/* --- the file ----------------------------------------------------------------------------------------------------------------- */

static bool name_ok(const char *name)
{
	return *name && strlen(name) <= 32 && !name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")];
}

static int parse_when(const struct adapter *adapter, const struct json *json, struct poll *ret, struct err *err)
{
	const char *when = NULL;
	int r = json_opt_str(json, "when", 64, &when, err);

	ret->when = when;
	if (r < 0 || !when)
		return r;
	for (size_t i = 0; i < adapter->setting_count; i++)
		if (strcmp(adapter->settings[i].name, when) == 0)
			return adapter->settings[i].secret ? json_refuse(json, "when", err, "bad_value", "a secret is no switch") : 0;
	return json_refuse(json, "when", err, "unknown_value", "\"%s\" is not declared under config", when);
}

static int parse_cursor(const struct json *json, struct poll *ret, struct err *err)
{
	static const char *const members[] = { "pointer", "kind", NULL }, *const kinds[] = { "number", "time", NULL };
	struct json cursor = { 0 };
	int kind = 0, r = json_opt_object(json, "cursor", &cursor, err);

	if (r < 0 || cursor.type == JSON_NONE)
		return r;
	if ((r = json_only(&cursor, members, err)) < 0 || (r = json_get_str(&cursor, "pointer", 200, &ret->cursor, err)) < 0 ||
		(r = pointer_parse(&cursor, "pointer", ret->cursor, err)) < 0 || (r = json_get_word(&cursor, "kind", kinds, &kind, err)) < 0)
		return r;
	ret->cursor_kind = (enum cursor_kind)kind;
	ret->has_cursor = true;
	return 0;
}

static int parse_item(const struct adapter *adapter, const struct json *json, struct poll *ret, struct err *err)
{
	static const char *const members[] = { "id", "request", NULL };
	struct json item = { 0 }, request;
	int r = json_opt_object(json, "item", &item, err);

	ret->item_id = "";
	if (r < 0 || item.type == JSON_NONE)
		return r;
	ret->by_item = true;
	if ((r = json_only(&item, members, err)) < 0 || (r = json_opt_str(&item, "id", 200, &ret->item_id, err)) < 0 ||
		(r = pointer_parse(&item, "id", ret->item_id, err)) < 0 || (r = json_get_object(&item, "request", &request, err)) < 0 ||
		(r = plan_parse(adapter, &request, PLACE_POLL, &adapter->send.auth, &ret->item, err)) < 0)
		return r;
	return strcmp(ret->item.method, "GET") == 0 ? 0 : json_refuse(&request, "method", err, "not_one_of", "what is asked for is asked by GET");
}

/* "/pointer", or {pointer, query}. */
static int parse_next(const struct json *json, struct poll *ret, struct err *err)
{
	static const char *const members[] = { "pointer", "query", NULL };
	struct json next = json_get(json, "next");
	int r;

	if (next.type == JSON_NONE)
		return 0;
	ret->next = json_str(&next);
	if (ret->next)
		return pointer_parse(json, "next", ret->next, err);
	if (next.type != JSON_OBJECT)
		return json_refuse(json, "next", err, "wrong_type", "must be a pointer, or {\"pointer\": p, \"query\": name}");
	if ((r = json_only(&next, members, err)) < 0 || (r = json_get_str(&next, "pointer", 200, &ret->next, err)) < 0 ||
		(r = pointer_parse(&next, "pointer", ret->next, err)) < 0 || (r = json_get_str(&next, "query", 64, &ret->next_query, err)) < 0)
		return r;
	return header_name_parse(&next, "query", ret->next_query, err);
}

/* Nobody calls us: there are no headers, no address of ours, and of each element only itself. */
static int check_sources(const struct json *json, const struct hook *hook, struct err *err)
{
	const struct source_list *const lists[] = { &hook->attempt, &hook->message, &hook->id, &hook->type, &hook->time, &hook->reason,
		&hook->address, &hook->text };

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		for (size_t k = 0; k < lists[i]->count; k++)
			if (lists[i]->sources[k].kind != SOURCE_POINTER)
				return json_refuse(json, "events", err, "bad_value", "what is asked for has pointers alone");
	return 0;
}

static int parse_poll(const struct adapter *adapter, const struct json *json, struct poll *ret, struct err *err)
{
	static const char *const members[] = { "name", "help", "when", "interval_s", "request", "each", "item", "next", "cursor", "overlap_s",
		"newest_first", "window_s", "element", "events", NULL };
	int64_t interval = 300, overlap = 3600, window = 172800;
	const char *help = NULL;
	struct json request;
	int r;

	*ret = (struct poll){ .adapter = adapter, .each = "", .hook = { .adapter = adapter, .each = "" } };
	if (json->type != JSON_OBJECT)
		return json_refuse(json, NULL, err, "wrong_type", "must be an object");
	if ((r = json_only(json, members, err)) < 0 || (r = json_get_str(json, "name", 32, &ret->name, err)) < 0 ||
		(r = json_opt_str(json, "help", 400, &help, err)) < 0 || (r = parse_when(adapter, json, ret, err)) < 0 ||
		(r = json_opt_int(json, "interval_s", 1, 86400, &interval, err)) < 0 ||
		(r = json_get_object(json, "request", &request, err)) < 0 ||
		(r = plan_parse(adapter, &request, PLACE_POLL, &adapter->send.auth, &ret->list, err)) < 0 ||
		(r = json_opt_str(json, "each", 200, &ret->each, err)) < 0 || (r = pointer_parse(json, "each", ret->each, err)) < 0 ||
		(r = parse_item(adapter, json, ret, err)) < 0 || (r = parse_next(json, ret, err)) < 0 ||
		(r = parse_cursor(json, ret, err)) < 0 || (r = json_opt_bool(json, "newest_first", &ret->newest_first, err)) < 0 ||
		(r = json_opt_int(json, "overlap_s", 0, 86400, &overlap, err)) < 0 ||
		(r = json_opt_int(json, "window_s", 60, 90 * 86400, &window, err)) < 0 ||
		(r = hook_events_parse(adapter->arena, json, &ret->hook, err)) < 0 || (r = check_sources(json, &ret->hook, err)) < 0)
		return r;
	if (ret->newest_first && !(ret->has_cursor && ret->next))
		return json_refuse(json, "newest_first", err, "bad_value", "is for a list with cursor and next");
	if (!name_ok(ret->name))
		return json_refuse(json, "name", err, "bad_id", "must be 1 to 32 of a-z, 0-9 and '-'");
	if (strcmp(ret->list.method, "GET") != 0)
		return json_refuse(&request, "method", err, "not_one_of", "what is asked for is asked by GET");
	ret->hook.path = ret->name;
	ret->interval_ms = interval * SECOND_MS;
	ret->overlap_ms = overlap * SECOND_MS;
	ret->window_ms = window * SECOND_MS;
	return 0;
}

int polls_parse(struct adapter *adapter, const struct json *root, struct err *err)
{
	struct json list = { 0 };
	int r = json_opt_array(root, "poll", &list, err);

	adapter->polls = arena_alloc(adapter->arena, (json_len(&list) + 1) * sizeof(*adapter->polls));
	for (size_t i = 0; r == 0 && i < json_len(&list); i++) {
		struct json one = json_at(&list, i);

		r = parse_poll(adapter, &one, &adapter->polls[i], err);
		for (size_t k = 0; r == 0 && k < i; k++)
			if (strcmp(adapter->polls[k].name, adapter->polls[i].name) == 0)
				return json_refuse(&one, "name", err, "not_unique", "another one has this name already");
		adapter->poll_count++;
	}
	return r;
}

/* --- what it says of itself --------------------------------------------------------------------------------------------------- */

size_t adapter_poll_count(const struct adapter *adapter)
{
	return adapter->poll_count;
}

const struct poll *adapter_poll(const struct adapter *adapter, size_t i)
{
	return &adapter->polls[i];
}

const char *poll_name(const struct poll *poll)
{
	return poll->name;
}

bool poll_wanted(const struct poll *poll, const struct provider_settings *settings)
{
	const struct adapter_input input = { .settings = settings };
	const char *value = NULL;

	return !poll->when || (setting_value(poll->adapter, &input, poll->when, &value, NULL) == 0 && value && *value);
}

int64_t poll_interval_ms(const struct poll *poll)
{
	return poll->interval_ms;
}

int64_t poll_seen_ms(const struct poll *poll)
{
	return 7 * DAY_MS + (poll->has_cursor ? poll->overlap_ms : poll->window_ms);
}

bool poll_by_item(const struct poll *poll)
{
	return poll->by_item;
}

const struct hook *poll_hook(const struct poll *poll)
{
	return &poll->hook;
}

/* --- requests and answers ----------------------------------------------------------------------------------------------------- */

int adapter_poll_request(const struct adapter *adapter, const struct poll *poll, const struct adapter_input *input,
	const struct poll_position *position, struct arena *arena, struct http_request *ret, struct err *err)
{
	static const struct message nobody = { 0 };
	struct adapter_input own = *input;
	bool time = poll->has_cursor && poll->cursor_kind == CURSOR_TIME && position->has_cursor;
	int64_t since = time ? position->cursor - poll->overlap_ms : input->now - poll->window_ms;
	const struct scope scope = { .adapter = adapter, .input = &own, .arena = arena, .position = position, .since = since > 0 ? since : 0 };

	own.message = &nobody;
	return plan_build(&scope, position->item ? &poll->item : &poll->list, NULL, ret, err);
}

static bool read_cursor(const struct poll *poll, const struct json *element, int64_t *ret)
{
	struct json value = pointer_get(element, poll->cursor);
	const char *text = json_str(&value);
	char *end;

	if (poll->cursor_kind == CURSOR_TIME)
		return time_read(&value, ret) == 0;
	if (value.type == JSON_INT) {
		*ret = json_int(&value);
		return true;
	}
	if (!text || !*text || strlen(text) > 18 || text[strspn(text, "0123456789")])
		return false;
	*ret = strtoll(text, &end, 10);
	return true;
}

static bool is_new(const struct poll *poll, const struct poll_item *item, const struct poll_position *position)
{
	if (!position->has_cursor)
		return true;
	return poll->cursor_kind == CURSOR_NUMBER ? item->cursor > position->cursor : item->cursor >= position->cursor - poll->overlap_ms;
}

static int compare_items(const void *a, const void *b)
{
	const struct poll_item *x = a, *y = b;

	return (x->cursor > y->cursor) - (x->cursor < y->cursor);
}

static int read_element(const struct poll *poll, const struct json *element, struct arena *arena, struct poll_item *ret, struct err *err)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct json id;

	*ret = (struct poll_item){ 0 };
	if (poll->has_cursor && !read_cursor(poll, element, &ret->cursor))
		return err_set(err, -EBADMSG, "no_cursor", "$", "an element does not say where it stands");
	ret->has_cursor = poll->has_cursor;
	if (poll->by_item) {
		id = pointer_get(element, poll->item_id);
		ret->id = scalar_text(&id, arena);
		if (!ret->id || !*ret->id || strlen(ret->id) > 200)
			return err_set(err, -EBADMSG, "no_id", "$", "an element has no id");
	} else if (element->type != JSON_OBJECT) {
		return err_set(err, -EBADMSG, "wrong_type", "$", "an element must be an object");
	}
	json_write(&text, element);
	ret->json = arena_memdup(arena, buf_str(&text), text.len);
	ret->len = text.len;
	return 0;
}

int poll_read_list(const struct poll *poll, const struct http_answer *answer, const struct poll_position *position, struct arena *arena,
	struct poll_item **ret, size_t *count, const char **page, struct err *err)
{
	struct reading reading;
	struct json list, next;
	size_t elements;
	int r;

	*count = 0;
	*page = NULL;
	reading_init(&reading, answer, 0, arena);
	list = reading.body.type == JSON_NONE ? reading.body : pointer_get(&reading.body, poll->each);
	if (list.type != JSON_ARRAY)
		return err_set(err, -EBADMSG, answer->truncated ? "too_long" : "no_list", "$", "the answer is no whole list");
	elements = json_len(&list);
	if (elements > ITEMS_MAX)
		return err_set(err, -EBADMSG, "too_long", "$", "a list has at most %d elements", ITEMS_MAX);
	*ret = arena_alloc(arena, (elements + 1) * sizeof(**ret));
	for (size_t i = 0; i < elements; i++) {
		struct json element = json_at(&list, i);
		struct poll_item *item = &(*ret)[*count];

		r = read_element(poll, &element, arena, item, err);
		if (r < 0)
			return r;
		*count += is_new(poll, item, position);
	}
	if (poll->has_cursor && *count)
		qsort(*ret, *count, sizeof(**ret), compare_items);
	next = poll->next ? pointer_get(&reading.body, poll->next) : (struct json){ 0 };
	*page = scalar_text(&next, arena);
	if (*page && **page && poll->next_query && !(*page = query_get(*page, poll->next_query, arena)))
		return err_set(err, -EBADMSG, "no_page", "$", "the next page's address does not name it");
	/* What stands behind an old one is older; and what came before anybody asked is not gone through to its beginning. */
	if ((*page && !**page) || (poll->newest_first && (!position->has_cursor || *count < elements)))
		*page = NULL;
	return 0;
}
