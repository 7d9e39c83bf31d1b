/*
 * sandbox_book - what the sandbox was asked to send: one message for each attempt, however often it was asked, and a log that a new
 * start reads again. All is on disk before add() returns, so that a kill loses nothing that was answered.
 */
#ifndef DUNNINGD_TOOLS_SANDBOX_BOOK_H
#define DUNNINGD_TOOLS_SANDBOX_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "common/json.h"

#define SANDBOX_ID_SIZE 40

struct sandbox_message {
	char id[SANDBOX_ID_SIZE]; /* "sbx-5f0c93a1-12": the provider's id, of this book alone */
	char *attempt;
	int64_t received_at; /* ms UTC */
	int64_t deliveries; /* requests that carried it */
	char *body; /* the request's, as compact JSON */
	size_t body_len;
};

struct sandbox_counts {
	int64_t requests; /* with a readable message: captured + duplicates + lost */
	int64_t captured, duplicates;
	int64_t conflicts; /* not among them: refused, as their key was another message's */
	int64_t lost; /* the sandbox was told to fail before it took them */
};

struct sandbox_book;

/* `path` NULL: nothing is kept. A torn last line is cut off. -errno, -EBADMSG: `err` names the file and the line. */
int sandbox_book_create(const char *path, struct sandbox_book **ret, struct err *err);
void sandbox_book_destroy(struct sandbox_book *book); /* NULL is allowed */
DEFINE_CLEANUP(struct sandbox_book, sandbox_book_destroy)

struct sandbox_request {
	const char *attempt;
	const struct json *body; /* an object */
	int64_t now; /* ms UTC */
	bool take; /* false: only noted as lost */
	bool dedupe; /* an attempt that is known is a duplicate, if the message is the same; else one more message */
	const char *mode; /* for the log */
};
/*
 * *ret: the message, or NULL when it was not taken; *duplicate: it was there before. -EEXIST: another message
 * came under this attempt. Another -errno: not logged, not taken.
 */
int sandbox_book_add(struct sandbox_book *book, const struct sandbox_request *request, const struct sandbox_message **ret,
	bool *duplicate);

size_t sandbox_book_len(const struct sandbox_book *book);
const struct sandbox_message *sandbox_book_at(const struct sandbox_book *book, size_t i); /* in the order of arrival */
const struct sandbox_message *sandbox_book_find(const struct sandbox_book *book, const char *id); /* NULL = unknown */
struct sandbox_counts sandbox_book_counts(const struct sandbox_book *book);

/* The body, parsed into the arena; it was checked when it came. */
struct json sandbox_message_body(const struct sandbox_message *message, struct arena *arena);

struct sandbox_filter {
	const char *attempt, *to, *invoice; /* NULL = any */
};
/* Each message that passes, in order: all that was received, and ours: id, received_at, deliveries. */
void sandbox_book_write(const struct sandbox_book *book, const struct sandbox_filter *filter, struct json_writer *w,
	const char *key);

#endif
