/* Input: a configuration. One that is refused says where and why; in one that is taken everything fits together. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/config.h"
#include "common/locale.h"
#include "common/redis_link.h"
#include "common/zone.h"

static void check(const struct config *c)
{
	const struct zone *zone;
	struct redis_url url;

	assert(zone_get(c->creditor.zone, &zone) == 0 && locale_valid(c->creditor.locale) && c->creditor.name[0]);
	assert(c->origin[0] && c->prefix[0] && c->partitions >= 1 && c->state_dir[0] == '/' && c->control_socket[0] == '/');
	assert(c->sender_count >= 1 && !strcmp(c->senders[0].profile, "default"));
	for (size_t i = 0; i < c->sender_count; i++) {
		assert(c->senders[i].name && email_valid(c->senders[i].email));
		assert(config_sender(c, c->senders[i].profile) == &c->senders[i]);
	}
	assert(config_provider(c, "outbox"));
	for (size_t i = 0; i < c->provider_count; i++) {
		const char *const *pair = c->providers[i].settings;

		assert(c->providers[i].file[0]);
		for (; *pair; pair += 2)
			assert(pair[1]);
	}
	for (size_t i = 0; i < CHANNEL_COUNT; i++)
		for (size_t k = 0; k < CHANNEL_PROVIDERS_MAX; k++)
			assert(!c->channel_providers[i][k] || config_provider(c, c->channel_providers[i][k]));
	assert(c->producer_count >= 2 && !c->producers[0].name);
	for (size_t i = 2; i < c->producer_count; i++)
		assert(c->producers[i].name && !(c->producers[i].types & UINT64_C(1) << EVENT_OPERATOR_COMMAND));
	assert(c->ledgers && c->limits.batch >= 1 && c->limits.concurrency >= 1);
	assert(redis_url_parse(c->redis_url, &url, NULL) == 0);
	assert(url.host[0] || url.path[0] == '/');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(config_freep) struct config *config = NULL;
	struct err err = { 0 };

	if (config_parse((const char *)data, size, &config, &err) < 0)
		assert(!config && err.code[0] && err.path[0] == '$' && err.text[0]);
	else
		check(config);
	return 0;
}
