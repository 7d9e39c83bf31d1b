/*
 * A debtor's file is erased, with the real programs: what was planted about it is then nowhere in the state directory, in Redis and its
 * files, in logs and in what dunningctl says; and what may not go is refused with its date.
 */
#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "common/utc.h"
#include "tests/support/world.h"

#define WAIT_MS 30000

/* What must not be found any more: names, addresses, numbers and texts of one debtor. */
static const char *const planted[] = { "Zqplanted SARL", "Zqnamea Martin", "Zqnameb Durand", "zqmaila@planted.example", "zqmailb@planted.example",
	"+33199900017", "+33199900018", "ZQ-F-2026-0001", "https://pay.example/zqpaya", "https://pdf.example/zqpdfa", "ZQ-F-2026-0002",
	"https://pay.example/zqpayb", "zqreply our cellar was flooded", "zqpause the owner is ill", "zqdispute two pallets broken",
	"zqcall he will ask his brother", "zqdead unreadable words", "zqtask he paid in cash", "ZQ-PO-777", "zqhold by telephone" };
#define PLANTED ARRAY_LEN(planted)
#define OTHER "Zother Sarl"

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	const struct world_options options = { .prefix = "dunning", .clock = "rate:0", .appendfsync = "always", .acl = true };
	CLEANUP(buf_clear) struct buf text = { 0 };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	static const char from[] = "\"email\":\"sandbox\"", note[] = "Facture {{invoice.number}}: {{#debtor.name}}{{debtor.name}}{{/debtor.name}}\n";
	char *at;

	world_open(w, &options);
	assert_int_equal(file_read(w->config, 1 << 20, &text, NULL), 0);
	at = strstr(text.data, from);
	assert_non_null(at);
	memcpy(at, "\"email\":\"outbox\" ", sizeof(from) - 1); /* one byte shorter: a space */
	assert_int_equal(file_replace(w->config, text.data, text.len, 0600), 0);
	assert_int_equal(file_replace(arena_printf(arena, "%s/templates/fr/plain.txt", w->dir), note, sizeof(note) - 1, 0600), 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	world_close(*state, getenv("KEEP") != NULL);
	free(*state);
	return 0;
}

/* --- the story's means ---------------------------------------------------------------------------------------------------------- */

static void start(struct world *w, const char *at)
{
	char spec[80];

	snprintf(spec, sizeof(spec), "start:%s,rate:0", at);
	w->options.clock = spec;
	world_start(w, NULL);
	assert_true(world_ready(w, WAIT_MS));
	w->options.clock = "rate:0";
}

static void stop(struct world *w)
{
	assert_int_equal(process_stop(&w->daemon, WAIT_MS), 0);
}

static void push(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void push(struct world *w, const char *format, ...)
{
	char event[4000];
	va_list args;

	va_start(args, format);
	world_push(w, event, (size_t)vsnprintf(event, sizeof(event), format, args));
	va_end(args);
}

#define EVENT(id, type, at) "{\"specversion\":\"1.0\",\"id\":\"" id "\",\"source\":\"https://billing.example\",\"type\":\"" type "\",\"time\":\"" at "\",\"data\":"

static void push_invoice(struct world *w, const char *id, const char *number, const char *pay, const char *customer, const char *name, const char *more)
{
	push(w,
		"{\"specversion\":\"1.0\",\"id\":\"f-%s\",\"source\":\"https://billing.example\",\"type\":\"invoice.finalized\","
		"\"time\":\"2026-03-02T09:00:00Z\",\"data\":{\"invoice\":{\"id\":\"%s\",\"number\":\"%s\",\"version\":1,\"kind\":\"standard\","
		"\"status\":\"open\",\"issued_on\":\"2026-01-02\",\"due_on\":\"2026-02-25\",\"currency\":\"EUR\",\"total_minor\":120000,"
		"\"paid_minor\":0,\"credited_minor\":0,\"due_minor\":120000,\"payment_url\":\"%s\"%s},"
		"\"customer\":{\"id\":\"%s\",\"name\":\"%s\",\"country\":\"FR\",\"kind\":\"company\",\"locale\":\"fr-FR\",\"timezone\":\"Europe/Paris\","
		"\"contacts\":[{\"id\":\"c1\",\"role\":\"billing\",\"relation\":\"internal\",\"name\":\"%s\",\"email\":\"%s\",\"phone\":\"%s\"},"
		"{\"id\":\"c2\",\"role\":\"owner\",\"relation\":\"internal\",\"name\":\"%s\",\"email\":\"%s\",\"phone\":\"%s\"}]}}}",
		id, id, number, pay, more, customer, name, name[1] == 'q' ? planted[1] : "Anna", name[1] == 'q' ? planted[3] : "anna@other.example",
		name[1] == 'q' ? planted[5] : "+33155500011", name[1] == 'q' ? planted[2] : "Bert", name[1] == 'q' ? planted[4] : "bert@other.example",
		name[1] == 'q' ? planted[6] : "+33155500012");
}

static void push_paid(struct world *w, const char *id, const char *number)
{
	push(w,
		"{\"specversion\":\"1.0\",\"id\":\"p-%s\",\"source\":\"https://billing.example\",\"type\":\"invoice.paid\","
		"\"time\":\"2026-03-02T10:00:00Z\",\"data\":{\"invoice\":{\"id\":\"%s\",\"number\":\"%s\",\"version\":2,\"status\":\"paid\","
		"\"issued_on\":\"2026-01-02\",\"due_on\":\"2026-02-25\",\"currency\":\"EUR\",\"total_minor\":120000,\"paid_minor\":120000,"
		"\"credited_minor\":0,\"due_minor\":0}}}", id, id, number);
}

static void until_applied(struct world *w)
{
	int64_t deadline = real_ms() + WAIT_MS;

	while (!world_applied(w)) {
		if (real_ms() > deadline)
			fail_msg("the stream is not applied");
		pause_ms(20);
	}
}

static int ctl(struct world *w, struct buf *output, const char *const *words)
{
	buf_reset(output);
	return world_ctl(w, words, output);
}

#define CTL(w, output, ...) ctl(w, output, (const char *const[]){ __VA_ARGS__, NULL })

static void says(const struct buf *output, const char *text)
{
	if (!strstr(buf_str(output), text))
		fail_msg("it does not say \"%s\":\n%s", text, buf_str(output));
}

static bool closed(struct world *w, const char *id)
{
	CLEANUP(buf_clear) struct buf output = { 0 };

	return CTL(w, &output, "--json", "show", id) == 0 && strstr(buf_str(&output), "\"state\":\"closed\"");
}

static void until_closed(struct world *w, const char *id)
{
	int64_t deadline = real_ms() + WAIT_MS;

	while (!closed(w, id)) {
		if (real_ms() > deadline)
			fail_msg("%s does not close", id);
		pause_ms(50);
	}
}

static size_t files_in(struct world *w, const char *folder)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	size_t count = 0;
	char **names;

	if (file_list(arena, arena_printf(arena, "%s/%s", w->state, folder), "", &names, &count) < 0)
		return 0;
	return count;
}

static void until_files(struct world *w, size_t count)
{
	int64_t deadline = real_ms() + WAIT_MS;

	while (files_in(w, "outbox") != count) {
		if (real_ms() > deadline)
			fail_msg("%zu messages in the outbox, not %zu", files_in(w, "outbox"), count);
		pause_ms(20);
	}
}

/* --- the search -------------------------------------------------------------------------------------------------------------------- */

struct search {
	size_t files, found;
	bool tell;
};

static void search_text(struct search *s, const char *where, const char *text, size_t len)
{
	for (size_t i = 0; i < PLANTED; i++)
		if (text && memmem(text, len, planted[i], strlen(planted[i]))) {
			s->found++;
			if (s->tell)
				print_error("\"%s\" stands in %s\n", planted[i], where);
		}
}

static void search_tree(struct search *s, const char *path)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	DIR *dir = opendir(path);
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		CLEANUP(buf_clear) struct buf text = { 0 };
		const char *name = arena_printf(arena, "%s/%s", path, entry->d_name);
		struct stat status;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 || lstat(name, &status) < 0)
			continue;
		search_text(s, name, entry->d_name, strlen(entry->d_name));
		if (S_ISDIR(status.st_mode))
			search_tree(s, name);
		else if (S_ISREG(status.st_mode) && file_read(name, 1u << 30, &text, NULL) == 0) {
			s->files++;
			search_text(s, name, text.data, text.len);
		}
	}
	(void)closedir(dir);
}

/* The whole world: state, Redis's files (nothing in them is compressed), logs. The sandbox is the provider, and was never asked. */
static struct search search_world(struct world *w, bool tell)
{
	struct search s = { .tell = tell };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const struct redis_reply *keys = world_redis(w, arena, (const char *const[]){ "KEYS", "*", NULL });

	for (size_t i = 0; i < keys->count; i++) {
		const struct redis_reply *dump = world_redis(w, arena, (const char *const[]){ "DUMP", keys->items[i].str, NULL });

		search_text(&s, keys->items[i].str, keys->items[i].str, keys->items[i].len);
		if (dump->str)
			search_text(&s, keys->items[i].str, dump->str, dump->len);
	}
	search_tree(&s, w->dir);
	return s;
}

static void redis_do(struct world *w, const char *const *argv)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	(void)world_redis(w, arena, argv);
}

#define REDIS(w, ...) redis_do(w, (const char *const[]){ __VA_ARGS__, NULL })

static void rewrite_redis_files(struct world *w)
{
	int64_t deadline = real_ms() + WAIT_MS;

	REDIS(w, "BGREWRITEAOF");
	for (;;) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		const struct redis_reply *info = world_redis(w, arena, (const char *const[]){ "INFO", "persistence", NULL });

		if (strstr(info->str, "aof_rewrite_in_progress:0") && strstr(info->str, "aof_rewrite_scheduled:0") &&
			strstr(info->str, "rdb_bgsave_in_progress:0"))
			break;
		if (real_ms() > deadline)
			fail_msg("the append-only file is not rewritten");
		pause_ms(20);
	}
	REDIS(w, "SAVE");
}

/* --- one debtor among others ---------------------------------------------------------------------------------------------------------- */

static void tell_the_story(struct world *w)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf output = { 0 };

	push_invoice(w, "zi1", planted[7], planted[8], "cus_gone", planted[0],
		arena_printf(arena, ",\"pdf_url\":\"%s\",\"refs\":{\"purchase_order\":\"%s\"}", planted[9], planted[18]));
	push_invoice(w, "zi2", planted[10], planted[11], "cus_gone", planted[0], "");
	push_invoice(w, "oi1", "O-1", "https://pay.example/other", "cus_other", OTHER, "");
	until_files(w, 3);
	push(w, EVENT("e1", "contact.reply_received", "2026-03-02T09:01:00Z") "{\"invoice_id\":\"zi1\",\"customer_id\":\"cus_gone\",\"text\":\"%s\"}}", planted[12]);
	push(w, EVENT("e2", "customer.paused", "2026-03-02T09:02:00Z") "{\"customer_id\":\"cus_gone\",\"pause_id\":\"x\",\"reason\":\"%s\"}}", planted[13]);
	push(w, EVENT("e3", "dispute.opened", "2026-03-02T09:03:00Z") "{\"invoice_id\":\"zi1\",\"customer_id\":\"cus_gone\",\"dispute_id\":\"d1\",\"reason\":\"%s\"}}", planted[14]);
	push(w, EVENT("e4", "call.completed", "2026-03-02T09:04:00Z") "{\"invoice_id\":\"zi1\",\"customer_id\":\"cus_gone\",\"call_id\":\"k1\",\"text\":\"%s\"}}", planted[15]);
	push(w, EVENT("e5", "invoice.finalized", "2026-03-02T09:05:00Z") "{\"customer\":{\"id\":\"cus_gone\"},\"words\":\"%s\",\"invoice\":7}}", planted[16]);
	push(w, EVENT("e6", "dispute.resolved", "2026-03-02T09:06:00Z") "{\"invoice_id\":\"zi1\",\"customer_id\":\"cus_gone\",\"dispute_id\":\"d1\",\"reason\":\"%s\"}}", planted[17]);
	until_applied(w);
	assert_int_equal(CTL(w, &output, "hold", "zi1", planted[19]), 0);
	assert_int_equal(CTL(w, &output, "resume", "zi1", planted[19]), 0);
}

/* Somebody else reads what is told, as a group of consumers with something pending. */
static void others_listen(struct world *w)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *outbound = world_key(w, arena, "outbound");
	const struct redis_reply *got;

	REDIS(w, "XGROUP", "CREATE", outbound, "crm", "0");
	got = world_redis(w, arena, (const char *const[]){ "XREADGROUP", "GROUP", "crm", "one", "COUNT", "1000", "STREAMS", outbound, ">", NULL });
	assert_true(got->items[0].items[1].count >= 6);
	for (size_t i = 0; i < got->items[0].items[1].count; i++) /* acknowledged but those of the other debtor */
		if (!strstr(got->items[0].items[1].items[i].items[1].items[1].str, "cus_other"))
			REDIS(w, "XACK", outbound, "crm", got->items[0].items[1].items[i].items[0].str);
}

static size_t pending(struct world *w, size_t *of_other)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *outbound = world_key(w, arena, "outbound");
	const struct redis_reply *all = world_redis(w, arena, (const char *const[]){ "XRANGE", outbound, "-", "+", NULL });
	const struct redis_reply *left = world_redis(w, arena, (const char *const[]){ "XPENDING", outbound, "crm", "-", "+", "1000", NULL });

	*of_other = 0;
	for (size_t i = 0; i < all->count; i++)
		*of_other += strstr(all->items[i].items[1].items[1].str, "cus_other") != NULL;
	return left->count;
}

static void a_file_is_erased_and_nothing_of_it_is_found(void **state)
{
	struct world *w = *state;
	CLEANUP(buf_clear) struct buf output = { 0 };
	struct search s;
	size_t other, waiting;

	REDIS(w, "CONFIG", "SET", "rdbcompression", "no");
	start(w, "2026-03-02T10:00:00Z");
	tell_the_story(w);

	/* open */
	assert_int_equal(CTL(w, &output, "trail", "erase", "cus_gone", "--yes", "--why", "asked by letter"), 1);
	says(&output, "open_invoice");
	says(&output, "zi1");
	assert_int_equal(CTL(w, &output, "trail", "erase", "cus_nobody"), 1);
	says(&output, "no file");
	assert_int_equal(CTL(w, &output, "trail", "erase", "cus_gone", "--yes"), 2); /* why? */
	assert_int_equal(CTL(w, &output, "trail", "erase", "cus_gone", "--class", "identity,names"), 2);
	assert_int_equal(CTL(w, &output, "trail", "erase", "cus_gone", "--until", "26"), 2);
	assert_int_equal(CTL(w, &output, "trail", "retain", "cus_gone", "maybe", "--why", "x"), 2);
	assert_int_equal(CTL(w, &output, "trail", "retain", "cus_nobody", "on", "--why", "x"), 1);
	assert_int_equal(CTL(w, &output, "trail", "erase", "cus_gone", "--class", "content"), 1);
	assert_null(strstr(buf_str(&output), "identity"));
	push_paid(w, "oi1", "O-1"); /* not the last of its stream: that one goes */
	push_paid(w, "zi1", planted[7]);
	push_paid(w, "zi2", planted[10]);
	until_closed(w, "zi1");
	until_closed(w, "zi2");
	until_closed(w, "oi1");
	until_applied(w);
	others_listen(w);
	s = search_world(w, false);
	assert_true(s.found >= PLANTED); /* the search finds what is there */

	/* too early: each class has its day */
	assert_int_equal(CTL(w, &output, "--json", "trail", "erase", "cus_gone", "--yes", "--why", "asked by letter"), 1);
	says(&output, "\"class\":\"identity\",\"records\":");
	says(&output, "\"reason\":\"period\",\"what\":null,\"from\":\"2031-03-03\"");
	says(&output, "\"from\":\"2037-01-01\"");
	says(&output, "L123-22");

	/* held */
	stop(w);
	start(w, "2037-02-01T10:00:00Z");
	assert_int_equal(CTL(w, &output, "trail", "retain", "cus_gone", "on", "--why", "the case at court"), 0);
	for (int64_t deadline = real_ms() + WAIT_MS; !strstr(buf_str(&output), "retention_hold"); pause_ms(20)) {
		assert_true(real_ms() < deadline);
		(void)CTL(w, &output, "trail", "erase", "cus_gone", "--yes", "--why", "asked by letter");
	}
	says(&output, "2037-01-01");
	assert_true(closed(w, "zi1"));
	assert_int_equal(CTL(w, &output, "trail", "retain", "cus_gone", "off", "--why", "the case is over"), 0);

	/* now it may */
	for (int64_t deadline = real_ms() + WAIT_MS; CTL(w, &output, "trail", "erase", "cus_gone"); pause_ms(20))
		if (real_ms() > deadline)
			fail_msg("it is still refused: %s", buf_str(&output));
	says(&output, "would go");
	says(&output, "Nothing was erased");
	assert_true(closed(w, "zi1"));
	assert_int_equal(CTL(w, &output, "--json", "trail", "erase", "cus_gone", "--yes", "--why", "asked by letter"), 0);
	says(&output, "\"outcome\":\"erased\"");
	says(&output, "\"refused\":0");
	waiting = pending(w, &other);
	assert_true(other >= 3);
	assert_int_equal(waiting, other);

	rewrite_redis_files(w);
	stop(w);
	start(w, "2037-02-02T10:00:00Z");
	rewrite_redis_files(w);
	s = search_world(w, true);
	assert_true(s.files > 10);
	assert_int_equal(s.found, 0);

	/* emptied streams have not gone back, and were not lost */
	assert_int_equal(CTL(w, &output, "--json", "status"), 0);
	assert_null(strstr(buf_str(&output), "missing"));

	/* what it says */
	for (size_t i = 0; i < 8; i++) {
		static const char *const words[][7] = { { "show", "zi1" }, { "explain", "zi2" }, { "timeline", "zi1" }, { "list", "--all" },
			{ "dead", "list" }, { "trail", "log", "--customer", "cus_gone", "--parts" }, { "trail", "log", "zi1", "--parts" },
			{ "trail", "erase", "cus_gone" } };
		struct search said = { .tell = true };

		(void)ctl(w, &output, words[i]);
		search_text(&said, words[i][0], output.data, output.len);
		assert_int_equal(said.found, 0);
	}
	assert_int_equal(files_in(w, "outbox"), 1);

	/* the others */
	assert_true(world_trail_verifies(w));
	assert_int_equal(CTL(w, &output, "trail", "log", "--customer", "cus_other", "--parts"), 0);
	says(&output, OTHER);
	assert_true(closed(w, "oi1"));
	assert_int_equal(CTL(w, &output, "trail", "log", "--customer", "~system"), 0);
	says(&output, "erasure.done");
	says(&output, "\"indexes\":[");
	says(&output, "erasure.refused");
	assert_int_equal(CTL(w, &output, "check"), 0);
	stop(w);
}

/* --- killed on the way ------------------------------------------------------------------------------------------------------------------- */

static void settled_in_2026(struct world *w)
{
	REDIS(w, "CONFIG", "SET", "rdbcompression", "no");
	start(w, "2026-03-02T10:00:00Z");
	tell_the_story(w);
	push_paid(w, "zi1", planted[7]);
	push_paid(w, "zi2", planted[10]);
	until_closed(w, "zi1");
	until_closed(w, "zi2");
	until_applied(w);
	stop(w);
}

/* The daemon again, eleven years later, under `before`. */
static void all_may_go(struct world *w, const char *const *before)
{
	CLEANUP(buf_clear) struct buf output = { 0 };

	w->options.clock = "start:2037-02-01T10:00:00Z,rate:0";
	world_start(w, before);
	assert_true(world_ready(w, WAIT_MS));
	w->options.clock = "rate:0";
	for (int64_t deadline = real_ms() + WAIT_MS; CTL(w, &output, "trail", "erase", "cus_gone"); pause_ms(20)) /* while it drains */
		if (real_ms() > deadline)
			fail_msg("%s", buf_str(&output));
}

static struct process ask_to_erase(struct world *w)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *argv[] = { BUILD_DIR "/dunningctl", "--config", w->config, "trail", "erase", "cus_gone", "--yes", "--why", "asked by letter", NULL };
	struct process asking = { 0 };

	process_start(&asking, argv, arena_printf(arena, "%s/asking.log", w->dir));
	return asking;
}

static void until_dead(struct world *w)
{
	for (int64_t deadline = real_ms() + WAIT_MS; process_running(&w->daemon); pause_ms(5))
		if (real_ms() > deadline)
			fail_msg("it was not killed");
	process_kill(&w->daemon);
}

static bool noted(struct world *w)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const struct redis_reply *system = world_redis(w, arena, (const char *const[]){ "GET", world_key(w, arena, "debtor:~system"), NULL });

	return system->str && strstr(system->str, "\"erasing\"");
}

static bool there(struct world *w, const char *name)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	return world_redis_int(w, (const char *const[]){ "EXISTS", world_key(w, arena, name), NULL }) == 1;
}

/* Whatever was killed where: after a start it is carried on with, and all is gone. Also what is made again from the journal. */
static void it_is_carried_on_with(struct world *w)
{
	CLEANUP(buf_clear) struct buf output = { 0 };
	struct search s;

	start(w, "2037-02-02T10:00:00Z");
	for (int64_t deadline = real_ms() + WAIT_MS; there(w, "debtor:cus_gone") || noted(w); pause_ms(20))
		if (real_ms() > deadline)
			fail_msg("it is not carried on with");
	rewrite_redis_files(w);
	s = search_world(w, true);
	assert_int_equal(s.found, 0);
	assert_int_equal(files_in(w, "outbox"), 1);
	REDIS(w, "FLUSHALL");
	for (int64_t deadline = real_ms() + WAIT_MS; !there(w, "debtor:cus_other") || noted(w); pause_ms(20))
		if (real_ms() > deadline)
			fail_msg("it is not made again from the journal");
	rewrite_redis_files(w);
	s = search_world(w, true);
	assert_int_equal(s.found, 0);
	assert_false(there(w, "debtor:cus_gone"));
	assert_true(world_trail_verifies(w));
	assert_int_equal(CTL(w, &output, "trail", "log", "--customer", "cus_other", "--parts"), 0);
	says(&output, OTHER);
	assert_int_not_equal(CTL(w, &output, "trail", "log", "--customer", "cus_gone"), 0);
	stop(w);
}

/* Not only some group more: another one may still be on its way when the erasure is asked for. */
static bool recorded(struct world *w)
{
	CLEANUP(buf_clear) struct buf output = { 0 };

	return CTL(w, &output, "--json", "trail", "log", "--customer", "~system") == 0 && strstr(buf_str(&output), "\"erasure.done\"");
}

/* Another group may come before it, which then is what waits to be committed, and the erasure behind it: then once more. */
static void killed_when_it_is_recorded_and_nothing_is_done(void **state)
{
	struct world *w = *state;
	struct process asking;
	bool done = false;

	settled_in_2026(w);
	for (int tries = 0; tries < 10 && !done; tries++) {
		all_may_go(w, NULL);
		REDIS(w, "ACL", "SETUSER", "dunningd", "-exec"); /* it can be journaled and not committed */
		asking = ask_to_erase(w);
		for (int64_t deadline = real_ms() + WAIT_MS / 6; !(done = recorded(w)) && real_ms() < deadline;)
			pause_ms(20);
		process_kill(&w->daemon);
		process_kill(&asking);
		REDIS(w, "ACL", "SETUSER", "dunningd", "+exec");
	}
	assert_true(done);
	assert_true(there(w, "debtor:cus_gone"));
	it_is_carried_on_with(w);
}

static void killed_by(struct world *w, const char *inject)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *before[] = { "strace", "-D", "-f", "-q", "-o", arena_printf(arena, "%s/trace", w->dir), "-e", inject, NULL };
	struct process asking;

	settled_in_2026(w);
	all_may_go(w, before);
	asking = ask_to_erase(w);
	until_dead(w);
	process_kill(&asking);
	assert_true(noted(w));
	assert_false(there(w, "debtor:cus_gone"));
	it_is_carried_on_with(w);
}

/* A shard that cannot be written anew ends the daemon, with the keys still there. */
static void ended_before_the_keys_are_gone(void **state)
{
	struct world *w = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *block = arena_printf(arena, "%s/keys/2026/0000000.keys.new", w->state);
	struct process asking;

	settled_in_2026(w);
	all_may_go(w, NULL);
	assert_int_equal(mkdir(block, 0700), 0);
	asking = ask_to_erase(w);
	until_dead(w);
	process_kill(&asking);
	assert_true(noted(w));
	assert_false(there(w, "debtor:cus_gone"));
	assert_int_equal(rmdir(block), 0);
	it_is_carried_on_with(w);
}

static void killed_at_the_outbox(void **state)
{
	killed_by(*state, "inject=unlinkat:signal=KILL:when=2");
}

static void killed_at_the_streams(void **state)
{
	struct world *w = *state;
	struct process asking;

	settled_in_2026(w);
	all_may_go(w, NULL);
	REDIS(w, "ACL", "SETUSER", "default", "-xsetid");
	asking = ask_to_erase(w);
	for (int64_t deadline = real_ms() + WAIT_MS; !noted(w) || files_in(w, "outbox") != 1; pause_ms(5))
		assert_true(real_ms() < deadline);
	process_kill(&w->daemon);
	process_kill(&asking);
	REDIS(w, "ACL", "SETUSER", "default", "+xsetid");
	it_is_carried_on_with(w);
}

/* --- in parts, and by night ------------------------------------------------------------------------------------------------------------ */

static bool found(struct world *w, const char *text)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const struct redis_reply *keys = world_redis(w, arena, (const char *const[]){ "KEYS", "*", NULL });
	bool ret = false;

	for (size_t i = 0; i < keys->count; i++) {
		const struct redis_reply *dump = world_redis(w, arena, (const char *const[]){ "DUMP", keys->items[i].str, NULL });

		ret |= dump->str && memmem(dump->str, dump->len, text, strlen(text));
	}
	return ret;
}

/* Asked over its socket: a dunningctl for each look would cost more than what is waited for. */
static void until_it_says(struct world *w, const char *text)
{
	for (int64_t deadline = real_ms() + WAIT_MS;; pause_ms(20)) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		CLEANUP(buf_clear) struct buf said = { 0 };
		struct json status = world_status(w, arena);

		json_write(&said, &status);
		if (strstr(buf_str(&said), text))
			return;
		if (real_ms() > deadline)
			fail_msg("%s", buf_str(&said));
	}
}

/* Who it is goes first, the accounts stay; the customer comes back, and the old year goes while it goes on. */
static void a_customer_comes_back(void **state)
{
	struct world *w = *state;
	CLEANUP(buf_clear) struct buf output = { 0 };

	settled_in_2026(w);
	start(w, "2031-06-01T10:00:00Z");
	until_it_says(w, "\"state\":\"running\"");
	assert_true(found(w, planted[0]));
	assert_int_equal(CTL(w, &output, "--json", "trail", "erase", "cus_gone", "--yes", "--why", "asked by letter"), 1);
	says(&output, "\"class\":\"identity\",\"records\"");
	says(&output, "\"erased\":2,\"refused\":1");
	for (size_t i = 0; i < 7; i++)
		assert_false(found(w, planted[i]));
	assert_true(found(w, planted[7]));
	assert_int_equal(files_in(w, "outbox"), 1);
	assert_int_equal(CTL(w, &output, "trail", "log", "--customer", "cus_gone", "--parts"), 0);
	says(&output, "invoice.opened");
	says(&output, "its key was erased");
	assert_null(strstr(buf_str(&output), planted[0]));
	assert_true(world_trail_verifies(w));

	/* That it was to be left alone outlives its name. */
	push(w, EVENT("e9", "customer.resumed", "2031-06-01T09:00:00Z") "{\"customer_id\":\"cus_gone\",\"pause_id\":\"x\"}}");
	push_invoice(w, "zi3", "Z-3", "https://pay.example/z3", "cus_gone", "Back again SARL", "");
	until_files(w, 2);
	until_applied(w);
	stop(w);
	start(w, "2037-02-01T10:00:00Z");
	until_it_says(w, "\"state\":\"running\"");
	assert_int_equal(CTL(w, &output, "--json", "trail", "erase", "cus_gone", "--until", "2026", "--yes", "--why", "asked again"), 0);
	says(&output, "\"erased\":1,\"refused\":0");
	assert_false(there(w, "escalation:zi1"));
	assert_true(there(w, "escalation:zi3"));
	assert_true(found(w, "Back again SARL"));
	assert_false(found(w, planted[7]));
	assert_int_equal(CTL(w, &output, "trail", "erase", "cus_gone", "--yes", "--why", "asked again"), 1);
	says(&output, "zi3");
	assert_true(world_trail_verifies(w));
	assert_int_equal(CTL(w, &output, "check"), 0);

	/* From the journal alone: what was erased does not come back, what goes on does. */
	REDIS(w, "FLUSHALL");
	for (int64_t deadline = real_ms() + WAIT_MS; !there(w, "escalation:zi3") || !found(w, "Back again SARL"); pause_ms(20))
		if (real_ms() > deadline)
			fail_msg("it is not made again from the journal");
	until_it_says(w, "\"state\":\"running\"");
	assert_false(there(w, "escalation:zi1"));
	assert_false(found(w, planted[7]));
	stop(w);
}

static void begin_before_night(struct world *w)
{
	w->options.clock = "start:2037-02-01T01:59:30Z,rate:60"; /* 02:59:30 in Paris */
	world_start(w, NULL);
	assert_true(world_ready(w, WAIT_MS));
	w->options.clock = "rate:0";
}

static void every_night_what_has_run_out_goes(void **state)
{
	struct world *w = *state;
	CLEANUP(buf_clear) struct buf output = { 0 };
	struct search s;

	settled_in_2026(w);
	begin_before_night(w);
	for (int64_t deadline = real_ms() + WAIT_MS; there(w, "debtor:cus_gone") || noted(w); pause_ms(20))
		if (real_ms() > deadline)
			fail_msg("the night does nothing");
	rewrite_redis_files(w);
	s = search_world(w, true);
	assert_int_equal(s.found, 0);
	assert_true(there(w, "debtor:cus_other")); /* its invoice is open */
	assert_true(there(w, "escalation:oi1"));
	assert_int_equal(CTL(w, &output, "trail", "log", "--customer", "~system"), 0);
	says(&output, "erasure.done");
	says(&output, "expired");
	assert_null(strstr(buf_str(&output), "erasure.refused"));
	assert_true(world_trail_verifies(w));
	stop(w);
}

#define WELL_INTO "2037-02-01T02:0"
static void but_not_where_it_is_switched_off(void **state)
{
	struct world *w = *state;
	CLEANUP(buf_clear) struct buf text = { 0 }, output = { 0 };

	settled_in_2026(w);
	assert_int_equal(file_read(w->config, 1 << 20, &text, NULL), 0);
	buf_printf(&output, "{\"retention\":{\"expire\":false},%s", buf_str(&text) + 1);
	assert_int_equal(file_replace(w->config, output.data, output.len, 0600), 0);
	begin_before_night(w);
	for (int64_t deadline = real_ms() + WAIT_MS;; pause_ms(50)) { /* well into the day */
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		struct json status = world_status(w, arena);
		const char *now = json_text(&status, "now");

		if (now && strncmp(now, WELL_INTO, strlen(WELL_INTO)) == 0 && now[strlen(WELL_INTO)] >= '2')
			break;
		assert_true(real_ms() < deadline);
	}
	assert_in_range(CTL(w, &output, "--json", "status"), 0, 1); /* 1: a task may be late */
	assert_true(there(w, "debtor:cus_gone"));
	assert_true(found(w, planted[0]));
	stop(w);
}

/* Its keys of before a sealing go as well: what is sealed is read with the same key store. */
static void sealed_before_it_is_erased(void **state)
{
	struct world *w = *state;
	CLEANUP(buf_clear) struct buf output = { 0 };
	struct search said = { .tell = true };

	settled_in_2026(w);
	assert_int_equal(CTL(w, &output, "trail", "seal", "--yes", "--why", "the key is in other hands"), 0);
	start(w, "2037-02-01T10:00:00Z");
	assert_int_equal(CTL(w, &output, "trail", "log", "--customer", "cus_gone", "--parts"), 0);
	says(&output, "invoice.opened");
	for (int64_t deadline = real_ms() + WAIT_MS; CTL(w, &output, "trail", "erase", "cus_gone", "--yes", "--why", "asked by letter"); pause_ms(20))
		if (real_ms() > deadline)
			fail_msg("it is still refused: %s", buf_str(&output));
	stop(w);
	start(w, "2037-02-02T10:00:00Z");
	(void)CTL(w, &output, "trail", "log", "--customer", "cus_gone", "--parts");
	search_text(&said, "trail log", output.data, output.len);
	assert_int_equal(said.found, 0);
	assert_null(strstr(buf_str(&output), "invoice.opened"));
	assert_int_equal(CTL(w, &output, "trail", "log", "--customer", "cus_other", "--parts"), 0);
	says(&output, OTHER);
	assert_true(world_trail_verifies(w));
	stop(w);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_file_is_erased_and_nothing_of_it_is_found),
		TEST(killed_when_it_is_recorded_and_nothing_is_done),
		TEST(ended_before_the_keys_are_gone),
		TEST(killed_at_the_outbox),
		TEST(killed_at_the_streams),
		TEST(sealed_before_it_is_erased),
		TEST(a_customer_comes_back),
		TEST(every_night_what_has_run_out_goes),
		TEST(but_not_where_it_is_switched_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
