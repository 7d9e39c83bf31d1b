#include "daemon/log_key.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/service.h"

int log_key_make(const uint8_t seed[ED25519_SEED_SIZE], const char *origin, struct log_key *ret)
{
	uint8_t public_key[ED25519_KEY_SIZE];

	memcpy(ret->seed, seed, sizeof(ret->seed));
	ed25519_public_key(seed, public_key);
	return note_key_make(origin, NOTE_ED25519, public_key, &ret->verifier);
}

void log_key_of_year(const struct note_key *verifier, uint16_t year, struct note_key *ret)
{
	char name[NOTE_NAME_MAX + 8];
	int r;

	if (year)
		(void)snprintf(name, sizeof(name), "%s/%u", verifier->name, (unsigned)year);
	else
		(void)snprintf(name, sizeof(name), "%s", verifier->name);
	r = note_key_make(name, NOTE_ED25519, verifier->public_key, ret);
	assert(r == 0); /* an origin has 200 bytes at most, as the configuration reads it */
	(void)r;
}

int log_key_read(const char *dir, const char *origin, const char *pinned, struct log_key *ret, struct err *err)
{
	CLEANUP(buf_clear) struct buf own = { 0 };
	uint8_t seed[ED25519_SEED_SIZE];
	int r = credential_key(dir, LOG_KEY_CREDENTIAL, seed, err);

	if (r == -ENOENT && pinned) {
		err_clear(err);
		return err_set(err, -EKEYREJECTED, "log_key_missing", "$.trail.verifier_key",
			"the credential \"" LOG_KEY_CREDENTIAL "\" is missing, but trail.verifier_key pins a key: give the credential, or "
			"take trail.verifier_key out of the configuration to run with a trail that is not signed");
	}
	if (r < 0)
		return r;
	r = log_key_make(seed, origin, ret);
	cleanse(seed, sizeof(seed));
	if (r < 0)
		return err_set(err, r, "bad_origin", "$.origin", "the origin \"%s\" cannot be the name of a key", origin);
	note_key_add(&own, &ret->verifier);
	if (!pinned || strcmp(buf_str(&own), pinned) == 0)
		return 0;
	cleanse(ret->seed, sizeof(ret->seed));
	return err_set(err, -EKEYREJECTED, "log_key_other", "$.trail.verifier_key",
		"the credential \"" LOG_KEY_CREDENTIAL "\" holds another key than trail.verifier_key pins; its verifier key is %s",
		buf_str(&own));
}
