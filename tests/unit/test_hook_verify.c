/* Whether a request is the provider's: signatures made by the providers' own functions taken, tampered ones denied, secrets compared. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/hash.h"
#include "common/json.h"
#include "common/utc.h"
#include "tests/unit/hook_samples.h"
#include "tests/unit/hook_testing.h"

/* The published vectors: good ones are taken, tampered ones refused; and no single bit of a good body may be another. */
#define STAMPED(header, unit) ",\"timestamp\":{\"header\":\"" header "\",\"unit\":\"" unit "\"}"
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
	*key = "webhook_secret";
	return shipped(arena, strcmp(kind, "svix") == 0 ? "resend" : "lob");
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
		if (valid && strcmp(text_of(&vector, "kind"), "sendgrid") == 0) { /* eight days on its event is forgotten */
			call.request.now += 8 * DAY_MS;
			assert_int_equal(verify(adapter, hook, &call, arena, &proof, NULL), -EACCES);
			call.request.now -= 8 * DAY_MS;
		}
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
	{ "SHA-512", VERIFY(SIGNED(",\"hash\":\"sha512\"")), "", { "s3cret", NULL }, KEY_SET,
		{ { "S", "a2289bea021901de677766fe1ec6e99be94a72f04d9d405844d355784bf317db"
			 "17cf3cf019726f69d86c09a8bd99962efdbc09dc05697c935f7de7b8e06285f4" } }, NULL, NULL, BODY, NULL, 0 },
	{ "SHA-512, and a digest of SHA-256", VERIFY(SIGNED(",\"hash\":\"sha512\"")), "", { "s3cret", NULL }, KEY_SET,
		{ { "S", "6c6c9c3ef3497a9360b57169377042262df09d2f2ea5ce006b6edcfe2ee5b5e8" } }, NULL, NULL, BODY, "bad_signature", -EACCES },
	{ "odd hex", VERIFY(SIGNED("")), "", { "s3cret", NULL }, KEY_SET, { { "S", "abc" } }, NULL, NULL, BODY, "bad_signature", -EACCES },
	{ "short", VERIFY(SIGNED("")), "", { "s3cret", NULL }, KEY_SET, { { "S", "00" } }, NULL, NULL, BODY, "bad_signature", -EACCES },
	{ "key that is no base64", VERIFY(SIGNED(",\"key_encoding\":\"base64\"")), "", { "!", NULL }, KEY_SET, { { "S", "00" } }, NULL, NULL,
		BODY, "no_key", -ENOENT },
	{ "signature twice", VERIFY(SIGNED("")), "", { "s3cret", NULL }, KEY_SET, { { "S", "00" }, { "s", "00" } }, NULL, NULL, BODY, "twice",
		-EACCES },
#define SNS_FILE VERIFY("{\"kind\":\"sns\",\"topic\":\"{config.user}\",\"certificate\":\"{config.public}\"}")
#define SNS SNS_FILE, "", { 0 }
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

/* An event is known for a week: what is older would be new again, and what is from the future stays fresh for longer than it is known. */
static void a_week_old_is_stale(void **state)
{
	static const struct {
		int64_t after; /* ms behind the signature's time */
		bool stale;
	} rows[] = { { 0, false }, { 6 * DAY_MS, false }, { 7 * DAY_MS, true }, { -4 * MINUTE_MS, false }, { -6 * MINUTE_MS, true } };
	static const char *const texts[] = { sns_v1, sns_v2 };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(adapter_freep) struct adapter *adapter = parse(SNS_FILE);
	CLEANUP(adapter_freep) struct adapter *long_time = parse(VERIFY(SIGNED(",\"timestamp\":{\"header\":\"T\",\"tolerance_s\":604500}")));
	struct http_header headers[] = { { "S", "6c6c9c3ef3497a9360b57169377042262df09d2f2ea5ce006b6edcfe2ee5b5e8" }, { "T", "1767225600" } };
	struct hook_proof proof;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct call call = { .settings = SNS_SET, .request = { .now = INT64_C(1767225600000) + rows[i].after } };
		struct call signed_call = { .keys = { "s3cret", NULL }, .settings = KEY_SET, .request = { .headers = headers, .header_count = 2,
			.body = BODY, .body_len = strlen(BODY), .now = call.request.now } };
		struct err err = { 0 };

		for (size_t k = 0; k < ARRAY_LEN(texts); k++) {
			call.request.body = texts[k];
			call.request.body_len = strlen(texts[k]);
			err_clear(&err);
			assert_int_equal(verify(adapter, "", &call, arena, &proof, &err), rows[i].stale ? -EACCES : 0);
			assert_string_equal(err.code, rows[i].stale ? "stale" : "");
		}
		err_clear(&err);
		assert_int_equal(verify(long_time, "", &signed_call, arena, &proof, &err), rows[i].stale ? -EACCES : 0);
		assert_string_equal(err.code, rows[i].stale ? "stale" : "");
	}
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

#define PLIVO(parse, path) \
	"{\"parse\":\"" parse "\",\"path\":\"" path "\",\"verify\":{\"kind\":\"hmac\",\"key\":\"{config.key}\",\"parts\":[{\"url_sorted\":\".\"}," \
	"{\"form_sorted\":true},{\"literal\":\".\"},{\"header\":\"nonce\"}],\"signature\":{\"header\":\"S\",\"encoding\":\"base64\"," \
	"\"separator\":\",\"}}," EVENTS "}"

/* Signed by Plivo's own function: github.com/plivo/plivo-python, plivo/utils/signature_v3.py. */
static const struct {
	const char *path, *url, *body, *nonce, *signature;
} plivo_rows[] = {
	{ "form", "https://dunning.example/hooks/plivo/status?d=" ATTEMPT "&a=b%20c", "To=33612345678&MessageUUID=u-1&Status=delivered&From=33700000000",
		"12345", "U0LhSmlNgpNmY6T61iSn2Xxv28DWCbsHD2FFRey5NMo=" },
	{ "form", "https://dunning.example/hooks/plivo/inbound", "MessageUUID=u-2&From=33612345678&Text=Je+r%C3%A8gle+%2B+demain&Empty=", "n2",
		"2hRu8/NSvfSYlJpai/aew3lmBSQoXe6cSXSgge37XQs=" },
	{ "form", "https://dunning.example/hooks/plivo/status?d=" ATTEMPT, "", "n3", "AAAA, v/Wg0o+CTcvZfB26UoxiSo4+fgnVDGCd3p0DT9msbyI=" },
	{ "asked", "https://dunning.example/hooks/plivo/status?Status=delivered&MessageUUID=u-1&a=x%26y&d=" ATTEMPT, NULL, "n4",
		"t3et9eW4SH6qvQ9eBju95mI86ouykTeV3my5+jOiD4A=" },
};

/* The address with its query in order, and of a POST the form: nothing of either may change. */
static void a_sorted_query_is_signed(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(adapter_freep) struct adapter *adapter = parse(HOOKS("[" PLIVO("form", "form") "," PLIVO("query", "asked") "]"));

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(plivo_rows); i++) {
		char *url = arena_strdup(arena, plivo_rows[i].url), *body = strchr(url, '?') ? strchr(url, '?') + 1 : url;
		struct http_header headers[] = { { "content-type", "application/x-www-form-urlencoded" }, { "nonce", plivo_rows[i].nonce },
			{ "s", plivo_rows[i].signature } };
		struct call call = { .keys = { "MzAyNDk2NmQ5", NULL }, .settings = { "key", "key" },
			.request = { .url = url, .headers = headers, .header_count = ARRAY_LEN(headers), .now = NOW } };
		struct hook_proof proof;
		struct err err = { 0 };

		if (plivo_rows[i].body)
			body = arena_strdup(arena, plivo_rows[i].body);
		call.request.body = body;
		call.request.body_len = strlen(body);
		if (verify(adapter, plivo_rows[i].path, &call, arena, &proof, &err) < 0)
			fail_msg("row %zu: %s %s", i, err.code, err.text);
		for (char *p = url + 8; *p; p++) {
			*p ^= 1;
			if (*p != '#' && verify(adapter, plivo_rows[i].path, &call, arena, &proof, NULL) == 0)
				fail_msg("row %zu: taken with %s", i, url);
			*p ^= 1;
		}
		for (char *p = body; *p && plivo_rows[i].body; p++) {
			*p ^= 1;
			if (verify(adapter, plivo_rows[i].path, &call, arena, &proof, NULL) == 0)
				fail_msg("row %zu: taken with %s", i, body);
			*p ^= 1;
		}
		headers[1].value = "n5";
		assert_int_equal(verify(adapter, plivo_rows[i].path, &call, arena, &proof, NULL), -EACCES);
	}
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

/* Of several that are given the one that lasts longest: the next one lies there before it is needed. */
static void until_its_certificates_end(void **state)
{
	static const struct {
		const char *settings[5], *setting; /* NULL: none */
		int64_t until;
	} rows[] = {
		{ { "public", sns_certificate }, "public", INT64_C(4949506132000) },
		{ { "public", "-----BEGIN", "user", sns_certificate }, "user", INT64_C(4949506132000) },
		{ { "public", sns_certificate, "user", "-----BEGIN" }, "public", INT64_C(4949506132000) },
		{ { "public", "-----BEGIN", "user", "" }, "public", 0 },
		{ { "public", "" }, NULL, 0 },
		{ { NULL }, NULL, 0 },
	};
	CLEANUP(adapter_freep) struct adapter *sns = parse(VERIFY("{\"kind\":\"sns\",\"topic\":\"{config.user}\",\"certificate\":[\"{config.public}\",\"{config.user}\"]}"));
	CLEANUP(adapter_freep) struct adapter *other = parse(VERIFY("{\"kind\":\"path_secret\",\"value\":\"{config.key}\"}"));
	static const char *const key[] = { "key", sns_certificate, NULL };
	const char *setting = NULL;
	int64_t until = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		bool given = hook_certificate(adapter_hook(sns, ""), &(struct provider_settings){ .settings = rows[i].settings }, &setting, &until);

		assert_int_equal(given, rows[i].setting != NULL);
		if (!given)
			continue;
		assert_string_equal(setting, rows[i].setting);
		assert_int_equal(until, rows[i].until);
	}
	assert_false(hook_certificate(adapter_hook(other, ""), &(struct provider_settings){ .settings = key }, &setting, &until));
}

int main(void)
{
	static const struct CMUnitTest single[] = {
		cmocka_unit_test(until_its_certificates_end),
		cmocka_unit_test(vectors_hold),
		cmocka_unit_test(a_week_old_is_stale),
		cmocka_unit_test(ed25519_is_checked),
		cmocka_unit_test(a_sorted_query_is_signed),
		cmocka_unit_test(a_token_counts_once),
	};
	static struct CMUnitTest tests[ARRAY_LEN(checks) + ARRAY_LEN(single)];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(checks); i++)
		tests[n++] = (struct CMUnitTest){ checks[i].name, check_says, NULL, NULL, (void *)(uintptr_t)&checks[i] };
	memcpy(tests + n, single, sizeof(single));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
