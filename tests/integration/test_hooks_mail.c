/* What comes back by mail: reports, answers as mail programs make them, and what a click sends. */
#include "tests/integration/hooks_story.h"

static void what_comes_back_by_mail(void **state)
{
	static const char report[] = "From: MAILER-DAEMON@mx.example\r\nMessage-ID: <%s@mx.example>\r\nContent-Type: multipart/report;\r\n"
		" report-type=delivery-status; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n"
		"Final-Recipient: rfc822; %s@posted.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\n"
		"Message-ID: <%s@acme.example>\r\n\r\n--b--\r\n";
	static const char answer[] = "From: Two <two@posted.example>\r\nMessage-ID: <a%d@posted.example>\r\nIn-Reply-To: <%s@acme.example>\r\n%s\r\n"
		"We pay on Friday.\r\n";
	static const char click[] = "From: one@left.example\r\nMessage-ID: <u1@left.example>\r\nSubject: STOP\r\nAuto-Submitted: auto-generated\r\n\r\nA click.\r\n";
	struct hooked *h = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *attempt, *address, *text;

	push_invoice(h, "posted", "posted");
	attempt = wait_sent(h, arena, "posted", 1, "one@posted.example");
	wait_says(h, "escalation", "posted", "\"end\":\"sent\"");
	give_mail(h, arena, "guess", arena_printf(arena, report, "d0", "one", attempt), 401);
	give_mail(h, arena, "another", arena_printf(arena, report, "d1", "behind-it", attempt), 200); /* one of several who have that address */
	give_mail(h, arena, "another", arena_printf(arena, report, "d2", "one", "01JX9000000000000000000042"), 200); /* of no message of ours */
	assert_true(world_quiet(&h->world, WAIT_MS));
	assert_int_equal(sent_to(h, arena, "posted", 0, &address, &text), 1);
	assert_null(strstr(member_text(h, arena, "debtor", "posted"), "\"addresses\""));
	give_mail(h, arena, "another", arena_printf(arena, report, "d3", "one", attempt), 200);
	attempt = wait_sent(h, arena, "posted", 2, "two@posted.example");
	wait_says(h, "debtor", "posted", "\"addresses\":[[\"one@posted.example\",0,true");
	give_mail(h, arena, "another", arena_printf(arena, answer, 1, attempt, "Auto-Submitted: auto-replied\r\n"), 200);
	assert_true(world_quiet(&h->world, WAIT_MS));
	assert_string_equal(state_of(h, arena, "posted"), "waiting");
	assert_null(strstr(member_text(h, arena, "escalation", "posted"), "\"reply\""));
	give_mail(h, arena, "another", arena_printf(arena, answer, 2, attempt, ""), 200);
	wait_says(h, "escalation", "posted", "\"held\":\"reply\"");
	assert_true(trail_keeps(h, "posted", "We pay on Friday."));
	world_behave(&h->world, "{\"mode\":\"hang\",\"count\":1}"); /* whoever it did not reach, it went out */
	push_invoice(h, "doubted", "doubted");
	attempt = wait_sent(h, arena, "doubted", 1, "one@doubted.example");
	wait_says(h, "escalation", "doubted", "\"state\":\"in_doubt\"");
	give_mail(h, arena, "another", arena_printf(arena, report, "d4", "behind-it", attempt), 200);
	wait_says(h, "escalation", "doubted", "\"end\":\"sent\"");
	assert_true(world_quiet(&h->world, WAIT_MS));
	assert_int_equal(sent_to(h, arena, "doubted", 0, &address, &text), 1);
	assert_null(strstr(member_text(h, arena, "debtor", "doubted"), "\"addresses\""));
	push_invoice(h, "left", "left");
	(void)wait_sent(h, arena, "left", 1, "one@left.example");
	wait_says(h, "escalation", "left", "\"end\":\"sent\"");
	give_mail(h, arena, "another", click, 200); /* an answer to nothing, and yet no more by mail, whatever it is about */
	wait_says(h, "debtor", "left", "\"opt_out_email\":{\"on\":true");
	push_invoice(h, "left-too", "left");
	(void)wait_sent(h, arena, "left-too", 1, "+33612345678");
}

/* As people write them: above what their mail program quotes and adds, or as HTML alone. What may ask for an end waits for a person. */
static void what_their_mail_program_adds(void **state)
{
	static const char answer[] = "From: one@%s.example\r\nMessage-ID: <%s@them.example>\r\nIn-Reply-To: <%s@acme.example>\r\nMIME-Version: 1.0\r\n"
		"Content-Type: text/%s; charset=utf-8\r\n\r\n%s\r\n";
	static const struct {
		const char *id, *type, *text, *kind, *says;
	} answers[] = {
		{ "above", "plain", "STOP\r\n\r\nLe lun. 30 nov. 2026 à 09:00, Acme SARL <factures@acme.example> a\r\nécrit :\r\n\r\n> Facture", "debtor",
			"\"opt_out_email\":{\"on\":true" },
		{ "page", "html", "<style>p{}</style><p>STOP</p><div class=\"gmail_quote\">Facture, d&eacute;j&agrave; r&eacute;gl&eacute;e ?</div>", "debtor",
			"\"opt_out_email\":{\"on\":true" },
		{ "disputes", "plain", "Je conteste.\r\n\r\nLe lundi 30 novembre 2026 à 09:00:00 UTC+1, Acme <f@acme.example> a écrit :\r\n\r\nDéjà payé, merci.",
			"escalation", "\"held\":\"reply\"" },
		{ "paid", "html", "<p>pay&eacute; hier</p>", "escalation", "\"reason\":\"paid\"" },
		{ "perhaps", "plain", "Stop sending to Paul, send it to Anna", "escalation", "\"reason\":\"no_more\"" },
	};
	struct hooked *h = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
		const char *id = answers[i].id, *attempt;

		push_invoice(h, id, id);
		attempt = wait_sent(h, arena, id, 1, arena_printf(arena, "one@%s.example", id));
		wait_says(h, "escalation", id, "\"end\":\"sent\"");
		give_mail(h, arena, "another", arena_printf(arena, answer, id, id, attempt, answers[i].type, answers[i].text), 200);
		wait_says(h, answers[i].kind, id, answers[i].says);
	}
	assert_true(trail_keeps(h, "page", "> Facture, d\xc3\xa9j\xc3\xa0")); /* as it was read: a quotation */
	assert_null(strstr(member_text(h, arena, "escalation", "disputes"), "\"reason\":\"paid\""));
	assert_null(strstr(member_text(h, arena, "debtor", "perhaps"), "opt_out"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_comes_back_by_mail),
		cmocka_unit_test(what_their_mail_program_adds),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
