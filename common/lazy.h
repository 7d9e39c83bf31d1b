/*
 * lazy - a shared library that most runs of a program do without: loaded at its first use, kept until the end. Letters and HTTP need seventy
 * libraries between them; who asks the daemon for its state should not wait until they are bound.
 */
#ifndef DUNNINGD_COMMON_LAZY_H
#define DUNNINGD_COMMON_LAZY_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

struct lazy {
	const char *library; /* as the loader finds it: its soname */
	const char *package; /* Debian's, for who lacks it */
	const char *const *names;
	void *functions; /* a struct of as many pointers to functions, in the order of the names */
	size_t count;
	bool loaded;
};

/* Any thread may call it, each time. -ENOENT: the library, or one of its functions, is not there; `err` says so. */
int lazy_load(struct lazy *lazy, struct err *err);

/* Of a list like `#define LIST(X) X(curl_, easy_init) X(curl_, easy_perform)`: the members of the struct, and the names. */
#define LAZY_MEMBER(prefix, name) __typeof__(prefix##name) *name;
#define LAZY_NAME(prefix, name) #prefix #name,

#endif
