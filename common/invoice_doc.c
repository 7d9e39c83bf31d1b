/* An invoice as it is stored: its members, written and read again. */
#include <string.h>

#include "common/invoice.h"

void order_write(struct json_writer *w, const char *key, const struct fact_order *order)
{
	jw_array(w, key);
	jw_int(w, NULL, order->version);
	jw_int(w, NULL, order->time);
	jw_str(w, NULL, order->source ? order->source : "");
	jw_str(w, NULL, order->id ? order->id : "");
	jw_end_array(w);
}

void order_read(const struct json *json, struct fact_order *ret)
{
	struct json version = json_at(json, 0), time = json_at(json, 1), source = json_at(json, 2), id = json_at(json, 3);

	*ret = (struct fact_order){ json_int(&version), json_int(&time), json_str(&source), json_str(&id) };
}

static void date_write(struct json_writer *w, const char *key, date d)
{
	char text[DATE_TEXT_SIZE];

	if (date_is_set(d))
		jw_str(w, key, date_format(d, text));
}

static void write_snapshot(struct json_writer *w, const char *key, const struct snapshot *s)
{
	jw_object(w, key);
	jw_opt_str(w, "number", s->number);
	jw_opt_int(w, "kind", s->kind);
	jw_str(w, "status", invoice_status_names[s->status]);
	date_write(w, "issued_on", s->issued_on);
	date_write(w, "due_on", s->due_on);
	date_write(w, "starts_on", s->starts_on);
	jw_str(w, "currency", s->currency);
	jw_int(w, "total", s->total);
	jw_opt_int(w, "paid", s->paid);
	jw_opt_int(w, "credited", s->credited);
	jw_opt_str(w, "payment_url", s->payment_url);
	jw_opt_int(w, "payment_url_until", s->payment_url_until);
	jw_opt_str(w, "pdf_url", s->pdf_url);
	jw_opt_str(w, "pdf_sha256", s->pdf_sha256);
	jw_opt_str(w, "policy", s->policy);
	jw_opt_str(w, "late_fee_ref", s->late_fee_ref);
	jw_opt_str(w, "contract", s->contract);
	jw_opt_str(w, "terms_url", s->terms_url);
	jw_opt_str(w, "terms_sha256", s->terms_sha256);
	date_write(w, "terms_agreed_on", s->terms_agreed_on);
	jw_opt_str(w, "purchase_order", s->purchase_order);
	jw_opt_str(w, "delivery_proof", s->delivery_proof);
	jw_opt_str(w, "contract_url", s->contract_url);
	jw_opt_str(w, "contract_sha256", s->contract_sha256);
	jw_opt_str(w, "tags", s->tags);
	if (s->automatic)
		jw_bool(w, "automatic", true);
	jw_end_object(w);
}

static void write_instalments(struct json_writer *w, const struct fact *fact)
{
	char text[DATE_TEXT_SIZE];

	if (fact->instalment_count)
		jw_array(w, "instalments");
	for (size_t i = 0; i < fact->instalment_count; i++) {
		jw_array(w, NULL);
		jw_str(w, NULL, date_format(fact->instalments[i].due_on, text));
		jw_int(w, NULL, fact->instalments[i].amount);
		jw_end_array(w);
	}
	if (fact->instalment_count)
		jw_end_array(w);
}

static int read_instalments(const struct json *json, struct arena *arena, struct fact *fact, struct err *err)
{
	struct json list = { 0 };
	struct instalment *items;
	int r = json_opt_array(json, "instalments", &list, err);

	if (r < 0)
		return r;
	items = arena_alloc(arena, json_len(&list) * sizeof(*items));
	for (size_t i = 0; i < json_len(&list); i++) {
		struct json one = json_at(&list, i), day = json_at(&one, 0), amount = json_at(&one, 1);

		if (day.type != JSON_STRING || date_parse(json_str(&day), &items[i].due_on) < 0 || json_int(&amount) <= 0 ||
			json_int(&amount) > AGREED_AMOUNT_MAX || i >= INSTALMENTS_MAX)
			return json_refuse(&list, NULL, err, "bad_list", "must be at most %d days with their amounts", INSTALMENTS_MAX);
		items[i].amount = json_int(&amount);
	}
	fact->instalments = items;
	fact->instalment_count = json_len(&list);
	return 0;
}

void invoice_write(struct json_writer *w, const struct invoice *invoice)
{
	jw_str(w, "id", invoice->id);
	jw_opt_str(w, "debtor", invoice->debtor_id);
	if (invoice->debtor_id && fact_order_compare(&invoice->debtor_order, &invoice->order) != 0)
		order_write(w, "debtor_order", &invoice->debtor_order);
	if (invoice->known) {
		write_snapshot(w, "snapshot", &invoice->snapshot);
		order_write(w, "order", &invoice->order);
	}
	if (invoice->beside) {
		write_snapshot(w, "beside", &invoice->beside->snapshot);
		order_write(w, "beside_order", &invoice->beside->order);
	}
	if (!invoice->fact_count)
		return;
	jw_array(w, "facts");
	for (size_t i = 0; i < invoice->fact_count; i++) {
		const struct fact *fact = &invoice->facts[i];

		jw_object(w, NULL);
		jw_str(w, "kind", fact_names[fact->kind]);
		jw_opt_str(w, "id", fact->id);
		order_write(w, "order", &fact->order);
		if (fact->ended)
			jw_bool(w, "ended", true);
		jw_opt_int(w, "amount", fact->amount);
		jw_opt_int(w, "fee", fact->fee);
		if (fact->at != fact->order.time)
			jw_int(w, "at", fact->at);
		jw_opt_int(w, "after_version", fact->after_version);
		if (fact->told.time)
			order_write(w, "told", &fact->told);
		date_write(w, "until_on", fact->until_on);
		jw_opt_str(w, "reason", fact->reason);
		write_instalments(w, fact);
		if (fact->settles)
			jw_bool(w, "settles", true);
		if (fact->in_kind)
			jw_bool(w, "in_kind", true);
		if (fact->says_paid)
			jw_bool(w, "says_paid", true);
		jw_end_object(w);
	}
	jw_end_array(w);
}

static int read_date(const struct json *object, const char *key, date *ret, struct err *err)
{
	struct json v = json_get(object, key);

	*ret = date_none();
	if (v.type == JSON_NONE)
		return 0;
	if (v.type != JSON_STRING || date_parse(json_str(&v), ret) < 0)
		return json_refuse(object, key, err, "bad_date", "must be a date");
	return 0;
}

static int read_snapshot(const struct json *o, struct snapshot *s, struct err *err)
{
	const char *currency = NULL;
	int status = 0, r;
	int64_t kind = 0;

	*s = (struct snapshot){ 0 };
	if ((r = json_opt_str(o, "number", 400, &s->number, err)) < 0 ||
		(r = json_opt_int(o, "kind", 0, 3, &kind, err)) < 0 ||
		(r = json_get_word(o, "status", invoice_status_names, &status, err)) < 0 ||
		(r = read_date(o, "issued_on", &s->issued_on, err)) < 0 ||
		(r = read_date(o, "due_on", &s->due_on, err)) < 0 || (r = read_date(o, "starts_on", &s->starts_on, err)) < 0 ||
		(r = json_get_str(o, "currency", 3, &currency, err)) < 0 ||
		(r = json_get_int(o, "total", 0, MONEY_MAX, &s->total, err)) < 0 ||
		(r = json_opt_int(o, "paid", 0, MONEY_MAX, &s->paid, err)) < 0 || (r = json_opt_int(o, "credited", 0, MONEY_MAX, &s->credited, err)) < 0 ||
		(r = json_opt_str(o, "payment_url", 4000, &s->payment_url, err)) < 0 ||
		(r = json_opt_int(o, "payment_url_until", INT64_MIN, INT64_MAX, &s->payment_url_until, err)) < 0 ||
		(r = json_opt_str(o, "pdf_url", 4000, &s->pdf_url, err)) < 0 ||
		(r = json_opt_str(o, "pdf_sha256", 64, &s->pdf_sha256, err)) < 0 ||
		(r = json_opt_str(o, "policy", 128, &s->policy, err)) < 0 ||
		(r = json_opt_str(o, "late_fee_ref", 400, &s->late_fee_ref, err)) < 0 ||
		(r = json_opt_str(o, "contract", 400, &s->contract, err)) < 0 ||
		(r = json_opt_str(o, "terms_url", 4000, &s->terms_url, err)) < 0 ||
		(r = json_opt_str(o, "terms_sha256", 64, &s->terms_sha256, err)) < 0 ||
		(r = read_date(o, "terms_agreed_on", &s->terms_agreed_on, err)) < 0 ||
		(r = json_opt_str(o, "purchase_order", 400, &s->purchase_order, err)) < 0 ||
		(r = json_opt_str(o, "delivery_proof", 1600, &s->delivery_proof, err)) < 0 ||
		(r = json_opt_str(o, "contract_url", 4000, &s->contract_url, err)) < 0 ||
		(r = json_opt_str(o, "contract_sha256", 64, &s->contract_sha256, err)) < 0 ||
		(r = json_opt_str(o, "tags", JSON_EVENT_MAX, &s->tags, err)) < 0 ||
		(r = json_opt_bool(o, "automatic", &s->automatic, err)) < 0)
		return r;
	s->kind = (int)kind;
	s->status = (enum invoice_status)status;
	memcpy(s->currency, currency, strlen(currency));
	s->due = s->total - s->paid - s->credited;
	return 0;
}

int invoice_read(const struct json *json, struct arena *arena, struct invoice *ret, struct err *err)
{
	struct json snapshot = { 0 }, beside = { 0 }, order, facts = { 0 };
	int r;

	*ret = (struct invoice){ 0 };
	if ((r = json_get_str(json, "id", 128, &ret->id, err)) < 0 ||
		(r = json_opt_str(json, "debtor", 128, &ret->debtor_id, err)) < 0 ||
		(r = json_opt_object(json, "snapshot", &snapshot, err)) < 0 ||
		(r = json_opt_object(json, "beside", &beside, err)) < 0 ||
		(r = json_opt_array(json, "facts", &facts, err)) < 0)
		return r;
	if (snapshot.type == JSON_OBJECT) {
		ret->known = true;
		order = json_get(json, "order");
		order_read(&order, &ret->order);
		if ((r = read_snapshot(&snapshot, &ret->snapshot, err)) < 0)
			return r;
	}
	if (beside.type == JSON_OBJECT) {
		struct figures *figures = arena_alloc(arena, sizeof(*figures));

		order = json_get(json, "beside_order");
		order_read(&order, &figures->order);
		if ((r = read_snapshot(&beside, &figures->snapshot, err)) < 0)
			return r;
		ret->beside = figures;
	}
	order = json_get(json, "debtor_order");
	ret->debtor_order = ret->order; /* named with the figures, unless it says otherwise */
	if (order.type == JSON_ARRAY)
		order_read(&order, &ret->debtor_order);
	ret->fact_count = ret->fact_capacity = json_len(&facts);
	ret->facts = arena_alloc(arena, ret->fact_count * sizeof(*ret->facts));
	for (size_t i = 0; i < ret->fact_count; i++) {
		struct fact *fact = &ret->facts[i];
		struct json one = json_at(&facts, i);
		int kind = 0;

		fact->id = "";
		order = json_get(&one, "order");
		order_read(&order, &fact->order);
		fact->at = fact->order.time;
		if ((r = json_get_word(&one, "kind", fact_names, &kind, err)) < 0 ||
			(r = json_opt_str(&one, "id", 200, &fact->id, err)) < 0 ||
			(r = json_opt_bool(&one, "ended", &fact->ended, err)) < 0 ||
			(r = json_opt_int(&one, "amount", 0, MONEY_MAX, &fact->amount, err)) < 0 ||
			(r = json_opt_int(&one, "fee", 0, MONEY_MAX, &fact->fee, err)) < 0 ||
			(r = json_opt_int(&one, "at", INT64_MIN, INT64_MAX, &fact->at, err)) < 0 ||
			(r = json_opt_int(&one, "after_version", 0, MONEY_MAX, &fact->after_version, err)) < 0 ||
			(r = read_date(&one, "until_on", &fact->until_on, err)) < 0 ||
			(r = json_opt_str(&one, "reason", 128, &fact->reason, err)) < 0 ||
			(r = read_instalments(&one, arena, fact, err)) < 0 ||
			(r = json_opt_bool(&one, "settles", &fact->settles, err)) < 0 || (r = json_opt_bool(&one, "says_paid", &fact->says_paid, err)) < 0 ||
			(r = json_opt_bool(&one, "in_kind", &fact->in_kind, err)) < 0)
			return r;
		fact->kind = (enum fact_kind)kind;
		order = json_get(&one, "told");
		order_read(&order, &fact->told);
	}
	return 0;
}
