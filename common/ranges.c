#include "common/ranges.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

static void close_run(struct ranges *r)
{
	if (!r->open)
		return;
	if (r->text.len > RANGES_MAX) {
		r->unnamed += r->open;
	} else {
		char before = r->text.len ? r->text.data[r->text.len - 1] : ' ';

		buf_printf(&r->text, "%s%" PRIu64, before == ' ' ? "" : ",", r->first);
		if (r->last > r->first)
			buf_printf(&r->text, "-%" PRIu64, r->last);
	}
	r->open = 0;
}

void ranges_add(struct ranges *r, const char *origin, uint64_t index)
{
	bool same = r->origin && strcmp(r->origin, origin) == 0;

	if (!same || !r->open || index != r->last + 1) {
		close_run(r);
		r->first = index;
	}
	if (!same) {
		free(r->origin);
		r->origin = xstrdup(origin);
		if (r->text.len <= RANGES_MAX)
			buf_printf(&r->text, "%s%s ", r->text.len ? "; " : "", origin);
	}
	r->last = index;
	r->open++;
}

const char *ranges_text(struct ranges *r)
{
	close_run(r);
	if (r->unnamed)
		buf_printf(&r->text, "; and %zu more", r->unnamed);
	r->unnamed = 0;
	return buf_str(&r->text);
}

void ranges_clear(struct ranges *r)
{
	buf_clear(&r->text);
	free(r->origin);
	*r = (struct ranges){ 0 };
}
