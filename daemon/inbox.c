/* Reads the inbound streams from the cursor on, and knows how fresh that knowledge is: the mark. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "daemon/flow.h"

#define PAGES_QUEUED_MAX 2 /* reads kept ahead of the group under way */
#define PAGE_FIRST 8 /* entries asked at first, of each stream: nobody knows yet how long they are */
#define PAGE_BYTES (8u << 20) /* beyond, fewer are asked for */
#define GROUP_EVENT_BYTES (384 * 1024)
#define TRIM_EVERY_MS 5000

static size_t batch(const struct dunner *d)
{
	return (size_t)d->config->limits.batch;
}

static void free_page(struct page *page)
{
	arena_free(page->arena);
}

static bool place_is_ours(const struct dunner *d, const struct store_place *place)
{
	if (!d->read_pseq)
		return true; /* nothing was ever committed */
	if (!place->present || place->pseq < d->read_pseq || place->pseq > d->pseq)
		return false;
	return place->pseq != d->read_pseq || memcmp(place->group, d->read_group, GROUP_ID_SIZE) == 0;
}

static void keep_page(struct dunner *d, const struct store_entry *entries, size_t count)
{
	struct arena *arena = arena_create();
	struct page *page = arena_alloc(arena, sizeof(*page));

	page->arena = arena;
	page->entries = arena_alloc(arena, count * sizeof(*page->entries));
	page->count = count;
	page->sent_at = d->read_sent;
	for (size_t i = 0; i < count; i++) {
		struct entry *to = &page->entries[i];

		*to = (struct entry){ .page = page, .stream = entries[i].stream, .id = arena_strdup(arena, entries[i].id),
			.len = entries[i].len, .raw_len = entries[i].raw_len };
		if (entries[i].event)
			to->event = arena_memdup(arena, entries[i].event, entries[i].len);
		if (entries[i].raw)
			to->raw = arena_memdup(arena, entries[i].raw, entries[i].raw_len);
		snprintf(d->read_at[to->stream].id, STREAM_ID_SIZE, "%s", to->id);
	}
	*d->pages_end = page;
	d->pages_end = &page->next;
	d->queued += count;
}

/* As many entries as are asked for have to be held, however long they are: a producer that embeds its files must not end us at every start. */
static void learn_size(struct dunner *d, const struct store_entry *entries, size_t count, size_t most)
{
	size_t bytes = 0;

	for (size_t i = 0; i < count; i++)
		bytes += entries[i].event ? entries[i].len : entries[i].raw_len;
	if (bytes > PAGE_BYTES)
		d->read_most = most > 4 ? most / 4 : 1;
	else if (most == d->read_asked)
		d->read_most = 2 * d->read_most < batch(d) ? 2 * d->read_most : batch(d);
}

static void on_read(int r, const struct store_entry *entries, size_t count, const struct store_place *place, void *arg)
{
	struct dunner *d = arg;
	bool blocking = d->read_blocking;
	size_t most = 0, per_stream;

	d->reading = false;
	if (d->recovery)
		return;
	if (d->read_stale) { /* it asked from positions that no longer count */
		d->read_stale = false;
		dunner_pump(d);
		return;
	}
	if (r < 0) {
		d->drained = false;
		d->read_broken = true;
		d->ports.clock->timer_in(d->ports.clock->self, d->pump_timer, RETRY_COMMIT_MS);
		return;
	}
	d->turns++;
	if (!place_is_ours(d, place)) {
		recover_wanted(d, "the store is not where we left it");
		(void)recover_due(d);
		return;
	}
	for (size_t s = 0; s < d->stream_count; s++) {
		per_stream = 0;
		for (size_t i = 0; i < count; i++)
			per_stream += entries[i].stream == s;
		if (per_stream > most)
			most = per_stream;
	}
	if (count)
		keep_page(d, entries, count);
	learn_size(d, entries, count, most);
	/* A blocking read may be woken by one stream alone: only its empty answer says something about all of them. */
	d->drained = blocking ? count == 0 : most < d->read_asked;
	if (d->drained && !d->pages) {
		d->caught_up_at = d->read_sent;
	} else if (d->drained) { /* a mark once all that was read before it is applied */
		struct page *last = d->pages;

		while (last->next)
			last = last->next;
		last->drained = true;
		last->sent_at = d->read_sent;
	}
	dunner_pump(d);
}

int inbox_compare(const char *a, const char *b)
{
	uint64_t at[2] = { strtoull(a, NULL, 10), strtoull(b, NULL, 10) };
	const char *dash[2] = { strchr(a, '-'), strchr(b, '-') };

	if (at[0] != at[1])
		return at[0] < at[1] ? -1 : 1;
	at[0] = dash[0] ? strtoull(dash[0] + 1, NULL, 10) : 0;
	at[1] = dash[1] ? strtoull(dash[1] + 1, NULL, 10) : 0;
	return at[0] == at[1] ? 0 : at[0] < at[1] ? -1 : 1;
}

/*
 * Where a read broke off, another state of the server may answer the next one: restored to a moment after our last commit, its place in
 * history is ours. Entries of a clock that is behind would then get ids that were read already, and nobody would ever see them.
 */
static void on_tails(int r, void *arg)
{
	struct dunner *d = arg;
	bool behind = false;

	d->reading = false;
	if (d->recovery)
		return;
	if (d->read_stale) {
		d->read_stale = false;
		dunner_pump(d);
		return;
	}
	if (r < 0) {
		d->ports.clock->timer_in(d->ports.clock->self, d->pump_timer, RETRY_COMMIT_MS);
		return;
	}
	for (size_t s = 0; s < d->stream_count; s++)
		behind |= inbox_compare(d->tails[s].id, d->read_at[s].id) < 0;
	if (behind) {
		recover_wanted(d, "a stream ends before what was read of it");
		(void)recover_due(d);
		return;
	}
	d->read_broken = false;
	dunner_pump(d);
}

void inbox_read(struct dunner *d)
{
	size_t pages = 0;
	bool block = d->drained;

	if (d->reading || d->recovery || d->recovery_wanted || d->no_space || d->adoption)
		return;
	for (struct page *p = d->pages; p; p = p->next)
		pages += p->used < p->count;
	if (pages >= PAGES_QUEUED_MAX)
		return;
	if (d->queued && d->drained)
		return; /* what was read is applied first: then the next read can be a mark */
	d->reading = true;
	if (d->read_broken) {
		d->ports.store->tails(d->ports.store->self, d->tails, d->stream_count, on_tails, d);
		return;
	}
	if (!d->read_most)
		d->read_most = PAGE_FIRST < batch(d) ? PAGE_FIRST : batch(d);
	d->read_asked = d->read_most;
	d->read_blocking = block;
	d->read_sent = flow_mono(d);
	d->read_pseq = d->committed_pseq;
	memcpy(d->read_group, d->committed_group, GROUP_ID_SIZE);
	d->ports.store->read(d->ports.store->self, d->read_at, d->stream_count, d->read_asked, block ? BLOCK_MS : 0, on_read, d);
}

/* Without the one field `event`, or with two: nothing of it is believed, but all whom its fields name are held. */
static void take_unreadable(struct group *g, struct input *input)
{
	struct event_shown *shown = arena_alloc(g->arena, EVENT_SHOWN_MAX * sizeof(*shown));
	size_t count = event_rescue(g->arena, input->entry->raw, input->entry->raw_len, shown);

	input->parsed = err_set(&input->err, -EBADMSG, "no_event_field", "", "an entry must have exactly one field, `event`");
	if (!count)
		return;
	input->event.invoice_id = shown[0].invoice_id;
	input->event.customer_id = shown[0].customer_id;
	input->also = shown + 1;
	input->also_count = count - 1;
}

/* What must not even be parsed may still be a payment: whom its bytes name is held. */
static void take_unread(struct group *g, struct input *input)
{
	struct event_shown shown = { 0 };

	input->parsed = err_set(&input->err, -EBADMSG, "poison", "", "four starts ended while this entry was being read");
	if (input->entry->event)
		event_shown_unread(g->arena, input->entry->event, input->entry->len, &shown);
	input->event.invoice_id = shown.invoice_id;
	input->event.customer_id = shown.customer_id;
}

/* Of how many entries it takes the room in a group, by the invoices that it is about. */
static size_t room_of(const struct input *input, size_t most)
{
	const struct event *e = &input->event;

	if (input->parsed == 0 && decide_names_nothing(e))
		return most; /* about all that are open, however many those are */
	return (e->invoice_count ? e->invoice_count : 1) + input->also_count + (e->book ? e->book->count : 0);
}

void inbox_take(struct dunner *d, struct group *g)
{
	size_t most = d->careful ? 1 : batch(d), bytes = 0, taken = 0;

	for (struct page *page = d->pages; page && taken < most; page = page->next)
		while (page->used < page->count && taken < most) {
			struct entry *entry = &page->entries[page->used];
			struct input *input;
			size_t room;

			if (taken && bytes + entry->len > GROUP_EVENT_BYTES)
				return;
			input = arena_alloc(g->arena, sizeof(*input));
			input->kind = INPUT_ENTRY;
			input->entry = entry;
			if (d->careful && d->trying == TRY_UNREAD)
				take_unread(g, input);
			else if (entry->event)
				input->parsed = event_parse(g->arena, entry->event, entry->len, d->config->type_prefix,
					&input->event, &input->err);
			else
				take_unreadable(g, input);
			if (input->parsed == 0 && input->event.type == EVENT_CONTACT_REPLY_RECEIVED) {
				input->event.guess = invoice_guess(&input->event);
				input->event.guessed = true;
			}
			room = room_of(input, most);
			if (taken && (taken + room > most || input->event.book))
				return; /* a group has room for so many documents */
			if (taken && bytes + entry->len + (size_t)input->event.apart_bytes > GROUP_EVENT_BYTES)
				return;
			group_add(g, input);
			page->used++;
			d->queued--;
			taken += room;
			bytes += entry->len + (size_t)input->event.apart_bytes;
		}
}

static void on_trimmed(int r, void *arg)
{
	struct dunner *d = arg;

	(void)r; /* a trim that failed is done again by the next one */
	d->trimming = false;
}

/* The group is committed: its entries count as applied, and a page that drained the streams makes a mark. */
void inbox_applied(struct dunner *d, const struct group *g)
{
	for (size_t i = 0; i < g->position_count && !d->recovery; i++) /* which knows better: a flushed stream is read again */
		for (size_t s = 0; s < d->stream_count; s++)
			if (strcmp(d->applied[s].stream, g->positions[i].stream) == 0)
				memcpy(d->applied[s].id, g->positions[i].id, STREAM_ID_SIZE);
	for (const struct input *input = g->inputs; input; input = input->next)
		if (input->kind == INPUT_ENTRY)
			input->entry->page->applied++;
	while (d->pages && d->pages->applied == d->pages->count) {
		struct page *page = d->pages;

		if (page->drained)
			d->caught_up_at = page->sent_at;
		d->pages = page->next;
		if (!d->pages)
			d->pages_end = &d->pages;
		free_page(page);
	}
	if (!d->trimming && g->position_count && flow_mono(d) - d->trim_at >= TRIM_EVERY_MS) {
		d->trim_at = flow_mono(d);
		d->trimming = true;
		d->ports.store->trim(d->ports.store->self, d->applied, d->stream_count, on_trimmed, d);
	}
}

void inbox_reset(struct dunner *d)
{
	while (d->pages) {
		struct page *page = d->pages;

		d->pages = page->next;
		free_page(page);
	}
	d->pages_end = &d->pages;
	d->queued = 0;
	d->drained = false;
	d->read_stale = d->reading;
	d->caught_up_at = -1;
	for (size_t s = 0; s < d->stream_count; s++)
		memcpy(d->read_at[s].id, d->applied[s].id, STREAM_ID_SIZE);
}

void inbox_start(struct dunner *d)
{
	inbox_reset(d);
	inbox_read(d);
}

void inbox_free(struct dunner *d)
{
	while (d->pages) {
		struct page *page = d->pages;

		d->pages = page->next;
		free_page(page);
	}
}

bool inbox_marked(const struct dunner *d, int64_t max_age)
{
	return !d->recovery_wanted && d->caught_up_at >= 0 && flow_mono(d) - d->caught_up_at <= max_age;
}
