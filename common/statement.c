#include "common/statement.h"

#include <errno.h>
#include <string.h>

#include "common/locale.h"

struct words {
	const char *language, *title, *file, *head, *total, *disputed, *left_out;
};
static const struct words languages[] = {
	{ "en", "Statement of account", "statement", "| Invoice | Date | Due | Amount: | Paid or credited: | Balance due: |", "Total", "in dispute",
		"Not listed here, since there are too many: %zu more open invoices." },
	{ "fr", "Relevé de compte", "releve-de-compte", "| Facture | Date | Échéance | Montant\u00a0: | Payé ou crédité\u00a0: | Reste dû\u00a0: |", "Total", "en litige",
		"Non listées ici, car trop nombreuses\u00a0: %zu autres factures ouvertes." },
	{ "de", "Kontoauszug", "kontoauszug", "| Rechnung | Datum | Fällig | Betrag: | Verrechnet: | Offen: |", "Summe", "bestritten",
		"Hier nicht aufgeführt, da zu viele: %zu weitere offene Rechnungen." },
	{ "es", "Estado de cuenta", "estado-de-cuenta", "| Factura | Fecha | Vencimiento | Importe: | Pagado o abonado: | Pendiente: |", "Total", "en disputa",
		"No figuran aquí, por ser demasiadas: otras %zu facturas abiertas." },
	{ "it", "Estratto conto", "estratto-conto", "| Fattura | Data | Scadenza | Importo: | Pagato o accreditato: | Da pagare: |", "Totale", "contestata",
		"Non elencate qui, perché troppe: altre %zu fatture aperte." },
	{ "nl", "Rekeningoverzicht", "rekeningoverzicht", "| Factuur | Datum | Vervaldatum | Bedrag: | Voldaan: | Openstaand: |", "Totaal", "betwist",
		"Hier niet vermeld, omdat het er te veel zijn: nog %zu openstaande facturen." },
};

static const struct words *words_of(const char *locale)
{
	for (size_t i = 0; i < ARRAY_LEN(languages); i++)
		if (strncmp(languages[i].language, locale, 2) == 0)
			return &languages[i];
	return &languages[0];
}

static void put_money(const struct statement *s, int64_t minor, struct buf *out)
{
	struct money money = { .minor = minor };

	memcpy(money.currency, s->currency, 4);
	(void)locale_money(s->locale, money, out);
}

static void put_day(const struct statement *s, date day, struct buf *out)
{
	if (date_is_set(day))
		(void)locale_date_styled(s->locale, day, LOCALE_DATE_SHORT, out);
}

/* A '|' would end the cell. */
static void put_cell(struct buf *out, const char *text)
{
	for (; *text; text++)
		buf_add_char(out, *text == '|' || (unsigned char)*text < 0x20 ? ' ' : *text);
}

int statement_body(const struct statement *s, struct arena *arena, const char **body, struct err *err)
{
	const struct words *words = words_of(s->locale);
	CLEANUP(buf_clear) struct buf out = { 0 };
	int64_t total = 0, paid = 0, balance = 0;

	buf_printf(&out, "%s\n", words->head);
	for (size_t i = 0; i < s->count; i++) {
		const struct statement_line *line = &s->lines[i];

		if (!money_add(total, line->total, &total) || !money_add(paid, line->paid, &paid) || !money_add(balance, line->balance, &balance))
			return err_set(err, -EBADMSG, "out_of_range", "", "the balances do not add up within 2^53");
		buf_add_str(&out, "| ");
		put_cell(&out, line->number);
		if (line->disputed)
			buf_printf(&out, " (%s)", words->disputed);
		buf_add_str(&out, " | ");
		put_day(s, line->issued_on, &out);
		buf_add_str(&out, " | ");
		put_day(s, line->due_on, &out);
		buf_add_str(&out, " | ");
		put_money(s, line->total, &out);
		buf_add_str(&out, " | ");
		put_money(s, line->paid, &out);
		buf_add_str(&out, " | ");
		put_money(s, line->balance, &out);
		buf_add_str(&out, " |\n");
	}
	buf_printf(&out, "| %s | | | ", words->total);
	put_money(s, total, &out);
	buf_add_str(&out, " | ");
	put_money(s, paid, &out);
	buf_add_str(&out, " | ");
	put_money(s, balance, &out);
	buf_add_str(&out, " |\n");
	if (s->left_out) {
		const char *at = strstr(words->left_out, "%zu");

		buf_printf(&out, "\n%.*s%zu%s\n", (int)(at - words->left_out), words->left_out, s->left_out, at + 3);
	}
	*body = arena_strdup(arena, buf_str(&out));
	return 0;
}

int statement_pdf(const struct statement *s, struct arena *arena, struct buf *out, const char **name, struct err *err)
{
	const struct words *words = words_of(s->locale);
	struct letter letter = { .form = letter_form_of(s->from.country, s->to.country), .locale = s->locale, .creditor = s->creditor, .from = s->from,
		.sender = s->sender, .to_name = s->debtor_name, .to = s->to, .enclosed = true, .written_on = s->written_on, .subject = words->title };
	int r = statement_body(s, arena, &letter.body, err);

	if (r < 0)
		return r;
	*name = arena_printf(arena, "%s.pdf", words->file);
	return letter_pdf(&letter, out, err);
}
