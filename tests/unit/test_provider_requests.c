/*
 * What each shipped provider is asked, against the providers' published descriptions where those are at hand (shared/provider-specs, the
 * strict ones), and the exact request where there is none. No secret stands in what the trail keeps.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/adapter.h"
#include "common/buf.h"
#include "common/file.h"
#include "common/hash.h"
#include "tests/support/schema.h"
#include "tests/support/shipped.h"

#define HOOKS "https://dunning.example/hooks/us"

/* false: not at hand, which is an error where CI is set. */
static bool published(struct arena *arena, const char *name, struct json *ret)
{
	const char *shared = getenv("DUNNINGD_SHARED");
	const char *path = shared ? arena_printf(arena, "%s/provider-specs/%s", shared, name) :
				    arena_printf(arena, "%s/../shared/provider-specs/%s", SOURCE_DIR, name);
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct err err = { 0 };

	if (file_read(path, 4 * 1024 * 1024, &text, NULL) < 0) {
		if (getenv("CI"))
			fail_msg("%s is not there", path);
		print_message("%s is not there: passed over\n", path);
		return false;
	}
	if (json_parse(arena, arena_memdup(arena, text.data, text.len), text.len, JSON_FRACTIONS, ret, &err) < 0)
		fail_msg("%s: %s", path, err.text);
	return true;
}

/* Where the provider tells what became of a message: there are members that only then are in the request. */
static int add_callback(const char *name, bool required, bool secret, void *arg)
{
	const char **pairs = arg;
	size_t n = 0;

	(void)required;
	if (strcmp(name, "callback_url") != 0 && strcmp(name, "answer_url") != 0 && strcmp(name, "hook_secret") != 0)
		return 0;
	while (pairs[n])
		n += 2;
	pairs[n] = name;
	pairs[n + 1] = secret ? "the-secret" : HOOKS "/status";
	return 0;
}

static void conforms(const struct shipped_description *row, const struct json *root, const char *const *pairs, const char *hooks_url,
	struct arena *arena)
{
	const struct shipped *provider = shipped_find(row->provider);
	struct provider_settings settings = { .name = row->provider, .settings = pairs, .hooks_url = hooks_url };
	CLEANUP(adapter_freep) struct adapter *adapter = shipped_load(row->provider);

	for (int v = 0; v < SHIPPED_VARIANTS; v++) {
		struct message message = shipped_variant(provider, adapter_takes_files(adapter), (enum shipped_variant)v);
		struct adapter_input input = shipped_input(&settings, &message);
		struct adapter_lookup *lookup;
		struct http_request request;
		struct err err = { 0 };
		const char *wrong;

		if (adapter_request(adapter, &input, arena, &request, &err) < 0)
			fail_msg("%s, variant %d: %s %s %s", row->provider, v, err.code, err.path, err.text);
		wrong = schema_check_request(root, &request, arena);
		if (*wrong)
			fail_msg("%s, variant %d: %s\n%s", row->provider, v, wrong, request.body);
		if (!adapter_can_lookup(adapter))
			continue;
		assert_int_equal(adapter_lookup_request(adapter, &input, arena, &request, &lookup, &err), 0);
		wrong = schema_check_request(root, &request, arena);
		if (*wrong)
			fail_msg("%s, look-up: %s %s", row->provider, request.url, wrong);
	}
}

static void as_published(void **state)
{
	const struct shipped_description *row = *state;
	const struct shipped *provider = shipped_find(row->provider);
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(adapter_freep) struct adapter *adapter = shipped_load(row->provider);
	const char *pairs[ARRAY_LEN(provider->settings) + 8] = { 0 };
	struct json root;

	if (!published(arena, row->description, &root))
		return;
	conforms(row, &root, provider->settings, NULL, arena);
	conforms(row, &root, provider->settings, HOOKS, arena);
	memcpy(pairs, provider->settings, sizeof(provider->settings));
	assert_int_equal(adapter_each_setting(adapter, add_callback, pairs), 0);
	conforms(row, &root, pairs, NULL, arena);
}

/* The checker itself can say no: the bad requests of the samples, where the fault is in a JSON body. */
static void the_checker_refuses(void **state)
{
	static const char *const files[] = { "sendgrid.strict.json", "resend.strict.json", "brevo.strict.json", "ovh-sms.json" };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json samples, root;
	size_t refused = 0;

	(void)state;
	if (!published(arena, "samples.json", &samples))
		return;
	for (size_t f = 0; f < ARRAY_LEN(files); f++) {
		struct json list = json_get(&samples, files[f]);

		assert_true(published(arena, files[f], &root));
		for (size_t i = 0; i < json_len(&list); i++) {
			struct json call = json_at(&list, i), bad = json_get(&call, "bad"), good = json_get(&call, "json"), path = json_get(&call, "path");
			struct http_header headers[] = { { "Content-Type", "application/json" }, { "X-Ovh-Application", "a" }, { "X-Ovh-Consumer", "b" },
				{ "X-Ovh-Timestamp", "1767225600" }, { "X-Ovh-Signature", "$1$37ef49c387a0b795d324233adda1bea0be90240e" } };
			struct http_request request = { .method = "POST", .headers = headers, .header_count = ARRAY_LEN(headers),
				.url = arena_printf(arena, "https://x.example%s", json_str(&path)) };

			if (good.type != JSON_OBJECT)
				continue;
			for (size_t k = 0; k <= json_len(&bad); k++) {
				CLEANUP(buf_clear) struct buf text = { 0 };
				struct json item = k ? json_at(&bad, k - 1) : call, with = k ? json_get(&item, "with") : call, body = json_get(&with, "json"),
					    why = json_get(&item, "why");
				const char *wrong;

				if (body.type != JSON_OBJECT)
					continue;
				json_write(&text, &body);
				request.body = text.data;
				request.body_len = text.len;
				wrong = schema_check_request(&root, &request, arena);
				if (k == 0 && *wrong)
					fail_msg("%s: a good one: %s", files[f], wrong);
				if (k && !*wrong && !strstr(json_str(&why), "base64"))
					fail_msg("%s: not refused: %s", files[f], json_str(&why));
				refused += k && *wrong;
			}
		}
	}
	assert_true(refused >= 8);
}

/* --- the others: the exact request ------------------------------------------------------------------------------------- */

#define UNSUBSCRIBE "<https://dunning.acme.example/hooks/unsubscribe/x>, <mailto:reply@acme.example>"
#define IN_A_LIST "\"Headers\":[{\"Name\":\"List-Unsubscribe\",\"Value\":\"" UNSUBSCRIBE "\"},{\"Name\":\"List-Unsubscribe-Post\"," \
		  "\"Value\":\"List-Unsubscribe=One-Click\"}],"
#define IN_AN_OBJECT "{\"List-Unsubscribe\":\"" UNSUBSCRIBE "\",\"List-Unsubscribe-Post\":\"List-Unsubscribe=One-Click\"},"

static const struct exact {
	const char *provider, *url, *headers, *body; /* of a message with all there is; %s: the boundary, the file's base64 */
} exact[] = {
	{ "postmark", "https://api.postmarkapp.com/email",
		"Content-Type: application/json\nAccept: application/json\nX-Postmark-Server-Token: S3cret\n",
		"{\"From\":\"\\\"ACME S\xc3\xa0rl\\\" <accounts@acme.example>\",\"To\":\"\\\"Mme \\\\\\\"Ro\xc3\xbf\\\\\\\" & Fils\\\" <compta@dupont.example>\","
		"\"ReplyTo\":\"reply@acme.example\",\"Subject\":\"Rappel : facture n\xc2\xb0 42\",\"TextBody\":\"Bonjour,\\nFacture F-42 : 120,00 \xe2\x82\xac "
		"<\xc3\xa0 r\xc3\xa9gler>\",\"HtmlBody\":\"<p>Bonjour \xe2\x82\xac</p>\"," IN_A_LIST "\"Metadata\":{\"attempt\":\"" SHIPPED_ATTEMPT "\",\"invoice\":\"inv_42\","
		"\"step\":\"reminder\"},\"MessageStream\":\"outbound\",\"TrackOpens\":false,\"TrackLinks\":\"None\",\"Attachments\":[{\"Name\":\"Facture n\xc2\xb0 42.pdf\","
		"\"Content\":\"JVBERi0xLjQKPDw+PgD/JSVFT0YNCg==\",\"ContentType\":\"application/pdf\"}]}" },
	{ "amazon-ses", "https://email.eu-west-3.amazonaws.com/v2/email/outbound-emails",
		"Content-Type: application/json\nAccept: application/json\n",
		"{\"FromEmailAddress\":\"=?UTF-8?B?QUNNRSBTw6BybA==?= <accounts@acme.example>\",\"Destination\":{\"ToAddresses\":[\"=?U"
		"TF-8?B?TW1lICJSb8O/IiAmIEZpbHM=?= <compta@dupont.example>\"]},\"ReplyToAddresses\":[\"reply@acme.example\"],\"Content"
		"\":{\"Simple\":{\"Subject\":{\"Data\":\"Rappel : facture n\xc2\xb0 42\",\"Charset\":\"UTF-8\"},\"Body\":{\"Text\":{"
		"\"Data\":\"Bonjour,\\nFacture F-42 : 120,00 \xe2\x82\xac <\xc3\xa0 r\xc3\xa9gler>\",\"Charset\":\"UTF-8\"},\"Html\":{"
		"\"Data\":\"<p>Bonjour \xe2\x82\xac</p>\",\"Charset\":\"UTF-8\"}}," IN_A_LIST "\"Attachments\":[{\"FileName\":\"Facture n\xc2\xb0 42"
		".pdf\",\"RawContent\":\"JVBERi0xLjQKPDw+PgD/JSVFT0YNCg==\",\"ContentType\":\"application/pdf\",\"ContentDisposition"
		"\":\"ATTACHMENT\"}]}},\"EmailTags\":[{\"Name\":\"attempt\",\"Value\":\"" SHIPPED_ATTEMPT "\"}]}" },
	{ "sparkpost", "https://api.sparkpost.com/api/v1/transmissions",
		"Content-Type: application/json\nAccept: application/json\nAuthorization: S3cret\n",
		"{\"options\":{\"open_tracking\":false,\"click_tracking\":false,\"transactional\":true},\"recipients\":[{\"address\":{"
		"\"email\":\"compta@dupont.example\",\"name\":\"Mme \\\"Ro\xc3\xbf\\\" & Fils\"},\"metadata\":{\"attempt\":\"01JX900000"
		"0000000000000042\",\"invoice\":\"inv_42\",\"step\":\"reminder\"}}],\"content\":{\"from\":{\"email\":\"accounts@acme.ex"
		"ample\",\"name\":\"ACME S\xc3\xa0rl\"},\"reply_to\":\"reply@acme.example\",\"subject\":\"Rappel : facture n\xc2\xb0 42"
		"\",\"text\":\"Bonjour,\\nFacture F-42 : 120,00 \xe2\x82\xac <\xc3\xa0 r\xc3\xa9gler>\",\"html\":\"<p>Bonjour "
		"\xe2\x82\xac</p>\",\"headers\":" IN_AN_OBJECT "\"attachments\":[{\"name\":\"Facture n\xc2\xb0 42.pdf\",\"type\":\"application/pdf\",\"data\":\"JVB"
		"ERi0xLjQKPDw+PgD/JSVFT0YNCg==\"}]}}" },
	{ "mailjet", "https://api.mailjet.com/v3.1/send",
		"Content-Type: application/json\nAccept: application/json\nAuthorization: Basic cHVibGljOlMzY3JldA==\n",
		"{\"SandboxMode\":false,\"Messages\":[{\"From\":{\"Email\":\"accounts@acme.example\",\"Name\":\"ACME S\xc3\xa0rl\"},"
		"\"To\":[{\"Email\":\"compta@dupont.example\",\"Name\":\"Mme \\\"Ro\xc3\xbf\\\" & Fils\"}],\"ReplyTo\":{\"Email\":\"rep"
		"ly@acme.example\"},\"Subject\":\"Rappel : facture n\xc2\xb0 42\",\"TextPart\":\"Bonjour,\\nFacture F-42 : 120,00 "
		"\xe2\x82\xac <\xc3\xa0 r\xc3\xa9gler>\",\"HTMLPart\":\"<p>Bonjour \xe2\x82\xac</p>\",\"Headers\":" IN_AN_OBJECT "\"CustomID\":\"01JX90000000000000"
		"00000042\",\"EventPayload\":\"{\\\"attempt\\\":\\\"" SHIPPED_ATTEMPT "\\\",\\\"invoice\\\":\\\"inv_42"
		"\\\",\\\"step\\\":\\\"reminder\\\"}\",\"TrackOpens\":\"disabled\",\"TrackClicks\":\"disabled\",\"Attachments\":[{\"Con"
		"tentType\":\"application/pdf\",\"Filename\":\"Facture n\xc2\xb0 42.pdf\",\"Base64Content\":\"JVBERi0xLjQKPDw+PgD/JSVFT"
		"0YNCg==\"}]}]}" },
	{ "vonage", "https://rest.nexmo.com/sms/json", "Content-Type: application/x-www-form-urlencoded\nAccept: application/json\n",
		"api_key=key&api_secret=S3cret&from=33700000000&to=33612345678&text=Bonjour%2C%0AFacture%20F-42%20%3A%20120%2C00%20%E2%82%AC%20%3C%C3%A0%20r%C3%A9gler%3E"
		"&type=text&client-ref=" SHIPPED_ATTEMPT },
	{ "telnyx", "https://api.telnyx.com/v2/messages", "Content-Type: application/json\nAccept: application/json\nAuthorization: Bearer S3cret\n",
		"{\"from\":\"+33700000000\",\"to\":\"+33612345678\",\"text\":\"Bonjour,\\nFacture F-42 : 120,00 \xe2\x82\xac <\xc3\xa0 r\xc3\xa9gler>\",\"type\":\"SMS\"}" },
	{ "plivo", "https://api.plivo.com/v1/Account/MAXXXXXXXXXXXXXXXXXX/Message/",
		"Content-Type: application/json\nAccept: application/json\nAuthorization: Basic TUFYWFhYWFhYWFhYWFhYWFhYWFg6UzNjcmV0\n",
		"{\"src\":\"+33700000000\",\"dst\":\"+33612345678\",\"text\":\"Bonjour,\\nFacture F-42 : 120,00 \xe2\x82\xac <\xc3\xa0 r\xc3\xa9gler>\",\"type\":\"sms\"}" },
	{ "infobip", "https://abcde.api.infobip.com/sms/3/messages",
		"Content-Type: application/json\nAccept: application/json\nAuthorization: App S3cret\n",
		"{\"messages\":[{\"sender\":\"33700000000\",\"destinations\":[{\"to\":\"33612345678\",\"messageId\":\"" SHIPPED_ATTEMPT "\"}],\"content\":{\"text\":\"Bonjour,\\n"
		"Facture F-42 : 120,00 \xe2\x82\xac <\xc3\xa0 r\xc3\xa9gler>\"},\"webhooks\":{\"contentType\":\"application/json\",\"callbackData\":\"" SHIPPED_ATTEMPT "\"}}]}" },
	{ "sinch", "https://eu.sms.api.sinch.com/xms/v1/plan1/batches",
		"Content-Type: application/json\nAccept: application/json\nAuthorization: Bearer S3cret\n",
		"{\"from\":\"33700000000\",\"to\":[\"33612345678\"],\"body\":\"Bonjour,\\nFacture F-42 : 120,00 \xe2\x82\xac <\xc3\xa0 r\xc3\xa9gler>\",\"type\":\"mt_text\","
		"\"client_reference\":\"" SHIPPED_ATTEMPT "\",\"delivery_report\":\"none\"}" },
	{ "twilio-voice", "https://api.twilio.com/2010-04-01/Accounts/ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/Calls.json",
		"Content-Type: application/x-www-form-urlencoded\nAccept: application/json\nAuthorization: Basic "
		"QUNhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYTpTM2NyZXQ=\n",
		"To=%2B33612345678&From=%2B33700000000&Twiml=%3CResponse%3E%3CSay%20language%3D%22fr-FR%22%20voice%3D%22Polly.Lea%22%20loop%3D%222%22%3EBonjour%2C%0AFacture%20F-42%20%3A%20120"
		"%2C00%20%E2%82%AC%20%26lt%3B%C3%A0%20r%C3%A9gler%26gt%3B%3C%2FSay%3E%3C%2FResponse%3E" },
};

static const char *headers_text(struct arena *arena, const struct http_request *request)
{
	CLEANUP(buf_clear) struct buf text = { 0 };

	for (size_t i = 0; i < request->header_count; i++)
		buf_printf(&text, "%s: %s\n", request->headers[i].name, request->headers[i].value);
	return arena_memdup(arena, buf_str(&text), text.len);
}

static void exactly(void **state)
{
	const struct exact *row = *state;
	const struct shipped *provider = shipped_find(row->provider);
	struct provider_settings settings = { .name = row->provider, .settings = provider->settings };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(adapter_freep) struct adapter *adapter = shipped_load(row->provider);
	struct message message = shipped_message(provider->channel, adapter_takes_files(adapter));
	struct adapter_input input = shipped_input(&settings, &message);
	struct http_request request;
	struct err err = { 0 };

	if (adapter_request(adapter, &input, arena, &request, &err) < 0)
		fail_msg("%s %s %s", err.code, err.path, err.text);
	assert_string_equal(request.url, row->url);
	assert_string_equal(headers_text(arena, &request), row->headers);
	assert_string_equal(request.body, row->body);
}

/* --- where the provider tells what became of it ---------------------------------------------------------------------------- */

static const struct callback {
	const char *provider, *key; /* the setting without which what is told would be refused; NULL = it is there anyway */
	const char *by_itself, *given; /* in the body: made of hooks.public_url, and as the setting says */
} callbacks[] = {
	{ "twilio-sms", NULL, "&StatusCallback=https%3A%2F%2Fdunning.example%2Fhooks%2Fus%2Fstatus%3Fd%3D" SHIPPED_ATTEMPT,
		"&StatusCallback=https%3A%2F%2Fother.example%2Fcb%3Fd%3D" SHIPPED_ATTEMPT },
	{ "twilio-voice", NULL, "&StatusCallback=https%3A%2F%2Fdunning.example%2Fhooks%2Fus%2Fstatus%3Fd%3D" SHIPPED_ATTEMPT,
		"&StatusCallback=https%3A%2F%2Fother.example%2Fcb%3Fd%3D" SHIPPED_ATTEMPT },
	{ "plivo", NULL, "\"url\":\"" HOOKS "/status?d=" SHIPPED_ATTEMPT "\",\"method\":\"POST\"",
		"\"url\":\"https://other.example/cb?d=" SHIPPED_ATTEMPT "\"" },
	{ "telnyx", "public_key", "\"webhook_url\":\"" HOOKS "/status?d=" SHIPPED_ATTEMPT "\"",
		"\"webhook_url\":\"https://other.example/cb?d=" SHIPPED_ATTEMPT "\"" },
	{ "vonage", "hook_secret", "&callback=https%3A%2F%2Fdunning.example%2Fhooks%2Fus%2Fstatus%2F" SHIPPED_SECRET,
		"&callback=https%3A%2F%2Fother.example%2Fcb%2F" SHIPPED_SECRET },
	{ "infobip", "hook_secret", "\"delivery\":{\"url\":\"" HOOKS "/status/" SHIPPED_SECRET "\"}",
		"\"delivery\":{\"url\":\"https://other.example/cb/" SHIPPED_SECRET "\"}" },
	{ "sinch", "hook_secret", "\"delivery_report\":\"per_recipient\",\"callback_url\":\"" HOOKS "/status/" SHIPPED_SECRET "?d=" SHIPPED_ATTEMPT "\"",
		"\"callback_url\":\"https://other.example/cb/" SHIPPED_SECRET "?d=" SHIPPED_ATTEMPT "\"" },
	{ "brevo-sms", "hook_secret", "\"webUrl\":\"" HOOKS "/status/" SHIPPED_SECRET "?d=" SHIPPED_ATTEMPT "\"",
		"\"webUrl\":\"https://other.example/cb/" SHIPPED_SECRET "?d=" SHIPPED_ATTEMPT "\"" },
};

static const char *body_with(const struct callback *row, const char *hooks_url, const char *key, const char *callback_url, struct arena *arena)
{
	const struct shipped *provider = shipped_find(row->provider);
	CLEANUP(adapter_freep) struct adapter *adapter = shipped_load(row->provider);
	const char *pairs[ARRAY_LEN(provider->settings) + 4] = { 0 };
	struct provider_settings settings = { .name = "us", .settings = pairs, .hooks_url = hooks_url };
	struct message message = shipped_message(provider->channel, adapter_takes_files(adapter));
	struct adapter_input input = shipped_input(&settings, &message);
	struct http_request request;
	struct err err = { 0 };
	size_t n = 0;

	for (; provider->settings[n]; n++)
		pairs[n] = provider->settings[n];
	if (key) {
		pairs[n++] = key;
		pairs[n++] = "the-secret";
	}
	if (callback_url) {
		pairs[n++] = "callback_url";
		pairs[n++] = callback_url;
	}
	if (adapter_check_settings(adapter, &settings, &err) < 0 || adapter_request(adapter, &input, arena, &request, &err) < 0)
		fail_msg("%s: %s %s %s", row->provider, err.code, err.path, err.text);
	return request.body;
}

/* With hooks.public_url nobody has to type it; what is typed counts; and nothing is told to where it would be refused. */
static void where_it_is_told(void **state)
{
	const struct callback *row = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *without = body_with(row, NULL, row->key, NULL, arena);

	if (!strstr(body_with(row, HOOKS, row->key, NULL, arena), row->by_itself))
		fail_msg("%s: %s", row->provider, body_with(row, HOOKS, row->key, NULL, arena));
	if (!strstr(body_with(row, HOOKS, row->key, "https://other.example/cb", arena), row->given))
		fail_msg("%s: %s", row->provider, body_with(row, HOOKS, row->key, "https://other.example/cb", arena));
	assert_null(strstr(without, "dunning.example"));
	assert_string_equal(body_with(row, HOOKS, row->key, "", arena), without); /* so nobody is told */
	if (row->key)
		assert_string_equal(body_with(row, HOOKS, NULL, NULL, arena), body_with(row, NULL, NULL, NULL, arena));
}

/* --- letters ------------------------------------------------------------------------------------------------------------ */

static bool body_has(const struct http_request *request, const char *text)
{
	return memmem(request->body, request->body_len, text, strlen(text)) != NULL;
}

/* The document's bytes as they are, in the multipart bodies; JSON inside a form; an upload before the letter. */
static void letters(void **state)
{
	static const char pdf[] = "Content-Type: application/pdf\r\n\r\n%PDF-1.4\n<<>>\0\xff%%EOF\r\n\r\n--";
	const char *const names[] = { "lob", "mysendingbox", "merci-facteur", "clicksend" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const struct shipped *provider = shipped_find(names[i]);
		struct provider_settings settings = { .name = names[i], .settings = provider->settings };
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		CLEANUP(adapter_freep) struct adapter *adapter = shipped_load(names[i]);
		struct message message = shipped_variant(provider, true, SHIPPED_REGISTERED);
		struct adapter_input input = shipped_input(&settings, &message);
		struct adapter_bound bound = { "upload.url", "https://files.example/1.pdf" };
		struct http_request request;
		struct err err = { 0 };

		input.token = "T0";
		input.bound = &bound;
		input.bound_count = 1;
		if (adapter_request(adapter, &input, arena, &request, &err) < 0)
			fail_msg("%s: %s %s", names[i], err.code, err.text);
		if (i < 2)
			assert_non_null(memmem(request.body, request.body_len, pdf, sizeof(pdf) - 1));
		if (i == 0) {
			assert_true(body_has(&request, "name=\"extra_service\"\r\n\r\ncertified_return_receipt\r\n"));
			assert_true(body_has(&request, "name=\"metadata[attempt]\"\r\n\r\n" SHIPPED_ATTEMPT "\r\n"));
			assert_true(body_has(&request, "name=\"file\"; filename=\"Facture n\xc2\xb0 42.pdf\""));
		} else if (i == 1) {
			assert_true(body_has(&request, "name=\"postage_type\"\r\n\r\nlrar\r\n"));
			assert_true(body_has(&request, "name=\"to[address_country]\"\r\n\r\nFrance\r\n"));
		} else if (i == 2) {
			assert_non_null(strstr(headers_text(arena, &request), "ww-access-token: T0\nww-service-id: svc\n"));
			assert_true(body_has(&request, "idUser=17&modeEnvoi=lrare&adress=%7B%22exp%22%3A%7B%22societe%22%3A%22ACME%20S%C3%A0rl%22%2C"));
			assert_true(body_has(&request, "%22base64files%22%3A%5B%22JVBERi0xLjQKPDw%2BPgD%2FJSVFT0YNCg%3D%3D%22%5D"));
			assert_true(body_has(&request, "&antidoublon=" SHIPPED_ATTEMPT));
			message.electronic = true;
			assert_int_equal(adapter_request(adapter, &input, arena, &request, &err), 0);
			assert_true(body_has(&request, "idUser=17&modeEnvoi=ere_otp_mail&adress="));
			assert_int_equal(adapter_token_request(adapter, &input, arena, &request, &err), 0);
			assert_string_equal(request.method, "GET");
			/* HMAC-SHA-256 of "svc1775119800" under "S3cret" */
			assert_non_null(strstr(headers_text(arena, &request),
				"ww-service-signature: f6350a88f07476ed78767ac20c0de13fb53c5d3818b61192a3f1084c20ef68ab\nww-timestamp: 1775119800\nww-service-id: svc\n"));
		} else {
			assert_true(body_has(&request, "{\"file_url\":\"https://files.example/1.pdf\",\"template_used\":0,\"colour\":0,\"duplex\":0,"
				"\"priority_post\":1,\"recipients\":[{\"address_name\":\"Mme \\\"Ro\xc3\xbf\\\" & Fils\","));
			assert_int_equal(adapter_step_request(adapter, 0, &input, arena, &request, &err), 0);
			assert_string_equal(request.body, "{\"content\":\"JVBERi0xLjQKPDw+PgD/JSVFT0YNCg==\"}");
		}
	}
}

/* --- the man page ------------------------------------------------------------------------------------------------------- */

/* The n-th display behind "Sh EXAMPLES". */
static const char *man_example(struct arena *arena, size_t n)
{
	CLEANUP(buf_clear) struct buf page = { 0 };
	const char *p;

	assert_int_equal(file_read(SOURCE_DIR "/daemon/dunningd-provider.5", 1024 * 1024, &page, NULL), 0);
	p = strstr(buf_str(&page), ".Sh EXAMPLES");
	for (size_t i = 0; i <= n; i++)
		p = strstr(p, ".Bd -literal -offset indent\n") + strlen(".Bd -literal -offset indent\n");
	return arena_memdup(arena, p, (size_t)(strstr(p, "\n.Ed") - p));
}

/* Who writes a provider from the page alone must not be misled by it. */
static void man_page_examples(void **state)
{
	static const char *const pairs[] = { "base_url", "https://x.example", "token", "the-secret", NULL };
	static const char *const other_pairs[] = { "base_url", "https://x.example", "key", "the-secret", NULL };
	struct provider_settings settings = { .name = "x", .settings = pairs };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(adapter_freep) struct adapter *gateway = NULL, *letters_of = NULL;
	const char *text = man_example(arena, 0);
	struct message message = shipped_message(CHANNEL_LETTER, true);
	struct adapter_input input = shipped_input(&settings, &message);
	struct http_answer answer = { .status = 200, .head = "", .body = "{\"ok\":true,\"sent\":[{\"ids\":[9007199254740993]}]}" };
	struct http_request request;
	struct outcome outcome;
	struct err err = { 0 };

	(void)state;
	if (adapter_parse(text, strlen(text), &gateway, &err) < 0 || adapter_check_settings(gateway, &settings, &err) < 0)
		fail_msg("%s %s %s", err.code, err.path, err.text);
	text = arena_printf(arena, "{\"adapter\":1,\"name\":\"x\",\"channel\":\"letter\",\"config\":{\"base_url\":{\"required\":true},"
		"\"key\":{\"required\":true,\"secret\":true}},%s}", man_example(arena, 1));
	settings.settings = other_pairs;
	if (adapter_parse(text, strlen(text), &letters_of, &err) < 0 || adapter_check_settings(letters_of, &settings, &err) < 0 ||
		adapter_request(letters_of, &input, arena, &request, &err) < 0)
		fail_msg("%s %s %s", err.code, err.path, err.text);
	assert_ptr_equal(strstr(request.body, "key=S3cret&letter=%7B%22to%22%3A%7B%22name%22%3A%22Mme"), request.body);
	answer.body_len = strlen(answer.body);
	adapter_answer(letters_of, &answer, SHIPPED_NOW, arena, &outcome);
	assert_string_equal(outcome.provider_id, "9007199254740993");
	answer.body = "{\"ok\":false,\"why\":\"Bad address\"}";
	answer.body_len = strlen(answer.body);
	adapter_answer(letters_of, &answer, SHIPPED_NOW, arena, &outcome);
	assert_true(outcome.kind == OUTCOME_REFUSED && outcome.scope == SCOPE_RECIPIENT);
}

/* --- signatures, secrets ------------------------------------------------------------------------------------------------ */

/* The vector of the provider's own guide. */
static void ovh_signature(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json vectors;
	size_t tried = 0;

	(void)state;
	if (!published(arena, "signature-vectors.json", &vectors))
		return;
	for (size_t i = 0; i < json_len(&vectors); i++) {
		struct json v = json_at(&vectors, i), kind = json_get(&v, "kind"), field;
		const char *parts[6], *members[] = { "application_secret", "consumer_key", "method", "url", "body", "timestamp" };
		CLEANUP(buf_clear) struct buf text = { 0 };
		uint8_t digest[HASH_SIZE_MAX];
		char hex[2 * HASH_SIZE_MAX + 1];

		if (strcmp(json_str(&kind), "ovh-request") != 0)
			continue;
		for (size_t k = 0; k < ARRAY_LEN(members); k++) {
			field = json_get(&v, members[k]);
			parts[k] = json_str(&field);
			buf_printf(&text, "%s%s", k ? "+" : "", parts[k]);
		}
		field = json_get(&v, "expect");
		(void)hash_any(HASH_SHA1, text.data, text.len, digest);
		assert_string_equal(json_str(&field) + 3, hex_format(digest, 20, hex));
		tried++;
	}
	assert_int_equal(tried, 1);
}

/* What the file makes of it: the same parts in the same order. */
static void ovh_signs(void **state)
{
	const struct shipped *provider = shipped_find("ovh");
	struct provider_settings settings = { .name = "ovh", .settings = provider->settings };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(adapter_freep) struct adapter *adapter = shipped_load("ovh");
	struct message message = shipped_message(CHANNEL_SMS, false);
	struct adapter_input input = shipped_input(&settings, &message);
	struct http_request request;
	uint8_t digest[HASH_SIZE_MAX];
	char hex[2 * HASH_SIZE_MAX + 1];
	const char *text;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(adapter_request(adapter, &input, arena, &request, &err), 0);
	text = arena_printf(arena, "S3cret+S3cret+POST+https://eu.api.ovh.com/1.0/sms/sms-ab12345-1/jobs+%s+1775119800", request.body);
	(void)hash_any(HASH_SHA1, text, strlen(text), digest);
	assert_non_null(strstr(headers_text(arena, &request), arena_printf(arena, "X-Ovh-Signature: $1$%s\n", hex_format(digest, 20, hex))));
}

/* With every provider: the form for records can be made before anything is asked, and nothing in it is secret. */
static void records_hold_no_secret(void **state)
{
	(void)state;
	for (size_t i = 0; i < shipped_count; i++) {
		struct provider_settings settings = { .name = shipped[i].name, .settings = shipped[i].settings };
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		CLEANUP(adapter_freep) struct adapter *adapter = shipped_load(shipped[i].name);
		struct message message = shipped_message(shipped[i].channel, adapter_takes_files(adapter));
		struct adapter_input input = shipped_input(&settings, &message);
		struct http_request request;
		struct err err = { 0 };
		const char *head;

		if (adapter_check_settings(adapter, &settings, &err) < 0)
			fail_msg("%s: %s %s", shipped[i].name, err.path, err.text);
		assert_false(adapter_is_local(adapter, &settings));
		input.secret = NULL;
		if (adapter_request(adapter, &input, arena, &request, &err) < 0)
			fail_msg("%s: %s %s", shipped[i].name, err.path, err.text);
		head = headers_text(arena, &request);
		if (strstr(head, SHIPPED_SECRET) || strstr(head, "UzNjcmV0") || strstr(head, "6UzNj") || strstr(request.url, SHIPPED_SECRET) ||
			body_has(&request, SHIPPED_SECRET))
			fail_msg("%s: %s%s", shipped[i].name, head, request.body);
	}
}

/* What no provider takes is not tried: a text of eleven SMS is refused before it is sent, whichever sends them. */
static void ten_sms_at_most(void **state)
{
	static const struct shipped sandbox = { "sandbox", CHANNEL_SMS, { "base_url", "http://127.0.0.1:1" } };
	size_t found = 0;

	(void)state;
	for (size_t i = 0; i <= shipped_count; i++) {
		const struct shipped *of = i < shipped_count ? &shipped[i] : &sandbox;
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		CLEANUP(adapter_freep) struct adapter *adapter = shipped_load(of->name);
		struct provider_settings settings = { .name = of->name, .settings = of->settings };
		struct message message = shipped_message(CHANNEL_SMS, false);
		struct adapter_input input = shipped_input(&settings, &message);
		struct http_request request;
		char text[10 * 153 + 2];
		struct err err = { 0 };

		if (!adapter_serves(adapter, CHANNEL_SMS))
			continue;
		found++;
		memset(text, 'a', sizeof(text) - 1);
		text[sizeof(text) - 1] = '\0';
		message.text = text;
		if (adapter_request(adapter, &input, arena, &request, &err) != -EBADMSG || strcmp(err.code, "too_long") != 0)
			fail_msg("%s: %s %s", of->name, err.code, err.text);
		text[sizeof(text) - 2] = '\0';
		if (adapter_request(adapter, &input, arena, &request, &err) < 0)
			fail_msg("%s: %s %s", of->name, err.code, err.text);
	}
	assert_int_equal(found, 10);
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(the_checker_refuses),
		cmocka_unit_test(letters),
		cmocka_unit_test(man_page_examples),
		cmocka_unit_test(ovh_signature),
		cmocka_unit_test(ovh_signs),
		cmocka_unit_test(records_hold_no_secret),
		cmocka_unit_test(ten_sms_at_most),
	};
	static struct CMUnitTest tests[ARRAY_LEN(others) + SHIPPED_DESCRIPTIONS + ARRAY_LEN(exact) + ARRAY_LEN(callbacks)];
	size_t count = ARRAY_LEN(others);

	memcpy(tests, others, sizeof(others));
	for (size_t i = 0; i < SHIPPED_DESCRIPTIONS; i++)
		tests[count++] = (struct CMUnitTest){ .name = shipped_descriptions[i].provider, .test_func = as_published,
			.initial_state = (void *)(uintptr_t)&shipped_descriptions[i] };
	for (size_t i = 0; i < ARRAY_LEN(exact); i++)
		tests[count++] = (struct CMUnitTest){ .name = exact[i].provider, .test_func = exactly, .initial_state = (void *)(uintptr_t)&exact[i] };
	for (size_t i = 0; i < ARRAY_LEN(callbacks); i++)
		tests[count++] = (struct CMUnitTest){ .name = callbacks[i].provider, .test_func = where_it_is_told,
			.initial_state = (void *)(uintptr_t)&callbacks[i] };
	return cmocka_run_group_tests_name("provider_requests", tests, NULL, NULL);
}
