/*
 * message - one rendered contact on its way to one person through one channel: what a provider's adapter turns into a request.
 * Pure data; every string is borrowed from the arena or document it was made in.
 */
#ifndef DUNNINGD_COMMON_MESSAGE_H
#define DUNNINGD_COMMON_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/json.h"

enum channel { CHANNEL_EMAIL, CHANNEL_SMS, CHANNEL_CALL, CHANNEL_LETTER, CHANNEL_VOICE, CHANNEL_COUNT };
extern const char *const channel_names[CHANNEL_COUNT + 1]; /* "email", "sms", ...; NULL-terminated */

/* How a letter goes: registered with proof of delivery, on paper or by electronic mail (in the Union: eIDAS, articles 43 and 44). */
enum letter_delivery { LETTER_SIMPLE, LETTER_REGISTERED, LETTER_E_REGISTERED, LETTER_DELIVERY_COUNT };
extern const char *const letter_delivery_names[LETTER_DELIVERY_COUNT + 1]; /* "simple", "registered", "e-registered" */

struct postal { /* NULL = none, as for all of these */
	const char *line1, *line2, *postcode, *city;
	const char *region; /* state, province */
	const char *country; /* ISO 3166-1 alpha-2, upper case: "FR" */
};

struct party {
	const char *name; /* NULL = none, as for all of these */
	const char *email;
	const char *phone; /* E.164 with '+' */
	const char *reply_to;
};

struct attachment {
	const char *name; /* "F-2026-17.pdf" */
	const char *type; /* "application/pdf" */
	const void *data;
	size_t len;
};
#define ATTACHMENTS_MAX 10
#define ATTACHMENT_BYTES_MAX ((size_t)20 * 1024 * 1024) /* all of a message's together */

struct message {
	const char *attempt_id; /* 26 characters, also the provider's idempotency key */
	enum channel channel;
	const char *provider; /* name in the configuration */
	struct party to, from;
	struct postal to_postal, from_postal; /* a letter's */
	const char *locale; /* of the templates used: "fr"; of what is spoken the listener's: "fr-CA" */
	const char *subject; /* email */
	const char *text; /* email body, SMS text, call script */
	const char *html; /* email, NULL = none */
	const struct attachment *attachments; /* a letter's PDF is the first one */
	size_t attachment_count;
	bool registered; /* a letter: with proof of delivery */
	bool electronic; /* a registered one: as electronic mail */
	const char *debtor_id, *step, *policy;
	const char *const *invoice_ids; /* the leading one first */
	size_t invoice_count;
	const char *list_unsubscribe, *list_unsubscribe_post; /* of a mail's head, see common/unsubscribe.h; NULL = none */
	int64_t written_at; /* ms UTC, a mail's Date; 0 = not known */
};

void message_copy(const struct message *from, struct arena *arena, struct message *ret); /* ret owns nothing: all lies in the arena */
/* The stored form (a part of the trail): message_read() of message_write()'s bytes gives the same message. */
void message_write(struct json_writer *w, const char *key, const struct message *message);
int message_read(const struct json *json, struct arena *arena, struct message *ret, struct err *err);

const char *postal_line(const struct postal *postal, struct arena *arena); /* all of it, with commas; NULL: there is none */
const char *message_address(const struct message *message, struct arena *arena); /* of the recipient, for its channel; NULL = none */

/* An object of the members above; an address without any member is not written, and one that is not there is read as none. */
void postal_write(struct json_writer *w, const char *key, const struct postal *postal);
int postal_read(const struct json *object, const char *key, struct postal *ret, struct err *err);
/* That a letter could be addressed with it, whoever lives there: lines without control characters, a first one, a city, a country. */
int postal_check(const struct json *object, const char *key, const struct postal *postal, struct err *err);

/*
 * That it can be handed to a provider: everything but text and HTML is one line without control characters (no header can
 * be slipped in), the channel's address is there and has the form of one. -EBADMSG: "bad_address" (the recipient's),
 * "bad_sender", "control_character", "missing".
 */
int message_check(const struct message *message, struct err *err);
/* That a letter can be addressed by a provider (one that a person prints needs none of this). -EBADMSG "bad_address". */
int message_check_postal(const struct message *message, struct err *err);
bool email_valid(const char *s); /* addr-spec without quoting, comments or literals; UTF-8 is allowed (RFC 6531) */
bool phone_valid(const char *s); /* '+' and 3 to 15 digits, not beginning with 0 */
bool country_valid(const char *s); /* two upper-case letters */

#endif
