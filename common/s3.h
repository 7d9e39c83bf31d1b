/*
 * s3 - copies in somebody else's keeping: which requests put one object into an S3 store under Object Lock, and what the answers come to.
 * Pure; the requests are still to be signed (AWS Signature Version 4). Source: Amazon S3 API reference, PutObject, GetObject, HeadObject,
 * "Object Lock", "Conditional writes".
 *
 * An object that is there already is never overwritten but compared: other bytes under one of our names mean that somebody else writes
 * this log.
 */
#ifndef DUNNINGD_COMMON_S3_H
#define DUNNINGD_COMMON_S3_H

#include <stdbool.h>
#include <stdint.h>

#include "common/adapter.h"
#include "common/buf.h"
#include "common/cleanup.h"

#define S3_OBJECT_MAX (64u << 20) /* bytes; what is compared is held in memory */

struct s3_store {
	const char *endpoint; /* "https://s3.eu-west-3.amazonaws.com", without a path */
	const char *bucket;
	int64_t timeout_ms; /* of each request */
};

enum s3_lock {
	S3_NO_LOCK,
	S3_GOVERNANCE, /* who has the permission may lift it */
	S3_COMPLIANCE, /* nobody may, not even the account's owner, before its date: never for anything personal */
};
struct s3_object {
	const char *key; /* "trail.example.com/acme/2026/checkpoints/300" */
	const char *type; /* Content-Type */
	struct slice bytes; /* borrowed until the end; at most S3_OBJECT_MAX */
	enum s3_lock lock;
	int64_t retain_until; /* ms UTC; of a lock */
	bool moving; /* overwritten time and again: `checkpoint`, and each file of the key store. Never locked */
	bool erasable; /* it must be possible to delete it: found locked it is an error, whoever locked it */
};

enum s3_step { /* the request that comes next, or how it ended */
	S3_LOOK, /* is it there? For stores that know no conditional writes */
	S3_PUT,
	S3_COMPARE, /* it is there: the same? */
	S3_CHECK, /* it is there, and right: as long as it should be, and locked? */
	S3_COPIED,
	S3_CONFLICT, /* there, with other bytes */
	S3_UNLOCKED, /* there, but not seen to be locked */
	S3_LOCKED, /* there, and locked although it must not be */
	S3_REFUSED, /* the account may not, or there is no such bucket: a person must look */
	S3_FAILED, /* try later */
};
const char *s3_step_word(enum s3_step step); /* "copied", "conflict" ...: stable */

struct s3_upload {
	const struct s3_store *store; /* borrowed until the end */
	struct s3_object object;
	enum s3_step step; /* S3_COPIED and later: it has ended */
	bool unconditional; /* the store knows no If-None-Match: it is looked first */
	bool found; /* it was there before */
};
void s3_begin(struct s3_upload *upload, const struct s3_store *store, const struct s3_object *object);
/* The request of the present step. Strings live in the arena, the body is the object's. */
void s3_request(const struct s3_upload *upload, struct arena *arena, struct http_request *ret);
/* A plain GET of that key, whatever lies there. */
void s3_get_request(const struct s3_store *store, const char *key, struct arena *arena, struct http_request *ret);
size_t s3_answer_max(const struct s3_upload *upload); /* bytes of its answer's body that must be kept */
/* Takes the answer and returns the step that comes then. A request that got no whole answer: status 0. */
enum s3_step s3_answer(struct s3_upload *upload, const struct http_answer *answer);

/* --- s3_versions.c: what a bucket with versioning keeps of an object that was overwritten --- */

#define S3_VERSIONS_MAX 100 /* in one answer */
#define S3_VERSIONS_BYTES (S3_VERSIONS_MAX * 4096u + 4096u) /* of such an answer, at most */

struct s3_versions {
	const char *old[S3_VERSIONS_MAX]; /* ids of all but the newest, marks of deletion too; in the arena */
	size_t count;
	bool latest; /* the newest one was among them */
	bool more; /* there are others */
};
/* ListObjectVersions, DeleteObject. Strings live in the arena. */
void s3_versions_request(const struct s3_store *store, const char *key, struct arena *arena, struct http_request *ret);
void s3_delete_request(const struct s3_store *store, const char *key, const char *version, struct arena *arena, struct http_request *ret);
/* Reads the answer's body. -EBADMSG: it is no such list, or not whole; nothing may be concluded from it. */
int s3_versions_read(const char *xml, size_t len, const char *key, struct arena *arena, struct s3_versions *ret);

#endif
