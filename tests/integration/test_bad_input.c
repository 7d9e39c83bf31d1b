/*
 * What must not be taken, against the running daemon: each bad event becomes a dead letter with its reason, its place and a sentence, and
 * harms nobody else; a wrong file is named with what would be right, and nothing begins, or what was loaded stays.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "tests/support/world.h"

#define WAIT_MS 30000

/* --- events ---------------------------------------------------------------------------------------------------------------------------- */

static const char good[] =
	"{\"specversion\":\"1.0\",\"id\":\"e-ID\",\"source\":\"https://billing.example/eu\",\"type\":\"invoice.finalized\","
	"\"subject\":\"invoice/ID\",\"time\":\"2026-03-02T09:00:00Z\","
	"\"data\":{\"invoice\":{\"id\":\"ID\",\"number\":\"F-ID\",\"version\":1,\"kind\":\"standard\",\"status\":\"open\","
	"\"issued_on\":\"2026-03-02\",\"due_on\":\"2026-04-01\",\"currency\":\"EUR\",\"total_minor\":120000,\"paid_minor\":0,"
	"\"credited_minor\":0,\"due_minor\":120000,\"payment_url\":\"https://pay.example/x\"},"
	"\"customer\":{\"id\":\"cus-ID\",\"name\":\"Dupont SARL\",\"country\":\"FR\",\"kind\":\"company\",\"locale\":\"fr-FR\","
	"\"timezone\":\"Europe/Paris\",\"contacts\":[{\"id\":\"c1\",\"role\":\"billing\",\"email\":\"compta@dupont.example\","
	"\"channels\":[\"email\"]}]}}}";

#define AS_TYPE(type) "\"" type "\",\"subject\":\"invoice/ID\",\"time\":\"2026-03-02T09:00:00Z\",\"data\":{"
#define TOTAL "\"total_minor\":120000"
#define TEN "aaaaaaaaaa"
#define LONG_ID TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "aaaaaaaaa" /* 129 */
#define LEVELS "[0][0][0][0][0][0][0][0][0][0]"
#define DEEP "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["

/* The good event with `what` replaced by `with`. */
static const struct bad_row {
	const char *name, *what, *with;
	const char *reason, *path;
} bad_rows[] = {
	{ "wrong type", "\"number\":\"F-ID\"", "\"number\":7", "wrong_type", "$.data.invoice.number" },
	{ "an object where a text belongs", "\"source\":\"https://billing.example/eu\"", "\"source\":{}", "wrong_type", "$.source" },
	{ "a text where an object belongs", "\"data\":{\"invoice\":{", "\"data\":\"x\",\"was\":{\"invoice\":{", "wrong_type", "$.data" },
	{ "not one of the words", "\"kind\":\"standard\"", "\"kind\":\"strange\"", "not_one_of", "$.data.invoice.kind" },
	{ "not a date", "2026-04-01", "2026-02-30", "bad_date", "$.data.invoice.due_on" },
	{ "not an instant", "2026-03-02T09:00:00Z", "2026-03-02 09:00", "bad_time", "$.time" },
	{ "version 0", "\"version\":1", "\"version\":0", "out_of_range", "$.data.invoice.version" },
	{ "unknown type", "invoice.finalized", "invoice.forgotten", "unknown_type", "$.type" },
	{ "type of the operator alone", AS_TYPE("invoice.finalized"),
		AS_TYPE("operator.command") "\"command\":\"hold\",\"target\":\"ID\",\"who\":\"me\",\"why\":\"because\",", "not_allowed",
		"$.type" },
	{ "no time", "\"time\":\"2026-03-02T09:00:00Z\",", "", "missing", "$.time" },
	{ "no id", "\"id\":\"e-ID\",", "", "missing", "$.id" },
	{ "no type", "\"type\":\"invoice.finalized\",", "", "missing", "$.type" },
	{ "no source", "\"source\":\"https://billing.example/eu\",", "", "missing", "$.source" },
	{ "no due date", "\"due_on\":\"2026-04-01\",", "", "missing", "$.data.invoice.due_on" },
	{ "another version of CloudEvents", "\"specversion\":\"1.0\"", "\"specversion\":\"0.3\"", "not_one_of", "$.specversion" },
	{ "unknown currency", "EUR", "EUX", "unknown_currency", "$.data.invoice.currency" },
	{ "a sum that does not add up", "\"due_minor\":120000", "\"due_minor\":119999", "sum_mismatch", "$.data.invoice.due_minor" },
	{ "negative amount", TOTAL, "\"total_minor\":-120000", "out_of_range", "$.data.invoice.total_minor" },
	{ "over-large amount", TOTAL, "\"total_minor\":100000000000001", "out_of_range", "$.data.invoice.total_minor" },
	{ "1e2", TOTAL, "\"total_minor\":1e2", "not_integer", "$.data.invoice.total_minor" },
	{ "a fraction", TOTAL, "\"total_minor\":120000.5", "not_integer", "$.data.invoice.total_minor" },
	{ "\"100\"", TOTAL, "\"total_minor\":\"100\"", "wrong_type", "$.data.invoice.total_minor" },
	{ "2^64", TOTAL, "\"total_minor\":18446744073709551616", "out_of_range", "$.data.invoice.total_minor" },
	{ "NaN", TOTAL, "\"total_minor\":NaN", "bad_json", "$.data.invoice.total_minor" },
	{ "unknown zone", "Europe/Paris", "Europe/Pariss", "unknown_zone", "$.data.customer.timezone" },
	{ "unknown policy", "\"payment_url\"", "\"policy\":\"none-such\",\"payment_url\"", "unknown_policy", "$.data.invoice.policy" },
	{ "unknown policy of the customer", "\"country\":\"FR\"", "\"country\":\"FR\",\"policy\":\"none-such\"", "unknown_policy",
		"$.data.customer.policy" },
	{ "unknown country", "\"country\":\"FR\"", "\"country\":\"Fr\"", "unknown_country", "$.data.customer.country" },
	{ "unknown language", "fr-FR", "!!", "unknown_locale", "$.data.customer.locale" },
	{ "no contact for any step", "\"email\":\"compta@dupont.example\",", "", "no_contact", "$.data.customer.contacts" },
	{ "no contacts at all", "\"contacts\":[", "\"contacts\":[],\"were\":[", "no_contact", "$.data.customer.contacts" },
	{ "bad address", "compta@dupont.example", "compta@dupont.example, x@y.example", "bad_email", "$.data.customer.contacts[0].email" },
	{ "a script in the link", "https://pay.example/x", "javascript:alert(1)", "bad_url", "$.data.invoice.payment_url" },
	{ "id out of charset", "\"customer\":{\"id\":\"cus-ID\"", "\"customer\":{\"id\":\"cus ID\"", "bad_id", "$.data.customer.id" },
	{ "invoice id out of charset", "\"invoice\":{\"id\":\"ID\"", "\"invoice\":{\"id\":\"i\\u00e9\"", "bad_id", "$.data.invoice.id" },
	{ "id too long", "\"customer\":{\"id\":\"cus-ID\"", "\"customer\":{\"id\":\"" LONG_ID "\"", "bad_id", "$.data.customer.id" },
	{ "the same member twice", TOTAL, TOTAL "," TOTAL, "duplicate_key", "$.data.invoice.total_minor" },
	{ "bad UTF-8", "Dupont", "Dup\xffont", "bad_utf8", "$.data.customer.name" },
	{ "lone surrogate", "Dupont", "Dup\\ud800ont", "bad_utf8", "$.data.customer.name" },
	{ "U+0000", "Dupont", "Dup\\u0000ont", "bad_json", "$.data.customer.name" },
	{ "depth 33", TOTAL, TOTAL ",\"x\":" DEEP, "too_deep", "$.data.invoice.x" LEVELS LEVELS "[0][0][0][0][0][0][0][0][0]" },
	{ "not JSON", NULL, "hello", "bad_json", "$" },
	{ "nothing", NULL, "", "bad_json", "$" },
	{ "not an object", NULL, "[1]", "wrong_type", "$" },
	{ "cut off", NULL, "{\"specversion\":\"1.0\",", "bad_json", "$.specversion" },
};

static char *replace(struct arena *arena, const char *text, const char *what, const char *with)
{
	const char *at;
	char *ret = arena_strdup(arena, "");

	while ((at = strstr(text, what))) {
		ret = arena_printf(arena, "%s%.*s%s", ret, (int)(at - text), text, with);
		text = at + strlen(what);
	}
	return arena_printf(arena, "%s%s", ret, text);
}

static const char *make_good(struct arena *arena, const char *id)
{
	return replace(arena, good, "ID", id);
}

static const char *add(struct world *w, struct arena *arena, const char *const *fields)
{
	const char *argv[8] = { "XADD", world_key(w, arena, "events"), "*" };
	size_t n = 3;

	while (*fields)
		argv[n++] = *fields++;
	return world_redis(w, arena, argv)->str;
}

#define ADD(w, arena, ...) add(w, arena, (const char *const[]){ __VA_ARGS__, NULL })

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	world_open(w, &(struct world_options){ 0 });
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	world_close(*state, false);
	free(*state);
	return 0;
}

static const char *field(const struct redis_reply *entry, const char *name)
{
	const struct redis_reply *fields = &entry->items[1];

	for (size_t i = 0; i + 1 < fields->count; i += 2)
		if (strcmp(fields->items[i].str, name) == 0)
			return fields->items[i + 1].str;
	return "";
}

/* The dead letter of an entry. */
static void is_dead(const struct redis_reply *dead, const char *name, const char *id, const char *reason, const char *path)
{
	for (size_t i = 0; i < dead->count; i++) {
		const struct redis_reply *one = &dead->items[i];

		if (strcmp(field(one, "id"), id) != 0)
			continue;
		if (strcmp(field(one, "reason"), reason) != 0 || strcmp(field(one, "path"), path) != 0)
			fail_msg("%s: %s at %s (%s), and not %s at %s", name, field(one, "reason"), field(one, "path"), field(one, "detail"),
				reason, path);
		if (strlen(field(one, "detail")) < 8)
			fail_msg("%s: no sentence: \"%s\"", name, field(one, "detail"));
		return;
	}
	fail_msg("%s: no dead letter for %s", name, id);
}

static void each_bad_event_dies_alone(void **state)
{
	struct world *w = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const size_t count = ARRAY_LEN(bad_rows);
	const char *ids[ARRAY_LEN(bad_rows)], *none, *two, *large;
	const char *range[] = { "XRANGE", NULL, "-", "+", NULL };
	const struct redis_reply *dead;
	CLEANUP(buf_clear) struct buf big = { 0 };

	world_start(w, NULL);
	assert_true(world_ready(w, WAIT_MS));
	for (size_t i = 0; i < count; i++) {
		const struct bad_row *row = &bad_rows[i];
		const char *text = row->with, *whole;

		if (row->what) {
			whole = make_good(arena, arena_printf(arena, "bad_%zu", i));
			text = replace(arena, good, row->what, row->with);
			text = replace(arena, text, "ID", arena_printf(arena, "bad_%zu", i));
			if (strcmp(text, whole) == 0)
				fail_msg("%s: changes nothing", row->name);
		}
		ADD(w, arena, "event", make_good(arena, arena_printf(arena, "inv_%zu", i)));
		ids[i] = ADD(w, arena, "event", text);
	}
	none = ADD(w, arena, "evnt", make_good(arena, "bad_none"));
	two = ADD(w, arena, "event", make_good(arena, "bad_two"), "event", make_good(arena, "bad_two"));
	buf_add_str(&big, make_good(arena, "bad_large"));
	while (big.len < JSON_EVENT_MAX + 1)
		buf_add_char(&big, ' ');
	large = ADD(w, arena, "event", big.data);
	ADD(w, arena, "event", make_good(arena, arena_printf(arena, "inv_%zu", count)));
	assert_true(world_quiet(w, WAIT_MS));

	range[1] = world_key(w, arena, "dead");
	dead = world_redis(w, arena, range);
	for (size_t i = 0; i < count; i++)
		is_dead(dead, bad_rows[i].name, ids[i], bad_rows[i].reason, bad_rows[i].path);
	is_dead(dead, "no event field", none, "no_event_field", "");
	is_dead(dead, "two event fields", two, "no_event_field", "");
	is_dead(dead, "256 KiB + 1", large, "too_large", "$");
	assert_int_equal(dead->count, count + 3);
	for (size_t i = 0; i <= count; i++) { /* the neighbours have their reminder */
		struct json doc = world_escalation(w, arena, (int)i), walk = json_get(&doc, "walk"), one = json_at(&walk, 0), end = json_get(&one, "end");

		if (!json_str(&end) || strcmp(json_str(&end), "sent") != 0)
			fail_msg("inv_%zu was not walked: the neighbour of %s", i, i < count ? bad_rows[i].name : "the last");
	}
	assert_int_equal(world_sent(w, arena, (int)count + 1).messages, count + 1);
	assert_true(world_trail_verifies(w));
	assert_int_equal(process_stop(&w->daemon, WAIT_MS), 0);
}

/* An unreadable payment must not become a chased payer. */
static void a_dead_event_holds_whom_it_names(void **state)
{
	struct world *w = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *id = "inv_0", *text;
	struct json doc, holds, one, reason;

	text = replace(arena, good, "\"type\":\"invoice.finalized\"", "\"type\":\"invoice.paid\"");
	text = replace(arena, text, "\"due_minor\":120000", "\"due_minor\":1");
	ADD(w, arena, "event", make_good(arena, id));
	ADD(w, arena, "event", replace(arena, text, "ID", id));
	world_start(w, NULL);
	assert_true(world_ready(w, WAIT_MS));
	assert_true(world_quiet(w, WAIT_MS));
	doc = world_escalation(w, arena, 0);
	holds = json_get(&doc, "holds");
	one = json_at(&holds, 0);
	reason = json_get(&one, "reason");
	assert_string_equal(json_str(&reason), "dead_letter");
	assert_int_equal(world_sent(w, arena, 1).messages, 0);
	assert_int_equal(process_stop(&w->daemon, WAIT_MS), 0);
}

#define PAID_AT(time) "{\"specversion\":\"1.0\",\"id\":\"paid-" time "\",\"source\":\"https://billing.example/eu\",\"type\":\"invoice.paid\"," \
	"\"time\":\"" time "T08:00:00Z\",\"data\":{\"invoice_id\":\"inv_0\",\"customer_id\":\"cus-inv_0\"}}"

/* The bank's value date lies before the figures: nobody is chased, and whoever tells it hears so at once. */
static void who_was_said_to_be_paid_is_not_chased(void **state)
{
	struct world *w = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf output = { 0 };
	const char *both[] = { "push", "--wait", PAID_AT("2026-03-01"), make_good(arena, "inv_0"), NULL }, *now[] = { "push", "--wait", PAID_AT("2026-03-03"), NULL },
		   *explain[] = { "explain", "inv_0", "--json", NULL }, *tasks[] = { "tasks", NULL };
	static const char why[] = "paid_then_open: it was said to be paid at 2026-03-01T08:00:00Z, and figures of 2026-03-02T09:00:00Z say that it is open";
	struct json doc, closed;

	world_start(w, NULL);
	assert_true(world_ready(w, WAIT_MS));
	assert_int_equal(world_ctl(w, both, &output), 0);
	assert_non_null(strstr(buf_str(&output), arena_printf(arena, "inv_0 is not closed: %s", why)));
	assert_true(world_quiet(w, WAIT_MS));
	buf_reset(&output);
	assert_int_equal(world_ctl(w, explain, &output), 0);
	assert_non_null(strstr(buf_str(&output), why));
	buf_reset(&output);
	assert_int_equal(world_ctl(w, tasks, &output), 0);
	assert_non_null(strstr(buf_str(&output), "reconcile:inv_0"));
	buf_reset(&output);
	assert_int_equal(world_ctl(w, now, &output), 0);
	assert_null(strstr(buf_str(&output), "is not closed"));
	assert_true(world_quiet(w, WAIT_MS));
	doc = world_escalation(w, arena, 0);
	closed = json_get(&doc, "closed");
	assert_string_equal(json_str(&closed), "paid");
	assert_int_equal(world_sent(w, arena, 1).messages, 0);
	assert_true(world_trail_verifies(w));
	assert_int_equal(process_stop(&w->daemon, WAIT_MS), 0);
}

/* --- files ----------------------------------------------------------------------------------------------------------------------------- */

/* A file of the world with `what` replaced by `with` (NULL: the whole file): the complaint names the file, `path` and `remedy`. */
static const struct file_row {
	const char *name, *file, *what, *with, *path, *remedy;
} file_rows[] = {
	{ "configuration: not JSON", "dunningd-0.json", NULL, "{", "$", "" },
	{ "configuration: unknown setting", "dunningd-0.json", "\"origin\"", "\"orgin\"", "$.orgin", "origin" },
	{ "configuration: missing", "dunningd-0.json", "\"origin\":\"test.example/world\",", "", "$.origin", "must be there" },
	{ "configuration: wrong type", "dunningd-0.json", "\"concurrency\":20", "\"concurrency\":\"20\"", "$.limits.concurrency", "whole number" },
	{ "configuration: out of range", "dunningd-0.json", "\"concurrency\":20", "\"concurrency\":251", "$.limits.concurrency", "250" },
	{ "configuration: no such policy", "dunningd-0.json", "\"default\":\"now\"", "\"default\":\"never\"", "$.policies.default", "never" },
	{ "configuration: no such provider", "dunningd-0.json", "\"email\":\"sandbox\"", "\"email\":\"sandbax\"", "$.channels.email",
		"sandbax" },
	{ "configuration: no such authorities", "dunningd-0.json", "\"origin\"", "\"http\":{\"ca_file\":\"/nowhere/ca.pem\"},\"origin\"", "$.http.ca_file",
		"/nowhere/ca.pem" },
	{ "configuration: authorities that are none", "dunningd-0.json", "\"origin\"", "\"http\":{\"ca_file\":\"/dev/null\"},\"origin\"",
		"$.http.ca_file", "PEM" },
	{ "policy: not JSON", "policies/now.json", NULL, "{", "$", "" },
	{ "policy: wrong time", "policies/now.json", "due+1d", "due+1x", "$.steps[0].at", "due" },
	{ "policy: unknown member", "policies/now.json", "\"tone\"", "\"town\"", "$.steps[0].town", "tone" },
	{ "policy: no such template", "policies/now.json", "\"template\":\"plain\"", "\"template\":\"plane\"", "$.steps[0].template ", "plane" },
	{ "policy: a threat that nothing follows", "policies/now.json", "\"tone\":\"friendly\"", "\"tone\":\"legal\"", "$.steps[0].tone ",
		"add a gate behind it" },
	{ "policy: a step that nobody reaches", "policies/now.json", "\"tone\"", "\"if\":{\"days_past_due_max\":0},\"tone\"",
		"$.steps[0].if.days_past_due_max ", "change its conditions" },
	{ "policy: fees for consumers", "policies/now.json", "\"tone\"", "\"fees\":true,\"tone\"", "$.steps[0].fees ", "narrow kinds" },
	{ "policy: to a third party", "policies/now.json", "\"tone\"", "\"to\":[\"employer\"],\"tone\"", "$.steps[0].to ", "debtor's own people" },
	{ "policy: bunched steps", "policies/now.json", "\"0h\",\"same_day\":true,\"group\":\"none\",\"steps\":[", "\"48h\",\"group\":\"none\",\"steps\":[{\"id\":\"pre\","
		"\"at\":\"due+0d\",\"channel\":\"email\",\"template\":\"plain\",\"tone\":\"friendly\"},", "$.steps[1].at ", "make min_gap smaller" },
	{ "template: unknown variable", "templates/fr/plain.txt", NULL, "{{invoice.colour}}\n", "line 1", "invoice.colour" },
	{ "template: section not closed", "templates/fr/plain.txt", NULL, "{{#one}}x\n", "line 1", "one" },
	{ "provider: not JSON", "plain.json", NULL, "{", "$", "" },
	{ "provider: unknown member", "plain.json", "\"method\"", "\"methode\"", "$.send.methode", "method" },
	{ "provider: unknown variable", "plain.json", "{config.base_url}/send", "{config.base}/send", "$.send.url", "config.base" },
};

static char *world_path(const struct world *w, struct arena *arena, const char *name)
{
	return arena_printf(arena, "%s/%s", w->dir, name);
}

static int run_daemon(struct world *w, const char *option, struct buf *output)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *argv[] = { arena_printf(arena, "%s/dunningd", w->programs), "--config", w->config, "--credentials",
		world_path(w, arena, "credentials"), "--share", SOURCE_DIR "/daemon/share", option, NULL };

	return process_run(argv, output, WAIT_MS);
}

static void refused(struct world *w, const char *name, const char *option, const char *const *words)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf output = { 0 };
	const char *keys[] = { "DBSIZE", NULL };
	int status = run_daemon(w, option, &output);

	if (status != 78)
		fail_msg("%s: exit status %d: %s", name, status, buf_str(&output));
	for (; *words; words++)
		if (!strstr(buf_str(&output), *words))
			fail_msg("%s: \"%s\" is not named: %s", name, *words, buf_str(&output));
	if (access(w->state, F_OK) == 0 || access(world_path(w, arena, "control"), F_OK) == 0 || world_redis_int(w, keys) != 0)
		fail_msg("%s: something was begun", name);
}

static int plain_setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	world_open(w, &(struct world_options){ .plain = true });
	*state = w;
	return 0;
}

/* As the complaint names it: a template by its place below whichever folder it came from. */
static const char *file_named(const struct world *w, struct arena *arena, const struct file_row *row)
{
	return strncmp(row->file, "templates/", 10) == 0 ? row->file + 10 : world_path(w, arena, row->file);
}

static void each_wrong_file_is_refused(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_LEN(file_rows); i++) {
		const struct file_row *row = &file_rows[i];
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		CLEANUP(buf_clear) struct buf before = { 0 };
		const char *path = world_path(w, arena, row->file), *text = row->with;
		const char *words[] = { file_named(w, arena, row), row->path, row->remedy, NULL };

		assert_int_equal(file_read(path, 1 << 20, &before, NULL), 0);
		if (row->what) {
			text = replace(arena, before.data, row->what, row->with);
			if (strcmp(text, before.data) == 0)
				fail_msg("%s: changes nothing", row->name);
		}
		assert_int_equal(file_replace(path, text, strlen(text), 0600), 0);
		refused(w, row->name, "--check-config", words);
		refused(w, row->name, NULL, words);
		assert_int_equal(file_replace(path, before.data, before.len, 0600), 0);
	}
	assert_int_equal(run_daemon(w, "--check-config", NULL), 0);
}

static void a_missing_or_bad_key_is_refused(void **state)
{
	static const char *const keys[] = { "install-key", "wrap-key" };
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		CLEANUP(buf_clear) struct buf before = { 0 };
		const char *path = world_path(w, arena, arena_printf(arena, "credentials/%s", keys[i]));
		const char *words[] = { keys[i], NULL };

		assert_int_equal(file_read(path, 1000, &before, NULL), 0);
		assert_int_equal(unlink(path), 0);
		refused(w, "missing key", "--check-config", words);
		refused(w, "missing key", NULL, words);
		assert_int_equal(file_replace(path, "123", 3, 0600), 0);
		refused(w, "short key", NULL, words);
		assert_int_equal(file_replace(path, "\n", 1, 0600), 0); /* what the unit gives where the file is missing */
		refused(w, "no key", NULL, (const char *const[]){ keys[i], "is missing", NULL });
		assert_int_equal(file_replace(path, before.data, before.len, 0600), 0);
	}
}

static void pin(struct world *w, struct arena *arena, const char *config, const char *key)
{
	const char *text = replace(arena, config, "\"trail\":{", arena_printf(arena, "\"trail\":{\"verifier_key\":\"%s\",", key));

	assert_int_equal(file_replace(w->config, text, strlen(text), 0600), 0);
}

static const char *made_key(struct world *w, struct arena *arena, const char *file)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	const char *words[] = { "--json", "trail", "key", "new", file, NULL };
	struct json *said = arena_alloc(arena, sizeof(*said)), key;

	assert_int_equal(world_ctl(w, words, &out), 0);
	assert_int_equal(json_parse(arena, arena_strdup(arena, buf_str(&out)), out.len, 0, said, NULL), 0);
	key = json_get(said, "verifier_key");
	assert_non_null(json_str(&key));
	return json_str(&key);
}

/* The pinned one alone; it is named in what is said about another one. */
static void another_log_key_is_refused(void **state)
{
	struct world *w = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf config = { 0 };
	const char *path = world_path(w, arena, "credentials/trail-log-key"), *other = world_path(w, arena, "other-key"), *own, *foreign;

	assert_int_equal(file_read(w->config, 1 << 20, &config, NULL), 0);
	assert_int_equal(unlink(path), 0); /* the world's own */
	own = made_key(w, arena, path);
	foreign = made_key(w, arena, other);
	assert_string_not_equal(own, foreign);
	assert_int_equal(run_daemon(w, "--check-config", NULL), 0); /* a key, and none pinned */
	pin(w, arena, config.data, own);
	assert_int_equal(run_daemon(w, "--check-config", NULL), 0);
	pin(w, arena, config.data, foreign);
	refused(w, "another key", "--check-config", (const char *[]){ "trail.verifier_key", own, NULL });
	refused(w, "another key", NULL, (const char *[]){ "trail.verifier_key", own, NULL });
	pin(w, arena, config.data, own);
	assert_int_equal(file_replace(path, "123", 3, 0600), 0);
	refused(w, "short key", NULL, (const char *[]){ "trail-log-key", "64 hexadecimal digits", NULL });
	assert_int_equal(unlink(path), 0);
	refused(w, "missing key", NULL, (const char *[]){ "trail-log-key", "take trail.verifier_key out", NULL });
	assert_int_equal(file_replace(w->config, config.data, config.len, 0600), 0);
	assert_int_equal(run_daemon(w, "--check-config", NULL), 0); /* no key and none pinned: not signed */
}

/* --- reload ---------------------------------------------------------------------------------------------------------------------------- */

static void log_says(struct world *w, struct arena *arena, const char *what, int times)
{
	const char *path = world_log(w, arena);
	int64_t deadline = real_ms() + WAIT_MS;

	for (;;) {
		CLEANUP(buf_clear) struct buf text = { 0 };
		int n = 0;

		(void)file_read(path, 64 << 20, &text, NULL);
		for (const char *at = buf_str(&text); (at = strstr(at, what)); at++)
			n++;
		if (n >= times)
			return;
		if (real_ms() > deadline)
			fail_msg("\"%s\" stands in the log %d times, not %d: ...%s", what, n, times,
				buf_str(&text) + (text.len > 1500 ? text.len - 1500 : 0));
		pause_ms(10);
	}
}

static void at_reload_the_old_one_stays(void **state)
{
	struct world *w = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	int n = 0;

	world_start(w, NULL);
	assert_true(world_ready(w, WAIT_MS));
	for (size_t i = 0; i < ARRAY_LEN(file_rows); i++) {
		const struct file_row *row = &file_rows[i];
		CLEANUP(buf_clear) struct buf before = { 0 };
		const char *path = world_path(w, arena, row->file), *text = row->with;

		if (strcmp(row->file, "dunningd-0.json") == 0 && strncmp(row->path, "$.po", 4) == 0)
			continue; /* what it names is looked for at the next start */
		assert_int_equal(file_read(path, 1 << 20, &before, NULL), 0);
		if (row->what)
			text = replace(arena, before.data, row->what, row->with);
		assert_int_equal(file_replace(path, text, strlen(text), 0600), 0);
		assert_int_equal(kill(w->daemon.pid, SIGHUP), 0);
		log_says(w, arena, "reload refused, what was loaded stays: ", ++n);
		log_says(w, arena, file_named(w, arena, row), 1);
		ADD(w, arena, "event", make_good(arena, arena_printf(arena, "inv_%d", n - 1)));
		assert_true(world_quiet(w, WAIT_MS));
		assert_int_equal(world_sent(w, arena, n).captured[n - 1], 1);
		assert_int_equal(file_replace(path, before.data, before.len, 0600), 0);
	}
	assert_int_equal(kill(w->daemon.pid, SIGHUP), 0);
	log_says(w, arena, "reloaded policies, templates and provider files", 1);
	assert_int_equal(process_stop(&w->daemon, WAIT_MS), 0);
}

/* What is no error does not stop the daemon: it says so at the start, and again when the files are loaded anew. */
static void a_warning_is_told(void **state)
{
	struct world *w = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf before = { 0 }, output = { 0 };
	const char *path = world_path(w, arena, "policies/now.json"), *text;

	assert_int_equal(file_read(path, 1 << 20, &before, NULL), 0);
	text = replace(arena, before.data, "\"tone\"", "\"to\":[\"billing\",\"biling\"],\"tone\"");
	assert_int_equal(file_replace(path, text, strlen(text), 0600), 0);
	assert_int_equal(run_daemon(w, "--check-config", &output), 0);
	assert_non_null(strstr(buf_str(&output), "policies/now.json: $.steps[0].to (\"reminder\"): \"biling\""));
	world_start(w, NULL);
	assert_true(world_ready(w, WAIT_MS));
	log_says(w, arena, "[unknown_role]", 1);
	assert_int_equal(kill(w->daemon.pid, SIGHUP), 0);
	log_says(w, arena, "reloaded policies, templates and provider files", 1);
	log_says(w, arena, "[unknown_role]", 2);
	assert_int_equal(file_replace(path, before.data, before.len, 0600), 0);
	assert_int_equal(process_stop(&w->daemon, WAIT_MS), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_warning_is_told, plain_setup, teardown),
		cmocka_unit_test_setup_teardown(each_bad_event_dies_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(a_dead_event_holds_whom_it_names, setup, teardown),
		cmocka_unit_test_setup_teardown(who_was_said_to_be_paid_is_not_chased, setup, teardown),
		cmocka_unit_test_setup_teardown(each_wrong_file_is_refused, plain_setup, teardown),
		cmocka_unit_test_setup_teardown(a_missing_or_bad_key_is_refused, plain_setup, teardown),
		cmocka_unit_test_setup_teardown(another_log_key_is_refused, plain_setup, teardown),
		cmocka_unit_test_setup_teardown(at_reload_the_old_one_stays, plain_setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
