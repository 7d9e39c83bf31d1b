/* Whether a JSON value, or a request, is what an OpenAPI 3 description says. Enough of it for shared/provider-specs. */
#ifndef DUNNINGD_TESTS_SCHEMA_H
#define DUNNINGD_TESTS_SCHEMA_H

#include "common/adapter.h"
#include "common/json.h"

/* "" = it is; otherwise what is wrong and where, in the arena. `root` is the whole description, for $ref. */
const char *schema_check(const struct json *root, const struct json *schema, const struct json *value, const char *where, struct arena *arena);
/* The same for a request: its path, query, headers and body against the operation that has this path. */
const char *schema_check_request(const struct json *root, const struct http_request *request, struct arena *arena);

#endif
