/*
 * reply - what somebody who answers a message seems to say, by plain rules in English, French, German, Spanish, Italian and Dutch. Only
 * STOP is taken at its word, since a mistake there does no harm; the rest are guesses, for whoever reads the answer. Pure.
 */
#ifndef DUNNINGD_COMMON_REPLY_H
#define DUNNINGD_COMMON_REPLY_H

#include <stdbool.h>

struct arena;

/*
 * The first line that says more than "hello" is nothing but a word for "no more", politeness aside: STOP, ARRET, STOP au 36180, "Stop, merci".
 * Here and below, what is quoted, a signature and what a telephone adds say nothing. NULL is none.
 */
bool reply_is_stop(const char *text);
/*
 * What the text asks of us. OPT_OUT: it says "no more", by such a word or by a plain sentence: any reasonable means counts (47 CFR
 * 64.1200(a)(10)). REVIEW: it may say so: such a word stands among others, or is written with look-alike letters: a person reads it. NULL is
 * NONE.
 */
enum reply_wish { REPLY_NONE, REPLY_OPT_OUT, REPLY_OPT_IN, REPLY_HELP, REPLY_REVIEW, REPLY_WISH_COUNT };
extern const char *const reply_wish_names[REPLY_WISH_COUNT + 1]; /* "none", "opt_out", "opt_in", "help", "review" */
enum reply_wish reply_wish(const char *text);
/* "out_of_office", "paid" or NULL. Never more than a guess; what we write ourselves ("Already paid?") brings none, however it is quoted. */
const char *reply_guess(const char *text);

/* Why a person reads it, as a code: "no_more" where it may ask for an end (REVIEW), else the guess, or NULL. */
const char *reply_reason(const char *text);

/* Of the task that asks to read it: why, by that code (NULL: there is none); and the words, with where all of it is (`whose`: as for `trail log`). */
const char *reply_task_reason(const char *reason);
const char *reply_task_script(struct arena *arena, const char *text, const char *whose);

#endif
