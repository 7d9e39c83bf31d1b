/* What a step announces or offers, and what must be there before it goes out. */
#include <string.h>

#include "common/policy_internal.h"

#define NAME_MAX_LEN 64
#define WITHIN_MORE 14 /* days behind the last day to pay by, when a policy says nothing: for the post, and to decide */
#define EVERY_DAYS 30
#define EVERY_DAYS_MIN 7
#define PERCENT_MAX 90
#define OFFERED_PARTS_MAX 12

const char *const need_names[NEED_COUNT + 1] = { "approval", "notice", "delivered", "document", "contract", NULL };

static const char *const announces_members[] = { "step", "within", "withdraw", NULL };

/* A month of business days has some weekends in it. */
static int32_t last_day(const struct step *step)
{
	return step->deadline_business ? step->deadline_days + step->deadline_days / 5 * 2 + 4 : step->deadline_days;
}

static int read_announces(const struct json *object, struct step *step, struct err *err)
{
	struct json member = { 0 };
	struct announces *a = &step->announces;
	const char *name = NULL;
	int r;

	*a = (struct announces){ .step = -1, .withdraw = ANNOUNCES_WITHDRAWAL };
	if ((r = json_opt_object(object, "announces", &member, err)) < 0 || member.type == JSON_NONE)
		return r;
	if ((r = json_only(&member, announces_members, err)) < 0 || (r = json_get_str(&member, "step", NAME_MAX_LEN, &name, err)) < 0 ||
		(r = policy_calendar_days(&member, "within", &a->within_days, err)) < 0 ||
		(r = json_opt_str(&member, "withdraw", NAME_MAX_LEN, &a->withdraw, err)) < 0)
		return r;
	a->on = a->named = true;
	if (a->within_days && step->kind == STEP_MESSAGE && a->within_days <= last_day(step))
		return json_refuse(&member, "within", err, "out_of_range",
			"must be more than the step's own deadline, %d days: nobody carries out or takes back what the debtor has still time for",
			last_day(step));
	return 0;
}

static int read_needs(const struct policy *policy, const struct json *object, struct step *step, struct err *err)
{
	struct json list = { 0 };
	int r = json_opt_array(object, "requires", &list, err);

	for (size_t i = 0; r == 0 && i < json_len(&list); i++) {
		struct json one = json_at(&list, i);
		const char *word = json_str(&one);
		int need = 0, earlier = word ? policy_step_index(policy, word) : -1;

		while (word && need < NEED_COUNT && strcmp(need_names[need], word) != 0)
			need++;
		if (word && need < NEED_COUNT)
			step->needs.facts |= 1u << need;
		else if (earlier >= 0)
			step->needs.steps |= UINT32_C(1) << earlier;
		else
			return json_refuse(&one, NULL, err, "bad_item",
				"must be approval, notice, delivered, document, contract, or the id of an earlier step");
	}
	return r;
}

static int read_offer(const struct json *object, struct offer *offer, struct err *err)
{
	static const char *const members[] = { "code", "percent", "instalments", "every", "within", "approved_by", NULL };
	int64_t percent = 0, instalments = 0;
	int r;

	if (object->type != JSON_OBJECT)
		return json_refuse(object, NULL, err, "wrong_type", "must be an object such as {\"code\": \"less\", \"percent\": 10, \"within\": \"14d\", "
			"\"approved_by\": \"...\"}");
	*offer = (struct offer){ .every_days = EVERY_DAYS };
	if ((r = json_only(object, members, err)) < 0 || (r = json_get_id(object, "code", &offer->code, err)) < 0 ||
		(r = json_opt_int(object, "percent", 1, PERCENT_MAX, &percent, err)) < 0 ||
		(r = json_opt_int(object, "instalments", 2, OFFERED_PARTS_MAX, &instalments, err)) < 0 ||
		(r = policy_calendar_days(object, "every", &offer->every_days, err)) < 0 ||
		(r = policy_calendar_days(object, "within", &offer->within_days, err)) < 0 ||
		(r = json_opt_str(object, "approved_by", 100, &offer->approved_by, err)) < 0)
		return r;
	if (!percent == !instalments)
		return json_refuse(object, NULL, err, "bad_offer", "must say percent (less) or instalments, one of them");
	if (!offer->within_days)
		return json_refuse(object, "within", err, "missing", "must be there: an offer ends on a day, such as \"14d\" after the message");
	if (offer->every_days < EVERY_DAYS_MIN)
		return json_refuse(object, "every", err, "out_of_range", "must be at least %d days", EVERY_DAYS_MIN);
	if (offer->approved_by && !offer->approved_by[0])
		return json_refuse(object, "approved_by", err, "missing", "must name who approved it");
	offer->percent = (int32_t)percent;
	offer->instalments = (int32_t)instalments;
	return 0;
}

/* A code means one thing in the whole policy. */
static bool code_taken(const struct policy *policy, const struct offer *offers, size_t count, const char *code)
{
	for (size_t k = 0; k < count; k++)
		if (strcmp(offers[k].code, code) == 0)
			return true;
	for (size_t i = 0; i < policy->step_count; i++)
		for (size_t k = 0; k < policy->steps[i].offer_count; k++)
			if (strcmp(policy->steps[i].offers[k].code, code) == 0)
				return true;
	return false;
}

static int read_offers(struct policy *policy, const struct json *object, struct step *step, struct err *err)
{
	struct json list = { 0 };
	struct offer *offers;
	int r = json_opt_array(object, "offers", &list, err);

	if (r < 0 || list.type == JSON_NONE)
		return r;
	if (!json_len(&list) || json_len(&list) > OFFERS_MAX)
		return json_refuse(object, "offers", err, "bad_list", "must have 1 to %d offers", OFFERS_MAX);
	offers = arena_alloc(policy->arena, json_len(&list) * sizeof(*offers));
	for (size_t i = 0; i < json_len(&list); i++) {
		struct json one = json_at(&list, i);

		if ((r = read_offer(&one, &offers[i], err)) < 0)
			return r;
		if (!offers[i].approved_by && !(step->needs.facts >> NEED_APPROVAL & 1))
			return json_refuse(&one, "approved_by", err, "missing",
				"must name who approved it, or the step must require approval: then whoever decides at the gate before it does");
		if (code_taken(policy, offers, i, offers[i].code))
			return json_refuse(&one, "code", err, "duplicate_id", "\"%s\" is taken: every offer has its own code", offers[i].code);
	}
	step->offers = offers;
	step->offer_count = json_len(&list);
	step->needs.offers = true;
	return 0;
}

static int read_hold_after(const struct json *object, struct step *step, struct err *err)
{
	int r = policy_calendar_days(object, "hold_after", &step->hold_after_days, err);

	for (const char *const *effect = step->effects; *effect && r == 0; effect++)
		if (strcmp(*effect, "work.hold_requested") == 0)
			return 0;
	if (r == 0 && step->hold_after_days)
		return json_refuse(object, "hold_after", err, "bad_hold_after", "must stand beside effects with work.hold_requested, which it puts off");
	return r;
}

int policy_legal_step(struct policy *policy, const struct json *object, struct step *step, struct err *err)
{
	int r = read_announces(object, step, err);

	if (r == 0)
		r = read_hold_after(object, step, err);

	if (r == 0)
		r = read_needs(policy, object, step, err);
	return r < 0 ? r : read_offers(policy, object, step, err);
}

/* The next gate behind the step; -1: there is none. */
static int next_gate(const struct policy *policy, size_t step)
{
	for (size_t i = step + 1; i < policy->step_count; i++)
		if (policy->steps[i].kind == STEP_GATE)
			return (int)i;
	return -1;
}

int policy_legal_all(struct policy *policy, const struct json *steps, struct err *err)
{
	for (size_t i = 0; i < policy->step_count; i++) {
		struct step *step = &policy->steps[i];
		struct announces *a = &step->announces;
		struct json item = json_at(steps, i), member = json_get(&item, "announces"), name = json_get(&member, "step");

		if (a->named) {
			a->step = policy_step_index(policy, json_str(&name));
			if (a->step <= (int)i || policy->steps[a->step].kind != STEP_GATE)
				return json_refuse(&member, "step", err, "unknown_step",
					"\"%s\" must be a later step of this policy that is a gate or a handover: there it is carried out or taken back",
					json_str(&name));
		} else if (step->kind != STEP_GATE && step->tone == TONE_LEGAL) {
			a->on = true;
			a->step = next_gate(policy, i);
		}
		if (a->on && !a->within_days)
			a->within_days = (step->kind == STEP_MESSAGE ? last_day(step) : 0) + WITHIN_MORE;
	}
	return 0;
}
