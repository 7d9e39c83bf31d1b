/*
 * A case that spans a sealed trail: a bundle for each generation in a folder of its own, a list that says which is which, a report over all,
 * and a manifest. Format: common/FORMATS.md section 11.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/note.h"
#include "tools/evidence.h"

#define MAGIC "dunningd-generations/v1\n"
#define LIST "generations"

void evidence_add_generation(struct bundle *whole, const struct bundle *one, unsigned number)
{
	for (size_t i = 0; i < one->count; i++)
		bundle_add(whole, arena_printf(whole->arena, "g%u/%s", number, one->files[i].path), one->files[i].data.data, one->files[i].data.len);
}

void evidence_add_list(struct bundle *whole, const struct evidence_generation *generations, size_t count)
{
	CLEANUP(buf_clear) struct buf text = { 0 };

	buf_add_str(&text, MAGIC);
	for (size_t i = 0; i < count; i++)
		buf_printf(&text, "g%u %s\n", generations[i].number, generations[i].origin);
	bundle_add(whole, LIST, text.data, text.len);
}

bool evidence_is_whole(const struct bundle *bundle)
{
	return bundle_find(bundle, LIST) != NULL;
}

/* --- the check ------------------------------------------------------------------------------------- */

struct checking {
	const struct bundle *whole;
	const struct bundle_checking *how;
	struct err *err;
	const char *folder; /* "g1/", of the generation under way; "" = the whole */
	struct note_key *keys; /* of all logs in it */
	size_t key_count, key_capacity;
};

static void say(const struct checking *c, const char *name, enum check_state state, const char *text)
{
	const struct check_line line = { arena_printf(c->whole->arena, "%s%s", c->folder, name), state, text };

	if (c->how->line)
		c->how->line(&line, c->how->arg);
}

static void on_line(const struct check_line *line, void *arg)
{
	say(arg, line->name, line->state, line->text);
}

static int refuse(const struct checking *c, const char *name, const char *path, const char *text)
{
	say(c, name, CHECK_REFUSED, text);
	return err_set(c->err, -EBADMSG, name, path, "%s", text);
}

/* Every line of the list: "g", a number greater than the one before, and an origin. False: it is no such list. */
static bool read_list(const struct checking *c, struct evidence_generation *ret, size_t *count)
{
	const struct bundle_file *file = bundle_find(c->whole, LIST);
	struct slice rest = file->data, line;

	*count = 0;
	if (rest.len < strlen(MAGIC) || memcmp(rest.data, MAGIC, strlen(MAGIC)) != 0)
		return false;
	rest.data += strlen(MAGIC);
	rest.len -= strlen(MAGIC);
	while (note_line(&rest, &line)) {
		struct evidence_generation *one = &ret[*count];
		char *text = arena_memdup(c->whole->arena, line.data, line.len), *origin = strchr(text, ' ');
		struct slice number = { line.data + 1, origin ? (size_t)(origin - text) - 1 : 0 };
		uint64_t n;

		if (text[0] != 'g' || !origin || !origin[1] || number.len > 9 || note_number(&number, &n) < 0 || !n ||
			(*count && n <= one[-1].number) || *count == EVIDENCE_GENERATIONS_MAX)
			return false;
		*one = (struct evidence_generation){ (unsigned)n, origin + 1 };
		++*count;
	}
	return !rest.len && *count;
}

static struct bundle files_of(const struct checking *c)
{
	struct bundle ret = { .arena = c->whole->arena };
	size_t len = strlen(c->folder);

	for (size_t i = 0; i < c->whole->count; i++) {
		struct bundle_file file = c->whole->files[i];

		if (strncmp(file.path, c->folder, len) != 0)
			continue;
		file.path += len;
		ret.files = arena_grow(ret.arena, ret.files, ret.count, &ret.capacity, sizeof(*ret.files));
		ret.files[ret.count++] = file; /* in the same order: sorted */
	}
	return ret;
}

/* The logs must be of the origin that the list names. Their keys sign the whole, too. */
static int check_origin(struct checking *c, const struct bundle *one, const char *origin)
{
	size_t len = strlen(origin);

	for (size_t i = 0; i < one->count; i++) {
		const struct bundle_file *file = &one->files[i];
		size_t path = strlen(file->path);
		struct note_key key;

		if (path != strlen("log/2026/vkey") || strncmp(file->path, "log/", 4) != 0 || strcmp(file->path + path - 5, "/vkey") != 0)
			continue;
		if (!file->data.len ||
			note_key_parse(arena_memdup(c->whole->arena, file->data.data, file->data.len - 1), &key) < 0 || strncmp(key.name, origin, len) != 0 ||
			key.name[len] != '/' || strlen(key.name + len + 1) != 4 || strncmp(key.name + len + 1, file->path + 4, 4) != 0)
			return refuse(c, "generation", file->path, arena_printf(c->whole->arena, "its log is not of %s", origin));
		c->keys = arena_grow(c->whole->arena, c->keys, c->key_count, &c->key_capacity, sizeof(*c->keys));
		c->keys[c->key_count++] = key;
	}
	say(c, "generation", CHECK_GOOD, origin);
	return 0;
}

/*
 * The key that the company published, for this generation: the same key under the origin that follows from the published one, as the
 * program names it (FORMATS.md section 12). Under any other origin it is compared as it is, and refused.
 */
static const char *key_of(const struct checking *c, const char *origin)
{
	struct note_key key, own;
	CLEANUP(buf_clear) struct buf text = { 0 };
	size_t len;

	if (!c->how->verifier_key || note_key_parse(c->how->verifier_key, &key) < 0)
		return c->how->verifier_key;
	len = strlen(key.name);
	if (strncmp(origin, key.name, len) != 0 || strncmp(origin + len, "/g", 2) != 0 || note_key_make(origin, key.type, key.public_key, &own) < 0)
		return c->how->verifier_key;
	note_key_add(&text, &own);
	return arena_memdup(c->whole->arena, text.data, text.len);
}

static int check_one(struct checking *c, const struct evidence_generation *generation)
{
	struct bundle one;
	struct bundle_checking how = { .verifier_key = key_of(c, generation->origin), .ahead = c->how->ahead, .line = on_line, .arg = c };
	int r;

	c->folder = arena_printf(c->whole->arena, "g%u/", generation->number);
	one = files_of(c);
	if (!one.count)
		return refuse(c, "generation", LIST, "the list names it, and it is not here");
	r = check_origin(c, &one, generation->origin);
	if (r == 0)
		r = bundle_check(&one, &how, c->err);
	if (r == 0)
		r = evidence_check_reports(&one, on_line, c, c->err);
	return r;
}

/* What stands beside the generations: nothing that nobody checks, or knows. */
static bool known(const struct checking *c, const char *path, const struct evidence_generation *generations, size_t count)
{
	static const char *const own[] = { BUNDLE_MANIFEST, LIST, "process/version" };

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (strcmp(path, own[i]) == 0)
			return true;
	for (size_t i = 0; i < count; i++) {
		const char *folder = arena_printf(c->whole->arena, "g%u/", generations[i].number);

		if (strncmp(path, folder, strlen(folder)) == 0)
			return true;
	}
	return strncmp(path, "report.", 7) == 0 && !strchr(path, '/');
}

static int check_whole(struct checking *c, const struct evidence_generation *generations, size_t count)
{
	const struct bundle_file *manifest = bundle_find(c->whole, BUNDLE_MANIFEST);
	struct slice text;
	struct err why = { 0 };
	struct note_seal *seals = arena_alloc(c->whole->arena, (c->key_count + 1) * sizeof(*seals));
	struct note note;
	bool is_note;

	if (!manifest)
		return refuse(c, "files", BUNDLE_MANIFEST, "there is no manifest over all generations");
	is_note = note_parse(manifest->data.data, manifest->data.len, &note) == 0;
	text = is_note ? note.text : manifest->data;
	for (size_t i = 0; i < c->whole->count; i++)
		if (!bundle_path_valid(c->whole->files[i].path) || !known(c, c->whole->files[i].path, generations, count))
			return refuse(c, "files", c->whole->files[i].path, "a file belongs to no generation");
	if (bundle_manifest_check(c->whole, text.data, text.len, &why) < 0)
		return refuse(c, "files", why.path, arena_strdup(c->whole->arena, why.text));
	say(c, "files", CHECK_GOOD, arena_printf(c->whole->arena, "%zu files, as the manifest over all generations names them", c->whole->count - 1));
	if (!is_note)
		say(c, "manifest", CHECK_NOT, "not signed: that these are all generations, and the report over them, could be anyone's word");
	else if (note_verify(&note, c->keys, c->key_count, seals) < 0)
		return refuse(c, "manifest", BUNDLE_MANIFEST, "the manifest over all generations is not signed by the key of one of their logs");
	else
		say(c, "manifest", CHECK_GOOD, "signed by the key of the newest log");
	return 0;
}

int evidence_check_whole(const struct bundle *whole, const struct bundle_checking *how, struct err *err)
{
	struct checking c = { .whole = whole, .how = how, .err = err, .folder = "" };
	struct evidence_generation *generations = arena_alloc(whole->arena, (EVIDENCE_GENERATIONS_MAX + 1) * sizeof(*generations));
	size_t count;
	int r = 0;

	if (!read_list(&c, generations, &count))
		return refuse(&c, "generations", LIST, "the list of generations cannot be read");
	for (size_t i = 0; i < count && r == 0; i++)
		r = check_one(&c, &generations[i]);
	c.folder = "";
	if (r == 0)
		r = check_whole(&c, generations, count);
	return r;
}
