/* What every command stands on: the configuration, the clock, Redis, and how something is refused. */
#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/file.h"
#include "common/played_clock.h"
#include "common/utc.h"
#include "common/law.h"
#include "daemon/service.h"
#include "tools/cmd.h"
#include "tools/unit_file.h"

#define CONFIG_FILE_MAX (1024 * 1024)
#define CREDENTIALS_DIR "credentials" /* beside the configuration file */
#define FIRST_CONFIG "dunningd.json" /* of dunningd.service */

/* --- saying no ----------------------------------------------------------------------------------------------------------------- */

int ctl_fail_err(const struct ctl *ctl, int exit_code, const struct err *err)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	struct json_writer w = jw_init(&out);

	if (ctl->quiet && exit_code == EXIT_UNAVAILABLE)
		return exit_code;
	if (ctl->view.json) {
		jw_object(&w, NULL);
		jw_str(&w, "error", err->code);
		jw_opt_str(&w, "path", err->path);
		jw_str(&w, "text", err->text);
		jw_end_object(&w);
	} else {
		buf_add_str(&out, "dunningctl: ");
		view_clean(&out, err->text);
	}
	fprintf(stderr, "%s\n", buf_str(&out));
	return exit_code;
}

int ctl_fail(const struct ctl *ctl, int exit_code, const char *code, const char *format, ...)
{
	struct err err = { 0 };
	va_list args;

	snprintf(err.code, sizeof(err.code), "%s", code);
	va_start(args, format);
	vsnprintf(err.text, sizeof(err.text), format, args);
	va_end(args);
	return ctl_fail_err(ctl, exit_code, &err);
}

void ctl_warn(const struct ctl *ctl, const char *format, ...)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	char text[600];
	va_list args;

	if (ctl->view.json)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	view_clean(&out, text);
	fprintf(stderr, "dunningctl: %s\n", buf_str(&out));
}

/* --- configuration and clock ----------------------------------------------------------------------------------------------------- */

/* Enough to ask a Redis of which only the address is known: the defaults of config_keys(). */
static struct config *default_config(struct err *err)
{
	static const char text[] = "{\"origin\":\"unknown\",\"creditor\":{\"name\":\"-\",\"locale\":\"en\",\"zone\":\"UTC\"},"
				   "\"senders\":{\"default\":{\"name\":\"-\",\"email\":\"a@example.com\"}}}";
	struct config *config = NULL;

	return config_parse(text, sizeof(text) - 1, &config, err) == 0 ? config : NULL;
}

static void read_clock(struct ctl *ctl)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct played_clock played;
	struct timespec real;
	struct err err = { 0 };

	clock_gettime(CLOCK_REALTIME, &real);
	ctl->now = (int64_t)real.tv_sec * 1000 + real.tv_nsec / 1000000;
	if (!ctl->configured || file_read(arena_printf(ctl->arena, "%s/clock", ctl->config->state_dir), PLAYED_CLOCK_FILE_MAX, &text,
					NULL) < 0)
		return;
	if (played_clock_read(text.data ? text.data : "", text.len, &played, &err) < 0) {
		ctl_warn(ctl, "%s/clock cannot be read, so the computer's clock counts: %s", ctl->config->state_dir, err.text);
		return;
	}
	ctl->now = played_clock_at(&played, ctl->now);
	ctl->played = true;
}

int ctl_config(struct ctl *ctl, bool needed)
{
	const char *given = ctl->call->globals[GLOBAL_CONFIG], *path = given ? given : DUNNINGD_CONFIG_FILE;
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct err err = { 0 }, inner = { 0 };
	int r;

	if (ctl->config)
		return needed && !ctl->configured ?
			ctl_fail(ctl, EXIT_CONFIG, "no_config", "%s is not there: name the configuration with --config", path) :
			0;
	r = file_read(path, CONFIG_FILE_MAX, &text, &err);
	if (r < 0 && (given || needed || (r != -ENOENT && !ctl->call->globals[GLOBAL_REDIS])))
		return ctl_fail(ctl, EXIT_CONFIG, "no_config", "%s: name the configuration with --config", err.text);
	if (r == 0) {
		r = config_parse(text.data ? text.data : "", text.len, &ctl->config, &inner);
		if (r < 0)
			return ctl_fail(ctl, EXIT_CONFIG, inner.code, "%s: %s%s%s", path, inner.path, inner.path[0] ? " " : "",
				inner.text);
		ctl->configured = true;
	} else {
		ctl->config = default_config(&inner);
		if (!ctl->config)
			return ctl_fail(ctl, EXIT_CONFIG, inner.code, "the defaults are no configuration: %s %s", inner.path, inner.text);
	}
	read_clock(ctl);
	return 0;
}

const char *ctl_share(const struct ctl *ctl)
{
	const char *given = ctl->call->globals[GLOBAL_SHARE];

	return given ? given : DUNNINGD_SHARE_DIR;
}

/*
 * As the units have it: dunningd.service reads credentials/, and dunningd@NAME.service, whose configuration is NAME.json, credentials/NAME/. Beside
 * the first one's configuration its folder is not ours, whether or not our own is there: with another one's keys nothing would be right.
 */
const char *ctl_credentials(const struct ctl *ctl)
{
	const char *given = ctl->call->globals[GLOBAL_CREDENTIALS], *file = ctl->call->globals[GLOBAL_CONFIG], *slash, *name, *end, *all, *own, *first;

	if (given)
		return given;
	if (getenv("CREDENTIALS_DIRECTORY"))
		return getenv("CREDENTIALS_DIRECTORY");
	if (!file)
		file = DUNNINGD_CONFIG_FILE;
	slash = strrchr(file, '/');
	name = slash ? slash + 1 : file;
	end = strrchr(name, '.');
	all = arena_printf(ctl->arena, "%.*s" CREDENTIALS_DIR, (int)(name - file), file);
	if (!end || end == name || strcmp(end, ".json") != 0 || strcmp(name, FIRST_CONFIG) == 0)
		return all;
	own = arena_printf(ctl->arena, "%s/%.*s", all, (int)(end - name), name);
	first = arena_printf(ctl->arena, "%.*s" FIRST_CONFIG, (int)(name - file), file);
	return access(own, F_OK) == 0 || access(first, F_OK) == 0 ? own : all;
}

const char *ctl_unit(const struct ctl *ctl)
{
	const char *file = ctl->call->globals[GLOBAL_CONFIG];

	return unit_of(ctl->arena, file ? file : DUNNINGD_CONFIG_FILE);
}

const char *ctl_credentials_of(const struct ctl *ctl, const char *name)
{
	const char *dir = ctl_credentials(ctl), *opened = arena_printf(ctl->arena, UNIT_CREDENTIALS "/%s", ctl_unit(ctl));

	if (ctl->call->globals[GLOBAL_CREDENTIALS] || getenv("CREDENTIALS_DIRECTORY") || access(arena_printf(ctl->arena, "%s/%s", dir, name), F_OK) == 0)
		return dir;
	return access(arena_printf(ctl->arena, "%s/%s", opened, name), R_OK) == 0 ? opened : dir;
}

const char *ctl_socket(const struct ctl *ctl)
{
	const char *given = ctl->call->globals[GLOBAL_SOCKET];

	return given ? given : ctl->config->control_socket;
}

const char *ctl_who(const struct ctl *ctl)
{
	const char *given = ctl->call->globals[GLOBAL_WHO], *sudo = getenv("SUDO_USER");
	const struct passwd *user;

	if (given)
		return given;
	if (getuid() == 0 && sudo && *sudo)
		return sudo;
	user = getpwuid(getuid());
	return user && user->pw_name[0] ? arena_strdup(ctl->arena, user->pw_name) :
					  arena_printf(ctl->arena, "uid:%u", (unsigned)getuid());
}

int ctl_until(const struct ctl *ctl, const char *text, int64_t *ret)
{
	int64_t span;
	const struct zone *zone;
	date day;

	if (utc_parse(text, ret) == 0) {
		/* as it is */
	} else if (date_parse(text, &day) == 0) { /* the whole day still counts */
		if (zone_get(ctl->config->creditor.zone, &zone) < 0)
			return ctl_fail(ctl, EXIT_CONFIG, "unknown_zone", "%s is no time zone", ctl->config->creditor.zone);
		*ret = zone_to_utc(zone, date_add_days(day, 1), 0);
	} else if (span_parse(text, &span) == 0) {
		*ret = ctl->now + span;
	} else {
		return ctl_fail(ctl, EXIT_USAGE, "usage", "--until wants 2026-03-02T09:00:00Z, 2026-03-02 or a span such as 10d, not \"%s\"",
			text);
	}
	if (*ret <= ctl->now)
		return ctl_fail(ctl, EXIT_USAGE, "usage", "--until %s has passed", text);
	return 0;
}

int ctl_state_dir(struct ctl *ctl, const char *given, const char **ret)
{
	int r;

	if (given) {
		*ret = given;
		return 0;
	}
	r = ctl_config(ctl, true);
	if (r == 0)
		*ret = ctl->config->state_dir;
	return r;
}

/* --- Redis ----------------------------------------------------------------------------------------------------------------------- */

static void on_state(bool connected, const char *why, void *arg)
{
	struct ctl *ctl = arg;

	snprintf(ctl->away, sizeof(ctl->away), "%s", connected || !why ? "" : why);
}

static int read_password(struct ctl *ctl, struct redis_url *url)
{
	CLEANUP(buf_clear) struct buf value = { 0 };
	struct err err = { 0 };

	if (credential_read(ctl_credentials_of(ctl, ctl->config->redis_password), ctl->config->redis_password, false, &value, &err) < 0)
		return ctl_fail_err(ctl, EXIT_CONFIG, &err);
	if (value.len >= sizeof(url->password))
		return ctl_fail(ctl, EXIT_CONFIG, "too_long", "the Redis password is too long");
	memcpy(url->password, buf_str(&value), value.len + 1);
	return 0;
}

int ctl_redis_url(struct ctl *ctl, struct redis_url *url)
{
	const char *given = ctl->call->globals[GLOBAL_REDIS], *text = given ? given : ctl->config->redis_url;
	struct err err = { 0 };

	if (strncmp(text, "unix:/", 6) == 0 && text[6] != '/')
		text += 5;
	if (redis_url_parse(text, url, &err) < 0)
		return ctl_fail(ctl, given ? EXIT_USAGE : EXIT_CONFIG, err.code, "%s: %s", text, err.text);
	if (url->user[0] || url->password[0])
		return 0;
	if (ctl->config->redis_user)
		snprintf(url->user, sizeof(url->user), "%s", ctl->config->redis_user);
	return ctl->config->redis_password ? read_password(ctl, url) : 0;
}

int ctl_connect(struct ctl *ctl)
{
	struct redis_url url;
	int r;

	if (ctl->links)
		return 0;
	if ((r = ctl_config(ctl, false)) != 0 || (r = ctl_redis_url(ctl, &url)) != 0)
		return r;
	ctl->base = event_base_new();
	if (ctl->base)
		ctl->links = redis_links_create(ctl->base, &url, ctl->config->prefix, ctl_partitions(ctl), on_state, ctl);
	return ctl->links ? 0 : ctl_fail(ctl, EXIT_UNAVAILABLE, "no_loop", "no event loop could be made");
}

int ctl_askv(struct ctl *ctl, struct arena *arena, const struct redis_reply **ret, size_t argc, const char *const *argv,
	const size_t *lens)
{
	int r = ctl_connect(ctl);
	struct redis_link *link;
	int64_t replicas;

	if (r != 0)
		return r;
	link = redis_links_for(ctl->links, argc, argv);
	if (ctl->once)
		redis_link_try_once(link);
	replicas = strcmp(argv[0], "XADD") == 0 ? ctl->config->redis_replicas : 0;
	r = redis_call_kept(ctl->base, link, arena, replicas, argc, argv, lens, ret);
	if (r == -EAGAIN)
		return ctl_fail(ctl, EXIT_UNAVAILABLE, "replicas_missing",
			"Redis has it, but not yet on %lld replicas (redis.replicas), so that a fail-over could lose it: give it again", (long long)replicas);
	if (r < 0)
		return ctl_fail(ctl, EXIT_UNAVAILABLE, "redis_away", "Redis does not answer: %s", ctl->away[0] ? ctl->away : strerror(-r));
	if ((*ret)->type == REDIS_ERROR)
		return ctl_fail(ctl, EXIT_UNAVAILABLE, "redis_refuses", "Redis refuses %s: %s", argv[0], (*ret)->str);
	return 0;
}

int ctl_ask(struct ctl *ctl, struct arena *arena, const struct redis_reply **ret, ...)
{
	const char *argv[16];
	size_t argc = 0;
	va_list args;

	va_start(args, ret);
	while (argc < ARRAY_LEN(argv) && (argv[argc] = va_arg(args, const char *)))
		argc++;
	va_end(args);
	return ctl_askv(ctl, arena, ret, argc, argv, NULL);
}

struct keyspace ctl_keys(const struct ctl *ctl, uint32_t partition)
{
	return (struct keyspace){ .prefix = ctl->config->prefix, .partition = partition };
}

uint32_t ctl_partitions(const struct ctl *ctl)
{
	return (uint32_t)ctl->config->partitions;
}

void ctl_close(struct ctl *ctl)
{
	redis_links_destroy(ctl->links);
	if (ctl->base)
		event_base_free(ctl->base);
	config_free(ctl->config);
	law_free(ctl->law);
	ctl->law = NULL;
	ctl->links = NULL;
	ctl->base = NULL;
	ctl->config = NULL;
}
