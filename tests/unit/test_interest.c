/* Late-payment interest: every published case, and what they leave open. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/interest.h"
#include "tests/unit/law_cases.h"

struct world {
	struct arena *arena;
	struct fees fees;
	struct interest_rules rules;
};

static int set_up(void **state)
{
	static struct world w;
	struct err err = { 0 };

	w.arena = arena_create();
	if (fees_read(w.arena, law_data(w.arena, "fees"), &w.fees, &err) < 0 ||
		interest_rules_read(w.arena, law_data(w.arena, "rates"), law_data(w.arena, "regimes"), &w.fees, &w.rules, &err) < 0)
		fail_msg("%s %s", err.path, err.text);
	*state = &w;
	return 0;
}

static int tear_down(void **state)
{
	arena_free(((struct world *)*state)->arena);
	return 0;
}

static void answer(const struct json *given, struct json_writer *w, struct err *err, void *arg)
{
	struct world *world = arg;
	CLEANUP(buf_clear) struct buf working = { 0 };

	(void)interest_answer(world->arena, &world->rules, given, w, &working, err);
}

static void cases(void **state)
{
	struct world *w = *state;
	struct json file = law_vectors(w->arena, "interest.json"), list = json_get(&file, "vectors");

	assert_true(law_run_cases(w->arena, &list, answer, w) >= 40);
}

/* Questions of our own: the members of the answer that matter. */
static void questions(void **state)
{
	static const struct {
		const char *given, *expect;
	} rows[] = {
		/* the law of a missing half-year is not guessed, be it frozen or not, at the start or in the middle */
		{ "{\"regime\":\"GB-B2B\",\"principal_minor\":100000,\"due\":\"2026-06-29\",\"until\":\"2026-08-31\"}",
			"{\"interest_minor\":2028,\"days\":63}" },
		{ "{\"regime\":\"GB-B2B\",\"principal_minor\":100000,\"due\":\"2026-06-30\",\"until\":\"2026-08-31\"}",
			"{\"error\":\"rate_unknown\",\"missing_half_year\":\"2026H2\",\"known_until\":\"2026-06-30\",\"interest_minor_known\":0}" },
		{ "{\"regime\":\"FR-B2B\",\"principal_minor\":100000,\"due\":\"2018-12-01\",\"until\":\"2019-02-01\"}",
			"{\"error\":\"rate_unknown\",\"missing_half_year\":\"2018H2\"}" },
		/* no statutory rate: one must be agreed */
		{ "{\"regime\":\"US\",\"principal_minor\":100000,\"due\":\"2025-01-01\",\"until\":\"2025-02-01\"}", "{}" },
		/* the Belgian rate of 2025 H2 is 10.15, rounded up to 10.50 */
		{ "{\"regime\":\"BE-B2B\",\"principal_minor\":3650000,\"due\":\"2025-07-31\",\"until\":\"2025-08-10\"}",
			"{\"interest_minor\":10500,\"segments\":[{\"rate\":\"10.50\"}]}" },
		/* a payment on the due date lowers what bears interest; the fixed sum is not owed yet */
		{ "{\"regime\":\"FR-B2B\",\"principal_minor\":100000,\"due\":\"2025-07-01\",\"until\":\"2025-07-11\",\"allocation\":"
		  "[\"fee\",\"interest\",\"principal\"],\"payments\":[{\"date\":\"2025-07-01\",\"amount_minor\":40000}]}",
			"{\"ledger\":[{\"fee_minor\":0,\"principal_minor\":40000}],\"interest_left_minor\":200,\"fee_left_minor\":4000}" },
		/* more than is owed stays over */
		{ "{\"regime\":\"FR-B2B\",\"principal_minor\":10000,\"due\":\"2025-07-01\",\"until\":\"2025-09-30\","
		  "\"payments\":[{\"date\":\"2025-07-11\",\"amount_minor\":20000}]}",
			"{\"over_minor\":5967,\"total_minor\":0,\"interest_minor\":33}" },
		/* of two payments the earlier counts first, however they are told; one after `until` is not counted */
		{ "{\"regime\":\"DE-B2B\",\"principal_minor\":100000,\"due\":\"2025-06-30\",\"until\":\"2025-08-31\",\"payments\":["
		  "{\"date\":\"2025-09-20\",\"amount_minor\":1},{\"date\":\"2025-08-01\",\"amount_minor\":30000},"
		  "{\"date\":\"2025-07-10\",\"amount_minor\":20000}]}",
			"{\"ledger\":[{\"date\":\"2025-07-10\"},{\"date\":\"2025-08-01\"}]}" },
		/* insolvency after the due date does not take the sum away */
		{ "{\"regime\":\"FR-B2B\",\"principal_minor\":500000,\"due\":\"2025-10-31\",\"until\":\"2025-12-31\","
		  "\"insolvency_opened\":\"2025-11-01\"}",
			"{\"fixed_sum_minor\":4000}" },
		/* below the floor the answer says so; above it does not */
		{ "{\"regime\":\"FR-B2B\",\"principal_minor\":500000,\"due\":\"2025-10-31\",\"until\":\"2025-12-31\",\"agreed_rate\":\"8.00\"}",
			"{\"warning\":\"agreed_rate_below_floor\"}" },
		/* settings of rounding: 0.5 of a cent exactly */
		{ "{\"principal_minor\":18250,\"agreed_rate\":\"1\",\"days\":1}", "{\"interest_minor\":1}" },
		{ "{\"principal_minor\":18250,\"agreed_rate\":\"1\",\"days\":1,\"rounding\":\"half_even\"}", "{\"interest_minor\":0}" },
		{ "{\"principal_minor\":18250,\"agreed_rate\":\"1\",\"days\":1,\"rounding\":\"down\"}", "{\"interest_minor\":0}" },
		{ "{\"principal_minor\":100,\"agreed_rate\":\"1\",\"days\":1,\"rounding\":\"up\"}", "{\"interest_minor\":1}" },
		/* 30/360 by dates: seven full months */
		{ "{\"principal_minor\":1000000,\"agreed_rate\":\"6.00\",\"from\":\"2016-01-01\",\"to\":\"2016-07-31\",\"day_count\":\"30/360\"}",
			"{\"days\":210,\"interest_minor\":35000}" },
		/* interest of twelve years that bears interest itself is still exact */
		{ "{\"principal_minor\":123456789,\"agreed_rate\":\"9.9999\",\"due\":\"2010-03-31\",\"until\":\"2022-03-31\",\"compounding\":"
		  "\"yearly\",\"day_count\":\"act/act\"}",
			"{\"days\":4383}" },
		/* dates before the start: nothing */
		{ "{\"regime\":\"FR-B2B\",\"principal_minor\":500000,\"due\":\"2025-10-31\",\"until\":\"2025-10-01\"}",
			"{\"days\":0,\"interest_minor\":0,\"fixed_sum_minor\":0}" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(buf_clear) struct buf out = { 0 };
		struct json_writer writer = jw_init(&out);
		struct json given, expect, got;
		struct err err = { 0 };

		assert_int_equal(json_parse(w->arena, rows[i].given, strlen(rows[i].given), 0, &given, NULL), 0);
		assert_int_equal(json_parse(w->arena, rows[i].expect, strlen(rows[i].expect), 0, &expect, NULL), 0);
		jw_object(&writer, NULL);
		answer(&given, &writer, &err, w);
		jw_end_object(&writer);
		assert_int_equal(json_parse(w->arena, buf_str(&out), out.len, 0, &got, NULL), 0);
		if (!law_covers(&expect, &got))
			fail_msg("%s\n  want %s\n  got  %s\n  %s", rows[i].given, rows[i].expect, buf_str(&out), err.text);
		if (json_len(&expect) == 0)
			assert_string_equal(err.code, "missing");
	}
}

static void rates(void **state)
{
	static const struct {
		const char *text;
		int64_t rate;
	} rows[] = { { "12.15", 121500 }, { "-0.88", -8800 }, { "0", 0 }, { "8", 80000 }, { "0.0001", 1 }, { "100000", INT64_C(1000000000) } };
	static const char *const wrong[] = { "", "-", "1.", ".5", "1.23456", "1,5", "1e3", "1000000", "99999999999999999999", " 1", "+1" };
	char text[RATE_TEXT_SIZE];
	int64_t rate;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(rate_parse(rows[i].text, &rate), 0);
		assert_int_equal(rate, rows[i].rate);
	}
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_int_equal(rate_parse(wrong[i], &rate), -EINVAL);
	assert_string_equal(rate_text(121500, text), "12.15");
	assert_string_equal(rate_text(80000, text), "8.00");
	assert_string_equal(rate_text(-8800, text), "-0.88");
	assert_string_equal(rate_text(41250, text), "4.125");
}

/* In Germany a debtor is in default thirty days after the due date, reminder or not: BGB 286(3). */
static void the_day_on_which_it_runs(void **state)
{
	const struct interest_rules *rules = &((struct world *)*state)->rules;
	struct regime later = *interest_regime(rules, "DE-B2B");
	date due = date_of(2026, 3, 1);

	assert_int_equal(date_diff(regime_runs_from(interest_regime(rules, "FR-B2B"), due), due), 1);
	assert_int_equal(date_diff(regime_runs_from(&later, due), due), 31);
	later.default_days = 0;
	assert_false(date_is_set(regime_runs_from(&later, due)));
}

int main(void)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(cases), cmocka_unit_test(questions), cmocka_unit_test(rates),
		cmocka_unit_test(the_day_on_which_it_runs) };

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
