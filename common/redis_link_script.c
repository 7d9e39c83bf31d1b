/* Scripts, and where an ASK leads: a slot that is on its way to another node is partly there already. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/redis_link_internal.h"

#define REPLICAS_MS "2000"

static void on_asking(int r, const struct redis_reply *reply, void *arg)
{
	(void)r, (void)reply, (void)arg;
}

void link_asking(struct redis_link *link)
{
	redis_link_command(link, 1, (const char *const[]){ "ASKING" }, NULL, 0, on_asking, NULL);
}

void link_send_script(struct redis_link *link, struct waiting *w, bool whole)
{
	const char **argv = xcalloc(w->argc + 3, sizeof(*argv));
	size_t *lens = xcalloc(w->argc + 3, sizeof(*lens));
	char keys[24];

	if (link->asks)
		link_asking(link);
	w->whole = whole;
	snprintf(keys, sizeof(keys), "%zu", w->keys);
	argv[0] = whole ? "EVAL" : "EVALSHA";
	argv[1] = whole ? w->script->text : w->script->sha1;
	argv[2] = keys;
	for (size_t i = 0; i < 3; i++)
		lens[i] = strlen(argv[i]);
	for (size_t i = 0; i < w->argc; i++) {
		argv[i + 3] = w->argv[i];
		lens[i + 3] = w->lens[i];
	}
	link_write(link, w->argc + 3, argv, lens);
	free(argv);
	free(lens);
}

void redis_link_script(struct redis_link *link, const struct redis_script *script, size_t keys, size_t argc,
	const char *const *argv, const size_t *lens, int timeout_ms, redis_done_fn done, void *arg)
{
	redis_link_script_kept(link, script, 0, keys, argc, argv, lens, timeout_ms, done, arg);
}

void redis_link_script_kept(struct redis_link *link, const struct redis_script *script, int64_t replicas, size_t keys, size_t argc,
	const char *const *argv, const size_t *lens, int timeout_ms, redis_done_fn done, void *arg)
{
	struct waiting *w = link_waiting(done, arg, timeout_ms);
	size_t size = 0;
	char *at;

	if (!link->ready) {
		link_push_failed(link, w);
		return;
	}
	w->script = script;
	w->replicas = replicas;
	w->keys = keys;
	w->argc = argc;
	w->lens = xcalloc(argc + 1, sizeof(*w->lens));
	for (size_t i = 0; i < argc; i++) {
		w->lens[i] = lens ? lens[i] : strlen(argv[i]);
		size += w->lens[i];
	}
	w->argv = xmalloc(argc * sizeof(*w->argv) + size + 1); /* the words lie behind their table */
	at = (char *)(w->argv + argc);
	for (size_t i = 0; i < argc; i++) {
		w->argv[i] = at;
		if (w->lens[i])
			memcpy(at, argv[i], w->lens[i]);
		at += w->lens[i];
	}
	link_send_script(link, w, false);
	link_push(link, w);
}

void link_await_replicas(struct redis_link *link, struct waiting *w, const struct redis_reply *reply)
{
	char wanted[24];
	const char *argv[] = { "WAIT", wanted, REPLICAS_MS };

	snprintf(wanted, sizeof(wanted), "%lld", (long long)w->replicas);
	w->kept = arena_create();
	redis_reply_copy(w->kept, reply, &w->reply);
	w->script = NULL;
	link_write(link, ARRAY_LEN(argv), argv, NULL);
	link_push(link, w);
}

/* Each that asked is told, and once: what goes away has them no more. Its own questions, of its greeting, go with it. */
static void give_back(struct redis_link *link, struct redis_link *aside)
{
	struct waiting **lists[] = { &aside->failed, &aside->first }, ***ends[] = { &aside->failed_last, &aside->last };

	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		struct waiting **at = lists[i], *w;

		while ((w = *at)) {
			if (w->arg == aside) {
				at = &w->next;
				continue;
			}
			*at = w->next;
			link_push_failed(link, w);
		}
		*ends[i] = at;
	}
}

struct redis_link *link_aside(struct redis_link *link, const struct redis_reply *ask)
{
	struct redis_node node;
	struct redis_url url = link->url;

	if (link->url.kind != REDIS_CLUSTER || redis_redirection(ask, link->at.host, &node) < 0)
		return NULL;
	if (link->aside && link->aside->at.port == node.port && strcmp(link->aside->at.host, node.host) == 0)
		return link->aside->ready ? link->aside : NULL;
	if (link->aside)
		give_back(link, link->aside);
	redis_link_destroy(link->aside);
	url.kind = REDIS_SINGLE;
	url.port = node.port;
	memcpy(url.host, node.host, sizeof(url.host));
	link->aside = redis_link_create(link->base, &url, NULL, NULL);
	link->aside->asks = true;
	return NULL;
}

bool link_follow(struct redis_link *link, struct waiting *w, const struct redis_reply *ask)
{
	struct redis_link *aside;

	if (!w->script || link->first) /* answers come in the order of the questions */
		return false;
	aside = link_aside(link, ask);
	if (!aside)
		return false;
	link_send_script(aside, w, w->whole);
	link_push(aside, w);
	return true;
}
