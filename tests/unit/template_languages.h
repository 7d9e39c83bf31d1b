/* The languages of the shipped templates: what a text in each of them has, and what it never has. */
#ifndef DUNNINGD_TESTS_UNIT_TEMPLATE_LANGUAGES_H
#define DUNNINGD_TESTS_UNIT_TEMPLATE_LANGUAGES_H

#include <unicode/uversion.h>

/* Italian groups four digits by the CLDR of Debian 12, and no more by that of Debian 13. */
#if U_ICU_VERSION_MAJOR_NUM < 76
#define ITALIAN_1200 "1.200"
#else
#define ITALIAN_1200 "1200"
#endif
#define NBSP "\xc2\xa0"
#define NNBSP "\xe2\x80\xaf"

struct language {
	const char *tag, *folder;
	const char *euros, *day, *yen, *dinars; /* 1200.00 EUR, 1 April 2026, 1200 JPY, 1200.500 KWD: what must stand in the text */
	const char *words[12]; /* that no other language here has; one text in this language has at least one of them */
	const char *paid[3]; /* the reader may have paid: one in each message */
	const char *reminder; /* the neutral sentence and what it asks for */
	const char *nothing; /* that nothing is left to do */
	const char *never[16]; /* announces a court or a collector, or is familiar */
};

static const struct language languages[] = {
	{ "fr-FR", "fr", "1" NNBSP "200,00" NBSP "€", "1er avril 2026", "1" NNBSP "200", "1" NNBSP "200,500",
		{ "facture", "factures", "vous", "votre", "nous", "jours", "déjà", "règlement", "sauf" },
		{ "compte de ce message" },
		"Sauf erreur de notre part, votre facture n°" NBSP "F-42 reste impayée. Merci de procéder au règlement dès que possible.",
		"Vous n’avez plus rien à faire.",
		{ "mise en demeure", "huissier", "commissaire de justice", "avocat", "tribunal", "poursuite", "contentieux", "saisie",
			"dernier avis", " tu ", " ton ", " toi " } },
	{ "en-GB", "en", "€1,200.00", "1 April 2026", "1,200", "1,200.500",
		{ "invoice", "invoices", "the", "your", "please", "and", "paid", "days", "for" },
		{ "gnore this message" },
		"According to our records, your invoice F-42 has not been paid yet. Please arrange payment as soon as you can.",
		"There is nothing more for you to do.",
		{ "legal action", "solicitor", "lawyer", "attorney", "bailiff", "debt collect", "proceedings", "in court", "final notice",
			"installment", "past due", "on the phone" } },
	{ "en-US", "en-US", "€1,200.00", "April 1, 2026", "1,200", "1,200.500",
		{ "invoice", "invoices", "the", "your", "please", "and", "paid", "days", "for" },
		{ "gnore this message" },
		"According to our records, your invoice F-42 has not been paid yet. Please arrange payment as soon as you can.",
		"There is nothing more for you to do.",
		{ "legal action", "lawyer", "attorney", "debt collect", "proceedings", "in court", "final notice", "instalment", "telephone",
			"switchboard", "Kind regards", "please quote" } },
	{ "de-DE", "de", "1.200,00" NBSP "€", "1. April 2026", "1.200", "1.200,500",
		{ "rechnung", "rechnungen", "sie", "und", "nicht", "wir", "bitte", "ihre", "ist" },
		{ "gegenstandslos" },
		"nach unseren Unterlagen ist Ihre Rechnung Nr." NBSP "F-42 noch nicht beglichen. Bitte veranlassen Sie die Zahlung so bald wie möglich.",
		"Sie müssen nichts mehr tun.",
		{ "inkasso", "anwalt", "gericht ", "gerichtlich", "mahnbescheid", "letzte mahnung", "rechtliche schritte", "schufa", "klage",
			" du ", " dein", " euch", "Liebe" } },
	{ "es-ES", "es", "1200,00" NBSP "€", "1 de abril de 2026", "1200", "1200,500",
		{ "factura", "facturas", "pago", "por", "mensaje", "días", "ya", "llamada" },
		{ "tenga en cuenta este mensaje" },
		"Salvo error por nuestra parte, su factura n.º" NBSP "F-42 sigue pendiente de pago. Le rogamos que efectúe el pago en cuanto le sea posible.",
		"No tiene que hacer nada más.",
		{ "abogad", "tribunal", "judicial", "acciones legales", "moroso", "último aviso", "embargo", "demandar", " tú ", " tu ", " tus ",
			"hola" } },
	{ "it-IT", "it", ITALIAN_1200 ",00" NBSP "€", "1 aprile 2026", ITALIAN_1200, ITALIAN_1200 ",500",
		{ "fattura", "fatture", "pagamento", "messaggio", "giorni", "di", "che", "non" },
		{ "conto di questo messaggio" },
		"salvo errori da parte nostra, la Sua fattura n." NBSP "F-42 non risulta ancora saldata. La preghiamo di provvedere al pagamento appena possibile.",
		"Non deve fare altro.",
		{ "avvocat", "tribunale", "vie legali", "azione legale", "azioni legali", "messa in mora", "ingiuntiv", "ultimo avviso",
			"pignoramento", " tu ", " tuo", " tua ", "ciao", " il 1 aprile" } },
	{ "nl-NL", "nl", "€" NBSP "1.200,00", "1 april 2026", "1.200", "1.200,500",
		{ "factuur", "facturen", "wij", "betaling", "bericht", "dagen", "niet", "het", "u" },
		{ "als niet verzonden beschouwen", "dit bericht negeren" },
		"Volgens onze administratie is uw factuur F-42 nog niet betaald. Wij verzoeken u zo spoedig mogelijk te betalen.",
		"U hoeft niets meer te doen.",
		{ "deurwaarder", "incasso", "advocaat", "rechtbank", "gerechtelijk", "ingebrekestelling", "laatste aanmaning", "sommatie",
			" je ", " jij ", " jouw ", " jullie " } },
};

/* Names of laws, of a bank, and of what a law calls a letter or a procedure stay in their own language. */
static const char *const proper[] = { "Late Payment of Commercial Debts (Interest) Act 1998", "Bank of England", "2 und 5 BGB",
	"du code de commerce", "du code de la commande publique", "Practice Direction on Pre-Action Conduct and Protocols", "County Court",
	"Code civil", "letter before claim",
	"Pre-Action Protocol for Debt Claims",
	"requerimiento de pago", "procedimiento monitorio", "Ley Orgánica 1/2025", "Código Civil" };

#endif
