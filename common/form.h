/*
 * form - the fields of a form as browsers send it, application/x-www-form-urlencoded. Pure.
 */
#ifndef DUNNINGD_COMMON_FORM_H
#define DUNNINGD_COMMON_FORM_H

#include <stdbool.h>
#include <stddef.h>

#include "common/cleanup.h"
#include "common/err.h"

#define FORM_PAIRS_MAX 1000

struct form_pair {
	const char *name, *value; /* NUL-terminated beyond their lengths, and may hold a NUL: %00 is a byte like others here */
	size_t name_len, value_len;
};

/* Decoded, in the arena, in the order they stand there. -EBADMSG "bad_form": a broken escape; "too_long": more than FORM_PAIRS_MAX. */
int form_decode(const char *text, size_t len, struct arena *arena, struct form_pair **ret, size_t *count, struct err *err);

/* What a person typed into a field. */
enum form_got {
	FORM_TEXT,
	FORM_NONE, /* it is not there, or there is nothing in it but white space */
	FORM_LONG, /* it is longer than max bytes, and nothing else is wrong */
	FORM_BAD, /* it stands there twice, is no UTF-8, or holds a control character that nobody types */
};
/*
 * The field `name`. *ret: what was typed, without white space around it, lines ended by LF; in the arena, and "" unless
 * FORM_TEXT or FORM_LONG. Without `lines` a line end is a control character too.
 */
enum form_got form_get(const struct form_pair *pairs, size_t count, const char *name, size_t max, bool lines, struct arena *arena,
	const char **ret);

#endif
