/* What happens outside the flow, on its way into the trail: who opened records, and who was given some. */
#include <errno.h>

#include "daemon/instance_internal.h"

/* NULL: none is ours now, and what is given to one may wait for ever. */
static struct dunner *ours(const struct instance *in)
{
	for (size_t i = 0; i < in->partition_count; i++) {
		struct dunner_status status;

		dunner_status(in->partitions[i].dunner, &status);
		if (status.state == DUNNER_RUNNING || status.state == DUNNER_DRAINING)
			return in->partitions[i].dunner;
	}
	return NULL;
}

/* One that is ours, else the first, where it waits. */
struct dunner *instance_recorder(const struct instance *in)
{
	struct dunner *dunner = ours(in);

	return dunner ? dunner : in->partitions[0].dunner;
}

static void add_text(struct dunner_record *record, const char *key, const char *text)
{
	if (!text)
		return;
	record->members[record->count].key = key;
	record->members[record->count++].text = text;
}

static void add_uid(struct dunner_record *record, int64_t uid)
{
	if (uid < 0)
		return;
	record->members[record->count].key = "uid";
	record->members[record->count++].number = uid;
}

static int may_record(const struct instance *in, struct err *err)
{
	if (in->stopping || !in->started)
		return err_set(err, -EAGAIN, "not_now", "", "the daemon is %s, and records nothing", in->stopping ? "stopping" : "starting");
	return ours(in) ? 0 : err_set(err, -EAGAIN, "not_now", "", "the daemon leads no partition now, and records nothing: ask the instance that does");
}

/* In the system case: in the debtor's own each bundle would make the next one another. */
int instance_reading(const struct control_reading *reading, struct err *err, void *arg)
{
	struct instance *in = arg;
	struct dunner_record record = { .kind = reading->exported ? "export.made" : "read.made", .who = reading->who };

	if (may_record(in, err) < 0)
		return -EAGAIN;
	add_text(&record, "debtor", reading->customer);
	add_text(&record, "invoice", reading->invoice);
	add_text(&record, "command", reading->command);
	add_text(&record, "for", reading->whom);
	add_text(&record, "records", reading->records);
	add_text(&record, "manifest_sha256", reading->digest);
	add_text(&record, "reach", reading->exported ? "what was handed out is beyond any erasure" : NULL);
	add_uid(&record, reading->uid);
	dunner_record(instance_recorder(in), &record);
	return 0;
}

/* By its id, which opens nothing. */
int instance_record_link(struct instance *in, const struct control_link *link, const char *link_id, struct err *err)
{
	struct dunner_record record = { .kind = "link.made", .who = link->who };

	if (may_record(in, err) < 0)
		return -EAGAIN;
	add_text(&record, "invoice", link->invoice);
	add_text(&record, "link", link_id);
	add_uid(&record, link->uid);
	dunner_record(instance_recorder(in), &record);
	return 0;
}
