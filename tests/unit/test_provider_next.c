/*
 * What is done next of each answer of each shipped provider: the outcome as its file reads it goes through the decision as the daemon takes
 * it. Whether the step is walked, owed by the same, the next provider, the next contact or the other channel, from when, with whose help;
 * and of a doubt, by which of the provider's own means it is settled and when.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/provider_answers.h"
#include "tests/support/shipped.h"
#include "tests/unit/contact_world.h"

/* What no provider's own list has, as it is the same of all. `status` 0: there was no answer, but `reason`. */
static const struct common {
	const char *name;
	int status;
	const char *head, *body;
	bool endless;
	enum outcome_kind kind; /* where there was no answer */
	const char *reason;
} common_rows[] = {
	{ .name = "throttled, seconds", .status = 429, .head = "Retry-After: 600\r\n", .body = "{}" },
	{ .name = "throttled, a date", .status = 429, .head = "Retry-After: Thu, 02 Apr 2026 09:00:00 GMT\r\n", .body = "{}" },
	{ .name = "401", .status = 401, .head = "", .body = "{}" },
	{ .name = "403", .status = 403, .head = "", .body = "" },
	{ .name = "500", .status = 500, .head = "", .body = "{}" },
	{ .name = "503", .status = 503, .head = "Retry-After: 5\r\n", .body = "" },
	{ .name = "2xx without its id", .status = 200, .head = "", .body = "{}" },
	{ .name = "2xx, garbage", .status = 200, .head = "", .body = "\x01\xff{" },
	{ .name = "2xx without end", .status = 200, .head = "", .body = "{\"id\":\"1\",\"x\":\"", .endless = true },
	{ .name = "a redirect into this network", .status = 302, .head = "Location: http://169.254.169.254/\r\n", .body = "" },
	{ .name = "no connection in time", .kind = OUTCOME_TEMPORARY, .reason = "timeout" },
	{ .name = "no answer in time", .kind = OUTCOME_IN_DOUBT, .reason = "timeout" },
};

/* --- the next action ---------------------------------------------------------------------------------------------------------- */

enum next { NEXT_SENT, NEXT_ASKED, NEXT_AGAIN, NEXT_PROVIDER, NEXT_CONTACT_OF_ROLE, NEXT_CHANNEL, NEXT_LEFT_OUT };
static const char *const next_names[] = { "sent", "in doubt", "again", "next provider", "next contact", "other channel", "left out" };

/* By the outcome. Alone: the channel has this provider only. Two: another one stands behind it. */
static const struct rule {
	const char *name;
	enum outcome_kind kind;
	enum outcome_scope scope;
	const char *reason; /* NULL = any */
	bool unsent; /* there was no answer */
	enum next alone, two, fallback; /* fallback: the step has another channel besides */
	int64_t wait_ms; /* of `alone`; -1: as long as the provider says */
	const char *task;
	const char *record; /* besides the attempt's own */
} next_rules[] = {
	{ "accepted", ACCEPTED, NULL, false, NEXT_SENT, NEXT_SENT, NEXT_SENT, 0, NULL, NULL },
	{ "stopped", RECIPIENT, "stopped", false, NEXT_LEFT_OUT, NEXT_LEFT_OUT, NEXT_CHANNEL, 0, NULL, "consent.withdrawn" },
	{ "suppressed", RECIPIENT, "suppressed", false, NEXT_CONTACT_OF_ROLE, NEXT_CONTACT_OF_ROLE, NEXT_CONTACT_OF_ROLE, 0, NULL, NULL },
	{ "bad address", RECIPIENT, "bad_address", false, NEXT_CONTACT_OF_ROLE, NEXT_CONTACT_OF_ROLE, NEXT_CONTACT_OF_ROLE, 0, NULL, NULL },
	{ "refused", REFUSED, NULL, false, NEXT_LEFT_OUT, NEXT_LEFT_OUT, NEXT_CHANNEL, 0, "refused", NULL },
	{ "the account", CONFIG, NULL, false, NEXT_AGAIN, NEXT_PROVIDER, NEXT_AGAIN, 15 * MINUTE_MS, NULL, NULL },
	{ "throttled", THROTTLED, NULL, false, NEXT_AGAIN, NEXT_AGAIN, NEXT_AGAIN, -1, NULL, NULL },
	{ "quota", QUOTA, NULL, false, NEXT_AGAIN, NEXT_PROVIDER, NEXT_AGAIN, 15 * MINUTE_MS, NULL, NULL },
	{ "for now", AGAIN, NULL, false, NEXT_AGAIN, NEXT_PROVIDER, NEXT_AGAIN, 5 * MINUTE_MS, NULL, NULL },
	{ "unsent", AGAIN, NULL, true, NEXT_AGAIN, NEXT_PROVIDER, NEXT_AGAIN, 5 * MINUTE_MS, NULL, NULL },
	{ "in doubt", DOUBT, NULL, false, NEXT_ASKED, NEXT_ASKED, NEXT_ASKED, 0, NULL, NULL },
	{ "in doubt without an answer", DOUBT, NULL, true, NEXT_ASKED, NEXT_ASKED, NEXT_ASKED, 0, NULL, NULL },
};

static const struct rule *rule_of(const struct outcome *o)
{
	for (size_t i = 0; i < ARRAY_LEN(next_rules); i++) {
		const struct rule *rule = &next_rules[i];

		if (rule->kind == o->kind && rule->scope == o->scope && (!rule->reason || strcmp(rule->reason, o->reason) == 0) &&
			rule->unsent == !o->status)
			return rule;
	}
	fail_msg("no rule for %s %s %s", outcome_names[o->kind], scope_names[o->scope], o->reason);
	return NULL;
}

/* The means that each has, as its file says them: when it is asked, or sent again, and by when nobody knows. In seconds behind the doubt; -1: never. */
static const struct means {
	const char *provider;
	int64_t resend, look_up, given_up;
} means[] = {
	{ "sendgrid", -1, -1, 3600 }, { "mailgun", -1, 30, 3630 }, { "postmark", -1, 10, 3610 }, { "brevo", 5, 60, 3660 }, { "mailjet", -1, 30, 3630 },
	{ "resend", 5, -1, 3600 }, { "amazon-ses", -1, -1, 3600 }, { "sparkpost", -1, -1, 3600 }, { "generic-json", -1, -1, 3600 },
	{ "twilio-sms", -1, 5, 3605 }, { "vonage", -1, -1, 3600 }, { "ovh", -1, 30, 3630 }, { "brevo-sms", -1, 60, 3660 }, { "telnyx", -1, -1, 3600 },
	{ "plivo", -1, -1, 3600 }, { "infobip", -1, 30, 3630 }, { "sinch", -1, 10, 3610 }, { "lob", 5, 5, 3605 }, { "merci-facteur", 5, -1, 3600 },
	{ "mysendingbox", -1, 10, 3610 }, { "clicksend", -1, -1, 3600 }, { "twilio-voice", -1, -1, 3600 },
};

/* As decide_traits() makes them. */
static struct provider_traits traits_of(const struct adapter *adapter)
{
	return (struct provider_traits){ .idempotent = adapter_idempotency_ms(adapter) > 0, .window_ms = adapter_idempotency_ms(adapter),
		.lookup = adapter_can_lookup(adapter), .not_before_ms = adapter_lookup_not_before_ms(adapter),
		.conclusive_after_ms = adapter_lookup_conclusive_ms(adapter) };
}

/* --- the world ---------------------------------------------------------------------------------------------------------------- */

#define TEXT_STEP "{\"id\":\"reminder\",\"at\":\"due+1d\",\"channel\":\"%s\",\"template\":\"t\",\"tone\":\"neutral\"%s}"
static const char *const attempt_invoices[] = { "inv_0" };

enum shape { ALONE, TWO, FALLBACK, SHAPES };
static const char *const shape_names[] = { "alone", "two", "fallback" };

struct trial {
	struct world w;
	struct contact contacts[2];
	struct attempt_entry entry;
	enum channel channel;
	const char *to;
};

/* inv_0's reminder is on the wire by this provider, to the first of two of the role. */
static void trial_open(struct trial *t, const struct shipped *provider, enum shape shape)
{
	char policy[500];

	t->channel = provider->channel;
	snprintf(policy, sizeof(policy), POLICY("", TEXT_STEP), channel_names[t->channel],
		shape != FALLBACK ? "" : t->channel == CHANNEL_SMS ? ",\"else\":\"email\"" : ",\"else\":\"sms\"");
	world_init(&t->w, policy);
	t->contacts[0] = t->contacts[1] = t->w.contact;
	t->w.debtor.customer.postal = (struct postal){ .line1 = "12 rue X", .postcode = "69002", .city = "Lyon", .country = "FR" };
	t->contacts[1] = (struct contact){ .id = "c2", .role = "billing", .name = "M. Blanc", .email = "blanc@dupont.example", .phone = "+33100000009" };
	for (size_t i = 0; i < 2; i++)
		t->contacts[i].sms_consent = t->contacts[i].voice_consent = true;
	t->w.debtor.customer.contacts = t->contacts;
	t->w.debtor.customer.contact_count = 2;
	t->to = t->channel == CHANNEL_EMAIL ? t->contacts[0].email : t->channel == CHANNEL_LETTER ? postal_line(&t->w.debtor.customer.postal, t->w.arena) :
												    t->contacts[0].phone;
	t->w.config->channel_providers[t->channel][0] = provider->name;
	t->w.config->channel_providers[t->channel][1] = shape == TWO ? "another" : NULL;
	t->entry = (struct attempt_entry){ .id = "a1", .debtor_id = "cus_7", .step = "reminder", .channel = channel_names[t->channel],
		.provider = provider->name, .invoice_ids = attempt_invoices, .invoice_count = 1, .released_at = t->w.env.now - SECOND_MS };
	t->w.e[0].state = ESCALATION_SENDING;
	t->w.e[0].step = "reminder";
	t->w.e[0].attempt = "a1";
	debtor_contact_add(&t->w.debtor, t->w.arena, t->entry.released_at, t->channel, "a1");
	debtor_contact_made(&t->w.debtor, "a1")->to = t->to;
}

/* Who would get the step now, and by which channel. */
static const struct contact *reached(struct trial *t, enum channel *channel)
{
	const struct rules rules = { .creditor_zone = "Europe/Paris", .policy = t->w.policies[0], .now = t->w.env.now };
	struct permit permit;

	return escalation_reach(&t->w.e[0], &t->w.debtor, &rules, &t->w.policies[0]->steps[0], t->w.env.now, channel, &permit);
}

static enum next next_of(struct trial *t)
{
	const struct escalation *e = &t->w.e[0];
	enum channel channel = t->channel;
	const struct contact *to;

	if (e->state == ESCALATION_DOUBT)
		return NEXT_ASKED;
	if (e->walk_count)
		return e->walk[0].end == STEP_SENT ? NEXT_SENT : NEXT_LEFT_OUT;
	to = reached(t, &channel);
	if (!to)
		return NEXT_LEFT_OUT; /* its turn finds nobody */
	return channel != t->channel ? NEXT_CHANNEL : strcmp(to->id, "c2") == 0 ? NEXT_CONTACT_OF_ROLE : e->provider_failed ? NEXT_PROVIDER : NEXT_AGAIN;
}

/* What is in doubt is settled by the provider's means, in their order, and told to a person when they are all used. */
static void doubt_goes(struct trial *t, const struct provider_traits *traits, const char *what)
{
	const struct means *m = means;
	int64_t since = t->entry.doubt_since, at = 0, first;
	struct attempt_entry entry = t->entry;

	while (strcmp(m->provider, t->entry.provider) != 0)
		m++;
	first = m->resend >= 0 ? m->resend : m->look_up >= 0 ? m->look_up : m->given_up;
	assert_int_equal(contact_doubt_next(&entry, traits, since, &at), DOUBT_WAIT);
	if (at != since + first * SECOND_MS || t->w.e[0].look_at != at)
		fail_msg("%s: looked at in %lld ms", what, (long long)(at - since));
	assert_int_equal(contact_doubt_next(&entry, traits, at, &at),
		m->resend >= 0 ? DOUBT_RESEND_NOW : m->look_up >= 0 ? DOUBT_LOOKUP_NOW : DOUBT_UNKNOWN);
	if (m->resend >= 0) { /* not beyond 80 % of the time for which the key is known */
		enum doubt_step late;

		at = entry.released_at + traits->window_ms / 10 * 8;
		assert_int_equal(contact_doubt_next(&entry, traits, at - 1, &(int64_t){ 0 }), DOUBT_RESEND_NOW);
		late = contact_doubt_next(&entry, traits, at, &at);
		assert_true(late != DOUBT_RESEND_NOW);
	}
	entry.resends = 100; /* all that may be */
	if (m->look_up >= 0)
		assert_int_equal(contact_doubt_next(&entry, traits, since + m->given_up * SECOND_MS - 1, &at), DOUBT_LOOKUP_NOW);
	else
		assert_int_equal(contact_doubt_next(&entry, traits, since + m->given_up * SECOND_MS - 1, &at), DOUBT_WAIT);
	assert_int_equal(contact_doubt_next(&entry, traits, since + m->given_up * SECOND_MS, &at), DOUBT_UNKNOWN);
}

static void check(const struct shipped *provider, const struct adapter *adapter, const struct outcome *outcome, const char *what)
{
	const struct rule *rule = rule_of(outcome);
	struct provider_traits traits = traits_of(adapter);

	for (int shape = ALONE; shape < SHAPES; shape++) {
		enum next wanted = shape == ALONE ? rule->alone : shape == TWO ? rule->two : rule->fallback, next;
		int64_t wait = rule->wait_ms >= 0 ? rule->wait_ms : outcome->retry_after_ms > MINUTE_MS ? outcome->retry_after_ms : MINUTE_MS;
		bool settled;
		struct trial t;

		if (wanted == NEXT_CONTACT_OF_ROLE && provider->channel == CHANNEL_LETTER) /* a house has one address */
			wanted = shape == FALLBACK ? NEXT_CHANNEL : NEXT_LEFT_OUT;
		trial_open(&t, provider, (enum shape)shape);
		settled = contact_settle(&t.w.env, &t.w.debtor, t.w.candidates, INVOICES, &t.entry, &traits, outcome, &t.w.fx);
		next = next_of(&t);
		if (next != wanted || settled != (wanted != NEXT_ASKED))
			fail_msg("%s, %s: %s instead of %s", what, shape_names[shape], next_names[next], next_names[wanted]);
		if (t.w.e[0].refused) /* the step behind it rests */
			assert_int_equal(t.w.e[0].rests_until,
				t.w.env.now + (t.w.policies[0]->min_gap_ms > DAY_MS ? t.w.policies[0]->min_gap_ms : DAY_MS));
		if (t.w.e[0].retry_at != (wanted == NEXT_AGAIN ? t.w.env.now + wait : 0))
			fail_msg("%s, %s: again in %lld ms", what, shape_names[shape], (long long)(t.w.e[0].retry_at ? t.w.e[0].retry_at - t.w.env.now : 0));
		if (wanted == NEXT_PROVIDER)
			assert_string_equal(t.w.e[0].provider_failed, provider->name);
		if (rule->task && !(shape == FALLBACK && wanted == NEXT_CHANNEL))
			assert_non_null(find_task(&t.w.fx, rule->task));
		else if (t.w.fx.tasks)
			fail_msg("%s, %s: a task, %s", what, shape_names[shape], t.w.fx.tasks->kind);
		assert_int_equal(find_draft(t.w.fx.records, "consent.withdrawn") != NULL, rule->record != NULL);
		assert_int_equal(debtor_opted_out(&t.w.debtor, t.channel), rule->record != NULL);
		assert_int_equal(debtor_address_dead(&t.w.debtor, t.channel, t.to), strcmp(rule->name, "bad address") == 0 || strcmp(rule->name, "suppressed") == 0);
		/* Its number makes the next one's id: a new one where the provider knows this one, the same where nothing left. */
		assert_int_equal(t.w.e[0].tries, settled && wanted != NEXT_SENT && !t.w.e[0].walk_count && outcome->status);
		assert_int_equal(t.w.debtor.contact_count, wanted == NEXT_SENT || wanted == NEXT_ASKED); /* under the caps */
		if (wanted == NEXT_ASKED)
			doubt_goes(&t, &traits, what);
		world_clear(&t.w);
	}
}

/* --- each of each --------------------------------------------------------------------------------------------------------------- */

static void answered(const struct shipped *provider, int status, const char *head, const char *body, bool endless)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(adapter_freep) struct adapter *adapter = shipped_load(provider->name);
	const char *whole = arena_printf(arena, "HTTP/1.1 %d X\r\n%s", status, head);
	const struct http_answer answer = { .status = status, .head = whole, .head_len = strlen(whole), .body = body, .body_len = strlen(body),
		.truncated = endless };
	struct outcome outcome;

	adapter_answer(adapter, &answer, SHIPPED_NOW, arena, &outcome);
	check(provider, adapter, &outcome, arena_printf(arena, "%s %d %s%s", provider->name, status, head, body));
}

static void its_own_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < provider_answer_count; i++) {
		const struct provider_answer *row = &provider_answers[i];

		answered(shipped_find(row->provider), row->status, row->head, row->body, false);
	}
}

static void what_all_may_answer(void **state)
{
	const struct common *row = *state;

	for (size_t i = 0; i < shipped_count; i++) {
		if (row->status) {
			answered(&shipped[i], row->status, row->head, row->body, row->endless);
		} else {
			const struct outcome outcome = { .kind = row->kind, .reason = row->reason };
			CLEANUP(adapter_freep) struct adapter *adapter = shipped_load(shipped[i].name);

			check(&shipped[i], adapter, &outcome, shipped[i].name);
		}
	}
}

/*
 * Who says these in an answer, by its own rules. The others take the message and tell of it later, by webhook or when they are asked, or have no
 * word for it that is known. Who adds a file, or a rule, says so here.
 */
static void who_says_what(void **state)
{
	static const struct {
		enum outcome_kind kind;
		enum outcome_scope scope;
		const char *reason, *or; /* NULL: any */
		const char *but; /* those that have none, with a space before and behind each */
	} words[] = {
		{ RECIPIENT, "bad_address", "bad_address", " generic-json " },
		{ RECIPIENT, "stopped", "suppressed", " sendgrid mailgun brevo mailjet resend sparkpost generic-json ovh sinch lob merci-facteur mysendingbox "
			"clicksend " },
		{ QUOTA, NULL, NULL, " mailjet generic-json twilio-voice " },
		{ THROTTLED, NULL, NULL, " " },
		{ ACCEPTED, NULL, NULL, " " },
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(words); k++)
		for (size_t i = 0; i < shipped_count; i++) {
			CLEANUP(arena_freep) struct arena *arena = arena_create();
			bool says = false;

			for (size_t n = 0; n < provider_answer_count; n++) {
				const struct provider_answer *row = &provider_answers[n];

				says |= strcmp(row->provider, shipped[i].name) == 0 && row->kind == words[k].kind && row->scope == words[k].scope &&
					(!words[k].reason || strcmp(row->reason, words[k].reason) == 0 || strcmp(row->reason, words[k].or) == 0);
			}
			if (says == (strstr(words[k].but, arena_printf(arena, " %s ", shipped[i].name)) != NULL))
				fail_msg("%s has%s an answer that is %s %s %s", shipped[i].name, says ? "" : " not", outcome_names[words[k].kind],
					scope_names[words[k].scope], words[k].reason ? words[k].reason : "");
		}
}

static void each_has_means(void **state)
{
	(void)state;
	assert_int_equal(ARRAY_LEN(means), shipped_count);
	for (size_t i = 0; i < shipped_count; i++)
		assert_string_equal(means[i].provider, shipped[i].name);
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(its_own_answers),
		cmocka_unit_test(who_says_what),
		cmocka_unit_test(each_has_means),
	};
	static struct CMUnitTest tests[ARRAY_LEN(others) + ARRAY_LEN(common_rows)];
	size_t count = ARRAY_LEN(others);

	memcpy(tests, others, sizeof(others));
	for (size_t i = 0; i < ARRAY_LEN(common_rows); i++)
		tests[count++] = (struct CMUnitTest){ .name = common_rows[i].name, .test_func = what_all_may_answer,
			.initial_state = (void *)(uintptr_t)&common_rows[i] };
	return cmocka_run_group_tests_name("provider_next", tests, NULL, NULL);
}
