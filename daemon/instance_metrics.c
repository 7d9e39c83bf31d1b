/*
 * The numbers behind GET /metrics: what each is called, and where it comes from. Most are read when somebody asks. Label values are our own words
 * and names of the configuration: never a person, an address or an invoice. daemon/share/monitoring has rules and a dashboard for them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/metrics.h"
#include "daemon/instance_internal.h"
#include "daemon/measured.h"
#include "daemon/monitor.h"

#define STALL_EVERY_MS 100
#define BACKLOG_PARTITIONS 64 /* asked about in one tick */

struct instrument {
	struct instance *instance;
	struct metrics *metrics;
	struct measured *measured;
	struct monitor *monitor;
	struct monitor_callbacks callbacks;
	struct event *stall;
	int64_t stall_due; /* mono, us: when the timer should fire */
	size_t backlog_next; /* the partition that is asked about next */
};

enum number {
	N_BUILD, N_STARTED, N_READY, N_HEALTHY,
	N_PARTITIONS, N_HELD, N_REDIS, N_LEASE,
	N_LAG, N_PAYMENTS, N_FEED, N_WAITING, N_EVENTS, N_DEAD, N_DEAD_KEPT, N_DUE,
	N_CONTACTS, N_HOLDS, N_ATTEMPTS, N_TOOK, N_IN_FLIGHT, N_IN_DOUBT,
	N_QUEUED, N_PAUSED, N_STOPPED,
	N_SYNC, N_RECORDS, N_BYTES, N_NO_SPACE, N_STALL,
	N_UNSIGNED, N_CHECKPOINTS, N_UNANCHORED, N_ANCHOR_FAILURES, N_ANCHOR_DISAGREES, N_COPIES, N_SET_BACK,
	N_CLOCK, N_LAW_DAYS, N_LAW_RAN_OUT,
	N_HOOKS, N_PAGE, N_POLLS, N_LOG_DROPPED, N_LEFT_OUT,
	N_COUNT
};

static const int64_t took_ms[] = { 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000 };
static const int64_t sync_us[] = { 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 1000000 };
static const int64_t stall_us[] = { 1000, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 5000000 };

#define PARTITIONS 1024
#define ROW(name_, type_, unit_, scale_) .name = "dunningd_" name_, .type = METRIC_##type_, .unit = unit_, .scale = scale_
#define LABELS(most, ...) .series_max = most, .labels = { __VA_ARGS__ }
#define BOUNDS(array) .bounds = array, .bound_count = ARRAY_LEN(array)

static const struct metric rows[N_COUNT] = {
	[N_BUILD] = { ROW("build_info", GAUGE, "", 1), LABELS(1, "version"), .help = "Always 1; the version is the label." },
	[N_STARTED] = { ROW("start_time_seconds", GAUGE, "seconds", 1000), .help = "When the daemon began, as a Unix time of its clock." },
	[N_READY] = { ROW("ready", GAUGE, "", 1), .help = "1: every partition is led, and ours send what is due, as GET /readyz says." },
	[N_HEALTHY] = { ROW("healthy", GAUGE, "", 1), .help = "1: every partition gets on or rightly waits, as GET /healthz says." },
	[N_PARTITIONS] = { ROW("partitions", GAUGE, "", 1), LABELS(16, "state"), .help = "Partitions by what they do." },
	[N_HELD] = { ROW("partitions_held", GAUGE, "", 1), LABELS(32, "reason"), .help = "Partitions that lead and send nothing, by reason." },
	[N_REDIS] = { ROW("redis_connected", GAUGE, "", 1), LABELS(PARTITIONS, "partition"), .help = "1: the partition's Redis answers." },
	[N_LEASE] = { ROW("lease_left_seconds", GAUGE, "seconds", 1000), LABELS(PARTITIONS, "partition"),
		.help = "What is left of the lease; 0: another instance may lead the partition." },
	[N_PAYMENTS] = { ROW("payments_age_seconds", GAUGE, "seconds", 1000), LABELS(PARTITIONS, "partition"),
		.help = "How long ago payments were known completely, as ledger.watermark says; none where no feed ever spoke." },
	[N_FEED] = { ROW("feed_stale", GAUGE, "", 1), LABELS(PARTITIONS, "partition"),
		.help = "1: payments were last known longer ago than the default policy allows: nobody is asked to pay." },
	[N_LAG] = { ROW("inbox_lag_seconds", GAUGE, "seconds", 1000), LABELS(PARTITIONS, "partition"),
		.help = "How long ago everything in the streams was known to be applied. Our own count: Redis's lag is 0 after events were trimmed away." },
	[N_WAITING] = { ROW("inbox_waiting", GAUGE, "", 1), LABELS(PARTITIONS, "partition"), .help = "Entries read from the streams and not yet applied." },
	[N_EVENTS] = { ROW("events", COUNTER, "", 1), .help = "Stream entries applied." },
	[N_DEAD] = { ROW("dead_letters", COUNTER, "", 1), .help = "Stream entries that could not be understood." },
	[N_DEAD_KEPT] = { ROW("dead_letters_kept", GAUGE, "", 1), LABELS(PARTITIONS, "partition"), .help = "Dead letters that nobody has dealt with." },
	[N_DUE] = { ROW("due_backlog", GAUGE, "", 1), LABELS(PARTITIONS, "partition"), .help = "Invoices whose next step is due and not decided." },
	[N_CONTACTS] = { ROW("contacts", COUNTER, "", 1), .help = "Contacts decided." },
	[N_HOLDS] = { ROW("holds", COUNTER, "", 1), LABELS(100, "reason", "change"), .help = "Holds of invoices that were opened and that ended, by reason." },
	[N_ATTEMPTS] = { ROW("attempts", COUNTER, "", 1), LABELS(1000, "channel", "provider", "outcome"), .help = "Attempts to contact, by what came of them." },
	[N_TOOK] = { ROW("attempt_duration_seconds", HISTOGRAM, "seconds", 1000), LABELS(200, "channel", "provider"), BOUNDS(took_ms),
		.help = "From the moment that the first byte might leave to the provider's answer, or to its being given up." },
	[N_IN_FLIGHT] = { ROW("attempts_in_flight", GAUGE, "", 1), .help = "Attempts without a recorded outcome that are under way." },
	[N_IN_DOUBT] = { ROW("attempts_in_doubt", GAUGE, "", 1), .help = "Attempts of which nobody knows whether they were sent." },
	[N_QUEUED] = { ROW("provider_queued", GAUGE, "", 1), LABELS(200, "provider"), .help = "Requests that wait for the provider's pace." },
	[N_PAUSED] = { ROW("provider_paused_seconds", GAUGE, "seconds", 1000), LABELS(200, "provider"), .help = "How much longer the provider asked not to be asked." },
	[N_STOPPED] = { ROW("provider_stopped_seconds", GAUGE, "seconds", 1000), LABELS(200, "provider"),
		.help = "How much longer a provider that refuses our account is left alone." },
	[N_SYNC] = { ROW("journal_sync_seconds", HISTOGRAM, "seconds", 1000000), BOUNDS(sync_us), .help = "How long the disk takes to make records durable." },
	[N_RECORDS] = { ROW("journal_records", COUNTER, "", 1), .help = "Records made durable." },
	[N_BYTES] = { ROW("journal_bytes", COUNTER, "bytes", 1), .help = "Bytes of the journal made durable." },
	[N_NO_SPACE] = { ROW("journal_no_space", COUNTER, "", 1), .help = "Writes for which the disk had no space." },
	[N_STALL] = { ROW("loop_stall_seconds", HISTOGRAM, "seconds", 1000000), BOUNDS(stall_us), .help = "How late a timer fires that should ten times a second." },
	[N_UNSIGNED] = { ROW("trail_unsigned_records", GAUGE, "", 1), .help = "Records that no checkpoint covers yet." },
	[N_CHECKPOINTS] = { ROW("trail_checkpoints", COUNTER, "", 1), .help = "Checkpoints signed." },
	[N_UNANCHORED] = { ROW("trail_unanchored_seconds", GAUGE, "seconds", 1000), LABELS(100, "anchor", "kind"),
		.help = "Age of the oldest record that this anchor does not vouch for; 0: none waits." },
	[N_ANCHOR_FAILURES] = { ROW("trail_anchor_failures", GAUGE, "", 1), LABELS(100, "anchor", "kind"), .help = "Failures of the anchor in a row." },
	[N_ANCHOR_DISAGREES] = { ROW("trail_anchor_disagrees", GAUGE, "", 1), LABELS(100, "anchor", "kind"), .help = "1: it has seen more of the log, or another one." },
	[N_COPIES] = { ROW("trail_copies_waiting_seconds", GAUGE, "seconds", 1000), LABELS(100, "anchor"),
		.help = "Age of the oldest file of journal and key store that the copy lacks; 0: none." },
	[N_SET_BACK] = { ROW("trail_set_back", GAUGE, "", 1), .help = "1: nothing is sent or signed, as somebody outside has seen more of the log than is here." },
	[N_CLOCK] = { ROW("clock_doubt", GAUGE, "", 1), LABELS(8, "reason"), .help = "1: the computer's clock is not believed, and sending is held." },
	[N_LAW_DAYS] = { ROW("law_days_left", GAUGE, "", 1), .help = "Days until the next entry of the law data runs out." },
	[N_LAW_RAN_OUT] = { ROW("law_entries_ran_out", GAUGE, "", 1), .help = "Entries of the law data that ran out: what needs them is refused." },
	[N_HOOKS] = { ROW("hooks", COUNTER, "", 1), LABELS(4, "result"), .help = "What providers told: events taken or known already, requests refused or not saved." },
	[N_PAGE] = { ROW("page", COUNTER, "", 1), LABELS(4, "result"), .help = "The debtors' page: shown, something said, requests refused or not saved." },
	[N_POLLS] = { ROW("polls", COUNTER, "", 1), LABELS(4, "result"), .help = "What providers were asked: rounds asked and failed, events taken or known already." },
	[N_LOG_DROPPED] = { ROW("log_lines_dropped", COUNTER, "", 1), .help = "Lines that the log had no room for." },
	[N_LEFT_OUT] = { ROW("metrics_left_out", COUNTER, "", 1), .help = "Values that were left out here because a label has too many of them." },
};

static int64_t mono_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void set(struct instrument *t, enum number n, int64_t value)
{
	metrics_set(t->metrics, n, value, NULL);
}

static void set1(struct instrument *t, enum number n, int64_t value, const char *label)
{
	metrics_set(t->metrics, n, value, &label);
}

static void set2(struct instrument *t, enum number n, int64_t value, const char *first, const char *second)
{
	metrics_set(t->metrics, n, value, (const char *[]){ first, second });
}

/* --- read when somebody asks -------------------------------------------------------------------------------------------------- */

struct held {
	const char *reason;
	int64_t partitions;
};

static void count_held(struct held *held, size_t size, const char *reason)
{
	for (size_t i = 0; i < size; i++) {
		if (held[i].reason && strcmp(held[i].reason, reason) != 0)
			continue;
		held[i].reason = reason;
		held[i].partitions++;
		return;
	}
}

static void read_partitions(struct instrument *t)
{
	struct instance *in = t->instance;
	/* These are always there, so that an alert sees 0 and not nothing; a word that is missing here comes with its first case. */
	struct held held[16] = { { "adopting", 0 }, { "backlog", 0 }, { "brake", 0 }, { "clock_before_log", 0 }, { "clock_jump", 0 }, { "clock_unset", 0 },
		{ "no_space", 0 }, { "replicas", 0 }, { "store_refuses", 0 }, { "suspended", 0 }, { "trail_set_back", 0 } };
	int64_t states[DUNNER_STOPPED + 1] = { 0 }, events = 0, dead = 0, contacts = 0, flying = 0, doubt = 0;

	/* A flow that ended, as one whose lease was lost, knows none of these: what was said last must not be said for ever. */
	metrics_reset(t->metrics, N_LAG);
	metrics_reset(t->metrics, N_PAYMENTS);
	metrics_reset(t->metrics, N_FEED);
	metrics_reset(t->metrics, N_HELD);
	for (size_t i = 0; i < in->partition_count; i++) {
		struct partition *p = &in->partitions[i];
		struct dunner_status status;
		char number[16];

		(void)snprintf(number, sizeof(number), "%u", p->number);
		dunner_status(p->dunner, &status);
		states[status.state]++;
		events += (int64_t)status.events;
		dead += (int64_t)status.dead;
		contacts += (int64_t)status.contacts;
		flying += (int64_t)status.in_flight;
		doubt += (int64_t)status.in_doubt;
		if (status.state == DUNNER_RUNNING && status.holding)
			count_held(held, ARRAY_LEN(held), status.holding);
		set1(t, N_REDIS, p->connected, number);
		set1(t, N_LEASE, status.lease_left_ms, number);
		if (status.state == DUNNER_RUNNING)
			set1(t, N_FEED, status.feed_stale, number);
		if (status.payments_age_ms >= 0)
			set1(t, N_PAYMENTS, status.payments_age_ms, number);
		if (status.caught_up_ms >= 0)
			set1(t, N_LAG, status.caught_up_ms, number);
		set1(t, N_WAITING, (int64_t)status.waiting, number);
	}
	for (size_t i = 0; i < ARRAY_LEN(held) && held[i].reason; i++)
		set1(t, N_HELD, held[i].partitions, held[i].reason);
	for (int s = 0; s <= DUNNER_STOPPED; s++)
		set1(t, N_PARTITIONS, states[s], instance_state_name((enum dunner_state)s));
	set(t, N_EVENTS, events);
	set(t, N_DEAD, dead);
	set(t, N_CONTACTS, contacts);
	set(t, N_IN_FLIGHT, flying);
	set(t, N_IN_DOUBT, doubt);
}

static void read_providers(struct instrument *t)
{
	struct http_provider_status p;

	for (size_t i = 0; http_client_status(t->instance->http, i, &p); i++) {
		if (p.outbox)
			continue;
		set1(t, N_QUEUED, (int64_t)p.queued, p.name);
		set1(t, N_PAUSED, p.paused_ms, p.name);
		set1(t, N_STOPPED, p.stopped_ms, p.name);
	}
}

static void read_trail(struct instrument *t)
{
	struct instance *in = t->instance;
	struct journal_counters journal = journal_counters(in->journal);
	struct anchors_status anchors;
	struct signer_status signer;

	set(t, N_RECORDS, (int64_t)journal.records);
	set(t, N_BYTES, (int64_t)journal.bytes);
	set(t, N_NO_SPACE, (int64_t)journal.no_space);
	set(t, N_SET_BACK, in->held);
	if (in->signer) {
		signer_status(in->signer, &signer);
		set(t, N_UNSIGNED, (int64_t)signer.behind);
		set(t, N_CHECKPOINTS, (int64_t)signer.published);
	}
	if (!in->anchors)
		return;
	anchors_status(in->anchors, &anchors);
	for (size_t i = 0; i < anchors.count; i++) {
		const struct anchor_status *anchor = &anchors.anchors[i];
		const char *kind = anchor_kind_names[anchor->kind];

		set2(t, N_UNANCHORED, anchor->age_ms, anchor->name, kind);
		set2(t, N_ANCHOR_FAILURES, anchor->failures, anchor->name, kind);
		set2(t, N_ANCHOR_DISAGREES, anchor->disagrees, anchor->name, kind);
		if (anchor->copies.there)
			set1(t, N_COPIES, anchor->copies.age_ms, anchor->name);
	}
}

static void read_feeds(struct instrument *t)
{
	struct instance *in = t->instance;

	if (in->hooks) {
		struct hooks_counts counts = hooks_counts(in->hooks);

		set1(t, N_HOOKS, (int64_t)counts.taken, "taken");
		set1(t, N_HOOKS, (int64_t)counts.known, "known");
		set1(t, N_HOOKS, (int64_t)counts.refused, "refused");
		set1(t, N_HOOKS, (int64_t)counts.unsaved, "unsaved");
	}
	if (in->page) {
		struct debtor_page_counts counts = debtor_page_counts(in->page);

		set1(t, N_PAGE, (int64_t)counts.shown, "shown");
		set1(t, N_PAGE, (int64_t)counts.said, "said");
		set1(t, N_PAGE, (int64_t)counts.refused, "refused");
		set1(t, N_PAGE, (int64_t)counts.unsaved, "unsaved");
	}
	if (library_polls(in->library)) {
		struct poller_counts counts = poller_counts(in->poller);

		set1(t, N_POLLS, (int64_t)counts.asked, "asked");
		set1(t, N_POLLS, (int64_t)counts.failed, "failed");
		set1(t, N_POLLS, (int64_t)counts.taken, "taken");
		set1(t, N_POLLS, (int64_t)counts.known, "known");
	}
}

static void read_rest(struct instrument *t)
{
	static const char *const doubts[] = { "clock_jump", "clock_unset", "clock_before_log" };
	struct instance *in = t->instance;
	const struct clock_port *clock = clock_port(in->clock, 0);
	const char *doubt = clock->doubt(clock->self);
	CLEANUP(buf_clear) struct buf why = { 0 };
	int64_t days, ran_out;

	set1(t, N_BUILD, 1, DUNNINGD_VERSION);
	set(t, N_STARTED, in->started_at);
	set(t, N_HEALTHY, instance_healthy(&why, in));
	set(t, N_READY, instance_able(&why, in));
	for (size_t i = 0; i < ARRAY_LEN(doubts); i++)
		set1(t, N_CLOCK, doubt && strcmp(doubt, doubts[i]) == 0, doubts[i]);
	metrics_reset(t->metrics, N_LAW_DAYS);
	if (instance_law_left(in, &days, &ran_out)) {
		if (days >= 0)
			set(t, N_LAW_DAYS, days);
		set(t, N_LAW_RAN_OUT, ran_out);
	}
	set(t, N_LOG_DROPPED, (int64_t)log_dropped(in->log));
	set(t, N_LEFT_OUT, (int64_t)metrics_left_out(t->metrics));
}

static void on_metrics(bool open, struct buf *ret, void *arg)
{
	struct instrument *t = ((struct instance *)arg)->instrument;

	read_partitions(t);
	read_providers(t);
	read_trail(t);
	read_feeds(t);
	read_rest(t);
	metrics_write(t->metrics, open, ret);
}

/* --- told as it happens ------------------------------------------------------------------------------------------------------- */

void instance_metrics_synced(int64_t us, void *arg)
{
	struct instrument *t = ((struct instance *)arg)->instrument;

	if (t)
		metrics_observe(t->metrics, N_SYNC, us, NULL);
}

void instance_metrics_hold(const char *reason, bool opened, void *arg)
{
	const struct partition *p = arg;
	const char *const labels[] = { reason, opened ? "opened" : "ended" };

	if (p->instance->instrument)
		metrics_add(p->instance->instrument->metrics, N_HOLDS, 1, labels);
}

static void on_attempt(enum channel channel, const char *provider, enum outcome_kind outcome, int64_t took, void *arg)
{
	struct instrument *t = ((struct instance *)arg)->instrument;
	const char *const labels[] = { channel_names[channel], provider, outcome_names[outcome] };

	metrics_add(t->metrics, N_ATTEMPTS, 1, labels);
	if (took >= 0)
		metrics_observe(t->metrics, N_TOOK, took, labels);
}

static void on_stall(evutil_socket_t fd, short what, void *arg)
{
	struct instrument *t = arg;
	int64_t now = mono_us();

	(void)fd, (void)what;
	metrics_observe(t->metrics, N_STALL, now - t->stall_due, NULL);
	t->stall_due = now + STALL_EVERY_MS * 1000;
	event_add(t->stall, &(struct timeval){ .tv_usec = STALL_EVERY_MS * 1000 });
}

static void on_backlog(int r, int64_t due, int64_t dead, void *arg)
{
	struct partition *p = arg;
	struct instrument *t = p->instance->instrument;
	char number[16];

	if (r < 0 || !t)
		return;
	(void)snprintf(number, sizeof(number), "%u", p->number);
	set1(t, N_DUE, due, number);
	set1(t, N_DEAD_KEPT, dead, number);
}

/* Redis counts both without walking over them. */
void instance_metrics_tick(struct instance *in)
{
	struct instrument *t = in->instrument;
	const struct clock_port *clock = clock_port(in->clock, 0);

	for (size_t i = 0; t && in->started && i < in->partition_count && i < BACKLOG_PARTITIONS; i++) {
		struct partition *p = &in->partitions[t->backlog_next++ % in->partition_count];

		if (p->connected)
			redis_store_backlog(p->store, clock->now(clock->self), on_backlog, p);
	}
}

/* --- from the first to the last ---------------------------------------------------------------------------------------------------- */

void instance_metrics_begin(struct instance *in)
{
	struct instrument *t;

	if (!in->config->metrics_listen)
		return;
	t = in->instrument = xcalloc(1, sizeof(*t));
	t->instance = in;
	t->metrics = metrics_create(rows, N_COUNT);
	t->stall = evtimer_new(in->base, on_stall, t);
}

const struct transport_port *instance_metrics_transport(struct instance *in)
{
	struct instrument *t = in->instrument;

	if (!t)
		return http_client_port(in->http);
	if (!t->measured)
		t->measured = measured_create(http_client_port(in->http), on_attempt, in);
	return measured_port(t->measured);
}

int instance_metrics_listen(struct instance *in, struct err *err)
{
	struct instrument *t = in->instrument;
	const char *at = in->config->metrics_listen;
	int r, port;

	if (!t)
		return 0;
	t->callbacks = (struct monitor_callbacks){ .metrics = on_metrics, .healthy = instance_healthy, .ready = instance_able, .arg = in };
	r = monitor_create(in->base, at, &t->callbacks, &t->monitor, &port, err);
	if (r < 0)
		return r;
	log_line(in->log, LOG_INFO, "metrics", "listening at port %d", port);
	if (strncmp(at, "127.", 4) != 0 && strncmp(at, "[::1]:", 6) != 0)
		log_line(in->log, LOG_WARNING | MSG(METRICS_OPEN), "metrics", "metrics.listen is no loopback address: whoever reaches it may read how much is sent, without a password");
	t->stall_due = mono_us() + STALL_EVERY_MS * 1000;
	event_add(t->stall, &(struct timeval){ .tv_usec = STALL_EVERY_MS * 1000 });
	return 0;
}

void instance_metrics_end(struct instance *in)
{
	struct instrument *t = TAKE(in->instrument);

	if (!t)
		return;
	monitor_destroy(t->monitor);
	measured_destroy(t->measured);
	event_free(t->stall);
	metrics_free(t->metrics);
	free(t);
}
