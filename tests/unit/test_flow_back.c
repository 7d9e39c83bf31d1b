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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hole_in_our_journal_is_not_skipped),
	};

	return cmocka_run_group_tests_name("flow_back", tests, NULL, NULL);
}
