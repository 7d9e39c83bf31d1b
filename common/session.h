/*
 * session - what a browser keeps of who signed in to the dashboard, and the pass of each of its forms. Both are signed with a key of this
 * process and stored nowhere: a restart ends them all. Pure.
 */
#ifndef DUNNINGD_COMMON_SESSION_H
#define DUNNINGD_COMMON_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"

#define SESSION_MS (12 * INT64_C(3600000)) /* a working day */
#define PASS_MS INT64_C(3600000) /* so long a form may lie open */
#define PASS_ID_SIZE 33 /* hex and NUL */

/* Who it is, by a number of the caller's; `nonce`: 16 random bytes. In the arena. */
const char *session_write(const uint8_t key[32], uint32_t who, int64_t now, const uint8_t nonce[16], struct arena *arena);
bool session_read(const uint8_t key[32], const char *text, int64_t now, uint32_t *who); /* false: not ours, or over */

/* For one form, of this person, about this action and thing alone. In the arena. */
const char *pass_write(const uint8_t key[32], const char *who, const char *action, const char *target, int64_t now, const uint8_t nonce[16],
	struct arena *arena);
/* `id` names it, and opens nothing: what is done with it once is done once. False: it is not for that, or too old. */
bool pass_read(const uint8_t key[32], const char *who, const char *action, const char *target, int64_t now, const char *text,
	char id[PASS_ID_SIZE]);

#endif
