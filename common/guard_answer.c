/* Questions to the guard as JSON. */
#include <errno.h>
#include <string.h>

#include "common/guard.h"
#include "common/utc.h"

#define HISTORY_MAX 1000

static const char *const outcomes[] = { [MADE_OTHER] = "other", [MADE_NO_ANSWER] = "no_answer", [MADE_BUSY] = "busy",
	[MADE_NOT_CONNECTED] = "not_connected", [MADE_CONVERSATION] = "conversation", NULL };

static int get_instant(const struct json *object, const char *key, int64_t *ret, struct err *err)
{
	const char *text = NULL;
	int r = json_opt_str(object, key, UTC_TEXT_SIZE, &text, err);

	if (r == 0 && text && utc_parse(text, ret) < 0)
		return json_refuse(object, key, err, "bad_time", "must be a time such as 2026-03-09T12:30:00Z");
	return r;
}

static int opt_date(const struct json *object, const char *key, date *ret, struct err *err)
{
	const char *text = NULL;
	int r = json_opt_str(object, key, 10, &text, err);

	if (r == 0 && text && date_parse(text, ret) < 0)
		return json_refuse(object, key, err, "bad_date", "must be a date such as 2026-03-02");
	return r;
}

static int opt_told(const struct json *object, const char *key, enum guard_told *ret, struct err *err)
{
	bool told = false;
	int r = json_opt_bool(object, key, &told, err);

	if (r == 0 && json_has(object, key))
		*ret = told ? TOLD_YES : TOLD_NO;
	return r;
}

/* "postcard" is a letter that anybody can read, "robocall" a voice message. */
static int read_channel(const struct json *object, struct guard_request *q, struct err *err)
{
	const char *text = NULL;
	int channel = CHANNEL_LETTER, r = json_opt_str(object, "channel", 20, &text, err);

	if (r < 0 || !text)
		return r;
	q->visible = strcmp(text, "postcard") == 0;
	if (strcmp(text, "robocall") == 0)
		channel = CHANNEL_VOICE;
	else if (!q->visible && (r = json_get_word(object, "channel", channel_names, &channel, err)) < 0)
		return r;
	q->channel = (enum channel)channel;
	return 0;
}

static int read_rules(struct arena *arena, const struct guard_rules *rules, const struct json *given, struct guard_request *q,
	struct err *err)
{
	const struct contact_rule **chosen;
	const char *region = NULL;
	struct json list = { 0 };
	int r = json_opt_array(given, "rules", &list, err);

	if (r < 0 || (r = json_opt_str(given, "region", 8, &region, err)) < 0)
		return r;
	chosen = arena_alloc(arena, (json_len(&list) + GUARD_RULES_MAX + 1) * sizeof(const struct contact_rule *));
	q->rules = chosen;
	if (list.type == JSON_NONE)
		guard_rules_of(rules, q->country, region, chosen);
	for (size_t i = 0; i < json_len(&list); i++) {
		struct json id = json_at(&list, i);

		chosen[i] = id.type == JSON_STRING ? guard_rule(rules, json_str(&id)) : NULL;
		if (!chosen[i])
			return json_refuse(&id, NULL, err, "not_one_of", "no such contact rule in the law data");
	}
	return 0;
}

static int read_zones(const struct json *given, struct guard_request *q, struct err *err)
{
	struct json list = { 0 };
	int r = json_opt_array(given, "zones", &list, err);

	if (r < 0)
		return r;
	if (json_len(&list) > GUARD_ZONES_MAX)
		return json_refuse(given, "zones", err, "too_long", "must be at most %d", GUARD_ZONES_MAX);
	for (; q->zone_count < json_len(&list); q->zone_count++) {
		struct json name = json_at(&list, q->zone_count);

		if (name.type != JSON_STRING || zone_get(json_str(&name), &q->zones[q->zone_count]) < 0)
			return json_refuse(&name, NULL, err, "bad_zone", "must be a time zone such as \"Europe/Paris\"");
	}
	return 0;
}

static int read_history(struct arena *arena, const struct json *given, struct guard_request *q, struct err *err)
{
	struct guard_contact *history;
	struct json list = { 0 };
	int r = json_opt_array(given, "history", &list, err);

	if (r < 0)
		return r;
	if (json_len(&list) > HISTORY_MAX)
		return json_refuse(given, "history", err, "too_long", "must be at most %d", HISTORY_MAX);
	history = arena_alloc(arena, json_len(&list) * sizeof(*history) + 1);
	for (size_t i = 0; i < json_len(&list); i++) {
		struct json row = json_at(&list, i);
		int channel, outcome = MADE_OTHER;

		if ((r = json_get_word(&row, "channel", channel_names, &channel, err)) < 0 ||
			(r = json_opt_word(&row, "outcome", outcomes, &outcome, err)) < 0 ||
			(r = json_opt_str(&row, "debt", 128, &history[i].debt, err)) < 0 ||
			(r = get_instant(&row, "at", &history[i].at, err)) < 0)
			return r;
		history[i].channel = (enum channel)channel;
		history[i].outcome = (enum contact_outcome)outcome;
	}
	q->history = history;
	q->history_count = json_len(&list);
	return 0;
}

static int read_person(const struct json *given, struct guard_request *q, struct err *err)
{
	struct json out = { 0 }, consent = { 0 };
	struct guard_request of_opt_out = { 0 };
	const char *kind = NULL, *state = NULL;
	int r;

	if ((r = json_opt_object(given, "opted_out", &out, err)) < 0 || (r = json_opt_object(given, "consent", &consent, err)) < 0 ||
		(r = json_opt_str(given, "message_kind", 40, &kind, err)) < 0 ||
		(r = json_opt_bool(given, "cease_communication_received", &q->ceased, err)) < 0 ||
		(r = json_opt_bool(given, "represented_by_attorney", &q->represented, err)) < 0 ||
		(r = opt_date(given, "insolvency_opened", &q->insolvency, err)) < 0 ||
		(r = json_opt_str(given, "invoice_state", 20, &state, err)) < 0 ||
		(r = json_opt_str(given, "contact_relation", 40, &q->relation, err)) < 0)
		return r;
	if (out.type == JSON_OBJECT) {
		if ((r = read_channel(&out, &of_opt_out, err)) < 0 || (r = get_instant(&out, "at", &q->opted_out_at, err)) < 0)
			return r;
		q->opted_out = 1u << of_opt_out.channel;
	}
	if (consent.type == JSON_OBJECT && (r = get_instant(&consent, "at", &q->call_consent_at, err)) < 0)
		return r;
	q->confirmation = kind && strcmp(kind, "opt_out_confirmation") == 0;
	q->stopped = state && strcmp(state, "open") != 0 ? state : NULL;
	q->outsiders = json_has(given, "cc");
	return 0;
}

static int read_message(const struct json *given, struct guard_request *q, struct err *err)
{
	struct json reminder = { 0 };
	const char *address = NULL;
	int r;

	if ((r = opt_told(given, "message_has_opt_out", &q->opt_out_text, err)) < 0 ||
		(r = opt_told(given, "consent_electronic", &q->electronic_consent, err)) < 0 ||
		(r = json_opt_bool(given, "in_collection", &q->in_collection, err)) < 0 ||
		(r = json_opt_str(given, "address_kind", 40, &address, err)) < 0 ||
		(r = json_opt_object(given, "first_reminder", &reminder, err)) < 0 ||
		(r = opt_date(given, "first_letter_sent", &q->letter_sent, err)) < 0)
		return r;
	q->work_address = address && strcmp(address, "employer_provided") == 0;
	if (reminder.type != JSON_OBJECT)
		return 0;
	if ((r = opt_date(&reminder, "sent", &q->reminder_sent, err)) < 0)
		return r;
	return json_opt_str(&reminder, "by", 10, &q->reminder_by, err);
}

static int read_request(struct arena *arena, const struct guard_rules *rules, const struct json *given, struct guard_request *q,
	struct err *err)
{
	static const char *const roles[] = { [ROLE_CREDITOR] = "creditor", [ROLE_COLLECTOR] = "third_party_collector", NULL };
	struct contact_hours *preferred;
	struct json preference = { 0 }, windows = { 0 };
	const char *debtor = NULL;
	int role = ROLE_CREDITOR, r;

	*q = (struct guard_request){ .channel = CHANNEL_LETTER, .insolvency = date_none(), .reminder_sent = date_none(),
		.letter_sent = date_none() };
	if ((r = json_opt_str(given, "country", 8, &q->country, err)) < 0 || (r = json_opt_str(given, "debtor", 20, &debtor, err)) < 0 ||
		(r = json_opt_word(given, "role", roles, &role, err)) < 0 || (r = read_channel(given, q, err)) < 0 ||
		(r = read_rules(arena, rules, given, q, err)) < 0 || (r = read_zones(given, q, err)) < 0 ||
		(r = json_opt_str(given, "calendar", 20, &q->calendar, err)) < 0 || (r = json_opt_str(given, "debt", 128, &q->debt, err)) < 0 ||
		(r = get_instant(given, "at", &q->at, err)) < 0 || (r = read_history(arena, given, q, err)) < 0 ||
		(r = read_person(given, q, err)) < 0 || (r = read_message(given, q, err)) < 0 ||
		(r = json_opt_object(given, "preference", &preference, err)) < 0 ||
		(r = json_opt_array(&preference, "windows", &windows, err)) < 0)
		return r;
	q->debtor = guard_debtor(debtor);
	q->role = (enum sender_role)role;
	q->timed = json_has(given, "at");
	if (json_len(&windows)) {
		preferred = arena_alloc(arena, sizeof(*preferred));
		q->preferred = preferred;
		return guard_windows_read(arena, &windows, preferred, err);
	}
	return 0;
}

int guard_answer_given(struct arena *arena, const struct guard_rules *rules, const struct json *given, struct json_writer *w,
	struct err *err)
{
	struct guard_request *q = arena_alloc(arena, sizeof(*q));
	struct guard_answer a;
	char text[UTC_TEXT_SIZE], day[DATE_TEXT_SIZE];
	int r = read_request(arena, rules, given, q, err);

	if (r < 0)
		return r;
	a = guard_decide(rules, q);
	jw_str(w, "decision", guard_decision_names[a.decision]);
	jw_opt_str(w, "reason", a.reason);
	if (a.decision == GUARD_DEFER && a.day_only)
		jw_str(w, "next", date_format(zone_date(a.zone, a.next), day));
	else if (a.decision == GUARD_DEFER)
		jw_str(w, "next", utc_format(a.next, text));
	jw_opt_str(w, "route", a.route);
	jw_opt_str(w, "rule", a.rule);
	if (a.by)
		jw_str(w, "basis", a.by->policy ? "policy" : "law");
	jw_opt_str(w, "law", a.source);
	return 0;
}
