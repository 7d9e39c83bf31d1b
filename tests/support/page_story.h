/*
 * page_story - a story whose daemon has the debtors' page: invoices inv_1 .. of debtors of their own, overdue, each told of by one mail that
 * holds the link and two offers (10 % less, or 7 parts, until 2026-04-16), and the first has its document at hand. For the tests of the page.
 */
#ifndef DUNNINGD_TESTS_SUPPORT_PAGE_STORY_H
#define DUNNINGD_TESTS_SUPPORT_PAGE_STORY_H

#include "tests/support/story.h"

#define PAGE_STORY_URL "https://page.acme.example"
#define PAGE_STORY_PDF "%PDF-1.7 of a story\n"

struct page_story {
	struct story story;
	int port; /* of the page */
	char digest[65]; /* of the document, hex */
};

/* NULL or 0: a usual one. Texts need no escaping in JSON. */
struct page_debtor {
	const char *locale, *name, *contact; /* contact: the person that is written to */
	const char *number; /* of the invoice */
	int64_t total_minor;
};

/* The clock stands at 2026-04-03T08:00Z, a Friday; the policy waits 30 days for a promise. inv_<i + 1> is debtors[i]'s. */
void page_story_open(struct page_story *p, const struct page_debtor *debtors, size_t count);
void page_story_close(struct page_story *p);

/* Links without what stands before them. */
const char *page_story_link(struct page_story *p, const char *invoice); /* as the mail about it has it */
const char *page_story_printed(struct page_story *p, const char *invoice); /* as dunningctl prints it */
/* Signed by the key that is `newer` than the daemon's, good until so many days from now. */
const char *page_story_signed(struct page_story *p, const char *invoice, int newer, int days);
void page_story_debtor_says(struct page_story *p, const char *customer, const char *needle); /* its document in Redis holds the text */

#endif
