/*
 * cutter - a wire between a mail client and a server on 127.0.0.1 that does one thing to it at a chosen moment. A thread; one connection
 * after the other.
 */
#ifndef DUNNINGD_TESTS_SUPPORT_CUTTER_H
#define DUNNINGD_TESTS_SUPPORT_CUTTER_H

#include <stdbool.h>
#include <stddef.h>

enum cut {
	CUT_NEVER,
	CUT_AT_WORD, /* a command that begins with `text` is not passed on: the connection ends */
	CUT_IN_MAIL, /* when more than `bytes` of the mail have come by */
	CUT_AFTER_END, /* the server has taken the mail and answered, and the client does not hear of it */
	CUT_HOLD_END, /* ... not before cutter_go() */
	CUT_SAY_END, /* ... but hears `text` instead */
	CUT_SAY_FIRST, /* to whoever connects `text` is said in the server's place, then the connection ends */
};

struct cutter;
struct cutter *cutter_create(int server_port);
void cutter_destroy(struct cutter *cutter); /* NULL is allowed */
int cutter_port(const struct cutter *cutter);
void cutter_set(struct cutter *cutter, enum cut cut, const char *text, size_t bytes); /* of the connections from now on; `text` is borrowed */
bool cutter_holds(struct cutter *cutter); /* an answer */
void cutter_go(struct cutter *cutter);

#endif
