/*
 * The loader, on real folders: shipped and own files, what a bad one is told, versions that are kept. Every complaint names the file,
 * and the place in it where there is one.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "common/library.h"

/* A folder with share/ (shipped) and own/ (the user's), filled with the least that loads. */
struct site {
	char dir[64];
	struct arena *arena;
	struct config *config;
	struct library *library;
	struct err err;
};

#define POLICY(name, steps) "{\"name\": \"" name "\", \"steps\": [" steps "]}"
#define MAIL "{\"id\": \"one\", \"at\": \"due+1d\", \"channel\": \"email\", \"template\": \"note\", \"tone\": \"friendly\"}"
#define TEXT "{\"id\": \"two\", \"at\": \"due+9d\", \"channel\": \"sms\", \"template\": \"note\", \"tone\": \"friendly\"}"
#define REGIME(more) "{" more "\"rate\": \"9.00\", \"source\": \"s\", \"certainty\": \"known\"}"
#define LATE(regime, steps) "{\"name\": \"late\", \"late\": {\"regime\": \"" regime "\"}, \"steps\": [" steps "]}"
#define STATES(more) "{\"id\": \"x\", \"at\": \"due+9d\", \"channel\": \"email\", \"template\": \"law\", \"tone\": \"firm\"" more "}"
#define PERIOD(class) "{\"class\": \"" class "\", \"records\": \"contacts\", \"start\": \"last_event\", \"years\": 5, \"source\": \"s\", " \
	"\"certainty\": \"c\"}"
#define PERIODS "{\"as_of\": \"2026-01-01\", \"rules\": [" PERIOD("identity") ", " PERIOD("content") ", " PERIOD("facts") "]}"
#define ADAPTER(name, channel, value) "{\"adapter\": 1, \"name\": \"" name "\", \"channel\": \"" channel "\", \"config\": {\"base\": {" \
	"\"default\": \"https://p.example\"}}, \"send\": {\"method\": \"POST\", \"url\": \"{config.base}/m\", \"auth\": {\"kind\": \"none\"}, " \
	"\"body\": {\"kind\": \"json\", \"value\": {\"x\": \"" value "\"}}}, \"response\": {\"id\": \"/id\"}}"

static void put(struct site *site, const char *name, const char *text)
{
	char *path = arena_printf(site->arena, "%s/%s", site->dir, name);
	char *slash = strrchr(path, '/');

	*slash = '\0';
	assert_int_equal(file_make_dirs(path, 0700), 0);
	*slash = '/';
	assert_int_equal(file_replace(path, text, strlen(text), 0600), 0);
}

static void site_init(struct site *site)
{
	*site = (struct site){ .dir = "/tmp/dunningd-library-XXXXXX", .arena = arena_create() };
	assert_non_null(mkdtemp(site->dir));
	put(site, "share/policies/plain.json", POLICY("plain", MAIL));
	put(site, "share/providers/post.json", ADAPTER("post", "email", "{to.email}"));
	put(site, "share/templates/en/note.subject", "Invoice {{invoice.number}}");
	put(site, "share/templates/en/note.txt", "shipped text\n{{> _foot}}");
	put(site, "share/templates/en/note.html", "<p>shipped html</p>\n{{> _foot}}");
	put(site, "share/templates/en/_foot.txt", "shipped foot");
	put(site, "share/templates/en/_foot.html", "<p>shipped foot</p>");
	put(site, "share/templates/en/note.sms", "shipped sms");
	put(site, "share/retention.json", PERIODS);
	put(site, "share/law/notices.json", "{\"as_of\": \"2026-11-22\", \"notices\": {}}");
	put(site, "share/law/regimes.json", "{\"as_of\": \"2026-11-22\", \"regimes\": {\"L\": " REGIME("\"cited\": {\"en\": \"Act 7\"}, ")
		", \"M\": " REGIME("") "}}");
	put(site, "share/templates/en/law.subject", "Late");
	put(site, "share/templates/en/law.txt", "{{late.statute}}{{#late.rate}} {{.}}{{/late.rate}}{{#deadline}} {{.}}{{/deadline}}");
	put(site, "own/policies/.keep", "");
	put(site, "own/templates/.keep", "");
	put(site, "own/providers/.keep", "");
}

static void tree_remove(const char *dir)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *hidden = arena_printf(arena, "%s/.keep", dir);
	char **names;
	size_t count;

	if (file_list(arena, dir, "", &names, &count) < 0) {
		(void)unlink(dir);
		return;
	}
	(void)unlink(hidden);
	for (size_t i = 0; i < count; i++)
		tree_remove(arena_printf(arena, "%s/%s", dir, names[i]));
	assert_int_equal(rmdir(dir), 0);
}

static void site_clear(struct site *site)
{
	library_free(site->library);
	config_free(site->config);
	tree_remove(site->dir);
	arena_free(site->arena);
}

/* `more` is what the configuration says beyond the least. The library is the site's; a failure leaves its words in site->err. */
static int load_with(struct site *site, const char *more)
{
	const char *text = arena_printf(site->arena,
		"{\"origin\": \"test.example/a\", \"state_dir\": \"%s/state\","
		"\"creditor\": {\"name\": \"Acme\", \"locale\": \"en-GB\", \"zone\": \"UTC\"},"
		"\"policies\": {\"dir\": \"%s/own/policies\", \"default\": \"plain\"},"
		"\"templates\": {\"dir\": \"%s/own/templates\"}, \"provider_dir\": \"%s/own/providers\", %s}",
		site->dir, site->dir, site->dir, site->dir, more);
	struct err err = { 0 };
	int r;

	library_free(site->library);
	config_free(site->config);
	site->library = NULL;
	site->config = NULL;
	site->err = (struct err){ 0 };
	if (config_parse(text, strlen(text), &site->config, &err) < 0)
		fail_msg("config: %s %s", err.path, err.text);
	r = library_load(site->config, arena_printf(site->arena, "%s/share", site->dir), &site->library, &site->err);
	if (r == 0)
		assert_int_equal(library_keep(site->library, arena_printf(site->arena, "%s/state", site->dir), NULL), 0);
	return r;
}

#define SENDERS "\"senders\": {\"default\": {\"name\": \"Acme\", \"email\": \"a@acme.example\"}}"
#define PROVIDERS "\"providers\": {\"post\": {\"file\": \"post.json\"}}, \"channels\": {\"email\": \"post\"}"
#define PLAIN SENDERS ", " PROVIDERS

static void loads(struct site *site, const char *more)
{
	if (load_with(site, more) < 0)
		fail_msg("not loaded: %s", site->err.text);
}

static void refuses(struct site *site, const char *more, const char *code, const char *const *words)
{
	int r = load_with(site, more);

	if (r == 0)
		fail_msg("loaded, and should be refused for %s", code);
	assert_null(site->library);
	assert_string_equal(site->err.code, code);
	for (; *words; words++)
		if (!strstr(site->err.text, *words))
			fail_msg("\"%s\" does not say \"%s\"", site->err.text, *words);
}
#define REFUSES(site, more, code, ...) refuses(site, more, code, (const char *const[]){ __VA_ARGS__, NULL })

/* The mail that a debtor without a language of their own gets. */
static struct notice render(struct site *site, const char *name, const char *locale, enum channel channel)
{
	static const struct creditor creditor = { .name = "Acme", .locale = "en-GB", .zone = "UTC" };
	static const struct sender sender = { .profile = "default", .name = "Acme", .email = "a@acme.example" };
	static const struct notice_invoice invoice = { .number = "INV-1", .due_on = { 20000 }, .total = { 100, "GBP" },
		.balance = { 100, "GBP" }, .days_past_due = 3 };
	const struct notice_input input = { .locale = locale, .fallback_locale = "en-GB", .creditor = &creditor, .sender = &sender,
		.invoices = &invoice, .invoice_count = 1, .balance = { 100, "GBP" }, .today = { 20003 }, .deadline = date_none() };
	struct notice notice = { 0 };
	struct err err = { 0 };

	if (notice_render(site->library->notices, name, channel, &input, site->arena, &notice, &err) < 0)
		fail_msg("%s", err.text);
	return notice;
}

/* --- what loads ----------------------------------------------------------------------------------------------------- */

static void shipped_files_load(void **state)
{
	struct site site;

	(void)state;
	site_init(&site);
	loads(&site, PLAIN);
	assert_int_equal(site.library->policy_count, 1);
	assert_int_equal(site.library->unfit_count, 0);
	assert_non_null(library_policy(site.library, "plain"));
	assert_null(library_policy(site.library, "Plain"));
	assert_non_null(library_provider(site.library, "post"));
	assert_null(library_provider(site.library, "outbox")->adapter);
	assert_null(library_provider(site.library, "post.json"));
	assert_string_equal(render(&site, "note", "en-GB", CHANNEL_EMAIL).text, "shipped text\nshipped foot\n");
	site_clear(&site);
}

static void own_policies_replace_shipped_ones(void **state)
{
	struct site site;

	(void)state;
	site_init(&site);
	put(&site, "own/policies/plain.json", "{\"name\": \"plain\", \"title\": \"Mine\", \"steps\": [" MAIL "]}");
	put(&site, "own/policies/another.json", POLICY("another", MAIL));
	put(&site, "own/policies/notes.txt", "no policy");
	loads(&site, PLAIN);
	assert_int_equal(site.library->policy_count, 2);
	assert_string_equal(site.library->policies[0]->name, "another");
	assert_string_equal(library_policy(site.library, "plain")->title, "Mine");
	site_clear(&site);
}

#define ON(name, base, more) "{\"name\": \"" name "\", \"extends\": \"" base "\"" more "}"

static void a_policy_stands_on_another(void **state)
{
	struct site site;
	struct policy *policy = NULL;
	const char *file;
	char digest[POLICY_DIGEST_SIZE];

	(void)state;
	site_init(&site);
	put(&site, "own/policies/a.json", ON("a", "b", ", \"title\": \"Mine\"")); /* read before its base */
	put(&site, "own/policies/b.json", ON("b", "plain", ", \"min_gap\": \"96h\""));
	loads(&site, PLAIN);
	assert_string_equal(library_policy(site.library, "a")->title, "Mine");
	assert_int_equal(library_policy(site.library, "a")->min_gap_ms, INT64_C(96) * 3600000);
	assert_string_equal(library_policy(site.library, "a")->steps[0].id, "one");
	memcpy(digest, library_policy(site.library, "a")->digest, sizeof(digest));
	/* What it was goes on as it was when the ground moves. */
	put(&site, "own/policies/b.json", ON("b", "plain", ", \"min_gap\": \"24h\""));
	loads(&site, PLAIN);
	assert_string_not_equal(library_policy(site.library, "a")->digest, digest);
	assert_int_equal(library_policy_digest(site.library, digest)->min_gap_ms, INT64_C(96) * 3600000);
	/* One that replaces a shipped policy stands on that one; and others then on it. */
	put(&site, "own/policies/plain.json", ON("plain", "plain", ", \"max_contacts\": 3"));
	loads(&site, PLAIN);
	assert_int_equal(library_policy(site.library, "plain")->max_contacts, 3);
	assert_int_equal(library_policy(site.library, "a")->max_contacts, 3);
	/* A file that is not among them. */
	put(&site, "new.json", ON("new", "a", ", \"max_contacts\": 5"));
	file = arena_printf(site.arena, "%s/new.json", site.dir);
	assert_int_equal(library_read_policy(site.config, arena_printf(site.arena, "%s/share", site.dir), file, &policy, NULL), 0);
	assert_int_equal(policy->max_contacts, 5);
	assert_string_equal(policy->title, "Mine");
	policy_free(policy);
	site_clear(&site);
}

static void a_law_that_is_cited_may_be_stated(void **state)
{
	struct site site;

	(void)state;
	site_init(&site);
	put(&site, "own/policies/late.json", LATE("L", MAIL ", " STATES(", \"fees\": true, \"deadline\": \"7d\", \"if\": {\"kinds\": [\"company\"]}")));
	loads(&site, PLAIN);
	assert_string_equal(library_policy(site.library, "late")->regime, "L");
	site_clear(&site);
}

static void own_templates_replace_the_whole_body(void **state)
{
	struct site site;
	struct notice notice;

	(void)state;
	site_init(&site);
	put(&site, "own/templates/en/note.txt", "my text");
	loads(&site, PLAIN);
	notice = render(&site, "note", "en-GB", CHANNEL_EMAIL);
	assert_string_equal(notice.text, "my text\n");
	assert_null(notice.html); /* a shipped HTML beside one's own text would be another message */
	assert_string_equal(notice.subject, "Invoice INV-1");
	assert_string_equal(render(&site, "note", "en-GB", CHANNEL_SMS).text, "shipped sms");
	site_clear(&site);
}

static void own_partials_replace_one_part(void **state)
{
	struct site site;
	struct notice notice;

	(void)state;
	site_init(&site);
	put(&site, "own/templates/en/_foot.txt", "my foot");
	loads(&site, PLAIN);
	notice = render(&site, "note", "en-GB", CHANNEL_EMAIL);
	assert_string_equal(notice.text, "shipped text\nmy foot\n");
	assert_non_null(strstr(notice.html, "shipped foot"));
	site_clear(&site);
}

static void own_locales_are_added(void **state)
{
	struct site site;

	(void)state;
	site_init(&site);
	put(&site, "own/templates/fr/note.subject", "Facture");
	put(&site, "own/templates/fr/note.txt", "Bonjour");
	put(&site, "own/templates/README", "no folder");
	loads(&site, PLAIN);
	assert_string_equal(render(&site, "note", "fr-CA", CHANNEL_EMAIL).text, "Bonjour\n");
	assert_string_equal(render(&site, "note", "de", CHANNEL_EMAIL).subject, "Invoice INV-1");
	site_clear(&site);
}

static void own_providers_come_first(void **state)
{
	struct site site;
	struct err err = { 0 };
	struct http_request request;
	struct message message = { .attempt_id = "01", .channel = CHANNEL_EMAIL, .provider = "post", .to.email = "a@b.example",
		.from = { .name = "Acme", .email = "a@acme.example" }, .subject = "S",
		.text = "T" };
	struct provider_settings settings = { .name = "post", .settings = (const char *const[]){ NULL } };
	const struct adapter_input input = { .settings = &settings, .message = &message };

	(void)state;
	site_init(&site);
	put(&site, "own/providers/post.json", ADAPTER("mine", "email", "own {to.email}"));
	loads(&site, PLAIN);
	assert_string_equal(adapter_name(library_provider(site.library, "post")->adapter), "mine");
	assert_int_equal(adapter_request(library_provider(site.library, "post")->adapter, &input, site.arena, &request, &err), 0);
	assert_string_equal(request.body, "{\"x\":\"own a@b.example\"}");
	loads(&site, arena_printf(site.arena, SENDERS ", \"channels\": {\"email\": \"p\"}, \"providers\": {\"p\": "
		"{\"file\": \"%s/share/providers/post.json\"}}", site.dir));
	assert_string_equal(adapter_name(library_provider(site.library, "p")->adapter), "post");
	site_clear(&site);
}

/* --- what a shipped policy may lack ------------------------------------------------------------------------------------ */

static void unfit_shipped_policies_are_left_out_and_told(void **state)
{
	struct site site;

	(void)state;
	site_init(&site);
	put(&site, "share/policies/texts.json", POLICY("texts", MAIL ", " TEXT));
	loads(&site, PLAIN);
	assert_int_equal(site.library->policy_count, 1);
	assert_null(library_policy(site.library, "texts"));
	assert_int_equal(site.library->unfit_count, 1);
	assert_string_equal(site.library->unfit[0].name, "texts");
	assert_non_null(strstr(site.library->unfit[0].why, "share/policies/texts.json: $.steps[1].channel (\"two\"): "));
	assert_non_null(strstr(site.library->unfit[0].why, "$.channels"));
	site_clear(&site);
}

static void a_default_or_own_policy_must_fit(void **state)
{
	struct site site;

	(void)state;
	site_init(&site);
	put(&site, "own/policies/texts.json", POLICY("texts", MAIL ", " TEXT));
	REFUSES(&site, PLAIN, "no_provider", "own/policies/texts.json", "$.steps[1]", "sms", "$.channels");
	site_clear(&site);
	site_init(&site);
	put(&site, "share/policies/plain.json", POLICY("plain", MAIL ", " TEXT));
	REFUSES(&site, PLAIN, "no_provider", "share/policies/plain.json", "$.steps[1]", "sms");
	/* ... and the outbox carries everything */
	loads(&site, SENDERS ", \"channels\": {\"email\": \"outbox\", \"sms\": \"outbox\"}");
	site_clear(&site);
}

/* --- versions ---------------------------------------------------------------------------------------------------------- */

static void versions_are_kept_until_they_are_walked(void **state)
{
	struct site site;
	char digest[POLICY_DIGEST_SIZE];

	(void)state;
	site_init(&site);
	loads(&site, PLAIN);
	memcpy(digest, library_policy(site.library, "plain")->digest, sizeof(digest));
	assert_int_equal(site.library->retired_count, 0);
	loads(&site, PLAIN); /* kept already, and still the present one */
	assert_int_equal(site.library->retired_count, 0);
	put(&site, "own/policies/plain.json", "{\"name\": \"plain\", \"title\": \"Mine\", \"steps\": [" MAIL "]}");
	loads(&site, PLAIN);
	assert_int_equal(site.library->retired_count, 1);
	assert_string_not_equal(library_policy(site.library, "plain")->digest, digest);
	assert_string_equal(library_policy_digest(site.library, digest)->title, "plain");
	assert_null(library_policy_digest(site.library, "00"));
	site_clear(&site);
}

static void unreadable_kept_versions_are_passed_over(void **state)
{
	struct site site;

	(void)state;
	site_init(&site);
	put(&site, "state/policies/0000.json", "{\"name\": \"of a later version\", \"new\": 1}");
	put(&site, "state/policies/1111.json", POLICY("older", MAIL));
	loads(&site, PLAIN);
	assert_int_equal(site.library->retired_count, 1);
	assert_string_equal(site.library->retired[0]->name, "older");
	site_clear(&site);
}

static void an_unfit_policy_can_still_be_walked(void **state)
{
	struct site site;
	char digest[POLICY_DIGEST_SIZE];

	(void)state;
	site_init(&site);
	put(&site, "share/policies/texts.json", POLICY("texts", TEXT));
	loads(&site, SENDERS ", " PROVIDERS "" );
	assert_int_equal(site.library->unfit_count, 1);
	loads(&site, SENDERS ", \"channels\": {\"email\": \"outbox\", \"sms\": \"outbox\"}");
	memcpy(digest, library_policy(site.library, "texts")->digest, sizeof(digest));
	loads(&site, PLAIN);
	assert_null(library_policy(site.library, "texts"));
	assert_non_null(library_policy_digest(site.library, digest));
	site_clear(&site);
}

static void what_cannot_be_kept_is_told(void **state)
{
	struct site site;
	struct err err = { 0 };

	(void)state;
	site_init(&site);
	loads(&site, PLAIN);
	put(&site, "file", "");
	assert_int_equal(library_keep(site.library, arena_printf(site.arena, "%s/file", site.dir), &err), -ENOTDIR);
	assert_non_null(strstr(err.text, "/file/policies"));
	site_clear(&site);
}

/* --- complaints: one row, one bad file ------------------------------------------------------------------------------------ */

struct row {
	const char *name;
	const char *file, *text; /* put before loading; NULL = none */
	const char *config; /* NULL = PLAIN */
	const char *code;
	const char *says[4];
};

static const struct row rows[] = {
	{ "a policy that is no JSON", "own/policies/bad.json", "{\"name\": ", NULL, "bad_json", { "own/policies/bad.json" } },
	{ "a policy with an unknown member", "own/policies/bad.json", "{\"name\": \"bad\", \"stepz\": []}", NULL, "unknown_member",
		{ "own/policies/bad.json", "$.stepz" } },
	{ "a policy with a bad step", "own/policies/bad.json",
		POLICY("bad", MAIL ", {\"id\": \"x\", \"at\": \"due+2w\", \"channel\": \"email\", \"template\": \"note\"}"), NULL, "bad_at",
		{ "own/policies/bad.json", "$.steps[1].at" } },
	{ "a policy on one that is not there", "own/policies/bad.json", ON("bad", "plane", ""), NULL, "unknown_policy",
		{ "own/policies/bad.json", "$.extends", "\"plane\"", "plain" } },
	{ "a policy on itself", "own/policies/bad.json", ON("bad", "bad", ""), NULL, "unknown_policy",
		{ "own/policies/bad.json", "$.extends", "another" } },
	{ "a policy on one that stands on it", "own/policies/bad.json", ON("bad", "circle", ""), NULL, "extends_cycle",
		{ "own/policies/", "$.extends", "must not lead back" } },
	{ "a shipped policy on one of the user's", "share/policies/bad.json", ON("bad", "circle", ""), NULL, "unknown_policy",
		{ "share/policies/bad.json", "$.extends" } },
	{ "a policy that changes a step that is not there", "own/policies/bad.json",
		ON("bad", "plain", ", \"steps\": [{\"id\": \"two\", \"remove\": true}]"), NULL, "unknown_step",
		{ "own/policies/bad.json", "$.steps[0].id", "plain" } },
	{ "a policy whose base cannot be read", "own/policies/bad.json", "{\"name\": \"bad\", \"steps\": []}", NULL, "missing",
		{ "own/policies/bad.json", "$.steps" } },
	{ "a policy under another name", "own/policies/bad.json", POLICY("good", MAIL), NULL, "bad_name",
		{ "own/policies/bad.json", "$.name", "good" } },
	{ "a policy whose name the file's only begins with", "own/policies/ba.json", POLICY("bad", MAIL), NULL, "bad_name",
		{ "own/policies/ba.json", "$.name" } },
	{ "periods for no class", "share/retention.json", "{\"as_of\": \"2026-01-01\", \"rules\": []}", NULL, "missing",
		{ "share/retention.json", "$.rules" } },
	{ "a bad shipped policy", "share/policies/bad.json", "{}", NULL, "missing", { "share/policies/bad.json", "$.name" } },
	{ "a step without its template", "own/policies/bad.json",
		POLICY("bad", "{\"id\": \"x\", \"at\": \"due+2d\", \"channel\": \"email\", \"template\": \"nope\", \"tone\": \"firm\"}"), NULL,
		"no_template", { "own/policies/bad.json", "$.steps[0].template (\"x\")", "nope", ".subject and .txt" } },
	{ "a call without its script", "own/policies/bad.json",
		POLICY("bad", "{\"id\": \"x\", \"at\": \"due+2d\", \"channel\": \"call\", \"template\": \"nope\", \"deadline\": \"2bd\"}"), NULL,
		"no_template", { "own/policies/bad.json", "$.steps[0]", "nope" } },
	{ "a confirmation without its template", "own/policies/bad.json", POLICY("bad", "{\"id\": \"x\", \"at\": \"due+2d\", "
		"\"channel\": \"call\", \"template\": \"note\", \"deadline\": \"2bd\", \"confirm\": \"nope\"}"), NULL,
		"no_template", { "own/policies/bad.json", "$.steps[0]", "nope" } },
	{ "a fallback without a provider", "own/policies/bad.json", POLICY("bad", "{\"id\": \"x\", \"at\": \"due+2d\", "
		"\"channel\": \"email\", \"else\": \"sms\", \"template\": \"note\", \"tone\": \"firm\"}"), NULL,
		"no_provider", { "own/policies/bad.json", "$.steps[0]", "sms" } },
	{ "a document without the folder", "own/policies/bad.json", POLICY("bad", "{\"id\": \"x\", \"at\": \"due+2d\", "
		"\"channel\": \"email\", \"attach\": \"invoice\", \"template\": \"note\", \"tone\": \"firm\"}"), NULL,
		"no_documents", { "own/policies/bad.json", "$.steps[0]", "$.documents.fetch" } },
	{ "an unknown sender", "own/policies/bad.json", POLICY("bad", "{\"id\": \"x\", \"at\": \"due+2d\", \"sender\": \"desk\", "
		"\"channel\": \"email\", \"template\": \"note\", \"tone\": \"firm\"}"), NULL,
		"unknown_sender", { "own/policies/bad.json", "$.steps[0]", "desk", "$.senders" } },
	{ "a law that is not there", "own/policies/late.json", LATE("N", MAIL), NULL, "unknown_regime",
		{ "own/policies/late.json", "$.late.regime: \"N\"", "none of the law files" } },
	{ "a law that cites no statute", "own/policies/late.json", LATE("M", MAIL), NULL, "unknown_regime",
		{ "own/policies/late.json", "$.late.regime: \"M\"", "cites no statute" } },
	{ "fees without a law", "own/policies/bad.json", POLICY("bad", STATES(", \"fees\": true")), NULL, "no_ground",
		{ "own/policies/bad.json", "$.steps[0]", "$.late.regime" } },
	{ "a law stated by a step without fees", "own/policies/late.json", LATE("L", STATES("")), NULL, "missing_variable",
		{ "own/policies/late.json", "$.steps[0]", "en/law.txt", "late.statute" } },
	{ "a template that does not compile", "own/templates/en/note.txt", "one\n{{#many}}", NULL, "bad_template",
		{ "own/templates/en/note.txt", "line 2" } },
	{ "a template with an unknown variable", "own/templates/en/note.txt", "{{invoice.numbr}}", NULL, "unknown_variable",
		{ "en/note.txt", "line 1", "invoice.numbr" } },
	{ "a variable that may be missing", "own/templates/en/note.txt", "{{creditor.bank}}", NULL, "missing_variable",
		{ "en/note.txt", "creditor.bank" } },
	{ "a missing partial", "own/templates/en/note.txt", "{{> _nope}}", NULL, "missing_partial", { "en/note.txt", "_nope" } },
	{ "a bad template in another language", "own/templates/fr/note.txt", "{{nope}}", NULL, "unknown_variable",
		{ "plain.json", "$.steps[0]", "fr/note.txt", "nope" } },
	{ "an HTML without its text", "own/templates/en/note.html", "<p>mine</p>", NULL, "no_template",
		{ "own/templates/en/note.html", "note", ".subject and .txt" } },
	{ "a subject without its text", "own/templates/de/note.subject", "Rechnung", NULL, "no_template",
		{ "own/templates/de/note.subject", ".subject and .txt" } },
	{ "a template folder that is no language", "own/templates/klingon-/note.txt", "x", NULL, "bad_template",
		{ "own/templates/klingon-/note.txt" } },
	{ "a template file with a bad name", "own/templates/en/Note.txt", "x", NULL, "bad_template", { "own/templates/en/Note.txt" } },
	{ "a provider file that is no JSON", "own/providers/post.json", "[", NULL, "bad_json", { "own/providers/post.json" } },
	{ "a provider file with an unknown value", "own/providers/post.json", ADAPTER("x", "email", "{to.mail}"), NULL, "unknown_value",
		{ "own/providers/post.json", "$.send.body.value.x", "to.mail" } },
	{ "a provider that does not serve the channel", "own/providers/post.json", ADAPTER("x", "sms", "{to.phone}"), NULL, "no_provider",
		{ "plain.json", "$.steps[0]", "post", "email" } },
	{ "a sender without what the provider needs", "own/providers/post.json", ADAPTER("x", "email", "{from.phone}"), NULL,
		"missing_value", { "plain.json", "$.steps[0]", "post", "{from.phone}" } },
	{ "an unknown setting", NULL, NULL, SENDERS ", \"channels\": {\"email\": \"p\"}, \"providers\": {\"p\": {\"file\": \"post.json\", "
		"\"settings\": {\"bass\": \"https://x.example\"}}}", "unknown_member", { "\"p\"", "post.json", "$.settings.bass" } },
	{ "a setting that makes a bad URL", NULL, NULL, SENDERS ", \"channels\": {\"email\": \"p\"}, \"providers\": {\"p\": {\"file\": "
		"\"post.json\", \"settings\": {\"base\": \"http://x.example\"}}}", "bad_url", { "\"p\"", "post.json" } },
	{ "a mail server in the clear", NULL, NULL, SENDERS ", \"channels\": {\"email\": \"p\"}, \"providers\": {\"p\": {\"file\": \"smtp\", "
		"\"settings\": {\"url\": \"smtp://mail.example.com\", \"starttls\": false}}}", "bad_value",
		{ "$.providers.p.settings.starttls", "this machine" } },
	{ "a mail server asked for SMS", "own/policies/bad.json", POLICY("bad", "{\"id\": \"x\", \"at\": \"due+2d\", \"channel\": \"email\", "
		"\"else\": \"sms\", \"template\": \"note\", \"tone\": \"firm\"}"), SENDERS ", \"channels\": {\"sms\": \"p\", \"email\": \"p\"}, \"providers\": {\"p\": {\"file\": "
		"\"smtp\", \"settings\": {\"url\": \"smtps://mail.example.com\"}}}", "no_provider", { "\"p\" does not send sms" } },
	{ "a provider file that is not there", NULL, NULL, SENDERS ", \"channels\": {\"email\": \"p\"}, \"providers\": {\"p\": {\"file\": "
		"\"nope.json\"}}", "unreadable", { "share/providers/nope.json" } },
	{ "an unknown default policy", NULL, NULL, PLAIN ", \"policies\": {\"default\": \"nope\"}", "unknown_policy",
		{ "$.policies.default", "nope" } },
};

static void complains(void **state)
{
	const struct row *row = *state;
	struct site site;
	const char *more = row->config ? row->config : PLAIN;

	site_init(&site);
	put(&site, "share/templates/fr/note.subject", "Facture {{invoice.number}}");
	if (row->file && (strstr(row->text, "\"circle\"") || strcmp(row->name, "a policy whose base cannot be read") == 0))
		put(&site, "own/policies/circle.json", ON("circle", "bad", ""));
	if (row->file)
		put(&site, row->file, row->text);
	if (strstr(more, "\"policies\"")) { /* the one row that needs its own section */
		CLEANUP(config_freep) struct config *config = NULL;
		const char *text = arena_printf(site.arena, "{\"origin\": \"test.example/a\", \"creditor\": {\"name\": \"A\", "
			"\"locale\": \"en-GB\", \"zone\": \"UTC\"}, %s}", more);

		assert_int_equal(config_parse(text, strlen(text), &config, NULL), 0);
		assert_int_equal(library_load(config, arena_printf(site.arena, "%s/share", site.dir), &site.library, &site.err), -EBADMSG);
		assert_string_equal(site.err.code, row->code);
		assert_non_null(strstr(site.err.text, row->says[1]));
		assert_non_null(strstr(site.err.text, row->says[0]));
	} else {
		const char *says[5] = { row->says[0], row->says[1], row->says[2], row->says[3], NULL };

		refuses(&site, more, row->code, says);
	}
	site_clear(&site);
}

static void folders_that_are_not_there(void **state)
{
	struct site site;
	CLEANUP(config_freep) struct config *config = NULL;
	const char *text;

	(void)state;
	site_init(&site);
	text = arena_printf(site.arena, "{\"origin\": \"test.example/a\", \"creditor\": {\"name\": \"A\", \"locale\": \"en-GB\", \"zone\": "
		"\"UTC\"}, " PLAIN ", \"policies\": {\"dir\": \"%s/none\", \"default\": \"plain\"}}", site.dir);
	assert_int_equal(config_parse(text, strlen(text), &config, NULL), 0);
	assert_int_equal(library_load(config, arena_printf(site.arena, "%s/share", site.dir), &site.library, &site.err), -ENOENT);
	assert_string_equal(site.err.path, "$.policies.dir");
	assert_non_null(strstr(site.err.text, "/none"));
	site.err = (struct err){ 0 };
	assert_int_equal(library_load(config, arena_printf(site.arena, "%s/nowhere", site.dir), &site.library, &site.err), -ENOENT);
	assert_non_null(strstr(site.err.text, "/nowhere/policies"));
	site_clear(&site);
}

static void a_file_that_is_too_large(void **state)
{
	struct site site;
	char *large = malloc(300 * 1024);

	(void)state;
	site_init(&site);
	memset(large, ' ', 300 * 1024);
	large[300 * 1024 - 1] = '\0';
	put(&site, "own/policies/large.json", large);
	REFUSES(&site, PLAIN, "unreadable", "own/policies/large.json", "larger");
	free(large);
	site_clear(&site);
}

int main(void)
{
	const struct CMUnitTest fixed[] = {
		cmocka_unit_test(shipped_files_load),
		cmocka_unit_test(own_policies_replace_shipped_ones),
		cmocka_unit_test(a_policy_stands_on_another),
		cmocka_unit_test(a_law_that_is_cited_may_be_stated),
		cmocka_unit_test(own_templates_replace_the_whole_body),
		cmocka_unit_test(own_partials_replace_one_part),
		cmocka_unit_test(own_locales_are_added),
		cmocka_unit_test(own_providers_come_first),
		cmocka_unit_test(unfit_shipped_policies_are_left_out_and_told),
		cmocka_unit_test(a_default_or_own_policy_must_fit),
		cmocka_unit_test(versions_are_kept_until_they_are_walked),
		cmocka_unit_test(unreadable_kept_versions_are_passed_over),
		cmocka_unit_test(an_unfit_policy_can_still_be_walked),
		cmocka_unit_test(what_cannot_be_kept_is_told),
		cmocka_unit_test(folders_that_are_not_there),
		cmocka_unit_test(a_file_that_is_too_large),
	};
	struct CMUnitTest tests[ARRAY_LEN(fixed) + ARRAY_LEN(rows)];

	memcpy(tests, fixed, sizeof(fixed));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		tests[ARRAY_LEN(fixed) + i] = (struct CMUnitTest){ .name = rows[i].name, .test_func = complains,
			.initial_state = (void *)(uintptr_t)&rows[i] };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
