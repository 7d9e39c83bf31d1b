/* Where a key is: slots, redirections, and the answers of nodes and sentinels as Redis 7.0.15 gave them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/redis_nodes.h"

#define TEXT(s) { .type = REDIS_STRING, .str = s, .len = sizeof(s) - 1 }
#define NUMBER(n) { .type = REDIS_INTEGER, .integer = n }
#define LIST(...) { .type = REDIS_ARRAY, .items = (const struct redis_reply[]){ __VA_ARGS__ }, \
	.count = sizeof((const struct redis_reply[]){ __VA_ARGS__ }) / sizeof(struct redis_reply) }
#define EMPTY { .type = REDIS_ARRAY }
#define NODE(host, port, id) LIST(TEXT(host), NUMBER(port), TEXT(id), EMPTY)

static void slots(void **state)
{
	static const struct {
		const char *key;
		int slot;
	} rows[] = { /* as CLUSTER KEYSLOT says */
		{ "somekey", 11058 }, { "foo{hash_tag}", 2515 }, { "{hash_tag}", 2515 }, { "hash_tag", 2515 }, { "dunning:{0}:cursor", 13907 },
		{ "{0}", 13907 }, { "dunning:{11}:lease", 4310 }, { "foo{}{bar}", 8363 }, { "foo{{bar}}zap", 4015 }, { "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (redis_slot(rows[i].key) != rows[i].slot)
			fail_msg("%s: %d", rows[i].key, redis_slot(rows[i].key));
}

static void redirections(void **state)
{
	static const struct {
		const char *text, *host;
		int port;
	} rows[] = {
		{ "MOVED 3999 127.0.0.1:6381", "127.0.0.1", 6381 }, { "ASK 3999 127.0.0.1:6381", "127.0.0.1", 6381 },
		{ "MOVED 3999 node-b.example:6381", "node-b.example", 6381 }, { "MOVED 3999 ::1:6381", "::1", 6381 },
		{ "MOVED 3999 2001:db8::5:7000", "2001:db8::5", 7000 }, { "MOVED 3999 :6381", "asked", 6381 }, /* the same host */
		{ "MOVED 3999", NULL, 0 }, { "MOVED", NULL, 0 }, { "MOVED 3999 host", NULL, 0 }, { "MOVED 3999 host:0", NULL, 0 },
		{ "MOVED 3999 host:65536", NULL, 0 }, { "MOVED 3999 host:", NULL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct redis_reply error = { .type = REDIS_ERROR, .str = rows[i].text, .len = strlen(rows[i].text) };
		struct redis_node node;
		int r = redis_redirection(&error, "asked", &node);

		if (!rows[i].host ? r != -EPROTO : r < 0 || strcmp(node.host, rows[i].host) || node.port != rows[i].port)
			fail_msg("%s: %d, %s %d", rows[i].text, r, node.host, node.port);
	}
}

/* Two primaries with a replica each, one of the slots' ranges cut in two by a move. */
static const struct redis_reply map = LIST(
	LIST(NUMBER(0), NUMBER(5460), NODE("10.0.0.1", 7000, "a"), NODE("10.0.0.4", 7003, "d")),
	LIST(NUMBER(5461), NUMBER(13906), NODE("10.0.0.2", 7001, "b"), NODE("10.0.0.5", 7004, "e")),
	LIST(NUMBER(13907), NUMBER(13907), NODE("10.0.0.1", 7000, "a"), NODE("10.0.0.4", 7003, "d")));

static void maps(void **state)
{
	struct redis_node node, known[REDIS_NODES_MAX];
	size_t count;

	(void)state;
	assert_int_equal(redis_slots_read(&map, 0, "asked", &node, known, &count), 0);
	assert_string_equal(node.host, "10.0.0.1");
	assert_int_equal(node.port, 7000);
	assert_int_equal(count, 4); /* each once, primaries first */
	assert_string_equal(known[1].host, "10.0.0.2");
	assert_string_equal(known[2].host, "10.0.0.4");
	assert_int_equal(redis_slots_read(&map, 13906, "asked", &node, known, &count), 0);
	assert_int_equal(node.port, 7001);
	assert_int_equal(redis_slots_read(&map, 13907, "asked", &node, known, &count), 0);
	assert_int_equal(node.port, 7000);
	assert_int_equal(redis_slots_read(&map, 13908, "asked", &node, known, &count), -ENOENT); /* nobody's */
	assert_int_equal(count, 4);
}

static void hosts_that_are_not_named(void **state)
{
	const struct redis_reply nil = LIST(LIST(NUMBER(0), NUMBER(9), LIST({ .type = REDIS_NIL }, NUMBER(7000), TEXT("a"), EMPTY)));
	const struct redis_reply empty = LIST(LIST(NUMBER(0), NUMBER(9), NODE("", 7000, "a")));
	const struct redis_reply unknown = LIST(LIST(NUMBER(0), NUMBER(9), NODE("?", 7000, "a"), NODE("b", 7001, "b")));
	struct redis_node node, known[REDIS_NODES_MAX];
	size_t count;

	(void)state;
	assert_int_equal(redis_slots_read(&nil, 5, "asked", &node, known, &count), 0);
	assert_string_equal(node.host, "asked");
	assert_int_equal(redis_slots_read(&empty, 5, "asked", &node, known, &count), 0);
	assert_string_equal(node.host, "asked");
	assert_int_equal(redis_slots_read(&unknown, 5, "asked", &node, known, &count), -ENOENT); /* another node may know its name */
	assert_int_equal(count, 1);
}

static void answers_that_make_no_sense(void **state)
{
	const struct redis_reply rows[] = { { .type = REDIS_NIL }, TEXT("OK"), LIST(TEXT("x")), LIST(LIST(NUMBER(0), NUMBER(9))),
		LIST(LIST(TEXT("0"), TEXT("9"), NODE("a", 1, "a"))), LIST(LIST(NUMBER(0), NUMBER(9), TEXT("a"))),
		LIST(LIST(NUMBER(0), NUMBER(9), LIST(TEXT("a")))), LIST(LIST(NUMBER(0), NUMBER(9), NODE("a", 0, "a"))),
		LIST(LIST(NUMBER(0), NUMBER(9), NODE("a", 65536, "a"))) };
	struct redis_node node, known[REDIS_NODES_MAX];
	size_t count;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (redis_slots_read(&rows[i], 5, "asked", &node, known, &count) != -EPROTO)
			fail_msg("row %zu", i);
}

static void sentinels(void **state)
{
	const struct redis_reply good = LIST(TEXT("10.0.0.1"), TEXT("6379")), none = { .type = REDIS_NIL }, none_either = EMPTY;
	const struct redis_reply bad = LIST(TEXT("10.0.0.1"), TEXT("none")), short_one = LIST(TEXT("10.0.0.1"));
	struct redis_node node;

	(void)state;
	assert_int_equal(redis_primary_read(&good, &node), 0);
	assert_string_equal(node.host, "10.0.0.1");
	assert_int_equal(node.port, 6379);
	assert_int_equal(redis_primary_read(&none, &node), -ENOENT);
	assert_int_equal(redis_primary_read(&none_either, &node), -ENOENT);
	assert_int_equal(redis_primary_read(&bad, &node), -EPROTO);
	assert_int_equal(redis_primary_read(&short_one, &node), -EPROTO);
}

static void roles(void **state)
{
	const struct redis_reply primary = LIST(TEXT("master"), NUMBER(3129659), EMPTY);
	const struct redis_reply replica = LIST(TEXT("slave"), TEXT("10.0.0.1"), NUMBER(6379), TEXT("connected"), NUMBER(3167038));
	const struct redis_reply sentinel = LIST(TEXT("sentinel"), LIST(TEXT("mymaster"))), nothing = EMPTY;

	(void)state;
	assert_true(redis_role_is_primary(&primary));
	assert_false(redis_role_is_primary(&replica));
	assert_false(redis_role_is_primary(&sentinel));
	assert_false(redis_role_is_primary(&nothing));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slots),
		cmocka_unit_test(redirections),
		cmocka_unit_test(maps),
		cmocka_unit_test(hosts_that_are_not_named),
		cmocka_unit_test(answers_that_make_no_sense),
		cmocka_unit_test(sentinels),
		cmocka_unit_test(roles),
	};

	return cmocka_run_group_tests_name("redis_nodes", tests, NULL, NULL);
}
