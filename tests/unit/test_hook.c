/* What providers tell by themselves: files refused with a reason, requests verified or denied, and what is read out of them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/adapter_hook.h"
#include "common/buf.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/json.h"
#include "tests/unit/hook_samples.h"
#include "tests/unit/adapter_parsed.h"

#define ATTEMPT "01JX9000000000000000000042"
#define TEN "bbbbbbbbbb"
#define NOW INT64_C(1767225610000)
#define FILE_(config, webhooks) \
	"{\"adapter\":1,\"name\":\"x\",\"channel\":\"email\",\"config\":{" config "}," \
	"\"send\":{\"method\":\"POST\",\"url\":\"https://x.example\",\"auth\":{\"kind\":\"none\"}},\"response\":{\"id\":\"/id\"}," \
	"\"webhooks\":" webhooks "}"
#define CONFIG "\"key\":{\"secret\":true},\"key2\":{\"secret\":true},\"public\":{},\"user\":{}"
#define EVENTS "\"events\":{\"attempt\":[\"/attempt\",{\"query\":\"d\"}],\"message\":\"/id\",\"type\":\"/type\",\"map\":{\"ok\":\"delivered\"}}"
#define HOOKS(webhooks) FILE_(CONFIG, webhooks)
#define HOOK(members) HOOKS("[{\"parse\":\"json\"," members "}]")
#define VERIFY(verify) HOOK("\"verify\":" verify "," EVENTS)
#define READ(members) HOOK("\"verify\":{\"kind\":\"none\",\"why\":\"a test\"}," members)
#define TELLS(members) READ("\"events\":{" members "}")
#define MAP "\"map\":{\"ok\":\"delivered\"}"
#define SIGNED_(parts, more) \
	"{\"kind\":\"hmac\",\"key\":\"{config.key}\",\"parts\":" parts ",\"signature\":{\"header\":\"S\",\"encoding\":\"hex\"}" more "}"
#define SIGNED(more) SIGNED_("[{\"body\":true}]", more)

/* --- refusals ----------------------------------------------------------------------------------------------------------------- */

static const struct refusal {
	const char *json, *code, *path, *says;
} refusals[] = {
	{ HOOKS("{}"), "wrong_type", "$.webhooks", "" },
	{ HOOKS("[7]"), "wrong_type", "$.webhooks[0]", "must be an object" },
	{ HOOKS("[{}]"), "missing", "$.webhooks[0].parse", "" },
	{ HOOKS("[{\"parse\":\"xml\"}]"), "not_one_of", "$.webhooks[0].parse", "" },
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
	{ TELLS("\"attempt\":\"/a\",\"type\":\"=replied\"," MAP), "unknown_member", "$.webhooks[0].events.map", "" },
	{ TELLS("\"attempt\":\"/a\",\"type\":\"=replied\""), "missing", "$.webhooks[0].events.text", "a reply has a text" },
	{ TELLS("\"type\":\"/t\"," MAP), "missing", "$.webhooks[0].events", "whom it is about" },
	{ TELLS("\"attempt\":[],\"type\":\"/t\"," MAP), "out_of_range", "$.webhooks[0].events.attempt", "1 to 6" },
	{ TELLS("\"attempt\":{\"header\":\"a\",\"query\":\"b\"},\"type\":\"/t\"," MAP), "missing", "$.webhooks[0].events.attempt", "one of" },
	{ TELLS("\"attempt\":{\"pointer\":\"/a\",\"transform\":\"rot13\"},\"type\":\"/t\"," MAP), "not_one_of",
		"$.webhooks[0].events.attempt.transform", "strip_angle" },
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

/* --- verification ------------------------------------------------------------------------------------------------------------- */

struct keys { /* by the name of a credential: that of its setting */
	const char *key, *key2;
};

static const char *secret_of(const char *credential, void *arg)
{
	const struct keys *keys = arg;

	return strcmp(credential, "key") == 0 ? keys->key : strcmp(credential, "key2") == 0 ? keys->key2 : NULL;
}

struct call {
	const char *settings[9];
	struct keys keys;
	struct hook_request request;
};

static int verify(const struct adapter *adapter, const char *path, struct call *call, struct arena *arena, struct hook_proof *proof,
	struct err *err)
{
	struct provider_settings settings = { .name = "x", .settings = call->settings };
	struct adapter_input input = { .settings = &settings, .secret = secret_of, .secret_arg = &call->keys, .now = call->request.now };
	const struct hook *hook = adapter_hook(adapter, path);

	assert_non_null(hook);
	if (!call->request.url)
		call->request.url = "https://dunning.example/hooks/x";
	if (!call->request.path_secret)
		call->request.path_secret = "";
	return hook_verify(hook, &input, &call->request, arena, proof, err);
}

/* The published vectors: good ones are taken, tampered ones refused; and no single bit of a good body may be another. */

static struct adapter *shipped(struct arena *arena, const char *name)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct adapter *adapter = NULL;
	struct err err = { 0 };

	if (file_read(arena_printf(arena, SOURCE_DIR "/daemon/share/providers/%s.json", name), ADAPTER_FILE_MAX, &text, &err) < 0 ||
		adapter_parse(buf_str(&text), text.len, &adapter, &err) < 0)
		fail_msg("%s: %s %s", name, err.path, err.text);
	return adapter;
}

#define STAMPED(header, unit) ",\"timestamp\":{\"header\":\"" header "\",\"unit\":\"" unit "\"}"
#define SVIX \
	"{\"kind\":\"hmac\",\"key\":[\"{config.key}\",\"{config.key2}\"],\"key_prefix\":\"whsec_\",\"key_encoding\":\"base64\"," \
	"\"parts\":[{\"header\":\"svix-id\"},{\"literal\":\".\"},{\"header\":\"svix-timestamp\"},{\"literal\":\".\"},{\"body\":true}]," \
	"\"signature\":{\"header\":\"svix-signature\",\"encoding\":\"base64\",\"separator\":\" \",\"prefix\":\"v1,\"}" \
	STAMPED("svix-timestamp", "s") "}"
#define LOB \
	"{\"kind\":\"hmac\",\"key\":\"{config.key}\",\"parts\":[{\"header\":\"Lob-Signature-Timestamp\"},{\"literal\":\".\"},{\"body\":true}]," \
	"\"signature\":{\"header\":\"Lob-Signature\",\"encoding\":\"hex\"}" STAMPED("Lob-Signature-Timestamp", "auto") "}"

static struct adapter *adapter_for(const char *kind, struct arena *arena, const char **path, const char **key)
{
	*path = "";
	*key = "key";
	if (strcmp(kind, "twilio") == 0) {
		*path = "status";
		*key = "auth_token";
		return shipped(arena, "twilio-sms");
	}
	if (strcmp(kind, "sendgrid") == 0) {
		*key = "webhook_key";
		return shipped(arena, "sendgrid");
	}
	return parse(strcmp(kind, "svix") == 0 ? VERIFY(SVIX) : VERIFY(LOB));
}

static const char *text_of(const struct json *object, const char *key)
{
	struct json value = json_get(object, key);

	return json_str(&value);
}

static void vectors_hold(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf text = { 0 };
	const char *shared = getenv("DUNNINGD_SHARED"), *path;
	struct err err = { 0 };
	struct json root;
	size_t good = 0, bad = 0;

	(void)state;
	path = shared ? arena_printf(arena, "%s/provider-specs/signature-vectors.json", shared) :
			SOURCE_DIR "/../shared/provider-specs/signature-vectors.json";
	if (file_read(path, 1 << 20, &text, &err) < 0) {
		if (getenv("CI"))
			fail_msg("%s", err.text);
		skip();
	}
	if (json_parse(arena, buf_str(&text), text.len, 0, &root, &err) < 0)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < json_len(&root); i++) {
		struct json vector = json_at(&root, i), headers = json_get(&vector, "headers"), value = json_get(&vector, "valid"), now;
		struct http_header list[8];
		CLEANUP(adapter_freep) struct adapter *adapter = NULL;
		struct call call = { .request = { .url = text_of(&vector, "url"), .headers = list, .body = text_of(&vector, "body") } };
		const char *hook, *key, *header, *name = text_of(&vector, "name");
		struct hook_proof proof;
		bool valid = json_bool(&value);
		char *body;
		int r;

		if (strcmp(text_of(&vector, "kind"), "ovh-request") == 0)
			continue; /* a request of ours, not a webhook */
		for (size_t k = 0; json_member(&headers, &k, &header, &value);)
			list[call.request.header_count++] = (struct http_header){ header, json_str(&value) };
		now = json_get(&vector, "now");
		call.request.now = now.type == JSON_INT ? json_int(&now) * 1000 : NOW;
		call.request.body_len = strlen(call.request.body);
		adapter = adapter_for(text_of(&vector, "kind"), arena, &hook, &key);
		call.keys.key = text_of(&vector, "secret");
		call.settings[0] = key;
		call.settings[1] = call.keys.key ? "key" : text_of(&vector, "public_key");
		err_clear(&err);
		r = verify(adapter, hook, &call, arena, &proof, &err);
		if (r != (valid ? 0 : -EACCES))
			fail_msg("%s: %d %s %s", name, r, err.code, err.text);
		good += valid;
		bad += !valid;
		body = arena_memdup(arena, call.request.body, call.request.body_len);
		call.request.body = body;
		for (size_t k = 0; valid && k < call.request.body_len; k++) {
			body[k] ^= 1;
			r = verify(adapter, hook, &call, arena, &proof, NULL);
			/* a form: '&' and 0x27, or a digit of an escape, may read the same; nothing else may */
			if (r == 0)
				fail_msg("%s: taken with byte %zu changed", name, k);
			body[k] ^= 1;
		}
	}
	assert_int_equal(good, 9);
	assert_int_equal(bad, 13);
}

/* One row, one request. The signatures were made as the providers' documentation says, by the functions that other vectors check. */

#define BODY "{\"type\":\"ok\",\"attempt\":\"" ATTEMPT "\"}"

static const struct checked {
	const char *name, *json, *path;
	struct keys keys;
	const char *settings[9];
	struct http_header headers[6];
	const char *url, *path_secret, *body;
	const char *code; /* NULL: taken */
	int result;
} checks[] = {
	{ "none: anybody", VERIFY("{\"kind\":\"none\",\"why\":\"x\"}"), "", { 0 }, { 0 }, { { 0 } }, NULL, NULL, BODY, NULL, 0 },
#define BASIC VERIFY("{\"kind\":\"basic\",\"user\":\"{config.user}\",\"password\":[\"{config.key}\",\"{config.key2}\"]}"), ""
#define BASIC_SET { "user", "ann", "key", "key" }
	{ "basic", BASIC, { "s3cret", NULL }, BASIC_SET, { { "authorization", "Basic YW5uOnMzY3JldA==" } }, NULL, NULL, BODY, NULL, 0 },
	{ "basic, the second password", BASIC, { "old", "s3cret" }, { "user", "ann", "key", "key", "key2", "key2" }, { { "Authorization", "basic YW5uOnMzY3JldA==" } }, NULL, NULL,
		BODY, NULL, 0 },
	{ "basic, wrong", BASIC, { "s3cre", NULL }, BASIC_SET, { { "Authorization", "Basic YW5uOnMzY3JldA==" } }, NULL, NULL, BODY,
		"bad_signature", -EACCES },
	{ "basic, bearer", BASIC, { "s3cret", NULL }, BASIC_SET, { { "Authorization", "Bearer YW5uOnMzY3JldA==" } }, NULL, NULL, BODY,
		"no_signature", -EACCES },
	{ "basic, twice", BASIC, { "s3cret", NULL }, BASIC_SET,
		{ { "Authorization", "Basic YW5uOnMzY3JldA==" }, { "Authorization", "Basic x" } }, NULL, NULL, BODY, "twice", -EACCES },
	{ "basic, without user", BASIC, { "s3cret", NULL }, { "key", "key" }, { { "Authorization", "Basic YW5uOnMzY3JldA==" } }, NULL, NULL, BODY,
		"no_key", -ENOENT },
#define HEADER VERIFY("{\"kind\":\"header\",\"name\":\"X-Secret\",\"value\":\"{config.key}\"}"), ""
#define KEY_SET { "key", "key" }
	{ "header", HEADER, { "s3cret", NULL }, KEY_SET, { { "x-secret", "s3cret" } }, NULL, NULL, BODY, NULL, 0 },
	{ "header, empty", HEADER, { "s3cret", NULL }, KEY_SET, { { "x-secret", "" } }, NULL, NULL, BODY, "no_signature", -EACCES },
	{ "header, no secret set", HEADER, { "", NULL }, { 0 }, { { "x-secret", "" } }, NULL, NULL, BODY, "no_key", -ENOENT },
	{ "header, its credential is empty", HEADER, { "", NULL }, KEY_SET, { { "x-secret", "" } }, NULL, NULL, BODY, "no_key", -ENOENT },
#define PATH VERIFY("{\"kind\":\"path_secret\",\"value\":\"{config.key}\"}"), ""
	{ "path", PATH, { "s3cret", NULL }, KEY_SET, { { 0 } }, NULL, "s3cret", BODY, NULL, 0 },
	{ "path, longer", PATH, { "s3cret", NULL }, KEY_SET, { { 0 } }, NULL, "s3crets", BODY, "bad_signature", -EACCES },
	{ "path, none", PATH, { "s3cret", NULL }, KEY_SET, { { 0 } }, NULL, "", BODY, "no_signature", -EACCES },
#define MAILGUN \
	HOOK("\"verify\":{\"kind\":\"hmac\",\"key\":\"{config.key}\",\"parts\":[{\"pointer\":\"/signature/timestamp\"}," \
		"{\"pointer\":\"/signature/token\"}],\"signature\":{\"pointer\":\"/signature/signature\",\"encoding\":\"hex\"}," \
		"\"timestamp\":{\"pointer\":\"/signature/timestamp\"},\"once\":\"/signature/token\"}," EVENTS), ""
#define MAILGUN_BODY(token) \
	"{\"signature\":{\"timestamp\":\"1767225600\",\"token\":\"" token "\",\"signature\":" \
	"\"4aeb6e16cca8e4d02d9c5c1d6a1e6b5cb9c1c9cb0f2d8d2b2a7c1f53c0d9d7f1\"}}"
	{ "signature in the body, of another token", MAILGUN, { "s3cret", NULL }, KEY_SET, { { 0 } }, NULL, NULL, MAILGUN_BODY("t"),
		"bad_signature", -EACCES },
	{ "signature in the body, which is none", MAILGUN, { "s3cret", NULL }, KEY_SET, { { 0 } }, NULL, NULL, "{", "bad_json", -EBADMSG },
	{ "signature in the body, without it", MAILGUN, { "s3cret", NULL }, KEY_SET, { { 0 } }, NULL, NULL, "{}", "no_signature", -EACCES },
	{ "no key", VERIFY(SIGNED("")), "", { 0 }, { 0 }, { { "S", "00" } }, NULL, NULL, BODY, "no_key", -ENOENT },
	{ "no signature", VERIFY(SIGNED("")), "", { "s3cret", NULL }, KEY_SET, { { 0 } }, NULL, NULL, BODY, "no_signature", -EACCES },
	{ "odd hex", VERIFY(SIGNED("")), "", { "s3cret", NULL }, KEY_SET, { { "S", "abc" } }, NULL, NULL, BODY, "bad_signature", -EACCES },
	{ "short", VERIFY(SIGNED("")), "", { "s3cret", NULL }, KEY_SET, { { "S", "00" } }, NULL, NULL, BODY, "bad_signature", -EACCES },
	{ "key that is no base64", VERIFY(SIGNED(",\"key_encoding\":\"base64\"")), "", { "!", NULL }, KEY_SET, { { "S", "00" } }, NULL, NULL,
		BODY, "no_key", -ENOENT },
	{ "signature twice", VERIFY(SIGNED("")), "", { "s3cret", NULL }, KEY_SET, { { "S", "00" }, { "s", "00" } }, NULL, NULL, BODY, "twice",
		-EACCES },
#define SNS VERIFY("{\"kind\":\"sns\",\"topic\":\"{config.user}\",\"certificate\":\"{config.public}\"}"), "", { 0 }
#define SNS_SET { "user", "arn:aws:sns:eu-west-1:1:ours", "public", sns_certificate }
	{ "SNS, version 1", SNS, SNS_SET, { { 0 } }, NULL, NULL, sns_v1, NULL, 0 },
	{ "SNS, version 2", SNS, SNS_SET, { { 0 } }, NULL, NULL, sns_v2, NULL, 0 },
	{ "SNS, another's topic", SNS, { "user", "arn:aws:sns:eu-west-1:1:theirs", "public", sns_certificate }, { { 0 } }, NULL, NULL, sns_v2,
		"bad_signature", -EACCES },
	{ "SNS, no topic", SNS, { "public", sns_certificate }, { { 0 } }, NULL, NULL, sns_v2, "no_key", -ENOENT },
	{ "SNS, no certificate", SNS, { "user", "arn:aws:sns:eu-west-1:1:ours" }, { { 0 } }, NULL, NULL, sns_v2, "no_key", -ENOENT },
	{ "SNS, a certificate that is none", SNS, { "user", "arn:aws:sns:eu-west-1:1:ours", "public", "-----BEGIN" }, { { 0 } }, NULL, NULL,
		sns_v2, "bad_signature", -EACCES },
#define JWT \
	VERIFY("{\"kind\":\"jwt_hs256\",\"key\":[\"{config.key}\",\"{config.key2}\"],\"header\":\"Authorization\",\"body_claim\":\"payload_hash\"," \
		"\"url_claim\":\"url_hash\"}"), ""
	{ "JWT", JWT, { "s3cret", NULL }, KEY_SET,
		{ { "Authorization", "Bearer "
			"eyJhbGciOiAiSFMyNTYiLCAidHlwIjogIkpXVCJ9.eyJwYXlsb2FkX2hhc2giOiAiMGMwZTg3N2E0MTZmM2RlYjA0NjA4Y2I5NDJ"
			"hNDM3NmUyZjRjYTQwNGNhYjdhMjJhZmVlN2QwNjlhNTQ0NjgxZCIsICJ1cmxfaGFzaCI6ICJlODVhOTAxYjk5OTI2YmQ4YzRiMDE"
			"xNDYxMTBmOGQyMGY3MDZkNzdjNzU3MWNkYzNlMzBlOGFmOTliNzRkYjBhIiwgIm5iZiI6IDE3NjcyMjU2MDAsICJleHAiOiAxNzY"
			"3MjI1NjYwfQ.2d9VpI0xOqC3--Lw2q939bvH175BkibVgW131Sitg-0" } },
		NULL, NULL, BODY, NULL, 0 },
	{ "JWT, its address with the port", JWT, { "s3cret", NULL }, KEY_SET,
		{ { "Authorization", "Bearer "
			"eyJhbGciOiAiSFMyNTYiLCAidHlwIjogIkpXVCJ9.eyJwYXlsb2FkX2hhc2giOiAiMGMwZTg3N2E0MTZmM2RlYjA0NjA4Y2I5NDJ"
			"hNDM3NmUyZjRjYTQwNGNhYjdhMjJhZmVlN2QwNjlhNTQ0NjgxZCIsICJ1cmxfaGFzaCI6ICIzMDg2ZjUyYTkxNjlmOTNmYmI4OTB"
			"hMTA5OTEzMDVlYjkzNTBmN2JhNzNiMDBjYWFhYzQ5ZGEyNGEwYWMxYjM2IiwgIm5iZiI6IDE3NjcyMjU2MDAsICJleHAiOiAxNzY"
			"3MjI1NjYwfQ.zeKrNz2FCoDWUMQRgBddvHUgX3OQbp06mFMKk9QQ0uk" } },
		NULL, NULL, BODY, NULL, 0 },
	{ "JWT, another key", JWT, { "s3cret", NULL }, KEY_SET,
		{ { "Authorization", "Bearer "
			"eyJhbGciOiAiSFMyNTYiLCAidHlwIjogIkpXVCJ9.eyJwYXlsb2FkX2hhc2giOiAiMGMwZTg3N2E0MTZmM2RlYjA0NjA4Y2I5NDJ"
			"hNDM3NmUyZjRjYTQwNGNhYjdhMjJhZmVlN2QwNjlhNTQ0NjgxZCIsICJ1cmxfaGFzaCI6ICJlODVhOTAxYjk5OTI2YmQ4YzRiMDE"
			"xNDYxMTBmOGQyMGY3MDZkNzdjNzU3MWNkYzNlMzBlOGFmOTliNzRkYjBhIiwgIm5iZiI6IDE3NjcyMjU2MDAsICJleHAiOiAxNzY"
			"3MjI1NjYwfQ.PQw7-pPrYQbjK4EJySzo8XKzMPFhcA3dzAHLw_j74N0" } },
		NULL, NULL, BODY, "bad_signature", -EACCES },
	{ "JWT, no algorithm", JWT, { "s3cret", NULL }, KEY_SET,
		{ { "Authorization", "Bearer "
			"eyJhbGciOiAibm9uZSJ9.eyJwYXlsb2FkX2hhc2giOiAiMGMwZTg3N2E0MTZmM2RlYjA0NjA4Y2I5NDJhNDM3NmUyZjRjYTQwNGN"
			"hYjdhMjJhZmVlN2QwNjlhNTQ0NjgxZCIsICJ1cmxfaGFzaCI6ICJlODVhOTAxYjk5OTI2YmQ4YzRiMDExNDYxMTBmOGQyMGY3MDZ"
			"kNzdjNzU3MWNkYzNlMzBlOGFmOTliNzRkYjBhIiwgIm5iZiI6IDE3NjcyMjU2MDAsICJleHAiOiAxNzY3MjI1NjYwfQ.4oZtgoJT"
			"clanNKScIUY0VCPgUKwHcsMTTekJEHMsG5M" } },
		NULL, NULL, BODY, "bad_signature", -EACCES },
	{ "JWT, unsigned", JWT, { "s3cret", NULL }, KEY_SET,
		{ { "Authorization", "Bearer "
			"eyJhbGciOiAibm9uZSJ9.eyJwYXlsb2FkX2hhc2giOiAiMGMwZTg3N2E0MTZmM2RlYjA0NjA4Y2I5NDJhNDM3NmUyZjRjYTQwNGN"
			"hYjdhMjJhZmVlN2QwNjlhNTQ0NjgxZCIsICJ1cmxfaGFzaCI6ICJlODVhOTAxYjk5OTI2YmQ4YzRiMDExNDYxMTBmOGQyMGY3MDZ"
			"kNzdjNzU3MWNkYzNlMzBlOGFmOTliNzRkYjBhIiwgIm5iZiI6IDE3NjcyMjU2MDAsICJleHAiOiAxNzY3MjI1NjYwfQ." } },
		NULL, NULL, BODY, "bad_signature", -EACCES },
	{ "JWT, another algorithm", JWT, { "s3cret", NULL }, KEY_SET,
		{ { "Authorization", "Bearer "
			"eyJhbGciOiAiSFMzODQifQ.eyJwYXlsb2FkX2hhc2giOiAiMGMwZTg3N2E0MTZmM2RlYjA0NjA4Y2I5NDJhNDM3NmUyZjRjYTQwN"
			"GNhYjdhMjJhZmVlN2QwNjlhNTQ0NjgxZCIsICJ1cmxfaGFzaCI6ICJlODVhOTAxYjk5OTI2YmQ4YzRiMDExNDYxMTBmOGQyMGY3M"
			"DZkNzdjNzU3MWNkYzNlMzBlOGFmOTliNzRkYjBhIiwgIm5iZiI6IDE3NjcyMjU2MDAsICJleHAiOiAxNzY3MjI1NjYwfQ.zJJ7mt"
			"vErI5-T0DORx5OvyzIpnGiC0PvR_pcVQrlMFQ" } },
		NULL, NULL, BODY, "bad_signature", -EACCES },
	{ "JWT, critical extensions", JWT, { "s3cret", NULL }, KEY_SET,
		{ { "Authorization", "Bearer "
			"eyJhbGciOiAiSFMyNTYiLCAiY3JpdCI6IFsiYjY0Il19.eyJwYXlsb2FkX2hhc2giOiAiMGMwZTg3N2E0MTZmM2RlYjA0NjA4Y2I"
			"5NDJhNDM3NmUyZjRjYTQwNGNhYjdhMjJhZmVlN2QwNjlhNTQ0NjgxZCIsICJ1cmxfaGFzaCI6ICJlODVhOTAxYjk5OTI2YmQ4YzR"
			"iMDExNDYxMTBmOGQyMGY3MDZkNzdjNzU3MWNkYzNlMzBlOGFmOTliNzRkYjBhIiwgIm5iZiI6IDE3NjcyMjU2MDAsICJleHAiOiA"
			"xNzY3MjI1NjYwfQ.X4dwD6VtKZTHGYVevFPGgOo77Hpmt4iE_pC5qvU8jW8" } },
		NULL, NULL, BODY, "bad_signature", -EACCES },
	{ "JWT, another body", JWT, { "s3cret", NULL }, KEY_SET,
		{ { "Authorization", "Bearer "
			"eyJhbGciOiAiSFMyNTYiLCAidHlwIjogIkpXVCJ9.eyJwYXlsb2FkX2hhc2giOiAiMmQ3MTE2NDJiNzI2YjA0NDAxNjI3Y2E5ZmJ"
			"hYzMyZjVjODUzMGZiMTkwM2NjNGRiMDIyNTg3MTc5MjFhNDg4MSIsICJ1cmxfaGFzaCI6ICJlODVhOTAxYjk5OTI2YmQ4YzRiMDE"
			"xNDYxMTBmOGQyMGY3MDZkNzdjNzU3MWNkYzNlMzBlOGFmOTliNzRkYjBhIiwgIm5iZiI6IDE3NjcyMjU2MDAsICJleHAiOiAxNzY"
			"3MjI1NjYwfQ.ngC5l7_toqHNg40ZaY3xi5wqTRWKJTiWxxQc15UympU" } },
		NULL, NULL, BODY, "bad_signature", -EACCES },
	{ "JWT, no body's digest", JWT, { "s3cret", NULL }, KEY_SET,
		{ { "Authorization", "Bearer "
			"eyJhbGciOiAiSFMyNTYiLCAidHlwIjogIkpXVCJ9.eyJ1cmxfaGFzaCI6ICJlODVhOTAxYjk5OTI2YmQ4YzRiMDExNDYxMTBmOGQ"
			"yMGY3MDZkNzdjNzU3MWNkYzNlMzBlOGFmOTliNzRkYjBhIiwgIm5iZiI6IDE3NjcyMjU2MDAsICJleHAiOiAxNzY3MjI1NjYwfQ."
			"NsVLBK46OFZ8KOURssqVyiZBs_ncbGfqGEiTIGTzbJI" } },
		NULL, NULL, BODY, "bad_signature", -EACCES },
	{ "JWT, another address", JWT, { "s3cret", NULL }, KEY_SET,
		{ { "Authorization", "Bearer "
			"eyJhbGciOiAiSFMyNTYiLCAidHlwIjogIkpXVCJ9.eyJwYXlsb2FkX2hhc2giOiAiMGMwZTg3N2E0MTZmM2RlYjA0NjA4Y2I5NDJ"
			"hNDM3NmUyZjRjYTQwNGNhYjdhMjJhZmVlN2QwNjlhNTQ0NjgxZCIsICJ1cmxfaGFzaCI6ICI2OTk4ZWRiN2RhY2ExNDQ2ZjRmMzF"
			"iNDc3YmFjNDZmZDc1OTVlZWVlYmY4Mzc0MjliOGIyMWU1MDAwYjcwMzA3IiwgIm5iZiI6IDE3NjcyMjU2MDAsICJleHAiOiAxNzY"
			"3MjI1NjYwfQ.n5Tdv01LnbdFVbRQ3K1igOsyzJDOugunJdqXDTT8cTE" } },
		NULL, NULL, BODY, "bad_signature", -EACCES },
	{ "JWT, over", JWT, { "s3cret", NULL }, KEY_SET,
		{ { "Authorization", "Bearer "
			"eyJhbGciOiAiSFMyNTYiLCAidHlwIjogIkpXVCJ9.eyJwYXlsb2FkX2hhc2giOiAiMGMwZTg3N2E0MTZmM2RlYjA0NjA4Y2I5NDJ"
			"hNDM3NmUyZjRjYTQwNGNhYjdhMjJhZmVlN2QwNjlhNTQ0NjgxZCIsICJ1cmxfaGFzaCI6ICJlODVhOTAxYjk5OTI2YmQ4YzRiMDE"
			"xNDYxMTBmOGQyMGY3MDZkNzdjNzU3MWNkYzNlMzBlOGFmOTliNzRkYjBhIiwgIm5iZiI6IDE3NjcyMjU2MDAsICJleHAiOiAxNzY"
			"3MjI1MDAwfQ.g1Ogu5-CWQ8t0OZx68gOEWMgxBzHnQ88-MwuauAySF0" } },
		NULL, NULL, BODY, "stale", -EACCES },
	{ "JWT, not yet", JWT, { "s3cret", NULL }, KEY_SET,
		{ { "Authorization", "Bearer "
			"eyJhbGciOiAiSFMyNTYiLCAidHlwIjogIkpXVCJ9.eyJwYXlsb2FkX2hhc2giOiAiMGMwZTg3N2E0MTZmM2RlYjA0NjA4Y2I5NDJ"
			"hNDM3NmUyZjRjYTQwNGNhYjdhMjJhZmVlN2QwNjlhNTQ0NjgxZCIsICJ1cmxfaGFzaCI6ICJlODVhOTAxYjk5OTI2YmQ4YzRiMDE"
			"xNDYxMTBmOGQyMGY3MDZkNzdjNzU3MWNkYzNlMzBlOGFmOTliNzRkYjBhIiwgIm5iZiI6IDE3NjcyMjkwMDAsICJleHAiOiAxNzY"
			"3MjI1NjYwfQ.YcBewcXUceXoECY7uyrhAw7zJrc1kGnmDNNRzWhhX4c" } },
		NULL, NULL, BODY, "stale", -EACCES },
	{ "JWT, no end", JWT, { "s3cret", NULL }, KEY_SET,
		{ { "Authorization", "Bearer "
			"eyJhbGciOiAiSFMyNTYiLCAidHlwIjogIkpXVCJ9.eyJwYXlsb2FkX2hhc2giOiAiMGMwZTg3N2E0MTZmM2RlYjA0NjA4Y2I5NDJ"
			"hNDM3NmUyZjRjYTQwNGNhYjdhMjJhZmVlN2QwNjlhNTQ0NjgxZCIsICJ1cmxfaGFzaCI6ICJlODVhOTAxYjk5OTI2YmQ4YzRiMDE"
			"xNDYxMTBmOGQyMGY3MDZkNzdjNzU3MWNkYzNlMzBlOGFmOTliNzRkYjBhIiwgIm5iZiI6IDE3NjcyMjU2MDB9.cJx9LV0Dw8SQZC"
			"lfLDgjos8jAbklCEvawsQtlzSViAM" } },
		NULL, NULL, BODY, "no_time", -EACCES },
	{ "JWT, its time alone", JWT, { "s3cret", NULL }, KEY_SET,
		{ { "Authorization", "Bearer "
			"eyJhbGciOiAiSFMyNTYiLCAidHlwIjogIkpXVCJ9.eyJwYXlsb2FkX2hhc2giOiAiMGMwZTg3N2E0MTZmM2RlYjA0NjA4Y2I5NDJ"
			"hNDM3NmUyZjRjYTQwNGNhYjdhMjJhZmVlN2QwNjlhNTQ0NjgxZCIsICJ1cmxfaGFzaCI6ICJlODVhOTAxYjk5OTI2YmQ4YzRiMDE"
			"xNDYxMTBmOGQyMGY3MDZkNzdjNzU3MWNkYzNlMzBlOGFmOTliNzRkYjBhIiwgIm5iZiI6IDE3NjcyMjU2MDAsICJpYXQiOiAxNzY"
			"3MjI1NjAwfQ.9gei5wXHzz1UoHCsb0GfNaHzEzVXr7wfhaGAgxVeWxE" } },
		NULL, NULL, BODY, NULL, 0 },
	{ "JWT, an old time alone", JWT, { "s3cret", NULL }, KEY_SET,
		{ { "Authorization", "Bearer "
			"eyJhbGciOiAiSFMyNTYiLCAidHlwIjogIkpXVCJ9.eyJwYXlsb2FkX2hhc2giOiAiMGMwZTg3N2E0MTZmM2RlYjA0NjA4Y2I5NDJ"
			"hNDM3NmUyZjRjYTQwNGNhYjdhMjJhZmVlN2QwNjlhNTQ0NjgxZCIsICJ1cmxfaGFzaCI6ICJlODVhOTAxYjk5OTI2YmQ4YzRiMDE"
			"xNDYxMTBmOGQyMGY3MDZkNzdjNzU3MWNkYzNlMzBlOGFmOTliNzRkYjBhIiwgIm5iZiI6IDE3NjcyMjU2MDAsICJpYXQiOiAxNzY"
			"3MjIwMDAwfQ.1U29NUNifWTPDi06xn594jcZcq8px3w-sU3x03RdEjo" } },
		NULL, NULL, BODY, "stale", -EACCES },
	{ "JWT, a time that is none", JWT, { "s3cret", NULL }, KEY_SET,
		{ { "Authorization", "Bearer "
			"eyJhbGciOiAiSFMyNTYiLCAidHlwIjogIkpXVCJ9.eyJwYXlsb2FkX2hhc2giOiAiMGMwZTg3N2E0MTZmM2RlYjA0NjA4Y2I5NDJ"
			"hNDM3NmUyZjRjYTQwNGNhYjdhMjJhZmVlN2QwNjlhNTQ0NjgxZCIsICJ1cmxfaGFzaCI6ICJlODVhOTAxYjk5OTI2YmQ4YzRiMDE"
			"xNDYxMTBmOGQyMGY3MDZkNzdjNzU3MWNkYzNlMzBlOGFmOTliNzRkYjBhIiwgIm5iZiI6IDE3NjcyMjU2MDAsICJleHAiOiAibmV"
			"2ZXIifQ.jKCZtx84yujoWqewdMzoKvki39XmV806MxOu_BLDxzs" } },
		NULL, NULL, BODY, "no_time", -EACCES },
	{ "JWT, two parts", JWT, { "s3cret", NULL }, KEY_SET,
		{ { "Authorization", "Bearer "
			"a.b" } },
		NULL, NULL, BODY, "bad_signature", -EACCES },
	{ "JWT, four parts", JWT, { "s3cret", NULL }, KEY_SET,
		{ { "Authorization", "Bearer "
			"eyJhbGciOiAiSFMyNTYiLCAidHlwIjogIkpXVCJ9.eyJwYXlsb2FkX2hhc2giOiAiMGMwZTg3N2E0MTZmM2RlYjA0NjA4Y2I5NDJ"
			"hNDM3NmUyZjRjYTQwNGNhYjdhMjJhZmVlN2QwNjlhNTQ0NjgxZCIsICJ1cmxfaGFzaCI6ICJlODVhOTAxYjk5OTI2YmQ4YzRiMDE"
			"xNDYxMTBmOGQyMGY3MDZkNzdjNzU3MWNkYzNlMzBlOGFmOTliNzRkYjBhIiwgIm5iZiI6IDE3NjcyMjU2MDAsICJleHAiOiAxNzY"
			"3MjI1NjYwfQ.2d9VpI0xOqC3--Lw2q939bvH175BkibVgW131Sitg-0.x" } },
		NULL, NULL, BODY, "bad_signature", -EACCES },
	{ "JWT, no object", JWT, { "s3cret", NULL }, KEY_SET,
		{ { "Authorization", "Bearer "
			"W10.e30.iFdHSGGU-XbbFEohd5xBUeT9rHf2VLgTqoiOnDJvOqc" } },
		NULL, NULL, BODY, "bad_signature", -EACCES },
	{ "JWT, none", JWT, { "s3cret", NULL }, KEY_SET, { { 0 } }, NULL, NULL, BODY, "no_signature", -EACCES },
	{ "SNS, nothing", SNS, SNS_SET, { { 0 } }, NULL, NULL, "{\"TopicArn\":\"arn:aws:sns:eu-west-1:1:ours\"}", "no_signature", -EACCES },
};

static void check_says(void **state)
{
	const struct checked *row = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(adapter_freep) struct adapter *adapter = parse(row->json);
	struct call call = { .keys = row->keys, .request = { .url = row->url, .path_secret = row->path_secret, .headers = row->headers,
		.body = row->body, .body_len = strlen(row->body), .now = NOW } };
	struct hook_proof proof;
	struct err err = { 0 };
	int r;

	memcpy(call.settings, row->settings, sizeof(call.settings));
	while (row->headers[call.request.header_count].name)
		call.request.header_count++;
	r = verify(adapter, row->path, &call, arena, &proof, &err);
	if (r != row->result || strcmp(err.code, row->code ? row->code : "") != 0)
		fail_msg("%d %s %s", r, err.code, err.text);
	if (r == 0)
		assert_int_equal(proof.verified, strcmp(row->name, "none: anybody") != 0);
}

/* Telnyx: timestamp | body under Ed25519; the key is 32 bytes in base64. */
static void ed25519_is_checked(void **state)
{
	static const uint8_t seed[ED25519_SEED_SIZE] = { 7 };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(adapter_freep) struct adapter *adapter = parse(VERIFY(
		"{\"kind\":\"ed25519\",\"key\":\"{config.public}\",\"parts\":[{\"header\":\"telnyx-timestamp\"},{\"literal\":\"|\"},{\"body\":true}],"
		"\"signature\":{\"header\":\"telnyx-signature-ed25519\",\"encoding\":\"base64\"}" STAMPED("telnyx-timestamp", "s") "}"));
	CLEANUP(buf_clear) struct buf key = { 0 }, signature = { 0 };
	static const char text[] = "1767225600|" BODY;
	uint8_t public[ED25519_KEY_SIZE], bytes[ED25519_SIGNATURE_SIZE];
	struct http_header headers[2];
	struct call call = { .request = { .headers = headers, .header_count = 2, .body = BODY, .body_len = strlen(BODY), .now = NOW } };
	struct hook_proof proof;
	struct err err = { 0 };

	(void)state;
	ed25519_public_key(seed, public);
	ed25519_sign(seed, text, strlen(text), bytes);
	base64_add(&key, public, sizeof(public));
	base64_add(&signature, bytes, sizeof(bytes));
	call.settings[0] = "public";
	call.settings[1] = key.data;
	headers[0] = (struct http_header){ "Telnyx-Timestamp", "1767225600" };
	headers[1] = (struct http_header){ "Telnyx-Signature-Ed25519", signature.data };
	assert_int_equal(verify(adapter, "", &call, arena, &proof, &err), 0);
	call.request.now = NOW + 300000; /* ten seconds too late */
	assert_int_equal(verify(adapter, "", &call, arena, &proof, &err), -EACCES);
	assert_string_equal(err.code, "stale");
	headers[0].value = "1767225601";
	call.request.now = NOW;
	err_clear(&err);
	assert_int_equal(verify(adapter, "", &call, arena, &proof, &err), -EACCES);
	assert_string_equal(err.code, "bad_signature");
}

/* Mailgun: the token is signed, not what it comes with, so the token counts once. */
static void a_token_counts_once(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(adapter_freep) struct adapter *adapter = NULL;
	static const char *const json[] = { MAILGUN };
	struct call call = { .keys = { "s3cret", NULL }, .settings = { "key", "key" }, .request = { .now = NOW } };
	struct hook_proof proof, other;
	uint8_t mac[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];

	(void)state;
	adapter = parse(json[0]);
	hmac_sha256("s3cret", 6, "1767225600tok", 13, mac);
	call.request.body = arena_printf(arena, "{\"signature\":{\"timestamp\":\"1767225600\",\"token\":\"tok\",\"signature\":\"%s\"},\"type\":1}",
		hex_format(mac, sizeof(mac), hex));
	call.request.body_len = strlen(call.request.body);
	assert_int_equal(verify(adapter, "", &call, arena, &proof, NULL), 0);
	assert_non_null(proof.once);
	call.request.body = arena_printf(arena, "{\"signature\":{\"timestamp\":\"1767225600\",\"token\":\"tok\",\"signature\":\"%s\"},\"type\":2}", hex);
	assert_int_equal(verify(adapter, "", &call, arena, &other, NULL), 0);
	assert_string_equal(proof.once, other.once); /* the caller sees that it was used for something else */
}

/* --- reading ------------------------------------------------------------------------------------------------------------------ */

static void expect(struct buf *out, const struct hook_event *e)
{
	buf_printf(out, "%s", hook_words[e->word]);
	if (e->attempt_id)
		buf_printf(out, " attempt=%s", e->attempt_id);
	if (e->message_id)
		buf_printf(out, " message=%s", e->message_id);
	if (e->at)
		buf_printf(out, " at=%lld", (long long)e->at);
	if (e->reason)
		buf_printf(out, " reason=%s", e->reason);
	if (e->address)
		buf_printf(out, " address=%s", e->address);
	if (e->text)
		buf_printf(out, " text=%s", e->text);
	buf_add_str(out, "; ");
}

#define FORM(events) HOOKS("[{\"parse\":\"form\",\"verify\":{\"kind\":\"none\",\"why\":\"x\"},\"events\":{" events "}}]")

#define PART(name, value) "--B\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"

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
		"bounced_soft address=ann@example.com; stopped reason=Unsubscribed Address; bounced_soft reason=Other; opened; complained; ignored; "
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
	{ "one object instead of a list", NULL, "sendgrid", "", NULL, "{\"event\":\"delivered\"}", "delivered; ", NULL, NULL },
	{ "no event", NULL, "sendgrid", "", NULL, "[]", "", NULL, NULL },
	{ "a list of words", NULL, "sendgrid", "", NULL, "[\"x\"]", NULL, "wrong_type", NULL },
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
	{ "times with a fraction, in ms, and none",
		TELLS("\"attempt\":\"/a\",\"time\":\"/t\",\"type\":\"/type\"," MAP), NULL, "", NULL,
		"[{\"type\":\"ok\",\"t\":1767225600.25},{\"type\":\"ok\",\"t\":1767225600123},{\"type\":\"ok\",\"t\":\"soon\"},{\"type\":\"ok\",\"t\":-5}]",
		"delivered at=1767225600250; delivered at=1767225600123; delivered; delivered; ", NULL, NULL },
#define PARTS(type, body, says, code) \
	FORM("\"attempt\":\"/a\",\"type\":\"/t\",\"text\":\"/text\"," MAP), NULL, "", NULL, body, says, code, type
	{ "multipart", PARTS("multipart/form-data; boundary=B", "preamble\r\n" PART("t", "ok")
		"--B\r\ncontent-type: application/pdf\r\nCONTENT-DISPOSITION: form-data; name=\"text\"; filename=\"a.pdf\"\r\n\r\n%PDF\r\n"
		PART("a", ATTEMPT) PART("text", "one\r\ntwo--B") PART("e", "") "--B--\r\nafter",
		"delivered attempt=" ATTEMPT " text=one\r\ntwo--B; ", NULL) },
	{ "multipart, quoted boundary", PARTS("Multipart/Form-Data; charset=utf-8; boundary=\"B\"", PART("t", "ok") "--B--", "delivered; ", NULL) },
	{ "multipart without end", PARTS("multipart/form-data; boundary=B", PART("t", "ok"), NULL, "bad_form") },
	{ "multipart cut off in a part", PARTS("multipart/form-data; boundary=B", "--B\r\nContent-Disposition: form-data; name=\"t\"\r\n", NULL, "bad_form") },
	{ "multipart without a name", PARTS("multipart/form-data; boundary=B", "--B\r\nContent-Type: text/plain\r\n\r\nx\r\n--B--", NULL, "bad_form") },
	{ "multipart without boundary", PARTS("multipart/form-data", PART("t", "ok") "--B--", NULL, "bad_form") },
	{ "multipart, another boundary", PARTS("multipart/form-data; boundary=C", PART("t", "ok") "--B--", NULL, "bad_form") },
	{ "multipart, a long boundary", PARTS("multipart/form-data; boundary=" TEN TEN TEN TEN TEN TEN TEN "b", PART("t", "ok") "--B--", NULL, "bad_form") },
	{ "multipart, empty", PARTS("multipart/form-data; boundary=B", "", NULL, "bad_form") },
	{ "multipart, bad UTF-8, a name without quotes", PARTS("multipart/form-data; boundary=B", "--B\r\nContent-Disposition: form-data; name=t\r\n\r\n\xff\r\n--B--", "other; ", NULL) },
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

#define CASES (ARRAY_LEN(refusals) + ARRAY_LEN(checks) + ARRAY_LEN(readings))

int main(void)
{
	static const struct CMUnitTest single[] = {
		cmocka_unit_test(vectors_hold),
		cmocka_unit_test(ed25519_is_checked),
		cmocka_unit_test(a_token_counts_once),
		cmocka_unit_test(ids_tell_events_apart),
		cmocka_unit_test(a_question_is_told),
		cmocka_unit_test(webhooks_are_listed),
	};
	static struct CMUnitTest tests[CASES + ARRAY_LEN(single)];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(refusals); i++)
		tests[n++] = (struct CMUnitTest){ refusals[i].json, refusal_says, NULL, NULL, (void *)(uintptr_t)&refusals[i] };
	for (size_t i = 0; i < ARRAY_LEN(checks); i++)
		tests[n++] = (struct CMUnitTest){ checks[i].name, check_says, NULL, NULL, (void *)(uintptr_t)&checks[i] };
	for (size_t i = 0; i < ARRAY_LEN(readings); i++)
		tests[n++] = (struct CMUnitTest){ readings[i].name, reading_gives, NULL, NULL, (void *)(uintptr_t)&readings[i] };
	memcpy(tests + n, single, sizeof(single));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
