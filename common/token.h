/*
 * token - what stands in the addresses and forms of the debtor's page: links that are signed and expire, and one token for each form that
 * is shown, good for that link and that action alone. Nothing of it is stored; whether a form was used is the store's to know. Pure.
 *
 * A link is base64url of: format 1 (2: the id is a UUID, as 16 bytes), key number, channel (255 = none), partition (2 bytes), last day (2
 * bytes, days since 1970), the reader's language (2 letters, or zeros), the invoice's id, and 16 bytes of HMAC-SHA-256 over all that. Keys are
 * derived from the install key, one for each number: a new number begins a new key, and what older ones signed is refused once they are too old to count.
 */
#ifndef DUNNINGD_COMMON_TOKEN_H
#define DUNNINGD_COMMON_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/date.h"
#include "common/message.h"

#define TOKEN_ID_SIZE 25 /* hex and NUL */
#define LINK_ID_SIZE 17
#define LINK_TEXT_MAX 224
#define FORM_HOURS 24 /* so long a form may lie open */

struct token_keys {
	const uint8_t *install_key; /* 32 bytes */
	int newest, oldest; /* numbers, 1 .. 255: signs, and is still believed */
};

struct page_link {
	uint32_t partition; /* 0 .. 65535 */
	enum channel channel; /* by which it went out; CHANNEL_COUNT: a person gave it */
	date last_on; /* it is good until this day is over, everywhere on Earth */
	char language[3]; /* of the one it was sent to: "fr"; "" = not known */
	const char *invoice_id;
	int key; /* number of the key that signed it; set by page_link_read() */
};

/* Of a tag such as "fr-CA"; "" when its language has no code of two letters. */
void page_link_language(const char *tag, char ret[3]);
/* In the arena. `link->key` is not looked at: the newest signs. */
const char *page_link_write(const struct token_keys *keys, const struct page_link *link, struct arena *arena);
/* False: nobody who has a key made it, the key counts no more, or its last day is over at `now` (ms UTC). */
bool page_link_read(const struct token_keys *keys, const char *text, int64_t now, struct arena *arena, struct page_link *ret);
/* What names a link in records, and opens nothing. */
const char *page_link_id(const char *text, char ret[LINK_ID_SIZE]);

/* For a form that is shown now; `nonce` are 12 random bytes. In the arena. */
const char *form_token_write(const struct token_keys *keys, const struct page_link *link, const char *link_text, const char *action,
	int64_t now, const uint8_t nonce[12], struct arena *arena);
/* False: it was not made for this link and this action, or more than FORM_HOURS ago. `id` names it, and opens nothing. */
bool form_token_read(const struct token_keys *keys, const struct page_link *link, const char *link_text, const char *action, int64_t now,
	const char *text, char id[TOKEN_ID_SIZE]);

#endif
