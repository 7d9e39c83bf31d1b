/*
 * Letters: the form of the country's envelopes, addresses as their countries write them, and on paper what the standards ask: nothing of an
 * address outside the window, whatever its length, and the same bytes for the same letter.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <cairo.h>

#include "common/letter.h"

#define WIDTH 600 /* pixels of a picture: a coarse one has ink where a fine one has it, and up to 0.35 mm around it */

static const struct creditor creditor = { .name = "Ateliers Vermeil SARL", .legal_id = "SIREN 812 345 678", .locale = "fr-FR", .zone = "Europe/Paris" };
static const struct sender sender = { .name = "Claire Morel", .phone = "+33100000009" };
static const struct postal paris = { .line1 = "14 rue des Tanneurs", .postcode = "75003", .city = "Paris", .country = "FR" };

static struct letter letter_in(enum letter_form form)
{
	return (struct letter){ .form = form, .locale = "fr-FR", .creditor = &creditor, .from = paris, .sender = &sender, .to_name = "Dupont SARL",
		.attention = "Mme Roy",
		.to = { .line1 = "12 rue de l’Exemple", .line2 = "Bât. B", .postcode = "69002", .city = "Lyon", .country = "FR" },
		.delivery = LETTER_REGISTERED, .written_on = date_of(2026, 4, 1), .reference = "F-42", .attempt = "01JX9000000000000000000000",
		.subject = "Mise en demeure", .body = "Madame, Monsieur,\n\n| Facture | Solde: |\n| F-42 | 1 200,00 € |\n\n- un\n- deux\n\nFin.\n",
		.checkpoint = "test.example/acme/2026 · 7 · AAAA" };
}

static void the_envelope_is_that_of_the_creditors_country(void **state)
{
	(void)state;
	assert_int_equal(letter_form_of("FR", "DE"), LETTER_FRENCH);
	assert_int_equal(letter_form_of("DE", "FR"), LETTER_DIN);
	assert_int_equal(letter_form_of("GB", "US"), LETTER_BRITISH);
	assert_int_equal(letter_form_of("US", "FR"), LETTER_US);
	assert_int_equal(letter_form_of("PL", NULL), LETTER_DIN);
	assert_int_equal(letter_form_of(NULL, "CA"), LETTER_US);
	assert_int_equal(letter_form_of("", "FR"), LETTER_FRENCH);
	assert_int_equal(letter_form_of(NULL, NULL), LETTER_DIN);
}

static const struct address_row {
	const char *name, *locale, *attention;
	struct postal to;
	const char *lines;
} address_rows[] = {
	{ "at home in France", "fr-FR", "Mme Roy", { "1 rue X", NULL, "69002", "Évry", NULL, "FR" },
		"Acme\nÀ l’attention de Mme Roy\n1 rue X\n69002 ÉVRY" },
	{ "abroad in Germany", "fr-FR", NULL, { "Gasse 1", "Hinterhaus", "10115", "Berlin", "BE", "DE" },
		"Acme\nGasse 1\nHinterhaus\n10115 Berlin\nALLEMAGNE" },
	{ "the code stands alone in Britain", "fr-FR", NULL, { "1 High St", NULL, "SE1 3LE", "London", "Greater London", "GB" },
		"Acme\n1 High St\nLondon\nSE1 3LE\nROYAUME-UNI" },
	{ "a state in America", "en-US", "Joe", { "1 Main St", NULL, "11201", "Brooklyn", "NY", "US" },
		"Acme\nFor the attention of Joe\n1 Main St\nBrooklyn, NY 11201\nÉTATS-UNIS" },
	{ "a province in Italy", "it-IT", NULL, { "Via A 1", NULL, "20121", "Milano", "MI", "IT" }, "Acme\nVia A 1\n20121 Milano MI\nITALIE" },
	{ "no code is known", "de-DE", NULL, { "Haus", NULL, NULL, "Ort", NULL, "DE" }, "Acme\nHaus\nOrt\nALLEMAGNE" },
	{ "the person is the house", "de-DE", "Acme", { "Haus", NULL, "1", "Ort", NULL, "FR" }, "Acme\nHaus\n1 ORT" },
};

static void address_row(void **state)
{
	const struct address_row *row = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf got = { 0 };
	struct letter letter = letter_in(LETTER_FRENCH);

	letter.locale = row->locale;
	letter.to_name = "Acme";
	letter.attention = row->attention;
	letter.to = row->to;
	for (const char **line = letter_address(&letter, "fr-FR", arena); *line; line++) {
		buf_add_str(&got, got.len ? "\n" : "");
		buf_add_str(&got, *line);
	}
	assert_string_equal(buf_str(&got), row->lines);
}

static void pdf_of(const struct letter *letter, struct buf *ret)
{
	struct err err = { 0 };

	if (letter_pdf(letter, ret, &err) < 0)
		fail_msg("%s", err.text);
}

static void the_same_letter_is_the_same_file(void **state)
{
	(void)state;
	for (int form = 0; form < LETTER_FORM_COUNT; form++) {
		CLEANUP(buf_clear) struct buf one = { 0 }, two = { 0 }, other = { 0 };
		struct letter letter = letter_in((enum letter_form)form);

		pdf_of(&letter, &one);
		pdf_of(&letter, &two);
		assert_int_equal(one.len, two.len);
		assert_memory_equal(one.data, two.data, one.len);
		assert_memory_equal(one.data, "%PDF-", 5);
		letter.written_on = date_of(2026, 4, 2);
		pdf_of(&letter, &other);
		assert_true(other.len != one.len || memcmp(one.data, other.data, one.len) != 0);
	}
}

static void what_no_letter_can_be_without(void **state)
{
	struct letter whole = letter_in(LETTER_DIN), letter;
	CLEANUP(buf_clear) struct buf out = { 0 };
	struct err err = { 0 };

	(void)state;
#define WITHOUT(member, code_) do {                                                                                             \
		letter = whole;                                                                                                 \
		err = (struct err){ 0 };                                                                                        \
		letter.member = NULL;                                                                                           \
		assert_int_equal(letter_pdf(&letter, &out, &err), -EBADMSG);                                                    \
		assert_string_equal(err.code, code_);                                                                           \
	} while (0)
	WITHOUT(to_name, "bad_address");
	WITHOUT(to.line1, "bad_address");
	WITHOUT(to.city, "bad_address");
	WITHOUT(to.country, "bad_address");
	WITHOUT(subject, "incomplete");
	WITHOUT(body, "incomplete");
	assert_int_equal(out.len, 0);
	letter = whole;
	letter.attention = letter.reference = letter.attempt = letter.checkpoint = NULL;
	letter.sender = NULL;
	letter.from = (struct postal){ 0 };
	assert_int_equal(letter_pdf(&letter, &out, &err), 0);
	assert_int_equal(letter_picture(&letter, 2, WIDTH, &out, &err), -ENOENT);
}

/* --- on paper ------------------------------------------------------------------------------------------------------- */

struct reading {
	const struct buf *png;
	size_t at;
};

static cairo_status_t read_some(void *arg, unsigned char *data, unsigned int len)
{
	struct reading *r = arg;

	if (r->at + len > r->png->len)
		return CAIRO_STATUS_READ_ERROR;
	memcpy(data, r->png->data + r->at, len);
	r->at += len;
	return CAIRO_STATUS_SUCCESS;
}

static cairo_surface_t *page_of(const struct letter *letter, int page)
{
	CLEANUP(buf_clear) struct buf png = { 0 };
	struct reading reading = { &png, 0 };
	struct err err = { 0 };
	cairo_surface_t *ret;

	if (letter_picture(letter, page, WIDTH, &png, &err) < 0)
		fail_msg("%s", err.text);
	ret = cairo_image_surface_create_from_png_stream(read_some, &reading);
	assert_int_equal(cairo_surface_status(ret), CAIRO_STATUS_SUCCESS);
	return ret;
}

/* What differs between two sheets, in mm from the top left corner; x0 > x1: nothing does. */
struct patch {
	double x0, y0, x1, y1;
};

static struct patch difference(cairo_surface_t *a, cairo_surface_t *b, double sheet_mm, double until_mm)
{
	int width = cairo_image_surface_get_width(a), height = cairo_image_surface_get_height(a), stride = cairo_image_surface_get_stride(a);
	const unsigned char *one = cairo_image_surface_get_data(a), *two = cairo_image_surface_get_data(b);
	double mm = sheet_mm / width;
	struct patch ret = { 1000, 1000, -1, -1 };

	for (int y = 0; y < height && y * mm < until_mm; y++) {
		const uint32_t *row = (const uint32_t *)(const void *)(one + y * stride), *other = (const uint32_t *)(const void *)(two + y * stride);

		for (int x = 0; x < width; x++) {
			if (((row[x] ^ other[x]) & 0xffffff) == 0)
				continue;
			ret.x0 = x * mm < ret.x0 ? x * mm : ret.x0;
			ret.x1 = (x + 1) * mm > ret.x1 ? (x + 1) * mm : ret.x1;
			ret.y0 = y * mm < ret.y0 ? y * mm : ret.y0;
			ret.y1 = (y + 1) * mm > ret.y1 ? (y + 1) * mm : ret.y1;
		}
	}
	return ret;
}

/* Where the sheet is seen through the window, however it lies in its envelope. */
static const struct window_row {
	const char *name;
	enum letter_form form;
	double sheet; /* mm, its width */
	struct patch window; /* mm */
	double body; /* mm: where the text begins, which has in full what the window cannot show */
	bool low; /* even a name of two lines, above a person, two lines, a city and a country, is too much for it */
} window_rows[] = {
	{ "DIN 5008 form B: the zone of the address", LETTER_DIN, 210, { 20, 62.7, 105, 90 }, 98.5, false },
	{ "NF Z10-011: 100 by 45, 20 from right and bottom of 220 by 110", LETTER_FRENCH, 210, { 100, 45, 190, 79 }, 100, false },
	{ "British DL: 90 by 35, 20 from left, 18 from bottom", LETTER_BRITISH, 210, { 20, 57, 100, 81 }, 96, false },
	{ "US #10: 4.5 by 1.125 in", LETTER_US, 215.9, { 22.2, 63.5, 111.1, 80.4 }, 95, true },
};

static void window_row(void **state)
{
	static char name[301], line[301];
	const struct window_row *row = *state;
	const char *const names[] = { "X", "A rather long name of a company, in several words, and its successors", name };
	struct letter nobody = letter_in(row->form);
	cairo_surface_t *empty;

	for (size_t i = 0; i < sizeof(name) - 1; i++) {
		name[i] = i % 23 == 22 ? ' ' : 'W'; /* the widest letter */
		line[i] = 'M'; /* and no place to break at */
	}
	nobody.to_name = ".";
	nobody.attention = NULL;
	nobody.to = (struct postal){ ".", NULL, NULL, ".", NULL, "FR" };
	empty = page_of(&nobody, 1);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		for (int full = 0; full < 2; full++) {
			struct letter letter = letter_in(row->form);
			cairo_surface_t *with;
			struct patch d;

			letter.to_name = names[i];
			if (full) {
				letter.attention = name;
				letter.to = (struct postal){ line, name, "99999", line, NULL, "DE" };
			}
			with = page_of(&letter, 1);
			d = difference(empty, with, row->sheet, row->body);
			if (d.x0 < row->window.x0 || d.y0 < row->window.y0 || d.x1 > row->window.x1 || d.y1 > row->window.y1)
				fail_msg("name %zu%s: ink from %.1f, %.1f to %.1f, %.1f", i, full ? ", full" : "", d.x0, d.y0, d.x1, d.y1);
			assert_true(d.x1 > d.x0);
			d = difference(empty, with, row->sheet, 1000);
			if (full || (i == 1 && row->low) ? d.y1 <= row->body : i < 2 && d.y1 > row->body)
				fail_msg("name %zu%s: ink down to %.1f", i, full ? ", full" : "", d.y1);
			cairo_surface_destroy(with);
		}
	cairo_surface_destroy(empty);
}

/* A table over several pages: its heads and the page's number on each, nothing in the margins, and nothing of it lost. */
static void a_long_letter_goes_on(void **state)
{
	static const double margins[LETTER_FORM_COUNT] = { 20, 20, 20, 22.8 };

	(void)state;
	for (int form = 0; form < LETTER_FORM_COUNT; form++) {
		CLEANUP(buf_clear) struct buf body = { 0 }, pdf = { 0 };
		struct letter letter = letter_in((enum letter_form)form);
		double sheet = form == LETTER_US ? 215.9 : 210;
		cairo_surface_t *blank = cairo_image_surface_create(CAIRO_FORMAT_RGB24, WIDTH, 2000), *page;
		cairo_t *cairo = cairo_create(blank);
		struct err err = { 0 };
		int pages;

		cairo_set_source_rgb(cairo, 1, 1, 1);
		cairo_paint(cairo);
		cairo_destroy(cairo);
		buf_add_str(&body, "Bonjour,\n\n| Facture | Date | Montant: | Solde: |\n");
		for (int i = 0; i < 100; i++)
			buf_printf(&body, "| F-2026-%04d | 2 mars 2026 | 1 200,00 € | 1 200,00 € | trop | plus |\n", i);
		buf_add_str(&body, "\n");
		for (int i = 0; i < 3000; i++)
			buf_add_str(&body, i % 7 == 6 ? "\n" : "Mot ");
		letter.body = buf_str(&body);
		pdf_of(&letter, &pdf);
		assert_int_equal(letter_picture(&letter, 31, WIDTH, NULL, &err), -ENOENT);
		assert_int_equal(sscanf(err.text, "the letter has %d pages", &pages), 1);
		assert_in_range(pages, 4, 30);
		for (int i = 1; i <= pages; i++) {
			struct patch d;

			page = page_of(&letter, i);
			d = difference(page, blank, sheet, 1000);
			if ((d.x0 < margins[form] && form != LETTER_DIN) || d.x1 > sheet - margins[form] + 0.3)
				fail_msg("form %d, page %d: ink from %.1f to %.1f", form, i, d.x0, d.x1);
			assert_true(d.y1 < cairo_image_surface_get_height(page) * sheet / WIDTH - 5);
			cairo_surface_destroy(page);
		}
		cairo_surface_destroy(blank);
	}
}

int main(void)
{
	struct CMUnitTest tests[4 + ARRAY_LEN(address_rows) + ARRAY_LEN(window_rows)] = {
		cmocka_unit_test(the_envelope_is_that_of_the_creditors_country),
		cmocka_unit_test(the_same_letter_is_the_same_file),
		cmocka_unit_test(what_no_letter_can_be_without),
		cmocka_unit_test(a_long_letter_goes_on),
	};
	size_t n = 4;

	for (size_t i = 0; i < ARRAY_LEN(address_rows); i++)
		tests[n++] = (struct CMUnitTest){ .name = address_rows[i].name, .test_func = address_row, .initial_state = (void *)(uintptr_t)&address_rows[i] };
	for (size_t i = 0; i < ARRAY_LEN(window_rows); i++)
		tests[n++] = (struct CMUnitTest){ .name = window_rows[i].name, .test_func = window_row, .initial_state = (void *)(uintptr_t)&window_rows[i] };
	return cmocka_run_group_tests_name("letter", tests, NULL, NULL);
}
