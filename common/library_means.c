/* By which digest a doubt knows whether its provider is still the one that the message went to. */
#include <string.h>

#include "common/hash.h"
#include "common/library.h"

#define TEXT(s) ((struct slice){ (const void *)(s), sizeof(s) }) /* with its NUL */

char *library_means(const struct library_provider *provider, bool shadow, const uint8_t install_key[32], adapter_secret_fn secret, void *secret_arg,
	char ret[LIBRARY_MEANS_SIZE])
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	uint8_t mac[SHA256_SIZE], inner[SHA256_SIZE] = { 0 };
	struct slice parts[] = { TEXT("means"), shadow ? TEXT("outbox") : provider->adapter ? TEXT("file") : provider->smtp ? TEXT("smtp") : TEXT("outbox"),
		{ inner, sizeof(inner) } };
	const struct slice *means;

	if (provider->adapter && !shadow) { /* as many as it has settings: more than an HMAC takes at once */
		size_t count = adapter_means(provider->adapter, provider->settings, secret, secret_arg, arena, &means);

		sha256_slices(means, count, inner);
	}
	hmac_sha256_slices(install_key, 32, parts, ARRAY_LEN(parts), mac);
	cleanse(inner, sizeof(inner));
	return hex_format(mac, (LIBRARY_MEANS_SIZE - 1) / 2, ret);
}
