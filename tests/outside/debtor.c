/*
 * debtor - the debtor's page in a real browser (Chromium, through chromedriver), before the real daemon, with scripts off: every page in
 * three languages and the first in all, wide and on a phone, light and dark, held to WCAG 2.2 AA by axe-core; what is said by keyboard
 * alone, an offer that is accepted among it, holds the ladder. In those three languages once more for debtors whose names and invoice
 * number are as long as can be, and who owe ten thousand millions.
 *
 *	debtor [--axe axe.min.js] [--shots DIR]
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "common/file.h"
#include "tests/support/browser.h"
#include "tests/support/long_names.h"
#include "tests/support/page_story.h"

static const char *const locales[] = { "en-GB", "fr-FR", "de-DE", "es-ES", "it-IT", "nl-NL", "en-US" };
#define WHOLE 3 /* in so many languages every page */
#define LONG (2 * WHOLE) /* debtors with long names behind them: in each of those with blanks, and in one word */

static const struct look {
	const char *name;
	int width, height;
	bool dark;
} looks[] = { { "wide", 1200, 1100, false }, { "phone-dark", 360, 740, true },
	{ "narrow", 320, 640, false }, /* WCAG 2.2, 1.4.10: 320 CSS pixels without scrolling sideways */
	{ "wide-dark", 1200, 1100, true }, { "phone", 360, 740, false } };
#define SIZES 3 /* the first of them: each size once */

/*
 * What is wider than the window (`w`; innerWidth grows with it on a phone), what is too small for a finger: controls of less than 44 px, links
 * outside of sentences of less than 24 (2.5.8), and amounts and days that are broken.
 */
static const char layout[] =
	"const bad=[];if(document.documentElement.scrollWidth>w)bad.push(document.documentElement.scrollWidth+' is wider than '+w);"
	"for(const e of document.querySelectorAll('.amount strong,dd')){const r=document.createRange();r.selectNodeContents(e);"
	"if(new Set([...r.getClientRects()].map(l=>l.top)).size>1)bad.push('broken: '+e.textContent)}"
	"for(const e of document.querySelectorAll('button,input:not([type=hidden]),select,textarea,.button,.choices a')){"
	"if(e.getBoundingClientRect().height<44)bad.push('small: '+e.outerHTML.slice(0,80))}"
	"for(const e of document.querySelectorAll('a')){if(e.getBoundingClientRect().height<24)bad.push('small link: '+e.outerHTML.slice(0,80))}"
	"return bad.join('; ')";
/* No script, cookie, picture, frame, or anything from elsewhere. */
static const char alone[] =
	"return [document.scripts.length,document.images.length,frames.length,document.cookie,"
	"performance.getEntriesByType('resource').filter(e=>!e.name.startsWith(location.origin)).length].join(' ')";

static const char *shots;
static struct buf axe;
static size_t held; /* pages that axe-core looked at */

static void look_at(struct browser *b, const struct look *look, const char *name)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *where = arena_printf(arena, "%s, %s", name, look->name);

	browser_look(b, look->width, look->height, look->dark);
	browser_must_be(b, arena_printf(arena, "const w=%d;%s", look->width, layout), "", where);
	browser_must_be(b, alone, "0 0 0  0", where);
	held += browser_holds_to_wcag(b, &axe, where);
	if (shots)
		browser_shot(b, arena_printf(arena, "%s/%s-%s.png", shots, name, look->name));
}

static void looks_right(struct browser *b, const char *name, size_t count)
{
	for (size_t i = 0; i < count; i++)
		look_at(b, &looks[i], name);
}

static const char *url(struct page_story *p, const char *link, const char *more)
{
	return arena_printf(p->story.arena, "http://127.0.0.1:%d/p/%s%s", p->port, link, more);
}

/* As Tab goes, from where the focus is; it must be seen where that is (2.4.7). */
static void tab_to(struct browser *b, const char *css)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	for (int i = 0; i < 40; i++) {
		struct json there;

		browser_press(b, BROWSER_TAB);
		there = browser_eval(b, arena, arena_printf(arena, "return document.activeElement.matches('%s')", css));
		if (!json_bool(&there))
			continue;
		browser_must_be(b, "return getComputedStyle(document.activeElement).outlineStyle", "solid", css);
		return;
	}
	world_fail("Tab does not come to %s", css);
}

static void follows(struct browser *b, const char *place)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	browser_wait(b, arena_printf(arena, "return document.readyState==='complete'&&location.pathname.includes('%s')", place));
}

/* --- what is said -------------------------------------------------------------------------------------------------------------------- */

static void is_held(struct page_story *p, const char *invoice, const char *rule)
{
	struct json explained;

	story_applied(&p->story);
	explained = STORY_CTL(&p->story, "explain", invoice);
	if (strcmp(story_str(&explained, "rule"), rule) != 0)
		world_fail("%s: \"%s\" instead of \"%s\"", invoice, story_str(&explained, "rule"), rule);
}

/* A dispute, from the page itself: first without its reason, then with it. */
static void disputes_by_keyboard(struct browser *b, struct page_story *p, const char *invoice, const char *name)
{
	browser_look(b, 360, 740, false);
	browser_go(b, url(p, page_story_link(p, invoice), ""));
	tab_to(b, "a[href$=\"/dispute\"]");
	browser_press(b, BROWSER_ENTER);
	follows(b, "/dispute");
	tab_to(b, "button");
	browser_press(b, BROWSER_ENTER);
	browser_wait(b, "return document.activeElement.id==='reason'&&document.activeElement.getAttribute('aria-describedby')==='reason-error'");
	looks_right(b, arena_printf(p->story.arena, "%s-dispute-wrong", name), 2);
	browser_press(b, BROWSER_DOWN BROWSER_DOWN);
	tab_to(b, "textarea");
	browser_press(b, "<b>The lid</b> is broken & late.");
	tab_to(b, "button");
	browser_press(b, BROWSER_ENTER);
	follows(b, "/said/");
	looks_right(b, arena_printf(p->story.arena, "%s-dispute-said", name), 2);
	is_held(p, invoice, "dispute");
}

/* A day in the browser's own field: month, day, year, as it shows them. */
static void promises_by_keyboard(struct browser *b, struct page_story *p, const char *invoice)
{
	browser_look(b, 1200, 1100, false);
	browser_go(b, url(p, page_story_link(p, invoice), "/promise"));
	tab_to(b, "#on");
	browser_press(b, "04202026");
	browser_must_be(b, "return document.querySelector('#on').value", "2026-04-20", "the day that was typed");
	tab_to(b, "button");
	browser_press(b, BROWSER_ENTER);
	follows(b, "/said/");
	looks_right(b, "promise-said", 2);
	is_held(p, invoice, "promise");
}

/* A plan, from the page itself: first without a name, then with it. */
static void accepts_by_keyboard(struct browser *b, struct page_story *p, const char *invoice, const char *name, const char *who)
{
	struct json plans, plan;

	browser_look(b, 360, 740, false);
	browser_go(b, url(p, page_story_link(p, invoice), ""));
	tab_to(b, "a[href*=\"/plan/\"]");
	browser_press(b, BROWSER_ENTER);
	follows(b, "/plan/");
	tab_to(b, "button");
	browser_press(b, BROWSER_ENTER);
	browser_wait(b, "return document.activeElement.id==='name'&&document.activeElement.getAttribute('aria-describedby')==='name-hint name-error'");
	looks_right(b, arena_printf(p->story.arena, "%s-plan-wrong", name), SIZES);
	browser_press(b, who);
	tab_to(b, "button");
	browser_press(b, BROWSER_ENTER);
	follows(b, "/said/");
	looks_right(b, arena_printf(p->story.arena, "%s-plan-said", name), SIZES);
	story_applied(&p->story);
	plans = STORY_CTL(&p->story, "plan", "list", invoice);
	plan = json_at(&plans, 0);
	if (strcmp(story_str(&plan, "state"), "stands") != 0)
		world_fail("%s: the plan does not stand", invoice);
	browser_go(b, url(p, page_story_link(p, invoice), ""));
	browser_must_be(b, "return String(document.querySelectorAll('dl.terms div').length)", "8", "seven instalments and their sum");
	looks_right(b, arena_printf(p->story.arena, "%s-plan-stands", name), SIZES);
}

static void offers(struct browser *b, struct page_story *p, const char *invoice, const char *name, size_t count)
{
	static const char *const kinds[] = { "plan", "settlement" };

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		browser_go(b, url(p, page_story_link(p, invoice), ""));
		browser_go(b, json_str((struct json[]){ browser_eval(b, p->story.arena,
			arena_printf(p->story.arena, "return document.querySelector('a[href*=\"/%s/\"]').href", kinds[i])) }));
		looks_right(b, arena_printf(p->story.arena, "%s-%s", name, kinds[i]), count);
	}
}

static void forms(struct browser *b, struct page_story *p, const char *invoice, const char *name, size_t count)
{
	static const char *const places[] = { "/paid", "/promise", "/dispute", "/ask", "/contact", "/stop" };

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		browser_go(b, url(p, page_story_link(p, invoice), places[i]));
		looks_right(b, arena_printf(p->story.arena, "%s-%s", name, places[i] + 1), count);
	}
}

static void every_page(struct browser *b, struct page_story *p, const char *invoice, const char *name)
{
	forms(b, p, invoice, name, 2);
	offers(b, p, invoice, name, ARRAY_LEN(looks));
	disputes_by_keyboard(b, p, invoice, name);
	accepts_by_keyboard(b, p, invoice, name, "Ann Roy");
}

/* --- names as long as can be -------------------------------------------------------------------------------------------------------- */

static struct page_debtor long_debtor(struct arena *arena, size_t i)
{
	bool breaks = i % 2 == 0;

	return (struct page_debtor){ .locale = locales[i / 2], .name = long_name(arena, LONG_NAME, breaks), .contact = long_name(arena, LONG_CONTACT, breaks),
		.number = long_number(arena, LONG_NUMBER, breaks), .total_minor = LONG_TOTAL };
}

/* The page is about the invoice and names nobody: the number is what must be there, whole; and who accepts an offer is told by a name. */
static void every_long_page(struct browser *b, struct page_story *p, size_t i, const struct page_debtor *debtor)
{
	const char *invoice = arena_printf(p->story.arena, "inv_%zu", ARRAY_LEN(locales) + i + 1);
	const char *name = arena_printf(p->story.arena, "%s-long%s", debtor->locale, i % 2 ? "-unbroken" : "");

	browser_go(b, url(p, page_story_link(p, invoice), ""));
	browser_must_be(b, arena_printf(p->story.arena, "return String(document.querySelector('h1').innerText.includes('%s'))", debtor->number), "true", name);
	looks_right(b, arena_printf(p->story.arena, "%s-home", name), SIZES);
	if (i % 2)
		forms(b, p, invoice, name, SIZES);
	offers(b, p, invoice, name, SIZES);
	accepts_by_keyboard(b, p, invoice, name, debtor->contact);
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "axe", required_argument, NULL, 'a' }, { "shots", required_argument, NULL, 's' }, { 0 } };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct page_debtor debtors[ARRAY_LEN(locales) + LONG] = { 0 };
	struct page_story p = { 0 };
	struct browser *b;
	struct err err = { 0 };
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 's')
			shots = optarg;
		else if (c != 'a')
			return 2;
		else if (file_read(optarg, 4 << 20, &axe, &err) < 0)
			world_fail("%s", err.text);
	}
	for (size_t i = 0; i < ARRAY_LEN(debtors); i++)
		debtors[i] = i < ARRAY_LEN(locales) ? (struct page_debtor){ .locale = locales[i] } : long_debtor(arena, i - ARRAY_LEN(locales));
	page_story_open(&p, debtors, ARRAY_LEN(debtors));
	b = browser_open(arena_printf(p.story.arena, "%s/chromedriver.log", p.story.world.dir));
	browser_scripts(b, false);
	for (size_t i = 0; i < ARRAY_LEN(locales); i++) {
		const char *invoice = arena_printf(p.story.arena, "inv_%zu", i + 1);

		browser_go(b, url(&p, page_story_link(&p, invoice), ""));
		browser_must_be(b, "return document.documentElement.lang", strcmp(locales[i], "en-US") == 0 ? "en" : arena_memdup(p.story.arena, locales[i], 2), locales[i]);
		looks_right(b, arena_printf(p.story.arena, "%s-home", locales[i]), i < WHOLE ? ARRAY_LEN(looks) : 2);
		if (i < WHOLE)
			every_page(b, &p, invoice, locales[i]);
	}
	for (size_t i = 0; i < LONG; i++)
		every_long_page(b, &p, i, &debtors[ARRAY_LEN(locales) + i]);
	promises_by_keyboard(b, &p, "inv_7");
	browser_go(b, url(&p, page_story_link(&p, "inv_6"), ""));
	tab_to(b, "a[hreflang=de]");
	browser_press(b, BROWSER_ENTER);
	browser_wait(b, "return document.documentElement.lang==='de'");
	tab_to(b, "a[href*=\"/paid\"]");
	browser_press(b, BROWSER_ENTER);
	browser_wait(b, "return document.documentElement.lang==='de'&&location.pathname.endsWith('/paid')");
	browser_go(b, url(&p, "AAAA", ""));
	looks_right(b, "lost", 2);
	story_event(&p.story, "invoice.payment_received", "inv_7", "2026-04-03T07:00:00Z", ",\"payment_id\":\"x\",\"amount_minor\":120000");
	browser_go(b, url(&p, page_story_link(&p, "inv_7"), ""));
	looks_right(b, "settled", 2);
	printf("debtor: %zu locales, %d debtors with the longest names, scripts off, %zu pages and looks held to WCAG 2.2 AA by axe-core, thirteen things "
	       "said by keyboard alone\n", ARRAY_LEN(locales), LONG, held);
	browser_close(b);
	story_ends_well(&p.story);
	page_story_close(&p);
	buf_clear(&axe);
	return 0;
}
