/*
 * debtor - who owes: how to reach them, what they asked for, how often they were contacted, and the place of their file in the
 * trail. Pure. Registers like those of invoice.h: any order of arrival ends in the same debtor.
 */
#ifndef DUNNINGD_COMMON_DEBTOR_H
#define DUNNINGD_COMMON_DEBTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/book.h"
#include "common/cleanup.h"
#include "common/event.h"
#include "common/json.h"
#include "common/place.h"

#define DEBTOR_CONTACTS_KEPT 40 /* recent contact times; more than any cap can ask for in its days */

/* One switch: the newest event decides. */
struct debtor_switch {
	bool set; /* an event came */
	bool on;
	struct fact_order order;
	int64_t until; /* ms UTC, 0 = open end */
	const char *reason; /* NULL = none given */
};

struct contact_made { /* sent, or in doubt: both count for caps and gap, unless it turned out that nobody was there */
	int64_t at;
	enum channel channel;
	const char *attempt; /* attempt or task id */
	const char *to; /* the address; NULL = not known */
	enum delivery_state delivery; /* as far as the provider told */
	int64_t delivery_at; /* ms UTC, of the event that told it */
	bool aside; /* beside the ladder, such as the record of a call: no limit counts it, but nobody is written to twice on one day */
};

/* What was last told about an address: the newest event decides, of two at once the bad news. */
struct address_state {
	const char *address;
	enum channel channel; /* a number that takes no SMS may still be called */
	bool dead; /* nobody is there */
	int64_t at; /* ms UTC */
};
#define ADDRESSES_MAX 32

/* The first answer that wanted no more of a channel: some laws have such a wish confirmed, once and by that channel. */
struct stop_reply {
	int64_t at; /* ms UTC; 0 = there was none */
	const char *from; /* the address that it came from */
	bool confirmed; /* a confirmation was released: it is never tried again */
};

/*
 * The place of the debtor's file in the trail. Key slot and n belong to one tenure of one instance: another that takes the partition
 * has its own log and keys, and one that comes back may have records beyond what was committed, whose n must not be given again.
 */
#define TRAIL_CLASSES 7u /* bit per enum key_class of record.h: identity, content, facts */
struct trail_keys { /* a slot of the key store that this file had before the present one, and what is left of it */
	const char *log;
	uint16_t year;
	uint32_t slot;
	unsigned classes; /* bit per enum key_class: not erased yet */
	uint64_t n, last_index; /* records under it; the place of the last one in that year's log */
};

struct trail_place {
	const char *log; /* the log without its year: "trail.example.com/acme/host-a"; NULL = none yet */
	uint64_t tenure; /* epoch with which that instance took the partition from another */
	uint16_t year; /* log year of key slot and n; 0 = none yet */
	uint32_t slot;
	uint64_t n; /* records of this case under these keys in that year's log: number of the next one */
	const char *prev_origin; /* whole origin of the log with the case's newest record; NULL = none */
	uint64_t prev_index;
	char prev_hash[65]; /* hex leaf hash */
	struct trail_keys *earlier; /* oldest first */
	size_t earlier_count, earlier_capacity;
};

/* Erasures that are recorded and not yet carried out to the end: begun again at every start. */
struct erasing {
	const char *debtor;
	struct trail_keys *keys; /* classes: those that go */
	size_t key_count;
	const char **ids; /* whom entries of the streams must not name any more: debtor and invoices */
	size_t id_count;
	const char **attempts; /* whose messages go from the outbox */
	size_t attempt_count;
};

/* Of the creditor's closed invoices, by how long after the due date they were unpaid: how many there were, and were paid in the end. */
#define EXPERIENCE_AGES 6
struct experience {
	int64_t reached[EXPERIENCE_AGES], paid[EXPERIENCE_AGES];
};
/* A named person let one contact outside the debtor's house be written to, about this debtor alone, until a day; or took it back. */
struct allowed {
	const char *contact, *who, *why;
	bool on;
	struct fact_order order;
	date last_on; /* good until this day is over, UTC */
};
#define ALLOWED_DAYS 90 /* from the day on which it is said, when no other is named */
#define ALLOWED_DAYS_MAX 366
#define ALLOWED_MAX 50

/*
 * A call told that this contact is the wrong one: nobody writes to or calls that person until the customer's data have another name or address
 * for the contact, or whoever was asked to has seen to it.
 */
struct wrong_contact {
	const char *contact; /* its id; "" = not known: none is passed over */
	const char *known; /* digest of the person, as the data had them then; of all of them, where it is not known */
	const char *invoice; /* about which the call was: its task asks for the right one */
	int64_t at; /* ms UTC */
};
#define WRONG_MAX 16
#define WRONG_WAIT_MS (7 * DAY_MS) /* where nobody else can be reached, a step waits so long for the right one */

struct feed {
	const char *source;
	int64_t watermark; /* ms UTC: payments are complete up to here */
};

struct debtor {
	const char *id;
	int64_t version; /* of the document; only grows */
	bool known; /* customer data came */
	struct customer customer;
	struct fact_order order;
	struct debtor_switch paused, insolvent, opt_out[CHANNEL_COUNT];
	struct contact_made *contacts; /* oldest first */
	size_t contact_count, contact_capacity;
	struct address_state *addresses; /* those of which something was told */
	size_t address_count, address_capacity;
	struct stop_reply stop_replies[CHANNEL_COUNT];
	const char **open; /* ids of invoices that may still need a contact, sorted */
	size_t open_count, open_capacity;
	const char **work_held; /* invoices because of which others were asked to stop working for this debtor, sorted */
	size_t work_held_count, work_held_capacity;
	int64_t promises_kept; /* as it was found: see escalation_agreed.c */
	const char **thanks; /* invoices for whose payment thanks or an apology is still to go out, sorted */
	size_t thanks_count, thanks_capacity;
	int64_t still_owed; /* closed invoices of which something is: late charges, or what was given up */
	struct debtor_switch retained; /* retention hold: nothing is erased */
	int64_t deposits, deposits_late; /* deposits that were paid; those that were paid late, or are late and not paid */
	const char *walks; /* name of the policy that was last chosen for an ordinary invoice; NULL = none */
	int64_t paid, paid_late; /* invoices that are closed as paid; those of them that were paid after their due date */
	int64_t promises_broken; /* to pay by a day */
	struct allowed *allowed; /* outsiders, by contact */
	size_t allowed_count, allowed_capacity;
	struct wrong_contact *wrong; /* oldest first */
	size_t wrong_count, wrong_capacity;
	bool indexed; /* its addresses lead to it: see key_address() */
	int64_t dead_letter_until; /* hold `dead_letter`: an unreadable event named this debtor */
	int64_t unknown_since; /* ms UTC: a task asks to read what they wrote about nothing open; of the system case, who wrote; 0 = none does */
	struct trail_place trail;
	/* Of the system case alone: */
	struct debtor_switch suspended; /* operator's brake on all sending; reason = why */
	uint64_t tenure; /* epoch of the present tenure: see struct trail_place */
	bool running; /* set by the start, cleared by a graceful stop: still set at a start = the last stop was unclean */
	struct feed *feeds; /* each source of ledger.watermark */
	size_t feed_count, feed_capacity;
	const char **policies; /* digest of each recorded version, and where: "digest year index" */
	size_t policy_count, policy_capacity;
	const char *adopted; /* how far a new generation's journal took over the store: see daemon/adopt.c; NULL = nothing was ever sealed */
	const char **gaps; /* "stream id since": entries after that id may never have been read, until a person says they were sent again */
	size_t gap_count, gap_capacity;
	const char **anchored; /* "name log size" of the last token recorded of each anchor and log: told again after a kill it is not recorded twice */
	size_t anchored_count, anchored_capacity;
	const char **quotas; /* "provider window from used": messages released in a window that is limited, from: ms UTC */
	size_t quota_count, quota_capacity;
	const char **refusing; /* providers that wanted nothing of ours when they were last asked: of each a task is open */
	const char **refusing_why; /* beside it: the reason that its task has */
	size_t refusing_count, refusing_capacity, refusing_why_capacity;
	struct experience experience;
	struct erasing *erasing;
	size_t erasing_count, erasing_capacity;
	bool feed_stale; /* it was told that payments are not known well enough */
	int64_t suspended_told; /* ms UTC: that the time is over that was `suspended.until` */
	int64_t braked_at; /* ms UTC: more contacts were planned in an hour than is allowed, and nobody released them yet; 0 = no */
	int64_t hour_since, hour_contacts; /* ms UTC, and how many were planned since: what `braked_at` is told by; 0 contacts = begin anew */
	const char *held; /* what else holds all sending, as it was told; NULL = nothing */
	int64_t held_since; /* ms UTC */
	date digest_on; /* the last day whose digest was released; none = there was none */
	int64_t digest_tries; /* that certainly failed since one was sent */
	struct books books; /* lists of open invoices, as far as they were told */
};

/*
 * Ledger `source` has told all payments up to `watermark`. Whether that is news. At most FEEDS_MAX sources are kept; one more is as if
 * it had not spoken.
 */
#define FEEDS_MAX 64
bool debtor_feed_told(struct debtor *system, struct arena *arena, const char *source, int64_t watermark);
/*
 * Up to when every feed that binds has told its payments, ms UTC: those that ever spoke, and `ledgers` (NULL-terminated; NULL = none)
 * in any case: 1 when one of these never did. 0 = none binds.
 */
int64_t debtor_payments_known_to(const struct debtor *system, const char *const *ledgers);

bool debtor_apply(struct debtor *debtor, const struct event *event, struct arena *arena);
/* The file goes on under a new slot; what it had is kept among the earlier ones. */
void debtor_trail_begin(struct trail_place *place, struct arena *arena, const char *log, uint64_t tenure, uint16_t year,
	uint32_t slot);
void debtor_erasing_add(struct debtor *system, struct arena *arena, const struct erasing *erasing);
void debtor_erasing_remove(struct debtor *system, const char *debtor_id);
void debtor_open_add(struct debtor *debtor, struct arena *arena, const char *invoice_id);
void debtor_open_remove(struct debtor *debtor, const char *invoice_id);
void debtor_thanks(struct debtor *debtor, struct arena *arena, const char *invoice_id, bool wait); /* they wait to go out, or do no longer */
bool debtor_owes_nothing(const struct debtor *debtor); /* for no invoice that is known */
/* Work for this debtor is to rest because of this invoice, or no longer: whether that is news. */
bool debtor_work_hold(struct debtor *debtor, struct arena *arena, const char *invoice_id);
bool debtor_work_release(struct debtor *debtor, const char *invoice_id);
bool debtor_work_held(const struct debtor *debtor, const char *invoice_id); /* because of this invoice */
/* A contact of the same id that is there already keeps what is known of it. */
void debtor_contact_add(struct debtor *debtor, struct arena *arena, int64_t at, enum channel channel, const char *attempt);
bool debtor_contact_remove(struct debtor *debtor, const char *attempt); /* it turned out that nothing was sent; false: it is not there */
/*
 * What a person did counts each time: its attempt is the task's id, "post:<invoice>:<step>", and the contact "<that>@<number>"; of a letter that waits
 * to be posted, the task's id.
 */
bool contact_made_by(const struct contact_made *made, const char *attempt);
/* The contact that this attempt was, the newest of a task; NULL: not kept any more. */
struct contact_made *debtor_contact_made(struct debtor *debtor, const char *attempt);
bool debtor_address_told(struct debtor *debtor, struct arena *arena, enum channel channel, const char *address, bool dead, int64_t at);
bool debtor_address_dead(const struct debtor *debtor, enum channel channel, const char *address);
/* What is told of a message is about another address than it went to: it says nothing of that one. */
bool debtor_told_of_another(struct debtor *debtor, const struct event *event);
/* No more by this channel, from now on. Whether that is news. */
bool debtor_opt_out(struct debtor *debtor, enum channel channel, const struct fact_order *order, const char *reason);
/* The answer that wanted no more of this channel, while it is closed and nobody confirmed that; NULL: there is none. */
const struct stop_reply *debtor_stop_unconfirmed(const struct debtor *debtor, enum channel channel);
bool debtor_opted_out(const struct debtor *debtor, enum channel channel);
/* Of competing words about one contact the newest stands. Whether that is news; false too when ALLOWED_MAX others are known. */
bool debtor_allow(struct debtor *debtor, struct arena *arena, const struct allowed *allowed);
bool debtor_allows(const struct debtor *debtor, const struct contact *contact, int64_t now); /* it is inside the house, or allowed still */
date allowed_until(int64_t said_at, date wanted); /* the last day of a word said then; `wanted` may be none */
void allowed_write(struct json_writer *w, const char *key, const struct debtor *debtor);
void allowed_read(const struct json *json, struct arena *arena, struct debtor *ret);
bool debtor_wrong(const struct debtor *debtor, const struct contact *contact);
/* `contact` NULL: nobody knows who was called; the task stays until any of the contacts is another. */
void debtor_wrong_add(struct debtor *debtor, struct arena *arena, const struct contact *contact, const char *invoice, int64_t at);
void debtor_wrong_mended(struct debtor *debtor); /* the customer's data changed: what was said of persons who are not theirs any more is over */
bool debtor_wrong_told(const struct debtor *debtor, const char *invoice); /* by a call about it, and neither mended nor seen to */
/* A person has seen to it: contacts of whom a call about this invoice told are used again; when none did, all. */
void debtor_wrong_seen(struct debtor *debtor, const char *invoice);
/* Nobody can be reached because the one who could is the wrong one: until when that is waited for, ms UTC. 0: it is not so, or no more. */
int64_t debtor_wrong_until(const struct debtor *debtor, enum channel channel, const char *const *roles, int64_t now);
void wrong_write(struct json_writer *w, const char *key, const struct debtor *debtor);
void wrong_read(const struct json *json, struct arena *arena, struct debtor *ret);
/*
 * The contact to use for a channel: the first of the roles in order that has an address, is inside the debtor (or was allowed by a named person),
 * allows it, and is not known to be the wrong one. NULL.
 */
const struct contact *debtor_contact(const struct debtor *debtor, enum channel channel, const char *const *roles, int64_t now);
/* The same, but for those that are passed over: "<channel>:<contact id>". Of letters nobody is: the house has one address. */
const struct contact *debtor_contact_but(const struct debtor *debtor, enum channel channel, const char *const *roles, int64_t now,
	const char *const *passed, size_t passed_count);
/* Where that is, as one line: an address, a number, the house. */
const char *debtor_address(const struct debtor *debtor, const struct contact *contact, enum channel channel, struct arena *arena);
struct place debtor_place(const struct debtor *debtor); /* its country, and of the postal address what lies in it; borrowed */
const char *debtor_zone(const struct debtor *debtor, const char *fallback);
const char *debtor_locale(const struct debtor *debtor, const struct contact *contact, const char *fallback);

void debtor_write(struct buf *out, const struct debtor *debtor);
int debtor_read(struct arena *arena, const char *json, size_t len, struct debtor *ret, struct err *err);
int debtor_from(struct arena *arena, const struct json *json, struct debtor *ret, struct err *err); /* `json` lives in the arena */

#endif
