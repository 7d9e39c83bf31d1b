#include "daemon/signer.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <syslog.h>
#include <unistd.h>

#include "daemon/log_id.h"

/* What is known of one year's log. */
struct known {
	uint16_t year;
	uint64_t size; /* signed */
	uint8_t root[SHA256_SIZE];
	struct signer_mended mended; /* year 0: there is nothing to record */
};

/* One checkpoint, on its way through the thread. */
struct job {
	uint16_t year;
	uint64_t to; /* durable records */
	/* results */
	int r;
	uint64_t size;
	uint8_t root[SHA256_SIZE];
	bool opened;
	struct signed_log_report report; /* opened */
	struct err err;
};

struct signer {
	struct signer_settings settings;
	struct signer_callbacks callbacks;
	struct known *logs; /* by year */
	size_t count, capacity;
	struct event *look, *finished;
	int notify; /* eventfd */
	bool busy, failed, no_space, held;
	uint64_t published;
	pthread_t thread;
	bool started;
	/* the one log that is open: the thread's while `busy`, else the loop's */
	struct signed_log *log;
	uint16_t year; /* of it */
	struct job job; /* likewise */
	/* guarded by the mutex */
	pthread_mutex_t mutex;
	pthread_cond_t work;
	bool begin, stop;
};

static void note(struct signer *s, int priority, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void note(struct signer *s, int priority, const char *format, ...)
{
	char line[500] = "signer: ";
	va_list args;

	va_start(args, format);
	(void)vsnprintf(line + strlen(line), sizeof(line) - strlen(line), format, args);
	va_end(args);
	s->callbacks.note(priority, line, s->callbacks.arg);
}

static struct known *known_of(struct signer *s, uint16_t year)
{
	size_t i = 0;

	while (i < s->count && s->logs[i].year < year)
		i++;
	if (i < s->count && s->logs[i].year == year)
		return &s->logs[i];
	xgrow(&s->logs, &s->capacity, s->count + 1, sizeof(*s->logs));
	memmove(&s->logs[i + 1], &s->logs[i], (s->count - i) * sizeof(*s->logs));
	s->count++;
	s->logs[i] = (struct known){ .year = year };
	return &s->logs[i];
}

/* --- one checkpoint -------------------------------------------------------------------------------------- */

static void on_progress(uint64_t done, uint64_t all, void *arg)
{
	struct signer *s = arg;

	(void)done, (void)all;
	if (!s->started && s->callbacks.progress)
		s->callbacks.progress(s->callbacks.arg);
}

static bool on_halted(void *arg)
{
	return journal_broken(((struct signer *)arg)->settings.journal);
}

static int open_log(struct signer *s, struct job *job)
{
	struct signed_log_settings settings = { .state_dir = s->settings.state_dir, .year = job->year,
		.key = s->settings.key, .signs = true, .halted = on_halted, .progress = on_progress, .arg = s };

	signed_log_close(s->log);
	s->log = NULL;
	s->year = job->year;
	job->opened = true;
	return signed_log_open(&settings, job->to, &s->log, &job->report, &job->err);
}

/* At once, in whichever thread calls it. */
static void run(struct signer *s, struct job *job, bool sign)
{
	job->r = s->log && s->year == job->year ? 0 : open_log(s, job);
	if (job->r == 0 && sign && signed_log_size(s->log) < job->to)
		job->r = signed_log_extend(s->log, job->to, &job->err);
	if (job->r < 0) {
		signed_log_close(s->log);
		s->log = NULL;
		return;
	}
	job->size = signed_log_size(s->log);
	memcpy(job->root, signed_log_root(s->log), SHA256_SIZE);
}

static void tell_report(struct signer *s, const struct job *job)
{
	const struct signed_log_report *report = &job->report;

	if (report->from_journal) {
		known_of(s, job->year)->mended = (struct signer_mended){ job->year, job->size, report->missing, report->mended };
		note(s, LOG_NOTICE, "files of the log of %u were lost or damaged: made again from the journal, whose root is the signed one "
			"(%" PRIu64 " missing, %" PRIu64 " with other bytes)", (unsigned)job->year, report->missing, report->mended);
	} else if (report->published)
		note(s, LOG_INFO, "a checkpoint of the log of %u that was signed before the end is published: %" PRIu64 " records",
			(unsigned)job->year, job->size);
}

bool signer_mended(struct signer *s, struct signer_mended *ret)
{
	for (size_t i = 0; i < s->count; i++) {
		if (!s->logs[i].mended.year)
			continue;
		*ret = s->logs[i].mended;
		s->logs[i].mended = (struct signer_mended){ 0 };
		return true;
	}
	return false;
}

/* What came of it, in the loop. */
static int take(struct signer *s, const struct job *job)
{
	struct known *log = known_of(s, job->year);
	bool grown;

	if (job->r == -ECANCELED) /* the journal has failed, and says so itself */
		return 0;
	if (job->r == -ENOSPC) {
		if (!s->no_space)
			note(s, LOG_WARNING | MSG(NO_SPACE), "not signed for now, there is no space: %s", job->err.text);
		s->no_space = true;
		return 0;
	}
	if (job->r < 0)
		return job->r;
	if (s->no_space)
		note(s, LOG_NOTICE, "there is space again");
	s->no_space = false;
	if (job->opened)
		tell_report(s, job);
	grown = job->size > log->size;
	log->size = job->size;
	memcpy(log->root, job->root, SHA256_SIZE);
	s->published += grown;
	if (grown && s->callbacks.published)
		s->callbacks.published(job->year, job->size, s->callbacks.arg);
	return 0;
}

/* --- the thread ------------------------------------------------------------------------------------------- */

static void *thread_run(void *arg)
{
	struct signer *s = arg;
	uint64_t one = 1;

	for (;;) {
		bool stop;

		pthread_mutex_lock(&s->mutex);
		while (!s->begin && !s->stop)
			pthread_cond_wait(&s->work, &s->mutex);
		stop = s->stop && !s->begin;
		s->begin = false;
		pthread_mutex_unlock(&s->mutex);
		if (stop)
			return NULL;
		run(s, &s->job, true);
		if (write(s->notify, &one, sizeof(one)) < 0)
			assert(errno == EAGAIN);
	}
}

static int thread_start(struct signer *s)
{
	sigset_t all, before;
	int r;

	(void)sigfillset(&all); /* signals are the loop's */
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&s->thread, NULL, thread_run, s);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	s->started = r == 0;
	return -r;
}

static void on_finished(evutil_socket_t fd, short events, void *arg)
{
	struct signer *s = arg;
	uint64_t count;
	int r;

	(void)events;
	if (read(fd, &count, sizeof(count)) < 0)
		return;
	s->busy = false;
	r = take(s, &s->job);
	if (r < 0) {
		s->failed = true;
		s->callbacks.failed(r, s->job.err.text, s->callbacks.arg);
	}
}

/* The oldest log that is behind, if any. */
static bool next_job(struct signer *s, struct job *ret)
{
	size_t count;
	const struct frames_log *logs = journal_logs(s->settings.journal, &count);

	for (size_t i = 0; i < count; i++) {
		if (logs[i].next_index <= known_of(s, logs[i].year)->size)
			continue;
		*ret = (struct job){ .year = logs[i].year, .to = logs[i].next_index };
		return true;
	}
	return false;
}

static void on_look(evutil_socket_t fd, short events, void *arg)
{
	struct signer *s = arg;

	(void)fd, (void)events;
	if (s->busy || s->failed || s->held || !next_job(s, &s->job))
		return;
	s->busy = true;
	pthread_mutex_lock(&s->mutex);
	s->begin = true;
	pthread_cond_signal(&s->work);
	pthread_mutex_unlock(&s->mutex);
}

/* --- life -------------------------------------------------------------------------------------------------- */

/* Each log as it is found, the newest last: that one stays open. */
static int open_logs(struct signer *s, struct err *err)
{
	size_t count;
	const struct frames_log *logs = journal_logs(s->settings.journal, &count);

	for (size_t i = 0; i < count; i++) {
		struct job job = { .year = logs[i].year, .to = logs[i].next_index };
		int r;

		run(s, &job, false);
		r = take(s, &job);
		if (r < 0)
			return err_set(err, r, job.err.code, "", "%s", job.err.text);
	}
	s->published = 0;
	return 0;
}

int signer_create(const struct signer_settings *settings, struct event_base *base, const struct signer_callbacks *callbacks,
	struct signer **ret, struct err *err)
{
	struct timeval every = { (time_t)(settings->every_ms / 1000), (suseconds_t)(settings->every_ms % 1000 * 1000) };
	struct signer *s = xcalloc(1, sizeof(*s));
	int r;

	s->settings = *settings;
	s->callbacks = *callbacks;
	(void)pthread_mutex_init(&s->mutex, NULL);
	(void)pthread_cond_init(&s->work, NULL);
	s->notify = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->look = event_new(base, -1, EV_PERSIST, on_look, s);
	s->finished = event_new(base, s->notify, EV_READ | EV_PERSIST, on_finished, s);
	r = open_logs(s, err);
	if (r == 0 && (s->notify < 0 || !s->look || !s->finished || event_add(s->finished, NULL) < 0 || event_add(s->look, &every) < 0))
		r = err_set(err, -ENOMEM, "no_signer", "", "cannot start the trail's signer");
	if (r == 0 && (r = thread_start(s)) < 0)
		r = err_set(err, r, "no_signer", "", "cannot start the trail's signer: %s", strerror(-r));
	if (r < 0) {
		signer_destroy(s, false);
		return r;
	}
	*ret = s;
	return 0;
}

static void sign_rest(struct signer *s)
{
	size_t count;
	const struct frames_log *logs = journal_logs(s->settings.journal, &count);

	for (size_t i = 0; i < count && !s->failed; i++) {
		struct job job = { .year = logs[i].year, .to = logs[i].next_index };

		if (job.to <= known_of(s, job.year)->size)
			continue;
		run(s, &job, true);
		if (take(s, &job) < 0) {
			s->failed = true;
			s->callbacks.failed(job.r, job.err.text, s->callbacks.arg);
		}
	}
}

void signer_destroy(struct signer *s, bool rest)
{
	if (!s)
		return;
	if (s->started) {
		pthread_mutex_lock(&s->mutex);
		s->stop = true;
		pthread_cond_signal(&s->work);
		pthread_mutex_unlock(&s->mutex);
		(void)pthread_join(s->thread, NULL);
		if (s->busy) {
			s->busy = false;
			if (take(s, &s->job) < 0) {
				s->failed = true;
				s->callbacks.failed(s->job.r, s->job.err.text, s->callbacks.arg);
			}
		}
		if (rest && !s->held)
			sign_rest(s);
	}
	signed_log_close(s->log);
	if (s->look)
		event_free(s->look);
	if (s->finished)
		event_free(s->finished);
	if (s->notify >= 0)
		(void)close(s->notify);
	(void)pthread_cond_destroy(&s->work);
	(void)pthread_mutex_destroy(&s->mutex);
	free(s->logs);
	free(s);
}

void signer_hold(struct signer *s, bool hold)
{
	s->held = hold;
}

void signer_look(struct signer *s)
{
	event_active(s->look, EV_TIMEOUT, 0);
}

int signer_root(const struct signer *s, uint16_t year, uint64_t size, uint8_t ret[SHA256_SIZE])
{
	for (size_t i = 0; i < s->count; i++) {
		if (s->logs[i].year != year || s->logs[i].size != size)
			continue;
		memcpy(ret, s->logs[i].root, SHA256_SIZE);
		return 0;
	}
	return -EAGAIN;
}

void signer_status(const struct signer *s, struct signer_status *ret)
{
	size_t count;
	const struct frames_log *logs = journal_logs(s->settings.journal, &count);

	*ret = (struct signer_status){ .published = s->published, .no_space = s->no_space };
	for (size_t i = 0; i < count; i++) {
		uint64_t size = 0;

		for (size_t k = 0; k < s->count; k++) {
			if (s->logs[k].year != logs[i].year)
				continue;
			size = s->logs[k].size;
			memcpy(ret->root, s->logs[k].root, SHA256_SIZE);
		}
		ret->year = logs[i].year;
		ret->records = logs[i].next_index;
		ret->size = size;
		ret->behind += logs[i].next_index - size;
	}
}
