/*
 * notice_internal - what templates are filled with (notice_model.c), for notice.c alone.
 */
#ifndef DUNNINGD_COMMON_NOTICE_INTERNAL_H
#define DUNNINGD_COMMON_NOTICE_INTERNAL_H

#include "common/json.h"
#include "common/notice.h"

/*
 * The model as a JSON document in the arena, amounts and dates formatted for `locale`. Names longer than name_max characters (0 = any)
 * are cut: an SMS has little room. `holds`: the fields of a formal notice that the templates speak of (NULL-terminated). -EBADMSG: the
 * input is incomplete.
 */
int notice_model(const struct notice_input *input, const char *locale, size_t name_max, const char *const *holds, struct arena *arena,
	struct json *ret, struct err *err);
#define NOTICE_HOLDS "holds."
bool notice_model_has(const char *name); /* may stand in a template: "creditor.name", "number", "." */

/* Interest up to input->today by input->late, on what is unpaid of the overdue invoices. */
struct accrued_line { /* of one invoice, at one rate on one base; amounts in minor units */
	const char *number, *year; /* year: its days as they are counted, "365"; NULL = those of the year itself */
	date first;
	int32_t days;
	int64_t rate, base, interest;
};
struct notice_accrued {
	int64_t sum;
	struct accrued_line *lines;
	size_t line_count, line_capacity;
};
/* False: nothing accrued, or not all of it is known (a rate, its first day, what was agreed). */
bool notice_accrued(const struct notice_input *input, struct arena *arena, struct notice_accrued *ret);

/* Inputs that between them have and lack every optional member. */
#define NOTICE_SAMPLES 8
#define NOTICE_RICH 1 /* the one about one overdue invoice, of which everything is known */
void notice_sample(unsigned variant, const char *locale, const struct regime *late, struct arena *arena, struct notice_input *ret);

#endif
