/*
 * config - the daemon's settings as one checked value, from dunningd.json and the files that it names. Pure parsing;
 * common/library reads the files.
 */
#ifndef DUNNINGD_COMMON_CONFIG_H
#define DUNNINGD_COMMON_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "common/event.h"
#include "common/message.h"
#include "common/pace.h"

struct creditor { /* name, locale and zone are always there; NULL = none for the others */
	const char *name, *legal_id, *address, *bank, *locale, *zone, *email, *phone, *url;
	const char *role; /* "creditor", or "third_party_collector" for others' debts */
};

struct sender { /* who a step is sent as */
	const char *profile; /* "default", "accounts" */
	const char *name, *email, *reply_to, *phone;
};

struct producer {
	const char *name; /* NULL: the shared stream dunning:{p}:events */
	uint64_t types; /* bit per enum event_type it may send */
};

#define CHANNEL_PROVIDERS_MAX 4

struct provider_settings {
	const char *name; /* "sandbox" */
	const char *file; /* adapter: "sandbox.json" or a path; "outbox" and "smtp" are built in */
	/*
	 * What the adapter asks for: the members of `settings`, then those of `secrets`, whose values are names of credentials. Pairs
	 * key, value, ended by NULL; no key stands twice.
	 */
	const char *const *settings;
	const char *hooks_url; /* the public address of its webhooks, "https://dunning.example/hooks/sms"; NULL: hooks.public_url is not set */
	int64_t concurrency, per_second, burst, quota[PACE_WINDOW_COUNT]; /* see struct pace_limits; 0 = the adapter's */
	int64_t failures; /* in a row, after which it is left alone for a while; 0 = PACE_FAILURES */
};

/* Somebody else who vouches for the trail, or keeps a copy. */
enum anchor_kind { ANCHOR_TIMESTAMP, ANCHOR_WITNESS, ANCHOR_S3, ANCHOR_KIND_COUNT };
extern const char *const anchor_kind_names[ANCHOR_KIND_COUNT + 1]; /* "timestamp", "witness", "s3" */

struct anchor_settings { /* NULL: not said, or of another kind */
	const char *name; /* "tsa-1": of files and records, for ever */
	enum anchor_kind kind;
	const char *url; /* https, or http; of a witness its prefix, of a store its endpoint; without a '/' at the end */
	int64_t every_ms, timeout_ms;
	const char *roots; /* TIMESTAMP: path of a PEM file */
	const char *policy; /* TIMESTAMP: object identifier */
	const char *authorization; /* TIMESTAMP: credential that holds the value of this header */
	const char *verifier_key; /* WITNESS */
	const char *bucket, *region, *id, *secret; /* S3; id and secret: names of credentials */
	const char *keys_bucket; /* S3: of the key store's copies, another one; NULL = it is not copied */
	int64_t retain_ms; /* S3 */
	bool governance; /* S3: a lock that may be lifted */
};

struct rule_range { /* both included; -1 = no limit */
	int64_t min, max;
};

/* Which policy an invoice walks when neither it nor its customer names one: all conditions that are said must hold. NULL = any. */
struct policy_rule {
	const char *id; /* stands in the trail */
	const char *policy; /* name */
	const char *const *kinds, *const *countries, *const *tags; /* of the customer, and any tag of the invoice; NULL-terminated */
	const char *const *invoice_kinds; /* "deposit", "instalment" ... */
	const char *currency; /* ISO 4217; there when a balance is asked for */
	struct rule_range balance; /* minor units */
	struct rule_range open_invoices; /* others of the debtor, not closed yet */
	struct rule_range paid, paid_late; /* invoices that the debtor paid before, and those after their due date */
	struct rule_range promises_broken; /* to pay by a day */
	struct rule_range deposits, deposits_late; /* that were paid; that were paid late, or are late */
};

struct token_settings { /* who may come to the dashboard */
	const char *who; /* a person; stands in the trail */
	const char *credential; /* name of the one that holds the token */
	bool act; /* not only read */
};

struct costs { /* minor units of the currency; NULL = not said, and only minutes are counted */
	const char *currency;
	int64_t hour; /* of whoever calls and decides */
	int64_t call_minutes, task_minutes; /* where nobody said how long it took */
	int64_t email, sms, voice, letter, registered; /* one message */
};

struct limits {
	int64_t batch; /* stream entries a group, at most */
	int64_t concurrency; /* attempts on the wire at once, over all providers */
	int64_t group_keys, group_bytes;
	int64_t outbound_maxlen, dead_maxlen;
	int64_t segment_bytes;
	int64_t cache_keys; /* cases whose keys are kept in memory */
};

struct config {
	const char *redis_url, *redis_user, *redis_password; /* user may be NULL; password: name of a credential, or NULL */
	bool redis_check_settings; /* appendonly, noeviction, fsync: refuse when wrong */
	int64_t redis_replicas; /* WAIT for so many after a release */
	const char *prefix; /* "dunning" */
	int64_t partitions;
	const char *instance; /* NULL: the host's name, which the daemon knows */
	const char *state_dir;
	const char *origin; /* of the trail, without the year */
	const char *trail_next_verifier_key; /* while a rotation lasts: signs beside it; NULL = none is pinned */
	const char *trail_verifier_key; /* the one that signs it, as log_key makes it; NULL = not pinned */
	int64_t trail_checkpoint_every; /* ms: one checkpoint for all that came meanwhile */
	struct creditor creditor;
	struct postal creditor_postal; /* where letters come from; all NULL = not said */
	struct sender *senders; /* [0] is the profile "default" */
	size_t sender_count;
	struct anchor_settings *anchors; /* in the order of the file: the first time stamp leads */
	size_t anchor_count;
	const char *channel_providers[CHANNEL_COUNT][CHANNEL_PROVIDERS_MAX]; /* names, in order of preference, NULL behind the last */
	struct provider_settings *providers; /* "outbox" is always among them */
	size_t provider_count;
	struct producer *producers; /* [0] is the shared stream, [1] "operator", then those of the file */
	size_t producer_count;
	const char *const *ledgers; /* NULL-terminated: sources whose watermark always binds */
	const char *policy_dir; /* the user's own, before the shipped ones; NULL = none */
	const char *policy_default; /* name */
	struct policy_rule *policy_rules; /* in the order of the file */
	size_t policy_rule_count;
	const char *template_dir, *provider_dir; /* the user's own; NULL = none */
	const char *documents_dir; /* the invoices' PDFs, each named by its digest; NULL = none */
	const char *const *documents_fetch; /* hosts that they are fetched from, see fetch_url_check(); NULL-terminated. NULL = nothing is fetched */
	const char *http_ca_file; /* authorities for providers' https; NULL = the system's */
	const char *type_prefix; /* stripped from event types, "com.acme."; NULL = none */
	int64_t brake_contacts_per_hour;
	struct costs costs; /* of asking for money: what a person sees before they decide to go on */
	bool retention_expire; /* every night what has run out is erased */
	const char *retention_file; /* periods; NULL = the shipped ones */
	const char *law_dir; /* the user's own law files, laid over the shipped ones; NULL = none */
	bool shadow; /* mode: "shadow": everything to the outbox */
	const char *control_socket; /* path */
	const char *digest_email; /* who is told once a day; NULL = nobody */
	const char *digest_at; /* "07:30" */
	const char *digest_zone, *digest_locale; /* NULL: the creditor's */
	const char *hooks_listen; /* "127.0.0.1:8026"; NULL = no webhooks */
	const char *hooks_public_url; /* what stands before /hooks/ in the addresses that providers call; there when hooks_listen is */
	int64_t hooks_body_bytes;
	bool list_unsubscribe; /* mails say how to get no more of them */
	const char *page_listen, *page_public_url; /* of the debtors' page: both, or neither */
	const char *page_dir; /* the user's own files of it, before the shipped ones; NULL = none */
	int64_t page_link_days, page_key, page_oldest_key; /* keys: numbers */
	const char *dashboard_listen; /* "127.0.0.1:8029"; NULL = over the control socket alone */
	struct token_settings *tokens;
	size_t token_count;
	const char *metrics_listen; /* "127.0.0.1:8027"; NULL = nobody is answered */
	struct limits limits;
	const char *text; /* all of it as JSON, without comments */
	struct arena *arena;
};

/* 0 and *ret, freed with config_free(); -EBADMSG with path and sentence. Comments are allowed. */
int config_parse(const char *json, size_t len, struct config **ret, struct err *err);
void config_free(struct config *config);
DEFINE_CLEANUP(struct config, config_free)
const struct sender *config_sender(const struct config *config, const char *profile); /* "" is "default"; NULL = unknown */
const struct provider_settings *config_provider(const struct config *config, const char *name); /* NULL = unknown */

enum config_type { CONFIG_TEXT, CONFIG_NUMBER, CONFIG_FLAG, CONFIG_WORD };
/* One row for every setting that is a single value: parsing, complaints, `dunningctl config` and the man page read the same. */
struct config_key {
	const char *path; /* "redis.check_settings" */
	enum config_type type;
	const char *unit; /* "bytes", "contacts", "path" ...; "" = none */
	int64_t min, max; /* NUMBER: range; TEXT: bytes */
	const char *fallback; /* as it would stand in the file, without quotes; NULL = unset */
	bool required;
	const char *help;
	/* config.c's own: */
	size_t offset; /* in struct config */
	bool (*check)(const char *text);
	const char *like; /* what `check` wants, for its complaint; WORD: the words */
	const char *const *words; /* WORD: the index is stored as a bool, so there are two */
};
const struct config_key *config_keys(size_t *count); /* in the order of the documentation */

#endif
