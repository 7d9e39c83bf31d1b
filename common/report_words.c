#include "common/report_words.h"

#include <string.h>

static const char *look_up(const struct report_word *rows, size_t count, enum report_language l, const char *code)
{
	for (size_t i = 0; code && i < count; i++)
		if (strcmp(rows[i].code, code) == 0)
			return rows[i].words[l];
	return code ? code : "";
}

static const struct report_word channels[] = {
	{ "email", { "courriel", "email", "E-Mail" } },
	{ "sms", { "SMS", "text message", "SMS" } },
	{ "call", { "téléphone", "telephone", "Telefon" } },
	{ "letter", { "courrier", "letter", "Brief" } },
	{ "voice", { "message vocal", "voice message", "Anruf mit Ansage" } },
};
static const struct report_word outcomes[] = {
	{ "accepted", { "remis au prestataire, qui l’a accepté", "handed to the provider, which accepted it",
		"dem Anbieter übergeben, von ihm angenommen" } },
	{ "failed", { "refusé par le prestataire", "refused by the provider", "vom Anbieter abgelehnt" } },
	{ "in_doubt", { "incertain\u00a0: pas de réponse du prestataire", "in doubt: no answer from the provider",
		"ungewiss: keine Antwort des Anbieters" } },
	{ "unknown", { "inconnu\u00a0: on ignore si l’envoi est parti", "unknown: it is not known whether it left",
		"unbekannt: ob die Sendung hinausging, steht nicht fest" } },
	{ "done", { "appel effectué", "call made", "Anruf ausgeführt" } },
};
static const struct report_word receipts[] = {
	{ "delivered", { "distribué, selon le prestataire", "delivered, as the provider says", "Zustellung laut Anbieter" } },
	{ "bounced", { "retourné, selon le prestataire", "returned, as the provider says", "Rücklauf laut Anbieter" } },
	{ "failed", { "non distribué, selon le prestataire", "not delivered, as the provider says", "nicht zugestellt laut Anbieter" } },
	{ "suppressed", { "retenu par le prestataire : le destinataire n’en veut plus", "held back by the provider: the recipient wants no more",
		"vom Anbieter zurückgehalten: der Empfänger will nichts mehr" } },
	{ "deposited", { "déposé, selon le prestataire", "posted, as the provider says", "eingeliefert laut Anbieter" } },
	{ "posted", { "posté, selon le transporteur", "posted, as the carrier says", "eingeliefert laut Zusteller" } },
	{ "unclaimed", { "avisé et non réclamé, selon le transporteur", "unclaimed after notice, as the carrier says",
		"trotz Abholscheins nicht abgeholt, laut Zusteller" } },
	{ "refused", { "refusé par le destinataire, selon le transporteur", "refused by the recipient, as the carrier says",
		"Annahme vom Empfänger verweigert, laut Zusteller" } },
	{ "returned", { "retourné à l’expéditeur, selon le transporteur", "returned to the sender, as the carrier says",
		"Rücksendung an den Absender, laut Zusteller" } },
	{ "collected", { "retiré, selon le prestataire", "collected, as the provider says", "abgeholt laut Anbieter" } },
	/* a picture was loaded, by a person or a program */
	{ "opened", { "ouvert, selon le prestataire (ne prouve pas la lecture)", "opened, as the provider says (no proof of reading)",
		"geöffnet laut Anbieter (kein Beweis der Kenntnisnahme)" } },
};
static const struct report_word outcomeless[] = { /* where there is none of a provider */
	{ "none", { "sort non consigné", "no outcome on record", "kein Ergebnis verzeichnet" } },
	{ "shadow", { "préparé à blanc, non envoyé", "trial run, not sent", "Probelauf, nicht versandt" } },
	{ "posted", { "posté par une personne", "posted by a person", "von einer Person zur Post gegeben" } },
};
static const struct report_word bookings[] = {
	{ "invoice", { "Facture", "Invoice", "Rechnung" } },
	{ "changed", { "Modification de la facture", "Change of the invoice", "Änderung der Rechnung" } },
	{ "payment", { "Paiement reçu", "Payment received", "Zahlungseingang" } },
	{ "payment_reversed", { "Paiement annulé", "Payment reversed", "Rückbuchung einer Zahlung" } },
	{ "credit", { "Avoir", "Credit note", "Gutschrift" } },
	{ "credit_voided", { "Avoir annulé", "Credit note voided", "Gutschrift aufgehoben" } },
	{ "voided", { "Facture annulée", "Invoice voided", "Rechnung storniert" } },
	{ "paid_in_full", { "Déclarée soldée par le créancier", "Said by the creditor to be paid in full",
		"Vom Gläubiger als vollständig bezahlt gemeldet" } },
};
static const struct report_word kinds[] = {
	{ "attempt.skipped", { "Étape non effectuée", "Step not taken", "Stufe nicht ausgeführt" } },
	{ "attempt.deferred", { "Étape reportée", "Step put off", "Stufe aufgeschoben" } },
	{ "attempt.cancelled", { "Envoi annulé avant de partir", "Cancelled before it left", "Vor dem Versand abgebrochen" } },
	{ "attempt.failed", { "Envoi refusé", "Refused", "Versand abgelehnt" } },
	{ "attempt.in_doubt", { "Envoi incertain", "In doubt", "Versand ungewiss" } },
	{ "attempt.unknown", { "Envoi resté incertain", "Stayed in doubt", "Versand ungewiss geblieben" } },
	{ "attempt.reconciled", { "Incertitude levée", "Doubt settled", "Ungewissheit behoben" } },
	{ "attempt.undelivered", { "Parvenu à personne : étape de nouveau due", "Reached nobody: the step is owed again",
		"Niemanden erreicht: Stufe erneut fällig" } },
	{ "attempt.event", { "Information du prestataire ou du transporteur", "Told by the provider or carrier",
		"Mitteilung des Anbieters oder Zustellers" } },
	{ "policy.chosen", { "Protocole retenu pour cette facture", "Policy chosen for this invoice", "Mahnrichtlinie für diese Rechnung gewählt" } },
	{ "policy.migrated", { "Protocole remplacé pour cette facture", "Policy replaced for this invoice",
		"Mahnrichtlinie für diese Rechnung ersetzt" } },
	{ "hold.opened", { "Relances suspendues pour cette facture", "Dunning of this invoice on hold", "Mahnung dieser Rechnung ausgesetzt" } },
	{ "hold.ended", { "Fin de la suspension", "End of the hold", "Ende der Aussetzung" } },
	{ "sending.suspended", { "Tous les envois suspendus", "All sending suspended", "Jeder Versand angehalten" } },
	{ "sending.resumed", { "Reprise des envois", "Sending resumed", "Versand wieder aufgenommen" } },
	{ "promise.made", { "Promesse de paiement", "Promise to pay", "Zahlungszusage" } },
	{ "promise.withdrawn", { "Promesse retirée", "Promise withdrawn", "Zahlungszusage zurückgezogen" } },
	{ "promise.kept", { "Promesse tenue", "Promise kept", "Zahlungszusage eingehalten" } },
	{ "promise.broken", { "Promesse non tenue", "Promise broken", "Zahlungszusage nicht eingehalten" } },
	{ "dispute.opened", { "Contestation", "Dispute opened", "Einwendung erhoben" } },
	{ "dispute.resolved", { "Contestation levée", "Dispute resolved", "Einwendung erledigt" } },
	{ "payment.received", { "Paiement reçu", "Payment received", "Zahlungseingang" } },
	{ "payment.confirmed", { "Paiement intégral signalé", "Said to be paid in full", "Als vollständig bezahlt gemeldet" } },
	{ "payment.announced", { "Paiement annoncé", "Payment announced", "Zahlung angekündigt" } },
	{ "payment.failed", { "Prélèvement échoué", "Charge failed", "Einzug fehlgeschlagen" } },
	{ "payment.reversed", { "Paiement annulé", "Payment reversed", "Zahlung zurückgebucht" } },
	{ "credit.issued", { "Avoir émis", "Credit note issued", "Gutschrift erteilt" } },
	{ "credit.voided", { "Avoir annulé", "Credit note voided", "Gutschrift aufgehoben" } },
	{ "plan.agreed", { "Échéancier convenu", "Payment plan agreed", "Ratenplan vereinbart" } },
	{ "plan.amended", { "Échéancier modifié", "Payment plan amended", "Ratenplan geändert" } },
	{ "plan.cancelled", { "Échéancier annulé", "Payment plan cancelled", "Ratenplan aufgehoben" } },
	{ "plan.broken", { "Échéancier non respecté", "Payment plan broken", "Ratenplan nicht eingehalten" } },
	{ "plan.restored", { "Échéancier de nouveau en vigueur", "Payment plan stands again", "Ratenplan gilt wieder" } },
	{ "settlement.broken", { "Transaction non respectée", "Settlement not kept", "Vergleich nicht eingehalten" } },
	{ "settlement.agreed", { "Transaction convenue", "Settlement agreed", "Vergleich geschlossen" } },
	{ "consent.withdrawn", { "Opposition à un canal", "Opted out of a channel", "Kanal vom Schuldner abbestellt" } },
	{ "customer.changed", { "Coordonnées ou situation du client", "Customer's details or situation", "Angaben oder Verhältnisse des Kunden" } },
	{ "invoice.opened", { "Facture transmise au programme", "Invoice made known to the program", "Rechnung dem Programm gemeldet" } },
	{ "invoice.changed", { "Facture modifiée", "Invoice changed", "Rechnung geändert" } },
	{ "invoice.closed", { "Fin des relances pour cette facture", "Dunning of this invoice ended", "Ende der Mahnung dieser Rechnung" } },
	{ "inbound.message", { "Message du débiteur", "Message from the debtor", "Nachricht des Schuldners" } },
	{ "phone.note", { "Note d’appel", "Note of a call", "Gesprächsnotiz" } },
	{ "note.said", { "Mot personnel joint au message", "Personal note put into the message", "Persönliches Wort in der Nachricht" } },
	{ "policy.stricter", { "Relance plus ferme qu’auparavant", "Stricter policy than before", "Strengere Mahnrichtlinie als zuvor" } },
	{ "operator.command", { "Intervention d’une personne", "Command of a person", "Anweisung einer Person" } },
	{ "task.opened", { "Tâche confiée à une personne", "Task for a person", "Aufgabe für eine Person" } },
	{ "task.closed", { "Tâche terminée", "Task closed", "Aufgabe abgeschlossen" } },
	{ "commitment.opened", { "Annonce faite au débiteur", "Announced to the debtor", "Ankündigung an den Schuldner" } },
	{ "commitment.fulfilled", { "Annonce suivie d’effet", "Announcement carried out", "Ankündigung ausgeführt" } },
	{ "commitment.withdrawn", { "Annonce retirée", "Announcement withdrawn", "Ankündigung zurückgenommen" } },
	{ "commitment.lapsed", { "Annonce devenue sans objet", "Announcement lapsed", "Ankündigung gegenstandslos geworden" } },
	{ "commitment.overdue", { "Annonce restée sans suite dans le délai", "Announcement not followed up in time",
		"Ankündigung nicht fristgerecht weiterverfolgt" } },
	{ "work.hold_requested", { "Travaux à mettre en attente", "Work is to rest", "Arbeiten zurückzustellen" } },
	{ "customer.block_suggested", { "Proposition de ne plus travailler pour ce client", "Suggested to work no more for this customer",
		"Vorschlag, für diesen Kunden nicht weiter zu arbeiten" } },
	{ "work.release_allowed", { "Travaux à reprendre", "Work may go on", "Arbeiten fortzusetzen" } },
	{ "work.hold_announced", { "Mise en attente des travaux annoncée", "Warned that work will rest",
		"Zurückstellung der Arbeiten angekündigt" } },
	{ "fee.accrued", { "Indemnité forfaitaire réclamée", "Fixed sum asked for", "Verzugspauschale verlangt" } },
	{ "fee.waived", { "Renonciation à l’indemnité", "Fixed sum waived", "Verzicht auf die Verzugspauschale" } },
	{ "offer.made", { "Offre faite au débiteur", "Offer made to the debtor", "Angebot an den Schuldner" } },
	{ "requirement.waived", { "Pièce manquante, passée outre", "Done without", "Ohne fehlende Unterlage fortgefahren" } },
	{ "handover.requested", { "Dossier transmis", "Case handed over", "Fall übergeben" } },
	{ "handover.ended", { "Suite donnée par le destinataire du dossier", "Answer of whoever took the case",
		"Antwort der Stelle, die den Fall übernahm" } },
	{ "decision.recorded", { "Décision d’une personne", "Decision of a person", "Entscheidung einer Person" } },
	{ "event.dead", { "Message illisible du système de facturation", "Unreadable message of the billing system",
		"Unlesbare Nachricht des Abrechnungssystems" } },
	{ "stream.gap", { "Lacune dans les données reçues", "Gap in the data received", "Lücke in den empfangenen Daten" } },
	{ "daemon.recovered", { "Reprise après un arrêt brutal", "Recovered after a crash", "Wiederaufnahme nach einem Absturz" } },
	{ "daemon.superseded", { "Suite donnée par une autre instance, sans nos dernières écritures", "Another instance went on without our last entries",
		"Fortführung durch eine andere Instanz, ohne unsere letzten Einträge" } },
};
static const struct report_word reasons[] = {
	{ "no_address", { "pas d’adresse ou de numéro pour ce canal", "no address or number for this channel",
		"keine Adresse oder Nummer für diesen Kanal" } },
	{ "task_expired", { "appel non effectué dans le délai", "call not made in time", "Anruf nicht fristgerecht ausgeführt" } },
	{ "operator", { "sur décision d’une personne", "by decision of a person", "auf Entscheidung einer Person" } },
	{ "refused", { "refusé par le prestataire", "refused by the provider", "vom Anbieter abgelehnt" } },
	{ "unknown", { "sort de l’envoi précédent inconnu", "fate of the last one unknown", "Verbleib der letzten Sendung unbekannt" } },
	{ "cap", { "nombre maximal de contacts atteint", "limit on the number of contacts reached", "Höchstzahl der Kontakte erreicht" } },
	{ "min_gap", { "délai minimal depuis le dernier contact", "minimum distance from the last contact", "Mindestabstand zum letzten Kontakt" } },
	{ "same_day", { "un seul message par jour", "one message a day", "nur eine Nachricht am Tag" } },
	{ "window", { "hors des heures de contact", "outside of contact hours", "außerhalb der Kontaktzeiten" } },
	{ "past_due", { "étape d’avant l’échéance, devenue sans objet", "a step before the due date, too late",
		"Stufe vor der Fälligkeit, dafür zu spät" } },
	{ "anchor_skipped", { "étape précédente non effectuée", "the step before was not taken", "vorhergehende Stufe nicht ausgeführt" } },
	{ "condition", { "conditions de l’étape non remplies", "the step’s conditions do not hold", "Voraussetzungen der Stufe nicht erfüllt" } },
	{ "below_minimum", { "montant inférieur au seuil", "amount below the minimum", "Betrag unter der Mindestgrenze" } },
	{ "feed_stale", { "état des paiements trop ancien", "state of payments too old", "Zahlungsstand zu alt" } },
	{ "handed_over", { "dossier transmis", "handed over", "Fall übergeben" } },
	{ "commitment", { "annonce antérieure encore ouverte", "an earlier announcement is open", "frühere Ankündigung noch offen" } },
	{ "incomplete", { "pièces manquantes", "evidence lacks", "Beweismittel fehlen" } },
	{ "withdrawn", { "annonce retirée", "announcement withdrawn", "Ankündigung zurückgenommen" } },
	{ "exhausted", { "toutes les étapes accomplies", "all steps taken", "alle Stufen ausgeführt" } },
	{ "dispute", { "contestation", "dispute", "Einwendung" } },
	{ "promise", { "promesse de paiement", "promise to pay", "Zahlungszusage" } },
	{ "announced", { "paiement annoncé", "payment announced", "Zahlung angekündigt" } },
	{ "plan", { "échéancier", "payment plan", "Ratenplan" } },
	{ "settlement", { "transaction", "settlement", "Vergleich" } },
	{ "reply", { "réponse du débiteur à traiter", "debtor’s reply to be dealt with", "Antwort des Schuldners zu bearbeiten" } },
	{ "undelivered", { "facture non distribuée", "invoice not delivered", "Rechnung nicht zugestellt" } },
	{ "paused", { "pause demandée", "paused", "Pause verlangt" } },
	{ "opted_out", { "opposition du débiteur", "debtor opted out", "vom Schuldner abbestellt" } },
	{ "insolvency", { "procédure collective", "insolvency", "Insolvenz" } },
	{ "automatic", { "prélèvement automatique en cours", "charged automatically", "automatischer Einzug läuft" } },
	{ "in_doubt", { "sort de l’envoi incertain", "fate of the message in doubt", "Verbleib der Sendung ungewiss" } },
	{ "paid", { "payée", "paid", "bezahlt" } },
	{ "voided", { "annulée", "voided", "storniert" } },
	{ "uncollectible", { "irrécouvrable", "uncollectible", "uneinbringlich" } },
	{ "stopped", { "arrêt décidé par une personne", "stopped by a person", "von einer Person beendet" } },
	{ "reopened", { "réouverte", "reopened", "wieder eröffnet" } },
	{ "obsolete", { "sans objet", "no longer needed", "gegenstandslos" } },
	{ "expired", { "délai passé", "expired", "Frist abgelaufen" } },
	{ "done", { "faite", "done", "erledigt" } },
	{ "task_done", { "tâche faite", "task done", "Aufgabe erledigt" } },
	{ "decision", { "décision à prendre", "decision to be taken", "Entscheidung zu treffen" } },
	{ "call", { "appel à passer", "call to make", "Anruf zu führen" } },
	{ "post", { "courrier à poster", "letter to post", "Brief zu versenden" } },
	{ "hold", { "suspension", "hold", "Aussetzung" } },
	{ "continue", { "poursuivre", "go on", "fortfahren" } },
	{ "stop", { "arrêter", "stop", "beenden" } },
	{ "accepted", { "accepté", "accepted", "angenommen" } },
	{ "never_sent", { "jamais parti", "never sent", "nie hinausgegangen" } },
	{ "not released", { "non remis au réseau", "not released", "nicht ans Netz übergeben" } },
	{ "deposit_unpaid", { "acompte non réglé", "the deposit is not paid", "Anzahlung nicht geleistet" } },
	{ "reversed", { "paiement revenu", "the payment went back", "Zahlung zurückgegangen" } },
	{ "as_announced", { "comme annoncé", "as announced", "wie angekündigt" } },
	{ "renewed", { "renouvelée", "renewed", "erneuert" } },
	{ "unclaimed", { "avisé et non réclamé", "unclaimed after notice", "trotz Abholscheins nicht abgeholt" } },
	{ "returned", { "retourné à l’expéditeur", "returned to the sender", "an den Absender zurück" } },
	{ "failed", { "non distribué", "not delivered", "nicht zugestellt" } },
	{ "handover", { "transmission du dossier", "handover", "Übergabe des Falls" } },
	{ "lawyer", { "avocat", "lawyer", "Rechtsanwalt" } },
	{ "agency", { "cabinet de recouvrement", "agency", "Inkassobüro" } },
	{ "court", { "tribunal", "court", "Gericht" } },
	{ "pursue", { "poursuivre", "pursue", "weiterverfolgen" } },
	{ "settle", { "transiger", "settle", "sich vergleichen" } },
	{ "write_off", { "passer en perte", "write off", "ausbuchen" } },
	{ "voicemail", { "messagerie vocale", "voicemail", "Anrufbeantworter" } },
	{ "unreachable", { "personne ne répond", "nobody answers", "niemand nimmt ab" } },
	{ "wrong_contact", { "mauvais interlocuteur", "the wrong contact", "falscher Ansprechpartner" } },
	{ "invoice_not_received", { "facture non reçue", "the invoice was not received", "Rechnung nicht erhalten" } },
	{ "waiting_approval", { "en attente d’une validation", "waits for an approval", "Freigabe steht aus" } },
	{ "in_payment", { "paiement en cours", "being paid", "Zahlung unterwegs" } },
	{ "refuses", { "refus de payer", "refuses to pay", "Zahlung verweigert" } },
	{ "insolvent", { "insolvable", "insolvent", "zahlungsunfähig" } },
	{ "call_back_at", { "à rappeler", "to be called again", "erneut anzurufen" } },
	{ "quality", { "qualité", "quality", "Qualität" } },
	{ "not_delivered", { "non livré", "not delivered", "nicht geliefert" } },
	{ "not_ordered", { "non commandé", "not ordered", "nicht bestellt" } },
	{ "purchase_order", { "numéro de commande manquant ou faux", "order number missing or wrong", "Bestellnummer fehlt oder ist falsch" } },
	{ "delivery", { "preuve de livraison demandée", "proof of delivery asked for", "Liefernachweis verlangt" } },
	{ "lacks_reference", { "il leur manque une référence pour valider", "they lack a reference to approve it",
		"für die Freigabe fehlt ihnen eine Angabe" } },
	{ "not_sent", { "envoi de la facture non confirmé", "that the invoice was sent was not told", "Versand der Rechnung nicht bestätigt" } },
	{ "already_paid", { "déjà payé", "already paid", "schon bezahlt" } },
	{ "wrong_details", { "nom, adresse ou numéro de TVA manquant ou faux", "name, address or tax number missing or wrong",
		"Name, Anschrift oder Steuernummer fehlt oder ist falsch" } },
	{ "call_log", { "compte rendu d’appel", "report of a call", "Gesprächsbericht" } },
	{ "decide", { "décision", "decision", "Entscheidung" } },
	{ "waive", { "passer outre une pièce", "do without a document", "ohne eine Unterlage fortfahren" } },
	{ "not_released", { "non remis au réseau", "not released", "nicht ans Netz übergeben" } },
	{ "process_died", { "programme interrompu", "program interrupted", "Programm unterbrochen" } },
	{ "lookup", { "vérifié auprès du prestataire", "looked up at the provider", "beim Anbieter nachgesehen" } },
};
static const struct report_word steps[] = {
	{ "pre-due", { "avis avant échéance", "notice before the due date", "Hinweis vor Fälligkeit" } },
	{ "reminder", { "première relance", "first reminder", "erste Zahlungserinnerung" } },
	{ "call", { "appel", "call", "Anruf" } },
	{ "clarification", { "demande d’explication", "request for clarification", "Bitte um Klärung" } },
	{ "text", { "SMS", "text message", "SMS" } },
	{ "penalties", { "rappel des pénalités", "notice of late-payment penalties", "Hinweis auf die Verzugsfolgen" } },
	{ "interest", { "rappel des intérêts de retard", "notice of late-payment interest", "Hinweis auf Verzugszinsen" } },
	{ "firm", { "relance ferme", "firm reminder", "nachdrückliche Mahnung" } },
	{ "question", { "demande de précision", "question", "Rückfrage" } },
	{ "go-ahead", { "décision de commencer", "decision whether to begin", "Entscheidung über den Beginn" } },
	{ "plan", { "décision sur l’échéancier", "decision about the plan", "Entscheidung über die Ratenzahlung" } },
	{ "second-call", { "second appel", "second call", "zweiter Anruf" } },
	{ "worth-it", { "décision sur la suite", "decision what to do next", "Entscheidung über das weitere Vorgehen" } },
	/* of de-b2b; any other French or English would not be what this version's reports said before */
	{ "final-demand", { "final-demand", "final-demand", "letzte Mahnung" } },
	{ "formal-notice", { "mise en demeure", "formal notice", "förmliche Mahnung" } },
	{ "letter-before-action", { "lettre avant action", "letter before action", "Ankündigung gerichtlicher Schritte" } },
	{ "follow-through", { "suite donnée à l’annonce", "what was announced", "Ausführung der Ankündigung" } },
	/* beside the ladder: what stands before the colon */
	{ "confirm", { "confirmation d’un appel", "confirmation of a call", "Bestätigung eines Anrufs" } },
	{ "promise", { "remerciement pour une promesse", "thanks for a promise", "Dank für eine Zahlungszusage" } },
	{ "plan:due", { "avis d’échéance de l’échéancier", "notice of an instalment", "Hinweis auf eine fällige Rate" } },
	{ "plan:late", { "rappel d’une échéance de l’échéancier", "reminder of an instalment", "Erinnerung an eine Rate" } },
	{ "paid:thanks", { "remerciement pour un paiement", "thanks for a payment", "Dank für eine Zahlung" } },
	{ "paid:apology", { "excuses, le paiement ayant croisé la relance", "apology: payment and reminder crossed",
		"Entschuldigung: Zahlung und Mahnung überschnitten sich" } },
	{ "withdrawn", { "retrait d’une annonce", "withdrawal of what was announced", "Rücknahme einer Ankündigung" } },
	{ "stop", { "confirmation d’une opposition", "confirmation of an opt-out", "Bestätigung einer Abbestellung" } },
};

const char *word_channel(enum report_language l, const char *channel)
{
	return look_up(channels, ARRAY_LEN(channels), l, channel);
}

const char *word_outcome(enum report_language l, const struct case_contact *c)
{
	bool posted = c->channel && strcmp(c->channel, "letter") == 0 && c->outcome && strcmp(c->outcome, "done") == 0;

	if (posted || c->shadow || !c->outcome)
		return look_up(outcomeless, ARRAY_LEN(outcomeless), l, posted ? "posted" : c->shadow ? "shadow" : "none");
	return look_up(outcomes, ARRAY_LEN(outcomes), l, c->outcome);
}

const char *word_receipt(enum report_language l, const char *status)
{
	return look_up(receipts, ARRAY_LEN(receipts), l, status);
}

const char *word_booking(enum report_language l, const char *kind)
{
	return look_up(bookings, ARRAY_LEN(bookings), l, kind);
}

const char *word_kind(enum report_language l, const char *kind)
{
	return look_up(kinds, ARRAY_LEN(kinds), l, kind);
}

const char *word_reason(enum report_language l, const char *reason)
{
	return look_up(reasons, ARRAY_LEN(reasons), l, reason);
}

/* "plan:9f86d081:2026-05-05:late" is "plan:late", "confirm:1" is "confirm"; "paid:thanks:1" may be counted too. */
static const char *aside_word(enum report_language l, const char *step)
{
	static const char *const kinds_of[] = { "plan:due", "plan:late", "paid:thanks", "paid:apology", "confirm", "promise", "withdrawn", "stop" };

	for (size_t i = 0; i < ARRAY_LEN(kinds_of); i++) {
		const char *word = strchr(kinds_of[i], ':');
		size_t first = word ? (size_t)(word - kinds_of[i]) : strlen(kinds_of[i]);

		if (strncmp(step, kinds_of[i], first) == 0 && step[first] == ':' && (!word || strstr(step + first, word)))
			return look_up(steps, ARRAY_LEN(steps), l, kinds_of[i]);
	}
	return step;
}

const char *word_step(enum report_language l, const char *step)
{
	return step && strchr(step, ':') ? aside_word(l, step) : look_up(steps, ARRAY_LEN(steps), l, step);
}

const struct report_word *report_word_at(size_t i)
{
	static const struct {
		const struct report_word *rows;
		size_t count;
	} tables[] = {
#define TABLE(rows) { rows, ARRAY_LEN(rows) }
		TABLE(channels), TABLE(outcomes), TABLE(outcomeless), TABLE(receipts), TABLE(bookings), TABLE(kinds), TABLE(reasons), TABLE(steps)
#undef TABLE
	};

	for (size_t t = 0; t < ARRAY_LEN(tables); i -= tables[t++].count)
		if (i < tables[t].count)
			return &tables[t].rows[i];
	return NULL;
}
