/*
 * What the law says that a formal notice must contain, on both sides: for every kind of the law data a text that holds all of it goes out,
 * and one that lacks any field does not, is not accepted with a policy, and names the field, as `dunningctl law notice` does.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/law.h"
#include "common/lint.h"
#include "tests/unit/contact_world.h"

#define STEP(kind, channel, more) \
	POLICY("", "{\"id\":\"ask\",\"at\":\"due+1d\",\"gate\":\"decision\",\"role\":\"owner\"}," \
		"{\"id\":\"x\",\"at\":\"due+2d\",\"notice\":\"" kind "\"," \
		"\"channel\":\"" channel "\",\"template\":\"t\",\"tone\":\"legal\",\"requires\":[\"approval\"]," \
		"\"announces\":{\"step\":\"end\",\"within\":\"60d\",\"withdraw\":\"t\"}" more "}," \
		"{\"id\":\"end\",\"at\":\"due+30d\",\"gate\":\"decision\",\"role\":\"owner\"}")
#define ALONE(kind, channel, more) POLICY("", "{\"id\":\"x\",\"at\":\"due+1d\",\"notice\":\"" kind "\"," \
	"\"channel\":\"" channel "\",\"template\":\"t\",\"tone\":\"legal\"" more "}")
static struct law *law;

static int set_up(void **state)
{
	struct err err = { 0 };

	(void)state;
	if (law_load(SOURCE_DIR "/daemon/share", NULL, &law, &err) < 0)
		fail_msg("%s", err.text);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	law_free(law);
	return 0;
}

/* A text that holds all of a kind but one; `but` NULL: all. */
static const char *text_of(struct arena *arena, const struct demand_kind *kind, const char *but)
{
	const char *const *const lists[] = { kind->required, kind->enclosures };
	const char *text = "{{#invoices}}{{number}} {{/invoices}}";

	for (size_t l = 0; l < ARRAY_LEN(lists); l++)
		for (const char *const *field = lists[l]; *field; field++)
			if (!but || strcmp(*field, but) != 0)
				text = arena_printf(arena, "%s\n{{#holds.%s}}(%zu) {{balance}}{{/holds.%s}}", text, *field, strlen(text), *field);
	return text;
}

static int release(struct world *w, struct err *err)
{
	struct contact_released ret;
	struct contact_plan plan;

	assert_true(contact_plan(&w->env, &w->debtor, w->candidates, INVOICES, "inv_0", &plan));
	return contact_release(&w->env, &w->debtor, &plan, NULL, NULL, &w->fx, &ret, err);
}

static void add_letter(struct world *w, const char *text)
{
	add_template(w, "en", NOTICE_TEXT, text);
	add_template(w, "en", NOTICE_LETTER, text);
}

/* Before each send. */
static int send_one(const struct demand_kind *kind, const char *channel, const char *text, struct err *err)
{
	struct world w;
	int r;

	world_init(&w, ALONE("k", "email", ""));
	set_policy(&w, 0, arena_printf(w.arena, ALONE("%s", "%s", ""), kind->name, channel));
	for (size_t i = 1; i < INVOICES; i++)
		w.e[i].state = ESCALATION_CLOSED;
	w.env.demands = &law->demands;
	w.config->channel_providers[CHANNEL_LETTER][0] = "outbox";
	w.config->creditor_postal = (struct postal){ .line1 = "1 place Y", .postcode = "75002", .city = "Paris", .country = "FR" };
	w.debtor.customer.postal = (struct postal){ .line1 = "12 rue X", .postcode = "69002", .city = "Lyon", .country = "FR" };
	add_letter(&w, text);
	r = release(&w, err);
	if (r < 0) { /* nothing went, and nothing is noted as gone */
		assert_int_equal(w.e[0].state, ESCALATION_WAITING);
		assert_int_equal(w.debtor.contact_count, 0);
		assert_null(w.fx.records);
	}
	world_clear(&w);
	return r;
}

/* When the policy is accepted: what is found of it, NULL = nothing. */
static const char *lint(struct arena *arena, const char *kind, const char *channel, const char *more, const char *text,
	const struct creditor *creditor)
{
	static const char *const locales[] = { "en" };
	struct lint_report report = { .arena = arena };
	CLEANUP(notice_set_freep) struct notice_set *set = notice_set_create();
	CLEANUP(lint_texts_freep) struct lint_texts *texts = lint_texts_create(set, locales, 1);
	CLEANUP(policy_freep) struct policy *policy = NULL;
	const char *json = arena_printf(arena, STEP("%s", "%s", "%s"), kind, channel, more);
	struct err err = { 0 };

	if (notice_set_add(set, "en", "t", NOTICE_SUBJECT, "S", 1, &err) < 0 || notice_set_add(set, "en", "t", NOTICE_TEXT, text, strlen(text), &err) < 0 ||
		notice_set_add(set, "en", "t", NOTICE_LETTER, text, strlen(text), &err) < 0 || policy_parse(json, strlen(json), &policy, &err) < 0)
		fail_msg("%s %s", err.path, err.text);
	lint_policy(&(struct lint_input){ .policy = policy, .law = law, .country = "FR", .zone = "Europe/Paris", .locale = "en-GB", .texts = texts,
			    .creditor = creditor }, &report);
	assert_true(report.count >= 1 && report.count <= 2);
	assert_string_equal(report.findings[0].rule->id, "harsh_first"); /* nothing else is in this ladder */
	if (report.count == 1)
		return NULL;
	assert_string_equal(report.findings[1].path, "$.steps[1].notice");
	return arena_printf(arena, "%s: %s", report.findings[1].rule->id, report.findings[1].reason);
}

static void lacks_only(const char *said, const struct demand_kind *kind, const char *field)
{
	CLEANUP(buf_clear) struct buf wanted = { 0 };

	buf_printf(&wanted, "%s lacks %s (%s)", kind->name, field, kind->source);
	assert_string_equal(said, buf_str(&wanted));
}

static void every_kind_on_both_sides(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	size_t fields = 0;

	(void)state;
	assert_true(law->demands.count >= 15);
	for (size_t k = 0; k < law->demands.count; k++) {
		const struct demand_kind *kind = &law->demands.kinds[k];
		const char *const *const lists[] = { kind->required, kind->enclosures };
		const char *whole = text_of(arena, kind, NULL), *found = lint(arena, kind->name, "email", "", whole, NULL);
		struct err err = { 0 };

		if (send_one(kind, "email", whole, &err) < 0 || found)
			fail_msg("%s: %s %s", kind->name, err.text, found ? found : "");
		for (size_t l = 0; l < ARRAY_LEN(lists); l++)
			for (const char *const *field = lists[l]; *field; field++, fields++) {
				const char *less = text_of(arena, kind, *field);
				bool framed = demand_on_letterhead(*field);

				err = (struct err){ 0 };
				assert_int_equal(send_one(kind, "email", less, &err), -EBADMSG);
				assert_string_equal(err.code, CONTACT_INCOMPLETE);
				lacks_only(err.text, kind, *field);
				found = lint(arena, kind->name, "email", "", less, NULL);
				assert_true(found && strncmp(found, "notice_incomplete: ", 19) == 0);
				if (!strstr(found, arena_printf(arena, "lacks %s,", *field)))
					fail_msg("%s", found);
				/* on paper the frame has some of it */
				err = (struct err){ 0 };
				assert_int_equal(send_one(kind, "letter", less, &err), framed && !*kind->enclosures ? 0 : -EBADMSG);
				assert_int_equal(lint(arena, kind->name, "letter", "", less, NULL) == NULL, framed || l == 1);
			}
	}
	assert_true(fields > 60);
}

/* What must be enclosed goes by nobody's hand but a person's, who reads what it is; the text must still be whole. */
static void a_person_encloses(void **state)
{
	const struct demand_kind *kind = demand_kind(&law->demands, "gb-letter-of-claim");
	static const char *const left_out[] = { NULL, "agreement_details" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(left_out); i++) {
		struct contact_plan plan;
		struct err err = { 0 };
		struct world w;
		int r;

		world_init(&w, ALONE("gb-letter-of-claim", "letter", ""));
		w.e[1].state = w.e[2].state = ESCALATION_CLOSED;
		w.env.demands = &law->demands;
		w.config->channel_providers[CHANNEL_LETTER][0] = "outbox";
		w.config->creditor_postal = (struct postal){ .line1 = "1 Y Street", .postcode = "E1 6AN", .city = "London", .country = "GB" };
		w.debtor.customer.postal = (struct postal){ .line1 = "12 X Road", .postcode = "EH1 1YZ", .city = "Edinburgh", .country = "GB" };
		add_letter(&w, text_of(w.arena, kind, left_out[i]));
		assert_true(contact_plan(&w.env, &w.debtor, w.candidates, INVOICES, "inv_0", &plan));
		assert_true(contact_by_hand(&w.env, &plan));
		r = contact_open_post(&w.env, &w.debtor, &plan, &w.fx, &err);
		assert_int_equal(r, left_out[i] ? -EBADMSG : 0);
		if (r == 0)
			assert_non_null(strstr(w.fx.tasks->script, "\nEnclose: statement_of_account, information_sheet, reply_form, financial_statement_form\n"));
		else
			assert_non_null(strstr(err.text, "lacks agreement_details ("));
		w.env.demands = NULL; /* where no law is known, nothing is asked */
		assert_false(contact_by_hand(&w.env, &plan));
		world_clear(&w);
	}
}

/* The same fields through the command's engine. */
static void the_command_says_the_same(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	(void)state;
	for (size_t k = 0; k < law->demands.count; k++) {
		const struct demand_kind *kind = &law->demands.kinds[k];
		const char *json = arena_printf(arena, "{\"notice\":\"%s\",\"fields\":[]}", kind->name);
		CLEANUP(buf_clear) struct buf out = { 0 };
		struct json_writer w = jw_init(&out);
		struct json given, answer, missing;
		struct err err = { 0 };
		const char *const none[] = { NULL }, *const *lacks = demand_lacks(arena, kind, none, false);
		size_t n = 0;

		assert_int_equal(json_parse(arena, json, strlen(json), 0, &given, &err), 0);
		jw_object(&w, NULL);
		assert_int_equal(demand_answer(arena, &law->demands, &given, &w, &err), 0);
		jw_end_object(&w);
		assert_int_equal(json_parse(arena, buf_str(&out), out.len, 0, &answer, &err), 0);
		for (missing = json_get(&answer, "missing"); lacks[n]; n++) {
			struct json field = json_at(&missing, n);

			assert_string_equal(json_str(&field), lacks[n]);
		}
		assert_int_equal(json_len(&missing), n);
	}
}

/* What neither the step nor the configuration can ever fill is found before anybody is written to. */
static void what_the_configuration_lacks(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const struct demand_kind *kind = demand_kind(&law->demands, "be-first-reminder");
	static const struct creditor named = { .name = "Acme", .legal_id = "BE 0123.456.789", .locale = "en-GB", .zone = "UTC" };
	static const struct creditor bare = { .name = "Acme", .locale = "en-GB", .zone = "UTC" };
	const char *text, *found;

	(void)state;
	text = arena_printf(arena, "%s{{#creditor.legal_id}}{{#holds.creditor_name_and_company_number}} {{creditor.name}}, {{creditor.legal_id}}"
		"{{/holds.creditor_name_and_company_number}}{{/creditor.legal_id}}", text_of(arena, kind, "creditor_name_and_company_number"));
	assert_null(lint(arena, kind->name, "letter", "", text, &named));
	found = lint(arena, kind->name, "letter", "", text, &bare);
	assert_true(found && strstr(found, "lacks creditor_name_and_company_number, and be-first-reminder asks for it (CDE/WER XIX.2)"));
	kind = demand_kind(&law->demands, "fr-mise-en-demeure");
	text = arena_printf(arena, "%s{{#deadline}}{{#holds.deadline}} by {{deadline}}{{/holds.deadline}}{{/deadline}}", text_of(arena, kind, "deadline"));
	assert_null(lint(arena, kind->name, "letter", ",\"deadline\":\"10d\"", text, &bare));
	found = lint(arena, kind->name, "letter", "", text, &bare);
	assert_true(found && strstr(found, "lacks deadline,"));
	/* marks around nothing are no content */
	text = arena_printf(arena, "%s{{#holds.deadline}}\n{{/holds.deadline}}", text_of(arena, kind, "deadline"));
	found = lint(arena, kind->name, "email", ",\"deadline\":\"10d\"", text, &bare);
	assert_true(found && strstr(found, "lacks deadline,"));
	found = lint(arena, "xx-none", "letter", "", "{{balance}}", &bare);
	assert_true(found && strncmp(found, "unknown_notice: \"xx-none\"", 25) == 0);
}

/* A step that is no formal notice is not asked for anything; one of a kind that is gone from the law data does not go out. */
static void only_formal_notices(void **state)
{
	struct demand_kind gone = { .name = "xx-none", .source = "" };
	struct err err = { 0 };
	struct world w;

	(void)state;
	world_init(&w, POLICY("", MAIL("x", "due+1d", "")));
	w.env.demands = &law->demands;
	assert_int_equal(release(&w, &err), 0);
	world_clear(&w);
	assert_int_equal(send_one(&gone, "email", "{{balance}}", &err), -EBADMSG);
	assert_string_equal(err.code, CONTACT_INCOMPLETE);
	assert_non_null(strstr(err.text, "xx-none"));
}

/* A person is told what is missing, once, and the hold ends when they say so. */
static void a_person_is_told(void **state)
{
	struct hold_entry hold = { .reason = CONTACT_INCOMPLETE, .why = "fr-mise-en-demeure lacks deadline (C. civ. 1344)" };
	struct world w;
	struct rules rules;

	(void)state;
	world_init(&w, ALONE("fr-mise-en-demeure", "email", ""));
	hold.since = w.env.now;
	hold.until = w.env.now + DAY_MS;
	escalation_hold(&w.e[0], w.arena, &hold);
	rules = (struct rules){ .policy = w.policies[0], .creditor_zone = "Europe/Paris", .now = w.env.now };
	escalation_refresh(&w.e[0], &w.debtor, &rules, &w.fx);
	assert_string_equal(w.e[0].held, CONTACT_INCOMPLETE);
	assert_string_equal(w.fx.tasks->kind, "review");
	assert_string_equal(w.fx.tasks->reason, hold.why);
	assert_null(w.fx.tasks->next);
	escalation_resume(&w.e[0], w.env.now);
	world_at(&w, NOW);
	escalation_refresh(&w.e[0], &w.debtor, &rules, &w.fx);
	assert_null(w.e[0].held);
	assert_true(w.fx.tasks->close);
	world_clear(&w);
}

/* Interest counts from the due date as the policy moves it: 4 April 2026 is a Saturday. */
static void interest_counts_from_the_day_that_counts(void **state)
{
	static const char *const rolls[] = { "", "\"due_roll\":\"following\"," }, *const days[] = { "12 ", "10 " };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rolls); i++) {
		struct contact_released ret;
		struct contact_plan plan;
		struct err err = { 0 };
		struct world w;

		world_init(&w, ALONE("k", "email", ""));
		set_policy(&w, 0, arena_printf(w.arena, POLICY("\"late\":{\"regime\":\"FR-B2B\"},%s", MAIL("x", "due+1d", ",\"fees\":true")), rolls[i]));
		w.e[0].invoice.snapshot.due_on = date_of(2026, 4, 4);
		w.e[1].state = w.e[2].state = ESCALATION_CLOSED;
		w.env.interest = &law->interest;
		add_template(&w, "en", NOTICE_TEXT, "{{#late}}{{#late.working}}{{days}} {{/late.working}}{{/late}}.");
		world_at(&w, "2026-04-16T08:00:00Z");
		assert_true(contact_plan(&w.env, &w.debtor, w.candidates, INVOICES, "inv_0", &plan));
		assert_int_equal(contact_release(&w.env, &w.debtor, &plan, NULL, NULL, &w.fx, &ret, &err), 0);
		assert_memory_equal(ret.message.text, days[i], strlen(days[i]));
		world_clear(&w);
	}
}

/* What a text states is owed: the sum itself, not the end of a larger one. */
static void a_fee_is_owed_where_the_text_states_it(void **state)
{
	static const struct {
		const char *text;
		int64_t fee;
	} rows[] = { { "Des frais de 40,00\u00a0€ sont dus.", 4000 }, { "40,00\u00a0€", 4000 }, { "Vous devez 140,00\u00a0€.", 0 }, { "Vous devez 1\u202f040,00\u00a0€.", 0 },
		{ "Vous devez 140,00\u00a0€, dont 40,00\u00a0€ de frais.", 4000 }, { "Rien.", 0 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct contact_released ret;
		struct contact_plan plan;
		struct err err = { 0 };
		struct world w;

		world_init(&w, ALONE("k", "email", ""));
		set_policy(&w, 0, POLICY("\"late\":{\"regime\":\"FR-B2B\"},", MAIL("x", "due+1d", ",\"fees\":true")));
		w.e[1].state = w.e[2].state = ESCALATION_CLOSED;
		w.env.interest = &law->interest;
		w.debtor.customer.locale = "fr-FR";
		add_template(&w, "fr", NOTICE_SUBJECT, "S");
		add_template(&w, "fr", NOTICE_TEXT, rows[i].text);
		world_at(&w, "2026-04-16T08:00:00Z");
		assert_true(contact_plan(&w.env, &w.debtor, w.candidates, INVOICES, "inv_0", &plan));
		assert_int_equal(contact_release(&w.env, &w.debtor, &plan, NULL, NULL, &w.fx, &ret, &err), 0);
		if (w.e[0].late_fee.amount != rows[i].fee)
			fail_msg("%s: %lld", rows[i].text, (long long)w.e[0].late_fee.amount);
		world_clear(&w);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_on_both_sides),
		cmocka_unit_test(a_person_encloses),
		cmocka_unit_test(the_command_says_the_same),
		cmocka_unit_test(what_the_configuration_lacks),
		cmocka_unit_test(only_formal_notices),
		cmocka_unit_test(a_person_is_told),
		cmocka_unit_test(interest_counts_from_the_day_that_counts),
		cmocka_unit_test(a_fee_is_owed_where_the_text_states_it),
	};

	return cmocka_run_group_tests_name("formal_notice", tests, set_up, tear_down);
}
