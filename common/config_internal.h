/*
 * config_internal - checks of words shared by config.c and config_keys.c alone.
 */
#ifndef DUNNINGD_COMMON_CONFIG_INTERNAL_H
#define DUNNINGD_COMMON_CONFIG_INTERNAL_H

#include <stdbool.h>

bool config_name_ok(const char *text); /* of a profile, provider, producer */
bool config_credential_ok(const char *text);

#endif
