/* Providers: what is configured, whether a file is right, one message by hand, and how they are. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "common/file.h"
#include "common/adapter_hook.h"
#include "common/contact.h"
#include "common/utc.h"
#include "tools/cmd.h"

#define TEST_LOOKS 150 /* of 200 ms: longer than a provider may take to answer */
#define LOOK_MS 200

static struct cell number(const struct json *object, const char *key)
{
	struct json v = json_get(object, key);

	return v.type == JSON_INT ? cell_number(json_int(&v)) : cell_none();
}

static struct cell instant(const struct json *object, const char *key)
{
	const char *text = json_text(object, key);
	int64_t at = 0;

	return text && utc_parse(text, &at) == 0 ? cell_time(at, NULL) : cell_none();
}

/* The daemon's `providers`: false when it does not answer. */
static bool read_status(struct ctl *ctl, struct json *ret, int *r)
{
	struct json *status = arena_alloc(ctl->arena, sizeof(*status));
	int http = 0;

	*r = ctl_daemon(ctl, "GET", "/status", NULL, &http, status);
	if (*r < 0 || http != 200)
		return false;
	*ret = json_get(status, "providers");
	return ret->type == JSON_ARRAY;
}

static const char *state_of(struct ctl *ctl, const struct json *providers, const char *name)
{
	for (size_t i = 0; i < json_len(providers); i++) {
		struct json one = json_at(providers, i);

		if (json_text(&one, "name") && strcmp(json_text(&one, "name"), name) == 0)
			return arena_strdup(ctl->arena, json_text(&one, "state"));
	}
	return NULL;
}

/* --- provider list ------------------------------------------------------------------------------------------------------------------- */

static const struct column list_columns[] = { { "name", "NAME", false }, { "channels", "CHANNELS", false }, { "state", "STATE", false },
	{ "file", "FILE", false }, { 0 } };

/* "email, sms (2nd)": where the configuration asks for it; NULL: nowhere. */
static const char *channels_of(const struct ctl *ctl, const char *name)
{
	static const char *const places[CHANNEL_PROVIDERS_MAX] = { "", " (2nd)", " (3rd)", " (4th)" };
	const char *list = NULL;

	for (int c = 0; c < CHANNEL_COUNT; c++)
		for (size_t i = 0; i < CHANNEL_PROVIDERS_MAX && ctl->config->channel_providers[c][i]; i++)
			if (strcmp(ctl->config->channel_providers[c][i], name) == 0)
				list = arena_printf(ctl->arena, "%s%s%s%s", list ? list : "", list ? ", " : "", channel_names[c], places[i]);
	return list;
}

static int run_list(struct ctl *ctl, const struct invocation *call)
{
	struct table *t = table_create(ctl->arena, list_columns);
	struct json providers = { 0 };
	bool answers;
	int r = ctl_config(ctl, true);

	(void)call;
	if (r != 0)
		return r;
	answers = read_status(ctl, &providers, &r);
	for (size_t i = 0; i < ctl->config->provider_count; i++) {
		const struct provider_settings *p = &ctl->config->providers[i];
		const char *state = answers ? state_of(ctl, &providers, p->name) : NULL;

		table_add(t, (struct cell[]){ cell_text(p->name), cell_text(channels_of(ctl, p->name)), cell_text(state ? state : answers ? "new" : "unknown"),
				      cell_text(p->file) });
	}
	view_table(&ctl->view, t, "There is no provider.");
	if (!answers)
		view_say(&ctl->view, "The daemon does not answer: how they are is not known.");
	return EXIT_DONE;
}

const struct command cmd_provider_list = { .name = "provider list", .args = "", .max_args = 0,
	.help = "the configuration's providers, the channels they serve, and whether they are asked now",
	.more = "asked: messages go there. paused: it said when to come again. down: it failed time after time, one message tries it at\n"
		"growing distances. stopped: it refuses the account. new: the daemon was started without it, and a restart takes it. unknown: the\n"
		"daemon does not answer.",
	.run = run_list };

/* --- provider check ------------------------------------------------------------------------------------------------------------------ */

struct listing {
	struct ctl *ctl;
	const char *list; /* NULL: empty so far */
};

static int add_setting(const char *name, bool required, bool secret, void *arg)
{
	struct listing *all = arg;

	all->list = arena_printf(all->ctl->arena, "%s%s%s%s%s", all->list ? all->list : "", all->list ? ", " : "", name,
		secret ? " (secret)" : "", required ? "" : " (optional)");
	return 0;
}

static int add_hook(const char *path, const struct hook *hook, void *arg)
{
	struct listing *all = arg;

	all->list = arena_printf(all->ctl->arena, "%s%s/hooks/NAME%s%s%s", all->list ? all->list : "", all->list ? ", " : "",
		path[0] ? "/" : "", path, hook_unverified(hook) ? " (not verified)" : "");
	return 0;
}

static const char *seconds(struct ctl *ctl, int64_t ms)
{
	return arena_printf(ctl->arena, "%lld s", (long long)(ms / 1000));
}

static void add_abilities(struct ctl *ctl, struct fields *f, const struct adapter *adapter)
{
	struct pace_limits limits = adapter_limits(adapter);
	struct listing settings = { ctl, NULL }, hooks = { ctl, NULL };
	int64_t known = adapter_idempotency_ms(adapter), conclusive = adapter_lookup_conclusive_ms(adapter);
	const char *channels = NULL;

	for (int c = 0; c < CHANNEL_COUNT; c++)
		if (adapter_serves(adapter, (enum channel)c))
			channels = arena_printf(ctl->arena, "%s%s%s", channels ? channels : "", channels ? ", " : "", channel_names[c]);
	(void)adapter_each_setting(adapter, add_setting, &settings);
	(void)adapter_each_hook(adapter, add_hook, &hooks);
	fields_add(f, "name", "Name", cell_text(adapter_name(adapter)));
	fields_add(f, "channels", "Channels", cell_text(channels));
	fields_add(f, "settings", "Asks for", cell_text(settings.list));
	fields_add(f, "sends", "Sends", cell_flag(adapter_sends(adapter)));
	fields_add(f, "webhooks", "Webhooks", cell_text(hooks.list));
	if (!adapter_sends(adapter))
		return; /* it only tells */
	fields_add(f, "attachments", "Attachments", cell_flag(adapter_takes_files(adapter)));
	fields_add(f, "idempotency_ms", NULL, cell_number(known));
	fields_add(f, NULL, "After a doubt", cell_text(
		known ? arena_printf(ctl->arena, "the same request again: it is known for %s", seconds(ctl, known)) :
		adapter_can_lookup(adapter) ? "a look-up" : "a webhook or a person: it has no key and no look-up"));
	fields_add(f, "lookup", "Look-up", cell_flag(adapter_can_lookup(adapter)));
	fields_add(f, "lookup_conclusive_ms", NULL, cell_number(conclusive));
	fields_add(f, NULL, "It misses", cell_text(!adapter_can_lookup(adapter) ? NULL :
		conclusive ? arena_printf(ctl->arena, "proves that nothing was sent, after %s", seconds(ctl, conclusive)) : "proves nothing"));
	fields_add(f, "token", "Token first", cell_flag(adapter_has_token(adapter)));
	fields_add(f, "steps", "Requests before", cell_number((int64_t)adapter_step_count(adapter)));
	fields_add(f, "per_second", "A second", limits.per_second ? cell_number(limits.per_second) : cell_none());
	fields_add(f, "concurrency", "At once", cell_number(limits.concurrency));
	for (int w = 0; w < PACE_WINDOW_COUNT; w++)
		fields_add(f, arena_printf(ctl->arena, "per_%s", pace_window_names[w]), arena_printf(ctl->arena, "A %s", pace_window_names[w]),
			limits.quota[w] ? cell_number(limits.quota[w]) : cell_none());
}

static int built_in(struct ctl *ctl, const char *name)
{
	struct fields *f = fields_create(ctl->arena);

	fields_add(f, "file", "File", cell_text(name));
	fields_add(f, "ok", "Right", cell_flag(true));
	fields_add(f, "built_in", "Built in", cell_flag(true));
	view_fields(&ctl->view, f);
	view_say(&ctl->view, "It has no file; its settings, if it has any, are in dunningd(8).");
	return EXIT_DONE;
}

static int run_check(struct ctl *ctl, const struct invocation *call)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	CLEANUP(adapter_freep) struct adapter *adapter = NULL;
	struct fields *f = fields_create(ctl->arena);
	struct err err = { 0 };
	const char *file = call->args[0];
	int r;

	if (strcmp(file, "smtp") == 0 || strcmp(file, "outbox") == 0)
		return built_in(ctl, file);
	r = file_read(file, ADAPTER_FILE_MAX, &text, &err);
	if (r == -ENOENT && !strchr(file, '/')) { /* then where the configuration's names are looked for */
		if ((r = ctl_config(ctl, false)) != 0)
			return r;
		file = library_provider_file(ctl->config, ctl_share(ctl), file, ctl->arena);
		err_clear(&err);
		r = file_read(file, ADAPTER_FILE_MAX, &text, &err);
	}
	if (r == 0)
		r = adapter_parse(buf_str(&text), text.len, &adapter, &err);
	fields_add(f, "file", "File", cell_text(file));
	fields_add(f, "ok", "Right", cell_flag(r == 0));
	fields_add(f, "error", "Wrong", r < 0 ? cell_text(arena_strdup(ctl->arena, err.code)) : cell_none());
	fields_add(f, "path", "At", r < 0 && err.path[0] ? cell_text(arena_strdup(ctl->arena, err.path)) : cell_none());
	fields_add(f, "text", "Why", r < 0 ? cell_text(arena_strdup(ctl->arena, err.text)) : cell_none());
	if (r == 0)
		add_abilities(ctl, f, adapter);
	view_fields(&ctl->view, f);
	return r == 0 ? EXIT_DONE : EXIT_FOUND;
}

const struct command cmd_provider_check = { .name = "provider check", .args = "FILE", .min_args = 1, .max_args = 1,
	.help = "that a provider file is right, and what it can do; nothing is sent, no daemon is needed",
	.more = "A name without a folder is also looked for where the configuration's are: provider_dir, then the shipped ones. The path is where\n"
		"in the file the first fault is. See dunningd-provider(5).", .run = run_check };

/* --- provider test ------------------------------------------------------------------------------------------------------------------- */

static int refused(struct ctl *ctl, const struct json *answer)
{
	return ctl_fail(ctl, EXIT_FOUND, json_text(answer, "error") ? json_text(answer, "error") : "refused", "the daemon refuses: %s",
		json_text(answer, "text") ? json_text(answer, "text") : "no reason given");
}

static int show_test(struct ctl *ctl, const struct json *said)
{
	struct fields *f = fields_create(ctl->arena);
	const char *state = json_text(said, "state"), *outcome = json_text(said, "outcome");
	struct json shadow = json_get(said, "shadow"), status = json_get(said, "status");
	bool accepted = outcome && strcmp(outcome, outcome_names[OUTCOME_ACCEPTED]) == 0;

	fields_add(f, "state", NULL, cell_text(state));
	fields_add(f, "provider", "Provider", cell_text(json_text(said, "provider")));
	fields_add(f, "channel", "Channel", cell_text(json_text(said, "channel")));
	fields_add(f, "attempt", "Attempt", cell_text(json_text(said, "attempt")));
	fields_add(f, "shadow", NULL, cell_flag(json_bool(&shadow)));
	fields_add(f, "outcome", "Outcome", cell_text(outcome));
	fields_add(f, "reason", "Reason", cell_text(json_text(said, "reason")));
	fields_add(f, "status", json_int(&status) ? "Status" : NULL, number(said, "status"));
	fields_add(f, "detail", "Why", cell_text(json_text(said, "detail")));
	fields_add(f, "provider_id", "Its id", cell_text(json_text(said, "provider_id")));
	view_fields(&ctl->view, f);
	if (!outcome)
		view_say(&ctl->view, "No answer yet: the last test's outcome will stand in the trail (provider.tested).");
	else if (json_bool(&shadow))
		view_say(&ctl->view, "The mode is shadow: the message lies in the outbox.");
	return accepted ? EXIT_DONE : EXIT_FOUND;
}

static int run_test(struct ctl *ctl, const struct invocation *call)
{
	CLEANUP(buf_clear) struct buf body = { 0 };
	struct json_writer w = jw_init(&body);
	struct json answer = { 0 };
	int http = 0, r = ctl_config(ctl, false);

	if (r != 0)
		return r;
	jw_object(&w, NULL);
	jw_str(&w, "who", ctl_who(ctl));
	jw_str(&w, "provider", call->args[0]);
	jw_str(&w, "address", call->args[1]);
	jw_opt_str(&w, "channel", command_option(call, "channel"));
	jw_end_object(&w);
	r = ctl_daemon(ctl, "POST", "/provider/test", &body, &http, &answer);
	if (r < 0)
		return ctl_daemon_away(ctl, r);
	if (http != 200)
		return refused(ctl, &answer);
	for (int i = 0; i < TEST_LOOKS; i++) {
		const char *state;

		r = ctl_daemon(ctl, "GET", "/provider/test", NULL, &http, &answer);
		if (r < 0)
			return ctl_daemon_away(ctl, r);
		state = json_text(&answer, "state");
		if (http != 200 || (state && strcmp(state, "done") == 0))
			break;
		(void)poll(NULL, 0, LOOK_MS);
	}
	return http == 200 ? show_test(ctl, &answer) : refused(ctl, &answer);
}

static const struct option_row test_options[] = {
	{ "channel", "CHANNEL", "email, sms or voice; otherwise as the address looks" },
	{ 0 },
};

const struct command cmd_provider_test = { .name = "provider test", .args = "PROVIDER ADDRESS", .min_args = 2, .max_args = 2,
	.help = "send one message, marked as a test, through the running daemon",
	.more = "It goes at once, also while sending is suspended, and counts for the provider's pace and quota. It concerns no debtor: the\n"
		"trail's system case has who sent it, before it leaves, and what became of it; of the address only a digest.",
	.options = test_options, .run = run_test };

/* --- provider health ----------------------------------------------------------------------------------------------------------------- */

static const struct column health_columns[] = { { "name", "NAME", false }, { "state", "STATE", false }, { "breaker", "BREAKER", false },
	{ "rate", "RATE", false }, { "quota", "QUOTA", false }, { "in_flight", "IN FLIGHT", true }, { "queued", "WAITING", true },
	{ "last", "LAST", false }, { "last_error", "LAST ERROR", false }, { "retry_at", "RETRY AT", false }, { "doubts_elsewhere", NULL, false },
	{ "daemon", NULL, false }, { 0 } };

static const char *rate_words(struct ctl *ctl, const struct json *one)
{
	struct json rate = json_get(one, "per_second"), at_once = json_get(one, "concurrency"), window = json_get(one, "window");
	struct json share = json_get(one, "share"), led = json_get(&share, "led"), of = json_get(&share, "of");
	bool grows = json_int(&window) < json_int(&at_once), shared = json_int(&led) < json_int(&of);

	if (at_once.type != JSON_INT)
		return NULL;
	return arena_printf(ctl->arena, "%s%s%lld at once%s", json_int(&rate) ? arena_printf(ctl->arena, "%lld/s", (long long)json_int(&rate)) : "",
		!json_int(&rate) ? "" : shared ? arena_printf(ctl->arena, " x %lld/%lld, ", (long long)json_int(&led), (long long)json_int(&of)) : ", ",
		(long long)json_int(&at_once),
		grows ? arena_printf(ctl->arena, " (now %lld)", (long long)json_int(&window)) : "");
}

static const char *quota_words(struct ctl *ctl, const struct json *one)
{
	struct json quotas = json_get(one, "quotas");
	const char *list = NULL;

	for (size_t i = 0; i < json_len(&quotas); i++) {
		struct json q = json_at(&quotas, i), used = json_get(&q, "used"), limit = json_get(&q, "limit");

		list = arena_printf(ctl->arena, "%s%s%lld of %lld a %s", list ? list : "", list ? ", " : "", (long long)json_int(&used),
			(long long)json_int(&limit), json_text(&q, "per"));
	}
	return list;
}

static const char *last_words(struct ctl *ctl, const struct json *one, const char *key)
{
	struct json last = json_get(one, key), status = json_get(&last, "status");

	if (last.type != JSON_OBJECT)
		return NULL;
	return arena_printf(ctl->arena, "%s: %s%s, %s", json_text(&last, "outcome"), json_text(&last, "reason"),
		json_int(&status) ? arena_printf(ctl->arena, " (%lld)", (long long)json_int(&status)) : "", json_text(&last, "at"));
}

struct attempts {
	struct attempt_entry *entries;
	size_t count, capacity;
	bool known; /* Redis answered */
};

/* How the daemon finds its providers can be asked without Redis, too. */
static struct attempts read_attempts(struct ctl *ctl)
{
	struct attempts all = { .known = true };
	bool quiet = ctl->quiet;

	ctl->quiet = true;
	for (uint32_t p = 0; all.known && p < ctl_partitions(ctl); p++) {
		struct keyspace keys = ctl_keys(ctl, p);
		const struct redis_reply *reply;

		all.known = ctl_ask(ctl, ctl->arena, &reply, "HVALS", key_of(ctl->arena, &keys, "attempts"), NULL) == 0;
		for (size_t i = 0; all.known && i < reply->count; i++) {
			all.entries = arena_grow(ctl->arena, all.entries, all.count, &all.capacity, sizeof(*all.entries));
			all.count += attempt_entry_read(ctl->arena, reply->items[i].str, reply->items[i].len, &all.entries[all.count], NULL) == 0;
		}
	}
	ctl->quiet = quiet;
	return all;
}

/* Messages in doubt that were sent through another provider of that name. */
static struct cell doubts_elsewhere(const struct attempts *all, const char *provider)
{
	int64_t found = 0;

	for (size_t i = 0; i < all->count; i++)
		found += all->entries[i].moved && provider && strcmp(all->entries[i].provider, provider) == 0;
	return all->known ? cell_number(found) : cell_none();
}

static int run_health(struct ctl *ctl, const struct invocation *call)
{
	struct table *t = table_create(ctl->arena, health_columns);
	struct json providers = { 0 };
	struct attempts attempts;
	bool well = true;
	int r = ctl_config(ctl, false);

	if (r != 0)
		return r;
	if (!read_status(ctl, &providers, &r))
		return ctl_daemon_away(ctl, r < 0 ? r : -EPROTO);
	attempts = read_attempts(ctl);
	for (size_t i = 0; i < json_len(&providers); i++) {
		struct json one = json_at(&providers, i);
		const char *name = json_text(&one, "name"), *state = json_text(&one, "state");
		CLEANUP(buf_clear) struct buf raw = { 0 };

		if (call->args[0] && (!name || strcmp(name, call->args[0]) != 0))
			continue;
		well &= state && strcmp(state, "asked") == 0;
		json_write(&raw, &one);
		table_add(t, (struct cell[]){ cell_text(name), cell_text(state), cell_text(json_text(&one, "breaker")), cell_text(rate_words(ctl, &one)),
				      cell_text(quota_words(ctl, &one)), number(&one, "in_flight"), number(&one, "queued"),
				      cell_text(last_words(ctl, &one, "last")), cell_text(last_words(ctl, &one, "last_error")),
				      instant(&one, "retry_at"), doubts_elsewhere(&attempts, name), cell_json(arena_strdup(ctl->arena, buf_str(&raw))) });
	}
	if (call->args[0] && !table_rows(t))
		return ctl_fail(ctl, EXIT_FOUND, "unknown_provider", "the daemon has no provider \"%s\"", call->args[0]);
	view_table(&ctl->view, t, "There is no provider.");
	for (size_t i = 0; i < json_len(&providers); i++) {
		struct json one = json_at(&providers, i);
		const char *name = json_text(&one, "name");
		struct cell found = doubts_elsewhere(&attempts, name);

		if (found.number && (!call->args[0] || strcmp(name, call->args[0]) == 0))
			view_say(&ctl->view, "%s: %lld in doubt for which the provider " CTL_PROVIDER_CHANGED ".", name, (long long)found.number);
	}
	return well ? EXIT_DONE : EXIT_FOUND;
}

const struct command cmd_provider_health = { .name = "provider health", .args = "[PROVIDER]", .max_args = 1,
	.help = "how the running daemon finds its providers: breaker, rate, quota, what is on its way, the last outcome and error",
	.more = "Exit status 1 when one is paused, down or stopped. dunningctl reload lets them all be asked again at once.", .run = run_health };
