/* dashboard.tokens of the configuration: what is read, and what every refusal says and where. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/config.h"

#define WITH(dashboard)                                                                                                               \
	"{\"origin\":\"trail.example.com/acme\",\"creditor\":{\"name\":\"Acme\",\"locale\":\"fr-FR\",\"zone\":\"Europe/Paris\"},"     \
	"\"senders\":{\"default\":{\"name\":\"Acme\",\"email\":\"mail@acme.example\"}},\"dashboard\":" dashboard "}"
#define TOKENS(tokens) WITH("{\"tokens\":" tokens "}")

static void people_are_read(void **state)
{
	static const char json[] = WITH("{\"listen\":\"127.0.0.1:8029\",\"tokens\":{\"Anne Roy\":{\"credential\":\"dashboard-anne\",\"scope\":\"act\"},"
					"\"Zoë\":{\"credential\":\"dashboard-zoe\",\"scope\":\"read\"}}}");
	CLEANUP(config_freep) struct config *c = NULL;
	struct err err = { 0 };

	(void)state;
	if (config_parse(json, strlen(json), &c, &err) < 0)
		fail_msg("%s %s", err.path, err.text);
	assert_string_equal(c->dashboard_listen, "127.0.0.1:8029");
	assert_int_equal(c->token_count, 2);
	assert_string_equal(c->tokens[0].who, "Anne Roy");
	assert_string_equal(c->tokens[0].credential, "dashboard-anne");
	assert_true(c->tokens[0].act);
	assert_string_equal(c->tokens[1].who, "Zoë");
	assert_false(c->tokens[1].act);
}

static void refusals(void **state)
{
	static const struct {
		const char *json, *path, *code;
	} rows[] = {
		{ WITH("{\"listen\":\"127.0.0.1:8029\"}"), "$.dashboard.tokens", "missing" },
		{ TOKENS("[]"), "$.dashboard.tokens", "wrong_type" },
		{ TOKENS("{\"Anne\":\"secret\"}"), "$.dashboard.tokens.Anne", "wrong_type" },
		{ TOKENS("{\"Anne\":{\"scope\":\"read\"}}"), "$.dashboard.tokens.Anne.credential", "missing" },
		{ TOKENS("{\"Anne\":{\"credential\":\"a\"}}"), "$.dashboard.tokens.Anne.scope", "missing" },
		{ TOKENS("{\"Anne\":{\"credential\":\"a\",\"scope\":\"all\"}}"), "$.dashboard.tokens.Anne.scope", "not_one_of" },
		{ TOKENS("{\"Anne\":{\"credential\":\"my secret\",\"scope\":\"read\"}}"), "$.dashboard.tokens.Anne.credential", "bad_name" },
		{ TOKENS("{\"Anne\":{\"credential\":\"a\",\"scop\":\"read\"}}"), "$.dashboard.tokens.Anne.scop", "unknown_member" },
		{ TOKENS("{\"\":{\"credential\":\"a\",\"scope\":\"read\"}}"), "$.dashboard.tokens.", "bad_name" },
		{ TOKENS("{\"An\\nne\":{\"credential\":\"a\",\"scope\":\"read\"}}"), NULL, "bad_name" },
		{ TOKENS("{\"Anne\":{\"credential\":\"a\",\"scope\":\"read\"},\"Bo\":{\"credential\":\"a\",\"scope\":\"act\"}}"), "$.dashboard.tokens.Bo.credential", "duplicate_id" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct config *c = NULL;
		struct err err = { 0 };

		if (config_parse(rows[i].json, strlen(rows[i].json), &c, &err) != -EBADMSG || strcmp(err.code, rows[i].code) != 0 ||
			(rows[i].path && strcmp(err.path, rows[i].path) != 0))
			fail_msg("%s: %s %s %s", rows[i].json, err.code, err.path, err.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(people_are_read), cmocka_unit_test(refusals) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
