#include "common/adapter.h"

#include <errno.h>
#include <string.h>

#include "common/adapter_hook_internal.h"
#include "common/adapter_internal.h"
#include "common/utc.h"

#define TEMPLATE_MAX 2000

/* --- loading ------------------------------------------------------------------------------------------------------------ */

static int parse_config(struct adapter *adapter, const struct json *root, struct err *err)
{
	static const char *const members[] = { "required", "secret", "account", "default", "webhook", "help", NULL };
	struct json config = { 0 }, row;
	const char *key, *help = NULL;
	int r = json_opt_object(root, "config", &config, err);

	adapter->settings =
		arena_alloc(adapter->arena, (json_len(&config) + 1) * sizeof(*adapter->settings));
	for (size_t i = 0; r == 0 && json_member(&config, &i, &key, &row);) {
		struct setting *setting = &adapter->settings[adapter->setting_count++];

		setting->name = key;
		if (!token_valid(key))
			return json_refuse(&config, key, err, "bad_id",
				"a setting's name has letters, digits, '-' and '_'");
		if (row.type != JSON_OBJECT)
			return json_refuse(&config, key, err, "wrong_type", "must be an object");
		if ((r = json_only(&row, members, err)) < 0 ||
			(r = json_opt_bool(&row, "required", &setting->required, err)) < 0 ||
			(r = json_opt_bool(&row, "secret", &setting->secret, err)) < 0 ||
			(r = json_opt_bool(&row, "account", &setting->account, err)) < 0 ||
			(r = json_opt_str(&row, "help", 400, &help, err)) < 0 ||
			(r = json_opt_str(&row, "default", TEMPLATE_MAX, &setting->fallback, err)) < 0 ||
			(r = json_opt_str(&row, "webhook", 32, &setting->webhook, err)) < 0)
			return r;
		if (setting->secret && setting->fallback)
			return json_refuse(&row, "default", err, "unknown_member",
				"a secret has no default");
		if (setting->webhook && (setting->secret || setting->fallback || setting->required))
			return json_refuse(&row, "webhook", err, "unknown_member", "a setting that is an address of ours has no secret, default or required");
	}
	return r;
}

/* The webhooks, and what the settings say of them. */
static int parse_hooks(struct adapter *adapter, const struct json *root, struct err *err)
{
	struct json config = json_get(root, "config");
	int r = hooks_parse(adapter, root, err);

	for (size_t i = 0; r == 0 && i < adapter->setting_count; i++) {
		const struct setting *setting = &adapter->settings[i];
		struct json row = json_get(&config, setting->name);

		if (setting->webhook && !adapter_hook(adapter, setting->webhook))
			return json_refuse(&row, "webhook", err, "unknown_value", "there is no webhook with the path \"%s\"", setting->webhook);
	}
	return r;
}

const struct table *table_find(const struct adapter *adapter, const char *name)
{
	for (size_t i = 0; i < adapter->table_count; i++) {
		if (strcmp(adapter->tables[i].name, name) == 0)
			return &adapter->tables[i];
	}
	return NULL;
}

static int parse_tables(struct adapter *adapter, const struct json *root, struct err *err)
{
	struct json tables = { 0 }, rows, word;
	const char *name, *key;
	int r = json_opt_object(root, "tables", &tables, err);

	adapter->tables = arena_alloc(adapter->arena, (json_len(&tables) + 1) * sizeof(*adapter->tables));
	for (size_t i = 0; r == 0 && json_member(&tables, &i, &name, &rows);) {
		struct table *table = &adapter->tables[adapter->table_count++];

		table->name = name;
		if (!token_valid(name))
			return json_refuse(&tables, name, err, "bad_id", "a table's name has letters, digits, '-' and '_'");
		if (rows.type != JSON_OBJECT)
			return json_refuse(&tables, name, err, "wrong_type", "must be an object of words");
		table->pairs = arena_alloc(adapter->arena, (2 * json_len(&rows) + 1) * sizeof(*table->pairs));
		for (size_t k = 0; json_member(&rows, &k, &key, &word); table->count++) {
			if (word.type != JSON_STRING)
				return json_refuse(&rows, key, err, "wrong_type", "must be a string");
			table->pairs[2 * table->count] = key;
			table->pairs[2 * table->count + 1] = json_str(&word);
		}
	}
	return r;
}

/* "sms", or a list of such words. */
static int parse_channels(struct adapter *adapter, const struct json *root, struct err *err)
{
	struct json value = json_get(root, "channel"), item = value;
	size_t count = value.type == JSON_ARRAY ? json_len(&value) : 1;

	for (size_t i = 0; i < count; i++) {
		size_t channel = 0;

		if (value.type == JSON_ARRAY)
			item = json_at(&value, i);
		while (channel < CHANNEL_COUNT &&
			(item.type != JSON_STRING || strcmp(channel_names[channel], json_str(&item))))
			channel++;
		if (channel == CHANNEL_COUNT)
			return json_refuse(root, "channel", err, "not_one_of",
				"must be email, sms, call, letter or voice, or a list of these");
		adapter->channels |= 1u << channel;
	}
	return adapter->channels ? 0 : json_refuse(root, "channel", err, "missing", "is missing");
}

static int parse_idempotency(struct adapter *adapter, const struct json *features, struct err *err)
{
	static const char *const members[] = { "kind", "header", "window_s", NULL };
	static const char *const kinds[] = { "header", "body", NULL };
	struct json value = json_get(features, "idempotency");
	int64_t window = 0;
	int kind = 0, r;

	if (value.type == JSON_NONE || (value.type == JSON_STRING && !strcmp(json_str(&value), "none")))
		return 0;
	if (value.type != JSON_OBJECT)
		return json_refuse(features, "idempotency", err, "not_one_of",
			"must be \"none\" or {kind, header, window_s}");
	if ((r = json_only(&value, members, err)) < 0 ||
		(r = json_get_word(&value, "kind", kinds, &kind, err)) < 0 ||
		(r = json_get_int(&value, "window_s", 1, 400 * 86400, &window, err)) < 0)
		return r;
	adapter->idempotency_ms = window * SECOND_MS;
	if (kind == 0 && (r = json_get_str(&value, "header", 100, &adapter->idempotency_header, err)) == 0)
		r = header_name_parse(&value, "header", adapter->idempotency_header, err);
	return r;
}

static int parse_deliveries(struct adapter *adapter, const struct json *features, struct err *err)
{
	struct json list = { 0 };
	int r = json_opt_array(features, "delivery", &list, err);

	for (size_t i = 0; r == 0 && i < json_len(&list); i++) {
		struct json item = json_at(&list, i);
		int word = 0;

		while (word < LETTER_DELIVERY_COUNT && (item.type != JSON_STRING || strcmp(letter_delivery_names[word], json_str(&item)) != 0))
			word++;
		if (word == LETTER_DELIVERY_COUNT)
			return json_refuse(&item, NULL, err, "not_one_of", "must be simple, registered or e-registered");
		adapter->deliveries |= 1u << word;
	}
	return r;
}

static int parse_features(struct adapter *adapter, const struct json *root, struct err *err)
{
	static const char *const features_members[] = { "idempotency", "attachments", "delivery", "documents", "max_request_bytes", NULL };
	static const char *const limits_members[] = { "per_second", "burst", "concurrency", "per_hour", "per_day", "per_month", "sms_parts", NULL };
	struct json features = { 0 }, limits = { 0 };
	int r;

	adapter->limits.concurrency = 4;
	adapter->deliveries = 1u << LETTER_SIMPLE;
	adapter->documents = 1;
	adapter->max_request_bytes = 1024 * 1024;
	if ((r = json_opt_object(root, "features", &features, err)) < 0 ||
		(r = json_opt_object(root, "limits", &limits, err)) < 0)
		return r;
	if (features.type == JSON_OBJECT &&
		((r = json_only(&features, features_members, err)) < 0 ||
			(r = json_opt_bool(&features, "attachments", &adapter->takes_files, err)) < 0 ||
			(r = json_opt_int(&features, "documents", 1, ATTACHMENTS_MAX, &adapter->documents, err)) < 0 ||
			(r = json_opt_int(&features, "max_request_bytes", 1000, 50 * 1024 * 1024,
				 &adapter->max_request_bytes, err)) < 0 ||
			(r = parse_deliveries(adapter, &features, err)) < 0 || (r = parse_idempotency(adapter, &features, err)) < 0))
		return r;
	if (limits.type == JSON_OBJECT &&
		((r = json_only(&limits, limits_members, err)) < 0 ||
			(r = json_opt_int(&limits, "per_second", 1, 100000, &adapter->limits.per_second, err)) < 0 ||
			(r = json_opt_int(&limits, "burst", 1, 100000, &adapter->limits.burst, err)) < 0 ||
			(r = json_opt_int(&limits, "concurrency", 1, 250, &adapter->limits.concurrency, err)) < 0 ||
			(r = json_opt_int(&limits, "per_hour", 1, PACE_QUOTA_MAX, &adapter->limits.quota[PACE_HOUR], err)) < 0 ||
			(r = json_opt_int(&limits, "per_day", 1, PACE_QUOTA_MAX, &adapter->limits.quota[PACE_DAY], err)) < 0 ||
			(r = json_opt_int(&limits, "per_month", 1, PACE_QUOTA_MAX, &adapter->limits.quota[PACE_MONTH], err)) < 0 ||
			(r = json_opt_int(&limits, "sms_parts", 1, 20, &adapter->sms_parts, err)) < 0))
		return r;
	return 0;
}

/*
 * That the requests hold what the features promise: what is sent again under a key that it does not bear goes out twice, and the trail would
 * name a file that nobody got. The header of an idempotency of that kind is written with each request.
 */
static int check_promises(const struct adapter *adapter, const struct json *root, struct err *err)
{
	struct json features = json_get(root, "features");
	bool letters_alone = adapter->channels == 1u << CHANNEL_LETTER && adapter->documents == 1;

	if (adapter->idempotency_ms && !adapter->idempotency_header && !(*adapter->carried & CARRIED_ID))
		return json_refuse(&features, "idempotency", err, "bad_value",
			"of kind \"body\", but no request is known by its key: `send` must carry {dispatch.id}, or metadata, where the provider looks for it");
	if (adapter->takes_files && !(*adapter->carried & (CARRIED_FILES | (letters_alone ? CARRIED_PDF : 0))))
		return json_refuse(&features, "attachments", err, "bad_value", "but no request carries them: `send` or a step must have %s",
			letters_alone ? "{pdf.data|base64}, a $file of pdf.data, or $each over attachments with {item.data|base64}" :
					"$each over attachments with {item.data|base64}, or with a $file of item.data");
	return 0;
}

/* It only tells, of what others sent by its channel. */
static int parse_receiver(struct adapter *adapter, const struct json *root, struct err *err)
{
	static const char *const members[] = { "adapter", "name", "channel", "help", "config", "tables", "webhooks", NULL };
	const char *help = NULL;
	int64_t version = 0;
	int r;

	if ((r = json_only(root, members, err)) < 0 || (r = json_get_int(root, "adapter", 1, 1, &version, err)) < 0 ||
		(r = json_get_id(root, "name", &adapter->name, err)) < 0 || (r = json_opt_str(root, "help", TEMPLATE_MAX, &help, err)) < 0 ||
		(r = parse_channels(adapter, root, err)) < 0 || (r = parse_config(adapter, root, err)) < 0 ||
		(r = parse_features(adapter, root, err)) < 0 || (r = parse_tables(adapter, root, err)) < 0)
		return r;
	return parse_hooks(adapter, root, err);
}

static int parse_root(struct adapter *adapter, const struct json *root, struct err *err)
{
	static const char *const members[] = { "adapter", "name", "channel", "help", "config",
		"features", "limits", "tables", "token", "steps", "send", "response", "lookup", "webhooks", "poll", NULL };
	struct json send, response;
	const char *help = NULL;
	int64_t version = 0;
	int r;

	if (root->type != JSON_OBJECT)
		return json_refuse(root, NULL, err, "wrong_type", "must be an object");
	if (!json_has(root, "send") && json_has(root, "webhooks"))
		return parse_receiver(adapter, root, err);
	if ((r = json_only(root, members, err)) < 0 ||
		(r = json_get_int(root, "adapter", 1, 1, &version, err)) < 0 ||
		(r = json_get_id(root, "name", &adapter->name, err)) < 0 ||
		(r = json_opt_str(root, "help", TEMPLATE_MAX, &help, err)) < 0 ||
		(r = parse_channels(adapter, root, err)) < 0 ||
		(r = parse_config(adapter, root, err)) < 0 ||
		(r = parse_features(adapter, root, err)) < 0 ||
		(r = parse_tables(adapter, root, err)) < 0 ||
		(r = steps_parse(adapter, root, err)) < 0)
		return r;
	*adapter->carried &= ~(unsigned)CARRIED_ID; /* a step's is no key of what is sent */
	if ((r = json_get_object(root, "send", &send, err)) < 0 ||
		(r = plan_parse(adapter, &send, adapter->idempotency_ms ? PLACE_AGAIN : 0, NULL, &adapter->send, err)) < 0 ||
		(r = check_promises(adapter, root, err)) < 0 || (r = json_get_object(root, "response", &response, err)) < 0 ||
		(r = response_parse(adapter->arena, &response, &adapter->response, err)) < 0)
		return r;
	if (strcmp(adapter->send.method, "GET") == 0)
		return json_refuse(&send, "method", err, "not_one_of", "must be POST or PUT");
	if ((r = lookup_parse(adapter, root, err)) < 0 || (r = means_parse(adapter, root, err)) < 0)
		return r;
	return parse_hooks(adapter, root, err);
}

int adapter_parse(const char *json, size_t len, struct adapter **ret, struct err *err)
{
	struct adapter *adapter = xcalloc(1, sizeof(*adapter));
	struct json root;
	int r;

	adapter->references = 1;
	adapter->arena = arena_create();
	adapter->carried = arena_alloc(adapter->arena, sizeof(*adapter->carried));
	r = json_parse(adapter->arena, json, len, JSON_COMMENTS, &root, err);
	if (r == 0)
		r = parse_root(adapter, &root, err);
	if (r < 0)
		adapter_free(adapter);
	else
		*ret = adapter;
	return r;
}

struct adapter *adapter_ref(const struct adapter *adapter)
{
	struct adapter *counted = (struct adapter *)(uintptr_t)adapter;

	counted->references++;
	return counted;
}

void adapter_free(struct adapter *adapter)
{
	if (!adapter || --adapter->references > 0)
		return;
	arena_free(adapter->arena);
	freep(&adapter);
}

const char *adapter_name(const struct adapter *adapter)
{
	return adapter->name;
}

bool adapter_serves(const struct adapter *adapter, enum channel channel)
{
	return adapter->channels >> channel & 1;
}

bool adapter_sends(const struct adapter *adapter)
{
	return adapter->send.method != NULL;
}

int64_t adapter_idempotency_ms(const struct adapter *adapter)
{
	return adapter->idempotency_ms;
}

int adapter_each_setting(const struct adapter *adapter, int (*fn)(const char *name, bool required, bool secret, void *arg), void *arg)
{
	int r = 0;

	for (size_t i = 0; i < adapter->setting_count && r == 0; i++)
		r = fn(adapter->settings[i].name, adapter->settings[i].required, adapter->settings[i].secret, arg);
	return r;
}

struct pace_limits adapter_limits(const struct adapter *adapter)
{
	return adapter->limits;
}

bool adapter_delivers(const struct adapter *adapter, enum letter_delivery delivery)
{
	return adapter->deliveries >> delivery & 1;
}

size_t adapter_documents(const struct adapter *adapter)
{
	return (size_t)adapter->documents;
}

bool adapter_takes_files(const struct adapter *adapter)
{
	return adapter->takes_files;
}

bool adapter_can_lookup(const struct adapter *adapter)
{
	return adapter->has_lookup;
}

int64_t adapter_lookup_not_before_ms(const struct adapter *adapter)
{
	return adapter->lookup.not_before_ms;
}

int64_t adapter_lookup_conclusive_ms(const struct adapter *adapter)
{
	return adapter->lookup.conclusive_ms;
}
