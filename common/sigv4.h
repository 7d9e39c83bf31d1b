/*
 * sigv4 - AWS Signature Version 4 of one request, in its headers. libcurl signs too, but of a query it signs another text from version to version:
 * 7.88 as it stands, 8.14 with "%2B" as a space (curl pull request 20550), and S3's version ids have such.
 * Source: docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
#ifndef DUNNINGD_COMMON_SIGV4_H
#define DUNNINGD_COMMON_SIGV4_H

#include "common/adapter.h"

#define SIGV4_DATE "x-amz-date"

struct sigv4 {
	const char *date, *authorization; /* the values of x-amz-date and Authorization */
};

/*
 * Signs the host, all headers given, the query and the body, at `now` (ms UTC). A query in the URL stands as it is to be signed: sorted, with '=' behind
 * each name, each byte but letters, digits and "-._~" encoded. All lies in the arena.
 */
struct sigv4 sigv4_sign(struct arena *arena, const struct http_request *request, const struct http_signer *signer, int64_t now);

#endif
