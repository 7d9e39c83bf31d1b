/*
 * The data sheet of a claim: all that the official form of a procedure asks for, in its order, as far as it is known here. It is no form: a
 * person fills that in, and signs it. What is not known is named, so that it is not forgotten.
 */
#include <string.h>

#include "common/locale.h"
#include "common/utc.h"
#include "tools/law.h"

struct sheet {
	struct ctl *ctl;
	const struct law *law;
	const struct entry *entry;
	const struct procedure *procedure;
	const struct regime *regime; /* NULL = the policy names none */
	const struct interest *interest; /* until today; NULL: no_interest says why */
	const char *no_interest;
	int64_t daily; /* of today, minor units */
	struct buf *out;
};

#define BY_HAND "(by hand) "

static const char *or_hand(const struct sheet *s, const char *value, const char *what)
{
	return value ? value : arena_printf(s->ctl->arena, BY_HAND "%s", what);
}

static const char *money_text(const struct sheet *s, int64_t minor, const char *currency)
{
	struct money money = { .minor = minor };
	struct buf *text = arena_alloc(s->ctl->arena, sizeof(*text));

	text->arena = s->ctl->arena;
	(void)snprintf(money.currency, sizeof(money.currency), "%s", currency);
	return locale_money("en", money, text) < 0 ? arena_printf(s->ctl->arena, "%lld %s", (long long)minor, currency) : buf_str(text);
}

static const char *day_text(const struct sheet *s, date day)
{
	char text[DATE_TEXT_SIZE];

	return date_is_set(day) ? arena_strdup(s->ctl->arena, date_format(day, text)) : "(date not told)";
}

static const char *of_claimant(const struct sheet *s, const char *ask)
{
	const struct config *c = s->ctl->config;
	const char *line = postal_line(&c->creditor_postal, s->ctl->arena);

	if (strcmp(ask, "claimant") == 0)
		return c->creditor.name;
	if (strcmp(ask, "claimant_address") == 0)
		return or_hand(s, line ? line : c->creditor.address, "the seat of the claimant");
	if (strcmp(ask, "claimant_register") == 0)
		return or_hand(s, c->creditor.legal_id, "number in the register, and legal form");
	if (strcmp(ask, "claimant_bank") == 0)
		return or_hand(s, c->creditor.bank, "account for the payment");
	return arena_printf(s->ctl->arena, "%s, %s", or_hand(s, c->creditor.email, "email"), or_hand(s, c->creditor.phone, "telephone"));
}

static const char *of_debtor(const struct sheet *s, const char *ask)
{
	const struct debtor *d = s->entry->d;
	const struct contact *contact = d && d->customer.contact_count ? &d->customer.contacts[0] : NULL;

	if (strcmp(ask, "debtor") == 0)
		return or_hand(s, d ? d->customer.name : NULL, "name of the debtor, as the register has it");
	if (strcmp(ask, "debtor_address") == 0)
		return or_hand(s, d ? postal_line(&d->customer.postal, s->ctl->arena) : NULL, "the debtor's seat or home");
	if (strcmp(ask, "debtor_kind") == 0)
		return or_hand(s, d ? customer_kind_names[d->customer.kind] : NULL, "company, sole trader or consumer; legal form; who represents it");
	if (strcmp(ask, "debtor_register") == 0)
		return BY_HAND "the debtor's number in the register";
	return arena_printf(s->ctl->arena, "%s, %s, %s", or_hand(s, contact ? contact->name : NULL, "contact"),
		or_hand(s, contact ? contact->email : NULL, "email"), or_hand(s, contact ? contact->phone : NULL, "telephone"));
}

static const char *of_ground(const struct sheet *s, const char *ask)
{
	const struct invoice *invoice = &s->entry->e.invoice;
	const struct snapshot *i = &invoice->snapshot;
	struct invoice_view view = invoice_view(invoice);
	struct arena *arena = s->ctl->arena;
	const char *number = i->number ? i->number : invoice->id;

	if (strcmp(ask, "basis") == 0)
		return arena_printf(arena, "goods or services of invoice %s, due on %s%s%s%s%s; " BY_HAND "what was delivered, and when", number,
			day_text(s, i->due_on), i->contract ? "; contract " : "", i->contract ? i->contract : "", i->late_fee_ref ? "; terms " : "",
			i->late_fee_ref ? i->late_fee_ref : "");
	return arena_printf(arena, "%s of %s, due on %s: %s, of which %s paid and %s credited, open %s", number, day_text(s, i->issued_on),
		day_text(s, i->due_on), money_text(s, i->total, i->currency), money_text(s, view.paid, i->currency), money_text(s, view.credited, i->currency),
		money_text(s, view.balance, i->currency));
}

/* The lines that a court can check it by. */
static const char *interest_text(const struct sheet *s)
{
	const char *currency = s->entry->e.invoice.snapshot.currency, *ret;
	struct arena *arena = s->ctl->arena;

	if (!s->interest)
		return arena_printf(arena, BY_HAND "none is counted here: %s", s->no_interest);
	ret = arena_printf(arena, "%s until today, by %s (%s)", money_text(s, s->interest->accrued, currency), s->regime->name,
		s->regime->source ? s->regime->source : "no source");
	for (size_t i = 0; i < s->interest->segment_count; i++) {
		const struct interest_segment *one = &s->interest->segments[i];

		ret = arena_printf(arena, "%s\n   %s to %s: %d days at %lld.%02lld %%", ret, day_text(s, one->first), day_text(s, one->last), one->days,
			(long long)(one->rate / 100), (long long)(one->rate % 100));
	}
	return s->interest->stopped ? arena_printf(arena, "%s\n   " BY_HAND "a later reference rate is not known here", ret) : ret;
}

static const char *of_sums(const struct sheet *s, const char *ask)
{
	const struct escalation *e = &s->entry->e;
	const char *currency = e->invoice.snapshot.currency;
	int64_t balance = invoice_view(&e->invoice).balance, fee = procedure_fee(s->procedure, balance), total = balance;
	bool same_fee = e->late_fee.at && !e->late_fee.waived_at && strcmp(e->late_fee.currency, currency) == 0;
	bool counts = s->procedure->currency && strcmp(s->procedure->currency, currency) == 0;

	if (strcmp(ask, "principal") == 0 || strcmp(ask, "value") == 0)
		return money_text(s, balance, currency);
	if (strcmp(ask, "interest") == 0)
		return interest_text(s);
	if (strcmp(ask, "daily_interest") == 0)
		return s->interest && !s->interest->stopped ? arena_printf(s->ctl->arena, "about %s", money_text(s, s->daily, currency)) :
							    BY_HAND "interest of a day";
	if (strcmp(ask, "fixed_sum") == 0)
		return e->late_fee.waived_at ? "none: it was waived" : !e->late_fee.at ? "none was stated in a notice yet" :
			arena_printf(s->ctl->arena, "%s (%s)", money_text(s, e->late_fee.amount, e->late_fee.currency),
				e->late_fee.ground ? e->late_fee.ground : e->late_fee.regime);
	if (strcmp(ask, "reminder_costs") == 0)
		return "none is asked for";
	if (strcmp(ask, "court_fee") == 0)
		return fee >= 0 && counts ? arena_printf(s->ctl->arena, "%s; check it", money_text(s, fee, currency)) : BY_HAND "the court's fee";
	total += s->interest ? s->interest->accrued : 0;
	total += same_fee ? e->late_fee.amount : 0;
	return arena_printf(s->ctl->arena, "%s: what is open, interest and fixed sum, without the court's fee, less %s paid towards late fees",
		money_text(s, total > late_account_of(e).paid ? total - late_account_of(e).paid : 0, currency),
		money_text(s, late_account_of(e).paid, currency));
}

static const char *evidence_text(const struct sheet *s)
{
	const struct escalation *e = &s->entry->e;
	const char *ret = "this bundle: report, records with their proofs, documents";

	for (size_t i = 0; i < e->walk_count; i++)
		if (e->walk[i].end == STEP_SENT || e->walk[i].end == STEP_DONE)
			ret = arena_printf(s->ctl->arena, "%s\n   %s: %s", ret, day_text(s, zone_date(s->entry->zone, e->walk[i].at)),
				e->walk[i].said ? e->walk[i].said : e->walk[i].step);
	return ret;
}

static const char *answer_to(const struct sheet *s, const char *ask)
{
	struct invoice_view view = invoice_view(&s->entry->e.invoice);
	const char *country = s->entry->d ? s->entry->d->customer.country : NULL;

	if (strncmp(ask, "claimant", 8) == 0)
		return of_claimant(s, ask);
	if (strncmp(ask, "debtor", 6) == 0)
		return of_debtor(s, ask);
	if (strcmp(ask, "basis") == 0 || strcmp(ask, "invoice") == 0)
		return of_ground(s, ask);
	if (strcmp(ask, "court") == 0)
		return or_hand(s, s->procedure->court, "the court of the debtor's seat");
	if (strcmp(ask, "evidence") == 0)
		return evidence_text(s);
	if (strcmp(ask, "defence") == 0)
		return view.dispute ? arena_printf(s->ctl->arena, "a dispute is open: %s", view.dispute->reason ? view.dispute->reason : "no reason told") :
				      "none is known here";
	if (strcmp(ask, "cross_border") == 0)
		return arena_printf(s->ctl->arena, "claimant in %s, debtor in %s", or_hand(s, s->ctl->config->creditor_postal.country, "country"),
			or_hand(s, country, "country"));
	if (strcmp(ask, "jurisdiction") == 0)
		return BY_HAND "why that court: as a rule the debtor's seat, or the place of performance";
	if (strcmp(ask, "next_court") == 0)
		return BY_HAND "the court for the case that the debtor objects";
	if (strcmp(ask, "representative") == 0)
		return BY_HAND "who signs for the claimant, and as what";
	if (strcmp(ask, "signature") == 0)
		return BY_HAND "place, date, signature";
	return of_sums(s, ask);
}

/* In words for people: "claimant_address" is "Claimant address". */
static const char *label_of(const struct sheet *s, const char *ask)
{
	char *label = arena_strdup(s->ctl->arena, ask);

	label[0] = (char)(label[0] - 'a' + 'A');
	for (char *p = label; *p; p++)
		*p = *p == '_' ? ' ' : *p;
	return label;
}

static void count_interest(struct sheet *s, date today)
{
	struct interest *until = arena_alloc(s->ctl->arena, 2 * sizeof(*until));
	struct rules rules = entry_rules(s->ctl, s->entry);
	const char *why = NULL;

	s->no_interest = "its policy is not known";
	if (!rules.policy)
		return;
	s->regime = rules.policy->regime ? interest_regime(&s->law->interest, rules.policy->regime) : NULL;
	late_interest_until(&s->entry->e, s->entry->d, &rules, s->regime, today, s->ctl->arena, &until[0], &s->no_interest);
	if (s->no_interest)
		return;
	s->interest = &until[0];
	late_interest_until(&s->entry->e, s->entry->d, &rules, s->regime, date_add_days(today, 1), s->ctl->arena, &until[1], &why);
	s->daily = why ? 0 : until[1].accrued - until[0].accrued;
}

void claim_sheet(struct ctl *ctl, const struct law *law, const struct entry *entry, const struct procedure *procedure, struct buf *out)
{
	struct sheet s = { .ctl = ctl, .law = law, .entry = entry, .procedure = procedure, .out = out };
	const struct procedure_form *form = &procedure->form;
	date today = zone_date(entry->zone, ctl->now);

	count_interest(&s, today);
	buf_printf(out, "Data sheet for %s, of %s\n\nForm: %s%s%s\n%s%s%sSource: %s\n", procedure->id, day_text(&s, today), form->name,
		form->number ? ", " : "", form->number ? form->number : "", form->url ? "Where: " : "", form->url ? form->url : "", form->url ? "\n" : "",
		form->source);
	buf_add_str(out, "This is not the form. It says what the form asks for, in its order; a person fills it in, checks it and signs it.\n");
	for (size_t i = 0; i < form->ask_count; i++) {
		const char *ask = form_ask_names[form->asks[i]];

		buf_printf(out, "\n%zu. %s\n   %s\n", i + 1, label_of(&s, ask), answer_to(&s, ask));
	}
}
