/* One contact with one debtor: grouping, rendering and release, calls, and what the store keeps of an attempt. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/hash.h"
#include "common/law.h"
#include "common/statement.h"
#include "tests/unit/contact_world.h"

/* --- grouping -------------------------------------------------------------------------------------------------------- */

static bool plan(struct world *w, const char *wanted, struct contact_plan *ret)
{
	return contact_plan(&w->env, &w->debtor, w->candidates, INVOICES, wanted, ret);
}

static void all_of_a_debtor_led_by_the_oldest(void **state)
{
	struct contact_plan p;
	struct world w;

	(void)state;
	world_init(&w, LADDER(""));
	assert_true(plan(&w, "inv_2", &p));
	assert_int_equal(p.member_count, 3);
	assert_string_equal(p.members[0]->invoice.id, "inv_1"); /* due a day earlier */
	assert_string_equal(p.step->id, "reminder");
	assert_int_equal(p.owed_at, at("2026-04-01T07:00:00Z"));
	assert_ptr_equal(p.contact, &w.contact);
	assert_int_equal(p.channel, CHANNEL_EMAIL);
	assert_true(plan(&w, "inv_1", &p) && p.members[0] == &w.e[1]);
	assert_false(plan(&w, "inv_9", &p));
	w.e[1].state = ESCALATION_SENDING;
	assert_true(plan(&w, "inv_2", &p));
	assert_int_equal(p.member_count, 2);
	assert_string_equal(p.members[0]->invoice.id, "inv_0"); /* the same due date: by id */
	assert_false(plan(&w, "inv_1", &p));
	world_clear(&w);
}

static const struct group_row {
	const char *name, *members;
	size_t count; /* of one contact when inv_0 is wanted */
} group_rows[] = {
	{ "group none", "\"group\":\"none\",", 1 },
	{ "group invoice", "\"group\":\"invoice\",", 1 },
	{ "group level", "\"group\":\"level\",", 1 },
	{ "group band", "\"group\":\"band\",", 3 },
	{ "group debtor", "\"group\":\"debtor\",", 3 },
};

static void group_row(void **state)
{
	const struct group_row *row = *state;
	struct walked walked[] = { { "reminder", STEP_SENT, NULL, 0, "x", NULL }, { "second", STEP_SENT, NULL, 0, "x", NULL } };
	struct contact_plan p;
	struct world w;

	world_init(&w, LADDER("")); /* replaced below, so that one fixture serves all modes */
	for (size_t i = 0; i < INVOICES; i++) {
		CLEANUP(buf_clear) struct buf json = { 0 };

		buf_printf(&json, POLICY("%s", MAIL("reminder", "due+1d", "") "," MAIL("second", "due+8d", "") ","
			MAIL("third", "due+9d", "")), row->members);
		set_policy(&w, i, buf_str(&json));
	}
	walked[0].at = walked[1].at = at("2026-03-01T08:00:00Z");
	w.e[0].walk = walked;
	w.e[0].walk_count = 1;
	w.e[1].walk = walked;
	w.e[1].walk_count = 2;
	world_at(&w, "2026-04-15T08:00:00Z");
	assert_true(plan(&w, "inv_0", &p));
	assert_int_equal(p.member_count, row->count);
	assert_string_equal(p.members[0]->invoice.id, row->count > 1 ? "inv_1" : "inv_2"); /* alone, what has been owed longest is first */
	assert_string_equal(p.step->id, row->count > 1 ? "third" : "reminder"); /* together, the oldest drives */
	w.e[2].walk = walked; /* the same level as inv_0 */
	w.e[2].walk_count = 1;
	w.e[1].state = ESCALATION_SENDING; /* had its turn */
	assert_true(plan(&w, "inv_0", &p));
	assert_string_equal(p.members[0]->invoice.id, "inv_0");
	if (strstr(row->members, "level"))
		assert_int_equal(p.member_count, 2);
	world_clear(&w);
}

/* One contact a day is let out: nobody is overtaken by what came to be owed later, whoever's timer rings and whatever the ids. */
static void turns_are_taken(void **state)
{
	static const struct {
		const char *now, *invoice, *step;
	} days[] = { { "2026-04-09T08:00:00Z", "inv_1", "a" }, { "2026-04-10T08:00:00Z", "inv_0", "a" }, { "2026-04-13T08:00:00Z", "inv_2", "a" },
		{ "2026-04-14T08:00:00Z", "inv_1", "b" }, { "2026-04-15T08:00:00Z", "inv_0", "b" }, { "2026-04-16T08:00:00Z", "inv_2", "b" } };
	struct walked walks[INVOICES][2] = { 0 };
	struct contact_plan p;
	struct world w;

	(void)state;
	world_init(&w, POLICY("\"group\":\"none\",", MAIL("a", "due+1d", "") "," MAIL("b", "due+2d", "")));
	for (size_t n = 0; n < ARRAY_LEN(days); n++) {
		struct escalation *e = NULL;

		world_at(&w, days[n].now);
		for (size_t i = 0; i < INVOICES; i++)
			if (plan(&w, w.e[i].invoice.id, &p)) {
				assert_int_equal(p.member_count, 1);
				assert_string_equal(p.members[0]->invoice.id, days[n].invoice);
				assert_string_equal(p.step->id, days[n].step);
				e = p.members[0];
			}
		assert_non_null(e);
		e->walk = walks[e - w.e];
		e->walk[e->walk_count++] = (struct walked){ days[n].step, STEP_SENT, NULL, w.env.now, "x", NULL };
	}
	world_clear(&w);
}

/* A warning, a formal notice: their text gives nobody else's step, and no other text gives theirs. */
static void what_goes_by_itself(void **state)
{
	static const char *const kinds[] = { "\"tone\":\"legal\"", "\"tone\":\"firm\",\"announces\":{\"step\":\"gate\",\"within\":\"20d\"}",
		"\"tone\":\"firm\",\"notice\":\"de-verzug\"", "\"tone\":\"firm\"" };
	struct walked walked[] = { { "reminder", STEP_SENT, NULL, 0, "x", NULL } };

	(void)state;
	walked[0].at = at("2026-03-01T08:00:00Z");
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		bool own = k + 1 < ARRAY_LEN(kinds);
		struct contact_plan p;
		struct world w;

		world_init(&w, LADDER(""));
		for (size_t i = 0; i < INVOICES; i++) {
			CLEANUP(buf_clear) struct buf json = { 0 };

			buf_printf(&json, POLICY("\"group\":\"debtor\",", MAIL("reminder", "due+1d", "") ","
				"{\"id\":\"formal\",\"at\":\"due+8d\",\"channel\":\"email\",\"template\":\"t\",%s},"
				"{\"id\":\"gate\",\"at\":\"due+40d\",\"gate\":\"decision\",\"role\":\"owner\"}"), kinds[k]);
			set_policy(&w, i, buf_str(&json));
			w.e[i].walk = walked;
			w.e[i].walk_count = i != 1;
		}
		world_at(&w, "2026-04-15T08:00:00Z");
		assert_true(plan(&w, "inv_0", &p));
		assert_string_equal(p.step->id, "reminder"); /* it has been owed longest */
		assert_int_equal(p.member_count, own ? 1 : 3);
		w.e[1].state = ESCALATION_SENDING;
		assert_true(plan(&w, "inv_0", &p));
		assert_string_equal(p.step->id, "formal");
		assert_int_equal(p.member_count, 2); /* the same step of the same policy */
		w.policies[2]->digest[0] ^= 1;
		assert_true(plan(&w, "inv_0", &p));
		assert_int_equal(p.member_count, own ? 1 : 2);
		world_clear(&w);
	}
}

/* So does what a later step rests on: the debtor must have read it. */
static void what_is_required_goes_by_itself(void **state)
{
	struct walked walked[] = { { "reminder", STEP_SENT, NULL, 0, "x", NULL } };
	struct contact_plan p;

	(void)state;
	walked[0].at = at("2026-03-01T08:00:00Z");
	for (int required = 0; required < 2; required++) {
		CLEANUP(buf_clear) struct buf json = { 0 };
		struct world w;

		buf_printf(&json, POLICY("", MAIL("reminder", "due+1d", "") "," MAIL("clarification", "due+8d", "") ","
			MAIL("last", "due+40d", "%s")), required ? ",\"requires\":[\"clarification\"]" : "");
		world_init(&w, buf_str(&json));
		w.e[0].walk = w.e[2].walk = walked;
		w.e[0].walk_count = w.e[2].walk_count = 1;
		world_at(&w, "2026-04-15T08:00:00Z");
		assert_true(plan(&w, "inv_0", &p));
		assert_string_equal(p.step->id, "reminder"); /* of inv_1, owed longest */
		assert_int_equal(p.member_count, required ? 1 : 3);
		w.e[1].state = ESCALATION_SENDING;
		assert_true(plan(&w, "inv_0", &p));
		assert_string_equal(p.step->id, "clarification");
		assert_int_equal(p.member_count, 2);
		world_clear(&w);
	}
}

#define OFFERS(approver) POLICY("", MAIL("reminder", "due+1d", "") "," MAIL("compromise", "due+8d", ",\"requires\":[\"approval\"]," \
	"\"offers\":[{\"code\":\"less\",\"percent\":10,\"within\":\"14d\"" approver "}," \
	"{\"code\":\"parts\",\"instalments\":3,\"every\":\"30d\",\"within\":\"14d\"" approver "}]"))

/* What is offered is offered about each invoice of the message: it shares one only where it is the same for all, and is kept as it was written. */
static void an_offer_is_made_where_it_is_written(void **state)
{
	static const char *const approval[] = { "approval" };
	struct walked walked[] = { { "reminder", STEP_SENT, NULL, 0, "x", NULL } };
	struct contact_released out;
	struct contact_plan p;
	struct err err = { 0 };
	struct world w;

	(void)state;
	walked[0].at = at("2026-03-01T08:00:00Z");
	for (int round = 0; round < 4; round++) {
		world_init(&w, round == 3 ? OFFERS(",\"approved_by\":\"Mme Durand\"") : OFFERS(""));
		add_template(&w, "en", NOTICE_TEXT, "{{balance}}{{#offers}} {{code}}{{/offers}}");
		for (size_t i = 0; i < INVOICES; i++) {
			w.e[i].walk = walked;
			w.e[i].walk_count = round || i != 1; /* inv_1 is owed its reminder first */
			w.e[i].approved = (struct approved){ .by = "lea", .step = "gate", .at = 1 };
		}
		if (round == 1 || round == 3) { /* let pass without a word on it: of whoever approves beforehand it needs none */
			w.e[2].approved = (struct approved){ 0 };
			w.e[2].waived = (const char **)(uintptr_t)approval;
			w.e[2].waived_count = 1;
		}
		if (round == 2)
			w.e[0].invoice.snapshot.total = 2; /* too little for three parts */
		world_at(&w, "2026-04-15T08:00:00Z");
		if (!round) {
			assert_true(plan(&w, "inv_1", &p));
			assert_int_equal(p.member_count, 1);
			w.e[1].state = ESCALATION_SENDING; /* had its turn */
		}
		assert_true(plan(&w, "inv_0", &p));
		assert_string_equal(p.step->id, "compromise");
		assert_int_equal(p.member_count, round == 2 || round == 3 ? 3 : 2);
		if (contact_release(&w.env, &w.debtor, &p, NULL, NULL, &w.fx, &out, &err) < 0)
			fail_msg("%s %s", err.code, err.text);
		assert_non_null(strstr(out.message.text, round == 2 ? "less" : "less parts"));
		assert_true(!strstr(out.message.text, "parts") == (round == 2));
		for (size_t i = 0; i < p.member_count; i++) {
			assert_int_equal(p.members[i]->offer_count, round == 2 ? 1 : 2);
			assert_string_equal(p.members[i]->offers[0].code, "less");
		}
		world_clear(&w);
	}
}

static void what_does_not_go_together(void **state)
{
	struct contact_plan p;
	struct world w;

	(void)state;
	world_init(&w, LADDER(""));
	memcpy(w.e[1].invoice.snapshot.currency, "USD", 4);
	set_policy(&w, 2, LADDER("\"group\":\"level\","));
	assert_true(plan(&w, "inv_0", &p));
	assert_int_equal(p.member_count, 1); /* neither another currency nor another way of grouping */
	w.candidates[0].policy = NULL;
	assert_false(plan(&w, "inv_0", &p)); /* unknown policy: held */
	world_at(&w, "2026-04-09T20:00:00Z");
	assert_false(plan(&w, "inv_1", &p)); /* night */
	world_clear(&w);

	world_init(&w, POLICY("", MAIL("a", "due+1d", ",\"else\":\"sms\"")));
	w.contact.email = NULL;
	assert_true(plan(&w, "inv_0", &p));
	assert_int_equal(p.channel, CHANNEL_SMS);
	world_clear(&w);
}

/* One notice states one law: where a step has fees, those under another law have a notice of their own. */
static void one_law_to_a_notice(void **state)
{
	static const char *const laws[] = { "\"late\":{\"regime\":\"FR-B2B\"},", "\"late\":{\"regime\":\"FR-B2B\"},", "" };
	struct contact_plan p;
	struct world w;

	(void)state;
	world_init(&w, LADDER(""));
	for (int fees = 0; fees < 2; fees++) {
		for (size_t i = 0; i < INVOICES; i++) {
			CLEANUP(buf_clear) struct buf json = { 0 };

			buf_printf(&json, POLICY("%s", MAIL("reminder", "due+1d", "%s")), laws[i], fees ? ",\"fees\":true" : "");
			set_policy(&w, i, buf_str(&json));
		}
		assert_true(plan(&w, "inv_0", &p));
		assert_int_equal(p.member_count, fees ? 2 : 3);
	}
	world_clear(&w);
}

/* --- release --------------------------------------------------------------------------------------------------------- */

static int fake_request(const struct message *m, struct buf *masked, struct err *err, void *arg)
{
	int r = *(int *)arg;

	if (r < 0)
		return err_set(err, r, "bad_value", "to.country|table:country", "\"SE\" is not among the words of $.tables.country");

	if (r == 0)
		buf_printf(masked, "POST %s", m->attempt_id);
	return r;
}

static void released(void **state)
{
	struct contact_released out;
	struct contact_plan p;
	struct err err = { 0 };
	int answer = 0;
	const struct draft *intent;
	char first_id[ATTEMPT_ID_SIZE], hex[65];
	uint8_t digest[32];
	struct world w;

	(void)state;
	world_init(&w, LADDER(""));
	w.config->shadow = true;
	assert_true(plan(&w, "inv_0", &p));
	if (contact_release(&w.env, &w.debtor, &p, fake_request, &answer, &w.fx, &out, &err) < 0)
		fail_msg("%s %s", err.code, err.text);
	assert_string_equal(out.message.subject, "Invoice inv_1"); /* no number: its id */
	assert_non_null(strstr(out.message.text, "Dear Mme Roy"));
	assert_non_null(strstr(out.message.text, "\xe2\x82\xac" "60.00 inv_1 F-0 inv_2")); /* all together */
	assert_null(out.message.html);
	assert_string_equal(out.message.to.email, "compta@dupont.example");
	assert_string_equal(out.message.from.email, "mail@acme.example");
	assert_string_equal(out.message.locale, "en"); /* there is no French one: the creditor's */
	assert_string_equal(out.message.provider, "outbox");
	assert_int_equal(out.message.invoice_count, 3);
	assert_int_equal(strlen(out.message.attempt_id), 26);
	memcpy(first_id, out.message.attempt_id, sizeof(first_id));
	for (size_t i = 0; i < INVOICES; i++) {
		assert_int_equal(w.e[i].state, ESCALATION_SENDING);
		assert_string_equal(w.e[i].step, "reminder");
		assert_string_equal(w.e[i].attempt, first_id);
		assert_true(w.e[i].since == w.env.now && w.e[i].look_at == w.env.now + 10 * MINUTE_MS);
	}
	assert_int_equal(w.debtor.contact_count, 1);
	assert_string_equal(w.debtor.contacts[0].attempt, first_id);
	intent = out.intent;
	assert_ptr_equal(find_draft(w.fx.records, "attempt.intent"), intent);
	assert_tells(intent, "\"invoices\":[\"inv_1\",\"inv_0\",\"inv_2\"]");
	assert_tells(intent, "\"shadow\":true");
	assert_tells(intent, "\"balances_minor\":[2000,1000,3000],\"currency\":\"EUR\"");
	assert_tells(intent, "\"zone\":\"Europe/Paris\"");
	assert_tells(intent, w.policies[0]->digest);
	assert_non_null(strstr(find_part(intent, "message.json")->data, "Dear Mme Roy"));
	assert_int_equal(find_part(intent, "message.json")->class, CLASS_CONTENT);
	assert_int_equal(find_part(intent, "recipient.json")->class, CLASS_IDENTITY);
	assert_non_null(strstr(find_part(intent, "recipient.json")->data, "compta@dupont.example"));
	sha256(find_part(intent, "request")->data, find_part(intent, "request")->len, digest);
	assert_tells(intent, hex_format(digest, 32, hex));
	assert_null(strstr(buf_str(&intent->data), "Roy")); /* names stand in the parts, which can be erased */
	assert_tells(find_draft(w.fx.events, "contact.reserved"), first_id);

	for (size_t i = 0; i < INVOICES; i++) /* the same decision again is the same attempt; a certain failure before makes another */
		w.e[i].state = ESCALATION_WAITING;
	assert_int_equal(contact_release(&w.env, &w.debtor, &p, NULL, NULL, &w.fx, &out, &err), 0);
	assert_string_equal(out.message.attempt_id, first_id);
	assert_int_equal(w.debtor.contact_count, 1);
	assert_null(find_part(out.intent, "request"));
	w.e[1].tries = 1;
	assert_int_equal(contact_release(&w.env, &w.debtor, &p, NULL, NULL, &w.fx, &out, &err), 0);
	assert_string_not_equal(out.message.attempt_id, first_id);
	world_clear(&w);
}

/* All that is owed in the currency, also what this mail is not about: as a PDF, and its figures add up. */
static void a_statement_of_account(void **state)
{
	static const char *const locales[] = { "fr-FR", "de-DE", "es-ES", "it-IT", "nl-NL", "en-GB" };
	static const char *const totals[] = { "| Total | | |", "| Summe | | |", "| Total | | |", "| Totale | | |", "| Totaal | | |", "| Total | | |" };
	static const struct statement_line lines[] = { { "F-1", { 20000 }, { 20030 }, 120000, 20000, 100000, true }, { "F|2", { 20001 }, { 20031 }, 1, 0, 1, false } };
	struct statement s = { .debtor_name = "Dupont SARL", .written_on = { 20040 }, .currency = "EUR", .lines = lines, .count = 2 };
	struct contact_released out;
	struct contact_plan p;
	struct err err = { 0 };
	const char *body;
	struct world w;

	(void)state;
	world_init(&w, POLICY("", MAIL("reminder", "due+1d", ",\"attach\":\"statement\"")));
	assert_true(plan(&w, "inv_0", &p));
	for (size_t i = 0; i < INVOICES; i++)
		p.open[p.open_count++] = &w.e[i];
	assert_int_equal(contact_release(&w.env, &w.debtor, &p, NULL, NULL, &w.fx, &out, &err), 0);
	assert_int_equal(out.message.attachment_count, 1);
	assert_string_equal(out.message.attachments[0].name, "statement.pdf");
	assert_memory_equal(out.message.attachments[0].data, "%PDF-", 5);
	assert_int_equal(message_check(&out.message, &err), 0);
	for (size_t i = 0; i < ARRAY_LEN(locales); i++) {
		s.locale = locales[i];
		assert_int_equal(statement_body(&s, w.arena, &body, &err), 0);
		assert_non_null(strstr(body, totals[i]));
		assert_non_null(strstr(body, "F 2")); /* no cell of its own */
	}
	assert_non_null(strstr(body, "| F-1 (in dispute) | "));
	assert_non_null(strstr(body, "€1,200.01 | €200.00 | €1,000.01 |"));
	s.left_out = 3;
	assert_int_equal(statement_body(&s, w.arena, &body, &err), 0);
	assert_non_null(strstr(body, "3 more open invoices."));
	world_clear(&w);
}

/* What the step says reaches the notice: the law of the policy, the last day, that work is held; and who reads it. */
static void a_step_speaks_in_its_notice(void **state)
{
	static struct wording statute[] = { { "en", "Act 7" } };
	static struct regime law = { .name = "L", .cited = { statute, 1 }, .fixed = RATE_NONE };
	static const struct interest_rules rules = { .regimes = &law, .regime_count = 1 };
	static const struct {
		const char *deadline, *says;
		bool consumer;
	} rows[] = {
		{ "\"2d\"", "Act 7 by 13 April 2026 held business", false }, /* Thursday and two days is Saturday */
		{ "\"4d\"", "Act 7 by 13 April 2026 held consumer", true },
		{ "\"4bd\"", "Act 7 by 15 April 2026 held business", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(buf_clear) struct buf json = { 0 };
		struct contact_released out;
		struct contact_plan p;
		struct err err = { 0 };
		struct world w;

		buf_printf(&json, POLICY("\"late\":{\"regime\":\"L\"},",
			MAIL("a", "due+1d", ",\"fees\":true,\"effects\":[\"work.hold_requested\"],\"deadline\":%s")), rows[i].deadline);
		world_init(&w, buf_str(&json));
		add_template(&w, "en", NOTICE_TEXT, "{{late.statute}}{{#deadline}} by {{.}}{{/deadline}}{{#holds_work}} held{{/holds_work}}"
			"{{#consumer}} consumer{{/consumer}}{{^consumer}} business{{/consumer}}");
		w.debtor.customer.kind = rows[i].consumer ? 2 : 0;
		assert_true(plan(&w, "inv_0", &p));
		assert_true(contact_release(&w.env, &w.debtor, &p, NULL, NULL, &w.fx, &out, &err) < 0);
		assert_string_equal(err.code, "missing_variable"); /* no law data: nothing is stated, nothing is sent */
		assert_int_equal(w.e[0].state, ESCALATION_WAITING);
		w.env.interest = &rules;
		if (contact_release(&w.env, &w.debtor, &p, NULL, NULL, &w.fx, &out, &err) < 0)
			fail_msg("%s %s", err.code, err.text);
		assert_non_null(strstr(out.message.text, rows[i].says));
		world_clear(&w);
	}
}

/* A notice says what it may be held to: the sum as it stands there, not as the end of another amount, and never once it was waived. */
static void a_sum_is_owed_where_the_notice_names_it(void **state)
{
	static struct wording statute[] = { { "fr", "Loi 7" } };
	static struct regime law = { .name = "L", .cited = { statute, 1 }, .fixed = RATE_NONE, .currency = "EUR" };
	static const struct interest_rules rules = { .regimes = &law, .regime_count = 1 };
	static const struct {
		const char *text;
		int64_t sum, owed, waived_at;
	} rows[] = {
		{ "Une somme de 40,00\xc2\xa0€ est due.", 4000, 4000, 0 },
		{ "40,00\xc2\xa0€", 4000, 4000, 0 },
		{ "Dont {{#late.sum_each}}{{.}}{{/late.sum_each}}{{^late.sum}}rien{{/late.sum}}", 4000, 4000, 0 },
		{ "Il reste 140,00\xc2\xa0€.", 4000, 0, 0 },
		{ "140,00\xc2\xa0€, et 40,00\xc2\xa0€", 4000, 4000, 0 },
		{ "2\xe2\x80\xaf" "400,00\xc2\xa0€", 40000, 0, 0 },
		{ "2\xc2\xa0" "400,00\xc2\xa0€", 40000, 0, 0 },
		{ "2 400,00\xc2\xa0€", 40000, 0, 0 },
		{ "2.400,00\xc2\xa0€", 40000, 0, 0 },
		{ "de 400,00\xc2\xa0€", 40000, 40000, 0 },
		{ "facture 12\xc2\xa0: 400,00\xc2\xa0€", 40000, 40000, 0 },
		{ "Et {{^late.sum}}rien{{/late.sum}}", 4000, 0, 5 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct contact_released out;
		struct contact_plan p;
		struct err err = { 0 };
		struct world w;

		world_init(&w, POLICY("\"late\":{\"regime\":\"L\"},", MAIL("a", "due+1d", ",\"fees\":true")));
		add_template(&w, "fr", NOTICE_SUBJECT, "x");
		add_template(&w, "fr", NOTICE_TEXT, rows[i].text);
		law.sum = rows[i].sum;
		w.env.interest = &rules;
		for (size_t k = 0; k < INVOICES; k++)
			w.e[k].late_fee.waived_at = rows[i].waived_at;
		assert_true(plan(&w, "inv_0", &p));
		if (contact_release(&w.env, &w.debtor, &p, NULL, NULL, &w.fx, &out, &err) < 0)
			fail_msg("%s %s", err.code, err.text);
		if (w.e[0].late_fee.amount != rows[i].owed || (strstr(out.message.text, "rien") != NULL) != (rows[i].waived_at != 0))
			fail_msg("%s: %lld owed", out.message.text, (long long)w.e[0].late_fee.amount);
		world_clear(&w);
	}
}

/* What was said to nobody was not announced. */
static void a_voicemail_announces_nothing(void **state)
{
	static const struct {
		enum call_outcome outcome;
		bool told;
	} rows[] = { { CALL_VOICEMAIL, false }, { CALL_UNREACHABLE, false }, { CALL_WRONG_CONTACT, false }, { CALL_BACK_AT, false },
		{ CALL_WAITING_APPROVAL, true }, { CALL_REFUSES, true } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct event call = { .id = "e1", .source = "s", .outcome = rows[i].outcome, .who = "lea", .until_on = date_none(),
			.back_at = at(NOW) + DAY_MS };
		struct world w;

		world_init(&w, POLICY("", "{\"id\":\"call\",\"at\":\"due+1d\",\"channel\":\"call\",\"template\":\"t\",\"deadline\":\"2bd\","
			"\"effects\":[\"work.hold_requested\"],\"hold_after\":\"7d\",\"announces\":{\"step\":\"end\",\"within\":\"20d\"}},"
			"{\"id\":\"end\",\"at\":\"due+20d\",\"gate\":\"decision\",\"role\":\"owner\"}"));
		w.e[0].state = ESCALATION_TASK;
		w.e[0].step = "call";
		w.e[0].task = "call:inv_0:call";
		contact_called(&w.env, &w.debtor, &w.candidates[0], 1, &call, "call:inv_0:call", &w.fx);
		assert_int_equal(w.e[0].commitment.state, rows[i].told ? COMMITMENT_OPEN : COMMITMENT_NONE);
		assert_int_equal(w.e[0].work_hold_at != 0, rows[i].told);
		world_clear(&w);
	}
}

/* The one whom they name, else whom the step reaches: about each invoice of the call. Whom nobody knows is nobody. Each call counts, once. */
static void the_wrong_contact_is_noted(void **state)
{
	static const struct {
		const char *contact;
		bool wrong;
	} rows[] = { { NULL, true }, { "c1", true }, { "c9", false } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct event call = { .id = "e1", .source = "s", .outcome = CALL_WRONG_CONTACT, .who = "lea", .until_on = date_none(),
			.contact_id = rows[i].contact };
		struct world w;

		world_init(&w, LADDER(""));
		for (int k = 0; k < 3; k++) { /* told late, and read in one millisecond; the last word came twice */
			call.id = k ? "e2" : "e1";
			contact_called(&w.env, &w.debtor, w.candidates, 2, &call, NULL, &w.fx);
		}
		assert_int_equal(w.debtor.contact_count, 2);
		assert_int_equal(debtor_wrong(&w.debtor, &w.contact), rows[i].wrong);
		for (int k = 0; k < 2; k++)
			assert_true(debtor_wrong_told(&w.debtor, w.e[k].invoice.id));
		world_clear(&w);
	}
}

static void a_text_message(void **state)
{
	struct contact_released out;
	struct contact_plan p;
	struct world w;

	(void)state;
	world_init(&w, POLICY("", MAIL("a", "due+1d", ",\"else\":\"sms\",\"sender\":\"accounts\"")));
	w.contact.email = NULL;
	w.contact.name = NULL;
	assert_true(plan(&w, "inv_0", &p));
	assert_int_equal(contact_release(&w.env, &w.debtor, &p, NULL, NULL, &w.fx, &out, NULL), 0);
	assert_null(out.message.subject);
	assert_non_null(strstr(out.message.text, "Acme: "));
	assert_string_equal(out.message.to.phone, "+33100000000");
	assert_string_equal(out.message.from.email, "accounts@acme.example");
	assert_non_null(strstr(find_part(out.intent, "recipient.json")->data, "+33100000000"));
	assert_int_equal(w.debtor.contacts[0].channel, CHANNEL_SMS);
	world_clear(&w);

	world_init(&w, POLICY("", MAIL("a", "due+1d", ",\"sender\":\"nobody\"")));
	assert_true(plan(&w, "inv_0", &p));
	assert_int_equal(contact_release(&w.env, &w.debtor, &p, NULL, NULL, &w.fx, &out, NULL), 0);
	assert_string_equal(out.message.from.email, "mail@acme.example"); /* the default one */
	world_clear(&w);
}

/* A wish for no more of a channel, in an answer. */
static void answered(struct world *w, const char *when, const char *text, enum channel channel, const char *attempt)
{
	const struct event e = { .type = EVENT_CONTACT_REPLY_RECEIVED, .id = when, .source = "/hooks/sms", .time = at(when),
		.order = { 0, at(when), "/hooks/sms", when }, .text = text, .channel = channel, .attempt_id = attempt };

	(void)debtor_apply(&w->debtor, &e, w->arena);
}

/* Where the law has it confirmed it is: once, at any hour, to the number that asked, within five minutes. Then there is silence. */
static void a_stop_is_confirmed(void **state)
{
	static const struct row {
		const char *name, *country, *text, *now;
		enum channel channel;
		bool confirmed;
	} rows[] = {
		{ "at night, in America", "US", "STOP", "2026-04-09T06:30:05Z", CHANNEL_SMS, true },
		{ "in words", "US", "Please stop texting me", "2026-04-09T06:30:05Z", CHANNEL_SMS, true },
		{ "just in time", "US", "STOP", "2026-04-09T06:35:00Z", CHANNEL_SMS, true },
		{ "too late", "US", "STOP", "2026-04-09T06:35:01Z", CHANNEL_SMS, false },
		{ "a question", "US", "HELP", "2026-04-09T06:30:05Z", CHANNEL_SMS, false },
		{ "a mail", "US", "STOP", "2026-04-09T06:30:05Z", CHANNEL_EMAIL, false },
		{ "no law there says so", "FR", "STOP", "2026-04-09T06:30:05Z", CHANNEL_SMS, false },
	};
	CLEANUP(law_freep) struct law *law = NULL;
	struct err err = { 0 };

	(void)state;
	if (law_load(SOURCE_DIR "/daemon/share", NULL, &law, &err) < 0)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct contact_released out;
		struct contact_plan p;
		struct world w;
		bool planned;

		world_init(&w, LADDER(""));
		w.env.guard = &law->guard;
		assert_int_equal(notice_set_add(w.notices, "en", "stop_confirmed", NOTICE_SMS, "{{creditor.name}}: the last one", 31, NULL), 0);
		w.debtor.customer.country = rows[i].country;
		w.debtor.customer.timezone = "America/New_York"; /* half past two at night */
		w.debtor.customer.locale = "en-US";
		debtor_contact_add(&w.debtor, w.arena, at("2026-04-09T00:00:00Z"), rows[i].channel, "a1");
		debtor_contact_made(&w.debtor, "a1")->to = w.contact.phone;
		answered(&w, "2026-04-09T06:30:00Z", rows[i].text, rows[i].channel, "a1");
		world_at(&w, rows[i].now);
		w.e[0].retry_at = w.env.now + 1000; /* its provider asked for a second */
		assert_false(plan(&w, "inv_0", &p));
		w.e[0].retry_why = "call_back_at"; /* that is not about this message */
		planned = plan(&w, "inv_0", &p);
		if (planned != rows[i].confirmed)
			fail_msg("%s", rows[i].name);
		if (planned) {
			assert_true(p.beside && p.channel == CHANNEL_SMS && p.member_count == 1);
			if (contact_release(&w.env, &w.debtor, &p, NULL, NULL, &w.fx, &out, &err) < 0)
				fail_msg("%s: %s", rows[i].name, err.text);
			assert_string_equal(out.message.text, "Acme: the last one");
			assert_string_equal(out.message.to.phone, "+33100000000");
			assert_string_equal(out.message.step, "stop:sms");
			assert_false(plan(&w, "inv_1", &p)); /* nor about another invoice, nor after the same word again */
			answered(&w, "2026-04-09T06:30:00Z", rows[i].text, rows[i].channel, "a1");
			w.e[0].state = ESCALATION_WAITING;
			assert_false(plan(&w, "inv_0", &p));
		}
		world_clear(&w);
	}
}

/* Whatever keeps a message from being made changes nothing at all. */
static void not_released(void **state)
{
	static const struct {
		const char *code;
		int r;
	} rows[] = { { "no_provider", -ENOENT }, { "no_template", -ENOENT }, { "bad_request", -EBADMSG }, { "out_of_range", -EBADMSG } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct contact_released out;
		struct contact_plan p;
		struct err err = { 0 };
		int answer = -EBADMSG;
		struct world w;

		world_init(&w, LADDER(""));
		if (i == 0)
			w.config->channel_providers[CHANNEL_EMAIL][0] = NULL;
		if (i == 1)
			notice_set_drop(w.notices, "en", "t", NOTICE_SUBJECT);
		if (i == 3)
			w.e[0].invoice.snapshot.total = w.e[1].invoice.snapshot.total = MONEY_MAX;
		assert_true(plan(&w, "inv_0", &p));
		assert_int_equal(contact_release(&w.env, &w.debtor, &p, fake_request, &answer, &w.fx, &out, &err), rows[i].r);
		assert_string_equal(err.code, rows[i].code);
		assert_true(err.text[0] && !w.fx.records && !w.fx.events && w.debtor.contact_count == 0);
		assert_int_equal(w.e[0].state, ESCALATION_WAITING);
		world_clear(&w);
	}
}

static void a_call_is_a_task(void **state)
{
	struct walked walked[] = { { "reminder", STEP_SENT, NULL, 0, "x", NULL }, { "second", STEP_SENT, NULL, 0, "x", NULL } };
	struct contact_plan p;
	const struct task *task;
	struct err err = { 0 };
	struct world w;

	(void)state;
	world_init(&w, LADDER(""));
	for (size_t i = 0; i < INVOICES; i++) {
		w.e[i].walk = walked;
		w.e[i].walk_count = 2;
	}
	world_at(&w, "2026-04-17T08:00:00Z"); /* a Friday */
	assert_true(plan(&w, "inv_0", &p));
	assert_int_equal(p.channel, CHANNEL_CALL);
	assert_int_equal(contact_open_call(&w.env, &w.debtor, &p, &w.fx, &err), 0);
	task = find_task(&w.fx, "call");
	assert_string_equal(task->id, "call:inv_1:call");
	assert_string_equal(task->role, "clerk");
	assert_int_equal(task->invoice_count, 3);
	assert_int_equal(task->deadline, at("2026-04-21T15:30:00Z")); /* two business days, at closing time */
	assert_non_null(strstr(task->script, "Dear Mme Roy"));
	assert_non_null(find_part(find_draft(w.fx.records, "task.opened"), "script.txt"));
	for (size_t i = 0; i < INVOICES; i++) {
		assert_int_equal(w.e[i].state, ESCALATION_TASK);
		assert_true(w.e[i].look_at == task->deadline && strcmp(w.e[i].task, task->id) == 0);
	}
	assert_int_equal(w.debtor.contact_count, 0); /* nobody has called yet */
	world_clear(&w);

	world_init(&w, POLICY("", "{\"id\":\"call\",\"at\":\"due+1d\",\"channel\":\"call\",\"template\":\"t\",\"deadline\":\"2d\"}"));
	assert_true(plan(&w, "inv_0", &p));
	assert_int_equal(contact_open_call(&w.env, &w.debtor, &p, &w.fx, &err), 0);
	assert_int_equal(find_task(&w.fx, "call")->deadline, at("2026-04-11T15:30:00Z"));
	world_clear(&w);

	world_init(&w, POLICY("", "{\"id\":\"call\",\"at\":\"due+1d\",\"channel\":\"call\",\"template\":\"none\",\"deadline\":\"2d\"}"));
	assert_true(plan(&w, "inv_0", &p));
	assert_int_equal(contact_open_call(&w.env, &w.debtor, &p, &w.fx, &err), -ENOENT);
	assert_true(w.e[0].state == ESCALATION_WAITING && !w.fx.tasks);
	world_clear(&w);
}

/* --- what the store keeps -------------------------------------------------------------------------------------------- */

static void entries_are_stored(void **state)
{
	static const char *const required[] = { "id", "debtor", "invoices", "step", "channel", "provider", "released_at" };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf first = { 0 }, second = { 0 };
	const struct attempt_entry full = { .id = "a1", .debtor_id = "cus_7", .step = "s", .channel = "email", .provider = "x",
		.policy_digest = "d", .invoice_ids = two_ids, .invoice_count = 2, .released_at = 1, .due_at = 2, .in_doubt = true,
		.doubt_since = 3, .intent_year = 2026, .intent_index = 4, .intent_leaf = "0123456789abcdef", .resends = 5, .unknown_at = 6,
		.means = "fedcba9876543210", .shadow = true, .moved = true };
	struct attempt_entry again;
	struct err err = { 0 };

	(void)state;
	attempt_entry_write(&first, &full);
	if (attempt_entry_read(arena, first.data, first.len, &again, &err) < 0)
		fail_msg("%s %s", err.path, err.text);
	attempt_entry_write(&second, &again);
	assert_string_equal(buf_str(&first), buf_str(&second));
	assert_true(again.in_doubt && again.invoice_count == 2 && again.intent_index == 4 && again.intent_year == 2026);
	assert_string_equal(again.intent_leaf, full.intent_leaf);
	assert_string_equal(again.means, full.means);
	assert_true(again.moved && again.shadow);
	for (size_t i = 0; i < ARRAY_LEN(required); i++) { /* each one that is missing is named */
		char path[40], quoted[40];
		char *text = arena_strdup(arena, buf_str(&first));
		char *key;

		snprintf(quoted, sizeof(quoted), "\"%s\":", required[i]);
		snprintf(path, sizeof(path), "$.%s", required[i]);
		key = strstr(text, quoted);
		assert_non_null(key);
		key[1] = '_';
		err_clear(&err);
		assert_int_equal(attempt_entry_read(arena, text, strlen(text), &again, &err), -EBADMSG);
		assert_string_equal(err.path, path);
	}
	assert_int_equal(attempt_entry_read(arena, "[]", 2, &again, NULL), -EBADMSG);
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(all_of_a_debtor_led_by_the_oldest),
		cmocka_unit_test(turns_are_taken),
		cmocka_unit_test(what_goes_by_itself),
		cmocka_unit_test(what_is_required_goes_by_itself),
		cmocka_unit_test(an_offer_is_made_where_it_is_written),
		cmocka_unit_test(what_does_not_go_together),
		cmocka_unit_test(one_law_to_a_notice),
		cmocka_unit_test(a_statement_of_account),
		cmocka_unit_test(a_step_speaks_in_its_notice),
		cmocka_unit_test(released),
		cmocka_unit_test(a_sum_is_owed_where_the_notice_names_it),
		cmocka_unit_test(a_voicemail_announces_nothing),
		cmocka_unit_test(the_wrong_contact_is_noted),
		cmocka_unit_test(a_text_message),
		cmocka_unit_test(a_stop_is_confirmed),
		cmocka_unit_test(not_released),
		cmocka_unit_test(a_call_is_a_task),
		cmocka_unit_test(entries_are_stored),
	};
	static struct CMUnitTest tests[ARRAY_LEN(others) + ARRAY_LEN(group_rows)];
	size_t count = ARRAY_LEN(others);

#define ROWS(rows, fn)                                                                                               \
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)                                                                 \
	tests[count++] = (struct CMUnitTest){ .name = rows[i].name, .test_func = fn, .initial_state = (void *)(uintptr_t)&rows[i] }
	memcpy(tests, others, sizeof(others));
	ROWS(group_rows, group_row);
	return cmocka_run_group_tests_name("contact", tests, NULL, NULL);
}
