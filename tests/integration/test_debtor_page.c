/*
 * The debtor's page against the running daemon, from the link in a mail to what holds the ladder: each thing that can be said, whoever only
 * looks, and whoever holds no good link or form. In a browser: tests/outside/debtor.c.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/token.h"
#include "tests/support/http_get.h"
#include "tests/support/page_story.h"

struct paged {
	struct page_story p;
	struct story *s;
	struct http_caller *caller;
	struct http_reply reply;
};

static int setup(void **state)
{
	struct paged *f = calloc(1, sizeof(*f));

	f->caller = http_caller_create();
	page_story_open(&f->p, (const struct page_debtor[8]){ { 0 } }, 8);
	f->s = &f->p.story;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct paged *f = *state;

	http_reply_clear(&f->reply);
	http_caller_destroy(f->caller);
	page_story_close(&f->p);
	free(f);
	return 0;
}

/* --- as a browser ------------------------------------------------------------------------------------------------------------------- */

static long ask(struct paged *f, const char *method, const char *link, const char *more, const char *body)
{
	const char *const headers[] = { "Content-Type: application/x-www-form-urlencoded", NULL };

	return http_exchange(f->caller, method, arena_printf(f->s->arena, "http://127.0.0.1:%d/p/%s%s", f->p.port, link, more), body ? headers : NULL, body,
		0, &f->reply);
}

static long get(struct paged *f, const char *link, const char *more)
{
	return ask(f, "GET", link, more, NULL);
}

static const char *body(struct paged *f)
{
	return buf_str(&f->reply.body);
}

static void says(struct paged *f, const char *needle)
{
	if (!strstr(body(f), needle))
		fail_msg("the page does not say \"%s\":\n%s", needle, body(f));
}

static void says_not(struct paged *f, const char *needle)
{
	if (strstr(body(f), needle))
		fail_msg("the page says \"%s\":\n%s", needle, body(f));
}

static const char *token_of(struct paged *f, const char *link, const char *action)
{
	static const char before[] = "name=\"token\" value=\"";
	const char *at;

	if (get(f, link, arena_printf(f->s->arena, "/%s", action)) != 200)
		fail_msg("%s is answered %ld", action, f->reply.status);
	at = strstr(body(f), before);
	if (!at)
		fail_msg("there is no form:\n%s", body(f));
	at += sizeof(before) - 1;
	return arena_memdup(f->s->arena, at, strcspn(at, "\""));
}

/* The form as a browser sends it; `fields` begins with '&' or is empty. */
static long say(struct paged *f, const char *link, const char *action, const char *token, const char *fields)
{
	return ask(f, "POST", link, arena_printf(f->s->arena, "/%s", action), arena_printf(f->s->arena, "token=%s%s", token, fields));
}

/* Fills in a fresh form and follows to where it leads. */
static void tell(struct paged *f, const char *link, const char *action, const char *fields, const char *said)
{
	const char *to;

	if (say(f, link, action, token_of(f, link, action), fields) != 303)
		fail_msg("%s is answered %ld:\n%s", action, f->reply.status, body(f));
	to = http_reply_header(&f->reply, "Location", f->s->arena);
	assert_non_null(to);
	assert_int_equal(strncmp(to, "/p/", 3), 0);
	assert_int_equal(get(f, to + 3, ""), 200);
	says(f, "Thank you. This is recorded.");
	says(f, said);
	story_applied(f->s);
}

static const char *field(struct paged *f, const char *invoice, const char *key)
{
	struct json explained = STORY_CTL(f->s, "explain", invoice);

	return story_str(&explained, key);
}

static int64_t counted(struct paged *f, const char *key)
{
	struct json status = world_status(&f->s->world, f->s->arena), page = json_get(&status, "page"), value = json_get(&page, key);

	assert_int_equal(value.type, JSON_INT);
	return json_int(&value);
}

/* The id of the newest entry that the stream ever had. */
static const char *newest(struct paged *f)
{
	const struct redis_reply *reply = world_redis(&f->s->world, f->s->arena,
		(const char *const[]){ "XINFO", "STREAM", world_key(&f->s->world, f->s->arena, "events"), NULL });

	for (size_t i = 0; i + 1 < reply->count; i += 2)
		if (strcmp(reply->items[i].str, "last-generated-id") == 0)
			return arena_strdup(f->s->arena, reply->items[i + 1].str);
	fail_msg("the stream has no newest entry");
	return NULL;
}

static const char *bad(struct paged *f, const char *link, size_t at)
{
	char *text = arena_strdup(f->s->arena, link);

	text[at] = text[at] == 'A' ? 'B' : 'A';
	return text;
}

static const char *repeated(struct paged *f, const char *text, int times)
{
	CLEANUP(buf_clear) struct buf all = { 0 };

	for (int i = 0; i < times; i++)
		buf_printf(&all, "%s", text);
	return arena_strdup(f->s->arena, buf_str(&all));
}

/* The record of that kind holds the words, and nowhere the token. */
static void says_in_trail(struct paged *f, const char *invoice, const char *kind, const char *words, const char *token)
{
	struct json log = STORY_CTL(f->s, "trail", "log", invoice);

	for (size_t i = 0; i < json_len(&log); i++) {
		struct json one = json_at(&log, i), record = json_get(&one, "record"), index = json_get(&one, "index");
		CLEANUP(buf_clear) struct buf out = { 0 };

		if (strcmp(story_str(&record, "kind"), kind) != 0)
			continue;
		assert_int_equal(world_ctl(&f->s->world, (const char *const[]){ "trail", "show", "--parts", arena_printf(f->s->arena, "%lld", (long long)json_int(&index)),
			NULL }, &out), 0);
		if (!strstr(buf_str(&out), words) || strstr(buf_str(&out), token))
			fail_msg("%s", buf_str(&out));
		return;
	}
	fail_msg("no record %s of %s", kind, invoice);
}

/* --- the story ---------------------------------------------------------------------------------------------------------------------- */

static void who_looks_changes_nothing(void **state)
{
	static const char *const places[] = { "", "/paid", "/promise", "/dispute", "/ask", "/contact", "/stop", "/invoice.pdf", "/said/000000000000000000000000" };
	struct paged *f = *state;
	const char *link = page_story_link(&f->p, "inv_1"), *before = newest(f);

	/* as scanners of mail do: each link twice, with GET and with HEAD */
	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		for (int again = 0; again < 4; again++)
			if (ask(f, again % 2 ? "HEAD" : "GET", link, places[i], NULL) != 200 || (again % 2 && f->reply.body.len))
				fail_msg("%s is answered %ld", places[i], f->reply.status);
	assert_string_equal(newest(f), before);
	assert_int_equal(counted(f, "said"), 0);
	assert_string_equal(field(f, "inv_1", "action"), "contact");

	assert_int_equal(get(f, link, "?utm_source=mail"), 200);
	says(f, "<html lang=\"en\">");
	says(f, "Invoice F-inv_1");
	says(f, "\u20ac1,200.00");
	says(f, "href=\"https://pay.example/inv_1\"");
	says(f, "FR76 3000");
	says(f, f->p.digest);
	says_not(f, "<script");
	says_not(f, "compta@dupont.example"); /* who has the link need not know where else we write */
	says_not(f, "inv_2");
	says_not(f, "Set-Cookie");
	assert_string_equal(http_reply_header(&f->reply, "Content-Security-Policy", f->s->arena),
		"default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'");
	assert_string_equal(http_reply_header(&f->reply, "Cache-Control", f->s->arena), "no-store");
	assert_string_equal(http_reply_header(&f->reply, "Referrer-Policy", f->s->arena), "no-referrer");
	assert_null(http_reply_header(&f->reply, "Set-Cookie", f->s->arena));
	assert_int_equal(get(f, link, "/invoice.pdf"), 200);
	assert_string_equal(http_reply_header(&f->reply, "Content-Type", f->s->arena), "application/pdf");
	assert_string_equal(body(f), PAGE_STORY_PDF);
	assert_int_equal(get(f, "page.css", ""), 200);
	/* another language, kept from page to page; none that there is not */
	assert_int_equal(get(f, link, "/ask?utm_source=mail&l=de"), 200);
	says(f, "<html lang=\"de\">");
	says(f, "/ask?l=de\"");
	says(f, "lang=\"en\" hreflang=\"en\">English</a>");
	assert_int_equal(get(f, link, "?l=xx&l=d&l=../"), 200);
	says(f, "<html lang=\"en\">");
	says_not(f, "?l=xx");
	/* methods that are neither */
	assert_int_equal(ask(f, "PUT", link, "", NULL), 405);
	assert_int_equal(ask(f, "DELETE", link, "/paid", NULL), 405);
	assert_int_equal(ask(f, "POST", link, "", "token=x"), 405);
	assert_string_equal(newest(f), before);
}

/* The page that whoever holds no good link gets: always the same. */
static void forged_and_expired_links_lead_nowhere(void **state)
{
	struct paged *f = *state;
	const char *link = page_story_link(&f->p, "inv_1"), *page = NULL, *before = newest(f);
	const size_t len = strlen(link);
	const char *const links[] = { bad(f, link, 0), bad(f, link, 2), bad(f, link, 9), bad(f, link, len / 2), bad(f, link, len - 1),
		arena_printf(f->s->arena, "%s%s", link, "A"), arena_memdup(f->s->arena, link, len - 2), "x", "-", "AAAA",
		/* signed by nobody: the bytes of another invoice */ "AQEAAABRBWludl8yAAAAAAAAAAAAAAAAAAAAAA",
		page_story_signed(&f->p, "inv_1", 0, -2), page_story_signed(&f->p, "inv_1", 1, 90), page_story_signed(&f->p, "inv_9", 0, 90) };

	for (size_t i = 0; i < ARRAY_LEN(links); i++) {
		if (get(f, links[i], "") != 404)
			fail_msg("link %zu is answered %ld", i, f->reply.status);
		if (!page)
			page = arena_strdup(f->s->arena, body(f));
		assert_string_equal(body(f), page); /* nobody learns why */
	}
	assert_int_equal(say(f, links[3], "paid", "x", "&on=2026-04-02"), 404);
	says(f, "ne m\u00e8ne plus nulle part"); /* in the creditor's language: nobody is known */
	assert_int_equal(get(f, link, "/nothing"), 404);
	assert_int_equal(get(f, link, "/"), 404);
	assert_int_equal(get(f, link, "/said/0"), 404);
	assert_string_equal(newest(f), before);
}

static void only_its_own_fresh_form_is_taken(void **state)
{
	struct paged *f = *state;
	const char *one = page_story_link(&f->p, "inv_1"), *two = page_story_link(&f->p, "inv_2"), *before = newest(f), *page;
	const char *paid = token_of(f, one, "paid"), *dispute = token_of(f, one, "dispute"), *theirs = token_of(f, two, "paid");
	static const char fields[] = "&on=2026-04-02";

	assert_int_equal(say(f, one, "paid", "", fields), 403);
	page = arena_strdup(f->s->arena, body(f));
	says(f, "This was not recorded");
	assert_int_equal(say(f, one, "paid", bad(f, paid, 8), fields), 403); /* forged */
	assert_string_equal(body(f), page);
	assert_int_equal(say(f, one, "paid", dispute, fields), 403); /* of another action */
	assert_string_equal(body(f), page);
	assert_int_equal(say(f, one, "paid", theirs, fields), 403); /* of another invoice */
	assert_int_equal(say(f, page_story_signed(&f->p, "inv_1", 0, 80), "paid", paid, fields), 403); /* of another link */
	assert_int_equal(ask(f, "POST", one, "/paid", arena_printf(f->s->arena, "token=%s&token=%s%s", paid, paid, fields)), 403);
	assert_string_equal(newest(f), before);
	/* what is not right is said beside its field, and the form stays good */
	assert_int_equal(say(f, one, "paid", paid, ""), 422);
	says(f, "Please give a full date");
	says(f, "aria-invalid=\"true\"");
	says(f, "id=\"on-error\"");
	assert_int_equal(say(f, one, "paid", paid, "&on=2026-04-30&reference=%3Cb%3E%22x%22"), 422); /* in the future */
	says(f, "Please choose a day from 3 April 2025 to 3 April 2026.");
	says(f, "value=\"&lt;b&gt;&quot;x&quot;\"");
	assert_int_equal(say(f, one, "paid", paid, "&on=2026-04-02&reference=a%00b"), 422);
	assert_string_equal(newest(f), before);
}

static void what_was_paid_is_looked_for(void **state)
{
	struct paged *f = *state;
	const char *link = page_story_link(&f->p, "inv_1"), *token = token_of(f, link, "paid"), *to, *before;
	static const char fields[] = "&on=2026-04-02&reference=SEPA+F-inv_1+%C3%A9";

	assert_int_equal(say(f, link, "paid", token, fields), 303);
	to = http_reply_header(&f->reply, "Location", f->s->arena);
	story_applied(f->s);
	before = newest(f);
	/* sent twice is said once; the same form with other words is no form any more */
	assert_int_equal(say(f, link, "paid", token, fields), 303);
	assert_string_equal(http_reply_header(&f->reply, "Location", f->s->arena), to);
	assert_int_equal(say(f, link, "paid", token, "&on=2026-04-01"), 403);
	assert_string_equal(newest(f), before);
	assert_int_equal(get(f, to + 3, ""), 200);
	says(f, "You told us that you paid on 2 April 2026.");
	says(f, "your payment is on its way");
	/* its receipt is of this link alone */
	assert_int_equal(get(f, page_story_link(&f->p, "inv_2"), strstr(to, "/said/")), 200);
	says_not(f, "You told us");

	assert_string_equal(field(f, "inv_1", "action"), "hold");
	assert_string_equal(field(f, "inv_1", "rule"), "says_paid");
	assert_string_equal(field(f, "inv_1", "expected_on"), "2026-04-10");
	assert_string_equal(field(f, "inv_1", "hold_by"), "the debtor, on the page");
	assert_true(story_recorded(f->s, "inv_1", "payment.announced"));
	{
		CLEANUP(buf_clear) struct buf out = { 0 };

		assert_int_equal(world_ctl(&f->s->world, (const char *const[]){ "timeline", "inv_1", NULL }, &out), 0);
		assert_non_null(strstr(buf_str(&out), "until 2026-04-10, said on the page"));
	}
	/* the words are in the trail, the form's token is not */
	says_in_trail(f, "inv_1", "payment.announced", "SEPA F-inv_1 \u00e9", token);
	/* somebody looks, and once they found nothing the ladder goes on */
	story_wait_tasks(f->s, "find_payment:inv_1 ");
	(void)STORY_CTL(f->s, "task", "done", "find_payment:inv_1", "nothing of theirs came");
	story_wait_tasks(f->s, "");
	assert_string_not_equal(field(f, "inv_1", "action"), "hold");
}

static void the_rest_is_said(void **state)
{
	struct paged *f = *state;
	const char *two = page_story_link(&f->p, "inv_2"), *three = page_story_link(&f->p, "inv_3"), *four = page_story_link(&f->p, "inv_4"), *five;

	tell(f, two, "promise", "&on=2026-04-20", "You told us that you will pay by 20 April 2026.");
	assert_string_equal(field(f, "inv_2", "rule"), "promise");
	assert_int_equal(say(f, two, "promise", token_of(f, two, "promise"), "&on=2026-05-04"), 422); /* the policy waits for 30 days */
	says(f, "Please choose a day from 3 April 2026 to 3 May 2026.");
	/* as often as the policy has patience, not for ever anew */
	assert_non_null((get(f, two, ""), strstr(body(f), "/promise\"")));
	tell(f, two, "promise", "&on=2026-04-21", "You told us that you will pay by 21 April 2026.");
	assert_int_equal(get(f, two, ""), 200);
	says_not(f, "/promise\"");

	assert_int_equal(say(f, three, "dispute", token_of(f, three, "dispute"), "&reason=because"), 422);
	assert_int_equal(say(f, three, "dispute", token_of(f, three, "dispute"), "&reason=other"), 422);
	tell(f, three, "dispute", "&reason=quality&text=The+lid+is+broken.%0D%0ASee+the+%3Cphoto%3E.", "A person looks into it");
	assert_string_equal(field(f, "inv_3", "rule"), "dispute");
	assert_string_equal(field(f, "inv_3", "dispute_reason"), "quality");
	assert_int_equal(get(f, three, ""), 200);
	says(f, "something is wrong with this invoice. We send no reminders");
	assert_null(strstr(body(f), "/dispute\"")); /* once is enough, and nothing is promised meanwhile */
	assert_null(strstr(body(f), "/promise\""));

	assert_int_equal(say(f, four, "ask", token_of(f, four, "ask"), arena_printf(f->s->arena, "&text=%s", repeated(f, "a", 16001))), 422);
	says(f, repeated(f, "a", 16001)); /* nobody writes it twice */
	tell(f, four, "ask", arena_printf(f->s->arena, "&text=May+I+pay+in+three+parts%%3F%s", repeated(f, "%E2%82%AC", 3900)),
		"Your message is on its way to");
	assert_string_equal(field(f, "inv_4", "rule"), "reply");
	assert_true(story_recorded(f->s, "inv_4", "inbound.message"));

	five = page_story_link(&f->p, "inv_5");
	assert_int_equal(say(f, five, "contact", token_of(f, five, "contact"), "&name=Compta&email=not+one&phone="), 422);
	assert_int_equal(say(f, five, "contact", token_of(f, five, "contact"), "&name=Compta&email=&phone=01+23"), 422);
	tell(f, five, "contact", "&name=Service+Achats&email=achats%40dupont.example&phone=%2B33+(0)1+02+03+04+05", "You named another contact");
	says(f, "A person looks at it");
	assert_string_equal(field(f, "inv_5", "rule"), "reply");
	assert_string_equal(field(f, "inv_5", "hold_by"), "the debtor, on the page");
	assert_true(story_recorded(f->s, "inv_5", "inbound.message"));
	says_in_trail(f, "inv_5", "inbound.message", "achats@dupont.example", five);
}

/* The address of the offer on the page, behind the link's: "plan/<id>". */
static const char *offered(struct paged *f, const char *link, const char *kind)
{
	const char *before = arena_printf(f->s->arena, "%s/%s/", link, kind), *at;

	assert_int_equal(get(f, link, ""), 200);
	at = strstr(body(f), before);
	if (!at)
		fail_msg("there is no %s:\n%s", kind, body(f));
	return arena_printf(f->s->arena, "%s/%s", kind, (char *)arena_memdup(f->s->arena, at + strlen(before), 32));
}

static void same_plan(struct paged *f, const char *invoice, const char *other)
{
	static const char *const explained[] = { "action", "rule", "until", "expected_on" };
	struct json a = STORY_CTL(f->s, "plan", "list", invoice), b = STORY_CTL(f->s, "plan", "list", other), one = json_at(&a, 0), two = json_at(&b, 0),
		x = json_get(&one, "amount_minor"), y = json_get(&two, "amount_minor");

	assert_int_equal(json_len(&a), 1);
	assert_string_equal(story_str(&one, "state"), story_str(&two, "state"));
	assert_string_equal(story_str(&one, "until_on"), story_str(&two, "until_on"));
	assert_int_equal(json_int(&x), json_int(&y));
	for (size_t i = 0; i < ARRAY_LEN(explained); i++)
		assert_string_equal(field(f, invoice, explained[i]), field(f, other, explained[i]));
}

/* A plan, on the page by inv_6 and on the telephone by inv_7: the same agreement. Nobody else's form, nor that of another offer, is taken. */
static void an_offer_is_accepted_once(void **state)
{
	struct paged *f = *state;
	const char *six = page_story_link(&f->p, "inv_6"), *seven = page_story_link(&f->p, "inv_7"), *four = page_story_link(&f->p, "inv_4");
	const char *plan = offered(f, six, "plan"), *less = offered(f, six, "settlement"), *before = newest(f), *token, *settle, *to;
	static const char none[] = "plan/00000000000000000000000000000000";

	for (int again = 0; again < 4; again++) {
		assert_int_equal(ask(f, again % 2 ? "HEAD" : "GET", six, arena_printf(f->s->arena, "/%s", plan), NULL), 200);
		assert_int_equal(ask(f, again % 2 ? "HEAD" : "GET", six, arena_printf(f->s->arena, "/%s?l=de", less), NULL), 200);
	}
	token = token_of(f, six, plan);
	says(f, "<dt>16 April 2026</dt><dd>\u20ac171.48</dd>");
	says(f, "<dt>18 May 2026</dt><dd>\u20ac171.42</dd>");
	says(f, "<dt>In all</dt><dd>\u20ac1,200.00</dd>");
	settle = token_of(f, six, less);
	says(f, "<dt>To pay by 16 April 2026</dt><dd>\u20ac1,080.00</dd>");
	assert_int_equal(say(f, six, plan, settle, "&name=Ann"), 403); /* of the other offer */
	assert_int_equal(say(f, six, plan, token_of(f, six, "paid"), "&name=Ann"), 403);
	assert_int_equal(say(f, six, plan, token_of(f, seven, plan), "&name=Ann"), 403); /* the same offer, of another invoice */
	assert_int_equal(say(f, six, none, token, "&name=Ann"), 403); /* other terms */
	assert_int_equal(get(f, six, arena_printf(f->s->arena, "/%s", none)), 200);
	says_not(f, "<form");
	assert_int_equal(get(f, six, "/plan"), 404);
	assert_int_equal(get(f, six, "/plan/x"), 404);
	assert_int_equal(get(f, six, "/invoice.pdf/x"), 404);
	assert_int_equal(say(f, six, plan, token, "&name="), 422);
	says(f, "Please give your name.");
	says(f, "<dd>\u20ac171.48</dd>");
	assert_string_equal(newest(f), before);

	assert_int_equal(say(f, six, plan, token, "&name=Ann+Roy"), 303);
	to = http_reply_header(&f->reply, "Location", f->s->arena);
	assert_int_equal(get(f, to + 3, ""), 200);
	says(f, "You accepted our offer: 7 instalments, \u20ac1,200.00 in all.");
	story_applied(f->s);
	before = newest(f);
	assert_int_equal(say(f, six, plan, token, "&name=Ann+Roy"), 303); /* sent twice */
	assert_int_equal(say(f, six, plan, token, "&name=Bob"), 403);
	assert_int_equal(say(f, six, less, settle, "&name=Ann"), 409); /* one alone */
	says(f, "We agreed on instalments.");
	says(f, "<dt>16 April 2026</dt><dd>\u20ac171.48</dd>");
	says_not(f, "/settlement/");
	assert_string_equal(newest(f), before);
	(void)STORY_CTL(f->s, "offer", "accept", "inv_7", "parts:7/30", "on the telephone");
	story_applied(f->s);
	same_plan(f, "inv_6", "inv_7");
	assert_string_equal(field(f, "inv_6", "rule"), "plan");
	assert_string_equal(field(f, "inv_6", "hold_by"), "the debtor, on the page");
	says_in_trail(f, "inv_6", "plan.agreed", "Ann Roy", token);
	says_in_trail(f, "inv_6", "plan.agreed", "17148", token);

	tell(f, four, offered(f, four, "settlement"), "&name=Ann+Roy", "You accepted our offer: \u20ac1,080.00 by 16 April 2026 settles invoice F-inv_4.");
	assert_true(story_recorded(f->s, "inv_4", "settlement.agreed"));
	assert_int_equal(get(f, four, ""), 200);
	says(f, "We agreed: once \u20ac1,080.00 is paid by 16 April 2026, this invoice is settled.");
	assert_int_equal(json_len((struct json[]){ STORY_CTL(f->s, "dead", "list") }), 0);
}

static int open_to(struct paged *f)
{
	const struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)f->p.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

static void send_text(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* The status of the answer; 0: it hung up without one. Closes. */
static int status_of(int fd)
{
	char head[13] = "";
	int status = 0;

	if (recv(fd, head, 12, MSG_WAITALL) == 12)
		(void)sscanf(head, "HTTP/1.%*d %d", &status);
	close(fd);
	return status;
}

static const char *posted(struct paged *f, const char *link, const char *action, const char *headers, const char *text)
{
	return arena_printf(f->s->arena, "POST /p/%s/%s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %zu\r\n\r\n%s", link, action, headers, strlen(text), text);
}

#define FORM "Content-Type: application/x-www-form-urlencoded\r\n"

/* A finger that is quicker than Redis: all are under way before one is saved, and one alone is kept. */
static void four_times_at_once_is_once(void **state)
{
	struct paged *f = *state;
	const char *link = page_story_link(&f->p, "inv_7"), *text = arena_printf(f->s->arena, "token=%s&text=Twice", token_of(f, link, "ask"));
	int64_t before = counted(f, "said");
	int fds[4];

	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = open_to(f);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		send_text(fds[i], posted(f, link, "ask", FORM, text));
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		assert_int_equal(status_of(fds[i]), 303);
	assert_int_equal(counted(f, "said"), before + 1);
	/* whoever leaves before the answer has said it all the same */
	fds[0] = open_to(f);
	send_text(fds[0], posted(f, link, "ask", FORM, arena_printf(f->s->arena, "token=%s&text=Gone", token_of(f, link, "ask"))));
	close(fds[0]);
	for (int64_t end = real_ms() + 20000; counted(f, "said") != before + 2; pause_ms(5))
		assert_true(real_ms() < end);
	story_applied(f->s);
}

static void what_is_no_plain_form_is_refused(void **state)
{
	struct paged *f = *state;
	const char *link = page_story_link(&f->p, "inv_7"), *token = token_of(f, link, "ask"), *before = newest(f);
	const char *text = arena_printf(f->s->arena, "token=%s&text=x", token);
	char *large = arena_alloc(f->s->arena, 70001);
	const struct {
		const char *request;
		int status;
	} rows[] = {
		{ posted(f, link, "ask", "Content-Type: text/plain\r\n", text), 403 },
		{ posted(f, link, "ask", "", text), 403 },
		/* whole as either: an evhttp that reads chunks would wait for the end of them */
		{ posted(f, link, "ask", FORM "Transfer-Encoding: chunked\r\n", arena_printf(f->s->arena, "%zx\r\n%s\r\n0\r\n\r\n", strlen(text), text)), 400 },
		{ posted(f, link, "ask", FORM "Content-Length: 3\r\n", text), 400 },
		{ posted(f, link, "ask", FORM "Host: y\r\n", text), 400 },
		{ posted(f, link, "ask", FORM, arena_printf(f->s->arena, "%s&text=y", text)), 422 },
		{ posted(f, link, "ask", FORM, arena_printf(f->s->arena, "%s%%", text)), 403 },
		{ posted(f, link, "ask", FORM, (memset(large, 'x', 70000), large)), 413 },
		{ arena_printf(f->s->arena, "GET http://x/p/%s HTTP/1.1\r\nHost: x\r\n\r\n", link), 400 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int fd = open_to(f), status;

		(void)!send(fd, rows[i].request, strlen(rows[i].request), MSG_NOSIGNAL); /* it may be refused before its end */
		status = status_of(fd);
		if (status != rows[i].status)
			fail_msg("request %zu is answered %d", i, status);
	}
	assert_string_equal(newest(f), before);
}

/* The daemon's own file says who gave out which link; what opens the page stands nowhere. */
static void link_is_recorded(struct paged *f, const char *link)
{
	char id[LINK_ID_SIZE];

	for (int64_t end = real_ms() + 20000;; pause_ms(20)) {
		struct json log = STORY_CTL(f->s, "trail", "log", "--customer", "~system");

		for (size_t i = 0; i < json_len(&log); i++) {
			CLEANUP(buf_clear) struct buf text = { 0 };
			struct json one = json_at(&log, i), record = json_get(&one, "record");

			if (strcmp(story_str(&record, "kind"), "link.made") != 0)
				continue;
			assert_string_equal(story_str(&record, "link"), page_link_id(link, id));
			assert_string_equal(story_str(&record, "invoice"), "inv_5");
			assert_memory_equal(story_str(&record, "actor"), "person:", 7);
			json_write(&text, &record);
			assert_null(strstr(buf_str(&text), link));
			return;
		}
		assert_true(real_ms() < end);
	}
}

static void a_contact_and_a_stop(void **state)
{
	struct paged *f = *state;
	const char *link = page_story_link(&f->p, "inv_5"), *printed;

	/* whom we write to is for a person to change */
	page_story_debtor_says(&f->p, "cus_inv_5", "compta@dupont.example");
	assert_null(strstr(world_redis(&f->s->world, f->s->arena, (const char *const[]){ "GET", world_key(&f->s->world, f->s->arena, "debtor:cus_inv_5"),
		NULL })->str, "achats@"));
	tell(f, link, "stop", "", "You will get no more e-mails from us.");
	says_not(f, "/stop\"");
	page_story_debtor_says(&f->p, "cus_inv_5", "\"opt_out_email\":{\"on\":true");
	/* a link given out by hand knows no channel */
	printed = page_story_printed(&f->p, "inv_5");
	assert_int_equal(get(f, printed, ""), 200);
	says_not(f, "/stop\"");
	link_is_recorded(f, printed);
}

/*
 * Who has a mail server alone, and no webhooks: the head of a mail names this page, and its reader's program stops mail there with one click, at once
 * and for all invoices of the debtor. Looking does not, nor does a form of nobody's, nor what is asked by the link of another invoice's action.
 */
static void one_click_in_a_mail_program(void **state)
{
	static const char click[] = "List-Unsubscribe=One-Click";
	struct paged *f = *state;
	const char *link = page_story_link(&f->p, "inv_8");
	struct json said = world_ask_sandbox(&f->s->world, f->s->arena, "/messages?invoice=inv_8"), messages = json_get(&said, "messages"),
		    one = json_at(&messages, 0);
	const char *head = story_str(&one, "list_unsubscribe");

	if (!strstr(head, arena_printf(f->s->arena, "/p/%s/stop>", link)))
		fail_msg("%s is another page than %s", head, link);
	assert_int_equal(get(f, link, "/stop"), 200);
	assert_int_equal(ask(f, "POST", link, "/stop", "List-Unsubscribe=No"), 403);
	assert_int_equal(ask(f, "POST", link, "/ask", click), 403);
	assert_true(ask(f, "POST", bad(f, link, 20), "/stop", click) >= 400);
	story_applied(f->s);
	assert_null(strstr(world_redis(&f->s->world, f->s->arena, (const char *const[]){ "GET", world_key(&f->s->world, f->s->arena, "debtor:cus_inv_8"),
		NULL })->str, "opt_out"));
	assert_int_equal(ask(f, "POST", link, "/stop", click), 200);
	says(f, "This is done");
	story_applied(f->s);
	page_story_debtor_says(&f->p, "cus_inv_8", "\"opt_out_email\":{\"on\":true");
	assert_int_equal(ask(f, "POST", link, "/stop", click), 200); /* again */
	says_in_trail(f, "inv_8", "consent.withdrawn", "\"channel\":\"email\"", link);
}

static void what_is_paid_or_over_asks_for_nothing(void **state)
{
	struct paged *f = *state;
	const char *link = page_story_link(&f->p, "inv_1"), *token = token_of(f, link, "ask");

	story_event(f->s, "invoice.payment_received", "inv_1", "2026-04-03T07:00:00Z", ",\"payment_id\":\"x\",\"amount_minor\":120000");
	assert_int_equal(get(f, link, ""), 200);
	says(f, "This invoice is settled. Thank you!");
	says_not(f, "pay.example");
	says_not(f, "<form");
	assert_int_equal(get(f, link, "/ask"), 200);
	says_not(f, "<form");
	assert_int_equal(say(f, link, "ask", token, "&text=Hello"), 409);
	says(f, "This invoice is settled. Thank you!");
	assert_int_equal(counted(f, "said"), 12);
}

/* Who says something while Redis is away is asked to try again, and it counts then. */
static void what_cannot_be_saved_is_not_taken(void **state)
{
	struct paged *f = *state;
	const char *link = page_story_link(&f->p, "inv_7"), *token = token_of(f, link, "ask");
	int64_t deadline = real_ms() + 20000, said = counted(f, "said");
	long status;

	process_kill(&f->s->world.redis);
	assert_int_equal(say(f, link, "ask", token, "&text=Hello"), 503);
	assert_non_null(http_reply_header(&f->reply, "Retry-After", f->s->arena));
	world_fires_above(&f->s->world, "DunningdPageUnsaved", "dunningd_page_total{result=\"unsaved\"}", 0);
	assert_int_equal(counted(f, "said"), said);
	world_restart_redis(&f->s->world);
	while ((status = say(f, link, "ask", token, "&text=Hello")) == 503 && real_ms() < deadline)
		pause_ms(50);
	assert_int_equal(status, 303);
	assert_int_equal(counted(f, "said"), said + 1);
}

static void too_often_is_told_kindly(void **state)
{
	struct paged *f = *state;
	const char *link = page_story_signed(&f->p, "inv_6", 0, 60);
	long status = 0;
	int n = 0;

	while (n < 40 && (status = say(f, link, "paid", "x", "")) == 403)
		n++;
	assert_int_equal(status, 429);
	assert_int_equal(n, 20);
	assert_non_null(http_reply_header(&f->reply, "Retry-After", f->s->arena));
	says(f, "Merci de r\u00e9essayer un peu plus tard"); /* who signed it named no language */
	assert_int_equal(get(f, link, ""), 200); /* it can still be read */
	/* a document is read and held whole: fewer of them at once, and none for a look */
	link = page_story_printed(&f->p, "inv_1");
	for (n = 0; n < 20; n++)
		assert_int_equal(ask(f, "HEAD", link, "/invoice.pdf", NULL), 200);
	for (n = 0, status = 0; n < 40 && (status = get(f, link, "/invoice.pdf")) == 200;)
		n++;
	assert_int_equal(status, 429);
	assert_true(n >= 6);
	story_ends_well(f->s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_looks_changes_nothing),
		cmocka_unit_test(forged_and_expired_links_lead_nowhere),
		cmocka_unit_test(only_its_own_fresh_form_is_taken),
		cmocka_unit_test(what_was_paid_is_looked_for),
		cmocka_unit_test(the_rest_is_said),
		cmocka_unit_test(an_offer_is_accepted_once),
		cmocka_unit_test(four_times_at_once_is_once),
		cmocka_unit_test(what_is_no_plain_form_is_refused),
		cmocka_unit_test(a_contact_and_a_stop),
		cmocka_unit_test(one_click_in_a_mail_program),
		cmocka_unit_test(what_is_paid_or_over_asks_for_nothing),
		cmocka_unit_test(what_cannot_be_saved_is_not_taken),
		cmocka_unit_test(too_often_is_told_kindly),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
