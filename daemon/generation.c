#include "daemon/generation.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/hash.h"
#include "common/json.h"
#include "daemon/journal_leaves.h"
#include "daemon/signed_log.h"

#define GENERATION_FILE_MAX (256 * 1024)
#define GENERATIONS_MAX 1000000

char *generation_dir(struct arena *arena, const char *state_dir, unsigned number)
{
	return arena_printf(arena, "%s/sealed/%u", state_dir, number);
}

static int bad(struct err *err, const char *path, const char *why)
{
	return err_set(err, -EBADMSG, "bad_generation", "", "%s: %s", path, why);
}

static int parse(const char *path, const char *text, size_t len, const char *configured, struct arena *arena, struct generation *ret,
	struct err *err)
{
	CLEANUP(buf_clear) struct buf sealed = { 0 };
	struct json root, sub;
	struct err why = { 0 };
	const char *origin;
	int64_t number;
	size_t n = configured ? strlen(configured) : 0;

	if (json_parse(arena, text, len, 0, &root, &why) < 0)
		return bad(err, path, why.text);
	if (json_get_int(&root, "generation", 2, GENERATIONS_MAX, &number, &why) < 0 ||
		json_get_str(&root, "origin", NOTE_NAME_MAX, &origin, &why) < 0)
		return err_set(err, -EBADMSG, "bad_generation", "", "%s: %s %s", path, why.path, why.text);
	if (configured && (strncmp(origin, configured, n) != 0 || origin[n] != '/'))
		return err_set(err, -EBADMSG, "wrong_origin", "",
			"%s: the trail here is %s, which is none of %s: the origin of a trail cannot change", path, origin, configured);
	sub = json_get(&root, "sealed");
	if (sub.type != JSON_OBJECT)
		return bad(err, path, "it does not say what was sealed");
	json_write(&sealed, &sub);
	*ret = (struct generation){ .number = (unsigned)number, .origin = arena_strdup(arena, origin),
		.sealed = arena_strdup(arena, buf_str(&sealed)) };
	return 0;
}

int generation_read(const char *state_dir, const char *configured, struct arena *arena, struct generation *ret, struct err *err)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	const char *path = arena_printf(arena, "%s/generation", state_dir), *dir;
	int r = file_read(path, GENERATION_FILE_MAX, &text, NULL);

	*ret = (struct generation){ .number = 1, .origin = configured };
	if (access(arena_printf(arena, "%s/restoring", state_dir), F_OK) == 0)
		return err_set(err, -ESTALE, "restoring", "",
			"a backup was being put back into %s, and that was cut off: remove %s.restoring and run `dunningctl restore --replace DIR` again", state_dir, state_dir);
	if (r == 0)
		r = parse(path, buf_str(&text), text.len, configured, arena, ret, err);
	else if (r == -ENOENT)
		r = 0;
	else
		return err_set(err, r, "unreadable", "", "%s: %s", path, strerror(-r));
	if (r < 0)
		return r;
	dir = generation_dir(arena, state_dir, ret->number);
	if (access(dir, F_OK) == 0)
		return err_set(err, -EINPROGRESS, "sealing", "",
			"the sealing of this trail was begun and not ended (%s): run `dunningctl trail seal --yes --why ...` again, which ends it", dir);
	return errno == ENOENT ? 0 : err_set(err, -errno, "unreadable", "", "%s: %s", dir, strerror(errno));
}

/* --- what is sealed ------------------------------------------------------------------------------------------------ */

/* One year's log as it is sealed: how far its journal reaches, and the largest checkpoint that anybody is known to have. */
struct sealed_log {
	uint16_t year;
	bool counted, signed_;
	uint64_t records, size;
	uint8_t root[SHA256_SIZE];
	const char *from; /* "head", "checkpoint", "known" */
	bool forked; /* two roots were signed for `size` */
};

struct planning {
	const struct sealing *sealing;
	struct arena *arena;
	const char *origin; /* of what is sealed, without the year */
	const char *dir; /* where its files are now: the state directory, or where a run that was cut off moved them */
	struct sealed_log *logs; /* by year */
	size_t count, capacity;
	struct err *err;
};

static struct sealed_log *log_of(struct planning *p, uint16_t year)
{
	size_t i = 0;

	while (i < p->count && p->logs[i].year < year)
		i++;
	if (i < p->count && p->logs[i].year == year)
		return &p->logs[i];
	p->logs = arena_grow(p->arena, p->logs, p->count, &p->capacity, sizeof(*p->logs));
	memmove(&p->logs[i + 1], &p->logs[i], (p->count - i) * sizeof(*p->logs));
	p->count++;
	p->logs[i] = (struct sealed_log){ .year = year };
	return &p->logs[i];
}

static void take_checkpoint(struct planning *p, uint16_t year, const struct checkpoint *checkpoint, const char *from)
{
	struct sealed_log *log = log_of(p, year);

	if (log->signed_ && checkpoint->size == log->size)
		log->forked |= memcmp(checkpoint->root, log->root, SHA256_SIZE) != 0;
	if (log->signed_ && checkpoint->size <= log->size)
		return;
	log->signed_ = true;
	log->forked = false;
	log->size = checkpoint->size;
	log->from = from;
	memcpy(log->root, checkpoint->root, SHA256_SIZE);
}

/* What cannot be read, or is signed by another key, is sealed too: it is not quoted. */
static void take_own(struct planning *p, uint16_t year, const char *file, const char *from)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct checkpoint checkpoint;
	struct note_key key;
	uint8_t none[ED25519_KEY_SIZE] = { 0 };

	if (!p->sealing->key ||
		note_key_make(arena_printf(p->arena, "%s/%u", p->origin, (unsigned)year), NOTE_ED25519,
			p->sealing->key ? p->sealing->key->public_key : none, &key) < 0)
		return;
	if (signed_log_read(arena_printf(p->arena, "%s/%s", p->dir, file), &key, &text, &checkpoint, NULL) == 0)
		take_checkpoint(p, year, &checkpoint, from);
}

static void take_years(struct planning *p, const char *folder)
{
	char **names;
	size_t count;

	if (file_list(p->arena, arena_printf(p->arena, "%s/%s", p->dir, folder), "", &names, &count) < 0)
		return;
	for (size_t i = 0; i < count; i++)
		if (strlen(names[i]) == 4 && strspn(names[i], "0123456789") == 4)
			(void)log_of(p, (uint16_t)atoi(names[i]));
}

static void take_journal(struct planning *p)
{
	uint16_t *years;
	size_t count;

	if (journal_leaves_years(p->dir, p->arena, &years, &count) < 0)
		return;
	for (size_t i = 0; i < count; i++) {
		CLEANUP(journal_leaves_destroyp) struct journal_leaves *leaves = journal_leaves_create(p->dir, years[i]);
		struct sealed_log *log = log_of(p, years[i]);

		log->counted = journal_leaves_count(leaves, &log->records, NULL) == 0;
	}
}

static int take_known(struct planning *p, const char *path)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	size_t n = strlen(p->origin), len;
	struct checkpoint checkpoint;
	struct note_key key;
	struct note note;
	char name[NOTE_NAME_MAX + 1];
	int r = file_read(path, NOTE_MAX, &text, p->err);

	if (r < 0)
		return r;
	if (note_parse(text.data, text.len, &note) < 0 || checkpoint_parse(note.text.data, note.text.len, &checkpoint) < 0)
		return err_set(p->err, -EBADMSG, "no_checkpoint", "", "%s is no signed checkpoint", path);
	len = checkpoint.origin.len;
	snprintf(name, sizeof(name), "%.*s", (int)len, (const char *)checkpoint.origin.data);
	if (len != n + 5 || strncmp(name, p->origin, n) != 0 || name[n] != '/' || strspn(name + n + 1, "0123456789") != 4)
		return err_set(p->err, -EBADMSG, "wrong_origin", "", "%s is a checkpoint of %s, not of a log of %s", path, name, p->origin);
	if (!p->sealing->key || note_key_make(name, NOTE_ED25519, p->sealing->key->public_key, &key) < 0)
		return err_set(p->err, -EKEYREJECTED, "no_key", "", "%s: whose signature it must be is not known: give the verifier key", path);
	text.len = 0;
	r = signed_log_read(path, &key, &text, &checkpoint, p->err);
	if (r == 0)
		take_checkpoint(p, (uint16_t)atoi(name + n + 1), &checkpoint, "known");
	return r;
}

/* --- the plan ---------------------------------------------------------------------------------------------------------- */

static void write_logs(struct json_writer *w, const struct planning *p)
{
	char hex[2 * SHA256_SIZE + 1];

	jw_array(w, "logs");
	for (size_t i = 0; i < p->count; i++) {
		const struct sealed_log *log = &p->logs[i];

		jw_object(w, NULL);
		jw_str(w, "origin", arena_printf(p->arena, "%s/%u", p->origin, (unsigned)log->year));
		if (log->counted)
			jw_int(w, "records", (int64_t)log->records);
		if (log->signed_) {
			jw_int(w, "size", (int64_t)log->size);
			jw_str(w, "root", hex_format(log->root, SHA256_SIZE, hex));
			jw_str(w, "from", log->from);
		}
		if (log->forked)
			jw_bool(w, "forked", true);
		jw_end_object(w);
	}
	jw_end_array(w);
}

/*
 * A number alone could come twice: a state directory that is taken back to before its sealing is sealed again, under a number that others
 * have seen signed. So an origin is drawn, and never drawn twice.
 */
static const char *draw_origin(const struct planning *p, unsigned number)
{
	uint8_t bytes[4];
	char hex[2 * sizeof(bytes) + 1];

	random_bytes(bytes, sizeof(bytes));
	return arena_printf(p->arena, "%s/g%u-%s", p->sealing->configured, number, hex_format(bytes, sizeof(bytes), hex));
}

static void write_plan(const struct planning *p, const struct generation *before, struct sealing_plan *ret)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	CLEANUP(buf_clear) struct buf sealed = { 0 };
	struct json_writer w = jw_init(&sealed);

	jw_object(&w, NULL);
	jw_str(&w, "origin", before->origin);
	jw_int(&w, "at", p->sealing->now);
	jw_str(&w, "who", p->sealing->who);
	jw_str(&w, "why", p->sealing->why);
	write_logs(&w, p);
	jw_end_object(&w);
	ret->after = (struct generation){ .number = before->number + 1, .origin = draw_origin(p, before->number + 1),
		.sealed = arena_strdup(p->arena, buf_str(&sealed)) };
	w = jw_init(&text);
	jw_object(&w, NULL);
	jw_int(&w, "v", 1);
	jw_int(&w, "generation", ret->after.number);
	jw_str(&w, "origin", ret->after.origin);
	jw_raw(&w, "sealed", sealed.data, sealed.len);
	jw_end_object(&w);
	buf_add_char(&text, '\n');
	ret->text = arena_strdup(p->arena, buf_str(&text));
}

static bool there(struct arena *arena, const char *dir, const char *name)
{
	return access(arena_printf(arena, "%s/%s", dir, name), F_OK) == 0;
}

static const char *const moved[] = { "journal", "log", "head", "anchors" };

int generation_plan(const struct sealing *sealing, struct arena *arena, struct sealing_plan *ret, struct err *err)
{
	struct planning p = { .sealing = sealing, .arena = arena, .dir = sealing->state_dir, .err = err };
	CLEANUP(buf_clear) struct buf text = { 0 };
	const char *next;
	bool any = false;
	int r = generation_read(sealing->state_dir, sealing->configured, arena, &ret->before, err);

	if (r < 0 && r != -EINPROGRESS)
		return r;
	err_clear(err);
	p.origin = ret->before.origin;
	next = arena_printf(arena, "%s/next", generation_dir(arena, sealing->state_dir, ret->before.number));
	r = r < 0 ? file_read(next, GENERATION_FILE_MAX, &text, NULL) : -ENOENT;
	ret->begun = r == 0;
	if (r == 0) {
		ret->text = arena_strdup(arena, buf_str(&text));
		return parse(next, ret->text, text.len, sealing->configured, arena, &ret->after, err);
	}
	if (r != -ENOENT)
		return err_set(err, r, "unreadable", "", "%s: %s", next, strerror(-r));
	for (size_t i = 0; i < ARRAY_LEN(moved); i++)
		any |= there(arena, sealing->state_dir, moved[i]);
	if (!any)
		return err_set(err, -ENOENT, "no_trail", "", "%s has no trail: there is nothing to seal", sealing->state_dir);
	take_years(&p, "log");
	take_years(&p, "head");
	take_journal(&p);
	for (size_t i = 0; i < p.count; i++) {
		unsigned year = p.logs[i].year;

		take_own(&p, p.logs[i].year, arena_printf(arena, "head/%04u", year), "head");
		take_own(&p, p.logs[i].year, arena_printf(arena, "log/%04u/checkpoint", year), "checkpoint");
	}
	for (size_t i = 0; sealing->known && sealing->known[i]; i++)
		if ((r = take_known(&p, sealing->known[i])) < 0)
			return r;
	write_plan(&p, &ret->before, ret);
	return 0;
}

/* --- carrying it out --------------------------------------------------------------------------------------------------- */

static int failed(struct err *err, int r, const char *path)
{
	return err_set(err, r, r == -EEXIST ? "in_the_way" : "cannot_seal", "", "%s: %s", path,
		r == -EEXIST ? "it is there already, and so is what would be moved there: a person must look at both" : strerror(-r));
}

static int move(const struct sealing *sealing, const char *dir, const char *name, struct arena *arena, struct err *err)
{
	const char *from = arena_printf(arena, "%s/%s", sealing->state_dir, name), *to = arena_printf(arena, "%s/%s", dir, name);
	int r = 0;

	if (access(from, F_OK) == 0 && access(to, F_OK) == 0)
		r = -EEXIST;
	else if (rename(from, to) < 0 && errno != ENOENT)
		r = -errno;
	if (r == 0) /* the new name before the old one is forgotten; a rename in the same file system is whole in any case */
		r = file_sync_dir(to);
	if (r == 0)
		r = file_sync_dir(from);
	return r < 0 ? failed(err, r, to) : 0;
}

int generation_seal(const struct sealing *sealing, const struct sealing_plan *plan, struct err *err)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *dir = generation_dir(arena, sealing->state_dir, plan->before.number);
	const char *next = arena_printf(arena, "%s/next", dir), *path = arena_printf(arena, "%s/generation", sealing->state_dir);
	int r = file_make_dirs(dir, 0700);

	/* From here on the daemon does not start. What is to be written at the end is written first: it is drawn once. */
	if (r == 0)
		r = file_sync_dir(dir);
	if (r == 0)
		r = file_sync_dir(arena_printf(arena, "%s/sealed", sealing->state_dir));
	if (r == 0 && !plan->begun)
		r = file_replace(next, plan->text, strlen(plan->text), 0600);
	if (r < 0)
		return failed(err, r, dir);
	if (plan->before.number > 1) { /* under which origin it was, and what it came after */
		CLEANUP(buf_clear) struct buf text = { 0 };

		r = file_read(path, GENERATION_FILE_MAX, &text, NULL);
		if (r == 0)
			r = file_replace(arena_printf(arena, "%s/generation", dir), text.data, text.len, 0600);
		if (r < 0)
			return failed(err, r, path);
	}
	for (size_t i = 0; i < ARRAY_LEN(moved); i++)
		if ((r = move(sealing, dir, moved[i], arena, err)) < 0)
			return r;
	r = file_replace(path, plan->text, strlen(plan->text), 0600);
	return r < 0 ? failed(err, r, path) : 0;
}

int generation_lock(const char *state_dir, struct err *err)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *path = arena_printf(arena, "%s/lock", state_dir);
	CLEANUP(closep) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct stat dir, own;
	int held = fd;

	if (fd < 0)
		return err_set(err, -errno, "unreadable", "", "%s: %s", path, strerror(errno));
	if (fstat(fd, &own) < 0 || stat(state_dir, &dir) < 0)
		return err_set(err, -errno, "unreadable", "", "%s: %s", path, strerror(errno));
	if (own.st_uid != dir.st_uid && geteuid() == 0) { /* made just now, by root: the daemon wants it. But nothing is given away that has another name too. */
		if (!S_ISREG(own.st_mode) || own.st_nlink != 1)
			return err_set(err, -EPERM, "unreadable", "", "%s is no file of its own: take it away", path);
		if (fchown(fd, dir.st_uid, dir.st_gid) < 0)
			return err_set(err, -errno, "unreadable", "", "%s: %s", path, strerror(errno));
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return err_set(err, errno == EWOULDBLOCK ? -EBUSY : -errno, "locked", "",
			"%s is held by a daemon that does not answer: stop it first, it must not write while its trail is sealed", path);
	fd = -1;
	return held;
}
