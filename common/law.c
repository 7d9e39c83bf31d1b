#include "common/law.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"

#define LAW_FILE_MAX (1024 * 1024)
#define WORDS_MAX 600

const char *const law_certainty_names[LAW_CERTAINTY_COUNT + 1] = { [LAW_FOUND] = "found", [LAW_KNOWN] = "known", [LAW_OURS] = "ours" };

struct law_file {
	const char *path;
	bool own;
	struct json root;
	date as_of;
};

const char *const law_state_names[LAW_STATE_COUNT + 1] = { [LAW_CURRENT] = "holds", [LAW_RUNS_OUT] = "runs_out",
	[LAW_RAN_OUT] = "unknown" };

static int parse_holidays(struct law *law, const struct json *section, struct err *err)
{
	return holidays_parse(law->arena, section, &law->holidays, err);
}

static int parse_terms(struct law *law, const struct json *section, struct err *err)
{
	return terms_parse(law->arena, section, &law->terms, err);
}

static int parse_procedures(struct law *law, const struct json *section, struct err *err)
{
	return procedures_parse(law->arena, section, &law->procedures, err);
}

static int parse_retention(struct law *law, const struct json *section, struct err *err)
{
	return keeping_parse(law->arena, section, &law->keeping, err);
}

/* A section, and who reads it: its values go into struct law. NULL: it is read where it is asked. */
struct section {
	const char *name;
	int (*parse)(struct law *law, const struct json *section, struct err *err);
};

static const struct section sections[] = {
	{ "rates", NULL },
	{ "regimes", NULL },
	{ "fees", NULL },
	{ "holidays", parse_holidays },
	{ "terms", parse_terms },
	{ "contact_rules", NULL },
	{ "relations", NULL },
	{ "notices", NULL },
	{ "limitation", NULL },
	{ "procedures", parse_procedures },
	{ "retention", parse_retention },
};

/* --- the files ---------------------------------------------------------------------------------------------------------- */

static int refuse(const char *path, const struct err *inner, struct err *err)
{
	return err_set(err, -EBADMSG, inner->code, inner->path, "%s: %s%s%s", path, inner->path, inner->path[0] ? " " : "", inner->text);
}

static int read_file(struct law *law, const struct law_text *text, struct law_file *ret, struct err *err)
{
	const char *words[ARRAY_LEN(sections) + 2] = { "as_of" };
	const char *json = arena_memdup(law->arena, text->json, text->len), *as_of;
	int r;

	for (size_t i = 0; i < ARRAY_LEN(sections); i++)
		words[i + 1] = sections[i].name;
	*ret = (struct law_file){ .path = arena_strdup(law->arena, text->path), .own = text->own };
	if ((r = json_parse(law->arena, json, text->len, JSON_COMMENTS, &ret->root, err)) < 0)
		return r;
	if (ret->root.type != JSON_OBJECT)
		return err_set(err, -EBADMSG, "wrong_type", "$", "must be an object");
	if ((r = json_only(&ret->root, words, err)) < 0 || (r = json_get_str(&ret->root, "as_of", DATE_TEXT_SIZE, &as_of, err)) < 0)
		return r;
	if (date_parse(as_of, &ret->as_of) < 0)
		return json_refuse(&ret->root, "as_of", err, "bad_date", "must be the day on which this was looked up, such as 2026-11-22");
	return 0;
}

/* A member that is there, be it null. */
static bool find(const struct json *object, const char *key, struct json *ret)
{
	const char *name;

	for (size_t i = 0; json_member(object, &i, &name, ret);)
		if (strcmp(name, key) == 0)
			return true;
	*ret = (struct json){ 0 };
	return false;
}

/*
 * Layers, each laid over those before it (RFC 7396, JSON Merge Patch), at once: eleven files make one document, and writing and reading it
 * anew for each of them would take longer than all the rest of a start. At least one; a null is left out by the caller.
 */
static void merge(struct json_writer *w, const char *key, const struct json *layers, size_t count, struct arena *arena)
{
	struct json value, other, *own;
	size_t from = count - 1, n;
	const char *name;
	bool before;

	if (layers[from].type != JSON_OBJECT) {
		jw_json(w, key, &layers[from]);
		return;
	}
	while (from > 0 && layers[from - 1].type == JSON_OBJECT)
		from--;
	jw_object(w, key);
	for (size_t l = from; l < count; l++)
		for (size_t i = 0; json_member(&layers[l], &i, &name, &value);) {
			before = false;
			for (size_t k = from; k < l && !before; k++)
				before = find(&layers[k], name, &other);
			if (before)
				continue;
			own = arena_alloc(arena, (count - l) * sizeof(*own));
			own[0] = value;
			n = value.type != JSON_NONE;
			for (size_t k = l + 1; k < count; k++)
				if (find(&layers[k], name, &other)) {
					own[n] = other;
					n = other.type == JSON_NONE ? 0 : n + 1; /* null takes away what was there */
				}
			if (n)
				merge(w, name, own, n, arena);
		}
	jw_end_object(w);
}

/* A rule that is law is not the user's to change. */
static int may_lay_over(const struct law *law, const struct law_file *file, struct err *err)
{
	struct json base = law_section(law, "contact_rules"), own = json_get(&file->root, "contact_rules");

	return file->own ? guard_may_change(&base, &own, err) : 0;
}

/* Files laid over the document so far. */
static int lay_over(struct law *law, const struct law_file *files, size_t count, struct err *err)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct json_writer w = jw_init(&text);
	struct json *layers = arena_alloc(arena, (count + 1) * sizeof(*layers));
	size_t n = 0;

	if (law->document.type == JSON_OBJECT)
		layers[n++] = law->document;
	for (size_t i = 0; i < count; i++)
		layers[n++] = files[i].root;
	merge(&w, NULL, layers, n, arena);
	return json_parse(law->arena, arena_memdup(law->arena, text.data, text.len), text.len, 0, &law->document, err);
}

/* --- what every entry says ---------------------------------------------------------------------------------------------- */

static int check_entry(const struct json *entry, struct err *err)
{
	const char *source, *day = NULL;
	int certainty, r;
	date parsed;

	if (entry->type != JSON_OBJECT)
		return json_refuse(entry, NULL, err, "wrong_type", "must be an object");
	if ((r = json_get_str(entry, "source", WORDS_MAX, &source, err)) < 0 ||
		(r = json_get_word(entry, "certainty", law_certainty_names, &certainty, err)) < 0)
		return r;
	for (const char *const *key = (const char *const[]){ "as_of", "known_until", NULL }; *key; key++) {
		day = NULL;
		if ((r = json_opt_str(entry, *key, DATE_TEXT_SIZE, &day, err)) < 0)
			return r;
		if (day && date_parse(day, &parsed) < 0)
			return json_refuse(entry, *key, err, "bad_date", "must be a date such as 2026-11-22");
	}
	return 0;
}

static int parse_section(struct law *law, const struct section *section, struct err *err)
{
	struct json object, entry;
	const char *name;
	int r;

	if (!json_has(&law->document, section->name))
		return 0;
	if ((r = json_get_object(&law->document, section->name, &object, err)) < 0)
		return r;
	for (size_t i = 0; json_member(&object, &i, &name, &entry);)
		if ((r = check_entry(&entry, err)) < 0)
			return r;
	return section->parse ? section->parse(law, &object, err) : 0;
}

/* Of the shipped files the one that holds the section is to blame; of the user's the one just laid on. */
static const char *blamed(const struct law *law, const char *section)
{
	for (size_t i = law->file_count; i-- > 0;)
		if (json_has(&law->files[i].root, section))
			return law->files[i].path;
	return "law";
}

static int parse_all(struct law *law, struct err *err)
{
	struct err wrong = { 0 };
	const char *section;

	for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
		struct err inner = { 0 };

		if (parse_section(law, &sections[i], &inner) < 0)
			return refuse(blamed(law, sections[i].name), &inner, err);
	}
	return law_read_engines(law, &section, &wrong) < 0 ? refuse(blamed(law, section), &wrong, err) : 0;
}

/* --- what is known ------------------------------------------------------------------------------------------------------ */

struct json law_section(const struct law *law, const char *name)
{
	return json_get(&law->document, name);
}

date law_values_until(const struct json *values)
{
	date until = date_none();
	struct json value;
	const char *name;
	int first = 10000, last = 0;

	for (size_t i = 0; json_member(values, &i, &name, &value);) {
		int year = atoi(name);

		first = year < first ? year : first;
		last = year > last ? year : last;
	}
	for (int half = 2 * first; half < 2 * last + 2; half++) {
		char key[16];

		digits_put(key, half / 2, 4);
		memcpy(key + 4, half % 2 ? "H2" : "H1", 3);
		if (json_has(values, key))
			until = half % 2 ? date_of(half / 2, 12, 31) : date_of(half / 2, 6, 30);
		else if (date_is_set(until))
			break;
	}
	return until;
}

static date day_of(const struct json *entry, const char *key, date fallback)
{
	struct json value = json_get(entry, key);
	date d;

	return json_str(&value) && date_parse(json_str(&value), &d) == 0 ? d : fallback;
}

static void fill(const struct law *law, struct law_entry *e)
{
	struct json value;

	value = json_get(&e->value, "source");
	e->source = json_str(&value);
	value = json_get(&e->value, "certainty");
	for (int i = 0; i < LAW_CERTAINTY_COUNT; i++)
		if (strcmp(json_str(&value), law_certainty_names[i]) == 0)
			e->certainty = (enum law_certainty)i;
	for (size_t i = 0; i < law->file_count; i++) {
		struct json section = json_get(&law->files[i].root, e->section), mine;

		if (!find(&section, e->name, &mine))
			continue;
		e->as_of = law->files[i].as_of;
		e->own_file = law->files[i].own ? law->files[i].path : NULL;
	}
	e->as_of = day_of(&e->value, "as_of", e->as_of);
	value = json_get(&e->value, "values");
	e->known_until = day_of(&e->value, "known_until", law_values_until(&value));
}

enum law_state law_entry_state(const struct law_entry *entry, date today)
{
	int32_t left;

	if (!date_is_set(entry->known_until))
		return LAW_CURRENT;
	left = date_diff(entry->known_until, today);
	return left < 0 ? LAW_RAN_OUT : left < LAW_WARN_DAYS ? LAW_RUNS_OUT : LAW_CURRENT;
}

static void list_entries(struct law *law)
{
	size_t capacity = 0;

	for (size_t s = 0; s < ARRAY_LEN(sections); s++) {
		struct json here = law_section(law, sections[s].name), value;
		const struct json *section = arena_memdup(law->arena, &here, sizeof(here)); /* the entries' parent */
		const char *name;

		for (size_t i = 0; json_member(section, &i, &name, &value);) {
			law->entries = arena_grow(law->arena, law->entries, law->entry_count, &capacity, sizeof(*law->entries));
			law->entries[law->entry_count] = (struct law_entry){ .section = sections[s].name, .name = name, .value = value };
			fill(law, &law->entries[law->entry_count++]);
		}
	}
}

/* --- the whole --------------------------------------------------------------------------------------------------------- */

int law_parse(const struct law_text *texts, size_t count, struct law **ret, struct err *err)
{
	CLEANUP(law_freep) struct law *law = xcalloc(1, sizeof(*law));
	int r;

	law->arena = arena_create();
	law->files = arena_alloc(law->arena, (count + 1) * sizeof(*law->files));
	for (size_t i = 0; i < count;) {
		struct err inner = { 0 };
		size_t first = i;

		do { /* the shipped ones together; of the user's each alone, so that whatever is wrong then came with it */
			struct law_file *file = &law->files[i];

			if (read_file(law, &texts[i], file, &inner) < 0 || may_lay_over(law, file, &inner) < 0)
				return refuse(texts[i].path, &inner, err);
			i++;
		} while (i < count && !texts[first].own && !texts[i].own);
		law->file_count = i;
		if (lay_over(law, &law->files[first], i - first, &inner) < 0)
			return refuse(texts[i - 1].path, &inner, err);
		if ((r = parse_all(law, err)) < 0)
			return r;
	}
	list_entries(law);
	*ret = TAKE(law);
	return 0;
}

void law_free(struct law *law)
{
	if (!law)
		return;
	arena_free(law->arena);
	free(law);
}

/* --- reading the folders ------------------------------------------------------------------------------------------------ */

struct reading {
	struct arena *arena;
	struct law_text *texts;
	size_t count, capacity;
};

static int read_dir(struct reading *reading, const char *dir, bool own, struct err *err)
{
	char **names;
	size_t count;
	int r = file_list(reading->arena, dir, ".json", &names, &count);

	if (r < 0)
		return err_set(err, r, "unreadable", own ? "$.law.dir" : "", "%s: %s", dir, strerror(-r));
	for (size_t i = 0; i < count; i++) {
		const char *path = arena_printf(reading->arena, "%s/%s", dir, names[i]);
		CLEANUP(buf_clear) struct buf text = { 0 };

		if ((r = file_read(path, LAW_FILE_MAX, &text, err)) < 0)
			return r;
		reading->texts = arena_grow(reading->arena, reading->texts, reading->count, &reading->capacity, sizeof(*reading->texts));
		reading->texts[reading->count++] =
			(struct law_text){ path, arena_memdup(reading->arena, buf_str(&text), text.len), text.len, own };
	}
	return 0;
}

int law_load(const char *share_dir, const char *own_dir, struct law **ret, struct err *err)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct reading reading = { .arena = arena };
	int r;

	if ((r = read_dir(&reading, arena_printf(arena, "%s/law", share_dir), false, err)) < 0 ||
		(own_dir && (r = read_dir(&reading, own_dir, true, err)) < 0))
		return r;
	return law_parse(reading.texts, reading.count, ret, err);
}


size_t law_entries(const struct law *law, const struct law_entry **ret)
{
	*ret = law->entries;
	return law->entry_count;
}
