/* A backup put back, with what follows from it for what Redis knows: never a journal that is older than what was sent, unsaid. */
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/debtor.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/utc.h"
#include "daemon/generation.h"
#include "daemon/journal.h"
#include "daemon/state_dir.h"
#include "tools/backup.h"

#define FILE_MAX (2u << 30)

/* What Redis knows, beside the journal that was put back. */
enum standing { REDIS_EMPTY, REDIS_BEHIND, REDIS_LED, REDIS_AHEAD, REDIS_UNKNOWN };

struct redis_place { /* of a partition, as Redis had it before anything was touched; pseq NULL: nothing is there */
	const char *pseq, *group, *writer;
	const char *left; /* where another instance took over from this one; NULL = none did */
	const char *log; /* of whoever wrote last */
};

struct restoring {
	struct ctl *ctl;
	const char *from, *state, *aside; /* aside: where what was there went; NULL = nothing was */
	const char *fresh; /* the folder that it is put together in */
	uid_t uid;
	gid_t gid;
	struct backup_sum sum;
	struct redis_place *places; /* NULL: Redis did not answer */
	enum standing standing; /* the worst of all partitions */
	bool older; /* a partition is behind, or empty, whatever the others are */
	const char *leader; /* REDIS_LED: who wrote last */
	bool shared; /* other instances have parts of this book */
};

static int failed(struct restoring *s, const char *what, const char *path, int error)
{
	return ctl_fail(s->ctl, EXIT_FOUND, "not_restored", "%s %s: %s", path, what, strerror(error));
}

/* --- files ------------------------------------------------------------------------------------------------------------------------------ */

static bool is_there(struct restoring *s)
{
	bool any = false;

	for (const char *const *name = state_dir_names; *name && !any; name++)
		any = strcmp(*name, "lock") != 0 && access(arena_printf(s->ctl->arena, "%s/%s", s->state, *name), F_OK) == 0;
	return any;
}

/* Whose it will be: of whoever has it now, else the service's user, else ours. */
static void find_owner(struct restoring *s)
{
	const struct passwd *user = getpwnam("dunningd");
	struct stat st;
	bool there = stat(s->state, &st) == 0;

	s->uid = there ? st.st_uid : geteuid() == 0 && user ? user->pw_uid : geteuid();
	s->gid = there ? st.st_gid : geteuid() == 0 && user ? user->pw_gid : getegid();
}

static int copy_files(struct restoring *s)
{
	struct json files = json_get(&s->sum.manifest, "files");

	for (size_t i = 0; i < json_len(&files); i++) {
		CLEANUP(buf_clear) struct buf bytes = { 0 };
		struct json one = json_at(&files, i), path = json_get(&one, "path");
		const char *name = json_str(&path);
		char *to, *folder;
		struct err err = { 0 };
		int r;

		if (strncmp(name, "state/", 6) != 0 || !state_dir_has(name + 6)) /* an older backup may have more */
			continue;
		to = arena_printf(s->ctl->arena, "%s/%s", s->fresh, name + 6);
		folder = arena_strdup(s->ctl->arena, to);
		*strrchr(folder, '/') = '\0';
		r = file_read(arena_printf(s->ctl->arena, "%s/%s", s->from, name), FILE_MAX, &bytes, &err);
		if (r == 0)
			r = file_make_dirs(folder, 0700);
		if (r == 0)
			r = file_replace(to, bytes.data ? bytes.data : "", bytes.len, 0600);
		if (r < 0)
			return failed(s, "cannot be written", to, -r);
	}
	return 0;
}

/* Of all that is the daemon's; the lock stays, and is held. In the list's order, or the other way round. */
static int move(struct restoring *s, const char *from, const char *to, bool backwards)
{
	size_t count = 0;

	while (state_dir_names[count])
		count++;
	for (size_t i = 0; i < count; i++) {
		const char *name = state_dir_names[backwards ? count - 1 - i : i];

		if (strcmp(name, "lock") != 0 && strcmp(name, "restoring") != 0 &&
			rename(arena_printf(s->ctl->arena, "%s/%s", from, name), arena_printf(s->ctl->arena, "%s/%s", to, name)) < 0 && errno != ENOENT)
			return failed(s, errno == EBUSY || errno == EXDEV ? "is a mount point: move what lies in it away by hand" : "cannot be moved",
				arena_printf(s->ctl->arena, "%s/%s", from, name), errno);
	}
	return 0;
}

/*
 * Name by name, as other instances' folders may lie beside them. The journal goes first and comes last, and until it is there the mark keeps a
 * daemon from starting (generation_read).
 */
static int swap(struct restoring *s, bool there)
{
	const char *mark = arena_printf(s->ctl->arena, "%s/restoring", s->state);
	struct stat ours, fresh;
	char text[UTC_TEXT_SIZE];
	int r = file_make_dirs(s->state, 0700);

	if (stat(s->state, &ours) == 0 && stat(s->fresh, &fresh) == 0 && ours.st_dev != fresh.st_dev)
		return failed(s, "is a mount point: put state/ of the backup into it by hand, and give it to the service's user", s->state, EXDEV);
	utc_format(s->ctl->now, text);
	text[23] = '\0'; /* with its milliseconds: of two in one second each needs a folder */
	if (r == 0)
		r = file_replace(mark, text, strlen(text), 0600);
	if (r < 0)
		return failed(s, "cannot be written", mark, -r);
	if (there) {
		s->aside = arena_printf(s->ctl->arena, "%s.replaced-%s", s->state, text);
		if (mkdir(s->aside, 0700) < 0) {
			r = failed(s, "cannot be made", s->aside, errno);
			(void)unlink(mark);
			return r;
		}
		r = move(s, s->state, s->aside, false);
		if (r != 0 && move(s, s->aside, s->state, true) == 0) { /* nothing was touched */
			(void)unlink(mark);
			(void)rmdir(s->aside);
		}
	}
	if (r == 0)
		r = move(s, s->fresh, s->state, true);
	if (r != 0)
		return r;
	if (file_sync_dir(mark) < 0 || unlink(mark) < 0 || file_sync_dir(mark) < 0)
		return failed(s, "cannot be synced", s->state, errno);
	(void)rmdir(s->fresh);
	if (s->aside && lchown(s->aside, s->uid, s->gid) < 0)
		return failed(s, "cannot be given to the service's user", s->aside, errno);
	return 0;
}

/* --- Redis -------------------------------------------------------------------------------------------------------------------------------- */

static const char *field(const struct redis_reply *hash, const char *name)
{
	for (size_t i = 0; i + 1 < hash->count; i += 2)
		if (strcmp(hash->items[i].str, name) == 0)
			return hash->items[i + 1].str;
	return NULL;
}

static const char *own_name(struct restoring *s)
{
	char host[HOST_NAME_MAX + 1] = "";

	(void)gethostname(host, sizeof(host) - 1);
	return s->ctl->config->instance ? s->ctl->config->instance : arena_strdup(s->ctl->arena, host);
}

/* Before anything is touched: who cannot hear Redis cannot have sending suspended either. */
static int ask_places(struct restoring *s)
{
	struct redis_place *places = arena_alloc(s->ctl->arena, ctl_partitions(s->ctl) * sizeof(*places));

	for (uint32_t p = 0; p < ctl_partitions(s->ctl); p++) {
		struct keyspace keys = ctl_keys(s->ctl, p);
		const struct redis_reply *hash, *system;
		struct debtor written = { 0 };
		int r = ctl_ask(s->ctl, s->ctl->arena, &hash, "HGETALL", key_of(s->ctl->arena, &keys, "cursor"), NULL);

		if (r != 0)
			return r;
		places[p] = (struct redis_place){ field(hash, "pseq"), field(hash, "group"), field(hash, "writer"),
			.left = field(hash, arena_printf(s->ctl->arena, "left %s", own_name(s))) };
		r = ctl_ask(s->ctl, s->ctl->arena, &system, "GET", key_debtor(s->ctl->arena, &keys, SYSTEM_CASE), NULL);
		if (r != 0)
			return r;
		if (system->type == REDIS_STRING && debtor_read(s->ctl->arena, system->str, system->len, &written, NULL) == 0)
			places[p].log = written.trail.log;
	}
	s->places = places;
	return 0;
}

/* What this very log wrote, under whatever name, is missing in its journal: others may have led since, but it was rolled back. */
static bool is_ahead(const struct redis_place *at, const struct journal_port *journal, uint32_t partition, const char *origin)
{
	struct group_header last;
	bool any = journal->last(journal->self, partition, &last) == 0;

	return (at->left && any && strtoull(at->left, NULL, 10) > last.pseq) ||
	       (at->log && strcmp(at->log, origin) == 0 && at->writer && strcmp(at->writer, REBUILD_WRITER) != 0);
}

static void compare_partition(struct restoring *s, const struct journal_port *journal, uint32_t partition, const char *origin)
{
	const struct redis_place *at = s->places ? &s->places[partition] : NULL;
	uint8_t group[GROUP_ID_SIZE];
	enum standing standing = REDIS_AHEAD;

	if (!at)
		standing = REDIS_UNKNOWN;
	else if (!at->pseq)
		standing = REDIS_EMPTY;
	else if (at->group && hex_parse(at->group, sizeof(group), group) == 0 &&
		 journal->knows(journal->self, partition, strtoull(at->pseq, NULL, 10), group) == 1)
		standing = REDIS_BEHIND;
	else if (at->writer && strcmp(at->writer, own_name(s)) != 0 && !is_ahead(at, journal, partition, origin)) { /* the others' groups are in no journal of ours, nor should they be */
		standing = REDIS_LED;
		s->leader = at->writer;
	}
	s->standing = standing > s->standing ? standing : s->standing;
	s->older |= standing == REDIS_EMPTY || standing == REDIS_BEHIND;
}

/* Before it takes its place: once it is there, it may be started. */
static int compare(struct restoring *s)
{
	struct journal_settings settings = { .state_dir = s->fresh, .segment_bytes = (uint64_t)s->ctl->config->limits.segment_bytes };
	struct event_base *base = event_base_new();
	struct journal *journal = NULL;
	struct generation generation;
	struct err err = { 0 };
	int r = generation_read(s->fresh, s->ctl->config->origin, s->ctl->arena, &generation, &err);

	if (r == 0) {
		settings.origin = generation.origin;
		r = journal_open(&settings, base, &journal, &err);
	}
	for (uint32_t p = 0; r == 0 && p < ctl_partitions(s->ctl); p++)
		compare_partition(s, journal_port(journal), p, generation.origin);
	journal_close(journal);
	event_base_free(base);
	(void)unlink(arena_printf(s->ctl->arena, "%s/lock", s->fresh)); /* which it was opened under */
	(void)ctl_book(s->ctl, s->fresh, &s->shared);
	return r < 0 ? ctl_fail_err(s->ctl, EXIT_FOUND, &err) : 0;
}

/* It lies in the stream before the daemon starts, which reads all of it before it sends anything. */
static int suspend(struct restoring *s)
{
	char text[UTC_TEXT_SIZE];
	struct order order = { .command = "suspend",
		.why = arena_printf(s->ctl->arena, "restored the backup of %s: what was sent since is not known here", utc_format(s->sum.made_at, text)) };
	const char *id, *entry;
	int r = 0;

	for (uint32_t p = 0; r == 0 && p < ctl_partitions(s->ctl); p++)
		r = ctl_order_send(s->ctl, p, &order, &id, &entry);
	return r;
}

/* --- all of it ------------------------------------------------------------------------------------------------------------------------------ */

static const char *const standings[] = { "empty: the next start makes it again from the journal", "not newer than this journal: the next start redoes what is missing",
	"led by another instance since: this one takes its turn",
	"NEWER than this journal: the trail must be sealed before the daemon starts", "not reached: what it knows cannot be said" };

static void tell(struct restoring *s, bool suspended)
{
	struct fields *f = fields_create(s->ctl->arena);
	static const char *const words[] = { "empty", "behind", "led", "ahead", "unknown" };

	fields_add(f, "restored", "Restored", cell_text(s->state));
	fields_add(f, "made_at", "Of", cell_time(s->sum.made_at, NULL));
	fields_add(f, "last_at", "Last record", cell_time(s->sum.last_at, NULL));
	fields_add(f, "replaced", "Before", cell_text(s->aside));
	fields_add(f, "redis", NULL, cell_text(words[s->standing]));
	fields_add(f, NULL, "Redis is", cell_text(s->standing != REDIS_LED ? standings[s->standing] :
		arena_printf(s->ctl->arena, "led by %s since: this one takes its turn", s->leader)));
	fields_add(f, "suspended", NULL, cell_flag(suspended));
	view_fields(&s->ctl->view, f);
	view_say(&s->ctl->view, "Next:");
	if (s->standing == REDIS_AHEAD)
		view_say(&s->ctl->view, "  dunningctl trail seal --yes --why \"restored a backup\"   Redis holds the newer truth: it is taken over into a new log");
	if (s->standing == REDIS_EMPTY && s->shared)
		view_say(&s->ctl->view, "  dunningctl instances rebuild --yes STATE-DIR...           with every instance stopped: each journal has but a part");
	view_say(&s->ctl->view, "  systemctl start dunningd");
	view_say(&s->ctl->view, "  dunningctl replay %s/unread.ndjson; and from your producers all since the backup was made", s->from);
	if (suspended) {
		view_say(&s->ctl->view, "  dunningctl policy simulate                        what would go out; was some of it sent since the backup?");
		view_say(&s->ctl->view, "  dunningctl release \"WHY\"                          nothing is sent before that");
	}
}

static int prepare(struct restoring *s, const struct invocation *call, int *lock, bool *there)
{
	struct err err = { 0 };
	int r;

	*there = is_there(s);
	if (*there && !command_option(call, "replace"))
		return ctl_fail(s->ctl, EXIT_FOUND, "not_empty", "%s is not empty: --replace moves what is there aside", s->state);
	if (access(s->state, F_OK) == 0) {
		*lock = generation_lock(s->state, &err);
		if (*lock < 0)
			return ctl_fail(s->ctl, *lock == -EBUSY ? EXIT_UNAVAILABLE : EXIT_FOUND, "busy", "%s%s", err.text,
				*lock == -EBUSY ? ": stop it first (systemctl stop 'dunningd-*.socket' dunningd)" : "");
	}
	if (access(s->fresh, F_OK) == 0)
		return ctl_fail(s->ctl, EXIT_FOUND, "not_empty", "%s lies there from an earlier try: remove it", s->fresh);
	r = ask_places(s);
	return command_option(call, "no-suspend") ? 0 : r;
}

static int run_restore(struct ctl *ctl, const struct invocation *call)
{
	struct restoring s = { .ctl = ctl, .from = call->args[0] };
	bool there = false, suspended = false;
	CLEANUP(closep) int lock = -1;
	struct err err = { 0 };
	int r = ctl_config(ctl, true);

	if (r != 0)
		return r;
	s.state = ctl->config->state_dir;
	s.fresh = arena_printf(ctl->arena, "%s.restoring", s.state);
	r = prepare(&s, call, &lock, &there);
	if (r == 0)
		r = backup_verify(ctl, s.from, &s.sum);
	if (r != 0)
		return r;
	find_owner(&s);
	if (file_make_dirs(s.fresh, 0700) < 0)
		return failed(&s, "cannot be made", s.fresh, errno);
	r = copy_files(&s);
	if (r == 0)
		r = compare(&s);
	if (r == 0 && s.older && !command_option(call, "no-suspend")) {
		r = suspend(&s);
		suspended = r == 0;
	}
	if (r == 0)
		r = swap(&s, there);
	if (r != 0)
		return r;
	if (state_dir_give(s.state, s.uid, s.gid, &err) < 0)
		return ctl_fail_err(ctl, EXIT_FOUND, &err);
	tell(&s, suspended);
	return EXIT_DONE;
}

static const struct option_row options[] = {
	{ "replace", NULL, "move the state directory that is there aside, to STATE-DIR.replaced-TIME" },
	{ "no-suspend", NULL, "do not suspend sending: nothing was sent since the backup was made" },
	{ 0 },
};

const struct command cmd_restore = { .name = "restore", .args = "DIR", .min_args = 1, .max_args = 1,
	.help = "put a backup back as the state directory, and say what follows from what Redis knows",
	.more = "The backup is verified before anything is touched; the daemon must not run. Unpack a tar stream first: tar -x -C DIR.\n\n"
		"Where Redis knows more than the backup, the daemon refuses to send: seal the trail, and it takes over what Redis has. Where Redis is\n"
		"empty or older, in one partition or in all, what was sent since the backup is known to nobody here: sending is suspended, by an order in\n"
		"the operator's stream, until a person releases it. Where another instance has led since, this one takes its turn, and nothing is sealed,\n"
		"unless this one wrote on after the backup, before it was lost.\n"
		"Where Redis does not answer nothing is touched, unless --no-suspend is given. What is sent again then bears the same attempt id, so a\n"
		"provider that knows such ids sends it once.",
	.options = options, .run = run_restore };
