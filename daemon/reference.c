/*
 * What a provider tells does not always name our attempt: its own id of the message, and whom it went to, lead there as well. And whoever writes to us
 * need not be the one that we wrote to last: every address of a debtor's contacts leads to all debtors who have it.
 */
#include <string.h>
#include <strings.h>

#include "common/utc.h"
#include "daemon/flow.h"

#define REFERENCE_TTL_MS (180 * DAY_MS) /* as long as the attempt's own key */

/* The attempt's id and nothing else: once the attempt's key is erased it leads nowhere. */
static void refer(struct dunner *d, struct group *g, const char *debtor_id, const char *attempt_id, const char *kind, const char *scope,
	const char *value)
{
	struct image set = { .op = IMAGE_SET_UNTIL, .number = g->fx.now + REFERENCE_TTL_MS + d->settings.redis_ahead_ms, .value = attempt_id,
		.value_len = strlen(attempt_id) };

	if (!value || !*value)
		return;
	set.key = key_reference(g->arena, &d->keyspace, d->settings.install_key, kind, scope, value);
	group_image(g, group_case(d, g, debtor_id), CLASS_FACTS, &set);
}

static bool heard(const struct dunner *d)
{
	return d->config->hooks_listen || library_polls(d->library);
}

static bool has_address(const struct customer *customer, const char *address)
{
	for (size_t i = 0; i < customer->contact_count; i++)
		if ((customer->contacts[i].email && strcasecmp(customer->contacts[i].email, address) == 0) ||
			(customer->contacts[i].phone && strcmp(customer->contacts[i].phone, address) == 0))
			return true;
	return false;
}

/* What leads to it goes with its identity; that it does no more is the system's, whose keys outlast the erasure. */
static void index_address(struct dunner *d, struct group *g, struct doc *debtor, const char *address, bool gone)
{
	struct image image = { .op = gone ? IMAGE_HDEL : IMAGE_HSET, .field = debtor->id, .value = "1", .value_len = 1 };

	if (!address || !*address)
		return;
	image.key = key_address(g->arena, &d->keyspace, d->settings.install_key, address);
	group_image(g, gone ? group_case(d, g, NULL) : debtor, gone ? CLASS_FACTS : CLASS_IDENTITY, &image);
}

/* Those of the one that the other has not. */
static void index_contacts(struct dunner *d, struct group *g, struct doc *debtor, const struct customer *customer, const struct customer *other, bool gone)
{
	for (size_t i = 0; i < customer->contact_count; i++) {
		const char *email = customer->contacts[i].email, *phone = customer->contacts[i].phone;

		index_address(d, g, debtor, email && !has_address(other, email) ? email : NULL, gone);
		index_address(d, g, debtor, phone && !has_address(other, phone) ? phone : NULL, gone);
	}
}

void image_addresses(struct dunner *d, struct group *g)
{
	static const struct customer none = { 0 };

	for (struct doc *doc = g->docs; doc; doc = doc->next) {
		const struct customer *now;

		if (doc->kind != DOC_DEBTOR || !doc->loaded || !doc->touched || (!doc->d->indexed && !doc->was_indexed && !heard(d)))
			continue;
		now = doc->erased ? &none : &doc->d->customer;
		index_contacts(d, g, doc, now, doc->d->indexed ? &doc->was : &none, false);
		if (doc->was_indexed)
			index_contacts(d, g, doc, &doc->was, now, true);
		doc->d->indexed = now->contact_count > 0;
	}
}

void image_references(struct dunner *d, struct group *g)
{
	if (!heard(d))
		return;
	for (const struct release *release = g->releases; release; release = release->next) {
		const struct message *m = &release->message;

		refer(d, g, release->entry.debtor_id, release->entry.id, "address", channel_names[m->channel],
			m->channel == CHANNEL_LETTER ? NULL : message_address(m, g->arena)); /* no provider names a house */
	}
	for (const struct input *input = g->inputs; input; input = input->next)
		if (input->kind == INPUT_OUTCOME && input->outcome && input->outcome->kind == OUTCOME_ACCEPTED)
			refer(d, g, input->attempt->debtor_id, input->attempt->id, "message", input->attempt->provider,
				input->outcome->provider_id);
}
