/* The list of an object's versions: the few elements of it that matter. Source: Amazon S3 API reference, ListObjectVersions. */
#include "common/s3.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct text {
	const char *at, *end;
};

static const char *find(struct text in, const char *what)
{
	return in.at < in.end ? memmem(in.at, (size_t)(in.end - in.at), what, strlen(what)) : NULL;
}

/* What stands between <name> and </name>, the first of them. False: nothing does. */
static bool element(struct text in, const char *name, struct arena *arena, struct text *ret)
{
	const char *open = arena_printf(arena, "<%s>", name), *close = arena_printf(arena, "</%s>", name), *at = find(in, open), *end;

	if (!at)
		return false;
	at += strlen(open);
	end = find((struct text){ at, in.end }, close);
	*ret = (struct text){ at, end };
	return end != NULL;
}

static bool is(struct text text, const char *word)
{
	return (size_t)(text.end - text.at) == strlen(word) && memcmp(text.at, word, strlen(word)) == 0;
}

/* Plain text of an element, with XML's own five entities; NULL: another entity. */
static const char *plain(struct text text, struct arena *arena)
{
	static const struct {
		const char *entity;
		char is;
	} entities[] = { { "&amp;", '&' }, { "&lt;", '<' }, { "&gt;", '>' }, { "&quot;", '"' }, { "&apos;", '\'' } };
	char *out = arena_alloc(arena, (size_t)(text.end - text.at) + 1);
	size_t n = 0;

	while (text.at < text.end) {
		size_t i = 0, left = (size_t)(text.end - text.at);

		if (*text.at != '&') {
			out[n++] = *text.at++;
			continue;
		}
		while (i < ARRAY_LEN(entities) && (strlen(entities[i].entity) > left || memcmp(text.at, entities[i].entity, strlen(entities[i].entity)) != 0))
			i++;
		if (i == ARRAY_LEN(entities))
			return NULL;
		out[n++] = entities[i].is;
		text.at += strlen(entities[i].entity);
	}
	out[n] = '\0';
	return out;
}

/* One version, or mark of deletion. */
static int take(struct text block, const char *key, struct arena *arena, struct s3_versions *ret)
{
	struct text name, id, latest;
	const char *found, *version;

	if (!element(block, "Key", arena, &name) || !element(block, "VersionId", arena, &id) || !element(block, "IsLatest", arena, &latest))
		return -EBADMSG;
	found = plain(name, arena);
	version = plain(id, arena);
	if (!found || !version || !*version)
		return -EBADMSG;
	if (strcmp(found, key) != 0) /* it only begins so */
		return 0;
	if (is(latest, "true"))
		ret->latest = true;
	else if (ret->count == S3_VERSIONS_MAX)
		ret->more = true;
	else
		ret->old[ret->count++] = version;
	return 0;
}

int s3_versions_read(const char *xml, size_t len, const char *key, struct arena *arena, struct s3_versions *ret)
{
	static const char *const kinds[] = { "Version", "DeleteMarker" };
	struct text all = { xml, xml + len }, truncated;

	*ret = (struct s3_versions){ 0 };
	if (!find(all, "<ListVersionsResult") || !find(all, "</ListVersionsResult>") || !element(all, "IsTruncated", arena, &truncated))
		return -EBADMSG;
	ret->more = !is(truncated, "false");
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct text rest = all, block;

		while (element(rest, kinds[i], arena, &block)) {
			int r = take(block, key, arena, ret);

			if (r < 0)
				return r;
			rest.at = block.end;
		}
	}
	return 0;
}
