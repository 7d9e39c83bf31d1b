/*
 * adapter - a provider as a data file: how a message becomes an HTTP request, what an answer means, how a doubt is looked up.
 * Pure: no I/O, no clock, no logging. Never changed after adapter_parse(). The language is described in FORMATS.md and by the
 * shipped files in daemon/share/providers.
 */
#ifndef DUNNINGD_COMMON_ADAPTER_H
#define DUNNINGD_COMMON_ADAPTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attempt.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/config.h"
#include "common/err.h"
#include "common/message.h"
#include "common/pace.h"

#define ADAPTER_FILE_MAX (256 * 1024) /* bytes of a provider file */

struct adapter;
/* The value of a credential, or NULL when there is none; borrowed for the call that asks. */
typedef const char *(*adapter_secret_fn)(const char *credential, void *arg);

/*
 * On 0 the caller owns *ret: adapter_free() gives it back. -EBADMSG: `err` names the JSON path and what is wrong there (unknown
 * member, unknown value or filter, bad pointer, a secret in a URL ...). Comments are allowed.
 */
int adapter_parse(const char *json, size_t len, struct adapter **ret, struct err *err);
/* Requests under way outlive a reload: each holds a reference of its own. */
struct adapter *adapter_ref(const struct adapter *adapter);
void adapter_free(struct adapter *adapter); /* drops one reference; NULL is allowed */
DEFINE_CLEANUP(struct adapter, adapter_free)

const char *adapter_name(const struct adapter *adapter);
bool adapter_serves(const struct adapter *adapter, enum channel channel);
bool adapter_sends(const struct adapter *adapter); /* false: it only tells, of what others sent by its channel */
/* How long the provider remembers a dispatch id and answers a second request with it as the first; 0 = it does not. */
int64_t adapter_idempotency_ms(const struct adapter *adapter);
struct pace_limits adapter_limits(const struct adapter *adapter); /* as the file states them; concurrency is never 0 */
bool adapter_delivers(const struct adapter *adapter, enum letter_delivery delivery); /* letters go so */
size_t adapter_documents(const struct adapter *adapter); /* so many PDFs can make one letter: itself, and what is enclosed */
bool adapter_takes_files(const struct adapter *adapter); /* a message with attachments can be sent through it */
bool adapter_can_lookup(const struct adapter *adapter);
int64_t adapter_lookup_not_before_ms(const struct adapter *adapter); /* after the request: sooner is pointless */
/* From this age on a look-up that finds nothing proves that nothing was sent; 0 = it never does. */
int64_t adapter_lookup_conclusive_ms(const struct adapter *adapter);

/*
 * That the settings are those the adapter asks for: none missing, none unknown, the URL with them is https (or http on a loopback
 * host) and a sample message can be built. -EBADMSG.
 */
int adapter_check_settings(const struct adapter *adapter, const struct provider_settings *settings, struct err *err);
/* Whether everything it asks for, with these (checked) settings, lies on this computer: then nobody outside can be contacted. */
bool adapter_is_local(const struct adapter *adapter, const struct provider_settings *settings);
/* The URL that a message would go to, in place of what `ret` holds; with what stands behind the host made up. -EBADMSG. */
int adapter_address(const struct adapter *adapter, const struct provider_settings *settings, struct buf *ret);
/* Calls fn with the credential name of each secret in the settings, until it gives something other than 0. */
int adapter_each_secret(const struct adapter *adapter, const struct provider_settings *settings,
	int (*fn)(const char *credential, void *arg), void *arg);

/*
 * What the means to settle a doubt rest on, for a digest under a key: the parts of the file that send and find a message, then the name and
 * value of each setting that those name. A secret counts by its value, since it is the account; not where a setting names the account (`account`
 * in the file), for which its secrets may be renewed. The list lies in the arena, what it points to is borrowed; each text ends with its NUL.
 */
size_t adapter_means(const struct adapter *adapter, const struct provider_settings *settings, adapter_secret_fn secret, void *secret_arg,
	struct arena *arena, const struct slice **ret);

/* Calls fn for each thing that the configuration may or must give it, until it gives something other than 0. */
int adapter_each_setting(const struct adapter *adapter, int (*fn)(const char *name, bool required, bool secret, void *arg), void *arg);

/* What the answer of a step gave: see adapter_step_answer(). */
struct adapter_bound {
	const char *name; /* "upload.url" */
	const char *value;
};

/* What a request is made from. */
struct adapter_input {
	const struct provider_settings *settings;
	adapter_secret_fn secret; /* NULL: the form for records, each secret as "***" */
	void *secret_arg;
	const struct message *message;
	int64_t now; /* ms UTC */
	int64_t sent_at; /* for look-ups: when the doubtful request was begun */
	const char *token; /* of adapter_token_answer(); NULL = none yet */
	const struct adapter_bound *bound; /* by the steps before this one */
	size_t bound_count;
};

struct http_header {
	const char *name, *value;
};

/* AWS Signature Version 4, see sigv4.h: made when it is sent, as it holds for minutes. */
struct http_signer {
	const char *region, *service; /* "eu-west-3", "s3" */
	const char *id, *secret;
};

struct http_request {
	const char *method; /* "POST" */
	const char *url; /* https, or http on a loopback host; no user info */
	const struct http_header *headers;
	size_t header_count;
	const char *body; /* NULL = none */
	size_t body_len;
	const struct http_signer *signer; /* NULL = it is sent as it is */
	int64_t timeout_ms; /* for the whole exchange */
};

/* An answer as it came. `head` is the status line and headers with their line ends, without the empty line. */
struct http_answer {
	int status;
	const char *head;
	size_t head_len;
	const char *body;
	size_t body_len;
	bool truncated; /* the body went on: what is kept cannot be believed as JSON */
};

/*
 * Strings live in the arena. -EBADMSG with a code: "bad_address" (the recipient's, see message_check()), "missing_value",
 * "bad_value", "control_character", "too_long", "bad_url", "no_attachments"; -ENOENT "no_credential"; -EAGAIN "not_bound" when the
 * token or a step's value is wanted and not there. Nothing was sent in any of these cases.
 */
int adapter_request(const struct adapter *adapter, const struct adapter_input *input, struct arena *arena,
	struct http_request *ret, struct err *err);

/*
 * What the answer means: the file's rules in order, then the built-in ones (2xx with its id accepted, without it in doubt; 401 and
 * 403 config; 408, 409 and 425 in doubt; 429 throttled; other 4xx refused; all else in doubt). Never fails. `now` is for
 * Retry-After as a date. Strings live in the arena; ret->raw is a copy of the answer.
 */
void adapter_answer(const struct adapter *adapter, const struct http_answer *answer, int64_t now, struct arena *arena,
	struct outcome *ret);

/*
 * Requests before the one that sends: a token, which is kept for as long as it lives, and steps such as an upload. Nothing reaches a
 * recipient by them, so whatever becomes of one leaves no doubt.
 */
bool adapter_has_token(const struct adapter *adapter);
int adapter_token_request(const struct adapter *adapter, const struct adapter_input *input, struct arena *arena,
	struct http_request *ret, struct err *err);
/* 0: *token (in the arena) may be used until *until, ms UTC. -EBADMSG: there is none, and `failed` says what that means. */
int adapter_token_answer(const struct adapter *adapter, const struct http_answer *answer, int64_t now, struct arena *arena,
	const char **token, int64_t *until, struct outcome *failed);
size_t adapter_step_count(const struct adapter *adapter);
int adapter_step_request(const struct adapter *adapter, size_t step, const struct adapter_input *input, struct arena *arena,
	struct http_request *ret, struct err *err);
/* 0: `ret` (room for ADAPTER_BINDS_MAX) got *count values for the requests that follow. -EBADMSG: as above. */
#define ADAPTER_BINDS_MAX 8
int adapter_step_answer(const struct adapter *adapter, size_t step, const struct http_answer *answer, int64_t now,
	struct arena *arena, struct adapter_bound *ret, size_t *count, struct outcome *failed);

/* A look-up under way: the request, and what the message must look like in the answer. Lives in the arena. */
struct adapter_lookup;
/* -ENOTSUP: the provider has none. Otherwise as adapter_request(). A message without text and HTML: no more is known of it than ids. */
int adapter_lookup_request(const struct adapter *adapter, const struct adapter_input *input, struct arena *arena,
	struct http_request *ret, struct adapter_lookup **lookup, struct err *err);
/* 1 and *provider_id when the message is there, 0 when it is not, -EBADMSG when the answer tells neither. */
int adapter_lookup_answer(const struct adapter_lookup *lookup, const struct http_answer *answer, struct arena *arena,
	const char **provider_id);

/* The value of a header (names compare without case), trimmed, in the arena; NULL when absent. The first one counts. */
const char *http_head_get(const struct http_answer *answer, const char *name, struct arena *arena);
/* IMF-fixdate, RFC 850 or asctime form (RFC 9110 section 5.6.7), also with a numeric zone as in mail. -EINVAL. */
int http_date_parse(const char *text, int64_t *ret);

#endif
