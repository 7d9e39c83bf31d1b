/*
 * sim - a small deterministic world for the flow: one seed decides the book of invoices, every latency and every fault, so a failing
 * run replays bit for bit. One process, no threads, no real time; the flow (daemon/dunner) is the real one, its ports are fakes.
 *
 * Two times: `mono` is the hosts' monotonic clock, `wall` their calendar clock. While everything rests, the wall clock is moved to
 * the next thing that can happen, as under `--clock`: months fit in minutes of monotonic time, and every deadline, lease
 * and latency keeps its real length.
 */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/utc.h"
#include "daemon/dunner.h"
#include "daemon/ports.h"

#define HOSTS_MAX 3
#define PARTITIONS_MAX 3
#define SIM_CREDITOR_ZONE "Europe/Paris"
#define SIM_CREDITOR_COUNTRY "GB" /* of its locale */

/* --- chance: each part draws from its own stream, so that a change in one leaves the others as they were ------------ */

struct rng {
	uint64_t s[4];
};
void rng_seed(struct rng *rng, uint64_t seed, const char *stream);
uint64_t rng_next(struct rng *rng);
int64_t rng_range(struct rng *rng, int64_t from, int64_t to); /* both ends included */
bool rng_chance(struct rng *rng, int64_t per_million);
void rng_fill(struct rng *rng, void *ret, size_t len);

/* --- what may go wrong in this run ----------------------------------------------------------------------------------- */

/* Rates are per million of the occasions named; 0 = this run does without. */
struct weather {
	int hosts; /* 1 or 2 instances want the partition; 2 or 3 where there are several */
	int partitions; /* 1 or 3 */
	int64_t give; /* per hour: an instance gives one of its partitions away */
	bool idempotent, lookup; /* what the provider can: know its key again, look up */
	bool skip_unknown; /* the policy's rule for an attempt that stays unknown: skip, else hold */
	int64_t crash; /* per step in which something is under way */
	int64_t freeze; /* same: the process stops for longer than its lease, then goes on */
	int64_t stop; /* per hour of wall time: graceful stop */
	int64_t drop; /* per store command: the connection breaks, command done or not */
	int64_t slow; /* per store command: answers long after */
	int64_t loading; /* per hour: Redis starts again, loads for a while */
	int64_t rollback, flush; /* per hour */
	int64_t full; /* per hour: Redis refuses writes for a while */
	int64_t no_space, broken_disk; /* per write */
	int64_t torn; /* per page of a crash's unsynced bytes: 0 = all is lost */
	int64_t refuse_connect, doubt, throttle, refuse, server_error, no_id; /* per request */
	int64_t slow_request; /* per request: answers after seconds */
	int64_t lookup_fails; /* per look-up */
	int64_t wall_step; /* per hour: the wall clock is set by some seconds */
	int64_t stuck; /* per connection to a provider, where others wait for the partition: see store_stuck() */
	int64_t provoke; /* per delicate moment: something happens right then */
	int64_t late, twice, malformed; /* per event */
	int64_t port_crash; /* per port call: nothing that the process does after it in this step reaches the world */
	int poison; /* an entry that kills whoever takes it: 1 at its decision, 2 at its parsing */
	int64_t receipts; /* per message that the provider took: it tells of it */
	bool spare; /* there is a second provider behind the first one */
	int64_t moves; /* per start of a host: it comes with another account at its providers, which know nothing of the one before */
	int64_t per_second, at_once, per_day; /* what each of them bears; 0 = all */
	int64_t outage; /* per hour: the first one is away for a while */
	bool feed, people; /* a ledger tells its watermark; somebody gives commands and does tasks */
	bool lists; /* the producer lists its open invoices now and then */
	bool offers; /* the policy offers less and instalments, and debtors answer: sim_offers.c */
};

/* --- time, queue, trace ------------------------------------------------------------------------------------------------ */

/* One process of a host: from its start to its crash. What was meant for a dead one is dropped. */
struct life {
	uint32_t number;
	bool alive;
	bool gone; /* it crashed in the middle of this step */
	int64_t frozen_until; /* mono; the process does not run before */
	struct arena *arena;
	struct life *next;
};

typedef void (*sim_fn)(void *arg);
struct sim_item {
	int64_t at, due; /* due: before it was frozen; both are mono, in the calendar wall */
	uint64_t seq;
	struct life *life; /* NULL: the world's, happens whoever lives */
	sim_fn fn, drop; /* exactly one of them is called; drop NULL = nothing to do */
	void *arg;
	bool busy; /* something is under way: the wall clock must not be moved */
};
struct sim_queue {
	struct sim_item *items;
	size_t count, capacity;
};

/* One partition in a process: led, waited for, or on its way from one to the other. */
struct partition {
	struct host *host;
	uint32_t number;
	struct dunner *dunner;
	struct clock_port clock;
	struct store_port store;
	struct link *link; /* its connections to Redis */
	bool idle; /* as the flow last said */
	int64_t next_due;
	uint32_t flows; /* this one's number, of all that the instance ever had */
	bool ended; /* lost or given away: it begins anew once nothing calls the old flow any more */
	bool stopped; /* with its process */
};

struct host {
	struct sim *sim;
	int index;
	const char *name;
	struct life *life; /* NULL while the process is down */
	uint32_t lives;
	struct partition parts[PARTITIONS_MAX];
	struct random_port random;
	struct journal_port journal;
	struct keys_port keys;
	struct transport_port transport;
	struct paces *paces; /* this life's */
	struct config *config;
	char account[16]; /* this life's, at its providers: the value of their credential */
	struct disk *disk; /* survives the process */
	struct port_timer *timers;
	bool stopping;
	bool end_now; /* the flow said that it must end */
	int64_t stop_asked; /* mono */
};

/* What is played: months of a creditor's life, or one history told twice (sim_order.c). */
enum sim_mode { MODE_LIFE, MODE_IN_ORDER, MODE_ANYHOW };

struct sim {
	uint64_t seed;
	enum sim_mode mode;
	bool verbose;
	bool double_send; /* the provider sends each message twice: the judge must notice */
	struct arena *arena;
	struct rng flow, net, disk, world, faults, receipts, lists, accounts, stuck, offers;
	struct weather weather;
	bool calm; /* the last part of a run: no faults any more */
	int64_t mono, offset; /* wall = mono + offset */
	int64_t begin, calm_at, end; /* wall */
	int64_t calm_mono, served_mono, jump_after;
	struct life *lives;
	struct sim_queue queue, calendar; /* by mono; by wall */
	uint64_t seq, steps, trace;
	int64_t busy;
	uint64_t receipt_count;
	int account; /* the newest */
	uint64_t jumps, crashes, restarts, rollbacks, flushes, doubts, takeovers, provoked, beside, lost, given;
	int64_t set_back; /* when the wall clock was last, mono */
	struct host hosts[HOSTS_MAX];
	struct redis *redis;
	struct provider *provider;
	struct traffic *traffic;
	struct book *book;
	struct judge *judge;
	struct dump *dump; /* what is known at dump_at (wall) goes there */
	int64_t dump_at;
	struct tale *tale; /* not MODE_LIFE: what is to be told */
	struct library *library;
	const struct policy *policy;
	const struct drawn_policy *drawn; /* the policy is a random one: sim_policy.h; NULL = one of ours */
	int64_t slow_connect, slow_until; /* a delicate moment asks the next request to take so long; mono: and what is loaded to take its time */
	bool slow_reads; /* not that, but what the streams are read for */
	bool crash_next; /* a delicate moment asks for a crash at the next step */
	struct host *crash_host;
	int64_t closed_from, closed_until; /* wall: who ends in between starts again only after it */
	bool poisoned; /* the last life died of the poison: neither a clean stop nor a counted try since */
	int poisonings;
	bool broken;
	char breach[600], summary[300];
};

void sim_begin(struct sim *sim, uint64_t seed, int days, bool verbose); /* what else is asked of it is set before the run */
int64_t sim_wall(const struct sim *sim);
/* delay >= 0 ms from now. */
void sim_after(struct sim *sim, struct life *life, int64_t delay, bool busy, sim_fn fn, sim_fn drop, void *arg);
void sim_at_wall(struct sim *sim, int64_t wall, sim_fn fn, sim_fn drop, void *arg);
void sim_shift_wall(struct sim *sim, int64_t by);
bool sim_step(struct sim *sim); /* false: nothing left, or a promise is broken */
void sim_clear(struct sim *sim);
/* Into the trace's digest, and onto stdout when verbose. */
void sim_note(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A promise is broken: the first one is kept, and the run ends. */
void sim_breach(struct sim *sim, const char *promise, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* --- the ports ----------------------------------------------------------------------------------------------------------- */

void clock_plug(struct host *host);
void clock_plug_part(struct partition *part);
void clock_wall_moved(struct host *host); /* wall timers look again */
void clock_unplug(struct host *host);

struct disk *disk_create(struct host *host);
void disk_destroy(struct disk *disk);
void journal_plug(struct host *host); /* opens what the disk holds */
void journal_unplug(struct host *host, bool crash); /* crash: unsynced pages survive by chance */
/* For the judge: the keys of a slot as durable on this host's disk. */
int disk_keys(const struct disk *disk, uint16_t year, uint32_t slot, struct case_keys *ret);
/* For the judge: the bytes that would survive now. */
bool disk_full(const struct disk *disk);
void disk_slow(struct host *host, int64_t ms); /* what is to be kept takes its time for so long */

struct redis *redis_create(struct sim *sim);
void redis_destroy(struct redis *redis);
void redis_entry_added(struct redis *redis, const char *stream); /* blocked readers return */
bool redis_up(const struct redis *redis);
bool redis_clock_wrong(const struct redis *redis);
/* An entry by a producer; text is the event, raw when it is no `event` field. False while Redis is down. */
bool redis_add(struct redis *redis, const char *stream, const char *text, bool raw);
void redis_snapshot(struct redis *redis);
void redis_go_back(struct redis *redis); /* restart from the snapshot */
void redis_flush(struct redis *redis, bool new_run_id);
void redis_restart(struct redis *redis, int64_t loading_ms);
void redis_refuse_writes(struct redis *redis, int64_t ms);
/* Whether nobody else holds the lease of the debtor's partition now. */
bool redis_writer(const struct redis *redis, const struct host *host, const char *debtor_id);
void store_stall(struct host *host, bool only_news, int64_t ms); /* nothing comes through for so long, or no answers to blocking reads */
void store_stuck(struct host *host, int64_t ms); /* the reverse: news is read, and nothing else gets through */
void store_plug(struct partition *part);
void store_unplug(struct partition *part);
const char *redis_get(struct redis *redis, const char *key, size_t *len); /* for order tests */
void redis_each(struct redis *redis, const char *prefix, void (*fn)(const char *key, const char *value, void *arg), void *arg);

void receipts_tell(struct sim *sim, const struct message *message); /* the provider took it */
struct provider *provider_create(struct sim *sim);
void provider_destroy(struct provider *provider);
void transport_plug(struct host *host);
void transport_unplug(struct host *host);

/* sim_traffic.c */
void traffic_setup(struct sim *sim); /* draws what the providers bear */
void traffic_schedule(struct sim *sim);
void traffic_begun(struct host *host, const struct message *message); /* a request begins */
void traffic_waited(struct host *host, const struct message *message, int64_t rate_ms); /* until then, or so far */
int traffic_full_days(const struct sim *sim, int64_t from); /* since then: that had no room left for another message */
bool traffic_out(struct host *host, const struct message *message, bool *silent); /* the provider is away, and was asked */
/* asked: the provider itself, else the wire turned it away */
void traffic_ended(struct host *host, const struct message *message, const struct outcome *outcome, bool asked);

/* --- the world ------------------------------------------------------------------------------------------------------------- */

/* Delicate moments, where faults and events hurt most. `invoices` may be NULL. */
enum moment {
	MOMENT_APPEND, /* a group was handed to the journal */
	MOMENT_SYNCED,
	MOMENT_COMMITTED, /* the store executed a commit */
	MOMENT_CONNECT, /* a request begins to connect */
	MOMENT_FIRST_BYTE,
	MOMENT_ACCEPTED, /* the provider took it; the answer is not back */
	MOMENT_COUNT
};
void world_moment(struct host *host, enum moment moment, const struct message *message);
void world_appended(struct host *host, const struct journal_group *group); /* also at MOMENT_APPEND */
/* A port is called: true = the process crashed at this very call or before it, nothing of it happens. */
bool world_gone(struct host *host);
void world_poisoned(struct host *host); /* the process dies of what it took */
void world_run(struct sim *sim); /* one whole run */
bool world_start_host(struct host *host);
void world_kill(struct host *host);
void world_close(struct sim *sim, int64_t from, int64_t until); /* all hosts are stopped, in good order */
void world_end(struct sim *sim); /* frees all of it */

void setup_weather(struct sim *sim);
struct config *setup_config(struct sim *sim, const char *instance); /* lives in sim->arena */
void setup_library(struct sim *sim);
void setup_free_library(struct sim *sim);

/* --- the book ---------------------------------------------------------------------------------------------------------------- */

struct book *book_create(struct sim *sim, int debtors, int invoices);
void book_mix(struct sim *sim, struct rng *rng); /* debtors of all kinds and countries, some of them hardly known */
void book_destroy(struct book *book);
void book_schedule(struct sim *sim); /* puts all deliveries into the calendar */
/* Something about one of the message's invoices arrives `delay` ms from now. */
void book_provoke(struct sim *sim, const struct message *message, int64_t delay);
void book_provoke_any(struct sim *sim, int64_t delay); /* somebody pauses, whom we may never have heard of */
/* All at once in one stream: many others pause for a minute, and behind them stands something about one of the message's invoices. */
void book_provoke_last(struct sim *sim, const struct message *message, int64_t delay);
/* The streams of the debtor's partition that the event is about; a name of partition 0's stands for all of them. */
const char *book_stream(struct sim *sim, const char *stream, const char *text);
void book_tell(struct sim *sim, const char *stream, int64_t at, const char *text); /* one delivery into the calendar */
/* Redis lost entries: their producers send them again. */
void book_resend(struct sim *sim, const char *stream, const char *text, bool raw);

/* --- lists and letters: sim_lists.c ------------------------------------------------------------------------------------------------- */

void lists_schedule(struct sim *sim);
void carrier_tells(struct sim *sim, const char *invoice); /* somebody posted a letter about it */

/* --- people --------------------------------------------------------------------------------------------------------------------------- */

#define POISON_INVOICE "inv_poison"
void people_schedule(struct sim *sim);
void people_task(struct sim *sim, const char *kind, const char *task, const char *invoice); /* a task was opened */

void people_say(struct sim *sim, int64_t at, const char *word, const char *target, const char *more); /* a command */

/* --- offers: sim_offers.c -------------------------------------------------------------------------------------------------------------- */

struct known_offer;
const char *offers_of_step(struct sim *sim, int n); /* members of the n-th mail of a ladder, counted from 0 */
void offers_reach(struct sim *sim, const struct known_offer *offer); /* it was made: the debtor makes of it what he likes */
void offers_schedule(struct sim *sim); /* what is agreed without one */

/* --- erasure: sim_erase.c ---------------------------------------------------------------------------------------------------------- */

struct retention *erase_periods(void); /* the caller's */
void erase_plug(struct partition *part); /* what the store is asked for it */
void erase_schedule(struct sim *sim);
void erase_judge(struct judge *judge); /* at the end */

/* --- any order --------------------------------------------------------------------------------------------------------------------- */

void order_add(struct sim *sim, int64_t at, const char *text); /* one event of the history */
void order_schedule(struct sim *sim);
bool order_play(uint64_t seed, bool verbose, char *breach, size_t size);
bool order_offers_play(uint64_t seed, bool verbose, char *breach, size_t size); /* sim_order_offers.c: one small history of what follows an offer */

/* --- the judge --------------------------------------------------------------------------------------------------------------- */

struct judge *judge_create(struct sim *sim);
void judge_destroy(struct judge *judge);
/* What the judge is told: events as they enter the stream (and when the stream loses them), groups as they become durable, and what
 * the provider sees. */
void judge_event_added(struct judge *judge, const char *stream, const char *text, bool raw);
void judge_event_lost(struct judge *judge, const char *text);
void judge_durable(struct judge *judge, struct host *host, const struct journal_group *group);
bool judge_intent(struct judge *judge, struct host *host, const struct journal_group *group, struct message *ret); /* whom it will contact */
void judge_first_byte(struct judge *judge, struct host *host, const struct message *message, const uint8_t digest[32]);
void judge_accepted(struct judge *judge, struct host *host, const struct message *message, bool repeated);
void judge_not_sent(struct judge *judge, const struct message *message); /* the provider certainly did nothing, and said so */
void judge_contacted(struct judge *judge, const struct message *message, const uint8_t digest[32]);
void judge_applied(struct judge *judge, const struct group_header *head); /* the store took this group */
void judge_end(struct judge *judge);

#endif
