#include "daemon/dashboard_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <syslog.h>
#include <time.h>

#include <event2/buffer.h>
#include <event2/keyvalq_struct.h>

#include "common/embedded.h"
#include "common/hash.h"
#include "daemon/http_guard.h"

#define BODY_MAX 16384
#define CONNECTIONS_MAX 64
#define DEADLINE_MS 30000
#define VISITS_MAX 24 /* under way at once: what each holds in memory is bounded, and so is all of it */
#define TOKEN_MAX 500
#define SESSION "dunningd_session"
#define LANGUAGE "dunningd_language"

/* Whoever reads never comes near these; a program that asks in a circle, or somebody who guesses, does. */
static const struct throttle_rate readings = { 120, 250 }, doings = { 20, 3000 }, guesses = { 10, 10000 };

static const char icon[] = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 32 32\">"
	"<rect width=\"32\" height=\"32\" rx=\"8\" fill=\"#0f5c5c\"/>"
	"<path d=\"M8 23V13m5.3 10V9m5.4 14v-7M24 23v-4\" stroke=\"#fff\" stroke-width=\"3\" stroke-linecap=\"round\"/></svg>\n";

int64_t dashboard_now(const struct dashboard *dashboard)
{
	return dashboard->settings.now(dashboard->settings.arg);
}

int64_t dashboard_mono(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void dashboard_note(struct dashboard *dashboard, int priority, const char *format, ...)
{
	char line[600];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	dashboard->settings.note(priority, line, dashboard->settings.arg);
}

void dashboard_ask(struct dashboard *dashboard, size_t argc, const char *const *argv, redis_done_fn done, void *arg)
{
	redis_link_command(redis_links_for(dashboard->redis, argc, argv), argc, argv, NULL, DASHBOARD_REDIS_MS, done, arg);
}

struct json dashboard_status(struct dashboard *dashboard, struct arena *arena, int64_t dead)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct json_writer w = jw_init(&text);
	struct json *root = arena_alloc(arena, sizeof(*root));

	jw_object(&w, NULL);
	dashboard->settings.status(&w, dashboard->settings.arg);
	jw_int(&w, "dead_letters", dead);
	jw_end_object(&w);
	(void)json_parse(arena, arena_memdup(arena, text.data, text.len), text.len, 0, root, NULL);
	return *root;
}

/* --- answers ---------------------------------------------------------------------------------------------------------------------- */

static void visit_free(struct visit *visit)
{
	visit->dashboard->visit_count--;
	*visit->at = visit->next;
	if (visit->next)
		visit->next->at = visit->at;
	if (visit->later)
		event_free(visit->later);
	arena_free(visit->arena);
	free(visit);
}

/* Names, amounts and letters are in it: nobody else keeps, frames or is told of it. */
void visit_answer(struct visit *visit, int status, const char *type, const void *data, size_t len)
{
	struct dashboard *dashboard = visit->dashboard;
	struct evhttp_request *request = TAKE(visit->request);
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);

	evhttp_add_header(headers, "Content-Type", type);
	evhttp_add_header(headers, "Cache-Control", "no-store");
	evhttp_add_header(headers, "Connection", "close");
	evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
	evhttp_add_header(headers, "X-Robots-Tag", "noindex, nofollow");
	evhttp_add_header(headers, "X-Frame-Options", "DENY");
	evhttp_add_header(headers, "Referrer-Policy", "same-origin");
	evhttp_add_header(headers, "Cross-Origin-Opener-Policy", "same-origin");
	evhttp_add_header(headers, "Cross-Origin-Resource-Policy", "same-origin");
	if (!evhttp_find_header(headers, "Content-Security-Policy"))
		evhttp_add_header(headers, "Content-Security-Policy",
			"default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'");
	if (status == 429 || status == HTTP_SERVUNAVAIL)
		evhttp_add_header(headers, "Retry-After", "60");
	if (status == 401)
		evhttp_add_header(headers, "WWW-Authenticate", "Bearer realm=\"dunningd\"");
	if (status == HTTP_BADMETHOD)
		evhttp_add_header(headers, "Allow", "GET, HEAD, POST");
	dashboard->counts.shown += status == HTTP_OK;
	dashboard->counts.refused += status >= 400 && status < 500;
	if (evhttp_request_get_command(request) != EVHTTP_REQ_HEAD)
		(void)evbuffer_add(evhttp_request_get_output_buffer(request), data, len);
	evhttp_send_reply(request, status, NULL, NULL);
	visit_free(visit);
}

void visit_page(struct visit *visit, int status, board_fn fn, const void *arg)
{
	CLEANUP(buf_clear) struct buf out = { 0 };

	visit->board.out = &out;
	fn(&visit->board, arg);
	visit_answer(visit, status, "text/html; charset=utf-8", out.data, out.len);
}

static void put_plain(struct board *b, const void *arg)
{
	const enum board_word *words = arg;

	board_plain(b, words[0], words[1]);
}

void visit_plain(struct visit *visit, int status, enum board_word title, enum board_word text)
{
	const enum board_word words[] = { title, text };

	visit_page(visit, status, put_plain, words);
}

void visit_away(struct visit *visit)
{
	visit_plain(visit, HTTP_SERVUNAVAIL, W_AWAY, W_AWAY_TEXT);
}

void visit_go(struct visit *visit, const char *to)
{
	evhttp_add_header(evhttp_request_get_output_headers(visit->request), "Location", to);
	visit_answer(visit, 303, "text/plain; charset=utf-8", "", 0);
}

static void put_sign_in(struct board *b, const void *arg)
{
	board_sign_in(b, *(const bool *)arg);
}

static void refuse(struct visit *visit, bool wrong)
{
	visit->board.who = NULL;
	visit->board.here = "/"; /* whatever was asked for: one page for all */
	visit_page(visit, 401, put_sign_in, &wrong);
}

bool visit_records(struct visit *visit, const char *command, const char *customer, const char *records)
{
	struct dashboard *dashboard = visit->dashboard;
	const struct control_reading reading = { .who = visit->board.who, .uid = visit->uid, .command = command, .customer = customer, .records = records };
	struct err err = { 0 };

	if (dashboard->settings.reading(&reading, &err, dashboard->settings.arg) == 0)
		return true;
	visit_away(visit); /* what cannot be recorded is not shown */
	return false;
}

/* --- who is there ------------------------------------------------------------------------------------------------------------------ */

/* One of several "name=value; name=value". In the arena; NULL. */
static const char *cookie(struct visit *visit, const char *name)
{
	const char *at = evhttp_find_header(evhttp_request_get_input_headers(visit->request), "Cookie");
	size_t len = strlen(name);

	while (at && *at) {
		at += strspn(at, " ;");
		if (strncmp(at, name, len) == 0 && at[len] == '=')
			return arena_memdup(visit->arena, at + len + 1, strcspn(at + len + 1, "; "));
		at += strcspn(at, ";");
	}
	return NULL;
}

static void set_cookie(struct visit *visit, const char *name, const char *value, int64_t seconds)
{
	const char *proto = evhttp_find_header(evhttp_request_get_input_headers(visit->request), "X-Forwarded-Proto");

	evhttp_add_header(evhttp_request_get_output_headers(visit->request), "Set-Cookie",
		arena_printf(visit->arena, "%s=%s; Path=/; Max-Age=%lld; HttpOnly; SameSite=Strict%s", name, value, (long long)seconds,
			proto && strcasecmp(proto, "https") == 0 ? "; Secure" : ""));
}

/* Every token is compared, whatever the first ones say, and by digests, which are all of one length. -1: it is none of them. */
static int whose(const struct dashboard *dashboard, const char *token)
{
	const struct config *config = dashboard->settings.config;
	uint8_t given[SHA256_SIZE], ours[SHA256_SIZE];
	int found = -1;

	sha256(token, strlen(token), given);
	for (size_t i = 0; i < config->token_count; i++) {
		const char *secret = dashboard->settings.secret(config->tokens[i].credential, dashboard->settings.secret_arg);

		sha256(secret ? secret : "", secret ? strlen(secret) : 0, ours);
		if (equal_secret(given, ours, sizeof(ours)) && secret)
			found = (int)i;
	}
	cleanse(ours, sizeof(ours));
	return found;
}

/* One household or office of IPv6 is a network of 64 bits. The proxy on this computer says whom it speaks for, behind whatever they claim. */
static bool may_come(struct visit *visit, char kind, const struct throttle_rate *rate)
{
	const struct evkeyval *header;
	const char *text = NULL;
	char *peer = NULL;
	ev_uint16_t port;
	struct in6_addr six;

	evhttp_connection_get_peer(evhttp_request_get_connection(visit->request), &peer, &port);
	if (visit->uid < 0 && peer && (strncmp(peer, "127.", 4) == 0 || strcmp(peer, "::1") == 0))
		TAILQ_FOREACH(header, evhttp_request_get_input_headers(visit->request), next)
			if (strcasecmp(header->key, "X-Forwarded-For") == 0)
				text = strrchr(header->value, ',') ? strrchr(header->value, ',') + 1 : header->value;
	if (!text)
		text = visit->uid >= 0 ? "socket" : peer ? peer : "";
	text += strspn(text, " \t");
	if (inet_pton(AF_INET6, text, &six) == 1)
		return throttle_take(visit->dashboard->throttle, kind, &six, 8, rate, dashboard_mono());
	return throttle_take(visit->dashboard->throttle, kind, text, strlen(text), rate, dashboard_mono());
}

static void be(struct visit *visit, size_t token)
{
	const struct token_settings *settings = &visit->dashboard->settings.config->tokens[token];

	visit->board.who = settings->who;
	visit->board.may_act = settings->act;
}

/* False: nobody that is known; *busy: too many guesses came from there. */
static bool identify(struct visit *visit, bool *busy)
{
	const char *bearer = evhttp_find_header(evhttp_request_get_input_headers(visit->request), "Authorization"), *session = cookie(visit, SESSION);
	uint32_t token = 0;
	int found;

	if (visit->uid >= 0) {
		visit->board.who = arena_printf(visit->arena, "uid %lld", (long long)visit->uid);
		visit->board.may_act = visit->board.ask_who = true;
		return true;
	}
	if (bearer) {
		found = strncasecmp(bearer, "Bearer ", 7) == 0 && strlen(bearer) < TOKEN_MAX ? whose(visit->dashboard, bearer + 7) : -1;
		*busy = found < 0 && !may_come(visit, 'g', &guesses); /* whoever has one asks as often as others read */
		if (found >= 0)
			be(visit, (size_t)found);
		return found >= 0;
	}
	if (!session || !session_read(visit->dashboard->key, session, dashboard_mono(), &token) || token >= visit->dashboard->settings.config->token_count)
		return false;
	be(visit, token);
	visit->board.may_leave = true;
	return true;
}

static void sign_in(struct visit *visit)
{
	const char *token = visit_typed(visit, "token", TOKEN_MAX);
	uint8_t nonce[16];
	int found;

	if (!may_come(visit, 'g', &guesses)) {
		visit_plain(visit, 429, W_BUSY, W_BUSY_TEXT);
		return;
	}
	found = whose(visit->dashboard, token ? token : "");
	if (found < 0) {
		dashboard_note(visit->dashboard, LOG_NOTICE, "dashboard: a token was refused");
		refuse(visit, true);
		return;
	}
	random_bytes(nonce, sizeof(nonce));
	set_cookie(visit, SESSION, session_write(visit->dashboard->key, (uint32_t)found, dashboard_mono(), nonce, visit->arena), SESSION_MS / 1000);
	visit_go(visit, "/");
}

static void sign_out(struct visit *visit)
{
	set_cookie(visit, SESSION, "", 0);
	visit_go(visit, "/");
}

/* --- a request ---------------------------------------------------------------------------------------------------------------------- */

const char *visit_asked(const struct visit *visit, const char *name)
{
	const char *text;

	return form_get(visit->query, visit->query_count, name, 300, false, visit->arena, &text) == FORM_TEXT ? text : NULL;
}

const char *visit_typed(const struct visit *visit, const char *name, size_t max)
{
	const char *text;
	enum form_got got = form_get(visit->body, visit->body_count, name, max, false, visit->arena, &text);

	return got == FORM_TEXT ? text : got == FORM_NONE ? "" : NULL;
}

static void put_policies(struct board *b, const void *arg)
{
	const struct dashboard *dashboard = arg;

	board_policies(b, dashboard->library, dashboard->settings.config);
}

static void serve_policies(struct visit *visit)
{
	visit->board.place = BOARD_POLICIES;
	visit_page(visit, HTTP_OK, put_policies, visit->dashboard);
}

static void put_health(struct board *b, const void *arg)
{
	board_health(b, arg);
}

static void show_health(struct visit *visit)
{
	struct json status = dashboard_status(visit->dashboard, visit->arena, visit->dead);

	visit_page(visit, HTTP_OK, put_health, &status);
}

static void serve_health(struct visit *visit)
{
	visit->board.place = BOARD_HEALTH;
	if (redis_links_connected(visit->dashboard->redis))
		visit_dead(visit, show_health);
	else
		show_health(visit); /* which says so */
}

struct invoice_shown {
	const struct board_entry *entry;
	bool told;
};

static void put_invoice(struct board *b, const void *arg)
{
	const struct invoice_shown *shown = arg;

	board_invoice(b, shown->entry, shown->told);
}

static void show_invoice(struct visit *visit)
{
	struct invoice_shown shown = { &visit->entries[0], visit_asked(visit, "told") != NULL };

	if (visit->entry_count)
		visit_page(visit, HTTP_OK, put_invoice, &shown);
	else
		visit_plain(visit, HTTP_NOTFOUND, W_NOT_FOUND, W_NOT_FOUND_TEXT);
}

static void serve_invoice(struct visit *visit)
{
	const char *id = visit_asked(visit, "id");

	visit->board.place = BOARD_INVOICES;
	if (!id || !id_valid(id))
		visit_plain(visit, HTTP_NOTFOUND, W_NOT_FOUND, W_NOT_FOUND_TEXT);
	else if (visit_connected(visit))
		visit_find(visit, id, show_invoice);
}

static void serve_nothing(struct visit *visit)
{
	visit_plain(visit, HTTP_NOTFOUND, W_NOT_FOUND, W_NOT_FOUND_TEXT);
}

static const struct row {
	const char *path;
	void (*get)(struct visit *visit), (*post)(struct visit *visit);
	bool open; /* to whoever comes */
} rows[] = {
	{ "/", serve_today, NULL, false },
	{ "/tasks", serve_tasks, NULL, false },
	{ "/invoices", serve_list, NULL, false },
	{ "/invoice", serve_invoice, NULL, false },
	{ "/debtor", serve_debtor, NULL, false },
	{ "/message", serve_message, NULL, false },
	{ "/policies", serve_policies, NULL, false },
	{ "/health", serve_health, NULL, false },
	{ "/do", serve_form, serve_do, false },
	{ "/sign-in", NULL, sign_in, true },
	{ "/sign-out", NULL, sign_out, true },
};

static bool is_at(const char *uri, const char *path)
{
	size_t len = strlen(path);

	return strncmp(uri, path, len) == 0 && (!uri[len] || uri[len] == '?');
}

bool dashboard_has(const char *uri)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (is_at(uri, rows[i].path))
			return true;
	return is_at(uri, "/dashboard.css") || is_at(uri, "/icon.svg");
}

/* What the address and the reader say of the language; a choice is kept. `here` is what the link to the other one leads to. */
static void read_language(struct visit *visit, const char *uri)
{
	const char *chosen = visit_asked(visit, "l"), *kept = cookie(visit, LANGUAGE), *wish = chosen ? chosen : kept;
	CLEANUP(buf_clear) struct buf here = { 0 };

	visit->board.language = board_language(evhttp_find_header(evhttp_request_get_input_headers(visit->request), "Accept-Language"));
	for (int l = 0; wish && l < BOARD_LANGUAGE_COUNT; l++)
		if (strcmp(report_tags[l], wish) == 0) {
			visit->board.language = (enum report_language)l;
			if (chosen)
				set_cookie(visit, LANGUAGE, report_tags[l], 365 * INT64_C(86400));
		}
	buf_add(&here, uri, strcspn(uri, "?"));
	for (size_t i = 0; i < visit->query_count; i++)
		if (strcmp(visit->query[i].name, "l") != 0 && strcmp(visit->query[i].name, "told") != 0)
			buf_printf(&here, "%c%s=%s", strchr(buf_str(&here), '?') ? '&' : '?', board_escape(&visit->board, visit->query[i].name),
				board_escape(&visit->board, visit->query[i].value));
	visit->board.here = arena_strdup(visit->arena, buf_str(&here));
}

/* Browsers say where a request comes from: what another site made them send is not ours. */
static bool from_here(struct evhttp_request *request)
{
	const struct evkeyvalq *headers = evhttp_request_get_input_headers(request);
	const char *site = evhttp_find_header(headers, "Sec-Fetch-Site"), *origin = evhttp_find_header(headers, "Origin"),
		*host = evhttp_find_header(headers, "Host");

	if (site && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0)
		return false;
	if (!origin)
		return true;
	origin = strstr(origin, "://");
	return origin && host && strcasecmp(origin + 3, host) == 0;
}

static bool read_body(struct visit *visit)
{
	static const char form[] = "application/x-www-form-urlencoded";
	struct evbuffer *in = evhttp_request_get_input_buffer(visit->request);
	const char *type = evhttp_find_header(evhttp_request_get_input_headers(visit->request), "Content-Type");
	size_t len = evbuffer_get_length(in);
	char *body = arena_alloc(visit->arena, len + 1);
	struct form_pair *pairs;

	(void)evbuffer_copyout(in, body, len);
	if (!type || strncasecmp(type, form, sizeof(form) - 1) != 0 || form_decode(body, len, visit->arena, &pairs, &visit->body_count, NULL) < 0)
		return false;
	visit->body = pairs;
	return true;
}

static void serve(struct visit *visit, const struct row *row, bool post)
{
	bool busy = false;

	if (post && (!from_here(visit->request) || !read_body(visit)))
		visit_plain(visit, 403, W_AGAIN, W_AGAIN_TEXT);
	else if (!row->open && !identify(visit, &busy) && busy)
		visit_plain(visit, 429, W_BUSY, W_BUSY_TEXT);
	else if (!row->open && !visit->board.who)
		refuse(visit, false);
	else if (post)
		row->post(visit);
	else
		row->get(visit);
}

static void begin(struct visit *visit, const char *uri)
{
	enum evhttp_cmd_type method = evhttp_request_get_command(visit->request);
	const struct embedded *style = &embedded_files[EMBEDDED_DASHBOARD];
	const char *query = strchr(uri, '?');
	bool post = method == EVHTTP_REQ_POST;
	struct form_pair *pairs;

	if (query && form_decode(query + 1, strlen(query + 1), visit->arena, &pairs, &visit->query_count, NULL) == 0)
		visit->query = pairs;
	else
		visit->query_count = 0;
	read_language(visit, uri);
	if (post)
		visit->board.here = NULL;
	if (!post && method != EVHTTP_REQ_GET && method != EVHTTP_REQ_HEAD) {
		visit_plain(visit, HTTP_BADMETHOD, W_NOT_FOUND, W_NOT_FOUND_TEXT);
		return;
	}
	if (!post && is_at(uri, "/dashboard.css")) {
		visit_answer(visit, HTTP_OK, "text/css; charset=utf-8", style->data, style->len);
		return;
	}
	if (!post && is_at(uri, "/icon.svg")) {
		visit_answer(visit, HTTP_OK, "image/svg+xml", icon, sizeof(icon) - 1);
		return;
	}
	if (visit->dashboard->visit_count > VISITS_MAX || !may_come(visit, post ? 'w' : 'r', post ? &doings : &readings)) {
		visit_plain(visit, 429, W_BUSY, W_BUSY_TEXT);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (!is_at(uri, rows[i].path))
			continue;
		if (post ? rows[i].post != NULL : rows[i].get != NULL)
			serve(visit, &rows[i], post);
		else
			visit_plain(visit, HTTP_BADMETHOD, W_NOT_FOUND, W_NOT_FOUND_TEXT);
		return;
	}
	serve(visit, &(struct row){ "", serve_nothing, serve_nothing, false }, post);
}

void dashboard_serve(struct dashboard *dashboard, struct evhttp_request *request, int64_t uid)
{
	struct visit *visit = xcalloc(1, sizeof(*visit));
	struct err err = { 0 };

	visit->dashboard = dashboard;
	visit->arena = arena_create();
	visit->request = request;
	visit->uid = uid;
	visit->board = (struct board){ .arena = visit->arena, .zone = dashboard->zone, .now = dashboard_now(dashboard), .place = BOARD_PLACE_COUNT,
		.creditor = dashboard->settings.config->creditor.name };
	visit->next = dashboard->visits;
	visit->at = &dashboard->visits;
	if (visit->next)
		visit->next->at = &visit->next;
	dashboard->visits = visit;
	dashboard->visit_count++;
	if (http_request_check(request, &err) < 0 || (uid >= 0 && !http_host_is_local(request))) /* over the socket nobody signs in */
		visit_plain(visit, HTTP_BADREQUEST, W_NOT_FOUND, W_NOT_FOUND_TEXT);
	else
		begin(visit, evhttp_request_get_uri(request));
}

static void on_request(struct evhttp_request *request, void *arg)
{
	dashboard_serve(arg, request, -1);
}

/* --- the whole ---------------------------------------------------------------------------------------------------------------------- */

static int begin_listening(struct dashboard *dashboard, struct err *err)
{
	const struct http_limits limits = { .head = 8192, .body = BODY_MAX, .connections = CONNECTIONS_MAX, .evict = true, .deadline_ms = DEADLINE_MS };
	int r, port;

	dashboard->http = evhttp_new(dashboard->base);
	dashboard->guard = http_guard_create(dashboard->base, dashboard->http, &limits);
	evhttp_set_allowed_methods(dashboard->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
		EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH);
	evhttp_set_gencb(dashboard->http, on_request, dashboard);
	r = http_guard_listen(dashboard->guard, dashboard->http, "dashboard", dashboard->settings.config->dashboard_listen, &port, err);
	if (r == 0)
		dashboard_note(dashboard, LOG_INFO, "dashboard: listening at port %d", port);
	return r;
}

int dashboard_create(struct event_base *base, const struct dashboard_settings *settings, struct library *library, struct dashboard **ret,
	struct err *err)
{
	CLEANUP(dashboard_destroyp) struct dashboard *dashboard = xcalloc(1, sizeof(*dashboard));
	uint8_t key[32];
	int r;

	dashboard->settings = *settings;
	dashboard->base = base;
	dashboard->library = library_ref(library);
	if (zone_get(settings->config->creditor.zone, &dashboard->zone) < 0)
		(void)zone_get("UTC", &dashboard->zone);
	random_bytes(dashboard->key, sizeof(dashboard->key));
	random_bytes(key, sizeof(key));
	dashboard->throttle = throttle_create(key);
	if (settings->config->dashboard_listen && (r = begin_listening(dashboard, err)) < 0)
		return r;
	dashboard->redis = redis_links_create(base, settings->redis, settings->config->prefix, (uint32_t)settings->config->partitions, NULL, NULL);
	redis_links_open(dashboard->redis);
	redis_script_init(&dashboard->tell, "return redis.call('XADD', KEYS[1], '*', 'event', ARGV[1])");
	*ret = TAKE(dashboard);
	return 0;
}

void dashboard_use(struct dashboard *dashboard, struct library *library)
{
	struct library *old = dashboard->library;

	dashboard->library = library_ref(library);
	library_free(old);
}

void dashboard_destroy(struct dashboard *dashboard)
{
	if (!dashboard)
		return;
	redis_links_destroy(dashboard->redis); /* it calls nobody any more */
	while (dashboard->visits)
		visit_away(dashboard->visits);
	if (dashboard->http)
		evhttp_free(dashboard->http);
	http_guard_destroy(dashboard->guard);
	if (dashboard->patience)
		event_free(dashboard->patience);
	book_free(dashboard->book);
	book_free(dashboard->reading);
	throttle_free(dashboard->throttle);
	library_free(dashboard->library);
	cleanse(dashboard->key, sizeof(dashboard->key));
	free(dashboard);
}

struct dashboard_counts dashboard_counts(const struct dashboard *dashboard)
{
	return dashboard->counts;
}
