#include "tools/sandbox_keys.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/hash.h"

#define SECRET_BYTES 24 /* as hex a whole number of base64's groups */
#define FILE_MAX 4096

struct sandbox_keys {
	char secret[2 * SECRET_BYTES + 1];
	EVP_PKEY *p256;
};

static void must(bool ok)
{
	if (!ok) {
		fputs("dunningd-sandbox: libcrypto failed\n", stderr);
		abort();
	}
}

/* What the file holds, or what `make` would have it hold. `path` NULL: no file. */
static int read_or_make(const char *path, void (*make)(struct buf *out), struct buf *ret, struct err *err)
{
	int r = path ? file_read(path, FILE_MAX, ret, err) : -ENOENT;

	if (r != -ENOENT)
		return r;
	make(ret);
	r = path ? file_replace(path, ret->data, ret->len, 0600) : 0;
	return r < 0 ? err_set(err, r, "unwritable", "", "%s: %s", path, strerror(-r)) : 0;
}

static void make_secret(struct buf *out)
{
	uint8_t bytes[SECRET_BYTES];
	char hex[2 * SECRET_BYTES + 1];

	random_bytes(bytes, sizeof(bytes));
	buf_add_str(out, hex_format(bytes, sizeof(bytes), hex));
}

static void make_pem(struct buf *out)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long len;

	must(key && bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1);
	len = BIO_get_mem_data(bio, &text);
	buf_add(out, text, (size_t)len);
	BIO_free(bio);
	EVP_PKEY_free(key);
}

int sandbox_keys_load(const char *dir, struct sandbox_keys **ret, struct err *err)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(sandbox_keys_freep) struct sandbox_keys *keys = xcalloc(1, sizeof(*keys));
	CLEANUP(buf_clear) struct buf secret = { 0 }, pem = { 0 };
	const char *secret_path = dir ? arena_printf(arena, "%s/sandbox-secret", dir) : NULL;
	const char *pem_path = dir ? arena_printf(arena, "%s/sandbox-p256.pem", dir) : NULL;
	uint8_t bytes[SECRET_BYTES];
	BIO *bio;
	int r;

	if ((r = read_or_make(secret_path, make_secret, &secret, err)) < 0 || (r = read_or_make(pem_path, make_pem, &pem, err)) < 0)
		return r;
	(void)snprintf(keys->secret, sizeof(keys->secret), "%s", buf_str(&secret));
	if (strlen(keys->secret) != 2 * SECRET_BYTES || hex_parse(keys->secret, SECRET_BYTES, bytes) < 0)
		return err_set(err, -EBADMSG, "bad_key", "", "%s: must begin with %d hexadecimal digits", secret_path, 2 * SECRET_BYTES);
	bio = BIO_new_mem_buf(pem.data, (int)pem.len);
	must(bio != NULL);
	keys->p256 = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	BIO_free(bio);
	if (!keys->p256 || !EVP_PKEY_is_a(keys->p256, "EC"))
		return err_set(err, -EBADMSG, "bad_key", "", "%s: holds no private key on P-256", pem_path);
	*ret = TAKE(keys);
	return 0;
}

void sandbox_keys_free(struct sandbox_keys *keys)
{
	if (!keys)
		return;
	EVP_PKEY_free(keys->p256);
	cleanse(keys->secret, sizeof(keys->secret));
	free(keys);
}

const char *sandbox_keys_secret(const struct sandbox_keys *keys)
{
	return keys->secret;
}

void sandbox_keys_public(const struct sandbox_keys *keys, struct buf *out)
{
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(keys->p256, &der);

	must(len > 0);
	base64_add(out, der, (size_t)len);
	OPENSSL_free(der);
}

void sandbox_keys_sign(const struct sandbox_keys *keys, const void *data, size_t len, struct buf *out)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t size = 0;

	must(ctx && EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL, keys->p256, NULL) == 1 &&
		EVP_DigestSign(ctx, NULL, &size, data, len) == 1);
	buf_reserve(out, size);
	must(EVP_DigestSign(ctx, (unsigned char *)out->data + out->len, &size, data, len) == 1);
	out->len += size;
	EVP_MD_CTX_free(ctx);
}
