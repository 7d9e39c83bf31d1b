#include "common/report_words.h"

#include <string.h>

struct pair {
	const char *code, *words[REPORT_LANGUAGE_COUNT];
};

static const char *look_up(const struct pair *rows, size_t count, enum report_language l, const char *code)
{
	for (size_t i = 0; code && i < count; i++)
		if (strcmp(rows[i].code, code) == 0)
			return rows[i].words[l];
	return code ? code : "";
}

static const struct pair channels[] = {
	{ "email", { "courriel", "email" } },
	{ "sms", { "SMS", "text message" } },
	{ "call", { "téléphone", "telephone" } },
	{ "letter", { "courrier", "letter" } },
	{ "voice", { "message vocal", "voice message" } },
};
static const struct pair outcomes[] = {
	{ "accepted", { "remis au prestataire, qui l’a accepté", "handed to the provider, which accepted it" } },
	{ "failed", { "refusé par le prestataire", "refused by the provider" } },
	{ "in_doubt", { "incertain\u00a0: pas de réponse du prestataire", "in doubt: no answer from the provider" } },
	{ "unknown", { "inconnu\u00a0: on ignore si l’envoi est parti", "unknown: it is not known whether it left" } },
	{ "done", { "appel effectué", "call made" } },
};
static const struct pair receipts[] = {
	{ "delivered", { "distribué, selon le prestataire", "delivered, as the provider says" } },
	{ "bounced", { "retourné, selon le prestataire", "returned, as the provider says" } },
	{ "failed", { "non distribué, selon le prestataire", "not delivered, as the provider says" } },
	{ "deposited", { "déposé, selon le prestataire", "posted, as the provider says" } },
	{ "posted", { "posté, selon le transporteur", "posted, as the carrier says" } },
	{ "unclaimed", { "avisé et non réclamé, selon le transporteur", "unclaimed after notice, as the carrier says" } },
	{ "refused", { "refusé par le destinataire, selon le transporteur", "refused by the recipient, as the carrier says" } },
	{ "returned", { "retourné à l’expéditeur, selon le transporteur", "returned to the sender, as the carrier says" } },
	{ "collected", { "retiré, selon le prestataire", "collected, as the provider says" } },
	/* a picture was loaded, by a person or a program */
	{ "opened", { "ouvert, selon le prestataire (ne prouve pas la lecture)", "opened, as the provider says (no proof of reading)" } },
};
static const struct pair bookings[] = {
	{ "invoice", { "Facture", "Invoice" } },
	{ "changed", { "Modification de la facture", "Change of the invoice" } },
	{ "payment", { "Paiement reçu", "Payment received" } },
	{ "payment_reversed", { "Paiement annulé", "Payment reversed" } },
	{ "credit", { "Avoir", "Credit note" } },
	{ "credit_voided", { "Avoir annulé", "Credit note voided" } },
	{ "voided", { "Facture annulée", "Invoice voided" } },
	{ "paid_in_full", { "Déclarée soldée par le créancier", "Said by the creditor to be paid in full" } },
};
static const struct pair kinds[] = {
	{ "attempt.skipped", { "Étape non effectuée", "Step not taken" } },
	{ "attempt.deferred", { "Étape reportée", "Step put off" } },
	{ "attempt.cancelled", { "Envoi annulé avant de partir", "Cancelled before it left" } },
	{ "attempt.failed", { "Envoi refusé", "Refused" } },
	{ "attempt.in_doubt", { "Envoi incertain", "In doubt" } },
	{ "attempt.unknown", { "Envoi resté incertain", "Stayed in doubt" } },
	{ "attempt.reconciled", { "Incertitude levée", "Doubt settled" } },
	{ "attempt.undelivered", { "Parvenu à personne : étape de nouveau due", "Reached nobody: the step is owed again" } },
	{ "attempt.event", { "Information du prestataire ou du transporteur", "Told by the provider or carrier" } },
	{ "policy.chosen", { "Protocole retenu pour cette facture", "Policy chosen for this invoice" } },
	{ "policy.migrated", { "Protocole remplacé pour cette facture", "Policy replaced for this invoice" } },
	{ "hold.opened", { "Relances suspendues pour cette facture", "Dunning of this invoice on hold" } },
	{ "hold.ended", { "Fin de la suspension", "End of the hold" } },
	{ "sending.suspended", { "Tous les envois suspendus", "All sending suspended" } },
	{ "sending.resumed", { "Reprise des envois", "Sending resumed" } },
	{ "promise.made", { "Promesse de paiement", "Promise to pay" } },
	{ "promise.withdrawn", { "Promesse retirée", "Promise withdrawn" } },
	{ "promise.kept", { "Promesse tenue", "Promise kept" } },
	{ "promise.broken", { "Promesse non tenue", "Promise broken" } },
	{ "dispute.opened", { "Contestation", "Dispute opened" } },
	{ "dispute.resolved", { "Contestation levée", "Dispute resolved" } },
	{ "payment.received", { "Paiement reçu", "Payment received" } },
	{ "payment.confirmed", { "Paiement intégral signalé", "Said to be paid in full" } },
	{ "payment.announced", { "Paiement annoncé", "Payment announced" } },
	{ "payment.failed", { "Prélèvement échoué", "Charge failed" } },
	{ "payment.reversed", { "Paiement annulé", "Payment reversed" } },
	{ "credit.issued", { "Avoir émis", "Credit note issued" } },
	{ "credit.voided", { "Avoir annulé", "Credit note voided" } },
	{ "plan.agreed", { "Échéancier convenu", "Payment plan agreed" } },
	{ "plan.amended", { "Échéancier modifié", "Payment plan amended" } },
	{ "plan.cancelled", { "Échéancier annulé", "Payment plan cancelled" } },
	{ "plan.broken", { "Échéancier non respecté", "Payment plan broken" } },
	{ "settlement.broken", { "Transaction non respectée", "Settlement not kept" } },
	{ "settlement.agreed", { "Transaction convenue", "Settlement agreed" } },
	{ "consent.withdrawn", { "Opposition à un canal", "Opted out of a channel" } },
	{ "customer.changed", { "Coordonnées ou situation du client", "Customer's details or situation" } },
	{ "invoice.opened", { "Facture transmise au programme", "Invoice made known to the program" } },
	{ "invoice.changed", { "Facture modifiée", "Invoice changed" } },
	{ "invoice.closed", { "Fin des relances pour cette facture", "Dunning of this invoice ended" } },
	{ "inbound.message", { "Message du débiteur", "Message from the debtor" } },
	{ "phone.note", { "Note d’appel", "Note of a call" } },
	{ "note.said", { "Mot personnel joint au message", "Personal note put into the message" } },
	{ "policy.stricter", { "Relance plus ferme qu’auparavant", "Stricter policy than before" } },
	{ "operator.command", { "Intervention d’une personne", "Command of a person" } },
	{ "task.opened", { "Tâche confiée à une personne", "Task for a person" } },
	{ "task.closed", { "Tâche terminée", "Task closed" } },
	{ "commitment.opened", { "Annonce faite au débiteur", "Announced to the debtor" } },
	{ "commitment.fulfilled", { "Annonce suivie d’effet", "Announcement carried out" } },
	{ "commitment.withdrawn", { "Annonce retirée", "Announcement withdrawn" } },
	{ "commitment.lapsed", { "Annonce devenue sans objet", "Announcement lapsed" } },
	{ "commitment.overdue", { "Annonce restée sans suite dans le délai", "Announcement not followed up in time" } },
	{ "work.hold_requested", { "Travaux à mettre en attente", "Work is to rest" } },
	{ "customer.block_suggested", { "Proposition de ne plus travailler pour ce client", "Suggested to work no more for this customer" } },
	{ "work.release_allowed", { "Travaux à reprendre", "Work may go on" } },
	{ "work.hold_announced", { "Mise en attente des travaux annoncée", "Warned that work will rest" } },
	{ "fee.accrued", { "Indemnité forfaitaire réclamée", "Fixed sum asked for" } },
	{ "fee.waived", { "Renonciation à l’indemnité", "Fixed sum waived" } },
	{ "offer.made", { "Offre faite au débiteur", "Offer made to the debtor" } },
	{ "requirement.waived", { "Pièce manquante, passée outre", "Done without" } },
	{ "handover.requested", { "Dossier transmis", "Case handed over" } },
	{ "handover.ended", { "Suite donnée par le destinataire du dossier", "Answer of whoever took the case" } },
	{ "decision.recorded", { "Décision d’une personne", "Decision of a person" } },
	{ "event.dead", { "Message illisible du système de facturation", "Unreadable message of the billing system" } },
	{ "stream.gap", { "Lacune dans les données reçues", "Gap in the data received" } },
	{ "daemon.recovered", { "Reprise après un arrêt brutal", "Recovered after a crash" } },
	{ "daemon.superseded", { "Suite donnée par une autre instance, sans nos dernières écritures", "Another instance went on without our last entries" } },
};
static const struct pair reasons[] = {
	{ "no_address", { "pas d’adresse ou de numéro pour ce canal", "no address or number for this channel" } },
	{ "task_expired", { "appel non effectué dans le délai", "call not made in time" } },
	{ "operator", { "sur décision d’une personne", "by decision of a person" } },
	{ "refused", { "refusé par le prestataire", "refused by the provider" } },
	{ "unknown", { "sort de l’envoi précédent inconnu", "fate of the last one unknown" } },
	{ "cap", { "nombre maximal de contacts atteint", "limit on the number of contacts reached" } },
	{ "min_gap", { "délai minimal depuis le dernier contact", "minimum distance from the last contact" } },
	{ "window", { "hors des heures de contact", "outside of contact hours" } },
	{ "past_due", { "étape d’avant l’échéance, devenue sans objet", "a step before the due date, too late" } },
	{ "anchor_skipped", { "étape précédente non effectuée", "the step before was not taken" } },
	{ "condition", { "conditions de l’étape non remplies", "the step’s conditions do not hold" } },
	{ "below_minimum", { "montant inférieur au seuil", "amount below the minimum" } },
	{ "feed_stale", { "état des paiements trop ancien", "state of payments too old" } },
	{ "handed_over", { "dossier transmis", "handed over" } },
	{ "commitment", { "annonce antérieure encore ouverte", "an earlier announcement is open" } },
	{ "incomplete", { "pièces manquantes", "evidence lacks" } },
	{ "withdrawn", { "annonce retirée", "announcement withdrawn" } },
	{ "exhausted", { "toutes les étapes accomplies", "all steps taken" } },
	{ "dispute", { "contestation", "dispute" } },
	{ "promise", { "promesse de paiement", "promise to pay" } },
	{ "announced", { "paiement annoncé", "payment announced" } },
	{ "plan", { "échéancier", "payment plan" } },
	{ "settlement", { "transaction", "settlement" } },
	{ "reply", { "réponse du débiteur à traiter", "debtor’s reply to be dealt with" } },
	{ "undelivered", { "facture non distribuée", "invoice not delivered" } },
	{ "paused", { "pause demandée", "paused" } },
	{ "opted_out", { "opposition du débiteur", "debtor opted out" } },
	{ "insolvency", { "procédure collective", "insolvency" } },
	{ "automatic", { "prélèvement automatique en cours", "charged automatically" } },
	{ "in_doubt", { "sort de l’envoi incertain", "fate of the message in doubt" } },
	{ "paid", { "payée", "paid" } },
	{ "voided", { "annulée", "voided" } },
	{ "uncollectible", { "irrécouvrable", "uncollectible" } },
	{ "stopped", { "arrêt décidé par une personne", "stopped by a person" } },
	{ "reopened", { "réouverte", "reopened" } },
	{ "obsolete", { "sans objet", "no longer needed" } },
	{ "expired", { "délai passé", "expired" } },
	{ "done", { "faite", "done" } },
	{ "task_done", { "tâche faite", "task done" } },
	{ "decision", { "décision à prendre", "decision to be taken" } },
	{ "call", { "appel à passer", "call to make" } },
	{ "post", { "courrier à poster", "letter to post" } },
	{ "hold", { "suspension", "hold" } },
	{ "continue", { "poursuivre", "go on" } },
	{ "stop", { "arrêter", "stop" } },
	{ "accepted", { "accepté", "accepted" } },
	{ "never_sent", { "jamais parti", "never sent" } },
	{ "not released", { "non remis au réseau", "not released" } },
	{ "deposit_unpaid", { "acompte non réglé", "the deposit is not paid" } },
	{ "as_announced", { "comme annoncé", "as announced" } },
	{ "renewed", { "renouvelée", "renewed" } },
	{ "unclaimed", { "avisé et non réclamé", "unclaimed after notice" } },
	{ "returned", { "retourné à l’expéditeur", "returned to the sender" } },
	{ "handover", { "transmission du dossier", "handover" } },
	{ "lawyer", { "avocat", "lawyer" } },
	{ "agency", { "cabinet de recouvrement", "agency" } },
	{ "court", { "tribunal", "court" } },
	{ "pursue", { "poursuivre", "pursue" } },
	{ "settle", { "transiger", "settle" } },
	{ "write_off", { "passer en perte", "write off" } },
	{ "voicemail", { "messagerie vocale", "voicemail" } },
	{ "unreachable", { "personne ne répond", "nobody answers" } },
	{ "wrong_contact", { "mauvais interlocuteur", "the wrong contact" } },
	{ "invoice_not_received", { "facture non reçue", "the invoice was not received" } },
	{ "waiting_approval", { "en attente d’une validation", "waits for an approval" } },
	{ "in_payment", { "paiement en cours", "being paid" } },
	{ "refuses", { "refus de payer", "refuses to pay" } },
	{ "insolvent", { "insolvable", "insolvent" } },
	{ "call_back_at", { "à rappeler", "to be called again" } },
	{ "quality", { "qualité", "quality" } },
	{ "not_delivered", { "non livré", "not delivered" } },
	{ "not_ordered", { "non commandé", "not ordered" } },
	{ "purchase_order", { "numéro de commande manquant ou faux", "order number missing or wrong" } },
	{ "delivery", { "preuve de livraison demandée", "proof of delivery asked for" } },
	{ "lacks_reference", { "il leur manque une référence pour valider", "they lack a reference to approve it" } },
	{ "not_sent", { "envoi de la facture non confirmé", "that the invoice was sent was not told" } },
	{ "already_paid", { "déjà payé", "already paid" } },
	{ "wrong_details", { "nom, adresse ou numéro de TVA manquant ou faux", "name, address or tax number missing or wrong" } },
	{ "call_log", { "compte rendu d’appel", "report of a call" } },
	{ "decide", { "décision", "decision" } },
	{ "waive", { "passer outre une pièce", "do without a document" } },
	{ "not_released", { "non remis au réseau", "not released" } },
	{ "process_died", { "programme interrompu", "program interrupted" } },
	{ "lookup", { "vérifié auprès du prestataire", "looked up at the provider" } },
};
static const struct pair steps[] = {
	{ "pre-due", { "avis avant échéance", "notice before the due date" } },
	{ "reminder", { "première relance", "first reminder" } },
	{ "call", { "appel", "call" } },
	{ "clarification", { "demande d’explication", "request for clarification" } },
	{ "text", { "SMS", "text message" } },
	{ "penalties", { "rappel des pénalités", "notice of late-payment penalties" } },
	{ "interest", { "rappel des intérêts de retard", "notice of late-payment interest" } },
	{ "firm", { "relance ferme", "firm reminder" } },
	{ "question", { "demande de précision", "question" } },
	{ "go-ahead", { "décision de commencer", "decision whether to begin" } },
	{ "plan", { "décision sur l’échéancier", "decision about the plan" } },
	{ "second-call", { "second appel", "second call" } },
	{ "worth-it", { "décision sur la suite", "decision what to do next" } },
	{ "formal-notice", { "mise en demeure", "formal notice" } },
	{ "letter-before-action", { "lettre avant action", "letter before action" } },
	{ "follow-through", { "suite donnée à l’annonce", "what was announced" } },
	/* beside the ladder: what stands before the colon */
	{ "confirm", { "confirmation d’un appel", "confirmation of a call" } },
	{ "promise", { "remerciement pour une promesse", "thanks for a promise" } },
	{ "plan:due", { "avis d’échéance de l’échéancier", "notice of an instalment" } },
	{ "plan:late", { "rappel d’une échéance de l’échéancier", "reminder of an instalment" } },
	{ "paid:thanks", { "remerciement pour un paiement", "thanks for a payment" } },
	{ "paid:apology", { "excuses, le paiement ayant croisé la relance", "apology: payment and reminder crossed" } },
	{ "withdrawn", { "retrait d’une annonce", "withdrawal of what was announced" } },
	{ "stop", { "confirmation d’une opposition", "confirmation of an opt-out" } },
};

const char *word_channel(enum report_language l, const char *channel)
{
	return look_up(channels, ARRAY_LEN(channels), l, channel);
}

const char *word_outcome(enum report_language l, const struct case_contact *c)
{
	static const char *const none[] = { "sort non consigné", "no outcome on record" }, *const shadow[] = { "préparé à blanc, non envoyé",
		"trial run, not sent" }, *const posted[] = { "posté par une personne", "posted by a person" };

	if (c->channel && strcmp(c->channel, "letter") == 0 && c->outcome && strcmp(c->outcome, "done") == 0)
		return posted[l];
	return c->shadow ? shadow[l] : c->outcome ? look_up(outcomes, ARRAY_LEN(outcomes), l, c->outcome) : none[l];
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
