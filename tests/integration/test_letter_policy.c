/*
 * A letter from the policy's file to the provider and back, against the running daemon: the formal notice in French arrives once, as the PDF
 * whose digest stands in the trail; it comes back undelivered; and a debtor without a house is reached otherwise, or a person is asked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "common/hash.h"
#include "daemon/newest.h"
#include "tests/support/http_get.h"
#include "tests/support/world.h"

#define WAIT_MS 30000

static const char event[] =
	"{\"specversion\":\"1.0\",\"id\":\"f-%s\",\"source\":\"https://billing.example/eu\",\"type\":\"invoice.finalized\","
	"\"time\":\"2026-03-02T09:00:00Z\",\"data\":{\"invoice\":{\"id\":\"%s\",\"number\":\"F-%s\",\"version\":1,\"issued_on\":\"2026-03-02\","
	"\"due_on\":\"2026-04-01\",\"currency\":\"EUR\",\"total_minor\":120000,\"due_minor\":120000,\"policy\":\"%s\"},"
	"\"customer\":{\"id\":\"cus_%s\",\"name\":\"Dupont & Fils SARL\",\"country\":\"FR\",\"kind\":\"company\",\"locale\":\"fr-FR\",\"timezone\":\"Europe/Paris\"%s,"
	"\"contacts\":[{\"id\":\"c1\",\"role\":\"billing\",\"name\":\"Mme Roy\",\"email\":\"compta@dupont.example\"}]}}}";
static const char house[] = ",\"postal\":{\"line1\":\"12 rue de l'\\u00c9glise\",\"postcode\":\"69002\",\"city\":\"Lyon\",\"country\":\"FR\"}";
static const char policy[] =
	"{\"name\":\"%s\",\"title\":\"at once\",\"window\":{\"zone\":\"debtor\",\"days\":\"mon-sun\",\"hours\":\"00:00-24:00\"},"
	"\"caps\":[],\"min_gap\":\"0h\",\"group\":\"none\",\"late\":{\"regime\":\"FR-B2B\"},"
	"\"steps\":[{\"id\":\"formal\",\"at\":\"due+30d\",\"channel\":\"letter\",\"delivery\":\"registered\",\"deadline\":\"10d\",\"fees\":true,"
	"\"template\":\"%s\",\"tone\":\"legal\",\"if\":{\"kinds\":[\"company\"],\"countries\":[\"FR\"]}%s},"
	"{\"id\":\"after\",\"at\":\"formal+14d\",\"gate\":\"decision\",\"role\":\"owner\"}]}";

struct lettered {
	struct world world;
	struct arena *arena;
};

static void put_policy(struct lettered *l, const char *name, const char *template, const char *more)
{
	world_put(&l->world, arena_printf(l->arena, "policies/%s.json", name), arena_printf(l->arena, policy, name, template, more));
}

static long ask(struct lettered *l, const char *path, const char *body)
{
	CLEANUP(http_reply_clear) struct http_reply reply = { 0 };

	return http_post(arena_printf(l->arena, "http://127.0.0.1:%d%s", l->world.port, path), NULL, body, &reply);
}

/* Its provider knows the names of these countries alone. */
static void put_provider(struct lettered *l, const char *countries)
{
	CLEANUP(buf_clear) struct buf file = { 0 };
	const char *text, *at;

	assert_int_equal(file_read(SOURCE_DIR "/daemon/share/providers/sandbox.json", 1 << 20, &file, NULL), 0);
	text = buf_str(&file);
	at = strstr(text, "\"attempt\": \"{dispatch.id}\",");
	assert_non_null(at);
	text = arena_printf(l->arena, "%.*s\"land\": {\"$if\": \"to.line1\", \"then\": \"{to.country|table:land}\"}, %s", (int)(at - text), text, at);
	at = strstr(text, "\"send\":");
	world_put(&l->world, "narrow.json", arena_printf(l->arena, "%.*s\"tables\": {\"land\": {%s}}, %s", (int)(at - text), text, countries, at));
}

static int setup(void **state)
{
	struct lettered *l = calloc(1, sizeof(*l));
	int hooks = world_free_port();

	l->arena = arena_create();
	world_open(&l->world, &(struct world_options){ 0 });
	put_policy(l, "now", "formal_notice_fr", "");
	put_policy(l, "either", "both", ",\"else\":\"email\"");
	put_policy(l, "whole", "both", ",\"attach\":\"invoice\"");
	put_policy(l, "named", "incomplete", ",\"notice\":\"fr-mise-en-demeure\"");
	world_put(&l->world, "templates/fr/incomplete.subject", "{{#holds.words_mise_en_demeure}}Mise en demeure{{/holds.words_mise_en_demeure}}");
	world_put(&l->world, "templates/fr/incomplete.letter",
		"{{#holds.clear_demand_to_pay}}Payez{{/holds.clear_demand_to_pay}}{{#deadline}}{{#holds.deadline}} le {{deadline}}{{/holds.deadline}}{{/deadline}}"
		"{{#holds.amount_due_breakdown}} {{balance}}{{/holds.amount_due_breakdown}}"
		"{{#terms}}{{#holds.invoice_references}} {{invoice.number}}, {{terms}}{{/holds.invoice_references}}{{/terms}}");
	world_put(&l->world, "templates/fr/both.subject", "Facture {{invoice.number}}");
	world_put(&l->world, "templates/fr/both.letter", "Sur papier : {{balance}}");
	world_put(&l->world, "templates/fr/both.txt", "Par mail : {{balance}}");
	world_configure(&l->world, "\"bank\":\"FR76 3000\"",
		"\"bank\":\"FR76 3000\",\"postal\":{\"line1\":\"1 place de la Bourse\",\"postcode\":\"75002\",\"city\":\"Paris\",\"country\":\"FR\"}");
	world_configure(&l->world, "\"creditor\":", arena_printf(l->arena,
		"\"hooks\":{\"listen\":\"127.0.0.1:%d\",\"public_url\":\"https://dunning.example\"},\"creditor\":", hooks));
	world_configure(&l->world, "\"file\":\"sandbox.json\",", "\"file\":\"sandbox.json\",\"secrets\":{\"webhook_key\":\"sandbox-secret\"},");
	world_configure(&l->world, "\"creditor\":", arena_printf(l->arena, "\"documents\":{\"dir\":\"%s\"},\"creditor\":", l->world.dir));
	put_provider(l, "\"FR\": \"france\"");
	world_configure(&l->world, "\"file\":\"sandbox.json\"", arena_printf(l->arena, "\"file\":\"%s/narrow.json\"", l->world.dir));
	world_configure(&l->world, "\"sms\":\"sandbox\"", "\"sms\":\"sandbox\",\"letter\":\"sandbox\"");
	assert_int_equal(ask(l, "/hooks", arena_printf(l->arena,
		"{\"to\":\"http://127.0.0.1:%d\",\"public_url\":\"https://dunning.example\",\"retry_ms\":20}", hooks)), 200);
	world_start(&l->world, NULL);
	if (!world_ready(&l->world, WAIT_MS))
		return -1;
	for (int64_t deadline = real_ms() + WAIT_MS; !newest_checkpoint(l->arena, l->world.state) && real_ms() < deadline;)
		pause_ms(20); /* of the start: letters state it */
	*state = l;
	return 0;
}

static int teardown(void **state)
{
	struct lettered *l = *state;

	world_close(&l->world, false);
	arena_free(l->arena);
	free(l);
	return 0;
}

static void push(struct lettered *l, const char *id, const char *policy_name, const char *postal)
{
	const char *text = arena_printf(l->arena, event, id, id, id, policy_name, id, postal);

	world_push(&l->world, text, strlen(text));
}

/* The message about the invoice, once there is one. */
static struct json sent(struct lettered *l, const char *invoice)
{
	for (int64_t deadline = real_ms() + WAIT_MS; real_ms() < deadline; pause_ms(20)) {
		struct json said = world_ask_sandbox(&l->world, l->arena, arena_printf(l->arena, "/messages?invoice=%s", invoice)),
			    messages = json_get(&said, "messages");

		if (json_len(&messages))
			return json_at(&messages, 0);
	}
	fail_msg("nothing was sent about %s", invoice);
	return (struct json){ 0 };
}

static const char *member(const struct json *json, const char *key)
{
	struct json value = json_get(json, key);

	return json_str(&value) ? json_str(&value) : "";
}

static void wait_says(struct lettered *l, const char *key, const char *text)
{
	const char *seen = "";

	for (int64_t deadline = real_ms() + WAIT_MS; real_ms() < deadline; pause_ms(20)) {
		const struct redis_reply *reply = world_redis(&l->world, l->arena, (const char *const[]){ "GET", world_key(&l->world, l->arena, key), NULL });

		seen = reply->type == REDIS_STRING ? reply->str : "";
		if (strstr(seen, text))
			return;
	}
	fail_msg("%s does not come to say %s: %s", key, text, seen);
}

/* What a person reads in it; NULL: there is no pdftotext here. */
static const char *text_of(struct lettered *l, const struct buf *pdf)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	const char *path = arena_printf(l->arena, "%s/letter.pdf", l->world.dir), *out = arena_printf(l->arena, "%s/letter.txt", l->world.dir);

	assert_int_equal(file_replace(path, pdf->data, pdf->len, 0600), 0);
	if (system("command -v pdftotext >/dev/null 2>&1") != 0) /* NOLINT: nothing of it comes from outside */
		return NULL;
	assert_int_equal(system(arena_printf(l->arena, "pdftotext -raw %s %s", path, out)), 0);
	assert_int_equal(file_read(out, 100000, &text, NULL), 0);
	return arena_strdup(l->arena, buf_str(&text));
}

static void assert_reads(const char *text, const char *what)
{
	if (text && !strstr(text, what))
		fail_msg("the letter does not say \"%s\": %s", what, text);
}

static void the_formal_notice_arrives_once(void **state)
{
	struct lettered *l = *state;
	CLEANUP(buf_clear) struct buf pdf = { 0 }, log = { 0 };
	struct json message, to, address, files, file, registered;
	uint8_t digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];
	const char *text, *data;

	push(l, "one", "now", house);
	message = sent(l, "one");
	to = json_get(&message, "to");
	address = json_get(&to, "address");
	files = json_get(&message, "attachments");
	registered = json_get(&message, "registered");
	assert_string_equal(member(&message, "channel"), "letter");
	assert_true(json_bool(&registered));
	assert_string_equal(member(&to, "name"), "Dupont & Fils SARL");
	assert_string_equal(member(&address, "line1"), "12 rue de l'Église");
	assert_string_equal(member(&message, "subject"), "Mise en demeure de payer : facture n° F-one");
	assert_int_equal(json_len(&files), 1);
	file = json_at(&files, 0);
	data = member(&file, "data");
	assert_string_equal(member(&file, "type"), "application/pdf");
	assert_int_equal(base64_decode(data, strlen(data), &pdf), 0);
	assert_memory_equal(pdf.data, "%PDF-", 5);
	text = text_of(l, &pdf);
	assert_reads(text, "Lettre recommandée avec avis de réception\nDupont & Fils SARL\nÀ l’attention de Mme Roy\n12 rue de l'Église\n69002 LYON\n");
	assert_reads(text, "Acme SARL\n1 place de la Bourse\n75002 PARIS\n");
	assert_reads(text, "nous vous mettons en demeure de nous régler la somme de 1");
	assert_reads(text, "plus tard le ");
	assert_reads(text, "40,00"); /* C. com. D441-5, from the law's own data */
	assert_reads(text, "Page 1 / 1");
	assert_reads(text, "Registre de preuves : test.example/world/"); /* what was signed before it */
	assert_non_null(strstr(newest_checkpoint(l->arena, l->world.state), "test.example/world/"));
	assert_reads(text, member(&message, "attempt"));
	/* The trail has these very bytes, and told of them before they left. */
	sha256(pdf.data, pdf.len, digest);
	assert_true(world_quiet(&l->world, WAIT_MS));
	assert_int_equal(world_ctl(&l->world, (const char *const[]){ "trail", "log", "--customer", "cus_one", "--parts", NULL }, &log), 0);
	assert_non_null(strstr(buf_str(&log), hex_format(digest, SHA256_SIZE, hex)));
	/* Not a second time, whoever comes back. */
	assert_int_equal(process_stop(&l->world.daemon, WAIT_MS), 0);
	world_start(&l->world, NULL);
	assert_true(world_ready(&l->world, WAIT_MS) && world_quiet(&l->world, WAIT_MS));
	message = world_ask_sandbox(&l->world, l->arena, "/messages?invoice=one");
	files = json_get(&message, "messages");
	assert_int_equal(json_len(&files), 1);
	assert_true(world_trail_verifies(&l->world));
}

/* "Destinataire inconnu": nobody is there, and what the step was for has not happened: a person looks for the address. */
static void one_that_comes_back_is_no_contact(void **state)
{
	struct lettered *l = *state;
	struct json message;

	push(l, "back", "now", house);
	message = sent(l, "back");
	assert_int_equal(ask(l, "/tell", arena_printf(l->arena, "{\"attempt\":\"%s\",\"what\":\"bounced\"}", member(&message, "attempt"))), 202);
	wait_says(l, "escalation:back", "\"no_address\"");
	wait_says(l, "debtor:cus_back", "12 rue de l'Église, 69002 Lyon, FR");
	assert_true(world_quiet(&l->world, WAIT_MS));
}

static void without_a_house_another_way_or_a_person(void **state)
{
	struct lettered *l = *state;
	CLEANUP(buf_clear) struct buf tasks = { 0 };
	struct json message;

	push(l, "mailed", "either", "");
	message = sent(l, "mailed");
	assert_string_equal(member(&message, "channel"), "email");
	assert_string_equal(member(&message, "text"), "Par mail : 1\u202f200,00\u00a0€\n");
	push(l, "printed", "either", house);
	message = sent(l, "printed");
	assert_string_equal(member(&message, "channel"), "letter");
	push(l, "lost", "now", "");
	wait_says(l, "escalation:lost", "\"no_address\"");
	assert_true(world_quiet(&l->world, WAIT_MS));
	assert_int_equal(world_ctl(&l->world, (const char *const[]){ "tasks", NULL }, &tasks), 0);
	assert_non_null(strstr(buf_str(&tasks), "no_address:lost:formal"));
}

/* The invoice goes along with the letter that is about it, the very bytes whose digest its event told. */
static void the_invoice_is_enclosed(void **state)
{
	static const char invoice[] = "%PDF-1.4\n% the invoice\n%%EOF\n";
	struct lettered *l = *state;
	CLEANUP(buf_clear) struct buf bytes = { 0 };
	struct json message, files, first, second;
	uint8_t digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];
	const char *text, *data;

	sha256(invoice, strlen(invoice), digest);
	hex_format(digest, SHA256_SIZE, hex);
	world_put(&l->world, arena_printf(l->arena, "%s.pdf", hex), invoice);
	text = arena_printf(l->arena, event, "whole", "whole", "whole", arena_printf(l->arena, "whole\",\"pdf_sha256\":\"%s", hex), "whole", house);
	world_push(&l->world, text, strlen(text));
	message = sent(l, "whole");
	files = json_get(&message, "attachments");
	assert_int_equal(json_len(&files), 2);
	first = json_at(&files, 0);
	second = json_at(&files, 1);
	assert_memory_equal(member(&first, "data"), "JVBERi", 6); /* the letter itself */
	assert_string_equal(member(&second, "name"), "F-whole.pdf");
	data = member(&second, "data");
	assert_int_equal(base64_decode(data, strlen(data), &bytes), 0);
	assert_int_equal(bytes.len, strlen(invoice));
	assert_memory_equal(bytes.data, invoice, bytes.len);
}

/* A formal notice without what the law asks of it does not go, and a person is told what it lacks; once it is mended, it goes. */
static void an_incomplete_notice_waits_for_a_person(void **state)
{
	struct lettered *l = *state;
	CLEANUP(buf_clear) struct buf tasks = { 0 }, said = { 0 };
	struct json message;
	const char *text;

	push(l, "named", "named", house);
	wait_says(l, "escalation:named", "\"notice_incomplete\"");
	assert_true(world_quiet(&l->world, WAIT_MS));
	assert_int_equal(world_ctl(&l->world, (const char *const[]){ "tasks", NULL }, &tasks), 0);
	assert_non_null(strstr(buf_str(&tasks), "review:named"));
	assert_non_null(strstr(buf_str(&tasks), "fr-mise-en-demeure lacks invoice_references"));
	message = world_ask_sandbox(&l->world, l->arena, "/messages?invoice=named");
	message = json_get(&message, "messages");
	assert_int_equal(json_len(&message), 0);
	text = arena_printf(l->arena, event, "named-2", "named", "named", "named", "named", house);
	text = arena_printf(l->arena, "%.*s,\"terms\":{\"late_fee_ref\":\"CGV-7\"}%s", (int)(strstr(text, ",\"policy\"") - text), text,
		strstr(text, ",\"policy\""));
	text = arena_printf(l->arena, "%.*s\"version\":2%s", (int)(strstr(text, "\"version\":1") - text), text, strstr(text, "\"version\":1") + 11);
	world_push(&l->world, text, strlen(text));
	assert_true(world_quiet(&l->world, WAIT_MS));
	assert_int_equal(world_ctl(&l->world, (const char *const[]){ "resume", "named", "the terms are known now", NULL }, &said), 0);
	message = sent(l, "named");
	assert_string_equal(member(&message, "subject"), "Mise en demeure");
	wait_says(l, "escalation:named", "\"waiting\"");
	buf_reset(&tasks);
	assert_int_equal(world_ctl(&l->world, (const char *const[]){ "tasks", NULL }, &tasks), 0);
	assert_null(strstr(buf_str(&tasks), "review:named"));
}

/* A country that the provider's file has no word for: a person is told which, another channel is taken where there is one, and the file is enough. */
static void a_country_without_a_word_asks_for_it(void **state)
{
	static const char sweden[] = ",\"postal\":{\"line1\":\"Kungsgatan 1\",\"postcode\":\"11143\",\"city\":\"Stockholm\",\"country\":\"SE\"}";
	struct lettered *l = *state;
	CLEANUP(buf_clear) struct buf tasks = { 0 }, said = { 0 };
	struct json message;

	push(l, "abroad", "now", sweden);
	wait_says(l, "escalation:abroad", "\"unrenderable\"");
	assert_true(world_quiet(&l->world, WAIT_MS));
	assert_int_equal(world_ctl(&l->world, (const char *const[]){ "tasks", NULL }, &tasks), 0);
	assert_non_null(strstr(buf_str(&tasks), "review:abroad"));
	assert_non_null(strstr(buf_str(&tasks), "\"SE\" is not among the words of $.tables.land"));
	push(l, "other", "either", sweden);
	message = sent(l, "other");
	assert_string_equal(member(&message, "channel"), "email");
	put_provider(l, "\"FR\": \"france\", \"SE\": \"suede\"");
	assert_int_equal(world_ctl(&l->world, (const char *const[]){ "reload", NULL }, &said), 0);
	message = sent(l, "abroad");
	assert_string_equal(member(&message, "channel"), "letter");
	assert_true(world_quiet(&l->world, WAIT_MS));
	buf_reset(&tasks);
	assert_int_equal(world_ctl(&l->world, (const char *const[]){ "tasks", NULL }, &tasks), 0);
	assert_null(strstr(buf_str(&tasks), "review:abroad"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_formal_notice_arrives_once),
		cmocka_unit_test(one_that_comes_back_is_no_contact),
		cmocka_unit_test(without_a_house_another_way_or_a_person),
		cmocka_unit_test(the_invoice_is_enclosed),
		cmocka_unit_test(an_incomplete_notice_waits_for_a_person),
		cmocka_unit_test(a_country_without_a_word_asks_for_it),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
