#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "common/contact.h"
#include "common/hash.h"
#include "common/keys.h"
#include "common/reply.h"
#include "daemon/intake_internal.h"
#include "daemon/log_id.h"

#define SCRIPT_EVENTS 500
#define SCRIPT_BYTES (1024 * 1024) /* of events; the bytes beside them come on top */

/*
 * KEYS: the stream, that of those which wait, the bytes beside the events; of each event one that says that it is known; perhaps one for what counts
 * once. ARGV: how many events, how long they are known, the body's digest, how many may wait, how long bytes are kept, the bytes ('' = they are in the
 * events); then of each event its text, and what it waits with ('' = it does not).
 */
static const char save_text[] =
	"local n, once = tonumber(ARGV[1]), KEYS[tonumber(ARGV[1]) + 4]\n"
	"if once then\n"
	"  local was = redis.call('GET', once)\n"
	"  if was and was ~= ARGV[3] then return -1 end\n"
	"end\n"
	"local added, known, fresh, waits = 0, {}, false, 0\n"
	"for i = 1, n do\n"
	"  known[i] = redis.call('EXISTS', KEYS[i + 3]) == 1\n"
	"  fresh = fresh or not known[i]\n"
	"  if not known[i] and ARGV[2 * i + 6] ~= '' then waits = waits + 1 end\n"
	"end\n"
	"if waits > 0 and redis.call('XLEN', KEYS[2]) + waits > tonumber(ARGV[4]) then return -2 end\n"
	"if fresh and ARGV[6] ~= '' then redis.call('SET', KEYS[3], ARGV[6], 'PX', ARGV[5]) end\n"
	"for i = 1, n do\n"
	"  if known[i] or redis.call('EXISTS', KEYS[i + 3]) == 1 then\n" /* of two that are the same the first one made it known */
	"    redis.call('PEXPIRE', KEYS[i + 3], ARGV[2])\n"
	"  else\n"
	"    if ARGV[2 * i + 6] == '' then\n"
	"      redis.call('XADD', KEYS[1], '*', 'event', ARGV[2 * i + 5])\n"
	"    else\n"
	"      redis.call('XADD', KEYS[2], '*', 'event', ARGV[2 * i + 5], 'wait', ARGV[2 * i + 6])\n"
	"    end\n"
	"    redis.call('SET', KEYS[i + 3], '1', 'PX', ARGV[2])\n"
	"    added = added + 1\n"
	"  end\n"
	"end\n"
	"if once then redis.call('SET', once, ARGV[3], 'PX', ARGV[2]) end\n"
	"return added\n";

struct call;
struct told { /* one event on its way into a stream */
	struct call *call;
	struct hook_event event;
	struct intake_proof proof;
	struct slice apart; /* what goes beside it */
	uint32_t partition;
	bool found;
	struct attempt_entry entry; /* when found */
	const char *attempt_id; /* ours: echoed, or where a reference led; NULL = not known */
	bool by_address; /* it was the address that led there */
	const char **debtors; /* all who have its address, where that matters */
	size_t debtor_count, debtor_capacity;
	bool waits; /* its message may be one of ours whose id is not known yet: see intake_wait.c */
};

struct call { /* one batch that waits for Redis */
	struct intake *intake;
	struct intake_batch batch;
	intake_done_fn done;
	void *arg;
	struct arena *arena; /* the batch's */
	struct told *told;
	size_t count, waits; /* waits: answers of Redis still to come */
	char body_sha256[2 * SHA256_SIZE + 1];
	uint32_t saving; /* the partition whose events are being saved */
	size_t at; /* the first of `told` behind those which its scripts have */
	size_t saved; /* how many the last script has */
	bool waiting; /* and some of them wait */
	struct intake_result result;
	bool failed;
	struct call *next, **link;
};

void intake_note(struct intake *intake, int priority, const char *format, ...)
{
	char line[400];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	intake->settings.note(priority, line, intake->settings.note_arg);
}

static void call_free(struct call *call)
{
	*call->link = call->next;
	if (call->next)
		call->next->link = call->link;
	free(call);
}

static void call_end(struct call *call, enum intake_end end)
{
	intake_done_fn done = call->done;
	void *arg = call->arg;
	struct intake_result result = call->result;

	result.end = end;
	call_free(call);
	done(&result, arg);
}

/* --- into the stream ---------------------------------------------------------------------------------------------------------- */

static void save_next(struct call *call);

char *intake_seen_key(const struct intake *intake, struct arena *arena, uint32_t partition, const char *what, const char *provider, const char *source,
	const char *id)
{
	struct keyspace keys = { intake->settings.config->prefix, partition };
	const char *both = arena_printf(arena, "%s\n%s\n%s\n%s", what, provider, source, id);
	uint8_t digest[SHA256_SIZE];
	char hex[2 * 16 + 1];

	sha256(both, strlen(both), digest);
	return key_of(arena, &keys, arena_printf(arena, "hook:%s", hex_format(digest, 16, hex)));
}

static char *seen_key(struct call *call, uint32_t partition, const char *what, const char *id)
{
	const struct hook_origin *origin = call->batch.origin;

	return intake_seen_key(call->intake, call->arena, partition, what, origin->provider, origin->source, id);
}

/* By its address it may be told to several debtors of one partition. */
static char *event_seen_key(struct call *call, const struct told *told)
{
	const char *id = told->event.id;

	if (told->found && told->by_address && !told->waits)
		id = arena_printf(call->arena, "%s\n%s", id, told->entry.debtor_id);
	return seen_key(call, told->partition, "event", id);
}

static void on_saved(int r, const struct redis_reply *reply, void *arg)
{
	struct call *call = arg;
	int64_t added = reply && reply->type == REDIS_INTEGER ? reply->integer : 0;

	if (r < 0 || reply->type != REDIS_INTEGER) {
		if (reply && reply->type == REDIS_ERROR)
			intake_note(call->intake, LOG_ERR | MSG(HOOK_REFUSED), "intake: Redis did not take what provider %s told: %.100s", call->batch.origin->provider, reply->str);
		call_end(call, INTAKE_UNSAVED);
		return;
	}
	if (added == -2) {
		intake_note(call->intake, LOG_WARNING | MSG(HOOK_REFUSED), "intake: %d receipts wait for their messages, and provider %s tells another one: not taken for now", INTAKE_WAITS_MAX,
			call->batch.origin->provider);
		intake_wait_soon(call->intake);
		call_end(call, INTAKE_UNSAVED);
		return;
	}
	if (added < 0) {
		intake_note(call->intake, LOG_WARNING | MSG(HOOK_REFUSED), "intake: provider %s: a token that was used came with another body", call->batch.origin->provider);
		call_end(call, INTAKE_REPLAYED);
		return;
	}
	call->result.added += (size_t)added;
	call->result.known += call->saved - (size_t)added;
	if (added && call->waiting)
		intake_wait_soon(call->intake);
	save_next(call);
}

/* As it waits: whom its address leads to, and how long it is known. */
static const char *wait_text(const struct call *call, const struct told *told, struct arena *arena)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct json_writer w = jw_init(&text);

	jw_object(&w, NULL);
	jw_opt_str(&w, "last", told->attempt_id);
	jw_int(&w, "seen_ms", call->batch.seen_ms);
	jw_end_object(&w);
	return arena_strdup(arena, buf_str(&text));
}

/*
 * Of one partition as many as one script takes: it is one command for Redis, all or nothing. Those that have the same bytes beside them go together, and
 * the bytes once: an address may be that of any number of debtors. False: none of the partition are left.
 */
static bool save_some(struct call *call)
{
	struct intake *intake = call->intake;
	CLEANUP(arena_freep) struct arena *arena = arena_create(); /* the link copies what it sends */
	struct keyspace keyspace = { intake->settings.config->prefix, call->saving };
	const char *once = call->saving == 0 ? TAKE(call->batch.once) : NULL;
	const struct told *some[SCRIPT_EVENTS];
	struct slice texts[SCRIPT_EVENTS];
	const char *argv[3 * SCRIPT_EVENTS + 10], *apart;
	size_t lens[ARRAY_LEN(argv)], n = 0, bytes = 0, keys = 0, args;

	call->waiting = false;
	for (; call->at < call->count && n < SCRIPT_EVENTS && bytes < SCRIPT_BYTES; call->at++) {
		const struct told *told = &call->told[call->at];
		CLEANUP(buf_clear) struct buf text = { 0 };

		if (told->partition != call->saving)
			continue;
		if (n && told->proof.apart_sha256 != some[0]->proof.apart_sha256) /* copies of one telling have the same pointer */
			break;
		intake_event_write(&text, call->batch.origin, &told->event, &told->proof, told->found && !told->waits ? &told->entry : NULL,
			told->by_address);
		texts[n] = (struct slice){ arena_memdup(arena, buf_str(&text), text.len), text.len };
		some[n++] = told;
		bytes += text.len;
		call->waiting |= told->waits;
	}
	call->saved = n;
	if (!n && !once)
		return false;
	apart = n ? some[0]->proof.apart_sha256 : NULL;
	argv[keys++] = key_events(arena, &keyspace, NULL);
	argv[keys++] = key_of(arena, &keyspace, INTAKE_WAITS);
	argv[keys++] = key_body(arena, &keyspace, apart ? apart : ""); /* any name where nothing goes there */
	for (size_t i = 0; i < n; i++)
		argv[keys++] = event_seen_key(call, some[i]);
	if (once)
		argv[keys++] = seen_key(call, call->saving, "once", once);
	args = keys;
	argv[args++] = arena_printf(arena, "%zu", n);
	argv[args++] = arena_printf(arena, "%lld", (long long)call->batch.seen_ms);
	argv[args++] = call->body_sha256;
	argv[args++] = arena_printf(arena, "%d", INTAKE_WAITS_MAX);
	argv[args++] = arena_printf(arena, "%lld", (long long)INTAKE_BODY_MS);
	for (size_t i = 0; i < args; i++)
		lens[i] = strlen(argv[i]);
	argv[args] = apart ? (const char *)some[0]->apart.data : "";
	lens[args++] = apart ? some[0]->apart.len : 0;
	for (size_t i = 0; i < n; i++) {
		argv[args] = (const char *)texts[i].data;
		lens[args++] = texts[i].len;
		argv[args] = some[i]->waits ? wait_text(call, some[i], arena) : "";
		lens[args] = strlen(argv[args]);
		args++;
	}
	redis_link_script_kept(redis_links_at(intake->redis, call->saving), &intake->save, intake->settings.config->redis_replicas, keys, args, argv, lens, INTAKE_REDIS_MS, on_saved, call);
	return true;
}

static void save_next(struct call *call)
{
	for (; call->saving < (uint32_t)call->intake->settings.config->partitions; call->saving++, call->at = 0)
		if (save_some(call))
			return;
	call_end(call, INTAKE_SAVED);
}

/*
 * The provider's id alone, and no message of ours is known by it: it may be one whose answer, or whose commit, comes only after this. An answer of
 * the debtor's is read by a person in any case, and who wants no more is not written to from now on, whichever message it was about; of
 * one that was kept back it matters which, or its step stays as sent.
 */
static bool waits(const struct call *call, const struct told *told)
{
	const struct hook_event *event = &told->event;
	bool known = told->attempt_id && !told->by_address;

	return call->batch.adapter && call->batch.origin->verified && event->message_id && !event->attempt_id && !known && event->word != HOOK_REPLIED &&
	       !(told->found && (event->word == HOOK_STOPPED || event->word == HOOK_COMPLAINED));
}

/* The channel by which somebody wrote from there. */
static enum channel channel_of(const struct adapter *adapter, const char *address)
{
	bool mail = strchr(address, '@') != NULL;

	for (int c = 0; c < CHANNEL_COUNT; c++)
		if (adapter_serves(adapter, (enum channel)c) && (c == CHANNEL_EMAIL) == mail && c != CHANNEL_LETTER)
			return (enum channel)c;
	return mail ? CHANNEL_EMAIL : CHANNEL_SMS;
}

/*
 * To each debtor who has its address. Whose answer it is nobody can say where several have it: that one of them waits for some days for nothing does less
 * harm than to go on chasing the one who wrote.
 */
static void tell_debtors(struct call *call)
{
	size_t count = call->count, n = 0;
	struct told *all;

	for (size_t i = 0; i < call->count; i++)
		count += call->told[i].debtor_count;
	all = arena_alloc(call->arena, (count + 1) * sizeof(*all));
	for (size_t i = 0; i < call->count; i++) {
		const struct told *told = &call->told[i];
		size_t first = n;

		if (told->found || !told->debtor_count)
			all[n++] = *told;
		for (size_t k = 0; k < told->debtor_count; k++) {
			const char *debtor = told->debtors[k];

			if (told->found && strcmp(told->entry.debtor_id, debtor) == 0)
				continue;
			all[n] = *told;
			all[n].found = all[n].by_address = true;
			all[n].event.announced = false; /* of which invoices? A person reads it */
			all[n].entry = (struct attempt_entry){ .debtor_id = debtor, .channel = channel_names[channel_of(call->batch.adapter, told->event.address)] };
			all[n++].partition = partition_of(debtor, (uint32_t)call->intake->settings.config->partitions);
		}
		if (n > first + 1 && all[first].by_address && told->event.word == HOOK_BOUNCED_HARD)
			all[first].entry.invoice_count = 0; /* whose message came back nobody can say */
	}
	call->told = all;
	call->count = n;
}

/* Its stream is recorded in its order: what lies beside several of its events goes with the last of them. */
static bool stays(const struct call *call, size_t at)
{
	const struct told *told = &call->told[at], *other;

	for (size_t i = at + 1; told->proof.apart_sha256 && i < call->count; i++) {
		other = &call->told[i];
		if (other->partition == told->partition && other->proof.apart_sha256 && strcmp(other->proof.apart_sha256, told->proof.apart_sha256) == 0)
			return true;
	}
	return false;
}

/* Our own link tells of its attempt alone. */
static void save(struct call *call)
{
	size_t n = 0;

	tell_debtors(call);
	for (size_t i = 0; i < call->count; i++)
		if (waits(call, &call->told[i])) {
			call->told[i].waits = true;
			call->told[i].partition = 0; /* those of all partitions wait there */
		}
	for (size_t i = 0; i < call->count; i++)
		if (call->batch.adapter || call->told[i].found)
			call->told[n++] = call->told[i];
	call->result.lost = call->count - n;
	call->count = n;
	for (size_t i = 0; i < n; i++)
		call->told[i].proof.apart_stays = stays(call, i);
	save_next(call);
}

/* --- whom else it is about ------------------------------------------------------------------------------------------------------- */

/*
 * Who wants no more means every debtor who is written to there, and so does who is not there. An answer that names no message of ours may be of any of a
 * debtor's contacts. All else is about one message.
 */
static bool asks_debtors(const struct call *call, const struct told *told)
{
	const struct hook_event *event = &told->event;

	if (!call->batch.adapter || !event->address)
		return false;
	if (event->word == HOOK_STOPPED || event->word == HOOK_COMPLAINED)
		return true;
	if (event->word == HOOK_BOUNCED_HARD && !event->attempt_id && !event->message_id)
		return true;
	return event->word == HOOK_REPLIED && (!told->found || told->by_address || reply_wish(event->text) == REPLY_OPT_OUT);
}

struct asking { /* one partition */
	struct call *call;
	struct told *told; /* whose debtors; NULL: the references of all */
	uint32_t partition;
};

static void on_debtors(int r, const struct redis_reply *reply, void *arg)
{
	const struct asking *asking = arg;
	struct call *call = asking->call;
	struct told *told = asking->told;

	call->failed |= r < 0 || reply->type != REDIS_ARRAY;
	for (size_t i = 0; !call->failed && i < reply->count; i++) {
		if (reply->items[i].type != REDIS_STRING || !id_valid(reply->items[i].str))
			continue;
		told->debtors = arena_grow(call->arena, told->debtors, told->debtor_count, &told->debtor_capacity, sizeof(*told->debtors));
		told->debtors[told->debtor_count++] = arena_strdup(call->arena, reply->items[i].str);
	}
	if (--call->waits)
		return;
	if (call->failed)
		call_end(call, INTAKE_UNSAVED);
	else
		save(call);
}

static void find_debtors(struct call *call)
{
	const struct intake_settings *s = &call->intake->settings;

	call->waits = 1; /* until all are asked */
	for (size_t i = 0; i < call->count; i++)
		for (uint32_t p = 0; asks_debtors(call, &call->told[i]) && p < (uint32_t)s->config->partitions; p++) {
			struct keyspace keys = { s->config->prefix, p };
			const char *argv[] = { "HKEYS", key_address(call->arena, &keys, s->install_key, call->told[i].event.address) };
			struct asking *asking = arena_alloc(call->arena, sizeof(*asking));

			*asking = (struct asking){ call, &call->told[i], p };
			call->waits++;
			redis_link_command(redis_links_at(call->intake->redis, p), ARRAY_LEN(argv), argv, NULL, INTAKE_REDIS_MS, on_debtors, asking);
		}
	if (--call->waits == 0)
		save(call);
}

/* --- whom it is about --------------------------------------------------------------------------------------------------------- */

static void on_entry(int r, const struct redis_reply *reply, void *arg)
{
	struct told *told = arg;
	struct call *call = told->call;

	if (r < 0 || reply->type == REDIS_ERROR)
		call->failed = true;
	else if (reply->type == REDIS_STRING)
		told->found = attempt_entry_read(call->arena, arena_memdup(call->arena, reply->str, reply->len), reply->len, &told->entry, NULL) == 0 &&
			told->entry.id;
	if (told->found && id_valid(told->entry.debtor_id)) /* whose partition may be another than the id's: they were spread anew since */
		told->partition = partition_of(told->entry.debtor_id, (uint32_t)call->intake->settings.config->partitions);
	if (--call->waits)
		return;
	if (call->failed)
		call_end(call, INTAKE_UNSAVED);
	else
		find_debtors(call);
}

uint32_t intake_partition_in(const char *attempt_id, uint32_t partitions)
{
	uint32_t partition = attempt_partition(attempt_id);

	return partition < partitions ? partition : 0;
}

static void find_attempts(struct call *call)
{
	struct intake *intake = call->intake;

	for (size_t i = 0; i < call->count; i++)
		call->waits += call->told[i].attempt_id != NULL;
	if (!call->waits) {
		find_debtors(call);
		return;
	}
	for (size_t i = 0; i < call->count; i++) {
		struct told *told = &call->told[i];
		struct keyspace keys = { .prefix = intake->settings.config->prefix };
		const char *argv[] = { "GET", NULL };

		if (!told->attempt_id)
			continue;
		told->partition = keys.partition = intake_partition_in(told->attempt_id, (uint32_t)intake->settings.config->partitions);
		argv[1] = key_attempt(call->arena, &keys, told->attempt_id);
		redis_link_command(redis_links_at(intake->redis, told->partition), ARRAY_LEN(argv), argv, NULL, INTAKE_REDIS_MS, on_entry, told);
	}
}

/* --- by a reference, where our id was not echoed -------------------------------------------------------------------------------- */

#define REFERENCES_MAX (1 + CHANNEL_COUNT)

/* The keys that may lead to its attempt, best first. */
static size_t references(const struct call *call, const struct told *told, uint32_t partition, const char *ret[REFERENCES_MAX])
{
	const struct intake_settings *s = &call->intake->settings;
	struct keyspace keys = { s->config->prefix, partition };
	size_t n = 0;

	if (told->event.attempt_id)
		return 0;
	if (told->event.message_id)
		ret[n++] = key_reference(call->arena, &keys, s->install_key, "message", call->batch.origin->provider, told->event.message_id);
	for (int c = 0; c < CHANNEL_COUNT && told->event.address; c++)
		if (adapter_serves(call->batch.adapter, (enum channel)c))
			ret[n++] = key_reference(call->arena, &keys, s->install_key, "address", channel_names[c], told->event.address);
	return n;
}

static void on_references(int r, const struct redis_reply *reply, void *arg)
{
	const struct asking *asking = arg;
	struct call *call = asking->call;
	size_t at = 0;

	call->failed |= r < 0 || reply->type != REDIS_ARRAY;
	for (size_t i = 0; !call->failed && i < call->count; i++) {
		struct told *told = &call->told[i];
		const char *keys[REFERENCES_MAX];
		size_t n = references(call, told, asking->partition, keys);

		for (size_t k = 0; k < n && at < reply->count; k++, at++) {
			const struct redis_reply *id = &reply->items[at];
			bool by_address = k > 0 || !told->event.message_id;

			if (id->type != REDIS_STRING || id->len != ATTEMPT_ID_SIZE - 1 || (told->attempt_id && (by_address || !told->by_address)))
				continue;
			told->attempt_id = arena_strdup(call->arena, id->str);
			told->by_address = by_address;
		}
	}
	if (--call->waits)
		return;
	if (call->failed)
		call_end(call, INTAKE_UNSAVED);
	else
		find_attempts(call);
}

static void find_references(struct call *call)
{
	uint32_t partitions = (uint32_t)call->intake->settings.config->partitions;
	const char **argv = arena_alloc(call->arena, (REFERENCES_MAX * call->count + 2) * sizeof(*argv));

	call->waits = 1; /* until all are asked */
	for (uint32_t p = 0; p < partitions; p++) {
		struct asking *asking = arena_alloc(call->arena, sizeof(*asking));
		size_t argc = 0;

		*asking = (struct asking){ .call = call, .partition = p };
		argv[argc++] = "MGET";
		for (size_t i = 0; i < call->count; i++)
			argc += references(call, &call->told[i], p, argv + argc);
		if (argc == 1)
			continue;
		call->waits++;
		redis_link_command(redis_links_at(call->intake->redis, p), argc, argv, NULL, INTAKE_REDIS_MS, on_references, asking);
	}
	if (--call->waits == 0)
		find_attempts(call);
}

/* --- the whole ---------------------------------------------------------------------------------------------------------------- */

static void digest_text(const void *data, size_t len, char ret[2 * SHA256_SIZE + 1])
{
	uint8_t digest[SHA256_SIZE];

	sha256(data, len, digest);
	hex_format(digest, sizeof(digest), ret);
}

static void told_init(struct told *told, struct call *call, const struct hook_event *event)
{
	char hex[2 * SHA256_SIZE + 1];

	*told = (struct told){ .call = call, .event = *event, .proof = { .body_sha256 = call->body_sha256 }, .attempt_id = event->attempt_id };
	if (!intake_event_apart(call->batch.origin, event, &told->apart))
		return;
	digest_text(told->apart.data, told->apart.len, hex);
	told->proof.apart_sha256 = arena_strdup(call->arena, hex);
}

void intake_take(struct intake *intake, const struct intake_batch *batch, intake_done_fn done, void *arg)
{
	struct call *call = xcalloc(1, sizeof(*call));

	*call = (struct call){ .intake = intake, .batch = *batch, .done = done, .arg = arg, .arena = batch->arena, .next = intake->calls,
		.link = &intake->calls };
	if (call->next)
		call->next->link = &call->next;
	intake->calls = call;
	call->told = arena_alloc(call->arena, (batch->count + 1) * sizeof(*call->told));
	digest_text(batch->origin->request->body, batch->origin->request->body_len, call->body_sha256);
	for (size_t i = 0; i < batch->count; i++)
		if (batch->events[i].word != HOOK_IGNORED)
			told_init(&call->told[call->count++], call, &batch->events[i]);
	if (!call->count)
		call_end(call, INTAKE_SAVED);
	else if (!redis_links_connected(intake->redis))
		call_end(call, INTAKE_UNSAVED);
	else
		find_references(call);
}

struct redis_links *intake_links(struct intake *intake)
{
	return intake->redis;
}

struct intake *intake_create(struct event_base *base, const struct intake_settings *settings)
{
	struct intake *intake = xcalloc(1, sizeof(*intake));

	intake->settings = *settings;
	intake->base = base;
	redis_script_init(&intake->save, save_text);
	intake->redis = redis_links_create(base, settings->redis, settings->config->prefix, (uint32_t)settings->config->partitions, NULL, NULL);
	redis_links_open(intake->redis);
	intake_wait_create(intake);
	return intake;
}

void intake_destroy(struct intake *intake)
{
	if (!intake)
		return;
	redis_links_destroy(intake->redis); /* it calls nobody any more */
	intake_wait_destroy(intake);
	while (intake->calls)
		call_free(intake->calls);
	free(intake);
}
