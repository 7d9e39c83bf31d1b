#include "daemon/log_key.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/service.h"

int log_key_make(const uint8_t seed[ED25519_SEED_SIZE], const char *origin, struct log_key *ret)
{
	uint8_t public_key[ED25519_KEY_SIZE];

	*ret = (struct log_key){ 0 };
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

int log_key_rename(struct log_key *key, const char *origin)
{
	struct log_key renamed = *key;
	int r = note_key_make(origin, NOTE_ED25519, key->verifier.public_key, &renamed.verifier);

	if (r == 0 && key->rotating)
		r = note_key_make(origin, NOTE_ED25519, key->next.public_key, &renamed.next);
	if (r == 0)
		*key = renamed;
	cleanse(&renamed, sizeof(renamed));
	return r;
}

/* One credential and the configuration's key that pins it. */
struct source {
	const char *credential, *key, *path, *pinned;
};

static int read_one(const char *dir, const char *origin, const struct source *from, struct log_key *ret, struct err *err)
{
	CLEANUP(buf_clear) struct buf own = { 0 };
	uint8_t seed[ED25519_SEED_SIZE];
	int r = credential_key(dir, from->credential, seed, err);

	if (r == -ENOENT && from->pinned) {
		err_clear(err);
		return err_set(err, -EKEYREJECTED, "log_key_missing", from->path,
			"the credential \"%s\" is missing, but %s pins a key: give the credential, or take %s out of the configuration to run %s",
			from->credential, from->key, from->key, strcmp(from->credential, LOG_KEY_CREDENTIAL) == 0 ?
				"with a trail that is not signed" : "without a second signature");
	}
	if (r < 0)
		return r;
	r = log_key_make(seed, origin, ret);
	cleanse(seed, sizeof(seed));
	if (r < 0)
		return err_set(err, r, "bad_origin", "$.origin", "the origin \"%s\" cannot be the name of a key", origin);
	note_key_add(&own, &ret->verifier);
	if (!from->pinned || strcmp(buf_str(&own), from->pinned) == 0)
		return 0;
	cleanse(ret->seed, sizeof(ret->seed));
	return err_set(err, -EKEYREJECTED, "log_key_other", from->path,
		"the credential \"%s\" holds another key than %s pins; its verifier key is %s", from->credential, from->key, buf_str(&own));
}

int log_key_read(const char *dir, const char *origin, const struct log_key_pins *pins, struct log_key *ret, struct err *err)
{
	const struct source sources[] = { { LOG_KEY_CREDENTIAL, "trail.verifier_key", "$.trail.verifier_key", pins ? pins->key : NULL },
		{ LOG_KEY_NEXT_CREDENTIAL, "trail.next_verifier_key", "$.trail.next_verifier_key", pins ? pins->next : NULL } };
	struct err none = { 0 };
	struct log_key next;
	int r = read_one(dir, origin, &sources[0], ret, err);

	ret->rotating = false;
	if (r < 0)
		return r;
	r = read_one(dir, origin, &sources[1], &next, &none);
	if (r == -ENOENT)
		return 0;
	if (r == 0 && pins && pins->key && !pins->next)
		r = err_set(&none, -EKEYREJECTED, "log_key_unpinned", "$.trail.next_verifier_key",
			"there is a credential \"" LOG_KEY_NEXT_CREDENTIAL "\", and trail.next_verifier_key does not pin it beside trail.verifier_key");
	if (r == 0 && memcmp(next.verifier.public_key, ret->verifier.public_key, ED25519_KEY_SIZE) == 0)
		r = err_set(&none, -EKEYREJECTED, "log_key_same", "", "the credentials \"" LOG_KEY_CREDENTIAL "\" and \"" LOG_KEY_NEXT_CREDENTIAL
			"\" hold the same key: take the second away, the rotation is over");
	if (r == 0) {
		ret->rotating = true;
		ret->next = next.verifier;
		memcpy(ret->next_seed, next.seed, sizeof(next.seed));
	} else {
		*err = none;
		cleanse(ret->seed, sizeof(ret->seed));
	}
	cleanse(next.seed, sizeof(next.seed));
	return r;
}
