/* What each shipped provider may answer, and what that means: at least one row for each rule of its file. */
#ifndef DUNNINGD_TESTS_SUPPORT_PROVIDER_ANSWERS_H
#define DUNNINGD_TESTS_SUPPORT_PROVIDER_ANSWERS_H

#include <stddef.h>

#include "common/attempt.h"

#define ACCEPTED OUTCOME_ACCEPTED, SCOPE_MESSAGE
#define REFUSED OUTCOME_REFUSED, SCOPE_MESSAGE
#define RECIPIENT OUTCOME_REFUSED, SCOPE_RECIPIENT
#define CONFIG OUTCOME_REFUSED, SCOPE_PROVIDER
#define THROTTLED OUTCOME_THROTTLED, SCOPE_MESSAGE
#define QUOTA OUTCOME_THROTTLED, SCOPE_PROVIDER
#define DOUBT OUTCOME_IN_DOUBT, SCOPE_MESSAGE
#define AGAIN OUTCOME_TEMPORARY, SCOPE_MESSAGE

struct provider_answer {
	const char *provider;
	int status;
	const char *head, *body; /* head: lines with their ends */
	enum outcome_kind kind;
	enum outcome_scope scope;
	const char *reason, *id;
	int64_t retry_after_ms; /* from SHIPPED_NOW on */
};
extern const struct provider_answer provider_answers[];
extern const size_t provider_answer_count;

#endif
