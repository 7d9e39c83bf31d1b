/* A new generation's journal takes over the store that another log wrote: all of it, in any case, and nothing is sent before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/redo.h"
#include "tests/unit/flow_world.h"

#define NEW_ORIGIN "test.example/acme/g2-00000001"
#define ATTEMPTS "dunning:{0}:attempts"

/* What the store had when the log before was sealed. */
struct before {
	struct item items[ITEMS_MAX];
	size_t count;
	uint64_t pseq;
	int sent;
};

static void kill_and_begin(struct world *w, uint64_t first_pseq)
{
	const struct group_header *last = w->journaled ? &w->journal[w->journaled - 1].head : NULL;

	end_life(w);
	w->handed_pseq = last ? last->pseq : first_pseq - 1;
	w->next_index = last ? last->first_index + w->journal[w->journaled - 1].record_count : 0;
	begin(w);
}

/* Sent, to be sent, dead letters, a call to make, and one on the wire when it dies. */
static struct world *sealed_world(struct before *before)
{
	struct world *w = running(0);

	push(w, 1, INVOICE("1", "2026-04-07"));
	push(w, 2, INVOICE_OF("2", LATER, "1"));
	push(w, 3, INVOICE("3", LATER));
	push(w, 4, "{\"broken");
	pass(w, 1000);
	push(w, 5, "{\"broken, too");
	push(w, 6, INVOICE("4", "2026-04-06"));
	pass(w, 1000);
	assert_int_equal(w->sent, 2);
	w->held[START] = true;
	push(w, 7, INVOICE("5", "2026-04-07"));
	pass(w, 1000);
	assert_int_equal(waiting(w, START), 1);
	*before = (struct before){ .pseq = w->pseq, .sent = w->sent };
	for (size_t i = 0; i < w->item_count; i++)
		if (w->items[i]->key[0])
			before->items[before->count++] = *w->items[i];
	w->journaled = 0;
	w->log_origin = NEW_ORIGIN;
	w->sealed = "{\"origin\":\"test.example/acme\",\"why\":\"test\"}";
	kill_and_begin(w, w->pseq + 1);
	return w;
}

static void until_running(struct world *w, const struct before *before)
{
	for (int i = 0; i < 100 && w->dunner->state != DUNNER_RUNNING; i++) {
		assert_int_equal(w->sent, before->sent);
		if (w->dunner->adoption)
			assert_int_equal(waiting(w, START), 0);
		pass(w, 100);
	}
	assert_int_equal(w->dunner->state, DUNNER_RUNNING);
	assert_null(w->dunner->adoption);
}

/* Everything that was there comes back from the journal alone. */
static void all_in_journal(struct world *w, const struct before *before)
{
	struct item *entry;

	flush(w);
	pass(w, 3000);
	assert_int_equal(w->dunner->state, DUNNER_RUNNING);
	for (size_t i = 0; i < before->count; i++) {
		const struct item *was = &before->items[i], *is = find(w, was->key, was->field);

		if (!is)
			fail_msg("%s %s is not in the journal", was->key, was->field);
		if ((strstr(was->key, ":dead") || strstr(was->key, ":outbound") || strstr(was->key, ":attempt:")) &&
			(was->len != is->len || memcmp(was->value, is->value, was->len) != 0))
			fail_msg("%s %s was %.*s, is %.*s", was->key, was->field, (int)was->len, (const char *)was->value, (int)is->len,
				(const char *)is->value);
		if (strstr(was->key, ":attempt:") || strstr(was->key, ":task_due"))
			assert_int_equal(was->score, is->score);
	}
	for (size_t i = 0; i < w->item_count; i++) {
		entry = w->items[i];
		if (strcmp(entry->key, ATTEMPTS) == 0)
			assert_non_null(memmem(entry->value, entry->len, "\"in_doubt\":true", 15));
		if (strstr(entry->key, ":debtor:"))
			assert_non_null(memmem(entry->value, entry->len, NEW_ORIGIN, strlen(NEW_ORIGIN)));
	}
}

static void a_new_generation_takes_over_the_store(void **state)
{
	struct before before;
	struct world *w = sealed_world(&before);

	(void)state;
	until_running(w, &before);
	assert_non_null(strstr(w->log, "going on from group"));
	assert_true(told(w, "contact.unknown") || told(w, "in_doubt") || find(w, ATTEMPTS, "")); /* it is in doubt */
	assert_int_equal(w->journal[0].head.pseq, before.pseq + 1);
	pass(w, 5000);
	assert_int_equal(w->sent, before.sent); /* its bytes are in the sealed journal: nobody sends them again */
	all_in_journal(w, &before);
	push(w, 20, INVOICE("9", "2026-04-07"));
	pass(w, 1000);
	assert_int_equal(w->sent, before.sent + 1);
	close_world(w);
}

/* After so many answers of the world: until it is done before it dies. */
static void killed_after_any_answer_it_ends_with_all(void **state)
{
	bool done = false;
	int k;

	(void)state;
	for (k = 1; !done && k < 1000; k++) {
		struct before before;
		struct world *w = sealed_world(&before);

		for (int i = 0; i < k; i++)
			if (!step(w, false)) {
				done = w->dunner->start_recorded && !w->dunner->adoption;
				pass(w, 100);
			}
		kill_and_begin(w, before.pseq + 1);
		until_running(w, &before);
		all_in_journal(w, &before);
		close_world(w);
	}
	assert_true(done && k > 40);
}

/* A page that cannot be read is asked for again. */
static void a_store_that_fails_is_asked_again(void **state)
{
	struct before before;
	struct world *w = sealed_world(&before);

	(void)state;
	w->fails[SCAN] = -ENOTCONN;
	pass(w, 3000);
	assert_non_null(w->dunner->adoption);
	w->fails[SCAN] = 0;
	until_running(w, &before);
	all_in_journal(w, &before);
	close_world(w);
}

/* What Redis alone had is gone: nobody may go on as if it had never been. */
static void a_store_emptied_meanwhile_is_refused(void **state)
{
	struct before before;
	struct world *w = sealed_world(&before);

	(void)state;
	w->held[SCAN] = true;
	pass(w, 3000);
	assert_int_equal(waiting(w, SCAN), 1);
	flush(w);
	w->held[SCAN] = false;
	pass(w, 5000);
	assert_int_equal(w->dunner->state, DUNNER_REFUSED);
	assert_non_null(strstr(w->dunner->reason, "trail seal"));
	kill_and_begin(w, before.pseq + 1);
	pass(w, 5000);
	assert_int_equal(w->sent, before.sent);
	close_world(w);
}

/* The state directory was taken back to its sealing: Redis knows records of this log. */
static void a_generation_does_not_begin_twice(void **state)
{
	struct before before;
	struct world *w = sealed_world(&before);

	(void)state;
	until_running(w, &before);
	w->journaled = 0;
	kill_and_begin(w, before.pseq + 1);
	pass(w, 1000);
	assert_int_equal(w->dunner->state, DUNNER_REFUSED);
	assert_non_null(strstr(w->dunner->reason, "rolled back"));
	assert_int_equal(w->journaled, 0);
	close_world(w);
}

/* What was before the adoption stays where it is: of other partitions, and not where the run that counts begins. */
static void a_journal_with_an_adoption_is_redone_from_there(void **state)
{
	(void)state;
	for (int live = 0; live < 2; live++) {
		struct world *w = running(0);
		size_t old, at;

		push(w, 1, INVOICE("1", LATER));
		settle(w);
		end_life(w);
		old = w->journaled;
		w->writer = REBUILD_WRITER; /* the book was spread over other partitions */
		w->group[0] ^= 1;
		w->pseq += 5;
		w->handed_pseq = w->pseq;
		begin(w);
		for (int i = 0; i < 100 && (w->dunner->state != DUNNER_RUNNING || w->dunner->adoption); i++)
			pass(w, 100);
		assert_int_equal(w->dunner->state, DUNNER_RUNNING);
		w->writer = NULL;
		assert_int_equal(w->journal[old].head.pseq, w->journal[old - 1].head.pseq + 6);
		push(w, 2, INVOICE("2", LATER));
		settle(w);
		if (!live)
			end_life(w);
		at = w->journaled;
		flush(w);
		if (!live) {
			w->handed_pseq = w->journal[at - 1].head.pseq;
			begin(w);
		}
		pass(w, 3000);
		assert_int_equal(w->dunner->state, DUNNER_RUNNING);
		assert_true(stored(w, "inv_1") && stored(w, "inv_2"));
		assert_true(w->pseq >= w->journal[at - 1].head.pseq);
		close_world(w);
	}
}

/* By its first group the instance is the store's writer: that it had not taken over all stands in the document alone. */
static void a_spread_book_is_taken_over_to_its_end(void **state)
{
	int cut = 0;

	(void)state;
	for (int k = 1; k < 60; k++) {
		struct world *w = running(0);
		uint64_t spread;

		push(w, 1, INVOICE("1", LATER));
		settle(w);
		end_life(w);
		spread = w->pseq;
		w->writer = REBUILD_WRITER;
		w->group[0] ^= 1;
		w->journaled = 0;
		w->handed_pseq = w->pseq;
		w->next_index = 0;
		begin(w);
		for (int i = 0; i < k; i++)
			if (!step(w, false))
				pass(w, 100);
		cut += w->pseq > spread && w->dunner->adoption;
		if (w->pseq > spread) /* its first group came in */
			w->writer = NULL;
		kill_and_begin(w, w->pseq + 1); /* else what it journaled is redone */
		for (int i = 0; i < 100 && (w->dunner->state != DUNNER_RUNNING || w->dunner->adoption); i++)
			pass(w, 100);
		assert_int_equal(w->dunner->state, DUNNER_RUNNING);
		w->writer = NULL;
		flush(w);
		kill_and_begin(w, w->pseq + 1);
		pass(w, 3000);
		assert_int_equal(w->dunner->state, DUNNER_RUNNING);
		assert_true(stored(w, "inv_1"));
		close_world(w);
	}
	assert_true(cut > 5);
}

static enum redo_begin last_run(struct world *w, size_t from)
{
	struct redo_run run;
	size_t count = w->journaled;

	memmove(w->journal, w->journal + from, (count - from) * sizeof(*w->journal));
	w->journaled = count - from;
	assert_int_equal(redo_last_run(w->dunner->ports.journal, w->dunner->ports.keys, 0, NEW_ORIGIN, false, &run), 0);
	return run.begin;
}

/* That all was taken over stands in the document for ever; a journal that lacks where it began, or where it ended, has not all for that. */
static void a_part_of_an_adoption_is_not_all(void **state)
{
	(void)state;
	for (size_t from = 0; from < 4; from++) {
		struct before before;
		struct world *w = sealed_world(&before);

		until_running(w, &before);
		push(w, 20, INVOICE("9", LATER));
		settle(w);
		assert_true(w->journaled > 6);
		assert_int_equal(last_run(w, from), from ? RUN_PART : RUN_ADOPTED);
		close_world(w);
	}
	for (int cut = 0; cut < 2; cut++) {
		struct before before;
		struct world *w = sealed_world(&before);

		until_running(w, &before);
		w->journaled = cut ? 2 : w->journaled;
		assert_int_equal(last_run(w, 0), cut ? RUN_PART : RUN_ADOPTED);
		close_world(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_generation_takes_over_the_store),
		cmocka_unit_test(killed_after_any_answer_it_ends_with_all),
		cmocka_unit_test(a_store_that_fails_is_asked_again),
		cmocka_unit_test(a_store_emptied_meanwhile_is_refused),
		cmocka_unit_test(a_generation_does_not_begin_twice),
		cmocka_unit_test(a_journal_with_an_adoption_is_redone_from_there),
		cmocka_unit_test(a_spread_book_is_taken_over_to_its_end),
		cmocka_unit_test(a_part_of_an_adoption_is_not_all),
	};

	return cmocka_run_group_tests_name("flow_adopt", tests, NULL, NULL);
}
