/*
 * permit - the one answer to "may this debtor be contacted so, from then on": the law's and our own rules (guard), and the policy's hours,
 * caps and gap, asked together until all of them agree. Pure. Asked before a policy is accepted and before each send.
 */
#ifndef DUNNINGD_COMMON_PERMIT_H
#define DUNNINGD_COMMON_PERMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/guard.h"
#include "common/schedule.h"

struct permit_case {
	const struct guard_rules *guard; /* NULL = none are known: the policy alone speaks */
	const struct holidays *holidays; /* for the policy's window; NULL = none are known */
	const struct policy *policy;
	const struct debtor *debtor;
	const struct contact *contact;
	enum channel channel;
	const char *creditor_zone; /* of a debtor about whom neither zone nor country is known */
	date first_reminder; /* when this debt's first one went; none */
	bool by_post; /* it did */
	bool aside; /* no reminder: no cap or gap counts, but the debtor is written to once a day, whatever the policy says */
	int64_t confirms; /* ms UTC: it does nothing but confirm a wish for no more by this channel, of then; 0 = it is no such message */
	bool again; /* a message that may have gone already: it counts, so only the hour and the person are asked about */
};

struct permit {
	enum guard_decision decision; /* ALLOW: from `at` on, which is later than asked when `why` is set */
	int64_t at; /* ms UTC */
	const char *why; /* "min_gap", "cap", "same_day", "window" of the policy; or the guard's reason. NULL = nothing moved or stopped it */
	const char *rule, *source; /* the guard's, NULL = the policy */
	int64_t until; /* of a REVIEW: when it is over by itself, ms UTC; 0 = once a person has looked */
};

struct permit permit_contact(const struct permit_case *c, int64_t from);
/*
 * That a step of a policy can be walked lawfully at all: it writes to nobody who is a third party by their role, and its hours meet
 * those of the countries that it is for (or `country`, the creditor's; NULL = not known). -EBADMSG, code "unlawful", the step in `err->path`.
 */
int permit_check_step(const struct guard_rules *guard, const struct policy *policy, size_t index, const char *country, const char *creditor_zone,
	struct err *err);

#endif
