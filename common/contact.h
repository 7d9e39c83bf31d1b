/*
 * contact - one contact with one debtor about 1..n invoices: who is written to, what, and what its outcome means for each invoice.
 * Pure: the flow loads the documents, journals what is noted here and sends the message.
 */
#ifndef DUNNINGD_COMMON_CONTACT_H
#define DUNNINGD_COMMON_CONTACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attempt.h"
#include "common/config.h"
#include "common/demand.h"
#include "common/escalation.h"
#include "common/notice.h"
#include "common/pdf_merge.h"

#define CONTACT_INVOICES_MAX 100

/* A debtor's open invoice with its policy (NULL = unknown version). */
struct candidate {
	struct escalation *escalation;
	const struct policy *policy;
};

/* An invoice's own document, as its events tell of it. */
struct document_wanted {
	const char *invoice_id;
	int64_t version; /* of what was told, its own or its time: another may have another document */
	const char *sha256, *url; /* hex; NULL = not told */
	int64_t again_ms; /* result, of -EAGAIN: so long to wait before it is asked for again */
	bool fetched; /* result: it is in no folder of ours */
};

/*
 * The document's bytes, into the arena: data and len of *ret. -EAGAIN: it is being fetched, ask again in a while. Otherwise -errno: `err`
 * says why it is not at hand.
 */
typedef int (*contact_document_fn)(struct document_wanted *wanted, struct arena *arena, struct attachment *ret, struct err *err, void *arg);

/* How many PDFs one letter through this provider can have. */
typedef size_t (*contact_capacity_fn)(const char *provider, void *arg);

/* The newest checkpoint of the trail, as one line, into the arena. NULL: there is none. */
typedef const char *(*contact_checkpoint_fn)(struct arena *arena, void *arg);

/* As pdf_merge(). -EAGAIN: not now. */
typedef int (*contact_merge_fn)(const struct pdf_part *parts, size_t count, struct buf *out, struct err *err, void *arg);

/* Code of the refusal of a formal notice that lacks what it must contain, and the hold that follows: `err` says what. */
#define CONTACT_INCOMPLETE "notice_incomplete"
/* Of a contact whose document is not there: yet, or after all. Holds are called so too. */
#define CONTACT_DOCUMENT_AWAITED "document_awaited"
#define CONTACT_NO_DOCUMENT "no_document"
#define CONTACT_LINK_AWAITED "link_awaited"

struct contact_env {
	const struct config *config;
	const struct notice_set *notices;
	const struct holidays *holidays; /* of the law; NULL = none are known */
	const uint8_t *install_key;
	uint32_t partition;
	int64_t now; /* ms UTC */
	int64_t loaded_at; /* see struct rules */
	int64_t payments_known_to; /* ms UTC; 0 = no payment feed binds */
	const struct guard_rules *guard; /* NULL = no contact rules are known */
	const struct demands *demands; /* what formal notices must contain; NULL = none are known */
	const struct books *books; /* lists of open invoices; NULL = none are known */
	const struct interest_rules *interest; /* for what a policy's `late` names; NULL = none are known */
	contact_document_fn document; /* for steps that attach; NULL = there are none */
	void *document_arg;
	contact_capacity_fn capacity; /* NULL = any number */
	void *capacity_arg;
	contact_checkpoint_fn checkpoint; /* stated on letters; NULL = nothing is */
	void *checkpoint_arg;
	contact_merge_fn merge; /* NULL = pdf_merge(), where nothing is foreign */
	void *merge_arg;
	bool unkept; /* records are heard and not kept: their parts are not made */
};

struct rules contact_rules(const struct contact_env *env, const struct policy *policy);

/* One decided contact: members[0] leads (the oldest due date) and its step drives. */
struct contact_plan {
	struct escalation *members[CONTACT_INVOICES_MAX];
	const struct step *steps[CONTACT_INVOICES_MAX]; /* the step each of them is owed */
	size_t member_count;
	const struct policy *policy;
	const struct step *step;
	enum channel channel; /* the step's, or its fallback */
	const struct contact *contact;
	int64_t owed_at;
	const char *provider; /* NULL: the channel's first. Set by whoever knows how the providers are */
	const char *why, *rule; /* what set the instant, and the contact rule behind it: those of struct next_action, of members[0] */
	bool beside; /* a message beside the ladder: steps[i] is &own[i], made of asides[i]. Else neither is written: both stand last */
	const struct escalation *open[CONTACT_INVOICES_MAX]; /* all that the debtor owes in that currency, for a statement; set by whoever knows */
	size_t open_count, open_left_out;
	struct aside asides[CONTACT_INVOICES_MAX];
	struct step own[CONTACT_INVOICES_MAX];
};

/*
 * Decides the one contact about all invoices of the debtor that are owed a step now, led by the oldest. `wanted` (an invoice id) is
 * the one whose timer fired: false when it is not owed a contact now, or belongs to none that may go out now. Those that do not go together
 * take turns: the contact is about what has been owed longest, and that need not be `wanted`, which is then looked at again.
 */
bool contact_plan(const struct contact_env *env, const struct debtor *debtor, const struct candidate *candidates,
	size_t count, const char *wanted, struct contact_plan *ret);

/* What a step adds to its notice: with fees the law that its policy names, whether work is to be held, the last day to pay by. */
void contact_step_says(const struct policy *policy, const struct step *step, const struct interest_rules *interest,
	const struct business_time *when, struct notice_input *input);

/*
 * Releases a planned message: renders it, names the attempt, moves every member to SENDING, counts the contact, records the intent.
 * `request` (may be empty) is the provider's request with secrets masked, recorded as a part with its digest. The message lives in
 * fx->arena. -ENOENT: no provider for the channel; -EBADMSG: it cannot be rendered; err says why and nothing changed.
 */
struct contact_papers { /* what an intent says of the invoices' documents beside those that the message carries */
	const char *invoice_ids[ATTACHMENTS_MAX], *whys[ATTACHMENTS_MAX]; /* it goes without these */
	size_t count;
	const struct attachment *merged; /* these lie in its only PDF */
	size_t merged_count;
	size_t fetched; /* so many that it carries are in no folder of ours */
};
struct contact_released {
	struct message message;
	struct contact_papers papers;
	const struct draft *intent; /* its record: the flow learns its place in the journal */
};
/* 0, or 1 when it is no HTTP request but a mail (message/rfc822); -errno. */
typedef int (*contact_request_fn)(const struct message *message, struct buf *masked, struct err *err, void *arg);
int contact_release(const struct contact_env *env, struct debtor *debtor, const struct contact_plan *plan,
	contact_request_fn request, void *arg, struct effects *fx, struct contact_released *ret, struct err *err);

/* What must be enclosed with the letter that is planned, by the kind of formal notice that it is. NULL-terminated; NULL: nothing. */
const char *const *contact_enclosures(const struct contact_env *env, const struct contact_plan *plan);

/* What contact_release() does for a letter once its text is there: whom it goes to, how, and its PDF, the message's first attachment. */
int contact_letter(const struct contact_env *env, const struct debtor *debtor, const struct contact_plan *plan, const struct sender *sender,
	const struct notice *notice, struct message *m, struct arena *arena, struct err *err);

/* What contact_release() does for a step with a statement of account: all of plan->open, else of its members, as the message's attachment. */
int contact_statement(const struct contact_env *env, const struct debtor *debtor, const struct contact_plan *plan, const struct sender *sender,
	const struct notice *notice, struct message *m, struct arena *arena, struct err *err);

/* Which of its step's offers the message makes: bit per offer, of those that all of its invoices can have today. */
unsigned contact_offers(const struct contact_plan *plan, const struct business_time *when, date today, struct arena *arena);
/* A message is about to go out as attempt, or task: what it offers and states is kept until it did. */
void contact_written(const struct contact_env *env, const struct debtor *debtor, const struct contact_plan *plan, const struct notice *notice,
	const char *attempt, struct effects *fx);
/*
 * The invoices' own documents behind what the message has already, where its step attaches them: of a letter, its enclosures, all in one PDF
 * where its provider takes no more. One that is not at hand is waited for, and then its step's word counts: *papers tells which ones the
 * message goes without. -EAGAIN, or code CONTACT_DOCUMENT_AWAITED or CONTACT_NO_DOCUMENT: see contact_put_off().
 */
int contact_documents(const struct contact_env *env, const struct contact_plan *plan, struct message *m, struct contact_papers *papers,
	struct arena *arena, struct err *err);
/*
 * Payment links that have expired, or are about to, are asked for anew (event `invoice.payment_url_requested`, once for each step), and the step
 * waits for them, an hour at most: then it goes without. -EAGAIN with code CONTACT_LINK_AWAITED: see contact_put_off().
 */
int contact_links(const struct contact_env *env, const struct contact_plan *plan, struct effects *fx, struct err *err);
/*
 * All PDFs that the message has in one, with the name of the first; in the arena. -EBADMSG: `err` names the one that cannot be read. -EAGAIN, with
 * code CONTACT_DOCUMENT_AWAITED: later, when the plan's invoices come again.
 */
int contact_merge(const struct contact_env *env, const struct contact_plan *plan, const struct message *m, struct arena *arena,
	struct attachment *ret, struct err *err);
/* The members "attachments", "merged" and "documents_omitted" of an intent, or of a task to post a letter. */
void contact_documents_write(struct json_writer *w, const struct message *m, const struct contact_papers *papers);
/*
 * The contact could not be made, for what `err` says. The i-th of its invoices waits while a document is fetched, goes on by the step's other channel
 * when it is the message that cannot be made, or is held until a person did what its task says. True: nobody needs to do anything.
 */
bool contact_put_off(const struct contact_env *env, const struct debtor *debtor, const struct contact_plan *plan, size_t i, int r,
	const struct err *err, struct effects *fx);

/*
 * Whether a person does what is planned: a call, or a letter where the configuration has no provider for one, or to which something must be
 * enclosed.
 */
bool contact_by_hand(const struct contact_env *env, const struct contact_plan *plan);
/*
 * For such a letter: makes it, and opens a task to print and post it, which has its PDF, for all its members; it names what to enclose. Under the
 * task's id it is a contact from then on; whoever ends the task moves that, or takes it away.
 */
int contact_open_post(const struct contact_env *env, struct debtor *debtor, const struct contact_plan *plan, struct effects *fx,
	struct err *err);
/* The text of a planned contact for the channel, with the sender of its step. `attempt`: its id, NULL = none. As notice_render(). */
int contact_render(const struct contact_env *env, const struct debtor *debtor, const struct contact_plan *plan, enum channel channel,
	const char *attempt, struct arena *arena, struct notice *ret, const struct sender **sender, struct err *err);
/* The id that its attempt would have now, in the arena; `address` gets whom it goes to (borrowed). */
const char *contact_attempt(const struct contact_env *env, const struct debtor *debtor, const struct contact_plan *plan, struct arena *arena,
	const char **address);
const char **contact_ids(const struct contact_plan *plan, struct arena *arena); /* of its members */
/* The step of all members is this task of a person now, until its deadline. */
struct draft *contact_task_opened(const struct contact_plan *plan, const struct task *task, struct effects *fx);
/*
 * The id of a contact that a person made (`what`: its task, or "call:<invoice>") and then told of, in the arena. By the word that told it:
 * a call may come back under its task's name, and several that are told of late may be read in one millisecond. Each counts.
 */
const char *contact_told_id(struct arena *arena, const char *what, const struct event *told);
/*
 * A call was made, about the invoices of its task (members: those that share it; `step` of each is the call's) or about one outside the
 * ladder (task NULL). Closes the task, notes it with everyone, counts it. `who` made it; the record is "phone.note".
 */
void contact_called(const struct contact_env *env, struct debtor *debtor, struct candidate *members, size_t count, const struct event *call,
	const char *task, struct effects *fx);

/* Opens a call task for a planned call, for all its members. */
int contact_open_call(const struct contact_env *env, struct debtor *debtor, const struct contact_plan *plan,
	struct effects *fx, struct err *err);

/* What the store keeps of a released attempt until its outcome is known (hash `attempts`), as JSON. */
struct attempt_entry {
	const char *id, *debtor_id, *step, *channel, *provider, *policy_digest;
	const char *const *invoice_ids;
	size_t invoice_count;
	int64_t released_at; /* ms UTC: also of the first request, for the idempotency window */
	int64_t due_at;
	bool in_doubt;
	int64_t doubt_since;
	uint16_t intent_year; /* where its intent stands in the journal, for a resend with the same bytes */
	uint64_t intent_index;
	const char *intent_leaf; /* the beginning of its leaf's hash, hex: another instance's journal has another record there; NULL = not known */
	bool sealed; /* that journal was sealed since: the bytes are not at hand */
	int64_t pseq; /* the partition's group that released it: one chain, whichever instance's journal holds the intent */
	int64_t resends;
	int64_t lookups; /* asked for since doubt_since */
	int64_t unknown_at; /* when every means had failed; 0 = not yet */
	bool shadow; /* released in shadow mode: written, and on purpose not sent */
	const char *means; /* what they depended on at the release, see library_means(); NULL = not known: today's are believed */
	bool moved; /* and is another now, as the daemon last saw: neither a resend nor a look-up tells of it */
};
void attempt_entry_write(struct buf *out, const struct attempt_entry *entry);
int attempt_entry_read(struct arena *arena, const char *json, size_t len, struct attempt_entry *ret, struct err *err);

/* What a provider can tell us about a doubtful request. */
struct provider_traits {
	bool idempotent, lookup;
	int64_t window_ms; /* of the idempotency key; 0 = for ever */
	int64_t not_before_ms, conclusive_after_ms; /* of look-ups; conclusive 0 = never */
};

/*
 * Applies an outcome to the debtor and every invoice of the attempt (members: the loaded escalations that still hold it), records it.
 * Returns true when the attempt is settled (its entry can go), false while it stays in doubt (entry changed in place).
 */
bool contact_settle(const struct contact_env *env, struct debtor *debtor, struct candidate *members, size_t count,
	struct attempt_entry *entry, const struct provider_traits *traits, const struct outcome *outcome, struct effects *fx);

/*
 * The message of this attempt reached nobody, as its provider says: where no later step was said to the debtor it is owed again, to the next contact
 * of the role, by the fallback channel, or to nobody, which is a task; what a person was asked for meanwhile waits for it. Else it stays, with
 * "failed" beside it, and a task. `debtor` knows of the dead address already. What the step announced, or asked others to do, is taken back.
 */
void contact_bounced(struct debtor *debtor, struct candidate *members, size_t count, const char *attempt_id, const char *reason, struct effects *fx);

/*
 * The provider had accepted this attempt, and gave it up or never sent it: nothing is said of the address, and yet nobody was reached. What rests
 * on it is taken back, and the step is owed to the next contact of the role, by the fallback channel, or left out with a task ("refused"; `reason` is
 * the provider's). Where later steps went on it stays, with "failed" beside it, and a task; what it announced is not our word any more. Told again,
 * nothing follows. Of `entry` the id, the debtor, the invoices and the channel are needed.
 */
void contact_failed(struct debtor *debtor, struct candidate *members, size_t count, const struct attempt_entry *entry, const char *reason,
	struct effects *fx);

/* Caps and gap count from when it may have reached the debtor, which can be long after its release: a resend counts before it goes. */
void contact_counted(struct debtor *debtor, const struct attempt_entry *entry, int64_t now, struct effects *fx);

enum doubt_step { DOUBT_WAIT, DOUBT_RESEND_NOW, DOUBT_LOOKUP_NOW, DOUBT_UNKNOWN };
/* The next means to settle a doubt; `at` = when (ms UTC). */
enum doubt_step contact_doubt_next(const struct attempt_entry *entry, const struct provider_traits *traits, int64_t now,
	int64_t *at);
/* No means is left: records `attempt.unknown`, opens a task, applies the step's own rule. Settled unless the rule is hold. */
bool contact_unknown(const struct contact_env *env, struct debtor *debtor, struct candidate *members, size_t count,
	struct attempt_entry *entry, const char *why, struct effects *fx);

/* Proof that no request arrived (a conclusive look-up, a person): the step is owed again. `how` is recorded. */
void contact_never_sent(struct debtor *debtor, struct candidate *members, size_t count, struct attempt_entry *entry,
	const char *how, struct effects *fx);
/* Whether every invoice of a doubtful attempt would still be contacted: only then may its bytes be sent again. */
bool contact_stands(const struct contact_env *env, const struct debtor *debtor, const struct candidate *members, size_t count,
	const struct attempt_entry *entry);
/*
 * And whether they would go the same way: by the channel and to the address that the step of its first invoice (`lead`, of an attempt that
 * stands) has now. The debtor may have another address since, or may want no more by this channel, which the step's other one does not mend.
 */
bool contact_reaches(const struct contact_env *env, const struct debtor *debtor, const struct candidate *lead, const struct message *sent);

#endif
