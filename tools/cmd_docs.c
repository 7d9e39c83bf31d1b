/* Documents out of Redis, and what comes next for them by the rules of common/. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "tools/cmd.h"

#define SCAN_COUNT "1000"
#define POLICY_FILE_MAX (256 * 1024)

/* --- policies, by the digest of their file ------------------------------------------------------------------------------------------ */

struct policy_shelf {
	struct policy **policies;
	size_t count, capacity;
};

static void free_policy(void *policy)
{
	policy_free(policy);
}

/* A file that is no policy is passed over: `policy check` is there to complain. */
static void read_policies(struct ctl *ctl, const char *dir)
{
	char **names;
	size_t count;

	if (!dir || file_list(ctl->arena, dir, ".json", &names, &count) < 0)
		return;
	for (size_t i = 0; i < count; i++) {
		CLEANUP(buf_clear) struct buf text = { 0 };
		struct policy *policy = NULL;

		if (file_read(arena_printf(ctl->arena, "%s/%s", dir, names[i]), POLICY_FILE_MAX, &text, NULL) < 0 ||
			policy_parse(buf_str(&text), text.len, &policy, NULL) < 0)
			continue;
		arena_defer(ctl->arena, free_policy, policy);
		ctl->shelf->policies = arena_grow(ctl->arena, ctl->shelf->policies, ctl->shelf->count, &ctl->shelf->capacity,
			sizeof(struct policy *));
		ctl->shelf->policies[ctl->shelf->count++] = policy;
	}
}

/* Every version that may be walked: what the daemon kept, and the files of today. */
const struct policy *ctl_policy(struct ctl *ctl, const char *digest)
{
	if (!ctl->shelf) {
		ctl->shelf = arena_alloc(ctl->arena, sizeof(*ctl->shelf));
		if (ctl->configured)
			read_policies(ctl, arena_printf(ctl->arena, "%s/policies", ctl->config->state_dir));
		read_policies(ctl, ctl->config->policy_dir);
		read_policies(ctl, arena_printf(ctl->arena, "%s/policies", ctl_share(ctl)));
	}
	for (size_t i = 0; i < ctl->shelf->count; i++)
		if (strcmp(ctl->shelf->policies[i]->digest, digest) == 0)
			return ctl->shelf->policies[i];
	return NULL;
}

/* --- loading ------------------------------------------------------------------------------------------------------------------------ */

static int load_values(struct ctl *ctl, struct arena *arena, const char *const *keys, size_t count, const struct redis_reply **ret)
{
	const char **argv = arena_alloc(arena, (count + 1) * sizeof(*argv));
	int r;

	argv[0] = "MGET";
	memcpy(argv + 1, keys, count * sizeof(*argv));
	r = ctl_askv(ctl, arena, ret, count + 1, argv, NULL);
	if (r == 0 && (*ret)->count != count)
		return ctl_fail(ctl, EXIT_UNAVAILABLE, "redis_refuses", "Redis gave %zu values for %zu keys", (*ret)->count, count);
	return r;
}

static int by_debtor(const void *a, const void *b)
{
	const struct entry *const *x = a, *const *y = b;

	return strcmp((*x)->e.invoice.debtor_id, (*y)->e.invoice.debtor_id);
}

/* One read for each debtor, however many invoices it has. */
static int load_debtors(struct ctl *ctl, struct arena *arena, uint32_t partition, struct entry *entries, size_t count)
{
	struct keyspace keys = ctl_keys(ctl, partition);
	struct entry **sorted = arena_alloc(arena, (count + 1) * sizeof(*sorted));
	const char **names = arena_alloc(arena, (count + 1) * sizeof(*names));
	const struct redis_reply *reply;
	size_t named = 0, asked = 0, next = 0;
	int r;

	for (size_t i = 0; i < count; i++)
		if (entries[i].e.invoice.debtor_id)
			sorted[named++] = &entries[i];
	if (!named)
		return 0;
	qsort(sorted, named, sizeof(*sorted), by_debtor);
	for (size_t i = 0; i < named; i++)
		if (i == 0 || by_debtor(&sorted[i - 1], &sorted[i]) != 0)
			names[asked++] = key_debtor(arena, &keys, sorted[i]->e.invoice.debtor_id);
	r = load_values(ctl, arena, names, asked, &reply);
	if (r != 0)
		return r;
	for (size_t i = 0; i < named; i++) {
		struct debtor *d;
		struct err err = { 0 };

		if (i > 0 && by_debtor(&sorted[i - 1], &sorted[i]) == 0) {
			sorted[i]->d = sorted[i - 1]->d;
			continue;
		}
		if (reply->items[next].type == REDIS_STRING) {
			d = arena_alloc(arena, sizeof(*d));
			if (debtor_read(arena, reply->items[next].str, reply->items[next].len, d, &err) == 0)
				sorted[i]->d = d;
			else
				ctl_warn(ctl, "the document %s is not one of ours: %s %s", names[next], err.path, err.text);
		}
		next++;
	}
	return 0;
}

static void settle(struct ctl *ctl, struct entry *entry)
{
	const char *zone = ctl->config->creditor.zone;

	if (entry->d)
		zone = debtor_zone(entry->d, zone);
	if (zone_get(zone, &entry->zone) < 0)
		entry->zone = NULL;
	if (entry->e.policy_digest)
		entry->policy = ctl_policy(ctl, entry->e.policy_digest);
}

int entries_load(struct ctl *ctl, struct arena *arena, uint32_t partition, const char *const *ids, size_t count,
	struct entry *ret, size_t *ret_count, entry_bad_fn bad, void *arg)
{
	struct keyspace keys = ctl_keys(ctl, partition);
	const char **names = arena_alloc(arena, (count + 1) * sizeof(*names));
	const struct redis_reply *reply;
	int r;

	*ret_count = 0;
	if (!count)
		return 0;
	for (size_t i = 0; i < count; i++)
		names[i] = key_escalation(arena, &keys, ids[i]);
	r = load_values(ctl, arena, names, count, &reply);
	if (r != 0)
		return r;
	for (size_t i = 0; i < count; i++) {
		struct entry *entry = &ret[*ret_count];
		struct err err = { 0 };

		if (reply->items[i].type != REDIS_STRING)
			continue;
		*entry = (struct entry){ .partition = partition };
		if (escalation_read(arena, reply->items[i].str, reply->items[i].len, &entry->e, &err) < 0) {
			if (bad)
				bad(ids[i], &err, arg);
			continue;
		}
		++*ret_count;
	}
	r = load_debtors(ctl, arena, partition, ret, *ret_count);
	for (size_t i = 0; i < *ret_count && r == 0; i++)
		settle(ctl, &ret[i]);
	return r;
}

int entries_timers(struct ctl *ctl, struct arena *arena, uint32_t partition, struct entry *entries, size_t count)
{
	struct keyspace keys = ctl_keys(ctl, partition);
	const char **argv = arena_alloc(arena, (count + 2) * sizeof(*argv));
	const struct redis_reply *reply;
	int r;

	if (!count)
		return 0;
	argv[0] = "ZMSCORE";
	argv[1] = key_of(arena, &keys, "due");
	for (size_t i = 0; i < count; i++)
		argv[i + 2] = entries[i].e.invoice.id;
	r = ctl_askv(ctl, arena, &reply, count + 2, argv, NULL);
	for (size_t i = 0; i < count && r == 0 && i < reply->count; i++)
		entries[i].timer = reply->items[i].type == REDIS_STRING ? strtoll(reply->items[i].str, NULL, 10) : 0;
	return r;
}

static void refuse_one(const char *invoice_id, const struct err *err, void *arg)
{
	struct err *ret = arg;

	(void)err_set(ret, -EBADMSG, "not_ours", "", "the document of invoice %s is not one of ours: %s %s", invoice_id, err->path,
		err->text);
}

int entry_find(struct ctl *ctl, struct arena *arena, const char *invoice_id, struct entry *ret)
{
	int r = ctl_config(ctl, false);

	if (r != 0)
		return r;
	if (!id_valid(invoice_id))
		return ctl_fail(ctl, EXIT_USAGE, "bad_id", "\"%s\" is no invoice id", invoice_id);
	for (uint32_t p = 0; p < ctl_partitions(ctl); p++) {
		struct err err = { 0 };
		size_t found;

		r = entries_load(ctl, arena, p, &invoice_id, 1, ret, &found, refuse_one, &err);
		if (r != 0)
			return r;
		if (err.code[0])
			return ctl_fail_err(ctl, EXIT_FOUND, &err);
		if (found)
			return entries_timers(ctl, arena, p, ret, 1);
	}
	return ctl_fail(ctl, EXIT_FOUND, "unknown_invoice", "no invoice %s is known", invoice_id);
}

static int scan_page(struct ctl *ctl, struct arena *arena, uint32_t partition, const struct redis_reply *page, size_t skip,
	entries_fn fn, entry_bad_fn bad, void *arg)
{
	const char **ids = arena_alloc(arena, (page->count + 1) * sizeof(*ids));
	struct entry *entries = arena_alloc(arena, (page->count + 1) * sizeof(*entries));
	size_t count;
	int r;

	for (size_t i = 0; i < page->count; i++)
		ids[i] = page->items[i].str + skip;
	r = entries_load(ctl, arena, partition, ids, page->count, entries, &count, bad, arg);
	if (r == 0)
		r = entries_timers(ctl, arena, partition, entries, count);
	return r == 0 && count ? fn(ctl, arena, entries, count, arg) : r;
}

int entries_scan(struct ctl *ctl, uint32_t partition, entries_fn fn, entry_bad_fn bad, void *arg)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct keyspace keys = ctl_keys(ctl, partition);
	const char *prefix = key_escalation(ctl->arena, &keys, ""), *pattern = key_escalation(ctl->arena, &keys, "*");
	char cursor[32] = "0";
	int r;

	do {
		const struct redis_reply *reply;

		arena_clear(arena);
		r = ctl_ask(ctl, arena, &reply, "SCAN", cursor, "MATCH", pattern, "COUNT", SCAN_COUNT, NULL);
		if (r != 0)
			return r;
		if (reply->count != 2 || reply->items[0].len >= sizeof(cursor))
			return ctl_fail(ctl, EXIT_UNAVAILABLE, "redis_refuses", "Redis gave no answer to SCAN that makes sense");
		snprintf(cursor, sizeof(cursor), "%s", reply->items[0].str);
		r = scan_page(ctl, arena, partition, &reply->items[1], strlen(prefix), fn, bad, arg);
	} while (r == 0 && strcmp(cursor, "0") != 0);
	return r;
}

bool entry_open(const struct entry *entry)
{
	return entry->e.state != ESCALATION_NONE && entry->e.state != ESCALATION_STUB && entry->e.state != ESCALATION_CLOSED;
}

int ctl_system(struct ctl *ctl, struct arena *arena, uint32_t partition, struct debtor *ret)
{
	struct keyspace keys;
	const struct redis_reply *reply;
	struct err err = { 0 };
	int r = ctl_config(ctl, false);

	if (r != 0)
		return r;
	keys = ctl_keys(ctl, partition);
	*ret = (struct debtor){ .id = SYSTEM_CASE };
	r = ctl_ask(ctl, arena, &reply, "GET", key_debtor(arena, &keys, SYSTEM_CASE), NULL);
	if (r == 0 && reply->type == REDIS_STRING && debtor_read(arena, reply->str, reply->len, ret, &err) < 0)
		return ctl_fail(ctl, EXIT_FOUND, "not_ours", "the document of the system case is not one of ours: %s %s", err.path, err.text);
	return r;
}

/* --- what comes next ------------------------------------------------------------------------------------------------------------------ */

static struct debtor *system_case(struct ctl *ctl, uint32_t partition)
{
	if (!ctl->systems)
		ctl->systems = arena_alloc(ctl->arena, ctl_partitions(ctl) * sizeof(*ctl->systems));
	if (!ctl->systems[partition]) {
		struct debtor *d = ctl->systems[partition] = arena_alloc(ctl->arena, sizeof(*d));

		if (ctl_system(ctl, ctl->arena, partition, d) != 0)
			*d = (struct debtor){ .id = SYSTEM_CASE };
	}
	return ctl->systems[partition];
}

const struct books *ctl_books(struct ctl *ctl, uint32_t partition)
{
	return &system_case(ctl, partition)->books;
}

int64_t ctl_payments_known_to(struct ctl *ctl)
{
	return debtor_payments_known_to(system_case(ctl, 0), ctl->config->ledgers);
}

int64_t ctl_stale_since(struct ctl *ctl, const struct policy *policy)
{
	return feed_stale_since(policy, debtor_payments_known_to(system_case(ctl, 0), ctl->config->ledgers), ctl->now);
}

bool ctl_feed_unknown(struct ctl *ctl)
{
	return !system_case(ctl, 0)->feed_count;
}

/* The policy's file is not at hand: what the daemon wrote down last. */
static struct next_action as_noted(const struct escalation *e)
{
	struct next_action next = { .kind = NEXT_CONTACT, .at = e->acts_at ? e->acts_at : e->next_at, .why = "as_noted" };

	switch (e->state) {
	case ESCALATION_SENDING:
		return (struct next_action){ .kind = NEXT_BUSY, .at = e->look_at, .why = "sending" };
	case ESCALATION_DOUBT:
		return (struct next_action){ .kind = NEXT_RESOLVE, .at = e->look_at, .why = "in_doubt" };
	case ESCALATION_WAITING:
	case ESCALATION_TASK:
	case ESCALATION_GATE:
		break;
	default:
		return (struct next_action){ 0 };
	}
	if (e->held) {
		next.kind = NEXT_HELD;
		next.why = e->held;
		next.at = e->held_until ? e->held_until : e->next_at;
	} else if (e->state == ESCALATION_TASK) {
		next.kind = NEXT_TASK_END;
		next.why = "task";
	} else if (e->state == ESCALATION_GATE) {
		next.kind = NEXT_GATE_END;
		next.why = "decision";
	}
	return next;
}

struct rules entry_rules(struct ctl *ctl, const struct entry *entry)
{
	return (struct rules){ .policy = entry->policy, .creditor_zone = ctl->config->creditor.zone, .holidays = ctl_holidays(ctl),
		.guard = ctl_guard(ctl), .books = ctl_books(ctl, entry->partition), .now = ctl->now };
}

struct verdict entry_next(struct ctl *ctl, const struct entry *entry)
{
	struct rules rules = entry_rules(ctl, entry);
	struct verdict verdict = { .by_rules = entry->policy || !entry->e.policy_digest };

	if (!verdict.by_rules) {
		verdict.next = as_noted(&entry->e);
		return verdict;
	}
	rules.feed_stale_since = entry->policy ? ctl_stale_since(ctl, entry->policy) : 0;
	verdict.next = escalation_next(&entry->e, entry->d, &rules);
	return verdict;
}

const char *verdict_action(const struct verdict *verdict)
{
	static const char *const names[] = { [NEXT_NONE] = "none", [NEXT_HELD] = "hold", [NEXT_BUSY] = "outcome",
		[NEXT_RESOLVE] = "settle_doubt", [NEXT_TASK_END] = "task", [NEXT_GATE_END] = "decision", [NEXT_SKIP] = "skip",
		[NEXT_CONTACT] = "contact", [NEXT_GATE] = "gate",
		[NEXT_ASIDE] = "beside" };

	return verdict->by_rules || verdict->next.kind != NEXT_CONTACT ? names[verdict->next.kind] : "look";
}

const char *verdict_step(const struct entry *entry, const struct verdict *verdict)
{
	const struct next_action *next = &verdict->next;

	if (entry->e.step)
		return entry->e.step;
	if (verdict->by_rules && next->aside.id[0])
		return next->aside.id;
	if (!verdict->by_rules || !entry->policy ||
		(next->kind != NEXT_CONTACT && next->kind != NEXT_GATE && next->kind != NEXT_SKIP))
		return NULL;
	return entry->policy->steps[next->step].id;
}
