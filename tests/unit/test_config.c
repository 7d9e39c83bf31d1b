/* The configuration: what is read and left out, what every refusal says and where, and the table of keys itself. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/config.h"
#include "common/redis_link.h"

#define CREDITOR(more) "\"creditor\":{\"name\":\"Acme\",\"locale\":\"fr-FR\",\"zone\":\"Europe/Paris\"" more "}"
#define SENDERS "\"senders\":{\"default\":{\"name\":\"Acme\",\"email\":\"mail@acme.example\"}}"
#define ORIGIN "\"origin\":\"trail.example.com/acme\""
#define BARE "{" ORIGIN "," CREDITOR("") "," SENDERS "}"
#define WITH(members) "{" ORIGIN "," CREDITOR("") "," SENDERS "," members "}"
#define CREDITED(members) "{" ORIGIN "," CREDITOR("," members) "," SENDERS "}"
#define SENT_AS(senders) "{" ORIGIN "," CREDITOR("") ",\"senders\":{" senders "}}"
#define DEFAULT "\"default\":{\"name\":\"A\",\"email\":\"a@b.example\"}"
#define TEN(s) s s s s s s s s s s
#define PROVIDER(members) WITH("\"providers\":{\"x\":{\"file\":\"x.json\"," members "}}")

static struct config *parse(const char *json)
{
	struct config *config = NULL;
	struct err err = { 0 };

	if (config_parse(json, strlen(json), &config, &err) < 0)
		fail_msg("%s: %s %s\n%s", err.path, err.code, err.text, json);
	return config;
}

static void everything_is_read(void **state)
{
	static const char json[] =
		"{ // ours\n"
		" \"redis\": {\"url\": \"rediss://redis.example:6380/2\", \"user\": \"dunning\", \"password_credential\": \"redis.pw\",\n"
		"  \"check_settings\": false, \"replicas\": 1},\n"
		" \"prefix\": \"acme\", \"partitions\": 64, \"instance\": \"host-a\", \"state_dir\": \"/srv/dunning\",\n"
		" \"origin\": \"trail.example.com/acme\",\n"
		" \"creditor\": {\"name\": \"Acme SARL\", \"legal_id\": \"SIREN 1\", \"address\": \"1 rue\\nParis\", \"bank\": \"FR76\",\n"
		"  \"locale\": \"fr-FR\", \"zone\": \"Europe/Paris\", \"email\": \"info@acme.example\", \"phone\": \"01 00 00 00 00\",\n"
		"  \"url\": \"https://acme.example\"},\n"
		" \"policies\": {\"dir\": \"/etc/d/policies\", \"default\": \"fr-b2b\"}, \"templates\": {\"dir\": \"/etc/d/templates\"},\n"
		" \"provider_dir\": \"/etc/d/providers\", \"type_prefix\": \"com.acme.\", \"mode\": \"shadow\",\n"
		" \"http\": {\"ca_file\": \"/etc/d/ca.pem\"}, \"control_socket\": \"/run/d/control\", \"brake\": {\"contacts_per_hour\": 50},\n"
		" \"retention\": {\"expire\": false, \"file\": \"/etc/d/retention.json\"},\n"
		" \"limits\": {\"batch\": 10, \"concurrency\": 5, \"group_keys\": 100, \"group_bytes\": 100000, \"outbound_maxlen\": 2000,\n"
		"  \"dead_maxlen\": 3000, \"segment_bytes\": 2000000, \"cache_keys\": 77},\n"
		" \"trail\": {\"verifier_key\": \"vectors.example.com/trail-a+752d6978+Ad5lPzH7ROASpZhGQTpQ96eNkXeumzrjrCXTiB0Z2cGg\", \"checkpoint_every\": 250},\n"
		" \"senders\": {\"accounts\": {\"name\": \"Accounts\", \"email\": \"acc@acme.example\"}, \"default\": {\"name\": \"Acme\",\n"
		"  \"email\": \"mail@acme.example\", \"reply_to\": \"reply@acme.example\", \"phone\": \"+33100000000\"}},\n"
		" \"providers\": {\"mail\": {\"file\": \"mail.json\", \"settings\": {\"base\": \"https://x\", \"n\": 7, \"test\": true, \"no\": false},\n"
		"  \"secrets\": {\"token\": \"mail.token\"}, \"concurrency\": 9, \"per_second\": 3, \"burst\": 2, \"per_hour\": 4, \"per_day\": 5, \"per_month\": 6, \"failures\": 7}, \"own\": {\"file\": \"/opt/own.json\"}},\n"
		" \"channels\": {\"email\": [\"mail\", \"outbox\"], \"sms\": \"own\"},\n"
		" \"producers\": {\"billing\": [\"invoice.*\", \"customer.updated\"], \"all\": [\"*\"]},\n"
		" \"ledgers\": [\"https://billing.example/eu\"] }";
	CLEANUP(config_freep) struct config *c = parse(json);
	const struct provider_settings *mail = config_provider(c, "mail");
	static const char *const pairs[] = { "base", "https://x", "n", "7", "test", "true", "no", "false", "token", "mail.token" };
	const uint64_t bit = 1;

	(void)state;
	assert_string_equal(c->redis_url, "rediss://redis.example:6380/2");
	assert_string_equal(c->redis_user, "dunning");
	assert_string_equal(c->redis_password, "redis.pw");
	assert_true(!c->redis_check_settings && c->redis_replicas == 1 && c->partitions == 64 && c->shadow);
	assert_string_equal(c->prefix, "acme");
	assert_string_equal(c->instance, "host-a");
	assert_string_equal(c->state_dir, "/srv/dunning");
	assert_string_equal(c->creditor.address, "1 rue\nParis");
	assert_string_equal(c->creditor.url, "https://acme.example");
	assert_string_equal(c->policy_dir, "/etc/d/policies");
	assert_string_equal(c->policy_default, "fr-b2b");
	assert_string_equal(c->template_dir, "/etc/d/templates");
	assert_string_equal(c->provider_dir, "/etc/d/providers");
	assert_string_equal(c->type_prefix, "com.acme.");
	assert_string_equal(c->control_socket, "/run/d/control");
	assert_string_equal(c->http_ca_file, "/etc/d/ca.pem");
	assert_int_equal(c->brake_contacts_per_hour, 50);
	assert_string_equal(c->trail_verifier_key, "vectors.example.com/trail-a+752d6978+Ad5lPzH7ROASpZhGQTpQ96eNkXeumzrjrCXTiB0Z2cGg");
	assert_int_equal(c->trail_checkpoint_every, 250);
	assert_false(c->retention_expire);
	assert_string_equal(c->retention_file, "/etc/d/retention.json");
	assert_int_equal(c->limits.batch, 10);
	assert_int_equal(c->limits.cache_keys, 77);
	assert_int_equal(c->limits.segment_bytes, 2000000);

	assert_int_equal(c->sender_count, 2);
	assert_string_equal(c->senders[0].profile, "default"); /* wherever it stands in the file */
	assert_string_equal(config_sender(c, "")->reply_to, "reply@acme.example");
	assert_string_equal(config_sender(c, "accounts")->email, "acc@acme.example");
	assert_null(config_sender(c, "accounts")->reply_to);
	assert_null(config_sender(c, "nobody"));

	assert_int_equal(c->provider_count, 3); /* and the built-in outbox */
	assert_string_equal(config_provider(c, "outbox")->file, "outbox");
	assert_string_equal(config_provider(c, "own")->file, "/opt/own.json");
	assert_null(config_provider(c, "nobody"));
	assert_null(mail->hooks_url);
	assert_true(mail->concurrency == 9 && mail->per_second == 3 && mail->burst == 2 && mail->failures == 7);
	assert_true(mail->quota[PACE_HOUR] == 4 && mail->quota[PACE_DAY] == 5 && mail->quota[PACE_MONTH] == 6);
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
		assert_string_equal(mail->settings[i], pairs[i]);
	assert_null(mail->settings[ARRAY_LEN(pairs)]);
	assert_string_equal(c->channel_providers[CHANNEL_EMAIL][0], "mail");
	assert_string_equal(c->channel_providers[CHANNEL_SMS][0], "own");
	assert_null(c->channel_providers[CHANNEL_LETTER][0]);

	assert_int_equal(c->producer_count, 4);
	assert_null(c->producers[0].name);
	assert_false(c->producers[0].types & bit << EVENT_OPERATOR_COMMAND);
	assert_string_equal(c->producers[1].name, "operator");
	assert_true(c->producers[1].types & bit << EVENT_OPERATOR_COMMAND && c->producers[1].types & bit << EVENT_PROMISE_MADE);
	assert_false(c->producers[1].types & (bit << EVENT_INVOICE_PAID | bit << EVENT_CUSTOMER_UPDATED)); /* figures are the producers' */
	assert_true(c->producers[2].types & bit << EVENT_INVOICE_PAID && c->producers[2].types & bit << EVENT_CUSTOMER_UPDATED);
	assert_false(c->producers[2].types & bit << EVENT_CUSTOMER_PAUSED);
	assert_int_equal(c->producers[3].types, c->producers[0].types);
	assert_string_equal(c->ledgers[0], "https://billing.example/eu");
	assert_null(c->ledgers[1]);
}

static void what_is_left_out(void **state)
{
	CLEANUP(config_freep) struct config *c = parse(BARE);
	CLEANUP(config_freep) struct config *own = parse(WITH("\"providers\":{\"outbox\":{\"file\":\"outbox\"}},\"redis\":null"));
	CLEANUP(config_freep) struct config *certified = parse(PROVIDER("\"settings\":{\"sns\":\"" TEN(TEN(TEN("ab"))) "\"}"));
	CLEANUP(config_freep) struct config *hooked = parse(WITH("\"providers\":{\"x\":{\"file\":\"x.json\"}},\"hooks\":{\"public_url\":\"https://d.example/a\"}"));

	(void)state;
	assert_string_equal(c->redis_url, "redis://127.0.0.1:6379");
	assert_true(!c->redis_user && !c->redis_password && c->redis_check_settings && !c->shadow && c->redis_replicas == 0);
	assert_string_equal(c->prefix, "dunning");
	assert_string_equal(c->state_dir, "/var/lib/dunningd");
	assert_string_equal(c->policy_default, "do-nothing");
	assert_string_equal(c->control_socket, "/run/dunningd/control");
	assert_null(c->http_ca_file);
	assert_true(c->retention_expire && !c->retention_file);
	assert_true(c->partitions == 1 && c->brake_contacts_per_hour == 200 && c->limits.batch == 200);
	assert_true(!c->instance && !c->policy_dir && !c->type_prefix && !c->creditor.email);
	assert_int_equal(c->provider_count, 1);
	assert_int_equal(c->producer_count, 2);
	assert_null(c->ledgers[0]);
	assert_null(config_provider(c, "outbox")->settings[0]);
	assert_int_equal(own->provider_count, 1);
	assert_string_equal(config_provider(hooked, "x")->hooks_url, "https://d.example/a/hooks/x");
	assert_int_equal(strlen(config_provider(certified, "x")->settings[1]), 2000); /* as long as a certificate */
	config_free(NULL);
}

struct refusal {
	const char *json, *code, *path, *says; /* `says`: the remedy */
};

#define LONG32 "abcdefghijklmnopqrstuvwxyz123456"
static const struct refusal refusals[] = {
	{ "7", "wrong_type", "$", "must be an object with origin" },
	{ "{\"origin\":", "bad_json", "$.origin", "a value is missing" },
	/* unknown keys, and what was meant */
	{ WITH("\"redsi\":{}"), "unknown_member", "$.redsi", "did you mean \"redis\"?" },
	{ WITH("\"polices\":{}"), "unknown_member", "$.polices", "did you mean \"policies\"?" },
	{ WITH("\"xyzzy\":{}"), "unknown_member", "$.xyzzy", "known here are redis, prefix" },
	{ WITH("\"redis\":{\"urll\":\"x\"}"), "unknown_member", "$.redis.urll", "did you mean \"url\"?" },
	{ WITH("\"redis\":{\"frobnicate\":\"x\"}"), "unknown_member", "$.redis.frobnicate", "known here are url, user" },
	{ WITH("\"" LONG32 LONG32 LONG32 LONG32 LONG32 "\":1"), "unknown_member", NULL, "known here are redis" },
	{ WITH("\"page\":{\"listen\":\"127.0.0.1:8028\"}"), "missing", "$.page.public_url", "must be there beside the other one" },
	{ WITH("\"page\":{\"public_url\":\"https://x.example\"}"), "missing", "$.page.listen", "must be there beside the other one" },
	{ WITH("\"metrics\":{\"listen\":\"127.0.0.1:0\"}"), "bad_value", "$.metrics.listen", "a port from 1 to 65535, such as \"127.0.0.1:8027\"" },
	{ WITH("\"hooks\":{\"listen\":\"[::1]:00\"}"), "bad_value", "$.hooks.listen", "a port from 1 to 65535" },
	{ WITH("\"page\":{\"listen\":\"127.0.0.1:\"}"), "bad_value", "$.page.listen", "a port from 1 to 65535" },
	{ WITH("\"dashboard\":{\"listen\":\"127.0.0.1:65536\"}"), "bad_value", "$.dashboard.listen", "a port from 1 to 65535" },
	{ WITH("\"page\":{\"oldest_key\":2}"), "out_of_range", "$.page.oldest_key", "at most page.key, 1" },
	{ WITH("\"redis\":7"), "wrong_type", "$.redis", "" },
	/* single values */
	{ "{" CREDITOR("") "," SENDERS "}", "missing", "$.origin", "must be there: the trail's name" },
	{ "{" ORIGIN "," SENDERS "}", "missing", "$.creditor.name", "must be there: who is owed" },
	{ "{" ORIGIN ",\"creditor\":{\"name\":\"A\",\"zone\":\"UTC\"}," SENDERS "}", "missing", "$.creditor.locale", "\"fr-FR\"" },
	{ "{" ORIGIN ",\"creditor\":{\"name\":\"A\",\"locale\":\"fr\"}," SENDERS "}", "missing", "$.creditor.zone", "\"Europe/Paris\"" },
	{ "{" ORIGIN ",\"creditor\":{\"name\":\"A\",\"locale\":\"fr\",\"zone\":\"Europe/Pari\"}," SENDERS "}", "bad_value",
		"$.creditor.zone", "an IANA time zone such as" },
	{ "{" ORIGIN ",\"creditor\":{\"name\":\"A\",\"locale\":\"french\",\"zone\":\"UTC\"}," SENDERS "}", "bad_value",
		"$.creditor.locale", "a BCP 47 tag such as" },
	{ "{" ORIGIN ",\"creditor\":{\"name\":\"A\\nB\",\"locale\":\"fr\",\"zone\":\"UTC\"}," SENDERS "}", "bad_value",
		"$.creditor.name", "one line of text" },
	{ "{" ORIGIN ",\"creditor\":{\"name\":\"\",\"locale\":\"fr\",\"zone\":\"UTC\"}," SENDERS "}", "bad_value", "$.creditor.name",
		"one line of text" },
	{ CREDITED("\"address\":\"a\\tb\""), "bad_value", "$.creditor.address", "without control characters" },
	{ CREDITED("\"email\":\"me\""), "bad_value", "$.creditor.email", "such as \"name@example.com\"" },
	{ CREDITED("\"url\":\"http://acme.example\""), "bad_value", "$.creditor.url", "an https:// address" },
	{ CREDITED("\"url\":\"https://acme.example/<b>\""), "bad_value", "$.creditor.url", "an https:// address" },
	{ CREDITED("\"phone\":7"), "wrong_type", "$.creditor.phone", "" },
	{ CREDITED("\"phone\":\"0123456789012345678901234567890123456789012\""), "too_long", "$.creditor.phone", "" },
	{ "{\"origin\":\"https://trail.example.com\"," CREDITOR("") "," SENDERS "}", "bad_value", "$.origin", "without scheme" },
	{ "{\"origin\":\"trail.example.com/\"," CREDITOR("") "," SENDERS "}", "bad_value", "$.origin", "without scheme" },
	{ "{\"origin\":\"/acme\"," CREDITOR("") "," SENDERS "}", "bad_value", "$.origin", "without scheme" },
	{ "{\"origin\":\"a//b\"," CREDITOR("") "," SENDERS "}", "bad_value", "$.origin", "without scheme" },
	{ WITH("\"redis\":{\"url\":\"http://x\"}"), "bad_value", "$.redis.url", "redis://host:port" },
	{ WITH("\"redis\":{\"url\":\"redis://:secret@x\"}"), "bad_value", "$.redis.url", "without a password" },
	{ WITH("\"redis\":{\"url\":\"redis://user@x\"}"), "bad_value", "$.redis.url", "without a password" },
	{ WITH("\"redis\":{\"url\":\"redis://h:0\"}"), "bad_value", "$.redis.url", "redis://host:port" },
	{ WITH("\"redis\":{\"url\":\"redis://h:port\"}"), "bad_value", "$.redis.url", "redis://host:port" },
	{ WITH("\"redis\":{\"url\":\"redis://h/x\"}"), "bad_value", "$.redis.url", "redis://host:port" },
	{ WITH("\"redis\":{\"url\":\"redis://[::1\"}"), "bad_value", "$.redis.url", "redis://host:port" },
	{ WITH("\"redis\":{\"url\":\"redis://a b\"}"), "bad_value", "$.redis.url", "redis://host:port" },
	{ WITH("\"redis\":{\"url\":\"unix:///run/s?database=1\"}"), "bad_value", "$.redis.url", "unix:/path" },
	{ WITH("\"redis\":{\"url\":\"redis://\"}"), "bad_value", "$.redis.url", "redis://host:port" },
	{ WITH("\"redis\":{\"url\":\"unix:run/x\"}"), "bad_value", "$.redis.url", "unix:/path" },
	{ WITH("\"redis\":{\"url\":\"unix:/\\u0001\"}"), "bad_value", "$.redis.url", "unix:/path" },
	{ WITH("\"redis\":{\"password_credential\":\"pass word\"}"), "bad_value", "$.redis.password_credential", "never the secret" },
	{ WITH("\"redis\":{\"password_credential\":\".hidden\"}"), "bad_value", "$.redis.password_credential", "never the secret" },
	{ WITH("\"redis\":{\"check_settings\":\"no\"}"), "wrong_type", "$.redis.check_settings", "" },
	{ WITH("\"redis\":{\"replicas\":17}"), "out_of_range", "$.redis.replicas", "between 0 and 16 replicas" },
	{ WITH("\"redis\":{\"replicas\":\"1\"}"), "wrong_type", "$.redis.replicas", "a whole number of replicas" },
	{ WITH("\"prefix\":\"Dunning\""), "bad_value", "$.prefix", "beginning with a letter" },
	{ WITH("\"prefix\":\"\""), "bad_value", "$.prefix", "beginning with a letter" },
	{ WITH("\"partitions\":0"), "out_of_range", "$.partitions", "between 1 and 1024" },
	{ WITH("\"instance\":\"a b\""), "bad_value", "$.instance", "[A-Za-z0-9._-]" },
	{ WITH("\"state_dir\":\"var/lib\""), "bad_value", "$.state_dir", "an absolute path" },
	{ WITH("\"http\":{\"ca_file\":\"ca.pem\"}"), "bad_value", "$.http.ca_file", "an absolute path" },
	{ WITH("\"control_socket\":\"control\""), "bad_value", "$.control_socket", "an absolute path" },
	{ WITH("\"type_prefix\":\"com.acme\""), "bad_value", "$.type_prefix", "and a dot" },
	{ WITH("\"type_prefix\":\".com.\""), "bad_value", "$.type_prefix", "and a dot" },
	{ WITH("\"mode\":\"dry\""), "not_one_of", "$.mode", "" },
	{ WITH("\"policies\":{\"default\":\"A\"}"), "bad_value", "$.policies.default", "such as \"fr-b2b\"" },
	{ WITH("\"trail\":{\"verifier_key\":\"trail.example.com/acme\"}"), "bad_value", "$.trail.verifier_key", "name+id+base64" },
	{ WITH("\"trail\":{\"verifier_key\":\"vectors.example.com/trail-a+752d6979+Ad5lPzH7ROASpZhGQTpQ96eNkXeumzrjrCXTiB0Z2cGg\"}"), "bad_value", "$.trail.verifier_key",
		"name+id+base64" },
	{ WITH("\"trail\":{\"checkpoint_every\":99}"), "out_of_range", "$.trail.checkpoint_every", "between 100 and 3600000 ms" },
	{ WITH("\"brake\":{\"contacts_per_hour\":0}"), "out_of_range", "$.brake.contacts_per_hour", "between 1" },
	{ WITH("\"limits\":{\"group_bytes\":1}"), "out_of_range", "$.limits.group_bytes", "between 65536 and 8388608 bytes" },
	/* senders */
	{ "{" ORIGIN "," CREDITOR("") "}", "missing", "$.senders.default", "must be there: name, email" },
	{ "{" ORIGIN "," CREDITOR("") ",\"senders\":[]}", "wrong_type", "$.senders", "" },
	{ SENT_AS("\"accounts\":{}"), "missing", "$.senders.default", "must be there" },
	{ SENT_AS(DEFAULT ",\"Acc\":{}"), "bad_name", "$.senders.Acc", "beginning with a letter" },
	{ SENT_AS(DEFAULT ",\"acc\":7"), "wrong_type", "$.senders.acc", "" },
	{ SENT_AS(DEFAULT ",\"acc\":null"), "missing", "$.senders.acc", "" },
	{ SENT_AS("\"default\":null,\"acc\":{\"name\":\"A\",\"email\":\"a@b.example\"}"), "missing", "$.senders.default", "must be" },
	{ SENT_AS(DEFAULT ",\"acc\":{\"mail\":\"x\"}"), "unknown_member", "$.senders.acc.mail", "did you mean \"email\"?" },
	{ SENT_AS("\"default\":{\"email\":\"a@b.example\"}"), "missing", "$.senders.default.name", "who signs" },
	{ SENT_AS("\"default\":{\"name\":\"A\"}"), "missing", "$.senders.default.email", "messages come from" },
	{ SENT_AS("\"default\":{\"name\":\"A <b>\"}"), "bad_value", "$.senders.default.name", "one line" },
	{ SENT_AS("\"default\":{\"name\":\"A\",\"email\":\"a\"}"), "bad_value", "$.senders.default.email", "such as" },
	{ SENT_AS("\"default\":{\"name\":\"A\",\"email\":\"a@b.example\",\"reply_to\":\"x y@b\"}"), "bad_value",
		"$.senders.default.reply_to", "such as" },
	{ SENT_AS("\"default\":{\"name\":\"A\",\"email\":\"a@b.example\",\"phone\":\"01\"}"), "bad_value", "$.senders.default.phone",
		"international form" },
	/* providers and channels */
	{ WITH("\"providers\":[]"), "wrong_type", "$.providers", "" },
	{ WITH("\"providers\":{\"X\":{}}"), "bad_name", "$.providers.X", "beginning with a letter" },
	{ WITH("\"providers\":{\"x\":7}"), "wrong_type", "$.providers.x", "" },
	{ WITH("\"providers\":{\"x\":{}}"), "missing", "$.providers.x.file", "" },
	{ CREDITED("\"postal\":{\"line1\":\"1, rue X\",\"city\":\"Paris\"}"), "bad_address", "$.creditor.postal", "country" },
	{ CREDITED("\"postal\":{\"street\":\"1, rue X\"}"), "unknown_member", "$.creditor.postal.street", "line1" },
	{ CREDITED("\"postal\":\"1, rue X\""), "wrong_type", "$.creditor.postal", "" },
	{ WITH("\"providers\":{\"x\":{\"file\":\"../x.json\"}}"), "bad_value", "$.providers.x.file", "an absolute path, \"smtp\" or \"outbox\"" },
	{ WITH("\"providers\":{\"x\":{\"file\":\"a/x.json\"}}"), "bad_value", "$.providers.x.file", "an absolute path" },
	{ WITH("\"providers\":{\"x\":{\"file\":\"\"}}"), "bad_value", "$.providers.x.file", "an absolute path" },
	{ PROVIDER("\"setting\":{}"), "unknown_member", "$.providers.x.setting", "did you mean \"settings\"?" },
	{ PROVIDER("\"settings\":[]"), "wrong_type", "$.providers.x.settings", "" },
	{ PROVIDER("\"settings\":{\"a\":[]}"), "wrong_type", "$.providers.x.settings.a", "must be a string" },
	{ PROVIDER("\"settings\":{\"a\":null}"), "wrong_type", "$.providers.x.settings.a", "must be a string" },
	{ PROVIDER("\"secrets\":{\"a\":\"the secret itself\"}"), "bad_value", "$.providers.x.secrets.a", "never the secret itself" },
	{ PROVIDER("\"secrets\":{\"a\":7}"), "bad_value", "$.providers.x.secrets.a", "never the secret itself" },
	{ PROVIDER("\"settings\":{\"a\":\"1\"},\"secrets\":{\"a\":\"b\"}"), "duplicate_key", "$.providers.x.secrets.a", "settings or in" },
	{ PROVIDER("\"concurrency\":0"), "out_of_range", "$.providers.x.concurrency", "" },
	{ PROVIDER("\"per_second\":0"), "out_of_range", "$.providers.x.per_second", "" },
	{ WITH("\"channels\":{\"fax\":\"outbox\"}"), "unknown_member", "$.channels.fax", "known here are email, sms" },
	{ WITH("\"channels\":{\"email\":\"mail\"}"), "unknown_provider", "$.channels.email", "one of the providers, or \"outbox\"" },
	{ WITH("\"channels\":{\"email\":[\"outbox\",\"mail\"]}"), "unknown_provider", "$.channels.email", "one of the providers" },
	{ WITH("\"channels\":{\"email\":[\"outbox\",\"outbox\"]}"), "duplicate", "$.channels.email", "twice" },
	{ WITH("\"channels\":{\"email\":[\"a\",\"b\",\"c\",\"d\",\"e\"]}"), "too_many", "$.channels.email", "at most 4" },
	{ PROVIDER("\"per_day\":0"), "out_of_range", "$.providers.x.per_day", "" },
	{ WITH("\"channels\":{\"email\":[]}"), "bad_value", "$.channels.email", "or be left out" },
	{ WITH("\"channels\":{\"email\":7}"), "wrong_type", "$.channels.email", "in order of preference" },
	{ WITH("\"channels\":[]"), "wrong_type", "$.channels", "" },
	/* producers and ledgers */
	{ WITH("\"producers\":[]"), "wrong_type", "$.producers", "" },
	{ WITH("\"producers\":{\"B\":[]}"), "bad_name", "$.producers.B", "beginning with a letter" },
	{ WITH("\"producers\":{\"b\":\"*\"}"), "wrong_type", "$.producers.b", "" },
	{ WITH("\"producers\":{\"operator\":[\"*\"]}"), "bad_name", "$.producers.operator", "must not be listed" },
	{ WITH("\"producers\":{\"b\":[\"invoice.paid\",\"invoice.payd\"]}"), "unknown_type", "$.producers.b[1]", "such as \"invoice.paid\"" },
	{ WITH("\"producers\":{\"b\":[\"operator.command\"]}"), "unknown_type", "$.producers.b[0]", "" },
	{ WITH("\"producers\":{\"b\":[\"operator.*\"]}"), "unknown_type", "$.producers.b[0]", "" },
	{ WITH("\"producers\":{\"b\":[\".*\"]}"), "unknown_type", "$.producers.b[0]", "" },
	{ WITH("\"producers\":{\"b\":[7]}"), "unknown_type", "$.producers.b[0]", "" },
	{ WITH("\"documents\":{\"fetch\":[\"https://billing.example\"]}"), "bad_host", "$.documents.fetch[0]", "such as \"billing.example\"" },
	{ WITH("\"documents\":{\"fetch\":\"x\"}"), "wrong_type", "$.documents.fetch", "" },
	{ WITH("\"ledgers\":\"x\""), "wrong_type", "$.ledgers", "" },
	{ WITH("\"ledgers\":[\"\"]"), "wrong_type", "$.ledgers[0]", "such as \"https://billing.example/eu\"" },
	{ WITH("\"ledgers\":[7]"), "wrong_type", "$.ledgers[0]", "such as" },
};

static void check_refusal(const struct refusal *row)
{
	struct config *config = (struct config *)(uintptr_t)&refusals;
	struct err err = { 0 };

	if (config_parse(row->json, strlen(row->json), &config, &err) != -EBADMSG)
		fail_msg("not refused: %s", row->json);
	if (strcmp(err.code, row->code) || (row->path && strcmp(err.path, row->path)) || !err.text[0] || !strstr(err.text, row->says))
		fail_msg("%s\n%s %s %s", row->json, err.code, err.path, err.text);
	assert_ptr_equal(config, &refusals); /* untouched */
	assert_int_equal(config_parse(row->json, strlen(row->json), &config, NULL), -EBADMSG);
}

static void refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++)
		check_refusal(&refusals[i]);
}

static void too_many_of_each(void **state)
{
	static const struct {
		const char *begin, *item, *end, *path, *says;
		size_t count;
	} rows[] = {
		{ "{" ORIGIN "," CREDITOR("") ",\"senders\":{" DEFAULT, ",\"s%zu\":{\"name\":\"A\",\"email\":\"a@b.example\"}", "}}", "$.senders",
			"at most 64", 64 },
		{ "{" ORIGIN "," CREDITOR("") "," SENDERS ",\"providers\":{\"p\":{\"file\":\"outbox\"}", ",\"p%zu\":{\"file\":\"outbox\"}", "}}",
			"$.providers", "at most 32", 32 },
		{ "{" ORIGIN "," CREDITOR("") "," SENDERS ",\"producers\":{\"p\":[\"*\"]", ",\"p%zu\":[\"*\"]", "}}", "$.producers", "at most 64",
			64 },
		{ "{" ORIGIN "," CREDITOR("") "," SENDERS ",\"ledgers\":[\"l\"", ",\"l%zu\"", "]}", "$.ledgers", "at most 64", 64 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(buf_clear) struct buf json = { 0 };
		char item[200];

		buf_add_str(&json, rows[i].begin);
		for (size_t k = 1; k < rows[i].count; k++) {
			const char *percent = strstr(rows[i].item, "%zu");

			snprintf(item, sizeof(item), "%.*s%zu%s", (int)(percent - rows[i].item), rows[i].item, k, percent + 3);
			buf_add_str(&json, item);
		}
		{
			CLEANUP(buf_clear) struct buf fits = { 0 };
			CLEANUP(config_freep) struct config *config = NULL;

			buf_printf(&fits, "%s%s", buf_str(&json), rows[i].end);
			config = parse(buf_str(&fits));
		}
		buf_printf(&json, "%.*s999%s%s", (int)(strstr(rows[i].item, "%zu") - rows[i].item), rows[i].item,
			strstr(rows[i].item, "%zu") + 3, rows[i].end);
		check_refusal(&(struct refusal){ buf_str(&json), "too_many", rows[i].path, rows[i].says });
	}
}

static void too_large(void **state)
{
	size_t len = 1024 * 1024 + 1;
	CLEANUP(freep) char *text = xmalloc(len);
	struct config *config = NULL;
	struct err err = { 0 };

	(void)state;
	memset(text, ' ', len);
	assert_int_equal(config_parse(text, len, &config, &err), -EBADMSG);
	assert_string_equal(err.code, "too_large");
}

/* Each row of the table says enough for `dunningctl config` and the man page, and its default passes its own check. */
static void the_table(void **state)
{
	size_t count;
	const struct config_key *keys = config_keys(&count);
	char *end;

	(void)state;
	assert_true(count > 30);
	for (size_t i = 0; i < count; i++) {
		const struct config_key *key = &keys[i];

		assert_true(strlen(key->path) < 64 && strlen(key->help) > 5 && key->unit);
		assert_true(key->min <= key->max);
		assert_false(key->required && key->fallback);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(keys[k].path, key->path);
		if (key->type == CONFIG_NUMBER) {
			int64_t n = strtoll(key->fallback, &end, 10);

			assert_true(!*end && n >= key->min && n <= key->max && key->unit[0]);
		}
		if (key->type == CONFIG_TEXT) {
			assert_true(key->check && key->like);
			if (key->fallback && !key->check(key->fallback))
				fail_msg("%s: the default \"%s\" is not %s", key->path, key->fallback, key->like);
			if (key->required || !key->fallback) /* nothing and line breaks are no values */
				assert_false(key->check("") || key->check("\r"));
		}
		if (key->type == CONFIG_WORD || key->type == CONFIG_FLAG)
			assert_non_null(key->fallback);
		if (key->type == CONFIG_WORD)
			assert_true(key->words[0] && key->words[1] && !key->words[2]);
	}
}

/* What the configuration takes as an address, the link can read. */
static void addresses_agree(void **state)
{
	static const char *const urls[] = { "redis://127.0.0.1:6379", "unix:/run/redis.sock", "unix:///run/redis.sock?db=1",
		"rediss://redis.example", "redis://[::1]:7000/1" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
		CLEANUP(buf_clear) struct buf json = { 0 };
		CLEANUP(config_freep) struct config *config = NULL;
		struct redis_url url;

		buf_printf(&json, WITH("\"redis\":{\"url\":\"%s\"}"), urls[i]);
		config = parse(buf_str(&json));
		assert_int_equal(redis_url_parse(config->redis_url, &url, NULL), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_read),
		cmocka_unit_test(what_is_left_out),
		cmocka_unit_test(refused),
		cmocka_unit_test(too_many_of_each),
		cmocka_unit_test(too_large),
		cmocka_unit_test(the_table),
		cmocka_unit_test(addresses_agree),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
