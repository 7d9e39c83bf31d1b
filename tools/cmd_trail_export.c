/* The signed log for an outside expert: what its public files are for one checkpoint, and nothing that anybody could be told from. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "common/bundle.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/record.h"
#include "daemon/journal_leaves.h"
#include "tools/cmd.h"
#include "tools/evidence.h"
#include "tools/trail_signed.h"
#include "tools/trail_tiles.h"

#define CHECKPOINT_MAX (1u << 20)

struct exporting {
	struct ctl *ctl;
	struct trail_tiles tiles;
	struct bundle files;
	struct slice note;
	struct checkpoint head;
	uint64_t from, to; /* entries, to excluded */
	size_t bundles;
};

static int read_year(struct ctl *ctl, const char *text, struct trail_tiles *tiles)
{
	struct slice slice = { (const uint8_t *)text, text ? strlen(text) : 0 };
	uint64_t year = 0;
	uint16_t *years;
	size_t count;
	int r;

	if (text && (note_number(&slice, &year) < 0 || year > 9999))
		return ctl_fail(ctl, EXIT_USAGE, "usage", "\"%s\" is no year", text);
	r = text ? 0 : journal_leaves_years(tiles->state_dir, ctl->arena, &years, &count);
	if (r < 0 || (!text && !count))
		return ctl_fail(ctl, EXIT_UNAVAILABLE, "unreadable", "%s/journal: %s", tiles->state_dir, r < 0 ? strerror(-r) : "there is no log");
	tiles->year = text ? (uint16_t)year : years[count - 1];
	return 0;
}

static int read_checkpoint(struct exporting *e, const struct note_key *key)
{
	CLEANUP(buf_clear) struct buf file = { 0 };
	struct ctl *ctl = e->ctl;
	struct note_key year;
	struct note_seal seal;
	struct note note;
	struct err err = { 0 };
	int r = file_read(arena_printf(ctl->arena, "%s/log/%04u/checkpoint", e->tiles.state_dir, (unsigned)e->tiles.year), CHECKPOINT_MAX, &file, &err);

	if (r == -ENOENT)
		return ctl_fail(ctl, EXIT_FOUND, "unsigned", "the log of %u has no signed checkpoint: see dunningctl trail status", (unsigned)e->tiles.year);
	if (r < 0)
		return ctl_fail_err(ctl, EXIT_UNAVAILABLE, &err);
	e->note = (struct slice){ arena_memdup(ctl->arena, file.data, file.len), file.len };
	if (note_parse(e->note.data, e->note.len, &note) < 0 || checkpoint_parse(note.text.data, note.text.len, &e->head) < 0)
		return ctl_fail(ctl, EXIT_FOUND, "checkpoint", "the checkpoint of %u cannot be read", (unsigned)e->tiles.year);
	if (!key)
		return 0;
	trail_year_key(key, e->tiles.year, &year);
	if (note_verify(&note, &year, 1, &seal) < 0)
		return ctl_fail(ctl, EXIT_FOUND, "checkpoint", "the checkpoint of %u is not signed by the trail's key", (unsigned)e->tiles.year);
	return 0;
}

static int add_file(struct exporting *e, const struct merkle_tile *tile)
{
	CLEANUP(buf_clear) struct buf bytes = { 0 };
	char path[MERKLE_PATH_SIZE];
	int r = trail_tiles_file(&e->tiles, tile, &bytes);

	if (r < 0)
		return ctl_fail(e->ctl, EXIT_FOUND, "damaged", "log/%04u/%s: %s: see dunningctl trail rebuild", (unsigned)e->tiles.year,
			merkle_tile_path(tile, path), r == -EBADMSG ? "it is damaged" : strerror(-r));
	bundle_add(&e->files, merkle_tile_path(tile, path), bytes.data, bytes.len);
	return 0;
}

/* Its leaves' hashes, as the tile beside it has them. */
static bool same_leaves(struct exporting *e, const struct merkle_tile *entries)
{
	struct merkle_tile tile = { 0, entries->index, entries->width };
	char path[2][MERKLE_PATH_SIZE];
	const struct bundle_file *found = bundle_find(&e->files, merkle_tile_path(&tile, path[0])),
				 *bundle = bundle_find(&e->files, merkle_tile_path(entries, path[1]));
	struct slice leaves[MERKLE_TILE_WIDTH];
	uint8_t hash[SHA256_SIZE];

	if (!found || !bundle || merkle_bundle_read(bundle->data.data, bundle->data.len, entries->width, leaves) < 0)
		return false;
	for (size_t i = 0; i < entries->width; i++) {
		if (leaves[i].len != LEAF_SIZE)
			return false;
		record_leaf_hash((const char *)leaves[i].data, hash);
		if (memcmp(hash, found->data.data + i * SHA256_SIZE, SHA256_SIZE) != 0)
			return false;
	}
	return true;
}

/* Of what is in the folder: the same steps that the expert's tool will take. */
static int read_added(const struct merkle_tile *tile, uint8_t (*ret)[SHA256_SIZE], void *arg)
{
	const struct exporting *e = arg;
	char path[MERKLE_PATH_SIZE];
	const struct bundle_file *file = bundle_find(&e->files, merkle_tile_path(tile, path));

	if (!file || file->data.len != (size_t)tile->width * SHA256_SIZE)
		return -EBADMSG;
	memcpy(ret, file->data.data, file->data.len);
	return 0;
}

/* Each tile is what follows from those below it, the root what the checkpoint says. */
static int check(struct exporting *e)
{
	struct merkle_tiles tiles = { e->head.size, read_added, e };
	struct merkle_range range = { 0 };
	uint8_t hashes[MERKLE_TILE_WIDTH][SHA256_SIZE], root[SHA256_SIZE];
	bool good = merkle_range_load(&tiles, &range) == 0;

	merkle_root(&range, root);
	good = good && memcmp(root, e->head.root, SHA256_SIZE) == 0;
	for (unsigned level = 1; good && level <= MERKLE_LEVEL_MAX && merkle_level_size(e->head.size, level); level++)
		for (uint64_t n = 0, width; good && (width = merkle_tile_width(e->head.size, level, n)) > 0; n++) {
			struct merkle_tile tile = { level, n, (unsigned)width };
			char path[MERKLE_PATH_SIZE];
			const struct bundle_file *file = bundle_find(&e->files, merkle_tile_path(&tile, path));

			good = file && merkle_tile_make(&tiles, &tile, hashes) == 0 && memcmp(hashes, file->data.data, file->data.len) == 0;
		}
	for (uint64_t n = e->from / MERKLE_TILE_WIDTH; good && n * MERKLE_TILE_WIDTH < e->to; n++)
		good = same_leaves(e, &(struct merkle_tile){ MERKLE_ENTRIES, n, merkle_tile_width(e->head.size, 0, n) });
	return good ? 0 : ctl_fail(e->ctl, EXIT_FOUND, "damaged", "the files of log/%04u are not those of its checkpoint: see dunningctl trail verify --full",
					 (unsigned)e->tiles.year);
}

static int add_files(struct exporting *e)
{
	int r = 0;

	for (unsigned level = 0; level <= MERKLE_LEVEL_MAX && r == 0 && merkle_level_size(e->head.size, level); level++)
		for (uint64_t n = 0, width; r == 0 && (width = merkle_tile_width(e->head.size, level, n)) > 0; n++)
			r = add_file(e, &(struct merkle_tile){ level, n, (unsigned)width });
	for (uint64_t n = e->from / MERKLE_TILE_WIDTH; r == 0 && n * MERKLE_TILE_WIDTH < e->to; n++, e->bundles++)
		r = add_file(e, &(struct merkle_tile){ MERKLE_ENTRIES, n, merkle_tile_width(e->head.size, 0, n) });
	bundle_add(&e->files, "checkpoint", e->note.data, e->note.len);
	bundle_sort(&e->files);
	return r == 0 ? check(e) : r;
}

static int read_range(struct exporting *e, const struct invocation *call)
{
	const char *texts[] = { command_option(call, "from"), command_option(call, "to") };
	uint64_t *numbers[] = { &e->from, &e->to };

	e->to = e->head.size;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct slice slice = { (const uint8_t *)texts[i], texts[i] ? strlen(texts[i]) : 0 };

		if (texts[i] && (note_number(&slice, numbers[i]) < 0 || *numbers[i] >= e->head.size))
			return ctl_fail(e->ctl, EXIT_USAGE, "usage", "--%s wants an index below %" PRIu64 ", the size that is signed", i ? "to" : "from",
				e->head.size);
	}
	e->to += texts[1] != NULL; /* it is meant with the last one */
	return e->from < e->to ? 0 : ctl_fail(e->ctl, EXIT_USAGE, "usage", "--from is behind --to, or nothing is signed");
}

static void show(struct exporting *e, const char *out, const struct note_key *key)
{
	struct arena *arena = e->ctl->arena;
	struct fields *f = fields_create(arena);
	char hex[2 * SHA256_SIZE + 1];

	fields_add(f, "path", "Log", cell_text(out));
	fields_add(f, "origin", "Origin", cell_text(arena_printf(arena, "%.*s", (int)e->head.origin.len, (const char *)e->head.origin.data)));
	fields_add(f, "size", "Records", cell_number((int64_t)e->head.size));
	fields_add(f, "root", "Root", cell_text(arena_strdup(arena, hex_format(e->head.root, SHA256_SIZE, hex))));
	fields_add(f, "entries_from", "Entries from", cell_number((int64_t)(e->from - e->from % MERKLE_TILE_WIDTH)));
	fields_add(f, "entry_bundles", "Bundles of entries", cell_number((int64_t)e->bundles));
	fields_add(f, "files", "Files", cell_number((int64_t)e->files.count));
	fields_add(f, "signature_checked", NULL, cell_flag(key != NULL));
	if (key) {
		CLEANUP(buf_clear) struct buf text = { 0 };
		struct note_key year;

		trail_year_key(key, e->tiles.year, &year);
		note_key_add(&text, &year);
		fields_add(f, "verifier_key", "Verifier key", cell_text(arena_strdup(arena, buf_str(&text))));
	} else {
		fields_add(f, NULL, "Note", cell_text("whose signature it is was not checked: give the verifier key (--key), or the configuration"));
	}
	view_fields(&e->ctl->view, f);
}

static int run_export(struct ctl *ctl, const struct invocation *call)
{
	struct exporting e = { .ctl = ctl, .files = { .arena = ctl->arena } };
	const char *out = command_option(call, "out");
	struct note_key key;
	struct err err = { 0 };
	int r, known;

	if (!out)
		return ctl_fail(ctl, EXIT_USAGE, "usage", "name the folder or the .zip file to write with --out");
	if (access(out, F_OK) == 0)
		return ctl_fail(ctl, EXIT_USAGE, "exists", "%s exists: a log is written where nothing is", out);
	r = ctl_state_dir(ctl, call->args[0], &e.tiles.state_dir);
	if (r != 0)
		return r;
	known = ctl_verifier_key(ctl, command_option(call, "key"), &key);
	if (known > 1)
		return known;
	if ((known && (r = ctl_key_here(ctl, e.tiles.state_dir, &key)) != 0) || (r = read_year(ctl, command_option(call, "log"), &e.tiles)) != 0 ||
		(r = read_checkpoint(&e, known ? &key : NULL)) != 0 || (r = read_range(&e, call)) != 0 || (r = add_files(&e)) != 0)
		return r;
	if (evidence_write(&e.files, out, &err) < 0)
		return ctl_fail_err(ctl, EXIT_FOUND, &err);
	show(&e, out, known ? &key : NULL);
	return EXIT_DONE;
}

static const struct option_row options[] = {
	{ "out", "DIR|FILE.zip", "where to write it (also -o); it must not exist" },
	{ "log", "YEAR", "the log of that year (the newest)" },
	{ "from", "INDEX", "entries from this one on (the first)" },
	{ "to", "INDEX", "up to this one (the last that is signed)" },
	{ "key", "VERIFIER-KEY", "whose signature it must be (the configuration's)" },
	{ 0 },
};

const struct command cmd_trail_export = { .name = "trail export", .args = "[STATE-DIR]", .max_args = 1,
	.help = "the signed log as public files, for an outside expert's own tools",
	.more = "Checkpoint, tiles and bundles of entries as C2SP tlog-tiles has them, for one checkpoint, once they are seen to lead to its root. With\n"
		"--from and --to the bundles that hold these entries, and all tiles. No keys, no content, nothing that anybody could be told\n"
		"from: entries are commitments and tags. Reads alone, also beside a running daemon.",
	.options = options, .run = run_export };
