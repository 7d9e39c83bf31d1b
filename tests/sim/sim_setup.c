/* What a run is made of: its weather, policy, provider and configuration, all drawn from the seed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/notice.h"
#include "common/policy.h"
#include "tests/sim/sim_policy.h"

/* --- weather ------------------------------------------------------------------------------------------------------------------ */

/* Each kind of fault is absent from half of the runs, so that none hides behind another. */
static int64_t maybe(struct sim *sim, int64_t from, int64_t to)
{
	int64_t rate = rng_range(&sim->faults, from, to);

	return rng_chance(&sim->faults, 500000) ? rate : 0;
}

/*
 * Instances that share three partitions: what they do to each other. What several of them leave to a person (a Redis that forgets) is left out,
 * and what is for every partition (watermarks, lists) or finds its own by looking (people, what nobody can read): one partition has those.
 */
static void several(struct sim *sim)
{
	struct weather *w = &sim->weather;
	struct rng rng;

	rng_seed(&rng, sim->seed, "several");
	w->hosts = (int)rng_range(&rng, 2, HOSTS_MAX);
	w->partitions = PARTITIONS_MAX;
	w->crash = rng_chance(&rng, 700000) ? rng_range(&rng, 200, 2000) : 0;
	w->freeze = rng_chance(&rng, 700000) ? rng_range(&rng, 50, 400) : 0;
	w->stop = rng_chance(&rng, 700000) ? rng_range(&rng, 500, 20000) : 0;
	w->give = rng_chance(&rng, 700000) ? rng_range(&rng, 500, 20000) : 0;
	w->rollback = w->flush = w->malformed = 0;
	w->feed = w->people = w->lists = false;
	w->poison = 0;
	w->per_second = w->at_once = w->per_day = 0; /* each process keeps them for itself */
}

void setup_weather(struct sim *sim)
{
	struct weather *w = &sim->weather;

	w->hosts = rng_chance(&sim->faults, 300000) ? 2 : 1;
	w->partitions = 1;
	w->idempotent = rng_chance(&sim->faults, 600000);
	w->lookup = rng_chance(&sim->faults, 500000);
	w->skip_unknown = rng_chance(&sim->faults, 500000);
	w->crash = maybe(sim, 200, 4000);
	w->freeze = w->hosts == 2 ? maybe(sim, 50, 400) : maybe(sim, 20, 200);
	w->stop = maybe(sim, 500, 20000);
	w->drop = maybe(sim, 200, 10000);
	w->slow = maybe(sim, 100, 4000);
	w->loading = maybe(sim, 1000, 20000);
	if (w->hosts == 1) { /* another host's journal cannot mend what this one's Redis forgot */
		w->rollback = maybe(sim, 500, 10000);
		w->flush = maybe(sim, 200, 4000);
	}
	w->full = maybe(sim, 500, 10000);
	w->no_space = maybe(sim, 100, 4000);
	w->broken_disk = maybe(sim, 50, 800);
	w->torn = maybe(sim, 100000, 1000000);
	w->refuse_connect = maybe(sim, 5000, 300000);
	w->doubt = maybe(sim, 5000, 200000);
	w->throttle = maybe(sim, 5000, 200000);
	w->refuse = maybe(sim, 1000, 60000);
	w->server_error = maybe(sim, 5000, 150000);
	w->no_id = maybe(sim, 1000, 60000);
	w->slow_request = maybe(sim, 1000, 200000);
	w->lookup_fails = maybe(sim, 10000, 500000);
	w->wall_step = maybe(sim, 1000, 30000);
	w->provoke = maybe(sim, 5000, 120000);
	w->late = maybe(sim, 10000, 300000);
	w->twice = maybe(sim, 10000, 300000);
	w->malformed = maybe(sim, 100000, 800000);
	w->port_crash = maybe(sim, 5, 150);
	w->receipts = rng_chance(&sim->receipts, 600000) ? rng_range(&sim->receipts, 100000, 1000000) : 0;
	w->people = rng_chance(&sim->faults, 700000);
	if (sim->mode == MODE_LIFE) {
		w->feed = rng_chance(&sim->faults, 300000);
		w->poison = rng_chance(&sim->faults, 150000) ? (int)rng_range(&sim->faults, 1, 2) : 0;
		w->lists = !sim->drawn && rng_chance(&sim->lists, 600000);
	}
	if (sim->mode == MODE_IN_ORDER) /* the undisturbed one */
		*w = (struct weather){ .hosts = 1, .partitions = 1, .idempotent = w->idempotent, .lookup = w->lookup,
			.skip_unknown = w->skip_unknown };
	if (sim->mode != MODE_LIFE)
		w->provoke = 0;
	if (sim->mode == MODE_LIFE && rng_chance(&sim->accounts, 300000))
		w->moves = rng_range(&sim->accounts, 50000, 400000);
	w->offers = sim->mode == MODE_LIFE && !sim->drawn && rng_chance(&sim->offers, 400000);
	traffic_setup(sim);
	if (sim->mode == MODE_LIFE && !sim->drawn && sim->seed % 8 == 0)
		several(sim);
	if (sim->mode == MODE_LIFE && w->hosts > 1 && rng_chance(&sim->stuck, 500000))
		w->stuck = rng_range(&sim->stuck, 10000, 200000);
}

/* --- policy, texts, provider ------------------------------------------------------------------------------------------------------ */

static const char *const ladders[] = {
	"{\"id\":\"pre-due\",\"at\":\"due-5d\",\"channel\":\"email\",\"template\":\"note\",\"tone\":\"friendly\"%s},"
	"{\"id\":\"reminder\",\"at\":\"due+1d\",\"channel\":\"email\",\"template\":\"note\",\"tone\":\"friendly\"%s},"
	"{\"id\":\"second\",\"at\":\"due+8d\",\"channel\":\"email\",\"template\":\"note\",\"tone\":\"neutral\"%s},"
	"{\"id\":\"last\",\"at\":\"due+15d\",\"channel\":\"email\",\"template\":\"note\",\"tone\":\"firm\"%s}",
	"{\"id\":\"reminder\",\"at\":\"due+1d\",\"channel\":\"email\",\"template\":\"note\",\"tone\":\"friendly\"%s},"
	"{\"id\":\"second\",\"at\":\"due+3d\",\"channel\":\"email\",\"template\":\"note\",\"tone\":\"neutral\"%s},"
	"{\"id\":\"third\",\"at\":\"due+5d\",\"channel\":\"email\",\"template\":\"note\",\"tone\":\"neutral\"%s},"
	"{\"id\":\"last\",\"at\":\"due+12d\",\"channel\":\"email\",\"template\":\"note\",\"tone\":\"firm\"%s}",
	"{\"id\":\"pre-due\",\"at\":\"due-5d\",\"channel\":\"email\",\"template\":\"note\",\"tone\":\"friendly\"%s},"
	"{\"id\":\"reminder\",\"at\":\"due+1d\",\"channel\":\"email\",\"template\":\"note\",\"tone\":\"friendly\"%s},"
	"{\"id\":\"call\",\"at\":\"due+5d\",\"channel\":\"call\",\"template\":\"note\",\"tone\":\"neutral\",\"deadline\":\"2bd\",\"confirm\":\"note\"},"
	"{\"id\":\"last\",\"at\":\"due+12d\",\"channel\":\"email\",\"template\":\"note\",\"tone\":\"firm\"%s}",
	"{\"id\":\"reminder\",\"at\":\"due+1d\",\"channel\":\"email\",\"template\":\"note\",\"tone\":\"friendly\"%s},"
	"{\"id\":\"worth-it\",\"at\":\"due+4d\",\"gate\":\"decision\",\"role\":\"owner\",\"deadline\":\"5d\"},"
	"{\"id\":\"second\",\"at\":\"due+6d\",\"channel\":\"email\",\"template\":\"note\",\"tone\":\"neutral\"%s},"
	"{\"id\":\"last\",\"at\":\"due+14d\",\"channel\":\"email\",\"template\":\"note\",\"tone\":\"firm\"%s}",
};

/* A threat: its gate is a handover, its withdrawal a mail. */
static const char threat[] =
	"{\"id\":\"reminder\",\"at\":\"due+1d\",\"channel\":\"email\",\"template\":\"note\",\"tone\":\"friendly\"%s},"
	"{\"id\":\"second\",\"at\":\"due+3d\",\"channel\":\"email\",\"template\":\"note\",\"tone\":\"neutral\"%s},"
	"{\"id\":\"last\",\"at\":\"due+8d\",\"channel\":\"email\",\"template\":\"note\",\"tone\":\"legal\","
	"\"announces\":{\"step\":\"give\",\"within\":\"12d\",\"withdraw\":\"note\"}%s},"
	"{\"id\":\"give\",\"at\":\"last+6d\",\"action\":\"handover\",\"role\":\"owner\",\"deadline\":\"5d\"}";

/* Without a provider of letters a person posts them. */
static const char posted[] =
	"{\"id\":\"reminder\",\"at\":\"due+1d\",\"channel\":\"email\",\"template\":\"note\",\"tone\":\"friendly\"%s},"
	"{\"id\":\"letter\",\"at\":\"due+4d\",\"channel\":\"letter\",\"template\":\"note\",\"tone\":\"neutral\"},"
	"{\"id\":\"second\",\"at\":\"due+9d\",\"channel\":\"email\",\"template\":\"note\",\"tone\":\"neutral\"%s},"
	"{\"id\":\"last\",\"at\":\"due+14d\",\"channel\":\"letter\",\"template\":\"note\",\"tone\":\"firm\"}";

static struct policy *parsed(const char *text, const struct policy *base)
{
	struct policy *policy = NULL;
	struct err err = { 0 };
	int r = base ? policy_parse_on(text, strlen(text), base, &policy, &err) : policy_parse(text, strlen(text), &policy, &err);

	if (r < 0) {
		fprintf(stderr, "sim: policy: %s %s\n", err.path, err.text);
		exit(2);
	}
	return policy;
}

/* Every other seed's stands on another policy, and is chosen by a rule. */
static bool by_rule(const struct sim *sim)
{
	return sim->seed % 2 && !sim->drawn;
}

static struct policy *draw_ladder(struct sim *sim)
{
	static const char agreed[] = "\"promise\":{\"thanks\":\"note\",\"broken\":\"last\"},"
		"\"plan\":{\"remind\":\"note\",\"late\":\"note\",\"grace\":\"3d\",\"broken\":\"last\"},"
		"\"courtesy\":{\"thanks\":\"note\",\"apology\":\"note\"},";
	static const char *const groups[] = { "debtor", "debtor", "level", "none" };
	const char *more;
	struct rng own;
	const char *rule = sim->weather.skip_unknown ? ",\"in_doubt\":\"skip\"" : "";
	const char *group = groups[rng_range(&sim->world, 0, 3)];
	CLEANUP(buf_clear) struct buf steps = { 0 };
	CLEANUP(buf_clear) struct buf text = { 0 };
	const char *ladder = ladders[rng_range(&sim->world, 0, 3)], *at;
	int mail = 0;

	rng_seed(&own, sim->seed, "agreed");
	more = rng_chance(&own, 600000) ? agreed : "";
	if (!by_rule(sim) && rng_chance(&own, 250000))
		ladder = threat;
	else if (!by_rule(sim) && rng_chance(&own, 250000))
		ladder = posted;
	if (ladder != threat && rng_chance(&own, 350000)) /* who wants no mail gets a text, where there is a number */
		rule = arena_printf(sim->arena, "%s,\"else\":\"sms\"", rule);
	for (; (at = strstr(ladder, "%s")); ladder = at + 2) {
		buf_add(&steps, ladder, (size_t)(at - ladder));
		buf_add_str(&steps, rule);
		if (mail++)
			buf_add_str(&steps, offers_of_step(sim, mail - 1));
	}
	buf_add_str(&steps, ladder);
	buf_printf(&text,
		"{\"name\":\"sim\",\"title\":\"sim\",\"window\":{\"zone\":\"debtor\",\"days\":\"mon-fri\",\"hours\":\"09:00-17:30\"},"
		"\"caps\":[{\"contacts\":2,\"days\":7}],\"min_gap\":\"48h\",\"group\":\"%s\",%s%s\"steps\":[%s]}",
		group, sim->weather.feed ? "\"freshness\":\"26h\"," : "", more, buf_str(&steps));
	if (by_rule(sim)) {
		CLEANUP(policy_freep) struct policy *base = NULL;

		base = parsed(arena_printf(sim->arena, "{\"name\":\"ground\",\"title\":\"ground\",\"min_gap\":\"1h\",\"steps\":[%s]}", buf_str(&steps)), NULL);
		return parsed(arena_printf(sim->arena,
			"{\"name\":\"sim\",\"extends\":\"ground\",\"min_gap\":\"48h\",\"caps\":[{\"contacts\":2,\"days\":7}],\"group\":\"%s\",%s%s"
			"\"steps\":[{\"id\":\"last\",\"at\":\"due+16d\",\"channel\":\"email\",\"template\":\"note\",\"tone\":\"firm\"%s}]}",
			group, sim->weather.feed ? "\"freshness\":\"26h\"," : "", more, rule), base);
	}
	return parsed(buf_str(&text), NULL);
}

static struct policy *make_policy(struct sim *sim)
{
	return sim->drawn ? parsed(sim->drawn->json, NULL) : draw_ladder(sim);
}

static struct notice_set *make_notices(void)
{
	static const char subject[] = "Invoice {{invoice.number}}";
	static const char text[] = "Dear {{debtor.name}}, we ask for {{balance}}:\n"
				   "{{#invoices}}{{number}} of {{total}}, open {{balance}}, due {{due_on}}\n{{/invoices}}"
				   "{{creditor.name}}\n";
	struct notice_set *set = notice_set_create();
	struct err err = { 0 };

	if (notice_set_add(set, "en", "note", NOTICE_SUBJECT, subject, strlen(subject), &err) < 0 ||
		notice_set_add(set, "en", "note", NOTICE_SMS, subject, strlen(subject), &err) < 0 ||
		notice_set_add(set, "en", "note", NOTICE_LETTER, text, strlen(text), &err) < 0 ||
		notice_set_add(set, "en", "note", NOTICE_TEXT, text, strlen(text), &err) < 0) {
		fprintf(stderr, "sim: template: %s\n", err.text);
		exit(2);
	}
	return set;
}

static const struct adapter *make_adapter(struct sim *sim)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct adapter *adapter = NULL;
	struct err err = { 0 };

	buf_add_str(&text, "{\"adapter\":1,\"name\":\"sim\",\"channel\":[\"email\",\"sms\"],\"config\":{\"key\":{\"required\":true,\"secret\":true}},"
			   "\"features\":{\"idempotency\":");
	buf_add_str(&text, sim->weather.idempotent ?
			"{\"kind\":\"header\",\"header\":\"Idempotency-Key\",\"window_s\":86400}" : "\"none\"");
	buf_add_str(&text, "},\"send\":{\"method\":\"POST\",\"url\":\"http://127.0.0.1:1/send\",\"auth\":{\"kind\":\"bearer\",\"token\":\"{config.key}\"},"
			   "\"body\":{\"kind\":\"json\",\"value\":{\"to\":\"{to.email}\",\"text\":\"{text}\"}}},"
			   "\"response\":{\"id\":\"/id\"}");
	if (sim->weather.lookup)
		buf_add_str(&text, ",\"lookup\":{\"request\":{\"method\":\"GET\",\"url\":\"http://127.0.0.1:1/find\"},\"each\":\"/items\","
				   "\"match\":{\"/attempt\":\"{dispatch.id}\"},\"id\":\"/id\",\"not_before_s\":5,"
				   "\"conclusive_after_s\":600}");
	buf_add_str(&text, "}");
	if (adapter_parse(text.data, text.len, &adapter, &err) < 0) {
		fprintf(stderr, "sim: adapter: %s %s\n", err.path, err.text);
		exit(2);
	}
	return adapter;
}

void setup_library(struct sim *sim)
{
	struct library *library = arena_alloc(sim->arena, sizeof(*library));
	struct err err = { 0 };

	library->references = 1;
	library->arena = sim->arena;
	library->policies = arena_alloc(sim->arena, sizeof(*library->policies));
	library->policies[0] = make_policy(sim);
	library->policy_count = 1;
	library->notices = make_notices();
	if (law_load(SOURCE_DIR "/daemon/share", NULL, &library->law, &err) < 0) {
		fprintf(stderr, "sim: law: %s\n", err.text);
		exit(2);
	}
	library->retention = erase_periods();
	library->provider_count = sim->hosts[0].config->provider_count;
	library->providers = arena_alloc(sim->arena, library->provider_count * sizeof(*library->providers));
	for (size_t i = 0; i < library->provider_count; i++)
		library->providers[i] = (struct library_provider){ .name = sim->hosts[0].config->providers[i].name,
			.adapter = make_adapter(sim), .settings = &sim->hosts[0].config->providers[i] };
	sim->library = library;
	sim->policy = library->policies[0];
}

void setup_free_library(struct sim *sim)
{
	policy_free(sim->library->policies[0]);
	notice_set_free(sim->library->notices);
	retention_free(sim->library->retention);
	for (size_t i = 0; i < sim->library->provider_count; i++)
		adapter_free((struct adapter *)(uintptr_t)sim->library->providers[i].adapter);
	law_free(sim->library->law);
}

/* --- configuration ------------------------------------------------------------------------------------------------------------------- */

struct config *setup_config(struct sim *sim, const char *instance)
{
	static const char *const producers[] = { NULL, "billing", "bank", "operator" };
	static const char *const settings[] = { "key", "account", NULL };
	struct arena *arena = sim->arena;
	struct config *c = arena_alloc(arena, sizeof(*c));

	*c = (struct config){ .prefix = "dunning", .partitions = sim->weather.partitions, .instance = instance,
		.origin = arena_printf(arena, "test.sim.example/%s", instance), .policy_default = "sim", .state_dir = "/nowhere",
		.brake_contacts_per_hour = 200, .arena = arena,
		.creditor_postal = { .line1 = "2 High Street", .city = "Town", .country = "GB" },
		.creditor = { .name = "Sim Ltd", .locale = "en-GB", .zone = SIM_CREDITOR_ZONE, .email = "accounts@sim.example" },
		.limits = { .batch = rng_chance(&sim->world, 500000) ? rng_range(&sim->world, 1, 6) : 256,
			.concurrency = rng_range(&sim->world, 1, 8), .group_keys = 512, .group_bytes = 1 << 20,
			.outbound_maxlen = 500, .dead_maxlen = 100, .segment_bytes = 64 << 20, .cache_keys = 100 } };
	if (by_rule(sim)) {
		c->policy_rules = arena_alloc(arena, sizeof(*c->policy_rules));
		c->policy_rules[0] = (struct policy_rule){ .id = "all", .policy = "sim", .balance = { -1, -1 }, .open_invoices = { -1, -1 },
			.paid = { -1, -1 }, .paid_late = { 0, -1 }, .promises_broken = { -1, -1 }, .deposits = { -1, -1 }, .deposits_late = { -1, -1 } };
		c->policy_rule_count = 1;
		c->policy_default = "none";
	}
	c->senders = arena_alloc(arena, sizeof(*c->senders));
	c->senders[0] = (struct sender){ .profile = "default", .name = "Accounts", .email = "accounts@sim.example" };
	c->sender_count = 1;
	c->channel_providers[CHANNEL_EMAIL][0] = c->channel_providers[CHANNEL_SMS][0] = "sim";
	c->provider_count = sim->weather.spare ? 2 : 1;
	c->providers = arena_alloc(arena, c->provider_count * sizeof(*c->providers));
	for (size_t i = 0; i < c->provider_count; i++)
		c->providers[i] = (struct provider_settings){ .name = i ? "spare" : "sim", .file = "sim.json", .settings = settings,
			.per_second = sim->weather.per_second, .concurrency = sim->weather.at_once,
			.quota = { [PACE_DAY] = sim->weather.per_day } };
	if (sim->weather.spare)
		c->channel_providers[CHANNEL_EMAIL][1] = "spare";
	c->producer_count = ARRAY_LEN(producers);
	c->producers = arena_alloc(arena, c->producer_count * sizeof(*c->producers));
	for (size_t i = 0; i < c->producer_count; i++)
		c->producers[i] = (struct producer){ .name = producers[i], .types = UINT64_MAX };
	return c;
}
