/*
 * A link in a real cluster of six nodes: where it goes, what it follows, what it does when its primary stands still; and what a link, and the
 * daemon, do when a slot is nobody's.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include <cmocka.h>

#include "common/redis_links.h"
#include "tests/support/cluster.h"
#include "tests/support/tree.h"
#include "tests/support/world.h"

#define DEADLINE_MS 30000

struct fixture {
	struct cluster cluster;
	struct event_base *base;
	struct redis_links *links;
	struct arena *arena;
	char dir[64], away[200];
	bool answered;
	int r;
	struct redis_reply reply;
};

static void on_state(bool connected, const char *why, void *arg)
{
	struct fixture *f = arg;

	if (!connected)
		snprintf(f->away, sizeof(f->away), "%s", why);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct redis_url url;

	strcpy(f->dir, "/tmp/dunningd-cluster.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	cluster_start(&f->cluster, f->dir);
	assert_int_equal(redis_url_parse(f->cluster.url, &url, NULL), 0);
	f->base = event_base_new();
	f->links = redis_links_create(f->base, &url, "dunning", 12, on_state, f);
	f->arena = arena_create();
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	redis_links_destroy(f->links);
	event_base_free(f->base);
	arena_free(f->arena);
	cluster_end(&f->cluster);
	tree_remove(f->dir);
	free(f);
	return 0;
}

static const struct redis_reply *ask(struct fixture *f, size_t argc, const char *const *argv)
{
	const struct redis_reply *reply = NULL;

	assert_int_equal(redis_call(f->base, redis_links_for(f->links, argc, argv), f->arena, argc, argv, NULL, &reply), 0);
	return reply;
}
#define ASK(f, ...) ask(f, sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *), (const char *[]){ __VA_ARGS__ })

static const char *key(struct fixture *f, uint32_t partition, const char *name)
{
	return arena_printf(f->arena, "dunning:{%u}:%s", partition, name);
}

static void turn(struct fixture *f, int64_t deadline)
{
	struct timeval soon = { .tv_usec = 20000 };

	assert_true(real_ms() < deadline);
	event_base_loopexit(f->base, &soon);
	event_base_dispatch(f->base);
}

static void on_reply(int r, const struct redis_reply *reply, void *arg)
{
	struct fixture *f = arg;

	f->answered = true;
	f->r = r;
	if (reply)
		redis_reply_copy(f->arena, reply, &f->reply);
}

static void script(struct fixture *f, struct redis_link *link, int64_t replicas, size_t keys, size_t argc, const char *const *argv)
{
	struct redis_script add;
	int64_t deadline = real_ms() + DEADLINE_MS;

	redis_script_init(&add, "redis.call('SET', KEYS[1], ARGV[1]); return redis.call('GET', KEYS[1])");
	f->answered = false;
	redis_link_script_kept(link, &add, replicas, keys, argc, argv, NULL, 0, on_reply, f);
	while (!f->answered)
		turn(f, deadline);
}

static void every_partition_is_at_its_primary(void **state)
{
	struct fixture *f = *state;

	for (uint32_t p = 0; p < 12; p++) {
		assert_string_equal(ASK(f, "SET", key(f, p, "a"), "x")->str, "OK");
		assert_string_equal(ASK(f, "GET", key(f, p, "a"))->str, "x");
	}
	assert_int_equal(ASK(f, "SCAN", "0", "MATCH", "dunning:{7}:*", "COUNT", "1000")->items[1].count, 1);
	for (uint32_t p = 1, others = 0; p < 12; p++) { /* the partitions are spread */
		others += !redis_link_same_server(redis_links_at(f->links, 0), redis_links_at(f->links, p));
		assert_true(p < 11 || others > 0);
	}
}

static void a_slot_goes_elsewhere(void **state)
{
	struct fixture *f = *state;
	int from = cluster_primary_of(&f->cluster, 3), to = 0;
	uint64_t before = redis_link_connection(redis_links_at(f->links, 3));

	ASK(f, "SET", key(f, 3, "b"), "y");
	while (to == from || !cluster_is_primary(&f->cluster, to))
		to++;
	cluster_move(&f->cluster, 3, to);
	assert_string_equal(ASK(f, "GET", key(f, 3, "b"))->str, "y"); /* MOVED */
	assert_true(redis_link_connection(redis_links_at(f->links, 3)) > before);
	assert_non_null(strstr(f->away, "another node"));
}

/* The half of it that was there is gone already: what is read comes from where it is, and new things are made there. */
static void a_slot_is_on_its_way(void **state)
{
	struct fixture *f = *state;
	int from = cluster_primary_of(&f->cluster, 5), to = 0;
	struct redis_link *link = redis_links_at(f->links, 5);
	const char *moved[] = { key(f, 5, "moved"), "in transit" }, *two[] = { key(f, 5, "moved"), key(f, 5, "stays"), "x" };
	int64_t deadline = real_ms() + DEADLINE_MS;

	ASK(f, "SET", moved[0], "m");
	ASK(f, "SET", two[1], "s");
	while (to == from || !cluster_is_primary(&f->cluster, to))
		to++;
	cluster_move_begin(&f->cluster, 5, to);
	cluster_move_keys(&f->cluster, 5, to, moved[0]);
	assert_string_equal(ASK(f, "GET", moved[0])->str, "m"); /* ASK, and there ASKING */
	assert_string_equal(ASK(f, "GET", two[1])->str, "s");
	assert_string_equal(ASK(f, "SET", key(f, 5, "new"), "n")->str, "OK");
	do { /* not at once: the first answer makes the connection to where it leads */
		script(f, link, 1, 1, 2, moved); /* and its replica there has it */
	} while (f->reply.type == REDIS_ERROR && redis_reply_class(&f->reply) == REDIS_ASK && real_ms() < deadline);
	assert_string_equal(f->reply.str, "in transit");
	script(f, link, 0, 2, 3, two);
	assert_int_equal(redis_reply_class(&f->reply), REDIS_RETRY); /* TRYAGAIN: one here, one there */
	cluster_move_end(&f->cluster, 5, to);
	assert_string_equal(ASK(f, "GET", moved[0])->str, "in transit");
	assert_string_equal(ASK(f, "GET", two[1])->str, "s");
	assert_string_equal(ASK(f, "GET", key(f, 5, "new"))->str, "n");
	assert_true(cluster_whole(&f->cluster, DEADLINE_MS));
}

static void a_primary_stands_still(void **state)
{
	struct fixture *f = *state;
	int node = cluster_primary_of(&f->cluster, 1);
	struct redis_link *link = redis_links_at(f->links, 1);
	int64_t deadline = real_ms() + DEADLINE_MS;
	uint64_t before;

	ASK(f, "SET", key(f, 1, "a"), "kept");
	assert_int_equal(ASK(f, "WAIT", "1", "5000")->type, REDIS_INTEGER);
	before = redis_link_connection(link);
	cluster_pause(&f->cluster, node, true);
	f->answered = false;
	redis_link_command(link, 2, (const char *const[]){ "GET", key(f, 1, "a") }, NULL, 60000, on_reply, f);
	while (!f->answered) /* long before its time is over: another one has taken over */
		turn(f, deadline);
	assert_int_equal(f->r, -ENOTCONN);
	assert_string_equal(ASK(f, "GET", key(f, 1, "a"))->str, "kept");
	assert_true(redis_link_connection(link) > before);
	cluster_pause(&f->cluster, node, false);
	assert_true(cluster_whole(&f->cluster, DEADLINE_MS));
}

static void replicas_have_it(void **state)
{
	struct fixture *f = *state;
	struct redis_link *link = redis_links_at(f->links, 2);
	const char *set[] = { "SET", key(f, 2, "a"), "kept" }, *words[] = { set[1], "by script" };
	const struct redis_reply *reply;

	assert_int_equal(redis_call_kept(f->base, link, f->arena, 1, 3, set, NULL, &reply), 0);
	assert_string_equal(reply->str, "OK");
	assert_int_equal(redis_call_kept(f->base, link, f->arena, 2, 3, set, NULL, &reply), -EAGAIN); /* there is one */
	script(f, link, 1, 1, 2, words);
	assert_int_equal(f->r, 0);
	assert_string_equal(f->reply.str, "by script");
	script(f, link, 2, 1, 2, words);
	assert_int_equal(f->r, -EAGAIN);
}

/* Those of systemd/redis-acl.conf: each connects to the primary of every partition and does its work there; what it adds, a replica has. */
static void each_user_does_its_work(void **state)
{
	static const struct {
		const char *user, *words[5], *refused;
		int64_t replicas;
	} users[] = { { "dunningd", { "SET", "a", "x" }, NULL, 1 }, { "dunningd-producer-bank", { "XADD", "events:bank", "*", "event", "{}" }, "XLEN", 1 },
		{ "dunningd-reader", { "GET", "a" }, "XADD", 0 }, { "dunningd-operator", { "XADD", "events:operator", "*", "event", "{}" }, "SET", 1 } };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(users); i++) {
		const char *const words[] = { "ACL", "SETUSER", users[i].user, ">a password", NULL };
		struct redis_links *links;
		struct redis_url url;

		for (int node = 0; node < CLUSTER_NODES; node++)
			assert_int_equal(cluster_cli(&f->cluster, node, words, NULL), 0);
		assert_int_equal(redis_url_parse(f->cluster.url, &url, NULL), 0);
		snprintf(url.user, sizeof(url.user), "%s", users[i].user);
		snprintf(url.password, sizeof(url.password), "a password");
		links = redis_links_create(f->base, &url, "dunning", 12, on_state, f);
		for (uint32_t p = 0; p < 12; p++) {
			const char *argv[] = { users[i].words[0], key(f, p, users[i].words[1]), users[i].words[2], users[i].words[3], users[i].words[4] };
			const char *refused[] = { users[i].refused, argv[1], "x", "y", "z" };
			const struct redis_reply *reply = NULL;
			size_t argc = 0;
			int r;

			while (argc < ARRAY_LEN(argv) && argv[argc])
				argc++;
			r = redis_call_kept(f->base, redis_links_at(links, p), f->arena, users[i].replicas, argc, argv, NULL, &reply);
			if (r < 0 || reply->type == REDIS_ERROR)
				fail_msg("%s: %s %s: %s", users[i].user, argv[0], argv[1], r < 0 ? f->away : reply->str);
			if (!refused[0])
				continue;
			argc = strcmp(refused[0], "XLEN") == 0 ? 2 : strcmp(refused[0], "SET") == 0 ? 3 : 5;
			assert_int_equal(redis_call(f->base, redis_links_at(links, p), f->arena, argc, refused, NULL, &reply), 0);
			assert_int_equal(redis_reply_class(reply), REDIS_DENIED);
		}
		redis_links_destroy(links);
	}
}

/* An address that names a node as if it were alone: it says what to write in its place. */
static void a_node_is_no_server(void **state)
{
	struct fixture *f = *state;
	struct redis_url url = { .host = "127.0.0.1", .port = f->cluster.nodes[cluster_primary_of(&f->cluster, 0)].port };
	struct redis_link *link = redis_link_create(f->base, &url, on_state, f);
	const struct redis_reply *reply;
	int64_t deadline = real_ms() + DEADLINE_MS;
	bool moved = false;

	for (uint32_t p = 0; p < 12 && !moved; p++) {
		const char *argv[] = { "GET", key(f, p, "a") };

		assert_int_equal(redis_call(f->base, link, f->arena, 2, argv, NULL, &reply), 0);
		moved = redis_reply_class(reply) == REDIS_MOVED;
	}
	assert_true(moved);
	while (!strstr(f->away, "redis+cluster://"))
		turn(f, deadline);
	redis_link_destroy(link);
}

static void a_slot_is_nobodys(void **state)
{
	struct fixture *f = *state;
	struct redis_link *link = redis_links_at(f->links, 4);
	int64_t deadline = real_ms() + DEADLINE_MS;
	int owner;

	ASK(f, "SET", key(f, 4, "a"), "kept");
	owner = cluster_uncover(&f->cluster, 4);
	f->away[0] = '\0';
	f->answered = false;
	redis_link_command(link, 2, (const char *const[]){ "GET", key(f, 4, "a") }, NULL, 60000, on_reply, f);
	while (!f->answered || !strstr(f->away, "its cluster is down"))
		turn(f, deadline);
	assert_int_equal(f->r, 0);
	assert_int_equal(redis_reply_class(&f->reply), REDIS_DOWN);
	cluster_cover(&f->cluster, 4, owner);
	assert_string_equal(ASK(f, "GET", key(f, 4, "a"))->str, "kept");
	assert_true(cluster_whole(&f->cluster, DEADLINE_MS));
}

static int64_t requests(struct world *w)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json counts = world_ask_sandbox(w, arena, "/counts"), n = json_get(&counts, "requests");

	return json_int(&n);
}

static int64_t accepted(struct world *w)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json status = world_status(w, arena), providers = json_get(&status, "providers"), one = json_at(&providers, 0),
		    n = json_get(&one, "accepted");

	return json_int(&n);
}

/* The slot goes while a message is at the provider: its answer waits for it, nothing else is sent, and all of it goes on once it is somebody's. */
static void the_daemon_waits_for_a_slot(void **state)
{
	struct world world, *w = &world;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf said = { 0 };
	int64_t deadline = real_ms() + DEADLINE_MS;
	struct world_sent sent;
	int owner;

	(void)state;
	world_open(w, &(struct world_options){ .redis = REDIS_CLUSTER });
	world_measure(w);
	world_start(w, NULL);
	assert_true(world_ready(w, DEADLINE_MS));
	world_push_range(w, WORLD_FINALIZED, 0, 2, 1);
	assert_true(world_quiet(w, DEADLINE_MS));
	world_behave(w, "{\"mode\":\"slow\",\"ms\":3000,\"count\":1}");
	world_push_range(w, WORLD_FINALIZED, 2, 1, 1);
	for (; requests(w) < 3; pause_ms(10))
		assert_true(real_ms() < deadline);
	owner = cluster_uncover(&w->cluster, 0);
	world_fires(w, "DunningdRedisAway", "dunningd_redis_connected{partition=\"0\"}", 0);
	assert_int_equal(world_ctl(w, (const char *const[]){ "status", NULL }, &said), 69);
	assert_non_null(strstr(buf_str(&said), "no node of the cluster serves the slot of w0:{0}:lease"));
	for (; accepted(w) < 3; pause_ms(10))
		assert_true(real_ms() < deadline);
	assert_true(process_running(&w->daemon));
	cluster_cover(&w->cluster, 0, owner);
	assert_true(cluster_whole(&w->cluster, DEADLINE_MS));
	world_push_range(w, WORLD_FINALIZED, 3, 2, 1);
	assert_true(world_quiet(w, DEADLINE_MS));
	sent = world_sent(w, arena, 5);
	for (int i = 0; i < 5; i++)
		assert_int_equal(sent.captured[i], 1);
	assert_true(sent.messages == 5 && sent.repeated == 0);
	assert_int_equal(world_doubts(w), 0);
	assert_int_equal(process_stop(&w->daemon, DEADLINE_MS), 0);
	assert_true(world_trail_verifies(w));
	world_close(w, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_partition_is_at_its_primary),
		cmocka_unit_test(a_slot_goes_elsewhere),
		cmocka_unit_test(a_slot_is_on_its_way),
		cmocka_unit_test(replicas_have_it),
		cmocka_unit_test(each_user_does_its_work),
		cmocka_unit_test(a_node_is_no_server),
		cmocka_unit_test(a_primary_stands_still),
		cmocka_unit_test(a_slot_is_nobodys),
		cmocka_unit_test(the_daemon_waits_for_a_slot),
	};

	return cmocka_run_group_tests_name("redis_cluster", tests, setup, teardown);
}
