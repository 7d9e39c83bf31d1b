/*
 * The turn of the year: which log a group goes to. A log ends with the first group that was decided in a later year, whose last record is
 * log.sealed; the log behind it begins by naming what the one before ended with. All of it follows from the journal alone, so a crash at
 * any point leaves nothing to be told apart: either the sealing group is there whole, or the next group seals.
 */
#include <errno.h>

#include "common/utc.h"
#include "daemon/flow.h"

/* Never back, whatever the clock does: a log that was left gets no record any more. */
static uint16_t year_of(const struct journal_log *last, int64_t now)
{
	uint16_t year = utc_year(now);

	if (!last->year)
		return year;
	if (!last->ended)
		return last->year;
	return year > last->year ? year : last->year + 1;
}

int log_turn(struct dunner *d, int64_t now, struct log_turn *ret)
{
	const struct journal_port *port = d->ports.journal;
	struct journal_log last = port->log(port->self);
	int r;

	*ret = (struct log_turn){ .year = year_of(&last, now) };
	ret->ends = utc_year(now) > ret->year;
	if (port->next_index(port->self, ret->year) > 0)
		return 0;
	ret->before = last.ended ? last.year : last.before;
	if (!ret->before)
		return 0;
	ret->size = port->next_index(port->self, ret->before);
	if (!d->callbacks.log_root || (d->trail_set_back && d->stopping)) /* nothing is signed any more, and the end must not wait for it */
		return 0;
	r = d->callbacks.log_root(ret->before, ret->size, ret->root, d->callbacks.arg);
	ret->rooted = r == 0;
	return r == -EAGAIN ? r : 0;
}

bool log_turn_stands(const struct dunner *d, const struct group_header *head)
{
	const struct journal_port *port = d->ports.journal;
	struct journal_log last = port->log(port->self);

	return year_of(&last, head->decided_at) == head->year && port->next_index(port->self, head->year) == head->first_index;
}

struct draft *log_turn_begun(struct dunner *d, struct effects *fx, const struct log_turn *turn)
{
	const struct journal_port *port = d->ports.journal;
	struct draft *draft = effects_record(fx, "log.begun", NULL);
	char hex[2 * SHA256_SIZE + 1];

	jw_object(&draft->w, "before");
	jw_str(&draft->w, "origin", port->origin(port->self, turn->before));
	jw_int(&draft->w, "size", (int64_t)turn->size);
	if (turn->rooted)
		jw_str(&draft->w, "root", hex_format(turn->root, SHA256_SIZE, hex));
	jw_end_object(&draft->w);
	return draft;
}

struct draft *log_turn_sealed(struct dunner *d, struct effects *fx, const struct log_turn *turn)
{
	const struct journal_port *port = d->ports.journal;
	struct draft *draft = effects_record(fx, "log.sealed", NULL);

	jw_str(&draft->w, "origin", port->origin(port->self, turn->year));
	jw_str(&draft->w, "why", "year_ended");
	return draft;
}

void dunner_log_signed(struct dunner *d)
{
	if (d->root_awaited && d->group && d->group->retry && d->group->loaded && !d->failed)
		commit_again(d);
}
