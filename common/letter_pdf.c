/* Letters, drawn: twice, the first time to count the pages. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/letter.h"
#include "common/locale.h"
#include "common/press.h"
#include "common/utc.h"

#define FONTS "Liberation Sans, DejaVu Sans, sans-serif"
#define MM(n) ((n) * PRESS_MM)
#define INCH(n) ((n) * 72.0)
#define SIZE 9.5 /* of the text, in points */
#define SIZE_MIN 7.0
#define LEAD 6.0 /* between paragraphs */
#define CELL_SIZE 9.0
#define PAD 3.0 /* in the cells of a table */
#define WORDS_MIN 48.0 /* of a column of words beside long figures: "September" */
#define COLUMNS_MAX 6
#define ROWS_MAX 120 /* of one table: more invoices than one letter is about */

struct box {
	double x, y, width, height;
};

/*
 * Points from the top left corner. `window` is what the envelope shows of the sheet however it lies in it: the window of the standard, less
 * the play of the folded sheet. `info` is the block of references and date.
 */
struct form {
	double width, height, left, right, body, bottom;
	struct box head, window, info;
	bool folds; /* marks at the edge, for folding and punching */
};

static const struct form forms[LETTER_FORM_COUNT] = {
	/* DIN 5008 form B: address field 85 by 45 mm at 20, 45; its lower zone of 27.3 mm has the address. Marks at 105, 148.5 and 210. */
	[LETTER_DIN] = { MM(210), MM(297), MM(25), MM(20), MM(98.5), MM(272), { MM(25), MM(13), MM(165), MM(26) },
		{ MM(25), MM(62.7), MM(78), MM(27.3) }, { MM(125), MM(50), MM(65), MM(40) }, true },
	/* Window of 100 by 45 mm, 20 mm from the right and the bottom of a DL envelope, folded sheet of 210 by 99: 10 and 11 mm of play. */
	[LETTER_FRENCH] = { MM(210), MM(297), MM(22), MM(20), MM(100), MM(272), { MM(22), MM(14), MM(76), MM(62) },
		{ MM(105), MM(47), MM(84), MM(31) }, { MM(105), MM(84), MM(85), MM(14) }, false },
	[LETTER_BRITISH] = { MM(210), MM(297), MM(22), MM(20), MM(96), MM(272), { MM(22), MM(13), MM(168), MM(30) },
		{ MM(22), MM(57.5), MM(77), MM(23) }, { MM(125), MM(50), MM(65), MM(40) }, false },
	/* Window of 4.5 by 1.125 in, 0.875 from the left, 0.5 from the bottom of 9.5 by 4.125; folded sheet of 8.5 by 3.667. */
	[LETTER_US] = { INCH(8.5), INCH(11), INCH(0.95), INCH(0.9), INCH(3.75), INCH(10.15), { INCH(0.95), INCH(0.5), INCH(6.6), INCH(1.4) },
		{ INCH(0.95), INCH(2.5), INCH(3.35), INCH(0.66) }, { INCH(5), INCH(2.3), INCH(2.6), INCH(1.3) }, false },
};

struct sheet {
	const struct letter *letter;
	const struct letter_words *words;
	const struct form *form;
	struct arena *arena;
	cairo_surface_t *surface; /* of the page under the pen */
	cairo_t *cairo;
	PangoContext *context;
	double y;
	int page, pages; /* pages: 0 while they are being counted */
	int wanted; /* the only page that is drawn; 0 = all */
	const char *cut; /* what a box of the first page could not hold, in full; "" = nothing */
};

static double text_width(const struct sheet *s)
{
	return s->form->width - s->form->left - s->form->right;
}

static PangoLayout *layout(struct sheet *s, const char *text, double size, bool bold, double width, bool right)
{
	const struct press_style style = { FONTS, size, bold, right };

	return press_layout(s->context, text, &style, width);
}

static void show(struct sheet *s, PangoLayout *l, double x, double y)
{
	cairo.move_to(s->cairo, x, y);
	pango.cairo_show_layout(s->cairo, l);
	pango.object_unref(l);
}

/* `lines`: at most so many for each paragraph, with an ellipsis at its end; 0 = all that it takes. */
static PangoLayout *box_layout(struct sheet *s, const char *text, double size, double width, bool bold_first, int lines)
{
	PangoLayout *l = layout(s, text, size, false, width, false);

	if (bold_first) {
		PangoAttrList *attrs = pango.attr_list_copy(pango.layout_get_attributes(l));
		PangoAttribute *bold = pango.attr_weight_new(PANGO_WEIGHT_BOLD);

		bold->start_index = 0;
		bold->end_index = (guint)strcspn(text, "\n");
		pango.attr_list_insert(attrs, bold);
		pango.layout_set_attributes(l, attrs);
		pango.attr_list_unref(attrs);
	}
	if (lines) {
		pango.layout_set_height(l, -lines);
		pango.layout_set_ellipsize(l, PANGO_ELLIPSIZE_END);
	}
	return l;
}

/*
 * What must not leave its box: smaller letters first, down to the least that letter sorting reads well, then fewer lines. True: something
 * is left out.
 */
static bool draw_box(struct sheet *s, const char *text, const struct box *box, double size, bool bold_first)
{
	PangoLayout *l = box_layout(s, text, size, box->width, bold_first, 0);
	bool cut;

	while (press_height(l) > box->height && size > SIZE_MIN) {
		size = size - 0.5 > SIZE_MIN ? size - 0.5 : SIZE_MIN;
		pango.object_unref(l);
		l = box_layout(s, text, size, box->width, bold_first, 0);
	}
	for (int lines = 4; lines >= 1 && press_height(l) > box->height; lines--) {
		pango.object_unref(l);
		l = box_layout(s, text, size, box->width, bold_first, lines);
	}
	while (press_height(l) > box->height && size > SIZE_MIN - 1) { /* six lines of an address in a window for five */
		size -= 0.25;
		pango.object_unref(l);
		l = box_layout(s, text, size, box->width, bold_first, 1);
	}
	cut = pango.layout_is_ellipsized(l);
	show(s, l, box->x, box->y);
	return cut;
}

/* Nothing of it is lost: what does not fit stands above the subject as well. */
static void draw_whole(struct sheet *s, const char *text, const struct box *box, double size, bool bold_first)
{
	if (draw_box(s, text, box, size, bold_first))
		s->cut = arena_printf(s->arena, "%s%s%s", s->cut, *s->cut ? "\n" : "", text);
}

/* --- the frame ------------------------------------------------------------------------------------------------------ */

static void add(struct buf *out, const char *between, const char *text)
{
	if (!text || !*text)
		return;
	buf_add_str(out, out->len ? between : "");
	buf_add_str(out, text);
}

static const char *creditor_place(struct sheet *s, const char *between)
{
	const struct letter *l = s->letter;
	CLEANUP(buf_clear) struct buf out = { 0 };
	const char *lines[LETTER_LINES_MAX + 1];
	size_t n;

	if (!l->from.line1 || !*l->from.line1 || !l->from.city)
		return l->creditor->address ? l->creditor->address : "";
	n = letter_place(&l->from, lines, 0, s->arena);
	for (size_t i = 0; i < n; i++)
		add(&out, between, lines[i]);
	return out.len ? arena_memdup(s->arena, out.data, out.len) : "";
}

static void draw_head(struct sheet *s)
{
	const struct creditor *c = s->letter->creditor;
	CLEANUP(buf_clear) struct buf text = { 0 };

	add(&text, "\n", c->name);
	add(&text, "\n", creditor_place(s, s->form == &forms[LETTER_FRENCH] ? "\n" : ", "));
	add(&text, "\n", c->legal_id);
	add(&text, "\n", c->phone);
	add(&text, "\n", c->email);
	add(&text, "\n", c->url);
	draw_whole(s, buf_str(&text), &s->form->head, 10.5, true);
}

/* Above the address, where the form has room for it: who sends it back to whom, and how it goes. */
static void draw_postage(struct sheet *s)
{
	const struct box *window = &s->form->window;
	const char *how = s->letter->delivery == LETTER_E_REGISTERED ? s->words->electronic :
			  s->letter->delivery == LETTER_REGISTERED   ? s->words->registered :
								       NULL;
	struct box above = { window->x, window->y - MM(7), window->width, MM(6) };

	if (s->letter->form == LETTER_DIN) {
		const char *back = arena_printf(s->arena, "%s, %s", s->letter->creditor->name, creditor_place(s, ", "));
		struct box line = { window->x, MM(46), window->width, MM(4) };

		(void)draw_box(s, back, &line, 7, false);
		press_rule(s->cairo, window->x, MM(50), window->width, 0.5);
	}
	if (how)
		(void)draw_box(s, how, &above, 8.5, true);
}

static void draw_window(struct sheet *s)
{
	const char **lines = letter_address(s->letter, s->letter->creditor->locale, s->arena);
	CLEANUP(buf_clear) struct buf text = { 0 };

	for (; *lines; lines++)
		add(&text, "\n", *lines);
	draw_whole(s, buf_str(&text), &s->form->window, 10, false);
}

static const char *date_text(struct sheet *s)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	const char *city = s->letter->from.city;

	if (s->letter->form == LETTER_FRENCH && strncmp(s->letter->locale, "fr", 2) == 0 && city && *city)
		buf_printf(&out, "%s, le ", city);
	if (locale_date(s->letter->locale, s->letter->written_on, &out) < 0)
		return "";
	return arena_memdup(s->arena, out.data, out.len);
}

/* French sets a colon off, in whatever envelope. */
static const char *labelled(struct sheet *s, const char *label, const char *text)
{
	return arena_printf(s->arena, "%s%s%s", label, strncmp(s->letter->locale, "fr", 2) == 0 ? "\u00a0: " : ": ", text);
}

static void draw_info(struct sheet *s)
{
	const struct letter *l = s->letter;
	CLEANUP(buf_clear) struct buf text = { 0 };

	if (l->form == LETTER_FRENCH) {
		add(&text, "\n", date_text(s));
		draw_whole(s, buf_str(&text), &s->form->info, SIZE, false);
		return;
	}
	add(&text, "\n", l->form == LETTER_DIN ? labelled(s, s->words->date, date_text(s)) : date_text(s));
	if (l->reference)
		add(&text, "\n", labelled(s, s->words->reference, l->reference));
	if (l->sender && l->sender->name)
		add(&text, "\n", labelled(s, s->words->contact, l->sender->name));
	add(&text, "\n", l->sender ? l->sender->phone : NULL);
	add(&text, "\n", l->sender ? l->sender->email : NULL);
	draw_whole(s, buf_str(&text), &s->form->info, 9, false);
}

/* The French form has its references above the subject, at the left. */
static void draw_references(struct sheet *s)
{
	const struct letter *l = s->letter;
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct box box = { s->form->left, s->form->info.y, s->form->info.x - s->form->left - MM(4), s->form->info.height };

	if (l->form != LETTER_FRENCH)
		return;
	if (l->reference)
		add(&text, "\n", labelled(s, s->words->reference, l->reference));
	if (l->sender && l->sender->name)
		add(&text, "\n", arena_printf(s->arena, "%s%s%s", labelled(s, s->words->contact, l->sender->name), l->sender->phone ? ", " : "",
			l->sender->phone ? l->sender->phone : ""));
	draw_whole(s, buf_str(&text), &box, 8.5, false);
}

static void draw_marks(struct sheet *s)
{
	static const double marks[] = { MM(105), MM(148.5), MM(210) };

	for (size_t i = 0; s->form->folds && i < ARRAY_LEN(marks); i++)
		press_rule(s->cairo, MM(4), marks[i], MM(i == 1 ? 6 : 4), 0.5);
}

static void draw_foot(struct sheet *s)
{
	const struct creditor *c = s->letter->creditor;
	CLEANUP(buf_clear) struct buf text = { 0 };
	double y = s->form->bottom + MM(5), width = text_width(s), place = MM(22);
	struct box box = { s->form->left, y + 3, width - place - MM(2), s->form->height - y - MM(6) };
	char number[64];

	add(&text, " · ", c->name);
	add(&text, " · ", c->legal_id);
	add(&text, " · ", c->bank);
	add(&text, "\n", s->letter->attempt);
	if (s->letter->checkpoint)
		add(&text, "\n", labelled(s, s->words->trail, s->letter->checkpoint));
	press_rule(s->cairo, s->form->left, y, width, 0.6);
	(void)draw_box(s, buf_str(&text), &box, 7, false);
	(void)snprintf(number, sizeof(number), "%s %d / %d", s->words->page, s->page, s->pages ? s->pages : 1);
	show(s, layout(s, number, 8, false, place, true), s->form->left + width - place, y + 3);
}

/* --- pages ---------------------------------------------------------------------------------------------------------- */

static void end_page(struct sheet *s)
{
	draw_foot(s);
	if (!s->wanted)
		cairo.show_page(s->cairo);
	else if (s->page == s->wanted)
		cairo.surface_flush(s->surface);
}

/* Of a picture only the wanted page is drawn: the pen of the others is held over nothing. */
static void aim(struct sheet *s)
{
	if (!s->wanted)
		return;
	cairo.reset_clip(s->cairo);
	if (s->page != s->wanted) {
		cairo.rectangle(s->cairo, 0, 0, 0, 0);
		cairo.clip(s->cairo);
	}
}

static void new_page(struct sheet *s)
{
	struct box head = { s->form->left, MM(14), text_width(s), MM(8) };
	CLEANUP(buf_clear) struct buf text = { 0 };

	end_page(s);
	s->page++;
	aim(s);
	add(&text, " · ", s->letter->to_name);
	add(&text, " · ", s->letter->reference);
	add(&text, " · ", date_text(s));
	(void)draw_box(s, buf_str(&text), &head, 8, false);
	s->y = MM(28);
}

static void need(struct sheet *s, double height)
{
	if (s->y + height > s->form->bottom && s->y > MM(28))
		new_page(s);
}

/* --- the text ------------------------------------------------------------------------------------------------------- */

static void draw_text(struct sheet *s, const char *text, double size, bool bold, double indent)
{
	PangoLayout *l = layout(s, text, size, bold, text_width(s) - indent, false);
	int at = 0, count = pango.layout_get_line_count(l);

	need(s, count <= 3 ? press_height(l) : 2.5 * size); /* a short paragraph stays together */
	while (at < count) {
		double used;

		at = press_lines(s->cairo, l, s->form->left + indent, s->y, s->form->bottom, at, &used);
		s->y += used;
		if (at < count)
			new_page(s);
	}
	pango.object_unref(l);
}

struct table {
	char *cells[ROWS_MAX][COLUMNS_MAX];
	size_t rows, columns;
	double widths[COLUMNS_MAX]; /* with what is between them */
	bool right[COLUMNS_MAX];
};

static char *trimmed(char *text)
{
	size_t len = strlen(text);

	while (len && (text[len - 1] == ' ' || text[len - 1] == '\t'))
		text[--len] = '\0';
	return text + strspn(text, " \t");
}

/* "| a | b |": the first row says how many columns there are; what is too much of another stays in its last one. */
static void add_row(struct table *t, char *line)
{
	size_t n = 0, most = t->rows ? t->columns : COLUMNS_MAX;
	char *end;

	if (t->rows == ROWS_MAX)
		return;
	line = trimmed(line) + 1;
	end = line + strlen(line);
	if (end > line && end[-1] == '|')
		*--end = '\0';
	while (n < most) {
		char *bar = n + 1 < most ? strchr(line, '|') : NULL;

		if (bar)
			*bar = '\0';
		t->cells[t->rows][n++] = trimmed(line);
		if (!bar)
			break;
		line = bar + 1;
	}
	if (!t->rows)
		t->columns = n;
	for (; n < t->columns; n++)
		t->cells[t->rows][n] = t->cells[t->rows][0] + strlen(t->cells[t->rows][0]);
	t->rows++;
}

/*
 * Where they need more than there is, those that need most give way, alike: from the share that each would have, up, as long as others leave some
 * of theirs. Figures do so only where words would have no room at all: a long number can be broken, an amount in two lines reads as two.
 */
static void give_way(struct table *t, double width)
{
	double words = width, limit, left;
	size_t count = 0, wide;
	bool stands[COLUMNS_MAX];

	for (size_t c = 0; c < t->columns; c++) {
		words -= t->right[c] ? t->widths[c] : 0;
		count += !t->right[c];
	}
	for (size_t c = 0; c < t->columns; c++)
		stands[c] = t->right[c] && words >= (double)count * WORDS_MIN;
	for (limit = 0;;) {
		left = width;
		wide = 0;
		for (size_t c = 0; c < t->columns; c++) {
			bool gives = !stands[c] && t->widths[c] > limit;

			left -= gives ? 0 : t->widths[c];
			wide += gives;
		}
		if (!wide || left / (double)wide <= limit + 0.01)
			break;
		limit = left / (double)wide;
	}
	for (size_t c = 0; c < t->columns; c++)
		t->widths[c] = stands[c] || t->widths[c] < limit ? t->widths[c] : limit;
}

/* A head that ends in ':' stands over figures. Columns are as wide as they need, and share what is left. */
static void measure(struct sheet *s, struct table *t)
{
	double sum = 0, share;

	for (size_t c = 0; c < t->columns; c++) {
		char *head = t->cells[0][c];
		size_t len = strlen(head);

		t->right[c] = len && head[len - 1] == ':';
		if (t->right[c])
			head[len - 1] = '\0';
		for (size_t r = 0; r < t->rows; r++) {
			PangoLayout *l = layout(s, t->cells[r][c], CELL_SIZE, r == 0, text_width(s), false);
			int width;

			pango.layout_get_size(l, &width, NULL);
			pango.object_unref(l);
			t->widths[c] = (double)width / PANGO_SCALE > t->widths[c] ? (double)width / PANGO_SCALE : t->widths[c];
		}
		t->widths[c] += 2 * PAD + 1;
		sum += t->widths[c];
	}
	share = (text_width(s) - sum) / (double)t->columns;
	if (share < 0)
		give_way(t, text_width(s));
	for (size_t c = 0; c < t->columns; c++)
		t->widths[c] += share > 0 ? share : 0;
}

static double row_layouts(struct sheet *s, const struct table *t, size_t r, PangoLayout *ret[COLUMNS_MAX])
{
	double height = 0;

	for (size_t c = 0; c < t->columns; c++) {
		ret[c] = layout(s, t->cells[r][c], CELL_SIZE, r == 0, t->widths[c] - 2 * PAD, t->right[c]);
		height = press_height(ret[c]) > height ? press_height(ret[c]) : height;
	}
	return height + 2 * PAD;
}

static void draw_row(struct sheet *s, const struct table *t, size_t r)
{
	PangoLayout *cells[COLUMNS_MAX];
	double height = row_layouts(s, t, r, cells), x = s->form->left;
	int before = s->page;

	need(s, height + (r == 0 ? 24 : 0));
	if (r > 0 && s->page != before)
		draw_row(s, t, 0); /* its heads stand on each page that it takes */
	if (r == 0) {
		cairo.set_source_rgb(s->cairo, 0.93, 0.93, 0.93);
		cairo.rectangle(s->cairo, s->form->left, s->y, text_width(s), height);
		cairo.fill(s->cairo);
		cairo.set_source_rgb(s->cairo, 0, 0, 0);
	}
	for (size_t c = 0; c < t->columns; x += t->widths[c++])
		show(s, cells[c], x + PAD, s->y + PAD);
	s->y += height;
	press_rule(s->cairo, s->form->left, s->y, text_width(s), 0.75);
}

static bool is_item(const char *line)
{
	return line[0] == '-' && line[1] == ' ';
}

/* The lines up to the next block: an empty line ends one, so does another kind of line. */
static char *take_block(char **at)
{
	char *block = *at, *end = block;
	bool row = *block == '|', item = is_item(block);

	for (;;) {
		end += strcspn(end, "\n");
		if (!*end || end[1] == '\n' || (end[1] == '|') != row || is_item(end + 1) || (row && item))
			break;
		end++;
	}
	*at = *end ? end + 1 : end;
	*end = '\0';
	return block;
}

static void draw_table(struct sheet *s, char *block)
{
	struct table *t = arena_alloc(s->arena, sizeof(*t));

	for (char *line = block, *next; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		add_row(t, line);
	}
	measure(s, t);
	for (size_t r = 0; r < t->rows; r++)
		draw_row(s, t, r);
	s->y += LEAD;
}

static void draw_body(struct sheet *s)
{
	char *at = arena_strdup(s->arena, s->letter->body);

	while (*(at += strspn(at, "\n"))) {
		char *block = take_block(&at);

		if (*block == '|') {
			draw_table(s, block);
		} else if (is_item(block)) {
			need(s, 1.5 * SIZE);
			show(s, layout(s, "–", SIZE, false, 12, false), s->form->left + 2, s->y);
			draw_text(s, block + 2, SIZE, false, 14);
			s->y += is_item(at) ? LEAD / 2 : LEAD;
		} else {
			draw_text(s, block, SIZE, false, 0);
			s->y += LEAD;
		}
	}
}

static int draw(struct sheet *s)
{
	s->page = 1;
	s->cut = "";
	aim(s);
	draw_head(s);
	draw_postage(s);
	draw_window(s);
	draw_info(s);
	draw_references(s);
	draw_marks(s);
	s->y = s->form->body;
	if (*s->cut) {
		draw_text(s, s->cut, 8, false, 0);
		s->y += LEAD;
	}
	draw_text(s, arena_printf(s->arena, "%s%s", s->words->subject, s->letter->subject), 10.5, true, 0);
	s->y += 2 * LEAD;
	draw_body(s);
	end_page(s);
	return s->page;
}

static cairo_status_t take(void *arg, const unsigned char *data, unsigned int len)
{
	if (arg)
		buf_add(arg, data, len);
	return CAIRO_STATUS_SUCCESS;
}

static void begin(struct sheet *s, cairo_surface_t *surface)
{
	s->surface = surface;
	s->cairo = cairo.create(surface);
	s->context = pango.cairo_create_context(s->cairo);
	pango.context_set_language(s->context, pango.language_from_string(s->letter->locale));
}

static void end(struct sheet *s)
{
	pango.object_unref(s->context);
	cairo.destroy(s->cairo);
}

/* One pass; returns how many pages it took. */
static int print(struct sheet *s, struct buf *out)
{
	cairo_surface_t *surface = cairo.pdf_surface_create_for_stream(take, out, s->form->width, s->form->height);
	char made[UTC_TEXT_SIZE];
	bool failed;
	int pages;

	cairo.pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_TITLE, s->letter->subject);
	cairo.pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_AUTHOR, s->letter->creditor->name);
	cairo.pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATOR, "dunningd");
	cairo.pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE, /* else it would be the clock's */
		utc_format((int64_t)s->letter->written_on.days * DAY_MS, made));
	begin(s, surface);
	pages = draw(s);
	end(s);
	cairo.surface_finish(surface);
	failed = cairo.surface_status(surface) != CAIRO_STATUS_SUCCESS;
	cairo.surface_destroy(surface);
	return failed ? -EIO : pages;
}

static int check(const struct letter *l, struct err *err)
{
	if (!l->to_name || !*l->to_name || (!l->enclosed && (!l->to.line1 || !l->to.city || !l->to.country)))
		return err_set(err, -EBADMSG, "bad_address", "", "a letter needs a name, a first line, a city and a country of two letters");
	if (!l->subject || !l->body || !date_is_set(l->written_on))
		return err_set(err, -EBADMSG, "incomplete", "", "a letter needs a date, a subject and a text");
	return press_load(err);
}

static struct sheet sheet_of(const struct letter *letter, struct arena *arena)
{
	return (struct sheet){ .letter = letter, .words = letter_words(letter->locale), .form = &forms[letter->form], .arena = arena };
}

int letter_pdf(const struct letter *letter, struct buf *out, struct err *err)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct sheet s = sheet_of(letter, arena);
	int r = check(letter, err);

	if (r < 0)
		return r;
	s.pages = print(&s, NULL);
	r = s.pages < 0 ? s.pages : print(&s, out);
	return r < 0 ? err_set(err, r, "no_pdf", "", "the letter cannot be drawn") : 0;
}

int letter_picture(const struct letter *letter, int page, unsigned width, struct buf *out, struct err *err)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct sheet s = sheet_of(letter, arena);
	double scale = width / s.form->width;
	cairo_surface_t *surface;
	int r = check(letter, err);

	if (r < 0)
		return r;
	s.pages = print(&s, NULL);
	if (page < 1 || page > s.pages)
		return err_set(err, -ENOENT, "no_page", "", "the letter has %d pages", s.pages);
	s.wanted = page;
	surface = cairo.image_surface_create(CAIRO_FORMAT_RGB24, (int)width, (int)(s.form->height * scale));
	begin(&s, surface);
	cairo.set_source_rgb(s.cairo, 1, 1, 1);
	cairo.paint(s.cairo);
	cairo.set_source_rgb(s.cairo, 0, 0, 0);
	cairo.scale(s.cairo, scale, scale);
	pango.cairo_update_context(s.cairo, s.context);
	(void)draw(&s);
	end(&s);
	r = cairo.surface_write_to_png_stream(surface, take, out) == CAIRO_STATUS_SUCCESS ? 0 : -EIO;
	cairo.surface_destroy(surface);
	return r < 0 ? err_set(err, r, "no_picture", "", "the letter cannot be drawn") : 0;
}

void letter_warm_up(void)
{
	static const struct creditor nobody = { .name = "-" };
	static const struct letter letter = { .locale = "en", .creditor = &nobody, .to_name = "-", .to = { .line1 = "-", .city = "-", .country = "FR" },
		.written_on = { 20000 }, .subject = "-", .body = "-" };
	CLEANUP(buf_clear) struct buf pdf = { 0 };

	(void)letter_pdf(&letter, &pdf, NULL); /* what is wrong with the fonts is told by the letter that needs them */
}
