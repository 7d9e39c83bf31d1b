/* trail.anchors of the configuration: what is read, and what every refusal says and where. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/config.h"
#include "common/utc.h"

#define WITH(anchors)                                                                                                               \
	"{\"origin\":\"trail.example.com/acme\",\"creditor\":{\"name\":\"Acme\",\"locale\":\"fr-FR\",\"zone\":\"Europe/Paris\"},"   \
	"\"senders\":{\"default\":{\"name\":\"Acme\",\"email\":\"mail@acme.example\"}},\"trail\":{\"anchors\":" anchors "}}"
#define KEY "witness-1.vectors.example.com+450ab48f+BJ0fcQjZ9S0AaGDDQremXU+kJc9KMydZVH7WOHmORA2S"
#define LOG_KEY "vectors.example.com/trail-a+752d6978+Ad5lPzH7ROASpZhGQTpQ96eNkXeumzrjrCXTiB0Z2cGg"
#define STAMP(more) WITH("{\"a\":{\"kind\":\"timestamp\",\"url\":\"http://tsa.example/tsr\",\"roots\":\"/etc/tsa.pem\"" more "}}")
#define WITNESS(more) WITH("{\"a\":{\"kind\":\"witness\",\"url\":\"https://w.example/p\"" more "}}")
#define STORE(url, more)                                                                                                            \
	WITH("{\"a\":{\"kind\":\"s3\",\"url\":\"" url "\",\"bucket\":\"copies\",\"region\":\"eu-west-3\",\"id\":\"s3-id\"," \
	     "\"secret\":\"s3-secret\"" more "}}")

static void all_kinds_are_read(void **state)
{
	static const char json[] = WITH(
		"{\"tsa-1\":{\"kind\":\"timestamp\",\"url\":\"https://tsa.example/tsr\",\"roots\":\"/etc/tsa.pem\",\"policy\":\"1.2.3\","
		"\"authorization\":\"tsa.login\",\"every\":\"24h\",\"timeout\":\"10s\"},"
		"\"witness-1\":{\"kind\":\"witness\",\"url\":\"https://w.example/p\",\"verifier_key\":\"" KEY "\"},"
		"\"copies\":{\"kind\":\"s3\",\"url\":\"https://s3.example\",\"bucket\":\"my.copies\",\"keys_bucket\":\"my.keys\",\"region\":\"eu-west-3\",\"id\":\"s3-id\","
		"\"secret\":\"s3-secret\",\"retain\":\"30d\",\"lock\":\"governance\"}}");
	CLEANUP(config_freep) struct config *c = NULL;
	struct err err = { 0 };

	(void)state;
	if (config_parse(json, strlen(json), &c, &err) < 0)
		fail_msg("%s %s", err.path, err.text);
	assert_int_equal(c->anchor_count, 3);
	assert_string_equal(c->anchors[0].name, "tsa-1");
	assert_int_equal(c->anchors[0].kind, ANCHOR_TIMESTAMP);
	assert_string_equal(c->anchors[0].url, "https://tsa.example/tsr");
	assert_string_equal(c->anchors[0].policy, "1.2.3");
	assert_string_equal(c->anchors[0].authorization, "tsa.login");
	assert_true(c->anchors[0].every_ms == DAY_MS && c->anchors[0].timeout_ms == 10 * SECOND_MS);
	assert_string_equal(c->anchors[1].verifier_key, KEY);
	assert_true(c->anchors[1].every_ms == HOUR_MS && c->anchors[1].timeout_ms == 30 * SECOND_MS);
	assert_string_equal(c->anchors[2].bucket, "my.copies");
	assert_string_equal(c->anchors[2].keys_bucket, "my.keys");
	assert_true(c->anchors[2].governance && c->anchors[2].retain_ms == 30 * DAY_MS);
	assert_string_equal(c->anchors[2].id, "s3-id");
}

static void none_is_fine(void **state)
{
	static const char *const rows[] = { WITH("{}"), WITH("null") };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(config_freep) struct config *c = NULL;

		assert_int_equal(config_parse(rows[i], strlen(rows[i]), &c, NULL), 0);
		assert_int_equal(c->anchor_count, 0);
	}
}

struct row {
	const char *name, *json, *code, *path, *says;
};
#define AT "$.trail.anchors.a"
static const struct row rows[] = {
	{ "no object", WITH("[]"), "wrong_type", "$.trail.anchors", "" },
	{ "a name that is none", WITH("{\"A\":{}}"), "bad_name", "$.trail.anchors.A", "beginning with a letter" },
	{ "an anchor that is no object", WITH("{\"a\":7}"), "wrong_type", AT, "" },
	{ "without a kind", WITH("{\"a\":{}}"), "missing", AT ".kind", "timestamp, witness or s3" },
	{ "of another kind", WITH("{\"a\":{\"kind\":\"blockchain\"}}"), "not_one_of", AT ".kind", "witness" },
	{ "a slip", STAMP(",\"polcy\":\"1.2\""), "unknown_member", AT ".polcy", "did you mean \"policy\"?" },
	{ "a key of another kind", STAMP(",\"bucket\":\"x\""), "unknown_member", AT ".bucket", "" },
	{ "a slip beside anchors",
		"{\"origin\":\"trail.example.com/acme\",\"creditor\":{\"name\":\"Acme\",\"locale\":\"fr-FR\",\"zone\":\"Europe/Paris\"},"
		"\"senders\":{\"default\":{\"name\":\"Acme\",\"email\":\"mail@acme.example\"}},\"trail\":{\"anchor\":{}}}",
		"unknown_member", "$.trail.anchor", "did you mean \"anchors\"?" },
	{ "stamp without url", WITH("{\"a\":{\"kind\":\"timestamp\"}}"), "missing", AT ".url", "https://" },
	{ "stamp from nowhere", WITH("{\"a\":{\"kind\":\"timestamp\",\"url\":\"ftp://x\"}}"), "bad_value", AT ".url", "https://" },
	{ "url with a login", WITH("{\"a\":{\"kind\":\"timestamp\",\"url\":\"https://me:pw@x\"}}"), "bad_value", AT ".url", "https://" },
	{ "url that ends with a slash", WITH("{\"a\":{\"kind\":\"timestamp\",\"url\":\"https://x/\"}}"), "bad_value", AT ".url", "without a '/'" },
	{ "stamp without roots", WITH("{\"a\":{\"kind\":\"timestamp\",\"url\":\"https://x\"}}"), "missing", AT ".roots", "as PEM" },
	{ "roots by a relative path", WITH("{\"a\":{\"kind\":\"timestamp\",\"url\":\"https://x\",\"roots\":\"tsa.pem\"}}"), "bad_value", AT ".roots",
		"an absolute path" },
	{ "policy that is no identifier", STAMP(",\"policy\":\"best\""), "bad_value", AT ".policy", "1.3.6.1.4.1.32473.1.1" },
	{ "the login itself", STAMP(",\"authorization\":\"Basic abc=\""), "bad_value", AT ".authorization", "never the secret itself" },
	{ "a login in the open", STAMP(",\"authorization\":\"login\""), "bad_value", AT ".url", "a secret goes with the request" },
	{ "too often", STAMP(",\"every\":\"59s\""), "bad_value", AT ".every", "\"1m\" and \"24h\"" },
	{ "too seldom", STAMP(",\"every\":\"2d\""), "bad_value", AT ".every", "\"1m\" and \"24h\"" },
	{ "no span", STAMP(",\"every\":\"hourly\""), "bad_value", AT ".every", "\"1m\" and \"24h\"" },
	{ "a timeout of nothing", STAMP(",\"timeout\":\"0\""), "bad_value", AT ".timeout", "\"1s\" and \"5m\"" },
	{ "witness without key", WITNESS(""), "missing", AT ".verifier_key", "name+id+base64" },
	{ "witness with a log's key", WITNESS(",\"verifier_key\":\"" LOG_KEY "\""), "bad_value", AT ".verifier_key", "cosignatures" },
	{ "witness in the open", WITH("{\"a\":{\"kind\":\"witness\",\"url\":\"http://w.example\"}}"), "bad_value", AT ".url", "an https:// address" },
	{ "store in the open", STORE("http://s3.example", ""), "bad_value", AT ".url", "https:// address without a path" },
	{ "store with its bucket in the address", STORE("https://s3.example/copies", ""), "bad_value", AT ".url", "without a path or bucket" },
	{ "bucket that can be none", WITH("{\"a\":{\"kind\":\"s3\",\"url\":\"https://x\",\"bucket\":\"A\"}}"), "bad_value", AT ".bucket", "3 to 63" },
	{ "store without region", WITH("{\"a\":{\"kind\":\"s3\",\"url\":\"https://x\",\"bucket\":\"abc\"}}"), "missing", AT ".region", "eu-west-3" },
	{ "the secret itself", WITH("{\"a\":{\"kind\":\"s3\",\"url\":\"https://x\",\"bucket\":\"abc\",\"region\":\"r\",\"id\":\"x/y\"}}"), "bad_value",
		AT ".id", "never the secret itself" },
	{ "another lock", STORE("https://s3.example", ",\"lock\":\"maybe\""), "not_one_of", AT ".lock", "governance" },
	{ "keys in the bucket with the locks", STORE("https://s3.example", ",\"keys_bucket\":\"copies\""), "bad_value", AT ".keys_bucket", "another bucket" },
	{ "keys in a bucket that can be none", STORE("https://s3.example", ",\"keys_bucket\":\"K\""), "bad_value", AT ".keys_bucket", "3 to 63" },
	{ "kept for an hour", STORE("https://s3.example", ",\"retain\":\"1h\""), "bad_value", AT ".retain", "\"1d\"" },
};

static void refused(void **state)
{
	const struct row *row = *state;
	struct config *config = NULL;
	struct err err = { 0 };

	assert_int_equal(config_parse(row->json, strlen(row->json), &config, &err), -EBADMSG);
	assert_string_equal(err.code, row->code);
	assert_string_equal(err.path, row->path);
	if (!strstr(err.text, row->says))
		fail_msg("%s", err.text);
}

int main(void)
{
	static const struct CMUnitTest others[] = { cmocka_unit_test(all_kinds_are_read), cmocka_unit_test(none_is_fine) };
	struct CMUnitTest tests[ARRAY_LEN(rows) + ARRAY_LEN(others)];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].name, .test_func = refused, .initial_state = (void *)(uintptr_t)&rows[i] };
	memcpy(tests + ARRAY_LEN(rows), others, sizeof(others));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
