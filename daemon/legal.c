/* A person's word about what was announced: carried out, taken back, handed over. The rules are in common/escalation_commitment.c. */
#include <string.h>

#include "daemon/flow.h"

static struct debtor *debtor_of(struct dunner *d, struct group *g, const struct doc *doc)
{
	struct doc *debtor = group_find(d, g, DOC_DEBTOR, doc->e->invoice.debtor_id);

	return debtor && debtor->loaded ? debtor->d : NULL;
}

/* The member of the command that says what: it has one at most. */
static const char *what_of(const struct event *e)
{
	static const char *const members[] = { "decision", "to", "result", "what" };

	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		struct json value = json_get(&e->data, members[i]);

		if (json_str(&value))
			return json_str(&value);
	}
	return "";
}

int legal_check(struct dunner *d, struct group *g, const struct event *e, const struct doc *doc, struct err *err)
{
	const struct debtor *debtor = debtor_of(d, g, doc);

	return commitment_may(doc->e, debtor, decide_policy(d, doc->e, debtor), e->command, what_of(e), err);
}

bool legal_said(struct dunner *d, struct group *g, const struct event *e, struct doc *doc)
{
	struct debtor *debtor = debtor_of(d, g, doc);

	if (!commitment_said(doc->e, debtor, decide_policy(d, doc->e, debtor), e, what_of(e), &g->fx))
		return false;
	doc->touched = true;
	sender_touch(d, NULL, doc->id);
	return true;
}
