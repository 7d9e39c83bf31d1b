/*
 * picture - a page as a PNG, drawn by the browser that this machine has.
 */
#ifndef DUNNINGD_TOOLS_PICTURE_H
#define DUNNINGD_TOOLS_PICTURE_H

#include <stdbool.h>

#include "common/err.h"

#define PICTURE_WIDTH_MIN 200 /* pixels */
#define PICTURE_WIDTH_MAX 4000

/*
 * Writes `path`, `width` pixels wide, in light colours or dark ones, with nothing fetched from outside. `err` says what is wrong:
 * "no_browser" (-ENOENT: none of Chromium and its kin is in PATH), "no_picture" (-EIO: it drew none within a minute), "unwritable".
 */
int picture_write(const char *html, const char *path, unsigned width, bool dark, struct err *err);

#endif
