#include "common/err.h"

#include <stdio.h>

int err_set(struct err *err, int r, const char *code, const char *path, const char *format, ...)
{
	va_list args;

	if (!err || err->code[0])
		return r;
	snprintf(err->code, sizeof(err->code), "%s", code);
	snprintf(err->path, sizeof(err->path), "%s", path ? path : "");
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	return r;
}

void err_clear(struct err *err)
{
	err->code[0] = err->path[0] = err->text[0] = '\0';
}
