#include "common/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/locale.h"
#include "common/report_words.h"
#include "common/utc.h"
#include "common/zone.h"

#define EM "\u2014"

const char *const report_tags[REPORT_LANGUAGE_COUNT] = { "fr", "en", "de" };
static const char *const locales[REPORT_LANGUAGE_COUNT] = { "fr-FR", "en-GB", "de-DE" };

struct writing {
	const struct case_file *file;
	struct report *report;
	struct arena *arena;
	const struct zone *zone;
};

/* All languages side by side, so that none says more than another. */
#define TR(w, fr, en, de) ((w)->report->language == REPORT_FR ? (fr) : (w)->report->language == REPORT_EN ? (en) : (de))

/* --- blocks ---------------------------------------------------------------------------------------- */

static struct block *add(struct writing *w, enum block_kind kind, const char *text)
{
	struct report *r = w->report;

	r->blocks = arena_grow(w->arena, r->blocks, r->count, &r->capacity, sizeof(*r->blocks));
	r->blocks[r->count] = (struct block){ .kind = kind, .text = text };
	return &r->blocks[r->count++];
}

static void row(struct writing *w, struct block *table, const char *const *cells)
{
	const char **all = arena_alloc(w->arena, (table->rows + 1) * table->columns * sizeof(*all));

	if (table->rows)
		memcpy(all, table->cells, table->rows * table->columns * sizeof(*all));
	for (size_t i = 0; i < table->columns; i++)
		all[table->rows * table->columns + i] = cells[i] ? cells[i] : "";
	table->cells = all;
	table->rows++;
}
#define ROW(w, table, ...) row(w, table, (const char *const[]){ __VA_ARGS__ })

static struct block *table(struct writing *w, size_t columns, const unsigned char *widths, unsigned right)
{
	struct block *ret = add(w, BLOCK_TABLE, NULL);

	ret->columns = columns;
	ret->right = right;
	memcpy(ret->widths, widths, columns);
	return ret;
}

static struct block *fields(struct writing *w)
{
	struct block *ret = add(w, BLOCK_FIELDS, NULL);

	ret->columns = 2;
	ret->widths[0] = 27;
	ret->widths[1] = 73;
	return ret;
}

/* --- values ---------------------------------------------------------------------------------------- */

static const char *day(struct writing *w, date d)
{
	CLEANUP(buf_clear) struct buf text = { 0 };

	if (!date_is_set(d) || locale_date(locales[w->report->language], d, &text) < 0)
		return EM;
	return arena_strdup(w->arena, buf_str(&text));
}

static const char *clock_of(struct writing *w, int64_t minute)
{
	return arena_printf(w->arena, "%02d:%02d", (int)(minute / 60), (int)(minute % 60));
}

/* Local time, and UTC behind it with its date where that is another one; the time after `between`. */
static const char *moment(struct writing *w, int64_t at, const char *between)
{
	date local = zone_date(w->zone, at), utc = { (int32_t)(at / DAY_MS) };
	const char *utc_time = clock_of(w, at % DAY_MS / MINUTE_MS);

	if (!at)
		return EM;
	return arena_printf(w->arena, "%s%s%s (%s%s%s\u00a0UTC)", day(w, local), between, clock_of(w, zone_minute(w->zone, at)),
		local.days == utc.days ? "" : day(w, utc), local.days == utc.days ? "" : ", ", utc_time);
}

static const char *when(struct writing *w, int64_t at) /* in a column */
{
	return moment(w, at, "\n");
}

static const char *amount(struct writing *w, int64_t minor, const char *currency)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct money money = { .minor = minor };

	(void)snprintf(money.currency, sizeof(money.currency), "%s", currency);
	if (!currency[0] || locale_money(locales[w->report->language], money, &text) < 0)
		return arena_printf(w->arena, "%" PRId64 " %s", minor, currency);
	return arena_strdup(w->arena, buf_str(&text));
}

static const char *number_of(struct writing *w, const char *invoice)
{
	for (size_t i = 0; invoice && i < w->file->invoice_count; i++)
		if (strcmp(w->file->invoices[i].id, invoice) == 0 && w->file->invoices[i].number)
			return w->file->invoices[i].number;
	return invoice ? invoice : "";
}

static const char *invoices_of(struct writing *w, const struct case_contact *c, const char *between)
{
	const char *ret = "";

	for (size_t i = 0; i < c->invoice_count; i++)
		ret = arena_printf(w->arena, "%s%s%s", ret, i ? between : "", number_of(w, c->invoices[i]));
	return ret;
}

static const char *address_of(struct writing *w, const struct case_contact *c)
{
	const char *withheld = TR(w, "non communiqué", "withheld", "nicht offengelegt");

	if (c->recipient_closed)
		return withheld;
	if (c->name && c->address)
		return arena_printf(w->arena, "%s\n%s", c->name, c->address);
	return c->address ? c->address : c->name ? c->name : EM;
}

static const char *outcome_of(struct writing *w, const struct case_contact *c)
{
	const char *text = word_outcome(w->report->language, c);

	if (c->outcome && (strcmp(c->outcome, "failed") == 0 || strcmp(c->outcome, "unknown") == 0) && c->reason)
		text = arena_printf(w->arena, "%s (%s)", text, word_reason(w->report->language, c->reason));
	if (c->receipt)
		text = arena_printf(w->arena, TR(w, "%s\u202f; puis %s", "%s; then %s", "%s; danach %s"), text, word_receipt(w->report->language, c->receipt));
	if (c->tracking)
		text = arena_printf(w->arena, TR(w, "%s (suivi\u00a0: %s)", "%s (tracking: %s)", "%s (Verfolgung: %s)"), text, c->tracking);
	return text;
}

/* --- first page ------------------------------------------------------------------------------------ */

static const char *debtor_name(struct writing *w)
{
	const struct case_file *f = w->file;

	if (!f->debtor_name)
		return arena_printf(w->arena, TR(w, "client %s (nom non communiqué)", "customer %s (name withheld)", "Kunde %s (Name nicht offengelegt)"),
			f->debtor);
	return arena_printf(w->arena, TR(w, "%s (client %s)", "%s (customer %s)", "%s (Kunde %s)"), f->debtor_name, f->debtor);
}

static void write_head(struct writing *w)
{
	const struct case_file *f = w->file;
	struct block *b;

	add(w, BLOCK_TITLE, w->report->title);
	b = fields(w);
	ROW(w, b, TR(w, "Créancier", "Creditor", "Gläubiger"), f->creditor ? f->creditor : EM);
	ROW(w, b, TR(w, "Débiteur", "Debtor", "Schuldner"), debtor_name(w));
	ROW(w, b, TR(w, "Objet", "Subject", "Gegenstand"),
		f->invoice ? arena_printf(w->arena, TR(w, "la facture %s", "invoice %s", "Rechnung %s"), number_of(w, f->invoice)) :
			     TR(w, "tout le dossier du débiteur", "the debtor’s whole file", "die gesamte Akte des Schuldners"));
	ROW(w, b, TR(w, "Période", "Period", "Zeitraum"), arena_printf(w->arena, TR(w, "du %s au %s", "%s to %s", "%s bis %s"),
		day(w, zone_date(w->zone, f->first_at)), day(w, zone_date(w->zone, f->last_at))));
	ROW(w, b, TR(w, "Heures", "Times", "Uhrzeiten"),
		arena_printf(w->arena, TR(w, "heure locale du débiteur (%s), puis temps universel (UTC)", "the debtor’s local time (%s), then UTC",
			"Ortszeit des Schuldners (%s), dahinter Weltzeit (UTC)"), f->zone));
	ROW(w, b, TR(w, "Journal", "Log", "Protokoll"), f->origin);
	if (f->closed_records)
		ROW(w, b, TR(w, "Non communiqué", "Withheld", "Nicht offengelegt"),
			arena_printf(w->arena, TR(w, "%zu enregistrements sur %zu, relatifs à d’autres factures\u00a0: leur existence est prouvée, leur contenu n’est pas joint",
						       "%zu of %zu records, about other invoices: that they exist is proven, their content is not enclosed",
						       "%zu von %zu Aufzeichnungen, zu anderen Rechnungen: dass es sie gibt, ist bewiesen, ihr Inhalt liegt nicht bei"),
				f->closed_records, f->records));
	if (f->closed_parts)
		ROW(w, b, TR(w, "Pièces absentes", "Parts absent", "Fehlende Teile"),
			arena_printf(w->arena, TR(w, "%zu éléments non communiqués ou effacés", "%zu parts withheld or erased",
				"nicht offengelegt oder gelöscht: %zu"), f->closed_parts));
}

/* What each invoice rests on, as its producer told it: the digest says which text was agreed, wherever it lies by then. */
static void write_grounds(struct writing *w)
{
	static const unsigned char widths[] = { 17, 25, 58 };
	struct block *b = NULL;

	for (size_t i = 0; i < w->file->invoice_count; i++) {
		const struct snapshot *s = &w->file->invoices[i].state.snapshot;
		const char *number = number_of(w, w->file->invoices[i].id);

		if (!w->file->invoices[i].state.known || !(s->terms_url || s->terms_sha256 || date_is_set(s->terms_agreed_on) || s->purchase_order || s->delivery_proof))
			continue;
		if (!b) {
			b = table(w, 3, widths, 0);
			ROW(w, b, TR(w, "Facture", "Invoice", "Rechnung"), TR(w, "Repose sur", "Rests on", "Grundlage"), "");
		}
		if (s->terms_url || s->terms_sha256 || date_is_set(s->terms_agreed_on))
			ROW(w, b, number, date_is_set(s->terms_agreed_on) ? arena_printf(w->arena, TR(w, "Conditions acceptées le %s", "Terms agreed on %s",
				"Bedingungen, vereinbart am %s"), day(w, s->terms_agreed_on)) : TR(w, "Conditions", "Terms", "Bedingungen"),
				arena_printf(w->arena, "%s%s%s%s", s->terms_url ? s->terms_url : "", s->terms_url && s->terms_sha256 ? "\n" : "",
					s->terms_sha256 ? "SHA-256 " : "", s->terms_sha256 ? s->terms_sha256 : ""));
		if (s->purchase_order)
			ROW(w, b, number, TR(w, "Commande du débiteur", "Debtor’s order", "Bestellung des Schuldners"), s->purchase_order);
		if (s->delivery_proof)
			ROW(w, b, number, TR(w, "Preuve de livraison", "Proof of delivery", "Liefernachweis"), s->delivery_proof);
	}
}

static void write_invoices(struct writing *w)
{
	static const unsigned char widths[] = { 16, 14, 14, 14, 14, 14, 14 };
	struct block *b;

	add(w, BLOCK_HEADING, TR(w, "Factures", "Invoices", "Rechnungen"));
	b = table(w, 7, widths, 0x78);
	ROW(w, b, TR(w, "Facture", "Invoice", "Rechnung"), TR(w, "Émise le", "Issued", "Ausgestellt am"), TR(w, "Échéance", "Due", "Fällig am"),
		TR(w, "Montant", "Total", "Betrag"), TR(w, "Payé", "Paid", "Bezahlt"), TR(w, "Avoirs", "Credited", "Gutschriften"),
		TR(w, "Reste dû", "Still owed", "Noch offen"));
	for (size_t i = 0; i < w->file->invoice_count; i++) {
		const struct case_invoice *v = &w->file->invoices[i];

		if (!v->state.known)
			continue;
		ROW(w, b, arena_printf(w->arena, "%s%s%s%s", number_of(w, v->id), v->closed ? "\n(" : "",
				 v->closed ? word_reason(w->report->language, v->closed) : "", v->closed ? ")" : ""),
			day(w, v->issued_on), day(w, v->due_on), amount(w, v->total, v->currency), amount(w, v->paid, v->currency),
			amount(w, v->credited, v->currency), amount(w, v->balance, v->currency));
	}
	for (size_t i = 0; i < w->file->invoice_count; i++) { /* a sum for each currency */
		const struct case_invoice *v = &w->file->invoices[i];
		int64_t total = 0, paid = 0, credited = 0, owed = 0;
		bool first = v->state.known;

		for (size_t k = 0; k < w->file->invoice_count; k++) {
			const struct case_invoice *other = &w->file->invoices[k];

			if (!other->state.known || strcmp(other->currency, v->currency) != 0)
				continue;
			first &= k >= i;
			total += other->total, paid += other->paid, credited += other->credited, owed += other->balance;
		}
		if (first)
			ROW(w, b, TR(w, "Total", "Total", "Summe"), "", "", amount(w, total, v->currency), amount(w, paid, v->currency),
				amount(w, credited, v->currency), amount(w, owed, v->currency));
		b->total |= first;
	}
	write_grounds(w);
}

static void write_contacts(struct writing *w)
{
	static const unsigned char widths[] = { 5, 20, 11, 22, 14, 16, 12 };
	struct block *b;

	add(w, BLOCK_HEADING, TR(w, "Contacts avec le débiteur", "Contacts with the debtor", "Kontakte mit dem Schuldner"));
	if (!w->file->contact_count) {
		add(w, BLOCK_TEXT, TR(w, "Aucun contact n’est consigné.", "No contact is on record.", "Kein Kontakt ist verzeichnet."));
		return;
	}
	b = table(w, 7, widths, 0);
	ROW(w, b, TR(w, "N°", "No.", "Nr."), TR(w, "Date", "Date", "Datum"), TR(w, "Moyen", "Channel", "Kanal"),
		TR(w, "Destinataire", "Recipient", "Empfänger"), TR(w, "Factures", "Invoices", "Rechnungen"), TR(w, "Sort", "Outcome", "Ergebnis"),
		TR(w, "Preuve", "Proof", "Beleg"));
	for (size_t i = 0; i < w->file->contact_count; i++) {
		const struct case_contact *c = &w->file->contacts[i];

		ROW(w, b, arena_printf(w->arena, "%zu", i + 1), when(w, c->place.at), word_channel(w->report->language, c->channel), address_of(w, c),
			invoices_of(w, c, "\n"), outcome_of(w, c), c->place.proof);
	}
	add(w, BLOCK_NOTE, TR(w, "«\u00a0Accepté\u00a0» signifie que le prestataire a pris l’envoi en charge\u202f; ce n’est pas la preuve qu’il a été reçu ou lu. La "
				 "colonne «\u00a0Preuve\u00a0» donne l’année et le rang de l’enregistrement dans le journal, fait avant le départ de l’envoi.",
				 "“Accepted” means that the provider took the message; it does not prove that it was received or read. The column “Proof” gives "
				 "year and index in the log of the record that was made before the message left.",
				 "„Angenommen“ bedeutet, dass der Anbieter die Sendung übernommen hat; Zugang oder Kenntnisnahme beweist es nicht. Die Spalte "
				 "„Beleg“ nennt Jahr und laufende Nummer der Aufzeichnung im Protokoll, die vor dem Abgang der Sendung entstand."));
}

/* --- silences and the rest ------------------------------------------------------------------------- */

static const char *entry_text(struct writing *w, const struct case_entry *e)
{
	enum report_language l = w->report->language;
	bool rests = strcmp(e->kind, "work.hold_requested") == 0 && e->reason && strcmp(e->reason, "announced") == 0; /* else a payment is */
	const char *ret = word_reason(l, rests ? "as_announced" : e->reason);

	if (e->step)
		ret = arena_printf(w->arena, "%s%s%s", word_step(l, e->step), ret[0] ? TR(w, "\u00a0: ", ": ", ": ") : "", ret);
	if (e->until)
		ret = arena_printf(w->arena, TR(w, "%s (jusqu’au %s)", "%s (until %s)", "%s (bis zum %s)"), ret, day(w, zone_date(w->zone, e->until)));
	if (e->amount)
		for (size_t i = 0; i < w->file->invoice_count; i++)
			if (e->invoice && strcmp(w->file->invoices[i].id, e->invoice) == 0)
				ret = arena_printf(w->arena, "%s%s%s", ret, ret[0] ? ", " : "", amount(w, e->amount, w->file->invoices[i].currency));
	if (e->text && e->text[0])
		ret = arena_printf(w->arena, TR(w, "%s%s«\u00a0%s\u00a0»", "%s%s“%s”", "%s%s„%s“"), ret, ret[0] ? "\n" : "", e->text);
	return ret;
}

static void write_entries(struct writing *w, bool silence)
{
	static const unsigned char widths[] = { 20, 24, 14, 30, 12 };
	struct block *b = NULL;

	for (size_t i = 0; i < w->file->entry_count; i++) {
		const struct case_entry *e = &w->file->entries[i];

		if (e->silence != silence)
			continue;
		if (!b) {
			b = table(w, 5, widths, 0);
			ROW(w, b, TR(w, "Date", "Date", "Datum"), TR(w, "Fait", "What", "Vorgang"), TR(w, "Facture", "Invoice", "Rechnung"),
				TR(w, "Détail", "Detail", "Einzelheiten"), TR(w, "Preuve", "Proof", "Beleg"));
		}
		ROW(w, b, when(w, e->place.at), word_kind(w->report->language, e->kind), number_of(w, e->invoice), entry_text(w, e), e->place.proof);
	}
	if (!b)
		add(w, BLOCK_TEXT, TR(w, "Rien n’est consigné.", "Nothing is on record.", "Nichts ist verzeichnet."));
}

static void write_events(struct writing *w)
{
	add(w, BLOCK_HEADING, TR(w, "Pourquoi rien n’a été envoyé à certains moments", "Why nothing was sent at times",
				    "Warum zeitweise nichts versandt wurde"));
	add(w, BLOCK_NOTE, TR(w, "Étapes non effectuées ou reportées, suspensions, paiements et contestations\u00a0: chaque silence a sa raison, consignée au jour dit.",
				 "Steps not taken or put off, holds, payments and disputes: each silence has its reason, recorded on the day.",
				 "Nicht ausgeführte oder aufgeschobene Stufen, Aussetzungen, Zahlungen und Einwendungen: Jedes Schweigen hat seinen Grund, am "
				 "selben Tag aufgezeichnet."));
	write_entries(w, true);
	add(w, BLOCK_HEADING, TR(w, "Autres faits consignés", "What else is on record", "Was sonst verzeichnet ist"));
	write_entries(w, false);
}

/* --- contents -------------------------------------------------------------------------------------- */

static const char *places_of(struct writing *w, const struct case_contact *c)
{
	const char *ret = c->place.folder;

	if (c->outcome_place.folder)
		ret = arena_printf(w->arena, TR(w, "%s, réponse\u00a0: %s", "%s, answer: %s", "%s, Antwort: %s"), ret, c->outcome_place.folder);
	if (c->content_place.folder)
		ret = arena_printf(w->arena, TR(w, "%s, trame de l’appel\u00a0: %s", "%s, script of the call: %s", "%s, Gesprächsleitfaden: %s"), ret, c->content_place.folder);
	if (c->receipt_place.folder)
		ret = arena_printf(w->arena, TR(w, "%s, suites\u00a0: %s", "%s, later: %s", "%s, später: %s"), ret, c->receipt_place.folder);
	return ret;
}

static void write_content(struct writing *w, size_t i)
{
	const struct case_contact *c = &w->file->contacts[i];
	enum report_language l = w->report->language;
	struct block *b;

	add(w, BLOCK_SUBHEADING, arena_printf(w->arena, TR(w, "Contact n° %zu\u00a0: %s, %s", "Contact no. %zu: %s, %s",
		"Kontakt Nr.\u00a0%zu: %s, %s"), i + 1, word_channel(l, c->channel), day(w, zone_date(w->zone, c->place.at))));
	b = fields(w);
	ROW(w, b, TR(w, "Date", "Date", "Datum"), moment(w, c->place.at, ", "));
	ROW(w, b, TR(w, "Destinataire", "Recipient", "Empfänger"), address_of(w, c));
	if (c->message.from.name || c->message.from.email)
		ROW(w, b, TR(w, "Expéditeur", "Sender", "Absender"), arena_printf(w->arena, "%s\n%s", c->message.from.name ? c->message.from.name : "",
							 c->message.from.email ? c->message.from.email : c->message.from.phone ? c->message.from.phone : ""));
	ROW(w, b, TR(w, "Factures", "Invoices", "Rechnungen"), invoices_of(w, c, ", "));
	ROW(w, b, TR(w, "Étape", "Step", "Stufe"), word_step(l, c->step));
	ROW(w, b, TR(w, "Sort", "Outcome", "Ergebnis"), outcome_of(w, c));
	if (c->outcome_place.folder)
		ROW(w, b, TR(w, "Consigné", "Recorded", "Aufgezeichnet"), moment(w, c->outcome_place.at, ", "));
	if (c->provider_id)
		ROW(w, b, TR(w, "Prestataire", "Provider", "Anbieter"), arena_printf(w->arena, TR(w, "%s, référence %s", "%s, reference %s", "%s, Referenz %s"),
							   c->provider ? c->provider : "", c->provider_id));
	if (c->note)
		ROW(w, b, TR(w, "Note", "Note", "Notiz"), arena_printf(w->arena, TR(w, "«\u00a0%s\u00a0» (%s)", "“%s” (%s)", "„%s“ (%s)"), c->note, c->by ? c->by : ""));
	ROW(w, b, TR(w, "Dans ce dossier", "In this bundle", "In dieser Beweismappe"), places_of(w, c));
	if (c->message.subject)
		ROW(w, b, TR(w, "Objet", "Subject", "Betreff"), c->message.subject);
	if (c->message_closed)
		add(w, BLOCK_NOTE, TR(w, "Contenu non communiqué ou effacé.", "Content withheld or erased.", "Inhalt nicht offengelegt oder gelöscht."));
	else if (c->content_place.folder && c->message.text && strcmp(c->channel, "letter") == 0)
		add(w, BLOCK_NOTE, TR(w, "Consigne remise à la personne qui a posté la lettre\u202f; la lettre elle-même\u00a0: parts/letter.pdf du même dossier.",
					 "Told to the person who posted the letter; the letter itself: parts/letter.pdf of the same folder.",
					 "Anweisung an die Person, die den Brief zur Post gab; der Brief selbst: parts/letter.pdf desselben Ordners."));
	else if (c->content_place.folder && c->message.text)
		add(w, BLOCK_NOTE, TR(w, "Trame remise à la personne qui appelle\u202f; ce qui a été dit n’est pas enregistré.",
					 "Script given to the caller; what was said is not recorded.",
					 "Leitfaden für die Person, die anruft; was gesagt wurde, ist nicht aufgezeichnet."));
	if (c->message.text)
		add(w, BLOCK_QUOTE, c->message.text);
	if (c->message.html)
		add(w, BLOCK_NOTE, TR(w, "Le même texte était joint sous forme HTML\u00a0: parts/message.json.", "The same text went with it as HTML: parts/message.json.",
					 "Derselbe Text lag als HTML bei: parts/message.json."));
}

static void write_contents(struct writing *w)
{
	if (!w->file->contact_count)
		return;
	add(w, BLOCK_PAGE, NULL);
	add(w, BLOCK_HEADING, TR(w, "Contenu de chaque contact, tel qu’envoyé", "Each contact, as it was sent", "Jeder Kontakt, wie er versandt wurde"));
	for (size_t i = 0; i < w->file->contact_count; i++)
		write_content(w, i);
}

static void write_account(struct writing *w)
{
	static const unsigned char widths[] = { 22, 28, 18, 20, 12 };

	add(w, BLOCK_PAGE, NULL);
	add(w, BLOCK_HEADING, TR(w, "Relevé de compte", "Statement of account", "Kontoauszug"));
	for (size_t i = 0; i < w->file->invoice_count; i++) {
		const struct case_invoice *v = &w->file->invoices[i];
		struct block *b;

		if (!v->state.known)
			continue;
		add(w, BLOCK_SUBHEADING, arena_printf(w->arena, TR(w, "Facture %s, échue le %s", "Invoice %s, due on %s",
			"Rechnung %s, fällig am %s"), number_of(w, v->id), day(w, v->due_on)));
		b = table(w, 5, widths, 0x0c);
		ROW(w, b, TR(w, "Connu le", "Known on", "Bekannt seit"), TR(w, "Écriture", "Entry", "Buchung"), TR(w, "Montant", "Amount", "Betrag"),
			TR(w, "Solde", "Balance", "Saldo"), TR(w, "Preuve", "Proof", "Beleg"));
		for (size_t k = 0; k < v->booking_count; k++) {
			const struct case_booking *line = &v->bookings[k];

			ROW(w, b, when(w, line->place.at),
				arena_printf(w->arena, "%s%s%s", word_booking(w->report->language, line->kind), line->ref ? "\n" : "", line->ref ? line->ref : ""),
				amount(w, line->amount, v->currency), amount(w, line->balance, v->currency), line->place.proof);
		}
		ROW(w, b, TR(w, "Reste dû", "Still owed", "Noch offen"), "", "", amount(w, v->balance, v->currency), "");
		b->total = true;
	}
}

/* --- what it is worth ------------------------------------------------------------------------------ */

static void write_worth(struct writing *w)
{
	add(w, BLOCK_PAGE, NULL);
	add(w, BLOCK_HEADING, TR(w, "Ce que ce dossier prouve", "What this bundle proves", "Was diese Beweismappe beweist"));
	add(w, BLOCK_TEXT, TR(w, "Il montre ce que le programme dunningd a fait et consigné au sujet de ce débiteur, dans quel ordre, et que rien n’en a été "
				 "modifié, ajouté ou retiré depuis la signature du journal. Chaque contact a été consigné, avec son contenu et son destinataire, avant de "
				 "partir. Avec la liste des empreintes du journal, il montre aussi qu’aucun enregistrement du dossier de ce débiteur n’a été omis.",
				 "It shows what the program dunningd did and recorded about this debtor, in which order, and that nothing of it was changed, added or "
				 "removed since the log was signed. Each contact was recorded, with content and recipient, before it left. With the log’s list of "
				 "fingerprints it also shows that no record of this debtor’s file was left out.",
				 "Sie zeigt, was das Programm dunningd zu diesem Schuldner getan und aufgezeichnet hat, in welcher Reihenfolge, und dass seit "
				 "der Signatur des Protokolls nichts davon geändert oder entfernt und nichts hinzugefügt wurde. Jeder Kontakt wurde mit Inhalt und "
				 "Empfänger aufgezeichnet, bevor er hinausging. Mit der Liste der Prüfsummen des Protokolls zeigt sie auch, dass keine Aufzeichnung aus der "
				 "Akte dieses Schuldners ausgelassen wurde."));
	add(w, BLOCK_HEADING, TR(w, "Ce qu’il ne prouve pas", "What it does not prove", "Was sie nicht beweist"));
	add(w, BLOCK_TEXT, TR(w, "Il ne prouve pas que le débiteur a reçu ou lu un message, ni que personne ne l’a contacté autrement que par dunningd, ni que les "
				 "données transmises par le système de facturation étaient exactes, ni que l’horloge était juste avant le premier horodatage par un tiers. "
				 "Il n’a par lui-même aucune qualification légale\u202f; sa valeur est laissée à l’appréciation du juge.",
				 "It does not prove that the debtor received or read a message, nor that nobody contacted the debtor outside dunningd, nor that what the "
				 "billing system said was true, nor that the clock was right before the first time stamp of a third party. It "
				 "claims no legal status of its own; its weight is for the court.",
				 "Sie beweist nicht, dass eine Nachricht dem Schuldner zugegangen ist oder er sie zur Kenntnis genommen hat, nicht, dass ihn "
				 "außerhalb von dunningd niemand angesprochen hat, nicht, dass die Angaben des Abrechnungssystems zutrafen, und nicht, dass die Uhr "
				 "vor dem ersten Zeitstempel eines Dritten richtig ging. Eine besondere rechtliche Eigenschaft nimmt sie von sich aus nicht in "
				 "Anspruch; ihre Würdigung ist Sache des Gerichts."));
	if (w->file->stamps || w->file->witnesses)
		add(w, BLOCK_TEXT, arena_printf(w->arena,
			TR(w, "Horodatages par des tiers\u00a0: %zu\u202f; signatures de témoins\u00a0: %zu (log/<année>/anchored/). Ce qui y est compris "
			      "existait au plus tard à leur date, pourvu que ces tiers soient ceux qu’ils disent être\u00a0: la vérification affiche leurs "
			      "empreintes et leurs clés, à comparer avec ce qu’ils publient.",
				"Time stamps of third parties: %zu; witnesses’ signatures: %zu (log/<year>/anchored/). What they cover existed at their date "
				"at the latest, provided that these third parties are who they say they are: the check prints their fingerprints and keys, to "
				"be compared with what they publish.",
				"Zeitstempel Dritter: %zu; Gegenzeichnungen Dritter: %zu (log/<Jahr>/anchored/). Was sie umfassen, bestand spätestens zu ihrem "
				"Zeitpunkt, sofern diese Dritten sind, wer zu sein sie angeben: Die Prüfung gibt ihre Prüfsummen und Schlüssel aus, zum "
				"Vergleich mit dem, was sie veröffentlichen."),
			w->file->stamps, w->file->witnesses));
	else
		add(w, BLOCK_TEXT, TR(w, "Il ne contient ni horodatage par un tiers ni signature de témoin\u00a0: la date de la signature du journal repose sur la parole de "
					 "l’entreprise.",
					 "It holds no time stamp of a third party and no witness’s signature: the date of the log’s signature rests on the company’s "
					 "word.",
					 "Sie enthält weder einen Zeitstempel noch eine Gegenzeichnung eines Dritten: Für den Zeitpunkt der Signatur des Protokolls steht "
					 "nur das Wort des Unternehmens."));
	add(w, BLOCK_HEADING, TR(w, "Comment le vérifier", "How to check it", "Wie sie zu prüfen ist"));
	add(w, BLOCK_TEXT, TR(w, "Hors ligne, avec OpenSSL et un interpréteur de commandes\u00a0: «\u00a0sh verify.sh . 'CLÉ'\u00a0». Avec dunningd\u00a0: «\u00a0dunningctl trail verify . "
				 "--key 'CLÉ'\u00a0», qui vérifie aussi que ce rapport dit ce que disent les enregistrements. La clé est celle que "
				 "l’entreprise a publiée pour son journal. Le fichier VERIFY.txt en dit plus\u202f; le procédé est décrit dans process/TRAIL.md.",
				 "Offline, with OpenSSL and a shell: “sh verify.sh . 'KEY'”. With dunningd: “dunningctl trail verify . --key 'KEY'”, which also "
				 "checks that this report says what the records say. The key is the one that the company published for its log. VERIFY.txt says more; "
				 "the process is described in process/TRAIL.md.",
				 "Offline, mit OpenSSL und einer Shell: „sh verify.sh . 'SCHLÜSSEL'“. Mit dunningd: „dunningctl trail verify . --key 'SCHLÜSSEL'“; das "
				 "prüft auch, dass dieser Bericht sagt, was die Aufzeichnungen sagen. Der Schlüssel ist der, den das Unternehmen für sein Protokoll "
				 "veröffentlicht hat. Mehr steht in VERIFY.txt; das Verfahren ist in process/TRAIL.md beschrieben."));
	if (w->file->process)
		add(w, BLOCK_NOTE, arena_printf(w->arena, TR(w, "Empreinte SHA-256 de la description du procédé, consignée au dernier démarrage\u00a0: %s",
							     "SHA-256 of the description of the process, as recorded at the last start: %s",
							     "SHA-256-Prüfsumme der Verfahrensbeschreibung, wie beim letzten Start aufgezeichnet: %s"), w->file->process));
}

static void write_bordereau(struct writing *w)
{
	static const unsigned char widths[] = { 9, 48, 22, 21 };
	struct block *b;
	size_t number = 0;

	if (w->report->language != REPORT_FR) /* French procedure asks for it: art. 768 and 954 of the Code de procédure civile */
		return;
	add(w, BLOCK_PAGE, NULL);
	add(w, BLOCK_HEADING, "Bordereau de pièces");
	b = table(w, 4, widths, 0);
	ROW(w, b, "Pièce n°", "Désignation", "Date", "Emplacement");
#define NUMBER arena_printf(w->arena, "%zu", ++number)
	for (size_t i = 0; i < w->file->invoice_count; i++)
		if (w->file->invoices[i].state.known && w->file->invoices[i].booking_count)
			ROW(w, b, NUMBER, arena_printf(w->arena, "Facture %s\u00a0: données transmises par le créancier", number_of(w, w->file->invoices[i].id)),
				day(w, w->file->invoices[i].issued_on), w->file->invoices[i].bookings[0].place.folder);
	for (size_t i = 0; i < w->file->contact_count; i++) {
		const struct case_contact *c = &w->file->contacts[i];

		ROW(w, b, NUMBER, arena_printf(w->arena, "Contact n° %zu (%s)\u00a0: %s", i + 1, word_channel(REPORT_FR, c->channel), word_step(REPORT_FR, c->step)),
			day(w, zone_date(w->zone, c->place.at)), c->place.folder);
	}
	ROW(w, b, NUMBER, "Relevé de compte", day(w, zone_date(w->zone, w->file->last_at)), "présent rapport");
	ROW(w, b, NUMBER, "Description du procédé", "", "process/TRAIL.md");
	ROW(w, b, NUMBER, "Journal\u00a0: racines signées, clé, empreintes", "", "log/");
	ROW(w, b, NUMBER, "Procédé de vérification", "", "verify.sh, VERIFY.txt");
	ROW(w, b, NUMBER, "Modèles d’attestation", "", "statement.txt");
#undef NUMBER
}

void report_make(const struct case_file *file, enum report_language language, struct arena *arena, struct report *ret)
{
	struct writing w = { file, ret, arena, NULL };

	*ret = (struct report){ .language = language };
	if (zone_get(file->zone, &w.zone) < 0)
		(void)zone_get("UTC", &w.zone);
	ret->title = TR(&w, "Dossier de preuve\u00a0: relances et paiements", "Evidence: reminders and payments", "Beweismittel: Mahnungen und Zahlungen");
	ret->footer = arena_printf(arena, "%s %s %s", debtor_name(&w), EM, file->origin ? file->origin : "");
	write_head(&w);
	write_invoices(&w);
	write_contacts(&w);
	write_events(&w);
	write_contents(&w);
	write_account(&w);
	write_worth(&w);
	write_bordereau(&w);
}
