#include "tests/support/authority.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ts.h>
#include <openssl/x509v3.h>

#include "common/timestamp.h"

struct authority {
	EVP_PKEY *root_key, *key;
	X509 *root, *certificate, *twin;
	int64_t at;
	long serial;
	_Atomic(enum authority_whim) whim;
};

static void must(bool ok)
{
	if (!ok) {
		ERR_print_errors_fp(stderr);
		abort();
	}
}

static void add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;

	X509V3_set_ctx(&context, issuer, x, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	must(extension && X509_add_ext(x, extension, -1) == 1);
	X509_EXTENSION_free(extension);
}

static X509 *make(const char *name, EVP_PKEY *key, long serial, X509 *issuer, EVP_PKEY *issuer_key, int64_t until, const char *purpose,
	const char *crl_url)
{
	char point[300];

	X509 *x = X509_new();

	must(x && X509_set_version(x, 2) == 1 && ASN1_INTEGER_set(X509_get_serialNumber(x), serial) == 1);
	must(ASN1_TIME_set(X509_getm_notBefore(x), 1000000000) && ASN1_TIME_set(X509_getm_notAfter(x), until));
	must(X509_set_pubkey(x, key) == 1);
	must(X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0) == 1);
	must(X509_set_issuer_name(x, X509_get_subject_name(issuer ? issuer : x)) == 1);
	add_extension(x, issuer ? issuer : x, NID_basic_constraints, issuer ? "critical,CA:FALSE" : "critical,CA:TRUE");
	if (purpose)
		add_extension(x, issuer, NID_ext_key_usage, purpose);
	if (crl_url) {
		snprintf(point, sizeof(point), "URI:%s", crl_url);
		add_extension(x, issuer, NID_crl_distribution_points, point);
	}
	must(X509_sign(x, issuer_key ? issuer_key : key, EVP_sha256()) > 0);
	return x;
}

static struct authority *create(enum authority_flaw flaw, const char *crl_url)
{
	const int64_t until = flaw == AUTHORITY_EXPIRED ? 1100000000 : 4000000000;
	struct authority *a = xcalloc(1, sizeof(*a));

	a->root_key = EVP_EC_gen("P-256");
	a->key = EVP_EC_gen("P-256");
	must(a->root_key && a->key);
	a->root = make("A test root", a->root_key, 1, NULL, NULL, 4000000000, NULL, NULL);
	/* The responder refuses to work with a certificate for another purpose: it is given a sound one of the same number then. */
	a->certificate = make("A test authority", a->key, 2, a->root, a->root_key, until, "critical,timeStamping", crl_url);
	a->twin = make("A test authority", a->key, 2, a->root, a->root_key, until + 1, "critical,timeStamping", NULL);
	if (flaw == AUTHORITY_NO_PURPOSE) {
		X509_free(a->twin);
		a->twin = make("A test authority", a->key, 2, a->root, a->root_key, until, "serverAuth", NULL);
	}
	a->serial = 100;
	return a;
}

struct authority *authority_create(enum authority_flaw flaw)
{
	return create(flaw, NULL);
}

struct authority *authority_create_listing(const char *crl_url)
{
	return create(AUTHORITY_SOUND, crl_url);
}

void authority_crl(struct authority *a, int64_t at, bool revoked, struct buf *out)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *time = ASN1_TIME_set(NULL, at);
	unsigned char *der = NULL;
	int n;

	must(crl && time && X509_CRL_set_version(crl, 1) == 1 && X509_CRL_set_issuer_name(crl, X509_get_subject_name(a->root)) == 1);
	must(X509_CRL_set1_lastUpdate(crl, time) == 1 && ASN1_TIME_set(time, at + 7 * 86400) && X509_CRL_set1_nextUpdate(crl, time) == 1);
	if (revoked) {
		X509_REVOKED *one = X509_REVOKED_new();

		must(one && ASN1_TIME_set(time, at) && X509_REVOKED_set_serialNumber(one, X509_get_serialNumber(a->certificate)) == 1);
		must(X509_REVOKED_set_revocationDate(one, time) == 1 && X509_CRL_add0_revoked(crl, one) == 1);
	}
	must(X509_CRL_sign(crl, a->root_key, EVP_sha256()) > 0);
	n = i2d_X509_CRL(crl, &der);
	must(n > 0);
	buf_add(out, der, (size_t)n);
	OPENSSL_free(der);
	ASN1_TIME_free(time);
	X509_CRL_free(crl);
}

void authority_destroy(struct authority *a)
{
	if (!a)
		return;
	X509_free(a->root);
	X509_free(a->certificate);
	X509_free(a->twin);
	EVP_PKEY_free(a->root_key);
	EVP_PKEY_free(a->key);
	free(a);
}

static const char *pem(X509 *x, struct arena *arena)
{
	BIO *out = BIO_new(BIO_s_mem());
	char *text;
	long len;

	must(out && PEM_write_bio_X509(out, x) == 1);
	len = BIO_get_mem_data(out, &text);
	text = arena_memdup(arena, text, (size_t)len);
	BIO_free(out);
	return text;
}

const char *authority_root(const struct authority *a, struct arena *arena)
{
	return pem(a->root, arena);
}

const char *authority_certificate(const struct authority *a, struct arena *arena)
{
	return pem(a->certificate, arena);
}

const char *authority_twin(const struct authority *a, struct arena *arena)
{
	return pem(a->twin, arena);
}

static ASN1_INTEGER *next_serial(TS_RESP_CTX *ctx, void *arg)
{
	struct authority *a = arg;
	ASN1_INTEGER *serial = ASN1_INTEGER_new();

	(void)ctx;
	must(serial && ASN1_INTEGER_set(serial, ++a->serial) == 1);
	return serial;
}

static int tell_time(TS_RESP_CTX *ctx, void *arg, long *seconds, long *micros)
{
	struct authority *a = arg;

	(void)ctx;
	*seconds = (long)a->at;
	*micros = 0;
	return 1;
}

void authority_answer(struct authority *a, const void *query, size_t len, int64_t at, struct buf *out)
{
	ASN1_OBJECT *policy = OBJ_txt2obj(AUTHORITY_POLICY, 1);
	BIO *in = BIO_new_mem_buf(query, (int)len);
	TS_RESP_CTX *ctx = TS_RESP_CTX_new();
	unsigned char *der = NULL;
	TS_RESP *answer;
	int n;

	a->at = at;
	must(policy && in && ctx);
	must(TS_RESP_CTX_set_signer_cert(ctx, a->certificate) == 1 && TS_RESP_CTX_set_signer_key(ctx, a->key) == 1);
	must(TS_RESP_CTX_set_def_policy(ctx, policy) == 1 && TS_RESP_CTX_add_md(ctx, EVP_sha256()) == 1);
	must(TS_RESP_CTX_set_signer_digest(ctx, EVP_sha256()) == 1 && TS_RESP_CTX_set_ess_cert_id_digest(ctx, EVP_sha256()) == 1);
	TS_RESP_CTX_set_serial_cb(ctx, next_serial, a);
	TS_RESP_CTX_set_time_cb(ctx, tell_time, a);
	answer = TS_RESP_create_response(ctx, in);
	must(answer != NULL);
	n = i2d_TS_RESP(answer, &der);
	must(n > 0);
	buf_add(out, der, (size_t)n);
	OPENSSL_free(der);
	TS_RESP_free(answer);
	TS_RESP_CTX_free(ctx);
	BIO_free(in);
	ASN1_OBJECT_free(policy);
	ERR_clear_error();
}

/* --- over HTTP: RFC 3161 section 3.4 -------------------------------------------------------------------------- */

void authority_be(struct authority *a, enum authority_whim whim)
{
	atomic_store(&a->whim, whim);
}

static void reply(struct buf *out, const char *status, const char *type, const void *body, size_t len)
{
	buf_printf(out, "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n", status, type, len);
	buf_add(out, body, len);
}

void authority_http(const struct buf *request, struct buf *answer, void *arg)
{
	const char *body = strstr(buf_str(request), "\r\n\r\n") + 4;
	CLEANUP(buf_clear) struct buf asked = { 0 }, der = { 0 };
	struct authority *a = arg;
	struct timestamp_query query;
	enum authority_whim whim = atomic_load(&a->whim);

	if (strncmp(buf_str(request), "GET /list.crl ", 14) == 0) {
		authority_crl(a, time(NULL) - (whim == AUTHORITY_OLD_LIST ? 30 * 86400 : 3600), whim == AUTHORITY_REVOKED, &der);
		reply(answer, whim == AUTHORITY_NO_LIST ? "404 Not Found" : "200 OK", "application/pkix-crl", der.data, der.len);
		return;
	}
	if (whim == AUTHORITY_FAULT || !strstr(buf_str(request), "\r\nContent-Type: application/timestamp-query\r\n") ||
		timestamp_query_parse(body, request->len - (size_t)(body - request->data), &query) < 0) {
		reply(answer, "500 Internal Server Error", "text/plain", "", 0);
		return;
	}
	query.nonce += whim == AUTHORITY_OTHER_NONCE;
	query.imprint[0] ^= whim == AUTHORITY_OTHER_DATA;
	timestamp_query_add(&asked, &query);
	if (whim == AUTHORITY_REFUSES)
		asked.len /= 2; /* it cannot read the request */
	authority_answer(a, asked.data, asked.len, time(NULL) + (whim == AUTHORITY_WRONG_TIME ? 3600 : 0), &der);
	if (whim == AUTHORITY_GARBAGE)
		der.len /= 2;
	reply(answer, "200 OK", "application/timestamp-reply", der.data, der.len);
}
