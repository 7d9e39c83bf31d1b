/*
 * page - the sandbox's pages in a real browser (Chromium, through chromedriver), before the real daemon: each channel wide and on a phone, light
 * and dark, nothing of a hostile message comes alive, and what is clicked changes the state of dunningd.
 *
 *	page [--shots DIR] [--keep]
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/browser.h"
#include "tests/support/sandbox_world.h"

#define HOSTILE "<script>window.hit=1</script><img src=x onerror='window.hit=1'>\\u202e{{7*7}}"

static const char *shots;

/* One of each channel, and what nobody would want to open, straight to the sandbox. */
static const struct {
	const char *name, *body;
} messages[] = {
	{ "email", "\"channel\":\"email\",\"to\":{\"name\":\"Dupont SARL\",\"email\":\"compta@dupont.example\"},\"from\":{\"name\":\"Comptabilit\\u00e9 Acme\","
		   "\"email\":\"comptes@acme.example\"},\"subject\":\"Rappel : facture F-2026-0042 de 840,50 \\u20ac\",\"text\":\"Bonjour,\\n\\nla facture "
		   "F-2026-0042 est \\u00e9chue.\",\"html\":\"<h2>Rappel</h2><p>La facture <b>F-2026-0042</b> est \\u00e9chue.</p>\",\"invoices\":[\"inv_1\"],"
		   "\"attachments\":[{\"name\":\"F-2026-0042.pdf\",\"type\":\"application/pdf\",\"data\":\"JVBERi0=\"}]" },
	{ "sms", "\"channel\":\"sms\",\"to\":{\"phone\":\"+33612345678\"},\"from\":{\"name\":\"Acme\",\"phone\":\"+33100000000\"},"
		 "\"text\":\"Acme : la facture F-2026-0042 (840,50 \\u20ac) reste impay\\u00e9e : https://acme.example/paiement/f-2026-0042. R\\u00e9pondez STOP "
		 "pour ne plus recevoir de SMS de notre part.\",\"invoices\":[\"inv_1\"]" },
	{ "letter", "\"channel\":\"letter\",\"registered\":true,\"to\":{\"name\":\"Dupont SARL\",\"address\":{\"line1\":\"12 rue de l'Exemple\","
		    "\"postcode\":\"69001\",\"city\":\"Lyon\",\"country\":\"FR\"}},\"from\":{\"name\":\"Acme France SAS\"},\"subject\":\"Mise en demeure\","
		    "\"text\":\"Madame, Monsieur,\\n\\nla facture F-2026-0042 demeure impay\\u00e9e.\",\"invoices\":[\"inv_1\"]" },
	{ "voice", "\"channel\":\"voice\",\"locale\":\"fr-FR\",\"to\":{\"phone\":\"+33612345678\"},\"from\":{\"phone\":\"+33100000000\"},"
		   "\"text\":\"Bonjour.\\nLa facture F 42 reste \\u00e0 r\\u00e9gler.\",\"invoices\":[\"inv_1\"]" },
	{ "hostile", "\"channel\":\"email\",\"to\":{\"name\":\"" HOSTILE "\",\"email\":\"" HOSTILE "\"},\"from\":{\"name\":\"" HOSTILE "\"},\"subject\":\"" HOSTILE
		     "\",\"text\":\"" HOSTILE "\",\"html\":\"<p id=there>" HOSTILE "<script>top.hit=1;parent.location='/modes'</script><form action='/behave' "
		     "method=post><button>x</button></form><meta http-equiv=refresh content='0;url=/modes'><iframe src='javascript:top.hit=1'></iframe>\","
		     "\"" HOSTILE "\":\"" HOSTILE "\",\"invoices\":[\"" HOSTILE "\"]" },
};

/* Of every visible text against its own background: WCAG 2.2, contrast (minimum). Gives what falls short. */
static const char contrast[] =
	"const light=c=>{const f=v=>{v/=255;return v<=.04045?v/12.92:((v+.055)/1.055)**2.4};return .2126*f(c[0])+.7152*f(c[1])+.0722*f(c[2])};"
	"const rgb=s=>(s.match(/[\\d.]+/g)||[]).map(Number);"
	"const ground=e=>{for(;e;e=e.parentElement){const c=rgb(getComputedStyle(e).backgroundColor);if(c.length<4||c[3]>0)return c}return[255,255,255]};"
	"const bad=[];for(const e of document.querySelectorAll('body *')){"
	"if(![...e.childNodes].some(n=>n.nodeType===3&&n.data.trim())||!e.getClientRects().length)continue;"
	"const a=light(rgb(getComputedStyle(e).color)),b=light(ground(e)),r=(Math.max(a,b)+.05)/(Math.min(a,b)+.05);"
	"if(r<4.5)bad.push(e.tagName+'.'+e.className+' '+r.toFixed(2)+' '+e.textContent.slice(0,30))}"
	"return bad.join('; ')";
/* What is wider than the window, and what is too small for a finger (WCAG 2.2, 2.5.8, asks for 24 px, Apple and Google for 44 to 48). */
static const char layout[] =
	"const bad=[];if(document.documentElement.scrollWidth>innerWidth)bad.push('wider than '+innerWidth);"
	"for(const e of document.querySelectorAll('button,input')){if(e.getBoundingClientRect().height<44)bad.push('small: '+e.textContent)}"
	"return bad.join('; ')";

static void must_be(struct browser *b, const char *script, const char *expected, const char *where)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json value = browser_eval(b, arena, script);

	if (!json_str(&value) || strcmp(json_str(&value), expected) != 0)
		world_fail("%s: \"%s\" instead of \"%s\"", where, json_str(&value) ? json_str(&value) : "(no text)", expected);
}

static void looks_right(struct browser *b, const char *url, const char *name)
{
	static const struct {
		const char *name;
		int width, height;
		bool dark;
	} looks[] = { { "wide", 1200, 1000, false }, { "wide-dark", 1200, 1000, true }, { "phone", 360, 740, false }, { "phone-dark", 360, 740, true } };

	for (size_t i = 0; i < ARRAY_LEN(looks); i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		const char *where = arena_printf(arena, "%s, %s", name, looks[i].name);

		browser_look(b, looks[i].width, looks[i].height, looks[i].dark);
		browser_go(b, url);
		must_be(b, contrast, "", where);
		must_be(b, layout, "", where);
		must_be(b, "return getComputedStyle(document.body).backgroundColor", looks[i].dark ? "rgb(20, 22, 26)" : "rgb(244, 245, 247)", where);
		if (shots)
			browser_shot(b, arena_printf(arena, "%s/%s-%s.png", shots, name, looks[i].name));
	}
	browser_look(b, 1200, 1000, false);
}

/* Nothing of it ran, moved the page or sent a form; it stands there as text, and its HTML in a frame of its own. */
static void is_harmless(struct browser *b, const char *url)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	browser_go(b, url);
	browser_wait(b, "return document.readyState==='complete'");
	must_be(b, "return String(window.hit)+document.scripts.length+document.images.length", "undefined00", "hostile");
	must_be(b, "return document.querySelector('h1').textContent.slice(0,29)", "<script>window.hit=1</script>", "hostile");
	must_be(b, "return location.pathname.slice(0,9)", "/message/", "hostile");
	browser_frame(b, 0);
	must_be(b, "return String(window.hit)+(document.getElementById('there')?' there':'')+window.origin", "undefined therenull", "hostile, its frame");
	browser_frame(b, -1);
	if (shots)
		browser_shot(b, arena_printf(arena, "%s/hostile.png", shots));
}

static const char *first_link(struct arena *arena, struct sandbox_world *t, const char *attempt)
{
	struct json said = world_ask_sandbox(&t->world, arena, arena_printf(arena, "/messages?attempt=%s", attempt)), list = json_get(&said, "messages"),
		    one = json_at(&list, 0), id = json_get(&one, "id");

	return arena_printf(arena, "http://127.0.0.1:%d/message/%s", t->world.port, json_str(&id));
}

/* --- what is clicked ---------------------------------------------------------------------------------------------------------------- */

static void click_and_wait(struct browser *b, const char *css)
{
	browser_click(b, css);
	browser_wait(b, "const l=document.querySelector('ol li:last-child');return !!l&&l.textContent.includes('taken')");
}

/* From the list to the message, and back to what dunningd does about it. */
static void a_bounce_goes_to_the_next(struct browser *b, struct sandbox_world *t)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	sandbox_world_push(t, "clicked", "clicked", "one@clicked.example", "+33612345678");
	(void)sandbox_world_sent(t, arena, "clicked", 1);
	browser_go(b, arena_printf(arena, "http://127.0.0.1:%d/", t->world.port));
	browser_wait(b, "return document.querySelector('.list .what').textContent==='Facture F-clicked'");
	browser_click(b, ".list a");
	browser_wait(b, "return location.pathname.startsWith('/message/')&&document.querySelector('h1').textContent==='Facture F-clicked'");
	click_and_wait(b, "button[value=bounced]");
	(void)sandbox_world_sent(t, arena, "clicked", 2);
	browser_go(b, arena_printf(arena, "http://127.0.0.1:%d/", t->world.port));
	browser_wait(b, "return [...document.querySelectorAll('.chip.bad')].some(e=>e.textContent==='bounced')");
}

static void an_answer_and_a_stop(struct browser *b, struct sandbox_world *t)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *attempt;

	sandbox_world_push(t, "typed", "typed", "one@typed.example", "+33612345679");
	attempt = sandbox_world_sent(t, arena, "typed", 1);
	sandbox_world_says(t, "escalation", "typed", "\"end\":\"sent\"");
	browser_go(b, first_link(arena, t, attempt));
	click_and_wait(b, "button[value=delivered]");
	sandbox_world_says(t, "debtor", "typed", arena_printf(arena, "\"%s\",\"one@typed.example\",4", attempt));
	browser_type(b, "input[name=text]", "Nous contestons <b>& 100 %</b> + frais");
	click_and_wait(b, "button[value=replied]");
	must_be(b, "return document.querySelector('ol li:last-child bdi').textContent", "Nous contestons <b>& 100 %</b> + frais", "the answer");
	sandbox_world_says(t, "escalation", "typed", "\"held\":\"reply\"");
	click_and_wait(b, "button[value=stopped]");
	sandbox_world_says(t, "debtor", "typed", "\"opt_out_email\":{\"on\":true");
}

/* --- the whole ------------------------------------------------------------------------------------------------------------------------- */

int main(int argc, char **argv)
{
	static const struct option options[] = { { "shots", required_argument, NULL, 's' }, { "keep", no_argument, NULL, 'k' }, { 0 } };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(http_reply_clear) struct http_reply reply = { 0 };
	struct sandbox_world t = { 0 };
	struct browser *b;
	const char *console;
	bool keep = false;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 's')
			shots = optarg;
		else if (c == 'k')
			keep = true;
		else
			return 2;
	}
	sandbox_world_open(&t, NULL);
	b = browser_open(arena_printf(arena, "%s/chromedriver.log", t.world.dir));
	for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
		const char *attempt = arena_printf(arena, "01ARZ3NDEKTSV4RRFFQ69G5F%02zu", i);
		const char *headers[] = { arena_printf(arena, "Idempotency-Key: %s", attempt), NULL };

		if (http_post(arena_printf(arena, "http://127.0.0.1:%d/send", t.world.port), headers,
			    arena_printf(arena, "{\"attempt\":\"%s\",%s}", attempt, messages[i].body), &reply) != 202)
			world_fail("%s is not taken: %s", messages[i].name, buf_str(&reply.body));
		looks_right(b, first_link(arena, &t, attempt), messages[i].name);
		console = browser_console(b, arena);
		if (strcmp(messages[i].name, "hostile") == 0)
			is_harmless(b, first_link(arena, &t, attempt));
		else if (*console)
			world_fail("%s: the console says: %s", messages[i].name, console);
	}
	looks_right(b, arena_printf(arena, "http://127.0.0.1:%d/", t.world.port), "list");
	looks_right(b, arena_printf(arena, "http://127.0.0.1:%d/modes", t.world.port), "modes");
	(void)browser_console(b, arena);
	a_bounce_goes_to_the_next(b, &t);
	an_answer_and_a_stop(b, &t);
	console = browser_console(b, arena);
	if (*console)
		world_fail("the console says: %s", console);
	printf("page: %zu messages, the list and the modes, each wide and on a phone, light and dark; a bounce, an answer and a STOP clicked\n",
		ARRAY_LEN(messages));
	browser_close(b);
	world_close(&t.world, keep);
	return 0;
}
