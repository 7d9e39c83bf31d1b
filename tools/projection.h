/*
 * projection - what Redis holds, made of after-images alone: they are applied in their order to a keyspace in memory. Pure.
 */
#ifndef DUNNINGD_TOOLS_PROJECTION_H
#define DUNNINGD_TOOLS_PROJECTION_H

#include "common/cleanup.h"
#include "common/images.h"

enum projected_kind { PROJECTED_STRING, PROJECTED_HASH, PROJECTED_ZSET, PROJECTED_STREAM };
struct projected_field {
	const char *name; /* field, member, or an entry's id */
	const char *value; /* NUL-terminated; NULL of a member */
	size_t len;
	int64_t number; /* score; of an entry: MAXLEN, 0 = none */
	bool event; /* an entry with the one field `event`, whose value it is; else a JSON array of strings */
};
struct projected {
	const char *key;
	enum projected_kind kind;
	const char *value; /* STRING; NUL-terminated */
	size_t len;
	int64_t until; /* STRING: when it ends, ms UTC; 0 = never */
	struct projected_field *fields; /* of a stream in their order, else in none */
	size_t count;
};

struct projection;
struct projection *projection_create(void);
void projection_free(struct projection *projection); /* NULL is allowed */
DEFINE_CLEANUP(struct projection, projection_free)
void projection_apply(struct projection *projection, const struct image *image);
/* NULL: there is none. Valid until the next projection_apply(). */
const struct projected *projection_find(const struct projection *projection, const char *key);
const struct projected_field *projected_find(const struct projected *value, const char *field);
/* fn: 0 goes on, else ends the walk and is given back. In no order. */
typedef int (*projected_fn)(const struct projected *value, void *arg);
int projection_each(const struct projection *projection, projected_fn fn, void *arg);

#endif
