#include "tests/support/sandbox_world.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"

#define WAIT_MS 30000

static const char event[] =
	"{\"specversion\":\"1.0\",\"id\":\"f-ID\",\"source\":\"https://billing.example/eu\",\"type\":\"invoice.finalized\","
	"\"time\":\"2026-03-02T09:00:00Z\",\"data\":{\"invoice\":{\"id\":\"ID\",\"number\":\"F-ID\",\"version\":1,\"issued_on\":\"2026-03-02\","
	"\"due_on\":\"2026-04-01\",\"currency\":\"EUR\",\"total_minor\":120000,\"due_minor\":120000},"
	"\"customer\":{\"id\":\"CUS\",\"name\":\"Dupont SARL\",\"country\":\"FR\",\"locale\":\"fr-FR\",\"timezone\":\"Europe/Paris\","
	"\"contacts\":[{\"id\":\"c1\",\"role\":\"billing\",\"email\":\"MAIL\",\"phone\":\"PHONE\"},"
	"{\"id\":\"c2\",\"role\":\"billing\",\"email\":\"two@ID.example\"}]}}}";
static const char policy[] =
	"{\"name\":\"now\",\"title\":\"at once\",\"window\":{\"zone\":\"debtor\",\"days\":\"mon-sun\",\"hours\":\"00:00-24:00\"},"
	"\"caps\":[],\"min_gap\":\"0h\",\"same_day\":true,\"group\":\"none\","
	"\"steps\":[{\"id\":\"reminder\",\"at\":\"due+1d\",\"channel\":\"email\",\"template\":\"plain\",\"tone\":\"friendly\",\"else\":\"sms\"}]}";

static const char *member(const struct json *json, const char *key)
{
	struct json value = json_get(json, key);

	return json_str(&value) ? json_str(&value) : "";
}

static const char *replaced(struct arena *arena, const char *text, const char *what, const char *with)
{
	const char *at, *ret = "";

	for (; (at = strstr(text, what)); text = at + strlen(what))
		ret = arena_printf(arena, "%s%.*s%s", ret, (int)(at - text), text, with);
	return arena_printf(arena, "%s%s", ret, text);
}

static void put(const struct world *w, struct arena *arena, const char *name, const char *text)
{
	if (file_replace(arena_printf(arena, "%s/%s", w->dir, name), text, strlen(text), 0600) < 0)
		world_fail("%s cannot be written", name);
}

/* With the shipped files of all four, and the sandbox's keys. */
static void add_providers(struct sandbox_world *t)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf config = { 0 };
	struct json said = world_ask_sandbox(&t->world, arena, "/hooks"), keys = json_get(&said, "keys");
	const char *text, *base = arena_printf(arena, "http://127.0.0.1:%d", t->world.port);

	put(&t->world, arena, "credentials/resend-key", member(&keys, "resend"));
	put(&t->world, arena, "credentials/some-key", "x");
	if (file_read(t->world.config, 100000, &config, NULL) < 0)
		world_fail("%s cannot be read", t->world.config);
	text = replaced(arena, buf_str(&config), "\"creditor\":",
		arena_printf(arena, "\"hooks\":{\"listen\":\"127.0.0.1:%d\",\"public_url\":\"https://dunning.example\"},\"creditor\":", t->hooks));
	text = replaced(arena, text, "{\"sandbox\":{\"file\":\"sandbox.json\",",
		arena_printf(arena,
			"{\"twilio-sms\":{\"file\":\"twilio-sms.json\",\"settings\":{\"account_sid\":\"AC1\",\"base_url\":\"%s\"},\"secrets\":{\"auth_token\":\"sandbox-secret\"}},"
			"\"sendgrid\":{\"file\":\"sendgrid.json\",\"settings\":{\"webhook_key\":\"%s\",\"inbound_key\":\"%s\",\"base_url\":\"%s\"},\"secrets\":{\"api_key\":\"some-key\"}},"
			"\"resend\":{\"file\":\"resend.json\",\"settings\":{\"base_url\":\"%s\"},\"secrets\":{\"api_key\":\"some-key\",\"webhook_secret\":\"resend-key\","
			"\"inbound_secret\":\"resend-key\"}},"
			"\"sandbox\":{\"file\":\"sandbox.json\",\"secrets\":{\"webhook_key\":\"sandbox-secret\"},",
			base, member(&keys, "sendgrid"), member(&keys, "sendgrid"), base, base));
	put(&t->world, arena, t->world.config + strlen(t->world.dir) + 1, text);
}

long sandbox_world_post(struct sandbox_world *t, const char *path, const char *body, struct http_reply *reply)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	return http_post(arena_printf(arena, "http://127.0.0.1:%d%s", t->world.port, path), NULL, body, reply);
}

void sandbox_world_aim(struct sandbox_world *t, const char *public_url, int retry_ms)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(http_reply_clear) struct http_reply reply = { 0 };

	if (sandbox_world_post(t, "/hooks", arena_printf(arena, "{\"to\":\"http://127.0.0.1:%d\",\"public_url\":\"%s\",\"retry_ms\":%d}", t->hooks,
						    public_url, retry_ms), &reply) != 200)
		world_fail("the sandbox is not told where to: %s", buf_str(&reply.body));
}

void sandbox_world_open(struct sandbox_world *t, const char *clock)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf log = { 0 };

	world_open(&t->world, &(struct world_options){ .clock = clock });
	t->hooks = world_free_port();
	put(&t->world, arena, "policies/now.json", policy);
	put(&t->world, arena, "templates/fr/plain.sms", "Facture {{invoice.number}}");
	add_providers(t);
	sandbox_world_aim(t, SANDBOX_WORLD_PUBLIC, 20);
	world_start(&t->world, NULL);
	if (world_ready(&t->world, WAIT_MS))
		return;
	(void)file_read(world_log(&t->world, arena), 100000, &log, NULL);
	world_fail("the daemon does not come up: %s", buf_str(&log));
}

void sandbox_world_push(struct sandbox_world *t, const char *id, const char *customer, const char *mail, const char *phone)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *text = replaced(arena, replaced(arena, event, "ID", id), "CUS", customer);

	text = replaced(arena, replaced(arena, text, "MAIL", mail), "PHONE", phone);
	world_push(&t->world, text, strlen(text));
}

const char *sandbox_world_sent(struct sandbox_world *t, struct arena *arena, const char *invoice, size_t count)
{
	for (int64_t deadline = real_ms() + WAIT_MS; real_ms() < deadline; pause_ms(20)) {
		struct json said = world_ask_sandbox(&t->world, arena, arena_printf(arena, "/messages?invoice=%s", invoice)),
			    messages = json_get(&said, "messages"), one = json_at(&messages, count - 1);

		if (json_len(&messages) >= count)
			return member(&one, "attempt");
	}
	world_fail("%s: there is no message %zu", invoice, count);
}

void sandbox_world_says(struct sandbox_world *t, const char *kind, const char *id, const char *text)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *argv[] = { "GET", world_key(&t->world, arena, arena_printf(arena, "%s:%s", kind, id)), NULL }, *seen = "";

	for (int64_t deadline = real_ms() + WAIT_MS; real_ms() < deadline; pause_ms(20)) {
		const struct redis_reply *reply = world_redis(&t->world, arena, argv);

		seen = reply->type == REDIS_STRING ? reply->str : "";
		if (strstr(seen, text))
			return;
	}
	world_fail("%s %s does not come to say %s: %s", kind, id, text, seen);
}
