/* escalation_internal - what the files of the module share. */
#ifndef DUNNINGD_COMMON_ESCALATION_INTERNAL_H
#define DUNNINGD_COMMON_ESCALATION_INTERNAL_H

#include "common/escalation.h"

#define LADDER (-1) /* for whom a hold is asked about: the ladder, or a kind of aside */

/* The hold in force for the ladder or that kind of message beside it, "" when none. Debtor first, then the invoice, then the policy. */
const char *escalation_hold_for(const struct escalation *e, const struct debtor *d, const struct rules *rules,
	const struct invoice_view *view, int whom, int64_t *until);

/* escalation_aside.c */
bool aside_walked(const struct escalation *e, const char *id); /* it is over, whatever came of it */
bool aside_passes(int kind, const char *hold); /* such a message may go out while this hold is in force */
/* The first that is owed, now or later; false: none. */
bool aside_owed(const struct escalation *e, const struct rules *rules, const struct debtor *d, const struct invoice_view *view,
	struct aside *ret);
/* What comes next beside the ladder; `held`, `held_until`: the hold on the ladder, "" = none. kind NEXT_NONE: nothing. */
struct next_action aside_next(const struct escalation *e, const struct debtor *d, const struct rules *rules,
	const struct invoice_view *view, const char *held, int64_t held_until);
/* The invoice is closed: what was still to be said about it alone falls away, on the record. */
void aside_drop(struct escalation *e, const struct rules *rules, const struct debtor *d, const char *reason, struct effects *fx);

/* escalation_letter.c */
void walk_tasks_closed(struct escalation *e, struct effects *fx); /* nobody need look for an address, or care about an unclaimed letter or a refused message, any more */
void unreached_end(struct escalation *e, const char *step, enum step_end end); /* this step was walked */

/* escalation_book.c */
void book_follow(struct escalation *e, const struct rules *rules, struct effects *fx); /* what it says otherwise is told once, and its end */
int64_t book_look_at(const struct escalation *e, const struct rules *rules); /* of a stub: when a list's finding about it changes by itself; 0 = never */

/* escalation_agreed.c */
/* Until when a promise pauses, ms UTC; 0: it does not. */
int64_t promise_until(const struct escalation *e, const struct rules *rules, const struct business_time *when, const struct fact *promise);
/* When a plan's first open instalment breaks it; 0: it names none, or all are met. */
int64_t plan_until(const struct rules *rules, const struct business_time *when, const struct fact *plan, int64_t balance);
/* The plan in force comes to less than was open when it was agreed, or to more than the whole invoice and its late charges. */
bool plan_differs(const struct escalation *e, const struct invoice_view *view);
int64_t settlement_until(const struct business_time *when, const struct fact *settlement); /* 0: no day was agreed */
/* What was agreed and holds the ladder still: "plan", "settlement", "promise"; NULL: nothing. `d` may be NULL. */
const char *agreed_holding(const struct escalation *e, const struct debtor *d, const struct rules *rules, const struct invoice_view *view);
/* What was agreed and not kept until now is noted, once, and where the ladder goes on. */
void agreed_judge(struct escalation *e, const struct debtor *d, const struct rules *rules, const struct invoice_view *view, struct effects *fx);
/* escalation_call.c */
int64_t call_back_until(const struct escalation *e, const struct business_time *when); /* they asked to be called: 0 = they did not, or that is over */
void call_watch(struct escalation *e, const struct debtor *d, struct effects *fx); /* the right contact was told of: nobody need ask for it any more */
void call_tasks_closed(struct escalation *e, struct effects *fx); /* the invoice is */
/* escalation_said.c */
/* Until when it holds, ms UTC: a reply, or that somebody has paid, or will. `known`: the calendar is. */
int64_t said_until(const struct fact *said, const struct business_time *when, bool known);
/* A person is asked to read it. `d` may be NULL. */
void said_watch(struct escalation *e, const struct debtor *d, const struct rules *rules, const struct invoice_view *view, struct effects *fx);
void said_closed(struct escalation *e, struct effects *fx); /* the invoice is */
void said_done(struct escalation *e, const char *task);
void said_seen(struct escalation *e, int64_t at); /* a person knows what was said until then: that it may ask for an end holds no longer */
void said_write(struct json_writer *w, const struct escalation *e);
int said_read(const struct json *json, struct escalation *ret, struct err *err);
/* escalation_hold.c */
const char *escalation_hold_task(const char *reason); /* the kind of task that a hold opens; NULL = none */
/* The same of what the rules hold now, in the arena: what a step lacks, the sums of a plan. NULL = its name says it. */
const char *escalation_hold_detail(const struct escalation *e, const struct debtor *d, const struct next_action *held, const struct rules *rules,
	struct arena *arena);
/* A hold begins, goes on (`renewed`), or ends (NULL: e->held). `detail`: what a person must know to end it; NULL = the hold says it all. */
/* A message that could not be made, and newer data or files since. */
bool hold_outdated(const struct hold_entry *hold, const struct escalation *e, const struct debtor *d, const struct rules *rules);
void hold_tell(struct escalation *e, const char *hold, const char *detail, int64_t until, bool renewed, struct effects *fx);
/* At a closing: should it open again, a hold of a person, or of what nobody could read, stands to its end, without its words. */
void hold_keep(struct escalation *e, int64_t now);
/* "<kind>:<invoice>", of this invoice alone; lives in the arena. */
struct task invoice_task(const struct escalation *e, const char *kind, struct arena *arena);
const char *escalation_hold_why(const struct escalation *e, const char *hold); /* what a person must know to end it; NULL = its name says it */
/* escalation_told.c */
/*
 * Tells others, once each, that it will be due, that it is overdue, and that work waits for it. When there is something to tell next, ms UTC; 0: nothing more. `d` may
 * be NULL.
 */
int64_t told_of_due(struct escalation *e, struct debtor *d, const struct rules *rules, const struct invoice_view *view, struct effects *fx);
void told_exhausted(struct escalation *e, struct effects *fx); /* the ladder is at its end and it is not paid: once */
/* escalation_work.c */
bool work_awaits(const struct escalation *e); /* the invoice is paid before anybody begins: a deposit */
void work_overdue(struct escalation *e, struct debtor *d, struct effects *fx); /* of such a one: it is not paid by then, told once */
void work_watch(struct escalation *e, struct debtor *d, const char *hold, struct effects *fx); /* what was warned of comes */
void block_suggested(struct escalation *e, const char *reason, struct effects *fx); /* to work no more for this debtor: a person's to decide */
void work_closed(struct escalation *e, struct debtor *d, const char *reason, struct effects *fx); /* `d` may be NULL */
void work_again(struct escalation *e, struct debtor *d, struct effects *fx); /* what had ended it went back: as before. `d` may be NULL */

/* escalation_commitment.c */
bool handed_over(const struct escalation *e); /* somebody else goes on with it */
/* The mail that takes back what was announced is owed. */
bool withdrawal_owed(const struct escalation *e, const struct policy *policy, struct aside *ret);
bool withdrawal_moot(const struct escalation *e); /* nothing is owed any more; a stop and a write-off leave our word where it was */
/* Its last day passed and nothing else holds: said once, loudly. `hold`: on the ladder, "" = none. */
void commitment_watch(struct escalation *e, const char *hold, struct effects *fx);
int64_t commitment_look_at(const struct escalation *e, int64_t now); /* when its last day passes, or work is to rest; 0 = nothing to wait for */
bool hold_excuses(const char *hold); /* it stands for a reason of the debtor's: nobody expects us to go on meanwhile */
void commitment_write(struct json_writer *w, const struct escalation *e);
void late_fee_write(struct json_writer *w, const struct escalation *e); /* escalation_fees.c */
int late_fee_read(const struct json *json, struct escalation *ret, struct err *err);
void offers_write(struct json_writer *w, const struct escalation *e); /* escalation_offers.c */
int offers_read(const struct json *json, struct arena *arena, struct escalation *ret, struct err *err);
int commitment_read(const struct json *json, struct arena *arena, struct escalation *ret, struct err *err);

void note_write(struct json_writer *w, const struct escalation *e); /* escalation_note.c */
int note_read(const struct json *json, struct escalation *ret, struct err *err);

/* escalation_reset.c: a policy was chosen. `d` may be NULL. */
void reset_chosen(struct escalation *e, struct debtor *d, const struct rules *rules, struct effects *fx);

/* escalation_unsent.c */
void unsent_watch(struct escalation *e, const struct rules *rules, struct effects *fx); /* asks a person, once, and no more when it was told */
int64_t unsent_look_at(const struct escalation *e, const struct rules *rules); /* 0 = nothing to wait for */
void unsent_closed(struct escalation *e, struct effects *fx);

/* Whether it was paid, in time, and as promised, is counted with the debtor as the facts stand now: what is told later may take it back. */
void agreed_count(struct escalation *e, struct debtor *d, const struct rules *rules);
/* It is paid: the last promise was kept, or came too late. */
void agreed_kept(struct escalation *e, struct debtor *d, const struct rules *rules, struct effects *fx);

#endif
