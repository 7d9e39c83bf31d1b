/*
 * template - Mustache, logic-less: compiled once, rendered many times. Pure.
 *
 * All required modules of the Mustache specification, without lambdas, inheritance and dynamic names (refused at
 * load). False are: false, a missing name, null (the same as missing), an empty list and an empty string; every number
 * is true. Names are [A-Za-z0-9_-]+ joined by dots, or "."; partial names may hold '/' too. Values are never searched for tags.
 */
#ifndef DUNNINGD_COMMON_TEMPLATE_H
#define DUNNINGD_COMMON_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "common/json.h"

#define TEMPLATE_MAX (256 * 1024) /* bytes of a template */
#define TEMPLATE_OUTPUT_MAX (1024 * 1024) /* bytes of one rendering */
#define TEMPLATE_NESTING_MAX 64 /* sections in sections in one template */
#define TEMPLATE_DEPTH_MAX 128 /* open sections and partials of a rendering, recursion included */
#define TEMPLATE_STEPS_MAX (1024 * 1024) /* texts, tags and items walked by one rendering */

struct template; /* opaque, never changed after template_parse() */

/*
 * On 0 the caller owns *ret and frees it with template_free(); `text` is copied. -EBADMSG: code "bad_template",
 * "bad_utf8" or "too_long", and the sentence names the line. *ret is untouched on failure.
 */
int template_parse(const char *text, size_t len, struct template **ret, struct err *err);
void template_free(struct template *template); /* NULL is allowed */
DEFINE_CLEANUP(struct template, template_free)

/* Where the text lands, hence what a value must not do there. */
enum template_escape {
	ESCAPE_HTML, /* & < > " ' become entities, control characters but LF and TAB go; {{{name}}} is left as it is */
	ESCAPE_TEXT, /* plain text: as it is, without control characters but LF and TAB (so CR LF becomes LF) */
	/*
	 * One line, the template's own text included: each run of white space and control characters (CR, LF, NUL,
	 * U+0085, U+2028, U+2029 ...) becomes one space, none at the ends. What turns the direction of writing
	 * (U+202A-202E, U+2066-2069) goes: it can make a sender or a link read as another. No-break spaces stay.
	 */
	ESCAPE_HEADER,
	/* As HEADER, and no-break, figure and thin spaces become plain: GSM 7-bit has none, and one makes an SMS cost double. */
	ESCAPE_SMS,
	ESCAPE_URL, /* values percent-encoded but for [A-Za-z0-9._~-]; the template's text as it is */
};

/* The partial of that name, borrowed until the rendering ends; NULL: there is none. */
typedef const struct template *(*template_partial_fn)(const char *name, void *arg);

/*
 * Appends to `out`, which is as before on failure. `partial` may be NULL. -EBADMSG: "too_long", "too_deep" (partials
 * that include each other), "too_many_steps"; only when `strict`: "missing_variable" (an interpolated name that no
 * context has; null is as good as missing, "" is a value), "not_text" (it is a list or an object), "missing_partial".
 * The sentence has the name and its line.
 */
int template_render(const struct template *template, const struct json *context, enum template_escape escape,
	template_partial_fn partial, void *arg, bool strict, struct buf *out, struct err *err);

enum template_use_kind { TEMPLATE_VARIABLE, TEMPLATE_SECTION, TEMPLATE_INVERTED, TEMPLATE_SECTION_END, TEMPLATE_PARTIAL };

struct template_use {
	enum template_use_kind kind;
	const char *name; /* owned by the template */
	uint32_t line; /* from 1 */
	bool raw; /* {{{name}}} or {{&name}} */
};

/* Every tag with a name, in order: for (size_t i = 0; template_next(template, &i, &use);) */
bool template_next(const struct template *template, size_t *i, struct template_use *ret);

#endif
