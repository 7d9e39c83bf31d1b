#include "common/notice_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/locale.h"

#define URL_SMS_MAX 120 /* a longer link would leave an SMS no room for words */

/* Every name, as it may be written at the top or inside the section of its parent. */
static const char *const names[] = { ".", "creditor", "creditor.name", "creditor.legal_id", "creditor.address",
	"creditor.bank", "creditor.email", "creditor.phone", "creditor.url", "sender", "sender.name", "sender.email",
	"sender.reply_to", "sender.phone", "debtor", "debtor.name", "contact", "contact.name", "invoices", "invoice",
	"invoice.number", "invoice.issued_on", "invoice.due_on", "invoice.total", "invoice.balance", "invoice.reduced",
	"invoice.days_past_due", "invoice.days_until_due", "invoice.overdue", "invoice.payment_url", "invoice.pdf_url", "invoice.page_url", "invoice.days_plural",
	"invoice.purchase_order", "purchase_order", "invoice.delivery_proof", "delivery_proof", "terms_url", "terms_agreed_on", "notes", "note",
	"name", "legal_id", "address", "bank", "email", "phone", "url", "reply_to", "number", "issued_on", "due_on", "total",
	"balance", "reduced", "days_past_due", "days_until_due", "overdue", "payment_url", "pdf_url", "page_url", "first", "last", "days_plural",
	"one", "many", "count", "count_plural", "today", "deadline", "attempt_id", "consumer", "holds_work", "nothing_open", "terms", "late", "late.statute",
	"late.country", "late.from_due", "late.from_default", "late.reference", "late.points", "late.rate", "late.rounded", "late.yearly",
	"late.sum", "late.sum_each", "late.sum_total", "late.interest", "late.total", "late.working", "interest", "working", "first_on", "base",
	"year", "days", "statute", "country", "from_due", "from_default", "reference", "points", "rate", "rounded",
	"yearly", "sum", "sum_each", "sum_total",
	"call", "call.said_on", "call.until_on", "call.tell", "call.invoice_not_received", "call.waiting_approval", "call.in_payment",
	"call.paid", "call.promise", "call.dispute", "call.refuses", "call.no_pay", "no_pay", "said_on", "until_on", "tell", "invoice_not_received",
	"waiting_approval", "in_payment", "paid", "promise", "dispute", "refuses", "promised_on", "announced_on", "contract", "offers", "code", "until", "only", "settlement", "plan", "amount", "instalments", "instalment", "instalment.number",
	"instalment.of", "instalment.due_on", "instalment.rest", "of", "rest" };
static const char *const categories[] = { "zero", "one", "two", "few", "many", "other" };

bool notice_model_has(const char *name)
{
	const char *dot = strrchr(name, '.');

	if (strcmp(name, "holds") == 0 || (strncmp(name, NOTICE_HOLDS, sizeof(NOTICE_HOLDS) - 1) == 0 && name[sizeof(NOTICE_HOLDS) - 1]))
		return true; /* any field: which ones the law asks for is data */
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (!strcmp(names[i], name))
			return true;
	if (!dot || ((size_t)(dot - name) < 7 || strncmp(dot - 7, "_plural", 7)))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(categories); i++)
		if (!strcmp(categories[i], dot + 1)) {
			char stem[40] = "";

			if ((size_t)(dot - name) >= sizeof(stem))
				return false;
			memcpy(stem, name, (size_t)(dot - name));
			return notice_model_has(stem);
		}
	return false;
}

struct model {
	struct json_maker w;
	const char *locale;
	size_t name_max;
	struct buf text; /* of one formatted value */
	int r; /* of the first that failed */
};

static void put_name(struct model *m, const char *key, const char *name)
{
	const char *p = name;
	size_t n = 0;

	if (!name || !*name)
		return;
	for (; *p; p++)
		if (((unsigned char)*p & 0xc0) != 0x80 && m->name_max && ++n > m->name_max)
			break;
	buf_reset(&m->text);
	buf_add(&m->text, name, (size_t)(p - name));
	if (*p)
		buf_add_str(&m->text, "...");
	jm_str(&m->w, key, arena_memdup(m->w.arena, buf_str(&m->text), m->text.len));
}

static void put_money(struct model *m, const char *key, struct money money)
{
	buf_reset(&m->text);
	if (locale_money(m->locale, money, &m->text) < 0)
		m->r = -EBADMSG;
	jm_str(&m->w, key, arena_memdup(m->w.arena, buf_str(&m->text), m->text.len));
}

static void put_date(struct model *m, const char *key, date day)
{
	if (!date_is_set(day))
		return;
	buf_reset(&m->text);
	if (locale_date(m->locale, day, &m->text) < 0)
		m->r = -EBADMSG;
	jm_str(&m->w, key, arena_memdup(m->w.arena, buf_str(&m->text), m->text.len));
}

/* Only what a browser may follow: producers write these, and "javascript:" is an address too. */
static void put_url(struct model *m, const char *key, const char *url)
{
	if (!url || strncmp(url, "https://", 8) || strpbrk(url, " \"<>\r\n\t"))
		return;
	if (m->name_max && strlen(url) > URL_SMS_MAX)
		return;
	jm_str(&m->w, key, url);
}

static void put_plural(struct model *m, const char *key, int64_t n)
{
	const char *category = locale_plural(m->locale, n);

	jm_object(&m->w, key);
	for (size_t i = 0; i < ARRAY_LEN(categories); i++)
		jm_bool(&m->w, categories[i], !strcmp(category, categories[i]));
	jm_end(&m->w);
}

static void put_creditor(struct model *m, const struct creditor *c)
{
	jm_object(&m->w, "creditor");
	put_name(m, "name", c->name);
	jm_opt_str(&m->w, "legal_id", c->legal_id);
	jm_opt_str(&m->w, "address", c->address);
	jm_opt_str(&m->w, "bank", c->bank);
	jm_opt_str(&m->w, "email", c->email);
	jm_opt_str(&m->w, "phone", c->phone);
	jm_opt_str(&m->w, "url", c->url);
	jm_end(&m->w);
}

static void put_sender(struct model *m, const struct sender *s, const struct creditor *c)
{
	const char *email = s && s->email ? s->email : c->email;

	jm_object(&m->w, "sender");
	put_name(m, "name", s && s->name ? s->name : c->name);
	jm_opt_str(&m->w, "email", email);
	jm_opt_str(&m->w, "reply_to", s && s->reply_to ? s->reply_to : email);
	jm_opt_str(&m->w, "phone", s && s->phone ? s->phone : c->phone);
	jm_end(&m->w);
}

static void put_party(struct model *m, const char *key, const char *name)
{
	if (!name || !*name)
		return;
	jm_object(&m->w, key);
	put_name(m, "name", name);
	jm_end(&m->w);
}

static void put_invoice(struct model *m, const struct notice_invoice *invoice, bool first, bool last)
{
	int32_t late = invoice->days_past_due;

	jm_object(&m->w, NULL);
	jm_str(&m->w, "number", invoice->number);
	put_date(m, "issued_on", invoice->issued_on);
	put_date(m, "due_on", invoice->due_on);
	put_money(m, "total", invoice->total);
	put_money(m, "balance", invoice->balance);
	jm_bool(&m->w, "reduced", invoice->balance.minor < invoice->total.minor);
	jm_bool(&m->w, "overdue", late > 0);
	jm_int(&m->w, "days_past_due", late > 0 ? late : 0);
	jm_int(&m->w, "days_until_due", late < 0 ? -(int64_t)late : 0);
	put_plural(m, "days_plural", late < 0 ? -(int64_t)late : late);
	put_url(m, "payment_url", invoice->payment_url);
	put_url(m, "pdf_url", invoice->pdf_url);
	put_url(m, "page_url", invoice->page_url);
	jm_opt_str(&m->w, "purchase_order", invoice->purchase_order);
	jm_opt_str(&m->w, "delivery_proof", invoice->delivery_proof);
	jm_bool(&m->w, "first", first);
	jm_bool(&m->w, "last", last);
	jm_end(&m->w);
}

static void put_talk(struct model *m, const struct notice_talk *talk)
{
	if (!talk)
		return;
	if (talk->outcome) {
		jm_object(&m->w, "call");
		put_date(m, "said_on", talk->said_on);
		put_date(m, "until_on", talk->until_on);
		for (int i = CALL_INVOICE_NOT_RECEIVED; i <= CALL_REFUSES; i++)
			jm_bool(&m->w, call_outcome_names[i], i == (int)talk->outcome);
		jm_opt_str(&m->w, "tell", talk->tell);
		jm_bool(&m->w, "no_pay", talk->no_pay);
		jm_end(&m->w);
	}
	put_date(m, "promised_on", talk->outcome ? date_none() : talk->until_on);
	put_date(m, "announced_on", talk->announced_on);
	if (!talk->instalment)
		return;
	jm_object(&m->w, "instalment");
	jm_int(&m->w, "number", talk->instalment);
	jm_int(&m->w, "of", talk->instalments);
	put_date(m, "due_on", talk->due_on);
	put_money(m, "rest", talk->rest);
	jm_end(&m->w);
}

static void put_offers(struct model *m, const struct notice_input *input)
{
	if (!input->offer_count)
		return;
	jm_array(&m->w, "offers");
	for (size_t i = 0; i < input->offer_count; i++) {
		const struct notice_offer *offer = &input->offers[i];

		jm_object(&m->w, NULL);
		jm_str(&m->w, "code", offer->code);
		put_date(m, "until", offer->until);
		jm_bool(&m->w, "first", i == 0);
		jm_bool(&m->w, "last", i + 1 == input->offer_count);
		jm_bool(&m->w, "only", input->offer_count == 1);
		jm_bool(&m->w, "settlement", !offer->plan);
		jm_bool(&m->w, "plan", offer->plan);
		if (!offer->plan)
			put_money(m, "amount", offer->amount);
		jm_array(&m->w, "instalments");
		for (size_t k = 0; k < offer->instalment_count; k++) {
			jm_object(&m->w, NULL);
			put_date(m, "due_on", offer->instalments[k].due_on);
			put_money(m, "amount", offer->instalments[k].amount);
			jm_bool(&m->w, "first", k == 0);
			jm_bool(&m->w, "last", k + 1 == offer->instalment_count);
			jm_end(&m->w);
		}
		jm_end(&m->w);
		jm_end(&m->w);
	}
	jm_end(&m->w);
}

/* The contract that all of them rest on. */
static const char *common_contract(const struct notice_input *input)
{
	const char *contract = input->invoices[0].contract;

	for (size_t i = 1; i < input->invoice_count; i++)
		if (!contract || !input->invoices[i].contract || strcmp(contract, input->invoices[i].contract) != 0)
			return NULL;
	return contract;
}

/* One link for a message about several invoices is right only when it pays them all. */
static const char *common_url(const struct notice_input *input)
{
	const char *url = input->invoices[0].payment_url;

	for (size_t i = 1; i < input->invoice_count; i++)
		if (!url || !input->invoices[i].payment_url || strcmp(url, input->invoices[i].payment_url))
			return NULL;
	return url;
}

/* The agreement that all of them refer to. */
static const char *common_terms(const struct notice_input *input)
{
	const char *terms = input->invoices[0].terms;

	for (size_t i = 1; i < input->invoice_count; i++)
		if (!terms || !input->invoices[i].terms || strcmp(terms, input->invoices[i].terms) != 0)
			return NULL;
	return terms;
}

/* Where the terms of all of them can be read, and when they were agreed where that is one day. */
static void put_terms(struct model *m, const struct notice_input *input)
{
	const struct notice_invoice *first = &input->invoices[0];
	bool same_day = true;

	for (size_t i = 1; i < input->invoice_count; i++) {
		if (!first->terms_url || !input->invoices[i].terms_url || strcmp(first->terms_url, input->invoices[i].terms_url) != 0)
			return;
		same_day = same_day && date_is_set(input->invoices[i].terms_agreed_on) && date_is_set(first->terms_agreed_on) &&
			date_diff(first->terms_agreed_on, input->invoices[i].terms_agreed_on) == 0;
	}
	put_url(m, "terms_url", first->terms_url);
	if (same_day)
		put_date(m, "terms_agreed_on", first->terms_agreed_on);
}

/* The same words about several invoices are said once. */
static void put_notes(struct model *m, const struct notice_input *input)
{
	size_t count = 0, put = 0;

	for (size_t i = 0; i < input->invoice_count; i++)
		count += input->invoices[i].note != NULL;
	if (!count)
		return;
	jm_array(&m->w, "notes");
	for (size_t i = 0; i < input->invoice_count; i++) {
		const char *note = input->invoices[i].note;

		for (size_t k = 0; k < i && note; k++)
			if (input->invoices[k].note && strcmp(input->invoices[k].note, note) == 0)
				note = NULL;
		if (!note)
			continue;
		jm_object(&m->w, NULL);
		jm_str(&m->w, "note", note);
		jm_bool(&m->w, "first", put++ == 0);
		jm_end(&m->w);
	}
	jm_end(&m->w);
}

/* --- what the law attaches to late payment ------------------------------------------------------------------------- */

static bool is_late(const struct notice_input *input, size_t i)
{
	return input->invoices[i].days_past_due > 0;
}

/* The yearly rate of today, or of the day on which interest began where that one holds for good. RATE_NONE: not known, or not one for all. */
static int64_t common_rate(const struct notice_input *input)
{
	const struct regime *late = input->late;
	int64_t rate = late->frozen ? RATE_NONE : regime_rate(late, half_year_of(input->today));

	for (size_t i = 0, seen = 0; late->frozen && i < input->invoice_count; i++) {
		int64_t one;

		if (!is_late(input, i))
			continue;
		one = regime_rate(late, half_year_of(date_add_days(input->invoices[i].due_on, 1)));
		rate = seen++ == 0 || one == rate ? one : RATE_NONE;
		if (rate == RATE_NONE)
			break;
	}
	return rate;
}

/* The fixed sums of all overdue invoices, in minor units, but of those for which it was waived; false: they are not known. */
static bool put_sum(struct model *m, const struct notice_input *input, int64_t *ret)
{
	const struct regime *late = input->late;
	struct money each = { 0 }, total = { 0 };
	bool gives = late->sum || late->tiers, known = late->currency, same = true;
	size_t asked = 0, waived = 0;

	for (size_t i = 0; i < input->invoice_count; i++) {
		asked += is_late(input, i) && !input->invoices[i].fee_waived;
		waived += is_late(input, i) && input->invoices[i].fee_waived;
	}
	gives = gives && (asked || !waived);
	jm_bool(&m->w, "sum", gives);
	for (size_t i = 0, seen = 0; known && i < input->invoice_count; i++) {
		int64_t one;

		if (!is_late(input, i) || input->invoices[i].fee_waived)
			continue;
		known = regime_sum(late, input->invoices[i].balance, &one) && money_add(total.minor, one, &total.minor);
		same = same && !waived && (seen++ == 0 || one == each.minor); /* "for each" is not said where one has none */
		each.minor = one;
	}
	*ret = total.minor;
	if (!known || total.minor == 0)
		return !gives;
	memcpy(each.currency, late->currency, sizeof(each.currency));
	memcpy(total.currency, late->currency, sizeof(total.currency));
	put_money(m, same ? "sum_each" : "sum_total", same ? each : total);
	return strcmp(late->currency, input->balance.currency) == 0;
}

static void put_text(struct model *m, const char *key, int r)
{
	if (r < 0)
		m->r = -EBADMSG;
	jm_str(&m->w, key, arena_memdup(m->w.arena, buf_str(&m->text), m->text.len));
}

/* Points are written short: "8", "0.5". */
static void put_points(struct model *m, const char *key, int64_t rate)
{
	char text[RATE_TEXT_SIZE], *end = rate_text(rate, text) + strlen(text);

	while (end[-1] == '0')
		*--end = '\0';
	if (end[-1] == '.')
		*--end = '\0';
	buf_reset(&m->text);
	put_text(m, key, locale_number(m->locale, text, &m->text));
}

static struct money in_currency(int64_t minor, const char *currency)
{
	struct money money = { .minor = minor };

	memcpy(money.currency, currency, sizeof(money.currency));
	return money;
}

static void put_rate(struct model *m, int64_t rate)
{
	char share[32], *end = share;

	/* a rate has four decimals of a percent; two are written, more where they are needed */
	(void)snprintf(share, sizeof(share), "%s%lld.%06lld", rate < 0 ? "-" : "", (long long)(rate < 0 ? -rate : rate) / 1000000,
		(long long)(rate < 0 ? -rate : rate) % 1000000);
	for (end += strlen(share); end[-1] == '0' && strchr(share, '.') + 5 < end;)
		*--end = '\0';
	buf_reset(&m->text);
	put_text(m, "rate", locale_percent(m->locale, share, &m->text));
}

static void put_accrued(struct model *m, const struct notice_input *input, bool sums_known, int64_t sums)
{
	const char *currency = input->balance.currency;
	struct notice_accrued accrued;
	int64_t total;

	if (!notice_accrued(input, m->w.arena, &accrued)) {
		accrued.line_count = 0;
	} else {
		put_money(m, "interest", in_currency(accrued.sum, currency));
		if (sums_known && money_add(input->balance.minor, accrued.sum, &total) && money_add(total, sums, &total))
			put_money(m, "total", in_currency(total, currency));
	}
	jm_array(&m->w, "working");
	for (size_t i = 0; i < accrued.line_count; i++) {
		const struct accrued_line *line = &accrued.lines[i];

		jm_object(&m->w, NULL);
		jm_str(&m->w, "number", line->number);
		put_date(m, "first_on", line->first);
		jm_int(&m->w, "days", line->days);
		put_money(m, "base", in_currency(line->base, currency));
		put_rate(m, line->rate);
		jm_opt_str(&m->w, "year", line->year);
		put_money(m, "interest", in_currency(line->interest, currency));
		jm_end(&m->w);
	}
	jm_end(&m->w);
}

/* Nothing at all where the regime cites no statute: what states it is refused then for the missing variable. */
static void put_late(struct model *m, const struct notice_input *input)
{
	const struct regime *late = input->late;
	int64_t rate, sums;
	bool known;

	if (!late || !late->cited.count)
		return;
	rate = common_rate(input);
	jm_object(&m->w, "late");
	jm_str(&m->w, "statute", wording_for(&late->cited, m->locale, true));
	if (late->country && (!input->country || strcmp(late->country, input->country) != 0)) {
		buf_reset(&m->text);
		put_text(m, "country", locale_country(m->locale, late->country, &m->text));
	}
	jm_bool(&m->w, "from_due", !late->from_default);
	jm_bool(&m->w, "from_default", late->from_default);
	jm_opt_str(&m->w, "reference", late->series ? wording_for(&late->series->words, m->locale, false) : NULL);
	put_points(m, "points", late->points);
	if (rate != RATE_NONE)
		put_rate(m, rate);
	if (late->round_up)
		put_points(m, "rounded", late->round_up);
	jm_bool(&m->w, "yearly", late->yearly);
	known = put_sum(m, input, &sums);
	put_accrued(m, input, known, sums);
	jm_end(&m->w);
}

static int check_input(const struct notice_input *input, struct err *err)
{
	if (!input->invoice_count)
		return err_set(err, -EBADMSG, "incomplete", "", "a notice must be about an invoice");
	for (size_t i = 0; i < input->invoice_count; i++)
		if (!input->invoices[i].number || !input->invoices[i].number[0] || !date_is_set(input->invoices[i].due_on))
			return err_set(err, -EBADMSG, "incomplete", "", "every invoice must have a number and a due date");
	return 0;
}

static void put_holds(struct model *m, const struct notice_input *input, const char *const *holds)
{
	jm_object(&m->w, "holds");
	for (; *holds; holds++)
		jm_bool(&m->w, *holds, !input->without || strcmp(input->without, *holds) != 0);
	jm_end(&m->w);
}

int notice_model(const struct notice_input *input, const char *locale, size_t name_max, const char *const *holds, struct arena *arena,
	struct json *ret, struct err *err)
{
	struct model m = { .w = jm_init(arena), .locale = locale, .name_max = name_max };
	struct json first = { 0 };
	int r = check_input(input, err);

	if (r < 0)
		return r;
	jm_object(&m.w, NULL);
	put_creditor(&m, input->creditor);
	put_sender(&m, input->sender, input->creditor);
	put_party(&m, "debtor", input->debtor_name);
	put_party(&m, "contact", input->contact_name);
	jm_array(&m.w, "invoices");
	for (size_t i = 0; i < input->invoice_count; i++) {
		put_invoice(&m, &input->invoices[i], i == 0, i + 1 == input->invoice_count);
		if (i == 0)
			first = jm_last(&m.w);
	}
	jm_end(&m.w);
	jm_same(&m.w, "invoice", &first);
	jm_bool(&m.w, "one", input->invoice_count == 1);
	jm_bool(&m.w, "many", input->invoice_count > 1);
	jm_int(&m.w, "count", (int64_t)input->invoice_count);
	put_plural(&m, "count_plural", (int64_t)input->invoice_count);
	put_money(&m, "balance", input->balance);
	put_date(&m, "today", input->today);
	put_date(&m, "deadline", input->deadline);
	put_url(&m, "payment_url", common_url(input));
	if (input->invoice_count == 1)
		put_url(&m, "page_url", input->invoices[0].page_url);
	jm_opt_str(&m.w, "attempt_id", input->attempt_id);
	jm_bool(&m.w, "consumer", input->consumer);
	jm_bool(&m.w, "holds_work", input->holds_work);
	jm_bool(&m.w, "nothing_open", input->nothing_open);
	jm_opt_str(&m.w, "terms", common_terms(input));
	jm_opt_str(&m.w, "contract", common_contract(input));
	put_terms(&m, input);
	put_notes(&m, input);
	put_offers(&m, input);
	put_late(&m, input);
	put_talk(&m, input->talk);
	put_holds(&m, input, holds);
	jm_end(&m.w);
	buf_clear(&m.text);
	if (m.r < 0)
		return err_set(err, m.r, "bad_locale", "", "amounts and dates cannot be written in locale \"%s\"", locale);
	*ret = jm_last(&m.w);
	return 0;
}

/* --- samples ------------------------------------------------------------------------------------------------------- */

/* In the law's own currency where there is one, or in another; on a day of which its rate is known, or in a time of which nothing is. */
void notice_sample(unsigned variant, const char *locale, const struct regime *late, struct arena *arena, struct notice_input *ret)
{
	static const struct creditor full = { "Example SARL", "SIREN 000 000 000", "1 rue de l'Exemple, 75001 Paris",
		"FR76 0000 0000 0000", "fr-FR", "Europe/Paris", "accounts@example.com", "+33100000000", "https://example.com", NULL };
	static const struct creditor bare = { .name = "Example", .locale = "en-GB", .zone = "UTC" };
	static const struct sender desk = { "default", "Accounts, Example", "accounts@example.com", "reply@example.com",
		"+33100000000" };
	static const struct sender lone = { .profile = "default", .name = "Accounts", .email = "accounts@example.com" };
	static const struct notice_talk said = { CALL_PROMISE, { 20559 }, { 20573 }, "We spoke with Mme Roy.", 0, 0, { 0 }, { 0 }, { 20559 }, false };
	static const struct notice_talk agreed = { CALL_NONE, { 0 }, { 20573 }, NULL, 2, 3, { 20573 }, { 40000, "EUR" }, { 20559 }, false };
	static const struct notice_part_due parts[] = { { { 20573 }, { 60000, "EUR" } }, { { 20603 }, { 60000, "EUR" } } };
	static const struct notice_offer offers[] = { { "discount", { 20573 }, false, { 108000, "EUR" }, NULL, 0 },
		{ "two-parts", { 20573 }, true, { 0 }, parts, 2 } };
	bool rich = variant & 1, many = variant & 2, early = variant & 4;
	const char *currency = rich && late && late->currency ? late->currency : "EUR";
	struct notice_invoice *invoices = arena_alloc(arena, 2 * sizeof(*invoices));

	for (size_t i = 0; i < 2; i++) {
		invoices[i] = (struct notice_invoice){ .number = i ? "F-2026-0043" : "F-2026-0042",
			.payment_url = rich ? "https://pay.example.com/x" : NULL,
			.pdf_url = rich ? "https://billing.example.com/x.pdf" : NULL,
			.page_url = rich ? "https://billing.example.com/p/x" : NULL,
			.issued_on = rich ? date_of(2026, 3, 2) : date_none(),
			.due_on = date_of(2026, 4, 1),
			.total.minor = i ? 20000 : 120000,
			.balance.minor = i ? 20000 : 120000,
			.terms = rich ? "CGV-7" : NULL,
			.contract = rich ? "C-17" : NULL,
			.terms_url = rich ? "https://example.com/terms" : NULL,
			.terms_agreed_on = rich ? date_of(2026, 1, 15) : date_none(),
			.purchase_order = rich ? "PO-9" : NULL,
			.delivery_proof = rich ? "LS-17" : NULL,
			.note = rich && i == 0 ? "Thank you for the tour of the workshop." : NULL,
			.days_past_due = early ? -7 : 15 };
		memcpy(invoices[i].total.currency, currency, sizeof(invoices[i].total.currency));
		memcpy(invoices[i].balance.currency, currency, sizeof(invoices[i].balance.currency));
	}
	*ret = (struct notice_input){ .locale = locale,
		.fallback_locale = locale,
		.creditor = rich ? &full : &bare,
		.sender = rich ? &desk : &lone,
		.debtor_name = rich ? "Dupont SARL" : NULL,
		.contact_name = rich ? "Mme Roy" : NULL,
		.invoices = invoices,
		.invoice_count = many ? 2 : 1,
		.balance.minor = many ? 140000 : 120000,
		.today = rich ? date_of(2026, 4, 16) : date_of(2099, 4, 16),
		.deadline = rich ? date_of(2026, 4, 30) : date_none(),
		.attempt_id = rich ? "01JX9000000000000000000000" : NULL,
		.talk = !rich ? NULL : many ? &said : &agreed,
		.late = late,
		.country = rich && late ? late->country : NULL,
		.consumer = !rich,
		.offers = offers,
		.offer_count = rich ? (many ? 2 : 1) : 0,
		.holds_work = rich,
		.nothing_open = rich };
	memcpy(ret->balance.currency, currency, sizeof(ret->balance.currency));
}
