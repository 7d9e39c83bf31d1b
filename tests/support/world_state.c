#include "tests/support/world_state.h"

#include <stdio.h>
#include <string.h>

/* What a rebuild need not have: who leads, what is being tried, that a commit was a redo; what webhooks were told already. */
static const char normal[] =
	"local out, keys = {}, redis.call('KEYS', ARGV[1])\n"
	"table.sort(keys)\n"
	"for _, k in ipairs(keys) do\n"
	"  local t = redis.call('TYPE', k).ok\n"
	"  if string.match(k, ':lease$') or string.match(k, ':instances$') or string.match(k, ':hook:') or string.match(k, ':events$') or\n"
	"    string.match(k, ':events:') then t = '' end\n"
	"  local v = {}\n"
	"  if t == 'string' then v = { redis.call('GET', k), tostring(math.floor(redis.call('PEXPIRETIME', k) / ARGV[2])) } end\n"
	"  if t == 'zset' then v = redis.call('ZRANGE', k, 0, -1, 'WITHSCORES') end\n"
	"  if t == 'stream' then for _, e in ipairs(redis.call('XRANGE', k, '-', '+')) do v[#v + 1] = e[1]; for _, f in ipairs(e[2]) do v[#v + 1] = f end end end\n"
	"  if t == 'hash' then\n"
	"    local names = redis.call('HKEYS', k)\n"
	"    table.sort(names)\n"
	"    for _, f in ipairs(names) do\n"
	"      if not string.match(k, ':cursor$') or (f ~= 'epoch' and f ~= 'redo' and not string.match(f, '^trying ')) then\n"
	"        v[#v + 1] = f\n"
	"        v[#v + 1] = redis.call('HGET', k, f)\n"
	"      end\n"
	"    end\n"
	"  end\n"
	"  if #v > 0 then out[#out + 1] = k .. ' ' .. redis.sha1hex(table.concat(v, '\\n')) .. ' ' .. #v end\n"
	"end\n"
	"return table.concat(out, '\\n')\n";

/*
 * Of a cluster each partition by itself: none of its servers may stand still for a second. And there an expiry counts by the hour, as MIGRATE
 * carries what is left of it, so that a slot's move puts it off by the milliseconds that it takes.
 */
const char *world_state(struct world *w, struct arena *arena)
{
	CLEANUP(buf_clear) struct buf all = { 0 };
	bool whole = w->options.redis == REDIS_SINGLE, cluster = w->options.redis == REDIS_CLUSTER;

	for (uint32_t p = 0; p < (whole ? 1 : (uint32_t)w->options.partitions); p++) {
		const char *any = world_key_in(w, arena, p, "*"), *pattern = whole ? arena_printf(arena, "%s:*", w->prefix) : any;

		buf_add_str(&all, world_redis(w, arena, (const char *const[]){ "EVAL", normal, "1", any, pattern, cluster ? "3600000" : "1", NULL })->str);
		buf_add_str(&all, "\n");
	}
	return arena_strdup(arena, buf_str(&all));
}

void world_state_differs(const char *before, const char *after)
{
	for (int told = 0; *before && *after && told < 10;) {
		size_t n = strcspn(before, "\n"), m = strcspn(after, "\n");

		if (n != m || strncmp(before, after, n) != 0) {
			fprintf(stderr, "  was %.*s\n  is  %.*s\n", (int)n, before, (int)m, after);
			told++;
		}
		before += n + (before[n] == '\n');
		after += m + (after[m] == '\n');
	}
}
