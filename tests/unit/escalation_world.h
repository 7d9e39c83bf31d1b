/* One open invoice of one debtor, for the tests of its walk. Include <cmocka.h> first. */
#ifndef DUNNINGD_TESTS_UNIT_ESCALATION_WORLD_H
#define DUNNINGD_TESTS_UNIT_ESCALATION_WORLD_H

#include <string.h>

#include "common/cleanup.h"
#include "common/escalation.h"
#include "common/utc.h"

#define MAIL(id, at, more) \
	"{\"id\":\"" id "\",\"at\":\"" at "\",\"channel\":\"email\",\"template\":\"t\",\"tone\":\"neutral\"" more "}"
#define POLICY(members, steps) "{\"name\":\"p\"," members "\"steps\":[" steps "]}"
#define CALL_STEP "{\"id\":\"call\",\"at\":\"due+15d\",\"channel\":\"call\",\"template\":\"t\",\"deadline\":\"2bd\"}"
#define GATE_STEP "{\"id\":\"gate\",\"at\":\"due+25d\",\"gate\":\"decision\",\"role\":\"owner\"}"
#define LADDER POLICY("", MAIL("reminder", "due+1d", "") "," MAIL("second", "due+8d", "") "," CALL_STEP "," GATE_STEP)
#define TEN "2026-04-02T08:00:00Z" /* 10:00 on Thursday 2 April, the day after the due date */
#define NOTHING "{\"name\":\"p\",\"do_nothing\":true}"

static inline int64_t at(const char *text)
{
	int64_t ret;

	if (utc_parse(text, &ret) < 0)
		fail_msg("%s", text);
	return ret;
}

/* One open invoice of one debtor in Paris, due on Wednesday 1 April 2026. */
struct world {
	struct arena *arena;
	struct policy *policy;
	struct contact contact;
	struct contact_made made[4];
	struct fact facts[8];
	struct walked walk[8];
	struct debtor debtor;
	struct escalation e;
	struct rules rules;
	struct effects fx;
};

static inline void world_at(struct world *w, const char *now)
{
	w->rules.now = at(now);
	effects_init(&w->fx, w->arena, w->rules.now);
}

static inline void world_init(struct world *w, const char *policy, const char *now)
{
	struct err err = { 0 };

	memset(w, 0, sizeof(*w));
	w->arena = arena_create();
	if (policy && policy_parse(policy, strlen(policy), &w->policy, &err) < 0)
		fail_msg("%s: %s %s", err.path, err.code, err.text);
	w->contact = (struct contact){ .id = "c1", .role = "billing", .name = "Mme Roy", .email = "compta@dupont.example",
		.phone = "+33100000000" };
	w->debtor = (struct debtor){ .id = "cus_7", .known = true, .contacts = w->made,
		.customer = { .name = "Dupont SARL", .country = "FR", .locale = "fr-FR", .timezone = "Europe/Paris",
			.contacts = &w->contact, .contact_count = 1 } };
	w->e.invoice = (struct invoice){ .id = "inv_42", .debtor_id = "cus_7", .known = true, .facts = w->facts,
		.fact_capacity = ARRAY_LEN(w->facts), .order = { 1, at("2026-03-02T09:00:00Z"), "s", "1" },
		.snapshot = { .number = "F-42", .status = INVOICE_OPEN, .issued_on = date_of(2026, 3, 2),
			.due_on = date_of(2026, 4, 1), .starts_on = date_none(), .currency = "EUR", .total = 120000, .due = 120000 } };
	w->e.walk = w->walk;
	w->e.walk_capacity = ARRAY_LEN(w->walk);
	w->e.state = ESCALATION_WAITING;
	w->e.opened_at = at("2026-03-02T09:00:00Z");
	w->rules = (struct rules){ .policy = w->policy, .creditor_zone = "Europe/Paris" };
	world_at(w, now);
}

static inline void world_clear(struct world *w)
{
	arena_free(w->arena);
	policy_free(w->policy);
}

static inline struct fact *add_fact(struct world *w, enum fact_kind kind, const char *told, const char *until)
{
	struct fact *fact = &w->facts[w->e.invoice.fact_count++];

	*fact = (struct fact){ .kind = kind, .id = "f", .order = { 0, at(told), "s", "2" }, .at = at(told), .until_on = date_none() };
	if (until)
		assert_int_equal(date_parse(until, &fact->until_on), 0);
	return fact;
}

static inline void walked(struct world *w, const char *step, enum step_end end, const char *reason, const char *when)
{
	w->walk[w->e.walk_count++] = (struct walked){ step, end, reason, at(when), "x", NULL };
}

static inline void contacted(struct world *w, const char *when, enum channel channel)
{
	w->made[w->debtor.contact_count++] = (struct contact_made){ .at = at(when), .channel = channel, .attempt = "x" };
}

static inline struct draft *find_draft(struct draft *list, const char *kind)
{
	for (; list; list = list->next)
		if (strcmp(list->kind, kind) == 0)
			return list;
	return NULL;
}

static inline size_t count_drafts(const struct draft *list, const char *kind)
{
	size_t n = 0;

	for (; list; list = list->next)
		n += !kind || strcmp(list->kind, kind) == 0;
	return n;
}

static inline const struct task *find_task(const struct effects *fx, const char *kind)
{
	for (const struct task *t = fx->tasks; t; t = t->next)
		if (strcmp(t->kind, kind) == 0)
			return t;
	return NULL;
}

#define assert_tells(which, text) assert_non_null(strstr(buf_str(&(which)->data), text))

static inline void operator_hold(struct world *w)
{
	escalation_hold(&w->e, w->arena, &(struct hold_entry){ "operator", w->rules.now, at("2026-05-01T00:00:00Z"), "me", "x" });
}

static inline void insolvent(struct world *w)
{
	w->debtor.insolvent = (struct debtor_switch){ .set = true, .on = true, .order = { 0, at("2026-03-20T00:00:00Z"), "", "" } };
}

static inline void paused_until(struct world *w)
{
	w->debtor.paused = (struct debtor_switch){ .set = true, .on = true, .until = at("2026-06-01T00:00:00Z") };
}

static inline void disputed(struct world *w)
{
	add_fact(w, FACT_DISPUTE, "2026-03-10T12:00:00Z", NULL);
}

static inline void payment_reversed(struct world *w)
{
	struct fact *fact = add_fact(w, FACT_PAYMENT, "2026-03-10T12:00:00Z", NULL);

	fact->amount = 120000;
	fact->ended = true;
}

static inline void promised(struct world *w)
{
	add_fact(w, FACT_PROMISE, "2026-04-01T12:00:00Z", "2026-04-10"); /* a Friday */
}

static inline void no_address(struct world *w)
{
	w->contact.email = NULL;
}

static inline void opted_out(struct world *w)
{
	w->debtor.opt_out[CHANNEL_EMAIL] = (struct debtor_switch){ .set = true, .on = true };
}

static inline void task_open(struct world *w)
{
	w->e.state = ESCALATION_TASK;
	w->e.look_at = at("2026-04-20T15:30:00Z");
}

#endif
