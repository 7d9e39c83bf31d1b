/*
 * Every shipped template in every language, for whatever an invoice may be: no word of another language, no value that is missing or
 * would become HTML, amounts and dates as the reader writes them, and a plain text that says what the HTML says.
 */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#include "common/file.h"
#include "common/law.h"
#include "common/locale.h"
#include "common/notice.h"
#include "common/sms.h"
#include "tests/unit/template_languages.h"

#define TEMPLATES SOURCE_DIR "/daemon/share/templates"
#define FILE_MAX (256 * 1024)
#define NAMES_MAX 64

/* --- what it may be about ------------------------------------------------------------------------------------------------ */

enum scenario { ONE, THREE, PARTLY, CREDITED, YEN, DINAR, LONG, LEAST, SCENARIOS };
static const char *const scenario_names[SCENARIOS] = { "one", "three", "partly paid", "credited", "JPY", "KWD", "long names",
	"nothing optional" };
static const int32_t days_late[] = { -7, 0, 1, 15 };

static struct {
	struct arena *arena;
	struct notice_set *set;
	struct law *law;
	struct shape {
		const char *name;
		enum channel channel;
	} messages[NAMES_MAX]; /* whatever folder en has */
	size_t message_count;
} shipped;

/* As long as page_link_write() makes it of a UUID. */
#define PAGE_URL "https://pay.acme.example/p/AQEAAABQfgAAaWFbXzbTRnXpEXLWsebRWRDILXXmAQEAAABQfgAAaWF"
#define LONG_NAME "Donaudampfschifffahrtsgesellschaft & Söhne <Übersee> \"GmbH\""

/* Every outcome of a call, and an instalment, with and without a day. */
static const struct notice_talk *talk_of(enum scenario scenario, int32_t late, struct arena *arena)
{
	struct notice_talk *talk = arena_alloc(arena, sizeof(*talk));

	*talk = (struct notice_talk){ .said_on = date_of(2026, 4, 16), .until_on = date_of(2026, 4, 1), .due_on = date_of(2026, 4, 1),
		.announced_on = date_of(2026, 4, 1), .rest = { 120000, "EUR" } };
	if (scenario == PARTLY || scenario == CREDITED) {
		talk->instalment = 2;
		talk->instalments = 3;
		return talk;
	}
	talk->outcome = scenario == ONE ? CALL_PROMISE : (enum call_outcome)(CALL_INVOICE_NOT_RECEIVED + ((int)scenario + late + 7) % 7);
	if (talk->outcome != CALL_PROMISE && late > 0)
		talk->until_on = date_none();
	return talk;
}

/* No figure in a name or link: all figures of a text then come from the invoices. */
static void fill(enum scenario scenario, int32_t late, const char *tag, struct arena *arena, struct notice_input *ret)
{
	static const struct creditor full = { .name = "Acme", .legal_id = "XX", .address = "Ort", .bank = "IBAN XX",
		.locale = "fr-FR", .zone = "Europe/Paris", .email = "a@acme.example", .phone = "+33", .url = "https://acme.example" };
	static const struct creditor lengthy = { .name = LONG_NAME, .locale = "fr-FR", .zone = "Europe/Paris" };
	static const struct creditor bare = { .name = "Acme", .locale = "fr-FR", .zone = "UTC" };
	static const struct sender desk = { "default", "Martin, Acme", "m@acme.example", "r@acme.example", "+33" };
	static const struct sender lone = { .profile = "default", .name = "Acme", .email = "m@acme.example" };
	static const char *const regimes[SCENARIOS] = { "FR-B2B", "GB-B2B", "DE-B2B", "BE-B2B", "NL-B2B", "ES-B2B", "IT-B2B", "FR-PUBLIC" };
	const char *currency = scenario == YEN ? "JPY" : scenario == DINAR ? "KWD" : "EUR";
	int64_t total = scenario == YEN ? 1200 : scenario == DINAR ? 1200500 : 120000;
	size_t count = scenario == THREE || scenario == CREDITED ? 3 : 1;
	struct notice_invoice *invoices = arena_alloc(arena, count * sizeof(*invoices));

	*ret = (struct notice_input){ .locale = tag, .fallback_locale = tag,
		.creditor = scenario == LEAST ? &bare : scenario == LONG ? &lengthy : &full, .sender = scenario == LEAST ? &lone : &desk,
		.debtor_name = scenario == LEAST ? NULL : scenario == LONG ? LONG_NAME : "Dupont <b> & Co",
		.contact_name = scenario == LEAST ? NULL : scenario == LONG ? LONG_NAME : "M. O'Roy", .invoices = invoices,
		.invoice_count = count, .today = date_of(2026, 4, 16),
		.deadline = scenario == LEAST ? date_none() : date_of(2026, 4, 30), .attempt_id = "A",
		.late = interest_regime(&shipped.law->interest, regimes[scenario]), .consumer = scenario == DINAR || scenario == LEAST,
		.holds_work = scenario != LEAST, .nothing_open = scenario != LEAST && scenario != PARTLY };
	assert_non_null(ret->late);
	for (size_t i = 0; i < count; i++) {
		struct notice_invoice *one = &invoices[i];

		*one = (struct notice_invoice){ .number = scenario == LONG ? "ZZZZZZZZZZ-F-42/XXXXXX-YYYY" : i ? "F-43" : "F-42",
			.payment_url = scenario == LEAST ? NULL : "https://pay.example/a?x=y&z=w",
			.page_url = scenario == LEAST || scenario == YEN ? NULL : PAGE_URL,
			.pdf_url = scenario == LEAST ? NULL : "https://billing.example/a.pdf", .due_on = date_of(2026, 4, 1),
			.issued_on = scenario == LEAST ? date_none() : date_of(2026, 3, 2), .terms = scenario == LEAST ? NULL : "AGB",
			.total.minor = total, .balance.minor = total, .days_past_due = late };
		if ((scenario == PARTLY && i == 0) || (scenario == CREDITED && i == 1))
			one->balance.minor -= 80000;
		memcpy(one->total.currency, currency, sizeof(one->total.currency));
		memcpy(one->balance.currency, currency, sizeof(one->balance.currency));
		ret->balance.minor += one->balance.minor;
	}
	memcpy(ret->balance.currency, currency, sizeof(ret->balance.currency));
	ret->talk = scenario == LEAST ? NULL : talk_of(scenario, late, arena);
}

/* --- the templates ------------------------------------------------------------------------------------------------------- */

/* Thanks and apologies, whose invoices are paid, and the word that no more comes: they ask for nothing and show no amount. */
static bool asks(const struct shape *shape)
{
	return strcmp(shape->name, "payment_thanks") != 0 && strcmp(shape->name, "apology") != 0 &&
		strcmp(shape->name, "stop_confirmed") != 0;
}

static void load_folder(const char *folder)
{
	for (size_t p = 0; p < NOTICE_PART_COUNT; p++) {
		const char *suffix = arena_printf(shipped.arena, ".%s", notice_part_suffixes[p]);
		char **names;
		size_t count;

		assert_int_equal(file_list(shipped.arena, arena_printf(shipped.arena, TEMPLATES "/%s", folder), suffix, &names, &count), 0);
		for (size_t i = 0; i < count; i++) {
			const char *name = arena_memdup(shipped.arena, names[i], strlen(names[i]) - strlen(suffix));
			CLEANUP(buf_clear) struct buf text = { 0 };
			struct err err = { 0 };

			if (file_read(arena_printf(shipped.arena, TEMPLATES "/%s/%s", folder, names[i]), FILE_MAX, &text, &err) < 0 ||
				notice_set_add(shipped.set, folder, name, (enum notice_part)p, buf_str(&text), text.len, &err) < 0)
				fail_msg("%s/%s: %s", folder, names[i], err.text);
		}
	}
}

/* As strstr(), which measures the rest of the text at each call when it is watched by the sanitizer: a long text has hundreds of tags. */
static char *seek(char *text, const char *needle)
{
	size_t len = strlen(needle);

	for (char *p = text; len && (p = strchr(p, *needle)); p++)
		if (strncmp(p, needle, len) == 0)
			return p;
	return len ? NULL : text;
}

static void cut(char *text, const char *from, const char *to)
{
	for (char *p = text; (p = seek(p, from));) {
		char *end = seek(p + strlen(from), to);

		assert_non_null(end);
		memset(p, ' ', (size_t)(end - p) + strlen(to));
	}
}

/* What a person sees of the HTML. */
static const char *visible(struct arena *arena, const char *html)
{
	static const char *const entities[][2] = { { "&lt;", "<" }, { "&gt;", ">" }, { "&quot;", "\"" }, { "&#39;", "'" }, { "&amp;", "&" } };
	char *text = arena_strdup(arena, html);

	cut(text, "<!--", "-->");
	cut(text, "<head>", "</head>");
	cut(text, "<", ">");
	for (size_t i = 0; i < ARRAY_LEN(entities); i++)
		for (char *p = text; (p = seek(p, entities[i][0])); p++) {
			*p = *entities[i][1];
			memmove(p + 1, p + strlen(entities[i][0]), strlen(p + strlen(entities[i][0])) + 1);
		}
	return text;
}

/* One rendering and how it came about. */
struct rendering {
	const struct language *language;
	const struct shape *message;
	const struct notice_input *input;
	enum scenario scenario;
	const char *where;
	struct notice notice;
	const char *seen; /* visible() of its HTML; NULL without */
	struct arena *arena;
};

static void render(struct rendering *r)
{
	struct err err = { 0 };

	if (notice_render(shipped.set, r->message->name, r->message->channel, r->input, r->arena, &r->notice, &err) < 0)
		fail_msg("%s: %s", r->where, err.text);
	assert_memory_equal(r->notice.locale, r->language->folder, 2);
}

/*
 * What there is to look at: each message in each language, for each scenario and day. All is rendered once; whoever looks may put what he
 * makes of it into r->arena.
 */
static struct rendering *renderings;
static size_t rendering_count;

static void render_one(const struct language *language, const struct shape *message, enum scenario scenario, int32_t late)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct arena *all = shipped.arena;
	struct notice_input *input = arena_alloc(all, sizeof(*input));
	struct rendering *r = &renderings[rendering_count++];

	*r = (struct rendering){ .language = language, .message = message, .input = input, .scenario = scenario, .arena = arena };
	r->where = arena_printf(all, "%s/%s by %s (%s, %d days late)", language->tag, message->name, channel_names[message->channel],
		scenario_names[scenario], late);
	fill(scenario, late, language->tag, all, input);
	if (strcmp(message->name, "penalties") != 0)
		input->late = NULL; /* no other may need a law */
	render(r);
	r->notice.locale = arena_strdup(all, r->notice.locale);
	r->notice.format = arena_strdup(all, r->notice.format);
	r->notice.subject = arena_strdup(all, r->notice.subject);
	r->notice.text = arena_strdup(all, r->notice.text);
	r->notice.html = arena_strdup(all, r->notice.html);
	r->seen = r->notice.html ? visible(all, r->notice.html) : NULL;
	r->arena = NULL;
}

static void render_all(void)
{
	renderings = xcalloc(ARRAY_LEN(languages) * shipped.message_count * SCENARIOS * ARRAY_LEN(days_late), sizeof(*renderings));
	for (size_t l = 0; l < ARRAY_LEN(languages); l++)
		for (size_t m = 0; m < shipped.message_count; m++)
			for (int s = 0; s < SCENARIOS; s++)
				for (size_t d = 0; d < ARRAY_LEN(days_late); d++)
					render_one(&languages[l], &shipped.messages[m], (enum scenario)s, days_late[d]);
}

static void each(void (*look)(const struct rendering *r))
{
	for (size_t i = 0; i < rendering_count; i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		struct rendering r = renderings[i];

		r.arena = arena;
		look(&r);
	}
}

static int load(void **state)
{
	static const enum channel channels[] = { CHANNEL_EMAIL, CHANNEL_SMS, CHANNEL_CALL, CHANNEL_LETTER, CHANNEL_VOICE };
	struct err err = { 0 };
	char **names;
	size_t count;

	(void)state;
	shipped.arena = arena_create();
	shipped.set = notice_set_create();
	if (law_load(SOURCE_DIR "/daemon/share", NULL, &shipped.law, &err) < 0)
		fail_msg("%s", err.text);
	for (size_t l = 0; l < ARRAY_LEN(languages); l++)
		load_folder(languages[l].folder);
	assert_int_equal(file_list(shipped.arena, TEMPLATES "/en", "", &names, &count), 0);
	for (size_t i = 0; i < count; i++) {
		static const char *const suffixes[] = { ".html", ".sms", ".txt", ".letter", ".voice" }; /* every shipped mail has HTML */
		const char *dot = strchr(names[i], '.');
		const char *name = arena_memdup(shipped.arena, names[i], (size_t)(dot - names[i]));

		for (size_t c = 0; c < ARRAY_LEN(channels) && *name != '_'; c++) {
			if (strcmp(dot, suffixes[c]) || (channels[c] == CHANNEL_CALL && strncmp(name, "call_script", 11)))
				continue;
			assert_true(shipped.message_count < NAMES_MAX);
			shipped.messages[shipped.message_count++] = (struct shape){ name, channels[c] };
		}
	}
	assert_true(shipped.message_count >= 11);
	render_all();
	return 0;
}

static int unload(void **state)
{
	(void)state;
	free(renderings);
	notice_set_free(shipped.set);
	law_free(shipped.law);
	arena_free(shipped.arena);
	return 0;
}

static void has(const char *where, const char *text, const char *needle)
{
	if (!strstr(text, needle))
		fail_msg("%s lacks \"%s\":\n%s", where, needle, text);
}

/* In small letters, as strcasestr() compares them: once for all that is looked for. */
static char *small(struct arena *arena, const char *text)
{
	char *ret = arena_strdup(arena, text);

	for (char *p = ret; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return ret;
}

static void lacks_each(const struct rendering *r, const char *text, const char *const *needles, size_t count)
{
	const char *in = small(r->arena, text);
	size_t len = strlen(in);

	for (size_t i = 0; i < count && needles[i]; i++)
		if (memmem(in, len, small(r->arena, needles[i]), strlen(needles[i])))
			fail_msg("%s has \"%s\":\n%s", r->where, needles[i], text);
}

static void lacks(const struct rendering *r, const char *text, const char *needle)
{
	lacks_each(r, text, &needle, 1);
}

/* --- looking ------------------------------------------------------------------------------------------------------------- */

static bool in_word(const char *p)
{
	return isalpha((unsigned char)*p) || (unsigned char)*p >= 0x80;
}

/* Both in small letters. */
static bool has_word(const char *text, size_t text_len, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = text; (p = memmem(p, text_len - (size_t)(p - text), word, len)); p++)
		if ((p == text || !in_word(p - 1) || !strncmp(p - 2, NBSP, 2)) && (!in_word(p + len) || !strncmp(p + len, NBSP, 2)))
			return true;
	return false;
}

static void look_language(const struct rendering *r)
{
	const char *texts[] = { r->notice.text, r->seen, r->notice.subject };

	for (size_t t = 0; t < ARRAY_LEN(texts); t++) {
		char *text = texts[t] ? arena_strdup(r->arena, texts[t]) : NULL;
		const char *in;
		size_t len;
		bool own = false;

		if (!text)
			continue;
		for (size_t i = 0; i < ARRAY_LEN(proper); i++)
			cut(text, proper[i], "");
		in = small(r->arena, text);
		len = strlen(in);
		for (size_t l = 0; l < ARRAY_LEN(languages); l++) {
			bool same = !strncmp(languages[l].tag, r->language->tag, 2);

			for (size_t i = 0; i < ARRAY_LEN(languages[l].words) && languages[l].words[i]; i++) {
				bool there = has_word(in, len, languages[l].words[i]);

				own = own || (same && there);
				if (!same && there)
					fail_msg("%s speaks %s too, \"%s\":\n%s", r->where, languages[l].tag, languages[l].words[i], text);
			}
		}
		if (!own)
			fail_msg("%s has no word of its language:\n%s", r->where, text);
		if (r->message->channel != CHANNEL_LETTER) /* a formal notice says what may follow */
			lacks_each(r, text, r->language->never, ARRAY_LEN(r->language->never));
	}
}

static void each_speaks_one_language(void **state)
{
	(void)state;
	assert_true(has_word("die rechnung.", 13, "rechnung"));
	assert_false(has_word("die rechnungen", 14, "rechnung"));
	each(look_language);
}

static void look_whole(const struct rendering *r)
{
	const char *texts[] = { r->notice.subject, r->notice.text, r->notice.html ? strstr(r->notice.html, "<body") : NULL };

	assert_int_equal(r->notice.subject != NULL, r->message->channel == CHANNEL_EMAIL || r->message->channel == CHANNEL_LETTER);
	assert_int_equal(r->notice.html != NULL, r->message->channel == CHANNEL_EMAIL);
	for (size_t t = 0; t < ARRAY_LEN(texts); t++) {
		static const char *const wrong[] = { "{{", "}}", " ,", ",,", "()", "( ", "(null)", "2026-04", "  ." };

		if (texts[t])
			lacks_each(r, texts[t], wrong, ARRAY_LEN(wrong));
	}
	if (r->notice.subject)
		assert_null(strpbrk(r->notice.subject, "\r\n"));
	if (!asks(r->message)) {
		lacks(r, r->notice.text, "pay.example");
		if (r->notice.html)
			lacks(r, r->notice.html, "pay.example");
		lacks(r, r->notice.text, "200");
		for (int i = 0; i < 2; i++) { /* who owes something else is not told that they are done */
			const char *text = i ? r->notice.html : r->notice.text;

			if (r->input->nothing_open && text && strcmp(r->message->name, "stop_confirmed") != 0)
				has(r->where, text, r->language->nothing);
			else if (text)
				lacks(r, text, r->language->nothing);
		}
	}
	if (r->notice.html && r->scenario != LEAST) {
		if (asks(r->message))
			has(r->where, r->notice.html, "href=\"https://pay.example/a?x=y&amp;z=w\"");
		lacks(r, r->notice.html, "<b>");
		lacks(r, r->notice.html, "<Übersee");
		lacks(r, r->notice.html, "&amp;amp;");
	}
	if (r->notice.html && r->scenario == LONG)
		has(r->where, r->notice.html, "Donaudampfschifffahrtsgesellschaft &amp; Söhne &lt;Übersee&gt; &quot;GmbH&quot;");
	if (r->message->channel == CHANNEL_LETTER && r->scenario != LEAST) { /* what C. civ. 1344 and the practice direction ask of it */
		static const char *const must[] = { "Martin, Acme", "Acme" };

		for (size_t i = 0; i < ARRAY_LEN(must) && r->scenario != LONG; i++)
			has(r->where, r->notice.text, must[i]);
		has(r->where, r->notice.text, r->input->debtor_name);
		if (r->input->creditor->bank)
			has(r->where, r->notice.text, r->input->creditor->bank);
	}
	if (r->message->channel != CHANNEL_CALL && r->message->channel != CHANNEL_LETTER && r->message->channel != CHANNEL_VOICE &&
		asks(r->message)) {
		size_t i = 0;

		while (r->language->paid[i] && !strstr(r->notice.text, r->language->paid[i]))
			i++;
		if (!r->language->paid[i])
			fail_msg("%s does not say what to do when it is paid:\n%s", r->where, r->notice.text);
	}
}

static void nothing_is_missing_or_raw(void **state)
{
	(void)state;
	each(look_whole);
}

/* No-break spaces are plain ones in an SMS. */
static const char *plain_spaces(struct arena *arena, const char *text)
{
	CLEANUP(buf_clear) struct buf out = { 0 };

	while (*text) {
		size_t len = !strncmp(text, NBSP, 2) ? 2 : !strncmp(text, NNBSP, 3) ? 3 : 0;

		buf_add_char(&out, len ? ' ' : *text);
		text += len ? len : 1;
	}
	return arena_memdup(arena, buf_str(&out), out.len);
}

static const char *money(const struct rendering *r, struct money amount)
{
	CLEANUP(buf_clear) struct buf text = { 0 };

	assert_int_equal(locale_money(r->language->tag, amount, &text), 0);
	return arena_memdup(r->arena, buf_str(&text), text.len);
}

static void look_figures(const struct rendering *r)
{
	const struct language *l = r->language;
	const char *texts[] = { plain_spaces(r->arena, r->notice.text), r->seen ? plain_spaces(r->arena, r->seen) : NULL };
	const char *anchor = r->scenario == YEN ? l->yen : r->scenario == DINAR ? l->dinars : l->euros;

	if (r->message->channel == CHANNEL_VOICE) { /* whoever takes the call hears it: neither what is owed nor that anything is */
		lacks(r, r->notice.text, "F-4");
		lacks(r, r->notice.text, "400");
		lacks(r, r->notice.text, "200");
		lacks(r, r->notice.text, "invoice");
		lacks(r, r->notice.text, "factur");
		lacks(r, r->notice.text, "rechnung");
		lacks(r, r->notice.text, "fattura");
		return;
	}
	if (!asks(r->message))
		return;
	for (size_t t = 0; t < ARRAY_LEN(texts); t++) {
		bool list = r->message->channel != CHANNEL_SMS; /* an SMS about several has only their sum */

		if (!texts[t])
			continue;
		if (r->scenario != PARTLY || list)
			if (r->scenario != THREE && r->scenario != CREDITED)
				has(r->where, texts[t], plain_spaces(r->arena, anchor));
		has(r->where, texts[t], plain_spaces(r->arena, money(r, r->input->balance)));
		for (size_t i = 0; list && i < r->input->invoice_count; i++) {
			has(r->where, texts[t], plain_spaces(r->arena, money(r, r->input->invoices[i].balance)));
			has(r->where, texts[t], plain_spaces(r->arena, money(r, r->input->invoices[i].total)));
			has(r->where, texts[t], r->input->invoices[i].number);
			has(r->where, texts[t], l->day);
		}
	}
}

static void amounts_and_dates_are_the_readers(void **state)
{
	(void)state;
	each(look_figures);
}

struct figure {
	const char *at;
	size_t len;
};

/* The next figure in a text, separators inside it included; of length 0 at the end. */
static struct figure next_figure(const char **text)
{
	const char *from = *text, *to;

	while (*from && !isdigit((unsigned char)*from))
		from++;
	for (to = from; isdigit((unsigned char)*to) || ((*to == '.' || *to == ',') && isdigit((unsigned char)to[1])); to++)
		;
	*text = to;
	return (struct figure){ from, (size_t)(to - from) };
}

/* All but `aside`, a small number. */
static void all_figures_in(const char *where, const char *text, const char *other, int aside)
{
	for (struct figure figure; (figure = next_figure(&text)).len;) {
		bool found = atoi(figure.at) == aside;
		const char *p = other;

		for (struct figure same; !found && (same = next_figure(&p)).len;)
			found = same.len == figure.len && memcmp(same.at, figure.at, same.len) == 0;
		if (!found)
			fail_msg("%s: %.*s stands only in one of text and HTML", where, (int)figure.len, figure.at);
	}
}

static void look_twin(const struct rendering *r)
{
	const char *seen = r->seen;

	if (!seen)
		return;
	/* The day of issue, 2 March, is in the text alone, and how many days are past in the table: neither has room for both. */
	all_figures_in(r->where, r->notice.text, seen, 2);
	all_figures_in(r->where, seen, r->notice.text, r->input->invoices[0].days_past_due);
	has(r->where, r->notice.text, r->input->sender->name);
	has(r->where, seen, r->input->sender->name);
}

static void the_plain_text_says_what_the_html_says(void **state)
{
	(void)state;
	each(look_twin);
}

static void look_sms(const struct rendering *r)
{
	struct sms_size size = sms_measure(r->notice.text);

	if (r->message->channel != CHANNEL_SMS)
		return;
	if (!size.gsm7)
		fail_msg("%s: not in GSM 7-bit, so it costs double: %s", r->where, r->notice.text);
	if (size.parts > (r->scenario == LONG ? 3 : 2))
		fail_msg("%s: %zu parts: %s", r->where, size.parts, r->notice.text);
}

/* In each month, since their names may have letters that GSM 7-bit lacks. */
static void an_sms_is_short_and_cheap(void **state)
{
	(void)state;
	each(look_sms);
	for (size_t l = 0; l < ARRAY_LEN(languages); l++)
		for (size_t m = 0; m < shipped.message_count; m++)
			for (int month = 1; month <= 12; month++) {
				CLEANUP(arena_freep) struct arena *arena = arena_create();
				struct notice_input input;
				struct notice_invoice invoice;
				struct rendering r = { .language = &languages[l], .message = &shipped.messages[m], .input = &input, .arena = arena,
					.where = arena_printf(arena, "%s/%s, month %d", languages[l].tag, shipped.messages[m].name, month) };

				if (r.message->channel != CHANNEL_SMS)
					continue;
				fill(ONE, month % 2 ? 15 : -7, r.language->tag, arena, &input);
				invoice = input.invoices[0];
				invoice.due_on = date_of(2026, month, 1);
				input.invoices = &invoice;
				render(&r);
				look_sms(&r);
			}
}

/* --- each language's own ----------------------------------------------------------------------------------------------- */

static const char *text_of(const struct language *language, const char *name, enum scenario scenario, struct arena *arena)
{
	const struct shape shape = { name, CHANNEL_EMAIL };
	struct notice_input input;
	struct rendering r = { .language = language, .message = &shape, .input = &input, .where = language->tag, .arena = arena };

	fill(scenario, 15, language->tag, arena, &input);
	render(&r);
	return r.notice.text;
}

static void the_neutral_sentence_is_there(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	(void)state;
	for (size_t l = 0; l < ARRAY_LEN(languages); l++)
		has(languages[l].tag, text_of(&languages[l], "reminder", ONE, arena), languages[l].reminder);
}

static size_t count_of(const char *text, const char *needle)
{
	size_t n = 0;

	for (; (text = strstr(text, needle)); text += strlen(needle))
		n++;
	return n;
}

/* Where French has a space before a sign no line may end; an SMS has no such space in its alphabet. */
static void look_french_spaces(const struct rendering *r)
{
	static const char *const torn[] = { " :", " ;", " ?", " !", " »", "« ", "n° " };
	const char *texts[] = { r->notice.subject, r->notice.text, r->notice.html ? strstr(r->notice.html, "<body") : NULL };

	if (strcmp(r->language->folder, "fr") || r->message->channel == CHANNEL_SMS || r->message->channel == CHANNEL_VOICE)
		return;
	for (size_t t = 0; t < ARRAY_LEN(texts); t++)
		if (texts[t])
			lacks_each(r, texts[t], torn, ARRAY_LEN(torn));
}

/* A question in Spanish opens, and a German sentence goes on in small letters after the comma of the salutation. */
static void look_grammar(const struct rendering *r)
{
	bool mail = r->message->channel == CHANNEL_EMAIL;

	look_french_spaces(r);
	if (!strcmp(r->language->folder, "es")) {
		/* the link has a question mark too */
		assert_int_equal(count_of(r->notice.text, "¿"), count_of(r->notice.text, "?") - count_of(r->notice.text, "/a?x"));
		if (mail)
			assert_true(strstr(r->notice.text, ":\n\n") && !strstr(r->notice.text, "Roy,\n"));
	}
	if (mail && !strcmp(r->language->folder, "de")) {
		const char *body = strstr(r->notice.text, ",\n\n");

		assert_non_null(body);
		assert_true(islower((unsigned char)body[3]));
		has(r->where, r->notice.text, "Grüßen\n"); /* no comma */
	}
}

static void grammar_holds(void **state)
{
	(void)state;
	each(look_grammar);
}

/* A region's folder holds what differs; the rest, partials too, is its language's. */
static void american_english_is_mostly_english(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const struct language *us = &languages[2];

	(void)state;
	has("reminder", text_of(us, "reminder", ONE, arena), "Best regards,\n\nMartin");
	has("reminder", text_of(us, "reminder", ONE, arena), "- Invoice F-42 dated March 2, 2026, due April 1, 2026: €1,200.00\n");
	has("reminder", text_of(&languages[1], "reminder", ONE, arena), "Kind regards,\n\nMartin");
	has("clarification", text_of(us, "clarification", ONE, arena), "paying in installments");
	has("partly", text_of(us, "reminder", PARTLY, arena), ": €400.00 (of €1,200.00)\n");
	has("teilweise", text_of(&languages[3], "reminder", PARTLY, arena), ": 400,00" NBSP "€ (von 1.200,00" NBSP "€)\n");
}

static void each_folder_has_the_same_files(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	char **model;
	size_t count;

	(void)state;
	assert_int_equal(file_list(arena, TEMPLATES "/en", "", &model, &count), 0);
	for (size_t l = 0; l < ARRAY_LEN(languages); l++) {
		bool region = strchr(languages[l].folder, '-');
		char **names;
		size_t own, at = 0;

		assert_int_equal(file_list(arena, arena_printf(arena, TEMPLATES "/%s", languages[l].folder), "", &names, &own), 0);
		for (size_t i = 0; i < count; i++) {
			if (at < own && !strcmp(names[at], model[i]))
				at++;
			else if (!region)
				fail_msg("%s lacks %s", languages[l].folder, model[i]);
		}
		if (at < own)
			fail_msg("%s has %s, and en does not", languages[l].folder, names[at]);
	}
}

/* Tags alone, without what stands between them, the language and names inside {{ }}. */
static const char *form_of(struct arena *arena, const char *folder, const char *name)
{
	CLEANUP(buf_clear) struct buf text = { 0 }, form = { 0 };
	bool tag = false;

	if (file_read(arena_printf(arena, TEMPLATES "/%s/%s", folder, name), FILE_MAX, &text, NULL) < 0)
		return NULL;
	for (const char *p = buf_str(&text); *p; p++) {
		if (!strncmp(p, "{{>", 3))
			buf_add_char(&form, '>'); /* a partial, no tag */
		else if (*p == '<')
			tag = true;
		if (tag)
			buf_add_char(&form, *p);
		if (!strncmp(p, " lang=\"", 7))
			p = strchr(p + 7, '"');
		if (*p == '>')
			tag = false;
	}
	return arena_memdup(arena, buf_str(&form), form.len);
}

/* What was mended for the sake of one mail client holds in every language. */
static void html_has_one_form(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	char **names;
	size_t count;

	(void)state;
	assert_int_equal(file_list(arena, TEMPLATES "/en", ".html", &names, &count), 0);
	for (size_t i = 0; i < count; i++)
		for (size_t l = 0; l < ARRAY_LEN(languages); l++) {
			const char *form = form_of(arena, languages[l].folder, names[i]);

			if (form && strcmp(form, form_of(arena, "en", names[i])))
				fail_msg("%s/%s has other tags or styles than en's:\n%s", languages[l].folder, names[i], form);
		}
}

/* An amount is never broken in two, a long number or name is, and there is one button when one link pays all. */
static void html_fits_a_telephone(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	(void)state;
	for (size_t l = 0; l < ARRAY_LEN(languages); l++) {
		const struct shape shape = { "reminder", CHANNEL_EMAIL };
		struct notice_input input;
		struct rendering r = { .language = &languages[l], .message = &shape, .input = &input, .where = languages[l].tag, .arena = arena };

		fill(THREE, 15, languages[l].tag, arena, &input);
		render(&r);
		has(r.where, r.notice.html, arena_printf(arena, "white-space:nowrap\">%s</td>", languages[l].euros));
		has(r.where, r.notice.html, arena_printf(arena, "white-space:nowrap\"><strong>%s</strong></td>", money(&r, input.balance)));
		has(r.where, r.notice.html, "word-break:break-word");
		assert_int_equal(count_of(r.notice.html, "bgcolor=\"#1d4f8c\""), 1);
		assert_int_equal(count_of(r.notice.html, "<style>"), 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_folder_has_the_same_files),
		cmocka_unit_test(each_speaks_one_language),
		cmocka_unit_test(nothing_is_missing_or_raw),
		cmocka_unit_test(amounts_and_dates_are_the_readers),
		cmocka_unit_test(the_plain_text_says_what_the_html_says),
		cmocka_unit_test(an_sms_is_short_and_cheap),
		cmocka_unit_test(the_neutral_sentence_is_there),
		cmocka_unit_test(grammar_holds),
		cmocka_unit_test(html_has_one_form),
		cmocka_unit_test(html_fits_a_telephone),
		cmocka_unit_test(american_english_is_mostly_english),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
