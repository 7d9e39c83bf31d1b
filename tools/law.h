/*
 * law - the calculators: one law_*.c for each question, all with the same three functions, run by cmd_law.c.
 *
 * A question is an object (`given`), its answer another (`expect`). With --json questions are read from standard input, one a line, and
 * answered one a line; without, options and words make the question and the answer is shown to people, with its working.
 */
#ifndef DUNNINGD_TOOLS_LAW_H
#define DUNNINGD_TOOLS_LAW_H

#include "common/law.h"
#include "tools/cmd.h"

struct law_command {
	struct command command; /* "law due-date"; its .run is law_run */
	/* Writes the members of the question that options and words ask (the object is open already). -EINVAL and `err`. */
	int (*given)(const struct invocation *call, struct json_writer *given, struct err *err);
	/*
	 * Writes the members of the answer (the object is open already). Below 0, `err` says why there is none, and what was written is
	 * thrown away, unless the answer itself has a member "error".
	 */
	int (*answer)(const struct law *law, const struct json *given, struct json_writer *expect, struct err *err);
	/* For people; NULL: a list of the answer's members. */
	void (*show)(struct ctl *ctl, const struct json *given, const struct json *expect);
};

int law_run(struct ctl *ctl, const struct invocation *call);

/* The law of the configuration, or of the shipped files when there is none; freed with law_free(). 0 or an exit code, said already. */
int law_of(struct ctl *ctl, struct law **ret);

/* For `given`: the option's value under this member, when it was given. law_give_int: -EINVAL unless it is a whole number. */
void law_give(const struct invocation *call, struct json_writer *given, const char *option, const char *member);
int law_give_int(const struct invocation *call, struct json_writer *given, const char *option, const char *member, struct err *err);

/* For `answer`. Dates: -EBADMSG with the place; an optional one that is absent or null leaves *ret. */
int law_get_date(const struct json *given, const char *member, date *ret, struct err *err);
int law_opt_date(const struct json *given, const char *member, date *ret, struct err *err);
void law_put_date(struct json_writer *expect, const char *member, date d); /* null for none */

const char *law_weekday(date d); /* "Monday" */

/* The data sheet for the form of a procedure that has one: what it asks for, in its order, out of the invoice's own facts. */
void claim_sheet(struct ctl *ctl, const struct law *law, const struct entry *entry, const struct procedure *procedure, struct buf *out);

/* The list that is shown when there is no `show`: members as lines, lists of objects as tables. */
void law_show(struct ctl *ctl, const struct json *given, const struct json *expect);

/* The calculators. */
extern const struct law_command law_interest, law_fees, law_contact, law_opt_out, law_notice, law_limitation;
extern const struct law_command law_status, law_due_date, law_business_day, law_holidays, law_deadline, law_retention,
	law_format;

#endif
