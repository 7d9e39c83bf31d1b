#include "daemon/http_client_wire.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "daemon/http_client_multi.h"

struct transfer_list {
	struct transfer *first, **end;
};

struct wire {
	char *ca_file;
	/* the loop's */
	struct event *turn; /* end of a turn of the loop: hand over what came in it */
	struct event *finished; /* the thread has something for us */
	struct transfer_list handed; /* in this turn */
	size_t in_flight;
	pthread_t thread;
	/* guarded by the mutex */
	pthread_mutex_t mutex;
	struct transfer_list queue, over;
	bool stop;
	/* both sides' */
	int work, notify; /* eventfds: something is in `queue`, in `over` */
	/* the thread's own */
	struct event_base *base;
	struct multi *multi;
	struct event *worked, *told; /* told: end of a turn of its loop: hand back what ended in it */
	struct transfer_list ended; /* in this turn */
};

/* --- the way there and back ------------------------------------------------------------------------------------------------------ */

static void list_init(struct transfer_list *list)
{
	*list = (struct transfer_list){ .end = &list->first };
}

static void list_add(struct transfer_list *list, struct transfer *t)
{
	t->after = NULL;
	*list->end = t;
	list->end = &t->after;
}

static struct transfer *list_take(struct transfer_list *list)
{
	struct transfer *t = list->first;

	if (t && !(list->first = t->after))
		list->end = &list->first;
	return t;
}

/* All of `from` to the end of `to`, which the other side looks at when `fd` tells it. */
static void list_send(struct wire *wire, struct transfer_list *to, struct transfer_list *from, int fd)
{
	uint64_t one = 1;
	bool told;

	if (!from->first)
		return;
	pthread_mutex_lock(&wire->mutex);
	told = to->first != NULL; /* it has not even taken what was there */
	*to->end = from->first;
	to->end = from->end;
	pthread_mutex_unlock(&wire->mutex);
	list_init(from);
	if (!told && write(fd, &one, sizeof(one)) < 0)
		assert(errno == EAGAIN);
}

/* All of `list`, once `fd` told of it. */
static struct transfer_list list_receive(struct wire *wire, struct transfer_list *list, int fd)
{
	struct transfer_list ret;
	uint64_t count;

	(void)!read(fd, &count, sizeof(count));
	list_init(&ret);
	pthread_mutex_lock(&wire->mutex);
	if (list->first) {
		ret = *list;
		list_init(list);
	}
	pthread_mutex_unlock(&wire->mutex);
	return ret;
}

void transfer_free(struct transfer *t)
{
	buf_clear(&t->head);
	buf_clear(&t->body);
	free(t);
}

/* --- the thread ------------------------------------------------------------------------------------------------------------------ */

static void on_told(evutil_socket_t fd, short what, void *arg)
{
	struct wire *wire = arg;

	(void)fd, (void)what;
	list_send(wire, &wire->over, &wire->ended, wire->notify);
}

static void on_over(struct transfer *t, void *arg)
{
	struct wire *wire = arg;

	if (!wire->ended.first)
		event_active(wire->told, EV_TIMEOUT, 0);
	list_add(&wire->ended, t);
}

static void on_work(evutil_socket_t fd, short what, void *arg)
{
	struct wire *wire = arg;
	struct transfer_list taken = list_receive(wire, &wire->queue, fd);
	struct transfer *t;
	bool stop;

	(void)what;
	pthread_mutex_lock(&wire->mutex);
	stop = wire->stop;
	pthread_mutex_unlock(&wire->mutex);
	while ((t = list_take(&taken))) {
		if (stop)
			transfer_free(t);
		else
			multi_begin(wire->multi, t);
	}
	if (stop)
		event_base_loopbreak(wire->base);
}

static void *wire_run(void *arg)
{
	struct wire *wire = arg;

	(void)event_base_dispatch(wire->base);
	return NULL;
}

/* --- the loop's side ------------------------------------------------------------------------------------------------------------ */

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct wire *wire = arg;

	(void)fd, (void)what;
	list_send(wire, &wire->queue, &wire->handed, wire->work);
}

static void on_finished(evutil_socket_t fd, short what, void *arg)
{
	struct wire *wire = arg;
	struct transfer_list over = list_receive(wire, &wire->over, fd);
	struct transfer *t;

	(void)what;
	while ((t = list_take(&over))) {
		wire->in_flight--;
		t->request.done(&t->result, t->request.arg);
		transfer_free(t);
	}
}

void wire_start(struct wire *wire, const struct wire_request *request)
{
	struct transfer *t = xcalloc(1, sizeof(*t));

	t->request = *request;
	wire->in_flight++;
	if (!wire->handed.first)
		event_active(wire->turn, EV_TIMEOUT, 0);
	list_add(&wire->handed, t);
}

void wire_fence(struct wire *wire)
{
	multi_fence(wire->multi);
}

void wire_count(const struct wire *wire, struct wire_counters *ret)
{
	multi_count(wire->multi, ret);
	ret->in_flight = wire->in_flight;
}

/* --- life ------------------------------------------------------------------------------------------------------------------------ */

int wire_global_init(struct err *err)
{
	return multi_global_init(err);
}

void wire_global_cleanup(void)
{
	multi_global_cleanup();
}

/* None of it fails but for want of memory, descriptors or threads at the start: as xmalloc(). */
static void must(bool ok)
{
	if (!ok) {
		fprintf(stderr, "http: no thread for the requests: %s\n", strerror(errno));
		abort();
	}
}

struct wire *wire_create(struct event_base *base, const char *ca_file)
{
	struct wire *wire = xcalloc(1, sizeof(*wire));
	sigset_t all, before;

	wire->ca_file = ca_file ? xstrdup(ca_file) : NULL;
	list_init(&wire->handed);
	list_init(&wire->queue);
	list_init(&wire->over);
	list_init(&wire->ended);
	(void)pthread_mutex_init(&wire->mutex, NULL);
	wire->work = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	wire->notify = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	must(wire->work >= 0 && wire->notify >= 0 && (wire->base = event_base_new()));
	wire->turn = event_new(base, -1, 0, on_turn, wire);
	wire->finished = event_new(base, wire->notify, EV_READ | EV_PERSIST, on_finished, wire);
	wire->worked = event_new(wire->base, wire->work, EV_READ | EV_PERSIST, on_work, wire);
	wire->told = event_new(wire->base, -1, 0, on_told, wire);
	wire->multi = multi_create(wire->base, wire->ca_file, on_over, wire);
	must(wire->turn && wire->finished && wire->worked && wire->told && event_add(wire->finished, NULL) == 0 &&
		event_add(wire->worked, NULL) == 0);
	(void)sigfillset(&all); /* signals are the loop's */
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	must((errno = pthread_create(&wire->thread, NULL, wire_run, wire)) == 0);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return wire;
}

void wire_destroy(struct wire *wire)
{
	uint64_t one = 1;
	struct transfer *t;

	if (!wire)
		return;
	struct transfer_list *const lists[] = { &wire->handed, &wire->queue, &wire->ended, &wire->over };

	pthread_mutex_lock(&wire->mutex);
	wire->stop = true;
	pthread_mutex_unlock(&wire->mutex);
	if (write(wire->work, &one, sizeof(one)) < 0)
		assert(errno == EAGAIN);
	(void)pthread_join(wire->thread, NULL);
	multi_destroy(wire->multi);
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		while ((t = list_take(lists[i])))
			transfer_free(t);
	event_free(wire->turn);
	event_free(wire->finished);
	event_free(wire->worked);
	event_free(wire->told);
	event_base_free(wire->base);
	(void)close(wire->work);
	(void)close(wire->notify);
	(void)pthread_mutex_destroy(&wire->mutex);
	free(wire->ca_file);
	free(wire);
}
