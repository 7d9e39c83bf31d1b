/*
 * kills - kill -9 at random instants under load, against a real Redis and a provider that counts.
 *
 *	kills [--kills N] [--means MEANS] [--seed S] [--programs DIR] [--keep]
 *
 * In each life of the daemon invoices come in, some of them are paid, messages go out, and at a random instant it is killed. At the end no
 * event is lost, and no message was sent twice. MEANS is what the provider has to settle a doubt:
 *
 *	sandbox      a key and a list: the sandbox (when nothing is said)
 *	header       a key in a header: a second request is answered as the first one
 *	duplicate    a key in the body: a second request is refused as a duplicate
 *	lookup       its list can be asked
 *	webhook      it tells by itself
 *	none         nothing: a person decides, who sees what it really has
 *
 * Each doubt ends by that, as a record says, and only what that cannot settle waits for a person: of a keyed one what was paid meanwhile
 * (it is not asked for again), of one that only tells what never reached it.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/counting_peer.h"
#include "tests/support/http_get.h"
#include "tests/support/world.h"

#define PER_LIFE 60 /* invoices */
#define PER_DEBTOR 3
#define CONCURRENCY 8
#define FAIL_EVERY 50
#define SETTLE_MS 400000 /* a second try with the same key has its time after minutes */
#define DECIDE_MS 20000
#define DECIDE_EACH_MS 2000 /* a person takes one after the other */
#define TRAFFIC_MS 5000
#define DOUBTS_ENOUGH 10 /* kills of which at least one of four must leave a doubt */
#define TRAIL_SAMPLE 10 /* doubts that are read back from the trail */

struct run {
	struct world world;
	struct counting_peer *peer; /* NULL = the sandbox */
	enum doubt_means means;
	int invoices, decided, wrong;
	int *captured; /* by invoice */
	struct counting_totals totals;
};

static uint64_t seed = 1;

static int pick(int below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (int)(seed % (uint64_t)below);
}

static bool is_paid(int invoice)
{
	return invoice % 7 == 0;
}

static void complain(struct run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void complain(struct run *run, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	run->wrong++;
}

/* --- the provider ------------------------------------------------------------------------------------------------------------- */

static void open_provider(struct run *run)
{
	struct world *w = &run->world;
	char text[400];

	if (!run->peer) {
		world_behave(w, "{\"mode\":\"slow\",\"ms\":3}");
		return;
	}
	world_put(w, "counting.json", counting_peer_file(run->means));
	snprintf(text, sizeof(text), "\"file\":\"%s/counting.json\"%s,\"settings\":{\"base_url\":\"http://127.0.0.1:%u\"}", w->dir,
		run->means == MEANS_WEBHOOK ? ",\"secrets\":{\"key\":\"counting-key\"}" : "", counting_peer_port(run->peer));
	world_configure(w, "\"file\":\"sandbox.json\"", text);
	snprintf(text, sizeof(text), ",\"settings\":{\"base_url\":\"http://127.0.0.1:%d\"}", w->port);
	world_configure(w, text, "");
	if (run->means == MEANS_WEBHOOK) {
		int port = http_free_port();

		world_put(w, "credentials/counting-key", COUNTING_KEY);
		snprintf(text, sizeof(text), "\"hooks\":{\"listen\":\"127.0.0.1:%d\",\"public_url\":\"https://dunning.example\"},\"creditor\":", port);
		world_configure(w, "\"creditor\":", text);
		counting_peer_tell(run->peer, port, "/hooks/sandbox");
	}
}

static void count(struct run *run)
{
	run->captured = xrealloc(run->captured, (size_t)(run->invoices + 1) * sizeof(int));
	if (run->peer) {
		run->totals = counting_peer_totals(run->peer, run->captured, run->invoices);
	} else {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		struct world_sent sent = world_sent(&run->world, arena, run->invoices);

		memcpy(run->captured, sent.captured, (size_t)run->invoices * sizeof(int));
		run->totals = (struct counting_totals){ .messages = sent.messages, .repeated = sent.repeated };
	}
}

/* --- doubts --------------------------------------------------------------------------------------------------------------------- */

/* Whether the means of its provider end a doubt about this invoice. */
static bool settles(struct run *run, int invoice, const char *attempt)
{
	if (!run->peer || run->means == MEANS_LOOKUP)
		return true;
	if (run->means == MEANS_WEBHOOK)
		return counting_peer_accepted(run->peer, attempt);
	return run->means != MEANS_NONE && !is_paid(invoice);
}

/* The doubts there are; each that its means do not settle is decided by a person who asks the provider, when `decide`. */
static int doubts(struct run *run, bool decide, int *unsettled)
{
	int n = 0;

	*unsettled = 0;
	for (int i = 0; i < run->invoices; i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		struct json e = world_escalation(&run->world, arena, i), state = json_get(&e, "state"), attempt = json_get(&e, "attempt");

		if (!json_str(&state) || strcmp(json_str(&state), "in_doubt") != 0)
			continue;
		n++;
		if (settles(run, i, json_str(&attempt))) {
			(*unsettled)++;
		} else if (decide) {
			const char *words[] = { "decide", arena_printf(arena, "inv_%d", i),
				counting_peer_accepted(run->peer, json_str(&attempt)) ? "sent" : "not_sent", "the provider says so", NULL };
			CLEANUP(buf_clear) struct buf said = { 0 };

			if (world_ctl(&run->world, words, &said) != 0)
				complain(run, "%s %s: %s", words[1], words[2], buf_str(&said));
			run->decided++;
		}
	}
	return n;
}

/* Until nothing is under way and nobody doubts. */
static void settle(struct run *run)
{
	int64_t deadline = real_ms() + SETTLE_MS;
	int unsettled, left = 1;

	if (run->peer)
		counting_peer_calm(run->peer);
	deadline += DECIDE_EACH_MS * (int64_t)doubts(run, false, &unsettled);
	while (left && real_ms() < deadline && world_quiet(&run->world, SETTLE_MS)) {
		left = doubts(run, false, &unsettled);
		if (unsettled) {
			pause_ms(100);
			continue;
		}
		left = doubts(run, true, &unsettled);
		for (int64_t taken = real_ms() + DECIDE_MS; left && doubts(run, false, &unsettled) && real_ms() < taken;)
			pause_ms(20); /* what was decided is taken */
	}
	if (left)
		world_fail("it does not come to rest; kept in %s", run->world.dir);
}

/* --- what is told of them ------------------------------------------------------------------------------------------------------- */

struct told {
	char attempt[27];
	int invoice;
	bool ended;
};

static int by_attempt(const void *a, const void *b)
{
	return strcmp(((const struct told *)a)->attempt, ((const struct told *)b)->attempt);
}

static bool means_end_so(const struct run *run, const char *reason)
{
	static const char *const reasons[MEANS_COUNT][5] = {
		[MEANS_HEADER] = { "accepted", "person", "never_sent" },
		[MEANS_DUPLICATE] = { "accepted", "duplicate", "person", "never_sent" },
		[MEANS_LOOKUP] = { "lookup", "never_sent" },
		[MEANS_WEBHOOK] = { "webhook", "never_sent" },
		[MEANS_NONE] = { "person", "never_sent" },
	};

	for (const char *const *one = reasons[run->means]; *one; one++)
		if (strcmp(*one, reason) == 0)
			return true;
	return false;
}

/* The attempts of whose doubt, or its end, it was told on the outbound stream. */
static size_t read_told(struct run *run, const char *type, struct told **ret)
{
	const char *key, *from = "-";
	CLEANUP(arena_freep) struct arena *keys = arena_create();
	size_t n = 0, capacity = 0;

	*ret = NULL;
	key = world_key(&run->world, keys, "outbound");
	for (size_t got = 1; got;) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		const struct redis_reply *page = world_redis(&run->world, arena,
			(const char *const[]){ "XRANGE", key, from, "+", "COUNT", "1000", NULL });

		got = page->count;
		for (size_t i = 0; i < got; i++) {
			const struct redis_reply *fields = &page->items[i].items[1];
			struct json root, kind, data, attempt, reason, invoices, invoice;

			if (json_parse(arena, fields->items[1].str, fields->items[1].len, 0, &root, NULL) < 0)
				world_fail("outbound: %s", fields->items[1].str);
			kind = json_get(&root, "type");
			data = json_get(&root, "data");
			attempt = json_get(&data, "attempt");
			reason = json_get(&data, "reason");
			if (!json_str(&kind) || !strstr(json_str(&kind), type) || !json_str(&attempt))
				continue;
			invoices = json_get(&data, "invoices");
			invoice = json_at(&invoices, 0);
			xgrow((void **)ret, &capacity, n + 1, sizeof(**ret));
			(*ret)[n] = (struct told){ .invoice = atoi(json_str(&invoice) + strlen("inv_")) };
			snprintf((*ret)[n++].attempt, sizeof((*ret)->attempt), "%s", json_str(&attempt));
			if (run->peer && strstr(type, "reconciled") && !means_end_so(run, json_str(&reason)))
				complain(run, "inv_%d: its doubt ended by %s", (*ret)[n - 1].invoice, json_str(&reason));
		}
		if (got)
			from = arena_printf(keys, "(%s", page->items[got - 1].items[0].str);
	}
	if (n)
		qsort(*ret, n, sizeof(**ret), by_attempt);
	return n;
}

/* One doubt in the trail: it was opened, and it ended once. */
static void check_trail(struct run *run, const struct told *doubt)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf text = { 0 };
	const char *invoice = arena_printf(arena, "inv_%d", doubt->invoice), *opened = NULL, *ended = NULL;

	if (world_ctl(&run->world, (const char *const[]){ "trail", "log", invoice, "--json", NULL }, &text) == 0) {
		opened = strstr(buf_str(&text), "\"attempt.in_doubt\"");
		ended = opened ? strstr(opened, "\"attempt.reconciled\"") : NULL;
	}
	if (!ended || !strstr(ended, doubt->attempt))
		complain(run, "%s: attempt %s was in doubt, and the trail has no record of its end: %s", invoice, doubt->attempt, buf_str(&text));
}

/* Each doubt ended, once, and both are records. How many there were. */
static size_t check_told(struct run *run)
{
	struct told *doubted, *ended;
	size_t doubts = read_told(run, "contact.unknown", &doubted), ends = read_told(run, "contact.reconciled", &ended), k = 0;

	for (size_t i = 0; i < doubts; i++) {
		size_t begins = 1, closes = 0;

		for (; i + 1 < doubts && by_attempt(&doubted[i], &doubted[i + 1]) == 0; i++) /* sent again after its end, under the same id */
			begins++;
		for (; k < ends && by_attempt(&ended[k], &doubted[i]) <= 0; k++)
			closes += by_attempt(&ended[k], &doubted[i]) == 0;
		if (begins != closes)
			complain(run, "inv_%d: attempt %s came in doubt %zu times, and out of it %zu times", doubted[i].invoice, doubted[i].attempt, begins,
				closes);
	}
	for (int i = 0; i < TRAIL_SAMPLE && doubts; i++)
		check_trail(run, &doubted[pick((int)doubts)]);
	free(doubted);
	free(ended);
	return doubts;
}

/* Every invoice is known; what was paid is closed, and of the others each was sent once. How many are lost. */
static int check_invoices(struct run *run)
{
	int missing = 0;

	for (int i = 0; i < run->invoices; i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		struct json e = world_escalation(&run->world, arena, i), state = json_get(&e, "state"), walk = json_get(&e, "walk");
		const char *name = json_str(&state) ? json_str(&state) : "missing";

		missing += e.type == JSON_NONE;
		if (e.type == JSON_NONE)
			complain(run, "inv_%d: lost", i);
		else if (is_paid(i) && strcmp(name, "closed") != 0)
			complain(run, "inv_%d: paid, and %s", i, name);
		if (run->captured[i] > 1 || (!is_paid(i) && run->captured[i] != 1))
			complain(run, "inv_%d: %s, %zu steps walked, captured %d times", i, name, json_len(&walk), run->captured[i]);
	}
	return missing;
}

/* --- lives ------------------------------------------------------------------------------------------------------------------------ */

static int accepted(struct run *run)
{
	int none;

	return counting_peer_totals(run->peer, &none, 0).messages;
}

/*
 * Most of the kills come amid messages, after so many more of them: by the clock alone they would all come before the first one where the
 * machine is slow, and prove nothing.
 */
static void wait_for_messages(struct run *run, int more)
{
	int64_t deadline = real_ms() + TRAFFIC_MS;

	for (int before = accepted(run); accepted(run) < before + more && real_ms() < deadline;)
		pause_ms(1);
}

static void live_and_die(struct run *run, int kills)
{
	struct world *w = &run->world;

	for (int life = 0; life < kills; life++) {
		int wait = pick(10) ? pick(250) : pick(1500);

		world_start(w, NULL);
		if (pick(3) && !world_ready(w, 60000))
			world_fail("life %d: it does not come up; kept in %s", life, w->dir);
		for (int part = 0; part < 3; part++) {
			world_push_range(w, WORLD_FINALIZED, run->invoices, PER_LIFE / 3, PER_DEBTOR);
			for (int i = run->invoices; i < run->invoices + PER_LIFE / 3; i++)
				if (is_paid(i))
					world_push_range(w, WORLD_PAID, i, 1, PER_DEBTOR);
			run->invoices += PER_LIFE / 3;
			pause_ms(wait / 3); /* the instant of the kill is what is being chosen */
		}
		if (run->peer && pick(4)) {
			wait_for_messages(run, 1 + pick(PER_LIFE / 2));
			pause_ms(pick(4));
		}
		process_kill(&w->daemon);
		if ((life + 1) % 50 == 0)
			printf("%d kills, %d invoices\n", life + 1, run->invoices);
	}
	world_start(w, NULL);
	if (!world_ready(w, 60000))
		world_fail("after the last kill it does not come up; kept in %s", w->dir);
}

static int run_means(const char *name)
{
	for (int i = 0; i < MEANS_COUNT; i++)
		if (strcmp(name, doubt_means_names[i]) == 0)
			return i;
	return -1;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "kills", required_argument, NULL, 'k' }, { "means", required_argument, NULL, 'm' },
		{ "seed", required_argument, NULL, 's' }, { "programs", required_argument, NULL, 'd' },
		{ "keep", no_argument, NULL, 'e' }, { 0 } };
	struct world_options how = { .concurrency = CONCURRENCY };
	struct run run = { 0 };
	const char *means = "sandbox";
	int kills = 30, option, missing;
	bool keep = false;
	uint64_t given;
	size_t doubted;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == 'k')
			kills = atoi(optarg);
		else if (option == 'm')
			means = optarg;
		else if (option == 's')
			seed = strtoull(optarg, NULL, 10);
		else if (option == 'd')
			how.programs = optarg;
		else if (option == 'e')
			keep = true;
		else
			return 2;
	}
	given = seed;
	seed = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	if (strcmp(means, "sandbox") != 0) {
		int which = run_means(means);

		if (which < 0)
			return 2;
		run.means = (enum doubt_means)which;
		run.peer = counting_peer_create(run.means, 1000, FAIL_EVERY);
	}
	world_open(&run.world, &how);
	run.world.options.plain = run.peer != NULL; /* what is in doubt is not waited for: settle() does */
	open_provider(&run);
	live_and_die(&run, kills);
	settle(&run);
	doubted = check_told(&run);
	if (run.peer && kills >= DOUBTS_ENOUGH && doubted < (size_t)kills / 4)
		complain(&run, "%d kills left %zu doubts: they did not come amid messages", kills, doubted);
	if (process_stop(&run.world.daemon, 40000) != 0)
		world_fail("it does not stop with 0; kept in %s", run.world.dir);
	count(&run);
	missing = check_invoices(&run);
	if (!world_trail_verifies(&run.world) || run.totals.malformed)
		run.wrong++;
	printf("%d kills (seed %" PRIu64 "), means: %s: %d invoices, %d lost, %d captured, %d repeated by key, %d look-ups, %zu in doubt, %d decided by a "
	       "person, %d wrong\n", kills, given, means, run.invoices, missing, run.totals.messages, run.totals.repeated, run.totals.asked,
		doubted, run.decided, run.wrong);
	world_close(&run.world, keep || run.wrong);
	counting_peer_destroy(run.peer);
	free(run.captured);
	return run.wrong ? 1 : 0;
}
