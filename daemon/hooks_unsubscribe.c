/*
 * /hooks/unsubscribe/<token>: what a mail program POSTs when its reader wants no more of our mails (RFC 8058), and what a browser shows to
 * who opens the address: a page with one button, as programs that look through mails open each link in them. A GET changes nothing.
 */
#include <errno.h>
#include <string.h>

#include "common/unsubscribe.h"
#include "daemon/hooks_internal.h"

static const struct page_words {
	const char *language, *title, *ask, *button, *done, *lost;
} words[] = {
	{ "en", "No more mails", "Shall we stop writing to you by mail about open invoices? What is owed stays owed, and we may write by post.",
		"No more mails", "We will not write to you by mail any more.",
		"This link is too old to tell us who you are, and nothing has changed. Please reply STOP to any of our mails: then we write no more." },
	{ "fr", "Ne plus recevoir de mails",
		"Souhaitez-vous ne plus recevoir de mails au sujet de vos factures ? Les sommes dues le restent, et nous pourrons vous \xc3\xa9"
		"crire par courrier.",
		"Ne plus recevoir de mails", "Nous ne vous \xc3\xa9" "crirons plus par mail.",
		"Ce lien est trop ancien pour nous dire qui vous \xc3\xaates, et rien n\xe2\x80\x99" "a chang\xc3\xa9. R\xc3\xa9pondez STOP "
		"\xc3\xa0 l\xe2\x80\x99un de nos mails, et nous ne vous en enverrons plus." },
	{ "de", "Keine E-Mails mehr",
		"Sollen wir Ihnen zu offenen Rechnungen keine E-Mails mehr schreiben? Was offen ist, bleibt offen, und wir k\xc3\xb6nnen per Post schreiben.",
		"Keine E-Mails mehr", "Wir schreiben Ihnen keine E-Mails mehr.",
		"Dieser Link ist zu alt, um uns zu sagen, wer Sie sind, und es hat sich nichts ge\xc3\xa4ndert. Bitte antworten Sie auf eine "
		"unserer E-Mails mit STOP: Dann schreiben wir Ihnen keine mehr." },
	{ "es", "No recibir m\xc3\xa1s correos",
		"\xc2\xbfQuiere que dejemos de escribirle por correo electr\xc3\xb3nico sobre facturas pendientes? La deuda sigue, y podremos escribirle por carta.",
		"No recibir m\xc3\xa1s correos", "No le escribiremos m\xc3\xa1s por correo electr\xc3\xb3nico.",
		"Este enlace es demasiado antiguo para saber qui\xc3\xa9n es usted, y nada ha cambiado. Responda STOP a cualquiera de nuestros "
		"correos y no le escribiremos m\xc3\xa1s." },
	{ "it", "Niente pi\xc3\xb9 e-mail",
		"Vuole che non le scriviamo pi\xc3\xb9 per e-mail delle fatture aperte? Quanto dovuto resta dovuto, e potremo scriverle per posta.",
		"Niente pi\xc3\xb9 e-mail", "Non le scriveremo pi\xc3\xb9 per e-mail.",
		"Questo collegamento \xc3\xa8 troppo vecchio per dirci chi \xc3\xa8 lei, e nulla \xc3\xa8 cambiato. Risponda STOP a una delle "
		"nostre e-mail e non le scriveremo pi\xc3\xb9." },
	{ "nl", "Geen e-mails meer",
		"Wilt u geen e-mails meer over openstaande facturen? Wat openstaat, blijft openstaan, en wij kunnen per post schrijven.",
		"Geen e-mails meer", "Wij sturen u geen e-mails meer.",
		"Deze link is te oud om ons te zeggen wie u bent, en er is niets veranderd. Antwoord STOP op een van onze e-mails: dan sturen wij "
		"u er geen meer." },
};

/* The first language that the browser names and we have. */
static const struct page_words *words_for(const struct hook_request *asked)
{
	const char *accepted = "", *best = NULL;
	const struct page_words *found = &words[0];

	for (size_t i = 0; i < asked->header_count; i++)
		if (strcasecmp(asked->headers[i].name, "Accept-Language") == 0)
			accepted = asked->headers[i].value;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		const char *at = strcasestr(accepted, words[i].language);

		if (at && (at == accepted || strchr(", ", at[-1])) && (!best || at < best)) {
			best = at;
			found = &words[i];
		}
	}
	return found;
}

const char *unsubscribe_page(const struct hook_request *asked, enum unsubscribe_step step, struct arena *arena)
{
	const struct page_words *w = words_for(asked);
	const char *form = step != UNSUBSCRIBE_ASK ? "" : arena_printf(arena, "<form method=\"post\"><button name=\"List-Unsubscribe\" value=\"One-Click\">%s</button></form>",
		w->button);

	return arena_printf(arena, "<!DOCTYPE html>\n<html lang=\"%s\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">"
		"<meta name=\"robots\" content=\"noindex\"><title>%s</title></head><body><h1>%s</h1><p>%s</p>%s</body></html>", w->language, w->title,
		w->title, step == UNSUBSCRIBE_ASK ? w->ask : step == UNSUBSCRIBE_DONE ? w->done : w->lost, form);
}

int unsubscribe_read(const uint8_t install_key[32], const struct hook_request *asked, const char *token, struct arena *arena,
	struct hook_event *ret)
{
	char attempt[ATTEMPT_ID_SIZE], hex[HOOK_ID_SIZE];
	uint8_t digest[SHA256_SIZE];

	if (!unsubscribe_check(install_key, token, attempt))
		return -EACCES;
	*ret = (struct hook_event){ .word = HOOK_STOPPED, .said = "List-Unsubscribe=One-Click", .reason = "unsubscribe",
		.attempt_id = arena_strdup(arena, attempt) };
	sha256(attempt, strlen(attempt), digest); /* asked for again, it is the same wish */
	ret->id = arena_strdup(arena, hex_format(digest, sizeof(digest), hex));
	return unsubscribe_asked(asked->body, asked->body_len) ? 0 : -EBADMSG;
}
