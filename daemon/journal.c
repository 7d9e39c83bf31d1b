#include "daemon/journal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "daemon/journal_internal.h"

struct journal {
	struct journal_port port;
	struct arena *arena; /* paths and origins */
	int lock; /* holds the flock; owned, as are the descriptors below */
	int notify;
	struct event *finished; /* the writer has something for us */
	struct event *turn; /* end of a turn of the loop: hand over what came in it */
	struct history history;
	struct writer writer;
	struct pending_list handed; /* in this turn */
	bool turn_set;
	struct standing planned; /* as if all that was handed over were durable: for the indexes */
	uint64_t generation;
	size_t under_way; /* handed over, not told */
	bool failing; /* all of this generation that is under way fails */
	uint64_t recovered;
	struct journal_counters counters;
	void (*synced)(int64_t us, void *arg);
	void *synced_arg;
	const char *origin;
	struct log_name {
		uint16_t year;
		const char *origin;
	} *names;
	size_t name_count, name_capacity;
};

/* --- appending ---------------------------------------------------------------------------------------- */

static struct slice *copy_bodies(const struct slice *bodies, size_t count, struct slice *ret,
	uint8_t **bytes)
{
	for (size_t i = 0; i < count; i++) {
		memcpy(*bytes, bodies[i].data, bodies[i].len);
		ret[i] = (struct slice){ *bytes, bodies[i].len };
		*bytes += bodies[i].len;
	}
	return ret + count;
}

static struct pending *copy_group(const struct journal_group *group)
{
	size_t slices = group->record_count + group->image_count, len = 0;
	struct pending *pending;
	struct slice *bodies;
	uint8_t *bytes;

	for (size_t i = 0; i < group->record_count; i++)
		len += group->records[i].len;
	for (size_t i = 0; i < group->image_count; i++)
		len += group->images[i].len;
	pending = xmalloc(sizeof(*pending) + slices * sizeof(*bodies) + group->seal_count * sizeof(*group->seals) + len);
	bodies = (struct slice *)(pending + 1);
	*pending = (struct pending){ .group = *group, .size = frames_group_size(group) };
	pending->group.seals = (struct seal *)(bodies + slices);
	if (group->seal_count)
		memcpy(pending->group.seals, group->seals, group->seal_count * sizeof(*group->seals));
	bytes = (uint8_t *)(pending->group.seals + group->seal_count);
	pending->group.records = bodies;
	bodies = copy_bodies(group->records, group->record_count, bodies, &bytes);
	pending->group.images = bodies;
	(void)copy_bodies(group->images, group->image_count, bodies, &bytes);
	return pending;
}

static void port_append(void *self, const struct journal_group *group, journal_done_fn done, void *arg)
{
	struct journal *journal = self;
	struct pending *pending;

	assert(group->head.pseq > 0);
	assert(group->head.first_index == standing_index(&journal->planned, group->head.year));
	pending = copy_group(group);
	pending->done = done;
	pending->arg = arg;
	pending->generation = journal->generation;
	journal->under_way++;
	standing_advance(&journal->planned, &group->head, group->record_count);
	pending_list_add(&journal->handed, pending);
	if (!journal->turn_set)
		event_active(journal->turn, EV_TIMEOUT, 0);
	journal->turn_set = true;
}

static void on_turn(evutil_socket_t fd, short events, void *arg)
{
	struct journal *journal = arg;

	(void)fd;
	(void)events;
	journal->turn_set = false;
	writer_hand_over(&journal->writer, &journal->handed);
}

static int note_segment(struct journal *journal, const struct buf *header)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct frames_segment head;
	char name[JOURNAL_NAME_SIZE];
	int r = frames_segment_read(header->data, header->len, arena, &head);

	if (r < 0)
		return r;
	journal_name(&head, name);
	/* The one before is closed, and what it held is durable. */
	return history_add_segment(&journal->history, name, header->data, header->len);
}

static void note_finished(struct journal *journal, const struct pending *pending)
{
	const struct journal_group *group = &pending->group;
	int r;

	if (pending->begun.len > 0) {
		r = note_segment(journal, &pending->begun);
		assert(r == 0); /* we wrote it */
		(void)r;
	}
	if (pending->r == 0) {
		history_add_group(&journal->history, &group->head, group->record_count, pending->at,
			pending->end);
		journal->counters.groups++;
		journal->counters.records += group->record_count;
		journal->counters.bytes += pending->end - pending->at;
		journal->counters.writes += pending->leads_write;
		if (pending->leads_write && journal->synced)
			journal->synced(pending->sync_us, journal->synced_arg);
	} else {
		journal->counters.no_space += !journal->failing && pending->r == -ENOSPC;
		journal->failing = true;
	}
	journal->under_way--;
	if (journal->failing && !journal->under_way) {
		/* What came meanwhile failed too, for its predecessor may have: the next group continues behind what is durable. */
		standing_copy(&journal->planned, &journal->history.standing);
		journal->generation++;
		journal->failing = false;
	}
}

static void on_finished(evutil_socket_t fd, short events, void *arg)
{
	struct journal *journal = arg;
	struct pending_list finished;
	struct pending *pending;
	uint64_t count;

	(void)events;
	if (read(fd, &count, sizeof(count)) < 0)
		return; /* EAGAIN: taken already */
	pending_list_init(&finished);
	writer_take_finished(&journal->writer, &finished);
	while ((pending = pending_list_pop(&finished))) {
		note_finished(journal, pending);
		pending->done(pending->r, pending->arg);
		pending_free(pending);
	}
}

/* --- the rest of the port ------------------------------------------------------------------------------ */

static const char *port_origin(void *self, uint16_t year)
{
	struct journal *journal = self;
	const char *origin;

	for (size_t i = 0; i < journal->name_count; i++)
		if (journal->names[i].year == year)
			return journal->names[i].origin;
	origin = arena_printf(journal->arena, "%s/%u", journal->origin, (unsigned)year);
	xgrow(&journal->names, &journal->name_capacity, journal->name_count + 1, sizeof(*journal->names));
	journal->names[journal->name_count++] = (struct log_name){ year, origin };
	return origin;
}

static uint64_t port_next_index(void *self, uint16_t year)
{
	const struct journal *journal = self;

	return standing_index(&journal->planned, year);
}

static struct journal_log port_log(void *self)
{
	const struct journal *journal = self;

	return standing_log(&journal->planned);
}

static int port_replay(void *self, uint32_t partition, uint64_t above, journal_replay_fn fn, void *arg)
{
	struct journal *journal = self;

	return history_replay(&journal->history, partition, above, fn, arg);
}

static int port_last(void *self, uint32_t partition, struct group_header *ret)
{
	struct journal *journal = self;

	return history_last(&journal->history, partition, ret);
}

static int port_knows(void *self, uint32_t partition, uint64_t pseq, const uint8_t id[GROUP_ID_SIZE])
{
	struct journal *journal = self;

	return history_knows(&journal->history, partition, pseq, id);
}

static int port_read(void *self, uint16_t year, uint64_t index, struct buf *body)
{
	struct journal *journal = self;

	return history_read(&journal->history, year, index, body);
}

static uint64_t port_recovered(void *self)
{
	const struct journal *journal = self;

	return journal->recovered;
}

/* --- opening and closing --------------------------------------------------------------------------------- */

static int system_error(struct err *err, const char *path)
{
	return err_set(err, -errno, "unreadable", "", "%s: %s", path, strerror(errno));
}

static int open_folders(struct journal *journal, const char *state_dir, struct err *err)
{
	const char *lock = arena_printf(journal->arena, "%s/lock", state_dir);
	const char *path = arena_printf(journal->arena, "%s/journal", state_dir);
	CLEANUP(closep) int state = -1;
	int r = file_make_dirs(path, 0700);

	if (r < 0)
		return err_set(err, r, "unreadable", "", "%s: %s", path, strerror(-r));
	journal->lock = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (journal->lock < 0)
		return system_error(err, lock);
	if (flock(journal->lock, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? err_set(err, -EBUSY, "locked", "",
						      "%s is held by another dunningd", lock) :
					      system_error(err, lock);
	journal->history.path = path;
	journal->history.dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	state = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (journal->history.dir < 0 || state < 0 || fsync(state) < 0)
		return system_error(err, path);
	return 0;
}

/*
 * Opens the last segment for the writer. What the scan has seen may lie in the page cache only, when the process before was killed
 * between write and sync: it counts from now on, so it is made durable first.
 */
static int continue_segment(struct journal *journal, const struct frames_end *end, struct err *err)
{
	const struct segment *last = &journal->history.segments[journal->history.count - 1];
	struct writer *writer = &journal->writer;
	const char *path = arena_printf(journal->arena, "%s/%s", journal->history.path, last->name);
	int fd = openat(journal->history.dir, last->name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return system_error(err, path);
	writer->fd = fd;
	if (end->tail == FRAMES_TORN) {
		journal->recovered = end->dropped;
		if (ftruncate(fd, (off_t)end->end) < 0)
			return system_error(err, path);
	}
	if (journal_preallocate(fd, end->end, writer->segment_bytes) < 0 || fsync(fd) < 0 ||
		fsync(journal->history.dir) < 0)
		return system_error(err, path);
	writer->head = last->head;
	writer->fresh = end->end == last->head.size;
	writer->end = end->end;
	memcpy(writer->chain, end->chain, sizeof(writer->chain));
	writer->next_write = end->last_write + 1;
	return 0;
}

static int open_events(struct journal *journal, struct event_base *base)
{
	journal->notify = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (journal->notify < 0)
		return -errno;
	journal->finished = event_new(base, journal->notify, EV_READ | EV_PERSIST, on_finished, journal);
	journal->turn = event_new(base, -1, 0, on_turn, journal);
	if (!journal->finished || !journal->turn || event_add(journal->finished, NULL) < 0)
		return -ENOMEM;
	return 0;
}

int journal_open(const struct journal_settings *settings, struct event_base *base, struct journal **ret,
	struct err *err)
{
	CLEANUP(journal_closep) struct journal *journal = xcalloc(1, sizeof(*journal));
	struct writer *writer = &journal->writer;
	struct frames_end end = { 0 };
	int r;

	journal->lock = journal->notify = journal->history.dir = writer->fd = -1;
	journal->arena = arena_create();
	journal->generation = 1;
	pending_list_init(&journal->handed);
	journal->origin = arena_strdup(journal->arena, settings->origin);
	journal->synced = settings->synced;
	journal->synced_arg = settings->arg;
	journal->port = (struct journal_port){
		.self = journal,
		.origin = port_origin,
		.next_index = port_next_index,
		.log = port_log,
		.append = port_append,
		.replay = port_replay,
		.last = port_last,
		.knows = port_knows,
		.read = port_read,
		.recovered = port_recovered,
	};
	r = open_folders(journal, settings->state_dir, err);
	if (r == 0)
		r = history_load(&journal->history, journal->origin, &end, err);
	if (r < 0)
		return r;
	writer->dir = journal->history.dir;
	writer->origin = journal->origin;
	writer->segment_bytes = settings->segment_bytes;
	writer->keys = settings->keys;
	writer->next_write = 1;
	if (journal->history.count > 0) {
		r = continue_segment(journal, &end, err);
		if (r < 0)
			return r;
	}
	standing_copy(&writer->standing, &journal->history.standing);
	standing_copy(&journal->planned, &journal->history.standing);
	r = open_events(journal, base);
	writer->notify = journal->notify;
	if (r == 0)
		r = writer_start(writer);
	if (r < 0)
		return err_set(err, r, "no_writer", "", "cannot start the journal's writer: %s", strerror(-r));
	*ret = TAKE(journal);
	return 0;
}

void journal_close(struct journal *journal)
{
	struct pending *pending;

	if (!journal)
		return;
	writer_stop(&journal->writer);
	while ((pending = pending_list_pop(&journal->handed)))
		pending_free(pending);
	if (journal->finished)
		event_free(journal->finished);
	if (journal->turn)
		event_free(journal->turn);
	standing_clear(&journal->planned);
	history_clear(&journal->history);
	free(journal->names);
	closep(&journal->notify);
	closep(&journal->lock);
	arena_free(journal->arena);
	free(journal);
}

const struct journal_port *journal_port(struct journal *journal)
{
	return &journal->port;
}

const struct err *journal_damage(const struct journal *journal)
{
	return &journal->history.damage;
}

struct journal_counters journal_counters(const struct journal *journal)
{
	struct journal_counters counters = journal->counters;

	counters.segments = journal->history.count;
	return counters;
}

const struct frames_log *journal_logs(const struct journal *journal, size_t *count)
{
	*count = journal->history.standing.log_count;
	return journal->history.standing.logs;
}

bool journal_broken(const struct journal *journal)
{
	return atomic_load(&journal->writer.broken);
}
