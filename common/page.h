/*
 * page - the debtor's own page about one invoice: what may be said there, what was typed, the event that it becomes, and the page as HTML; as
 * HTML too what stands behind the unsubscribe link of a mail. Pure but for page_texts_load(). The daemon answers with it (daemon/debtor_page.h).
 *
 * Whoever holds a link is believed as far as an answer to a mail is: what is said holds the ladder, goes to a person, stops a channel; it
 * never changes to whom we write, and never says that money came. It shows this invoice and nothing else of the debtor, no address of anybody included.
 */
#ifndef DUNNINGD_COMMON_PAGE_H
#define DUNNINGD_COMMON_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/config.h"
#include "common/escalation.h"
#include "common/form.h"
#include "common/token.h"

enum page_action {
	PAGE_PAID, /* "I have paid": invoice.payment_announced */
	PAGE_PROMISE, /* promise.made */
	PAGE_DISPUTE, /* dispute.opened */
	PAGE_PLAN, /* one of the offered plans is accepted: payment_plan.agreed */
	PAGE_SETTLEMENT, /* one of the offered smaller sums: settlement.agreed */
	PAGE_ASK, /* a question, or the wish for instalments: contact.reply_received */
	PAGE_CONTACT, /* who should be written to: contact.reply_received, for a person to look at */
	PAGE_STOP, /* no more by the channel of the link: customer.opted_out */
	PAGE_ACTION_COUNT
};
extern const char *const page_action_names[PAGE_ACTION_COUNT + 1]; /* "paid", ...: in addresses, forms and records */
bool page_takes_offer(enum page_action action); /* PLAN, SETTLEMENT: its address and its form name one offer */

enum page_field { PAGE_ON, PAGE_REFERENCE, PAGE_REASON, PAGE_TEXT, PAGE_NAME, PAGE_EMAIL, PAGE_PHONE, PAGE_FIELD_COUNT };
extern const char *const page_field_names[PAGE_FIELD_COUNT + 1];
extern const char *const page_reasons[]; /* of a dispute; NULL-terminated */

struct page_case { /* what a page is about; all borrowed */
	const struct config *config;
	const struct escalation *e;
	const struct debtor *debtor; /* NULL: not known */
	const struct policy *policy; /* its version; NULL: not at hand */
	const struct page_link *link;
	const char *link_text;
	int64_t now; /* ms UTC */
	bool has_document; /* its PDF is at hand */
};

enum page_state { PAGE_OPEN, PAGE_SETTLED, PAGE_CLOSED }; /* SETTLED: nothing is owed for it any more, late charges included */
enum page_state page_state(const struct page_case *c);
date page_today(const struct page_case *c); /* where the debtor is */
void page_tag_of(const struct page_case *c, char ret[36]); /* the reader's language, and region where that is known */

struct page_limits {
	date first, last; /* of the day that is asked for; none: no day is */
};
/* "/p/" begins the source of every event that was told on this page. */
bool page_said_here(const struct fact *fact);
/* Whether that may be said now, and within which days. Of PLAN and SETTLEMENT: whether one of that kind can be accepted. */
bool page_allows(const struct page_case *c, enum page_action action, struct page_limits *ret);

/* What names an offer in addresses: of its terms, so that nobody accepts others than were shown. Hex and NUL. */
#define PAGE_OFFER_SIZE 33
const char *page_offer_id(const struct made_offer *offer, char ret[PAGE_OFFER_SIZE]);
/*
 * The offer of that id (NULL = the first) which can be accepted now by this action; NULL: there is none. One that was written to the debtor,
 * until its last day, as it was written; and one alone: who agreed on something already speaks with a person. A plan must still cover what is owed.
 */
const struct made_offer *page_offer(const struct page_case *c, enum page_action action, const char *id);

struct page_said {
	enum page_action action;
	const struct made_offer *offer; /* that is accepted; NULL = none */
	date on; /* none = not said */
	const char *typed[PAGE_FIELD_COUNT]; /* as it was typed; "" = nothing */
	const char *errors[PAGE_FIELD_COUNT]; /* word of the texts, "errors.required"; NULL = it is right */
};
/* The fields of the action's form; allowed is what page_allows() said. False: something must be mended, ret->errors says what. */
bool page_read(const struct page_case *c, enum page_action action, const struct page_limits *limits, const struct form_pair *pairs, size_t count,
	struct arena *arena, struct page_said *ret); /* sets no offer */
/* The CloudEvents object, once page_read() was true, and the offer is set where one is accepted. `id`: of the form's token. */
void page_event(const struct page_case *c, const struct page_said *said, const char *id, struct buf *out);

/* What is kept of a submission for a week, so that the page can say it: JSON. No word of the debtor's. */
struct page_receipt {
	enum page_action action;
	const char *link_id, *id;
	int64_t at;
	date on; /* of an offer: its last day */
	const char *offer; /* its id; NULL = none, and the rest is unset: what was accepted, as it was shown then */
	int64_t amount; /* minor units, in all */
	int64_t count; /* of instalments */
	date first, last; /* of them; none: there are none */
};
/* Of what was said. `id` as of page_event(); strings are borrowed, or lie in the arena. */
struct page_receipt page_receipt_of(const struct page_case *c, const struct page_said *said, const char *id, struct arena *arena);
void page_receipt_write(struct buf *out, const struct page_receipt *receipt);
int page_receipt_read(struct arena *arena, const char *text, size_t len, struct page_receipt *ret);

/* --- how it looks --------------------------------------------------------------------------------------------------------------- */

/*
 * The folder "page" of the shared files: page.html, page.css, and the words of each language, <language>.json. Those of `own` (NULL = none)
 * replace them, and may add languages. -errno, -EBADMSG: err names the file.
 */
struct page_texts;
int page_texts_load(const char *share_dir, const char *own, struct page_texts **ret, struct err *err);
void page_texts_free(struct page_texts *texts);
DEFINE_CLEANUP(struct page_texts, page_texts_free)
bool page_texts_speak(const struct page_texts *texts, const char *language); /* "fr" */
/* The first language of an Accept-Language header (RFC 9110 section 12.5.4, as browsers order it) that the page speaks; NULL = none. */
const char *page_texts_prefer(const struct page_texts *texts, const char *accepted);
/* What a browser may do with a page, as Content-Security-Policy: style and forms of ours, nothing else. */
extern const char page_policy[];
const struct buf *page_texts_style(const struct page_texts *texts);

enum page_kind {
	PAGE_KIND_HOME,
	PAGE_KIND_FORM,
	PAGE_KIND_LOST, /* the link is not ours, or counts no more: `c` is NULL */
	PAGE_KIND_AGAIN, /* the form is not ours, was used, or counts no more */
	PAGE_KIND_BUSY, /* too often */
	PAGE_KIND_UNSAVED, /* it could not be kept */
	/* behind the unsubscribe link of a mail, which is about no invoice (common/unsubscribe.h): `c` is NULL */
	PAGE_KIND_LEAVE, /* no more mails? the question, with its button */
	PAGE_KIND_LEFT,
	PAGE_KIND_UNKNOWN, /* nobody knows any more to whom that mail went */
};
struct page_view {
	enum page_kind kind;
	const struct config *config;
	const struct page_case *c; /* HOME and FORM; else may be NULL */
	const char *base; /* before "/p/" in addresses: "" or "/folder" */
	const char *style; /* address of the style; NULL = <base>/p/page.css */
	const char *link_text; /* may be NULL */
	const char *language; /* of the link, where `c` is NULL; may be NULL */
	const char *chosen; /* the language that the reader chose, and keeps on every page: then it is the link's; NULL = none */
	const struct page_receipt *receipt; /* HOME: what was just said; NULL = nothing */
	enum page_action action; /* FORM */
	const struct page_said *said; /* FORM: to be mended; NULL = empty */
	const struct page_limits *limits; /* FORM */
	const struct made_offer *offer; /* FORM of PLAN and SETTLEMENT */
	const char *token; /* FORM */
};
/* Appends the page. -EBADMSG: the files do not fit what it is about; err says how. */
int page_render(const struct page_texts *texts, const struct page_view *view, struct arena *arena, struct buf *out, struct err *err);

#endif
