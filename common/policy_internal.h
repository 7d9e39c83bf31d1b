/* policy_internal - what the files of the module share. */
#ifndef DUNNINGD_COMMON_POLICY_INTERNAL_H
#define DUNNINGD_COMMON_POLICY_INTERNAL_H

#include "common/policy.h"

#define POLICY_DAYS_MAX 365

/* "30d", at most POLICY_DAYS_MAX; absent leaves *ret. -EBADMSG. */
int policy_calendar_days(const struct json *object, const char *key, int32_t *ret, struct err *err);

/* policy_legal.c: `announces`, `requires` and `offers` of a step that is read otherwise; later steps that they name are looked for at the end. */
int policy_legal_step(struct policy *policy, const struct json *object, struct step *step, struct err *err);
/* Once all steps are there: what is announced, and what every step of the legal stage announces anyway. `steps` as in the file. */
int policy_legal_all(struct policy *policy, const struct json *steps, struct err *err);

#endif
