/*
 * Which policy an invoice walks, and how it comes to another one: the daemon's own flow over a real Redis and journal, asked by dunningctl.
 */
#include "tests/integration/ctl_fixture.h"

/* The installation with rules; before anything runs. */
static void rules(struct fixture *f, const char *rules)
{
	const char *text = arena_printf(f->arena,
		"{\"origin\":\"test.example/acme\",\"instance\":\"host-a\",\"state_dir\":\"%s\",\"control_socket\":\"%s\","
		"\"retention\":{\"file\":\"" SOURCE_DIR "/daemon/share/retention.json\"},"
		"\"redis\":{\"url\":\"unix:%s\"},\"creditor\":{\"name\":\"Acme\",\"locale\":\"en-GB\",\"zone\":\"Europe/Paris\"},"
		"\"senders\":{\"default\":{\"name\":\"Acme\",\"email\":\"accounts@acme.example\"}},\"channels\":{\"email\":\"outbox\"},"
		"\"policies\":{\"default\":\"ladder\",\"rules\":[%s]},\"limits\":{\"segment_bytes\":1048576}}",
		f->state, f->control, f->redis.socket, rules);
	struct err err = { 0 };

	put_text(f, "dunningd.json", text);
	config_free(f->config);
	f->config = NULL;
	if (config_parse(text, strlen(text), &f->config, &err) < 0)
		fail_msg("%s %s", err.path, err.text);
}

/* Its event without the member `policy`. */
static const char *unnamed(struct fixture *f, const char *id, const char *customer)
{
	const char *text = invoice_event(f, id, customer, "2026-03-10", "");
	const char *at = strstr(text, ",\"policy\":\"\"");

	return arena_printf(f->arena, "%.*s%s", (int)(at - text), text, at + strlen(",\"policy\":\"\""));
}

static const char *changed(struct fixture *f, const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);

	assert_non_null(at);
	return arena_printf(f->arena, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
}

static void explains(struct fixture *f, const char *invoice, const char *policy, const char *by, const char *rule)
{
	assert_ctl(f, 0, "explain", invoice, "--json");
	assert_string_equal(text_of(output(f), "policy"), policy);
	assert_string_equal(text_of(output(f), "policy_by"), by);
	assert_string_equal(text_of(output(f), "policy_rule"), rule);
}

#define GENTLE POLICY("gentle", MAIL("hello", "due+20d", "friendly"))

static void the_most_careful_rule_wins(void **state)
{
	struct fixture *f = *state;

	put_text(f, "share/policies/gentle.json", GENTLE);
	rules(f, "{\"id\":\"large\",\"policy\":\"caller\",\"if\":{\"currency\":\"EUR\",\"balance_min_minor\":100000}},"
		 "{\"id\":\"friends\",\"policy\":\"gentle\",\"if\":{\"tags\":[\"friend\"]}}");
	start_flow(f, START);
	assert_ctl(f, 0, "push", unnamed(f, "INV-1", "cus_1"),
		changed(f, unnamed(f, "INV-2", "cus_2"), "\"kind\":\"standard\"", "\"kind\":\"standard\",\"tags\":[\"friend\"]"),
		changed(f, changed(f, unnamed(f, "INV-3", "cus_3"), "\"total_minor\":120000", "\"total_minor\":5000"),
			"\"due_minor\":120000", "\"due_minor\":5000"),
		invoice_event(f, "INV-4", "cus_4", "2026-03-10", "asker"),
		changed(f, unnamed(f, "INV-5", "cus_5"), "\"kind\":\"company\"", "\"kind\":\"company\",\"policy\":\"asker\""));
	settle(f);
	explains(f, "INV-1", "caller", "rule", "large");
	explains(f, "INV-2", "gentle", "rule", "friends");
	explains(f, "INV-3", "ladder", "default", "");
	explains(f, "INV-4", "asker", "invoice", "");
	explains(f, "INV-5", "asker", "customer", "");
	assert_ctl(f, 0, "explain", "INV-2");
	assert_says(f, "the rule \"friends\" of policies.rules, the most careful of those that matched");
	assert_ctl(f, 0, "trail", "log", "INV-2", "--json");
	assert_says(f, "policy.chosen");
	assert_says(f, "\"rule\":\"friends\"");
	assert_ctl(f, 0, "show", "INV-2", "--json");
	assert_string_equal(text_of(output(f), "policy_by"), "rule");
}

/* How they paid before, as the events told it. */
static void rows_4_17_what_is_known_of_the_debtor_counts(void **state)
{
	struct fixture *f = *state;

	put_text(f, "share/policies/gentle.json", GENTLE);
	rules(f, "{\"id\":\"deposit-late\",\"policy\":\"caller\",\"if\":{\"deposits_late_min\":1}},"
		 "{\"id\":\"late-before\",\"policy\":\"caller\",\"if\":{\"paid_late_min\":1}},"
		 "{\"id\":\"always-in-time\",\"policy\":\"gentle\",\"if\":{\"paid_min\":1,\"paid_late_max\":0}}");
	start_flow(f, START);
	assert_ctl(f, 0, "push", unnamed(f, "OLD-1", "cus_1"), unnamed(f, "OLD-2", "cus_2"), unnamed(f, "INV-3", "cus_3"));
	settle(f);
	explains(f, "INV-3", "ladder", "default", "");
	assert_ctl(f, 0, "push", fact_event(f, "invoice.paid", "OLD-1", ",\"paid_at\":\"2026-03-02T08:00:00Z\""),
		fact_event(f, "invoice.paid", "OLD-2", ",\"paid_at\":\"2026-03-12T08:00:00Z\""));
	settle(f);
	wait_document(f, "OLD-2", "\"settled\":\"late\"");
	assert_ctl(f, 0, "push", unnamed(f, "NEW-1", "cus_1"), unnamed(f, "NEW-2", "cus_2"));
	settle(f);
	explains(f, "NEW-1", "gentle", "rule", "always-in-time");
	explains(f, "NEW-2", "caller", "rule", "late-before");
	/* Row 17: late once, who was treated gently is told so. Row 4: so is a deposit that comes late. */
	assert_ctl(f, 0, "push", fact_event(f, "invoice.paid", "NEW-1", ",\"paid_at\":\"2026-03-14T08:00:00Z\""),
		changed(f, unnamed(f, "DEP-4", "cus_4"), "\"kind\":\"standard\"", "\"kind\":\"deposit\""));
	settle(f);
	wait_document(f, "NEW-1", "\"settled\":\"late\"");
	assert_ctl(f, 0, "push", unnamed(f, "THEN-1", "cus_1"), fact_event(f, "invoice.paid", "DEP-4", ",\"paid_at\":\"2026-03-13T13:00:00Z\""));
	settle(f);
	explains(f, "THEN-1", "caller", "rule", "late-before");
	assert_ctl(f, 0, "explain", "THEN-1", "--json");
	assert_string_equal(text_of(output(f), "stricter_than"), "gentle");
	assert_ctl(f, 0, "push", unnamed(f, "WORK-4", "cus_4"));
	settle(f);
	explains(f, "WORK-4", "caller", "rule", "deposit-late");
	assert_ctl(f, 0, "explain", "WORK-4");
	assert_says(f, "1 paid; 1 came late or did not come yet");
}

/* The invoice may come before its customer: then it waits with the choice. */
static void the_choice_waits_for_the_customer(void **state)
{
	struct fixture *f = *state;
	const char *text, *at;

	rules(f, "{\"id\":\"french\",\"policy\":\"caller\",\"if\":{\"countries\":[\"FR\"]}}");
	start_flow(f, START);
	text = unnamed(f, "INV-1", "cus_1");
	at = strstr(text, "\"customer\":");
	assert_ctl(f, 0, "push", arena_printf(f->arena, "%.*s\"customer\":{\"id\":\"cus_1\"}}}", (int)(at - text), text));
	settle(f);
	wait_document(f, "INV-1", "\"held\":\"no_customer\"");
	explains(f, "INV-1", "", "", "");
	assert_ctl(f, 0, "explain", "INV-1");
	assert_says(f, "it is chosen once its customer is known");
	assert_ctl(f, 0, "check");
	assert_ctl(f, 0, "push", arena_printf(f->arena,
		"{\"specversion\":\"1.0\",\"id\":\"c1\",\"source\":\"https://billing.example\",\"type\":\"customer.updated\","
		"\"time\":\"2026-02-01T10:00:00Z\",\"data\":{%.*s}}", (int)strlen(at) - 2, at));
	settle(f);
	wait_document(f, "INV-1", "\"policy_rule\":\"french\"");
	explains(f, "INV-1", "caller", "rule", "french");
}

static void a_rule_for_nothing(void **state)
{
	struct fixture *f = *state;

	rules(f, "{\"id\":\"a\",\"policy\":\"nope\",\"if\":{\"paid_min\":1}}");
	assert_ctl(f, 78, "policy", "show");
	assert_says(f, "$.policies.rules[0].policy: \"nope\" must be one of the loaded ones");
}

/* --- the other channel --------------------------------------------------------------------------------------------------------------- */

static void by_the_other_channel(void **state)
{
	struct fixture *f = *state;

	put_text(f, "share/policies/ladder.json",
		POLICY("ladder", "{\"id\":\"reminder\",\"at\":\"due+1d\",\"channel\":\"email\",\"else\":\"sms\",\"template\":\"note\",\"tone\":\"friendly\"},"
			MAIL("second", "due+8d", "neutral")));
	f->refuses = CHANNEL_EMAIL;
	start_flow(f, START);
	assert_ctl(f, 0, "push", changed(f, invoice_event(f, "INV-1", "cus_1", "2026-02-20", "ladder"), "[\"email\",\"call\"]", "[\"email\",\"sms\"]"));
	settle(f);
	wait_document(f, "INV-1", "\"end\":\"sent\"");
	assert_int_equal(f->sent, 2);
	assert_ctl(f, 0, "timeline", "INV-1");
	assert_says(f, "reminder, sms");
	assert_ctl(f, 0, "explain", "INV-1", "--json");
	assert_string_equal(text_of(output(f), "step"), "second");
}

/* --- going over --------------------------------------------------------------------------------------------------------------------- */

/* The ladder as somebody changed it: later, with a step between. */
#define LATER                                                                                                                  \
	POLICY("ladder", MAIL("reminder", "due+1d", "friendly") "," MAIL("between", "due+6d", "friendly") ","                  \
			MAIL("second", "due+12d", "neutral") "," MAIL("last", "due+19d", "firm"))

static void to_a_new_version(void **state)
{
	struct fixture *f = *state;
	const char *old;

	start_flow(f, START);
	assert_ctl(f, 0, "push", invoice_event(f, "INV-1", "cus_1", "2026-02-20", "ladder"), invoice_event(f, "INV-2", "cus_2", "2026-02-20", "ladder"));
	settle(f);
	wait_document(f, "INV-1", "\"end\":\"sent\"");
	wait_document(f, "INV-2", "\"end\":\"sent\"");
	assert_int_equal(f->sent, 2);
	assert_ctl(f, 0, "explain", "INV-1", "--json");
	old = arena_strdup(f->arena, text_of(output(f), "policy_digest"));
	assert_ctl(f, 0, "policy", "migrate", "--from", "ladder", "--to", "ladder");
	assert_says(f, "No open invoice walks it.");
	put_text(f, "share/policies/ladder.json", LATER);
	assert_ctl(f, 0, "policy", "migrate", "--from", "ladder", "--to", "ladder");
	assert_says(f, "2 open: 2 can go over to ladder");
	assert_says(f, "between");
	assert_says(f, "Nothing is changed yet");
	assert_ctl(f, 0, "policy", "simulate", "--policy", "ladder", "--days", "10"); /* foretells what it will do */
	assert_says(f, "between");
	assert_ctl(f, 2, "policy", "migrate", "--from", "ladder", "--to", "ladder", "--yes"); /* nobody knows why */
	assert_ctl(f, 1, "policy", "migrate", "--from", "ladder", "--to", "ladder", "--yes", "--why", "agreed");
	assert_says(f, "dunningctl reload"); /* the daemon does not know it yet */
	stop_flow(f);
	start_flow(f, START);
	assert_ctl(f, 0, "explain", "INV-1", "--json");
	assert_string_equal(text_of(output(f), "policy_digest"), old); /* nothing moves by itself */
	assert_string_equal(text_of(output(f), "step"), "second");
	assert_ctl(f, 0, "hold", "INV-2", "we are talking");
	assert_ctl(f, 0, "policy", "migrate", "--from", arena_printf(f->arena, "ladder@%.8s", old), "--to", "ladder", "--yes", "--why", "agreed");
	assert_says(f, "Told to the daemon: 2 invoices to ladder");
	settle(f);
	assert_ctl(f, 0, "explain", "INV-1", "--json");
	assert_string_not_equal(text_of(output(f), "policy_digest"), old);
	assert_string_equal(text_of(output(f), "policy_by"), "operator");
	assert_string_equal(text_of(output(f), "step"), "between"); /* behind what was sent, five days later */
	assert_string_equal(text_of(output(f), "at"), "2026-03-09T08:00:00Z");
	wait_document(f, "INV-2", "\"held\":\"operator\""); /* a hold goes along */
	assert_int_equal(f->sent, 2);
	assert_ctl(f, 0, "trail", "log", "INV-1", "--json");
	assert_says(f, "policy.migrated");
	assert_says(f, "\"who\":\"ann\"");
	assert_says(f, "\"why\":\"agreed\"");
	assert_says(f, old);
	assert_ctl(f, 0, "policy", "migrate", "--from", "ladder", "--to", "ladder");
	assert_says(f, "No open invoice walks it.");
	assert_ctl(f, 0, "check");
	assert_ctl(f, 0, "dead", "list");
	assert_says(f, "There are no dead letters");
}

static void to_another_policy(void **state)
{
	struct fixture *f = *state;

	start_flow(f, START);
	assert_ctl(f, 0, "push", invoice_event(f, "INV-1", "cus_1", "2026-02-20", "ladder"), invoice_event(f, "INV-2", "cus_2", "2026-03-20", "ladder"));
	settle(f);
	wait_document(f, "INV-1", "\"end\":\"sent\"");
	assert_ctl(f, 0, "policy", "migrate", "--from", "ladder", "--to", "caller", "--yes", "--why", "new terms");
	assert_says(f, "name one with --at");
	assert_says(f, "1 invoice to caller");
	settle(f);
	explains(f, "INV-1", "ladder", "invoice", "");
	explains(f, "INV-2", "caller", "operator", "");
	assert_ctl(f, 1, "policy", "migrate", "--from", "ladder", "--to", "caller", "--at", "nothing");
	assert_ctl(f, 0, "policy", "migrate", "--from", "ladder", "--to", "caller", "--at", "after", "--yes", "--why", "new terms");
	settle(f);
	explains(f, "INV-1", "caller", "operator", "");
	assert_ctl(f, 0, "explain", "INV-1", "--json");
	assert_string_equal(text_of(output(f), "step"), "after");
	assert_int_equal(f->sent, 1);
}

/* Told to the daemon too late, or against what it knows: it says so, and nothing moves. */
static void what_the_daemon_refuses(void **state)
{
	struct fixture *f = *state;
	const char *digest, *caller;

	f->answer = OUTCOME_IN_DOUBT;
	start_flow(f, START);
	digest = library_policy(f->library, "ladder")->digest;
	caller = library_policy(f->library, "caller")->digest;
	assert_ctl(f, 0, "push", invoice_event(f, "INV-1", "cus_1", "2026-02-20", "ladder"), invoice_event(f, "INV-2", "cus_2", "2026-03-20", "ladder"));
	settle(f);
	wait_document(f, "INV-1", "\"state\":\"in_doubt\"");
	assert_ctl(f, 0, "policy", "migrate", "--from", "ladder", "--to", "caller");
	assert_says(f, "again when that is settled");
	const struct {
		const char *id, *invoice, *to, *from, *reason;
	} told[] = {
		{ "m1", "INV-1", caller, digest, "under_way" },
		{ "m2", "INV-2", caller, caller, "moved" },
		{ "m3", "INV-2", "00", digest, "unknown_policy" },
	};

	for (size_t i = 0; i < ARRAY_LEN(told); i++) {
		const char *text = arena_printf(f->arena,
			"{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"test\",\"type\":\"operator.command\",\"time\":\"2026-03-02T09:00:00Z\","
			"\"data\":{\"command\":\"migrate\",\"target\":\"%s\",\"who\":\"ann\",\"why\":\"x\",\"policy_digest\":\"%s\",\"from_digest\":\"%s\"}}",
			told[i].id, told[i].invoice, told[i].to, told[i].from);

		(void)redis(f, "XADD", "dunning:{0}:events:operator", "*", "event", text, NULL);
		settle(f);
		assert_ctl(f, 0, "dead", "list", "--reason", told[i].reason, "--json");
		assert_int_equal(json_len(output(f)), 1);
	}
	explains(f, "INV-1", "ladder", "invoice", "");
	explains(f, "INV-2", "ladder", "invoice", "");
}

static void policies_and_templates(void **state)
{
	struct fixture *f = *state;
	const char *bad = arena_printf(f->arena, "%s/bad.json", f->dir), *good = arena_printf(f->arena, "%s/policies/ladder.json", f->share);

	put_text(f, "bad.json", "{\"name\":\"bad\",\"steps\":[{\"id\":\"x\",\"at\":\"due+1x\"}]}");
	assert_ctl(f, 0, "policy", "check");
	assert_says(f, "ladder.json: ok");
	assert_ctl(f, 0, "policy", "check", good);
	assert_ctl(f, 1, "policy", "check", good, bad, "--json");
	assert_says(f, "$.steps[0]");
	put_text(f, "bad.json", POLICY("bad", MAIL("reminder", "due+1d", "friendly") "," MAIL("second", "due+1d", "legal")));
	assert_ctl(f, 1, "policy", "check", bad);
	assert_says(f, "error bunched: $.steps[1].at (\"second\"): it lies 0 days behind \"reminder\"");
	assert_says(f, "\n    move one of them, or make min_gap smaller\n");
	assert_says(f, "error threat_alone: $.steps[1].tone");
	assert_says(f, "warning legal_undecided: $.steps[1].tone");
	assert_ctl(f, 1, "policy", "check", bad, "--json");
	assert_says(f, "\"severity\":\"error\",\"finding\":\"bunched\",\"path\":\"$.steps[1].at\",\"step\":\"second\"");
	put_text(f, "mine.json", "{\"name\":\"mine\",\"extends\":\"ladder\",\"steps\":[{\"id\":\"last\",\"remove\":true}]}");
	assert_ctl(f, 0, "policy", "check", arena_printf(f->arena, "%s/mine.json", f->dir));
	put_text(f, "mine.json", "{\"name\":\"mine\",\"extends\":\"ladder\",\"steps\":[{\"id\":\"lost\",\"remove\":true}]}");
	assert_ctl(f, 1, "policy", "check", arena_printf(f->arena, "%s/mine.json", f->dir));
	assert_says(f, "which has reminder, second, last");
	put_text(f, "share/policies/short.json", "{\"name\":\"short\",\"extends\":\"ladder\",\"steps\":[{\"id\":\"last\",\"remove\":true}]}");
	assert_ctl(f, 0, "policy", "show", "short");
	assert_says(f, "Extends");
	assert_says(f, "due+8d");
	assert_ctl(f, 0, "policy", "show");
	assert_says(f, "caller");
	assert_ctl(f, 0, "policy", "show", "caller");
	assert_says(f, "due+10d");
	put_text(f, "share/policies/asking.json",
		POLICY("asking", "{\"id\":\"ask\",\"at\":\"due+9d\",\"gate\":\"decision\",\"role\":\"owner\",\"owner\":\"Ines\",\"approver\":\"Mme Durand\"}"));
	assert_ctl(f, 0, "policy", "show", "asking");
	assert_says(f, "Ines");
	assert_says(f, "Mme Durand"); /* who alone may answer */
	assert_ctl(f, 1, "policy", "show", "nobody");
	assert_ctl(f, 0, "template", "preview", "note");
	assert_says(f, "Subject          Invoice F-2026-0042");
	assert_says(f, "1,200.00");
	assert_ctl(f, 0, "template", "preview", "ladder/reminder", "--html");
	assert_says(f, "<p>");
	assert_ctl(f, 1, "template", "preview", "nothing");
	put_text(f, "share/policies/ladder.json", "{");
	assert_ctl(f, 78, "policy", "check");
	assert_says(f, "ladder.json");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(the_most_careful_rule_wins),
		TEST(rows_4_17_what_is_known_of_the_debtor_counts),
		TEST(the_choice_waits_for_the_customer),
		TEST(a_rule_for_nothing),
		TEST(by_the_other_channel),
		TEST(to_a_new_version),
		TEST(to_another_policy),
		TEST(what_the_daemon_refuses),
		TEST(policies_and_templates),
	};

	return cmocka_run_group_tests_name("policies", tests, NULL, NULL);
}
