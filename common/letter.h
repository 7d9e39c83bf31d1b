/*
 * letter - a formal letter on paper: the creditor's letterhead, the recipient's address where the envelope's window shows it, the text, and
 * on each page its number and the state of the trail. As a PDF, or as a picture to look at. Pure but for the fonts that are installed: the
 * same letter gives the same bytes, with the same fonts and libraries.
 */
#ifndef DUNNINGD_COMMON_LETTER_H
#define DUNNINGD_COMMON_LETTER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/config.h"
#include "common/date.h"

/*
 * Where the window is, and how large the sheet. DIN: DIN 5008 form B, which most of Europe's envelopes take. FRENCH: NF Z10-011, the window
 * at the right. BRITISH: the DL window of 35 by 90 mm, 20 mm from the left and 18 mm from the bottom. US: Letter in a #10 envelope.
 */
enum letter_form { LETTER_DIN, LETTER_FRENCH, LETTER_BRITISH, LETTER_US, LETTER_FORM_COUNT };
/* The form of the envelopes where it is printed: the creditor's country, or if that is not known the recipient's (both may be NULL). */
enum letter_form letter_form_of(const char *from_country, const char *to_country);

/* All borrowed. NULL or empty: none, where nothing else is said. */
struct letter {
	enum letter_form form;
	const char *locale; /* of the text, and of its date; required */
	const struct creditor *creditor; /* whose letterhead it is: required, and never anybody else's */
	struct postal from; /* no first line: creditor->address stands there instead */
	const struct sender *sender; /* whom to ask */
	const char *to_name; /* required */
	const char *attention; /* a person in that house */
	struct postal to; /* line1, city and country are required */
	bool enclosed; /* in a mail: no address is needed */
	enum letter_delivery delivery;
	date written_on;
	const char *reference, *attempt;
	/* Required. Lines that begin with '|' are rows of a table, its heads first, one with ':' at its end over figures; with "- ", items. */
	const char *subject, *body;
	const char *checkpoint; /* of the trail, one line */
};

/* The recipient's address as its country writes it, one line each; NULL-terminated, in the arena. `locale`: in whose words a country is named. */
#define LETTER_LINES_MAX 7
const char **letter_address(const struct letter *letter, const char *locale, struct arena *arena);

/* An address without a name, from `n` on, as its country writes it; returns how many lines there are then. */
size_t letter_place(const struct postal *postal, const char **lines, size_t n, struct arena *arena);

/* Appends the file. -EBADMSG: something required is missing; -EIO: Cairo could not. */
int letter_pdf(const struct letter *letter, struct buf *out, struct err *err);
/* Appends page `page` (from 1) as a PNG, `width` pixels wide. -ENOENT: it has no such page. */
int letter_picture(const struct letter *letter, int page, unsigned width, struct buf *out, struct err *err);

/* Loads the fonts, which takes the first letter of a process a while, with a letter that nobody sees. */
void letter_warm_up(void);

/* The words of the frame, in the language of the text; English where we have none. */
struct letter_words {
	const char *language, *attention, *registered, *electronic, *reference, *date, *contact, *subject, *page, *trail;
};
const struct letter_words *letter_words(const char *locale);

#endif
