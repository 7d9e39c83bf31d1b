/*
 * smtp - the built-in provider for those who have a mail server and no provider: its settings, the mail and its envelope, and what a dialogue
 * of RFC 5321 means for the attempt. Pure: who speaks is daemon/http_client_smtp.
 */
#ifndef DUNNINGD_COMMON_SMTP_H
#define DUNNINGD_COMMON_SMTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attempt.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/config.h"
#include "common/err.h"
#include "common/message.h"

#define SMTP_DIALOGUE_MAX (64 * 1024) /* bytes; a server that says more is cut off */

enum smtp_tls {
	SMTP_PLAIN, /* to this machine alone */
	SMTP_STARTTLS, /* nothing is said before TLS is on */
	SMTP_TLS, /* from the first byte */
};

struct smtp_settings {
	const char *url; /* "smtps://mail.example.com:465", without a path */
	enum smtp_tls tls;
	const char *user; /* NULL = no AUTH */
	const char *password; /* name of a credential; NULL = none */
	const char *helo; /* the name that we give; NULL = this machine's */
	const char *return_path; /* where a failure is reported by mail; NULL = the sender's address */
};

/* Strings are borrowed from the settings. -EBADMSG: err->path names the one that is wrong. */
int smtp_settings_read(const struct provider_settings *settings, struct smtp_settings *ret, struct err *err);
bool smtp_is_local(const struct smtp_settings *settings); /* the server is on this machine: it may hand on, though */

/*
 * The mail, byte for byte as it goes out (before the doubling of dots). The same message gives the same bytes: what is read back from the
 * trail goes out as it was. -EBADMSG: message_check()'s codes, "no_mail" for another channel.
 */
int smtp_mail(const struct message *message, struct buf *ret, struct err *err);
const char *smtp_return_path(const struct smtp_settings *settings, const struct message *message);

/* How far the dialogue is: what our last command was. */
enum smtp_phase { SMTP_GREETING, SMTP_HELLO, SMTP_SECURING, SMTP_LOGIN, SMTP_MAIL, SMTP_RECIPIENT, SMTP_DATA, SMTP_END };

/* Both directions as they came, "S: " and "C: " in front of each line, no secret in it. Begins as zeros; smtp_dialogue_clear(). */
struct smtp_dialogue {
	struct buf text;
	enum smtp_phase phase;
	bool answered; /* a whole reply came after our last command */
	int code; /* of the last reply line; 0 = none yet */
	char reply[512]; /* the last line of the last whole reply, behind its code */
	bool of_us; /* of whole replies to our last command, a line says that it is we who are not wanted */
	bool over; /* what comes now counts no more: the mail is answered, or we quit */
	bool secret; /* our next line answers a challenge */
	bool utf8; /* the server takes addresses that are not ASCII (RFC 6531) */
	int64_t size_max; /* bytes of a mail that it takes (RFC 1870); 0 = it does not say */
	bool too_long; /* SMTP_DIALOGUE_MAX was reached */
};
void smtp_dialogue_clear(struct smtp_dialogue *dialogue);
void smtp_heard(struct smtp_dialogue *dialogue, const char *line, size_t len); /* one line of the server's */
void smtp_said(struct smtp_dialogue *dialogue, const char *command, size_t len); /* one command of ours; AUTH is masked */
/* From here on the mail may be taken: all of it is handed over, and its end follows. `len` and digest are noted in its place. */
void smtp_ended(struct smtp_dialogue *dialogue, const void *mail, size_t len);

/* Why this mail cannot be given to this server, which has greeted us; NULL = it can. */
const char *smtp_hindrance(const struct smtp_dialogue *dialogue, const struct message *message, const char *return_path, size_t len);

/*
 * What has become of it. `broken`: why the dialogue went no further ("timeout", "connection_lost", "tls" ...; "config" when the server would
 * not let us in); it counts where the server's own words say nothing. Accepted is what the server answers with 2xx to the end of the mail.
 * Strings live in the arena, but for `reason`, which may be `broken`.
 */
void smtp_outcome(const struct smtp_dialogue *dialogue, const char *broken, struct arena *arena, struct outcome *ret);

#endif
