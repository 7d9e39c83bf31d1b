/*
 * case_file - what happened between a creditor and one debtor, out of the records of an evidence bundle: the one model that reports and
 * checks share. Pure; nothing in it comes from elsewhere. Amounts are minor units, instants ms UTC.
 */
#ifndef DUNNINGD_COMMON_CASE_FILE_H
#define DUNNINGD_COMMON_CASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bundle.h"
#include "common/date.h"
#include "common/invoice.h"
#include "common/json.h"
#include "common/message.h"

/* Where something stands in the bundle and in the log: what a reader looks up. */
struct case_place {
	const char *folder; /* "records/0007" */
	const char *proof; /* short name: "2026-412", log year and index */
	int64_t at; /* of the record */
};

struct case_contact {
	struct case_place place; /* of its intent: before anything left; of a call: when it was told to be made */
	struct case_place content_place; /* of a call: where its script stands; folder NULL: with `place` */
	const char *attempt; /* its id; calls: the task's */
	const char *const *invoices; /* ids; grouped ones: several */
	size_t invoice_count;
	const char *step, *channel, *provider, *locale;
	const char *name, *address; /* NULL: withheld, erased or none */
	bool recipient_closed, message_closed; /* the part is withheld or erased */
	bool shadow; /* written, but on purpose not sent */
	struct message message; /* text NULL: there is none */
	const char *outcome; /* "accepted", "rejected", "unknown" ...; NULL: none is recorded */
	const char *reason, *provider_id;
	int64_t status; /* of HTTP, 0 = none */
	struct case_place outcome_place; /* folder NULL = none */
	const char *note, *by; /* of a call: what the person noted, and who; NULL = none */
	const char *receipt; /* what was told of it later: "delivered", "bounced" ...; NULL = nothing */
	const char *tracking; /* of a letter: where its carrier tells of it; NULL = not known */
	int receipt_rank; /* enum delivery_state: see delivery_counts(); of several of one rank the one told last */
	int64_t receipt_at; /* ms UTC */
	struct case_place receipt_place;
};

/* A reason for a silence, or something else that happened. */
struct case_entry {
	struct case_place place;
	const char *kind; /* of the record: "attempt.skipped", "hold.opened", "phone.note" ... */
	const char *invoice, *step, *reason; /* NULL = none */
	int64_t until; /* 0 = not given */
	int64_t amount; /* in the invoice's currency; 0 = none */
	const char *text; /* what was said or noted, as it came; NULL = none */
	bool silence; /* explains why nothing was sent */
};

struct case_booking { /* a line of an invoice's account */
	struct case_place place;
	const char *kind; /* "invoice", "payment", "payment_reversed", "credit", "credit_voided", "adjustment" */
	const char *ref; /* of the payment or credit note; NULL = none */
	int64_t amount; /* added to what is owed: payments are negative */
	int64_t balance; /* after it */
};

struct case_invoice {
	const char *id, *number;
	date issued_on, due_on;
	char currency[4];
	int64_t total, paid, credited, balance; /* at the end, by the rules that decided */
	const char *closed; /* reason; NULL: open */
	struct case_booking *bookings;
	size_t booking_count, booking_capacity;
	struct invoice state; /* out of the events */
};

struct case_file {
	const char *debtor, *debtor_name, *debtor_country; /* name NULL: withheld, erased or never told */
	const char *creditor; /* as the messages were signed; NULL = not known */
	const char *zone; /* of the debtor, IANA: local times */
	const char *invoice; /* the bundle is about it alone; NULL = the whole file */
	const char *origin, *build, *process; /* of the newest log; program; digest of the process description at its last start (NULL) */
	int64_t first_at, last_at; /* of its records */
	size_t records, closed_records; /* of the case; not disclosed */
	size_t closed_parts;
	size_t stamps, witnesses; /* of third parties over checkpoints, as enclosed */
	struct case_contact *contacts;
	size_t contact_count, contact_capacity;
	struct case_entry *entries;
	size_t entry_count, entry_capacity;
	struct case_invoice *invoices;
	size_t invoice_count, invoice_capacity;
};

/*
 * Everything lies in the bundle's arena. -EBADMSG and `err`: a record has not the form that dunningd writes. The bundle must be sorted; it
 * is not checked here.
 */
int case_file_read(const struct bundle *bundle, struct case_file *ret, struct err *err);

/* Whether a record is about that invoice; and whether it is about any. */
bool case_concerns(const struct json *record, const char *invoice);
bool case_names_invoice(const struct json *record);

#endif
