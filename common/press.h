/*
 * press - text on paper: what the letters and the report of a case share of Pango and Cairo. Sizes and places are in points, 1/72 inch.
 */
#ifndef DUNNINGD_COMMON_PRESS_H
#define DUNNINGD_COMMON_PRESS_H

#include <stdbool.h>

#include <pango/pangocairo.h>

#define PRESS_MM (72.0 / 25.4)

struct press_style {
	const char *fonts; /* families in order of preference */
	double size;
	bool bold, right;
};

/* The text wrapped at `width`; control characters but tab and newline are dropped, so are newlines at its end. Freed with g_object_unref(). */
PangoLayout *press_layout(PangoContext *context, const char *text, const struct press_style *style, double width);
double press_height(PangoLayout *layout);
/* Draws the lines of a layout from `from` on as far as they go down to `bottom`; returns where to go on, and in *used how high they are. */
int press_lines(cairo_t *cairo, PangoLayout *layout, double x, double y, double bottom, int from, double *used);
void press_rule(cairo_t *cairo, double x, double y, double width, double grey);

#endif
