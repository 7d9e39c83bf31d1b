#include "daemon/outbox.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"

#define BATCH_MAX 64 /* files under one sync of the folder; may_start of the next ones is asked after it */

struct job {
	struct arena *arena; /* owns the job */
	const char *name; /* of the file; NULL: there is none, the outcome stands already */
	const char *temporary;
	const char *bytes;
	size_t len;
	transport_may_start_fn may_start;
	transport_done_fn done;
	transport_lookup_fn looked_up; /* a look-up, if not NULL */
	void *arg;
	enum lookup_result found;
	bool linked; /* the thread's: the file is there and its folder must be synced */
	struct outcome outcome;
	struct job *next;
};

struct job_list {
	struct job *first, **end;
};

struct outbox {
	int dir; /* descriptor */
	struct event *wake; /* something is waiting, and the thread is free */
	struct event *finished; /* the thread has written its batch */
	int notify; /* eventfd */
	struct job_list waiting;
	struct outbox_counters counters;

	pthread_t thread;
	bool running; /* the thread */
	pthread_mutex_t mutex;
	pthread_cond_t work;
	/* under the mutex */
	struct job *batch; /* the thread's from when it is set until `written` */
	bool written, quit;
};

static void list_init(struct job_list *list)
{
	list->first = NULL;
	list->end = &list->first;
}

static void list_add(struct job_list *list, struct job *job)
{
	job->next = NULL;
	*list->end = job;
	list->end = &job->next;
}

static void free_jobs(struct job *job)
{
	for (struct job *next; job; job = next) {
		next = job->next;
		arena_free(job->arena);
	}
}

/* --- the thread: files ------------------------------------------------------------------------------------------------------- */

static int write_temporary(int dir, const struct job *job)
{
	CLEANUP(closep) int fd = openat(dir, job->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	size_t at = 0;

	if (fd < 0)
		return -errno;
	while (at < job->len) {
		ssize_t n = write(fd, job->bytes + at, job->len - at);

		if (n < 0 && errno != EINTR)
			return -errno;
		at += n > 0 ? (size_t)n : 0;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

static const char *behind_date(const char *bytes, size_t len, size_t *ret)
{
	size_t end = 0;

	while (end < len && bytes[end] != '\n')
		end++;
	if (end == len)
		end = 0;
	*ret = len - end;
	return bytes + end;
}

/* 1: the file that is there says the same, 0: it does not. -errno. */
static int compare(int dir, const struct job *job)
{
	CLEANUP(closep) int fd = openat(dir, job->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	CLEANUP(freep) char *there = xmalloc(job->len + 2);
	const char *a, *b;
	size_t len = 0, a_len, b_len;

	if (fd < 0)
		return -errno;
	while (len < job->len + 1) { /* one byte more than ours shows that it is longer */
		ssize_t n = read(fd, there + len, job->len + 1 - len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			break;
		len += n > 0 ? (size_t)n : 0;
	}
	a = behind_date(there, len, &a_len);
	b = behind_date(job->bytes, job->len, &b_len);
	return a_len == b_len && memcmp(a, b, a_len) == 0;
}

static void settle(struct job *job, enum outcome_kind kind, const char *reason)
{
	job->outcome.kind = kind;
	job->outcome.reason = reason;
}

/* Linking never replaces: of two requests with one id the first one stays. */
static void write_job(int dir, struct job *job)
{
	int r = write_temporary(dir, job);

	if (r == 0 && linkat(dir, job->temporary, dir, job->name, 0) < 0)
		r = -errno;
	(void)unlinkat(dir, job->temporary, 0);
	if (r == -EEXIST) {
		r = compare(dir, job);
		job->linked = r == 1; /* who wrote it may have died before its folder was synced */
		if (r != 1)
			settle(job, OUTCOME_IN_DOUBT, r == 0 ? "conflict" : "disk");
	} else if (r < 0) {
		settle(job, OUTCOME_TEMPORARY, r == -ENOSPC || r == -EDQUOT || r == -EFBIG ? "no_space" : "disk");
	} else {
		job->linked = true;
	}
}

static void write_batch(int dir, struct job *batch)
{
	bool any = false;
	int r;

	for (struct job *job = batch; job; job = job->next) {
		write_job(dir, job);
		any |= job->linked;
	}
	r = any ? fsync(dir) : 0;
	for (struct job *job = batch; job; job = job->next) {
		if (!job->linked)
			continue;
		settle(job, r < 0 ? OUTCOME_IN_DOUBT : OUTCOME_ACCEPTED, r < 0 ? "disk" : "accepted");
		job->outcome.provider_id = r < 0 ? NULL : job->name;
	}
}

static void *run(void *arg)
{
	struct outbox *outbox = arg;
	const uint64_t one = 1;

	pthread_mutex_lock(&outbox->mutex);
	for (;;) {
		while (!outbox->quit && (!outbox->batch || outbox->written))
			pthread_cond_wait(&outbox->work, &outbox->mutex);
		if (!outbox->batch || outbox->written)
			break;
		pthread_mutex_unlock(&outbox->mutex);
		write_batch(outbox->dir, outbox->batch);
		pthread_mutex_lock(&outbox->mutex);
		outbox->written = true;
		(void)!write(outbox->notify, &one, sizeof(one)); /* fails only when it is full, which tells the same */
	}
	pthread_mutex_unlock(&outbox->mutex);
	return NULL;
}

/* --- the loop ------------------------------------------------------------------------------------------------------------------ */

static void deliver(struct outbox *outbox, struct job *job)
{
	outbox->counters.in_flight--;
	if (job->looked_up) {
		job->looked_up(job->found, job->found == LOOKUP_FOUND ? job->name : NULL, job->arg);
	} else {
		outbox->counters.outcomes[job->outcome.kind]++;
		job->done(&job->outcome, job->arg);
	}
	arena_free(job->arena);
}

static struct job *take(struct job_list *list)
{
	struct job *job = list->first;

	if (job && !(list->first = job->next))
		list->end = &list->first;
	return job;
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct outbox *outbox = arg;
	struct job_list ready, batch;
	struct job *job;
	size_t count = 0;
	bool busy;

	(void)fd, (void)what;
	pthread_mutex_lock(&outbox->mutex);
	busy = outbox->batch != NULL;
	pthread_mutex_unlock(&outbox->mutex);
	if (busy)
		return;
	list_init(&ready);
	list_init(&batch);
	while (count < BATCH_MAX && (job = take(&outbox->waiting))) {
		if (job->looked_up || !job->bytes) {
			list_add(&ready, job);
		} else if (!job->may_start(job->arg)) {
			settle(job, OUTCOME_CANCELLED, "not_started");
			list_add(&ready, job);
		} else {
			list_add(&batch, job);
			count++;
		}
	}
	if (batch.first) {
		pthread_mutex_lock(&outbox->mutex);
		outbox->batch = batch.first;
		outbox->written = false;
		pthread_cond_signal(&outbox->work);
		pthread_mutex_unlock(&outbox->mutex);
	}
	while ((job = take(&ready)))
		deliver(outbox, job);
}

static void on_finished(evutil_socket_t fd, short what, void *arg)
{
	struct outbox *outbox = arg;
	struct job *batch = NULL;
	uint64_t count;

	(void)what;
	(void)!read(fd, &count, sizeof(count));
	pthread_mutex_lock(&outbox->mutex);
	if (outbox->written) {
		batch = outbox->batch;
		outbox->batch = NULL;
		outbox->written = false;
	}
	pthread_mutex_unlock(&outbox->mutex);
	for (struct job *next; batch; batch = next) {
		next = batch->next;
		deliver(outbox, batch);
	}
	event_active(outbox->wake, EV_TIMEOUT, 0);
}

static struct job *job_new(struct outbox *outbox, void *arg)
{
	struct arena *arena = arena_create();
	struct job *job = arena_alloc(arena, sizeof(*job));

	job->arena = arena;
	job->arg = arg;
	list_add(&outbox->waiting, job);
	outbox->counters.in_flight++;
	event_active(outbox->wake, EV_TIMEOUT, 0);
	return job;
}

/* The id is a file's name here: nothing but what attempt_id() makes. */
static bool id_is_safe(const char *id)
{
	return strlen(id) == ATTEMPT_ID_SIZE - 1 && strspn(id, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") == ATTEMPT_ID_SIZE - 1;
}

static const char *file_name(struct arena *arena, const struct message *message)
{
	return arena_printf(arena, "%s.%s", message->attempt_id,
		message->channel == CHANNEL_EMAIL ? "eml" : outbox_letter(message) ? "pdf" : "txt");
}

void outbox_start(struct outbox *outbox, const struct message *message, int64_t now, transport_may_start_fn may_start,
	transport_done_fn done, void *arg)
{
	CLEANUP(buf_clear) struct buf bytes = { 0 };
	struct job *job = job_new(outbox, arg);
	struct err err = { 0 };

	job->may_start = may_start;
	job->done = done;
	if (!id_is_safe(message->attempt_id))
		(void)err_set(&err, -EBADMSG, "bad_id", "$.attempt_id", "no attempt id");
	else
		(void)message_check(message, &err);
	if (err.code[0]) {
		settle(job, OUTCOME_REFUSED, arena_strdup(job->arena, err.code));
		job->outcome.scope = strcmp(err.code, "bad_address") == 0 ? SCOPE_RECIPIENT : SCOPE_MESSAGE;
		return;
	}
	outbox_render(message, now, &bytes);
	job->name = file_name(job->arena, message);
	job->temporary = arena_printf(job->arena, ".%s", job->name);
	job->bytes = arena_memdup(job->arena, bytes.data, bytes.len);
	job->len = bytes.len;
}

void outbox_lookup(struct outbox *outbox, const struct message *message, transport_lookup_fn done, void *arg)
{
	struct job *job = job_new(outbox, arg);
	struct stat st;

	job->looked_up = done;
	job->found = LOOKUP_FAILED;
	if (!id_is_safe(message->attempt_id))
		return;
	job->name = file_name(job->arena, message);
	if (fstatat(outbox->dir, job->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		job->found = LOOKUP_FOUND;
	else if (errno == ENOENT)
		job->found = LOOKUP_MISSED;
}

int outbox_forget(struct outbox *outbox, const char *const *attempt_ids, size_t count)
{
	static const char *const forms[][2] = { { "", ".eml" }, { "", ".txt" }, { "", ".pdf" }, { ".", ".eml" }, { ".", ".txt" },
		{ ".", ".pdf" } }; /* dot: left by a crash */
	bool any = false;

	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < ARRAY_LEN(forms); k++) {
			CLEANUP(buf_clear) struct buf name = { 0 };

			if (strchr(attempt_ids[i], '/'))
				continue;
			buf_printf(&name, "%s%s%s", forms[k][0], attempt_ids[i], forms[k][1]);
			if (unlinkat(outbox->dir, buf_str(&name), 0) == 0)
				any = true;
			else if (errno != ENOENT)
				return -errno;
		}
	/* Rare enough to let the loop wait for it. */
	return any && fsync(outbox->dir) < 0 ? -errno : 0;
}

void outbox_count(const struct outbox *outbox, struct outbox_counters *ret)
{
	*ret = outbox->counters;
}

/* --- life -------------------------------------------------------------------------------------------------------------------- */

static int start_thread(struct outbox *outbox)
{
	sigset_t all, before;
	int r;

	/* Signals are the loop's. */
	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&outbox->thread, NULL, run, outbox);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	outbox->running = r == 0;
	return -r;
}

int outbox_create(struct event_base *base, const char *dir, struct outbox **ret, struct err *err)
{
	CLEANUP(outbox_destroyp) struct outbox *outbox = xcalloc(1, sizeof(*outbox));
	int r = file_make_dirs(dir, 0700);

	list_init(&outbox->waiting);
	(void)pthread_mutex_init(&outbox->mutex, NULL);
	(void)pthread_cond_init(&outbox->work, NULL);
	outbox->notify = -1;
	outbox->dir = r < 0 ? -1 : open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r == 0 && outbox->dir < 0)
		r = -errno;
	if (r == 0 && (outbox->notify = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
		r = -errno;
	if (r == 0)
		r = start_thread(outbox);
	if (r < 0)
		return err_set(err, r, "no_outbox", "", "the outbox %s cannot be opened: %s", dir, strerror(-r));
	outbox->wake = event_new(base, -1, 0, on_wake, outbox);
	outbox->finished = event_new(base, outbox->notify, EV_READ | EV_PERSIST, on_finished, outbox);
	event_add(outbox->finished, NULL);
	*ret = TAKE(outbox);
	return 0;
}

void outbox_destroy(struct outbox *outbox)
{
	if (!outbox)
		return;
	if (outbox->running) {
		pthread_mutex_lock(&outbox->mutex);
		outbox->quit = true;
		pthread_cond_signal(&outbox->work);
		pthread_mutex_unlock(&outbox->mutex);
		(void)pthread_join(outbox->thread, NULL);
	}
	free_jobs(outbox->batch);
	free_jobs(outbox->waiting.first);
	if (outbox->wake)
		event_free(outbox->wake);
	if (outbox->finished)
		event_free(outbox->finished);
	closep(&outbox->notify);
	closep(&outbox->dir);
	(void)pthread_cond_destroy(&outbox->work);
	(void)pthread_mutex_destroy(&outbox->mutex);
	free(outbox);
}
