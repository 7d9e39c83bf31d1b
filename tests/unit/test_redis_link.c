/* The connection to Redis against a peer that says exactly what the test wants: every reply class, every broken byte, silence. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include <cmocka.h>

#include "common/redis_link.h"
#include "common/redis_link_internal.h"
#include "tests/unit/redis_peer.h"

/* --- reply classes: pitfalls, one row for each prefix --------------------------------------------------------------- */

static void reply_classes(void **state)
{
	static const struct {
		const char *error;
		enum redis_class class;
	} rows[] = {
		{ "LOADING Redis is loading the dataset in memory", REDIS_RETRY },
		{ "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.", REDIS_RETRY },
		{ "TRYAGAIN Multiple keys request during rehashing of slot", REDIS_RETRY },
		{ "CLUSTERDOWN Hash slot not served", REDIS_DOWN },
		{ "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", REDIS_DOWN },
		{ "READONLY You can't write against a read only replica.", REDIS_READONLY },
		{ "MOVED 3999 127.0.0.1:6381", REDIS_MOVED },
		{ "ASK 3999 127.0.0.1:6381", REDIS_ASK },
		{ "NOREPLICAS Not enough good replicas to write.", REDIS_NOREPLICAS },
		{ "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.", REDIS_NOSPACE },
		{ "MISCONF Errors writing to the AOF file: No space left on device", REDIS_NOSPACE },
		{ "OOM command not allowed when used memory > 'maxmemory'.", REDIS_NOSPACE },
		{ "NOSCRIPT No matching script. Please use EVAL.", REDIS_NOSCRIPT },
		{ "NOGROUP No such key 'k' or consumer group 'g'", REDIS_TAMPERED },
		{ "UNBLOCKED the stream key no longer exists", REDIS_TAMPERED },
		{ "WRONGTYPE Operation against a key holding the wrong kind of value", REDIS_TAMPERED },
		{ "NOAUTH Authentication required.", REDIS_DENIED },
		{ "WRONGPASS invalid username-password pair or user is disabled.", REDIS_DENIED },
		{ "NOPERM this user has no permissions to run the 'xadd' command", REDIS_DENIED },
		{ "ERR The user executing the script can't run this command or subcommand script: 1, on @user_script:1.", REDIS_DENIED },
		{ "ERR ACL failure in script: this user has no permissions", REDIS_DENIED },
		{ "ERR AUTH <password> called without any password configured for the default user.", REDIS_DENIED },
		/* what only begins like one of them */
		{ "BUSYKEY Target key name already exists.", REDIS_OTHER },
		{ "BUSYGROUP Consumer Group name already exists", REDIS_OTHER },
		{ "ASKING", REDIS_OTHER },
		{ "OOMPH", REDIS_OTHER },
		{ "ERR unknown command 'foo'", REDIS_OTHER },
		{ "ERR max number of clients reached", REDIS_OTHER },
		{ "EXECABORT Transaction discarded because of previous errors.", REDIS_OTHER },
		{ "EXECABORT Transaction discarded because of: OOM command not allowed when used memory > 'maxmemory'.", REDIS_NOSPACE },
		{ "loading", REDIS_OTHER },
		{ "", REDIS_OTHER },
		{ "LOADING", REDIS_RETRY }, /* the bare word */
	};
	struct redis_reply ok = { .type = REDIS_STATUS, .str = "LOADING", .len = 7 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct redis_reply reply = { .type = REDIS_ERROR, .str = rows[i].error, .len = strlen(rows[i].error) };

		if (redis_reply_class(&reply) != rows[i].class)
			fail_msg("%s: %d", rows[i].error, redis_reply_class(&reply));
	}
	assert_int_equal(redis_reply_class(&ok), REDIS_OK); /* the words of a reply that is no error mean nothing */
}

static void script_digests(void **state)
{
	struct redis_script script;

	(void)state;
	redis_script_init(&script, "return 1"); /* as SCRIPT LOAD gives it */
	assert_string_equal(script.sha1, "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
}

/* --- the link under test -------------------------------------------------------------------------------------------------- */

struct user {
	struct redis_link *link;
	int connects, losses;
	char why[200];
	bool destroy_when_lost;
	/* of the last command */
	int calls, r;
	struct arena *arena;
	struct redis_reply reply;
	struct buf order;
	bool destroy_in_answer;
};

static void on_state(bool connected, const char *why, void *arg)
{
	struct user *u = arg;

	*(connected ? &u->connects : &u->losses) += 1;
	snprintf(u->why, sizeof(u->why), "%s", why);
	if (!connected && u->destroy_when_lost) {
		redis_link_destroy(u->link);
		u->link = NULL;
	}
}

static void keep(struct arena *arena, const struct redis_reply *from, struct redis_reply *to)
{
	struct redis_reply *items = arena_alloc(arena, (from->count + 1) * sizeof(*items));

	*to = *from;
	if (from->str)
		to->str = arena_memdup(arena, from->str, from->len);
	for (size_t i = 0; i < from->count; i++)
		keep(arena, &from->items[i], &items[i]);
	to->items = items;
}

static void on_done(int r, const struct redis_reply *reply, void *arg)
{
	struct user *u = arg;

	u->calls++;
	u->r = r;
	assert_int_equal(!reply, r < 0);
	if (reply)
		keep(u->arena, reply, &u->reply);
	if (u->destroy_in_answer && u->link) {
		redis_link_destroy(u->link);
		u->link = NULL;
	}
}

static int64_t mono(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
}

/* Until *count >= wanted: ten seconds at most, the loop woken now and then. */
static void wait_for(struct peer *p, const int *count, int wanted)
{
	struct event *tick = event_new(p->base, -1, EV_PERSIST, on_tick, NULL);
	int64_t deadline = mono() + 10000;

	event_add(tick, &(struct timeval){ 0, 20000 });
	while (*count < wanted) {
		if (mono() > deadline)
			fail_msg("waited ten seconds in vain");
		event_base_loop(p->base, EVLOOP_ONCE);
	}
	event_free(tick);
}

static void begin(struct peer *p, struct user *u)
{
	struct redis_url url;

	peer_open(p);
	*u = (struct user){ .arena = arena_create() };
	assert_int_equal(redis_url_parse(p->path, &url, NULL), 0);
	u->link = redis_link_create(p->base, &url, on_state, u);
}

static void begin_connected(struct peer *p, struct user *u)
{
	begin(p, u);
	assert_false(redis_link_connected(u->link));
	wait_for(p, &u->connects, 1);
	assert_true(redis_link_connected(u->link));
}

static void end(struct peer *p, struct user *u)
{
	redis_link_destroy(u->link);
	arena_free(u->arena);
	buf_clear(&u->order);
	peer_end(p);
}

static void ask(struct user *u, int timeout_ms)
{
	const char *const argv[] = { "GET", "k" };

	redis_link_command(u->link, 2, argv, NULL, timeout_ms, on_done, u);
}

/* --- RESP ---------------------------------------------------------------------------------------------------------------- */

static void shown(struct buf *out, const struct redis_reply *r)
{
	static const char *const names[] = { "nil", "string", "status", "error", "integer", "array" };

	buf_add_str(out, names[r->type]);
	if (r->type == REDIS_INTEGER)
		buf_printf(out, " %lld", (long long)r->integer);
	if (r->str)
		buf_printf(out, " %zu:%s", r->len, r->str);
	if (r->type != REDIS_ARRAY)
		return;
	buf_add_str(out, "(");
	for (size_t i = 0; i < r->count; i++) {
		buf_add_str(out, i ? "," : "");
		shown(out, &r->items[i]);
	}
	buf_add_str(out, ")");
}

struct bytes {
	const char *name, *bytes;
	size_t len;
	const char *shown; /* NULL: -EPROTO */
};
#define BYTES(text) text, sizeof(text) - 1
static const struct bytes replies[] = {
	{ "a status", BYTES("+OK\r\n"), "status 2:OK" },
	{ "an empty status", BYTES("+\r\n"), "status 0:" },
	{ "an error", BYTES("-WRONGTYPE x\r\n"), "error 11:WRONGTYPE x" },
	{ "an integer", BYTES(":-42\r\n"), "integer -42" },
	{ "the largest integer", BYTES(":9223372036854775807\r\n"), "integer 9223372036854775807" },
	{ "a bulk string", BYTES("$5\r\nhello\r\n"), "string 5:hello" },
	{ "an empty bulk string", BYTES("$0\r\n\r\n"), "string 0:" },
	{ "a line break inside a bulk string", BYTES("$4\r\na\r\nb\r\n"), "string 4:a\r\nb" },
	{ "nil as a bulk string", BYTES("$-1\r\n"), "nil" },
	{ "nil as an array", BYTES("*-1\r\n"), "nil" },
	{ "an empty array", BYTES("*0\r\n"), "array()" },
	{ "an array of everything", BYTES("*5\r\n+a\r\n:1\r\n$1\r\nb\r\n$-1\r\n-E\r\n"), "array(status 1:a,integer 1,string 1:b,nil,error 1:E)" },
	{ "arrays in arrays, as XREAD answers", BYTES("*1\r\n*2\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$5\r\nevent\r\n$2\r\n{}\r\n"),
		"array(array(string 1:s,array(array(string 3:1-1,array(string 5:event,string 2:{})))))" },
	{ "seven arrays deep", BYTES("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"), "array(array(array(array(array(array(array(integer 1)))))))" },
	/* not to be believed */
	{ "nine arrays deep", BYTES("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"), NULL },
	{ "no type", BYTES("hello\r\n"), NULL },
	{ "HTTP", BYTES("HTTP/1.1 400 Bad Request\r\n\r\n"), NULL },
	{ "an integer that is none", BYTES(":4x\r\n"), NULL },
	{ "a length that is none", BYTES("$x\r\n"), NULL },
	{ "a negative length", BYTES("$-2\r\n"), NULL },
	{ "a negative count", BYTES("*-2\r\n"), NULL },
	{ "a count that no reply has", BYTES("*2147483647\r\n"), NULL },
	{ "a count beyond 32 bits", BYTES("*4294967297\r\n"), NULL },
	{ "a type of RESP3", BYTES("%1\r\n+a\r\n+b\r\n"), NULL },
	{ "two replies to one command", BYTES("+OK\r\n+OK\r\n"), "status 2:OK" },
};

static void reply_read(void **state)
{
	const struct bytes *row = *state;
	struct peer p;
	struct user u;

	begin_connected(&p, &u);
	p.answer = row->bytes;
	p.answer_len = row->len;
	ask(&u, 0);
	assert_int_equal(u.calls, 0); /* never before the call has returned */
	wait_for(&p, &u.calls, 1);
	if (row->shown) {
		CLEANUP(buf_clear) struct buf text = { 0 };

		assert_int_equal(u.r, 0);
		shown(&text, &u.reply);
		assert_string_equal(text.data, row->shown);
	} else {
		assert_int_equal(u.r, -EPROTO);
		assert_int_equal(u.losses, 1);
		wait_for(&p, &u.connects, 2); /* a new connection, believed again */
	}
	if (row->shown && strstr(row->name, "two replies")) { /* what nobody asked for: this connection is dropped, nothing crashes */
		wait_for(&p, &u.losses, 1);
		assert_string_equal(u.why, "an unexpected reply");
		assert_int_equal(u.calls, 1);
	}
	end(&p, &u);
}

/* The same bytes, one at a time. */
static void byte_by_byte(void **state)
{
	static const char bytes[] = "*3\r\n$5\r\nhello\r\n:12\r\n*1\r\n-ERR x\r\n";
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct peer p;
	struct user u;
	int turns = 0;

	(void)state;
	begin_connected(&p, &u);
	ask(&u, 0);
	while (!strstr(buf_str(&p.seen), "GET"))
		event_base_loop(p.base, EVLOOP_ONCE);
	for (size_t i = 0; i < sizeof(bytes) - 1; i++) {
		assert_int_equal(u.calls, 0);
		peer_send(&p, bytes + i, 1);
		for (turns = 0; turns < 3; turns++)
			event_base_loop(p.base, EVLOOP_NONBLOCK);
	}
	wait_for(&p, &u.calls, 1);
	shown(&text, &u.reply);
	assert_string_equal(text.data, "array(string 5:hello,integer 12,array(error 5:ERR x))");
	assert_string_equal(buf_str(&p.seen), "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n");
	end(&p, &u);
}

static void a_large_reply(void **state)
{
	CLEANUP(buf_clear) struct buf bytes = { 0 };
	struct peer p;
	struct user u;

	(void)state;
	begin_connected(&p, &u);
	buf_add_str(&bytes, "*20000\r\n");
	for (int i = 0; i < 20000; i++)
		buf_printf(&bytes, "$%d\r\n%0*d\r\n", i % 20 + 1, i % 20 + 1, 7);
	ask(&u, 0);
	while (!strstr(buf_str(&p.seen), "GET"))
		event_base_loop(p.base, EVLOOP_ONCE);
	fcntl(p.fd, F_SETFL, O_NONBLOCK);
	for (size_t at = 0; at < bytes.len;) {
		ssize_t n = send(p.fd, bytes.data + at, bytes.len - at < 50000 ? bytes.len - at : 50000, MSG_NOSIGNAL);

		if (n > 0)
			at += (size_t)n;
		event_base_loop(p.base, EVLOOP_NONBLOCK);
	}
	wait_for(&p, &u.calls, 1);
	assert_int_equal(u.r, 0);
	assert_int_equal(u.reply.count, 20000);
	assert_int_equal(u.reply.items[19999].len, 20);
	end(&p, &u);
}

/* --- commands --------------------------------------------------------------------------------------------------------------- */

static void note_order(int r, const struct redis_reply *reply, void *arg)
{
	struct user *u = arg;

	u->calls++;
	if (r == 0)
		buf_printf(&u->order, "%lld ", (long long)reply->integer);
	else
		buf_printf(&u->order, "(%d) ", r);
}

static void answered_in_order(void **state)
{
	static const char answers[] = ":1\r\n:2\r\n:3\r\n";
	const char *const binary[] = { "SET", "k\r\n", "a\0b" };
	size_t lens[] = { 3, 3, 3 };
	struct peer p;
	struct user u;

	(void)state;
	begin_connected(&p, &u);
	redis_link_command(u.link, 3, binary, lens, 0, note_order, &u);
	for (int i = 0; i < 2; i++)
		redis_link_command(u.link, 1, binary, NULL, 0, note_order, &u);
	while (p.seen.len < 31 + 2 * 13)
		event_base_loop(p.base, EVLOOP_ONCE);
	assert_memory_equal(p.seen.data, "*3\r\n$3\r\nSET\r\n$3\r\nk\r\n\r\n$3\r\na\0b\r\n*1\r\n$3\r\nSET\r\n", 44);
	peer_send(&p, answers, 12);
	wait_for(&p, &u.calls, 3);
	assert_string_equal(u.order.data, "1 2 3 ");
	end(&p, &u);
}

/* A connection lost with commands in flight: each is told once that its outcome is unknown. */
static void lost_in_flight(void **state)
{
	struct peer p;
	struct user u;

	(void)state;
	begin_connected(&p, &u);
	p.answer = ":1\r\n:2"; /* the second one is cut */
	p.answer_len = 6;
	p.then_close = true;
	for (int i = 0; i < 3; i++)
		redis_link_command(u.link, 1, (const char *const[]){ "PING" }, NULL, 0, note_order, &u);
	wait_for(&p, &u.calls, 3);
	assert_int_equal(u.losses, 1);
	assert_string_equal(u.why, "the server closed the connection");
	assert_non_null(strstr(u.order.data, "1 "));
	assert_string_equal(u.order.data + 2, "(-107) (-107) ");
	p.then_close = false;
	wait_for(&p, &u.connects, 2);
	assert_int_equal(u.calls, 3);
	end(&p, &u);
}

static void asked_while_not_connected(void **state)
{
	static const char text[] = "return 1";
	struct redis_script script;
	struct peer p;
	struct user u;

	(void)state;
	begin(&p, &u);
	redis_script_init(&script, text);
	redis_link_command(u.link, 1, (const char *const[]){ "PING" }, NULL, 0, note_order, &u);
	redis_link_script(u.link, &script, 0, 0, NULL, NULL, 0, note_order, &u);
	assert_int_equal(u.calls, 0);
	wait_for(&p, &u.calls, 2);
	assert_string_equal(u.order.data, "(-107) (-107) ");
	wait_for(&p, &u.connects, 1);
	end(&p, &u);
}

/* A silent server: the command's deadline, then a new connection. */
static void silence(void **state)
{
	struct peer p;
	struct user u;

	(void)state;
	begin_connected(&p, &u);
	ask(&u, 60);
	ask(&u, 10000);
	wait_for(&p, &u.calls, 2); /* both: what stood behind it cannot be told apart any more */
	assert_int_equal(u.r, -ETIMEDOUT);
	assert_string_equal(u.why, "no answer in time");
	wait_for(&p, &u.connects, 2);
	end(&p, &u);
}

static void dropped_on_purpose(void **state)
{
	struct peer p;
	struct user u;

	(void)state;
	begin_connected(&p, &u);
	ask(&u, 0);
	redis_link_drop(u.link, "not a primary");
	assert_false(redis_link_connected(u.link));
	assert_int_equal(u.calls, 0);
	assert_int_equal(u.losses, 1);
	assert_string_equal(u.why, "not a primary");
	redis_link_drop(u.link, "again"); /* nothing to drop */
	assert_int_equal(u.losses, 1);
	wait_for(&p, &u.calls, 1);
	assert_int_equal(u.r, -ENOTCONN);
	wait_for(&p, &u.connects, 2);
	end(&p, &u);
}

/* --- greeting ------------------------------------------------------------------------------------------------------------------ */

static void greets_with_name_and_database(void **state)
{
	struct redis_url url = { .port = 6379, .db = 3, .user = "dunner", .password = "s3cret word" };
	struct peer p;
	struct user u = { 0 };

	(void)state;
	peer_open(&p);
	u.arena = arena_create();
	p.hello = "+OK\r\n+OK\r\n+PONG\r\n";
	snprintf(url.path, sizeof(url.path), "%s", p.path);
	p.mute = true;
	u.link = redis_link_create(p.base, &url, on_state, &u);
	while (!strstr(buf_str(&p.seen), "PING"))
		event_base_loop(p.base, EVLOOP_ONCE);
	assert_string_equal(p.seen.data, "*3\r\n$4\r\nAUTH\r\n$6\r\ndunner\r\n$11\r\ns3cret word\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n*1\r\n$4\r\nPING\r\n");
	assert_false(redis_link_connected(u.link)); /* not before all of it was answered */
	peer_send(&p, p.hello, strlen(p.hello));
	wait_for(&p, &u.connects, 1);
	redis_link_destroy(u.link);
	/* a password alone */
	url.user[0] = '\0';
	url.db = 0;
	u.connects = 0;
	u.link = redis_link_create(p.base, &url, on_state, &u);
	buf_reset(&p.seen);
	while (!strstr(buf_str(&p.seen), "PING"))
		event_base_loop(p.base, EVLOOP_ONCE);
	assert_string_equal(p.seen.data, "*2\r\n$4\r\nAUTH\r\n$11\r\ns3cret word\r\n*1\r\n$4\r\nPING\r\n");
	end(&p, &u);
}

static void refused_at_the_door(void **state)
{
	static const char *const hellos[] = { "-NOAUTH Authentication required.\r\n", "-ERR max number of clients reached\r\n", "-NOPERM no\r\n" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(hellos); i++) {
		struct peer p;
		struct user u;

		begin(&p, &u);
		p.hello = hellos[i];
		wait_for(&p, &u.losses, 1);
		assert_int_equal(u.connects, 0);
		assert_memory_equal(u.why, hellos[i] + 1, strlen(u.why));
		assert_true(strlen(u.why) > 5);
		end(&p, &u);
	}
}

/* A server that still loads is there: commands may be asked, and will say LOADING themselves. */
static void loading_is_connected(void **state)
{
	struct peer p;
	struct user u;

	(void)state;
	begin(&p, &u);
	p.hello = "-LOADING Redis is loading the dataset in memory\r\n";
	wait_for(&p, &u.connects, 1);
	end(&p, &u);
}

/* A peer that takes the connection and says nothing at all. */
static void mute_at_the_door(void **state)
{
	struct peer p;
	struct user u;

	(void)state;
	begin(&p, &u);
	p.mute = true;
	wait_for(&p, &u.losses, 1);
	assert_int_equal(u.connects, 0);
	assert_non_null(strstr(u.why, "in time"));
	end(&p, &u);
}

static void nobody_there(void **state)
{
	struct redis_url url;
	struct peer p;
	struct user u;
	int turns = 0;

	(void)state;
	begin(&p, &u);
	redis_link_destroy(u.link);
	close(p.listener);
	unlink(p.path);
	assert_int_equal(redis_url_parse(p.path, &url, NULL), 0);
	u.link = redis_link_create(p.base, &url, on_state, &u);
	for (int64_t until = mono() + 200; mono() < until; turns++) /* tries again, at growing distances, without a storm */
		event_base_loop(p.base, EVLOOP_ONCE);
	assert_true(turns < 100);
	assert_int_equal(u.connects, 0);
	p.listener = open("/dev/null", O_RDONLY | O_CLOEXEC);
	end(&p, &u);
}

/* --- scripts ------------------------------------------------------------------------------------------------------------------- */

static void scripts_by_digest_then_whole(void **state)
{
	const char *const argv[] = { "key", "value" };
	struct redis_script script;
	struct peer p;
	struct user u;

	(void)state;
	begin_connected(&p, &u);
	redis_script_init(&script, "return 1");
	p.answer = "-NOSCRIPT No matching script.\r\n";
	p.answer_len = strlen(p.answer);
	redis_link_script(u.link, &script, 1, 2, argv, NULL, 0, on_done, &u);
	while (!strstr(buf_str(&p.seen), "EVALSHA"))
		event_base_loop(p.base, EVLOOP_ONCE);
	assert_string_equal(p.seen.data,
		"*5\r\n$7\r\nEVALSHA\r\n$40\r\ne0e1f9fabfc9d4800c877a703b823ac0578ff8db\r\n$1\r\n1\r\n$3\r\nkey\r\n$5\r\nvalue\r\n");
	buf_reset(&p.seen);
	p.answer = ":1\r\n";
	p.answer_len = 4;
	wait_for(&p, &u.calls, 1);
	assert_string_equal(p.seen.data, "*5\r\n$4\r\nEVAL\r\n$8\r\nreturn 1\r\n$1\r\n1\r\n$3\r\nkey\r\n$5\r\nvalue\r\n");
	assert_int_equal(u.reply.integer, 1);
	end(&p, &u);
}

/* A server that does not even know EVAL's script is not asked for ever. */
static void no_script_twice(void **state)
{
	struct redis_script script;
	struct peer p;
	struct user u;

	(void)state;
	begin_connected(&p, &u);
	redis_script_init(&script, "return 1");
	p.answer = "-NOSCRIPT No matching script.\r\n";
	p.answer_len = strlen(p.answer);
	redis_link_script(u.link, &script, 0, 0, NULL, NULL, 0, on_done, &u);
	wait_for(&p, &u.calls, 1);
	assert_int_equal(redis_reply_class(&u.reply), REDIS_NOSCRIPT);
	end(&p, &u);
}

/* --- the end ----------------------------------------------------------------------------------------------------------------------- */

static void destroyed_inside_callbacks(void **state)
{
	struct peer p;
	struct user u;

	(void)state;
	redis_link_destroy(NULL);
	begin_connected(&p, &u); /* in the answer, with another command behind it */
	u.destroy_in_answer = true;
	p.answer = ":1\r\n:2\r\n";
	p.answer_len = 8;
	ask(&u, 0);
	ask(&u, 0);
	wait_for(&p, &u.calls, 1);
	for (int i = 0; i < 5; i++)
		event_base_loop(p.base, EVLOOP_NONBLOCK);
	assert_int_equal(u.calls, 1); /* not at all after the end */
	end(&p, &u);

	begin_connected(&p, &u); /* when the connection is lost */
	u.destroy_when_lost = true;
	p.then_close = true;
	ask(&u, 0);
	wait_for(&p, &u.losses, 1);
	for (int i = 0; i < 5; i++)
		event_base_loop(p.base, EVLOOP_NONBLOCK);
	assert_int_equal(u.calls, 0);
	end(&p, &u);

	begin_connected(&p, &u); /* when a failure is told */
	u.destroy_in_answer = true;
	ask(&u, 0);
	ask(&u, 0);
	redis_link_drop(u.link, "test");
	wait_for(&p, &u.calls, 1);
	for (int i = 0; i < 5; i++)
		event_base_loop(p.base, EVLOOP_NONBLOCK);
	assert_int_equal(u.calls, 1);
	end(&p, &u);

	begin_connected(&p, &u); /* with everything under way */
	ask(&u, 0);
	end(&p, &u);
}

static void a_call_for_tools(void **state)
{
	const char *const argv[] = { "GET", "k" };
	const struct redis_reply *reply = NULL;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct peer p;
	struct user u;

	(void)state;
	begin(&p, &u);
	p.answer = "*2\r\n$1\r\na\r\n*1\r\n:7\r\n";
	p.answer_len = strlen(p.answer);
	assert_int_equal(redis_call(p.base, u.link, arena, 2, argv, NULL, &reply), 0); /* waits for the connection as well */
	assert_int_equal(reply->count, 2);
	assert_string_equal(reply->items[0].str, "a");
	assert_int_equal(reply->items[1].items[0].integer, 7);
	p.then_close = true;
	p.answer = NULL;
	assert_int_equal(redis_call(p.base, u.link, arena, 2, argv, NULL, &reply), -ENOTCONN);
	end(&p, &u);
}

/* Where the next ASK leads elsewhere, what waits there for its answer is told that none will come. */
static void what_waits_aside_is_told(void **state)
{
	static const struct redis_reply elsewhere = { .type = REDIS_ERROR, .str = "ASK 1 127.0.0.1:1", .len = 17 };
	struct peer at, aside;
	struct user u, there;

	(void)state;
	for (int connected = 0; connected < 2; connected++) {
		begin_connected(&at, &u);
		peer_open(&aside);
		there = (struct user){ .arena = arena_create() };
		aside.mute = !connected;
		event_del(aside.accepting);
		event_assign(aside.accepting, at.base, aside.listener, EV_READ | EV_PERSIST, on_peer_accept, &aside);
		event_add(aside.accepting, NULL);
		event_base_free(aside.base);
		aside.base = at.base;
		u.link->url.kind = REDIS_CLUSTER;
		there.link = u.link->aside = redis_link_create(at.base, &(struct redis_url){ 0 }, on_state, &there);
		assert_int_equal(redis_url_parse(aside.path, &there.link->url, NULL), 0);
		if (connected)
			wait_for(&at, &there.connects, 1);
		ask(&there, 0);
		assert_null(link_aside(u.link, &elsewhere));
		wait_for(&at, &there.calls, 1);
		assert_int_equal(there.r, -ENOTCONN);
		assert_int_equal(there.calls, 1);
		redis_link_destroy(u.link);
		u.link = NULL;
		peer_close(&aside);
		event_free(aside.accepting);
		close(aside.listener);
		unlink(aside.path);
		rmdir(aside.dir);
		buf_clear(&aside.seen);
		arena_free(there.arena);
		end(&at, &u);
	}
}

/* Deadlines are looked at while there are some: a link that nobody asks leaves the machine asleep. */
static void an_idle_link_is_not_looked_at(void **state)
{
	struct peer p;
	struct user u;

	(void)state;
	begin_connected(&p, &u);
	p.answer = "+OK\r\n";
	p.answer_len = strlen(p.answer);
	ask(&u, 0);
	assert_true(evtimer_pending(u.link->scan, NULL));
	wait_for(&p, &u.calls, 1);
	for (int64_t deadline = mono() + 10000; evtimer_pending(u.link->scan, NULL); event_base_loop(p.base, EVLOOP_ONCE))
		if (mono() > deadline)
			fail_msg("it is looked at for ever");
	assert_true(redis_link_connected(u.link));
	end(&p, &u);
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(reply_classes),
		cmocka_unit_test(script_digests),
		cmocka_unit_test(byte_by_byte),
		cmocka_unit_test(a_large_reply),
		cmocka_unit_test(answered_in_order),
		cmocka_unit_test(lost_in_flight),
		cmocka_unit_test(asked_while_not_connected),
		cmocka_unit_test(silence),
		cmocka_unit_test(dropped_on_purpose),
		cmocka_unit_test(greets_with_name_and_database),
		cmocka_unit_test(refused_at_the_door),
		cmocka_unit_test(loading_is_connected),
		cmocka_unit_test(mute_at_the_door),
		cmocka_unit_test(nobody_there),
		cmocka_unit_test(scripts_by_digest_then_whole),
		cmocka_unit_test(no_script_twice),
		cmocka_unit_test(destroyed_inside_callbacks),
		cmocka_unit_test(a_call_for_tools),
		cmocka_unit_test(what_waits_aside_is_told),
		cmocka_unit_test(an_idle_link_is_not_looked_at),
	};
	struct CMUnitTest tests[ARRAY_LEN(replies)];
	int failed;

	signal(SIGPIPE, SIG_IGN); /* as every program that has a link: the peer may hang up at any byte */
	for (size_t i = 0; i < ARRAY_LEN(replies); i++)
		tests[i] = (struct CMUnitTest){ .name = replies[i].name,
			.test_func = reply_read,
			.initial_state = (void *)(uintptr_t)&replies[i] };
	failed = cmocka_run_group_tests_name("replies", tests, NULL, NULL);
	return failed + cmocka_run_group_tests_name("redis_link", others, NULL, NULL);
}
