/*
 * adapter_hook - what a provider tells us by itself: the `webhooks` of a provider file. A request is verified over its raw bytes, then read
 * into events. Pure: no I/O, no clock, no logging. The language is described in dunningd-provider(5) and FORMATS.md.
 */
#ifndef DUNNINGD_COMMON_ADAPTER_HOOK_H
#define DUNNINGD_COMMON_ADAPTER_HOOK_H

#include "common/adapter.h"

#define HOOK_AHEAD_MS (INT64_C(5) * 60 * 1000) /* so far may a provider's clock be before ours */
#define HOOK_SEEN_MS (INT64_C(7) * 24 * 3600 * 1000) /* an event is known for so long: the longest that a provider repeats, and more */
/* The oldest signature that is taken: what is forgotten as an event is not taken as a request any more. */
#define HOOK_FRESH_MS (HOOK_SEEN_MS - HOOK_AHEAD_MS)
#define HOOK_EVENTS_MAX 20000 /* in one request: no more than a body of 1 MiB has of the shortest that any provider sends */
#define HOOK_BODY_MAX 52428800 /* bytes */
#define HOOK_FILES_MAX 20 /* that are named; behind them stands how many more there were */
#define HOOK_ID_SIZE 65 /* hex SHA-256 and NUL */

struct hook;

/* The webhook of this path ("" is the one without). NULL: the file has none. Lives as long as the adapter. */
const struct hook *adapter_hook(const struct adapter *adapter, const char *path);
/* Whether the path is followed by one more segment that is the secret: verification "path_secret". */
bool hook_secret_in_path(const struct hook *hook);
bool hook_by_get(const struct hook *hook); /* a GET whose query is what it tells; else a POST */
struct hook_answer { /* of what is taken: its body, for providers that act on it; NULL: what we like */
	const char *type, *body;
};
const struct hook_answer *hook_answer(const struct hook *hook);
size_t hook_body_bytes(const struct hook *hook); /* how long a body of it may be, as its file says; 0 = it does not say */
int hook_refused_status(const struct hook *hook); /* of what is not the provider's: 401, or what the file says makes it stop */
/* Verification is "none": whoever knows the address may write what he likes. What it says changes nothing. */
bool hook_unverified(const struct hook *hook);
/*
 * Until when it can be verified by certificates: true, *setting the one given that lasts longest, *until its end (ms UTC), 0 where none can be read.
 * False: it is verified otherwise, or none is given.
 */
bool hook_certificate(const struct hook *hook, const struct provider_settings *settings, const char **setting, int64_t *until);
/* The i-th header that its signature needs to be checked again; NULL: there are no more. Never one that is itself the secret. */
const char *hook_signed_header(const struct hook *hook, size_t i);
/* Calls fn for each webhook, until it gives something other than 0. */
int adapter_each_hook(const struct adapter *adapter, int (*fn)(const char *path, const struct hook *hook, void *arg), void *arg);

struct hook_request { /* as it came; borrowed */
	const char *url; /* as the provider called it: public, with query */
	const char *path_secret; /* behind the webhook's path, "" = nothing */
	const struct http_header *headers;
	size_t header_count;
	const char *body; /* NUL-terminated beyond len; of a GET its query, as it stands */
	size_t body_len;
	int64_t now; /* ms UTC */
};

struct hook_proof {
	bool verified; /* false: "none" */
	const char *once; /* hex; the same value with another body is a forgery. NULL: the body is signed itself */
};

/*
 * 0, *ret filled. -EACCES: not from the provider; codes "no_signature", "bad_signature", "stale", "no_time", "unsigned_body", "twice" (a
 * header that must be one). -EBADMSG: the body cannot be read as far as it must be for that. -ENOENT: "no_key", none of the keys is set.
 * Comparisons take the same time whatever differs. `input`: settings, secret and now alone are used.
 */
int hook_verify(const struct hook *hook, const struct adapter_input *input, const struct hook_request *request, struct arena *arena,
	struct hook_proof *ret, struct err *err);

/*
 * Of a verified request of Amazon SNS that asks whether its topic may write here: the address that a person opens to say yes. NULL: it asks
 * nothing, or its address is not Amazon's. Such a request has no events.
 */
const char *hook_asks(const struct hook *hook, const struct hook_request *request, struct arena *arena);

/* What became of a message, in our words. */
enum hook_word {
	HOOK_SENT, /* it left the provider, or will: proof that it has our request */
	HOOK_DELIVERED,
	HOOK_DEFERRED,
	HOOK_BOUNCED_HARD, /* nobody is there */
	HOOK_BOUNCED_SOFT,
	HOOK_FAILED, /* it never left, or was given up: nothing is said of the address */
	HOOK_UNCLAIMED, /* a letter of which the recipient was told, and which he did not fetch */
	HOOK_REFUSED, /* a letter that he did not take */
	HOOK_COMPLAINED,
	HOOK_OPENED,
	HOOK_STOPPED, /* the recipient wants no more of it */
	HOOK_SUPPRESSED, /* that is why the provider kept this one back */
	HOOK_REPLIED,
	HOOK_OTHER, /* a word that the file does not know: kept, changes nothing */
	HOOK_IGNORED, /* the file says that it is of no interest */
	HOOK_WORD_COUNT
};
extern const char *const hook_words[HOOK_WORD_COUNT + 1]; /* "sent", "delivered" ... */
bool hook_word_wants_no_more(enum hook_word word);
bool hook_word_of_letters(enum hook_word word); /* what letter.status_updated tells, in its very words: see letter_unclaimed() */

struct hook_event { /* NULL: not told */
	enum hook_word word;
	const char *said; /* the provider's own word */
	const char *attempt_id; /* ours, echoed */
	const char *message_id; /* the provider's */
	const char *id; /* hex: the same event told twice has the same */
	int64_t at; /* ms UTC, 0 = not told */
	const char *reason, *address, *text;
	const char *recipient; /* whom it is about, where that need not be whom we wrote to */
	bool announced; /* a reply by a key or a word that stands for "I have paid" */
	const char *files; /* what came attached, as a JSON array of {name, type, bytes, sha256}; not its bytes */
	bool unread; /* an element that is no event: of it `raw`, JSON that is perhaps its beginning as a text, `reason` and `id` are told */
	const char *raw; /* the event alone, as JSON */
	size_t raw_len;
};

/*
 * 0 with *ret (in the arena) and *count, which may be 0. Of a list whose sender is verified an element that cannot be read is `unread`, and the others
 * are told. -EBADMSG: the body is not of the form that the file says; `err` has code and path.
 */
int hook_read(const struct hook *hook, const struct hook_request *request, struct arena *arena, struct hook_event **ret, size_t *count,
	struct err *err);

#endif
