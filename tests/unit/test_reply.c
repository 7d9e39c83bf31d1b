/* What an answer asks of us, and what is guessed of it: what is quoted, signed or ours says nothing. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/file.h"
#include "common/reply.h"

/* As mail programs write them above what they quote without a mark. */
static const char *const heads[] = {
	"Le lundi 30 novembre 2026 à 09:00:00 UTC+1, Acme SARL <factures@acme.example> a écrit :",
	"Le lun. 30 nov. 2026 à 09:00, Acme SARL <factures@acme.example> a\r\nécrit\xc2\xa0:",
	"On Mon, Nov 30, 2026 at 9:00 AM Acme\n<factures@acme.example> wrote:",
	"Am Mo., 30. Nov. 2026 um 09:00 Uhr schrieb Acme <factures@acme.example>:",
	"Acme <factures@acme.example> schrieb am Mo., 30. Nov. 2026, 09:00:",
	"El lun, 30 nov 2026 a las 9:00, Acme (<factures@acme.example>)\nescribió:",
	"Il giorno lun 30 nov 2026 alle ore 09:00 Acme <factures@acme.example> ha scritto:",
	"Op ma 30 nov 2026 om 09:00 schreef Acme <factures@acme.example>:",
	"De : Acme SARL <factures@acme.example>\r\nEnvoyé : lundi 30 novembre 2026 09:00\r\nObjet : Facture",
	"Von: Acme <factures@acme.example>\nGesendet: Montag",
	"*From:* Acme <factures@acme.example>\nSent: Monday",
	"________________________________\nDe: Acme",
	"-----Original Message-----\nFrom: Acme",
	"-- \r\nJean Dupont\r\nDupont SARL\r\n01 02 03 04 05",
	"Envoyé de mon iPhone", "Envoyé depuis mon téléphone Orange", "Télécharger Outlook pour Android", "Sent from my iPhone", "Get Outlook for iOS",
	"Von meinem iPhone gesendet", "Gesendet mit der GMX Mail App", "Enviado desde mi iPhone", "Inviato da iPhone", "Verstuurd vanaf mijn iPhone",
	"Verzonden vanaf Outlook voor Android",
};

static const struct {
	const char *text;
	enum reply_wish wish;
} wishes[] = {
	{ NULL, REPLY_NONE },
	{ "", REPLY_NONE },
	{ "STOP", REPLY_OPT_OUT },
	{ " Stop.\r\n", REPLY_OPT_OUT },
	{ "\"stop\"", REPLY_OPT_OUT },
	{ "“STOP”", REPLY_OPT_OUT },
	{ "« Stop »", REPLY_OPT_OUT },
	{ "STOP\xc2\xa0!", REPLY_OPT_OUT },
	{ "🛑 STOP 🛑", REPLY_OPT_OUT },
	{ "❤️STOP", REPLY_OPT_OUT },
	{ "ＳＴＯＰ", REPLY_OPT_OUT },
	{ "ST\xe2\x80\x8bOP", REPLY_OPT_OUT },
	{ "ARRÊT", REPLY_OPT_OUT },
	{ "ARRE\xcc\x82T", REPLY_OPT_OUT }, /* decomposed */
	{ "STOP au 36180", REPLY_OPT_OUT },
	{ "stop36180", REPLY_OPT_OUT },
	{ "Unsubscribe", REPLY_OPT_OUT },
	{ "Désinscription", REPLY_OPT_OUT },
	{ "baja", REPLY_OPT_OUT },
	{ "AFMELDEN", REPLY_OPT_OUT },
	{ "Opt-out please", REPLY_OPT_OUT },
	{ "STOP SVP", REPLY_OPT_OUT },
	{ "Stop svp", REPLY_OPT_OUT },
	{ "stop merci", REPLY_OPT_OUT },
	{ "Stop, merci.", REPLY_OPT_OUT },
	{ "please stop", REPLY_OPT_OUT },
	{ "stop stop", REPLY_OPT_OUT },
	{ "STOP, s’il vous plaît", REPLY_OPT_OUT },
	{ "Bonjour,\n\nSTOP\n\nCordialement,\nJean Dupont", REPLY_OPT_OUT },
	{ "Stop\nJean Dupont\nDupont SARL", REPLY_OPT_OUT },
	{ "Bitte abmelden.", REPLY_OPT_OUT },
	{ "Basta, grazie", REPLY_OPT_OUT },
	{ "STOP merci de ne plus m'envoyer de sms", REPLY_OPT_OUT },
	{ "Merci de ne plus nous contacter par mail.", REPLY_OPT_OUT },
	{ "Veuillez me désabonner de cette liste.", REPLY_OPT_OUT },
	{ "Bitte senden Sie mir keine Mails mehr.", REPLY_OPT_OUT },
	{ "No me envíen más correos.", REPLY_OPT_OUT },
	{ "Non voglio più ricevere queste email.", REPLY_OPT_OUT },
	{ "Ik wil geen e-mails meer\nontvangen.", REPLY_OPT_OUT },
	{ "Please stop emailing me.", REPLY_OPT_OUT },
	{ "Please stop texting me", REPLY_OPT_OUT },
	{ "We don’t owe this. Do not contact me again!", REPLY_OPT_OUT },
	{ "Ne m’écrivez plus.", REPLY_OPT_OUT },
	{ "Bitte nicht mehr kontaktieren", REPLY_OPT_OUT },
	{ "Do not stop. Please stop texting me", REPLY_OPT_OUT },
	{ "> Invoice 7 is due\n\nStop texting me", REPLY_OPT_OUT },
	{ "On 3 March 2026 Acme <a@acme.example> wrote:\n> Invoice 7 is due\n\nSTOP", REPLY_OPT_OUT },
	{ "I want to unsubscribe", REPLY_OPT_OUT },
	{ "No quiero recibir más correos", REPLY_OPT_OUT },
	{ "Arrêtez de m'envoyer des mails", REPLY_OPT_OUT },
	/* a person reads it */
	{ "stop\njean", REPLY_REVIEW },
	{ "Please stop\nthe delivery of part two, and we pay", REPLY_REVIEW },
	{ "Keine SMS", REPLY_REVIEW },
	{ "Désinscrivez moi", REPLY_REVIEW },
	{ "Plus de sms svp", REPLY_REVIEW },
	{ "Je ne veux plus de vos mails", REPLY_REVIEW },
	{ "opt me out", REPLY_REVIEW },
	{ "Remove me", REPLY_REVIEW },
	{ "dont text me", REPLY_REVIEW },
	{ "Don't message me again", REPLY_REVIEW },
	{ "I no longer want to receive your emails", REPLY_REVIEW },
	{ "I don't want to receive any more emails", REPLY_REVIEW },
	{ "Please do not send me any more emails", REPLY_REVIEW },
	{ "Ne m'appelez plus", REPLY_REVIEW },
	{ "Non chiamatemi più", REPLY_REVIEW },
	{ "Please do not write to us at this address, but to billing@dupont.example", REPLY_REVIEW },
	{ "No me llamen", REPLY_REVIEW },
	{ "Schreiben Sie uns nicht mehr!", REPLY_REVIEW },
	{ "Please don't message us", REPLY_REVIEW },
	{ "Do not write to me any more", REPLY_REVIEW },
	{ "Veuillez cesser de me contacter", REPLY_REVIEW },
	{ "Cancellatemi dalla lista", REPLY_REVIEW },
	{ "Wil niet meer gemaild worden", REPLY_REVIEW },
	{ "stop sending to Paul, send it to Anna", REPLY_REVIEW },
	{ "stop by tomorrow and we talk", REPLY_REVIEW },
	{ "do not stop", REPLY_REVIEW },
	{ "STOP au", REPLY_REVIEW },
	{ "end of month", REPLY_REVIEW },
	{ "End\nof the month, as we said", REPLY_REVIEW },
	{ "Please do not stop sending the invoices", REPLY_REVIEW },
	{ "Please stop emailing Paul, write to Anna", REPLY_REVIEW },
	{ "Please don't stop texting me", REPLY_REVIEW },
	{ "Non voglio più ricevere la merce", REPLY_REVIEW },
	{ "Ne m'envoyez plus de factures papier", REPLY_REVIEW },
	{ "STОP", REPLY_REVIEW }, /* Cyrillic */
	{ "help STOP", REPLY_REVIEW },
	/* and this asks nothing of the kind */
	{ "Please stop\n\nmerci", REPLY_OPT_OUT },
	{ "stop\nmerci", REPLY_OPT_OUT },
	{ "stopping", REPLY_NONE },
	{ "Do not write to Paul, he has left", REPLY_NONE },
	{ "We do not write off that sum", REPLY_NONE },
	{ "Nous avons payé hier", REPLY_NONE },
	{ "Who are you?\n> To stop texting, answer STOP", REPLY_NONE },
	{ "Help!", REPLY_HELP },
	{ "Start, please", REPLY_OPT_IN },
	{ "help me understand the invoice", REPLY_NONE },
};

static const struct {
	const char *text, *guess;
} guesses[] = {
	{ NULL, NULL },
	{ "", NULL },
	{ "I am out of the office until Monday", "out_of_office" },
	{ "Abwesenheitsnotiz: bin zurück am 3.", "out_of_office" },
	{ "Ich bin bis 5.12. nicht im Büro.", "out_of_office" },
	{ "RÉPONSE AUTOMATIQUE", "out_of_office" },
	{ "Bonjour, nous avons réglé hier", "paid" },
	{ "Bonjour, nous avons re\xcc\x81gle\xcc\x81 hier", "paid" },
	{ "We have paid this on 3 March.", "paid" },
	{ "We have\npaid this", "paid" },
	{ "Die Rechnung ist bereits bezahlt", "paid" },
	{ "Wir haben die Rechnung gestern bezahlt.", "paid" },
	{ "gestern bezahlt", "paid" },
	{ "La facture a été payée hier", "paid" },
	{ "This invoice has been paid yesterday.", "paid" },
	{ "Réglé hier par virement", "paid" },
	{ "payé hier", "paid" },
	{ "Wij hebben gisteren betaald.", "paid" },
	{ "gisteren betaald", "paid" },
	{ "Abbiamo già effettuato il pagamento ieri.", "paid" },
	{ "Ya pagamos la factura", "paid" },
	{ "Ya hemos pagado la factura ayer.", "paid" },
	{ "Abbiamo pagato", "paid" },
	{ "is al betaald", "paid" },
	{ "J'ai déjà payé, pourquoi me relancez-vous ?", "paid" },
	{ "Le paiement a été effectué", "paid" },
	{ "Die Zahlung ist erfolgt", "paid" },
	{ "Betaling is gedaan", "paid" },
	{ "Bueno hemos pagado", "paid" },
	{ "No, hemos pagado", "paid" },
	{ "We haven't already paid twice; but we paid in March", "paid" },
	{ "> Invoice 7\n > is due\n\nWe have paid this on 3 March.", "paid" },
	{ "We will pay next week", NULL },
	{ "We could have paid if the goods had come", NULL },
	{ "We'll have paid by Friday", NULL },
	{ "Who says I paid?", NULL },
	{ "I thought we paid this", NULL },
	{ "It is impossible that we paid twice", NULL },
	{ "J'aurai payé d'ici vendredi.", NULL },
	{ "We will have paid by Friday", NULL },
	{ "Once we have paid we tell you", NULL },
	{ "Sobald wir bereits überwiesen haben", NULL },
	{ "Have you already paid?", NULL },
	{ "La facture sera payée hier ou demain", NULL },
	/* denied */
	{ "We paid nothing, since nothing came", NULL },
	{ "No hemos pagado", NULL },
	{ "Perché non abbiamo pagato?", NULL },
	{ "La facture n'a pas été payée", NULL },
	{ "It has not been paid yet", NULL },
	/* ours */
	{ "> Hebt u al betaald, dan danken wij u\n\nWij betwisten deze factuur.", NULL },
	{ "We dispute it. If you have already paid, thank you", NULL },
	{ "Nous contestons. Si vous avez déjà réglé, merci", NULL },
	{ "Schon bezahlt? Danke, dann ist diese Nachricht gegenstandslos.", NULL },
};

static void asks(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wishes); i++)
		if (reply_wish(wishes[i].text) != wishes[i].wish)
			fail_msg("%s: %s, not %s", wishes[i].text, reply_wish_names[reply_wish(wishes[i].text)], reply_wish_names[wishes[i].wish]);
	assert_true(reply_is_stop("Stop, merci"));
	assert_false(reply_is_stop("Please stop texting me"));
	assert_false(reply_is_stop("Re: STOP"));
	assert_false(reply_is_stop(NULL));
	assert_string_equal(reply_reason("We have paid; stop it"), "no_more");
	assert_string_equal(reply_reason("We have paid"), "paid");
	assert_null(reply_reason("STOP"));
	assert_null(reply_reason(NULL));
}

static void seems(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(guesses); i++) {
		const char *guess = reply_guess(guesses[i].text);

		if (!guess != !guesses[i].guess || (guess && strcmp(guess, guesses[i].guess) != 0))
			fail_msg("%s: %s", guesses[i].text, guess);
	}
}

/* Whatever a mail program puts below the first words, they are what counts, and what stands below is not theirs. */
static void what_stands_below_is_not_theirs(void **state)
{
	static const char *const stops[] = { "STOP", "unsubscribe", "Désinscription" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		const char *mail = arena_printf(arena, "Je conteste cette facture.\r\n\r\n%s\r\n\r\nBonjour,\r\nnous avons payé, have paid, STOP\r\n", heads[i]);

		for (size_t k = 0; k < ARRAY_LEN(stops); k++)
			for (size_t lines = 1; lines < 3; lines++)
				if (reply_wish(arena_printf(arena, "%s%s%s\r\n\r\nBonjour, la facture\r\n> reste due", stops[k], lines == 2 ? "\r\n\r\n" : "\n",
						heads[i])) != REPLY_OPT_OUT)
					fail_msg("%s above %s", stops[k], heads[i]);
		if (reply_guess(mail) || reply_wish(mail) != REPLY_NONE)
			fail_msg("guessed of what stands below: %s", heads[i]);
	}
}

/* Each of our own texts below an answer that no mark and no head parts from it: nobody said that it is paid. */
static void our_own_words_say_nothing(void **state)
{
	static const char *const languages[] = { "de", "en", "en-US", "es", "fr", "it", "nl" };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	size_t count = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(languages); i++) {
		const char *folder = arena_printf(arena, "%s/daemon/share/templates/%s", SOURCE_DIR, languages[i]);
		DIR *dir = opendir(folder);
		struct dirent *entry;

		assert_non_null(dir);
		while ((entry = readdir(dir))) {
			const char *end = strrchr(entry->d_name, '.');
			CLEANUP(buf_clear) struct buf text = { 0 };

			if (!end || (strcmp(end, ".txt") != 0 && strcmp(end, ".sms") != 0) || strstr(entry->d_name, "thanks"))
				continue;
			buf_add_str(&text, "Je conteste cette facture.\n");
			assert_int_equal(file_read(arena_printf(arena, "%s/%s", folder, entry->d_name), 100000, &text, NULL), 0);
			if (reply_guess(buf_str(&text)))
				fail_msg("%s/%s is guessed to say \"%s\"", languages[i], entry->d_name, reply_guess(buf_str(&text)));
			count++;
		}
		closedir(dir);
	}
	assert_true(count > 60);
}

static void long_ones_end(void **state)
{
	CLEANUP(buf_clear) struct buf large = { 0 }, quoted = { 0 };

	(void)state;
	for (int i = 0; i < 20000; i++)
		buf_add_char(&large, 'x');
	buf_add_str(&large, " we have paid");
	assert_null(reply_guess(large.data));
	assert_false(reply_is_stop(large.data));
	assert_int_equal(reply_wish(large.data), REPLY_NONE);
	for (int i = 0; i < 1000; i++) /* what is quoted above takes no room */
		buf_add_str(&quoted, "> Invoice 7 is due\n");
	buf_add_str(&quoted, "\nSTOP\n");
	assert_int_equal(reply_wish(quoted.data), REPLY_OPT_OUT);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks),
		cmocka_unit_test(seems),
		cmocka_unit_test(what_stands_below_is_not_theirs),
		cmocka_unit_test(our_own_words_say_nothing),
		cmocka_unit_test(long_ones_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
