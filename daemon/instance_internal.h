/* instance_internal - shared by the files of the instance. */
#ifndef DUNNINGD_DAEMON_INSTANCE_INTERNAL_H
#define DUNNINGD_DAEMON_INSTANCE_INTERNAL_H

#include <stdint.h>

#include <event2/event.h>

#include "common/config.h"
#include "common/library.h"
#include "common/played_clock.h"
#include "common/redis_link.h"
#include "daemon/anchor.h"
#include "daemon/clock.h"
#include "daemon/control.h"
#include "daemon/dunner.h"
#include "daemon/generation.h"
#include "daemon/dashboard.h"
#include "daemon/debtor_page.h"
#include "daemon/hooks.h"
#include "daemon/poller.h"
#include "daemon/http_client.h"
#include "daemon/instance.h"
#include "daemon/journal.h"
#include "daemon/keystore.h"
#include "daemon/log.h"
#include "daemon/log_key.h"
#include "daemon/redis_store.h"
#include "daemon/service.h"
#include "daemon/signer.h"
#include "daemon/state_dir.h"

struct secret {
	const char *credential, *value;
};

/* What is read before anything is started; checked as a whole. */
struct setup {
	const struct instance_options *options;
	struct config *config;
	struct library *library;
	struct page_texts *texts; /* what people see in a browser; NULL: none listens */
	struct redis_url url;
	struct played_spec clock;
	uint8_t install_key[32], wrap_key[32];
	struct log_key log_key;
	bool signs; /* log_key is there */
	struct secret *secrets;
	size_t secret_count, secret_capacity;
	struct arena *arena;
};

/* -errno, `err` names file, JSON path and what would be right. Freed with setup_clear() in any case. */
int setup_read(const struct instance_options *options, struct setup *ret, struct err *err);
void setup_clear(struct setup *setup);
const char *setup_secret(const char *credential, void *setup); /* adapter_secret_fn */
int setup_config(const char *file, struct config **ret, struct err *err); /* parsed; `instance` is filled */
/* What the first letter would load while everything waits, where the default policy or one that a rule names has one. */
void setup_fonts(const struct config *config, const struct library *library);
/* Whether the file says something else than `config`, in other than comments and spaces, or nothing that can be read: only a start takes it. */
bool setup_config_changed(const char *file, const struct config *config);
int setup_library(const struct instance_options *options, const struct config *config, struct library **ret, struct err *err);
int setup_texts(const struct instance_options *options, const struct config *config, struct page_texts **ret, struct err *err);

#define BOOK_DIGITS 32 /* hexadecimal digits */
struct book_id {
	char id[BOOK_DIGITS + 1], fresh[BOOK_DIGITS + 1]; /* id: "" = not known yet; fresh: what a new one would be */
	bool shared; /* another instance was seen once */
	bool lost; /* Redis has it no more */
	bool unwritten; /* the file could not be */
	uint64_t *epochs; /* by partition: under which another instance led it last, as far as we ever heard; 0 = none did */
};

struct partition {
	struct instance *instance;
	uint32_t number;
	struct redis_store *store;
	struct dunner *dunner;
	uint64_t turns; /* as the watchdog saw them last */
	uint64_t seen_turns; /* as the last tick saw them */
	int64_t progress_at; /* mono: of the last tick that saw progress, or that it rightly waits; 0 = there was none yet */
	bool connected, stopped, checking, checked; /* checked: the settings of its Redis */
	bool begun; /* by whomever, once: where Redis has nothing of it, it was lost */
	bool ended; /* lost or given away: it begins anew once nothing calls its flow any more */
	uint64_t heard; /* the epoch under which another instance leads, and since when (mono); 0 = none does */
	int64_t heard_since;
	int64_t not_before; /* mono: it was given away, and is not taken before */
	char away[120]; /* why Redis is, as last told */
};

struct instance {
	struct setup setup;
	const struct config *config; /* of the start: a reload does not change it */
	struct generation generation; /* of the trail; strings in setup.arena */
	struct library *library;
	struct event_base *base;
	struct log *log;
	struct service *service;
	struct keystore *keys;
	struct journal *journal;
	struct signer *signer; /* NULL: the trail is not signed */
	struct clock *clock;
	struct paces *paces;
	struct http_client *http;
	struct merge_apart merge;
	struct fetch *fetch; /* NULL: no document is fetched */
	struct anchors *anchors; /* NULL: none is configured */
	bool rotation_told;
	bool held, agree_told; /* held: as the partitions were told last */
	bool rolled_back; /* Redis knows of more that we wrote than we do */
	struct provider_test *test; /* the last one by hand; NULL = none */
	struct control *control;
	struct hooks *hooks; /* NULL: not configured */
	struct debtor_page *page; /* NULL: not configured */
	struct dashboard *dashboard;
	struct poller *poller;
	struct instrument *instrument; /* NULL: metrics.listen is not configured */
	struct control_callbacks control_callbacks;
	struct partition *partitions;
	size_t partition_count;
	struct members *members; /* the other instances */
	struct book_id book;
	struct event *renewal; /* partitions begin anew */
	int64_t started_mono, redis_ahead_ms;
	uint32_t erasing; /* partition of the last erasure asked for */
	struct event *signals[4], *tick, *deadline;
	char boot_id[BOOT_ID_SIZE];
	char home[STATE_DIR_HOME_SIZE]; /* once its lock is held; "" = it cannot be told */
	char whose[STATE_DIR_HOME_SIZE]; /* our name among those that live: the home, else of this process */
	date told_on; /* day on which it was last told what runs out */
	int64_t started_at; /* ms UTC */
	char settings_told[200]; /* the last warning about Redis's settings: each server has the same */
	bool started; /* Redis was looked at */
	bool begun; /* the partitions were started */
	bool ready, stopping;
	int exit_code;
};

void instance_note(int priority, const char *line, void *instance);
void instance_give_up(struct instance *instance, int exit_code);
void instance_tell(struct instance *instance); /* the service manager: ready, and one line */
void instance_stopped(struct partition *p); /* when all have, the process ends */
int instance_log_root(uint16_t year, uint64_t size, uint8_t root[32], void *partition); /* struct dunner_callbacks */

/* instance_partitions.c */
void instance_open_partitions(struct instance *instance);
void instance_close_partitions(struct instance *instance); /* their flows are destroyed already */
void instance_check_redis(struct instance *instance); /* then the partitions start */
void instance_start_partitions(struct instance *instance);
void instance_leave(struct instance *instance); /* the others are told that it stops */
bool instance_refused_by(const struct instance *instance, uint32_t partition, const char *name); /* as that other instance says */
void instance_status_members(const struct instance *instance, struct json_writer *w);

/* instance_book.c */
int instance_book_open(struct instance *instance, struct err *err); /* reads the state directory's */
const char *instance_book_offer(const struct instance *instance, bool heard); /* what Redis may be given where it has none; "" = nothing */
bool instance_book_heard(struct instance *instance, const char *id); /* what Redis has, "" = nothing. False: it is another book, and we end */
void instance_book_shared(struct instance *instance); /* there is another instance */
void instance_book_write(struct instance *instance); /* once there is one: its epochs changed */

struct fetch *instance_fetch(struct instance *instance); /* instance_documents.c; NULL: none is configured */
int instance_anchors(struct instance *instance, struct err *err); /* instance_anchors.c: begins them */
void instance_rotation(struct instance *instance); /* records once that two keys sign, as soon as there is somebody to record it */
void instance_anchors_hold(struct instance *instance); /* the signer and all sending: see anchors_status.held */
int instance_anchors_agreed(struct instance *instance, const char *who, const char *why, struct err *err); /* control: POST /anchor/agreed */
void instance_record_mended(struct instance *instance); /* logs whose files the signer made again: once a partition is ours */
void instance_status_anchors(const struct instance *instance, struct json_writer *w);
/* instance_page.c; control: POST /link */
int instance_link(const struct control_link *link, struct arena *arena, const char **url, struct err *err, void *instance);
/* After a reload: both that show pages have these from now on. */
void instance_use_texts(struct instance *instance, struct library *library, struct page_texts **texts);
void instance_status_page(const struct instance *instance, struct json_writer *w);
int instance_open_page(struct instance *instance, int64_t (*now)(void *arg), void (*note)(int priority, const char *line, void *arg), struct err *err);
/* The same of the dashboard: instance_dashboard.c */
int instance_open_dashboard(struct instance *instance, int64_t (*now)(void *arg), void (*note)(int priority, const char *line, void *arg), struct err *err);
void instance_status_dashboard(const struct instance *instance, struct json_writer *w);
bool instance_dashboard_page(struct evhttp_request *request, int64_t uid, void *instance); /* control: its pages */
void instance_runs_out(struct instance *instance); /* instance_law.c: warns of what runs out, once a day */
bool instance_law_left(const struct instance *instance, int64_t *days, int64_t *ran_out); /* until the next entry runs out, -1 = none does; false: no law data */
void instance_status_law(const struct instance *instance, struct json_writer *w);
struct dunner *instance_recorder(const struct instance *instance); /* whose group will hold what happened outside the flow */
int instance_reading(const struct control_reading *reading, struct err *err, void *instance); /* control: POST /reading */
int instance_record_link(struct instance *instance, const struct control_link *link, const char *link_id, struct err *err); /* before it is given */
int instance_test(const struct control_test *test, struct err *err, void *instance); /* control: POST /provider/test */
void instance_tested(struct json_writer *w, void *instance); /* control: GET /provider/test */
void instance_test_free(struct instance *instance);
void instance_status(struct json_writer *w, void *instance); /* control: GET /status */
void instance_config(struct json_writer *w, void *instance); /* control: GET /config */
void instance_line(const struct instance *instance, char *ret, size_t size); /* one line, for `systemctl status` */
const char *instance_state_name(enum dunner_state state);

bool instance_waits(const struct partition *p, const struct dunner_status *status); /* instance_health.c: it rightly does nothing */
void instance_progress(struct instance *instance); /* each tick */
bool instance_healthy(struct buf *ret, void *instance); /* GET /healthz: each partition got on within the watchdog's time, or rightly waits */
bool instance_able(struct buf *ret, void *instance); /* GET /readyz: each partition is ours, and what is due is sent */

/* instance_metrics.c; all but the first do nothing when metrics.listen is not configured. */
void instance_metrics_begin(struct instance *instance); /* before the journal is opened */
int instance_metrics_listen(struct instance *instance, struct err *err); /* once the partitions are there */
void instance_metrics_end(struct instance *instance); /* once the transport calls nobody any more */
void instance_metrics_tick(struct instance *instance);
void instance_metrics_hold(const char *reason, bool opened, void *partition); /* struct dunner_callbacks */
void instance_metrics_synced(int64_t us, void *instance); /* struct journal_settings */
const struct transport_port *instance_metrics_transport(struct instance *instance); /* the one that the partitions send through */

#endif
