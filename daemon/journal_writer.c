#include "daemon/journal_internal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define WRITE_MAX (8u << 20) /* one write gathers no more, unless a single group is larger */

/* --- lists ---------------------------------------------------------------------------------------- */

void pending_list_init(struct pending_list *list)
{
	list->first = NULL;
	list->last = &list->first;
}

void pending_list_add(struct pending_list *list, struct pending *pending)
{
	pending->next = NULL;
	*list->last = pending;
	list->last = &pending->next;
}

void pending_list_move(struct pending_list *to, struct pending_list *from)
{
	if (!from->first)
		return;
	*to->last = from->first;
	to->last = from->last;
	pending_list_init(from);
}

struct pending *pending_list_pop(struct pending_list *list)
{
	struct pending *pending = list->first;

	if (pending) {
		list->first = pending->next;
		if (!list->first)
			list->last = &list->first;
		pending->next = NULL;
	}
	return pending;
}

void pending_free(struct pending *pending)
{
	if (pending->group.seal_count)
		cleanse(pending->group.seals, pending->group.seal_count * sizeof(*pending->group.seals));
	buf_clear(&pending->begun);
	free(pending);
}

static void free_list(struct pending_list *list)
{
	struct pending *pending;

	while ((pending = pending_list_pop(list)))
		pending_free(pending);
}

/* --- files ---------------------------------------------------------------------------------------- */

/* A quota or a file size limit is "no space": it may pass. Everything else ends the journal. */
static int io_error(int error)
{
	return error == ENOSPC || error == EDQUOT || error == EFBIG ? -ENOSPC : -EIO;
}

static int write_at(int fd, const void *data, size_t len, uint64_t offset)
{
	const uint8_t *p = data;

	while (len > 0) {
		ssize_t n = pwrite(fd, p, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? io_error(errno) : -ENOSPC;
		p += n;
		len -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

/* A failed sync is never repeated: the kernel may have dropped the pages and would call the next one a success. */
static int sync_file(int fd)
{
	return fdatasync(fd) < 0 ? -EIO : 0;
}

int journal_preallocate(int fd, uint64_t used, uint64_t size)
{
	int error;

	if (size <= used || fallocate(fd, 0, 0, (off_t)size) == 0)
		return 0;
	error = errno;
	/* Half a reservation would only look like a file with a long tail. */
	if (ftruncate(fd, (off_t)used) < 0)
		return -errno;
	return error == EIO ? -EIO : 0;
}

/* A closed segment has no preallocated tail and never changes again. */
static int close_segment(struct writer *writer)
{
	int fd = writer->fd;

	if (fd < 0)
		return 0;
	if (ftruncate(fd, (off_t)writer->end) < 0 || fsync(fd) < 0)
		return -EIO;
	writer->fd = -1;
	return close(fd) < 0 ? -EIO : 0;
}

static int create_file(struct writer *writer, const char *name, const struct buf *header, int *ret)
{
	char temporary[JOURNAL_NAME_SIZE + 8];
	CLEANUP(closep) int fd = -1;
	int r;

	(void)snprintf(temporary, sizeof(temporary), "%s.new", name);
	if (unlinkat(writer->dir, temporary, 0) < 0 && errno != ENOENT)
		return io_error(errno);
	fd = openat(writer->dir, temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return io_error(errno);
	r = write_at(fd, header->data, header->len, 0);
	if (r == 0)
		r = journal_preallocate(fd, header->len, writer->segment_bytes) < 0 ? -EIO : 0;
	if (r == 0)
		r = sync_file(fd);
	/* Only a whole header gets the name: a segment without one is corruption, not a crash. */
	if (r == 0 && renameat(writer->dir, temporary, writer->dir, name) < 0)
		r = io_error(errno);
	if (r < 0) {
		(void)unlinkat(writer->dir, temporary, 0);
		return r;
	}
	if (fsync(writer->dir) < 0)
		return -EIO;
	*ret = fd;
	fd = -1;
	return 0;
}

/* Closes the open segment and begins one for `first`. */
static int roll(struct writer *writer, struct pending *first)
{
	const struct group_header *group = &first->group.head;
	CLEANUP(buf_clear) struct buf header = { 0 };
	CLEANUP(buf_clear) struct buf origin = { 0 };
	struct frames_segment head = { .year = group->year };
	struct frames_mark *mark;
	char name[JOURNAL_NAME_SIZE];
	int fd, r;

	r = close_segment(writer);
	if (r < 0)
		return r;
	if (writer->fresh && writer->next_write <= writer->head.first_write)
		writer->next_write = writer->head.first_write + 1; /* two names must differ */
	for (size_t i = 0; i < writer->standing.mark_count; i++)
		writer->standing.marks[i].above = writer->standing.marks[i].pseq;
	mark = standing_mark(&writer->standing, group->partition, false);
	if (mark && group->pseq <= mark->pseq)
		mark->above = group->pseq - 1;
	buf_printf(&origin, "%s/%u", writer->origin, (unsigned)group->year);
	head.origin = buf_str(&origin);
	head.first_index = standing_index(&writer->standing, group->year);
	head.first_write = writer->next_write;
	memcpy(head.previous, writer->chain, sizeof(head.previous));
	random_bytes(head.random, sizeof(head.random));
	head.marks = writer->standing.marks;
	head.mark_count = writer->standing.mark_count;
	head.logs = writer->standing.logs;
	head.log_count = writer->standing.log_count;
	frames_segment_add(&header, &head);
	journal_name(&head, name);
	r = create_file(writer, name, &header, &fd);
	if (r < 0)
		return r;
	head.origin = NULL;
	head.marks = NULL;
	head.logs = NULL;
	writer->fd = fd;
	writer->head = head;
	writer->fresh = true;
	writer->end = head.size;
	memcpy(writer->chain, head.digest, sizeof(writer->chain));
	first->begun = header;
	header = (struct buf){ 0 };
	return 0;
}

/* --- writing ---------------------------------------------------------------------------------------- */

static bool needs_roll(struct writer *writer, const struct pending *first)
{
	const struct group_header *head = &first->group.head;
	const struct frames_mark *mark = standing_mark(&writer->standing, head->partition, false);

	return writer->fd < 0 || writer->head.year != head->year || (mark && head->pseq <= mark->above) ||
		(!writer->fresh && writer->end + first->size > writer->segment_bytes);
}

/* Takes the groups that go into one write off the queue. Advances `after` over them. */
static void gather(struct pending_list *from, struct standing *after, uint64_t room,
	struct pending_list *ret)
{
	size_t size = 0;

	while (from->first) {
		const struct pending *next = from->first;
		const struct group_header *head = &next->group.head;
		const struct frames_mark *mark = standing_mark(after, head->partition, false);

		if (ret->first) {
			if (head->year != ret->first->group.head.year ||
				next->generation != ret->first->generation ||
				(mark && head->pseq <= mark->above) || size + next->size > room ||
				size + next->size > WRITE_MAX)
				break;
		}
		size += next->size;
		standing_advance(after, head, next->group.record_count);
		pending_list_add(ret, pending_list_pop(from));
	}
}

static int sync_groups(struct writer *writer, struct pending *first)
{
	struct timespec began, ended;
	int r;

	(void)clock_gettime(CLOCK_MONOTONIC, &began);
	r = sync_file(writer->fd);
	(void)clock_gettime(CLOCK_MONOTONIC, &ended);
	first->sync_us = (ended.tv_sec - began.tv_sec) * 1000000 + (ended.tv_nsec - began.tv_nsec) / 1000;
	return r;
}

static int write_groups(struct writer *writer, const struct pending_list *groups)
{
	uint8_t chain[SHA256_SIZE];
	uint64_t number = writer->next_write++; /* never used again, whatever comes of it */
	int r;

	memcpy(chain, writer->chain, sizeof(chain));
	buf_reset(&writer->bytes);
	for (struct pending *p = groups->first; p; p = p->next) {
		p->at = writer->end + writer->bytes.len;
		frames_group_add(&writer->bytes, &writer->head, number, &p->group, chain);
		p->end = writer->end + writer->bytes.len;
	}
	r = write_at(writer->fd, writer->bytes.data, writer->bytes.len, writer->end);
	if (r == -ENOSPC) {
		/* Durably gone before anybody hears of it: a crash must not bring back what was refused. */
		if (ftruncate(writer->fd, (off_t)writer->end) < 0 || sync_file(writer->fd) < 0)
			return -EIO;
		return r;
	}
	if (r == 0)
		r = sync_groups(writer, groups->first);
	if (r < 0)
		return r;
	writer->end += writer->bytes.len;
	writer->fresh = false;
	memcpy(writer->chain, chain, sizeof(chain));
	if (writer->bytes.capacity > 2 * (size_t)WRITE_MAX)
		buf_clear(&writer->bytes);
	return 0;
}

/* One write from the front of `from`. */
static int write_some(struct writer *writer, struct pending_list *from, struct pending_list *ret)
{
	struct pending *first = from->first;
	struct standing after = { 0 };
	uint64_t room;
	int r = 0;

	if (writer->broken)
		r = -EIO;
	else if (first->generation <= writer->failed_generation)
		r = -ENOSPC;
	else if (writer->keys && (r = keystore_sync(writer->keys)) < 0)
		r = r == -ENOSPC ? r : -EIO;
	else if (needs_roll(writer, first))
		r = roll(writer, first);
	if (r < 0) {
		pending_list_add(ret, pending_list_pop(from));
		return r;
	}
	standing_copy(&after, &writer->standing);
	room = writer->segment_bytes > writer->end ? writer->segment_bytes - writer->end : 0;
	gather(from, &after, room, ret);
	r = write_groups(writer, ret);
	if (r == 0) {
		struct standing old = writer->standing;

		writer->standing = after;
		after = old;
		first->leads_write = true;
	}
	standing_clear(&after);
	return r;
}

static void finish(struct writer *writer, struct pending_list *groups, int r)
{
	uint64_t one = 1;

	for (struct pending *p = groups->first; p; p = p->next) {
		p->r = r;
		if (r == -ENOSPC && p->generation > writer->failed_generation)
			writer->failed_generation = p->generation;
	}
	if (r < 0 && r != -ENOSPC)
		writer->broken = true;
	pthread_mutex_lock(&writer->mutex);
	pending_list_move(&writer->finished, groups);
	pthread_mutex_unlock(&writer->mutex);
	if (write(writer->notify, &one, sizeof(one)) < 0)
		assert(errno == EAGAIN); /* it counts to 2^64: then it is readable anyway */
}

static void *writer_run(void *arg)
{
	struct writer *writer = arg;
	struct pending_list taken, batch;
	bool stop = false;

	pending_list_init(&taken);
	pending_list_init(&batch);
	while (!stop) {
		pthread_mutex_lock(&writer->mutex);
		while (!taken.first && !writer->queue.first && !writer->stop)
			pthread_cond_wait(&writer->work, &writer->mutex);
		pending_list_move(&taken, &writer->queue);
		stop = writer->stop;
		pthread_mutex_unlock(&writer->mutex);
		if (stop || !taken.first)
			continue;
		for (struct pending *p = taken.first; p; p = p->next)
			frames_seal(&p->group);
		finish(writer, &batch, write_some(writer, &taken, &batch));
	}
	free_list(&taken);
	return NULL;
}

/* --- the loop's side ---------------------------------------------------------------------------------- */

int writer_start(struct writer *writer)
{
	sigset_t all, before;
	int r;

	pending_list_init(&writer->queue);
	pending_list_init(&writer->finished);
	(void)pthread_mutex_init(&writer->mutex, NULL);
	(void)pthread_cond_init(&writer->work, NULL);
	/* Signals are the loop's. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&writer->thread, NULL, writer_run, writer);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	writer->started = r == 0;
	return -r;
}

void writer_hand_over(struct writer *writer, struct pending_list *groups)
{
	pthread_mutex_lock(&writer->mutex);
	pending_list_move(&writer->queue, groups);
	pthread_cond_signal(&writer->work);
	pthread_mutex_unlock(&writer->mutex);
}

void writer_take_finished(struct writer *writer, struct pending_list *ret)
{
	pthread_mutex_lock(&writer->mutex);
	pending_list_move(ret, &writer->finished);
	pthread_mutex_unlock(&writer->mutex);
}

void writer_stop(struct writer *writer)
{
	if (writer->started) {
		pthread_mutex_lock(&writer->mutex);
		writer->stop = true;
		pthread_cond_signal(&writer->work);
		pthread_mutex_unlock(&writer->mutex);
		(void)pthread_join(writer->thread, NULL);
		writer->started = false;
		free_list(&writer->queue);
		free_list(&writer->finished);
		(void)pthread_cond_destroy(&writer->work);
		(void)pthread_mutex_destroy(&writer->mutex);
	}
	closep(&writer->fd);
	standing_clear(&writer->standing);
	buf_clear(&writer->bytes);
}
