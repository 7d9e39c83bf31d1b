/*
 * config_effective - what a configuration comes to: every setting with its value and where that comes from, and what two of them differ in.
 * Pure. There is no secret in it: secrets are credentials, of which a configuration has the names alone.
 */
#ifndef DUNNINGD_COMMON_CONFIG_EFFECTIVE_H
#define DUNNINGD_COMMON_CONFIG_EFFECTIVE_H

#include "common/config.h"

struct config_value {
	const char *path; /* "redis.url", "senders.default.email", "producers.bank" */
	const char *value; /* JSON; NULL = not set, and there is no default */
	bool from_file; /* else it is the default */
	const struct config_key *key; /* its row, with unit and help; NULL: part of what is more than a single value */
};

/* Of config_parse()'s configuration: the settings in the order of config_keys(), then the rest in that of the file. All lies in the arena. */
void config_effective(const struct config *config, struct arena *arena, struct config_value **ret, size_t *count);

struct config_difference {
	const char *path;
	const struct config_value *a, *b; /* NULL: it is only in the other one */
};
/* What is not the same, in the order of a, then what b alone has. Where a value comes from does not count. */
void config_differences(const struct config_value *a, size_t a_count, const struct config_value *b, size_t b_count, struct arena *arena,
	struct config_difference **ret, size_t *count);

#endif
