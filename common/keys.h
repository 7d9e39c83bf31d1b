/*
 * keys - the names of the Redis keys: design contract, one place. Pure.
 */
#ifndef DUNNINGD_COMMON_KEYS_H
#define DUNNINGD_COMMON_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"

struct keyspace {
	const char *prefix; /* "dunning" */
	uint32_t partition;
};

#define SYSTEM_CASE "~system" /* no customer id can hold a '~' */
#define REBUILD_WRITER "~rebuild" /* in leases and cursors, in place of an instance: `dunningctl instances rebuild` over another number of partitions */

char *key_of(struct arena *arena, const struct keyspace *keys, const char *name); /* dunning:{p}:name */
char *key_escalation(struct arena *arena, const struct keyspace *keys, const char *invoice_id);
char *key_debtor(struct arena *arena, const struct keyspace *keys, const char *customer_id);
char *key_attempt(struct arena *arena, const struct keyspace *keys, const char *attempt_id);
char *key_body(struct arena *arena, const struct keyspace *keys, const char *digest); /* what an event leaves beside it: its SHA-256, hex */
/*
 * Leads to the attempt that a provider's id ("message", the provider's name, the id) or an address ("address", the channel, the address)
 * was last known of. Told apart without case; nobody without the install key can tell which address it is.
 */
char *key_reference(struct arena *arena, const struct keyspace *keys, const uint8_t install_key[32], const char *kind, const char *scope,
	const char *value);
/*
 * The hash of all debtors, by id, who have this address or number among their contacts: several may share one. Told apart and hidden as above.
 */
char *key_address(struct arena *arena, const struct keyspace *keys, const uint8_t install_key[32], const char *address);
/* producer NULL: the shared stream dunning:{p}:events */
char *key_events(struct arena *arena, const struct keyspace *keys, const char *producer);
/* Of SCAN, where one server holds all partitions: dunning:{*}:kind:*, such as "escalation". */
char *key_pattern(struct arena *arena, const char *prefix, const char *kind);
bool key_partition(const char *key, const char *prefix, uint32_t *ret); /* or of a pattern of one; false: it names none */
/* (CRC16(customer id) mod 16384) mod partitions */
uint32_t partition_of(const char *customer_id, uint32_t partitions);

#endif
