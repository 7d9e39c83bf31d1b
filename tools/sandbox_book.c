#include "tools/sandbox_book.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/hash.h"
#include "common/utc.h"

#define LOG_MAX ((size_t)1 << 30)

enum fate { FATE_CAPTURED, FATE_DUPLICATE, FATE_LOST };
static const char *const fate_names[] = { "captured", "duplicate", "lost", NULL };

struct sandbox_book {
	struct sandbox_message **messages;
	size_t len, capacity;
	void *by_attempt; /* tsearch tree of the first message of each */
	struct sandbox_counts counts;
	char tag[9]; /* of the ids that are given from now on */
	int fd; /* of the log; -1 = none */
	bool torn; /* a line could not be written whole, nor taken back: nothing may follow it */
};

/* --- messages ---------------------------------------------------------------------------------------------------------------- */

static int compare_attempts(const void *a, const void *b)
{
	return strcmp(((const struct sandbox_message *)a)->attempt, ((const struct sandbox_message *)b)->attempt);
}

static struct sandbox_message *find_attempt(const struct sandbox_book *book, const char *attempt)
{
	union {
		const char *in;
		char *out;
	} name = { .in = attempt };
	struct sandbox_message key = { .attempt = name.out };
	void **node = tfind(&key, &book->by_attempt, compare_attempts);

	return node ? *node : NULL;
}

/* The one that comes next. */
static void next_id(const struct sandbox_book *book, char ret[SANDBOX_ID_SIZE])
{
	(void)snprintf(ret, SANDBOX_ID_SIZE, "sbx-%s-%zu", book->tag, book->len + 1);
}

static struct sandbox_message *append(struct sandbox_book *book, const char *id, const char *attempt, const struct json *body, int64_t now)
{
	struct sandbox_message *message = xcalloc(1, sizeof(*message));
	struct buf text = { 0 };

	json_write(&text, body);
	(void)snprintf(message->id, sizeof(message->id), "%s", id);
	message->attempt = xstrdup(attempt);
	message->received_at = now;
	message->body_len = text.len;
	message->body = buf_take(&text);
	xgrow(&book->messages, &book->capacity, book->len + 1, sizeof(struct sandbox_message *));
	book->messages[book->len++] = message;
	(void)tsearch(message, &book->by_attempt, compare_attempts); /* of several, the first stays */
	return message;
}

/* What a line of the log says, new or read again. */
static struct sandbox_message *account(struct sandbox_book *book, enum fate fate, const char *id, const char *attempt,
	const struct json *body, int64_t now)
{
	struct sandbox_message *message = NULL;

	book->counts.requests++;
	if (fate == FATE_CAPTURED) {
		message = append(book, id, attempt, body, now);
		book->counts.captured++;
	} else if (fate == FATE_DUPLICATE) {
		message = find_attempt(book, attempt);
		book->counts.duplicates++;
	} else {
		book->counts.lost++;
	}
	if (message)
		message->deliveries++;
	return message;
}

/* --- the log ------------------------------------------------------------------------------------------------------------------- */

static int log_line(struct sandbox_book *book, const struct sandbox_request *request, enum fate fate, const char *id)
{
	CLEANUP(buf_clear) struct buf line = { 0 };
	struct json_writer w = jw_init(&line);
	char at[UTC_TEXT_SIZE];
	off_t begin;
	ssize_t n;

	if (book->fd < 0)
		return 0;
	if (book->torn)
		return -EIO;
	jw_object(&w, NULL);
	jw_str(&w, "received_at", utc_format(request->now, at));
	jw_str(&w, "fate", fate_names[fate]);
	jw_str(&w, "mode", request->mode);
	jw_str(&w, "attempt", request->attempt);
	if (fate == FATE_CAPTURED)
		jw_str(&w, "id", id);
	jw_json(&w, "message", request->body);
	jw_end_object(&w);
	buf_add_char(&line, '\n');
	begin = lseek(book->fd, 0, SEEK_END);
	n = write(book->fd, line.data, line.len);
	if (n == (ssize_t)line.len && fsync(book->fd) == 0)
		return 0;
	book->torn = begin < 0 || ftruncate(book->fd, begin) < 0;
	return n < 0 ? -errno : -EIO;
}

static int read_line(struct sandbox_book *book, struct arena *arena, const char *line, size_t len, struct err *err)
{
	struct json root, body;
	const char *text, *attempt, *id = "";
	int64_t at = 0;
	int fate = 0, r;

	if ((r = json_parse(arena, line, len, JSON_FRACTIONS, &root, err)) < 0 ||
		(r = json_get_str(&root, "received_at", UTC_TEXT_SIZE, &text, err)) < 0 ||
		(r = json_get_word(&root, "fate", fate_names, &fate, err)) < 0 ||
		(r = json_get_id(&root, "attempt", &attempt, err)) < 0 ||
		(r = json_get_object(&root, "message", &body, err)) < 0)
		return r;
	if (utc_parse(text, &at) < 0)
		return json_refuse(&root, "received_at", err, "bad_time", "must be an instant");
	if (fate == FATE_DUPLICATE && !find_attempt(book, attempt))
		return json_refuse(&root, "fate", err, "bad_value", "\"%s\" was never captured", attempt);
	if (fate == FATE_CAPTURED && (r = json_get_str(&root, "id", SANDBOX_ID_SIZE - 1, &id, err)) < 0)
		return r;
	(void)account(book, (enum fate)fate, id, attempt, &body, at);
	return 0;
}

static int read_log(struct sandbox_book *book, const char *path, struct err *err)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf text = { 0 };
	const char *line, *end;
	int64_t number = 0;
	int r = file_read(path, LOG_MAX, &text, err);

	if (r < 0)
		return r;
	line = buf_str(&text);
	for (; (end = memchr(line, '\n', text.len - (size_t)(line - buf_str(&text)))); line = end + 1) {
		struct err why = { 0 };

		number++;
		r = read_line(book, arena, line, (size_t)(end - line), &why);
		if (r < 0)
			return err_set(err, r, why.code, why.path, "%s, line %" PRId64 ": %s", path, number, why.text);
		arena_clear(arena);
	}
	if (ftruncate(book->fd, line - buf_str(&text)) < 0)
		return err_set(err, -errno, "unwritable", "", "%s: %s", path, strerror(errno));
	return 0;
}

/* --- life ------------------------------------------------------------------------------------------------------------------------ */

int sandbox_book_create(const char *path, struct sandbox_book **ret, struct err *err)
{
	CLEANUP(sandbox_book_destroyp) struct sandbox_book *book = xcalloc(1, sizeof(*book));
	uint8_t bytes[4];
	int r;

	random_bytes(bytes, sizeof(bytes));
	hex_format(bytes, sizeof(bytes), book->tag);
	book->fd = -1;
	if (path) {
		book->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
		if (book->fd < 0)
			return err_set(err, -errno, "unwritable", "", "%s: %s", path, strerror(errno));
		r = read_log(book, path, err);
		if (r < 0)
			return r;
	}
	*ret = TAKE(book);
	return 0;
}

static void keep(void *message)
{
	(void)message; /* the list owns it */
}

void sandbox_book_destroy(struct sandbox_book *book)
{
	if (!book)
		return;
	tdestroy(book->by_attempt, keep);
	for (size_t i = 0; i < book->len; i++) {
		free(book->messages[i]->attempt);
		free(book->messages[i]->body);
		free(book->messages[i]);
	}
	free(book->messages);
	closep(&book->fd);
	free(book);
}

static bool same_body(const struct sandbox_message *message, const struct json *body)
{
	CLEANUP(buf_clear) struct buf text = { 0 };

	json_write(&text, body);
	return text.len == message->body_len && memcmp(text.data, message->body, text.len) == 0;
}

int sandbox_book_add(struct sandbox_book *book, const struct sandbox_request *request, const struct sandbox_message **ret,
	bool *duplicate)
{
	const struct sandbox_message *known = request->dedupe ? find_attempt(book, request->attempt) : NULL;
	enum fate fate = !request->take ? FATE_LOST : known ? FATE_DUPLICATE : FATE_CAPTURED;
	char id[SANDBOX_ID_SIZE];
	int r;

	if (fate == FATE_DUPLICATE && !same_body(known, request->body)) {
		book->counts.conflicts++;
		return -EEXIST;
	}
	next_id(book, id);
	r = log_line(book, request, fate, id);
	if (r < 0)
		return r;
	*ret = account(book, fate, id, request->attempt, request->body, request->now);
	*duplicate = fate == FATE_DUPLICATE;
	return 0;
}

/* --- reading --------------------------------------------------------------------------------------------------------------------- */

size_t sandbox_book_len(const struct sandbox_book *book)
{
	return book->len;
}

const struct sandbox_message *sandbox_book_at(const struct sandbox_book *book, size_t i)
{
	return book->messages[i];
}

const struct sandbox_message *sandbox_book_find(const struct sandbox_book *book, const char *id)
{
	const char *number = strrchr(id, '-'); /* which one it is, if it is one of ours */
	unsigned long n = number && number[1] >= '1' && number[1] <= '9' ? strtoul(number + 1, NULL, 10) : 0;

	return n && n <= book->len && strcmp(book->messages[n - 1]->id, id) == 0 ? book->messages[n - 1] : NULL;
}

struct sandbox_counts sandbox_book_counts(const struct sandbox_book *book)
{
	return book->counts;
}

struct json sandbox_message_body(const struct sandbox_message *message, struct arena *arena)
{
	struct json body = { 0 };
	struct err err = { 0 };

	(void)json_parse(arena, message->body, message->body_len, JSON_FRACTIONS, &body, &err);
	return body;
}

/* Whether the value is this text, or a list or object that has it in it: "to" may be an address, or a person with one. */
static bool says(const struct json *value, const char *text)
{
	const char *s = json_str(value), *key;
	struct json inner;

	if (s)
		return !strcmp(s, text);
	if (value->type == JSON_ARRAY) {
		for (size_t i = 0; i < json_len(value); i++) {
			inner = json_at(value, i);
			if (says(&inner, text))
				return true;
		}
	} else if (value->type == JSON_OBJECT) {
		for (size_t i = 0; json_member(value, &i, &key, &inner);)
			if (says(&inner, text))
				return true;
	}
	return false;
}

static bool member_says(const struct json *body, const char *key, const char *text)
{
	struct json value = json_get(body, key);

	return says(&value, text);
}

static void write_message(const struct sandbox_message *message, const struct json *body, struct json_writer *w)
{
	static const char *const ours[] = { "id", "received_at", "deliveries" };
	char at[UTC_TEXT_SIZE];
	const char *key;
	struct json value;

	jw_object(w, NULL);
	jw_str(w, "id", message->id);
	jw_str(w, "received_at", utc_format(message->received_at, at));
	jw_int(w, "deliveries", message->deliveries);
	for (size_t i = 0; json_member(body, &i, &key, &value);) {
		bool taken = false;

		for (size_t k = 0; k < ARRAY_LEN(ours); k++)
			taken = taken || !strcmp(key, ours[k]);
		if (!taken)
			jw_json(w, key, &value);
	}
	jw_end_object(w);
}

void sandbox_book_write(const struct sandbox_book *book, const struct sandbox_filter *filter, struct json_writer *w,
	const char *key)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	jw_array(w, key);
	for (size_t i = 0; i < book->len; i++) {
		const struct sandbox_message *message = book->messages[i];
		struct json body;

		if (filter->attempt && strcmp(message->attempt, filter->attempt))
			continue;
		body = sandbox_message_body(message, arena);
		if ((!filter->to || member_says(&body, "to", filter->to)) &&
			(!filter->invoice || member_says(&body, "invoices", filter->invoice) ||
				member_says(&body, "invoice", filter->invoice)))
			write_message(message, &body, w);
		arena_clear(arena);
	}
	jw_end_array(w);
}
