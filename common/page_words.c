/* The files behind the page: its frame, its style, and the words of each language, each of them a template of its own. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/file.h"
#include "common/locale.h"
#include "common/page_internal.h"

#define FILE_MAX 131072
#define LANGUAGES_MAX 64

struct word {
	char *name; /* "paid.title" */
	struct template *template;
};

struct language {
	char *name; /* "fr" */
	struct word *words; /* by name */
	size_t count;
};

struct page_texts {
	struct template *frame;
	struct buf style;
	struct language languages[LANGUAGES_MAX];
	size_t count;
};

static int compare_words(const void *a, const void *b)
{
	return strcmp(((const struct word *)a)->name, ((const struct word *)b)->name);
}

/* What set_facts() of page_view.c gives: one that is not among them would only be found when somebody looks. */
static const char *const facts[] = { "creditor", "number", "balance", "due_on", "amount", "count", "first", "last", "said_on", "until",
	"channel", NULL };

static int check_names(const struct json *section, const char *key, const struct template *template, struct err *err)
{
	struct template_use use;

	for (size_t i = 0; template_next(template, &i, &use);) {
		size_t f = 0;

		while (facts[f] && strcmp(facts[f], use.name) != 0)
			f++;
		if (!facts[f] || use.kind == TEMPLATE_PARTIAL)
			return json_refuse(section, key, err, "unknown_variable", "\"%s\" must be one of creditor, number, balance, due_on, amount, count, "
				"first, last, said_on, until, channel", use.name);
	}
	return 0;
}

static int read_section(const struct json *section, const char *name, struct language *language, size_t *capacity, struct err *err)
{
	const char *key;
	struct json value;

	for (size_t i = 0; json_member(section, &i, &key, &value);) {
		struct template *template = NULL;
		int r;

		if (value.type != JSON_STRING)
			return json_refuse(section, key, err, "wrong_type", "must be a text");
		r = template_parse(json_str(&value), strlen(json_str(&value)), &template, err);
		if (r < 0)
			return r;
		if ((r = check_names(section, key, template, err)) < 0) {
			template_free(template);
			return r;
		}
		xgrow(&language->words, capacity, language->count + 1, sizeof(*language->words));
		language->words[language->count].name = xmalloc(strlen(name) + strlen(key) + 2);
		strcpy(stpcpy(stpcpy(language->words[language->count].name, name), "."), key);
		language->words[language->count++].template = template;
	}
	return 0;
}

static int read_language(const char *text, size_t len, struct language *language, struct err *err)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	size_t capacity = 0;
	struct json root, section;
	const char *name;
	int r = json_parse(arena, text, len, JSON_COMMENTS, &root, err);

	if (r == 0 && root.type != JSON_OBJECT)
		r = json_refuse(&root, NULL, err, "wrong_type", "must be an object of sections");
	for (size_t i = 0; r == 0 && json_member(&root, &i, &name, &section);)
		r = section.type == JSON_OBJECT ? read_section(&section, name, language, &capacity, err) :
						  json_refuse(&root, name, err, "wrong_type", "must be an object of texts");
	if (language->count)
		qsort(language->words, language->count, sizeof(*language->words), compare_words);
	return r;
}

static const struct word *find(const struct language *language, const char *name)
{
	struct word key = { .name = (char *)(uintptr_t)name };

	return language->count ? bsearch(&key, language->words, language->count, sizeof(key), compare_words) : NULL;
}

static int refuse(const char *path, int r, const struct err *inner, struct err *err)
{
	return err_set(err, r, inner->code[0] ? inner->code : "bad_file", inner->path, "%s: %s%s%s", path, inner->path, inner->path[0] ? " " : "",
		inner->text[0] ? inner->text : strerror(-r));
}

/* Each says all that English says: a page half in another language is none. */
static int check_words(const struct page_texts *texts, struct err *err)
{
	const struct language *english = page_language(texts, "en");

	if (!english)
		return err_set(err, -ENOENT, "missing", "", "the page must have en.json");
	for (size_t l = 0; l < texts->count; l++) {
		const struct language *one = &texts->languages[l];

		for (size_t i = 0; i < english->count; i++)
			if (!find(one, english->words[i].name))
				return err_set(err, -EBADMSG, "missing", "", "the page's %s.json must have %s, as en.json has", one->name, english->words[i].name);
		for (size_t i = 0; i < one->count; i++)
			if (!find(english, one->words[i].name))
				return err_set(err, -EBADMSG, "unknown_member", "", "the page's %s.json: nothing asks for %s", one->name, one->words[i].name);
	}
	return 0;
}

/* Of the user's folder, or else the shipped one. *path is where it was looked for last. */
static int read_one(struct arena *arena, const char *shipped, const char *own, const char *name, struct buf *ret, const char **path, struct err *err)
{
	int r = -ENOENT;

	if (own) {
		*path = arena_printf(arena, "%s/%s", own, name);
		r = file_read(*path, FILE_MAX, ret, NULL);
	}
	if (r != -ENOENT)
		return r < 0 ? err_set(err, r, "unreadable", "", "%s: %s", *path, strerror(-r)) : 0;
	*path = arena_printf(arena, "%s/%s", shipped, name);
	return file_read(*path, FILE_MAX, ret, err);
}

static int add_language(struct page_texts *texts, struct arena *arena, const char *shipped, const char *own, const char *file, struct err *err)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct language *language;
	struct err inner = { 0 };
	const char *path;
	int r;

	for (size_t l = 0; l < texts->count; l++)
		if (strncmp(texts->languages[l].name, file, strlen(file) - 5) == 0 && !texts->languages[l].name[strlen(file) - 5])
			return 0; /* of both folders */
	if (texts->count == LANGUAGES_MAX)
		return err_set(err, -E2BIG, "too_many", "", "the page has at most %d languages", LANGUAGES_MAX);
	language = &texts->languages[texts->count++];
	language->name = xstrdup(file);
	language->name[strlen(file) - 5] = '\0';
	if ((r = read_one(arena, shipped, own, file, &text, &path, err)) < 0)
		return r;
	r = read_language(buf_str(&text), text.len, language, &inner);
	return r < 0 ? refuse(path, r, &inner, err) : 0;
}

int page_texts_load(const char *share_dir, const char *own, struct page_texts **ret, struct err *err)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(page_texts_freep) struct page_texts *texts = xcalloc(1, sizeof(*texts));
	CLEANUP(buf_clear) struct buf frame = { 0 };
	const char *shipped = arena_printf(arena, "%s/page", share_dir), *path, *dirs[] = { shipped, own };
	struct err inner = { 0 };
	int r;

	if ((r = read_one(arena, shipped, own, "page.css", &texts->style, &path, err)) < 0 ||
		(r = read_one(arena, shipped, own, "page.html", &frame, &path, err)) < 0)
		return r;
	if ((r = template_parse(buf_str(&frame), frame.len, &texts->frame, &inner)) < 0)
		return refuse(path, r, &inner, err);
	for (size_t d = 0; d < ARRAY_LEN(dirs) && dirs[d]; d++) {
		char **names;
		size_t count;

		if ((r = file_list(arena, dirs[d], ".json", &names, &count)) < 0)
			return err_set(err, r, "unreadable", d ? "$.page.dir" : "", "%s: %s", dirs[d], strerror(-r));
		for (size_t i = 0; i < count; i++)
			if ((r = add_language(texts, arena, shipped, own, names[i], err)) < 0)
				return r;
	}
	if ((r = check_words(texts, err)) < 0)
		return r;
	*ret = TAKE(texts);
	return 0;
}

void page_texts_free(struct page_texts *texts)
{
	if (!texts)
		return;
	for (size_t l = 0; l < texts->count; l++) {
		struct language *one = &texts->languages[l];

		for (size_t i = 0; i < one->count; i++) {
			template_free(one->words[i].template);
			free(one->words[i].name);
		}
		free(one->words);
		free(one->name);
	}
	template_free(texts->frame);
	buf_clear(&texts->style);
	free(texts);
}

const struct buf *page_texts_style(const struct page_texts *texts)
{
	return &texts->style;
}

const struct template *page_frame(const struct page_texts *texts)
{
	return texts->frame;
}

const struct language *page_language(const struct page_texts *texts, const char *tag)
{
	char chain[4][24];
	size_t n = locale_chain(tag, chain);

	for (size_t i = 0; i < n; i++)
		for (size_t l = 0; l < texts->count; l++)
			if (strcmp(texts->languages[l].name, chain[i]) == 0)
				return &texts->languages[l];
	return NULL;
}

const struct language *page_language_at(const struct page_texts *texts, size_t i)
{
	return i < texts->count ? &texts->languages[i] : NULL;
}

const char *page_texts_prefer(const struct page_texts *texts, const char *accepted)
{
	for (const char *at = accepted + strspn(accepted, " "); *at; at += strspn(at, ", ")) {
		size_t len = strcspn(at, "-;, ");

		for (size_t l = 0; l < texts->count; l++)
			if (strlen(texts->languages[l].name) == len && strncasecmp(texts->languages[l].name, at, len) == 0)
				return texts->languages[l].name;
		at += strcspn(at, ",");
	}
	return NULL;
}

bool page_texts_speak(const struct page_texts *texts, const char *language)
{
	for (size_t l = 0; l < texts->count; l++)
		if (strcmp(texts->languages[l].name, language) == 0)
			return true;
	return false;
}

const char *page_language_name(const struct language *language)
{
	return language->name;
}

const struct template *page_word(const struct language *language, const char *name)
{
	const struct word *word = find(language, name);

	return word ? word->template : NULL;
}
