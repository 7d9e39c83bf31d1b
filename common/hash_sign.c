/* What providers want their requests signed with. */
#include "common/hash.h"

#include <assert.h>
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(bool ok)
{
	if (!ok) {
		fputs("libcrypto failed\n", stderr);
		abort();
	}
}

static const char *const names[] = { [HASH_SHA1] = "SHA1", [HASH_SHA256] = "SHA256", [HASH_SHA512] = "SHA512" };

size_t hash_any(enum hash_kind kind, const void *data, size_t len, uint8_t ret[HASH_SIZE_MAX])
{
	size_t size = 0;

	must(EVP_Q_digest(NULL, names[kind], NULL, len ? data : "", len, ret, &size) == 1);
	return size;
}

size_t hmac_any(enum hash_kind kind, const void *key, size_t key_len, const void *data, size_t len, uint8_t ret[HASH_SIZE_MAX])
{
	size_t size = 0;

	must(EVP_Q_mac(NULL, "HMAC", NULL, names[kind], NULL, key_len ? key : "", key_len, len ? data : (const void *)"", len, ret,
		     HASH_SIZE_MAX, &size) != NULL);
	return size;
}

/* A key with a password is refused: the library would ask for it on the terminal. */
static int no_password(char *buf, int size, int writing, void *arg)
{
	(void)buf, (void)size, (void)writing, (void)arg;
	return -1;
}

static int sign(EVP_PKEY *key, const void *data, size_t len, struct buf *out)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t size = 0;
	bool ok;

	must(ctx != NULL);
	ok = EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL, key, NULL) == 1 && EVP_DigestSign(ctx, NULL, &size, data, len) == 1;
	if (ok) {
		buf_reserve(out, size);
		ok = EVP_DigestSign(ctx, (unsigned char *)out->data + out->len, &size, data, len) == 1;
	}
	if (ok) {
		out->len += size;
		out->data[out->len] = '\0';
	}
	EVP_MD_CTX_free(ctx);
	return ok ? 0 : -EBADMSG;
}

int rs256_sign(const char *pem, const void *data, size_t len, struct buf *out)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *key;
	int r = -EBADMSG;

	must(bio != NULL);
	key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
	if (key && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA)
		r = sign(key, data, len, out);
	EVP_PKEY_free(key);
	BIO_free(bio);
	ERR_clear_error();
	return r;
}

void base64url_add(struct buf *buf, const void *data, size_t len)
{
	size_t from = buf->len;

	base64_add(buf, data, len);
	for (; from < buf->len; from++) {
		if (buf->data[from] == '+')
			buf->data[from] = '-';
		else if (buf->data[from] == '/')
			buf->data[from] = '_';
		else if (buf->data[from] == '=')
			break;
	}
	buf->len = from;
	if (buf->data)
		buf->data[from] = '\0';
}
