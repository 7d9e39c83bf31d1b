/* The rows behind config_keys(): every setting that is a single value, with its unit, range, default and help. */
#include "common/config.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/config_internal.h"
#include "common/locale.h"
#include "common/note.h"
#include "common/redis_url.h"
#include "common/zone.h"

static const char *const mode_words[] = { "live", "shadow", NULL };

static bool only(const char *text, const char *chars)
{
	return text[0] && strspn(text, chars) == strlen(text);
}

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static bool line_ok(const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		if (*p < 0x20 || *p == 0x7f)
			return false;
	return text[0] != '\0';
}

static bool text_ok(const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		if ((*p < 0x20 && *p != '\n') || *p == 0x7f)
			return false;
	return text[0] != '\0';
}

/* A password in the address would lie open in a file that need not be secret. */
static bool redis_ok(const char *text)
{
	struct redis_url url;

	return line_ok(text) && redis_url_parse(text, &url, NULL) == 0 && !url.user[0] && !url.password[0];
}

bool config_credential_ok(const char *text)
{
	return only(text, LOWER UPPER DIGITS "._-") && strlen(text) <= 64 && text[0] != '.';
}

bool config_name_ok(const char *text)
{
	return only(text, LOWER DIGITS "_-") && strlen(text) <= 64 && text[0] >= 'a' && text[0] <= 'z';
}

static bool instance_ok(const char *text)
{
	return only(text, LOWER UPPER DIGITS "._-");
}

bool config_absolute_ok(const char *text)
{
	return text[0] == '/' && line_ok(text);
}

/* A line of its own in a checkpoint, and the name of a key in a signed note: no space, no '+'. */
static bool origin_ok(const char *text)
{
	size_t len = strlen(text);

	return only(text, LOWER UPPER DIGITS "._/-") && text[0] != '/' && text[len - 1] != '/' && !strstr(text, "//");
}

/* Whose it is, is compared when the key itself is read. */
static bool verifier_key_ok(const char *text)
{
	struct note_key key;

	return note_key_parse(text, &key) == 0 && key.type == NOTE_ED25519;
}

static bool type_prefix_ok(const char *text)
{
	return only(text, LOWER UPPER DIGITS ".-") && text[0] != '.' && text[strlen(text) - 1] == '.';
}

static bool currency_ok(const char *text)
{
	return currency_exponent(text) >= 0;
}

static bool zone_ok(const char *text)
{
	const struct zone *zone;

	return zone_get(text, &zone) == 0;
}

static bool hour_ok(const char *text)
{
	return strspn(text, DIGITS) == 2 && text[2] == ':' && strspn(text + 3, DIGITS) == 2 && (text[0] - '0') * 10 + text[1] - '0' < 24 && text[3] < '6';
}

static bool url_ok(const char *text)
{
	return !strncmp(text, "https://", 8) && text[8] && line_ok(text) && !strpbrk(text, " \"<>");
}

static bool public_url_ok(const char *text)
{
	return url_ok(text) && text[strlen(text) - 1] != '/' && !strpbrk(text, "?#");
}

static bool role_ok(const char *text)
{
	return strcmp(text, "creditor") == 0 || strcmp(text, "third_party_collector") == 0;
}

/* No names: nothing is looked up at the start. */
static bool listen_ok(const char *text)
{
	unsigned char at[sizeof(struct in6_addr)];
	const char *colon = strrchr(text, ':'), *port = colon ? colon + 1 : "";
	bool six = text[0] == '[';
	char host[64];

	if (!colon || colon == text || !only(port, DIGITS) || strlen(port) > 5 || atoi(port) < 1 || atoi(port) > 65535 || (six && colon[-1] != ']'))
		return false;
	snprintf(host, sizeof(host), "%.*s", (int)(colon - text) - (six ? 2 : 0), text + six);
	return inet_pton(six ? AF_INET6 : AF_INET, host, at) == 1;
}

#define AT(member) offsetof(struct config, member)
#define DIR_LIKE "an absolute path"
#define LINE_LIKE "one line of text"

static const struct config_key keys[] = {
	{ "redis.url", CONFIG_TEXT, "address", 1, 2000, "redis://127.0.0.1:6379", false,
		"where Redis is: redis://host:port[/database], unix:/path, redis+cluster://host:port,host:port,... (some nodes of a cluster) or "
		"redis+sentinel://host:port,host:port,.../primary's name[/database]; rediss for TLS; without user and password",
		AT(redis_url), redis_ok, "redis://host:port, unix:/path, redis+cluster://host:port,... or redis+sentinel://host:port,.../name, without "
		"a password", NULL },
	{ "redis.user", CONFIG_TEXT, "", 1, 128, NULL, false, "the Redis ACL user", AT(redis_user), line_ok, LINE_LIKE,
		NULL },
	{ "redis.password_credential", CONFIG_TEXT, "credential", 1, 64, NULL, false,
		"name of the systemd credential that holds the Redis password", AT(redis_password), config_credential_ok,
		"the name of a credential ([A-Za-z0-9._-]), never the secret itself", NULL },
	{ "redis.check_settings", CONFIG_FLAG, "", 0, 1, "true", false,
		"refuse a Redis without appendonly yes and noeviction", AT(redis_check_settings), NULL, NULL, NULL },
	{ "redis.replicas", CONFIG_NUMBER, "replicas", 0, 16, "0", false,
		"replicas that must have a release before its first byte leaves, and what is told before it is said to be saved", AT(redis_replicas), NULL, NULL, NULL },
	{ "prefix", CONFIG_TEXT, "", 1, 64, "dunning", false, "first word of every Redis key", AT(prefix), config_name_ok,
		"a-z, 0-9, '-' and '_', beginning with a letter", NULL },
	{ "partitions", CONFIG_NUMBER, "partitions", 1, 1024, "1", false, "of the book, which several instances share; fixed at installation; 64 is good on a cluster",
		AT(partitions), NULL, NULL, NULL },
	{ "instance", CONFIG_TEXT, "", 1, 64, NULL, false, "this writer's name in leases and records; else the host's name",
		AT(instance), instance_ok, "[A-Za-z0-9._-]", NULL },
	{ "state_dir", CONFIG_TEXT, "path", 1, 400, "/var/lib/dunningd", false, "journal, keys, log, outbox", AT(state_dir),
		config_absolute_ok, DIR_LIKE, NULL },
	{ "origin", CONFIG_TEXT, "", 1, 200, NULL, true,
		"the trail's name for ever, without the year: a domain of yours and a path, \"trail.example.com/acme\"",
		AT(origin), origin_ok, "a domain and path without scheme, such as \"trail.example.com/acme\"", NULL },
	{ "trail.verifier_key", CONFIG_TEXT, "", 1, 400, NULL, false,
		"the key that signs the trail, as `dunningctl trail key show` prints it: another one refuses the start",
		AT(trail_verifier_key), verifier_key_ok, "a verifier key: name+id+base64, as dunningctl trail key show prints it", NULL },
	{ "trail.next_verifier_key", CONFIG_TEXT, "", 1, 400, NULL, false,
		"during a rotation, the key that signs beside the first one: the credential trail-next-key",
		AT(trail_next_verifier_key), verifier_key_ok, "a verifier key: name+id+base64, as dunningctl trail key show prints it", NULL },
	{ "trail.checkpoint_every", CONFIG_NUMBER, "ms", 100, 3600000, "1000", false,
		"new records are signed together, one checkpoint in this time at most", AT(trail_checkpoint_every), NULL, NULL, NULL },
	{ "creditor.name", CONFIG_TEXT, "", 1, 200, NULL, true, "who is owed, as it stands on the invoices",
		AT(creditor.name), line_ok, LINE_LIKE, NULL },
	{ "creditor.legal_id", CONFIG_TEXT, "", 1, 200, NULL, false, "company number, for the foot of messages",
		AT(creditor.legal_id), line_ok, LINE_LIKE, NULL },
	{ "creditor.address", CONFIG_TEXT, "", 1, 500, NULL, false, "postal address", AT(creditor.address), text_ok,
		"text without control characters", NULL },
	{ "creditor.bank", CONFIG_TEXT, "", 1, 200, NULL, false, "where to pay by transfer: IBAN and BIC", AT(creditor.bank),
		line_ok, LINE_LIKE, NULL },
	{ "creditor.locale", CONFIG_TEXT, "language", 2, 63, NULL, true, "language and region: \"fr-FR\"",
		AT(creditor.locale), locale_valid, "a BCP 47 tag such as \"fr-FR\" or \"en-GB\"", NULL },
	{ "creditor.zone", CONFIG_TEXT, "zone", 1, 64, NULL, true, "time zone for debtors who have none: \"Europe/Paris\"",
		AT(creditor.zone), zone_ok, "an IANA time zone such as \"Europe/Paris\"", NULL },
	{ "creditor.role", CONFIG_TEXT, "", 8, 21, "creditor", false, "creditor, or third_party_collector for others' debts: whose contact rules bind",
		AT(creditor.role), role_ok, "\"creditor\" or \"third_party_collector\"", NULL },
	{ "creditor.email", CONFIG_TEXT, "address", 3, 254, NULL, false, "general address", AT(creditor.email), email_valid,
		"one address such as \"name@example.com\"", NULL },
	{ "creditor.phone", CONFIG_TEXT, "", 1, 40, NULL, false, "general number, as people should read it",
		AT(creditor.phone), line_ok, LINE_LIKE, NULL },
	{ "creditor.url", CONFIG_TEXT, "address", 9, 500, NULL, false, "web site", AT(creditor.url), url_ok,
		"an https:// address", NULL },
	{ "policies.dir", CONFIG_TEXT, "path", 1, 400, NULL, false, "your policies; they replace shipped ones of the same name",
		AT(policy_dir), config_absolute_ok, DIR_LIKE, NULL },
	{ "policies.default", CONFIG_TEXT, "policy", 1, 64, "do-nothing", false,
		"for invoices and customers that name none", AT(policy_default), config_name_ok,
		"a policy's name such as \"fr-b2b\"", NULL },
	{ "templates.dir", CONFIG_TEXT, "path", 1, 400, NULL, false,
		"your templates: <locale>/<name>.<subject|txt|html|sms>; they replace shipped ones", AT(template_dir),
		config_absolute_ok, DIR_LIKE, NULL },
	{ "provider_dir", CONFIG_TEXT, "path", 1, 400, NULL, false, "your provider files", AT(provider_dir), config_absolute_ok,
		DIR_LIKE, NULL },
	{ "documents.dir", CONFIG_TEXT, "path", 1, 400, NULL, false, "invoices as PDF, each named by the SHA-256 of its bytes: <pdf_sha256>.pdf",
		AT(documents_dir), config_absolute_ok, DIR_LIKE, NULL },
	{ "http.ca_file", CONFIG_TEXT, "path", 1, 400, NULL, false,
		"certificate authorities for providers and anchors, as PEM, instead of the system's", AT(http_ca_file), config_absolute_ok, DIR_LIKE,
		NULL },
	{ "type_prefix", CONFIG_TEXT, "", 2, 128, NULL, false, "taken off event types before they are read: \"com.acme.\"",
		AT(type_prefix), type_prefix_ok, "a reverse domain name and a dot, such as \"com.acme.\"", NULL },
	{ "mode", CONFIG_WORD, "", 0, 1, "live", false, "shadow: everything goes to the outbox, and records say so",
		AT(shadow), NULL, "live or shadow", mode_words },
	{ "control_socket", CONFIG_TEXT, "path", 1, 100, "/run/dunningd/control", false,
		"dunningctl reaches the daemon here; who may is its folder's business", AT(control_socket), config_absolute_ok, DIR_LIKE,
		NULL },
	{ "hooks.listen", CONFIG_TEXT, "address", 6, 60, NULL, false,
		"where providers' webhooks are taken, as plain HTTP behind a proxy that speaks TLS; without it they are not", AT(hooks_listen),
		listen_ok, "a numeric address and a port from 1 to 65535, such as \"127.0.0.1:8026\" or \"[::1]:8026\"", NULL },
	{ "hooks.public_url", CONFIG_TEXT, "address", 9, 500, NULL, false,
		"what stands before /hooks/ in the addresses that you gave to providers; some sign it", AT(hooks_public_url), public_url_ok,
		"an https:// address without a '/' at its end", NULL },
	{ "hooks.body_bytes", CONFIG_NUMBER, "bytes", 4096, 52428800, "1048576", false, "size of a webhook's body, at most; more where a provider's file says so",
		AT(hooks_body_bytes), NULL, NULL, NULL },
	{ "list_unsubscribe", CONFIG_FLAG, "", 0, 1, "true", false,
		"mails tell in their head how to stop them: by a mail to where answers go, and by one click where webhooks or the debtors' page are listened for",
		AT(list_unsubscribe), NULL, NULL, NULL },
	{ "digest.email", CONFIG_TEXT, "address", 3, 254, NULL, false, "who is told once a day what was sent, held and failed, and what needs a person",
		AT(digest_email), email_valid, "one address like owner@example.com", NULL },
	{ "digest.at", CONFIG_TEXT, "hour", 5, 5, "07:00", false, "when, in digest.zone", AT(digest_at), hour_ok, "an hour like \"07:30\"", NULL },
	{ "digest.zone", CONFIG_TEXT, "zone", 1, 64, NULL, false, "of that hour and of the days that are told of; the creditor's when not said",
		AT(digest_zone), zone_ok, "an IANA zone like \"Europe/Paris\"", NULL },
	{ "digest.locale", CONFIG_TEXT, "", 2, 35, NULL, false, "its language: English, French, German, Spanish, Italian or Dutch; the creditor's when not said",
		AT(digest_locale), locale_valid, "a language tag like \"fr-FR\"", NULL },
	{ "page.listen", CONFIG_TEXT, "address", 6, 60, NULL, false,
		"where the debtors' page is answered, as plain HTTP behind a proxy that speaks TLS; without it there is none, and no link to it",
		AT(page_listen), listen_ok, "a numeric address and a port from 1 to 65535, such as \"127.0.0.1:8028\" or \"[::1]:8028\"", NULL },
	{ "page.public_url", CONFIG_TEXT, "address", 9, 200, NULL, false,
		"what stands before /p/ in the links that debtors get", AT(page_public_url), public_url_ok,
		"an https:// address without a '/' at its end", NULL },
	{ "page.dir", CONFIG_TEXT, "path", 1, 400, NULL, false,
		"your page.html, page.css and <language>.json; each replaces the shipped one of its name", AT(page_dir), config_absolute_ok, DIR_LIKE,
		NULL },
	{ "page.link_days", CONFIG_NUMBER, "days", 1, 366, "90", false, "a link to the debtors' page is good for so long", AT(page_link_days), NULL,
		NULL, NULL },
	{ "page.key", CONFIG_NUMBER, "number", 1, 255, "1", false, "number of the key that signs links; a larger one begins a new key", AT(page_key), NULL,
		NULL, NULL },
	{ "page.oldest_key", CONFIG_NUMBER, "number", 1, 255, "1", false, "links signed by a key of a smaller number count no more", AT(page_oldest_key),
		NULL, NULL, NULL },
	{ "dashboard.listen", CONFIG_TEXT, "address", 6, 60, NULL, false,
		"where the dashboard is answered to whoever has a token, as plain HTTP behind a proxy that speaks TLS; over the control socket it always is",
		AT(dashboard_listen), listen_ok, "a numeric address and a port from 1 to 65535, such as \"127.0.0.1:8029\" or \"[::1]:8029\"", NULL },
	{ "metrics.listen", CONFIG_TEXT, "address", 6, 60, NULL, false,
		"where GET /metrics, /healthz and /readyz are answered, to whoever asks: an address of this computer; without it they are not",
		AT(metrics_listen), listen_ok, "a numeric address and a port from 1 to 65535, such as \"127.0.0.1:8027\" or \"[::1]:8027\"", NULL },
	{ "brake.contacts_per_hour", CONFIG_NUMBER, "contacts", 1, 1000000, "200", false,
		"more planned contacts than this in an hour hold all until a person releases them",
		AT(brake_contacts_per_hour), NULL, NULL, NULL },
	{ "costs.currency", CONFIG_TEXT, "", 3, 3, NULL, false, "of the costs of asking for money, which a decision shows; without it only minutes are counted",
		AT(costs.currency), currency_ok, "an ISO 4217 currency in capitals, such as \"EUR\"", NULL },
	{ "costs.hour", CONFIG_NUMBER, "minor units", 0, 100000000, "0", false, "an hour of whoever calls and decides", AT(costs.hour), NULL, NULL, NULL },
	{ "costs.call_minutes", CONFIG_NUMBER, "minutes", 0, 600, "10", false, "a call of which nobody said how long it took", AT(costs.call_minutes),
		NULL, NULL, NULL },
	{ "costs.task_minutes", CONFIG_NUMBER, "minutes", 0, 600, "10", false, "a decision, or a letter that a person posts", AT(costs.task_minutes),
		NULL, NULL, NULL },
	{ "costs.email", CONFIG_NUMBER, "minor units", 0, 1000000, "0", false, "one mail", AT(costs.email), NULL, NULL, NULL },
	{ "costs.sms", CONFIG_NUMBER, "minor units", 0, 1000000, "0", false, "one SMS", AT(costs.sms), NULL, NULL, NULL },
	{ "costs.voice", CONFIG_NUMBER, "minor units", 0, 1000000, "0", false, "one call that speaks", AT(costs.voice), NULL, NULL, NULL },
	{ "costs.letter", CONFIG_NUMBER, "minor units", 0, 1000000, "0", false, "one letter", AT(costs.letter), NULL, NULL, NULL },
	{ "costs.registered", CONFIG_NUMBER, "minor units", 0, 1000000, "0", false, "one registered letter", AT(costs.registered), NULL, NULL, NULL },
	{ "retention.expire", CONFIG_FLAG, "", 0, 1, "true", false, "erase every night the files whose periods have run out",
		AT(retention_expire), NULL, NULL, NULL },
	{ "retention.file", CONFIG_TEXT, "path", 1, 400, NULL, false, "your periods, instead of the shipped retention.json",
		AT(retention_file), config_absolute_ok, DIR_LIKE, NULL },
	{ "law.dir", CONFIG_TEXT, "path", 1, 400, NULL, false, "folder of your own law files, laid over the shipped ones",
		AT(law_dir), config_absolute_ok, DIR_LIKE, NULL },
	{ "limits.batch", CONFIG_NUMBER, "entries", 1, 512, "200", false, "stream entries in one group, at most",
		AT(limits.batch), NULL, NULL, NULL },
	{ "limits.concurrency", CONFIG_NUMBER, "requests", 1, 250, "20", false, "attempts on the wire at once, all providers",
		AT(limits.concurrency), NULL, NULL, NULL },
	{ "limits.group_keys", CONFIG_NUMBER, "keys", 16, 512, "512", false, "Redis keys in one group, at most",
		AT(limits.group_keys), NULL, NULL, NULL },
	{ "limits.group_bytes", CONFIG_NUMBER, "bytes", 65536, 8388608, "1048576", false, "size of one group, at most",
		AT(limits.group_bytes), NULL, NULL, NULL },
	{ "limits.outbound_maxlen", CONFIG_NUMBER, "entries", 1000, INT64_C(1000000000), "1000000", false,
		"outbound events kept in the stream", AT(limits.outbound_maxlen), NULL, NULL, NULL },
	{ "limits.dead_maxlen", CONFIG_NUMBER, "entries", 1000, INT64_C(1000000000), "100000", false,
		"dead letters kept in the stream", AT(limits.dead_maxlen), NULL, NULL, NULL },
	{ "limits.segment_bytes", CONFIG_NUMBER, "bytes", 1048576, INT64_C(1073741824), "67108864", false,
		"size of a journal segment", AT(limits.segment_bytes), NULL, NULL, NULL },
	{ "limits.cache_keys", CONFIG_NUMBER, "cases", 16, 10000000, "10000", false, "cases whose keys are kept in memory",
		AT(limits.cache_keys), NULL, NULL, NULL },
};

const struct config_key *config_keys(size_t *count)
{
	*count = ARRAY_LEN(keys);
	return keys;
}
