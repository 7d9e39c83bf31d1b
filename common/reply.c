#include "common/reply.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"

#define READ_MAX 4000 /* bytes of an answer: whoever says more than that is read by a person */
#define HEAD_MAX 600

/* --- letters ---------------------------------------------------------------------------------------------------------- */

/* U+00C0 to U+00FF without their accents. */
static const char latin[] = "aaaaaaaceeeeiiiidnooooo ouuuuypsaaaaaaaceeeeiiiidnooooo ouuuuypy";

/* The character as it counts here: in lower case and without accent; ' ' for signs and emoji, 0 for what is not seen, UINT32_MAX for itself. */
static uint32_t plain(uint32_t c)
{
	if (c >= 0xff01 && c <= 0xff5e) /* full width */
		c -= 0xfee0;
	if (c >= 'A' && c <= 'Z')
		return c + 32;
	if (c < 0x80)
		return c == '\t' || c < ' ' ? ' ' : c;
	if (c >= 0xc0 && c <= 0xff)
		return (unsigned char)latin[c - 0xc0];
	if (c == 0xad || (c >= 0x300 && c <= 0x36f) || (c >= 0x200b && c <= 0x200f) || c == 0xfeff || (c >= 0xfe00 && c <= 0xfe0f))
		return 0; /* a soft hyphen, an accent by itself, no width */
	if (c == 0x2018 || c == 0x2019)
		return '\'';
	if (c >= 0x2010 && c <= 0x2015)
		return '-';
	if (c < 0xc0 || (c >= 0x2000 && c <= 0x2bff) || (c >= 0x3000 && c <= 0x303f) || c >= 0x1f000)
		return ' ';
	return UINT32_MAX;
}

static uint32_t code_point(const char *text, size_t len)
{
	uint32_t c = (unsigned char)*text & (len == 1 ? 0x7f : 0xffu >> (len + 1));

	for (size_t i = 1; i < len; i++)
		c = c << 6 | ((unsigned char)text[i] & 0x3f);
	return c;
}

/* One line that plainly, its blanks as one, none at its ends. The length. */
static size_t fold(const char *line, const char *end, char *ret, size_t size)
{
	size_t n = 0, len;

	for (; line < end && n + 5 < size; line += len) {
		uint32_t c;

		len = (unsigned char)*line < 0x80 ? 1 : utf8_len(line, end);
		c = len ? plain(code_point(line, len)) : ' ';
		len += !len;
		if (c == UINT32_MAX) {
			memcpy(ret + n, line, len);
			n += len;
		} else if (c && !(c == ' ' && (!n || ret[n - 1] == ' '))) {
			ret[n++] = (char)c;
		}
	}
	n -= n && ret[n - 1] == ' ';
	ret[n] = '\0';
	return n;
}

static bool in_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80;
}

static const char *begins(const char *text, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strncmp(text, list[i], strlen(list[i])) == 0)
			return list[i];
	return NULL;
}

/* --- what they wrote -------------------------------------------------------------------------------------------------- */

/* With one of these begins what a mail program, or a telephone, puts below it: a rule, a signature, the head of a mail, its own advertisement. */
static const char *const below[] = { "--", "__", "from:", "von:", "van:", "da:", "de:", "de :", "desde:", "sent from", "get outlook for",
	"envoye de mon",
	"envoye depuis", "envoye a partir de", "envoye avec", "telecharger outlook", "obtenir outlook", "obtenez outlook", "von meinem", "gesendet von",
	"gesendet mit", "diese nachricht wurde von meinem", "outlook fur", "holen sie sich outlook", "enviado desde", "enviado de mi", "obtener outlook",
	"inviato da", "ottieni outlook", "scarica outlook", "verzonden vanaf", "verstuurd vanaf", "verzonden met", "outlook voor", "download outlook" };
static const char *const wrote[] = { "wrote", "a ecrit", "schrieb", "escribio", "ha scritto", "schreef", "geschreven" };
static const char *const dated[] = { "on ", "le ", "am ", "el ", "il ", "op " }; /* so it begins where it goes over several lines */

static const char *next_line(const char *line)
{
	line += strcspn(line, "\n");
	return line + (*line == '\n');
}

/* "On 3 March Acme <a@b> wrote:", on up to three lines. The line behind it, or NULL: it is none. */
static const char *attribution(const char *line)
{
	char text[HEAD_MAX];
	const char *end = line;

	for (int lines = 1; lines <= 3 && *end; lines++) {
		const char *next = next_line(end);
		size_t len = fold(line, next, text, sizeof(text));

		if (!len || (lines > 1 && (next - end <= 2 || !begins(text, dated, ARRAY_LEN(dated)))))
			return NULL;
		for (size_t i = 0; i < ARRAY_LEN(wrote) && text[len - 1] == ':' && strpbrk(text, "0123456789@"); i++)
			if (strstr(text, wrote[i]))
				return next;
		end = next;
	}
	return NULL;
}

/*
 * What they wrote themselves, plainly: without the lines that are marked as quoted, and without all that follows the head of a mail, a
 * signature or a footer. Where one of these stands above everything else it alone is left out: the answer is below it.
 */
static void answer(const char *text, char ret[READ_MAX])
{
	size_t n = 0;

	for (const char *line = text, *next; *line && n + 1 < READ_MAX; line = next) {
		const char *from = line + strspn(line, " \t*"), *behind;
		size_t len;

		next = next_line(line);
		if (*from == '>')
			continue;
		behind = attribution(from);
		len = fold(from, next, ret + n, READ_MAX - n - 1);
		if (behind || strcmp(ret + n, "-") == 0 || begins(ret + n, below, ARRAY_LEN(below))) {
			if (n)
				break;
			next = behind ? behind : next;
		} else if (len || n) {
			/* One that begins small goes on with the one above: "Please stop" and "the delivery" below it is no STOP. */
			if (n > 1 && ret[n - 1] == '\n' && ret[n - 2] != '\n' && *from >= 'a' && *from <= 'z')
				ret[n - 1] = ' ';
			n += len;
			ret[n++] = '\n';
		}
	}
	ret[n] = '\0';
}

/* Its lines as one, its paragraphs as lines. */
static void join_lines(char *text)
{
	for (; (text = strchr(text, '\n')); text++)
		if (text[1] != '\n' && text[1])
			*text = ' ';
		else
			text += strspn(text, "\n") - 1;
}

/* --- phrases ---------------------------------------------------------------------------------------------------------- */

/* In a phrase '*' is one of these words, and '%' a word that begins with one of those. */
static const char *const us[] = { "me", "us", "nous", "mich", "mir", "uns", "nos", "mi", "ci", "mij", "ons" };
static const char *const mails[] = { "sms", "text", "mail", "email", "e-mail", "d'email", "d'e-mail", "courriel", "message", "nachricht",
	"mensaje", "correo",
	"messagg", "bericht", "reminder", "relance", "rappel", "mahnung", "recordatorio", "sollecit", "herinnering" };

static const char *word_end(const char *at)
{
	while (in_word(*at) || *at == '\'' || (*at == '-' && in_word(at[1])))
		at++;
	return at;
}

/* What stands behind the phrase at `at`, whose last word may go on; NULL: it does not stand there. */
static const char *match(const char *at, const char *phrase)
{
	for (; *phrase; phrase++) {
		const char *end, *word = NULL;

		if (*phrase != '*' && *phrase != '%') {
			if (*at++ != *phrase)
				return NULL;
			continue;
		}
		end = word_end(at);
		for (size_t i = 0; i < ARRAY_LEN(us) && *phrase == '*' && !word; i++)
			word = (size_t)(end - at) == strlen(us[i]) && strncmp(at, us[i], strlen(us[i])) == 0 ? us[i] : NULL;
		if (*phrase == '%')
			word = begins(at, mails, ARRAY_LEN(mails));
		if (!word)
			return NULL;
		at = end;
	}
	return at;
}

/* From `at` on the next one that begins with a word; its end is *behind. NULL: it stands nowhere. */
static const char *find(const char *text, const char *at, const char *phrase, const char **behind)
{
	for (; *at; at++)
		if ((at == text || !in_word(at[-1])) && (*behind = match(at, phrase)))
			return at;
	return NULL;
}

/* --- wishes ----------------------------------------------------------------------------------------------------------- */

/*
 * The words that operators and providers take, among them those of Twilio's standard list (STOP, STOPALL, UNSUBSCRIBE, CANCEL, END, QUIT)
 * and the French "STOP au 36xxx". Some mean much else, too: these count where nothing else is said.
 */
static const char *const stop_words[] = { "stopall", "stop all", "stop", "unsubscribe", "optout", "opt out", "opt-out", "revoke", "arretez",
	"arreter", "arret",
	"desinscrire", "desinscription", "desabonner", "desabonnement", "stopp", "stoppen", "abmelden", "abbestellen", "disiscrivi", "afmelden",
	"uitschrijven" };
static const char *const stop_alone[] = { "cancel", "end", "quit", "baja", "parar", "alto", "cancelar", "basta", "ferma", "cancella" };
/* Beside such a word they change nothing. */
static const char *const polite[] = { "please", "pls", "plz", "thanks", "thank you", "svp", "stp", "s'il vous plait", "merci", "bitte", "danke",
	"vielen dank",
	"por favor", "gracias", "per favore", "grazie", "prego", "alstublieft", "aub", "graag", "bedankt", "dank u", "bonjour", "bonsoir", "hello", "hi",
	"good morning", "hallo", "guten tag", "hola", "buenos dias", "buongiorno", "salve", "goedendag", "beste", "cordialement", "now", "ok" };
static const char *const what[] = { "sms", "mails", "mail", "emails", "email", "e-mails", "e-mail", "messages", "texts", "text", "pub" };

static const char *word_of(const char *at, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *behind = match(at, list[i]);

		if (behind && !in_word(*behind))
			return behind;
	}
	return NULL;
}

/* "STOP 36180", "STOP au 36180": what stands behind the number. */
static const char *number_of(const char *at)
{
	size_t to = strncmp(at, "au ", 3) == 0 || strncmp(at, "to ", 3) == 0 ? 3 : 0;
	size_t digits = strspn(at + to, "0123456789");

	return digits && !in_word(at[to + digits]) ? at + to + digits : NULL;
}

enum line_says { SAYS_POLITE, SAYS_STOP, SAYS_ALONE, SAYS_MORE };

static enum line_says line_says(const char *at)
{
	enum line_says says = SAYS_POLITE;

	while (*at && *at != '\n') {
		const char *behind;

		if (!in_word(*at)) {
			at++;
		} else if ((behind = word_of(at, stop_words, ARRAY_LEN(stop_words))) ||
			(strncmp(at, "stop", 4) == 0 && strspn(at + 4, "0123456789") && (behind = at + 4))) { /* "STOP36180" */
			says = SAYS_STOP;
			at = behind;
		} else if ((behind = word_of(at, stop_alone, ARRAY_LEN(stop_alone)))) {
			says = says == SAYS_STOP ? says : SAYS_ALONE;
			at = behind;
		} else if ((behind = word_of(at, polite, ARRAY_LEN(polite))) ||
			(says && ((behind = word_of(at, what, ARRAY_LEN(what))) || (behind = number_of(at))))) {
			at = behind;
		} else {
			return SAYS_MORE;
		}
	}
	return says;
}

/* The first line that says more than "hello" is nothing but such a word, and where that means much else, too, no other line says more. */
static bool asks_to_stop(const char *answered)
{
	enum line_says says = SAYS_POLITE;
	const char *line = answered;

	for (; *line && says == SAYS_POLITE; line = next_line(line))
		says = line_says(line);
	for (; *line && says == SAYS_ALONE; line = next_line(line))
		says = line_says(line) == SAYS_MORE ? SAYS_MORE : SAYS_ALONE;
	return says == SAYS_STOP || says == SAYS_ALONE;
}

bool reply_is_stop(const char *text)
{
	char answered[READ_MAX];

	if (!text)
		return false;
	answer(text, answered);
	return asks_to_stop(answered);
}

const char *const reply_wish_names[REPLY_WISH_COUNT + 1] = { [REPLY_NONE] = "none", [REPLY_OPT_OUT] = "opt_out", [REPLY_OPT_IN] = "opt_in",
	[REPLY_HELP] = "help", [REPLY_REVIEW] = "review" };

static const struct {
	const char *text;
	enum reply_wish wish;
} wish_words[] = { { "start", REPLY_OPT_IN }, { "unstop", REPLY_OPT_IN }, { "help", REPLY_HELP }, { "info", REPLY_HELP }, { "aide", REPLY_HELP },
	{ "hilfe", REPLY_HELP }, { "ayuda", REPLY_HELP }, { "aiuto", REPLY_HELP }, { "hulp", REPLY_HELP } };

/* Sentences that say nothing else. */
static const char *const no_more[] = { "stop texting *", "stop messaging *", "stop emailing *", "stop e-mailing *", "stop mailing *",
	"stop calling *",
	"stop contacting *", "stop writing *", "stop writing to *", "stop sending %", "stop sending * %", "stop sending * these %", "don't text *",
	"do not text *", "don't contact *", "do not contact *", "don't call *", "do not call *", "don't email *", "do not email *", "no more %",
	"take * off your", "take * off the", "remove * from", "leave * alone", "want to unsubscribe", "unsubscribe *",
	"ne m'ecrivez plus", "ne * ecrivez plus", "ne * contactez plus", "ne plus * contacter", "ne plus m'ecrire", "ne plus * ecrire",
	"ne m'envoyez plus de %", "ne * envoyez plus de %", "ne m'envoyez plus %", "ne * envoyez plus %", "ne plus m'envoyer de %", "ne plus m'envoyer %",
	"ne plus * envoyer de %", "ne plus * envoyer %", "plus recevoir de %", "plus recevoir %", "plus recevoir vos %", "plus recevoir ces %",
	"arretez de m'ecrire", "arretez de * ecrire", "arretez de * contacter", "arretez de m'envoyer des %", "arretez de * envoyer des %",
	"cessez de m'ecrire", "cessez de * ecrire", "cessez de * contacter",
	"desabonnez-moi", "desinscrivez-moi", "* desabonner", "* desinscrire",
	"nicht mehr schreiben", "nicht mehr kontaktieren", "keine % mehr", "keine weiteren %", "* abmelden", "* abzumelden",
	"no * escriban", "no * contacten", "no * manden mas %", "no * envien mas %", "no mas %", "no quiero recibir mas %", "dejen de enviarme %",
	"dejen de escribir", "dejen de enviar",
	"non scrivetemi", "non * scrivete", "non contattatemi", "non * contattate", "smettete di scriver", "smettete di mandar",
	"piu ricevere %", "piu ricevere queste %", "piu ricevere vostre %", "non * mandate piu %", "non inviatemi piu %",
	"geen % meer", "niet meer sms", "niet meer mailen", "schrijf * niet", "stop met mailen", "stop met sms", "stop met schrijven" };
/* They may, and may not: who does not want the paper any more is still written to, and whoever gives us another address wants to be. */
static const char *const perhaps_no_more[] = { "don't write *", "do not write *", "don't write to *", "do not write to *", "don't message *",
	"do not message *", "don't mail *", "do not mail *", "schreiben sie * nicht mehr", "kontaktieren sie * nicht mehr", "rufen sie * nicht mehr",
	"no * llamen", "non chiamatemi", "non * chiamate", "ne m'appelez plus", "ne * appelez plus",
	"do not send *", "don't send *", "dont send *", "don't want to receive", "do not want to receive", "dont want to receive", "no longer want",
	"don't want your %", "do not want your %", "dont text *", "dont contact *", "dont email *", "dont write *", "dont call *", "remove *",
	"opt * out", "veux plus de", "plus de %", "desinscrivez moi", "desabonnez moi", "keine sms", "keine mails", "keine e-mails",
	"ne m'envoyez plus", "ne * envoyez plus", "ne plus m'envoyer", "ne plus * envoyer", "plus recevoir",
	"arretez de", "cessez de", "cesser de", "nicht mehr anschreiben", "nicht mehr melden", "no quiero recibir", "no * manden", "no * envien",
	"dejen de", "piu ricevere", "cancellatemi", "smettete di",
	"niet meer ontvangen", "niet meer gemaild", "niet meer benader", "stop met" };
/* Before such a sentence they turn it round: "do not stop sending". */
static const char *const denied[] = { "do not", "don't", "never", "ne pas", "nicht", "no", "non", "niet", "not", "haven't" };

/* One of the words stands right before, and is no end of another one. */
static bool stands_before(const char *text, const char *at, const char *const *words, size_t count)
{
	for (size_t k = 0; k < count; k++) {
		size_t len = strlen(words[k]) + 1;

		if ((size_t)(at - text) >= len && at[-1] == ' ' && strncmp(at - len, words[k], len - 1) == 0 &&
			((size_t)(at - text) == len || !in_word(at[-1 - (ptrdiff_t)len])))
			return true;
	}
	return false;
}

static bool says_one(const char *text, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *behind;

		for (const char *at = text; (at = find(text, at, list[i], &behind)); at++)
			if (!in_word(*behind) && !stands_before(text, at, denied, ARRAY_LEN(denied)))
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
	for (const char *at = text; *at; at++)
		if ((at == text || !in_word(at[-1])) &&
			(word_of(at, stop_words, ARRAY_LEN(stop_words)) || word_of(at, stop_alone, ARRAY_LEN(stop_alone))))
			return true;
	return false;
}

/* Nothing but the word, and politeness. */
static enum reply_wish one_word(const char *answered)
{
	enum reply_wish wish = REPLY_NONE;

	for (const char *at = answered, *behind; *at; at = behind) {
		behind = at + 1;
		if (!in_word(*at) || (behind = word_of(at, polite, ARRAY_LEN(polite))))
			continue;
		for (size_t i = 0; i < ARRAY_LEN(wish_words) && !behind; i++)
			if ((behind = word_of(at, &wish_words[i].text, 1)))
				wish = wish_words[i].wish;
		if (!behind)
			return REPLY_NONE;
	}
	return wish;
}

enum reply_wish reply_wish(const char *text)
{
	char answered[READ_MAX];
	enum reply_wish wish;

	if (!text)
		return REPLY_NONE;
	answer(text, answered);
	if (asks_to_stop(answered))
		return REPLY_OPT_OUT;
	join_lines(answered);
	if ((wish = one_word(answered)))
		return wish;
	if (says_one(answered, no_more, ARRAY_LEN(no_more)))
		return REPLY_OPT_OUT;
	if (names_stop(answered) || says_one(answered, perhaps_no_more, ARRAY_LEN(perhaps_no_more)) || (plain_letters(answered) && names_stop(answered)))
		return REPLY_REVIEW;
	return REPLY_NONE;
}

/* --- guesses ---------------------------------------------------------------------------------------------------------- */

static const char *const out_of_office[] = { "out of office", "out of the office", "on leave until", "automatic reply", "absent du bureau",
	"actuellement absent", "reponse automatique", "en conges jusqu", "abwesenheitsnotiz", "nicht im buro", "automatische antwort", "fuera de la oficina",
	"respuesta automatica", "fuori ufficio", "risposta automatica", "afwezigheid", "automatisch antwoord", "niet op kantoor" };

static const struct {
	const char *text;
	bool asked; /* we write it ourselves, and put a question mark behind it */
} paid[] = {
	{ "already paid", true },
	{ "already been paid", true },
	{ "paid already", true },
	{ "have paid", false },
	{ "have already paid", false },
	{ "has been paid", true },
	{ "was paid", true },
	{ "we paid", false },
	{ "i paid", false },
	{ "paid yesterday", true },
	{ "payment was made", true },
	{ "payment has been made", true },
	{ "deja paye", true },
	{ "deja regle", true },
	{ "avons paye", false },
	{ "avons deja paye", false },
	{ "avons regle", false },
	{ "avons deja regle", false },
	{ "ai paye", false },
	{ "ai deja paye", false },
	{ "ai regle", false },
	{ "ai deja regle", false },
	{ "a ete paye", true },
	{ "a ete regle", true },
	{ "a deja ete paye", true },
	{ "a deja ete regle", true },
	{ "paye hier", true },
	{ "payee hier", true },
	{ "regle hier", true },
	{ "reglee hier", true },
	{ "c'est paye", true },
	{ "c'est regle", true },
	{ "paiement a ete", true },
	{ "paiement effectue", true },
	{ "virement a ete", true },
	{ "virement effectue", true },
	{ "virement fait", true },
	{ "bereits bezahlt", true },
	{ "schon bezahlt", true },
	{ "gestern bezahlt", true },
	{ "gestern uberwiesen", true },
	{ "bereits uberwiesen", true },
	{ "schon uberwiesen", true },
	{ "bereits beglichen", true },
	{ "ist uberwiesen", true },
	{ "zahlung ist erfolgt", true },
	{ "zahlung wurde", true },
	{ "haben bezahlt", false },
	{ "habe bezahlt", false },
	{ "wurde bezahlt", true },
	{ "ya pagamos", false },
	{ "ya esta pagad", true },
	{ "ya pague", false },
	{ "ha sido pagad", true },
	{ "pago ya esta hecho", true },
	{ "hemos pagado", false },
	{ "he pagado", false },
	{ "pagado ayer", true },
	{ "pagada ayer", true },
	{ "gia pagat", true },
	{ "gia effettuato il pagamento", true },
	{ "gia saldat", true },
	{ "e stata pagata", true },
	{ "abbiamo pagato", false },
	{ "ho pagato", false },
	{ "pagato ieri", true },
	{ "pagata ieri", true },
	{ "bonifico effettuato", true },
	{ "pagamento effettuato", true },
	{ "al betaald", true },
	{ "gisteren betaald", true },
	{ "gisteren overgemaakt", true },
	{ "is betaald", true },
	{ "betaling is gedaan", true },
	{ "hebben betaald", false },
	{ "heb betaald", false },
};
/* Before it in the same clause: it is not so, not yet, or only if; in part it is what we write ourselves ("Hebt u al betaald, dan ..."). */
static const char *const not_so[] = { "not", "haven't", "hasn't", "didn't", "never", "no", "non", "pas", "nicht", "niet", "if", "unless", "once",
	"when", "until",
	"as soon as", "could", "we'll", "i'll", "thought", "impossible", "who says",
	"will", "shall", "would", "should", "si", "quand", "lorsque", "des que", "sera", "wenn", "falls", "sollte",
	"sollten", "sobald", "wird", "werde", "werden", "haben sie", "hatten sie", "you had", "you told", "u hebt", "vous aviez", "lei",
	"had u", "cuando", "se", "quando", "appena", "als", "indien", "zodra", "wordt", "hebt u", "heeft u" };
static const char *const nothing[] = { " nothing", " nichts", " rien", " nada", " niente", " niets" };

static bool is_paid(const char *text, const char *at, const char *behind, bool asked)
{
	const char *clause = at, *word;

	while (clause > text && !strchr(".,;:!?\n", clause[-1]))
		clause--;
	for (size_t i = 0; i < ARRAY_LEN(not_so); i++)
		for (word = clause; word < at && (word = strstr(word, not_so[i])) && word < at; word++)
			if ((word == clause || !in_word(word[-1])) && !in_word(word[strlen(not_so[i])]))
				return false;
	if (begins(behind, nothing, ARRAY_LEN(nothing)))
		return false;
	return !asked || behind[strcspn(behind, ".;!?\n")] != '?';
}

const char *reply_guess(const char *text)
{
	char answered[READ_MAX];
	const char *behind;

	if (!text)
		return NULL;
	answer(text, answered);
	join_lines(answered);
	for (size_t i = 0; i < ARRAY_LEN(out_of_office); i++)
		if (find(answered, answered, out_of_office[i], &behind))
			return "out_of_office";
	for (size_t i = 0; i < ARRAY_LEN(paid); i++)
		for (const char *at = answered; (at = find(answered, at, paid[i].text, &behind)); at++)
			if (is_paid(answered, at, behind, paid[i].asked))
				return "paid";
	return NULL;
}

const char *reply_reason(const char *text)
{
	return reply_wish(text) == REPLY_REVIEW ? "no_more" : reply_guess(text);
}

const char *reply_task_reason(const char *reason)
{
	return !reason ? "reply" : strcmp(reason, "paid") == 0 ? "says_paid" : reason;
}

const char *reply_task_script(struct arena *arena, const char *text, const char *whose)
{
	bool words = text && *text;

	return arena_printf(arena, "%s%s(All of it, with what came with it and before it: dunningctl trail log %s --parts)", words ? text : "",
		words ? "\n\n" : "", whose);
}
