/*
 * lint - what is wrong with a policy before anybody is contacted by it: steps that nobody reaches, a rhythm that its own caps or the law
 * forbid, threats too early or without what follows, fees without a ground, texts, providers and senders that are not there. Pure.
 *
 * A finding is an error when the policy could not be walked as it is written, or only against the law or our word (no threat that is not
 * carried out): such a policy is refused. Else it is a warning: told, and taken. Only what is sure is found, never what may be.
 */
#ifndef DUNNINGD_COMMON_LINT_H
#define DUNNINGD_COMMON_LINT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "common/law.h"
#include "common/notice.h"
#include "common/policy.h"

enum lint_severity { LINT_WARNING, LINT_ERROR, LINT_SEVERITY_COUNT };
extern const char *const lint_severity_names[LINT_SEVERITY_COUNT + 1]; /* "warning", "error" */

struct lint_rule {
	const char *id; /* stable: "bunched" */
	enum lint_severity severity;
	const char *what; /* a sentence: what is wrong then */
	const char *remedy; /* what to do about it */
};
/* Every kind of finding, in the order of dunningd-policy(5), which a test holds against it. */
const struct lint_rule *lint_rules(size_t *count);

struct lint_finding {
	const struct lint_rule *rule;
	const char *code; /* the rule's id, or a more exact word of whoever refused it: "unknown_variable" */
	const char *path; /* in the policy's file: "$.steps[2].at" */
	const char *step; /* its id; NULL = of the policy as a whole */
	const char *reason; /* a sentence with this policy's own names and numbers */
};

struct lint_report {
	struct arena *arena; /* the caller's: what is found lies in it */
	struct lint_finding *findings;
	size_t count, capacity, errors;
};

/* --- texts -------------------------------------------------------------------------------------------------------------- */

/*
 * The templates, each rendered and read once for all policies and steps that name it. `set` and `locales` (the folders that there are)
 * are borrowed, and no template may be added or dropped while this lives.
 */
struct lint_texts;
struct lint_texts *lint_texts_create(const struct notice_set *set, const char *const *locales, size_t count);
/* From now on: whether each text is read, as at first, or is only looked for, which costs next to nothing. */
void lint_texts_read(struct lint_texts *texts, bool read);
void lint_texts_free(struct lint_texts *texts); /* NULL is allowed */
DEFINE_CLEANUP(struct lint_texts, lint_texts_free)

/*
 * The first words in `text` that announce courts, lawyers, bailiffs or collectors, in the language of the tag "de-AT": lower case,
 * without accents, in the arena. NULL: there are none, or lint_reads() is false. HTML is read as a reader sees it.
 */
const char *lint_threat(const char *locale, const char *text, bool html, struct arena *arena);
bool lint_reads(const char *locale); /* words of this language are known: de en es fr it nl */

/* --- the whole ---------------------------------------------------------------------------------------------------------- */

/* What a step wants sent. */
struct lint_sending {
	enum channel channel;
	const char *sender; /* profile, "" = the default one */
	bool attaches; /* files */
	bool documents; /* of the invoices: they lie in a folder */
	enum letter_delivery delivery; /* of a letter */
};
/* Whether the configuration can: 0, or -EBADMSG with code and sentence. */
typedef int (*lint_can_send_fn)(const struct lint_sending *sending, void *arg, struct err *err);

struct lint_input {
	const struct policy *policy;
	const struct law *law; /* NULL: none is known, and nothing is asked of it */
	const char *country, *zone; /* the creditor's; country NULL = not known */
	const struct creditor *creditor; /* what formal notices can say of it; NULL = everything */
	const char *locale; /* the creditor's: every template must be there in it. NULL = not known: in any */
	struct lint_texts *texts; /* NULL: they are not looked at */
	lint_can_send_fn can_send; /* NULL: not looked at */
	void *arg;
};

/* Adds what is found, step by step in the order of the file, to the report; its arena is set, all else may be zero. */
void lint_policy(const struct lint_input *input, struct lint_report *report);
/* The same for a file that policy_parse() refused. */
void lint_refused(const struct err *err, struct lint_report *report);
const struct lint_finding *lint_first_error(const struct lint_report *report); /* NULL = none */
/* "$.steps[2].at ("call"): why; what to do [bunched]", without the file: one line. In the arena of the report. */
const char *lint_sentence(const struct lint_report *report, const struct lint_finding *finding);

#endif
