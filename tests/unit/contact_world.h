/* A debtor with three open invoices, for the tests of contact: who is written to, and what became of it. Include <cmocka.h> first. */
#ifndef DUNNINGD_TESTS_UNIT_CONTACT_WORLD_H
#define DUNNINGD_TESTS_UNIT_CONTACT_WORLD_H

#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/contact.h"
#include "common/utc.h"

#define MAIL(id, at, more) \
	"{\"id\":\"" id "\",\"at\":\"" at "\",\"channel\":\"email\",\"template\":\"t\",\"tone\":\"neutral\"" more "}"
#define POLICY(members, steps) "{\"name\":\"p\"," members "\"steps\":[" steps "]}"
#define LADDER(members) POLICY(members, MAIL("reminder", "due+1d", "") "," MAIL("second", "due+8d", ",\"sender\":\"accounts\"") \
	",{\"id\":\"call\",\"at\":\"due+15d\",\"channel\":\"call\",\"template\":\"t\",\"deadline\":\"2bd\",\"role\":\"clerk\"}")
#define NOW "2026-04-09T08:00:00Z" /* Thursday, 10:00 in Paris */

static const char config_json[] =
	"{\"origin\":\"trail.example.com/acme\",\"creditor\":{\"name\":\"Acme\",\"locale\":\"en-GB\",\"zone\":\"Europe/Paris\"},"
	"\"senders\":{\"default\":{\"name\":\"Acme\",\"email\":\"mail@acme.example\",\"phone\":\"+33100000001\"},"
	"\"accounts\":{\"name\":\"Accounts\",\"email\":\"accounts@acme.example\",\"reply_to\":\"reply@acme.example\"}},"
	"\"channels\":{\"email\":\"outbox\",\"sms\":\"outbox\"}}";
static const uint8_t install_key[32] = "an install key for these tests";

static inline int64_t at(const char *text)
{
	int64_t ret;

	if (utc_parse(text, &ret) < 0)
		fail_msg("%s", text);
	return ret;
}

#define INVOICES 3

static const char *const two_ids[] = { "inv_0", "inv_1" };

struct world {
	struct arena *arena;
	struct config *config;
	struct notice_set *notices;
	struct policy *policies[INVOICES];
	struct contact contact;
	struct debtor debtor;
	struct escalation e[INVOICES];
	struct candidate candidates[INVOICES];
	struct contact_env env;
	struct effects fx;
};

static inline void add_template(struct world *w, const char *locale, enum notice_part part, const char *text)
{
	struct err err = { 0 };

	if (notice_set_add(w->notices, locale, "t", part, text, strlen(text), &err) < 0)
		fail_msg("%s", err.text);
}

static inline void set_policy(struct world *w, size_t i, const char *json)
{
	struct err err = { 0 };

	policy_free(w->policies[i]);
	w->policies[i] = NULL;
	if (policy_parse(json, strlen(json), &w->policies[i], &err) < 0)
		fail_msg("%s: %s %s", err.path, err.code, err.text);
	w->candidates[i].policy = w->policies[i];
}

static inline void world_at(struct world *w, const char *now)
{
	w->env.now = at(now);
	effects_init(&w->fx, w->arena, w->env.now);
}

/* inv_0 and inv_2 are due on 1 April, inv_1 on 31 March 2026. */
static inline void world_init(struct world *w, const char *policy)
{
	static const char *const ids[INVOICES] = { "inv_0", "inv_1", "inv_2" };
	struct err err = { 0 };

	memset(w, 0, sizeof(*w));
	w->arena = arena_create();
	if (config_parse(config_json, strlen(config_json), &w->config, &err) < 0)
		fail_msg("%s: %s", err.path, err.text);
	w->notices = notice_set_create();
	add_template(w, "en", NOTICE_SUBJECT, "Invoice {{invoice.number}}");
	add_template(w, "en", NOTICE_TEXT, "{{#contact}}Dear {{name}}\n{{/contact}}{{balance}}{{#invoices}} {{number}}{{/invoices}}");
	add_template(w, "en", NOTICE_SMS, "{{creditor.name}}: {{balance}}");
	w->contact = (struct contact){ .id = "c1", .role = "billing", .name = "Mme Roy", .email = "compta@dupont.example",
		.phone = "+33100000000" };
	w->debtor = (struct debtor){ .id = "cus_7", .known = true, .customer = { .name = "Dupont SARL", .country = "FR",
		.locale = "fr-FR", .timezone = "Europe/Paris", .contacts = &w->contact, .contact_count = 1 } };
	for (size_t i = 0; i < INVOICES; i++) {
		w->e[i].invoice = (struct invoice){ .id = ids[i], .debtor_id = "cus_7", .known = true,
			.order = { 1, at("2026-03-02T09:00:00Z"), "s", "1" },
			.snapshot = { .number = i ? NULL : "F-0", .status = INVOICE_OPEN, .issued_on = date_none(), .starts_on = date_none(),
				.due_on = i == 1 ? date_of(2026, 3, 31) : date_of(2026, 4, 1), .currency = "EUR",
				.total = 1000 * ((int64_t)i + 1) } };
		w->e[i].state = ESCALATION_WAITING;
		w->e[i].opened_at = at("2026-03-02T09:00:00Z");
		w->candidates[i].escalation = &w->e[i];
		set_policy(w, i, policy);
	}
	w->env = (struct contact_env){ .config = w->config, .notices = w->notices, .install_key = install_key, .partition = 3 };
	world_at(w, NOW);
}

/* inv_0 and inv_1 are being sent by attempt a1; inv_2 holds another one. */
static inline void world_sending(struct world *w, const char *policy, struct attempt_entry *entry)
{
	world_init(w, policy);
	*entry = (struct attempt_entry){ .id = "a1", .debtor_id = "cus_7", .step = "reminder", .channel = "email",
		.provider = "outbox", .invoice_ids = two_ids, .invoice_count = 2, .released_at = w->env.now - MINUTE_MS };
	for (size_t i = 0; i < INVOICES; i++) {
		w->e[i].state = ESCALATION_SENDING;
		w->e[i].step = "reminder";
		w->e[i].attempt = i < 2 ? "a1" : "a2";
		w->e[i].look_at = 1;
	}
	debtor_contact_add(&w->debtor, w->arena, entry->released_at, CHANNEL_EMAIL, "a1");
}

static inline void world_clear(struct world *w)
{
	arena_free(w->arena);
	config_free(w->config);
	notice_set_free(w->notices);
	for (size_t i = 0; i < INVOICES; i++)
		policy_free(w->policies[i]);
}

static inline struct draft *find_draft(struct draft *list, const char *kind)
{
	for (; list; list = list->next)
		if (strcmp(list->kind, kind) == 0)
			return list;
	return NULL;
}

static inline const struct task *find_task(const struct effects *fx, const char *kind)
{
	for (const struct task *t = fx->tasks; t; t = t->next)
		if (strcmp(t->kind, kind) == 0)
			return t;
	return NULL;
}

static inline const struct part *find_part(const struct draft *draft, const char *name)
{
	for (size_t i = 0; i < draft->part_count; i++)
		if (strcmp(draft->parts[i].name, name) == 0)
			return &draft->parts[i];
	return NULL;
}

#define assert_tells(which, text)                                                                                    \
	do {                                                                                                         \
		const struct draft *told_ = (which);                                                                 \
		assert_non_null(told_);                                                                              \
		if (!strstr(buf_str(&told_->data), text))                                                            \
			fail_msg("%s: {%s} does not hold %s", told_->kind, buf_str(&told_->data), text);             \
	} while (0)

#endif
