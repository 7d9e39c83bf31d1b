/* dunningctl trail: a whole trail is called whole, everything that was done to one is found, and reading it changes nothing. */
#include "common/frames.h"
#include "common/record.h"
#include "tests/integration/ctl_fixture.h"

#define INVOICES 12

/* A journal of several segments, of invoices that were reminded, and a flow that is stopped. */
static void make_trail(struct fixture *f)
{
	f->config->limits.segment_bytes = 32 << 10;
	start_flow(f, START);
	for (int i = 0; i < INVOICES; i++) {
		const char *id = arena_printf(f->arena, "INV-%d", i);

		(void)redis(f, "XADD", "dunning:{0}:events", "*", "event",
			invoice_event(f, id, arena_printf(f->arena, "cus_%d", i % 3), i % 2 ? "2026-02-20" : "2026-03-10", "ladder"), NULL);
		settle(f); /* a group each */
	}
	wait_document(f, "INV-1", "\"end\":\"sent\"");
	wait_document(f, "INV-3", "\"end\":\"sent\"");
	wait_document(f, "INV-5", "\"end\":\"sent\"");
	stop_flow(f);
}

static char **segments(struct fixture *f, size_t *count)
{
	char **names;

	assert_int_equal(file_list(f->arena, arena_printf(f->arena, "%s/journal", f->state), ".journal", &names, count), 0);
	return names;
}

static const char *segment_path(struct fixture *f, const char *name)
{
	return arena_printf(f->arena, "%s/journal/%s", f->state, name);
}

static void read_segment(struct fixture *f, const char *name, struct buf *bytes)
{
	assert_int_equal(file_read(segment_path(f, name), 1 << 24, bytes, NULL), 0);
}

static void write_segment(struct fixture *f, const char *name, const struct buf *bytes)
{
	assert_int_equal(file_replace(segment_path(f, name), bytes->data, bytes->len, 0600), 0);
}

/* The first finding of the last run. */
static struct json finding(struct fixture *f)
{
	struct json findings = json_get(output(f), "findings");

	if (!json_len(&findings))
		fail_msg("nothing was found: %s", buf_str(&f->out));
	return json_at(&findings, 0);
}

static void assert_finds(struct fixture *f, const char *segment, const char *code)
{
	struct json first;

	assert_ctl(f, 1, "trail", "verify", "--json");
	first = finding(f);
	assert_int_equal(number_of(output(f), "found"), 1);
	assert_string_equal(text_of(&first, "finding"), code);
	assert_string_equal(text_of(&first, "segment"), segment);
}

/* --- whole trails ------------------------------------------------------------------------------------------------------------------ */

static void a_whole_trail(void **state)
{
	struct fixture *f = *state;
	int64_t records;
	char head[65];
	size_t count;

	make_trail(f);
	(void)segments(f, &count);
	assert_true(count >= 3);
	assert_ctl(f, 0, "trail", "verify", "--json");
	records = number_of(output(f), "records");
	assert_int_equal(number_of(output(f), "segments"), count);
	assert_true(records > 2 * INVOICES);
	assert_int_equal(number_of(output(f), "opened"), records);
	assert_true(number_of(output(f), "parts") > 0);
	assert_string_equal(text_of(output(f), "first_at"), START);
	assert_string_equal(text_of(output(f), "origin"), "test.example/acme/2026");
	(void)snprintf(head, sizeof(head), "%s", text_of(output(f), "head"));
	assert_int_equal(strlen(head), 64);
	/* the folder alone, without configuration and key */
	f->bare = true;
	assert_ctl(f, 0, "trail", "verify", f->state, "--json");
	assert_int_equal(number_of(output(f), "records"), records);
	assert_int_equal(number_of(output(f), "opened"), 0);
	assert_string_equal(text_of(output(f), "head"), head);
	assert_ctl(f, 0, "trail", "verify", f->state);
	assert_says(f, "whole and unaltered");
	assert_says(f, "without the wrap key");
}

struct leaves {
	uint8_t (*hashes)[32];
	size_t count, capacity;
};

static int take_leaves(const struct journal_group *group, size_t at, void *arg)
{
	struct leaves *leaves = arg;

	(void)at;
	for (size_t i = 0; i < group->record_count; i++) {
		uint8_t entry[1 + LEAF_SIZE] = { 0 }; /* 0x00 stands before a leaf */

		memcpy(entry + 1, group->records[i].data, LEAF_SIZE);
		xgrow(&leaves->hashes, &leaves->capacity, leaves->count + 1, sizeof(*leaves->hashes));
		sha256(entry, sizeof(entry), leaves->hashes[leaves->count++]);
	}
	return 0;
}

static void read_leaves(struct fixture *f, unsigned year, struct leaves *ret)
{
	size_t count;
	char **names = segments(f, &count);

	for (size_t i = 0; i < count; i++) {
		CLEANUP(buf_clear) struct buf bytes = { 0 };
		struct frames_segment head;
		struct frames_end end;

		read_segment(f, names[i], &bytes);
		assert_int_equal(frames_segment_read(bytes.data, bytes.len, f->arena, &head), 0);
		if (head.year == year)
			assert_int_equal(frames_scan(bytes.data, bytes.len, &head, take_leaves, ret, &end), 0);
	}
}

/* MTH of RFC 6962 section 2.1, as it is written there. */
static void tree_head(uint8_t (*leaves)[32], size_t n, uint8_t ret[32])
{
	uint8_t node[65] = { 1 };
	size_t k = 1;

	if (n == 1) {
		memcpy(ret, leaves[0], 32);
		return;
	}
	while (2 * k < n)
		k *= 2;
	tree_head(leaves, k, node + 1);
	tree_head(leaves + k, n - k, node + 33);
	sha256(node, sizeof(node), ret);
}

static struct json shown_log(struct fixture *f, size_t i)
{
	struct json logs = json_get(output(f), "logs");

	assert_true(i < json_len(&logs));
	return json_at(&logs, i);
}

static void assert_root(const struct json *log, const struct leaves *leaves, size_t size)
{
	uint8_t root[32];
	char hex[65];

	assert_true(size <= leaves->count && size > 0);
	assert_int_equal(number_of(log, "size"), size);
	tree_head(leaves->hashes, size, root);
	assert_string_equal(text_of(log, "root"), hex_format(root, 32, hex));
}

/* What it says can be found out without it, by a stranger without keys; and what was said before stays true of a longer log. */
static void the_root_of_each_log(void **state)
{
	struct fixture *f = *state;
	struct leaves old = { 0 }, grown = { 0 }, next = { 0 };
	struct json log;

	make_trail(f);
	read_leaves(f, 2026, &old);
	assert_ctl(f, 0, "trail", "verify", "--json");
	log = shown_log(f, 0);
	assert_string_equal(text_of(&log, "origin"), "test.example/acme/2026");
	assert_root(&log, &old, old.count);
	start_flow(f, "2027-03-01T09:00:00Z");
	assert_ctl(f, 0, "push", invoice_event(f, "INV-99", "cus_9", "2027-02-20", "ladder"));
	wait_document(f, "INV-99", "\"end\":\"sent\"");
	stop_flow(f);
	read_leaves(f, 2026, &grown);
	read_leaves(f, 2027, &next);
	f->bare = true;
	assert_ctl(f, 0, "trail", "verify", f->state, "--json");
	assert_root(&log, &grown, old.count);
	log = shown_log(f, 0);
	assert_root(&log, &grown, grown.count);
	log = shown_log(f, 1);
	assert_string_equal(text_of(&log, "origin"), "test.example/acme/2027");
	assert_root(&log, &next, next.count);
	assert_ctl(f, 0, "trail", "verify", f->state);
	assert_says(f, text_of(&log, "root"));
	free(old.hashes);
	free(grown.hashes);
	free(next.hashes);
}

/* A root over what is left would be taken for one of a shorter log. */
static void no_root_over_a_gap(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_clear) struct buf bytes = { 0 };
	struct json log, root;
	size_t count;
	char **names;

	make_trail(f);
	names = segments(f, &count);
	for (size_t i = 0; i < 2; i++) { /* the first segment, then one in the middle */
		buf_reset(&bytes);
		read_segment(f, names[i], &bytes);
		assert_int_equal(unlink(segment_path(f, names[i])), 0);
		assert_ctl(f, 1, "trail", "verify", "--json");
		log = shown_log(f, 0);
		root = json_get(&log, "root");
		assert_true(number_of(&log, "size") > 0);
		assert_int_equal(number_of(&log, "size"), number_of(output(f), "records"));
		assert_int_equal(root.type, JSON_NONE);
		write_segment(f, names[i], &bytes);
	}
}

static void beside_a_running_flow(void **state)
{
	struct fixture *f = *state;

	make_trail(f);
	start_flow(f, START);
	assert_ctl(f, 0, "push", invoice_event(f, "INV-99", "cus_9", "2026-02-20", "ladder"));
	assert_ctl(f, 0, "trail", "verify"); /* whatever is being written meanwhile */
	wait_document(f, "INV-99", "\"end\":\"sent\"");
	assert_ctl(f, 0, "trail", "log", "INV-99");
	assert_says(f, "attempt.submitted");
}

static void an_empty_trail(void **state)
{
	struct fixture *f = *state;

	assert_ctl(f, 69, "trail", "verify");
	assert_int_equal(file_make_dirs(arena_printf(f->arena, "%s/journal", f->state), 0700), 0);
	assert_ctl(f, 0, "trail", "verify", "--json");
	assert_int_equal(number_of(output(f), "records"), 0);
	assert_int_equal(access(arena_printf(f->arena, "%s/keys", f->state), F_OK), -1); /* reading made nothing */
}

static void list_files(struct fixture *f, struct buf *ret)
{
	FILE *pipe = popen(arena_printf(f->arena, "cd '%s' && find . -printf '%%p %%s %%T@ %%C@\\n' | sort && find . -type f | sort | xargs sha256sum",
				   f->state), "r");
	char text[4096];
	size_t n;

	while ((n = fread(text, 1, sizeof(text), pipe)) > 0)
		buf_add(ret, text, n);
	assert_int_equal(pclose(pipe), 0);
}

static void reading_writes_nothing(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_clear) struct buf before = { 0 }, after = { 0 };

	make_trail(f);
	list_files(f, &before);
	assert_ctl(f, 0, "trail", "verify");
	assert_ctl(f, 0, "trail", "log", "INV-1", "--parts");
	assert_ctl(f, 0, "explain", "INV-1");
	list_files(f, &after);
	assert_string_equal(buf_str(&before), buf_str(&after));
}

static void a_last_write_cut_off(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_clear) struct buf bytes = { 0 };
	struct frames_segment head;
	struct frames_end end;
	size_t count;
	char **names;

	make_trail(f);
	names = segments(f, &count);
	read_segment(f, names[count - 1], &bytes);
	assert_int_equal(frames_segment_read(bytes.data, bytes.len, f->arena, &head), 0);
	assert_int_equal(frames_scan(bytes.data, bytes.len, &head, NULL, NULL, &end), 0);
	memset(bytes.data + end.end, 'x', 40);
	write_segment(f, names[count - 1], &bytes);
	assert_ctl(f, 0, "trail", "verify", "--json");
	assert_int_equal(number_of(output(f), "torn"), 40);
}

/* --- what was done to it ------------------------------------------------------------------------------------------------------------ */

static void a_changed_byte(void **state)
{
	struct fixture *f = *state;
	size_t count;
	char **names;

	make_trail(f);
	names = segments(f, &count);
	for (size_t i = 0; i < 6; i++) { /* all over the first, closed segment */
		CLEANUP(buf_clear) struct buf bytes = { 0 };
		struct json first, offset;
		size_t at;

		read_segment(f, names[0], &bytes);
		at = bytes.len * i / 6 + 5;
		bytes.data[at] ^= 1;
		write_segment(f, names[0], &bytes);
		assert_ctl(f, 1, "trail", "verify", "--json");
		first = finding(f);
		offset = json_get(&first, "offset");
		assert_string_equal(text_of(&first, "segment"), names[0]);
		assert_true((size_t)json_int(&offset) <= at);
		assert_int_equal(number_of(output(f), "found"), 1); /* one damage is one finding */
		bytes.data[at] ^= 1;
		write_segment(f, names[0], &bytes);
	}
	assert_ctl(f, 0, "trail", "verify");
}

static void a_missing_segment(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_clear) struct buf bytes = { 0 };
	size_t count;
	char **names;

	make_trail(f);
	names = segments(f, &count);
	read_segment(f, names[1], &bytes);
	assert_int_equal(unlink(segment_path(f, names[1])), 0);
	assert_finds(f, names[2], "chain");
	write_segment(f, names[1], &bytes);
	assert_ctl(f, 0, "trail", "verify");
	assert_int_equal(unlink(segment_path(f, names[0])), 0);
	assert_finds(f, names[1], "beginning");
}

static void groups_cut_off_a_closed_segment(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_clear) struct buf bytes = { 0 };
	size_t count;
	char **names;

	make_trail(f);
	names = segments(f, &count);
	read_segment(f, names[0], &bytes);
	assert_int_equal(frames_segment_size(bytes.data, bytes.len) > 0, 1);
	bytes.len = frames_segment_size(bytes.data, bytes.len); /* every group is gone, and what is left is clean */
	write_segment(f, names[0], &bytes);
	assert_finds(f, names[1], "chain");
}

/* --- forgeries: by one who can write frames, but not undo what was said ------------------------------------------------------------- */

struct forging {
	struct fixture *f;
	struct buf bytes, out;
	struct frames_segment head;
	struct frames_end end;
	struct group_header last;
	struct buf record; /* body of the last record seen, and its place */
	struct record_body body;
	uint64_t index;
	const char *name;
};

static int see_group(const struct journal_group *group, size_t at, void *arg)
{
	struct forging *g = arg;

	(void)at;
	g->last = group->head;
	if (group->record_count) {
		buf_reset(&g->record);
		buf_add(&g->record, group->records[group->record_count - 1].data, group->records[group->record_count - 1].len);
		g->index = group->head.first_index + group->record_count - 1;
	}
	return 0;
}

static void forge_begin(struct forging *g, struct fixture *f)
{
	size_t count;
	char **names;

	*g = (struct forging){ .f = f };
	names = segments(f, &count);
	g->name = names[count - 1];
	read_segment(f, g->name, &g->bytes);
	assert_int_equal(frames_segment_read(g->bytes.data, g->bytes.len, f->arena, &g->head), 0);
	assert_int_equal(frames_scan(g->bytes.data, g->bytes.len, &g->head, see_group, g, &g->end), 0);
	assert_int_equal(record_body_read(g->record.data, g->record.len, &g->body), 0);
}

/* One more group with this body as its record; `skip`: numbers left out. */
static void forge_end(struct forging *g, const struct buf *body, uint64_t skip)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	struct slice record = { (const uint8_t *)body->data, body->len };
	struct journal_group group = { .head = g->last, .records = &record, .record_count = 1 };

	memcpy(group.head.predecessor, g->last.id, GROUP_ID_SIZE);
	group.head.id[0] ^= 0x55;
	group.head.pseq += 1 + skip;
	group.head.first_index = g->end.next_index;
	frames_group_add(&out, &g->head, g->end.last_write + 1, &group, g->end.chain);
	g->bytes.len = g->end.end;
	buf_add(&g->bytes, out.data, out.len);
	write_segment(g->f, g->name, &g->bytes);
	buf_clear(&g->bytes);
	buf_clear(&g->record);
}

static void a_record_twice(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_clear) struct buf copy = { 0 };
	struct forging g;

	make_trail(f);
	forge_begin(&g, f);
	buf_add(&copy, g.record.data, g.record.len);
	forge_end(&g, &copy, 0);
	f->bare = true; /* seen without any key */
	assert_ctl(f, 1, "trail", "verify", f->state, "--json");
	assert_says(f, "\"finding\":\"twice\"");
}

static void a_group_left_out(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_clear) struct buf copy = { 0 };
	struct forging g;

	make_trail(f);
	forge_begin(&g, f);
	buf_add(&copy, g.record.data, g.record.len);
	forge_end(&g, &copy, 1);
	assert_ctl(f, 1, "trail", "verify", "--json");
	assert_says(f, "\"finding\":\"group_order\"");
}

/* A record by one who has the keys: `said` is what the leaf commits to, `text` what stands in the journal. */
static void forge_record(struct fixture *f, const char *said, const char *text, uint64_t n)
{
	CLEANUP(keystore_closep) struct keystore *keys = NULL;
	CLEANUP(buf_clear) struct buf body = { 0 };
	struct record_secret secret;
	struct case_keys case_keys;
	uint8_t commitment[32], tag_key[32], tag[32];
	char leaf[LEAF_SIZE];
	struct forging g;
	struct err err = { 0 };

	forge_begin(&g, f);
	assert_int_equal(keystore_open(f->state, f->wrap_key, 10, &keys, &err), 0);
	assert_int_equal(keystore_port(keys)->open(keys, g.body.blobs[0].year, g.body.blobs[0].slot, &case_keys), 0);
	random_bytes(&secret, sizeof(secret));
	record_commitment(secret.salt, said, strlen(said), commitment);
	record_tag_key(case_keys.case_key, "test.example/acme/2026", tag_key);
	record_tag(tag_key, n, tag);
	record_leaf(commitment, tag, leaf);
	record_body_add(&body, leaf, &case_keys, &secret, text, strlen(text), NULL, 0);
	forge_end(&g, &body, 0);
}

static void a_record_not_committed_to(void **state)
{
	struct fixture *f = *state;

	make_trail(f);
	forge_record(f, "{\"v\":1,\"seq\":99}", "{\"v\":1,\"seq\":98}", 98);
	assert_ctl(f, 1, "trail", "verify", "--json");
	assert_says(f, "\"finding\":\"commitment\"");
}

static void a_record_out_of_order(void **state)
{
	struct fixture *f = *state;

	make_trail(f);
	forge_record(f, "{\"v\":1,\"seq\":99}", "{\"v\":1,\"seq\":99}", 99);
	assert_ctl(f, 1, "trail", "verify", "--json");
	assert_says(f, "\"finding\":\"sequence\"");
	assert_says(f, "\"finding\":\"previous\"");
}

static void a_record_with_another_tag(void **state)
{
	struct fixture *f = *state;

	make_trail(f);
	forge_record(f, "{\"v\":1,\"seq\":7}", "{\"v\":1,\"seq\":7}", 99);
	assert_ctl(f, 1, "trail", "verify", "--json");
	assert_says(f, "\"finding\":\"tag\"");
}

/* --- keys ---------------------------------------------------------------------------------------------------------------------------- */

static void keys_lost_erased_or_wrong(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_clear) struct buf shard = { 0 };
	uint8_t other[32] = { 1 };
	const char *path;
	size_t records;

	make_trail(f);
	path = arena_printf(f->arena, "%s/keys/2026/0000000.keys", f->state);
	assert_int_equal(file_read(path, 1 << 24, &shard, NULL), 0);
	put(f, "credentials/wrap-key", other, sizeof(other));
	assert_ctl(f, 78, "trail", "verify");
	assert_says(f, "another wrap key");
	put(f, "credentials/wrap-key", f->wrap_key, sizeof(f->wrap_key));
	assert_ctl(f, 0, "trail", "verify", "--json");
	records = (size_t)number_of(output(f), "records");

	/* slot 1 is the first debtor's: erased by the book, so the trail stays whole */
	shard.data[64 + 160] = 2;
	memset(shard.data + 64 + 160 + 1, 0, 159);
	assert_int_equal(file_replace(path, shard.data, shard.len, 0600), 0);
	assert_ctl(f, 0, "trail", "verify", "--json");
	assert_true(number_of(output(f), "erased") > 0);
	assert_true((size_t)number_of(output(f), "opened") < records);
	assert_ctl(f, 1, "trail", "log", "INV-0"); /* nothing of it can be read any more */

	/* never there is another thing */
	shard.data[64 + 160] = 0;
	assert_int_equal(file_replace(path, shard.data, shard.len, 0600), 0);
	assert_ctl(f, 1, "trail", "verify", "--json");
	assert_says(f, "\"finding\":\"key_missing\"");
}

/* --- log ----------------------------------------------------------------------------------------------------------------------------- */

static void the_log_of_an_invoice(void **state)
{
	struct fixture *f = *state;
	const char *kinds[] = { "invoice.opened", "attempt.intent", "attempt.submitted" }, *attempt = NULL, *older;
	int64_t index = -1;
	size_t seen = 0;

	make_trail(f);
	assert_ctl(f, 0, "trail", "log", "INV-1", "--json", "--parts");
	for (size_t i = 0; i < json_len(output(f)); i++) {
		struct json one = json_at(output(f), i), record = json_get(&one, "record"), parts = json_get(&one, "parts"),
			    message = json_get(&parts, "message.json");

		assert_true(number_of(&one, "index") > index);
		index = number_of(&one, "index");
		assert_string_equal(text_of(&record, "case"), "cus_1");
		if (seen < ARRAY_LEN(kinds) && strcmp(text_of(&record, "kind"), kinds[seen]) == 0)
			seen++;
		if (strcmp(text_of(&record, "kind"), "attempt.intent") == 0) {
			assert_non_null(strstr(text_of(&message, "text"), "F-INV-1"));
			attempt = text_of(&record, "attempt");
		}
	}
	assert_int_equal(seen, ARRAY_LEN(kinds));
	assert_ctl(f, 0, "trail", "log", "INV-1", "--parts");
	assert_says(f, "Dear Dupont");
	assert_ctl(f, 0, "trail", "log", "--customer", "cus_1");
	assert_says(f, "INV-4");
	assert_ctl(f, 1, "trail", "log", "INV-77");
	older = arena_printf(f->arena, "{\"v\":1,\"kind\":\"inbound.message\",\"case\":\"cus_1\",\"seq\":99,\"attempt\":\"%s\"}", attempt);
	forge_record(f, older, older, 99); /* an older version named the attempt alone */
	assert_ctl(f, 1, "trail", "log", "INV-4");
	assert_null(strstr(buf_str(&f->out), "inbound.message"));
	assert_ctl(f, 1, "trail", "log", "INV-1"); /* it stands out of order */
	assert_says(f, "inbound.message");
	assert_ctl(f, 2, "trail", "log");
	(void)unlink(arena_printf(f->arena, "%s/wrap-key", f->credentials));
	assert_ctl(f, 78, "trail", "log", "INV-1");
	assert_says(f, "wrap-key");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_whole_trail),
		TEST(the_root_of_each_log),
		TEST(no_root_over_a_gap),
		TEST(beside_a_running_flow),
		TEST(an_empty_trail),
		TEST(reading_writes_nothing),
		TEST(a_last_write_cut_off),
		TEST(a_changed_byte),
		TEST(a_missing_segment),
		TEST(groups_cut_off_a_closed_segment),
		TEST(a_record_twice),
		TEST(a_group_left_out),
		TEST(a_record_not_committed_to),
		TEST(a_record_out_of_order),
		TEST(a_record_with_another_tag),
		TEST(keys_lost_erased_or_wrong),
		TEST(the_log_of_an_invoice),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
