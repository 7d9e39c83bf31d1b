/* What a debtor and a creditor say to each other: calls and their outcomes, instalments, settlements. */
#include <errno.h>
#include <string.h>

#include "common/event.h"
#include "common/utc.h"

const char *const call_outcome_names[CALL_OUTCOME_COUNT + 1] = { "none", "voicemail", "unreachable", "wrong_contact",
	"invoice_not_received", "waiting_approval", "in_payment", "paid", "promise", "dispute", "refuses", "insolvent", "call_back_at",
	NULL };

bool call_reached(enum call_outcome outcome)
{
	return outcome >= CALL_INVOICE_NOT_RECEIVED && outcome <= CALL_REFUSES;
}

static int get_outcome(const struct json *data, struct event *e, struct err *err)
{
	const char *text = NULL;
	int outcome = CALL_NONE, r;

	if ((r = json_get_word(data, "outcome", call_outcome_names, &outcome, err)) < 0 ||
		(r = json_opt_str(data, "notes", CALL_NOTES_MAX, &e->notes, err)) < 0 ||
		(r = json_opt_str(data, "tell", CALL_TELL_MAX, &e->tell, err)) < 0 ||
		(r = json_opt_int(data, "minutes", 1, 600, &e->minutes, err)) < 0 || (r = json_opt_str(data, "back_at", 40, &text, err)) < 0 || (r = json_opt_id(data, "contact_id", &e->contact_id, err)) < 0)
		return r;
	e->outcome = (enum call_outcome)outcome;
	if (outcome == CALL_NONE)
		return json_refuse(data, "outcome", err, "not_one_of", "must say what came of the call, such as \"promise\"");
	if (text && utc_parse(text, &e->back_at) < 0)
		return json_refuse(data, "back_at", err, "bad_time", "must be an RFC 3339 instant like 2026-03-02T09:00:00Z");
	if (outcome == CALL_PROMISE && !date_is_set(e->until_on))
		return json_refuse(data, "until_on", err, "missing", "must be there with the outcome promise: the day that was promised");
	if (outcome == CALL_BACK_AT && !e->back_at)
		return json_refuse(data, "back_at", err, "missing", "must be there with the outcome call_back_at: when to call again");
	if (e->reason && !id_valid(e->reason))
		return json_refuse(data, "reason", err, "bad_id", "must be a code such as \"quality\"; words belong into notes");
	return 0;
}

/* The amounts are the plan's own; that they add up to what is owed is the rules' to see, who know it: plan_differs(). */
static int get_instalments(struct arena *arena, const struct json *data, struct event *e, struct err *err)
{
	struct json list = { 0 };
	struct instalment *items;
	int r = json_opt_array(data, "instalments", &list, err);

	if (r < 0 || list.type == JSON_NONE)
		return r;
	if (!json_len(&list) || json_len(&list) > INSTALMENTS_MAX)
		return json_refuse(data, "instalments", err, "bad_list", "must have 1 to %d instalments", INSTALMENTS_MAX);
	items = arena_alloc(arena, json_len(&list) * sizeof(*items));
	for (size_t i = 0; i < json_len(&list); i++) {
		struct json one = json_at(&list, i);
		const char *text = NULL;

		if (one.type != JSON_OBJECT)
			return json_refuse(&list, NULL, err, "wrong_type", "must be an array of objects with due_on and amount_minor");
		if ((r = json_get_str(&one, "due_on", 10, &text, err)) < 0 ||
			(r = json_get_int(&one, "amount_minor", 1, AGREED_AMOUNT_MAX, &items[i].amount, err)) < 0)
			return r;
		if (date_parse(text, &items[i].due_on) < 0)
			return json_refuse(&one, "due_on", err, "bad_date", "must be a date like 2026-03-02");
		if (i && date_diff(items[i].due_on, items[i - 1].due_on) <= 0)
			return json_refuse(&one, "due_on", err, "bad_order", "must lie behind the day of the instalment before it");
	}
	e->instalments = items;
	e->instalment_count = json_len(&list);
	return 0;
}

static int get_settlement(const struct json *data, struct event *e, struct err *err)
{
	static const char *const methods[] = { "payment", "other", NULL };
	int method = 0, r = json_opt_word(data, "method", methods, &method, err);

	if (r < 0)
		return r;
	e->in_kind = method == 1;
	e->settles = json_has(data, "amount_minor");
	return json_opt_str(data, "accepted_by", 100, &e->accepted_by, err);
}

/* What is kept with the case: no more than its document can be read back with. */
static int check_handover(const struct json *data, struct err *err)
{
	const char *procedure = NULL, *bundle = NULL;
	int r;

	if ((r = json_opt_str(data, "procedure", HANDOVER_PROCEDURE_MAX, &procedure, err)) < 0 ||
		(r = json_opt_str(data, "bundle_sha256", HANDOVER_BUNDLE_SIZE, &bundle, err)) < 0)
		return r;
	if (bundle && strspn(bundle, "0123456789abcdefABCDEF") != HANDOVER_BUNDLE_SIZE)
		return json_refuse(data, "bundle_sha256", err, "bad_digest", "must be %d hex digits: the SHA-256 of the bundle's manifest",
			HANDOVER_BUNDLE_SIZE);
	return 0;
}

int event_agreed(struct arena *arena, const struct json *data, struct event *e, struct err *err)
{
	int r;

	switch (e->type) {
	case EVENT_CALL_COMPLETED:
		return json_has(data, "outcome") ? get_outcome(data, e, err) : 0;
	case EVENT_OPERATOR_COMMAND:
		if (e->command && strcmp(e->command, "offer_accept") == 0)
			return json_get_id(data, "offer", &e->offer, err);
		if (e->command && strcmp(e->command, "handover") == 0)
			return check_handover(data, err);
		return e->command && strcmp(e->command, "call_log") == 0 ? get_outcome(data, e, err) : 0;
	case EVENT_PAYMENT_PLAN_AGREED:
		if ((r = json_opt_id(data, "offer", &e->offer, err)) < 0)
			return r;
		return get_instalments(arena, data, e, err);
	case EVENT_PAYMENT_PLAN_AMENDED:
		return get_instalments(arena, data, e, err);
	case EVENT_SETTLEMENT_AGREED:
		if ((r = json_opt_id(data, "offer", &e->offer, err)) < 0)
			return r;
		return get_settlement(data, e, err);
	default:
		return 0;
	}
}
