#include "common/timestamp.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ess.h>
#include <openssl/esserr.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/ts.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/utc.h"

#define TRUST_MAX 64 /* certificates */
#if OPENSSL_VERSION_NUMBER >= 0x30400000L /* there the older names are deprecated */
#define TS_VERIFY_CTX_set_store TS_VERIFY_CTX_set0_store
#define TS_VERIFY_CTX_set_certs TS_VERIFY_CTX_set0_certs
#endif

DEFINE_CLEANUP(TS_REQ, TS_REQ_free)
DEFINE_CLEANUP(TS_MSG_IMPRINT, TS_MSG_IMPRINT_free)
DEFINE_CLEANUP(X509_ALGOR, X509_ALGOR_free)
DEFINE_CLEANUP(ASN1_INTEGER, ASN1_INTEGER_free)
DEFINE_CLEANUP(ASN1_OBJECT, ASN1_OBJECT_free)
DEFINE_CLEANUP(BIGNUM, BN_free)
DEFINE_CLEANUP(TS_RESP, TS_RESP_free)
DEFINE_CLEANUP(TS_VERIFY_CTX, TS_VERIFY_CTX_free)
DEFINE_CLEANUP(BIO, BIO_free_all)
DEFINE_CLEANUP(X509_CRL, X509_CRL_free)
DEFINE_CLEANUP(CRL_DIST_POINTS, CRL_DIST_POINTS_free)

struct timestamp_trust {
	STACK_OF(X509) *certs; /* the self-signed ones and the others */
};

static void must(bool ok) /* these fail without memory alone */
{
	if (!ok) {
		fputs("libcrypto failed\n", stderr);
		abort();
	}
}

/* --- the request --------------------------------------------------------------------------------- */

void timestamp_query_add(struct buf *out, const struct timestamp_query *query)
{
	CLEANUP(TS_REQ_freep) TS_REQ *request = TS_REQ_new();
	CLEANUP(TS_MSG_IMPRINT_freep) TS_MSG_IMPRINT *imprint = TS_MSG_IMPRINT_new();
	CLEANUP(X509_ALGOR_freep) X509_ALGOR *algorithm = X509_ALGOR_new();
	CLEANUP(ASN1_INTEGER_freep) ASN1_INTEGER *nonce = ASN1_INTEGER_new();
	unsigned char digest[SHA256_SIZE], *der = NULL;
	int len;

	memcpy(digest, query->imprint, sizeof(digest));
	must(request && imprint && algorithm && nonce);
	must(X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_sha256), V_ASN1_NULL, NULL) == 1);
	must(TS_MSG_IMPRINT_set_algo(imprint, algorithm) == 1 && TS_MSG_IMPRINT_set_msg(imprint, digest, sizeof(digest)) == 1);
	must(ASN1_INTEGER_set_uint64(nonce, query->nonce) == 1);
	must(TS_REQ_set_version(request, 1) == 1 && TS_REQ_set_msg_imprint(request, imprint) == 1 &&
		TS_REQ_set_nonce(request, nonce) == 1 && TS_REQ_set_cert_req(request, 1) == 1);
	len = i2d_TS_REQ(request, &der);
	must(len > 0);
	buf_add(out, der, (size_t)len);
	OPENSSL_free(der);
}

static bool read_imprint(TS_MSG_IMPRINT *imprint, uint8_t ret[SHA256_SIZE])
{
	ASN1_OCTET_STRING *digest = TS_MSG_IMPRINT_get_msg(imprint);
	const ASN1_OBJECT *algorithm;

	X509_ALGOR_get0(&algorithm, NULL, NULL, TS_MSG_IMPRINT_get_algo(imprint));
	if (OBJ_obj2nid(algorithm) != NID_sha256 || ASN1_STRING_length(digest) != SHA256_SIZE)
		return false;
	memcpy(ret, ASN1_STRING_get0_data(digest), SHA256_SIZE);
	return true;
}

int timestamp_query_parse(const void *data, size_t len, struct timestamp_query *ret)
{
	CLEANUP(TS_REQ_freep) TS_REQ *request = NULL;
	CLEANUP(buf_clear) struct buf again = { 0 };
	struct timestamp_query query;
	const unsigned char *at = data;

	if (len > TIMESTAMP_MAX)
		return -EBADMSG;
	request = d2i_TS_REQ(NULL, &at, (long)len);
	ERR_clear_error();
	if (!request || !TS_REQ_get_nonce(request) || ASN1_INTEGER_get_uint64(&query.nonce, TS_REQ_get_nonce(request)) != 1 ||
		!read_imprint(TS_REQ_get_msg_imprint(request), query.imprint)) {
		ERR_clear_error();
		return -EBADMSG;
	}
	timestamp_query_add(&again, &query);
	if (again.len != len || memcmp(again.data, data, len) != 0)
		return -EBADMSG;
	*ret = query;
	return 0;
}

/* --- whom to believe ----------------------------------------------------------------------------- */

static bool self_signed(X509 *cert)
{
	return X509_self_signed(cert, 0) == 1;
}

int timestamp_trust_parse(const void *pem, size_t len, struct timestamp_trust **ret, struct err *err)
{
	CLEANUP(timestamp_trust_freep) struct timestamp_trust *trust = xcalloc(1, sizeof(*trust));
	CLEANUP(BIO_free_allp) BIO *in = NULL;
	bool rooted = false;
	X509 *cert;

	if (!len || len > INT32_MAX)
		return err_set(err, -EBADMSG, "no_certificate", "", "holds no certificate: want PEM, \"-----BEGIN CERTIFICATE-----\"");
	in = BIO_new_mem_buf(pem, (int)len);
	trust->certs = sk_X509_new_null();
	must(in && trust->certs);
	while ((cert = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL) {
		must(sk_X509_push(trust->certs, cert) > 0);
		rooted |= self_signed(cert);
		if (sk_X509_num(trust->certs) > TRUST_MAX)
			return err_set(err, -EBADMSG, "too_many", "", "holds more than %d certificates", TRUST_MAX);
	}
	/* The reader ends with "no start line" behind the last one; anything else is a damaged one. */
	if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
		ERR_clear_error();
		return err_set(err, -EBADMSG, "no_certificate", "", "holds a certificate that cannot be read (the %dth)",
			sk_X509_num(trust->certs) + 1);
	}
	ERR_clear_error();
	if (!sk_X509_num(trust->certs))
		return err_set(err, -EBADMSG, "no_certificate", "", "holds no certificate: want PEM, \"-----BEGIN CERTIFICATE-----\"");
	if (!rooted)
		return err_set(err, -EBADMSG, "no_root", "", "holds no self-signed certificate: the authority's root is what must be in it");
	*ret = TAKE(trust);
	return 0;
}

void timestamp_trust_free(struct timestamp_trust *trust)
{
	if (!trust)
		return;
	sk_X509_pop_free(trust->certs, X509_free);
	free(trust);
}

int timestamp_policy_valid(const char *oid)
{
	CLEANUP(ASN1_OBJECT_freep) ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);

	ERR_clear_error();
	return object ? 0 : -EINVAL;
}

/* --- the answer ---------------------------------------------------------------------------------- */

static int refuse(struct err *err, const char *code, const char *text)
{
	return err_set(err, -EKEYREJECTED, code, "", "%s", text);
}

/* RFC 3161 section 2.4.2: PKIStatus 0 and 1 bring a token. */
static int check_status(TS_RESP *answer, struct err *err)
{
	const TS_STATUS_INFO *info = TS_RESP_get_status_info(answer);
	int64_t status = ASN1_INTEGER_get(TS_STATUS_INFO_get0_status(info));
	const STACK_OF(ASN1_UTF8STRING) *words = TS_STATUS_INFO_get0_text(info);
	ASN1_UTF8STRING *first = words && sk_ASN1_UTF8STRING_num(words) > 0 ? sk_ASN1_UTF8STRING_value(words, 0) : NULL;
	char said[160] = "";

	if (status == 0 || status == 1)
		return TS_RESP_get_tst_info(answer) ? 0 : refuse(err, "malformed", "granted, but without a token");
	for (int i = 0; first && i < ASN1_STRING_length(first) && i < (int)sizeof(said) - 1; i++) {
		unsigned char c = ASN1_STRING_get0_data(first)[i];

		said[i] = (char)(c >= 0x20 && c < 0x7f ? c : '?'); /* theirs: it is shown and logged */
		said[i + 1] = '\0';
	}
	return err_set(err, -EKEYREJECTED, "refused", "", "the authority refused, status %lld%s%s", (long long)status, said[0] ? ": " : "", said);
}

/* GeneralizedTime in UTC with any fraction, cut to ms: RFC 3161 section 2.4.2. */
static bool read_time(const ASN1_GENERALIZEDTIME *time, int64_t *ret)
{
	const char *text = (const char *)ASN1_STRING_get0_data(time), *end = text + ASN1_STRING_length(time);
	const char *point = memchr(text, '.', (size_t)(end - text));
	int64_t ms = 0, scale = 100;
	struct tm tm;

	if (text == end || end[-1] != 'Z' || ASN1_TIME_to_tm(time, &tm) != 1)
		return false;
	for (const char *at = point ? point + 1 : end; at < end && *at >= '0' && *at <= '9'; at++, scale /= 10)
		ms += scale * (*at - '0');
	*ret = (int64_t)timegm(&tm) * SECOND_MS + ms;
	return true;
}

static bool read_serial(const ASN1_INTEGER *serial, char ret[43])
{
	CLEANUP(BN_freep) BIGNUM *number = ASN1_INTEGER_to_BN(serial, NULL);
	char *hex;

	if (!number || BN_is_negative(number) || BN_num_bits(number) > 160)
		return false;
	hex = BN_bn2hex(number);
	must(hex);
	snprintf(ret, 43, "%s", hex);
	OPENSSL_free(hex);
	return true;
}

/* What the token says, held against what was asked. */
static int check_info(TS_RESP *answer, const struct timestamp_wanted *wanted, struct timestamp *ret, struct err *err)
{
	TS_TST_INFO *info = TS_RESP_get_tst_info(answer);
	uint8_t imprint[SHA256_SIZE];
	uint64_t nonce;

	if (TS_TST_INFO_get_version(info) != 1)
		return refuse(err, "malformed", "a token of another version than 1");
	if (!read_time(TS_TST_INFO_get_time(info), &ret->at) || !read_serial(TS_TST_INFO_get_serial(info), ret->serial))
		return refuse(err, "malformed", "its time or serial number cannot be read");
	if (OBJ_obj2txt(ret->policy, sizeof(ret->policy), TS_TST_INFO_get_policy_id(info), 1) >= (int)sizeof(ret->policy))
		return refuse(err, "malformed", "its policy's identifier is too long");
	if (!read_imprint(TS_TST_INFO_get_msg_imprint(info), imprint) || memcmp(imprint, wanted->query.imprint, SHA256_SIZE) != 0)
		return refuse(err, "imprint", "it stamps other bytes than those asked about");
	if (!TS_TST_INFO_get_nonce(info) || ASN1_INTEGER_get_uint64(&nonce, TS_TST_INFO_get_nonce(info)) != 1 || nonce != wanted->query.nonce)
		return refuse(err, "nonce", "it does not carry the nonce of this request");
	if (wanted->policy && strcmp(wanted->policy, ret->policy) != 0)
		return err_set(err, -EKEYREJECTED, "policy", "", "given under policy %s, not %s", ret->policy, wanted->policy);
	if (wanted->tolerance_ms >= 0) {
		int64_t apart = ret->at > wanted->now ? ret->at - wanted->now : wanted->now - ret->at;

		if (apart > wanted->tolerance_ms)
			return err_set(err, -EKEYREJECTED, "time", "", "its time is %lld s away from ours", (long long)(apart / SECOND_MS));
	}
	return 0;
}

/* What the library knows while it looks at the chain, and does not give back. */
struct chain {
	int wrong; /* the first thing; the library itself tells it in words alone */
	uint8_t root[SHA256_SIZE]; /* of the chain that was looked at last */
};

static int on_chain(int ok, X509_STORE_CTX *ctx)
{
	struct chain *seen = X509_STORE_get_ex_data(X509_STORE_CTX_get0_store(ctx), 0);
	STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);

	if (!ok && !seen->wrong)
		seen->wrong = X509_STORE_CTX_get_error(ctx);
	if (sk_X509_num(chain) > 0)
		must(X509_digest(sk_X509_value(chain, sk_X509_num(chain) - 1), EVP_sha256(), seen->root, NULL) == 1);
	return ok;
}

/* NULL: no such list. */
static X509_CRL *parse_crl(const struct slice *der)
{
	const unsigned char *at = der->data;
	X509_CRL *crl = der->len <= TIMESTAMP_CRL_MAX ? d2i_X509_CRL(NULL, &at, (long)der->len) : NULL;

	ERR_clear_error();
	if (crl && at != der->data + der->len) {
		X509_CRL_free(crl);
		return NULL;
	}
	return crl;
}

static X509_STORE *make_store(const struct timestamp_trust *trust, int64_t at, X509_CRL *crl, struct chain *seen)
{
	X509_STORE *store = X509_STORE_new();

	must(store);
	if (crl)
		must(X509_STORE_add_crl(store, crl) == 1 && X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK) == 1);
	for (int i = 0; i < sk_X509_num(trust->certs); i++)
		must(X509_STORE_add_cert(store, sk_X509_value(trust->certs, i)) == 1);
	must(X509_STORE_set_ex_data(store, 0, seen) == 1);
	X509_STORE_set_verify_cb(store, on_chain);
	X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store), (time_t)(at / SECOND_MS));
	return store;
}

static int chain_refused(int wrong, struct err *err)
{
	const char *code = "untrusted";

	if (wrong == X509_V_ERR_INVALID_PURPOSE)
		code = "purpose";
	else if (wrong == X509_V_ERR_CERT_REVOKED)
		code = "revoked";
	else if (wrong == X509_V_ERR_UNABLE_TO_GET_CRL || wrong == X509_V_ERR_CRL_SIGNATURE_FAILURE || wrong == X509_V_ERR_CRL_NOT_YET_VALID ||
		wrong == X509_V_ERR_CRL_HAS_EXPIRED || wrong == X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER || wrong == X509_V_ERR_DIFFERENT_CRL_SCOPE)
		code = "crl";
	else if (wrong == X509_V_ERR_CERT_HAS_EXPIRED || wrong == X509_V_ERR_CERT_NOT_YET_VALID)
		code = "expired";
	return err_set(err, -EKEYREJECTED, code, "", "the authority's certificate is not believed: %s", X509_verify_cert_error_string(wrong));
}

static int signature_refused(struct err *err)
{
	unsigned long found;
	const char *code = "signature", *text = "it is signed wrongly";

	while ((found = ERR_get_error()) != 0) {
		int reason = ERR_GET_REASON(found), library = ERR_GET_LIB(found);

		if (library == ERR_LIB_PKCS7 && reason == PKCS7_R_SIGNER_CERTIFICATE_NOT_FOUND)
			code = "no_certificate", text = "the certificate that it is signed with is not in it";
		else if (library == ERR_LIB_ESS || (library == ERR_LIB_TS && reason == TS_R_ESS_SIGNING_CERTIFICATE_ERROR))
			code = "ess", text = "it is signed with another certificate than the one it names";
		else if (library == ERR_LIB_TS && reason == TS_R_TSA_NAME_MISMATCH)
			code = "authority", text = "the authority that it names is not the one whose certificate signed it";
	}
	return refuse(err, code, text);
}

/* The first address of http or https among the distribution points. */
static void read_crl_url(X509 *signer, char *ret, size_t size)
{
	CLEANUP(CRL_DIST_POINTS_freep) CRL_DIST_POINTS *points = X509_get_ext_d2i(signer, NID_crl_distribution_points, NULL, NULL);

	ret[0] = '\0';
	for (int i = 0; points && i < sk_DIST_POINT_num(points); i++) {
		const DIST_POINT_NAME *name = sk_DIST_POINT_value(points, i)->distpoint;

		for (int k = 0; name && name->type == 0 && k < sk_GENERAL_NAME_num(name->name.fullname); k++) {
			const GENERAL_NAME *one = sk_GENERAL_NAME_value(name->name.fullname, k);
			const char *text;
			size_t len;

			if (one->type != GEN_URI)
				continue;
			text = (const char *)ASN1_STRING_get0_data(one->d.uniformResourceIdentifier);
			len = (size_t)ASN1_STRING_length(one->d.uniformResourceIdentifier);
			if (len >= size || (strncmp(text, "http://", 7) != 0 && strncmp(text, "https://", 8) != 0))
				continue;
			for (size_t c = 0; c <= len; c++) /* theirs: nothing but what an address may have */
				if (c == len) {
					memcpy(ret, text, len);
					ret[len] = '\0';
					return;
				} else if (text[c] <= 0x20 || text[c] >= 0x7f) {
					break;
				}
		}
	}
}

static bool read_authority(PKCS7 *token, STACK_OF(X509) *certs, struct timestamp *ret)
{
	STACK_OF(X509) *signers = PKCS7_get0_signers(token, certs, 0);
	CLEANUP(BIO_free_allp) BIO *out = BIO_new(BIO_s_mem());
	bool ok = signers && sk_X509_num(signers) == 1;
	int len;

	must(out);
	if (ok)
		read_crl_url(sk_X509_value(signers, 0), ret->crl_url, sizeof(ret->crl_url));
	if (ok)
		X509_NAME_print_ex(out, X509_get_subject_name(sk_X509_value(signers, 0)), 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
	len = BIO_read(out, ret->authority, sizeof(ret->authority) - 1);
	ret->authority[len > 0 ? len : 0] = '\0';
	sk_X509_free(signers);
	return ok;
}

/* The library's own judgement, of all of it once more. */
static int verify(TS_RESP *answer, const struct timestamp_wanted *wanted, struct timestamp *ret, struct err *err)
{
	CLEANUP(TS_VERIFY_CTX_freep) TS_VERIFY_CTX *ctx = NULL;
	CLEANUP(TS_REQ_freep) TS_REQ *request = NULL;
	CLEANUP(X509_CRL_freep) X509_CRL *crl = wanted->crl.len ? parse_crl(&wanted->crl) : NULL;
	CLEANUP(buf_clear) struct buf der = { 0 };
	STACK_OF(X509) *certs;
	const unsigned char *at;
	struct chain seen = { .wrong = X509_V_OK };
	int ok;

	if (wanted->crl.len && !crl)
		return refuse(err, "crl", "the list of revoked certificates cannot be read");
	certs = X509_chain_up_ref(wanted->trust->certs);
	timestamp_query_add(&der, &wanted->query);
	at = (const unsigned char *)der.data;
	request = d2i_TS_REQ(NULL, &at, (long)der.len);
	must(request && certs);
	ctx = TS_REQ_to_TS_VERIFY_CTX(request, NULL); /* version, imprint, nonce */
	must(ctx);
	TS_VERIFY_CTX_add_flags(ctx, TS_VFY_SIGNATURE | TS_VFY_SIGNER);
	TS_VERIFY_CTX_set_store(ctx, make_store(wanted->trust, ret->at, crl, &seen)); /* both belong to ctx now */
	TS_VERIFY_CTX_set_certs(ctx, certs);
	ERR_clear_error();
	ok = TS_RESP_verify_response(ctx, answer) == 1 && read_authority(TS_RESP_get_token(answer), certs, ret);
	if (!ok && seen.wrong != X509_V_OK) {
		ERR_clear_error();
		return chain_refused(seen.wrong, err);
	}
	memcpy(ret->root, seen.root, SHA256_SIZE);
	return ok ? 0 : signature_refused(err);
}

int timestamp_check(const void *answer, size_t len, const struct timestamp_wanted *wanted, struct timestamp *ret, struct err *err)
{
	CLEANUP(TS_RESP_freep) TS_RESP *response = NULL;
	struct timestamp stamp = { 0 };
	const unsigned char *at = answer;
	int r;

	if (len <= TIMESTAMP_MAX)
		response = d2i_TS_RESP(NULL, &at, (long)len);
	ERR_clear_error();
	if (!response || at != (const unsigned char *)answer + len)
		return refuse(err, "malformed", "no time-stamp answer");
	r = check_status(response, err);
	if (r == 0)
		r = check_info(response, wanted, &stamp, err);
	if (r == 0)
		r = verify(response, wanted, &stamp, err);
	if (r == 0)
		*ret = stamp;
	return r;
}
