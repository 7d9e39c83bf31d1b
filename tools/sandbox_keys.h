/*
 * sandbox_keys - what the sandbox signs its webhooks with. One secret serves as Twilio's token, as Resend's (behind "whsec_") and for the
 * sandbox's own scheme; SendGrid's needs a key of its own on P-256.
 */
#ifndef DUNNINGD_TOOLS_SANDBOX_KEYS_H
#define DUNNINGD_TOOLS_SANDBOX_KEYS_H

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/err.h"

struct sandbox_keys;

/*
 * From DIR/sandbox-secret and DIR/sandbox-p256.pem, which are made when they are missing. `dir` NULL: fresh ones, gone at the end. -errno,
 * -EBADMSG: `err` names the file.
 */
int sandbox_keys_load(const char *dir, struct sandbox_keys **ret, struct err *err);
void sandbox_keys_free(struct sandbox_keys *keys); /* NULL is allowed */
DEFINE_CLEANUP(struct sandbox_keys, sandbox_keys_free)

const char *sandbox_keys_secret(const struct sandbox_keys *keys); /* text that is base64 too */
void sandbox_keys_public(const struct sandbox_keys *keys, struct buf *out); /* appends the base64 of the SubjectPublicKeyInfo */
void sandbox_keys_sign(const struct sandbox_keys *keys, const void *data, size_t len, struct buf *out); /* ECDSA, SHA-256; appends DER */

#endif
