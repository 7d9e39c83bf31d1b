/*
 * flow - the insides of one dunner, shared by its files: inbox.c reads, load.c (with recent.c at hand) and decide.c turn inputs into changed
 * documents, build.c makes records and after-images of them, commit.c journals and commits them, pacing.c says which provider may be asked, sender.c sends, recover.c redoes, adopt.c takes
 * over a store that another log wrote, lease.c owns.
 *
 * One group is loaded and decided at a time. While the journal and the store have it, the next one is: it sees what the earlier ones
 * decided through their after-images. They are journaled, committed and finished in their order.
 */
#ifndef DUNNINGD_DAEMON_FLOW_H
#define DUNNINGD_DAEMON_FLOW_H

#include <stdatomic.h>

#include "common/contact.h"
#include "common/keys.h"
#include "daemon/documents.h"
#include "daemon/dunner.h"
#include "daemon/log_id.h"

#define LEASE_TTL_MS 15000
#define LEASE_RENEW_MS 5000
#define LEASE_ASK_MS 1000 /* whether the one that we want is free by now */
#define LEASE_LOOK_MS 1500 /* whose the one is that we do not want: with what is left of a lost lease, and a moment to agree, less than the 20 s promised */
#define LEASE_MARGIN_MS 5000 /* no first byte when less than this is left of the lease */
#define MARK_MAX_AGE_MS 2000 /* promise 1 */
#define MARK_DECIDE_AGE_MS 1000 /* contacts are decided only from a load after a mark this young */
#define BLOCK_MS 250 /* a blocking read's wait; also the idle mark's age */
#define RETRY_COMMIT_MS 200
#define RETRY_SPACE_MS 10000
#define REPLICAS_RETRY_MS 30000
#define REPLICAS_WAIT_MS 1000 /* the command connection is blocked meanwhile */
#define DUE_PAGE 64
#define GROUP_DOCS_MAX 480
#define GROUPS_DECIDED_MAX 2 /* one for the journal, one for the store */

/* A copied stream entry. */
struct entry {
	struct page *page;
	size_t stream;
	const char *id, *event, *raw;
	size_t len, raw_len;
};

/* The entries of one read, freed when all were applied. */
struct page {
	struct arena *arena;
	struct entry *entries;
	size_t count, used, applied;
	int64_t sent_at; /* mono: when the request was sent */
	bool drained; /* fewer than asked: a mark once all are applied */
	struct page *next;
};

enum input_kind {
	INPUT_ENTRY,
	INPUT_DUE,
	INPUT_OUTCOME,
	INPUT_RECONCILE,
	INPUT_START,
	INPUT_RELOAD,
	INPUT_STOP,
	INPUT_OPERATOR,
	INPUT_GAP,
	INPUT_RECORD,
	INPUT_ERASURE, /* the erasure under way takes its next step; always alone in its group */
	INPUT_ADOPT,
	INPUT_FEED, /* whether payments are known well enough changed */
	INPUT_HELD, /* something holds all sending, or does no more */
	INPUT_DIGEST, /* the owner's: what it says was gathered */
};

struct flight;
struct input {
	enum input_kind kind;
	struct entry *entry;
	struct event event; /* of ENTRY */
	const struct event_shown *also; /* of an ENTRY that is no event: whom it names beside those in `event` */
	size_t also_count;
	int parsed; /* result of event_parse() */
	struct err err;
	const char *invoice_id; /* DUE */
	struct flight *flight; /* OUTCOME: its attempt; owned by the input from here on when it is settled */
	struct arena *arena; /* of an input that was queued; freed with its group. NULL: lives in the group */
	struct attempt_entry *attempt; /* OUTCOME, RECONCILE: the entry as in the store */
	bool never_sent; /* RECONCILE: a conclusive look-up missed it */
	struct outcome *outcome;
	bool suspend; /* OPERATOR; HELD: it begins */
	const char *who, *why; /* HELD: why is a word of flow_holding() */
	const char *gap; /* GAP: "stream id" */
	const struct dunner_record *record; /* RECORD */
	struct digest *digest; /* DIGEST; in the input's arena */
	struct adopt_page *page; /* ADOPT, and an OUTCOME that comes of one */
	int64_t until; /* HELD: since when, as the clock says */
	struct input *next;
};

enum doc_kind { DOC_ESCALATION, DOC_DEBTOR, DOC_BODY }; /* BODY: what lies beside an event; it goes once it is in the trail */

/* An after-image of a case, by its place among the group's. */
struct owned_image {
	size_t index;
	struct owned_image *next;
};

struct doc {
	enum doc_kind kind;
	const char *id, *key;
	bool asked, loaded, existed, touched, contacted;
	bool hinted; /* of a debtor: all that is open was said to be looked at */
	bool erased; /* DEBTOR: its document goes */
	bool answered; /* DEBTOR: an attempt of its was settled in this group. A repetition bears the same id, so it waits for the next one */
	struct escalation *e;
	struct debtor *d;
	struct customer was; /* DEBTOR: as it was loaded */
	bool was_indexed;
	struct slice bytes; /* BODY */
	const struct policy *policy; /* of an escalation */
	const char *text; /* its after-image, once built; NULL: it has none */
	size_t text_len;
	/* DEBTOR: keys and after-images of its case */
	bool lent; /* `keys` and `tag_key` are those of the year when it was written last */
	bool keyed, case_opened; /* case_opened: its first record in this year's log is still to be written */
	struct case_keys keys;
	uint8_t tag_key[32];
	struct owned_image *images[CLASS_COUNT], **images_end[CLASS_COUNT];
	struct doc *next; /* in the order of asking */
};

struct dead_letter {
	const char *raw, *stream, *id;
	size_t raw_len;
	const char *debtor_id; /* whose file it goes into; NULL = nobody's that is known */
	const struct err *err;
	struct dead_letter *next;
};

/* An after-image of what is in the store already. */
struct adopted {
	struct image image;
	const char *debtor_id; /* whose it is; NULL: the system case's */
	enum key_class class;
	struct adopted *next;
};

struct release {
	struct message message;
	const struct draft *intent;
	struct attempt_entry entry;
	struct slice text; /* of the entry, as it is written */
	bool touched; /* a later group concerns its debtor or invoices: it must not start */
	struct release *next;
};

/* An attempt on its way: lives from its release until its outcome is committed. */
struct flight {
	struct arena *arena;
	struct message message;
	struct attempt_entry entry;
	atomic_bool touched; /* an applied event concerned its debtor or invoices */
	bool done; /* outcome known, waiting for its group */
	bool resend;
	struct outcome outcome;
	struct dunner *dunner;
	struct flight *next, **link;
};

struct group {
	struct dunner *dunner;
	struct arena *arena;
	struct library *library; /* a reference: what was decided points into its policies */
	struct input *inputs, **inputs_end;
	size_t input_count, due_count; /* due_count: of them, timers */
	struct doc *docs, **docs_end; /* list, and a hash index */
	struct doc **index;
	size_t index_size, doc_count;
	struct effects fx;
	struct release *releases, **releases_end;
	size_t release_count, landing_count; /* landing_count: attempts whose outcomes it records */
	struct attempt_entry *resend[DUE_PAGE], *lookup[DUE_PAGE]; /* to be done once committed */
	bool resend_touched[DUE_PAGE]; /* as of a release */
	size_t resend_count, lookup_count;
	const char **settled; /* attempts whose entries go */
	size_t settled_count, settled_capacity;
	struct attempt_entry **kept; /* entries to be written again */
	size_t kept_count, kept_capacity;
	int doubts; /* so many more attempts are in doubt by it */
	int contacts; /* so many more it counts in this hour */
	struct stream_position *positions; /* applied by this group */
	size_t position_count;
	struct dead_letter *dead, **dead_end;
	const char **deleted, **untimed; /* an erasure's: whole keys, and invoices without timer */
	size_t deleted_count, untimed_count;
	struct adopted *adopted;
	const char **hints; /* invoices to be looked at soon: something about their debtor changed */
	size_t hint_count, hint_capacity;
	bool careful; /* one entry, counted as `trying` */
	struct image *images;
	size_t image_count, image_capacity;
	size_t image_bytes; /* of all of them, about */
	struct journal_group out;
	struct buf *bodies;
	struct slice *records, *frames;
	bool loaded, journaled, contacts_allowed;
	bool held; /* the journal, the store or the retry timer has it: its callback comes yet */
	bool retry; /* the timer has it */
	struct group *next; /* of the decided ones */
};

struct dunner {
	struct dunner_ports ports;
	struct dunner_settings settings;
	const struct config *config;
	struct documents documents;
	struct library *library; /* a reference */
	struct dunner_callbacks callbacks;
	struct keyspace keyspace;
	enum dunner_state state;
	const char *holding; /* last told */
	char reason[400];
	char gap[400]; /* entries that may be missing, as the status says it; "" = none known */
	struct arena *arena; /* lives as long as the dunner: stream names */
	struct contact_plan plan; /* of the contact that is decided now: large, and no contact needs all of it */

	/* lease */
	uint64_t epoch;
	int64_t lease_until; /* mono */
	bool lease_asked, lease_takes; /* what was asked takes it, where it is free */
	bool unwanted; /* it is not taken, were it free */
	char owner[128]; /* as last seen, while it is not ours; "" = nobody */
	uint64_t owner_epoch; /* that Redis had then */
	bool looks_first, is_free; /* before it takes it; and whether it may */
	int64_t unled_since; /* mono; of an owner "" that was seen so far without a break; 0 = there is one */
	struct port_timer *lease_timer;

	/* place in history */
	bool taken_over; /* another instance wrote last */
	bool guards; /* refused, and the lease is kept, also behind a stop: who does not know what we wrote must not go on without it */
	char taken_from[128]; /* that one, and where it ended; "" = none */
	uint64_t taken_pseq;
	uint8_t taken_group[GROUP_ID_SIZE];
	struct superseded *superseded; /* NULL: nothing was looked at */
	uint64_t tenure; /* epoch with which ours began: see struct trail_place */
	uint64_t pseq; /* of the last journaled group */
	uint8_t last_group[GROUP_ID_SIZE];
	uint64_t committed_pseq;
	uint8_t committed_group[GROUP_ID_SIZE];
	char run_id[REDIS_ID_SIZE], repl_id[REDIS_ID_SIZE];

	/* inbox */
	struct stream_position *read_at, *applied, *tails; /* by stream; [i] belongs to config->producers[i] */
	size_t stream_count;
	struct page *pages, **pages_end;
	size_t queued; /* entries read, not yet in a group */
	bool reading, read_blocking, drained;
	size_t read_most, read_asked; /* entries of a stream: to be asked for next, and asked for by the read under way */
	bool read_broken; /* the last one failed: where the streams end is asked before the next */
	bool read_stale; /* the read under way began before a reset: its answer is dropped */
	int64_t read_sent, caught_up_at; /* mono; caught_up_at -1 = never */
	uint64_t read_pseq;
	uint8_t read_group[GROUP_ID_SIZE];
	size_t careful; /* entries still to be taken one at a time, after an unclean stop */
	enum { TRY_NONE, TRY_ASKED, TRY_ALLOWED, TRY_POISON, TRY_UNREAD } trying; /* UNREAD: not even parsed any more */
	int64_t trim_at; /* mono */
	bool trimming;

	/* work */
	struct group *group; /* being loaded and decided, or NULL */
	struct group *decided, **decided_end; /* built, not yet finished: in their order */
	size_t decided_count;
	bool due_seen; /* no use to ask what is due before a group is finished: it is in the decided ones' hands, or there is no timer */
	struct input *waiting, **waiting_end; /* outcomes and other inputs for the next group; each in its own arena */
	atomic_int_fast64_t start_until; /* mono: so long may_start() says yes; see sender_gate() */
	struct flight *flights;
	size_t flight_count, on_the_way; /* on_the_way: those whose outcome is not known yet */
	size_t lookups; /* the provider is asked, and has not answered */
	bool asking_due;
	int64_t next_due;
	struct port_timer *pump_timer, *retry_timer;
	bool pumping, pump_wanted;
	int64_t loaded_at; /* see struct rules */
	struct arena *unmade_arena; /* NULL = none is known */
	const char **unmade; /* invoices of which a message could not be made: a reload looks at them at once */
	size_t unmade_count, unmade_capacity;
	struct recent *recent; /* NULL: nothing is kept */

	struct pass *pass; /* under way; NULL = none */
	bool reconciling, reconcile_again;
	bool reconcile_all; /* the next pass also takes those that only wait: a person may have spoken */

	/* recovery */
	struct recovery *recovery;
	bool live_recovery;
	struct adoption *adoption; /* of the store by a new generation's journal; NULL: there is none, or it is done */
	bool recovery_wanted; /* as soon as the group under way is out of the journal's and the store's hands */

	/* erasing */
	struct erase_job *erase; /* NULL = none */
	struct port_timer *erase_timer;
	struct buf erase_said; /* what became of the last one, JSON */
	int64_t expire_at; /* wall: the next nightly search; 0 = not known yet */
	char expire_from[48]; /* where in the walk over the debtors it goes on; "" = at the beginning */

	/* the owner's digest */
	struct digest_job *digest; /* being gathered; NULL = none */
	bool feed_told, feed_waits; /* that the payment feed is too old: as last told, and that it is about to be */
	bool digest_waits; /* gathered, for the next group */
	date digest_on; /* the last day whose digest was released; none = there was none */
	int64_t digest_due; /* wall: when the next one is; 0 = to be reckoned */
	struct port_timer *digest_timer;

	struct books books; /* the system case's, in an arena of their own */
	struct arena *books_arena;

	/* brakes */
	bool suspended;
	int64_t suspended_until, suspended_told, payments_known_to;
	int64_t hour_started; /* wall */
	int64_t hour_contacts;
	bool braked; /* there were too many in an hour; until a person releases */
	const char *held_told; /* what holds all sending, as last told to others; NULL = nothing */
	bool no_space, store_refuses;
	bool root_awaited; /* the group under way begins a log, and the one before is not signed to its end yet */
	int64_t replicas_missed; /* mono: when too few replicas had a release */

	uint64_t events, dead, contacts, outcomes, turns;
	int64_t doubts; /* attempts in doubt: as the last pass found them, and as commits changed it since */
	bool trail_set_back; /* somebody outside has more of our log than we do */
	const char *seal_who, *seal_why; /* NULL: the log goes on after this life */
	bool start_recorded; /* what this life began with is durable: whether it must be careful */
	bool stopping, stop_queued, stop_recorded, releasing, failed;
	/* What the groups of (above, to] released never left: the crash fell between their fsync and their commit. */
	uint64_t not_released_above, not_released_to;
};

/* dunner.c */
void dunner_pump(struct dunner *d); /* does whatever can be done now; safe to call from anywhere */
void dunner_fail(struct dunner *d, int r, int exit_code, const char *format, ...) __attribute__((format(printf, 4, 5)));
void dunner_log(struct dunner *d, int priority, const char *format, ...) __attribute__((format(printf, 3, 4)));
void dunner_refuse(struct dunner *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
void dunner_set_state(struct dunner *d, enum dunner_state state);
int64_t flow_now(const struct dunner *d);
int64_t flow_mono(const struct dunner *d);
size_t flow_slots_beside(const struct dunner *d); /* of limits.concurrency, which other partitions take */
const char *flow_holding(const struct dunner *d); /* why no contact may be decided, or NULL */
void flow_wait(struct dunner *d, struct input *input); /* queues an input for the next group */
struct input *flow_input(enum input_kind kind); /* with an arena of its own, which it takes along into the group */

/* inbox.c */
void inbox_start(struct dunner *d);
void inbox_read(struct dunner *d); /* starts a read when one makes sense */
void inbox_take(struct dunner *d, struct group *g); /* moves queued entries into the group */
void inbox_applied(struct dunner *d, const struct group *g);
void inbox_reset(struct dunner *d); /* forgets what was read and not applied */
void inbox_free(struct dunner *d);
int inbox_compare(const char *a, const char *b); /* stream ids: below 0, 0, above 0 */
bool inbox_marked(const struct dunner *d, int64_t max_age);

/* load.c */
struct group *group_create(struct dunner *d);
void group_free(struct group *g);
void group_add(struct group *g, struct input *input);
void group_run(struct dunner *d, struct group *g); /* load, decide, journal, commit */
bool flow_room(const struct dunner *d); /* another group may be begun */
struct doc *group_doc(struct dunner *d, struct group *g, enum doc_kind kind, const char *id); /* asks for it */
struct doc *group_find(struct dunner *d, struct group *g, enum doc_kind kind, const char *id); /* NULL = not asked for */
struct doc *group_case(struct dunner *d, struct group *g, const char *debtor_id); /* NULL: the system case */

/* recent.c */
void recent_put(struct dunner *d, const struct group *g); /* a finished one: keeps what it wrote */
bool recent_get(struct dunner *d, struct doc *doc, struct store_value *ret); /* its text, which no check needs, and into `doc` its keys */
void recent_lend_keys(struct doc *doc, const struct case_keys *keys, const uint8_t tag_key[32]); /* NULL: there are none */
void recent_forget(struct dunner *d); /* all of it, and wipes it */

/* decide.c */
void decide_wants(struct dunner *d, struct group *g); /* asks for what the inputs need and what that leads to */
void decide_group(struct dunner *d, struct group *g);
void decide_event(struct dunner *d, struct group *g, struct input *input); /* apply.c */
/* told.c. `withdrawn`: the debtor opted out by it; `changed`: his document learned something from it. */
void decide_told(struct dunner *d, struct group *g, const struct event *e, struct debtor *debtor, bool withdrawn, bool changed);
void decide_unknown_came(struct dunner *d, struct group *g); /* from somebody whom nobody knows: a person looks at it ... */
void decide_unknown_seen(struct dunner *d, struct group *g, const char *task); /* ... and did */
/* A bounce that names an address alone is about the last message that went there, where no other one did. */
void decide_name_bounced(struct event *e, struct debtor *debtor);
bool decide_names_nothing(const struct event *e); /* an answer to no message that is known */
/* An answer about nothing that is open: no invoice asks to read it, the customer does ... */
void decide_customer_said(struct dunner *d, struct group *g, const struct event *e, struct doc *debtor);
const char *decide_task_customer(const struct event *e); /* whose task of that is said to be done; NULL: it is another command ... */
void decide_customer_answered(struct dunner *d, struct group *g, struct doc *debtor); /* ... and it is */
void decide_book(struct dunner *d, struct group *g, const struct input *input); /* book.c: one part of a list of open invoices */
void decide_books_known(struct dunner *d, const struct debtor *system); /* what is decided by from now on */
void decide_call(struct dunner *d, struct group *g, const struct event *e, struct doc *invoice); /* call.c: one that was logged */
/* It is over for one of its invoices: the task goes, and the others', whom it was about as well, are owed another one. */
void decide_task_left(struct dunner *d, struct group *g, const struct doc *invoice, const char *task);
/*
 * The name under which that call or letter is open, in the group's arena: its own, or of a call the one that it has since an invoice went out of it. A
 * letter that was printed before is another one than the one that waits. NULL: it is not open.
 */
const char *decide_task_now(const struct group *g, const char *task);
void decide_touch_debtor(struct group *g, struct doc *debtor); /* it changed, and its open invoices are looked at soon */
/* legal.c: a person's word about what was announced. Whether it may be said now: 0, or -EBADMSG; and what it does. */
int legal_check(struct dunner *d, struct group *g, const struct event *e, const struct doc *doc, struct err *err);
void legal_waive_fee(struct dunner *d, struct group *g, const struct event *e, struct doc *doc); /* by an event or a command */
/* A person decided to meet them. Whether the ladder goes on with an offer: then that person stands for it. */
bool legal_settle(struct dunner *d, struct group *g, const struct event *e, struct doc *doc);
void legal_agree(struct dunner *d, struct group *g, const struct event *e, struct doc *doc); /* with no step to do it by: a task asks */
void legal_write_off(struct group *g, const struct event *e, struct doc *doc); /* or to let it go, until newer figures say otherwise */
int legal_offer(struct dunner *d, struct group *g, struct input *input); /* an event that accepts an offer gets its terms; -EBADMSG: it cannot */
int legal_allow(struct dunner *d, struct group *g, struct input *input); /* allow, forbid: an outsider; -EBADMSG: not as it is said */
bool legal_said(struct dunner *d, struct group *g, const struct event *e, struct doc *doc); /* false: it is another command */
int decide_command(struct dunner *d, struct group *g, struct input *input); /* apply.c; -EBADMSG: refused, nothing done, input->err says why */
void decide_record(struct dunner *d, struct group *g, const struct dunner_record *record); /* flow_record.c */
void decide_gap(struct dunner *d, struct group *g, const struct input *input); /* gap.c: entries of a stream may be missing */
void decide_gap_closed(struct dunner *d, struct doc *system, int64_t told); /* they were sent again, a person says; `told`: ms UTC, of that word */
void decide_gaps_told(struct dunner *d, const struct debtor *system); /* what the status says of them */
void decide_operator(struct dunner *d, struct group *g, struct input *input); /* suspend or release over the control socket */
const char *decide_task_invoice(struct arena *arena, const char *task_id); /* "call:<invoice>:<step>" -> invoice */
struct rules decide_rules(const struct dunner *d, const struct policy *policy);
const struct policy *decide_policy(const struct dunner *d, const struct escalation *e, const struct debtor *debtor);
/* Of the provider that the attempt was released to: none where another file, address, account or mode has its name now. */
struct provider_traits decide_traits(const struct dunner *d, const struct attempt_entry *entry);
const char *decide_means(const struct dunner *d, const char *provider, struct arena *arena); /* for a new entry; NULL: no such provider */
bool decide_moved(const struct dunner *d, const struct attempt_entry *entry); /* those are others than they were at the release */
struct contact_env decide_env(const struct dunner *d);

struct candidate *decide_members(struct dunner *d, struct group *g, const struct attempt_entry *entry, size_t *count);
/* No invoice waits for it any more: a look-up, a resend's answer or a person settled it. `sent`: as sent. */
bool decide_settled(const struct candidate *members, size_t count, const struct attempt_entry *entry, bool *sent);
/* Its entry goes, or is written again. `was` NULL: what it was another group has counted already. */
void decide_entry(struct group *g, const struct attempt_entry *was, struct attempt_entry *entry, bool settled);

/* reconciler.c */
void reconcile_free(struct dunner *d);
void reconcile_start(struct dunner *d); /* one pass over all attempts without an outcome */
void decide_reconcile(struct dunner *d, struct group *g, struct input *input);
/*
 * True when the entry changed: it says now whether the provider is another one, for whoever asks what becomes of the doubt. Such a one would take
 * a resend for new, and its look-up proves nothing: what is left is a webhook, the step's rule and a person, unless the old one is put back.
 */
bool reconcile_note_moved(struct dunner *d, struct attempt_entry *entry);
void reconcile_committed(struct dunner *d, struct group *g); /* starts what the group decided: resends, look-ups */

/* build.c */
/* Its records and after-images. -ENOSPC: a key has no room; -EAGAIN: see log_turn(); -errno: no keys. */
int group_build(struct dunner *d, struct group *g);

/* log_turn.c */
struct log_turn {
	uint16_t year; /* the log that the group goes to */
	bool ends; /* with log.sealed as its last record */
	uint16_t before; /* 0, or: it is that log's first group, and begins by naming this one, */
	uint64_t size; /* so many records, */
	bool rooted; /* and its root, where it is signed */
	uint8_t root[SHA256_SIZE];
};
/* -EAGAIN: the log before was not signed to its end yet. */
int log_turn(struct dunner *d, int64_t now, struct log_turn *ret);
/* Whether a group that was built still belongs where it says: another partition may have come first, or its seal been refused for want of space. */
bool log_turn_stands(const struct dunner *d, const struct group_header *head);
struct draft *log_turn_begun(struct dunner *d, struct effects *fx, const struct log_turn *turn);
struct draft *log_turn_sealed(struct dunner *d, struct effects *fx, const struct log_turn *turn);

/* reference.c: where what comes without our id finds its attempt, or whose it is; only with webhooks */
void image_references(struct dunner *d, struct group *g);
void image_addresses(struct dunner *d, struct group *g); /* before the debtors are written: they say that they are indexed */

/* commit.c */
void commit_group(struct dunner *d, struct group *g); /* journal, then store */
void commit_broken(struct dunner *d); /* the store has all but a write that it cannot take: a person must look */
void commit_again(struct dunner *d); /* the retry timer fired: goes on with all groups that it has */
void commit_retry(struct dunner *d, struct group *g, int64_t in_ms);
void commit_finished(struct dunner *d, struct group *g, bool released);

void group_image(struct group *g, struct doc *owner, enum key_class class, const struct image *image); /* one more after-image */

/* feed.c: a payment feed that stopped is told of */
void feed_pump(struct dunner *d);
void decide_feed(struct dunner *d, struct group *g);

/* unmade.c: invoices whose message could not be made, until a reload has them looked at */
void decide_unmade(struct dunner *d, const char *invoice);
void decide_look_at_unmade(struct dunner *d, struct group *g);
void decide_forget_unmade(struct dunner *d);
/* held.c: what holds all sending is told */
bool brake_over(const struct dunner *d); /* more contacts were planned in this hour than is allowed */
void brake_count(struct dunner *d, struct group *g, int contacts); /* so many more, as the next start will know too */
/* One that never went and is planned again: it is counted then. */
void brake_uncount(struct dunner *d, struct group *g, const struct attempt_entry *entry, const struct candidate *members, size_t count);
void brake_give_back(struct dunner *d, const struct group *g); /* it is decided anew */
void brake_hour(struct dunner *d); /* whether another hour has begun */
void brake_anew(struct dunner *d, struct doc *system); /* a person has looked: what was is not counted */
void held_pump(struct dunner *d);
void held_known(struct dunner *d, const struct debtor *system); /* at the start */
void decide_held(struct dunner *d, struct group *g, const struct input *input);
void brake_released(struct dunner *d, struct group *g, struct doc *system); /* by a person */

/* digest.c: the owner's daily mail */
void digest_known(struct dunner *d, const struct debtor *system); /* at the start */
void digest_pump(struct dunner *d); /* begins it when its hour has come */
void digest_free(struct dunner *d);
void decide_digest(struct dunner *d, struct group *g, struct input *input);
void digest_settled(struct dunner *d, struct group *g, const struct attempt_entry *entry, const struct outcome *outcome);

/* erase.c */
void erase_pump(struct dunner *d); /* begins what is owed: an erasure broken off, the nightly one */
void erase_resume(struct dunner *d, const struct debtor *system); /* at the start */
void erase_wants(struct dunner *d, struct group *g);
void erase_decide(struct dunner *d, struct group *g);
void erase_images(struct dunner *d, struct group *g);
void erase_committed(struct dunner *d, const struct group *g);
void erase_free(struct dunner *d);

/* pacing.c */
/* Names the plan's provider; false: it waits, its members have their time and reason. */
bool pacing_choose(struct dunner *d, struct group *g, const struct debtor *debtor, struct contact_plan *plan);
/* How many more may be decided where all go through one provider: the others stay due instead of being put off. SIZE_MAX = no matter. */
size_t pacing_room(const struct dunner *d);
struct pace_verdict pacing_ask(const struct dunner *d, const struct group *g, const char *provider); /* for one more message */
void pacing_count(struct dunner *d, struct group *g, const char *provider); /* one was released: where a quota is kept */
void pacing_told(struct dunner *d, struct group *g, const struct attempt_entry *entry, const struct outcome *outcome); /* the task that it makes or ends */
bool pacing_task_done(struct dunner *d, struct group *g, const char *provider); /* also by a person; false: there was no such task */
void pacing_restore(struct dunner *d, struct group *g, const struct debtor *system); /* what earlier lives used up */

/* sender.c */
void sender_release(struct dunner *d, struct group *g, bool start);
void sender_touch(struct dunner *d, const char *debtor_id, const char *invoice_id);
void sender_gate(struct dunner *d); /* after all that decides whether an attempt may start, before anybody can hear of it */
struct flight *sender_create(struct dunner *d, const struct message *message, const struct attempt_entry *entry);
void sender_start(struct flight *flight);
void sender_outcome(struct flight *flight, const struct outcome *outcome); /* notes it and queues it for the next group */
struct flight *sender_flight(const struct dunner *d, const char *attempt_id);
void sender_drop(struct dunner *d, struct flight *flight);
void sender_free(struct dunner *d);
int sender_request(const struct message *message, struct buf *masked, struct err *err, void *arg);

/* recover.c */
void recover_start(struct dunner *d, bool live);
void recover_wanted(struct dunner *d, const char *why); /* while alive; the caller asks recover_due() then */
/* True: the caller's group must not go on. Recovery starts as soon as no group is held by anybody: what is not journaled is given back. */
bool recover_due(struct dunner *d);
bool recover_rolled_back(struct dunner *d, const struct store_cursor *cursor); /* true: it is refused, as another one took over more from us than we have */
/* Where the store stands by its cursor hash: at the last group that we finished. */
bool recover_place_is_ours(const struct dunner *d, const struct store_value *cursor, size_t count);
/* The same, or one further: the commit's answer was lost, or the replicas are waited for. */
bool recover_place_is_near(const struct dunner *d, const struct store_value *cursor, size_t count);
void recover_give_back(struct dunner *d); /* inputs of groups of which nothing is in the journal wait again */
void recover_free(struct dunner *d);

/* adopt.c */
void adopt_create(struct dunner *d); /* holds reading and sending until it is done */
void adopt_free(struct dunner *d);
void adopt_begin(struct dunner *d, struct group *g); /* with the first group of a life: how far did it come? */
void adopt_next(struct dunner *d); /* one page more, as soon as no group is under way */
void adopt_again(struct dunner *d, bool emptied); /* after a recovery: from the beginning; `emptied`: the store had lost everything */
void adopt_wants(struct dunner *d, struct group *g, const struct input *input);
void adopt_decide(struct dunner *d, struct group *g, const struct input *input);
void adopt_committed(struct dunner *d, const struct input *input);

/* superseded.c */
void superseded_look(struct dunner *d, const struct store_cursor *cursor); /* another one wrote last: what have we that it has not? */
void superseded_ask(struct dunner *d); /* the same, while the partition is another's */
void superseded_tell(struct dunner *d); /* goes on telling */
void superseded_outcomes(struct dunner *d, const struct dunner *from); /* what a lost flow heard after it was lost */
void superseded_mark(struct dunner *d, struct group *g); /* with the first group after a take-over */
void superseded_free(struct dunner *d);

/* lease.c */
void lease_start(struct dunner *d);
void lease_renew(struct dunner *d);
void lease_stop(struct dunner *d);

#endif
