/*
 * event - an inbound CloudEvents 1.0 object, checked and typed. Pure.
 */
#ifndef DUNNINGD_COMMON_EVENT_H
#define DUNNINGD_COMMON_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/date.h"
#include "common/err.h"
#include "common/json.h"
#include "common/message.h"
#include "common/money.h"

enum event_type {
	EVENT_INVOICE_FINALIZED,
	EVENT_INVOICE_SENT,
	EVENT_INVOICE_DELIVERY_FAILED,
	EVENT_INVOICE_UPDATED,
	EVENT_INVOICE_VIEWED,
	EVENT_INVOICE_PAID,
	EVENT_INVOICE_PAYMENT_RECEIVED,
	EVENT_INVOICE_PAYMENT_ANNOUNCED,
	EVENT_INVOICE_PAYMENT_FAILED,
	EVENT_INVOICE_PAYMENT_REVERSED,
	EVENT_INVOICE_VOIDED,
	EVENT_INVOICE_MARKED_UNCOLLECTIBLE,
	EVENT_CREDIT_NOTE_ISSUED,
	EVENT_CREDIT_NOTE_VOIDED,
	EVENT_DISPUTE_OPENED,
	EVENT_DISPUTE_RESOLVED,
	EVENT_PROMISE_MADE,
	EVENT_PROMISE_WITHDRAWN,
	EVENT_PAYMENT_PLAN_AGREED,
	EVENT_PAYMENT_PLAN_AMENDED,
	EVENT_PAYMENT_PLAN_CANCELLED,
	EVENT_SETTLEMENT_AGREED,
	EVENT_FEE_WAIVED,
	EVENT_CUSTOMER_UPDATED,
	EVENT_CUSTOMER_PAUSED,
	EVENT_CUSTOMER_RESUMED,
	EVENT_CUSTOMER_OPTED_OUT,
	EVENT_CUSTOMER_INSOLVENCY_OPENED,
	EVENT_CUSTOMER_INSOLVENCY_ENDED,
	EVENT_CONTACT_REPLY_RECEIVED,
	EVENT_CONTACT_DELIVERY_UPDATED,
	EVENT_CALL_COMPLETED,
	EVENT_LETTER_STATUS_UPDATED,
	EVENT_LEDGER_WATERMARK,
	EVENT_BOOK_SNAPSHOT,
	EVENT_OPERATOR_COMMAND,
	EVENT_TYPE_COUNT
};
extern const char *const event_type_names[EVENT_TYPE_COUNT + 1]; /* "invoice.finalized", ...; NULL-terminated */

/*
 * Orders competing facts, never by arrival. Events that all carry a version, or all none, compete by (version, time, source, id). One
 * of each kind can only be told apart by time, and no single order has room for both rules: with version 1 at noon, version 2 at ten
 * and an unversioned event at eleven it would run in a circle. So whoever keeps a fact keeps the last event of either kind, and the
 * later of these two speaks. Both orders are total: <0, 0 (the same event), >0.
 */
struct fact_order {
	int64_t version; /* 0 = none */
	int64_t time; /* ms UTC */
	const char *source, *id;
};
int fact_order_compare(const struct fact_order *a, const struct fact_order *b); /* version, time, source, id; without a version first */
int fact_time_compare(const struct fact_order *a, const struct fact_order *b); /* time, source, id, version */

enum invoice_status { INVOICE_DRAFT, INVOICE_OPEN, INVOICE_PAID, INVOICE_VOID, INVOICE_UNCOLLECTIBLE, INVOICE_STATUS_COUNT };
extern const char *const invoice_status_names[INVOICE_STATUS_COUNT + 1];
extern const char *const invoice_kind_names[]; /* standard, deposit, balance, instalment */
extern const char *const customer_kind_names[]; /* company, sole_trader, consumer, public */

/* The figures of an invoice as its producer last said them. */
struct snapshot {
	const char *number, *payment_url, *pdf_url, *pdf_sha256, *policy, *late_fee_ref, *contract;
	const char *terms_url, *terms_sha256; /* the terms that were agreed, where they can be read, and the digest of what was; NULL = not told */
	date terms_agreed_on; /* none = not told */
	const char *purchase_order; /* the debtor's; NULL = not told */
	const char *delivery_proof; /* what shows that it was delivered, comma-joined: "LS-17, https://..."; NULL = not told */
	const char *contract_url, *contract_sha256; /* of its document; NULL = not told */
	int64_t payment_url_until; /* ms UTC: the link is of no use from then on; 0 = not told */
	int kind; /* index into invoice_kind_names */
	enum invoice_status status;
	date issued_on, due_on;
	date starts_on; /* of a deposit: the work that it is for; none = not told */
	char currency[4];
	int64_t total, paid, credited, due; /* minor units; due = total - paid - credited */
	bool automatic; /* collection: charge_automatically */
	const char *tags; /* comma-joined refs and tags kept for conditions; NULL = none */
};

struct contact {
	const char *id, *role, *name, *email, *phone, *locale;
	bool external;
	uint32_t channels; /* bit per enum channel; 0 = all for which there is an address */
	bool sms_consent, voice_consent;
};

struct customer {
	const char *name, *country, *locale, *timezone, *policy;
	const char *owner; /* who of ours looks after it, by name: whose its tasks are; NULL = not told */
	int kind; /* index into customer_kind_names */
	struct contact *contacts;
	size_t contact_count;
	struct postal postal; /* where letters go; all NULL = not told */
};

/*
 * What became of a message. Of several that are told the last one here counts, but of those that say that it arrived, or reached nobody, the one
 * of the latest instant: so receipts may come twice, late and out of order. Nothing of it says that anybody read the message.
 */
enum delivery_state {
	DELIVERY_NONE, /* nothing is known, or a word that we do not know */
	DELIVERY_SENT, /* the provider has it */
	DELIVERY_DEFERRED,
	DELIVERY_BOUNCED_SOFT,
	DELIVERY_DELIVERED,
	DELIVERY_OPENED,
	DELIVERY_COMPLAINED,
	DELIVERY_STOPPED, /* the recipient wants no more of it, as he or the provider says */
	DELIVERY_BOUNCED_HARD, /* nobody is there */
	DELIVERY_FAILED, /* it never left, or was given up: it reached nobody, and of the address nothing is said */
	DELIVERY_SUPPRESSED, /* the provider kept it back, for the recipient wants no more of it: both of the above. Kept as a number: new ones go last */
	DELIVERY_COUNT
};
/* Whether what is told at this instant counts, and not what is known: of two that say what became of it, the later instant's; at once, the last above. */
bool delivery_counts(enum delivery_state state, int64_t at, enum delivery_state known, int64_t known_at);
bool delivery_arrived(enum delivery_state state);
bool delivery_wants_no_more(enum delivery_state state); /* by this channel */
bool delivery_reached_nobody(enum delivery_state state); /* then it counts for no cap and no gap, and nothing rests on it */
extern const char *const delivery_names[DELIVERY_COUNT + 1]; /* both kinds of bounce are "bounced" in events; here they are told apart */

#define EVENT_INVOICES_MAX 100 /* as many as one contact is about */

/* What came of a call: whoever made it must say so. */
enum call_outcome {
	CALL_NONE,
	CALL_VOICEMAIL,
	CALL_UNREACHABLE,
	CALL_WRONG_CONTACT,
	CALL_INVOICE_NOT_RECEIVED,
	CALL_WAITING_APPROVAL,
	CALL_IN_PAYMENT,
	CALL_PAID, /* so they say */
	CALL_PROMISE,
	CALL_DISPUTE,
	CALL_REFUSES,
	CALL_INSOLVENT,
	CALL_BACK_AT,
	CALL_OUTCOME_COUNT
};
extern const char *const call_outcome_names[CALL_OUTCOME_COUNT + 1];
/* A registered letter of which the recipient was told, and which nobody took: it reached the house, and yet nobody. */
bool letter_unclaimed(const char *status);
bool call_reached(enum call_outcome outcome); /* somebody spoke with us about the debt: a mail states what was said */
#define EVENT_SOURCE_MAX 512 /* bytes; where nobody says who, it is the source */
#define HANDOVER_PROCEDURE_MAX 128
#define HANDOVER_BUNDLE_SIZE 64 /* hex digits of a SHA-256 */
#define CALL_NOTES_MAX 8000
#define CALL_TELL_MAX 1000

struct instalment {
	date due_on;
	int64_t amount; /* minor units, > 0 */
};
#define INSTALMENTS_MAX 60
#define AGREED_AMOUNT_MAX INT64_C(100000000000000) /* as of every other amount that is told */

/* One part of a list of open invoices: see book.h. */
struct book_item {
	const char *invoice_id, *customer_id; /* customer_id: NULL = not told */
	int64_t version; /* of its figures; 0 = not told */
	int64_t due; /* minor units, >= 0 */
};
struct book_part {
	const char *source; /* whose invoices they are: the event's own source, unless it names another */
	const char *snapshot_id;
	int64_t as_of; /* ms UTC */
	int64_t part, parts; /* from 1 */
	const struct book_item *items;
	size_t count;
};
#define BOOK_ITEMS_MAX 400 /* a part's documents are changed at once */
#define BOOK_PARTS_MAX 10000
#define BOOK_ID_SIZE 25
const char *book_id(const char *source, char ret[BOOK_ID_SIZE]); /* a source as an id, in `ret` */

struct event {
	enum event_type type;
	const char *id, *source, *subject;
	int64_t time; /* ms UTC */
	struct fact_order order;
	const char *invoice_id; /* NULL when it names none */
	const char *customer_id;
	bool has_snapshot, has_customer;
	struct snapshot snapshot;
	struct customer customer;
	/* Facts: which of these matter depends on the type. */
	const char *fact_id; /* payment_id, credit_note_id, promise_id, dispute_id, pause id ...; NULL: (source, id) is the identity */
	int64_t amount; /* minor units, >= 0 */
	int64_t fee; /* payment: minor units of the invoice's currency paid beside `amount`, towards late fees and interest */
	int64_t at; /* paid_at; ms UTC; = time when not given */
	int64_t after_version; /* payment: the snapshot version that does not know it yet; 0 = not given */
	date until_on; /* promise: pay by; announced: expected on */
	int64_t until; /* pause, hold: ms UTC, 0 = not given */
	enum channel channel; /* opt-out; CHANNEL_COUNT = all */
	const char *reason, *text;
	int64_t watermark; /* ledger.watermark: complete up to, ms UTC */
	const char *ledger;
	/* contact.delivery_updated, contact.reply_received; an outsider's word: `unverified`, it changes nothing */
	enum delivery_state delivery;
	bool announced; /* "I have paid": an answer by a key that stands for it, or an announcement that says it is no word of the future */
	bool unverified;
	const char *guess; /* of an answer, once `guessed`: see invoice_guess() */
	bool guessed;
	bool by_address; /* the attempt is the last one to that address: an answer may be to an earlier one */
	const char *apart; /* hex SHA-256 of the provider's bytes that are too long for an event, see key_body(); NULL = they are in it */
	int64_t apart_bytes;
	bool apart_stays; /* another event behind this one, in its stream, names them too */
	const char *attempt_id, *provider_id, *address; /* NULL = not told */
	const char *recipient; /* of whom it is told, where that need not be whom the attempt went to; NULL = of that one */
	const char *letter, *tracking, *carrier; /* letter.status_updated: its word; where the carrier tells of it. NULL = not told */
	const char **invoice_ids; /* the attempt's */
	size_t invoice_count;
	/* call.completed, and the command call_log */
	enum call_outcome outcome;
	const char *notes; /* for our eyes */
	const char *tell; /* a sentence of the caller's for the mail that confirms the call */
	const char *contact_id; /* whom it reached */
	int64_t back_at; /* ms UTC; 0 = not given */
	int64_t minutes; /* that the call took; 0 = not said */
	/* payment_plan.agreed, .amended: ordered by their days */
	const struct instalment *instalments;
	size_t instalment_count;
	/* settlement.agreed: `amount` is what is accepted for the whole invoice, with what was paid before */
	bool settles; /* an amount was told */
	bool in_kind; /* it was settled by something else than money */
	const char *offer; /* that it accepts, by its code: the terms are those of the offer. NULL = none */
	const char *accepted_by;
	const struct book_part *book; /* book.snapshot */
	/* operator.command; who and why also of what a person tells with dunningctl */
	const char *command, *target, *who, *why, *step;
	struct json data; /* the `data` member as it came */
};

/*
 * Parses one stream entry. 0: *ret filled, borrowed from `arena`. -EBADMSG: `err` has the stable reason code ("bad_json",
 * "too_large", "wrong_type", "missing", "unknown_type", "sum_mismatch", "unknown_currency", "unknown_zone", "bad_id", ...), the JSON path
 * and a sentence; ret->invoice_id and ret->customer_id are still set when they could be read, so that they can be held.
 */
int event_parse(struct arena *arena, const char *json, size_t len, const char *type_prefix, struct event *ret, struct err *err);

/* The members of `data` that calls, payment plans and settlements have, of an event whose other members are read. -EBADMSG. */
int event_agreed(struct arena *arena, const struct json *data, struct event *e, struct err *err);

int event_book(struct arena *arena, const struct json *data, struct event *e, struct err *err); /* those of book.snapshot; e->book */

/*
 * Whom an entry names that is no event: `fields` is a JSON array of its names and values in turn. Each field that shows an invoice or
 * a customer, in JSON however broken or under the name invoice_id or customer_id, gives one of *ret, at most EVENT_SHOWN_MAX; the rest
 * is NULL. Returns how many.
 */
#define EVENT_SHOWN_MAX 16
struct event_shown {
	const char *invoice_id, *customer_id; /* one may be NULL */
};
size_t event_rescue(struct arena *arena, const char *fields, size_t len, struct event_shown ret[EVENT_SHOWN_MAX]);
/* The same of one text that must not be parsed any more: it is looked at byte by byte, and nothing else of it is believed. */
void event_shown_unread(struct arena *arena, const char *text, size_t len, struct event_shown *ret);

#endif
