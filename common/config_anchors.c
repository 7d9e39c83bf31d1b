/* trail.anchors: who vouches for the trail. */
#include <errno.h>
#include <string.h>

#include "common/config_internal.h"
#include "common/note.h"
#include "common/timestamp.h"
#include "common/utc.h"

#define ANCHORS_MAX 16
#define URL_MAX 500

const char *const anchor_kind_names[ANCHOR_KIND_COUNT + 1] = { "timestamp", "witness", "s3", NULL };

static const char *const members[ANCHOR_KIND_COUNT][12] = {
	[ANCHOR_TIMESTAMP] = { "kind", "url", "every", "timeout", "roots", "policy", "authorization", NULL },
	[ANCHOR_WITNESS] = { "kind", "url", "every", "timeout", "verifier_key", NULL },
	[ANCHOR_S3] = { "kind", "url", "every", "timeout", "bucket", "keys_bucket", "region", "id", "secret", "retain", "lock", NULL },
};
static const char *const lock_words[] = { "compliance", "governance", NULL };

static bool url_ok(const char *text)
{
	const char *host = strncmp(text, "https://", 8) == 0 ? text + 8 : strncmp(text, "http://", 7) == 0 ? text + 7 : NULL;

	if (!host || !*host || *host == '/' || text[strlen(text) - 1] == '/' || strpbrk(text, "@?#\"<>\\"))
		return false;
	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		if (*p <= 0x20 || *p >= 0x7f)
			return false;
	return true;
}

/* What goes to a store is signed with a secret, and a witness sees when the log grows: only to this computer without TLS. */
static bool url_private(const char *url)
{
	return strncmp(url, "https://", 8) == 0 || strncmp(url, "http://127.", 11) == 0 || strncmp(url, "http://localhost", 16) == 0 ||
		strncmp(url, "http://[::1]", 12) == 0;
}

static bool endpoint_ok(const char *url)
{
	return !strchr(strstr(url, "://") + 3, '/');
}

static bool policy_ok(const char *text)
{
	return timestamp_policy_valid(text) == 0;
}

static bool witness_key_ok(const char *text)
{
	struct note_key key;

	return note_key_parse(text, &key) == 0 && key.type == NOTE_COSIGNATURE;
}

static bool word_ok(const char *text, const char *chars)
{
	return text[0] && strspn(text, chars) == strlen(text);
}

static bool bucket_ok(const char *text)
{
	return word_ok(text, "abcdefghijklmnopqrstuvwxyz0123456789.-") && strlen(text) >= 3 && strlen(text) <= 63;
}

static bool region_ok(const char *text)
{
	return word_ok(text, "abcdefghijklmnopqrstuvwxyz0123456789-") && strlen(text) <= 40;
}

static int get_text(const struct json *object, const char *key, bool required, bool (*check)(const char *), const char *like,
	const char **ret, struct err *err)
{
	int r;

	if (required && !json_has(object, key))
		return json_refuse(object, key, err, "missing", "must be there: %s", like);
	r = json_opt_str(object, key, URL_MAX, ret, err);
	if (r < 0 || !*ret)
		return r;
	return check(*ret) ? 0 : json_refuse(object, key, err, "bad_value", "\"%.100s\" must be %s", *ret, like);
}

static int get_span(const struct json *object, const char *key, const char *fallback, int64_t min, int64_t max, const char *like,
	int64_t *ret, struct err *err)
{
	const char *text = fallback;
	int r = json_opt_str(object, key, 20, &text, err);

	if (r < 0)
		return r;
	if (span_parse(text, ret) < 0 || *ret < min || *ret > max)
		return json_refuse(object, key, err, "bad_value", "\"%.20s\" must be %s", text, like);
	return 0;
}

static int parse_stamp(const struct json *object, struct anchor_settings *anchor, struct err *err)
{
	int r;

	if ((r = get_text(object, "roots", true, config_absolute_ok,
		     "an absolute path: the certificates, as PEM, that the authority's must go back to", &anchor->roots, err)) < 0 ||
		(r = get_text(object, "policy", false, policy_ok, "an object identifier such as \"1.3.6.1.4.1.32473.1.1\"", &anchor->policy,
			 err)) < 0)
		return r;
	r = get_text(object, "authorization", false, config_credential_ok,
		"the name of a credential ([A-Za-z0-9._-]), never the secret itself", &anchor->authorization, err);
	if (r == 0 && anchor->authorization && !url_private(anchor->url))
		return json_refuse(object, "url", err, "bad_value", "\"%.100s\" must be an https:// address: a secret goes with the request",
			anchor->url);
	return r;
}

static int parse_witness(const struct json *object, struct anchor_settings *anchor, struct err *err)
{
	if (!url_private(anchor->url))
		return json_refuse(object, "url", err, "bad_value", "\"%.100s\" must be an https:// address", anchor->url);
	return get_text(object, "verifier_key", true, witness_key_ok,
		"the witness's verifier key, name+id+base64, for cosignatures with Ed25519", &anchor->verifier_key, err);
}

static int parse_store(const struct json *object, struct anchor_settings *anchor, struct err *err)
{
	static const char credential[] = "the name of a credential ([A-Za-z0-9._-]), never the secret itself";
	static const char bucket[] = "a bucket's name: 3 to 63 of a-z, 0-9, '.' and '-'";
	int word = 0, r;

	if (!url_private(anchor->url) || !endpoint_ok(anchor->url))
		return json_refuse(object, "url", err, "bad_value",
			"\"%.100s\" must be the store's https:// address without a path or bucket", anchor->url);
	if ((r = get_text(object, "bucket", true, bucket_ok, bucket, &anchor->bucket, err)) < 0 ||
		(r = get_text(object, "keys_bucket", false, bucket_ok, bucket, &anchor->keys_bucket, err)) < 0 ||
		(r = get_text(object, "region", true, region_ok, "a region such as \"eu-west-3\"", &anchor->region, err)) < 0 ||
		(r = get_text(object, "id", true, config_credential_ok, credential, &anchor->id, err)) < 0 ||
		(r = get_text(object, "secret", true, config_credential_ok, credential, &anchor->secret, err)) < 0 ||
		(r = json_opt_word(object, "lock", lock_words, &word, err)) < 0)
		return r;
	if (anchor->keys_bucket && strcmp(anchor->keys_bucket, anchor->bucket) == 0)
		return json_refuse(object, "keys_bucket", err, "bad_value",
			"\"%.100s\" must be another bucket, without Object Lock: what is locked there could not be erased", anchor->keys_bucket);
	anchor->governance = word == 1;
	return get_span(object, "retain", "3650d", DAY_MS, 36500 * DAY_MS, "a span between \"1d\" and \"36500d\"", &anchor->retain_ms, err);
}

static int parse_anchor(const struct json *object, struct anchor_settings *anchor, struct err *err)
{
	static int (*const parsers[])(const struct json *, struct anchor_settings *, struct err *) = {
		[ANCHOR_TIMESTAMP] = parse_stamp, [ANCHOR_WITNESS] = parse_witness, [ANCHOR_S3] = parse_store
	};
	int kind = 0, r;

	if (!json_has(object, "kind"))
		return json_refuse(object, "kind", err, "missing", "must be there: timestamp, witness or s3");
	if ((r = json_opt_word(object, "kind", anchor_kind_names, &kind, err)) < 0 ||
		(r = config_only_known(object, members[kind], err)) < 0)
		return r;
	anchor->kind = (enum anchor_kind)kind;
	if ((r = get_text(object, "url", true, url_ok, "an https:// or http:// address without a '/' at its end", &anchor->url, err)) < 0 ||
		(r = get_span(object, "every", "1h", MINUTE_MS, DAY_MS, "a span between \"1m\" and \"24h\"", &anchor->every_ms, err)) < 0 ||
		(r = get_span(object, "timeout", "30s", SECOND_MS, 5 * MINUTE_MS, "a span between \"1s\" and \"5m\"", &anchor->timeout_ms, err)) < 0)
		return r;
	return parsers[kind](object, anchor, err);
}

int config_parse_anchors(const struct json *root, struct config *config, struct err *err)
{
	struct json trail = json_get(root, "trail"), anchors = { 0 }, value;
	const char *name;
	int r = trail.type == JSON_OBJECT ? json_opt_object(&trail, "anchors", &anchors, err) : 0;

	if (r < 0)
		return r;
	if (json_len(&anchors) > ANCHORS_MAX)
		return json_refuse(&trail, "anchors", err, "too_many", "must be at most %d", ANCHORS_MAX);
	config->anchors = arena_alloc(config->arena, (json_len(&anchors) + 1) * sizeof(*config->anchors));
	for (size_t i = 0; json_member(&anchors, &i, &name, &value);) {
		struct anchor_settings *anchor = &config->anchors[config->anchor_count++];
		struct json object;

		if (!config_name_ok(name))
			return json_refuse(&anchors, name, err, "bad_name", "must be a name of a-z, 0-9, '-' and '_', beginning with a letter");
		anchor->name = name;
		if ((r = json_get_object(&anchors, name, &object, err)) < 0 || (r = parse_anchor(&object, anchor, err)) < 0)
			return r;
	}
	return 0;
}
