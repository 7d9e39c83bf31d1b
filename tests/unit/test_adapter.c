/* Provider files: what every refusal says and where, how a message becomes a request, settings and secrets. */
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
#include "common/library.h"
#include "common/utc.h"
#include "tests/unit/adapter_parsed.h"

#define HEAD \
	"\"adapter\":1,\"name\":\"x\",\"channel\":[\"email\",\"sms\"],\"config\":{\"base\":{\"default\":\"https://x.example\"}," \
	"\"token\":{\"secret\":true},\"user\":{},\"n\":{\"default\":\"7\"}}"
#define SEND_OK "\"send\":{\"method\":\"POST\",\"url\":\"https://x.example\",\"auth\":{\"kind\":\"none\"}}"
#define RESPONSE "\"response\":{\"id\":\"/id\"}"
#define TOP(members) "{" HEAD "," SEND_OK "," RESPONSE "," members "}"
#define SEND(members) "{" HEAD ",\"send\":{" members "}," RESPONSE "}"
#define SENT(members) SEND("\"method\":\"POST\",\"url\":\"https://x.example\",\"auth\":{\"kind\":\"none\"}," members)
#define URL(url) SEND("\"method\":\"POST\",\"url\":" url ",\"auth\":{\"kind\":\"none\"}")
#define AUTH(auth) SEND("\"method\":\"POST\",\"url\":\"https://x.example\",\"auth\":" auth)
#define BODY(value) SENT("\"body\":{\"kind\":\"json\",\"value\":" value "}")
#define FORM(fields) SENT("\"body\":{\"kind\":\"form\",\"fields\":" fields "}")
#define ANSWERS(response) "{" HEAD "," SEND_OK ",\"response\":" response "}"
#define RULE(rule) ANSWERS("{\"id\":\"/id\",\"rules\":[" rule "]}")
#define LOOKUP_(request, match, more) \
	TOP("\"lookup\":{\"request\":" request ",\"match\":" match more "}")
#define GET "{\"method\":\"GET\",\"url\":\"https://x.example/{dispatch.id|path}\"}"
#define LOOKUP(more) LOOKUP_(GET, "{\"/ref\":\"{dispatch.id}\"}", more)

/* What the means to settle a doubt rest on: settings, the token that it sends, what else stands in the file. */
#define MEANS(config, token, more) "{\"adapter\":1,\"name\":\"x\",\"channel\":\"email\",\"config\":{\"base\":{\"default\":\"https://x.example\"}," \
	"\"hook\":{\"secret\":true}," config "},\"send\":{\"method\":\"POST\",\"url\":\"{config.base}/m\",\"auth\":{\"kind\":\"bearer\"," \
	"\"token\":\"" token "\"}}," RESPONSE more "}"

/* What is sent again under its key. */
#define AGAIN(value, header) "{" HEAD ",\"features\":{\"idempotency\":{\"kind\":\"body\",\"window_s\":60}},\"send\":{\"method\":\"POST\"," \
	"\"url\":\"https://x.example\",\"auth\":{\"kind\":\"none\"},\"headers\":[[\"X-Time\",\"" header "\"]],\"body\":{\"kind\":\"json\"," \
	"\"value\":" value "}}," RESPONSE "}"

/* --- refusals -------------------------------------------------------------------------------------------------------- */

static const struct refusal {
	const char *json, *code, *path, *says; /* `says`: what would be right */
} refusals[] = {
	{ "[]", "wrong_type", "$", "must be an object" },
	{ "{", "bad_json", "$", "" },
	{ TOP("\"webhooks\":{}"), "wrong_type", "$.webhooks", "" },
	{ "{\"name\":\"x\"}", "missing", "$.adapter", "" },
	{ "{\"adapter\":2,\"name\":\"x\"}", "out_of_range", "$.adapter", "" },
	{ "{\"adapter\":1,\"name\":\"a b\"}", "bad_id", "$.name", "" },
	{ "{\"adapter\":1,\"name\":\"x\",\"help\":7}", "wrong_type", "$.help", "" },
	{ "{\"adapter\":1,\"name\":\"x\"}", "not_one_of", "$.channel", "must be email, sms" },
	{ "{\"adapter\":1,\"name\":\"x\",\"channel\":\"fax\"}", "not_one_of", "$.channel", "or a list of these" },
	{ "{\"adapter\":1,\"name\":\"x\",\"channel\":[\"sms\",7]}", "not_one_of", "$.channel", "or a list of these" },
	{ "{\"adapter\":1,\"name\":\"x\",\"channel\":[]}", "missing", "$.channel", "" },
	{ "{\"adapter\":1,\"name\":\"x\",\"channel\":\"sms\",\"config\":[]}", "wrong_type", "$.config", "" },
	{ "{\"adapter\":1,\"name\":\"x\",\"channel\":\"sms\",\"config\":{\"a b\":{}}}", "bad_id", "$.config.a b", "letters, digits" },
	{ "{\"adapter\":1,\"name\":\"x\",\"channel\":\"sms\",\"config\":{\"a\":7}}", "wrong_type", "$.config.a", "" },
	{ "{\"adapter\":1,\"name\":\"x\",\"channel\":\"sms\",\"config\":{\"a\":{\"secrte\":true}}}", "unknown_member", "$.config.a.secrte", "" },
	{ "{\"adapter\":1,\"name\":\"x\",\"channel\":\"sms\",\"config\":{\"a\":{\"secret\":true,\"default\":\"x\"}}}", "unknown_member",
		"$.config.a.default", "a secret has no default" },
	{ MEANS("\"key\":{\"secret\":true},\"cb\":{\"webhook\":\"status\"}", "{config.key}", ""), "unknown_value", "$.config.cb.webhook", "\"status\"" },
	{ "{\"adapter\":1,\"name\":\"x\",\"channel\":\"sms\",\"config\":{\"key\":{\"secret\":true},\"cb\":{\"webhook\":\"status\"}},\"webhooks\":[{\"path\":\"in\","
	  "\"parse\":\"json\",\"verify\":{\"kind\":\"path_secret\",\"value\":\"{config.key}\"},\"events\":{\"attempt\":\"/a\",\"type\":\"/t\",\"map\":{\"1\":\"delivered\"}}}]}",
		"unknown_value", "$.config.cb.webhook", "no webhook with the path \"status\"" }, /* one that sends nothing */
	{ MEANS("\"key\":{\"secret\":true},\"cb\":{\"webhook\":7}", "{config.key}", ""), "wrong_type", "$.config.cb.webhook", "" },
	{ MEANS("\"key\":{\"secret\":true},\"cb\":{\"webhook\":\"\",\"default\":\"x\"}", "{config.key}", ""), "unknown_member", "$.config.cb.webhook",
		"no secret, default or required" },
	{ AGAIN("{\"at\":\"{now|iso8601}\"}", "x"), "bad_value", "$.send.body.value.at", "only with idempotency" },
	{ AGAIN("{\"$if\":\"now\",\"then\":\"x\"}", "x"), "bad_value", "$.send.body.value.$if", "only with idempotency" },
	{ MEANS("\"key\":{\"secret\":true,\"account\":true}", "{config.key}", ""), "unknown_member", "$.config.key.account", "names no account" },
	{ MEANS("\"key\":{\"secret\":true},\"who\":{\"account\":true}", "{config.key}", ""), "bad_value", "$.config.who.account", "in `send`" },
	{ MEANS("\"key\":{\"secret\":true},\"who\":{\"account\":true},\"whose\":{}", "{config.key}{config.whose}", ""), "bad_value",
		"$.config.who.account", "in `send`" },
	{ "{\"adapter\":1,\"name\":\"x\",\"channel\":\"email\",\"config\":{\"key\":{\"secret\":true},\"who\":{\"account\":true}},\"send\":{\"method\":"
		"\"POST\",\"url\":\"https://x.example/{config.who|path}\",\"auth\":{\"kind\":\"bearer\",\"token\":\"{config.key}\"}},\"lookup\":{"
		"\"request\":" GET ",\"match\":\"request\",\"id\":\"/id\"}," RESPONSE "}", "bad_value", "$.config.who.account", "in `lookup`" },
	{ TOP("\"features\":{\"idempotent\":true}"), "unknown_member", "$.features.idempotent", "" },
	{ TOP("\"features\":{\"max_request_bytes\":1}"), "out_of_range", "$.features.max_request_bytes", "" },
	{ TOP("\"features\":{\"idempotency\":\"header\"}"), "not_one_of", "$.features.idempotency", "{kind, header, window_s}" },
	{ TOP("\"features\":{\"idempotency\":{\"kind\":\"query\"}}"), "not_one_of", "$.features.idempotency.kind", "" },
	{ TOP("\"features\":{\"idempotency\":{\"kind\":\"body\"}}"), "missing", "$.features.idempotency.window_s", "" },
	{ TOP("\"features\":{\"idempotency\":{\"kind\":\"header\",\"window_s\":9}}"), "missing", "$.features.idempotency.header", "" },
	{ TOP("\"features\":{\"idempotency\":{\"kind\":\"header\",\"window_s\":9,\"header\":\"A: b\"}}"), "bad_header",
		"$.features.idempotency.header", "no header name" },
	{ TOP("\"limits\":{\"per_minute\":1}"), "unknown_member", "$.limits.per_minute", "" },
	{ TOP("\"limits\":{\"concurrency\":0}"), "out_of_range", "$.limits.concurrency", "" },
	/* the request */
	{ "{" HEAD "," RESPONSE "}", "missing", "$.send", "" },
	{ SEND("\"method\":\"GET\",\"url\":\"https://x.example\",\"auth\":{\"kind\":\"none\"}"), "not_one_of", "$.send.method", "POST or PUT" },
	{ SEND("\"method\":\"DELETE\""), "not_one_of", "$.send.method", "" },
	{ SEND("\"method\":\"POST\""), "missing", "$.send.url", "is missing" },
	{ SEND("\"method\":\"POST\",\"url\":\"https://x.example\""), "missing", "$.send.auth", "" },
	{ SENT("\"timeout_ms\":10"), "out_of_range", "$.send.timeout_ms", "" },
	{ SENT("\"redirects\":1"), "unknown_member", "$.send.redirects", "" },
	{ URL("7"), "wrong_type", "$.send.url", "must be a string" },
	{ URL("\"https://x.example/{to.email}\""), "not_escaped", "$.send.url", "{to.email} needs |path or |query" },
	{ URL("\"https://{config.user}/\""), "not_escaped", "$.send.url", "needs |path or |query" },
	{ URL("\"{config.token}\""), "secret_in_url", "$.send.url", "\"config.token\" is a secret" },
	{ URL("\"{config.nothing}\""), "unknown_value", "$.send.url", "not declared under config" },
	{ URL("\"https://x.example/{sent_at|query}\""), "unknown_value", "$.send.url", "has no meaning here" },
	{ URL("\"https://x.example/{to.fax|query}\""), "unknown_value", "$.send.url", "there is no value" },
	{ URL("\"https://x.example/{to.email|quote}\""), "unknown_filter", "$.send.url", "there is no filter \"quote\"" },
	{ URL("\"https://x.example/}\""), "bad_template", "$.send.url", "a lone \"}\"" },
	{ URL("\"https://x.example/{to.email\""), "bad_template", "$.send.url", "without \"}\"" },
	{ AUTH("7"), "wrong_type", "$.send.auth", "" },
	{ AUTH("{\"kind\":\"digest\"}"), "not_one_of", "$.send.auth.kind", "" },
	{ AUTH("{\"kind\":\"none\",\"token\":\"x\"}"), "unknown_member", "$.send.auth.token", "" },
	{ AUTH("{\"kind\":\"basic\",\"user\":\"x\"}"), "missing", "$.send.auth.password", "" },
	{ AUTH("{\"kind\":\"basic\",\"password\":\"x\"}"), "missing", "$.send.auth.user", "" },
	{ AUTH("{\"kind\":\"bearer\"}"), "missing", "$.send.auth.token", "" },
	{ AUTH("{\"kind\":\"header\",\"value\":\"x\"}"), "missing", "$.send.auth.name", "" },
	{ AUTH("{\"kind\":\"header\",\"name\":\"a b\",\"value\":\"x\"}"), "bad_header", "$.send.auth.name", "no header name" },
	{ AUTH("{\"kind\":\"query\",\"name\":\"k\"}"), "missing", "$.send.auth.value", "" },
	{ SENT("\"headers\":{}"), "wrong_type", "$.send.headers", "" },
	{ SENT("\"headers\":[[\"A\"]]"), "wrong_type", "$.send.headers[0]", "must be [name, value]" },
	{ SENT("\"headers\":[[\"A b\",\"x\"]]"), "bad_header", "$.send.headers", "no header name" },
	{ SENT("\"headers\":[[\"content-length\",\"0\"]]"), "bad_header", "$.send.headers", "not the file's to set" },
	{ SENT("\"headers\":[{\"$if\":\"html\",\"then\":[],\"else\":[[\"Host\",\"evil\"]]}]"), "bad_header", "$.send.headers",
		"not the file's to set" },
	{ SENT("\"headers\":[{\"$map\":\"metadata\",\"key\":\"{key}\",\"value\":\"{value}\"}]"), "bad_header", "$.send.headers", "no $map" },
	{ SENT("\"query\":[[\"k\",\"{config.token}\"]]"), "secret_in_url", "$.send.query", "\"token\" is a secret" },
	{ SENT("\"query\":[{\"$if\":\"html\",\"then\":[[\"k\",\"{config.token|base64}\"]]}]"), "secret_in_url", "$.send.query", "is a secret" },
	{ SENT("\"query\":[{\"$map\":\"metadata\",\"key\":\"{config.token}{key}\",\"value\":\"v\"}]"), "secret_in_url", "$.send.query",
		"is a secret" },
	{ SENT("\"body\":7"), "wrong_type", "$.send.body", "" },
	{ SENT("\"body\":{\"kind\":\"xml\"}"), "not_one_of", "$.send.body.kind", "" },
	{ SENT("\"body\":{\"kind\":\"json\",\"fields\":[]}"), "unknown_member", "$.send.body.fields", "" },
	{ SENT("\"body\":{\"kind\":\"json\"}"), "missing", "$.send.body.value", "" },
	{ SENT("\"body\":{\"kind\":\"form\"}"), "missing", "$.send.body.fields", "" },
	/* JSON trees */
	{ BODY("{\"a\":{\"$loop\":\"invoices\"}}"), "unknown_operator", "$.send.body.value.a.$loop", "no operator \"$loop\"" },
	{ BODY("{\"a\":{\"$if\":\"html\",\"do\":1}}"), "unknown_member", "$.send.body.value.a.do", "" },
	{ BODY("{\"a\":{\"$if\":\"html\"}}"), "missing", "$.send.body.value.a.then", "" },
	{ BODY("{\"a\":{\"$if\":7,\"then\":1}}"), "wrong_type", "$.send.body.value.a.$if", "the name of a value" },
	{ BODY("{\"a\":{\"$each\":\"html\",\"do\":\"{item}\"}}"), "bad_value", "$.send.body.value.a.$each", "not of the right kind" },
	{ BODY("{\"a\":{\"$each\":\"invoices\"}}"), "missing", "$.send.body.value.a.do", "" },
	{ BODY("{\"a\":{\"$map\":\"metadata\",\"key\":\"{key}\"}}"), "missing", "$.send.body.value.a.value", "" },
	{ BODY("{\"a\":{\"$map\":\"metadata\",\"value\":\"{key}\"}}"), "missing", "$.send.body.value.a.key", "" },
	{ BODY("{\"a\":\"{item}\"}"), "unknown_value", "$.send.body.value.a", "has no meaning here" },
	{ BODY("[0,\"{key}\"]"), "unknown_value", "$.send.body.value[1]", "has no meaning here" },
	{ BODY("{\"a\":\"x {invoices}\"}"), "bad_value", "$.send.body.value.a", "use |join, |json or |address" },
	{ BODY("{\"a\":\"{to}\"}"), "bad_value", "$.send.body.value.a", "use |join, |json or |address" },
	{ BODY("{\"a\":\"{text|trunc}\"}"), "bad_filter", "$.send.body.value.a", "takes an argument" },
	{ BODY("{\"a\":\"{text|trunc:x}\"}"), "bad_filter", "$.send.body.value.a", "must be a number" },
	{ BODY("{\"a\":\"{text|trunc:}\"}"), "bad_filter", "$.send.body.value.a", "must be a number" },
	{ BODY("{\"a\":\"{text|trunc:1234567}\"}"), "bad_filter", "$.send.body.value.a", "must be a number" },
	{ BODY("{\"a\":\"{text|json:x}\"}"), "bad_filter", "$.send.body.value.a", "takes no argument" },
	{ BODY("{\"a\":\"{text|date}\"}"), "bad_filter", "$.send.body.value.a", "cannot be applied" },
	{ BODY("{\"a\":\"{text|json|json|json|json|json|json|json|json|json}\"}"), "bad_filter", "$.send.body.value.a", "too many" },
	/* forms */
	{ FORM("{}"), "wrong_type", "$.send.body.fields", "must be a list of [name, value]" },
	{ FORM("[7]"), "wrong_type", "$.send.body.fields[0]", "or one of $each, $if, $map" },
	{ FORM("[{\"$opt\":\"{html}\"}]"), "wrong_type", "$.send.body.fields[0]", "or one of $each, $if, $map" },
	{ FORM("[{\"a\":1}]"), "wrong_type", "$.send.body.fields[0]", "or one of $each, $if, $map" },
	{ FORM("[{\"$x\":1}]"), "unknown_operator", "$.send.body.fields[0].$x", "" },
	{ FORM("[[7,\"x\"]]"), "wrong_type", "$.send.body.fields[0]", "must be [name, value]" },
	{ FORM("[[\"a\",{\"$if\":\"html\",\"then\":\"x\"}]]"), "wrong_type", "$.send.body.fields[0][1]", "{\"$opt\": string}" },
	{ FORM("[[\"a\",{}]]"), "wrong_type", "$.send.body.fields[0][1]", "{\"$opt\": string}" },
	{ FORM("[[\"a\",{\"$y\":1}]]"), "unknown_operator", "$.send.body.fields[0][1].$y", "" },
	{ FORM("[{\"$each\":\"invoices\"}]"), "missing", "$.send.body.fields[0].do", "" },
	{ FORM("[{\"$if\":\"html\",\"then\":[],\"else\":7}]"), "wrong_type", "$.send.body.fields[0].else", "" },
	/* answers */
	{ "{" HEAD "," SEND_OK "}", "missing", "$.response", "" },
	{ ANSWERS("{}"), "missing", "$.response.id", "no answer proves anything" },
	{ ANSWERS("{\"id\":\"/id\",\"rule\":[]}"), "unknown_member", "$.response.rule", "" },
	{ ANSWERS("{\"id\":\"id\"}"), "bad_pointer", "$.response.id", "must begin with \"/\"" },
	{ ANSWERS("{\"id\":\"/a~2\"}"), "bad_pointer", "$.response.id", "only 0 or 1" },
	{ ANSWERS("{\"id\":7}"), "wrong_type", "$.response.id", "must be a pointer or" },
	{ ANSWERS("{\"id\":{}}"), "missing", "$.response.id", "must have header or pointer" },
	{ ANSWERS("{\"id\":{\"header\":\"A\",\"pointer\":\"/a\"}}"), "missing", "$.response.id", "must have header or pointer" },
	{ ANSWERS("{\"id\":{\"header\":\"A b\"}}"), "bad_header", "$.response.id.header", "" },
	{ ANSWERS("{\"id\":{\"pointer\":\"a\"}}"), "bad_pointer", "$.response.id.pointer", "" },
	{ ANSWERS("{\"id\":{\"pointer\":\"/a\",\"transform\":\"upper\"}}"), "not_one_of", "$.response.id.transform", "before:C" },
	{ ANSWERS("{\"id\":{\"pointer\":\"/a\",\"cut\":1}}"), "unknown_member", "$.response.id.cut", "" },
	{ ANSWERS("{\"id\":\"/id\",\"rules\":{}}"), "wrong_type", "$.response.rules", "" },
	{ RULE("7"), "wrong_type", "$.response.rules[0]", "" },
	{ RULE("{\"if\":1}"), "unknown_member", "$.response.rules[0].if", "" },
	{ RULE("{\"status\":99}"), "not_one_of", "$.response.rules[0].status", "like 429" },
	{ RULE("{\"status\":\"6xx\"}"), "not_one_of", "$.response.rules[0].status", "\"4xx\"" },
	{ RULE("{\"status\":[429,\"4x\"]}"), "not_one_of", "$.response.rules[0].status[1]", "\"4xx\"" },
	{ RULE("{\"status\":[]}"), "missing", "$.response.rules[0].status", "must not be empty" },
	{ RULE("{\"status\":[400,401,402,403,404,405,406,407,408,409,410,411,412,413,414,415,416]}"), "too_long",
		"$.response.rules[0].status[16]", "" },
	{ RULE("{\"header\":{\"A b\":1}}"), "bad_header", "$.response.rules[0].header.A b", "" },
	{ RULE("{\"json\":{\"a\":1}}"), "bad_pointer", "$.response.rules[0].json.a", "" },
	{ RULE("{\"json\":{\"/a\":null}}"), "wrong_type", "$.response.rules[0].json./a", "a string, an integer" },
	{ RULE("{\"json\":{\"/a\":[[]]}}"), "wrong_type", "$.response.rules[0].json./a[0]", "a string, an integer" },
	{ RULE("{\"json\":{\"/a\":{}}}"), "missing", "$.response.rules[0].json./a", "exists, not, like or all" },
	{ RULE("{\"json\":{\"/a\":{\"is\":1}}}"), "unknown_member", "$.response.rules[0].json./a.is", "" },
	{ RULE("{\"json\":{\"/a\":{\"exists\":1}}}"), "wrong_type", "$.response.rules[0].json./a.exists", "true or false" },
	{ RULE("{\"require\":[\"a\"]}"), "bad_pointer", "$.response.rules[0].require[0]", "" },
	{ RULE("{\"require\":[7]}"), "wrong_type", "$.response.rules[0].require[0]", "must be a pointer" },
	{ RULE("{\"status\":400}"), "missing", "$.response.rules[0].outcome", "" },
	{ RULE("{\"status\":400,\"outcome\":\"lost\"}"), "not_one_of", "$.response.rules[0].outcome", "" },
	{ RULE("{\"status\":400,\"outcome\":\"refused\",\"scope\":\"world\"}"), "not_one_of", "$.response.rules[0].scope", "" },
	{ RULE("{\"status\":400,\"outcome\":\"refused\",\"reason\":\"Bad one\"}"), "bad_id", "$.response.rules[0].reason", "lower-case" },
	{ RULE("{\"status\":429,\"outcome\":\"throttled\",\"retry_after_s\":0}"), "out_of_range", "$.response.rules[0].retry_after_s", "" },
	{ RULE("{\"status\":429,\"outcome\":\"throttled\",\"retry_after\":{}}"), "missing", "$.response.rules[0].retry_after", "" },
	{ RULE("{\"status\":429,\"outcome\":\"throttled\",\"retry_after\":{\"header\":\"A\",\"unit\":\"h\"}}"), "not_one_of",
		"$.response.rules[0].retry_after.unit", "" },
	{ RULE("{\"status\":429,\"outcome\":\"throttled\",\"retry_after\":{\"in\":\"A\"}}"), "unknown_member",
		"$.response.rules[0].retry_after.in", "" },
	{ RULE("{\"outcome\":\"refused\"}"), "missing", "$.response.rules[0]", "needs a condition" },
	{ RULE("{\"json\":{\"/ok\":true},\"outcome\":\"accepted\"}"), "out_of_range", "$.response.rules[0].status", "only a 2xx" },
	{ RULE("{\"status\":[200,409],\"outcome\":\"accepted\"}"), "out_of_range", "$.response.rules[0].status", "only a 2xx" },
	/* look-ups */
	{ TOP("\"lookup\":[]"), "wrong_type", "$.lookup", "" },
	{ LOOKUP(",\"id\":\"/id\",\"after\":1"), "unknown_member", "$.lookup.after", "" },
	{ TOP("\"lookup\":{}"), "missing", "$.lookup.request", "" },
	{ LOOKUP_("{\"method\":\"POST\",\"url\":\"https://x.example\"}", "{\"/a\":\"b\"}", ",\"id\":\"/id\""), "not_one_of",
		"$.lookup.request.method", "a look-up is a GET" },
	{ LOOKUP_("{\"method\":\"GET\",\"url\":\"https://x.example\",\"body\":{\"kind\":\"form\",\"fields\":[]}}", "{\"/a\":\"b\"}", ""),
		"unknown_member", "$.lookup.request.body", "a GET has no body" },
	{ LOOKUP_("{\"method\":\"GET\",\"url\":\"https://x.example\",\"query\":[[\"k\",\"{config.token}\"]]}", "{\"/a\":\"b\"}", ""),
		"secret_in_url", "$.lookup.request.query", "is a secret" },
	{ LOOKUP_(GET, "{}", ",\"id\":\"/id\""), "missing", "$.lookup.match", "any message would do" },
	{ LOOKUP_(GET, "7", ""), "wrong_type", "$.lookup.match", "" },
	{ LOOKUP_(GET, "{\"a\":\"b\"}", ""), "bad_pointer", "$.lookup.match.a", "" },
	{ LOOKUP_(GET, "{\"/a\":7}", ""), "wrong_type", "$.lookup.match./a", "must be a string" },
	{ LOOKUP(""), "missing", "$.lookup.id", "" },
	{ LOOKUP(",\"id\":\"/id\",\"each\":\"items\""), "bad_pointer", "$.lookup.each", "" },
	{ LOOKUP(",\"id\":\"/id\",\"since\":\"at\""), "bad_pointer", "$.lookup.since", "" },
	{ LOOKUP(",\"id\":\"/id\",\"more\":\"next\""), "bad_pointer", "$.lookup.more", "" },
	{ LOOKUP(",\"id\":\"/id\",\"not_found_status\":200"), "out_of_range", "$.lookup.not_found_status", "" },
	{ LOOKUP(",\"id\":\"/id\",\"conclusive_after_s\":0"), "out_of_range", "$.lookup.conclusive_after_s", "" },
	{ LOOKUP(",\"id\":7"), "wrong_type", "$.lookup.id", "" },
};

static void refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		const struct refusal *row = &refusals[i];
		struct adapter *adapter = (struct adapter *)(uintptr_t)&refusals;
		struct err err = { 0 };

		if (adapter_parse(row->json, strlen(row->json), &adapter, &err) != -EBADMSG)
			fail_msg("not refused: %s", row->json);
		if (strcmp(err.code, row->code) || strcmp(err.path, row->path) || !err.text[0] || !strstr(err.text, row->says))
			fail_msg("%s\n%s %s %s", row->json, err.code, err.path, err.text);
		assert_ptr_equal(adapter, &refusals); /* untouched */
		assert_int_equal(adapter_parse(row->json, strlen(row->json), &adapter, NULL), -EBADMSG);
	}
}

static void traits(void **state)
{
	struct adapter *bare = parse(TOP("\"help\":\"x\""));
	CLEANUP(adapter_freep) struct adapter *full = parse(LOOKUP(
		",\"id\":\"/id\",\"not_before_s\":5,\"conclusive_after_s\":600},\"limits\":{\"per_second\":3,\"concurrency\":9},"
		"\"features\":{\"idempotency\":{\"kind\":\"header\",\"header\":\"X-Key\",\"window_s\":86400}"));
	CLEANUP(adapter_freep) struct adapter *none = parse(TOP("\"features\":{\"idempotency\":\"none\"}"));
	CLEANUP(adapter_freep) struct adapter *timed = parse(AGAIN("{\"id\":\"{dispatch.id}\"}", "{now|epoch}")); /* its body is the same */
	struct adapter *second = adapter_ref(bare);

	(void)state;
	assert_string_equal(adapter_name(bare), "x");
	assert_int_equal(adapter_idempotency_ms(timed), MINUTE_MS);
	assert_true(adapter_serves(bare, CHANNEL_EMAIL) && adapter_serves(bare, CHANNEL_SMS) && !adapter_serves(bare, CHANNEL_VOICE));
	assert_true(adapter_limits(bare).concurrency == 4 && adapter_limits(bare).per_second == 0 && adapter_idempotency_ms(bare) == 0);
	assert_true(!adapter_can_lookup(bare) && adapter_lookup_conclusive_ms(bare) == 0);
	assert_int_equal(adapter_idempotency_ms(none), 0);
	assert_true(adapter_limits(full).concurrency == 9 && adapter_limits(full).per_second == 3);
	assert_int_equal(adapter_idempotency_ms(full), DAY_MS);
	assert_true(adapter_can_lookup(full) && adapter_lookup_not_before_ms(full) == 5 * SECOND_MS);
	assert_int_equal(adapter_lookup_conclusive_ms(full), 600 * SECOND_MS);
	adapter_free(bare);
	assert_string_equal(adapter_name(second), "x"); /* requests under way outlive a reload */
	adapter_free(second);
	adapter_free(NULL);
}

/* --- means ----------------------------------------------------------------------------------------------------------- */

#define KEY_ALONE MEANS("\"key\":{\"secret\":true}", "{config.key}", "")
#define MANY MEANS("\"a\":{},\"b\":{},\"c\":{},\"d\":{},\"key\":{\"secret\":true}", "{config.a}{config.b}{config.c}{config.d}{config.key}", "")
#define KEY_AND_ACCOUNT MEANS("\"key\":{\"secret\":true},\"who\":{\"account\":true}", "{config.who}:{config.key}", "")

/* One that names where it is told what became of it. */
#define TOLD MEANS("\"key\":{\"secret\":true},\"told_at\":{\"webhook\":\"\"}", "{config.key}{config.told_at}", ",\"webhooks\":[{\"parse\":\"json\"," \
	"\"verify\":{\"kind\":\"none\",\"why\":\"x\"},\"events\":{\"message\":\"/id\",\"type\":\"/type\",\"map\":{\"*\":\"other\"}}}]")

static const struct {
	const char *name, *one, *other, *settings_of_one[11], *settings_of_other[11];
	bool same;
} means_rows[] = {
	{ "the same", KEY_ALONE, KEY_ALONE, { "key", "k1" }, { "key", "k1" }, true },
	{ "one key under two names", KEY_ALONE, KEY_ALONE, { "key", "k1" }, { "key", "k1-again" }, true },
	{ "another key", KEY_ALONE, KEY_ALONE, { "key", "k1" }, { "key", "k2" }, false },
	{ "another address", KEY_ALONE, KEY_ALONE, { "key", "k1" }, { "key", "k1", "base", "https://y.example" }, false },
	{ "the address that it has anyway", KEY_ALONE, KEY_ALONE, { "key", "k1" }, { "key", "k1", "base", "https://x.example" }, true },
	{ "what only its webhooks need", KEY_ALONE, KEY_ALONE, { "key", "k1" }, { "key", "k1", "hook", "k2" }, true },
	{ "another key of an account", KEY_AND_ACCOUNT, KEY_AND_ACCOUNT, { "who", "me", "key", "k1" }, { "who", "me", "key", "k2" }, true },
	{ "another account", KEY_AND_ACCOUNT, KEY_AND_ACCOUNT, { "who", "me", "key", "k1" }, { "who", "you", "key", "k1" }, false },
	{ "another file", KEY_ALONE, MEANS("\"key\":{\"secret\":true}", "a{config.key}", ""), { "key", "k1" }, { "key", "k1" }, false },
	{ "comments, and what is told", KEY_ALONE, MEANS("/* new */\"key\":{\"secret\":true}", "{config.key}", ",\"help\":\"x\""),
		{ "key", "k1" }, { "key", "k1" }, true },
	{ "a look-up more", KEY_ALONE, MEANS("\"key\":{\"secret\":true}", "{config.key}", ",\"lookup\":{\"request\":" GET ",\"match\":"
		"\"request\",\"id\":\"/id\"}"), { "key", "k1" }, { "key", "k1" }, false },
	{ "one of many", MANY, MANY, { "a", "1", "b", "2", "c", "3", "d", "4", "key", "k1" }, { "a", "1", "b", "2", "c", "3", "d", "5", "key", "k1" },
		false },
	{ "a value that goes over into the next", KEY_AND_ACCOUNT, KEY_AND_ACCOUNT, { "base", "ab", "who", "c" }, { "base", "a", "who", "bc" }, false },
};

static const char *key_named(const char *credential, void *arg)
{
	(void)arg;
	return strncmp(credential, "k1", 2) == 0 ? "first key" : "second key";
}

static char *means_of(const char *json, const char *const *pairs, const char *install_key, char ret[LIBRARY_MEANS_SIZE])
{
	CLEANUP(adapter_freep) struct adapter *adapter = parse(json);
	const struct provider_settings settings = { .name = "p", .settings = pairs };
	const struct library_provider provider = { .name = "p", .adapter = adapter, .settings = &settings };

	return library_means(&provider, false, (const uint8_t *)install_key, key_named, NULL, ret);
}

/* Another public address makes another request of a message that names it, whether it was typed or not. */
static void means_with_an_address_of_ours(void **state)
{
	static const char install_key[32] = "an install key for these tests";
	static const char *const pairs[] = { "key", "k1", NULL }, *const typed[] = { "key", "k1", "told_at", "https://a.example/hooks/p", NULL };
	CLEANUP(adapter_freep) struct adapter *adapter = parse(TOLD);
	struct provider_settings settings = { .name = "p", .settings = pairs, .hooks_url = "https://a.example/hooks/p" };
	const struct library_provider provider = { .name = "p", .adapter = adapter, .settings = &settings };
	char one[LIBRARY_MEANS_SIZE], other[LIBRARY_MEANS_SIZE];

	(void)state;
	library_means(&provider, false, (const uint8_t *)install_key, key_named, NULL, one);
	settings.settings = typed;
	assert_string_equal(one, library_means(&provider, false, (const uint8_t *)install_key, key_named, NULL, other));
	settings.settings = pairs;
	settings.hooks_url = "https://b.example/hooks/p";
	assert_string_not_equal(one, library_means(&provider, false, (const uint8_t *)install_key, key_named, NULL, other));
	settings.hooks_url = NULL;
	assert_string_not_equal(one, library_means(&provider, false, (const uint8_t *)install_key, key_named, NULL, other));
}

static void means(void **state)
{
	static const char install_key[32] = "an install key for these tests", other_key[32] = "another install key";
	const struct library_provider outbox = { .name = "outbox" };
	char one[LIBRARY_MEANS_SIZE], other[LIBRARY_MEANS_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(means_rows); i++) {
		means_of(means_rows[i].one, means_rows[i].settings_of_one, install_key, one);
		means_of(means_rows[i].other, means_rows[i].settings_of_other, install_key, other);
		assert_int_equal(strlen(one), LIBRARY_MEANS_SIZE - 1);
		if ((strcmp(one, other) == 0) != means_rows[i].same)
			fail_msg("%s: %s, %s", means_rows[i].name, one, other);
	}
	means_of(KEY_ALONE, means_rows[0].settings_of_one, install_key, one);
	assert_string_not_equal(one, means_of(KEY_ALONE, means_rows[0].settings_of_one, other_key, other)); /* nothing to try words against */
	library_means(&(struct library_provider){ .name = "p" }, false, (const uint8_t *)install_key, NULL, NULL, one);
	assert_string_equal(one, library_means(&(struct library_provider){ .name = "p", .smtp = &(struct smtp_settings){ 0 } }, true,
		(const uint8_t *)install_key, NULL, NULL, other)); /* in shadow mode all are the outbox */
	assert_string_not_equal(one, library_means(&(struct library_provider){ .name = "p", .smtp = &(struct smtp_settings){ 0 } }, false,
		(const uint8_t *)install_key, NULL, NULL, other));
	means_of(KEY_ALONE, means_rows[0].settings_of_one, install_key, one);
	assert_string_not_equal(one, library_means(&outbox, false, (const uint8_t *)install_key, NULL, NULL, other));
}

/* --- requests -------------------------------------------------------------------------------------------------------- */

static const char *secret_of(const char *credential, void *arg)
{
	(void)arg;
	return strcmp(credential, "x.token") == 0 ? "s3cr&t" : NULL;
}

static const char *const settings_pairs[] = { "token", "x.token", "user", "me@example", NULL };
static const struct provider_settings settings = { .name = "x", .settings = settings_pairs };
static const char *const invoice_ids[] = { "inv_1", "inv/2" };

static struct message some_message(void)
{
	return (struct message){ .attempt_id = "01JX9000000000000000000000", .channel = CHANNEL_EMAIL, .provider = "x",
		.to = { .name = "Mme \"R\\oy\"", .email = "a+b@dupont.example", .phone = "+33100000000" },
		.from = { .name = "Acme", .email = "mail@acme.example" }, .locale = "fr", .subject = "S\xc3\xa9", .text = "Bonjour\n",
		.debtor_id = "cus_7", .step = "reminder", .policy = "p", .invoice_ids = invoice_ids, .invoice_count = 2 };
}

struct built {
	struct arena *arena;
	struct adapter *adapter;
	struct message message;
	struct adapter_input input;
	struct http_request request;
	struct err err;
};

static int build(struct built *b, const char *json)
{
	*b = (struct built){ .arena = arena_create(), .adapter = parse(json), .message = some_message() };
	b->input = (struct adapter_input){ .settings = &settings, .secret = secret_of, .message = &b->message,
		.now = INT64_C(1775030400123), .sent_at = INT64_C(1775030000000) };
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
	{ "numbers and words", BODY("{\"n\":\"{config.n|int}\",\"r\":7,\"t\":true,\"z\":null,\"a\":[1,\"x\"],\"e\":{}}"),
		"{\"n\":7,\"r\":7,\"t\":true,\"z\":null,\"a\":[1,\"x\"],\"e\":{}}", NULL },
	{ "a number inside a text", BODY("{\"n\":\"n={config.n|int};{now|epoch}\"}"), "{\"n\":\"n=7;1775030400\"}", NULL },
	{ "no value breaks out", BODY("{\"a\":\"x{to.name}\"}"), "{\"a\":\"xMme \\\"R\\\\oy\\\"\"}", NULL },
	{ "braces", BODY("{\"a\":\"{{{subject}}}\"}"), "{\"a\":\"{S\xc3\xa9}\"}", NULL },
	{ "an empty text", BODY("{\"a\":\"\"}"), "{\"a\":\"\"}", NULL },
	{ "lists, pairs", BODY("{\"l\":\"{invoices}\",\"m\":\"{metadata}\"}"),
		"{\"l\":[\"inv_1\",\"inv/2\"],\"m\":{\"attempt\":\"01JX9000000000000000000000\",\"invoice\":\"inv_1\",\"step\":\"reminder\"}}",
		NULL },
	{ "join and json", BODY("{\"l\":\"{invoices|join:, }\",\"j\":\"{metadata|json}\",\"p\":\"{from|json}\"}"),
		"{\"l\":\"inv_1, inv/2\",\"j\":\"{\\\"attempt\\\":\\\"01JX9000000000000000000000\\\",\\\"invoice\\\":\\\"inv_1\\\",\\\"step\\\":"
		"\\\"reminder\\\"}\",\"p\":\"{\\\"name\\\":\\\"Acme\\\",\\\"email\\\":\\\"mail@acme.example\\\"}\"}",
		NULL },
	{ "an address", BODY("[\"{to|address}\",\"{from|address}\"]"),
		"[\"\\\"Mme \\\\\\\"R\\\\\\\\oy\\\\\\\"\\\" <a+b@dupont.example>\",\"\\\"Acme\\\" <mail@acme.example>\"]", NULL },
	{ "digits, phone, cut, base64", BODY("[\"{to.phone|digits}\",\"{to.phone|e164}\",\"{subject|trunc:1}\",\"{subject|trunc:9}\",\"{text|base64}\"]"),
		"[\"33100000000\",\"+33100000000\",\"S\",\"S\xc3\xa9\",\"Qm9uam91cgo=\"]", NULL },
	{ "times", BODY("[\"{now}\",\"{now|iso8601}\",\"{now|date}\",\"{now|epoch|digits}\"]"),
		"[1775030400123,\"2026-04-01T08:00:00.123Z\",\"2026-04-01\",\"1775030400\"]", NULL },
	{ "names of the model", BODY("[\"{channel}\",\"{invoice}\",\"{locale}\",\"{debtor}\",\"{step}\",\"{policy}\",\"{dispatch.id}\"]"),
		"[\"email\",\"inv_1\",\"fr\",\"cus_7\",\"reminder\",\"p\",\"01JX9000000000000000000000\"]", NULL },
	{ "each", BODY("{\"l\":{\"$each\":\"invoices\",\"do\":{\"id\":\"{item}\"}}}"), "{\"l\":[{\"id\":\"inv_1\"},{\"id\":\"inv/2\"}]}", NULL },
	{ "each inside a list goes into it", BODY("[0,{\"$each\":\"invoices\",\"do\":\"{item|path}\"}]"), "[0,\"inv_1\",\"inv%2F2\"]", NULL },
	{ "if", BODY("{\"a\":{\"$if\":\"html\",\"then\":1,\"else\":2},\"b\":{\"$if\":\"html\",\"then\":1},\"c\":{\"$if\":\"text\",\"then\":3}}"),
		"{\"a\":2,\"c\":3}", NULL },
	{ "opt", BODY("{\"a\":{\"$opt\":\"{html}\"},\"b\":{\"$opt\":\"{text}\"},\"c\":{\"$opt\":{\"d\":{\"$opt\":\"{html}\"}}},"
		"\"e\":{\"$opt\":{\"f\":1}}}"),
		"{\"b\":\"Bonjour\\n\",\"e\":{\"f\":1}}", NULL },
	{ "map", BODY("{\"$map\":\"metadata\",\"key\":\"x-{key}\",\"value\":\"{value}.\"}"),
		"{\"x-attempt\":\"01JX9000000000000000000000.\",\"x-invoice\":\"inv_1.\",\"x-step\":\"reminder.\"}", NULL },
	{ "a missing value", BODY("{\"a\":\"{html}\"}"), NULL, "missing_value" },
	{ "a missing value inside a text", BODY("{\"a\":\"x{html}\"}"), NULL, "missing_value" },
	{ "no reply-to, hence no address", BODY("{\"a\":\"{from.reply_to}\"}"), NULL, "missing_value" },
	{ "a setting that is not set", BODY("{\"$if\":\"config.user\",\"then\":\"{config.user}\"}"), "\"me@example\"", NULL },
	{ "what is no number", BODY("\"{config.user|int}\""), NULL, "bad_value" },
	{ "what is no digit", BODY("\"{step|digits}\""), NULL, "bad_value" },
	{ "what is no phone", BODY("\"{step|e164}\""), NULL, "bad_value" },
	{ "a form", FORM("[[\"to\",\"{to.email}\"],[\"a b\",\"{to.name}\"],[\"h\",{\"$opt\":\"{html}\"}],[\"t\",{\"$opt\":\"{text}\"}]]"),
		"to=a%2Bb%40dupont.example&a%20b=Mme%20%22R%5Coy%22&t=Bonjour%0A", NULL },
	{ "a form with operators",
		FORM("[{\"$each\":\"invoices\",\"do\":[[\"inv\",\"{item}\"]]},{\"$if\":\"html\",\"then\":[[\"k\",\"html\"]],\"else\":[[\"k\",\"text\"]]},"
			"{\"$map\":\"metadata\",\"key\":\"v:{key}\",\"value\":\"{value}\"},{\"$if\":\"html\",\"then\":[[\"z\",\"1\"]]}]"),
		"inv=inv_1&inv=inv%2F2&k=text&v%3Aattempt=01JX9000000000000000000000&v%3Ainvoice=inv_1&v%3Astep=reminder", NULL },
	{ "a form with a missing value", FORM("[[\"a\",\"{html}\"]]"), NULL, "missing_value" },
	{ "a form, missing inside each", FORM("[{\"$each\":\"invoices\",\"do\":[[\"a\",\"{html}\"]]}]"), NULL, "missing_value" },
	{ "a form, missing inside a map", FORM("[{\"$map\":\"metadata\",\"key\":\"{html}\",\"value\":\"x\"}]"), NULL, "missing_value" },
	{ "missing inside each", BODY("{\"$each\":\"invoices\",\"do\":\"{html}\"}"), NULL, "missing_value" },
	{ "missing inside a map", BODY("{\"$map\":\"metadata\",\"key\":\"k\",\"value\":\"{html}\"}"), NULL, "missing_value" },
	{ "missing inside an option", BODY("{\"$opt\":{\"a\":\"{html}\"}}"), NULL, "missing_value" },
};

static void body_row(void **state)
{
	const struct body_row *row = *state;
	struct built b;
	int r = build(&b, row->json);

	if (row->body) {
		if (r < 0)
			fail_msg("%s %s %s", b.err.code, b.err.path, b.err.text);
		assert_string_equal(b.request.body, row->body);
		assert_int_equal(b.request.body_len, strlen(row->body));
	} else {
		assert_int_equal(r, -EBADMSG);
		assert_string_equal(b.err.code, row->code);
		assert_true(b.err.path[0] == '{' && b.err.text[0]); /* the value is named as the file writes it */
	}
	built_clear(&b);
}

static void urls_headers_and_auth(void **state)
{
	struct built b;

	(void)state;
	assert_int_equal(build(&b, SEND("\"method\":\"PUT\",\"timeout_ms\":5000,\"url\":\"{config.base}/m/{dispatch.id|path}\","
		"\"query\":[[\"to\",\"{to.email}\"],[\"k\",\"1\"]],\"headers\":[[\"X-Step\",\"{step}\"],[\"X-Html\",{\"$opt\":\"{html}\"}]],"
		"\"auth\":{\"kind\":\"basic\",\"user\":\"{config.user}\",\"password\":\"{config.token}\"}")), 0);
	assert_string_equal(b.request.method, "PUT");
	assert_string_equal(b.request.url, "https://x.example/m/01JX9000000000000000000000?to=a%2Bb%40dupont.example&k=1");
	assert_int_equal(b.request.timeout_ms, 5000);
	assert_string_equal(header(&b, "Authorization"), "Basic bWVAZXhhbXBsZTpzM2NyJnQ="); /* me@example:s3cr&t */
	assert_string_equal(header(&b, "X-Step"), "reminder");
	assert_null(header(&b, "X-Html"));
	assert_null(header(&b, "Content-Type"));
	assert_null(b.request.body);
	b.input.secret = NULL; /* for records */
	assert_int_equal(adapter_request(b.adapter, &b.input, b.arena, &b.request, &b.err), 0);
	assert_string_equal(header(&b, "Authorization"), "Basic ***");
	built_clear(&b);

	assert_int_equal(build(&b, AUTH("{\"kind\":\"bearer\",\"token\":\"{config.token}\"},\"body\":{\"kind\":\"json\",\"value\":{}}")), 0);
	assert_string_equal(header(&b, "Authorization"), "Bearer s3cr&t");
	assert_string_equal(header(&b, "Content-Type"), "application/json");
	assert_string_equal(header(&b, "Accept"), "application/json");
	assert_int_equal(b.request.timeout_ms, 30000);
	b.input.secret = NULL;
	assert_int_equal(adapter_request(b.adapter, &b.input, b.arena, &b.request, &b.err), 0);
	assert_string_equal(header(&b, "Authorization"), "Bearer ***");
	built_clear(&b);

	assert_int_equal(build(&b, AUTH("{\"kind\":\"header\",\"name\":\"X-Key\",\"value\":\"{config.token}\"},\"body\":{\"kind\":\"form\","
		"\"fields\":[]}")), 0);
	assert_string_equal(header(&b, "X-Key"), "s3cr&t");
	assert_string_equal(header(&b, "Content-Type"), "application/x-www-form-urlencoded");
	built_clear(&b);

	assert_int_equal(build(&b, SEND("\"method\":\"POST\",\"url\":\"https://x.example?v=1\",\"auth\":{\"kind\":\"query\",\"name\":\"key\","
		"\"value\":\"{config.token}\"},\"query\":[[\"a\",\"b\"]]")), 0);
	assert_string_equal(b.request.url, "https://x.example?v=1&a=b&key=s3cr%26t");
	built_clear(&b);

	assert_int_equal(build(&b, TOP("\"features\":{\"idempotency\":{\"kind\":\"header\",\"header\":\"Idempotency-Key\",\"window_s\":9}}")), 0);
	assert_string_equal(header(&b, "Idempotency-Key"), b.message.attempt_id);
	built_clear(&b);
}

static const struct url_row {
	const char *base, *says; /* NULL: taken */
} url_rows[] = {
	{ "https://x.example", NULL },
	{ "https://x.example:8443/a?b=c", NULL },
	{ "http://localhost:8080", NULL },
	{ "http://127.0.0.1:1/x", NULL },
	{ "http://127.8.9.10", NULL },
	{ "http://[::1]:8080/x", NULL },
	{ "http://LOCALHOST", NULL },
	{ "http://x.example", "use https://" },
	{ "http://localhost.x.example", "use https://" },
	{ "http://127.0.0.1.x.example", "use https://" },
	{ "http://10.0.0.1", "use https://" },
	{ "http://[::2]", "use https://" },
	{ "http://[::1].x.example/", "behind" },
	{ "https://[::1]x", "behind" },
	{ "https://[::1", "behind" },
	{ "ftp://x.example", "must begin with https://" },
	{ "//x.example", "must begin with https://" },
	{ "https://", "must name a host and no user" },
	{ "https:///path", "must name a host and no user" },
	{ "https://me@x.example", "must name a host and no user" },
	{ "https://localhost@x.example", "must name a host and no user" },
	{ "https://x.example\\@y.example", "must be escaped" },
	{ "https://x.example/a b", "must be escaped" },
	{ "https://x.example/\xc3\xa9", "must be escaped" },
	{ "https://x.example/\r\nHost: y", "must be escaped" },
};

/* The base comes from the settings: where requests go must hold whatever it is. */
static void where_requests_go(void **state)
{
	static const char json[] = SEND("\"method\":\"POST\",\"url\":\"{config.base}\",\"auth\":{\"kind\":\"none\"}");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(url_rows); i++) {
		const char *const pairs[] = { "base", url_rows[i].base, NULL };
		const struct provider_settings own = { .name = "x", .settings = pairs };
		CLEANUP(adapter_freep) struct adapter *adapter = parse(json);
		struct err err = { 0 };
		int r = adapter_check_settings(adapter, &own, &err);

		if (r != (url_rows[i].says ? -EBADMSG : 0) || (url_rows[i].says && !strstr(err.text, url_rows[i].says)))
			fail_msg("%s: %d %s", url_rows[i].base, r, err.text);
		if (url_rows[i].says)
			assert_string_equal(err.code, "bad_url");
	}
}

static void requests_that_cannot_be(void **state)
{
	struct built b;
	static char longest[5000];

	(void)state;
	assert_int_equal(build(&b, BODY("{}")), 0);
	b.message.channel = CHANNEL_CALL;
	assert_int_equal(adapter_request(b.adapter, &b.input, b.arena, &b.request, &b.err), -EBADMSG);
	assert_non_null(strstr(b.err.text, "x does not carry call"));
	b.message = some_message();
	b.message.to.email = "nobody";
	err_clear(&b.err);
	assert_int_equal(adapter_request(b.adapter, &b.input, b.arena, &b.request, &b.err), -EBADMSG);
	assert_string_equal(b.err.code, "bad_address");
	b.message = some_message();
	b.message.subject = "a\r\nBcc: x@y.example";
	err_clear(&b.err);
	assert_int_equal(adapter_request(b.adapter, &b.input, b.arena, &b.request, &b.err), -EBADMSG);
	assert_string_equal(b.err.code, "control_character");
	built_clear(&b);

	/* A header made of the text, which may have lines of its own. */
	assert_int_equal(build(&b, SENT("\"headers\":[[\"X-Text\",\"{text}\"]]")), -EBADMSG);
	assert_string_equal(b.err.code, "control_character");
	assert_non_null(strstr(b.err.text, "X-Text"));
	memset(longest, 'h', sizeof(longest) - 1);
	b.message.text = longest;
	err_clear(&b.err);
	assert_int_equal(adapter_request(b.adapter, &b.input, b.arena, &b.request, &b.err), -EBADMSG);
	assert_string_equal(b.err.code, "too_long");
	built_clear(&b);

	assert_int_equal(build(&b, SENT("\"query\":[[\"t\",\"{text}\"]]")), 0);
	b.message.text = longest;
	assert_int_equal(adapter_request(b.adapter, &b.input, b.arena, &b.request, &b.err), -EBADMSG);
	assert_non_null(strstr(b.err.text, "the URL is too long"));
	built_clear(&b);

	assert_int_equal(build(&b, TOP("\"features\":{\"max_request_bytes\":1000}")), 0);
	built_clear(&b);
	assert_int_equal(build(&b, "{" HEAD ",\"features\":{\"max_request_bytes\":1000},\"send\":{\"method\":\"POST\",\"url\":"
		"\"https://x.example\",\"auth\":{\"kind\":\"none\"},\"body\":{\"kind\":\"json\",\"value\":\"{text}\"}}," RESPONSE "}"), 0);
	b.message.text = longest;
	assert_int_equal(adapter_request(b.adapter, &b.input, b.arena, &b.request, &b.err), -EBADMSG);
	assert_non_null(strstr(b.err.text, "5001 bytes, the provider takes 1000"));
	built_clear(&b);

	assert_int_equal(build(&b, SENT("\"headers\":[{\"$each\":\"invoices\",\"do\":[[\"A\",\"{item}\"]]}]")), 0);
	{
		const char *many[60];

		for (size_t i = 0; i < ARRAY_LEN(many); i++)
			many[i] = "inv";
		b.message.invoice_ids = many;
		b.message.invoice_count = ARRAY_LEN(many);
		assert_int_equal(adapter_request(b.adapter, &b.input, b.arena, &b.request, &b.err), -EBADMSG);
		assert_non_null(strstr(b.err.text, "too many headers"));
	}
	built_clear(&b);

	assert_int_equal(build(&b, AUTH("{\"kind\":\"basic\",\"user\":\"a:b\",\"password\":\"{config.token}\"}")), -EBADMSG);
	assert_non_null(strstr(b.err.text, "must not contain ':'"));
	built_clear(&b);

	/* A path segment that would lead elsewhere. */
	assert_int_equal(build(&b, URL("\"https://x.example/{debtor|path}\"")), 0);
	b.message.debtor_id = "..";
	assert_int_equal(adapter_request(b.adapter, &b.input, b.arena, &b.request, &b.err), -EBADMSG);
	assert_string_equal(b.err.code, "bad_value");
	b.message.debtor_id = "a/../b?c";
	assert_int_equal(adapter_request(b.adapter, &b.input, b.arena, &b.request, NULL), 0);
	assert_string_equal(b.request.url, "https://x.example/a%2F..%2Fb%3Fc");
	built_clear(&b);
}

static void words_as_flags(void **state)
{
	static const struct {
		const char *value, *body;
	} rows[] = { { "true", "[true]" }, { "1", "[true]" }, { "false", "[false]" }, { "0", "[false]" }, { "", "[false]" },
		{ "yes", NULL } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *const pairs[] = { "user", rows[i].value, NULL };
		const struct provider_settings own = { .name = "x", .settings = pairs };
		struct built b;

		(void)build(&b, BODY("[\"{config.user|bool}\"]"));
		b.input.settings = &own;
		err_clear(&b.err);
		assert_int_equal(adapter_request(b.adapter, &b.input, b.arena, &b.request, &b.err), rows[i].body ? 0 : -EBADMSG);
		if (rows[i].body)
			assert_string_equal(b.request.body, rows[i].body);
		built_clear(&b);
	}
}

/* --- settings -------------------------------------------------------------------------------------------------------- */

static int note_secret(const char *credential, void *arg)
{
	strcat(arg, credential);
	return strcmp(credential, "stop") == 0 ? 7 : 0;
}

static void settings_are_checked(void **state)
{
	static const char json[] = "{\"adapter\":1,\"name\":\"x\",\"channel\":\"sms\",\"config\":{\"base\":{\"required\":true},\"token\":"
		"{\"required\":true,\"secret\":true},\"other\":{\"secret\":true},\"n\":{\"required\":true,\"default\":\"7\"}},"
		"\"send\":{\"method\":\"POST\",\"url\":\"{config.base}\",\"auth\":{\"kind\":\"bearer\",\"token\":\"{config.token}\"}},"
		"\"lookup\":{\"request\":{\"method\":\"GET\",\"url\":\"{config.base}/{dispatch.id|path}\"},\"match\":{\"/id\":\"{dispatch.id}\"},"
		"\"id\":\"/id\"}," RESPONSE "}";
	static const struct {
		const char *pairs[9], *code, *path;
	} rows[] = {
		{ { "base", "https://x.example", "token", "x.token", NULL }, NULL, NULL },
		{ { "base", "https://x.example", NULL }, "missing", "$.settings.token" },
		{ { "base", "", "token", "x.token", NULL }, "missing", "$.settings.base" },
		{ { "base", "https://x.example", "token", "x.token", "bse", "1", NULL }, "unknown_member", "$.settings.bse" },
		{ { "base", "https://x.example", "token", "the secret itself", NULL }, "bad_id", "$.settings.token" },
		{ { "base", "http://x.example", "token", "x.token", NULL }, "bad_url", "" },
	};
	CLEANUP(adapter_freep) struct adapter *adapter = parse(json);
	const char *const two[] = { "token", "a", "other", "b", NULL }, *const stop[] = { "token", "stop", "other", "b", NULL };
	char seen[40] = "";

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct provider_settings own = { .settings = rows[i].pairs };
		struct err err = { 0 };
		int r = adapter_check_settings(adapter, &own, &err);

		if (r != (rows[i].code ? -EBADMSG : 0) || strcmp(err.code, rows[i].code ? rows[i].code : "") ||
			strcmp(err.path, rows[i].path ? rows[i].path : ""))
			fail_msg("%zu: %d %s %s %s", i, r, err.code, err.path, err.text);
	}
	assert_int_equal(adapter_check_settings(adapter, &(struct provider_settings){ .name = "x" }, NULL), -EBADMSG);
	assert_int_equal(adapter_each_secret(adapter, &(struct provider_settings){ .settings = two }, note_secret, seen), 0);
	assert_string_equal(seen, "ab");
	seen[0] = '\0';
	assert_int_equal(adapter_each_secret(adapter, &(struct provider_settings){ .settings = stop }, note_secret, seen), 7);
	assert_string_equal(seen, "stop");
}

static void a_credential_that_is_not_there(void **state)
{
	const char *const pairs[] = { "token", "nothing", NULL };
	const struct provider_settings own = { .settings = pairs };
	struct built b;

	(void)state;
	assert_int_equal(build(&b, AUTH("{\"kind\":\"bearer\",\"token\":\"{config.token}\"}")), 0);
	b.input.settings = &own;
	assert_int_equal(adapter_request(b.adapter, &b.input, b.arena, &b.request, &b.err), -ENOENT);
	assert_string_equal(b.err.code, "no_credential");
	assert_non_null(strstr(b.err.text, "\"nothing\" for the setting token"));
	b.input.settings = NULL;
	err_clear(&b.err);
	assert_int_equal(adapter_request(b.adapter, &b.input, b.arena, &b.request, &b.err), -EBADMSG);
	assert_string_equal(b.err.code, "missing_value");
	built_clear(&b);
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(refused),
		cmocka_unit_test(traits),
		cmocka_unit_test(means),
		cmocka_unit_test(means_with_an_address_of_ours),
		cmocka_unit_test(urls_headers_and_auth),
		cmocka_unit_test(where_requests_go),
		cmocka_unit_test(requests_that_cannot_be),
		cmocka_unit_test(words_as_flags),
		cmocka_unit_test(settings_are_checked),
		cmocka_unit_test(a_credential_that_is_not_there),
	};
	static struct CMUnitTest tests[ARRAY_LEN(others) + ARRAY_LEN(body_rows)];

	memcpy(tests, others, sizeof(others));
	for (size_t i = 0; i < ARRAY_LEN(body_rows); i++)
		tests[ARRAY_LEN(others) + i] = (struct CMUnitTest){ .name = body_rows[i].name, .test_func = body_row,
			.initial_state = (void *)(uintptr_t)&body_rows[i] };
	return cmocka_run_group_tests_name("adapter", tests, NULL, NULL);
}
