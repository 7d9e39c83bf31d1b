/* The sum that a law gives for late payment, on an account of its own: it never moves the invoice's balance, and outlives its payment. */
#include <string.h>

#include "common/escalation_internal.h"

void late_fee_written(struct escalation *e, const struct regime *regime, int64_t amount, const char *step, const char *attempt, struct effects *fx)
{
	struct late_fee *fee = &e->late_fee;

	if (fee->at || fee->waived_at || amount <= 0)
		return; /* once for each invoice, and never again once it was waived */
	*fee = (struct late_fee){ .amount = amount, .principal = invoice_view(&e->invoice).balance, .regime = arena_strdup(fx->arena, regime->name),
		.ground = regime->source ? arena_strdup(fx->arena, regime->source) : NULL, .step = step, .attempt = attempt };
	memcpy(fee->currency, regime->currency, strlen(regime->currency) + 1);
}

static void tell(struct escalation *e, const char *kind, struct effects *fx)
{
	const struct late_fee *fee = &e->late_fee;

	for (int i = 0; i < 2; i++) {
		struct draft *draft = i ? effects_event(fx, kind, e->invoice.debtor_id, e->invoice.id) : effects_record(fx, kind, e->invoice.debtor_id);

		if (!i)
			jw_str(&draft->w, "invoice", e->invoice.id);
		jw_opt_int(&draft->w, "fee_minor", fee->amount);
		if (fee->amount)
			jw_str(&draft->w, "currency", fee->currency);
		jw_opt_int(&draft->w, "principal_minor", fee->principal);
		jw_opt_str(&draft->w, "regime", fee->regime);
		jw_opt_str(&draft->w, "law", fee->ground);
		jw_opt_str(&draft->w, "step", fee->step);
		jw_opt_str(&draft->w, "attempt", fee->attempt);
		jw_opt_str(&draft->w, "why", i ? NULL : fee->why);
	}
}

void late_fee_sent(struct escalation *e, const char *attempt, struct effects *fx)
{
	struct late_fee *fee = &e->late_fee;

	if (fee->at || fee->waived_at || !fee->attempt || !attempt || strcmp(fee->attempt, attempt) != 0 || e->state == ESCALATION_CLOSED)
		return;
	fee->at = fx->now;
	tell(e, "fee.accrued", fx);
}

void late_fee_undelivered(struct escalation *e, const char *attempt, struct effects *fx)
{
	struct late_fee *fee = &e->late_fee;

	if (fee->waived_at || !fee->attempt || strcmp(fee->attempt, attempt) != 0)
		return;
	fee->why = "undelivered";
	if (fee->at) /* whoever was told that it is owed must hear that it is not */
		tell(e, "fee.waived", fx);
	*fee = (struct late_fee){ 0 };
}

bool late_fee_waive(struct escalation *e, const char *by, const char *why, int64_t at, struct effects *fx)
{
	struct late_fee *fee = &e->late_fee;

	if (fee->waived_at)
		return false;
	if (!fee->at)
		*fee = (struct late_fee){ 0 }; /* what was never stated is not owed: and will not be */
	fee->waived_at = at;
	fee->by = by;
	fee->why = why;
	tell(e, "fee.waived", fx);
	return true;
}

void late_fee_write(struct json_writer *w, const struct escalation *e)
{
	const struct late_fee *fee = &e->late_fee;

	if (!fee->amount && !fee->waived_at)
		return;
	jw_object(w, "late_fee");
	jw_opt_int(w, "amount", fee->amount);
	jw_opt_str(w, "currency", fee->currency);
	jw_opt_int(w, "principal", fee->principal);
	jw_opt_str(w, "regime", fee->regime);
	jw_opt_str(w, "ground", fee->ground);
	jw_opt_str(w, "step", fee->step);
	jw_opt_str(w, "attempt", fee->attempt);
	jw_opt_int(w, "at", fee->at);
	jw_opt_int(w, "waived_at", fee->waived_at);
	jw_opt_str(w, "by", fee->by);
	jw_opt_str(w, "why", fee->why);
	jw_end_object(w);
}

int late_fee_read(const struct json *json, struct escalation *ret, struct err *err)
{
	struct late_fee *fee = &ret->late_fee;
	const char *currency = NULL;
	struct json one = { 0 };
	int r = json_opt_object(json, "late_fee", &one, err);

	if (r < 0 || one.type == JSON_NONE)
		return r;
	if ((r = json_opt_int(&one, "amount", 0, MONEY_MAX, &fee->amount, err)) < 0 || (r = json_opt_str(&one, "currency", 3, &currency, err)) < 0 ||
		(r = json_opt_int(&one, "principal", 0, MONEY_MAX, &fee->principal, err)) < 0 ||
		(r = json_opt_str(&one, "regime", 128, &fee->regime, err)) < 0 || (r = json_opt_str(&one, "ground", 2400, &fee->ground, err)) < 0 ||
		(r = json_opt_str(&one, "step", 128, &fee->step, err)) < 0 || (r = json_opt_str(&one, "attempt", 400, &fee->attempt, err)) < 0 ||
		(r = json_opt_int(&one, "at", INT64_MIN, INT64_MAX, &fee->at, err)) < 0 ||
		(r = json_opt_int(&one, "waived_at", INT64_MIN, INT64_MAX, &fee->waived_at, err)) < 0 ||
		(r = json_opt_str(&one, "by", 400, &fee->by, err)) < 0)
		return r;
	if (currency)
		memcpy(fee->currency, currency, strlen(currency) + 1);
	return json_opt_str(&one, "why", 4000, &fee->why, err);
}
