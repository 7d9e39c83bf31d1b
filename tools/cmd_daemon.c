/* What the running process says and is told over its control socket; and what Redis tells when it cannot be asked. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/utc.h"
#include "tools/cmd.h"

#define ANSWER_MS 30000
#define ANSWER_MAX (4u << 20)

/* --- one request over the socket -------------------------------------------------------------------------------------------------- */

static int64_t mono(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int wait_for(int fd, short what, int64_t deadline)
{
	struct pollfd one = { .fd = fd, .events = what };

	for (;;) {
		int64_t left = deadline - mono();
		int r = poll(&one, 1, left > 0 ? (int)left : 0);

		if (r < 0 && errno == EINTR)
			continue;
		return r < 0 ? -errno : r == 0 ? -ETIMEDOUT : 0;
	}
}

static int dial(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, r;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	r = -errno;
	close(fd);
	return r;
}

static int exchange(int fd, const struct buf *request, struct buf *answer)
{
	int64_t deadline = mono() + ANSWER_MS;
	size_t sent = 0;
	int r;

	while (sent < request->len) {
		ssize_t n;

		if ((r = wait_for(fd, POLLOUT, deadline)) < 0)
			return r;
		n = send(fd, request->data + sent, request->len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		sent += n > 0 ? (size_t)n : 0;
	}
	for (;;) {
		ssize_t n;

		if ((r = wait_for(fd, POLLIN, deadline)) < 0)
			return r;
		buf_reserve(answer, 65537);
		n = recv(fd, answer->data + answer->len, 65536, MSG_DONTWAIT);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		answer->len += (size_t)n;
		answer->data[answer->len] = '\0';
		if (answer->len > ANSWER_MAX)
			return -EFBIG;
	}
}

int ctl_daemon(struct ctl *ctl, const char *method, const char *target, const struct buf *body, int *status, struct json *ret)
{
	CLEANUP(buf_clear) struct buf request = { 0 };
	CLEANUP(buf_clear) struct buf answer = { 0 };
	CLEANUP(closep) int fd = dial(ctl_socket(ctl));
	const char *text;
	int r;

	if (fd < 0)
		return fd;
	buf_printf(&request, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n"
			     "Content-Length: %zu\r\n\r\n",
		method, target, body ? body->len : 0);
	if (body)
		buf_add(&request, body->data, body->len);
	r = exchange(fd, &request, &answer);
	if (r < 0)
		return r;
	text = strstr(buf_str(&answer), "\r\n\r\n");
	if (strncmp(buf_str(&answer), "HTTP/1.", 7) != 0 || answer.len < 12 || !text)
		return -EPROTO;
	*status = atoi(answer.data + 9);
	text = arena_strdup(ctl->arena, text + 4);
	return json_parse(ctl->arena, text, strlen(text), JSON_FRACTIONS, ret, NULL) < 0 ? -EPROTO : 0;
}

int ctl_daemon_away(struct ctl *ctl, int r)
{
	return ctl_fail(ctl, EXIT_UNAVAILABLE, "daemon_away", "the daemon does not answer at %s: %s", ctl_socket(ctl),
		r == -ENOENT || r == -ECONNREFUSED ? "it is not running, or has another control_socket" : strerror(-r));
}

/* 0, or an exit code, said already. */
static int post(struct ctl *ctl, const char *target, const struct buf *body)
{
	struct json answer = { 0 };
	int status = 0, r = ctl_daemon(ctl, "POST", target, body, &status, &answer);

	if (r < 0)
		return ctl_daemon_away(ctl, r);
	if (status != 200)
		return ctl_fail(ctl, EXIT_FOUND, json_text(&answer, "error") ? json_text(&answer, "error") : "refused", "the daemon refuses: %s",
			json_text(&answer, "text") ? json_text(&answer, "text") : "no reason given");
	return EXIT_DONE;
}

static int tell(struct ctl *ctl, const char *target, const struct buf *body)
{
	struct fields *f = fields_create(ctl->arena);
	int r = post(ctl, target, body);

	fields_add(f, "ok", NULL, cell_flag(true));
	if (r == 0)
		view_fields(&ctl->view, f);
	return r;
}

const char *ctl_holding(struct ctl *ctl, uint32_t partition, bool *answers)
{
	struct json *status = arena_alloc(ctl->arena, sizeof(*status)), partitions;
	int http = 0;

	*answers = ctl_daemon(ctl, "GET", "/status", NULL, &http, status) == 0 && http == 200;
	if (!*answers)
		return NULL;
	partitions = json_get(status, "partitions");
	for (size_t i = 0; i < json_len(&partitions); i++) {
		struct json one = json_at(&partitions, i), number = json_get(&one, "partition");
		const char *state = json_text(&one, "state");

		if (number.type != JSON_INT || json_int(&number) != partition)
			continue;
		if (state && strcmp(state, "running") != 0)
			return arena_strdup(ctl->arena, state);
		return arena_strdup(ctl->arena, json_text(&one, "holding"));
	}
	return NULL;
}

void ctl_write_who(struct ctl *ctl, const char *why, int64_t until, struct buf *out)
{
	struct json_writer w = jw_init(out);
	char text[UTC_TEXT_SIZE];

	jw_object(&w, NULL);
	jw_str(&w, "who", ctl_who(ctl));
	jw_str(&w, "why", why);
	if (until)
		jw_str(&w, "until", utc_format(until, text));
	jw_end_object(&w);
}

int ctl_seal(struct ctl *ctl, const char *why)
{
	CLEANUP(buf_clear) struct buf body = { 0 };
	struct json answer = { 0 };
	int status = 0, r;

	ctl_write_who(ctl, why, 0, &body);
	r = ctl_daemon(ctl, "POST", "/seal", &body, &status, &answer);
	if (r == -ENOENT || r == -ECONNREFUSED)
		return 0;
	if (r < 0) /* it may end before its answer is out: the lock tells */
		return 1;
	if (status != 200)
		return ctl_fail(ctl, EXIT_FOUND, json_text(&answer, "error") ? json_text(&answer, "error") : "refused", "the daemon refuses: %s",
			json_text(&answer, "text") ? json_text(&answer, "text") : "no reason given");
	return 1;
}

/* --- a gap ------------------------------------------------------------------------------------------------------------------------------ */

static int run_gap_closed(struct ctl *ctl, const struct invocation *call)
{
	struct order order = { .command = "gap_closed", .why = call->args[0] };
	int r = ctl_config(ctl, false);

	for (uint32_t p = 0; r == 0 && p < ctl_partitions(ctl); p++)
		r = ctl_order(ctl, p, &order);
	return r;
}

const struct command cmd_gap_closed = { .name = "gap closed", .args = "WHY", .min_args = 1, .max_args = 1,
	.help = "the events that `status` misses were pushed again", .run = run_gap_closed };

/* --- reload, clock ------------------------------------------------------------------------------------------------------------------- */

static int run_reload(struct ctl *ctl, const struct invocation *call)
{
	CLEANUP(buf_clear) struct buf body = { 0 };
	struct fields *f = fields_create(ctl->arena);
	struct json status = { 0 }, changed;
	int http = 0, r = ctl_config(ctl, false);

	(void)call;
	buf_add_str(&body, "{}");
	r = r == 0 ? post(ctl, "/reload", &body) : r;
	if (r != 0)
		return r;
	(void)ctl_daemon(ctl, "GET", "/status", NULL, &http, &status);
	changed = json_get(&status, "config_changed");
	fields_add(f, "ok", NULL, cell_flag(true));
	fields_add(f, "config_changed", NULL, cell_flag(json_bool(&changed)));
	view_fields(&ctl->view, f);
	view_say(&ctl->view, "Policies, templates and provider files are loaded anew.");
	if (json_bool(&changed))
		view_say(&ctl->view, "%s changed since the daemon started: only a restart takes it, and dunningd --check-config tells whether it would start.",
			json_text(&status, "config_file"));
	return EXIT_DONE;
}

const struct command cmd_reload = { .name = "reload", .args = "", .max_args = 0,
	.help = "load policies, templates and provider files anew, not dunningd.json; a bad one changes nothing", .run = run_reload };

static int run_clock_confirm(struct ctl *ctl, const struct invocation *call)
{
	CLEANUP(buf_clear) struct buf body = { 0 };
	int r = ctl_config(ctl, false);

	ctl_write_who(ctl, call->args[0], 0, &body);
	r = r == 0 ? tell(ctl, "/clock/confirm", &body) : r;
	if (r == 0)
		view_say(&ctl->view, "The clock counts as right.");
	return r;
}

const struct command cmd_clock_confirm = { .name = "clock confirm", .args = "WHY", .min_args = 1, .max_args = 1,
	.help = "the computer's clock is right, after it jumped and sending was held", .run = run_clock_confirm };

/* --- anchors ------------------------------------------------------------------------------------------------------------------------- */

/* Rows of an array of objects whose members are named as the columns. */
struct table *ctl_members(struct ctl *ctl, const struct json *array, const struct column *columns)
{
	struct table *t = table_create(ctl->arena, columns);

	for (size_t i = 0; i < json_len(array); i++) {
		struct json one = json_at(array, i);
		struct cell cells[16];
		size_t count = 0;

		for (const struct column *c = columns; c->key && count < ARRAY_LEN(cells); c++) {
			struct json v = json_get(&one, c->key);

			cells[count++] = v.type == JSON_INT ? cell_number(json_int(&v)) : cell_text(json_str(&v));
		}
		table_add(t, cells);
	}
	return t;
}

static const struct column anchor_columns[] = { { "name", "ANCHOR", false }, { "kind", "KIND", false }, { "state", "STATE", false },
	{ "size", "LEAVES", true }, { "at", "AS OF", false }, { "failed", "FAILED", false }, { 0 } };

/* In words of their own: a trail that nobody vouches for is never simply well. */
static const char *vouched(struct ctl *ctl, const struct json *anchors, const char *key, const char *never)
{
	struct json n = json_get(anchors, key), size = json_get(anchors, "size");

	if (!json_int(&n))
		return never;
	return arena_printf(ctl->arena, "%lld of %lld leaves", (long long)json_int(&n), (long long)json_int(&size));
}

/* The journal and the key store in a store of copies. */
static void add_copies(struct ctl *ctl, struct fields *f, const struct json *anchor)
{
	struct json name = json_get(anchor, "name"), copies = json_get(anchor, "copies"), segments = json_get(&copies, "segments"),
		    copied = json_get(&copies, "segments_copied"), shards = json_get(&copies, "shards"),
		    shards_copied = json_get(&copies, "shards_copied"), erasing = json_get(&copies, "erasing"), failed = json_get(&copies, "failed");
	const char *keys = shards.type != JSON_INT ? "keys not copied" :
						      arena_printf(ctl->arena, "%lld of %lld key files", (long long)json_int(&shards_copied), (long long)json_int(&shards));

	if (copies.type != JSON_OBJECT)
		return;
	fields_add(f, NULL, arena_printf(ctl->arena, "In %s", json_str(&name)),
		cell_text(arena_printf(ctl->arena, "%lld of %lld closed segments, %s%s%s%s", (long long)json_int(&copied), (long long)json_int(&segments), keys,
			json_bool(&erasing) ? ", ERASED KEYS STILL THERE" : "", json_str(&failed) ? "; failed: " : "", json_str(&failed) ? json_str(&failed) : "")));
}

void ctl_show_anchors(struct ctl *ctl, struct fields *f, const struct json *anchors)
{
	struct json each = json_get(anchors, "each"), alarm = json_get(anchors, "alarm"), back = json_get(anchors, "set_back");
	int64_t oldest = 0;

	for (size_t i = 0; i < json_len(&each); i++) {
		struct json one = json_at(&each, i), age = json_get(&one, "age_ms");

		oldest = json_int(&age) > oldest ? json_int(&age) : oldest;
	}
	fields_add(f, NULL, "Anchored", cell_text(vouched(ctl, anchors, "anchored", "not anchored")));
	fields_add(f, NULL, "Witnessed", cell_text(vouched(ctl, anchors, "witnessed", "not witnessed")));
	fields_add(f, NULL, "Copied", cell_text(vouched(ctl, anchors, "copied", "not copied")));
	if (oldest)
		fields_add(f, NULL, "Oldest waits", cell_text(arena_printf(ctl->arena, "%lld h %lld min for an anchor", (long long)(oldest / HOUR_MS),
			(long long)(oldest % HOUR_MS / MINUTE_MS))));
	for (size_t i = 0; i < json_len(&each); i++) {
		struct json one = json_at(&each, i);

		add_copies(ctl, f, &one);
	}
	if (json_bool(&back))
		fields_add(f, NULL, "TRAIL ALARM", cell_text("somebody outside has seen more of the log than is here, or another one: nothing more is signed"));
	else if (json_bool(&alarm))
		fields_add(f, NULL, "TRAIL ALARM", cell_text("see the anchors below, and the daemon's log"));
	fields_table(f, NULL, "Anchors", ctl_members(ctl, &each, anchor_columns));
}

/* Leaves of the newest log that are there, and the fewest that one of the anchors vouches for. */
static bool read_anchors(struct ctl *ctl, struct json *ret, int64_t *size, int64_t *fewest)
{
	struct json *status = arena_alloc(ctl->arena, sizeof(*status)), trail, each, n;
	int http = 0;

	if (ctl_daemon(ctl, "GET", "/status", NULL, &http, status) < 0 || http != 200)
		return false;
	*ret = json_get(status, "anchors");
	trail = json_get(status, "trail");
	n = json_get(&trail, "size");
	*size = json_int(&n);
	n = json_get(ret, "size");
	*size = json_int(&n) > *size ? json_int(&n) : *size;
	*fewest = INT64_MAX;
	each = json_get(ret, "each");
	for (size_t i = 0; i < json_len(&each); i++) {
		struct json one = json_at(&each, i);

		n = json_get(&one, "size");
		*fewest = json_int(&n) < *fewest ? json_int(&n) : *fewest;
	}
	return true;
}

static int wait_for_anchors(struct ctl *ctl, int64_t wanted, int64_t deadline)
{
	struct fields *f = fields_create(ctl->arena);
	struct json anchors = { 0 };
	int64_t size, fewest = 0;
	bool answers;

	for (;;) {
		answers = read_anchors(ctl, &anchors, &size, &fewest);
		if (!answers)
			return ctl_daemon_away(ctl, -ECONNREFUSED);
		if (fewest >= wanted || mono() >= deadline)
			break;
		(void)poll(NULL, 0, 200);
	}
	fields_add(f, "ok", NULL, cell_flag(fewest >= wanted));
	ctl_show_anchors(ctl, f, &anchors);
	view_fields(&ctl->view, f);
	return fewest >= wanted ? EXIT_DONE : EXIT_FOUND;
}

static int run_trail_anchor(struct ctl *ctl, const struct invocation *call)
{
	const char *why = call->args[0] ? call->args[0] : "asked by hand", *wait = command_option(call, "wait");
	bool agreed = command_option(call, "agreed") != NULL;
	CLEANUP(buf_clear) struct buf body = { 0 };
	struct json answer = { 0 };
	int64_t span = 0, wanted = 0, fewest;
	int http = 0, r = ctl_config(ctl, false);

	if (r != 0)
		return r;
	if (wait && (span_parse(wait, &span) < 0 || span > HOUR_MS))
		return ctl_fail(ctl, EXIT_USAGE, "usage", "--wait wants a span of an hour at most, such as 90s, not \"%s\"", wait);
	if (agreed && (wait || !call->args[0]))
		return ctl_fail(ctl, EXIT_USAGE, "usage", "--agreed wants a reason, and nothing beside it: what was looked at, and what was found");
	ctl_write_who(ctl, why, 0, &body);
	if (agreed) {
		r = tell(ctl, "/anchor/agreed", &body);
		if (r == 0)
			view_say(&ctl->view, "The trail goes on: it is signed, and what is due is sent. That stands in the trail.");
		return r;
	}
	if (!wait) {
		r = tell(ctl, "/anchor", &body);
		if (r == 0)
			view_say(&ctl->view, "All who vouch for the trail are asked now: dunningctl status shows what they say.");
		return r;
	}
	if (!read_anchors(ctl, &answer, &wanted, &fewest))
		return ctl_daemon_away(ctl, -ECONNREFUSED);
	r = ctl_daemon(ctl, "POST", "/anchor", &body, &http, &answer);
	if (r < 0)
		return ctl_daemon_away(ctl, r);
	if (http != 200)
		return ctl_fail(ctl, EXIT_FOUND, json_text(&answer, "error") ? json_text(&answer, "error") : "refused", "the daemon refuses: %s",
			json_text(&answer, "text") ? json_text(&answer, "text") : "no reason given");
	return wait_for_anchors(ctl, wanted, mono() + span);
}

static const struct option_row anchor_options[] = {
	{ "wait", "SPAN", "until all of them vouch for what is signed now; exit status 1 when they do not in that time" },
	{ "agreed", NULL, "you looked why one of them had more of this log than is here; all agree again, so signing and sending go on" },
	{ 0 },
};

const struct command cmd_trail_anchor = { .name = "trail anchor", .args = "[WHY]", .max_args = 1,
	.help = "ask for time stamps, cosignatures and copies now, whatever was planned",
	.more = "The daemon does so itself when there are new records, once in an hour for each of trail.anchors.\n\n"
		"When a witness or a store has more of this log than is here, nothing is signed or sent any more, also after a restart.\n"
		"Was this computer set back, the trail must be sealed (trail seal). Was the error theirs, and is it mended, ask again;\n"
		"--agreed with the reason lets the trail go on, and is refused while one of them still disagrees.", .options = anchor_options,
	.run = run_trail_anchor };
