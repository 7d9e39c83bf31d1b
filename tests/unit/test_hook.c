/* What providers tell by themselves: files refused with a reason, and what is read out of a request. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/hook_samples.h"
#include "tests/unit/hook_testing.h"

/* --- refusals ----------------------------------------------------------------------------------------------------------------- */

static const struct refusal {
	const char *json, *code, *path, *says;
} refusals[] = {
	{ HOOKS("{}"), "wrong_type", "$.webhooks", "" },
	{ HOOKS("[7]"), "wrong_type", "$.webhooks[0]", "must be an object" },
	{ HOOKS("[{}]"), "missing", "$.webhooks[0].parse", "" },
	{ HOOKS("[{\"parse\":\"xml\"}]"), "not_one_of", "$.webhooks[0].parse", "" },
	{ HOOKS("[{\"parse\":[\"json\"]}]"), "not_one_of", "$.webhooks[0].parse", "" },
	{ HOOKS("[{\"parse\":[\"json\",\"query\"]}]"), "not_one_of", "$.webhooks[0].parse", "[\"json\", \"form\"]" },
	{ HOOKS("[{\"parse\":[\"json\",7]}]"), "not_one_of", "$.webhooks[0].parse", "" },
	{ HOOK("\"paht\":\"x\""), "unknown_member", "$.webhooks[0].paht", "" },
	{ HOOK("\"path\":\"../x\",\"verify\":{\"kind\":\"none\",\"why\":\"x\"}," EVENTS), "bad_id", "$.webhooks[0].path", "a-z, 0-9" },
	{ HOOKS("[{\"parse\":\"json\",\"verify\":{\"kind\":\"none\",\"why\":\"x\"}," EVENTS
		"},{\"parse\":\"json\",\"verify\":{\"kind\":\"none\",\"why\":\"x\"}," EVENTS "}]"),
		"not_unique", "$.webhooks[1].path", "another webhook" },
	{ HOOK(EVENTS), "missing", "$.webhooks[0].verify", "" },
	/* verification */
	{ VERIFY("{}"), "missing", "$.webhooks[0].verify.kind", "" },
	{ VERIFY("{\"kind\":\"rot13\"}"), "not_one_of", "$.webhooks[0].verify.kind", "hmac" },
	{ VERIFY("{\"kind\":\"none\"}"), "missing", "$.webhooks[0].verify.why", "" },
	{ VERIFY("{\"kind\":\"none\",\"why\":\"\"}"), "missing", "$.webhooks[0].verify.why", "must say why" },
	{ VERIFY("{\"kind\":\"none\",\"why\":\"x\",\"key\":\"{config.key}\"}"), "unknown_member", "$.webhooks[0].verify.key", "" },
	{ VERIFY("{\"kind\":\"basic\",\"user\":\"ann\",\"password\":\"{config.key}\"}"), "bad_template", "$.webhooks[0].verify.user",
		"{config.NAME}" },
	{ VERIFY("{\"kind\":\"basic\",\"user\":\"{config.user}\"}"), "missing", "$.webhooks[0].verify.password", "" },
	{ VERIFY("{\"kind\":\"basic\",\"user\":\"{config.user}\",\"password\":\"{config.user}\"}"), "not_secret",
		"$.webhooks[0].verify.password", "\"secret\": true" },
	{ VERIFY("{\"kind\":\"header\",\"value\":\"{config.key}\"}"), "missing", "$.webhooks[0].verify.name", "" },
	{ VERIFY("{\"kind\":\"header\",\"name\":\"A: b\",\"value\":\"{config.key}\"}"), "bad_header", "$.webhooks[0].verify.name", "" },
	{ VERIFY("{\"kind\":\"path_secret\",\"value\":\"x{config.key}\"}"), "bad_template", "$.webhooks[0].verify.value", "nothing else" },
	{ VERIFY("{\"kind\":\"path_secret\",\"value\":\"{config.nothing}\"}"), "unknown_value", "$.webhooks[0].verify.value",
		"not declared under config" },
	{ VERIFY("{\"kind\":\"path_secret\",\"value\":[]}"), "out_of_range", "$.webhooks[0].verify.value", "1 to 4" },
	{ VERIFY("{\"kind\":\"sns\",\"certificate\":\"{config.public}\"}"), "bad_template", "$.webhooks[0].verify.topic", "" },
	{ VERIFY("{\"kind\":\"jwt_hs256\",\"key\":\"{config.key}\",\"header\":\"A\"}"), "missing", "$.webhooks[0].verify.body_claim", "" },
	{ VERIFY("{\"kind\":\"jwt_hs256\",\"key\":\"{config.public}\",\"header\":\"A\",\"body_claim\":\"b\"}"), "not_secret",
		"$.webhooks[0].verify.key", "" },
	{ VERIFY("{\"kind\":\"hmac\"}"), "missing", "$.webhooks[0].verify.key", "" },
	{ VERIFY("{\"kind\":\"hmac\",\"key\":\"{config.public}\"}"), "not_secret", "$.webhooks[0].verify.key", "" },
	{ VERIFY(SIGNED_("[]", "")), "out_of_range", "$.webhooks[0].verify.parts", "" },
	{ VERIFY(SIGNED_("[{\"header\":\"T\"}]", "")), "unsigned_body", "$.webhooks[0].verify.parts", "\"once\"" },
	{ VERIFY(SIGNED_("[{\"body\":false}]", "")), "not_one_of", "$.webhooks[0].verify.parts[0].body", "must be true" },
	{ VERIFY(SIGNED_("[{\"bdoy\":true}]", "")), "unknown_member", "$.webhooks[0].verify.parts[0].bdoy", "" },
	{ VERIFY(SIGNED_("[\"x\"]", "")), "bad_pointer", "$.webhooks[0].verify.parts[0]", "" },
	{ VERIFY(SIGNED(",\"hash\":\"md5\"")), "not_one_of", "$.webhooks[0].verify.hash", "sha256" },
	{ VERIFY(SIGNED(",\"timestamp\":{\"unit\":\"s\"}")), "missing", "$.webhooks[0].verify.timestamp", "header or pointer" },
	{ VERIFY(SIGNED(",\"timestamp\":{\"header\":\"T\",\"tolerance_s\":0}")), "out_of_range",
		"$.webhooks[0].verify.timestamp.tolerance_s", "" },
	{ VERIFY("{\"kind\":\"hmac\",\"key\":\"{config.key}\",\"parts\":[{\"body\":true}],\"signature\":{\"header\":\"S\"}}"), "missing",
		"$.webhooks[0].verify.signature.encoding", "" },
	{ VERIFY("{\"kind\":\"hmac\",\"key\":\"{config.key}\",\"parts\":[{\"body\":true}],\"signature\":{\"encoding\":\"hex\"}}"), "missing",
		"$.webhooks[0].verify.signature", "header, query or pointer" },
	{ VERIFY("{\"kind\":\"ed25519\",\"hash\":\"sha1\"}"), "unknown_member", "$.webhooks[0].verify.hash", "" },
	{ QUERY(SIGNED_("[{\"header\":\"T\"}]", "")), "unsigned_body", "$.webhooks[0].verify.parts", "all that a GET tells" },
	{ QUERY(SIGNED_("[{\"body\":true}]", "")), "unsigned_body", "$.webhooks[0].verify.parts", "all that a GET tells" },
	{ QUERY("{\"kind\":\"jwt_hs256\",\"key\":\"{config.key}\",\"header\":\"A\",\"body_claim\":\"b\"}"), "missing",
		"$.webhooks[0].verify.url_claim", "all that a GET tells" },
	{ QUERY("{\"kind\":\"sns\",\"topic\":\"{config.user}\",\"certificate\":\"{config.public}\"}"), "not_one_of",
		"$.webhooks[0].verify.kind", "no GET" },
	{ VERIFY(SIGNED_("[{\"url_sorted\":true}]", "")), "wrong_type", "$.webhooks[0].verify.parts[0].url_sorted", "" },
	/* reading */
	{ READ("\"each\":\"x\"," EVENTS), "bad_pointer", "$.webhooks[0].each", "" },
	{ READ("\"unwrap\":[{\"single\":true,\"text\":\"/a\"}]," EVENTS), "wrong_type", "$.webhooks[0].unwrap[0]", "one of" },
	{ READ("\"unwrap\":[{\"text\":\"a\"}]," EVENTS), "bad_pointer", "$.webhooks[0].unwrap[0]", "" },
	{ READ("\"refused_status\":500," EVENTS), "out_of_range", "$.webhooks[0].refused_status", "" },
	{ READ("\"path\":\"x\""), "missing", "$.webhooks[0].events", "" },
	{ TELLS("\"attempt\":\"/a\""), "missing", "$.webhooks[0].events.type", "" },
	{ TELLS("\"attempt\":\"/a\",\"type\":\"/t\""), "missing", "$.webhooks[0].events.map", "" },
	{ TELLS("\"attempt\":\"/a\",\"type\":\"/t\",\"map\":{}"), "missing", "$.webhooks[0].events.map", "must not be empty" },
	{ TELLS("\"attempt\":\"/a\",\"type\":\"/t\",\"map\":{\"x\":\"read\"}"), "not_one_of", "$.webhooks[0].events.map.x", "delivered" },
	{ TELLS("\"attempt\":\"/a\",\"type\":\"/t\",\"map\":{\"x\":\"unclaimed\"}"), "not_allowed", "$.webhooks[0].events.map.x", "letters alone" },
	{ TELLS("\"attempt\":\"/a\",\"type\":\"=replied\"," MAP), "unknown_member", "$.webhooks[0].events.map", "" },
	{ TELLS("\"attempt\":\"/a\",\"type\":\"=replied\""), "missing", "$.webhooks[0].events.text", "a reply has a text" },
	{ TELLS("\"type\":\"/t\"," MAP), "missing", "$.webhooks[0].events", "whom it is about" },
	{ TELLS("\"attempt\":[],\"type\":\"/t\"," MAP), "out_of_range", "$.webhooks[0].events.attempt", "1 to 6" },
	{ TELLS("\"attempt\":{\"header\":\"a\",\"query\":\"b\"},\"type\":\"/t\"," MAP), "missing", "$.webhooks[0].events.attempt", "one of" },
	{ TELLS("\"attempt\":{\"pointer\":\"/a\",\"transform\":\"rot13\"},\"type\":\"/t\"," MAP), "not_one_of",
		"$.webhooks[0].events.attempt.transform", "strip_angle" },
	{ TELLS("\"attempt\":\"/a\",\"type\":\"/t\"," MAP ",\"files\":{\"each\":\"/f\"}"), "missing", "$.webhooks[0].events.files.name", "named at least" },
	{ TELLS("\"attempt\":\"/a\",\"type\":\"/t\"," MAP ",\"stop_if\":{\"/x\":7}"), "wrong_type", "$.webhooks[0].events.stop_if./x", "a word" },
};

static void refusal_says(void **state)
{
	const struct refusal *row = *state;
	struct adapter *adapter = NULL;
	struct err err = { 0 };

	if (adapter_parse(row->json, strlen(row->json), &adapter, &err) == 0) {
		adapter_free(adapter);
		fail_msg("taken: %s", row->json);
	}
	assert_string_equal(err.code, row->code);
	assert_string_equal(err.path, row->path);
	if (!strstr(err.text, row->says))
		fail_msg("\"%s\" does not say \"%s\"", err.text, row->says);
}

/* --- reading ------------------------------------------------------------------------------------------------------------------ */

#define FORM(events) HOOKS("[{\"parse\":\"form\",\"verify\":{\"kind\":\"none\",\"why\":\"x\"},\"events\":{" events "}}]")

#define PART(name, value) "--B\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"

#define N "{\"n\":\"x\"}"
#define FIVE N "," N "," N "," N "," N
#define NAMED "{\"name\":\"x\",\"type\":\"\"}"
#define FIVE_NAMED NAMED "," NAMED "," NAMED "," NAMED "," NAMED

static const struct reading {
	const char *name, *json, *shipped, *path, *url, *body, *says;
	const char *code; /* of a refusal */
	const char *type; /* Content-Type; NULL = none */
} readings[] = {
	{ "sendgrid", NULL, "sendgrid", "", NULL,
		"[{\"email\":\"ann@example.com\",\"timestamp\":1767225600,\"event\":\"bounce\",\"type\":\"bounce\",\"reason\":\"550 5.1.1 unknown\","
		"\"sg_event_id\":\"e1\",\"sg_message_id\":\"14c5d75ce93.filter-1\",\"attempt\":\"" ATTEMPT "\"},"
		"{\"email\":\"ann@example.com\",\"event\":\"bounce\",\"type\":\"blocked\",\"attempt\":\"01JX\"},"
		"{\"event\":\"dropped\",\"reason\":\"Unsubscribed Address\"},{\"event\":\"dropped\",\"reason\":\"Other\"},{\"event\":\"open\"},"
		"{\"event\":\"spamreport\"},{\"event\":\"group_resubscribe\"},{\"event\":\"delivered\"},{\"event\":\"new\"}]",
		"bounced_hard attempt=" ATTEMPT " message=14c5d75ce93 at=1767225600000 reason=550 5.1.1 unknown address=ann@example.com; "
		"failed address=ann@example.com; suppressed reason=Unsubscribed Address; failed reason=Other; opened; complained; ignored; "
		"delivered; other; ", NULL, NULL },
	{ "twilio, status", NULL, "twilio-sms", "status", "https://d.example/hooks/t/status?d=" ATTEMPT,
		"MessageSid=SM1&MessageStatus=undelivered&ErrorCode=30005&To=%2B33612345678",
		"bounced_hard attempt=" ATTEMPT " message=SM1 reason=30005 address=+33612345678; ", NULL, NULL },
	{ "twilio, delivered", NULL, "twilio-sms", "status", "https://d.example/hooks/t/status?d=01JX", "MessageSid=SM1&MessageStatus=delivered",
		"delivered message=SM1; ", NULL, NULL },
	{ "twilio, reply", NULL, "twilio-sms", "inbound", NULL, "From=%2B33612345678&Body=Je+r%C3%A8gle&MessageSid=SM2",
		"replied address=+33612345678 text=Je r\xc3\xa8gle; ", NULL, NULL },
	{ "twilio, STOP", NULL, "twilio-sms", "inbound", NULL, "From=%2B33612345678&Body=arret&OptOutType=STOP&MessageSid=SM2",
		"stopped address=+33612345678 text=arret; ", NULL, NULL },
	{ "sendgrid, mail that comes in", NULL, "sendgrid", "inbound", NULL,
		PART("headers", "Received: x") PART("from", "Ann \\\"A\\\" <ann@example.com>") PART("text", "Merci,\r\nAnn") "--B--",
		"replied address=ann@example.com text=Merci,\r\nAnn; ", NULL, "multipart/form-data; boundary=B" },
	{ "sendgrid, in Latin 1", NULL, "sendgrid", "inbound", NULL,
		PART("from", "ann@example.com") PART("text", "d\xe9j\xe0 r\xe9gl\xe9") PART("subject", "\xc3\xa9")
			PART("charsets", "{\"to\":\"UTF-8\",\"subject\":\"UTF-8\",\"text\":\"iso-8859-1\"}") "--B--",
		"replied address=ann@example.com text=d\xc3\xa9j\xc3\xa0 r\xc3\xa9gl\xc3\xa9; ", NULL, "multipart/form-data; boundary=B" },
	{ "sendgrid, HTML alone", NULL, "sendgrid", "inbound", NULL,
		PART("from", "ann@example.com") PART("subject", "Re: Facture") PART("html", "<p>pay&eacute; hier</p>") PART("charsets", "[") "--B--",
		"replied address=ann@example.com text=pay\xc3\xa9 hier; ", NULL, "multipart/form-data; boundary=B" },
	{ "one object instead of a list", NULL, "sendgrid", "", NULL, "{\"event\":\"delivered\"}", "delivered; ", NULL, NULL },
	{ "no event", NULL, "sendgrid", "", NULL, "[]", "", NULL, NULL },
	{ "a list of words", NULL, "sendgrid", "", NULL, "[\"x\"]", "unread \"x\" reason=not a JSON value in line 1, column 1; ", NULL, NULL },
	{ "odd elements among others", NULL, "sendgrid", "",  NULL,
		"[{\"event\":\"delivered\"},7, null,{\"event\":\"open\",\"x\":\"\\\\a\\u0000],b\"},{\"y\":\"],\\ud800\"} ,{\"event\":\"dropped\",\"event\":1}"
		",\"{\\\"event\\\":\\\"open\\\"}\",{\"event\":\"spamreport\"}]",
		"delivered; unread 7 reason=an event must be an object; unread null reason=an event must be an object; opened; "
		"unread \"{\\\"y\\\":\\\"],\\\\ud800\\\"} \" reason=a lone surrogate in line 1, column 15; "
		"unread \"{\\\"event\\\":\\\"dropped\\\",\\\"event\\\":1}\" reason=an object has the same name twice, seen in line 1, column 30; "
		"unread \"{\\\"event\\\":\\\"open\\\"}\" reason=an event must be an object; complained; ", NULL, NULL },
	{ "bytes that are no text", NULL, "sendgrid", "", NULL, "[{\"x\":\"\xff\xc3\"},{\"event\":\"delivered\"}]",
		"unread \"{\\\"x\\\":\\\"??\\\"}\" reason=an event must be an object; delivered; ", NULL, NULL },
	{ "an odd element of whom nobody knows", HOOKS("[{\"parse\":\"json\",\"verify\":{\"kind\":\"none\",\"why\":\"x\"},\"events\":{\"attempt\":\"/a\",\"type\":\"/t\"," MAP "}}]"),
		NULL, "", NULL, "[{\"t\":\"a\"},7]", NULL, "wrong_type", NULL },
	{ "no JSON", NULL, "sendgrid", "", NULL, "[{]", NULL, "bad_json", NULL },
	{ "a NUL in a form", NULL, "twilio-sms", "status", NULL, "MessageSid=a%00b", NULL, "bad_form", NULL },
	{ "a broken escape", NULL, "twilio-sms", "status", NULL, "MessageSid=a%0", NULL, "bad_form", NULL },
	{ "SparkPost: the only member of msys, and a ping",
		READ("\"element\":[{\"pointer\":\"/msys\"},{\"single\":true}],\"events\":{\"attempt\":\"/rcpt_meta/attempt\",\"message\":\"/id\","
			"\"time\":\"/timestamp\",\"type\":\"/type\",\"map\":{\"bounce\":\"bounced_hard\"}}"), NULL, "", NULL,
		"[{\"msys\":{}},{\"msys\":{\"message_event\":{\"type\":\"bounce\",\"id\":9007199254740993,\"timestamp\":\"1767225600\","
		"\"rcpt_meta\":{\"attempt\":\"" ATTEMPT "\"}}}}]",
		"bounced_hard attempt=" ATTEMPT " message=9007199254740993 at=1767225600000; ", NULL, NULL },
	{ "SES: JSON in a text, its tags in lists",
		READ("\"unwrap\":[{\"text\":\"/Message\"}],\"events\":{\"attempt\":\"/mail/tags/attempt\",\"message\":\"/mail/messageId\","
			"\"type\":[\"/eventType\",\"/bounce/bounceType\"],\"map\":{\"Bounce/Permanent\":\"bounced_hard\"}}"), NULL, "", NULL, sns_v2,
		"bounced_hard attempt=" ATTEMPT " message=ses-1; ", NULL, NULL },
	{ "JSON in a text that is none", READ("\"unwrap\":[{\"text\":\"/Message\"}]," EVENTS), NULL, "", NULL, "{\"Message\":\"{\"}", NULL,
		"bad_json", NULL },
	{ "nothing to unwrap", READ("\"unwrap\":[{\"text\":\"/Message\"}]," EVENTS), NULL, "", NULL, "{\"Type\":\"Ping\"}", "", NULL, NULL },
	{ "what stands beside the list, a tag by its prefix, angle brackets, mail's time",
		READ("\"each\":\"/detail\",\"events\":{\"attempt\":{\"pointer\":\"/tags\",\"prefix\":\"attempt-\"},"
			"\"message\":{\"pointer\":\"/id\",\"transform\":\"strip_angle\"},\"time\":\"/date\",\"type\":{\"outer\":\"/event\"},"
			"\"map\":{\"*\":\"deferred\"}}"), NULL, "", NULL,
		"{\"event\":\"soft\",\"detail\":[{\"tags\":[\"a\",\"attempt-" ATTEMPT "\"],\"id\":\"<x@y>\","
		"\"date\":\"Thu, 01 Jan 2026 00:00:00 +0000\"},{\"id\":\"with space\",\"date\":\"2026-01-01T01:00:00+01:00\"}]}",
		"deferred attempt=" ATTEMPT " message=x@y at=1767225600000; deferred at=1767225600000; ", NULL, NULL },
	{ "words by how they begin, the first that fits", TELLS("\"attempt\":\"/a\",\"type\":\"/t\",\"map\":{\"bounce_soft\":\"bounced_soft\","
			"\"bounce*\":\"bounced_hard\",\"spam*\":\"complained\"}"), NULL, "", NULL,
		"[{\"t\":\"bounce\"},{\"t\":\"bounce_no_mailbox\"},{\"t\":\"bounce_soft\"},{\"t\":\"boun\"},{\"t\":\"spam\"}]",
		"bounced_hard; bounced_hard; bounced_soft; other; complained; ", NULL, NULL },
	{ "times with a fraction, in ms, and none",
		TELLS("\"attempt\":\"/a\",\"time\":\"/t\",\"type\":\"/type\"," MAP), NULL, "", NULL,
		"[{\"type\":\"ok\",\"t\":1767225600.25},{\"type\":\"ok\",\"t\":1767225600123},{\"type\":\"ok\",\"t\":\"soon\"},{\"type\":\"ok\",\"t\":-5}]",
		"delivered at=1767225600250; delivered at=1767225600123; delivered; delivered; ", NULL, NULL },
#define PARTS(type, body, says, code) \
	FORM("\"attempt\":\"/a\",\"type\":\"/t\",\"text\":\"/text\"," MAP), NULL, "", NULL, body, says, code, type
	{ "multipart", PARTS("multipart/form-data; boundary=B", "preamble\r\n" PART("t", "ok")
		"--B\r\ncontent-type: application/pdf\r\nCONTENT-DISPOSITION: form-data; name=\"text\"; filename=\"a.pdf\"\r\n\r\n%PDF\r\n"
		PART("a", ATTEMPT) PART("text", "one\r\ntwo--B") PART("e", "") "--B--\r\nafter",
		"delivered attempt=" ATTEMPT " text=one\r\ntwo--B files=[{\"name\":\"a.pdf\",\"type\":\"application/pdf\",\"bytes\":4,\"sha256\":"
		"\"315d429b7714cedb6ad04ac31240145257692630457f3c88253c5beceac76027\"}]; ", NULL) },
	{ "multipart, an empty file without a readable name, and a field that is called like their list", PARTS("multipart/form-data; boundary=B",
		PART("@files", "[7]") "--B\r\nContent-Disposition: form-data; name=x; filename*=UTF-8''a\r\n\r\n\r\n" PART("t", "ok") "--B--",
		"delivered files=[{\"name\":\"\",\"type\":\"\",\"bytes\":0,\"sha256\":\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"}]; ",
		NULL) },
	{ "a field that is called like the list of files", PARTS("multipart/form-data; boundary=B", PART("@files", "[7]") PART("t", "ok") "--B--",
		"delivered; ", NULL) },
#define FILES TELLS("\"attempt\":\"/a\",\"type\":\"/t\"," MAP ",\"files\":{\"each\":\"/f\",\"name\":\"/n\",\"bytes\":\"/b\",\"content\":\"/c\"}")
	{ "files in JSON, their bytes, and none", FILES, NULL, "", NULL,
		"[{\"t\":\"ok\",\"f\":[{\"n\":\"a\",\"b\":9,\"c\":\"JVBERg==\"},{\"n\":\"b\",\"b\":\"12\"},{\"b\":1},7,{\"n\":\"c\",\"c\":\"!\"}]},{\"t\":\"ok\",\"f\":[]}]",
		"delivered files=[{\"name\":\"a\",\"type\":\"\",\"bytes\":4,\"sha256\":\"315d429b7714cedb6ad04ac31240145257692630457f3c88253c5beceac76027\"},"
		"{\"name\":\"b\",\"type\":\"\",\"bytes\":12},{\"name\":\"c\",\"type\":\"\"}]; delivered; ", NULL, NULL },
	{ "too many files", TELLS("\"attempt\":\"/a\",\"type\":\"/t\",\"map\":{\"*\":\"opened\"},\"files\":{\"each\":\"/f\",\"name\":\"/n\"}"), NULL, "", NULL,
		"{\"f\":[" FIVE "," FIVE "," FIVE "," FIVE "," FIVE "]}", "opened files=[" FIVE_NAMED "," FIVE_NAMED "," FIVE_NAMED "," FIVE_NAMED ",5]; ",
		NULL, NULL },
	{ "multipart, quoted boundary", PARTS("Multipart/Form-Data; charset=utf-8; boundary=\"B\"", PART("t", "ok") "--B--", "delivered; ", NULL) },
	{ "multipart without end", PARTS("multipart/form-data; boundary=B", PART("t", "ok"), NULL, "bad_form") },
	{ "multipart cut off in a part", PARTS("multipart/form-data; boundary=B", "--B\r\nContent-Disposition: form-data; name=\"t\"\r\n", NULL, "bad_form") },
	{ "multipart without a name", PARTS("multipart/form-data; boundary=B", "--B\r\nContent-Type: text/plain\r\n\r\nx\r\n--B--", NULL, "bad_form") },
	{ "multipart without boundary", PARTS("multipart/form-data", PART("t", "ok") "--B--", NULL, "bad_form") },
	{ "multipart, another boundary", PARTS("multipart/form-data; boundary=C", PART("t", "ok") "--B--", NULL, "bad_form") },
	{ "multipart, a long boundary", PARTS("multipart/form-data; boundary=" TEN TEN TEN TEN TEN TEN TEN "b", PART("t", "ok") "--B--", NULL, "bad_form") },
	{ "multipart, empty", PARTS("multipart/form-data; boundary=B", "", NULL, "bad_form") },
	{ "multipart, bad UTF-8, a name without quotes", PARTS("multipart/form-data; boundary=B", "--B\r\nContent-Disposition: form-data; name=t\r\n\r\n\xff\r\n--B--", "other; ", NULL) },
	{ "a GET's query", HOOKS("[{\"parse\":\"query\",\"verify\":{\"kind\":\"none\",\"why\":\"x\"},\"events\":{\"attempt\":\"/d\",\"type\":\"/ptt\","
			"\"reason\":\"/why\"," MAP "}}]"), NULL, "", "https://d.example/hooks/o?ptt=ok", "d=" ATTEMPT "&ptt=ok&why=a+b%26c&ptt=no",
		"delivered attempt=" ATTEMPT " reason=a b&c; ", NULL, "multipart/form-data" },
	{ "an empty query", HOOKS("[{\"parse\":\"query\",\"verify\":{\"kind\":\"none\",\"why\":\"x\"},\"events\":{\"attempt\":\"/d\",\"type\":\"/ptt\"," MAP
			"}}]"), NULL, "", NULL, "", "other; ", NULL, NULL },
#define VONAGE(path, type, body, says, code) NULL, "vonage", path, NULL, body, says, code, type
#define VONAGE_FORM "msisdn=33612345678&messageId=0A1&status=failed&err-code=9&client-ref=" ATTEMPT "&message-timestamp=2026-01-01+00%3A00%3A00"
#define VONAGE_FAILED "bounced_hard attempt=" ATTEMPT " message=0A1 at=1767225600000 reason=9 address=+33612345678; "
	{ "Vonage, a form", VONAGE("status", "application/x-www-form-urlencoded; charset=utf-8", VONAGE_FORM, VONAGE_FAILED, NULL) },
	{ "Vonage, JSON", VONAGE("status", "application/json", "{\"msisdn\":\"33612345678\",\"messageId\":\"0A1\",\"status\":\"failed\",\"err-code\":\"9\","
		"\"client-ref\":\"" ATTEMPT "\",\"message-timestamp\":\"2026-01-01 00:00:00\"}", VONAGE_FAILED, NULL) },
	{ "Vonage, an answer in a form", VONAGE("inbound", "application/x-www-form-urlencoded", "msisdn=33612345678&messageId=0A2&text=Je+paie",
		"replied address=+33612345678 text=Je paie; ", NULL) },
	{ "Vonage, a form that calls itself JSON", VONAGE("status", "application/json", VONAGE_FORM, NULL, "bad_json") },
	{ "Vonage, a form that does not say so", VONAGE("status", NULL, VONAGE_FORM, NULL, "bad_json") },
	{ "either, and a member that is called like a form's list of files", HOOKS("[{\"parse\":[\"json\",\"form\"],\"verify\":{\"kind\":\"none\",\"why\":\"x\"},"
		"\"events\":{\"attempt\":\"/a\",\"type\":\"/t\"," MAP "}}]"), NULL, "", NULL, "{\"t\":\"ok\",\"@files\":[7]}", "delivered; ", NULL, "application/json" },
	{ "a form's first of two", FORM("\"attempt\":\"/a\",\"type\":\"/t\"," MAP), NULL, "", NULL, "t=ok&t=no&a=" ATTEMPT,
		"delivered attempt=" ATTEMPT "; ", NULL, NULL },
};

static void reading_gives(void **state)
{
	const struct reading *row = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(adapter_freep) struct adapter *adapter = row->json ? parse(row->json) : shipped(arena, row->shipped);
	CLEANUP(buf_clear) struct buf said = { 0 };
	struct http_header type = { "content-type", row->type };
	struct hook_request request = { .url = row->url ? row->url : "https://d.example/hooks/x", .path_secret = "", .headers = &type,
		.header_count = row->type != NULL, .body = row->body, .body_len = strlen(row->body), .now = NOW };
	struct hook_event *events = NULL;
	struct err err = { 0 };
	size_t count = 0;
	int r = hook_read(adapter_hook(adapter, row->path), &request, arena, &events, &count, &err);

	if (row->code) {
		assert_int_equal(r, -EBADMSG);
		assert_string_equal(err.code, row->code);
		return;
	}
	if (r < 0)
		fail_msg("%s %s", err.code, err.text);
	for (size_t i = 0; i < count; i++)
		expect(&said, &events[i]);
	assert_string_equal(buf_str(&said), row->says);
}

/* The same event has the same id however often and among which others it is told; another has another. */
static void ids_tell_events_apart(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(adapter_freep) struct adapter *adapter = shipped(arena, "sendgrid");
	struct hook_request request = { .url = "https://d.example/", .path_secret = "",
		.body = "[{\"event\":\"open\",\"sg_event_id\":\"a\"},{\"event\":\"open\",\"sg_event_id\":\"b\"},"
			"{\"event\":\"open\",\"x\":1,\"sg_event_id\":\"a\"},{\"event\":\"open\"},{\"event\":\"open\",\"y\":1}]" };
	struct hook_event *events;
	size_t count = 0;

	(void)state;
	request.body_len = strlen(request.body);
	assert_int_equal(hook_read(adapter_hook(adapter, ""), &request, arena, &events, &count, NULL), 0);
	assert_int_equal(count, 5);
	assert_string_equal(events[0].id, events[2].id);
	assert_string_not_equal(events[0].id, events[1].id);
	assert_string_not_equal(events[3].id, events[4].id);
	assert_string_not_equal(events[3].id, events[0].id);
}

/* Anybody may send so many small values that they fill the memory: they are counted before they are read. */
static void values_have_a_bound(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(adapter_freep) struct adapter *adapter = shipped(arena, "sendgrid");
	CLEANUP(buf_clear) struct buf body = { 0 };
	struct hook_request request = { .url = "https://d.example/", .path_secret = "" };
	struct hook_event *events;
	struct err err = { 0 };
	size_t count;

	(void)state;
	buf_add_str(&body, "[0");
	while (body.len < (size_t)5 * 1024 * 1024)
		buf_add_str(&body, ",0");
	buf_add_str(&body, "]");
	request.body = buf_str(&body);
	request.body_len = body.len;
	assert_int_equal(hook_read(adapter_hook(adapter, ""), &request, arena, &events, &count, &err), -EBADMSG);
	assert_string_equal(err.code, "too_many_values");
}

/* What asks to be confirmed has no events, and leads to Amazon alone. */
static void a_question_is_told(void **state)
{
	static const struct {
		const char *url;
		bool told;
	} rows[] = { { "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=x", true },
		{ "http://sns.eu-west-1.amazonaws.com/?x", false }, { "https://sns.evil.example/?x", false },
		{ "https://sns.evil.example#.amazonaws.com/?x", false }, { "https://sns.x@evil.example/.amazonaws.com/", false },
		{ "https://sns.eu-west-1.amazonaws.com", false }, { "https://sns.x.amazonaws.com:8443/?x", false },
		{ "https://sns.eu-west-1.amazonaws.com/a b", false } };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(adapter_freep) struct adapter *adapter = parse(HOOK("\"verify\":{\"kind\":\"sns\",\"topic\":\"{config.user}\",\"certificate\":"
		"\"{config.public}\"},\"unwrap\":[{\"text\":\"/Message\"}]," EVENTS)), *other = parse(READ(EVENTS));
	struct hook_request request = { .url = "https://d.example/", .path_secret = "" };
	struct hook_event *events;
	size_t count = 7;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *url;

		request.body = arena_printf(arena, "{\"Type\":\"SubscriptionConfirmation\",\"Message\":\"You have\",\"SubscribeURL\":\"%s\"}", rows[i].url);
		request.body_len = strlen(request.body);
		url = hook_asks(adapter_hook(adapter, ""), &request, arena);
		if (!url != !rows[i].told)
			fail_msg("%s", rows[i].url);
	}
	assert_int_equal(hook_read(adapter_hook(adapter, ""), &request, arena, &events, &count, NULL), 0);
	assert_int_equal(count, 0);
	assert_null(hook_asks(adapter_hook(other, ""), &request, arena));
	request.body = sns_v2;
	request.body_len = strlen(sns_v2);
	assert_null(hook_asks(adapter_hook(adapter, ""), &request, arena));
}

static void webhooks_are_listed(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(adapter_freep) struct adapter *adapter = shipped(arena, "twilio-sms"), *open = parse(READ(EVENTS));

	(void)state;
	assert_non_null(adapter_hook(adapter, "inbound"));
	assert_null(adapter_hook(adapter, ""));
	assert_false(hook_unverified(adapter_hook(adapter, "inbound")));
	assert_true(hook_unverified(adapter_hook(open, "")));
	assert_false(hook_secret_in_path(adapter_hook(open, "")));
	assert_int_equal(hook_refused_status(adapter_hook(open, "")), 401);
	adapter_free(open);
	open = parse(READ("\"refused_status\":406," EVENTS));
	assert_int_equal(hook_refused_status(adapter_hook(open, "")), 406);
}

#define CASES (ARRAY_LEN(refusals) + ARRAY_LEN(readings))

int main(void)
{
	static const struct CMUnitTest single[] = {
		cmocka_unit_test(ids_tell_events_apart),
		cmocka_unit_test(values_have_a_bound),
		cmocka_unit_test(a_question_is_told),
		cmocka_unit_test(webhooks_are_listed),
	};
	static struct CMUnitTest tests[CASES + ARRAY_LEN(single)];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(refusals); i++)
		tests[n++] = (struct CMUnitTest){ refusals[i].json, refusal_says, NULL, NULL, (void *)(uintptr_t)&refusals[i] };
	for (size_t i = 0; i < ARRAY_LEN(readings); i++)
		tests[n++] = (struct CMUnitTest){ readings[i].name, reading_gives, NULL, NULL, (void *)(uintptr_t)&readings[i] };
	memcpy(tests + n, single, sizeof(single));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
