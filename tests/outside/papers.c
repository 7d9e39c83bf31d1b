/*
 * papers - letters as they come out of the printer, read back with Poppler: for each envelope, in French, English and German, to a debtor
 * with a name of 300 characters, long addresses and a long reference. All words are within the margins, those of the address in the window,
 * nothing of the name, the address or the reference is missing, and no amount is broken; and the same of the shipped texts, with all that
 * belongs into them. Then the evidence report in each of its languages, with every word that it has for a contact or an entry: all of it within
 * the margins, and no word broken.
 *
 *	papers [--shots DIR]
 */
#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/letter.h"
#include "common/report_words.h"
#include "tests/support/long_names.h"
#include "tests/support/paper.h"
#include "tests/support/process.h"
#include "tests/support/tree.h"
#include "tests/support/world.h"
#include "tools/evidence_pdf.h"

#define RUN_MS 60000
#define AMOUNT "9\u202f999\u202f999\u202f999,99\u00a0€" /* in one piece, wherever it stands */

static const struct paper {
	const char *name;
	enum letter_form form;
	struct postal from;
	double left, right; /* mm: margins */
	double window[4]; /* mm: x0, y0, x1, y1 of what the envelope shows */
} papers[] = {
	{ "fr", LETTER_FRENCH, { .line1 = "14 rue des Tanneurs", .postcode = "75003", .city = "Paris", .country = "FR" }, 22, 20, { 100, 45, 190, 79 } },
	{ "de", LETTER_DIN, { .line1 = "Gasse 1", .postcode = "10115", .city = "Berlin", .country = "DE" }, 25, 20, { 20, 62.7, 105, 90 } },
	{ "gb", LETTER_BRITISH, { .line1 = "1 High St", .postcode = "SE1 3LE", .city = "London", .country = "GB" }, 22, 18, { 20, 57, 100, 81 } },
	{ "us", LETTER_US, { .line1 = "1 Main St", .postcode = "11201", .city = "Brooklyn", .region = "NY", .country = "US" }, 24, 22, { 22.2, 63.5, 111.1, 80.4 } },
};
static const char *const locales[] = { "fr-FR", "en-GB", "de-DE" };

static const char *shots;
static char dir[] = "/tmp/dunningd-papers-XXXXXX";

/* The letter in that file. */
static size_t read_letter(struct arena *arena, const char *path, const struct paper *paper, const char *name, struct paper_word **ret)
{
	bool us = paper->form == LETTER_US;
	const struct paper_sheet sheet = { us ? 215.9 : 210, us ? 279.4 : 297, paper->left, paper->right };
	size_t count = paper_words(arena, path, ret);

	paper_shot(path, shots, name);
	paper_is_tidy(*ret, count, &sheet, name);
	return count;
}

static void one(const struct paper *paper, const char *locale, bool breaks)
{
	static const struct creditor creditor = { .name = "Ateliers Vermeil SARL", .legal_id = "SIREN 812 345 678", .bank = "FR76 3000", .zone = "Europe/Paris" };
	static const struct sender sender = { .name = "Claire Morel", .phone = "+33100000009", .email = "claire.morel@vermeil.example" };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf pdf = { 0 };
	const char *name = arena_printf(arena, "%s-%.2s%s", paper->name, locale, breaks ? "" : "-unbroken"), *path = arena_printf(arena, "%s/%s.pdf", dir, name);
	const char *debtor = long_name(arena, LONG_NAME, breaks), *reference = long_number(arena, LONG_NUMBER, breaks);
	struct creditor by = creditor;
	struct paper_word *words;
	struct err err = { 0 };
	size_t count, shown = 0, colons = 0; /* colons: off from their word, as French has them */

	by.locale = locale;
	const struct letter letter = { .form = paper->form, .locale = locale, .creditor = &by, .from = paper->from, .sender = &sender, .to_name = debtor,
		.attention = "Frau Dr. Maria-Magdalena von und zu Hohenlohe-Langenburg",
		.to = { .line1 = "Zone industrielle de la Croix-Blanche, bâtiment Lavoisier, escalier C, troisième étage, porte 312",
			.line2 = "12 avenue du Maréchal de Lattre de Tassigny prolongée", .postcode = "69002", .city = "Saint-Germain-au-Mont-d’Or-lès-Lyon",
			.country = "FR" },
		.delivery = LETTER_REGISTERED, .written_on = date_of(2026, 4, 1), .reference = reference, .attempt = "01JX9000000000000000000000",
		.subject = arena_printf(arena, "Mise en demeure, %s", reference),
		.body = arena_printf(arena, "Madame, Monsieur,\n\n| Facture | Date | Échéance | Montant: | Payé: | Solde: |\n"
			"| %s | 2 mars 2026 | 1er septembre 2026 | " AMOUNT " | 0,00 € | " AMOUNT " |\n\n"
			"%s nous doit " AMOUNT ".\n\n- un\n- deux\n\nFin.\n", reference, debtor),
		.checkpoint = "test.example/acme/2026 · 7 · AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" };

	if (letter_pdf(&letter, &pdf, &err) < 0 || file_replace(path, pdf.data, pdf.len, 0600) < 0)
		world_fail("%s: %s", name, err.text);
	count = read_letter(arena, path, paper, name, &words);
	if (!paper_says(words, count, debtor) || !paper_says(words, count, reference) || !paper_says(words, count, letter.to.line1))
		world_fail("%s: something of the name, the reference or the address is missing", name);
	if (!paper_says_in_a_line(words, count, AMOUNT "0,00€" AMOUNT))
		world_fail("%s: an amount is broken", name);
	for (size_t i = 0; i < count; i++)
		colons += strcmp(words[i].text, ":") == 0;
	if ((colons > 0) != (strncmp(locale, "fr", 2) == 0))
		world_fail("%s: %zu colons stand off", name, colons);
	for (size_t i = 0; i < count; i++) /* the way there is in the window, whatever the name leaves of it */
		shown += words[i].page == 1 && strncmp(words[i].text, "69002", 5) == 0 && words[i].x0 >= paper->window[0] && words[i].x1 <= paper->window[2] &&
			words[i].y0 >= paper->window[1] && words[i].y1 <= paper->window[3];
	if (!shown)
		world_fail("%s: the post code does not stand in the window", name);
}

/*
 * The shipped letters, with their made-up invoices: who writes to whom, about what, how much, where to pay and to answer, and what the country's law
 * wants in it (articles 1344 and L. 441-10; section 288 BGB; the Practice Direction on Pre-Action Conduct).
 */
static const struct shipped {
	const char *step, *locale;
	const struct paper *paper;
	const char *legal_id, *says[12];
} letters[] = {
	{ "fr-b2b/formal-notice", "fr-FR", &papers[0], "RCS Paris 812 345 678",
		{ "75003 PARIS", "Lettre recommandée avec avis de réception", "Paris, le ", "Nos références : F-2026-0042", "Votre contact : Claire Morel",
			"Objet : Mise en demeure de payer : 2 factures, 2 040,50 €", "au plus tard le", "L. 441-10", "40,00 €", "1231-6 et 1344 du code civil" } },
	{ "de-b2b/final-demand", "de-DE", &papers[1], "HRB 12345 B, Geschäftsführerin: Eva Groß",
		{ "10115 Berlin", "Datum: ", "Unser Zeichen: F-2026-0042", "Ansprechpartner: Claire Morel", "Letzte Mahnung: 2 Rechnungen, 2.040,50 €",
			"2.040,50 € bis zum", "§ 288 Abs. 2 und 5 BGB", "40,00 €", "Mahnbescheid" } },
	{ "uk-b2b/letter-before-claim", "en-GB", &papers[2], "Registered in England, No. 01234567",
		{ "SE1 3LE", "Our reference: F-2026-0042", "Contact: Claire Morel", "Subject: Letter before claim: 2 invoices, £2,040.50", "Please pay this sum by",
			"Late Payment of Commercial Debts (Interest) Act 1998", "Practice Direction on Pre-Action Conduct", "propose instalments", "County Court" } },
	{ "us-b2b/demand-letter", "en-US", &papers[3], "Delaware corporation",
		{ "NY 11201", "Our reference: F-2026-0042", "Contact: Claire Morel", "Subject: Demand for payment: 2 invoices, $2,040.50",
			"balance of $2,040.50 by", "waives none of our rights" } },
};

static void shipped(const struct shipped *one)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const struct postal *from = &one->paper->from;
	const char *name = arena_printf(arena, "shipped-%s", one->locale), *path = arena_printf(arena, "%s/%s.pdf", dir, name),
		   *config = arena_printf(arena, "%s/%s.json", dir, name);
	CLEANUP(buf_clear) struct buf text = { 0 }, said = { 0 };
	const char *argv[] = { BUILD_DIR "/dunningctl", "--config", config, "--share", SOURCE_DIR "/daemon/share", "template", "preview", one->step, "--many",
		"--locale", one->locale, "--pdf", path, NULL };
	const char *const always[] = { "Ateliers Vermeil", one->legal_id, from->line1, "Dupont SARL", "12 rue de l’Exemple", "69002 LYON", "F-2026-0051",
		"BANK 42 4242" };
	struct paper_word *words;
	size_t count;

	buf_printf(&text, "{\"origin\":\"test.example/acme\",\"state_dir\":\"/nonexistent\",\"creditor\":{\"name\":\"Ateliers Vermeil\",\"locale\":\"%s\","
		"\"zone\":\"Europe/Paris\",\"legal_id\":\"%s\",\"bank\":\"BANK 42 4242\","
		"\"postal\":{\"line1\":\"%s\",\"postcode\":\"%s\",\"city\":\"%s\",\"country\":\"%s\"%s%s%s}},"
		"\"senders\":{\"default\":{\"name\":\"Claire Morel\",\"email\":\"a@acme.example\"}},"
		"\"channels\":{\"email\":\"outbox\",\"sms\":\"outbox\",\"letter\":\"outbox\"}}",
		one->locale, one->legal_id, from->line1, from->postcode, from->city, from->country, from->region ? ",\"region\":\"" : "",
		from->region ? from->region : "", from->region ? "\"" : "");
	if (file_replace(config, text.data, text.len, 0600) < 0 || process_run(argv, &said, RUN_MS) != 0)
		world_fail("%s: %s", one->step, buf_str(&said));
	count = read_letter(arena, path, one->paper, name, &words);
	for (size_t i = 0; i < ARRAY_LEN(always); i++)
		if (!paper_says(words, count, always[i]))
			world_fail("%s: it does not say \"%s\"", name, always[i]);
	for (size_t i = 0; i < ARRAY_LEN(one->says) && one->says[i]; i++)
		if (!paper_says(words, count, one->says[i]))
			world_fail("%s: it does not say \"%s\"", name, one->says[i]);
}

/* --- reports --------------------------------------------------------------------------------------------- */

static bool part_of(unsigned char c)
{
	return isalnum(c) || c & 0x80;
}

static void add_text(struct buf *all, const char *text)
{
	for (; text && *text; text++)
		if (strncmp(text, "\u00a0", 2) == 0)
			buf_add_char(all, ' '), text++;
		else if (strncmp(text, "\u202f", 3) == 0)
			buf_add_char(all, ' '), text += 2;
		else if (strncmp(text, "\xe2\x80", 2) == 0) /* quotes and dashes */
			buf_add_char(all, '"'), text += 2;
		else
			buf_add_char(all, *text);
	buf_add_char(all, '\n');
}

/* All that the report says, with plain blanks; and what stands on each page beside it. */
static void add_report(struct buf *all, const struct report *report)
{
	for (size_t i = 0; i < report->count; i++) {
		const struct block *b = &report->blocks[i];

		add_text(all, b->text);
		for (size_t k = 0; k < b->columns * b->rows; k++)
			add_text(all, b->cells[k]);
	}
	add_text(all, report->footer);
	add_text(all, "Page Seite");
}

/* Whether the word stands there as a whole, or from or up to a hyphen, slash or the like within a longer one. */
static bool whole(const struct buf *all, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = buf_str(all); (at = strstr(at, word)); at++)
		if ((at == buf_str(all) || !part_of((unsigned char)at[-1]) || !part_of((unsigned char)word[0])) &&
			(!part_of((unsigned char)at[len]) || !part_of((unsigned char)word[len - 1])))
			return true;
	return strspn(word, "0123456789/") == len; /* of pages */
}

/* Poppler writes words as XML. Quotes and dashes may part them, and all look the same here. */
static void plain(char *text)
{
	static const struct {
		const char *name;
		char is;
	} entities[] = { { "&apos;", '\'' }, { "&quot;", '"' }, { "&lt;", '<' }, { "&gt;", '>' }, { "&amp;", '&' } };

	for (size_t i = 0; i < ARRAY_LEN(entities); i++)
		for (char *at; (at = strstr(text, entities[i].name));) {
			size_t len = strlen(entities[i].name);

			*at = entities[i].is;
			memmove(at + 1, at + len, strlen(at + len) + 1);
			if (entities[i].is == '&')
				break; /* the last of them, and it could begin another */
		}
	for (char *at = text; (at = strstr(at, "\xe2\x80"));) { /* as add_text() has them */
		*at++ = '"';
		memmove(at, at + 2, strlen(at + 2) + 1);
	}
}

/* Every word that there is for it, in the column where it stands, in long sums and dates. */
static void every_word(struct case_file *file, struct arena *arena, const char *name)
{
	static const struct case_place place = { "records/0001", "2026-1234", INT64_C(1798758000000) }; /* in Berlin another day than in UTC */
	static const char *const ids[] = { "i1", "i2" };
	struct case_booking *bookings = arena_alloc(arena, 1000 * sizeof(*bookings));
	struct case_invoice *invoice = arena_alloc(arena, sizeof(*invoice));
	const struct report_word *word;

	*file = (struct case_file){ .debtor = "cus_7", .debtor_name = name, .creditor = "Acme GmbH", .zone = "Europe/Berlin", .origin = "trail.example.com/acme",
		.first_at = place.at, .last_at = place.at, .records = 9, .closed_records = 2, .closed_parts = 3,
		.contacts = arena_alloc(arena, 1000 * sizeof(*file->contacts)), .entries = arena_alloc(arena, 1000 * sizeof(*file->entries)), .invoices = invoice, .invoice_count = 1 };
	*invoice = (struct case_invoice){ .id = "i1", .number = "RE-2026-0042", .issued_on = date_of(2026, 9, 30), .due_on = date_of(2026, 12, 30), .currency = "EUR",
		.total = 98765432, .paid = 12345678, .credited = 12345678, .balance = 74074076, .bookings = bookings, .closed = "uncollectible",
		.state = { .known = true, .snapshot = { .terms_agreed_on = date_of(2026, 9, 30), .purchase_order = "PO 7", .delivery_proof = "LS 7" } } };
	for (size_t i = 0; (word = report_word_at(i)); i++) { /* a code without a word of its own would stand there as it is */
		const char *code = word->code;
		struct case_contact contact = { .place = place, .outcome_place = place, .receipt_place = place, .attempt = code, .invoices = ids, .invoice_count = 2,
			.step = word_step(REPORT_EN, code) != code ? code : "reminder", .channel = word_channel(REPORT_EN, code) != code ? code : "sms",
			.outcome = code, .receipt = word_receipt(REPORT_EN, code) != code ? code : NULL, .tracking = "JJD 14", .name = "Frau Dr. Hohenlohe",
			.address = "post@amt.example", .note = "Ja.", .by = "Anna", .provider = "post", .provider_id = "42", .message = { .text = "Guten Tag" } };
		struct case_entry entry = { .place = place, .kind = word_kind(REPORT_EN, code) != code ? code : "phone.note",
			.reason = word_reason(REPORT_EN, code) != code ? code : NULL, .step = contact.step, .invoice = "i1", .until = place.at, .amount = 12345678,
			.text = "Guten Tag", .silence = i % 2 };

		if (word_outcome(REPORT_EN, &contact) == code)
			contact.outcome = NULL;
		file->contacts[file->contact_count++] = contact;
		file->entries[file->entry_count++] = entry;
		if (word_booking(REPORT_EN, code) != code)
			bookings[invoice->booking_count++] = (struct case_booking){ .place = place, .kind = code, .amount = -12345678, .balance = 12345678 };
	}
}

static const struct paper_sheet report_sheet = { 210, 297, 19.8, 19.8 };

static void drawn(enum report_language language, bool longest)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf pdf = { 0 }, said = { 0 };
	const char *name = arena_printf(arena, "report-%s%s", report_tags[language], longest ? "-long" : ""), *path = arena_printf(arena, "%s/%s.pdf", dir, name);
	const char *debtor = longest ? long_name(arena, LONG_NAME, false) : "Dupont SARL";
	struct case_file file;
	struct report report;
	struct paper_word *words;
	struct err err = { 0 };
	size_t count;

	every_word(&file, arena, debtor);
	report_make(&file, language, arena, &report);
	if (evidence_pdf(&report, file.last_at, &pdf, &err) < 0 || file_replace(path, pdf.data, pdf.len, 0600) < 0)
		world_fail("%s: %s", name, err.text);
	paper_shot(path, shots, name);
	count = paper_words(arena, path, &words);
	paper_is_tidy(words, count, &report_sheet, name);
	if (!paper_says(words, count, debtor))
		world_fail("%s: something of the name is missing", name);
	add_report(&said, &report);
	for (size_t i = 0; i < count && !longest; i++) {
		plain(words[i].text);
		if (!whole(&said, words[i].text))
			world_fail("%s, page %d: \"%s\" is a piece of a word", name, words[i].page, words[i].text);
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "shots", required_argument, NULL, 's' }, { 0 } };
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 's')
			return 2;
		shots = optarg;
	}
	if (!mkdtemp(dir))
		world_fail("%s cannot be made", dir);
	for (size_t p = 0; p < ARRAY_LEN(papers); p++)
		for (size_t l = 0; l < ARRAY_LEN(locales); l++)
			for (int breaks = 0; breaks < 2; breaks++)
				one(&papers[p], papers[p].form == LETTER_US && l == 1 ? "en-US" : locales[l], breaks);
	for (size_t i = 0; i < ARRAY_LEN(letters); i++)
		shipped(&letters[i]);
	for (int l = 0; l < REPORT_LANGUAGE_COUNT; l++)
		for (int long_name = 0; long_name < 2; long_name++)
			drawn((enum report_language)l, long_name);
	tree_remove(dir);
	printf("papers: %zu letters, all within their margins, the addresses in their windows, nothing cut; %d reports, no word of theirs broken\n",
		ARRAY_LEN(papers) * ARRAY_LEN(locales) * 2 + ARRAY_LEN(letters), 2 * REPORT_LANGUAGE_COUNT);
	return 0;
}
