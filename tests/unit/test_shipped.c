/*
 * What dunningd brings along: that every notice reads well in both languages, in every part, with all that is known and with the least.
 * The policies: test_ladders.c.
 */
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
#include "common/library.h"
#include "tests/support/first_day.h"
#include "tests/support/tree.h"

#define SHARE SOURCE_DIR "/daemon/share"
#define NBSP "\xc2\xa0"
#define NNBSP "\xe2\x80\xaf"
#define EURO "\xe2\x82\xac"
#define SMS_TWO_SEGMENTS 306 /* GSM 7-bit characters of a concatenated message */

/* --- notices ------------------------------------------------------------------------------------------------------------ */

static const struct {
	const char *name;
	enum channel channel;
} messages[] = {
	{ "pre_due", CHANNEL_EMAIL }, { "pre_due", CHANNEL_SMS }, { "reminder", CHANNEL_EMAIL }, { "reminder", CHANNEL_SMS },
	{ "clarification", CHANNEL_EMAIL }, { "clarification", CHANNEL_SMS }, { "short_reminder", CHANNEL_SMS },
	{ "penalties", CHANNEL_EMAIL }, { "firm_reminder", CHANNEL_EMAIL }, { "deposit_reminder", CHANNEL_EMAIL },
	{ "deposit_reminder", CHANNEL_SMS }, { "deposit_question", CHANNEL_EMAIL }, { "instalment_due", CHANNEL_EMAIL },
	{ "instalment_due", CHANNEL_SMS }, { "instalment_missed", CHANNEL_EMAIL }, { "instalment_missed", CHANNEL_SMS },
	{ "instalment_question", CHANNEL_EMAIL }, { "call_recap", CHANNEL_EMAIL },
	{ "call_script", CHANNEL_CALL }, { "call_script_firm", CHANNEL_CALL },
};

/* Whom and what about: everything known or the least, one invoice or two, with one link for all or one for each. */
enum { RICH = 1, MANY = 2, EARLY = 4, VARIANTS = 8 };
static struct first_day first; /* of a creditor in France */

static int load(void **state)
{
	(void)state;
	first_day_open(&first, "fr-FR", "Europe/Paris", "fr-b2b");
	return 0;
}

static int unload(void **state)
{
	(void)state;
	first_day_close(&first);
	return 0;
}

static void fill(const struct first_day *s, unsigned variant, const char *locale, struct notice_input *ret)
{
	static const struct creditor full = { "Acme SARL", "SIREN 123 456 789", "1 rue de l\xe2\x80\x99\xc3\x89glise, 75001 Paris",
		"FR76 3000 6000 0112 3456 7890 189", "fr-FR", "Europe/Paris", "bonjour@acme.example", "+33100000000", "https://acme.example", NULL };
	static const struct creditor bare = { .name = "Acme", .locale = "en-GB", .zone = "UTC" };
	static const struct sender desk = { "default", "Claire Martin, Acme", "compta@acme.example", "reponse@acme.example", "+33100000009" };
	static const struct sender lone = { .profile = "default", .name = "Acme", .email = "compta@acme.example" };
	bool rich = variant & RICH, many = variant & MANY;
	struct notice_invoice *invoices = arena_alloc(s->arena, 2 * sizeof(*invoices));

	for (size_t i = 0; i < 2; i++)
		invoices[i] = (struct notice_invoice){ .number = i ? "F-2026-0043" : "F-2026-0042",
			.payment_url = rich ? "https://pay.example/a?x=1&y=2" : NULL,
			.pdf_url = rich ? "https://billing.example/a.pdf" : NULL,
			.issued_on = rich ? date_of(2026, 3, 2) : date_none(), .due_on = date_of(2026, 4, 1),
			.total = { 120000, "EUR" }, .balance = { 120000, "EUR" }, .days_past_due = variant & EARLY ? -7 : 15 };
	*ret = (struct notice_input){ .locale = locale, .fallback_locale = locale, .creditor = rich ? &full : &bare,
		.sender = rich ? &desk : &lone, .debtor_name = rich ? "Dupont & Fils" : NULL, .contact_name = rich ? "Mme Roy" : NULL,
		.invoices = invoices, .invoice_count = many ? 2 : 1, .balance = { many ? 240000 : 120000, "EUR" },
		.today = date_of(2026, 4, 16), .deadline = date_none(), .attempt_id = "01JX9000000000000000000000",
		.late = interest_regime(&s->library->law->interest, rich ? "FR-B2B" : "GB-B2B"), .consumer = !rich, .holds_work = rich };
}

typedef void (*look_fn)(const char *where, const char *locale, enum channel channel, unsigned variant, const struct notice *notice,
	struct arena *arena);

/* Every message in both languages and every variant. */
static void each_notice(look_fn look)
{
	static const char *const locales[] = { "fr-FR", "en-GB" };

	for (size_t m = 0; m < ARRAY_LEN(messages); m++) {
		for (size_t l = 0; l < ARRAY_LEN(locales); l++) {
			for (unsigned variant = 0; variant < VARIANTS; variant++) {
				const char *where = arena_printf(first.arena, "%s/%s (%s, variant %u)", locales[l], messages[m].name,
					channel_names[messages[m].channel], variant);
				struct notice_input input;
				struct notice notice;
				struct err err = { 0 };

				fill(&first, variant, locales[l], &input);
				if (notice_render(first.library->notices, messages[m].name, messages[m].channel, &input, first.arena, &notice, &err) < 0)
					fail_msg("%s: %s", where, err.text);
				assert_memory_equal(notice.locale, locales[l], 2);
				look(where, locales[l], messages[m].channel, variant, &notice, first.arena);
			}
		}
	}
}

static void has(const char *where, const char *text, const char *needle)
{
	if (!strstr(text, needle))
		fail_msg("%s lacks \"%s\":\n%s", where, needle, text);
}

static void lacks(const char *where, const char *text, const char *needle)
{
	if (strcasestr(text, needle))
		fail_msg("%s has \"%s\":\n%s", where, needle, text);
}

static void look_complete(const char *where, const char *locale, enum channel channel, unsigned variant, const struct notice *notice,
	struct arena *arena)
{
	const char *texts[] = { notice->subject, notice->text, notice->html };
	bool french = locale[0] == 'f';

	(void)arena;
	assert_int_equal(notice->subject != NULL, channel == CHANNEL_EMAIL);
	assert_int_equal(notice->html != NULL, channel == CHANNEL_EMAIL);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		if (!texts[i])
			continue;
		lacks(where, texts[i], "{{");
		lacks(where, texts[i], "}}");
		if (i == 0)
			continue;
		if (channel == CHANNEL_SMS && (variant & MANY)) {
			has(where, texts[i], french ? "2 factures" : "2 invoices");
		} else {
			has(where, texts[i], "F-2026-0042");
			has(where, texts[i], channel == CHANNEL_SMS ? (french ? "1 200,00 " EURO : EURO "1,200.00") :
				french ? "1" NNBSP "200,00" NBSP EURO : EURO "1,200.00");
		}
		if (variant & MANY)
			has(where, texts[i], channel == CHANNEL_SMS ? (french ? "2 400,00 " EURO : EURO "2,400.00") :
				french ? "2" NNBSP "400,00" NBSP EURO : EURO "2,400.00");
		if (channel != CHANNEL_CALL)
			has(where, texts[i], french ? "compte de ce message" : "gnore this message");
		if (channel == CHANNEL_EMAIL)
			has(where, texts[i], french ? "Bien cordialement" : "Kind regards");
		if (channel != CHANNEL_CALL && (variant & RICH))
			has(where, texts[i], i == 2 ? "https://pay.example/a?x=1&amp;y=2" : "https://pay.example/a?x=1&y=2");
	}
}

static void every_message_is_complete(void **state)
{
	(void)state;
	each_notice(look_complete);
}

/* Nothing that announces a court, a lawyer or a sanction: that is for a step which is followed through. */
static void look_civil(const char *where, const char *locale, enum channel channel, unsigned variant, const struct notice *notice,
	struct arena *arena)
{
	static const char *const threats[] = { "mise en demeure", "huissier", "commissaire de justice", "avocat", "tribunal", "en justice",
		"poursuite", "contentieux", "judiciaire", "saisie", "dernier avis", "legal action", "solicitor", "lawyer", "bailiff",
		"debt collect", "proceedings", "in court", "final notice", "credit rating", "blacklist" };
	static const char *const familiar[] = { " tu ", " toi", " ton ", " tes ", "salut" };

	(void)channel;
	(void)variant;
	(void)arena;
	for (size_t i = 0; i < ARRAY_LEN(threats); i++)
		lacks(where, notice->text, threats[i]);
	for (size_t i = 0; locale[0] == 'f' && i < ARRAY_LEN(familiar); i++)
		lacks(where, notice->text, familiar[i]);
	lacks(where, notice->text, "!!");
}

static void no_message_threatens(void **state)
{
	(void)state;
	each_notice(look_civil);
}

static char *without_style(struct arena *arena, const char *html)
{
	char *text = arena_strdup(arena, html), *from = strstr(text, "<style>"), *to = from ? strstr(from, "</style>") : NULL;

	if (to)
		memset(from, '_', (size_t)(to - from));
	return text;
}

/* No-break spaces before high signs and inside guillemets, curly apostrophes. An SMS has neither (GSM 7-bit). */
static void look_french(const char *where, const char *locale, enum channel channel, unsigned variant, const struct notice *notice,
	struct arena *arena)
{
	const char *texts[] = { notice->subject, notice->text, notice->html ? without_style(arena, notice->html) : NULL };

	(void)variant;
	for (size_t i = 0; locale[0] == 'f' && channel != CHANNEL_SMS && i < ARRAY_LEN(texts); i++) {
		static const char *const wrong[] = { " :", " ;", " ?", " !", " \xc2\xbb", "\xc2\xab ", "n\xc2\xb0 ", "'", "\n;", "..." };

		for (size_t k = 0; texts[i] && k < ARRAY_LEN(wrong); k++)
			lacks(where, texts[i], wrong[k]);
	}
}

static void french_is_set_as_french(void **state)
{
	(void)state;
	each_notice(look_french);
}

/* Characters of GSM 7-bit, those of its extension counted twice; -1: there is another, and the SMS would be sent as UCS-2. */
static int gsm_length(const char *text)
{
	static const char plain[] = "@\xc2\xa3$\xc2\xa5\xc3\xa8\xc3\xa9\xc3\xb9\xc3\xac\xc3\xb2\xc3\x87\xc3\x98\xc3\xb8\xc3\x85\xc3\xa5\xc3\x86\xc3\xa6"
		"\xc3\x9f\xc3\x89\xc2\xa4\xc2\xa1\xc3\x84\xc3\x96\xc3\x91\xc3\x9c\xc2\xa7\xc2\xbf\xc3\xa4\xc3\xb6\xc3\xb1\xc3\xbc\xc3\xa0";
	int n = 0;

	while (*text) {
		size_t len = (unsigned char)*text < 0x80 ? 1 : (unsigned char)*text < 0xe0 ? 2 : 3;
		char one[4] = "";

		memcpy(one, text, len);
		if (!strcmp(one, EURO) || (len == 1 && strchr("^{}\\[~]|", *text)))
			n += 2;
		else if (*text == '`' || (len > 1 && !strstr(plain, one)) || (len == 1 && (unsigned char)*text < 0x20 && *text != '\n'))
			return -1;
		else
			n++;
		text += len;
	}
	return n;
}

static void look_sms(const char *where, const char *locale, enum channel channel, unsigned variant, const struct notice *notice,
	struct arena *arena)
{
	int length = channel == CHANNEL_SMS ? gsm_length(notice->text) : 0;

	(void)locale;
	(void)variant;
	(void)arena;
	if (length < 0)
		fail_msg("%s: not in GSM 7-bit, so it costs double: %s", where, notice->text);
	if (length > SMS_TWO_SEGMENTS)
		fail_msg("%s: %d characters, more than two segments: %s", where, length, notice->text);
	if (channel == CHANNEL_SMS)
		assert_null(strchr(notice->text, '\n'));
}

static void an_sms_is_short_and_cheap(void **state)
{
	(void)state;
	assert_int_equal(gsm_length("\xc3\xa9t\xc3\xa9 " EURO), 6);
	assert_int_equal(gsm_length("ao\xc3\xbbt"), -1);
	each_notice(look_sms);
}

/* --- HTML ----------------------------------------------------------------------------------------------------------------- */

/* Every tag that is opened is closed, in order; comments and the style sheet aside. */
static void check_tags(const char *where, const char *html)
{
	char open[64][12];
	size_t depth = 0;

	for (const char *p = html; (p = strchr(p, '<'));) {
		char name[12] = "";
		bool end = p[1] == '/';
		size_t len;

		p += end ? 2 : 1;
		if (!strncmp(p, "!--", 3)) {
			p = strstr(p, "-->");
			assert_non_null(p);
			continue;
		}
		len = strspn(p, "abcdefghijklmnopqrstuvwxyz0123456789");
		if (*p == '!')
			continue;
		if (len == 0 || len >= sizeof(name))
			fail_msg("%s: a strange tag at \"%.40s\"", where, p);
		memcpy(name, p, len);
		if (!strcmp(name, "meta") || !strcmp(name, "br"))
			continue;
		if (!end) {
			assert_true(depth < ARRAY_LEN(open));
			memcpy(open[depth++], name, sizeof(name));
		} else if (!depth || strcmp(open[--depth], name)) {
			fail_msg("%s: </%s> closes <%s>", where, name, open[depth]);
		}
	}
	assert_int_equal(depth, 0);
}

static size_t count_of(const char *text, const char *needle)
{
	size_t n = 0;

	for (; (text = strstr(text, needle)); text += strlen(needle))
		n++;
	return n;
}

static void look_html(const char *where, const char *locale, enum channel channel, unsigned variant, const struct notice *notice,
	struct arena *arena)
{
	(void)arena;
	if (channel != CHANNEL_EMAIL)
		return;
	check_tags(where, notice->html);
	has(where, notice->html, locale[0] == 'f' ? "<html lang=\"fr\">" : "<html lang=\"en\">");
	has(where, notice->html, "<meta name=\"color-scheme\" content=\"light dark\">");
	/* nothing is fetched, run or framed; nothing but links leads anywhere */
	lacks(where, notice->html, "<img");
	lacks(where, notice->html, "<script");
	lacks(where, notice->html, "<link");
	lacks(where, notice->html, "url(");
	lacks(where, notice->html, "http://");
	assert_int_equal(count_of(notice->html, "bgcolor=\"#1d4f8c\""), variant & RICH ? 1 : 0); /* one button, when there is a link */
	assert_true(strlen(notice->html) < 100 * 1024); /* some clients cut longer ones */
}

static void html_survives_mail_clients(void **state)
{
	(void)state;
	each_notice(look_html);
}

/* Two invoices with a link each: no button that would pay only one of them. */
static void each_invoice_has_its_own_link(void **state)
{
	struct notice_input input;
	struct notice_invoice two[2];
	struct notice notice;
	struct err err = { 0 };

	(void)state;
	fill(&first, RICH | MANY, "fr-FR", &input);
	memcpy(two, input.invoices, sizeof(two));
	two[1].payment_url = "https://pay.example/b";
	input.invoices = two;
	assert_int_equal(notice_render(first.library->notices, "reminder", CHANNEL_EMAIL, &input, first.arena, &notice, &err), 0);
	assert_int_equal(count_of(notice.html, "bgcolor=\"#1d4f8c\""), 0);
	assert_int_equal(count_of(notice.html, "href=\"https://pay.example/"), 2);
	has("text", notice.text, "F-2026-0043 en ligne" NBSP ":\nhttps://pay.example/b\n");
}

/* --- words that were promised ------------------------------------------------------------------------------------------------- */

static const char *rendered(struct first_day *s, const char *name, enum channel channel, unsigned variant, const char *locale)
{
	struct notice_input input;
	struct notice notice;
	struct err err = { 0 };

	fill(s, variant, locale, &input);
	if (notice_render(s->library->notices, name, channel, &input, s->arena, &notice, &err) < 0)
		fail_msg("%s", err.text);
	return notice.text;
}

static void the_neutral_sentence_is_there(void **state)
{
	static const char sentence[] = "Sauf erreur de notre part, votre facture n\xc2\xb0" NBSP "F-2026-0042 reste impay\xc3\xa9" "e.";
	static const char asking[] = "Merci de proc\xc3\xa9" "der au r\xc3\xa8glement d\xc3\xa8s que possible.";
	const char *text;

	(void)state;
	text = rendered(&first, "reminder", CHANNEL_EMAIL, RICH, "fr-FR");
	has("reminder", text, arena_printf(first.arena, "%s %s", sentence, asking));
	has("clarification", rendered(&first, "clarification", CHANNEL_EMAIL, RICH, "fr-FR"), sentence);
	has("short_reminder", rendered(&first, "short_reminder", CHANNEL_SMS, RICH, "fr-FR"), asking);
}

static void the_plainest_reminder_reads_well(void **state)
{
	static const char expected[] =
		"Hello,\n\nAccording to our records, your invoice F-2026-0042 has not been paid yet. Please arrange payment as soon as you can.\n\n"
		"- Invoice F-2026-0042, due since 1 April 2026: " EURO "1,200.00\n\n"
		"These things slip through easily, and it may be that the invoice never reached you: if you need a copy or an explanation, "
		"simply reply to this message.\n\n"
		"If you have already paid, thank you, and please ignore this message.\n\n"
		"Kind regards,\n\nAcme\ncompta@acme.example\n\n-- \nAcme\n";
	struct first_day s;

	(void)state;
	first_day_open(&s, "en-GB", "Europe/London", "uk-b2b");
	assert_string_equal(rendered(&s, "reminder", CHANNEL_EMAIL, 0, "en-GB"), expected);
	first_day_close(&s);
}

/* --- what the manual shows ------------------------------------------------------------------------------------------------ */

/* The last literal block of a page that is a whole JSON object and has that text. */
static const char *example_of(struct arena *arena, const char *page, const char *with)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	const char *found = NULL, *to;
	struct err err = { 0 };

	if (file_read(arena_printf(arena, SOURCE_DIR "/daemon/%s", page), 1024 * 1024, &text, &err) < 0)
		fail_msg("%s", err.text);
	for (const char *from = buf_str(&text); (from = strstr(from, "\n{\n")) && (to = strstr(from, "\n}\n.Ed")); from = to) {
		const char *example = arena_memdup(arena, from + 1, (size_t)(to - from) + 1);

		found = strstr(example, with) ? example : found;
	}
	assert_non_null(found);
	return found;
}

/* In a law.dir of its own, over the shipped files: it is taken, and moves what it says that it moves. */
static void the_law_of_the_manual(struct arena *arena)
{
	static const struct {
		const char *section, *name, *until;
	} moved[] = { { "rates", "ecb_mro", "2026-12-31" }, { "holidays", "FR", "2028-12-31" }, { "contact_rules", "fr-policy", "none" },
		{ "contact_rules", "our-us-calls", "none" } };
	CLEANUP(law_freep) struct law *law = NULL;
	const char *text = example_of(arena, "dunningd-law.5", "\"as_of\"");
	char dir[] = "/tmp/dunningd-law-XXXXXX";
	const struct law_entry *entries;
	struct err err = { 0 };
	date day;

	assert_non_null(mkdtemp(dir));
	assert_int_equal(file_replace(arena_printf(arena, "%s/ours.json", dir), text, strlen(text), 0600), 0);
	if (law_load(SOURCE_DIR "/daemon/share", dir, &law, &err) < 0)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < ARRAY_LEN(moved); i++) {
		size_t count = law_entries(law, &entries), k = 0;
		char until[DATE_TEXT_SIZE];

		while (k < count && (strcmp(entries[k].section, moved[i].section) != 0 || strcmp(entries[k].name, moved[i].name) != 0))
			k++;
		assert_true(k < count && entries[k].own_file);
		assert_string_equal(date_is_set(entries[k].known_until) ? date_format(entries[k].known_until, until) : "none", moved[i].until);
	}
	assert_int_equal(date_parse("2028-05-26", &day), 0);
	assert_true(calendar_holiday(holidays_place(law->holidays, "FR"), day));
	assert_int_equal(guard_rule(&law->guard, "fr-policy")->hours.count, 1);
	assert_int_equal(guard_rule(&law->guard, "our-us-calls")->calls.max, 2);
	tree_remove(dir);
}

static void the_examples_of_the_manual_load(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(policy_freep) struct policy *policy = NULL;
	CLEANUP(adapter_freep) struct adapter *adapter = NULL;
	static const struct {
		const char *name;
		size_t more; /* steps than fr-b2b has */
	} extending[] = { { "fr-patient", 0 }, { "fr-explained", 1 } };
	const char *text = example_of(arena, "dunningd-policy.5", "\"name\": \"short\"");
	struct lint_report report = { .arena = arena };
	struct err err = { 0 };

	(void)state;
	if (policy_parse(text, strlen(text), &policy, &err) < 0)
		fail_msg("%s %s", err.path, err.text);
	assert_int_equal(policy->step_count, 4);
	lint_policy(&(struct lint_input){ .policy = policy }, &report);
	if (report.count)
		fail_msg("%s", lint_sentence(&report, &report.findings[0]));
	for (size_t i = 0; i < ARRAY_LEN(extending); i++) {
		CLEANUP(policy_freep) struct policy *on_another = NULL;
		const struct policy *base = library_policy(first.library, "fr-b2b");

		text = example_of(arena, "dunningd-policy.5", arena_printf(arena, "\"name\": \"%s\"", extending[i].name));
		if (policy_parse_on(text, strlen(text), base, &on_another, &err) < 0)
			fail_msg("%s: %s %s", extending[i].name, err.path, err.text);
		assert_int_equal(on_another->step_count, base->step_count + extending[i].more);
		lint_policy(&(struct lint_input){ .policy = on_another }, &report);
		if (report.count)
			fail_msg("%s: %s", extending[i].name, lint_sentence(&report, &report.findings[0]));
	}
	the_law_of_the_manual(arena);
	text = example_of(arena, "dunningd-provider.5", "{");
	if (adapter_parse(text, strlen(text), &adapter, &err) < 0)
		fail_msg("%s %s", err.path, err.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_message_is_complete),
		cmocka_unit_test(no_message_threatens),
		cmocka_unit_test(french_is_set_as_french),
		cmocka_unit_test(an_sms_is_short_and_cheap),
		cmocka_unit_test(html_survives_mail_clients),
		cmocka_unit_test(each_invoice_has_its_own_link),
		cmocka_unit_test(the_neutral_sentence_is_there),
		cmocka_unit_test(the_plainest_reminder_reads_well),
		cmocka_unit_test(the_examples_of_the_manual_load),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
