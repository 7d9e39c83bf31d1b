#include "tests/support/long_names.h"

static const char *made(struct arena *arena, size_t len, char first, size_t kinds, size_t word, char between)
{
	char *ret = arena_alloc(arena, len + 1);

	for (size_t i = 0; i < len; i++) {
		ret[i] = (char)((size_t)first + (i * 7 + i / 12) % kinds);
		if (word && i % word == word - 1 && i + 1 < len)
			ret[i] = between;
	}
	ret[len] = '\0';
	return ret;
}

const char *long_name(struct arena *arena, size_t len, bool breaks)
{
	return made(arena, len, 'A', 26, breaks ? 12 : 0, ' ');
}

const char *long_number(struct arena *arena, size_t len, bool breaks)
{
	return made(arena, len, '0', 10, breaks ? 8 : 0, '-');
}
