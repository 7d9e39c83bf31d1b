/*
 * cleanup - memory: allocation that cannot fail, automatic release, and arenas.
 * Running out of memory ends the process (exit 71) with one line on stderr: everything durable lies in the
 * journal, so a restart loses nothing, and no caller needs a path that no test could ever walk.
 */
#ifndef DUNNINGD_COMMON_CLEANUP_H
#define DUNNINGD_COMMON_CLEANUP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLEANUP(fn) __attribute__((cleanup(fn)))
#define DEFINE_CLEANUP(type, fn)                                                                   \
	static inline void fn##p(type **p)                                                         \
	{                                                                                          \
		if (*p)                                                                            \
			fn(*p);                                                                    \
	}
#define TAKE(p)                                                                                    \
	({                                                                                         \
		__typeof__(p) taken_ = (p);                                                        \
		(p) = NULL;                                                                        \
		taken_;                                                                            \
	})
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s);
/* Grows *p so that it holds at least `need` items of `size` bytes; *capacity is in items and doubles. */
void xgrow(void *p, size_t *capacity, size_t need, size_t size);

void freep(void *p); /* for CLEANUP(freep) on any malloced pointer */
void closep(int *fd); /* closes when >= 0 */

/*
 * An arena owns everything allocated from it until arena_clear() or arena_free(). Parsed events, documents and
 * groups live in one, so nothing in them is freed singly.
 */
struct arena;
struct arena *arena_create(void);
void arena_free(struct arena *arena); /* NULL is allowed */
void arena_clear(struct arena *arena); /* frees all, keeps one block for the next round */
DEFINE_CLEANUP(struct arena, arena_free)

void *arena_alloc(struct arena *arena, size_t size); /* zeroed, aligned for any type */
void *arena_room(struct arena *arena, size_t size); /* the same, not zeroed: for what is written at once */
void *arena_memdup(struct arena *arena, const void *p, size_t len); /* NUL-terminated beyond len */
char *arena_strdup(struct arena *arena, const char *s); /* NULL gives NULL */
char *arena_join(struct arena *arena, const char *a, const char *b); /* a and b behind it; faster than printf */
char *arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Runs fn(p) when the arena is cleared or freed, last registered first. */
void arena_defer(struct arena *arena, void (*fn)(void *p), void *p);
/* Grows an array that lives in the arena (the old one stays as waste): returns it with room for need items. */
void *arena_grow(struct arena *arena, void *items, size_t count, size_t *capacity, size_t size);

#endif
