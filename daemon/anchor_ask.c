/* What is asked of an authority, a witness and a store, and what is made of their answers. In the anchors' thread. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "common/file.h"
#include "daemon/anchor_internal.h"

#define ROOTS_MAX (1u << 20)
#define WITNESS_ROUNDS 3 /* of "behind": somebody else may be telling it of this log at the same time */

static struct slice slice_of(const struct buf *buf)
{
	return (struct slice){ (const uint8_t *)buf_str(buf), buf->len };
}

static struct slice copy_of(struct arena *arena, const void *data, size_t len)
{
	return (struct slice){ arena_memdup(arena, len ? data : "", len), len };
}

int anchor_target_check(const struct anchor_settings *settings, struct timestamp_trust **trust, struct buf *roots, struct err *err)
{
	struct err why = { 0 };
	char path[160];
	int r;

	if (settings->kind != ANCHOR_TIMESTAMP)
		return 0;
	snprintf(path, sizeof(path), "$.trail.anchors.%s.roots", settings->name);
	r = file_read(settings->roots, ROOTS_MAX, roots, &why);
	if (r < 0)
		return err_set(err, r, "unreadable", path, "%s", why.text);
	r = timestamp_trust_parse(buf_str(roots), roots->len, trust, &why);
	return r < 0 ? err_set(err, r, why.code, path, "%s %s", settings->roots, why.text) : 0;
}

void anchor_job_clear(struct anchor_job *job)
{
	buf_clear(&job->object);
	arena_free(job->object_arena);
	arena_free(job->arena);
	*job = (struct anchor_job){ 0 };
}

static void start(struct anchor_target *target, wire_done_fn done, size_t body_max, bool public_http, const struct http_signer *signer)
{
	const struct wire_request request = { .http = &target->job.http, .fresh = !signer, .repeatable = true, .body_max = body_max,
		.public_http = public_http, .signer = signer, .done = done, .arg = target };

	wire_start(target->wire, &request);
}

/* The answer, or NULL when there is none; then the job has failed. */
static const struct http_answer *answered(struct anchor_target *target, const struct wire_result *result)
{
	if (result->end == WIRE_ANSWERED)
		return &result->answer;
	anchor_job_failed(target, result->reason, "no answer");
	return NULL;
}

static const char *status_word(int status, struct arena *arena)
{
	return arena_printf(arena, "http_%d", status);
}

/* --- time stamps: RFC 3161 section 3.4 --------------------------------------------------------------------- */

/* The answer last: where it lies, the others do too. */
static int keep_stamp(struct anchor_target *target)
{
	const struct anchor_job *job = &target->job;
	const struct {
		const char *suffix;
		struct slice bytes;
	} files[] = {
		{ "pem", slice_of(&target->roots) },
		{ "crl", job->crl },
		{ "tsq", job->asked },
		{ "tsr", job->answer },
	};

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		const char *name = arena_printf(job->arena, "%s.%s", target->settings->name, files[i].suffix);
		int r = files[i].bytes.len ? anchor_log_keep(job->log, job->size, &job->checkpoint, name, &files[i].bytes) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

static void stamped(struct anchor_target *target)
{
	struct anchor_job *job = &target->job;
	struct anchor_token_record record = { .bytes = job->answer,
		.serial = job->stamp.serial, .authority = job->stamp.authority };
	int r = keep_stamp(target);

	if (r < 0) {
		anchor_job_failed(target, "disk", strerror(-r));
		return;
	}
	anchor_stamp_kept(target->anchors, job->log, job->size, target->settings->name);
	anchor_job_done(target, job->stamp.at, &record);
}

static int check_stamp(struct anchor_target *target, struct err *err)
{
	struct anchor_job *job = &target->job;
	struct timestamp_wanted wanted = { .query = job->query, .trust = target->trust, .policy = target->settings->policy, .now = anchor_now(),
		.tolerance_ms = ANCHOR_TOLERANCE_MS, .crl = job->crl };

	return timestamp_check(job->answer.data, job->answer.len, &wanted, &job->stamp, err);
}

/* The list of the day, which nobody will have any more when the stamp is looked at. Without it the stamp is as good as today. */
static void on_list(const struct wire_result *result, void *arg)
{
	struct anchor_target *target = arg;
	struct anchor_job *job = &target->job;
	const struct http_answer *answer = &result->answer;
	const char *why = NULL;
	struct err err = { 0 };

	if (result->end != WIRE_ANSWERED)
		why = result->reason;
	else if (answer->status != 200 || answer->truncated || !answer->body_len)
		why = status_word(answer->status, job->arena);
	else
		job->crl = copy_of(job->arena, answer->body, answer->body_len);
	if (!why && check_stamp(target, &err) < 0) {
		if (strcmp(err.code, "crl") != 0) {
			anchor_job_failed(target, err.code, err.text);
			return;
		}
		job->crl = (struct slice){ 0 };
		why = err.text;
	}
	if (why && !target->crl_told)
		anchor_note(target->anchors, LOG_WARNING | MSG(CRL_MISSING), "anchor: %s: its stamps are kept without a list of revoked certificates: %s",
			target->settings->name, why);
	target->crl_told = why != NULL;
	stamped(target);
}

static void on_stamp(const struct wire_result *result, void *arg)
{
	struct anchor_target *target = arg;
	struct anchor_job *job = &target->job;
	const struct http_answer *answer = answered(target, result);
	struct err err = { 0 };

	if (!answer)
		return;
	if (answer->status != 200 || answer->truncated) {
		anchor_job_failed(target, answer->truncated ? "too_long" : status_word(answer->status, job->arena), "no time stamp");
		return;
	}
	job->answer = copy_of(job->arena, answer->body, answer->body_len);
	if (check_stamp(target, &err) < 0) {
		anchor_job_failed(target, err.code, err.text);
		return;
	}
	if (!job->stamp.crl_url[0]) {
		stamped(target);
		return;
	}
	job->http = (struct http_request){ .method = "GET", .url = job->stamp.crl_url, .timeout_ms = target->settings->timeout_ms };
	start(target, on_list, TIMESTAMP_CRL_MAX, true, NULL);
}

static void ask_stamp(struct anchor_target *target)
{
	static const struct http_header type = { "Content-Type", "application/timestamp-query" };
	struct anchor_job *job = &target->job;
	struct http_header *headers = arena_alloc(job->arena, 2 * sizeof(*headers));
	CLEANUP(buf_clear) struct buf der = { 0 };

	sha256(job->checkpoint.data, job->checkpoint.len, job->query.imprint);
	do
		random_bytes(&job->query.nonce, sizeof(job->query.nonce));
	while (!job->query.nonce);
	timestamp_query_add(&der, &job->query);
	job->asked = copy_of(job->arena, der.data, der.len);
	headers[0] = type;
	headers[1] = (struct http_header){ "Authorization", target->authorization };
	job->http = (struct http_request){ .method = "POST", .url = target->settings->url, .headers = headers,
		.header_count = target->authorization ? 2 : 1, .body = (const char *)job->asked.data, .body_len = job->asked.len,
		.timeout_ms = target->settings->timeout_ms };
	/* In the open too: what comes back is signed, and what goes there is a digest. */
	start(target, on_stamp, TIMESTAMP_MAX, !target->authorization, NULL);
}

/* --- witnesses: C2SP tlog-witness ---------------------------------------------------------------------------- */

static void ask_witness(struct anchor_target *target);

/* With the key that it holds by, for those who do not have our configuration. */
static int keep_cosigned(const struct anchor_target *target, const struct slice *cosigned)
{
	const struct anchor_job *job = &target->job;
	CLEANUP(buf_clear) struct buf key = { 0 };
	struct slice line;
	int r;

	note_key_add(&key, &target->key);
	buf_add_char(&key, '\n');
	line = slice_of(&key);
	r = anchor_log_keep(job->log, job->size, &job->checkpoint, arena_printf(job->arena, "%s.vkey", target->settings->name), &line);
	return r < 0 ? r :
		       anchor_log_keep(job->log, job->size, &job->checkpoint, arena_printf(job->arena, "%s.cosigned", target->settings->name), cosigned);
}

static void on_witness(const struct wire_result *result, void *arg)
{
	struct anchor_target *target = arg;
	struct anchor_job *job = &target->job;
	const struct http_answer *answer = answered(target, result);
	CLEANUP(buf_clear) struct buf cosigned = { 0 };
	struct anchor_token_record record = { 0 };
	struct witness_reply reply;
	struct witness_answer said;
	const char *word;
	int r;

	if (!answer)
		return;
	said = (struct witness_answer){ answer->status, http_head_get(answer, "Content-Type", job->arena),
		{ (const uint8_t *)answer->body, answer->body_len } };
	buf_add(&cosigned, job->checkpoint.data, job->checkpoint.len);
	reply = witness_read(&said, &job->witness, job->size, &target->key, anchor_now(), ANCHOR_TOLERANCE_MS, &cosigned);
	word = reply.outcome == WITNESS_FAILED ? status_word(answer->status, job->arena) : witness_outcome_word(reply.outcome);
	if (reply.outcome == WITNESS_BEHIND && ++job->rounds < WITNESS_ROUNDS) {
		anchor_mark_of(target, job->log)->known = reply.size;
		ask_witness(target);
		return;
	}
	if (reply.outcome == WITNESS_AHEAD || reply.outcome == WITNESS_FORKED)
		anchor_note(target->anchors, LOG_CRIT | MSG(TRAIL_SET_BACK),
			"anchor: %s has seen %s of %.*s than is here: it was set back or written twice, and must not be gone on with",
			target->settings->name, reply.outcome == WITNESS_AHEAD ? "more" : "another tree", (int)job->origin.len,
			(const char *)job->origin.data);
	if (reply.outcome != WITNESS_COSIGNED) {
		anchor_job_failed(target, word, "no cosignature");
		return;
	}
	record.bytes = slice_of(&cosigned);
	r = anchor_mark_of(target, job->log)->size == job->size ? 0 : keep_cosigned(target, &record.bytes);
	if (r < 0) {
		anchor_job_failed(target, "disk", strerror(-r));
		return;
	}
	anchor_mark_of(target, job->log)->known = job->size;
	anchor_job_done(target, reply.at, &record);
}

static void ask_witness(struct anchor_target *target)
{
	static const struct http_header type = { "Content-Type", WITNESS_REQUEST_TYPE };
	struct anchor_job *job = &target->job;
	CLEANUP(buf_clear) struct buf body = { 0 };
	struct slice kept;
	int r;

	job->witness = (struct witness_request){ .old = anchor_mark_of(target, job->log)->known, .checkpoint = job->checkpoint };
	r = anchor_log_proof(job->log, job->size, job->witness.old, &job->witness.proof);
	if (r < 0 || witness_request_add(&body, &job->witness) < 0) {
		anchor_job_failed(target, "no_proof", r < 0 ? strerror(-r) : "too long");
		return;
	}
	kept = copy_of(job->arena, body.data, body.len);
	job->http = (struct http_request){ .method = "POST", .url = arena_printf(job->arena, "%s/add-checkpoint", target->settings->url),
		.headers = &type, .header_count = 1, .body = (const char *)kept.data, .body_len = kept.len,
		.timeout_ms = target->settings->timeout_ms };
	start(target, on_witness, 65536, false, NULL);
}

/* --- copies: what is locked and what never -------------------------------------------------------------------- */

enum stage { STAGE_TILES, STAGE_STAMPS, STAGE_CHECKPOINT, STAGE_MOVING, STAGE_END };

/* What of the full tile `n` of level 0 comes next: its entries, itself, and each tile above that it completes. False: no more. */
static bool tile_part(uint64_t n, unsigned part, struct merkle_tile *ret)
{
	unsigned level = part ? part - 1 : 0;

	*ret = (struct merkle_tile){ .level = part ? level : MERKLE_ENTRIES, .index = n >> (8 * level), .width = MERKLE_TILE_WIDTH };
	return level < 8 && ((n + 1) & ((UINT64_C(1) << (8 * level)) - 1)) == 0;
}

/* The next object's bytes and name. 1: there is one, 0: it was the last, -errno. */
static int next_object(struct anchor_target *target, const char **name, struct s3_object *ret)
{
	struct anchor_job *job = &target->job;
	struct anchor_mark *mark = anchor_mark_of(target, job->log);
	char path[MERKLE_PATH_SIZE];
	struct merkle_tile tile;

	buf_reset(&job->object);
	*ret = (struct s3_object){ .type = "application/octet-stream",
		.lock = target->settings->governance ? S3_GOVERNANCE : S3_COMPLIANCE,
		.retain_until = anchor_now() + target->settings->retain_ms };
	while (job->stage == STAGE_TILES) {
		if (mark->tiles >= job->size / MERKLE_TILE_WIDTH) {
			job->stage++;
		} else if (!tile_part(mark->tiles, job->part, &tile)) {
			mark->tiles++;
			job->part = 0;
		} else {
			*name = arena_strdup(job->object_arena, merkle_tile_path(&tile, path));
			return anchor_log_file(job->log, &tile, &job->object) < 0 ? -ENOENT : 1;
		}
	}
	if (job->stage == STAGE_STAMPS && mark->queue_count) { /* "300/tsa-1" */
		const char *file = arena_printf(job->object_arena, "%s/%s.tsr", job->log->dir, mark->queue[0]);
		char *key = arena_printf(job->object_arena, "anchors/%s.tsr", mark->queue[0]);

		*strchr(key + strlen("anchors/"), '/') = '.';
		*name = key;
		ret->type = "application/timestamp-reply";
		return file_read(file, TIMESTAMP_MAX, &job->object, NULL) < 0 ? -ENOENT : 1;
	}
	if (job->stage == STAGE_STAMPS)
		job->stage = job->size > mark->size ? STAGE_CHECKPOINT : STAGE_END;
	if (job->stage == STAGE_END)
		return 0;
	buf_add(&job->object, job->checkpoint.data, job->checkpoint.len);
	ret->type = "text/plain; charset=utf-8";
	*name = arena_printf(job->object_arena, job->stage == STAGE_CHECKPOINT ? "checkpoints/%llu" : "checkpoint", (unsigned long long)job->size);
	if (job->stage == STAGE_MOVING) {
		ret->moving = true;
		ret->lock = S3_NO_LOCK;
	}
	return 1;
}

static void copied_one(struct anchor_target *target)
{
	struct anchor_job *job = &target->job;

	if (job->stage == STAGE_TILES)
		job->part++;
	else if (job->stage == STAGE_STAMPS)
		anchor_unqueue(anchor_mark_of(target, job->log));
	else
		job->stage++;
	job->log->dirty |= job->stage == STAGE_TILES ? job->part == 1 : true;
}

static void copy_next(struct anchor_target *target);
static void copy_step(struct anchor_target *target);

static void on_copy(const struct wire_result *result, void *arg)
{
	static const struct http_answer none;
	struct anchor_target *target = arg;
	struct s3_upload *upload = &target->job.upload;
	enum s3_step step = s3_answer(upload, result->end == WIRE_ANSWERED ? &result->answer : &none);

	if (step < S3_COPIED) {
		copy_step(target);
	} else if (step == S3_COPIED) {
		copied_one(target);
		copy_next(target);
	} else {
		if (step == S3_CONFLICT || step == S3_UNLOCKED)
			anchor_note(target->anchors, LOG_CRIT | MSG(TRAIL_SET_BACK), step == S3_CONFLICT ? "anchor: %s: %s is there with other bytes: somebody else writes this log" :
				"anchor: %s: %s is there and not locked: see to the bucket's Object Lock", target->settings->name, upload->object.key);
		anchor_job_failed(target,
			step != S3_FAILED		? s3_step_word(step) :
			result->end == WIRE_ANSWERED ? status_word(result->answer.status, target->job.arena) :
							  result->reason,
			upload->object.key);
	}
}

static void copy_step(struct anchor_target *target)
{
	struct anchor_job *job = &target->job;

	s3_request(&job->upload, job->object_arena, &job->http);
	start(target, on_copy, s3_answer_max(&job->upload), false, &target->signer);
}

static void copy_next(struct anchor_target *target)
{
	struct anchor_job *job = &target->job;
	struct anchor_token_record record = { 0 };
	struct s3_object object;
	const char *name = "";
	int r;

	if (job->object_arena)
		arena_clear(job->object_arena);
	else
		job->object_arena = arena_create();
	r = next_object(target, &name, &object);
	if (r < 0) {
		anchor_job_failed(target, "no_file", name);
		return;
	}
	if (r == 0) {
		anchor_job_done(target, anchor_now(), job->size > anchor_mark_of(target, job->log)->size ? &record : NULL);
		return;
	}
	object.key = arena_printf(job->object_arena, "%.*s/%s", (int)job->origin.len, (const char *)job->origin.data, name);
	object.bytes = slice_of(&job->object);
	s3_begin(&job->upload, &target->store, &object);
	copy_step(target);
}

/*
 * What the store has last: a log that was set back to an older backup has a smaller one than that, and must neither overwrite it nor go on.
 */
static void on_newest(const struct wire_result *result, void *arg)
{
	struct anchor_target *target = arg;
	struct anchor_job *job = &target->job;
	const struct http_answer *answer = answered(target, result);
	struct checkpoint head;
	struct note note;

	if (!answer)
		return;
	if (answer->status == 200) {
		if (note_parse(answer->body, answer->body_len, &note) < 0 || checkpoint_parse(note.text.data, note.text.len, &head) < 0) {
			anchor_job_failed(target, "conflict", "checkpoint");
			return;
		}
		if (head.size > job->size) {
			anchor_note(target->anchors, LOG_CRIT | MSG(TRAIL_SET_BACK),
				"anchor: %s has a checkpoint of %llu leaves of %.*s, and here are %llu: the log was set back, and must not be gone on with",
				target->settings->name, (unsigned long long)head.size, (int)job->origin.len, (const char *)job->origin.data,
				(unsigned long long)job->size);
			anchor_job_failed(target, "ahead", "checkpoint");
			return;
		}
	} else if (answer->status != 404) {
		anchor_job_failed(target, answer->status == 401 || answer->status == 403 ? "refused" : status_word(answer->status, job->arena),
			"checkpoint");
		return;
	}
	if (job->size)
		copy_next(target);
	else
		anchor_job_nothing(target);
}

static void ask_store(struct anchor_target *target)
{
	struct anchor_job *job = &target->job;

	s3_get_request(&target->store, arena_printf(job->arena, "%.*s/checkpoint", (int)job->origin.len, (const char *)job->origin.data), job->arena,
		&job->http);
	start(target, on_newest, NOTE_MAX, false, &target->signer);
}

/* ---------------------------------------------------------------------------------------------------------------- */

void anchor_ask(struct anchor_target *target, struct anchor_log *log, int64_t now)
{
	static void (*const asks[])(struct anchor_target *) = {
		[ANCHOR_TIMESTAMP] = ask_stamp, [ANCHOR_WITNESS] = ask_witness, [ANCHOR_S3] = ask_store
	};
	struct anchor_job *job = &target->job;

	job->arena = arena_create();
	job->log = log;
	job->size = log->head.size;
	job->checkpoint = copy_of(job->arena, log->text.data, log->text.len);
	if (log->head.size) {
		job->origin = copy_of(job->arena, log->head.origin.data, log->head.origin.len);
	} else { /* a store is asked whether it has what was lost here */
		const char *origin = arena_printf(job->arena, "%s/%u", anchor_origin(target->anchors), log->year);

		job->origin = (struct slice){ (const uint8_t *)origin, strlen(origin) };
	}
	job->asked_at = now;
	asks[target->settings->kind](target);
}
