/* Between signer, anchors and the rest of the daemon: what of theirs is recorded, and what the status says of it. */
#include <stdio.h>
#include <string.h>

#include "common/utc.h"
#include "daemon/instance_internal.h"

static void note(int priority, const char *line, void *arg)
{
	struct instance *in = arg;
	const char *text = strncmp(line, "anchor: ", 8) == 0 ? line + 8 : line;

	log_line(in->log, priority, "anchor", "%s", text);
}

/* The partition whose group will hold it: one that is ours; NULL: none is yet. */
static struct dunner *running(const struct instance *in)
{
	for (size_t i = 0; i < in->partition_count; i++) {
		struct dunner_status status;

		dunner_status(in->partitions[i].dunner, &status);
		if (status.state == DUNNER_RUNNING || status.state == DUNNER_DRAINING)
			return in->partitions[i].dunner;
	}
	return NULL;
}

static void add_text(struct dunner_record *record, const char *key, const char *text)
{
	if (!text)
		return;
	record->members[record->count].key = key;
	record->members[record->count++].text = text;
}

static void add_number(struct dunner_record *record, const char *key, int64_t number)
{
	record->members[record->count].key = key;
	record->members[record->count++].number = number;
}

static void on_recorded(const struct dunner_record *record, void *arg)
{
	struct instance *in = arg;
	const char *origin = "", *name = "";
	uint64_t size = 0;

	for (size_t i = 0; i < record->count; i++) {
		if (strcmp(record->members[i].key, "log") == 0)
			origin = record->members[i].text;
		else if (strcmp(record->members[i].key, "name") == 0)
			name = record->members[i].text;
		else if (strcmp(record->members[i].key, "size") == 0)
			size = (uint64_t)record->members[i].number;
	}
	anchors_recorded(in->anchors, origin, name, size);
}

static void on_record(const struct anchor_token_record *token, void *arg)
{
	struct dunner_record record = { .kind = "anchor.token", .done = on_recorded, .arg = arg, .part = token->part, .media_type = token->media_type,
		.bytes = token->bytes.data, .len = token->bytes.len };

	add_text(&record, "anchor", anchor_kind_names[token->kind]);
	add_text(&record, "name", token->name);
	add_text(&record, "log", token->origin);
	add_number(&record, "size", (int64_t)token->size);
	add_number(&record, "at", token->at);
	add_text(&record, "serial", token->serial);
	add_text(&record, "authority", token->authority);
	dunner_record(instance_recorder(arg), &record);
}

void instance_record_mended(struct instance *in)
{
	struct dunner *dunner = in->signer ? running(in) : NULL;
	struct signer_mended mended;

	while (dunner && signer_mended(in->signer, &mended)) {
		struct dunner_record record = { .kind = "log.mended" };
		char origin[NOTE_NAME_MAX + 8];

		(void)snprintf(origin, sizeof(origin), "%s/%04u", in->generation.origin, (unsigned)mended.year);
		add_text(&record, "log", origin);
		add_number(&record, "size", (int64_t)mended.size);
		add_number(&record, "missing", (int64_t)mended.missing);
		add_number(&record, "other_bytes", (int64_t)mended.other);
		dunner_record(dunner, &record);
	}
}

static void on_erased(const struct anchor_erased_record *erased, void *arg)
{
	struct dunner_record record = { .kind = "erasure.copies" };

	add_text(&record, "name", erased->name);
	add_number(&record, "year", erased->year);
	add_number(&record, "shard", erased->shard);
	add_number(&record, "keys", erased->keys);
	add_number(&record, "versions", erased->versions);
	dunner_record(instance_recorder(arg), &record);
}

void instance_rotation(struct instance *in)
{
	const struct log_key *key = &in->setup.log_key;
	CLEANUP(buf_clear) struct buf old = { 0 };
	CLEANUP(buf_clear) struct buf next = { 0 };
	struct dunner_record record = { .kind = "key.rotated" };
	struct dunner_status status;
	struct signer_status signed_;

	if (in->rotation_told || !in->signer || !key->rotating)
		return;
	dunner_status(in->partitions[0].dunner, &status);
	if (status.state != DUNNER_RUNNING)
		return;
	in->rotation_told = true;
	signer_status(in->signer, &signed_);
	note_key_add(&old, &key->verifier);
	note_key_add(&next, &key->next);
	add_text(&record, "old", buf_str(&old));
	add_text(&record, "new", buf_str(&next));
	add_number(&record, "log_year", signed_.year);
	add_number(&record, "from_size", (int64_t)signed_.size);
	log_line(in->log, LOG_NOTICE, "dunningd", "every checkpoint is signed by two keys, until the credential " LOG_KEY_NEXT_CREDENTIAL
		" takes the place of " LOG_KEY_CREDENTIAL);
	dunner_record(in->partitions[0].dunner, &record);
}

void instance_anchors_hold(struct instance *in)
{
	struct anchors_status status = { .looked = true };
	bool held;

	if (!in->signer)
		return;
	if (in->anchors)
		anchors_status(in->anchors, &status);
	held = status.held || in->rolled_back;
	signer_hold(in->signer, !status.looked || held);
	if (held && !in->held)
		log_line(in->log, LOG_CRIT | MSG(TRAIL_SET_BACK), "anchor", "nothing is sent or signed any more: this log was set back, or is written elsewhere too, and a second "
			"tree of the same size can never be taken back. Find out which; then stop, run `dunningctl trail seal --yes --why ...` and start again");
	if (status.held && !status.ahead && !status.set_back && status.looked && !in->agree_told)
		log_line(in->log, LOG_NOTICE, "anchor", "all outside agree with this log now. If what was said otherwise was an error of theirs, "
			"`dunningctl trail anchor --agreed WHY` lets it go on");
	for (size_t i = 0; i < in->partition_count && held != in->held; i++)
		if (in->partitions[i].dunner)
			dunner_trail_set_back(in->partitions[i].dunner, held);
	in->agree_told = status.held && !status.ahead && !status.set_back && status.looked;
	in->held = held;
}

int instance_anchors_agreed(struct instance *in, const char *who, const char *why, struct err *err)
{
	struct dunner_record record = { .kind = "operator.command", .who = who };
	int r;

	if (!in->anchors)
		return err_set(err, -ENOENT, "no_anchors", "", "no anchor is configured: see trail.anchors");
	r = anchors_agreed(in->anchors, err);
	if (r < 0)
		return r;
	add_text(&record, "command", "trail_agreed");
	add_text(&record, "who", who);
	add_text(&record, "why", why);
	dunner_record(instance_recorder(in), &record);
	log_line(in->log, LOG_NOTICE, "anchor", "goes on, as an operator says");
	instance_anchors_hold(in);
	return 0;
}

int instance_anchors(struct instance *in, struct err *err)
{
	int r;

	struct anchor_run run = { .state_dir = in->config->state_dir, .origin = in->generation.origin, .keys_origin = in->config->origin,
		.lock_months = retention_shortest(in->library->retention), .config = in->config, .ca_file = in->config->http_ca_file,
		.secret = setup_secret, .secret_arg = &in->setup, .record = on_record, .erased = on_erased, .note = note, .arg = in };

	r = anchors_create(in->base, &run, &in->anchors, err);
	instance_anchors_hold(in);
	return r;
}

static void write_time(struct json_writer *w, const char *key, int64_t at)
{
	char text[UTC_TEXT_SIZE];

	if (at)
		jw_str(w, key, utc_format(at, text));
	else
		jw_null(w, key);
}

/* Largest size that one of the kind vouches for; 0 = none. */
static uint64_t reached(const struct anchors_status *status, enum anchor_kind kind)
{
	uint64_t size = 0;

	for (size_t i = 0; i < status->count; i++)
		if (status->anchors[i].kind == kind && status->anchors[i].size > size)
			size = status->anchors[i].size;
	return size;
}

static void write_copies(struct json_writer *w, const struct anchor_copies_status *copies)
{
	jw_object(w, "copies");
	jw_int(w, "segments", (int64_t)copies->segments);
	jw_int(w, "segments_copied", (int64_t)copies->segments_copied);
	jw_int(w, "bytes_waiting", (int64_t)copies->bytes_waiting);
	if (copies->keys) {
		jw_int(w, "shards", (int64_t)copies->shards);
		jw_int(w, "shards_copied", (int64_t)copies->shards_copied);
	} else {
		jw_null(w, "shards");
		jw_null(w, "shards_copied");
	}
	jw_bool(w, "erasing", copies->erasing);
	jw_int(w, "age_ms", copies->age_ms);
	jw_int(w, "failures", copies->failures);
	if (copies->word[0])
		jw_str(w, "failed", copies->word);
	else
		jw_null(w, "failed");
	jw_bool(w, "alarm", copies->alarm);
	jw_end_object(w);
}

static void write_anchor(struct json_writer *w, const struct anchor_status *anchor)
{
	static const char *const never[] = { [ANCHOR_TIMESTAMP] = "not anchored", [ANCHOR_WITNESS] = "not witnessed", [ANCHOR_S3] = "not copied" };
	static const char *const once[] = { [ANCHOR_TIMESTAMP] = "anchored", [ANCHOR_WITNESS] = "witnessed", [ANCHOR_S3] = "copied" };

	jw_object(w, NULL);
	jw_str(w, "name", anchor->name);
	jw_str(w, "kind", anchor_kind_names[anchor->kind]);
	jw_str(w, "state", anchor->size ? once[anchor->kind] : never[anchor->kind]);
	jw_int(w, "size", (int64_t)anchor->size);
	write_time(w, "at", anchor->at);
	jw_int(w, "age_ms", anchor->age_ms);
	jw_int(w, "failures", anchor->failures);
	if (anchor->word[0])
		jw_str(w, "failed", anchor->word);
	else
		jw_null(w, "failed");
	jw_bool(w, "alarm", anchor->alarm);
	if (anchor->copies.there)
		write_copies(w, &anchor->copies);
	jw_end_object(w);
}

void instance_status_anchors(const struct instance *in, struct json_writer *w)
{
	struct anchors_status status;
	bool alarm;

	anchors_status(in->anchors, &status);
	alarm = status.set_back;
	for (size_t i = 0; i < status.count; i++)
		alarm |= status.anchors[i].alarm || status.anchors[i].copies.alarm;
	jw_object(w, "anchors");
	if (status.origin[0])
		jw_str(w, "log", status.origin);
	else
		jw_null(w, "log");
	jw_int(w, "size", (int64_t)status.size);
	jw_int(w, "anchored", (int64_t)reached(&status, ANCHOR_TIMESTAMP));
	jw_int(w, "witnessed", (int64_t)reached(&status, ANCHOR_WITNESS));
	jw_int(w, "copied", (int64_t)reached(&status, ANCHOR_S3));
	jw_bool(w, "set_back", status.set_back || status.ahead);
	jw_bool(w, "alarm", alarm);
	jw_array(w, "each");
	for (size_t i = 0; i < status.count; i++)
		write_anchor(w, &status.anchors[i]);
	jw_end_array(w);
	jw_end_object(w);
}
