/* instance_internal - shared by instance.c, instance_setup.c and instance_status.c. */
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
int setup_library(const struct instance_options *options, const struct config *config, struct library **ret, struct err *err);
int setup_texts(const struct instance_options *options, const struct config *config, struct page_texts **ret, struct err *err);

struct partition {
	struct instance *instance;
	uint32_t number;
	struct redis_store *store;
	struct dunner *dunner;
	uint64_t turns; /* as the watchdog saw them last */
	uint64_t seen_turns; /* as the last tick saw them */
	int64_t progress_at; /* mono: of the last tick that saw progress, or that it rightly waits; 0 = there was none yet */
	bool connected, stopped;
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
	struct fetch *fetch; /* NULL: no document is fetched */
	struct anchors *anchors; /* NULL: none is configured */
	bool rotation_told;
	bool held, agree_told; /* held: as the partitions were told last */
	struct provider_test *test; /* the last one by hand; NULL = none */
	struct control *control;
	struct hooks *hooks; /* NULL: not configured */
	struct debtor_page *page; /* NULL: not configured */
	struct poller *poller;
	struct instrument *instrument; /* NULL: metrics.listen is not configured */
	struct control_callbacks control_callbacks;
	struct partition *partitions;
	size_t partition_count;
	uint32_t erasing; /* partition of the last erasure asked for */
	struct event *signals[4], *tick, *deadline;
	char boot_id[40];
	date law_told; /* day on which it was last told what of the law runs out */
	int64_t started_at; /* ms UTC */
	bool checking, checked; /* Redis's settings */
	bool started; /* the partitions were */
	bool ready, stopping;
	int exit_code;
};

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
void instance_law(struct instance *instance); /* instance_law.c: warns of law data that runs out, once a day */
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
void instance_metrics_synced(int64_t us, void *instance); /* struct journal_settings */
const struct transport_port *instance_metrics_transport(struct instance *instance); /* the one that the partitions send through */

#endif
