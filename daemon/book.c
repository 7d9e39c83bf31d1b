/* book.snapshot: a part of a producer's list of its open invoices, onto those that it names. */
#include <string.h>

#include "common/hash.h"
#include "common/keys.h"
#include "daemon/flow.h"

void decide_books_known(struct dunner *d, const struct debtor *system)
{
	struct arena *arena = arena_create();

	d->books = (struct books){ 0 };
	for (size_t i = 0; i < system->books.count; i++) {
		struct book_told book = system->books.items[i];

		book.source = arena_strdup(arena, book.source);
		book.snapshot_id = arena_strdup(arena, book.snapshot_id);
		book.have = book.have ? arena_strdup(arena, book.have) : NULL;
		d->books.items = arena_grow(arena, d->books.items, d->books.count, &d->books.capacity, sizeof(book));
		d->books.items[d->books.count++] = book;
	}
	if (d->books_arena)
		arena_free(d->books_arena);
	d->books_arena = arena;
}

/* With several partitions each has its own invoices, and a list has all: one that nobody knows may be another's. */
static bool is_ours(const struct dunner *d, const struct book_item *item, const struct doc *doc)
{
	uint32_t partitions = (uint32_t)d->config->partitions;

	if (partitions < 2 || doc->existed)
		return true;
	return item->customer_id && partition_of(item->customer_id, partitions) == d->settings.partition;
}

/* Whatever is on its way and has not begun is looked at again: it may be about an invoice that the list does not have. */
static void touch_all(struct dunner *d)
{
	for (const struct flight *f = d->flights; f; f = f->next)
		sender_touch(d, f->entry.debtor_id, NULL);
	for (const struct group *g = d->decided; g; g = g->next)
		for (const struct release *r = g->releases; r; r = r->next)
			sender_touch(d, r->entry.debtor_id, NULL);
	for (const struct group *g = d->decided; g; g = g->next)
		for (size_t i = 0; i < g->resend_count; i++)
			sender_touch(d, g->resend[i]->debtor_id, NULL);
}

/* A list takes one fact of an invoice, however often it comes: what is kept already is moved on even where there is room for no other. */
static bool has_room(const struct invoice *invoice, const struct book_part *part)
{
	char id[BOOK_ID_SIZE];

	(void)book_id(part->source, id);
	for (size_t i = 0; i < invoice->fact_count; i++)
		if (invoice->facts[i].kind == FACT_LISTED && strcmp(invoice->facts[i].id, id) == 0)
			return true;
	return invoice->fact_count < INVOICE_FACTS_MAX + BOOKS_MAX;
}

void decide_book(struct dunner *d, struct group *g, const struct input *input)
{
	const struct event *e = &input->event;
	struct doc *system = group_case(d, g, NULL);
	const struct book_part *part = e->book;
	bool news = books_told(&system->d->books, part, g->arena);
	const struct book_told *complete = books_complete(&system->d->books, part->source);
	char hex[2 * SHA256_SIZE + 1];
	uint8_t digest[SHA256_SIZE];
	int64_t named = 0;
	struct draft *draft;

	for (size_t i = 0; i < part->count; i++) {
		struct doc *doc = group_find(d, g, DOC_ESCALATION, part->items[i].invoice_id), *debtor;

		if (!doc || !doc->loaded || !is_ours(d, &part->items[i], doc) || !has_room(&doc->e->invoice, part) ||
			!invoice_listed(&doc->e->invoice, e, &part->items[i], g->arena))
			continue;
		named++;
		doc->touched = true;
		debtor = group_find(d, g, DOC_DEBTOR, doc->e->invoice.debtor_id);
		if (debtor && debtor->loaded)
			debtor->touched = true;
		sender_touch(d, NULL, doc->id);
	}
	if (!news && !named)
		return; /* told again */
	system->touched |= news;
	if (news)
		decide_books_known(d, system->d);
	if (news && complete && strcmp(complete->snapshot_id, part->snapshot_id) == 0)
		touch_all(d);
	draft = effects_record(&g->fx, "book.snapshot", NULL);
	jw_str(&draft->w, "event_id", e->id);
	jw_str(&draft->w, "event_source", e->source);
	jw_str(&draft->w, "book", part->source);
	jw_str(&draft->w, "snapshot", part->snapshot_id);
	jw_int(&draft->w, "as_of", part->as_of);
	jw_int(&draft->w, "part", part->part);
	jw_int(&draft->w, "parts", part->parts);
	jw_int(&draft->w, "invoices", (int64_t)part->count);
	sha256(input->entry->event, input->entry->len, digest);
	jw_str(&draft->w, "sha256", hex_format(digest, SHA256_SIZE, hex)); /* the list names many debtors: it stands in no file of one */
}
