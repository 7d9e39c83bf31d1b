/*
 * place - whether an address lies in an area that the law data tell apart: a state, a Land, a department. Pure. By its region as the address
 * writes it, by its postcode, or not at all: then it may lie there, and whoever asks is careful.
 */
#ifndef DUNNINGD_COMMON_PLACE_H
#define DUNNINGD_COMMON_PLACE_H

#include <stddef.h>

#include "common/err.h"
#include "common/json.h"

struct place { /* what is known of an address; NULL = nothing, as for all of these */
	const char *country; /* ISO 3166-1 */
	const char *region; /* as it was written: "BY", "DE-BY", "Bayern" */
	const char *postcode;
};

struct area {
	const char *code; /* ISO 3166-2 without its country, "BY"; or a name of ours ("NYC") */
	const char *within; /* the region that has it as a part, "NY"; NULL = it is one itself */
	const char *const *names; /* as else it may be written, NULL-terminated; NULL = none are known */
	const char *const *postcodes; /* all that begin so, and no others; NULL = they do not tell */
};

enum place_fit { PLACE_ELSEWHERE, PLACE_PERHAPS, PLACE_THERE };
/* Countries are not compared. A postcode counts before a region; a region of another kind than the code ("GES" beside "67") says nothing. */
enum place_fit place_fit(const struct place *place, const struct area *area);
/* The members "names", "postcodes" and "within" of a row. Strings lie in the arena or the document. */
int area_read(struct arena *arena, const struct json *row, struct area *ret, struct err *err);

#endif
