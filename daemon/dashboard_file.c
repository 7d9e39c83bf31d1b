/*
 * One debtor's file out of the trail: from its newest record back along the chain, some records in each turn of the loop, opened as
 * `dunningctl trail show` does it. That they are shown is recorded first.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/bundle.h"
#include "common/hash.h"
#include "common/ranges.h"
#include "common/record.h"
#include "daemon/dashboard_internal.h"

#define RECORDS_MAX 150 /* of a page */
#define RECORDS_A_TURN 8
#define FILE_BYTES_MAX ((size_t)4 << 20) /* of a page: letters have their documents with them */
#define OPEN_MAX 100 /* invoices that are read with their debtor */

struct opened { /* one record */
	struct buf body; /* as it lies in the journal; owned */
	struct record_body record;
	struct case_keys keys;
	struct json root;
	const char *text;
	size_t len;
};

static void opened_clear(struct opened *opened)
{
	buf_clear(&opened->body);
	cleanse(&opened->keys, sizeof(opened->keys));
}

/* A blob's content, as its commitment says. -ENOENT: erased; -EBADMSG. In the arena. */
static int open_blob(struct arena *arena, const struct opened *opened, size_t i, const char *commitment, const char **ret, size_t *len)
{
	struct buf *plain = arena_alloc(arena, sizeof(*plain));
	uint8_t salt[SALT_SIZE], digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];
	int r;

	plain->arena = arena;
	r = record_body_open(&opened->record, i, &opened->keys, salt, plain);
	if (r < 0)
		return r;
	if (commitment) {
		part_commitment(salt, buf_str(plain), plain->len, digest);
		if (strcmp(hex_format(digest, sizeof(digest), hex), commitment) != 0)
			return -EBADMSG;
	}
	*ret = buf_str(plain);
	*len = plain->len;
	return 0;
}

static int open_record(struct visit *visit, uint16_t year, uint64_t index, struct opened *ret)
{
	const struct journal_port *journal = visit->dashboard->settings.journal;
	const struct keys_port *keys = visit->dashboard->settings.keys;
	int r = journal->read(journal->self, year, index, &ret->body);

	if (r < 0 || (r = record_body_read(ret->body.data, ret->body.len, &ret->record)) < 0)
		return r;
	if (!ret->record.blob_count)
		return -EBADMSG;
	if ((r = keys->open(keys->self, ret->record.blobs[0].year, ret->record.blobs[0].slot, &ret->keys)) < 0 ||
		(r = open_blob(visit->arena, ret, 0, NULL, &ret->text, &ret->len)) < 0)
		return r;
	return json_parse(visit->arena, ret->text, ret->len, 0, &ret->root, NULL);
}

/* --- a page of the file ---------------------------------------------------------------------------------------------------------- */

static void put_debtor(struct board *b, const void *arg)
{
	board_debtor(b, arg);
}

/* "records/0001" is the oldest: they were read the other way. */
static void number_records(struct visit *visit, struct bundle *to)
{
	size_t count = visit->file.record_count;
	struct board_record *turned = arena_alloc(visit->arena, (count + 1) * sizeof(*turned));

	for (size_t i = 0; i < visit->bundle->count; i++) {
		const struct bundle_file *file = &visit->bundle->files[i];
		size_t n = (size_t)strtoul(file->path, NULL, 10);

		bundle_add(to, arena_printf(visit->arena, "records/%04zu%s", count - n, strchr(file->path, '/')), file->data.data, file->data.len);
	}
	for (size_t i = 0; i < count; i++)
		turned[i] = visit->records[count - 1 - i];
	visit->file.records = turned;
	bundle_sort(to);
}

static bool record_page(struct visit *visit)
{
	const struct dashboard *dashboard = visit->dashboard;
	struct ranges ranges = { 0 };
	bool recorded;

	for (size_t i = 0; i < visit->file.record_count; i++)
		ranges_add(&ranges, arena_printf(visit->arena, "%s/%u", dashboard->settings.log_origin, visit->file.records[i].year), visit->file.records[i].index);
	recorded = !visit->file.record_count || visit_records(visit, "dashboard", visit->debtor->id, ranges_text(&ranges));
	ranges_clear(&ranges);
	return recorded;
}

static void show(struct visit *visit)
{
	struct bundle *bundle = arena_alloc(visit->arena, sizeof(*bundle));
	struct case_file *file = arena_alloc(visit->arena, sizeof(*file));
	struct err err = { 0 };

	bundle->arena = visit->arena;
	number_records(visit, bundle);
	if (visit->file.record_count && case_file_read(bundle, file, &err) == 0)
		visit->file.file = file;
	visit->file.d = visit->debtor;
	visit->file.entries = visit->entries;
	visit->file.count = visit->entry_count;
	if (record_page(visit))
		visit_page(visit, HTTP_OK, put_debtor, &visit->file);
}

static void take_parts(struct visit *visit, const struct opened *opened, size_t number)
{
	struct json parts = json_get(&opened->root, "parts");

	for (size_t i = 0; i < json_len(&parts) && i + 1 < opened->record.blob_count; i++) {
		struct json part = json_at(&parts, i);
		const char *text, *name = json_text(&part, "name"), *path;
		size_t len;

		if (!name || open_blob(visit->arena, opened, i + 1, json_text(&part, "commitment"), &text, &len) < 0)
			continue;
		path = arena_printf(visit->arena, "%zu/parts/%s", number, name);
		if (bundle_path_valid(path))
			bundle_add(visit->bundle, path, text, len);
	}
}

static size_t bytes_of(const struct bundle *bundle)
{
	size_t sum = 0;

	for (size_t i = 0; i < bundle->count; i++)
		sum += bundle->files[i].data.len;
	return sum;
}

/* The log's name ends with its year. False: it is another's. */
static bool our_log(const struct visit *visit, const char *origin, uint16_t *year)
{
	const char *ours = visit->dashboard->settings.log_origin;
	size_t len = strlen(ours);

	if (!origin || strncmp(origin, ours, len) != 0 || origin[len] != '/' || strspn(origin + len + 1, "0123456789") != 4 || origin[len + 5])
		return false;
	*year = (uint16_t)strtoul(origin + len + 1, NULL, 10);
	return true;
}

/* Whether there is one more to be read. */
static bool take_record(struct visit *visit)
{
	struct opened opened = { 0 };
	struct json prev, index;
	size_t number = visit->file.record_count;
	const char *customer;
	int r = open_record(visit, visit->year, visit->index, &opened);

	customer = r == 0 ? json_text(&opened.root, "case") : NULL;
	if (!customer || strcmp(customer, visit->debtor->id) != 0) {
		visit->file.erased = true;
		opened_clear(&opened);
		return false;
	}
	bundle_add(visit->bundle, arena_printf(visit->arena, "%zu/leaf", number), opened.record.leaf, LEAF_SIZE);
	bundle_add(visit->bundle, arena_printf(visit->arena, "%zu/record.json", number), opened.text, opened.len);
	take_parts(visit, &opened, number);
	visit->records[visit->file.record_count++] = (struct board_record){ visit->year, visit->index };
	prev = json_get(&opened.root, "prev");
	index = json_get(&prev, "index");
	opened_clear(&opened);
	if (prev.type != JSON_OBJECT)
		return false;
	if (!our_log(visit, json_text(&prev, "origin"), &visit->year)) {
		visit->file.other_log = json_text(&prev, "origin");
		return false;
	}
	visit->index = (uint64_t)json_int(&index);
	if (visit->file.record_count < RECORDS_MAX && bytes_of(visit->bundle) < FILE_BYTES_MAX)
		return true;
	visit->file.older = arena_printf(visit->arena, "%u-%" PRIu64, visit->year, visit->index);
	return false;
}

static void on_later(evutil_socket_t fd, short what, void *arg)
{
	struct visit *visit = arg;

	(void)fd, (void)what;
	for (int i = 0; i < RECORDS_A_TURN; i++)
		if (!take_record(visit)) {
			show(visit);
			return;
		}
	evtimer_add(visit->later, &(struct timeval){ .tv_sec = 0 });
}

/* "2026-412" */
static bool read_place(const char *text, uint16_t *year, uint64_t *index)
{
	char *end;

	if (!text || strspn(text, "0123456789") != 4 || text[4] != '-' || !text[5] || strspn(text + 5, "0123456789") != strlen(text + 5) ||
		strlen(text) > 24)
		return false;
	*year = (uint16_t)strtoul(text, NULL, 10);
	*index = strtoull(text + 5, &end, 10);
	return true;
}

static void read_file(struct visit *visit)
{
	const struct trail_place *place = &visit->debtor->trail;

	visit->bundle = arena_alloc(visit->arena, sizeof(*visit->bundle));
	visit->bundle->arena = visit->arena;
	visit->records = arena_alloc(visit->arena, RECORDS_MAX * sizeof(*visit->records));
	visit->file.newest = !read_place(visit_asked(visit, "from"), &visit->year, &visit->index);
	if (visit->file.newest && !place->prev_origin) {
		show(visit);
		return;
	}
	if (visit->file.newest && !our_log(visit, place->prev_origin, &visit->year)) {
		visit->file.other_log = place->prev_origin;
		show(visit);
		return;
	}
	if (visit->file.newest)
		visit->index = place->prev_index;
	visit->later = evtimer_new(visit->dashboard->base, on_later, visit);
	evtimer_add(visit->later, &(struct timeval){ .tv_sec = 0 });
}

static void on_debtor(int r, const struct redis_reply *reply, void *arg)
{
	struct visit *visit = arg;
	struct debtor *d = arena_alloc(visit->arena, sizeof(*d));

	if (r < 0) {
		visit_away(visit);
		return;
	}
	if (reply->type != REDIS_STRING || debtor_read(visit->arena, arena_memdup(visit->arena, reply->str, reply->len), reply->len, d, NULL) < 0) {
		visit_plain(visit, HTTP_NOTFOUND, W_NOT_FOUND, W_NOT_FOUND_TEXT);
		return;
	}
	visit->debtor = d;
	visit_invoices(visit, visit->file.partition, d->open, d->open_count < OPEN_MAX ? d->open_count : OPEN_MAX, read_file);
}

void serve_debtor(struct visit *visit)
{
	const struct config *config = visit->dashboard->settings.config;
	const char *id = visit_asked(visit, "id"), *argv[2] = { "GET" };
	struct keyspace keys;

	visit->board.place = BOARD_INVOICES;
	if (!id || !id_valid(id)) {
		visit_plain(visit, HTTP_NOTFOUND, W_NOT_FOUND, W_NOT_FOUND_TEXT);
		return;
	}
	if (!visit_connected(visit))
		return;
	visit->file.partition = partition_of(id, (uint32_t)config->partitions);
	keys = (struct keyspace){ config->prefix, visit->file.partition };
	argv[1] = key_debtor(visit->arena, &keys, id);
	dashboard_ask(visit->dashboard, ARRAY_LEN(argv), argv, on_debtor, visit);
}

/* --- one message -------------------------------------------------------------------------------------------------------------------- */

/* As it was written by the template: nothing in it runs, and it reaches nobody. */
static void answer_html(struct visit *visit, const char *html)
{
	evhttp_add_header(evhttp_request_get_output_headers(visit->request), "Content-Security-Policy",
		"sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'");
	visit_answer(visit, HTTP_OK, "text/html; charset=utf-8", html, strlen(html));
}

static void answer_message(struct visit *visit, const struct message *message, const char *part)
{
	char *end;
	unsigned long n = strtoul(part, &end, 10);

	if (strcmp(part, "html") == 0 && message->html) {
		answer_html(visit, message->html);
	} else if (!*end && end != part && n < message->attachment_count) {
		const struct attachment *a = &message->attachments[n];
		bool pdf = a->type && strcmp(a->type, "application/pdf") == 0;

		evhttp_add_header(evhttp_request_get_output_headers(visit->request), "Content-Disposition", pdf ? "inline; filename=\"message.pdf\"" :
			"attachment");
		evhttp_add_header(evhttp_request_get_output_headers(visit->request), "Content-Security-Policy",
			"sandbox; default-src 'none'; frame-ancestors 'none'");
		visit_answer(visit, HTTP_OK, pdf ? "application/pdf" : "application/octet-stream", a->data, a->len);
	} else {
		visit_plain(visit, HTTP_NOTFOUND, W_NOT_FOUND, W_NOT_FOUND_TEXT);
	}
}

void serve_message(struct visit *visit)
{
	const char *log = visit_asked(visit, "log"), *n = visit_asked(visit, "n"), *part = visit_asked(visit, "part"), *text, *customer;
	struct opened opened = { 0 };
	struct message message;
	struct json parts, root;
	size_t len, at;
	int r = -ENOENT;

	visit->board.place = BOARD_INVOICES;
	if (log && n && part && read_place(arena_printf(visit->arena, "%s-%s", log, n), &visit->year, &visit->index))
		r = open_record(visit, visit->year, visit->index, &opened);
	customer = r == 0 ? json_text(&opened.root, "case") : NULL;
	parts = json_get(&opened.root, "parts");
	for (at = 0; customer && at < json_len(&parts); at++) {
		struct json one = json_at(&parts, at);

		if (json_text(&one, "name") && strcmp(json_text(&one, "name"), "message.json") == 0 && at + 1 < opened.record.blob_count &&
			open_blob(visit->arena, &opened, at + 1, json_text(&one, "commitment"), &text, &len) == 0 &&
			json_parse(visit->arena, text, len, 0, &root, NULL) == 0 && message_read(&root, visit->arena, &message, NULL) == 0)
			break;
	}
	r = customer && at < json_len(&parts) && strcmp(customer, SYSTEM_CASE) != 0 ? 0 : -ENOENT;
	opened_clear(&opened);
	if (r < 0)
		visit_plain(visit, HTTP_NOTFOUND, W_NOT_FOUND, W_NOT_FOUND_TEXT);
	else if (visit_records(visit, "dashboard message", customer,
			 arena_printf(visit->arena, "%s/%u %" PRIu64, visit->dashboard->settings.log_origin, visit->year, visit->index)))
		answer_message(visit, &message, part);
}
