/*
 * request_leaves - what a receiver reads out of a request or a mail: each value and where it stands. By parsers of its own (json-c for
 * JSON), which refuse what they do not know, so that nothing can stand beside the values.
 */
#ifndef DUNNINGD_TESTS_SUPPORT_REQUEST_LEAVES_H
#define DUNNINGD_TESTS_SUPPORT_REQUEST_LEAVES_H

#include <stdbool.h>
#include <stddef.h>

#include "common/cleanup.h"

struct http_request;

struct leaf {
	const char *place; /* "header 2 Content-Type", "/to/0/email", "part 3 filename" */
	const char *value; /* with a NUL behind it */
	size_t len;
};
struct leaves {
	struct leaf *items;
	size_t count, capacity;
};

/* A copy of the value, with the place as it is. */
void leaf_add(struct arena *arena, struct leaves *leaves, const char *place, const char *value, size_t len);

/* All in the arena. NULL, or what is wrong with it. */
const char *leaves_of_request(const struct http_request *request, struct arena *arena, struct leaves *ret);
const char *leaves_of_json(const char *text, size_t len, const char *place, struct arena *arena, struct leaves *ret);
/* A mail of RFC 5322 and MIME: headers unfolded, their encoded words read; bodies decoded. */
const char *leaves_of_mail(const char *text, size_t len, struct arena *arena, struct leaves *ret);

/* Base64 with its padding, strictly; false: it is none. */
bool leaf_base64(const char *text, size_t len, struct arena *arena, const char **ret, size_t *ret_len);
/* Encoded words at the beginning, behind each other; their text, and where they end. NULL: there are none. */
const char *leaf_words(const char *text, struct arena *arena, const char **end);

#endif
