/* The sample events of tools/samples: each is one that dunningd takes, and together they tell the five stories of the quickstart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/event.h"
#include "common/file.h"

#define DIR SOURCE_DIR "/tools/samples"

/* By file name. */
static const struct {
	const char *file, *invoice;
	enum event_type type;
	const char *policy;
} rows[] = {
	{ "1-paid-early.1-finalized.json", "inv_early", EVENT_INVOICE_FINALIZED, "fr-b2b" },
	{ "1-paid-early.2-paid.json", "inv_early", EVENT_INVOICE_PAID, "fr-b2b" },
	{ "2-paid-after-reminder.1-finalized.json", "inv_reminded", EVENT_INVOICE_FINALIZED, "fr-b2b" },
	{ "2-paid-after-reminder.2-paid.json", "inv_reminded", EVENT_INVOICE_PAID, "fr-b2b" },
	{ "3-paid-in-two-parts.1-finalized.json", "inv_parts", EVENT_INVOICE_FINALIZED, "fr-b2b" },
	{ "3-paid-in-two-parts.2-first-half.json", "inv_parts", EVENT_INVOICE_PAYMENT_RECEIVED, NULL },
	{ "3-paid-in-two-parts.3-second-half.json", "inv_parts", EVENT_INVOICE_PAYMENT_RECEIVED, NULL },
	{ "4-disputed.1-finalized.json", "inv_disputed", EVENT_INVOICE_FINALIZED, "fr-b2b" },
	{ "4-disputed.2-dispute-opened.json", "inv_disputed", EVENT_DISPUTE_OPENED, NULL },
	{ "4-disputed.3-dispute-resolved.json", "inv_disputed", EVENT_DISPUTE_RESOLVED, NULL },
	{ "5-never-paid.1-finalized.json", "inv_unpaid", EVENT_INVOICE_FINALIZED, "fr-b2b" },
};

static struct event read_event(struct arena *arena, const char *file)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct event event = { 0 };
	struct err err = { 0 };

	if (file_read(arena_printf(arena, DIR "/%s", file), JSON_EVENT_MAX, &text, &err) < 0)
		fail_msg("%s", err.text);
	if (event_parse(arena, arena_memdup(arena, text.data, text.len), text.len, NULL, &event, &err) < 0)
		fail_msg("%s: %s %s %s", file, err.code, err.path, err.text);
	return event;
}

static void samples_tell_five_stories(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct event before = { 0 };
	const char *ids[ARRAY_LEN(rows)];
	char **files;
	size_t count;

	(void)state;
	assert_int_equal(file_list(arena, DIR, ".json", &files, &count), 0);
	assert_int_equal(count, ARRAY_LEN(rows)); /* none that the quickstart would play unnoticed */
	for (size_t i = 0; i < count; i++) {
		struct event event = read_event(arena, files[i]);

		assert_string_equal(files[i], rows[i].file);
		assert_int_equal(event.type, rows[i].type);
		assert_string_equal(event.invoice_id, rows[i].invoice);
		if (rows[i].policy)
			assert_string_equal(event.snapshot.policy, rows[i].policy);
		if (event.type == EVENT_INVOICE_FINALIZED)
			assert_true(event.customer.contact_count == 1 && !strcmp(event.customer.timezone, "Europe/Paris"));
		else
			assert_true(event.time > before.time); /* a story's events follow each other, also in time */
		ids[i] = event.id;
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(ids[k], event.id);
		before = event;
	}
}

static void the_two_parts_are_the_whole(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	(void)state;
	assert_int_equal(read_event(arena, rows[5].file).amount + read_event(arena, rows[6].file).amount,
		read_event(arena, rows[4].file).snapshot.due);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples_tell_five_stories),
		cmocka_unit_test(the_two_parts_are_the_whole),
	};

	return cmocka_run_group_tests_name("samples", tests, NULL, NULL);
}
