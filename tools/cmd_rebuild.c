/* All that Redis had, made again from the journal: what a start does by itself, done by hand, with nothing sent. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "common/hash.h"
#include "daemon/generation.h"
#include "daemon/journal.h"
#include "daemon/keystore.h"
#include "daemon/redis_store.h"
#include "daemon/redo.h"
#include "daemon/state_dir.h"
#include "tools/cmd.h"

#define CONNECT_LOOKS 1000 /* of 10 ms */
#define CHUNK 64 /* groups that are opened at once */
#define LEASE_MS 30000
#define RENEW_GROUPS 2000 /* between two renewals: well within the lease */

struct rebuilding {
	struct ctl *ctl;
	struct event_base *base;
	struct keystore *keys;
	struct journal *journal;
	struct redis_store *store; /* of the partition under way */
	const struct store_port *port;
	const char *instance;
	struct arena *arena; /* of a chunk */
	struct redo_group *chunk;
	size_t chunk_count;
	struct generation generation; /* of the journal */
	struct redo_run run; /* what is made again: earlier ones are of another book, or superseded */
	uint8_t link[GROUP_ID_SIZE]; /* the group that was read last */
	uint64_t groups_read; /* of the partition */
	uint64_t epoch, groups;
	/* the answer that is waited for */
	bool answered;
	int r;
	enum commit_status status;
	bool granted, present;
	uint64_t pseq;
	char owner[128];
	int failure; /* of opening a group */
};

static void wait_answer(struct rebuilding *b)
{
	while (!b->answered && event_base_loop(b->base, EVLOOP_ONCE) >= 0)
		;
	b->answered = false;
}

static void on_state(bool connected, const char *why, void *arg)
{
	struct rebuilding *b = arg;

	(void)snprintf(b->ctl->away, sizeof(b->ctl->away), "%s", connected || !why ? "" : why);
	(void)event_base_loopbreak(b->base);
}

/* Both of its connections stand. 0 or an exit code, said already. */
static int wait_connected(struct rebuilding *b)
{
	for (int i = 0; i < CONNECT_LOOKS && !b->port->connected(b->port->self); i++) {
		(void)event_base_loopexit(b->base, &(struct timeval){ .tv_usec = 10000 });
		(void)event_base_loop(b->base, EVLOOP_ONCE);
	}
	if (b->port->connected(b->port->self))
		return 0;
	return ctl_fail(b->ctl, EXIT_UNAVAILABLE, "redis_away", "Redis does not answer%s%s", b->ctl->away[0] ? ": " : "", b->ctl->away);
}

static void on_cursor(int r, const struct store_cursor *cursor, void *arg)
{
	struct rebuilding *b = arg;

	b->answered = true;
	b->r = r;
	b->present = r == 0 && cursor->present && cursor->pseq;
	b->pseq = r == 0 ? cursor->pseq : 0;
}

static void on_lease(int r, bool granted, uint64_t epoch, int64_t until, const char *owner, void *arg)
{
	struct rebuilding *b = arg;

	(void)until;
	b->answered = true;
	b->r = r;
	b->granted = granted;
	b->epoch = granted ? epoch : b->epoch;
	(void)snprintf(b->owner, sizeof(b->owner), "%s", owner ? owner : "");
}

static void on_committed(int r, enum commit_status status, void *arg)
{
	struct rebuilding *b = arg;

	b->answered = true;
	b->r = r;
	b->status = status;
}

static void on_released(int r, void *arg)
{
	struct rebuilding *b = arg;

	b->answered = true;
	b->r = r;
}

static int away(struct rebuilding *b)
{
	return ctl_fail(b->ctl, EXIT_UNAVAILABLE, "redis_away", "Redis does not answer: %s",
		redis_store_last_error(b->store)[0] ? redis_store_last_error(b->store) : strerror(-b->r));
}

static int take_lease(struct rebuilding *b, uint64_t at_least)
{
	b->port->lease(b->port->self, b->instance, LEASE_MS, at_least, b->epoch, on_lease, b);
	wait_answer(b);
	if (b->r < 0)
		return away(b);
	return b->granted ? 0 : ctl_fail(b->ctl, EXIT_FOUND, "not_owner", "%s has this partition: stop it first", b->owner);
}

static int on_group(const struct journal_group *group, void *arg)
{
	struct rebuilding *b = arg;
	bool first = !b->groups_read;

	if (b->chunk_count == CHUNK)
		return 1;
	if (memcmp(first ? group->head.id : group->head.predecessor, first ? b->run.first.id : b->link, GROUP_ID_SIZE) != 0)
		return 0;
	memcpy(b->link, group->head.id, GROUP_ID_SIZE);
	b->groups_read++;
	b->failure = redo_open(keystore_port(b->keys), b->arena, group, &b->chunk[b->chunk_count]);
	if (b->failure < 0)
		return b->failure;
	b->chunk_count++;
	return 0;
}

static int commit_group(struct rebuilding *b, const struct redo_group *group, bool first)
{
	const struct store_commit commit = { .head = &group->head, .epoch = b->epoch, .writer = b->instance, .images = group->images,
		.image_count = group->image_count, .redo = true, .rebuilt = true, .rebuild = first };

	b->port->commit(b->port->self, &commit, on_committed, b);
	wait_answer(b);
	if (b->r < 0)
		return away(b);
	if (b->status == COMMIT_APPLIED || b->status == COMMIT_ALREADY)
		return 0;
	return ctl_fail(b->ctl, EXIT_FOUND, "disturbed", "somebody else writes to this Redis: group %llu does not fit; stop all instances, empty it, and begin again",
		(unsigned long long)group->head.pseq);
}

static int refill(struct rebuilding *b, uint32_t partition, uint64_t above)
{
	const struct journal_port *journal = journal_port(b->journal);
	int r;

	arena_clear(b->arena);
	b->chunk = arena_alloc(b->arena, CHUNK * sizeof(*b->chunk));
	b->chunk_count = 0;
	r = journal->replay(journal->self, partition, above, on_group, b);
	if (r >= 0)
		return 0;
	return ctl_fail(b->ctl, EXIT_FOUND, "journal", "the journal cannot be read: %s",
		journal_damage(b->journal)->text[0] ? journal_damage(b->journal)->text : strerror(-r));
}

static int rebuild_partition(struct rebuilding *b, uint32_t partition)
{
	const struct journal_port *journal = journal_port(b->journal);
	struct group_header last = { 0 };
	uint64_t above, done = 0;
	int r;

	b->epoch = 0;
	b->groups_read = 0;
	r = wait_connected(b);
	if (r != 0)
		return r;
	b->port->cursor(b->port->self, on_cursor, b);
	wait_answer(b);
	if (b->r < 0)
		return away(b);
	if (b->present)
		return ctl_fail(b->ctl, EXIT_FOUND, "not_empty",
			"Redis is not empty: partition %u stands at group %llu; what is missing is redone by the next start of dunningd, without this command", partition,
			(unsigned long long)b->pseq);
	if (journal->last(journal->self, partition, &last) < 0)
		return 0; /* nothing was ever written for it */
	r = redo_last_run(journal, keystore_port(b->keys), partition, b->generation.origin, b->generation.sealed != NULL, &b->run);
	if (r < 0)
		return ctl_fail(b->ctl, EXIT_FOUND, "journal", "the journal cannot be read: %s", strerror(-r));
	if (b->run.begin == RUN_PART)
		return ctl_fail(b->ctl, EXIT_FOUND, "shared", "this journal has but a part of partition %u: dunningctl instances rebuild --yes STATE-DIR...", partition);
	above = b->run.first.pseq - 1;
	r = take_lease(b, last.epoch);
	while (r == 0 && above < last.pseq) {
		r = refill(b, partition, above);
		if (r == 0 && !b->chunk_count)
			break;
		for (size_t i = 0; r == 0 && i < b->chunk_count; i++) {
			r = commit_group(b, &b->chunk[i], !done);
			above = b->chunk[i].head.pseq;
			if (r == 0 && ++done % RENEW_GROUPS == 0)
				r = take_lease(b, last.epoch);
		}
	}
	b->groups += done;
	if (r == 0 && b->epoch) {
		b->port->release(b->port->self, b->instance, on_released, b);
		wait_answer(b);
	}
	return r;
}

/* Of several instances each has but a part of the history: from one journal alone the others' partitions would be set back. */
static int check_shared(struct ctl *ctl)
{
	bool shared;

	(void)ctl_book(ctl, ctl->config->state_dir, &shared);
	return !shared ? 0 : ctl_fail(ctl, EXIT_FOUND, "shared", "several instances have parts of this book: dunningctl instances rebuild --yes STATE-DIR...");
}

static int open_files(struct rebuilding *b)
{
	struct ctl *ctl = b->ctl;
	struct journal_settings settings = { .state_dir = ctl->config->state_dir, .segment_bytes = (uint64_t)ctl->config->limits.segment_bytes };
	struct err err = { 0 };
	uint8_t wrap[32];
	int r = ctl_wrap_key(ctl, true, wrap);

	if (r > 1)
		return r;
	r = access(arena_printf(ctl->arena, "%s/journal", ctl->config->state_dir), F_OK) < 0 ?
		    err_set(&err, -ENOENT, "no_journal", "", "there is no journal in %s", ctl->config->state_dir) :
		    generation_read(ctl->config->state_dir, ctl->config->origin, ctl->arena, &b->generation, &err);
	if (r == 0)
		r = keystore_open(ctl->config->state_dir, wrap, (size_t)ctl->config->limits.cache_keys, &b->keys, &err);
	cleanse(wrap, sizeof(wrap));
	if (r == 0) {
		settings.keys = b->keys;
		settings.origin = b->generation.origin;
		r = journal_open(&settings, b->base, &b->journal, &err);
	}
	if (r == -EBUSY)
		return ctl_fail(ctl, EXIT_UNAVAILABLE, "busy", "%s: stop it first (systemctl stop 'dunningd-*.socket' dunningd)", err.text);
	return r < 0 ? ctl_fail_err(ctl, r == -EKEYREJECTED ? EXIT_CONFIG : EXIT_FOUND, &err) : 0;
}

static int run_rebuild(struct ctl *ctl, const struct invocation *call)
{
	struct rebuilding b = { .ctl = ctl };
	struct fields *f = fields_create(ctl->arena);
	char host[HOST_NAME_MAX + 1] = "", home[STATE_DIR_HOME_SIZE];
	struct redis_url url;
	struct err err = { 0 };
	int r = ctl_config(ctl, true);

	(void)call;
	if (r == 0)
		r = ctl_redis_url(ctl, &url);
	if (r != 0)
		return r;
	(void)gethostname(host, sizeof(host) - 1);
	b.instance = ctl->config->instance ? ctl->config->instance : host;
	b.base = event_base_new();
	b.arena = arena_create();
	r = open_files(&b);
	if (r == 0)
		r = check_shared(ctl);
	state_dir_home(ctl->config->state_dir, home); /* its lock is held */
	for (uint32_t p = 0; r == 0 && p < ctl_partitions(ctl); p++) {
		b.store = redis_store_create(b.base, &url, ctl->config->prefix, p, home, on_state, &b);
		b.port = redis_store_port(b.store);
		r = rebuild_partition(&b, p);
		redis_store_destroy(b.store);
	}
	cleanse(&url, sizeof(url));
	journal_close(b.journal);
	keystore_close(b.keys);
	arena_free(b.arena);
	event_base_free(b.base);
	if (r == 0 && state_dir_give_back(ctl->config->state_dir, &err) < 0)
		r = ctl_fail_err(ctl, EXIT_FOUND, &err);
	if (r != 0)
		return r;
	fields_add(f, "groups", "Groups", cell_number((int64_t)b.groups));
	fields_add(f, NULL, "Redis", cell_text("as the journal left it"));
	fields_add(f, NULL, "Next", cell_text("systemctl start dunningd; what lay in the streams and was never read is missing: dunningctl status names it"));
	view_fields(&ctl->view, f);
	return EXIT_DONE;
}

const struct command cmd_rebuild = { .name = "rebuild", .args = "", .max_args = 0,
	.help = "make all that an empty Redis had again, from this instance's journal; nothing is sent",
	.more = "The daemon must not run. It does the same by itself when it starts, or is running, and finds Redis empty or set back: this is for looking\n"
		"at the result before anything may be sent. What was erased is not made again. Refused where Redis is not empty, and\n"
		"where several instances have parts of the book: dunningctl instances rebuild puts their journals together.",
	.run = run_rebuild };
