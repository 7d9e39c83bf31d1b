/* Whether the daemon gets on, and whether it does its work: for the watchdog, for GET /healthz and for GET /readyz. Ids and words only. */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "daemon/instance_internal.h"

#define HEALTH_MS 30000 /* without a watchdog: as the shipped unit has it */

static int64_t mono_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* as the watchdog counts: a computer that slept has not been slow */
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool instance_waits(const struct partition *p, const struct dunner_status *status)
{
	return p->ended || !p->connected || (status->state != DUNNER_RUNNING && status->state != DUNNER_DRAINING) ||
		(status->holding && strcmp(status->holding, "no_space") == 0) ||
		(status->holding && strcmp(status->holding, "store_refuses") == 0);
}

void instance_progress(struct instance *in)
{
	int64_t now = mono_ms();

	for (size_t i = 0; i < in->partition_count; i++) {
		struct partition *p = &in->partitions[i];
		struct dunner_status status;

		dunner_status(p->dunner, &status);
		if (!in->started || !p->progress_at || instance_waits(p, &status) || status.turns != p->seen_turns)
			p->progress_at = now;
		p->seen_turns = status.turns;
	}
}

bool instance_healthy(struct buf *ret, void *arg)
{
	const struct instance *in = arg;
	int64_t now = mono_ms(), limit = 3 * service_watchdog_ms(in->service);
	bool healthy = true;

	for (size_t i = 0; i < in->partition_count; i++) {
		const struct partition *p = &in->partitions[i];

		if (!p->progress_at || now - p->progress_at <= (limit ? limit : HEALTH_MS))
			continue;
		healthy = false;
		buf_printf(ret, "partition %u: no progress for %" PRId64 " s\n", p->number, (now - p->progress_at) / 1000);
	}
	return healthy;
}

static const char *unready(const struct instance *in, const struct partition *p, const struct dunner_status *status)
{
	if (!p->connected)
		return "Redis is away";
	if (!in->started)
		return "Redis is being looked at";
	if (p->ended)
		return "it was lost to another instance, or given away, and begins anew";
	switch (status->state) {
	case DUNNER_RUNNING:
		return status->holding;
	case DUNNER_STARTING:
		return "starting: no lease yet, or redoing what the journal has";
	case DUNNER_PASSIVE: /* shared: each leads some of them; with one partition it stands by */
		if (!*status->owner)
			return "no instance leads it";
		return in->partition_count > 1 ? NULL : "another instance leads it";
	case DUNNER_DRAINING:
		return "reading what stood in the streams";
	case DUNNER_REFUSED:
		return "needs a person: dunningctl status says why";
	case DUNNER_STOPPING:
	case DUNNER_STOPPED:
		break;
	}
	return "stopping";
}

bool instance_able(struct buf *ret, void *arg)
{
	const struct instance *in = arg;
	bool able = true;

	if (in->stopping) {
		buf_add_str(ret, "stopping\n");
		return false;
	}
	if (journal_broken(in->journal)) {
		buf_add_str(ret, "the journal cannot be written\n");
		return false;
	}
	for (size_t i = 0; i < in->partition_count; i++) {
		const struct partition *p = &in->partitions[i];
		struct dunner_status status;
		const char *why;

		dunner_status(p->dunner, &status);
		why = unready(in, p, &status);
		if (!why)
			continue;
		able = false;
		buf_printf(ret, "partition %u: %s%s\n", p->number, p->connected && in->started && status.state == DUNNER_RUNNING ? "sending is held: " : "", why);
	}
	return able;
}
