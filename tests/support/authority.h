/*
 * authority - a throwaway time-stamp authority: OpenSSL's own responder (what `openssl ts -reply` calls) with keys made on the spot, which
 * can also misbehave. Its stamps do not name it (RFC 3161: the tsa field is optional). Its policy is 1.3.6.1.4.1.32473.1.1 (RFC 5612: for documentation).
 */
#ifndef DUNNINGD_TESTS_SUPPORT_AUTHORITY_H
#define DUNNINGD_TESTS_SUPPORT_AUTHORITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/cleanup.h"

#define AUTHORITY_POLICY "1.3.6.1.4.1.32473.1.1"

enum authority_flaw {
	AUTHORITY_SOUND,
	AUTHORITY_NO_PURPOSE, /* its certificate is for servers too */
	AUTHORITY_EXPIRED, /* its certificate was valid only before */
};

struct authority;
struct authority *authority_create(enum authority_flaw flaw);
struct authority *authority_create_listing(const char *crl_url); /* sound; its certificate says where the revoked ones are listed */
void authority_destroy(struct authority *authority); /* NULL is allowed */
DEFINE_CLEANUP(struct authority, authority_destroy)

/* PEM; in the arena. */
const char *authority_root(const struct authority *authority, struct arena *arena);
const char *authority_certificate(const struct authority *authority, struct arena *arena);
/* Another certificate of the same key, issuer and serial number: not the one that its stamps name. */
const char *authority_twin(const struct authority *authority, struct arena *arena);

/* How it misbehaves over HTTP. */
enum authority_whim {
	AUTHORITY_HONEST,
	AUTHORITY_OTHER_NONCE, /* answers another request */
	AUTHORITY_OTHER_DATA, /* stamps something else */
	AUTHORITY_REFUSES, /* status rejection */
	AUTHORITY_WRONG_TIME, /* an hour ahead */
	AUTHORITY_GARBAGE, /* no time-stamp answer */
	AUTHORITY_FAULT, /* HTTP 500 */
	AUTHORITY_REVOKED, /* its certificate is on the list */
	AUTHORITY_OLD_LIST, /* the list is of last month */
	AUTHORITY_NO_LIST, /* there is none where the certificate says */
};
void authority_be(struct authority *authority, enum authority_whim whim); /* from now on; any thread */
void authority_http(const struct buf *request, struct buf *answer, void *authority); /* peer_answer_fn */

/* Appends the list of revoked certificates (DER), made at that time (s) and good for a week; `revoked`: its own is on it. */
void authority_crl(struct authority *authority, int64_t at, bool revoked, struct buf *out);

/* Appends the answer to a request, of that time (s since the epoch). A request that it cannot read it rejects. */
void authority_answer(struct authority *authority, const void *query, size_t len, int64_t at, struct buf *out);

#endif
