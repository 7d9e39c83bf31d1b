/*
 * bench_trail - makes a whole trail as a daemon would have left it after years: `bench_trail DIR RECORDS DEBTORS OF_ONE`. Debtor cus_0 has
 * OF_ONE of the records, every third of them with a message; the others share the rest. DIR gets state/, credentials/ and dunningd.json.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/frames.h"
#include "common/merkle.h"
#include "common/note.h"
#include "common/record.h"
#include "daemon/keystore.h"
#include "tests/bench/bench.h"

#define ORIGIN "bench.example/acme"
#define YEAR 2026
#define GROUP 64 /* records */
#define SEGMENT (64 << 20)

static const uint8_t wrap_key[32] = { 1 }, seed[ED25519_SEED_SIZE] = { 2 };

struct debtor {
	struct case_keys keys;
	uint8_t tag_key[32];
	uint64_t n, prev;
	uint8_t prev_hash[32];
};

static const char *dir;
static struct frames_segment segment;
static uint8_t chain[32];
static struct buf out; /* of the segment */
static struct merkle_range *range;

static void put(const char *name, const void *data, size_t len)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	*strrchr(path, '/') = '\0';
	if (file_make_dirs(path, 0700) < 0)
		bench_die("%s cannot be made", path);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (file_replace(path, data, len, 0600) < 0)
		bench_die("%s cannot be written", path);
}

static void close_segment(void)
{
	char name[128];

	snprintf(name, sizeof(name), "state/journal/%020" PRIu64 "-%04u-%020" PRIu64 ".journal", segment.first_write, YEAR, segment.first_index);
	put(name, out.data, out.len);
	buf_reset(&out);
}

static void open_segment(uint64_t index, uint64_t write, const struct frames_mark *mark, const struct frames_log *log)
{
	segment = (struct frames_segment){ .origin = ORIGIN "/2026", .year = YEAR, .first_index = index, .first_write = write, .marks = mark,
		.mark_count = mark ? 1 : 0, .logs = log, .log_count = log ? 1 : 0, .random = { 5 } };
	memcpy(segment.previous, chain, sizeof(chain));
	frames_segment_add(&out, &segment);
	memcpy(chain, segment.digest, sizeof(chain));
}

static void add_record(struct buf *body, struct debtor *d, size_t number, uint64_t index)
{
	static const char kinds[][40] = { "invoice.changed", "attempt.intent", "attempt.submitted" };
	static char message[2000];
	struct part part = { .name = "message.json", .media_type = "application/json", .class = CLASS_CONTENT, .data = message,
		.salt = { (uint8_t)index } };
	bool intent = d->n % 3 == 1;
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct record_secret secret = { .salt = { (uint8_t)index, (uint8_t)(index >> 8), (uint8_t)(index >> 16) } };
	uint8_t commitment[32], tag[32];
	char leaf[LEAF_SIZE], hex[65];

	part.len = (size_t)snprintf(message, sizeof(message),
		"{\"attempt_id\":\"A%" PRIu64 "\",\"channel\":\"email\",\"provider\":\"p\",\"to\":{\"name\":\"Mme Roy\",\"email\":\"a@b.example\"},"
		"\"from\":{\"name\":\"Acme\",\"email\":\"c@d.example\"},\"locale\":\"fr\",\"subject\":\"Facture F-%zu\",\"text\":\"Bonjour, votre "
		"facture F-%zu reste impayée.\",\"debtor_id\":\"cus_%zu\",\"step\":\"reminder\",\"policy\":\"p\",\"invoice_ids\":[\"inv_%zu\"]}",
		d->n / 3, number, number, number, number);
	buf_printf(&text, "{\"v\":1,\"kind\":\"%s\",\"case\":\"cus_%zu\",\"seq\":%" PRIu64, kinds[d->n % 3], number, d->n);
	if (d->n)
		buf_printf(&text, ",\"prev\":{\"origin\":\"" ORIGIN "/2026\",\"index\":%" PRIu64 ",\"leaf_hash\":\"%s\"}", d->prev,
			hex_format(d->prev_hash, 32, hex));
	buf_printf(&text, ",\"time\":\"2026-04-02T09:00:00Z\",\"mono_ns\":1,\"boot_id\":\"b\",\"clock\":\"trusted\",\"instance\":\"host-a\","
		"\"build\":\"bench\",\"actor\":\"daemon\",\"attempt\":\"A%" PRIu64 "\",\"invoices\":[\"inv_%zu\"],\"invoice\":\"inv_%zu\",\"step\":\"reminder\","
		"\"channel\":\"email\",\"provider\":\"p\",\"reason\":\"accepted\"", d->n / 3, number, number);
	if (intent) {
		part_commitment(part.salt, part.data, part.len, commitment);
		buf_printf(&text, ",\"parts\":[{\"name\":\"message.json\",\"media_type\":\"application/json\",\"size\":%zu,\"commitment\":\"%s\","
			"\"class\":\"content\"}]", part.len, hex_format(commitment, 32, hex));
	}
	buf_add_char(&text, '}');
	record_commitment(secret.salt, text.data, text.len, commitment);
	record_tag(d->tag_key, d->n, tag);
	record_leaf(commitment, tag, leaf);
	record_leaf_hash(leaf, d->prev_hash);
	merkle_append(range, d->prev_hash);
	record_body_add(body, leaf, &d->keys, &secret, text.data, text.len, &part, intent);
	d->n++;
	d->prev = index;
}

static void sign(void)
{
	struct checkpoint checkpoint = { .origin = { (const uint8_t *)ORIGIN "/2026", strlen(ORIGIN "/2026") }, .size = range->size };
	struct buf text = { 0 }, note = { 0 };
	uint8_t public_key[32];
	struct note_key key;

	merkle_root(range, checkpoint.root);
	ed25519_public_key(seed, public_key);
	if (note_key_make(ORIGIN "/2026", NOTE_ED25519, public_key, &key) < 0 || checkpoint_add(&text, &checkpoint) < 0 ||
		note_begin(&note, text.data, text.len) < 0 || note_sign(&note, text.data, text.len, &key, seed) < 0)
		bench_die("the checkpoint cannot be signed");
	put("state/log/2026/checkpoint", note.data, note.len);
	put("state/head/2026", note.data, note.len);
	buf_clear(&text);
	buf_clear(&note);
}

static void write_config(void)
{
	struct buf text = { 0 };

	buf_printf(&text, "{\"origin\":\"" ORIGIN "\",\"state_dir\":\"%s/state\",\"redis\":{\"url\":\"unix:/nowhere\"},\"creditor\":{\"name\":\"Acme\","
		"\"locale\":\"fr-FR\",\"zone\":\"Europe/Paris\"},\"senders\":{\"default\":{\"name\":\"Acme\",\"email\":\"a@b.example\"}},"
		"\"channels\":{\"email\":\"outbox\"},\"policies\":{\"default\":\"fr-b2b\"}}", dir);
	put("dunningd.json", text.data, text.len);
	put("credentials/wrap-key", wrap_key, sizeof(wrap_key));
	put("credentials/trail-log-key", seed, sizeof(seed));
	buf_clear(&text);
}

int main(int argc, char **argv)
{
	struct frames_mark mark = { 0 };
	struct frames_log log = { .year = YEAR };
	struct group_header head = { .epoch = 1, .year = YEAR, .decided_at = INT64_C(1775120400000) };
	size_t records, debtors, wanted, every;
	struct debtor *all;
	struct keystore *keys;
	struct err err = { 0 };
	char path[512];

	if (argc != 5)
		bench_die("usage: bench_trail DIR RECORDS DEBTORS OF_ONE");
	dir = argv[1];
	records = (size_t)bench_number(argv[2], 1, 100000000);
	debtors = (size_t)bench_number(argv[3], 2, 10000000);
	wanted = (size_t)bench_number(argv[4], 1, (int64_t)records);
	every = records / wanted;
	range = xcalloc(1, sizeof(*range));
	all = xcalloc(debtors, sizeof(*all));
	snprintf(path, sizeof(path), "%s/state", dir);
	if (file_make_dirs(path, 0700) < 0 || keystore_open(path, wrap_key, debtors, &keys, &err) < 0)
		bench_die("%s: %s", path, err.text);
	for (size_t i = 0; i < debtors; i++) {
		const struct keys_port *port = keystore_port(keys);

		if (port->create(port->self, YEAR, NULL, &all[i].keys) < 0)
			bench_die("no key can be made");
		record_tag_key(all[i].keys.case_key, ORIGIN "/2026", all[i].tag_key);
	}
	if (keystore_sync(keys) < 0)
		bench_die("the keys cannot be synced");
	keystore_close(keys);
	open_segment(0, 1, NULL, NULL);
	for (uint64_t index = 0, write = 1; index < records; write++) {
		struct buf bodies[GROUP] = { { 0 } };
		struct slice slices[GROUP];
		struct journal_group group = { .records = slices };
		struct buf one = { 0 };

		head.first_index = index;
		head.pseq = write;
		memcpy(head.predecessor, head.id, sizeof(head.id));
		memcpy(head.id, &write, sizeof(write));
		for (; group.record_count < GROUP && index < records; index++) {
			size_t number = index % every == 0 && index / every < wanted ? 0 : 1 + index % (debtors - 1);
			struct buf *body = &bodies[group.record_count];

			add_record(body, &all[number], number, index);
			slices[group.record_count++] = (struct slice){ (const uint8_t *)body->data, body->len };
		}
		group.head = head;
		frames_group_add(&one, &segment, write, &group, chain);
		buf_add(&out, one.data, one.len);
		buf_clear(&one);
		for (size_t i = 0; i < GROUP; i++)
			buf_clear(&bodies[i]);
		if (out.len > SEGMENT && index < records) {
			close_segment();
			mark.pseq = mark.above = write;
			memcpy(mark.id, head.id, sizeof(head.id));
			log.next_index = index;
			open_segment(index, write + 1, &mark, &log);
		}
	}
	close_segment();
	sign();
	write_config();
	return 0;
}
