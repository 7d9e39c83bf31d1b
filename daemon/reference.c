/* What a provider tells does not always name our attempt: its own id of the message, and whom it went to, lead there as well. */
#include <string.h>

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

void image_references(struct dunner *d, struct group *g)
{
	if (!d->config->hooks_listen && !library_polls(d->library))
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
