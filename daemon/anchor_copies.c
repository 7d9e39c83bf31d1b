/*
 * What else a store of copies gets: closed segments of the journal, which are ciphertext and never change, and the key store, whose copy must
 * lose what is erased here. In the anchors' thread, beside the job that copies the log: one object at a time, of bounded size.
 *
 * A file of the key store that was erased from is written anew, under a new inode: so it is seen within a second, and goes before all else.
 * When its copy is replaced, older versions of it are listed and deleted until none is left; only then it counts as copied.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "common/file.h"
#include "daemon/anchor_internal.h"
#include "daemon/keystore.h"

#define STATE_MAX (64u << 20)
#define SEGMENT_SUFFIX ".journal"
#define SHARD_SUFFIX ".keys"
#define LISTS_MAX 1000 /* of the versions of one file */
#define SHARDS_AT_ONCE 32 /* read in one turn when there is nothing to be sent */

struct found {
	char **segments; /* closed ones, in the order of writing */
	size_t count;
};

static void next(struct anchor_target *target);

/* --- the file that keeps it ------------------------------------------------------------------------------------ */

static const char *state_path(const struct anchor_target *target, struct arena *arena)
{
	return arena_printf(arena, "%s/anchors/%s.json", anchor_state_dir(target->anchors), target->settings->name);
}

/* Another bucket, or another generation of the trail: nothing is there yet, as far as is known. */
static void name_where(const struct anchor_target *target, struct arena *arena, char ret[2 * SHA256_SIZE + 1])
{
	const struct anchor_settings *s = target->settings;
	const char *text = arena_printf(arena, "%s\n%s\n%s\n%s\n%s", s->url, s->bucket, s->keys_bucket ? s->keys_bucket : "",
		anchor_origin(target->anchors), anchor_keys_origin(target->anchors));
	uint8_t hash[SHA256_SIZE];

	sha256(text, strlen(text), hash);
	(void)hex_format(hash, sizeof(hash), ret);
}

void anchor_copies_open(struct anchor_target *target)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct copies *state = &target->copies.state;
	const char *path = state_path(target, arena);
	CLEANUP(buf_clear) struct buf text = { 0 };
	char where[2 * SHA256_SIZE + 1];
	int r = file_read(path, STATE_MAX, &text, NULL);

	if (r == 0)
		r = copies_parse(buf_str(&text), text.len, state, NULL);
	if (r < 0 && r != -ENOENT)
		anchor_note(target->anchors, LOG_ERR | MSG(STATE_FILE), "anchor: %s: %s; what is in the store is compared anew", path,
			r == -EBADMSG ? "damaged" : strerror(-r));
	name_where(target, arena, where);
	if (strcmp(where, state->where) != 0)
		copies_clear(state);
	memcpy(state->where, where, sizeof(where));
}

static int save(struct anchor_target *target)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf text = { 0 };
	int r = file_make_dirs(arena_printf(arena, "%s/anchors", anchor_state_dir(target->anchors)), 0700);

	copies_add(&text, &target->copies.state);
	return r < 0 ? r : file_replace(state_path(target, arena), text.data, text.len, 0600);
}

/* --- what there is ------------------------------------------------------------------------------------------- */

static int64_t mtime_ns(const struct stat *file)
{
	return (int64_t)file->st_mtim.tv_sec * 1000000000 + file->st_mtim.tv_nsec;
}

static void older(int64_t *oldest, int64_t at)
{
	if (!*oldest || at < *oldest)
		*oldest = at;
}

static bool is_number(const char *name, size_t digits, const char *suffix, uint32_t *ret)
{
	if (strspn(name, "0123456789") != digits || strcmp(name + digits, suffix) != 0)
		return false;
	*ret = (uint32_t)strtoul(name, NULL, 10);
	return true;
}

static void look_at_shard(struct anchor_copies *c, uint16_t year, uint32_t number, const char *path, int64_t now)
{
	struct copies_shard *shard;
	struct stat file;

	if (stat(path, &file) < 0)
		return;
	shard = copies_shard(&c->state, year, number);
	shard->urgent |= shard->inode != file.st_ino; /* at the start too: nobody knows what was erased before it */
	if (!shard->changed_at && (shard->inode != file.st_ino || shard->mtime_ns != mtime_ns(&file)))
		shard->changed_at = mtime_ns(&file) / 1000000 < now ? mtime_ns(&file) / 1000000 : now;
}

static void look_at_keys(struct anchor_target *target, int64_t now)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *dir = arena_printf(arena, "%s/keys", anchor_state_dir(target->anchors));
	size_t year_count, count;
	char **years, **names;

	if (!target->settings->keys_bucket || file_list(arena, dir, "", &years, &year_count) < 0)
		return;
	for (size_t i = 0; i < year_count; i++) {
		const char *folder = arena_printf(arena, "%s/%s", dir, years[i]);
		uint32_t year, number;

		if (!is_number(years[i], 4, "", &year) || file_list(arena, folder, SHARD_SUFFIX, &names, &count) < 0)
			continue;
		for (size_t k = 0; k < count; k++)
			if (is_number(names[k], 7, SHARD_SUFFIX, &number))
				look_at_shard(&target->copies, (uint16_t)year, number, arena_printf(arena, "%s/%s", folder, names[k]), now);
	}
}

/* The last segment is still being written. */
static void look_at_journal(struct anchor_target *target, struct arena *arena, struct found *ret)
{
	const char *dir = arena_printf(arena, "%s/journal", anchor_state_dir(target->anchors));

	*ret = (struct found){ 0 };
	if (file_list(arena, dir, SEGMENT_SUFFIX, &ret->segments, &ret->count) == 0 && ret->count)
		ret->count--;
}

static bool is_copied(const struct anchor_copies *c, const char *segment)
{
	return strcmp(segment, c->state.segment) <= 0;
}

static void measure(struct anchor_target *target, int64_t now)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct anchor_copies *c = &target->copies;
	struct anchor_copies_status status = { .there = true, .keys = target->settings->keys_bucket != NULL };
	int64_t oldest = 0;
	struct found found;

	look_at_journal(target, arena, &found);
	status.segments = found.count;
	for (size_t i = 0; i < found.count; i++) {
		struct stat file;

		if (is_copied(c, found.segments[i])) {
			status.segments_copied++;
		} else if (stat(arena_printf(arena, "%s/journal/%s", anchor_state_dir(target->anchors), found.segments[i]), &file) == 0) {
			status.bytes_waiting += (uint64_t)file.st_size;
			older(&oldest, mtime_ns(&file) / 1000000);
		}
	}
	for (size_t i = 0; i < c->state.count; i++) {
		const struct copies_shard *shard = &c->state.shards[i];

		status.shards++;
		status.shards_copied += shard->sum[0] && !shard->changed_at;
		status.erasing |= shard->erasing;
		if (shard->changed_at)
			older(&oldest, shard->changed_at);
	}
	status.age_ms = oldest && oldest < now ? now - oldest : 0;
	status.failures = c->tries.failures;
	memcpy(status.word, c->tries.word, sizeof(status.word));
	status.alarm = c->grave || status.age_ms >= ANCHOR_ALARM_MS || (status.erasing && status.failures);
	c->status = status;
}

/* How it stands, when it has come to rest or failed, and each second. */
static void tell(struct anchor_target *target)
{
	struct anchor_copies *c = &target->copies;

	measure(target, anchor_now());
	if (c->status.alarm && !c->alarm_told)
		anchor_note(target->anchors, LOG_ERR | MSG(ANCHOR_LATE), "anchor: %s: alarm: %s (%s)", target->settings->name,
			c->status.erasing ? "keys that were erased here still lie in its copies" : "the journal or the keys are not copied",
			c->status.word[0] ? c->status.word : "not asked");
	else if (!c->status.alarm && c->alarm_told)
		anchor_note(target->anchors, LOG_NOTICE, "anchor: %s: no alarm about its copies any more", target->settings->name);
	c->alarm_told = c->status.alarm;
	anchor_publish(target->anchors);
}

/* --- how it ends ------------------------------------------------------------------------------------------------- */

static void clear(struct anchor_copies *c)
{
	arena_free(c->arena);
	buf_clear(&c->object);
	c->arena = NULL;
	c->key = NULL;
}

void anchor_copies_close(struct anchor_target *target)
{
	clear(&target->copies);
	copies_clear(&target->copies.state);
}

static void failed(struct anchor_target *target, const char *word)
{
	static const char *const grave[] = { "conflict", "unlocked", "locked", "keys_ahead", "unlisted", "undeleted" };
	struct anchor_copies *c = &target->copies;
	bool told = strncmp(c->told, word, sizeof(c->told) - 1) == 0;

	c->grave = false;
	for (size_t i = 0; i < ARRAY_LEN(grave); i++)
		c->grave |= strcmp(word, grave[i]) == 0;
	anchor_put_off(&c->tries, word, anchor_now());
	if (!told)
		anchor_note(target->anchors, (c->grave ? LOG_CRIT : LOG_WARNING) | MSG(ANCHOR_FAILS), "anchor: %s did not take the copy %s: %s; it is tried again",
			target->settings->name, c->key ? c->key : "", word);
	snprintf(c->told, sizeof(c->told), "%s", word);
	clear(c);
	tell(target);
}

static void succeeded(struct anchor_target *target)
{
	struct anchor_copies *c = &target->copies;
	int r = save(target);

	if (r < 0) {
		failed(target, "disk");
		return;
	}
	if (c->told[0])
		anchor_note(target->anchors, LOG_NOTICE, "anchor: %s takes copies again", target->settings->name);
	c->told[0] = '\0';
	c->grave = false;
	anchor_well(&c->tries);
	clear(c);
	next(target);
	if (!c->arena)
		tell(target);
}

static void start(struct anchor_target *target, wire_done_fn done, size_t body_max)
{
	const struct wire_request request = { .http = &target->copies.http, .repeatable = true, .body_max = body_max, .signer = &target->signer,
		.done = done, .arg = target };

	wire_start(target->wire, &request);
}

/* Why an answer is none that one can go on with. */
static const char *reason(const struct anchor_copies *c, const struct wire_result *result)
{
	if (result->end != WIRE_ANSWERED)
		return result->reason;
	if (result->answer.status == 401 || result->answer.status == 403)
		return "refused";
	return arena_printf(c->arena, "http_%d", result->answer.status);
}

/* --- one upload ------------------------------------------------------------------------------------------------------ */

static void upload_step(struct anchor_target *target);

static void on_upload(const struct wire_result *result, void *arg)
{
	static const struct http_answer none;
	struct anchor_target *target = arg;
	struct anchor_copies *c = &target->copies;
	enum s3_step step = s3_answer(&c->upload, result->end == WIRE_ANSWERED ? &result->answer : &none);

	if (step < S3_COPIED)
		upload_step(target);
	else if (step == S3_COPIED)
		c->uploaded(target);
	else
		failed(target, step == S3_FAILED ? reason(c, result) : s3_step_word(step));
}

static void upload_step(struct anchor_target *target)
{
	struct anchor_copies *c = &target->copies;

	s3_request(&c->upload, c->arena, &c->http);
	start(target, on_upload, s3_answer_max(&c->upload));
}

static void upload(struct anchor_target *target, struct s3_object *object, void (*uploaded)(struct anchor_target *))
{
	struct anchor_copies *c = &target->copies;

	object->key = c->key;
	object->type = "application/octet-stream";
	object->bytes = (struct slice){ (const uint8_t *)buf_str(&c->object), c->object.len };
	c->uploaded = uploaded;
	s3_begin(&c->upload, &c->store, object);
	upload_step(target);
}

/* --- segments of the journal -------------------------------------------------------------------------------------------- */

/* Nothing in it can be read without keys that are kept elsewhere; yet a lock that a person with the right can lift, and a short one. */
static void lock(const struct anchor_target *target, uint16_t year, struct s3_object *object)
{
	int64_t now = anchor_now(), until = copies_lock_until(year, anchor_lock_months(target->anchors));

	if (until > now + target->settings->retain_ms)
		until = now + target->settings->retain_ms;
	until = until / SECOND_MS * SECOND_MS; /* never later */
	if (until < now + DAY_MS)
		return;
	object->lock = S3_GOVERNANCE;
	object->retain_until = until;
}

static void segment_uploaded(struct anchor_target *target)
{
	struct anchor_copies *c = &target->copies;

	if (c->last_part) {
		snprintf(c->state.segment, sizeof(c->state.segment), "%s", c->segment);
		c->state.parts = 0;
	} else {
		c->state.parts++;
	}
	succeeded(target);
}

static int read_part(struct anchor_target *target, const char *path)
{
	struct anchor_copies *c = &target->copies;
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	uint64_t offset = (uint64_t)c->state.parts * COPIES_PART_BYTES, left;
	struct stat file;

	if (fd < 0 || fstat(fd, &file) < 0)
		return -errno;
	c->whole = file.st_size <= COPIES_PART_BYTES;
	if (offset >= (uint64_t)file.st_size)
		return -EBADMSG;
	left = (uint64_t)file.st_size - offset;
	c->last_part = left <= COPIES_PART_BYTES;
	for (size_t len = c->last_part ? (size_t)left : COPIES_PART_BYTES; c->object.len < len;) {
		ssize_t n;

		buf_reserve(&c->object, len);
		n = pread(fd, c->object.data + c->object.len, len - c->object.len, (off_t)(offset + c->object.len));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EBADMSG;
		c->object.len += (size_t)n;
	}
	return 0;
}

static void begin_segment(struct anchor_target *target, const char *name)
{
	struct anchor_copies *c = &target->copies;
	struct s3_object object = { .lock = S3_NO_LOCK };
	unsigned year = 0;
	int r;

	snprintf(c->segment, sizeof(c->segment), "%s", name);
	c->store = (struct s3_store){ target->settings->url, target->settings->bucket, target->settings->timeout_ms };
	c->key = c->segment;
	if (sscanf(name, "%*20[0-9]-%4u-", &year) != 1) {
		failed(target, "no_file");
		return;
	}
	r = read_part(target, arena_printf(c->arena, "%s/journal/%s", anchor_state_dir(target->anchors), name));
	if (r < 0) {
		failed(target, r == -EBADMSG ? "no_file" : "disk");
		return;
	}
	c->key = c->whole ? arena_printf(c->arena, "%s/%u/journal/%s", anchor_origin(target->anchors), year, name) :
			    arena_printf(c->arena, "%s/%u/journal/%s.%04d", anchor_origin(target->anchors), year, name, (int)c->state.parts);
	lock(target, (uint16_t)year, &object);
	upload(target, &object, segment_uploaded);
}

/* --- the key store ------------------------------------------------------------------------------------------------------------ */

static struct copies_shard *shard_in_hand(struct anchor_copies *c)
{
	return copies_shard(&c->state, c->year, c->number);
}

/* It lies there, and no older version of it does. */
static void shard_done(struct anchor_target *target)
{
	struct anchor_copies *c = &target->copies;
	struct copies_shard *shard = shard_in_hand(c);
	int64_t erased = keystore_copy_erased(c->object.data);

	if (c->had_copy && erased > shard->erased) {
		struct anchor_erased_record record = { .name = target->settings->name, .year = c->year, .shard = c->number,
			.keys = erased - shard->erased, .versions = c->deleted };

		anchor_erased(target->anchors, &record);
	}
	memcpy(shard->sum, c->sum, sizeof(shard->sum));
	shard->erased = erased;
	shard->erasing = false;
	shard->copied_at = anchor_now();
	if (shard->inode == c->inode && shard->mtime_ns == c->mtime_ns)
		shard->changed_at = 0;
	shard->urgent = false;
	succeeded(target);
}

static void list_versions(struct anchor_target *target);
static void delete_next(struct anchor_target *target);

static void on_deleted(const struct wire_result *result, void *arg)
{
	struct anchor_target *target = arg;
	struct anchor_copies *c = &target->copies;
	int status = result->end == WIRE_ANSWERED ? result->answer.status : 0;

	if (status != 204 && status != 200 && status != 404) {
		failed(target, status == 401 || status == 403 ? "undeleted" : reason(c, result));
		return;
	}
	c->deleted++;
	c->at++;
	delete_next(target);
}

static void delete_next(struct anchor_target *target)
{
	struct anchor_copies *c = &target->copies;

	if (c->at == c->versions.count) {
		list_versions(target); /* believed when it is seen */
		return;
	}
	s3_delete_request(&c->store, c->key, c->versions.old[c->at], c->arena, &c->http);
	start(target, on_deleted, 4096);
}

static void on_versions(const struct wire_result *result, void *arg)
{
	struct anchor_target *target = arg;
	struct anchor_copies *c = &target->copies;
	bool again = c->lists++ && (!c->versions.more || c->lists > LISTS_MAX);
	const struct http_answer *answer = &result->answer;

	if (result->end != WIRE_ANSWERED || answer->status >= 500) {
		failed(target, reason(c, result));
		return;
	}
	if (answer->status != 200 || answer->truncated || s3_versions_read(answer->body, answer->body_len, c->key, c->arena, &c->versions) < 0 ||
		!c->versions.latest || (c->versions.more && !c->versions.count)) {
		failed(target, "unlisted");
		return;
	}
	c->at = 0;
	if (c->versions.count && again)
		failed(target, "undeleted"); /* said to be deleted, and still there */
	else if (c->versions.count)
		delete_next(target);
	else
		shard_done(target);
}

static void list_versions(struct anchor_target *target)
{
	struct anchor_copies *c = &target->copies;

	s3_versions_request(&c->store, c->key, c->arena, &c->http);
	start(target, on_versions, S3_VERSIONS_BYTES);
}

static void put_shard(struct anchor_target *target)
{
	struct s3_object object = { .lock = S3_NO_LOCK, .moving = true, .erasable = true };

	upload(target, &object, list_versions);
}

/* What lies there is never overwritten by something older, or by another key store: it may be all that is left of newer keys. */
static void on_shard(const struct wire_result *result, void *arg)
{
	struct anchor_target *target = arg;
	struct anchor_copies *c = &target->copies;
	const struct http_answer *answer = &result->answer;
	struct copies_shard *shard = shard_in_hand(c);

	if (result->end != WIRE_ANSWERED || (answer->status != 200 && answer->status != 404)) {
		failed(target, reason(c, result));
		return;
	}
	if (answer->status == 404) {
		c->had_copy = shard->sum[0] != '\0';
		put_shard(target);
		return;
	}
	if (answer->truncated || !keystore_copy_is(answer->body, answer->body_len, c->year, c->number)) {
		failed(target, "conflict");
		return;
	}
	c->had_copy = true;
	if (!shard->sum[0])
		shard->erased = keystore_copy_erased(answer->body);
	shard->erasing = keystore_copy_erased(c->object.data) > shard->erased;
	if (!keystore_copy_follows(c->object.data, answer->body))
		failed(target, "keys_ahead");
	else if (memcmp(c->object.data, answer->body, KEYSTORE_SHARD_BYTES) != 0)
		put_shard(target);
	else if (http_head_get(answer, "x-amz-object-lock-mode", c->arena))
		failed(target, "locked");
	else
		list_versions(target);
}

/* Twice, and the same: a slot may just be being written. 0: not now. */
static int read_shard(struct anchor_target *target, const char *path)
{
	struct anchor_copies *c = &target->copies;
	CLEANUP(buf_clear) struct buf again = { 0 };
	struct stat before, after;
	int r;

	if (stat(path, &before) < 0)
		return -errno;
	if ((r = file_read(path, KEYSTORE_SHARD_BYTES, &c->object, NULL)) < 0 || (r = file_read(path, KEYSTORE_SHARD_BYTES, &again, NULL)) < 0)
		return r;
	if (stat(path, &after) < 0)
		return -errno;
	c->inode = after.st_ino;
	c->mtime_ns = mtime_ns(&after);
	return before.st_ino == after.st_ino && mtime_ns(&before) == mtime_ns(&after) && again.len == c->object.len &&
		memcmp(again.data, c->object.data, again.len) == 0 && keystore_copy_is(c->object.data, c->object.len, c->year, c->number);
}

/* Begins with it. False: there is nothing to ask for, it is as it was, or is just being written. */
static bool begin_shard(struct anchor_target *target, struct copies_shard *shard)
{
	struct anchor_copies *c = &target->copies;
	const char *name = arena_printf(c->arena, "keys/%04u/%07u" SHARD_SUFFIX, (unsigned)shard->year, (unsigned)shard->number);
	uint8_t hash[SHA256_SIZE];
	int r;

	c->year = shard->year;
	c->number = shard->number;
	c->key = arena_printf(c->arena, "%s/%s", anchor_keys_origin(target->anchors), name);
	c->deleted = 0;
	c->lists = 0;
	c->had_copy = false;
	c->versions = (struct s3_versions){ 0 };
	buf_reset(&c->object);
	r = read_shard(target, arena_printf(c->arena, "%s/%s", anchor_state_dir(target->anchors), name));
	if (r < 0) {
		failed(target, "disk");
		return true;
	}
	if (r == 0 && !(c->object.len && c->object.data[0] == '\0')) /* the next turn looks again */
		return false;
	shard->inode = c->inode;
	shard->mtime_ns = c->mtime_ns;
	if (r == 0) { /* its making was cut off: there is nothing in it */
		shard->changed_at = 0;
		return false;
	}
	sha256(c->object.data, c->object.len, hash);
	(void)hex_format(hash, sizeof(hash), c->sum);
	shard->erasing = shard->sum[0] && keystore_copy_erased(c->object.data) > shard->erased;
	if (strcmp(c->sum, shard->sum) == 0) {
		shard->changed_at = 0;
		shard->urgent = false;
		return false;
	}
	c->store = (struct s3_store){ target->settings->url, target->settings->keys_bucket, target->settings->timeout_ms };
	s3_get_request(&c->store, c->key, c->arena, &c->http);
	start(target, on_shard, KEYSTORE_SHARD_BYTES + 1);
	return true;
}

/* --- what comes next ------------------------------------------------------------------------------------------------------------- */

/* One that is due; what was erased goes first. */
static bool begin_shards(struct anchor_target *target, bool urgent, int64_t now)
{
	struct anchor_copies *c = &target->copies;
	size_t read = 0;

	for (size_t i = 0; target->settings->keys_bucket && i < c->state.count && read < SHARDS_AT_ONCE; i++) {
		struct copies_shard *shard = &c->state.shards[i];
		bool due = shard->changed_at &&
			(shard->urgent || (!urgent && (c->wanted || !shard->sum[0] || now >= shard->copied_at + target->settings->every_ms ||
							     now < shard->copied_at)));

		if (!due || (urgent && !shard->urgent))
			continue;
		read++;
		if (begin_shard(target, shard))
			return true;
	}
	return false;
}

static void next(struct anchor_target *target)
{
	struct anchor_copies *c = &target->copies;
	int64_t now = anchor_now();
	struct found found;

	if (!anchor_trusted(target->anchors)) /* what is here may be older than what is there */
		return;
	c->arena = arena_create();
	look_at_journal(target, c->arena, &found);
	if (begin_shards(target, true, now))
		return;
	for (size_t i = 0; i < found.count; i++)
		if (!is_copied(c, found.segments[i])) {
			begin_segment(target, found.segments[i]);
			return;
		}
	if (begin_shards(target, false, now))
		return;
	c->wanted = false;
	clear(c);
}

void anchor_copies(struct anchor_target *target, int64_t now, bool want)
{
	struct anchor_copies *c = &target->copies;

	look_at_keys(target, now);
	c->wanted |= want;
	if (want)
		c->tries.next_try = 0;
	if (!c->arena && (now >= c->tries.next_try || now < c->tries.next_try - ANCHOR_RETRY_MAX_MS))
		next(target);
	tell(target);
}
