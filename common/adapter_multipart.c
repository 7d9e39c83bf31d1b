/* Bodies of several parts (multipart/form-data, RFC 7578): files go as they are, byte for byte. */
#include <string.h>

#include "common/adapter_internal.h"

#define BOUNDARY_CHARS 32

/* As browsers do it (HTML, "multipart/form-data"): UTF-8, and these three escaped. */
static void add_quoted(struct buf *out, const char *s)
{
	buf_add_char(out, '"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\r' || *s == '\n')
			buf_printf(out, "%%%02X", (unsigned char)*s);
		else
			buf_add_char(out, *s);
	}
	buf_add_char(out, '"');
}

static void add_parts(struct buf *out, const struct pair_list *pairs, const char *boundary)
{
	for (size_t i = 0; i < pairs->count; i++) {
		const struct pair *pair = &pairs->pairs[i];

		buf_printf(out, "--%s\r\nContent-Disposition: form-data; name=", boundary);
		add_quoted(out, pair->name);
		if (pair->filename) {
			buf_add_str(out, "; filename=");
			add_quoted(out, pair->filename);
			buf_printf(out, "\r\nContent-Type: %s", pair->type);
		}
		buf_add_str(out, "\r\n\r\n");
		buf_add(out, pair->value, pair->len);
		buf_add_str(out, "\r\n");
	}
	buf_printf(out, "--%s--\r\n", boundary);
}

static bool contains(const struct pair_list *pairs, const char *boundary)
{
	for (size_t i = 0; i < pairs->count; i++) {
		if (memmem(pairs->pairs[i].value, pairs->pairs[i].len, boundary, BOUNDARY_CHARS))
			return true;
	}
	return false;
}

/* Of all that is sent: who could put it into a part would have to know the part's own digest. */
static void make_boundary(const struct pair_list *pairs, char boundary[2 * SHA256_SIZE + 1])
{
	struct slice *slices = xcalloc(2 * pairs->count + 1, sizeof(*slices));
	uint8_t digest[SHA256_SIZE];

	for (size_t i = 0; i < pairs->count; i++) {
		slices[2 * i] = (struct slice){ (const uint8_t *)pairs->pairs[i].name, strlen(pairs->pairs[i].name) + 1 };
		slices[2 * i + 1] = (struct slice){ (const uint8_t *)pairs->pairs[i].value, pairs->pairs[i].len };
	}
	sha256_slices(slices, 2 * pairs->count, digest);
	do {
		(void)hex_format(digest, sizeof(digest), boundary);
		boundary[BOUNDARY_CHARS] = '\0';
		sha256(digest, sizeof(digest), digest);
	} while (contains(pairs, boundary));
	freep(&slices);
}

const char *pairs_write_multipart(struct buf *out, const struct pair_list *pairs, struct arena *arena)
{
	char boundary[2 * SHA256_SIZE + 1];

	make_boundary(pairs, boundary);
	add_parts(out, pairs, boundary);
	return arena_printf(arena, "multipart/form-data; boundary=%s", boundary);
}
