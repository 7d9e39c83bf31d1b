#include "daemon/redis_scripts.h"

/* KEYS: lease, cursor. ARGV: owner, nonce ("<home>.<random>", or random alone), ttl (0: only looks), at least, epoch held or 0. -> { granted, epoch, owner } */
const char script_lease[] =
	"local held = redis.call('GET', KEYS[1])\n"
	"local me = ARGV[1] .. ' ' .. ARGV[2]\n"
	"local epoch = redis.call('HGET', KEYS[2], 'epoch')\n"
	"if ARGV[3] == '0' then return {0, epoch or '0', held and string.match(held, '^(.*) ') or ''} end\n"
	"if held == me and epoch then\n"
	"  redis.call('PEXPIRE', KEYS[1], ARGV[3])\n"
	"  return {1, epoch, ARGV[1]}\n"
	"end\n"
	/* the same instance started again: the lock of its home says that the other process is gone. Of another home, or none, one may live */
	"local home = string.match(ARGV[2], '^%x+%.')\n"
	"local before = home and ARGV[1] .. ' ' .. home\n"
	"if held and (not before or string.sub(held, 1, #before) ~= before) then\n"
	"  return {0, epoch or '0', string.match(held, '^(.*) ')}\n"
	"end\n"
	"local last = tonumber(epoch or '0')\n"
	/* ours all the time, and Redis lost it: nobody took a later epoch */
	"if ARGV[5] ~= '0' and last <= tonumber(ARGV[5]) then\n"
	"  redis.call('SET', KEYS[1], me, 'PX', ARGV[3])\n"
	"  redis.call('HSET', KEYS[2], 'epoch', ARGV[5])\n"
	"  return {1, ARGV[5], ARGV[1]}\n"
	"end\n"
	"if tonumber(ARGV[4]) > last then last = tonumber(ARGV[4]) end\n"
	"epoch = string.format('%d', last + 1)\n"
	"redis.call('SET', KEYS[1], me, 'PX', ARGV[3])\n"
	"redis.call('HSET', KEYS[2], 'epoch', epoch)\n"
	"return {1, epoch, ARGV[1]}\n";

/* KEYS: lease. ARGV: owner, nonce */
const char script_release[] = "if redis.call('GET', KEYS[1]) == ARGV[1] .. ' ' .. ARGV[2] then redis.call('DEL', KEYS[1]) end\n"
			      "return 1\n";

/*
 * KEYS: instances. ARGV: name, ttl, partitions led ('' = it leaves), its trail's origin, the book that it knows or '', the one to be written
 * where there is none or '', the partitions that it knows to be begun, whose name it is: the process's home, the partitions that it refuses. -> the
 * book, those that are begun, and name, partitions led, origin, partitions refused, of each living one. By Redis's own time: the hosts' clocks need
 * not agree. Where one is known and not there, all was lost: then a new one is not begun beside it.
 * A name that another home has, or one that says none, and that has not run out: '~twin', and nothing is written. Who leads keeps it before who does not.
 */
const char script_announce[] =
	"local t = redis.call('TIME')\n"
	"local now = t[1] * 1000 + math.floor(t[2] / 1000)\n"
	"local of, no = '~of ' .. ARGV[1], '~no ' .. ARGV[1]\n"
	"if redis.call('HGET', KEYS[1], of) ~= ARGV[8] then\n"
	"  local ends, led = string.match(redis.call('HGET', KEYS[1], ARGV[1]) or '', '^(%d+) (%d+)~? ')\n"
	"  if ends and tonumber(ends) > now and (led ~= '0' or tonumber(string.match(ARGV[3], '%d+') or 0) == 0) then return {'~twin', ''} end\n"
	"end\n"
	"if ARGV[3] == '' then\n"
	"  redis.call('HDEL', KEYS[1], ARGV[1], of, no)\n"
	"else\n"
	"  redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f %s %s', now + ARGV[2], ARGV[3], ARGV[4]), of, ARGV[8])\n"
	"  if ARGV[9] ~= '' then redis.call('HSET', KEYS[1], no, ARGV[9]) else redis.call('HDEL', KEYS[1], no) end\n"
	"end\n"
	"local book = redis.call('HGET', KEYS[1], '~book')\n"
	"if not book and ARGV[5] ~= '' then redis.call('HSET', KEYS[1], '~lost', ARGV[5]) end\n"
	"if not book and ARGV[6] ~= '' and (ARGV[6] == ARGV[5] or not redis.call('HGET', KEYS[1], '~lost')) then\n"
	"  redis.call('HSET', KEYS[1], '~book', ARGV[6])\n"
	"  redis.call('HDEL', KEYS[1], '~lost')\n"
	"  book = ARGV[6]\n"
	"end\n"
	"local begun = redis.call('HGET', KEYS[1], '~begun') or ''\n"
	"if begun ~= ARGV[7] then\n"
	"  local each = {}\n"
	"  for i = 1, math.max(#begun, #ARGV[7]) do\n"
	"    each[i] = (string.sub(begun, i, i) == '1' or string.sub(ARGV[7], i, i) == '1') and '1' or '0'\n"
	"  end\n"
	"  local both = table.concat(each)\n"
	"  if both ~= begun then redis.call('HSET', KEYS[1], '~begun', both) end\n"
	"  begun = both\n"
	"end\n"
	"local all, live = redis.call('HGETALL', KEYS[1]), { book or '', begun }\n"
	"for i = 1, #all, 2 do\n"
	"  local ends, led, origin = string.match(all[i + 1], '^(%d+) (%d+~?) (%S+)$')\n"
	"  if ends and tonumber(ends) > now then\n"
	"    live[#live + 1] = all[i]\n"
	"    live[#live + 1] = led\n"
	"    live[#live + 1] = origin\n"
	"    live[#live + 1] = redis.call('HGET', KEYS[1], '~no ' .. all[i]) or ''\n"
	"  elseif string.sub(all[i], 1, 1) ~= '~' then\n"
	"    redis.call('HDEL', KEYS[1], all[i], '~of ' .. all[i], '~no ' .. all[i])\n"
	"  end\n"
	"end\n"
	"return live\n";

/*
 * KEYS: cursor. ARGV: stream, id or empty to clear, epoch, the number of the try that is not counted until so many seconds after the
 * first, these. -> in how many epochs it was tried. One count a stream, as only its next entry can be tried: where others come before it in
 * every life, its count must not begin anew each time.
 */
const char script_trying[] = "local field = 'trying ' .. ARGV[1]\n"
			     "if ARGV[2] == '' then\n"
			     "  redis.call('HDEL', KEYS[1], field)\n"
			     "  return 0\n"
			     "end\n"
			     "local id, epoch, n, first = string.match(redis.call('HGET', KEYS[1], field) or '', '^(%S+) (%d+) (%d+) ?(%d*)$')\n"
			     "local now = tonumber(redis.call('TIME')[1])\n"
			     "if id ~= ARGV[2] then n = 0; first = now end\n"
			     "n = tonumber(n); first = tonumber(first) or 0\n"
			     "if id == ARGV[2] and epoch == ARGV[3] then return n end\n" /* its answer was lost */
			     "if n + 1 ~= tonumber(ARGV[4]) or now - first >= tonumber(ARGV[5]) or now < first then n = n + 1 end\n"
			     "redis.call('HSET', KEYS[1], field, ARGV[2] .. ' ' .. ARGV[3] .. ' ' .. string.format('%d %d', n, first))\n"
			     "return n\n";

/*
 * KEYS: stream, a place beside it. ARGV: where to go on ('-' begins), how many are copied so far, how many at most now, ids of entries
 * that go. XDEL only marks an entry: its bytes stay in memory, and in what Redis saves, until all its neighbours are gone. So the stream
 * is written anew without them, page by page so that Redis is not held up, with the ids of the others, its last id, and its groups of
 * consumers with what they have pending. -> { where to go on, '' = done; copied so far }
 */
const char script_scrub[] =
	"local info = redis.pcall('XINFO', 'STREAM', KEYS[1])\n"
	"if info.err then return {'', 0} end\n"
	"local from, copied, most = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])\n"
	"if from == '-' then\n"
	"  redis.call('DEL', KEYS[2]); copied = 0\n"
	"elseif redis.call('XLEN', KEYS[2]) ~= copied then\n" /* it went back, or was flushed: from the beginning */
	"  return {'-', 0}\n"
	"end\n"
	"local drop = {}\n"
	"for i = 4, #ARGV do drop[ARGV[i]] = true end\n"
	"local page = redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', most)\n"
	"for _, e in ipairs(page) do\n"
	"  from = '(' .. e[1]\n"
	"  if not drop[e[1]] then redis.call('XADD', KEYS[2], e[1], unpack(e[2])); copied = copied + 1 end\n"
	"end\n"
	"if #page == most then return {from, copied} end\n"
	"local last = '0-0'\n"
	"for i = 1, #info - 1, 2 do if info[i] == 'last-generated-id' then last = info[i + 1] end end\n"
	"if last == '0-0' then redis.call('DEL', KEYS[2]); return {'', 0} end\n"
	"local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)\n"
	"if #first > 0 and copied > 0 then redis.call('XTRIM', KEYS[2], 'MINID', first[1][1]) end\n" /* what was trimmed meanwhile */
	"if redis.call('EXISTS', KEYS[2]) == 0 then\n" /* the last id must stay: it tells whether the stream went back */
	"  redis.call('XADD', KEYS[2], last, 'x', 'x'); redis.call('XDEL', KEYS[2], last)\n"
	"end\n"
	"redis.call('XSETID', KEYS[2], last)\n"
	"for _, g in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do\n"
	"  local group = {}\n"
	"  for i = 1, #g - 1, 2 do group[g[i]] = g[i + 1] end\n"
	"  redis.call('XGROUP', 'CREATE', KEYS[2], group.name, group['last-delivered-id'])\n"
	"  local at = '-'\n"
	"  repeat\n"
	"    local pending = redis.call('XPENDING', KEYS[1], group.name, at, '+', '500')\n"
	"    for _, p in ipairs(pending) do\n"
	"      at = '(' .. p[1]\n"
	"      if not drop[p[1]] then\n"
	"        redis.call('XCLAIM', KEYS[2], group.name, p[2], '0', p[1], 'IDLE', p[3], 'RETRYCOUNT', p[4], 'FORCE', 'JUSTID')\n"
	"      end\n"
	"    end\n"
	"  until #pending < 500\n"
	"end\n"
	"redis.call('RENAME', KEYS[2], KEYS[1])\n"
	"return {'', copied}\n";
