/*
 * The interfaces of some providers, as they are published: their shipped files can be tried here unchanged, with `base_url` at this port. A
 * request is read as the provider would read it, and captured like one to POST /send; the answer is of the provider's form. What goes wrong on
 * demand is told in the sandbox's own words.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <event2/buffer.h>
#include <event2/keyvalq_struct.h>

#include "common/adapter_hook_internal.h"
#include "common/adapter_internal.h"
#include "common/locale.h"
#include "common/utc.h"
#include "tools/sandbox_internal.h"

enum key { KEY_NONE, KEY_HEADER, KEY_BODY }; /* how a request that comes again is known; BODY: it is refused by that name */

/* Pointers into the JSON body; the fields of a form are members of one object. */
static const struct face {
	const char *provider, *channel, *path; /* a segment "*" is any */
	enum key key;
	const char *attempt; /* NULL: the `d` of the address behind `callback` */
	const char *callback, *to, *to_name, *from, *subject, *text, *html;
	const char *files, *file_name, *file_type, *file_data; /* the list, and in one of it; NULL: those of a form */
	int status;
	const char *message_id, *answer; /* of what is taken: the header X-Message-Id, NULL = none, and the body; in braces: see fill() */
} faces[] = {
	{ "sendgrid", "email", "/v3/mail/send", KEY_NONE, "/personalizations/0/custom_args/attempt", NULL, "/personalizations/0/to/0/email",
		"/personalizations/0/to/0/name", "/from/email", "/subject", "/content/0/value", "/content/1/value", "/attachments", "/filename", "/type",
		"/content", 202, "{id22}", "" },
	{ "resend", "email", "/emails", KEY_HEADER, "/tags/0/value", NULL, "/to/0", NULL, "/from", "/subject", "/text", "/html", "/attachments",
		"/filename", "/content_type", "/content", 200, NULL, "{\"id\":\"{uuid}\"}" },
	{ "brevo", "email", "/v3/smtp/email", KEY_BODY, "/tags/0", NULL, "/to/0/email", "/to/0/name", "/sender/email", "/subject", "/textContent",
		"/htmlContent", "/attachment", "/name", NULL, "/content", 201, NULL, "{\"messageId\":\"<{id}@smtp-relay.example>\"}" },
	{ "brevo-sms", "sms", "/v3/transactionalSMS/sms", KEY_NONE, "/tag", NULL, "/recipient", NULL, NULL, NULL, "/content", NULL, NULL, NULL, NULL,
		NULL, 201, NULL, "{\"reference\":\"{id}\",\"messageId\":{number},\"smsCount\":1,\"usedCredits\":1,\"remainingCredits\":1000}" },
	{ "ovh", "sms", "/1.0/sms/*/jobs", KEY_NONE, "/tag", NULL, "/receivers/0", NULL, NULL, NULL, "/message", NULL, NULL, NULL, NULL, NULL, 200,
		NULL, "{\"ids\":[{number}],\"invalidReceivers\":[],\"validReceivers\":[{to}],\"totalCreditsRemoved\":1}" },
	{ "twilio-sms", "sms", "/2010-04-01/Accounts/*/Messages.json", KEY_NONE, NULL, "/StatusCallback", "/To", NULL, "/From", NULL, "/Body", NULL,
		NULL, NULL, NULL, NULL, 201, NULL, "{\"sid\":\"SM{hex}\",\"status\":\"queued\",\"to\":{to},\"body\":{text},\"error_code\":null}" },
	{ "twilio-voice", "voice", "/2010-04-01/Accounts/*/Calls.json", KEY_NONE, NULL, "/StatusCallback", "/To", NULL, "/From", NULL, "/Twiml", NULL,
		NULL, NULL, NULL, NULL, 201, NULL, "{\"sid\":\"CA{hex}\",\"status\":\"queued\",\"to\":{to}}" },
	{ "lob", "letter", "/v1/letters", KEY_HEADER, "/metadata[attempt]", NULL, "/to[address_line1]", "/to[name]", "/from[name]", NULL, NULL, NULL,
		NULL, NULL, NULL, NULL, 200, NULL,
		/* the pattern of `url` in the description has no '?' */
		"{\"id\":\"ltr_{hex16}\",\"object\":\"letter\",\"color\":false,\"description\":{attempt},\"metadata\":{\"attempt\":{attempt}},"
		"\"to\":{\"id\":\"adr_0000000000000001\",\"object\":\"address\",\"name\":{name},\"address_line1\":{to},\"address_country\":{to_country},\"date_created\":\"{at}\","
		"\"date_modified\":\"{at}\"},\"from\":{\"id\":\"adr_0000000000000002\",\"object\":\"address\",\"name\":{from},\"address_line1\":{from_line1},\"address_country\":{to_country},\"date_created\":\"{at}\","
		"\"date_modified\":\"{at}\"},\"carrier\":\"USPS\",\"date_created\":\"{at}\",\"date_modified\":\"{at}\","
		"\"url\":\"https://lob-assets.com/letters/ltr_{hex16}_signature.pdfversion=v1&expires=1767225600&signature=s\",\"use_type\":\"operational\"}" },
};

/* What was captured, by our id or by the address. */
static const struct look {
	const char *provider, *path, *parameter;
	bool by_address;
	const char *before, *one, *behind;
} looks[] = {
	{ "brevo", "/v3/smtp/statistics/events", "tags", false, "{\"events\":[",
		"{\"email\":{to},\"date\":\"{at}\",\"messageId\":\"<{id}@smtp-relay.example>\",\"event\":\"requests\",\"subject\":{subject},\"tag\":{attempt}}", "]}" },
	{ "brevo-sms", "/v3/transactionalSMS/statistics/events", "tags", false, "{\"events\":[",
		"{\"phoneNumber\":{to},\"date\":\"{at}\",\"messageId\":\"{number}\",\"event\":\"sent\",\"tag\":{attempt}}", "]}" },
	{ "ovh", "/1.0/sms/*/outgoing", "tag", false, "[", "{number}", "]" },
	{ "twilio-sms", "/2010-04-01/Accounts/*/Messages.json", "To", true, "{\"messages\":[",
		"{\"sid\":\"SM{hex}\",\"to\":{to},\"body\":{text},\"date_created\":\"{mail_date}\",\"status\":\"sent\"}", "],\"next_page_uri\":null}" },
	{ "lob", "/v1/letters", "metadata[attempt]", false, "{\"object\":\"list\",\"next_url\":null,\"previous_url\":null,\"count\":{count},\"data\":[",
		NULL, "]}" }, /* its `one` is the answer to what was sent */
};

static bool path_is(const char *pattern, const char *path)
{
	while (*pattern && *path) {
		size_t n = strcspn(pattern, "/"), m = strcspn(path, "/");

		if (m == 0 ? n != 0 : (n != 1 || *pattern != '*') && (n != m || strncmp(pattern, path, n) != 0))
			return false;
		pattern += n;
		path += m;
		if (*pattern != *path)
			return false;
		pattern += *pattern != '\0';
		path += *path != '\0';
	}
	return !*pattern && !*path;
}

/* --- a request ------------------------------------------------------------------------------------------------------------------- */

static int read_form(const struct hook_request *request, struct arena *arena, struct json *ret, struct err *err)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct json_writer w = jw_init(&text);
	struct form_pair *pairs;
	struct form_file *files;
	size_t count, file_count;
	int r = form_fields(request, arena, &pairs, &count, &files, &file_count, err);

	if (r < 0)
		return r;
	jw_object(&w, NULL);
	for (size_t i = 0; i < count; i++) {
		bool again = false;

		for (size_t k = 0; k < i; k++)
			again = again || (pairs[k].name_len == pairs[i].name_len && memcmp(pairs[k].name, pairs[i].name, pairs[i].name_len) == 0);
		if (!again)
			jw_strn(&w, pairs[i].name, pairs[i].value, pairs[i].value_len);
	}
	jw_array(&w, FORM_FILES);
	for (size_t i = 0; i < file_count; i++) {
		CLEANUP(buf_clear) struct buf base64 = { 0 };

		base64_add(&base64, files[i].data, files[i].len);
		jw_object(&w, NULL);
		jw_str(&w, "name", files[i].name);
		jw_str(&w, "type", files[i].type);
		jw_str(&w, "data", buf_str(&base64));
		jw_end_object(&w);
	}
	jw_end_array(&w);
	jw_end_object(&w);
	return json_parse(arena, arena_memdup(arena, text.data, text.len), text.len, 0, ret, err);
}

static int read_request(struct evhttp_request *request, struct arena *arena, struct json *ret, struct err *err)
{
	const char *type = evhttp_find_header(evhttp_request_get_input_headers(request), "Content-Type");
	struct http_header header = { "Content-Type", type ? type : "" };
	struct evbuffer *in = evhttp_request_get_input_buffer(request);
	struct hook_request asked = { .headers = &header, .header_count = 1, .body_len = evbuffer_get_length(in) };
	char *body = arena_alloc(arena, asked.body_len + 1);

	if (!form_is(&asked, "application/x-www-form-urlencoded") && !form_is(&asked, "multipart/form-data"))
		return sandbox_read_object(request, arena, ret, err);
	(void)evbuffer_copyout(in, body, asked.body_len);
	asked.body = body;
	return read_form(&asked, arena, ret, err);
}

static const char *text_at(const struct json *root, const char *pointer)
{
	struct json value = pointer ? pointer_get(root, pointer) : (struct json){ 0 };

	return json_str(&value);
}

/* An address alone: of `"Name" <a@b>` what stands between the brackets, of digits alone with the '+' that they lack. */
static const char *address_of(const char *text, struct arena *arena)
{
	const char *from = text ? strrchr(text, '<') : NULL, *to = from ? strchr(from, '>') : NULL;

	if (to)
		return arena_memdup(arena, from + 1, (size_t)(to - from - 1));
	return text && *text && !text[strspn(text, "0123456789")] ? arena_join(arena, "+", text) : text;
}

static void write_files(struct json_writer *w, const struct face *face, const struct json *root)
{
	struct json list = face->files ? pointer_get(root, face->files) : json_get(root, FORM_FILES);

	if (!json_len(&list))
		return;
	jw_array(w, "attachments");
	for (size_t i = 0; i < json_len(&list); i++) {
		struct json file = json_at(&list, i);
		const char *type = text_at(&file, face->files ? face->file_type : "/type");

		jw_object(w, NULL);
		jw_opt_str(w, "name", text_at(&file, face->files ? face->file_name : "/name"));
		jw_str(w, "type", type ? type : "application/pdf");
		jw_opt_str(w, "data", text_at(&file, face->files ? face->file_data : "/data"));
		jw_end_object(w);
	}
	jw_end_array(w);
}

/* As POST /send would have it. */
static int convert(const struct face *face, const struct json *root, const char *attempt, struct arena *arena, struct json *ret, struct err *err)
{
	const char *to = address_of(text_at(root, face->to), arena), *name = text_at(root, face->to_name);
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct json_writer w = jw_init(&text);

	if (!to)
		return err_set(err, -EBADMSG, "missing", face->to, "there is nobody whom it is for");
	jw_object(&w, NULL);
	jw_str(&w, "attempt", attempt);
	jw_str(&w, "provider", face->provider);
	jw_str(&w, "channel", face->channel);
	jw_object(&w, "to");
	jw_opt_str(&w, "name", name);
	if (strcmp(face->channel, "letter") == 0) {
		jw_object(&w, "address");
		jw_str(&w, "line1", to);
		jw_opt_str(&w, "line2", text_at(root, "/to[address_line2]"));
		jw_opt_str(&w, "postcode", text_at(root, "/to[address_zip]"));
		jw_opt_str(&w, "city", text_at(root, "/to[address_city]"));
		jw_opt_str(&w, "region", text_at(root, "/to[address_state]"));
		jw_opt_str(&w, "country", text_at(root, "/to[address_country]"));
		jw_end_object(&w);
	} else {
		jw_str(&w, strcmp(face->channel, "email") == 0 ? "email" : "phone", to);
	}
	jw_end_object(&w);
	jw_object(&w, "from");
	jw_opt_str(&w, strcmp(face->channel, "email") == 0 ? "email" : strcmp(face->channel, "letter") == 0 ? "name" : "phone",
		address_of(text_at(root, face->from), arena));
	jw_opt_str(&w, "line1", text_at(root, "/from[address_line1]"));
	jw_end_object(&w);
	jw_opt_str(&w, "subject", text_at(root, face->subject));
	jw_opt_str(&w, "text", text_at(root, face->text));
	jw_opt_str(&w, "html", text_at(root, face->html));
	write_files(&w, face, root);
	jw_end_object(&w);
	return json_parse(arena, arena_memdup(arena, text.data, text.len), text.len, 0, ret, err);
}

static const char *attempt_of(const struct face *face, const struct json *root, struct arena *arena)
{
	const char *callback = text_at(root, face->callback), *told = face->attempt ? text_at(root, face->attempt) : NULL;

	if (callback)
		told = query_get(callback, "d", arena);
	return told && *told ? told : "unknown";
}

/* --- an answer ------------------------------------------------------------------------------------------------------------------- */

static void add_quoted(struct buf *out, const char *text)
{
	struct json_writer w = jw_init(out);

	jw_str(&w, NULL, text ? text : "");
}

/* "FR" -> "FRANCE" */
static void add_country(struct buf *out, const char *code)
{
	CLEANUP(buf_clear) struct buf name = { 0 };

	(void)locale_country("en", code ? code : "", &name);
	for (char *p = name.data; p && *p; p++)
		*p = (char)(*p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p);
	add_quoted(out, buf_str(&name));
}

static const char *first_of(const struct json *to)
{
	struct json address = json_get(to, "address"), line1 = json_get(&address, "line1"), email = json_get(to, "email"), phone = json_get(to, "phone");

	return json_str(&line1) ? json_str(&line1) : json_str(&email) ? json_str(&email) : json_str(&phone);
}

/* "sbx-5f0c93a1-12": the book's tag and a number, of which each provider's kind of id is made. */
static void fill(struct buf *out, const char *pattern, const struct sandbox_message *message, struct arena *arena)
{
	static const struct {
		const char *word, *pointer;
	} told[] = { { "{name}", "/to/name" }, { "{to_country}", "/to/address/country" }, { "{from}", "/from/name" },
		{ "{from_line1}", "/from/line1" }, { "{subject}", "/subject" }, { "{text}", "/text" } };
	struct json body = sandbox_message_body(message, arena), to = json_get(&body, "to");
	unsigned long tag = strtoul(message->id + 4, NULL, 16), number = strtoul(strrchr(message->id, '-') + 1, NULL, 10);
	char at[UTC_TEXT_SIZE], mail_date[40];
	time_t seconds = (time_t)(message->received_at / SECOND_MS);
	struct tm tm;

	(void)strftime(mail_date, sizeof(mail_date), "%a, %d %b %Y %H:%M:%S +0000", gmtime_r(&seconds, &tm));
	while (*pattern) {
		size_t n = *pattern == '{' ? strcspn(pattern, "}") + 1 : 0;
		bool known = true;

		if (n && strncmp(pattern, "{id}", n) == 0)
			buf_add_str(out, message->id);
		else if (n && strncmp(pattern, "{id22}", n) == 0)
			buf_printf(out, "sbx%08lx-%010lx", tag & 0xffffffff, number);
		else if (n && strncmp(pattern, "{uuid}", n) == 0)
			buf_printf(out, "%08lx-0000-4000-8000-%012lx", tag & 0xffffffff, number);
		else if (n && strncmp(pattern, "{hex}", n) == 0)
			buf_printf(out, "%08lx%024lx", tag & 0xffffffff, number);
		else if (n && strncmp(pattern, "{hex16}", n) == 0)
			buf_printf(out, "%08lx%08lx", tag & 0xffffffff, number);
		else if (n && strncmp(pattern, "{number}", n) == 0)
			buf_printf(out, "%lu", (tag & 0xfffff) * 1000000 + number); /* below 2^53 */
		else if (n && strncmp(pattern, "{at}", n) == 0)
			buf_add_str(out, utc_format(message->received_at, at));
		else if (n && strncmp(pattern, "{mail_date}", n) == 0)
			buf_add_str(out, mail_date);
		else if (n && strncmp(pattern, "{attempt}", n) == 0)
			add_quoted(out, message->attempt);
		else if (n && strncmp(pattern, "{to}", n) == 0)
			add_quoted(out, first_of(&to));
		else
			known = false;
		for (size_t i = 0; !known && i < ARRAY_LEN(told); i++)
			if ((known = n && strlen(told[i].word) == n && strncmp(pattern, told[i].word, n) == 0))
				(strstr(told[i].word, "_country") ? add_country : add_quoted)(out, text_at(&body, told[i].pointer));
		if (!known)
			buf_add_char(out, *pattern);
		pattern += known ? n : 1;
	}
}

static void write_taken(struct buf *body, struct evhttp_request *request, const struct sandbox_message *message, bool duplicate, const void *arg)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const struct face *face = arg;

	if (face->message_id) {
		CLEANUP(buf_clear) struct buf id = { 0 };

		fill(&id, face->message_id, message, arena);
		evhttp_add_header(evhttp_request_get_output_headers(request), "X-Message-Id", buf_str(&id));
	}
	if (duplicate && face->key == KEY_BODY)
		buf_add_str(body, "{\"code\":\"duplicate_request\",\"message\":\"this idempotencyKey was used before\"}");
	else
		fill(body, face->answer, message, arena);
}

static void take(struct sandbox *sandbox, struct evhttp_request *request, const struct face *face)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct sandbox_taking taking = { .write = write_taken, .arg = face, .status = face->status,
		.status_again = face->key == KEY_BODY ? HTTP_BADREQUEST : face->status };
	struct json root, body;
	struct err err = { 0 };

	if (read_request(request, arena, &root, &err) < 0 ||
		convert(face, &root, taking.attempt = attempt_of(face, &root, arena), arena, &body, &err) < 0) {
		sandbox->malformed++;
		sandbox_answer_error(request, HTTP_BADREQUEST, &err);
		return;
	}
	taking.body = &body;
	taking.every = face->key == KEY_NONE || strcmp(taking.attempt, "unknown") == 0;
	sandbox_take(sandbox, request, &taking);
}

/* --- look-ups -------------------------------------------------------------------------------------------------------------------- */

static bool is_asked_for(const struct look *look, const struct sandbox_message *message, const char *value, struct arena *arena)
{
	struct json body = sandbox_message_body(message, arena), provider = json_get(&body, "provider"), to = json_get(&body, "to");
	size_t len = strlen(message->attempt), asked = strlen(value);

	if (!json_str(&provider) || strcmp(json_str(&provider), look->provider) != 0)
		return false;
	if (look->by_address)
		return first_of(&to) && strcmp(first_of(&to), value) == 0;
	return len <= asked ? strcmp(value, message->attempt) == 0 : strcmp(message->attempt + len - asked, value) == 0; /* OVH keeps the last 20 */
}

static void list(struct sandbox *sandbox, struct evhttp_request *request, const struct look *look)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf body = { 0 }, items = { 0 };
	const char *value = query_get(evhttp_request_get_uri(request), look->parameter, arena), *one = look->one, *count;
	size_t found = 0;

	for (size_t i = 0; !one && i < ARRAY_LEN(faces); i++)
		one = strcmp(faces[i].provider, look->provider) == 0 ? faces[i].answer : NULL;
	value = value ? value : "";
	if (*value == '[') /* a list in JSON, of one */
		value = arena_memdup(arena, value + 2, strlen(value) > 4 ? strlen(value) - 4 : 0);
	for (size_t i = 0; i < sandbox_book_len(sandbox->book); i++) {
		const struct sandbox_message *message = sandbox_book_at(sandbox->book, i);

		if (!is_asked_for(look, message, value, arena))
			continue;
		buf_add_str(&items, found++ ? "," : "");
		fill(&items, one, message, arena);
	}
	count = strstr(look->before, "{count}");
	buf_printf(&body, "%.*s", (int)(count ? count - look->before : (long)strlen(look->before)), look->before);
	if (count)
		buf_printf(&body, "%zu%s", found, count + strlen("{count}"));
	buf_add(&body, items.data, items.len);
	buf_add_str(&body, look->behind);
	sandbox_answer(request, HTTP_OK, &body);
}

bool sandbox_on_face(struct sandbox *sandbox, struct evhttp_request *request, const char *path)
{
	bool get = evhttp_request_get_command(request) == EVHTTP_REQ_GET;

	for (size_t i = 0; !get && i < ARRAY_LEN(faces); i++)
		if (path_is(faces[i].path, path)) {
			take(sandbox, request, &faces[i]);
			return true;
		}
	for (size_t i = 0; get && i < ARRAY_LEN(looks); i++)
		if (path_is(looks[i].path, path)) {
			list(sandbox, request, &looks[i]);
			return true;
		}
	return false;
}
