/* The sandbox's pages as a program reads them: each channel, what is escaped, who is kept out. In a browser: tests/outside/page.c. */
#include "tests/integration/sandbox_fixture.h"

#define HOSTILE "<script>alert(1)</script>"

static const char *page(struct fixture *f, const char *target)
{
	assert_int_equal(get(f, target), 200);
	has_header(f, "Content-Security-Policy", "default-src 'none'");
	has_header(f, "Content-Type", "text/html; charset=utf-8");
	assert_null(strstr(buf_str(&f->reply.body), "<script"));
	return buf_str(&f->reply.body);
}

static void pages_show_and_run_nothing(void **state)
{
	struct fixture *f = *state;
	const char *message = "{\"attempt\":\"" ATTEMPT_A "\",\"channel\":\"email\",\"to\":{\"email\":\"" HOSTILE "\"},\"" HOSTILE
			      "\":\"" HOSTILE "\",\"subject\":\"" HOSTILE "\",\"text\":\"" HOSTILE "\",\"html\":\"<p>" HOSTILE "</p>\","
			      "\"attachments\":[{\"name\":\"" HOSTILE ".pdf\",\"type\":\"text/html\",\"data\":\"JVBERi0=\"}]}";
	const char *at;

	(void)page(f, "/");
	says(f, "http-equiv=\"refresh\"");
	assert_int_equal(post(f, "/send", KEY_OF(ATTEMPT_A), message), 202);
	at = arena_printf(f->arena, "/message/%s", reply_str(f, "id"));
	(void)page(f, "/");
	says(f, arena_printf(f->arena, "href=\"%s\"><span class=\"what\"><bdi>&lt;script&gt;", at));
	(void)page(f, at);
	says(f, arena_printf(f->arena, "<iframe sandbox=\"\" title=\"HTML\" src=\"%s/html\">", at));
	assert_int_equal(get(f, arena_printf(f->arena, "%s/html", at)), 200);
	has_header(f, "Content-Security-Policy", "sandbox; default-src 'none'");
	assert_string_equal(buf_str(&f->reply.body), "<p>" HOSTILE "</p>");
	assert_int_equal(get(f, arena_printf(f->arena, "%s/file/0", at)), 200); /* to be kept, never shown */
	has_header(f, "Content-Type", "application/octet-stream");
	has_header(f, "Content-Disposition", "attachment; filename=\"scriptalert1script.pdf\"");
	assert_string_equal(buf_str(&f->reply.body), "%PDF-");
	assert_int_equal(get(f, arena_printf(f->arena, "%s/file/1", at)), 404);
	assert_int_equal(get(f, arena_printf(f->arena, "%s/file/18446744073709551616", at)), 404);
	assert_int_equal(get(f, arena_printf(f->arena, "%s/other", at)), 404);
	assert_int_equal(get(f, arena_printf(f->arena, "%s/", at)), 404);
	assert_int_equal(SEND(f, ATTEMPT_B), 202); /* it has no HTML */
	assert_int_equal(get(f, arena_printf(f->arena, "/message/%s/html", reply_str(f, "id"))), 404);
	assert_int_equal(get(f, "/page.css"), 200);
	has_header(f, "Content-Type", "text/css");
	(void)page(f, "/modes");
	says(f, "bounce_soft");
}

static void foreign_ids_lead_nowhere(void **state)
{
	static const char *const ids[] = { "sbx-1", "sbx-0", "sbx-", "x", "-", "-1", "sbx-00000000-1", "sbx-00000000-18446744073709551617" };
	struct fixture *f = *state;

	assert_int_equal(SEND(f, ATTEMPT_A), 202);
	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		if (get(f, arena_printf(f->arena, "/message/%s", ids[i])) != 404)
			fail_msg("%s is answered %ld", ids[i], f->reply.status);
}

/* As the recipient sees it. */
static void each_channel_has_its_look(void **state)
{
	static const struct {
		const char *channel, *members, *parts[4];
	} rows[] = {
		{ "sms", "\"to\":{\"phone\":\"+33612345678\"},\"text\":\"Facture F-1 : 10,00 \u20ac \u202e\"",
			{ "<pre class=\"bubble\"", "Facture F-1", "1 part of UCS-2", "<bdi>+33612345678</bdi>" } },
		{ "sms", "\"to\":{\"phone\":\"+33612345678\"},\"text\":\"Facture \u20ac\"", { "1 part of GSM-7, 10 septets" } },
		{ "letter", "\"registered\":true,\"to\":{\"name\":\"Dupont & fils\",\"address\":{\"line1\":\"1 rue de l'Exemple\",\"postcode\":\"69001\","
			"\"city\":\"Lyon\",\"country\":\"FR\"}},\"subject\":\"Mise en demeure\",\"text\":\"Sans r\u00e8glement\"",
			{ "Registered letter", "<bdi>Dupont &amp; fils</bdi><br><bdi>1 rue de l&#39;Exemple</bdi><br><bdi>69001</bdi> <bdi>Lyon</bdi>",
				"<strong><bdi>Mise en demeure" } },
		{ "voice", "\"locale\":\"fr-FR\",\"to\":{\"phone\":\"+33612345678\"},\"text\":\"Bonjour.\\n\\nFacture un.\"",
			{ "Call to <bdi>+336", "in <bdi>fr-FR", "<p dir=\"auto\">Bonjour.</p><p dir=\"auto\">Facture un.</p>" } },
		{ "email", "\"to\":{\"name\":\"A\",\"email\":\"a@b.example\"},\"subject\":\"\\u0007\",\"text\":\"x\"",
			{ "<bdi>A</bdi> &lt;<bdi>a@b.example</bdi>&gt;", "<h1><bdi>&#x2407;</bdi>" } },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *attempt = arena_printf(f->arena, "01ARZ3NDEKTSV4RRFFQ69G5F%02zu", i);
		const char *headers[] = { arena_printf(f->arena, "Idempotency-Key: %s", attempt), NULL };

		assert_int_equal(post(f, "/send", headers,
					 arena_printf(f->arena, "{\"attempt\":\"%s\",\"channel\":\"%s\",%s}", attempt, rows[i].channel, rows[i].members)),
			202);
		(void)page(f, arena_printf(f->arena, "/message/%s", reply_str(f, "id")));
		for (size_t k = 0; k < ARRAY_LEN(rows[i].parts) && rows[i].parts[k]; k++)
			says(f, rows[i].parts[k]);
	}
}

/* Another page of the same browser can neither order nor read. */
static void other_pages_are_kept_out(void **state)
{
	static const struct {
		const char *header;
		long status;
	} rows[] = { { "Origin: http://evil.example", 403 }, { "Origin: null", 403 }, { "Host: evil.example", 403 }, { "Host: 127.0.0.1.evil.example", 403 },
		{ "Origin: http://127.0.0.1:1", 403 }, { "X-Nothing: x", 200 } };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *headers[] = { rows[i].header, NULL };

		if (post(f, "/behave", headers, "{\"mode\":\"ok\"}") != rows[i].status)
			fail_msg("%s is answered %ld", rows[i].header, f->reply.status);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pages_show_and_run_nothing),
		TEST(foreign_ids_lead_nowhere),
		TEST(each_channel_has_its_look),
		TEST(other_pages_are_kept_out),
	};

	return cmocka_run_group_tests_name("sandbox_page", tests, NULL, NULL);
}
