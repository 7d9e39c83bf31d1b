#include "tools/evidence.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/bundle_make.h"
#include "common/case_file.h"
#include "common/embedded.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/json.h"
#include "common/keys.h"
#include "common/ranges.h"
#include "common/utc.h"
#include "daemon/log_key.h"
#include "tools/trail_files.h"

#define CHECKPOINT_MAX (1u << 20)

struct year {
	uint16_t year;
	const char *origin;
	char (*leaves)[LEAF_SIZE]; /* malloced */
	size_t count, capacity;
	bool wanted; /* records of the case are in it */
	bool needed; /* records of the daemon that explain them are */
	bool ready;
	struct bundle_log log;
	struct anchor *anchors; /* by size, those that are this log's; in the arena */
	size_t anchor_count, anchor_capacity;
};

struct anchor {
	struct bundle_anchor made;
	bool wanted; /* the first one that holds some record, or the last */
};

struct taken { /* a record that may go into the bundle */
	uint16_t year;
	int64_t at;
	const char *kind, *policy_digest;
	struct bundle_record record;
	uint8_t tag_key[SHA256_SIZE];
};

struct collecting {
	const struct evidence_order *order;
	struct arena *arena; /* the bundle's */
	struct arena *scratch; /* of one record */
	const char *debtor; /* NULL: still looked for */
	const char *member; /* how its records name it */
	struct year *years;
	size_t year_count, year_capacity;
	struct taken *cases, *system;
	size_t case_count, case_capacity, system_count, system_capacity;
	uint64_t seen, all;
};

static bool is(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

static struct year *year_of(struct collecting *c, uint16_t year, const char *origin)
{
	for (size_t i = 0; i < c->year_count; i++)
		if (c->years[i].year == year)
			return &c->years[i];
	xgrow(&c->years, &c->year_capacity, c->year_count + 1, sizeof(*c->years));
	c->years[c->year_count] = (struct year){ .year = year, .origin = origin ? arena_strdup(c->arena, origin) : NULL };
	return &c->years[c->year_count++];
}

/* --- walking the journal --------------------------------------------------------------------------- */

static int find_debtor(const struct trail_record *record, void *arg)
{
	struct collecting *c = arg;
	struct json root;

	arena_clear(c->scratch);
	if (!record->opened || json_parse(c->scratch, record->text, record->len, 0, &root, NULL) < 0 || is(json_text(&root, "case"), SYSTEM_CASE) ||
		!case_concerns(&root, c->order->invoice))
		return 0;
	c->debtor = arena_strdup(c->arena, json_text(&root, "case"));
	return c->debtor ? 1 : 0;
}

/* Of the daemon's own records those that explain what was done: the rules, its life, and the brakes that people pulled. */
static bool explains(const struct json *root)
{
	static const char *const kinds[] = { "policy.loaded", "daemon.start", "daemon.stop", "daemon.recovered", "daemon.superseded",
		"sending.suspended", "sending.resumed", "stream.gap" };
	const char *kind = json_text(root, "kind"), *command = json_text(root, "command");

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (is(kind, kinds[i]))
			return true;
	return is(kind, "operator.command") && (is(command, "suspend") || is(command, "release") || is(command, "trail_agreed"));
}

/* A word of a list with commas. */
bool evidence_withheld(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
		if (strncmp(at, name, len) == 0 && (at[len] == ',' || at[len] == '\0'))
			return true;
	return false;
}

static void take_parts(struct collecting *c, const struct trail_record *record, const struct json *root, struct bundle_record *ret)
{
	struct json parts = json_get(root, "parts");

	for (size_t i = 0; i + 1 < record->body->blob_count && i < json_len(&parts); i++) {
		CLEANUP(buf_clear) struct buf data = { 0 };
		struct json part = json_at(&parts, i);
		struct bundle_part *taken = &ret->parts[ret->part_count++];

		taken->name = arena_strdup(c->arena, json_text(&part, "name") ? json_text(&part, "name") : "");
		taken->there = !evidence_withheld(c->order->withhold, taken->name) && bundle_path_valid(taken->name) && !strchr(taken->name, '/') &&
			       record_body_open(record->body, i + 1, record->keys, taken->salt, &data) == 0;
		if (taken->there)
			taken->data = (struct slice){ arena_memdup(c->arena, data.data, data.len), data.len };
	}
}

static struct taken *take(struct collecting *c, const struct trail_record *record, const struct json *root, bool system)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct taken taken = { .year = record->year, .at = record->decided_at, .kind = arena_strdup(c->arena, json_text(root, "kind")),
		.policy_digest = arena_strdup(c->arena, json_text(root, is(json_text(root, "kind"), "policy.loaded") ? "digest" : "policy_digest")) };

	taken.record = (struct bundle_record){ .index = record->index, .open = true };
	if (record_body_open(record->body, 0, record->keys, taken.record.salt, &text) < 0)
		return NULL;
	taken.record.text = (struct slice){ arena_memdup(c->arena, record->text, record->len), record->len };
	take_parts(c, record, root, &taken.record);
	record_tag_key(record->keys->case_key, record->origin, taken.tag_key);
	if (system) {
		xgrow(&c->system, &c->system_capacity, c->system_count + 1, sizeof(taken));
		c->system[c->system_count] = taken;
		return &c->system[c->system_count++];
	}
	xgrow(&c->cases, &c->case_capacity, c->case_count + 1, sizeof(taken));
	c->cases[c->case_count] = taken;
	return &c->cases[c->case_count++];
}

static int collect_record(const struct trail_record *record, void *arg)
{
	struct collecting *c = arg;
	struct year *year = year_of(c, record->year, record->origin);
	struct taken *taken;
	struct json root;

	if (c->order->progress && ++c->seen % 4096 == 0)
		c->order->progress(c->seen, c->all, c->order->arg);
	if (!year->origin)
		year->origin = arena_strdup(c->arena, record->origin);
	if (record->index != year->count) /* the walk says what is wrong; proofs end where the leaves do */
		return 0;
	xgrow(&year->leaves, &year->capacity, year->count + 1, LEAF_SIZE);
	memcpy(year->leaves[year->count++], record->leaf, LEAF_SIZE);
	arena_clear(c->scratch);
	/* almost all are others': looked at before they are read */
	if (!record->opened || (!strstr(record->text, "\"case\":\"" SYSTEM_CASE "\"") && !strstr(record->text, c->member)) ||
		json_parse(c->scratch, record->text, record->len, 0, &root, NULL) < 0)
		return 0;
	if (is(json_text(&root, "case"), SYSTEM_CASE) && explains(&root))
		(void)take(c, record, &root, true);
	if (!is(json_text(&root, "case"), c->debtor))
		return 0;
	taken = take(c, record, &root, false);
	if (taken && c->order->invoice && case_names_invoice(&root) && !case_concerns(&root, c->order->invoice))
		taken->record.open = false;
	return 0;
}

static int walk(struct collecting *c, trail_record_fn fn, struct trail_sum *sum, struct err *err)
{
	struct trail_walk how = { .state_dir = c->order->state_dir, .wrap_key = c->order->wrap_key, .record = fn, .arg = c };

	return trail_walk(&how, c->arena, sum, err);
}

/* --- what explains ------------------------------------------------------------------------------ */

static bool policy_used(const struct collecting *c, const char *digest)
{
	for (size_t i = 0; i < c->case_count; i++)
		if (!is(c->cases[i].kind, "policy.loaded") && is(c->cases[i].policy_digest, digest))
			return true;
	return false;
}

/* The rules by which something was sent, the start before the first record, and all between the first and the last. */
static bool system_wanted(const struct collecting *c, size_t i)
{
	const struct taken *taken = &c->system[i];
	int64_t first = c->cases[0].at, last = c->cases[c->case_count - 1].at;

	if (is(taken->kind, "policy.loaded"))
		return policy_used(c, taken->policy_digest);
	if (taken->at >= first)
		return taken->at <= last;
	if (!is(taken->kind, "daemon.start"))
		return false;
	for (size_t k = i + 1; k < c->system_count && c->system[k].at < first; k++)
		if (is(c->system[k].kind, "daemon.start"))
			return false;
	return true;
}

/* --- anchors ---------------------------------------------------------------------------------------- */

static bool vouches(const char *name)
{
	static const char *const endings[] = { ".tsr", ".cosigned" };

	for (size_t i = 0; i < ARRAY_LEN(endings); i++)
		if (strlen(name) > strlen(endings[i]) && strcmp(name + strlen(name) - strlen(endings[i]), endings[i]) == 0)
			return true;
	return false;
}

static const char *anchor_dir(struct collecting *c, const struct year *year, uint64_t size)
{
	return arena_printf(c->arena, "%s/anchors/%04u/%" PRIu64, c->order->state_dir, (unsigned)year->year, size);
}

static int by_size(const void *a, const void *b)
{
	const struct anchor *one = a, *other = b;

	return one->made.size < other->made.size ? -1 : one->made.size > other->made.size;
}

/* Checkpoints for which a third party vouched (FORMATS.md section 10). One that is not this log's proves nothing, and is passed over. */
static void read_anchors(struct collecting *c, struct year *year)
{
	char **names, **files;
	size_t count, file_count;

	if (file_list(c->arena, arena_printf(c->arena, "%s/anchors/%04u", c->order->state_dir, (unsigned)year->year), "", &names, &count) < 0)
		return;
	for (size_t i = 0; i < count; i++) {
		CLEANUP(buf_clear) struct buf note = { 0 };
		struct anchor anchor = { .made = { .size = strtoull(names[i], NULL, 10) } };
		const char *dir = anchor_dir(c, year, anchor.made.size);
		bool any = false;

		if (file_list(c->arena, dir, "", &files, &file_count) < 0)
			continue;
		for (size_t k = 0; k < file_count; k++)
			any |= vouches(files[k]);
		if (!any || file_read(arena_printf(c->arena, "%s/checkpoint", dir), CHECKPOINT_MAX, &note, NULL) < 0)
			continue;
		anchor.made.note = (struct slice){ arena_memdup(c->arena, note.data, note.len), note.len };
		if (bundle_anchor_ready(&year->log, &anchor.made) < 0)
			continue;
		year->anchors = arena_grow(c->arena, year->anchors, year->anchor_count, &year->anchor_capacity, sizeof(*year->anchors));
		year->anchors[year->anchor_count++] = anchor;
	}
	if (!year->anchor_count)
		return;
	qsort(year->anchors, year->anchor_count, sizeof(*year->anchors), by_size);
	year->anchors[year->anchor_count - 1].wanted = true;
}

static void add_anchors(struct collecting *c, const struct year *year, struct bundle *bundle)
{
	char **files;
	size_t count;

	for (size_t i = 0; i < year->anchor_count; i++) {
		const struct anchor *anchor = &year->anchors[i];
		const char *dir = anchor_dir(c, year, anchor->made.size);

		if (!anchor->wanted || file_list(c->arena, dir, "", &files, &count) < 0)
			continue;
		bundle_add_anchor(bundle, &year->log, &anchor->made);
		for (size_t k = 0; k < count; k++) {
			CLEANUP(buf_clear) struct buf data = { 0 };
			const char *path = arena_printf(c->arena, "log/%04u/anchored/%" PRIu64 "/%s", (unsigned)year->year, anchor->made.size, files[k]);

			if (strcmp(files[k], "checkpoint") != 0 && bundle_path_valid(path) &&
				file_read(arena_printf(c->arena, "%s/%s", dir, files[k]), CHECKPOINT_MAX, &data, NULL) == 0)
				bundle_add(bundle, path, buf_str(&data), data.len);
		}
	}
}

/* --- logs ------------------------------------------------------------------------------------------ */

static int ready_log(struct collecting *c, struct year *year, struct err *err)
{
	int r;

	if (!year->log.note.len)
		return err_set(err, -ENODATA, "unsigned", "", "the log of %u has no signed checkpoint yet: see dunningctl trail status",
			(unsigned)year->year);
	year->log.year = year->year;
	log_key_of_year(c->order->verifier, year->year, &year->log.key);
	if (!is(year->log.key.name, year->origin))
		return err_set(err, -EKEYREJECTED, "origin", "", "the log of %u is %s, and the key is that of %s", (unsigned)year->year, year->origin,
			year->log.key.name);
	year->log.leaves = (const char(*)[LEAF_SIZE])year->leaves;
	r = bundle_log_ready(&year->log, year->count, c->arena, err);
	year->ready = r == 0;
	if (year->ready)
		read_anchors(c, year);
	return r;
}

static int ready_logs(struct collecting *c, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < c->case_count; i++)
		year_of(c, c->cases[i].year, NULL)->wanted = true;
	for (size_t i = 0; i < c->system_count; i++)
		if (system_wanted(c, i))
			year_of(c, c->system[i].year, NULL)->needed = true;
	for (size_t i = 0; i < c->year_count && r == 0; i++) {
		struct err none = { 0 };

		if (c->years[i].wanted)
			r = ready_log(c, &c->years[i], err);
		else if (c->years[i].needed) /* a case without the rules of an unsigned year is one all the same */
			(void)ready_log(c, &c->years[i], &none);
	}
	return r;
}

/* False: its log has signed less. */
static bool placed(struct collecting *c, struct taken *taken)
{
	struct year *year = year_of(c, taken->year, NULL);

	if (!year->ready || taken->record.index >= year->log.checkpoint.size)
		return false;
	taken->record.log = &year->log;
	for (size_t i = 0; i < year->anchor_count && !taken->record.anchor; i++)
		if (year->anchors[i].made.size > taken->record.index) {
			taken->record.anchor = &year->anchors[i].made;
			year->anchors[i].wanted = true;
		}
	return true;
}

/* --- the bundle ------------------------------------------------------------------------------------ */

static void add_tag_keys(struct collecting *c, struct bundle *bundle)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	char hex[2 * SHA256_SIZE + 1];

	for (size_t i = 0; i < c->case_count; i++) {
		const struct taken *taken = &c->cases[i];
		bool known = !taken->record.log;

		for (size_t k = 0; k < i && !known; k++)
			known = c->cases[k].record.log && memcmp(c->cases[k].tag_key, taken->tag_key, SHA256_SIZE) == 0;
		if (!known)
			buf_printf(&text, "%s %s\n", taken->record.log->key.name, hex_format(taken->tag_key, SHA256_SIZE, hex));
	}
	bundle_add(bundle, "case/tagkey", buf_str(&text), text.len);
}

static void fill(struct collecting *c, struct bundle *bundle, struct evidence_sum *sum)
{
	struct ranges disclosed = { 0 };

	for (size_t i = 0; i < c->case_count; i++) {
		struct taken *taken = &c->cases[i];

		if (!placed(c, taken)) {
			sum->unsigned_records++;
			continue;
		}
		sum->withheld += !taken->record.open;
		if (taken->record.open)
			ranges_add(&disclosed, taken->record.log->key.name, taken->record.index);
		bundle_add_record(bundle, arena_printf(c->arena, "records/%04zu", ++sum->records), &taken->record);
	}
	sum->disclosed = arena_strdup(c->arena, ranges_text(&disclosed));
	ranges_clear(&disclosed);
	if (sum->records)
		add_tag_keys(c, bundle);
	for (size_t i = 0; i < c->system_count && c->case_count; i++)
		if (system_wanted(c, i) && placed(c, &c->system[i]))
			bundle_add_record(bundle, arena_printf(c->arena, "system/%04zu", ++sum->system), &c->system[i].record);
	for (size_t i = 0; i < c->year_count; i++)
		if (c->years[i].ready) {
			bundle_add_log(bundle, &c->years[i].log, c->order->leaves && c->years[i].wanted);
			add_anchors(c, &c->years[i], bundle);
			sum->newest = c->years[i].log.key;
		}
	if (c->order->invoice) {
		const char *line = arena_printf(c->arena, "%s\n", c->order->invoice);

		bundle_add(bundle, "case/invoice", line, strlen(line));
	}
}

/*
 * Before the journal: a daemon may sign more meanwhile, and then the journal as it was read would seem to lack what was signed. Returns how
 * many records they sign in all, good enough for a progress bar.
 */
static uint64_t read_checkpoints(struct collecting *c)
{
	char **names;
	size_t count;
	uint64_t ret = 0;

	if (file_list(c->arena, arena_printf(c->arena, "%s/log", c->order->state_dir), "", &names, &count) < 0)
		return 0;
	for (size_t i = 0; i < count; i++) {
		CLEANUP(buf_clear) struct buf file = { 0 };
		struct checkpoint checkpoint;
		struct note note;
		struct year *year;

		if (strlen(names[i]) != 4 || strspn(names[i], "0123456789") != 4 ||
			file_read(arena_printf(c->arena, "%s/log/%s/checkpoint", c->order->state_dir, names[i]), CHECKPOINT_MAX, &file, NULL) < 0)
			continue;
		year = year_of(c, (uint16_t)atoi(names[i]), NULL);
		year->log.note = (struct slice){ arena_memdup(c->arena, file.data, file.len), file.len };
		if (note_parse(file.data, file.len, &note) == 0 && checkpoint_parse(note.text.data, note.text.len, &checkpoint) == 0)
			ret += checkpoint.size;
	}
	return ret;
}

int evidence_debtor(const struct evidence_order *order, struct arena *arena, const char **ret, struct err *err)
{
	CLEANUP(arena_freep) struct arena *scratch = arena_create();
	struct collecting c = { .order = order, .arena = arena, .scratch = scratch };
	struct trail_sum sum;
	int r = walk(&c, find_debtor, &sum, err);

	*ret = c.debtor;
	return r < 0 ? r : c.debtor ? 0 : err_set(err, -ENOENT, "unknown", "", "the trail has no record of %s", order->invoice);
}

int evidence_collect(const struct evidence_order *order, struct bundle *bundle, struct evidence_sum *ret, struct err *err)
{
	CLEANUP(arena_freep) struct arena *scratch = arena_create();
	struct collecting c = { .order = order, .arena = bundle->arena, .scratch = scratch, .debtor = order->debtor };
	struct trail_sum sum;
	int r = 0;

	*ret = (struct evidence_sum){ 0 };
	c.all = read_checkpoints(&c);
	if (!c.debtor)
		r = walk(&c, find_debtor, &sum, err);
	c.member = arena_printf(c.arena, "\"case\":\"%s\"", c.debtor ? c.debtor : "");
	if (r >= 0 && c.debtor)
		r = walk(&c, collect_record, &sum, err);
	if (r >= 0)
		r = c.case_count ? ready_logs(&c, err) :
				   err_set(err, -ENOENT, "unknown", "", "the trail has no record of %s", order->invoice ? order->invoice : order->debtor);
	if (r == 0) {
		ret->debtor = c.debtor;
		ret->findings = sum.findings;
		fill(&c, bundle, ret);
		if (!ret->records)
			r = err_set(err, -ENODATA, "unsigned", "", "no record of %s is in a signed checkpoint yet", c.debtor);
	}
	for (size_t i = 0; i < c.case_count; i++)
		cleanse(c.cases[i].tag_key, SHA256_SIZE);
	for (size_t i = 0; i < c.system_count; i++)
		cleanse(c.system[i].tag_key, SHA256_SIZE);
	for (size_t i = 0; i < c.year_count; i++)
		free(c.years[i].leaves);
	free(c.years);
	free(c.cases);
	free(c.system);
	return r;
}

void evidence_add_texts(struct bundle *bundle)
{
	static const char *const paths[] = { [EMBEDDED_PROCESS] = "process/TRAIL.md", [EMBEDDED_VERIFY] = "verify.sh",
		[EMBEDDED_VERIFY_TEXT] = "VERIFY.txt", [EMBEDDED_STATEMENT] = "statement.txt",
		[EMBEDDED_FORMATS] = "process/FORMATS.md" };

	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		bundle_add(bundle, paths[i], embedded_files[i].data, embedded_files[i].len);
}
