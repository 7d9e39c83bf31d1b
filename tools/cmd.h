/*
 * cmd - what the commands share: the configuration, Redis, documents, the clock, and how something is refused. One cmd_*.c holds one
 * family of commands; their rows stand in cmd_table.c.
 */
#ifndef DUNNINGD_TOOLS_CMD_H
#define DUNNINGD_TOOLS_CMD_H

#include <event2/event.h>

#include "common/bundle.h"
#include "common/config.h"
#include "common/debtor.h"
#include "common/escalation.h"
#include "common/keys.h"
#include "common/library.h"
#include "common/note.h"
#include "common/order.h"
#include "common/redis_links.h"
#include "tools/command.h"
#include "tools/view.h"

/* The options of every command, in the order of cmd_globals. */
enum cmd_global { GLOBAL_CONFIG, GLOBAL_REDIS, GLOBAL_SHARE, GLOBAL_CREDENTIALS, GLOBAL_SOCKET, GLOBAL_WHO, GLOBAL_JSON, GLOBAL_VERSION };
extern const struct option_row cmd_globals[];
extern const struct command *const cmd_table[]; /* NULL ends it */

/* Of a message that was written in shadow mode: the words of an evidence's report. */
#define CTL_TRIAL "trial run, not sent"
/* Behind "the provider": what an entry of `attempts` means that says `moved`. */
#define CTL_PROVIDER_CHANGED "is another one now (file, address, account or mode) than when it was sent: it is neither sent again nor looked up " \
	"there; a webhook, the step's rule or a person (dunningctl decide) settles it"

struct law;
struct policy_shelf;
struct trail_anchors;
struct fields;
struct findings;
struct book_look;

struct ctl {
	const struct invocation *call;
	struct view view;
	struct arena *arena; /* of the whole run */
	struct config *config; /* never NULL once ctl_config() gave 0 */
	bool configured; /* from a file; else only defaults stand in it */
	struct event_base *base;
	struct redis_links *links;
	char away[200]; /* why Redis is not there */
	int64_t now; /* ms UTC: the computer's clock, or the played one of the state directory */
	bool played;
	struct policy_shelf *shelf;
	struct law *law; /* once asked for */
	bool once; /* whoever asks wants to know at once that Redis is away */
	bool quiet; /* that Redis does not answer is told by what is shown */
	bool lawless; /* it cannot be read, which was said */
	struct debtor **systems; /* by partition, once read */
};

/* Says it and gives the exit code back: `return ctl_fail(...)`. With --json an object on stderr. */
int ctl_fail(const struct ctl *ctl, int exit_code, const char *code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
int ctl_fail_err(const struct ctl *ctl, int exit_code, const struct err *err);
void ctl_warn(const struct ctl *ctl, const char *format, ...) __attribute__((format(printf, 2, 3))); /* stderr, for people */

/*
 * Reads the configuration, once. Without --config and without the default file, defaults do for what only asks Redis; `needed`: then
 * it is refused. 0 or an exit code.
 */
int ctl_config(struct ctl *ctl, bool needed);
const char *ctl_share(const struct ctl *ctl);
const char *ctl_credentials(const struct ctl *ctl); /* the folder: --credentials, $CREDENTIALS_DIRECTORY, or beside the configuration */
/*
 * The folder where this one is to be read. Beside the configuration it may lie encrypted, or not at all: then what systemd opened for the unit
 * does, while that runs and to whom may read there.
 */
const char *ctl_credentials_of(const struct ctl *ctl, const char *name);
const char *ctl_unit(const struct ctl *ctl); /* the daemon's, by the name of the configuration */
const char *ctl_socket(const struct ctl *ctl);
void ctl_close(struct ctl *ctl);

int ctl_redis_url(struct ctl *ctl, struct redis_url *url); /* with user and password. 0 or an exit code, said already */
int ctl_connect(struct ctl *ctl); /* ctl->link is there, whether or not Redis answers. 0 or an exit code, said already */
/* Asks Redis; the words end with NULL. The answer lies in `arena`. 0 or an exit code, said already: error replies are refused. */
int ctl_ask(struct ctl *ctl, struct arena *arena, const struct redis_reply **ret, ...) __attribute__((sentinel));
int ctl_askv(struct ctl *ctl, struct arena *arena, const struct redis_reply **ret, size_t argc, const char *const *argv,
	const size_t *lens);
struct keyspace ctl_keys(const struct ctl *ctl, uint32_t partition);
uint32_t ctl_partitions(const struct ctl *ctl);

/* --- documents ----------------------------------------------------------------------------------------------------------------- */

struct entry { /* an escalation with what decides about it */
	uint32_t partition;
	struct escalation e;
	struct debtor *d; /* NULL: none is known */
	const struct zone *zone; /* the debtor's, else the creditor's */
	const struct policy *policy; /* its version; NULL: not at hand */
	int64_t timer; /* of the due set; 0 = none. Filled by entries_timers() alone */
};

/* Reads one invoice with its debtor. 0, or an exit code, said already: EXIT_FOUND when it is unknown. */
int entry_find(struct ctl *ctl, struct arena *arena, const char *invoice_id, struct entry *ret);
/* Reads many of one partition; those that are not there are left out, unreadable ones given to `bad` (may be NULL). */
typedef void (*entry_bad_fn)(const char *invoice_id, const struct err *err, void *arg);
int entries_load(struct ctl *ctl, struct arena *arena, uint32_t partition, const char *const *ids, size_t count,
	struct entry *ret, size_t *ret_count, entry_bad_fn bad, void *arg);
int entries_timers(struct ctl *ctl, struct arena *arena, uint32_t partition, struct entry *entries, size_t count);
/* Every escalation document of the partition, in pages, each in an arena that is cleared behind it. fn: 0 goes on, else an exit code. */
typedef int (*entries_fn)(struct ctl *ctl, struct arena *arena, struct entry *entries, size_t count, void *arg);
int entries_scan(struct ctl *ctl, uint32_t partition, entries_fn fn, entry_bad_fn bad, void *arg);
bool entry_open(const struct entry *entry); /* it is being walked: neither closed nor a stub */
int ctl_system(struct ctl *ctl, struct arena *arena, uint32_t partition, struct debtor *ret); /* the system case's document */

/* --- what comes next ----------------------------------------------------------------------------------------------------------- */

struct verdict {
	struct next_action next;
	bool by_rules; /* false: the policy's version is not at hand, so this is what the daemon noted last */
};
struct rules entry_rules(struct ctl *ctl, const struct entry *entry); /* as of now; of the payment feed nothing */
/* By the rules of common/, with the debtor's facts, as the daemon will decide. */
struct verdict entry_next(struct ctl *ctl, const struct entry *entry);
const char *verdict_action(const struct verdict *verdict); /* stable word: "contact", "hold", "skip", "gate", ... */
const char *verdict_step(const struct entry *entry, const struct verdict *verdict); /* NULL = none */
/* Since when the payments are too old for the policy, 0 = they are not; and whether no feed ever spoke. */
const struct books *ctl_books(struct ctl *ctl, uint32_t partition); /* the lists of open invoices that were told */
int64_t ctl_stale_since(struct ctl *ctl, const struct policy *policy);
int64_t ctl_payments_known_to(struct ctl *ctl); /* ms UTC; 0 = no feed binds */
bool ctl_feed_unknown(struct ctl *ctl);
const struct guard_rules *ctl_guard(struct ctl *ctl); /* the contact rules of the law data; NULL: unreadable, said already */
const struct holidays *ctl_holidays(struct ctl *ctl); /* NULL: none are known; that the law cannot be read is said once */
const struct policy *ctl_policy(struct ctl *ctl, const char *digest); /* NULL: not at hand */

/* --- more than one family ------------------------------------------------------------------------------------------------------- */

const char *ctl_who(const struct ctl *ctl); /* the person: --who, else the login name */
/* A command to the daemon, by the operator's stream of the partition. */
int ctl_order(struct ctl *ctl, uint32_t partition, const struct order *order);
/* The same about an invoice, asked of the rules first: see commitment_may(). */
int ctl_legal_order(struct ctl *ctl, const char *invoice, const char *what, struct order *order);
/* The same without a word about it: the event's id, and that of its entry. 0 or an exit code, said already. */
int ctl_order_send(struct ctl *ctl, uint32_t partition, const struct order *order, const char **id, const char **entry);
/* One request over the control socket: the answer's JSON in *ret and its HTTP status. `body` NULL: none. -errno: nobody answered. */
int ctl_daemon(struct ctl *ctl, const char *method, const char *target, const struct buf *body, int *status, struct json *ret);
int ctl_daemon_away(struct ctl *ctl, int r); /* says so; an exit code */
void ctl_write_who(struct ctl *ctl, const char *why, int64_t until, struct buf *out); /* the body of a command with who and why; until 0 = none */
/* What holds the running daemon's sending in this partition, as it says itself: NULL = nothing, or it does not answer. */
/* Rows of an array of objects whose members are named as the columns; and the anchors, in words of their own. */
struct table *ctl_members(struct ctl *ctl, const struct json *array, const struct column *columns);
void ctl_show_anchors(struct ctl *ctl, struct fields *fields, const struct json *anchors);
void ctl_show_findings(struct ctl *ctl, const struct findings *findings, bool all); /* verdict first, for people; `all`: also what is ok */
/*
 * Adds to `look` what stands in Redis of one partition. `status`: of the daemon, which may hold it; NULL = it does not answer. `table`: of the command
 * `status` alone, NULL = none. What is told lives in the arena. 0 or an exit code, said already.
 */
int ctl_look_at_book(struct ctl *ctl, struct arena *arena, uint32_t partition, const struct json *status, struct book_look *look, struct table *table);
void ctl_add_findings(struct fields *fields, const struct findings *findings); /* for JSON: well, verdict, findings */
const char *ctl_holding(struct ctl *ctl, uint32_t partition, bool *answers);
int ctl_until(const struct ctl *ctl, const char *text, int64_t *ret); /* RFC 3339, date, or a span such as 10d. 0 or an exit code */
void ctl_anchors(struct ctl *ctl, struct fields *fields, const struct trail_anchors *anchors); /* in words of their own */
int ctl_state_dir(struct ctl *ctl, const char *given, const char **ret); /* of the trail: given, or the configuration's */
/* The trail's key: `given` as text, else the pinned one, else the credential's. 1: *ret; 0: none is known; above: said already. */
int ctl_verifier_key(struct ctl *ctl, const char *given, struct note_key *ret);
/* The running daemon writes the trail's last records and ends. 1: it was told to; 0: none runs here; above: an exit code, said already. */
int ctl_seal(struct ctl *ctl, const char *why);
/*
 * Writes the evidence bundle that `call` asks for to `path`, and shows it where `show` says so; *digest: of its manifest. The command has the options debtor,
 * withhold, without-leaves, for and state, as `evidence` does, and the invoice first among its words. An exit code.
 */
int ctl_evidence(struct ctl *ctl, const struct invocation *call, const char *path, bool show, const struct bundle_file *more, const char **digest);
/* The key of the generation that lies in this state directory, or sealed one: its name is that generation's origin. */
int ctl_key_here(struct ctl *ctl, const char *state_dir, struct note_key *key);

/*
 * What a person is about to see of the trail, for the trail: read.made, or export.made where a bundle is made (then `digest` is its manifest's).
 * By the running daemon; false: it is not recorded, said already. Call it before anything is shown or written.
 */
struct ctl_reading {
	const char *command; /* "trail log" */
	const char *customer; /* whose */
	const char *invoice, *whom, *digest; /* NULL = none */
	const char *records; /* ranges_text() */
};
bool ctl_record_reading(struct ctl *ctl, const struct ctl_reading *reading);
/* The word of the book that a state directory is of, NULL = none stands there; `shared`: other instances have parts of its history. */
const char *ctl_book(struct ctl *ctl, const char *state_dir, bool *shared);
/* The wrap key. 1: it is there; 0: it is not; an exit code above 1: said already. */
int ctl_wrap_key(struct ctl *ctl, bool needed, uint8_t key[32]);
bool ctl_is_bundle(const char *path); /* an evidence bundle, by its looks: folder or file */
int ctl_verify_bundle(struct ctl *ctl, const char *path, const struct invocation *call); /* of trail verify. An exit code */

extern const struct command cmd_status, cmd_doctor, cmd_config_show, cmd_config_diff, cmd_rebuild, cmd_instances_rebuild, cmd_backup, cmd_restore, cmd_replay, cmd_top, cmd_load, cmd_suspend, cmd_release, cmd_reload, cmd_clock_confirm, cmd_list, cmd_show, cmd_check,
	cmd_explain, cmd_timeline, cmd_link, cmd_push, cmd_hold, cmd_resume, cmd_retry, cmd_skip, cmd_decide, cmd_call_log, cmd_commitment_list, cmd_commitment_execute, cmd_commitment_withdraw, cmd_waive, cmd_worth, cmd_fees, cmd_fee_charge, cmd_fee_waive, cmd_handover, cmd_offer_list, cmd_offer_accept, cmd_note_add, cmd_note_remove, cmd_tasks, cmd_task_done, cmd_task_letter,
	cmd_dead_list, cmd_dead_show, cmd_dead_replay, cmd_dead_drop, cmd_policy_check, cmd_policy_show, cmd_policy_simulate, cmd_policy_diff, cmd_policy_migrate, cmd_template_preview, cmd_provider_list, cmd_provider_check, cmd_provider_test, cmd_provider_health,
	cmd_trail_verify, cmd_trail_log, cmd_trail_show, cmd_trail_export, cmd_trail_status, cmd_trail_rebuild, cmd_trail_seal, cmd_trail_key_new,
	cmd_trail_key_show, cmd_trail_anchor, cmd_trail_retain, cmd_trail_erase, cmd_gap_closed, cmd_evidence,
	cmd_promise_make, cmd_promise_withdraw, cmd_promise_list, cmd_plan_make, cmd_plan_cancel, cmd_plan_list, cmd_dispute_open,
	cmd_dispute_resolve, cmd_dispute_list, cmd_settle_agree, cmd_settle_list, cmd_report_aging, cmd_report_dso, cmd_report_steps,
	cmd_report_cost, cmd_report_promises, cmd_report_book, cmd_insolvency_end, cmd_allow, cmd_forbid, cmd_digest, cmd_complete;

#endif
