/*
 * measured - a transport_port before another one, that tells what became of each attempt and how long its provider took.
 */
#ifndef DUNNINGD_DAEMON_MEASURED_H
#define DUNNINGD_DAEMON_MEASURED_H

#include "daemon/ports.h"

struct measured;

/* took_ms: from the moment that the first byte might leave to the outcome; -1 = none did. `provider` is borrowed for the call. */
typedef void (*measured_fn)(enum channel channel, const char *provider, enum outcome_kind outcome, int64_t took_ms, void *arg);

/* `behind` is borrowed for life; what it never answers is freed with the whole. */
struct measured *measured_create(const struct transport_port *behind, measured_fn fn, void *arg);
void measured_destroy(struct measured *measured); /* once `behind` calls nobody any more. NULL is allowed */
const struct transport_port *measured_port(struct measured *measured);

#endif
