/*
 * sheets - what else people look at, of debtors whose names, address and invoice number are as long as can be, and who owe ten thousand
 * millions: in French, English and German, with blanks and as one word. A real story; then the mail as it came and every shipped one with its
 * figures, on a telephone and beside it, in Chromium; the statement of account, read back with Poppler; and the evidence report in each of its
 * languages, as a page, printed from the page, and as the PDF beside it. Nothing is cut or wider than where it stands, no amount is broken.
 *
 *	sheets [--shots DIR]
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "common/file.h"
#include "tests/support/browser.h"
#include "tests/support/http_get.h"
#include "tests/support/long_names.h"
#include "tests/support/paper.h"
#include "tests/support/story.h"

#define TEMPLATES SOURCE_DIR "/daemon/share/templates"
#define START "2026-03-31T08:00:00Z" /* a Tuesday; due on the Wednesday */
#define MAILS_MIN 15
#define PAID INT64_C(111111111111)
#define LINE1 "Zone industrielle de la Croix-Blanche, bâtiment Lavoisier, escalier C, troisième étage, porte 312"
#define MAIL "comptabilite.fournisseurs.et.immobilisations.du.siege@departement-des-achats-indirects-et-des-frais-generaux." \
	     "etablissements-dupont-et-fils-reunis-de-lyon.example"

static const char policy[] =
	"{\"name\":\"talk\",\"title\":\"talk\",\"late\":{\"regime\":\"FR-B2B\"},\"steps\":["
	"{\"id\":\"reminder\",\"at\":\"due+1d\",\"channel\":\"email\",\"template\":\"reminder\",\"tone\":\"friendly\",\"attach\":\"statement\"},"
	"{\"id\":\"formal\",\"at\":\"due+12d\",\"channel\":\"letter\",\"delivery\":\"registered\",\"deadline\":\"10d\",\"fees\":true,"
	"\"template\":\"formal_notice_fr\",\"tone\":\"legal\",\"if\":{\"kinds\":[\"company\"],\"countries\":[\"FR\"]}},"
	"{\"id\":\"after\",\"at\":\"formal+14d\",\"gate\":\"decision\",\"role\":\"owner\"}]}";

/* Total, paid and still owed, as they stand beside one another. */
static const struct language {
	const char *locale, *total, *paid, *owed;
} languages[] = {
	{ "fr-FR", "9 999 999 999,99 €", "1 111 111 111,11 €", "8 888 888 888,88 €" },
	{ "en-GB", "€9,999,999,999.99", "€1,111,111,111.11", "€8,888,888,888.88" },
	{ "de-DE", "9.999.999.999,99 €", "1.111.111.111,11 €", "8.888.888.888,88 €" },
};
#define DEBTORS (2 * ARRAY_LEN(languages))

static const struct paper_sheet letter = { 210, 297, 22, 20 }; /* to France */
static const struct paper_sheet report = { 210, 297, 19.75, 19.75 };
static const struct paper_sheet printed = { 210, 297, 10, 10 }; /* Chromium's own margins */

/* What is wider than its place, the window (`w`) among them, and amounts that are broken. */
static const char layout[] =
	"const bad=[];if(document.documentElement.scrollWidth>w)bad.push(document.documentElement.scrollWidth+' is wider than '+w);"
	"for(const e of document.querySelectorAll('body *')){if(e.scrollWidth>e.clientWidth+1&&getComputedStyle(e).display!=='inline')"
	"bad.push('over its edge: '+e.outerHTML.slice(0,200))}"
	"const edge=document.body.getBoundingClientRect().right-parseFloat(getComputedStyle(document.body).paddingRight)+1;"
	"for(const e of document.querySelectorAll('table')){if(e.getBoundingClientRect().right>edge)bad.push('beyond the page: '+e.outerHTML.slice(0,200))}"
	"for(const e of document.querySelectorAll('td.n')){const r=document.createRange();r.selectNodeContents(e);"
	"if(new Set([...r.getClientRects()].map(l=>l.top)).size>1)bad.push('broken: '+e.textContent)}"
	"return bad.slice(0,5).join('; ')";

static const char *shots;
static struct {
	size_t mails, pages, papers;
} seen;

struct debtor {
	const char *id, *name, *contact, *number, *order, *payment, *said; /* id: of the invoice */
	const struct language *language;
	const char *label;
};

static struct debtor debtor_of(struct arena *arena, size_t i)
{
	bool breaks = i % 2 == 0;
	const struct language *language = &languages[i / 2];

	return (struct debtor){ .id = arena_printf(arena, "inv_%zu", i + 1), .name = long_name(arena, LONG_NAME, breaks),
		.contact = long_name(arena, LONG_CONTACT, breaks), .number = long_number(arena, LONG_NUMBER, breaks),
		.order = long_name(arena, LONG_NUMBER, breaks), .payment = long_name(arena, 128, false), .said = long_name(arena, LONG_REASON, breaks),
		.language = language, .label = arena_printf(arena, "%.2s%s", language->locale, breaks ? "" : "-unbroken") };
}

/* --- the story ------------------------------------------------------------------------------------------------------------------------ */

static void push(struct story *s, const struct debtor *d)
{
	const char *event = arena_printf(s->arena, "{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"https://billing.example/long\",\"type\":\"invoice.finalized\","
		"\"time\":\"2026-03-02T08:00:00Z\",\"data\":{\"invoice\":{\"id\":\"%s\",\"number\":\"%s\",\"version\":1,\"status\":\"open\",\"issued_on\":\"2026-03-02\","
		"\"due_on\":\"2026-04-01\",\"currency\":\"EUR\",\"total_minor\":%lld,\"due_minor\":%lld,\"payment_url\":\"https://pay.example/%s\","
		"\"terms\":{\"url\":\"https://acme.example/%s\",\"agreed_on\":\"2025-09-30\"},\"refs\":{\"purchase_order\":\"%s\",\"delivery_proof\":\"%s\",\"contract\":\"%s\"}},"
		"\"customer\":{\"id\":\"cus_%s\",\"name\":\"%s\",\"country\":\"FR\",\"kind\":\"company\",\"locale\":\"%s\","
		"\"postal\":{\"line1\":\"" LINE1 "\",\"line2\":\"12 avenue du Maréchal de Lattre de Tassigny prolongée\",\"postcode\":\"69002\",\"city\":\"Lyon\"},"
		"\"timezone\":\"Europe/Paris\",\"contacts\":[{\"id\":\"c1\",\"role\":\"billing\",\"name\":\"%s\",\"email\":\"" MAIL "\"}]}}}",
		d->id, d->id, d->number, (long long)LONG_TOTAL, (long long)LONG_TOTAL, d->id, long_number(s->arena, 200, false), d->order, d->name, d->order, d->id,
		d->name, d->language->locale, d->contact);

	world_push(&s->world, event, strlen(event));
	story_applied(s);
	story_event(s, "invoice.payment_received", d->id, "2026-03-31T07:00:00Z",
		arena_printf(s->arena, ",\"payment_id\":\"%s\",\"amount_minor\":%lld", d->payment, (long long)PAID));
}

static void live(struct story *s, const struct debtor *debtors)
{
	const char *tasks = "";

	story_open(s, policy, START);
	for (size_t i = 0; i < DEBTORS; i++) {
		push(s, &debtors[i]);
		tasks = arena_printf(s->arena, "%spost:%s:formal ", tasks, debtors[i].id);
	}
	story_until(s, "2026-04-14T08:00:00Z");
	for (size_t i = 0; i < DEBTORS; i++)
		story_sent_is(s, debtors[i].id, "reminder 2026-04-02\n");
	story_wait_tasks(s, tasks);
	for (size_t i = 0; i < DEBTORS; i++) {
		(void)STORY_CTL(s, "task", "done", arena_printf(s->arena, "post:%s:formal", debtors[i].id), debtors[i].said);
		story_event(s, "dispute.opened", debtors[i].id, "2026-04-14T07:00:00Z",
			arena_printf(s->arena, ",\"dispute_id\":\"d1\",\"reason\":\"quality\",\"text\":\"%s\"", debtors[i].said));
	}
}

/* --- in the browser --------------------------------------------------------------------------------------------------------------------- */

static void fits(struct browser *b, int width, const char *name)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	browser_look(b, width, 1600, false);
	if (shots)
		browser_shot(b, arena_printf(arena, "%s/%s-%d.png", shots, name, width));
	browser_must_be(b, arena_printf(arena, "const w=%d;%s", width, layout), "", arena_printf(arena, "%s, %d pixels", name, width));
}

static void reads(struct browser *b, const char *text, const char *name)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	browser_must_be(b, arena_printf(arena, "return document.body.innerText.replace(/\\s/g,'').includes('%s'.replace(/\\s/g,''))?'':'%.20s... is missing'",
		text, text), "", name);
}

static void mail_fits(struct browser *b, const struct debtor *d, const char *name)
{
	fits(b, 320, name);
	fits(b, 600, name);
	reads(b, d->number, name);
	seen.mails++;
}

static void shipped_mails(struct browser *b, struct story *s, const struct debtor *d)
{
	char **names;
	size_t count, shown = 0;

	if (file_list(s->arena, TEMPLATES "/en", ".html", &names, &count) < 0 || count < 20)
		world_fail("there are no mails in " TEMPLATES);
	for (size_t i = 0; i < count; i++) {
		const char *name = arena_memdup(s->arena, names[i], strlen(names[i]) - strlen(".html"));
		const char *words[] = { "template", "preview", name, "--invoice", d->id, "--locale", d->language->locale, "--on", "2026-04-14", "--html", NULL };
		const char *path = arena_printf(s->arena, "%s/mail.html", s->world.dir);
		CLEANUP(buf_clear) struct buf html = { 0 };

		if (*name == '_')
			continue;
		if (world_ctl(&s->world, words, &html) != 0) {
			if (!strstr(buf_str(&html), "has no value")) /* it is about what this debtor has not: a call, a plan */
				world_fail("%s: %s", name, buf_str(&html));
			continue;
		}
		world_put(&s->world, "mail.html", buf_str(&html));
		browser_go(b, arena_printf(s->arena, "file://%s", path));
		mail_fits(b, d, arena_printf(s->arena, "%s-%s", d->label, name));
		shown++;
	}
	if (shown < MAILS_MIN)
		world_fail("%s: only %zu mails can be shown", d->label, shown);
}

/* --- on paper --------------------------------------------------------------------------------------------------------------------------- */

static void is_whole(const char *pdf, const struct paper_sheet *sheet, const struct debtor *d, const char *amounts, const char *name)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct paper_word *words;
	size_t count = paper_words(arena, pdf, &words);

	paper_shot(pdf, shots, name);
	paper_is_tidy(words, count, sheet, name);
	if (!paper_says(words, count, d->name) || !paper_says(words, count, d->number))
		world_fail("%s: something of the name or the number is missing", name);
	if (!paper_says_in_a_line(words, count, amounts))
		world_fail("%s: an amount is broken", name);
	seen.papers++;
}

/* As it came, with the statement of account that goes with it. */
static void sent(struct browser *b, struct story *s, const struct debtor *d)
{
	struct json root = world_ask_sandbox(&s->world, s->arena, arena_printf(s->arena, "/messages?invoice=%s", d->id)), all = json_get(&root, "messages"),
		    one = json_at(&all, 0);
	const char *url = arena_printf(s->arena, "http://127.0.0.1:%d/message/%s", s->world.port, story_str(&one, "id"));
	const char *path = arena_printf(s->arena, "%s/statement.pdf", s->world.dir);
	CLEANUP(http_reply_clear) struct http_reply reply = { 0 };

	browser_go(b, arena_printf(s->arena, "%s/html", url));
	mail_fits(b, d, arena_printf(s->arena, "%s-sent", d->label));
	if (http_get(arena_printf(s->arena, "%s/file/0", url), &reply) != 200 || file_replace(path, reply.body.data, reply.body.len, 0600) < 0)
		world_fail("%s: no statement came with the mail", d->label);
	is_whole(path, &letter, d, arena_printf(s->arena, "%s%s%s", d->language->total, d->language->paid, d->language->owed),
		arena_printf(s->arena, "%s-statement", d->label));
}

/* The language of "report.fr.html"; one that we know nobody of is a language that this test must learn. */
static const struct language *language_of(const char *file)
{
	for (size_t i = 0; i < ARRAY_LEN(languages); i++)
		if (strncmp(file + strlen("report."), languages[i].locale, 2) == 0)
			return &languages[i];
	world_fail("%s: how are amounts written there?", file);
}

static void page_of_report(struct browser *b, struct story *s, const struct debtor *d, const char *path, const char *name)
{
	browser_go(b, arena_printf(s->arena, "file://%s", path));
	fits(b, 1200, name);
	fits(b, 794, name); /* A4 at 96 dots an inch */
	for (const char *const *text = (const char *const[]){ d->name, d->contact, d->number, d->order, d->payment, d->said, LINE1, MAIL, NULL }; *text; text++)
		reads(b, *text, name);
	seen.pages++;
}

static void reports(struct browser *b, struct story *s, const struct debtor *d)
{
	const char *folder = arena_printf(s->arena, "%s/bundle-%s", s->world.dir, d->id), *print = arena_printf(s->arena, "%s/printed.pdf", s->world.dir);
	char **files;
	size_t count;

	(void)STORY_CTL(s, "evidence", "--debtor", arena_printf(s->arena, "cus_%s", d->id), "--out", folder);
	if (file_list(s->arena, folder, ".html", &files, &count) < 0 || count < 2)
		world_fail("%s: there are no reports", folder);
	for (size_t i = 0; i < count; i++) {
		const struct language *language = language_of(files[i]);
		const char *name = arena_printf(s->arena, "%s-%.9s", d->label, files[i]), *path = arena_printf(s->arena, "%s/%s", folder, files[i]);
		const char *amounts = arena_printf(s->arena, "%s%s", language->total, language->paid);

		page_of_report(b, s, d, path, name);
		browser_print(b, print);
		is_whole(print, &printed, d, amounts, arena_printf(s->arena, "%s-printed", name));
		is_whole(arena_printf(s->arena, "%.*s.pdf", (int)(strlen(path) - strlen(".html")), path), &report, d, amounts,
			arena_printf(s->arena, "%s-pdf", name));
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "shots", required_argument, NULL, 's' }, { 0 } };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct debtor debtors[DEBTORS];
	struct story s = { 0 };
	struct browser *b;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 's')
			return 2;
		shots = optarg;
	}
	for (size_t i = 0; i < DEBTORS; i++)
		debtors[i] = debtor_of(arena, i);
	live(&s, debtors);
	b = browser_open(arena_printf(s.arena, "%s/chromedriver.log", s.world.dir));
	for (size_t i = 0; i < DEBTORS; i++) {
		sent(b, &s, &debtors[i]);
		reports(b, &s, &debtors[i]);
		if (i % 2) /* as one word: where they give way least */
			shipped_mails(b, &s, &debtors[i]);
	}
	browser_close(b);
	story_ends_well(&s);
	story_close(&s);
	printf("sheets: %zu debtors with the longest names: %zu mails at 320 and 600 pixels, %zu reports at 1200 and 794, %zu papers: nothing cut, no amount broken\n",
		DEBTORS, seen.mails, seen.pages, seen.papers);
	return 0;
}
