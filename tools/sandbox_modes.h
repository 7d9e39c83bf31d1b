/*
 * sandbox_modes - the ways in which the sandbox misbehaves, and what asks for each: the header "Sandbox-Mode: NAME", an order (POST
 * /behave), or the recipient: NAME@anything, or +336399800 and the mode's two digits (06 39 98 is nobody's: the
 * French numbering plan keeps it for fiction). The header comes first, then an order that is for this message, then the recipient. Pure.
 */
#ifndef DUNNINGD_TOOLS_SANDBOX_MODES_H
#define DUNNINGD_TOOLS_SANDBOX_MODES_H

#include "common/json.h"
#include "tools/sandbox_webhook.h"

enum sandbox_mode {
	MODE_OK,
	MODE_ERROR,
	MODE_429,
	MODE_401,
	MODE_HANG,
	MODE_CLOSE,
	MODE_SLOW,
	MODE_NO_DEDUPE,
	MODE_429_DATE,
	MODE_QUOTA,
	MODE_BAD_ADDRESS,
	MODE_STOPPED,
	MODE_503,
	MODE_CUT_BEFORE,
	MODE_CUT_AFTER,
	MODE_NO_ID,
	MODE_GARBAGE,
	MODE_ENDLESS,
	MODE_REDIRECT,
	MODE_DELIVER,
	MODE_DEFER,
	MODE_BOUNCE,
	MODE_BOUNCE_SOFT,
	MODE_COMPLAIN,
	MODE_OPEN,
	MODE_REPLY,
	MODE_STOP,
	MODE_COUNT
};
extern const char *const sandbox_mode_names[MODE_COUNT + 1];

enum sandbox_how { HOW_ANSWER, HOW_CLOSE, HOW_CUT, HOW_NO_ID, HOW_GARBAGE, HOW_ENDLESS };

struct sandbox_mode_row {
	bool takes; /* the message is captured, whatever is answered, unless an order says otherwise */
	int status; /* 0 = as for ok */
	int64_t ms; /* until the answer, or the end of the connection */
	enum sandbox_how how;
	const char *error; /* code in the body */
	const char *retry_after; /* in the header; "date": two seconds from now, as a date */
	enum sandbox_word then[2]; /* told by itself afterwards */
	int then_count;
	const char *help;
};
extern const struct sandbox_mode_row sandbox_modes[MODE_COUNT];

/* {"mode":"error","count":3,"status":503,"ms":200,"retry_after":"2","capture":true,"dedupe":false,"to":"a@b.example","per_second":5} */
struct sandbox_order {
	enum sandbox_mode mode;
	int64_t count; /* of requests it is still for; 0 = all. Then the mode is ok again */
	int64_t status, ms;
	bool capture, dedupe; /* dedupe stays when the count is used up */
	int64_t per_second; /* beyond these, 429; stays too. 0 = no limit */
	char *retry_after; /* owned; NULL = none */
	char *to; /* owned; only for messages to this address; NULL = for all */
};

void sandbox_order_init(struct sandbox_order *order); /* all is well */
void sandbox_order_clear(struct sandbox_order *order);
/* Replaces *order on 0; -EBADMSG leaves it. */
int sandbox_order_read(struct sandbox_order *order, const struct json *root, struct err *err);
void sandbox_order_write(const struct sandbox_order *order, struct json_writer *w);
/*
 * What this message meets; `header` NULL = none. Counts the order down. *ret is the caller's to clear. -EBADMSG: the header names no mode.
 */
int sandbox_order_take(struct sandbox_order *order, const struct json *body, const char *header, struct sandbox_order *ret, struct err *err);

#endif
