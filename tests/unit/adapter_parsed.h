/* adapter_parsed - a provider file out of a test's own text, which must be a good one. Include <cmocka.h> first. */
#ifndef DUNNINGD_TESTS_UNIT_ADAPTER_PARSED_H
#define DUNNINGD_TESTS_UNIT_ADAPTER_PARSED_H

#include <string.h>

#include "common/adapter.h"

/* The caller frees it. Fails the test with what the loader says. */
static __attribute__((unused)) struct adapter *parse(const char *json)
{
	struct adapter *adapter = NULL;
	struct err err = { 0 };

	if (adapter_parse(json, strlen(json), &adapter, &err) < 0)
		fail_msg("%s: %s %s\n%s", err.path, err.code, err.text, json);
	return adapter;
}

#endif
