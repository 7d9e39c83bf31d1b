/* Redis goes back to before what other instances wrote: what only they have is never left out, and what is ours is redone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/flow_world.h"

struct backup {
	struct item items[ITEMS_MAX];
	size_t count;
	uint64_t pseq, epoch;
	uint8_t group[GROUP_ID_SIZE];
	const char *writer;
};

static void back_up(struct world *w, struct backup *to)
{
	*to = (struct backup){ .count = w->item_count, .pseq = w->pseq, .epoch = w->epoch, .writer = w->writer };
	memcpy(to->group, w->group, GROUP_ID_SIZE);
	for (size_t i = 0; i < w->item_count; i++)
		to->items[i] = *w->items[i];
}

static void put_back(struct world *w, const struct backup *from)
{
	w->item_count = from->count;
	for (size_t i = 0; i < from->count; i++)
		*w->items[i] = from->items[i];
	w->pseq = from->pseq;
	w->epoch = from->epoch;
	w->writer = from->writer;
	memcpy(w->group, from->group, GROUP_ID_SIZE);
}

/* Another instance leads for so many groups, of which our journal has none. */
static void other_leads(struct world *w, int groups)
{
	end_life(w);
	w->pseq += (uint64_t)groups;
	w->epoch++;
	w->group[0] ^= 1;
	w->writer = "host-b";
	w->handed_pseq = w->pseq;
}

/* By its next commit it is the store's writer. */
static void lead(struct world *w, int id, const char *event)
{
	if (!w->calls)
		begin(w);
	push(w, id, event);
	pass(w, 3000);
	assert_int_equal(w->dunner->state, DUNNER_RUNNING);
	w->writer = NULL;
}

static void begin_again(struct world *w)
{
	w->handed_pseq = w->journal[w->journaled - 1].head.pseq;
	w->log[0] = '\0';
	begin(w);
	pass(w, 5000);
}

static void refused_untouched(struct world *w, const struct backup *from, int sent)
{
	assert_int_equal(w->dunner->state, DUNNER_REFUSED);
	assert_non_null(strstr(w->dunner->reason, "instances rebuild"));
	assert_non_null(strstr(w->log, w->dunner->reason));
	assert_int_equal(w->pseq, from->pseq);
	assert_int_equal(w->sent, sent);
	pass(w, 60000); /* nor may another instance go on there */
	assert_true(w->dunner->lease_until > w->mono);
	dunner_stop(w->dunner);
	assert_int_equal(waiting(w, RELEASE), 0);
	assert_int_equal(w->stopped, 1);
}

/* We led, another one did, and we do: Redis is as it was at first. */
static void a_hole_in_our_journal_is_not_skipped(void **state)
{
	(void)state;
	for (int superseded = 0; superseded < 2; superseded++) {
		struct world *w = running(0);
		struct backup backup;
		int sent;

		lead(w, 1, INVOICE("1", LATER));
		back_up(w, &backup);
		if (superseded) { /* it links to the place, and others went on without it */
			w->held[COMMIT] = true;
			push(w, 2, INVOICE("2", LATER));
			settle(w);
			assert_true(w->journal[w->journaled - 1].head.pseq > w->pseq);
		}
		other_leads(w, 3);
		lead(w, 3, INVOICE("3", "2026-04-07"));
		sent = w->sent;
		assert_int_equal(sent, 1);
		end_life(w);
		put_back(w, &backup);
		begin_again(w);
		refused_untouched(w, &backup, sent);
		close_world(w);
	}
}

/* The other one wrote last: what it did before we took over is in no journal of ours. */
static void what_the_other_wrote_before_us_is_not_left_out(void **state)
{
	(void)state;
	for (int live = 0; live < 2; live++) {
		struct world *w = running(0);
		struct backup backup;
		int sent;

		push(w, 1, INVOICE("1", LATER));
		settle(w);
		other_leads(w, 2);
		back_up(w, &backup);
		w->pseq += 3;
		w->group[1] ^= 1;
		w->handed_pseq = w->pseq;
		begin(w);
		lead(w, 3, INVOICE("3", "2026-04-07"));
		sent = w->sent;
		assert_int_equal(sent, 1);
		if (live) {
			put_back(w, &backup);
			pass(w, 5000);
		} else {
			end_life(w);
			put_back(w, &backup);
			begin_again(w);
		}
		refused_untouched(w, &backup, sent);
		close_world(w);
	}
}

/* It went back to where we took over, or never had what we decided there: ours alone is missing, and nothing is sent twice. */
static void what_is_ours_behind_the_others_place_is_redone(void **state)
{
	(void)state;
	for (int live = 0; live < 2; live++) {
		for (int committed = 0; committed < 2; committed++) {
			struct world *w = running(0);
			struct backup backup;
			uint64_t last;

			push(w, 1, INVOICE("1", LATER));
			settle(w);
			other_leads(w, 2);
			back_up(w, &backup);
			begin(w);
			w->held[COMMIT] = !committed;
			settle(w);
			w->held[COMMIT] = false;
			if (committed)
				lead(w, 3, INVOICE("3", "2026-04-07"));
			last = w->journal[w->journaled - 1].head.pseq;
			assert_true(last > backup.pseq);
			if (!live)
				end_life(w);
			put_back(w, &backup);
			if (!live)
				begin_again(w);
			pass(w, 5000);
			assert_int_equal(w->dunner->state, DUNNER_RUNNING);
			assert_null(strstr(w->log, "superseded"));
			assert_true(w->pseq >= last);
			assert_int_equal(stored(w, "inv_3"), committed);
			push(w, 4, INVOICE("3", "2026-04-07")); /* as the guide says: once more */
			pass(w, 5000);
			assert_int_equal(w->sent, 1);
			close_world(w);
		}
	}
}

/* Others went on without what we had decided and could not commit: that is superseded, as ever. */
static void what_others_went_on_without_is_superseded(void **state)
{
	struct world *w = running(0);
	uint64_t at;

	(void)state;
	push(w, 1, INVOICE("1", LATER));
	settle(w);
	other_leads(w, 2);
	begin(w);
	w->held[COMMIT] = true;
	settle(w);
	push(w, 3, INVOICE("3", LATER));
	settle(w);
	at = w->pseq;
	assert_true(w->journal[w->journaled - 1].head.pseq > at);
	other_leads(w, 1);
	begin(w);
	pass(w, 5000);
	assert_int_equal(w->dunner->state, DUNNER_RUNNING);
	assert_non_null(strstr(w->log, "continuing from there"));
	close_world(w);
}

/* Who took over again died before its first group was in the store: that one is redone, and what was superseded before is recorded. */
static void what_was_superseded_before_a_redo_is_recorded(void **state)
{
	struct world *w = running(0);
	char place[40];
	struct image mark = { .op = IMAGE_HSET, .key = "dunning:{0}:cursor", .field = "left host-a", .value = place };
	uint64_t last;

	(void)state;
	lead(w, 1, INVOICE("1", LATER));
	snprintf(place, sizeof(place), "%d 00", (int)w->pseq);
	mark.value_len = strlen(place);
	put(w, &mark);
	w->held[COMMIT] = true;
	push(w, 2, INVOICE("2", LATER));
	settle(w);
	assert_true(w->journal[w->journaled - 1].head.pseq > w->pseq);
	other_leads(w, 3);
	w->held[COMMIT] = true;
	begin(w);
	settle(w);
	last = w->journal[w->journaled - 1].head.pseq;
	assert_true(last > w->pseq);
	end_life(w);
	w->held[COMMIT] = false;
	begin_again(w);
	assert_int_equal(w->dunner->state, DUNNER_RUNNING);
	assert_true(w->pseq >= last);
	assert_non_null(strstr(w->log, "1 groups of ours"));
	close_world(w);
}

/* It was taken over from us at a group that our journal does not have: a host was lost, and an older backup of it put back. */
static void a_journal_of_before_the_take_over_is_refused(void **state)
{
	(void)state;
	for (int rolled_back = 0; rolled_back < 2; rolled_back++) {
		struct world *w = running(0);
		char place[40];
		struct image mark = { .op = IMAGE_HSET, .key = "dunning:{0}:cursor", .field = "left host-a", .value = place };
		size_t old = w->journaled;

		push(w, 1, INVOICE("1", LATER));
		settle(w);
		assert_true(w->journaled > old);
		snprintf(place, sizeof(place), "%d 00", (int)w->pseq);
		mark.value_len = strlen(place);
		put(w, &mark);
		other_leads(w, 3);
		if (rolled_back) {
			w->journaled = old;
			w->next_index = w->journal[old - 1].head.first_index + w->journal[old - 1].record_count;
		}
		begin(w);
		pass(w, 3000);
		assert_int_equal(w->dunner->state, rolled_back ? DUNNER_REFUSED : DUNNER_RUNNING);
		if (rolled_back)
			assert_non_null(strstr(w->dunner->reason, "trail seal"));
		close_world(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hole_in_our_journal_is_not_skipped),
		cmocka_unit_test(what_the_other_wrote_before_us_is_not_left_out),
		cmocka_unit_test(what_is_ours_behind_the_others_place_is_redone),
		cmocka_unit_test(what_others_went_on_without_is_superseded),
		cmocka_unit_test(what_was_superseded_before_a_redo_is_recorded),
		cmocka_unit_test(a_journal_of_before_the_take_over_is_refused),
	};

	return cmocka_run_group_tests_name("flow_back", tests, NULL, NULL);
}
