#include "tests/support/paper.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "tests/support/process.h"
#include "tests/support/world.h"

#define RUN_MS 60000
#define MM(points) ((points) * 25.4 / 72)
#define TOUCH 0.5 /* mm: boxes of words reach a little over their letters */

size_t paper_words(struct arena *arena, const char *pdf, struct paper_word **ret)
{
	const char *argv[] = { "pdftotext", "-bbox", pdf, "-", NULL };
	CLEANUP(buf_clear) struct buf out = { 0 };
	size_t count = 0, capacity = 0;
	int page = 0;

	*ret = NULL;
	if (process_run(argv, &out, RUN_MS) != 0)
		world_fail("pdftotext cannot read %s", pdf);
	for (const char *at = buf_str(&out); at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL) {
		struct paper_word w = { 0 };

		at += strspn(at, " ");
		if (strncmp(at, "<page ", 6) == 0)
			page++;
		if (sscanf(at, "<word xMin=\"%lf\" yMin=\"%lf\" xMax=\"%lf\" yMax=\"%lf\">%199[^<]", &w.x0, &w.y0, &w.x1, &w.y1, w.text) != 5)
			continue;
		w.page = page;
		w.x0 = MM(w.x0), w.y0 = MM(w.y0), w.x1 = MM(w.x1), w.y1 = MM(w.y1);
		*ret = arena_grow(arena, *ret, count, &capacity, sizeof(**ret));
		(*ret)[count++] = w;
	}
	return count;
}

/* No-break spaces, wide and narrow, are blanks too. */
static void add_letters(struct buf *out, const char *text)
{
	while (*text) {
		size_t blank = *text == ' ' ? 1 : strncmp(text, "\u00a0", 2) == 0 ? 2 : strncmp(text, "\u202f", 3) == 0 ? 3 : 0;

		if (!blank)
			buf_add_char(out, *text);
		text += blank ? blank : 1;
	}
}

/* Down the columns of a table: a number that is broken in its cell is whole there. */
static int by_column(const void *a, const void *b)
{
	const struct paper_word *x = *(const struct paper_word *const *)a, *y = *(const struct paper_word *const *)b;
	long left = (long)(x->x0 * 10 + 0.5) - (long)(y->x0 * 10 + 0.5); /* tenths of a mm */

	if (x->page != y->page || left)
		return x->page != y->page ? x->page - y->page : left < 0 ? -1 : 1;
	return x->y0 < y->y0 ? -1 : x->y0 > y->y0;
}

static bool says(const struct paper_word *const *words, size_t count, const struct buf *wanted)
{
	CLEANUP(buf_clear) struct buf all = { 0 };

	for (size_t i = 0; i < count; i++)
		add_letters(&all, words[i]->text);
	return strstr(buf_str(&all), buf_str(wanted)) != NULL;
}

bool paper_says(const struct paper_word *words, size_t count, const char *text)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf wanted = { 0 };
	const struct paper_word **order = arena_alloc(arena, (count + 1) * sizeof(*order));

	for (size_t i = 0; i < count; i++)
		order[i] = &words[i];
	add_letters(&wanted, text);
	if (says(order, count, &wanted))
		return true;
	qsort(order, count, sizeof(*order), by_column);
	return says(order, count, &wanted);
}

static int by_place(const void *a, const void *b)
{
	const struct paper_word *x = *(const struct paper_word *const *)a, *y = *(const struct paper_word *const *)b;

	return x->x0 < y->x0 ? -1 : x->x0 > y->x0;
}

static const struct paper_word *page_begin(const struct paper_word *words, const struct paper_word *one)
{
	while (one > words && one[-1].page == one->page)
		one--;
	return one;
}

/* What stands as high as this word, from left to right. */
static void read_line(const struct paper_word *words, size_t count, const struct paper_word *one, const struct paper_word **room, struct buf *ret)
{
	size_t n = 0;

	for (const struct paper_word *w = page_begin(words, one); w < words + count && w->page == one->page; w++)
		if (fabs(w->y1 - one->y1) < TOUCH)
			room[n++] = w;
	qsort(room, n, sizeof(*room), by_place);
	buf_reset(ret);
	for (size_t i = 0; i < n; i++)
		add_letters(ret, room[i]->text);
}

bool paper_says_in_a_line(const struct paper_word *words, size_t count, const char *text)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf line = { 0 }, wanted = { 0 };
	const struct paper_word **room = arena_alloc(arena, (count + 1) * sizeof(*room));

	add_letters(&wanted, text);
	for (size_t i = 0; i < count; i++) {
		read_line(words, count, &words[i], room, &line);
		if (strstr(buf_str(&line), buf_str(&wanted)))
			return true;
	}
	return false;
}

static bool over(const struct paper_word *a, const struct paper_word *b)
{
	return a->x0 + TOUCH < b->x1 && b->x0 + TOUCH < a->x1 && a->y0 + 2 * TOUCH < b->y1 && b->y0 + 2 * TOUCH < a->y1;
}

void paper_is_tidy(const struct paper_word *words, size_t count, const struct paper_sheet *sheet, const char *name)
{
	if (count < 20)
		world_fail("%s: only %zu words", name, count);
	for (size_t i = 0; i < count; i++) {
		const struct paper_word *w = &words[i];

		if (w->x0 < sheet->left - 0.3 || w->x1 > sheet->width - sheet->right + 0.3 || w->y0 < 8 || w->y1 > sheet->height - 4)
			world_fail("%s, page %d: \"%s\" at %.1f to %.1f, %.1f to %.1f mm", name, w->page, w->text, w->x0, w->x1, w->y0, w->y1);
		for (const struct paper_word *other = page_begin(words, w); other < w; other++)
			if (over(w, other))
				world_fail("%s, page %d: \"%s\" stands over \"%s\" at %.1f, %.1f mm", name, w->page, w->text, other->text, w->x0, w->y0);
	}
}

void paper_shot(const char *pdf, const char *folder, const char *name)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	if (folder && process_run((const char *const[]){ "pdftoppm", "-png", "-r", "60", pdf, arena_printf(arena, "%s/%s", folder, name), NULL }, NULL,
		RUN_MS) != 0)
		world_fail("pdftoppm cannot draw %s", pdf);
}
