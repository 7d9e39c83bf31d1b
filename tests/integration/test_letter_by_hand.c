/*
 * A letter where nobody but a person posts letters: the daemon starts, makes the PDF, and opens a task; the step is done when the person says
 * so, falls away with the payment, and nothing of it goes to any provider.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/file.h"
#include "tests/support/world.h"

#define WAIT_MS 30000

static const char event[] =
	"{\"specversion\":\"1.0\",\"id\":\"%s-%s\",\"source\":\"https://billing.example/eu\",\"type\":\"invoice.%s\","
	"\"time\":\"2026-03-02T09:00:0%dZ\",\"data\":{\"invoice\":{\"id\":\"%s\",\"number\":\"F-%s\",\"version\":%d,\"issued_on\":\"2026-03-02\","
	"\"due_on\":\"2026-04-01\",\"currency\":\"EUR\",\"total_minor\":120000,\"paid_minor\":%d,\"due_minor\":%d},"
	"\"customer\":{\"id\":\"cus_%s\",\"name\":\"Dupont SARL\",\"country\":\"FR\",\"kind\":\"company\",\"locale\":\"fr-FR\",\"timezone\":\"Europe/Paris\","
	"\"postal\":{\"line1\":\"12 rue X\",\"postcode\":\"69002\",\"city\":\"Lyon\"},"
	"\"contacts\":[{\"id\":\"c1\",\"role\":\"billing\",\"email\":\"compta@dupont.example\"}]}}}";
static const char policy[] =
	"{\"name\":\"now\",\"title\":\"at once\",\"window\":{\"zone\":\"debtor\",\"days\":\"mon-sun\",\"hours\":\"00:00-24:00\"},"
	"\"caps\":[],\"min_gap\":\"0h\",\"group\":\"none\",\"late\":{\"regime\":\"FR-B2B\"},"
	"\"steps\":[{\"id\":\"formal\",\"at\":\"due+30d\",\"channel\":\"letter\",\"delivery\":\"registered\",\"deadline\":\"10d\",\"fees\":true,"
	"\"template\":\"formal_notice_fr\",\"tone\":\"legal\",\"if\":{\"kinds\":[\"company\"],\"countries\":[\"FR\"]}},"
	"{\"id\":\"after\",\"at\":\"formal+14d\",\"gate\":\"decision\",\"role\":\"owner\"}]}";

struct handed {
	struct world world;
	struct arena *arena;
};

static int setup(void **state)
{
	struct handed *h = calloc(1, sizeof(*h));

	h->arena = arena_create();
	world_open(&h->world, &(struct world_options){ 0 });
	world_put(&h->world, "policies/now.json", policy);
	world_start(&h->world, NULL);
	if (!world_ready(&h->world, WAIT_MS))
		return -1;
	*state = h;
	return 0;
}

static int teardown(void **state)
{
	struct handed *h = *state;

	world_close(&h->world, false);
	arena_free(h->arena);
	free(h);
	return 0;
}

static void push(struct handed *h, const char *id, bool paid)
{
	const char *text = arena_printf(h->arena, event, paid ? "p" : "f", id, paid ? "paid" : "finalized", paid ? 9 : 0, id, id, paid ? 2 : 1,
		paid ? 120000 : 0, paid ? 0 : 120000, id);

	world_push(&h->world, text, strlen(text));
	assert_true(world_quiet(&h->world, WAIT_MS));
}

static const char *said(struct handed *h, const char *const *words, int status)
{
	CLEANUP(buf_clear) struct buf output = { 0 };
	int r = world_ctl(&h->world, words, &output);

	if (r != status)
		fail_msg("%s: %d, %s", words[0], r, buf_str(&output));
	return arena_strdup(h->arena, buf_str(&output));
}

static const char *document(struct handed *h, const char *key)
{
	const struct redis_reply *reply = world_redis(&h->world, h->arena, (const char *const[]){ "GET", world_key(&h->world, h->arena, key), NULL });

	return reply->type == REDIS_STRING ? reply->str : "";
}

static void assert_has(const char *text, const char *what)
{
	if (!strstr(text, what))
		fail_msg("\"%s\" is not in %s", what, text);
}

static void a_person_prints_and_posts(void **state)
{
	struct handed *h = *state;
	CLEANUP(buf_clear) struct buf pdf = { 0 };
	const char *path = arena_printf(h->arena, "%s/letter.pdf", h->world.dir);

	push(h, "one", false);
	assert_has(said(h, (const char *const[]){ "tasks", "--script", NULL }, 0), "Print and post, registered: Dupont SARL, 12 rue X, 69002 Lyon, FR");
	assert_has(document(h, "escalation:one"), "\"state\":\"task\"");
	assert_has(said(h, (const char *const[]){ "explain", "one", NULL }, 0), "post:one:formal");
	assert_has(said(h, (const char *const[]){ "task", "letter", "post:one:formal", path, NULL }, 0), "task done post:one:formal");
	assert_int_equal(file_read(path, 1 << 20, &pdf, NULL), 0);
	assert_memory_equal(pdf.data, "%PDF-", 5);
	assert_true(pdf.len > 10000);
	assert_has(said(h, (const char *const[]){ "trail", "log", "--customer", "cus_one", "--parts", NULL }, 0),
		arena_printf(h->arena, "letter.pdf: %zu bytes, application/pdf", pdf.len)); /* these, and nothing else */
	assert_has(said(h, (const char *const[]){ "task", "letter", "post:two:formal", path, NULL }, 1), "no open task");
	(void)said(h, (const char *const[]){ "task", "done", "post:one:formal", "posted, RA 123", NULL }, 0);
	for (int64_t deadline = real_ms() + WAIT_MS; !strstr(document(h, "escalation:one"), "\"state\":\"waiting\"") && real_ms() < deadline;)
		pause_ms(20);
	assert_has(document(h, "escalation:one"), "\"state\":\"waiting\"");
	assert_has(document(h, "escalation:one"), "post:one:formal"); /* the proof of the step */
	assert_has(document(h, "debtor:cus_one"), ",3,\"post:one:formal@"); /* a contact, by CHANNEL_LETTER */
	assert_null(strstr(said(h, (const char *const[]){ "tasks", NULL }, 0), "post:one:formal"));
}

static void told(struct handed *h, const char *id, const char *status)
{
	const char *text = arena_printf(h->arena, "{\"specversion\":\"1.0\",\"id\":\"%s-%s\",\"source\":\"https://post.example\","
		"\"type\":\"letter.status_updated\",\"time\":\"2026-12-02T09:00:00Z\",\"data\":{\"invoice_id\":\"%s\",\"status\":\"%s\","
		"\"tracking\":\"RA 123\",\"carrier\":\"La Poste\"}}", id, status, id, status);

	world_push(&h->world, text, strlen(text));
	assert_true(world_quiet(&h->world, WAIT_MS));
}

/* Row 41's formal notice comes back: not fetched, which a person weighs; or from a house where nobody is, and then it is owed to another address. */
static void what_the_carrier_tells(void **state)
{
	struct handed *h = *state;
	const char *log;

	told(h, "one", "posted");
	told(h, "one", "delivered_to_mars"); /* evidence and no more */
	assert_null(strstr(said(h, (const char *const[]){ "tasks", NULL }, 0), "letter_unclaimed"));
	told(h, "one", "unclaimed");
	told(h, "one", "unclaimed");
	assert_has(said(h, (const char *const[]){ "tasks", NULL }, 0), "letter_unclaimed:one");
	assert_has(said(h, (const char *const[]){ "show", "one", NULL }, 0), "unclaimed"); /* beside the step that it was */
	log = said(h, (const char *const[]){ "--json", "trail", "log", "--customer", "cus_one", NULL }, 0);
	assert_has(log, "\"letter\":\"unclaimed\"");
	assert_has(log, "\"tracking\":\"RA 123\"");
	assert_has(log, "\"attempt\":\"post:one:formal\""); /* the post office knows an invoice, not our ids */
	told(h, "one", "returned");
	assert_has(document(h, "debtor:cus_one"), "[\"12 rue X, 69002 Lyon, FR\",3,true,"); /* nobody is there */
	assert_has(said(h, (const char *const[]){ "tasks", NULL }, 0), "no_address:one:formal");
}

static void a_payment_takes_it_back(void **state)
{
	struct handed *h = *state;

	push(h, "two", false);
	assert_has(said(h, (const char *const[]){ "tasks", NULL }, 0), "post:two:formal");
	push(h, "two", true);
	assert_null(strstr(said(h, (const char *const[]){ "tasks", NULL }, 0), "post:two:formal"));
	assert_has(document(h, "escalation:two"), "\"state\":\"closed\"");
}

static void nothing_went_out(void **state)
{
	struct handed *h = *state;
	struct json counts = world_ask_sandbox(&h->world, h->arena, "/counts"), requests = json_get(&counts, "requests");

	assert_int_equal(json_int(&requests), 0);
	assert_int_equal(process_stop(&h->world.daemon, WAIT_MS), 0);
	assert_true(world_trail_verifies(&h->world));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_person_prints_and_posts),
		cmocka_unit_test(what_the_carrier_tells),
		cmocka_unit_test(a_payment_takes_it_back),
		cmocka_unit_test(nothing_went_out),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
