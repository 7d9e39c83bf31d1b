/*
 * The anchors' thread: once a second it looks at the logs' checkpoints and asks whoever is due. It and the daemon's loop speak by a mailbox
 * under a mutex, and a status that is copied.
 */
#include "daemon/anchor.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "common/file.h"
#include "common/hash.h"
#include "daemon/anchor_internal.h"
#include "daemon/journal_leaves.h"

static const struct timeval tick = { .tv_sec = 1 };

/* A letter to the daemon's loop. */
enum { A_RECORD = -1, AN_ERASURE = -2 };
struct letter {
	struct arena *arena; /* owns it */
	int priority; /* of a note; or one of the above */
	const char *line;
	struct anchor_token_record record;
	struct anchor_erased_record erased;
	struct letter *next;
};

/* One to the thread: what it told is in the journal. */
struct recorded {
	unsigned year;
	char name[65];
	uint64_t size;
	struct recorded *next;
};

struct anchors {
	const struct config *config;
	struct anchor_run run;
	char *state_dir, *origin, *keys_origin;
	struct event_base *base; /* the thread's */
	struct event *tick, *woken; /* the thread's */
	struct event *mail; /* the daemon's */
	int wake, notify; /* eventfds: to the thread, from it */
	pthread_t thread;
	bool started, global;
	/* the thread's */
	struct anchor_target *targets;
	struct anchor_log *logs; /* newest first */
	bool disk_told, trusted;
	pthread_mutex_t mutex;
	/* under the mutex */
	struct letter *letters, **letters_end;
	struct anchors_status status;
	int lock_months;
	bool quit, want, lift;
	struct recorded *recorded;
};

int64_t anchor_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * SECOND_MS + now.tv_nsec / 1000000;
}

static void ring(int fd)
{
	const uint64_t one = 1;

	(void)!write(fd, &one, sizeof(one)); /* full: it rings already */
}

static void hush(int fd)
{
	uint64_t count;

	(void)!read(fd, &count, sizeof(count));
}

/* --- letters --------------------------------------------------------------------------------------------------- */

static struct letter *letter_create(int priority)
{
	struct arena *arena = arena_create();
	struct letter *letter = arena_alloc(arena, sizeof(*letter));

	letter->arena = arena;
	letter->priority = priority;
	return letter;
}

static void post(struct anchors *a, struct letter *letter)
{
	pthread_mutex_lock(&a->mutex);
	*a->letters_end = letter;
	a->letters_end = &letter->next;
	pthread_mutex_unlock(&a->mutex);
	ring(a->notify);
}

static struct letter *take_letters(struct anchors *a)
{
	struct letter *letters;

	pthread_mutex_lock(&a->mutex);
	letters = a->letters;
	a->letters = NULL;
	a->letters_end = &a->letters;
	pthread_mutex_unlock(&a->mutex);
	return letters;
}

static void on_mail(evutil_socket_t fd, short what, void *arg)
{
	struct anchors *a = arg;

	(void)what;
	hush(fd);
	for (struct letter *letter = take_letters(a), *next; letter; letter = next) {
		next = letter->next;
		if (letter->priority == A_RECORD)
			a->run.record(&letter->record, a->run.arg);
		else if (letter->priority == AN_ERASURE)
			a->run.erased(&letter->erased, a->run.arg);
		else
			a->run.note(letter->priority, letter->line, a->run.arg);
		arena_free(letter->arena);
	}
}

void anchor_note(struct anchors *a, int priority, const char *format, ...)
{
	struct letter *letter = letter_create(priority);
	char line[400];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	letter->line = arena_strdup(letter->arena, line);
	post(a, letter);
}

/* Kind, name and size say what it is. */
static void post_record(struct anchors *a, const struct anchor_token_record *record)
{
	struct letter *letter = letter_create(A_RECORD);
	struct anchor_token_record *copy = &letter->record;

	*copy = *record;
	copy->name = arena_strdup(letter->arena, record->name);
	copy->origin = arena_strdup(letter->arena, record->origin);
	copy->serial = arena_strdup(letter->arena, record->serial);
	copy->authority = arena_strdup(letter->arena, record->authority);
	copy->part = anchor_forms[record->kind].part;
	copy->media_type = anchor_forms[record->kind].media_type;
	if (copy->part)
		copy->bytes.data = arena_memdup(letter->arena, record->bytes.data, record->bytes.len);
	post(a, letter);
}

void anchor_erased(struct anchors *a, const struct anchor_erased_record *record)
{
	struct letter *letter = letter_create(AN_ERASURE);

	letter->erased = *record;
	letter->erased.name = arena_strdup(letter->arena, record->name);
	post(a, letter);
}

/* --- for the copies ---------------------------------------------------------------------------------------------- */

const char *anchor_state_dir(const struct anchors *a)
{
	return a->state_dir;
}

const char *anchor_origin(const struct anchors *a)
{
	return a->origin;
}

const char *anchor_keys_origin(const struct anchors *a)
{
	return a->keys_origin;
}

int anchor_lock_months(struct anchors *a)
{
	int months;

	pthread_mutex_lock(&a->mutex);
	months = a->lock_months;
	pthread_mutex_unlock(&a->mutex);
	return months;
}

bool anchor_trusted(const struct anchors *a)
{
	return a->trusted;
}

/* --- status ----------------------------------------------------------------------------------------------------- */

struct anchor_mark *anchor_mark_of(const struct anchor_target *target, struct anchor_log *log)
{
	return anchor_mark(&log->state, target->settings->name, target->settings->kind);
}

static struct anchor_status status_of(const struct anchors *a, const struct anchor_target *target, int64_t now)
{
	struct anchor_status status = { .name = target->settings->name, .kind = target->settings->kind, .busy = target->job.arena != NULL,
		.copies = target->copies.status };

	for (struct anchor_log *log = a->logs; log; log = log->next) {
		const struct anchor_mark *mark = anchor_mark_of(target, log);
		int64_t age = anchor_age_ms(mark, now);

		status.disagrees |= mark->disagrees;
		if (log == a->logs) {
			status.size = mark->size;
			status.at = mark->at;
		}
		if (age > status.age_ms)
			status.age_ms = age;
		if (mark->failures && !status.failures) {
			status.failures = mark->failures;
			memcpy(status.word, mark->word, sizeof(status.word));
		}
	}
	status.alarm = status.age_ms >= ANCHOR_ALARM_MS || status.disagrees ||
		strcmp(status.word, "conflict") == 0 || strcmp(status.word, "unlocked") == 0;
	return status;
}

static void tell_alarm(struct anchor_target *target, const struct anchor_status *status)
{
	if (status->alarm && !target->alarm_told)
		anchor_note(target->anchors, LOG_ERR | MSG(ANCHOR_LATE), "anchor: %s: alarm: the oldest leaf has been waiting for %lld h (%s)", status->name,
			(long long)(status->age_ms / HOUR_MS), status->word[0] ? status->word : "not asked");
	else if (!status->alarm && target->alarm_told)
		anchor_note(target->anchors, LOG_NOTICE, "anchor: %s: no alarm any more", status->name);
	target->alarm_told = status->alarm;
}

static void publish(struct anchors *a, int64_t now)
{
	struct anchors_status status = { .count = a->config->anchor_count };
	const struct anchor_log *newest = a->logs;

	if (newest && newest->head.size) {
		snprintf(status.origin, sizeof(status.origin), "%.*s", (int)newest->head.origin.len, (const char *)newest->head.origin.data);
		status.size = newest->head.size;
	}
	for (const struct anchor_log *log = newest; log; log = log->next)
		status.set_back |= log->set_back;
	status.looked = true;
	for (size_t i = 0; i < status.count; i++) {
		status.anchors[i] = status_of(a, &a->targets[i], now);
		status.looked &= a->targets[i].looked;
		status.ahead |= status.anchors[i].disagrees;
		tell_alarm(&a->targets[i], &status.anchors[i]);
	}
	a->trusted = status.looked && !status.ahead && !status.set_back;
	pthread_mutex_lock(&a->mutex);
	for (struct anchor_log *log = a->logs; log; log = log->next) {
		if (a->lift && log->state.held && !status.ahead && !status.set_back) {
			log->state.held = false;
			log->dirty = true; /* written in the next turn */
		}
		status.held |= log->state.held;
	}
	a->lift = false;
	a->status = status;
	pthread_mutex_unlock(&a->mutex);
}

void anchor_publish(struct anchors *a)
{
	publish(a, anchor_now());
}

/* --- jobs ------------------------------------------------------------------------------------------------------- */

static void save(struct anchors *a, struct anchor_log *log)
{
	int r = anchor_log_save(log);

	if (r < 0 && !a->disk_told)
		anchor_note(a, LOG_ERR | MSG(STATE_FILE), "anchor: %s cannot be written: %s", log->dir, strerror(-r));
	a->disk_told = r < 0;
}

/* Beside the log until it is in the journal. */
static void keep_unrecorded(struct anchor_log *log, const struct anchor_token_record *record)
{
	struct anchor_unrecorded one = { .kind = record->kind, .size = record->size, .at = record->at };

	snprintf(one.name, sizeof(one.name), "%s", record->name);
	snprintf(one.serial, sizeof(one.serial), "%s", record->serial ? record->serial : "");
	snprintf(one.authority, sizeof(one.authority), "%s", record->authority ? record->authority : "");
	anchor_unrecorded(&log->state, &one);
}

/* What was given before the last end and is not in the journal. */
static void tell_again(struct anchors *a, struct anchor_log *log)
{
	log->retold = true;
	for (size_t i = 0; i < log->state.unrecorded_count; i++) {
		const struct anchor_unrecorded *one = &log->state.unrecorded[i];
		CLEANUP(buf_clear) struct buf bytes = { 0 }, origin = { 0 };
		struct anchor_token_record record = { .kind = one->kind, .name = one->name, .size = one->size, .at = one->at,
			.serial = one->serial[0] ? one->serial : NULL, .authority = one->authority[0] ? one->authority : NULL };
		int r = anchor_log_given(log, one, &bytes);

		if (r < 0) {
			anchor_note(a, LOG_ERR | MSG(STATE_FILE), "anchor: what %s gave for %llu leaves is not recorded, and cannot be read: %s", one->name,
				(unsigned long long)one->size, strerror(-r));
			continue;
		}
		buf_add(&origin, log->head.origin.data, log->head.origin.len);
		record.origin = buf_str(&origin);
		record.bytes = (struct slice){ (const uint8_t *)buf_str(&bytes), bytes.len };
		post_record(a, &record);
	}
}

static void take_recorded(struct anchors *a)
{
	struct recorded *all;

	pthread_mutex_lock(&a->mutex);
	all = a->recorded;
	a->recorded = NULL;
	pthread_mutex_unlock(&a->mutex);
	for (struct recorded *one = all, *next; one; one = next) {
		next = one->next;
		for (struct anchor_log *log = a->logs; log; log = log->next)
			if (log->year == one->year)
				log->dirty |= anchor_recorded(&log->state, one->name, one->size);
		free(one);
	}
	for (struct anchor_log *log = a->logs; all && log; log = log->next)
		save(a, log);
}

void anchor_job_done(struct anchor_target *target, int64_t at, const struct anchor_token_record *record)
{
	struct anchors *a = target->anchors;
	struct anchor_job *job = &target->job;
	struct anchor_mark *mark = anchor_mark_of(target, job->log);
	bool again = mark->size == job->size; /* it vouched for that one before */
	struct anchor_token_record whole = { 0 };

	if (target->told[0])
		anchor_note(a, LOG_NOTICE, "anchor: %s answers again", target->settings->name);
	target->told[0] = '\0';
	target->looked = true;
	if (!again || target->settings->kind == ANCHOR_S3) /* a look at the start changes nothing */
		anchor_done(&job->log->state, mark, job->size, at, job->asked_at);
	else
		anchor_well(mark);
	if (record && !again) {
		whole = *record;
		whole.kind = target->settings->kind;
		whole.name = target->settings->name;
		whole.origin = arena_printf(job->arena, "%.*s", (int)job->origin.len, (const char *)job->origin.data);
		whole.size = job->size;
		whole.at = at;
		anchor_token(&job->log->state);
		keep_unrecorded(job->log, &whole);
	}
	job->log->dirty = true;
	save(a, job->log);
	if (whole.name)
		post_record(a, &whole);
	anchor_job_clear(job);
	publish(a, anchor_now());
}

void anchor_job_nothing(struct anchor_target *target)
{
	target->looked = true;
	anchor_job_clear(&target->job);
	publish(target->anchors, anchor_now());
}

void anchor_job_failed(struct anchor_target *target, const char *word, const char *text)
{
	struct anchor_job *job = &target->job;
	bool told = strncmp(target->told, word, sizeof(target->told) - 1) == 0;

	target->looked = true;
	anchor_failed(&job->log->state, anchor_mark_of(target, job->log), word, anchor_now());
	if (!told) /* it is tried again and again: told once */
		anchor_note(target->anchors, LOG_WARNING | MSG(ANCHOR_FAILS), "anchor: %s did not vouch for %llu leaves: %s (%s); it is tried again",
			target->settings->name, (unsigned long long)job->size, word, text);
	snprintf(target->told, sizeof(target->told), "%s", word);
	job->log->dirty = true;
	save(target->anchors, job->log);
	anchor_job_clear(job);
	publish(target->anchors, anchor_now());
}

void anchor_stamp_kept(struct anchors *a, struct anchor_log *log, uint64_t size, const char *name)
{
	CLEANUP(buf_clear) struct buf file = { 0 };

	buf_printf(&file, "%llu/%s", (unsigned long long)size, name);
	for (size_t i = 0; i < a->config->anchor_count; i++)
		if (a->targets[i].settings->kind == ANCHOR_S3)
			anchor_queue(anchor_mark_of(&a->targets[i], log), buf_str(&file));
}

/* --- the turn ------------------------------------------------------------------------------------------------------ */

static void add_log(struct anchors *a, uint16_t year)
{
	struct anchor_log **at = &a->logs, *log;
	const char *why;

	while (*at && (*at)->year > year)
		at = &(*at)->next;
	if (*at && (*at)->year == year)
		return;
	log = anchor_log_open(a->state_dir, year, &why);
	if (why)
		anchor_note(a, LOG_ERR | MSG(STATE_FILE), "anchor: %s/state.json: %s; all is anchored anew", log->dir, why);
	for (size_t i = 0; i < a->config->anchor_count; i++)
		if (!anchor_mark_of(&a->targets[i], log)) { /* 64 names have been there before */
			anchor_state_clear(&log->state);
			i = SIZE_MAX;
		}
	log->next = *at;
	*at = log;
}

/* Years whose log has files: there is one a year. And those of the journal: its log may be lost, and a store may have it. */
static void find_logs(struct anchors *a)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	uint16_t *years;
	char **names;
	size_t count;

	if (file_list(arena, arena_printf(arena, "%s/log", a->state_dir), "", &names, &count) == 0)
		for (size_t i = 0; i < count; i++) {
			unsigned year;
			char end;

			if (strlen(names[i]) == 4 && sscanf(names[i], "%4u%c", &year, &end) == 1 && year >= 1970)
				add_log(a, (uint16_t)year);
		}
	if (journal_leaves_years(a->state_dir, arena, &years, &count) == 0)
		for (size_t i = 0; i < count; i++)
			add_log(a, years[i]);
}

static void look(struct anchors *a, struct anchor_log *log, int64_t now)
{
	int r = anchor_log_look(log, now);

	if (r == -ERANGE && !log->set_back)
		anchor_note(a, LOG_CRIT | MSG(TRAIL_SET_BACK), "anchor: the checkpoint of %u has %llu leaves, and more were anchored: the log was set back", log->year,
			(unsigned long long)log->head.size);
	log->set_back = r == -ERANGE;
	if (log->set_back && !log->state.held)
		log->state.held = log->dirty = true;
	if (r < 0 && r != -ERANGE && r != -ENOENT && !log->unread)
		anchor_note(a, LOG_ERR | MSG(STATE_FILE), "anchor: %s/checkpoint cannot be read, and is not anchored: %s", log->log_dir,
			r == -EBADMSG ? "it is no checkpoint" : strerror(-r));
	log->unread = r < 0 && r != -ERANGE && r != -ENOENT;
	save(a, log);
}

static void ask_who_is_due(struct anchors *a, int64_t now)
{
	for (size_t i = 0; i < a->config->anchor_count; i++) {
		struct anchor_target *target = &a->targets[i];

		for (struct anchor_log *log = a->logs; log && !target->job.arena; log = log->next)
			if ((log->head.size || target->settings->kind == ANCHOR_S3) && !log->set_back && !target->looked)
				anchor_ask(target, log, now);
			else if (log->head.size && !log->set_back &&
				anchor_due(&log->state, anchor_mark_of(target, log), target->settings->every_ms, now))
				anchor_ask(target, log, now);
		target->looked |= !target->job.arena; /* there is nothing to show */
	}
}

static void turn(struct anchors *a, bool want)
{
	int64_t now = anchor_now();

	find_logs(a);
	for (struct anchor_log *log = a->logs; log; log = log->next) {
		look(a, log, now);
		if (!log->retold && log->head.size)
			tell_again(a, log);
		for (size_t i = 0; want && i < a->config->anchor_count; i++)
			anchor_want(anchor_mark_of(&a->targets[i], log));
	}
	ask_who_is_due(a, now);
	publish(a, now);
	for (size_t i = 0; i < a->config->anchor_count; i++)
		if (a->targets[i].settings->kind == ANCHOR_S3)
			anchor_copies(&a->targets[i], now, want);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	turn(arg, false);
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct anchors *a = arg;
	bool quit, want;

	(void)what;
	hush(fd);
	pthread_mutex_lock(&a->mutex);
	quit = a->quit;
	want = a->want;
	a->want = false;
	pthread_mutex_unlock(&a->mutex);
	take_recorded(a);
	if (quit)
		event_base_loopbreak(a->base);
	else
		turn(a, want);
}

static void *run(void *arg)
{
	struct anchors *a = arg;

	event_add(a->woken, NULL);
	event_add(a->tick, &tick);
	event_active(a->tick, EV_TIMEOUT, 0);
	event_base_dispatch(a->base);
	return NULL;
}

/* --- life ------------------------------------------------------------------------------------------------------------ */

int anchors_check(const struct config *config, struct err *err)
{
	for (size_t i = 0; i < config->anchor_count; i++) {
		CLEANUP(timestamp_trust_freep) struct timestamp_trust *trust = NULL;
		CLEANUP(buf_clear) struct buf roots = { 0 };
		int r = anchor_target_check(&config->anchors[i], &trust, &roots, err);

		if (r < 0)
			return r;
	}
	return 0;
}

static char *copy_secret(const struct anchor_run *run, const char *credential)
{
	const char *value = credential ? run->secret(credential, run->secret_arg) : NULL;

	return value ? xstrdup(value) : NULL;
}

static int target_init(struct anchors *a, struct anchor_target *target, const struct anchor_settings *settings, struct err *err)
{
	int r;

	target->anchors = a;
	target->settings = settings;
	target->looked = settings->kind == ANCHOR_TIMESTAMP;
	target->wire = wire_create(a->base, a->run.ca_file);
	r = anchor_target_check(settings, &target->trust, &target->roots, err);
	if (r < 0)
		return r;
	if (settings->verifier_key)
		(void)note_key_parse(settings->verifier_key, &target->key); /* the configuration's reader did */
	target->authorization = copy_secret(&a->run, settings->authorization);
	target->id = copy_secret(&a->run, settings->id);
	target->secret = copy_secret(&a->run, settings->secret);
	if ((settings->authorization && !target->authorization) || (settings->id && (!target->id || !target->secret)))
		return err_set(err, -ENOENT, "no_credential", "$.trail.anchors", "the credentials of anchor %s are not there", settings->name);
	if (settings->kind == ANCHOR_S3) {
		target->signer = (struct http_signer){ settings->region, "s3", target->id, target->secret };
		target->store = (struct s3_store){ settings->url, settings->bucket, settings->timeout_ms };
		anchor_copies_open(target);
	}
	return 0;
}

static void free_secret(char *secret)
{
	if (secret)
		cleanse(secret, strlen(secret));
	free(secret);
}

static void target_clear(struct anchor_target *target)
{
	wire_destroy(target->wire);
	anchor_job_clear(&target->job);
	anchor_copies_close(target);
	timestamp_trust_free(target->trust);
	buf_clear(&target->roots);
	free_secret(target->authorization);
	free_secret(target->id);
	free_secret(target->secret);
}

/* Signals are the loop's business. */
static int start_thread(struct anchors *a)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	r = pthread_create(&a->thread, NULL, run, a);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	a->started = r == 0;
	return -r;
}

int anchors_create(struct event_base *base, const struct anchor_run *settings, struct anchors **ret, struct err *err)
{
	CLEANUP(anchors_destroyp) struct anchors *a = NULL;
	int r;

	if (!settings->config->anchor_count) {
		*ret = NULL;
		return 0;
	}
	a = xcalloc(1, sizeof(*a));
	a->config = settings->config;
	a->run = *settings;
	a->state_dir = xstrdup(settings->state_dir);
	a->origin = xstrdup(settings->origin);
	a->keys_origin = xstrdup(settings->keys_origin);
	a->lock_months = settings->lock_months;
	a->letters_end = &a->letters;
	pthread_mutex_init(&a->mutex, NULL);
	a->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	a->notify = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	a->base = event_base_new();
	if (a->wake < 0 || a->notify < 0 || !a->base || wire_global_init(err) < 0) /* err_set() keeps the first reason */
		return err_set(err, -EIO, "no_loop", "", "the anchors' loop cannot be made");
	a->global = true;
	a->tick = event_new(a->base, -1, EV_PERSIST, on_tick, a);
	a->woken = event_new(a->base, a->wake, EV_READ | EV_PERSIST, on_wake, a);
	a->mail = event_new(base, a->notify, EV_READ | EV_PERSIST, on_mail, a);
	event_add(a->mail, NULL);
	a->targets = xcalloc(a->config->anchor_count, sizeof(*a->targets));
	for (size_t i = 0; i < a->config->anchor_count; i++)
		if ((r = target_init(a, &a->targets[i], &a->config->anchors[i], err)) < 0)
			return r;
	a->status.count = a->config->anchor_count;
	for (size_t i = 0; i < a->status.count; i++)
		a->status.anchors[i] = (struct anchor_status){ .name = a->config->anchors[i].name, .kind = a->config->anchors[i].kind };
	if ((r = start_thread(a)) < 0)
		return err_set(err, r, "no_thread", "", "the anchors' thread cannot be started");
	*ret = TAKE(a);
	return 0;
}

static void tell_thread(struct anchors *a, bool *flag)
{
	pthread_mutex_lock(&a->mutex);
	*flag = true;
	pthread_mutex_unlock(&a->mutex);
	ring(a->wake);
}

void anchors_lock_months(struct anchors *a, int months)
{
	if (!a)
		return;
	pthread_mutex_lock(&a->mutex);
	a->lock_months = months;
	pthread_mutex_unlock(&a->mutex);
}

void anchors_want(struct anchors *a)
{
	if (a)
		tell_thread(a, &a->want);
}

void anchors_recorded(struct anchors *a, const char *origin, const char *name, uint64_t size)
{
	struct recorded *one = xcalloc(1, sizeof(*one));
	const char *year = strrchr(origin, '/');

	one->year = year ? (unsigned)strtoul(year + 1, NULL, 10) : 0;
	snprintf(one->name, sizeof(one->name), "%s", name);
	one->size = size;
	pthread_mutex_lock(&a->mutex);
	one->next = a->recorded;
	a->recorded = one;
	pthread_mutex_unlock(&a->mutex);
	ring(a->wake);
}

int anchors_agreed(struct anchors *a, struct err *err)
{
	const char *who = NULL;
	int r = 0;

	pthread_mutex_lock(&a->mutex);
	for (size_t i = 0; i < a->status.count; i++)
		who = a->status.anchors[i].disagrees ? a->status.anchors[i].name : who;
	if (!a->status.held)
		r = err_set(err, -ENOENT, "not_held", "", "nothing is held: nobody outside has had more of this log than is here");
	else if (a->status.set_back)
		r = err_set(err, -EBUSY, "set_back", "", "the log here is smaller than one that was vouched for: restore it, or seal it");
	else if (who || !a->status.looked)
		r = err_set(err, -EBUSY, "disagrees", "", "%s has not answered with what agrees with the log here: see to it, then "
			"`dunningctl trail anchor` asks again", who ? who : "one of them");
	a->lift = r == 0;
	a->status.held = r < 0 && a->status.held;
	pthread_mutex_unlock(&a->mutex);
	ring(a->wake);
	return r;
}

void anchors_status(struct anchors *a, struct anchors_status *ret)
{
	*ret = (struct anchors_status){ 0 };
	if (!a)
		return;
	pthread_mutex_lock(&a->mutex);
	*ret = a->status;
	pthread_mutex_unlock(&a->mutex);
}

void anchors_destroy(struct anchors *a)
{
	if (!a)
		return;
	if (a->started) {
		tell_thread(a, &a->quit);
		pthread_join(a->thread, NULL);
	}
	take_recorded(a); /* behind its last look */
	for (size_t i = 0; a->targets && i < a->config->anchor_count; i++)
		target_clear(&a->targets[i]);
	free(a->targets);
	for (struct anchor_log *log = a->logs, *next; log; log = next) {
		next = log->next;
		anchor_log_free(log);
	}
	for (struct letter *letter = take_letters(a), *next; letter; letter = next) {
		next = letter->next;
		arena_free(letter->arena);
	}
	if (a->mail)
		event_free(a->mail);
	if (a->tick)
		event_free(a->tick);
	if (a->woken)
		event_free(a->woken);
	if (a->base)
		event_base_free(a->base);
	if (a->global)
		wire_global_cleanup();
	(void)close(a->wake);
	(void)close(a->notify);
	pthread_mutex_destroy(&a->mutex);
	free(a->state_dir);
	free(a->origin);
	free(a->keys_origin);
	free(a);
}
