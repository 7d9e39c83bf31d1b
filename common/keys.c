#include "common/keys.h"

#include <stdlib.h>
#include <string.h>

#include "common/hash.h"

/* "prefix:{partition}:kind" and the id behind it. */
static char *key(struct arena *arena, const struct keyspace *keys, const char *kind, const char *id)
{
	char partition[U64_TEXT_SIZE];
	size_t digits = u64_format(keys->partition, partition);
	size_t prefix = strlen(keys->prefix), kind_len = strlen(kind), id_len = strlen(id);
	char *ret = arena_alloc(arena, prefix + digits + kind_len + id_len + sizeof(":{}:")), *at = ret;

	at = mempcpy(at, keys->prefix, prefix);
	at = mempcpy(at, ":{", 2);
	at = mempcpy(at, partition, digits);
	at = mempcpy(at, "}:", 2);
	at = mempcpy(at, kind, kind_len);
	memcpy(at, id, id_len);
	return ret;
}

char *key_of(struct arena *arena, const struct keyspace *keys, const char *name)
{
	return key(arena, keys, name, "");
}

char *key_pattern(struct arena *arena, const char *prefix, const char *kind)
{
	return arena_printf(arena, "%s:{*}:%s:*", prefix, kind);
}

bool key_partition(const char *key, const char *prefix, uint32_t *ret)
{
	size_t n = strlen(prefix), digits;

	if (strncmp(key, prefix, n) != 0 || strncmp(key + n, ":{", 2) != 0)
		return false;
	digits = strspn(key += n + 2, "0123456789");
	if (!digits || digits > 9 || key[digits] != '}')
		return false;
	*ret = (uint32_t)strtoul(key, NULL, 10);
	return true;
}

char *key_escalation(struct arena *arena, const struct keyspace *keys, const char *invoice_id)
{
	return key(arena, keys, "escalation:", invoice_id);
}

char *key_debtor(struct arena *arena, const struct keyspace *keys, const char *customer_id)
{
	return key(arena, keys, "debtor:", customer_id);
}

char *key_body(struct arena *arena, const struct keyspace *keys, const char *digest)
{
	return key(arena, keys, "body:", digest);
}

char *key_attempt(struct arena *arena, const struct keyspace *keys, const char *attempt_id)
{
	return key(arena, keys, "attempt:", attempt_id);
}

static char *hidden(struct arena *arena, const struct keyspace *keys, const uint8_t install_key[32], const char *name, char *text)
{
	uint8_t mac[SHA256_SIZE];
	char hex[2 * 16 + 1];

	for (char *p = text; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p + 32);
	hmac_sha256(install_key, 32, text, strlen(text), mac);
	return key(arena, keys, name, hex_format(mac, 16, hex));
}

char *key_reference(struct arena *arena, const struct keyspace *keys, const uint8_t install_key[32], const char *kind, const char *scope,
	const char *value)
{
	return hidden(arena, keys, install_key, "ref:", arena_printf(arena, "dunningd reference 1\n%s\n%s\n%s", kind, scope, value));
}

char *key_address(struct arena *arena, const struct keyspace *keys, const uint8_t install_key[32], const char *address)
{
	return hidden(arena, keys, install_key, "address:", arena_printf(arena, "dunningd address 1\n%s", address));
}

char *key_events(struct arena *arena, const struct keyspace *keys, const char *producer)
{
	return producer ? key(arena, keys, "events:", producer) : key_of(arena, keys, "events");
}

uint32_t partition_of(const char *customer_id, uint32_t partitions)
{
	uint32_t slot = crc16_redis(customer_id, strlen(customer_id)) % 16384u;

	return slot % partitions;
}
