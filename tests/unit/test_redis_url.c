/* Redis addresses in every form, what is refused and why; and what each error reply asks for. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/redis_link.h"

static void good_addresses(void **state)
{
	static const struct {
		const char *text;
		struct redis_url url;
	} rows[] = {
		{ "redis://127.0.0.1", { .host = "127.0.0.1", .port = 6379 } },
		{ "redis://cache.example:6380", { .host = "cache.example", .port = 6380 } },
		{ "redis://cache.example/", { .host = "cache.example", .port = 6379 } },
		{ "redis://cache.example/15", { .host = "cache.example", .port = 6379, .db = 15 } },
		{ "redis://cache.example:1/100000", { .host = "cache.example", .port = 1, .db = 100000 } },
		{ "redis://cache.example:65535", { .host = "cache.example", .port = 65535 } },
		{ "redis://dunning@cache.example", { .host = "cache.example", .port = 6379, .user = "dunning" } },
		{ "redis://dunning:a:b@cache.example:7000/2",
			{ .host = "cache.example", .port = 7000, .db = 2, .user = "dunning", .password = "a:b" } },
		{ "redis://:p@ss/word@cache.example", { .host = "cache.example", .port = 6379, .password = "p@ss/word" } },
		{ "rediss://cache.example", { .host = "cache.example", .port = 6379, .tls = true } },
		{ "rediss://u@[2001:db8::1]:6380/3",
			{ .host = "2001:db8::1", .port = 6380, .db = 3, .tls = true, .user = "u" } },
		{ "redis://[::1]", { .host = "::1", .port = 6379 } },
		{ "redis://[::1]/4", { .host = "::1", .port = 6379, .db = 4 } },
		{ "unix:///run/redis/redis.sock", { .path = "/run/redis/redis.sock", .port = 6379 } },
		{ "unix:/run/redis/redis.sock", { .path = "/run/redis/redis.sock", .port = 6379 } },
		{ "unix:///run/redis.sock?db=7", { .path = "/run/redis.sock", .port = 6379, .db = 7 } },
		{ "/run/redis.sock", { .path = "/run/redis.sock", .port = 6379 } },
		{ "/run/redis.sock?db=0", { .path = "/run/redis.sock", .port = 6379 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct redis_url url = { .host = "before" };
		struct err err = { 0 };

		if (redis_url_parse(rows[i].text, &url, &err) < 0)
			fail_msg("%s: %s", rows[i].text, err.text);
		if (strcmp(url.path, rows[i].url.path) || strcmp(url.host, rows[i].url.host) || url.port != rows[i].url.port ||
			url.db != rows[i].url.db || url.tls != rows[i].url.tls || strcmp(url.user, rows[i].url.user) ||
			strcmp(url.password, rows[i].url.password))
			fail_msg("%s: path \"%s\" host \"%s\" port %d db %d tls %d user \"%s\" password \"%s\"", rows[i].text,
				url.path, url.host, url.port, url.db, url.tls, url.user, url.password);
	}
}

static void many_nodes(void **state)
{
	struct redis_url url;

	(void)state;
	assert_int_equal(redis_url_parse("redis+cluster://dunning:word@node-a:7000,[2001:db8::1]:7001,node-c", &url, NULL), 0);
	assert_int_equal(url.kind, REDIS_CLUSTER);
	assert_int_equal(url.node_count, 3);
	assert_string_equal(url.user, "dunning");
	assert_string_equal(url.password, "word");
	assert_string_equal(url.nodes[0].host, "node-a");
	assert_int_equal(url.nodes[0].port, 7000);
	assert_string_equal(url.host, "node-a"); /* the first one is what is shown */
	assert_int_equal(url.port, 7000);
	assert_string_equal(url.nodes[1].host, "2001:db8::1");
	assert_int_equal(url.nodes[1].port, 7001);
	assert_string_equal(url.nodes[2].host, "node-c");
	assert_int_equal(url.nodes[2].port, 6379);
	assert_false(url.tls);
	assert_int_equal(redis_url_parse("rediss+cluster://node-a", &url, NULL), 0);
	assert_true(url.tls && url.kind == REDIS_CLUSTER);
	assert_int_equal(redis_url_parse("redis+sentinel://a,b:26380/mymaster", &url, NULL), 0);
	assert_int_equal(url.kind, REDIS_SENTINEL);
	assert_int_equal(url.node_count, 2);
	assert_int_equal(url.nodes[0].port, 26379);
	assert_int_equal(url.nodes[1].port, 26380);
	assert_string_equal(url.primary, "mymaster");
	assert_int_equal(url.db, 0);
	assert_int_equal(redis_url_parse("rediss+sentinel://a/mymaster/3", &url, NULL), 0);
	assert_string_equal(url.primary, "mymaster");
	assert_int_equal(url.db, 3);
	assert_int_equal(redis_url_parse("redis://a:1", &url, NULL), 0);
	assert_int_equal(url.kind, REDIS_SINGLE);
}

static void bad_addresses(void **state)
{
	static char long_path[200] = "unix:///", long_host[400] = "redis://", long_user[300] = "redis://",
		    long_password[400] = "redis://u:";
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "", "unknown kind" },
		{ "http://cache.example", "unknown kind" },
		{ "REDIS://cache.example", "unknown kind" },
		{ "cache.example:6379", "unknown kind" },
		{ "redis:/cache.example", "unknown kind" },
		{ "redis://", "host is missing" },
		{ "redis://:6379", "host is missing" },
		{ "redis:///0", "host is missing" },
		{ "redis://user@", "host is missing" },
		{ "redis://[]:1", "host is missing" },
		{ "redis://[::1", "ends with ]" },
		{ "redis://[::1/0", "ends with ]" },
		{ "redis://[::1]6379", "port must be a number" },
		{ "redis://h:", "port must be a number" },
		{ "redis://h:0", "port must be a number" },
		{ "redis://h:65536", "port must be a number" },
		{ "redis://h:-1", "port must be a number" },
		{ "redis://h:+6379", "port must be a number" },
		{ "redis://h:6379x", "port must be a number" },
		{ "redis://h:99999999", "port must be a number" },
		{ "redis+cluster://", "host is missing" },
		{ "redis+cluster://a:1,", "host is missing" },
		{ "redis+cluster://a:1,b:x", "port must be a number" },
		{ "redis+cluster://a:1/1", "no other database" },
		{ "redis+cluster://a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q", "more nodes than 16" },
		{ "redis+sentinel://a:1,b:1", "name of the primary" },
		{ "redis+sentinel://a:1/", "name of the primary" },
		{ "redis+sentinel://a:1/mymaster/x", "database must be a number" },
		{ "redis://a:1,b:1", "port must be a number" },
		{ "redis+magic://a", "unknown kind" },
		{ "redis://h/x", "database must be a number" },
		{ "redis://h/1x", "database must be a number" },
		{ "redis://h/-1", "database must be a number" },
		{ "redis://h/100001", "database must be a number" },
		{ "redis://h/99999999999999999999", "database must be a number" },
		{ "redis://a b", "holds a blank" },
		{ "redis://a\t:1", "holds a blank" },
		{ "unix://", "path is empty" },
		{ "unix:///run/s?db=x", "only ?db=NUMBER" },
		{ "unix:///run/s?db=", "only ?db=NUMBER" },
		{ "unix:///run/s?database=1", "only ?db=NUMBER" },
		{ "unix://run/redis.sock", "must be absolute" },
		{ "unix:run/redis.sock", "must be absolute" },
		{ long_path, "too long" },
		{ long_host, "too long" },
		{ long_user, "too long" },
		{ long_password, "too long" },
	};

	(void)state;
	memset(long_path + 8, 'p', 110);
	memset(long_host + 8, 'h', 256);
	memset(long_user + 8, 'u', 128);
	strcpy(long_user + 136, "@h");
	memset(long_password + 10, 'p', 256);
	strcpy(long_password + 266, "@h");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct redis_url url = { .host = "before" };
		struct err err = { 0 };

		assert_int_equal(redis_url_parse(rows[i].text, &url, &err), -EINVAL);
		assert_string_equal(err.code, "bad_url");
		assert_string_equal(err.path, "$.redis.url");
		if (!strstr(err.text, rows[i].why) || !strstr(err.text, "it must look like"))
			fail_msg("%s: \"%s\" does not say \"%s\"", rows[i].text, err.text, rows[i].why);
		assert_string_equal(url.host, "before"); /* untouched */
		assert_int_equal(redis_url_parse(rows[i].text, &url, NULL), -EINVAL);
	}
}

static void error_classes(void **state)
{
	static const struct {
		const char *text;
		enum redis_class class;
	} rows[] = {
		{ "LOADING Redis is loading the dataset in memory", REDIS_RETRY },
		{ "BUSY Redis is busy running a script.", REDIS_RETRY },
		{ "TRYAGAIN Multiple keys request during rehashing of slot", REDIS_RETRY },
		{ "CLUSTERDOWN The cluster is down", REDIS_DOWN },
		{ "MASTERDOWN Link with MASTER is down", REDIS_DOWN },
		{ "READONLY You can't write against a read only replica.", REDIS_READONLY },
		{ "MOVED 3999 127.0.0.1:6381", REDIS_MOVED },
		{ "ASK 3999 127.0.0.1:6381", REDIS_ASK },
		{ "NOREPLICAS Not enough good replicas to write.", REDIS_NOREPLICAS },
		{ "MISCONF Redis is configured to save RDB snapshots", REDIS_NOSPACE },
		{ "OOM command not allowed when used memory > 'maxmemory'.", REDIS_NOSPACE },
		{ "NOSCRIPT No matching script.", REDIS_NOSCRIPT },
		{ "NOGROUP No such key", REDIS_TAMPERED },
		{ "UNBLOCKED the stream key no longer exists", REDIS_TAMPERED },
		{ "WRONGTYPE Operation against a key", REDIS_TAMPERED },
		{ "NOAUTH Authentication required.", REDIS_DENIED },
		{ "WRONGPASS invalid username-password pair", REDIS_DENIED },
		{ "NOPERM this user has no permissions", REDIS_DENIED },
		{ "ERR The user executing the script can't access this command", REDIS_DENIED },
		{ "ERR ACL failure in script", REDIS_DENIED },
		{ "ERR AUTH <password> called without any password configured", REDIS_DENIED },
		{ "ERR unknown command", REDIS_OTHER },
		{ "", REDIS_OTHER },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct redis_reply reply = { .type = REDIS_ERROR, .str = rows[i].text, .len = strlen(rows[i].text) };

		if (redis_reply_class(&reply) != rows[i].class)
			fail_msg("%s: class %d", rows[i].text, redis_reply_class(&reply));
		reply.type = REDIS_STRING; /* a value that reads like an error is none */
		assert_int_equal(redis_reply_class(&reply), REDIS_OK);
	}
	assert_int_equal(redis_reply_class(&(struct redis_reply){ .type = REDIS_NIL }), REDIS_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_addresses),
		cmocka_unit_test(many_nodes),
		cmocka_unit_test(bad_addresses),
		cmocka_unit_test(error_classes),
	};

	return cmocka_run_group_tests_name("redis_url", tests, NULL, NULL);
}
