/* Between the anchors and the rest of the daemon: their records, and what the status says of them. */
#include <string.h>

#include "common/utc.h"
#include "daemon/instance_internal.h"

static void note(int priority, const char *line, void *arg)
{
	struct instance *in = arg;
	const char *text = strncmp(line, "anchor: ", 8) == 0 ? line + 8 : line;

	log_line(in->log, priority, "anchor", "%s", text);
}

/* The partition whose group will hold it: one that is ours, else the first, where it waits. */
static struct dunner *recorder(const struct instance *in)
{
	for (size_t i = 0; i < in->partition_count; i++) {
		struct dunner_status status;

		dunner_status(in->partitions[i].dunner, &status);
		if (status.state == DUNNER_RUNNING || status.state == DUNNER_DRAINING)
			return in->partitions[i].dunner;
	}
	return in->partitions[0].dunner;
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

static void on_record(const struct anchor_token_record *token, void *arg)
{
	struct dunner_record record = { .kind = "anchor.token", .part = token->part, .media_type = token->media_type,
		.bytes = token->bytes.data, .len = token->bytes.len };

	add_text(&record, "anchor", anchor_kind_names[token->kind]);
	add_text(&record, "name", token->name);
	add_text(&record, "log", token->origin);
	add_number(&record, "size", (int64_t)token->size);
	add_number(&record, "at", token->at);
	add_text(&record, "serial", token->serial);
	add_text(&record, "authority", token->authority);
	dunner_record(recorder(arg), &record);
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
	struct anchors_status status;

	if (!in->anchors || !in->signer)
		return;
	anchors_status(in->anchors, &status);
	signer_hold(in->signer, !status.looked || status.ahead || status.set_back);
	if ((status.ahead || status.set_back) && !in->ahead_told) {
		log_line(in->log, LOG_CRIT, "anchor", "nothing is sent or signed any more: this log was set back, or is written elsewhere too, and a second "
			"tree of the same size can never be taken back. Find out which; then stop, run `dunningctl trail seal --yes --why ...` and start again");
		for (size_t i = 0; i < in->partition_count; i++)
			if (in->partitions[i].dunner)
				dunner_trail_set_back(in->partitions[i].dunner);
	}
	in->ahead_told = status.ahead || status.set_back;
}

int instance_anchors(struct instance *in, struct err *err)
{
	int r;

	struct anchor_run run = { .state_dir = in->config->state_dir, .config = in->config, .ca_file = in->config->http_ca_file,
		.secret = setup_secret, .secret_arg = &in->setup, .record = on_record, .note = note, .arg = in };

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
	jw_end_object(w);
}

void instance_status_anchors(const struct instance *in, struct json_writer *w)
{
	struct anchors_status status;
	bool alarm;

	anchors_status(in->anchors, &status);
	alarm = status.set_back;
	for (size_t i = 0; i < status.count; i++)
		alarm |= status.anchors[i].alarm;
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
