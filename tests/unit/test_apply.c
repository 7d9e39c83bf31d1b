/*
 * Bad input that an event alone does not show: what it takes the configuration, the policies or the stored documents to see. Entries go
 * the daemon's own way, from a page of the inbox onto documents; only the store that would load those is left out.
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

#include "common/utc.h"
#include "tests/unit/apply_bench.h"

struct row {
	const char *name, *event, *raw;
	size_t stream;
	const char *code, *path;
	const char *owner; /* whose the invoice is, as stored */
	size_t facts; /* stored already */
	bool holds_invoice, holds_customer;
};

static const struct row rows[] = {
	{ "no field `event`", NULL, "[\"payload\",\"{}\"]", SHARED, "no_event_field", "", NULL, 0, false, false },
	{ "two fields `event`", NULL, "[\"event\",\"{}\",\"event\",\"{}\"]", SHARED, "no_event_field", "", NULL, 0, false, false },
	{ "an event in a field of another name", NULL, "[\"payload\",\"{\\\"data\\\":{\\\"invoice_id\\\":\\\"i\\\"}}\"]", SHARED, "no_event_field",
		"", NULL, 0, true, false },
	{ "two events, and the second one names", NULL, "[\"event\",\"{}\",\"event\",\"{\\\"customer_id\\\":\\\"c\\\"\"]", SHARED, "no_event_field",
		"", NULL, 0, false, true },
	{ "two events, each names", NULL, "[\"event\",\"{\\\"invoice\\\":{\\\"id\\\":\\\"i\\\"}}\",\"event\",\"{\\\"customer_id\\\":\\\"c\\\"}\"]",
		SHARED, "no_event_field", "", NULL, 0, true, true },
	{ "fields instead of JSON", NULL, "[\"type\",\"invoice.paid\",\"invoice_id\",\"i\"]", SHARED, "no_event_field", "", NULL, 0, true, false },
	{ "a field without its value", NULL, "[\"invoice_id\"]", SHARED, "no_event_field", "", NULL, 0, false, false },
	{ "not JSON", "hello", NULL, SHARED, "bad_json", "$", NULL, 0, false, false },
	{ "a type not allowed for this producer", EVENT("invoice.voided", "\"invoice_id\":\"i\""), NULL, BANK, "not_allowed", "$.type", NULL, 0, true,
		false },
	{ "a command outside the operator's stream", EVENT("operator.command", "\"command\":\"hold\",\"target\":\"i\",\"who\":\"a\",\"why\":\"b\""), NULL,
		SHARED, "not_allowed", "$.type", NULL, 0, false, false },
	{ "an unknown policy of an invoice", EVENT("invoice.updated", "\"invoice\":{\"id\":\"i\",\"policy\":\"nope\"," FIGURES "}"), NULL, SHARED,
		"unknown_policy", "$.data.invoice.policy", NULL, 0, true, false },
	{ "an unknown policy of a customer", EVENT("customer.updated", "\"customer\":{\"id\":\"c\",\"policy\":\"nope\"}"), NULL, SHARED, "unknown_policy",
		"$.data.customer.policy", NULL, 0, false, true },
	{ "an invoice of another customer", EVENT("invoice.paid", "\"invoice_id\":\"i\",\"customer_id\":\"c\""), NULL, SHARED, "customer_mismatch",
		"$.data.customer.id", "other", 0, true, false },
	{ "more facts than an invoice keeps", EVENT("invoice.payment_received", "\"invoice_id\":\"i\",\"amount_minor\":1"), NULL, SHARED, "too_many_facts",
		"$.data", NULL, INVOICE_FACTS_MAX, true, false },
	{ "an answer of somebody whom nobody knows", EVENT("contact.reply_received", "\"provider\":\"p\",\"address\":\"a@b.example\",\"verified\":true"), NULL,
		SHARED, "unknown_sender", "$.data.address", NULL, 0, false, false },
	{ "an answer that a producer tells without its customer", EVENT("contact.reply_received", "\"text\":\"hello\""), NULL, SHARED, "missing",
		"$.data.customer", NULL, 0, false, false },
	{ "a payment of 1e2", EVENT("invoice.payment_received", "\"invoice_id\":\"i\",\"amount_minor\":1e2"), NULL, BANK, "not_integer",
		"$.data.amount_minor", NULL, 0, true, false },
	{ "a bad id beside a good one", EVENT("invoice.payment_received", "\"customer_id\":\"c\",\"invoice_id\":\"i i\",\"amount_minor\":\"100\""), NULL, BANK,
		"bad_id", "$.data.invoice_id", NULL, 0, false, true },
};

static void check_neighbours(struct bench *b)
{
	struct doc *before = doc_of(b, DOC_ESCALATION, "before"), *after = doc_of(b, DOC_ESCALATION, "after");

	assert_int_equal(before->e->invoice.fact_count, 1);
	assert_int_equal(before->e->hold_count, 0);
	assert_int_equal(after->e->invoice.fact_count, 1);
	assert_int_equal(after->e->hold_count, 0);
}

/* As many as are looked at, and none of them for two: no entry can fill a group. */
static void many_are_held(void **state)
{
	CLEANUP(buf_clear) struct buf raw = { 0 };
	struct entry entries[2];
	struct bench b;

	(void)state;
	for (int i = 0; i < 20; i++)
		buf_printf(&raw, "%s\"invoice_id\",\"i%d\"", i ? "," : "[", i);
	buf_add_char(&raw, ']');
	for (int i = 0; i < 2; i++)
		entries[i] = (struct entry){ .stream = SHARED, .id = i ? "2-0" : "1-0", .raw = buf_str(&raw), .raw_len = raw.len };
	bench_open(&b);
	b.config->limits.batch = 20;
	b.page = (struct page){ .arena = b.arena, .entries = entries, .count = 2 };
	b.dunner.pages = &b.page;
	inbox_take(&b.dunner, b.group);
	assert_int_equal(b.group->input_count, 1);
	assert_int_equal(b.page.used, 1);
	load(&b);
	decide(&b);
	for (int i = 0; i < 20; i++) {
		struct doc *doc = doc_of(&b, DOC_ESCALATION, arena_printf(b.arena, "i%d", i));

		assert_int_equal(doc && doc->e->hold_count == 1, i < EVENT_SHOWN_MAX);
	}
	bench_end(&b);
}

/* What dunningctl refuses is refused from an event too; what stands beside it takes its effect, and nothing is half done. */
static void a_skip_that_cannot_be(void **state)
{
	static const struct {
		const char *step, *code; /* NULL: taken */
		bool walked;
	} cases[] = { { "nonsense", "unknown_step", false }, { "worth-it", "walked", true }, { "later", NULL, false }, { "worth-it", NULL, false } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct walked walked = { .step = "worth-it", .end = STEP_DONE };
		struct entry entries[] = {
			{ .stream = SHARED, .event = EVENT("invoice.payment_received", "\"invoice_id\":\"before\",\"amount_minor\":1") },
			{ .stream = OPERATOR },
			{ .stream = SHARED, .event = EVENT("invoice.payment_received", "\"invoice_id\":\"after\",\"amount_minor\":1") },
		};
		struct escalation *e;
		struct bench b;

		bench_open(&b);
		entries[1].event = arena_printf(b.arena, EVENT("operator.command",
			"\"command\":\"skip\",\"target\":\"i\",\"who\":\"a\",\"why\":\"b\",\"step\":\"%s\""), cases[i].step);
		take(&b, entries, 3);
		load(&b);
		e = doc_of(&b, DOC_ESCALATION, "i")->e;
		e->state = cases[i].walked ? ESCALATION_WAITING : ESCALATION_GATE;
		if (cases[i].walked) {
			e->walk = &walked;
			e->walk_count = e->walk_capacity = 1;
		} else {
			e->step = "worth-it";
			e->task = "decision:i:worth-it";
		}
		decide(&b);
		check_neighbours(&b);
		assert_int_equal(!b.group->dead, !cases[i].code);
		assert_int_equal(e->command_count, !cases[i].code);
		if (cases[i].code) {
			assert_string_equal(b.group->dead->err->code, cases[i].code);
			assert_string_equal(b.group->dead->err->path, "$.data.step");
			assert_int_equal(e->walk_count, cases[i].walked);
			assert_int_equal(e->hold_count, 0); /* a slip of the pen is no reason to rest */
			assert_null(b.group->fx.tasks);
		} else {
			bool own = strcmp(cases[i].step, "worth-it") == 0;

			assert_int_equal(e->walk_count, 1);
			assert_int_equal(e->walk[0].end, STEP_SKIPPED);
			assert_int_equal(e->state, own ? ESCALATION_WAITING : ESCALATION_GATE);
			assert_int_equal(!b.group->fx.tasks, !own); /* another step's gate stays open */
		}
		bench_end(&b);
	}
}

/* A person's answer about invoice "i", read with it. */
static struct escalation *open_answered(struct bench *b, const char *decision)
{
	struct entry *entry;

	bench_open(b);
	entry = arena_alloc(b->arena, sizeof(*entry)); /* the page has it for as long as it is read */
	entry->stream = OPERATOR;
	entry->event = arena_printf(b->group->arena, EVENT("operator.command",
		"\"command\":\"decide\",\"target\":\"i\",\"who\":\"a\",\"why\":\"b\",\"decision\":\"%s\""), decision);
	take(b, entry, 1);
	load(b);
	return doc_of(b, DOC_ESCALATION, "i")->e;
}

/* After the last contact there is no step to walk: a person ends it, or agrees on something. */
static void decided_after_the_last_contact(void **state)
{
	static const struct {
		const char *decision, *closed, *hold;
	} answers[] = { { "stop", "stopped", NULL }, { "write_off", "uncollectible", NULL }, { "settle", NULL, "settle" }, { "pursue", NULL, NULL },
		{ "continue", NULL, NULL } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		bool asked = answers[i].closed || answers[i].hold;
		const struct task *task;
		struct escalation *e;
		struct bench b;

		e = open_answered(&b, answers[i].decision);
		e->state = ESCALATION_WAITING;
		e->held = "exhausted";
		e->invoice.debtor_id = "c";
		e->invoice.known = true;
		e->invoice.snapshot.total = e->invoice.snapshot.due = 100;
		e->invoice.snapshot.status = INVOICE_OPEN;
		load(&b);
		decide(&b);
		assert_int_equal(e->held != NULL, !asked);
		assert_int_equal(e->state == ESCALATION_CLOSED || invoice_view(&e->invoice).state == STATE_UNCOLLECTIBLE, answers[i].closed != NULL);
		assert_int_equal(e->hold_count, answers[i].hold != NULL);
		task = b.group->fx.tasks;
		assert_int_equal(task != NULL, asked);
		if (asked) {
			assert_string_equal(task->id, "exhausted:i");
			assert_string_equal(task->result, "done");
			assert_null(task->next);
		}
		assert_int_equal(e->walk_count, 0);
		assert_null(e->reenter);
		bench_end(&b);
	}
}

/* Nobody else would close it where the provider is not asked any more. */
static void a_person_is_done_with_a_provider(void **state)
{
	struct entry entries[] = { { .stream = OPERATOR,
		.event = EVENT("operator.command", "\"command\":\"task_done\",\"target\":\"provider:a\",\"who\":\"ann\",\"why\":\"left them\"") } };
	struct debtor *system;
	struct bench b;

	(void)state;
	bench_open(&b);
	take(&b, entries, 1);
	load(&b);
	system = doc_of(&b, DOC_DEBTOR, SYSTEM_CASE)->d;
	system->refusing = arena_alloc(b.group->arena, 2 * sizeof(*system->refusing));
	system->refusing[system->refusing_count++] = "a";
	system->refusing[system->refusing_count++] = "b";
	system->refusing_why = arena_alloc(b.group->arena, 2 * sizeof(*system->refusing_why));
	decide(&b);
	assert_int_equal(system->refusing_count, 1);
	assert_string_equal(system->refusing[0], "b");
	assert_string_equal(b.group->fx.tasks->id, "provider:a");
	assert_true(b.group->fx.tasks->close);
	bench_end(&b);
}

/* What is about no invoice that is open would be read by nobody: the customer asks, once, with the newest words, until somebody did it. */
static void an_answer_about_nothing_open(void **state)
{
	static const struct {
		const char *about;
		enum escalation_state state; /* of invoice "i" */
		bool open, asks;
	} answers[] = {
		{ "\"text\":\"hello\"", ESCALATION_CLOSED, false, true },
		{ "\"text\":\"hello\"", ESCALATION_WAITING, true, false },
		{ "\"text\":\"hello\",\"invoice_ids\":[\"i\"],\"attempt_id\":\"A\"", ESCALATION_CLOSED, false, true },
		{ "\"text\":\"hello\",\"invoice_ids\":[\"i\"],\"attempt_id\":\"A\"", ESCALATION_WAITING, true, false },
		{ "\"text\":\"hello\",\"invoice_id\":\"i\"", ESCALATION_CLOSED, true, true },
		{ "\"text\":\"hello\",\"invoice_id\":\"i\"", ESCALATION_STUB, false, false },
		{ "\"text\":\"hello\",\"verified\":false", ESCALATION_CLOSED, false, false },
		{ "\"announced\":true,\"invoice_ids\":[\"i\"]", ESCALATION_CLOSED, false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		const char *one = "i";
		struct entry entries[] = { { .stream = SHARED } };
		struct debtor *debtor;
		struct bench b;

		bench_open(&b);
		entries[0].event = arena_printf(b.arena, EVENT("contact.reply_received", "\"customer_id\":\"c\",%s"), answers[i].about);
		take(&b, entries, 1);
		load(&b);
		debtor = doc_of(&b, DOC_DEBTOR, "c")->d;
		debtor->open = &one;
		debtor->open_count = answers[i].open;
		load(&b);
		if (doc_of(&b, DOC_ESCALATION, "i")) {
			doc_of(&b, DOC_ESCALATION, "i")->e->state = answers[i].state;
			doc_of(&b, DOC_ESCALATION, "i")->e->invoice.debtor_id = "c";
		}
		decide(&b);
		if (!b.group->fx.tasks != !answers[i].asks || !debtor->unknown_since != !answers[i].asks)
			fail_msg("row %zu", i);
		bench_end(&b);
	}
}

static void an_answer_is_answered(void **state)
{
	struct entry entries[] = {
		{ .stream = SHARED, .event = EVENT("contact.reply_received", "\"customer_id\":\"c\",\"invoice_id\":\"i\",\"text\":\"Keine SMS\"") },
		{ .stream = OPERATOR, .event = EVENT("operator.command", "\"command\":\"task_done\",\"target\":\"answer_customer:c\",\"who\":\"a\",\"why\":\"b\"") },
		{ .stream = OPERATOR, .event = EVENT("operator.command", "\"command\":\"task_done\",\"target\":\"answer_customer:d\",\"who\":\"a\",\"why\":\"b\"") },
	};
	const struct task *task;
	struct bench b;

	(void)state;
	for (int open = 0; open < 2; open++) {
		bench_open(&b);
		take(&b, entries, ARRAY_LEN(entries));
		load(&b);
		assert_null(doc_of(&b, DOC_ESCALATION, "c")); /* an invoice may have the customer's id */
		doc_of(&b, DOC_ESCALATION, "i")->e->state = ESCALATION_CLOSED;
		doc_of(&b, DOC_DEBTOR, "c")->d->unknown_since = open ? NOW - DAY_MS : 0;
		decide(&b);
		task = b.group->fx.tasks;
		assert_non_null(task);
		assert_string_equal(task->id, "answer_customer:c");
		assert_string_equal(task->kind, "answer_reply");
		assert_string_equal(task->debtor_id, "c");
		assert_string_equal(task->reason, "no_more");
		assert_non_null(strstr(task->script, "Keine SMS"));
		assert_non_null(strstr(task->script, "trail log --customer c --parts"));
		assert_int_equal(task->invoice_count, 0);
		assert_int_equal(task->deadline, NOW - (open ? DAY_MS : 0) + 3 * DAY_MS);
		assert_true(task->next && task->next->close && !task->next->next);
		assert_string_equal(task->next->id, "answer_customer:c");
		assert_int_equal(doc_of(&b, DOC_DEBTOR, "c")->d->unknown_since, 0);
		bench_end(&b);
	}
}

/* It was said of a message in doubt, and the gate behind it is open by now: no word is none for it. */
static void a_gate_is_not_decided_by_another_answer(void **state)
{
	static const struct {
		const char *decision;
		bool counts;
	} answers[] = { { "sent", false }, { "not_sent", false }, { "continue", true }, { "pursue", true } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		struct escalation *e;
		struct bench b;

		e = open_answered(&b, answers[i].decision);
		e->state = ESCALATION_GATE;
		e->step = "worth-it";
		e->task = "decision:i:worth-it";
		e->invoice.debtor_id = "c";
		load(&b);
		decide(&b);
		assert_int_equal(e->state == ESCALATION_GATE, !answers[i].counts);
		assert_int_equal(e->walk_count, answers[i].counts);
		assert_null(e->verdict);
		bench_end(&b);
	}
}

/* "stop" ends all that waits for somebody, told and recorded as any other end. */
static void a_gate_decided_stop(void **state)
{
	struct walked walked = { .step = "reminder", .end = STEP_SKIPPED, .reason = "no_address", .attempt = "no_address:i:reminder" };
	struct entry entries[] = { { .stream = OPERATOR,
		.event = EVENT("operator.command", "\"command\":\"decide\",\"target\":\"i\",\"who\":\"a\",\"why\":\"b\",\"decision\":\"stop\"") } };
	const struct task *task;
	struct doc *debtor;
	struct escalation *e;
	struct bench b;

	(void)state;
	bench_open(&b);
	take(&b, entries, 1);
	load(&b);
	e = doc_of(&b, DOC_ESCALATION, "i")->e;
	e->state = ESCALATION_GATE;
	e->step = "worth-it";
	e->task = "decision:i:worth-it";
	e->invoice.debtor_id = "c";
	e->walk = &walked;
	e->walk_count = e->walk_capacity = 1;
	load(&b);
	debtor = doc_of(&b, DOC_DEBTOR, "c");
	debtor_open_add(debtor->d, b.group->arena, "i");
	decide(&b);
	assert_int_equal(e->state, ESCALATION_CLOSED);
	assert_string_equal(e->closed, "stopped");
	assert_null(walked.attempt);
	assert_int_equal(debtor->d->open_count, 0);
	assert_true(debtor->touched);
	task = b.group->fx.tasks;
	assert_string_equal(task->id, "decision:i:worth-it");
	assert_string_equal(task->result, "done");
	task = task->next;
	assert_string_equal(task->id, "no_address:i:reminder");
	assert_string_equal(task->result, "obsolete");
	assert_true(task->close);
	assert_null(task->next);
	bench_end(&b);
}

/* A task's id holds its invoice's and its step's: it is longer than either may be. */
static void a_long_task_is_done(void **state)
{
	struct walked walked = { .step = "reminder", .end = STEP_SKIPPED, .reason = "no_address" };
	char invoice_id[129] = "", *command, *nonsense;
	struct entry entries[2];
	struct doc *doc;
	struct bench b;

	(void)state;
	bench_open(&b);
	memset(invoice_id, 'i', 128);
	walked.attempt = arena_printf(b.arena, "no_address:%s:reminder", invoice_id);
	command = arena_printf(b.arena, EVENT("operator.command", "\"command\":\"task_done\",\"target\":\"%s\",\"who\":\"a\",\"why\":\"b\""), walked.attempt);
	nonsense = arena_printf(b.arena, EVENT("operator.command", "\"command\":\"hold\",\"target\":\"%si\",\"who\":\"a\",\"why\":\"b\""), invoice_id);
	entries[0] = (struct entry){ .stream = OPERATOR, .event = command };
	entries[1] = (struct entry){ .stream = OPERATOR, .event = nonsense };
	take(&b, entries, 2);
	load(&b);
	doc = doc_of(&b, DOC_ESCALATION, invoice_id);
	assert_non_null(doc);
	doc->e->state = ESCALATION_WAITING;
	doc->e->walk = &walked;
	doc->e->walk_count = doc->e->walk_capacity = 1;
	decide(&b);
	assert_null(b.group->dead);
	assert_null(walked.attempt);
	assert_non_null(b.group->fx.tasks);
	assert_null(doc_of(&b, DOC_ESCALATION, arena_printf(b.arena, "%si", invoice_id))); /* no id at all */
	bench_end(&b);
}

/* To the dead letters with its reason; whom it names is held; the entries before and behind it take their effect. */
static void row_holds(void **state)
{
	const struct row *row = *state;
	struct entry entries[] = {
		{ .stream = SHARED, .event = EVENT("invoice.payment_received", "\"invoice_id\":\"before\",\"amount_minor\":1") },
		{ .stream = row->stream, .event = row->event, .raw = row->raw },
		{ .stream = SHARED, .event = EVENT("invoice.payment_received", "\"invoice_id\":\"after\",\"amount_minor\":1") },
	};
	struct dead_letter *dead;
	struct doc *invoice, *customer;
	struct bench b;

	bench_open(&b);
	take(&b, entries, 3);
	load(&b);
	invoice = doc_of(&b, DOC_ESCALATION, "i");
	customer = doc_of(&b, DOC_DEBTOR, "c");
	if (row->owner)
		invoice->e->invoice.debtor_id = row->owner;
	if (row->facts) {
		invoice->e->invoice.facts = arena_alloc(b.group->arena, row->facts * sizeof(struct fact));
		for (size_t i = 0; i < row->facts; i++)
			invoice->e->invoice.facts[i].id = "";
		invoice->e->invoice.fact_count = invoice->e->invoice.fact_capacity = row->facts;
	}
	decide(&b);
	dead = b.group->dead;
	assert_non_null(dead);
	assert_null(dead->next);
	assert_string_equal(dead->err->code, row->code);
	assert_string_equal(dead->err->path, row->path);
	assert_true(strlen(dead->err->text) > 10); /* a sentence */
	assert_string_equal(dead->id, "2-0");
	assert_string_equal(dead->stream, b.streams[row->stream].stream);
	assert_int_equal(dead->raw_len, strlen(row->event ? row->event : row->raw)); /* as it came */
	assert_memory_equal(dead->raw, row->event ? row->event : row->raw, dead->raw_len);
	assert_int_equal(b.dunner.dead, 1);
	assert_int_equal(b.dunner.events, 3);
	if (row->holds_invoice) {
		assert_int_equal(invoice->e->hold_count, 1);
		assert_string_equal(invoice->e->holds[0].reason, "dead_letter");
		assert_true(invoice->e->holds[0].until == NOW + 72 * HOUR_MS);
		assert_true(invoice->touched);
		assert_int_equal(invoice->e->invoice.fact_count, row->facts); /* and nothing else of it is believed */
	}
	if (row->holds_customer) {
		assert_true(customer->d->dead_letter_until == NOW + 72 * HOUR_MS);
		assert_true(customer->touched);
		assert_false(customer->d->known);
	}
	check_neighbours(&b);
	/* all three are behind us: none is read again */
	for (size_t i = 0; i < b.group->position_count; i++)
		assert_string_equal(b.group->positions[i].id, b.group->positions[i].stream == b.streams[SHARED].stream ? "3-0" : "2-0");
	bench_end(&b);
}

/* The same events are taken when nothing stands against them. */
static void and_taken_otherwise(void **state)
{
	struct entry entries[] = {
		{ .stream = SHARED, .event = EVENT("invoice.voided", "\"invoice_id\":\"i\"") },
		{ .stream = SHARED, .event = EVENT("invoice.updated", "\"invoice\":{\"id\":\"i\",\"policy\":\"followed\"," FIGURES "}") },
		{ .stream = BANK, .event = EVENT("invoice.payment_received", "\"invoice_id\":\"i\",\"amount_minor\":100") },
	};
	struct bench b;

	(void)state;
	bench_open(&b);
	take(&b, entries, 3);
	load(&b);
	decide(&b);
	assert_null(b.group->dead);
	assert_int_equal(doc_of(&b, DOC_ESCALATION, "i")->e->invoice.fact_count, 2);
	assert_true(doc_of(&b, DOC_ESCALATION, "i")->e->invoice.known);
	bench_end(&b);
}

/* By a producer that counts partitions otherwise: nobody is made up here, and nothing is held that is not ours. */
static void in_a_wrong_partition(void **state)
{
	for (uint32_t p = 0; p < 8; p++) {
		struct entry entries[] = {
			{ .stream = SHARED, .event = EVENT("invoice.paid", "\"invoice_id\":\"i\",\"customer_id\":\"c\"") },
			{ .stream = SHARED, .event = EVENT("invoice.voided", "\"invoice_id\":\"j\"") }, /* whose, it does not say */
			{ .stream = SHARED, .event = EVENT("invoice.voided", "\"invoice_id\":\"k\"") }, /* nor this one, but k is known */
		};
		bool ours = p == partition_of("c", 8);
		int letters = 0;
		struct bench b;

		(void)state;
		bench_open(&b);
		b.config->partitions = 8;
		b.dunner.settings.partition = p;
		take(&b, entries, 3);
		load(&b);
		doc_of(&b, DOC_ESCALATION, "k")->e->invoice.debtor_id = "d";
		decide(&b);
		for (const struct dead_letter *dead = b.group->dead; dead; dead = dead->next) {
			assert_string_equal(dead->err->code, "wrong_partition");
			letters++;
		}
		assert_int_equal(letters, ours ? 1 : 2);
		assert_int_equal(doc_of(&b, DOC_ESCALATION, "i")->touched, ours);
		assert_int_equal(doc_of(&b, DOC_ESCALATION, "i")->e->hold_count, 0);
		assert_false(doc_of(&b, DOC_ESCALATION, "j")->touched);
		assert_true(doc_of(&b, DOC_ESCALATION, "k")->touched);
		bench_end(&b);
	}
}

/* Lists have places of their own behind an invoice's facts, so that these never keep a list from saying what is open; one for each list. */
static void a_list_has_its_place_behind_all_facts(void **state)
{
	static const struct {
		size_t facts;
		bool listed, taken;
	} cases[] = { { INVOICE_FACTS_MAX, false, true }, { INVOICE_FACTS_MAX + BOOKS_MAX - 1, false, true }, { INVOICE_FACTS_MAX + BOOKS_MAX, false, false },
		{ INVOICE_FACTS_MAX + BOOKS_MAX, true, true } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct entry entries[] = { { .stream = SHARED,
			.event = EVENT("book.snapshot", "\"snapshot_id\":\"new\",\"invoices\":[{\"id\":\"i\",\"due_minor\":5}]") } };
		const struct fact *last;
		struct invoice *invoice;
		char id[BOOK_ID_SIZE];
		struct bench b;

		bench_open(&b);
		take(&b, entries, 1);
		load(&b);
		invoice = &doc_of(&b, DOC_ESCALATION, "i")->e->invoice;
		invoice->facts = arena_alloc(b.group->arena, cases[i].facts * sizeof(*invoice->facts));
		invoice->fact_count = invoice->fact_capacity = cases[i].facts;
		for (size_t k = 0; k < cases[i].facts; k++)
			invoice->facts[k] = (struct fact){ .kind = FACT_PAYMENT, .id = arena_printf(b.group->arena, "p%zu", k), .amount = 1,
				.order = { .time = 1, .source = "x", .id = "x" } };
		if (cases[i].listed)
			invoice->facts[7] = (struct fact){ .kind = FACT_LISTED, .id = book_id("s", id), .order = { .time = 1, .source = "s", .id = "old" } };
		decide(&b);
		assert_null(b.group->dead);
		assert_int_equal(invoice->fact_count, cases[i].facts + (cases[i].taken && !cases[i].listed));
		last = &invoice->facts[cases[i].listed ? 7 : invoice->fact_count - 1];
		assert_int_equal(last->kind == FACT_LISTED && strcmp(last->order.id, "new") == 0, cases[i].taken);
		if (b.dunner.books_arena)
			arena_free(b.dunner.books_arena);
		bench_end(&b);
	}
}

/* --- brakes ------------------------------------------------------------------------------------------------------------------------- */

#define BRAKE(id, command, ms)                                                                                                     \
	{ .stream = OPERATOR, .event = "{\"specversion\":\"1.0\",\"id\":\"" id "\",\"source\":\"s\",\"type\":\"operator.command\","         \
				       "\"time\":\"2026-03-02T09:00:00." ms "Z\",\"data\":{\"command\":\"" command                            \
				       "\",\"who\":\"anna\",\"why\":\"why\"}}" }
#define SOCKET(command) { .raw = command }

static const struct brake_row {
	const char *name;
	struct entry words[5]; /* as they come; `raw`: over the control socket */
	bool on;
	size_t records;
} brake_rows[] = {
	{ "the later one counts", { BRAKE("a", "suspend", "001"), BRAKE("b", "release", "002") }, false, 2 },
	{ "an older one does not", { BRAKE("a", "suspend", "002"), BRAKE("b", "release", "001") }, true, 1 },
	{ "released in the millisecond of the suspend", { BRAKE("a", "suspend", "000"), BRAKE("b", "release", "000") }, false, 2 },
	{ "and whatever their ids are", { BRAKE("b", "suspend", "000"), BRAKE("a", "release", "000") }, false, 2 },
	{ "suspended in the millisecond of the release", { BRAKE("b", "release", "000"), BRAKE("a", "suspend", "000") }, true, 2 },
	{ "said twice, taken once", { BRAKE("a", "suspend", "000"), BRAKE("a", "suspend", "000") }, true, 1 },
	{ "the socket counts at once", { BRAKE("b", "suspend", "000"), SOCKET("release") }, false, 1 },
	{ "the stream counts after the socket", { SOCKET("suspend"), BRAKE("a", "release", "000") }, false, 1 },
	{ "the socket counts against a clock that is ahead", { BRAKE("b", "suspend", "900"), SOCKET("release") }, false, 1 },
	{ "all of it in one millisecond", { BRAKE("c", "suspend", "000"), SOCKET("release"), BRAKE("b", "suspend", "000"), BRAKE("a", "release", "000") }, false, 3 },
};

static void say(struct bench *b, const struct entry *word, size_t at)
{
	struct entry *entry = arena_memdup(b->arena, word, sizeof(*word));
	struct input *input = arena_alloc(b->group->arena, sizeof(*input));

	if (word->raw) {
		*input = (struct input){ .kind = INPUT_OPERATOR, .suspend = word->raw[0] == 's', .who = "anna", .why = "why" };
	} else {
		entry->id = arena_printf(b->arena, "%zu-0", at);
		entry->len = strlen(entry->event);
		*input = (struct input){ .kind = INPUT_ENTRY, .entry = entry };
		input->parsed = event_parse(b->group->arena, entry->event, entry->len, NULL, &input->event, &input->err);
		assert_int_equal(input->parsed, 0);
	}
	(word->raw ? decide_operator : decide_event)(&b->dunner, b->group, input);
}

static size_t commands_recorded(const struct bench *b)
{
	size_t n = 0;

	for (const struct draft *draft = b->group->fx.records; draft; draft = draft->next)
		n += strcmp(draft->kind, "operator.command") == 0;
	return n;
}

static void brake_holds(void **state)
{
	const struct brake_row *row = *state;
	struct bench b;
	struct doc *system;

	bench_open(&b);
	load(&b);
	system = doc_of(&b, DOC_DEBTOR, SYSTEM_CASE);
	for (int reading = 0; reading < 2; reading++) { /* the store lost its place: the stream is read again, and nothing changes */
		for (size_t i = 0; i < ARRAY_LEN(row->words); i++)
			if (row->words[i].event || (row->words[i].raw && !reading))
				say(&b, &row->words[i], i + 9); /* "9-0" comes before "10-0" */
		assert_true(b.dunner.suspended == row->on);
		assert_true(system->d->suspended.on == row->on);
		assert_int_equal(commands_recorded(&b), row->records);
	}
	bench_end(&b);
}

/* A call that somebody made ends the call that is open, and no letter that waits to be posted. */
static void a_call_ends_its_own_task(void **state)
{
	static const struct {
		const char *name, *task, *event;
		size_t stream;
		bool ends;
	} calls[] = {
		{ "a call that was owed", "call:i:step", EVENT("operator.command", "\"command\":\"call_log\",\"target\":\"i\",\"who\":\"a\",\"why\":\"b\","
			"\"outcome\":\"voicemail\""), OPERATOR, true },
		{ "a letter to post", "post:i:step", EVENT("operator.command", "\"command\":\"call_log\",\"target\":\"i\",\"who\":\"a\",\"why\":\"b\","
			"\"outcome\":\"voicemail\""), OPERATOR, false },
		{ "told by a telephone system", "call:i:step", EVENT("call.completed", "\"invoice_id\":\"i\",\"outcome\":\"voicemail\""), SHARED, true },
		{ "told by one, and a letter to post", "post:i:step", EVENT("call.completed", "\"invoice_id\":\"i\",\"outcome\":\"voicemail\""), SHARED,
			false },
	};

	static const struct journal_port journal; /* nothing is asked of it */

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		struct entry entry = { .stream = calls[i].stream, .event = calls[i].event };
		struct escalation *e;
		struct bench b;

		bench_open(&b);
		b.dunner.ports.journal = &journal;
		take(&b, &entry, 1);
		load(&b);
		e = doc_of(&b, DOC_ESCALATION, "i")->e;
		e->state = ESCALATION_TASK;
		e->step = "step";
		e->task = calls[i].task;
		decide(&b);
		if (e->calls != 1 || (e->state == ESCALATION_WAITING) != calls[i].ends || e->walk_count != calls[i].ends || !e->task != calls[i].ends ||
			(b.group->fx.tasks != NULL) != calls[i].ends)
			fail_msg("%s", calls[i].name);
		bench_end(&b);
	}
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(a_call_ends_its_own_task),
		cmocka_unit_test(and_taken_otherwise),
		cmocka_unit_test(in_a_wrong_partition),
		cmocka_unit_test(many_are_held),
		cmocka_unit_test(a_list_has_its_place_behind_all_facts),
		cmocka_unit_test(a_person_is_done_with_a_provider), cmocka_unit_test(a_gate_is_not_decided_by_another_answer), cmocka_unit_test(a_gate_decided_stop),
		cmocka_unit_test(decided_after_the_last_contact),
		cmocka_unit_test(an_answer_about_nothing_open),
		cmocka_unit_test(an_answer_is_answered),
		cmocka_unit_test(a_long_task_is_done),
		cmocka_unit_test(a_skip_that_cannot_be),
	};
	struct CMUnitTest tests[ARRAY_LEN(rows)], brakes[ARRAY_LEN(brake_rows)];
	int failed;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].name,
			.test_func = row_holds,
			.initial_state = (void *)(uintptr_t)&rows[i] };
	for (size_t i = 0; i < ARRAY_LEN(brake_rows); i++)
		brakes[i] = (struct CMUnitTest){ .name = brake_rows[i].name,
			.test_func = brake_holds,
			.initial_state = (void *)(uintptr_t)&brake_rows[i] };
	failed = cmocka_run_group_tests_name("bad input", tests, NULL, NULL);
	failed += cmocka_run_group_tests_name("brakes", brakes, NULL, NULL);
	return failed + cmocka_run_group_tests_name("apply", others, NULL, NULL);
}
