#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/file.h"
#include "tests/support/shipped.h"

#define SID "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define S "the-secret"

const struct shipped shipped[] = {
	{ "sendgrid", CHANNEL_EMAIL, { "api_key", S } },
	{ "mailgun", CHANNEL_EMAIL, { "api_key", S, "domain", "mg.acme.example" } },
	{ "postmark", CHANNEL_EMAIL, { "server_token", S } },
	{ "brevo", CHANNEL_EMAIL, { "api_key", S } },
	{ "mailjet", CHANNEL_EMAIL, { "api_key", "public", "api_secret", S } },
	{ "resend", CHANNEL_EMAIL, { "api_key", S } },
	{ "amazon-ses", CHANNEL_EMAIL, { "key_id", "AKIDEXAMPLE", "secret_key", S, "region", "eu-west-3", "base_url",
		"https://email.eu-west-3.amazonaws.com" } },
	{ "sparkpost", CHANNEL_EMAIL, { "api_key", S } },
	{ "generic-json", CHANNEL_EMAIL, { "url", "https://gateway.example/in", "token", S } },
	{ "twilio-sms", CHANNEL_SMS, { "account_sid", SID, "auth_token", S } },
	{ "vonage", CHANNEL_SMS, { "api_key", "key", "api_secret", S } },
	{ "ovh", CHANNEL_SMS, { "service", "sms-ab12345-1", "application_key", "app", "application_secret", S, "consumer_key", S } },
	{ "brevo-sms", CHANNEL_SMS, { "api_key", S, "sender", "ACME" } },
	{ "telnyx", CHANNEL_SMS, { "api_key", S } },
	{ "plivo", CHANNEL_SMS, { "auth_id", "MAXXXXXXXXXXXXXXXXXX", "auth_token", S } },
	{ "infobip", CHANNEL_SMS, { "api_key", S, "base_url", "https://abcde.api.infobip.com" } },
	{ "sinch", CHANNEL_SMS, { "service_plan_id", "plan1", "api_token", S } },
	{ "lob", CHANNEL_LETTER, { "api_key", S } },
	{ "merci-facteur", CHANNEL_LETTER, { "service_id", "svc", "secret_key", S, "user_id", "17" } },
	{ "mysendingbox", CHANNEL_LETTER, { "api_key", S } },
	{ "clicksend", CHANNEL_LETTER, { "username", "me", "api_key", S, "return_address_id", "4711" } },
	{ "twilio-voice", CHANNEL_VOICE, { "account_sid", SID, "auth_token", S } },
};
const size_t shipped_count = ARRAY_LEN(shipped);

const struct shipped_description shipped_descriptions[SHIPPED_DESCRIPTIONS] = {
	{ "sendgrid", "sendgrid.strict.json" },
	{ "resend", "resend.strict.json" },
	{ "brevo", "brevo.strict.json" },
	{ "brevo-sms", "brevo.strict.json" },
	{ "lob", "lob.strict.json" },
	{ "ovh", "ovh-sms.json" },
	{ "twilio-sms", "twilio.json" },
	{ "twilio-voice", "twilio.json" },
};

const struct shipped *shipped_find(const char *name)
{
	for (size_t i = 0; i < shipped_count; i++) {
		if (strcmp(shipped[i].name, name) == 0)
			return &shipped[i];
	}
	fail_msg("there is no provider %s", name);
	return NULL;
}

static struct adapter *load(const char *name, bool fast)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct adapter *adapter = NULL;
	struct err err = { 0 };

	if (file_read(arena_printf(arena, SOURCE_DIR "/daemon/share/providers/%s.json", name), ADAPTER_FILE_MAX, &text, &err) < 0)
		fail_msg("%s: %s", name, err.text);
	for (char *p = text.data; fast && (p = strstr(p, "\"timeout_ms\": "));) {
		size_t digits = strspn(p += 14, "0123456789");

		memset(p, ' ', digits);
		memcpy(p, "1000", 4);
	}
	if (adapter_parse(buf_str(&text), text.len, &adapter, &err) < 0)
		fail_msg("%s: %s %s %s", name, err.path, err.code, err.text);
	assert_string_equal(adapter_name(adapter), name);
	return adapter;
}

struct adapter *shipped_load(const char *name)
{
	return load(name, false);
}

struct adapter *shipped_load_fast(const char *name)
{
	return load(name, true);
}

const char *shipped_secret(const char *credential, void *arg)
{
	(void)arg;
	return strcmp(credential, S) == 0 ? SHIPPED_SECRET : NULL;
}

struct message shipped_message(enum channel channel, bool with_files)
{
	static const char *const invoices[] = { "inv_42", "inv_43" };
	static const struct attachment files[] = { { "Facture n\xc2\xb0 42.pdf", "application/pdf", "%PDF-1.4\n<<>>\0\xff%%EOF\r\n", 22 } };
	static const struct postal to = { .line1 = "1 rue de l'\xc3\x89glise", .line2 = "B\xc3\xa2t. B", .postcode = "75001", .city = "Paris",
		.country = "FR" };
	static const struct postal from = { .line1 = "2 avenue Foch", .postcode = "69006", .city = "Lyon", .country = "FR" };

	return (struct message){ .attempt_id = SHIPPED_ATTEMPT, .channel = channel, .provider = "p",
		.to = { .name = "Mme \"Ro\xc3\xbf\" & Fils", .email = "compta@dupont.example", .phone = "+33612345678" },
		.from = { .name = "ACME S\xc3\xa0rl", .email = "accounts@acme.example", .phone = "+33700000000", .reply_to = "reply@acme.example" },
		.locale = "fr", .subject = "Rappel : facture n\xc2\xb0 42", .text = "Bonjour,\nFacture F-42 : 120,00 \xe2\x82\xac <\xc3\xa0 r\xc3\xa9gler>",
		.html = channel == CHANNEL_EMAIL ? "<p>Bonjour \xe2\x82\xac</p>" : NULL,
		.list_unsubscribe = channel == CHANNEL_EMAIL ? "<https://dunning.acme.example/hooks/unsubscribe/x>, <mailto:reply@acme.example>" : NULL,
		.list_unsubscribe_post = channel == CHANNEL_EMAIL ? "List-Unsubscribe=One-Click" : NULL, .debtor_id = "cus_7", .step = "reminder",
		.policy = "fr-b2b", .invoice_ids = invoices, .invoice_count = 2, .to_postal = to, .from_postal = from, .attachments = files,
		.attachment_count = with_files ? ARRAY_LEN(files) : 0 };
}

struct message shipped_variant(const struct shipped *provider, bool with_files, enum shipped_variant variant)
{
	static char text[1400];
	struct message m = shipped_message(provider->channel, with_files && variant != SHIPPED_NO_FILES && variant != SHIPPED_BARE);

	switch (variant) {
	case SHIPPED_NO_HTML:
		m.html = NULL;
		break;
	case SHIPPED_BARE:
		m.html = NULL;
		m.to.name = m.from.name = m.from.reply_to = m.step = m.policy = m.debtor_id = m.list_unsubscribe = m.list_unsubscribe_post = NULL;
		m.invoice_count = 0;
		break;
	case SHIPPED_LONG:
		memset(text, 'x', sizeof(text) - 1);
		m.text = text;
		break;
	case SHIPPED_REGISTERED:
		m.registered = true;
		break;
	default:
		break;
	}
	if (provider->channel == CHANNEL_LETTER) { /* no letter without them */
		const struct message whole = shipped_message(provider->channel, true);

		m.to.name = whole.to.name;
		m.from.name = whole.from.name;
		m.attachments = whole.attachments;
		m.attachment_count = whole.attachment_count;
	}
	return m;
}

struct adapter_input shipped_input(const struct provider_settings *settings, const struct message *message)
{
	return (struct adapter_input){ .settings = settings, .secret = shipped_secret, .message = message, .now = SHIPPED_NOW,
		.sent_at = SHIPPED_NOW };
}
