/* A producer's list of its open invoices: in parts, in any order, twice; and what it says otherwise than we know. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/escalation_world.h"

#define SOURCE "https://billing.example/talk"
#define NIGHT "2026-04-02T01:00:00Z"

static struct event part_event(struct arena *arena, const char *snapshot, const char *as_of, int part, int parts, const char *items)
{
	const char *text = arena_printf(arena, "{\"specversion\":\"1.0\",\"id\":\"b-%s-%d\",\"source\":\"" SOURCE "\",\"type\":\"book.snapshot\","
		"\"time\":\"%s\",\"data\":{\"snapshot_id\":\"%s\",\"as_of\":\"%s\",\"part\":%d,\"parts\":%d,\"invoices\":[%s]}}", snapshot, part, as_of, snapshot, as_of, part,
		parts, items);
	struct event e;
	struct err err = { 0 };

	if (event_parse(arena, text, strlen(text), NULL, &e, &err) < 0)
		fail_msg("%s %s", err.path, err.text);
	return e;
}

static bool told(struct books *books, struct arena *arena, const char *snapshot, const char *as_of, int part, int parts)
{
	struct event e = part_event(arena, snapshot, as_of, part, parts, "");

	return books_told(books, e.book, arena);
}

static void parts_come_in_any_order_and_twice(void **state)
{
	static const int orders[][3] = { { 1, 2, 3 }, { 3, 1, 2 }, { 2, 3, 1 } };
	struct arena *arena = arena_create();

	(void)state;
	for (size_t o = 0; o < ARRAY_LEN(orders); o++) {
		CLEANUP(buf_clear) struct buf text = { 0 };
		struct json_writer w = jw_init(&text);
		struct json json, list;
		struct books books = { 0 }, again;

		for (int i = 0; i < 3; i++) {
			assert_null(books_complete(&books, SOURCE));
			assert_true(told(&books, arena, "s2", NIGHT, orders[o][i], 3));
			assert_false(told(&books, arena, "s2", NIGHT, orders[o][i], 3));
			assert_true(i == 2 || books.items[books.count - 1].came == i + 1);
		}
		assert_non_null(books_complete(&books, SOURCE));
		assert_false(told(&books, arena, "s1", "2026-04-01T01:00:00Z", 1, 1)); /* late: from the night before */
		assert_true(told(&books, arena, "s3", "2026-04-03T01:00:00Z", 1, 2));
		assert_string_equal(books_complete(&books, SOURCE)->snapshot_id, "s2"); /* until all of the next one is there */
		jw_object(&w, NULL);
		books_write(&w, "books", &books);
		jw_end_object(&w);
		assert_int_equal(json_parse(arena, buf_str(&text), text.len, 0, &json, NULL), 0);
		list = json_get(&json, "books");
		books_read(&list, arena, &again);
		assert_true(again.count == 2 && again.items[1].came == 1 && !again.items[0].have);
		assert_true(told(&again, arena, "s3", "2026-04-03T01:00:00Z", 2, 2));
		assert_true(again.count == 1);
		assert_string_equal(books_complete(&again, SOURCE)->snapshot_id, "s3");
	}
	arena_free(arena);
}

/* Who gives each night's list the same name gets each compared; and what came before is told apart from it at every point. */
static void each_night_the_same_name(void **state)
{
	struct arena *arena = arena_create();
	struct books books = { 0 };

	(void)state;
	assert_true(told(&books, arena, "nightly", NIGHT, 1, 2));
	assert_true(told(&books, arena, "nightly", NIGHT, 2, 2));
	assert_false(told(&books, arena, "nightly", NIGHT, 2, 2)); /* it is whole: nothing is counted any more */
	assert_true(told(&books, arena, "nightly", "2026-04-03T01:00:00Z", 2, 2));
	assert_false(told(&books, arena, "nightly", NIGHT, 1, 2));
	assert_int_equal(books_complete(&books, SOURCE)->as_of, 1775091600000);
	assert_true(told(&books, arena, "nightly", "2026-04-03T01:00:00Z", 1, 2));
	assert_int_equal(books_complete(&books, SOURCE)->as_of, 1775091600000 + DAY_MS);
	assert_int_equal(books.count, 1);
	arena_free(arena);
}

static void there_is_room_for_so_many(void **state)
{
	struct arena *arena = arena_create();
	struct books books = { 0 };

	(void)state;
	for (int i = 0; i < BOOKS_MAX + 3; i++)
		assert_true(told(&books, arena, arena_printf(arena, "s%02d", i), arena_printf(arena, "2026-04-02T01:00:%02dZ", i), 1, 2));
	assert_int_equal(books.count, BOOKS_MAX);
	assert_string_equal(books.items[0].snapshot_id, "s03"); /* the oldest went */
	arena_free(arena);
}

static void bad_parts(void **state)
{
	static const struct {
		const char *name, *data, *code, *path;
	} rows[] = {
		{ "no id", "\"invoices\":[]", "missing", "$.data.snapshot_id" },
		{ "no list", "\"snapshot_id\":\"s\"", "missing", "$.data.invoices" },
		{ "parts of no time", "\"snapshot_id\":\"s\",\"part\":1,\"parts\":2,\"invoices\":[]", "missing", "$.data.as_of" },
		{ "a part of fewer", "\"snapshot_id\":\"s\",\"as_of\":\"2026-03-02T00:00:00Z\",\"part\":3,\"parts\":2,\"invoices\":[]", "out_of_range", "$.data.part" },
		{ "from the future", "\"snapshot_id\":\"s\",\"as_of\":\"2026-04-03T00:00:00Z\",\"invoices\":[]", "bad_order", "$.data.as_of" },
		{ "a bare id", "\"snapshot_id\":\"s\",\"invoices\":[\"inv_1\"]", "wrong_type", "$.data.invoices" },
		{ "less than nothing", "\"snapshot_id\":\"s\",\"invoices\":[{\"id\":\"i\",\"due_minor\":-1}]", "out_of_range",
			"$.data.invoices[0].due_minor" },
	};
	struct arena *arena = arena_create();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *text = arena_printf(arena, "{\"specversion\":\"1.0\",\"id\":\"b\",\"source\":\"s\",\"type\":\"book.snapshot\",\"time\":\"" NIGHT
			"\",\"data\":{%s}}", rows[i].data);
		struct err err = { 0 };
		struct event e;

		if (event_parse(arena, text, strlen(text), NULL, &e, &err) == 0)
			fail_msg("%s was taken", rows[i].name);
		assert_string_equal(err.code, rows[i].code);
		assert_string_equal(err.path, rows[i].path);
	}
	arena_free(arena);
}

/* Of one invoice of 1,200.00, told of on 2 March: what each list makes of it. */
struct row {
	const char *name;
	const char *items; /* of the list of the night to 2 April; NULL: there is none */
	void (*before)(struct world *w); /* what else was told */
	const char *finding; /* NULL = none */
	bool holds;
};

static void paid_half_before(struct world *w)
{
	add_fact(w, FACT_PAYMENT, "2026-03-20T10:00:00Z", NULL)->amount = 60000;
}

static void paid_after(struct world *w)
{
	add_fact(w, FACT_PAYMENT, "2026-04-02T02:00:00Z", NULL)->amount = 120000;
}

static void paid_before(struct world *w)
{
	add_fact(w, FACT_PAYMENT, "2026-03-20T10:00:00Z", NULL)->amount = 120000;
}

static void figures_after(struct world *w)
{
	w->e.invoice.order.time = at("2026-04-02T02:00:00Z");
}

static void figures_of_a_later_version(struct world *w)
{
	w->e.invoice.order.version = 3;
}

static void of_another_source(struct world *w)
{
	w->e.invoice.order.source = "https://other.example";
}

static void unknown(struct world *w)
{
	w->e.invoice.known = false;
	w->e.state = ESCALATION_STUB;
}

static void settled_in_kind(struct world *w)
{
	add_fact(w, FACT_SETTLEMENT, "2026-03-20T10:00:00Z", NULL)->in_kind = true;
}

static const struct row rows[] = {
	{ "no list", NULL, NULL, NULL, false },
	{ "the same", "{\"id\":\"inv_42\",\"due_minor\":120000}", NULL, NULL, false },
	{ "open there with less", "{\"id\":\"inv_42\",\"due_minor\":70000}", NULL, "less", true },
	{ "closed there, and told so", "{\"id\":\"inv_42\",\"due_minor\":0}", NULL, "less", true },
	{ "open there with more", "{\"id\":\"inv_42\",\"due_minor\":120000}", paid_half_before, "more", false },
	{ "not in it", "{\"id\":\"inv_1\",\"due_minor\":1}", NULL, "not_listed", true },
	{ "an empty book", "", NULL, "not_listed", true },
	{ "not in it, paid here", "", paid_before, NULL, false },
	{ "open there, paid here", "{\"id\":\"inv_42\",\"due_minor\":120000}", paid_before, "closed_here", false },
	{ "paid since", "{\"id\":\"inv_42\",\"due_minor\":120000}", paid_after, NULL, false },
	{ "not in it, told of since", "", figures_after, NULL, false },
	{ "an older version of it", "{\"id\":\"inv_42\",\"version\":2,\"due_minor\":70000}", figures_of_a_later_version, NULL, false },
	{ "another producer's invoice", "", of_another_source, NULL, false },
	{ "never heard of", "{\"id\":\"inv_42\",\"due_minor\":120000}", unknown, "never_heard_of", false },
	{ "never heard of, and not open", "{\"id\":\"inv_42\",\"due_minor\":0}", unknown, NULL, false },
	{ "settled here by something else", "{\"id\":\"inv_42\",\"due_minor\":120000}", settled_in_kind, NULL, false },
};

static void list(struct world *w, struct books *books, const char *snapshot, const char *as_of, const char *items)
{
	struct event e = part_event(w->arena, snapshot, as_of, 1, 1, items);

	for (size_t i = 0; i < e.book->count; i++)
		if (strcmp(e.book->items[i].invoice_id, "inv_42") == 0)
			(void)invoice_listed(&w->e.invoice, &e, &e.book->items[i], w->arena);
	(void)books_told(books, e.book, w->arena);
	w->rules.books = books;
}

static void listed(void **state)
{
	const struct row *row = *state;
	struct books books = { 0 };
	const char *finding;
	struct world w;
	bool held;

	world_init(&w, LADDER, TEN);
	w.e.invoice.order.source = SOURCE;
	if (row->before)
		row->before(&w);
	if (row->items)
		list(&w, &books, "s1", NIGHT, row->items);
	finding = book_finding(&w.e.invoice, &books, w.rules.now);
	if (!row->finding != !finding || (finding && strcmp(finding, row->finding) != 0))
		fail_msg("found: %s", finding ? finding : "nothing");
	assert_true(book_holds(finding) == row->holds);
	held = strcmp(escalation_next(&w.e, &w.debtor, &w.rules).why ? escalation_next(&w.e, &w.debtor, &w.rules).why : "", "book_differs") == 0;
	assert_true(held == row->holds);
	world_clear(&w);
}

/* Told once, with a task; and when a later list has it again, that is told too, and the ladder goes on. */
static void a_difference_is_told_once_and_cleared(void **state)
{
	struct books books = { 0 };
	struct world w;

	(void)state;
	world_init(&w, LADDER, TEN);
	w.e.invoice.order.source = SOURCE;
	list(&w, &books, "s1", NIGHT, "");
	escalation_refresh(&w.e, &w.debtor, &w.rules, &w.fx);
	assert_string_equal(w.e.book, "not_listed");
	assert_string_equal(w.e.held, "book_differs");
	assert_tells(find_draft(w.fx.records, "book.difference"), "\"finding\":\"not_listed\"");
	assert_tells(find_draft(w.fx.records, "book.difference"), "\"snapshot\":\"s1\""); /* which list says so */
	assert_tells(find_draft(w.fx.records, "book.difference"), "\"book\":\"" SOURCE "\"");
	assert_non_null(find_task(&w.fx, "compare_books"));
	world_at(&w, "2026-04-02T09:00:00Z");
	escalation_refresh(&w.e, &w.debtor, &w.rules, &w.fx);
	assert_null(find_draft(w.fx.records, "book.difference"));
	world_at(&w, "2026-04-03T08:00:00Z");
	list(&w, &books, "s2", "2026-04-03T01:00:00Z", "{\"id\":\"inv_42\",\"due_minor\":120000}");
	escalation_refresh(&w.e, &w.debtor, &w.rules, &w.fx);
	assert_null(w.e.book);
	assert_null(w.e.held);
	assert_tells(find_draft(w.fx.records, "book.difference"), "\"ended\":true");
	assert_tells(find_draft(w.fx.records, "book.difference"), "\"snapshot\":\"s2\"");
	assert_true(find_task(&w.fx, "compare_books")->close);
	assert_int_equal(escalation_next(&w.e, &w.debtor, &w.rules).kind, NEXT_CONTACT);
	world_clear(&w);
}

/* An invoice that nobody told of: not at once, since its event may come behind the list, but after an hour; and once it comes that is over. */
static void one_never_heard_of_is_waited_for(void **state)
{
	struct books books = { 0 };
	struct world w;

	(void)state;
	world_init(&w, LADDER, "2026-04-02T01:00:10Z");
	w.e.invoice.known = false;
	w.e.state = ESCALATION_NONE;
	list(&w, &books, "s1", NIGHT, "{\"id\":\"inv_42\",\"due_minor\":120000}");
	escalation_refresh(&w.e, NULL, &w.rules, &w.fx);
	assert_true(w.e.state == ESCALATION_STUB && !w.e.book && w.e.next_at == at("2026-04-02T02:00:00Z"));
	world_at(&w, "2026-04-02T02:00:00Z");
	escalation_refresh(&w.e, NULL, &w.rules, &w.fx);
	assert_string_equal(w.e.book, "never_heard_of");
	assert_non_null(find_task(&w.fx, "compare_books"));
	world_at(&w, "2026-04-02T08:00:00Z");
	w.e.invoice.known = true;
	w.e.invoice.order = (struct fact_order){ 1, at("2026-03-02T09:00:00Z"), SOURCE, "1" };
	escalation_refresh(&w.e, &w.debtor, &w.rules, &w.fx);
	assert_null(w.e.book);
	assert_true(find_task(&w.fx, "compare_books")->close);
	assert_int_equal(w.e.state, ESCALATION_WAITING);
	world_clear(&w);
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(parts_come_in_any_order_and_twice), cmocka_unit_test(each_night_the_same_name),
		cmocka_unit_test(there_is_room_for_so_many),
		cmocka_unit_test(bad_parts),
		cmocka_unit_test(a_difference_is_told_once_and_cleared),
		cmocka_unit_test(one_never_heard_of_is_waited_for),
	};
	static struct CMUnitTest tests[ARRAY_LEN(others) + ARRAY_LEN(rows)];
	size_t count = ARRAY_LEN(others);

	memcpy(tests, others, sizeof(others));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		tests[count++] = (struct CMUnitTest){ .name = rows[i].name, .test_func = listed, .initial_state = (void *)(uintptr_t)&rows[i] };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
