/*
 * board - the pages of the dashboard, as HTML: what an owner sees each morning. Pure: documents in, a page out, in French or English. It
 * runs no script, asks nobody else for anything, and says all that its plots show in words too. daemon/dashboard.h answers with it.
 */
#ifndef DUNNINGD_COMMON_BOARD_H
#define DUNNINGD_COMMON_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/board_words.h"
#include "common/case_file.h"
#include "common/digest.h"
#include "common/escalation.h"
#include "common/library.h"
#include "common/receivables.h"
#include "common/report.h"

enum board_word {
#define X(word, french, english) W_##word,
	BOARD_WORDS(X)
#undef X
	BOARD_WORD_COUNT
};

#define BOARD_LANGUAGE_COUNT (REPORT_EN + 1) /* of enum report_language a page speaks the first ones alone */

enum board_place { BOARD_TODAY, BOARD_TASKS, BOARD_INVOICES, BOARD_POLICIES, BOARD_HEALTH, BOARD_PLACE_COUNT };

struct board { /* one page; all borrowed */
	struct buf *out;
	struct arena *arena;
	enum report_language language; /* below BOARD_LANGUAGE_COUNT */
	const struct zone *zone; /* the creditor's: of all times that are shown */
	int64_t now; /* ms UTC */
	const char *creditor;
	const char *who; /* NULL: nobody is known to be there, and there is no way but to sign in */
	bool may_act, may_leave; /* leave: signed in by a cookie */
	bool ask_who; /* forms ask for a name: the one who is there is known as a number alone */
	enum board_place place;
	const char *here; /* of this page, for its other language: "/invoices?state=held"; NULL = there is none */
	const char *again; /* loads again by itself after so many seconds; NULL = not */
};

/* --- words ------------------------------------------------------------------------------------------------------------------------ */

const char *board_say(const struct board *b, enum board_word word);
const char *board_says(const struct board *b, enum board_word word, const char *first, const char *second); /* in the place of {}; in the arena */
const char *board_word(const struct board *b, const char *word); /* a stable one, "book_differs", for people */
const char *board_at(const struct board *b, int64_t at); /* "29 Nov 2026, 10:04" in the zone; "" = 0 */
const char *board_day(const struct board *b, date day);
const char *board_money(const struct board *b, int64_t minor, const char *currency);
/* The language for a reader who accepts these (RFC 9110, 12.5.4); NULL = nothing is said. */
enum report_language board_language(const char *accept);

/* --- HTML ------------------------------------------------------------------------------------------------------------------------- */

void board_text(struct board *b, const char *text); /* escaped, for text and attributes in double quotes; NULL = "" */
/* HTML with %s for escaped texts; the texts end with NULL. */
void board_html(struct board *b, const char *html, ...) __attribute__((sentinel));
const char *board_escape(const struct board *b, const char *part); /* for a query: "INV/1" -> "INV%2F1". In the arena */
void board_begin(struct board *b, const char *title);
void board_end(struct board *b);

/* --- pages ------------------------------------------------------------------------------------------------------------------------- */

struct board_entry { /* an escalation with what decides about it */
	uint32_t partition;
	struct escalation e;
	struct debtor *d; /* NULL: none is known */
	const struct policy *policy; /* its version; NULL: not at hand */
	struct next_action next;
};
struct board_task {
	uint32_t partition;
	const char *id;
	struct json root; /* as the store has it */
};

#define BOARD_DAYS 6 /* of the queue */
struct board_today {
	int64_t as_of; /* ms UTC; 0: the figures below are not known yet */
	struct digest *digest; /* of the day itself: begun with the day after it */
	struct book_figures *figures;
	int64_t queue[BOARD_DAYS][24]; /* by the zone's day and hour, today first */
	const struct board_task *tasks; /* the first, soonest deadline first */
	size_t task_count;
	int64_t tasks_open; /* all of them */
	struct json status; /* as GET /status of the control socket has it */
};
void board_queue_add(struct board_today *today, const struct zone *zone, int64_t now, const struct escalation *e);
void board_today(struct board *b, const struct board_today *today);

enum board_filter { FILTER_ALL, FILTER_HELD, FILTER_PERSON, FILTER_DOUBT, FILTER_CLOSED, FILTER_COUNT };
extern const char *const board_filter_names[FILTER_COUNT + 1]; /* "all", "held", ... */
bool board_matches(const struct escalation *e, enum board_filter filter, const char *words); /* words NULL or "": any; without case */
bool board_debtor_matches(const struct debtor *d, const char *words);
struct board_list {
	const struct board_entry *entries;
	size_t count;
	const struct debtor *const *debtors; /* whose name or id matched */
	size_t debtor_count;
	enum board_filter filter;
	const char *words; /* that were searched for; NULL = none */
	const char *next; /* where it goes on: the value of "from"; NULL = here it ends */
	bool walked; /* found by a walk over all documents */
	int64_t read; /* so many of them */
	uint32_t partition; /* of a list by time */
	bool partitions; /* there are several */
};
void board_list(struct board *b, const struct board_list *list);

struct board_tasks {
	const struct board_task *tasks;
	size_t count;
	const char *next;
};
void board_tasks(struct board *b, const struct board_tasks *tasks);

/* told: a command was just given. */
void board_invoice(struct board *b, const struct board_entry *entry, bool told);

struct board_record { /* where a folder of the case file stands in the trail */
	uint16_t year;
	uint64_t index;
};
struct board_file {
	const struct debtor *d;
	const struct board_entry *entries; /* its open invoices */
	size_t count;
	const struct case_file *file; /* of the records that were read; NULL: none */
	const struct board_record *records; /* of "records/0001" and so on */
	size_t record_count;
	const char *older; /* value of "from"; NULL = no more can be read */
	bool newest; /* the list begins with the newest record */
	bool erased; /* the one before cannot be opened */
	const char *other_log; /* the one before stands in another log; NULL = not so */
	uint32_t partition;
};
void board_debtor(struct board *b, const struct board_file *file);

void board_policies(struct board *b, const struct library *library, const struct config *config);
void board_health(struct board *b, const struct json *status);
/* What is wrong, in sentences, and how many they are. Of `status` as `dunningctl status --json` has it; "dead_letters": in the streams now. */
int board_wrongs(struct board *b, const struct json *status, struct buf *items);

enum board_action { BOARD_HOLD, BOARD_RESUME, BOARD_DONE, BOARD_DECIDE, BOARD_ACTION_COUNT };
extern const char *const board_action_names[BOARD_ACTION_COUNT + 1]; /* "hold", ...: in addresses */
struct board_form {
	enum board_action action;
	const struct board_entry *entry; /* its invoice; of DONE may be NULL */
	const struct board_task *task; /* of DONE */
	const char *target, *pass;
	const char *why, *until, *decision, *name; /* as typed; NULL = not yet */
	const char *why_wrong, *until_wrong, *decision_wrong, *name_wrong; /* what is wrong; NULL = nothing */
};
/* Whether that is asked just now: else the page says so. */
bool board_asked(const struct board_entry *entry, enum board_action action);
void board_form(struct board *b, const struct board_form *form);

void board_sign_in(struct board *b, bool wrong);
void board_plain(struct board *b, enum board_word title, enum board_word text); /* a page that only says something */

#endif
