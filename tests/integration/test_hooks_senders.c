/*
 * Who writes to us need not be the one that we wrote to last: every address among a debtor's contacts leads to it, an address that several share to all
 * of them, and what comes from nobody that is known is put before a person. In several partitions.
 */
#include "tests/integration/hooks_fixture.h"

#include "common/keys.h"
#include "common/utc.h"

#define PARTITIONS 4

static const char event[] =
	"{\"specversion\":\"1.0\",\"id\":\"f-ID\",\"source\":\"https://billing.example/eu\",\"type\":\"invoice.finalized\","
	"\"time\":\"2026-03-02T09:00:00Z\",\"data\":{\"invoice\":{\"id\":\"ID\",\"number\":\"F-ID\",\"version\":1,\"issued_on\":\"2026-03-02\","
	"\"due_on\":\"2026-04-01\",\"currency\":\"EUR\",\"total_minor\":120000,\"due_minor\":120000},"
	"\"customer\":{\"id\":\"CUS\",\"name\":\"Dupont SARL\",\"country\":\"FR\",\"locale\":\"fr-FR\",\"timezone\":\"Europe/Paris\","
	"\"contacts\":[{\"id\":\"c1\",\"role\":\"billing\",\"email\":\"bill@CUS.example\"},"
	"{\"id\":\"c2\",\"role\":\"manager\",\"email\":\"BOSS\",\"phone\":\"PHONE\"}]}}}";
static const char policy[] =
	"{\"name\":\"now\",\"title\":\"at once\",\"window\":{\"zone\":\"debtor\",\"days\":\"mon-sun\",\"hours\":\"00:00-24:00\"},"
	"\"caps\":[],\"min_gap\":\"0h\",\"same_day\":true,\"group\":\"none\","
	"\"steps\":[{\"id\":\"reminder\",\"at\":\"due+1d\",\"channel\":\"email\",\"template\":\"plain\",\"tone\":\"friendly\",\"else\":\"sms\"}]}";
static const char answer[] = "From: Boss <%s>\r\nMessage-ID: <%s@mail.example>\r\nSubject: votre facture\r\n\r\nNous avons pay\xc3\xa9 hier.\r\n";

struct senders {
	struct world world;
	int port;
};

static int setup(void **state)
{
	struct senders *s = calloc(1, sizeof(*s));
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	s->port = hooks_open(&s->world, &(struct world_options){ 0 });
	put_file(&s->world, arena, "policies/now.json", policy);
	put_file(&s->world, arena, "templates/fr/plain.sms", "Facture {{invoice.number}}");
	world_configure(&s->world, "\"creditor\":", "\"partitions\":4,\"creditor\":");
	world_start(&s->world, NULL);
	if (!world_ready(&s->world, WAIT_MS))
		return -1;
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct senders *s = *state;

	world_close(&s->world, false);
	free(s);
	return 0;
}

static struct keyspace place_of(struct senders *s, const char *customer)
{
	return (struct keyspace){ s->world.prefix, partition_of(customer, PARTITIONS) };
}

static void push(struct senders *s, struct arena *arena, const char *customer, const char *text)
{
	struct keyspace keys = place_of(s, customer);

	(void)world_redis(&s->world, arena, (const char *const[]){ "XADD", key_events(arena, &keys, NULL), "*", "event", text, NULL });
}

static const char *value(struct senders *s, struct arena *arena, const char *customer, const char *kind, const char *id)
{
	struct keyspace keys = place_of(s, customer);
	const char *argv[] = { "GET", key_of(arena, &keys, arena_printf(arena, "%s:%s", kind, id)), NULL };
	const struct redis_reply *reply = world_redis(&s->world, arena, argv);

	return reply->type == REDIS_STRING ? reply->str : "";
}

static void wait_says(struct senders *s, const char *customer, const char *kind, const char *id, const char *text)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	for (int64_t deadline = real_ms() + WAIT_MS; !strstr(value(s, arena, customer, kind, id), text); pause_ms(20))
		if (real_ms() > deadline)
			fail_msg("%s %s does not come to say %s: %s", kind, id, text, value(s, arena, customer, kind, id));
}

/* An invoice of a customer whose second contact has this address and number, written to at the first one's. */
static void owes(struct senders *s, struct arena *arena, const char *customer, const char *boss, const char *phone)
{
	push(s, arena, customer, replaced(arena, replaced(arena, replaced(arena, replaced(arena, event, "ID", customer), "CUS", customer), "BOSS", boss),
		"PHONE", phone));
	wait_says(s, customer, "escalation", customer, "\"end\":\"sent\"");
}

/* A later one of the same customer, not due yet. */
static void owes_again(struct senders *s, struct arena *arena, const char *customer, const char *boss, const char *phone)
{
	const char *id = arena_printf(arena, "%s-again", customer);
	const char *text = replaced(arena, replaced(arena, replaced(arena, replaced(arena, event, "ID", id), "CUS", customer), "BOSS", boss), "PHONE", phone);

	push(s, arena, customer, replaced(arena, replaced(arena, text, "2026-03-02", "2037-01-30"), "2026-04-01", "2037-04-01"));
	wait_says(s, customer, "escalation", id, "\"state\":\"");
}

static void give(struct senders *s, struct arena *arena, const char *text)
{
	text = arena_printf(arena, "POST /hooks/mailbox/another HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s", strlen(text), text);
	assert_int_equal(send_raw(s->port, text, strlen(text), WAIT_MS), 200);
}

static void tells(struct senders *s, struct arena *arena, const char *type, const char *address, const char *text)
{
	static int number;

	assert_int_equal(tell(s->port, arena_printf(arena, "{\"type\":\"%s\",\"address\":\"%s\",\"text\":\"%s\",\"event\":\"e%d\"}", type, address, text,
						   ++number)), 200);
}

static void mail(struct senders *s, struct arena *arena, const char *from, const char *id)
{
	give(s, arena, arena_printf(arena, answer, from, id));
}

/* How many debtors the address leads to. */
static int64_t leads_to(struct senders *s, struct arena *arena, const char *address)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	int64_t count = 0;
	uint8_t install[32];

	assert_int_equal(file_read(arena_printf(arena, "%s/credentials/install-key", s->world.dir), 1000, &text, NULL), 0);
	assert_int_equal(hex_parse(text.data, sizeof(install), install), 0);
	for (uint32_t p = 0; p < PARTITIONS; p++) {
		struct keyspace keys = { s->world.prefix, p };

		count += world_redis_int(&s->world, (const char *const[]){ "HLEN", key_address(arena, &keys, install, address), NULL });
	}
	return count;
}

static int64_t dead(struct senders *s, struct arena *arena)
{
	int64_t count = 0;

	for (uint32_t p = 0; p < PARTITIONS; p++)
		count += world_redis_int(&s->world, (const char *const[]){ "XLEN", world_key_in(&s->world, arena, p, "dead"), NULL });
	return count;
}

static void wait_dead(struct senders *s, struct arena *arena, int64_t count)
{
	for (int64_t deadline = real_ms() + WAIT_MS; dead(s, arena) != count && real_ms() < deadline; pause_ms(20))
		;
	assert_int_equal(dead(s, arena), count);
}

static void ctl_says(struct senders *s, const char *text, bool wanted, const char *const *words)
{
	CLEANUP(buf_clear) struct buf output = { 0 };

	for (int64_t deadline = real_ms() + WAIT_MS;; pause_ms(20)) {
		buf_reset(&output);
		(void)world_ctl(&s->world, words, &output);
		if ((strstr(buf_str(&output), text) != NULL) == wanted)
			return;
		if (real_ms() > deadline)
			fail_msg("%s: %s", text, buf_str(&output));
	}
}
#define CTL_SAYS(text, wanted, ...) ctl_says(s, text, wanted, (const char *const[]){ __VA_ARGS__, NULL })

/* Mail or SMS of a contact that we did not write to, about no message of ours: what is open waits, and a person answers. */
static void another_contact_answers(void **state)
{
	struct senders *s = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	owes(s, arena, "kc", "boss@kc.example", "+33639970777");
	mail(s, arena, "BOSS@kc.example", "kc1");
	wait_says(s, "kc", "escalation", "kc", "\"held\":\"reply\"");
	CTL_SAYS("answer_reply:kc", true, "tasks");
	CTL_SAYS("answer_reply:kc", true, "task", "done", "answer_reply:kc", "answered");
	CTL_SAYS("answer_reply:kc", false, "tasks");
	mail(s, arena, "boss@kc.example", "kc2"); /* whoever writes again is read again */
	CTL_SAYS("answer_reply:kc", true, "tasks");
	tells(s, arena, "replied", "+33639970777", "STOP");
	wait_says(s, "kc", "debtor", "kc", "\"opt_out_sms\":{\"on\":true");
	assert_int_equal(dead(s, arena), 0);
}

/* One house, two customers: whoever wants no more is not written to there for either, and whose answer it is nobody guesses. Told again, once. */
static void an_address_of_two(void **state)
{
	struct senders *s = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *const names[] = { "two-a", "two-b", "two-c", "two-d", "two-e" };
	const char *before[ARRAY_LEN(names)];
	unsigned seen = 0;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		owes(s, arena, names[i], "books@both.example", "+33639970778");
		seen |= 1u << place_of(s, names[i]).partition;
	}
	assert_true(seen & (seen - 1)); /* in several partitions, and by their number in one together */
	assert_int_equal(leads_to(s, arena, "Books@both.example"), ARRAY_LEN(names));
	tells(s, arena, "stopped", "+33639970778", "");
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		wait_says(s, names[i], "debtor", names[i], "\"opt_out_");
	mail(s, arena, "books@both.example", "two1");
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		wait_says(s, names[i], "escalation", names[i], "\"held\":\"reply\"");
	assert_true(world_quiet(&s->world, WAIT_MS));
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		before[i] = value(s, arena, names[i], "escalation", names[i]);
	mail(s, arena, "books@both.example", "two1");
	assert_true(world_quiet(&s->world, WAIT_MS));
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_string_equal(value(s, arena, names[i], "escalation", names[i]), before[i]);
	assert_int_equal(dead(s, arena), 0);
}

/* A report that returns nothing: nobody is at that address, for whomever it is, and the one message that went there came back. */
static void a_report_of_an_address(void **state)
{
	static const char report[] = "From: MAILER-DAEMON@mx.example\r\nMessage-ID: <%s@mx.example>\r\nContent-Type: multipart/report;\r\n"
		" report-type=delivery-status; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n"
		"Final-Recipient: rfc822; %s\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n";
	struct senders *s = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	owes(s, arena, "dsn", "boss@dsn.example", "+33639970780");
	give(s, arena, arena_printf(arena, report, "r1", "bill@dsn.example"));
	wait_says(s, "dsn", "debtor", "dsn", "\"addresses\":[[\"bill@dsn.example\",0,true");
	wait_says(s, "dsn", "debtor", "dsn", "\"bill@dsn.example\",8,");
	give(s, arena, arena_printf(arena, report, "r2", "books@both.example"));
	wait_says(s, "two-a", "debtor", "two-a", "[\"books@both.example\",0,true");
	wait_says(s, "two-b", "debtor", "two-b", "[\"books@both.example\",0,true");
}

/* One task for all that comes from there, and nothing is held by it, which the status says. */
static void nobody_knows_who_wrote(void **state)
{
	struct senders *s = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf list = { 0 };
	const char *at;

	mail(s, arena, "stranger@nowhere.example", "no1");
	wait_dead(s, arena, 1);
	CTL_SAYS("unknown_sender:0", true, "tasks");
	CTL_SAYS("unknown_sender", true, "dead", "list");
	assert_int_equal(world_ctl(&s->world, (const char *const[]){ "dead", "list", "--json", NULL }, &list), 0);
	at = strstr(buf_str(&list), "\"letter\":\"");
	assert_non_null(at);
	at = arena_printf(arena, "%.*s", (int)strcspn(at + 10, "\""), at + 10);
	CTL_SAYS("Nous avons pay", true, "dead", "show", at);
	CTL_SAYS("nobody by those that name none", true, "status");
	mail(s, arena, "stranger@nowhere.example", "no2");
	wait_dead(s, arena, 2);
	CTL_SAYS("unknown_sender:0", true, "task", "done", "unknown_sender:0", "a salesman");
	CTL_SAYS("unknown_sender:0", false, "tasks");
	mail(s, arena, "stranger@nowhere.example", "no3");
	wait_dead(s, arena, 3);
	CTL_SAYS("unknown_sender:0", true, "tasks");
}

#define VOIDED(id) "{\"specversion\":\"1.0\",\"id\":\"p-" id "\",\"source\":\"https://billing.example/eu\",\"type\":\"invoice.voided\"," \
	"\"time\":\"2026-03-03T09:00:00Z\",\"data\":{\"invoice_id\":\"" id "\"}}"
/* No invoice asks to read it: the customer does, whichever of the addresses it came from, and nothing is erased before somebody did. */
static void nothing_is_open(void **state)
{
	struct senders *s = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	owes(s, arena, "even", "boss@even.example", "+33639970783");
	push(s, arena, "even", VOIDED("even"));
	wait_says(s, "even", "escalation", "even", "\"state\":\"closed\"");
	mail(s, arena, "boss@even.example", "even1");
	CTL_SAYS("answer_customer:even", true, "tasks");
	CTL_SAYS("Nous avons pay", true, "tasks", "--kind", "answer_reply", "--script");
	CTL_SAYS(": even", true, "digest");
	CTL_SAYS("answer_customer:even", true, "trail", "erase", "even", "--why", "asked by letter");
	CTL_SAYS("answer_customer:even", true, "task", "done", "answer_customer:even", "thanked");
	CTL_SAYS("answer_customer:even", false, "tasks");
	CTL_SAYS("no open task", true, "task", "done", "answer_customer:even", "again");
	CTL_SAYS("thanked", true, "trail", "log", "--customer", "even", "--json");
	mail(s, arena, "bill@even.example", "even2"); /* that is where we wrote to */
	CTL_SAYS("answer_customer:even", true, "tasks");
}

/* A contact that left the customer's data is nobody's any more; the new one leads there. */
static void contacts_that_leave(void **state)
{
	struct senders *s = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	int64_t was = dead(s, arena);
	const char *text;

	owes(s, arena, "leave", "old@leave.example", "+33639970779");
	assert_int_equal(leads_to(s, arena, "old@leave.example"), 1);
	text = replaced(arena, replaced(arena, event, "invoice.finalized", "customer.updated"), "f-ID", "c-leave");
	text = arena_printf(arena, "%.*s\"data\":{%s", (int)(strstr(text, "\"data\":") - text), text, strstr(text, "\"customer\":"));
	text = replaced(arena, replaced(arena, replaced(arena, text, "CUS", "leave"), "BOSS", "new@leave.example"), "PHONE", "+33639970779");
	push(s, arena, "leave", replaced(arena, text, "2026-03-02T09", "2026-03-02T10"));
	wait_says(s, "leave", "debtor", "leave", "new@leave.example");
	assert_int_equal(leads_to(s, arena, "old@leave.example"), 0);
	assert_int_equal(leads_to(s, arena, "new@leave.example"), 1);
	assert_int_equal(leads_to(s, arena, "+33639970779"), 1);
	mail(s, arena, "old@leave.example", "leave1");
	wait_dead(s, arena, was + 1);
	mail(s, arena, "new@leave.example", "leave2");
	wait_says(s, "leave", "escalation", "leave", "\"held\":\"reply\"");
}

/* More than a group of documents has: of the invoices that the answers are about none is left out. */
static void many_answers_at_a_start(void **state)
{
	enum { DEBTORS = 50, EACH = 11 };
	struct senders *s = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *names[DEBTORS];
	size_t asked = 0;

	for (size_t i = 0, number = 0; i < DEBTORS; number++) {
		names[i] = arena_printf(arena, "many%zu", number);
		if (place_of(s, names[i]).partition != 0) /* each has its own groups */
			continue;
		for (int k = 0; k < EACH; k++)
			push(s, arena, names[i], replaced(arena, replaced(arena, replaced(arena, replaced(arena, replaced(arena, event, "ID",
				arena_printf(arena, "%s-%d", names[i], k)), "CUS", names[i]), "BOSS", "boss@many.example"), "PHONE", "+33639970781"), "2026-04-01", "2027-04-01"));
		i++;
	}
	assert_true(world_quiet(&s->world, WAIT_MS));
	assert_int_equal(process_stop(&s->world.daemon, WAIT_MS), 0);
	for (int i = 0; i < DEBTORS; i++) {
		const char *ids = "\"x\":0";

		for (int k = 0; k < EACH && i % 2; k++) /* half of them name their invoices, as the answer to a message does */
			ids = arena_printf(arena, "%s%s\"%s-%d\"", k ? ids : "\"invoice_ids\":[", k ? "," : "", names[i], k);
		push(s, arena, names[i], arena_printf(arena, "{\"specversion\":\"1.0\",\"id\":\"a-%s\",\"source\":\"https://desk.example\","
			"\"type\":\"contact.reply_received\",\"time\":\"2026-04-02T07:00:00Z\",\"data\":{\"customer_id\":\"%s\",\"reply_id\":\"r-%s\","
			"\"text\":\"What is this?\",\"channel\":\"email\",%s%s}}", names[i], names[i], names[i], ids, i % 2 ? "]" : ""));
	}
	world_start(&s->world, NULL);
	assert_true(world_ready(&s->world, WAIT_MS));
	assert_true(world_quiet(&s->world, WAIT_MS));
	for (int i = 0; i < DEBTORS; i++)
		for (int k = 0; k < EACH; k++)
			asked += strstr(value(s, arena, names[i], "escalation", arena_printf(arena, "%s-%d", names[i], k)), "\"replied\":") != NULL;
	assert_int_equal(asked, DEBTORS * EACH);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* All that leads to debtors, and the debtors. */
static const char *index_of(struct senders *s, struct arena *arena)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	const struct redis_reply *keys = world_redis(&s->world, arena, (const char *const[]){ "KEYS", arena_printf(arena, "%s:*:address:*", s->world.prefix), NULL });
	const char **lines = arena_alloc(arena, (keys->count + 1) * sizeof(*lines));

	for (size_t i = 0; i < keys->count; i++) {
		const struct redis_reply *fields = world_redis(&s->world, arena, (const char *const[]){ "HKEYS", keys->items[i].str, NULL });
		const char **ids = arena_alloc(arena, (fields->count + 1) * sizeof(*ids));

		for (size_t k = 0; k < fields->count; k++)
			ids[k] = fields->items[k].str;
		qsort(ids, fields->count, sizeof(*ids), by_text);
		lines[i] = keys->items[i].str;
		for (size_t k = 0; k < fields->count; k++)
			lines[i] = arena_printf(arena, "%s %s", lines[i], ids[k]);
	}
	qsort(lines, keys->count, sizeof(*lines), by_text);
	for (size_t i = 0; i < keys->count; i++)
		buf_printf(&out, "%s\n", lines[i]);
	return arena_strdup(arena, buf_str(&out));
}

/* How many ids the addresses lead to, each in the partition of its debtor. */
static size_t led_by_their_partitions(struct senders *s, struct arena *arena, const char *prefix, uint32_t partitions)
{
	size_t count = 0;

	for (uint32_t p = 0; p < partitions; p++) {
		const char *pattern = arena_printf(arena, "%s:{%u}:address:*", prefix, p);
		const struct redis_reply *keys = world_redis(&s->world, arena, (const char *const[]){ "KEYS", pattern, NULL });

		for (size_t i = 0; i < keys->count; i++) {
			const struct redis_reply *ids = world_redis(&s->world, arena, (const char *const[]){ "HKEYS", keys->items[i].str, NULL });

			for (size_t k = 0; k < ids->count; k++, count++)
				assert_int_equal(partition_of(ids->items[k].str, partitions), p);
		}
	}
	assert_true(count > 0);
	return count;
}

static int64_t asks(struct senders *s, struct arena *arena, const char *prefix, uint32_t partitions, const char *customer)
{
	const char *tasks = arena_printf(arena, "%s:{%u}:tasks", prefix, partition_of(customer, partitions));

	return world_redis_int(&s->world, (const char *const[]){ "HEXISTS", tasks, arena_printf(arena, "answer_customer:%s", customer), NULL });
}

/* Who wrote is asked in each partition by a task of its own, or not at all: a partition that believes it asked would never ask. */
static void asks_where_it_believes_so(struct senders *s, struct arena *arena, const char *prefix, uint32_t partitions)
{
	size_t asked = 0;

	for (uint32_t p = 0; p < partitions; p++) {
		const char *system = arena_printf(arena, "%s:{%u}:debtor:" SYSTEM_CASE, prefix, p), *task = arena_printf(arena, "unknown_sender:%u", p);
		const struct redis_reply *doc = world_redis(&s->world, arena, (const char *const[]){ "GET", system, NULL });
		bool believes = doc->type == REDIS_STRING && strstr(doc->str, "\"unknown_since\"");

		assert_int_equal(world_redis_int(&s->world, (const char *const[]){ "HEXISTS", arena_printf(arena, "%s:{%u}:tasks", prefix, p), task, NULL }), believes);
		asked += believes;
	}
	assert_true(asked > 0);
}

/* What is erased leads nowhere any more, and what was made again from the journal leads where it led. */
static void erased_and_made_again(void **state)
{
	struct senders *s = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf output = { 0 };
	const char *before, *debtor;

	owes(s, arena, "gone", "boss@gone.example", "+33639970778");
	assert_int_equal(leads_to(s, arena, "boss@gone.example"), 1);
	assert_int_equal(leads_to(s, arena, "+33639970778"), 6);
	owes(s, arena, "part", "boss@part.example", "+33639970782");
	push(s, arena, "part", VOIDED("part"));
	wait_says(s, "part", "escalation", "part", "\"state\":\"closed\"");
	push(s, arena, "gone", VOIDED("gone"));
	wait_says(s, "gone", "escalation", "gone", "\"state\":\"closed\"");
	assert_int_equal(process_stop(&s->world.daemon, WAIT_MS), 0);
	s->world.options.clock = "start:2037-02-01T10:00:00Z,rate:0"; /* no period keeps it any more */
	world_start(&s->world, NULL);
	assert_true(world_ready(&s->world, WAIT_MS));
	for (int64_t deadline = real_ms() + WAIT_MS; leads_to(s, arena, "boss@gone.example"); pause_ms(50)) { /* it may not run yet */
		buf_reset(&output);
		(void)world_ctl(&s->world, (const char *const[]){ "trail", "erase", "gone", "--yes", "--why", "asked by letter", NULL }, &output);
		if (real_ms() > deadline)
			fail_msg("%s", buf_str(&output));
	}
	assert_int_equal(leads_to(s, arena, "+33639970778"), 5);
	owes_again(s, arena, "part", "boss@part.example", "+33639970782"); /* it goes on, while its first year goes */
	(void)world_ctl(&s->world, (const char *const[]){ "trail", "erase", "part", "--yes", "--why", "asked by letter", NULL }, &output);
	assert_non_null(strstr(buf_str(&output), "open_invoice"));
	assert_int_equal(leads_to(s, arena, "boss@part.example"), 1);
	assert_true(world_quiet(&s->world, WAIT_MS));
	assert_int_equal(process_stop(&s->world.daemon, WAIT_MS), 0);
	before = index_of(s, arena);
	debtor = value(s, arena, "leave", "debtor", "leave");
	assert_non_null(strstr(debtor, "\"indexed\":true"));
	(void)world_redis(&s->world, arena, (const char *const[]){ "FLUSHALL", NULL });
	buf_reset(&output);
	if (world_ctl(&s->world, (const char *const[]){ "rebuild", NULL }, &output) != 0)
		fail_msg("%s", buf_str(&output));
	assert_string_equal(index_of(s, arena), before);
	assert_string_equal(value(s, arena, "leave", "debtor", "leave"), debtor);
	assert_true(world_trail_verifies(&s->world));
	buf_reset(&output); /* over another number of partitions each goes with its debtor */
	if (world_ctl(&s->world, (const char *const[]){ "instances", "rebuild", "--partitions", "3", "--prefix", "spread", "--yes", NULL }, &output) != 0)
		fail_msg("%s", buf_str(&output));
	assert_int_equal(led_by_their_partitions(s, arena, "spread", 3), led_by_their_partitions(s, arena, s->world.prefix, PARTITIONS));
	asks_where_it_believes_so(s, arena, s->world.prefix, PARTITIONS);
	assert_int_equal(asks(s, arena, s->world.prefix, PARTITIONS, "even") + asks(s, arena, "spread", 3, "even"), 2);
	buf_reset(&output);
	if (world_ctl(&s->world, (const char *const[]){ "instances", "rebuild", "--partitions", "9", "--prefix", "wide", "--yes", NULL }, &output) != 0)
		fail_msg("%s", buf_str(&output));
	asks_where_it_believes_so(s, arena, "wide", 9);
}

/* --- a long mail from an address of many ----------------------------------------------------------------------------------------- */

#define SHARERS 24
#define MAIL_BYTES (4u << 20)

static const char *sharer(struct arena *arena, const char *house, int i)
{
	return arena_printf(arena, "%s-%02d", house, i);
}

static void share(struct senders *s, struct arena *arena, const char *house, const char *address)
{
	for (int i = 0; i < SHARERS; i++) {
		const char *customer = sharer(arena, house, i), *text = replaced(arena, replaced(arena, event, "ID", customer), "CUS", customer);

		push(s, arena, customer, replaced(arena, replaced(arena, text, "BOSS", address), "PHONE", "+33639970799"));
	}
	for (int i = 0; i < SHARERS; i++)
		wait_says(s, sharer(arena, house, i), "escalation", sharer(arena, house, i), "\"end\":\"sent\"");
	assert_int_equal(leads_to(s, arena, address), SHARERS);
}

static const char *long_mail(struct arena *arena, const char *from, const char *id)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	char line[79];

	memset(line, 'x', 76);
	memcpy(line + 76, "\r\n", 3);
	buf_printf(&text, answer, from, id);
	while (text.len < MAIL_BYTES)
		buf_add_str(&text, line);
	return arena_strdup(arena, buf_str(&text));
}

static int held(struct senders *s, struct arena *arena, const char *house)
{
	int count = 0;

	for (int i = 0; i < SHARERS; i++)
		count += strstr(value(s, arena, sharer(arena, house, i), "escalation", sharer(arena, house, i)), "\"held\":\"reply\"") != NULL;
	return count;
}

static int64_t kept_bodies(struct senders *s, struct arena *arena)
{
	return (int64_t)world_redis(&s->world, arena, (const char *const[]){ "KEYS", arena_printf(arena, "%s:*:body:*", s->world.prefix), NULL })->count;
}

/* Each has the whole mail in its trail, once, and Redis has no more of it. */
static void wait_recorded(struct senders *s, struct arena *arena, const char *house)
{
	int64_t deadline = real_ms() + 2 * WAIT_MS;

	for (; (held(s, arena, house) < SHARERS || kept_bodies(s, arena)) && real_ms() < deadline; pause_ms(50))
		;
	assert_int_equal(held(s, arena, house), SHARERS);
	assert_int_equal(kept_bodies(s, arena), 0);
	for (int i = 0; i < SHARERS; i++) {
		CLEANUP(buf_clear) struct buf log = { 0 };
		const char *at;

		assert_int_equal(world_ctl(&s->world, (const char *const[]){ "trail", "log", sharer(arena, house, i), "--json", NULL }, &log), 0);
		at = strstr(buf_str(&log), "inbound.message");
		if (!at || strstr(at + 1, "inbound.message") || !strstr(buf_str(&log), "webhook.body") || strstr(buf_str(&log), "body_lost"))
			fail_msg("%s: %s", sharer(arena, house, i), buf_str(&log));
	}
}

/* What Redis was told since it runs. */
static int64_t told_bytes(struct senders *s, struct arena *arena)
{
	const char *info = world_redis(&s->world, arena, (const char *const[]){ "INFO", "stats", NULL })->str, *at = strstr(info, "total_net_input_bytes:");

	assert_non_null(at);
	return strtoll(strchr(at, ':') + 1, NULL, 10);
}

/* However many share its sender's address, and whoever says that he writes from there: it is taken, and each partition is given it once. */
static void a_long_mail_of_many(void **state)
{
	struct senders *s = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *mail_text = long_mail(arena, "syndic@shared.example", "long1");
	int64_t before;

	share(s, arena, "flat", "syndic@shared.example");
	before = told_bytes(s, arena);
	give(s, arena, mail_text);
	assert_in_range(told_bytes(s, arena) - before, PARTITIONS * MAIL_BYTES, 2 * PARTITIONS * MAIL_BYTES);
	give(s, arena, mail_text);
	wait_recorded(s, arena, "flat");
}

/* Who is told of it later finds it all the same: also after a crash amid them. */
static void killed_amid_them(void **state)
{
	struct senders *s = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	int64_t deadline = real_ms() + WAIT_MS;

	share(s, arena, "tower", "porter@shared.example");
	give(s, arena, long_mail(arena, "porter@shared.example", "long2"));
	for (; !held(s, arena, "tower") && real_ms() < deadline; pause_ms(1))
		;
	process_kill(&s->world.daemon);
	assert_in_range(held(s, arena, "tower"), 1, SHARERS - 1);
	world_start(&s->world, NULL);
	assert_true(world_ready(&s->world, WAIT_MS));
	wait_recorded(s, arena, "tower");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_contact_answers),
		cmocka_unit_test(an_address_of_two),
		cmocka_unit_test(a_report_of_an_address),
		cmocka_unit_test(nobody_knows_who_wrote),
		cmocka_unit_test(nothing_is_open),
		cmocka_unit_test(contacts_that_leave),
		cmocka_unit_test(many_answers_at_a_start),
		cmocka_unit_test(erased_and_made_again),
	};
	const struct CMUnitTest long_mails[] = {
		cmocka_unit_test(a_long_mail_of_many),
		cmocka_unit_test(killed_amid_them),
	};

	return cmocka_run_group_tests(tests, setup, teardown) + cmocka_run_group_tests(long_mails, setup, teardown);
}
