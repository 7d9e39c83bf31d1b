/* Which invoices have a message that could not be made: when the files are read anew, they are looked at at once. */
#include "daemon/flow.h"

#define UNMADE_KEPT 10000

/* Of more, each is tried within its day. */
void decide_unmade(struct dunner *d, const char *invoice)
{
	if (!d->unmade_arena)
		d->unmade_arena = arena_create();
	if (d->unmade_count == UNMADE_KEPT)
		return;
	d->unmade = arena_grow(d->unmade_arena, d->unmade, d->unmade_count, &d->unmade_capacity, sizeof(*d->unmade));
	d->unmade[d->unmade_count++] = arena_strdup(d->unmade_arena, invoice);
}

void decide_forget_unmade(struct dunner *d)
{
	if (d->unmade_arena)
		arena_free(d->unmade_arena);
	d->unmade_arena = NULL;
	d->unmade = NULL;
	d->unmade_count = d->unmade_capacity = 0;
}

void decide_look_at_unmade(struct dunner *d, struct group *g)
{
	for (size_t i = 0; i < d->unmade_count; i++) {
		g->hints = arena_grow(g->arena, g->hints, g->hint_count, &g->hint_capacity, sizeof(*g->hints));
		g->hints[g->hint_count++] = arena_strdup(g->arena, d->unmade[i]);
	}
	decide_forget_unmade(d);
}
