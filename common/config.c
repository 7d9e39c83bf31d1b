#include "common/config.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/config_internal.h"
#include "common/fetch_url.h"
#include "common/json.h"

#define CONFIG_BYTES_MAX (1024 * 1024)
#define VALUE_MAX 1000
#define SETTING_MAX 8192 /* of a provider: a certificate, say */
#define KNOWN_MAX 80 /* names that one level of the file may have */
#define SENDERS_MAX 64
#define PROVIDERS_MAX 32
#define PRODUCERS_MAX 64
#define LEDGERS_MAX 64

/* Members that are more than a single value; each has a function below. */
static const char *const composites[] = { "senders", "channels", "providers", "producers", "ledgers", "trail.anchors", "creditor.postal",
	"policies.rules", "documents.fetch", "dashboard.tokens", NULL };
static const char *const sender_members[] = { "name", "email", "reply_to", "phone", NULL };
static const char *const provider_members[] = { "file", "settings", "secrets", "concurrency", "per_second", "burst",
	"per_hour", "per_day", "per_month", "failures", NULL };

/* --- unknown members, and what was perhaps meant ------------------------------------------------------------------ */

/* Levenshtein distance, for names of at most 63 bytes; longer ones are far from everything. */
static size_t distance(const char *a, const char *b)
{
	size_t row[64], len = strlen(b);

	if (len >= ARRAY_LEN(row) || strlen(a) >= ARRAY_LEN(row))
		return SIZE_MAX;
	for (size_t j = 0; j <= len; j++)
		row[j] = j;
	for (size_t i = 1; *a; a++, i++) {
		size_t corner = row[0];

		row[0] = i;
		for (size_t j = 1; j <= len; j++) {
			size_t best = corner + (*a != b[j - 1]);

			corner = row[j];
			if (best > row[j] + 1)
				best = row[j] + 1;
			if (best > row[j - 1] + 1)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[len];
}

static int refuse_unknown(const struct json *object, const char *key, const char *const *known, struct err *err)
{
	const char *best = NULL;
	size_t nearest = strlen(key) / 2 + 1; /* further away it is no slip of the finger */
	char list[240] = "";

	for (size_t i = 0; known[i]; i++) {
		size_t d = distance(key, known[i]);

		if (d < nearest) {
			nearest = d;
			best = known[i];
		}
		if (strlen(list) + strlen(known[i]) + 3 < sizeof(list)) {
			strcat(list, i ? ", " : "");
			strcat(list, known[i]);
		}
	}
	if (best)
		return json_refuse(object, key, err, "unknown_member", "is no known key: did you mean \"%s\"?", best);
	return json_refuse(object, key, err, "unknown_member", "is no known key: known here are %s", list);
}

int config_only_known(const struct json *object, const char *const *known, struct err *err)
{
	const char *key;
	struct json value;

	for (size_t i = 0; json_member(object, &i, &key, &value);) {
		size_t k = 0;

		while (known[k] && strcmp(known[k], key))
			k++;
		if (!known[k])
			return refuse_unknown(object, key, known, err);
	}
	return 0;
}

/* The names that a level of the table has: those behind "section.", or first words when section is "". */
static void level_names(struct arena *arena, const char *section, const char **names)
{
	const struct config_key *keys;
	size_t count, found = 0, len = strlen(section);

	keys = config_keys(&count);
	for (size_t i = 0; i < count; i++) {
		const char *rest = keys[i].path + len + (len > 0), *name;

		if (len && (strncmp(keys[i].path, section, len) || keys[i].path[len] != '.'))
			continue;
		name = arena_memdup(arena, rest, strcspn(rest, "."));
		if (found && !strcmp(names[found - 1], name))
			continue; /* sections are written together */
		assert(found + ARRAY_LEN(composites) < KNOWN_MAX);
		names[found++] = name;
	}
	for (size_t i = 0; composites[i]; i++) {
		const char *dot = strchr(composites[i], '.');

		if (len ? dot && !strncmp(composites[i], section, len) && composites[i][len] == '.' : !dot)
			names[found++] = len ? dot + 1 : composites[i];
	}
	names[found] = NULL;
}

static int check_members(struct arena *arena, const struct json *root, struct err *err)
{
	const struct config_key *keys;
	const char *known[KNOWN_MAX];
	size_t count;
	int r;

	level_names(arena, "", known);
	if ((r = config_only_known(root, known, err)) < 0)
		return r;
	keys = config_keys(&count);
	for (size_t i = 0; i < count; i++) {
		size_t len = strcspn(keys[i].path, ".");
		const char *section = arena_memdup(arena, keys[i].path, len);
		struct json object = { 0 };

		if (!keys[i].path[len] || (i && !strncmp(keys[i - 1].path, keys[i].path, len + 1)))
			continue;
		if ((r = json_opt_object(root, section, &object, err)) < 0)
			return r;
		level_names(arena, section, known);
		if ((r = config_only_known(&object, known, err)) < 0)
			return r;
	}
	return 0;
}

/* --- single values ------------------------------------------------------------------------------------------------ */

static int store_text(const struct json *object, const struct config_key *key, const char *name, void *at, struct err *err)
{
	const char *text = key->fallback;
	int r = json_opt_str(object, name, (size_t)key->max, &text, err);

	if (r < 0)
		return r;
	if (text && (strlen(text) < (size_t)key->min || (key->check && !key->check(text))))
		return json_refuse(object, name, err, "bad_value", "\"%.100s\" must be %s", text, key->like);
	*(const char **)at = text;
	return 0;
}

static int store_number(const struct json *object, const struct config_key *key, const char *name, void *at,
	struct err *err)
{
	struct json value = json_get(object, name);
	int64_t n = strtoll(key->fallback, NULL, 10);

	if (value.type != JSON_NONE && value.type != JSON_INT)
		return json_refuse(object, name, err, "wrong_type", "must be a whole number of %s", key->unit);
	if (value.type == JSON_INT)
		n = json_int(&value);
	if (n < key->min || n > key->max)
		return json_refuse(object, name, err, "out_of_range", "%lld must lie between %lld and %lld %s", (long long)n,
			(long long)key->min, (long long)key->max, key->unit);
	*(int64_t *)at = n;
	return 0;
}

static int store_bool(const struct json *object, const struct config_key *key, const char *name, void *at, struct err *err)
{
	bool flag = !strcmp(key->fallback, "true");
	int word = 0, r;

	if (key->type == CONFIG_WORD) {
		r = json_opt_word(object, name, key->words, &word, err);
		flag = word == 1;
	} else {
		r = json_opt_bool(object, name, &flag, err);
	}
	*(bool *)at = flag;
	return r;
}

static int parse_keys(const struct json *root, struct config *config, struct err *err)
{
	static int (*const stores[])(const struct json *, const struct config_key *, const char *, void *, struct err *) = {
		[CONFIG_TEXT] = store_text, [CONFIG_NUMBER] = store_number, [CONFIG_FLAG] = store_bool,
		[CONFIG_WORD] = store_bool
	};
	const struct config_key *keys;
	size_t count;

	keys = config_keys(&count);
	for (size_t i = 0; i < count; i++) {
		const struct config_key *key = &keys[i];
		const char *dot = strchr(key->path, '.');
		char section[64] = "";
		struct json inner, value;
		const struct json *object = root;
		const char *name = dot ? dot + 1 : key->path;
		int r;

		if (dot) {
			memcpy(section, key->path, (size_t)(dot - key->path));
			inner = json_get(root, section);
			object = &inner;
		}
		value = json_get(object, name);
		if (key->required && value.type == JSON_NONE)
			return json_refuse(object, name, err, "missing", "must be there: %s", key->help);
		r = stores[key->type](object, key, name, (char *)config + key->offset, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* --- senders ------------------------------------------------------------------------------------------------------ */

static int opt_checked(const struct json *object, const char *key, bool (*check)(const char *), const char *like,
	const char **ret, struct err *err)
{
	const char *text = NULL;
	int r = json_opt_str(object, key, VALUE_MAX, &text, err);

	if (r < 0 || !text)
		return r;
	if (!check(text))
		return json_refuse(object, key, err, "bad_value", "\"%.100s\" must be %s", text, like);
	*ret = text;
	return 0;
}

static bool line_ok(const char *text)
{
	return text[0] && !strpbrk(text, "\r\n\t\"<>");
}

static int check_name(const struct json *object, const char *key, const char *what, struct err *err)
{
	if (config_name_ok(key))
		return 0;
	return json_refuse(object, key, err, "bad_name",
		"%s must be named by a-z, 0-9, '-' and '_', beginning with a letter, at most 64 characters", what);
}

static int parse_sender(const struct json *object, const char *profile, struct sender *sender, struct err *err)
{
	int r;

	sender->profile = profile;
	if ((r = config_only_known(object, sender_members, err)) < 0 ||
		(r = opt_checked(object, "name", line_ok, "one line without \" < >", &sender->name, err)) < 0 ||
		(r = opt_checked(object, "email", email_valid, "one address such as \"name@example.com\"", &sender->email,
			 err)) < 0 ||
		(r = opt_checked(object, "reply_to", email_valid, "one address such as \"name@example.com\"",
			 &sender->reply_to, err)) < 0 ||
		(r = opt_checked(object, "phone", phone_valid, "in international form such as \"+33123456789\"",
			 &sender->phone, err)) < 0)
		return r;
	if (!sender->name)
		return json_refuse(object, "name", err, "missing", "must be there: who signs, such as \"Accounts, Acme\"");
	if (!sender->email)
		return json_refuse(object, "email", err, "missing", "must be there: the address messages come from");
	return 0;
}

static int parse_senders(const struct json *root, struct config *config, struct err *err)
{
	struct json senders = { 0 }, value;
	const char *profile;
	size_t used = 1; /* [0] is kept for the default */
	int r = json_opt_object(root, "senders", &senders, err);

	if (r < 0)
		return r;
	if (!json_has(&senders, "default"))
		return json_refuse(root, "senders.default", err, "missing",
			"must be there: name, email, reply_to and phone of who writes when a step names no sender");
	if (json_len(&senders) > SENDERS_MAX)
		return json_refuse(root, "senders", err, "too_many", "must be at most %d profiles", SENDERS_MAX);
	config->sender_count = json_len(&senders);
	config->senders = arena_alloc(config->arena, config->sender_count * sizeof(*config->senders));
	for (size_t i = 0; json_member(&senders, &i, &profile, &value);) {
		struct json object = { 0 };
		size_t at = strcmp(profile, "default") ? used++ : 0;

		if ((r = check_name(&senders, profile, "a sender profile", err)) < 0 ||
			(r = json_get_object(&senders, profile, &object, err)) < 0)
			return r;
		if (at >= config->sender_count)
			return json_refuse(&senders, profile, err, "missing", "must be an object, not null");
		if ((r = parse_sender(&object, profile, &config->senders[at], err)) < 0)
			return r;
	}
	return 0;
}

static int parse_postal(const struct json *root, struct config *config, struct err *err)
{
	static const char *const members[] = { "line1", "line2", "postcode", "city", "region", "country", NULL };
	struct json creditor = json_get(root, "creditor"), postal = { 0 };
	int r = json_opt_object(&creditor, "postal", &postal, err);

	if (r < 0 || postal.type != JSON_OBJECT)
		return r;
	if ((r = config_only_known(&postal, members, err)) < 0 || (r = postal_read(&creditor, "postal", &config->creditor_postal, err)) < 0)
		return r;
	return postal_check(&creditor, "postal", &config->creditor_postal, err);
}

/* --- providers and channels --------------------------------------------------------------------------------------- */

/* Appends the members of `key` to the pairs. A number or flag is kept as its text. */
static int add_pairs(struct config *config, const struct json *object, const char *key, bool secret, const char **pairs,
	size_t *used, struct err *err)
{
	struct json members = { 0 }, value;
	const char *name;
	int r = json_opt_object(object, key, &members, err);

	if (r < 0)
		return r;
	for (size_t i = 0; json_member(&members, &i, &name, &value);) {
		const char *text = json_str(&value);

		for (size_t k = 0; k < *used; k += 2)
			if (!strcmp(pairs[k], name))
				return json_refuse(&members, name, err, "duplicate_key", "must stand in settings or in secrets");
		if (secret && (!text || !config_credential_ok(text)))
			return json_refuse(&members, name, err, "bad_value",
				"must be the name of a systemd credential ([A-Za-z0-9._-]), never the secret itself");
		if (value.type == JSON_INT)
			text = arena_printf(config->arena, "%lld", (long long)json_int(&value));
		if (value.type == JSON_BOOL)
			text = json_bool(&value) ? "true" : "false";
		if (!text || strlen(text) > SETTING_MAX)
			return json_refuse(&members, name, err, "wrong_type",
				"must be a string of at most %d bytes, a whole number, true or false", SETTING_MAX);
		pairs[(*used)++] = arena_strdup(config->arena, name);
		pairs[(*used)++] = text;
	}
	return 0;
}

static int parse_provider(struct config *config, const struct json *object, const char *name,
	struct provider_settings *provider, struct err *err)
{
	struct json settings = json_get(object, "settings"), secrets = json_get(object, "secrets");
	size_t used = 0;
	const char **pairs = arena_alloc(config->arena, (2 * (json_len(&settings) + json_len(&secrets)) + 1) * sizeof(*pairs));
	int r;

	provider->name = name;
	provider->settings = pairs;
	provider->hooks_url = config->hooks_public_url ? arena_printf(config->arena, "%s/hooks/%s", config->hooks_public_url, name) : NULL;
	if ((r = config_only_known(object, provider_members, err)) < 0 ||
		(r = json_get_str(object, "file", VALUE_MAX, &provider->file, err)) < 0 ||
		(r = add_pairs(config, object, "settings", false, pairs, &used, err)) < 0 ||
		(r = add_pairs(config, object, "secrets", true, pairs, &used, err)) < 0 ||
		(r = json_opt_int(object, "concurrency", 1, 250, &provider->concurrency, err)) < 0 ||
		(r = json_opt_int(object, "per_second", 1, 10000, &provider->per_second, err)) < 0 ||
		(r = json_opt_int(object, "burst", 1, 10000, &provider->burst, err)) < 0 ||
		(r = json_opt_int(object, "per_hour", 1, PACE_QUOTA_MAX, &provider->quota[PACE_HOUR], err)) < 0 ||
		(r = json_opt_int(object, "per_day", 1, PACE_QUOTA_MAX, &provider->quota[PACE_DAY], err)) < 0 ||
		(r = json_opt_int(object, "per_month", 1, PACE_QUOTA_MAX, &provider->quota[PACE_MONTH], err)) < 0 ||
		(r = json_opt_int(object, "failures", 1, 1000, &provider->failures, err)) < 0)
		return r;
	/* A bare name lies in a provider folder; a path is the file itself. Nothing in between, so that ".." leads nowhere. */
	if (provider->file[0] != '/' && (!provider->file[0] || strchr(provider->file, '/') || provider->file[0] == '.'))
		return json_refuse(object, "file", err, "bad_value",
			"\"%.100s\" must be a file name such as \"sandbox.json\", an absolute path, \"smtp\" or \"outbox\"", provider->file);
	return 0;
}

static int parse_providers(const struct json *root, struct config *config, struct err *err)
{
	static const char *const no_settings[] = { NULL };
	struct json providers = { 0 }, value;
	const char *name;
	int r = json_opt_object(root, "providers", &providers, err);

	if (r < 0)
		return r;
	if (json_len(&providers) > PROVIDERS_MAX)
		return json_refuse(root, "providers", err, "too_many", "must be at most %d", PROVIDERS_MAX);
	config->providers = arena_alloc(config->arena, (json_len(&providers) + 1) * sizeof(*config->providers));
	for (size_t i = 0; json_member(&providers, &i, &name, &value);) {
		struct json object = { 0 };

		if (strcmp(name, "unsubscribe") == 0) /* /hooks/unsubscribe/ is ours */
			return json_refuse(&providers, name, err, "reserved", "must have another name: /hooks/unsubscribe/ takes unsubscriptions");
		if ((r = check_name(&providers, name, "a provider", err)) < 0 ||
			(r = json_get_object(&providers, name, &object, err)) < 0 ||
			(r = parse_provider(config, &object, name, &config->providers[config->provider_count++], err)) < 0)
			return r;
	}
	if (!config_provider(config, "outbox"))
		config->providers[config->provider_count++] =
			(struct provider_settings){ .name = "outbox", .file = "outbox", .settings = no_settings };
	return 0;
}

/* "sandbox", or a list in order of preference: a later one is taken after a certain failure of those before it. */
static int parse_channel(const struct json *channels, const char *key, struct config *config, const char **ret,
	struct err *err)
{
	struct json value = json_get(channels, key), list[1] = { value };
	size_t count = 1;

	if (value.type == JSON_ARRAY && (count = json_len(&value)) == 0)
		return json_refuse(channels, key, err, "bad_value", "must name a provider, or be left out");
	if (count > CHANNEL_PROVIDERS_MAX)
		return json_refuse(channels, key, err, "too_many", "must be at most %d providers", CHANNEL_PROVIDERS_MAX);
	for (size_t i = 0; i < count; i++) {
		struct json item = value.type == JSON_ARRAY ? json_at(&value, i) : list[0];
		const char *name = json_str(&item);

		if (!name)
			return json_refuse(channels, key, err, "wrong_type",
				"must be a provider's name, or a list of names in order of preference");
		if (!config_provider(config, name))
			return json_refuse(channels, key, err, "unknown_provider",
				"\"%.60s\" must be one of the providers, or \"outbox\"", name);
		ret[i] = config_provider(config, name)->name;
		for (size_t k = 0; k < i; k++)
			if (!strcmp(ret[k], ret[i]))
				return json_refuse(channels, key, err, "duplicate", "\"%.60s\" must not stand there twice", name);
	}
	return 0;
}

static int parse_channels(const struct json *root, struct config *config, struct err *err)
{
	struct json channels = { 0 };
	int r = json_opt_object(root, "channels", &channels, err);

	if (r < 0 || (r = config_only_known(&channels, channel_names, err)) < 0)
		return r;
	for (size_t c = 0; c < CHANNEL_COUNT; c++) {
		if (!json_has(&channels, channel_names[c]))
			continue;
		r = parse_channel(&channels, channel_names[c], config, config->channel_providers[c], err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* --- producers and ledgers ---------------------------------------------------------------------------------------- */

_Static_assert(EVENT_TYPE_COUNT < 64, "struct producer keeps a bit per event type");
#define OPERATOR_BIT (UINT64_C(1) << EVENT_OPERATOR_COMMAND)
/* What a person tells himself, with who and why: dunningctl's to write. */
#define BIT(type) (UINT64_C(1) << (type))
#define OPERATOR_TYPES                                                                                                        \
	(OPERATOR_BIT | BIT(EVENT_PROMISE_MADE) | BIT(EVENT_PROMISE_WITHDRAWN) | BIT(EVENT_PAYMENT_PLAN_AGREED) |               \
		BIT(EVENT_PAYMENT_PLAN_AMENDED) | BIT(EVENT_PAYMENT_PLAN_CANCELLED) | BIT(EVENT_DISPUTE_OPENED) |               \
		BIT(EVENT_DISPUTE_RESOLVED) | BIT(EVENT_SETTLEMENT_AGREED) | BIT(EVENT_CUSTOMER_INSOLVENCY_ENDED))
#define ALL_BUT_OPERATOR (((UINT64_C(1) << EVENT_TYPE_COUNT) - 1) & ~OPERATOR_BIT)

/* "invoice.paid", "invoice.*" or "*"; never an operator's command, which has a stream of its own. 0: no such type. */
static uint64_t type_bits(const char *text)
{
	size_t len = strlen(text);
	uint64_t bits = 0;

	if (!strcmp(text, "*"))
		return ALL_BUT_OPERATOR;
	for (size_t t = 0; t < EVENT_TYPE_COUNT; t++)
		if (!strcmp(text, event_type_names[t]) ||
			(len > 2 && !strcmp(text + len - 2, ".*") && !strncmp(text, event_type_names[t], len - 1)))
			bits |= UINT64_C(1) << t;
	return bits & ALL_BUT_OPERATOR;
}

static int parse_producer(const struct json *producers, const char *name, struct producer *producer, struct err *err)
{
	struct json types = { 0 };
	int r = json_get_array(producers, name, &types, err);

	if (r < 0)
		return r;
	if (!strcmp(name, "operator"))
		return json_refuse(producers, name, err, "bad_name",
			"must not be listed: the operator's stream is always there and takes what dunningctl writes");
	producer->name = name;
	for (size_t i = 0; i < json_len(&types); i++) {
		struct json item = json_at(&types, i);
		uint64_t bits = json_str(&item) ? type_bits(json_str(&item)) : 0;

		if (!bits)
			return json_refuse(&item, NULL, err, "unknown_type",
				"must be an event type such as \"invoice.paid\", a group such as \"invoice.*\", or \"*\"");
		producer->types |= bits;
	}
	return 0;
}

static int parse_producers(const struct json *root, struct config *config, struct err *err)
{
	struct json producers = { 0 }, value;
	const char *name;
	int r = json_opt_object(root, "producers", &producers, err);

	if (r < 0)
		return r;
	if (json_len(&producers) > PRODUCERS_MAX)
		return json_refuse(root, "producers", err, "too_many", "must be at most %d", PRODUCERS_MAX);
	config->producers = arena_alloc(config->arena, (json_len(&producers) + 2) * sizeof(*config->producers));
	config->producers[config->producer_count++] = (struct producer){ .name = NULL, .types = ALL_BUT_OPERATOR };
	config->producers[config->producer_count++] = (struct producer){ .name = "operator", .types = OPERATOR_TYPES };
	for (size_t i = 0; json_member(&producers, &i, &name, &value);)
		if ((r = check_name(&producers, name, "a producer", err)) < 0 ||
			(r = parse_producer(&producers, name, &config->producers[config->producer_count++], err)) < 0)
			return r;
	return 0;
}

static int parse_ledgers(const struct json *root, struct config *config, struct err *err)
{
	struct json array = { 0 };
	const char **ledgers;
	int r = json_opt_array(root, "ledgers", &array, err);

	if (r < 0)
		return r;
	if (json_len(&array) > LEDGERS_MAX)
		return json_refuse(root, "ledgers", err, "too_many", "must be at most %d", LEDGERS_MAX);
	ledgers = arena_alloc(config->arena, (json_len(&array) + 1) * sizeof(*ledgers));
	for (size_t i = 0; i < json_len(&array); i++) {
		struct json item = json_at(&array, i);

		ledgers[i] = json_str(&item);
		if (!ledgers[i] || !ledgers[i][0] || strlen(ledgers[i]) > VALUE_MAX)
			return json_refuse(&item, NULL, err, "wrong_type",
				"must be the source of a ledger.watermark, such as \"https://billing.example/eu\"");
	}
	config->ledgers = ledgers;
	return 0;
}

/* --- where invoices' PDFs may be fetched from -------------------------------------------------------------------------- */

static int parse_fetch(const struct json *root, struct config *config, struct err *err)
{
	struct json object = { 0 }, array = { 0 };
	const char **hosts;
	int r = json_opt_object(root, "documents", &object, err);

	if (r < 0 || object.type != JSON_OBJECT || (r = json_opt_array(&object, "fetch", &array, err)) < 0)
		return r;
	if (json_len(&array) > LEDGERS_MAX)
		return json_refuse(&object, "fetch", err, "too_many", "must be at most %d", LEDGERS_MAX);
	hosts = arena_alloc(config->arena, (json_len(&array) + 1) * sizeof(*hosts));
	for (size_t i = 0; i < json_len(&array); i++) {
		struct json item = json_at(&array, i);

		hosts[i] = json_str(&item);
		if (!hosts[i] || !fetch_host_ok(hosts[i]))
			return json_refuse(&item, NULL, err, "bad_host",
				"must be a host such as \"billing.example\", \"*.billing.example\" or \"billing.example:8443\"");
	}
	config->documents_fetch = json_len(&array) ? hosts : NULL;
	return 0;
}

/* --- the whole ---------------------------------------------------------------------------------------------------- */

int config_parse(const char *json, size_t len, struct config **ret, struct err *err)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct config *config = arena_alloc(arena, sizeof(*config));
	struct json root;
	int r;

	config->arena = arena;
	if (len > CONFIG_BYTES_MAX)
		return err_set(err, -EBADMSG, "too_large", "$", "must be at most %d bytes", CONFIG_BYTES_MAX);
	if ((r = json_parse(arena, json, len, JSON_COMMENTS, &root, err)) < 0)
		return r;
	if (root.type != JSON_OBJECT)
		return json_refuse(&root, NULL, err, "wrong_type", "must be an object with origin, creditor and senders");
	if ((r = check_members(arena, &root, err)) < 0 || (r = parse_keys(&root, config, err)) < 0 ||
		(r = parse_postal(&root, config, err)) < 0 || (r = parse_senders(&root, config, err)) < 0 || (r = parse_providers(&root, config, err)) < 0 ||
		(r = parse_channels(&root, config, err)) < 0 || (r = parse_producers(&root, config, err)) < 0 ||
		(r = parse_ledgers(&root, config, err)) < 0 || (r = parse_fetch(&root, config, err)) < 0 ||
		(r = config_parse_anchors(&root, config, err)) < 0 ||
		(r = config_parse_rules(&root, config, err)) < 0 || (r = config_parse_tokens(&root, config, err)) < 0)
		return r;
	if (config->digest_email && !config->channel_providers[CHANNEL_EMAIL][0])
		return err_set(err, -EBADMSG, "missing", "$.channels.email", "must name a provider: digest.email is told by mail");
	if (config->hooks_listen && !config->hooks_public_url)
		return err_set(err, -EBADMSG, "missing", "$.hooks.public_url",
			"must be there beside hooks.listen: the https:// address before /hooks/ that providers call");
	if (!config->page_listen != !config->page_public_url)
		return err_set(err, -EBADMSG, "missing", config->page_listen ? "$.page.public_url" : "$.page.listen",
			"must be there beside the other one: where the debtors' page is answered, and the https:// address before /p/ in its links");
	if (config->page_oldest_key > config->page_key)
		return err_set(err, -EBADMSG, "out_of_range", "$.page.oldest_key", "must be at most page.key, %lld: else no link would count",
			(long long)config->page_key);
	json_write(&text, &root);
	config->text = arena_strdup(arena, buf_str(&text));
	TAKE(arena); /* the config lies in it and frees it */
	*ret = config;
	return 0;
}

void config_free(struct config *config)
{
	if (config)
		arena_free(config->arena);
}

const struct sender *config_sender(const struct config *config, const char *profile)
{
	for (size_t i = 0; i < config->sender_count; i++)
		if (!strcmp(config->senders[i].profile, profile[0] ? profile : "default"))
			return &config->senders[i];
	return NULL;
}

const struct provider_settings *config_provider(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->provider_count; i++)
		if (!strcmp(config->providers[i].name, name))
			return &config->providers[i];
	return NULL;
}
