#include "common/bundle_check_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/merkle.h"
#include "common/record.h"
#include "common/tlog_proof.h"

#define NUMBER_WIDTH "%04zu"

void check_say(const struct checking *c, const char *name, enum check_state state, const char *text)
{
	const struct check_line line = { name, state, text };

	if (c->how->line)
		c->how->line(&line, c->how->arg);
}

void check_good(const struct checking *c, const char *name, const char *text)
{
	check_say(c, name, CHECK_GOOD, text);
}

int check_refuse(const struct checking *c, const char *name, const char *path, const char *text)
{
	check_say(c, name, CHECK_REFUSED, text);
	return err_set(c->err, -EBADMSG, name, path, "%s", text);
}

const struct bundle_file *check_find(const struct checking *c, const char *folder, const char *name)
{
	return bundle_find(c->bundle, arena_printf(c->arena, "%s/%s", folder, name));
}

char *check_text(const struct checking *c, const struct bundle_file *file)
{
	return arena_memdup(c->arena, file->data.data, file->data.len);
}

/* --- files, manifest, keys ------------------------------------------------------------------------ */

static int check_files(struct checking *c)
{
	const struct bundle_file *manifest = bundle_find(c->bundle, BUNDLE_MANIFEST);
	struct slice text;
	struct err err = { 0 };
	struct note note;

	if (!manifest)
		return check_refuse(c, "files", BUNDLE_MANIFEST, "there is no manifest: this is no bundle");
	text = manifest->data;
	if (note_parse(text.data, text.len, &note) == 0)
		text = note.text;
	for (size_t i = 0; i < c->bundle->count; i++)
		if (!bundle_path_valid(c->bundle->files[i].path))
			return check_refuse(c, "files", "", "a file has a name that no bundle has");
	if (bundle_manifest_check(c->bundle, text.data, text.len, &err) < 0)
		return check_refuse(c, "files", err.path, arena_strdup(c->arena, err.text));
	check_good(c, "files", arena_printf(c->arena, "%zu files, as the manifest names them", c->bundle->count - 1));
	return 0;
}

/* "1234/", the folder of a log; NULL when the path leads elsewhere. */
static const char *year_of(const struct checking *c, const char *path)
{
	if (strncmp(path, "log/", 4) != 0 || strspn(path + 4, "0123456789") != 4 || strcmp(path + 8, "/checkpoint") != 0)
		return NULL;
	return arena_printf(c->arena, "%.4s", path + 4);
}

static int read_log(struct checking *c, const char *year, const struct bundle_file *file)
{
	struct log *log = &c->logs[c->log_count];
	const char *folder = arena_printf(c->arena, "log/%s", year), *policy;
	const struct bundle_file *vkey = check_find(c, folder, "vkey"), *rules = check_find(c, folder, "policy");
	struct note_seal seal;
	struct note note;
	char *text;

	if (!vkey || !rules)
		return check_refuse(c, "key", folder, arena_printf(c->arena, "%s has no verifier key or no policy", folder));
	text = check_text(c, vkey);
	policy = arena_printf(c->arena, "log %squorum none\n", text);
	if (text[0])
		text[strlen(text) - 1] = '\0'; /* its line end */
	if (note_key_parse(text, &log->key) < 0 || log->key.type != NOTE_ED25519 || strlen(policy) != rules->data.len ||
		memcmp(policy, rules->data.data, rules->data.len) != 0)
		return check_refuse(c, "key", vkey->path, arena_printf(c->arena, "%s cannot be read, or is not the one of the policy", vkey->path));
	if (note_parse(file->data.data, file->data.len, &note) < 0 || note_verify(&note, &log->key, 1, &seal) < 0)
		return check_refuse(c, "checkpoint", file->path, arena_printf(c->arena, "%s is not signed by the log's key", file->path));
	if (checkpoint_parse(note.text.data, note.text.len, &log->checkpoint) < 0 || log->checkpoint.origin.len != strlen(log->key.name) ||
		memcmp(log->checkpoint.origin.data, log->key.name, log->checkpoint.origin.len) != 0)
		return check_refuse(c, "checkpoint", file->path, arena_printf(c->arena, "%s is not this log's", file->path));
	log->year = year;
	log->origin = log->key.name;
	log->note = file->data;
	c->log_count++;
	return 0;
}

/* The key that the company published, against the bundle's: the one thing that the bundle cannot say itself. */
static int check_published(struct checking *c)
{
	struct note_key published;

	if (!c->how->verifier_key) {
		check_say(c, "key", CHECK_NOT, "not compared: give the verifier key that the company published, else only the bundle's own word stands "
					 "for it");
		return 0;
	}
	if (note_key_parse(c->how->verifier_key, &published) < 0)
		return check_refuse(c, "key", "", "the verifier key given cannot be read");
	for (size_t i = 0; i < c->log_count; i++) {
		const struct log *log = &c->logs[i];
		size_t len = strlen(published.name);
		bool named = strncmp(log->origin, published.name, len) == 0 &&
			     (log->origin[len] == '\0' || (log->origin[len] == '/' && strcmp(log->origin + len + 1, log->year) == 0));

		if (!named || memcmp(published.public_key, log->key.public_key, ED25519_KEY_SIZE) != 0)
			return check_refuse(c, "key", "", arena_printf(c->arena, "log/%s is signed by another key than the one given", log->year));
	}
	check_good(c, "key", "the logs are signed by the key given");
	return 0;
}

static int check_logs(struct checking *c)
{
	int r = 0;

	for (size_t i = 0; i < c->bundle->count && r == 0; i++) {
		const char *year = year_of(c, c->bundle->files[i].path);

		if (year && c->log_count == YEARS_MAX)
			return check_refuse(c, "checkpoint", "log", "there are too many logs");
		if (year)
			r = read_log(c, year, &c->bundle->files[i]);
	}
	if (r == 0 && !c->log_count)
		return check_refuse(c, "checkpoint", "log", "there is no signed checkpoint");
	if (r < 0 || (r = check_published(c)) < 0)
		return r;
	for (size_t i = 0; i < c->log_count; i++)
		check_good(c, "checkpoint", arena_printf(c->arena, "%s: signed over %" PRIu64 " records", c->logs[i].origin, c->logs[i].checkpoint.size));
	return 0;
}

static int check_signature(struct checking *c)
{
	const struct bundle_file *manifest = bundle_find(c->bundle, BUNDLE_MANIFEST);
	struct note_key *keys = arena_alloc(c->arena, c->log_count * sizeof(*keys));
	struct note_seal seals[YEARS_MAX];
	struct note note;

	if (note_parse(manifest->data.data, manifest->data.len, &note) < 0) {
		check_say(c, "manifest", CHECK_NOT, "not signed: what is in no record (reports, this list) could have been made by anyone");
		return 0;
	}
	for (size_t i = 0; i < c->log_count; i++)
		keys[i] = c->logs[i].key;
	if (note_verify(&note, keys, c->log_count, seals) < 0)
		return check_refuse(c, "manifest", BUNDLE_MANIFEST, "the manifest is not signed by a key of these logs");
	check_good(c, "manifest", "signed by the log's key");
	return 0;
}

/* --- records -------------------------------------------------------------------------------------- */

static bool same(const struct slice *a, const struct slice *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

static struct log *log_of(struct checking *c, const struct slice *note)
{
	for (size_t i = 0; i < c->log_count; i++)
		if (same(&c->logs[i].note, note))
			return &c->logs[i];
	return NULL;
}

/* That its leaf is in a log whose checkpoint is in the bundle: all proofs lead to one and the same, which was verified once. */
static int check_proof(struct checking *c, const char *folder, const struct bundle_file *leaf, struct log **log, uint64_t *index)
{
	const struct bundle_file *file = check_find(c, folder, "leaf.tlog-proof");
	uint8_t hash[SHA256_SIZE];
	struct tlog_proof proof;

	if (!file || tlog_proof_parse(file->data.data, file->data.len, &proof) < 0)
		return check_refuse(c, "records", folder, arena_printf(c->arena, "%s has no proof", folder));
	*log = log_of(c, &proof.checkpoint);
	if (!*log)
		return check_refuse(c, "records", folder, arena_printf(c->arena, "the proof of %s is not against the bundle's checkpoint", folder));
	record_leaf_hash((const char *)leaf->data.data, hash);
	if (merkle_inclusion_check(&proof.path, proof.index, (*log)->checkpoint.size, hash, (*log)->checkpoint.root) < 0)
		return check_refuse(c, "records", folder, arena_printf(c->arena, "%s is not in the log", folder));
	*index = proof.index;
	c->seen += 2; /* and the leaf */
	c->all++;
	c->stamped += *index < (*log)->stamped; /* its tree is the beginning of this one: check_anchors() */
	c->witnessed += *index < (*log)->witnessed;
	return 0;
}

/* The proof against the first checkpoint that a third party vouched for; it is one that check_anchors() took. */
static int check_anchored(struct checking *c, const char *folder, const struct log *log, uint64_t index, const struct bundle_file *leaf)
{
	const struct bundle_file *file = check_find(c, folder, "anchored.tlog-proof");
	uint8_t hash[SHA256_SIZE];
	struct tlog_proof proof;

	if (!file)
		return 0;
	c->seen++;
	record_leaf_hash((const char *)leaf->data.data, hash);
	if (tlog_proof_parse(file->data.data, file->data.len, &proof) == 0 && proof.index == index)
		for (size_t i = 0; i < c->anchor_count; i++) {
			const struct anchored *a = &c->anchors[i];

			if (a->log == log && same(&a->note, &proof.checkpoint) &&
				merkle_inclusion_check(&proof.path, index, a->checkpoint.size, hash, a->checkpoint.root) == 0)
				return 0;
		}
	return check_refuse(c, "records", file->path, arena_printf(c->arena, "%s proves nothing", file->path));
}

static int check_part(struct checking *c, const char *folder, const struct json *part)
{
	struct json name = json_get(part, "name"), named = json_get(part, "commitment");
	const char *path = arena_printf(c->arena, "%s/parts/%s", folder, json_str(&name) ? json_str(&name) : "");
	const struct bundle_file *file = bundle_find(c->bundle, path), *salt = bundle_find(c->bundle, arena_printf(c->arena, "%s.salt", path));
	uint8_t commitment[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];

	if (!file && !salt) {
		c->closed_parts++;
		return 0;
	}
	if (!file || !salt || salt->data.len != SALT_SIZE)
		return check_refuse(c, "parts", path, arena_printf(c->arena, "%s or its salt is missing", path));
	part_commitment(salt->data.data, file->data.data, file->data.len, commitment);
	if (!json_str(&named) || strcmp(json_str(&named), hex_format(commitment, SHA256_SIZE, hex)) != 0)
		return check_refuse(c, "parts", path, arena_printf(c->arena, "%s is not the part that its record commits to", path));
	c->parts++;
	c->seen += 2;
	return 0;
}

static int check_record_text(struct checking *c, const char *folder, const uint8_t commitment[SHA256_SIZE], struct json *ret)
{
	const struct bundle_file *record = check_find(c, folder, "record.json"), *salt = check_find(c, folder, "salt");
	uint8_t actual[SHA256_SIZE];
	struct json parts;
	int r = 0;

	*ret = (struct json){ 0 };
	if (!record && !salt)
		return 0;
	if (!record || !salt || salt->data.len != SALT_SIZE)
		return check_refuse(c, "records", folder, arena_printf(c->arena, "%s: the record or its salt is missing", folder));
	record_commitment(salt->data.data, record->data.data, record->data.len, actual);
	if (memcmp(actual, commitment, SHA256_SIZE) != 0 ||
		json_parse(c->arena, (const char *)record->data.data, record->data.len, 0, ret, NULL) < 0)
		return check_refuse(c, "records", folder, arena_printf(c->arena, "%s: the record is not the one that its leaf commits to", folder));
	c->opened++;
	c->seen += 2;
	parts = json_get(ret, "parts");
	for (size_t i = 0; i < json_len(&parts) && r == 0; i++) {
		struct json part = json_at(&parts, i);

		r = check_part(c, folder, &part);
	}
	return r;
}

/* It has the next number of the case, and points to the one before. */
static int check_order(struct checking *c, const char *folder, const struct log *log, uint64_t index, const char *leaf,
	const uint8_t tag[SHA256_SIZE], const struct json *record)
{
	struct json seq = json_get(record, "seq"), prev = json_get(record, "prev"), prev_index = json_get(&prev, "index"),
		    prev_hash = json_get(&prev, "leaf_hash");
	uint8_t expected[SHA256_SIZE];
	struct tag_key *key = NULL;
	char hex[2 * SHA256_SIZE + 1];

	for (size_t i = 0; i < c->key_count && !key; i++) {
		record_tag(c->keys[i].key, c->keys[i].next, expected);
		if (c->keys[i].log == log && memcmp(expected, tag, SHA256_SIZE) == 0)
			key = &c->keys[i];
	}
	if (!key)
		return check_refuse(c, "order", folder, arena_printf(c->arena, "%s does not have the next number of the case: a record before it was left "
									 "out, or it is another case's", folder));
	if (record->node && (seq.type != JSON_INT || (uint64_t)json_int(&seq) != key->next))
		return check_refuse(c, "order", folder, arena_printf(c->arena, "%s: the record's number is not that of its tag", folder));
	if (record->node && key->next &&
		((uint64_t)json_int(&prev_index) != key->last_index || !json_str(&prev_hash) ||
			strcmp(json_str(&prev_hash), hex_format(key->last_hash, SHA256_SIZE, hex)) != 0))
		return check_refuse(c, "order", folder, arena_printf(c->arena, "%s does not point to the record before it", folder));
	key->next++;
	key->last_index = index;
	record_leaf_hash(leaf, key->last_hash);
	return 0;
}

static int check_record(struct checking *c, const char *folder, bool in_order)
{
	const struct bundle_file *leaf = check_find(c, folder, "leaf");
	uint8_t commitment[SHA256_SIZE], tag[SHA256_SIZE];
	struct json record;
	struct log *log;
	uint64_t index;
	int r;

	if (leaf->data.len != LEAF_SIZE || record_leaf_read((const char *)leaf->data.data, commitment, tag) < 0)
		return check_refuse(c, "records", folder, arena_printf(c->arena, "%s: the leaf cannot be read", folder));
	if ((r = check_proof(c, folder, leaf, &log, &index)) < 0 || (r = check_anchored(c, folder, log, index, leaf)) < 0 ||
		(r = check_record_text(c, folder, commitment, &record)) < 0 || !in_order)
		return r;
	c->records++;
	return check_order(c, folder, log, index, (const char *)leaf->data.data, tag, &record);
}

/* Lines of "<origin> <64 hexadecimal digits>": the tag keys of the case, disclosed with it. */
static int read_tag_keys(struct checking *c)
{
	const struct bundle_file *file = bundle_find(c->bundle, "case/tagkey");
	char *rest = file ? check_text(c, file) : NULL, *line;

	while (rest && (line = strsep(&rest, "\n")) != NULL && line[0]) {
		char *origin = strsep(&line, " ");
		struct tag_key key = { 0 };

		for (size_t i = 0; i < c->log_count; i++)
			if (strcmp(c->logs[i].origin, origin) == 0)
				key.log = &c->logs[i];
		if (!key.log || !line || hex_parse(line, SHA256_SIZE, key.key) < 0)
			return check_refuse(c, "order", file->path, "case/tagkey cannot be read");
		c->keys = arena_grow(c->arena, c->keys, c->key_count, &c->key_capacity, sizeof(*c->keys));
		c->keys[c->key_count++] = key;
	}
	return c->key_count ? 0 : check_refuse(c, "order", "case/tagkey", "the case's tag key is missing");
}

static int check_records(struct checking *c)
{
	size_t system = 0, files = 0;
	int r = read_tag_keys(c);

	for (size_t i = 1; r == 0 && check_find(c, arena_printf(c->arena, "records/" NUMBER_WIDTH, i), "leaf"); i++)
		r = check_record(c, arena_printf(c->arena, "records/" NUMBER_WIDTH, i), true);
	if (r < 0)
		return r;
	for (size_t i = 1; r == 0 && check_find(c, arena_printf(c->arena, "system/" NUMBER_WIDTH, i), "leaf"); i++, system++)
		r = check_record(c, arena_printf(c->arena, "system/" NUMBER_WIDTH, i), false);
	if (r < 0)
		return r;
	for (size_t i = 0; i < c->bundle->count; i++)
		if (strncmp(c->bundle->files[i].path, "records/", 8) == 0 || strncmp(c->bundle->files[i].path, "system/", 7) == 0)
			files++;
	if (files != c->seen)
		return check_refuse(c, "records", "records", "among the records stands what belongs to none, or a number is missing");
	if (!c->records)
		return check_refuse(c, "records", "records", "there is no record");
	check_good(c, "records", arena_printf(c->arena, "%zu of the case and %zu of the daemon, each in its log and as committed to", c->records, system));
	if (c->opened < c->records + system)
		check_say(c, "records", CHECK_NOT, arena_printf(c->arena, "%zu are not disclosed: only that they are there was checked",
						     c->records + system - c->opened));
	check_good(c, "parts", arena_printf(c->arena, "%zu, as their records commit to them", c->parts));
	if (c->closed_parts)
		check_say(c, "parts", CHECK_NOT, arena_printf(c->arena, "%zu are withheld or erased: they were not checked", c->closed_parts));
	check_good(c, "order", "the records of the case are numbered without a gap");
	return 0;
}

/* --- completeness --------------------------------------------------------------------------------- */

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, SHA256_SIZE);
}

/* All leaves of the log: they must lead to its root, and then their tags are all that it has. */
static int read_leaves(struct checking *c, struct log *log)
{
	struct merkle_range *range = arena_alloc(c->arena, sizeof(*range));
	uint64_t size = log->checkpoint.size;
	uint8_t root[SHA256_SIZE], commitment[SHA256_SIZE];

	for (uint64_t n = 0; n * MERKLE_TILE_WIDTH < size; n++) {
		struct merkle_tile tile = { MERKLE_ENTRIES, n, merkle_tile_width(size, 0, n) };
		struct slice entries[MERKLE_TILE_WIDTH];
		const struct bundle_file *file;
		char path[MERKLE_PATH_SIZE];

		file = check_find(c, arena_printf(c->arena, "log/%s", log->year), merkle_tile_path(&tile, path));
		if (!file && n == 0)
			return 0;
		if (n == 0) /* no more room than the files that there are can fill */
			log->tags = arena_alloc(c->arena, (c->bundle->count < size / MERKLE_TILE_WIDTH ? c->bundle->count * MERKLE_TILE_WIDTH : size) *
								  SHA256_SIZE);
		if (!file || n == c->bundle->count || merkle_bundle_read(file->data.data, file->data.len, tile.width, entries) < 0)
			return check_refuse(c, "leaves", log->year, arena_printf(c->arena, "log/%s/%s is missing, or cannot be read", log->year, path));
		for (size_t i = 0; i < tile.width; i++) {
			if (entries[i].len != LEAF_SIZE ||
				record_leaf_read((const char *)entries[i].data, commitment, log->tags[range->size]) < 0)
				return check_refuse(c, "leaves", file->path, arena_printf(c->arena, "%s holds what is no leaf", file->path));
			record_leaf_hash((const char *)entries[i].data, root);
			merkle_append(range, root);
		}
	}
	merkle_root(range, root);
	if (memcmp(root, log->checkpoint.root, SHA256_SIZE) != 0)
		return check_refuse(c, "leaves", log->year, arena_printf(c->arena, "the leaves of log/%s are not those of its checkpoint", log->year));
	qsort(log->tags, size, SHA256_SIZE, by_bytes);
	return 0;
}

static int check_complete(struct checking *c)
{
	for (size_t i = 0; i < c->log_count; i++)
		if (read_leaves(c, &c->logs[i]) < 0)
			return -EBADMSG;
	for (size_t i = 0; i < c->key_count; i++) /* logs of the daemon's own records alone have none, and need none */
		if (!c->keys[i].log->tags) {
			check_say(c, "complete", CHECK_NOT, "not checked: the bundle holds no leaves of the log, which show that no later record was left out");
			return 0;
		}
	for (size_t i = 0; i < c->key_count; i++) {
		const struct tag_key *key = &c->keys[i];

		for (uint64_t n = key->next; n <= key->next + c->how->ahead; n++) {
			uint8_t tag[SHA256_SIZE];

			record_tag(key->key, n, tag);
			if (bsearch(tag, key->log->tags, key->log->checkpoint.size, SHA256_SIZE, by_bytes))
				return check_refuse(c, "complete", "records", arena_printf(c->arena,
					"INCOMPLETE: %s holds record number %" PRIu64 " of the case, which is not in the bundle", key->log->origin, n));
		}
	}
	check_good(c, "complete", arena_printf(c->arena, "all leaves of the log looked through: no record of the case beyond these, up to %" PRIu64
						   " numbers further", c->how->ahead));
	return 0;
}

int bundle_check(const struct bundle *bundle, const struct bundle_checking *how, struct err *err)
{
	struct checking *c = arena_alloc(bundle->arena, sizeof(*c));
	int r;

	*c = (struct checking){ .bundle = bundle, .how = how, .arena = bundle->arena, .err = err };
	if ((r = check_files(c)) < 0 || (r = check_logs(c)) < 0 || (r = check_signature(c)) < 0 || (r = check_anchors(c)) < 0 ||
		(r = check_records(c)) < 0 ||
		(r = check_complete(c)) < 0)
		return r;
	check_say_anchors(c);
	return 0;
}
