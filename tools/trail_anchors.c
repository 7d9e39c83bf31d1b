#include "tools/trail_anchors.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/anchor.h"
#include "common/file.h"
#include "common/timestamp.h"
#include "common/utc.h"
#include "tools/trail_signed.h"
#include "tools/trail_tiles.h"

#define FILE_MAX (16u << 20)

struct reading {
	const char *state_dir, *dir; /* dir: of the year */
	const struct config *config;
	const struct note_key *key;
	trail_finding_fn fn;
	void *arg;
	struct arena *arena;
	struct trail_anchors *ret;
	/* of one size */
	uint16_t year;
	uint64_t size;
	struct buf checkpoint;
	struct note note;
	uint8_t digest[SHA256_SIZE];
};

__attribute__((format(printf, 4, 5))) static void find(struct reading *r, const char *file, const char *code, const char *format, ...)
{
	struct trail_finding finding = { .file = arena_strdup(r->arena, file + strlen(r->state_dir) + 1), .code = code };
	char text[400];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	finding.text = arena_strdup(r->arena, text);
	r->ret->findings++;
	r->fn(&finding, r->arg);
}

static const char *path(struct reading *r, const char *name)
{
	return arena_printf(r->arena, "%s/%llu/%s", r->dir, (unsigned long long)r->size, name);
}

/* What is not there is empty. */
static struct buf read_file(struct reading *r, const char *name)
{
	struct buf bytes = { 0 };

	(void)file_read(path(r, name), FILE_MAX, &bytes, NULL);
	return bytes;
}

static void vouched(struct reading *r, struct trail_vouched *best, const char *name, int64_t at)
{
	best->count++;
	if (r->year < best->year || (r->year == best->year && r->size <= best->size))
		return;
	best->year = r->year;
	best->size = r->size;
	best->at = at;
	best->name = arena_strdup(r->arena, name);
}

static const struct anchor_settings *configured(const struct reading *r, const char *name, enum anchor_kind kind)
{
	for (size_t i = 0; r->config && i < r->config->anchor_count; i++)
		if (r->config->anchors[i].kind == kind && strcmp(r->config->anchors[i].name, name) == 0)
			return &r->config->anchors[i];
	return NULL;
}

/* --- stamps -------------------------------------------------------------------------------------------------- */

/* Of the configuration; else those kept beside the stamp, which whoever could write it could have put there. */
static struct timestamp_trust *read_trust(struct reading *r, const struct anchor_settings *anchor, const char *name, struct err *err)
{
	CLEANUP(buf_clear) struct buf pem = { 0 };
	struct timestamp_trust *trust = NULL;

	if (!anchor)
		pem = read_file(r, arena_printf(r->arena, "%s.pem", name));
	else if (file_read(anchor->roots, FILE_MAX, &pem, err) < 0)
		return NULL;
	(void)timestamp_trust_parse(buf_str(&pem), pem.len, &trust, err);
	return trust;
}

static void check_stamp(struct reading *r, const char *name)
{
	const struct anchor_settings *anchor = configured(r, name, ANCHOR_TIMESTAMP);
	const char *file = path(r, arena_printf(r->arena, "%s.tsr", name));
	CLEANUP(buf_clear) struct buf query = read_file(r, arena_printf(r->arena, "%s.tsq", name));
	CLEANUP(buf_clear) struct buf answer = read_file(r, arena_printf(r->arena, "%s.tsr", name));
	CLEANUP(buf_clear) struct buf crl = read_file(r, arena_printf(r->arena, "%s.crl", name));
	CLEANUP(timestamp_trust_freep) struct timestamp_trust *trust = NULL;
	struct timestamp_wanted wanted = { .tolerance_ms = -1, .policy = anchor ? anchor->policy : NULL,
		.crl = { (const uint8_t *)crl.data, crl.len } };
	struct timestamp stamp;
	struct err err = { 0 };

	if (timestamp_query_parse(buf_str(&query), query.len, &wanted.query) < 0) {
		find(r, file, "stamp_query", "the request that it answers is missing or damaged");
		return;
	}
	if (memcmp(wanted.query.imprint, r->digest, SHA256_SIZE) != 0) {
		find(r, file, "stamp_other", "it was asked for other bytes than the checkpoint beside it");
		return;
	}
	trust = read_trust(r, anchor, name, &err);
	if (!trust) {
		find(r, file, "stamp_roots", "the certificates that it goes back to cannot be read: %s", err.text);
		return;
	}
	wanted.trust = trust;
	if (timestamp_check(buf_str(&answer), answer.len, &wanted, &stamp, &err) < 0) {
		find(r, file, "stamp_wrong", "%s", err.text);
		return;
	}
	r->ret->own_roots += !anchor;
	vouched(r, &r->ret->stamps, name, stamp.at);
}

/* --- cosignatures ------------------------------------------------------------------------------------------------ */

/* Of the configuration; else the one kept beside it, which whoever could write it could have put there. False: there is none. */
static bool read_key(struct reading *r, const struct anchor_settings *anchor, const char *name, struct note_key *ret)
{
	CLEANUP(buf_clear) struct buf text = { 0 };

	if (anchor)
		return note_key_parse(anchor->verifier_key, ret) == 0;
	text = read_file(r, arena_printf(r->arena, "%s.vkey", name));
	if (text.len && text.data[text.len - 1] == '\n')
		text.data[--text.len] = '\0';
	return text.len && note_key_parse(buf_str(&text), ret) == 0 && ret->type == NOTE_COSIGNATURE;
}

static void check_cosigned(struct reading *r, const char *name)
{
	const struct anchor_settings *anchor = configured(r, name, ANCHOR_WITNESS);
	const char *file = path(r, arena_printf(r->arena, "%s.cosigned", name));
	CLEANUP(buf_clear) struct buf text = read_file(r, arena_printf(r->arena, "%s.cosigned", name));
	struct note_key key;
	struct note_seal seal;
	struct note note;

	if (note_parse(buf_str(&text), text.len, &note) < 0 || note.text.len != r->note.text.len ||
		memcmp(note.text.data, r->note.text.data, note.text.len) != 0) {
		find(r, file, "cosigned_other", "it is not of the checkpoint beside it");
	} else if (!read_key(r, anchor, name, &key)) {
		r->ret->unknown++;
	} else if (note_verify(&note, &key, 1, &seal) < 0) {
		find(r, file, "cosigned_wrong", "not signed by the witness that %s", anchor ? "the configuration names" : "is named beside it");
	} else {
		r->ret->own_keys += !anchor;
		vouched(r, &r->ret->cosignatures, name, (int64_t)seal.time * SECOND_MS);
	}
}

/* --- checkpoints -------------------------------------------------------------------------------------------------- */

/* The log as it is now must have been, at that size, what others saw: anything else was written anew since. */
static bool check_root(struct reading *r, const struct checkpoint *head, const char *file)
{
	struct trail_tiles files = { r->state_dir, r->year };
	struct merkle_tiles tiles = { head->size, trail_tiles_read, &files };
	struct merkle_range range = { 0 };
	uint8_t root[SHA256_SIZE];

	if (merkle_range_load(&tiles, &range) < 0) {
		find(r, file, "anchored_tiles", "the tiles of the log that it speaks of cannot be read");
		return false;
	}
	merkle_root(&range, root);
	if (memcmp(root, head->root, SHA256_SIZE) == 0)
		return true;
	find(r, file, "anchored_root", "the log had another root at %llu records than it has now: it was written anew since",
		(unsigned long long)head->size);
	return false;
}

static bool read_checkpoint(struct reading *r)
{
	const char *file = path(r, "checkpoint");
	struct checkpoint head;
	struct note_key key;
	struct note_seal seal;

	r->checkpoint = read_file(r, "checkpoint");
	if (note_parse(buf_str(&r->checkpoint), r->checkpoint.len, &r->note) < 0 ||
		checkpoint_parse(r->note.text.data, r->note.text.len, &head) < 0 || head.size != r->size) {
		find(r, file, "anchored_checkpoint", "missing, or no checkpoint of %llu records", (unsigned long long)r->size);
		return false;
	}
	if (r->key) {
		int verified;

		trail_year_key(r->key, r->year, &key);
		verified = note_verify(&r->note, &key, 1, &seal);

		/* One that signed before a rotation is not at hand: what it says is believed for its root, which is that of the signed log. */
		if (verified == -ENOKEY && head.origin.len == strlen(key.name) && memcmp(head.origin.data, key.name, head.origin.len) == 0)
			verified = 0;
		if (verified < 0) {
			find(r, file, "anchored_signature", "not signed by the trail's key");
			return false;
		}
	}
	sha256(r->checkpoint.data, r->checkpoint.len, r->digest);
	return check_root(r, &head, file);
}

static void read_size(struct reading *r)
{
	static const struct {
		const char *suffix;
		void (*check)(struct reading *r, const char *name);
	} kinds[] = { { ".tsr", check_stamp }, { ".cosigned", check_cosigned } };
	const char *dir = arena_printf(r->arena, "%s/%llu", r->dir, (unsigned long long)r->size);

	if (read_checkpoint(r))
		for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
			char **names = NULL;
			size_t count = 0;

			if (file_list(r->arena, dir, kinds[k].suffix, &names, &count) < 0)
				continue;
			for (size_t i = 0; i < count; i++)
				kinds[k].check(r, arena_printf(r->arena, "%.*s", (int)(strlen(names[i]) - strlen(kinds[k].suffix)), names[i]));
		}
	buf_clear(&r->checkpoint);
}

static void read_state(struct reading *r)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct anchor_state *state = xcalloc(1, sizeof(*state));

	if (file_read(arena_printf(r->arena, "%s/state.json", r->dir), FILE_MAX, &text, NULL) == 0 &&
		anchor_state_parse(text.data ? text.data : "", text.len, state, NULL) == 0)
		for (size_t i = 0; i < state->mark_count; i++) {
			const struct anchor_mark *mark = &state->marks[i];

			if (mark->kind == ANCHOR_TIMESTAMP && mark->waiting_since &&
				(!r->ret->waiting_since || mark->waiting_since < r->ret->waiting_since))
				r->ret->waiting_since = mark->waiting_since;
		}
	anchor_state_clear(state);
	free(state);
}

/* Names that are decimal numbers without leading zeros. */
static bool parse_number(const char *name, uint64_t *ret)
{
	char *end;

	if (name[0] < '1' || name[0] > '9')
		return false;
	errno = 0;
	*ret = strtoull(name, &end, 10);
	return !*end && !errno;
}

void trail_anchors_read(const char *state_dir, const struct config *config, const struct note_key *key, trail_finding_fn fn, void *arg,
	struct arena *arena, struct trail_anchors *ret)
{
	struct reading r = { .state_dir = state_dir, .config = config, .key = key, .fn = fn, .arg = arg, .arena = arena, .ret = ret };
	char **years = NULL, **sizes;
	size_t year_count = 0, size_count;
	uint64_t year;

	*ret = (struct trail_anchors){ 0 };
	if (file_list(arena, arena_printf(arena, "%s/anchors", state_dir), "", &years, &year_count) < 0)
		return;
	for (size_t i = 0; i < year_count; i++) {
		if (!parse_number(years[i], &year) || year > 9999)
			continue;
		r.year = (uint16_t)year;
		r.dir = arena_printf(arena, "%s/anchors/%s", state_dir, years[i]);
		read_state(&r);
		sizes = NULL;
		size_count = 0;
		if (file_list(arena, r.dir, "", &sizes, &size_count) < 0)
			continue;
		for (size_t k = 0; k < size_count; k++)
			if (parse_number(sizes[k], &r.size))
				read_size(&r);
	}
}

const char *trail_vouched_words(const struct trail_vouched *v, const char *never, struct arena *arena)
{
	char at[UTC_TEXT_SIZE];

	if (!v->count)
		return never;
	return arena_printf(arena, "%llu records of %u, as of %s, by %s", (unsigned long long)v->size, v->year, utc_format(v->at, at), v->name);
}
