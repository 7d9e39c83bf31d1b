#include "tests/support/page_story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/file.h"
#include "common/hash.h"
#include "common/token.h"
#include "common/utc.h"

#define AT "2026-04-03T08:00:00Z"

static const char policy[] = "{\"name\":\"talk\",\"title\":\"talk\",\"caps\":[{\"contacts\":2,\"days\":7}],\"min_gap\":\"48h\","
	"\"promise\":{\"within\":\"30d\",\"most\":2},"
	"\"steps\":[{\"id\":\"reminder\",\"at\":\"due+1d\",\"channel\":\"email\",\"template\":\"compromise\",\"tone\":\"friendly\",\"offers\":["
	"{\"code\":\"less\",\"percent\":10,\"within\":\"14d\",\"approved_by\":\"Mme Durand\"},"
	"{\"code\":\"parts:7/30\",\"instalments\":7,\"every\":\"30d\",\"within\":\"14d\",\"approved_by\":\"Mme Durand\"}]},"
	"{\"id\":\"second\",\"at\":\"due+12d\",\"channel\":\"email\",\"template\":\"reminder\",\"tone\":\"neutral\"}]}";

static void push(struct page_story *p, size_t i, const struct page_debtor *debtor)
{
	struct story *s = &p->story;
	const char *number = debtor->number ? debtor->number : arena_printf(s->arena, "F-inv_%zu", i);
	long long total = debtor->total_minor ? debtor->total_minor : 120000;
	const char *event = arena_printf(s->arena, "{\"specversion\":\"1.0\",\"id\":\"inv-%zu\",\"source\":\"https://billing.example/page\",\"type\":\"invoice.finalized\","
		"\"time\":\"2026-03-02T08:00:00Z\",\"data\":{\"invoice\":{\"id\":\"inv_%zu\",\"number\":\"%s\",\"version\":1,\"status\":\"open\",\"issued_on\":\"2026-03-02\","
		"\"due_on\":\"2026-04-01\",\"currency\":\"EUR\",\"total_minor\":%lld,\"due_minor\":%lld,\"payment_url\":\"https://pay.example/inv_%zu\"%s%s%s},"
		"\"customer\":{\"id\":\"cus_inv_%zu\",\"name\":\"%s\",\"country\":\"FR\",\"kind\":\"company\",\"locale\":\"%s\","
		"\"timezone\":\"Europe/Paris\",\"contacts\":[{\"id\":\"c1\",\"role\":\"billing\",\"name\":\"%s\",\"email\":\"compta@dupont.example\","
		"\"phone\":\"+33100000000\"}]}}}", i, i, number, total, total, i, i == 1 ? ",\"pdf_sha256\":\"" : "", i == 1 ? p->digest : "",
		i == 1 ? "\"" : "", i, debtor->name ? debtor->name : "Dupont SARL", debtor->locale ? debtor->locale : "en-GB",
		debtor->contact ? debtor->contact : "Mme Roy");

	world_push(&s->world, event, strlen(event));
}

void page_story_open(struct page_story *p, const struct page_debtor *debtors, size_t count)
{
	uint8_t digest[SHA256_SIZE];
	struct story *s = &p->story;
	const char *dir;

	p->port = world_free_port();
	sha256(PAGE_STORY_PDF, strlen(PAGE_STORY_PDF), digest);
	hex_format(digest, sizeof(digest), p->digest);
	story_open(s, policy, "2026-03-31T08:00:00Z");
	for (size_t i = 0; i < count; i++)
		push(p, i + 1, &debtors[i]);
	story_applied(s);
	/* it starts anew to let time pass */
	dir = arena_printf(s->arena, "%s/documents", s->world.dir);
	assert_int_equal(file_make_dirs(dir, 0700), 0);
	world_put(&s->world, arena_printf(s->arena, "documents/%s.pdf", p->digest), PAGE_STORY_PDF);
	world_configure(&s->world, "\"creditor\":", arena_printf(s->arena, "\"page\":{\"listen\":\"127.0.0.1:%d\",\"public_url\":\"" PAGE_STORY_URL
		"\"},\"documents\":{\"dir\":\"%s\"},\"creditor\":", p->port, dir));
	world_measure(&s->world);
	story_until(s, AT);
	for (size_t i = 0; i < count; i++)
		story_sent_is(&p->story, arena_printf(p->story.arena, "inv_%zu", i + 1), "reminder 2026-04-02\n");
}

void page_story_close(struct page_story *p)
{
	story_close(&p->story);
}

const char *page_story_link(struct page_story *p, const char *invoice)
{
	const char *at = strstr(story_text(&p->story, invoice, "reminder"), PAGE_STORY_URL "/p/");

	assert_non_null(at);
	at += strlen(PAGE_STORY_URL "/p/");
	return arena_memdup(p->story.arena, at, strcspn(at, " \r\n"));
}

const char *page_story_printed(struct page_story *p, const char *invoice)
{
	struct json said = STORY_CTL(&p->story, "link", invoice);
	const char *url = story_str(&said, "url");

	assert_int_equal(strncmp(url, PAGE_STORY_URL "/p/", strlen(PAGE_STORY_URL "/p/")), 0);
	return url + strlen(PAGE_STORY_URL "/p/");
}

const char *page_story_signed(struct page_story *p, const char *invoice, int newer, int days)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	uint8_t key[32];
	const struct token_keys keys = { key, 1 + newer, 1 };
	int64_t now = 0;
	struct page_link link = { .channel = CHANNEL_EMAIL, .invoice_id = invoice };

	assert_int_equal(file_read(arena_printf(p->story.arena, "%s/credentials/install-key", p->story.world.dir), 1000, &text, NULL), 0);
	assert_int_equal(hex_parse(text.data, sizeof(key), key), 0);
	assert_int_equal(utc_parse(AT, &now), 0);
	link.last_on.days = (int32_t)(now / DAY_MS) + days;
	return page_link_write(&keys, &link, p->story.arena);
}

void page_story_debtor_says(struct page_story *p, const char *customer, const char *needle)
{
	struct story *s = &p->story;
	const struct redis_reply *reply = world_redis(&s->world, s->arena,
		(const char *const[]){ "GET", world_key(&s->world, s->arena, arena_printf(s->arena, "debtor:%s", customer)), NULL });

	if (!reply->str || !strstr(reply->str, needle))
		fail_msg("%s does not hold %s: %s", customer, needle, reply->str ? reply->str : "(nothing)");
}
