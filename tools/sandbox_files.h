/* sandbox_files - what lies in tools/sandbox/, carried by the program. Generated when it is built (CMakeLists.txt). */
#ifndef DUNNINGD_TOOLS_SANDBOX_FILES_H
#define DUNNINGD_TOOLS_SANDBOX_FILES_H

#include <stddef.h>

extern const unsigned char sandbox_style[]; /* page.css; a NUL stands behind */
extern const size_t sandbox_style_len;

#endif
