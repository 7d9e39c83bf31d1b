/* What the running daemon says of itself, as findings. */
#include <string.h>

#include "tools/findings.h"

#define UNLED_MS 15000 /* a lease: whoever takes it over waits for so long */
#define READ_LATE_MS 60000 /* streams are read without a pause: once a second is slow */

static int64_t number(const struct json *object, const char *key)
{
	struct json v = json_get(object, key);

	return json_int(&v);
}

static bool flag(const struct json *object, const char *key)
{
	struct json v = json_get(object, key);

	return json_bool(&v);
}

/* What holds all sending: the words of the daemon's flow_holding(). "suspended" is told from the book, with who and why. */
static const struct {
	const char *word;
	enum grade grade;
	const char *what, *todo;
} holds[] = {
	{ "trail_set_back", GRADE_FAIL, "this computer's log was set back: somebody outside has seen more of it",
		"dunningd-operations(7), RESTORING; then dunningctl trail seal --yes --why \"WHY\"" },
	{ "adopting", GRADE_NOTE, "after a sealing all that Redis has is taken over first", "wait: it ends by itself" },
	{ "backlog", GRADE_NOTE, "events wait to be read, a payment may be among them", "wait: it ends by itself" },
	{ "no_space", GRADE_FAIL, "the disk is full", "df -h; make room in the state directory's file system: it goes on by itself" },
	{ "store_refuses", GRADE_FAIL, "Redis refuses writes", "dunningctl doctor; redis-cli INFO" },
	{ "replicas", GRADE_FAIL, "too few of Redis's replicas have what was written", "redis-cli INFO replication" },
	{ "brake", GRADE_FAIL, "more contacts in an hour than brake.contacts_per_hour", "dunningctl list; if all is right: dunningctl release \"WHY\"" },
	{ "clock_jump", GRADE_FAIL, "the computer's clock was moved", "timedatectl; if it is right: dunningctl clock confirm \"WHY\"" },
	{ "clock_unset", GRADE_FAIL, "the computer's clock was never set", "timedatectl; if it is right: dunningctl clock confirm \"WHY\"" },
	{ "clock_before_log", GRADE_FAIL, "the computer's clock shows an earlier time than the last record of the trail",
		"timedatectl; if it is right: dunningctl clock confirm \"WHY\"" },
};

static void add_hold(struct findings *f, const char *holding, int64_t partition)
{
	if (strcmp(holding, "suspended") == 0)
		return;
	for (size_t i = 0; i < ARRAY_LEN(holds); i++)
		if (strcmp(holds[i].word, holding) == 0) {
			findings_add_in(f, partition, holds[i].grade, holds[i].word, holds[i].todo, "nothing is sent: %s", holds[i].what);
			return;
		}
	findings_add_in(f, partition, GRADE_FAIL, arena_strdup(f->arena, holding), "dunningd(8)", "nothing is sent: %s", holding);
}

static void add_partition(struct findings *f, const struct json *p, bool only)
{
	const char *state = json_text(p, "state"), *holding = json_text(p, "holding"), *reason = json_text(p, "reason"), *refusal = json_text(p, "redis_error");
	int64_t at = only ? -1 : number(p, "partition");
	struct json connected = json_get(p, "redis_connected"), read = json_get(p, "caught_up_ms"), unled = json_get(p, "unled_ms");

	if (!state)
		return;
	if (connected.type == JSON_BOOL && !json_bool(&connected)) {
		findings_add_in(f, at, GRADE_FAIL, "redis_away", "systemctl status redis-server; dunningctl doctor", "the daemon cannot reach Redis%s%s",
			refusal ? ": " : "", refusal ? refusal : "");
		return;
	}
	if (strcmp(state, "refused") == 0)
		findings_add_in(f, at, GRADE_FAIL, "refused", "dunningd-operations(7), SEVERAL INSTANCES and RESTORING", "nothing is sent: %s",
			reason ? reason : "see the log");
	else if (strcmp(state, "waiting_for_redis") == 0)
		findings_add_in(f, at, GRADE_FAIL, "waiting_for_redis", "dunningctl doctor", "the daemon waits for a Redis that it can rely on%s%s",
			refusal ? ": " : "", refusal ? refusal : "");
	else if (strcmp(state, "passive") == 0 && json_text(p, "refused_by"))
		findings_add_in(f, at, GRADE_FAIL, "refused", arena_printf(f->arena, "dunningctl status on the host of %s", json_text(p, "refused_by")),
			"nothing is sent: %s, which has its lease, refuses it", json_text(p, "refused_by"));
	else if (strcmp(state, "starting") == 0 || strcmp(state, "draining") == 0)
		findings_add_in(f, at, GRADE_NOTE, arena_strdup(f->arena, state), "wait: it ends by itself", "it has only just started, and reads what stood in Redis");
	else if (strcmp(state, "passive") == 0 && !json_text(p, "owner") && unled.type == JSON_INT && json_int(&unled) < UNLED_MS)
		findings_add_in(f, number(p, "partition"), GRADE_NOTE, "not_led_yet", "wait: it ends by itself", "it goes from one instance to another");
	else if (strcmp(state, "passive") == 0 && !json_text(p, "owner"))
		findings_add_in(f, number(p, "partition"), GRADE_FAIL, "not_led", "dunningctl status on the host of each instance",
			"no instance leads it, so nothing of it is sent");
	else if (reason)
		findings_add_in(f, at, GRADE_FAIL, "events_missing", "dunningctl replay FILE...; dunningctl gap closed \"WHY\"", "%s", reason);
	if (holding && strcmp(state, "running") == 0)
		add_hold(f, arena_strdup(f->arena, holding), at);
	if (strcmp(state, "running") == 0 && read.type == JSON_INT && json_int(&read) > READ_LATE_MS)
		findings_add_in(f, at, GRADE_FAIL, "not_read", "redis-cli SLOWLOG GET; vmstat 1", "the streams were last read %lld s ago, so nothing is sent",
			(long long)(json_int(&read) / 1000));
}

bool findings_held(const struct json *status, uint32_t partition)
{
	struct json partitions = json_get(status, "partitions");

	for (size_t i = 0; i < json_len(&partitions); i++) {
		struct json one = json_at(&partitions, i);
		const char *state = json_text(&one, "state");

		if (number(&one, "partition") == (int64_t)partition)
			return json_text(&one, "holding") || (state && strcmp(state, "running") != 0 && strcmp(state, "passive") != 0);
	}
	return true; /* nothing is said of it */
}

static void add_provider(struct findings *f, const struct json *p)
{
	const char *name = json_text(p, "name"), *state = json_text(p, "state"), *retry = json_text(p, "retry_at");
	struct json last = json_get(p, "last_error");
	const char *reason = json_text(&last, "reason"), *todo;

	if (!name || !state)
		return;
	name = arena_strdup(f->arena, name);
	todo = arena_printf(f->arena, "dunningctl provider health %s", name);
	if (strcmp(state, "down") == 0)
		findings_add(f, GRADE_WARN, "provider_down", todo, "%s fails%s%s; one message tries it again%s%s, all others wait or take the next provider", name,
			reason ? ": " : "", reason ? reason : "", retry ? " at " : "", retry ? retry : "");
	else if (strcmp(state, "stopped") == 0)
		findings_add(f, GRADE_FAIL, "provider_stopped", arena_printf(f->arena, "%s; mend the account or its credential, then systemctl restart dunningd", todo),
			"%s refuses this account%s%s", name, reason ? ": " : "", reason ? reason : "");
	else if (strcmp(state, "paused") == 0)
		findings_add(f, GRADE_NOTE, "provider_paused", todo, "%s asked for a pause%s%s", name, retry ? " until " : "", retry ? retry : "");
}

static void add_anchors(struct findings *f, const struct json *anchors)
{
	struct json each = json_get(anchors, "each");

	if (anchors->type != JSON_OBJECT)
		return;
	if (flag(anchors, "set_back"))
		findings_add(f, GRADE_FAIL, "trail_set_back", "dunningd-operations(7), RESTORING",
			"somebody outside has seen more of the log than is here, or another one: nothing more is signed or sent");
	for (size_t i = 0; i < json_len(&each); i++) {
		struct json one = json_at(&each, i), copies = json_get(&one, "copies");
		const char *name = json_text(&one, "name"), *failed = json_text(&one, "failed");

		if (name && (flag(&one, "alarm") || flag(&copies, "alarm")))
			findings_add(f, GRADE_WARN, "anchor_late", "dunningctl trail anchor --wait 90s", "%s has not vouched for the trail, or copied it, for a day%s%s", name,
				failed ? ": " : "", failed ? failed : "");
	}
}

static void add_trail(struct findings *f, const struct json *trail)
{
	struct json is_signed = json_get(trail, "signed");

	if (flag(trail, "no_space"))
		findings_add(f, GRADE_FAIL, "log_no_space", "df -h", "there is no space to sign the trail");
	if (is_signed.type == JSON_BOOL && !json_bool(&is_signed))
		findings_add(f, GRADE_NOTE, "unsigned", "dunningctl trail key new", "the trail is not signed: it proves less");
}

static bool is_said(const struct findings *f, const char *code)
{
	for (size_t i = 0; i < f->count; i++)
		if (strcmp(f->items[i].code, code) == 0)
			return true;
	return false;
}

void findings_law(struct findings *f, uint64_t ran_out, uint64_t soon)
{
	static const char todo[] = "dunningctl law status; what is newer goes below law.dir (dunningd-law(5)), or comes with a newer build of the package";

	if (ran_out && !is_said(f, "law_ran_out"))
		findings_add(f, GRADE_NOTE, "law_ran_out", todo, "%llu entries of the law data ran out: what needs one of them is held, and says so",
			(unsigned long long)ran_out);
	if (soon && !is_said(f, "law_runs_out"))
		findings_add(f, GRADE_NOTE, "law_runs_out", todo, "%llu entries of the law data run out soon", (unsigned long long)soon);
}

void findings_daemon(struct findings *f, const struct json *status)
{
	struct json partitions = json_get(status, "partitions"), providers = json_get(status, "providers"), anchors = json_get(status, "anchors"),
		    trail = json_get(status, "trail"), law = json_get(status, "law"), left_out = json_get(status, "left_out");
	const char *doubt = json_text(status, "clock_doubt"), *mode = json_text(status, "mode"), *version = json_text(status, "version");
	size_t before = f->count, doubted = 0, stale = 0;

	for (size_t i = 0; i < json_len(&partitions); i++) {
		struct json one = json_at(&partitions, i);

		add_partition(f, &one, json_len(&partitions) == 1);
		stale += flag(&one, "feed_stale");
	}
	if (stale)
		findings_add(f, GRADE_FAIL, "feed_stale", "look at what pushes payments (bank, accounting); dunningd-events(5), ledger.watermark",
			"what is told of payments is older than the policy allows, so nobody is asked to pay%s",
			json_len(&partitions) == 1 ? "" : arena_printf(f->arena, " (in %zu partitions)", stale));
	for (size_t i = before; i < f->count; i++)
		doubted += strncmp(f->items[i].code, "clock_", 6) == 0;
	if (doubt && !doubted)
		add_hold(f, arena_strdup(f->arena, doubt), -1);
	add_anchors(f, &anchors);
	add_trail(f, &trail);
	for (size_t i = 0; i < json_len(&providers); i++) {
		struct json one = json_at(&providers, i);

		add_provider(f, &one);
	}
	findings_law(f, (uint64_t)number(&law, "unknown"), (uint64_t)number(&law, "run_out_soon"));
	if (json_len(&left_out))
		findings_add(f, GRADE_NOTE, "policies_left_out", "dunningctl policy check", "%zu shipped policies cannot be carried out with this configuration",
			json_len(&left_out));
	if (flag(status, "config_changed"))
		findings_add(f, GRADE_WARN, "config_changed", "dunningctl config diff; dunningd --check-config tells whether it would start; then systemctl restart dunningd", "%s changed since the daemon started: only a restart takes it",
			json_text(status, "config_file") ? arena_strdup(f->arena, json_text(status, "config_file")) : "dunningd.json");
	if (mode && strcmp(mode, "shadow") == 0)
		findings_add(f, GRADE_NOTE, "shadow", "\"mode\": \"live\" in the configuration, then a restart; but first dunningd(8), mode: what was walked in shadow stays walked", "mode is shadow: nobody is contacted, all goes to the outbox");
	if (version && strcmp(version, DUNNINGD_VERSION) != 0)
		findings_add(f, GRADE_NOTE, "other_version", "systemctl restart dunningd", "the daemon that runs is version %s, and %s is installed", version,
			DUNNINGD_VERSION);
	if (number(status, "log_lines_dropped"))
		findings_add(f, GRADE_NOTE, "log_lines_dropped", "journalctl --disk-usage", "%lld lines of its log were dropped", (long long)number(status, "log_lines_dropped"));
}
