/*
 * mail_server - a real Postfix in a folder of its own: it takes mail for example.test from anybody on 127.0.0.1, puts it into maildirs there,
 * and hands nothing on. Postfix wants to be started by root; its services run as the users that its Debian package made.
 */
#ifndef DUNNINGD_TESTS_SUPPORT_MAIL_SERVER_H
#define DUNNINGD_TESTS_SUPPORT_MAIL_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "tests/support/process.h"

#define MAIL_USER "dunning" /* who may log in at the port `login` */
#define MAIL_PASSWORD "s3cret"

/*
 * Known are debtor@example.test and, whose address is not ASCII, zo\303\251@example.test; later@ gets 450 4.7.1, closed@ 550 5.2.1, policy@
 * 550 5.7.1, plain@ 550 without an enhanced code; everybody else 550 5.1.1, or who is logged in finds that out by a report. A mail of more than 2 MB is too large.
 */
struct mail_server {
	char dir[64];
	char certificate[96]; /* PEM, of the name localhost */
	int port, tls_port, login_port; /* the first offers STARTTLS, the second speaks TLS from the start, the third wants a log-in (under TLS) */
	struct process process;
};

bool mail_server_can(void); /* false: not root, or Postfix is not installed */
void mail_server_open(struct mail_server *server); /* fails the test when it does not come up */
void mail_server_close(struct mail_server *server);
/* How many mails a mailbox ("debtor") has; waits until there are `count`, or fails the test. */
void mail_server_has(const struct mail_server *server, const char *box, size_t count);
size_t mail_server_count(const struct mail_server *server, const char *box); /* now */
/* The newest mail of a box as it lies there: with what the server put in front, lines ended by LF. */
void mail_server_read(const struct mail_server *server, const char *box, struct buf *ret);
void mail_server_settle(const struct mail_server *server); /* until no mail is under way in it: what it has accepted is delivered */
int free_port(void); /* on 127.0.0.1, of nobody at the moment */

#endif
