/*
 * scrape - that the daemon itself shows what an alert fires at. The rules are tried by series written by hand (tests/metrics/alerts.yml), which a
 * number that is never set passes; check_provoked.sh holds that each alert, with each number that it asks for, is named here by a test.
 */
#ifndef DUNNINGD_TESTS_SUPPORT_SCRAPE_H
#define DUNNINGD_TESTS_SUPPORT_SCRAPE_H

/* Until GET /metrics at that port of 127.0.0.1 has the sample at `value`, or above it. The test fails when it does not come to that. */
void scrape_fires(int port, const char *alert, const char *sample, double value);
void scrape_fires_above(int port, const char *alert, const char *sample, double value);

#endif
