/* The debtor's page: what may be said when, the events that it becomes, and every page in every language. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "common/page.h"
#include "common/zone.h"
#include "tests/unit/escalation_world.h"

#define NOW "2026-04-10T08:00:00Z" /* a Friday */
#define SHARE SOURCE_DIR "/daemon/share"
#define LIMITED "{\"name\":\"p\",\"promise\":{\"within\":\"30d\",\"most\":1},\"steps\":[" MAIL("reminder", "due+1d", "") "]}"

static struct config *config;
static struct page_texts *texts;

static int set_up(void **state)
{
	static const char text[] = "{\"origin\":\"test.example\",\"creditor\":{\"name\":\"Acme & Co <SARL>\",\"locale\":\"fr-FR\",\"zone\":\"Europe/Paris\","
		"\"bank\":\"FR76 3000\"},\"senders\":{\"default\":{\"name\":\"Acme\",\"email\":\"a@acme.example\"}}}";
	struct err err = { 0 };

	(void)state;
	if (config_parse(text, sizeof(text) - 1, &config, &err) < 0 || page_texts_load(SHARE, NULL, &texts, &err) < 0)
		fail_msg("%s %s", err.path, err.text);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	page_texts_free(texts);
	config_free(config);
	return 0;
}

struct scene {
	struct world w;
	struct page_link link;
	struct page_case c;
};

static void begin(struct scene *s, const char *policy)
{
	memset(s, 0, sizeof(*s));
	world_init(&s->w, policy, NOW);
	s->link = (struct page_link){ .channel = CHANNEL_EMAIL, .invoice_id = "inv_42", .language = "en" };
	s->c = (struct page_case){ .config = config, .e = &s->w.e, .debtor = &s->w.debtor, .policy = s->w.policy, .link = &s->link,
		.link_text = "the-link", .now = at(NOW) };
}

/* As they were written to the debtor some days ago, and accepted until the 24th. */
static void offer(struct scene *s)
{
	static const struct instalment parts[] = { { { 20567 }, 40001 }, { { 20597 }, 39999 }, { { 20627 }, 40000 } };
	static struct made_offer offers[] = { { .code = "parts/3", .approver = "Ada", .instalments = parts, .instalment_count = 3, .made_at = 1 },
		{ .code = "less", .approver = "Ada", .amount = 108000, .settles_at = 108000, .made_at = 1 },
		{ .code = "unsent", .approver = "Ada", .amount = 60000, .settles_at = 60000 } };

	for (size_t i = 0; i < ARRAY_LEN(offers); i++)
		offers[i].until = date_of(2026, 4, 24);
	s->w.e.offers = offers;
	s->w.e.offer_count = ARRAY_LEN(offers);
}

static bool allows(struct scene *s, enum page_action action)
{
	struct page_limits limits;

	return page_allows(&s->c, action, &limits);
}

static void what_may_be_said(void **state)
{
	struct page_limits limits;
	struct fact *fact;
	struct scene s;

	(void)state;
	begin(&s, LIMITED);
	offer(&s);
	for (int a = 0; a < PAGE_ACTION_COUNT; a++)
		assert_true(allows(&s, (enum page_action)a));
	assert_true(page_allows(&s.c, PAGE_PROMISE, &limits));
	assert_int_equal(date_diff(limits.first, date_of(2026, 4, 10)), 0);
	assert_int_equal(date_diff(limits.last, date_of(2026, 5, 10)), 0);
	/* a link that a person gave knows no channel; one channel is stopped once */
	s.link.channel = CHANNEL_COUNT;
	assert_false(allows(&s, PAGE_STOP));
	s.link.channel = CHANNEL_SMS;
	s.w.debtor.opt_out[CHANNEL_SMS].on = true;
	assert_false(allows(&s, PAGE_STOP));
	/* nothing is promised while something is disputed, and nothing disputed twice */
	fact = add_fact(&s.w, FACT_DISPUTE, "2026-04-09T08:00:00Z", NULL);
	assert_false(allows(&s, PAGE_DISPUTE));
	assert_false(allows(&s, PAGE_PROMISE));
	assert_true(allows(&s, PAGE_ASK));
	fact->ended = true;
	assert_true(allows(&s, PAGE_DISPUTE));
	/* the policy's patience with broken promises is over */
	s.w.e.ended = (struct agreed_end[]){ { .what = "promise", .id = "p", .kept = false } };
	s.w.e.ended_count = 1;
	assert_false(allows(&s, PAGE_PROMISE));
	s.w.e.ended_count = 0;
	/* so many that were made here too, whatever became of them: they would hold it for ever */
	add_fact(&s.w, FACT_PROMISE, "2026-04-09T08:00:00Z", "2026-04-20");
	assert_true(allows(&s, PAGE_PROMISE)); /* made elsewhere */
	s.c.policy = NULL;
	for (int i = 0; i < 3; i++) {
		assert_true(allows(&s, PAGE_PROMISE));
		add_fact(&s.w, FACT_PROMISE, "2026-04-09T08:00:00Z", "2026-04-20")->order.source = "/p/0123";
		s.c.policy = s.w.policy; /* its number is 1 */
		assert_false(allows(&s, PAGE_PROMISE));
		s.c.policy = NULL;
	}
	assert_false(allows(&s, PAGE_PROMISE));
	s.c.policy = s.w.policy;
	/* three payments that were announced here, then somebody speaks with them */
	for (int i = 0; i < 3; i++) {
		assert_true(allows(&s, PAGE_PAID));
		add_fact(&s.w, FACT_ANNOUNCED, "2026-04-09T08:00:00Z", "2026-04-16")->order.source = "/p/0123";
	}
	assert_false(allows(&s, PAGE_PAID));
	world_clear(&s.w);
}

static void nothing_is_said_of_what_is_over(void **state)
{
	static const struct {
		enum invoice_status status;
		int64_t paid;
		enum page_state state;
		struct late_fee late; /* which its payment leaves */
	} rows[] = { { INVOICE_OPEN, 0, PAGE_OPEN, { 0 } }, { INVOICE_PAID, 120000, PAGE_SETTLED, { 0 } }, { INVOICE_VOID, 0, PAGE_CLOSED, { 0 } },
		{ INVOICE_UNCOLLECTIBLE, 0, PAGE_CLOSED, { 0 } }, { INVOICE_DRAFT, 0, PAGE_CLOSED, { 0 } },
		{ INVOICE_PAID, 120000, PAGE_CLOSED, { .amount = 4000, .currency = "EUR", .at = 9 } },
		{ INVOICE_PAID, 120000, PAGE_CLOSED, { .amount = 4000, .currency = "GBP", .at = 9 } },
		{ INVOICE_PAID, 120000, PAGE_SETTLED, { .amount = 4000, .currency = "EUR", .at = 9, .waived_at = 10 } } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct scene s;

		begin(&s, LIMITED);
		offer(&s);
		s.w.e.invoice.snapshot.status = rows[i].status;
		s.w.e.invoice.snapshot.paid = rows[i].paid;
		s.w.e.invoice.snapshot.due -= rows[i].paid;
		s.w.e.late_fee = rows[i].late;
		assert_int_equal(page_state(&s.c), rows[i].state);
		for (int a = 0; a < PAGE_ACTION_COUNT; a++)
			assert_int_equal(allows(&s, (enum page_action)a), rows[i].state == PAGE_OPEN);
		world_clear(&s.w);
	}
}

/* Words must never crowd out payments: an invoice keeps a number of facts. */
static void words_leave_room_for_facts(void **state)
{
	struct scene s;

	(void)state;
	begin(&s, LIMITED);
	s.w.e.invoice.facts = arena_alloc(s.w.arena, INVOICE_FACTS_MAX * sizeof(struct fact));
	for (size_t i = 0; i < 149; i++)
		s.w.e.invoice.facts[i] = (struct fact){ .kind = FACT_UNDELIVERED, .ended = true, .id = "f", .order.source = "s" };
	s.w.e.invoice.fact_count = 149;
	assert_true(allows(&s, PAGE_ASK));
	s.w.e.invoice.fact_count = 150;
	assert_false(allows(&s, PAGE_ASK));
	world_clear(&s.w);
}

/* --- forms and events --------------------------------------------------------------------------------------------------------------- */

static bool fill(struct scene *s, enum page_action action, const char *body, struct page_said *said)
{
	struct form_pair *pairs;
	struct page_limits limits;
	size_t count;

	assert_int_equal(form_decode(body, strlen(body), s->w.arena, &pairs, &count, NULL), 0);
	assert_true(page_allows(&s->c, action, &limits));
	return page_read(&s->c, action, &limits, pairs, count, s->w.arena, said);
}

static const struct {
	enum page_action action;
	const char *body;
	enum page_field field;
	const char *error;
} mistakes[] = {
	{ PAGE_PAID, "reference=x", PAGE_ON, "errors.date" },
	{ PAGE_PAID, "on=10.04.2026", PAGE_ON, "errors.date" },
	{ PAGE_PAID, "on=2026-02-30", PAGE_ON, "errors.date" },
	{ PAGE_PAID, "on=2026-04-11", PAGE_ON, "errors.range" },
	{ PAGE_PAID, "on=2025-04-09", PAGE_ON, "errors.range" },
	{ PAGE_PAID, "on=2026-04-10&on=2026-04-10", PAGE_ON, "errors.date" },
	{ PAGE_PAID, "on=2026-04-10&reference=a%0Ab", PAGE_REFERENCE, "errors.typed" },
	{ PAGE_PROMISE, "on=2026-04-09", PAGE_ON, "errors.range" },
	{ PAGE_PROMISE, "on=2026-05-11", PAGE_ON, "errors.range" },
	{ PAGE_DISPUTE, "text=x", PAGE_REASON, "errors.reason" },
	{ PAGE_DISPUTE, "reason=anger", PAGE_REASON, "errors.reason" },
	{ PAGE_DISPUTE, "reason=other&text=+", PAGE_TEXT, "errors.text" },
	{ PAGE_PLAN, "", PAGE_NAME, "errors.name" },
	{ PAGE_SETTLEMENT, "name=+", PAGE_NAME, "errors.name" },
	{ PAGE_SETTLEMENT, "name=a%00", PAGE_NAME, "errors.typed" },
	{ PAGE_ASK, "text=", PAGE_TEXT, "errors.text" },
	{ PAGE_ASK, "text=%00", PAGE_TEXT, "errors.typed" },
	{ PAGE_CONTACT, "name=Ann", PAGE_EMAIL, "errors.either" },
	{ PAGE_CONTACT, "email=a%40b%0A.example", PAGE_EMAIL, "errors.typed" },
	{ PAGE_CONTACT, "email=nobody", PAGE_EMAIL, "errors.email" },
	{ PAGE_CONTACT, "phone=0123", PAGE_PHONE, "errors.phone" },
};

static void mistakes_are_told_beside_their_field(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(mistakes); i++) {
		struct page_said said;
		struct scene s;

		begin(&s, LIMITED);
		offer(&s);
		if (fill(&s, mistakes[i].action, mistakes[i].body, &said))
			fail_msg("%s is taken", mistakes[i].body);
		for (int f = 0; f < PAGE_FIELD_COUNT; f++) {
			const char *expected = f == (int)mistakes[i].field ? mistakes[i].error : NULL;

			if ((said.errors[f] == NULL) != (expected == NULL) || (expected && strcmp(said.errors[f], expected) != 0))
				fail_msg("%s: %s is told %s", mistakes[i].body, page_field_names[f], said.errors[f] ? said.errors[f] : "nothing");
		}
		world_clear(&s.w);
	}
}

static struct event event_of(struct scene *s, enum page_action action, const char *body)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct page_said said;
	struct event e;
	struct err err = { 0 };

	assert_true(fill(s, action, body, &said));
	said.offer = page_offer(&s->c, action, NULL);
	page_event(&s->c, &said, "0123456789abcdef01234567", &text);
	if (event_parse(s->w.arena, arena_memdup(s->w.arena, text.data, text.len), text.len, NULL, &e, &err) < 0)
		fail_msg("%s %s: %s", err.path, err.text, buf_str(&text));
	assert_string_equal(e.id, "page-0123456789abcdef01234567");
	assert_int_equal(strncmp(e.source, "/p/", 3), 0);
	assert_int_equal(e.time, at(NOW));
	assert_string_equal(e.invoice_id, "inv_42");
	assert_string_equal(e.customer_id, "cus_7");
	assert_null(strstr(buf_str(&text), "the-link")); /* what opens the page stands in no record */
	return e;
}

static const char *typed(const struct event *e, const char *field)
{
	struct json page = json_get(&e->data, "page"), all = json_get(&page, "typed"), one = json_get(&all, field);

	return json_str(&one) ? json_str(&one) : "";
}

static void what_is_said_becomes_an_event(void **state)
{
	struct scene s;
	struct event e;

	(void)state;
	begin(&s, LIMITED);
	e = event_of(&s, PAGE_PAID, "on=2026-03-30&reference=SEPA%20%3C1%3E");
	assert_int_equal(e.type, EVENT_INVOICE_PAYMENT_ANNOUNCED);
	assert_int_equal(date_diff(e.until_on, date_of(2026, 4, 17)), 0); /* a week from today, whenever it was paid */
	assert_string_equal(typed(&e, "on"), "2026-03-30");
	assert_string_equal(typed(&e, "reference"), "SEPA <1>");
	assert_true(invoice_apply(&s.w.e.invoice, &e, s.w.arena));
	assert_true(page_said_here(invoice_view(&s.w.e.invoice).announced));
	assert_true(invoice_view(&s.w.e.invoice).announced->says_paid); /* the page says that we look for it */
	e = event_of(&s, PAGE_PROMISE, "on=2026-05-10");
	assert_int_equal(e.type, EVENT_PROMISE_MADE);
	assert_int_equal(date_diff(e.until_on, date_of(2026, 5, 10)), 0);
	e = event_of(&s, PAGE_DISPUTE, "reason=amount&text=Too+much.%0D%0AHalf+of+it.");
	assert_int_equal(e.type, EVENT_DISPUTE_OPENED);
	assert_string_equal(e.reason, "amount");
	assert_string_equal(e.text, "Too much.\nHalf of it.");
	e = event_of(&s, PAGE_ASK, "text=May+I+pay+in+parts%3F");
	assert_int_equal(e.type, EVENT_CONTACT_REPLY_RECEIVED);
	assert_int_equal(e.invoice_count, 1);
	e = event_of(&s, PAGE_STOP, "");
	assert_int_equal(e.type, EVENT_CUSTOMER_OPTED_OUT);
	assert_int_equal(e.channel, CHANNEL_EMAIL);
	world_clear(&s.w);
}

/* Whoever holds a forwarded link may not turn a debtor's messages elsewhere: the customer stays as the producer told. */
static void another_contact_is_for_a_person(void **state)
{
	struct scene s;
	struct event e;

	(void)state;
	begin(&s, LIMITED);
	e = event_of(&s, PAGE_CONTACT, "name=Ann%20%22B%22&email=ann%40dupont.example&phone=%2B44+(0)20+7946+0000");
	assert_int_equal(e.type, EVENT_CONTACT_REPLY_RECEIVED);
	assert_false(e.has_customer);
	assert_null(json_get(&e.data, "customer").node);
	assert_int_equal(e.invoice_count, 1);
	assert_string_equal(e.text, "Another contact for these messages, named on the page:\nName: Ann \"B\"\nE-mail: ann@dupont.example\n"
		"Phone: +442079460000");
	assert_string_equal(typed(&e, "phone"), "+44 (0)20 7946 0000");
	assert_string_equal(typed(&e, "email"), "ann@dupont.example");
	assert_true(invoice_apply(&s.w.e.invoice, &e, s.w.arena));
	assert_true(page_said_here(invoice_view(&s.w.e.invoice).reply));
	e = event_of(&s, PAGE_CONTACT, "email=ann%40dupont.example");
	assert_string_equal(e.text, "Another contact for these messages, named on the page:\nE-mail: ann@dupont.example");
	world_clear(&s.w);
}

static void an_offer_is_accepted_as_it_was_written(void **state)
{
	const struct zone *zone = NULL;
	char plan[PAGE_OFFER_SIZE], less[PAGE_OFFER_SIZE], id[PAGE_OFFER_SIZE];
	struct made_offer other;
	struct err err = { 0 };
	struct scene s;
	struct event e;

	(void)state;
	begin(&s, LIMITED);
	offer(&s);
	assert_int_equal(zone_get("Europe/Paris", &zone), 0);
	page_offer_id(&s.w.e.offers[0], plan);
	page_offer_id(&s.w.e.offers[1], less);
	assert_ptr_equal(page_offer(&s.c, PAGE_PLAN, plan), &s.w.e.offers[0]);
	assert_ptr_equal(page_offer(&s.c, PAGE_SETTLEMENT, less), &s.w.e.offers[1]);
	assert_null(page_offer(&s.c, PAGE_SETTLEMENT, plan));
	assert_null(page_offer(&s.c, PAGE_PLAN, less));
	assert_null(page_offer(&s.c, PAGE_ASK, NULL));
	assert_null(page_offer(&s.c, PAGE_SETTLEMENT, page_offer_id(&s.w.e.offers[2], id))); /* of a message that did not go out */
	/* a cent, a day, a name: each is another offer */
	other = s.w.e.offers[1];
	other.settles_at++;
	assert_string_not_equal(page_offer_id(&other, id), less);
	other = s.w.e.offers[1];
	other.until.days++;
	assert_string_not_equal(page_offer_id(&other, id), less);
	other = s.w.e.offers[0];
	other.instalments = (struct instalment[]){ { { 20567 }, 40000 }, { { 20597 }, 40000 }, { { 20627 }, 40000 } };
	assert_string_not_equal(page_offer_id(&other, id), plan);

	e = event_of(&s, PAGE_SETTLEMENT, "name=Ann%20Roy");
	assert_int_equal(e.type, EVENT_SETTLEMENT_AGREED);
	assert_int_equal(e.amount, 108000);
	assert_string_equal(typed(&e, "name"), "Ann Roy");
	assert_int_equal(offer_take(&s.w.e, zone, &e, NULL), 0);
	e.amount++;
	assert_int_equal(offer_take(&s.w.e, zone, &e, &err), -EBADMSG);
	assert_string_equal(err.code, "offer_changed");
	err_clear(&err);
	e = event_of(&s, PAGE_PLAN, "name=Ann%20Roy");
	assert_int_equal(e.type, EVENT_PAYMENT_PLAN_AGREED);
	assert_string_equal(e.offer, "parts/3");
	assert_int_equal(e.instalment_count, 3);
	assert_int_equal(e.instalments[0].amount, 40001);
	assert_int_equal(date_diff(e.instalments[2].due_on, (date){ 20627 }), 0);
	assert_int_equal(offer_take(&s.w.e, zone, &e, NULL), 0);
	assert_true(invoice_apply(&s.w.e.invoice, &e, s.w.arena));
	assert_true(page_said_here(invoice_view(&s.w.e.invoice).plan));
	s.w.e.offers = &other; /* made anew, with other parts */
	s.w.e.offer_count = 1;
	assert_int_equal(offer_take(&s.w.e, zone, &e, &err), -EBADMSG);
	assert_string_equal(err.code, "offer_changed");
	err_clear(&err);
	world_clear(&s.w);
}

/* Until its last day is over where the debtor is; while it covers what is owed; and once, whatever became of it. */
static void an_offer_is_accepted_in_time_and_once(void **state)
{
	struct fact *fact;
	struct scene s;

	(void)state;
	begin(&s, LIMITED);
	offer(&s);
	s.c.now = at("2026-04-24T21:59:59Z");
	assert_true(allows(&s, PAGE_PLAN));
	s.c.now = at("2026-04-24T22:00:00Z");
	assert_false(allows(&s, PAGE_PLAN));
	assert_false(allows(&s, PAGE_SETTLEMENT));
	s.c.now = at(NOW);
	s.w.e.invoice.snapshot.total++;
	s.w.e.invoice.snapshot.due++;
	assert_false(allows(&s, PAGE_PLAN)); /* a cent is in none of its parts */
	assert_true(allows(&s, PAGE_SETTLEMENT));
	s.w.e.invoice.snapshot.total--;
	s.w.e.invoice.snapshot.due--;
	add_fact(&s.w, FACT_DISPUTE, "2026-04-09T08:00:00Z", NULL);
	assert_true(allows(&s, PAGE_SETTLEMENT)); /* it ends that too */
	fact = add_fact(&s.w, FACT_PLAN, "2026-04-09T08:00:00Z", NULL);
	assert_false(allows(&s, PAGE_PLAN));
	assert_false(allows(&s, PAGE_SETTLEMENT));
	fact->ended = true; /* a person took it back */
	assert_true(allows(&s, PAGE_PLAN));
	fact->order.source = "/p/0123";
	assert_false(allows(&s, PAGE_PLAN));
	world_clear(&s.w);
}

/* Four thousand characters are more bytes, and each line end is two while it travels. What is too long is given back, not lost. */
static void long_words_are_taken_or_given_back(void **state)
{
	CLEANUP(buf_clear) struct buf body = { 0 }, out = { 0 };
	struct page_limits limits;
	struct page_said said;
	struct err err = { 0 };
	struct scene s;
	struct event e;

	(void)state;
	begin(&s, LIMITED);
	buf_printf(&body, "text=");
	for (int i = 0; i < 2000; i++)
		buf_printf(&body, "%%E2%%82%%AC%%0D%%0A");
	buf_printf(&body, "x");
	e = event_of(&s, PAGE_ASK, buf_str(&body));
	assert_int_equal(strlen(e.text), 2000 * 4 + 1);
	buf_reset(&body);
	buf_printf(&body, "text=");
	for (int i = 0; i < 16000; i++)
		buf_printf(&body, "a");
	assert_true(fill(&s, PAGE_ASK, buf_str(&body), &said));
	buf_printf(&body, "z");
	assert_false(fill(&s, PAGE_ASK, buf_str(&body), &said));
	assert_string_equal(said.errors[PAGE_TEXT], "errors.typed");
	assert_true(page_allows(&s.c, PAGE_ASK, &limits));
	assert_int_equal(page_render(texts, &(struct page_view){ .kind = PAGE_KIND_FORM, .config = config, .c = &s.c, .base = "", .link_text = "l",
		.action = PAGE_ASK, .limits = &limits, .token = "t", .said = &said }, s.w.arena, &out, &err), 0);
	assert_non_null(strstr(buf_str(&out), "aaaz</textarea>"));
	buf_printf(&body, "%%00");
	assert_false(fill(&s, PAGE_ASK, buf_str(&body), &said));
	assert_string_equal(said.typed[PAGE_TEXT], "");
	world_clear(&s.w);
}

static void a_receipt_is_read_again(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf text = { 0 };
	const struct page_receipt said = { PAGE_PROMISE, "0123456789abcdef", "0123456789abcdef01234567", 1775808000000, date_of(2026, 5, 10), NULL, 0, 0,
		date_none(), date_none() };
	struct page_receipt read;

	(void)state;
	page_receipt_write(&text, &said);
	assert_int_equal(page_receipt_read(arena, text.data, text.len, &read), 0);
	assert_int_equal(read.action, PAGE_PROMISE);
	assert_string_equal(read.link_id, said.link_id);
	assert_int_equal(date_diff(read.on, said.on), 0);
	assert_true(page_receipt_read(arena, "{}", 2, &read) < 0);
}

/* --- how it looks ------------------------------------------------------------------------------------------------------------------- */

static const char *shown(struct scene *s, struct page_view *view)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	struct err err = { 0 };

	view->config = config;
	view->base = "";
	view->link_text = "the-link";
	if (page_render(texts, view, s->w.arena, &out, &err) < 0)
		fail_msg("%s: %s", err.code, err.text);
	assert_null(strstr(buf_str(&out), "{{"));
	assert_null(strstr(buf_str(&out), "<SARL>"));
	assert_null(strstr(buf_str(&out), "<script"));
	assert_null(strstr(buf_str(&out), "compta@dupont.example"));
	return arena_strdup(s->w.arena, buf_str(&out));
}

static void every_page_in_every_language(void **state)
{
	static const char *const languages[] = { "de", "en", "es", "fr", "it", "nl" };
	static const char *const reasons[][2] = { { "Bestellnummer", "Anschrift oder Steuernummer" }, { "order number", "address or the tax number" },
		{ "número de pedido", "dirección o el número fiscal" }, { "numéro de commande", "adresse ou le numéro de TVA" },
		{ "numero d’ordine", "indirizzo o la partita IVA" }, { "ordernummer", "adres of het btw-nummer" } };

	(void)state;
	for (size_t l = 0; l < ARRAY_LEN(languages); l++) {
		const char *lang, *page, *order;
		struct page_said said;
		struct scene s;

		begin(&s, LIMITED);
		offer(&s);
		(void)snprintf(s.link.language, sizeof(s.link.language), "%s", languages[l]);
		lang = arena_printf(s.w.arena, "<html lang=\"%s\">", languages[l]);
		s.w.e.invoice.snapshot.payment_url = "https://pay.example/x";
		s.w.e.invoice.snapshot.pdf_sha256 = "abcd";
		s.w.e.invoice.snapshot.paid = 20000;
		s.w.e.invoice.snapshot.due = 100000;
		s.c.has_document = true;
		assert_non_null(strstr(shown(&s, &(struct page_view){ .kind = PAGE_KIND_HOME, .c = &s.c }), lang));
		for (int a = 0; a < PAGE_ACTION_COUNT; a++) {
			enum page_action action = (enum page_action)a;
			char id[PAGE_OFFER_SIZE];
			const struct page_receipt receipt = { action, "0123456789abcdef", "0123456789abcdef01234567", s.c.now, date_of(2026, 4, 20),
				page_takes_offer(action) ? page_offer_id(page_offer(&s.c, action, NULL), id) : NULL, 40000, 3, date_of(2026, 4, 20),
				date_of(2026, 6, 20) };
			struct page_limits limits;

			assert_true(page_allows(&s.c, action, &limits));
			assert_non_null(strstr(shown(&s, &(struct page_view){ .kind = PAGE_KIND_HOME, .c = &s.c, .chosen = "nl" }),
				arena_printf(s.w.arena, "href=\"/p/the-link/%s%s%s?l=nl\"", page_action_names[a], receipt.offer ? "/" : "", receipt.offer ? receipt.offer : "")));
			page = shown(&s, &(struct page_view){ .kind = PAGE_KIND_FORM, .c = &s.c, .action = action, .limits = &limits,
				.offer = page_offer(&s.c, action, NULL), .token = "t" });
			order = strstr(page, reasons[l][0]); /* one reason and not two: the other names what else is amiss on the paper */
			if (action == PAGE_DISPUTE && (!order || strstr(order + 1, reasons[l][0]) || !strstr(page, reasons[l][1])))
				fail_msg("%s", page);
			(void)fill(&s, action, "on=x&reason=x&text=%00&name=%00&email=x&phone=x&reference=%00", &said);
			(void)shown(&s, &(struct page_view){ .kind = PAGE_KIND_FORM, .c = &s.c, .action = action, .limits = &limits,
				.offer = page_offer(&s.c, action, NULL), .token = "t", .said = &said });
			(void)shown(&s, &(struct page_view){ .kind = PAGE_KIND_HOME, .c = &s.c, .receipt = &receipt });
		}
		for (int c = 0; c < CHANNEL_COUNT; c++) {
			s.link.channel = (enum channel)c;
			(void)shown(&s, &(struct page_view){ .kind = PAGE_KIND_HOME, .c = &s.c });
		}
		for (int k = PAGE_KIND_LOST; k <= PAGE_KIND_UNKNOWN; k++)
			assert_non_null(strstr(shown(&s, &(struct page_view){ .kind = (enum page_kind)k, .language = languages[l] }), lang));
		add_fact(&s.w, FACT_PROMISE, "2026-04-09T08:00:00Z", "2026-04-20");
		(void)shown(&s, &(struct page_view){ .kind = PAGE_KIND_HOME, .c = &s.c });
		add_fact(&s.w, FACT_ANNOUNCED, "2026-04-09T08:00:00Z", "2026-04-20");
		(void)shown(&s, &(struct page_view){ .kind = PAGE_KIND_HOME, .c = &s.c });
		add_fact(&s.w, FACT_DISPUTE, "2026-04-09T08:00:00Z", NULL);
		(void)shown(&s, &(struct page_view){ .kind = PAGE_KIND_HOME, .c = &s.c });
		s.w.e.invoice.snapshot.status = INVOICE_VOID;
		assert_null(strstr(shown(&s, &(struct page_view){ .kind = PAGE_KIND_HOME, .c = &s.c }), "pay.example"));
		world_clear(&s.w);
	}
}

static void has(const char *page, const char *text)
{
	if (!strstr(page, text))
		fail_msg("\"%s\" is not in\n%s", text, page);
}

/* What was accepted is said as it was shown then: after it was paid in part, in whole, and after it was offered anew. */
static void a_receipt_keeps_what_was_accepted(void **state)
{
	struct scene s;

	(void)state;
	begin(&s, LIMITED);
	s.w.debtor.customer.locale = "en-GB";
	offer(&s);
	for (int a = PAGE_PLAN; a <= PAGE_SETTLEMENT; a++) {
		CLEANUP(buf_clear) struct buf text = { 0 };
		struct page_said said = { .action = (enum page_action)a, .on = date_none(), .offer = page_offer(&s.c, (enum page_action)a, NULL) };
		struct page_receipt kept = page_receipt_of(&s.c, &said, "0123456789abcdef01234567", s.w.arena), read;
		struct made_offer *offers = s.w.e.offers;
		const char *page, *expected = a == PAGE_PLAN ? "You accepted our offer: 3 instalments, \u20ac1,200.00 in all." :
			"You accepted our offer: \u20ac1,080.00 by 24 April 2026 settles invoice";

		page_receipt_write(&text, &kept);
		assert_int_equal(page_receipt_read(s.w.arena, arena_memdup(s.w.arena, text.data, text.len), text.len, &read), 0);
		s.w.e.invoice.snapshot.paid = 108000;
		s.w.e.invoice.snapshot.due -= 108000;
		assert_false(allows(&s, PAGE_SETTLEMENT)); /* nothing is left to pay by it */
		page = shown(&s, &(struct page_view){ .kind = PAGE_KIND_HOME, .c = &s.c, .receipt = &read });
		has(page, expected);
		if (a == PAGE_PLAN)
			has(page, "The first is due by 24 April 2026, the last by 23 June 2026.");
		s.w.e.offers = NULL;
		s.w.e.offer_count = 0;
		has(shown(&s, &(struct page_view){ .kind = PAGE_KIND_HOME, .c = &s.c, .receipt = &read }), expected);
		s.w.e.offers = offers;
		s.w.e.offer_count = 3;
		s.w.e.invoice.snapshot.paid = 0;
		s.w.e.invoice.snapshot.due += 108000;
	}
	world_clear(&s.w);
}

/* Days and amounts of an offer, to the unit, before it is accepted and afterwards. */
static void what_is_offered_is_shown_to_the_unit(void **state)
{
	static const char row[] = "<div><dt>%s</dt><dd>\u20ac%s</dd></div>";
	struct page_limits limits;
	const char *page;
	struct scene s;
	struct fact *fact;

	(void)state;
	begin(&s, LIMITED);
	s.w.debtor.customer.locale = "en-GB";
	offer(&s);
	page = shown(&s, &(struct page_view){ .kind = PAGE_KIND_HOME, .c = &s.c });
	has(page, "Pay in 3 instalments");
	has(page, "Pay \u20ac1,080.00 by 24 April 2026, and it is settled");
	assert_null(strstr(page, "600.00")); /* that one never went out */
	assert_true(page_allows(&s.c, PAGE_PLAN, &limits));
	page = shown(&s, &(struct page_view){ .kind = PAGE_KIND_FORM, .c = &s.c, .action = PAGE_PLAN, .limits = &limits,
		.offer = page_offer(&s.c, PAGE_PLAN, NULL), .token = "t" });
	has(page, arena_printf(s.w.arena, row, "24 April 2026", "400.01"));
	has(page, arena_printf(s.w.arena, row, "24 May 2026", "399.99"));
	has(page, arena_printf(s.w.arena, row, "23 June 2026", "400.00"));
	has(page, arena_printf(s.w.arena, row, "In all", "1,200.00"));
	assert_null(strstr(page, "already paid"));
	/* what came since counts, of either */
	s.w.e.invoice.snapshot.paid = 30050;
	s.w.e.invoice.snapshot.due -= 30050;
	page = shown(&s, &(struct page_view){ .kind = PAGE_KIND_FORM, .c = &s.c, .action = PAGE_PLAN, .limits = &limits,
		.offer = page_offer(&s.c, PAGE_PLAN, NULL), .token = "t" });
	has(page, arena_printf(s.w.arena, row, "Of this already paid or credited", "300.50"));
	page = shown(&s, &(struct page_view){ .kind = PAGE_KIND_FORM, .c = &s.c, .action = PAGE_SETTLEMENT, .limits = &limits,
		.offer = page_offer(&s.c, PAGE_SETTLEMENT, NULL), .token = "t" });
	has(page, arena_printf(s.w.arena, row, "To pay by 24 April 2026", "779.50"));
	/* accepted: what is still to come, as it will be counted */
	fact = add_fact(&s.w, FACT_PLAN, "2026-04-09T08:00:00Z", NULL);
	fact->instalments = s.w.e.offers[0].instalments;
	fact->instalment_count = 3;
	s.w.e.invoice.snapshot.payment_url = "https://pay.example/x";
	page = shown(&s, &(struct page_view){ .kind = PAGE_KIND_HOME, .c = &s.c });
	has(page, "We agreed on instalments.");
	has(page, arena_printf(s.w.arena, row, "24 April 2026", "99.51"));
	has(page, arena_printf(s.w.arena, row, "In all", "899.50"));
	has(page, ">Pay online</a>"); /* not all of it */
	assert_null(strstr(page, "You can choose one"));
	fact->ended = true;
	fact = add_fact(&s.w, FACT_SETTLEMENT, "2026-04-09T08:00:00Z", "2026-04-24");
	fact->settles = true;
	fact->amount = 108000;
	page = shown(&s, &(struct page_view){ .kind = PAGE_KIND_HOME, .c = &s.c });
	has(page, "once \u20ac779.50 is paid by 24 April 2026, this invoice is settled");
	has(page, arena_printf(s.w.arena, row, "To pay by 24 April 2026", "779.50"));
	s.w.e.ended = (struct agreed_end[]){ { .what = "settlement", .id = fact->id, .told_at = fact->order.time, .kept = false } };
	s.w.e.ended_count = 1;
	page = shown(&s, &(struct page_view){ .kind = PAGE_KIND_HOME, .c = &s.c });
	assert_null(strstr(page, "We agreed"));
	has(page, ">Pay \u20ac899.50 online</a>");
	world_clear(&s.w);
}

static void a_link_of_a_browser_is_one(void **state)
{
	static const char *const urls[] = { "javascript:alert(1)", "http://pay.example/x", "https://pay.example/\"onclick=x", NULL };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
		struct scene s;

		begin(&s, LIMITED);
		s.w.e.invoice.snapshot.payment_url = urls[i];
		assert_null(strstr(shown(&s, &(struct page_view){ .kind = PAGE_KIND_HOME, .c = &s.c }), "class=\"button\""));
		world_clear(&s.w);
	}
}

static void put(const char *dir, const char *name, const char *text)
{
	char path[300];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(file_replace(path, text, strlen(text), 0600), 0);
}

/* A user's files replace ours by their names, and are refused by theirs. */
static void ones_own_words(void **state)
{
	CLEANUP(buf_clear) struct buf english = { 0 };
	struct page_texts *own = NULL;
	char dir[] = "/tmp/page-words-XXXXXX", path[300];
	struct err err = { 0 };
	char *at;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(file_read(SHARE "/page/en.json", 1 << 20, &english, NULL), 0);
	put(dir, "page.css", "p { color: red }");
	put(dir, "pl.json", buf_str(&english));
	assert_int_equal(page_texts_load(SHARE, dir, &own, &err), 0);
	assert_string_equal(buf_str(page_texts_style(own)), "p { color: red }");
	page_texts_free(own);
	put(dir, "pl.json", "{\"home\":{\"title\":\"x\"}}");
	assert_int_equal(page_texts_load(SHARE, dir, &own, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "pl.json must have"));
	err_clear(&err);
	at = strstr(english.data, "\"title\"");
	at[1] = 'T';
	put(dir, "pl.json", buf_str(&english));
	assert_int_equal(page_texts_load(SHARE, dir, &own, &err), -EBADMSG);
	err_clear(&err);
	put(dir, "pl.json", "{\"home\":{\"title\":\"{{#x}}\"}}");
	assert_int_equal(page_texts_load(SHARE, dir, &own, &err), -EBADMSG);
	assert_int_equal(strncmp(err.text, dir, strlen(dir)), 0);
	err_clear(&err);
	put(dir, "pl.json", "{\"home\":{\"title\":\"{{sum}}\"}}");
	assert_int_equal(page_texts_load(SHARE, dir, &own, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "pl.json: $.home.title \"sum\" must be one of"));
	for (const char *const *name = (const char *const[]){ "page.css", "pl.json", NULL }; *name; name++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, *name);
		assert_int_equal(unlink(path), 0);
	}
	assert_int_equal(rmdir(dir), 0);
}

/* The link of a mail is about nobody's invoice: one button, which a mail program would press by itself. */
static void the_way_out_has_one_button(void **state)
{
	static const struct {
		const char *accepted, *language;
	} rows[] = { { "de-AT,de;q=0.9,en;q=0.8", "de" }, { "pl, nl;q=0.5", "nl" }, { " FR", "fr" }, { "pl", NULL }, { "", NULL }, { ",;-,", NULL },
		{ "fren", NULL }, { "en", "en" } };
	struct scene s;
	const char *page;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *language = page_texts_prefer(texts, rows[i].accepted);

		if ((language == NULL) != (rows[i].language == NULL) || (language && strcmp(language, rows[i].language) != 0))
			fail_msg("\"%s\" is %s", rows[i].accepted, language ? language : "nothing");
	}
	begin(&s, LIMITED);
	page = shown(&s, &(struct page_view){ .kind = PAGE_KIND_LEAVE, .language = "en", .style = "/hooks/unsubscribe/page.css" });
	has(page, "<button name=\"List-Unsubscribe\" value=\"One-Click\">No more e-mails</button>");
	has(page, "href=\"/hooks/unsubscribe/page.css\"");
	assert_null(strstr(shown(&s, &(struct page_view){ .kind = PAGE_KIND_LEFT, .language = "en" }), "<form"));
	assert_null(strstr(shown(&s, &(struct page_view){ .kind = PAGE_KIND_UNKNOWN, .language = "en" }), "<form"));
	world_clear(&s.w);
}

/* A language that nobody wrote: the creditor's. Its region counts where the language is the same. */
static void the_readers_language(void **state)
{
	static const struct {
		const char *link, *debtor, *lang, *amount;
	} rows[] = { { "en", "en-US", "lang=\"en\"", "April 1, 2026" }, { "en", "fr-FR", "lang=\"en\"", NULL }, { "", "de-AT", "lang=\"de\"", "1. April 2026" },
		{ "pl", "pl-PL", "lang=\"fr\"", "1er avril 2026" }, { "", NULL, "lang=\"fr\"", NULL } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct scene s;
		const char *page;

		begin(&s, LIMITED);
		(void)snprintf(s.link.language, sizeof(s.link.language), "%s", rows[i].link);
		s.w.debtor.customer.locale = rows[i].debtor;
		page = shown(&s, &(struct page_view){ .kind = PAGE_KIND_HOME, .c = &s.c });
		if (!strstr(page, rows[i].lang) || (rows[i].amount && !strstr(page, rows[i].amount)))
			fail_msg("row %zu: %s", i, page);
		world_clear(&s.w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_may_be_said),
		cmocka_unit_test(nothing_is_said_of_what_is_over),
		cmocka_unit_test(words_leave_room_for_facts),
		cmocka_unit_test(mistakes_are_told_beside_their_field),
		cmocka_unit_test(what_is_said_becomes_an_event),
		cmocka_unit_test(another_contact_is_for_a_person),
		cmocka_unit_test(an_offer_is_accepted_as_it_was_written),
		cmocka_unit_test(an_offer_is_accepted_in_time_and_once),
		cmocka_unit_test(long_words_are_taken_or_given_back),
		cmocka_unit_test(a_receipt_is_read_again),
		cmocka_unit_test(a_receipt_keeps_what_was_accepted),
		cmocka_unit_test(every_page_in_every_language),
		cmocka_unit_test(what_is_offered_is_shown_to_the_unit),
		cmocka_unit_test(a_link_of_a_browser_is_one),
		cmocka_unit_test(ones_own_words),
		cmocka_unit_test(the_way_out_has_one_button),
		cmocka_unit_test(the_readers_language),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
