#include "common/press.h"

#include "common/buf.h"
#include "common/cleanup.h"

#ifdef __SANITIZE_ADDRESS__
/*
 * What the libraries keep for the next time, and only they know of. To clear it away (cairo_debug_reset_static_data(), FcFini()) ends the
 * process where a thread of Pango's, which looks for fonts, still holds some of it.
 */
const char *__lsan_default_suppressions(void), *__lsan_default_options(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libfontconfig\nleak:libpango\nleak:libcairo\n";
}
const char *__lsan_default_options(void)
{
	return "print_suppressions=0";
}
#endif

struct pango_functions pango;
struct cairo_functions cairo;

int press_load(struct err *err)
{
	static const char *const pango_names[] = { PANGO_FUNCTIONS(LAZY_NAME) }, *const cairo_names[] = { CAIRO_FUNCTIONS(LAZY_NAME) };
	/* Pango's library for Cairo brings both, and GObject. */
	static struct lazy both[] = {
		{ PANGOCAIRO_LIBRARY, "libpangocairo-1.0-0", pango_names, &pango, sizeof(pango_names) / sizeof(*pango_names), false },
		{ PANGOCAIRO_LIBRARY, "libpangocairo-1.0-0", cairo_names, &cairo, sizeof(cairo_names) / sizeof(*cairo_names), false },
	};
	int r = lazy_load(&both[0], err);

	return r < 0 ? r : lazy_load(&both[1], err);
}

PangoLayout *press_layout(PangoContext *context, const char *text, const struct press_style *style, double width)
{
	PangoLayout *ret = pango.layout_new(context);
	PangoFontDescription *font = pango.font_description_from_string(style->fonts);
	PangoAttrList *plain = pango.attr_list_new();
	CLEANUP(buf_clear) struct buf clean = { 0 };

	for (; text && *text; text++)
		if ((unsigned char)*text >= 0x20 || *text == '\n' || *text == '\t')
			buf_add_char(&clean, *text);
	while (clean.len && clean.data[clean.len - 1] == '\n') /* a last empty line would stand alone on the next page */
		clean.len--;
	pango.font_description_set_absolute_size(font, style->size * PANGO_SCALE);
	pango.font_description_set_weight(font, style->bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
	pango.layout_set_font_description(ret, font);
	pango.font_description_free(font);
	pango.layout_set_width(ret, (int)(width * PANGO_SCALE));
	pango.layout_set_wrap(ret, PANGO_WRAP_WORD_CHAR);
	pango.layout_set_alignment(ret, style->right ? PANGO_ALIGN_RIGHT : PANGO_ALIGN_LEFT);
	pango.attr_list_insert(plain, pango.attr_insert_hyphens_new(FALSE)); /* an address stays what it is */
	pango.layout_set_attributes(ret, plain);
	pango.attr_list_unref(plain);
	pango.layout_set_text(ret, buf_str(&clean), (int)clean.len);
	return ret;
}

double press_height(PangoLayout *layout)
{
	int height;

	pango.layout_get_size(layout, NULL, &height);
	return (double)height / PANGO_SCALE;
}

int press_lines(cairo_t *pen, PangoLayout *layout, double x, double y, double bottom, int from, double *used)
{
	PangoLayoutIter *iter = pango.layout_get_iter(layout);
	double first = 0;
	int line = 0, next = from;

	*used = 0;
	do {
		PangoRectangle logical;
		int top, end;
		double below;

		if (line++ < from)
			continue;
		pango.layout_iter_get_line_yrange(iter, &top, &end);
		pango.layout_iter_get_line_extents(iter, NULL, &logical);
		if (line == from + 1)
			first = (double)top / PANGO_SCALE;
		below = (double)end / PANGO_SCALE - first;
		if (y + below > bottom)
			break;
		cairo.move_to(pen, x + (double)logical.x / PANGO_SCALE,
			y + (double)pango.layout_iter_get_baseline(iter) / PANGO_SCALE - first);
		pango.cairo_show_layout_line(pen, pango.layout_iter_get_line_readonly(iter));
		*used = below;
		next = line;
	} while (pango.layout_iter_next_line(iter));
	pango.layout_iter_free(iter);
	return next;
}

void press_rule(cairo_t *pen, double x, double y, double width, double grey)
{
	cairo.set_source_rgb(pen, grey, grey, grey);
	cairo.set_line_width(pen, 0.5);
	cairo.move_to(pen, x, y);
	cairo.line_to(pen, x + width, y);
	cairo.stroke(pen);
	cairo.set_source_rgb(pen, 0, 0, 0);
}
