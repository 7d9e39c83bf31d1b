#include "common/keys.h"

#include <string.h>

#include "common/hash.h"

char *key_of(struct arena *arena, const struct keyspace *keys, const char *name)
{
	return arena_printf(arena, "%s:{%u}:%s", keys->prefix, keys->partition, name);
}

char *key_escalation(struct arena *arena, const struct keyspace *keys, const char *invoice_id)
{
	return arena_printf(arena, "%s:{%u}:escalation:%s", keys->prefix, keys->partition, invoice_id);
}

char *key_debtor(struct arena *arena, const struct keyspace *keys, const char *customer_id)
{
	return arena_printf(arena, "%s:{%u}:debtor:%s", keys->prefix, keys->partition, customer_id);
}

char *key_attempt(struct arena *arena, const struct keyspace *keys, const char *attempt_id)
{
	return arena_printf(arena, "%s:{%u}:attempt:%s", keys->prefix, keys->partition, attempt_id);
}

char *key_events(struct arena *arena, const struct keyspace *keys, const char *producer)
{
	if (!producer)
		return key_of(arena, keys, "events");
	return arena_printf(arena, "%s:{%u}:events:%s", keys->prefix, keys->partition, producer);
}

uint32_t partition_of(const char *customer_id, uint32_t partitions)
{
	uint32_t slot = crc16_redis(customer_id, strlen(customer_id)) % 16384u;

	return slot % partitions;
}
