#include "common/paces.h"

#include <stdlib.h>
#include <string.h>

#define MAIL_CONCURRENCY 4 /* mail servers often take no more from one client (Postfix: smtpd_client_connection_count_limit is 50) */

struct paces {
	const struct config *config;
	struct pace *paces; /* [i] belongs to config->providers[i] */
	bool *known;
	int64_t led, of; /* our share of all limits; 0 of 0: they are ours alone */
};

struct paces *paces_create(const struct config *config)
{
	struct paces *paces = xcalloc(1, sizeof(*paces));

	paces->config = config;
	paces->paces = xcalloc(config->provider_count + 1, sizeof(*paces->paces));
	paces->known = xcalloc(config->provider_count + 1, sizeof(*paces->known));
	return paces;
}

void paces_free(struct paces *paces)
{
	if (!paces)
		return;
	free(paces->paces);
	free(paces->known);
	free(paces);
}

static int64_t first(int64_t said, int64_t of_file)
{
	return said ? said : of_file;
}

struct pace_limits paces_limits(const struct provider_settings *settings, const struct adapter *adapter)
{
	struct pace_limits limits = adapter ? adapter_limits(adapter) : (struct pace_limits){ .concurrency = MAIL_CONCURRENCY };

	limits.per_second = first(settings->per_second, limits.per_second);
	limits.burst = first(settings->burst, limits.burst);
	limits.concurrency = first(settings->concurrency, limits.concurrency);
	limits.failures = settings->failures;
	for (int w = 0; w < PACE_WINDOW_COUNT; w++)
		limits.quota[w] = first(settings->quota[w], limits.quota[w]);
	return limits;
}

void paces_use(struct paces *paces, const struct library *library)
{
	for (size_t i = 0; i < paces->config->provider_count; i++) {
		const struct provider_settings *settings = &paces->config->providers[i];
		const struct library_provider *provider = library_provider(library, settings->name);
		struct pace_limits limits;

		if (!provider || (!provider->adapter && !provider->smtp))
			continue;
		limits = paces_limits(settings, provider->adapter);
		if (!paces->known[i]) {
			pace_init(&paces->paces[i], &limits);
			pace_share(&paces->paces[i], paces->led, paces->of);
		}
		paces->known[i] = true;
		pace_limit(&paces->paces[i], &limits);
		pace_forgive(&paces->paces[i]);
	}
}

void paces_share(struct paces *paces, int64_t led, int64_t of)
{
	if (led == paces->led && of == paces->of)
		return;
	paces->led = led;
	paces->of = of;
	for (size_t i = 0; i < paces->config->provider_count; i++)
		if (paces->known[i])
			pace_share(&paces->paces[i], led, of);
}

struct pace *paces_find(const struct paces *paces, const char *provider)
{
	for (size_t i = 0; i < paces->config->provider_count; i++)
		if (strcmp(paces->config->providers[i].name, provider) == 0)
			return paces->known[i] ? &paces->paces[i] : NULL;
	return NULL;
}
