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

PangoLayout *press_layout(PangoContext *context, const char *text, const struct press_style *style, double width)
{
	PangoLayout *ret = pango_layout_new(context);
	PangoFontDescription *font = pango_font_description_from_string(style->fonts);
	PangoAttrList *plain = pango_attr_list_new();
	CLEANUP(buf_clear) struct buf clean = { 0 };

	for (; text && *text; text++)
		if ((unsigned char)*text >= 0x20 || *text == '\n' || *text == '\t')
			buf_add_char(&clean, *text);
	while (clean.len && clean.data[clean.len - 1] == '\n') /* a last empty line would stand alone on the next page */
		clean.len--;
	pango_font_description_set_absolute_size(font, style->size * PANGO_SCALE);
	pango_font_description_set_weight(font, style->bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
	pango_layout_set_font_description(ret, font);
	pango_font_description_free(font);
	pango_layout_set_width(ret, (int)(width * PANGO_SCALE));
	pango_layout_set_wrap(ret, PANGO_WRAP_WORD_CHAR);
	pango_layout_set_alignment(ret, style->right ? PANGO_ALIGN_RIGHT : PANGO_ALIGN_LEFT);
	pango_attr_list_insert(plain, pango_attr_insert_hyphens_new(FALSE)); /* an address stays what it is */
	pango_layout_set_attributes(ret, plain);
	pango_attr_list_unref(plain);
	pango_layout_set_text(ret, buf_str(&clean), (int)clean.len);
	return ret;
}

double press_height(PangoLayout *layout)
{
	int height;

	pango_layout_get_size(layout, NULL, &height);
	return (double)height / PANGO_SCALE;
}

int press_lines(cairo_t *cairo, PangoLayout *layout, double x, double y, double bottom, int from, double *used)
{
	PangoLayoutIter *iter = pango_layout_get_iter(layout);
	double first = 0;
	int line = 0, next = from;

	*used = 0;
	do {
		PangoRectangle logical;
		int top, end;
		double below;

		if (line++ < from)
			continue;
		pango_layout_iter_get_line_yrange(iter, &top, &end);
		pango_layout_iter_get_line_extents(iter, NULL, &logical);
		if (line == from + 1)
			first = (double)top / PANGO_SCALE;
		below = (double)end / PANGO_SCALE - first;
		if (y + below > bottom)
			break;
		cairo_move_to(cairo, x + (double)logical.x / PANGO_SCALE,
			y + (double)pango_layout_iter_get_baseline(iter) / PANGO_SCALE - first);
		pango_cairo_show_layout_line(cairo, pango_layout_iter_get_line_readonly(iter));
		*used = below;
		next = line;
	} while (pango_layout_iter_next_line(iter));
	pango_layout_iter_free(iter);
	return next;
}

void press_rule(cairo_t *cairo, double x, double y, double width, double grey)
{
	cairo_set_source_rgb(cairo, grey, grey, grey);
	cairo_set_line_width(cairo, 0.5);
	cairo_move_to(cairo, x, y);
	cairo_line_to(cairo, x + width, y);
	cairo_stroke(cairo);
	cairo_set_source_rgb(cairo, 0, 0, 0);
}
