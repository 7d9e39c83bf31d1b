/* A message becomes a request: URL, headers, auth and body from the compiled plan; and the settings' check. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/adapter_internal.h"
#include "common/adapter_poll.h"
#include "common/sms.h"

#define HEADER_VALUE_MAX 4000
#define URL_MAX 4000

static bool loopback_host(const char *host, size_t len)
{
	if (len == 9 && strncasecmp(host, "localhost", len) == 0)
		return true;
	if (len == 5 && strncmp(host, "[::1]", len) == 0)
		return true;
	if (len < 9 || len > 15 || strncmp(host, "127.", 4) != 0)
		return false;
	return strspn(host, "0123456789.") >= len;
}

/* The host of an authority of `len` bytes: without the port, an IPv6 address with its brackets. */
static size_t host_len(const char *authority, size_t len)
{
	size_t host = *authority == '[' ? strcspn(authority, "]") + 1 : strcspn(authority, ":/?#");

	return host < len ? host : len;
}

static bool url_is_local(const char *url)
{
	const char *authority = strstr(url, "://") + 3;

	return loopback_host(authority, host_len(authority, strcspn(authority, "/?#")));
}

/* https, or http to this machine; no user info, which a log or a proxy might show; printable ASCII only. */
static int check_url(const char *url, struct err *err)
{
	bool https = strncmp(url, "https://", 8) == 0, http = strncmp(url, "http://", 7) == 0;
	const char *authority = url + (https ? 8 : 7);
	size_t len, host;

	if (strlen(url) > URL_MAX)
		return err_set(err, -EBADMSG, "too_long", "", "the URL is too long");
	for (const char *p = url; *p; p++) {
		if (*p <= ' ' || *p > '~' || strchr("\\\"<>^`{|}", *p))
			return err_set(err, -EBADMSG, "bad_url", "",
				"the URL contains a character that must be escaped");
	}
	if (!https && !http)
		return err_set(err, -EBADMSG, "bad_url", "", "the URL must begin with https://");
	len = strcspn(authority, "/?#");
	if (len == 0 || memchr(authority, '@', len))
		return err_set(err, -EBADMSG, "bad_url", "",
			"the URL must name a host and no user");
	host = host_len(authority, len);
	if (*authority == '[' && (authority[host - 1] != ']' || (host < len && authority[host] != ':')))
		return err_set(err, -EBADMSG, "bad_url", "", "behind a host in [ ] only :PORT may stand");
	if (http && !loopback_host(authority, host))
		return err_set(err, -EBADMSG, "bad_url", "",
			"http:// is for this machine only (localhost, 127.x, [::1]); use https://");
	return 0;
}

static int check_header_value(const char *name, const char *value, struct err *err)
{
	if (strlen(value) > HEADER_VALUE_MAX)
		return err_set(err, -EBADMSG, "too_long", "", "the header %s is too long", name);
	for (const unsigned char *p = (const unsigned char *)value; *p; p++) {
		if (*p < 0x20 || *p == 0x7f)
			return err_set(err, -EBADMSG, "control_character", "",
				"the header %s would contain a control character", name);
	}
	return 0;
}

int request_add_header(struct http_request *request, struct http_header *headers, const char *name,
	const char *value, struct err *err)
{
	if (request->header_count == HEADERS_MAX)
		return err_set(err, -EBADMSG, "too_long", "", "too many headers");
	headers[request->header_count++] = (struct http_header){ name, value };
	return check_header_value(name, value, err);
}

void pairs_write_form(struct buf *out, const struct pair_list *pairs, const char *separator)
{
	for (size_t i = 0; i < pairs->count; i++) {
		buf_add_str(out, i == 0 ? separator : "&");
		url_escape(out, pairs->pairs[i].name);
		buf_add_char(out, '=');
		url_escape(out, pairs->pairs[i].value);
	}
}

static int build_url(const struct scope *scope, const struct request_plan *plan, const char **ret,
	struct err *err)
{
	struct buf url = { .arena = scope->arena };
	struct pair_list pairs = { 0 };
	const char *base, *secret;
	int r = text_string(scope, &plan->url, &base, err);

	if (r < 0 || (r = fields_render(scope, &plan->query, &pairs, err)) < 0)
		return r;
	buf_add_str(&url, base);
	pairs_write_form(&url, &pairs, strchr(base, '?') ? "&" : "?");
	if (plan->auth.kind == AUTH_QUERY) {
		struct pair pair = { .name = plan->auth.name };
		const struct pair_list auth = { &pair, 1, 1 };

		r = text_string(scope, &plan->auth.secret, &secret, err);
		if (r < 0)
			return r;
		pair.value = secret;
		pairs_write_form(&url, &auth, strchr(buf_str(&url), '?') ? "&" : "?");
	}
	*ret = buf_str(&url);
	return check_url(*ret, err);
}

static int build_headers(const struct scope *scope, const struct request_plan *plan, const char *type, const char *idempotency,
	struct http_request *request, struct err *err)
{
	struct http_header *headers = arena_alloc(scope->arena, HEADERS_MAX * sizeof(*headers));
	struct pair_list pairs = { 0 };
	int r = 0;

	request->headers = headers;
	if (type)
		r = request_add_header(request, headers, "Content-Type", type, err);
	if (r < 0 || (r = request_add_header(request, headers, "Accept", "application/json", err)) < 0 ||
		(r = auth_apply(scope, &plan->auth, request, headers, err)) < 0 ||
		(r = fields_render(scope, &plan->headers, &pairs, err)) < 0)
		return r;
	for (size_t i = 0; i < pairs.count && r == 0; i++)
		r = request_add_header(request, headers, pairs.pairs[i].name, pairs.pairs[i].value, err);
	if (r == 0 && idempotency)
		r = request_add_header(request, headers, idempotency, scope->input->message->attempt_id, err);
	return r;
}

/* *type: its content type; NULL = there is no body. */
static int build_body(const struct scope *scope, const struct request_plan *plan, struct http_request *request, const char **type,
	struct err *err)
{
	struct buf body = { .arena = scope->arena };
	struct json_writer w = jw_init(&body);
	struct pair_list pairs = { 0 };
	const char *text;
	int r = 0;

	switch (plan->body) {
	case BODY_NONE:
		return 0;
	case BODY_JSON:
		*type = "application/json";
		r = node_render(scope, &plan->json, &w, NULL, false, err);
		break;
	case BODY_FORM:
		*type = "application/x-www-form-urlencoded";
		if ((r = fields_render(scope, &plan->form, &pairs, err)) == 0)
			pairs_write_form(&body, &pairs, "");
		break;
	case BODY_MULTIPART:
		if ((r = fields_render(scope, &plan->form, &pairs, err)) == 0)
			*type = pairs_write_multipart(&body, &pairs, scope->arena);
		break;
	case BODY_RAW:
		*type = plan->raw_type;
		if ((r = text_string(scope, &plan->raw, &text, err)) == 0)
			buf_add_str(&body, text);
		break;
	}
	if (r < 0)
		return r;
	if ((int64_t)body.len > scope->adapter->max_request_bytes)
		return err_set(err, -EBADMSG, "too_long", "",
			"the request has %zu bytes, the provider takes %lld", body.len,
			(long long)scope->adapter->max_request_bytes);
	request->body = buf_str(&body);
	request->body_len = body.len;
	return 0;
}

int plan_build(const struct scope *scope, const struct request_plan *plan, const char *idempotency, struct http_request *ret,
	struct err *err)
{
	struct http_request request = { .method = plan->method, .timeout_ms = plan->timeout_ms };
	const char *type = NULL;
	int r;

	if ((r = build_url(scope, plan, &request.url, err)) < 0 || (r = build_body(scope, plan, &request, &type, err)) < 0 ||
		(r = build_headers(scope, plan, type, idempotency, &request, err)) < 0)
		return r;
	*ret = request;
	return 0;
}

/* What the provider would refuse, or worse, leave out. */
static int check_suits(const struct adapter *adapter, const struct message *message, struct err *err)
{
	struct sms_size size;

	if (message->attachment_count > 0 && !adapter->takes_files)
		return err_set(err, -EBADMSG, "no_attachments", "$.attachments", "%s carries no attachments", adapter->name);
	if (message->channel == CHANNEL_LETTER && message->attachment_count > (size_t)adapter->documents)
		return err_set(err, -EBADMSG, "no_attachments", "$.attachments", "%s takes %lld documents a letter, this one has %zu", adapter->name,
			(long long)adapter->documents, message->attachment_count);
	if (message->channel != CHANNEL_SMS || adapter->sms_parts == 0 || !message->text)
		return 0;
	size = sms_measure(message->text);
	if ((int64_t)size.parts > adapter->sms_parts)
		return err_set(err, -EBADMSG, "too_long", "$.text", "the text makes %zu SMS (%zu %s), the provider takes %lld", size.parts,
			size.units, size.gsm7 ? "septets" : "UTF-16 units", (long long)adapter->sms_parts);
	return 0;
}

int adapter_request(const struct adapter *adapter, const struct adapter_input *input,
	struct arena *arena, struct http_request *ret, struct err *err)
{
	const struct scope scope = { .adapter = adapter, .input = input, .arena = arena };
	int r;

	if (!adapter_sends(adapter) || !adapter_serves(adapter, input->message->channel))
		return err_set(err, -EBADMSG, "bad_value", "$.channel", "%s does not carry %s",
			adapter->name, channel_names[input->message->channel]);
	if ((r = message_check(input->message, err)) < 0 || (r = check_suits(adapter, input->message, err)) < 0)
		return r;
	if (input->message->channel == CHANNEL_LETTER && (r = message_check_postal(input->message, err)) < 0)
		return r;
	return plan_build(&scope, &adapter->send, adapter->idempotency_header, ret, err);
}

/* --- settings ------------------------------------------------------------------------------------------------------------- */

static bool adapter_knows(const struct adapter *adapter, const char *name)
{
	for (size_t i = 0; i < adapter->setting_count; i++) {
		if (strcmp(adapter->settings[i].name, name) == 0)
			return true;
	}
	return false;
}

/* The list, and where it has ids alone one of them: the address of either may be another's. */
static int try_poll(const struct adapter *adapter, size_t i, const struct adapter_input *input, struct arena *arena, struct http_request *ret,
	struct err *err)
{
	const struct poll *poll = adapter_poll(adapter, i);
	struct http_request item;
	int r = adapter_poll_request(adapter, poll, input, &(struct poll_position){ 0 }, arena, ret, err);

	if (r < 0 || !poll_by_item(poll))
		return r;
	r = adapter_poll_request(adapter, poll, input, &(struct poll_position){ .item = "1" }, arena, &item, err);
	if (r == 0 && !url_is_local(item.url))
		*ret = item;
	return r;
}

/* Any message will do: it is the settings that are tried. */
static int try_message(const struct adapter *adapter, const struct provider_settings *settings, const char *country,
	const char *locale, bool *local, struct buf *url, struct err *err)
{
	static const char *const invoices[] = { "INV-1" };
	static const struct attachment pdf = { "I.pdf", "application/pdf", "%PDF-1.4", 8 };
	const struct postal postal = { .line1 = "1 Street", .postcode = "75001", .city = "City", .region = "CA", .country = country };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct message message = { .attempt_id = "00000000000000000000000000",
		.provider = settings->name ? settings->name : adapter->name,
		.to = { .name = "A", .email = "a@example.com", .phone = "+15005550006" },
		.from = { .name = "B", .email = "b@example.com", .phone = "+15005550006",
			.reply_to = "b@example.com" },
		.locale = locale, .subject = "S", .text = "T", .html = "<p>T", .debtor_id = "D",
		.step = "s", .policy = "p", .invoice_ids = invoices, .invoice_count = 1, .to_postal = postal, .from_postal = postal,
		.attachments = &pdf, .attachment_count = adapter->takes_files };
	const struct adapter_input input = { .settings = settings, .message = &message };
	struct adapter_lookup *lookup;
	struct http_request request;
	int r;

	while (!adapter_serves(adapter, message.channel))
		message.channel++;
	r = adapter_request(adapter, &input, arena, &request, err);
	*local = r == 0 && url_is_local(request.url);
	if (r == 0 && url) {
		buf_reset(url);
		buf_add_str(url, request.url);
	}
	if (r == 0 && adapter->token) {
		r = adapter_token_request(adapter, &input, arena, &request, err);
		*local = *local && r == 0 && url_is_local(request.url);
	}
	for (size_t i = 0; r == 0 && i < adapter->step_count; i++) {
		r = adapter_step_request(adapter, i, &input, arena, &request, err);
		*local = *local && r == 0 && url_is_local(request.url);
	}
	if (r == 0 && adapter->has_lookup) {
		r = adapter_lookup_request(adapter, &input, arena, &request, &lookup, err);
		*local = *local && r == 0 && url_is_local(request.url);
	}
	for (size_t i = 0; r == 0 && i < adapter->poll_count; i++) {
		if (!poll_wanted(adapter_poll(adapter, i), settings))
			continue; /* what it alone needs need not be set */
		r = try_poll(adapter, i, &input, arena, &request, err);
		*local = *local && r == 0 && url_is_local(request.url);
	}
	return r;
}

/* A provider may have no word for one country or language, and one for another. */
static int try_request(const struct adapter *adapter, const struct provider_settings *settings, bool *local, struct buf *url, struct err *err)
{
	static const char *const places[][2] = { { "FR", "fr" }, { "US", "en" }, { "DE", "de" }, { "GB", "en" } };
	int r;

	if (!adapter_sends(adapter)) {
		*local = true;
		return 0;
	}
	r = try_message(adapter, settings, places[0][0], places[0][1], local, url, err);
	for (size_t i = 1; r < 0 && adapter->table_count > 0 && i < ARRAY_LEN(places); i++) {
		r = try_message(adapter, settings, places[i][0], places[i][1], local, url, NULL);
		if (r == 0 && err)
			err_clear(err);
	}
	return r;
}

bool adapter_is_local(const struct adapter *adapter, const struct provider_settings *settings)
{
	bool local;

	return try_request(adapter, settings, &local, NULL, NULL) == 0 && local;
}

int adapter_address(const struct adapter *adapter, const struct provider_settings *settings, struct buf *ret)
{
	bool local;

	return try_request(adapter, settings, &local, ret, NULL);
}

int adapter_check_settings(const struct adapter *adapter, const struct provider_settings *settings,
	struct err *err)
{
	char path[160];
	bool local;

	for (const char *const *p = settings->settings; p && p[0]; p += 2) {
		snprintf(path, sizeof(path), "$.settings.%.100s", p[0]);
		if (!adapter_knows(adapter, p[0]))
			return err_set(err, -EBADMSG, "unknown_member", path,
				"%s has no such setting", adapter->name);
	}
	for (size_t i = 0; i < adapter->setting_count; i++) {
		const struct setting *setting = &adapter->settings[i];
		const char *value = settings_get(settings, setting->name);

		snprintf(path, sizeof(path), "$.settings.%.100s", setting->name);
		if (setting->required && !setting->fallback && (!value || !*value))
			return err_set(err, -EBADMSG, "missing", path, "%s needs it",
				adapter->name);
		if (setting->secret && value && (!token_valid(value) && !id_valid(value)))
			return err_set(err, -EBADMSG, "bad_id", path,
				"must be the name of a credential, not the secret itself");
	}
	return try_request(adapter, settings, &local, NULL, err);
}

int adapter_each_secret(const struct adapter *adapter, const struct provider_settings *settings,
	int (*fn)(const char *credential, void *arg), void *arg)
{
	int r = 0;

	for (size_t i = 0; i < adapter->setting_count && r == 0; i++) {
		const char *value = settings_get(settings, adapter->settings[i].name);

		if (adapter->settings[i].secret && value)
			r = fn(value, arg);
	}
	return r;
}
