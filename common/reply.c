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

/* --- wishes ----------------------------------------------------------------------------------------------------------- */

const char *const reply_wish_names[REPLY_WISH_COUNT + 1] = { [REPLY_NONE] = "none", [REPLY_OPT_OUT] = "opt_out", [REPLY_OPT_IN] = "opt_in",
	[REPLY_HELP] = "help", [REPLY_REVIEW] = "review" };

static const struct {
	const char *text;
	enum reply_wish wish;
} wish_words[] = { { "start", REPLY_OPT_IN }, { "unstop", REPLY_OPT_IN }, { "help", REPLY_HELP }, { "info", REPLY_HELP }, { "aide", REPLY_HELP },
	{ "hilfe", REPLY_HELP }, { "ayuda", REPLY_HELP }, { "aiuto", REPLY_HELP }, { "hulp", REPLY_HELP } };

/* Sentences that say nothing else; the apostrophes are plain, the accents as they are written. */
static const char *const no_more[] = { "stop texting", "stop text", "stop sms", "stop sending", "stop messaging", "stop emailing", "stop e-mailing",
	"stop calling", "stop contacting", "stop writing", "don't text me", "do not text me", "don't contact me", "do not contact me",
	"don't call me", "do not call me", "don't email me", "do not email me", "take me off", "remove me from", "leave me alone",
	"ne m'\xc3\xa9" "crivez plus", "ne m'ecrivez plus", "ne me contactez plus", "ne m'envoyez plus", "ne plus me contacter",
	"arr\xc3\xaatez de m", "cessez de m", "d\xc3\xa9sabonnez-moi", "nicht mehr schreiben", "nicht mehr kontaktieren", "keine sms mehr",
	"keine nachrichten mehr", "keine e-mails mehr", "no me escriban", "no me contacten", "no me manden", "no me env\xc3\xad" "en",
	"dejen de escribir", "non scrivetemi", "non mi scrivete", "non contattatemi", "smettete di", "niet meer sms", "niet meer mailen",
	"geen berichten meer", "geen sms meer", "schrijf mij niet", "stop met" };
/* Before such a sentence they turn it round: "do not stop sending". */
static const char *const denied[] = { "do not ", "don't ", "never ", "ne pas ", "nicht ", "no ", "non ", "niet ", "not ", "haven't " };

/* One of the words stands right before, and is no end of another one. */
static bool stands_before(const char *text, const char *at, const char *const *words, size_t count)
{
	for (size_t k = 0; k < count; k++) {
		size_t len = strlen(words[k]);
		const char *from = (size_t)(at - text) < len ? NULL : at - len;

		if (!from || strncmp(from, words[k], len) != 0)
			continue;
		if (from == text || !((from[-1] >= 'a' && from[-1] <= 'z') || (unsigned char)from[-1] >= 0x80))
			return true;
	}
	return false;
}

/* Apostrophes as they are typed on telephones: U+2019 is ' here. */
static void plain_apostrophes(char *text)
{
	char *to = text;

	for (; *text; text++) {
		if (strncmp(text, "\xe2\x80\x99", 3) == 0) {
			*to++ = '\'';
			text += 2;
		} else {
			*to++ = *text;
		}
	}
	*to = '\0';
}

static bool says_no_more(const char *text)
{
	for (size_t i = 0; i < ARRAY_LEN(no_more); i++) {
		const char *at = strstr(text, no_more[i]);

		if (at && !stands_before(text, at, denied, ARRAY_LEN(denied)))
			return true;
	}
	return false;
}

/* Letters of other alphabets that look like Latin ones, folded to those: only to see that somebody tried. */
static const struct {
	const char *theirs;
	char ours;
} look_alikes[] = { { "\xd0\x90", 'a' }, { "\xd0\xb0", 'a' }, { "\xd0\x92", 'b' }, { "\xd0\x95", 'e' }, { "\xd0\xb5", 'e' }, { "\xd0\x9a", 'k' },
	{ "\xd0\x9c", 'm' }, { "\xd0\x9d", 'h' }, { "\xd0\x9e", 'o' }, { "\xd0\xbe", 'o' }, { "\xd0\xa0", 'p' }, { "\xd1\x80", 'p' },
	{ "\xd0\xa1", 'c' }, { "\xd1\x81", 'c' }, { "\xd0\xa2", 't' }, { "\xd1\x82", 't' }, { "\xd0\x85", 's' }, { "\xd1\x95", 's' },
	{ "\xd0\x86", 'i' }, { "\xd1\x96", 'i' }, { "\xce\x91", 'a' }, { "\xce\x95", 'e' }, { "\xce\x9f", 'o' }, { "\xce\xbf", 'o' },
	{ "\xce\xa1", 'p' }, { "\xcf\x81", 'p' }, { "\xce\xa4", 't' }, { "\xce\x9d", 'n' } };

static bool plain_letters(char *text)
{
	bool found = false;
	char *to = text;

	while (*text) {
		size_t i = 0;

		while (i < ARRAY_LEN(look_alikes) && strncmp(text, look_alikes[i].theirs, 2) != 0)
			i++;
		if (i < ARRAY_LEN(look_alikes)) {
			*to++ = look_alikes[i].ours;
			text += 2;
			found = true;
		} else {
			*to++ = *text++;
		}
	}
	*to = '\0';
	return found;
}

/* One of the words stands by itself among others. */
static bool names_stop(const char *text)
{
	static const char between[] = " \t\r\n.,;:!?\"()";

	for (text += strspn(text, between); *text; text += strspn(text, between)) {
		size_t len = strcspn(text, between);

		for (size_t i = 0; i < ARRAY_LEN(stop_words); i++)
			if (strlen(stop_words[i]) == len && strncmp(stop_words[i], text, len) == 0)
				return true;
		text += len;
	}
	return false;
}

/*
 * What is quoted, below an answer or above it, is ours, and asks nothing of us: lines with '>', and all that follows a rule or the head of a
 * mail as Outlook writes it. `text` is in lower case.
 */
static void unquoted(char *text)
{
	static const char *const ends[] = { "--", "__", "from:", "von:", "van:", "da:", "de:", "de :", "de\xc2\xa0:" };
	char *to = text;
	size_t len;

	for (const char *line = text; *line; line += len) {
		len = strcspn(line, "\n");
		len += line[len] == '\n';
		for (size_t i = 0; i < ARRAY_LEN(ends) && line != text; i++) {
			if (strncmp(line, ends[i], strlen(ends[i])) == 0) {
				*to = '\0';
				return;
			}
		}
		if (line[strspn(line, " \t")] == '>')
			continue;
		memmove(to, line, len);
		to += len;
	}
	*to = '\0';
}

enum reply_wish reply_wish(const char *text)
{
	char folded[READ_MAX];
	size_t len, from;

	if (!text)
		return REPLY_NONE;
	if (reply_is_stop(text))
		return REPLY_OPT_OUT;
	(void)fold(text, folded, sizeof(folded));
	plain_apostrophes(folded);
	unquoted(folded);
	from = strspn(folded, " \t\r\n.,;:!\"'()");
	len = strcspn(folded + from, " \t\r\n.,;:!?\"'()");
	for (size_t i = 0; i < ARRAY_LEN(wish_words) && !folded[from + len + strspn(folded + from + len, " \t\r\n.!?")]; i++)
		if (strlen(wish_words[i].text) == len && strncmp(folded + from, wish_words[i].text, len) == 0)
			return wish_words[i].wish;
	if (says_no_more(folded))
		return REPLY_OPT_OUT;
	if (names_stop(folded) || (plain_letters(folded) && names_stop(folded)))
		return REPLY_REVIEW;
	return REPLY_NONE;
}

/* --- guesses ---------------------------------------------------------------------------------------------------------- */

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

/* "If you have already paid" is what we write ourselves, and is not always marked as a quotation. */
static bool says(const char *text, const char *phrase)
{
	static const char *const ours[] = { "if you have ", "hebt u " };
	static const char *const nothing[] = { " nothing", " nichts", " rien", " nada", " niente", " niets" };

	for (const char *at = strstr(text, phrase); at; at = strstr(at + 1, phrase)) {
		bool turned = stands_before(text, at, denied, ARRAY_LEN(denied)) || stands_before(text, at, ours, ARRAY_LEN(ours));

		for (size_t k = 0; k < ARRAY_LEN(nothing) && !turned; k++)
			turned = strncmp(at + strlen(phrase), nothing[k], strlen(nothing[k])) == 0;
		if (!turned)
			return true;
	}
	return false;
}

const char *reply_guess(const char *text)
{
	char folded[READ_MAX];

	if (!text)
		return NULL;
	(void)fold(text, folded, sizeof(folded));
	plain_apostrophes(folded);
	unquoted(folded);
	for (size_t i = 0; i < ARRAY_LEN(phrases); i++)
		if (says(folded, phrases[i].text))
			return phrases[i].guess;
	return NULL;
}
