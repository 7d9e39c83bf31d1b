/*
 * http_client_smtp - one mail to one mail server, once: libcurl's SMTP on a thread of its own for each mail, its callbacks from the loop.
 *
 * A thread, because libcurl waits for the answer to the end of a mail, and for that to QUIT, within one call, also under a multi handle
 * (smtp_done() and smtp_disconnect() in its lib/smtp.c, 7.88 to 8.14): a slow server would hold the loop up.
 *
 * may_start is asked when all of the mail is handed over and only its end is missing: until then the server must forget what it got
 * (RFC 5321 section 4.1.1.4), so that whatever fails before it is certain, and what fails after it is in doubt.
 */
#ifndef DUNNINGD_DAEMON_HTTP_CLIENT_SMTP_H
#define DUNNINGD_DAEMON_HTTP_CLIENT_SMTP_H

#include <stdbool.h>
#include <stddef.h>

#include <event2/event.h>

#include "common/smtp.h"
#include "daemon/ports.h"

#define SMTP_CONNECT_MS 30000 /* for name, connection, greeting, TLS and log-in: servers greet late on purpose */
#define SMTP_TOTAL_MS 120000 /* for all of it; then the answer to the end of a mail is waited for no longer */

struct smtp_client;

struct smtp_request {
	const struct smtp_settings *settings; /* copied, as all that follows */
	const char *password; /* the secret itself; NULL = no log-in */
	const struct message *message;
	const void *mail; /* smtp_mail()'s */
	size_t len;
	transport_may_start_fn may_start;
	transport_done_fn done; /* once, from the loop */
	void *arg;
};

/* `ca_file`: NULL = the system's certificates; copied. -errno. */
int smtp_client_create(struct event_base *base, const char *ca_file, struct smtp_client **ret);
/* Cuts what is under way and waits for the threads, which is short; no callback afterwards. NULL is allowed. */
void smtp_client_destroy(struct smtp_client *client);
/* A thread that cannot be started is TEMPORARY "no_thread". */
void smtp_client_start(struct smtp_client *client, const struct smtp_request *request);

#endif
