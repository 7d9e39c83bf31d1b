/* What a group meets while an earlier one is still with the journal or the store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/flow_world.h"

static void no_timer_at_all_is_asked_for_once(void **state)
{
	struct world *w = running(0);

	(void)state;
	w->held[DUE] = true;
	pass(w, 1000);
	assert_int_equal(waiting(w, DUE), 0);
	w->held[DUE] = false;
	push(w, 1, INVOICE("1", "2026-04-07"));
	pass(w, 1000);
	assert_int_equal(w->sent, 1);
	close_world(w);
}

static void a_due_timer_given_back_is_looked_at_again(void **state)
{
	struct world *w = running(0);

	(void)state;
	push(w, 1, INVOICE("1", "2026-04-07"));
	w->held[DUE] = true;
	settle(w); /* stored, and due */
	w->held[APPEND] = true;
	w->held[DUE] = false;
	settle(w);
	assert_non_null(w->dunner->decided);
	assert_non_null(w->dunner->decided->releases);
	assert_true(w->dunner->due_seen);
	recover_wanted(w->dunner, "test");
	w->fails[APPEND] = -ENOSPC;
	one(w, APPEND);
	assert_null(w->dunner->decided);
	w->fails[APPEND] = 0;
	w->held[APPEND] = false;
	pass(w, 1000);
	assert_int_equal(w->sent, 1);
	close_world(w);
}

static void a_group_waits_for_the_place_of_one_without_space(void **state)
{
	struct world *w = running(0);

	(void)state;
	w->held[APPEND] = true;
	push(w, 1, INVOICE("1", LATER));
	settle(w);
	assert_int_equal(waiting(w, APPEND), 1);
	w->held[LOAD] = w->held[HASH] = true;
	push(w, 2, INVOICE("2", LATER));
	settle(w);
	assert_int_equal(waiting(w, LOAD), 1);
	w->fails[APPEND] = -ENOSPC;
	one(w, APPEND);
	w->fails[APPEND] = 0;
	w->held[LOAD] = w->held[HASH] = w->held[APPEND] = false;
	settle(w); /* there is space again, but the first one asks for it in ten seconds only */
	pass(w, 25000);
	assert_true(stored(w, "inv_1") && stored(w, "inv_2"));
	assert_int_equal(w->dunner->state, DUNNER_RUNNING);
	assert_null(strstr(w->log, "recover"));
	close_world(w);
}

#define PAID(n)                                                                                                                     \
	EVENT("p" n, "invoice.payment_received", "\"invoice_id\":\"inv_" n "\",\"payment_id\":\"pay_" n "\",\"amount_minor\":1000,\"currency\":\"EUR\"," \
		"\"paid_at\":\"2026-04-09T09:30:00Z\"")

static void a_resend_decided_before_the_payment_does_not_leave(void **state)
{
	struct world *w = running(0);

	(void)state;
	w->answer = OUTCOME_IN_DOUBT;
	push(w, 1, INVOICE("1", "2026-04-07"));
	pass(w, 1000);
	assert_int_equal(w->sent, 1);
	w->held[COMMIT] = true;
	for (int i = 0; i < 200 && !w->dunner->decided; i++)
		pass(w, 100);
	while (w->dunner->decided && !w->dunner->decided->resend_count) { /* to the group that decides the resend */
		one(w, COMMIT);
		pass(w, 100);
		for (int i = 0; i < 6000 && !w->dunner->decided; i++)
			pass(w, 100);
	}
	assert_non_null(w->dunner->decided);
	assert_int_equal(w->sent, 1);
	push(w, 2, PAID("1"));
	settle(w);
	assert_non_null(w->dunner->decided->next); /* the payment is applied */
	w->held[COMMIT] = false;
	settle(w);
	assert_int_equal(w->sent, 1);
	assert_int_equal(w->cancelled, 1);
	close_world(w);
}

/* Both are due at one moment, and the second one joins the first one's message: that its promise is broken by now is told before, not afterwards. */
static void who_joins_a_message_is_looked_at_before(void **state)
{
	struct world *w = running(0);

	(void)state;
	push(w, 1, INVOICE_OF("1", "2026-04-10", "7"));
	push(w, 2, INVOICE_OF("2", "2026-04-10", "7"));
	push(w, 3, EVENT("e3", "promise.made", "\"invoice_id\":\"inv_2\",\"promise_id\":\"p1\",\"until_on\":\"2026-04-12\""));
	w->held[START] = true;
	pass(w, DAY_MS);
	assert_false(told(w, "promise.broken"));
	for (int i = 0; i < 200 && !waiting(w, START); i++)
		pass(w, HOUR_MS);
	assert_int_equal(waiting(w, START), 1);
	assert_true(told(w, "promise.broken"));
	w->held[START] = false;
	pass(w, 1000);
	assert_int_equal(w->sent, 1);
	close_world(w);
}

/* One whose thanks are out of date by now leaves the list that is being walked: the others are each thanked for once. */
static void who_drops_out_of_a_message_takes_no_other_place(void **state)
{
	static const char policy[] = "{\"name\":\"p\",\"title\":\"T\",\"courtesy\":{\"thanks\":\"note\"},\"steps\":[{\"id\":\"reminder\",\"at\":\"due+1d\","
		"\"channel\":\"email\",\"template\":\"note\",\"tone\":\"friendly\"}]}";
	struct world *w = running(0);
	struct library *old = w->library;

	(void)state;
	assert_int_equal(file_replace(arena_printf(w->arena, "%s/policies/p.json", w->dir), policy, sizeof(policy) - 1, 0600), 0);
	w->library = load_library(w);
	dunner_reload(w->dunner, w->library);
	library_free(old);
	push(w, 1, INVOICE_OF("1", "2026-04-07", "7"));
	push(w, 2, INVOICE_OF("2", "2026-04-07", "7"));
	push(w, 3, INVOICE_OF("3", "2026-04-07", "7"));
	push(w, 4, INVOICE_OF("4", "2026-04-07", "7"));
	pass(w, HOUR_MS);
	assert_true(w->sent > 0); /* they were reminded */
	w->answer = OUTCOME_TEMPORARY;
	push(w, 5, PAID("2"));
	pass(w, 4 * HOUR_MS); /* its thanks are put off, for longer each time */
	push(w, 6, PAID("1"));
	push(w, 7, PAID("3"));
	push(w, 8, PAID("4"));
	pass(w, 30 * MINUTE_MS);
	end_life(w);
	w->answer = OUTCOME_ACCEPTED;
	w->sent = 0;
	w->mono += 4 * DAY_MS + 20 * HOUR_MS; /* too late for the first one alone */
	begin(w);
	pass(w, HOUR_MS);
	assert_int_equal(w->sent, 1);
	assert_true(told(w, "\"invoices\":[\"inv_1\",\"inv_3\",\"inv_4\"]"));
	close_world(w);
}

/* An answer that never comes: so often the same is sent again, under the same name, and then a person is asked. */
static void a_resend_has_an_end(void **state)
{
	struct world *w = running(0);

	(void)state;
	w->answer = OUTCOME_IN_DOUBT;
	push(w, 1, INVOICE("1", "2026-04-07"));
	pass(w, 1000);
	assert_int_equal(w->sent, 1);
	pass(w, 10 * SECOND_MS);
	assert_int_equal(w->sent, 2);
	pass(w, 35 * MINUTE_MS);
	assert_int_equal(w->sent, 6);
	assert_false(told(w, "unknown_attempt"));
	pass(w, HOUR_MS);
	assert_int_equal(w->sent, 6);
	assert_true(told(w, "unknown_attempt"));
	close_world(w);
}

static const char *attempt_in(const struct world *w)
{
	static const char prefix[] = "dunning:{0}:attempt:";

	for (size_t i = 0; i < w->item_count; i++)
		if (strncmp(w->items[i]->key, prefix, sizeof(prefix) - 1) == 0)
			return w->items[i]->key + sizeof(prefix) - 1;
	fail_msg("there is no attempt");
	return NULL;
}

/* A letter of which nobody knows whether it left, until the carrier tells that nobody took it: it left, and a person must be asked all the same. */
static void nobody_took_the_letter_in_doubt(void **state)
{
	static const char *const words[][2] = { { "unclaimed" }, { "refused" }, { "in_transit", "unclaimed" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		struct world *w = running(0);

		w->answer = OUTCOME_IN_DOUBT;
		push(w, 1, INVOICE("1", "2026-04-07"));
		pass(w, 1000);
		assert_int_equal(w->sent, 1);
		for (int k = 0; k < 2 && words[i][k]; k++)
			push(w, 2 + k, arena_printf(w->arena, EVENT("r%d", "letter.status_updated", "\"invoice_id\":\"inv_1\",\"customer_id\":\"cus_1\","
				"\"attempt_id\":\"%s\",\"invoice_ids\":[\"inv_1\"],\"channel\":\"letter\",\"status\":\"%s\""), k, attempt_in(w), words[i][k]));
		pass(w, 1000);
		assert_true(told(w, "contact.reconciled"));
		assert_true(told(w, "letter_unclaimed:inv_1"));
		close_world(w);
	}
}

static int no_record(void *self, uint16_t year, uint64_t index, struct buf *body)
{
	(void)self, (void)year, (void)index, (void)body;
	return -ENOENT;
}

/* What was sent stands in the journal alone: without it nothing is made up that could say something else. */
static void without_its_bytes_nothing_is_sent_again(void **state)
{
	struct world *w = running(0);

	(void)state;
	w->answer = OUTCOME_IN_DOUBT;
	push(w, 1, INVOICE("1", "2026-04-07"));
	pass(w, 1000);
	assert_int_equal(w->sent, 1);
	((struct journal_port *)(uintptr_t)w->dunner->ports.journal)->read = no_record;
	pass(w, 50 * MINUTE_MS);
	assert_int_equal(w->sent, 1);
	assert_false(told(w, "unknown_attempt"));
	pass(w, 20 * MINUTE_MS);
	assert_int_equal(w->sent, 1);
	assert_true(told(w, "unknown_attempt")); /* and not for ever on its way */
	close_world(w);
}

static void a_flushed_stream_is_read_from_its_beginning(void **state)
{
	struct world *w = running(0);

	(void)state;
	w->held[COMMIT] = true;
	push(w, 100, INVOICE("1", LATER));
	settle(w);
	assert_int_equal(waiting(w, COMMIT), 1);
	flush(w);
	w->entry_count = 0;
	push(w, 7, INVOICE("2", LATER)); /* a server whose clock is behind */
	w->held[COMMIT] = false;
	settle(w);
	pass(w, 3000);
	assert_true(stored(w, "inv_1"));
	assert_true(stored(w, "inv_2"));
	assert_non_null(strstr(w->log, "missing"));
	close_world(w);
}

static size_t entries_of(const struct world *w, const char *key)
{
	size_t count = 0;

	for (size_t i = 0; i < w->item_count; i++)
		count += strcmp(w->items[i]->key, key) == 0;
	return count;
}

/* The journal keeps what belongs to a case together: to Redis the entries go by their ids. */
static void a_redo_writes_the_entries_of_several_cases(void **state)
{
	struct world *w = running(0);
	size_t before;

	(void)state;
	push(w, 1, INVOICE("1", LATER));
	push(w, 2, INVOICE("2", LATER));
	push(w, 3, INVOICE_OF("3", LATER, "1"));
	pass(w, 300); /* one group */
	before = entries_of(w, "dunning:{0}:outbound");
	assert_true(before >= 3);
	flush(w);
	pass(w, 3000);
	assert_int_equal(w->dunner->state, DUNNER_RUNNING);
	assert_int_equal(entries_of(w, "dunning:{0}:outbound"), before);
	close_world(w);
}

/* Its snapshot was taken after our last commit: by its place in history nobody can tell. */
static void a_stream_that_went_back_unseen_is_read_from_its_beginning(void **state)
{
	struct world *w = running(0);

	(void)state;
	w->held[COMMIT] = true;
	push(w, 100, INVOICE("1", LATER));
	settle(w);
	assert_int_equal(waiting(w, COMMIT), 1);
	w->entry_count = 0;
	w->fails[READ] = -ENOTCONN;
	w->held[COMMIT] = false;
	settle(w);
	pass(w, 300);
	w->fails[READ] = 0;
	push(w, 7, INVOICE("2", LATER)); /* the server's clock is behind */
	pass(w, 3000);
	assert_true(stored(w, "inv_1"));
	assert_true(stored(w, "inv_2"));
	assert_non_null(strstr(w->log, "missing"));
	close_world(w);
}

/* The commit's answer comes before the load's, the replicas' after it. */
static void a_load_between_commit_and_replicas_is_at_our_place(void **state)
{
	struct world *w = running(1);

	(void)state;
	w->held[COMMIT] = true;
	push(w, 1, INVOICE("1", "2026-04-07"));
	settle(w);
	w->held[COMMIT] = false;
	w->held[REPLICATED] = true;
	settle(w); /* to the release of the reminder */
	pass(w, 500);
	assert_int_equal(waiting(w, REPLICATED), 1);
	push(w, 2, INVOICE("2", LATER));
	settle(w);
	w->held[REPLICATED] = false;
	settle(w);
	pass(w, 1000);
	assert_null(strstr(w->log, "recover"));
	assert_int_equal(w->sent, 1);
	assert_true(stored(w, "inv_2"));
	close_world(w);
}

/* Another partition wrote while the first waited: it is decided anew, and nothing was lost of the streams. */
static void a_lost_place_is_no_gap(void **state)
{
	struct world *w = running(0);

	(void)state;
	push(w, 1, INVOICE("1", LATER));
	settle(w);
	w->fails[APPEND] = -ENOSPC;
	push(w, 2, INVOICE("2", LATER));
	settle(w);
	w->fails[APPEND] = 0;
	w->next_index += 3;
	pass(w, 15000);
	assert_true(stored(w, "inv_2"));
	assert_int_equal(w->dunner->state, DUNNER_RUNNING);
	assert_non_null(strstr(w->log, "lost its place"));
	assert_null(strstr(w->log, "missing"));
	close_world(w);
}

static void a_tried_entry_that_lost_its_place_is_taken_again(void **state)
{
	struct world *w = running(0);

	(void)state;
	end_life(w); /* killed */
	begin(w);
	w->held[READ] = true;
	settle(w);
	w->held[READ] = false;
	push(w, 1, INVOICE("1", LATER));
	w->held[TRYING] = true;
	settle(w);
	one(w, TRYING); /* counted; then decided */
	settle(w);
	assert_int_equal(waiting(w, TRYING), 1); /* cleared */
	w->next_index += 3;
	w->held[TRYING] = false;
	settle(w);
	pass(w, 2000);
	assert_true(stored(w, "inv_1"));
	assert_non_null(strstr(w->log, "lost its place"));
	assert_null(strstr(w->log, "missing"));
	close_world(w);
}

static void what_was_under_way_at_a_kill_never_left(void **state)
{
	struct world *w = running(0);

	(void)state;
	w->held[COMMIT] = true;
	push(w, 1, INVOICE("1", LATER));
	settle(w);
	push(w, 2, INVOICE("2", LATER));
	settle(w);
	end_life(w);
	begin(w);
	settle(w);
	assert_int_equal(w->dunner->not_released_to - w->dunner->not_released_above, 2);
	close_world(w);
}

/* The last groups were committed, and what they released may have left: a redo that was broken off right before them knows no better. */
static void what_a_flush_took_may_have_left_however_far_the_redo_came(void **state)
{
	for (int killed = 0; killed < 3; killed++) { /* 2: the flush itself fell into the life that redid it */
		struct world *w = running(0);
		uint64_t last_pseq;

		(void)state;
		push(w, 1, INVOICE("1", LATER));
		settle(w);
		push(w, 2, INVOICE("2", LATER));
		settle(w);
		last_pseq = w->pseq;
		if (killed < 2)
			end_life(w);
		flush(w);
		if (killed < 2)
			begin(w);
		w->held[COMMIT] = true;
		if (killed == 2)
			pass(w, 1000);
		for (settle(w); w->pseq + 1 < last_pseq; settle(w))
			one(w, COMMIT);
		if (killed) {
			end_life(w);
			begin(w);
		} else {
			w->fails[COMMIT] = -ENOTCONN;
			one(w, COMMIT);
			w->fails[COMMIT] = 0;
		}
		w->held[COMMIT] = false;
		pass(w, 1000);
		assert_int_equal(w->dunner->state, DUNNER_RUNNING);
		assert_int_equal(w->dunner->not_released_to, w->dunner->not_released_above);
		close_world(w);
	}
}

/*
 * Others have parts of its history: only who led it when it was emptied, and always before, makes it again. A journal that begins in the middle
 * says by itself that they have.
 */
static void an_emptied_store_of_several_waits_for_a_rebuild(void **state)
{
	(void)state;
	for (int alone = 0; alone < 2; alone++) {
		for (int start = 0; start < 2; start++) {
			for (int all = 0; all < 2; all++) {
				struct world *w = running(0);

				push(w, 1, INVOICE("1", LATER));
				settle(w);
				w->history = alone ? HISTORY_OURS : HISTORY_LOST;
				if (!all)
					w->journal[0].head.predecessor[0] = 1; /* what was before it, another one wrote */
				if (start)
					end_life(w);
				flush(w);
				if (start)
					begin(w);
				pass(w, 1000);
				assert_int_equal(w->dunner->state, all && (alone || !start) ? DUNNER_RUNNING : DUNNER_REFUSED);
				close_world(w);
			}
		}
	}
}

/* Who goes on from another one's groups has not all of the history, though that one was never seen; its own under another name it has. */
static void a_take_over_tells_that_there_is_another(void **state)
{
	static const char *const writers[] = { "host-b", "host-a", REBUILD_WRITER };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(writers); i++) {
		for (int known = 0; known < 2; known++) {
			struct world *w = running(0);

			if (!known && i == 1) { /* refused: a journal that was rolled back */
				close_world(w);
				continue;
			}
			push(w, 1, INVOICE("1", LATER));
			settle(w);
			end_life(w);
			w->writer = writers[i];
			if (!known) {
				w->group[0] ^= 1;
				w->journaled = 0;
				w->next_index = 0;
				w->newest = (struct journal_log){ 0 };
				w->handed_pseq = w->pseq;
			}
			begin(w);
			pass(w, 1000);
			assert_int_equal(w->taken_over, i == 0 && !known);
			close_world(w);
		}
	}
}

/* What it has on the wire counts until its outcome is known; what nobody will ever record does not hold up the other partitions for ever. */
static void a_refused_partition_gives_its_slots_back(void **state)
{
	struct world *w = running(0);

	(void)state;
	w->held[START] = true;
	push(w, 1, INVOICE("1", "2026-04-07"));
	pass(w, 1000);
	assert_int_equal(waiting(w, START), 1);
	assert_int_equal(dunner_slots(w->dunner), 1);
	dunner_refuse(w->dunner, "a test");
	assert_int_equal(dunner_slots(w->dunner), 1);
	w->held[START] = false;
	pass(w, 1000);
	assert_int_equal(dunner_slots(w->dunner), 0);
	close_world(w);
}

/* What was written last is at hand: neither the release nor the answer waits for the store to say it again. */
static void what_was_just_written_is_not_asked_for(void **state)
{
	struct world *w = running(0);

	(void)state;
	push(w, 1, INVOICE("1", "2026-04-07"));
	w->held[DUE] = true;
	settle(w);
	w->held[DUE] = false;
	w->held[LOAD] = w->held[HASH] = true;
	pass(w, 1000);
	assert_int_equal(w->sent, 1);
	assert_int_equal(w->dunner->flight_count, 0);
	recent_forget(w->dunner);
	push(w, 2, EVENT("e2", "invoice.voided", "\"invoice_id\":\"inv_1\""));
	pass(w, 1000);
	assert_true(waiting(w, LOAD) > 0);
	w->held[LOAD] = w->held[HASH] = false;
	pass(w, 1000);
	close_world(w);
}

/* Decided from what is at hand, while the store has lost it: the commit finds out, and the journal has all of it. */
static void a_flush_between_a_release_and_its_answer_is_redone(void **state)
{
	struct world *w = running(0);

	(void)state;
	push(w, 1, INVOICE("1", "2026-04-07"));
	w->held[START] = true;
	pass(w, 1000);
	assert_int_equal(waiting(w, START), 1);
	flush(w);
	w->held[START] = false;
	pass(w, 5000);
	assert_int_equal(w->sent, 1);
	assert_non_null(strstr(w->log, "recover"));
	assert_true(stored(w, "inv_1"));
	assert_int_equal(w->dunner->state, DUNNER_RUNNING);
	assert_int_equal(w->dunner->flight_count, 0);
	close_world(w);
}

static void a_group_holds_the_library_that_decides_it(void **state)
{
	struct world *w = running(0);
	struct library *second, *third;

	(void)state;
	push(w, 1, INVOICE("1", "2026-04-07"));
	w->held[DUE] = true;
	settle(w);
	pass(w, 500);
	w->held[DUE] = false;
	w->held[LOAD] = w->held[HASH] = true;
	recent_forget(w->dunner); /* so that it asks the store */
	pass(w, 200);
	assert_int_equal(waiting(w, LOAD), 1);
	second = load_library(w);
	dunner_reload(w->dunner, second);
	library_free(second);
	w->held[LOAD] = w->held[HASH] = false;
	w->held[APPEND] = true;
	settle(w);
	assert_non_null(w->dunner->decided);
	assert_non_null(w->dunner->decided->releases);
	assert_ptr_equal(w->dunner->decided->library, w->dunner->library);
	third = load_library(w);
	dunner_reload(w->dunner, third);
	library_free(third);
	w->held[APPEND] = false;
	pass(w, 1000);
	assert_int_equal(w->sent, 1);
	close_world(w);
}

/* Its group was decided and is given back: what that made of the attempt counts no more. */
static void an_outcome_given_back_is_news_again(void **state)
{
	struct world *w = running(0);

	(void)state;
	w->answer = OUTCOME_IN_DOUBT;
	w->held[START] = true;
	push(w, 1, INVOICE("1", "2026-04-07"));
	pass(w, 500);
	assert_int_equal(waiting(w, START), 1);
	w->held[APPEND] = true;
	w->held[START] = false;
	pass(w, 300);
	assert_non_null(w->dunner->decided);
	assert_int_equal(w->sent, 1);
	recover_wanted(w->dunner, "test");
	w->fails[APPEND] = -ENOSPC;
	one(w, APPEND);
	assert_null(w->dunner->decided);
	w->fails[APPEND] = 0;
	w->held[APPEND] = false;
	pass(w, 1000);
	assert_true(told(w, "contact.unknown"));
	close_world(w);
}

/* Whether a record that names this event, or one of its parts, has this. */
static bool recorded(const struct world *w, const char *event_id, const char *what)
{
	CLEANUP(buf_clear) struct buf id = { 0 };

	buf_printf(&id, "\"%s\"", event_id);
	for (size_t i = 0; i < w->journaled; i++)
		for (size_t k = 0; k < w->journal[i].record_count; k++) {
			CLEANUP(buf_clear) struct buf text = { 0 };
			struct record_body body;
			uint8_t salt[SALT_SIZE];

			assert_int_equal(record_body_read(w->journal[i].records[k].data, w->journal[i].records[k].len, &body), 0);
			for (size_t n = 0; n < body.blob_count; n++)
				assert_int_equal(record_body_open(&body, n, &w->keys[body.blobs[n].slot], salt, &text), 0);
			if (memmem(text.data, text.len, id.data, id.len) && memmem(text.data, text.len, what, strlen(what)))
				return true;
		}
	return false;
}

/*
 * The bytes that prove what a provider told lie beside the event where they are too long for it. Where they are not there any more, or are others, the
 * trail says so, with their digest, and what was told counts all the same: it was verified when it came.
 */
static void a_receipt_without_its_bytes_says_so(void **state)
{
	static const char scan[] = "the scanned receipt", other[] = "the scanned receipT";
	static const struct {
		const char *id, *invoice, *bytes;
		bool lost;
	} rows[] = { { "r1", "1", scan, false }, { "r2", "2", NULL, true }, { "r3", "3", other, true } };
	struct world *w = running(0);
	uint8_t digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1], key[120];

	(void)state;
	sha256(scan, strlen(scan), digest);
	hex_format(digest, sizeof(digest), hex);
	snprintf(key, sizeof(key), "dunning:{0}:body:%s", hex);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		const char *invoice = arena_printf(arena, INVOICE("%s", LATER), rows[i].invoice, rows[i].invoice, rows[i].invoice, rows[i].invoice);

		push(w, 2 * (int)i + 1, invoice);
		if (rows[i].bytes)
			put(w, &(struct image){ .op = IMAGE_SET, .key = key, .value = rows[i].bytes, .value_len = strlen(rows[i].bytes) });
		push(w, 2 * (int)i + 2, arena_printf(arena, EVENT("%s", "contact.delivery_updated",
			"\"customer_id\":\"cus_%s\",\"status\":\"delivered\",\"webhook\":{\"apart\":\"%s\",\"apart_bytes\":%zu}"),
			rows[i].id, rows[i].invoice, hex, strlen(scan)));
		pass(w, 1000);
		assert_true(recorded(w, rows[i].id, hex));
		assert_int_equal(recorded(w, rows[i].id, "\"body_lost\":true"), rows[i].lost);
		assert_int_equal(recorded(w, rows[i].id, "webhook.body"), !rows[i].lost);
		assert_int_equal(recorded(w, rows[i].id, scan), !rows[i].lost);
		assert_false(recorded(w, rows[i].id, other));
		assert_int_equal(find(w, key, "") != NULL, rows[i].bytes == other); /* in the trail: gone here; what is not ours ends by itself */
	}
	assert_int_equal(w->dunner->state, DUNNER_RUNNING);
	close_world(w);
}

/* Of several debtors who share an address each has them, however far apart their events are decided; they go with the last. */
static void bytes_of_several_go_with_the_last(void **state)
{
	static const char scan[] = "the scanned receipt";
	struct world *w = running(0);
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	uint8_t digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1], key[120];

	(void)state;
	sha256(scan, strlen(scan), digest);
	hex_format(digest, sizeof(digest), hex);
	snprintf(key, sizeof(key), "dunning:{0}:body:%s", hex);
	put(w, &(struct image){ .op = IMAGE_SET, .key = key, .value = scan, .value_len = strlen(scan) });
	for (int i = 1; i <= 3; i++) {
		const char *id = arena_printf(arena, "%d", i);

		push(w, 2 * i - 1, arena_printf(arena, INVOICE("%s", LATER), id, id, id, id));
		push(w, 2 * i, arena_printf(arena, EVENT("%s", "contact.delivery_updated",
			"\"customer_id\":\"cus_%s\",\"status\":\"delivered\",\"webhook\":{\"apart\":\"%s\",\"apart_bytes\":%zu%s}"),
			arena_printf(arena, "r%d", i), id, hex, strlen(scan), i < 3 ? ",\"apart_stays\":true" : ""));
		pass(w, 1000);
		assert_true(recorded(w, arena_printf(arena, "r%d", i), scan));
		assert_int_equal(find(w, key, "") != NULL, i < 3);
	}
	close_world(w);
}

static void a_stop_during_recovery_ends(void **state)
{
	struct world *w = running(0);

	(void)state;
	push(w, 1, INVOICE("1", LATER));
	w->held[CURSOR] = true;
	recover_wanted(w->dunner, "test");
	assert_true(recover_due(w->dunner));
	settle(w);
	dunner_stop(w->dunner);
	w->held[CURSOR] = false;
	pass(w, 5000);
	assert_int_equal(w->stopped, 1);
	close_world(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_timer_at_all_is_asked_for_once),
		cmocka_unit_test(a_due_timer_given_back_is_looked_at_again),
		cmocka_unit_test(a_group_waits_for_the_place_of_one_without_space),
		cmocka_unit_test(a_resend_decided_before_the_payment_does_not_leave),
		cmocka_unit_test(who_joins_a_message_is_looked_at_before),
		cmocka_unit_test(who_drops_out_of_a_message_takes_no_other_place),
		cmocka_unit_test(a_resend_has_an_end),
		cmocka_unit_test(nobody_took_the_letter_in_doubt),
		cmocka_unit_test(without_its_bytes_nothing_is_sent_again),
		cmocka_unit_test(a_flushed_stream_is_read_from_its_beginning),
		cmocka_unit_test(a_redo_writes_the_entries_of_several_cases),
		cmocka_unit_test(a_stream_that_went_back_unseen_is_read_from_its_beginning),
		cmocka_unit_test(a_load_between_commit_and_replicas_is_at_our_place),
		cmocka_unit_test(a_lost_place_is_no_gap),
		cmocka_unit_test(a_tried_entry_that_lost_its_place_is_taken_again),
		cmocka_unit_test(what_was_under_way_at_a_kill_never_left),
		cmocka_unit_test(what_a_flush_took_may_have_left_however_far_the_redo_came),
		cmocka_unit_test(an_emptied_store_of_several_waits_for_a_rebuild),
		cmocka_unit_test(a_take_over_tells_that_there_is_another),
		cmocka_unit_test(a_refused_partition_gives_its_slots_back),
		cmocka_unit_test(what_was_just_written_is_not_asked_for),
		cmocka_unit_test(a_flush_between_a_release_and_its_answer_is_redone),
		cmocka_unit_test(a_group_holds_the_library_that_decides_it),
		cmocka_unit_test(an_outcome_given_back_is_news_again),
		cmocka_unit_test(a_receipt_without_its_bytes_says_so),
		cmocka_unit_test(bytes_of_several_go_with_the_last),
		cmocka_unit_test(a_stop_during_recovery_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
