/*
 * adapter_poll - what a provider must be asked for: the `poll` of a provider file. Requests, and what their answers tell, as the events of
 * webhooks. Pure: no I/O, no clock, no logging. The language is described in dunningd-provider(5).
 */
#ifndef DUNNINGD_COMMON_ADAPTER_POLL_H
#define DUNNINGD_COMMON_ADAPTER_POLL_H

#include "common/adapter_hook.h"

struct poll;

size_t adapter_poll_count(const struct adapter *adapter);
const struct poll *adapter_poll(const struct adapter *adapter, size_t i); /* lives as long as the adapter */
const char *poll_name(const struct poll *poll);
/* Whether these settings ask for it: "when" names a setting that must not be empty. */
bool poll_wanted(const struct poll *poll, const struct provider_settings *settings);
int64_t poll_interval_ms(const struct poll *poll);
int64_t poll_seen_ms(const struct poll *poll); /* an event may stand in the list for so long: it must be known for longer */
bool poll_by_item(const struct poll *poll); /* the list has ids alone, and each is asked for */
const struct hook *poll_hook(const struct poll *poll); /* for struct hook_origin */

/* What has been asked for already: kept by the caller, from one answer to the next. */
struct poll_position {
	bool has_cursor;
	int64_t cursor; /* the greatest so far: a number, or ms UTC */
	const char *page; /* of the list, within one round; NULL = the first */
	const char *item; /* the one that is asked for; NULL: the list */
};

/* As adapter_request(). With input->secret NULL the form for records. input->message is not used. */
int adapter_poll_request(const struct adapter *adapter, const struct poll *poll, const struct adapter_input *input,
	const struct poll_position *position, struct arena *arena, struct http_request *ret, struct err *err);

struct poll_item {
	const char *id; /* poll_by_item(); else NULL */
	const char *json; /* the element */
	size_t len;
	bool has_cursor;
	int64_t cursor;
};

/*
 * The elements of a list that are new since the position, those with a cursor in its order; *page: that of the next request, NULL = none.
 * -EBADMSG: it is no list of that kind.
 */
int poll_read_list(const struct poll *poll, const struct http_answer *answer, const struct poll_position *position, struct arena *arena,
	struct poll_item **ret, size_t *count, const char **page, struct err *err);

#endif
