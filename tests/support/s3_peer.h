/*
 * s3_peer - a store that looks like S3: it recomputes each signature (AWS Signature Version 4), knows conditional writes, keeps Object Lock and
 * refuses what S3 refuses. Objects are kept until it goes. An answer function for http_peer.
 *
 * A key that begins with '/' names its bucket too: "/keys/name". In the other bucket what is overwritten stays as an older version.
 */
#ifndef DUNNINGD_TESTS_SUPPORT_S3_PEER_H
#define DUNNINGD_TESTS_SUPPORT_S3_PEER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/cleanup.h"

struct s3_peer;

struct s3_peer_settings {
	const char *region, *id, *secret, *bucket; /* borrowed for life */
	const char *keys_bucket; /* another one, with versioning; NULL = none */
	bool no_conditions; /* 501 for If-None-Match, as older likenesses of S3 */
	bool forgets_locks; /* takes lock headers and does nothing */
	bool locks_keys; /* the other bucket locks whatever is put there */
	bool keeps_versions; /* the key may not DeleteObjectVersion */
	bool unlisted; /* nor ListBucketVersions */
};
struct s3_peer *s3_peer_create(const struct s3_peer_settings *settings);
void s3_peer_destroy(struct s3_peer *peer); /* NULL is allowed */
DEFINE_CLEANUP(struct s3_peer, s3_peer_destroy)

void s3_peer_answer(const struct buf *request, struct buf *answer, void *peer); /* peer_answer_fn */

void s3_peer_set(struct s3_peer *peer, const struct s3_peer_settings *settings); /* from now on; the rest stays as it is */
size_t s3_peer_count(struct s3_peer *peer); /* objects */
size_t s3_peer_versions(struct s3_peer *peer, const char *key); /* of an object */
/* Appends the n-th object's path ("/copies/name") and content, old versions too; false: there are no more. */
bool s3_peer_each(struct s3_peer *peer, size_t n, struct buf *path, struct buf *bytes);
/* Bytes and lock ("COMPLIANCE until 2036-...", "" = none) of an object; false: there is none. */
bool s3_peer_object(struct s3_peer *peer, const char *key, struct buf *bytes, struct buf *lock);
void s3_peer_put(struct s3_peer *peer, const char *key, const char *bytes, const char *mode, const char *until); /* as if by somebody else */
void s3_peer_why(struct s3_peer *peer, struct buf *ret); /* why the last request was refused */

#endif
