/*
 * burst - nobody who has paid is contacted: neither when the payments stand behind the invoices in the stream, nor when they come in while
 * the batch is going out.
 *
 *	burst [--invoices N] [--full] [--seed S] [--programs DIR] [--keep]
 *
 * N (10,000; --full: 100,000) invoice.finalized, all owed a reminder at once, then half as many invoice.paid, in two stories, and in two
 * more with a hundred invoices:
 *	behind	all is in the stream when the daemon starts: not one reminder to a paid one, one to each other
 *	amid	the payments come in between the messages: none to an invoice whose payment stood in the stream more than 2 s before the
 *		message reached the provider. By the entries' ids and the provider's clock, which are the same computer's.
 *	knocking  what was released knocks at a provider that lets nobody in, and meanwhile the payments are applied
 *	asleep	the same, but the daemon is stopped before the payments come, and let go when the provider's door has been open for long
 *	In both not one message goes to a payer: not a byte had left.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/file.h"
#include "common/utc.h"
#include "tests/support/http_get.h"
#include "tests/support/world.h"

#define PER_DEBTOR 5
#define MARK_MAX_MS 2000 /* promise 1 */
#define HANDFUL 50 /* payments pushed at once, amid */
#define QUIET_MS (40 * 60 * 1000)
#define AT_THE_DOOR 100 /* invoices, in the last two stories */
#define BEFORE 200 /* and so many go out before: after a start a provider is asked slowly at first */
#define WAIT_MS 20000
#define QUEUE_MAX 5000 /* connections that a listener may keep waiting */

static uint64_t seed = 1, given = 1;

static int pick(int below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (int)(seed % (uint64_t)below);
}

struct book {
	int count, half;
	int *paid; /* the invoices that are paid, in the order of their payments */
	bool *is_paid;
	int64_t *entered, *sent; /* ms UTC: of the payment's entry, of the message; 0 = none */
	int *captured;
};

static void book_make(struct book *book, int count)
{
	*book = (struct book){ .count = count, .half = count / 2 };
	book->paid = xcalloc((size_t)count, sizeof(int));
	book->is_paid = xcalloc((size_t)count, sizeof(bool));
	book->entered = xcalloc((size_t)count, sizeof(int64_t));
	book->sent = xcalloc((size_t)count, sizeof(int64_t));
	book->captured = xcalloc((size_t)count, sizeof(int));
	for (int i = 0; i < count; i++)
		book->paid[i] = i;
	for (int i = 0; i < book->half; i++) { /* the first half of a shuffle */
		int other = i + pick(count - i), taken = book->paid[i];

		book->paid[i] = book->paid[other];
		book->paid[other] = taken;
		book->is_paid[book->paid[i]] = true;
	}
}

static void book_clear(struct book *book)
{
	free(book->paid);
	free(book->is_paid);
	free(book->entered);
	free(book->sent);
	free(book->captured);
}

/* The sandbox's log, a line for each request. */
static void read_log(struct world *w, struct book *book)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	char path[120], *line = NULL;
	size_t size = 0;
	ssize_t len;
	FILE *file;

	snprintf(path, sizeof(path), "%s/captured", w->dir);
	file = fopen(path, "r");
	if (!file)
		world_fail("%s cannot be read", path);
	while ((len = getline(&line, &size, file)) > 0) {
		struct json root, fate, at, message, ids, id;
		struct err err = { 0 };
		int invoice;

		if (json_parse(arena, line, (size_t)len, JSON_FRACTIONS, &root, &err) < 0)
			world_fail("%s: %s", path, err.text);
		fate = json_get(&root, "fate");
		at = json_get(&root, "received_at");
		message = json_get(&root, "message");
		ids = json_get(&message, "invoices");
		id = json_at(&ids, 0);
		invoice = json_str(&id) ? atoi(json_str(&id) + strlen("inv_")) : -1;
		if (strcmp(json_str(&fate), "captured") == 0 && invoice >= 0 && invoice < book->count) {
			book->captured[invoice]++;
			(void)utc_parse(json_str(&at), &book->sent[invoice]);
		}
		arena_clear(arena);
	}
	free(line);
	(void)fclose(file);
}

static int captured(struct world *w)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json root = world_ask_sandbox(w, arena, "/counts"), count = json_get(&root, "captured");

	return (int)json_int(&count);
}

static void push_paid(struct world *w, const struct book *book, int from, int count)
{
	for (int i = from; i < from + count && i < book->half; i++)
		world_push_range(w, WORLD_PAID, book->paid[i], 1, PER_DEBTOR);
}

static void start(struct world *w)
{
	world_start(w, NULL);
	if (!world_ready(w, 60000))
		world_fail("the daemon does not come up; kept in %s", w->dir);
}

/* A handful of payments for each handful of messages: both end at about the same time. */
static void pay_amid(struct world *w, const struct book *book)
{
	int64_t deadline = real_ms() + QUIET_MS;
	int next = 0;

	while (next < book->half) {
		if (captured(w) >= next) {
			push_paid(w, book, next, HANDFUL);
			next += HANDFUL;
		} else if (real_ms() > deadline || !process_running(&w->daemon)) {
			world_fail("it does not send; kept in %s", w->dir);
		} else {
			pause_ms(5);
		}
	}
}

/* `late_max`: ms after its payment's entry at which a message may still arrive; NEVER: there is no such message. */
#define NEVER (-1)
static int finish(struct world *w, struct book *book, const char *story, int64_t late_max, bool keep)
{
	int wrong = 0, to_paid = 0, messages = 0;
	int64_t latest = 0;

	if (!world_quiet(w, QUIET_MS))
		world_fail("it does not come to rest; kept in %s", w->dir);
	if (process_stop(&w->daemon, 40000) != 0)
		world_fail("it does not stop with 0; kept in %s", w->dir);
	read_log(w, book);
	for (int i = 0; i < book->count; i++) {
		bool to_payer = book->is_paid[i] && book->captured[i];
		int64_t late = to_payer ? book->sent[i] - book->entered[i] : 0;

		messages += book->captured[i];
		to_paid += to_payer && late > 0;
		latest = late > latest ? late : latest;
		if (book->captured[i] > 1 || (!book->is_paid[i] && book->captured[i] != 1) || (to_payer && late > late_max)) {
			wrong++;
			fprintf(stderr, "%s: inv_%d: %s, captured %d times, %" PRId64 " ms after its payment was in the stream\n", story, i,
				book->is_paid[i] ? "paid" : "unpaid", book->captured[i], late);
		}
	}
	if (!world_trail_verifies(w))
		wrong++;
	printf("%s (seed %" PRIu64 "): %d finalized, %d paid, %d messages, %d of them after the payment was in the stream, by %" PRId64
		" ms at most, %d wrong\n", story, given, book->count, book->half, messages, to_paid, latest, wrong);
	world_close(w, keep || wrong);
	book_clear(book);
	return wrong;
}

static int behind(const struct world_options *how, int invoices, bool keep)
{
	struct world w;
	struct book book;

	world_open(&w, how);
	book_make(&book, invoices);
	world_push_range(&w, WORLD_FINALIZED, 0, invoices, PER_DEBTOR);
	w.entered = book.entered;
	push_paid(&w, &book, 0, book.half);
	start(&w); /* however soon, it has to read all first */
	return finish(&w, &book, "behind", NEVER, keep);
}

static int amid(const struct world_options *how, int invoices, bool keep)
{
	struct world w;
	struct book book;

	world_open(&w, how);
	book_make(&book, invoices);
	world_push_range(&w, WORLD_FINALIZED, 0, invoices, PER_DEBTOR);
	w.entered = book.entered;
	start(&w);
	pay_amid(&w, &book);
	return finish(&w, &book, "amid", MARK_MAX_MS, keep);
}

/* --- before the first byte ------------------------------------------------------------------------------------------------------------ */

/* The provider's door: while it is stopped and strangers fill its queue, a connection is asked for again and again, and not made. */
struct door {
	int strangers[QUEUE_MAX];
	int count;
};

static void door_close(struct world *w, struct door *door)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)w->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	(void)kill(w->sandbox.pid, SIGSTOP);
	while (door->count < QUEUE_MAX) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		struct pollfd made = { .fd = fd, .events = POLLOUT };

		if (fd < 0 || (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 && errno != EINPROGRESS))
			world_fail("a connection to the sandbox: %s", strerror(errno));
		door->strangers[door->count++] = fd;
		if (poll(&made, 1, 200) == 0) /* the queue is full */
			return;
	}
	world_fail("the sandbox's queue has no end");
}

static void door_open(struct world *w, struct door *door)
{
	while (door->count)
		(void)close(door->strangers[--door->count]);
	(void)kill(w->sandbox.pid, SIGCONT);
}

/* Connections to the provider as the kernel sees them: it makes them also for a daemon that is stopped. */
enum connection { MADE = 1, ASKED_FOR = 2 }; /* as in /proc/net/tcp */
static int connections(const struct world *w, enum connection wanted)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	char *save = NULL;
	int count = 0;

	if (file_read("/proc/net/tcp", 16 << 20, &text, NULL) < 0)
		world_fail("/proc/net/tcp cannot be read");
	for (char *line = strtok_r(text.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		unsigned port, state;

		if (sscanf(line, " %*d: %*x:%*x %*x:%x %x", &port, &state) == 2)
			count += port == (unsigned)w->port && state == wanted;
	}
	return count;
}

#define AT_ONCE how->concurrency /* requests */

static int at_the_door(const struct world_options *how, bool asleep, bool keep)
{
	const char *story = asleep ? "asleep" : "knocking";
	struct world w;
	struct book book;
	struct door door = { 0 };
	int64_t deadline, paid_at;
	int strangers;

	world_open(&w, how);
	book_make(&book, AT_THE_DOOR);
	start(&w);
	world_push_range(&w, WORLD_FINALIZED, book.count, BEFORE, PER_DEBTOR);
	if (!world_quiet(&w, QUIET_MS))
		world_fail("%s: it does not come to rest before; kept in %s", story, w.dir);
	world_restart_sandbox(&w);
	door_close(&w, &door);
	strangers = connections(&w, ASKED_FOR);
	w.entered = book.entered;
	world_push_range(&w, WORLD_FINALIZED, 0, book.count, PER_DEBTOR);
	deadline = real_ms() + WAIT_MS;
	while (connections(&w, ASKED_FOR) < strangers + AT_ONCE && real_ms() < deadline)
		pause_ms(2);
	if (asleep)
		(void)kill(w.daemon.pid, SIGSTOP);
	push_paid(&w, &book, 0, book.half);
	paid_at = real_ms();
	while ((real_ms() <= paid_at + MARK_MAX_MS || (!asleep && !world_applied(&w))) && real_ms() < deadline)
		pause_ms(2);
	door_open(&w, &door);
	while (asleep && connections(&w, MADE) < AT_ONCE && real_ms() < deadline)
		pause_ms(2);
	if (real_ms() >= deadline)
		world_fail("%s: it did not come to stand at the provider's door; kept in %s", story, w.dir);
	(void)kill(w.daemon.pid, SIGCONT);
	return finish(&w, &book, story, NEVER, keep);
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "invoices", required_argument, NULL, 'i' }, { "full", no_argument, NULL, 'f' },
		{ "seed", required_argument, NULL, 's' }, { "programs", required_argument, NULL, 'd' },
		{ "keep", no_argument, NULL, 'e' }, { 0 } };
	struct world_options how = { .concurrency = 50 };
	int invoices = 10000, option, wrong;
	bool keep = false;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == 'i')
			invoices = atoi(optarg);
		else if (option == 'f')
			invoices = 100000;
		else if (option == 's')
			seed = strtoull(optarg, NULL, 10);
		else if (option == 'd')
			how.programs = optarg;
		else if (option == 'e')
			keep = true;
		else
			return 2;
	}
	if (invoices < 2)
		return 2;
	given = seed;
	seed = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	wrong = behind(&how, invoices, keep);
	wrong += amid(&how, invoices, keep);
	wrong += at_the_door(&how, false, keep);
	wrong += at_the_door(&how, true, keep);
	return wrong ? 1 : 0;
}
