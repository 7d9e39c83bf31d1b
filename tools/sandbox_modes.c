#include "tools/sandbox_modes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/utc.h"

#define WAIT_MAX_MS (10 * MINUTE_MS)
#define VALUE_MAX 100
#define PHONES "+336399800"

const char *const sandbox_mode_names[MODE_COUNT + 1] = { "ok", "error", "429", "401", "hang", "close_after_read", "slow", "no_dedupe",
	"429_date", "quota", "bad_address", "stopped", "503", "cut_before", "cut_after", "no_id", "garbage", "endless", "redirect", "deliver",
	"defer", "bounce", "bounce_soft", "complain", "open", "reply", "stop", NULL };

#define THEN(word) .takes = true, .then = { word }, .then_count = 1
#define THEN_BOTH(first, second) .takes = true, .then = { first, second }, .then_count = 2

const struct sandbox_mode_row sandbox_modes[MODE_COUNT] = {
	[MODE_OK] = { .takes = true, .help = "202 with an id" },
	[MODE_ERROR] = { .status = 500, .help = "500, not taken (an order may say another \"status\", and with \"capture\" that it was)" },
	[MODE_429] = { .status = 429, .error = "throttled", .retry_after = "2", .help = "429 with Retry-After in seconds" },
	[MODE_401] = { .status = 401, .error = "unauthorized", .help = "401" },
	[MODE_HANG] = { .takes = true, .ms = MINUTE_MS, .how = HOW_CLOSE, .help = "takes it and says nothing; hangs up after a minute" },
	[MODE_CLOSE] = { .takes = true, .how = HOW_CLOSE, .help = "takes it and hangs up without an answer" },
	[MODE_SLOW] = { .takes = true, .ms = 1000, .help = "answers after a second" },
	[MODE_NO_DEDUPE] = { .takes = true, .help = "knows no idempotency keys" },
	[MODE_429_DATE] = { .status = 429, .error = "throttled", .retry_after = "date", .help = "429 with Retry-After as a date" },
	[MODE_QUOTA] = { .status = 429, .error = "quota", .retry_after = "3600", .help = "429, the day's quota is used up" },
	[MODE_BAD_ADDRESS] = { .status = 422, .error = "bad_address", .help = "422, this address cannot be" },
	[MODE_STOPPED] = { .status = 422, .error = "stopped", .help = "422, this recipient wants no more" },
	[MODE_503] = { .status = 503, .error = "unavailable", .help = "503, not taken" },
	[MODE_CUT_BEFORE] = { .how = HOW_CLOSE, .help = "hangs up before the first byte, not taken" },
	[MODE_CUT_AFTER] = { .takes = true, .how = HOW_CUT, .help = "takes it and hangs up amid the first line" },
	[MODE_NO_ID] = { .takes = true, .status = 202, .how = HOW_NO_ID, .help = "202 without an id" },
	[MODE_GARBAGE] = { .takes = true, .status = 200, .how = HOW_GARBAGE, .help = "200 with a body that is nothing" },
	[MODE_ENDLESS] = { .takes = true, .how = HOW_ENDLESS, .help = "200 with a body that does not end" },
	[MODE_REDIRECT] = { .status = 302, .error = "moved", .help = "302 to 169.254.169.254" },
	[MODE_DELIVER] = { THEN(WORD_DELIVERED), .help = "taken, then delivered" },
	[MODE_DEFER] = { THEN_BOTH(WORD_DEFERRED, WORD_DELIVERED), .help = "taken, deferred, delivered" },
	[MODE_BOUNCE] = { THEN(WORD_BOUNCED), .help = "taken, then bounced for good" },
	[MODE_BOUNCE_SOFT] = { THEN(WORD_BOUNCED_SOFT), .help = "taken, then bounced for now" },
	[MODE_COMPLAIN] = { THEN_BOTH(WORD_DELIVERED, WORD_COMPLAINED), .help = "taken, delivered, complained about" },
	[MODE_OPEN] = { THEN_BOTH(WORD_DELIVERED, WORD_OPENED), .help = "taken, delivered, opened" },
	[MODE_REPLY] = { THEN_BOTH(WORD_DELIVERED, WORD_REPLIED), .help = "taken, delivered, answered" },
	[MODE_STOP] = { THEN_BOTH(WORD_DELIVERED, WORD_STOPPED), .help = "taken, delivered, answered with STOP" },
};

void sandbox_order_init(struct sandbox_order *order)
{
	*order = (struct sandbox_order){ .mode = MODE_OK, .capture = true, .dedupe = true };
}

void sandbox_order_clear(struct sandbox_order *order)
{
	free(order->retry_after);
	free(order->to);
	order->retry_after = order->to = NULL;
}

static void set_mode(struct sandbox_order *order, enum sandbox_mode mode)
{
	const struct sandbox_mode_row *row = &sandbox_modes[mode];

	order->mode = mode;
	order->status = row->status;
	order->ms = row->ms;
	order->capture = row->takes;
	order->dedupe = order->dedupe && mode != MODE_NO_DEDUPE;
	free(order->retry_after);
	order->retry_after = row->retry_after ? xstrdup(row->retry_after) : NULL;
}

int sandbox_order_read(struct sandbox_order *order, const struct json *root, struct err *err)
{
	static const char *const members[] = { "mode", "count", "status", "ms", "retry_after", "capture", "dedupe", "to", "per_second", NULL };
	const char *retry_after = NULL, *to = NULL;
	struct sandbox_order fresh;
	int mode = 0, r;

	if ((r = json_only(root, members, err)) < 0 || (r = json_get_word(root, "mode", sandbox_mode_names, &mode, err)) < 0)
		return r;
	sandbox_order_init(&fresh);
	set_mode(&fresh, (enum sandbox_mode)mode);
	if ((r = json_opt_int(root, "count", 0, INT32_MAX, &fresh.count, err)) == 0 &&
		(r = json_opt_int(root, "status", 200, 599, &fresh.status, err)) == 0 &&
		(r = json_opt_int(root, "ms", 0, WAIT_MAX_MS, &fresh.ms, err)) == 0 &&
		(r = json_opt_str(root, "retry_after", VALUE_MAX, &retry_after, err)) == 0 &&
		(r = json_opt_bool(root, "capture", &fresh.capture, err)) == 0 &&
		(r = json_opt_bool(root, "dedupe", &fresh.dedupe, err)) == 0 && (r = json_opt_str(root, "to", 254, &to, err)) == 0 &&
		(r = json_opt_int(root, "per_second", 1, 100000, &fresh.per_second, err)) == 0 && retry_after && strpbrk(retry_after, "\r\n"))
		r = json_refuse(root, "retry_after", err, "control_character", "must be one line");
	if (r < 0) {
		sandbox_order_clear(&fresh);
		return r;
	}
	if (retry_after) {
		free(fresh.retry_after);
		fresh.retry_after = xstrdup(retry_after);
	}
	fresh.to = to ? xstrdup(to) : NULL;
	sandbox_order_clear(order);
	*order = fresh;
	return 0;
}

void sandbox_order_write(const struct sandbox_order *order, struct json_writer *w)
{
	jw_object(w, NULL);
	jw_str(w, "mode", sandbox_mode_names[order->mode]);
	jw_opt_int(w, "count", order->count);
	jw_opt_int(w, "status", order->status);
	jw_opt_int(w, "ms", order->ms);
	jw_opt_str(w, "retry_after", order->retry_after);
	jw_bool(w, "capture", order->capture);
	jw_bool(w, "dedupe", order->dedupe);
	jw_opt_str(w, "to", order->to);
	jw_opt_int(w, "per_second", order->per_second);
	jw_end_object(w);
}

/* --- what a message meets --------------------------------------------------------------------------------------------------------- */

/* "to" may be an address, or a person with several: calls fn for each, until it says yes. */
static bool any_address(const struct json *body, bool (*fn)(const char *address, void *arg), void *arg)
{
	struct json to = json_get(body, "to"), inner;
	const char *key;

	if (json_str(&to))
		return fn(json_str(&to), arg);
	for (size_t i = 0; to.type == JSON_OBJECT && json_member(&to, &i, &key, &inner);)
		if (json_str(&inner) && fn(json_str(&inner), arg))
			return true;
	return false;
}

static bool is_same(const char *address, void *arg)
{
	return strcmp(address, arg) == 0;
}

static bool names_mode(const char *address, void *arg)
{
	size_t len = strcspn(address, "@");
	const char *digits = address + strlen(PHONES);

	if (strncmp(address, PHONES, strlen(PHONES)) == 0 && strlen(digits) == 2 && strspn(digits, "0123456789") == 2) {
		int number = (digits[0] - '0') * 10 + digits[1] - '0';

		*(enum sandbox_mode *)arg = number < MODE_COUNT ? (enum sandbox_mode)number : MODE_OK;
		return true;
	}
	for (int i = 0; address[len] == '@' && i < MODE_COUNT; i++) {
		if (strlen(sandbox_mode_names[i]) == len && strncmp(address, sandbox_mode_names[i], len) == 0) {
			*(enum sandbox_mode *)arg = (enum sandbox_mode)i;
			return true;
		}
	}
	return false;
}

/* Else the recipient decides. */
static bool is_given(const struct sandbox_order *order)
{
	return order->mode != MODE_OK || order->status || order->ms || order->retry_after || !order->capture;
}

int sandbox_order_take(struct sandbox_order *order, const struct json *body, const char *header, struct sandbox_order *ret, struct err *err)
{
	enum sandbox_mode mode = MODE_OK;

	sandbox_order_init(ret);
	ret->dedupe = order->dedupe;
	if (header) {
		while (mode < MODE_COUNT && strcmp(header, sandbox_mode_names[mode]) != 0)
			mode++;
		if (mode == MODE_COUNT)
			return err_set(err, -EBADMSG, "bad_mode", "", "the header Sandbox-Mode names no mode of the sandbox");
		set_mode(ret, mode);
	} else if (is_given(order) && (!order->to || any_address(body, is_same, order->to))) {
		*ret = *order;
		ret->to = NULL;
		ret->retry_after = order->retry_after ? xstrdup(order->retry_after) : NULL;
		if (order->count && --order->count == 0) {
			sandbox_order_clear(order);
			*order = (struct sandbox_order){ .mode = MODE_OK, .capture = true, .dedupe = order->dedupe, .per_second = order->per_second };
		}
	} else if (any_address(body, names_mode, &mode)) {
		set_mode(ret, mode);
	}
	return 0;
}
