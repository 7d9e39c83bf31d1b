/* All that the daemon stands on, looked at from outside: also when it does not run. Nothing is changed, and no secret is shown. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "common/file.h"
#include "common/hash.h"
#include "common/utc.h"
#include "daemon/anchor.h"
#include "daemon/generation.h"
#include "daemon/keystore.h"
#include "daemon/log_key.h"
#include "daemon/service.h"
#include "tools/cmd.h"
#include "tools/findings.h"
#include "tools/unit_file.h"

#define CONFIG_FILE_MAX (1024 * 1024)
#define WALK_MAX 20000 /* files of the state directory that are looked at */
#define WALK_DEPTH 5
#define PROBE_MS 5000
#define ZONE_FILE "/usr/share/zoneinfo/tzdata.zi"

struct doctor {
	struct ctl *ctl;
	struct findings findings;
	struct library *library; /* NULL: it could not be loaded */
	int64_t now; /* the computer's, never a played one */
};

#define SAY(d, ...) findings_add(&(d)->findings, __VA_ARGS__)

/* --- configuration and what it names ------------------------------------------------------------------------------------------------- */

static bool look_at_config(struct doctor *d)
{
	const char *given = d->ctl->call->globals[GLOBAL_CONFIG], *path = given ? given : DUNNINGD_CONFIG_FILE;
	CLEANUP(buf_clear) struct buf text = { 0 };
	CLEANUP(config_freep) struct config *config = NULL;
	struct err err = { 0 };
	struct stat st;

	if (file_read(path, CONFIG_FILE_MAX, &text, &err) < 0) {
		SAY(d, GRADE_FAIL, "config", "dunningd(8); an example: /usr/share/doc/dunningd/examples/dunningd.json", "%s", err.text);
		return false;
	}
	if (config_parse(buf_str(&text), text.len, &config, &err) < 0) {
		SAY(d, GRADE_FAIL, "config", "mend that line; dunningd --check-config", "%s: %s %s", path, err.path, err.text);
		return false;
	}
	if (stat(path, &st) == 0)
		findings_path(&d->findings, &(struct path_look){ path, "the configuration", st.st_mode, st.st_uid, st.st_uid, false });
	SAY(d, GRADE_OK, "config", NULL, "%s can be read%s", path, config->shadow ? "; mode is shadow: nobody is contacted" : "");
	return ctl_config(d->ctl, true) == 0;
}

static void look_at_library(struct doctor *d)
{
	struct err err = { 0 };

	if (library_load(d->ctl->config, ctl_share(d->ctl), &d->library, &err) < 0) {
		SAY(d, GRADE_FAIL, "files", "dunningctl policy check; dunningd --check-config", "a start would be refused: %s%s%s", err.text[0] == '$' ? "" : err.path,
			err.text[0] == '$' || !err.path[0] ? "" : " ", err.text);
		return;
	}
	SAY(d, GRADE_OK, "files", NULL, "%zu policies, %zu providers, their templates and the law can be read", d->library->policy_count, d->library->provider_count);
	if (d->library->unfit_count)
		SAY(d, GRADE_NOTE, "policies_left_out", "dunningctl policy check", "%zu shipped policies cannot be carried out with this configuration",
			d->library->unfit_count);
}

static void look_at_law(struct doctor *d)
{
	const struct law_entry *entries;
	size_t count = d->library && d->library->law ? law_entries(d->library->law, &entries) : 0, in[LAW_STATE_COUNT] = { 0 };
	date today = { (int32_t)(d->now / DAY_MS) }, newest = { INT32_MIN };
	char text[DATE_TEXT_SIZE];

	if (!count)
		return;
	for (size_t i = 0; i < count; i++) {
		in[law_entry_state(&entries[i], today)]++;
		if (date_is_set(entries[i].as_of) && entries[i].as_of.days > newest.days)
			newest = entries[i].as_of;
	}
	findings_law(&d->findings, in[LAW_RAN_OUT], in[LAW_RUNS_OUT]);
	if (!in[LAW_RAN_OUT] && !in[LAW_RUNS_OUT])
		SAY(d, GRADE_OK, "law_data", NULL, "%zu entries, the newest of %s", count, date_format(newest, text));
}

/* --- credentials and keys ------------------------------------------------------------------------------------------------------------- */

static void credential_file(struct doctor *d, const char *name)
{
	const char *path = arena_printf(d->ctl->arena, "%s/%s", ctl_credentials(d->ctl), name);
	struct stat st;

	if (stat(path, &st) == 0)
		findings_path(&d->findings, &(struct path_look){ path, "the credential", st.st_mode, st.st_uid, st.st_uid, true });
}

/* Said, and true, where systemd opens it as the service starts: nobody else can look into it before. */
static bool is_encrypted(struct doctor *d, const char *name)
{
	if (!unit_encrypts(UNIT_FILES, ctl_unit(d->ctl), name))
		return false;
	SAY(d, GRADE_NOTE, "encrypted", "as root, while the service runs: dunningctl doctor", "the credential \"%s\" is encrypted, and opened when %s starts", name,
		ctl_unit(d->ctl));
	return true;
}

static bool has_credential(struct doctor *d, const char *name, const char *for_whom)
{
	CLEANUP(buf_clear) struct buf value = { 0 };
	struct err err = { 0 };
	int r = credential_read(ctl_credentials_of(d->ctl, name), name, true, &value, &err);

	cleanse(value.data, value.len);
	if (r == -ENOENT && is_encrypted(d, name))
		return true;
	if (r < 0)
		SAY(d, GRADE_FAIL, "credential", arena_printf(d->ctl->arena, "put it into %s/%s, mode 0600", ctl_credentials(d->ctl), name), "%s: %s", for_whom, err.text);
	else
		credential_file(d, name);
	return r == 0;
}

static void two_keys(struct doctor *d)
{
	static const char *const names[] = { "install-key", "wrap-key" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		uint8_t key[32];
		struct err err = { 0 };
		int r = credential_key(ctl_credentials_of(d->ctl, names[i]), names[i], key, &err);

		if (r == -ENOENT && is_encrypted(d, names[i]))
			continue;
		if (r < 0)
			SAY(d, GRADE_FAIL, "credential", "restore it from where you keep it; a new installation: openssl rand -hex 32", "%s", err.text);
		else
			credential_file(d, names[i]);
		cleanse(key, sizeof(key));
	}
}

static void look_at_keys(struct doctor *d)
{
	const struct config *config = d->ctl->config;
	CLEANUP(keystore_closep) struct keystore *keys = NULL;
	struct log_key log = { 0 };
	struct log_key_pins pins = { config->trail_verifier_key, config->trail_next_verifier_key };
	struct err err = { 0 };
	uint8_t wrap[32];
	bool encrypted;
	int r = log_key_read(ctl_credentials_of(d->ctl, LOG_KEY_CREDENTIAL), config->origin, &pins, &log, &err);

	cleanse(&log, sizeof(log));
	encrypted = (r == -ENOENT || strcmp(err.code, "log_key_missing") == 0) && is_encrypted(d, LOG_KEY_CREDENTIAL);
	if (r == -ENOENT && !encrypted)
		SAY(d, GRADE_NOTE, "trail_key", "dunningctl trail key new", "the trail is not signed: there is no credential " LOG_KEY_CREDENTIAL);
	else if (r < 0 && !encrypted)
		SAY(d, GRADE_FAIL, "trail_key", "dunningctl trail key show", "%s", err.text);
	else if (r == 0)
		SAY(d, GRADE_OK, "trail_key", NULL, "the trail's key is there%s", config->trail_verifier_key ? ", and is the one that the configuration names" : "");
	err_clear(&err);
	if (access(arena_printf(d->ctl->arena, "%s/keys", config->state_dir), F_OK) != 0 || credential_key(ctl_credentials_of(d->ctl, "wrap-key"), "wrap-key", wrap, NULL) < 0)
		return;
	r = keystore_open(config->state_dir, wrap, 16, &keys, &err);
	cleanse(wrap, sizeof(wrap));
	if (r < 0)
		SAY(d, GRADE_FAIL, "keys", "restore the wrap-key that sealed them", "%s", err.text);
	else
		SAY(d, GRADE_OK, "keys", NULL, "the wrap key opens the key store");
}

struct secret_of {
	struct doctor *doctor;
	const char *provider;
	size_t missing;
};

static int look_at_secret(const char *credential, void *arg)
{
	struct secret_of *of = arg;

	of->missing += !has_credential(of->doctor, credential, arena_printf(of->doctor->ctl->arena, "provider %s", of->provider));
	return 0;
}

/* --- providers ------------------------------------------------------------------------------------------------------------------------- */

static int dial_one(const struct addrinfo *at)
{
	struct pollfd one = { .fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), .events = POLLOUT };
	int fault = 0;
	socklen_t len = sizeof(fault);

	if (one.fd < 0)
		return -errno;
	if (connect(one.fd, at->ai_addr, at->ai_addrlen) < 0 && errno != EINPROGRESS)
		fault = errno;
	else if (poll(&one, 1, PROBE_MS) <= 0)
		fault = ETIMEDOUT;
	else if (getsockopt(one.fd, SOL_SOCKET, SO_ERROR, &fault, &len) < 0)
		fault = errno;
	close(one.fd);
	return -fault;
}

/* Whether somebody listens at the host of this URL: no byte is sent. */
static void probe(struct doctor *d, const char *name, const char *url)
{
	const char *host = strstr(url, "://") ? strstr(url, "://") + 3 : url, *end = host + strcspn(host, "/?#"), *colon = NULL;
	const char *port = strncmp(url, "https:", 6) == 0 ? "443" : strncmp(url, "smtps:", 6) == 0 ? "465" : strncmp(url, "smtp:", 5) == 0 ? "25" : "80";
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
	char *only;
	int r;

	for (const char *p = host; p < end; p++)
		colon = *p == ':' ? p : *p == ']' ? NULL : colon;
	if (colon)
		port = arena_printf(d->ctl->arena, "%.*s", (int)(end - colon - 1), colon + 1);
	only = arena_printf(d->ctl->arena, "%.*s", (int)((colon ? colon : end) - host), host);
	if (*only == '[') {
		only[strlen(only) - 1] = '\0';
		only++;
	}
	r = getaddrinfo(only, port, &hints, &found);
	if (r != 0) {
		SAY(d, GRADE_FAIL, "reach", "resolvectl query HOST", "provider %s: %s is not found: %s", name, only, gai_strerror(r));
		return;
	}
	r = -ECONNREFUSED;
	for (const struct addrinfo *at = found; at && r < 0; at = at->ai_next)
		r = dial_one(at);
	freeaddrinfo(found);
	if (r < 0)
		SAY(d, GRADE_FAIL, "reach", "a firewall, or the provider: see its status page", "provider %s: nobody answers at %s:%s: %s", name, only, port, strerror(-r));
	else
		SAY(d, GRADE_OK, "reach", NULL, "provider %s answers at %s:%s", name, only, port);
}

static void look_at_providers(struct doctor *d, bool probing)
{
	for (size_t i = 0; d->library && i < d->library->provider_count; i++) {
		const struct library_provider *p = &d->library->providers[i];
		struct secret_of of = { d, p->name, 0 };
		CLEANUP(buf_clear) struct buf url = { 0 };

		if (p->adapter)
			(void)adapter_each_secret(p->adapter, p->settings, look_at_secret, &of);
		else if (p->smtp && p->smtp->password)
			(void)look_at_secret(p->smtp->password, &of);
		if (!of.missing)
			SAY(d, GRADE_OK, "provider", NULL, "%s: %s, and its secrets are there", p->name, p->settings->file);
		if (!probing)
			continue;
		if (p->smtp)
			probe(d, p->name, p->smtp->url);
		else if (p->adapter && adapter_address(p->adapter, p->settings, &url) == 0)
			probe(d, p->name, buf_str(&url));
	}
}

static void look_at_certificate(const char *provider, const char *setting, int64_t until, void *arg)
{
	struct doctor *d = arg;

	findings_certificate(&d->findings, provider, setting, until, d->now);
}

static void look_at_anchors(struct doctor *d)
{
	const struct config *config = d->ctl->config;
	struct err err = { 0 };

	if (!config->anchor_count)
		SAY(d, GRADE_NOTE, "anchors", "trail.anchors in dunningd(8)", "nobody outside vouches for the trail: it could be written anew by who has its key");
	else if (anchors_check(config, &err) < 0)
		SAY(d, GRADE_FAIL, "anchors", "mend what it names", "%s %s", err.path, err.text);
	else
		SAY(d, GRADE_OK, "anchors", NULL, "%zu outside vouch for the trail or keep copies", config->anchor_count);
	for (size_t i = 0; i < config->anchor_count; i++) {
		const char *const names[] = { config->anchors[i].authorization, config->anchors[i].id, config->anchors[i].secret };

		for (size_t k = 0; k < ARRAY_LEN(names); k++)
			if (names[k])
				(void)has_credential(d, names[k], arena_printf(d->ctl->arena, "anchor %s", config->anchors[i].name));
	}
}

/* --- disk and files --------------------------------------------------------------------------------------------------------------------- */

struct walk {
	struct doctor *doctor;
	uid_t owner;
	size_t seen, foreign;
	const char *first; /* of the foreign ones */
	int64_t written; /* ms UTC: when a segment was last */
};

static void walk(struct walk *w, const char *dir, int depth)
{
	DIR *at = opendir(dir);

	for (const struct dirent *e; at && (e = readdir(at)) && w->seen < WALK_MAX;) {
		const char *path;
		struct stat st;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		path = arena_printf(w->doctor->ctl->arena, "%s/%s", dir, e->d_name);
		if (lstat(path, &st) < 0)
			continue;
		w->seen++;
		if (st.st_uid != w->owner) {
			w->foreign++;
			w->first = w->first ? w->first : path;
		}
		if (strstr(path, "/journal/") && (int64_t)st.st_mtime * 1000 > w->written)
			w->written = (int64_t)st.st_mtime * 1000;
		if (S_ISDIR(st.st_mode) && depth < WALK_DEPTH)
			walk(w, path, depth + 1);
	}
	if (at)
		closedir(at);
}

/* Gives when the journal was last written; 0 = it never was. */
static int64_t look_at_state(struct doctor *d)
{
	const char *dir = d->ctl->config->state_dir;
	struct walk w = { .doctor = d };
	struct generation generation;
	struct err err = { 0 };
	const struct passwd *user = getpwnam("dunningd");
	struct statvfs fs;
	struct stat st;
	int r;

	if (stat(dir, &st) < 0) {
		SAY(d, GRADE_FAIL, "state_dir", "systemd makes it at the start (StateDirectory=); is state_dir right?", "the state directory %s: %s", dir, strerror(errno));
		return 0;
	}
	if (statvfs(dir, &fs) == 0)
		findings_disk(&d->findings, &(struct disk_look){ dir, fs.f_blocks * fs.f_frsize, fs.f_bavail * fs.f_frsize, fs.f_files, fs.f_favail,
			(uint64_t)d->ctl->config->limits.segment_bytes });
	w.owner = st.st_uid;
	if (st.st_uid == 0 && user && strncmp(dir, "/var/lib/", 9) == 0)
		SAY(d, GRADE_FAIL, "owner", arena_printf(d->ctl->arena, "chown -R dunningd:dunningd %s", dir), "the state directory %s belongs to root: the daemon cannot write there", dir);
	findings_path(&d->findings, &(struct path_look){ dir, "the state directory", st.st_mode, st.st_uid, st.st_uid, true });
	walk(&w, dir, 0);
	if (w.foreign)
		SAY(d, GRADE_FAIL, "owner", arena_printf(d->ctl->arena, "chown -R --reference=%s %s", dir, dir),
			"%zu files of the state directory belong to somebody else, such as %s: the daemon cannot write there", w.foreign, w.first);
	else
		SAY(d, GRADE_OK, "owner", NULL, "all files of %s belong to one user", dir);
	r = generation_read(dir, d->ctl->config->origin, d->ctl->arena, &generation, &err);
	if (r < 0 && r != -ENOENT)
		SAY(d, GRADE_FAIL, "generation", r == -EINPROGRESS ? "dunningctl trail seal --yes --why \"WHY\"" : "dunningd-operations(7), RESTORING", "%s", err.text);
	return w.written;
}

/* --- Redis, clock, daemon ----------------------------------------------------------------------------------------------------------------- */

/* An answer that may be a refusal: NULL then, without a word. *away: nobody answers. */
static const struct redis_reply *ask(struct doctor *d, uint32_t partition, bool *away, size_t argc, const char *const *argv)
{
	const struct redis_reply *reply = NULL;
	struct redis_link *link;

	if (*away)
		return NULL;
	link = redis_links_at(d->ctl->links, partition);
	redis_link_try_once(link);
	if (redis_call(d->ctl->base, link, d->ctl->arena, argc, argv, NULL, &reply) < 0) {
		*away = true;
		return NULL;
	}
	return reply->type == REDIS_ERROR ? NULL : reply;
}

static bool looked_at(struct doctor *d, uint32_t partition)
{
	for (uint32_t p = 0; p < partition; p++)
		if (redis_link_same_server(redis_links_at(d->ctl->links, p), redis_links_at(d->ctl->links, partition)))
			return true;
	return false;
}

static bool look_at_server(struct doctor *d, uint32_t partition)
{
	const struct redis_reply *info, *settings;
	struct redis_look look = { .replicas = d->ctl->config->redis_replicas, .checked = d->ctl->config->redis_check_settings };
	const char **words;
	bool away = ctl_connect(d->ctl) != 0;
	struct redis_url url;

	look.fails_over = !away && ctl_redis_url(d->ctl, &url) == 0 && (url.kind == REDIS_CLUSTER || url.kind == REDIS_SENTINEL);
	cleanse(&url, sizeof(url)); /* it has the password */
	info = ask(d, partition, &away, 1, (const char *const[]){ "INFO" }); /* which connects, too */
	if (!away && looked_at(d, partition))
		return true;
	settings = ask(d, partition, &away, 3, (const char *const[]){ "CONFIG", "GET", "*" });
	if (away) {
		SAY(d, GRADE_FAIL, "redis", "systemctl status redis-server; is redis.url right, and the user and password?", "Redis cannot be asked%s%s",
			d->ctl->away[0] ? ": " : "", d->ctl->away);
		return false;
	}
	look.info = info && info->type == REDIS_STRING ? info->str : NULL;
	if (settings && settings->type == REDIS_ARRAY) {
		words = arena_alloc(d->ctl->arena, (settings->count + 1) * sizeof(*words));
		for (size_t i = 0; i < settings->count; i++)
			words[i] = settings->items[i].str ? settings->items[i].str : "";
		look.settings = words;
		look.setting_count = settings->count;
	}
	findings_redis(&d->findings, &look);
	return true;
}

/* Every primary, once: the daemon refuses a cluster of which one is not as it should be. */
static bool look_at_redis(struct doctor *d)
{
	uint32_t partition = 0;
	bool well;

	do {
		size_t before = d->findings.count;

		well = look_at_server(d, partition);
		for (size_t i = before; d->ctl->links && redis_links_count(d->ctl->links) > 1 && i < d->findings.count; i++)
			d->findings.items[i].what = arena_printf(d->ctl->arena, "the primary of partition %u: %s", partition, d->findings.items[i].what);
	} while (well && ++partition < redis_links_count(d->ctl->links));
	return well;
}

static void look_at_clock(struct doctor *d, int64_t written)
{
	struct timex kernel = { 0 };
	int state = adjtimex(&kernel);
	CLEANUP(buf_clear) struct buf zones = { 0 };
	const char *system = "";

	findings_clock(&d->findings, &(struct clock_look){ d->now, state >= 0, state >= 0 && state != TIME_ERROR && !(kernel.status & STA_UNSYNC), written });
	if (file_read(ZONE_FILE, 1 << 20, &zones, NULL) == 0 && strncmp(buf_str(&zones), "# version ", 10) == 0)
		system = arena_printf(d->ctl->arena, "%.*s", (int)strcspn(zones.data + 10, "\n"), zones.data + 10);
	findings_tz(&d->findings, zone_data_version(), system, (date){ (int32_t)(d->now / DAY_MS) });
}

/* `book`: Redis can be asked what stands in it, such as who suspended all sending. */
static void look_at_daemon(struct doctor *d, bool book)
{
	struct json *status = arena_alloc(d->ctl->arena, sizeof(*status));
	int http = 0, r = ctl_daemon(d->ctl, "GET", "/status", NULL, &http, status);
	size_t before = d->findings.count;
	bool answers = r == 0 && http == 200;
	struct book_look look = { 0 };

	for (uint32_t p = 0; book && p < ctl_partitions(d->ctl); p++)
		if (ctl_look_at_book(d->ctl, d->ctl->arena, p, answers ? status : NULL, &look, NULL) != 0) {
			SAY(d, GRADE_FAIL, "redis", "the ACL of the Redis user: systemd/redis-acl.conf", "the book in Redis cannot be read");
			book = false;
		}
	findings_book(&d->findings, &look);
	if (!answers) {
		SAY(d, GRADE_FAIL, "daemon", r == -EACCES ? "be root, or of the group dunningd" : "systemctl start dunningd; journalctl -u dunningd -n 50",
			"the daemon does not answer at %s: %s", ctl_socket(d->ctl), r < 0 ? strerror(-r) : "it refuses");
		return;
	}
	findings_daemon(&d->findings, status);
	if (d->findings.count == before)
		SAY(d, GRADE_OK, "daemon", NULL, "it runs, and is well");
}

static int run_doctor(struct ctl *ctl, const struct invocation *call)
{
	struct doctor d = { .ctl = ctl, .findings = { .arena = ctl->arena } };
	struct fields *f = fields_create(ctl->arena);
	struct timespec now;
	int64_t written = 0;

	clock_gettime(CLOCK_REALTIME, &now);
	d.now = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	if (look_at_config(&d)) {
		look_at_library(&d);
		two_keys(&d);
		if (ctl->config->redis_password)
			(void)has_credential(&d, ctl->config->redis_password, "Redis");
		look_at_providers(&d, command_option(call, "probe") != NULL);
		if (d.library)
			library_certificates(d.library, d.now + CERTIFICATE_SOON_MS, look_at_certificate, &d);
		look_at_keys(&d);
		look_at_anchors(&d);
		written = look_at_state(&d);
		look_at_law(&d);
		look_at_daemon(&d, look_at_redis(&d));
	}
	look_at_clock(&d, written);
	library_free(d.library);
	ctl_show_findings(ctl, &d.findings, true);
	ctl_add_findings(f, &d.findings);
	view_fields(&ctl->view, f);
	return findings_well(&d.findings) ? EXIT_DONE : EXIT_FOUND;
}

static const struct option_row options[] = {
	{ "probe", NULL, "also whether each provider's host answers; no byte is sent to it" },
	{ 0 },
};

const struct command cmd_doctor = { .name = "doctor", .args = "", .max_args = 0,
	.help = "whether all that the daemon stands on is right: files, credentials, Redis, disk, clock, law; also when it does not run",
	.more = "A line for each thing that was looked at: ok, note, warn or fail, and what to do. Nothing is changed and no secret is shown. It sees\n"
		"most as root, or as the user dunningd. Exit status 1 when something is not right.", .options = options, .run = run_doctor };
