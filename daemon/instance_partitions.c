/*
 * The partitions of an instance: each has its flow from here on, led or waiting; one that is lost or given away begins anew. Which ones are led is
 * agreed among the instances that live: each says so once a second, and takes and gives by what the others say (common/balance.h). Nothing
 * depends on that agreement but evenness: who may write and send is the lease's matter alone.
 */
#include "daemon/instance_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "common/balance.h"
#include "common/hash.h"

#define ANNOUNCE_MS 1000
#define MEMBER_TTL_MS 10000 /* who is silent for so long does not live; shorter than a lease, so that its partitions are waited for */
#define SETTLE_ROUNDS 3 /* nothing is given away before the others have said the same so often */
#define GIVEN_MS 5000 /* what was given away is for another one to take */
#define GOES_ON_MS 15000 /* who led for so long did not lose its lease with a fail-over */
#define DETACH_MS 50
#define BEGIN_MS 100 /* until it is known whose Redis this is */
#define TWIN_MS 15000 /* what an earlier process said of our name has run out by then: one that says it anew lives */
#define TWIN_GAP_MS 5000 /* an answer that lay for so long while we were stopped says nothing of now */

struct members {
	struct event *timer;
	struct arena *arena; /* of the last answer */
	struct balance_member *others;
	const char **refused; /* by each of them, as redis_store says it */
	size_t count;
	uint32_t led; /* as we said then */
	int same; /* answers like the last one, in a row */
	int heard; /* answers since the start, some */
	int64_t heard_at; /* mono */
	int64_t twin_since, twin_at; /* mono: another process has our name, first and last told; 0 = none */
	int64_t double_since, double_at; /* mono: before we led anything, another instance had our origin, first and last told; 0 = none */
	bool asked, refused_told, double_told, replicas_told;
};

static int64_t mono_ms(const struct instance *in)
{
	const struct clock_port *port = clock_port(in->clock, 0);

	return port->mono(port->self);
}

/* --- what a flow tells ------------------------------------------------------------------------------------------------------- */

/* The parts say "module: text"; the log wants them apart. */
static void split_line(struct log *log, int priority, uint32_t partition, const char *line, const char *otherwise)
{
	const char *colon = strstr(line, ": ");
	char module[24];
	bool named = colon && (size_t)(colon - line) < sizeof(module);

	snprintf(module, sizeof(module), "%.*s", named ? (int)(colon - line) : (int)strlen(otherwise), named ? line : otherwise);
	log_partition(log, priority, module, partition, named ? colon + 2 : line);
}

void instance_note(int priority, const char *line, void *arg)
{
	split_line(((struct instance *)arg)->log, priority, LOG_NO_PARTITION, line, "dunningd");
}

static void on_line(int priority, const char *line, void *arg)
{
	struct partition *p = arg;

	split_line(p->instance->log, priority, p->number, line, "dunner");
}

static void on_changed(void *arg)
{
	instance_tell(((struct partition *)arg)->instance);
	instance_rotation(((struct partition *)arg)->instance);
}

/* It begins anew, as soon as nothing calls the old flow any more. */
static void end(struct partition *p)
{
	p->ended = true;
	event_add(p->instance->renewal, &(struct timeval){ 0 });
}

static void on_failed(int r, int exit_code, const char *reason, void *arg)
{
	struct partition *p = arg;
	struct instance *in = p->instance;

	if (exit_code == INSTANCE_LEASE_LOST) { /* that partition alone: the others are led as before */
		log_partition(in->log, LOG_WARNING | MSG(LEASE_LOST), "lease", p->number, reason);
		end(p);
		if (in->stopping)
			instance_stopped(p);
		return;
	}
	log_partition(in->log, LOG_CRIT, "dunner", p->number, reason);
	log_line(in->log, LOG_CRIT | MSG(ENDS), "dunningd", "ends: %s", strerror(-r));
	instance_give_up(in, exit_code);
}

/* What a crash of this process may leave in doubt is limited for all of it. */
static size_t beside(void *arg)
{
	const struct partition *p = arg;
	const struct instance *in = p->instance;
	size_t slots = 0;

	for (size_t i = 0; i < in->partition_count; i++)
		slots += &in->partitions[i] != p && in->partitions[i].dunner ? dunner_slots(in->partitions[i].dunner) : 0;
	return slots;
}

static enum dunner_history shared(void *arg)
{
	const struct partition *p = arg;
	const struct instance *in = p->instance;

	if (!in->book.shared)
		return HISTORY_OURS;
	return in->book.lost || p->begun ? HISTORY_LOST : HISTORY_SHARED;
}

static uint64_t heard(void *arg)
{
	const struct partition *p = arg;

	return p->instance->book.epochs[p->number];
}

static void on_rolled_back(void *arg)
{
	struct instance *in = ((struct partition *)arg)->instance;

	in->rolled_back = in->signer != NULL; /* a second history matters where the first one was signed */
	instance_anchors_hold(in);
}

static void on_taken_over(void *arg)
{
	instance_book_shared(((struct partition *)arg)->instance);
}

static void on_record(const struct dunner_record *record, void *arg)
{
	dunner_record(instance_recorder(((struct partition *)arg)->instance), record);
}

static void on_stopped(void *arg)
{
	struct partition *p = arg;

	if (p->instance->stopping) {
		instance_stopped(p);
		return;
	}
	log_partition(p->instance->log, LOG_INFO, "lease", p->number, "given away");
	p->not_before = mono_ms(p->instance) + GIVEN_MS;
	end(p);
}

/* --- Redis -------------------------------------------------------------------------------------------------------------------- */

/* Many servers, and each is looked at by every partition: what is the same is told once. */
static void warn_settings(struct instance *in, const char *text)
{
	if (strncmp(in->settings_told, text, sizeof(in->settings_told) - 1) == 0)
		return;
	snprintf(in->settings_told, sizeof(in->settings_told), "%s", text);
	log_line(in->log, LOG_WARNING | MSG(REDIS_SETTINGS), "redis", "%s", text);
}

static void on_settings(int r, const char *fault, const char *warning, void *arg)
{
	struct partition *p = arg;
	struct instance *in = p->instance;
	char text[300];

	p->checking = false;
	if (r == -EPERM && !in->config->redis_check_settings) {
		snprintf(text, sizeof(text), "its settings cannot be read (%s)", redis_store_last_error(p->store));
		warn_settings(in, text);
	} else if (r == -EPERM) {
		log_line(in->log, LOG_CRIT | MSG(REDIS_SETTINGS), "redis", "its settings cannot be read (%s): allow the user CONFIG GET, or set "
			"redis.check_settings to false", redis_store_last_error(p->store));
		instance_give_up(in, INSTANCE_CONFIG);
		return;
	} else if (r < 0) {
		return; /* the tick asks again */
	}
	p->checked = true;
	if (warning)
		warn_settings(in, warning);
	if (fault && in->config->redis_check_settings) {
		log_line(in->log, LOG_CRIT | MSG(REDIS_SETTINGS), "redis", "%s (redis.check_settings false would start nevertheless)", fault);
		instance_give_up(in, INSTANCE_CONFIG);
		return;
	}
	if (fault)
		warn_settings(in, fault);
	instance_start_partitions(in); /* those that are not connected wait for it by themselves */
}

/* With every connection: behind a new one there may be another server. Of a cluster, each partition may be at another one. */
void instance_check_redis(struct instance *in)
{
	size_t count = in->setup.url.kind == REDIS_CLUSTER ? in->partition_count : 1;

	for (size_t i = 0; i < count; i++) {
		struct partition *p = &in->partitions[i];

		if (p->checking || p->checked || !p->connected)
			continue;
		p->checking = true;
		redis_store_check(p->store, on_settings, p);
	}
}

static void on_redis(bool connected, const char *why, void *arg)
{
	struct partition *p = arg;
	struct instance *in = p->instance;

	if (connected) {
		log_partition(in->log, LOG_INFO, "redis", p->number, "connected");
		p->away[0] = '\0';
	} else if (strncmp(p->away, why, sizeof(p->away) - 1) != 0) { /* it is tried again and again: told once */
		log_partition(in->log, LOG_WARNING | MSG(REDIS_AWAY), "redis", p->number, why);
		snprintf(p->away, sizeof(p->away), "%s", why);
	}
	p->connected = connected;
	p->checked = p->checked && connected;
	p->checking = p->checking && connected;
	instance_check_redis(in);
	instance_tell(in);
}

/* --- a flow's life ---------------------------------------------------------------------------------------------------------- */

static void os_random(void *self, void *ret, size_t len)
{
	(void)self;
	random_bytes(ret, len);
}

static const struct random_port random_source = { .bytes = os_random };

static void open_partition(struct partition *p)
{
	struct instance *in = p->instance;
	struct dunner_settings settings = { .partition = p->number, .config = in->config, .install_key = in->setup.install_key,
		.secret = setup_secret, .secret_arg = &in->setup, .build = DUNNINGD_VERSION, .boot_id = in->boot_id, .log_origin = in->generation.origin, .generation = in->generation.number,
		.sealed = in->generation.sealed, .redis_ahead_ms = in->redis_ahead_ms, .paces = in->paces, .fetch = in->fetch, .merge = &in->merge,
		.played = in->setup.options->clock != NULL };
	struct dunner_callbacks callbacks = { .changed = on_changed, .failed = on_failed, .stopped = on_stopped, .log = on_line,
		.record = on_record, .shared = shared, .heard = heard, .rolled_back = on_rolled_back, .taken_over = on_taken_over, .hold = instance_metrics_hold, .beside = in->partition_count > 1 ? beside : NULL,
		.log_root = in->signer ? instance_log_root : NULL, .arg = p };
	struct dunner_ports ports = { .clock = clock_port(in->clock, p->number), .random = &random_source, .journal = journal_port(in->journal),
		.keys = keystore_port(in->keys), .transport = instance_metrics_transport(in) };

	p->store = redis_store_create(in->base, &in->setup.url, in->config->prefix, p->number, in->home, on_redis, p);
	ports.store = redis_store_port(p->store);
	p->dunner = dunner_create(&ports, &settings, in->library, &callbacks);
	if (in->partition_count > 1) /* which ones, is agreed first */
		dunner_want(p->dunner, false);
}

static void renew_partition(struct partition *p)
{
	struct instance *in = p->instance;
	struct dunner *old = p->dunner;

	redis_store_destroy(p->store);
	p->connected = p->ended = false;
	p->turns = p->seen_turns = 0;
	p->checked = p->checking = false;
	if (p->number == 0)
		in->members->asked = false;
	open_partition(p);
	dunner_succeed(p->dunner, old);
	dunner_destroy(old);
	if (in->held)
		dunner_trail_set_back(p->dunner, true);
	dunner_start(p->dunner);
}

static void on_renewal(evutil_socket_t fd, short what, void *arg)
{
	struct instance *in = arg;
	bool waits = false;

	(void)fd, (void)what;
	for (size_t i = 0; i < in->partition_count && !in->stopping; i++) {
		struct partition *p = &in->partitions[i];

		if (p->ended && dunner_detached(p->dunner))
			renew_partition(p);
		waits |= p->ended;
	}
	if (waits && !in->stopping)
		event_add(in->renewal, &(struct timeval){ .tv_usec = DETACH_MS * 1000 });
	instance_tell(in);
}

void instance_start_partitions(struct instance *in)
{
	if (in->started || in->stopping)
		return;
	in->started = true;
	instance_runs_out(in);
	in->started_mono = mono_ms(in);
	event_active(in->members->timer, EV_TIMEOUT, 0);
	instance_tell(in);
}

/* --- who leads what ----------------------------------------------------------------------------------------------------------- */

/* Led, or on the way there, and not on the way out. */
static bool leads(const struct partition *p)
{
	struct dunner_status status;

	dunner_status(p->dunner, &status);
	return !p->ended && status.epoch && status.state != DUNNER_STOPPING && status.state != DUNNER_STOPPED && status.state != DUNNER_REFUSED;
}

static uint32_t count_led(const struct instance *in)
{
	uint32_t led = 0;

	for (size_t i = 0; i < in->partition_count; i++)
		led += leads(&in->partitions[i]);
	return led;
}

/* Those of which Redis still takes our word. */
static uint32_t count_reached(const struct instance *in)
{
	uint32_t reached = 0;

	for (size_t i = 0; i < in->partition_count; i++)
		reached += leads(&in->partitions[i]) && in->partitions[i].connected;
	return reached;
}

static bool lives(const struct members *m, const char *name)
{
	for (size_t i = 0; i < m->count; i++)
		if (strcmp(m->others[i].name, name) == 0)
			return true;
	return false;
}

enum chance { CHANCE_NONE, CHANCE_NOBODYS, CHANCE_DYING /* of one that does not live, as far as we hear: its lease ends before long, or it leads on */ };

static enum chance chance_of(const struct partition *p)
{
	struct dunner_status status;

	dunner_status(p->dunner, &status);
	if (p->ended || status.state != DUNNER_PASSIVE || mono_ms(p->instance) < p->not_before || lives(p->instance->members, status.owner))
		return CHANCE_NONE;
	return *status.owner ? CHANCE_DYING : CHANCE_NOBODYS;
}

/* Each begins elsewhere among those of a kind, so that few are asked for by two. How many there were. */
static uint32_t want(struct instance *in, enum chance chance, uint32_t most)
{
	const struct members *m = in->members;
	size_t rank = 0, count = 0, at = 0, first;

	for (size_t i = 0; i < m->count; i++)
		rank += strcmp(m->others[i].name, in->config->instance) < 0;
	for (size_t i = 0; i < in->partition_count; i++)
		count += chance_of(&in->partitions[i]) == chance;
	first = rank * count / (m->count + 1);
	for (size_t i = 0; i < in->partition_count; i++) {
		struct partition *p = &in->partitions[i];

		if (chance_of(p) != chance)
			continue;
		at++;
		dunner_want(p->dunner, (at - 1 + count - first) % count < most);
	}
	return (uint32_t)count;
}

/* What is nobody's goes first: who counts as dead may only be out of our hearing, and none of his is ever free. */
static void take(struct instance *in, uint32_t most)
{
	uint32_t free;

	for (size_t i = 0; i < in->partition_count; i++)
		if (!in->partitions[i].ended && chance_of(&in->partitions[i]) == CHANCE_NONE)
			dunner_want(in->partitions[i].dunner, false);
	free = want(in, CHANCE_NOBODYS, most);
	(void)want(in, CHANCE_DYING, most > free ? most - free : 0);
}

static void give(struct instance *in, uint32_t most)
{
	for (size_t i = in->partition_count; i-- && most;) {
		struct partition *p = &in->partitions[i];
		struct dunner_status status;

		dunner_status(p->dunner, &status);
		if (!leads(p) || status.state != DUNNER_RUNNING)
			continue;
		most--;
		log_partition(in->log, LOG_INFO, "lease", p->number, "another instance has fewer partitions: it is given away");
		dunner_stop(p->dunner);
	}
}

static bool fresh(const struct instance *in)
{
	return in->members->heard && mono_ms(in) - in->members->heard_at < MEMBER_TTL_MS;
}

/* Who cannot hear the others takes what is free, so that nothing stands still; and gives nothing. */
static void balance(struct instance *in)
{
	struct members *m = in->members;
	bool known = fresh(in);
	struct balance b;

	if (in->partition_count == 1 || in->stopping || !in->begun)
		return;
	if (in->book.lost || in->rolled_back) { /* an empty partition may be one that others led; and no record of ours is to come any more */
		take(in, 0);
		return;
	}
	if (known ? m->heard < 2 : mono_ms(in) - in->started_mono < MEMBER_TTL_MS)
		return; /* Redis may just have been emptied, and the others have not yet said again that they live */
	b = balance_decide(m->others, known ? m->count : 0, count_led(in), (uint32_t)in->partition_count);
	if (b.give && m->same >= SETTLE_ROUNDS)
		give(in, b.give);
	take(in, b.take);
}

/* Once it is known whose Redis this is. */
static void begin(struct instance *in)
{
	if (in->begun || in->stopping)
		return;
	in->begun = true;
	for (size_t i = 0; i < in->partition_count; i++)
		dunner_start(in->partitions[i].dunner);
}

/*
 * Two logs of one name would have two roots for one size: who relies on the trail could rely on neither. Until it is clear that the other one lives
 * (we may have been called so until a moment ago) nothing is led.
 */
static bool is_double(struct instance *in, const struct store_member *other)
{
	struct members *m = in->members;
	bool first = m->heard || count_led(in); /* that one came later, and ends */
	int64_t now = mono_ms(in);

	if (strcmp(other->origin, in->generation.origin) != 0)
		return false;
	if (!first && (!m->double_at || now - m->double_at > TWIN_GAP_MS)) {
		m->double_since = now;
		log_line(in->log, LOG_INFO, "lease", "instance %s has our origin (%s), or had it until a moment ago: it is waited whether it lives",
			other->instance, other->origin);
	}
	m->double_at = now;
	if (!first && now - m->double_since < TWIN_MS) {
		balance(in);
		return true;
	}
	if (!m->double_told)
		log_line(in->log, LOG_CRIT | MSG(CANNOT_START), "dunningd", "instance %s writes a trail of the same origin (%s): give each instance an origin "
			"of its own, $.origin, or stop that one", other->instance, other->origin);
	m->double_told = true;
	if (!first)
		instance_give_up(in, INSTANCE_CONFIG);
	return !first;
}

/* Its leases are not ours to take, and its trail is not ours to go on with. */
static void on_twin(struct instance *in)
{
	struct members *m = in->members;
	int64_t now = mono_ms(in);

	if (!m->twin_at || now - m->twin_at > TWIN_GAP_MS) {
		m->twin_since = now;
		log_line(in->log, LOG_INFO, "lease", "another process has the name %s, or had it until a moment ago: it is waited whether it lives",
			in->config->instance);
	}
	m->twin_at = now;
	if (now - m->twin_since < TWIN_MS) {
		balance(in);
		return;
	}
	log_line(in->log, LOG_CRIT | MSG(CANNOT_START), "dunningd", "another dunningd called %s lives on this book, on another computer or with another state "
		"directory: give each a name of its own, $.instance, or stop that one first", in->config->instance);
	instance_give_up(in, INSTANCE_CONFIG);
}

static void on_members(int r, const char *book, const char *begun, const struct store_member *members, size_t count, void *arg)
{
	struct instance *in = arg;
	struct members *m = in->members;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct balance_member *others = arena_alloc(arena, (count + 1) * sizeof(*others));
	const char **refused = arena_alloc(arena, (count + 1) * sizeof(*refused));
	uint32_t led = count_led(in);
	bool same = m->heard && led == m->led;
	size_t n = 0;

	m->asked = false;
	if (r == -EEXIST) {
		on_twin(in);
		return;
	}
	if (r < 0) {
		if (!m->refused_told && r == -EPERM)
			log_line(in->log, LOG_WARNING | MSG(REDIS_FORBIDS), "lease", "Redis does not let us say that we live (%s): partitions are taken as they are free, and not shared "
				"evenly", redis_store_last_error(in->partitions[0].store));
		m->refused_told |= r == -EPERM;
		if (!m->replicas_told && r == -EINPROGRESS)
			log_line(in->log, LOG_ERR | MSG(REPLICAS_MISSING), "lease", "too few of Redis's replicas have whose book this is (redis.replicas is %lld): nothing is "
				"begun before they do", (long long)in->config->redis_replicas);
		m->replicas_told |= r == -EINPROGRESS;
		if (r == -EPERM)
			begin(in);
		balance(in);
		return;
	}
	m->twin_at = 0;
	if (!instance_book_heard(in, book))
		return;
	for (size_t i = 0; i < in->partition_count && begun[i]; i++)
		in->partitions[i].begun = begun[i] == '1';
	if (!fresh(in))
		m->heard = 0;
	for (size_t i = 0; i < count; i++)
		if (strcmp(members[i].instance, in->config->instance) != 0) {
			if (is_double(in, &members[i]))
				return;
			refused[n] = arena_strdup(arena, members[i].refused);
			others[n++] = (struct balance_member){ arena_strdup(arena, members[i].instance), members[i].led, members[i].partial };
		}
	same = same && n == m->count;
	for (size_t i = 0; i < n && same; i++) {
		same = false;
		for (size_t k = 0; k < m->count; k++)
			same |= strcmp(m->others[k].name, others[i].name) == 0 && m->others[k].held == others[i].held && m->others[k].partial == others[i].partial;
	}
	for (size_t i = 0; i < n; i++)
		if (!lives(m, others[i].name))
			log_line(in->log, LOG_INFO, "lease", "instance %s lives", others[i].name);
	for (size_t i = 0; i < m->count; i++) {
		bool there = false;

		for (size_t k = 0; k < n; k++)
			there |= strcmp(others[k].name, m->others[i].name) == 0;
		if (!there)
			log_line(in->log, LOG_NOTICE, "lease", "instance %s is gone: what it led is taken over", m->others[i].name);
	}
	arena_free(m->arena);
	m->arena = TAKE(arena);
	m->others = others;
	m->refused = refused;
	m->count = n;
	m->led = led;
	m->same = same ? m->same + 1 : 0;
	m->heard += m->heard < 2;
	m->heard_at = mono_ms(in);
	if (n)
		instance_book_shared(in);
	if (in->book.id[0] || in->book.lost)
		begin(in);
	balance(in);
}

/* Which partitions have groups, as far as we know; each one that leads a partition says so before long. */
static const char *say_begun(const struct instance *in, struct arena *arena)
{
	char *begun = arena_alloc(arena, in->partition_count + 1);

	for (size_t i = 0; i < in->partition_count; i++) {
		struct dunner_status status;

		dunner_status(in->partitions[i].dunner, &status);
		begun[i] = status.state == DUNNER_RUNNING && status.pseq ? '1' : '0';
	}
	begun[in->partition_count] = '\0';
	return begun;
}

static const char *say_refused(const struct instance *in, struct arena *arena)
{
	const char *list = "";

	for (size_t i = 0; i < in->partition_count; i++) {
		struct dunner_status status;

		dunner_status(in->partitions[i].dunner, &status);
		if (status.state == DUNNER_REFUSED)
			list = arena_printf(arena, "%s%s%zu", list, *list ? "," : "", i);
	}
	return list;
}

/*
 * Whose book it is, is not believed before the replicas have it: a fail-over would leave a Redis that seems to have lost everything to instances that
 * have nothing yet.
 */
static void announce(struct instance *in, int64_t led, redis_store_members_fn done)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	bool partial = in->rolled_back; /* and takes none of its share: others that live have it among them */

	for (size_t i = 0; i < in->partition_count; i++) {
		struct dunner_status status;

		dunner_status(in->partitions[i].dunner, &status);
		partial |= (!in->partitions[i].connected && !in->partitions[i].ended) || status.state == DUNNER_REFUSED;
	}
	redis_store_announce(in->partitions[0].store, &(struct store_announcement){ .instance = in->config->instance, .origin = in->generation.origin,
		.ttl_ms = MEMBER_TTL_MS, .led = led, .partial = partial, .book = in->book.id, .new_book = instance_book_offer(in, in->members->heard),
		.begun = say_begun(in, arena), .whose = in->whose, .refused = say_refused(in, arena), .replicas = in->book.id[0] || led < 0 ? 0 : in->config->redis_replicas }, done, in);
}

/*
 * Under which epoch another instance leads is kept, so that a Redis that is put back to before it is known for what it is also where we write nothing
 * meanwhile. One that is less is believed as well: who leads and does not refuse has gone on from there, and so did we where we lead.
 */
static void note_epochs(struct instance *in)
{
	int64_t now = mono_ms(in);
	bool news = false;

	for (size_t i = 0; i < in->partition_count; i++) {
		struct partition *p = &in->partitions[i];
		uint64_t *known = &in->book.epochs[i], led = 0;
		struct dunner_status status;

		dunner_status(p->dunner, &status);
		if (status.state == DUNNER_RUNNING && status.epoch < *known) {
			*known = status.epoch;
			news = true;
		}
		if (!p->ended && p->connected && status.state == DUNNER_PASSIVE && *status.owner && strcmp(status.owner, in->config->instance) != 0 &&
			!instance_refused_by(in, p->number, status.owner))
			led = status.owner_epoch;
		if (led != p->heard) {
			p->heard = led;
			p->heard_since = now;
		}
		if (!led || led == *known || now - p->heard_since < GOES_ON_MS)
			continue;
		if (led < *known)
			log_partition(in->log, LOG_NOTICE, "lease", p->number, "Redis went back to an epoch before one that was led, and another instance has gone on from there");
		*known = led;
		news = true;
	}
	if (news || in->book.unwritten)
		instance_book_write(in);
}

static void on_announce(evutil_socket_t fd, short what, void *arg)
{
	struct instance *in = arg;
	struct members *m = in->members;

	(void)fd, (void)what;
	if (in->partition_count > 1)
		paces_share(in->paces, count_led(in), (int64_t)in->partition_count);
	event_add(m->timer, in->begun ? &(struct timeval){ .tv_sec = ANNOUNCE_MS / 1000 } : &(struct timeval){ .tv_usec = BEGIN_MS * 1000 });
	if (in->stopping || !in->started)
		return;
	note_epochs(in);
	if (m->asked || !in->partitions[0].connected || in->partitions[0].ended) {
		balance(in);
		return;
	}
	m->asked = true;
	announce(in, count_reached(in), on_members);
}

static void on_left(int r, const char *book, const char *begun, const struct store_member *members, size_t count, void *arg)
{
	(void)r, (void)book, (void)begun, (void)members, (void)count, (void)arg;
}

void instance_leave(struct instance *in)
{
	if (in->partitions[0].connected && !in->partitions[0].ended)
		announce(in, -1, on_left);
}

bool instance_refused_by(const struct instance *in, uint32_t partition, const char *name)
{
	const struct members *m = in->members;

	for (size_t i = 0; i < m->count; i++) {
		if (strcmp(m->others[i].name, name) != 0)
			continue;
		for (const char *at = m->refused[i]; *at; at += strcspn(at, ","), at += *at == ',')
			if (strtoul(at, NULL, 10) == partition)
				return true;
	}
	return false;
}

void instance_status_members(const struct instance *in, struct json_writer *w)
{
	const struct members *m = in->members;

	jw_array(w, "instances");
	jw_object(w, NULL);
	jw_str(w, "instance", in->config->instance);
	jw_int(w, "partitions", count_led(in));
	jw_end_object(w);
	for (size_t i = 0; i < m->count; i++) {
		jw_object(w, NULL);
		jw_str(w, "instance", m->others[i].name);
		jw_int(w, "partitions", m->others[i].held);
		jw_end_object(w);
	}
	jw_end_array(w);
}

/* --- all of them ---------------------------------------------------------------------------------------------------------------- */

void instance_open_partitions(struct instance *in)
{
	uint8_t id[(STATE_DIR_HOME_SIZE - 1) / 2];
	char hex[STATE_DIR_HOME_SIZE];

	in->members = xcalloc(1, sizeof(*in->members));
	in->members->arena = arena_create();
	in->members->timer = evtimer_new(in->base, on_announce, in);
	in->renewal = evtimer_new(in->base, on_renewal, in);
	in->partition_count = (size_t)in->config->partitions;
	state_dir_home(in->config->state_dir, in->home);
	random_bytes(id, sizeof(id));
	snprintf(in->whose, sizeof(in->whose), "%s", in->home[0] ? in->home : hex_format(id, sizeof(id), hex));
	in->partitions = xcalloc(in->partition_count, sizeof(*in->partitions));
	for (size_t i = 0; i < in->partition_count; i++) {
		in->partitions[i].instance = in;
		in->partitions[i].number = (uint32_t)i;
		open_partition(&in->partitions[i]);
	}
}

void instance_close_partitions(struct instance *in)
{
	for (size_t i = 0; i < in->partition_count; i++)
		redis_store_destroy(in->partitions[i].store);
	free(in->partitions);
	if (!in->members)
		return;
	event_free(in->members->timer);
	event_free(in->renewal);
	arena_free(in->members->arena);
	free(in->members);
}
