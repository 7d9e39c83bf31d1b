#include "tests/support/world.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/file.h"
#include "common/keys.h"
#include "common/utc.h"
#include "tests/support/http_get.h"
#include "tests/support/scrape.h"
#include "tests/support/tree.h"

#define UP_MS 20000 /* for a program to come up, on a busy machine */

void world_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("FAILED: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

void world_put(const struct world *w, const char *name, const char *text)
{
	char path[300];
	int r;

	snprintf(path, sizeof(path), "%s/%s", w->dir, name);
	r = file_replace(path, text, strlen(text), 0600);
	if (r < 0)
		world_fail("%s: %s", path, strerror(-r));
}

static const char *program(const struct world *w, const char *name)
{
	static char paths[4][512];
	static int next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", w->programs, name);
	return path;
}

/* --- Redis ------------------------------------------------------------------------------------------------------------------------ */

#define REDIS_PASSWORD "of dunningd in Redis"
#define ACL_SETTINGS ",\"user\":\"dunningd\",\"password_credential\":\"redis-password\""

uint32_t world_partitions(const struct world *w)
{
	return w->options.partitions ? (uint32_t)w->options.partitions : 1;
}

static void start_many(struct world *w)
{
	struct redis_url url;

	w->cluster.apart = w->options.apart;
	if (w->options.redis == REDIS_CLUSTER)
		cluster_start(&w->cluster, w->dir);
	else
		sentinels_start(&w->cluster, w->dir);
	if (redis_url_parse(w->cluster.url, &url, NULL) < 0)
		world_fail("%s is no address", w->cluster.url);
	w->links = redis_links_create(w->base, &url, w->prefix, world_partitions(w), NULL, NULL);
	for (uint32_t p = 0; p < world_partitions(w); p++) { /* so that they can be given many at once */
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		const struct redis_reply *reply;

		if (redis_call(w->base, redis_links_at(w->links, p), arena, 1, (const char *const[]){ "PING" }, NULL, &reply) < 0)
			world_fail("%s: no connection for partition %u", w->cluster.url, p);
	}
}

static void start_redis(struct world *w)
{
	char log[200];
	const char *argv[] = { "redis-server", "--port", "0", "--unixsocket", w->redis_socket, "--dir", w->dir, "--appendonly", "yes",
		"--appendfsync", w->options.appendfsync ? w->options.appendfsync : "everysec", "--save", "", "--maxmemory-policy",
		"noeviction", w->options.acl ? "--include" : NULL, SOURCE_DIR "/systemd/redis-acl.conf", NULL };
	int64_t deadline = real_ms() + UP_MS;
	struct redis_url url = { 0 };
	bool up = false;

	if (w->options.redis != REDIS_SINGLE) {
		start_many(w);
		return;
	}
	snprintf(log, sizeof(log), "%s/redis.log", w->dir);
	process_start(&w->redis, argv, log);
	snprintf(url.path, sizeof(url.path), "%s", w->redis_socket);
	if (!w->links)
		w->links = redis_links_create(w->base, &url, w->prefix, 1, NULL, NULL);
	while (!up && real_ms() < deadline) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		const char *ping[] = { "PING" };
		const struct redis_reply *reply;

		up = redis_call(w->base, redis_links_at(w->links, 0), arena, 1, ping, NULL, &reply) == 0 && reply->type == REDIS_STATUS;
		if (!up)
			pause_ms(10);
	}
	if (!up)
		world_fail("redis-server does not come up: %s", log);
	if (w->options.acl) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();

		(void)world_redis(w, arena, (const char *const[]){ "ACL", "SETUSER", "dunningd", ">" REDIS_PASSWORD, NULL });
	}
}

void world_restart_redis(struct world *w)
{
	start_redis(w);
}

const struct redis_reply *world_redis(struct world *w, struct arena *arena, const char *const *argv)
{
	const struct redis_reply *reply;
	size_t argc = 0;
	int r;

	while (argv[argc])
		argc++;
	r = redis_call(w->base, redis_links_for(w->links, argc, argv), arena, argc, argv, NULL, &reply);
	if (r < 0)
		world_fail("Redis, %s: %s", argv[0], strerror(-r));
	if (reply->type == REDIS_ERROR)
		world_fail("Redis, %s: %s", argv[0], reply->str);
	return reply;
}

int64_t world_redis_int(struct world *w, const char *const *argv)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	return world_redis(w, arena, argv)->integer;
}

const char *world_key(const struct world *w, struct arena *arena, const char *name)
{
	return world_key_in(w, arena, 0, name);
}

const char *world_key_in(const struct world *w, struct arena *arena, uint32_t partition, const char *name)
{
	return arena_printf(arena, "%s:{%u}:%s", w->prefix, partition, name);
}

uint32_t world_partition(const struct world *w, int debtor)
{
	char id[24];

	snprintf(id, sizeof(id), "cus_%d", debtor);
	return partition_of(id, world_partitions(w));
}

/* --- coming up ---------------------------------------------------------------------------------------------------------------------- */

static void start_sandbox(struct world *w)
{
	char port_file[140], capture[140], log[140], clock[140], keys[140], port[12];
	const char *argv[] = { program(w, "dunningd-sandbox"), "--port", port, "--port-file", port_file, "--log", capture, "--keys", keys,
		w->options.clock ? "--clock" : NULL, clock, NULL };
	int64_t deadline = real_ms() + UP_MS;

	snprintf(port, sizeof(port), "%d", w->port); /* again the one that the daemon knows */
	w->port = 0;
	snprintf(port_file, sizeof(port_file), "%s/port", w->dir);
	(void)unlink(port_file);
	snprintf(capture, sizeof(capture), "%s/captured", w->dir);
	snprintf(log, sizeof(log), "%s/sandbox.log", w->dir);
	snprintf(keys, sizeof(keys), "%s/credentials", w->dir);
	snprintf(clock, sizeof(clock), "%s/state-0/clock", w->dir);
	process_start(&w->sandbox, argv, log);
	while (!w->port && real_ms() < deadline) {
		CLEANUP(buf_clear) struct buf text = { 0 };

		if (file_read(port_file, 100, &text, NULL) == 0 && text.len)
			w->port = atoi(text.data);
		else
			pause_ms(5);
	}
	if (!w->port)
		world_fail("the sandbox does not come up: %s", log);
}

void world_restart_sandbox(struct world *w)
{
	process_kill(&w->sandbox);
	start_sandbox(w);
}

static const char policy_now[] =
	"{\"name\":\"now\",\"title\":\"at once\",\"window\":{\"zone\":\"debtor\",\"days\":\"mon-sun\",\"hours\":\"00:00-24:00\"},"
	"\"caps\":[],\"min_gap\":\"0h\",\"same_day\":true,\"group\":\"none\","
	"\"steps\":[{\"id\":\"reminder\",\"at\":\"due+1d\",\"channel\":\"email\",\"template\":\"plain\",\"tone\":\"friendly\"}]}";

/* Neither keys nor look-ups: what was doubtful stays so. */
static const char provider_plain[] =
	"{\"adapter\":1,\"name\":\"plain\",\"channel\":[\"email\",\"sms\"],\"config\":{\"base_url\":{\"required\":true}},"
	"\"features\":{},\"limits\":{\"concurrency\":50},"
	"\"send\":{\"method\":\"POST\",\"url\":\"{config.base_url}/send\",\"auth\":{\"kind\":\"none\"},"
	"\"headers\":[[\"Idempotency-Key\",\"{dispatch.id}\"]],"
	"\"body\":{\"kind\":\"json\",\"value\":{\"attempt\":\"{dispatch.id}\",\"channel\":\"{channel}\",\"to\":{\"email\":\"{to.email}\"},"
	"\"invoices\":\"{invoices}\",\"text\":\"{text}\"}},"
	"\"timeout_ms\":10000},"
	"\"response\":{\"id\":\"/id\",\"rules\":[{\"status\":\"2xx\",\"require\":[\"/id\"],\"outcome\":\"accepted\"}]}}";

/* By the computer's clock a test runs at any hour: our own caution about hours, which a user may change, must not decide what it sees. */
static const char any_hour[] =
	"{\"as_of\":\"2026-11-22\",\"contact_rules\":{\"fr-policy\":{\"calendar\":null,\"windows\":[{\"days\":[1,2,3,4,5,6,7],\"start\":\"00:00\","
	"\"end\":\"24:00\"}]},\"any-policy\":{\"windows\":[{\"days\":[1,2,3,4,5,6,7],\"start\":\"00:00\",\"end\":\"24:00\"}]}}}";

void world_renew(struct world *w, int number)
{
	char text[3000], spare[160] = "", law[120] = "", shared[32] = "";

	if (w->options.spare)
		snprintf(spare, sizeof(spare), ",\"spare\":{\"file\":\"sandbox.json\",\"settings\":{\"base_url\":\"http://127.0.0.1:%d\"}}", w->port);
	if (w->options.partitions)
		snprintf(shared, sizeof(shared), "\"partitions\":%d,", w->options.partitions);
	if (!w->options.clock)
		snprintf(law, sizeof(law), "\"law\":{\"dir\":\"%s/law\"},", w->dir);
	if (w->options.prefix)
		snprintf(w->prefix, sizeof(w->prefix), "%s", w->options.prefix);
	else
		snprintf(w->prefix, sizeof(w->prefix), "w%d", number);
	snprintf(w->state, sizeof(w->state), "%s/state-%d", w->dir, number);
	snprintf(w->config, sizeof(w->config), "%s/dunningd-%d.json", w->dir, number);
	snprintf(text, sizeof(text),
		"{\"origin\":\"test.example/world\",\"trail\":{\"checkpoint_every\":100},\"instance\":\"host-a\",\"prefix\":\"%s\",%s\"state_dir\":\"%s\","
		"\"control_socket\":\"%s/control\",\"redis\":{\"url\":\"%s%s\",\"replicas\":%d%s},%s"
		"\"creditor\":{\"name\":\"Acme SARL\",\"locale\":\"fr-FR\",\"zone\":\"Europe/Paris\",\"bank\":\"FR76 3000\"},"
		"\"senders\":{\"default\":{\"name\":\"Acme SARL\",\"email\":\"factures@acme.example\",\"phone\":\"+33100000000\"},"
		"\"director\":{\"name\":\"Mme Durand\",\"email\":\"director@acme.example\",\"reply_to\":\"office@acme.example\"}},"
		"\"providers\":{\"sandbox\":{\"file\":\"%s%s\",\"settings\":{\"base_url\":\"http://127.0.0.1:%d\"}%s}%s},"
		"\"channels\":{\"email\":%s,\"sms\":\"sandbox\"},"
		"\"policies\":{\"dir\":\"%s/policies\",\"default\":\"%s\"},\"templates\":{\"dir\":\"%s/templates\"},"
		"\"brake\":{\"contacts_per_hour\":1000000},\"limits\":{\"concurrency\":%d,\"segment_bytes\":4194304}}",
		w->prefix, shared, w->state, w->dir, w->cluster.url[0] ? "" : "unix://",
		w->cluster.url[0] ? w->cluster.url : w->redis_socket, w->options.replicas, w->options.acl ? ACL_SETTINGS : "", law, w->options.plain ? w->dir : "",
		w->options.plain ? "/plain.json" : "sandbox.json", w->port, w->options.limits ? w->options.limits : "", spare,
		w->options.spare ? "[\"sandbox\",\"spare\"]" : "\"sandbox\"", w->dir,
		w->options.policy ? w->options.policy : "now", w->dir, w->options.concurrency ? w->options.concurrency : 20);
	world_put(w, w->config + strlen(w->dir) + 1, text);
	w->starts = 0;
}

void world_configure(struct world *w, const char *what, const char *with)
{
	CLEANUP(buf_clear) struct buf old = { 0 }, fresh = { 0 };
	const char *text, *at;

	if (file_read(w->config, 100000, &old, NULL) < 0)
		world_fail("%s cannot be read", w->config);
	for (text = buf_str(&old); (at = strstr(text, what)); text = at + strlen(what)) {
		buf_add(&fresh, text, (size_t)(at - text));
		buf_add_str(&fresh, with);
	}
	if (text == old.data)
		world_fail("%s does not hold %s", w->config, what);
	buf_add_str(&fresh, text);
	world_put(w, w->config + strlen(w->dir) + 1, buf_str(&fresh));
}

int world_free_port(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || getsockname(fd, (struct sockaddr *)&at, &len) < 0)
		world_fail("there is no port");
	close(fd);
	return ntohs(at.sin_port);
}

void world_measure(struct world *w)
{
	char with[80];

	w->metrics_port = world_free_port();
	snprintf(with, sizeof(with), "\"metrics\":{\"listen\":\"127.0.0.1:%d\"},\"creditor\":", w->metrics_port);
	world_configure(w, "\"creditor\":", with);
}

void world_fires(struct world *w, const char *alert, const char *sample, double value)
{
	scrape_fires(w->metrics_port, alert, sample, value);
}

void world_fires_above(struct world *w, const char *alert, const char *sample, double value)
{
	scrape_fires_above(w->metrics_port, alert, sample, value);
}

void world_open(struct world *w, const struct world_options *options)
{
	char path[300];

	*w = (struct world){ .options = *options };
	snprintf(w->programs, sizeof(w->programs), "%s", options->programs ? options->programs : BUILD_DIR);
	snprintf(w->dir, sizeof(w->dir), "%s/dunningd-world-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	if (!mkdtemp(w->dir))
		world_fail("%s cannot be made", w->dir);
	snprintf(w->redis_socket, sizeof(w->redis_socket), "%s/redis.sock", w->dir);
	for (const char *const *name = (const char *const[]){ "credentials", "policies", "law", "templates/fr", NULL }; *name; name++) {
		snprintf(path, sizeof(path), "%s/%s", w->dir, *name);
		if (file_make_dirs(path, 0700) < 0)
			world_fail("%s cannot be made", path);
	}
	world_put(w, "credentials/install-key", "5b1f0e8a3c7d2946b0a1c2d3e4f5061728394a5b6c7d8e9f00112233445566aa");
	world_put(w, "credentials/wrap-key", "a65544332211009f8e7d6c5b4a392817061f5e4d3c2b1a0b6492d7c3a8e0f1b5");
	world_put(w, "credentials/trail-log-key", "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0");
	world_put(w, "credentials/redis-password", REDIS_PASSWORD);
	world_put(w, "policies/now.json", policy_now);
	world_put(w, "law/contact-rules.json", any_hour);
	world_put(w, "templates/fr/plain.subject", "Facture {{invoice.number}}");
	world_put(w, "templates/fr/plain.txt", "Facture {{invoice.number}}: {{invoice.balance}}\n");
	world_put(w, "templates/fr/plain.html", "<p>Facture {{invoice.number}}: {{invoice.balance}}</p>\n");
	world_put(w, "plain.json", provider_plain);
	(void)signal(SIGPIPE, SIG_IGN); /* a peer that was killed is told by an error */
	w->base = event_base_new();
	start_redis(w);
	start_sandbox(w);
	world_renew(w, 0);
}

void world_close(struct world *w, bool keep)
{
	process_kill(&w->daemon);
	process_kill(&w->sandbox);
	process_kill(&w->redis);
	cluster_end(&w->cluster);
	redis_links_destroy(w->links);
	event_base_free(w->base);
	if (keep)
		printf("kept: %s\n", w->dir);
	else
		tree_remove(w->dir);
}

const char *world_log(const struct world *w, struct arena *arena)
{
	return arena_printf(arena, "%s-%d.log", w->state, w->starts - 1);
}

void world_start(struct world *w, const char *const *before)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	char credentials[140];
	const char *log;
	const char *argv[40];
	size_t n = 0;

	w->starts++;
	log = world_log(w, arena);
	(void)unlink(log);
	snprintf(credentials, sizeof(credentials), "%s/credentials", w->dir);
	while (before && before[n]) {
		argv[n] = before[n];
		n++;
	}
	argv[n++] = program(w, "dunningd");
	argv[n++] = "--config";
	argv[n++] = w->config;
	argv[n++] = "--credentials";
	argv[n++] = credentials;
	argv[n++] = "--share";
	argv[n++] = SOURCE_DIR "/daemon/share";
	if (w->options.clock) {
		argv[n++] = "--clock";
		argv[n++] = w->options.clock;
	}
	argv[n] = NULL;
	process_start(&w->daemon, argv, log);
}

bool world_ready(struct world *w, int ms)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	int64_t deadline = real_ms() + ms;
	const char *log = world_log(w, arena);

	while (real_ms() < deadline) {
		CLEANUP(buf_clear) struct buf text = { 0 };
		bool runs = process_running(&w->daemon);

		if (file_read(log, 64 << 20, &text, NULL) == 0 && text.data && strstr(text.data, "ready: "))
			return true;
		if (!runs)
			return false;
		pause_ms(5);
	}
	return false;
}

int64_t utc_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- events ------------------------------------------------------------------------------------------------------------------------- */

struct push {
	int *left;
	int64_t *entered; /* NULL = not asked */
};

static void pushed(int r, const struct redis_reply *reply, void *arg)
{
	struct push *one = arg;

	if (r < 0 || reply->type == REDIS_ERROR)
		world_fail("XADD: %s", r < 0 ? strerror(-r) : reply->str);
	if (one->entered)
		*one->entered = strtoll(reply->str, NULL, 10);
	--*one->left;
	free(one);
}

static void push(struct world *w, uint32_t partition, const char *event, size_t len, int64_t *entered, int *left)
{
	struct push *one = xmalloc(sizeof(*one));
	char stream[64];
	const char *argv[] = { "XADD", stream, "*", "event", event };
	const size_t lens[] = { 4, (size_t)snprintf(stream, sizeof(stream), "%s:{%u}:events", w->prefix, partition), 1, 5, len };

	*one = (struct push){ left, entered };
	++*left;
	redis_link_command(redis_links_at(w->links, partition), 5, argv, lens, 60000, pushed, one);
}

static void drain(struct world *w, int *left, int most)
{
	while (*left > most)
		(void)event_base_loop(w->base, EVLOOP_ONCE);
}

void world_push(struct world *w, const char *event, size_t len)
{
	int left = 0;

	push(w, 0, event, len, NULL, &left);
	drain(w, &left, 0);
}

/* Its reminder is owed at once, unless it is due later. */
size_t world_event_text(const struct world *w, char *ret, size_t size, enum world_event kind, int i, int per_debtor)
{
	char now[UTC_TEXT_SIZE], due[UTC_TEXT_SIZE];
	int64_t at = w->events_at ? w->events_at : utc_now();

	utc_format(at, now);
	utc_format(at + (w->due_in ? w->due_in : -2 * DAY_MS), due);
	due[10] = '\0';
	if (kind == WORLD_PAID)
		return (size_t)snprintf(ret, size,
			"{\"specversion\":\"1.0\",\"id\":\"p%d\",\"source\":\"https://billing.example/eu\",\"type\":\"invoice.paid\","
			"\"subject\":\"invoice/inv_%d\",\"time\":\"%s\",\"data\":{\"invoice\":{\"id\":\"inv_%d\",\"number\":\"F-%d\",\"version\":2,"
			"\"status\":\"paid\",\"issued_on\":\"2026-01-02\",\"due_on\":\"%s\",\"currency\":\"EUR\",\"total_minor\":120000,"
			"\"paid_minor\":120000,\"credited_minor\":0,\"due_minor\":0}}}",
			i, i, now, i, i, due);
	return (size_t)snprintf(ret, size,
		"{\"specversion\":\"1.0\",\"id\":\"f%d\",\"source\":\"https://billing.example/eu\",\"type\":\"invoice.finalized\","
		"\"subject\":\"invoice/inv_%d\",\"time\":\"%s\",\"data\":{\"invoice\":{\"id\":\"inv_%d\",\"number\":\"F-%d\",\"version\":1,"
		"\"kind\":\"standard\",\"status\":\"open\",\"issued_on\":\"2026-01-02\",\"due_on\":\"%s\",\"currency\":\"EUR\","
		"\"total_minor\":120000,\"paid_minor\":0,\"credited_minor\":0,\"due_minor\":120000},"
		"\"customer\":{\"id\":\"cus_%d\",\"name\":\"Dupont SARL\",\"country\":\"FR\",\"kind\":\"company\",\"locale\":\"fr-FR\","
		"\"timezone\":\"Europe/Paris\",\"contacts\":[{\"id\":\"c1\",\"role\":\"billing\",\"relation\":\"internal\",\"name\":\"Mme Roy\","
		"\"email\":\"compta%d@dupont.example\",\"channels\":[\"email\"]}]}}}",
		i, i, now, i, i, due, i / per_debtor, i / per_debtor);
}

void world_push_range(struct world *w, enum world_event kind, int from, int count, int per_debtor)
{
	char event[2000];
	int left = 0;

	for (int i = from; i < from + count; i++) {
		push(w, world_partition(w, i / per_debtor), event, world_event_text(w, event, sizeof(event), kind, i, per_debtor),
			w->entered ? &w->entered[i] : NULL, &left);
		drain(w, &left, 500);
	}
	drain(w, &left, 0);
}

/* --- what it is asked ----------------------------------------------------------------------------------------------------------------- */

int world_ctl_with(struct world *w, const char *config, const char *const *words, struct buf *output)
{
	char credentials[140];
	const char *argv[24] = { program(w, "dunningctl"), "--config", config, "--share", SOURCE_DIR "/daemon/share",
		"--credentials", credentials };
	size_t n = 7;

	snprintf(credentials, sizeof(credentials), "%s/credentials", w->dir);
	while (*words && n < 23)
		argv[n++] = *words++;
	argv[n] = NULL;
	return process_run(argv, output, 300000);
}

int world_ctl(struct world *w, const char *const *words, struct buf *output)
{
	return world_ctl_with(w, w->config, words, output);
}

bool world_trail_verifies(struct world *w)
{
	CLEANUP(buf_clear) struct buf output = { 0 };
	const char *words[] = { "trail", "verify", NULL };

	if (world_ctl(w, words, &output) == 0)
		return true;
	fprintf(stderr, "%s", output.data ? output.data : "");
	return false;
}

struct json world_ask_sandbox(struct world *w, struct arena *arena, const char *path)
{
	CLEANUP(http_reply_clear) struct http_reply reply = { 0 };
	char url[200];
	struct json ret;
	struct err err = { 0 };

	snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", w->port, path);
	if (http_get(url, &reply) != 200)
		world_fail("the sandbox, %s: %s", path, reply.failure ? reply.failure : "no 200");
	if (json_parse(arena, reply.body.data, reply.body.len, 0, &ret, &err) < 0)
		world_fail("the sandbox, %s: %s", path, err.text);
	return ret;
}

static struct json status_at(const char *socket, struct arena *arena)
{
	CLEANUP(http_reply_clear) struct http_reply reply = { 0 };
	struct json ret = { 0 };
	struct err err = { 0 };

	if (http_get_unix(socket, "http://localhost/status", &reply) == 200 &&
		json_parse(arena, reply.body.data, reply.body.len, 0, &ret, &err) < 0)
		world_fail("/status: %s", err.text);
	return ret;
}

struct json world_status(struct world *w, struct arena *arena)
{
	char path[120];

	snprintf(path, sizeof(path), "%s/control", w->dir);
	return status_at(path, arena);
}

/* --- more of them ----------------------------------------------------------------------------------------------------------------------- */

static void swap(struct buf *text, const char *what, const char *with)
{
	const char *at = strstr(buf_str(text), what);
	struct buf fresh = { 0 };

	if (!at)
		world_fail("the configuration does not hold %s", what);
	buf_add(&fresh, text->data, (size_t)(at - text->data));
	buf_add_str(&fresh, with);
	buf_add_str(&fresh, at + strlen(what));
	buf_clear(text);
	*text = fresh;
}

void world_instance(struct world *w, const char *name, struct world_instance *ret)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	char old[200], fresh[200];

	*ret = (struct world_instance){ 0 };
	snprintf(ret->name, sizeof(ret->name), "%s", name);
	snprintf(ret->config, sizeof(ret->config), "%s/%s.json", w->dir, name);
	snprintf(ret->state, sizeof(ret->state), "%s/state-%s", w->dir, name);
	snprintf(ret->log, sizeof(ret->log), "%s/%s.log", w->dir, name);
	snprintf(ret->control, sizeof(ret->control), "%s/control-%s", w->dir, name);
	if (file_read(w->config, 100000, &text, NULL) < 0)
		world_fail("%s cannot be read", w->config);
	snprintf(fresh, sizeof(fresh), "\"instance\":\"%s\"", name);
	swap(&text, "\"instance\":\"host-a\"", fresh);
	snprintf(fresh, sizeof(fresh), "\"test.example/world/%s\"", name);
	swap(&text, "\"test.example/world\"", fresh);
	snprintf(old, sizeof(old), "\"state_dir\":\"%s\"", w->state);
	snprintf(fresh, sizeof(fresh), "\"state_dir\":\"%s\"", ret->state);
	swap(&text, old, fresh);
	snprintf(old, sizeof(old), "\"control_socket\":\"%s/control\"", w->dir);
	snprintf(fresh, sizeof(fresh), "\"control_socket\":\"%s\"", ret->control);
	swap(&text, old, fresh);
	world_put(w, ret->config + strlen(w->dir) + 1, buf_str(&text));
}

void world_instance_start(struct world *w, struct world_instance *instance)
{
	char credentials[140];
	const char *argv[] = { "nsenter", instance->site.enter, program(w, "dunningd"), "--config", instance->config, "--credentials", credentials,
		"--share", SOURCE_DIR "/daemon/share", NULL };

	snprintf(credentials, sizeof(credentials), "%s/credentials", w->dir);
	process_start(&instance->process, argv + (instance->site.relay ? 0 : 2), instance->log);
}

struct json world_instance_status(struct world *w, const struct world_instance *instance, struct arena *arena)
{
	(void)w;
	return status_at(instance->control, arena);
}

void world_behave(struct world *w, const char *json)
{
	static const char *const headers[] = { "Content-Type: application/json", NULL };
	CLEANUP(http_reply_clear) struct http_reply reply = { 0 };
	char url[200];

	snprintf(url, sizeof(url), "http://127.0.0.1:%d/behave", w->port);
	if (http_post(url, headers, json, &reply) != 200)
		world_fail("the sandbox does not take %s: %s", json, reply.body.data ? reply.body.data : reply.failure);
}
