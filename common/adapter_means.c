/* What the means to settle a doubt rest on: a key or a look-up tells of a message only at the side, and the account, that it went to. */
#include <string.h>

#include "common/adapter_internal.h"

#define REFERENCE "config."

/* Whether the text of a part of the file names the setting. */
static bool names(const struct buf *text, const char *setting)
{
	const char *at = buf_str(text);
	size_t len = strlen(setting);

	while ((at = strstr(at, REFERENCE))) {
		char end[2] = { 0 };

		at += strlen(REFERENCE);
		if (strncmp(at, setting, len) != 0)
			continue;
		end[0] = at[len];
		if (!token_valid(end))
			return true;
	}
	return false;
}

static void add_part(struct buf *text, const struct json *object, const char *name)
{
	struct json part = json_get(object, name);

	if (part.type != JSON_NONE)
		json_write(text, &part);
	buf_add_str(text, "\n");
}

/* A look-up that says no auth has that of `send`. */
static void add_lookup(struct buf *text, const struct json *root)
{
	struct json lookup = json_get(root, "lookup"), request = json_get(&lookup, "request"), send = json_get(root, "send");

	add_part(text, root, "lookup");
	if (json_get(&request, "auth").type == JSON_NONE)
		add_part(text, &send, "auth");
}

/* An account that a request does not name need not be the one that answers. */
static int check_account(const struct adapter *adapter, const struct json *root, struct err *err)
{
	CLEANUP(buf_clear) struct buf send = { 0 }, lookup = { 0 };
	struct json config = json_get(root, "config");

	add_part(&send, root, "send");
	add_lookup(&lookup, root);
	for (size_t i = 0; i < adapter->setting_count; i++) {
		const struct setting *setting = &adapter->settings[i];
		struct json row = json_get(&config, setting->name);

		if (!setting->account)
			continue;
		if (setting->secret)
			return json_refuse(&row, "account", err, "unknown_member", "a secret names no account");
		if (!names(&send, setting->name) || (adapter->has_lookup && !names(&lookup, setting->name)))
			return json_refuse(&row, "account", err, "bad_value", "must stand in `send`, and in `lookup` where there is one");
	}
	return 0;
}

int means_parse(struct adapter *adapter, const struct json *root, struct err *err)
{
	static const char *const parts[] = { "tables", "token", "steps", "send", "lookup" };
	struct json features = json_get(root, "features");
	CLEANUP(buf_clear) struct buf text = { 0 };

	add_part(&text, &features, "idempotency");
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		add_part(&text, root, parts[i]);
	sha256(text.data, text.len, adapter->means);
	for (size_t i = 0; i < adapter->setting_count; i++)
		adapter->settings[i].means = names(&text, adapter->settings[i].name);
	return check_account(adapter, root, err);
}

static bool names_account(const struct adapter *adapter)
{
	for (size_t i = 0; i < adapter->setting_count; i++)
		if (adapter->settings[i].account)
			return true;
	return false;
}

static const char *given(const struct adapter *adapter, const struct setting *setting, const struct provider_settings *settings, struct arena *arena)
{
	const char *value = settings_get(settings, setting->name);

	return value ? value : setting->fallback ? setting->fallback : webhook_address(adapter, settings, setting, arena);
}

static struct slice with_nul(const char *text)
{
	return (struct slice){ (const void *)text, strlen(text) + 1 };
}

size_t adapter_means(const struct adapter *adapter, const struct provider_settings *settings, adapter_secret_fn secret, void *secret_arg,
	struct arena *arena, const struct slice **ret)
{
	struct slice *list = arena_alloc(arena, (2 * adapter->setting_count + 1) * sizeof(*list));
	bool account = names_account(adapter);
	size_t count = 0;

	list[count++] = (struct slice){ adapter->means, sizeof(adapter->means) };
	for (size_t i = 0; i < adapter->setting_count; i++) {
		const struct setting *setting = &adapter->settings[i];
		const char *value = given(adapter, setting, settings, arena), *kept;

		if (!setting->means || !value || (setting->secret && account))
			continue;
		kept = setting->secret && secret ? secret(value, secret_arg) : NULL;
		if (kept)
			value = kept;
		list[count++] = with_nul(setting->name);
		list[count++] = with_nul(value);
	}
	*ret = list;
	return count;
}
