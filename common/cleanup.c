#include "common/cleanup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1 /* clang's word for it */
#endif
#endif

#ifdef __SANITIZE_ADDRESS__
#define BLOCK_FIRST 1024 /* it writes over all of a block that is given, and sees what runs over a block's end */
#else
#define BLOCK_FIRST 4096
#endif
#define BLOCK_MAX (256 * 1024)
#define ALIGN 16
#define CALLOC_SMALL 1024

static void *checked(void *p)
{
	if (!p) {
		static const char text[] = "out of memory\n";

		(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
		_exit(71);
	}
	return p;
}

void *xmalloc(size_t size)
{
	return checked(malloc(size ? size : 1));
}

/* calloc() of glibc before 2.41 does not ask the thread's own cache of small blocks. */
void *xcalloc(size_t count, size_t size)
{
	size_t all;

	if (!__builtin_mul_overflow(count, size, &all) && all <= CALLOC_SMALL)
		return memset(xmalloc(all), 0, all);
	return checked(calloc(count ? count : 1, size ? size : 1));
}

void *xrealloc(void *p, size_t size)
{
	return checked(realloc(p, size ? size : 1));
}

char *xstrdup(const char *s)
{
	return checked(strdup(s));
}

void xgrow(void *p, size_t *capacity, size_t need, size_t size)
{
	void **items = p;
	size_t want = *capacity ? *capacity : 8;

	if (need <= *capacity)
		return;
	while (want < need)
		want *= 2;
	*items = checked(reallocarray(*items, want, size));
	*capacity = want;
}

void freep(void *p)
{
	free(*(void **)p);
}

void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

struct block {
	struct block *next;
	size_t size, used;
	_Alignas(ALIGN) unsigned char data[];
};

struct deferred {
	void (*fn)(void *p);
	void *p;
	struct deferred *next;
};

struct arena {
	struct block *blocks; /* the current one first */
	struct block *large;
	struct deferred *deferred;
};

struct arena *arena_create(void)
{
	return xcalloc(1, sizeof(struct arena));
}

/*
 * Blocks of the usual sizes are kept for the next arena of this thread: they come and go by hundreds a second. Not under the address
 * sanitizer, which is to see every use of what was freed.
 */
#define SIZES 7 /* BLOCK_FIRST << 0 .. BLOCK_FIRST << 6, which is BLOCK_MAX */
#define KEPT_BYTES (512 * 1024) /* of each size */
static _Thread_local struct block *kept[SIZES];
static _Thread_local size_t kept_count[SIZES];

static int size_class(size_t size)
{
#ifndef __SANITIZE_ADDRESS__
	for (int i = 0; i < SIZES; i++)
		if (size == (size_t)BLOCK_FIRST << i)
			return i;
#endif
	(void)size;
	return -1;
}

static struct block *new_block(size_t size)
{
	int class = size_class(size);
	struct block *block = class >= 0 ? kept[class] : NULL;

	if (block) {
		kept[class] = block->next;
		kept_count[class]--;
	} else {
		block = xmalloc(sizeof(*block) + size);
	}
	block->next = NULL;
	block->size = size;
	block->used = 0;
	return block;
}

void *arena_room(struct arena *arena, size_t size)
{
	struct block *block = arena->blocks;
	void *p;

	size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (size > BLOCK_MAX / 4) {
		block = new_block(size);
		block->next = arena->large;
		arena->large = block;
	} else if (!block || block->size - block->used < size) {
		size_t want = block ? block->size * 2 : BLOCK_FIRST;

		if (want > BLOCK_MAX)
			want = BLOCK_MAX;
		while (want < size)
			want *= 2;
		block = new_block(want);
		block->next = arena->blocks;
		arena->blocks = block;
	}
	p = block->data + block->used;
	block->used += size;
	return p;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	return memset(arena_room(arena, size), 0, size);
}

void *arena_memdup(struct arena *arena, const void *p, size_t len)
{
	char *copy = arena_room(arena, len + 1);

	if (len)
		memcpy(copy, p, len);
	copy[len] = '\0';
	return copy;
}

char *arena_strdup(struct arena *arena, const char *s)
{
	return s ? arena_memdup(arena, s, strlen(s)) : NULL;
}

char *arena_join(struct arena *arena, const char *a, const char *b)
{
	size_t len = strlen(a), more = strlen(b);
	char *both = arena_room(arena, len + more + 1);

	memcpy(both, a, len);
	memcpy(both + len, b, more + 1);
	return both;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	char first[160], *text;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(first, sizeof(first), format, args);
	va_end(args);
	if ((size_t)n < sizeof(first))
		return arena_memdup(arena, first, (size_t)n);
	text = arena_alloc(arena, (size_t)n + 1);
	va_start(args, format);
	vsnprintf(text, (size_t)n + 1, format, args);
	va_end(args);
	return text;
}

void arena_defer(struct arena *arena, void (*fn)(void *p), void *p)
{
	struct deferred *d = arena_alloc(arena, sizeof(*d));

	d->fn = fn;
	d->p = p;
	d->next = arena->deferred;
	arena->deferred = d;
}

void *arena_grow(struct arena *arena, void *items, size_t count, size_t *capacity, size_t size)
{
	size_t want = *capacity ? *capacity * 2 : 4;
	void *grown;

	if (count < *capacity)
		return items;
	grown = arena_alloc(arena, want * size);
	if (count)
		memcpy(grown, items, count * size);
	*capacity = want;
	return grown;
}

static void free_blocks(struct block *block)
{
	while (block) {
		struct block *next = block->next;
		int class = size_class(block->size);

		if (class >= 0 && kept_count[class] < KEPT_BYTES / block->size) {
			block->next = kept[class];
			kept[class] = block;
			kept_count[class]++;
		} else {
			free(block);
		}
		block = next;
	}
}

void arena_clear(struct arena *arena)
{
	while (arena->deferred) {
		struct deferred *d = arena->deferred;

		arena->deferred = d->next;
		d->fn(d->p);
	}
	free_blocks(arena->large);
	arena->large = NULL;
	if (arena->blocks) { /* the newest is the largest */
		free_blocks(arena->blocks->next);
		arena->blocks->next = NULL;
		arena->blocks->used = 0;
	}
}

void arena_free(struct arena *arena)
{
	if (!arena)
		return;
	arena_clear(arena);
	free_blocks(arena->blocks);
	free(arena);
}
