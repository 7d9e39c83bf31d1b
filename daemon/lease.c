/*
 * Owning the partition: one writer at a time. A lease that is lost ends this dunner: whoever runs it makes a new one, which waits for its turn.
 * While it is not wanted here, it is only looked whose it is.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "daemon/flow.h"

static void ask(struct dunner *d);

/* Counted from when it was asked: an answer that lay while the process was stopped says nothing of now, and is asked for again at once. */
static int64_t renew_in(const struct dunner *d)
{
	int64_t in = d->lease_until - LEASE_TTL_MS + LEASE_RENEW_MS - flow_mono(d);

	return in > 0 ? in : 0;
}

/* Our journal does not show it, as we wrote nothing since; nor may anybody go on there who heard less than we did. */
static void refuse_older(struct dunner *d)
{
	dunner_refuse(d, "Redis went back to epoch %llu of partition %u, and another instance led it under epoch %llu: nothing is sent; empty nothing, stop the "
		"others first, and do as dunningd-operations(7) says under SEVERAL INSTANCES (`dunningctl instances rebuild`)",
		(unsigned long long)d->owner_epoch, d->settings.partition, (unsigned long long)d->callbacks.heard(d->callbacks.arg));
}

static void on_lease(int r, bool granted, uint64_t epoch, int64_t until_mono, const char *owner, void *arg)
{
	struct dunner *d = arg;

	d->lease_asked = false;
	if (d->state == DUNNER_STOPPED || d->releasing || (d->state == DUNNER_REFUSED && !d->guards))
		return;
	if (r < 0) { /* unknown: may_start and the commit's epoch guard us until we know */
		d->ports.clock->timer_in(d->ports.clock->self, d->lease_timer, 500);
		return;
	}
	if (granted && (!d->epoch || epoch == d->epoch)) {
		bool first = !d->epoch;

		d->epoch = epoch;
		d->lease_until = until_mono;
		sender_gate(d);
		superseded_tell(d);
		d->ports.clock->timer_in(d->ports.clock->self, d->lease_timer, renew_in(d));
		if (first && d->guards) {
			refuse_older(d);
		} else if (first) {
			dunner_log(d, LOG_INFO, "lease: partition %u is ours, epoch %llu", d->settings.partition,
				(unsigned long long)epoch);
			dunner_set_state(d, DUNNER_STARTING);
			recover_start(d, false);
		}
		return;
	}
	if (d->epoch) {
		dunner_fail(d, -ESTALE, 75, "the lease of partition %u was lost%s%s", d->settings.partition,
			granted ? "" : " to ", granted ? ", epoch changed" : owner);
		return;
	}
	d->owner_epoch = epoch;
	d->is_free = !*owner || strcmp(owner, d->config->instance) == 0; /* ours may be an earlier process's */
	if (d->is_free && d->looks_first) {
		d->ports.clock->timer_in(d->ports.clock->self, d->lease_timer, 0);
		return;
	}
	if (*owner && (d->state != DUNNER_PASSIVE || strcmp(d->owner, owner) != 0))
		dunner_log(d, LOG_INFO, "lease: partition %u belongs to %s%s: passive", d->settings.partition, owner,
			strcmp(owner, d->config->instance) == 0 ? ", and not to an earlier process of this home" : "");
	snprintf(d->owner, sizeof(d->owner), "%s", owner);
	if (*owner)
		d->unled_since = 0;
	else if (!d->unled_since)
		d->unled_since = flow_mono(d);
	dunner_set_state(d, DUNNER_PASSIVE);
	if (*owner)
		superseded_ask(d);
	d->ports.clock->timer_in(d->ports.clock->self, d->lease_timer, d->unwanted ? LEASE_LOOK_MS : LEASE_ASK_MS);
}

/* Of others, where our journal has nothing as new. After a sealing it is gone on from where Redis is, by a person's word. */
static uint64_t heard_of_others(const struct dunner *d, bool has_last, uint64_t last_epoch)
{
	uint64_t heard = d->callbacks.heard && (has_last || !d->settings.sealed) ? d->callbacks.heard(d->callbacks.arg) : 0;

	return heard > last_epoch ? heard : 0;
}

static void ask(struct dunner *d)
{
	struct group_header last;
	uint64_t at_least = d->epoch, held = d->epoch, heard;
	bool takes = d->epoch || !d->unwanted, has_last;

	if (d->lease_asked || d->releasing)
		return;
	d->lease_asked = true;
	d->looks_first = false;
	if (!d->epoch) {
		has_last = d->ports.journal->last(d->ports.journal->self, d->settings.partition, &last) == 0;
		at_least = has_last ? last.epoch : 0;
		heard = heard_of_others(d, has_last, at_least);
		d->looks_first = takes && heard && !d->is_free;
		d->guards = takes && heard && d->is_free && d->owner_epoch < heard;
		takes = takes && !d->looks_first;
		if (d->guards) /* as one that has it already: what Redis shows must be there at the next start as well */
			held = d->owner_epoch ? d->owner_epoch : 1;
		d->is_free = false;
	}
	d->lease_takes = takes;
	d->ports.store->lease(d->ports.store->self, d->config->instance, takes ? LEASE_TTL_MS : 0, at_least, held, on_lease, d);
}

static void on_timer(void *arg)
{
	struct dunner *d = arg;

	if (d->failed || d->state == DUNNER_STOPPED || (d->state == DUNNER_REFUSED && !d->guards))
		return;
	ask(d);
}

void dunner_want(struct dunner *d, bool wanted)
{
	bool now = wanted && d->unwanted;

	d->unwanted = !wanted;
	if (now && d->lease_timer && !d->epoch && !d->failed && d->state == DUNNER_PASSIVE)
		ask(d);
}

void lease_start(struct dunner *d)
{
	d->lease_timer = d->ports.clock->timer_create(d->ports.clock->self, on_timer, d);
	ask(d);
}

/* At once: the store went back, and lost it. */
void lease_renew(struct dunner *d)
{
	ask(d);
}

void lease_stop(struct dunner *d)
{
	d->ports.clock->timer_stop(d->ports.clock->self, d->lease_timer);
}
