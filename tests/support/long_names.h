/*
 * long_names - as long as an event allows, to look at what people read with them: nothing may be cut, nor leave its place. Capitals and digits,
 * which need no escaping anywhere; with blanks or hyphens to break them at, or as one word.
 */
#ifndef DUNNINGD_TESTS_SUPPORT_LONG_NAMES_H
#define DUNNINGD_TESTS_SUPPORT_LONG_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "common/cleanup.h"

#define LONG_NAME 300 /* of a debtor; an event allows 400 bytes */
#define LONG_CONTACT 200
#define LONG_NUMBER 100 /* of an invoice, an order or a contract */
#define LONG_REASON 400 /* what somebody writes about a task or a dispute */
#define LONG_TOTAL INT64_C(999999999999) /* 9,999,999,999.99 */

const char *long_name(struct arena *arena, size_t len, bool breaks);
const char *long_number(struct arena *arena, size_t len, bool breaks);

#endif
