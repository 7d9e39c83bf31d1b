/*
 * bench_log - the trail alone: records sealed and synced by the journal, and the log over them signed as the daemon does. Leaves a state
 * directory and the file `verifier-key` in it, for `dunningctl trail verify`.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "daemon/journal.h"
#include "daemon/signed_log.h"
#include "tests/bench/bench.h"

#define ORIGIN "test.example/bench"
#define YEAR 2026
#define RECORD_BYTES 420 /* as a submitted attempt's */
#define GROUP 64 /* records */
#define FLYING 8 /* groups handed over and not durable yet */

struct run {
	struct event_base *base;
	struct journal *journal;
	struct case_keys keys;
	uint8_t tag_key[32];
	uint64_t n, pseq; /* records and groups so far */
	int flying;
};

static void on_done(int r, void *arg)
{
	struct run *run = arg;

	if (r < 0)
		bench_die("the journal: %s", strerror(-r));
	run->flying--;
}

static void append(struct run *run)
{
	const struct journal_port *port = journal_port(run->journal);
	static struct buf bodies[GROUP];
	struct slice slices[GROUP];
	struct journal_group group = { .head = { .pseq = ++run->pseq, .epoch = 1, .year = YEAR, .run_id = "r", .repl_id = "s" },
		.records = slices, .record_count = GROUP };

	group.head.first_index = port->next_index(port->self, YEAR);
	memcpy(group.head.id, &run->pseq, sizeof(run->pseq));
	if (run->pseq > 1)
		memcpy(group.head.predecessor, &(uint64_t){ run->pseq - 1 }, sizeof(run->pseq));
	for (size_t i = 0; i < GROUP; i++, run->n++) {
		char record[RECORD_BYTES + 1], leaf[LEAF_SIZE];
		uint8_t commitment[32], tag[32];
		struct record_secret secret;

		memset(record, ' ', sizeof(record));
		record[snprintf(record, sizeof(record), "{\"v\":1,\"seq\":%llu", (unsigned long long)run->n)] = ' ';
		record[RECORD_BYTES - 1] = '}';
		random_bytes(&secret, sizeof(secret));
		record_commitment(secret.salt, record, RECORD_BYTES, commitment);
		record_tag(run->tag_key, run->n, tag);
		record_leaf(commitment, tag, leaf);
		buf_reset(&bodies[i]);
		record_body_add(&bodies[i], leaf, &run->keys, &secret, record, RECORD_BYTES, NULL, 0);
		slices[i] = (struct slice){ (const uint8_t *)bodies[i].data, bodies[i].len };
	}
	run->flying++;
	port->append(port->self, &group, on_done, run);
	while (run->flying >= FLYING)
		event_base_loop(run->base, EVLOOP_ONCE);
}

static void sign(const char *dir, const struct log_key *key, uint64_t leaves)
{
	struct signed_log_settings settings = { .state_dir = dir, .year = YEAR, .key = key, .signs = true };
	struct signed_log_report report;
	struct signed_log *log;
	struct err err = { 0 };
	double began = bench_now();
	int checkpoints = 0;

	if (signed_log_open(&settings, leaves, &log, &report, &err) < 0)
		bench_die("%s", err.text);
	for (; signed_log_size(log) < leaves; checkpoints++)
		if (signed_log_extend(log, leaves, &err) < 0)
			bench_die("%s", err.text);
	signed_log_close(log);
	bench_emit("trail.signed", (double)leaves / (bench_now() - began), "leaf/s");
	bench_emit("trail.checkpoint", (bench_now() - began) / checkpoints, "s");
	began = bench_now();
	if (signed_log_open(&settings, leaves, &log, &report, &err) < 0)
		bench_die("%s", err.text);
	bench_emit("trail.opened", bench_now() - began, "s");
	signed_log_close(log);
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "dir", required_argument, NULL, 'd' }, { "count", required_argument, NULL, 'n' }, { 0 } };
	struct journal_settings settings = { .origin = ORIGIN, .segment_bytes = 64 << 20 };
	struct run run = { 0 };
	CLEANUP(buf_clear) struct buf text = { 0 };
	CLEANUP(buf_clear) struct buf path = { 0 };
	const struct keys_port *keys;
	struct keystore *store;
	struct err err = { 0 };
	struct log_key key;
	uint8_t secret[32];
	int64_t count = 100000;
	double began;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'd')
			settings.state_dir = optarg;
		else if (option == 'n')
			count = bench_number(optarg, GROUP, INT64_C(100000000));
		else
			return 2;
	}
	if (!settings.state_dir)
		bench_die("--dir is missing");
	random_bytes(secret, sizeof(secret));
	run.base = event_base_new();
	if (file_make_dirs(settings.state_dir, 0700) < 0 || log_key_make(secret, ORIGIN, &key) < 0 ||
		keystore_open(settings.state_dir, secret, 16, &store, &err) < 0)
		bench_die("%s: %s", settings.state_dir, err.text);
	settings.keys = store;
	if (journal_open(&settings, run.base, &run.journal, &err) < 0)
		bench_die("%s", err.text);
	keys = keystore_port(store);
	if (keys->create(keys->self, YEAR, NULL, &run.keys) < 0)
		bench_die("no keys");
	record_tag_key(run.keys.case_key, ORIGIN "/2026", run.tag_key);
	began = bench_now();
	while (run.n < (uint64_t)count)
		append(&run);
	while (run.flying)
		event_base_loop(run.base, EVLOOP_ONCE);
	bench_emit("trail.written", (double)run.n / (bench_now() - began), "leaf/s");
	sign(settings.state_dir, &key, run.n);
	journal_close(run.journal);
	keystore_close(store);
	event_base_free(run.base);
	note_key_add(&text, &key.verifier);
	buf_printf(&path, "%s/verifier-key", settings.state_dir);
	return file_replace(path.data, text.data, text.len, 0600) < 0;
}
