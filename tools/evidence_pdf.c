#include "tools/evidence_pdf.h"

#include <errno.h>
#include <stdio.h>

#include "common/cleanup.h"
#include "common/press.h"
#include "common/utc.h"

/* In points, 1/72 inch: A4 of ISO 216. */
#define PAGE_WIDTH 595.276
#define PAGE_HEIGHT 841.89
#define MARGIN 56.0
#define TOP 56.0
#define BOTTOM 780.0
#define BODY_WIDTH (PAGE_WIDTH - 2 * MARGIN)
#define PAD 3.5
#define SIZE_MIN 5.0 /* of an amount: 10^14 in its narrowest column */
#define FONTS "Liberation Serif, DejaVu Serif, serif"

struct press {
	cairo_t *cairo;
	PangoContext *context;
	const struct report *report;
	double y;
	int page, pages; /* pages: 0 while they are being counted */
	const struct block *table; /* whose head stands on each page it takes */
};

static PangoLayout *layout(struct press *p, const char *text, double size, bool bold, double width, bool right)
{
	const struct press_style style = { FONTS, size, bold, right };

	return press_layout(p->context, text, &style, width);
}

static void rule(struct press *p, double x, double y, double width, double grey)
{
	press_rule(p->cairo, x, y, width, grey);
}

static void write_at(struct press *p, const char *text, double x, double y, double width, bool right)
{
	PangoLayout *l = layout(p, text, 8, false, width, right);

	pango.layout_set_ellipsize(l, PANGO_ELLIPSIZE_END);
	cairo.move_to(p->cairo, x, y);
	pango.cairo_show_layout(p->cairo, l);
	pango.object_unref(l);
}

static void footer(struct press *p)
{
	static const char *const page[REPORT_LANGUAGE_COUNT] = { [REPORT_FR] = "Page", [REPORT_EN] = "Page", [REPORT_DE] = "Seite" };
	char number[64];

	(void)snprintf(number, sizeof(number), "%s %d / %d", page[p->report->language], p->page, p->pages);
	rule(p, MARGIN, BOTTOM + 12, BODY_WIDTH, 0.6);
	write_at(p, p->report->footer, MARGIN, BOTTOM + 16, BODY_WIDTH - 80, false);
	write_at(p, number, MARGIN + BODY_WIDTH - 75, BOTTOM + 16, 75, true);
}

static void draw_row(struct press *p, const struct block *b, size_t r);

static void new_page(struct press *p)
{
	footer(p);
	cairo.show_page(p->cairo);
	p->page++;
	p->y = TOP;
	if (p->table) {
		const struct block *table = p->table;

		p->table = NULL; /* the head itself has no head */
		draw_row(p, table, 0);
		p->table = table;
	}
}

static void need(struct press *p, double height)
{
	if (p->y + height > BOTTOM && p->y > TOP)
		new_page(p);
}

static void draw_text(struct press *p, const char *text, double size, bool bold, double indent, double after)
{
	PangoLayout *l = layout(p, text, size, bold, BODY_WIDTH - indent, false);
	int at = 0, count = pango.layout_get_line_count(l);

	while (at < count) {
		double used;

		need(p, size * 1.5);
		at = press_lines(p->cairo, l, MARGIN + indent, p->y, BOTTOM, at, &used);
		if (indent > 0) { /* a bar beside what is quoted */
			cairo.set_source_rgb(p->cairo, 0.6, 0.6, 0.6);
			cairo.rectangle(p->cairo, MARGIN, p->y, 2, used);
			cairo.fill(p->cairo);
			cairo.set_source_rgb(p->cairo, 0, 0, 0);
		}
		p->y += used;
		if (at < count)
			new_page(p);
	}
	p->y += after;
	pango.object_unref(l);
}

static bool bold_cell(const struct block *b, size_t r, size_t c)
{
	return b->kind == BLOCK_FIELDS ? c == 0 : r == 0 || (b->total && r + 1 == b->rows);
}

/* An amount in two lines would read as two: it is written smaller. */
static PangoLayout *cell(struct press *p, const struct block *b, size_t r, size_t c)
{
	const char *text = b->cells[r * b->columns + c];
	double size = b->kind == BLOCK_TABLE ? 8.5 : 9, width = BODY_WIDTH * b->widths[c] / 100 - 2 * PAD;
	bool right = b->right >> c & 1;
	PangoLayout *ret = layout(p, text, size, bold_cell(b, r, c), width, right);

	while (right && r > 0 && size > SIZE_MIN && pango.layout_get_line_count(ret) > 1) {
		pango.object_unref(ret);
		size -= 0.5;
		ret = layout(p, text, size, bold_cell(b, r, c), width, right);
	}
	return ret;
}

/* A row stays together where it fits on one page; else it goes on on the next. */
static void draw_row(struct press *p, const struct block *b, size_t r)
{
	PangoLayout *cells[REPORT_COLUMNS_MAX];
	int from[REPORT_COLUMNS_MAX] = { 0 };
	double highest = 0;
	bool more;

	for (size_t c = 0; c < b->columns; c++) {
		cells[c] = cell(p, b, r, c);
		highest = press_height(cells[c]) > highest ? press_height(cells[c]) : highest;
	}
	if (highest + 2 * PAD < BOTTOM - TOP - 60)
		need(p, highest + 2 * PAD);
	do {
		double x = MARGIN, used = 0, one;

		more = false;
		if (b->kind == BLOCK_TABLE && r == 0) {
			cairo.set_source_rgb(p->cairo, 0.92, 0.92, 0.92);
			cairo.rectangle(p->cairo, MARGIN, p->y, BODY_WIDTH, highest + 2 * PAD);
			cairo.fill(p->cairo);
			cairo.set_source_rgb(p->cairo, 0, 0, 0);
		}
		for (size_t c = 0; c < b->columns; c++) {
			from[c] = press_lines(p->cairo, cells[c], x + PAD, p->y + PAD, BOTTOM - PAD, from[c], &one);
			more |= from[c] < pango.layout_get_line_count(cells[c]);
			used = one > used ? one : used;
			x += BODY_WIDTH * b->widths[c] / 100;
		}
		p->y += used + 2 * PAD;
		rule(p, MARGIN, p->y, BODY_WIDTH, b->total && r + 2 == b->rows ? 0.1 : 0.75);
		if (more)
			new_page(p);
	} while (more);
	for (size_t c = 0; c < b->columns; c++)
		pango.object_unref(cells[c]);
}

static double row_height(struct press *p, const struct block *b, size_t r)
{
	double ret = 0;

	for (size_t c = 0; c < b->columns; c++) {
		PangoLayout *l = cell(p, b, r, c);

		ret = press_height(l) > ret ? press_height(l) : ret;
		pango.object_unref(l);
	}
	return ret + 2 * PAD;
}

/* How much of it must stand on the page where it begins: of a table its head and a row, of fields all, of text some lines. */
static double beginning(struct press *p, const struct block *b)
{
	size_t rows = b->kind == BLOCK_FIELDS ? b->rows : b->kind == BLOCK_TABLE ? 2 : 0;
	double ret = 0;

	for (size_t r = 0; r < rows && r < b->rows; r++)
		ret += row_height(p, b, r);
	ret = ret > 0 ? ret : 40;
	return ret < (BOTTOM - TOP) / 2 ? ret : 60;
}

/* A heading never stands alone at the foot of a page, nor with a note alone. */
static double with_next(struct press *p, const struct block *b)
{
	const struct block *end = p->report->blocks + p->report->count;
	double ret = 40;

	for (b++; b < end; b++) {
		ret += beginning(p, b);
		if (b->kind != BLOCK_NOTE)
			break;
	}
	return ret;
}

static void draw_table(struct press *p, const struct block *b)
{
	need(p, beginning(p, b));
	for (size_t r = 0; r < b->rows; r++) {
		p->table = b->kind == BLOCK_TABLE && r > 0 ? b : NULL;
		draw_row(p, b, r);
	}
	p->table = NULL;
	p->y += 10;
}

static void draw_block(struct press *p, const struct block *b)
{
	switch (b->kind) {
	case BLOCK_TITLE:
		draw_text(p, b->text, 17, true, 0, 10);
		break;
	case BLOCK_HEADING:
		p->y += p->y > TOP ? 8 : 0;
		need(p, with_next(p, b));
		draw_text(p, b->text, 13, true, 0, 5);
		break;
	case BLOCK_SUBHEADING:
		p->y += p->y > TOP ? 6 : 0;
		need(p, with_next(p, b));
		draw_text(p, b->text, 11, true, 0, 4);
		break;
	case BLOCK_TEXT:
		draw_text(p, b->text, 10.5, false, 0, 7);
		break;
	case BLOCK_NOTE:
		draw_text(p, b->text, 8.5, false, 0, 7);
		break;
	case BLOCK_QUOTE:
		draw_text(p, b->text, 9.5, false, 10, 9);
		break;
	case BLOCK_FIELDS:
	case BLOCK_TABLE:
		draw_table(p, b);
		break;
	case BLOCK_PAGE:
		if (p->y > TOP)
			new_page(p);
		break;
	}
}

static cairo_status_t take(void *arg, const unsigned char *data, unsigned int len)
{
	if (arg)
		buf_add(arg, data, len);
	return CAIRO_STATUS_SUCCESS;
}

/* One pass; returns how many pages it took. */
static int print(const struct report *report, int pages, int64_t at, struct buf *out)
{
	cairo_surface_t *surface = cairo.pdf_surface_create_for_stream(take, out, PAGE_WIDTH, PAGE_HEIGHT);
	struct press p = { .cairo = cairo.create(surface), .report = report, .y = TOP, .page = 1, .pages = pages };
	char made[UTC_TEXT_SIZE];
	bool failed;

	cairo.pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_TITLE, report->title);
	cairo.pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATOR, "dunningd");
	cairo.pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE, utc_format(at, made)); /* else it would be today's */
	p.context = pango.cairo_create_context(p.cairo);
	pango.context_set_language(p.context, pango.language_from_string(report_tags[report->language]));
	for (size_t i = 0; i < report->count; i++)
		draw_block(&p, &report->blocks[i]);
	footer(&p);
	cairo.show_page(p.cairo);
	pango.object_unref(p.context);
	cairo.destroy(p.cairo);
	cairo.surface_finish(surface);
	failed = cairo.surface_status(surface) != CAIRO_STATUS_SUCCESS;
	cairo.surface_destroy(surface);
	return failed ? -EIO : p.page;
}

int evidence_pdf(const struct report *report, int64_t at, struct buf *out, struct err *err)
{
	int r = press_load(err);

	if (r < 0)
		return r;
	r = print(report, 0, at, NULL);
	if (r > 0)
		r = print(report, r, at, out);
	return r < 0 ? err_set(err, r, "pdf", "", "the report cannot be set on paper") : 0;
}
