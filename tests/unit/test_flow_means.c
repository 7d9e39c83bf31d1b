/* By whose means a doubt is settled: the provider, the account and the mode that it arose at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/flow_world.h"

/* What stands under the provider's name when the next life begins. */
struct change {
	const char *name, *file, *text, *secret; /* NULL: as it was */
	bool same; /* for who settles the doubt */
	bool outbox; /* all goes there then, by the mode; a file of ours is no proof that a provider had it */
	const char *builtin; /* ... or by the provider's file */
};

#define OTHER_BODY "{\"adapter\":1,\"name\":\"means\",\"channel\":[\"email\"],\"config\":{\"key\":{\"required\":true,\"secret\":true},\"base\":{\"default\":"   \
	"\"http://127.0.0.1:1\"},\"other\":{}},\"features\":{\"idempotency\":" KEY_OF_A_DAY "},\"send\":{\"method\":\"POST\",\"url\":\"{config.base}"        \
	"/send\",\"auth\":{\"kind\":\"bearer\",\"token\":\"{config.key}\"},\"body\":{\"kind\":\"json\",\"value\":{\"text\":\"{text}\","                 \
	"\"to\":\"{to.email}\"}}},\"response\":{\"id\":\"/id\"}}"

static const struct change changes[] = {
	{ "nothing", NULL, NULL, NULL, true, false, NULL },
	{ "its help and its pace", "keyed", MEANS_ADAPTER(KEY_OF_A_DAY, "/send", ",\"help\":\"x\",\"limits\":{\"concurrency\":2}"), NULL, true, false, NULL },
	{ "another address", "keyed", MEANS_ADAPTER(KEY_OF_A_DAY, "/messages", ""), NULL, false, false, NULL },
	{ "a key that it does not remember as long", "keyed",
		MEANS_ADAPTER("{\"kind\":\"header\",\"header\":\"Idempotency-Key\",\"window_s\":80000}", "/send", ""), NULL, false, false, NULL },
	{ "another account", NULL, NULL, "two", false, false, NULL },
	{ "a look-up of its own", "keyed", MEANS_ADAPTER(KEY_OF_A_DAY, "/send", LOOKUP_AFTER("60")), NULL, false, false, NULL },
	{ "shadow mode", NULL, NULL, NULL, false, true, NULL },
	{ "the built-in outbox", NULL, NULL, NULL, false, false, "outbox" },
	{ "a mail server", NULL, NULL, NULL, false, false, "smtp" },
};

static struct world *doubtful(const char *file)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct world *w = open_world_with(0, "\"m\"", arena_printf(arena, "\"m\":{\"file\":\"%s.json\",\"secrets\":{\"key\":\"k\"}}", file));

	settle(w);
	pass(w, 500);
	assert_int_equal(w->dunner->state, DUNNER_RUNNING);
	w->answer = OUTCOME_IN_DOUBT;
	push(w, 1, INVOICE("1", "2026-04-07"));
	pass(w, 1000);
	assert_int_equal(w->sent, 1);
	return w;
}

/* As if the entry had been written with these means. */
static void believe(struct world *w, const char *means)
{
	for (size_t i = 0; i < w->item_count; i++)
		if (strcmp(w->items[i]->key, "dunning:{0}:attempts") == 0) {
			char *at = memmem(w->items[i]->value, w->items[i]->len, "\"means\":\"", 9);

			assert_non_null(at);
			memcpy(at + 9, means, strlen(means));
			assert_int_equal(at[9 + strlen(means)], '"');
		}
}

static bool entry_has(const struct world *w, const char *text)
{
	for (size_t i = 0; i < w->item_count; i++)
		if (strcmp(w->items[i]->key, "dunning:{0}:attempts") == 0 && memmem(w->items[i]->value, w->items[i]->len, text, strlen(text)))
			return true;
	return false;
}

/* The provider of that name becomes a built-in one. */
static void rebuild(struct world *w, const char *file)
{
	static const char *const none[] = { NULL }, *const server[] = { "url", "smtps://mail.example", NULL };

	for (size_t i = 0; i < w->config->provider_count; i++)
		if (strcmp(w->config->providers[i].name, "m") == 0) {
			w->config->providers[i].file = file;
			w->config->providers[i].settings = strcmp(file, "smtp") == 0 ? server : none;
		}
}

static void change(struct world *w, const struct change *row)
{
	end_life(w);
	if (row->file)
		assert_int_equal(file_replace(arena_printf(w->arena, "%s/providers/%s.json", w->dir, row->file), row->text, strlen(row->text), 0600), 0);
	if (row->secret)
		w->secret = row->secret;
	library_free(w->library);
	w->config->shadow = row->outbox;
	if (row->builtin)
		rebuild(w, row->builtin);
	w->library = load_library(w);
	begin(w);
	settle(w);
}

/* A key and a look-up tell of a message only at the side, and the account, that it went to. */
static void a_doubt_is_settled_where_it_arose(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		const struct change *row = &changes[i];
		struct world *w = doubtful("keyed");

		assert_false(entry_has(w, "one")); /* the secret */
		change(w, row);
		pass(w, MINUTE_MS);
		if ((w->sent > 1) != row->same || w->asked)
			fail_msg("%s: %d requests, %d look-ups", row->name, w->sent, w->asked);
		assert_int_equal(entry_has(w, "\"moved\":true"), !row->same);
		assert_int_equal(strstr(w->log, "another file, address, account or mode") != NULL, !row->same);
		if (!row->same) {
			pass(w, 2 * HOUR_MS);
			assert_int_equal(w->sent, 1);
			assert_int_equal(w->asked, 0);
			assert_true(told(w, "unknown_attempt") && told(w, "provider_changed"));
		}
		close_world(w);
	}
}

static void the_old_one_put_back_settles_it(void **state)
{
	const struct change there = { .secret = "two" }, back = { .secret = "one" };
	struct world *w = doubtful("keyed");

	(void)state;
	change(w, &there);
	pass(w, 10 * MINUTE_MS);
	assert_true(w->sent == 1 && entry_has(w, "\"moved\":true"));
	w->answer = OUTCOME_ACCEPTED;
	change(w, &back);
	pass(w, 5 * MINUTE_MS);
	assert_int_equal(w->sent, 2);
	assert_true(told(w, "contact.reconciled") && !entry_has(w, "\"moved\""));
	close_world(w);
}

/* Of entries that were written before it was kept nothing is known: today's means are believed, as they were then. */
static void an_old_entry_is_settled_by_todays_means(void **state)
{
	const struct change there = { .secret = "two" };
	struct world *w = doubtful("keyed");

	(void)state;
	for (size_t i = 0; i < w->item_count; i++)
		if (strcmp(w->items[i]->key, "dunning:{0}:attempts") == 0) {
			char *at = memmem(w->items[i]->value, w->items[i]->len, "\"means\"", 7);

			assert_non_null(at);
			memcpy(at, "\"maens\"", 7); /* a member that nobody knows */
		}
	change(w, &there);
	pass(w, MINUTE_MS);
	assert_true(w->sent > 1);
	close_world(w);
}

/*
 * The same file, address and account, and yet another request: as a later version may make it. Only what is in doubt may be sent again under its
 * key, so it is left to a person.
 */
static void another_request_is_not_the_same_message(void **state)
{
	const struct change other = { .file = "keyed", .text = MEANS_ADAPTER(KEY_OF_A_DAY, "/send", ",\"tables\":{\"t\":{\"a\":\"b\"}}") },
		body = { .file = "keyed", .text = OTHER_BODY }, nothing = { 0 };

	(void)state;
	for (int differs = 0; differs < 2; differs++) {
		struct world *w = doubtful("keyed");
		CLEANUP(arena_freep) struct arena *arena = arena_create();

		change(w, differs ? &body : &other);
		believe(w, decide_means(w->dunner, "m", arena));
		change(w, &nothing); /* one more life */
		pass(w, 5 * MINUTE_MS);
		if ((w->sent > 1) == (differs == 1))
			fail_msg("%s: %d requests", differs ? "another body" : "the same body", w->sent);
		if (differs) {
			pass(w, 2 * HOUR_MS);
			assert_int_equal(w->sent, 1);
			assert_true(told(w, "unknown_attempt"));
		}
		assert_int_equal(strstr(w->log, "another request would be made") != NULL, differs);
		close_world(w);
	}
}

/* What was only tried out does not become a message because the mode is live now. */
static void what_a_shadow_wrote_stays_there(void **state)
{
	const struct change live = { 0 };
	struct world *w = open_world_with(0, "\"m\"", "\"m\":{\"file\":\"keyed.json\",\"secrets\":{\"key\":\"k\"}}");

	(void)state;
	end_life(w);
	w->config->shadow = true;
	begin(w);
	settle(w);
	pass(w, 500);
	w->answer = OUTCOME_IN_DOUBT;
	push(w, 1, INVOICE("1", "2026-04-07"));
	pass(w, 1000);
	assert_int_equal(w->sent, 1);
	change(w, &live);
	pass(w, 2 * HOUR_MS);
	assert_int_equal(w->sent, 1);
	assert_true(told(w, "provider_changed"));
	close_world(w);
}

static void nor_is_another_one_asked(void **state)
{
	const struct change there = { .secret = "two" };
	struct world *w = doubtful("asked");

	(void)state;
	pass(w, MINUTE_MS);
	assert_true(w->asked > 0 && w->sent == 1);
	w->asked = 0;
	change(w, &there);
	pass(w, 2 * HOUR_MS);
	assert_true(w->asked == 0 && w->sent == 1);
	assert_true(told(w, "provider_changed"));
	close_world(w);
}

/* However many doubts there are, and whenever each of them is looked at: lists have limits. */
static void look_ups_are_few(void **state)
{
	struct world *w = open_world_with(0, "\"m\"", "\"m\":{\"file\":\"asked.json\",\"secrets\":{\"key\":\"k\"}}");

	(void)state;
	settle(w);
	pass(w, 500);
	w->answer = OUTCOME_IN_DOUBT;
	w->found = LOOKUP_FAILED;
	push(w, 1, INVOICE("1", "2026-04-07"));
	pass(w, 17 * SECOND_MS);
	push(w, 2, INVOICE("2", "2026-04-07"));
	pass(w, 20 * SECOND_MS);
	push(w, 3, INVOICE("3", "2026-04-07"));
	pass(w, 2 * HOUR_MS);
	assert_int_equal(w->sent, 3);
	assert_in_range(w->asked, 3 * 7, 3 * 9);
	assert_true(told(w, "unknown_attempt"));
	close_world(w);
}

/* A list that was read early proves nothing by being told late. */
static void a_look_up_proves_what_it_was_asked_for(void **state)
{
	struct world *w = open_world_with(0, "\"m\"", "\"m\":{\"file\":\"asked.json\",\"secrets\":{\"key\":\"k\"}}");

	(void)state;
	settle(w);
	pass(w, 500);
	w->held[LOOKUP] = true;
	w->answer = OUTCOME_IN_DOUBT;
	push(w, 1, INVOICE("1", "2026-04-07"));
	pass(w, 30 * SECOND_MS);
	assert_true(w->sent == 1 && waiting(w, LOOKUP) == 1);
	pass(w, 290 * SECOND_MS); /* 300 s after the doubt and more */
	w->answer = OUTCOME_ACCEPTED;
	one(w, LOOKUP);
	pass(w, SECOND_MS);
	assert_true(w->sent == 1 && w->asked == 1);
	w->held[LOOKUP] = false;
	pass(w, 3 * MINUTE_MS);
	assert_true(w->sent == 2 && w->asked > 1); /* that one was asked late enough */
	close_world(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_doubt_is_settled_where_it_arose),
		cmocka_unit_test(the_old_one_put_back_settles_it),
		cmocka_unit_test(an_old_entry_is_settled_by_todays_means),
		cmocka_unit_test(another_request_is_not_the_same_message),
		cmocka_unit_test(what_a_shadow_wrote_stays_there),
		cmocka_unit_test(nor_is_another_one_asked),
		cmocka_unit_test(look_ups_are_few),
		cmocka_unit_test(a_look_up_proves_what_it_was_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
