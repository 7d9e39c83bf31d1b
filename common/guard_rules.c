/* The rules, out of the law data. */
#include <errno.h>
#include <string.h>

#include "common/guard.h"

#define WORDS_MAX 600
#define ALL_CHANNELS ((1u << CHANNEL_COUNT) - 1)

static const char *const role_words[] = { [ROLE_CREDITOR] = "creditor", [ROLE_COLLECTOR] = "third_party_collector", NULL };
static const char *const debtor_words[] = { "consumer", "business", NULL }; /* DEBTOR_CONSUMER, DEBTOR_BUSINESS */
static const char *const outcome_words[] = { [MADE_OTHER] = "other", [MADE_NO_ANSWER] = "no_answer", [MADE_BUSY] = "busy",
	[MADE_NOT_CONNECTED] = "not_connected", [MADE_CONVERSATION] = "conversation", NULL };

/* A list of words as bits; absent: `usual`. */
static int read_bits(const struct json *row, const char *key, const char *const *words, unsigned usual, unsigned *ret, struct err *err)
{
	struct json list = { 0 };
	int r = json_opt_array(row, key, &list, err);

	*ret = list.type == JSON_NONE ? usual : 0;
	for (size_t i = 0; r == 0 && i < json_len(&list); i++) {
		struct json word = json_at(&list, i);
		const char *text = word.type == JSON_STRING ? json_str(&word) : "";
		int n = 0;

		while (words[n] && strcmp(words[n], text) != 0)
			n++;
		if (!words[n])
			return json_refuse(&word, NULL, err, "not_one_of", "is not a word for this");
		*ret |= 1u << n;
	}
	return r;
}

/* --- hours ------------------------------------------------------------------------------------------------------------ */

static int read_minute(const struct json *row, const char *key, int *ret, struct err *err)
{
	const char *text;
	int r = json_get_str(row, key, 5, &text, err), hour, minute;

	if (r < 0)
		return r;
	if (strlen(text) != 5 || text[2] != ':' || strspn(text, "0123456789") != 2 || strspn(text + 3, "0123456789") != 2)
		return json_refuse(row, key, err, "bad_time", "must be a time such as 08:00");
	hour = (text[0] - '0') * 10 + text[1] - '0';
	minute = (text[3] - '0') * 10 + text[4] - '0';
	if (minute > 59 || hour * 60 + minute > 24 * 60)
		return json_refuse(row, key, err, "bad_time", "must be from 00:00 to 24:00");
	*ret = hour * 60 + minute;
	return 0;
}

int guard_windows_read(struct arena *arena, const struct json *list, struct contact_hours *ret, struct err *err)
{
	struct contact_window *windows = arena_alloc(arena, json_len(list) * sizeof(*windows) + 1);

	for (size_t i = 0; i < json_len(list); i++) {
		struct json row = json_at(list, i), days;
		int r;

		if ((r = json_get_array(&row, "days", &days, err)) < 0 || (r = read_minute(&row, "start", &windows[i].from_minute, err)) < 0 ||
			(r = read_minute(&row, "end", &windows[i].to_minute, err)) < 0)
			return r;
		for (size_t d = 0; d < json_len(&days); d++) {
			struct json day = json_at(&days, d);

			if (day.type != JSON_INT || json_int(&day) < 1 || json_int(&day) > 7)
				return json_refuse(&day, NULL, err, "out_of_range", "must be 1 (Monday) to 7");
			windows[i].weekdays = (uint8_t)(windows[i].weekdays | 1u << (json_int(&day) - 1));
		}
		if (windows[i].from_minute >= windows[i].to_minute || !windows[i].weekdays)
			return json_refuse(&row, NULL, err, "out_of_range", "must end after it begins, on one day at least");
	}
	ret->windows = windows;
	ret->count = json_len(list);
	return 0;
}

static int read_days_off(struct arena *arena, const struct json *row, const int **ret, struct err *err)
{
	struct json list = { 0 };
	int r = json_opt_array(row, "days_off", &list, err), *days;

	if (r < 0 || list.type == JSON_NONE)
		return r;
	days = arena_alloc(arena, (json_len(&list) + 1) * sizeof(*days));
	for (size_t i = 0; i < json_len(&list); i++) {
		struct json item = json_at(&list, i);
		const char *text = item.type == JSON_STRING ? json_str(&item) : "";
		int month = 0, day = 0;

		if (strlen(text) == 5 && text[2] == '-' && strspn(text, "0123456789") == 2 && strspn(text + 3, "0123456789") == 2) {
			month = (text[0] - '0') * 10 + text[1] - '0';
			day = (text[3] - '0') * 10 + text[4] - '0';
		}
		if (!date_valid(2000, month, day))
			return json_refuse(&item, NULL, err, "bad_date", "must be a day of every year such as 06-24");
		days[i] = month * 100 + day;
	}
	*ret = days;
	return 0;
}

/* --- caps and rules --------------------------------------------------------------------------------------------------- */

static int read_cap(const struct json *row, const char *key, unsigned channels, struct contact_cap *ret, struct err *err)
{
	static const char *const members[] = { "max", "days", "per", "channels", "not_counted", "after", NULL };
	static const char *const per[] = { "debtor", "debt", NULL };
	static const char *const after[] = { "conversation", NULL };
	struct json cap = { 0 };
	int64_t max, days;
	int whose = 0, since = -1, r;

	if ((r = json_opt_object(row, key, &cap, err)) < 0 || cap.type == JSON_NONE)
		return r;
	if ((r = json_only(&cap, members, err)) < 0 || (r = json_get_int(&cap, "max", 1, 1000, &max, err)) < 0 ||
		(r = json_get_int(&cap, "days", 1, 366, &days, err)) < 0 || (r = json_opt_word(&cap, "per", per, &whose, err)) < 0 ||
		(r = json_opt_word(&cap, "after", after, &since, err)) < 0 ||
		(r = read_bits(&cap, "channels", channel_names, channels, &ret->channels, err)) < 0 ||
		(r = read_bits(&cap, "not_counted", outcome_words, 0, &ret->not_counted, err)) < 0)
		return r;
	ret->max = (int32_t)max;
	ret->days = (int32_t)days;
	ret->per_debt = whose == 1;
	ret->after_conversation = since == 0;
	return 0;
}

static int read_hours(struct arena *arena, const struct json *row, struct contact_hours *ret, struct err *err)
{
	struct json windows = { 0 };
	int r;

	if ((r = json_opt_array(row, "windows", &windows, err)) < 0 || (r = guard_windows_read(arena, &windows, ret, err)) < 0 ||
		(r = json_opt_str(row, "calendar", 20, &ret->calendar, err)) < 0)
		return r;
	return read_days_off(arena, row, &ret->days_off, err);
}

static int read_rule(struct arena *arena, const struct json *row, struct contact_rule *ret, struct err *err)
{
	static const char *const members[] = { "country", "region", "basis", "in_collection", "roles", "debtors", "channels", "from", "windows",
		"calendar", "days_off", "calls", "contacts", "names", "postcodes", "within", "after_conversation_days", "first_letter_days", "grace", "opt_out_text",
		"opt_out_confirmed", "work_email_denied", "electronic_consent", "source", "certainty", "as_of", "known_until", "note", NULL };
	static const char *const basis[] = { "law", "policy", NULL };
	const char *from = NULL;
	int policy, r;

	ret->from = date_none();
	if ((r = json_only(row, members, err)) < 0 || (r = json_get_str(row, "country", 2, &ret->country, err)) < 0 ||
		(r = json_opt_str(row, "region", 8, &ret->region, err)) < 0 || (r = json_get_word(row, "basis", basis, &policy, err)) < 0 ||
		(r = json_opt_bool(row, "in_collection", &ret->collection_only, err)) < 0 ||
		(r = read_bits(row, "roles", role_words, 3, &ret->roles, err)) < 0 ||
		(r = read_bits(row, "debtors", debtor_words, 3, &ret->debtors, err)) < 0 ||
		(r = read_bits(row, "channels", channel_names, ALL_CHANNELS, &ret->channels, err)) < 0 ||
		(r = json_opt_str(row, "from", 10, &from, err)) < 0 || (r = read_hours(arena, row, &ret->hours, err)) < 0 ||
		(r = read_cap(row, "calls", 1u << CHANNEL_CALL, &ret->calls, err)) < 0 ||
		(r = read_cap(row, "contacts", ret->channels, &ret->contacts, err)) < 0 ||
		(r = json_opt_int(row, "after_conversation_days", 0, 366, &ret->after_conversation_days, err)) < 0 ||
		(r = json_opt_int(row, "first_letter_days", 0, 366, &ret->letter_days, err)) < 0 ||
		(r = json_opt_bool(row, "grace", &ret->grace, err)) < 0 ||
		(r = json_opt_bool(row, "opt_out_text", &ret->opt_out_text, err)) < 0 ||
		(r = read_bits(row, "opt_out_confirmed", channel_names, 0, &ret->confirms, err)) < 0 ||
		(r = json_opt_bool(row, "work_email_denied", &ret->work_email, err)) < 0 ||
		(r = json_opt_bool(row, "electronic_consent", &ret->electronic_consent, err)) < 0 ||
		(r = json_get_str(row, "source", WORDS_MAX, &ret->source, err)) < 0 ||
		(r = json_get_str(row, "certainty", 20, &ret->certainty, err)) < 0)
		return r;
	if (from && date_parse(from, &ret->from) < 0)
		return json_refuse(row, "from", err, "bad_date", "must be a date such as 2026-09-01");
	ret->policy = policy == 1;
	ret->area.code = ret->region;
	return ret->region ? area_read(arena, row, &ret->area, err) : 0;
}

/* --- relations -------------------------------------------------------------------------------------------------------- */

static int read_countries(struct arena *arena, const struct json *row, const char *const **ret, struct err *err)
{
	struct json list = { 0 };
	const char **countries;
	int r = json_opt_array(row, "countries", &list, err);

	if (r < 0 || list.type == JSON_NONE)
		return r;
	countries = arena_alloc(arena, (json_len(&list) + 1) * sizeof(*countries));
	for (size_t i = 0; i < json_len(&list); i++) {
		struct json item = json_at(&list, i);

		if (item.type != JSON_STRING)
			return json_refuse(&item, NULL, err, "wrong_type", "must be a country such as \"US\"");
		countries[i] = json_str(&item);
	}
	*ret = countries;
	return 0;
}

static int read_relation(struct arena *arena, const struct json *row, struct relation *ret, struct err *err)
{
	static const char *const members[] = { "decision", "reason", "route", "debtors", "countries", "source", "certainty", "as_of",
		"known_until", "note", NULL };
	int decision, r;

	if ((r = json_only(row, members, err)) < 0 || (r = json_get_word(row, "decision", guard_decision_names, &decision, err)) < 0 ||
		(r = json_opt_str(row, "reason", 40, &ret->reason, err)) < 0 || (r = json_opt_str(row, "route", 40, &ret->route, err)) < 0 ||
		(r = read_bits(row, "debtors", debtor_words, 3, &ret->debtors, err)) < 0 ||
		(r = read_countries(arena, row, &ret->countries, err)) < 0 ||
		(r = json_get_str(row, "source", WORDS_MAX, &ret->source, err)) < 0)
		return r;
	ret->decision = (enum guard_decision)decision;
	if (decision == GUARD_DEFER || (decision != GUARD_ALLOW && !ret->reason))
		return json_refuse(row, "decision", err, "not_one_of", "must be allow, or review or deny with a reason");
	return 0;
}

int guard_rules_read(struct arena *arena, const struct json *contact_rules, const struct json *relations, const struct fees *fees,
	struct day_off off, struct guard_rules *ret, struct err *err)
{
	const char *name;
	struct json row;
	int r;

	*ret = (struct guard_rules){ .fees = fees, .off = off };
	ret->rules = arena_alloc(arena, json_len(contact_rules) * sizeof(*ret->rules) + 1);
	ret->relations = arena_alloc(arena, json_len(relations) * sizeof(*ret->relations) + 1);
	for (size_t i = 0; json_member(contact_rules, &i, &name, &row); ret->rule_count++) {
		ret->rules[ret->rule_count].id = name;
		if ((r = read_rule(arena, &row, &ret->rules[ret->rule_count], err)) < 0)
			return r;
	}
	for (size_t i = 0; json_member(relations, &i, &name, &row); ret->relation_count++) {
		ret->relations[ret->relation_count].name = name;
		if ((r = read_relation(arena, &row, &ret->relations[ret->relation_count], err)) < 0)
			return r;
	}
	return 0;
}

int guard_may_change(const struct json *base, const struct json *own, struct err *err)
{
	const char *name;
	struct json row;

	for (size_t i = 0; json_member(own, &i, &name, &row);) {
		struct json shipped = json_get(base, name), basis = json_get(&shipped, "basis");

		if (basis.type == JSON_STRING && strcmp(json_str(&basis), "law") == 0)
			return err_set(err, -EPERM, "law_not_policy", "",
				"contact_rules.%s is law and not our own policy: tighten it by a rule of another name", name);
	}
	return 0;
}

enum sender_role guard_role(const char *word)
{
	return word && strcmp(word, role_words[ROLE_COLLECTOR]) == 0 ? ROLE_COLLECTOR : ROLE_CREDITOR;
}

const struct contact_rule *guard_rule(const struct guard_rules *rules, const char *id)
{
	for (size_t i = 0; i < rules->rule_count; i++)
		if (strcmp(rules->rules[i].id, id) == 0)
			return &rules->rules[i];
	return NULL;
}
