/*
 * Words that announce courts, lawyers, bailiffs, collectors or public shame. Before the legal stage a debtor reads none of them: most have
 * forgotten, and what is threatened must be carried out.
 *
 * As they are written, in lower case and without accents (see fold()); a '*' at the end of a word stands for the rest of it. What looks
 * like them and is harmless was left out on purpose: "sin embargo", "automatische incasso", "an Sie gerichtet", "erreur de saisie",
 * "sede legale". A sign of punctuation between two words parts them.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/buf.h"
#include "common/lint_internal.h"

static const char *const de[] = { "gericht", "gerichts*", "gerichtlich*", "amtsgericht*", "landgericht*",
	"mahnbescheid*", "mahnverfahren*", "mahngericht*", "inkasso*", "anwalt*", "anwaltin*", "rechtsanwalt*", "klage", "klagen", "klageweg*",
	"klageerheb*", "verklag*", "einklag*", "eingeklagt*", "rechtlich* schritt*", "juristisch* schritt*", "rechtsweg*", "rechtsstreit*",
	"rechtsabteilung*",
	"vollstreck*", "zwangsvollstreck*", "pfandung*", "pfanden", "gepfandet", "gehaltspfandung*", "kontopfandung*", "titulier*", "schufa*",
	"negativeintrag*", "schuldnerverzeichnis*", "insolvenzantrag*", "strafanzeige*", "betreibungsamt*", "betreibungsverfahren*",
	"letzte mahnung", "letzten mahnung", "letzter mahnung", NULL };

static const char *const en[] = { "legal action*", "legal proceeding*", "legal step*", "legal measure*", "legal remed*", "legal department",
	"legal team", "court action*", "court proceeding*", "court claim*", "court order*", "court judgment*", "court judgement*",
	"court fee*", "in court", "to court", "the court", "the courts", "a court", "county court*", "small claims", "money claim", "ccj*",
	"issue proceedings", "issuing proceedings", "begin proceedings", "start proceedings", "commence proceedings", "bring proceedings",
	"proceedings against", "solicitor*", "lawyer*", "attorney*", "barrister*", "our counsel", "legal counsel", "bailiff*", "enforcement agent*",
	"enforcement officer*", "sheriff*", "debt collect*", "collection* agenc*", "collection* agent*", "debt recovery agenc*",
	"letter before action", "letter before claim",
	"statutory demand*", "winding up petition*", "winding up order*", "bankruptcy petition*", "sue", "sued", "suing", "lawsuit*", "litigat*",
	"prosecut*", "final notice", "final demand", "final warning", "last warning", "credit bureau*", "credit reference agenc*", "blacklist*",
	"repossess*", "garnishment*", "judgment against", "judgement against", NULL };

static const char *const es[] = { "abogad*", "letrad*", "tribunal*", "juzgado*", "judicial*", "por via judicial", "demandarl*", "demandar",
	"demandaremos", "interponer* demanda*", "interponer* una demanda*", "presentar* demanda*", "presentar* una demanda*", "accion* legal*",
	"acciones legales", "medidas legales", "via legal", "vias legales", "procedimiento monitorio", "monitorio*", "embargos", "embargar*",
	"embargo de sus", "embargo de bienes", "embargo de cuentas", "orden de embargo", "moroso", "morosos", "asnef*", "burofax*", "ultimo aviso",
	"ultima notificacion", "ultimo requerimiento", "ultima advertencia", "empresa* de recobro*", "agencia* de recobro*", "procurador*",
	"ejecucion forzosa", "querell*", "denunciar*", NULL };

static const char *const fr[] = { "tribunal", "tribunaux", "huissier*", "commissaire* de justice", "avocat*", "mise en demeure", "mises en demeure",
	"mettre en demeure", "mettons en demeure", "mettrons en demeure", "mettrions en demeure", "injonction* de payer", "contentieu*", "poursuites",
	"poursuivr* en justice", "poursuivrons en justice", "action* en justice", "agir en justice", "en justice", "voie* judiciaire*",
	"poursuite* judiciaire*", "action* judiciaire*", "procedure* judiciaire*", "recouvrement judiciaire", "procedure* de recouvrement",
	"voie* de droit", "saisie conservatoire", "saisie attribution", "saisie* sur salaire*", "saisie* sur compte*",
	"saisie* de vos biens", "saisie* de vos comptes", "saisir la justice", "saisirons la justice",
	"assignation*", "assigner en", "vous assigner", "societe* de recouvrement", "cabinet* de recouvrement", "agence* de recouvrement",
	"dernier avis", "dernier avertissement", "ultime avertissement", "ultime relance", "derniere relance avant", "dernier rappel avant",
	"plainte penale", "porter plainte", NULL };

static const char *const it[] = { "avvocat*", "tribunale", "tribunali", "giudice", "giudici", "in giudizio", "giudiziari*", "giudizial*",
	"vie legali", "azione legale", "azioni legali", "nostro legale", "nostri legali", "studio legale", "ufficio legale", "per via legale",
	"tramite legale", "messa in mora", "costituzione in mora", "costituir* in mora", "diffida", "diffide", "diffidare", "diffidiamo",
	"decreto ingiuntivo", "decreti ingiuntivi", "ingiunzion*", "pignor*", "societa di recupero", "agenzia di recupero", "recupero coattivo",
	"recupero forzoso", "recupero forzato", "esecuzione forzata", "precetto", "ultimo avviso", "ultimo avvertimento", "cattivo pagatore",
	"cattivi pagatori", "centrale rischi", "centrale dei rischi", "querela*", NULL };

static const char *const nl[] = { "deurwaarder*", "gerechtsdeurwaarder*", "incassobureau*", "incassoprocedure*", "incassotraject*",
	"incassogemachtigde*", "ter incasso", "gerechtelijk*", "rechtbank*", "kantonrechter*", "de rechter", "rechtszaak", "rechtszaken",
	"juridisch* stap*", "juridisch* maatregel*", "juridisch* procedure*", "rechtsmaatregel*", "advocaat", "advocaten*", "advocate", "dagvaard*",
	"ingebrekestelling*", "in gebreke", "sommatie*", "sommeren", "sommeer*", "laatste aanmaning", "laatste waarschuwing", "laatste sommatie",
	"beslag leggen", "beslag te leggen", "beslag laten leggen", "beslag gelegd", "beslaglegging*", "loonbeslag*", "bankbeslag*", "vonnis*",
	"procederen", "faillissement aanvragen", "faillissement aan te vragen", "faillissementsaanvraag", "bkr*", "uit handen geven",
	"uit handen te geven", "uit handen gegeven", NULL };

static const struct language {
	const char *tag;
	const char *const *words;
} languages[] = { { "de", de }, { "en", en }, { "es", es }, { "fr", fr }, { "it", it }, { "nl", nl } };

static const struct language *language_of(const char *locale)
{
	for (size_t i = 0; i < ARRAY_LEN(languages); i++)
		if (strncasecmp(locale, languages[i].tag, 2) == 0 && (!locale[2] || locale[2] == '-' || locale[2] == '_'))
			return &languages[i];
	return NULL;
}

bool lint_reads(const char *locale)
{
	return language_of(locale);
}

/* --- a text as a row of words ------------------------------------------------------------------------------------------- */

#define PARTED '|' /* between two words that do not belong together; those that do have a space */
#define FOREIGN '~' /* a letter of another script: it belongs to its word, and to none of ours */

/* U+00C0 to U+017F without their accents; '?' is none of the letters. */
static const char latin[] = "aaaaaa?ceeeeiiiidnooooo?ouuuuyp?aaaaaa?ceeeeiiiidnooooo?ouuuuypy"
			    "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiii??jjkkkllllllllllnnnnnnnnnoooooo??"
			    "rrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";

/* One code point; malformed bytes count as foreign letters. */
static uint32_t take(const char **text)
{
	const unsigned char *p = (const unsigned char *)*text;
	int more = p[0] >= 0xf0 ? 3 : p[0] >= 0xe0 ? 2 : p[0] >= 0xc0 ? 1 : 0;
	uint32_t c = more == 3 ? p[0] & 7u : more == 2 ? p[0] & 15u : more == 1 ? p[0] & 31u : p[0];

	*text += 1;
	for (int i = 1; i <= more; i++, *text += 1) {
		if ((p[i] & 0xc0) != 0x80)
			return 0xfffd;
		c = c << 6 | (p[i] & 63u);
	}
	return c;
}

static void part(struct buf *out)
{
	if (out->len && out->data[out->len - 1] == ' ')
		out->data[out->len - 1] = PARTED;
	else if (out->len && out->data[out->len - 1] != PARTED)
		buf_add_char(out, PARTED);
}

/* A space, a hyphen or an apostrophe stands between words of one phrase; what was parted stays so. */
static void space(struct buf *out)
{
	if (out->len && out->data[out->len - 1] != ' ' && out->data[out->len - 1] != PARTED)
		buf_add_char(out, ' ');
}

static void fold(struct buf *out, uint32_t c)
{
	if (c < 0x80 && isalnum((int)c))
		buf_add_char(out, (char)tolower((int)c));
	else if (c == 0xad || (c >= 0x200b && c <= 0x200d) || c == 0x2060 || c == 0xfeff || (c >= 0x300 && c < 0x370))
		; /* soft hyphens and joiners are not seen; an accent that stands alone belongs to the letter before it */
	else if (c == 0xdf)
		buf_add_str(out, "ss");
	else if (c == 0x152 || c == 0x153)
		buf_add_str(out, "oe");
	else if (c == 0xc6 || c == 0xe6)
		buf_add_str(out, "ae");
	else if (c >= 0xc0 && c < 0xc0 + sizeof(latin) - 1 && latin[c - 0xc0] != '?')
		buf_add_char(out, latin[c - 0xc0]);
	else if ((c < 0x80 && (isspace((int)c) || c == '-' || c == '\'')) || c == 0xa0 || (c >= 0x2000 && c <= 0x2011) || c == 0x2018 || c == 0x2019 ||
		c == 0x202f)
		space(out);
	else if (c < 0xc0 || (c >= 0x2012 && c < 0x2070) || (c >= 0x20a0 && c < 0x2c00))
		part(out);
	else
		buf_add_char(out, FOREIGN);
}

/* "&eacute;", "&#233;", "&nbsp;": its end, or NULL when it is no entity. */
static const char *entity(const char *p, struct buf *out)
{
	static const char *const accents[] = { "acute;", "grave;", "circ;", "uml;", "tilde;", "cedil;", "ring;", "slash;" };
	bool hex = p[1] == '#' && (p[2] == 'x' || p[2] == 'X');
	char *end;

	if (p[1] == '#') {
		unsigned long c = strtoul(p + (hex ? 3 : 2), &end, hex ? 16 : 10);

		if (*end != ';' || c > 0x10ffff)
			return NULL;
		fold(out, (uint32_t)c);
		return end + 1;
	}
	for (size_t i = 0; i < ARRAY_LEN(accents) && isalpha((unsigned char)p[1]); i++)
		if (strncmp(p + 2, accents[i], strlen(accents[i])) == 0) {
			fold(out, (uint32_t)p[1]);
			return p + 2 + strlen(accents[i]);
		}
	if (strncmp(p, "&nbsp;", 6) == 0 || strncmp(p, "&rsquo;", 7) == 0) {
		space(out);
		return strchr(p, ';') + 1;
	}
	if (strncmp(p, "&szlig;", 7) == 0)
		buf_add_str(out, "ss");
	else if (strncmp(p, "&shy;", 5) != 0)
		return NULL;
	return strchr(p, ';') + 1;
}

/* What is no text: a comment, a style with its rules, any other tag. A tag parts nothing: a word may be in bold. Its end. */
static const char *skip_tag(const char *p, struct buf *out)
{
	const char *end = strncmp(p, "<!--", 4) == 0 ? "-->" : strncasecmp(p, "<style", 6) == 0 ? "</style>" : ">";
	const char *found = strcasestr(p, end);

	space(out);
	return found ? found + strlen(end) : p + strlen(p);
}

static void words_of(const char *text, bool html, struct buf *out)
{
	while (*text) {
		const char *end = html && *text == '&' ? entity(text, out) : NULL;

		if (html && *text == '<')
			end = skip_tag(text, out);
		if (end)
			text = end;
		else
			fold(out, take(&text));
	}
}

/* --- looking ------------------------------------------------------------------------------------------------------------ */

static bool ends_word(char c)
{
	return !c || c == ' ' || c == PARTED;
}

/* How many bytes of `text`, which begins with a word, the words of `pattern` take; 0: it is another text. */
static size_t matches(const char *text, const char *pattern)
{
	const char *p = text;

	for (; *pattern; pattern++) {
		if (*pattern == '*') {
			while (!ends_word(*p))
				p++;
			continue;
		}
		if (*p++ != *pattern)
			return 0;
	}
	return ends_word(*p) ? (size_t)(p - text) : 0;
}

const char *lint_threat(const char *locale, const char *text, bool html, struct arena *arena)
{
	const struct language *language = language_of(locale);
	CLEANUP(buf_clear) struct buf words = { 0 };
	const char *all;

	if (!language)
		return NULL;
	words_of(text, html, &words);
	all = buf_str(&words);
	for (const char *p = all; *p; p++) {
		if (p > all && !ends_word(p[-1]))
			continue;
		for (const char *const *pattern = language->words; *pattern; pattern++) {
			size_t len = **pattern == *p ? matches(p, *pattern) : 0;

			if (len)
				return arena_memdup(arena, p, len);
		}
	}
	return NULL;
}
