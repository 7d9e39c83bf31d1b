/* What the daemon says of itself: for `dunningctl status` and for `systemctl status`. Ids and counts only. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/utc.h"
#include "daemon/instance_internal.h"

const char *instance_state_name(enum dunner_state state)
{
	static const char *const names[] = { "starting", "passive", "draining", "running", "refused", "stopping",
		"stopped" };

	return names[state];
}

static void write_time(struct json_writer *w, const char *key, int64_t at)
{
	char text[UTC_TEXT_SIZE];

	if (at)
		jw_str(w, key, utc_format(at, text));
	else
		jw_null(w, key);
}

static void write_or_null(struct json_writer *w, const char *key, const char *text)
{
	if (text && text[0])
		jw_str(w, key, text);
	else
		jw_null(w, key);
}

static void write_partition(struct json_writer *w, const struct partition *p)
{
	struct dunner_status status;

	dunner_status(p->dunner, &status);
	jw_object(w, NULL);
	jw_int(w, "partition", p->number);
	jw_str(w, "state", !p->instance->started ? "waiting_for_redis" : p->ended ? "ended" : instance_state_name(status.state));
	write_or_null(w, "holding", status.state == DUNNER_RUNNING || status.state == DUNNER_DRAINING ? status.holding : NULL);
	write_or_null(w, "reason", status.reason);
	jw_bool(w, "redis_connected", p->connected);
	write_or_null(w, "redis_error", redis_store_last_error(p->store));
	write_or_null(w, "owner", status.epoch ? p->instance->config->instance : status.owner);
	write_or_null(w, "refused_by", !status.epoch && instance_refused_by(p->instance, p->number, status.owner) ? status.owner : NULL);
	jw_int(w, "epoch", (int64_t)status.epoch);
	jw_int(w, "lease_left_ms", status.lease_left_ms);
	jw_int(w, "unled_ms", status.unled_ms);
	jw_int(w, "pseq", (int64_t)status.pseq);
	jw_int(w, "events", (int64_t)status.events);
	jw_int(w, "dead", (int64_t)status.dead);
	jw_int(w, "contacts", (int64_t)status.contacts);
	jw_int(w, "outcomes", (int64_t)status.outcomes);
	jw_int(w, "in_flight", (int64_t)status.in_flight);
	jw_int(w, "in_doubt", (int64_t)status.in_doubt);
	if (status.caught_up_ms < 0)
		jw_null(w, "caught_up_ms");
	else
		jw_int(w, "caught_up_ms", status.caught_up_ms);
	jw_bool(w, "feed_stale", status.feed_stale);
	write_time(w, "next_due", status.next_due);
	jw_end_object(w);
}

static void write_last(struct json_writer *w, const char *key, const struct pace_last *last)
{
	if (!last->at) {
		jw_null(w, key);
		return;
	}
	jw_object(w, key);
	write_time(w, "at", last->at);
	jw_str(w, "outcome", outcome_names[last->kind]);
	jw_str(w, "reason", last->reason);
	jw_int(w, "status", last->status);
	jw_end_object(w);
}

static void write_pace(struct json_writer *w, const struct pace *p, int64_t now, int64_t retry_at)
{
	jw_str(w, "breaker", !p->open ? "closed" : p->probing ? "probing" : "open");
	write_or_null(w, "breaker_why", pace_why_names[p->open]);
	jw_int(w, "failures", p->failures);
	write_time(w, "retry_at", retry_at > now ? retry_at : 0);
	jw_int(w, "per_second", p->limits.per_second);
	jw_int(w, "concurrency", p->limits.concurrency);
	jw_int(w, "window", p->window);
	if (p->of) { /* concurrency and quotas are our part of the account's, per_second is the account's */
		jw_object(w, "share");
		jw_int(w, "led", p->led);
		jw_int(w, "of", p->of);
		jw_end_object(w);
	}
	jw_array(w, "quotas");
	for (int i = 0; i < PACE_WINDOW_COUNT; i++) {
		if (!p->limits.quota[i])
			continue;
		jw_object(w, NULL);
		jw_str(w, "per", pace_window_names[i]);
		jw_int(w, "limit", p->limits.quota[i]);
		jw_int(w, "used", p->quota[i].from >= pace_window_from((enum pace_window)i, now) ? p->quota[i].used : 0);
		write_time(w, "until", pace_window_end((enum pace_window)i, now));
		jw_end_object(w);
	}
	jw_end_array(w);
	write_last(w, "last", &p->last);
	write_last(w, "last_error", &p->last_error);
}

static const char *provider_state(const struct http_provider_status *p)
{
	if (p->pace && p->pace->open == PACE_DOWN)
		return "down";
	return p->stopped_ms || (p->pace && p->pace->open) ? "stopped" : p->paused_ms ? "paused" : "asked";
}

static void write_provider(struct json_writer *w, const struct http_provider_status *p, int64_t now)
{
	const char *state = provider_state(p);
	uint64_t asked = 0;

	for (int i = 0; i < OUTCOME_COUNT; i++)
		asked += p->outcomes[i];
	jw_object(w, NULL);
	jw_str(w, "name", p->name);
	jw_str(w, "state", state);
	jw_int(w, "for_ms", p->stopped_ms ? p->stopped_ms : p->paused_ms);
	jw_int(w, "requests", (int64_t)asked);
	jw_int(w, "accepted", (int64_t)p->outcomes[OUTCOME_ACCEPTED]);
	jw_int(w, "in_doubt", (int64_t)p->outcomes[OUTCOME_IN_DOUBT]);
	jw_int(w, "queued", (int64_t)p->queued);
	jw_int(w, "in_flight", (int64_t)p->in_flight);
	jw_int(w, "repeats_stopped", (int64_t)p->repeats_stopped);
	if (p->pace)
		write_pace(w, p->pace, now, now + (p->stopped_ms ? p->stopped_ms : p->paused_ms));
	jw_end_object(w);
}

static void write_trail(struct json_writer *w, const struct instance *in)
{
	struct signer_status status;
	char hex[2 * SHA256_SIZE + 1];
	CLEANUP(buf_clear) struct buf key = { 0 };

	jw_object(w, "trail");
	jw_str(w, "origin", in->generation.origin);
	jw_int(w, "generation", in->generation.number);
	jw_bool(w, "signed", in->signer != NULL);
	if (in->signer) {
		signer_status(in->signer, &status);
		note_key_add(&key, &in->setup.log_key.verifier);
		jw_str(w, "verifier_key", buf_str(&key));
		if (in->setup.log_key.rotating) {
			buf_reset(&key);
			note_key_add(&key, &in->setup.log_key.next);
			jw_str(w, "next_verifier_key", buf_str(&key));
		}
		jw_int(w, "year", status.year);
		jw_int(w, "records", (int64_t)status.records);
		jw_int(w, "size", (int64_t)status.size);
		write_or_null(w, "root", status.size ? hex_format(status.root, SHA256_SIZE, hex) : NULL);
		jw_int(w, "behind", (int64_t)status.behind);
		jw_int(w, "checkpoints", (int64_t)status.published);
		jw_bool(w, "no_space", status.no_space);
	}
	jw_end_object(w);
}

static void write_hooks(struct json_writer *w, const struct instance *in)
{
	struct hooks_counts counts;

	if (!in->hooks)
		return;
	counts = hooks_counts(in->hooks);
	jw_object(w, "hooks");
	jw_int(w, "taken", (int64_t)counts.taken);
	jw_int(w, "known", (int64_t)counts.known);
	jw_int(w, "refused", (int64_t)counts.refused);
	jw_int(w, "unsaved", (int64_t)counts.unsaved);
	jw_end_object(w);
}

static void write_poller(struct json_writer *w, const struct instance *in)
{
	struct poller_counts counts;

	if (!library_polls(in->library))
		return;
	counts = poller_counts(in->poller);
	jw_object(w, "poll");
	jw_int(w, "asked", (int64_t)counts.asked);
	jw_int(w, "failed", (int64_t)counts.failed);
	jw_int(w, "taken", (int64_t)counts.taken);
	jw_int(w, "known", (int64_t)counts.known);
	jw_end_object(w);
}

void instance_status(struct json_writer *w, void *arg)
{
	const struct instance *in = arg;
	const struct clock_port *clock = clock_port(in->clock, 0);
	struct journal_counters journal = journal_counters(in->journal);
	struct keystore_counters keys = keystore_counters(in->keys);
	struct http_provider_status provider;

	jw_str(w, "version", DUNNINGD_VERSION);
	jw_str(w, "instance", in->config->instance);
	jw_int(w, "pid", getpid());
	jw_str(w, "mode", in->config->shadow ? "shadow" : "live");
	write_time(w, "started_at", in->started_at);
	write_time(w, "now", clock->now(clock->self));
	jw_bool(w, "played_clock", in->setup.options->clock != NULL);
	write_or_null(w, "clock_doubt", clock->doubt(clock->self));
	jw_bool(w, "ready", in->ready);
	jw_str(w, "config_file", in->setup.options->config_file);
	jw_bool(w, "config_changed", setup_config_changed(in->setup.options->config_file, in->config));
	jw_array(w, "partitions");
	for (size_t i = 0; i < in->partition_count; i++)
		write_partition(w, &in->partitions[i]);
	jw_end_array(w);
	instance_status_members(in, w);
	jw_object(w, "journal");
	jw_int(w, "groups", (int64_t)journal.groups);
	jw_int(w, "records", (int64_t)journal.records);
	jw_int(w, "writes", (int64_t)journal.writes);
	jw_int(w, "bytes", (int64_t)journal.bytes);
	jw_int(w, "no_space", (int64_t)journal.no_space);
	jw_int(w, "segments", (int64_t)journal.segments);
	jw_end_object(w);
	write_trail(w, in);
	jw_object(w, "keys");
	jw_int(w, "created", (int64_t)keys.created);
	jw_int(w, "cached", (int64_t)keys.cached);
	jw_end_object(w);
	jw_array(w, "providers");
	for (size_t i = 0; http_client_status(in->http, i, &provider); i++)
		write_provider(w, &provider, clock->now(clock->self));
	jw_end_array(w);
	write_hooks(w, in);
	instance_status_page(in, w);
	instance_status_dashboard(in, w);
	write_poller(w, in);
	instance_status_anchors(in, w);
	instance_status_law(in, w);
	jw_array(w, "policies");
	for (size_t i = 0; i < in->library->policy_count; i++) {
		jw_object(w, NULL);
		jw_str(w, "name", in->library->policies[i]->name);
		jw_str(w, "digest", in->library->policies[i]->digest);
		jw_end_object(w);
	}
	jw_end_array(w);
	jw_array(w, "left_out");
	for (size_t i = 0; i < in->library->unfit_count; i++) {
		jw_object(w, NULL);
		jw_str(w, "policy", in->library->unfit[i].name);
		jw_str(w, "why", in->library->unfit[i].why);
		jw_end_object(w);
	}
	jw_end_array(w);
	jw_int(w, "log_lines_dropped", (int64_t)log_dropped(in->log));
}

void instance_config(struct json_writer *w, void *arg)
{
	const struct instance *in = arg;

	jw_str(w, "file", in->setup.options->config_file);
	jw_raw(w, "config", in->config->text, strlen(in->config->text));
}

void instance_line(const struct instance *in, char *ret, size_t size)
{
	size_t counts[DUNNER_STOPPED + 1] = { 0 };
	uint64_t flying = 0, doubt = 0;
	const char *holding = NULL, *reason = NULL;
	size_t len;

	if (!in->started) {
		snprintf(ret, size, "Waiting for Redis");
		return;
	}
	for (size_t i = 0; i < in->partition_count; i++) {
		struct dunner_status status;

		dunner_status(in->partitions[i].dunner, &status);
		counts[status.state]++;
		flying += status.in_flight;
		doubt += status.in_doubt;
		if (status.state == DUNNER_RUNNING && status.holding)
			holding = status.holding;
		if (status.state == DUNNER_REFUSED)
			reason = "needs a person, see the log";
		if (!in->partitions[i].connected)
			reason = "Redis is away";
	}
	len = 0;
	ret[0] = '\0';
	for (int s = 0; s <= DUNNER_STOPPED; s++)
		if (counts[s] && len < size)
			len += (size_t)snprintf(ret + len, size - len, "%s%zu %s", len ? ", " : "", counts[s],
				instance_state_name((enum dunner_state)s));
	if (len < size)
		snprintf(ret + len, size - len, "; %llu on the wire, %llu in doubt%s%s%s%s", (unsigned long long)flying,
			(unsigned long long)doubt, holding ? "; held: " : "", holding ? holding : "", reason ? "; " : "",
			reason ? reason : "");
}
