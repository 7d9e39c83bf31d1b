/* What a message commits us to once it goes out: the offers that it makes, the late fee that it states. Kept with each invoice until then. */
#include <string.h>

#include "common/contact.h"
#include "common/locale.h"

/* Not the end of a larger amount: "40,00" in "140,00", "400,00" in "2 400,00". What begins with its currency is whole. */
static bool whole(const char *text, const char *at)
{
	static const char *const groups[] = { " ", "\xc2\xa0", "\xe2\x80\xaf", ".", ",", "'", "\xe2\x80\x99" }, digits[] = "0123456789";

	if (at == text || !strspn(at, digits))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(groups) && strspn(at, digits) == 3; i++) {
		size_t len = strlen(groups[i]);

		if ((size_t)(at - text) > len && memcmp(at - len, groups[i], len) == 0 && strchr(digits, at[-(ptrdiff_t)len - 1]))
			return false;
	}
	return !strchr(digits, at[-1]);
}

static bool states(const struct notice *notice, struct money money)
{
	CLEANUP(buf_clear) struct buf text = { 0 };

	if (!notice->text || locale_money(notice->format, money, &text) < 0)
		return false;
	for (const char *at = notice->text; (at = strstr(at, buf_str(&text))) != NULL; at++)
		if (whole(notice->text, at))
			return true;
	return false;
}

/*
 * Only where the law gives the debtor's kind a sum, in a currency that is known, and the notice names it: each, or all together. What
 * a text of the user's leaves out is not asked for.
 */
static void keep_fees(const struct contact_env *env, const struct debtor *debtor, const struct contact_plan *plan, const struct notice *notice,
	date today, const char *attempt, struct effects *fx)
{
	const struct regime *regime = env->interest && plan->policy->regime ? interest_regime(env->interest, plan->policy->regime) : NULL;
	bool consumer = guard_debtor(customer_kind_names[debtor->customer.kind]) == DEBTOR_CONSUMER, stated = false;
	struct money total = { 0 }, each = { 0 };
	size_t len = regime ? strlen(regime->name) : 0;

	if (!plan->step->fees || !regime || !regime->currency || (consumer && (len < 4 || strcmp(regime->name + len - 4, "-B2C") != 0)))
		return;
	memcpy(total.currency, regime->currency, strlen(regime->currency) + 1);
	each = total;
	for (size_t i = 0; i < plan->member_count; i++) {
		const struct invoice *invoice = &plan->members[i]->invoice;
		struct money balance = { .minor = invoice_view(invoice).balance };

		memcpy(balance.currency, invoice->snapshot.currency, 4);
		if (date_diff(today, invoice->snapshot.due_on) <= 0 || plan->members[i]->late_fee.waived_at)
			continue;
		if (!regime_sum(regime, balance, &each.minor) || !money_add(total.minor, each.minor, &total.minor))
			return;
		stated = stated || states(notice, each);
	}
	if (!stated && !states(notice, total))
		return;
	for (size_t i = 0; i < plan->member_count; i++) {
		struct escalation *e = plan->members[i];
		struct money balance = { .minor = invoice_view(&e->invoice).balance };

		memcpy(balance.currency, e->invoice.snapshot.currency, 4);
		if (date_diff(today, e->invoice.snapshot.due_on) > 0 && regime_sum(regime, balance, &each.minor))
			late_fee_written(e, regime, each.minor, plan->steps[i]->id, attempt, fx);
	}
}

void contact_written(const struct contact_env *env, const struct debtor *debtor, const struct contact_plan *plan, const struct notice *notice,
	const char *attempt, struct effects *fx)
{
	struct business_time when = schedule_window(plan->policy, debtor, env->config->creditor.zone, env->holidays);
	date today = business_date(&when, env->now);

	if (plan->beside)
		return;
	for (size_t i = 0; i < plan->member_count && plan->step->offer_count; i++)
		offers_written(plan->members[i], plan->step, contact_offers(plan, &when, today, fx->arena), &when, today, attempt, fx);
	for (size_t i = 0; i < plan->member_count && plan->step->kind == STEP_MESSAGE; i++)
		note_written(plan->members[i], notice->text, attempt, plan->channel, env->now);
	keep_fees(env, debtor, plan, notice, today, attempt, fx);
}
