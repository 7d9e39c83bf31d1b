/*
 * The language of provider files beyond one JSON request: files and trees in bodies, requests that are signed, tokens and steps before
 * the one that sends, answers that are read with care.
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
#include "common/cleanup.h"
#include "common/utc.h"
#include "tests/unit/adapter_parsed.h"

#define HEAD \
	"\"tables\":{\"land\":{\"FR\":\"france\",\"BE\":\"belgique\"},\"any\":{\"de\":\"x\",\"*\":\"y\"}},\"adapter\":1,\"name\":\"x\",\"channel\":[\"email\",\"sms\",\"letter\"],\"config\":{\"base\":{\"default\":\"https://x.example\"}," \
	"\"token\":{\"secret\":true},\"user\":{}}"
/* So that whatever the body holds, the files have a place. */
#define FILES ",\"features\":{\"attachments\":true},\"steps\":[{\"name\":\"upload\",\"request\":{\"method\":\"POST\",\"url\":" \
	"\"https://x.example/files\",\"auth\":{\"kind\":\"none\"},\"body\":{\"kind\":\"json\",\"value\":[{\"$each\":\"attachments\",\"do\":\"{item.data|base64}\"}]}},\"bind\":{\"id\":\"/id\"}}]"
#define RESPONSE "\"response\":{\"id\":\"/id\"}"
#define SENT(members) "{" HEAD FILES ",\"send\":{\"method\":\"POST\",\"url\":\"https://x.example/a?b=c\",\"auth\":{\"kind\":\"none\"}," \
	members "}," RESPONSE "}"
#define AUTH(auth, more) "{" HEAD ",\"send\":{\"method\":\"POST\",\"url\":\"https://x.example/a?b=c\",\"auth\":" auth more "}," RESPONSE "}"
#define SIGNED(more) AUTH("{\"kind\":\"signed\"," more "}", ",\"body\":{\"kind\":\"raw\",\"type\":\"text/plain\",\"value\":\"{subject}\"}")
#define BODY(value) SENT("\"body\":{\"kind\":\"json\",\"value\":" value "}")
#define FORM(fields) SENT("\"body\":{\"kind\":\"form\",\"fields\":" fields "}")
#define MULTIPART(fields) SENT("\"body\":{\"kind\":\"multipart\",\"fields\":" fields "}")
#define RAW(body) SENT("\"body\":{\"kind\":\"raw\"," body "}")
#define SEND_OK "\"send\":{\"method\":\"POST\",\"url\":\"https://x.example\",\"auth\":{\"kind\":\"none\"}}"
#define RULE(rule) "{" HEAD "," SEND_OK ",\"response\":{\"id\":\"/id\",\"rules\":[" rule "]}}"
#define ASK "\"request\":{\"method\":\"POST\",\"url\":\"https://x.example/ask\",\"auth\":{\"kind\":\"none\"}}"
#define TOKEN(token) "{" HEAD ",\"token\":" token "," SEND_OK "," RESPONSE "}"
#define STEPS(steps) "{" HEAD ",\"steps\":" steps "," SEND_OK "," RESPONSE "}"
#define NOW INT64_C(1775030400123) /* 2026-04-01T08:00:00.123Z */
#define ATTEMPT "01JX9000000000000000000000"

/* --- refusals -------------------------------------------------------------------------------------------------------- */

static const struct refusal {
	const char *json, *code, *path, *says;
} refusals[] = {
	/* bodies */
	{ BODY("\"{attachments}\""), "bad_value", "$.send.body.value", "use |base64" },
	{ BODY("\"{pdf.data}\""), "bad_value", "$.send.body.value", "use |base64" },
	{ BODY("\"a{pdf.data}\""), "bad_value", "$.send.body.value", "use |base64" },
	{ BODY("\"{pdf.data|json}\""), "bad_filter", "$.send.body.value", "cannot be applied" },
	{ BODY("\"{item.name}\""), "unknown_value", "$.send.body.value", "no meaning here" },
	{ BODY("{\"$each\":\"invoices\",\"do\":\"{item.name}\"}"), "unknown_value", "$.send.body.value.do", "no meaning here" },
	{ BODY("{\"$each\":\"attachments\",\"do\":\"{item}\"}"), "unknown_value", "$.send.body.value.do", "no meaning here" },
	{ BODY("{\"$file\":\"pdf.data\",\"filename\":\"x\",\"type\":\"y\"}"), "unknown_operator", "$.send.body.value", "multipart" },
	{ BODY("{\"$json\":{\"a\":\"{nothing}\"}}"), "unknown_value", "$.send.body.value.$json.a", "" },
	{ BODY("{\"a\":{\"$json\":1,\"b\":2}}"), "unknown_member", "$.send.body.value.a.b", "" },
	{ BODY("\"{text|gsm7:a}\""), "bad_filter", "$.send.body.value", "two words" },
	{ BODY("\"{text|last:x}\""), "bad_filter", "$.send.body.value", "a number" },
	{ BODY("\"{locale|table:nothing}\""), "bad_filter", "$.send.body.value", "no \"nothing\" under tables" },
	{ "{\"tables\":{\"a\":7},\"adapter\":1,\"name\":\"x\",\"channel\":\"sms\"}", "wrong_type", "$.tables.a", "words" },
	{ "{\"tables\":{\"a b\":{}},\"adapter\":1,\"name\":\"x\",\"channel\":\"sms\"}", "bad_id", "$.tables.a b", "" },
	{ "{\"tables\":{\"a\":{\"b\":7}},\"adapter\":1,\"name\":\"x\",\"channel\":\"sms\"}", "wrong_type", "$.tables.a.b", "" },
	{ BODY("\"{request.url}\""), "unknown_value", "$.send.body.value", "no meaning here" },
	{ BODY("\"{signature}\""), "unknown_value", "$.send.body.value", "no meaning here" },
	{ BODY("\"{token}\""), "unknown_value", "$.send.body.value", "no section token" },
	{ BODY("\"{steps.up.url}\""), "unknown_value", "$.send.body.value", "no step before this one binds \"up.url\"" },
	{ FORM("[[\"a\",{\"$file\":\"pdf.data\",\"filename\":\"x\",\"type\":\"y\"}]]"), "unknown_operator", "$.send.body.fields[0][1]",
		"multipart" },
	{ FORM("[[\"a\",{\"$json\":\"{nothing}\"}]]"), "unknown_value", "$.send.body.fields[0][1].$json", "" },
	{ FORM("[{\"$json\":{}}]"), "wrong_type", "$.send.body.fields[0]", "must be [name, value]" },
	{ MULTIPART("{}"), "wrong_type", "$.send.body.fields", "a list of [name, value]" },
	{ MULTIPART("[[\"a\",{\"$file\":\"pdf.data\",\"filename\":\"x\"}]]"), "missing", "$.send.body.fields[0][1].type", "" },
	{ MULTIPART("[[\"a\",{\"$file\":\"pdf.data\",\"type\":\"x\"}]]"), "missing", "$.send.body.fields[0][1].filename", "" },
	{ MULTIPART("[[\"a\",{\"$file\":\"pdf.name\",\"filename\":\"x\",\"type\":\"y\"}]]"), "bad_value", "$.send.body.fields[0][1].$file", "" },
	{ RAW("\"value\":\"x\""), "missing", "$.send.body.type", "" },
	{ RAW("\"type\":\"text/plain\""), "missing", "$.send.body.value", "" },
	{ RAW("\"type\":\"text/plain\\r\\nX: y\",\"value\":\"x\""), "bad_header", "$.send.body.type", "text/plain" },
	{ SENT("\"headers\":[[\"X-A\",\"a\\r\\nb\"]]"), "control_character", "$.send.headers", "one line" },
	/* where it goes */
	{ "{" HEAD ",\"send\":{\"method\":\"POST\",\"url\":\"http://x.example\",\"auth\":{\"kind\":\"none\"}}," RESPONSE "}", "bad_url",
		"$.send.url", "begin with https://" },
	{ "{\"adapter\":1,\"name\":\"x\",\"channel\":\"sms\",\"config\":{\"base\":{\"default\":\"ftp://x\"}},\"send\":{\"method\":\"POST\","
		"\"url\":\"{config.base}/\",\"auth\":{\"kind\":\"none\"}}," RESPONSE "}", "bad_url", "$.send.url", "\"ftp://x\"" },
	/* auth */
	{ SIGNED("\"hash\":\"sha1\",\"headers\":[]"), "missing", "$.send.auth.parts", "" },
	{ SIGNED("\"parts\":[],\"hash\":\"sha1\",\"headers\":[]"), "missing", "$.send.auth.parts", "not be empty" },
	{ SIGNED("\"parts\":[7],\"hash\":\"sha1\",\"headers\":[]"), "wrong_type", "$.send.auth.parts[0]", "" },
	{ SIGNED("\"parts\":[\"x\"],\"headers\":[]"), "missing", "$.send.auth.hash", "" },
	{ SIGNED("\"parts\":[\"x\"],\"hash\":\"md5\",\"headers\":[]"), "not_one_of", "$.send.auth.hash", "" },
	{ SIGNED("\"parts\":[\"x\"],\"hash\":\"sha1\",\"encoding\":\"base32\",\"headers\":[]"), "not_one_of", "$.send.auth.encoding", "" },
	{ SIGNED("\"parts\":[\"x\"],\"hash\":\"sha1\""), "missing", "$.send.auth.headers", "" },
	{ SIGNED("\"parts\":[\"x\"],\"hash\":\"sha1\",\"headers\":[[\"Host\",\"x\"]]"), "bad_header", "$.send.auth.headers", "not the file's" },
	{ SIGNED("\"parts\":[\"a{request.body}\"],\"hash\":\"sha1\",\"headers\":[]"), "bad_value", "$.send.auth.parts[0]", "" },
	{ SIGNED("\"parts\":[\"x\"],\"hash\":\"sha1\",\"headers\":[],\"secret\":\"x\""), "unknown_member", "$.send.auth.secret", "" },
	{ AUTH("{\"kind\":\"sigv4\",\"service\":\"ses\",\"region\":\"r\",\"key_id\":\"k\"}", ""), "missing", "$.send.auth.secret", "" },
	{ AUTH("{\"kind\":\"sigv4\",\"service\":\"s e s\",\"region\":\"r\",\"key_id\":\"k\",\"secret\":\"s\"}", ""), "bad_id",
		"$.send.auth.service", "like ses" },
	{ AUTH("{\"kind\":\"sigv4\",\"service\":\"ses\",\"region\":\"r\",\"key_id\":\"k\",\"secret\":\"s\"}", ",\"query\":[[\"a\",\"b\"]]"),
		"unknown_member", "$.send.query", "has no query" },
	{ AUTH("{\"kind\":\"jwt_rs256\",\"key\":\"{config.token}\"}", ""), "missing", "$.send.auth.claims", "" },
	{ AUTH("{\"kind\":\"jwt_rs256\",\"claims\":[]}", ""), "missing", "$.send.auth.key", "" },
	{ AUTH("{\"kind\":\"jwt_rs256\",\"claims\":[],\"key\":\"x\",\"lifetime_s\":1}", ""), "out_of_range", "$.send.auth.lifetime_s", "" },
	/* tokens and steps */
	{ TOKEN("7"), "wrong_type", "$.token", "" },
	{ TOKEN("{\"value\":\"/t\"}"), "missing", "$.token.request", "" },
	{ TOKEN("{" ASK "}"), "missing", "$.token.value", "a pointer" },
	{ TOKEN("{" ASK ",\"value\":\"t\"}"), "bad_pointer", "$.token.value", "" },
	{ TOKEN("{" ASK ",\"value\":\"/t\",\"ttl\":1}"), "unknown_member", "$.token.ttl", "" },
	{ TOKEN("{" ASK ",\"value\":\"/t\",\"expires_in\":\"e\"}"), "bad_pointer", "$.token.expires_in", "" },
	{ TOKEN("{" ASK ",\"value\":\"/t\",\"expires_at\":\"e\"}"), "bad_pointer", "$.token.expires_at", "" },
	{ TOKEN("{" ASK ",\"value\":\"/t\",\"lifetime_s\":1}"), "out_of_range", "$.token.lifetime_s", "" },
	{ TOKEN("{" ASK ",\"value\":\"/t\",\"rules\":[{\"status\":500,\"outcome\":\"in_doubt\"}]}"), "not_one_of", "$.token.rules", "nothing was sent" },
	{ TOKEN("{\"request\":{\"method\":\"POST\",\"url\":\"https://x.example\",\"auth\":{\"kind\":\"bearer\",\"token\":\"{token}\"}},"
		"\"value\":\"/t\"}"), "unknown_value", "$.token.request.auth.token", "no section token" },
	{ "{" HEAD ",\"token\":{" ASK ",\"value\":\"/t\"},\"send\":{\"method\":\"POST\",\"url\":\"https://x.example/{token|path}\",\"auth\":"
		"{\"kind\":\"none\"}}," RESPONSE "}", "secret_in_url", "$.send.url", "the token" },
	{ "{" HEAD ",\"token\":{" ASK ",\"value\":\"/t\"},\"send\":{\"method\":\"POST\",\"url\":\"https://x.example\",\"query\":[[\"t\",\"{token}\"]],"
		"\"auth\":{\"kind\":\"none\"}}," RESPONSE "}", "secret_in_url", "$.send.query", "\"token\" is a secret" },
	{ STEPS("{}"), "wrong_type", "$.steps", "" },
	{ STEPS("[7]"), "wrong_type", "$.steps[0]", "" },
	{ STEPS("[{" ASK ",\"bind\":{\"a\":\"/a\"}}]"), "missing", "$.steps[0].name", "" },
	{ STEPS("[{\"name\":\"a.b\"," ASK ",\"bind\":{\"a\":\"/a\"}}]"), "bad_id", "$.steps[0].name", "" },
	{ STEPS("[{\"name\":\"a\",\"bind\":{\"a\":\"/a\"}}]"), "missing", "$.steps[0].request", "" },
	{ STEPS("[{\"name\":\"a\"," ASK "}]"), "missing", "$.steps[0].bind", "" },
	{ STEPS("[{\"name\":\"a\"," ASK ",\"bind\":{}}]"), "out_of_range", "$.steps[0].bind", "" },
	{ STEPS("[{\"name\":\"a\"," ASK ",\"bind\":{\"a b\":\"/a\"}}]"), "bad_id", "$.steps[0].bind.a b", "" },
	{ STEPS("[{\"name\":\"a\"," ASK ",\"bind\":{\"a\":\"a\"}}]"), "bad_pointer", "$.steps[0].bind.a", "" },
	{ STEPS("[{\"name\":\"a\"," ASK ",\"bind\":{\"a\":\"/a\"},\"commit\":true}]"), "unknown_member", "$.steps[0].commit", "" },
	{ STEPS("[{\"name\":\"a\",\"request\":{\"method\":\"POST\",\"url\":\"https://x.example/{steps.a.a|path}\",\"auth\":{\"kind\":\"none\"}},"
		"\"bind\":{\"a\":\"/a\"}}]"), "unknown_value", "$.steps[0].request.url", "no step before this one" },
	/* answers */
	{ RULE("{\"json\":{\"/a\":{\"all\":1}},\"outcome\":\"refused\"}"), "unknown_member", "$.response.rules[0].json./a.all", "\"*\"" },
	{ RULE("{\"json\":{\"/a/*/b/*\":1},\"outcome\":\"refused\"}"), "bad_pointer", "$.response.rules[0].json./a/*/b/*", "only one" },
	{ RULE("{\"json\":{\"/a\":{\"like\":7}},\"outcome\":\"refused\"}"), "wrong_type", "$.response.rules[0].json./a.like", "a text" },
	{ RULE("{\"json\":{\"/a\":{\"like\":\"x\",\"not\":\"y\"}},\"outcome\":\"refused\"}"), "missing", "$.response.rules[0].json./a", "" },
	{ RULE("{\"body\":\"x\",\"outcome\":\"refused\"}"), "wrong_type", "$.response.rules[0].body", "" },
	{ RULE("{\"body\":{\"exists\":true},\"outcome\":\"refused\"}"), "missing", "$.response.rules[0].body", "like" },
	{ RULE("{\"status\":\"4xx\",\"outcome\":\"refused\"},{\"status\":[401,403],\"json\":{\"/a\":1},\"outcome\":\"config\"}"), "unreachable",
		"$.response.rules[1]", "rule 0 takes all of these" },
	{ "{" HEAD "," SEND_OK "," RESPONSE ",\"lookup\":{\"request\":{\"method\":\"GET\",\"url\":\"https://x.example\"},\"match\":\"all\",\"id\":\"/id\"}}",
		"wrong_type", "$.lookup.match", "\"request\"" },
	{ "{" HEAD ",\"limits\":{\"sms_parts\":0}," SEND_OK "," RESPONSE "}", "out_of_range", "$.limits.sms_parts", "" },
	{ "{" HEAD ",\"features\":{\"attachments\":\"base64\"}," SEND_OK "," RESPONSE "}", "wrong_type", "$.features.attachments", "" },
};

static void refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		const struct refusal *row = &refusals[i];
		struct adapter *adapter = NULL;
		struct err err = { 0 };

		if (adapter_parse(row->json, strlen(row->json), &adapter, &err) != -EBADMSG)
			fail_msg("not refused: %s", row->json);
		if (strcmp(err.code, row->code) || strcmp(err.path, row->path) || !err.text[0] || !strstr(err.text, row->says))
			fail_msg("%s\n%s %s %s", row->json, err.code, err.path, err.text);
	}
}

/* --- requests -------------------------------------------------------------------------------------------------------- */

/* Made for this test, and used nowhere else. */
static const char private_key[] =
	"-----BEGIN PRIVATE KEY-----\n"
	"MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQCNnSw1gXS5miCq\n"
	"6gUrryFp0p0WnvYoKCCnx9KDogLWZagJf64IuLUPL+t0atfKOLJ9D7Nw/dxnd4eF\n"
	"lc6Lf+rdq2jFQvTL3fuI/xg/lnsc8dswjPGGN2+LixDYHr3SqyxxSCxi7LGh1tic\n"
	"tChiPBVr2wQQVVBWEIUa3sHtLhkdL5P+PYUsashg6Thoo2rA6nOPRTeB++LwUFWd\n"
	"+kvO1mURNXofezY2rIAIE8iNlBrwST4Oapy0JrLRRIecNlrpEFqoBkX4gKvzaOnc\n"
	"0by1Q0xjcdx5p0lpzEyKk7bObOQSAkS6mkSzdNNjCk+7XnKReFE9BwkCmySM2Lic\n"
	"ZS7IHoB9AgMBAAECggEAH+uU1rWorhpR8TyBMFzQIwaEfqATm68Z1z/JEX8v9Qwi\n"
	"cYusWo5pz3PNdqcLn2sivmJO3/H034SXkVKYZSTO96rGmaozPA28ACAB4vlkJDzW\n"
	"2411dnuh4roUsKZTQrxvLtSmHqE8E9714fKQ5L2m1XIfayAT1OZx3kHmQ/Q/WG62\n"
	"aEaC3hkfLj0vpKVPB49QMliFesS4c9vaxqAXZBdUIlHhDPphtKJAVm2dXonsSnnI\n"
	"pvgrOLwiU+j7A5RZtb5xB4lS014BeBQU8XO2kmc/Rxjz04jYAEnVcB71Ua/nZzrO\n"
	"LPzYJ6ClRGzldNw3w0++MTMzIajYMTKHs46unIV+OQKBgQDDGzwKU3uYhFAnt8P5\n"
	"7ADTdEc43gIn7C/KYLjgAeknKHh/saBFC3waw+OGnO1w7nouGr07tfgyng7btVf4\n"
	"icF0arp0SN+hDn9a9A6JWhWDtHAQrujR7tdKe88wjIA0Ln/wvZZCuf05EM2xJXgD\n"
	"pkd0tBoYy3Adh+X9a9lIQpD7+QKBgQC5z/UZftLtCCMRlhhENJa5UmVkPpEYAIe7\n"
	"V8FOVjEzdyHtL/M3yY7ekmCEEV+O/vp79bDMVvFoaOjKCHBX/7A+pu61YP1Jm/dO\n"
	"AjISZbArjYJFk8nN2qEIWWQ8oR80x6b0y4jP5W3C5dCAPswuS6Bwcy/rwE2va7xo\n"
	"jQ8rs/khpQKBgQCzdYSHVvyTb/iuX8hiRGMKHKU6OHKxN/1JYCgM25USkJYtljt9\n"
	"5q9ziwToF8YLHz/A0pWGq70tCddO3gGZuVP4+gag2TrhUI1yIpSQYAz0BO8jWU8L\n"
	"cm4Ss8kCtelilfbWf/wLSjoR2FPqgjVe3f5R6Ssr7UwlzY+NxzqnzZrAOQKBgBsC\n"
	"JUg9bP9TLXXC8WgIlNf/KAm4JnLssM4EZW6zjJdEe8P0MlArlf64HBtWQyOP4Gzg\n"
	"O4CYKqLYjO3A6EOCQOX6cbwfivGGIB5Qp2KRMVhDS2o9nxmy67FA/Rbq/JQ5aQUw\n"
	"CITffmLT8MiTWC5qg7mUpKSJ4UDcUhiIWGor0MyZAoGBAJJq9lq2sqRz9UPiVv7x\n"
	"ZGcdYLutAgNhlf2u2zUKJgtQGKlikhNdutuHe7IK+h9d7S5EsX5RMuBou9++5feR\n"
	"qtQ7mylhC9cZ9nFq61zHWuV5TQg2g+hG0++Tgr7pom4ai14h/BncUQZHku7/WVTx\n"
	"2ZhSfuK5g0dmZr+zl+oMcG3R\n"
	"-----END PRIVATE KEY-----\n";
static const char other_key[] =
	"-----BEGIN EC PRIVATE KEY-----\n"
	"MHcCAQEEIDimghGr3/GTq/hAjmIUmkTe4EjZr4oTWVrVn60ajqI+oAoGCCqGSM49\n"
	"AwEHoUQDQgAEQE3jsLrp/c79XBFuOfDBpMxTWq1bRaCmvLn/btWgoKD6PKB0MdsF\n"
	"UFmHWU5TcmMK4wFGeP5oBvQiHjD5TLPPXg==\n"
	"-----END EC PRIVATE KEY-----\n";
static const char locked_key[] =
	"-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
	"MIIFLTBXBgkqhkiG9w0BBQ0wSjApBgkqhkiG9w0BBQwwHAQI4/MQ59sM/tsCAggA\n"
	"MAwGCCqGSIb3DQIJBQAwHQYJYIZIAWUDBAEqBBCQ2suLYR6jHKtLCLv3NuVYBIIE\n"
	"0F+PO1n4NDcqKCdZkeP0JB2nat0mcKsJl+ofoQtNFWnfq2WseToWS4oVwzo/VQHu\n"
	"CJSKam3s5bZpXeoZ6AxtBvtQpd2DQqNJO27cMDTtQSQv9oTXjMwheF5Ez45XDmQ4\n"
	"0an08ZDVgvyVgY/ZThB4Op9PgW0OQsRIrTmXIIsERWA+tLVArvL6pfvZwhl3Q436\n"
	"7fiH9sBAQN1Zl/ghqln2r/BLcFQ4NtUocN6VsPQ1YIoyWSCB6OGG9DPy7tHQsVV4\n"
	"2XIipUnXcDn7kJA6tHZfcOn69pd56nMq5a4KF6DyGACJCLslWTMr3HGEtiMs4X1f\n"
	"TPNzMOa0KK8ECwyuwkKst+o/D6YJJ5ghjjXQef2zRp664+ksth2b45zKaASBx3tu\n"
	"nYC/JJpayr4TDFyDhB5+0j1kDONQIiPKiM/eBDbeSTBp+hF4D0zlRW4hGfR7Utei\n"
	"jUnKdChyaPuSf7JPhj4XI0SN8caT9aS8S6BHvtt1CNWJk9sohmWxH5N/aX9bnvWm\n"
	"J3EmUGcs74qcztR1z94ZTluZEeCnbH/zXd1c/5GsJBZQnGUCqDNq+r/nwQgDNlJ6\n"
	"eDxFQ/LjqrKgygJUHLiC0VeymUn9mvlUhmVhpwZQUvvcUmYBvGGTzSNEbqxs+DNl\n"
	"rSLUfZ84qtAO0MEAWD0217CYa+TF9wCzEsNchwAonfRvhGG1I/VEXBvPm9L+OiFy\n"
	"dq7jtxzYImMyxCEzUuNKPgKsfPnz9W44KaPV8sGFeuF0HgQfgyeEL9Dgn//Ja+Wc\n"
	"ichfc1h2Ud8kaeyzjJPEkUDWCihCwzsbT4z+jOG7HfgGrOxjz2HLigzV/+QaIvMS\n"
	"wbdu/wSX00gSOfhiCnTprwIXNHhnX8M+dhpElqjBCd5/sFxdoVSKhQTY9Sh8crS5\n"
	"Cp28Bil5L0/W3x/lE6R8pjiwQrMuTah7B6XxhsXsKpmwCyX9T2VmN+0MTp6ajHy0\n"
	"InVTHVVMKLFMxr7yx+4Z4rG9W7dmksB7i5aXFMDlb2u7BqsFcpIV2DXyj0oRg1d4\n"
	"7hRutai9AxOr6vlsCmrFsKl2QESc8DrmtAOQmzXhfpKirkf7eVWfjKAaBJVDdW+v\n"
	"k0eGChy1uEkIyXZEvcMFc3L6odTBQwOV2bgAcGQs95kzEH66R+fpBkcpE9TZBlp0\n"
	"+vYHC+A+GBPlAFnSmhKcp3vNNDUHPQpIY51w2U5dAbagzdwRR8dDclZ97Fq96QRU\n"
	"PeoQUTuiR3EYblpfcA+kxcJT/fZDNqIuTgx6q2C5a5H3HIncxhT7DUUz9fo/pVKj\n"
	"L5Ao6GwrWF8jOkO2v5z7mCu1Jzc77/G5JBUH2w1nSOdUCgF0GThkrJH91dmrF4vT\n"
	"PqBW2Aej5uTHmz/jTeHKyMT3fCOnZFbsTlH8ELPjDJY0/Urv/Cv28ekt45kr0PIa\n"
	"6ap59Q2kVV3ek5D9fqNKRCDjpgQhIYVVnF0e8e3apZQaNTeuG6i4L0M6A6Sm1W9X\n"
	"BZw+wHL0Ii6m98Ce+AXPbejAc9Y+tnx4HqyivWVdGa3yGvoOnnn03VbRUp3H//P9\n"
	"TniI9G7f/QRFxi0RCB5veY/bl5Jm9RhkxYzIUmP4k1euwzll8RgNtzWqJEd2hYq7\n"
	"UobITSMNM6JzQFn+yJLjk/EcQt7wraw/1UwMwwF1kfUF\n"
	"-----END ENCRYPTED PRIVATE KEY-----\n";

static const char *secret_of(const char *credential, void *arg)
{
	(void)arg;
	return strcmp(credential, "x.token") == 0  ? "s3cr&t" :
	       strcmp(credential, "x.rsa") == 0	   ? private_key :
	       strcmp(credential, "x.ec") == 0	   ? other_key :
	       strcmp(credential, "x.locked") == 0 ? locked_key :
	       strcmp(credential, "x.b64") == 0	   ? "a2V5" :
						     NULL;
}

static const char *const invoice_ids[] = { "inv_1", "inv/2" };
static const struct attachment files[] = { { "Relev\xc3\xa9 1.pdf", "application/pdf", "%PDF\0\r\n--x\xff", 11 }, { "a.txt", "text/plain", "T", 1 } };

static struct message some_message(void)
{
	return (struct message){ .attempt_id = ATTEMPT, .channel = CHANNEL_EMAIL, .provider = "x",
		.to = { .name = "Mme <R&\"oy'>", .email = "a+b@dupont.example", .phone = "+33100000000" },
		.from = { .name = "Soci\xc3\xa9t\xc3\xa9 d\xe2\x80\x99" "exploitation des \xc3\xa9tablissements Dupont", .email = "mail@acme.example" }, .locale = "fr", .subject = "S\xc3\xa9", .text = "Bonjour\n",
		.debtor_id = "cus_7", .step = "reminder", .policy = "p", .invoice_ids = invoice_ids, .invoice_count = 2,
		.to_postal = { .line1 = "1 rue X", .postcode = "75001", .city = "Paris", .country = "FR" }, .attachments = files,
		.attachment_count = ARRAY_LEN(files) };
}

struct built {
	struct arena *arena;
	struct adapter *adapter;
	const char *pairs[5];
	struct provider_settings settings;
	struct message message;
	struct adapter_input input;
	struct http_request request;
	struct err err;
};

static int build_with(struct built *b, const char *json, const char *credential, bool with_files)
{
	*b = (struct built){ .arena = arena_create(), .adapter = parse(json), .message = some_message(),
		.pairs = { "token", credential, "user", "me@example", NULL } };
	if (!with_files)
		b->message.attachment_count = 0;
	b->settings = (struct provider_settings){ .name = "x", .settings = b->pairs };
	b->input = (struct adapter_input){ .settings = &b->settings, .secret = secret_of, .message = &b->message, .now = NOW, .sent_at = NOW };
	return adapter_request(b->adapter, &b->input, b->arena, &b->request, &b->err);
}

static void built_clear(struct built *b)
{
	arena_free(b->arena);
	adapter_free(b->adapter);
}

static const char *header(const struct built *b, const char *name)
{
	for (size_t i = 0; i < b->request.header_count; i++)
		if (strcmp(b->request.headers[i].name, name) == 0)
			return b->request.headers[i].value;
	return NULL;
}

static const struct body_row {
	const char *name, *json, *body; /* NULL: refused with the code in `code` */
	const char *code;
} body_rows[] = {
	{ "files in base64", BODY("[{\"$each\":\"attachments\",\"do\":{\"n\":\"{item.name}\",\"t\":\"{item.type}\",\"d\":\"{item.data|base64}\"}}]"),
		"[{\"n\":\"Relev\xc3\xa9 1.pdf\",\"t\":\"application/pdf\",\"d\":\"JVBERgANCi0teP8=\"},{\"n\":\"a.txt\",\"t\":\"text/plain\",\"d\":\"VA==\"}]",
		NULL },
	{ "the letter's document", BODY("[\"{pdf.name}\",\"{pdf.data|base64}\",\"{pdf.data|sha256}\"]"),
		"[\"Relev\xc3\xa9 1.pdf\",\"JVBERgANCi0teP8=\",\"b03108039ee18b2799bb218a0966a5207264af8d169172e299fa8b075e624253\"]", NULL },
	{ "if there are files", BODY("{\"a\":{\"$if\":\"attachments\",\"then\":1,\"else\":2},\"b\":{\"$if\":\"registered\",\"then\":1,\"else\":2}}"),
		"{\"a\":1,\"b\":2}", NULL },
	{ "where the letter goes", BODY("[\"{to.line1}\",{\"$opt\":\"{to.line2}\"},\"{to.postcode} {to.city}\",\"{to.country}\"]"),
		"[\"1 rue X\",\"75001 Paris\",\"FR\"]", NULL },
	{ "a line that is not there", BODY("\"{to.region}\""), NULL, "missing_value" },
	{ "a tree as text", BODY("{\"a\":{\"$json\":{\"n\":\"{to.name}\",\"l\":[1,\"{invoices}\"]}}}"),
		"{\"a\":\"{\\\"n\\\":\\\"Mme <R&\\\\\\\"oy'>\\\",\\\"l\\\":[1,[\\\"inv_1\\\",\\\"inv/2\\\"]]}\"}", NULL },
	{ "xml", BODY("\"<Say>{to.name|xml}</Say>\""), "\"<Say>Mme &lt;R&amp;&quot;oy&#39;&gt;</Say>\"", NULL },
	{ "digest", BODY("\"{step|sha256}\""), "\"9ce7011ab48f26c2e69f772f41379d695e0b04fefddd78d0b1d4952383ba3995\"", NULL },
	{ "an id as UUID", BODY("\"{dispatch.id|uuid}\""), "\"60e3c0ca-9ba6-4a6a-b451-3efa24994923\"", NULL },
	{ "words of theirs", BODY("[\"{to.country|table:land}\",\"{locale|table:any}\"]"), "[\"france\",\"y\"]", NULL },
	{ "a word that they do not have", BODY("\"{locale|table:land}\""), NULL, "bad_value" },
	{ "an address that is passed on", BODY("[\"{to|mime_address}\",\"{from|mime_address}\"]"),
		"[\"\\\"Mme <R&\\\\\\\"oy'>\\\" <a+b@dupont.example>\",\"=?UTF-8?B?U29jacOpdMOpIGTigJlleHBsb2l0YXRpb24gZGVzIMOpdGFibGlzc2VtZW50?= "
		"=?UTF-8?B?cyBEdXBvbnQ=?= <mail@acme.example>\"]", NULL },
	{ "last", BODY("[\"{dispatch.id|last:20}\",\"{subject|last:1}\",\"{subject|last:9}\"]"),
		"[\"00000000000000000000\",\"\xc3\xa9\",\"S\xc3\xa9\"]", NULL },
	{ "alphabet", BODY("[\"{subject|gsm7:7bit:8bit}\",\"{to.name|gsm7:a:b}\",\"{text|gsm7:false:true|bool}\"]"), "[\"7bit\",\"a\",false]", NULL },
	{ "a form with JSON in it", FORM("[[\"a\",{\"$json\":{\"to\":[\"{to.email}\"]}}],[\"b\",\"x\"]]"),
		"a=%7B%22to%22%3A%5B%22a%2Bb%40dupont.example%22%5D%7D&b=x", NULL },
	{ "a form with files", FORM("[{\"$each\":\"attachments\",\"do\":[[\"{x\",\"{item.data|base64}\"]]}]"), "%7Bx=JVBERgANCi0teP8%3D&%7Bx=VA%3D%3D", NULL },
	{ "raw", RAW("\"type\":\"text/xml\",\"value\":\"<a>{to.name|xml}</a>\""), "<a>Mme &lt;R&amp;&quot;oy&#39;&gt;</a>", NULL },
	{ "raw, missing", RAW("\"type\":\"text/xml\",\"value\":\"{html}\""), NULL, "missing_value" },
	{ "a tree in a form, missing", FORM("[[\"a\",{\"$json\":\"{html}\"}]]"), NULL, "missing_value" },
	{ "a control character in XML", RAW("\"type\":\"text/xml\",\"value\":\"{text|xml}\\u0001\""), "Bonjour\n\x01", NULL },
};

static void body_row(void **state)
{
	const struct body_row *row = *state;
	struct built b;
	int r = build_with(&b, row->json, "x.token", true);

	if (row->body) {
		if (r < 0)
			fail_msg("%s %s %s", b.err.code, b.err.path, b.err.text);
		assert_string_equal(b.request.body, row->body);
		assert_int_equal(b.request.body_len, strlen(row->body));
	} else {
		assert_int_equal(r, -EBADMSG);
		assert_string_equal(b.err.code, row->code);
	}
	built_clear(&b);
}

#define PARTS MULTIPART("[[\"to\",\"{to.email}\"],[\"a\\\"b\",{\"$opt\":\"{html}\"}],[\"j\",{\"$json\":[\"{step}\"]}],{\"$each\":\"attachments\",\"do\":" \
	"[[\"att\",{\"$file\":\"item.data\",\"filename\":\"{item.name}\",\"type\":\"{item.type}\"}]]}]")

/* Byte for byte, and the same bytes each time. */
static void files_go_as_they_are(void **state)
{
	static const char part[] = "Content-Disposition: form-data; name=\"att\"; filename=\"Relev\xc3\xa9 1.pdf\"\r\nContent-Type: application/pdf\r\n\r\n"
				   "%PDF\0\r\n--x\xff\r\n--";
	struct built b, again;
	const char *type, *boundary, *text;

	(void)state;
	assert_int_equal(build_with(&b, PARTS, "x.token", true), 0);
	type = header(&b, "Content-Type");
	assert_memory_equal(type, "multipart/form-data; boundary=", 30);
	boundary = type + 30;
	assert_int_equal(strlen(boundary), 32);
	text = arena_printf(b.arena, "--%s\r\nContent-Disposition: form-data; name=\"to\"\r\n\r\na+b@dupont.example\r\n--%s\r\n"
		"Content-Disposition: form-data; name=\"j\"\r\n\r\n[\"reminder\"]\r\n--%s\r\n", boundary, boundary, boundary);
	assert_memory_equal(b.request.body, text, strlen(text));
	assert_memory_equal(b.request.body + strlen(text), part, sizeof(part) - 1);
	text = arena_printf(b.arena, "\r\n\r\nT\r\n--%s--\r\n", boundary);
	assert_memory_equal(b.request.body + b.request.body_len - strlen(text), text, strlen(text));
	assert_int_equal(build_with(&again, PARTS, "x.token", true), 0);
	assert_int_equal(again.request.body_len, b.request.body_len);
	assert_memory_equal(again.request.body, b.request.body, b.request.body_len);
	built_clear(&b);
	built_clear(&again);
	assert_int_equal(build_with(&b, PARTS, "x.token", false), 0); /* without files it is a form all the same */
	assert_null(memmem(b.request.body, b.request.body_len, "att", 3));
	built_clear(&b);
	assert_int_equal(build_with(&b, MULTIPART("[[\"f\",{\"$file\":\"pdf.data\",\"filename\":\"{pdf.name}\",\"type\":\"x/y\"}]]"), "x.token", false), -EBADMSG);
	assert_string_equal(b.err.code, "missing_value");
	built_clear(&b);
}

/* Never left out in silence. */
static void what_does_not_suit(void **state)
{
	static const char sms[] = "{" HEAD ",\"limits\":{\"sms_parts\":2}," SEND_OK "," RESPONSE "}";
	char text[400];
	struct built b;

	(void)state;
	assert_int_equal(build_with(&b, AUTH("{\"kind\":\"none\"}", ""), "x.token", true), -EBADMSG);
	assert_string_equal(b.err.code, "no_attachments");
	assert_false(adapter_takes_files(b.adapter));
	built_clear(&b);
	memset(text, 'a', 306);
	text[306] = '\0';
	assert_int_equal(build_with(&b, sms, "x.token", false), 0);
	b.message.channel = CHANNEL_SMS;
	b.message.text = text;
	assert_int_equal(adapter_request(b.adapter, &b.input, b.arena, &b.request, &b.err), 0);
	memcpy(text + 305, "\xe2\x82\xac", 4);
	assert_int_equal(adapter_request(b.adapter, &b.input, b.arena, &b.request, &b.err), -EBADMSG);
	assert_string_equal(b.err.code, "too_long");
	assert_non_null(strstr(b.err.text, "3 SMS (307 septets)"));
	b.message.channel = CHANNEL_LETTER;
	err_clear(&b.err);
	b.message.to_postal.city = NULL;
	assert_int_equal(adapter_request(b.adapter, &b.input, b.arena, &b.request, &b.err), -EBADMSG);
	assert_string_equal(b.err.code, "bad_address");
	built_clear(&b);
}

/* A provider that has words for one country alone can still be configured. */
static void words_for_one_country(void **state)
{
	static const char json[] = "{\"adapter\":1,\"name\":\"x\",\"channel\":\"letter\",\"tables\":{\"c\":{\"%s\":\"x\"}},\"send\":{\"method\":\"POST\","
		"\"url\":\"https://x.example\",\"auth\":{\"kind\":\"none\"},\"body\":{\"kind\":\"json\",\"value\":\"{to.country|table:c}\"}}," RESPONSE "}";
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(adapter_freep) struct adapter *one = parse(arena_printf(arena, json, "US")), *none = parse(arena_printf(arena, json, "XX"));
	struct provider_settings settings = { .name = "x" };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(adapter_check_settings(one, &settings, &err), 0);
	assert_string_equal(err.code, "");
	assert_int_equal(adapter_check_settings(none, &settings, &err), -EBADMSG);
	assert_string_equal(err.code, "bad_value");
}

/* A person reads what lacks which word; what may be somebody's name is not said. */
static void a_word_that_is_missing_is_named(void **state)
{
	struct built b;

	(void)state;
	assert_int_equal(build_with(&b, BODY("\"{locale|table:land}\""), "x.token", false), -EBADMSG);
	assert_non_null(strstr(b.err.text, " is not among the words of $.tables.land"));
	assert_non_null(strstr(b.err.text, "\"fr"));
	built_clear(&b);
	assert_int_equal(build_with(&b, BODY("\"{to.name|table:land}\""), "x.token", false), -EBADMSG);
	assert_string_equal(b.err.text, "the value is not among the words of $.tables.land");
	built_clear(&b);
}

/* --- auth ------------------------------------------------------------------------------------------------------------ */

/* Expected values by Python's hashlib and hmac, and by `openssl dgst -sha256 -sign`. */
static const struct sign_row {
	const char *name, *json, *credential, *value;
} sign_rows[] = {
	{ "a hash over parts", SIGNED("\"parts\":[\"{config.token}\",\"{request.method}\",\"{request.url}\",\"{request.path}\",\"{request.body}\",\"{now|epoch}\"],"
		"\"join\":\"+\",\"hash\":\"sha1\",\"headers\":[[\"X-Sig\",\"$1${signature}\"]]"), "x.token", "$1$8dca5ea5c639113a389cf0fcd408ccb95a3284c0" },
	{ "an HMAC in hex", SIGNED("\"parts\":[\"{config.user}\",\"{now|epoch}\"],\"hash\":\"sha256\",\"key\":\"{config.token}\","
		"\"headers\":[[\"X-Sig\",\"{signature}\"]]"), "x.token", "7da7419dddc88306634026ff971e472765923e4825b24e382d9e1fd01d926599" },
	{ "an HMAC in base64 under a key in base64", SIGNED("\"parts\":[\"{request.body}\"],\"hash\":\"sha512\",\"key\":\"{config.token}\","
		"\"key_encoding\":\"base64\",\"encoding\":\"base64\",\"headers\":[[\"X-Sig\",\"v1,{signature}\"]]"), "x.b64", "v1,gxOF5yWoOgSrRXmIX8ajl5yLyhZM99r6Rv76RW2/TFdsU1T6aKseBKDgM02M3Ug6VcsLGzvRXX2ZuZ+2w1y9wA==" },
	{ "an RS256 token", AUTH("{\"kind\":\"jwt_rs256\",\"key\":\"{config.token}\",\"claims\":[[\"application_id\",\"{config.user}\"],[\"jti\",\"{dispatch.id}\"]]}", ""),
		"x.rsa", NULL },
};
static const char jwt[] = "Bearer "
	"eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJhcHBsaWNhdGlvbl9pZCI6Im1lQGV4YW1wbGUiLCJqdGkiOiIwMUpYOTAwMDA"
	"wMDAwMDAwMDAwMDAwMDAwMCIsImlhdCI6MTc3NTAzMDQwMCwiZXhwIjoxNzc1MDMwNzAwfQ.d1uo-mfm0qf_zeYGYrJ0tmFW6hv3"
	"cB20vYdhlhGYsJRPJxvcPQZUGuYC-J1QAQ6otbZxQiOF_FMun6_xU89alNjoSQ8sCAbMesXOp6lZqu5tFaWSrJDcd_X9iKbJ3QH4"
	"jB4NjplOQTKAvb0XaKWt8OesfM0pxBlLDokHh7GVoy44X9Pst69tWR-Lc_pOT33_RqCmIY7sw8Favpx13bmh89fS6V4_2olCMngU"
	"hRX0h92jd_8uqLKWiFwginb2dyM79O5mqlAb-DrP7xgBegHpjLzYBg4aPysI6ml_GiUqNQKKvtnR15vb4jnRteZOitWXJSN59LmR"
	"-1dginHR8sld7A";

static void signs(void **state)
{
	const struct sign_row *row = *state;
	struct built b;

	if (build_with(&b, row->json, row->credential, false) < 0)
		fail_msg("%s %s %s", b.err.code, b.err.path, b.err.text);
	assert_string_equal(header(&b, row->value ? "X-Sig" : "Authorization"), row->value ? row->value : jwt);
	b.input.secret = NULL; /* for records: nothing made from a secret */
	assert_int_equal(adapter_request(b.adapter, &b.input, b.arena, &b.request, &b.err), 0);
	assert_non_null(strstr(header(&b, row->value ? "X-Sig" : "Authorization"), "***"));
	assert_null(strstr(header(&b, row->value ? "X-Sig" : "Authorization"), row->value ? row->value : jwt));
	built_clear(&b);
}

static void keys_that_are_none(void **state)
{
	static const char *const credentials[] = { "x.token", "x.ec", "x.locked" };
	struct built b;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(credentials); i++) {
		assert_int_equal(build_with(&b, sign_rows[3].json, credentials[i], false), -ENOENT);
		assert_string_equal(b.err.code, "no_credential");
		assert_non_null(strstr(b.err.text, "no RSA private key"));
		assert_null(strstr(b.err.text, "s3cr"));
		built_clear(&b);
	}
	assert_int_equal(build_with(&b, sign_rows[2].json, "x.token", false), -ENOENT);
	built_clear(&b);
}

static void sigv4_is_left_to_the_wire(void **state)
{
	static const char json[] = AUTH("{\"kind\":\"sigv4\",\"service\":\"ses\",\"region\":\"eu-west-3\",\"key_id\":\"{config.user}\",\"secret\":"
		"\"{config.token}\"}", "");
	static const char bad[] = AUTH("{\"kind\":\"sigv4\",\"service\":\"ses\",\"region\":\"eu:x\",\"key_id\":\"k\",\"secret\":\"{config.token}\"}", "");
	struct built b;

	(void)state;
	assert_int_equal(build_with(&b, json, "x.token", false), 0);
	assert_string_equal(b.request.signer->region, "eu-west-3");
	assert_string_equal(b.request.signer->service, "ses");
	assert_string_equal(b.request.signer->id, "me@example");
	assert_string_equal(b.request.signer->secret, "s3cr&t");
	assert_null(header(&b, "Authorization"));
	b.input.secret = NULL;
	assert_int_equal(adapter_request(b.adapter, &b.input, b.arena, &b.request, &b.err), 0);
	assert_null(b.request.signer);
	assert_string_equal(header(&b, "Authorization"), "AWS4-HMAC-SHA256 ***");
	built_clear(&b);
	assert_int_equal(build_with(&b, bad, "x.token", false), -EBADMSG);
	assert_string_equal(b.err.code, "bad_value");
	built_clear(&b);
}

/* --- tokens and steps ------------------------------------------------------------------------------------------------ */

#define WHOLE "{" HEAD ",\"token\":{\"request\":{\"method\":\"POST\",\"url\":\"{config.base}/token\",\"auth\":{\"kind\":\"basic\",\"user\":" \
	"\"{config.user}\",\"password\":\"{config.token}\"},\"body\":{\"kind\":\"form\",\"fields\":[[\"grant_type\",\"client_credentials\"]]}}," \
	"\"value\":\"/access_token\",\"expires_in\":\"/expires_in\",\"lifetime_s\":1000,\"rules\":[{\"status\":400,\"outcome\":\"config\"}]}," \
	"\"steps\":[{\"name\":\"up\",\"request\":{\"method\":\"PUT\",\"url\":\"{config.base}/up\",\"auth\":{\"kind\":\"bearer\",\"token\":" \
	"\"{token}\"}},\"bind\":{\"id\":\"/files/0/id\",\"at\":{\"header\":\"Location\"}},\"rules\":[{\"status\":200,\"json\":{\"/ok\":false}," \
	"\"outcome\":\"refused\",\"reason\":\"bad_file\"}]},{\"name\":\"new\",\"request\":{\"method\":\"POST\",\"url\":" \
	"\"{config.base}/new/{steps.up.id|path}\",\"auth\":{\"kind\":\"none\"}},\"bind\":{\"n\":\"/n\"}}]," \
	"\"send\":{\"method\":\"POST\",\"url\":\"{config.base}/send/{steps.new.n|path}\",\"headers\":[[\"X-At\",\"{steps.up.at}\"]]," \
	"\"auth\":{\"kind\":\"bearer\",\"token\":\"{token}\"}}," RESPONSE "}"

static struct http_answer answer_of(int status, const char *head, const char *body)
{
	return (struct http_answer){ .status = status, .head = head, .head_len = strlen(head), .body = body, .body_len = strlen(body) };
}

static void one_after_the_other(void **state)
{
	struct adapter_bound bound[4];
	struct outcome failed;
	struct http_answer answer;
	struct built b;
	const char *token;
	int64_t until;
	size_t count;

	(void)state;
	assert_int_equal(build_with(&b, WHOLE, "x.token", false), -EAGAIN);
	assert_string_equal(b.err.code, "not_bound");
	assert_true(adapter_has_token(b.adapter) && adapter_step_count(b.adapter) == 2);
	assert_int_equal(adapter_token_request(b.adapter, &b.input, b.arena, &b.request, &b.err), 0);
	assert_string_equal(b.request.url, "https://x.example/token");
	assert_string_equal(b.request.body, "grant_type=client_credentials");
	answer = answer_of(200, "", "{\"access_token\":\"T0\",\"expires_in\":100}");
	assert_int_equal(adapter_token_answer(b.adapter, &answer, NOW, b.arena, &token, &until, &failed), 0);
	assert_string_equal(token, "T0");
	assert_int_equal(until, NOW + 90 * SECOND_MS);
	answer = answer_of(200, "", "{\"access_token\":\"T0\"}");
	assert_int_equal(adapter_token_answer(b.adapter, &answer, NOW, b.arena, &token, &until, &failed), 0);
	assert_int_equal(until, NOW + 900 * SECOND_MS);
	b.input.token = token;

	assert_int_equal(adapter_step_request(b.adapter, 0, &b.input, b.arena, &b.request, &b.err), 0);
	assert_string_equal(b.request.method, "PUT");
	assert_string_equal(header(&b, "Authorization"), "Bearer T0");
	assert_int_equal(adapter_step_request(b.adapter, 1, &b.input, b.arena, &b.request, &b.err), -EAGAIN);
	answer = answer_of(201, "Location: /here\r\n", "{\"files\":[{\"id\":9007199254740993}]}");
	assert_int_equal(adapter_step_answer(b.adapter, 0, &answer, NOW, b.arena, bound, &count, &failed), 0);
	assert_int_equal(count, 2);
	b.input.bound = bound;
	b.input.bound_count = count;
	assert_int_equal(adapter_step_request(b.adapter, 1, &b.input, b.arena, &b.request, &b.err), 0);
	assert_string_equal(b.request.url, "https://x.example/new/9007199254740993");
	answer = answer_of(200, "", "{\"n\":\"a/b\"}");
	assert_int_equal(adapter_step_answer(b.adapter, 1, &answer, NOW, b.arena, bound + 2, &count, &failed), 0);
	b.input.bound_count += count;
	assert_int_equal(adapter_request(b.adapter, &b.input, b.arena, &b.request, &b.err), 0);
	assert_string_equal(b.request.url, "https://x.example/send/a%2Fb");
	assert_string_equal(header(&b, "X-At"), "/here");
	assert_string_equal(header(&b, "Authorization"), "Bearer T0");

	/* for records, which are written before anything is asked */
	b.input.secret = NULL;
	b.input.token = NULL;
	b.input.bound_count = 0;
	assert_int_equal(adapter_request(b.adapter, &b.input, b.arena, &b.request, &b.err), 0);
	assert_string_equal(b.request.url, "https://x.example/send/new.n");
	assert_string_equal(header(&b, "Authorization"), "Bearer ***");
	assert_int_equal(adapter_check_settings(b.adapter, &b.settings, &b.err), 0);
	built_clear(&b);
}

static const struct failed_row {
	const char *name;
	int step; /* -1: the token */
	int status;
	const char *body;
	enum outcome_kind kind;
	enum outcome_scope scope;
	const char *reason;
} failed_rows[] = {
	{ "a token that is refused", -1, 401, "{}", OUTCOME_REFUSED, SCOPE_PROVIDER, "config" },
	{ "the file's own rule", -1, 400, "{\"error\":\"invalid_client\"}", OUTCOME_REFUSED, SCOPE_PROVIDER, "config" },
	{ "a token that is not there", -1, 200, "{\"access_token\":\"\"}", OUTCOME_TEMPORARY, SCOPE_MESSAGE, "no_value" },
	{ "a token that would break a header", -1, 200, "{\"access_token\":\"a\\r\\nb\"}", OUTCOME_TEMPORARY, SCOPE_MESSAGE, "no_value" },
	{ "garbage", -1, 200, "<html>", OUTCOME_TEMPORARY, SCOPE_MESSAGE, "no_value" },
	{ "a server's error leaves no doubt: nothing was sent", -1, 500, "", OUTCOME_TEMPORARY, SCOPE_MESSAGE, "server_error" },
	{ "throttled", -1, 429, "", OUTCOME_THROTTLED, SCOPE_MESSAGE, "throttled" },
	{ "moved", -1, 302, "", OUTCOME_TEMPORARY, SCOPE_MESSAGE, "server_error" },
	{ "a step with an old token", 0, 401, "{}", OUTCOME_TEMPORARY, SCOPE_MESSAGE, "token_expired" },
	{ "a step that is forbidden", 0, 403, "{}", OUTCOME_REFUSED, SCOPE_PROVIDER, "config" },
	{ "a step that refuses", 0, 200, "{\"ok\":false,\"files\":[{\"id\":1}]}", OUTCOME_REFUSED, SCOPE_MESSAGE, "bad_file" },
	{ "half of the values", 0, 200, "{\"files\":[{\"id\":1}]}", OUTCOME_TEMPORARY, SCOPE_MESSAGE, "no_value" },
	{ "a step that knows no such thing", 0, 404, "{}", OUTCOME_REFUSED, SCOPE_MESSAGE, "refused" },
	{ "a step's server is away", 1, 503, "", OUTCOME_TEMPORARY, SCOPE_MESSAGE, "server_error" },
};

static void fails(void **state)
{
	const struct failed_row *row = *state;
	struct http_answer answer = answer_of(row->status, "Retry-After: 7\r\n", row->body);
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(adapter_freep) struct adapter *adapter = parse(WHOLE);
	struct adapter_bound bound[ADAPTER_BINDS_MAX];
	struct outcome failed = { 0 };
	const char *token;
	int64_t until;
	size_t count;
	int r = row->step < 0 ? adapter_token_answer(adapter, &answer, NOW, arena, &token, &until, &failed) :
				adapter_step_answer(adapter, (size_t)row->step, &answer, NOW, arena, bound, &count, &failed);

	assert_int_equal(r, -EBADMSG);
	assert_string_equal(outcome_names[failed.kind], outcome_names[row->kind]);
	assert_string_equal(scope_names[failed.scope], scope_names[row->scope]);
	assert_string_equal(failed.reason, row->reason);
	assert_int_equal(failed.status, row->status);
	assert_int_equal(failed.raw_len > 0, row->step >= 0); /* what answers for a token is shown to nobody */
	if (failed.kind == OUTCOME_THROTTLED)
		assert_int_equal(failed.retry_after_ms, 7000);
}

/* --- answers --------------------------------------------------------------------------------------------------------- */

#define MANY RULE("{\"status\":200,\"json\":{\"/m/*/s\":{\"all\":[\"0\",0]}},\"outcome\":\"accepted\"},{\"status\":200,\"json\":{\"/m/*/s\":[7,\"7\"]}," \
	"\"outcome\":\"stopped\"},{\"status\":200,\"json\":{\"/m/*\":\"x\"},\"outcome\":\"suppressed\"},{\"status\":200,\"json\":{\"/m/*/t\":" \
	"{\"exists\":true}},\"outcome\":\"bad_address\"},{\"status\":200,\"json\":{\"/w\":{\"like\":[\"no credit*\",\"*funds*\"]}},\"outcome\":\"quota\"}," \
	"{\"header\":{\"Content-Type\":{\"like\":\"text/html*\"}},\"outcome\":\"in_doubt\",\"reason\":\"html\"},{\"status\":401,\"body\":{\"like\":" \
	"\"*forbidden*\"},\"outcome\":\"config\"},{\"status\":401,\"outcome\":\"token_expired\"}")

static const struct answer_row {
	const char *name;
	int status;
	const char *head, *body;
	enum outcome_kind kind;
	const char *reason;
} answer_rows[] = {
	{ "every element", 200, "", "{\"id\":\"1\",\"m\":[{\"s\":\"0\"},{\"s\":0}]}", OUTCOME_ACCEPTED, "accepted" },
	{ "not every element", 200, "", "{\"id\":\"1\",\"m\":[{\"s\":\"0\"},{\"s\":\"7\"}]}", OUTCOME_REFUSED, "stopped" },
	{ "of none nothing is said", 200, "", "{\"m\":[]}", OUTCOME_IN_DOUBT, "no_id" },
	{ "no list", 200, "", "{\"m\":{\"s\":\"0\"}}", OUTCOME_IN_DOUBT, "no_id" },
	{ "one of the elements", 200, "", "{\"m\":[{\"s\":1},{\"s\":7}]}", OUTCOME_REFUSED, "stopped" },
	{ "elements that are texts", 200, "", "{\"m\":[\"y\",\"x\"]}", OUTCOME_REFUSED, "suppressed" },
	{ "a member in one of them", 200, "", "{\"m\":[{},{\"t\":false}]}", OUTCOME_REFUSED, "bad_address" },
	{ "begins so", 200, "", "{\"w\":\"No credit left\"}", OUTCOME_THROTTLED, "quota" },
	{ "has it inside", 200, "", "{\"w\":\"insufficient FUNDS.\"}", OUTCOME_THROTTLED, "quota" },
	{ "has it elsewhere", 200, "", "{\"w\":\"your no credit\"}", OUTCOME_IN_DOUBT, "no_id" },
	{ "by the kind of content", 502, "Content-Type: text/html; charset=utf-8\r\n", "<html>", OUTCOME_IN_DOUBT, "html" },
	{ "by the text of the body", 401, "", "Forbidden\n", OUTCOME_REFUSED, "config" },
	{ "or else a fresh token is asked for", 401, "", "", OUTCOME_TEMPORARY, "token_expired" },
};

static void answers(void **state)
{
	const struct answer_row *row = *state;
	struct http_answer answer = answer_of(row->status, row->head, row->body);
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(adapter_freep) struct adapter *adapter = parse(MANY);
	struct outcome outcome;

	adapter_answer(adapter, &answer, NOW, arena, &outcome);
	assert_string_equal(outcome.reason, row->reason);
	assert_string_equal(outcome_names[outcome.kind], outcome_names[row->kind]);
}

static void a_token_ends_at(void **state)
{
	static const char json[] = TOKEN("{" ASK ",\"value\":\"/t\",\"expires_at\":\"/at\",\"lifetime_s\":1000}");
	static const struct {
		const char *body;
		int64_t ms;
	} rows[] = { { "{\"t\":\"T\",\"at\":1775030500}", 90000 }, { "{\"t\":\"T\",\"at\":1775030399}", 900000 }, { "{\"t\":\"T\"}", 900000 } };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(adapter_freep) struct adapter *adapter = parse(json);
	struct outcome failed;
	const char *token;
	int64_t until;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct http_answer answer = answer_of(200, "", rows[i].body);

		assert_int_equal(adapter_token_answer(adapter, &answer, NOW, arena, &token, &until, &failed), 0);
		assert_int_equal(until, NOW + rows[i].ms);
	}
}

static void a_token_may_end_early(void **state)
{
	struct http_answer answer = answer_of(401, "", "");
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(adapter_freep) struct adapter *with = parse(WHOLE), *without = parse(AUTH("{\"kind\":\"none\"}", ""));
	struct outcome outcome;

	(void)state;
	adapter_answer(with, &answer, NOW, arena, &outcome);
	assert_true(outcome.kind == OUTCOME_TEMPORARY && outcome.scope == SCOPE_MESSAGE && !strcmp(outcome.reason, "token_expired"));
	adapter_answer(without, &answer, NOW, arena, &outcome);
	assert_true(outcome.kind == OUTCOME_REFUSED && outcome.scope == SCOPE_PROVIDER);
	adapter_free(TAKE(with));
}

/* A list of nothing but what was asked for, and times as numbers. */
static void looked_up(void **state)
{
#define LOOKUP(more) "{" HEAD "," SEND_OK "," RESPONSE ",\"lookup\":{\"request\":{\"method\":\"GET\",\"url\":\"https://x.example\",\"query\":" \
	"[[\"tag\",\"{dispatch.id|last:20}\"]]},\"match\":\"request\"" more "}}"
	static const struct {
		const char *json, *body;
		int found;
		const char *id;
	} rows[] = {
		{ LOOKUP(",\"id\":\"\""), "[9007199254740993]", 1, "9007199254740993" },
		{ LOOKUP(",\"id\":\"\""), "[]", 0, NULL },
		{ LOOKUP(",\"id\":\"\""), "{\"message\":\"no\"}", -EBADMSG, NULL },
		{ LOOKUP(",\"id\":\"/i\",\"since\":\"/t\""), "[{\"i\":\"old\",\"t\":1775020000},{\"i\":\"new\",\"t\":1775030400}]", 1, "new" },
		{ LOOKUP(",\"id\":\"/i\",\"since\":\"/t\""), "[{\"i\":\"old\",\"t\":1775020000.5},{\"i\":\"new\",\"t\":1775030401.25}]", 1, "new" },
		{ LOOKUP(",\"id\":\"/i\",\"since\":\"/t\""), "[{\"i\":\"new\",\"t\":1775030400000}]", 1, "new" },
		{ LOOKUP(",\"id\":\"/i\",\"since\":\"/t\""), "[{\"i\":\"when\",\"t\":true}]", -EBADMSG, NULL }, /* that would prove it was never sent */
		{ LOOKUP(",\"id\":\"/i\",\"since\":\"/t\""), "[{\"i\":\"when\"},{\"i\":\"new\",\"t\":1775030400}]", 1, "new" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct http_answer answer = answer_of(200, "", rows[i].body);
		struct adapter_lookup *lookup;
		const char *id = NULL;
		struct built b;

		assert_int_equal(build_with(&b, rows[i].json, "x.token", false), 0);
		assert_int_equal(adapter_lookup_request(b.adapter, &b.input, b.arena, &b.request, &lookup, &b.err), 0);
		assert_string_equal(b.request.url, "https://x.example?tag=00000000000000000000");
		assert_int_equal(adapter_lookup_answer(lookup, &answer, b.arena, &id), rows[i].found);
		if (rows[i].id)
			assert_string_equal(id, rows[i].id);
		built_clear(&b);
	}
}

#define ROWS(rows, fn)                                                                                               \
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)                                                                 \
	tests[count++] = (struct CMUnitTest){ .name = rows[i].name, .test_func = fn, .initial_state = (void *)(uintptr_t)&rows[i] }

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(refused),
		cmocka_unit_test(files_go_as_they_are),
		cmocka_unit_test(what_does_not_suit),
		cmocka_unit_test(words_for_one_country),
		cmocka_unit_test(a_word_that_is_missing_is_named),
		cmocka_unit_test(keys_that_are_none),
		cmocka_unit_test(sigv4_is_left_to_the_wire),
		cmocka_unit_test(one_after_the_other),
		cmocka_unit_test(a_token_ends_at),
		cmocka_unit_test(a_token_may_end_early),
		cmocka_unit_test(looked_up),
	};
	static struct CMUnitTest tests[ARRAY_LEN(others) + ARRAY_LEN(body_rows) + ARRAY_LEN(sign_rows) + ARRAY_LEN(failed_rows) +
		ARRAY_LEN(answer_rows)];
	size_t count = ARRAY_LEN(others);

	memcpy(tests, others, sizeof(others));
	ROWS(body_rows, body_row);
	ROWS(sign_rows, signs);
	ROWS(failed_rows, fails);
	ROWS(answer_rows, answers);
	return cmocka_run_group_tests_name("adapter_language", tests, NULL, NULL);
}
