/*
 * The webhooks of the shipped provider files: for each a request as its provider sends it, signed or with its secret as the provider does
 * it, is taken and read; tampered with, or with another secret, it is refused.
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

#include "common/contact.h"
#include "common/hash.h"
#include "common/json.h"
#include "daemon/intake.h"
#include "tests/unit/hook_samples.h"
#include "tests/unit/hook_testing.h"

#define SECRET "s3cret"
#define SVIX_SECRET "whsec_czNjcmV0" /* base64 of SECRET */
#define STAMP "1767225600"
#define FORM_TYPE "application/x-www-form-urlencoded"

enum proof { BASIC, PATH, HEADER, RELAY, SVIX, LOB, MAILGUN, MAILGUN_FORM, TELNYX, PLIVO, TWILIO, SNS };

static const struct sample {
	const char *provider, *path;
	enum proof proof;
	const char *query; /* of the address */
	const char *body, *says;
} samples[] = {
	{ "mailjet", "", BASIC, "", "[{\"event\":\"sent\",\"time\":1767225600,\"MessageID\":19421777835146490,\"CustomID\":\"" ATTEMPT "\",\"email\":\"a@x.example\"},"
		"{\"event\":\"bounce\",\"hard_bounce\":true,\"error\":\"user unknown\",\"time\":1767225600,\"MessageID\":1,\"email\":\"a@x.example\"},"
		"{\"event\":\"bounce\",\"hard_bounce\":false,\"error\":\"greylisted\",\"MessageID\":1},{\"event\":\"blocked\",\"error\":\"preblocked\",\"MessageID\":1},"
		"{\"event\":\"spam\",\"source\":\"JMRPP\",\"MessageID\":1},{\"event\":\"unsub\",\"MessageID\":1},{\"event\":\"open\",\"MessageID\":1}]",
		"delivered attempt=" ATTEMPT " message=19421777835146490 at=1767225600000 address=a@x.example; "
		"bounced_hard message=1 at=1767225600000 reason=user unknown address=a@x.example; deferred message=1 reason=greylisted; "
		"failed message=1 reason=preblocked; complained message=1; stopped message=1; opened message=1; " },
	{ "mailjet", "", BASIC, "", "{\"event\":\"bounce\",\"hard_bounce\":false,\"error\":\"quota exceeded\",\"MessageID\":2}",
		"failed message=2 reason=quota exceeded; " },
	{ "mailjet", "inbound", BASIC, "", "{\"From\":\"\\\"Ann, A\\\" <ann@x.example>\",\"Headers\":{\"Message-ID\":\"<m@x>\"},\"Text-part\":\"Oui\","
		"\"Parts\":[{\"ContentRef\":\"Text-part\"},{\"ContentRef\":\"Attachment1\",\"Headers\":{\"Content-Type\":\"application/pdf; name=a.pdf\"}}]}",
		"replied address=ann@x.example text=Oui files=[{\"name\":\"1\",\"type\":\"application/pdf; name=a.pdf\"}]; " },
	{ "postmark", "", BASIC, "", "{\"RecordType\":\"Delivery\",\"MessageID\":\"m-1\",\"Recipient\":\"a@x.example\",\"DeliveredAt\":\"2026-01-01T00:00:00Z\","
		"\"Metadata\":{\"attempt\":\"" ATTEMPT "\"}}", "delivered attempt=" ATTEMPT " message=m-1 at=1767225600000 address=a@x.example; " },
	{ "postmark", "", BASIC, "", "{\"RecordType\":\"Bounce\",\"Type\":\"HardBounce\",\"ID\":4323372036854775807,\"MessageID\":\"m-1\",\"Email\":\"a@x.example\","
		"\"Description\":\"no such user\",\"BouncedAt\":\"2026-01-01T00:00:00.1234567Z\"}",
		"bounced_hard message=m-1 at=1767225600123 reason=no such user address=a@x.example; " },
	{ "postmark", "", BASIC, "", "{\"RecordType\":\"Bounce\",\"Type\":\"DnsError\",\"MessageID\":\"m-1\"}", "deferred message=m-1; " },
	{ "postmark", "", BASIC, "", "{\"RecordType\":\"SpamComplaint\",\"Type\":\"SpamComplaint\",\"MessageID\":\"m-1\"}", "complained message=m-1; " },
	{ "postmark", "", BASIC, "", "{\"RecordType\":\"SubscriptionChange\",\"SuppressSending\":true,\"SuppressionReason\":\"ManualSuppression\",\"Recipient\":\"a@x.example\"}",
		"stopped reason=ManualSuppression address=a@x.example; " },
	{ "postmark", "", BASIC, "", "{\"RecordType\":\"SubscriptionChange\",\"SuppressSending\":false,\"SuppressionReason\":null,\"Recipient\":\"a@x.example\"}",
		"ignored address=a@x.example; " },
	{ "postmark", "inbound", BASIC, "", "{\"FromFull\":{\"Email\":\"a@x.example\"},\"MessageID\":\"m-2\",\"TextBody\":\"STOP\\n> yours\",\"StrippedTextReply\":\"STOP\","
		"\"Attachments\":[{\"Name\":\"proof.pdf\",\"ContentType\":\"application/pdf\",\"ContentLength\":4,\"Content\":\"JVBERg==\"}]}",
		"replied address=a@x.example text=STOP files=[{\"name\":\"proof.pdf\",\"type\":\"application/pdf\",\"bytes\":4,\"sha256\":"
		"\"315d429b7714cedb6ad04ac31240145257692630457f3c88253c5beceac76027\"}]; " },
	{ "brevo", "", BASIC, "", "{\"event\":\"hard_bounce\",\"email\":\"a@x.example\",\"message-id\":\"<m@x>\",\"ts_epoch\":1767225600123,\"tags\":[\"" ATTEMPT "\"],"
		"\"reason\":\"unknown\"}", "bounced_hard attempt=" ATTEMPT " message=m@x at=1767225600123 reason=unknown address=a@x.example; " },
	{ "brevo", "", BASIC, "", "{\"event\":\"unsubscribe\",\"message-id\":\"m@x\"}", "stopped message=m@x; " },
	{ "brevo", "inbound", BASIC, "", "{\"items\":[{\"Uuid\":[\"u-1\"],\"From\":{\"Name\":\"A\",\"Address\":\"a@x.example\"},\"RawTextBody\":\"Hello\\n> you\","
		"\"ExtractedMarkdownMessage\":\"Hello\"}]}", "replied address=a@x.example text=Hello; " },
	{ "brevo-sms", "status", PATH, "?d=" ATTEMPT, "{\"msg_status\":\"delivered\",\"messageId\":1511882900100020,\"to\":\"33612345678\",\"ts_event\":1767225600}",
		"delivered attempt=" ATTEMPT " message=1511882900100020 at=1767225600000 address=+33612345678; " },
	{ "brevo-sms", "status", PATH, "", "{\"msg_status\":\"replied\",\"messageId\":7,\"to\":\"33612345678\",\"reply\":\"STOP\"}",
		"replied message=7 address=+33612345678 text=STOP; " },
	{ "sparkpost", "", BASIC, "", "[{\"msys\":{}},{\"msys\":{\"message_event\":{\"type\":\"bounce\",\"bounce_class\":\"10\",\"event_id\":\"9\",\"timestamp\":\"1767225600\","
		"\"transmission_id\":\"65832150921904138\",\"rcpt_meta\":{\"attempt\":\"" ATTEMPT "\"},\"raw_rcpt_to\":\"a@x.example\",\"raw_reason\":\"550 no\"}}},"
		"{\"msys\":{\"track_event\":{\"type\":\"open\",\"event_id\":\"8\"}}},{\"msys\":{\"unsubscribe_event\":{\"type\":\"list_unsubscribe\"}}},"
		"{\"msys\":{\"message_event\":{\"type\":\"out_of_band\",\"bounce_class\":\"60\"}}}]",
		"bounced_hard attempt=" ATTEMPT " message=65832150921904138 at=1767225600000 reason=550 no address=a@x.example; opened; stopped; ignored; " },
	{ "sparkpost", "inbound", RELAY, "", "[{\"msys\":{\"relay_message\":{\"friendly_from\":\"Ann <a@x.example>\",\"content\":{\"text\":\"Oui\",\"subject\":\"Re\"}}}}]",
		"replied address=a@x.example text=Oui; " },
	{ "amazon-ses", "", SNS, "", sns_v2, "bounced_hard attempt=" ATTEMPT " message=ses-1 address=ann@example.com; " },
	{ "amazon-ses", "inbound", SNS, "", sns_v2, "ignored; " },
	{ "resend", "", SVIX, "", "{\"type\":\"email.bounced\",\"created_at\":\"2026-01-01T00:00:00.000Z\",\"data\":{\"email_id\":\"49a3\",\"to\":[\"Ann <a@x.example>\"],"
		"\"tags\":{\"attempt\":\"" ATTEMPT "\"},\"bounce\":{\"type\":\"Permanent\",\"message\":\"no\"}}}",
		"bounced_hard attempt=" ATTEMPT " message=49a3 at=1767225600000 reason=no address=a@x.example; " },
	{ "resend", "", SVIX, "", "{\"type\":\"email.complained\",\"data\":{\"email_id\":\"49a3\"}}", "complained message=49a3; " },
	{ "resend", "inbound", SVIX, "", "{\"type\":\"email.received\",\"data\":{\"email_id\":\"e\",\"from\":\"Ann <a@x.example>\",\"subject\":\"Re: Rappel\"}}",
		"replied address=a@x.example text=Re: Rappel; " },
	{ "mailgun", "", MAILGUN, "", "{\"signature\":{\"timestamp\":\"" STAMP "\",\"token\":\"tok\",\"signature\":\"%s\"},\"event-data\":{\"event\":\"failed\","
		"\"severity\":\"permanent\",\"reason\":\"bounce\",\"id\":\"e-1\",\"timestamp\":1767225600.5,\"recipient\":\"a@x.example\","
		"\"message\":{\"headers\":{\"message-id\":\"m@x\"}},\"user-variables\":{\"attempt\":\"" ATTEMPT "\"},\"delivery-status\":{\"message\":\"550 no\"}}}",
		"bounced_hard attempt=" ATTEMPT " message=m@x at=1767225600500 reason=550 no address=a@x.example; " },
	{ "mailgun", "inbound", MAILGUN_FORM, "", "timestamp=" STAMP "&token=tok&signature=%s&from=Ann+%%3Ca%%40x.example%%3E&body-plain=Oui%%0A%%3E+you&stripped-text=Oui",
		"replied at=1767225600000 address=a@x.example text=Oui; " },
	{ "vonage", "status", PATH, "", "{\"msisdn\":\"33612345678\",\"messageId\":\"0A1\",\"status\":\"failed\",\"err-code\":\"9\",\"client-ref\":\"" ATTEMPT "\","
		"\"message-timestamp\":\"2026-01-01 00:00:00\"}",
		"bounced_hard attempt=" ATTEMPT " message=0A1 at=1767225600000 reason=9 address=+33612345678; " },
	{ "vonage", "inbound", PATH, "", "{\"msisdn\":\"33612345678\",\"messageId\":\"0A2\",\"text\":\"Stop\",\"keyword\":\"STOP\",\"type\":\"text\"}",
		"replied address=+33612345678 text=Stop; " },
	{ "ovh", "status", PATH, "?id=389674829&dlr=1&ptt=1&description=delivered", NULL,
		"delivered message=389674829 reason=delivered; " },
	{ "ovh", "status", PATH, "?id=389674829&dlr=16&ptt=3", NULL, "failed message=389674829 reason=3; " },
	{ "telnyx", "status", TELNYX, "?d=" ATTEMPT, "{\"data\":{\"event_type\":\"message.finalized\",\"id\":\"e8\",\"occurred_at\":\"2026-01-01T00:00:00.000+00:00\","
		"\"payload\":{\"id\":\"4031\",\"to\":[{\"phone_number\":\"+33612345678\",\"status\":\"delivered\"}],\"errors\":[]}}}",
		"delivered attempt=" ATTEMPT " message=4031 at=1767225600000 address=+33612345678; " },
	{ "telnyx", "status", TELNYX, "", "{\"data\":{\"event_type\":\"message.finalized\",\"id\":\"e9\",\"payload\":{\"id\":\"4031\",\"to\":[{\"status\":\"delivery_failed\"}],"
		"\"errors\":[{\"code\":\"40300\",\"title\":\"Blocked\"}]}}}", "suppressed message=4031 reason=Blocked; " },
	{ "telnyx", "inbound", TELNYX, "", "{\"data\":{\"event_type\":\"message.received\",\"id\":\"e7\",\"payload\":{\"id\":\"m\",\"from\":{\"phone_number\":\"+33612345678\"},"
		"\"text\":\"Oui\"}}}", "replied address=+33612345678 text=Oui; " },
	{ "plivo", "status", PLIVO, "?d=" ATTEMPT "&a=b%20c", "Status=undelivered&From=13342031111&MessageUUID=u-1&ParentMessageUUID=u-0&ErrorCode=210&To=33612345678",
		"bounced_hard attempt=" ATTEMPT " message=u-0 reason=210 address=+33612345678; " },
	{ "plivo", "inbound", PLIVO, "", "To=33700000000&From=33612345678&Text=Je+r%C3%A8gle&Type=sms&MessageUUID=u-2",
		"replied address=+33612345678 text=Je r\xc3\xa8gle; " },
	{ "twilio-voice", "status", TWILIO, "?d=" ATTEMPT, "AccountSid=AC1&CallSid=CA1&CallStatus=completed&To=%2B33612345678",
		"delivered attempt=" ATTEMPT " message=CA1 address=+33612345678; " },
	{ "twilio-voice", "status", TWILIO, "?d=" ATTEMPT, "CallSid=CA1&CallStatus=no-answer", "bounced_soft attempt=" ATTEMPT " message=CA1; " },
	{ "twilio-voice", "status", TWILIO, "", "CallSid=CA1&CallStatus=failed&SipResponseCode=404", "bounced_hard message=CA1 reason=404; " },
	{ "twilio-voice", "answer", TWILIO, "?d=" ATTEMPT, "CallSid=CA1&Digits=1&To=%2B33612345678",
		"replied attempt=" ATTEMPT " message=CA1 address=+33612345678 text=1: I have paid announced; " },
	{ "twilio-voice", "answer", TWILIO, "", "CallSid=CA1&Digits=7", "replied message=CA1 text=7; " },
	{ "twilio-voice", "answer", TWILIO, "", "CallSid=CA1&Digits=9", "stopped message=CA1 text=9: no more calls; " },
	{ "infobip", "status", PATH, "", "{\"results\":[{\"messageId\":\"" ATTEMPT "\",\"to\":\"33612345678\",\"doneAt\":\"2026-01-01T01:00:00.000+0100\","
		"\"status\":{\"groupName\":\"DELIVERED\",\"name\":\"DELIVERED_TO_HANDSET\"},\"error\":{\"permanent\":false,\"name\":\"NO_ERROR\"}},"
		"{\"messageId\":\"x\",\"status\":{\"groupName\":\"UNDELIVERABLE\"},\"error\":{\"permanent\":true,\"name\":\"EC_UNKNOWN_SUBSCRIBER\"}}]}",
		"delivered attempt=" ATTEMPT " message=" ATTEMPT " at=1767225600000 reason=NO_ERROR address=+33612345678; "
		"bounced_hard message=x reason=EC_UNKNOWN_SUBSCRIBER; " },
	{ "infobip", "status", PATH, "", "{\"results\":[{\"callbackData\":\"" ATTEMPT "\",\"messageId\":\"x\",\"status\":{\"groupName\":\"DELIVERED\",\"name\":\"DELIVERED_TO_OPERATOR\"},"
		"\"error\":{\"permanent\":false,\"name\":\"NO_ERROR\"}},{\"messageId\":\"x\",\"status\":{\"groupName\":\"REJECTED\",\"name\":\"REJECTED_DESTINATION_BLOCKLISTED\"},"
		"\"error\":{\"permanent\":true}},{\"messageId\":\"x\",\"status\":{\"groupName\":\"REJECTED\",\"name\":\"REJECTED_DND\"}}]}",
		"sent attempt=" ATTEMPT " message=x reason=NO_ERROR; suppressed message=x reason=REJECTED_DESTINATION_BLOCKLISTED; suppressed message=x reason=REJECTED_DND; " },
	{ "infobip", "inbound", PATH, "", "{\"results\":[{\"messageId\":\"81\",\"from\":\"385916242493\",\"text\":\"QUIZ Paris\",\"cleanText\":\"Paris\","
		"\"receivedAt\":\"2026-01-01T00:00:00.220+0000\"}],\"messageCount\":1}", "replied at=1767225600220 address=+385916242493 text=QUIZ Paris; " },
	{ "sinch", "status", PATH, "?d=" ATTEMPT, "{\"type\":\"recipient_delivery_report_sms\",\"batch_id\":\"01F\",\"recipient\":\"+33612345678\",\"code\":402,"
		"\"status\":\"Failed\",\"at\":\"2026-01-01T00:00:00.000Z\"}", "bounced_hard attempt=" ATTEMPT " message=01F at=1767225600000 reason=402 address=+33612345678; " },
	{ "sinch", "status", PATH, "", "{\"batch_id\":\"01F\",\"code\":405,\"status\":\"Aborted\"}", "failed message=01F reason=405; " },
	{ "sinch", "inbound", PATH, "", "{\"id\":\"Oz\",\"from\":\"33612345678\",\"to\":\"337\",\"body\":\"Bonjour\",\"type\":\"mo_text\",\"received_at\":\"2026-01-01T00:00:00Z\"}",
		"replied at=1767225600000 address=+33612345678 text=Bonjour; " },
	{ "lob", "", LOB, "", "{\"id\":\"evt_1\",\"date_created\":\"2026-01-01T00:00:00.000Z\",\"event_type\":{\"id\":\"letter.returned_to_sender\"},"
		"\"reference_id\":\"ltr_1\",\"body\":{\"id\":\"ltr_1\",\"metadata\":{\"attempt\":\"" ATTEMPT "\"}}}",
		"bounced_hard attempt=" ATTEMPT " message=ltr_1 at=1767225600000; " },
	{ "merci-facteur", "", HEADER, "", "event=%7B%22name_event%22%3A%22delivered%22%2C%22id_user%22%3A17460%2C%22date_event%22%3A1767225600%7D"
		"&detail=%5B%7B%22ref_courrier%22%3A%221-2%22%2C%22id_envoi%22%3A%22123%22%2C%22statut_courrier%22%3A%22distribue%22%2C"
		"%22statut_description%22%3A%22distribu%C3%A9%22%2C%22ref_interne%22%3A%22" ATTEMPT "%22%7D%2C%7B%22id_envoi%22%3A%22987%22%7D%5D",
		"delivered attempt=" ATTEMPT " message=123 at=1767225600000 reason=distribu\xc3\xa9; delivered message=987 at=1767225600000; " },
	{ "mysendingbox", "", BASIC, "", "{\"created_at\":\"2026-01-01T00:00:00Z\",\"event\":{\"_id\":\"ev1\",\"name\":\"letter.wrong_address\",\"letter\":\"l1\","
		"\"created_at\":\"2026-01-01T00:00:00.000Z\"},\"letter\":{\"_id\":\"l1\",\"metadata\":{\"attempt\":\"" ATTEMPT "\"}}}",
		"bounced_hard attempt=" ATTEMPT " message=l1 at=1767225600000; " },
};

struct prepared {
	struct call call;
	struct http_header headers[8];
	char *body, *url;
};

static const char *replaced(struct arena *arena, const char *text, const char *what, const char *with)
{
	const char *at, *ret = "";

	for (; (at = strstr(text, what)); text = at + strlen(what))
		ret = arena_printf(arena, "%s%.*s%s", ret, (int)(at - text), text, with);
	return arena_join(arena, ret, text);
}

static void header(struct prepared *p, const char *name, const char *value)
{
	p->headers[p->call.request.header_count++] = (struct http_header){ name, value };
}

static void setting(struct prepared *p, const char *name, const char *value)
{
	size_t n = 0;

	while (p->call.settings[n])
		n++;
	p->call.settings[n] = name;
	p->call.settings[n + 1] = value;
}

static const char *mac_text(struct arena *arena, const char *text, bool sha1, bool hex)
{
	CLEANUP(buf_clear) struct buf base64 = { 0 };
	uint8_t mac[HASH_SIZE_MAX];
	char digits[2 * SHA256_SIZE + 1];

	if (sha1)
		(void)hmac_any(HASH_SHA1, SECRET, strlen(SECRET), text, strlen(text), mac);
	else
		hmac_sha256(SECRET, strlen(SECRET), text, strlen(text), mac);
	if (hex)
		return arena_strdup(arena, hex_format(mac, SHA256_SIZE, digits));
	base64_add(&base64, mac, sha1 ? 20 : SHA256_SIZE);
	return arena_strdup(arena, buf_str(&base64));
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Address, names and values; the rows have them in order, and nothing to decode but %2B. */
static const char *twilio_text(struct arena *arena, const char *url, const char *body)
{
	return arena_join(arena, url, replaced(arena, replaced(arena, replaced(arena, body, "&", ""), "=", ""), "%2B", "+"));
}

/* As Plivo writes it; the rows have nothing to decode but %20, '+' and one letter. */
static const char *plivo_text(struct arena *arena, const struct sample *row)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	char *fields[16], *at = arena_strdup(arena, row->body), *hit;
	size_t n = 0;

	buf_printf(&out, "https://dunning.example/hooks/x?%s", *row->query ? "a=b c&d=" ATTEMPT "." : "");
	for (char *field = strtok_r(at, "&", &hit); field; field = strtok_r(NULL, "&", &hit))
		fields[n++] = field;
	qsort(fields, n, sizeof(*fields), by_name);
	for (size_t i = 0; i < n; i++) {
		char *equals = strchr(fields[i], '=');

		buf_add(&out, fields[i], (size_t)(equals - fields[i]));
		for (const char *p = equals + 1; *p; p++)
			if (strncmp(p, "%C3%A8", 6) == 0)
				buf_add_str(&out, "\xc3\xa8"), p += 5;
			else
				buf_add_char(&out, *p == '+' ? ' ' : *p);
	}
	buf_add_str(&out, ".n1");
	return arena_strdup(arena, buf_str(&out));
}

static void sign_telnyx(struct arena *arena, struct prepared *p)
{
	static const uint8_t seed[ED25519_SEED_SIZE] = { 7 };
	CLEANUP(buf_clear) struct buf key = { 0 }, signature = { 0 };
	const char *text = arena_printf(arena, STAMP "|%s", p->body);
	uint8_t public[ED25519_KEY_SIZE], bytes[ED25519_SIGNATURE_SIZE];

	ed25519_public_key(seed, public);
	ed25519_sign(seed, text, strlen(text), bytes);
	base64_add(&key, public, sizeof(public));
	base64_add(&signature, bytes, sizeof(bytes));
	setting(p, "public_key", arena_strdup(arena, buf_str(&key)));
	header(p, "Telnyx-Timestamp", STAMP);
	header(p, "Telnyx-Signature-Ed25519", arena_strdup(arena, buf_str(&signature)));
}

/* The request as the provider makes it, and the settings of ours that know its key. */
static void prepare(struct arena *arena, const struct sample *row, struct prepared *p)
{
	const char *body = row->body ? row->body : *row->query ? row->query + 1 : "";

	*p = (struct prepared){ .call = { .keys = { SECRET, NULL }, .request = { .now = NOW, .path_secret = "" } } };
	p->url = arena_printf(arena, "https://dunning.example/hooks/x%s", row->query);
	if (row->proof == MAILGUN || row->proof == MAILGUN_FORM)
		body = replaced(arena, replaced(arena, body, "%s", mac_text(arena, STAMP "tok", false, true)), "%%", "%");
	p->body = arena_strdup(arena, body);
	p->call.request.url = p->url;
	p->call.request.headers = p->headers;
	p->call.request.body = p->body;
	p->call.request.body_len = strlen(p->body);
	if (row->proof == PLIVO || row->proof == TWILIO || row->proof == HEADER || row->proof == MAILGUN_FORM)
		header(p, "Content-Type", FORM_TYPE);
	switch (row->proof) {
	case BASIC:
		setting(p, "hook_password", "key");
		setting(p, "hook_user", "ann");
		header(p, "Authorization", "Basic YW5uOnMzY3JldA==");
		break;
	case PATH:
		setting(p, "hook_secret", "key");
		p->call.request.path_secret = SECRET;
		break;
	case HEADER:
		setting(p, "hook_secret", "key");
		header(p, "X-Mf-Webhook-Secret-Key", SECRET);
		break;
	case RELAY:
		setting(p, "relay_token", "key");
		header(p, "X-MessageSystems-Webhook-Token", SECRET);
		break;
	case SVIX:
		p->call.keys.key = SVIX_SECRET;
		setting(p, strcmp(row->path, "inbound") == 0 ? "inbound_secret" : "webhook_secret", "key");
		header(p, "Svix-Id", "msg_1");
		header(p, "Svix-Timestamp", STAMP);
		header(p, "Svix-Signature", arena_printf(arena, "v1,%s", mac_text(arena, arena_printf(arena, "msg_1." STAMP ".%s", p->body), false, false)));
		break;
	case LOB:
		setting(p, "webhook_secret", "key");
		header(p, "Lob-Signature-Timestamp", STAMP "000");
		header(p, "Lob-Signature", mac_text(arena, arena_printf(arena, STAMP "000.%s", p->body), false, true));
		break;
	case MAILGUN:
	case MAILGUN_FORM:
		setting(p, "signing_key", "key");
		break;
	case TELNYX:
		sign_telnyx(arena, p);
		break;
	case PLIVO:
		setting(p, "auth_token", "key");
		header(p, "X-Plivo-Signature-V3-Nonce", "n1");
		header(p, "X-Plivo-Signature-V3", mac_text(arena, plivo_text(arena, row), false, false));
		break;
	case TWILIO:
		setting(p, "auth_token", "key");
		header(p, "X-Twilio-Signature", mac_text(arena, twilio_text(arena, p->url, row->body), true, false));
		break;
	case SNS:
		setting(p, "topic", "arn:aws:sns:eu-west-1:1:ours");
		setting(p, "sns_certificate", sns_certificate);
		break;
	}
}

/* Whatever proves it is changed a little: it is not the provider's any more. */
static void tamper(const struct sample *row, struct prepared *p)
{
	switch (row->proof) {
	case BASIC:
	case PATH:
	case HEADER:
	case RELAY:
		p->call.keys.key = SECRET "s";
		break;
	case MAILGUN:
	case MAILGUN_FORM:
		*strstr(p->body, "tok") = 'T';
		break;
	case SNS:
		*strstr(p->body, "Permanent") = 'p';
		break;
	default:
		p->body[strlen(p->body) - 1] ^= 1;
		break;
	}
}

static void sample_is_taken(void **state)
{
	const struct sample *row = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(adapter_freep) struct adapter *adapter = shipped(arena, row->provider);
	CLEANUP(buf_clear) struct buf said = { 0 };
	struct hook_event *events = NULL;
	struct hook_proof proof;
	struct prepared p;
	struct err err = { 0 };
	size_t count = 0;

	prepare(arena, row, &p);
	if (verify(adapter, row->path, &p.call, arena, &proof, &err) < 0 ||
		hook_read(adapter_hook(adapter, row->path), &p.call.request, arena, &events, &count, &err) < 0)
		fail_msg("%s %s", err.code, err.text);
	assert_true(proof.verified);
	assert_int_equal(hook_by_get(adapter_hook(adapter, row->path)), row->body == NULL);
	for (size_t i = 0; i < count; i++)
		expect(&said, &events[i]);
	assert_string_equal(buf_str(&said), row->says);
	tamper(row, &p);
	assert_int_equal(verify(adapter, row->path, &p.call, arena, &proof, NULL), -EACCES);
	p.call.settings[1] = NULL; /* no key set: nothing is taken */
	p.call.settings[0] = NULL;
	assert_true(verify(adapter, row->path, &p.call, arena, &proof, NULL) < 0);
}

/* --- letters ------------------------------------------------------------------------------------------------------------------ */

/* What a provider says became of a letter, and what we make of it: nobody's house is dead because he did not open the door. */
static const struct letter_row {
	const char *provider, *said, *word;
} letter_rows[] = {
	{ "merci-facteur", "pnd/refused/ere_otp_mail", "refused" },
	{ "merci-facteur", "pnd/expired/ere_otp_sms", "unclaimed" },
	{ "merci-facteur", "pnd/archivage_pnd/lrare", "unclaimed" },
	{ "merci-facteur", "pnd/distribue_expediteur/lrar", "unclaimed" },
	{ "merci-facteur", "pnd/distribue_expediteur/suivi", "bounced_hard" },
	{ "merci-facteur", "pnd/distribue_expediteur", "bounced_hard" },
	{ "merci-facteur", "error/accept_lock/ere_otp_mail", "deferred" },
	{ "merci-facteur", "error/accept_notification_error/ere_otp_mail", "failed" },
	{ "merci-facteur", "error/retour_expediteur/lrare", "deferred" },
	{ "merci-facteur", "error/retour_expediteur/suivi", "bounced_hard" },
	{ "merci-facteur", "error/non_distribuable", "bounced_hard" },
	{ "merci-facteur", "error/probleme_en_cours/lrar", "deferred" },
	{ "merci-facteur", "new-state/attente_au_guichet/lrar", "deferred" },
	{ "merci-facteur", "new-state/distribue/lrar", "delivered" },
	{ "merci-facteur", "delivered/accepted/ere_otp_mail", "delivered" },
	{ "merci-facteur", "printed/imprime/lrar", "sent" },
	{ "lob", "letter.certified.returned_to_sender", "unclaimed" },
	{ "lob", "letter.returned_to_sender", "bounced_hard" },
	{ "mysendingbox", "letter.returned_to_sender", "unclaimed" },
	{ "mysendingbox", "letter.electronic.negligence", "unclaimed" },
	{ "mysendingbox", "letter.electronic.refused", "refused" },
	{ "mysendingbox", "letter.electronic.locked", "deferred" },
	{ "mysendingbox", "letter.wrong_address", "bounced_hard" },
	{ "mysendingbox", "letter.lost", "failed" },
	{ "lob", "letter.rejected", "failed" },
};

static enum delivery_state delivery_of(const char *word)
{
	int state = DELIVERY_COUNT - 1;

	while (state > 0 && strcmp(delivery_names[state], word) != 0)
		state--;
	return (enum delivery_state)state;
}

static const char *letter_told(struct arena *arena, const struct letter_row *row)
{
	char *event = arena_strdup(arena, row->said), *state = strchr(event, '/'), *mode = state ? strchr(state + 1, '/') : NULL;

	if (strcmp(row->provider, "lob") == 0)
		return arena_printf(arena, "{\"id\":\"e\",\"event_type\":{\"id\":\"%s\"},\"body\":{\"metadata\":{\"attempt\":\"" ATTEMPT "\"}}}", row->said);
	if (strcmp(row->provider, "mysendingbox") == 0)
		return arena_printf(arena, "{\"event\":{\"_id\":\"e\",\"name\":\"%s\"},\"letter\":{\"metadata\":{\"attempt\":\"" ATTEMPT "\"}}}", row->said);
	*state++ = '\0';
	if (mode)
		*mode++ = '\0';
	return arena_printf(arena, "event={\"name_event\":\"%s\"}&detail=[{\"statut_courrier\":\"%s\",%s%s%s\"ref_interne\":\"" ATTEMPT "\"}]", event, state,
		mode ? "\"mode_envoi\":\"" : "", mode ? mode : "", mode ? "\"," : "");
}

/* As it goes into the stream: as an event by which anybody else may tell the same. */
static void letter_is_told(void **state)
{
	static const char *const invoices[] = { "inv_1" };
	const struct letter_row *row = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(adapter_freep) struct adapter *adapter = shipped(arena, row->provider);
	CLEANUP(buf_clear) struct buf text = { 0 };
	const struct attempt_entry entry = { .id = ATTEMPT, .debtor_id = "cus_1", .channel = "letter", .invoice_ids = invoices, .invoice_count = 1 };
	const struct http_header form = { "Content-Type", FORM_TYPE };
	struct hook_request request = { .url = "https://dunning.example/hooks/x", .body = letter_told(arena, row), .now = NOW, .headers = &form, .header_count = 1 };
	struct hook_origin origin = { .provider = row->provider, .source = "/hooks/x", .hook = adapter_hook(adapter, ""), .request = &request, .verified = true,
		.now = NOW };
	struct hook_event *events = NULL;
	struct event e;
	struct err err = { 0 };
	size_t count = 0;

	request.body_len = strlen(request.body);
	if (hook_read(origin.hook, &request, arena, &events, &count, &err) < 0)
		fail_msg("%s %s", err.code, err.text);
	assert_int_equal(count, 1);
	assert_string_equal(events->said, row->said);
	assert_string_equal(hook_words[events->word], row->word);
	intake_event_write(&text, &origin, events, &(struct intake_proof){ .body_sha256 = "" }, &entry, false);
	if (event_parse(arena, buf_str(&text), text.len, NULL, &e, &err) < 0)
		fail_msg("%s %s", err.path, err.text);
	assert_string_equal(e.attempt_id, ATTEMPT);
	assert_int_equal(e.invoice_count, 1);
	assert_int_equal(letter_unclaimed(e.letter), strcmp(row->word, "unclaimed") == 0 || strcmp(row->word, "refused") == 0);
	assert_int_equal(e.delivery, letter_unclaimed(e.letter) ? DELIVERY_DEFERRED : delivery_of(row->word));
}

/* --- given up, and nothing said of the address ----------------------------------------------------------------------------------- */

/*
 * The last word of each provider on a message that it tried for a while, or that was turned away for itself: it reached nobody, and the next of the
 * role is asked. What may come yet, or may have arrived, is none of that.
 */
static const struct {
	const char *provider, *path, *query, *body, *words; /* what is read, in order */
} last_words[] = {
	{ "amazon-ses", "", "", "{\"Type\":\"Notification\",\"Message\":\"{\\\"eventType\\\":\\\"Bounce\\\",\\\"bounce\\\":{\\\"bounceType\\\":\\\"Transient\\\",\\\"bounceSubType\\\":\\\"MailboxFull\\\"}}\"}",
		"failed" },
	{ "amazon-ses", "", "", "{\"Type\":\"Notification\",\"Message\":\"{\\\"eventType\\\":\\\"Bounce\\\",\\\"bounce\\\":{\\\"bounceType\\\":\\\"Transient\\\",\\\"bounceSubType\\\":\\\"General\\\"}}\"}",
		"bounced_soft" },
	{ "amazon-ses", "", "", "{\"Type\":\"Notification\",\"Message\":\"{\\\"eventType\\\":\\\"Bounce\\\",\\\"bounce\\\":{\\\"bounceType\\\":\\\"Permanent\\\",\\\"bounceSubType\\\":\\\"NoEmail\\\"}}\"}",
		"bounced_hard" },
	{ "amazon-ses", "", "", "{\"Type\":\"Notification\",\"Message\":\"{\\\"eventType\\\":\\\"DeliveryDelay\\\"}\"}", "deferred" },
	{ "brevo", "", "", "{\"event\":\"soft_bounce\",\"message-id\":\"m@x\"}", "failed" },
	{ "brevo", "", "", "{\"event\":\"deferred\",\"message-id\":\"m@x\"}", "deferred" },
	{ "brevo-sms", "status", "", "{\"msg_status\":\"soft_bounces\",\"messageId\":7}", "failed" },
	{ "infobip", "status", "", "{\"results\":[{\"messageId\":\"x\",\"status\":{\"groupName\":\"EXPIRED\"},\"error\":{\"permanent\":false}},"
		"{\"messageId\":\"x\",\"status\":{\"groupName\":\"UNDELIVERABLE\"},\"error\":{\"permanent\":false}}]}", "failed failed" },
	{ "lob", "", "", "{\"event_type\":{\"id\":\"letter.failed\"}}", "failed" },
	{ "mailgun", "", "", "{\"event-data\":{\"event\":\"failed\",\"severity\":\"permanent\",\"reason\":\"old\"}}", "failed" },
	{ "mailgun", "", "", "{\"event-data\":{\"event\":\"failed\",\"severity\":\"temporary\",\"reason\":\"generic\"}}", "deferred" },
	{ "mailjet", "", "", "[{\"event\":\"bounce\",\"hard_bounce\":false,\"error\":\"quota exceeded\"},{\"event\":\"bounce\",\"hard_bounce\":false},"
		"{\"event\":\"bounce\",\"hard_bounce\":false,\"error\":\"greylisted\"},{\"event\":\"blocked\",\"error\":\"spam\"}]", "failed failed deferred failed" },
	{ "merci-facteur", "", "", "event=%7B%22name_event%22%3A%22error%22%7D&detail=%5B%7B%22statut_courrier%22%3A%22accept_notification_error%22%7D%5D", "failed" },
	{ "mysendingbox", "", "", "{\"event\":{\"name\":\"letter.lost\"}}", "failed" },
	{ "ovh", "status", "?id=1&dlr=2&ptt=5", NULL, "failed" },
	{ "ovh", "status", "?id=1&dlr=4&ptt=5", NULL, "deferred" },
	{ "plivo", "status", "", "Status=undelivered&MessageUUID=u&ErrorCode=20", "failed" },
	{ "postmark", "", "", "{\"RecordType\":\"Bounce\",\"Type\":\"SoftBounce\"}", "failed" },
	{ "postmark", "", "", "{\"RecordType\":\"Bounce\",\"Type\":\"Blocked\"}", "failed" },
	{ "postmark", "", "", "{\"RecordType\":\"Bounce\",\"Type\":\"Transient\"}", "deferred" },
	{ "postmark", "", "", "{\"RecordType\":\"Bounce\",\"Type\":\"Unknown\"}", "bounced_soft" },
	{ "resend", "", "", "{\"type\":\"email.bounced\",\"data\":{\"bounce\":{\"type\":\"Transient\",\"subType\":\"MailboxFull\"}}}", "failed" },
	{ "resend", "", "", "{\"type\":\"email.bounced\",\"data\":{\"bounce\":{\"type\":\"Transient\",\"subType\":\"General\"}}}", "bounced_soft" },
	{ "resend", "", "", "{\"type\":\"email.bounced\",\"data\":{\"bounce\":{\"type\":\"Permanent\",\"subType\":\"NoEmail\"}}}", "bounced_hard" },
	{ "resend", "", "", "{\"type\":\"email.suppressed\",\"data\":{\"suppressed\":{\"reason\":\"previous_bounce\"}}}", "bounced_hard" },
	{ "sandbox", "", "", "{\"type\":\"bounced_soft\"}", "failed" },
	{ "sendgrid", "", "", "[{\"event\":\"deferred\"},{\"event\":\"bounce\",\"type\":\"blocked\"}]", "deferred failed" },
	{ "sinch", "status", "", "{\"batch_id\":\"01F\",\"code\":406,\"status\":\"Expired\"}", "failed" },
	{ "sparkpost", "", "", "[{\"msys\":{\"message_event\":{\"type\":\"delay\",\"bounce_class\":\"20\"}}},{\"msys\":{\"message_event\":{\"type\":\"bounce\",\"bounce_class\":\"22\"}}},"
		"{\"msys\":{\"message_event\":{\"type\":\"out_of_band\",\"bounce_class\":\"22\"}}},{\"msys\":{\"message_event\":{\"type\":\"out_of_band\",\"bounce_class\":\"70\"}}},"
		"{\"msys\":{\"message_event\":{\"type\":\"out_of_band\",\"bounce_class\":\"1\"}}}]", "deferred failed failed deferred bounced_soft" },
	{ "telnyx", "status", "", "{\"data\":{\"event_type\":\"message.finalized\",\"payload\":{\"to\":[{\"status\":\"expired\"}]}}}", "failed" },
	{ "twilio-sms", "status", "", "MessageSid=SM1&MessageStatus=undelivered&ErrorCode=30003", "failed" },
	{ "twilio-voice", "status", "", "CallSid=CA1&CallStatus=failed", "failed" },
	{ "twilio-voice", "status", "", "CallSid=CA1&CallStatus=busy", "bounced_soft" }, /* it rang */
	{ "vonage", "status", "", "{\"messageId\":\"0A1\",\"status\":\"expired\",\"err-code\":\"1\"}", "failed" },
};

static void last_words_are_known(void **state)
{
	static const struct http_header form = { "Content-Type", FORM_TYPE };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(last_words); i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		CLEANUP(adapter_freep) struct adapter *adapter = shipped(arena, last_words[i].provider);
		const char *body = last_words[i].body ? last_words[i].body : *last_words[i].query ? last_words[i].query + 1 : "", *read = "";
		struct hook_event *events;
		struct err err = { 0 };
		size_t count = 0;

		if (hook_read(adapter_hook(adapter, last_words[i].path),
			    &(struct hook_request){ .url = arena_printf(arena, "https://dunning.example/hooks/x%s", last_words[i].query), .path_secret = "", .body = body,
				    .body_len = strlen(body), .now = NOW, .headers = &form, .header_count = *body == '{' || *body == '[' ? 0 : 1 },
			    arena, &events, &count, &err) < 0)
			fail_msg("%s, %s: %s %s", last_words[i].provider, body, err.code, err.text);
		for (size_t k = 0; k < count; k++)
			read = arena_printf(arena, "%s%s%s", read, k ? " " : "", hook_words[events[k].word]);
		if (strcmp(read, last_words[i].words) != 0)
			fail_msg("%s, %s: %s instead of %s", last_words[i].provider, body, read, last_words[i].words);
	}
}

/* --- the whole of them -------------------------------------------------------------------------------------------------------- */

static int is_told(const char *path, const struct hook *hook, void *arg)
{
	const char *provider = arg;

	assert_false(hook_unverified(hook));
	for (size_t i = 0; i < ARRAY_LEN(samples); i++)
		if (strcmp(samples[i].provider, provider) == 0 && strcmp(samples[i].path, path) == 0)
			return 0;
	fail_msg("%s/%s: no sample", provider, path);
	return -1;
}

/* Every webhook of every file has its sample here; those of Twilio and SendGrid have theirs beside the signature vectors. */
static void none_is_forgotten(void **state)
{
	static const char *const with[] = { "amazon-ses", "brevo", "brevo-sms", "infobip", "lob", "mailgun", "mailjet", "merci-facteur",
		"mysendingbox", "ovh", "plivo", "postmark", "resend", "sinch", "sparkpost", "telnyx", "twilio-voice", "vonage" };
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(with); i++) {
		CLEANUP(adapter_freep) struct adapter *adapter = shipped(arena, with[i]);
		char *name = arena_strdup(arena, with[i]);

		assert_int_equal(adapter_each_hook(adapter, is_told, name), 0);
		for (size_t k = 0; strcmp(last_words[k].provider, with[i]) != 0 || !strstr(last_words[k].words, "failed"); k++)
			if (k + 1 == ARRAY_LEN(last_words))
				fail_msg("%s: nothing is its last word", with[i]);
	}
}

/* An answer by mail that Amazon passes on whole, as it is or in base64: its text, or the subject of one that has none. (Read, not verified.) */
static void an_answer_within_a_mail(void **state)
{
	static const char *const contents[][2] = { /* behind the mail's head, and what is read */
		{ "From: a@x.example\\r\\nContent-Type: multipart/alternative; boundary=b\\r\\n\\r\\n--b\\r\\nContent-Type: text/plain; charset=utf-8\\r\\n"
		  "Content-Transfer-Encoding: quoted-printable\\r\\n\\r\\nC'est pay=C3=A9.\\r\\n--b\\r\\nContent-Type: text/html\\r\\n\\r\\n<p>\\r\\n--b--\\r\\n",
			"replied at=1767225600000 address=a@x.example text=C'est pay\303\251.\n; " },
		{ "U3ViamVjdDogUmUKCldlIHBhaWQu", "replied at=1767225600000 address=a@x.example text=We paid.; " },
		{ "Content-Type: text/html\\r\\n\\r\\n<p>", "replied at=1767225600000 address=a@x.example text=Re: Rappel; " },
		{ NULL, "replied at=1767225600000 reason=in/9f3 address=a@x.example text=Re: Rappel; " }, /* it lies in a bucket: where, and a person looks */
	};
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(adapter_freep) struct adapter *adapter = shipped(arena, "amazon-ses");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(contents); i++) {
		CLEANUP(buf_clear) struct buf body = { 0 }, said = { 0 }, mail = { 0 };
		struct json_writer w = jw_init(&body);
		struct hook_event *events;
		struct err err = { 0 };
		size_t count;

		buf_printf(&mail, "{\"notificationType\":\"Received\",\"mail\":{\"timestamp\":\"2026-01-01T00:00:00.000Z\",\"messageId\":\"in-1\","
			"\"commonHeaders\":{\"from\":[\"Ann <a@x.example>\"],\"subject\":\"Re: Rappel\"}},%s%s%s}", contents[i][0] ? "\"receipt\":{\"action\":{\"type\":\"SNS\"}},\"content\":\"" : "",
			contents[i][0] ? contents[i][0] : "\"receipt\":{\"action\":{\"type\":\"S3\",\"bucketName\":\"mail\",\"objectKey\":\"in/9f3\"}}",
			contents[i][0] ? "\"" : "");
		jw_object(&w, NULL);
		jw_str(&w, "Type", "Notification");
		jw_str(&w, "Message", buf_str(&mail));
		jw_end_object(&w);
		assert_int_equal(hook_read(adapter_hook(adapter, "inbound"), &(struct hook_request){ .url = "https://us.example/hooks/ses/inbound", .path_secret = "",
			.body = buf_str(&body), .body_len = body.len }, arena, &events, &count, &err), 0);
		for (size_t k = 0; k < count; k++)
			expect(&said, &events[k]);
		assert_string_equal(buf_str(&said), contents[i][1]);
	}
}

/* An answer with what proves the payment is as long as its provider lets a mail be. */
static void answers_fit(void **state)
{
	static const struct { const char *provider, *path; size_t mail; } rows[] = { { "sendgrid", "inbound", 30 << 20 }, { "mailgun", "inbound", 25 << 20 },
		{ "postmark", "inbound", (35 << 20) / 3 * 4 }, { "mailjet", "inbound", (15 << 20) / 3 * 4 }, { "sparkpost", "inbound", (20 << 20) / 3 * 4 },
		{ "mailbox", "", 10240000 } };
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(adapter_freep) struct adapter *adapter = shipped(arena, rows[i].provider);

		if (hook_body_bytes(adapter_hook(adapter, rows[i].path)) < rows[i].mail)
			fail_msg("%s", rows[i].provider);
	}
}

int main(void)
{
	static struct CMUnitTest tests[ARRAY_LEN(samples) + ARRAY_LEN(letter_rows) + 4];
	size_t n = 0;

	for (; n < ARRAY_LEN(samples); n++)
		tests[n] = (struct CMUnitTest){ samples[n].provider, sample_is_taken, NULL, NULL, (void *)(uintptr_t)&samples[n] };
	for (size_t i = 0; i < ARRAY_LEN(letter_rows); i++)
		tests[n++] = (struct CMUnitTest){ letter_rows[i].said, letter_is_told, NULL, NULL, (void *)(uintptr_t)&letter_rows[i] };
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(last_words_are_known);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(none_is_forgotten);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(answers_fit);
	tests[n] = (struct CMUnitTest)cmocka_unit_test(an_answer_within_a_mail);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
