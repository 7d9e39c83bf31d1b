/* A contact on paper: who gets it and how, what the message has, and that the PDF is there before the intent is recorded. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <qpdf/qpdf-c.h>

#include "common/hash.h"
#include "tests/unit/contact_world.h"

#define PAPER(more) POLICY("", "{\"id\":\"formal\",\"at\":\"due+1d\",\"channel\":\"letter\",\"template\":\"t\",\"tone\":\"legal\"" more "}")

static const struct postal house = { .line1 = "12 rue X", .postcode = "69002", .city = "Lyon", .country = "FR" };

static void letters(struct world *w, const char *policy)
{
	world_init(w, policy);
	add_template(w, "en", NOTICE_LETTER, "{{#deadline}}by {{deadline}}{{/deadline}} {{balance}}");
	w->config->channel_providers[CHANNEL_LETTER][0] = "outbox";
	w->config->creditor_postal = (struct postal){ .line1 = "1 place Y", .postcode = "75002", .city = "Paris", .country = "FR" };
	w->debtor.customer.postal = house;
}

static bool planned(struct world *w, struct contact_plan *plan)
{
	return contact_plan(&w->env, &w->debtor, w->candidates, INVOICES, "inv_0", plan);
}

static void released(struct world *w, struct contact_released *ret)
{
	struct contact_plan plan;
	struct err err = { 0 };

	assert_true(planned(w, &plan));
	assert_int_equal(plan.channel, CHANNEL_LETTER);
	if (contact_release(&w->env, &w->debtor, &plan, NULL, NULL, &w->fx, ret, &err) < 0)
		fail_msg("%s %s", err.path, err.text);
}

static const char *newest(struct arena *arena, void *arg)
{
	(void)arg;
	return arena_strdup(arena, "test.example/acme/2026 7 root");
}

static void the_message_is_its_pdf(void **state)
{
	struct contact_released r, again;
	const struct part *part;
	const struct draft *intent;
	uint8_t digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];
	struct world w, same;

	(void)state;
	letters(&w, PAPER(",\"delivery\":\"registered\",\"deadline\":\"10d\""));
	released(&w, &r);
	assert_string_equal(r.message.to.name, "Dupont SARL"); /* the house; who is to open it stands on the letter */
	assert_string_equal(r.message.to_postal.line1, "12 rue X");
	assert_string_equal(r.message.from_postal.city, "Paris");
	assert_true(r.message.registered && !r.message.electronic);
	assert_string_equal(r.message.text, "by 20 April 2026 \u20ac60.00\n"); /* ten days from its own day, and the Monday behind a Sunday */
	assert_int_equal(r.message.attachment_count, 1);
	assert_memory_equal(r.message.attachments[0].data, "%PDF-", 5);
	assert_int_equal(message_check(&r.message, NULL), 0);
	assert_int_equal(message_check_postal(&r.message, NULL), 0);
	intent = find_draft(w.fx.records, "attempt.intent");
	sha256(r.message.attachments[0].data, r.message.attachments[0].len, digest);
	assert_non_null(strstr(buf_str(&intent->data), hex_format(digest, SHA256_SIZE, hex)));
	part = find_part(intent, "recipient.json");
	assert_non_null(part);
	assert_non_null(memmem(part->data, part->len, "12 rue X, 69002 Lyon, FR", 24));
	assert_string_equal(w.debtor.contacts[0].to, "12 rue X, 69002 Lyon, FR");
	letters(&same, PAPER(",\"delivery\":\"registered\",\"deadline\":\"10d\""));
	released(&same, &again);
	assert_int_equal(again.message.attachments[0].len, r.message.attachments[0].len);
	assert_memory_equal(again.message.attachments[0].data, r.message.attachments[0].data, again.message.attachments[0].len);
	world_clear(&same);
	letters(&same, PAPER(",\"delivery\":\"registered\",\"deadline\":\"10d\""));
	same.env.checkpoint = newest;
	released(&same, &again);
	assert_true(again.message.attachments[0].len != r.message.attachments[0].len ||
		memcmp(again.message.attachments[0].data, r.message.attachments[0].data, r.message.attachments[0].len) != 0);
	world_clear(&same);
	world_clear(&w);
}

static int fake_document(struct document_wanted *wanted, struct arena *arena, struct attachment *ret, struct err *err, void *arg)
{
	const char *sha256_hex = wanted->sha256 ? wanted->sha256 : wanted->url;

	(void)err, (void)arg;
	ret->data = arena_strdup(arena, sha256_hex);
	ret->len = strlen(sha256_hex);
	return 0;
}

#define D1_DIGEST "8b53639f152c8fc6ef30802fde462ba0be9cf085f7580dc69efd72e002abbb35" /* of "d1" */

static int fetched_document(struct document_wanted *wanted, struct arena *arena, struct attachment *ret, struct err *err, void *arg)
{
	(void)arena, (void)err, (void)arg;
	wanted->fetched = true;
	*ret = (struct attachment){ .data = "d1", .len = 2 };
	return 0;
}

static int first_is_missing(struct document_wanted *wanted, struct arena *arena, struct attachment *ret, struct err *err, void *arg)
{
	(void)arena, (void)arg;
	if (strcmp(wanted->invoice_id, "inv_1") == 0)
		return err_set(err, -ENOENT, "gone", "", "gone");
	*ret = (struct attachment){ .data = "d1", .len = 2 };
	return 0;
}

/* The invoices go along with a letter that attaches them; not with one that only stands in for a mail; and never without all of them. */
static void enclosures(void **state)
{
	struct contact_released r;
	struct contact_plan plan;
	struct err err = { 0 };
	const struct task *task;
	struct world w;

	(void)state;
	letters(&w, PAPER(",\"attach\":\"invoice\""));
	w.env.document = fake_document;
	for (size_t i = 0; i < INVOICES; i++)
		w.e[i].invoice.snapshot.pdf_sha256 = "d1";
	released(&w, &r);
	assert_int_equal(r.message.attachment_count, 1 + INVOICES);
	assert_memory_equal(r.message.attachments[0].data, "%PDF-", 5);
	assert_string_equal(r.message.attachments[1].name, "inv_1.pdf");
	assert_string_equal(r.message.attachments[2].name, "F-0.pdf");
	for (size_t i = 0; i < INVOICES; i++)
		w.e[i].state = ESCALATION_WAITING;
	w.config->channel_providers[CHANNEL_LETTER][0] = NULL; /* by hand */
	w.debtor.contact_count = 0;
	assert_true(planned(&w, &plan));
	assert_int_equal(contact_open_post(&w.env, &w.debtor, &plan, &w.fx, &err), 0);
	task = find_task(&w.fx, "post");
	assert_non_null(strstr(task->script, "Enclose F-0.pdf (" D1_DIGEST ".pdf)\n")); /* of its bytes */
	assert_int_equal(w.debtor.contact_count, 1); /* while it waits to be posted */
	assert_string_equal(w.debtor.contacts[0].attempt, task->id);
	assert_true(w.debtor.contacts[0].channel == CHANNEL_LETTER && w.debtor.contacts[0].at == w.env.now && w.debtor.contacts[0].to);
	assert_tells(find_draft(w.fx.records, "task.opened"), "\"attachments\":[{\"size\":");
	world_clear(&w);

	letters(&w, PAPER(",\"attach\":\"invoice\",\"without_document\":\"send\""));
	w.env.document = first_is_missing;
	for (size_t i = 0; i < INVOICES; i++) {
		w.e[i].invoice.snapshot.pdf_url = "https://billing.example/x.pdf"; /* and no digest is told */
		w.e[i].document_until = w.env.now;
	}
	w.config->channel_providers[CHANNEL_LETTER][0] = NULL;
	assert_true(planned(&w, &plan));
	assert_int_equal(contact_open_post(&w.env, &w.debtor, &plan, &w.fx, &err), 0);
	task = find_task(&w.fx, "post");
	assert_non_null(strstr(task->script, "Enclose F-0.pdf (" D1_DIGEST ".pdf)\n"));
	assert_non_null(strstr(task->script, "It goes without an invoice: the document of invoice inv_1: gone\n"));
	assert_null(strstr(task->script, "(null)"));
	assert_tells(find_draft(w.fx.records, "task.opened"),
		"\"documents_omitted\":[{\"invoice\":\"inv_1\",\"why\":\"the document of invoice inv_1: gone\"}]");
	world_clear(&w);

	letters(&w, PAPER(",\"attach\":\"invoice\"")); /* what was fetched is in no folder, where somebody could take it from */
	w.env.document = fetched_document;
	for (size_t i = 0; i < INVOICES; i++)
		w.e[i].invoice.snapshot.pdf_url = "https://billing.example/x.pdf";
	w.config->channel_providers[CHANNEL_LETTER][0] = NULL;
	assert_true(planned(&w, &plan));
	assert_int_equal(contact_open_post(&w.env, &w.debtor, &plan, &w.fx, &err), -EBADMSG);
	assert_string_equal(err.code, "no_document");
	err_clear(&err);
	world_clear(&w);

	letters(&w, PAPER(",\"attach\":\"invoice\""));
	w.env.document = fake_document;
	w.e[0].invoice.snapshot.pdf_url = "https://billing.example/x.pdf";
	assert_true(planned(&w, &plan));
	assert_int_equal(contact_release(&w.env, &w.debtor, &plan, NULL, NULL, &w.fx, &r, &err), -EBADMSG);
	assert_string_equal(err.code, "document_awaited");
	for (size_t i = 0; i < INVOICES; i++)
		w.e[i].document_until = w.env.now;
	err_clear(&err);
	assert_int_equal(contact_release(&w.env, &w.debtor, &plan, NULL, NULL, &w.fx, &r, &err), -EBADMSG);
	assert_string_equal(err.code, "no_document"); /* a letter never goes without, unless its step says so */
	world_clear(&w);

	letters(&w, POLICY("", MAIL("reminder", "due+1d", ",\"attach\":\"invoice\",\"else\":\"letter\"")));
	w.env.document = fake_document;
	w.contact.email = NULL;
	released(&w, &r);
	assert_int_equal(r.message.attachment_count, 1);
	world_clear(&w);
}

/* A real one, of a page of ours: a letter that was made before. */
static int real_document(struct document_wanted *wanted, struct arena *arena, struct attachment *ret, struct err *err, void *arg)
{
	(void)wanted, (void)arena, (void)err;
	*ret = *(const struct attachment *)arg;
	return 0;
}

static size_t takes_one(const char *provider, void *arg)
{
	(void)provider, (void)arg;
	return 1;
}

static int pages(const struct attachment *file)
{
	qpdf_data pdf = qpdf_init();
	int count = -1;

	if (!(qpdf_read_memory(pdf, "it", file->data, file->len, NULL) & QPDF_ERRORS))
		count = qpdf_get_num_pages(pdf);
	qpdf_cleanup(&pdf);
	return count;
}

/* One file for a provider that takes no more, and for the person who prints it: the letter first, then the invoices. */
static void one_pdf_of_all(void **state)
{
	struct contact_released letter, r, again;
	struct contact_plan plan;
	struct err err = { 0 };
	const struct task *task;
	struct world w, same;

	(void)state;
	letters(&w, PAPER(""));
	released(&w, &letter);
	assert_int_equal(pages(&letter.message.attachments[0]), 1);
	letters(&same, PAPER(",\"attach\":\"invoice\""));
	same.env.document = real_document;
	same.env.document_arg = (void *)(uintptr_t)&letter.message.attachments[0];
	same.env.capacity = takes_one;
	for (size_t i = 0; i < INVOICES; i++)
		same.e[i].invoice.snapshot.pdf_sha256 = "d1";
	released(&same, &r);
	assert_int_equal(r.message.attachment_count, 1);
	assert_int_equal(pages(&r.message.attachments[0]), 1 + INVOICES);
	assert_int_equal(message_check(&r.message, NULL), 0);
	for (size_t i = 0; i < INVOICES; i++)
		same.e[i].state = ESCALATION_WAITING;
	same.debtor.contact_count = 0;
	released(&same, &again); /* the same bytes: a doubt may be settled by sending them again */
	assert_int_equal(again.message.attachments[0].len, r.message.attachments[0].len);
	assert_memory_equal(again.message.attachments[0].data, r.message.attachments[0].data, r.message.attachments[0].len);
	for (size_t i = 0; i < INVOICES; i++)
		same.e[i].state = ESCALATION_WAITING;
	same.config->channel_providers[CHANNEL_LETTER][0] = NULL; /* by hand */
	same.debtor.contact_count = 0;
	assert_true(planned(&same, &plan));
	assert_int_equal(contact_open_post(&same.env, &same.debtor, &plan, &same.fx, &err), 0);
	task = find_task(&same.fx, "post");
	assert_int_equal(pages(&(struct attachment){ .data = task->document, .len = task->document_len }), 1 + INVOICES);
	assert_non_null(strstr(task->script, "Behind it in the same document: inv_1.pdf, F-0.pdf, inv_2.pdf\n"));
	world_clear(&same);
	world_clear(&w);

	letters(&w, PAPER(",\"attach\":\"invoice\""));
	w.env.document = fake_document; /* no PDF: nothing is posted that lacks it */
	w.env.capacity = takes_one;
	for (size_t i = 0; i < INVOICES; i++)
		w.e[i].invoice.snapshot.pdf_sha256 = "d1";
	assert_true(planned(&w, &plan));
	assert_int_equal(contact_release(&w.env, &w.debtor, &plan, NULL, NULL, &w.fx, &r, &err), -EBADMSG);
	assert_string_equal(err.code, "no_document");
	assert_non_null(strstr(err.text, "inv_1.pdf cannot go into one PDF"));
	world_clear(&w);
}

static const struct way_row {
	const char *name, *delivery;
	int kind; /* of the customer */
	bool mail, registered, electronic;
} way_rows[] = {
	{ "simple", "", 0, true, false, false },
	{ "registered", ",\"delivery\":\"registered\"", 0, true, true, false },
	{ "e-registered", ",\"delivery\":\"e-registered\"", 0, true, true, true },
	{ "e-registered, and no mail address: on paper", ",\"delivery\":\"e-registered\"", 0, false, true, false },
	{ "e-registered to a consumer: on paper", ",\"delivery\":\"e-registered\"", 2, true, true, false },
};

static void way_row(void **state)
{
	const struct way_row *row = *state;
	struct contact_released r;
	struct world w;

	letters(&w, PAPER(""));
	set_policy(&w, 0, arena_printf(w.arena, PAPER("%s"), row->delivery));
	w.debtor.customer.kind = row->kind;
	w.contact.email = row->mail ? w.contact.email : NULL;
	for (size_t i = 1; i < INVOICES; i++)
		w.e[i].state = ESCALATION_CLOSED;
	released(&w, &r);
	assert_int_equal(r.message.registered, row->registered);
	assert_int_equal(r.message.electronic, row->electronic);
	world_clear(&w);
}

static void nobody_of_the_role_need_be_known(void **state)
{
	struct contact_released r;
	struct contact_plan plan;
	struct world w;

	(void)state;
	letters(&w, PAPER(""));
	w.contact.role = "manager";
	released(&w, &r);
	assert_string_equal(r.message.to.name, "Dupont SARL");
	assert_null(r.message.to.email);
	world_clear(&w);
	letters(&w, PAPER(""));
	w.debtor.customer.name = NULL; /* then it goes to the person */
	released(&w, &r);
	assert_string_equal(r.message.to.name, "Mme Roy");
	world_clear(&w);
	letters(&w, PAPER(""));
	w.debtor.customer.name = NULL;
	w.contact.role = "manager"; /* nobody to write on it */
	assert_false(planned(&w, &plan));
	world_clear(&w);
}

static void no_way_to_the_house(void **state)
{
	struct contact_plan plan;
	struct world w;

	(void)state;
	letters(&w, PAPER(",\"else\":\"email\""));
	w.debtor.customer.postal = (struct postal){ 0 };
	assert_true(planned(&w, &plan));
	assert_int_equal(plan.channel, CHANNEL_EMAIL);
	w.debtor.customer.postal = house;
	assert_true(planned(&w, &plan));
	assert_int_equal(plan.channel, CHANNEL_LETTER);
	/* One came back: that house is empty; another one is not. */
	assert_true(debtor_address_told(&w.debtor, w.arena, CHANNEL_LETTER, "12 rue X, 69002 Lyon, FR", true, w.env.now));
	assert_true(planned(&w, &plan));
	assert_int_equal(plan.channel, CHANNEL_EMAIL);
	w.debtor.customer.postal.line1 = "13 rue X";
	assert_true(planned(&w, &plan));
	assert_int_equal(plan.channel, CHANNEL_LETTER);
	w.debtor.opt_out[CHANNEL_LETTER].on = true;
	assert_true(planned(&w, &plan));
	assert_int_equal(plan.channel, CHANNEL_EMAIL);
	world_clear(&w);
}

/* What the carrier tells of it names the step's task; and the next one that is posted under that name is another contact. */
static void one_posted_by_hand_is_known_by_its_task(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const struct event told[] = { { .source = "https://ctl.example", .id = "e 1" }, { .source = "https://ctl.example", .id = "e 2" } };
	struct debtor debtor = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(told); i++) {
		debtor_contact_add(&debtor, arena, (int64_t)i, CHANNEL_LETTER, contact_told_id(arena, "post:inv_1:formal", &told[i]));
		assert_int_equal(debtor.contact_count, i + 1);
		assert_ptr_equal(debtor_contact_made(&debtor, "post:inv_1:formal"), &debtor.contacts[i]);
	}
	assert_null(debtor_contact_made(&debtor, "post:inv_1"));
	assert_null(debtor_contact_made(&debtor, "post:inv_1:formal@b"));
}

int main(void)
{
	struct CMUnitTest tests[6 + ARRAY_LEN(way_rows)] = {
		cmocka_unit_test(the_message_is_its_pdf),
		cmocka_unit_test(enclosures),
		cmocka_unit_test(one_pdf_of_all),
		cmocka_unit_test(nobody_of_the_role_need_be_known),
		cmocka_unit_test(no_way_to_the_house),
		cmocka_unit_test(one_posted_by_hand_is_known_by_its_task),
	};
	size_t n = 6;

	for (size_t i = 0; i < ARRAY_LEN(way_rows); i++)
		tests[n++] = (struct CMUnitTest){ .name = way_rows[i].name, .test_func = way_row, .initial_state = (void *)(uintptr_t)&way_rows[i] };
	return cmocka_run_group_tests_name("contact_letter", tests, NULL, NULL);
}
