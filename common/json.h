/*
 * json - reading JSON strictly, writing it compactly. The only module that includes json-c.
 *
 * Reading: an RFC 8259 scanner runs first. What passes is built in the arena: our own files by json-c (and then taken over), the
 * documents that come by thousands by json_tree.c. Strings in the result contain no NUL. A parsed document belongs to the arena
 * it was parsed into; all strings are borrowed from it.
 *
 * A `struct json` is a small value: a node plus how it was reached, so that every complaint can name its path.
 * Getters take the parent and a member name. They fill `err` with code, path and sentence and return -EBADMSG.
 * Codes: "missing", "wrong_type", "out_of_range", "not_one_of", "bad_id", "bad_date", "bad_time", "too_long".
 */
#ifndef DUNNINGD_COMMON_JSON_H
#define DUNNINGD_COMMON_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/err.h"

#define JSON_DEPTH_MAX 32
#define JSON_EVENT_MAX (256 * 1024) /* bytes of an event */

enum json_type { JSON_NONE, JSON_NULL, JSON_BOOL, JSON_INT, JSON_STRING, JSON_ARRAY, JSON_OBJECT, JSON_DOUBLE };

struct json_node;
struct json {
	const struct json_node *node; /* NULL = absent or null */
	const struct json *parent; /* NULL at the root; must outlive this value */
	const char *key; /* member name, or NULL for an array item */
	size_t index; /* in an array */
	enum json_type type; /* JSON_NONE = absent */
};

/*
 * Scan flags. JSON_COMMENTS: // and block comments and one trailing comma are allowed (our files, never events).
 * JSON_FRACTIONS: numbers with fraction or exponent are allowed (never in events: code "not_integer").
 */
#define JSON_COMMENTS 1u
#define JSON_FRACTIONS 2u
/* json_parse() only: made by our writer (below) in this process, and never out of it. It is not scanned, and must be what it is said to be. */
#define JSON_OURS 4u

/*
 * Checks `text` against RFC 8259 and our limits: one value, depth <= 32, no duplicate member names, valid UTF-8,
 * no U+0000, no lone surrogates, integers within int64. 0, or -EBADMSG with code "bad_json", "too_deep", "duplicate_key",
 * "bad_utf8", "not_integer", "out_of_range" and in `err->text` the byte offset; path is the JSON path reached.
 */
int json_scan(const char *text, size_t len, unsigned flags, struct err *err);

/* json_scan(), then the document. On 0 *ret is the root. */
int json_parse(struct arena *arena, const char *text, size_t len, unsigned flags, struct json *ret, struct err *err);

void json_path(const struct json *json, const char *key, char *ret, size_t size); /* "$.a.b[3].key"; key may be NULL */
int json_refuse(const struct json *json, const char *key, struct err *err, const char *code, const char *format, ...)
	__attribute__((format(printf, 5, 6))); /* err_set with this path; returns -EBADMSG */

/* Members and items; an absent one, and null, is a json with type JSON_NONE, so look-ups chain. */
struct json json_get(const struct json *object, const char *key);
bool json_has(const struct json *object, const char *key);
size_t json_len(const struct json *array_or_object); /* 0 for anything else */
struct json json_at(const struct json *array, size_t i);
/* Iterates members: for (size_t i = 0; json_member(obj, &i, &key, &value);) - key is borrowed from the document. */
bool json_member(const struct json *object, size_t *i, const char **key, struct json *value);

/* Plain values of a node; the wrong type gives NULL, 0 or false. */
const char *json_str(const struct json *json);
const char *json_text(const struct json *object, const char *key); /* of a member */
int64_t json_int(const struct json *json);
bool json_bool(const struct json *json);
double json_double(const struct json *json);

/* Required members unless the name says opt_; an optional one that is absent or null leaves *ret untouched. */
int json_get_object(const struct json *object, const char *key, struct json *ret, struct err *err);
int json_opt_object(const struct json *object, const char *key, struct json *ret, struct err *err);
int json_get_array(const struct json *object, const char *key, struct json *ret, struct err *err);
int json_opt_array(const struct json *object, const char *key, struct json *ret, struct err *err);
int json_get_str(const struct json *object, const char *key, size_t max, const char **ret, struct err *err);
int json_opt_str(const struct json *object, const char *key, size_t max, const char **ret, struct err *err);
int json_get_int(const struct json *object, const char *key, int64_t min, int64_t max, int64_t *ret, struct err *err);
int json_opt_int(const struct json *object, const char *key, int64_t min, int64_t max, int64_t *ret, struct err *err);
int json_opt_bool(const struct json *object, const char *key, bool *ret, struct err *err);
/* Ids: [A-Za-z0-9._:/@+=-]{1,128} */
int json_get_id(const struct json *object, const char *key, const char **ret, struct err *err);
int json_opt_id(const struct json *object, const char *key, const char **ret, struct err *err);
bool id_valid(const char *id);
/* A word out of names[] (NULL-terminated); *ret is its index. */
int json_get_word(const struct json *object, const char *key, const char *const *names, int *ret, struct err *err);
int json_opt_word(const struct json *object, const char *key, const char *const *names, int *ret, struct err *err);
/* Refuses any member whose name is not in names[] (NULL-terminated), code "unknown_member". */
int json_only(const struct json *object, const char *const *names, struct err *err);

/* Serialises a node compactly (the same bytes for the same document; '/' is not escaped). */
void json_write(struct buf *buf, const struct json *json);

/*
 * A writer. Commas are placed by itself; strings must be valid UTF-8 (others are written with U+FFFD for bad bytes).
 * Inside an object give a key, inside an array NULL. jw_opt_str leaves the member out when NULL or empty.
 */
struct json_writer {
	struct buf *buf;
	bool comma;
};
struct json_writer jw_init(struct buf *buf);
void jw_object(struct json_writer *w, const char *key);
void jw_end_object(struct json_writer *w);
void jw_array(struct json_writer *w, const char *key);
void jw_end_array(struct json_writer *w);
void jw_str(struct json_writer *w, const char *key, const char *value);
void jw_strn(struct json_writer *w, const char *key, const char *value, size_t len);
void jw_opt_str(struct json_writer *w, const char *key, const char *value);
void jw_int(struct json_writer *w, const char *key, int64_t value);
void jw_opt_int(struct json_writer *w, const char *key, int64_t value); /* left out when 0 */
void jw_bool(struct json_writer *w, const char *key, bool value);
void jw_null(struct json_writer *w, const char *key);
void jw_raw(struct json_writer *w, const char *key, const char *json, size_t len); /* already JSON */
void jw_json(struct json_writer *w, const char *key, const struct json *json);

/*
 * A document made of values at hand, in the arena and never as text. Keys and strings are borrowed and must live as long; strings are
 * valid UTF-8. Nesting up to JSON_DEPTH_MAX. Inside an object give a key, inside an array NULL.
 */
struct json_maker {
	struct arena *arena;
	struct json_node *nodes; /* of the containers that are open, and of them */
	size_t used, capacity, depth;
	size_t open[JSON_DEPTH_MAX];
};
struct json_maker jm_init(struct arena *arena);
void jm_object(struct json_maker *m, const char *key);
void jm_array(struct json_maker *m, const char *key);
void jm_end(struct json_maker *m);
void jm_str(struct json_maker *m, const char *key, const char *value);
void jm_opt_str(struct json_maker *m, const char *key, const char *value); /* left out when NULL or empty */
void jm_int(struct json_maker *m, const char *key, int64_t value);
void jm_bool(struct json_maker *m, const char *key, bool value);
void jm_same(struct json_maker *m, const char *key, const struct json *value); /* once more under this key; not an absent one */
struct json jm_last(const struct json_maker *m); /* the value that was ended last: the document, or an item of it */

#endif
