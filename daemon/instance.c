/*
 * The life of one daemon. Start: what can be wrong is read and checked first, then the state directory is locked, then Redis is waited
 * for and its settings are looked at, then the partitions begin. End: on a signal nothing new is begun and what is on the wire is
 * waited for; on a fault it ends at once, which every part is built to survive.
 */
#include "daemon/instance_internal.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/file.h"
#include "common/hash.h"
#include "common/keys.h"
#include "common/utc.h"

#define STOP_DEADLINE_S 25 /* below TimeoutStopSec of the unit */
#define START_EXTEND_MS 30000 /* more time each tick while Redis is waited for */

static int64_t now(void *arg)
{
	struct instance *in = arg;
	const struct clock_port *port = clock_port(in->clock, 0);

	return port->now(port->self);
}

/* Else what a story of last year sends would be forgotten as it is sent, and its receipts would find nobody. */
static int64_t redis_ahead_ms(struct instance *in)
{
	struct timespec real;
	int64_t ahead;

	(void)clock_gettime(CLOCK_REALTIME, &real);
	ahead = (int64_t)real.tv_sec * 1000 - now(in);
	return in->setup.options->clock && ahead > 0 ? ahead : 0;
}

void instance_give_up(struct instance *in, int exit_code)
{
	if (in->exit_code == INSTANCE_OK)
		in->exit_code = exit_code;
	event_base_loopbreak(in->base);
}

/* --- readiness, status, watchdog ------------------------------------------------------------------------------------------- */

static bool settled(const struct instance *in)
{
	for (size_t i = 0; i < in->partition_count; i++) {
		struct dunner_status status;

		if (!in->started)
			return false;
		dunner_status(in->partitions[i].dunner, &status);
		if (status.state == DUNNER_STARTING)
			return false;
	}
	return true;
}

void instance_tell(struct instance *in)
{
	char line[200];

	instance_line(in, line, sizeof(line));
	if (in->stopping)
		return;
	if (!in->ready && settled(in)) {
		in->ready = true;
		log_line(in->log, LOG_INFO, "dunningd", "ready: %s", line);
		service_ready(in->service, line);
		return;
	}
	service_status(in->service, line);
}

/* Whether each partition did something since the last look, or rightly waits. */
static bool alive(void *arg)
{
	struct instance *in = arg;

	for (size_t i = 0; i < in->partition_count && in->started; i++) {
		struct partition *p = &in->partitions[i];
		struct dunner_status status;

		dunner_status(p->dunner, &status);
		if (!instance_waits(p, &status) && status.turns == p->turns) {
			log_line(in->log, LOG_CRIT | MSG(NO_PROGRESS), "dunningd", "partition %u makes no progress: the watchdog is not fed", p->number);
			return false;
		}
		p->turns = status.turns;
	}
	return true;
}

void instance_stopped(struct partition *p)
{
	struct instance *in = p->instance;

	p->stopped = true;
	for (size_t i = 0; i < in->partition_count; i++)
		if (!in->partitions[i].stopped)
			return;
	event_base_loopbreak(in->base);
}

/* --- control and reload ------------------------------------------------------------------------------------------------------ */

/* What was left out, and what was taken with a warning. */
static void tell_policies(struct instance *in, const struct library *library)
{
	for (size_t i = 0; i < library->unfit_count; i++)
		log_line(in->log, LOG_NOTICE, "library", "policy %s is left out: %s", library->unfit[i].name, library->unfit[i].why);
	for (size_t i = 0; i < library->verdict_count; i++) {
		const struct library_verdict *v = &library->verdicts[i];

		for (size_t k = 0; k < v->report.count && !v->report.errors; k++)
			log_line(in->log, LOG_WARNING | MSG(POLICY_DOUBTFUL), "library", "%s: %s", v->file, lint_sentence(&v->report, &v->report.findings[k]));
	}
}

static int reload(struct instance *in, struct err *err)
{
	CLEANUP(config_freep) struct config *config = NULL;
	CLEANUP(library_freep) struct library *library = NULL;
	CLEANUP(page_texts_freep) struct page_texts *texts = NULL;
	int r;

	/* What stands in the configuration file itself takes effect at the next start; that it would start is checked now. */
	if ((r = setup_config(in->setup.options->config_file, &config, err)) < 0 ||
		(r = setup_library(in->setup.options, in->config, &library, err)) < 0 ||
		(r = setup_texts(in->setup.options, in->config, &texts, err)) < 0 || (r = library_keep(library, in->config->state_dir, err)) < 0)
		return r;
	instance_use_texts(in, library, &texts);
	http_client_use(in->http, library); /* and the paces that it shares with the partitions */
	for (size_t i = 0; i < in->partition_count; i++)
		dunner_reload(in->partitions[i].dunner, library);
	dashboard_use(in->dashboard, library);
	poller_use(in->poller, library);
	library_free(in->library);
	in->library = library_ref(library);
	in->told_on = date_none();
	anchors_lock_months(in->anchors, retention_shortest(library->retention));
	tell_policies(in, library);
	return 0;
}

static int reload_loudly(struct instance *in, struct err *err)
{
	int r;

	service_reloading(in->service);
	r = reload(in, err);
	if (r < 0)
		log_line(in->log, LOG_ERR | MSG(RELOAD_REFUSED), "dunningd", "reload refused, what was loaded stays: %s", err->text);
	else
		log_line(in->log, LOG_INFO, "dunningd", "reloaded policies, templates and provider files");
	if (r == 0 && setup_config_changed(in->setup.options->config_file, in->config))
		log_line(in->log, LOG_NOTICE, "dunningd", "%s changed since the start: only a restart takes it", in->setup.options->config_file);
	in->ready = false;
	instance_tell(in);
	return r;
}

static int on_control_reload(struct err *err, void *arg)
{
	return reload_loudly(arg, err);
}

/* What is not led here is for the others to be told, by its stream: whoever asks hears which partitions. */
static int not_here(struct instance *in, const char *done, const bool *taken, struct json_writer *elsewhere, struct err *err)
{
	CLEANUP(buf_clear) struct buf text = { 0 };

	for (size_t i = 0; i < in->partition_count; i++) {
		struct dunner_status status;

		if (taken[i])
			continue;
		dunner_status(in->partitions[i].dunner, &status);
		buf_printf(&text, "%s%zu%s%s", text.len ? ", " : "", i, *status.owner ? " by " : "", status.owner);
		jw_int(elsewhere, NULL, (int64_t)i);
	}
	log_line(in->log, LOG_NOTICE, "dunningd", "sending %s by an operator%s%s", done, text.len ? "; not led here: " : "", buf_str(&text));
	return text.len ? err_set(err, -EAGAIN, "led_elsewhere", "", "%s here; not led here: %s", done, buf_str(&text)) : 0;
}

static int on_suspend(const char *who, const char *why, int64_t until, struct json_writer *elsewhere, struct err *err, void *arg)
{
	struct instance *in = arg;
	CLEANUP(freep) bool *taken = xcalloc(in->partition_count, sizeof(*taken));

	if (until && until <= now(in))
		return err_set(err, -EINVAL, "out_of_range", "$.until", "this instant has passed");
	for (size_t i = 0; i < in->partition_count; i++)
		taken[i] = dunner_suspend(in->partitions[i].dunner, who, why, until);
	return not_here(in, "suspended", taken, elsewhere, err);
}

static int on_release(const char *who, const char *why, struct json_writer *elsewhere, struct err *err, void *arg)
{
	struct instance *in = arg;
	CLEANUP(freep) bool *taken = xcalloc(in->partition_count, sizeof(*taken));

	for (size_t i = 0; i < in->partition_count; i++)
		taken[i] = dunner_release(in->partitions[i].dunner, who, why);
	return not_here(in, "released", taken, elsewhere, err);
}

static int on_confirm_clock(const char *who, const char *why, struct err *err, void *arg)
{
	struct instance *in = arg;
	struct dunner_record record = { .kind = "operator.command", .who = who };

	(void)err;
	record.members[record.count].key = "command";
	record.members[record.count++].text = "clock_confirm";
	record.members[record.count].key = "who";
	record.members[record.count++].text = who;
	record.members[record.count].key = "why";
	record.members[record.count++].text = why;
	dunner_record(instance_recorder(in), &record); /* it lifts a hold of all sending: the trail says who did, also where nothing is led just now */
	clock_confirm(in->clock);
	log_line(in->log, LOG_NOTICE, "clock", "confirmed by an operator");
	return 0;
}

static int on_anchor(const char *who, const char *why, struct err *err, void *arg)
{
	struct instance *in = arg;

	(void)who, (void)why;
	if (!in->anchors)
		return err_set(err, -ENOENT, "no_anchors", "", "no anchor is configured: see trail.anchors");
	anchors_want(in->anchors);
	return 0;
}

static int on_agreed(const char *who, const char *why, struct err *err, void *arg)
{
	return instance_anchors_agreed(arg, who, why, err);
}

/* --- erasing ------------------------------------------------------------------------------------------------------------------- */

static int on_erase(const struct dunner_erasure *erasure, struct err *err, void *arg)
{
	struct instance *in = arg;

	in->erasing = partition_of(erasure->customer, (uint32_t)in->partition_count);
	return dunner_erase(in->partitions[in->erasing].dunner, erasure, err);
}

static void on_erasure(struct json_writer *w, void *arg)
{
	struct instance *in = arg;

	dunner_erasure_said(in->partitions[in->erasing].dunner, w);
}

/* --- signals and the tick ------------------------------------------------------------------------------------------------------ */

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct instance *in = arg;

	(void)fd, (void)what;
	log_line(in->log, LOG_WARNING | MSG(STOPPED_HARD), "dunningd", "stopped without waiting any longer: what is on the wire will be in doubt");
	event_base_loopbreak(in->base);
}

static void stop(struct instance *in)
{
	in->stopping = true;
	service_stopping(in->service, "Stopping: waiting for what is on the wire");
	if (!in->started) {
		event_base_loopbreak(in->base);
		return;
	}
	http_client_stop(in->http);
	event_add(in->deadline, &(struct timeval){ .tv_sec = STOP_DEADLINE_S });
	instance_leave(in);
	for (size_t i = 0; i < in->partition_count; i++)
		if (in->partitions[i].ended)
			instance_stopped(&in->partitions[i]);
		else
			dunner_stop(in->partitions[i].dunner);
}

static void on_stop(evutil_socket_t signo, short what, void *arg)
{
	struct instance *in = arg;

	(void)what;
	if (in->stopping)
		return;
	log_line(in->log, LOG_INFO, "dunningd", "stopping (signal %d)", (int)signo);
	stop(in);
}

/* The trail ends here, as far as it can still be written: dunningctl moves it away once this process has ended. */
static int on_seal(const char *who, const char *why, struct err *err, void *arg)
{
	struct instance *in = arg;

	if (in->stopping)
		return err_set(err, -EBUSY, "stopping", "", "the daemon is stopping already");
	log_line(in->log, LOG_NOTICE, "dunningd", "stopping: an operator seals the trail");
	for (size_t i = 0; i < in->partition_count; i++)
		dunner_seal(in->partitions[i].dunner, who, why);
	stop(in);
	return 0;
}

static void on_hangup(evutil_socket_t signo, short what, void *arg)
{
	struct err err = { 0 };

	(void)signo, (void)what;
	(void)reload_loudly(arg, &err);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct instance *in = arg;

	(void)fd, (void)what;
	(void)log_flush(in->log);
	instance_anchors_hold(in);
	instance_record_mended(in);
	instance_check_redis(in);
	instance_runs_out(in);
	instance_progress(in);
	instance_metrics_tick(in);
	if (!in->ready && !in->stopping)
		service_extend(in->service, START_EXTEND_MS);
	instance_tell(in);
}

static int catch_signals(struct instance *in)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	in->signals[0] = evsignal_new(in->base, SIGTERM, on_stop, in);
	in->signals[1] = evsignal_new(in->base, SIGINT, on_stop, in);
	in->signals[2] = evsignal_new(in->base, SIGHUP, on_hangup, in);
	in->tick = event_new(in->base, -1, EV_PERSIST, on_tick, in);
	in->deadline = evtimer_new(in->base, on_deadline, in);
	for (size_t i = 0; in->signals[i]; i++)
		if (event_add(in->signals[i], NULL) < 0)
			return -errno;
	return event_add(in->tick, &(struct timeval){ .tv_sec = 1 }) < 0 ? -errno : 0;
}

/* --- from the first check to the last line ----------------------------------------------------------------------------------- */

static int fault(struct instance *in, const struct err *err, int r)
{
	log_line(in->log, LOG_CRIT | MSG(CANNOT_START), "dunningd", "cannot start: %s", err->text[0] ? err->text : strerror(-r));
	switch (r) {
	case -EKEYREJECTED:
	case -EINPROGRESS:
	case -ESTALE: /* a person must do something before another start makes sense */
		return INSTANCE_CONFIG;
	case -EBUSY:
		return INSTANCE_LEASE_LOST;
	default:
		return INSTANCE_IO;
	}
}

static struct event_base *create_base(void)
{
	struct event_config *settings = event_config_new();
	struct event_base *base;

	event_config_set_flag(settings, EVENT_BASE_FLAG_PRECISE_TIMER);
	base = event_base_new_with_config(settings);
	event_config_free(settings);
	if (base)
		event_base_priority_init(base, SERVICE_PRIORITIES);
	return base;
}

/* Under the lock: it may have been sealed since it was read. */
static int begin_generation(struct instance *in, struct err *err)
{
	struct generation now;
	size_t logs;
	int r = generation_read(in->config->state_dir, in->config->origin, in->setup.arena, &now, err);

	if (r == 0 && now.number != in->generation.number)
		r = err_set(err, -EBUSY, "sealed", "", "the trail was sealed meanwhile: start again");
	if (r == 0 && now.number > 1) {
		(void)journal_logs(in->journal, &logs);
		if (!logs) /* nothing of it was ever written */
			keystore_leap(in->keys);
	}
	return r;
}

static int open_generation(struct instance *in, struct err *err)
{
	int r = generation_read(in->config->state_dir, in->config->origin, in->setup.arena, &in->generation, err);

	if (r < 0 || !in->setup.signs)
		return r;
	if (log_key_rename(&in->setup.log_key, in->generation.origin) < 0)
		return err_set(err, -EBADMSG, "bad_origin", "", "the origin \"%s\" cannot be the name of a key", in->generation.origin);
	return 0;
}

static int open_state(struct instance *in, struct err *err)
{
	const struct config *config = in->config;
	struct journal_settings journal = { .state_dir = config->state_dir, .segment_bytes = (uint64_t)config->limits.segment_bytes,
		.synced = instance_metrics_synced, .arg = in };
	struct clock_settings clock = { .played = in->setup.options->clock ? &in->setup.clock : NULL,
		.state_dir = config->state_dir, .partitions = (uint32_t)config->partitions, .note = instance_note, .arg = in };
	const struct journal_port *port;
	int r;

	if ((r = file_make_dirs(config->state_dir, 0700)) < 0)
		return err_set(err, r, "state_dir", "$.state_dir", "%s cannot be made: %s", config->state_dir, strerror(-r));
	if ((r = keystore_open(config->state_dir, in->setup.wrap_key, (size_t)config->limits.cache_keys, &in->keys, err)) < 0)
		return r;
	if ((r = open_generation(in, err)) < 0)
		return r;
	journal.keys = in->keys;
	journal.origin = in->generation.origin;
	if ((r = journal_open(&journal, in->base, &in->journal, err)) < 0 || (r = begin_generation(in, err)) < 0 ||
		(r = library_keep(in->library, config->state_dir, err)) < 0 ||
		(r = clock_create(&clock, in->base, &in->clock, err)) < 0)
		return r;
	if ((r = instance_book_open(in, err)) < 0)
		return r;
	port = journal_port(in->journal);
	for (uint32_t i = 0; i < (uint32_t)config->partitions; i++) {
		struct group_header last;

		if (port->last(port->self, i, &last) == 0)
			clock_last_record(in->clock, last.decided_at);
	}
	return 0;
}

static void on_unsigned(int r, const char *text, void *arg)
{
	struct instance *in = arg;

	log_line(in->log, LOG_CRIT, "signer", "%s", text[0] ? text : strerror(-r));
	log_line(in->log, LOG_CRIT | MSG(ENDS), "dunningd", "ends: the trail cannot be signed any more");
	instance_give_up(in, r == -EKEYREJECTED ? INSTANCE_CONFIG : INSTANCE_IO);
}

static void on_signed(uint16_t year, uint64_t size, void *arg)
{
	struct instance *in = arg;

	(void)year, (void)size;
	for (size_t i = 0; i < in->partition_count; i++)
		if (in->partitions[i].dunner)
			dunner_log_signed(in->partitions[i].dunner);
}

int instance_log_root(uint16_t year, uint64_t size, uint8_t root[SHA256_SIZE], void *arg)
{
	struct signer *signer = ((struct partition *)arg)->instance->signer;
	int r = signer_root(signer, year, size, root);

	if (r == -EAGAIN)
		signer_look(signer);
	return r;
}

static void on_signer_works(void *arg)
{
	service_extend(((struct instance *)arg)->service, START_EXTEND_MS);
}

/* Every log is looked at before anything is sent: one that was signed with another history must not go on. */
static int open_signer(struct instance *in, struct err *err)
{
	struct signer_settings settings = { .state_dir = in->config->state_dir, .key = &in->setup.log_key, .journal = in->journal,
		.every_ms = in->config->trail_checkpoint_every };
	struct signer_callbacks callbacks = { .published = on_signed, .failed = on_unsigned, .note = instance_note, .progress = on_signer_works, .arg = in };

	return in->setup.signs ? signer_create(&settings, in->base, &callbacks, &in->signer, err) : 0;
}

static int open_hooks(struct instance *in, struct err *err)
{
	struct hooks_settings settings = { .config = in->config, .redis = &in->setup.url, .install_key = in->setup.install_key,
		.texts = in->setup.texts, .secret = setup_secret, .secret_arg = &in->setup, .now = now, .now_arg = in, .note = instance_note, .note_arg = in };

	return in->config->hooks_listen ? hooks_create(in->base, &settings, in->library, &in->hooks, err) : 0;
}

static bool acts(void *arg)
{
	const struct instance *in = arg;

	for (size_t i = 0; i < in->partition_count && !in->stopping && !in->config->shadow; i++) {
		struct dunner_status status;

		dunner_status(in->partitions[i].dunner, &status);
		if (status.state == DUNNER_RUNNING)
			return true;
	}
	return false;
}

static void open_poller(struct instance *in)
{
	in->poller = poller_create(in->base, &(struct poller_settings){ .config = in->config, .redis = &in->setup.url,
		.install_key = in->setup.install_key, .http = in->http, .may_ask = acts, .may_ask_arg = in, .now = now, .now_arg = in, .note = instance_note,
		.note_arg = in }, in->library);
}

/* Before the others take theirs: of what is not configured any more nothing is kept. */
static void leave_unused_sockets(struct instance *in)
{
	const struct config *config = in->config;
	const struct {
		const char *name, *listen;
	} sockets[] = { { "hooks", config->hooks_listen }, { "page", config->page_listen }, { "dashboard", config->dashboard_listen },
		{ "metrics", config->metrics_listen } };

	for (size_t i = 0; i < ARRAY_LEN(sockets); i++)
		if (!sockets[i].listen && service_socket_unused(sockets[i].name))
			log_line(in->log, LOG_WARNING | MSG(SOCKET_UNUSED), "dunningd", "a socket unit listens for %s, but without %s.listen nobody answers there", sockets[i].name,
				sockets[i].name);
}

static int open_ports(struct instance *in, struct err *err)
{
	const struct config *config = in->config;
	struct http_client_settings http = { .config = config, .state_dir = config->state_dir, .ca_file = config->http_ca_file, .secret = setup_secret,
		.secret_arg = &in->setup, .now = now, .now_arg = in, .note = instance_note, .note_arg = in, .played = in->setup.options->clock != NULL };
	int r;

	in->paces = http.paces = paces_create(config);
	if ((r = http_client_create(in->base, &http, in->library, &in->http, err)) < 0)
		return r;
	in->control_callbacks = (struct control_callbacks){ .status = instance_status, .config = instance_config, .suspend = on_suspend,
		.release = on_release, .reload = on_control_reload, .seal = on_seal, .confirm_clock = on_confirm_clock, .anchor = on_anchor, .agreed = on_agreed,
		.link = instance_link, .page = instance_dashboard_page, .reading = instance_reading, .test = instance_test, .tested = instance_tested,
		.erase = on_erase, .erasure = on_erasure, .arg = in };
	if ((r = control_create(in->base, config->control_socket, &in->control_callbacks, &in->control, err)) < 0)
		return r;
	in->redis_ahead_ms = redis_ahead_ms(in);
	in->fetch = instance_fetch(in);
	in->merge.program = "/proc/self/exe";
	instance_open_partitions(in);
	leave_unused_sockets(in);
	if ((r = open_hooks(in, err)) < 0 || (r = instance_open_page(in, now, instance_note, err)) < 0 ||
		(r = instance_open_dashboard(in, now, instance_note, err)) < 0)
		return r;
	open_poller(in);
	if ((r = instance_metrics_listen(in, err)) < 0)
		return r;
	return instance_anchors(in, err);
}

static void instance_clear(struct instance *in)
{
	for (size_t i = 0; i < in->partition_count; i++)
		dunner_destroy(in->partitions[i].dunner);
	anchors_destroy(in->anchors);
	poller_destroy(in->poller);
	http_client_destroy(in->http);
	fetch_destroy(in->fetch);
	paces_free(in->paces);
	instance_test_free(in);
	instance_metrics_end(in);
	instance_close_partitions(in);
	dashboard_destroy(in->dashboard); /* before the socket that some of its readers came by */
	control_destroy(in->control);
	hooks_destroy(in->hooks);
	debtor_page_destroy(in->page);
	signer_destroy(in->signer, false);
	clock_destroy(in->clock);
	journal_close(in->journal);
	keystore_close(in->keys);
	service_destroy(in->service);
	for (size_t i = 0; in->signals[i]; i++)
		event_free(in->signals[i]);
	if (in->tick)
		event_free(in->tick);
	if (in->deadline)
		event_free(in->deadline);
	log_destroy(in->log);
	if (in->base)
		event_base_free(in->base);
	library_free(in->library);
	setup_clear(&in->setup);
}

int instance_run(const struct instance_options *options)
{
	struct instance in = { 0 };
	struct err err = { 0 };
	int r, code;

#ifndef __SANITIZE_ADDRESS__ /* its leak checker needs to look at us */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* keys and names are in memory */
#endif
	(void)umask(0077);
	/* A group's buffers come back a moment later: they are not given to the system in between. */
	(void)mallopt(M_TRIM_THRESHOLD, 16 * 1024 * 1024);
	(void)mallopt(M_MMAP_THRESHOLD, 8 * 1024 * 1024);
	in.log = log_create(NULL, STDERR_FILENO);
	if ((r = setup_read(options, &in.setup, &err)) < 0) {
		(void)fault(&in, &err, r);
		instance_clear(&in);
		return INSTANCE_CONFIG;
	}
	in.config = in.setup.config;
	in.library = library_ref(in.setup.library);
	tell_policies(&in, in.library);
	setup_fonts(in.config, in.library);
	boot_id_read(in.boot_id);
	in.base = create_base();
	if (!in.base) {
		log_line(in.log, LOG_CRIT | MSG(CANNOT_START), "dunningd", "cannot start: no event loop");
		instance_clear(&in);
		return INSTANCE_FAILED;
	}
	in.service = service_create(in.base, alive, &in);
	instance_metrics_begin(&in);
	if ((r = catch_signals(&in)) < 0 || (r = open_state(&in, &err)) < 0 ||
		(r = open_signer(&in, &err)) < 0 || (r = open_ports(&in, &err)) < 0) {
		code = fault(&in, &err, r);
		instance_clear(&in);
		return code;
	}
	in.started_at = now(&in);
	log_line(in.log, LOG_INFO, "dunningd", "%s begins: instance %s, %zu partition%s, state in %s", DUNNINGD_VERSION,
		in.config->instance, in.partition_count, in.partition_count == 1 ? "" : "s", in.config->state_dir);
	if (!in.setup.signs)
		log_line(in.log, LOG_NOTICE | MSG(TRAIL_UNSIGNED), "dunningd", "the trail is not signed: there is no credential " LOG_KEY_CREDENTIAL
			" (dunningctl trail key new makes one)");
	if (in.generation.number > 1)
		log_line(in.log, LOG_NOTICE, "dunningd", "the trail is of generation %u: %s", in.generation.number, in.generation.origin);
	if (in.config->shadow)
		log_line(in.log, LOG_NOTICE | MSG(SHADOW), "dunningd", "mode is shadow: nothing leaves, all goes to the outbox");
	event_base_dispatch(in.base);
	if (in.exit_code == INSTANCE_OK) /* after a fault nothing more is signed */
		signer_destroy(TAKE(in.signer), true);
	log_line(in.log, LOG_INFO, "dunningd", "ended%s", in.exit_code ? " by a fault" : "");
	instance_clear(&in);
	return in.exit_code;
}

int instance_check(const struct instance_options *options)
{
	struct setup setup = { 0 };
	struct err err = { 0 };
	int r = setup_read(options, &setup, &err);

	if (r < 0) {
		fprintf(stderr, "dunningd: %s\n", err.text);
	} else {
		for (size_t i = 0; i < setup.library->unfit_count; i++)
			printf("policy %s cannot be used: %s\n", setup.library->unfit[i].name, setup.library->unfit[i].why);
		for (size_t i = 0; i < setup.library->verdict_count; i++) {
			const struct library_verdict *v = &setup.library->verdicts[i];

			for (size_t k = 0; k < v->report.count && !v->report.errors; k++)
				printf("%s: %s\n", v->file, lint_sentence(&v->report, &v->report.findings[k]));
		}
		printf("%s: ok, %zu policies, %zu providers\n", options->config_file, setup.library->policy_count,
			setup.library->provider_count);
	}
	setup_clear(&setup);
	return r < 0 ? INSTANCE_CONFIG : INSTANCE_OK;
}
