/*
 * selection - which policy an invoice walks: the one that its event names, else its customer's, else what the configuration's rules say,
 * else the default. Pure.
 */
#ifndef DUNNINGD_COMMON_SELECTION_H
#define DUNNINGD_COMMON_SELECTION_H

#include <stdbool.h>
#include <stddef.h>

#include "common/config.h"
#include "common/debtor.h"
#include "common/invoice.h"
#include "common/policy.h"

enum selected_by { SELECTED_BY_INVOICE, SELECTED_BY_CUSTOMER, SELECTED_BY_RULE, SELECTED_BY_DEFAULT, SELECTED_BY_OPERATOR, SELECTED_BY_COUNT };
extern const char *const selected_by_names[SELECTED_BY_COUNT + 1]; /* "invoice", ... */

struct selection {
	const struct policy *policy; /* NULL: none of that name is loaded */
	enum selected_by by;
	const char *rule; /* its id, with SELECTED_BY_RULE; NULL otherwise */
	bool asked; /* there are rules, whether or not one matched */
	const struct policy *before; /* that the debtor's last invoice walks; NULL = there was none, or it is not loaded */
	bool habits; /* it was chosen by how the debtor paid, or by a word about the customer, and not by what the invoice is */
	bool settled; /* false: nothing is known of the customer yet, so that what comes may choose otherwise */
};

/* Finds a loaded policy by its name; NULL: there is none. */
typedef const struct policy *(*selection_find_fn)(const char *name, const void *arg);

/*
 * The first that speaks of: the invoice, the customer, the rules that match, the default. Of several rules the most careful policy wins
 * (selection_compare), and of those that name it the first. `debtor` may be NULL.
 */
struct selection selection_choose(const struct config *config, selection_find_fn find, const void *arg, const struct invoice *invoice,
	const struct debtor *debtor);

/* Whether all conditions of the rule hold. `debtor` is known. */
bool selection_matches(const struct policy_rule *rule, const struct invoice *invoice, const struct debtor *debtor);

/*
 * <0: `a` is the more careful, >0: `b` is; 0 for the same name alone. In this order: one that contacts nobody; the lower tone at its
 * height; fewer contacts in all; the later first contact (in days as written, a business day counting 7/5, from whatever it is anchored
 * on); the longer min_gap; the name.
 */
int selection_compare(const struct policy *a, const struct policy *b);

/* Asks more of a debtor: a higher tone, more contacts, or an earlier first one. Never of a policy that contacts nobody. */
bool selection_stricter(const struct policy *policy, const struct policy *before);

bool word_listed(const char *const *words, const char *word); /* NULL words: any word will do */
bool any_tag(const char *const *wanted, const char *tags); /* of comma-joined `tags`; NULL wanted: none is asked for */

#endif
