/*
 * The users of systemd/redis-acl.conf in a real Redis: the daemon, a producer, a reader and an operator each do their work, and what would
 * harm the others is refused to them. (All that the daemon does when it erases is in test_erasure.c, as the same user.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "common/redis_url.h"
#include "common/utc.h"
#include "tests/support/world.h"

#define WAIT_MS 30000
#define WORDS_MAX 8

/* Of an invoice, its debtor and, "," before it, its policy. */
#define EVENT(n, policy) \
	"{\"specversion\":\"1.0\",\"id\":\"e" n "\",\"source\":\"https://bank.example\",\"type\":\"invoice.finalized\"," \
	"\"subject\":\"invoice/inv_" n "\",\"time\":\"2026-03-02T09:00:00Z\",\"data\":{\"invoice\":{\"id\":\"inv_" n "\",\"number\":\"F-" n "\"," \
	"\"version\":1,\"kind\":\"standard\"," \
	"\"status\":\"open\",\"issued_on\":\"2026-03-02\",\"due_on\":\"2026-04-01\",\"currency\":\"EUR\",\"total_minor\":120000," \
	"\"paid_minor\":0,\"credited_minor\":0,\"due_minor\":120000,\"payment_url\":\"https://pay.example/x\"" policy "}," \
	"\"customer\":{\"id\":\"cus_" n "\",\"name\":\"Dupont SARL\",\"country\":\"FR\",\"kind\":\"company\",\"locale\":\"fr-FR\"," \
	"\"timezone\":\"Europe/Paris\",\"contacts\":[{\"id\":\"c1\",\"role\":\"billing\",\"email\":\"compta@dupont.example\"," \
	"\"phone\":\"+33100000000\"}]}}}"
static const char event[] = EVENT("0", ""), called_event[] = EVENT("1", ",\"policy\":\"caller\"");

/* A call that a person makes, and a mail that is far off. */
static const char policy[] =
	"{\"name\":\"caller\",\"title\":\"a call\",\"window\":{\"zone\":\"debtor\",\"days\":\"mon-sun\",\"hours\":\"00:00-24:00\"},"
	"\"caps\":[],\"min_gap\":\"0h\",\"same_day\":true,\"group\":\"none\",\"steps\":["
	"{\"id\":\"call\",\"at\":\"due+1d\",\"channel\":\"call\",\"template\":\"plain\",\"tone\":\"friendly\",\"deadline\":\"2bd\"},"
	"{\"id\":\"last\",\"at\":\"due+730d\",\"channel\":\"email\",\"template\":\"plain\",\"tone\":\"friendly\"}]}";

enum user { DAEMON, PRODUCER, READER, OPERATOR, USER_COUNT };
static const char *const users[] = { "dunningd", "dunningd-producer-bank", "dunningd-reader", "dunningd-operator" };
static const char password[] = "of dunningd in Redis"; /* the world's */

/* What each of them is refused, as what it is not allowed, the keys or the command. */
static const struct refused_row {
	enum user user;
	const char *words[WORDS_MAX];
} refused_rows[] = {
	{ DAEMON, { "GET", "another:key" } },
	{ DAEMON, { "SET", "another:key", "x" } },
	{ DAEMON, { "XADD", "another:stream", "*", "event", "x" } },
	{ DAEMON, { "EVAL", "return redis.call('GET', KEYS[1])", "1", "another:key" } },
	{ DAEMON, { "EVAL", "return redis.call('FLUSHALL')", "0" } },
	{ DAEMON, { "FLUSHALL" } },
	{ DAEMON, { "FLUSHDB" } },
	{ DAEMON, { "KEYS", "*" } },
	{ DAEMON, { "CONFIG", "SET", "appendonly", "no" } },
	{ DAEMON, { "ACL", "SETUSER", "dunningd", "+@all" } },
	{ DAEMON, { "SHUTDOWN" } },
	{ DAEMON, { "MONITOR" } },
	{ DAEMON, { "RESTORE", "dunning:x", "0", "x" } },
	{ DAEMON, { "FUNCTION", "LIST" } },
	{ DAEMON, { "SCRIPT", "FLUSH" } },
	{ DAEMON, { "REPLICAOF", "NO", "ONE" } },
	{ DAEMON, { "MODULE", "LIST" } },
	{ DAEMON, { "SLOWLOG", "GET" } },
	{ DAEMON, { "CLIENT", "LIST" } },
	{ PRODUCER, { "XADD", "dunning:{0}:events", "*", "event", "x" } },
	{ PRODUCER, { "XADD", "dunning:{0}:events:shop", "*", "event", "x" } },
	{ PRODUCER, { "XADD", "dunning:{0}:events:operator", "*", "event", "x" } },
	{ PRODUCER, { "XADD", "dunning:{0}:outbound", "*", "event", "x" } },
	{ PRODUCER, { "XRANGE", "dunning:{0}:events:bank", "-", "+" } },
	{ PRODUCER, { "XTRIM", "dunning:{0}:events:bank", "MAXLEN", "0" } },
	{ PRODUCER, { "XDEL", "dunning:{0}:events:bank", "1-0" } },
	{ PRODUCER, { "GET", "dunning:{0}:debtor:cus_0" } },
	{ PRODUCER, { "SET", "dunning:{0}:debtor:cus_0", "x" } },
	{ PRODUCER, { "SCAN", "0" } },
	{ PRODUCER, { "EVAL", "return 1", "0" } },
	{ PRODUCER, { "INFO" } },
	{ PRODUCER, { "CLUSTER", "FAILOVER" } },
	{ PRODUCER, { "CLUSTER", "RESET" } },
	{ PRODUCER, { "CLUSTER", "GETKEYSINSLOT", "0", "9" } },
	{ PRODUCER, { "FLUSHALL" } },
	{ READER, { "XADD", "dunning:{0}:events:operator", "*", "event", "x" } },
	{ READER, { "XADD", "dunning:{0}:events", "*", "event", "x" } },
	{ READER, { "SET", "dunning:{0}:debtor:cus_0", "x" } },
	{ READER, { "DEL", "dunning:{0}:debtor:cus_0" } },
	{ READER, { "ZADD", "dunning:{0}:due", "0", "inv_0" } },
	{ READER, { "HSET", "dunning:{0}:cursor", "epoch", "9" } },
	{ READER, { "XDEL", "dunning:{0}:dead", "1-0" } },
	{ READER, { "GET", "another:key" } },
	{ READER, { "EVAL", "return 1", "0" } },
	{ READER, { "CONFIG", "GET", "*" } },
	{ READER, { "KEYS", "*" } },
	{ READER, { "FLUSHALL" } },
	{ OPERATOR, { "XADD", "dunning:{0}:events", "*", "event", "x" } },
	{ OPERATOR, { "XADD", "dunning:{0}:events:bank", "MAXLEN", "0", "*", "event", "x" } },
	{ OPERATOR, { "XADD", "dunning:{0}:outbound", "*", "event", "x" } },
	{ OPERATOR, { "XADD", "dunning:{0}:dead", "*", "event", "x" } },
	{ OPERATOR, { "XDEL", "dunning:{0}:events:operator", "1-0" } },
	{ OPERATOR, { "XDEL", "dunning:{0}:events", "1-0" } },
	{ OPERATOR, { "SET", "dunning:{0}:escalation:inv_0", "x" } },
	{ OPERATOR, { "DEL", "dunning:{0}:lease" } },
	{ OPERATOR, { "ZADD", "dunning:{0}:due", "0", "inv_0" } },
	{ OPERATOR, { "HSET", "dunning:{0}:cursor", "epoch", "9" } },
	{ OPERATOR, { "GET", "another:key" } },
	{ OPERATOR, { "EVAL", "return 1", "0" } },
	{ OPERATOR, { "CONFIG", "GET", "*" } },
	{ OPERATOR, { "FLUSHALL" } },
};

/* What a client sends to find its way, whoever its user is. That this server is no cluster is another answer. */
static const char *const ways[][WORDS_MAX] = { { "PING" }, { "SELECT", "0" }, { "ROLE" }, { "CLUSTER", "SLOTS" }, { "ASKING" } };
/* And what clients of other makers ask, and who wants to know whether replicas have it. */
static const char *const producers_ways[][WORDS_MAX] = { { "COMMAND", "COUNT" }, { "CLUSTER", "SHARDS" }, { "CLUSTER", "NODES" }, { "WAIT", "0", "1" } };

struct fixture {
	struct world world;
	struct redis_link *links[USER_COUNT];
};

/* The world's configuration with `what` replaced, as a file of its own. */
static void configure(struct world *w, const char *name, const char *what, const char *with)
{
	CLEANUP(buf_clear) struct buf text = { 0 }, changed = { 0 };
	const char *at;

	assert_int_equal(file_read(w->config, 1 << 20, &text, NULL), 0);
	at = strstr(text.data, what);
	assert_non_null(at);
	buf_add(&changed, text.data, (size_t)(at - text.data));
	buf_add(&changed, with, strlen(with));
	buf_add(&changed, at + strlen(what), text.len - (size_t)(at - text.data) - strlen(what));
	snprintf(w->config, sizeof(w->config), "%s/%s.json", w->dir, name);
	assert_int_equal(file_replace(w->config, changed.data, changed.len, 0600), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct world *w = &f->world;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct redis_url url = { 0 };

	world_open(w, &(struct world_options){ .prefix = "dunning", .acl = true });
	world_put(w, "policies/caller.json", policy);
	configure(w, "daemon", "\"prefix\"", "\"producers\":{\"bank\":[\"invoice.*\"]},\"prefix\"");
	snprintf(url.path, sizeof(url.path), "%s", w->redis_socket);
	snprintf(url.password, sizeof(url.password), "%s", password);
	for (size_t i = 0; i < USER_COUNT; i++) {
		(void)world_redis(w, arena, (const char *const[]){ "ACL", "SETUSER", users[i], arena_printf(arena, ">%s", password), NULL });
		snprintf(url.user, sizeof(url.user), "%s", users[i]);
		f->links[i] = redis_link_create(w->base, &url, NULL, NULL);
	}
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < USER_COUNT; i++)
		redis_link_destroy(f->links[i]);
	world_close(&f->world, false);
	free(f);
	return 0;
}

static const struct redis_reply *ask(struct fixture *f, struct arena *arena, enum user user, const char *const *words)
{
	const struct redis_reply *reply;
	size_t count = 0;

	while (count < WORDS_MAX && words[count])
		count++;
	assert_int_equal(redis_call(f->world.base, f->links[user], arena, count, words, NULL, &reply), 0);
	return reply;
}

static void nothing_else_is_theirs(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	for (size_t i = 0; i < ARRAY_LEN(refused_rows); i++) {
		const struct refused_row *row = &refused_rows[i];
		const struct redis_reply *reply = ask(*state, arena, row->user, row->words);

		if (reply->type != REDIS_ERROR || redis_reply_class(reply) != REDIS_DENIED)
			fail_msg("%s may %s %s: %s", users[row->user], row->words[0], row->words[1] ? row->words[1] : "",
				reply->str ? reply->str : "");
	}
}

static void may(struct fixture *f, enum user user, const char *const *words)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const struct redis_reply *reply = ask(f, arena, user, words);

	if (redis_reply_class(reply) == REDIS_DENIED)
		fail_msg("%s may not %s: %s", users[user], words[0], reply->str);
}

static void each_finds_its_way(void **state)
{
	for (int user = 0; user < USER_COUNT; user++)
		for (size_t i = 0; i < ARRAY_LEN(ways); i++)
			may(*state, (enum user)user, ways[i]);
	for (size_t i = 0; i < ARRAY_LEN(producers_ways); i++)
		may(*state, PRODUCER, producers_ways[i]);
}

/* Without a password of its own nobody logs in: as the file comes, it opens nothing. */
static void none_has_a_password_as_it_comes(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_clear) struct buf text = { 0 };
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	assert_int_equal(file_read(SOURCE_DIR "/systemd/redis-acl.conf", 1 << 20, &text, NULL), 0);
	assert_null(strstr(text.data, " nopass"));
	assert_null(strstr(text.data, " >"));
	for (size_t i = 0; i < USER_COUNT; i++) {
		const struct redis_reply *reply;

		(void)world_redis(&f->world, arena, (const char *const[]){ "ACL", "SETUSER", users[i], "resetpass", NULL });
		reply = world_redis(&f->world, arena, (const char *const[]){ "ACL", "GETUSER", users[i], NULL });
		assert_true(reply->count >= 4);
		assert_string_equal(reply->items[2].str, "passwords");
		assert_int_equal(reply->items[3].count, 0);
	}
}

/* Until the document of inv_1 holds, or no more holds, the text. */
static void until_it_says(struct world *w, const char *text, bool there)
{
	int64_t deadline = real_ms() + WAIT_MS;

	for (;; pause_ms(10)) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		const struct redis_reply *document = world_redis(w, arena, (const char *const[]){ "GET", "dunning:{0}:escalation:inv_1", NULL });

		if (document->type == REDIS_STRING && (strstr(document->str, text) != NULL) == there)
			return;
		if (real_ms() > deadline)
			fail_msg("%s is %sthere: %s", text, there ? "not " : "", document->type == REDIS_STRING ? document->str : "");
	}
}

#define CTL(w, out, ...) world_ctl(w, (const char *const[]){ __VA_ARGS__, NULL }, out)

static void may_look(struct world *w)
{
	CLEANUP(buf_clear) struct buf offered = { 0 };
	static const char *const looks[][3] = { { "status" }, { "top", "--once" }, { "list" }, { "show", "inv_0" }, { "explain", "inv_0" },
		{ "timeline", "inv_0" }, { "tasks", "--script" }, { "dead", "list" }, { "check" }, { "digest" }, { "report", "aging" }, { "report", "dso" },
		{ "report", "steps" }, { "report", "cost" }, { "report", "promises" }, { "report", "book" }, { "worth", "inv_0" }, { "fees", "inv_0" },
		{ "commitment", "list" }, { "plan", "list" } };

	for (size_t i = 0; i < ARRAY_LEN(looks); i++) {
		CLEANUP(buf_clear) struct buf output = { 0 };
		int r = CTL(w, &output, looks[i][0], looks[i][1], looks[i][2]);

		if (r != 0 || strstr(buf_str(&output), "NOPERM"))
			fail_msg("dunningctl %s: %d %s", looks[i][0], r, buf_str(&output));
	}
	assert_int_equal(CTL(w, &offered, "complete", "--", "hold", "inv_"), 0); /* what the shell offers: a refusal would be no word */
	assert_non_null(strstr(buf_str(&offered), "inv_0"));
}

static int64_t orders(struct world *w)
{
	return world_redis_int(w, (const char *const[]){ "XLEN", "dunning:{0}:events:operator", NULL });
}

static int64_t under_way(struct world *w)
{
	return world_redis_int(w, (const char *const[]){ "HLEN", "dunning:{0}:attempts", NULL });
}

static void order(struct world *w, const char *const *words)
{
	CLEANUP(buf_clear) struct buf output = { 0 };
	int r = world_ctl(w, words, &output);

	if (r != 0)
		fail_msg("dunningctl %s %s: %d %s", words[0], words[1], r, buf_str(&output));
}
#define ORDER(...) order(w, (const char *const[]){ __VA_ARGS__, NULL })

/* What the file promises to the operator, each until the daemon did it. */
static void may_order(struct world *w)
{
	char day[UTC_TEXT_SIZE];

	ORDER("hold", "inv_1", "waits for the credit note");
	until_it_says(w, "waits for the credit note", true);
	ORDER("resume", "inv_1", "the credit note is there");
	until_it_says(w, "waits for the credit note", false);
	until_it_says(w, "\"state\":\"task\"", true);
	ORDER("call", "log", "call:inv_1:call", "the machine answers", "--outcome", "voicemail");
	until_it_says(w, "\"end\":\"done\"", true);
	ORDER("retry", "inv_1", "look at it now");
	ORDER("skip", "inv_1", "they know");
	until_it_says(w, "\"end\":\"skipped\"", true);
	ORDER("note", "add", "inv_1", "ask for Mme Roy");
	until_it_says(w, "\"note\"", true);
	(void)utc_format(((int64_t)time(NULL) + 5 * 86400) * 1000, day);
	day[10] = '\0';
	ORDER("promise", "make", "inv_1", day, "they said so");
	until_it_says(w, day, true);
}

static int64_t dead(struct world *w)
{
	return world_redis_int(w, (const char *const[]){ "XLEN", "dunning:{0}:dead", NULL });
}

static void refused(struct world *w, const char *const *words)
{
	CLEANUP(buf_clear) struct buf output = { 0 };

	assert_int_not_equal(world_ctl(w, words, &output), 0);
	if (!strstr(buf_str(&output), "NOPERM"))
		fail_msg("dunningctl %s: %s", words[0], buf_str(&output));
}
#define REFUSED(...) refused(w, (const char *const[]){ __VA_ARGS__, NULL })

static void each_does_its_work(void **state)
{
	struct fixture *f = *state;
	struct world *w = &f->world;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const struct redis_reply *added;

	world_start(w, NULL);
	assert_true(world_ready(w, WAIT_MS));
	added = ask(f, arena, PRODUCER, (const char *const[]){ "XADD", "dunning:{0}:events:bank", "*", "event", event, NULL });
	assert_int_equal(added->type, REDIS_STRING);
	(void)ask(f, arena, PRODUCER, (const char *const[]){ "XADD", "dunning:{0}:events:bank", "*", "event", called_event, NULL });
	until_it_says(w, "\"state\":\"task\"", true);
	for (int64_t deadline = real_ms() + WAIT_MS; world_sent(w, arena, 1).captured[0] == 0 || under_way(w) > 0; pause_ms(20))
		assert_true(real_ms() < deadline);

	configure(w, "reader", "\"user\":\"dunningd\"", "\"user\":\"dunningd-reader\"");
	may_look(w);
	REFUSED("hold", "inv_0", "a reader's word");
	assert_int_equal(orders(w), 0);

	configure(w, "operator", "\"user\":\"dunningd-reader\"", "\"user\":\"dunningd-operator\"");
	may_look(w);
	may_order(w);
	(void)ask(f, arena, PRODUCER, (const char *const[]){ "XADD", "dunning:{0}:events:bank", "*", "event", "no event", NULL });
	for (int64_t deadline = real_ms() + WAIT_MS; dead(w) == 0; pause_ms(10))
		assert_true(real_ms() < deadline);
	REFUSED("push", SOURCE_DIR "/tools/samples/1-paid-early.2-paid.json");
	ORDER("dead", "drop", "--all");
	assert_int_equal(dead(w), 0);
	assert_int_equal(process_stop(&w->daemon, WAIT_MS), 0);
	assert_true(world_trail_verifies(w));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(nothing_else_is_theirs), TEST(each_finds_its_way), TEST(none_has_a_password_as_it_comes), TEST(each_does_its_work) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
