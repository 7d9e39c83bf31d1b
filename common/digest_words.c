/* The owner's six languages. */
#include <string.h>

#include "common/digest.h"

#define SECTIONS(needs, failed, broken, due, kept, sent, held, chosen)                                                          \
	{ [DIGEST_NEEDS_YOU] = needs, [DIGEST_FAILED] = failed, [DIGEST_BROKEN] = broken, [DIGEST_DUE] = due, [DIGEST_KEPT] = kept,  \
		[DIGEST_SENT] = sent, [DIGEST_HELD] = held, [DIGEST_CHOSEN] = chosen }

enum { EN, FR, DE, ES, IT, NL, LANGUAGES };
static const struct digest_words languages[LANGUAGES] = {
	[EN] = { "en", "{}: reminders of {} ({} need you)", "{}, what happened on {}", "Nothing happened, and nothing needs you.", "and {} more",
		"Invoices being followed: {}", "No payment feed has ever told anything: payments are only known from the invoices' own events.",
		"Attention: the payment feed is late, it is complete up to {}. Where a policy asks for fresh figures nobody is asked to pay.",
		"Payments are known up to {}.", "of",
		SECTIONS("Needs you", "Reached nobody", "Not kept", "Due within a week", "Kept", "Sent", "Held", "Policies chosen by a rule") },
	[FR] = { "fr", "{}\u00a0: relances du {} ({} vous attendent)", "{}, ce qui s’est passé le {}", "Rien ne s’est passé et rien ne vous attend.",
		"et {} autres", "Factures suivies\u00a0: {}",
		"Aucun flux de paiements n’a encore parlé\u00a0: les paiements ne sont connus que par les événements des factures.",
		"Attention\u00a0: le flux de paiements est en retard, complet jusqu’au {}. Là où une politique exige des chiffres frais, personne n’est relancé.",
		"Paiements connus jusqu’au {}.", "de",
		SECTIONS("Vous attend", "N’a atteint personne", "Non tenu", "Attendu d’ici une semaine", "Tenu", "Envoyé", "Suspendu",
			"Politiques choisies par une règle") },
	[DE] = { "de", "{}: Mahnwesen vom {} ({} brauchen Sie)", "{}, was am {} geschah", "Nichts geschah, und nichts braucht Sie.", "und {} weitere",
		"Verfolgte Rechnungen: {}",
		"Noch nie hat ein Zahlungseingang gemeldet: Zahlungen sind nur aus den Ereignissen der Rechnungen bekannt.",
		"Achtung: die Zahlungsmeldungen sind im Rückstand, vollständig bis {}. Wo eine Richtlinie frische Zahlen verlangt, wird niemand gemahnt.",
		"Zahlungen sind bekannt bis {}.", "von",
		SECTIONS("Braucht Sie", "Niemanden erreicht", "Nicht gehalten", "Fällig binnen einer Woche", "Gehalten", "Versandt", "Angehalten",
			"Von einer Regel gewählte Richtlinien") },
	[ES] = { "es", "{}: reclamaciones del {} ({} le esperan)", "{}, lo que ocurrió el {}", "No ocurrió nada y nada le espera.", "y {} más",
		"Facturas en seguimiento: {}", "Ningún flujo de pagos ha informado aún: los pagos solo se conocen por los eventos de las facturas.",
		"Atención: el flujo de pagos va con retraso, completo hasta el {}. Donde una política exige cifras recientes, no se reclama a nadie.",
		"Pagos conocidos hasta el {}.", "de",
		SECTIONS("Le espera", "No llegó a nadie", "Incumplido", "Vence en una semana", "Cumplido", "Enviado", "En suspenso",
			"Políticas elegidas por una regla") },
	[IT] = { "it", "{}: solleciti del {} ({} La attendono)", "{}, che cosa è accaduto il {}", "Non è accaduto nulla e nulla La attende.", "e altri {}",
		"Fatture seguite: {}", "Nessun flusso di pagamenti ha ancora parlato: i pagamenti sono noti solo dagli eventi delle fatture.",
		"Attenzione: il flusso dei pagamenti è in ritardo, completo fino al {}. Dove una regola chiede dati freschi nessuno viene sollecitato.",
		"Pagamenti noti fino al {}.", "di",
		SECTIONS("La attende", "Non ha raggiunto nessuno", "Non mantenuto", "In scadenza entro una settimana", "Mantenuto", "Inviato", "Sospeso",
			"Politiche scelte da una regola") },
	[NL] = { "nl", "{}: aanmaningen van {} ({} wachten op u)", "{}, wat er op {} gebeurde", "Er gebeurde niets en niets wacht op u.", "en nog {}",
		"Gevolgde facturen: {}", "Nog nooit heeft een betalingsbron iets gemeld: betalingen zijn alleen bekend uit de gebeurtenissen van de facturen.",
		"Let op: de betalingsbron loopt achter, volledig tot {}. Waar een beleid verse cijfers vraagt, wordt niemand aangemaand.",
		"Betalingen zijn bekend tot {}.", "van",
		SECTIONS("Wacht op u", "Heeft niemand bereikt", "Niet nagekomen", "Binnen een week verwacht", "Nagekomen", "Verzonden", "Aangehouden",
			"Beleid gekozen door een regel") },
};

static const struct {
	const char *word, *in[LANGUAGES];
} words[] = {
	{ "dispute", { "dispute", "litige", "Einwand", "disputa", "contestazione", "betwisting" } },
	{ "promise", { "promise to pay", "promesse de paiement", "Zahlungszusage", "promesa de pago", "promessa di pagamento", "betaalbelofte" } },
	{ "plan", { "payment plan", "échéancier", "Ratenplan", "plan de pago", "piano di rientro", "betalingsregeling" } },
	{ "settlement", { "settlement", "accord transactionnel", "Vergleich", "acuerdo", "accordo", "schikking" } },
	{ "paused", { "customer paused", "client en pause", "Kunde pausiert", "cliente en pausa", "cliente in pausa", "klant gepauzeerd" } },
	{ "insolvency", { "insolvency", "procédure collective", "Insolvenz", "insolvencia", "insolvenza", "insolventie" } },
	{ "reply", { "reply to be read", "réponse à lire", "Antwort zu lesen", "respuesta por leer", "risposta da leggere", "antwoord te lezen" } },
	{ "reconcile", { "figures to compare", "chiffres à rapprocher", "Zahlen abzugleichen", "cifras por conciliar", "cifre da riconciliare", "cijfers af te stemmen" } },
	{ "book_differs", { "the producer's list differs", "la liste du producteur diffère", "Liste des Vorsystems weicht ab", "la lista del productor difiere", "l’elenco del produttore differisce", "lijst van de bron wijkt af" } },
	{ "feed_stale", { "payments not known well enough", "paiements trop anciens", "Zahlungsstand zu alt", "pagos sin actualizar", "pagamenti non aggiornati", "betalingen niet actueel" } },
	{ "brake", { "brake: too many contacts an hour", "frein\u00a0: trop de contacts à l’heure", "Bremse: zu viele Kontakte je Stunde", "freno: demasiados contactos por hora", "freno: troppi contatti all’ora", "rem: te veel contacten per uur" } },
	{ "announced", { "payment announced", "paiement annoncé", "Zahlung angekündigt", "pago anunciado", "pagamento annunciato", "betaling aangekondigd" } },
	{ "undelivered", { "invoice not delivered", "facture non distribuée", "Rechnung nicht zugestellt", "factura no entregada", "fattura non consegnata", "factuur niet bezorgd" } },
	{ "operator", { "held by hand", "suspendu à la main", "von Hand angehalten", "retenido a mano", "sospeso a mano", "met de hand aangehouden" } },
	{ "exhausted", { "all steps taken: decide", "toutes les étapes faites\u00a0: à décider", "alle Stufen gegangen: zu entscheiden", "todos los pasos dados: decidir", "tutti i passi fatti: decidere", "alle stappen gezet: beslissen" } },
	{ "says_paid", { "says it is paid", "dit avoir payé", "sagt, es sei bezahlt", "dice haber pagado", "dice di aver pagato", "zegt betaald te hebben" } },
	{ "lacks_reference", { "they lack a reference", "il leur manque une référence", "ihnen fehlt eine Angabe", "les falta una referencia", "manca loro un riferimento", "hun ontbreekt een kenmerk" } },
	{ "fix_contact", { "find the right contact", "trouver le bon interlocuteur", "richtigen Ansprechpartner finden", "encontrar el contacto correcto", "trovare il contatto giusto", "de juiste contactpersoon vinden" } },
	{ "wrong_contact", { "the wrong contact", "mauvais interlocuteur", "falscher Ansprechpartner", "contacto equivocado", "contatto sbagliato", "verkeerde contactpersoon" } },
	{ "give_reference", { "give an order number or proof", "donner un numéro de commande ou une preuve", "Bestellnummer oder Nachweis geben", "dar un número de pedido o una prueba", "dare un numero d’ordine o una prova", "ordernummer of bewijs geven" } },
	{ "check_sent", { "was the invoice sent?", "la facture est-elle partie\u00a0?", "ging die Rechnung hinaus?", "¿se envió la factura?", "la fattura è partita?", "is de factuur verzonden?" } },
	{ "call", { "call", "appel à passer", "Anruf", "llamada", "chiamata", "telefoontje" } },
	{ "call_back", { "call back", "rappeler", "zurückrufen", "devolver la llamada", "richiamare", "terugbellen" } },
	{ "call_back_at", { "asked to be called", "demande à être rappelé", "bittet um Rückruf", "pide que se le llame", "chiede di essere richiamato", "vraagt om teruggebeld te worden" } },
	{ "post", { "letter to post", "lettre à poster", "Brief zu versenden", "carta por enviar", "lettera da spedire", "brief te posten" } },
	{ "decision", { "decision", "décision", "Entscheidung", "decisión", "decisione", "beslissing" } },
	{ "review_dispute", { "answer a dispute", "traiter un litige", "Einwand beantworten", "atender una disputa", "rispondere a una contestazione", "betwisting beantwoorden" } },
	{ "compare_books", { "compare the books", "rapprocher les livres", "Bücher abgleichen", "comparar los libros", "confrontare i libri", "boeken vergelijken" } },
	{ "answer_reply", { "answer a reply", "répondre", "Antwort geben", "responder", "rispondere", "antwoorden" } },
	{ "out_of_office", { "out of office", "absent", "abwesend", "ausente", "assente", "afwezig" } },
	{ "find_payment", { "find a payment", "retrouver un paiement", "Zahlung suchen", "buscar un pago", "cercare un pagamento", "betaling zoeken" } },
	{ "no_address", { "no address", "pas d’adresse", "keine Adresse", "sin dirección", "nessun indirizzo", "geen adres" } },
	{ "fix_address", { "correct an address", "corriger une adresse", "Adresse berichtigen", "corregir una dirección", "correggere un indirizzo", "adres verbeteren" } },
	{ "unknown_attempt", { "was it sent?", "est-ce parti\u00a0?", "wurde es gesandt?", "¿se envió?", "è stato inviato?", "is het verzonden?" } },
	{ "unknown_sender", { "who wrote?", "qui a écrit\u00a0?", "wer hat geschrieben?", "¿quién ha escrito?", "chi ha scritto?", "wie heeft geschreven?" } },
	{ "letter_unclaimed", { "letter unclaimed", "lettre non réclamée", "Brief nicht abgeholt", "carta no reclamada", "lettera non ritirata", "brief niet afgehaald" } },
	{ "refused", { "refused", "refusé", "abgelehnt", "rechazado", "rifiutato", "geweigerd" } },
	{ "provider", { "a provider refuses", "un prestataire refuse", "ein Anbieter weigert sich", "un proveedor rechaza", "un fornitore rifiuta", "een aanbieder weigert" } },
	{ "opted_out", { "opted out", "désinscrit", "abgemeldet", "dado de baja", "cancellato", "afgemeld" } },
	{ "unknown", { "not known whether sent", "envoi incertain", "Versand ungewiss", "envío incierto", "invio incerto", "verzending onzeker" } },
	{ "task_expired", { "not done in time", "non fait à temps", "nicht rechtzeitig erledigt", "no hecho a tiempo", "non fatto in tempo", "niet op tijd gedaan" } },
	{ "renewed", { "asked again", "redemandé", "erneut gefragt", "preguntado de nuevo", "chiesto di nuovo", "opnieuw gevraagd" } },
};

const struct digest_words *digest_words(const char *locale)
{
	for (size_t i = 0; i < LANGUAGES; i++)
		if (strncmp(languages[i].language, locale, 2) == 0)
			return &languages[i];
	return &languages[EN];
}

const char *digest_word(const struct digest_words *in, const char *word)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(words[i].word, word) == 0)
			return words[i].in[in - languages];
	return word;
}
