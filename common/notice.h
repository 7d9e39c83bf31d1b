/*
 * notice - the rendered message of a step: templates by locale, name and part, filled with the debtor's own figures. Pure.
 */
#ifndef DUNNINGD_COMMON_NOTICE_H
#define DUNNINGD_COMMON_NOTICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/config.h"
#include "common/date.h"
#include "common/event.h"
#include "common/err.h"
#include "common/interest.h"
#include "common/message.h"
#include "common/money.h"

enum notice_part { NOTICE_SUBJECT, NOTICE_TEXT, NOTICE_HTML, NOTICE_SMS, NOTICE_LETTER, NOTICE_VOICE, NOTICE_PART_COUNT };
extern const char *const notice_part_suffixes[NOTICE_PART_COUNT + 1]; /* "subject", "txt", "html", "sms", "letter", "voice" */

/*
 * All templates. Files are <locale>/<name>.<suffix>; names that begin with '_' are partials, found by the
 * reader's locale and part; of a letter and of what is spoken, the text's stand in for those that are missing.
 */
struct notice_set;
struct notice_set *notice_set_create(void);
void notice_set_free(struct notice_set *set);
DEFINE_CLEANUP(struct notice_set, notice_set_free)
/* Compiles one; a second one of the same locale, name and part replaces the first. -EBADMSG: code "bad_template". */
int notice_set_add(struct notice_set *set, const char *locale, const char *name, enum notice_part part, const char *text,
	size_t len, struct err *err);
/*
 * The same, but compiled when first a message needs it: what is wrong inside is told by notice_set_check() and by rendering. For texts that
 * are shipped, of which most are never used. The set remembers, so one thread at a time asks it.
 */
int notice_set_hold(struct notice_set *set, const char *locale, const char *name, enum notice_part part, const char *text,
	size_t len, struct err *err);
/* Notes the file that it came from, for people; and tells it, borrowed from the set. NULL: there is no such template, or nobody noted it. */
void notice_set_from(struct notice_set *set, const char *locale, const char *name, enum notice_part part, const char *path);
unsigned notice_channel_parts(enum channel channel); /* bits of enum notice_part that its messages are made of */
const char *notice_set_origin(const struct notice_set *set, const char *locale, const char *name, enum notice_part part);
/*
 * Forgets the parts of an email's body (text and HTML) or the one part given: before a user's file replaces shipped ones, since a
 * text of theirs beside an HTML of ours would be two different messages.
 */
void notice_set_drop(struct notice_set *set, const char *locale, const char *name, enum notice_part part);
/* That there is one of that name for the channel in this locale (or its chain), without reading it. -ENOENT. */
int notice_set_find(const struct notice_set *set, const char *locale, const char *name, enum channel channel, struct err *err);
/*
 * That `name` can be rendered for the channel in this locale (or its chain), using only variables that exist; those of `late` where there is
 * such a regime (NULL = none: what states the law without asking whether there is one is refused). -ENOENT, -EBADMSG.
 */
int notice_set_check(const struct notice_set *set, const char *locale, const char *name, enum channel channel, const struct regime *late,
	struct err *err);
/*
 * The same, and shows each sample that was rendered for it to `look`: with everything known and with the least, about one invoice and
 * several. The notice is borrowed for the call.
 */
struct notice;
typedef void (*notice_look_fn)(const struct notice *notice, void *arg);
int notice_set_look(const struct notice_set *set, const char *locale, const char *name, enum channel channel, const struct regime *late,
	notice_look_fn look, void *arg, struct err *err);

struct notice_invoice {
	const char *number, *payment_url, *pdf_url, *page_url; /* NULL = none; page_url: the debtor's page about it */
	const char *terms; /* where late charges were agreed, as the producer refers to it: "CGV-7"; NULL = not told */
	const char *contract; /* that it rests on; NULL = not told */
	const char *terms_url; /* where the terms can be read; NULL = not told */
	const char *purchase_order, *delivery_proof; /* the debtor's; what shows that it was delivered. NULL = not told */
	const char *note; /* a person's own words, for this message; NULL = none */
	date issued_on, due_on, terms_agreed_on; /* agreed_on: none = not told */
	int32_t moved_days; /* by which the policy moves the due date: interest counts from there */
	struct money total, balance;
	int32_t days_past_due; /* < 0: before the due date */
	bool fee_waived; /* the law's fixed sum: it is not asked for any more */
};

/*
 * What templates may name. Optional (use them as sections): *
 *   creditor.name .legal_id* .address* .bank* .email* .phone* .url*      debtor.name*      contact.name*
 *   sender.name .email .reply_to (the email address when there is no other) .phone*
 *   invoices: number issued_on* due_on total balance reduced (balance < total: paid or credited in part) days_past_due
 *      days_until_due (>= 0 both) overdue days_plural.<category> payment_url* pdf_url* page_url*
 *      purchase_order* delivery_proof* first last
 *   invoice: the leading one, the same members
 *   one, many: is it about one invoice; count, count_plural.<category>; balance: of all together; today; deadline*
 *   consumer: is the debtor one; holds_work: others are asked to stop working for them;
 *      nothing_open: they owe nothing more for any invoice; terms*: of all invoices, when they are the same
 *   late*: what the law attaches to late payment: .statute .country* (when it is not the debtor's) .from_due .from_default .reference*
 *      .points .rate* (today's, a year; only when it is known and the same for all overdue invoices) .rounded* (up to multiples of) .yearly
 *      .sum .sum_each* (the fixed sum of each) .sum_total* (of all overdue ones, when they differ)
 *      .interest* (accrued up to today on what is unpaid of the overdue ones, by the statutory rate: only when every rate and first day is
 *      known, and nothing was agreed) .total* (balance, interest and fixed sums together) .working: its lines, number first_on days base rate
 *      year* (in how many days a year is counted) interest
 *   payment_url*: the page that pays all of it: of the only invoice, or the same for all; page_url*: the debtor's page, of the only
 *      invoice; attempt_id*
 *   call.said_on* .until_on* .tell* and of its outcomes the one that is true: .invoice_not_received .waiting_approval .in_payment
 *      .paid .promise .dispute .refuses*; call.no_pay: no word on how to pay (it is disputed, or said to be paid)
 *   contract*: as the producer refers to it, when it is that of all invoices; terms_url* and terms_agreed_on* likewise
 *   notes*: what a person adds in their own words to this one message, of each invoice, the same once: note first
 *   offers*: what we would accept instead: code until first last only, and settlement (with amount) or plan (with instalments: amount due_on first last)
 *   announced_on*: the day of the message that is taken back
 *   holds.<field>: always there; what stands in its section is what a formal notice must contain by that name ("deadline"): notice_fields()
 *   promised_on*: the day that was promised; instalment.number .of .due_on .rest*
 * Amounts and dates are text of the reader's locale; a category is CLDR's: zero one two few many other.
 */
/* What a message beside the ladder is about: see struct aside. Dates: none = not said. */
struct notice_talk {
	enum call_outcome outcome; /* CALL_NONE: no call */
	date said_on, until_on; /* until_on: promised for */
	const char *tell; /* a sentence of the caller's; NULL = none */
	int64_t instalment, instalments; /* number, of how many; 0 = no instalment */
	date due_on;
	struct money rest;
	date announced_on; /* what is taken back now was said on that day */
	bool no_pay; /* of a call: no word on how to pay, since it is disputed, or paid as they say */
};

/* What we would accept instead, and until when. */
struct notice_part_due {
	date due_on;
	struct money amount;
};
struct notice_offer {
	const char *code; /* by which it is accepted */
	date until; /* the last day */
	bool plan; /* in instalments; else less, paid by that day */
	struct money amount; /* of all together, not of a plan */
	const struct notice_part_due *instalments; /* of a plan */
	size_t instalment_count;
};

struct notice_input {
	const char *locale; /* of the person written to */
	const char *fallback_locale; /* the creditor's, when there is no template in the person's language */
	const struct creditor *creditor;
	const struct sender *sender;
	const char *debtor_name, *contact_name; /* contact_name NULL = none known */
	const struct notice_invoice *invoices; /* the leading one first */
	size_t invoice_count;
	struct money balance; /* of all together */
	date today, deadline; /* deadline: when an answer is asked for; none = not stated */
	const struct regime *late; /* NULL = none is stated */
	const char *country; /* of the debtor, ISO 3166; NULL = not known */
	bool consumer, holds_work;
	bool nothing_open; /* they owe nothing more */
	const struct notice_offer *offers;
	size_t offer_count;
	const char *attempt_id;
	const struct notice_talk *talk; /* NULL: a step of the ladder, or a call's script */
	const char *without; /* a field of a formal notice whose passages are left out: see notice_fields(). NULL = none */
};

struct notice {
	const char *locale; /* of the templates used */
	const char *format; /* the locale whose forms amounts and dates have: the reader's own region where its language is that of the templates */
	const char *subject, *text, *html; /* NULL when the channel has none; an SMS is in `text`, so are a letter, what is spoken, a script */
	char digest[65]; /* hex SHA-256 over the template files used */
};

/* Strings live in the arena. -ENOENT: no template; -EBADMSG: err names the variable or part. Never a half-filled notice. */
int notice_render(const struct notice_set *set, const char *name, enum channel channel, const struct notice_input *input,
	struct arena *arena, struct notice *ret, struct err *err);

/*
 * The fields of a formal notice (law data, "notices") that this message holds: those whose sections {{#holds.deadline}} leave something in
 * it. NULL-terminated, in the arena. As notice_render().
 */
int notice_fields(const struct notice_set *set, const char *name, enum channel channel, const struct notice_input *input, struct arena *arena,
	const char *const **ret, struct err *err);
/*
 * The fields that the templates of this locale (or its chain) can hold at best, with everything known that is not the step's or the
 * creditor's own: `creditor` (NULL = one with everything), and whether a day is named. As notice_set_check().
 */
int notice_set_fields(const struct notice_set *set, const char *locale, const char *name, enum channel channel, const struct regime *late,
	const struct creditor *creditor, bool deadline, struct arena *arena, const char *const **ret, struct err *err);

#endif
