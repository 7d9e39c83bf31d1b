/*
 * timestamp - time stamps of an authority: the request made, the answer checked. Pure: who carries the bytes is another's business. By
 * OpenSSL's libcrypto. Source: RFC 3161 sections 2.4 and 3.4, with RFC 5816 (ESSCertIDv2).
 *
 * An answer is judged at the time it states, not at the time of the check: the authority's certificate will one day have expired.
 */
#ifndef DUNNINGD_COMMON_TIMESTAMP_H
#define DUNNINGD_COMMON_TIMESTAMP_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "common/hash.h"

#define TIMESTAMP_MAX (1u << 18) /* bytes of an answer, with all its certificates */
#define TIMESTAMP_CRL_MAX (8u << 20) /* bytes of a list of revoked certificates */

/* What is asked: always SHA-256, always with the certificates, without a policy. */
struct timestamp_query {
	uint8_t imprint[SHA256_SIZE]; /* the digest of what is to be stamped */
	uint64_t nonce; /* random, never used twice; not 0 */
};
void timestamp_query_add(struct buf *out, const struct timestamp_query *query); /* appends the request: DER */
/* The one request that timestamp_query_add() gives; anything else is -EBADMSG. */
int timestamp_query_parse(const void *data, size_t len, struct timestamp_query *ret);

/* Whom to believe. Opaque, never changed; may be shared by threads. */
struct timestamp_trust;
/*
 * `pem`: one or more certificates. The self-signed ones are believed; the others only help to get from an authority to them. On 0 the
 * caller owns *ret. -EBADMSG: no such text, or none of them is self-signed; `err` (may be NULL) says which.
 */
int timestamp_trust_parse(const void *pem, size_t len, struct timestamp_trust **ret, struct err *err);
void timestamp_trust_free(struct timestamp_trust *trust); /* NULL is allowed */
DEFINE_CLEANUP(struct timestamp_trust, timestamp_trust_free)
int timestamp_policy_valid(const char *oid); /* "1.3.6.1.4.1.32473.1.1"; 0 or -EINVAL */

struct timestamp_wanted {
	struct timestamp_query query;
	const struct timestamp_trust *trust;
	const char *policy; /* the authority's policy as an object identifier; NULL = any */
	int64_t now; /* ms UTC: when the answer came */
	int64_t tolerance_ms; /* how far its time may be from `now`; negative: do not ask (an answer of long ago) */
	struct slice crl; /* list of revoked certificates (DER) of whoever issued the authority's, of the day of its time; empty: do not ask */
};
struct timestamp {
	int64_t at; /* ms UTC: what was stamped existed then. As exact as the authority's accuracy, which this leaves out */
	char serial[43]; /* hexadecimal, 160 bits at most (RFC 3161 section 2.4.2) */
	char policy[80];
	char authority[256]; /* the signing certificate's subject, RFC 2253 */
	uint8_t root[SHA256_SIZE]; /* SHA-256 of the believed certificate that it goes back to (DER): its fingerprint */
	char crl_url[256]; /* where its issuer's list of revoked ones is, http or https: RFC 5280 section 4.2.1.13. "" = not said */
};
/*
 * 0: everything holds, *ret is filled. -EKEYREJECTED: it does not, *ret is untouched, `err` (may be NULL) says why. err->code is one of
 *	"malformed"       no time-stamp answer
 *	"refused"         the authority gave none; the text has its words
 *	"imprint"         it is about other bytes
 *	"nonce"           it answers another request, or none
 *	"policy"          given under another policy
 *	"time"            too far from `now`
 *	"no_certificate"  the signing certificate is not in it
 *	"ess"             the certificate is not the one that the answer names (ESSCertID)
 *	"purpose"         the certificate is not for time stamps alone (RFC 3161 section 2.3)
 *	"expired"         the certificate, or one above it, was not valid at that time
 *	"revoked"         the certificate is on the list
 *	"crl"             the list is none, or not the issuer's, or not of that day
 *	"untrusted"       no way from the certificate to a root that is believed
 *	"authority"       another name than the certificate's
 *	"signature"       signed wrongly, or anything else that spoils it
 */
int timestamp_check(const void *answer, size_t len, const struct timestamp_wanted *wanted, struct timestamp *ret, struct err *err);

#endif
