/* Erasing: what is done once it is recorded. Each step may be taken again. */
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "daemon/erase_internal.h"

#define STREAM_PAGE 256

/* --- carrying it out --------------------------------------------------------------------------------------------------------------- */

/*
 * False: another instance recorded it, and did not come to its end before we took over. Its keys and its outbox are not at hand: the
 * streams are looked through, and the note stays until it is back.
 */
static bool is_ours(struct erase_job *job)
{
	const struct erasing *work = &erase_in_hand(job)->work;

	return work->key_count && erasure_in_store(job->dunner->config->origin, work->keys[0].log);
}

static void close_note(struct erase_job *job)
{
	if (is_ours(job))
		erase_go(job, STEP_CLOSE);
	else
		erase_next(job);
}

void erase_carry(struct erase_job *job)
{
	struct dunner *d = job->dunner;
	const struct erasing *work = &erase_in_hand(job)->work;

	for (size_t i = 0; i < work->key_count && is_ours(job); i++)
		d->ports.keys->erase(d->ports.keys->self, work->keys[i].year, work->keys[i].slot, work->keys[i].classes);
	if (is_ours(job) && d->ports.transport->forget && work->attempt_count &&
		d->ports.transport->forget(d->ports.transport->self, work->attempts, work->attempt_count) < 0) {
		dunner_log(d, LOG_ERR | MSG(ERASURE_WAITS), "erase: messages in the outbox cannot be deleted: trying again");
		erase_again_later(job);
		return;
	}
	job->stream = 0;
	job->read_at = (struct stream_position){ .id = "0-0" };
	job->drop_count = 0;
	if (work->id_count)
		erase_go(job, STEP_STREAMS);
	else
		close_note(job);
}

/* The dead letters, what is told to others, then every stream that is read. NULL: no more. */
static const char *stream_at(struct erase_job *job)
{
	struct dunner *d = job->dunner;

	if (job->stream < 2)
		return key_of(job->arena, &d->keyspace, job->stream ? "outbound" : "dead");
	return job->stream - 2 < d->stream_count ? d->applied[job->stream - 2].stream : NULL;
}

static bool in_id(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("._:@+=-", c));
}

/* The id as a whole; before it may stand what ends with '/' ("invoice/..."), or an escaped one. */
static bool names(const char *text, size_t len, const char *id)
{
	size_t n = strlen(id);

	for (const char *at = text; (at = memmem(at, len - (size_t)(at - text), id, n)); at++)
		if ((at == text || !in_id(at[-1])) && (at + n == text + len || (!in_id(at[n]) && at[n] != '/')))
			return true;
	return false;
}

static bool concerns(const struct erase_job *job, const struct store_entry *entry)
{
	const struct erasing *work = &job->targets[job->at].work;
	const char *text = entry->event ? entry->event : entry->raw;
	size_t len = entry->event ? entry->len : entry->raw_len;

	for (size_t i = 0; i < work->id_count && text; i++)
		if (names(text, len, work->ids[i]))
			return true;
	return false;
}

static void next_stream(struct erase_job *job)
{
	job->stream++;
	job->read_at = (struct stream_position){ .id = "0-0" };
	job->drop_count = 0;
	erase_go(job, STEP_STREAMS);
}

static void on_scrubbed(int r, void *arg)
{
	struct erase_job *job = arg;

	if (r < 0)
		erase_again_later(job); /* what went already is not looked for again */
	else
		next_stream(job);
}

static void on_entries(int r, const struct store_entry *entries, size_t count, const struct store_place *place, void *arg)
{
	struct erase_job *job = arg;
	struct dunner *d = job->dunner;
	const char *end = job->stream < 2 ? NULL : d->applied[job->stream - 2].id; /* what was not read yet must still be */

	(void)place;
	if (r < 0) {
		erase_again_later(job);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		snprintf(job->read_at.id, STREAM_ID_SIZE, "%s", entries[i].id);
		if ((end && inbox_compare(entries[i].id, end) > 0) || !concerns(job, &entries[i]))
			continue;
		job->drop = arena_grow(job->arena, job->drop, job->drop_count, &job->drop_capacity, sizeof(*job->drop));
		job->drop[job->drop_count++] = arena_strdup(job->arena, entries[i].id);
	}
	if (count == STREAM_PAGE)
		erase_go(job, STEP_STREAMS);
	else if (job->drop_count)
		d->ports.store->scrub(d->ports.store->self, stream_at(job), job->drop, job->drop_count, on_scrubbed, job);
	else
		next_stream(job);
}

void erase_read_stream(struct erase_job *job)
{
	struct dunner *d = job->dunner;

	job->read_at.stream = stream_at(job);
	if (!job->read_at.stream)
		close_note(job);
	else
		d->ports.store->read(d->ports.store->self, &job->read_at, 1, STREAM_PAGE, 0, on_entries, job);
}
