/* dunningctl as people and scripts use it, beside a flow that runs: what it shows, what it orders, what it refuses. */
#include "tests/integration/ctl_fixture.h"

/* --- looking ---------------------------------------------------------------------------------------------------------------------- */

static void next_step_of_an_open_invoice(void **state)
{
	struct fixture *f = *state;

	start_flow(f, START);
	assert_ctl(f, 0, "push", invoice_event(f, "INV-1", "cus_1", "2026-03-10", "ladder"));
	settle(f);
	wait_document(f, "INV-1", "\"state\":\"waiting\"");
	assert_ctl(f, 0, "explain", "INV-1");
	assert_says(f, "Step reminder goes out 2026-03-11 09:00");
	assert_says(f, "(08:00Z), in 8 days");
	assert_says(f, "due+1d");
	assert_says(f, "compta@dupont.example");
	assert_ctl(f, 0, "explain", "INV-1", "--json");
	assert_string_equal(text_of(output(f), "action"), "contact");
	assert_string_equal(text_of(output(f), "at"), "2026-03-11T08:00:00Z");
	assert_string_equal(text_of(output(f), "zone"), "Europe/Paris");
	assert_string_equal(text_of(output(f), "rule"), "schedule");
	assert_string_equal(text_of(output(f), "step"), "reminder");
	assert_string_equal(text_of(output(f), "timer"), "2026-03-03T08:00:00Z"); /* before that others hear that it will be due */
	assert_ctl(f, 0, "list");
	assert_says(f, "INV-1");
	assert_says(f, "1200.00 EUR");
	assert_ctl(f, 0, "show", "INV-1", "--json");
	assert_string_equal(text_of(output(f), "customer_name"), "Dupont");
	assert_ctl(f, 0, "check");
	assert_says(f, "1 open of 1: 1 with a next action, 0 held");
}

static void a_second_step_keeps_its_distance(void **state)
{
	struct fixture *f = *state;

	start_flow(f, START);
	assert_ctl(f, 0, "push", invoice_event(f, "INV-1", "cus_1", "2026-02-20", "ladder")); /* reminder was owed on the 21st */
	settle(f);
	wait_document(f, "INV-1", "\"end\":\"sent\"");
	assert_int_equal(f->sent, 1);
	assert_ctl(f, 0, "explain", "INV-1", "--json");
	assert_string_equal(text_of(output(f), "step"), "second");
	assert_string_equal(text_of(output(f), "rule"), "spacing");
	assert_string_equal(text_of(output(f), "at"), "2026-03-09T08:00:00Z"); /* seven days after the reminder of today */
	assert_ctl(f, 0, "timeline", "INV-1");
	assert_says(f, "2026-03-02 10:00 CET (09:00Z)");
	assert_says(f, "contact.submitted");
	assert_says(f, "reminder, email");
	assert_ctl(f, 0, "trail", "log", "INV-1");
	assert_says(f, "attempt.intent");
	assert_says(f, "attempt.submitted");
}

/* What was walked in shadow mode looks like it wherever a person looks, also when the outbound stream was trimmed. */
static void a_trial_run_says_so(void **state)
{
	struct fixture *f = *state;

	f->config->shadow = true;
	start_flow(f, START);
	assert_ctl(f, 0, "push", invoice_event(f, "INV-1", "cus_1", "2026-02-20", "ladder"));
	settle(f);
	wait_document(f, "INV-1", "\"reason\":\"shadow\"");
	assert_ctl(f, 0, "timeline", "INV-1");
	assert_says(f, "contact.reserved          reminder, email, attempt");
	assert_string_equal(strstr(strchr(strstr(buf_str(&f->out), "contact.submitted"), ','), "trial run") ? "it says so" : buf_str(&f->out), "it says so");
	assert_ctl(f, 0, "show", "INV-1");
	assert_says(f, "1 step walked in shadow mode: trial run, not sent");
	(void)redis(f, "DEL", "dunning:{0}:outbound", NULL);
	assert_ctl(f, 0, "timeline", "INV-1");
	assert_says(f, "contact.submitted         reminder, trial run, not sent, attempt");
	stop_flow(f);
	f->config->shadow = false;
	start_flow(f, START);
	assert_ctl(f, 0, "push", invoice_event(f, "INV-2", "cus_2", "2026-02-20", "ladder"));
	settle(f);
	wait_document(f, "INV-2", "\"end\":\"sent\"");
	assert_ctl(f, 0, "timeline", "INV-2");
	assert_null(strstr(buf_str(&f->out), "trial"));
	assert_ctl(f, 0, "show", "INV-2");
	assert_null(strstr(buf_str(&f->out), "shadow"));
	assert_ctl(f, 0, "push", fact_event(f, "invoice.paid", "INV-2", ""), invoice_event(f, "INV-3", "cus_2", "2026-03-20", "ladder"));
	settle(f);
	wait_document(f, "INV-2", "\"closed\":\"paid\"");
	wait_document(f, "INV-3", "\"state\":\"waiting\"");
	assert_ctl(f, 0, "explain", "INV-2"); /* it is none of those that were paid before it */
	assert_null(strstr(buf_str(&f->out), "The debtor"));
	assert_ctl(f, 0, "explain", "INV-3");
	assert_says(f, "paid 1 other invoice, 1 of them late");
	assert_ctl(f, 0, "explain", "INV-1", "--json"); /* what was walked stays walked */
	assert_string_equal(text_of(output(f), "step"), "second");
}

static void one_contact_for_two_invoices(void **state)
{
	struct fixture *f = *state;

	start_flow(f, START);
	assert_ctl(f, 0, "push", invoice_event(f, "INV-1", "cus_1", "2026-03-10", "ladder"), invoice_event(f, "INV-2", "cus_1", "2026-03-10", "ladder"));
	settle(f);
	wait_document(f, "INV-2", "\"state\":\"waiting\"");
	assert_ctl(f, 0, "explain", "INV-2", "--json");
	assert_string_equal(text_of(output(f), "together_with"), "INV-1");
	assert_string_equal(text_of(output(f), "led_by"), "INV-1");
}

static void a_hold_and_its_end(void **state)
{
	struct fixture *f = *state;

	start_flow(f, START);
	assert_ctl(f, 0, "push", invoice_event(f, "INV-1", "cus_1", "2026-03-10", "ladder"), invoice_event(f, "INV-2", "cus_2", "2026-03-10", "ladder"),
		fact_event(f, "promise.made", "INV-2", ",\"promise_id\":\"p1\",\"until_on\":\"2026-03-20\""));
	settle(f);
	assert_ctl(f, 0, "hold", "INV-1", "we are talking", "--until", "5d");
	settle(f);
	wait_document(f, "INV-1", "\"held\":\"operator\"");
	wait_document(f, "INV-2", "\"held\":\"promise\"");
	assert_ctl(f, 0, "explain", "INV-1", "--json");
	assert_string_equal(text_of(output(f), "action"), "hold");
	assert_string_equal(text_of(output(f), "at"), "2026-03-07T09:00:00Z");
	assert_string_equal(text_of(output(f), "hold_by"), "ann");
	assert_string_equal(text_of(output(f), "hold_why"), "we are talking");
	assert_ctl(f, 0, "explain", "INV-2");
	assert_says(f, "the debtor promised to pay");
	assert_says(f, "2026-03-20");
	assert_ctl(f, 0, "list", "--held", "--json");
	assert_int_equal(json_len(output(f)), 2);
	assert_ctl(f, 0, "check");
	assert_says(f, "2 open of 2: 0 with a next action, 2 held with an end");
	assert_ctl(f, 0, "resume", "INV-1", "they said no");
	settle(f);
	assert_ctl(f, 0, "explain", "INV-1", "--json");
	assert_string_equal(text_of(output(f), "action"), "contact");
	assert_ctl(f, 0, "resume", "INV-2", "why not");
	assert_says(f, "follows from facts");
	assert_ctl(f, 0, "trail", "log", "INV-1", "--json");
	assert_says(f, "\"who\":\"ann\"");
	assert_says(f, "we are talking");
}

static void what_is_unknown_or_closed(void **state)
{
	struct fixture *f = *state;

	start_flow(f, START);
	assert_ctl(f, 0, "push", invoice_event(f, "INV-1", "cus_1", "2026-03-10", "ladder"), fact_event(f, "invoice.voided", "INV-1", ""));
	settle(f);
	wait_document(f, "INV-1", "\"state\":\"closed\"");
	assert_ctl(f, 0, "explain", "INV-1");
	assert_says(f, "Closed (voided)");
	assert_ctl(f, 1, "skip", "INV-1", "no");
	assert_says(f, "is closed");
	assert_ctl(f, 1, "explain", "INV-9");
	assert_ctl(f, 1, "hold", "INV-9", "no");
	assert_ctl(f, 1, "hold", "INV-9", "no", "--json");
	assert_says(f, "\"error\":\"unknown_invoice\"");
	assert_ctl(f, 2, "explain", "no id");
	assert_ctl(f, 0, "list", "--json");
	assert_int_equal(json_len(output(f)), 0);
	assert_ctl(f, 0, "list", "--all", "--json");
	assert_int_equal(json_len(output(f)), 1);
	assert_ctl(f, 0, "list", "--state", "closed", "--json");
	assert_int_equal(json_len(output(f)), 1);
	assert_ctl(f, 2, "list", "--state", "sleeping");
	assert_ctl(f, 1, "list", "--customer", "cus_9");
	assert_int_equal(redis(f, "XLEN", "dunning:{0}:events:operator", NULL)->integer, 0);
}

static bool nothing_is_due(struct fixture *f, const void *now)
{
	return redis(f, "ZCOUNT", "dunning:{0}:due", "-inf", now, NULL)->integer == 0;
}

/* More than one page of timers, and more than the limit. */
static void a_longer_list(void **state)
{
	struct fixture *f = *state;
	struct json first;

	start_flow(f, START);
	for (int i = 0; i < 620; i++)
		(void)redis(f, "XADD", "dunning:{0}:events", "*", "event", invoice_event(f, arena_printf(f->arena, "INV-%03d", i),
			arena_printf(f->arena, "cus_%d", i % 100), i == 619 ? "2026-03-09" : "2026-03-10", "ladder"), NULL);
	settle(f);
	wait_document(f, "INV-619", "\"state\":\"waiting\"");
	wait_for(f, nothing_is_due, "1772442000000", "every invoice was looked at"); /* START */
	assert_ctl(f, 0, "list", "--json");
	assert_int_equal(json_len(output(f)), 200);
	first = json_at(output(f), 0);
	assert_string_equal(text_of(&first, "invoice"), "INV-619"); /* the soonest */
	assert_ctl(f, 0, "list", "--limit", "5");
	assert_says(f, "there are more");
	assert_ctl(f, 0, "list", "--limit", "0", "--json");
	assert_int_equal(json_len(output(f)), 620);
	assert_ctl(f, 0, "list", "--customer", "cus_7", "--json");
	assert_int_equal(json_len(output(f)), 7);
	assert_ctl(f, 0, "list", "--all", "--limit", "0", "--json");
	assert_int_equal(json_len(output(f)), 620);
	assert_ctl(f, 0, "check", "--json");
	assert_int_equal(number_of(output(f), "open"), 620);
	assert_ctl(f, 0, "timeline", "INV-619", "--json");
	first = json_at(output(f), 0);
	assert_string_equal(text_of(&first, "what"), "invoice");
	first = json_at(output(f), 1);
	assert_string_equal(text_of(&first, "what"), "escalation.opened");
}

/* --- people's work ---------------------------------------------------------------------------------------------------------------- */

static void a_call_is_done(void **state)
{
	struct fixture *f = *state;

	start_flow(f, START);
	assert_ctl(f, 0, "push", invoice_event(f, "INV-1", "cus_1", "2026-02-28", "caller"));
	settle(f);
	wait_document(f, "INV-1", "\"state\":\"task\"");
	assert_ctl(f, 0, "tasks", "--script");
	assert_says(f, "call:INV-1:call");
	assert_says(f, "2026-03-04 17:30");
	assert_says(f, "1,200.00");
	assert_ctl(f, 0, "explain", "INV-1");
	assert_says(f, "waits for a person");
	assert_ctl(f, 1, "task", "done", "call:INV-1:call", "they will pay on Friday"); /* then it is a promise, and is held and confirmed as one */
	assert_says(f, "dunningctl call log call:INV-1:call NOTES --outcome WORD");
	assert_says(f, "dunningctl skip INV-1 WHY");
	assert_ctl(f, 1, "task", "done", "check_sent:INV-9", "what");
	assert_says(f, "no open task");
	assert_ctl(f, 0, "call", "log", "call:INV-1:call", "the machine answers", "--outcome", "voicemail");
	settle(f);
	wait_document(f, "INV-1", "\"end\":\"done\"");
	assert_ctl(f, 0, "tasks");
	assert_says(f, "Nothing waits");
	assert_ctl(f, 0, "check");
}

static void a_call_that_nobody_makes(void **state)
{
	struct fixture *f = *state;

	start_flow(f, START);
	assert_ctl(f, 0, "push", invoice_event(f, "INV-1", "cus_1", "2026-02-28", "caller"));
	settle(f);
	wait_document(f, "INV-1", "\"state\":\"task\"");
	assert_ctl(f, 0, "skip", "INV-1", "they asked not to be called");
	settle(f);
	wait_document(f, "INV-1", "\"end\":\"skipped\"");
	assert_ctl(f, 0, "tasks");
	assert_says(f, "Nothing waits");
}

static void a_gate_is_decided(void **state)
{
	struct fixture *f = *state;

	start_flow(f, START);
	assert_ctl(f, 0, "push", invoice_event(f, "INV-1", "cus_1", "2026-02-28", "asker"), invoice_event(f, "INV-2", "cus_2", "2026-02-28", "asker"));
	settle(f);
	wait_document(f, "INV-1", "\"state\":\"gate\"");
	wait_document(f, "INV-2", "\"state\":\"gate\"");
	assert_ctl(f, 1, "task", "done", "decision:INV-1:worth-it", "what");
	assert_says(f, "dunningctl decide");
	assert_ctl(f, 2, "decide", "INV-1", "perhaps", "why");
	assert_ctl(f, 1, "decide", "INV-1", "sent", "why");
	assert_ctl(f, 0, "decide", "decision:INV-1:worth-it", "continue", "worth it");
	assert_ctl(f, 0, "decide", "INV-2", "stop", "too small");
	settle(f);
	wait_document(f, "INV-1", "\"state\":\"waiting\"");
	wait_document(f, "INV-2", "\"closed\":\"stopped\"");
}

static void a_message_in_doubt(void **state)
{
	struct fixture *f = *state;

	f->answer = OUTCOME_IN_DOUBT;
	start_flow(f, START);
	assert_ctl(f, 0, "push", invoice_event(f, "INV-1", "cus_1", "2026-02-28", "ladder"));
	settle(f);
	wait_document(f, "INV-1", "\"state\":\"in_doubt\"");
	assert_ctl(f, 0, "explain", "INV-1", "--json");
	assert_string_equal(text_of(output(f), "action"), "settle_doubt");
	assert_ctl(f, 0, "check");
	assert_ctl(f, 1, "skip", "INV-1", "no");
	assert_says(f, "in doubt");
	assert_ctl(f, 0, "decide", "INV-1", "sent", "the debtor has it");
	settle(f);
	wait_document(f, "INV-1", "\"end\":\"sent\"");
}

static void a_step_is_skipped(void **state)
{
	struct fixture *f = *state;

	start_flow(f, START);
	assert_ctl(f, 0, "push", invoice_event(f, "INV-1", "cus_1", "2026-03-10", "ladder"));
	settle(f);
	assert_ctl(f, 1, "skip", "INV-1", "no", "--step", "third");
	assert_says(f, "has no step \"third\"");
	assert_ctl(f, 0, "skip", "INV-1", "they know");
	settle(f);
	wait_document(f, "INV-1", "\"end\":\"skipped\"");
	assert_ctl(f, 1, "skip", "INV-1", "again", "--step", "reminder");
	assert_says(f, "over already");
	assert_ctl(f, 0, "explain", "INV-1", "--json");
	assert_string_equal(text_of(output(f), "step"), "second");
	assert_ctl(f, 0, "hold", "INV-1", "we speak with them");
	settle(f);
	assert_ctl(f, 0, "retry", "INV-1", "at once");
	assert_says(f, "it stays held (operator)");
	settle(f);
	assert_ctl(f, 0, "explain", "INV-1", "--json");
	assert_string_equal(text_of(output(f), "action"), "hold"); /* whoever put it there has not taken it back */
}

/* --- pushing ---------------------------------------------------------------------------------------------------------------------- */

static void events_from_everywhere(void **state)
{
	struct fixture *f = *state;
	const char *one = invoice_event(f, "INV-1", "c1", "2026-03-10", "ladder"), *two = invoice_event(f, "INV-2", "c1", "2026-03-10", "ladder");
	char path[100];

	(void)snprintf(path, sizeof(path), "%s/events", f->dir);
	put_text(f, "events", arena_printf(f->arena, "%s\n\n%s\n", one, two));
	assert_ctl(f, 0, "push", path, "--json");
	assert_int_equal(json_len(output(f)), 2);
	put_text(f, "events", arena_printf(f->arena, "[%s,\n%s]", one, two));
	assert_ctl(f, 0, "push", path, "--json");
	assert_int_equal(json_len(output(f)), 2);
	assert_int_equal(ctl_input(f, one, "push", "-"), 0);
	assert_int_equal(ctl_input(f, one, "push"), 0);
	assert_ctl(f, 0, "push", "--dry-run", one);
	assert_int_equal(redis(f, "XLEN", "dunning:{0}:events", NULL)->integer, 6);
}

static void one_bad_event_stops_all(void **state)
{
	struct fixture *f = *state;
	const char *good = invoice_event(f, "INV-1", "c1", "2026-03-10", "ladder"), *bad = invoice_event(f, "INV-2", "c1", "2026-13-10", "ladder");
	char path[100];

	(void)snprintf(path, sizeof(path), "%s/events", f->dir);
	put_text(f, "events", arena_printf(f->arena, "%s\n%s\n", good, bad));
	assert_ctl(f, 1, "push", path);
	assert_says(f, "events:2");
	assert_says(f, "bad_date");
	assert_says(f, "$.data.invoice.due_on");
	assert_says(f, "1 of 2 events are refused, so none was pushed");
	assert_ctl(f, 1, "push", "{\"specversion\":");
	assert_ctl(f, 1, "push", good, "--producer", "nobody");
	assert_says(f, "no producer \"nobody\"");
	assert_ctl(f, 1, "push", good, "--producer", "operator");
	assert_says(f, "may not send");
	assert_ctl(f, 1, "push", "/nowhere/at/all");
	assert_int_equal(redis(f, "EXISTS", "dunning:{0}:events", NULL)->integer, 0);
}

/* With several partitions an event goes where its customer is, and one that names none goes nowhere. */
static void to_its_partition(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_clear) struct buf text = { 0 };
	const char *at, *letter, *stream;
	uint32_t wrong;

	assert_int_equal(file_read(f->config_file, 65536, &text, NULL), 0);
	at = strstr(text.data, "\"state_dir\"");
	put_text(f, "dunningd.json", arena_printf(f->arena, "%.*s\"partitions\":8,%s", (int)(at - text.data), text.data, at));
	for (int i = 0; i < 20; i++) {
		const char *customer = arena_printf(f->arena, "cus_%d", i);
		struct json first;

		assert_ctl(f, 0, "push", "--json", invoice_event(f, arena_printf(f->arena, "INV-%d", i), customer, "2026-03-10", "ladder"));
		first = json_at(output(f), 0);
		assert_string_equal(text_of(&first, "stream"), arena_printf(f->arena, "dunning:{%u}:events", partition_of(customer, 8)));
	}
	assert_ctl(f, 1, "push", fact_event(f, "invoice.voided", "INV-1", ""));
	assert_says(f, "must name its customer");
	letter = invoice_event(f, "INV-30", "cus_30", "2026-03-10", "ladder"); /* beside its partition: a dead letter of there finds the way */
	stream = arena_printf(f->arena, "dunning:{%u}:events:bank", partition_of("cus_30", 8));
	wrong = (partition_of("cus_30", 8) + 1) % 8;
	(void)redis(f, "XADD", arena_printf(f->arena, "dunning:{%u}:dead", wrong), "1-0", "event", letter, "reason", "wrong_partition", "stream",
		arena_printf(f->arena, "dunning:{%u}:events:bank", wrong), "id", "1-1", NULL);
	assert_ctl(f, 0, "dead", "replay", "--reason", "wrong_partition");
	assert_int_equal(redis(f, "XLEN", stream, NULL)->integer, 1);
	assert_ctl(f, 0, "dead", "list", "--json");
	assert_int_equal(json_len(output(f)), 0);
	assert_ctl(f, 1, "show", "INV-1"); /* looked for in all of them */
	assert_ctl(f, 0, "list");
	assert_ctl(f, 0, "check");
	assert_ctl(f, 0, "tasks");
}

static void dead_letters(void **state)
{
	struct fixture *f = *state;
	const char *id, *later = invoice_event(f, "INV-2", "c2", "2026-03-10", "later");
	struct json first;

	start_flow(f, START);
	(void)redis(f, "XADD", "dunning:{0}:events", "*", "event", "{\"no\":\"event\"", NULL);
	assert_ctl(f, 0, "push", later); /* a policy that is not there yet */
	settle(f);
	assert_ctl(f, 0, "dead", "list", "--json");
	assert_int_equal(json_len(output(f)), 2);
	assert_ctl(f, 0, "dead", "list", "--reason", "unknown_policy", "--json");
	assert_int_equal(json_len(output(f)), 1);
	first = json_at(output(f), 0);
	id = arena_strdup(f->arena, text_of(&first, "letter"));
	assert_string_equal(text_of(&first, "invoice"), "INV-2");
	assert_ctl(f, 0, "dead", "show", id);
	assert_says(f, "https://billing.example");
	assert_ctl(f, 1, "dead", "show", "77-7");
	assert_ctl(f, 2, "dead", "replay");
	assert_ctl(f, 1, "dead", "replay", "--all"); /* one of them will never be an event */
	assert_says(f, "would be refused again");
	assert_says(f, "1 replayed, 1 refused");
	settle(f);
	assert_ctl(f, 0, "dead", "drop", "--all", "--json");
	assert_int_equal(number_of(output(f), "dropped"), 2);
	assert_ctl(f, 0, "dead", "list");
	assert_says(f, "There are no dead letters");
}

/* --- check ------------------------------------------------------------------------------------------------------------------------ */

static void find_one(struct fixture *f, const char *finding)
{
	struct json findings, first;

	assert_ctl(f, 1, "check", "--json");
	findings = json_get(output(f), "findings");
	assert_int_equal(json_len(&findings), 1);
	first = json_at(&findings, 0);
	assert_string_equal(text_of(&first, "invoice"), "INV-1");
	assert_string_equal(text_of(&first, "finding"), finding);
}

static void in_state(struct fixture *f, const char *key, const char *document, const char *state)
{
	static const char waiting[] = "\"state\":\"waiting\"";
	const char *at = strstr(document, waiting);

	(void)redis(f, "SET", key, arena_printf(f->arena, "%.*s%s%s", (int)(at - document), document, state, at + strlen(waiting)), NULL);
}

static void what_check_finds(void **state)
{
	static const char key[] = "dunning:{0}:escalation:INV-1", due[] = "dunning:{0}:due";
	struct fixture *f = *state;
	const char *document, *score;

	start_flow(f, START);
	assert_ctl(f, 0, "push", invoice_event(f, "INV-1", "cus_1", "2026-03-10", "ladder"), invoice_event(f, "INV-2", "cus_2", "2026-03-10", "ladder"));
	settle(f);
	wait_document(f, "INV-1", "\"state\":\"waiting\"");
	stop_flow(f);
	assert_ctl(f, 0, "check");
	document = redis(f, "GET", key, NULL)->str;
	score = redis(f, "ZSCORE", due, "INV-1", NULL)->str;

	(void)redis(f, "ZREM", due, "INV-1", NULL);
	find_one(f, "no_timer");
	(void)redis(f, "ZADD", due, "1999999999999", "INV-1", NULL);
	find_one(f, "late_timer");
	(void)redis(f, "ZADD", due, score, "INV-1", NULL);
	assert_ctl(f, 0, "check");
	(void)redis(f, "SET", key, "{\"schema\":1", NULL);
	find_one(f, "not_ours");
	/* as a lost outcome, a lost task, a time that was never set would leave it */
	in_state(f, key, document, "\"state\":\"sending\",\"step\":\"reminder\",\"attempt\":\"01LOST\",\"look_at\":1799999999000");
	find_one(f, "lost_attempt");
	in_state(f, key, document, "\"state\":\"task\",\"step\":\"reminder\",\"task\":\"call:INV-1:x\",\"look_at\":1799999999000");
	find_one(f, "lost_task");
	in_state(f, key, document, "\"state\":\"task\",\"step\":\"reminder\",\"task\":\"call:INV-1:x\"");
	find_one(f, "no_time");
	(void)redis(f, "SET", key, document, NULL);
	assert_ctl(f, 0, "check");
}

/* Without the configuration there is Redis alone: what the daemon noted is told, and that it is only that. */
static void by_redis_alone(void **state)
{
	struct fixture *f = *state;
	const char *redis_url;

	start_flow(f, START);
	redis_url = arena_printf(f->arena, "unix://%s", f->redis.socket);
	assert_ctl(f, 0, "push", invoice_event(f, "INV-1", "cus_1", "2026-03-10", "ladder"));
	settle(f);
	assert_ctl(f, 0, "hold", "INV-1", "why");
	settle(f);
	wait_document(f, "INV-1", "\"held\":\"operator\"");
	(void)unlink(f->config_file);
	assert_ctl(f, 78, "explain", "INV-1");
	f->bare = true;
	assert_ctl(f, 0, "--redis", redis_url, "--json", "explain", "INV-1");
	assert_string_equal(text_of(output(f), "action"), "hold");
	assert_string_equal(text_of(output(f), "rule"), "operator");
	assert_string_equal(text_of(output(f), "at"), "2026-04-01T09:00:00Z");
	assert_says(f, "\"by_rules\":false");
}

/* --- the daemon's socket ---------------------------------------------------------------------------------------------------------- */

static void on_status(struct json_writer *w, void *arg)
{
	(void)arg;
	jw_str(w, "version", "0.0");
	jw_array(w, "partitions");
	jw_object(w, NULL);
	jw_int(w, "partition", 0);
	jw_str(w, "state", "running");
	jw_str(w, "holding", "brake");
	jw_end_object(w);
	jw_end_array(w);
}

static int on_suspend(const char *who, const char *why, int64_t until, struct json_writer *elsewhere, struct err *err, void *arg)
{
	struct fixture *f = arg;
	char text[UTC_TEXT_SIZE];

	(void)elsewhere, (void)err;
	assert_string_equal(who, "ann");
	assert_string_equal(why, "bank is down");
	assert_string_equal(utc_format(until, text), "2026-03-02T13:00:00Z");
	assert_true(dunner_suspend(f->dunner, who, why, until));
	return 0;
}

static int on_release(const char *who, const char *why, struct json_writer *elsewhere, struct err *err, void *arg)
{
	(void)who, (void)why, (void)elsewhere, (void)arg;
	return err_set(err, -EBUSY, "not_now", "", "the trail cannot be written");
}

static int on_reload(struct err *err, void *arg)
{
	(void)arg;
	return err_set(err, -EBADMSG, "wrong_type", "$.steps", "fr.json: $.steps must be an array");
}

static int on_confirm(const char *who, const char *why, struct err *err, void *arg)
{
	(void)who, (void)why, (void)err, (void)arg;
	return 0;
}

static int on_anchor(const char *who, const char *why, struct err *err, void *arg)
{
	(void)who, (void)arg;
	return strcmp(why, "asked by hand") == 0 ? 0 : err_set(err, -ENOENT, "no_anchors", "", "no anchor is configured");
}

static bool is_suspended(struct fixture *f, const void *wanted)
{
	const struct redis_reply *reply = redis(f, "GET", "dunning:{0}:debtor:~system", NULL);

	return reply->type == REDIS_STRING && (strstr(reply->str, "\"suspended\":{\"on\":true") != NULL) == (wanted != NULL);
}

static void over_the_socket(void **state)
{
	struct fixture *f = *state;
	struct control_callbacks callbacks = { .status = on_status, .suspend = on_suspend, .release = on_release, .reload = on_reload,
		.confirm_clock = on_confirm, .anchor = on_anchor, .arg = f };
	struct control *control;
	struct err err = { 0 };

	start_flow(f, START);
	assert_int_equal(control_create(f->base, f->control, &callbacks, &control, &err), 0);
	assert_ctl(f, 0, "push", invoice_event(f, "INV-1", "cus_1", "2026-03-10", "ladder"));
	settle(f);
	assert_ctl(f, 1, "status");
	assert_int_equal(strncmp(buf_str(&f->out), "NOT WELL: 1 thing needs you now.", 32), 0); /* the verdict comes first */
	assert_says(f, "running, version 0.0");
	assert_says(f, "nothing is sent: more contacts in an hour than brake.contacts_per_hour");
	assert_says(f, "do: dunningctl list; if all is right: dunningctl release \"WHY\"");
	assert_ctl(f, 0, "suspend", "bank is down", "--until", "4h");
	wait_for(f, is_suspended, "yes", "sending is suspended");
	assert_ctl(f, 0, "explain", "INV-1");
	assert_says(f, "all sending is suspended until 2026-03-02 14:00 CET (13:00Z): bank is down");
	assert_ctl(f, 0, "push", invoice_event(f, "INV-2", "cus_2", "2026-02-10", "ladder")); /* owed, and held by the brake */
	settle(f);
	assert_ctl(f, 0, "explain", "INV-2");
	assert_says(f, "goes out now; it is owed since 2026-02-11 09:00");
	assert_says(f, "the daemon holds all sending just now: brake");
	assert_ctl(f, 1, "release", "it is back");
	assert_says(f, "the trail cannot be written");
	assert_ctl(f, 1, "reload");
	assert_says(f, "fr.json: $.steps must be an array");
	assert_ctl(f, 0, "clock", "confirm", "it is noon");
	assert_ctl(f, 0, "trail", "anchor");
	assert_says(f, "All who vouch for the trail are asked now");
	assert_ctl(f, 1, "trail", "anchor", "for the lawyer");
	assert_says(f, "no anchor is configured");
	control_destroy(control);
}

static void without_the_socket(void **state)
{
	struct fixture *f = *state;
	struct json book, first;

	start_flow(f, START);
	assert_ctl(f, 69, "reload");
	assert_ctl(f, 69, "status", "--json");
	assert_says(f, "\"well\":false");
	assert_says(f, "\"code\":\"daemon_away\"");
	book = json_get(output(f), "book");
	first = json_at(&book, 0);
	assert_string_equal(text_of(&first, "writer"), "host-a");
	assert_string_equal(text_of(&first, "owner"), "host-a");
	assert_ctl(f, 0, "suspend", "bank is down");
	assert_says(f, "told through Redis");
	wait_for(f, is_suspended, "yes", "sending is suspended");
	assert_ctl(f, 0, "release", "it is back"); /* in the same millisecond: the clock stands still */
	wait_for(f, is_suspended, NULL, "sending is released");
	assert_ctl(f, 0, "suspend", "gone again");
	assert_ctl(f, 0, "release", "back again");
	assert_ctl(f, 0, "suspend", "the third time");
	settle(f);
	wait_for(f, is_suspended, "yes", "the last word counts");
	/* a clock that is ahead of ours said the last word: ours is newer all the same */
	(void)redis(f, "XADD", "dunning:{0}:events:operator", "*", "event", "{\"specversion\":\"1.0\",\"id\":\"ahead\",\"source\":\"elsewhere\",\"type\":\"operator.command\","
		"\"time\":\"2026-03-02T10:30:00Z\",\"data\":{\"command\":\"release\",\"who\":\"eve\",\"why\":\"go\"}}", NULL);
	wait_for(f, is_suspended, NULL, "sending is released");
	assert_ctl(f, 0, "suspend", "and once more");
	wait_for(f, is_suspended, "yes", "the newest word counts");
}

/* "dunningctl --help | head": nobody reads any more, and nothing is wrong. A full disk is. */
static void a_closed_pipe_is_no_error(void **state)
{
	static const char *const words[] = { "--help" };
	struct fixture *f = *state;

	for (int full = 0; full < 2; full++) {
		int out[2], err[2], in = open("/dev/null", O_RDONLY | O_CLOEXEC), status;
		pid_t pid;

		assert_int_equal(pipe2(out, O_CLOEXEC) | pipe2(err, O_CLOEXEC), 0);
		if (full) {
			close(out[1]);
			out[1] = open("/dev/full", O_WRONLY | O_CLOEXEC);
		}
		close(out[0]);
		buf_reset(&f->err);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			run_child(f, words, 1, in, out[1], err[1]);
		close(in), close(out[1]), close(err[1]);
		while (!drain(err[0], &f->err))
			;
		close(err[0]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(WEXITSTATUS(status), full);
		assert_string_equal(buf_str(&f->err), full ? "dunningctl: the standard output cannot be written\n" : "");
	}
}

static void what_is_not_there(void **state)
{
	struct fixture *f = *state;
	int64_t at;

	assert_ctl(f, 2, "explain");
	assert_ctl(f, 2, "--json", "explain");
	assert_says(f, "{\"error\":\"usage\",\"text\":\"too few words");
	assert_ctl(f, 2, "hold", "INV-1", "why", "--until", "yesterday");
	redis_server_stop(&f->redis);
	at = mono_ms();
	assert_ctl(f, 69, "status");
	assert_says(f, "Redis cannot be asked from here");
	assert_ctl(f, 0, "complete", "--", "show", "I");
	assert_ctl(f, 69, "list");
	assert_says(f, "Redis does not answer");
	assert_true(mono_ms() - at < 5000); /* a refused connection is an answer, or tried again for a second: it was six seconds each */
	put_text(f, "dunningd.json", "{\"origin\":\"a\"}");
	assert_ctl(f, 78, "list");
	assert_says(f, "$.creditor");
}

/* --- templates --------------------------------------------------------------------------------------------------------------------- */

/* A PNG begins with its signature and the chunk of its size: ISO/IEC 15948. */
static void a_message_is_drawn(void **state)
{
	static const unsigned char head[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13, 'I', 'H', 'D', 'R', 0, 0, 1, 104 };
	struct fixture *f = *state;
	const char *path = arena_printf(f->arena, "%s/note.png", f->dir), *programs = getenv("PATH");
	CLEANUP(buf_clear) struct buf picture = { 0 };

	assert_ctl(f, 2, "template", "preview", "note", "--picture", path, "--width", "20");
	setenv("PATH", "/nonexistent", 1);
	assert_ctl(f, 1, "template", "preview", "note", "--picture", path);
	setenv("PATH", programs ? programs : "/usr/bin:/bin", 1);
	assert_int_equal(access(path, F_OK), -1);
	if (access("/usr/bin/chromium", X_OK) != 0)
		skip();
	assert_ctl(f, 0, "template", "preview", "note", "--picture", path, "--width", "360");
	assert_int_equal(file_read(path, 1024 * 1024, &picture, NULL), 0);
	assert_memory_equal(picture.data, head, sizeof(head));
}

static void what_tab_offers(void **state)
{
	struct fixture *f = *state;

	start_flow(f, START);
	assert_ctl(f, 0, "push", invoice_event(f, "INV-1", "cus_1", "2026-03-10", "ladder"), invoice_event(f, "INV-2", "cus_2", "2026-03-10", "ladder"),
		invoice_event(f, "R:1", "cus_3", "2026-03-10", "ladder"));
	settle(f);
	wait_document(f, "R:1", "\"state\":\"waiting\"");
	assert_ctl(f, 0, "complete", "--", "hold", "INV-");
	assert_says(f, "INV-1\n");
	assert_says(f, "INV-2\n");
	assert_null(strstr(buf_str(&f->out), "R:1"));
	assert_ctl(f, 0, "complete", "--", "hold", "R:");
	assert_string_equal(buf_str(&f->out), "R:1\n");
	assert_ctl(f, 0, "complete", "--", "hold", "*"); /* as it is typed, and no pattern */
	assert_string_equal(buf_str(&f->out), "");
	assert_ctl(f, 0, "complete", "--", "hold", "INV-1", ""); /* the reason is anybody's own */
	assert_string_equal(buf_str(&f->out), "");
	assert_ctl(f, 0, "complete", "--", "list", "--customer=cus_2");
	assert_string_equal(buf_str(&f->out), "--customer=cus_2\n");
	assert_ctl(f, 0, "complete", "--", "policy", "show", "lad");
	assert_string_equal(buf_str(&f->out), "ladder\n");
	assert_ctl(f, 0, "complete", "--", "provider", "health", "");
	assert_says(f, "outbox\toutbox\n");
	assert_ctl(f, 0, "complete", "--", "--redis", "unix:///nowhere", "hold", ""); /* Redis is away: nothing is offered, and nothing hangs */
	assert_string_equal(buf_str(&f->out), "");
	assert_ctl(f, 0, "complete", "--", "sta");
	assert_says(f, "status\twhether it is well");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(next_step_of_an_open_invoice),
		TEST(a_second_step_keeps_its_distance),
		TEST(a_trial_run_says_so),
		TEST(one_contact_for_two_invoices),
		TEST(a_hold_and_its_end),
		TEST(what_is_unknown_or_closed),
		TEST(a_longer_list),
		TEST(a_call_is_done),
		TEST(a_call_that_nobody_makes),
		TEST(a_gate_is_decided),
		TEST(a_message_in_doubt),
		TEST(a_step_is_skipped),
		TEST(events_from_everywhere),
		TEST(one_bad_event_stops_all),
		TEST(to_its_partition),
		TEST(dead_letters),
		TEST(what_check_finds),
		TEST(by_redis_alone),
		TEST(over_the_socket),
		TEST(without_the_socket),
		TEST(a_closed_pipe_is_no_error),
		TEST(what_is_not_there),
		TEST(a_message_is_drawn),
		TEST(what_tab_offers),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
