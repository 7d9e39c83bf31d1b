/*
 * library_check - what the lint of policies asks of a configuration: what can be sent, and the texts that there are. For library.c alone.
 */
#ifndef DUNNINGD_COMMON_LIBRARY_CHECK_H
#define DUNNINGD_COMMON_LIBRARY_CHECK_H

#include "common/library.h"

struct library_check {
	const struct config *config;
	const struct library *library; /* its templates, providers and law are loaded */
	struct lint_texts *texts;
	bool bare; /* there is no configuration: neither its senders and providers count nor its language */
};

void library_lint(const struct library_check *check, const struct policy *policy, struct lint_report *report);

#endif
