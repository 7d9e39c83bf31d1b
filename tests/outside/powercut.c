/*
 * powercut - what a power cut leaves of the state directory, at many moments of one life.
 *
 *	powercut [--cuts N] [--seed S] [--programs DIR] [--keep]
 *
 * One life of dunningd under strace takes invoices in and sends. From the trace the folder is rebuilt as a cut at some moment may have
 * left it: what was synced, and of the rest nothing, all, or a random part (tests/support/disk_trace.h). Redis is gone with the power in
 * the worst way: it is empty. Each time the daemon must start and redo its state from the journal; what had left before the cut has an
 * intent in the trail; everything is pushed again, and each invoice was captured once; the trail verifies; and a checkpoint that was
 * published before the cut is a beginning of the log still.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/merkle.h"
#include "common/note.h"
#include "tests/support/disk_trace.h"
#include "tests/support/world.h"

#define INVOICES 24
#define PARTS 6
#define PAID 3 /* the first of them, after their message */

struct cutter {
	struct world *w;
	struct disk_trace trace;
	int wrong, sent_checked, published_checked;
};

static void complain(struct cutter *c, size_t line, const char *what, const char *of)
{
	c->wrong++;
	fprintf(stderr, "cut at line %zu: %s%s (%s)\n", line, what, of, c->w->state);
}

/* The life that is cut later. Everything is pushed in parts, so that there are many groups. */
static void live(struct cutter *c)
{
	char path[200];
	const char *before[] = { "strace", "-D", "-f", "-q", "-y", "-xx", "-s", "10000000", "-o", path, "-e", "trace=" DISK_TRACE_CALLS, NULL };
	struct world *w = c->w;

	snprintf(path, sizeof(path), "%s/trace", w->dir);
	world_start(w, before);
	if (!world_ready(w, 60000))
		world_fail("it does not come up under strace");
	for (int part = 0; part < PARTS; part++) {
		world_push_range(w, WORLD_FINALIZED, part * INVOICES / PARTS, INVOICES / PARTS, 2);
		if (!world_quiet(w, 60000))
			world_fail("it does not come to rest under strace");
	}
	world_push_range(w, WORLD_PAID, 0, PAID, 2);
	if (!world_quiet(w, 60000) || process_stop(&w->daemon, 60000) != 0)
		world_fail("it does not stop under strace");
	disk_trace_read(&c->trace, path, w->state);
}

/* --- what must hold ---------------------------------------------------------------------------------------------------------------- */

/* All that the trail says of all invoices, one text. */
static void read_trail(struct cutter *c, struct buf *out)
{
	for (int i = 0; i < INVOICES; i++) {
		CLEANUP(buf_clear) struct buf one = { 0 };
		char invoice[24];
		const char *words[] = { "trail", "log", invoice, "--json", NULL };

		snprintf(invoice, sizeof(invoice), "inv_%d", i);
		(void)world_ctl(c->w, words, &one); /* not known yet: an answer too */
		if (one.len)
			buf_add(out, one.data, one.len);
	}
}

/* A request that had begun to leave has a durable intent: the attempt's id is its key. */
static void check_sent(struct cutter *c, size_t line)
{
	static const char key[] = "Idempotency-Key: ";
	CLEANUP(buf_clear) struct buf trail = { 0 };

	for (size_t i = 0; i < c->trace.count; i++) {
		const struct disk_op *op = &c->trace.ops[i];
		const char *at;
		char id[80];

		if (op->kind != DISK_SENT || op->began > line || op->len < 5 || memcmp(op->data, "POST ", 5) != 0)
			continue;
		at = memmem(op->data, op->len, key, strlen(key));
		if (!at)
			world_fail("a request without a key in the trace");
		snprintf(id, sizeof(id), "%.*s", (int)strcspn(at + strlen(key), "\r"), at + strlen(key));
		if (!trail.len)
			read_trail(c, &trail);
		c->sent_checked++;
		if (!trail.len || !strstr(buf_str(&trail), id))
			complain(c, line, "the trail does not know what had left: attempt ", id);
	}
}

/* Root over the first `size` leaves, as the entry bundles of the log have them now. False: they are not all there. */
static bool root_of(const char *log, uint64_t size, uint8_t ret[SHA256_SIZE])
{
	struct merkle_range range = { 0 };

	for (uint64_t bundle = 0; range.size < size; bundle++) {
		CLEANUP(buf_clear) struct buf bytes = { 0 };
		struct slice entries[MERKLE_TILE_WIDTH];
		unsigned width = MERKLE_TILE_WIDTH;
		char path[300], name[MERKLE_PATH_SIZE];
		int r = -1;

		for (; width > 0 && r < 0; width -= r < 0) { /* the widest that is there */
			snprintf(path, sizeof(path), "%s/%s", log,
				merkle_tile_path(&(struct merkle_tile){ MERKLE_ENTRIES, bundle, width }, name));
			r = file_read(path, 1 << 20, &bytes, NULL);
		}
		if (r < 0 || merkle_bundle_read(bytes.data, bytes.len, width, entries) < 0)
			return false;
		for (unsigned i = 0; i < width && range.size < size; i++) {
			uint8_t leaf[SHA256_SIZE];

			merkle_leaf_hash(entries[i].data, entries[i].len, leaf);
			merkle_append(&range, leaf);
		}
		if (width < MERKLE_TILE_WIDTH && range.size < size)
			return false;
	}
	merkle_root(&range, ret);
	return true;
}

/* The last checkpoint that the outside could have seen, and the one that is there now. */
static void check_published(struct cutter *c, size_t line)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	for (size_t i = c->trace.count; i-- > 0;) {
		const struct disk_op *op = &c->trace.ops[i];
		struct checkpoint was;
		struct note note;
		uint8_t root[SHA256_SIZE];
		const char *slash = op->to ? strrchr(op->to, '/') : NULL, *text, *log;
		size_t len;

		if (op->kind != DISK_RENAME || !slash || strcmp(slash, "/checkpoint") != 0 || op->ended > line)
			continue;
		text = disk_trace_file(&c->trace, op->ended, op->to, arena, &len);
		if (!text || note_parse(text, len, &note) < 0 || checkpoint_parse(note.text.data, note.text.len, &was) < 0)
			world_fail("the trace publishes a checkpoint that is none");
		log = arena_printf(arena, "%s/%.*s", c->w->state, (int)(slash - op->to), op->to);
		c->published_checked++;
		if (!root_of(log, was.size, root))
			complain(c, line, "the log ends before what was published: ", op->to);
		else if (memcmp(root, was.root, SHA256_SIZE) != 0)
			complain(c, line, "the log is not the one that was published: ", op->to);
		return;
	}
}

static void cut(struct cutter *c, int number, size_t line, enum disk_luck luck, uint64_t seed)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *flush[] = { "FLUSHALL", NULL };
	struct world_sent sent;
	bool rests;

	world_renew(c->w, number);
	(void)world_redis(c->w, arena, flush);
	disk_trace_rebuild(&c->trace, line, luck, seed, c->w->state);
	world_start(c->w, NULL);
	if (!world_ready(c->w, 20000)) {
		complain(c, line, "it does not start", "");
		process_kill(&c->w->daemon);
		return;
	}
	check_sent(c, line);
	/*
	 * What went with the streams comes again. The payments only after the rest: a message in doubt is not repeated to one who has
	 * paid, so it would be in doubt until a person decides.
	 */
	world_push_range(c->w, WORLD_FINALIZED, 0, INVOICES, 2);
	rests = world_quiet(c->w, 30000);
	if (rests)
		world_push_range(c->w, WORLD_PAID, 0, PAID, 2);
	if (!rests || !world_quiet(c->w, 30000)) {
		complain(c, line, "it does not come to rest", "");
		world_tell_unrest(c->w, stderr);
		process_kill(&c->w->daemon);
		return;
	}
	sent = world_sent(c->w, arena, INVOICES);
	for (int i = 0; i < INVOICES; i++)
		if (sent.captured[i] != 1)
			complain(c, line, sent.captured[i] ? "sent twice: invoice " : "not sent: invoice ", arena_printf(arena, "%d", i));
	if (process_stop(&c->w->daemon, 30000) != 0)
		complain(c, line, "it does not stop", "");
	if (!world_trail_verifies(c->w))
		complain(c, line, "the trail does not verify", "");
	check_published(c, line);
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "cuts", required_argument, NULL, 'c' }, { "seed", required_argument, NULL, 's' },
		{ "programs", required_argument, NULL, 'd' }, { "keep", no_argument, NULL, 'k' }, { 0 } };
	struct world_options how = { .prefix = "cut", .concurrency = 4 };
	struct world w;
	struct cutter c = { .w = &w };
	uint64_t seed = 1, random;
	int cuts = 60, option;
	bool keep = false;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == 'c')
			cuts = atoi(optarg);
		else if (option == 's')
			seed = strtoull(optarg, NULL, 10);
		else if (option == 'd')
			how.programs = optarg;
		else if (option == 'k')
			keep = true;
		else
			return 2;
	}
	world_open(&w, &how);
	world_renew(&w, 0);
	live(&c);
	if (c.trace.count < 50)
		world_fail("hardly anything in the trace: %zu operations in %zu lines", c.trace.count, c.trace.lines);
	random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	for (int i = 0; i < cuts; i++) {
		const struct disk_op *op;
		size_t line;

		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		/* before it began, between its beginning and its end where other threads went on, or after it */
		op = &c.trace.ops[(random >> 16) % c.trace.count];
		line = op->began - 1 + (random >> 40) % (op->ended - op->began + 2);
		cut(&c, i + 1, line, (enum disk_luck)(i % 3), random);
		if ((i + 1) % 20 == 0) {
			printf("%d cuts\n", i + 1);
			fflush(stdout);
		}
	}
	printf("%d cuts (seed %llu) of a life of %zu operations on files and sockets: %d requests that had left looked up, %d checkpoints "
	       "that had been published; %d wrong\n",
		cuts, (unsigned long long)seed, c.trace.count, c.sent_checked, c.published_checked, c.wrong);
	world_close(&w, keep || c.wrong);
	disk_trace_free(&c.trace);
	return c.wrong ? 1 : 0;
}
