/*
 * embedded - texts that belong to the program itself, so that what it does and what it says of it cannot come from two versions. Generated
 * when it is built (CMakeLists.txt).
 */
#ifndef DUNNINGD_COMMON_EMBEDDED_H
#define DUNNINGD_COMMON_EMBEDDED_H

#include <stddef.h>

struct embedded {
	const char *name; /* NULL ends them */
	const unsigned char *data; /* a NUL stands behind */
	size_t len;
};
extern const struct embedded embedded_files[];

#define EMBEDDED_PROCESS 0 /* TRAIL.md: the description of the process */
#define EMBEDDED_VERIFY 1 /* verify.sh */
#define EMBEDDED_VERIFY_TEXT 2 /* VERIFY.txt */
#define EMBEDDED_STATEMENT 3 /* statement.txt */
#define EMBEDDED_FORMATS 4 /* FORMATS.md: of everything that is in a bundle */
#define EMBEDDED_DASHBOARD 5 /* dashboard.css: how the dashboard looks */

#endif
