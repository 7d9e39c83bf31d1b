/*
 * exposition - a strict reader of what GET /metrics answers, in both of its formats, which knows nothing of common/metrics: families whole and
 * once, each sample with its type, labels well-formed, buckets that rise to their count.
 */
#ifndef DUNNINGD_TESTS_SUPPORT_EXPOSITION_H
#define DUNNINGD_TESTS_SUPPORT_EXPOSITION_H

#include <stdbool.h>
#include <stddef.h>

/* NULL, or what is wrong (static memory). */
const char *exposition_fault(const char *text, bool open);
/* The value of the sample that stands there as `sample`: "dunningd_ready", "a_total{b=\"c\"}". False: there is none. */
bool exposition_value(const char *text, const char *sample, double *ret);

#endif
