#include "tests/support/exposition.h"

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

#define FIRST "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
#define MORE FIRST "0123456789"
#define SEEN_MAX 20000

struct reading {
	bool open;
	char family[200], type[20]; /* of the family under way; "" = none */
	char unit[40];
	bool helped;
	const char *families[500];
	size_t family_count;
	const char **samples; /* seen: name and labels */
	size_t sample_count;
	/* the histogram series under way */
	char series[600];
	double bound, count, sum;
	bool infinite, counted, summed;
	struct arena *arena;
};

static char fault[400];

static const char *wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));

static const char *wrong(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(fault, sizeof(fault), format, args);
	va_end(args);
	return fault;
}

static bool number(const char *text, double *ret)
{
	char *end;

	if (strcmp(text, "+Inf") == 0) {
		*ret = (double)INFINITY;
		return true;
	}
	if (!*text || strspn(text, "-0123456789.eE+") != strlen(text))
		return false;
	*ret = strtod(text, &end);
	return !*end;
}

/* {a="b",c="d"}: where it ends; `le` and the labels without it are copied out. NULL: it is wrong. */
static const char *labels(const char *at, char *le, char *rest)
{
	char names[10][100];
	size_t count = 0;

	*le = *rest = '\0';
	if (*at != '{')
		return at;
	do {
		size_t name = strspn(++at, MORE);
		const char *value = at + name + 2, *end = value;

		if (!name || !strchr(FIRST, *at) || name >= sizeof(names[0]) || count == 10 || strncmp(at + name, "=\"", 2) != 0)
			return NULL;
		(void)snprintf(names[count], sizeof(names[0]), "%.*s", (int)name, at);
		for (size_t i = 0; i < count; i++)
			if (strcmp(names[i], names[count]) == 0)
				return NULL;
		for (; *end != '"'; end++) {
			if (!*end || *end == '\n')
				return NULL;
			if (*end == '\\' && !strchr("\\\"n", *++end))
				return NULL;
		}
		if (strcmp(names[count++], "le") == 0)
			(void)snprintf(le, 100, "%.*s", (int)(end - value), value);
		else
			(void)snprintf(rest + strlen(rest), 500 - strlen(rest), "%.*s,", (int)(end + 1 - at), at);
		at = end + 1;
	} while (*at == ',');
	return *at == '}' ? at + 1 : NULL;
}

static const char *end_series(struct reading *r)
{
	if (r->series[0] && (!r->infinite || !r->counted || !r->summed))
		return wrong("the histogram %s lacks +Inf, _count or _sum", r->series);
	r->series[0] = '\0';
	return NULL;
}

static const char *bucket(struct reading *r, const char *suffix, const char *le, const char *rest, double value)
{
	char series[600];
	const char *why;
	double bound;

	(void)snprintf(series, sizeof(series), "%s{%s", r->family, rest);
	if (strcmp(series, r->series) != 0) {
		if ((why = end_series(r)))
			return why;
		(void)snprintf(r->series, sizeof(r->series), "%s", series);
		r->bound = -(double)INFINITY;
		r->count = 0;
		r->infinite = r->counted = r->summed = false;
	}
	if (strcmp(suffix, "_bucket") == 0) {
		if (!number(le, &bound) || bound <= r->bound || value < r->count || r->counted)
			return wrong("%s: the bucket %s of %f does not follow", series, le, value);
		r->bound = bound;
		r->count = value;
		r->infinite |= isinf(bound);
	} else if (strcmp(suffix, "_count") == 0) {
		if (value != r->count || !r->infinite)
			return wrong("%s: the count is not that of +Inf", series);
		r->counted = true;
	} else if (strcmp(suffix, "_sum") == 0) {
		r->summed = true;
	} else {
		return wrong("%s has a sample %s", series, suffix);
	}
	return NULL;
}

static const char *sample(struct reading *r, const char *line)
{
	size_t name = strspn(line, MORE ":"), family = strlen(r->family);
	char le[100], rest[500];
	const char *end, *suffix = line + family;
	char last[12];
	double value;

	if (!name || !strchr(FIRST ":", *line) || !(end = labels(line + name, le, rest)) || *end != ' ')
		return wrong("no sample: %s", line);
	if (!number(end + 1, &value))
		return wrong("no number: %s", line);
	if (!r->type[0] || name < family || strncmp(line, r->family, family) != 0)
		return wrong("not in its family: %s", line);
	(void)snprintf(last, sizeof(last), "%.*s", (int)(name - family), suffix);
	for (size_t i = 0; i < r->sample_count; i++)
		if (strlen(r->samples[i]) == (size_t)(end - line) && strncmp(r->samples[i], line, (size_t)(end - line)) == 0)
			return wrong("twice: %s", line);
	if (r->sample_count == SEEN_MAX)
		return wrong("too many samples");
	r->samples[r->sample_count++] = arena_printf(r->arena, "%.*s", (int)(end - line), line);
	if (strcmp(r->type, "histogram") == 0)
		return bucket(r, last, le, rest, value);
	if (le[0])
		return wrong("le outside of a histogram: %s", line);
	if (strcmp(r->type, "counter") == 0 && (value < 0 || strcmp(last, r->open ? "_total" : "") != 0))
		return wrong("no sample of a counter: %s", line);
	return strcmp(r->type, "gauge") == 0 && last[0] ? wrong("no sample of a gauge: %s", line) : NULL;
}

static const char *begin_family(struct reading *r, const char *name, size_t len)
{
	const char *why = end_series(r);

	if (why)
		return why;
	(void)snprintf(r->family, sizeof(r->family), "%.*s", (int)len, name);
	for (size_t i = 0; i < r->family_count; i++)
		if (strcmp(r->families[i], r->family) == 0)
			return wrong("the family %s comes twice", r->family);
	if (r->family_count == ARRAY_LEN(r->families))
		return wrong("too many families");
	r->families[r->family_count++] = arena_strdup(r->arena, r->family);
	r->type[0] = r->unit[0] = '\0';
	r->helped = true;
	return NULL;
}

static const char *comment(struct reading *r, const char *line)
{
	const char *name = strchr(line + 2, ' '), *text;
	size_t len;

	if (!name)
		return wrong("no comment: %s", line);
	len = strspn(++name, MORE ":");
	text = name + len + 1;
	if (!len || name[len] != ' ' || !*text)
		return wrong("no comment: %s", line);
	if (strncmp(line, "# HELP ", 7) == 0)
		return begin_family(r, name, len);
	if (!r->helped || strlen(r->family) != len || strncmp(r->family, name, len) != 0)
		return wrong("not about its family: %s", line);
	if (strncmp(line, "# TYPE ", 7) == 0) {
		size_t total = len > 6 && strncmp(name + len - 6, "_total", 6) == 0;

		if (r->type[0] || (strcmp(text, "counter") != 0 && strcmp(text, "gauge") != 0 && strcmp(text, "histogram") != 0))
			return wrong("no type: %s", line);
		(void)snprintf(r->type, sizeof(r->type), "%s", text);
		return total != (strcmp(text, "counter") == 0 && !r->open) ? wrong("_total is a counter's: %s", line) : NULL;
	}
	if (r->open && strncmp(line, "# UNIT ", 7) == 0 && r->type[0] && len > strlen(text) && name[len - strlen(text) - 1] == '_' &&
		strncmp(name + len - strlen(text), text, strlen(text)) == 0)
		return NULL;
	return wrong("no comment: %s", line);
}

static const char *read_all(struct reading *r, const char *text)
{
	const char *why = NULL, *end;

	for (; *text && !why; text = end + 1) {
		CLEANUP(freep) char *line = NULL;

		end = strchr(text, '\n');
		if (!end)
			return wrong("the last line has no end");
		line = xcalloc(1, (size_t)(end - text) + 1);
		memcpy(line, text, (size_t)(end - text));
		if (r->open && strcmp(line, "# EOF") == 0)
			return end[1] ? wrong("something comes after # EOF") : end_series(r);
		why = line[0] == '#' ? comment(r, line) : sample(r, line);
	}
	return why ? why : r->open ? wrong("# EOF is missing") : end_series(r);
}

const char *exposition_fault(const char *text, bool open)
{
	struct reading r = { .open = open, .arena = arena_create() };
	const char *why;

	r.samples = xcalloc(SEEN_MAX, sizeof(*r.samples));
	why = read_all(&r, text);
	free((void *)r.samples);
	arena_free(r.arena);
	return why;
}

bool exposition_value(const char *text, const char *what, double *ret)
{
	size_t len = strlen(what);

	for (const char *at = text; at && *at; at = strchr(at, '\n'), at += at != NULL)
		if (strncmp(at, what, len) == 0 && at[len] == ' ') {
			*ret = strtod(at + len, NULL);
			return true;
		}
	return false;
}
