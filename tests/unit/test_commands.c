/* What a person says about an invoice or a task: what it changes, and what it leaves. */
#include "tests/unit/apply_bench.h"

#include <string.h>

#include "common/utc.h"

#define SAY(command, rest) EVENT("operator.command", "\"command\":\"" command "\",\"who\":\"a\",\"why\":\"b\"," rest)

/* A bench with this one word read, which is about invoice "i". */
static struct escalation *open_said(struct bench *b, const char *event)
{
	struct entry *entry;

	bench_open(b);
	entry = arena_alloc(b->arena, sizeof(*entry)); /* the page has it for as long as it is read */
	*entry = (struct entry){ .stream = OPERATOR, .event = event };
	take(b, entry, 1);
	load(b);
	return doc_of(b, DOC_ESCALATION, "i") ? doc_of(b, DOC_ESCALATION, "i")->e : NULL;
}

/* "Do not wait after the failed try" is no word about what somebody else holds. */
static void a_retry_leaves_the_holds(void **state)
{
	static const struct {
		const char *event;
		size_t holds;
	} cases[] = { { SAY("retry", "\"target\":\"i\""), 1 }, { SAY("resume", "\"target\":\"i\""), 0 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct hold_entry hold = { .reason = "operator", .since = NOW, .until = NOW + 60 * DAY_MS, .who = "boss", .why = "we speak with them" };
		struct bench b;
		struct escalation *e = open_said(&b, cases[i].event);

		e->state = ESCALATION_WAITING;
		e->retry_at = NOW + DAY_MS;
		e->retry_why = "rate";
		escalation_hold(e, b.group->arena, &hold);
		decide(&b);
		assert_int_equal(e->hold_count, cases[i].holds);
		assert_true(!e->retry_at && !e->retry_why);
		bench_end(&b);
	}
}

/* A message that was in doubt when its invoice was paid can still be answered for; one that is only on its way cannot. */
static void a_doubt_outlives_the_invoice(void **state)
{
	(void)state;
	for (int in_doubt = 0; in_doubt < 2; in_doubt++) {
		struct bench b;
		struct escalation *e = open_said(&b, SAY("decide", "\"target\":\"i\",\"decision\":\"not_sent\""));

		e->state = ESCALATION_CLOSED;
		e->closed = "paid";
		e->step = "worth-it";
		e->attempt = "a1";
		e->in_doubt = in_doubt;
		decide(&b);
		assert_int_equal(e->verdict != NULL, in_doubt);
		assert_int_equal(b.dunner.reconcile_all, in_doubt);
		bench_end(&b);
	}
}

/* Its task names the invoice: done ends it, once. */
static void a_refused_message_was_looked_at(void **state)
{
	(void)state;
	for (int open = 0; open < 2; open++) {
		struct bench b;
		struct escalation *e = open_said(&b, SAY("task_done", "\"target\":\"refused:i\""));

		e->state = ESCALATION_WAITING;
		e->refused = open ? "worth-it" : NULL;
		decide(&b);
		assert_null(e->refused);
		assert_int_equal(b.group->fx.tasks != NULL, open);
		if (open) {
			assert_string_equal(b.group->fx.tasks->id, "refused:i");
			assert_true(b.group->fx.tasks->close);
		}
		bench_end(&b);
	}
}

/* Where more must be said, "done" is refused with the command that says it: nothing ends, and nobody is held for a slip of the pen. */
static void done_says_too_little(void **state)
{
	static const struct {
		const char *event, *instead; /* NULL: done ends it */
	} cases[] = {
		{ SAY("task_done", "\"target\":\"call:i:worth-it\""), "dunningctl call log call:i:worth-it NOTES --outcome WORD; a call that is not made, dunningctl skip i WHY" },
		{ SAY("task_done", "\"target\":\"commitment:i\""), "dunningctl commitment withdraw i WHY" },
		{ SAY("task_done", "\"target\":\"decision:i:worth-it\""), "dunningctl decide decision:i:worth-it pursue" },
		{ SAY("task_done", "\"target\":\"unknown_attempt:a1\""), "dunningctl decide INVOICE sent|not_sent WHY" },
		{ SAY("task_done", "\"target\":\"call_back:i\""), NULL },
		{ SAY("task_done", "\"target\":\"review_dispute:i\""), NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bench b;
		struct escalation *e = open_said(&b, cases[i].event);

		if (e) {
			e->state = ESCALATION_TASK;
			e->step = "worth-it";
			e->task = "call:i:worth-it";
			e->commitment.state = COMMITMENT_OPEN;
			e->call_back.at = NOW;
		}
		decide(&b);
		assert_int_equal(!b.group->fx.tasks, cases[i].instead != NULL);
		assert_int_equal(b.group->dead != NULL, cases[i].instead != NULL);
		if (e)
			assert_true(e->state == ESCALATION_TASK && !e->walk_count && !e->hold_count && e->commitment.state == COMMITMENT_OPEN &&
				e->command_count == !cases[i].instead);
		if (cases[i].instead) {
			assert_string_equal(b.group->dead->err->code, "say_more");
			assert_non_null(strstr(b.group->dead->err->text, cases[i].instead));
		}
		bench_end(&b);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_retry_leaves_the_holds),
		cmocka_unit_test(a_doubt_outlives_the_invoice),
		cmocka_unit_test(a_refused_message_was_looked_at),
		cmocka_unit_test(done_says_too_little),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
