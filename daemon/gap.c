/* Streams of which entries may be missing, and what is said of them until a person says that they were sent again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/utc.h"
#include "daemon/flow.h"

void decide_gaps_told(struct dunner *d, const struct debtor *system)
{
	size_t len = 0;

	d->gap[0] = '\0';
	for (size_t i = 0; i < system->gap_count && len < sizeof(d->gap); i++) {
		const char *stream = system->gaps[i], *id = strchr(stream, ' ');
		char when[UTC_TEXT_SIZE];

		if (!id)
			continue;
		utc_format((int64_t)strtoull(id + 1, NULL, 10), when);
		len += (size_t)snprintf(d->gap + len, sizeof(d->gap) - len,
			"%sentries of %.*s may be missing: the last one read was %.*s (%s); push what came since again, then `dunningctl gap closed`",
			len ? "; " : "", (int)(id - stream), stream, (int)strcspn(id + 1, " "), id + 1, when);
	}
}

/* Of two gaps of a stream the older one stands: what came after it is to be sent again. */
void decide_gap(struct dunner *d, struct group *g, const struct input *input)
{
	struct doc *system = group_case(d, g, NULL);
	size_t stream = strcspn(input->gap, " ") + 1;
	struct draft *draft;

	for (size_t i = 0; i < system->d->gap_count; i++)
		if (strncmp(system->d->gaps[i], input->gap, stream) == 0)
			return;
	system->d->gaps = arena_grow(g->arena, system->d->gaps, system->d->gap_count, &system->d->gap_capacity,
		sizeof(*system->d->gaps));
	system->d->gaps[system->d->gap_count++] = arena_printf(g->arena, "%s %lld", input->gap, (long long)flow_now(d));
	system->touched = true;
	decide_gaps_told(d, system->d);
	draft = effects_record(&g->fx, "stream.gap", NULL);
	jw_str(&draft->w, "last_read", input->gap);
}

/* What came since was sent again. A word older than the gap, read once more, says nothing about it. */
void decide_gap_closed(struct dunner *d, struct doc *doc, int64_t told)
{
	struct debtor *system = doc->d;
	size_t kept = 0;

	for (size_t i = 0; i < system->gap_count; i++) {
		const char *since = strrchr(system->gaps[i], ' ');

		if (since && strtoll(since + 1, NULL, 10) > told)
			system->gaps[kept++] = system->gaps[i];
	}
	system->gap_count = kept;
	decide_gaps_told(d, system);
	doc->touched = true;
}
