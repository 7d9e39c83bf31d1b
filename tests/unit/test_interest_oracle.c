/*
 * A second opinion on interest: day after day, with a calendar, rates and fractions of its own (libcrypto's numbers), over random debts,
 * payments and settings; it shares no line with common/interest.c. An argument is the number of debts: 150 are asked without one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <openssl/bn.h>

#include "common/cleanup.h"
#include "common/interest.h"
#include "tests/unit/law_cases.h"

static long cases = 150;
static uint64_t seed = 0x9e3779b97f4a7c15u;

static int64_t pick(int64_t from, int64_t to)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return from + (int64_t)((seed >> 11) % (uint64_t)(to - from + 1));
}

/* --- its own calendar ------------------------------------------------------------------------------------------------- */

struct day {
	int y, m, d;
};

static bool leap(int y)
{
	return y % 400 == 0 || (y % 4 == 0 && y % 100 != 0);
}

static struct day tomorrow(struct day t)
{
	static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	if (++t.d > lengths[t.m - 1] + (t.m == 2 && leap(t.y))) {
		t.d = 1;
		if (++t.m > 12) {
			t.m = 1;
			t.y++;
		}
	}
	return t;
}

static struct day later(struct day t, int64_t days)
{
	while (days--)
		t = tomorrow(t);
	return t;
}

static bool is(struct day a, struct day b)
{
	return a.y == b.y && a.m == b.m && a.d == b.d;
}

static const char *say(struct arena *arena, struct day t)
{
	return arena_printf(arena, "%04d-%02d-%02d", t.y, t.m, t.d);
}

/* A year after, for what began on `first`: a 29 February has its anniversary on the 28th. */
static bool anniversary(struct day first, struct day t)
{
	return t.y > first.y && t.m == first.m && t.d == (first.m == 2 && first.d == 29 && !leap(t.y) ? 28 : first.d);
}

/* --- its own fractions ------------------------------------------------------------------------------------------------ */

struct ratio {
	BIGNUM *n, *d;
};

static BN_CTX *ctx;

static struct ratio whole(int64_t n)
{
	struct ratio r = { BN_new(), BN_new() };

	BN_set_word(r.n, (BN_ULONG)n);
	BN_one(r.d);
	return r;
}

static void drop(struct ratio *r)
{
	BN_free(r->n);
	BN_free(r->d);
}

static void plus(struct ratio *a, const struct ratio *b)
{
	BIGNUM *other = BN_new();

	BN_mul(a->n, a->n, b->d, ctx);
	BN_mul(other, b->n, a->d, ctx);
	BN_add(a->n, a->n, other);
	BN_mul(a->d, a->d, b->d, ctx);
	BN_gcd(other, a->n, a->d, ctx);
	if (!BN_is_zero(other)) {
		BN_div(a->n, NULL, a->n, other, ctx);
		BN_div(a->d, NULL, a->d, other, ctx);
	}
	BN_free(other);
}

static int64_t nearest(const struct ratio *r) /* half away from zero: floor((2n + d) / 2d) */
{
	BIGNUM *top = BN_new(), *bottom = BN_new();
	int64_t n;

	BN_lshift1(top, r->n);
	BN_add(top, top, r->d);
	BN_lshift1(bottom, r->d);
	BN_div(top, NULL, top, bottom, ctx);
	n = (int64_t)BN_get_word(top);
	BN_free(top);
	BN_free(bottom);
	return n;
}

/* --- its own law ------------------------------------------------------------------------------------------------------ */

static const struct law_row {
	const char *regime, *series;
	int64_t points; /* hundredths of a percent */
	int step; /* rounded up to */
	bool frozen, yearly;
} rows[] = {
	{ "FR-B2B", "ecb_mro", 1000, 1, false, false },
	{ "FR-PUBLIC", "ecb_mro", 800, 1, true, false },
	{ "FR-B2C", "fr_legal_professional", 0, 1, false, false },
	{ "GB-B2B", "boe_reference", 800, 1, true, false },
	{ "DE-B2B", "de_basiszinssatz", 900, 1, false, false },
	{ "DE-B2C", "de_basiszinssatz", 500, 1, false, false },
	{ "BE-B2B", "ecb_mro", 800, 50, false, false },
	{ "NL-B2B", "ecb_mro", 800, 1, false, true },
	{ "NL-B2C", "nl_statutory_non_trade", 0, 1, false, true },
	{ "ES-B2B", "ecb_mro", 800, 1, false, false },
	{ "IT-B2B", "ecb_mro", 800, 1, false, false },
};

/* In hundredths of a percent, from the published table and not from ours. */
static int64_t rate_on(const struct json *series, const struct law_row *row, struct day t)
{
	char half[8];
	struct json s = json_get(series, row->series), values = json_get(&s, "values"), value;
	const char *text;
	int64_t rate = 0;

	(void)snprintf(half, sizeof(half), "%04dH%d", t.y % 10000, t.m <= 6 ? 1 : 2);
	value = json_get(&values, half);
	assert_int_equal(value.type, JSON_STRING);
	text = json_str(&value);
	for (const char *c = text; *c; c++)
		if (*c >= '0' && *c <= '9')
			rate = rate * 10 + *c - '0';
	rate = (*text == '-' ? -rate : rate) + row->points;
	return (rate + row->step - 1) / row->step * row->step;
}

/* --- one debt --------------------------------------------------------------------------------------------------------- */

enum { FEE, INTEREST, PRINCIPAL };

struct example {
	const struct law_row *row;
	int64_t principal, agreed, sum; /* agreed: hundredths of a percent, -1 = none */
	struct day due, until;
	bool act_act;
	struct day paid_on[3];
	int64_t paid[3];
	int payments, order[3];
};

struct outcome {
	struct ratio accrued;
	int64_t principal, interest, fee, over;
};

/* One day's interest on the base: base * rate / 10000 / days of the year. */
static void bear(const struct ratio *base, int64_t rate, int days, struct ratio *fresh)
{
	struct ratio one = { BN_dup(base->n), BN_dup(base->d) };

	BN_mul_word(one.n, (BN_ULONG)rate);
	BN_mul_word(one.d, (BN_ULONG)10000 * (BN_ULONG)days);
	plus(fresh, &one);
	drop(&one);
}

static void set(struct ratio *r, int64_t n)
{
	drop(r);
	*r = whole(n);
}

static int64_t take(int64_t *money, int64_t *owed)
{
	int64_t part = *money < *owed ? *money : *owed;

	*money -= part;
	*owed -= part;
	return part;
}

static void pay(const struct example *e, int64_t money, struct ratio *fresh, struct ratio *grown, struct outcome *o)
{
	struct ratio both = whole(0);
	int64_t old = nearest(grown), taken = 0;

	plus(&both, fresh);
	plus(&both, grown);
	o->interest = nearest(&both);
	old = old < o->interest ? old : o->interest;
	for (int i = 0; i < 3; i++) {
		if (e->order[i] == FEE)
			(void)take(&money, &o->fee);
		else if (e->order[i] == INTEREST)
			taken = take(&money, &o->interest);
		else
			(void)take(&money, &o->principal);
	}
	old = taken < old ? old - taken : 0;
	set(grown, old);
	set(fresh, o->interest - old);
	o->over += money;
	drop(&both);
}

static void follow(const struct json *series, const struct example *e, struct outcome *o)
{
	struct ratio fresh = whole(0), grown = whole(0), before, base;
	struct day first = tomorrow(e->due);
	int64_t frozen = e->agreed >= 0 ? e->agreed : e->row->frozen ? rate_on(series, e->row, first) : -1;
	bool last = false;

	*o = (struct outcome){ .accrued = whole(0), .principal = e->principal, .fee = e->sum };
	for (struct day t = first; !last; t = tomorrow(t)) {
		last = is(t, e->until);
		if (e->row->yearly && anniversary(first, t)) {
			plus(&grown, &fresh);
			set(&fresh, 0);
		}
		base = whole(o->principal);
		plus(&base, &grown);
		before = whole(0);
		bear(&base, frozen >= 0 ? frozen : rate_on(series, e->row, t), e->act_act && leap(t.y) ? 366 : 365, &before);
		plus(&fresh, &before);
		plus(&o->accrued, &before);
		drop(&before);
		drop(&base);
		for (int i = 0; i < e->payments; i++)
			if (is(t, e->paid_on[i]))
				pay(e, e->paid[i], &fresh, &grown, o);
	}
	plus(&fresh, &grown);
	o->interest = nearest(&fresh);
	drop(&fresh);
	drop(&grown);
}

static void question(struct arena *arena, const struct example *e, struct buf *out)
{
	static const char *const items[] = { "fee", "interest", "principal" };
	struct json_writer w = jw_init(out);

	jw_object(&w, NULL);
	jw_str(&w, "regime", e->row->regime);
	jw_int(&w, "principal_minor", e->principal);
	jw_int(&w, "fixed_sum_minor", e->sum);
	jw_str(&w, "due", say(arena, e->due));
	jw_str(&w, "until", say(arena, e->until));
	jw_str(&w, "day_count", e->act_act ? "act/act" : "act/365");
	if (e->agreed >= 0)
		jw_str(&w, "agreed_rate", arena_printf(arena, "%lld.%02lld", (long long)e->agreed / 100, (long long)e->agreed % 100));
	jw_array(&w, "allocation");
	for (int i = 0; i < 3; i++)
		jw_str(&w, NULL, items[e->order[i]]);
	jw_end_array(&w);
	jw_array(&w, "payments");
	for (int i = 0; i < e->payments; i++) {
		jw_object(&w, NULL);
		jw_str(&w, "date", say(arena, e->paid_on[i]));
		jw_int(&w, "amount_minor", e->paid[i]);
		jw_end_object(&w);
	}
	jw_end_array(&w);
	jw_end_object(&w);
}

static struct example example(void)
{
	static const int orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
	struct example e = { .row = &rows[pick(0, ARRAY_LEN(rows) - 1)], .sum = pick(0, 1) * 4000, .act_act = pick(0, 3) == 0,
		.agreed = pick(0, 5) == 0 ? pick(0, 4000) : -1, .payments = (int)pick(0, 3) };
	int64_t length = pick(0, 4) ? pick(1, 400) : pick(1, 2600);

	e.principal = pick(0, 3) ? pick(1, 1000000) : pick(1, 100000000000);
	e.due = later((struct day){ 2019, 1, 1 }, pick(0, 2735 - length)); /* the last day that bears interest: 30 June 2026 */
	e.until = later(e.due, length);
	memcpy(e.order, orders[pick(0, 5)], sizeof(e.order));
	for (int64_t i = 0, at = 0; i < e.payments; i++) {
		at = pick(at > 0 ? at : 1, length);
		e.paid_on[i] = later(e.due, at);
		e.paid[i] = pick(1, e.principal);
	}
	return e;
}

static int64_t number(const struct json *got, const char *key)
{
	struct json value = json_get(got, key);

	return json_int(&value);
}

/* The engine's "87480/73" is the same number. */
static bool same(const char *text, const struct ratio *r)
{
	BIGNUM *n = NULL, *d = NULL;
	const char *slash = strchr(text, '/');
	bool equal;

	assert_true(BN_dec2bn(&n, text) > 0);
	assert_true(BN_dec2bn(&d, slash ? slash + 1 : "1") > 0);
	BN_mul(n, n, r->d, ctx);
	BN_mul(d, d, r->n, ctx);
	equal = BN_cmp(n, d) == 0;
	BN_free(n);
	BN_free(d);
	return equal;
}

static void day_by_day(void **state)
{
	CLEANUP(arena_freep) struct arena *data = arena_create();
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json file = law_vectors(data, "rates.json"), series = json_get(&file, "series");
	struct interest_rules rules;
	struct fees fees;

	(void)state;
	ctx = BN_CTX_new();
	assert_int_equal(fees_read(data, law_data(data, "fees"), &fees, NULL), 0);
	assert_int_equal(interest_rules_read(data, law_data(data, "rates"), law_data(data, "regimes"), &fees, &rules, NULL), 0);
	for (long i = 0; i < cases; i++) {
		CLEANUP(buf_clear) struct buf asked = { 0 };
		CLEANUP(buf_clear) struct buf answered = { 0 };
		struct example e = example();
		struct json_writer w = jw_init(&answered);
		struct json given, got, exact;
		struct err err = { 0 };
		struct outcome o;

		arena_clear(arena);
		question(arena, &e, &asked);
		assert_int_equal(json_parse(arena, buf_str(&asked), asked.len, 0, &given, NULL), 0);
		jw_object(&w, NULL);
		if (interest_answer(arena, &rules, &given, &w, NULL, &err) < 0)
			fail_msg("%s: %s", buf_str(&asked), err.text);
		jw_end_object(&w);
		assert_int_equal(json_parse(arena, buf_str(&answered), answered.len, 0, &got, NULL), 0);
		follow(&series, &e, &o);
		exact = json_get(&got, "interest_exact");
		if (!same(json_str(&exact), &o.accrued) || number(&got, "interest_left_minor") != o.interest ||
			number(&got, "principal_left_minor") != o.principal || number(&got, "fee_left_minor") != o.fee ||
			number(&got, "over_minor") != o.over)
			fail_msg("debt %ld: %s\n  answered %s\n  day by day: principal %lld, interest %lld, fee %lld, over %lld", i, buf_str(&asked),
				buf_str(&answered), (long long)o.principal, (long long)o.interest, (long long)o.fee, (long long)o.over);
		drop(&o.accrued);
	}
	BN_CTX_free(ctx);
	print_message("%ld debts, day by day: no difference\n", cases);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(day_by_day) };

	if (argc > 1)
		cases = strtol(argv[1], NULL, 10);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
