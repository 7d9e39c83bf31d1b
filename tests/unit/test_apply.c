/*
 * Bad input that an event alone does not show: what it takes the configuration, the policies or the stored documents to see. Entries go
 * the daemon's own way, from a page of the inbox onto documents; only the store that would load those is left out.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/utc.h"
#include "daemon/flow.h"

#define NOW INT64_C(1772442000000) /* 2026-03-02T09:00:00Z */

#define EVENT(type, rest)                                                                                                     \
	"{\"specversion\":\"1.0\",\"id\":\"e1\",\"source\":\"s\",\"type\":\"" type "\",\"time\":\"2026-03-02T09:00:00Z\",\"data\":{" rest "}}"
#define FIGURES "\"due_on\":\"2026-04-01\",\"currency\":\"EUR\",\"total_minor\":1000,\"due_minor\":1000"

static int64_t now(void *self)
{
	(void)self;
	return NOW;
}

static const struct clock_port wall = { .now = now, .mono = now };

/* A dunner that has read, and decides: nothing of it is started. Stream 0 may send payments alone, stream 1 everything. */
struct bench {
	struct dunner dunner;
	struct config config;
	struct producer producers[2];
	struct library library;
	struct stream_position streams[2];
	struct page page;
	struct group *group;
	struct arena *arena;
};

static void bench_open(struct bench *b)
{
	*b = (struct bench){ .arena = arena_create() };
	b->producers[0] = (struct producer){ "bank", 1u << EVENT_INVOICE_PAYMENT_RECEIVED };
	b->producers[1] = (struct producer){ NULL, UINT64_MAX };
	b->streams[0].stream = "dunning:{0}:events:bank";
	b->streams[1].stream = "dunning:{0}:events";
	b->config = (struct config){ .producers = b->producers, .producer_count = 2, .limits = { .batch = 100 } };
	b->dunner = (struct dunner){ .config = &b->config, .library = &b->library, .ports = { .clock = &wall }, .read_at = b->streams,
		.stream_count = 2, .keyspace = { "dunning", 0 } };
	b->group = group_create(&b->dunner);
}

static void bench_end(struct bench *b)
{
	group_free(b->group);
	arena_free(b->arena);
}

/* As load.c does with what the store answers: here nothing was stored, but for what the test puts into it. */
static void load(struct bench *b)
{
	decide_wants(&b->dunner, b->group);
	for (struct doc *doc = b->group->docs; doc; doc = doc->next) {
		doc->loaded = doc->existed = true;
		if (doc->kind == DOC_DEBTOR) {
			doc->d = arena_alloc(b->group->arena, sizeof(*doc->d));
			doc->d->id = doc->id;
		} else {
			doc->e = arena_alloc(b->group->arena, sizeof(*doc->e));
			doc->e->invoice.id = doc->id;
		}
	}
}

static void take(struct bench *b, struct entry *entries, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		entries[i].id = arena_printf(b->arena, "%zu-0", i + 1);
		entries[i].len = entries[i].event ? strlen(entries[i].event) : 0;
		entries[i].raw_len = entries[i].raw ? strlen(entries[i].raw) : 0;
	}
	b->page = (struct page){ .arena = b->arena, .entries = entries, .count = count };
	b->dunner.pages = &b->page;
	b->dunner.queued = count;
	inbox_take(&b->dunner, b->group);
	assert_int_equal(b->group->input_count, count);
}

static void decide(struct bench *b)
{
	for (struct input *input = b->group->inputs; input; input = input->next)
		decide_event(&b->dunner, b->group, input);
}

struct row {
	const char *name, *event, *raw;
	size_t stream;
	const char *code, *path;
	const char *owner; /* whose the invoice is, as stored */
	size_t facts; /* stored already */
	bool holds_invoice, holds_customer;
};

static const struct row rows[] = {
	{ "no field `event`", NULL, "[\"payload\",\"{}\"]", 1, "no_event_field", "", NULL, 0, false, false },
	{ "two fields `event`", NULL, "[\"event\",\"{}\",\"event\",\"{}\"]", 1, "no_event_field", "", NULL, 0, false, false },
	{ "not JSON", "hello", NULL, 1, "bad_json", "$", NULL, 0, false, false },
	{ "a type not allowed for this producer", EVENT("invoice.voided", "\"invoice_id\":\"i\""), NULL, 0, "not_allowed", "$.type", NULL, 0, true,
		false },
	{ "a command outside the operator's stream", EVENT("operator.command", "\"command\":\"hold\",\"target\":\"i\",\"who\":\"a\",\"why\":\"b\""), NULL,
		0, "not_allowed", "$.type", NULL, 0, false, false },
	{ "an unknown policy of an invoice", EVENT("invoice.updated", "\"invoice\":{\"id\":\"i\",\"policy\":\"nope\"," FIGURES "}"), NULL, 1,
		"unknown_policy", "$.data.invoice.policy", NULL, 0, true, false },
	{ "an unknown policy of a customer", EVENT("customer.updated", "\"customer\":{\"id\":\"c\",\"policy\":\"nope\"}"), NULL, 1, "unknown_policy",
		"$.data.customer.policy", NULL, 0, false, true },
	{ "an invoice of another customer", EVENT("invoice.paid", "\"invoice_id\":\"i\",\"customer_id\":\"c\""), NULL, 1, "customer_mismatch",
		"$.data.customer.id", "other", 0, true, false },
	{ "more facts than an invoice keeps", EVENT("invoice.payment_received", "\"invoice_id\":\"i\",\"amount_minor\":1"), NULL, 1, "too_many_facts",
		"$.data", NULL, INVOICE_FACTS_MAX, true, false },
	{ "a payment of 1e2", EVENT("invoice.payment_received", "\"invoice_id\":\"i\",\"amount_minor\":1e2"), NULL, 0, "not_integer",
		"$.data.amount_minor", NULL, 0, true, false },
	{ "a bad id beside a good one", EVENT("invoice.payment_received", "\"customer_id\":\"c\",\"invoice_id\":\"i i\",\"amount_minor\":\"100\""), NULL, 0,
		"bad_id", "$.data.invoice_id", NULL, 0, false, true },
};

static struct doc *doc_of(struct bench *b, enum doc_kind kind, const char *id)
{
	return group_find(&b->dunner, b->group, kind, id);
}

static void check_neighbours(struct bench *b)
{
	struct doc *before = doc_of(b, DOC_ESCALATION, "before"), *after = doc_of(b, DOC_ESCALATION, "after");

	assert_int_equal(before->e->invoice.fact_count, 1);
	assert_int_equal(before->e->hold_count, 0);
	assert_int_equal(after->e->invoice.fact_count, 1);
	assert_int_equal(after->e->hold_count, 0);
}

/* To the dead letters with its reason; whom it names is held; the entries before and behind it take their effect. */
static void row_holds(void **state)
{
	const struct row *row = *state;
	struct entry entries[] = {
		{ .stream = 1, .event = EVENT("invoice.payment_received", "\"invoice_id\":\"before\",\"amount_minor\":1") },
		{ .stream = row->stream, .event = row->event, .raw = row->raw },
		{ .stream = 1, .event = EVENT("invoice.payment_received", "\"invoice_id\":\"after\",\"amount_minor\":1") },
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
		assert_string_equal(b.group->positions[i].id, b.group->positions[i].stream == b.streams[1].stream ? "3-0" : "2-0");
	bench_end(&b);
}

/* The same events are taken when nothing stands against them. */
static void and_taken_otherwise(void **state)
{
	struct entry entries[] = {
		{ .stream = 1, .event = EVENT("invoice.voided", "\"invoice_id\":\"i\"") },
		{ .stream = 1, .event = EVENT("invoice.updated", "\"invoice\":{\"id\":\"i\"," FIGURES "}") },
		{ .stream = 0, .event = EVENT("invoice.payment_received", "\"invoice_id\":\"i\",\"amount_minor\":100") },
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

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(and_taken_otherwise),
	};
	struct CMUnitTest tests[ARRAY_LEN(rows)];
	int failed;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].name,
			.test_func = row_holds,
			.initial_state = (void *)(uintptr_t)&rows[i] };
	failed = cmocka_run_group_tests_name("bad input", tests, NULL, NULL);
	return failed + cmocka_run_group_tests_name("apply", others, NULL, NULL);
}
