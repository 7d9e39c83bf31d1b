/* policy migrate: running escalations go over to another policy or version; first what would change, then, with --yes, the commands. */
#include <inttypes.h>
#include <string.h>

#include "common/migration.h"
#include "tools/cmd.h"

#define VERSION_MIN 6 /* digits of a digest that tell versions apart */

struct sentence {
	const char *word, *text;
};
static const struct sentence refusals[] = {
	{ "under_way", "a message is on its way or in doubt: again when that is settled" },
	{ "asked", "a person is asked about a step that is not there: again when it is done or decided" },
	{ "no_common_step", "it took steps, and the policy has none of them: name one with --at" },
	{ "walked", "the step that --at names is over" },
	{ "behind", "the step that --at names lies before one that is over" },
	{ NULL, NULL },
};

struct move { /* an invoice that goes over */
	uint32_t partition;
	const char *invoice, *from_digest;
};

struct moving {
	const char *from, *version; /* version: the first digits of a digest; NULL = any */
	const struct policy *to;
	const char *at;
	struct table *table;
	struct move *moves;
	size_t move_count, move_capacity, refused;
	int64_t found;
};

static const struct column columns[] = { { "invoice", "INVOICE", false }, { "customer", "CUSTOMER", false }, { "version", "VERSION", false },
	{ "step", "NEXT", false }, { "at", "WHEN", false }, { "then_step", "THEN NEXT", false }, { "then_at", "WHEN", false },
	{ "skipped", "PASSED OVER", true }, { "finding", NULL, false }, { "text", "BUT", false }, { 0 } };

static const char *say(const char *word)
{
	for (const struct sentence *row = refusals; word && row->word; row++)
		if (strcmp(row->word, word) == 0)
			return row->text;
	return word;
}

/* "reminder", or the hold that is in force. */
static const char *next_words(struct arena *arena, const struct entry *entry, const struct verdict *verdict)
{
	const char *step = verdict_step(entry, verdict);

	if (verdict->next.kind == NEXT_HELD)
		return arena_printf(arena, "held: %s", verdict->next.why);
	return step ? arena_strdup(arena, step) : "-";
}

/* The invoice as it will be; what is told of it is thrown away. */
static struct entry moved(const struct ctl *ctl, struct arena *arena, const struct moving *m, const struct entry *entry, const struct migration *plan)
{
	struct entry after = *entry;
	struct effects fx;

	after.e.walk = arena_memdup(arena, entry->e.walk, (entry->e.walk_count + 1) * sizeof(*entry->e.walk));
	after.e.walk_capacity = entry->e.walk_count;
	after.policy = m->to;
	effects_init(&fx, arena, ctl->now);
	migration_apply(&after.e, m->to, plan, &fx);
	return after;
}

static int take_page(struct ctl *ctl, struct arena *arena, struct entry *entries, size_t count, void *arg)
{
	struct moving *m = arg;

	for (size_t i = 0; i < count; i++) {
		struct entry *entry = &entries[i];
		struct migration plan;
		struct verdict now, then = { 0 };
		struct entry after = { 0 };

		if (!entry_open(entry) || !entry->e.policy_digest || strcmp(entry->e.policy, m->from) != 0 ||
			(m->version && strncmp(entry->e.policy_digest, m->version, strlen(m->version)) != 0))
			continue;
		plan = migration_plan(&entry->e, m->to, m->at);
		if (plan.refused && (strcmp(plan.refused, "same") == 0 || strcmp(plan.refused, "not_open") == 0))
			continue;
		m->found++;
		now = entry_next(ctl, entry);
		if (!plan.refused) {
			after = moved(ctl, arena, m, entry, &plan);
			then = entry_next(ctl, &after);
			m->moves = arena_grow(ctl->arena, m->moves, m->move_count, &m->move_capacity, sizeof(*m->moves));
			m->moves[m->move_count++] = (struct move){ entry->partition, arena_strdup(ctl->arena, entry->e.invoice.id),
				arena_strdup(ctl->arena, entry->e.policy_digest) };
		} else {
			m->refused++;
		}
		table_add(m->table, (struct cell[]){ cell_text(arena_strdup(ctl->arena, entry->e.invoice.id)),
					    cell_text(arena_strdup(ctl->arena, entry->e.invoice.debtor_id ? entry->e.invoice.debtor_id : "")),
					    cell_text(arena_printf(ctl->arena, "%.12s", entry->e.policy_digest)),
					    cell_text(next_words(ctl->arena, entry, &now)), cell_time(now.next.at, entry->zone),
					    plan.refused ? cell_none() : cell_text(next_words(ctl->arena, &after, &then)),
					    plan.refused ? cell_none() : cell_time(then.next.at, entry->zone),
					    plan.refused ? cell_none() : cell_number((int64_t)(after.e.walk_count - entry->e.walk_count)),
					    cell_text(plan.refused ? plan.refused : "moves"), cell_text(say(plan.refused)) });
	}
	return 0;
}

/* What the daemon has recorded as loaded; an older one has to be told first. */
static bool daemon_has(struct ctl *ctl, uint32_t partition, const struct policy *policy)
{
	struct debtor system;

	if (ctl_system(ctl, ctl->arena, partition, &system) != 0)
		return false;
	for (size_t i = 0; i < system.policy_count; i++)
		if (strncmp(system.policies[i], policy->digest, strlen(policy->digest)) == 0)
			return true;
	return false;
}

static int order_moves(struct ctl *ctl, const struct moving *m, const char *why)
{
	for (size_t i = 0; i < m->move_count; i++) {
		const struct move *move = &m->moves[i];
		struct order order = { .command = "migrate", .target = move->invoice, .why = why, .step = m->at, .policy = m->to->name,
			.policy_digest = m->to->digest, .from_digest = move->from_digest };
		const char *id, *entry;
		int r = ctl_order_send(ctl, move->partition, &order, &id, &entry);

		if (r != 0)
			return r;
	}
	if (!ctl->view.json)
		view_say(&ctl->view, "Told to the daemon: %zu invoice%s to %s, version %.12s.", m->move_count, m->move_count == 1 ? "" : "s", m->to->name,
			m->to->digest);
	return EXIT_DONE;
}

static int read_from(struct ctl *ctl, const char *word, struct moving *m)
{
	const char *at = strchr(word, '@');

	m->from = at ? arena_memdup(ctl->arena, word, (size_t)(at - word)) : word;
	m->version = at ? at + 1 : NULL;
	if (!m->from[0] || (at && (strlen(m->version) < VERSION_MIN || strspn(m->version, "0123456789abcdef") != strlen(m->version))))
		return ctl_fail(ctl, EXIT_USAGE, "usage", "--from wants POLICY, or POLICY@VERSION with at least %d digits of the version, not \"%s\"",
			VERSION_MIN, word);
	return 0;
}

static int migrate(struct ctl *ctl, const struct invocation *call, const struct library *library)
{
	const char *from = command_option(call, "from"), *to = command_option(call, "to"), *why = command_option(call, "why");
	bool yes = command_option(call, "yes") != NULL;
	struct moving m = { .at = command_option(call, "at"), .table = table_create(ctl->arena, columns) };
	int r;

	if (!from || !to)
		return ctl_fail(ctl, EXIT_USAGE, "usage", "say --from POLICY[@VERSION] and --to POLICY");
	if (yes && (!why || !why[0]))
		return ctl_fail(ctl, EXIT_USAGE, "usage", "say --why with --yes: it stands in the trail");
	if ((r = read_from(ctl, from, &m)) != 0)
		return r;
	m.to = library_policy(library, to);
	if (!m.to)
		return ctl_fail(ctl, EXIT_FOUND, "unknown_policy", "no policy \"%s\" is loaded; dunningctl policy show lists them", to);
	if (m.at && policy_step_index(m.to, m.at) < 0)
		return ctl_fail(ctl, EXIT_FOUND, "unknown_step", "policy %s has no step \"%s\"", to, m.at);
	for (uint32_t p = 0; r == 0 && p < ctl_partitions(ctl); p++)
		r = entries_scan(ctl, p, take_page, NULL, &m);
	if (r != 0)
		return r;
	for (size_t i = 0; yes && i < m.move_count; i++)
		if ((i == 0 || m.moves[i].partition != m.moves[i - 1].partition) && !daemon_has(ctl, m.moves[i].partition, m.to))
			return ctl_fail(ctl, EXIT_FOUND, "not_loaded", "the daemon has not loaded version %.12s of %s: dunningctl reload, then again",
				m.to->digest, m.to->name);
	view_table(&ctl->view, m.table, "No open invoice walks it.");
	if (!ctl->view.json && m.found)
		view_say(&ctl->view, "%" PRId64 " open: %zu can go over to %s, version %.12s, %zu cannot now.%s", m.found, m.move_count, m.to->name,
			m.to->digest, m.refused, yes || !m.move_count ? "" : " Nothing is changed yet: --yes --why TEXT does it.");
	return yes && m.move_count ? order_moves(ctl, &m, why) : EXIT_DONE;
}

static int run_migrate(struct ctl *ctl, const struct invocation *call)
{
	CLEANUP(library_freep) struct library *library = NULL;
	struct err err = { 0 };
	int r = ctl_config(ctl, true);

	if (r != 0)
		return r;
	if (library_load(ctl->config, ctl_share(ctl), &library, &err) < 0)
		return ctl_fail_err(ctl, EXIT_CONFIG, &err);
	return migrate(ctl, call, library);
}

static const struct option_row options[] = {
	{ "from", "POLICY", "those that walk this policy: NAME, or NAME@VERSION with the first digits of its version" },
	{ "to", "POLICY", "over to the version of this policy that is loaded" },
	{ "at", "STEP", "to go on at this step of it, whatever was taken before" },
	{ "yes", NULL, "do it: a command for each invoice, which the trail keeps" },
	{ "why", "TEXT", "why, with --yes" },
	{ 0 },
};

const struct command cmd_policy_migrate = { .name = "policy migrate", .args = "", .max_args = 0,
	.help = "what running invoices would do under another policy or version, and with --yes move them there",
	.more = "Steps go by their id. What was taken is over, and so is what the policy has before the last of it: nothing is ever\n"
		"taken again. An invoice whose message is on its way or in doubt, or about which a person is asked something that the\n"
		"policy does not ask, stays and is told. policy diff plays the whole book under both.",
	.options = options, .run = run_migrate };
