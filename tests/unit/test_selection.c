/* Which policy an invoice walks: who is asked first, when a rule matches, and which of two policies is the more careful. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/selection.h"

#define STEP(id, at, channel, tone) \
	"{\"id\":\"" id "\",\"at\":\"" at "\",\"channel\":\"" channel "\",\"template\":\"t\",\"tone\":\"" tone "\"}"
#define MAIL(id, at, tone) STEP(id, at, "email", tone)
#define CALL(id, at, tone) \
	"{\"id\":\"" id "\",\"at\":\"" at "\",\"channel\":\"call\",\"template\":\"t\",\"tone\":\"" tone "\",\"deadline\":\"2bd\"}"
#define GATE(id, at) "{\"id\":\"" id "\",\"at\":\"" at "\",\"gate\":\"decision\",\"role\":\"owner\"}"
#define LAST(id, at) "{\"id\":\"" id "\",\"at\":\"" at "\",\"gate\":\"decision\",\"role\":\"owner\",\"tone\":\"legal\"}"
#define POLICY(name, members, steps) "{\"name\":\"" name "\"," members "\"steps\":[" steps "]}"
#define CONFIG(rules)                                                                                                               \
	"{\"origin\":\"trail.example.com/acme\",\"creditor\":{\"name\":\"Acme\",\"locale\":\"fr-FR\",\"zone\":\"Europe/Paris\"},"   \
	"\"senders\":{\"default\":{\"name\":\"Acme\",\"email\":\"mail@acme.example\"}},\"policies\":{\"default\":\"plain\",\"rules\":[" rules "]}}"
#define RULE(id, policy, conditions) "{\"id\":\"" id "\",\"policy\":\"" policy "\",\"if\":{" conditions "}}"

static struct policy *parse(const char *text)
{
	struct policy *policy = NULL;
	struct err err = { 0 };

	if (policy_parse(text, strlen(text), &policy, &err) < 0)
		fail_msg("%s %s\n%s", err.path, err.text, text);
	return policy;
}

/* --- the more careful of two ------------------------------------------------------------------------------------------- */

/* In each row the first is the more careful, for the reason named, against all that comes later in the order. */
struct pair {
	const char *name, *careful, *other;
};
static const struct pair pairs[] = {
	{ "one that contacts nobody", "{\"name\":\"z\",\"do_nothing\":true}", POLICY("a", "", GATE("g", "due+9d")) },
	{ "one that only asks a person", POLICY("z", "", GATE("g", "due+1d")), POLICY("a", "", MAIL("m", "due+90d", "friendly")) },
	{ "the lower tone at its height", POLICY("z", "", MAIL("m", "due+1d", "friendly") "," CALL("c", "due+2d", "neutral")),
		POLICY("a", "", MAIL("m", "due+90d", "firm")) },
	{ "a gate's tone is none", POLICY("z", "", MAIL("m", "due+1d", "neutral") "," LAST("g", "due+9d")),
		POLICY("a", "", MAIL("m", "due+1d", "firm")) },
	{ "fewer contacts", POLICY("z", "", MAIL("m", "due+1d", "firm")), POLICY("a", "", MAIL("m", "due+20d", "firm") "," CALL("c", "due+30d", "firm")) },
	{ "fewer contacts, by its limit", POLICY("z", "\"max_contacts\":1,", MAIL("m", "due+1d", "firm") "," CALL("c", "due+2d", "firm")),
		POLICY("a", "\"max_contacts\":9,", MAIL("m", "due+20d", "firm") "," CALL("c", "due+30d", "firm")) },
	{ "the later first contact", POLICY("z", "", GATE("g", "due+1d") "," MAIL("m", "due+9d", "firm")),
		POLICY("a", "\"min_gap\":\"9d\",", MAIL("m", "due+8d", "firm")) },
	{ "later by business days", POLICY("z", "", MAIL("m", "due+6bd", "firm")), POLICY("a", "\"min_gap\":\"9d\",", MAIL("m", "due+8d", "firm")) },
	{ "later by the step it hangs on", POLICY("z", "", GATE("g", "due+5d") "," MAIL("m", "g+4d", "firm")),
		POLICY("a", "\"min_gap\":\"9d\",", MAIL("m", "due+8d", "firm")) },
	{ "the longer gap", POLICY("z", "\"min_gap\":\"72h\",", MAIL("m", "due+1d", "firm")),
		POLICY("a", "\"min_gap\":\"71h\",", MAIL("m", "due+1d", "firm")) },
	{ "the name", POLICY("a", "", MAIL("m", "due+1d", "firm")), POLICY("z", "", MAIL("m", "due+1d", "firm")) },
};

static void the_more_careful_of_two(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		CLEANUP(policy_freep) struct policy *a = parse(pairs[i].careful);
		CLEANUP(policy_freep) struct policy *b = parse(pairs[i].other);

		if (selection_compare(a, b) >= 0 || selection_compare(b, a) <= 0 || selection_compare(a, a) != 0)
			fail_msg("%s", pairs[i].name);
	}
}

/* Whatever stands beside whatever: it is one order, without a circle. */
static void it_is_one_order(void **state)
{
	struct policy *all[2 * ARRAY_LEN(pairs)];
	size_t n = ARRAY_LEN(all);

	(void)state;
	for (size_t i = 0; i < n; i++)
		all[i] = parse(i % 2 ? pairs[i / 2].other : pairs[i / 2].careful);
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++)
			for (size_t k = 0; k < n; k++)
				if (selection_compare(all[i], all[j]) <= 0 && selection_compare(all[j], all[k]) <= 0)
					assert_true(selection_compare(all[i], all[k]) <= 0);
	for (size_t i = 0; i < n; i++)
		policy_free(all[i]);
}

/* --- rules ------------------------------------------------------------------------------------------------------------ */

struct world {
	struct config *config;
	struct policy *policies[3]; /* plain, gentle, strict */
	struct contact contact;
	struct debtor debtor;
	struct invoice invoice;
	const char *open[3];
};

static void world_init(struct world *w, const char *config)
{
	struct err err = { 0 };

	*w = (struct world){ .open = { "inv_1", "inv_2", "inv_42" } };
	if (config_parse(config, strlen(config), &w->config, &err) < 0)
		fail_msg("%s %s", err.path, err.text);
	w->policies[0] = parse(POLICY("plain", "", MAIL("m", "due+1d", "neutral")));
	w->policies[1] = parse(POLICY("gentle", "", MAIL("m", "due+9d", "friendly")));
	w->policies[2] = parse(POLICY("strict", "", MAIL("m", "due+1d", "firm")));
	w->debtor = (struct debtor){ .id = "cus_7", .known = true, .paid = 5, .paid_late = 2, .promises_broken = 1, .deposits = 2, .deposits_late = 1, .open = w->open, .open_count = 3,
		.customer = { .name = "Dupont", .country = "FR", .kind = 0 } };
	w->invoice = (struct invoice){ .id = "inv_42", .debtor_id = "cus_7", .known = true,
		.snapshot = { .status = INVOICE_OPEN, .currency = "EUR", .total = 120000, .due = 120000, .tags = "vip,PO-9" } };
}

static void world_clear(struct world *w)
{
	config_free(w->config);
	for (size_t i = 0; i < ARRAY_LEN(w->policies); i++)
		policy_free(w->policies[i]);
}

static const struct policy *find(const char *name, const void *arg)
{
	const struct world *w = arg;

	for (size_t i = 0; i < ARRAY_LEN(w->policies); i++)
		if (strcmp(w->policies[i]->name, name) == 0)
			return w->policies[i];
	return NULL;
}

static struct selection choose(const struct world *w)
{
	return selection_choose(w->config, find, w, &w->invoice, &w->debtor);
}

/* A company in France that paid five invoices, two of them late, broke one promise and has two others open; EUR 1,200.00, tags vip and PO-9. */
struct condition {
	const char *text;
	bool matches;
};
static const struct condition conditions[] = {
	{ CONFIG(RULE("r", "gentle", "\"kinds\":[\"consumer\",\"company\"]")), true },
	{ CONFIG(RULE("r", "gentle", "\"kinds\":[\"consumer\"]")), false },
	{ CONFIG(RULE("r", "gentle", "\"invoice_kinds\":[\"deposit\",\"standard\"]")), true },
	{ CONFIG(RULE("r", "gentle", "\"invoice_kinds\":[\"deposit\"]")), false },
	{ CONFIG(RULE("r", "gentle", "\"countries\":[\"BE\",\"FR\"]")), true },
	{ CONFIG(RULE("r", "gentle", "\"countries\":[\"BE\"]")), false },
	{ CONFIG(RULE("r", "gentle", "\"tags\":[\"x\",\"vip\"]")), true },
	{ CONFIG(RULE("r", "gentle", "\"tags\":[\"vi\",\"vip2\",\"PO\"]")), false },
	{ CONFIG(RULE("r", "gentle", "\"currency\":\"EUR\"")), true },
	{ CONFIG(RULE("r", "gentle", "\"currency\":\"USD\"")), false },
	{ CONFIG(RULE("r", "gentle", "\"currency\":\"EUR\",\"balance_min_minor\":120000,\"balance_max_minor\":120000")), true },
	{ CONFIG(RULE("r", "gentle", "\"currency\":\"EUR\",\"balance_min_minor\":120001")), false },
	{ CONFIG(RULE("r", "gentle", "\"currency\":\"EUR\",\"balance_max_minor\":119999")), false },
	{ CONFIG(RULE("r", "gentle", "\"open_invoices_min\":2,\"open_invoices_max\":2")), true }, /* itself is not counted */
	{ CONFIG(RULE("r", "gentle", "\"open_invoices_min\":3")), false },
	{ CONFIG(RULE("r", "gentle", "\"open_invoices_max\":1")), false },
	{ CONFIG(RULE("r", "gentle", "\"paid_min\":5,\"paid_max\":5")), true },
	{ CONFIG(RULE("r", "gentle", "\"paid_min\":6")), false },
	{ CONFIG(RULE("r", "gentle", "\"paid_late_min\":2,\"paid_late_max\":2")), true },
	{ CONFIG(RULE("r", "gentle", "\"paid_late_max\":1")), false },
	{ CONFIG(RULE("r", "gentle", "\"promises_broken_min\":1,\"promises_broken_max\":1")), true },
	{ CONFIG(RULE("r", "gentle", "\"promises_broken_max\":0")), false },
	{ CONFIG(RULE("r", "gentle", "\"deposits_min\":2,\"deposits_late_max\":1")), true },
	{ CONFIG(RULE("r", "gentle", "\"deposits_late_min\":2")), false },
	{ CONFIG(RULE("r", "gentle", "\"deposits_max\":1")), false },
	{ CONFIG(RULE("r", "gentle", "\"kinds\":[\"company\"],\"countries\":[\"BE\"]")), false }, /* all must hold */
};

static void a_rule_matches(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(conditions); i++) {
		struct world w;

		world_init(&w, conditions[i].text);
		if (selection_matches(&w.config->policy_rules[0], &w.invoice, &w.debtor) != conditions[i].matches)
			fail_msg("%s", conditions[i].text);
		world_clear(&w);
	}
}

static void who_is_asked_first(void **state)
{
	struct selection s;
	struct world w;

	(void)state;
	world_init(&w, CONFIG(RULE("ours", "gentle", "\"countries\":[\"FR\"]")));
	s = choose(&w);
	assert_string_equal(s.policy->name, "gentle");
	assert_int_equal(s.by, SELECTED_BY_RULE);
	assert_string_equal(s.rule, "ours");
	assert_true(s.settled && s.asked);
	w.debtor.customer.policy = "strict";
	s = choose(&w);
	assert_string_equal(s.policy->name, "strict");
	assert_int_equal(s.by, SELECTED_BY_CUSTOMER);
	assert_null(s.rule);
	w.invoice.snapshot.policy = "plain";
	s = choose(&w);
	assert_string_equal(s.policy->name, "plain");
	assert_int_equal(s.by, SELECTED_BY_INVOICE);
	w.invoice.snapshot.policy = "nope";
	assert_null(choose(&w).policy); /* never another one instead */
	w.invoice.snapshot.policy = w.debtor.customer.policy = NULL;
	w.debtor.customer.country = "BE";
	s = choose(&w);
	assert_string_equal(s.policy->name, "plain");
	assert_int_equal(s.by, SELECTED_BY_DEFAULT);
	assert_true(s.asked);
	world_clear(&w);
	world_init(&w, CONFIG(""));
	assert_false(choose(&w).asked);
	world_clear(&w);
}

static void the_most_careful_wins(void **state)
{
	struct selection s;
	struct world w;

	(void)state;
	world_init(&w, CONFIG(RULE("late", "strict", "\"paid_late_min\":1") "," RULE("known", "gentle", "\"paid_min\":5") ","
			RULE("french", "gentle", "\"countries\":[\"FR\"]") "," RULE("all", "plain", "\"kinds\":[\"company\"]")));
	s = choose(&w);
	assert_string_equal(s.policy->name, "gentle");
	assert_string_equal(s.rule, "known"); /* the first of those that name it */
	w.debtor.paid = 2;
	w.debtor.customer.country = "BE";
	s = choose(&w);
	assert_string_equal(s.policy->name, "plain");
	assert_string_equal(s.rule, "all");
	w.debtor.customer.kind = 2;
	s = choose(&w);
	assert_string_equal(s.policy->name, "strict"); /* alone, it is the most careful of all that match */
	assert_string_equal(s.rule, "late");
	world_clear(&w);
}

/* What it is stricter than is asked of habits alone: a rule about amounts says nothing about the debtor. */
static void what_came_before(void **state)
{
	struct selection s;
	struct world w;

	(void)state;
	world_init(&w, CONFIG(RULE("late", "strict", "\"paid_late_min\":1") "," RULE("large", "plain", "\"open_invoices_min\":9")));
	assert_null(choose(&w).before);
	w.debtor.walks = "gentle";
	s = choose(&w);
	assert_string_equal(s.before->name, "gentle");
	assert_true(s.habits && selection_stricter(s.policy, s.before));
	assert_false(selection_stricter(s.before, s.policy));
	assert_false(selection_stricter(s.policy, s.policy));
	w.debtor.paid_late = 0;
	s = choose(&w);
	assert_string_equal(s.policy->name, "plain"); /* the default, whatever they did */
	assert_false(s.habits);
	w.debtor.customer.policy = "strict";
	assert_true(choose(&w).habits);
	world_clear(&w);

	world_init(&w, CONFIG(RULE("good", "gentle", "\"paid_late_max\":0")));
	w.debtor.walks = "gentle";
	s = choose(&w); /* they were late since: the rule that was kind to them does not match any more */
	assert_string_equal(s.policy->name, "plain");
	assert_true(s.habits && selection_stricter(s.policy, s.before));
	world_clear(&w);
}

static void an_unknown_customer_settles_nothing(void **state)
{
	struct selection s;
	struct world w;

	(void)state;
	world_init(&w, CONFIG(RULE("late", "strict", "\"paid_late_max\":9")));
	w.debtor.known = false;
	s = choose(&w);
	assert_false(s.settled);
	assert_int_equal(s.by, SELECTED_BY_DEFAULT); /* no rule is asked about somebody of whom nothing is known */
	s = selection_choose(w.config, find, &w, &w.invoice, NULL);
	assert_false(s.settled);
	w.invoice.snapshot.policy = "strict";
	assert_true(selection_choose(w.config, find, &w, &w.invoice, NULL).settled);
	world_clear(&w);
}

/* --- what the configuration refuses -------------------------------------------------------------------------------------- */

static const struct {
	const char *json, *code, *path, *says;
} rows[] = {
	{ CONFIG("7"), "wrong_type", "$.policies.rules[0]", "id, policy and if" },
	{ CONFIG("{\"policy\":\"plain\",\"if\":{\"paid_min\":1}}"), "missing", "$.policies.rules[0].id", "" },
	{ CONFIG("{\"id\":\"a\",\"if\":{\"paid_min\":1}}"), "missing", "$.policies.rules[0].policy", "" },
	{ CONFIG("{\"id\":\"a\",\"policy\":\"plain\"}"), "missing", "$.policies.rules[0].if", "" },
	{ CONFIG("{\"id\":\"a b\",\"policy\":\"plain\",\"if\":{\"paid_min\":1}}"), "bad_name", "$.policies.rules[0].id", "small-invoices" },
	{ CONFIG("{\"id\":\"a\",\"policy\":\"pl/n\",\"if\":{\"paid_min\":1}}"), "bad_name", "$.policies.rules[0].policy", "fr-b2b" },
	{ CONFIG(RULE("a", "plain", "")), "bad_list", "$.policies.rules[0].if", "policies.default" },
	{ CONFIG(RULE("a", "plain", "\"paid_min\":1") "," RULE("a", "plain", "\"paid_min\":2")), "duplicate_id", "$.policies.rules[1].id", "is taken" },
	{ CONFIG(RULE("a", "plain", "\"paid_late\":1")), "unknown_member", "$.policies.rules[0].if.paid_late", "did you mean" },
	{ CONFIG(RULE("a", "plain", "\"kinds\":[\"b2b\"]")), "bad_item", "$.policies.rules[0].if.kinds[0]", "company" },
	{ CONFIG(RULE("a", "plain", "\"invoice_kinds\":[\"company\"]")), "bad_item", "$.policies.rules[0].if.invoice_kinds[0]", "deposit" },
	{ CONFIG(RULE("a", "plain", "\"kinds\":[]")), "bad_list", "$.policies.rules[0].if.kinds", "leave it out" },
	{ CONFIG(RULE("a", "plain", "\"countries\":[\"fr\"]")), "bad_item", "$.policies.rules[0].if.countries[0]", "\"FR\"" },
	{ CONFIG(RULE("a", "plain", "\"tags\":[\"a,b\"]")), "bad_item", "$.policies.rules[0].if.tags[0]", "without ','" },
	{ CONFIG(RULE("a", "plain", "\"currency\":\"EUX\"")), "unknown_currency", "$.policies.rules[0].if.currency", "\"EUR\"" },
	{ CONFIG(RULE("a", "plain", "\"balance_min_minor\":1")), "missing", "$.policies.rules[0].if.currency", "beside an amount" },
	{ CONFIG(RULE("a", "plain", "\"paid_min\":2,\"paid_max\":1")), "out_of_range", "$.policies.rules[0].if.paid_max", "paid_min" },
	{ CONFIG(RULE("a", "plain", "\"paid_min\":-1")), "out_of_range", "$.policies.rules[0].if.paid_min", "" },
};

static void the_configuration_refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct config *config = NULL;
		struct err err = { 0 };

		assert_int_equal(config_parse(rows[i].json, strlen(rows[i].json), &config, &err), -EBADMSG);
		if (strcmp(err.code, rows[i].code) != 0 || strcmp(err.path, rows[i].path) != 0 || !strstr(err.text, rows[i].says))
			fail_msg("%s\n%s %s %s", rows[i].json, err.code, err.path, err.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_more_careful_of_two),
		cmocka_unit_test(it_is_one_order),
		cmocka_unit_test(a_rule_matches),
		cmocka_unit_test(who_is_asked_first),
		cmocka_unit_test(the_most_careful_wins),
		cmocka_unit_test(what_came_before),
		cmocka_unit_test(an_unknown_customer_settles_nothing),
		cmocka_unit_test(the_configuration_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
