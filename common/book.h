/*
 * book - a producer's list of its open invoices, told now and then in parts (`book.snapshot`), against what is known here. It finds what no
 * event ever told: an invoice that we never heard of, one that was never closed, another balance. Pure; any order of arrival, with
 * repeats, ends in the same.
 */
#ifndef DUNNINGD_COMMON_BOOK_H
#define DUNNINGD_COMMON_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/invoice.h"
#include "common/json.h"

/* One snapshot, as far as its parts came. Of a source at most one complete one is kept: the newest. */
struct book_told {
	const char *source; /* whose invoices it lists */
	const char *snapshot_id;
	int64_t as_of; /* ms UTC: what happened until then is in it */
	int64_t parts, came;
	const char *have; /* one character for each part, 'x' = it came; NULL: all did */
};
struct books {
	struct book_told *items;
	size_t count, capacity;
};
#define BOOKS_MAX 32
#define BOOK_GRACE_MS HOUR_MS /* the event that tells of an invoice may come behind the list that has it */

/* One part came, of `book.snapshot`. Whether that is news. One more than BOOKS_MAX takes the place of the oldest incomplete one. */
bool books_told(struct books *books, const struct book_part *part, struct arena *arena);
const struct book_told *books_complete(const struct books *books, const char *source); /* the newest one all of whose parts came; NULL = none */

/*
 * What the producer's list says otherwise, a stable word; NULL: nothing, or what was told since may explain it. `books` may be NULL.
 *   never_heard_of  it is listed as open, and no event told of it within the hour
 *   not_listed      open here, and not in the newest complete list
 *   less, more      open here and there, with another balance there
 *   closed_here     paid or voided here, open there
 */
const char *book_finding(const struct invoice *invoice, const struct books *books, int64_t now);
/* The finding means that nobody may be asked for this money until it is cleared: the kinder reading holds. */
bool book_holds(const char *finding);
/* What the list says is owed (minor units), and as of when; false: it is not listed. */
bool book_listed(const struct invoice *invoice, int64_t *due, int64_t *as_of);

/* The list that the finding rests on: whose (not of an invoice that it lists, NULL then), and its name. False: there is none. */
bool book_decides(const struct invoice *invoice, const struct books *books, const char **source, const char **snapshot_id);

void books_write(struct json_writer *w, const char *key, const struct books *books);
void books_read(const struct json *json, struct arena *arena, struct books *ret);

#endif
