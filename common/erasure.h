/*
 * erasure - what goes when a debtor's file is erased, and what of its document and its invoices' stays. Pure.
 */
#ifndef DUNNINGD_COMMON_ERASURE_H
#define DUNNINGD_COMMON_ERASURE_H

#include "common/debtor.h"
#include "common/escalation.h"
#include "common/retention.h"

struct erasure_attempt {
	const char *id;
	int64_t at; /* ms UTC: when its step ended */
};

/* What must be known of an invoice to judge the file. */
struct erasure_invoice {
	struct retention_invoice life;
	struct erasure_attempt *attempts;
	size_t attempt_count;
};
/* Strings are copied into the arena. */
struct erasure_invoice erasure_invoice(struct arena *arena, const struct escalation *e);

struct erasure_task {
	const char *id;
	int64_t opened_at;
};

/* A debtor and all that concerns it, as found at one version of its document. */
struct erasure_file {
	const struct debtor *debtor;
	const struct erasure_invoice *invoices;
	size_t invoice_count;
	const struct erasure_task *tasks; /* open ones */
	size_t task_count;
	bool more; /* invoices were not looked up */
};

struct erasure_request {
	unsigned classes; /* bit per enum key_class */
	int until_year; /* only keys of this log year and before; 0 = all */
	const char *log; /* the configured origin: other instances' keys are not at hand */
};

struct erasure_part {
	const struct trail_keys *keys;
	enum key_class class;
	bool elsewhere; /* in another instance's key store: it must be erased there */
	struct retention_verdict verdict;
};

struct erasure_plan {
	struct erasure_part *parts; /* by age of the keys, then class; those asked for */
	size_t count;
	size_t going, refused;
	bool left[CLASS_COUNT]; /* of that class there will still be a key somewhere */
};
/* Whether keys of that log are in the key store of `origin` (the configured one), in whichever generation: "<origin>", "<origin>/g2-...". */
bool erasure_in_store(const char *origin, const char *log);
void erasure_plan(const struct retention *retention, const struct erasure_file *file, const struct erasure_request *request,
	const struct zone *zone, int64_t now, struct arena *arena, struct erasure_plan *ret);

/* Whether the document of this invoice goes: no key is left of the years up to its end that holds facts. */
bool erasure_drops(const struct erasure_plan *plan, const struct debtor *debtor, const struct zone *zone,
	const struct erasure_invoice *invoice);

/*
 * Changes the debtor's document: takes out what goes, begins a new file where the present one loses a class, and fills `ret` with what
 * is to be done. True: nothing is left, the document goes too. `ret` points into the arena, the plan and the file.
 */
bool erasure_apply(struct debtor *debtor, const struct erasure_plan *plan, const struct erasure_file *file, const struct zone *zone,
	struct arena *arena, struct erasing *ret);

/*
 * Whether something has run out, as far as the debtor's document alone can tell: what the nightly search looks closer at. What it cannot
 * tell is taken for the longer period, so that the same files are not looked at night after night.
 */
bool erasure_may_have_expired(const struct retention *retention, const struct debtor *debtor, const struct erasure_request *request,
	const struct zone *zone, int64_t now);

#endif
