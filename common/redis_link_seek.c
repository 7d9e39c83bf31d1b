/*
 * Where the server is: a node of the cluster is asked for its slots, or a sentinel for the primary. Whoever is asked is asked over a link of
 * its own, the scout, so that a dead one costs no more than a connection that does not come.
 */
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#include "common/redis_link_internal.h"

#define ASK_MS 2000
#define WATCH_MS 1000 /* how often it is looked whether the server is still the one */
#define OVERDUE_MS 2000 /* without an answer: somebody else may have taken over */

static void ask(struct redis_link *link, redis_done_fn done)
{
	const char *slots[] = { "CLUSTER", "SLOTS" }, *primary[] = { "SENTINEL", "GET-MASTER-ADDR-BY-NAME", link->url.primary };

	if (link->url.kind == REDIS_CLUSTER)
		redis_link_command(link->scout, 2, slots, NULL, ASK_MS, done, link);
	else
		redis_link_command(link->scout, 3, primary, NULL, ASK_MS, done, link);
}

static int read_answer(struct redis_link *link, const struct redis_reply *reply, struct redis_node *ret)
{
	struct redis_node known[REDIS_NODES_MAX];
	size_t count = 0;
	int slot = link->key ? redis_slot(link->key) : -1, r;

	if (link->url.kind == REDIS_SENTINEL)
		return redis_primary_read(reply, ret);
	r = redis_slots_read(reply, slot, link->scout->at.host, ret, known, &count);
	if (count) {
		memcpy(link->known, known, sizeof(known));
		link->known_count = count;
	}
	if (r == -ENOENT && slot < 0 && count) { /* any will do */
		*ret = known[0];
		r = 0;
	}
	return r;
}

static void on_told(int r, const struct redis_reply *reply, void *arg)
{
	struct redis_link *link = arg;
	struct redis_node node;
	char why[260];

	link->inside++;
	if (r < 0) {
		link_disconnect(link, -ENOTCONN, "no answer to where the primary is");
	} else if (reply->type == REDIS_ERROR) {
		snprintf(why, sizeof(why), "%.190s", reply->str);
		link_disconnect(link, -ENOTCONN, why);
	} else if ((r = read_answer(link, reply, &node)) < 0) {
		if (link->url.kind == REDIS_SENTINEL)
			snprintf(why, sizeof(why), "the sentinel at %.100s watches no primary \"%s\"", link->scout->at.host, link->url.primary);
		else
			snprintf(why, sizeof(why), "no node of the cluster serves the slot of %.60s", link->key ? link->key : "any key");
		link_disconnect(link, -ENOTCONN, why);
	} else {
		link->at = node;
		link->found = true;
		if (link->url.kind == REDIS_CLUSTER)
			link_seek_end(link);
		link_connect(link);
	}
	link_leave(link);
}

/* While it is being sought; later the watch looks by itself. */
static void on_scout(bool connected, const char *why, void *arg)
{
	struct redis_link *link = arg;
	char text[400];

	if (link->found || !link->connecting)
		return;
	link->inside++;
	if (connected) {
		ask(link, on_told);
	} else {
		snprintf(text, sizeof(text), "%.100s, port %d, who would know: %s", link->scout->at.host, link->scout->at.port, why);
		link_disconnect(link, -ENOTCONN, text);
	}
	link_leave(link);
}

/* The next of those that are known, then of the address. */
static void begin_scout(struct redis_link *link)
{
	size_t i = link->seek_next % (link->known_count + link->url.node_count);
	const struct redis_node *node = i < link->known_count ? &link->known[i] : &link->url.nodes[i - link->known_count];
	struct redis_url url = { .port = node->port, .tls = link->url.tls };

	memcpy(url.host, node->host, sizeof(url.host));
	if (link->url.kind == REDIS_CLUSTER) {
		memcpy(url.user, link->url.user, sizeof(url.user));
		memcpy(url.password, link->url.password, sizeof(url.password));
	}
	link->scout = redis_link_create(link->base, &url, on_scout, link);
}

void link_seek(struct redis_link *link)
{
	link_seek_end(link);
	link->connecting = true;
	link->connect_deadline = link_mono() + CONNECT_MS;
	link_scan(link);
	begin_scout(link);
}

void link_seek_end(struct redis_link *link)
{
	redis_link_destroy(link->scout);
	link->scout = NULL;
	if (link->watch)
		evtimer_del(link->watch);
}

/* --- is it still the primary? ---------------------------------------------------------------------------------------------------- */

static void on_told_again(int r, const struct redis_reply *reply, void *arg)
{
	struct redis_link *link = arg;
	struct redis_node node;

	link->inside++;
	if (r == 0 && link->ready && read_answer(link, reply, &node) == 0 && (node.port != link->at.port || strcmp(node.host, link->at.host) != 0)) {
		link->at = node;
		link->redirected = true;
		link_disconnect(link, -ENOTCONN, "another server is the primary now");
	} else if (link->url.kind == REDIS_CLUSTER) {
		link_seek_end(link);
		link_seek_watch(link);
	}
	link_leave(link);
}

/* A server that stands still keeps its connections: nobody else would say that another one has taken over. */
static bool overdue(const struct redis_link *link)
{
	return link->first && link_mono() - link->first->since > OVERDUE_MS;
}

/* Sentinels are asked all the time: a primary that was given up, and does not know it, takes what is written. Nodes of a cluster do know. */
static void on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct redis_link *link = arg;

	(void)fd, (void)what;
	if (link->url.kind == REDIS_SENTINEL || overdue(link)) {
		if (link->scout && redis_link_connected(link->scout)) {
			ask(link, on_told_again);
		} else {
			redis_link_destroy(link->scout);
			link->seek_next++;
			begin_scout(link);
		}
	} else {
		link_seek_end(link);
	}
	link_arm(link->watch, WATCH_MS);
}

void link_seek_watch(struct redis_link *link)
{
	if (link->url.kind == REDIS_SINGLE)
		return;
	if (!link->watch)
		link->watch = evtimer_new(link->base, on_watch, link);
	link_arm(link->watch, WATCH_MS);
}
