/* What a contact waits for and carries: the invoices' and the contract's documents, and payment links that end. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/contact_world.h"

static bool plan(struct world *w, const char *wanted, struct contact_plan *ret)
{
	return contact_plan(&w->env, &w->debtor, w->candidates, INVOICES, wanted, ret);
}

static int fake_document(struct document_wanted *wanted, struct arena *arena, struct attachment *ret, struct err *err, void *arg)
{
	const char *sha256_hex = wanted->sha256 ? wanted->sha256 : wanted->url;

	wanted->again_ms = 7000;
	if (*(int *)arg < 0)
		return err_set(err, *(int *)arg, "unreadable", "", "%s is not there", sha256_hex);
	ret->data = arena_strdup(arena, sha256_hex);
	ret->len = strlen(sha256_hex);
	return 0;
}

static void documents(void **state)
{
	struct contact_released out;
	struct contact_plan p;
	struct err err = { 0 };
	int answer = 0;
	struct world w;

	(void)state;
	world_init(&w, POLICY("", MAIL("reminder", "due+1d", ",\"attach\":\"invoice\"")));
	w.env.document = fake_document;
	w.env.document_arg = &answer;
	for (size_t i = 0; i < INVOICES; i++)
		w.e[i].invoice.snapshot.pdf_sha256 = "d1";
	w.e[2].invoice.snapshot.number = ".F/2026\r\n\303\251 17";
	assert_true(plan(&w, "inv_0", &p));
	assert_int_equal(contact_release(&w.env, &w.debtor, &p, NULL, NULL, &w.fx, &out, &err), 0);
	assert_int_equal(out.message.attachment_count, 3);
	assert_string_equal(out.message.attachments[0].name, "inv_1.pdf");
	assert_string_equal(out.message.attachments[1].name, "F-0.pdf");
	assert_string_equal(out.message.attachments[2].name, "-F-2026---- 17.pdf");
	assert_string_equal(out.message.attachments[2].type, "application/pdf");
	assert_int_equal(message_check(&out.message, &err), 0);
	assert_tells(out.intent, "\"attachments\":[{\"size\":2,\"sha256\":\"");
	for (size_t i = 0; i < INVOICES; i++)
		w.e[i].state = ESCALATION_WAITING;
	answer = -ENOENT; /* nothing goes without it */
	assert_int_equal(contact_release(&w.env, &w.debtor, &p, NULL, NULL, &w.fx, &out, &err), -ENOENT);
	assert_non_null(strstr(err.text, "invoice inv_1: d1 is not there"));
	assert_string_equal(err.code, "document_awaited");
	assert_int_equal(w.e[0].state, ESCALATION_WAITING);
	answer = 0;
	w.e[2].invoice.snapshot.pdf_sha256 = NULL;
	err_clear(&err);
	assert_int_equal(contact_release(&w.env, &w.debtor, &p, NULL, NULL, &w.fx, &out, &err), -EBADMSG);
	assert_string_equal(err.code, "document_awaited");
	assert_non_null(strstr(err.text, "neither pdf_sha256 nor pdf_url"));
	world_clear(&w);
}

static const struct without_row {
	const char *name, *tone, *says;
	int answer;
	const char *early, *late; /* code of the refusal at first, and a day after; NULL = it is sent */
} without_rows[] = {
	{ "a reminder goes without after a day", "neutral", "", -EIO, "document_awaited", NULL },
	{ "a firm one too", "firm", "", -EIO, "document_awaited", NULL },
	{ "a formal one is held", "formal", "", -EIO, "document_awaited", "no_document" },
	{ "one that must not is held", "neutral", ",\"without_document\":\"hold\"", -EIO, "document_awaited", "no_document" },
	{ "a formal one that may goes", "formal", ",\"without_document\":\"send\"", -EIO, "document_awaited", NULL },
	{ "what is still being fetched then too", "neutral", "", -EAGAIN, "document_awaited", NULL },
};

/* A document that is not to be had never blocks a reminder for ever: it is waited for during a day, and then the step's word counts. */
static void without_row(void **state)
{
	const struct without_row *row = *state;
	struct contact_released out;
	struct contact_plan p;
	struct err err = { 0 };
	int answer = row->answer;
	struct world w;

	world_init(&w, POLICY("", MAIL("reminder", "due+1d", "")));
	set_policy(&w, 0, arena_printf(w.arena, POLICY("", "{\"id\":\"reminder\",\"at\":\"due+1d\",\"channel\":\"email\",\"template\":\"t\","
		"\"tone\":\"%s\",\"attach\":\"invoice\"%s}"), row->tone, row->says));
	w.env.document = fake_document;
	w.env.document_arg = &answer;
	for (size_t i = 1; i < INVOICES; i++)
		w.e[i].state = ESCALATION_CLOSED;
	w.e[0].invoice.snapshot.pdf_url = "https://billing.example/x.pdf";
	assert_true(plan(&w, "inv_0", &p));
	assert_int_equal(contact_release(&w.env, &w.debtor, &p, NULL, NULL, &w.fx, &out, &err), row->answer);
	assert_string_equal(err.code, row->early);
	assert_int_equal(contact_put_off(&w.env, &w.debtor, &p, 0, row->answer, &err, &w.fx), true);
	assert_true(row->answer == -EAGAIN ? w.e[0].retry_at == w.env.now + 7000 : w.e[0].holds[0].until == w.env.now + 30 * MINUTE_MS);
	err_clear(&err);
	w.env.now += DAY_MS - 1;
	assert_int_equal(contact_release(&w.env, &w.debtor, &p, NULL, NULL, &w.fx, &out, &err), row->answer);
	assert_string_equal(err.code, row->early);
	err_clear(&err);
	w.env.now += 1;
	assert_int_equal(contact_release(&w.env, &w.debtor, &p, NULL, NULL, &w.fx, &out, &err), row->late ? row->answer : 0);
	if (row->late) {
		assert_string_equal(err.code, row->late);
		assert_false(contact_put_off(&w.env, &w.debtor, &p, 0, row->answer, &err, &w.fx));
		assert_string_equal(w.e[0].holds[w.e[0].hold_count - 1].reason, "no_document");
	} else {
		assert_int_equal(out.message.attachment_count, 0);
		assert_int_equal(out.papers.count, 1);
		assert_tells(out.intent, arena_printf(w.arena, "\"documents_omitted\":[{\"invoice\":\"inv_0\",\"why\":\"the document of invoice inv_0: "
			"%s\"}]", row->answer == -EAGAIN ? "it is still being fetched" : "https://billing.example/x.pdf is not there"));
	}
	world_clear(&w);
}

/* Behind the invoices' documents that of the contract, once, however many invoices rest on it. */
static void the_contract_goes_with_them(void **state)
{
	struct contact_released out;
	struct contact_plan p;
	struct err err = { 0 };
	int answer = 0;
	struct world w;

	(void)state;
	world_init(&w, POLICY("", MAIL("reminder", "due+1d", ",\"attach\":\"contract\"")));
	w.env.document = fake_document;
	w.env.document_arg = &answer;
	for (size_t i = 0; i < INVOICES; i++) {
		w.e[i].invoice.snapshot.pdf_sha256 = "d1";
		w.e[i].invoice.snapshot.contract = "C-17/2";
		w.e[i].invoice.snapshot.contract_sha256 = i == 2 ? NULL : "c1";
	}
	assert_true(plan(&w, "inv_0", &p));
	assert_int_equal(contact_release(&w.env, &w.debtor, &p, NULL, NULL, &w.fx, &out, &err), 0);
	assert_int_equal(out.message.attachment_count, 4);
	assert_string_equal(out.message.attachments[3].name, "C-17-2.pdf");
	assert_memory_equal(out.message.attachments[3].data, "c1", 2);
	world_clear(&w);
}

static int no_word(const struct message *m, struct buf *masked, struct err *err, void *arg)
{
	(void)m, (void)masked, (void)arg;
	return err_set(err, -EBADMSG, "bad_value", "to.country|table:country", "\"SE\" is not among the words of $.tables.country");
}

#define TEXT_ELSE_MAIL "{\"id\":\"reminder\",\"at\":\"due+1d\",\"channel\":\"sms\",\"template\":\"t\",\"tone\":\"neutral\"%s}"

/* What cannot be made is held for a day with what a person must know, and tried at once when the debtor, the invoice or the files are others. */
static void what_cannot_be_made(void **state)
{
	struct contact_released out;
	struct contact_plan p;
	struct err err = { 0 };
	struct world w;

	(void)state;
	world_init(&w, POLICY("", MAIL("reminder", "due+1d", "")));
	for (size_t i = 1; i < INVOICES; i++)
		w.e[i].state = ESCALATION_CLOSED;
	assert_true(plan(&w, "inv_0", &p));
	assert_int_equal(contact_release(&w.env, &w.debtor, &p, no_word, NULL, &w.fx, &out, &err), -EBADMSG);
	assert_string_equal(err.path, "to.country|table:country");
	assert_false(contact_put_off(&w.env, &w.debtor, &p, 0, -EBADMSG, &err, &w.fx));
	assert_string_equal(w.e[0].holds[0].reason, HOLD_UNRENDERABLE);
	assert_string_equal(w.e[0].holds[0].why, "the request to provider outbox cannot be made: \"SE\" is not among the words of $.tables.country");
	assert_int_equal(w.e[0].holds[0].until, w.env.now + DAY_MS);
	w.env.now += HOUR_MS;
	assert_false(plan(&w, "inv_0", &p));
	for (size_t i = 0; i < 3; i++) {
		int64_t *news = (int64_t *[]){ &w.debtor.order.time, &w.e[0].invoice.order.time, &w.env.loaded_at }[i], was = *news;

		*news = w.env.now;
		assert_true(plan(&w, "inv_0", &p));
		*news = w.env.now + 1; /* not yet */
		assert_false(plan(&w, "inv_0", &p));
		*news = was;
	}
	world_clear(&w);
}

/* Where the step has another channel that reaches somebody, it goes by that one. */
static void what_cannot_be_made_goes_otherwise(void **state)
{
	struct contact_released out;
	struct contact_plan p;
	struct err err = { 0 };
	struct world w;

	(void)state;
	for (int reached = 0; reached < 2; reached++) {
		world_init(&w, POLICY("", MAIL("reminder", "due+1d", "")));
		set_policy(&w, 0, arena_printf(w.arena, POLICY("", TEXT_ELSE_MAIL), ",\"else\":\"email\""));
		for (size_t i = 1; i < INVOICES; i++)
			w.e[i].state = ESCALATION_CLOSED;
		w.contact.email = reached ? w.contact.email : NULL;
		assert_true(plan(&w, "inv_0", &p));
		assert_int_equal(p.channel, CHANNEL_SMS);
		assert_int_equal(contact_release(&w.env, &w.debtor, &p, no_word, NULL, &w.fx, &out, &err), -EBADMSG);
		assert_int_equal(contact_put_off(&w.env, &w.debtor, &p, 0, -EBADMSG, &err, &w.fx), reached);
		assert_int_equal(w.e[0].hold_count, reached ? 0 : 1);
		assert_int_equal(plan(&w, "inv_0", &p), reached);
		if (reached) {
			assert_int_equal(p.channel, CHANNEL_EMAIL);
			err_clear(&err);
			assert_int_equal(contact_release(&w.env, &w.debtor, &p, no_word, NULL, &w.fx, &out, &err), -EBADMSG);
			assert_false(contact_put_off(&w.env, &w.debtor, &p, 0, -EBADMSG, &err, &w.fx)); /* there is no third */
			assert_string_equal(w.e[0].holds[0].reason, HOLD_UNRENDERABLE);
		}
		err_clear(&err);
		world_clear(&w);
	}
}

static size_t told_of(const struct effects *fx, const char *type)
{
	size_t count = 0;

	for (const struct draft *draft = fx->events; draft; draft = draft->next)
		count += strcmp(draft->kind, type) == 0;
	return count;
}

/* A link that ends within the hour is asked for anew, once; the step waits an hour at most, and then goes without. */
static void a_payment_link_that_has_expired(void **state)
{
	struct contact_released out;
	struct contact_plan p;
	struct err err = { 0 };
	struct world w;

	(void)state;
	world_init(&w, POLICY("", MAIL("reminder", "due+1d", "")));
	for (size_t i = 1; i < INVOICES; i++)
		w.e[i].state = ESCALATION_CLOSED;
	w.e[0].invoice.snapshot.payment_url = "https://pay.example/0";
	w.e[0].invoice.snapshot.payment_url_until = w.env.now + HOUR_MS;
	assert_true(plan(&w, "inv_0", &p));
	for (int again = 0; again < 2; again++) {
		assert_int_equal(contact_release(&w.env, &w.debtor, &p, NULL, NULL, &w.fx, &out, &err), -EAGAIN);
		assert_string_equal(err.code, "link_awaited");
		assert_true(contact_put_off(&w.env, &w.debtor, &p, 0, -EAGAIN, &err, &w.fx));
		assert_int_equal(w.e[0].hold_count, 0);
		assert_int_equal(w.e[0].retry_at, w.env.now + HOUR_MS);
		assert_string_equal(w.e[0].retry_why, "payment_link");
		err_clear(&err);
	}
	assert_int_equal(told_of(&w.fx, "invoice.payment_url_requested"), 1);
	w.e[0].invoice.snapshot.payment_url_until += 1; /* another one: it is of use for more than an hour */
	assert_non_null(payment_link_of(&w.e[0], w.env.now));
	w.e[0].invoice.snapshot.payment_url_until -= 1;
	w.env.now += HOUR_MS;
	assert_null(payment_link_of(&w.e[0], w.env.now));
	assert_int_equal(contact_release(&w.env, &w.debtor, &p, NULL, NULL, &w.fx, &out, &err), 0);
	assert_int_equal(told_of(&w.fx, "invoice.payment_url_requested"), 1);
	world_clear(&w);
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(documents),
		cmocka_unit_test(the_contract_goes_with_them),
		cmocka_unit_test(a_payment_link_that_has_expired),
		cmocka_unit_test(what_cannot_be_made),
		cmocka_unit_test(what_cannot_be_made_goes_otherwise),
	};
	static struct CMUnitTest tests[ARRAY_LEN(others) + ARRAY_LEN(without_rows)];

	memcpy(tests, others, sizeof(others));
	for (size_t i = 0; i < ARRAY_LEN(without_rows); i++)
		tests[ARRAY_LEN(others) + i] = (struct CMUnitTest){ .name = without_rows[i].name, .test_func = without_row,
			.initial_state = (void *)(uintptr_t)&without_rows[i] };
	return cmocka_run_group_tests_name("contact_documents", tests, NULL, NULL);
}
