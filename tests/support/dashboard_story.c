#include "tests/support/dashboard_story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/date.h"

#define AT "2026-04-09T13:30:00Z"

static const char policy[] = "{\"name\":\"talk\",\"title\":\"Reminders, step by step\",\"caps\":[{\"contacts\":2,\"days\":7}],\"min_gap\":\"48h\","
	"\"promise\":{\"within\":\"30d\",\"most\":2},"
	"\"steps\":[{\"id\":\"reminder\",\"at\":\"due+1d\",\"channel\":\"email\",\"template\":\"reminder\",\"tone\":\"friendly\"},"
	"{\"id\":\"call\",\"at\":\"due+6d\",\"channel\":\"call\",\"template\":\"call_script\",\"tone\":\"neutral\",\"deadline\":\"4bd\"},"
	"{\"id\":\"second\",\"at\":\"due+12d\",\"channel\":\"email\",\"template\":\"reminder\",\"tone\":\"firm\"},"
	"{\"id\":\"worth-it\",\"at\":\"due+20d\",\"gate\":\"decision\",\"role\":\"owner\"}]}";

/* 300 characters, and hardly a place to break it. */
static const char long_name[] = "Éditions du Lac Gesellschaftfuerdasverlegenvonbuechernundanderendrucker"
	"zeugnissenGesellschaftfuerdasverlegenvonbuechernundanderendruckerzeugni"
	"ssenGesellschaftfuerdasverlegenvonbuechernundanderendruckerzeugnissenGe"
	"sellschaftfuerdasverlegenvonbuechernundanderendruckerzeugnissenGesellsc"
	"haftfuerdasverle";

static void push(struct dashboard_story *d, const char *invoice, const char *name, date due, int64_t total)
{
	struct story *s = &d->story;
	char issued[DATE_TEXT_SIZE], due_on[DATE_TEXT_SIZE];
	const char *event;

	date_format(date_add_days(due, -30), issued);
	date_format(due, due_on);
	event = arena_printf(s->arena, "{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"https://billing.example/board\",\"type\":\"invoice.finalized\","
		"\"time\":\"%sT08:00:00Z\","
		"\"data\":{\"invoice\":{\"id\":\"%s\",\"number\":\"F-2026-%s\",\"version\":1,\"status\":\"open\",\"issued_on\":\"%s\",\"due_on\":\"%s\","
		"\"currency\":\"EUR\","
		"\"total_minor\":%lld,\"due_minor\":%lld,\"payment_url\":\"https://pay.example/%s\"},"
		"\"customer\":{\"id\":\"cus-%s\",\"name\":\"%s\",\"country\":\"FR\","
		"\"kind\":\"company\",\"locale\":\"fr-FR\",\"timezone\":\"Europe/Paris\",\"contacts\":[{\"id\":\"c1\",\"role\":\"billing\",\"name\":\"Mme Roy\","
		"\"email\":\"compta@%s.example\",\"phone\":\"+33100000000\"}]}}}",
		invoice, issued, invoice, invoice, issued, due_on, (long long)total, (long long)total, invoice, invoice, name, invoice);
	world_push(&s->world, event, strlen(event));
}

static void push_paid(struct dashboard_story *d, int month)
{
	struct story *s = &d->story;
	date due = date_add_days(date_add_months(date_of(2026, 2, 10), -month), month % 5);
	const char *invoice = arena_printf(s->arena, "old-%d", month);
	char paid_on[DATE_TEXT_SIZE];

	push(d, invoice, "Ancien & Fils", due, 250000 + 40000 * (month % 4));
	date_format(date_add_days(due, 4 + month * 7 % 19), paid_on);
	story_event(s, "invoice.payment_received", invoice, arena_printf(s->arena, "%sT10:00:00Z", paid_on),
		arena_printf(s->arena, ",\"payment_id\":\"pay-%d\",\"amount_minor\":%d,\"paid_at\":\"%sT10:00:00Z\"", month, 250000 + 40000 * (month % 4),
		paid_on));
}

void dashboard_story_open(struct dashboard_story *d, int months)
{
	struct story *s = &d->story;

	d->port = world_free_port();
	story_open(s, policy, "2026-03-02T08:00:00Z");
	world_put(&s->world, "credentials/dashboard-nora", DASHBOARD_READER "\n");
	world_put(&s->world, "credentials/dashboard-anne", DASHBOARD_ACTOR "\n");
	world_configure(&s->world, "\"creditor\":", arena_printf(s->arena, "\"dashboard\":{\"listen\":\"127.0.0.1:%d\",\"tokens\":{"
		"\"Nora\":{\"credential\":\"dashboard-nora\","
		"\"scope\":\"read\"},\"Anne Roy\":{\"credential\":\"dashboard-anne\",\"scope\":\"act\"}}},\"creditor\":", d->port));
	for (int m = 0; m < months; m++)
		push_paid(d, m);
	push(d, "lid-1", "Dupont SARL", date_of(2026, 4, 2), 120000);
	push(d, "lid-2", "Boulangerie Martin", date_of(2026, 3, 20), 84050);
	push(d, "lid-3", "Garage du Port", date_of(2026, 3, 30), 240000);
	push(d, "lid-4", "Café de la Gare", date_of(2026, 4, 8), 39900);
	push(d, "lid-5", "Müller GmbH", date_of(2026, 3, 19), 1250000);
	push(d, "lid-6", "<script>alert(1)</script> & \\\"Söhne\\\"", date_of(2026, 4, 30), 55500);
	push(d, "lid-7", long_name, date_of(2025, 12, 12), 310000);
	story_applied(s);
	story_event(s, "dispute.opened", "lid-2", "2026-03-02T08:00:00Z", ",\"dispute_id\":\"d1\",\"reason\":\"quality\"");
	story_until(s, "2026-04-01T09:00:00Z");
	story_event(s, "promise.made", "lid-3", "2026-04-01T08:00:00Z", ",\"promise_id\":\"p1\",\"until_on\":\"2026-04-20\"");
	story_until(s, AT);
}

void dashboard_story_close(struct dashboard_story *d)
{
	story_close(&d->story);
}

const char *dashboard_story_url(struct dashboard_story *d, const char *path)
{
	return arena_printf(d->story.arena, "http://127.0.0.1:%d%s", d->port, path);
}

/* Each stands in the system case; the log names that as a customer. */
int64_t dashboard_story_readings(struct dashboard_story *d, const char *customer)
{
	struct story *s = &d->story;
	struct json log = STORY_CTL(s, "trail", "log", "--customer", "~system"), records = log.type == JSON_ARRAY ? log : json_get(&log, "records");
	int64_t n = 0;

	for (size_t i = 0; i < json_len(&records); i++) {
		struct json one = json_at(&records, i);
		CLEANUP(buf_clear) struct buf text = { 0 };

		json_write(&text, &one);
		n += strstr(buf_str(&text), "read.made") && strstr(buf_str(&text), customer);
	}
	return n;
}
