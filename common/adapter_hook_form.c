/* The fields of a form: application/x-www-form-urlencoded (form.c), as addresses have them too, and multipart/form-data (RFC 7578). */
#include "common/adapter_hook_internal.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#define BOUNDARY_MAX 70 /* RFC 2046 section 5.1.1 */

struct pairs {
	struct arena *arena;
	struct form_pair *list;
	size_t count, capacity;
	struct form_file *files;
	size_t file_count, file_capacity;
};

static int add_pair(struct pairs *pairs, const struct form_pair *pair, struct err *err)
{
	if (pairs->count == FORM_PAIRS_MAX)
		return err_set(err, -EBADMSG, "too_long", "", "a form has at most %d fields", FORM_PAIRS_MAX);
	pairs->list = arena_grow(pairs->arena, pairs->list, pairs->count, &pairs->capacity, sizeof(*pairs->list));
	pairs->list[pairs->count++] = *pair;
	return 0;
}

bool form_is(const struct hook_request *request, const char *type)
{
	const char *told = NULL;
	size_t len = strlen(type);

	return header_get(request, "Content-Type", &told, NULL) == 0 && told && strncasecmp(told, type, len) == 0 &&
		(!told[len] || strchr("; \t", told[len]));
}

/* --- multipart ---------------------------------------------------------------------------------------------------------------- */

/* A parameter behind "; name=": a token, or between quotes. NULL: it is not there, or not as it must be. */
static const char *parameter(const char *text, size_t len, const char *name, struct arena *arena)
{
	const char *end = text + len;
	size_t name_len = strlen(name);

	for (const char *at = text; (at = memchr(at, ';', (size_t)(end - at)));) {
		const char *from, *stop;

		at++;
		while (at < end && (*at == ' ' || *at == '\t'))
			at++;
		if ((size_t)(end - at) <= name_len || strncasecmp(at, name, name_len) != 0 || at[name_len] != '=')
			continue;
		from = at + name_len + 1;
		if (from < end && *from == '"') {
			from++;
			stop = memchr(from, '"', (size_t)(end - from));
			return stop ? arena_memdup(arena, from, (size_t)(stop - from)) : NULL;
		}
		for (stop = from; stop < end && !strchr("; \t\r\n", *stop);)
			stop++;
		return stop > from ? arena_memdup(arena, from, (size_t)(stop - from)) : NULL;
	}
	return NULL;
}

/* The value of a header of a part, up to its first ';'; "" when it is not there. */
static const char *part_type(const char *head, size_t len, struct arena *arena)
{
	static const char want[] = "content-type:";
	const char *end = head + len;

	while (head < end) {
		const char *stop = memmem(head, (size_t)(end - head), "\r\n", 2), *from = head + sizeof(want) - 1;
		size_t line = (size_t)((stop ? stop : end) - head);

		if (line >= sizeof(want) && strncasecmp(head, want, sizeof(want) - 1) == 0) {
			while (from < head + line && (*from == ' ' || *from == '\t'))
				from++;
			return arena_memdup(arena, from, strcspn(from, "; \t\r"));
		}
		head = stop ? stop + 2 : end;
	}
	return "";
}

/* The line that says what a part is. *file: its file's name, "" when it has none that can be read; NULL: it is none. */
static const char *disposition(const char *head, size_t len, struct arena *arena, const char **file)
{
	static const char want[] = "content-disposition:";
	const char *end = head + len;

	while (head < end) {
		const char *stop = memmem(head, (size_t)(end - head), "\r\n", 2);
		size_t line = (size_t)((stop ? stop : end) - head);

		if (line > sizeof(want) && strncasecmp(head, want, sizeof(want) - 1) == 0) {
			*file = parameter(head, line, "filename", arena);
			if (!*file && memmem(head, line, "filename*", 9))
				*file = "";
			return parameter(head, line, "name", arena);
		}
		head = stop ? stop + 2 : end;
	}
	return NULL;
}

static void add_file(struct pairs *pairs, const struct form_file *file)
{
	pairs->files = arena_grow(pairs->arena, pairs->files, pairs->file_count, &pairs->file_capacity, sizeof(*pairs->files));
	pairs->files[pairs->file_count++] = *file;
}

static int multipart_decode(const char *body, size_t len, const char *boundary, struct pairs *pairs, struct err *err)
{
	const char *mark = arena_printf(pairs->arena, "\r\n--%s", boundary), *at, *end;
	size_t mark_len = strlen(mark);
	char *text = arena_alloc(pairs->arena, len + 2);
	int r = 0;

	memcpy(text, "\r\n", 2); /* before the first mark it may be missing */
	memcpy(text + 2, body, len);
	end = text + 2 + len;
	at = memmem(text, len + 2, mark, mark_len);
	while (at && r == 0) {
		struct form_pair pair = { .value = "" };
		const char *head = at + mark_len, *blank, *stop;
		const char *file = NULL;
		size_t len_of;

		if (end - head >= 2 && memcmp(head, "--", 2) == 0)
			return 0;
		if (end - head < 2 || memcmp(head, "\r\n", 2) != 0)
			break;
		head += 2;
		blank = memmem(head, (size_t)(end - head), "\r\n\r\n", 4);
		stop = blank ? memmem(blank + 2, (size_t)(end - blank - 2), mark, mark_len) : NULL; /* an empty value: at once */
		pair.name = stop ? disposition(head, (size_t)(blank - head), pairs->arena, &file) : NULL;
		if (!pair.name)
			break;
		pair.name_len = strlen(pair.name);
		len_of = stop > blank + 4 ? (size_t)(stop - blank - 4) : 0;
		if (file) {
			add_file(pairs, &(struct form_file){ file, part_type(head, (size_t)(blank - head), pairs->arena), blank + 4, len_of });
		} else {
			if (len_of)
				pair.value = arena_memdup(pairs->arena, blank + 4, len_of);
			pair.value_len = len_of;
			r = add_pair(pairs, &pair, err);
		}
		at = stop;
	}
	return r < 0 ? r : err_set(err, -EBADMSG, "bad_form", "", "the parts of the form do not end as they must");
}

int form_fields(const struct hook_request *request, struct arena *arena, struct form_pair **ret, size_t *count, struct form_file **files,
	size_t *file_count, struct err *err)
{
	struct pairs pairs = { .arena = arena };
	const char *type = NULL, *boundary;
	int r;

	*files = NULL;
	*file_count = 0;
	if (!form_is(request, "multipart/form-data"))
		return form_decode(request->body, request->body_len, arena, ret, count, err);
	(void)header_get(request, "Content-Type", &type, NULL);
	boundary = parameter(type, strlen(type), "boundary", arena);
	if (!boundary || !*boundary || strlen(boundary) > BOUNDARY_MAX)
		return err_set(err, -EBADMSG, "bad_form", "", "the form does not say what stands between its parts");
	r = multipart_decode(request->body, request->body_len, boundary, &pairs, err);
	*files = pairs.files;
	*file_count = pairs.file_count;
	*ret = pairs.list;
	*count = pairs.count;
	return r;
}
