/* What a policy does about promises, payment plans and payments. */
#include <string.h>

#include "common/policy_internal.h"

#define TEMPLATE_MAX 64
#define GRACE_DAYS 3 /* when a policy says nothing: a transfer takes as long */
#define BEFORE_DAYS 3

static const char *const promise_members[] = { "within", "most", "thanks", "broken", NULL };
static const char *const plan_members[] = { "remind", "before", "late", "grace", "broken", NULL };
static const char *const courtesy_members[] = { "thanks", "apology", NULL };

/* "30d" */
int policy_calendar_days(const struct json *object, const char *key, int32_t *ret, struct err *err)
{
	const char *text = NULL;
	int32_t days = 0;
	size_t n;
	int r = json_opt_str(object, key, 8, &text, err);

	if (r < 0 || !text)
		return r;
	n = strspn(text, "0123456789");
	for (size_t i = 0; i < n && i < 4; i++)
		days = days * 10 + (text[i] - '0');
	if (!n || n > 4 || strcmp(text + n, "d") != 0 || days < 1 || days > POLICY_DAYS_MAX)
		return json_refuse(object, key, err, "bad_days", "\"%s\" must be 1 to %d and d (days), such as \"30d\"", text, POLICY_DAYS_MAX);
	*ret = days;
	return 0;
}

static int opt_step(const struct json *object, const struct policy *policy, const char *key, int *ret, struct err *err)
{
	const char *text = NULL;
	int r = json_opt_str(object, key, TEMPLATE_MAX, &text, err);

	if (r < 0 || !text)
		return r;
	*ret = policy_step_index(policy, text);
	if (*ret < 0)
		return json_refuse(object, key, err, "unknown_step", "\"%s\" must be one of the policy's steps: the ladder goes on there", text);
	return 0;
}

int policy_agreed(const struct json *root, struct policy *policy, struct err *err)
{
	struct json promise = { 0 }, plan = { 0 }, courtesy = { 0 };
	struct agreed *a = &policy->agreed;
	int64_t most = 0;
	int r;

	*a = (struct agreed){ .promise_broken = -1, .plan_broken = -1, .plan_before_days = BEFORE_DAYS, .plan_grace_days = GRACE_DAYS };
	if ((r = json_opt_object(root, "promise", &promise, err)) < 0 || (r = json_only(&promise, promise_members, err)) < 0 ||
		(r = policy_calendar_days(&promise, "within", &a->promise_within_days, err)) < 0 ||
		(r = json_opt_int(&promise, "most", 1, 100, &most, err)) < 0 ||
		(r = json_opt_str(&promise, "thanks", TEMPLATE_MAX, &a->promise_thanks, err)) < 0 ||
		(r = opt_step(&promise, policy, "broken", &a->promise_broken, err)) < 0 ||
		(r = json_opt_object(root, "plan", &plan, err)) < 0 || (r = json_only(&plan, plan_members, err)) < 0 ||
		(r = json_opt_str(&plan, "remind", TEMPLATE_MAX, &a->plan_before, err)) < 0 ||
		(r = policy_calendar_days(&plan, "before", &a->plan_before_days, err)) < 0 ||
		(r = json_opt_str(&plan, "late", TEMPLATE_MAX, &a->plan_late, err)) < 0 ||
		(r = policy_calendar_days(&plan, "grace", &a->plan_grace_days, err)) < 0 ||
		(r = opt_step(&plan, policy, "broken", &a->plan_broken, err)) < 0 ||
		(r = json_opt_object(root, "courtesy", &courtesy, err)) < 0 || (r = json_only(&courtesy, courtesy_members, err)) < 0 ||
		(r = json_opt_str(&courtesy, "thanks", TEMPLATE_MAX, &a->thanks, err)) < 0 ||
		(r = json_opt_str(&courtesy, "apology", TEMPLATE_MAX, &a->apology, err)) < 0)
		return r;
	a->promises_most = (int32_t)most;
	return 0;
}

const char *policy_agreed_template(const struct policy *policy, size_t i, const char **path)
{
	static const char *const paths[] = { "$.promise.thanks", "$.plan.remind", "$.plan.late", "$.courtesy.thanks", "$.courtesy.apology" };
	const struct agreed *a = &policy->agreed;
	const char *const all[] = { a->promise_thanks, a->plan_before, a->plan_late, a->thanks, a->apology };

	for (size_t k = 0; k < ARRAY_LEN(all); k++)
		if (all[k] && i-- == 0) {
			*path = paths[k];
			return all[k];
		}
	return NULL;
}
