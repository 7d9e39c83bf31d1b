/*
 * config_internal - shared by config.c and config_*.c alone.
 */
#ifndef DUNNINGD_COMMON_CONFIG_INTERNAL_H
#define DUNNINGD_COMMON_CONFIG_INTERNAL_H

#include <stdbool.h>

#include "common/config.h"
#include "common/json.h"

bool config_name_ok(const char *text); /* of a profile, provider, producer */
bool config_credential_ok(const char *text);
bool config_absolute_ok(const char *text); /* a path */
/* Refuses a member that is not in `known` (ended by NULL), with what was perhaps meant. */
int config_only_known(const struct json *object, const char *const *known, struct err *err);
int config_parse_anchors(const struct json *root, struct config *config, struct err *err);
int config_parse_tokens(const struct json *root, struct config *config, struct err *err);
int config_parse_rules(const struct json *root, struct config *config, struct err *err);

#endif
