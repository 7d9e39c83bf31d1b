#include "common/worth.h"

#include <string.h>

#include "common/locale.h"

/*
 * Of invoices that are unpaid so long after their due date, how many of a hundred are paid in the end: 73 after 90 days and under 50 after
 * half a year (Atradius, as cited), 27 after a year (ResolvePay, as cited). The figures in the trade differ; one's own say more.
 */
static const struct {
	int32_t days; /* up to, inclusive */
	int64_t percent;
} ages[EXPERIENCE_AGES] = { { 30, 94 }, { 60, 85 }, { 90, 73 }, { 180, 50 }, { 365, 27 }, { INT32_MAX, 12 } };

static int age_of(int32_t days)
{
	int age = 0;

	while (days > ages[age].days)
		age++;
	return age;
}

static int64_t price_of(const struct config *config, const struct step *step)
{
	switch (step->channel) {
	case CHANNEL_EMAIL:
		return config->costs.email;
	case CHANNEL_SMS:
		return config->costs.sms;
	case CHANNEL_LETTER:
		return step->delivery == LETTER_SIMPLE ? config->costs.letter : config->costs.registered;
	case CHANNEL_VOICE:
		return config->costs.voice;
	default:
		return 0;
	}
}

struct worth worth_of(const struct config *config, const struct escalation *e, const struct policy *policy, const struct experience *history,
	date today)
{
	struct worth w = { .balance = invoice_view(&e->invoice).balance };
	int64_t prices = 0, untimed = e->calls > e->timed ? e->calls - e->timed : 0;
	int age;

	w.minutes = e->minutes + untimed * config->costs.call_minutes;
	for (size_t i = 0; policy && i < e->walk_count; i++) {
		int index = policy_step_index(policy, e->walk[i].step);
		const struct step *step = index < 0 ? NULL : &policy->steps[index];

		if (e->walk[i].end == STEP_SKIPPED)
			continue;
		if (!step || step->kind == STEP_MESSAGE) {
			w.messages++;
			prices += step ? price_of(config, step) : config->costs.email;
		}
		if (step && (step->kind == STEP_GATE || (step->kind == STEP_MESSAGE && e->walk[i].end == STEP_DONE)))
			w.minutes += config->costs.task_minutes; /* a decision, a letter that somebody posted */
	}
	w.priced = config->costs.currency && strcmp(config->costs.currency, e->invoice.snapshot.currency) == 0;
	w.spent = w.priced ? prices + (w.minutes * config->costs.hour + 59) / 60 : 0;
	w.age_days = date_diff(today, e->invoice.snapshot.due_on);
	age = age_of(w.age_days);
	w.cases = history ? history->reached[age] : 0;
	w.own = w.cases >= WORTH_OWN_MIN;
	w.percent = w.own ? history->paid[age] * 100 / w.cases : ages[age].percent;
	w.expected = w.balance / 100 * w.percent + w.balance % 100 * w.percent / 100;
	return w;
}

const char *worth_text(const struct worth *w, const struct escalation *e, const char *locale, struct arena *arena)
{
	CLEANUP(buf_clear) struct buf open = { 0 }, spent = { 0 }, expected = { 0 };
	struct money money = { .minor = w->balance };

	memcpy(money.currency, e->invoice.snapshot.currency, 4);
	(void)locale_money(locale, money, &open);
	money.minor = w->spent;
	(void)locale_money(locale, money, &spent);
	money.minor = w->expected;
	(void)locale_money(locale, money, &expected);
	return arena_printf(arena,
		"Is it worth it?\n"
		"Open: %s, %d days past due.\n"
		"So far: %lld messages and %lld minutes of people%s%s.\n"
		"Of such invoices %lld of 100 are paid in the end (%s): about %s may still come.\n"
		"dunningctl decide %s pursue|settle|write_off WHY\n",
		buf_str(&open), w->age_days, (long long)w->messages, (long long)w->minutes, w->priced ? ", " : "", w->priced ? buf_str(&spent) : "",
		(long long)w->percent, w->own ? arena_printf(arena, "%lld of yours", (long long)w->cases) : "as the trade says, too few of yours are known",
		buf_str(&expected), e->invoice.id);
}

static void add(struct experience *history, int64_t aged, bool paid, int64_t n)
{
	for (int age = 0; age < EXPERIENCE_AGES && age < aged; age++) {
		history->reached[age] += n;
		history->paid[age] += paid ? n : 0;
	}
}

bool worth_count(struct escalation *e, struct experience *history, date due, date paid_on, date today)
{
	static const char *const lost[] = { "uncollectible", "stopped", NULL };
	bool closed = e->state == ESCALATION_CLOSED && e->closed, paid = closed && (!strcmp(e->closed, "paid") || !strcmp(e->closed, "settled"));
	bool before = e->aged_paid;
	int64_t aged = 0, had = e->aged;

	for (size_t i = 0; closed && lost[i]; i++)
		if (strcmp(e->closed, lost[i]) == 0)
			aged = had && !before ? had : age_of(date_diff(today, due)) + 1; /* once counted, its age stands */
	if (paid)
		aged = age_of(date_is_set(paid_on) ? date_diff(paid_on, due) : 0) + 1;
	if (aged == had && paid == before)
		return false;
	add(history, had, before, -1);
	add(history, aged, paid, 1);
	e->aged = aged;
	e->aged_paid = paid;
	return true;
}
