#include "common/receivables.h"

#include <stdio.h>
#include <string.h>

const char *const age_names[AGES + 1] = { "not due", "1-30", "31-60", "61-90", "over 90", NULL };

size_t age_of(int32_t days)
{
	static const int32_t most[AGES] = { 0, 30, 60, 90, INT32_MAX };
	size_t i = 0;

	while (days > most[i])
		i++;
	return i;
}

struct span span_of(const struct zone *zone, date day, int64_t days)
{
	return (struct span){ .zone = zone, .day = day, .until = zone_to_utc(zone, date_add_days(day, 1), 0), .days = days };
}

int64_t owed_at(const struct escalation *e, const struct span *span)
{
	if (e->stopped && e->closed_at < span->until)
		return 0;
	return invoice_balance_at(&e->invoice, span->zone, span->until);
}

bool sales_of(const struct escalation *e, const struct span *span, struct sales *ret)
{
	const struct invoice *invoice = &e->invoice;
	const struct snapshot *s = &invoice->snapshot;
	date from = date_add_days(span->day, (int32_t)(1 - span->days)), issued = s->issued_on, paid_on;
	struct invoice_view view;

	*ret = (struct sales){ 0 };
	if (!invoice->known || s->status == INVOICE_DRAFT)
		return false;
	view = invoice_view(invoice);
	ret->owed = owed_at(e, span);
	if (!date_is_set(issued))
		issued = zone_date(span->zone, invoice->order.time);
	if (view.state != STATE_VOID && date_diff(issued, from) >= 0 && date_diff(issued, span->day) <= 0)
		ret->billed = s->total - view.credited;
	if (view.state != STATE_PAID)
		return true;
	paid_on = zone_date(span->zone, invoice_paid_at(invoice));
	if (date_diff(paid_on, from) < 0 || date_diff(paid_on, span->day) > 0)
		return true;
	ret->paid = true;
	ret->amount = s->total - view.credited; /* it may be said to be paid without a figure */
	ret->days_to_pay = date_diff(paid_on, issued);
	ret->days_late = date_diff(paid_on, s->due_on);
	return true;
}

/* --- the whole book ------------------------------------------------------------------------------------------------------------- */

void book_figures_begin(struct book_figures *figures, const struct zone *zone, date day)
{
	int year, month, of;

	*figures = (struct book_figures){ 0 };
	date_split(day, &year, &month, &of);
	for (int i = 0; i < BOOK_MONTHS; i++)
		figures->spans[i] = span_of(zone, i == BOOK_MONTHS - 1 ? day : date_add_days(date_add_months(date_of(year, month, 1), i - BOOK_MONTHS + 2), -1),
			BOOK_DSO_DAYS);
}

static struct book_currency *currency_of(struct book_figures *figures, const char *currency)
{
	for (size_t i = 0; i < figures->count; i++)
		if (strcmp(figures->currencies[i].currency, currency) == 0)
			return &figures->currencies[i];
	if (figures->count == BOOK_CURRENCIES) {
		figures->more = true;
		return NULL;
	}
	(void)snprintf(figures->currencies[figures->count].currency, 4, "%s", currency);
	return &figures->currencies[figures->count++];
}

void book_figures_add(struct book_figures *figures, const struct escalation *e)
{
	const struct snapshot *s = &e->invoice.snapshot;
	struct book_currency *c = e->invoice.known ? currency_of(figures, s->currency) : NULL;
	struct sales sales;
	size_t age;

	for (size_t i = 0; c && i < BOOK_MONTHS; i++) {
		if (i + 1 < BOOK_MONTHS && date_is_set(s->issued_on) && date_diff(s->issued_on, figures->spans[i].day) > 0)
			continue; /* there was no such invoice yet */
		if (!sales_of(e, &figures->spans[i], &sales))
			return;
		c->overflow |= !money_add(c->owed[i], sales.owed, &c->owed[i]) || !money_add(c->billed[i], sales.billed, &c->billed[i]);
	}
	if (!c || !sales.owed)
		return;
	age = age_of(date_diff(figures->spans[BOOK_MONTHS - 1].day, s->due_on));
	c->count[age]++;
	c->all_count++;
	c->overflow |= !money_add(c->amount[age], sales.owed, &c->amount[age]) || !money_add(c->all, sales.owed, &c->all);
}

int64_t book_dso(const struct book_currency *c, size_t month)
{
	if (c->billed[month] <= 0 || c->overflow)
		return -1;
	return (int64_t)(((__int128)c->owed[month] * BOOK_DSO_DAYS * 10 + c->billed[month] / 2) / c->billed[month]);
}
