/* What interest has accrued on the invoices of a notice up to its day, with the working: the engine of the law, and nothing of its own. */
#include <errno.h>
#include <string.h>

#include "common/notice_internal.h"

/* In what a year is counted; NULL: in its own days. */
static const char *year_of(enum day_count count)
{
	return count == DAYS_ACT_365 ? "365" : count == DAYS_30_360 ? "360" : NULL;
}

static int64_t rounded(const struct fraction *f)
{
	int64_t n = 0;

	(void)fraction_round(f, ROUND_HALF_AWAY, &n);
	return n;
}

/* Each line is the difference of two rounded sums, so that the lines add up to the whole, which is rounded once. */
static bool add_lines(const struct notice_invoice *invoice, const struct interest *in, enum day_count count, struct arena *arena,
	struct notice_accrued *ret)
{
	struct fraction sum = fraction_of(0, 1);
	int64_t before = 0;

	for (size_t i = 0; i < in->segment_count; i++) {
		const struct interest_segment *s = &in->segments[i];
		int64_t all;

		if (!fraction_add(&sum, &s->interest, &sum))
			return false;
		all = rounded(&sum);
		ret->lines = arena_grow(arena, ret->lines, ret->line_count, &ret->line_capacity, sizeof(*ret->lines));
		ret->lines[ret->line_count++] = (struct accrued_line){ .number = invoice->number, .first = s->first, .days = s->days, .rate = s->rate,
			.base = rounded(&s->base), .interest = all - before, .year = year_of(count) };
		before = all;
	}
	return before == in->accrued;
}

bool notice_accrued(const struct notice_input *input, struct arena *arena, struct notice_accrued *ret)
{
	const struct regime *late = input->late;

	*ret = (struct notice_accrued){ 0 };
	for (size_t i = 0; i < input->invoice_count; i++) {
		const struct notice_invoice *invoice = &input->invoices[i];
		struct debt debt = debt_of(late, invoice->balance.minor, date_add_days(invoice->due_on, invoice->moved_days), input->today);
		struct interest in;

		if (invoice->days_past_due <= 0 || invoice->balance.minor <= 0)
			continue;
		if (invoice->terms)
			return false; /* what was agreed comes first, and is not known here */
		debt.from = regime_runs_from(late, debt.due);
		if (!date_is_set(debt.from))
			return false;
		if (interest_compute(arena, &debt, &in, NULL) < 0 || in.stopped || !money_add(ret->sum, in.accrued, &ret->sum) ||
			!add_lines(invoice, &in, debt.day_count, arena, ret))
			return false;
	}
	return ret->sum > 0;
}
