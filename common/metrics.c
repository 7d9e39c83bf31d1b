#include "common/metrics.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct series {
	char *labels[METRIC_LABELS_MAX]; /* owned */
	int64_t value; /* HISTOGRAM: the sum */
	uint64_t *buckets; /* HISTOGRAM, owned: bound_count + 1, each for itself */
};

struct family {
	struct series *series; /* in the order of their coming: a scrape looks like the one before */
	size_t count, capacity;
	size_t next; /* where the next one is looked for first: a scrape asks in the same order as the one before */
};

struct metrics {
	const struct metric *rows;
	size_t count;
	struct family *families; /* one a row */
	uint64_t left_out;
};

struct metrics *metrics_create(const struct metric *rows, size_t count)
{
	struct metrics *metrics = xcalloc(1, sizeof(*metrics));

	metrics->rows = rows;
	metrics->count = count;
	metrics->families = xcalloc(count, sizeof(*metrics->families));
	return metrics;
}

void metrics_reset(struct metrics *metrics, size_t row)
{
	struct family *family = &metrics->families[row];

	for (size_t i = 0; i < family->count; i++) {
		for (size_t k = 0; k < METRIC_LABELS_MAX; k++)
			free(family->series[i].labels[k]);
		free(family->series[i].buckets);
	}
	family->count = family->next = 0;
}

void metrics_free(struct metrics *metrics)
{
	if (!metrics)
		return;
	for (size_t i = 0; i < metrics->count; i++) {
		metrics_reset(metrics, i);
		free(metrics->families[i].series);
	}
	free(metrics->families);
	free(metrics);
}

uint64_t metrics_left_out(const struct metrics *metrics)
{
	return metrics->left_out;
}

/* --- values ------------------------------------------------------------------------------------------------------------------ */

/* A value as it is kept: well-formed UTF-8, and cut between two characters. */
static char *clean(const char *text)
{
	const char *end = text + strlen(text);
	struct buf ret = { 0 };

	buf_add_str(&ret, "");
	while (text < end) {
		size_t len = utf8_len(text, end);

		if (ret.len + (len ? len : 1) > METRIC_VALUE_MAX)
			break;
		buf_add(&ret, len ? text : "?", len ? len : 1);
		text += len ? len : 1;
	}
	return buf_take(&ret);
}

static struct series *find(struct metrics *metrics, size_t row, const char *const *labels)
{
	const struct metric *metric = &metrics->rows[row];
	struct family *family = &metrics->families[row];
	struct series fresh = { 0 };
	size_t most = metric->series_max ? metric->series_max : 1;

	assert(row < metrics->count && !metric->labels[0] == !labels);
	for (size_t k = 0; metric->labels[k]; k++)
		fresh.labels[k] = clean(labels[k]);
	for (size_t i = 0; i < family->count; i++) {
		size_t at = (family->next + i) % family->count, same = 0;

		while (metric->labels[same] && strcmp(family->series[at].labels[same], fresh.labels[same]) == 0)
			same++;
		if (metric->labels[same])
			continue;
		while (same--)
			free(fresh.labels[same]);
		family->next = at + 1;
		return &family->series[at];
	}
	if (family->count == most) {
		metrics->left_out++;
		for (size_t k = 0; metric->labels[k]; k++)
			free(fresh.labels[k]);
		return NULL;
	}
	if (metric->type == METRIC_HISTOGRAM)
		fresh.buckets = xcalloc(metric->bound_count + 1, sizeof(*fresh.buckets));
	xgrow((void *)&family->series, &family->capacity, family->count + 1, sizeof(*family->series));
	family->series[family->count] = fresh;
	return &family->series[family->count++];
}

void metrics_set(struct metrics *metrics, size_t row, int64_t value, const char *const *labels)
{
	struct series *series = find(metrics, row, labels);

	assert(metrics->rows[row].type != METRIC_HISTOGRAM);
	if (series)
		series->value = value;
}

void metrics_add(struct metrics *metrics, size_t row, int64_t by, const char *const *labels)
{
	struct series *series = find(metrics, row, labels);

	assert(metrics->rows[row].type == METRIC_COUNTER && by >= 0);
	if (series)
		series->value += by;
}

void metrics_observe(struct metrics *metrics, size_t row, int64_t value, const char *const *labels)
{
	const struct metric *metric = &metrics->rows[row];
	struct series *series = find(metrics, row, labels);
	size_t i = 0;

	assert(metric->type == METRIC_HISTOGRAM);
	if (!series)
		return;
	if (value < 0)
		value = 0; /* a clock went back under it: a sum that falls would look like a restart */
	while (i < metric->bound_count && value > metric->bounds[i])
		i++;
	series->buckets[i]++;
	series->value += value;
}

/* --- text -------------------------------------------------------------------------------------------------------------------- */

/* 1500 with a scale of 1000 is "1.5", 2000 is "2.0", exactly: no rounding and no locale. */
static void add_number(struct buf *ret, int64_t value, int64_t scale)
{
	uint64_t n = value < 0 ? -(uint64_t)value : (uint64_t)value, rest = n % (uint64_t)scale;

	if (value < 0)
		buf_add_char(ret, '-');
	buf_printf(ret, "%" PRIu64, n / (uint64_t)scale);
	if (scale == 1)
		return;
	buf_add_char(ret, '.');
	do {
		rest *= 10;
		buf_add_char(ret, (char)('0' + rest / (uint64_t)scale));
		rest %= (uint64_t)scale;
	} while (rest);
}

static void add_escaped(struct buf *ret, const char *text, bool quotes)
{
	for (; *text; text++) {
		if (*text == '\n')
			buf_add_str(ret, "\\n");
		else if (*text == '\\' || (quotes && *text == '"'))
			buf_printf(ret, "\\%c", *text);
		else
			buf_add_char(ret, *text);
	}
}

/* Up to the value. `le`: of a bucket; NULL = none. */
static void add_head(struct buf *ret, const struct metric *metric, const struct series *series, const char *suffix, const char *le)
{
	size_t count = 0;

	buf_printf(ret, "%s%s", metric->name, suffix);
	for (; metric->labels[count]; count++) {
		buf_printf(ret, "%c%s=\"", count ? ',' : '{', metric->labels[count]);
		add_escaped(ret, series->labels[count], true);
		buf_add_char(ret, '"');
	}
	if (le)
		buf_printf(ret, "%cle=\"%s\"", count++ ? ',' : '{', le);
	buf_add_str(ret, count ? "} " : " ");
}

static void add_histogram(struct buf *ret, const struct metric *metric, const struct series *series)
{
	uint64_t sum = 0;

	for (size_t i = 0; i <= metric->bound_count; i++) {
		CLEANUP(buf_clear) struct buf le = { 0 };

		if (i == metric->bound_count)
			buf_add_str(&le, "+Inf");
		else
			add_number(&le, metric->bounds[i], metric->scale);
		sum += series->buckets[i];
		add_head(ret, metric, series, "_bucket", buf_str(&le));
		buf_printf(ret, "%" PRIu64 "\n", sum);
	}
	add_head(ret, metric, series, "_sum", NULL);
	add_number(ret, series->value, metric->scale);
	buf_add_char(ret, '\n');
	add_head(ret, metric, series, "_count", NULL);
	buf_printf(ret, "%" PRIu64 "\n", sum);
}

void metrics_write(const struct metrics *metrics, bool open, struct buf *ret)
{
	static const char *const types[] = { "counter", "gauge", "histogram" };

	for (size_t row = 0; row < metrics->count; row++) {
		const struct metric *metric = &metrics->rows[row];
		const struct family *family = &metrics->families[row];
		const char *total = metric->type == METRIC_COUNTER ? "_total" : "", *own = open ? "" : total;

		if (!family->count)
			continue;
		buf_printf(ret, "# HELP %s%s ", metric->name, own);
		add_escaped(ret, metric->help, open);
		buf_printf(ret, "\n# TYPE %s%s %s\n", metric->name, own, types[metric->type]);
		if (open && metric->unit[0])
			buf_printf(ret, "# UNIT %s %s\n", metric->name, metric->unit);
		for (size_t i = 0; i < family->count; i++) {
			if (metric->type == METRIC_HISTOGRAM) {
				add_histogram(ret, metric, &family->series[i]);
				continue;
			}
			add_head(ret, metric, &family->series[i], total, NULL);
			add_number(ret, family->series[i].value, metric->scale);
			buf_add_char(ret, '\n');
		}
	}
	if (open)
		buf_add_str(ret, "# EOF\n");
}

bool metrics_wants_open(const char *accept)
{
	return accept && strstr(accept, "application/openmetrics-text");
}

const char *metrics_media_type(bool open)
{
	return open ? "application/openmetrics-text; version=1.0.0; charset=utf-8" : "text/plain; version=0.0.4; charset=utf-8";
}
