/* A payment plan: what its instalments come to, and which of them is next. */
#include "common/invoice.h"

int64_t plan_sum(const struct fact *plan)
{
	int64_t sum = 0;

	for (size_t i = 0; i < plan->instalment_count; i++)
		sum += plan->instalments[i].amount; /* at most 60 of 10^14 */
	return sum;
}

bool plan_next(const struct fact *plan, int64_t balance, struct instalment_view *ret)
{
	int64_t later = plan_sum(plan);

	for (size_t i = 0; i < plan->instalment_count; i++) {
		later -= plan->instalments[i].amount;
		if (balance <= later)
			continue;
		*ret = (struct instalment_view){ i, plan->instalments[i].due_on, balance - later };
		return true;
	}
	return false;
}
