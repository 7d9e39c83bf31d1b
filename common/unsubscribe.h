/*
 * unsubscribe - how a mail program is told, in the head of each mail, how its reader gets no more of them: List-Unsubscribe (RFC 2369
 * section 3.2) with an address to write to and one to POST to, and that this POST asks nothing back (List-Unsubscribe-Post, RFC 8058).
 * Pure. The link is good for one attempt, and for nothing but to stop mail to whom that attempt was for. Where no webhooks are listened for, as with a
 * mail server alone, the debtors' page takes it: then it is the page's own address to say so.
 */
#ifndef DUNNINGD_COMMON_UNSUBSCRIBE_H
#define DUNNINGD_COMMON_UNSUBSCRIBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attempt.h"
#include "common/config.h"
#include "common/message.h"

#define UNSUBSCRIBE_PATH "/hooks/unsubscribe/" /* behind hooks.public_url; no provider may be called so */
#define UNSUBSCRIBE_PAGE "/stop" /* behind a debtor's link */
#define UNSUBSCRIBE_TOKEN_SIZE 60 /* the attempt's id, '-', 32 hex digits and NUL */

/* The id, and the first 128 bits of HMAC-SHA-256(install key, "dunningd unsubscribe 1" | id). */
void unsubscribe_token(const uint8_t install_key[32], const char *attempt_id, char ret[UNSUBSCRIBE_TOKEN_SIZE]);
/* Whether the token is one of ours; then `attempt_id` is filled. Takes the same time whatever differs. */
bool unsubscribe_check(const uint8_t install_key[32], const char *token, char attempt_id[ATTEMPT_ID_SIZE]);

/*
 * Fills list_unsubscribe and list_unsubscribe_post of a mail that has its id and its sender: the link when webhooks are listened for, else that of
 * `page` (of the debtor's page about it; NULL = there is none), and the address that answers go to. None there, no mail, or switched off: they stay
 * NULL. Strings lie in the arena.
 */
void unsubscribe_offer(const struct config *config, const uint8_t install_key[32], const char *page, struct message *message, struct arena *arena);

/* Whether a POST's body says List-Unsubscribe=One-Click, as a form or as multipart/form-data (RFC 8058 section 3.2). */
bool unsubscribe_asked(const char *body, size_t len);

#endif
