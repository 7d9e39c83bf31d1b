#include "common/book.h"

#include <string.h>

#include "common/utc.h"

/* --- which parts came ---------------------------------------------------------------------------------------------- */

/* A name that comes again with another time is another list: who calls all of them "nightly" means that. */
static struct book_told *find(const struct books *books, const struct book_told *list)
{
	for (size_t i = 0; i < books->count; i++)
		if (strcmp(books->items[i].source, list->source) == 0 && strcmp(books->items[i].snapshot_id, list->snapshot_id) == 0 &&
			books->items[i].as_of == list->as_of)
			return &books->items[i];
	return NULL;
}

const struct book_told *books_complete(const struct books *books, const char *source)
{
	for (size_t i = 0; books && i < books->count; i++)
		if (!books->items[i].have && strcmp(books->items[i].source, source) == 0)
			return &books->items[i];
	return NULL;
}

static bool older(const struct book_told *a, const struct book_told *b)
{
	return a->as_of != b->as_of ? a->as_of < b->as_of : strcmp(a->snapshot_id, b->snapshot_id) < 0;
}

static void forget(struct books *books, struct book_told *book)
{
	size_t at = (size_t)(book - books->items);

	books->count--;
	memmove(book, book + 1, (books->count - at) * sizeof(*book));
}

/* Room for one more: the oldest that is not complete goes. NULL: there is none. */
static struct book_told *oldest_begun(struct books *books)
{
	struct book_told *oldest = NULL;

	for (size_t i = 0; i < books->count; i++)
		if (books->items[i].have && (!oldest || older(&books->items[i], oldest)))
			oldest = &books->items[i];
	return oldest;
}

/* All of it came: what is older of this source is of no use any more. */
static void completed(struct books *books, const struct book_told *book)
{
	const struct book_told newest = *book;

	for (size_t i = books->count; i-- > 0;)
		if (strcmp(books->items[i].source, newest.source) == 0 && older(&books->items[i], &newest))
			forget(books, &books->items[i]);
}

bool books_told(struct books *books, const struct book_part *part, struct arena *arena)
{
	struct book_told fresh = { .source = part->source, .snapshot_id = part->snapshot_id, .as_of = part->as_of, .parts = part->parts };
	const struct book_told *complete = books_complete(books, part->source);
	struct book_told *book = find(books, &fresh);
	char *have;

	if (complete && !older(complete, &fresh))
		return false; /* the same one again, or one from before */
	if (book && (!book->have || book->parts != part->parts || part->part > book->parts || book->have[part->part - 1] == 'x'))
		return false;
	if (!book) {
		if (books->count == BOOKS_MAX) {
			if (!oldest_begun(books))
				return false;
			forget(books, oldest_begun(books));
		}
		books->items = arena_grow(arena, books->items, books->count, &books->capacity, sizeof(*books->items));
		book = &books->items[books->count++];
		have = arena_alloc(arena, (size_t)part->parts + 1);
		memset(have, '.', (size_t)part->parts);
		*book = fresh;
		book->have = have;
	}
	have = arena_strdup(arena, book->have);
	have[part->part - 1] = 'x';
	book->have = ++book->came == book->parts ? NULL : have;
	if (!book->have)
		completed(books, book);
	return true;
}

/* --- what it says otherwise ------------------------------------------------------------------------------------------ */

/* The newest listing; of a known invoice that of the source which its figures come from. */
static const struct fact *listing(const struct invoice *invoice)
{
	const struct fact *newest = NULL;
	char id[BOOK_ID_SIZE] = "";

	for (size_t i = 0; i < invoice->fact_count; i++) {
		const struct fact *fact = &invoice->facts[i];

		if (fact->kind != FACT_LISTED)
			continue;
		if (invoice->known && !id[0])
			book_id(invoice->order.source ? invoice->order.source : "", id);
		if ((!invoice->known || strcmp(fact->id, id) == 0) && (!newest || fact->at > newest->at))
			newest = fact;
	}
	return newest;
}

bool book_listed(const struct invoice *invoice, int64_t *due, int64_t *as_of)
{
	const struct fact *fact = listing(invoice);

	if (fact) {
		*due = fact->amount;
		*as_of = fact->at;
	}
	return fact != NULL;
}

/* When something was told last that moves its balance, or ends it. */
static int64_t moved_at(const struct invoice *invoice)
{
	int64_t at = invoice->order.time;

	if (invoice->beside && invoice->beside->order.time > at)
		at = invoice->beside->order.time;
	for (size_t i = 0; i < invoice->fact_count; i++) {
		const struct fact *fact = &invoice->facts[i];
		bool money = fact->kind == FACT_PAYMENT || fact->kind == FACT_CREDIT || fact->kind == FACT_PAID || fact->kind == FACT_VOIDED ||
			fact->kind == FACT_UNCOLLECTIBLE || fact->kind == FACT_SETTLEMENT;

		if (money && fact->order.time > at)
			at = fact->order.time;
	}
	return at;
}

/* A newer complete list does not have it any more. `id`: of the listing's source. */
static bool unlisted_since(const struct books *books, const struct fact *listed)
{
	for (size_t i = 0; books && i < books->count; i++) {
		char id[BOOK_ID_SIZE];

		if (!books->items[i].have && books->items[i].as_of > listed->at && strcmp(book_id(books->items[i].source, id), listed->id) == 0)
			return true;
	}
	return false;
}

const char *book_finding(const struct invoice *invoice, const struct books *books, int64_t now)
{
	const struct fact *listed = listing(invoice);
	const struct book_told *complete;
	struct invoice_view view;

	if (!invoice->known)
		return listed && listed->amount > 0 && now >= listed->at + BOOK_GRACE_MS && !unlisted_since(books, listed) ? "never_heard_of" : NULL;
	complete = books_complete(books, invoice->order.source ? invoice->order.source : "");
	if (!listed && !complete)
		return NULL;
	if (listed && complete && listed->at < complete->as_of)
		listed = NULL;
	if (moved_at(invoice) > (listed ? listed->at : complete->as_of))
		return NULL;
	if (listed && listed->after_version && invoice->order.version > listed->after_version)
		return NULL; /* the list is behind */
	view = invoice_view(invoice);
	if (view.state == STATE_PAID || view.state == STATE_VOID)
		return listed && listed->amount > 0 ? "closed_here" : NULL;
	if (view.state != STATE_OPEN)
		return NULL; /* a draft; or a loss, or settled, which is ours to know */
	if (!listed)
		return "not_listed";
	return listed->amount < view.balance ? "less" : listed->amount > view.balance ? "more" : NULL;
}

bool book_decides(const struct invoice *invoice, const struct books *books, const char **source, const char **snapshot_id)
{
	const struct fact *listed = listing(invoice);
	const struct book_told *complete = invoice->known ? books_complete(books, invoice->order.source ? invoice->order.source : "") : NULL;

	if (listed && complete && listed->at < complete->as_of)
		listed = NULL;
	*source = listed || !complete ? NULL : complete->source;
	*snapshot_id = listed ? listed->order.id : complete ? complete->snapshot_id : NULL;
	return *snapshot_id != NULL;
}

bool book_holds(const char *finding)
{
	return finding && (strcmp(finding, "not_listed") == 0 || strcmp(finding, "less") == 0);
}

/* --- stored form ----------------------------------------------------------------------------------------------------- */

void books_write(struct json_writer *w, const char *key, const struct books *books)
{
	if (!books->count)
		return;
	jw_array(w, key);
	for (size_t i = 0; i < books->count; i++) {
		const struct book_told *book = &books->items[i];

		jw_array(w, NULL);
		jw_str(w, NULL, book->source);
		jw_str(w, NULL, book->snapshot_id);
		jw_int(w, NULL, book->as_of);
		jw_int(w, NULL, book->parts);
		jw_int(w, NULL, book->came);
		if (book->have)
			jw_str(w, NULL, book->have);
		jw_end_array(w);
	}
	jw_end_array(w);
}

void books_read(const struct json *json, struct arena *arena, struct books *ret)
{
	*ret = (struct books){ 0 };
	for (size_t i = 0; i < json_len(json) && i < BOOKS_MAX; i++) {
		struct json row = json_at(json, i), at[6];
		struct book_told book;

		for (size_t k = 0; k < ARRAY_LEN(at); k++)
			at[k] = json_at(&row, k);
		book = (struct book_told){ json_str(&at[0]), json_str(&at[1]), json_int(&at[2]), json_int(&at[3]), json_int(&at[4]), json_str(&at[5]) };
		if (!book.source || !book.snapshot_id || book.parts < 1 || (book.have && strlen(book.have) != (size_t)book.parts))
			continue;
		ret->items = arena_grow(arena, ret->items, ret->count, &ret->capacity, sizeof(*ret->items));
		ret->items[ret->count++] = book;
	}
}
