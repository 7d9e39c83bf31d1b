/*
 * Secrets stand in no output: logs, Redis, the trail opened with its keys, evidence, every command, and what a check of the configuration
 * says. In a run in which they are used in every place a provider file may put them, the provider says them back, and somebody calls the
 * webhook with them.
 */
#include "tests/integration/hooks_fixture.h"

#include <dirent.h>
#include <sys/stat.h>

#include "tests/support/http_peer.h"

static const char *const secrets[] = { "canary-bearer/7+Q=z", "canary-password:8&x", "canary-form 9%y", "canary-hook-a1", "canary-path-b2", "canary-hmac-c3" };
enum { BEARER, PASSWORD, FORM, HOOK, PATH, HMAC };

static const char file[] =
	"{\"adapter\":1,\"name\":\"canary\",\"channel\":\"email\",\"config\":{\"base_url\":{\"required\":true},\"who\":{\"default\":\"me\"},\"bearer\":{\"required\":true,\"secret\":true},"
	"\"password\":{\"required\":true,\"secret\":true},\"form\":{\"required\":true,\"secret\":true},\"hook\":{\"required\":true,\"secret\":true},"
	"\"path\":{\"required\":true,\"secret\":true},\"hmac\":{\"required\":true,\"secret\":true}},"
	"\"token\":{\"request\":{\"method\":\"POST\",\"url\":\"{config.base_url}/token\",\"auth\":{\"kind\":\"basic\",\"user\":\"me\",\"password\":"
	"\"{config.password}\"},\"body\":{\"kind\":\"form\",\"fields\":[[\"grant\",\"x\"]]}},\"value\":\"/token\"},"
	"\"send\":{\"method\":\"POST\",\"url\":\"{config.base_url}/send\",\"auth\":{\"kind\":\"bearer\",\"token\":\"{config.bearer}\"},"
	"\"headers\":[[\"X-Token\",\"{token}\"]],"
	"\"body\":{\"kind\":\"form\",\"fields\":[[\"key\",\"{config.form}\"],[\"to\",\"{to.email}\"],[\"text\",\"{text}\"]]}},"
	"\"response\":{\"id\":\"/id\",\"rules\":[{\"status\":\"2xx\",\"require\":[\"/id\"],\"outcome\":\"accepted\"}]},"
	"\"webhooks\":[{\"path\":\"shared\",\"parse\":\"json\",\"verify\":{\"kind\":\"header\",\"name\":\"X-Secret\",\"value\":\"{config.hook}\"},"
	"\"events\":{\"attempt\":\"/attempt\",\"type\":\"/type\",\"map\":{\"delivered\":\"delivered\"},\"address\":\"/address\"}},"
	"{\"path\":\"hidden\",\"parse\":\"json\",\"verify\":{\"kind\":\"path_secret\",\"value\":\"{config.path}\"},"
	"\"events\":{\"attempt\":\"/attempt\",\"type\":\"/type\",\"map\":{\"delivered\":\"delivered\"},\"address\":\"/address\"}},"
	"{\"path\":\"basic\",\"parse\":\"json\",\"verify\":{\"kind\":\"basic\",\"user\":\"{config.who}\",\"password\":\"{config.hmac}\"},"
	"\"events\":{\"attempt\":\"/attempt\",\"type\":\"/type\",\"map\":{\"delivered\":\"delivered\"},\"address\":\"/address\"}}]}";

struct canary {
	struct world world;
	struct http_peer *peer;
	int port;
	char *forms[200]; /* each secret in every form it may take, and the keys of the trail */
	size_t form_count;
	size_t searched; /* outputs */
};

/* A provider that says everything back to whoever asks for one@echo.example. */
static void answer(const struct buf *request, struct buf *out, void *arg)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf body = { 0 }, basic = { 0 };
	const char *text = buf_str(request), *pair = arena_printf(arena, "me:%s", secrets[PASSWORD]);
	bool token = strncmp(text, "POST /token ", 12) == 0, echo = strstr(text, "one%40echo.example");

	(void)arg;
	if (token)
		buf_add_str(&body, "{\"token\":\"canary-token-d4\"}");
	else if (echo)
		buf_add(&body, request->data, request->len);
	else
		buf_add_str(&body, "{\"id\":\"m-1\"}");
	base64_add(&basic, pair, strlen(pair));
	buf_printf(out, "HTTP/1.1 %s\r\nX-Echo: %s %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", echo ? "400 No" : "200 OK",
		echo ? secrets[BEARER] : "-", echo ? buf_str(&basic) : "-", body.len);
	buf_add(out, body.data, body.len);
}

static void add_form(struct canary *c, const char *text)
{
	assert_true(c->form_count < ARRAY_LEN(c->forms));
	c->forms[c->form_count++] = strdup(text);
}

static void add_forms(struct canary *c, const char *secret)
{
	CLEANUP(buf_clear) struct buf percent = { 0 }, base64 = { 0 }, basic = { 0 }, pair = { 0 }, hex = { 0 };

	for (const unsigned char *p = (const unsigned char *)secret; *p; p++) {
		buf_printf(&percent, strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~", *p) ? "%c" : "%%%02X", *p);
		buf_printf(&hex, "%02x", *p);
	}
	base64_add(&base64, secret, strlen(secret));
	buf_printf(&pair, "me:%s", secret);
	base64_add(&basic, pair.data, pair.len);
	add_form(c, secret);
	add_form(c, buf_str(&percent));
	add_form(c, buf_str(&base64));
	add_form(c, buf_str(&basic));
	add_form(c, buf_str(&hex));
}

static int setup(void **state)
{
	static const char *const names[] = { "bearer", "password", "form", "hook", "path", "hmac" };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct canary *c = calloc(1, sizeof(*c));
	char *list = arena_strdup(arena, "");

	world_open(&c->world, &(struct world_options){ 0 });
	c->peer = http_peer_create(NULL);
	http_peer_handler(c->peer, answer, NULL);
	c->port = free_port();
	put_file(&c->world, arena, "canary.json", file);
	for (size_t i = 0; i < ARRAY_LEN(secrets); i++) {
		put_file(&c->world, arena, arena_printf(arena, "credentials/c-%s", names[i]), secrets[i]);
		list = arena_printf(arena, "%s%s\"%s\":\"c-%s\"", list, i ? "," : "", names[i], names[i]);
		add_forms(c, secrets[i]);
	}
	add_forms(c, "canary-token-d4");
	for (const char *const *key = (const char *const[]){ "install-key", "wrap-key", "trail-log-key", NULL }; *key; key++) {
		CLEANUP(buf_clear) struct buf text = { 0 };

		assert_int_equal(file_read(arena_printf(arena, "%s/credentials/%s", c->world.dir, *key), 200, &text, NULL), 0);
		add_form(c, buf_str(&text));
	}
	world_configure(&c->world, "\"creditor\":",
		arena_printf(arena, "\"hooks\":{\"listen\":\"127.0.0.1:%d\",\"public_url\":\"https://dunning.example\"},\"creditor\":", c->port));
	world_configure(&c->world, "\"providers\":{",
		arena_printf(arena, "\"providers\":{\"canary\":{\"file\":\"%s/canary.json\",\"settings\":{\"base_url\":\"http://127.0.0.1:%u\"},\"secrets\":{%s}},",
			c->world.dir, http_peer_port(c->peer), list));
	world_configure(&c->world, "\"email\":\"sandbox\"", "\"email\":\"canary\"");
	world_start(&c->world, NULL);
	if (!world_ready(&c->world, WAIT_MS))
		return -1;
	*state = c;
	return 0;
}

static int teardown(void **state)
{
	struct canary *c = *state;

	world_close(&c->world, false);
	http_peer_destroy(c->peer);
	for (size_t i = 0; i < c->form_count; i++)
		free(c->forms[i]);
	free(c);
	return 0;
}

static void search_bytes(struct canary *c, const char *where, const struct buf *text)
{
	c->searched++;
	for (size_t i = 0; text->len && i < c->form_count; i++) {
		const char *at = memmem(text->data, text->len, c->forms[i], strlen(c->forms[i]));
		size_t from = at ? (size_t)(at - text->data) : 0, before = from < 120 ? from : 120;

		if (at)
			fail_msg("%s: %s stands in ...%.*s", where, c->forms[i], (int)(before + 80), at - before);
	}
}

/* All files but the secrets themselves. */
static void search_files(struct canary *c, const char *dir)
{
	DIR *folder = opendir(dir);
	struct dirent *entry;

	assert_non_null(folder);
	while ((entry = readdir(folder))) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		CLEANUP(buf_clear) struct buf text = { 0 };
		const char *path = arena_printf(arena, "%s/%s", dir, entry->d_name);
		struct stat st;

		if (entry->d_name[0] == '.' || strcmp(entry->d_name, "credentials") == 0 || lstat(path, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode))
			search_files(c, path);
		else if (S_ISREG(st.st_mode) && file_read(path, 64 << 20, &text, NULL) == 0)
			search_bytes(c, path, &text);
	}
	closedir(folder);
}

static void search_command(struct canary *c, const char *const *words)
{
	CLEANUP(buf_clear) struct buf output = { 0 };
	int status = world_ctl(&c->world, words, &output);

	if (!output.len)
		fail_msg("dunningctl %s %s says nothing, and ends with %d", words[0], words[1] ? words[1] : "", status);
	search_bytes(c, words[0], &output);
}

static void call_hook(struct canary *c, const char *path, const char *header, int status)
{
	static int number;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *body = arena_printf(arena, "{\"type\":\"delivered\",\"address\":\"one@good.example\",\"n\":%d}", ++number);
	const char *text = arena_printf(arena, "POST /hooks/canary/%s HTTP/1.1\r\nHost: dunning.example\r\nContent-Type: application/json\r\n%s"
					       "Content-Length: %zu\r\n\r\n%s", path, header, strlen(body), body);

	assert_int_equal(send_raw(c->port, text, strlen(text), WAIT_MS), status);
}

static void push_invoice(struct canary *c, const char *id)
{
	static const char event[] =
		"{\"specversion\":\"1.0\",\"id\":\"f-ID\",\"source\":\"https://billing.example/eu\",\"type\":\"invoice.finalized\","
		"\"time\":\"2026-03-02T09:00:00Z\",\"data\":{\"invoice\":{\"id\":\"ID\",\"number\":\"F-ID\",\"version\":1,\"issued_on\":\"2026-03-02\","
		"\"due_on\":\"2026-04-01\",\"currency\":\"EUR\",\"total_minor\":120000,\"due_minor\":120000},"
		"\"customer\":{\"id\":\"c-ID\",\"name\":\"Dupont SARL\",\"country\":\"FR\",\"locale\":\"fr-FR\",\"timezone\":\"Europe/Paris\","
		"\"contacts\":[{\"id\":\"c1\",\"role\":\"billing\",\"email\":\"one@ID.example\"}]}}}";
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	char *text = replaced(arena, event, "ID", id);

	world_push(&c->world, text, strlen(text));
}

static void secrets_stand_in_no_output(void **state)
{
	struct canary *c = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf basic = { 0 };
	const char *pair = arena_printf(arena, "me:%s", secrets[HMAC]), *evidence = arena_printf(arena, "%s/evidence.zip", c->world.dir);
	const char *const check[] = { arena_printf(arena, "%s/dunningd", c->world.programs), "--config", c->world.config, "--credentials",
		arena_printf(arena, "%s/credentials", c->world.dir), "--share", SOURCE_DIR "/daemon/share", "--check-config", NULL };

	push_invoice(c, "good");
	push_invoice(c, "echo");
	assert_true(world_quiet(&c->world, WAIT_MS));
	assert_int_equal(http_peer_requests(c->peer), 3);
	base64_add(&basic, pair, strlen(pair));
	call_hook(c, "shared", arena_printf(arena, "X-Secret: %s\r\n", secrets[HOOK]), 200);
	call_hook(c, arena_printf(arena, "hidden/%s", secrets[PATH]), "", 200);
	call_hook(c, "basic", arena_printf(arena, "Authorization: Basic %s\r\n", buf_str(&basic)), 200);
	call_hook(c, "shared", arena_printf(arena, "X-Secret: %s\r\n", secrets[PATH]), 401); /* the wrong one */
	assert_true(world_quiet(&c->world, WAIT_MS));
	for (const char *const *id = (const char *const[]){ "good", "echo", NULL }; *id; id++) {
		search_command(c, (const char *const[]){ "show", *id, NULL });
		search_command(c, (const char *const[]){ "explain", *id, NULL });
		search_command(c, (const char *const[]){ "timeline", *id, NULL });
		search_command(c, (const char *const[]){ "trail", "log", *id, "--parts", NULL });
		search_command(c, (const char *const[]){ "trail", "log", *id, "--parts", "--json", NULL });
	}
	search_command(c, (const char *const[]){ "trail", "log", "--customer", "~system", "--parts", "--json", NULL });
	search_command(c, (const char *const[]){ "status", NULL });
	search_command(c, (const char *const[]){ "status", "--json", NULL });
	search_command(c, (const char *const[]){ "list", NULL });
	search_command(c, (const char *const[]){ "tasks", NULL });
	search_command(c, (const char *const[]){ "dead", "list", "--json", NULL });
	search_command(c, (const char *const[]){ "check", NULL });
	search_command(c, (const char *const[]){ "trail", "status", NULL });
	search_command(c, (const char *const[]){ "reload", NULL });
	search_command(c, (const char *const[]){ "evidence", "echo", "--out", evidence, NULL });
	for (int i = 0; i < 60; i++) { /* each record with its parts: the bundle is zipped */
		CLEANUP(buf_clear) struct buf output = { 0 };

		if (world_ctl(&c->world, (const char *const[]){ "trail", "show", arena_printf(arena, "%d", i), "--parts", NULL }, &output) != 0)
			break;
		search_bytes(c, "trail show", &output);
	}
	assert_int_equal(process_stop(&c->world.daemon, WAIT_MS), 0);
	{
		CLEANUP(buf_clear) struct buf output = { 0 };

		assert_int_equal(process_run(check, &output, 60000), 0);
		search_bytes(c, "--check-config", &output);
	}
	search_files(c, c->world.dir);
	print_message("%zu outputs\n", c->searched);
	assert_true(c->searched > 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(secrets_stand_in_no_output) };

	return cmocka_run_group_tests_name("secrets", tests, setup, teardown);
}
