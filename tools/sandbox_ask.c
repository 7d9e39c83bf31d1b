/*
 * The sandbox's interface for programs, beside POST /send:
 *
 *	GET  /messages              ?attempt= &to= &invoice=: {"messages":[...]} in the order of arrival
 *	GET  /counts                requests = captured + duplicates + lost; those refused with 409, what was malformed, how all were treated
 *	GET  /behave, POST /behave  what to do with the next requests: struct sandbox_order
 *	GET  /hooks, POST /hooks    {"to","public_url","retry_ms"}: where webhooks go; and the keys that verify them
 *	POST /tell                  {"message" or "attempt","what","as","text","times","after_ms","event"}: a webhook about a message
 *	GET  /told                  {"told":[...]}: the webhooks, how often each was sent, and what was answered
 */
#include <errno.h>
#include <string.h>
#include <sys/queue.h>

#include <event2/keyvalq_struct.h>

#include "tools/sandbox_internal.h"

#define TIMES_MAX 100
#define AFTER_MAX_MS (10 * 60 * 1000)

void sandbox_on_behave_get(struct sandbox *sandbox, struct evhttp_request *request)
{
	CLEANUP(buf_clear) struct buf body = { 0 };
	struct json_writer w = jw_init(&body);

	sandbox_order_write(&sandbox->order, &w);
	sandbox_answer(request, HTTP_OK, &body);
}

void sandbox_on_behave(struct sandbox *sandbox, struct evhttp_request *request)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct json root;
	struct err err = { 0 };

	if (sandbox_read_object(request, arena, &root, &err) < 0 || sandbox_order_read(&sandbox->order, &root, &err) < 0)
		sandbox_answer_error(request, HTTP_BADREQUEST, &err);
	else
		sandbox_on_behave_get(sandbox, request);
}

void sandbox_on_counts(struct sandbox *sandbox, struct evhttp_request *request)
{
	CLEANUP(buf_clear) struct buf body = { 0 };
	struct json_writer w = jw_init(&body);
	struct sandbox_counts counts = sandbox_book_counts(sandbox->book);

	jw_object(&w, NULL);
	jw_int(&w, "requests", counts.requests);
	jw_int(&w, "captured", counts.captured);
	jw_int(&w, "duplicates", counts.duplicates);
	jw_int(&w, "lost", counts.lost);
	jw_opt_int(&w, "conflicts", counts.conflicts);
	jw_int(&w, "malformed", sandbox->malformed);
	jw_object(&w, "by_mode");
	for (size_t i = 0; i < MODE_COUNT; i++)
		jw_opt_int(&w, sandbox_mode_names[i], sandbox->by_mode[i]);
	jw_end_object(&w);
	jw_end_object(&w);
	sandbox_answer(request, HTTP_OK, &body);
}

static int read_filter(const struct evkeyvalq *query, struct sandbox_filter *ret, struct err *err)
{
	const struct evkeyval *pair;

	TAILQ_FOREACH(pair, query, next)
	{
		if (!strcmp(pair->key, "attempt"))
			ret->attempt = pair->value;
		else if (!strcmp(pair->key, "to"))
			ret->to = pair->value;
		else if (!strcmp(pair->key, "invoice"))
			ret->invoice = pair->value;
		else
			return err_set(err, -EBADMSG, "bad_query", "", "known are attempt, to and invoice");
	}
	return 0;
}

void sandbox_on_messages(struct sandbox *sandbox, struct evhttp_request *request)
{
	CLEANUP(buf_clear) struct buf body = { 0 };
	const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(request));
	struct json_writer w = jw_init(&body);
	struct sandbox_filter filter = { 0 };
	struct evkeyvalq pairs = { 0 };
	struct err err = { 0 };

	if (query && evhttp_parse_query_str(query, &pairs) < 0)
		(void)err_set(&err, -EBADMSG, "bad_query", "", "the query cannot be read");
	else if (query)
		(void)read_filter(&pairs, &filter, &err);
	if (err.code[0]) {
		sandbox_answer_error(request, HTTP_BADREQUEST, &err);
	} else {
		jw_object(&w, NULL);
		sandbox_book_write(sandbox->book, &filter, &w, "messages");
		jw_end_object(&w);
		sandbox_answer(request, HTTP_OK, &body);
	}
	evhttp_clear_headers(&pairs);
}

/* --- webhooks ----------------------------------------------------------------------------------------------------------------------- */

void sandbox_on_hooks_get(struct sandbox *sandbox, struct evhttp_request *request)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf body = { 0 }, public = { 0 };
	struct json_writer w = jw_init(&body);
	const char *secret = sandbox_keys_secret(sandbox->keys);

	sandbox_keys_public(sandbox->keys, &public);
	jw_object(&w, NULL);
	jw_opt_str(&w, "to", sandbox_teller_to(sandbox->teller));
	jw_opt_str(&w, "public_url", sandbox_teller_public(sandbox->teller));
	jw_object(&w, "keys");
	jw_str(&w, sandbox_schemes[SCHEME_SANDBOX], secret);
	jw_str(&w, sandbox_schemes[SCHEME_TWILIO], secret);
	jw_str(&w, sandbox_schemes[SCHEME_SENDGRID], buf_str(&public));
	jw_str(&w, sandbox_schemes[SCHEME_RESEND], arena_join(arena, "whsec_", secret));
	jw_end_object(&w);
	jw_end_object(&w);
	sandbox_answer(request, HTTP_OK, &body);
}

void sandbox_on_hooks(struct sandbox *sandbox, struct evhttp_request *request)
{
	static const char *const members[] = { "to", "public_url", "retry_ms", NULL };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *to, *public_url = NULL;
	int64_t retry_ms = 0;
	struct json root;
	struct err err = { 0 };

	if (sandbox_read_object(request, arena, &root, &err) < 0 || json_only(&root, members, &err) < 0 ||
		json_get_str(&root, "to", 100, &to, &err) < 0 || json_opt_str(&root, "public_url", 500, &public_url, &err) < 0 ||
		json_opt_int(&root, "retry_ms", 1, 60000, &retry_ms, &err) < 0 ||
		sandbox_teller_aim(sandbox->teller, to, public_url, retry_ms, &err) < 0)
		sandbox_answer_error(request, HTTP_BADREQUEST, &err);
	else
		sandbox_on_hooks_get(sandbox, request);
}

static void write_told(const struct sandbox_told *told, struct json_writer *w)
{
	jw_object(w, NULL);
	jw_str(w, "message", told->saying.message->id);
	jw_str(w, "attempt", told->saying.message->attempt);
	jw_str(w, "what", sandbox_words[told->saying.word]);
	jw_str(w, "as", sandbox_schemes[told->saying.scheme]);
	jw_opt_str(w, "text", told->saying.text);
	jw_str(w, "event", told->saying.event);
	jw_str(w, "state", sandbox_tell_states[told->state]);
	jw_int(w, "tries", told->tries);
	jw_opt_int(w, "status", told->status);
	jw_end_object(w);
}

void sandbox_on_told(struct sandbox *sandbox, struct evhttp_request *request)
{
	CLEANUP(buf_clear) struct buf body = { 0 };
	struct json_writer w = jw_init(&body);

	jw_object(&w, NULL);
	jw_array(&w, "told");
	for (size_t i = 0; i < sandbox_teller_len(sandbox->teller); i++)
		write_told(sandbox_teller_at(sandbox->teller, i), &w);
	jw_end_array(&w);
	jw_end_object(&w);
	sandbox_answer(request, HTTP_OK, &body);
}

/* "message", the sandbox's id, or "attempt", of which the newest message counts. */
static int find_message(struct sandbox *sandbox, const struct json *root, const struct sandbox_message **ret, struct err *err)
{
	const char *id = NULL, *attempt = NULL;
	int r;

	if ((r = json_opt_str(root, "message", SANDBOX_ID_SIZE, &id, err)) < 0 || (r = json_opt_str(root, "attempt", 64, &attempt, err)) < 0)
		return r;
	*ret = id ? sandbox_book_find(sandbox->book, id) : NULL;
	for (size_t i = sandbox_book_len(sandbox->book); attempt && !*ret && i-- > 0;)
		if (strcmp(sandbox_book_at(sandbox->book, i)->attempt, attempt) == 0)
			*ret = sandbox_book_at(sandbox->book, i);
	return *ret ? 0 : err_set(err, -ENOENT, "not_found", "", "there is no such message");
}

static bool is_hex32(const char *text)
{
	return strlen(text) == 32 && strspn(text, "0123456789abcdef") == 32;
}

void sandbox_on_tell(struct sandbox *sandbox, struct evhttp_request *request)
{
	static const char *const members[] = { "message", "attempt", "what", "as", "text", "times", "after_ms", "event", NULL };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf body = { 0 };
	struct json_writer w = jw_init(&body);
	struct sandbox_saying saying = { .at = sandbox_now(sandbox) };
	int word = 0, scheme = SCHEME_SANDBOX, r;
	int64_t times = 1, after_ms = 0;
	size_t before = sandbox_teller_len(sandbox->teller);
	struct json root;
	struct err err = { 0 };

	if ((r = sandbox_read_object(request, arena, &root, &err)) == 0 && (r = json_only(&root, members, &err)) == 0 &&
		(r = json_get_word(&root, "what", sandbox_words, &word, &err)) == 0 &&
		(r = json_opt_word(&root, "as", sandbox_schemes, &scheme, &err)) == 0 &&
		(r = json_opt_str(&root, "text", SANDBOX_TEXT_MAX, &saying.text, &err)) == 0 &&
		(r = json_opt_int(&root, "times", 1, TIMES_MAX, &times, &err)) == 0 &&
		(r = json_opt_int(&root, "after_ms", 0, AFTER_MAX_MS, &after_ms, &err)) == 0 &&
		(r = json_opt_str(&root, "event", 32, &saying.event, &err)) == 0 && saying.event && !is_hex32(saying.event))
		r = json_refuse(&root, "event", &err, "bad_id", "must be 32 hexadecimal digits");
	if (r == 0)
		r = find_message(sandbox, &root, &saying.message, &err);
	saying.word = (enum sandbox_word)word;
	saying.scheme = (enum sandbox_scheme)scheme;
	if (r == 0)
		r = sandbox_tell(sandbox->teller, &saying, (int)times, after_ms, &err);
	if (r < 0) {
		sandbox_answer_error(request, r == -ENOENT ? HTTP_NOTFOUND : r == -EDESTADDRREQ ? 409 : HTTP_BADREQUEST, &err);
		return;
	}
	jw_object(&w, NULL);
	jw_array(&w, "told");
	for (size_t i = before; i < sandbox_teller_len(sandbox->teller); i++)
		write_told(sandbox_teller_at(sandbox->teller, i), &w);
	jw_end_array(&w);
	jw_end_object(&w);
	sandbox_answer(request, 202, &body);
}
