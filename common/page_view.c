/* What the frame of the page is filled with. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/locale.h"
#include "common/page_internal.h"
#include "common/utc.h"
#include "common/zone.h"

#define LONG_AMOUNT 11 /* characters: "12.345,00 €" stands in one line of the smallest telephone, at full size */

struct view {
	const struct page_view *v;
	const struct page_case *c;
	const struct language *language;
	const char *tag; /* amounts and dates have its form */
	struct arena *arena;
	struct json_maker w; /* of the frame's model */
	struct json facts; /* what words may name */
	const struct made_offer *offer; /* that they speak of; NULL = none */
	const struct page_receipt *accepted; /* the same, of one that was accepted: as it was then; NULL = none */
	struct err *err;
	int r; /* of the first that failed */
};

const char page_policy[] = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/* --- words ---------------------------------------------------------------------------------------------------------------------- */

static const char *date_text(struct view *v, date day)
{
	CLEANUP(buf_clear) struct buf text = { 0 };

	if (!date_is_set(day))
		return "";
	if (locale_date(v->tag, day, &text) < 0 && v->r == 0)
		v->r = err_set(v->err, -EBADMSG, "bad_locale", "", "no date can be written in \"%s\"", v->tag);
	return arena_strdup(v->arena, buf_str(&text));
}

static const char *money_text(struct view *v, int64_t minor)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct money money = { .minor = minor };

	memcpy(money.currency, v->c->e->invoice.snapshot.currency, sizeof(money.currency));
	if (locale_money(v->tag, money, &text) < 0 && v->r == 0)
		v->r = err_set(v->err, -EBADMSG, "bad_locale", "", "no amount can be written in \"%s\"", v->tag);
	return arena_strdup(v->arena, buf_str(&text));
}

static const char *word(struct view *v, const char *name)
{
	const struct template *template = page_word(v->language, name);
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct err inner = { 0 };
	int r = template ? template_render(template, &v->facts, ESCAPE_TEXT, NULL, NULL, true, &text, &inner) : -ENOENT;

	if (r < 0 && v->r == 0)
		v->r = err_set(v->err, -EBADMSG, "no_text", "", "%s of %s: %s", name, page_language_name(v->language), inner.text[0] ? inner.text :
			"there is no such text");
	return arena_strdup(v->arena, buf_str(&text));
}

static const char *joined(struct view *v, const char *a, const char *b)
{
	return arena_printf(v->arena, "%s.%s", a, b);
}

static const char *word_of(struct view *v, enum page_action action, const char *key)
{
	return word(v, joined(v, page_action_names[action], key));
}

static const char *number_of(const struct page_case *c)
{
	const struct invoice *invoice = &c->e->invoice;

	return invoice->snapshot.number ? invoice->snapshot.number : invoice->id;
}

/* Everything, so that a word never lacks what it names; days that there are not are empty. */
static void set_facts(struct view *v, const char *channel, date said_on, date until)
{
	struct json_maker w = jm_init(v->arena);
	const struct page_case *c = v->c;
	const struct page_limits *limits = v->v->limits;
	const struct snapshot *s = c ? &c->e->invoice.snapshot : NULL;
	const struct made_offer *offer = v->offer;
	const struct page_receipt *accepted = v->accepted;
	int64_t amount = accepted ? accepted->amount : offer ? page_asked_by(c, offer) : 0;
	int64_t parts = accepted ? accepted->count : offer ? (int64_t)offer->instalment_count : 0;
	date first = limits ? limits->first : date_none(), last = limits ? limits->last : date_none();

	if (offer && offer->instalment_count) {
		first = offer->instalments[0].due_on;
		last = offer->instalments[offer->instalment_count - 1].due_on;
	}
	if (accepted) {
		first = accepted->first;
		last = accepted->last;
	}
	jm_object(&w, NULL);
	jm_str(&w, "creditor", v->v->config->creditor.name);
	jm_str(&w, "number", c ? number_of(c) : "");
	jm_str(&w, "balance", c && s->currency[0] ? money_text(v, invoice_view(&c->e->invoice).balance) : "");
	jm_str(&w, "due_on", c ? date_text(v, s->due_on) : "");
	jm_str(&w, "amount", offer || accepted ? money_text(v, amount) : "");
	jm_str(&w, "count", offer || accepted ? arena_printf(v->arena, "%" PRId64, parts) : "");
	jm_str(&w, "first", date_text(v, first));
	jm_str(&w, "last", date_text(v, last));
	jm_str(&w, "said_on", date_text(v, said_on));
	jm_str(&w, "until", date_text(v, offer ? offer->until : until));
	jm_str(&w, "channel", channel);
	jm_end(&w);
	v->facts = jm_last(&w);
}

/* --- parts ---------------------------------------------------------------------------------------------------------------------- */

static const char *address_in(struct view *v, const char *more, const char *language)
{
	return arena_printf(v->arena, "%s/p/%s%s%s%s%s", v->v->base, v->v->link_text, *more ? "/" : "", more, language ? "?l=" : "",
		language ? language : "");
}

static const char *address(struct view *v, const char *more)
{
	return address_in(v, more, v->v->chosen);
}

static void put_row(struct view *v, const char *label, const char *value)
{
	if (!*value)
		return;
	jm_object(&v->w, NULL);
	jm_str(&v->w, "label", label);
	jm_str(&v->w, "value", value);
	jm_end(&v->w);
}

static void put_link(struct view *v, const char *key, const char *url, const char *label)
{
	jm_object(&v->w, key);
	jm_str(&v->w, "url", url);
	jm_str(&v->w, "label", label);
	jm_end(&v->w);
}

static void put_pay(struct view *v, bool agreed)
{
	const struct creditor *creditor = &v->v->config->creditor;
	const char *url = invoice_payment_url(&v->c->e->invoice.snapshot, v->c->now);

	/* As in messages: only what a browser may follow. */
	if (url && strncmp(url, "https://", 8) == 0 && !strpbrk(url, " \"<>\r\n\t"))
		put_link(v, "pay", url, word(v, agreed ? "home.pay_part" : "home.pay"));
	if (!creditor->bank)
		return;
	jm_object(&v->w, "bank");
	jm_str(&v->w, "label", word(v, "home.bank"));
	jm_str(&v->w, "value", creditor->bank);
	jm_str(&v->w, "quote", word(v, "home.quote"));
	jm_end(&v->w);
}

static void put_figures(struct view *v)
{
	const struct snapshot *s = &v->c->e->invoice.snapshot;
	struct invoice_view view = invoice_view(&v->c->e->invoice);

	jm_array(&v->w, "rows");
	put_row(v, word(v, "home.issued"), date_text(v, s->issued_on));
	put_row(v, word(v, "home.due"), date_text(v, s->due_on));
	if (view.balance < s->total) {
		put_row(v, word(v, "home.total"), money_text(v, s->total));
		put_row(v, word(v, "home.reduced"), money_text(v, s->total - view.balance));
	}
	jm_end(&v->w);
	if (!v->c->has_document)
		return;
	jm_object(&v->w, "pdf");
	jm_str(&v->w, "url", address_in(v, "invoice.pdf", NULL));
	jm_str(&v->w, "label", word(v, "home.pdf"));
	jm_str(&v->w, "digest_label", word(v, "home.digest"));
	jm_str(&v->w, "digest", s->pdf_sha256);
	jm_end(&v->w);
}

static void put_noted(struct view *v, const char *name, date until)
{
	set_facts(v, "", date_none(), until);
	jm_object(&v->w, NULL);
	jm_str(&v->w, "text", word(v, name));
	jm_end(&v->w);
}

/* --- offers --------------------------------------------------------------------------------------------------------------------- */

static void speak_of(struct view *v, const struct made_offer *offer)
{
	v->offer = offer;
	set_facts(v, "", date_none(), date_none());
}

/* Each day and its amount, to the unit. */
static void put_terms(struct view *v, const struct made_offer *offer)
{
	struct invoice_view view = invoice_view(&v->c->e->invoice);
	int64_t came = offer->instalment_count ? page_asked_by(v->c, offer) - view.balance : offer->amount - page_asked_by(v->c, offer);

	jm_object(&v->w, "terms");
	jm_array(&v->w, "rows");
	for (size_t i = 0; i < offer->instalment_count; i++)
		put_row(v, date_text(v, offer->instalments[i].due_on), money_text(v, offer->instalments[i].amount));
	if (offer->instalment_count)
		put_row(v, word(v, "terms.in_all"), money_text(v, page_asked_by(v->c, offer)));
	else
		put_row(v, word(v, "terms.pay_by"), money_text(v, page_asked_by(v->c, offer)));
	if (came > 0)
		put_row(v, word(v, "terms.came"), money_text(v, came));
	jm_end(&v->w);
	jm_end(&v->w);
}

static const char *offer_address(struct view *v, enum page_action action, const struct made_offer *offer)
{
	char id[PAGE_OFFER_SIZE];

	return address(v, arena_printf(v->arena, "%s/%s", page_action_names[action], page_offer_id(offer, id)));
}

static void put_offers(struct view *v)
{
	bool any = false;

	if (v->v->receipt && page_takes_offer(v->v->receipt->action)) /* it may not be applied yet */
		return;
	for (size_t i = 0; i < v->c->e->offer_count; i++) {
		const struct made_offer *offer = &v->c->e->offers[i];
		enum page_action action = offer->instalment_count ? PAGE_PLAN : PAGE_SETTLEMENT;
		char id[PAGE_OFFER_SIZE];

		if (page_offer(v->c, action, page_offer_id(offer, id)) != offer)
			continue;
		if (!any) {
			jm_object(&v->w, "offered");
			jm_str(&v->w, "title", word(v, "home.offers"));
			jm_array(&v->w, "offers");
		}
		any = true;
		speak_of(v, offer);
		jm_object(&v->w, NULL);
		jm_str(&v->w, "url", offer_address(v, action, offer));
		jm_str(&v->w, "label", word_of(v, action, "choice"));
		jm_str(&v->w, "more", word_of(v, action, "more"));
		jm_end(&v->w);
		speak_of(v, NULL);
	}
	if (any) {
		jm_end(&v->w);
		jm_end(&v->w);
	}
}

/* What is agreed on and not broken, as an offer would have said it. */
static bool agreed_on(const struct page_case *c, struct made_offer *ret, struct arena *arena)
{
	struct invoice_view view = invoice_view(&c->e->invoice);
	struct instalment_view next;
	struct instalment *parts;

	*ret = (struct made_offer){ .until = date_none() };
	if (view.plan && !escalation_broke(c->e, "plan", view.plan) && plan_next(view.plan, view.balance, &next)) {
		ret->instalment_count = view.plan->instalment_count - next.index;
		parts = arena_memdup(arena, view.plan->instalments + next.index, ret->instalment_count * sizeof(*parts));
		parts[0].amount = next.rest;
		ret->instalments = parts;
		return true;
	}
	if (!view.settlement || !view.settlement->settles || escalation_broke(c->e, "settlement", view.settlement))
		return false;
	ret->until = view.settlement->until_on;
	ret->settles_at = view.settlement->amount;
	return true;
}

/* What holds now, whoever told it. */
static void put_standing(struct view *v, const struct made_offer *agreed)
{
	struct invoice_view view = invoice_view(&v->c->e->invoice);
	date today = page_today(v->c);

	jm_array(&v->w, "standing");
	v->offer = agreed;
	if (agreed)
		put_noted(v, agreed->instalment_count ? "home.planned" : "home.settling", agreed->until);
	v->offer = NULL;
	if (view.dispute)
		put_noted(v, "home.disputed", date_none());
	else if (view.announced && date_is_set(view.announced->until_on) && date_diff(view.announced->until_on, today) >= 0)
		put_noted(v, "home.announced", date_none());
	else if (view.promise && date_diff(view.promise->until_on, today) >= 0)
		put_noted(v, "home.promised", view.promise->until_on);
	jm_end(&v->w);
	if (agreed)
		put_terms(v, agreed);
	set_facts(v, "", date_none(), date_none());
}

static const char *channel_word(struct view *v)
{
	enum channel channel = v->c && v->c->link ? v->c->link->channel : CHANNEL_COUNT;

	return channel < CHANNEL_COUNT ? word(v, joined(v, "channels", channel_names[channel])) : "";
}

static void put_choices(struct view *v)
{
	struct page_limits limits;

	put_offers(v);
	set_facts(v, channel_word(v), date_none(), date_none());
	jm_str(&v->w, "choices_title", word(v, "home.choices"));
	jm_array(&v->w, "choices");
	for (int a = 0; a < PAGE_ACTION_COUNT; a++) {
		enum page_action action = (enum page_action)a;

		/* what was just said may not be applied yet */
		if (page_takes_offer(action) || !page_allows(v->c, action, &limits) || (v->v->receipt && v->v->receipt->action == action && action != PAGE_ASK))
			continue;
		jm_object(&v->w, NULL);
		jm_str(&v->w, "url", address(v, page_action_names[a]));
		jm_str(&v->w, "label", word_of(v, action, "choice"));
		jm_str(&v->w, "more", word_of(v, action, "more"));
		jm_end(&v->w);
	}
	jm_end(&v->w);
}

static void put_receipt(struct view *v)
{
	const struct page_receipt *receipt = v->v->receipt;
	const struct zone *zone = NULL;
	char number[10];

	if (zone_get(v->c->debtor ? debtor_zone(v->c->debtor, v->v->config->creditor.zone) : v->v->config->creditor.zone, &zone) < 0)
		(void)zone_get("UTC", &zone);
	v->accepted = receipt->offer ? receipt : NULL; /* money that came since, or another offer, changes nothing of it */
	set_facts(v, channel_word(v), zone_date(zone, receipt->at), receipt->on);
	(void)memcpy(number, receipt->id, 4);
	number[4] = '-';
	(void)memcpy(number + 5, receipt->id + 4, 4);
	number[9] = '\0';
	jm_object(&v->w, "receipt");
	jm_str(&v->w, "title", word(v, "said.title"));
	jm_str(&v->w, "done", word_of(v, receipt->action, "done"));
	jm_str(&v->w, "next", word_of(v, receipt->action, "next"));
	jm_str(&v->w, "detail", word(v, "said.recorded"));
	jm_str(&v->w, "number", arena_strdup(v->arena, number));
	jm_end(&v->w);
	v->accepted = NULL;
	set_facts(v, "", date_none(), date_none());
}

static size_t characters(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static void put_home(struct view *v)
{
	enum page_state state = page_state(v->c);
	bool open = state == PAGE_OPEN, agreed;
	struct made_offer made;
	const char *balance;

	jm_str(&v->w, "title", word(v, "home.title"));
	jm_str(&v->w, "heading", word(v, "home.title"));
	if (v->v->receipt)
		put_receipt(v);
	if (!open) {
		jm_object(&v->w, "closed");
		jm_str(&v->w, "title", word(v, state == PAGE_SETTLED ? "closed.paid_title" : "closed.title"));
		jm_str(&v->w, "text", word(v, state == PAGE_SETTLED ? "closed.paid" : "closed.text"));
		jm_end(&v->w);
		return;
	}
	balance = money_text(v, invoice_view(&v->c->e->invoice).balance);
	jm_object(&v->w, "amount");
	jm_str(&v->w, "label", word(v, "home.to_pay"));
	jm_str(&v->w, "value", balance);
	jm_bool(&v->w, "long", characters(balance) > LONG_AMOUNT);
	jm_end(&v->w);
	agreed = agreed_on(v->c, &made, v->arena);
	put_standing(v, agreed ? &made : NULL);
	put_pay(v, agreed);
	put_figures(v);
	put_choices(v);
}

/* --- the form ------------------------------------------------------------------------------------------------------------------- */

static void put_options(struct view *v, const char *typed)
{
	jm_array(&v->w, "options");
	for (size_t i = 0; page_reasons[i]; i++) {
		jm_object(&v->w, NULL);
		jm_str(&v->w, "value", page_reasons[i]);
		jm_str(&v->w, "label", word(v, joined(v, "reasons", page_reasons[i])));
		jm_bool(&v->w, "chosen", strcmp(page_reasons[i], typed) == 0);
		jm_end(&v->w);
	}
	jm_end(&v->w);
}

static const struct {
	const char *type, *autocomplete, *mode;
	int max;
} inputs[PAGE_FIELD_COUNT] = {
	[PAGE_ON] = { "date", "off", "", 0 },
	[PAGE_REFERENCE] = { "text", "off", "", 140 },
	[PAGE_NAME] = { "text", "name", "", 200 },
	[PAGE_EMAIL] = { "email", "email", "email", 254 },
	[PAGE_PHONE] = { "tel", "tel", "tel", 40 },
};

static void put_field(struct view *v, enum page_field field, bool needed, bool *focused)
{
	const char *name = page_field_names[field], *label = joined(v, page_action_names[v->v->action], name);
	const char *typed = v->v->said ? v->v->said->typed[field] : "", *error = v->v->said ? v->v->said->errors[field] : NULL;
	const char *hint = arena_printf(v->arena, "%s_hint", label);
	bool hinted = page_word(v->language, hint) != NULL;
	char day[DATE_TEXT_SIZE];

	jm_object(&v->w, NULL);
	jm_str(&v->w, "name", name);
	jm_str(&v->w, "label", word(v, label));
	jm_bool(&v->w, "optional", !needed && field != PAGE_EMAIL && field != PAGE_PHONE); /* of these, one is needed */
	jm_bool(&v->w, "required", needed);
	jm_str(&v->w, "hint", hinted ? word(v, hint) : "");
	jm_str(&v->w, "error", error ? word(v, error) : "");
	jm_str(&v->w, "described", arena_printf(v->arena, "%s%s%s%s%s", hinted ? name : "", hinted ? "-hint" : "", hinted && error ? " " : "",
		error ? name : "", error ? "-error" : ""));
	jm_bool(&v->w, "focus", error && !*focused);
	*focused |= error != NULL;
	jm_str(&v->w, "value", typed);
	jm_bool(&v->w, "is_area", field == PAGE_TEXT);
	jm_bool(&v->w, "is_choice", field == PAGE_REASON);
	jm_bool(&v->w, "is_input", field != PAGE_TEXT && field != PAGE_REASON);
	if (field == PAGE_REASON)
		put_options(v, typed);
	if (inputs[field].type) {
		jm_str(&v->w, "type", inputs[field].type);
		jm_str(&v->w, "autocomplete", inputs[field].autocomplete);
		jm_str(&v->w, "mode", inputs[field].mode);
		jm_str(&v->w, "maxlength", inputs[field].max ? arena_printf(v->arena, "%d", inputs[field].max) : "");
	}
	if (field == PAGE_ON && v->v->limits) {
		jm_str(&v->w, "min", arena_strdup(v->arena, date_format(v->v->limits->first, day)));
		jm_str(&v->w, "max", arena_strdup(v->arena, date_format(v->v->limits->last, day)));
	}
	jm_end(&v->w);
}

static void put_summary(struct view *v)
{
	const struct page_said *said = v->v->said;

	if (!said)
		return;
	jm_object(&v->w, "summary");
	jm_str(&v->w, "title", word(v, "form.summary"));
	jm_array(&v->w, "items");
	for (int f = 0; f < PAGE_FIELD_COUNT; f++)
		if (said->errors[f]) {
			jm_object(&v->w, NULL);
			jm_str(&v->w, "field", page_field_names[f]);
			jm_str(&v->w, "text", word(v, said->errors[f]));
			jm_end(&v->w);
		}
	jm_end(&v->w);
	jm_end(&v->w);
}

static void put_form(struct view *v)
{
	enum page_action action = v->v->action;
	bool focused = false, needed;

	v->offer = v->v->offer;
	set_facts(v, channel_word(v), date_none(), date_none());
	jm_str(&v->w, "title", v->v->said ? arena_printf(v->arena, "%s: %s", word(v, "form.error"), word_of(v, action, "title")) :
		word_of(v, action, "title"));
	jm_str(&v->w, "heading", word_of(v, action, "title"));
	jm_str(&v->w, "above", word(v, "home.title"));
	jm_object(&v->w, "form");
	jm_str(&v->w, "lead", word_of(v, action, "lead"));
	jm_str(&v->w, "url", v->offer ? offer_address(v, action, v->offer) : address(v, page_action_names[action]));
	if (v->offer)
		put_terms(v, v->offer);
	jm_str(&v->w, "token", v->v->token);
	jm_str(&v->w, "button", word_of(v, action, "button"));
	jm_str(&v->w, "optional_word", word(v, "form.optional"));
	jm_str(&v->w, "choose", word(v, "form.choose"));
	jm_str(&v->w, "record", word(v, "form.record"));
	put_summary(v);
	jm_array(&v->w, "fields");
	for (int f = 0; f < PAGE_FIELD_COUNT; f++)
		if (page_asks(action, (enum page_field)f, &needed))
			put_field(v, (enum page_field)f, needed, &focused);
	jm_end(&v->w);
	jm_end(&v->w);
	v->offer = NULL;
	put_link(v, "back", address(v, ""), word(v, "form.back"));
}

/* --- the whole ------------------------------------------------------------------------------------------------------------------ */

static void put_refusal(struct view *v)
{
	static const char *const names[] = { [PAGE_KIND_LOST] = "lost", [PAGE_KIND_AGAIN] = "again", [PAGE_KIND_BUSY] = "busy",
		[PAGE_KIND_UNSAVED] = "unsaved", [PAGE_KIND_LEAVE] = "leave", [PAGE_KIND_LEFT] = "left", [PAGE_KIND_UNKNOWN] = "unknown" };
	const char *name = names[v->v->kind];

	jm_str(&v->w, "title", word(v, joined(v, name, "title")));
	jm_str(&v->w, "heading", word(v, joined(v, name, "title")));
	jm_object(&v->w, "refusal");
	jm_str(&v->w, "text", word(v, joined(v, name, "text")));
	jm_end(&v->w);
	if (v->v->kind == PAGE_KIND_LEAVE)
		jm_str(&v->w, "leave", word(v, "leave.button"));
	if (v->v->kind > PAGE_KIND_LOST && v->v->kind < PAGE_KIND_LEAVE && v->v->link_text)
		put_link(v, "back", address(v, ""), word(v, "form.back"));
}

/* The same page in the others, each named in itself. */
static void put_languages(struct view *v, const struct page_texts *texts)
{
	const struct language *own = v->language, *one;
	const char *here = v->v->kind == PAGE_KIND_FORM ? page_action_names[v->v->action] : "";
	char id[PAGE_OFFER_SIZE];

	if (v->v->offer)
		here = arena_printf(v->arena, "%s/%s", here, page_offer_id(v->v->offer, id));
	if (!v->c || (v->v->kind != PAGE_KIND_HOME && v->v->kind != PAGE_KIND_FORM))
		return;
	jm_object(&v->w, "languages");
	jm_str(&v->w, "title", word(v, "help.languages"));
	jm_array(&v->w, "others");
	for (size_t i = 0; (one = page_language_at(texts, i)); i++) {
		if (one == own)
			continue;
		v->language = one;
		jm_object(&v->w, NULL);
		jm_str(&v->w, "tag", page_language_name(one));
		jm_str(&v->w, "name", word(v, "help.language"));
		jm_str(&v->w, "url", address_in(v, here, page_language_name(one)));
		jm_end(&v->w);
	}
	v->language = own;
	jm_end(&v->w);
	jm_end(&v->w);
}

static void put_foot(struct view *v)
{
	const struct creditor *c = &v->v->config->creditor;
	const struct sender *s = &v->v->config->senders[0];

	jm_object(&v->w, "foot");
	jm_str(&v->w, "title", word(v, "help.title"));
	jm_str(&v->w, "text", word(v, "help.text"));
	jm_opt_str(&v->w, "email", c->email ? c->email : s->reply_to ? s->reply_to : s->email);
	jm_opt_str(&v->w, "phone", c->phone ? c->phone : s->phone);
	if (c->legal_id || c->address)
		jm_str(&v->w, "name", c->name);
	jm_opt_str(&v->w, "legal_id", c->legal_id);
	jm_opt_str(&v->w, "address", c->address);
	if (v->c)
		jm_str(&v->w, "note", word(v, "help.note"));
	jm_end(&v->w);
}

/* The reader's own region where the page speaks their language, as in messages. */
static void choose_language(struct view *v, const struct page_texts *texts, char tag[36])
{
	const char *fallback = v->v->config->creditor.locale;

	if (v->c)
		page_tag_of(v->c, tag);
	else
		(void)snprintf(tag, 36, "%s", v->v->language && *v->v->language ? v->v->language : fallback);
	v->language = page_language(texts, tag);
	if (!v->language) {
		(void)snprintf(tag, 36, "%s", fallback);
		v->language = page_language(texts, tag);
	}
	if (!v->language) {
		strcpy(tag, "en");
		v->language = page_language(texts, tag);
	}
	v->tag = tag;
}

int page_render(const struct page_texts *texts, const struct page_view *view, struct arena *arena, struct buf *out, struct err *err)
{
	struct view v = { .v = view, .c = view->c, .arena = arena, .w = jm_init(arena), .err = err };
	struct json model;
	char tag[36];

	choose_language(&v, texts, tag);
	set_facts(&v, "", date_none(), date_none());
	jm_object(&v.w, NULL);
	jm_str(&v.w, "lang", page_language_name(v.language));
	jm_str(&v.w, "style", view->style ? view->style : arena_printf(arena, "%s/p/page.css", view->base));
	jm_str(&v.w, "creditor", view->config->creditor.name);
	if (view->kind == PAGE_KIND_HOME)
		put_home(&v);
	else if (view->kind == PAGE_KIND_FORM)
		put_form(&v);
	else
		put_refusal(&v);
	put_foot(&v);
	put_languages(&v, texts);
	jm_end(&v.w);
	if (v.r < 0)
		return v.r;
	model = jm_last(&v.w);
	return template_render(page_frame(texts), &model, ESCAPE_HTML, NULL, NULL, true, out, err);
}
