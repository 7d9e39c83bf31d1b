/*
 * Input: one byte for the debtor's zone, two for the day on which the invoice is due, then a policy, or one that extends the one below. What is
 * taken is walked to its end as the daemon would: it must end, every step must end once and in order, and nothing may be owed outside the window.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/escalation.h"
#include "common/lint.h"
#include "common/policy.h"
#include "common/utc.h"

static const char *const zones[] = { "Europe/Paris", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu",
	"America/Santiago", "Africa/Cairo", "UTC" };

static void check(const struct policy *policy)
{
	assert(policy->step_count <= POLICY_STEPS_MAX && policy->cap_count <= ARRAY_LEN(policy->caps));
	assert(policy->nothing ? policy->step_count == 0 : policy->step_count > 0);
	assert(policy->window.weekdays && policy->window.weekdays < 128);
	assert(policy->window.from_minute >= 0 && policy->window.from_minute < policy->window.to_minute);
	assert(policy->window.to_minute <= 24 * 60 && strlen(policy->digest) == 64 && policy->min_gap_ms >= 0);
	for (size_t i = 0; i < policy->step_count; i++) {
		const struct step *step = &policy->steps[i];

		assert(policy_step_index(policy, step->id) == (int)i);
		assert(step->at.anchor != ANCHOR_STEP || step->at.step < i);
		assert(i == 0 || step->tone >= policy->steps[i - 1].tone);
		assert(step->effects && step->kind != STEP_ACTION);
		assert(step->kind == STEP_GATE ? step->role[0] && step->deadline_days > 0 : step->to[0] && step->template_name[0]);
	}
}

/* Nothing but the policy itself, and the law as it is shipped: every finding has a place, a reason and what to do. */
static void lint(const struct policy *policy)
{
	static struct law *law;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct lint_report report = { .arena = arena };
	size_t errors = 0;

	if (!law && law_load(SOURCE_DIR "/daemon/share", NULL, &law, NULL) < 0)
		abort();
	lint_policy(&(struct lint_input){ .policy = policy, .law = law, .country = "FR", .zone = "Europe/Paris" }, &report);
	for (size_t i = 0; i < report.count; i++) {
		const struct lint_finding *f = &report.findings[i];

		assert(f->path[0] == '$' && f->reason[0] && f->rule->remedy[0] && f->code[0]);
		assert(!f->step || policy_step_index(policy, f->step) >= 0);
		errors += f->rule->severity == LINT_ERROR;
	}
	assert(errors == report.errors && !errors == !lint_first_error(&report));
}

static void walk(const struct policy *policy, const char *zone, date due)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct contact contact = { .id = "c", .role = "billing", .email = "a@b.example", .phone = "+33100000000" };
	struct debtor debtor = { .id = "d", .known = true,
		.customer = { .country = "FR", .timezone = zone, .contacts = &contact, .contact_count = 1 } };
	struct escalation e = { .state = ESCALATION_WAITING,
		.invoice = { .id = "i", .debtor_id = "d", .known = true, .order = { 1, 0, "s", "1" },
			.snapshot = { .status = INVOICE_OPEN, .issued_on = date_add_days(due, -30), .due_on = due, .currency = "EUR",
				.total = 120000 } } };
	struct rules rules = { .policy = policy, .creditor_zone = "UTC", .now = (int64_t)(due.days - 30) * DAY_MS };
	const struct business_time window = schedule_window(policy, &debtor, "UTC", NULL);
	size_t looks = 0;

	e.opened_at = rules.now;
	while (e.walk_count < policy->step_count) {
		struct next_action next = escalation_next(&e, &debtor, &rules);
		const struct step *step;

		assert(++looks <= 4 * POLICY_STEPS_MAX + 8 && next.why);
		if (next.kind == NEXT_HELD) { /* below the minimum, or as many contacts as allowed */
			assert(next.at > rules.now);
			return;
		}
		assert(next.step == e.walk_count); /* the earliest that is not over */
		if (next.at > rules.now) {
			rules.now = next.at;
			continue;
		}
		step = &policy->steps[next.step];
		if (next.kind == NEXT_SKIP) {
			escalation_walked(&e, arena, step->id, STEP_SKIPPED, next.why, rules.now, NULL);
			continue;
		}
		assert(next.kind == (step->kind == STEP_GATE ? NEXT_GATE : NEXT_CONTACT) && next.owed_at <= rules.now);
		if (next.kind == NEXT_CONTACT) {
			assert(business_next(&window, rules.now) == rules.now);
			assert(pace_earliest(policy, &debtor, step->channel, rules.now, NULL) == rules.now);
			debtor_contact_add(&debtor, arena, rules.now, step->channel, step->id);
		}
		escalation_walked(&e, arena, step->id, STEP_SENT, NULL, rules.now, step->id);
	}
	assert(escalation_next(&e, &debtor, &rules).kind == NEXT_HELD);
}

static const char ground[] = "{\"name\":\"ground\",\"min_gap\":\"24h\",\"steps\":["
	"{\"id\":\"a\",\"at\":\"due+1d\",\"channel\":\"email\",\"template\":\"t\",\"tone\":\"friendly\"},"
	"{\"id\":\"b\",\"at\":\"a+9d\",\"channel\":\"call\",\"template\":\"t\",\"tone\":\"neutral\",\"deadline\":\"2bd\"},"
	"{\"id\":\"c\",\"at\":\"due+30d\",\"gate\":\"decision\",\"role\":\"owner\"}]}";

/* What came of two is read again without the base, as the same. */
static int parse(const char *text, size_t len, struct policy **ret, struct err *err)
{
	CLEANUP(policy_freep) struct policy *base = NULL;
	CLEANUP(policy_freep) struct policy *again = NULL;
	int r = policy_parse(text, len, ret, err);

	if (r == 0 || strcmp(err->code, "needs_base") != 0)
		return r;
	err_clear(err);
	assert(policy_parse(ground, strlen(ground), &base, NULL) == 0);
	r = policy_parse_on(text, len, base, ret, err);
	if (r < 0)
		return r;
	assert(policy_parse((*ret)->source, (*ret)->source_len, &again, NULL) == 0);
	assert(strcmp(again->digest, (*ret)->digest) == 0 && again->step_count == (*ret)->step_count);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(policy_freep) struct policy *policy = NULL;
	struct err err = { 0 };
	date due;

	if (size < 3)
		return 0;
	due = date_add_days(date_of(2010, 1, 1), (data[1] << 8 | data[2]) % 11000);
	if (parse((const char *)data + 3, size - 3, &policy, &err) < 0) {
		assert(!policy && err.code[0] && err.path[0] == '$' && err.text[0]);
		return 0;
	}
	check(policy);
	lint(policy);
	walk(policy, zones[data[0] % ARRAY_LEN(zones)], due);
	return 0;
}
