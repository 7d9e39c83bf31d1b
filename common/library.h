/*
 * library - the files behind the configuration, loaded and checked together: policies, templates, provider adapters.
 * Never changed after library_load(); a reload makes a new one, and a bad file refuses it as a whole.
 */
#ifndef DUNNINGD_COMMON_LIBRARY_H
#define DUNNINGD_COMMON_LIBRARY_H

#include "common/adapter.h"
#include "common/config.h"
#include "common/law.h"
#include "common/lint.h"
#include "common/notice.h"
#include "common/policy.h"
#include "common/retention.h"
#include "common/smtp.h"

struct library_provider {
	const char *name;
	const struct adapter *adapter; /* NULL = built in: */
	const struct smtp_settings *smtp; /* ... a mail server, or, when this is NULL too, the outbox */
	const struct provider_settings *settings;
};

/* A shipped policy that this configuration cannot carry out: no provider for a channel, no template in the creditor's language ... */
struct library_unfit {
	const char *name, *why;
};

/* What the lint says of a policy. */
struct library_verdict {
	const char *file, *policy, *digest; /* of which file, its name and version */
	bool must_fit; /* the user's own, the default one, or one that a rule names: an error refuses the whole */
	struct lint_report report;
};

struct library {
	unsigned references;
	struct policy **policies; /* by name, sorted; the user's replace shipped ones of the same name */
	size_t policy_count;
	struct policy **retired; /* versions no longer among the files, kept for the escalations that walk them */
	size_t retired_count;
	struct library_unfit *unfit;
	size_t unfit_count;
	struct library_verdict *verdicts; /* one for each that was read, in the order of their names; also of those that are left out */
	size_t verdict_count;
	struct notice_set *notices;
	struct library_provider *providers;
	size_t provider_count;
	struct retention *retention; /* how long what is kept */
	struct law *law; /* rates, calendars, contact rules; NULL in tests that need none */
	struct arena *arena;
};

/*
 * Reads <share_dir>/{policies,templates,providers}, then the user's folders, then the retired versions in <state_dir>/policies; and the
 * periods of retention, the configuration's or <share_dir>/retention.json; and the law, <share_dir>/law and law.dir.
 * -EBADMSG or -errno; err->text names the file, and the place in it where there is one. Every policy is linted with this configuration and
 * this law. The user's own policies, the default one and those that a rule names must have no error; another that has one is left out and
 * told in `unfit`: its texts are only looked for, not read.
 * `config` is borrowed and must outlive the library.
 */
int library_load(const struct config *config, const char *share_dir, struct library **ret, struct err *err);
/* Where a provider's file of that name is: among the user's own, else among the shipped ones; whether it is there or not. Not of what is built in. */
const char *library_provider_file(const struct config *config, const char *share_dir, const char *file, struct arena *arena);
/* With one policy more (NULL = none), in the place of a loaded one of the same name; it must pass as the user's own. */
int library_load_with(const struct config *config, const char *share_dir, const char *policy_file, struct library **ret, struct err *err);
/*
 * One policy file, with its base among the files that library_load_with() would read. `config` NULL: among the shipped ones. *ret is the
 * caller's, freed with policy_free(). -EBADMSG or -errno, as there; whether it can be carried out is not looked at.
 */
int library_read_policy(const struct config *config, const char *share_dir, const char *path, struct policy **ret, struct err *err);
/*
 * The same for who wants to see all that is found: no policy is refused or left out for an error of the lint. `bare`: there is no
 * configuration, and neither its language nor its senders and providers count.
 */
int library_judge(const struct config *config, bool bare, const char *share_dir, const char *policy_file, struct library **ret, struct err *err);
/* Work under way outlives a reload: each group holds a reference of its own. */
struct library *library_ref(const struct library *library);
void library_free(struct library *library); /* drops one reference; NULL is allowed */
DEFINE_CLEANUP(struct library, library_free)
/*
 * Keeps the file of every policy in <state_dir>/policies, by digest, so that an escalation can finish the version it began. -errno.
 */
int library_keep(const struct library *library, const char *state_dir, struct err *err);
const struct guard_rules *library_guard(const struct library *library); /* the contact rules of its law; NULL = none */
const struct policy *library_policy(const struct library *library, const char *name); /* NULL = unknown */
const struct policy *library_policy_digest(const struct library *library, const char *digest); /* retired ones too. NULL = unknown */
const struct holidays *library_holidays(const struct library *library); /* NULL = none are known */
const char *library_reaches_out(const struct library *library); /* a provider that is not on this computer; NULL: nobody outside is reached */
bool library_polls(const struct library *library); /* whether any provider, as it is set up, has to be asked for what it knows */
const struct library_provider *library_provider(const struct library *library, const char *name); /* NULL = unknown */
/* Calls fn for each provider whose webhooks can be verified only until before `before` (ms UTC): see hook_certificate(). */
#define CERTIFICATE_SOON_MS (INT64_C(30) * 24 * 3600 * 1000) /* so long before its end there is time to replace it */
void library_certificates(const struct library *library, int64_t before,
	void (*fn)(const char *provider, const char *setting, int64_t until, void *arg), void *arg);
/*
 * A short digest of what a doubt about a message of this provider can be settled by: where its digest is another one, the provider of that
 * name is another file, address or account, which knows nothing of that message. In shadow mode every provider is the outbox. Secrets are part
 * of it: it is made under `install_key`, so that nobody without that can try words against it, and it is the same on all instances.
 */
#define LIBRARY_MEANS_SIZE 17
char *library_means(const struct library_provider *provider, bool shadow, const uint8_t install_key[32], adapter_secret_fn secret, void *secret_arg,
	char ret[LIBRARY_MEANS_SIZE]);

#endif
