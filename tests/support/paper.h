/* paper - a PDF as it comes out of the printer, read back with Poppler. The test fails where Poppler cannot, or where it is not as it should be. */
#ifndef DUNNINGD_TESTS_SUPPORT_PAPER_H
#define DUNNINGD_TESTS_SUPPORT_PAPER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/cleanup.h"

struct paper_word {
	int page;
	double x0, y0, x1, y1; /* mm, from the sheet's top left corner */
	char text[200];
};
struct paper_sheet {
	double width, height, left, right; /* mm: of the sheet, and its margins */
};

size_t paper_words(struct arena *arena, const char *pdf, struct paper_word **ret); /* in the arena, in the order of reading */
/* Whether it stands there, blanks aside: a name that is broken into lines is whole, a number in lines of its column too. */
bool paper_says(const struct paper_word *words, size_t count, const char *text);
bool paper_says_in_a_line(const struct paper_word *words, size_t count, const char *text); /* the same, unbroken */
/* Every word within the margins, and none over another. Marks for folding are no words. */
void paper_is_tidy(const struct paper_word *words, size_t count, const struct paper_sheet *sheet, const char *name);
void paper_shot(const char *pdf, const char *folder, const char *name); /* FOLDER/NAME-<page>.png; folder NULL: nothing */

#endif
