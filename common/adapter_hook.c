/* The `webhooks` of a provider file: compiled and checked when it is loaded. */
#include "common/adapter_hook_internal.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "common/utc.h"

const char *const hook_words[HOOK_WORD_COUNT + 1] = { "sent", "delivered", "deferred", "bounced_hard", "bounced_soft", "failed", "unclaimed",
	"refused", "complained", "opened", "stopped", "suppressed", "replied", "other", "ignored", NULL };

bool hook_word_wants_no_more(enum hook_word word)
{
	return word == HOOK_COMPLAINED || word == HOOK_STOPPED || word == HOOK_SUPPRESSED;
}

bool hook_word_of_letters(enum hook_word word)
{
	return word == HOOK_UNCLAIMED || word == HOOK_REFUSED;
}

/* --- values ------------------------------------------------------------------------------------------------------------------- */

static int parse_transform(const struct json *json, struct source *ret, struct err *err)
{
	const char *transform = NULL;
	int r = json_opt_str(json, "transform", 40, &transform, err);

	if (r < 0 || !transform)
		return r;
	if (strcmp(transform, "strip_angle") == 0)
		ret->transform = ID_STRIP_ANGLE;
	else if (strncmp(transform, "before:", 7) == 0 && strlen(transform) == 8)
		ret->transform = ID_BEFORE, ret->before = transform[7];
	else if (strcmp(transform, "address") == 0)
		ret->address = true;
	else if (strcmp(transform, "e164") == 0)
		ret->phone = true;
	else if (strcmp(transform, "mail_text") == 0)
		ret->mail = true;
	else if (strcmp(transform, "html_text") == 0)
		ret->html = true;
	else
		return json_refuse(json, "transform", err, "not_one_of",
			"must be strip_angle, address, e164, mail_text, html_text or before:C with one character C");
	return 0;
}

/* {"1": "1: I have paid"}: a key that was pressed is no sentence. */
static int parse_words(struct arena *arena, const struct json *json, struct source *ret, struct err *err)
{
	struct json words = { 0 }, value;
	const char *key;
	size_t n = 0;
	int r = json_opt_object(json, "words", &words, err);

	if (r < 0 || words.type == JSON_NONE)
		return r;
	ret->words = arena_alloc(arena, (2 * json_len(&words) + 1) * sizeof(*ret->words));
	for (size_t i = 0; r == 0 && json_member(&words, &i, &key, &value); n += 2) {
		ret->words[n] = key;
		r = json_get_str(&words, key, 200, &ret->words[n + 1], err);
	}
	return r;
}

/* "/pointer", or {header | query | pointer | outer, prefix, transform, words}. */
static int parse_source(struct arena *arena, const struct json *json, struct source *ret, struct err *err)
{
	static const char *const members[] = { "header", "query", "pointer", "outer", "prefix", "transform", "words", NULL };
	static const enum source_kind kinds[] = { SOURCE_HEADER, SOURCE_QUERY, SOURCE_POINTER, SOURCE_OUTER };
	size_t given = 0;
	int r;

	*ret = (struct source){ 0 };
	if (json->type == JSON_STRING) {
		*ret = (struct source){ .kind = SOURCE_POINTER, .name = json_str(json) };
		return pointer_parse(json, NULL, ret->name, err);
	}
	if (json->type != JSON_OBJECT)
		return json_refuse(json, NULL, err, "wrong_type",
			"must be a pointer, or {\"header\": name}, {\"query\": name}, {\"outer\": pointer}");
	if ((r = json_only(json, members, err)) < 0 || (r = json_opt_str(json, "prefix", 64, &ret->prefix, err)) < 0 ||
		(r = parse_transform(json, ret, err)) < 0 || (r = parse_words(arena, json, ret, err)) < 0)
		return r;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (!json_has(json, members[i]))
			continue;
		given++;
		ret->kind = kinds[i];
		if ((r = json_get_str(json, members[i], 200, &ret->name, err)) < 0)
			return r;
		r = ret->kind == SOURCE_HEADER || ret->kind == SOURCE_QUERY ? header_name_parse(json, members[i], ret->name, err) :
									      pointer_parse(json, members[i], ret->name, err);
		if (r < 0)
			return r;
	}
	return given == 1 ? 0 : json_refuse(json, NULL, err, "missing", "must have one of header, query, pointer and outer");
}

static int opt_source(struct arena *arena, const struct json *object, const char *key, struct source *ret, struct err *err)
{
	struct json value = json_get(object, key);

	return value.type == JSON_NONE ? 0 : parse_source(arena, &value, ret, err);
}

/* One source, or an array of them. */
static int opt_sources(struct arena *arena, const struct json *object, const char *key, struct source_list *ret, struct err *err)
{
	struct json value = json_get(object, key);
	int r = 0;

	if (value.type == JSON_NONE)
		return 0;
	if (value.type != JSON_ARRAY) {
		ret->count = 1;
		return parse_source(arena, &value, &ret->sources[0], err);
	}
	if (json_len(&value) == 0 || json_len(&value) > HOOK_SOURCES_MAX)
		return json_refuse(object, key, err, "out_of_range", "must hold 1 to %d of them", HOOK_SOURCES_MAX);
	for (; r == 0 && ret->count < json_len(&value); ret->count++) {
		struct json one = json_at(&value, ret->count);

		r = parse_source(arena, &one, &ret->sources[ret->count], err);
	}
	return r;
}

/* "{config.name}": nothing around it, so that no secret is ever built out of pieces. */
static int parse_setting(const struct adapter *adapter, const struct json *json, const char *key, bool secret, const char **ret,
	struct err *err)
{
	static const char head[] = "{config.";
	const char *text = json_str(json);
	size_t len = text ? strlen(text) : 0;
	char *name;

	if (len < sizeof(head) + 1 || strncmp(text, head, sizeof(head) - 1) != 0 || text[len - 1] != '}')
		return json_refuse(json, key, err, "bad_template", "must be \"{config.NAME}\" and nothing else");
	name = arena_memdup(adapter->arena, text + sizeof(head) - 1, len - sizeof(head));
	for (size_t i = 0; i < adapter->setting_count; i++) {
		const struct setting *setting = &adapter->settings[i];

		if (strcmp(setting->name, name) != 0)
			continue;
		if (secret && !setting->secret)
			return json_refuse(json, key, err, "not_secret", "\"%s\" must be declared \"secret\": true under config", name);
		*ret = name;
		return 0;
	}
	return json_refuse(json, key, err, "unknown_value", "\"%s\" is not declared under config", name);
}

/* One setting, or several: old and new while a key is changed. */
static int parse_keys(const struct adapter *adapter, const struct json *verify, const char *key, bool secret, struct verify_plan *ret,
	struct err *err)
{
	struct json value = json_get(verify, key);
	size_t count = value.type == JSON_ARRAY ? json_len(&value) : 1;
	int r = 0;

	if (value.type == JSON_NONE)
		return json_refuse(verify, key, err, "missing", "is missing");
	if (count == 0 || count > HOOK_KEYS_MAX)
		return json_refuse(verify, key, err, "out_of_range", "must hold 1 to %d keys", HOOK_KEYS_MAX);
	for (; r == 0 && ret->key_count < count; ret->key_count++) {
		struct json one = value.type == JSON_ARRAY ? json_at(&value, ret->key_count) : value;

		r = parse_setting(adapter, &one, NULL, secret, &ret->keys[ret->key_count], err);
	}
	return r;
}

/* --- verification ------------------------------------------------------------------------------------------------------------- */

static int parse_part(struct arena *arena, const struct json *json, struct signed_part *ret, struct err *err)
{
	static const char *const members[] = { "url", "body", "form_sorted", "literal", "url_sorted", "header", "query", "pointer", NULL };
	static const enum part_kind kinds[] = { PART_URL, PART_BODY, PART_FORM_SORTED };
	bool on = false;
	int r;

	if (json->type == JSON_OBJECT && json_len(json) == 1) {
		if ((r = json_only(json, members, err)) < 0)
			return r;
		for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
			if (!json_has(json, members[i]))
				continue;
			ret->kind = kinds[i];
			r = json_opt_bool(json, members[i], &on, err);
			return r < 0 ? r : on ? 0 : json_refuse(json, members[i], err, "not_one_of", "must be true");
		}
		if (json_has(json, "literal") || json_has(json, "url_sorted")) {
			ret->kind = json_has(json, "literal") ? PART_LITERAL : PART_URL_SORTED;
			return json_get_str(json, ret->kind == PART_LITERAL ? "literal" : "url_sorted", 40, &ret->literal, err);
		}
	}
	ret->kind = PART_SOURCE;
	return parse_source(arena, json, &ret->source, err);
}

static int parse_parts(struct arena *arena, const struct json *verify, struct verify_plan *ret, struct err *err)
{
	struct json parts = { 0 };
	int r = json_get_array(verify, "parts", &parts, err);

	if (r < 0)
		return r;
	if (json_len(&parts) == 0 || json_len(&parts) > HOOK_PARTS_MAX)
		return json_refuse(verify, "parts", err, "out_of_range", "must hold 1 to %d parts", HOOK_PARTS_MAX);
	for (; r == 0 && ret->part_count < json_len(&parts); ret->part_count++) {
		struct json one = json_at(&parts, ret->part_count);

		r = parse_part(arena, &one, &ret->parts[ret->part_count], err);
	}
	return r;
}

static int parse_signature(const struct json *verify, struct verify_plan *ret, struct err *err)
{
	static const char *const members[] = { "header", "query", "pointer", "encoding", "separator", "prefix", NULL };
	static const char *const encodings[] = { "hex", "base64", NULL };
	struct json signature, source;
	const char *separator = NULL;
	int encoding = 0, r;

	if ((r = json_get_object(verify, "signature", &signature, err)) < 0 || (r = json_only(&signature, members, err)) < 0 ||
		(r = json_get_word(&signature, "encoding", encodings, &encoding, err)) < 0 ||
		(r = json_opt_str(&signature, "separator", 1, &separator, err)) < 0 ||
		(r = json_opt_str(&signature, "prefix", 20, &ret->signature_prefix, err)) < 0)
		return r;
	ret->encoding = (enum hook_encoding)encoding;
	ret->separator = separator ? separator[0] : '\0';
	for (size_t i = 0; i < 3; i++) {
		source = json_get(&signature, members[i]);
		if (source.type != JSON_STRING)
			continue;
		ret->signature = (struct source){ .kind = i == 0 ? SOURCE_HEADER : i == 1 ? SOURCE_QUERY : SOURCE_POINTER,
			.name = json_str(&source) };
		return i < 2 ? header_name_parse(&signature, members[i], ret->signature.name, err) :
			       pointer_parse(&signature, members[i], ret->signature.name, err);
	}
	return json_refuse(&signature, NULL, err, "missing", "must have header, query or pointer");
}

static int parse_time(const struct json *verify, struct verify_plan *ret, struct err *err)
{
	static const char *const members[] = { "header", "pointer", "unit", "tolerance_s", NULL };
	static const char *const units[] = { "s", "ms", "auto", NULL };
	struct json time = { 0 }, source;
	int64_t tolerance = 300;
	int unit = TIME_SECONDS;
	int r = json_opt_object(verify, "timestamp", &time, err);

	if (r < 0 || time.type == JSON_NONE)
		return r;
	if ((r = json_only(&time, members, err)) < 0 || (r = json_opt_word(&time, "unit", units, &unit, err)) < 0 ||
		(r = json_opt_int(&time, "tolerance_s", 1, HOOK_FRESH_MS / SECOND_MS, &tolerance, err)) < 0)
		return r;
	ret->time_unit = (enum time_unit)unit;
	ret->tolerance_ms = tolerance * SECOND_MS;
	source = json_get(&time, "header");
	ret->time.kind = source.type == JSON_STRING ? SOURCE_HEADER : SOURCE_POINTER;
	if (source.type != JSON_STRING)
		source = json_get(&time, "pointer");
	ret->time.name = json_str(&source);
	if (!ret->time.name)
		return json_refuse(&time, NULL, err, "missing", "must have header or pointer");
	return ret->time.kind == SOURCE_HEADER ? header_name_parse(&time, "header", ret->time.name, err) :
						 pointer_parse(&time, "pointer", ret->time.name, err);
}

static int parse_signed(const struct adapter *adapter, const struct json *verify, struct verify_plan *ret, struct err *err)
{
	static const char *const hashes[] = { "sha256", "sha1", "sha512", NULL };
	static const enum hash_kind kinds[] = { HASH_SHA256, HASH_SHA1, HASH_SHA512 };
	static const char *const encodings[] = { "hex", "base64", "raw", NULL };
	int hash = 0, encoding = ENCODING_RAW, r;

	if ((r = parse_keys(adapter, verify, "key", ret->kind == VERIFY_HMAC, ret, err)) < 0 ||
		(ret->kind == VERIFY_HMAC && ((r = json_opt_word(verify, "hash", hashes, &hash, err)) < 0 ||
			(r = json_opt_str(verify, "key_prefix", 20, &ret->key_prefix, err)) < 0 ||
			(r = json_opt_word(verify, "key_encoding", encodings, &encoding, err)) < 0 ||
			(r = json_opt_str(verify, "body_hash", 64, &ret->body_hash, err)) < 0)) ||
		(r = parse_parts(adapter->arena, verify, ret, err)) < 0 || (r = parse_signature(verify, ret, err)) < 0 ||
		(r = parse_time(verify, ret, err)) < 0 || (r = opt_source(adapter->arena, verify, "once", &ret->once, err)) < 0)
		return r;
	ret->hash = kinds[hash];
	ret->key_encoding = ret->kind == VERIFY_HMAC ? (enum hook_encoding)encoding : ENCODING_BASE64;
	return 0;
}

#define SIGNED "key", "parts", "signature", "timestamp", "once"

static int parse_verify(const struct adapter *adapter, const struct json *webhook, struct verify_plan *ret, struct err *err)
{
	static const char *const kinds[VERIFY_KIND_COUNT + 1] = { "none", "basic", "header", "path_secret", "hmac", "ed25519",
		"ecdsa_p256", "sns", "jwt_hs256", NULL };
	static const char *const members[VERIFY_KIND_COUNT][12] = {
		[VERIFY_NONE] = { "kind", "why", NULL },
		[VERIFY_BASIC] = { "kind", "user", "password", NULL },
		[VERIFY_HEADER] = { "kind", "name", "value", NULL },
		[VERIFY_PATH] = { "kind", "value", NULL },
		[VERIFY_HMAC] = { "kind", SIGNED, "hash", "key_prefix", "key_encoding", "body_hash", NULL },
		[VERIFY_ED25519] = { "kind", SIGNED, NULL },
		[VERIFY_ECDSA] = { "kind", SIGNED, NULL },
		[VERIFY_SNS] = { "kind", "topic", "certificate", NULL },
		[VERIFY_JWT] = { "kind", "key", "header", "body_claim", "url_claim", "tolerance_s", NULL },
	};
	const char *why = NULL;
	struct json verify, user;
	int64_t tolerance = 300;
	int kind = 0, r;

	if ((r = json_get_object(webhook, "verify", &verify, err)) < 0 || (r = json_get_word(&verify, "kind", kinds, &kind, err)) < 0 ||
		(r = json_only(&verify, members[kind], err)) < 0)
		return r;
	ret->kind = (enum verify_kind)kind;
	switch (ret->kind) {
	case VERIFY_NONE:
		r = json_get_str(&verify, "why", 400, &why, err);
		return r < 0 ? r : *why ? 0 : json_refuse(&verify, "why", err, "missing", "must say why nothing proves who writes");
	case VERIFY_BASIC:
		user = json_get(&verify, "user");
		if ((r = parse_setting(adapter, &user, NULL, false, &ret->user, err)) < 0)
			return r;
		return parse_keys(adapter, &verify, "password", true, ret, err);
	case VERIFY_HEADER:
		if ((r = json_get_str(&verify, "name", 100, &ret->header, err)) < 0 ||
			(r = header_name_parse(&verify, "name", ret->header, err)) < 0)
			return r;
		return parse_keys(adapter, &verify, "value", true, ret, err);
	case VERIFY_PATH:
		return parse_keys(adapter, &verify, "value", true, ret, err);
	case VERIFY_SNS:
		user = json_get(&verify, "topic");
		if ((r = parse_setting(adapter, &user, NULL, false, &ret->user, err)) < 0)
			return r;
		return parse_keys(adapter, &verify, "certificate", false, ret, err);
	case VERIFY_JWT:
		ret->key_encoding = ENCODING_RAW;
		if ((r = json_get_str(&verify, "header", 100, &ret->header, err)) < 0 ||
			(r = header_name_parse(&verify, "header", ret->header, err)) < 0 ||
			(r = json_get_str(&verify, "body_claim", 64, &ret->body_claim, err)) < 0 ||
			(r = json_opt_str(&verify, "url_claim", 64, &ret->url_claim, err)) < 0 ||
			(r = json_opt_int(&verify, "tolerance_s", 1, 86400, &tolerance, err)) < 0)
			return r;
		ret->tolerance_ms = tolerance * SECOND_MS;
		return parse_keys(adapter, &verify, "key", true, ret, err);
	default:
		return parse_signed(adapter, &verify, ret, err);
	}
}

/* --- reading ------------------------------------------------------------------------------------------------------------------ */

static int opt_unwrap(const struct json *webhook, const char *key, struct unwrap *ret, struct err *err)
{
	static const char *const members[] = { "pointer", "text", "single", "read", NULL };
	struct json steps = { 0 };
	int r = json_opt_array(webhook, key, &steps, err);

	if (r == 0 && json_len(&steps) > HOOK_STEPS_MAX)
		return json_refuse(webhook, key, err, "out_of_range", "must hold at most %d steps", HOOK_STEPS_MAX);
	for (; r == 0 && ret->count < json_len(&steps); ret->count++) {
		struct json step = json_at(&steps, ret->count);
		struct unwrap_step *to = &ret->steps[ret->count];
		bool single = false;

		if (step.type != JSON_OBJECT || json_len(&step) != 1)
			return json_refuse(&step, NULL, err, "wrong_type",
				"must be one of {\"pointer\": p}, {\"text\": p}, {\"read\": name} and {\"single\": true}");
		if ((r = json_only(&step, members, err)) < 0 || (r = json_opt_bool(&step, "single", &single, err)) < 0)
			return r;
		to->kind = single ? STEP_SINGLE : json_has(&step, "text") ? STEP_TEXT : json_has(&step, "read") ? STEP_READ : STEP_POINTER;
		if (single)
			continue;
		if (to->kind == STEP_READ) {
			if ((r = json_get_str(&step, "read", 64, &to->pointer, err)) < 0)
				return r;
			continue;
		}
		r = json_get_str(&step, to->kind == STEP_TEXT ? "text" : "pointer", 200, &to->pointer, err);
		if (r == 0)
			r = pointer_parse(&step, NULL, to->pointer, err);
	}
	return r;
}

static int parse_map(struct arena *arena, const struct json *events, struct hook *ret, struct err *err)
{
	struct json map = { 0 }, value;
	const char *key;
	int r = json_get_object(events, "map", &map, err);

	if (r < 0)
		return r;
	if (json_len(&map) == 0)
		return json_refuse(events, "map", err, "missing", "must not be empty: nothing would ever be told");
	ret->words = arena_alloc(arena, json_len(&map) * sizeof(*ret->words));
	for (size_t i = 0; r == 0 && json_member(&map, &i, &key, &value);) {
		struct word_row *row = &ret->words[ret->word_count++];
		size_t len = strlen(key);
		int word = 0;

		r = json_get_word(&map, key, hook_words, &word, err);
		row->word = (enum hook_word)word;
		if (r == 0 && hook_word_of_letters(row->word) && !adapter_serves(ret->adapter, CHANNEL_LETTER))
			return json_refuse(&map, key, err, "not_allowed", "%s is said of letters alone", hook_words[word]);
		row->any = len && key[len - 1] == '*';
		row->said = row->any ? arena_memdup(arena, key, len - 1) : key;
	}
	return r;
}

/* "stop_if", "paid_if" */
static int parse_stops(struct arena *arena, const struct json *events, const char *name, struct stop_rule **rules, size_t *rule_count,
	struct err *err)
{
	struct json stops = { 0 }, value;
	size_t capacity = 0;
	const char *key;
	int r = json_opt_object(events, name, &stops, err);

	for (size_t i = 0; r == 0 && json_member(&stops, &i, &key, &value);) {
		size_t count = value.type == JSON_ARRAY ? json_len(&value) : 1;

		r = pointer_parse(&stops, key, key, err);
		for (size_t k = 0; r == 0 && k < count; k++) {
			struct json one = value.type == JSON_ARRAY ? json_at(&value, k) : value;

			if (one.type != JSON_STRING)
				return json_refuse(&stops, key, err, "wrong_type", "must be a word or a list of words");
			*rules = arena_grow(arena, *rules, *rule_count, &capacity, sizeof(**rules));
			(*rules)[(*rule_count)++] = (struct stop_rule){ { .kind = SOURCE_POINTER, .name = key }, json_str(&one) };
		}
	}
	return r;
}

/* "replied" for all: then there is no word to be mapped. */
static int parse_types(struct arena *arena, const struct json *events, struct hook *ret, struct err *err)
{
	struct json type = json_get(events, "type");
	int r;

	if (type.type == JSON_STRING && strcmp(json_str(&type), "=replied") == 0) {
		ret->words = arena_alloc(arena, sizeof(*ret->words));
		ret->words[ret->word_count++] = (struct word_row){ "", true, HOOK_REPLIED };
		return json_has(events, "map") ? json_refuse(events, "map", err, "unknown_member", "every event is a reply already") : 0;
	}
	if (type.type == JSON_NONE)
		return json_refuse(events, "type", err, "missing", "must say where the provider's word stands");
	r = opt_sources(arena, events, "type", &ret->type, err);
	return r < 0 ? r : parse_map(arena, events, ret, err);
}

static bool can_reply(const struct hook *hook)
{
	for (size_t i = 0; i < hook->word_count; i++)
		if (hook->words[i].word == HOOK_REPLIED)
			return true;
	return false;
}

/* {each, name, type, bytes, content}: what came attached. The files of a form need no word. */
static int parse_files(struct arena *arena, const struct json *events, struct hook *ret, struct err *err)
{
	static const char *const members[] = { "each", "name", "type", "bytes", "content", NULL };
	struct json files = { 0 };
	int r = json_opt_object(events, "files", &files, err);

	if (r < 0 || files.type == JSON_NONE)
		return r;
	if ((r = json_only(&files, members, err)) < 0 || (r = json_get_str(&files, "each", 200, &ret->files, err)) < 0 ||
		(r = pointer_parse(&files, "each", ret->files, err)) < 0 || (r = opt_source(arena, &files, "name", &ret->file_name, err)) < 0 ||
		(r = opt_source(arena, &files, "type", &ret->file_type, err)) < 0 ||
		(r = opt_source(arena, &files, "bytes", &ret->file_bytes, err)) < 0)
		return r;
	if (!ret->file_name.kind)
		return json_refuse(&files, "name", err, "missing", "is missing: a file is named at least");
	return opt_source(arena, &files, "content", &ret->file_content, err);
}

static int parse_events(struct arena *arena, const struct json *webhook, struct hook *ret, struct err *err)
{
	static const char *const members[] = { "attempt", "message", "id", "time", "type", "map", "reason", "address", "recipient", "text", "stop_if",
		"paid_if", "files", NULL };
	struct json events;
	int r;

	if ((r = json_get_object(webhook, "events", &events, err)) < 0 || (r = json_only(&events, members, err)) < 0 ||
		(r = opt_sources(arena, &events, "attempt", &ret->attempt, err)) < 0 ||
		(r = opt_sources(arena, &events, "message", &ret->message, err)) < 0 || (r = opt_sources(arena, &events, "id", &ret->id, err)) < 0 ||
		(r = opt_sources(arena, &events, "time", &ret->time, err)) < 0 || (r = opt_sources(arena, &events, "reason", &ret->reason, err)) < 0 ||
		(r = opt_sources(arena, &events, "address", &ret->address, err)) < 0 ||
		(r = opt_sources(arena, &events, "recipient", &ret->recipient, err)) < 0 || (r = opt_sources(arena, &events, "text", &ret->text, err)) < 0 ||
		(r = parse_types(arena, &events, ret, err)) < 0 ||
		(r = parse_stops(arena, &events, "stop_if", &ret->stops, &ret->stop_count, err)) < 0 ||
		(r = parse_stops(arena, &events, "paid_if", &ret->paids, &ret->paid_count, err)) < 0 ||
		(r = parse_files(arena, &events, ret, err)) < 0)
		return r;
	if (!ret->attempt.count && !ret->message.count && !ret->address.count)
		return json_refuse(&events, NULL, err, "missing", "needs attempt, message or address: else nobody knows whom it is about");
	if (can_reply(ret) && !ret->text.count)
		return json_refuse(&events, "text", err, "missing", "a reply has a text: say where it stands");
	return 0;
}

int hook_events_parse(struct arena *arena, const struct json *webhook, struct hook *ret, struct err *err)
{
	int r = opt_unwrap(webhook, "element", &ret->element, err);

	return r < 0 ? r : parse_events(arena, webhook, ret, err);
}

static bool path_ok(const char *path)
{
	return *path && strlen(path) <= 32 && !path[strspn(path, "abcdefghijklmnopqrstuvwxyz0123456789-")];
}

/*
 * What is not signed may be changed by whoever saw one good request: then its token must count once. A GET has no body, and in its address
 * all that it tells.
 */
static int check_coverage(const struct json *webhook, const struct hook *hook, struct err *err)
{
	const struct verify_plan *plan = &hook->verify;
	struct json verify = json_get(webhook, "verify");
	bool body = plan->once.kind != SOURCE_NONE, url = plan->once.kind || plan->url_claim;

	for (size_t i = 0; i < plan->part_count; i++) {
		body |= plan->parts[i].kind == PART_BODY || plan->parts[i].kind == PART_FORM_SORTED;
		url |= plan->parts[i].kind == PART_URL || plan->parts[i].kind == PART_URL_SORTED;
	}
	if (hook->form == FORM_QUERY && plan->kind == VERIFY_SNS)
		return json_refuse(&verify, "kind", err, "not_one_of", "Amazon SNS sends no GET");
	if (hook->form == FORM_QUERY && plan->kind == VERIFY_JWT && !url)
		return json_refuse(&verify, "url_claim", err, "missing", "must be there: the address has all that a GET tells");
	if (!plan->part_count || (hook->form == FORM_QUERY ? url : body))
		return 0;
	return json_refuse(&verify, "parts", err, "unsigned_body", "%s is not signed: name under \"once\" what may be used only once",
		hook->form == FORM_QUERY ? "the address, with all that a GET tells," : "the body");
}

static int parse_answer(const struct json *webhook, struct hook_answer *ret, struct err *err)
{
	static const char *const members[] = { "type", "body", NULL };
	struct json answer = { 0 };
	int r = json_opt_object(webhook, "answer", &answer, err);

	if (r < 0 || answer.type == JSON_NONE)
		return r;
	if ((r = json_only(&answer, members, err)) < 0 || (r = json_get_str(&answer, "type", 60, &ret->type, err)) < 0 ||
		(r = json_get_str(&answer, "body", 1000, &ret->body, err)) < 0)
		return r;
	return ret->type[strspn(ret->type, "abcdefghijklmnopqrstuvwxyz0123456789/+-.")] || !strchr(ret->type, '/') ?
		json_refuse(&answer, "type", err, "bad_value", "must be a content type such as text/xml") : 0;
}

/* A word, or ["json", "form"]. */
static int parse_form(const struct json *webhook, enum hook_form *ret, struct err *err)
{
	static const char *const forms[] = { "json", "form", "query", "mail", NULL };
	struct json list = json_get(webhook, "parse");
	int form = FORM_EITHER, r = 0;

	if (list.type != JSON_ARRAY)
		r = json_get_word(webhook, "parse", forms, &form, err);
	for (size_t i = 0; r == 0 && list.type == JSON_ARRAY && i < 2; i++) {
		struct json one = json_len(&list) == 2 ? json_at(&list, i) : (struct json){ 0 };

		if (!json_str(&one) || strcmp(json_str(&one), forms[i]) != 0)
			r = json_refuse(webhook, "parse", err, "not_one_of", "must be json, form, query, mail or [\"json\", \"form\"]");
	}
	*ret = (enum hook_form)form;
	return r;
}

static int parse_hook(const struct adapter *adapter, const struct json *webhook, struct hook *ret, struct err *err)
{
	static const char *const members[] = { "path", "help", "parse", "verify", "refused_status", "body_bytes", "charsets", "answer", "unwrap", "each", "element", "events", NULL };
	int64_t refused = 401;
	const char *help = NULL;
	int r;

	*ret = (struct hook){ .adapter = adapter, .path = "", .each = "" };
	if (webhook->type != JSON_OBJECT)
		return json_refuse(webhook, NULL, err, "wrong_type", "must be an object");
	if ((r = json_only(webhook, members, err)) < 0 || (r = json_opt_str(webhook, "path", 32, &ret->path, err)) < 0 ||
		(r = json_opt_str(webhook, "help", 400, &help, err)) < 0 || (r = parse_form(webhook, &ret->form, err)) < 0 ||
		(r = json_opt_str(webhook, "each", 200, &ret->each, err)) < 0 || (r = pointer_parse(webhook, "each", ret->each, err)) < 0 ||
		(r = parse_verify(adapter, webhook, &ret->verify, err)) < 0 ||
		(r = json_opt_int(webhook, "refused_status", 400, 499, &refused, err)) < 0 ||
		(r = json_opt_int(webhook, "body_bytes", 4096, HOOK_BODY_MAX, &ret->body_bytes, err)) < 0 ||
		(r = json_opt_str(webhook, "charsets", 64, &ret->charsets, err)) < 0 ||
		(r = parse_answer(webhook, &ret->answer, err)) < 0 || (r = opt_unwrap(webhook, "unwrap", &ret->unwrap, err)) < 0 ||
		(r = hook_events_parse(adapter->arena, webhook, ret, err)) < 0)
		return r;
	ret->refused_status = (int)refused;
	if ((r = check_coverage(webhook, ret, err)) < 0)
		return r;
	if (*ret->path && !path_ok(ret->path))
		return json_refuse(webhook, "path", err, "bad_id", "must be 1 to 32 of a-z, 0-9 and '-'");
	return 0;
}

int hooks_parse(struct adapter *adapter, const struct json *root, struct err *err)
{
	struct json list = { 0 };
	int r = json_opt_array(root, "webhooks", &list, err);

	adapter->hooks = arena_alloc(adapter->arena, (json_len(&list) + 1) * sizeof(*adapter->hooks));
	for (size_t i = 0; r == 0 && i < json_len(&list); i++) {
		struct json one = json_at(&list, i);
		struct hook *hook = &adapter->hooks[i];

		r = parse_hook(adapter, &one, hook, err);
		if (r == 0 && adapter_hook(adapter, hook->path))
			return json_refuse(&one, "path", err, "not_unique", "another webhook has this path already");
		adapter->hook_count++;
	}
	return r < 0 ? r : polls_parse(adapter, root, err);
}

const struct hook *adapter_hook(const struct adapter *adapter, const char *path)
{
	for (size_t i = 0; i < adapter->hook_count; i++)
		if (strcmp(adapter->hooks[i].path, path) == 0)
			return &adapter->hooks[i];
	return NULL;
}

int adapter_each_hook(const struct adapter *adapter, int (*fn)(const char *path, const struct hook *hook, void *arg), void *arg)
{
	int r = 0;

	for (size_t i = 0; i < adapter->hook_count && r == 0; i++)
		r = fn(adapter->hooks[i].path, &adapter->hooks[i], arg);
	return r;
}

bool hook_secret_in_path(const struct hook *hook)
{
	return hook->verify.kind == VERIFY_PATH;
}

bool hook_by_get(const struct hook *hook)
{
	return hook->form == FORM_QUERY;
}

const struct hook_answer *hook_answer(const struct hook *hook)
{
	return &hook->answer;
}

size_t hook_body_bytes(const struct hook *hook)
{
	return (size_t)hook->body_bytes;
}

int hook_refused_status(const struct hook *hook)
{
	return hook->refused_status;
}

bool hook_unverified(const struct hook *hook)
{
	return hook->verify.kind == VERIFY_NONE;
}

const char *hook_signed_header(const struct hook *hook, size_t i)
{
	const struct verify_plan *plan = &hook->verify;
	const struct source *sources[HOOK_PARTS_MAX + 3];
	size_t count = 0;

	if (plan->kind == VERIFY_JWT)
		return i == 0 ? plan->header : NULL;
	sources[count++] = &plan->signature;
	sources[count++] = &plan->time;
	sources[count++] = &plan->once;
	for (size_t k = 0; k < plan->part_count; k++)
		sources[count++] = &plan->parts[k].source;
	for (size_t k = 0; k < count; k++) {
		bool told = sources[k]->kind != SOURCE_HEADER;

		for (size_t before = 0; before < k && !told; before++)
			told = sources[before]->kind == SOURCE_HEADER && strcasecmp(sources[before]->name, sources[k]->name) == 0;
		if (!told && i-- == 0)
			return sources[k]->name;
	}
	return NULL;
}
