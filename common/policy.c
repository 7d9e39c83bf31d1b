#include "common/policy_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "common/json.h"
#include "common/zone.h"

const char *const tone_names[TONE_COUNT + 1] = { "friendly", "neutral", "firm", "formal", "legal", NULL };
const char *const group_names[GROUP_COUNT + 1] = { "none", "invoice", "level", "band", "debtor", NULL };
static const char *const doubt_names[] = { "hold", "skip", "resend", NULL };
static const char *const gate_names[] = { "decision", NULL };
static const char *const action_names[] = { "handover", NULL };
static const char *const holiday_names[] = { "none", "debtor", NULL };
static const char *const customer_kinds[] = { "company", "sole_trader", "consumer", "public", NULL };
static const char *const effect_names[] = { "work.hold_requested", "work.release_allowed", NULL };
static const char *const weekday_names[] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun" };

#define POLICY_BYTES_MAX (256 * 1024)
#define NAME_MAX_LEN 64
#define TITLE_MAX 200
#define AT_DAYS_MAX 730 /* two years either way: what lies further is a slip of the finger */
#define DEADLINE_DAYS_MAX 365
#define LIST_MAX 32
#define MINUTES_A_DAY (24 * 60)
#define MS_A_MINUTE INT64_C(60000)
#define MIN_GAP_MAX_MS (30 * 24 * 60 * MS_A_MINUTE)
#define FRESHNESS_MAX_MS (30 * 24 * 60 * MS_A_MINUTE)
#define PERSON_MAX 100
#define MINIMUM_MAX INT64_C(100000000)

static const char *const policy_members[] = { "name", "title", "extends", "do_nothing", "window", "caps", "min_gap", "same_day",
	"max_contacts", "group", "minimum", "freshness", "expect_sent", "late", "due_roll", "promise", "plan", "courtesy", "steps", NULL };
static const char *const late_members[] = { "regime", NULL };
static const char *const window_members[] = { "zone", "days", "hours", "holidays", NULL };
static const char *const cap_members[] = { "channel", "contacts", "days", NULL };
static const char *const if_members[] = { "balance_min_minor", "balance_max_minor", "days_past_due_min", "days_past_due_max",
	"currency", "kinds", "countries", "tags", NULL };
/* Which members a step of each kind may have; what is left over would be silently without effect. */
static const char *const message_members[] = { "id", "at", "channel", "else", "template", "sender", "tone", "to", "fees",
	"attach", "without_document", "delivery", "notice", "deadline", "owner", "effects", "hold_after", "in_doubt", "if", "announces", "requires", "offers", NULL };
static const char *const call_members[] = { "id", "at", "channel", "template", "confirm", "sender", "tone", "to", "deadline",
	"role", "owner", "effects", "hold_after", "in_doubt", "if", "announces", "requires", NULL };
static const char *const gate_members[] = { "id", "at", "gate", "action", "role", "owner", "approver", "deadline", "tone", "effects", "if", "requires", NULL };

/* --- words ------------------------------------------------------------------------------------------------------ */

/* A name: a lower-case letter, then letters, digits, '-' and '_'. */
static bool name_ok(const char *text, size_t max)
{
	size_t len = strlen(text);

	return len > 0 && len <= max && text[0] >= 'a' && text[0] <= 'z' &&
		strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-") == len;
}

static int opt_name(const struct json *object, const char *key, const char **ret, struct err *err)
{
	const char *text = NULL;
	int r = json_opt_str(object, key, TITLE_MAX, &text, err);

	if (r < 0 || !text)
		return r;
	if (!name_ok(text, NAME_MAX_LEN))
		return json_refuse(object, key, err, "bad_name",
			"\"%s\" must begin with a-z and go on with a-z, 0-9, '-' or '_', at most %d characters", text,
			NAME_MAX_LEN);
	*ret = text;
	return 0;
}

static int get_name(const struct json *object, const char *key, const char **ret, struct err *err)
{
	const char *text = NULL;
	int r = opt_name(object, key, &text, err);

	if (r < 0)
		return r;
	if (!text)
		return json_refuse(object, key, err, "missing", "must be there: a name such as \"reminder\"");
	*ret = text;
	return 0;
}

/* A number of at most 6 digits; *text moves behind it. -1: none there. */
static int32_t take_number(const char **text)
{
	int32_t n = 0;
	const char *p = *text;

	while (*p >= '0' && *p <= '9' && p - *text < 6)
		n = n * 10 + (*p++ - '0');
	if (p == *text)
		return -1;
	*text = p;
	return n;
}

/* "48h", "30m", "2d" */
static int opt_span(const struct json *object, const char *key, int64_t min_ms, int64_t max_ms, int64_t *ret, struct err *err)
{
	const char *text = NULL, *p;
	int64_t n, unit;
	int r = json_opt_str(object, key, 32, &text, err);

	if (r < 0 || !text)
		return r;
	p = text;
	n = take_number(&p);
	unit = !strcmp(p, "m") ? MS_A_MINUTE : !strcmp(p, "h") ? 60 * MS_A_MINUTE : !strcmp(p, "d") ? 1440 * MS_A_MINUTE : 0;
	if (n < 0 || unit == 0)
		return json_refuse(object, key, err, "bad_span",
			"\"%s\" must be a number and m (minutes), h (hours) or d (days), such as \"48h\"", text);
	if (n * unit < min_ms || n * unit > max_ms)
		return json_refuse(object, key, err, "out_of_range", "\"%s\" must lie between %lld and %lld hours", text,
			(long long)(min_ms / (60 * MS_A_MINUTE)), (long long)(max_ms / (60 * MS_A_MINUTE)));
	*ret = n * unit;
	return 0;
}

/* "2bd", "14d" */
static int opt_days(const struct json *object, const char *key, int32_t *days, bool *business, struct err *err)
{
	const char *text = NULL, *p;
	int32_t n;
	int r = json_opt_str(object, key, 32, &text, err);

	if (r < 0 || !text)
		return r;
	p = text;
	n = take_number(&p);
	if (n < 1 || n > DEADLINE_DAYS_MAX || (strcmp(p, "d") && strcmp(p, "bd")))
		return json_refuse(object, key, err, "bad_days",
			"\"%s\" must be 1 to %d and d (days) or bd (business days), such as \"2bd\"", text,
			DEADLINE_DAYS_MAX);
	*days = n;
	*business = p[0] == 'b';
	return 0;
}

/* A list of strings, each passing `check` (NULL = any); *ret stays untouched when it is absent. */
static int opt_list(struct arena *arena, const struct json *object, const char *key, const char *const *words,
	bool (*check)(const char *), const char *like, const char *const **ret, struct err *err)
{
	struct json array = { 0 };
	size_t count;
	const char **list;
	int r = json_opt_array(object, key, &array, err);

	if (r < 0 || array.type == JSON_NONE)
		return r;
	count = json_len(&array);
	if (count == 0 || count > LIST_MAX)
		return json_refuse(object, key, err, "bad_list", "must have 1 to %d items: leave it out to say nothing",
			LIST_MAX);
	list = arena_alloc(arena, (count + 1) * sizeof(*list));
	for (size_t i = 0; i < count; i++) {
		struct json item = json_at(&array, i);
		const char *text = json_str(&item);
		bool ok = text && (!check || check(text));

		for (size_t w = 0; ok && words && (!words[w] || strcmp(words[w], text)); w++)
			if (!words[w])
				ok = false;
		if (!ok)
			return json_refuse(&item, NULL, err, "bad_item", "must be %s", like);
		list[i] = text;
	}
	*ret = list;
	return 0;
}

static bool role_ok(const char *text)
{
	return name_ok(text, NAME_MAX_LEN);
}

static bool country_ok(const char *text)
{
	return strlen(text) == 2 && text[0] >= 'A' && text[0] <= 'Z' && text[1] >= 'A' && text[1] <= 'Z';
}

static bool tag_ok(const char *text)
{
	return text[0] && strlen(text) <= 128 && !strchr(text, ',');
}

/* --- manners ---------------------------------------------------------------------------------------------------- */

static int weekday_of(const char *text, size_t len)
{
	for (int i = 0; i < 7; i++)
		if (len == 3 && !strncmp(text, weekday_names[i], 3))
			return i;
	return -1;
}

/* "mon-fri", "mon-thu,sat" */
static bool parse_weekdays(const char *text, uint8_t *ret)
{
	unsigned days = 0;

	for (;;) {
		size_t len = strcspn(text, ",");
		int from = weekday_of(text, len < 3 ? len : 3), to = from;

		if (len == 7 && text[3] == '-')
			to = weekday_of(text + 4, 3);
		else if (len != 3)
			return false;
		if (from < 0 || to < from)
			return false;
		for (int d = from; d <= to; d++)
			days |= 1u << d;
		if (!text[len])
			break;
		text += len + 1;
	}
	*ret = (uint8_t)days;
	return true;
}

static bool take_minute(const char **text, int *ret)
{
	const char *p = *text;
	int minute;

	for (int i = 0; i < 5; i++)
		if (i == 2 ? p[i] != ':' : p[i] < '0' || p[i] > '9')
			return false;
	minute = ((p[0] - '0') * 10 + p[1] - '0') * 60 + (p[3] - '0') * 10 + p[4] - '0';
	if (p[3] > '5' || minute > MINUTES_A_DAY)
		return false;
	*text = p + 5;
	*ret = minute;
	return true;
}

/* "09:00-17:30" */
static bool parse_hours(const char *text, int *from, int *to)
{
	return take_minute(&text, from) && *text++ == '-' && take_minute(&text, to) && !*text && *from < *to;
}

static int parse_window(const struct json *root, struct window *window, struct err *err)
{
	struct json object = { 0 };
	const char *zone = "debtor", *days = "mon-fri", *hours = "09:00-17:30";
	const struct zone *known;
	int holidays = 1, r;

	if ((r = json_opt_object(root, "window", &object, err)) < 0 || (r = json_only(&object, window_members, err)) < 0 ||
		(r = json_opt_str(&object, "zone", 64, &zone, err)) < 0 ||
		(r = json_opt_str(&object, "days", 32, &days, err)) < 0 ||
		(r = json_opt_str(&object, "hours", 32, &hours, err)) < 0 ||
		(r = json_opt_word(&object, "holidays", holiday_names, &holidays, err)) < 0)
		return r;
	window->debtor_zone = !strcmp(zone, "debtor");
	window->zone = zone;
	if (!window->debtor_zone && zone_get(zone, &known) < 0)
		return json_refuse(&object, "zone", err, "unknown_zone",
			"\"%s\" must be \"debtor\" or an IANA time zone such as \"Europe/Paris\"", zone);
	if (!parse_weekdays(days, &window->weekdays))
		return json_refuse(&object, "days", err, "bad_days",
			"\"%s\" must be days or ranges of mon tue wed thu fri sat sun in that order, such as \"mon-fri\"", days);
	if (!parse_hours(hours, &window->from_minute, &window->to_minute))
		return json_refuse(&object, "hours", err, "bad_hours",
			"\"%s\" must be an opening and a later closing within one day, such as \"09:00-17:30\"", hours);
	window->holidays = holidays == 1;
	return 0;
}

static int parse_cap(const struct json *object, struct cap *cap, struct err *err)
{
	int64_t contacts = 0, days = 0;
	int channel = -1, r;

	if (object->type != JSON_OBJECT)
		return json_refuse(object, NULL, err, "wrong_type", "must be an object such as {\"contacts\": 2, \"days\": 7}");
	if ((r = json_only(object, cap_members, err)) < 0 ||
		(r = json_opt_word(object, "channel", channel_names, &channel, err)) < 0 ||
		(r = json_get_int(object, "contacts", 1, 100, &contacts, err)) < 0 ||
		(r = json_get_int(object, "days", 1, 365, &days, err)) < 0)
		return r;
	*cap = (struct cap){ .any_channel = channel < 0,
		.channel = channel < 0 ? CHANNEL_COUNT : (enum channel)channel,
		.contacts = (int32_t)contacts,
		.days = (int32_t)days };
	return 0;
}

static int parse_caps(const struct json *root, struct policy *policy, struct err *err)
{
	struct json array = { 0 };
	int r = json_opt_array(root, "caps", &array, err);

	if (r < 0)
		return r;
	if (array.type == JSON_NONE) {
		policy->caps[policy->cap_count++] =
			(struct cap){ .any_channel = true, .channel = CHANNEL_COUNT, .contacts = 2, .days = 7 };
		policy->caps[policy->cap_count++] = (struct cap){ .channel = CHANNEL_CALL, .contacts = 1, .days = 7 };
		return 0;
	}
	if (json_len(&array) > ARRAY_LEN(policy->caps))
		return json_refuse(root, "caps", err, "bad_list", "must have at most %zu items", ARRAY_LEN(policy->caps));
	for (size_t i = 0; i < json_len(&array); i++) {
		struct json item = json_at(&array, i);

		if ((r = parse_cap(&item, &policy->caps[policy->cap_count++], err)) < 0)
			return r;
	}
	return 0;
}

static int parse_minimum(const struct json *root, struct policy *policy, struct err *err)
{
	struct json object = { 0 }, value;
	const char *currency;
	int r = json_opt_object(root, "minimum", &object, err);

	if (r < 0)
		return r;
	if (json_len(&object) > ARRAY_LEN(policy->minimum))
		return json_refuse(root, "minimum", err, "bad_list", "must name at most %zu currencies",
			ARRAY_LEN(policy->minimum));
	for (size_t i = 0; json_member(&object, &i, &currency, &value);) {
		struct money *money = &policy->minimum[policy->minimum_count];

		if (strlen(currency) != 3 || currency_exponent(currency) < 0)
			return json_refuse(&object, currency, err, "unknown_currency",
				"must be an ISO 4217 currency in capitals, such as \"EUR\"");
		if ((r = json_get_int(&object, currency, 0, MINIMUM_MAX, &money->minor, err)) < 0)
			return r;
		memcpy(money->currency, currency, sizeof(money->currency));
		policy->minimum_count++;
	}
	return 0;
}

/* --- steps ------------------------------------------------------------------------------------------------------ */

#define AT_LIKE "such as \"due-7d\", \"due+5d\", \"issued+10bd\", \"eom+0d\" or \"<id of an earlier step>+10d\""

/* Read from the end, since a step's id may itself hold '-': unit, digits, sign, and what is left is the anchor. */
static int parse_at(const struct json *object, const struct policy *policy, struct step_at *at, struct err *err)
{
	const char *text = NULL, *p;
	char name[NAME_MAX_LEN + 1];
	size_t end;
	int32_t days;
	int r = json_get_str(object, "at", 128, &text, err);

	if (r < 0)
		return r;
	end = strlen(text);
	while (end > 0 && text[end - 1] != '+' && text[end - 1] != '-')
		end--;
	p = text + end;
	days = take_number(&p);
	if (end < 2 || end > sizeof(name) || days < 0 || (strcmp(p, "d") && strcmp(p, "bd")))
		return json_refuse(object, "at", err, "bad_at",
			"\"%s\" must be an anchor, + or -, a number and d or bd, " AT_LIKE, text);
	if (days > AT_DAYS_MAX)
		return json_refuse(object, "at", err, "out_of_range", "\"%s\" must be at most %d days", text, AT_DAYS_MAX);
	*at = (struct step_at){ .days = text[end - 1] == '-' ? -days : days, .business = p[0] == 'b' };
	memcpy(name, text, end - 1);
	name[end - 1] = '\0';
	if (!strcmp(name, "due")) {
		at->anchor = ANCHOR_DUE;
	} else if (!strcmp(name, "issued")) {
		at->anchor = ANCHOR_ISSUED;
	} else if (!strcmp(name, "eom")) {
		at->anchor = ANCHOR_EOM;
	} else {
		int index = policy_step_index(policy, name);

		if (index < 0)
			return json_refuse(object, "at", err, "unknown_step",
				"\"%s\" must name due, issued, eom or an earlier step, " AT_LIKE, name);
		if (text[end - 1] == '-')
			return json_refuse(object, "at", err, "bad_at",
				"\"%s\" must come after the step it is anchored on: write +", text);
		at->anchor = ANCHOR_STEP;
		at->step = (size_t)index;
	}
	return 0;
}

struct step_span policy_step_span(const struct policy *policy, size_t step)
{
	const struct step_at *at = &policy->steps[step].at;
	int64_t near = at->days, far = at->days;
	struct step_span span = { .root = at->anchor };

	if (at->business && at->days >= 0)
		far = at->days + at->days / 5 * 2 + 4;
	else if (at->business)
		near = at->days + at->days / 5 * 2 - 4;
	if (at->anchor == ANCHOR_STEP)
		span = policy_step_span(policy, at->step); /* always an earlier one, so this ends */
	span.least += near;
	span.most += far;
	return span;
}

/* A step that surely lies before an earlier one of the same anchor would be sent late or never. */
static int check_order(const struct json *object, const struct policy *policy, size_t index, struct err *err)
{
	struct step_span here = policy_step_span(policy, index);

	for (size_t i = 0; i < index; i++) {
		struct step_span before = policy_step_span(policy, i);

		if (before.root == here.root && before.least > here.most)
			return json_refuse(object, "at", err, "bad_order",
				"must not lie before step \"%s\": write the steps in the order of their times",
				policy->steps[i].id);
	}
	return 0;
}

static int parse_tone(const struct json *object, const struct policy *policy, struct step *step, struct err *err)
{
	enum tone before = policy->step_count ? policy->steps[policy->step_count - 1].tone : TONE_FRIENDLY;
	int tone = -1;
	int r = json_opt_word(object, "tone", tone_names, &tone, err);

	if (r < 0)
		return r;
	if (tone < 0 && step->kind == STEP_MESSAGE)
		return json_refuse(object, "tone", err, "missing",
			"must be there: one of friendly, neutral, firm, formal, legal");
	step->tone = tone < 0 ? before : (enum tone)tone; /* a call or gate without one keeps the tone reached */
	if (step->tone < before)
		return json_refuse(object, "tone", err, "tone_falls",
			"must be at least \"%s\", the tone of the step before it: tones only rise", tone_names[before]);
	return 0;
}

static int parse_if(struct arena *arena, const struct json *step_object, struct step_if *when, struct err *err)
{
	struct json object = { 0 };
	int r;

	*when = (struct step_if){ .balance_min = -1,
		.balance_max = -1,
		.days_past_due_min = INT64_MIN,
		.days_past_due_max = INT64_MAX };
	if ((r = json_opt_object(step_object, "if", &object, err)) < 0 || (r = json_only(&object, if_members, err)) < 0 ||
		(r = json_opt_str(&object, "currency", 8, &when->currency, err)) < 0 ||
		(r = json_opt_int(&object, "balance_min_minor", 0, MONEY_MAX, &when->balance_min, err)) < 0 ||
		(r = json_opt_int(&object, "balance_max_minor", 0, MONEY_MAX, &when->balance_max, err)) < 0 ||
		(r = json_opt_int(&object, "days_past_due_min", -3650, 3650, &when->days_past_due_min, err)) < 0 ||
		(r = json_opt_int(&object, "days_past_due_max", -3650, 3650, &when->days_past_due_max, err)) < 0 ||
		(r = opt_list(arena, &object, "kinds", customer_kinds, NULL,
			 "one of company, sole_trader, consumer, public", &when->kinds, err)) < 0 ||
		(r = opt_list(arena, &object, "countries", NULL, country_ok,
			 "an ISO 3166 country of two capitals, such as \"FR\"", &when->countries, err)) < 0 ||
		(r = opt_list(arena, &object, "tags", NULL, tag_ok, "a tag of 1 to 128 characters without ','",
			 &when->tags, err)) < 0)
		return r;
	if (when->currency && (strlen(when->currency) != 3 || currency_exponent(when->currency) < 0))
		return json_refuse(&object, "currency", err, "unknown_currency", "must be an ISO 4217 currency in capitals, such as \"EUR\"");
	if (when->balance_max >= 0 && when->balance_min > when->balance_max)
		return json_refuse(&object, "balance_max_minor", err, "out_of_range", "must be at least balance_min_minor");
	if (when->days_past_due_min > when->days_past_due_max)
		return json_refuse(&object, "days_past_due_max", err, "out_of_range", "must be at least days_past_due_min");
	return 0;
}

static int unavailable(const struct json *object, const char *key, struct err *err, const char *what)
{
	return json_refuse(object, key, err, "not_available", "not available yet: %s", what);
}

static int parse_kind(const struct json *object, struct step *step, struct err *err)
{
	bool channel = json_has(object, "channel"), gate = json_has(object, "gate"), action = json_has(object, "action");
	int word = 0, r;

	if (channel + gate + action != 1)
		return json_refuse(object, NULL, err, "bad_step",
			"must have exactly one of channel (a contact), gate (a person decides) and action");
	if (gate || action) { /* a handover is a person's: which lawyer, which court */
		if ((r = json_get_word(object, gate ? "gate" : "action", gate ? gate_names : action_names, &word, err)) < 0)
			return r;
		step->kind = STEP_GATE;
		step->handover = action;
		step->gate = gate ? gate_names[word] : action_names[word];
		return json_only(object, gate_members, err);
	}
	if ((r = json_get_word(object, "channel", channel_names, &word, err)) < 0)
		return r;
	step->channel = (enum channel)word;
	step->kind = step->channel == CHANNEL_CALL ? STEP_CALL : STEP_MESSAGE;
	return json_only(object, step->kind == STEP_CALL ? call_members : message_members, err);
}

static int parse_attach(const struct json *object, struct step *step, struct err *err)
{
	static const char *const words[] = { "invoice", "statement", "contract", NULL }, *const without_words[] = { "send", "hold", NULL };
	int word = -1, without = -1, r = json_opt_word(object, "attach", words, &word, err);

	if (r < 0 || (r = json_opt_word(object, "without_document", without_words, &without, err)) < 0)
		return r;
	if (word != 0 && word != 2 && without >= 0)
		return json_refuse(object, "without_document", err, "bad_attach", "must be left out: the step does not attach \"invoice\"");
	if (word < 0)
		return 0;
	if (step->channel != CHANNEL_EMAIL && (word == 1 || step->channel != CHANNEL_LETTER))
		return json_refuse(object, "attach", err, "bad_attach", word == 1 ? "must go by email: a statement goes with a mail alone" :
			"must go by email or letter: no other channel carries a file");
	step->attach_invoice = word == 0 || word == 2;
	step->attach_contract = word == 2;
	step->without_document = without < 0 ? WITHOUT_DOCUMENT_UNSAID : without == 0 ? WITHOUT_DOCUMENT_SEND : WITHOUT_DOCUMENT_HOLD;
	step->attach_statement = word == 1;
	return 0;
}

/* What only a letter has, and what it must not: two of them in doubt are worse than none. */
static int parse_letter(const struct json *object, struct step *step, struct err *err)
{
	bool letter = step->channel == CHANNEL_LETTER || (step->has_fallback && step->fallback == CHANNEL_LETTER);
	int word = LETTER_SIMPLE, r = json_opt_word(object, "delivery", letter_delivery_names, &word, err);

	if (r < 0)
		return r;
	if (!letter && json_has(object, "delivery"))
		return json_refuse(object, "delivery", err, "bad_delivery", "must be left out: nothing of this step is a letter");
	if (letter && step->in_doubt != DOUBT_HOLD)
		return json_refuse(object, "in_doubt", err, "bad_in_doubt",
			"must be \"hold\" or left out: whether a letter was sent is for a person to find out");
	step->delivery = (enum letter_delivery)word;
	return 0;
}

static int parse_contact(struct arena *arena, const struct json *object, struct step *step, struct err *err)
{
	static const char *const billing[] = { "billing", NULL };
	int word = -1, r;

	step->sender = "";
	step->to = billing;
	if ((r = get_name(object, "template", &step->template_name, err)) < 0 ||
		(r = opt_name(object, "sender", &step->sender, err)) < 0 ||
		(r = opt_list(arena, object, "to", NULL, role_ok, "a contact's role such as \"billing\"", &step->to, err)) < 0 ||
		(r = json_opt_bool(object, "fees", &step->fees, err)) < 0 || (r = parse_attach(object, step, err)) < 0 ||
		(r = json_opt_word(object, "else", channel_names, &word, err)) < 0)
		return r;
	if (word >= 0) {
		step->has_fallback = true;
		step->fallback = (enum channel)word;
		if (step->fallback != CHANNEL_EMAIL && step->fallback != CHANNEL_SMS && step->fallback != CHANNEL_LETTER)
			return unavailable(object, "else", err, "a fallback other than email, sms or letter");
		if (step->fallback == step->channel)
			return json_refuse(object, "else", err, "bad_fallback",
				"must be another channel than \"%s\": it is used when there is no address for that one",
				channel_names[step->channel]);
	}
	if (step->kind == STEP_MESSAGE &&
		((r = parse_letter(object, step, err)) < 0 || (r = opt_name(object, "notice", &step->notice, err)) < 0 ||
			(r = opt_days(object, "deadline", &step->deadline_days, &step->deadline_business, err)) < 0))
		return r;
	return 0;
}

static int parse_call_or_gate(const struct json *object, struct step *step, struct err *err)
{
	int r;

	step->role = "";
	if ((r = opt_name(object, "role", &step->role, err)) < 0 || (r = opt_name(object, "confirm", &step->confirm, err)) < 0)
		return r;
	if (step->kind == STEP_GATE && !step->role[0])
		return json_refuse(object, "role", err, "missing", "must be there: who decides, such as \"owner\"");
	if (step->kind == STEP_GATE && step->deadline_days == 0)
		step->deadline_days = 14;
	if (step->kind == STEP_CALL && step->deadline_days == 0)
		return json_refuse(object, "deadline", err, "missing",
			"must be there: by when a person calls, such as \"2bd\"; after it the ladder goes on");
	return 0;
}

static int parse_step(struct policy *policy, const struct json *object, struct err *err)
{
	static const char *const no_effects[] = { NULL };
	struct step *step = &policy->steps[policy->step_count];
	int word = DOUBT_HOLD, r;

	if (object->type != JSON_OBJECT)
		return json_refuse(object, NULL, err, "wrong_type", "must be an object with id, at and channel or gate");
	step->effects = no_effects;
	if ((r = get_name(object, "id", &step->id, err)) < 0)
		return r;
	if (!strcmp(step->id, "due") || !strcmp(step->id, "issued") || !strcmp(step->id, "eom"))
		return json_refuse(object, "id", err, "bad_id", "must not be \"%s\", which is an anchor of `at`", step->id);
	if (policy_step_index(policy, step->id) >= 0)
		return json_refuse(object, "id", err, "duplicate_id", "\"%s\" is taken: every step has its own id", step->id);
	if ((r = parse_kind(object, step, err)) < 0 || (r = parse_at(object, policy, &step->at, err)) < 0 ||
		(r = check_order(object, policy, policy->step_count, err)) < 0 ||
		(r = parse_tone(object, policy, step, err)) < 0 ||
		(r = opt_days(object, "deadline", &step->deadline_days, &step->deadline_business, err)) < 0 ||
		(r = parse_if(policy->arena, object, &step->when, err)) < 0 ||
		(r = opt_list(policy->arena, object, "effects", effect_names, NULL,
			 "work.hold_requested or work.release_allowed", &step->effects, err)) < 0 ||
		(r = json_opt_word(object, "in_doubt", doubt_names, &word, err)) < 0 ||
		(r = json_opt_str(object, "owner", PERSON_MAX, &step->owner, err)) < 0 ||
		(r = json_opt_str(object, "approver", PERSON_MAX, &step->approver, err)) < 0)
		return r;
	step->in_doubt = (enum doubt_rule)word;
	if (step->kind != STEP_GATE && (r = parse_contact(policy->arena, object, step, err)) < 0)
		return r;
	if (step->kind != STEP_MESSAGE && (r = parse_call_or_gate(object, step, err)) < 0)
		return r;
	if ((r = policy_legal_step(policy, object, step, err)) < 0)
		return r;
	policy->step_count++;
	return 0;
}

static int parse_steps(const struct json *root, struct policy *policy, struct err *err)
{
	struct json array = { 0 };
	int r = json_opt_array(root, "steps", &array, err);

	if (r < 0)
		return r;
	if (policy->nothing) {
		if (json_len(&array))
			return json_refuse(root, "steps", err, "bad_list", "must be empty or left out beside do_nothing");
		return 0;
	}
	if (json_len(&array) == 0)
		return json_refuse(root, "steps", err, "missing",
			"must have at least one step; a policy that only records says \"do_nothing\": true");
	if (json_len(&array) > POLICY_STEPS_MAX)
		return json_refuse(root, "steps", err, "bad_list", "must have at most %d steps", POLICY_STEPS_MAX);
	for (size_t i = 0; i < json_len(&array); i++) {
		struct json item = json_at(&array, i);

		if ((r = parse_step(policy, &item, err)) < 0)
			return r;
	}
	return policy_legal_all(policy, &array, err);
}

/* --- the whole -------------------------------------------------------------------------------------------------- */

static int parse_late(const struct json *root, struct policy *policy, struct err *err)
{
	struct json object = { 0 };
	int r = json_opt_object(root, "late", &object, err);

	if (r < 0 || object.type == JSON_NONE)
		return r;
	if ((r = json_only(&object, late_members, err)) < 0)
		return r;
	return json_get_str(&object, "regime", NAME_MAX_LEN, &policy->regime, err);
}

static int parse_root(const struct json *root, struct policy *policy, struct err *err)
{
	struct json extends = json_get(root, "extends");
	int64_t max_contacts = 0;
	int group = GROUP_DEBTOR, due_roll = ROLL_NONE, r;

	if (root->type != JSON_OBJECT)
		return json_refuse(root, NULL, err, "wrong_type", "must be an object with name and steps");
	policy->min_gap_ms = 48 * 60 * MS_A_MINUTE;
	if ((r = json_only(root, policy_members, err)) < 0 || (r = get_name(root, "name", &policy->name, err)) < 0)
		return r;
	policy->title = policy->name;
	if (extends.type != JSON_NONE)
		return json_refuse(root, "extends", err, "needs_base", "must be read together with the policy that it names");
	if ((r = json_opt_str(root, "title", TITLE_MAX, &policy->title, err)) < 0 ||
		(r = json_opt_bool(root, "do_nothing", &policy->nothing, err)) < 0 ||
		(r = parse_window(root, &policy->window, err)) < 0 || (r = parse_caps(root, policy, err)) < 0 ||
		(r = opt_span(root, "min_gap", 0, MIN_GAP_MAX_MS, &policy->min_gap_ms, err)) < 0 ||
		(r = json_opt_bool(root, "same_day", &policy->same_day, err)) < 0 ||
		(r = json_opt_int(root, "max_contacts", 0, 1000, &max_contacts, err)) < 0 ||
		(r = json_opt_word(root, "group", group_names, &group, err)) < 0 ||
		(r = parse_minimum(root, policy, err)) < 0 ||
		(r = opt_span(root, "freshness", 60 * MS_A_MINUTE, FRESHNESS_MAX_MS, &policy->freshness_ms, err)) < 0 ||
		(r = policy_calendar_days(root, "expect_sent", &policy->expect_sent_days, err)) < 0 ||
		(r = parse_late(root, policy, err)) < 0 || (r = json_opt_word(root, "due_roll", roll_names, &due_roll, err)) < 0)
		return r;
	policy->due_roll = (enum roll)due_roll;
	policy->max_contacts = (int32_t)max_contacts;
	policy->group = (enum group_mode)group;
	r = parse_steps(root, policy, err);
	return r < 0 ? r : policy_agreed(root, policy, err);
}

int policy_parse(const char *json, size_t len, struct policy **ret, struct err *err)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct policy *policy = arena_alloc(arena, sizeof(*policy));
	uint8_t digest[SHA256_SIZE];
	struct json root;
	int r;

	if (len > POLICY_BYTES_MAX)
		return err_set(err, -EBADMSG, "too_large", "$", "must be at most %d bytes", POLICY_BYTES_MAX);
	policy->arena = arena;
	if ((r = json_parse(arena, json, len, JSON_COMMENTS, &root, err)) < 0 || (r = parse_root(&root, policy, err)) < 0)
		return r;
	policy->source = arena_memdup(arena, json, len);
	policy->source_len = len;
	sha256(json, len, digest);
	hex_format(digest, sizeof(digest), policy->digest);
	TAKE(arena); /* the policy lies in it and frees it */
	*ret = policy;
	return 0;
}

void policy_free(struct policy *policy)
{
	if (policy)
		arena_free(policy->arena);
}

int policy_step_index(const struct policy *policy, const char *id)
{
	for (size_t i = 0; i < policy->step_count; i++)
		if (!strcmp(policy->steps[i].id, id))
			return (int)i;
	return -ENOENT;
}

bool cap_counts(const struct cap *cap, enum channel channel)
{
	return cap->any_channel || channel == cap->channel || (cap->channel == CHANNEL_CALL && channel == CHANNEL_VOICE);
}

const char *policy_step_at(struct arena *arena, const struct policy *policy, const struct step *step)
{
	static const char *const anchors[] = { [ANCHOR_DUE] = "due", [ANCHOR_ISSUED] = "issued", [ANCHOR_EOM] = "eom" };
	const struct step_at *at = &step->at;
	const char *anchor = at->anchor == ANCHOR_STEP ? policy->steps[at->step].id : anchors[at->anchor];

	if (!at->days && !at->business)
		return anchor;
	return arena_printf(arena, "%s%+" PRId32 "%s", anchor, at->days, at->business ? "bd" : "d");
}
