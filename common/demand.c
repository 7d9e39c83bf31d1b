#include "common/demand.h"

#include <errno.h>
#include <string.h>

#define WORDS_MAX 600

static int read_words(struct arena *arena, const struct json *row, const char *key, const char *const **ret, struct err *err)
{
	struct json list = { 0 };
	const char **words;
	int r = json_opt_array(row, key, &list, err);

	if (r < 0)
		return r;
	words = arena_alloc(arena, (json_len(&list) + 1) * sizeof(*words));
	for (size_t i = 0; i < json_len(&list); i++) {
		struct json word = json_at(&list, i);

		if (word.type != JSON_STRING)
			return json_refuse(&word, NULL, err, "wrong_type", "must be the name of a field");
		words[i] = json_str(&word);
	}
	*ret = words;
	return 0;
}

int demands_read(struct arena *arena, const struct json *section, struct demands *ret, struct err *err)
{
	struct json row;
	const char *name;
	int r;

	*ret = (struct demands){ .kinds = arena_alloc(arena, json_len(section) * sizeof(*ret->kinds) + 1) };
	for (size_t i = 0; json_member(section, &i, &name, &row); ret->count++) {
		struct demand_kind *kind = &ret->kinds[ret->count];

		kind->name = name;
		if ((r = read_words(arena, &row, "required", &kind->required, err)) < 0 ||
			(r = read_words(arena, &row, "enclosures", &kind->enclosures, err)) < 0 ||
			(r = read_words(arena, &row, "recommended", &kind->recommended, err)) < 0 ||
			(r = json_opt_int(&row, "wait_days", 0, 366, &kind->wait_days, err)) < 0 ||
			(r = json_get_str(&row, "source", WORDS_MAX, &kind->source, err)) < 0 ||
			(r = json_get_str(&row, "certainty", 20, &kind->certainty, err)) < 0)
			return r;
	}
	return 0;
}

const struct demand_kind *demand_kind(const struct demands *demands, const char *name)
{
	for (size_t i = 0; i < demands->count; i++)
		if (strcmp(demands->kinds[i].name, name) == 0)
			return &demands->kinds[i];
	return NULL;
}

static size_t count_words(const char *const *words)
{
	size_t n = 0;

	while (words[n])
		n++;
	return n;
}

static int is_among(const char *word, const char *const *words)
{
	while (*words && strcmp(*words, word) != 0)
		words++;
	return *words != NULL;
}

const char *const *demand_missing(struct arena *arena, const char *const *wanted, const char *const *fields)
{
	const char **missing = arena_alloc(arena, (count_words(wanted) + 1) * sizeof(*missing));
	size_t n = 0;

	for (; *wanted; wanted++)
		if (!is_among(*wanted, fields))
			missing[n++] = *wanted;
	return missing;
}

bool demand_on_letterhead(const char *field)
{
	static const char *const frame[] = { "creditor_identity", "creditor_name", "creditor_name_and_address", "debtor_identity", "date",
		"date_of_letter", "reply_address", NULL };

	return is_among(field, frame);
}

const char *const *demand_lacks(struct arena *arena, const struct demand_kind *kind, const char *const *fields, bool on_paper)
{
	const char *const *required = demand_missing(arena, kind->required, fields);
	const char *const *enclosures = demand_missing(arena, kind->enclosures, fields);
	const char **lacks = arena_alloc(arena, (count_words(required) + count_words(enclosures) + 1) * sizeof(*lacks));
	size_t n = 0;

	for (; *required; required++)
		if (!on_paper || !demand_on_letterhead(*required))
			lacks[n++] = *required;
	for (; !on_paper && *enclosures; enclosures++)
		lacks[n++] = *enclosures;
	return lacks;
}

static void write_words(struct json_writer *w, const char *const *words)
{
	for (; *words; words++)
		jw_str(w, NULL, *words);
}

int demand_answer(struct arena *arena, const struct demands *demands, const struct json *given, struct json_writer *w, struct err *err)
{
	const char *const *fields, *const *missing;
	const struct demand_kind *kind;
	const char *name;
	int r;

	if ((r = json_get_str(given, "notice", 80, &name, err)) < 0 || (r = read_words(arena, given, "fields", &fields, err)) < 0)
		return r;
	kind = demand_kind(demands, name);
	if (!kind)
		return json_refuse(given, "notice", err, "not_one_of", "no such notice in the law data");
	missing = demand_lacks(arena, kind, fields, false);
	jw_array(w, "missing");
	write_words(w, missing);
	jw_end_array(w);
	jw_bool(w, "sendable", !*missing);
	jw_array(w, "recommended");
	write_words(w, demand_missing(arena, kind->recommended, fields));
	jw_end_array(w);
	jw_opt_int(w, "wait_days", kind->wait_days);
	jw_str(w, "law", kind->source);
	jw_str(w, "certainty", kind->certainty);
	return 0;
}
