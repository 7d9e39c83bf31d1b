/* book.snapshot: one part of a producer's list of its open invoices. */
#include <errno.h>
#include <string.h>

#include "common/event.h"
#include "common/hash.h"
#include "common/utc.h"

static int get_item(const struct json *list, size_t i, struct book_item *item, struct err *err)
{
	struct json one = json_at(list, i);
	int r;

	*item = (struct book_item){ 0 };
	if (one.type != JSON_OBJECT)
		return json_refuse(list, NULL, err, "wrong_type", "must be an array of objects with id and due_minor");
	if ((r = json_get_id(&one, "id", &item->invoice_id, err)) < 0 || (r = json_opt_id(&one, "customer_id", &item->customer_id, err)) < 0 ||
		(r = json_opt_int(&one, "version", 1, MONEY_MAX, &item->version, err)) < 0)
		return r;
	return json_get_int(&one, "due_minor", 0, AGREED_AMOUNT_MAX, &item->due, err);
}

int event_book(struct arena *arena, const struct json *data, struct event *e, struct err *err)
{
	struct book_part *part = arena_alloc(arena, sizeof(*part));
	struct json list = { 0 };
	struct book_item *items;
	const char *as_of = NULL;
	int r;

	*part = (struct book_part){ .source = e->source, .as_of = e->time, .part = 1, .parts = 1 };
	if ((r = json_get_id(data, "snapshot_id", &part->snapshot_id, err)) < 0 || (r = json_opt_str(data, "book", 512, &part->source, err)) < 0 ||
		(r = json_opt_int(data, "parts", 1, BOOK_PARTS_MAX, &part->parts, err)) < 0 ||
		(r = json_opt_int(data, "part", 1, BOOK_PARTS_MAX, &part->part, err)) < 0 || (r = json_opt_str(data, "as_of", 40, &as_of, err)) < 0 ||
		(r = json_get_array(data, "invoices", &list, err)) < 0)
		return r;
	if (as_of && utc_parse(as_of, &part->as_of) < 0)
		return json_refuse(data, "as_of", err, "bad_time", "must be an RFC 3339 instant like 2026-03-02T09:00:00Z");
	if (part->as_of > e->time)
		return json_refuse(data, "as_of", err, "bad_order", "must not lie behind the event's own time");
	if (part->parts > 1 && !as_of) /* else each part would be a list of its own time */
		return json_refuse(data, "as_of", err, "missing", "must say of when the list is, the same in each of its parts");
	if (part->part > part->parts)
		return json_refuse(data, "part", err, "out_of_range", "must be one of the %lld parts", (long long)part->parts);
	if (json_len(&list) > BOOK_ITEMS_MAX)
		return json_refuse(data, "invoices", err, "too_long", "at most %d invoices in a part: send more parts", BOOK_ITEMS_MAX);
	items = arena_alloc(arena, (json_len(&list) + 1) * sizeof(*items));
	for (size_t i = 0; i < json_len(&list); i++)
		if ((r = get_item(&list, i, &items[i], err)) < 0)
			return r;
	part->items = items;
	part->count = json_len(&list);
	e->book = part;
	return 0;
}

const char *book_id(const char *source, char ret[BOOK_ID_SIZE])
{
	uint8_t digest[SHA256_SIZE];

	sha256(source, strlen(source), digest); /* a source may hold any character: a digest is an id */
	return hex_format(digest, (BOOK_ID_SIZE - 1) / 2, ret);
}
