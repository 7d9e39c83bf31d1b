/* Signatures of others that we only ever check: keys and bytes come from outside, and what is wrong with them is one answer, no. */
#include "common/hash.h"

#include <errno.h>
#include <limits.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>
#include <time.h>

static bool verify(EVP_PKEY *key, const EVP_MD *md, const void *data, size_t len, const void *signature, size_t signature_len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx && EVP_DigestVerifyInit(ctx, NULL, md, NULL, key) == 1 &&
		EVP_DigestVerify(ctx, signature, signature_len, data, len) == 1;

	EVP_MD_CTX_free(ctx);
	return good;
}

bool ecdsa_p256_verify(const void *key, size_t key_len, const void *data, size_t len, const void *signature, size_t signature_len)
{
	const unsigned char *at = key, *end = at + key_len;
	EVP_PKEY *public = NULL;
	char group[32] = "";
	bool good = false;

	(void)ERR_set_mark(); /* whoever asks the library for errors next must not find these */
	if (key_len <= LONG_MAX)
		public = d2i_PUBKEY(NULL, &at, (long)key_len);
	if (public && at == end && EVP_PKEY_get_group_name(public, group, sizeof(group), NULL) == 1 && strcmp(group, "prime256v1") == 0)
		good = verify(public, EVP_sha256(), data, len, signature, signature_len);
	EVP_PKEY_free(public);
	(void)ERR_pop_to_mark();
	return good;
}

static X509 *read_certificate(const char *pem)
{
	size_t size = strlen(pem);
	BIO *in = size <= INT_MAX ? BIO_new_mem_buf(pem, (int)size) : NULL;
	X509 *certificate = in ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL;

	BIO_free(in);
	return certificate;
}

bool rsa_certificate_verify(const char *pem, bool sha1, const void *data, size_t len, const void *signature, size_t signature_len)
{
	X509 *certificate;
	EVP_PKEY *key;
	bool good;

	(void)ERR_set_mark();
	certificate = read_certificate(pem);
	key = certificate ? X509_get0_pubkey(certificate) : NULL;
	good = key && EVP_PKEY_is_a(key, "RSA") && verify(key, sha1 ? EVP_sha1() : EVP_sha256(), data, len, signature, signature_len);
	X509_free(certificate);
	(void)ERR_pop_to_mark();
	return good;
}

int certificate_end(const char *pem, int64_t *ret)
{
	X509 *certificate;
	struct tm end;
	bool good;

	(void)ERR_set_mark();
	certificate = read_certificate(pem);
	good = certificate && ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) == 1;
	X509_free(certificate);
	(void)ERR_pop_to_mark();
	if (!good)
		return -EBADMSG;
	*ret = (int64_t)timegm(&end) * 1000;
	return 0;
}
