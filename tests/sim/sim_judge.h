/*
 * sim_judge - what the judge knows. It judges from the events fed, the provider's own log and the journal's decoded records, never
 * from the flow's state.
 */
#ifndef TESTS_SIM_SIM_JUDGE_H
#define TESTS_SIM_SIM_JUDGE_H

#include "common/event.h"
#include "common/policy.h"
#include "tests/sim/sim_book.h"

#define NEVER INT64_MAX

struct told { /* one event, as it stands in a stream */
	struct event event;
	const char *text;
	char digest[65]; /* hex SHA-256 of the text */
	bool broken; /* no parser takes it, or it was quarantined as poison; event.invoice_id may still be known */
	bool by_person; /* a command: refused, it holds nothing, and they were told why */
	bool quarantined; /* broken only because it was taken for poison: sent again, it is judged anew */
	bool recorded; /* the trail holds it: what becomes of another telling does not matter */
	bool decided; /* and the only host has decided it: it stands before every first byte from then on, however young */
	bool commanded; /* a person's word about a known invoice, taken: once */
	int64_t since_mono, since_wall; /* in the stream since; NEVER while the store has lost it */
};

enum walk_end { WALK_OPEN, WALK_SENT, WALK_SKIPPED };
struct walk_step {
	enum walk_end end;
	const char *why; /* attempt id, or the reason of a skip */
	date on; /* local date of the contact, or of the skip */
	size_t group; /* the journal's that says so, counted from 1; 0 = the provider itself */
	size_t also; /* another host's group that said so before, which the store may still have; 0 = none */
	size_t back; /* the group that says that it reached nobody, and is owed again; 0 = none */
};

struct known_invoice {
	const char *id, *debtor_id;
	const struct snapshot *snapshot; /* any: due date and total never change in the book */
	struct walk_step walk[POLICY_STEPS_MAX];
	int64_t rest_until; /* wall: until then others had it, by the trail; for the progress check */
	const char *held; /* open hold by the trail, NULL = none */
	bool closed; /* by the trail */
	bool stopped; /* a person decided so, by the trail */
	bool jumped; /* something was broken, by the trail: the ladder goes on further up */
	int64_t plan_broken_at; /* wall, of the plan that was agreed last, by the trail; 0 = it is not */
	const char *settlement_broken; /* id of the last one, by the trail; NULL = none */
	int64_t settlement_broken_at;
	bool word_open; /* something is announced, by the trail, and neither carried out nor taken back */
	unsigned words; /* commitments that the trail has */
	bool handed; /* over to others, by the trail */
	bool unclaimed, unclaimed_task; /* nobody took its letter; a person was told */
	int64_t call_promised_at; /* wall, by the trail: on the telephone, which counts as any other promise; 0 = never */
	int64_t call_back_at; /* wall, by the trail: they asked to be called then; 0 = they did not, or a person did something about it since */
	size_t call_back_group;
};

struct known_attempt {
	const char *id, *debtor_id, *step;
	const char **invoices, **steps;
	bool *over; /* of each invoice: the trail had closed it when the outcome came */
	int64_t *sums; /* of each invoice: what was asked for */
	size_t count;
	bool intended; /* a durable intent, the newest one */
	bool unknown; /* given up: a person must say */
	bool failed; /* its provider told that it gave it up */
	const char *outcome; /* kind of the newest durable outcome record; NULL = none since the intent */
	const char *reason;
	size_t intent_group, outcome_group; /* of the newest intent and outcome, counted from 1 */
	uint32_t intent_life; /* which flow of its host had the partition, when the intent became durable; 0 = found by a later one */
	int64_t intended_wall, outcome_wall;
	int64_t first_byte_wall; /* of the first request of all; 0 = none */
	int accepted; /* messages that the provider really sends */
	int requests; /* that reached the provider since it was last certain that nothing was sent */
	uint8_t digest[32];
};

struct known_offer { /* as the trail says that it was written */
	const char *invoice_id, *code, *attempt;
	date until;
	int64_t amount, settles_at; /* of less: what it asks for, and the same with what had come before */
	const struct instalment *instalments;
	size_t count;
	int64_t at; /* wall */
	size_t group; /* that says so, counted from 1 */
};

struct known_contact { /* what a debtor received */
	const char *debtor_id, *attempt;
	int64_t at; /* wall */
	size_t group; /* that told of it, when no provider saw it: nothing, should that one be superseded */
	enum channel channel;
	const char *invoice, *aside; /* one beside the ladder, by its id, about this invoice: no limit counts it. NULL = none */
};

struct known_call { /* a call task, by the trail */
	const char *task;
	const char **invoices;
	size_t count, capacity;
	bool done; /* said once, or by both hosts: opened again, it begins anew */
	bool waits; /* a letter that may be posted at any moment is among the contacts */
	const char *debtor_id; /* of a letter */
	int64_t turn_at; /* ms UTC: then it had, or ended without having been posted, the debtor's turn */
	bool left; /* it is gone, as one of its invoices is out of it */
};

struct known_house { /* where letters to a debtor go */
	const char *debtor_id;
	bool deserted; /* the last one came back, by what was told last of any */
	int64_t told_at;
};

struct known_group {
	struct host *host;
	uint32_t partition;
	uint64_t pseq;
	uint8_t id[GROUP_ID_SIZE];
	int64_t decided; /* wall */
	bool applied; /* the store took it: of two with one number, this one is history */
};

struct known_leaf { /* the newest record of a case */
	const char *name, *origin;
	uint64_t index, n;
	uint32_t slot;
	uint8_t hash[32];
};

struct known_erasure {
	const char *debtor_id;
	size_t group; /* that records it, counted from 1 */
};

enum outbound_kind { OUTBOUND_WILL_BE_DUE, OUTBOUND_OVERDUE, OUTBOUND_EXHAUSTED, OUTBOUND_COUNT };
struct known_outbound { /* an event to others of which an invoice has one */
	const char *invoice_id;
	enum outbound_kind kind;
	size_t group; /* that tells it, counted from 1 */
	int64_t decided; /* wall */
};

struct known_log {
	const char *origin;
	uint64_t size;
	bool sealed;
};

struct judge {
	struct sim *sim;
	struct arena *arena;
	struct told *told;
	size_t told_count, told_capacity;
	size_t *lists; /* of `told`, those that are a part of a list */
	size_t list_count, list_capacity;
	struct known_house *houses;
	size_t house_count, house_capacity;
	struct known_invoice *invoices;
	size_t invoice_count, invoice_capacity;
	struct known_attempt *attempts;
	size_t attempt_count, attempt_capacity;
	struct known_contact *contacts;
	size_t contact_count, contact_capacity;
	bool poisoned; /* an entry was quarantined */
	struct known_offer *offers;
	size_t offer_count, offer_capacity;
	struct known_call *calls;
	size_t call_count, call_capacity;
	struct known_group *groups;
	size_t group_count, group_capacity;
	struct known_leaf *cases;
	size_t case_count, case_capacity;
	struct known_erasure *erased; /* by the trail */
	size_t erased_count, erased_capacity;
	struct known_outbound *outbound;
	size_t outbound_count, outbound_capacity;
	struct known_log *logs;
	size_t log_count, log_capacity;
	int64_t decided_at; /* wall: of the group that is read */
	uint64_t records, first_bytes;
};

#define STOP_COUNT 18
extern const char *const stop_names[STOP_COUNT];

/*
 * sim_facts.c: why this invoice must not be contacted now, by what stood in the streams at `by_mono` (NEVER: by all that ever did, also
 * what the store has lost since): bit i = stop_names[i]; 0 = nothing.
 */
unsigned facts_stops(struct judge *judge, const char *invoice_id, const char *debtor_id, enum channel channel, int64_t by_mono,
	int64_t wall);
/* For sim_settled.c: what stood in the streams by then; the first telling of a fact; the newest figures; what took the payment back, or NULL. */
bool facts_known(const struct told *t, int64_t by_mono);
bool facts_first(const struct judge *judge, size_t i, int64_t by_mono);
const struct told *facts_figures(const struct judge *judge, const char *id, int64_t by_mono);
const struct event *facts_taken_back(const struct judge *judge, const struct event *payment, int64_t by_mono);
/* sim_settled.c: what was accepted instead of all is paid; it stands, and its day has not passed. */
bool settled_done(const struct judge *judge, const char *id, int64_t by_mono);
bool settled_stands(struct judge *judge, const char *id, int64_t wall, date today, int64_t by_mono);
void settled_broken(struct judge *judge, const char *id, const char *settlement); /* says the trail */
void settled_offer(struct judge *judge, const struct known_offer *made); /* the same; settles_at is for the judge to say */
void settled_undelivered(struct judge *judge, const char *invoice_id, const char *attempt); /* nobody read what it offers */
bool settled_offers_left(struct judge *judge, const char *invoice_id); /* a step that makes one is still to come */
void settled_accepted(const struct judge *judge, struct event *e); /* of an event that names an offer: its terms */
/* The debtor's newest data has no such address any more; false too when there is none. */
bool facts_moved(const struct judge *judge, const struct message *message, int64_t by_mono);
/* The judge's own reading of a plan: whether an instalment was missed by more than its days of grace. */
bool facts_plan_missed(const struct judge *judge, const char *invoice_id, date today, int64_t by_mono);
/* Its instalments do not cover what was open when it was agreed: a person must say what was meant. */
bool facts_plan_short(const struct judge *judge, const char *invoice_id, int64_t by_mono);
bool facts_paid(const struct judge *judge, const char *invoice_id); /* by all that was ever told */
bool facts_read(const struct judge *judge, const char *invoice_id); /* all that was told of it is in the trail */
bool facts_owed(const struct judge *judge, const char *invoice_id, int64_t amount); /* its balance is that, or was since an hour before the record */
void facts_commanded(struct judge *judge, const char *event_id); /* a command about a known invoice was taken */
bool facts_told_of(const struct judge *judge, const char *attempt); /* a receipt of it is recorded, and stood in a stream ten minutes ago */
void facts_recorded(struct judge *judge, const char *event_id);
void facts_quarantined(struct judge *judge, const char *digest); /* a person must look at it: it counts as unreadable from now on */
struct known_invoice *judge_invoice(struct judge *judge, const char *id); /* made when new */
struct known_attempt *judge_attempt(struct judge *judge, const char *id); /* made when new */
/* Another host journaled a group of the same number and this one was never applied: what it decided never happened. */
/* How the step ended, without what a superseded group said of it. */
enum walk_end judge_walk(const struct judge *judge, const struct known_invoice *invoice, size_t step);
bool judge_superseded(const struct judge *judge, size_t group);
/* sim_told.c: what this group tells others; and at the end, whether each thing was told once. */
void told_group(struct judge *judge, struct host *host, const struct journal_group *group);
void told_judge(struct judge *judge);
date judge_date(const struct judge *judge, const char *debtor_id, int64_t wall);

#endif
