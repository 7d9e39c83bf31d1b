/*
 * bundle_check - whether an evidence bundle holds: its files, its keys, every record in its log, every part, and that no record of the case
 * was left out; and who vouched for it when. Pure. What it needs is in the bundle; what a stranger must know from elsewhere is whom to
 * believe: the log's verifier key, the root certificates of the authorities, the witnesses' keys.
 */
#ifndef DUNNINGD_COMMON_BUNDLE_CHECK_H
#define DUNNINGD_COMMON_BUNDLE_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bundle.h"
#include "common/note.h"

enum check_state {
	CHECK_GOOD,
	CHECK_NOT, /* not there, or not looked at: said in words of its own, never "ok" */
	CHECK_REFUSED,
};
struct check_line {
	const char *name; /* stable word: "files", "manifest", "key", ... */
	enum check_state state;
	const char *text; /* one sentence */
};
typedef void (*check_line_fn)(const struct check_line *line, void *arg); /* borrowed for the call */

#define CHECK_AHEAD 1000000 /* numbers beyond the last that no record of the case may have */

struct bundle_checking {
	const char *verifier_key; /* as published by the company: its name is the log's origin, with the year or without; NULL = none given */
	const uint8_t (*roots)[SHA256_SIZE]; /* of authorities, as they publish them: SHA-256 of the certificate; every stamp must go back to one */
	size_t root_count; /* 0: the bundle's own word stands for them, and the line says so */
	const struct note_key *witnesses; /* likewise, NOTE_COSIGNATURE: every cosignature must be by one */
	size_t witness_count;
	uint64_t ahead; /* CHECK_AHEAD */
	check_line_fn line; /* may be NULL */
	void *arg;
};
/*
 * One line for each check, in a fixed order, up to the first that is refused. 0: all that was checked holds. -EBADMSG: refused, and `err`
 * says what, and where. The bundle must be sorted.
 */
int bundle_check(const struct bundle *bundle, const struct bundle_checking *how, struct err *err);

#endif
