/*
 * POST /send: a message. Its attempt is its key (Idempotency-Key): the same bytes again get the same answer, with "duplicate", and nothing is
 * captured a second time; other bytes under a known key get 409, as from Stripe and Resend.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tools/sandbox_internal.h"

#define ATTEMPT_LEN 26

static int check_message(struct evhttp_request *request, const struct json *body, const char **attempt, struct err *err)
{
	const char *key = evhttp_find_header(evhttp_request_get_input_headers(request), "Idempotency-Key"), *channel;
	struct json to = json_get(body, "to");
	int r;

	if ((r = json_get_id(body, "attempt", attempt, err)) < 0 || (r = json_get_str(body, "channel", 16, &channel, err)) < 0)
		return r;
	if (strlen(*attempt) != ATTEMPT_LEN)
		return json_refuse(body, "attempt", err, "bad_id", "must have %d characters", ATTEMPT_LEN);
	if (to.type == JSON_NONE)
		return json_refuse(body, "to", err, "missing", "must be there: whom it is for");
	if (!key || strcmp(key, *attempt))
		return err_set(err, -EBADMSG, "bad_key", "", "the header Idempotency-Key must be the attempt's id");
	return 0;
}

/* Of the computer's clock: a played one may leap. Every other refusal names a date instead of seconds. */
static bool over_limit(struct sandbox *sandbox, struct sandbox_order *meets)
{
	int64_t second = time(NULL);

	if (!sandbox->order.per_second)
		return false;
	if (second != sandbox->second) {
		sandbox->second = second;
		sandbox->in_second = 0;
	}
	if (++sandbox->in_second <= sandbox->order.per_second)
		return false;
	sandbox_order_clear(meets);
	sandbox_order_init(meets);
	meets->mode = sandbox->in_second % 2 ? MODE_429_DATE : MODE_429;
	meets->capture = false;
	meets->status = 429;
	meets->retry_after = xstrdup(sandbox->in_second % 2 ? "date" : "1");
	return true;
}

static void add_retry_after(struct evhttp_request *request, const char *text)
{
	char date[40];
	time_t at = time(NULL) + 2;
	struct tm tm;

	if (text && strcmp(text, "date") == 0) {
		(void)strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&at, &tm)); /* no locale is set: English */
		text = date;
	}
	if (text)
		evhttp_add_header(evhttp_request_get_output_headers(request), "Retry-After", text);
}

static void write_taken(struct buf *body, struct evhttp_request *request, const struct sandbox_message *message, bool duplicate, const void *arg)
{
	struct json_writer w = jw_init(body);

	(void)request, (void)arg;
	jw_object(&w, NULL);
	jw_str(&w, "id", message->id);
	if (duplicate)
		jw_bool(&w, "duplicate", true);
	jw_end_object(&w);
}

static void write_body(struct buf *body, struct evhttp_request *request, const struct sandbox_taking *taking, const struct sandbox_order *meets,
	const struct sandbox_message *message, bool duplicate)
{
	const struct sandbox_mode_row *row = &sandbox_modes[meets->mode];

	if (row->how == HOW_NO_ID)
		buf_add_str(body, "{}");
	else if (row->how == HOW_GARBAGE)
		buf_add_str(body, "\x1f\x8b{\"id\":\xff\xfe}}<html>");
	else if (meets->status || !message) /* an answer without an id, whether the message was captured or not */
		sandbox_write_error(body, row->error ? row->error : "told_to", "", "the sandbox was told to answer so");
	else
		taking->write(body, request, message, duplicate, taking->arg);
}

/* What the mode has become of it; a message is told of once. */
static void tell_then(struct sandbox *sandbox, enum sandbox_mode mode, const struct sandbox_message *message, int64_t now)
{
	const struct sandbox_mode_row *row = &sandbox_modes[mode];

	for (int i = 0; i < row->then_count && message && sandbox_teller_to(sandbox->teller); i++) {
		const struct sandbox_saying saying = { .word = row->then[i], .message = message, .text = "We paid this yesterday.", .at = now };

		(void)sandbox_tell(sandbox->teller, &saying, 1, 0, NULL);
	}
}

static void reply(struct sandbox *sandbox, struct evhttp_request *request, const struct sandbox_order *meets, int status, struct buf *body)
{
	enum sandbox_how how = sandbox_modes[meets->mode].how;

	add_retry_after(request, meets->retry_after);
	if (meets->mode == MODE_REDIRECT)
		evhttp_add_header(evhttp_request_get_output_headers(request), "Location", "http://169.254.169.254/latest/meta-data/");
	if (how == HOW_NO_ID || how == HOW_GARBAGE)
		how = HOW_ANSWER;
	if (how != HOW_ANSWER || meets->ms)
		sandbox_answer_late(&sandbox->lates, request, how, meets->ms, status, body);
	else
		sandbox_answer(request, status, body);
}

void sandbox_take(struct sandbox *sandbox, struct evhttp_request *request, const struct sandbox_taking *taking)
{
	CLEANUP(sandbox_order_clear) struct sandbox_order meets = { 0 };
	CLEANUP(buf_clear) struct buf body = { 0 };
	const char *mode = evhttp_find_header(evhttp_request_get_input_headers(request), "Sandbox-Mode");
	const struct sandbox_message *message = NULL;
	struct sandbox_request taken = { .attempt = taking->attempt, .body = taking->body, .now = sandbox_now(sandbox) };
	struct err err = { 0 };
	bool duplicate = false;
	int r;

	if (sandbox_order_take(&sandbox->order, taking->body, mode, &meets, &err) < 0) {
		sandbox->malformed++;
		sandbox_answer_error(request, HTTP_BADREQUEST, &err);
		return;
	}
	(void)over_limit(sandbox, &meets);
	taken.take = meets.capture;
	taken.dedupe = meets.dedupe && !taking->every;
	taken.mode = sandbox_mode_names[meets.mode];
	r = sandbox_book_add(sandbox->book, &taken, &message, &duplicate);
	if (r == -EEXIST)
		(void)err_set(&err, r, "key_reused", "", "this key came with another message before");
	else if (r < 0)
		(void)err_set(&err, r, "not_logged", "", "the log cannot be written: %s", strerror(-r));
	if (r < 0) {
		sandbox_answer_error(request, r == -EEXIST ? 409 : HTTP_INTERNAL, &err);
		return;
	}
	sandbox->by_mode[meets.mode]++;
	write_body(&body, request, taking, &meets, message, duplicate);
	if (!duplicate)
		tell_then(sandbox, meets.mode, message, taken.now);
	reply(sandbox, request, &meets, meets.status ? (int)meets.status : duplicate ? taking->status_again : taking->status, &body);
}

void sandbox_on_send(struct sandbox *sandbox, struct evhttp_request *request)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct sandbox_taking taking = { .status = 202, .status_again = HTTP_OK, .write = write_taken };
	struct json root;
	struct err err = { 0 };

	if (sandbox_read_object(request, arena, &root, &err) < 0 || check_message(request, &root, &taking.attempt, &err) < 0) {
		sandbox->malformed++;
		sandbox_answer_error(request, HTTP_BADREQUEST, &err);
		return;
	}
	taking.body = &root;
	sandbox_take(sandbox, request, &taking);
}
