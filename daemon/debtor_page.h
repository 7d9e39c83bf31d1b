/*
 * debtor_page - GET and POST /p/<signed link>: the debtor's own page about one invoice, over HTTP (evhttp; a proxy in front speaks TLS).
 *
 *	/p/<link>             the invoice, and what can be said about it        /p/<link>/invoice.pdf   its document
 *	/p/<link>/<action>    GET: the form; POST: it is said                   /p/page.css             how it looks
 *	/p/<link>/plan/<offer>, /p/<link>/settlement/<offer>: the same of an offer that was made
 *	/p/<link>/said/<id>   what was recorded, where a POST leads to
 *
 *	/p/<link>/stop        besides, of a link by mail: what its List-Unsubscribe names where no webhooks are listened for (RFC 8058)
 *
 * GET and HEAD change nothing: mail scanners follow every link. A POST needs the token of its form, good once, for that link and action. It
 * is answered with 303 once Redis has the event in the stream of its partition, told again with the same answer; what cannot be kept is
 * answered with 503. Forged, expired and foreign links get one page (404), such tokens another (403): nobody learns why.
 */
#ifndef DUNNINGD_DAEMON_DEBTOR_PAGE_H
#define DUNNINGD_DAEMON_DEBTOR_PAGE_H

#include <stdint.h>

#include <event2/event.h>

#include "common/library.h"
#include "common/page.h"
#include "common/redis_links.h"

struct debtor_page_settings {
	const struct config *config; /* page.listen is set; borrowed for life */
	const struct redis_url *redis;
	const uint8_t *install_key; /* 32 bytes, borrowed for life */
	const struct page_texts *texts; /* borrowed until the next debtor_page_use() */
	int64_t (*now)(void *arg); /* ms UTC */
	void *now_arg;
	void (*note)(int priority, const char *line, void *arg); /* "page: ..." for the log; never a link, an address or a text */
	void *note_arg;
};

struct debtor_page;

/* Binds page.listen. -errno: err says why. */
int debtor_page_create(struct event_base *base, const struct debtor_page_settings *settings, struct library *library,
	struct debtor_page **ret, struct err *err);
/* After a reload. */
void debtor_page_use(struct debtor_page *page, struct library *library, const struct page_texts *texts);
void debtor_page_destroy(struct debtor_page *page); /* who waits gets 503. NULL is allowed */
DEFINE_CLEANUP(struct debtor_page, debtor_page_destroy)

/* The address of the page about this invoice, in the arena. */
const char *debtor_page_link(const struct debtor_page *page, uint32_t partition, const char *invoice_id, struct arena *arena);

struct debtor_page_counts {
	uint64_t shown; /* pages and forms */
	uint64_t said; /* events put into the streams */
	uint64_t refused; /* requests answered with 4xx */
	uint64_t unsaved; /* requests answered with 503 */
};
struct debtor_page_counts debtor_page_counts(const struct debtor_page *page);

#endif
