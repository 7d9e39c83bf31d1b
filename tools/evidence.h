/*
 * evidence - the records of one debtor, out of the journal into a bundle (common/bundle.h). Reads the state directory alone, and changes
 * nothing there.
 */
#ifndef DUNNINGD_TOOLS_EVIDENCE_H
#define DUNNINGD_TOOLS_EVIDENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bundle.h"
#include "common/bundle_check.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "common/note.h"

struct evidence_order {
	const char *state_dir;
	const uint8_t *wrap_key; /* 32 bytes */
	const char *debtor, *invoice; /* one of them, or both. An invoice: what is about other invoices alone is withheld */
	bool leaves; /* with all leaves of the logs */
	const char *withhold; /* names of parts that are left out, with commas between; NULL = none */
	const struct note_key *verifier; /* of the trail, without the year */
	void (*progress)(uint64_t done, uint64_t all, void *arg); /* records read; may be NULL */
	void *arg;
};
struct evidence_sum {
	const char *debtor;
	size_t records, withheld, system;
	size_t unsigned_records; /* of the case, behind the last checkpoint: left out */
	uint64_t findings; /* of the journal itself: see `dunningctl trail verify` */
	const char *disclosed; /* ranges_text() of the case's records that can be read in it; in the bundle's arena */
	struct note_key newest; /* key of the newest log in it */
};
bool evidence_withheld(const char *list, const char *name); /* a word of a list with commas; NULL = an empty one */
/* Whose the invoice is, by this state directory; lives in the arena. -ENOENT: it is not known there. */
int evidence_debtor(const struct evidence_order *order, struct arena *arena, const char **ret, struct err *err);
/*
 * Fills the bundle with all but reports and manifest. -ENOENT: no record of it; -ENODATA: none is signed yet, or there is no checkpoint; else as
 * trail_walk() and bundle_log_ready(). `err` says it.
 */
int evidence_collect(const struct evidence_order *order, struct bundle *bundle, struct evidence_sum *ret, struct err *err);
/*
 * documents/<digest>.pdf: what the records of a sorted bundle name by digest (pdf_sha256, contract_sha256) and `dir` has; NULL = there is none.
 * Only of the invoice that the bundle is about, where it is about one.
 */
int evidence_add_documents(struct bundle *bundle, const char *dir, struct err *err);
/* history.txt: the debtor's paid invoices and how late each was. It reads the whole file of this debtor, and gives nothing else of it. */
int evidence_add_history(const struct evidence_order *order, const char *debtor, struct bundle *bundle, struct err *err);
/* process/TRAIL.md, process/FORMATS.md, verify.sh, VERIFY.txt, statement.txt: the same in every bundle. */
void evidence_add_texts(struct bundle *bundle);

/* report.<language>.html and .pdf, out of the records in the bundle, which is sorted. -EBADMSG and `err`: a record has not the form. */
int evidence_add_reports(struct bundle *bundle, struct err *err);
/*
 * Whether those that are there say what the records say, for a bundle that bundle_check() took: which belong to it says its manifest. Gives
 * lines, as that does; -EBADMSG: refused.
 */
int evidence_check_reports(const struct bundle *bundle, check_line_fn fn, void *arg, struct err *err);

/* --- a case that spans a sealed trail ---------------------------------------------------------------- */

#define EVIDENCE_GENERATIONS_MAX 1000
struct evidence_generation {
	unsigned number;
	const char *origin; /* of its logs, without the year */
};
/* A finished bundle into the folder g<number> of the whole; behind all of them, by number, the list. Reports and bundle_finish() are the caller's. */
void evidence_add_generation(struct bundle *whole, const struct bundle *one, unsigned number);
void evidence_add_list(struct bundle *whole, const struct evidence_generation *generations, size_t count);
bool evidence_is_whole(const struct bundle *bundle);
/* Each generation as bundle_check() and evidence_check_reports() do, in lines that begin with its folder; then what holds them together. */
int evidence_check_whole(const struct bundle *whole, const struct bundle_checking *how, struct err *err);

/* The bundle as a folder that must not exist yet, or a zip file when the path ends in ".zip"; and back. -errno with `err`. */
int evidence_write(const struct bundle *bundle, const char *path, struct err *err);
int evidence_read(const char *path, struct bundle *bundle, struct err *err); /* -EBADMSG: it is no bundle */

#endif
