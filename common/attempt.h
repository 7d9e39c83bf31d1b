/*
 * attempt - one try to contact one debtor: its id, and what became of it. Pure.
 */
#ifndef DUNNINGD_COMMON_ATTEMPT_H
#define DUNNINGD_COMMON_ATTEMPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/json.h"

#define ATTEMPT_ID_SIZE 27 /* 26 characters and NUL */

/*
 * ULID-shaped, Crockford base 32: 48 bits of the step's due instant, 10 bits partition, 70 bits of HMAC-SHA-256(install key,
 * debtor | leading invoice | step | channel | recipient | try). Deterministic, so that a rolled-back store or another host
 * comes to the same id, which is the provider's idempotency key. `try` rises only after a certain failure.
 */
struct attempt_name {
	const char *debtor, *invoice, *step, *channel, *recipient;
	uint32_t attempt_try, partition;
	int64_t due_at; /* ms UTC */
};
void attempt_id(const uint8_t install_key[32], const struct attempt_name *name, char ret[ATTEMPT_ID_SIZE]);

/* 0 .. 1023. Of an id that attempt_id() made. */
uint32_t attempt_partition(const char *id);

/* What a provider's answer, or its absence, means. */
enum outcome_kind {
	OUTCOME_ACCEPTED, /* a 2xx with its id */
	OUTCOME_REFUSED, /* certainly not sent, and the same request would be refused again */
	OUTCOME_THROTTLED, /* certainly not sent, try later */
	OUTCOME_TEMPORARY, /* certainly not sent: no byte of the request left, or the provider says so */
	OUTCOME_IN_DOUBT, /* may have been sent */
	OUTCOME_CANCELLED, /* may_start said no: no byte left */
	OUTCOME_COUNT
};
extern const char *const outcome_names[OUTCOME_COUNT + 1];

enum outcome_scope { SCOPE_MESSAGE, SCOPE_RECIPIENT, SCOPE_PROVIDER, SCOPE_COUNT };
extern const char *const scope_names[SCOPE_COUNT + 1];

struct outcome {
	enum outcome_kind kind;
	enum outcome_scope scope; /* whom a refusal concerns; SCOPE_PROVIDER stops the provider, not the message */
	const char *reason; /* stable word: "accepted", "bad_address", "stopped", "config", "timeout", "no_id" ... never NULL */
	const char *provider_id; /* NULL unless accepted */
	int status; /* HTTP status, 0 = none */
	int64_t retry_after_ms; /* 0 = unknown; clamped by the caller */
	const char *raw; /* the answer as it came (status line, headers, body; capped), or NULL */
	size_t raw_len;
	const char *remote; /* "203.0.113.7:443", or NULL */
	const char *detail; /* why there was no connection, for people: "localhost:25: Connection refused"; NULL = it is not known, or there was one */
	const char *raw_type; /* its media type; NULL = "application/http" */
};

#endif
