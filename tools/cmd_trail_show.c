/* One record in full: its leaf, what it commits to, what of it can be read, and the proof that it is in the signed log. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/hash.h"
#include "common/merkle.h"
#include "common/ranges.h"
#include "common/record.h"
#include "common/utc.h"
#include "tools/cmd.h"
#include "tools/trail_files.h"
#include "tools/trail_signed.h"
#include "tools/trail_tiles.h"

#define CHECKPOINT_MAX (1u << 20)

struct showing {
	struct ctl *ctl;
	struct trail_tiles tiles;
	const char *customer; /* `number` is one of its file's; NULL: an index of the log */
	uint64_t number;
	int64_t year; /* 0: any */
	bool keyed, contents;
	/* the last one that it may be; all in the run's arena */
	bool found, opened;
	const char *origin, *file, *text, *customer_of;
	uint16_t log_year;
	uint64_t index, at;
	int64_t decided_at;
	char leaf[LEAF_SIZE + 1];
	const char *salt; /* hexadecimal; NULL: it is not to be had */
	const char *state;
	const struct table *parts;
	struct buf bodies; /* the parts' contents, for people */
	size_t others;
	bool wrong; /* the proof is none */
};

static const struct column part_columns[] = { { "name", "PART", false }, { "media_type", "TYPE", false }, { "size", "BYTES", true },
	{ "class", "CLASS", false }, { "state", "STATE", false }, { "commitment", "COMMITMENT", false }, { "salt", NULL, false }, { "content", NULL, false },
	{ 0 } };

/* A blob holds the salt and what it salts, so that both go at once. */
static const char *state_of(const struct showing *s, const struct trail_record *record, size_t blob, bool opened)
{
	const struct blob *b = &record->body->blobs[blob];
	struct arena *arena = s->ctl->arena;

	if (trail_gone(record, blob))
		return arena_printf(arena, "erased: the %s key of %u was deleted, and with it the salt", class_names[b->class], (unsigned)b->year);
	if (opened)
		return "opened, with its salt; as committed to";
	return arena_printf(arena, s->keyed ? "NOT as it should be: see dunningctl trail verify" :
					      "encrypted, with its salt, under the %s key of %u: give the wrap key (--credentials)",
		class_names[b->class], (unsigned)b->year);
}

static const char *salt_text(struct arena *arena, const uint8_t salt[SALT_SIZE])
{
	char hex[2 * SALT_SIZE + 1];

	return arena_strdup(arena, hex_format(salt, SALT_SIZE, hex));
}

static bool wanted(const struct showing *s, const struct trail_record *record, struct json *root)
{
	struct json seq;

	*root = (struct json){ 0 };
	if (s->year && record->year != s->year)
		return false;
	if (!s->customer && record->index != s->number)
		return false;
	if (!record->opened)
		return !s->customer;
	if (s->customer && !strstr(record->text, s->customer)) /* almost all are others': looked at before they are read */
		return false;
	if (json_parse(s->ctl->arena, record->text, record->len, 0, root, NULL) < 0)
		return !s->customer;
	seq = json_get(root, "seq");
	return !s->customer || (json_text(root, "case") && strcmp(json_text(root, "case"), s->customer) == 0 && seq.type == JSON_INT &&
				       (uint64_t)json_int(&seq) == s->number);
}

static void take_part(struct showing *s, const struct trail_record *record, struct table *table, size_t i, const struct json *part)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct arena *arena = s->ctl->arena;
	struct json size = json_get(part, "size");
	uint8_t salt[SALT_SIZE], commitment[SHA256_SIZE];
	const char *name = json_text(part, "name") ? json_text(part, "name") : "?", *named = json_text(part, "commitment");
	char hex[2 * SHA256_SIZE + 1];
	bool opened = record_body_open(record->body, i, record->keys, salt, &text) == 0;

	if (opened) {
		part_commitment(salt, buf_str(&text), text.len, commitment);
		opened = named && strcmp(named, hex_format(commitment, SHA256_SIZE, hex)) == 0;
	}
	table_add(table, (struct cell[]){ cell_text(name), cell_text(json_text(part, "media_type")), size.type == JSON_INT ? cell_number(json_int(&size)) : cell_none(),
				 cell_text(json_text(part, "class")), cell_text(state_of(s, record, i, opened)), cell_text(named),
				 cell_text(opened ? salt_text(arena, salt) : NULL),
				 cell_text(opened && s->contents ? arena_memdup(arena, buf_str(&text), text.len) : NULL) });
	if (opened && s->contents)
		buf_printf(&s->bodies, "%s:\n%s\n", name, buf_str(&text));
}

static int on_record(const struct trail_record *record, void *arg)
{
	struct showing *s = arg;
	struct arena *arena = s->ctl->arena;
	struct table *parts;
	struct json root, list;

	if (!wanted(s, record, &root))
		return 0;
	s->others += s->found;
	s->found = true;
	s->opened = record->opened;
	s->origin = arena_strdup(arena, record->origin);
	s->file = arena_strdup(arena, record->file);
	s->log_year = record->year;
	s->index = record->index;
	s->at = record->at;
	s->decided_at = record->decided_at;
	memcpy(s->leaf, record->leaf, LEAF_SIZE);
	s->state = state_of(s, record, 0, record->opened);
	s->text = s->salt = s->customer_of = NULL;
	s->parts = parts = table_create(arena, part_columns);
	buf_reset(&s->bodies);
	if (!record->opened)
		return 0;
	{
		CLEANUP(buf_clear) struct buf again = { 0 };
		uint8_t salt[SALT_SIZE];

		if (record_body_open(record->body, 0, record->keys, salt, &again) == 0)
			s->salt = salt_text(arena, salt);
	}
	s->text = arena_memdup(arena, record->text, record->len);
	s->customer_of = json_text(&root, "case");
	list = json_get(&root, "parts");
	for (size_t i = 0; i < json_len(&list) && i + 1 < record->body->blob_count; i++) {
		struct json part = json_at(&list, i);

		take_part(s, record, parts, i + 1, &part);
	}
	return 0;
}

/* --- the proof --------------------------------------------------------------------------------------------------------------------------- */

static void add_hashes(struct fields *f, const struct merkle_proof *proof, struct arena *arena)
{
	CLEANUP(buf_clear) struct buf text = { 0 };

	buf_add_char(&text, '[');
	for (size_t i = 0; i < proof->count; i++) {
		buf_add_str(&text, i ? ",\"" : "\"");
		base64_add(&text, proof->hashes[i], SHA256_SIZE);
		buf_add_char(&text, '"');
	}
	buf_add_char(&text, ']');
	fields_add(f, "proof", "Proof, from the leaf up", cell_json(arena_strdup(arena, buf_str(&text))));
}

static const char *prove(struct showing *s, const struct note_key *key, struct fields *f)
{
	CLEANUP(buf_clear) struct buf file = { 0 };
	struct ctl *ctl = s->ctl;
	struct merkle_tiles tiles = { .read = trail_tiles_read, .arg = &s->tiles };
	struct merkle_proof *proof = arena_alloc(ctl->arena, sizeof(*proof));
	uint8_t hash[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];
	struct checkpoint head;
	struct note_key year;
	struct note_seal seal;
	struct note note;

	s->tiles.year = s->log_year;
	if (file_read(arena_printf(ctl->arena, "%s/log/%04u/checkpoint", s->tiles.state_dir, (unsigned)s->log_year), CHECKPOINT_MAX, &file, NULL) < 0)
		return "not signed: its log has no checkpoint";
	s->wrong = true;
	if (note_parse(file.data, file.len, &note) < 0 || checkpoint_parse(note.text.data, note.text.len, &head) < 0)
		return "NOT PROVEN: the checkpoint cannot be read";
	if (key) {
		trail_year_key(key, s->log_year, &year);
		if (note_verify(&note, &year, 1, &seal) < 0)
			return "NOT PROVEN: the checkpoint is not signed by the trail's key";
	}
	fields_add(f, "signed_size", "Signed log's records", cell_number((int64_t)head.size));
	fields_add(f, "root", "Root", cell_text(arena_strdup(ctl->arena, hex_format(head.root, SHA256_SIZE, hex))));
	s->wrong = false;
	if (s->index >= head.size)
		return "not signed yet: the checkpoint covers those before it";
	s->wrong = true;
	tiles.size = head.size;
	record_leaf_hash(s->leaf, hash);
	if (merkle_inclusion(&tiles, s->index, proof) < 0)
		return "NOT PROVEN: the files of the signed log cannot be read";
	if (merkle_inclusion_check(proof, s->index, head.size, hash, head.root) < 0)
		return "NOT PROVEN: it is not in the signed log";
	s->wrong = false;
	add_hashes(f, proof, ctl->arena);
	return key ? "in the log that the trail's key signed" : "in the signed log; whose signature that is was not checked (--key)";
}

/* --- what is shown ------------------------------------------------------------------------------------------------------------------------ */

static void show(struct showing *s, const struct note_key *key)
{
	struct arena *arena = s->ctl->arena;
	struct fields *f = fields_create(arena);
	uint8_t commitment[SHA256_SIZE], tag[SHA256_SIZE], hash[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];
	const char *proven;

	(void)record_leaf_read(s->leaf, commitment, tag);
	record_leaf_hash(s->leaf, hash);
	fields_add(f, "origin", "Log", cell_text(s->origin));
	fields_add(f, "index", "Index", cell_number((int64_t)s->index));
	fields_add(f, "decided_at", "Decided", cell_time(s->decided_at, NULL));
	fields_add(f, "segment", "Segment", cell_text(s->file));
	fields_add(f, "group_offset", "Group at byte", cell_number((int64_t)s->at));
	fields_add(f, "leaf_hash", "Leaf's hash", cell_text(arena_strdup(arena, hex_format(hash, SHA256_SIZE, hex))));
	fields_add(f, "commitment", "Commitment", cell_text(arena_strdup(arena, hex_format(commitment, SHA256_SIZE, hex))));
	fields_add(f, "tag", "Tag", cell_text(arena_strdup(arena, hex_format(tag, SHA256_SIZE, hex))));
	proven = prove(s, key, f);
	fields_add(f, "proven", "Signed", cell_text(proven));
	fields_add(f, "state", "Content", cell_text(s->state));
	fields_add(f, "opened", NULL, cell_flag(s->opened));
	fields_add(f, "salt", "Salt", cell_text(s->salt));
	fields_add(f, "record", "Record", s->text ? cell_json(s->text) : cell_none());
	if (s->others)
		fields_add(f, NULL, "Note", cell_text(arena_printf(arena, "%zu older records have this number, too (--log)", s->others)));
	fields_table(f, "parts", "Parts", s->parts);
	view_fields(&s->ctl->view, f);
	if (s->bodies.len && !s->ctl->view.json)
		view_text(&s->ctl->view, buf_str(&s->bodies));
}

static void record_reading(struct showing *s, const char *whom)
{
	struct ranges ranges = { 0 };

	if (!s->opened || !s->customer_of || strcmp(s->customer_of, SYSTEM_CASE) == 0)
		return;
	ranges_add(&ranges, s->origin, s->index);
	(void)ctl_record_reading(s->ctl, &(struct ctl_reading){ .command = s->contents ? "trail show --parts" : "trail show", .customer = s->customer_of,
						.whom = whom, .records = ranges_text(&ranges) });
	ranges_clear(&ranges);
}

static int read_number(struct ctl *ctl, const char *text, const char *what, uint64_t *ret)
{
	struct slice slice = { (const uint8_t *)text, strlen(text) };

	return note_number(&slice, ret) == 0 ? 0 : ctl_fail(ctl, EXIT_USAGE, "usage", "\"%s\" is no %s", text, what);
}

static int run_show(struct ctl *ctl, const struct invocation *call)
{
	struct showing s = { .ctl = ctl, .customer = command_option(call, "customer"), .contents = command_option(call, "parts") != NULL };
	uint8_t key[32];
	struct trail_walk walk = { .record = on_record, .arg = &s, .rootless = true };
	struct trail_sum sum;
	struct note_key verifier;
	struct err err = { 0 };
	uint64_t year = 0;
	int r, known;

	r = read_number(ctl, call->args[0], s.customer ? "number of a record in a file" : "index of a record", &s.number);
	if (r == 0 && command_option(call, "log"))
		r = read_number(ctl, command_option(call, "log"), "year", &year);
	if (r == 0)
		r = ctl_state_dir(ctl, command_option(call, "state"), &walk.state_dir);
	if (r != 0)
		return r;
	s.year = (int64_t)year;
	s.tiles.state_dir = walk.state_dir;
	known = ctl_verifier_key(ctl, command_option(call, "key"), &verifier);
	if (known > 1)
		return known;
	r = known ? ctl_key_here(ctl, walk.state_dir, &verifier) : 0;
	if (r != 0)
		return r;
	r = ctl_wrap_key(ctl, s.customer != NULL, key);
	if (r > 1)
		return r;
	s.keyed = r == 1;
	walk.wrap_key = s.keyed ? key : NULL;
	r = trail_walk(&walk, ctl->arena, &sum, &err);
	cleanse(key, sizeof(key));
	if (r < 0)
		return ctl_fail_err(ctl, r == -EKEYREJECTED ? EXIT_CONFIG : r == -ENOENT || r == -EACCES ? EXIT_UNAVAILABLE : EXIT_FOUND, &err);
	if (sum.findings)
		ctl_warn(ctl, "the trail is not whole: see dunningctl trail verify");
	if (s.found) {
		record_reading(&s, command_option(call, "for"));
		show(&s, known ? &verifier : NULL);
	}
	buf_clear(&s.bodies);
	if (!s.found)
		return ctl_fail(ctl, EXIT_FOUND, "unknown", "the trail has no record %" PRIu64 "%s%s", s.number, s.customer ? " of " : "",
			s.customer ? s.customer : "");
	return s.wrong || sum.findings ? EXIT_FOUND : EXIT_DONE;
}

static const struct option_row options[] = {
	{ "customer", "CUSTOMER", "INDEX is the record's number in this customer's file, from 0" },
	{ "log", "YEAR", "of that year's log (the newest that has it)" },
	{ "parts", NULL, "the contents of its parts, too" },
	{ "for", "WHOM", "for whom, for the trail" },
	{ "key", "VERIFIER-KEY", "whose signature it must be (the configuration's)" },
	{ "state", "DIR", "state directory (the configuration's)" },
	{ 0 },
};

const struct command cmd_trail_show = { .name = "trail show", .args = "INDEX", .min_args = 1, .max_args = 1,
	.help = "one record in full: leaf, commitment, parts, and the proof that it is in the signed log",
	.more = "INDEX is its place in the log. With the wrap key (--credentials) the record is opened; without, or where its key was erased, this is\n"
		"said of it and of each part, and leaf and proof are shown all the same. With the salt anybody can compute the commitment:\n"
		"SHA-256 over \"dunningd-record/v1\", a line end, the salt and the record. That it was read is recorded, as for trail log.\n"
		"Exit status 1 when the proof does not hold.",
	.options = options, .run = run_show };
