/*
 * statement - a statement of account: what one debtor owes in one currency, as a PDF to be enclosed in a mail, in the reader's language and with
 * the creditor's letterhead. Pure but for the fonts, as letter.h.
 */
#ifndef DUNNINGD_COMMON_STATEMENT_H
#define DUNNINGD_COMMON_STATEMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/letter.h"
#include "common/money.h"

struct statement_line {
	const char *number;
	date issued_on, due_on; /* issued_on: none = not told */
	int64_t total, paid, balance; /* minor units; paid: with what was credited */
	bool disputed;
};
struct statement {
	const char *locale;
	const struct creditor *creditor;
	struct postal from, to; /* all NULL = not told */
	const struct sender *sender;
	const char *debtor_name;
	date written_on;
	char currency[4];
	const struct statement_line *lines;
	size_t count, left_out; /* left_out: open invoices that are not listed, since there are too many */
};

/* Appends the PDF; *name: a plain file name in the reader's language. -EBADMSG: amounts do not add up within 2^53; else as letter_pdf(). */
int statement_pdf(const struct statement *statement, struct arena *arena, struct buf *out, const char **name, struct err *err);
/* What its table says, as letter.h takes it, and the sum; for tests. */
int statement_body(const struct statement *statement, struct arena *arena, const char **body, struct err *err);

#endif
