#include "daemon/http_client_smtp.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/hash.h"
#include "daemon/http_client_curl.h"
#include "daemon/http_client_wire.h"

#define RESPONSE_S 60 /* for one answer; also what bounds the wait for QUIT's */

/* What the thread waits for, and the loop. Changed under the mutex alone. */
enum job_state {
	JOB_TALKING,
	JOB_ASKING, /* may it end the mail? The thread waits for the answer */
	JOB_MAY, JOB_MAY_NOT, /* the answer */
	JOB_TOLD, /* there is an outcome; the thread takes leave of the server */
	JOB_DELIVERED, /* the callback was called */
};

struct job {
	struct smtp_client *client;
	struct arena *arena; /* owns it; the thread's while it runs, but for what is under the mutex */
	struct smtp_settings settings;
	struct message message;
	const char *return_path, *ca_file;
	char *password; /* cleansed at the end */
	const char *mail;
	size_t len, at; /* at: bytes handed over */
	struct smtp_dialogue dialogue;
	const char *stopped; /* why the thread ended it itself; NULL = it did not */
	bool declined;
	const char *strayed; /* why it may not go where the server's name leads; NULL = it may */
	struct outcome outcome;
	transport_may_start_fn may_start;
	transport_done_fn done;
	void *arg;
	pthread_t thread;
	struct job *next;
	/* under the mutex */
	enum job_state state;
	bool finished; /* the thread is about to end */
	int fd; /* its socket; -1 = none. Shut down to wake it when all must end */
};

struct smtp_client {
	char *ca_file;
	struct event *wake;
	int notify; /* eventfd: a thread asks, or tells */
	struct job *jobs; /* the loop's */
	pthread_mutex_t mutex;
	pthread_cond_t answered;
	bool quit; /* under the mutex */
};

/* --- the thread: libcurl's questions ------------------------------------------------------------------------------------------ */

static void notify(struct smtp_client *client)
{
	const uint64_t one = 1;

	(void)!write(client->notify, &one, sizeof(one)); /* fails only when it is full, which tells the same */
}

/* Waits for the loop's answer. */
static bool ask(struct job *job)
{
	struct smtp_client *client = job->client;
	bool may;

	pthread_mutex_lock(&client->mutex);
	job->state = JOB_ASKING;
	notify(client);
	while (job->state == JOB_ASKING && !client->quit)
		pthread_cond_wait(&client->answered, &client->mutex);
	may = job->state == JOB_MAY && !client->quit;
	pthread_mutex_unlock(&client->mutex);
	return may;
}

/*
 * libcurl asks for more until it gets nothing, which is the end: then it sends the line with the dot. All before has left, or lies in its
 * buffers; without that line it is no mail.
 */
static size_t on_read(char *to, size_t size, size_t count, void *arg)
{
	struct job *job = arg;
	size_t room = size * count, left = job->len - job->at, n = left < room ? left : room;

	if (job->dialogue.phase == SMTP_END)
		return 0;
	if (job->at == 0 && (job->stopped = smtp_hindrance(&job->dialogue, &job->message, job->return_path, job->len)))
		return CURL_READFUNC_ABORT;
	if (n > 0) {
		memcpy(to, job->mail + job->at, n);
		job->at += n;
		return n;
	}
	if (!ask(job)) {
		job->declined = true;
		return CURL_READFUNC_ABORT;
	}
	smtp_ended(&job->dialogue, job->mail, job->len);
	return 0;
}

static size_t on_reply(char *line, size_t size, size_t count, void *arg)
{
	struct job *job = arg;

	smtp_heard(&job->dialogue, line, size * count);
	return job->dialogue.too_long ? 0 : size * count;
}

static int on_debug(CURL *easy, curl_infotype type, char *data, size_t len, void *arg)
{
	struct job *job = arg;

	(void)easy;
	if (type == CURLINFO_HEADER_OUT)
		smtp_said(&job->dialogue, data, len);
	return 0;
}

static curl_socket_t on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct job *job = arg;
	int fd = -1;

	(void)purpose;
	if (job->settings.tls == SMTP_PLAIN && !wire_is_loopback(&address->addr)) {
		job->strayed = "not_loopback"; /* a hosts file or a name server sends "localhost" elsewhere */
		return CURL_SOCKET_BAD;
	}
	if (wire_is_nowhere(&address->addr)) {
		job->strayed = "forbidden_address";
		return CURL_SOCKET_BAD;
	}
	pthread_mutex_lock(&job->client->mutex);
	if (!job->client->quit)
		fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
	job->fd = fd;
	pthread_mutex_unlock(&job->client->mutex);
	return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static int on_close(void *arg, curl_socket_t fd)
{
	struct job *job = arg;
	int r;

	pthread_mutex_lock(&job->client->mutex);
	if (job->fd == fd)
		job->fd = -1;
	r = close(fd);
	pthread_mutex_unlock(&job->client->mutex);
	return r;
}

/* Also while libcurl waits for a name or an answer: once a second at least. */
static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	struct job *job = arg;
	bool quit;

	(void)a, (void)b, (void)c, (void)d;
	pthread_mutex_lock(&job->client->mutex);
	quit = job->client->quit;
	pthread_mutex_unlock(&job->client->mutex);
	return quit;
}

/* --- the thread: one mail -------------------------------------------------------------------------------------------------------- */

/* A guard that cannot be set must not be missing silently: none of these fails with the libraries that we are built for. */
#define SET(option, value)                                                   \
	do {                                                                 \
		if (curl.easy_setopt(easy, option, value) != CURLE_OK) {     \
			fprintf(stderr, "smtp: libcurl refuses " #option "\n"); \
			abort();                                             \
		}                                                            \
	} while (0)

static void set_guards(CURL *easy, struct job *job)
{
	SET(CURLOPT_PROTOCOLS_STR, job->settings.tls == SMTP_TLS ? "smtps" : "smtp");
	SET(CURLOPT_USE_SSL, (long)(job->settings.tls == SMTP_PLAIN ? CURLUSESSL_NONE : CURLUSESSL_ALL));
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	if (job->ca_file)
		SET(CURLOPT_CAINFO, job->ca_file);
	SET(CURLOPT_PROXY, ""); /* not even from the environment */
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_QUICK_EXIT, 1L); /* a slow name server never holds the end up */
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_TIMEOUT_MS, (long)SMTP_TOTAL_MS);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)SMTP_CONNECT_MS);
	SET(CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)RESPONSE_S);
	SET(CURLOPT_OPENSOCKETFUNCTION, on_open);
	SET(CURLOPT_OPENSOCKETDATA, job);
	SET(CURLOPT_CLOSESOCKETFUNCTION, on_close);
	SET(CURLOPT_CLOSESOCKETDATA, job);
	SET(CURLOPT_NOPROGRESS, 0L);
	SET(CURLOPT_XFERINFOFUNCTION, on_progress);
	SET(CURLOPT_XFERINFODATA, job);
	/* Our commands can be had no other way. What it would print goes to on_debug alone, which keeps no secret. */
	SET(CURLOPT_VERBOSE, 1L);
	SET(CURLOPT_DEBUGFUNCTION, on_debug);
	SET(CURLOPT_DEBUGDATA, job);
	SET(CURLOPT_HEADERFUNCTION, on_reply);
	SET(CURLOPT_HEADERDATA, job);
}

static struct curl_slist *set_mail(CURL *easy, struct job *job)
{
	const char *url = job->settings.url;
	struct curl_slist *to = curl.slist_append(NULL, arena_printf(job->arena, "<%s>", job->message.to.email));

	if (!to)
		abort();
	if (job->settings.helo)
		url = arena_printf(job->arena, "%s/%s", url, job->settings.helo);
	SET(CURLOPT_URL, url);
	if (job->password) {
		SET(CURLOPT_USERNAME, job->settings.user);
		SET(CURLOPT_PASSWORD, job->password);
		SET(CURLOPT_LOGIN_OPTIONS, "AUTH=PLAIN;AUTH=LOGIN"); /* under TLS, or on this machine: the others promise more than they hold (RFC 6331) */
	}
	SET(CURLOPT_MAIL_FROM, arena_printf(job->arena, "<%s>", job->return_path));
	SET(CURLOPT_MAIL_RCPT, to);
	SET(CURLOPT_UPLOAD, 1L); /* of a size that is not told: so the end is a question of its own */
	SET(CURLOPT_READFUNCTION, on_read);
	SET(CURLOPT_READDATA, job);
	return to;
}

static const char *reason_of(const struct job *job, CURLcode code)
{
	if (job->strayed)
		return job->strayed;
	switch ((int)code) {
	case CURLE_OPERATION_TIMEDOUT:
		return "timeout";
	case CURLE_COULDNT_RESOLVE_HOST:
		return "name_not_resolved";
	case CURLE_LOGIN_DENIED:
		return "config";
	case CURLE_USE_SSL_FAILED:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_INVALIDCERTSTATUS:
		return "tls";
	case CURLE_WRITE_ERROR:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_OK: /* the answer was none that means anything */
		return "bad_answer";
	default:
		return job->dialogue.text.len ? "connection_lost" : "no_connection";
	}
}

static const char *remote_of(CURL *easy, struct arena *arena)
{
	char *ip = NULL;
	long port = 0;

	if (curl.easy_getinfo(easy, CURLINFO_PRIMARY_IP, &ip) != CURLE_OK || !ip || !*ip ||
		curl.easy_getinfo(easy, CURLINFO_PRIMARY_PORT, &port) != CURLE_OK)
		return NULL;
	return arena_printf(arena, strchr(ip, ':') ? "[%s]:%ld" : "%s:%ld", ip, port);
}

/* "mail.example:587: Connection refused": of several addresses of that name what the last one said. */
static const char *detail_of(CURL *easy, const struct job *job, const char *reason)
{
	const char *where = strstr(job->settings.url, "://");
	long code = 0;

	if (job->dialogue.text.len)
		return NULL; /* the server speaks for itself */
	if (strcmp(reason, "no_connection") == 0) /* of a timeout it says no more than that it waited */
		(void)curl.easy_getinfo(easy, CURLINFO_OS_ERRNO, &code);
	return arena_printf(job->arena, "%s: %s", where ? where + 3 : job->settings.url, code ? strerror((int)code) : reason);
}

static void judge(struct job *job, CURL *easy, CURLcode code)
{
	struct outcome *outcome = &job->outcome;

	smtp_outcome(&job->dialogue, reason_of(job, code), job->arena, outcome);
	outcome->detail = detail_of(easy, job, outcome->reason);
	if (job->declined)
		*outcome = (struct outcome){ .kind = OUTCOME_CANCELLED, .reason = "not_started" };
	else if (job->stopped)
		*outcome = (struct outcome){ .kind = OUTCOME_REFUSED, .reason = job->stopped, .raw = outcome->raw,
			.raw_len = outcome->raw_len, .raw_type = outcome->raw_type };
	outcome->remote = remote_of(easy, job->arena);
}

static void *run(void *arg)
{
	struct job *job = arg;
	struct smtp_client *client = job->client;
	CURL *easy = curl.easy_init();
	struct curl_slist *to;

	if (!easy)
		abort(); /* no memory: as xmalloc() */
	set_guards(easy, job);
	to = set_mail(easy, job);
	judge(job, easy, curl.easy_perform(easy));
	pthread_mutex_lock(&client->mutex);
	job->state = JOB_TOLD;
	notify(client);
	pthread_mutex_unlock(&client->mutex);
	curl.easy_cleanup(easy); /* QUIT, whose answer nobody waits for but this thread */
	curl.slist_free_all(to);
	pthread_mutex_lock(&client->mutex);
	job->finished = true;
	notify(client);
	pthread_mutex_unlock(&client->mutex);
	return NULL;
}

/* --- the loop --------------------------------------------------------------------------------------------------------------------- */

static void job_free(struct job *job)
{
	smtp_dialogue_clear(&job->dialogue);
	if (job->password)
		cleanse(job->password, strlen(job->password));
	arena_free(job->arena);
}

static enum job_state look(struct job *job, bool *finished)
{
	enum job_state state;

	pthread_mutex_lock(&job->client->mutex);
	state = job->state;
	*finished = job->finished;
	pthread_mutex_unlock(&job->client->mutex);
	return state;
}

static void answer(struct job *job, enum job_state state)
{
	pthread_mutex_lock(&job->client->mutex);
	job->state = state;
	pthread_cond_broadcast(&job->client->answered);
	pthread_mutex_unlock(&job->client->mutex);
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct smtp_client *client = arg;
	uint64_t count;

	(void)what;
	(void)!read(fd, &count, sizeof(count));
	for (struct job **at = &client->jobs, *job; (job = *at);) { /* a callback may put a new one in front: that one talks still */
		bool finished;
		enum job_state state = look(job, &finished);

		if (state == JOB_ASKING) {
			answer(job, job->may_start(job->arg) ? JOB_MAY : JOB_MAY_NOT);
		} else if (state == JOB_TOLD) {
			answer(job, JOB_DELIVERED);
			job->done(&job->outcome, job->arg);
		}
		while (*at != job)
			at = &(*at)->next;
		if (!finished) {
			at = &job->next;
			continue;
		}
		*at = job->next;
		(void)pthread_join(job->thread, NULL);
		job_free(job);
	}
}

/* Its signals are the loop's. */
static int start_thread(struct job *job)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&job->thread, NULL, run, job);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -r;
}

void smtp_client_start(struct smtp_client *client, const struct smtp_request *request)
{
	struct arena *arena = arena_create();
	struct job *job = arena_alloc(arena, sizeof(*job));
	const struct smtp_settings *s = request->settings;

	job->client = client;
	job->arena = arena;
	job->settings = (struct smtp_settings){ .url = arena_strdup(arena, s->url), .tls = s->tls, .user = arena_strdup(arena, s->user),
		.helo = arena_strdup(arena, s->helo) };
	job->message.to.email = arena_strdup(arena, request->message->to.email);
	job->message.from.email = arena_strdup(arena, request->message->from.email);
	job->message.from.reply_to = arena_strdup(arena, request->message->from.reply_to);
	job->return_path = arena_strdup(arena, smtp_return_path(s, request->message));
	job->password = arena_strdup(arena, request->password);
	job->ca_file = client->ca_file;
	job->mail = arena_memdup(arena, request->mail, request->len);
	job->len = request->len;
	job->may_start = request->may_start;
	job->done = request->done;
	job->arg = request->arg;
	job->fd = -1;
	job->next = client->jobs;
	client->jobs = job;
	if (start_thread(job) < 0) {
		client->jobs = job->next;
		job->outcome = (struct outcome){ .kind = OUTCOME_TEMPORARY, .reason = "no_thread" };
		job->done(&job->outcome, job->arg);
		job_free(job);
	}
}

int smtp_client_create(struct event_base *base, const char *ca_file, struct smtp_client **ret)
{
	struct smtp_client *client = xcalloc(1, sizeof(*client));

	client->notify = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (client->notify < 0) {
		int r = -errno;

		free(client);
		return r;
	}
	client->ca_file = ca_file ? xstrdup(ca_file) : NULL;
	(void)pthread_mutex_init(&client->mutex, NULL);
	(void)pthread_cond_init(&client->answered, NULL);
	client->wake = event_new(base, client->notify, EV_READ | EV_PERSIST, on_wake, client);
	event_add(client->wake, NULL);
	*ret = client;
	return 0;
}

void smtp_client_destroy(struct smtp_client *client)
{
	if (!client)
		return;
	pthread_mutex_lock(&client->mutex);
	client->quit = true;
	for (struct job *job = client->jobs; job; job = job->next)
		if (job->fd >= 0)
			(void)shutdown(job->fd, SHUT_RDWR);
	pthread_cond_broadcast(&client->answered);
	pthread_mutex_unlock(&client->mutex);
	for (struct job *job = client->jobs, *next; job; job = next) {
		next = job->next;
		(void)pthread_join(job->thread, NULL);
		job_free(job);
	}
	event_free(client->wake);
	(void)close(client->notify);
	(void)pthread_cond_destroy(&client->answered);
	(void)pthread_mutex_destroy(&client->mutex);
	free(client->ca_file);
	free(client);
}
