/*
 * sandbox_webhook - what became of a message, said and signed as Twilio, SendGrid, Resend or the sandbox itself say it. Pure.
 *
 * The addresses are those of the shipped provider files under their own names: /hooks/sandbox, /hooks/twilio-sms/status and /inbound,
 * /hooks/sendgrid and /inbound, /hooks/resend and /inbound.
 */
#ifndef DUNNINGD_TOOLS_SANDBOX_WEBHOOK_H
#define DUNNINGD_TOOLS_SANDBOX_WEBHOOK_H

#include "tools/sandbox_book.h"
#include "tools/sandbox_keys.h"

enum sandbox_scheme { SCHEME_SANDBOX, SCHEME_TWILIO, SCHEME_SENDGRID, SCHEME_RESEND, SCHEME_COUNT };
extern const char *const sandbox_schemes[SCHEME_COUNT + 1];

enum sandbox_word {
	WORD_SENT,
	WORD_DELIVERED,
	WORD_DEFERRED,
	WORD_BOUNCED, /* for good: nobody is there */
	WORD_BOUNCED_SOFT,
	WORD_COMPLAINED,
	WORD_OPENED,
	WORD_STOPPED,
	WORD_REPLIED, /* with a text */
	WORD_COUNT
};
extern const char *const sandbox_words[WORD_COUNT + 1];

struct sandbox_saying {
	enum sandbox_scheme scheme;
	enum sandbox_word word;
	const struct sandbox_message *message;
	const char *event; /* hex, unlike that of any other event */
	const char *text; /* of a reply; else NULL */
	int64_t at; /* ms UTC: when it happened */
};

struct sandbox_webhook { /* all in the arena */
	const char *path; /* "/hooks/...", with its query */
	const char *type; /* Content-Type */
	const char *body;
	size_t body_len;
	const char *const *fields; /* of a form: name, value, name, value ... NULL. NULL: it is none */
};
/* -ENOTSUP: this provider tells no such thing; `err` says so. */
int sandbox_webhook_make(const struct sandbox_saying *saying, struct arena *arena, struct sandbox_webhook *ret, struct err *err);

/* sandbox_sign.c: the headers that prove it, "Name", "value" ... NULL, in the arena. `now`, ms UTC, is the computer's clock. */
const char *const *sandbox_sign(enum sandbox_scheme scheme, const struct sandbox_keys *keys, const struct sandbox_webhook *webhook,
	const char *public_url, const char *event, int64_t now, struct arena *arena);

/* The id that this provider would have given to the message; in the arena. */
const char *sandbox_webhook_id(enum sandbox_scheme scheme, const struct sandbox_message *message, struct arena *arena);

#endif
