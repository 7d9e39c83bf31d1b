#include "common/event.h"

#include <errno.h>
#include <string.h>

#include "common/hash.h"
#include "common/locale.h"
#include "common/utc.h"
#include "common/zone.h"

const char *const event_type_names[EVENT_TYPE_COUNT + 1] = {
	[EVENT_INVOICE_FINALIZED] = "invoice.finalized",
	[EVENT_INVOICE_SENT] = "invoice.sent",
	[EVENT_INVOICE_DELIVERY_FAILED] = "invoice.delivery_failed",
	[EVENT_INVOICE_UPDATED] = "invoice.updated",
	[EVENT_INVOICE_VIEWED] = "invoice.viewed",
	[EVENT_INVOICE_PAID] = "invoice.paid",
	[EVENT_INVOICE_PAYMENT_RECEIVED] = "invoice.payment_received",
	[EVENT_INVOICE_PAYMENT_ANNOUNCED] = "invoice.payment_announced",
	[EVENT_INVOICE_PAYMENT_FAILED] = "invoice.payment_failed",
	[EVENT_INVOICE_PAYMENT_REVERSED] = "invoice.payment_reversed",
	[EVENT_INVOICE_VOIDED] = "invoice.voided",
	[EVENT_INVOICE_MARKED_UNCOLLECTIBLE] = "invoice.marked_uncollectible",
	[EVENT_CREDIT_NOTE_ISSUED] = "credit_note.issued",
	[EVENT_CREDIT_NOTE_VOIDED] = "credit_note.voided",
	[EVENT_DISPUTE_OPENED] = "dispute.opened",
	[EVENT_DISPUTE_RESOLVED] = "dispute.resolved",
	[EVENT_PROMISE_MADE] = "promise.made",
	[EVENT_PROMISE_WITHDRAWN] = "promise.withdrawn",
	[EVENT_PAYMENT_PLAN_AGREED] = "payment_plan.agreed",
	[EVENT_PAYMENT_PLAN_AMENDED] = "payment_plan.amended",
	[EVENT_PAYMENT_PLAN_CANCELLED] = "payment_plan.cancelled",
	[EVENT_SETTLEMENT_AGREED] = "settlement.agreed",
	[EVENT_FEE_WAIVED] = "fee.waived",
	[EVENT_CUSTOMER_UPDATED] = "customer.updated",
	[EVENT_CUSTOMER_PAUSED] = "customer.paused",
	[EVENT_CUSTOMER_RESUMED] = "customer.resumed",
	[EVENT_CUSTOMER_OPTED_OUT] = "customer.opted_out",
	[EVENT_CUSTOMER_INSOLVENCY_OPENED] = "customer.insolvency_opened",
	[EVENT_CUSTOMER_INSOLVENCY_ENDED] = "customer.insolvency_ended",
	[EVENT_CONTACT_REPLY_RECEIVED] = "contact.reply_received",
	[EVENT_CONTACT_DELIVERY_UPDATED] = "contact.delivery_updated",
	[EVENT_CALL_COMPLETED] = "call.completed",
	[EVENT_LETTER_STATUS_UPDATED] = "letter.status_updated",
	[EVENT_LEDGER_WATERMARK] = "ledger.watermark",
	[EVENT_BOOK_SNAPSHOT] = "book.snapshot",
	[EVENT_OPERATOR_COMMAND] = "operator.command",
};
const char *const invoice_status_names[INVOICE_STATUS_COUNT + 1] = { "draft", "open", "paid", "void",
	"uncollectible", NULL };
const char *const invoice_kind_names[] = { "standard", "deposit", "balance", "instalment", NULL };
const char *const customer_kind_names[] = { "company", "sole_trader", "consumer", "public", NULL };
static const char *const collection_names[] = { "send_invoice", "charge_automatically", NULL };
static const char *const relation_names[] = { "internal", "external", NULL };

const char *const delivery_names[DELIVERY_COUNT + 1] = { "none", "sent", "deferred", "bounced_soft", "delivered", "opened", "complained",
	"stopped", "bounced_hard", "failed", "suppressed", NULL };

/* On its way; a wish, which says nothing of where it went; its end. */
static int stage(enum delivery_state state)
{
	return delivery_arrived(state) || delivery_reached_nobody(state) ? 2 : state == DELIVERY_STOPPED;
}

bool delivery_counts(enum delivery_state state, int64_t at, enum delivery_state known, int64_t known_at)
{
	int here = stage(state), there = stage(known);

	if (here != there)
		return here > there;
	if (here == 2 && at != known_at)
		return at > known_at;
	return state > known || (state && state == known && at < known_at);
}

bool delivery_arrived(enum delivery_state state)
{
	return state == DELIVERY_DELIVERED || state == DELIVERY_OPENED || state == DELIVERY_COMPLAINED;
}

bool delivery_reached_nobody(enum delivery_state state)
{
	return state == DELIVERY_BOUNCED_HARD || state == DELIVERY_FAILED || state == DELIVERY_SUPPRESSED;
}

bool delivery_wants_no_more(enum delivery_state state)
{
	return state == DELIVERY_COMPLAINED || state == DELIVERY_STOPPED || state == DELIVERY_SUPPRESSED;
}

#define TEXT_MAX 400
#define URL_MAX 2000
#define AMOUNT_MAX INT64_C(100000000000000) /* 10^14 minor units: larger is a mistake, and sums stay exact */

/* What a type needs and names. */
struct type_row {
	bool invoice; /* must name an invoice */
	bool customer; /* must name a customer */
	bool snapshot; /* must carry the invoice's figures */
	const char *fact_key; /* member that is the fact's natural id */
	bool amount; /* amount_minor is required */
};
static const struct type_row rows[EVENT_TYPE_COUNT] = {
	[EVENT_INVOICE_FINALIZED] = { .invoice = true, .customer = true, .snapshot = true },
	[EVENT_INVOICE_SENT] = { .invoice = true },
	[EVENT_INVOICE_DELIVERY_FAILED] = { .invoice = true },
	[EVENT_INVOICE_UPDATED] = { .invoice = true, .snapshot = true },
	[EVENT_INVOICE_VIEWED] = { .invoice = true },
	[EVENT_INVOICE_PAID] = { .invoice = true },
	[EVENT_INVOICE_PAYMENT_RECEIVED] = { .invoice = true, .fact_key = "payment_id", .amount = true },
	[EVENT_INVOICE_PAYMENT_ANNOUNCED] = { .invoice = true, .fact_key = "announcement_id" },
	[EVENT_INVOICE_PAYMENT_FAILED] = { .invoice = true, .fact_key = "payment_id" },
	[EVENT_INVOICE_PAYMENT_REVERSED] = { .invoice = true, .fact_key = "payment_id" },
	[EVENT_INVOICE_VOIDED] = { .invoice = true },
	[EVENT_INVOICE_MARKED_UNCOLLECTIBLE] = { .invoice = true },
	[EVENT_CREDIT_NOTE_ISSUED] = { .invoice = true, .fact_key = "credit_note_id", .amount = true },
	[EVENT_CREDIT_NOTE_VOIDED] = { .invoice = true, .fact_key = "credit_note_id" },
	[EVENT_DISPUTE_OPENED] = { .invoice = true, .fact_key = "dispute_id" },
	[EVENT_DISPUTE_RESOLVED] = { .invoice = true, .fact_key = "dispute_id" },
	[EVENT_PROMISE_MADE] = { .invoice = true, .fact_key = "promise_id" },
	[EVENT_PROMISE_WITHDRAWN] = { .invoice = true, .fact_key = "promise_id" },
	[EVENT_PAYMENT_PLAN_AGREED] = { .invoice = true, .fact_key = "plan_id" },
	[EVENT_PAYMENT_PLAN_AMENDED] = { .invoice = true, .fact_key = "plan_id" },
	[EVENT_PAYMENT_PLAN_CANCELLED] = { .invoice = true, .fact_key = "plan_id" },
	[EVENT_FEE_WAIVED] = { .invoice = true },
	[EVENT_SETTLEMENT_AGREED] = { .invoice = true, .fact_key = "settlement_id" },
	[EVENT_CUSTOMER_UPDATED] = { .customer = true },
	[EVENT_CUSTOMER_PAUSED] = { .customer = true },
	[EVENT_CUSTOMER_RESUMED] = { .customer = true },
	[EVENT_CUSTOMER_OPTED_OUT] = { .customer = true },
	[EVENT_CUSTOMER_INSOLVENCY_OPENED] = { .customer = true },
	[EVENT_CUSTOMER_INSOLVENCY_ENDED] = { .customer = true },
	[EVENT_CONTACT_REPLY_RECEIVED] = { .fact_key = "reply_id" }, /* of its customer see get_contact_facts() */
	[EVENT_CALL_COMPLETED] = { .fact_key = "call_id" },
};

static int three_way(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

int fact_time_compare(const struct fact_order *a, const struct fact_order *b)
{
	int r = three_way(a->time, b->time);

	if (!r)
		r = strcmp(a->source ? a->source : "", b->source ? b->source : "");
	if (!r)
		r = strcmp(a->id ? a->id : "", b->id ? b->id : "");
	return r ? r : three_way(a->version, b->version);
}

int fact_order_compare(const struct fact_order *a, const struct fact_order *b)
{
	int r = three_way(a->version, b->version);

	return r ? r : fact_time_compare(a, b);
}

/* Reads an id for a dead letter: whatever can be recognised, however broken the rest is. */
static const char *rescue_id(const struct json *data, const char *object, const char *flat)
{
	struct json o = json_get(data, object), v = json_get(&o, "id");

	if (v.type != JSON_STRING)
		v = json_get(data, flat);
	return v.type == JSON_STRING && id_valid(json_str(&v)) ? json_str(&v) : NULL;
}

static int get_date(const struct json *object, const char *key, bool required, date *ret, struct err *err)
{
	const char *text = NULL;
	int r;

	r = required ? json_get_str(object, key, 10, &text, err) : json_opt_str(object, key, 10, &text, err);
	if (r < 0 || !text)
		return r;
	if (date_parse(text, ret) < 0)
		return json_refuse(object, key, err, "bad_date", "must be a date like 2026-03-02");
	return 0;
}

static int opt_time(const struct json *object, const char *key, int64_t *ret, struct err *err)
{
	const char *text = NULL;
	int r;

	r = json_opt_str(object, key, 40, &text, err);
	if (r < 0 || !text)
		return r;
	if (utc_parse(text, ret) < 0)
		return json_refuse(object, key, err, "bad_time",
			"must be an RFC 3339 instant like 2026-03-02T09:00:00Z");
	return 0;
}

/* The digest says which text was agreed, wherever it lies by then. */
static int get_terms(const struct json *o, struct snapshot *s, struct err *err)
{
	const char *hex;
	int r;

	if ((r = json_opt_str(o, "late_fee_ref", 100, &s->late_fee_ref, err)) < 0 || (r = json_opt_str(o, "url", URL_MAX, &s->terms_url, err)) < 0 ||
		(r = json_opt_str(o, "sha256", 64, &s->terms_sha256, err)) < 0 ||
		(r = get_date(o, "agreed_on", false, &s->terms_agreed_on, err)) < 0)
		return r;
	hex = s->terms_sha256;
	if (hex && (strlen(hex) != 64 || strspn(hex, "0123456789abcdef") != 64))
		return json_refuse(o, "sha256", err, "bad_digest", "must be 64 lower-case hex digits");
	if (s->terms_url && (strncmp(s->terms_url, "https://", 8) || strpbrk(s->terms_url, " \"<>\r\n\t")))
		return json_refuse(o, "url", err, "bad_url", "must be an https:// address");
	return 0;
}

/* One word or a list of them. In another form it is some other producer's own. */
static int get_proofs(struct arena *arena, const struct json *refs, const char **ret, struct err *err)
{
	struct json v = json_get(refs, "delivery_proof");

	if (v.type == JSON_STRING)
		return json_opt_str(refs, "delivery_proof", TEXT_MAX, ret, err);
	for (size_t i = 0; v.type == JSON_ARRAY && i < json_len(&v); i++) {
		struct json one = json_at(&v, i);

		if (one.type != JSON_STRING)
			continue;
		if (strlen(json_str(&one)) + (*ret ? strlen(*ret) : 0) > TEXT_MAX)
			return json_refuse(&v, NULL, err, "too_long", "must be at most %d characters together", TEXT_MAX);
		*ret = *ret ? arena_printf(arena, "%s, %s", *ret, json_str(&one)) : json_str(&one);
	}
	return 0;
}

static int get_snapshot(struct arena *arena, const struct json *o, struct snapshot *s, struct err *err)
{
	CLEANUP(buf_clear) struct buf list = { 0 };
	const char *currency = NULL;
	int status = INVOICE_OPEN, collection = 0;
	struct json terms = { 0 }, refs = json_get(o, "refs"), tags = { 0 }; /* refs in another form is some other producer's own */
	int64_t sum;
	int r;

	if (refs.type != JSON_OBJECT)
		refs = (struct json){ 0 };
	*s = (struct snapshot){ .issued_on = date_none(), .due_on = date_none(), .starts_on = date_none(), .terms_agreed_on = date_none() };
	if ((r = json_opt_str(o, "number", 100, &s->number, err)) < 0 ||
		(r = json_opt_word(o, "kind", invoice_kind_names, &s->kind, err)) < 0 ||
		(r = json_opt_word(o, "status", invoice_status_names, &status, err)) < 0 ||
		(r = json_opt_word(o, "collection", collection_names, &collection, err)) < 0 ||
		(r = get_date(o, "issued_on", false, &s->issued_on, err)) < 0 ||
		(r = get_date(o, "due_on", true, &s->due_on, err)) < 0 ||
		(r = get_date(o, "starts_on", false, &s->starts_on, err)) < 0 ||
		(r = json_get_str(o, "currency", 100, &currency, err)) < 0 ||
		(r = json_get_int(o, "total_minor", 0, AMOUNT_MAX, &s->total, err)) < 0 ||
		(r = json_opt_int(o, "paid_minor", 0, AMOUNT_MAX, &s->paid, err)) < 0 ||
		(r = json_opt_int(o, "credited_minor", 0, AMOUNT_MAX, &s->credited, err)) < 0 ||
		(r = json_get_int(o, "due_minor", -AMOUNT_MAX, AMOUNT_MAX, &s->due, err)) < 0 ||
		(r = json_opt_str(o, "payment_url", URL_MAX, &s->payment_url, err)) < 0 ||
		(r = opt_time(o, "payment_url_until", &s->payment_url_until, err)) < 0 ||
		(r = json_opt_str(o, "pdf_url", URL_MAX, &s->pdf_url, err)) < 0 ||
		(r = json_opt_str(o, "pdf_sha256", 64, &s->pdf_sha256, err)) < 0 ||
		(r = json_opt_id(o, "policy", &s->policy, err)) < 0 ||
		(r = json_opt_object(o, "terms", &terms, err)) < 0 ||
		(r = get_terms(&terms, s, err)) < 0 || (r = json_opt_str(&refs, "contract", 100, &s->contract, err)) < 0 ||
		(r = json_opt_str(&refs, "purchase_order", 100, &s->purchase_order, err)) < 0 ||
		(r = get_proofs(arena, &refs, &s->delivery_proof, err)) < 0 ||
		(r = json_opt_str(&refs, "contract_url", URL_MAX, &s->contract_url, err)) < 0 ||
		(r = json_opt_str(&refs, "contract_sha256", 64, &s->contract_sha256, err)) < 0 ||
		(r = json_opt_array(o, "tags", &tags, err)) < 0)
		return r;
	s->status = (enum invoice_status)status;
	s->automatic = collection == 1;
	for (size_t i = 0; i < 3 && currency[i]; i++)
		s->currency[i] = currency[i] >= 'a' && currency[i] <= 'z' ? (char)(currency[i] - 32) : currency[i];
	if (strlen(currency) != 3 || currency_exponent(s->currency) < 0)
		return json_refuse(o, "currency", err, "unknown_currency", "must be an ISO 4217 code like EUR");
	sum = s->total - s->paid - s->credited;
	if (sum != s->due)
		return json_refuse(o, "due_minor", err, "sum_mismatch",
			"must be total - paid - credited = %lld", (long long)sum);
	for (size_t i = 0; i < json_len(&tags); i++) {
		struct json tag = json_at(&tags, i);

		if (tag.type != JSON_STRING || !id_valid(json_str(&tag)))
			return json_refuse(&tags, NULL, err, "wrong_type", "must be an array of words");
		buf_printf(&list, "%s%s", i ? "," : "", json_str(&tag));
	}
	s->tags = list.len ? arena_strdup(arena, buf_str(&list)) : NULL;
	if ((s->payment_url && strncmp(s->payment_url, "https://", 8)) ||
		(s->payment_url && strpbrk(s->payment_url, " \"<>\r\n\t")))
		return json_refuse(o, "payment_url", err, "bad_url", "must be an https:// address");
	return 0;
}

static int get_contact(const struct json *o, struct contact *c, struct err *err)
{
	struct json channels = { 0 }, consent = { 0 };
	int relation = 0, r;

	*c = (struct contact){ .role = "billing" };
	if ((r = json_get_id(o, "id", &c->id, err)) < 0 || (r = json_opt_id(o, "role", &c->role, err)) < 0 ||
		(r = json_opt_word(o, "relation", relation_names, &relation, err)) < 0 ||
		(r = json_opt_str(o, "name", 200, &c->name, err)) < 0 ||
		(r = json_opt_str(o, "email", 254, &c->email, err)) < 0 ||
		(r = json_opt_str(o, "phone", 16, &c->phone, err)) < 0 ||
		(r = json_opt_str(o, "locale", 35, &c->locale, err)) < 0 ||
		(r = json_opt_array(o, "channels", &channels, err)) < 0 ||
		(r = json_opt_object(o, "consent", &consent, err)) < 0 ||
		(r = json_opt_bool(&consent, "sms", &c->sms_consent, err)) < 0 ||
		(r = json_opt_bool(&consent, "voice", &c->voice_consent, err)) < 0)
		return r;
	c->external = relation == 1;
	if (c->email && !email_valid(c->email))
		return json_refuse(o, "email", err, "bad_email", "must be one address like name@example.com");
	if (c->phone && (!phone_valid(c->phone) || strlen(c->phone) < 8))
		return json_refuse(o, "phone", err, "bad_phone", "must be E.164 like +33100000000");
	if (c->locale && !locale_valid(c->locale))
		return json_refuse(o, "locale", err, "unknown_locale", "must be a language tag like fr-FR");
	for (size_t i = 0; i < json_len(&channels); i++) {
		struct json word = json_at(&channels, i);
		int n = -1;

		for (int k = 0; k < CHANNEL_COUNT && word.type == JSON_STRING; k++)
			if (strcmp(channel_names[k], json_str(&word)) == 0)
				n = k;
		if (n < 0)
			return json_refuse(&channels, NULL, err, "not_one_of",
				"must list channels: email, sms, call, letter, voice");
		c->channels |= 1u << n;
	}
	return 0;
}

static int get_customer(struct arena *arena, const struct json *o, struct customer *c, struct err *err)
{
	struct json contacts = { 0 }, postal = json_get(o, "postal");
	const struct zone *zone;
	int r;

	*c = (struct customer){ 0 };
	if ((r = json_opt_str(o, "name", TEXT_MAX, &c->name, err)) < 0 ||
		(r = json_opt_str(o, "country", 2, &c->country, err)) < 0 ||
		(r = json_opt_word(o, "kind", customer_kind_names, &c->kind, err)) < 0 ||
		(r = json_opt_str(o, "locale", 35, &c->locale, err)) < 0 ||
		(r = json_opt_str(o, "timezone", 64, &c->timezone, err)) < 0 ||
		(r = json_opt_id(o, "policy", &c->policy, err)) < 0 || (r = json_opt_str(o, "owner", 100, &c->owner, err)) < 0 ||
		(r = json_opt_array(o, "contacts", &contacts, err)) < 0 || (r = postal_read(o, "postal", &c->postal, err)) < 0)
		return r;
	if (postal.type == JSON_OBJECT && !c->postal.country)
		c->postal.country = c->country;
	if (postal.type == JSON_OBJECT && (r = postal_check(o, "postal", &c->postal, err)) < 0)
		return r;
	if (c->country && (strlen(c->country) != 2 || c->country[0] < 'A' || c->country[0] > 'Z' ||
				  c->country[1] < 'A' || c->country[1] > 'Z'))
		return json_refuse(o, "country", err, "unknown_country", "must be an ISO 3166 code like FR");
	if (c->locale && !locale_valid(c->locale))
		return json_refuse(o, "locale", err, "unknown_locale", "must be a language tag like fr-FR");
	if (c->timezone && zone_get(c->timezone, &zone) < 0)
		return json_refuse(o, "timezone", err, "unknown_zone", "must be an IANA zone like Europe/Paris");
	c->contact_count = json_len(&contacts);
	if (c->contact_count > 50)
		return json_refuse(o, "contacts", err, "too_long", "at most 50 contacts");
	c->contacts = arena_alloc(arena, c->contact_count * sizeof(*c->contacts));
	for (size_t i = 0; i < c->contact_count; i++) {
		struct json one = json_at(&contacts, i);

		if (one.type != JSON_OBJECT)
			return json_refuse(&contacts, NULL, err, "wrong_type", "must be an array of objects");
		r = get_contact(&one, &c->contacts[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int get_ids(const struct json *data, const char *object, const char *flat, bool required, struct json *ret,
	const char **id, struct err *err)
{
	int r;

	r = json_opt_object(data, object, ret, err);
	if (r < 0)
		return r;
	if (ret->type == JSON_OBJECT)
		return json_get_id(ret, "id", id, err);
	r = json_opt_id(data, flat, id, err);
	if (r < 0)
		return r;
	if (required && !*id)
		return json_refuse(data, object, err, "missing", "must be an object with the id, or give %s", flat);
	return 0;
}

static int get_invoice_ids(struct arena *arena, const struct json *data, struct event *e, struct err *err)
{
	struct json list = { 0 };
	int r = json_opt_array(data, "invoice_ids", &list, err);

	if (r < 0)
		return r;
	if (json_len(&list) > EVENT_INVOICES_MAX)
		return json_refuse(data, "invoice_ids", err, "too_long", "at most %d invoices", EVENT_INVOICES_MAX);
	e->invoice_ids = arena_alloc(arena, (json_len(&list) + 1) * sizeof(*e->invoice_ids));
	for (; e->invoice_count < json_len(&list); e->invoice_count++) {
		struct json one = json_at(&list, e->invoice_count);

		if (one.type != JSON_STRING || !id_valid(json_str(&one)))
			return json_refuse(&list, NULL, err, "bad_id", "must be an array of invoices' ids");
		e->invoice_ids[e->invoice_count] = json_str(&one);
	}
	return 0;
}

/* The bytes that prove it, where they are too long to stand in it. */
static int get_apart(const struct json *data, struct event *e, struct err *err)
{
	struct json webhook = json_get(data, "webhook");
	uint8_t digest[SHA256_SIZE];
	int r;

	if (webhook.type != JSON_OBJECT)
		return 0;
	if ((r = json_opt_str(&webhook, "apart", 2 * SHA256_SIZE, &e->apart, err)) < 0 ||
		(r = json_opt_int(&webhook, "apart_bytes", 0, INT32_MAX, &e->apart_bytes, err)) < 0 ||
		(r = json_opt_bool(&webhook, "apart_stays", &e->apart_stays, err)) < 0)
		return r;
	return e->apart && hex_parse(e->apart, sizeof(digest), digest) < 0 ? json_refuse(&webhook, "apart", err, "bad_digest", "must be a SHA-256 in hex") : 0;
}

/* What a provider tells of a message. A status that we do not know is evidence and no more. */
static int get_contact_facts(struct arena *arena, const struct json *data, struct event *e, struct err *err)
{
	bool permanent = false, verified = true, given_up = false;
	const char *status = NULL;
	int r;

	if ((r = json_opt_id(data, "attempt_id", &e->attempt_id, err)) < 0 ||
		(r = json_opt_str(data, "provider_id", 256, &e->provider_id, err)) < 0 ||
		(r = json_opt_str(data, "address", 254, &e->address, err)) < 0 ||
		(r = json_opt_str(data, "recipient", 254, &e->recipient, err)) < 0 || (r = json_opt_str(data, "status", 64, &status, err)) < 0 ||
		(r = json_opt_bool(data, "permanent", &permanent, err)) < 0 || (r = json_opt_bool(data, "verified", &verified, err)) < 0 ||
		(r = json_opt_bool(data, "announced", &e->announced, err)) < 0 || (r = json_opt_bool(data, "by_address", &e->by_address, err)) < 0 ||
		(r = json_opt_bool(data, "given_up", &given_up, err)) < 0 ||
		(r = get_apart(data, e, err)) < 0 || (r = get_invoice_ids(arena, data, e, err)) < 0)
		return r;
	e->unverified = !verified;
	if (status && strcmp(status, "bounced") == 0)
		e->delivery = permanent ? DELIVERY_BOUNCED_HARD : DELIVERY_BOUNCED_SOFT;
	for (int i = DELIVERY_SENT; i < DELIVERY_COUNT && status; i++)
		if (strcmp(delivery_names[i], status) == 0)
			e->delivery = (enum delivery_state)i;
	/* Whoever answers or wants no more must not be forgotten because nobody knows who it is: a dead letter is looked at. */
	if (!e->customer_id && (e->type == EVENT_CONTACT_REPLY_RECEIVED || delivery_wants_no_more(e->delivery)))
		return json_has(data, "provider") ?
			json_refuse(data, "address", err, "unknown_sender", "it names no message of ours, and no customer is known to have its address") :
			json_refuse(data, "customer", err, "missing", "must be an object with the id, or give customer_id");
	if (given_up && !e->customer_id)
		return json_refuse(data, "provider_id", err, "no_attempt",
			"it waited for a message of ours with this id, and none had it; one that was in doubt may be meant");
	return 0;
}

static const struct {
	const char *word;
	enum delivery_state state;
} letter_words_told[] = { { "accepted", DELIVERY_SENT }, { "printed", DELIVERY_SENT }, { "posted", DELIVERY_SENT }, { "handed", DELIVERY_SENT },
	{ "in_transit", DELIVERY_SENT }, { "delivered", DELIVERY_DELIVERED }, { "unclaimed", DELIVERY_DEFERRED }, { "refused", DELIVERY_DEFERRED },
	{ "returned", DELIVERY_BOUNCED_HARD } };

bool letter_unclaimed(const char *status)
{
	return status && (strcmp(status, "unclaimed") == 0 || strcmp(status, "refused") == 0);
}

/* What the carrier tells of a letter; as of a message, a word that we do not know is evidence and no more. */
static int get_letter(struct arena *arena, const struct json *data, struct event *e, struct err *err)
{
	int r = get_contact_facts(arena, data, e, err);

	if (r < 0 || (r = json_opt_str(data, "status", 64, &e->letter, err)) < 0 || (r = json_opt_str(data, "tracking", 64, &e->tracking, err)) < 0 ||
		(r = json_opt_str(data, "carrier", 64, &e->carrier, err)) < 0)
		return r;
	e->delivery = DELIVERY_NONE;
	for (size_t i = 0; i < ARRAY_LEN(letter_words_told); i++)
		if (strcmp(letter_words_told[i].word, e->letter ? e->letter : "") == 0)
			e->delivery = letter_words_told[i].state;
	return 0;
}

static int get_facts(const struct json *data, struct event *e, const struct type_row *row, struct err *err)
{
	const char *channel = NULL;
	int r;

	if (row->fact_key && (r = json_opt_id(data, row->fact_key, &e->fact_id, err)) < 0)
		return r;
	if (row->amount)
		r = json_get_int(data, "amount_minor", 0, AMOUNT_MAX, &e->amount, err);
	else
		r = json_opt_int(data, "amount_minor", 0, AMOUNT_MAX, &e->amount, err);
	if (r < 0)
		return r;
	if (e->type == EVENT_INVOICE_PAYMENT_RECEIVED && (r = json_opt_int(data, "fee_minor", 0, AMOUNT_MAX, &e->fee, err)) < 0)
		return r;
	if (e->type == EVENT_INVOICE_PAYMENT_ANNOUNCED && (r = json_opt_bool(data, "already_paid", &e->announced, err)) < 0)
		return r;
	e->at = e->time;
	if ((r = opt_time(data, "paid_at", &e->at, err)) < 0 ||
		(r = json_opt_int(data, "after_version", 1, MONEY_MAX, &e->after_version, err)) < 0 ||
		(r = get_date(data, "until_on", e->type == EVENT_PROMISE_MADE, &e->until_on, err)) < 0 ||
		(r = opt_time(data, "until", &e->until, err)) < 0 ||
		(r = json_opt_str(data, "reason", TEXT_MAX, &e->reason, err)) < 0 ||
		(r = json_opt_str(data, "text", 16000, &e->text, err)) < 0 ||
		(r = json_opt_str(data, "channel", 16, &channel, err)) < 0)
		return r;
	e->channel = e->type == EVENT_LETTER_STATUS_UPDATED ? CHANNEL_LETTER : CHANNEL_COUNT;
	if (channel && strcmp(channel, "all") != 0) {
		int n = 0;

		if ((r = json_get_word(data, "channel", channel_names, &n, err)) < 0)
			return r;
		e->channel = (enum channel)n;
	}
	if (e->type == EVENT_LEDGER_WATERMARK) {
		const char *text = NULL;

		if ((r = json_get_str(data, "complete_until", 40, &text, err)) < 0 ||
			(r = opt_time(data, "complete_until", &e->watermark, err)) < 0)
			return r;
		e->ledger = e->source;
		return json_opt_str(data, "ledger", 256, &e->ledger, err);
	}
	if (e->type != EVENT_OPERATOR_COMMAND && ((r = json_opt_str(data, "who", 100, &e->who, err)) < 0 ||
		(r = json_opt_str(data, "why", TEXT_MAX, &e->why, err)) < 0))
		return r;
	if (e->type == EVENT_OPERATOR_COMMAND) {
		if ((r = json_get_id(data, "command", &e->command, err)) < 0 ||
			(r = json_opt_str(data, "target", 300, &e->target, err)) < 0 ||
			(r = json_get_str(data, "who", 100, &e->who, err)) < 0 ||
			(r = json_get_str(data, "why", TEXT_MAX, &e->why, err)) < 0 ||
			(r = json_opt_id(data, "step", &e->step, err)) < 0)
			return r;
	}
	return 0;
}

static int find_type(const struct json *root, const char *text, const char *type_prefix, enum event_type *ret,
	struct err *err)
{
	size_t n = type_prefix ? strlen(type_prefix) : 0;

	if (n && strncmp(text, type_prefix, n) == 0)
		text += n;
	for (int i = 0; i < EVENT_TYPE_COUNT; i++)
		if (strcmp(event_type_names[i], text) == 0) {
			*ret = (enum event_type)i;
			return 0;
		}
	return json_refuse(root, "type", err, "unknown_type", "is no event type that dunningd knows");
}

static int parse_checked(struct arena *arena, const struct json *root, const char *type_prefix, struct event *e,
	struct err *err)
{
	const char *text = NULL, *type = NULL, *spec = NULL;
	struct json invoice = { 0 }, customer = { 0 };
	const struct type_row *row;
	int r;

	if ((r = json_get_str(root, "specversion", 8, &spec, err)) < 0)
		return r;
	if (strcmp(spec, "1.0") != 0)
		return json_refuse(root, "specversion", err, "not_one_of", "must be \"1.0\"");
	if ((r = json_get_str(root, "id", 256, &e->id, err)) < 0 ||
		(r = json_get_str(root, "source", EVENT_SOURCE_MAX, &e->source, err)) < 0 ||
		(r = json_get_str(root, "type", 128, &type, err)) < 0 ||
		(r = json_opt_str(root, "subject", 256, &e->subject, err)) < 0 ||
		(r = json_get_str(root, "time", 40, &text, err)) < 0)
		return r;
	if (!e->id[0] || !e->source[0])
		return json_refuse(root, e->id[0] ? "source" : "id", err, "missing", "must not be empty");
	if (utc_parse(text, &e->time) < 0)
		return json_refuse(root, "time", err, "bad_time", "must be an RFC 3339 instant like 2026-03-02T09:00:00Z");
	if ((r = find_type(root, type, type_prefix, &e->type, err)) < 0 ||
		(r = json_get_object(root, "data", &e->data, err)) < 0)
		return r;
	row = &rows[e->type];
	e->order = (struct fact_order){ .time = e->time, .source = e->source, .id = e->id };
	if ((r = get_ids(&e->data, "invoice", "invoice_id", row->invoice, &invoice, &e->invoice_id, err)) < 0 ||
		(r = get_ids(&e->data, "customer", "customer_id", row->customer, &customer, &e->customer_id, err)) < 0)
		return r;
	if (invoice.type == JSON_OBJECT) {
		if ((r = json_opt_int(&invoice, "version", 1, MONEY_MAX, &e->order.version, err)) < 0)
			return r;
		e->has_snapshot = row->snapshot || json_has(&invoice, "total_minor");
		if (e->has_snapshot && (r = get_snapshot(arena, &invoice, &e->snapshot, err)) < 0)
			return r;
	} else if (row->snapshot) {
		return json_refuse(&e->data, "invoice", err, "missing", "must be an object with the invoice's figures");
	}
	if (customer.type == JSON_OBJECT && json_len(&customer) > 1) {
		e->has_customer = true;
		if ((r = get_customer(arena, &customer, &e->customer, err)) < 0)
			return r;
	}
	if (e->type == EVENT_INVOICE_FINALIZED) {
		bool reachable = false;

		for (size_t i = 0; i < e->customer.contact_count; i++)
			reachable |= e->customer.contacts[i].email || e->customer.contacts[i].phone;
		if (e->has_customer && !reachable)
			return json_refuse(&customer, "contacts", err, "no_contact",
				"must hold at least one contact with an email address or a phone number");
	}
	if ((e->type == EVENT_CONTACT_DELIVERY_UPDATED || e->type == EVENT_CONTACT_REPLY_RECEIVED) &&
		(r = get_contact_facts(arena, &e->data, e, err)) < 0)
		return r;
	if (e->type == EVENT_LETTER_STATUS_UPDATED && (r = get_letter(arena, &e->data, e, err)) < 0)
		return r;
	if (e->type == EVENT_BOOK_SNAPSHOT)
		return event_book(arena, &e->data, e, err);
	r = get_facts(&e->data, e, row, err);
	return r < 0 ? r : event_agreed(arena, &e->data, e, err);
}

/* --- who is meant by what cannot be read ------------------------------------------------------------------------- */

static const char *skip_blank(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n'))
		at++;
	return at;
}

/* From the opening quote; leaves *at at the closing one, or at the end. */
static struct slice loose_string(const char **at, const char *end)
{
	const char *from = ++*at;

	while (*at < end && **at != '"')
		*at += **at == '\\' && end - *at > 1 ? 2 : 1;
	if (*at > end)
		*at = end;
	return (struct slice){ (const uint8_t *)from, (size_t)(*at - from) };
}

static bool is_name(struct slice text, const char *name)
{
	return text.len == strlen(name) && memcmp(text.data, name, text.len) == 0;
}

/*
 * The id in a text that is no JSON we accept: the first valid one that is the member `flat`, or `id` of an object named `object`.
 * Nothing else of such a text is believed.
 */
static const char *loose_id(struct arena *arena, const char *text, size_t len, const char *object, const char *flat)
{
	const char *end = text + len;
	ptrdiff_t depth = 0, inside = -1; /* inside: the depth of the object's own members */

	for (const char *at = text; at < end; at++) {
		struct slice key, value;
		const char *next, *id;

		if (*at == '{' || *at == '[')
			depth++;
		else if ((*at == '}' || *at == ']') && depth-- == inside)
			inside = -1;
		if (*at != '"')
			continue;
		key = loose_string(&at, end);
		next = at < end ? skip_blank(at + 1, end) : end;
		if (next == end || *next != ':')
			continue;
		next = skip_blank(next + 1, end);
		if (next < end && *next == '{' && is_name(key, object))
			inside = depth + 1;
		if (next == end || *next != '"' || !(is_name(key, flat) || (depth == inside && is_name(key, "id"))))
			continue;
		value = loose_string(&next, end);
		id = arena_memdup(arena, value.data, value.len);
		if (next < end && strlen(id) == value.len && id_valid(id))
			return id;
	}
	return NULL;
}

void event_shown_unread(struct arena *arena, const char *text, size_t len, struct event_shown *ret)
{
	ret->invoice_id = loose_id(arena, text, len, "invoice", "invoice_id");
	ret->customer_id = loose_id(arena, text, len, "customer", "customer_id");
}

/* An unreadable payment must not become a chased payer: whoever it names is held. */
static void rescue(struct arena *arena, const char *text, size_t len, const struct json *root, struct event *e)
{
	struct json data = json_get(root, "data"), subject = json_get(root, "subject");

	if (root->type == JSON_OBJECT) {
		if (!e->invoice_id)
			e->invoice_id = rescue_id(&data, "invoice", "invoice_id");
		if (!e->customer_id)
			e->customer_id = rescue_id(&data, "customer", "customer_id");
		e->subject = json_str(&subject);
	} else {
		struct event_shown shown;

		event_shown_unread(arena, text, len, &shown);
		e->invoice_id = shown.invoice_id;
		e->customer_id = shown.customer_id;
	}
	if (!e->invoice_id && e->subject && strncmp(e->subject, "invoice/", 8) == 0 && id_valid(e->subject + 8))
		e->invoice_id = e->subject + 8;
}

int event_parse(struct arena *arena, const char *json, size_t len, const char *type_prefix, struct event *ret,
	struct err *err)
{
	struct json *root = arena_alloc(arena, sizeof(*root)); /* the event keeps pointers to its parents */
	int r;

	*ret = (struct event){ .until_on = date_none(), .channel = CHANNEL_COUNT };
	if (len > JSON_EVENT_MAX)
		r = err_set(err, -EBADMSG, "too_large", "$", "an event is at most %d bytes, this one has %zu",
			JSON_EVENT_MAX, len);
	else
		r = json_parse(arena, json, len, 0, root, err);
	if (r == 0 && root->type != JSON_OBJECT)
		r = err_set(err, -EBADMSG, "wrong_type", "$", "must be a CloudEvents object");
	if (r == 0)
		r = parse_checked(arena, root, type_prefix, ret, err);
	if (r < 0)
		rescue(arena, json, len, root, ret);
	return r;
}

static const char *field_id(struct arena *arena, const char *name, const char *value, const char *object, const char *flat)
{
	return strcmp(name, flat) == 0 && id_valid(value) ? value : loose_id(arena, value, strlen(value), object, flat);
}

size_t event_rescue(struct arena *arena, const char *fields, size_t len, struct event_shown ret[EVENT_SHOWN_MAX])
{
	struct json *root = arena_alloc(arena, sizeof(*root));
	size_t count = 0;

	if (json_parse(arena, fields, len, 0, root, NULL) < 0)
		return 0;
	for (size_t i = 0; i + 1 < json_len(root) && count < EVENT_SHOWN_MAX; i += 2) {
		struct json name = json_at(root, i), value = json_at(root, i + 1);
		struct event_shown *shown = &ret[count];

		if (name.type != JSON_STRING || value.type != JSON_STRING)
			continue;
		shown->invoice_id = field_id(arena, json_str(&name), json_str(&value), "invoice", "invoice_id");
		shown->customer_id = field_id(arena, json_str(&name), json_str(&value), "customer", "customer_id");
		count += shown->invoice_id || shown->customer_id;
	}
	return count;
}
