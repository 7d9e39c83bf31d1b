#include "common/copies.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/date.h"
#include "common/json.h"
#include "common/utc.h"

#define FILE_VERSION 1
#define BIG (INT64_C(1) << 53)
#define SHARDS_MAX (1 << 22)

void copies_clear(struct copies *copies)
{
	free(copies->shards);
	*copies = (struct copies){ 0 };
}

static uint64_t order(uint16_t year, uint32_t number)
{
	return (uint64_t)year << 32 | number;
}

struct copies_shard *copies_shard(struct copies *copies, uint16_t year, uint32_t number)
{
	size_t from = 0, to = copies->count;
	struct copies_shard *at;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		at = &copies->shards[middle];
		if (order(at->year, at->number) < order(year, number))
			from = middle + 1;
		else
			to = middle;
	}
	if (from < copies->count && order(copies->shards[from].year, copies->shards[from].number) == order(year, number))
		return &copies->shards[from];
	xgrow(&copies->shards, &copies->capacity, copies->count + 1, sizeof(*copies->shards));
	at = &copies->shards[from];
	memmove(at + 1, at, (copies->count++ - from) * sizeof(*at));
	*at = (struct copies_shard){ .year = year, .number = number };
	return at;
}

int64_t copies_lock_until(uint16_t year, int months)
{
	return date_diff(date_add_months(date_of(year, 1, 1), months), date_of(1970, 1, 1)) * DAY_MS;
}

/* --- the file -------------------------------------------------------------------------------------------- */

void copies_add(struct buf *out, const struct copies *copies)
{
	struct json_writer w = jw_init(out);

	jw_object(&w, NULL);
	jw_int(&w, "v", FILE_VERSION);
	jw_str(&w, "where", copies->where);
	jw_str(&w, "segment", copies->segment);
	jw_int(&w, "parts", copies->parts);
	jw_array(&w, "keys");
	for (size_t i = 0; i < copies->count; i++) {
		const struct copies_shard *shard = &copies->shards[i];

		if (!shard->sum[0])
			continue;
		jw_object(&w, NULL);
		jw_int(&w, "year", shard->year);
		jw_int(&w, "shard", shard->number);
		jw_str(&w, "sha256", shard->sum);
		jw_int(&w, "erased", shard->erased);
		jw_end_object(&w);
	}
	jw_end_array(&w);
	jw_end_object(&w);
	buf_add_char(out, '\n');
}

static int parse_shard(const struct json *row, struct copies *ret, struct err *err)
{
	int64_t year, number, erased;
	struct copies_shard *shard;
	const char *sum;
	int r;

	if (row->type != JSON_OBJECT)
		return json_refuse(row, NULL, err, "wrong_type", "must be an object");
	if ((r = json_get_int(row, "year", 1970, UINT16_MAX, &year, err)) < 0 || (r = json_get_int(row, "shard", 0, UINT32_MAX, &number, err)) < 0 ||
		(r = json_get_int(row, "erased", 0, BIG, &erased, err)) < 0 ||
		(r = json_get_str(row, "sha256", 2 * SHA256_SIZE, &sum, err)) < 0)
		return r;
	if (strlen(sum) != 2 * SHA256_SIZE || strspn(sum, "0123456789abcdef") != 2 * SHA256_SIZE)
		return json_refuse(row, "sha256", err, "bad_value", "must be 64 hexadecimal digits");
	shard = copies_shard(ret, (uint16_t)year, (uint32_t)number);
	memcpy(shard->sum, sum, sizeof(shard->sum));
	shard->erased = erased;
	return 0;
}

static int parse(const struct json *root, struct copies *ret, struct err *err)
{
	struct json keys = { 0 };
	const char *segment, *where;
	int64_t version;
	int r;

	if (root->type != JSON_OBJECT)
		return json_refuse(root, NULL, err, "wrong_type", "must be an object");
	if ((r = json_get_int(root, "v", FILE_VERSION, FILE_VERSION, &version, err)) < 0 ||
		(r = json_get_str(root, "where", sizeof(ret->where) - 1, &where, err)) < 0 ||
		(r = json_get_str(root, "segment", COPIES_SEGMENT_SIZE - 1, &segment, err)) < 0 ||
		(r = json_get_int(root, "parts", 0, BIG, &ret->parts, err)) < 0 || (r = json_get_array(root, "keys", &keys, err)) < 0)
		return r;
	if (json_len(&keys) > SHARDS_MAX)
		return json_refuse(root, "keys", err, "too_many", "must be at most %d", SHARDS_MAX);
	(void)snprintf(ret->where, sizeof(ret->where), "%s", where);
	(void)snprintf(ret->segment, sizeof(ret->segment), "%s", segment);
	for (size_t i = 0; i < json_len(&keys); i++) {
		struct json row = json_at(&keys, i);

		if ((r = parse_shard(&row, ret, err)) < 0)
			return r;
	}
	return 0;
}

int copies_parse(const char *text, size_t len, struct copies *ret, struct err *err)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json root;
	int r = json_parse(arena, text, len, 0, &root, err);

	if (r == 0)
		r = parse(&root, ret, err);
	if (r < 0)
		copies_clear(ret);
	return r < 0 ? -EBADMSG : 0;
}
