#include "common/reply.h"

#include <stddef.h>
#include <string.h>

#include "common/cleanup.h"

#define READ_MAX 4000 /* bytes: what is quoted below an answer is long, and ours */

/* Lower case, for ASCII and the Latin letters of these languages (U+00C0 .. U+00DE but not U+00D7). */
static size_t fold(const char *text, char *ret, size_t size)
{
	size_t n = 0;

	for (; text[n] && n + 1 < size; n++) {
		unsigned char c = (unsigned char)text[n];

		if (c >= 'A' && c <= 'Z')
			c = (unsigned char)(c + 32);
		else if (n && (unsigned char)text[n - 1] == 0xc3 && c >= 0x80 && c <= 0x9e && c != 0x97)
			c = (unsigned char)(c + 32);
		ret[n] = (char)c;
	}
	ret[n] = '\0';
	return n;
}

/*
 * The words that operators and providers take, among them those of Twilio's standard list (STOP, STOPALL, UNSUBSCRIBE, CANCEL, END, QUIT)
 * and the French "STOP au 36xxx".
 */
static const char *const stop_words[] = { "stop", "stopall", "stop all", "unsubscribe", "cancel", "end", "quit", "optout", "opt out", "opt-out",
	"revoke", "arret", "arr\xc3\xaat", "arr\xc3\xaater", "arretez", "arr\xc3\xaatez", "desinscrire", "d\xc3\xa9sinscrire", "desinscription",
	"d\xc3\xa9sinscription", "stopp", "abmelden", "abbestellen", "baja", "parar", "alto", "cancelar", "basta", "ferma", "cancella",
	"disiscrivi", "afmelden", "stoppen", "uitschrijven" };

bool reply_is_stop(const char *text)
{
	static const char around[] = " \t\r\n.,;:!\"'()";
	char word[64], *from = word;
	size_t len;

	if (!text)
		return false;
	text += strspn(text, around);
	len = fold(text, word, sizeof(word));
	if (text[len]) /* longer than any of them */
		return false;
	while (len && strchr(around, word[len - 1]))
		word[--len] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(stop_words); i++)
		if (strcmp(from, stop_words[i]) == 0)
			return true;
	if (strncmp(from, "stop", 4) != 0)
		return false;
	from += 4;
	from += strspn(from, " ");
	if (strncmp(from, "au ", 3) == 0 || strncmp(from, "to ", 3) == 0)
		from += 3;
	return *from && !from[strspn(from, "0123456789")]; /* "STOP 36180" */
}

static const struct phrase {
	const char *text, *guess;
} phrases[] = {
	{ "out of office", "out_of_office" },
	{ "out of the office", "out_of_office" },
	{ "on leave until", "out_of_office" },
	{ "automatic reply", "out_of_office" },
	{ "absent du bureau", "out_of_office" },
	{ "actuellement absent", "out_of_office" },
	{ "r\xc3\xa9ponse automatique", "out_of_office" },
	{ "en cong\xc3\xa9s jusqu", "out_of_office" },
	{ "abwesenheitsnotiz", "out_of_office" },
	{ "nicht im b\xc3\xbcro", "out_of_office" },
	{ "automatische antwort", "out_of_office" },
	{ "fuera de la oficina", "out_of_office" },
	{ "respuesta autom\xc3\xa1tica", "out_of_office" },
	{ "fuori ufficio", "out_of_office" },
	{ "risposta automatica", "out_of_office" },
	{ "afwezigheid", "out_of_office" },
	{ "automatisch antwoord", "out_of_office" },
	{ "niet op kantoor", "out_of_office" },
	{ "already paid", "paid" },
	{ "have paid", "paid" },
	{ "we paid", "paid" },
	{ "i paid", "paid" },
	{ "payment was made", "paid" },
	{ "payment has been made", "paid" },
	{ "d\xc3\xa9j\xc3\xa0 pay\xc3\xa9", "paid" },
	{ "d\xc3\xa9j\xc3\xa0 r\xc3\xa9gl\xc3\xa9", "paid" },
	{ "avons pay\xc3\xa9", "paid" },
	{ "avons r\xc3\xa9gl\xc3\xa9", "paid" },
	{ "ai pay\xc3\xa9", "paid" },
	{ "ai r\xc3\xa9gl\xc3\xa9", "paid" },
	{ "virement a \xc3\xa9t\xc3\xa9", "paid" },
	{ "virement effectu\xc3\xa9", "paid" },
	{ "bereits bezahlt", "paid" },
	{ "schon bezahlt", "paid" },
	{ "bereits \xc3\xbc" "berwiesen", "paid" },
	{ "haben bezahlt", "paid" },
	{ "habe bezahlt", "paid" },
	{ "ya pagamos", "paid" },
	{ "ya est\xc3\xa1 pagad", "paid" },
	{ "hemos pagado", "paid" },
	{ "he pagado", "paid" },
	{ "gi\xc3\xa0 pagat", "paid" },
	{ "abbiamo pagato", "paid" },
	{ "ho pagato", "paid" },
	{ "bonifico effettuato", "paid" },
	{ "al betaald", "paid" },
	{ "hebben betaald", "paid" },
	{ "heb betaald", "paid" },
};

const char *reply_guess(const char *text)
{
	char folded[READ_MAX];

	if (!text)
		return NULL;
	(void)fold(text, folded, sizeof(folded));
	for (size_t i = 0; i < ARRAY_LEN(phrases); i++)
		if (strstr(folded, phrases[i].text))
			return phrases[i].guess;
	return NULL;
}
