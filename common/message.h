/*
 * message - one rendered contact on its way to one person through one channel: what a provider's adapter turns into a request.
 * Pure data; every string is borrowed from the arena or document it was made in.
 */
#ifndef DUNNINGD_COMMON_MESSAGE_H
#define DUNNINGD_COMMON_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/cleanup.h"
#include "common/json.h"

enum channel { CHANNEL_EMAIL, CHANNEL_SMS, CHANNEL_CALL, CHANNEL_LETTER, CHANNEL_VOICE, CHANNEL_COUNT };
extern const char *const channel_names[CHANNEL_COUNT + 1]; /* "email", "sms", ...; NULL-terminated */

struct party {
	const char *name; /* NULL = none, as for all of these */
	const char *email;
	const char *phone; /* E.164 with '+' */
	const char *reply_to;
};

struct message {
	const char *attempt_id; /* 26 characters, also the provider's idempotency key */
	enum channel channel;
	const char *provider; /* name in the configuration */
	struct party to, from;
	const char *locale; /* of the templates used: "fr" */
	const char *subject; /* email */
	const char *text; /* email body, SMS text, call script */
	const char *html; /* email, NULL = none */
	const char *debtor_id, *step, *policy;
	const char *const *invoice_ids; /* the leading one first */
	size_t invoice_count;
};

/* The stored form (a part of the trail): message_read() of message_write()'s bytes gives the same message. */
void message_write(struct json_writer *w, const char *key, const struct message *message);
int message_read(const struct json *json, struct arena *arena, struct message *ret, struct err *err);

/*
 * That it can be handed to a provider: everything but text and HTML is one line without control characters (no header can
 * be slipped in), the channel's address is there and has the form of one. -EBADMSG: "bad_address" (the recipient's),
 * "bad_sender", "control_character", "missing".
 */
int message_check(const struct message *message, struct err *err);
bool email_valid(const char *s); /* addr-spec without quoting, comments or literals; UTF-8 is allowed (RFC 6531) */
bool phone_valid(const char *s); /* '+' and 3 to 15 digits, not beginning with 0 */

#endif
