/*
 * metrics - numbers about the daemon, and their text for Prometheus: https://prometheus.io/docs/instrumenting/exposition_formats/ (0.0.4) and
 * https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md (1.0). Pure: integers in, text out. A table of rows says
 * which there are; what a label's value may be is its caller's business: words of ours and names of the configuration, never a person's.
 */
#ifndef DUNNINGD_COMMON_METRICS_H
#define DUNNINGD_COMMON_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/cleanup.h"

#define METRIC_LABELS_MAX 3
#define METRIC_VALUE_MAX 64 /* bytes of a label's value; the rest is cut off */

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric {
	const char *name; /* "dunningd_journal_sync_seconds": it ends with its unit; "_total" is added to a counter's */
	enum metric_type type;
	const char *unit; /* "seconds", "bytes"; "" = it counts things */
	int64_t scale; /* a power of ten: values are given in 1/scale of the unit, so 1000 takes milliseconds for seconds */
	const char *labels[METRIC_LABELS_MAX + 1]; /* NULL-terminated */
	size_t series_max; /* combinations of label values, at most; 0 = 1 */
	const int64_t *bounds; /* HISTOGRAM: ascending, in the same 1/scale; the last bucket, +Inf, comes by itself */
	size_t bound_count;
	const char *help;
};

struct metrics;

struct metrics *metrics_create(const struct metric *rows, size_t count); /* the rows are borrowed */
void metrics_free(struct metrics *metrics); /* NULL is allowed */
DEFINE_CLEANUP(struct metrics, metrics_free)

/*
 * `labels`: as many values as the row has names, in its order; NULL when it has none. Copied. A combination beyond the row's series_max is left
 * out and counted: a label that turns out to be without bound costs neither memory here nor there.
 */
void metrics_set(struct metrics *metrics, size_t row, int64_t value, const char *const *labels); /* also a counter that is kept elsewhere */
void metrics_add(struct metrics *metrics, size_t row, int64_t by, const char *const *labels);
void metrics_observe(struct metrics *metrics, size_t row, int64_t value, const char *const *labels); /* HISTOGRAM */
void metrics_reset(struct metrics *metrics, size_t row); /* forgets its series: what is no more must not be told for ever */
uint64_t metrics_left_out(const struct metrics *metrics);

/* All rows that have a value, in their order. `open`: as OpenMetrics, else as Prometheus's older text. */
void metrics_write(const struct metrics *metrics, bool open, struct buf *ret);
/* Whether an HTTP Accept header (NULL = none) asks for OpenMetrics. */
bool metrics_wants_open(const char *accept);
const char *metrics_media_type(bool open);

#endif
