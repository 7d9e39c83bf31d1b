/* What stands where on a letter, but for the drawing: letter_pdf.c. */
#include "common/letter.h"

#include <string.h>
#include <strings.h>

#include "common/locale.h"

static bool listed(const char *countries, const char *country)
{
	return country && strlen(country) == 2 && strstr(countries, country);
}

static bool form_known(const char *country, enum letter_form *ret)
{
	if (!country || strlen(country) != 2)
		return false;
	*ret = listed("FR MC BE LU", country) ? LETTER_FRENCH :
	       listed("GB IE", country)	     ? LETTER_BRITISH :
	       listed("US CA MX PR PH CL CO", country) ? LETTER_US : /* where paper is 8.5 by 11 inches */
						       LETTER_DIN;
	return true;
}

enum letter_form letter_form_of(const char *from_country, const char *to_country)
{
	enum letter_form form = LETTER_DIN;

	if (!form_known(from_country, &form))
		(void)form_known(to_country, &form);
	return form;
}

const struct letter_words *letter_words(const char *locale)
{
	static const struct letter_words words[] = {
		{ "en", "For the attention of %s", "Registered letter with acknowledgement of receipt", "Registered electronic letter",
			"Our reference", "Date", "Contact", "Subject: ", "Page", "Evidence log" },
		{ "fr", "À l’attention de %s", "Lettre recommandée avec avis de réception", "Lettre recommandée électronique", "Nos références",
			"Date", "Votre contact", "Objet : ", "Page", "Registre de preuves" },
		{ "de", "z. Hd. %s", "Einschreiben mit Rückschein", "Elektronisches Einschreiben", "Unser Zeichen", "Datum", "Ansprechpartner", "",
			"Seite", "Nachweisprotokoll" },
		{ "es", "A la atención de %s", "Carta certificada con acuse de recibo", "Carta certificada electrónica", "Nuestra referencia",
			"Fecha", "Contacto", "Asunto: ", "Página", "Registro de pruebas" },
		{ "it", "Alla cortese attenzione di %s", "Raccomandata con avviso di ricevimento", "Raccomandata elettronica", "Nostro riferimento",
			"Data", "Contatto", "Oggetto: ", "Pagina", "Registro delle prove" },
		{ "nl", "T.a.v. %s", "Aangetekend met ontvangstbevestiging", "Elektronisch aangetekend", "Ons kenmerk", "Datum", "Contact",
			"Betreft: ", "Pagina", "Bewijsregister" },
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strncasecmp(words[i].language, locale, 2) == 0 && (!locale[2] || locale[2] == '-'))
			return &words[i];
	return &words[0];
}

static const char *upper(const char *locale, const char *text, struct arena *arena)
{
	CLEANUP(buf_clear) struct buf out = { 0 };

	return locale_upper(locale, text, &out) < 0 ? text : arena_memdup(arena, out.data, out.len);
}

/* UPU S42 in short. */
size_t letter_place(const struct postal *to, const char **lines, size_t n, struct arena *arena)
{
	const char *code = to->postcode ? to->postcode : "", *region = to->region ? to->region : "", *country = to->country ? to->country : "";

	lines[n++] = to->line1;
	if (to->line2 && *to->line2)
		lines[n++] = to->line2;
	if (listed("GB IE", country)) {
		lines[n++] = to->city;
		if (*code)
			lines[n++] = code;
	} else if (listed("US CA AU", country)) {
		lines[n++] = arena_printf(arena, "%s%s%s%s%s", to->city, *region ? strcmp(country, "US") == 0 ? ", " : " " : "", region,
			*code ? " " : "", code);
	} else if (strcmp(country, "FR") == 0) { /* NF Z10-011: capitals in this line */
		lines[n++] = arena_printf(arena, "%s%s%s", code, *code ? " " : "", upper("fr", to->city, arena));
	} else {
		bool province = *region && strcmp(country, "IT") == 0;

		lines[n++] = arena_printf(arena, "%s%s%s%s%s", code, *code ? " " : "", to->city, province ? " " : "", province ? region : "");
	}
	return n;
}

const char **letter_address(const struct letter *letter, const char *locale, struct arena *arena)
{
	const char **lines = arena_alloc(arena, (LETTER_LINES_MAX + 1) * sizeof(*lines)), *from = letter->from.country;
	const struct letter_words *words = letter_words(letter->locale);
	const struct postal *to = &letter->to;
	CLEANUP(buf_clear) struct buf country = { 0 };
	size_t n = 0;

	lines[n++] = letter->to_name;
	if (letter->attention && *letter->attention && strcmp(letter->attention, letter->to_name) != 0) {
		const char *mark = strstr(words->attention, "%s");

		lines[n++] = arena_printf(arena, "%.*s%s%s", (int)(mark - words->attention), words->attention, letter->attention, mark + 2);
	}
	if (letter->enclosed && (!to->line1 || !to->city || !to->country))
		return lines;
	n = letter_place(to, lines, n, arena);
	if ((!from || strcmp(from, to->country) != 0) && locale_country(locale, to->country, &country) == 0)
		lines[n++] = upper(locale, buf_str(&country), arena);
	return lines;
}
