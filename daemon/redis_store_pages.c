/* What is asked of Redis beside the work: its settings, and page by page all that a partition has. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "daemon/redis_store_internal.h"

/* --- settings of the server ------------------------------------------------------------------------------------------------ */

static void on_settings(int r, const struct redis_reply *reply, void *arg)
{
	struct call *call = arg;
	const char *fault = NULL, *warning = NULL;

	(void)call_gathered(call, r, reply);
	if (call->r == -EPERM || (call->r == -EPROTO && r == 0)) {
		warning = "Redis does not let us read its settings: appendonly yes and maxmemory-policy noeviction are assumed";
		call->r = 0;
	}
	for (size_t i = 0; call->r == 0 && reply->type == REDIS_ARRAY && i + 1 < reply->count; i += 2) {
		const char *name = reply->items[i].str, *value = reply->items[i + 1].str;

		if (!name || !value)
			continue;
		if (strcmp(name, "appendonly") == 0 && strcmp(value, "yes") != 0)
			fault = "Redis must run with `appendonly yes`: without it accepted events are lost when it stops";
		if (strcmp(name, "maxmemory-policy") == 0 && strcmp(value, "noeviction") != 0)
			fault = "Redis must run with `maxmemory-policy noeviction`: with another one it drops streams when memory is short";
		if (strcmp(name, "appendfsync") == 0 && strcmp(value, "no") == 0)
			fault = "Redis must run with `appendfsync always` or `everysec`, not `no`";
		else if (strcmp(name, "appendfsync") == 0 && strcmp(value, "always") != 0)
			warning = "Redis runs with `appendfsync everysec`: events of the last second can be lost in a power cut";
	}
	((redis_store_check_fn)call->fn)(call->r, fault, warning, call->arg);
	call_end(call);
}

void redis_store_check(struct redis_store *store, redis_store_check_fn done, void *arg)
{
	const char *argv[] = { "CONFIG", "GET", "*" };

	redis_link_command(store->link, 3, argv, NULL, 0, on_settings, call_begin(store, (void (*)(void))done, arg, 1));
}

/* --- all keys --------------------------------------------------------------------------------------------------------------- */

static void on_scan(int r, const struct redis_reply *reply, void *arg)
{
	struct call *call = arg;
	const char *next = "0";
	const char **keys = NULL;
	size_t count = 0;

	(void)call_gathered(call, r, reply);
	if (call->r == 0 && (reply->type != REDIS_ARRAY || reply->count != 2 || !reply->items[0].str || reply->items[1].type != REDIS_ARRAY))
		call->r = -EPROTO;
	if (call->r == 0) {
		next = reply->items[0].str;
		keys = arena_alloc(call->arena, (reply->items[1].count + 1) * sizeof(*keys));
		for (size_t i = 0; i < reply->items[1].count; i++)
			if (reply->items[1].items[i].str)
				keys[count++] = reply->items[1].items[i].str;
	}
	((store_scan_fn)call->fn)(call->r, next, keys, count, call->arg);
	call_end(call);
}

void redis_store_scan(void *self, const char *from, store_scan_fn done, void *arg)
{
	struct redis_store *store = self;
	struct call *call = call_begin(store, (void (*)(void))done, arg, 1);
	const char *argv[] = { "SCAN", from, "MATCH", key_of(call->arena, &store->keyspace, "*"), "COUNT", "500" };

	redis_link_command(store->link, 6, argv, NULL, 0, on_scan, call);
}

/* The value, then how long it still lasts, for one key after the other. */
static void on_lasting(int r, const struct redis_reply *reply, void *arg)
{
	struct call *call = arg;
	struct store_value *values = call->data;
	size_t i = call->answered;
	bool last = call_gathered(call, r, reply);
	struct timespec now;

	if (call->r == 0 && i % 2 == 0 && reply->type == REDIS_STRING)
		values[i] = (struct store_value){ arena_memdup(call->arena, reply->str, reply->len), reply->len };
	if (call->r == 0 && i % 2 == 1 && reply->type == REDIS_INTEGER && reply->integer > 0) {
		clock_gettime(CLOCK_REALTIME, &now); /* by which Redis counts */
		values[i].data = arena_printf(call->arena, "%lld",
			(long long)((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + reply->integer));
		values[i].len = strlen(values[i].data);
	}
	if (!last)
		return;
	((store_values_fn)call->fn)(call->r, values, call->r < 0 ? 0 : call->expected, call->arg);
	call_end(call);
}

void redis_store_lasting(void *self, const char *const *keys, size_t count, store_values_fn done, void *arg)
{
	struct redis_store *store = self;
	struct call *call = call_begin(store, (void (*)(void))done, arg, 2 * count);

	call->data = arena_alloc(call->arena, (2 * count + 1) * sizeof(struct store_value));
	for (size_t i = 0; i < count; i++) {
		const char *get[] = { "GET", keys[i] }, *ttl[] = { "PTTL", keys[i] };

		redis_link_command(store->link, 2, get, NULL, 0, on_lasting, call);
		redis_link_command(store->link, 2, ttl, NULL, 0, on_lasting, call);
	}
}
