/*
 * press - text on paper: what the letters and the report of a case share of Pango and Cairo. Sizes and places are in points, 1/72 inch.
 */
#ifndef DUNNINGD_COMMON_PRESS_H
#define DUNNINGD_COMMON_PRESS_H

#include <stdbool.h>

#include <cairo-pdf.h>
#include <pango/pangocairo.h>

#include "common/lazy.h"

/* What is called of them, as pango.layout_new() and cairo.move_to(): there once press_load() was well. */
#define PANGO_FUNCTIONS(X) \
	X(pango_, attr_insert_hyphens_new) X(pango_, attr_list_copy) X(pango_, attr_list_insert) X(pango_, attr_list_new) \
	X(pango_, attr_list_unref) X(pango_, attr_weight_new) X(pango_, cairo_create_context) X(pango_, cairo_show_layout) \
	X(pango_, cairo_show_layout_line) X(pango_, cairo_update_context) X(pango_, context_set_language) X(pango_, font_description_free) \
	X(pango_, font_description_from_string) X(pango_, font_description_set_absolute_size) X(pango_, font_description_set_weight) \
	X(pango_, language_from_string) X(pango_, layout_get_attributes) X(pango_, layout_get_iter) X(pango_, layout_get_line_count) \
	X(pango_, layout_get_size) X(pango_, layout_is_ellipsized) X(pango_, layout_iter_free) X(pango_, layout_iter_get_baseline) \
	X(pango_, layout_iter_get_line_extents) X(pango_, layout_iter_get_line_readonly) X(pango_, layout_iter_get_line_yrange) \
	X(pango_, layout_iter_next_line) X(pango_, layout_new) X(pango_, layout_set_alignment) X(pango_, layout_set_attributes) \
	X(pango_, layout_set_ellipsize) X(pango_, layout_set_font_description) X(pango_, layout_set_height) X(pango_, layout_set_text) \
	X(pango_, layout_set_width) X(pango_, layout_set_wrap) X(g_, object_unref)
#define CAIRO_FUNCTIONS(X) \
	X(cairo_, clip) X(cairo_, create) X(cairo_, destroy) X(cairo_, fill) X(cairo_, image_surface_create) X(cairo_, line_to) X(cairo_, move_to) \
	X(cairo_, paint) X(cairo_, pdf_surface_create_for_stream) X(cairo_, pdf_surface_set_metadata) X(cairo_, rectangle) X(cairo_, reset_clip) \
	X(cairo_, scale) X(cairo_, set_line_width) X(cairo_, set_source_rgb) X(cairo_, show_page) X(cairo_, stroke) X(cairo_, surface_destroy) \
	X(cairo_, surface_finish) X(cairo_, surface_flush) X(cairo_, surface_status) X(cairo_, surface_write_to_png_stream)
extern struct pango_functions {
	PANGO_FUNCTIONS(LAZY_MEMBER)
} pango;
extern struct cairo_functions {
	CAIRO_FUNCTIONS(LAZY_MEMBER)
} cairo;

#define PRESS_MM (72.0 / 25.4)

struct press_style {
	const char *fonts; /* families in order of preference */
	double size;
	bool bold, right;
};

/* Before all else. As lazy_load(). */
int press_load(struct err *err);
/* The text wrapped at `width`; control characters but tab and newline are dropped, so are newlines at its end. Freed with pango.object_unref(). */
PangoLayout *press_layout(PangoContext *context, const char *text, const struct press_style *style, double width);
double press_height(PangoLayout *layout);
/* Draws the lines of a layout from `from` on as far as they go down to `bottom`; returns where to go on, and in *used how high they are. */
int press_lines(cairo_t *pen, PangoLayout *layout, double x, double y, double bottom, int from, double *used);
void press_rule(cairo_t *pen, double x, double y, double width, double grey);

#endif
