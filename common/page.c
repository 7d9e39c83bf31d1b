#include "common/page_internal.h"

#include <stdio.h>
#include <string.h>

#include "common/hash.h"
#include "common/message.h"
#include "common/utc.h"
#include "common/zone.h"

#define FACTS_LEFT 50 /* of those that an invoice keeps, for its producer: payments must not be crowded out by words */
#define ANNOUNCED_MAX 3 /* that were said here; then somebody speaks with them */
#define PROMISES_MAX 3 /* the same, when the policy names no number */
#define ARRIVES_DAYS 7 /* a payment that was made arrives */
#define BACK_DAYS 365
#define PROMISE_DAYS 365 /* when the policy names no limit */
#define SOURCE "/p/"

const char *const page_action_names[PAGE_ACTION_COUNT + 1] = { "paid", "promise", "dispute", "plan", "settlement", "ask", "contact", "stop", NULL };
const char *const page_field_names[PAGE_FIELD_COUNT + 1] = { "on", "reference", "reason", "text", "name", "email", "phone", NULL };
const char *const page_reasons[] = { "amount", "quality", "not_delivered", "not_ordered", "purchase_order", "already_paid", "wrong_details", "other", NULL };

/* Bytes. A form's maxlength counts units of UTF-16: of each come three bytes at most. */
static const size_t lengths[PAGE_FIELD_COUNT] = { [PAGE_ON] = 10, [PAGE_REFERENCE] = 140 * 3, [PAGE_REASON] = 32, [PAGE_TEXT] = 16000,
	[PAGE_NAME] = 200 * 3, [PAGE_EMAIL] = 254, [PAGE_PHONE] = 40 };

enum page_state page_state(const struct page_case *c)
{
	enum invoice_state state = invoice_view(&c->e->invoice).state;
	struct late_account late = late_account_of(c->e);

	if (state == STATE_SETTLED || (state == STATE_PAID && !late.open && !late.elsewhere))
		return PAGE_SETTLED;
	return state == STATE_OPEN && c->e->state != ESCALATION_CLOSED ? PAGE_OPEN : PAGE_CLOSED;
}

static const struct zone *zone_of(const struct page_case *c)
{
	const char *own = c->debtor ? debtor_zone(c->debtor, c->config->creditor.zone) : c->config->creditor.zone;
	const struct zone *zone = NULL;

	if (zone_get(own, &zone) < 0)
		(void)zone_get("UTC", &zone);
	return zone;
}

date page_today(const struct page_case *c)
{
	return zone_date(zone_of(c), c->now);
}

bool page_said_here(const struct fact *fact)
{
	return fact->order.source && strncmp(fact->order.source, SOURCE, sizeof(SOURCE) - 1) == 0;
}

static int32_t count_said(const struct invoice *invoice, enum fact_kind kind, int64_t since)
{
	int32_t n = 0;

	for (size_t i = 0; i < invoice->fact_count; i++)
		n += invoice->facts[i].kind == kind && page_said_here(&invoice->facts[i]) && invoice->facts[i].order.time >= since;
	return n;
}

/* A plan or a settlement that is not broken: what is broken holds nothing, and stands in the way of nothing. */
static bool agreed(const struct page_case *c, const struct invoice_view *view)
{
	return (view->plan && !escalation_broke(c->e, "plan", view->plan)) ||
		(view->settlement && !escalation_broke(c->e, "settlement", view->settlement));
}

bool page_takes_offer(enum page_action action)
{
	return action == PAGE_PLAN || action == PAGE_SETTLEMENT;
}

static int64_t sum_of(const struct made_offer *offer)
{
	int64_t sum = 0;

	for (size_t i = 0; i < offer->instalment_count; i++)
		sum += offer->instalments[i].amount;
	return sum;
}

int64_t page_asked_by(const struct page_case *c, const struct made_offer *offer)
{
	struct invoice_view view = invoice_view(&c->e->invoice);
	int64_t sum = offer->instalment_count ? sum_of(offer) : offer->settles_at - view.paid - view.credited;

	return sum > 0 ? sum : 0;
}

static bool may_accept(const struct page_case *c, enum page_action action, const struct made_offer *offer)
{
	struct invoice_view view = invoice_view(&c->e->invoice);

	if (!offer->made_at || date_diff(page_today(c), offer->until) > 0 || agreed(c, &view) || offer_passed_over(offer, &view) ||
		count_said(&c->e->invoice, FACT_PLAN, offer->made_at) || count_said(&c->e->invoice, FACT_SETTLEMENT, offer->made_at))
		return false;
	return action == PAGE_PLAN ? offer->instalment_count && sum_of(offer) >= view.balance : !offer->instalment_count && page_asked_by(c, offer) > 0;
}

const char *page_offer_id(const struct made_offer *offer, char ret[PAGE_OFFER_SIZE])
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	uint8_t digest[SHA256_SIZE];

	buf_printf(&text, "%s %d %lld %lld", offer->code, offer->until.days, (long long)offer->amount, (long long)offer->settles_at);
	for (size_t i = 0; i < offer->instalment_count; i++)
		buf_printf(&text, " %d %lld", offer->instalments[i].due_on.days, (long long)offer->instalments[i].amount);
	sha256(text.data, text.len, digest);
	return hex_format(digest, (PAGE_OFFER_SIZE - 1) / 2, ret);
}

const struct made_offer *page_offer(const struct page_case *c, enum page_action action, const char *id)
{
	for (size_t i = 0; page_takes_offer(action) && i < c->e->offer_count; i++) {
		char own[PAGE_OFFER_SIZE];

		if (may_accept(c, action, &c->e->offers[i]) && (!id || strcmp(page_offer_id(&c->e->offers[i], own), id) == 0))
			return &c->e->offers[i];
	}
	return NULL;
}

/* Those that were made here count too, broken or not: a new one before the old one's day would put off the ladder for ever. */
static bool promises_count(const struct page_case *c)
{
	int32_t most = c->policy ? c->policy->agreed.promises_most : 0, broken = 0;

	for (size_t i = 0; i < c->e->ended_count; i++)
		broken += !c->e->ended[i].kept && strcmp(c->e->ended[i].what, "promise") == 0;
	return (!most || broken < most) && count_said(&c->e->invoice, FACT_PROMISE, 0) < (most ? most : PROMISES_MAX);
}

bool page_allows(const struct page_case *c, enum page_action action, struct page_limits *ret)
{
	const struct invoice *invoice = &c->e->invoice;
	struct invoice_view view = invoice_view(invoice);
	int32_t within = c->policy && c->policy->agreed.promise_within_days ? c->policy->agreed.promise_within_days : PROMISE_DAYS;
	date today = page_today(c);

	*ret = (struct page_limits){ date_none(), date_none() };
	if (page_state(c) != PAGE_OPEN || !invoice->debtor_id || invoice->fact_count + FACTS_LEFT >= INVOICE_FACTS_MAX)
		return false;
	switch (action) {
	case PAGE_PAID:
		*ret = (struct page_limits){ date_add_days(today, -BACK_DAYS), today };
		return count_said(invoice, FACT_ANNOUNCED, 0) < ANNOUNCED_MAX;
	case PAGE_PROMISE: /* where an end is agreed, or something is disputed, there is nothing to be promised */
		*ret = (struct page_limits){ today, date_add_days(today, within) };
		return !agreed(c, &view) && !view.dispute && promises_count(c);
	case PAGE_DISPUTE:
		return !view.dispute;
	case PAGE_PLAN:
	case PAGE_SETTLEMENT:
		return page_offer(c, action, NULL) != NULL;
	case PAGE_ASK:
	case PAGE_CONTACT:
		return true;
	case PAGE_STOP:
		return c->debtor && c->link->channel < CHANNEL_COUNT && !debtor_opted_out(c->debtor, c->link->channel);
	default:
		return false;
	}
}

/* --- what was typed ------------------------------------------------------------------------------------------------------------- */

static const struct {
	bool asked[PAGE_FIELD_COUNT], needed[PAGE_FIELD_COUNT];
} forms[PAGE_ACTION_COUNT] = {
	[PAGE_PAID] = { { [PAGE_ON] = true, [PAGE_REFERENCE] = true }, { [PAGE_ON] = true } },
	[PAGE_PROMISE] = { { [PAGE_ON] = true }, { [PAGE_ON] = true } },
	[PAGE_DISPUTE] = { { [PAGE_REASON] = true, [PAGE_TEXT] = true }, { [PAGE_REASON] = true } },
	[PAGE_PLAN] = { { [PAGE_NAME] = true }, { [PAGE_NAME] = true } },
	[PAGE_SETTLEMENT] = { { [PAGE_NAME] = true }, { [PAGE_NAME] = true } },
	[PAGE_ASK] = { { [PAGE_TEXT] = true }, { [PAGE_TEXT] = true } },
	[PAGE_CONTACT] = { { [PAGE_NAME] = true, [PAGE_EMAIL] = true, [PAGE_PHONE] = true }, { false } },
};

bool page_asks(enum page_action action, enum page_field field, bool *needed)
{
	*needed = forms[action].needed[field];
	return forms[action].asked[field];
}

static const char *check_day(const struct page_limits *limits, const char *text, date *ret)
{
	if (date_parse(text, ret) < 0)
		return "errors.date";
	return date_diff(*ret, limits->first) < 0 || date_diff(*ret, limits->last) > 0 ? "errors.range" : NULL;
}

/* People write numbers as they read them: what is told has the form that providers need. The zero of "+44 (0)20" is dialled at home alone. */
static const char *phone_of(const char *typed, struct arena *arena)
{
	char *out = arena_alloc(arena, strlen(typed) + 1), *to = out;

	for (const char *p = typed; *p; p++) {
		if (strncmp(p, "(0)", 3) == 0)
			p += 2;
		else if (!strchr(" .-()/", *p))
			*to++ = *p;
	}
	return strncmp(out, "00", 2) == 0 ? arena_printf(arena, "+%s", out + 2) : out;
}

static const char *check_field(enum page_field field, struct page_said *said, const struct page_limits *limits, struct arena *arena)
{
	const char *typed = said->typed[field];
	size_t i = 0;

	switch (field) {
	case PAGE_ON:
		return check_day(limits, typed, &said->on);
	case PAGE_REASON:
		while (page_reasons[i] && strcmp(page_reasons[i], typed) != 0)
			i++;
		return page_reasons[i] ? NULL : "errors.reason";
	case PAGE_EMAIL:
		return email_valid(typed) ? NULL : "errors.email";
	case PAGE_PHONE:
		typed = phone_of(typed, arena);
		return phone_valid(typed) && strlen(typed) >= 8 && strlen(typed) <= 16 ? NULL : "errors.phone";
	default:
		return NULL;
	}
}

bool page_read(const struct page_case *c, enum page_action action, const struct page_limits *limits, const struct form_pair *pairs, size_t count,
	struct arena *arena, struct page_said *ret)
{
	bool right = true;

	(void)c;
	*ret = (struct page_said){ .action = action, .on = date_none() };
	for (int f = 0; f < PAGE_FIELD_COUNT; f++) {
		enum form_got got = FORM_NONE;

		ret->typed[f] = "";
		if (forms[action].asked[f])
			got = form_get(pairs, count, page_field_names[f], lengths[f], f == PAGE_TEXT, arena, &ret->typed[f]);
		if (got == FORM_BAD || got == FORM_LONG)
			ret->errors[f] = f == PAGE_ON ? "errors.date" : f == PAGE_REASON ? "errors.reason" : "errors.typed";
		else if (got == FORM_TEXT)
			ret->errors[f] = check_field((enum page_field)f, ret, limits, arena);
		else if (forms[action].needed[f])
			ret->errors[f] = f == PAGE_ON ? "errors.date" : f == PAGE_REASON ? "errors.reason" : f == PAGE_NAME ? "errors.name" : "errors.text";
	}
	if (action == PAGE_DISPUTE && strcmp(ret->typed[PAGE_REASON], "other") == 0 && !*ret->typed[PAGE_TEXT] && !ret->errors[PAGE_TEXT])
		ret->errors[PAGE_TEXT] = "errors.text";
	if (action == PAGE_CONTACT && !*ret->typed[PAGE_EMAIL] && !*ret->typed[PAGE_PHONE] && !ret->errors[PAGE_EMAIL] && !ret->errors[PAGE_PHONE])
		ret->errors[PAGE_EMAIL] = "errors.either";
	for (int f = 0; f < PAGE_FIELD_COUNT; f++)
		right &= !ret->errors[f];
	return right;
}

/* --- the event ------------------------------------------------------------------------------------------------------------------ */

static const char *const types[PAGE_ACTION_COUNT] = { "invoice.payment_announced", "promise.made", "dispute.opened",
	"payment_plan.agreed", "settlement.agreed", "contact.reply_received", "contact.reply_received", "customer.opted_out" };
static const char *const fact_keys[PAGE_ACTION_COUNT] = { "announcement_id", "promise_id", "dispute_id", "plan_id", "settlement_id", "reply_id",
	"reply_id" };

/*
 * Read by a person, who alone changes to whom we write: a link that was handed on must not turn a debtor's messages elsewhere, and what is
 * known of the customer is the producer's to say.
 */
static const char *contact_text(const struct page_said *said, struct arena *arena)
{
	static const struct {
		enum page_field field;
		const char *label;
	} lines[] = { { PAGE_NAME, "Name" }, { PAGE_EMAIL, "E-mail" }, { PAGE_PHONE, "Phone" } };
	const char *typed, *text = "Another contact for these messages, named on the page:";

	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		if (*(typed = said->typed[lines[i].field]))
			text = arena_printf(arena, "%s\n%s: %s", text, lines[i].label, lines[i].field == PAGE_PHONE ? phone_of(typed, arena) : typed);
	return text;
}

/* The terms are told as they were shown: an offer that was made anew meanwhile is another, and refused. */
static void write_offer(struct json_writer *w, const struct made_offer *offer)
{
	char day[DATE_TEXT_SIZE];

	jw_str(w, "offer", offer->code);
	if (!offer->instalment_count) {
		jw_int(w, "amount_minor", offer->settles_at);
		jw_str(w, "until_on", date_format(offer->until, day));
		return;
	}
	jw_array(w, "instalments");
	for (size_t i = 0; i < offer->instalment_count; i++) {
		jw_object(w, NULL);
		jw_str(w, "due_on", date_format(offer->instalments[i].due_on, day));
		jw_int(w, "amount_minor", offer->instalments[i].amount);
		jw_end_object(w);
	}
	jw_end_array(w);
}

static void write_facts(struct json_writer *w, const struct page_case *c, const struct page_said *said, const char *id, struct arena *arena)
{
	date today = page_today(c), until = said->on;
	char day[DATE_TEXT_SIZE];

	if (fact_keys[said->action])
		jw_str(w, fact_keys[said->action], arena_printf(arena, "page-%s", id));
	switch (said->action) {
	case PAGE_PAID: /* until it should have arrived, whenever it was made */
		until = date_add_days(today, ARRIVES_DAYS);
		jw_str(w, "until_on", date_format(until, day));
		jw_bool(w, "already_paid", true);
		jw_opt_str(w, "text", said->typed[PAGE_REFERENCE]);
		break;
	case PAGE_PROMISE:
		jw_str(w, "until_on", date_format(until, day));
		break;
	case PAGE_DISPUTE:
		jw_str(w, "reason", said->typed[PAGE_REASON]);
		jw_opt_str(w, "text", said->typed[PAGE_TEXT]);
		break;
	case PAGE_PLAN:
	case PAGE_SETTLEMENT:
		write_offer(w, said->offer);
		break;
	case PAGE_ASK:
	case PAGE_CONTACT:
		jw_str(w, "text", said->action == PAGE_ASK ? said->typed[PAGE_TEXT] : contact_text(said, arena));
		jw_array(w, "invoice_ids");
		jw_str(w, NULL, c->e->invoice.id);
		jw_end_array(w);
		break;
	default:
		jw_str(w, "channel", channel_names[c->link->channel]);
		jw_str(w, "reason", "page");
		break;
	}
}

/* What was typed, to the letter, by which link and in which language: this is the evidence, and opens nothing. */
static void write_page(struct json_writer *w, const struct page_case *c, const struct page_said *said)
{
	char link_id[LINK_ID_SIZE], tag[36];

	jw_object(w, "page");
	jw_str(w, "link", page_link_id(c->link_text, link_id));
	jw_str(w, "action", page_action_names[said->action]);
	page_tag_of(c, tag);
	jw_str(w, "locale", tag);
	jw_object(w, "typed");
	for (int f = 0; f < PAGE_FIELD_COUNT; f++)
		jw_opt_str(w, page_field_names[f], said->typed[f]);
	jw_end_object(w);
	jw_end_object(w);
}

void page_event(const struct page_case *c, const struct page_said *said, const char *id, struct buf *out)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json_writer w = jw_init(out);
	char time[UTC_TEXT_SIZE], link_id[LINK_ID_SIZE];

	jw_object(&w, NULL);
	jw_str(&w, "specversion", "1.0");
	jw_str(&w, "id", arena_printf(arena, "page-%s", id));
	jw_str(&w, "source", arena_printf(arena, SOURCE "%s", page_link_id(c->link_text, link_id)));
	jw_str(&w, "type", types[said->action]);
	jw_str(&w, "subject", arena_printf(arena, "invoice/%s", c->e->invoice.id));
	jw_str(&w, "time", utc_format(c->now, time));
	jw_object(&w, "data");
	jw_str(&w, "invoice_id", c->e->invoice.id);
	jw_str(&w, "customer_id", c->e->invoice.debtor_id);
	write_facts(&w, c, said, id, arena);
	write_page(&w, c, said);
	jw_end_object(&w);
	jw_end_object(&w);
}

/* The link knows whom it was sent to; the debtor's own tag has a region too, with its forms of amounts and dates. */
void page_tag_of(const struct page_case *c, char ret[36])
{
	const char *tag = c->debtor ? debtor_locale(c->debtor, NULL, c->config->creditor.locale) : c->config->creditor.locale;

	if (c->link->language[0] && (strncmp(tag, c->link->language, 2) != 0 || (tag[2] && tag[2] != '-')))
		tag = c->link->language;
	(void)snprintf(ret, 36, "%s", tag);
}

/* --- receipts ------------------------------------------------------------------------------------------------------------------- */

struct page_receipt page_receipt_of(const struct page_case *c, const struct page_said *said, const char *id, struct arena *arena)
{
	struct page_receipt ret = { .action = said->action, .link_id = page_link_id(c->link_text, arena_alloc(arena, LINK_ID_SIZE)), .id = id,
		.at = c->now, .on = said->on, .first = date_none(), .last = date_none() };
	const struct made_offer *offer = said->offer;

	if (!offer)
		return ret;
	ret.on = offer->until;
	ret.offer = page_offer_id(offer, arena_alloc(arena, PAGE_OFFER_SIZE));
	ret.amount = page_asked_by(c, offer);
	ret.count = (int64_t)offer->instalment_count;
	if (offer->instalment_count) {
		ret.first = offer->instalments[0].due_on;
		ret.last = offer->instalments[offer->instalment_count - 1].due_on;
	}
	return ret;
}

static void write_day(struct json_writer *w, const char *key, date day)
{
	char text[DATE_TEXT_SIZE];

	if (date_is_set(day))
		jw_str(w, key, date_format(day, text));
}

void page_receipt_write(struct buf *out, const struct page_receipt *receipt)
{
	struct json_writer w = jw_init(out);

	jw_object(&w, NULL);
	jw_str(&w, "action", page_action_names[receipt->action]);
	jw_str(&w, "link", receipt->link_id);
	jw_str(&w, "id", receipt->id);
	jw_int(&w, "at", receipt->at);
	write_day(&w, "on", receipt->on);
	jw_opt_str(&w, "offer", receipt->offer);
	if (receipt->offer) {
		jw_int(&w, "amount", receipt->amount);
		jw_int(&w, "count", receipt->count);
		write_day(&w, "first", receipt->first);
		write_day(&w, "last", receipt->last);
	}
	jw_end_object(&w);
}

static int read_day(const struct json *root, const char *key, date *ret)
{
	const char *text = NULL;
	int r = json_opt_str(root, key, 10, &text, NULL);

	*ret = date_none();
	return r < 0 || !text ? r : date_parse(text, ret);
}

int page_receipt_read(struct arena *arena, const char *text, size_t len, struct page_receipt *ret)
{
	struct json *root = arena_alloc(arena, sizeof(*root));
	int action = 0, r = json_parse(arena, text, len, 0, root, NULL);

	*ret = (struct page_receipt){ .on = date_none(), .first = date_none(), .last = date_none() };
	if (r < 0 || (r = json_get_word(root, "action", page_action_names, &action, NULL)) < 0 ||
		(r = json_get_str(root, "link", LINK_ID_SIZE, &ret->link_id, NULL)) < 0 ||
		(r = json_get_str(root, "id", TOKEN_ID_SIZE, &ret->id, NULL)) < 0 ||
		(r = json_get_int(root, "at", 0, INT64_MAX, &ret->at, NULL)) < 0 || (r = read_day(root, "on", &ret->on)) < 0 ||
		(r = json_opt_str(root, "offer", PAGE_OFFER_SIZE, &ret->offer, NULL)) < 0)
		return r;
	if (ret->offer && ((r = json_get_int(root, "amount", 0, INT64_MAX, &ret->amount, NULL)) < 0 ||
		(r = json_get_int(root, "count", 0, INT32_MAX, &ret->count, NULL)) < 0 ||
		(r = read_day(root, "first", &ret->first)) < 0 || (r = read_day(root, "last", &ret->last)) < 0))
		return r;
	ret->action = (enum page_action)action;
	return 0;
}
