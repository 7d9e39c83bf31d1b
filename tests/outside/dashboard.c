/*
 * dashboard - the dashboard in a real browser (Chromium, through chromedriver), before the real daemon, with scripts off: every view in
 * French and English, wide and on a phone, light and dark, held to WCAG 2.2 AA by axe-core; no word on the console, where a breach of the
 * policy (CSP) would stand; what is done by keyboard alone is done: a hold and its end, a task, a decision.
 *
 *	dashboard [--axe axe.min.js] [--shots DIR]
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "common/file.h"
#include "tests/support/browser.h"
#include "tests/support/dashboard_story.h"
#include "tests/support/http_get.h"

static const struct look {
	const char *name;
	int width, height;
	bool dark;
} looks[] = { { "wide", 1280, 2300, false }, { "phone-dark", 390, 840, true }, { "wide-dark", 1280, 1100, true }, { "phone", 390, 840, false },
	{ "narrow", 320, 640, false } /* WCAG 2.2, 1.4.10: 320 CSS pixels without scrolling sideways */ };

static const struct view {
	const char *name, *path;
} views[] = { { "today", "/" }, { "tasks", "/tasks" }, { "invoices", "/invoices" }, { "held", "/invoices?state=held" }, { "search",
	"/invoices?q=lid" },
	{ "invoice", "/invoice?id=lid-2" }, { "debtor", "/debtor?id=cus-lid-1" }, { "hostile", "/debtor?id=cus-lid-6" }, { "long", "/debtor?id=cus-lid-7" }, { "policies", "/policies" },
	{ "health", "/health" }, { "hold", "/do?what=hold&id=lid-6" },
	{ "done", "/do?what=done&id=review_dispute%3Alid-2&p=0" }, { "decide", "/do?what=decide&id=decision%3Alid-5%3Aworth-it" }, { "nothing", "/nothing-here" } };

/* What is wider than the window, and what is too small for a finger (2.5.8). */
static const char layout[] =
	"const bad=[];if(document.documentElement.scrollWidth>innerWidth)bad.push('wider than '+innerWidth);"
	"for(const e of document.querySelectorAll('button,input:not([type=hidden]):not([type=radio]),.button,.chips a')){"
	"if(e.getBoundingClientRect().height<39)bad.push('small: '+e.outerHTML.slice(0,80))}"
	"for(const e of document.querySelectorAll('main a,header a')){const h=e.getBoundingClientRect();"
	"if(h.height<24&&h.width)bad.push('small link: '+e.outerHTML.slice(0,80))}"
	"return bad.join('; ')";
/* No script, picture or frame, nothing that scripts could read of who is there, and nothing from elsewhere. */
static const char alone[] =
	"return [document.scripts.length,document.images.length,frames.length,document.cookie,"
	"performance.getEntriesByType('resource').filter(e=>!e.name.startsWith(location.origin)).length].join(' ')";

static const char *shots;
static struct buf axe;
static size_t held; /* pages that axe-core looked at */

/* Chromium tells there of each thing that the policy kept out. */
static void console_is_silent(struct browser *b, const char *where)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *said = browser_console(b, arena);

	if (strcasestr(said, "content security policy") || strcasestr(said, "refused to"))
		world_fail("%s: %s", where, said);
}

static void look_at(struct browser *b, const struct look *look, const char *name)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *where = arena_printf(arena, "%s, %s", name, look->name);

	browser_look(b, look->width, look->height, look->dark);
	browser_must_be(b, layout, "", where);
	browser_must_be(b, alone, "0 0 0  0", where);
	console_is_silent(b, where); /* before axe-core, which would like to add a style of its own */
	held += browser_holds_to_wcag(b, &axe, where);
	(void)browser_console(b, arena);
	if (shots)
		browser_shot(b, arena_printf(arena, "%s/%s-%s.png", shots, name, look->name));
}

static void looks_right(struct browser *b, const char *name, size_t count)
{
	for (size_t i = 0; i < count; i++)
		look_at(b, &looks[i], name);
}

/* As Tab goes, from where the focus is; it must be seen where that is (2.4.7). */
static void tab_to(struct browser *b, const char *css)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	for (int i = 0; i < 60; i++) {
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

	browser_wait(b, arena_printf(arena, "return document.readyState==='complete'&&(location.pathname+location.search).includes('%s')", place));
}

static void signs_in(struct browser *b, struct dashboard_story *d, const char *token)
{
	browser_go(b, dashboard_story_url(d, "/"));
	browser_wait(b, "return document.activeElement.id==='token'");
	browser_press(b, token);
	browser_press(b, BROWSER_ENTER);
	browser_wait(b, "return document.readyState==='complete'&&!!document.querySelector('.tiles')");
}

/* --- who is let in, asked without a browser ---------------------------------------------------------------------------------------- */

static void is_answered(struct dashboard_story *d, const char *path, const char *token, long status)
{
	CLEANUP(http_caller_destroyp) struct http_caller *caller = http_caller_create();
	const char *header = arena_printf(d->story.arena, "Authorization: Bearer %s", token), *const headers[] = { token ? header : NULL, NULL };
	struct http_reply reply = { 0 };
	long got = http_exchange(caller, "GET", dashboard_story_url(d, path), headers, NULL, 0, &reply);

	if (got != status || (status == 401 && strstr(buf_str(&reply.body), "lid-")))
		world_fail("%s with %s: %ld instead of %ld", path, token ? token : "no token", got, status);
	http_reply_clear(&reply);
}

static void tokens_are_asked_for(struct dashboard_story *d)
{
	for (size_t i = 0; i < ARRAY_LEN(views); i++)
		is_answered(d, views[i].path, NULL, 401);
	is_answered(d, "/invoices", "not-a-token-of-anybody", 401);
	is_answered(d, "/invoices", DASHBOARD_READER "x", 401);
	is_answered(d, "/invoices", DASHBOARD_READER, 200);
	is_answered(d, "/do?what=hold&id=lid-6", DASHBOARD_READER, 403);
	is_answered(d, "/do?what=hold&id=lid-6", DASHBOARD_ACTOR, 200);
}

/* --- what is done -------------------------------------------------------------------------------------------------------------------- */

/* From the page to the form, which must look right, and what is said there. */
static void tells(struct browser *b, const char *link, const char *why, const char *shot)
{
	tab_to(b, link);
	browser_press(b, BROWSER_ENTER);
	follows(b, "/do?");
	if (strstr(link, "what=decide")) {
		tab_to(b, "input[type=radio]");
		browser_press(b, BROWSER_DOWN BROWSER_DOWN BROWSER_DOWN);
		browser_must_be(b, "return document.querySelector('input:checked').value", "stop", "the fourth answer");
	}
	tab_to(b, "#why");
	browser_press(b, " "); /* said, and nothing said */
	browser_press(b, BROWSER_ENTER);
	browser_wait(b, "return !!document.querySelector('[aria-invalid]')");
	looks_right(b, shot, 2);
	browser_look(b, 390, 840, false);
	tab_to(b, "#why");
	browser_press(b, why);
	tab_to(b, "button.main");
	browser_press(b, BROWSER_ENTER);
}

static void is_held_by(struct dashboard_story *d, const char *rule, const char *who)
{
	int64_t deadline = real_ms() + 20000;
	struct json shown;

	while (shown = STORY_CTL(&d->story, "explain", "lid-6"), (strcmp(story_str(&shown, "rule"), "operator") == 0) != (*who != 0) && real_ms() < deadline)
		pause_ms(20);
	if ((*rule && strcmp(story_str(&shown, "rule"), rule) != 0) || strcmp(story_str(&shown, "hold_by"), who) != 0)
		world_fail("lid-6 is held by \"%s\", not by \"%s\": %s", story_str(&shown, "hold_by"), who, story_str(&shown, "rule"));
}

static void acts_by_keyboard(struct browser *b, struct dashboard_story *d)
{
	browser_look(b, 390, 840, false);
	browser_go(b, dashboard_story_url(d, "/invoice?id=lid-6"));
	tells(b, "a[href*=\"what=hold\"]", "They <b>called</b>: a new address & a new name", "hold-wrong");
	follows(b, "told=1");
	looks_right(b, "told", 2);
	is_held_by(d, "operator", "Anne Roy");
	browser_go(b, dashboard_story_url(d, "/invoice?id=lid-6"));
	tells(b, "a[href*=\"what=resume\"]", "the new address is there", "resume-wrong");
	follows(b, "told=1");
	is_held_by(d, "", "");
	browser_go(b, dashboard_story_url(d, "/tasks"));
	tells(b, "a[href*=\"what=done\"][href*=\"lid-2\"]", "Mme Roy has a new quote", "done-wrong");
	follows(b, "/tasks");
	browser_go(b, dashboard_story_url(d, "/invoice?id=lid-5"));
	tells(b, "a[href*=\"what=decide\"]", "enough", "decide-wrong");
	follows(b, "told=1");
	story_wait_tasks(&d->story, "decision:lid-7:worth-it "); /* which nobody touched; the others are done */
}

static void every_view(struct browser *b, struct dashboard_story *d, const char *language)
{
	size_t count = strcmp(language, "en") == 0 ? ARRAY_LEN(looks) : 2;

	browser_go(b, dashboard_story_url(d, arena_printf(d->story.arena, "/?l=%s", language)));
	browser_must_be(b, "return document.documentElement.lang", language, "the language of the link");
	for (size_t i = 0; i < ARRAY_LEN(views); i++) {
		browser_go(b, dashboard_story_url(d, views[i].path));
		browser_must_be(b, "return document.documentElement.lang", language, views[i].name);
		/* letters that are folded away are looked at, too */
		(void)browser_eval(b, d->story.arena, "document.querySelectorAll('details').forEach(e=>e.open=true);return ''");
		looks_right(b, arena_printf(d->story.arena, "%s-%s", language, views[i].name), count);
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "axe", required_argument, NULL, 'a' }, { "shots", required_argument, NULL, 's' }, { 0 } };
	struct dashboard_story d = { 0 };
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
	dashboard_story_open(&d, 12);
	tokens_are_asked_for(&d);
	b = browser_open(arena_printf(d.story.arena, "%s/chromedriver.log", d.story.world.dir));
	browser_scripts(b, false);
	browser_go(b, dashboard_story_url(&d, "/invoice?id=lid-1"));
	looks_right(b, "sign-in", 2);
	browser_press(b, "no-such-token-anywhere");
	browser_press(b, BROWSER_ENTER);
	follows(b, "/sign-in");
	looks_right(b, "sign-in-wrong", 2);
	signs_in(b, &d, DASHBOARD_ACTOR);
	every_view(b, &d, "fr");
	every_view(b, &d, "en");
	acts_by_keyboard(b, &d);
	browser_must_be(b, "document.querySelector('form[action=\"/sign-out\"] button').click();return ''", "", "signing out");
	browser_wait(b, "return !!document.querySelector('#token')");
	printf("dashboard: two languages, scripts off, %zu pages and looks held to WCAG 2.2 AA by axe-core, no breach of its policy\n", held);
	browser_close(b);
	story_ends_well(&d.story);
	dashboard_story_close(&d);
	buf_clear(&axe);
	return 0;
}
