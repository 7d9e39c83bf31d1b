/* page_internal - shared by page.c, page_words.c and page_view.c alone. */
#ifndef DUNNINGD_COMMON_PAGE_INTERNAL_H
#define DUNNINGD_COMMON_PAGE_INTERNAL_H

#include "common/page.h"
#include "common/template.h"

bool page_asks(enum page_action action, enum page_field field, bool *needed); /* its form has this field, and needs it */

/* What is still to pay by it, minor units: what came since it was made counts. */
int64_t page_asked_by(const struct page_case *c, const struct made_offer *offer);

struct language;
const struct language *page_language(const struct page_texts *texts, const char *tag); /* or of its chain; NULL: there is none */
const struct language *page_language_at(const struct page_texts *texts, size_t i); /* NULL: there are no more */
const char *page_language_name(const struct language *language);
const struct template *page_word(const struct language *language, const char *name); /* "paid.title"; NULL: there is none */
const struct template *page_frame(const struct page_texts *texts);

#endif
