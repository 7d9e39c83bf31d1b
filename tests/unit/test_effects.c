/* What a decision wants done beside the documents: records, events and tasks, noted in order. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/effects.h"

static void in_the_order_noted(void **state)
{
	struct arena *arena = arena_create();
	struct effects fx;
	struct draft *first, *second, *event;

	(void)state;
	effects_init(&fx, arena, 1234);
	assert_true(fx.now == 1234);
	assert_null(fx.records);
	first = effects_record(&fx, "attempt.intent", "cus_7");
	jw_str(&first->w, "step", "reminder");
	jw_int(&first->w, "try", 1);
	fx.actor = "person:alice";
	second = effects_record(&fx, "daemon.start", NULL);
	event = effects_event(&fx, "contact.reserved", "cus_7", "inv_42");
	jw_bool(&event->w, "x", true);
	jw_str(&first->w, "more", "later"); /* drafts may be filled in any order */
	assert_ptr_equal(fx.records, first);
	assert_ptr_equal(first->next, second);
	assert_null(second->next);
	assert_string_equal(first->kind, "attempt.intent");
	assert_string_equal(first->debtor_id, "cus_7");
	assert_string_equal(first->actor, "daemon");
	assert_string_equal(second->actor, "person:alice");
	assert_null(second->debtor_id);
	assert_string_equal(buf_str(&first->data), "\"step\":\"reminder\",\"try\":1,\"more\":\"later\"");
	assert_string_equal(buf_str(&second->data), "");
	assert_ptr_equal(fx.events, event);
	assert_string_equal(event->invoice_id, "inv_42");
	assert_string_equal(buf_str(&event->data), "\"x\":true");
	draft_part(first, "message.json", "application/json", CLASS_CONTENT, "{}", 2);
	draft_part(first, "who.json", "application/json", CLASS_IDENTITY, "[]", 2);
	assert_int_equal(first->part_count, 2);
	assert_string_equal(first->parts[1].name, "who.json");
	assert_int_equal(first->parts[1].class, CLASS_IDENTITY);
	assert_int_equal(first->parts[0].len, 2);
	arena_free(arena);
}

static void tasks(void **state)
{
	static const char *const invoices[] = { "inv_42", "inv_7" };
	static const struct {
		bool close;
		const char *result, *record, *event;
		size_t parts;
	} cases[] = {
		{ false, NULL, "task.opened", "task.opened", 1 },
		{ true, "done", "task.closed", "task.closed", 0 },
		{ true, "expired", "task.closed", "task.expired", 0 },
		{ true, "obsolete", "task.closed", "task.closed", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *arena = arena_create();
		struct task task = { .id = "call:inv_42:call", .kind = "call", .debtor_id = "cus_7", .invoice_ids = invoices, .invoice_count = 2,
			.step = "call", .role = "owner", .reason = "step", .deadline = 99, .script = "Bonjour", .close = cases[i].close,
			.result = cases[i].result };
		CLEANUP(buf_clear) struct buf expected = { 0 };
		struct effects fx;

		effects_init(&fx, arena, 5);
		effects_task(&fx, &task);
		task.id = "changed"; /* it was copied */
		assert_string_equal(fx.tasks->id, "call:inv_42:call");
		assert_ptr_equal(fx.tasks_end, &fx.tasks->next);
		assert_string_equal(fx.records->kind, cases[i].record);
		assert_string_equal(fx.records->debtor_id, "cus_7");
		assert_string_equal(fx.events->kind, cases[i].event);
		assert_string_equal(fx.events->invoice_id, "inv_42");
		assert_int_equal(fx.records->part_count, cases[i].parts);
		if (cases[i].parts) { /* what is to be said is personal, and goes to the trail alone */
			assert_int_equal(fx.records->parts[0].class, CLASS_CONTENT);
			assert_int_equal(fx.records->parts[0].len, 7);
		}
		assert_null(strstr(buf_str(&fx.events->data), "Bonjour"));
		buf_add_str(&expected, "\"task\":\"call:inv_42:call\",\"task_kind\":\"call\",\"invoices\":[\"inv_42\",\"inv_7\"],"
				       "\"step\":\"call\",\"role\":\"owner\",\"reason\":\"step\"");
		if (cases[i].result)
			buf_printf(&expected, ",\"result\":\"%s\"", cases[i].result);
		buf_add_str(&expected, ",\"deadline\":99");
		assert_string_equal(buf_str(&fx.events->data), buf_str(&expected));
		assert_string_equal(buf_str(&fx.records->data), buf_str(&expected));
		arena_free(arena);
	}
}

static void a_task_about_no_invoice(void **state)
{
	struct arena *arena = arena_create();
	struct task task = { .id = "review:cus_7", .kind = "review" };
	struct effects fx;

	(void)state;
	effects_init(&fx, arena, 5);
	effects_task(&fx, &task);
	effects_task(&fx, &task);
	assert_non_null(fx.tasks->next);
	assert_null(fx.events->invoice_id);
	assert_null(fx.records->debtor_id);
	assert_string_equal(buf_str(&fx.records->data), "\"task\":\"review:cus_7\",\"task_kind\":\"review\",\"invoices\":[]");
	arena_free(arena);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_the_order_noted),
		cmocka_unit_test(tasks),
		cmocka_unit_test(a_task_about_no_invoice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
