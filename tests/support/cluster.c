#include "tests/support/cluster.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/file.h"
#include "common/hash.h"
#include "common/redis_nodes.h"
#include "tests/support/sites.h"
#include "tests/support/world.h"

#define UP_MS 60000
#define LOOK_MS 20
#define JOIN_MS "15000" /* as long may they take to greet one another, on a busy machine: who is late then is never told of again */

/* patience: ms of silence. */
static void start_node(struct cluster_node *node, bool cluster, const char *patience)
{
	char log[200], port[12], bus[12], conf[200];
	const char *sentinel[] = { "redis-server", conf, "--sentinel", NULL };
	const char *argv[] = { "redis-server", "--bind", node->address, "--bind-source-addr", node->address, "--protected-mode", "no", "--port", port,
		"--dir", node->dir, "--save", "", "--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction",
		"--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1", "--repl-timeout", "5",
		"--include", SOURCE_DIR "/systemd/redis-acl.conf",
		cluster ? "--cluster-enabled" : NULL, "yes", "--cluster-port", bus, "--cluster-node-timeout", patience, "--cluster-config-file", "nodes.conf", NULL };

	snprintf(log, sizeof(log), "%s/log", node->dir);
	snprintf(port, sizeof(port), "%d", node->port);
	snprintf(bus, sizeof(bus), "%d", node->bus_port);
	snprintf(conf, sizeof(conf), "%s/sentinel.conf", node->dir);
	process_start(&node->process, node->sentinel ? sentinel : argv, log);
}

int cluster_cli(const struct cluster *c, int node, const char *const *words, struct buf *output)
{
	char port[12];
	const char *argv[40] = { "redis-cli", "-h", c->nodes[node].address, "-p", port };
	size_t n = 5;

	snprintf(port, sizeof(port), "%d", c->nodes[node].port);
	while (*words && n < 39)
		argv[n++] = *words++;
	argv[n] = NULL;
	return process_run(argv, output, 60000);
}

static bool says(const struct cluster *c, int node, const char *const *words, const char *what)
{
	CLEANUP(buf_clear) struct buf output = { 0 };

	return cluster_cli(c, node, words, &output) == 0 && strstr(buf_str(&output), what);
}

static bool runs(const struct cluster *c, int node)
{
	return c->nodes[node].process.pid && !c->nodes[node].stopped;
}

bool cluster_is_primary(const struct cluster *c, int node)
{
	return runs(c, node) && !c->nodes[node].sentinel && says(c, node, (const char *const[]){ "ROLE", NULL }, "master\n");
}

static bool is_given(const struct cluster *c, int port)
{
	for (int i = 0; i < CLUSTER_NODES; i++)
		if (c->nodes[i].port == port || c->nodes[i].bus_port == port)
			return true;
	return false;
}

/* Below those that the system gives to whoever connects: a node that is started again wants the same one. */
static int free_port(const struct cluster *c)
{
	for (;;) {
		struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		uint16_t port;
		bool free;

		random_bytes(&port, sizeof(port));
		port = (uint16_t)(10000 + port % 22000);
		at.sin_port = htons(port);
		free = fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0;
		close(fd);
		if (free && !is_given(c, port))
			return port;
	}
}

static void make_nodes(struct cluster *c, const char *dir, const char *what)
{
	for (int i = 0; i < CLUSTER_NODES; i++) {
		struct cluster_node *node = &c->nodes[i];

		node->port = free_port(c);
		node->bus_port = free_port(c);
		snprintf(node->address, sizeof(node->address), "127.0.0.1");
		if (c->apart)
			snprintf(node->address, sizeof(node->address), SITES_ADDRESS, i + 1);
		snprintf(node->dir, sizeof(node->dir), "%.100s/%s-%d", dir, what, i);
		if (file_make_dirs(node->dir, 0700) < 0)
			world_fail("%s cannot be made", node->dir);
	}
}

static void await_pong(const struct cluster *c, int node)
{
	int64_t deadline = real_ms() + UP_MS;

	while (!says(c, node, (const char *const[]){ "PING", NULL }, "PONG"))
		if (real_ms() > deadline)
			world_fail("%s does not come up", c->nodes[node].dir);
		else
			pause_ms(LOOK_MS);
}

void cluster_start(struct cluster *c, const char *dir)
{
	CLEANUP(buf_clear) struct buf output = { 0 };
	char addresses[CLUSTER_NODES][40];
	const char *create[] = { "redis-cli", "--cluster", "create", addresses[0], addresses[1], addresses[2], addresses[3], addresses[4],
		addresses[5], "--cluster-replicas", "1", "--cluster-yes", NULL };

	*c = (struct cluster){ .apart = c->apart };
	make_nodes(c, dir, "node");
	for (int i = 0; i < CLUSTER_NODES; i++) {
		start_node(&c->nodes[i], true, JOIN_MS);
		snprintf(addresses[i], sizeof(addresses[i]), "%s:%d", c->nodes[i].address, c->nodes[i].port);
	}
	for (int i = 0; i < CLUSTER_NODES; i++)
		await_pong(c, i);
	if (process_run(create, &output, 60000) != 0)
		world_fail("the cluster cannot be made: %s", buf_str(&output));
	snprintf(c->url, sizeof(c->url), "redis+cluster://%s,%s", addresses[0], addresses[4]);
	if (!cluster_whole(c, UP_MS))
		world_fail("the cluster in %s does not come up", dir);
	for (int i = 0; i < CLUSTER_NODES; i++)
		(void)cluster_cli(c, i, (const char *const[]){ "CONFIG", "SET", "cluster-node-timeout", CLUSTER_NODE_TIMEOUT_MS, NULL }, NULL);
}

void cluster_be_patient(const struct cluster *c)
{
	for (int i = 0; i < CLUSTER_NODES; i++)
		if (c->nodes[i].sentinel)
			(void)cluster_cli(c, i, (const char *const[]){ "SENTINEL", "SET", "dunning", "down-after-milliseconds", "60000", NULL }, NULL);
}

void sentinels_start(struct cluster *c, const char *dir)
{
	char text[400], path[200];

	*c = (struct cluster){ .apart = c->apart };
	make_nodes(c, dir, "server");
	for (int i = 0; i < 3; i++) {
		start_node(&c->nodes[i], false, NULL);
		await_pong(c, i);
		snprintf(text, sizeof(text), "%d", c->nodes[0].port);
		if (i)
			(void)cluster_cli(c, i, (const char *const[]){ "REPLICAOF", c->nodes[0].address, text, NULL }, NULL);
	}
	for (int i = 3; i < CLUSTER_NODES; i++) {
		c->nodes[i].sentinel = true;
		snprintf(text, sizeof(text),
			"port %d\nbind %s\nprotected-mode no\nsentinel announce-ip %s\ndir %s\nsentinel monitor dunning %s %d 2\n"
			"sentinel down-after-milliseconds dunning 1000\nsentinel failover-timeout dunning 5000\n",
			c->nodes[i].port, c->nodes[i].address, c->nodes[i].address, c->nodes[i].dir, c->nodes[0].address, c->nodes[0].port);
		snprintf(path, sizeof(path), "%s/sentinel.conf", c->nodes[i].dir);
		if (file_replace(path, text, strlen(text), 0600) < 0)
			world_fail("%s cannot be written", path);
		start_node(&c->nodes[i], false, NULL);
		await_pong(c, i);
	}
	snprintf(c->url, sizeof(c->url), "redis+sentinel://%s:%d,%s:%d,%s:%d/dunning", c->nodes[3].address, c->nodes[3].port, c->nodes[4].address,
		c->nodes[4].port, c->nodes[5].address, c->nodes[5].port);
	if (!cluster_whole(c, UP_MS))
		world_fail("the sentinels in %s do not agree", dir);
}

void cluster_end(struct cluster *c)
{
	for (int i = 0; i < CLUSTER_NODES; i++)
		process_kill(&c->nodes[i].process);
}

/* --- what it says of itself ------------------------------------------------------------------------------------------------------ */

static bool follows(const struct cluster *c, int node) /* a replica whose link is up */
{
	return says(c, node, (const char *const[]){ "INFO", "replication", NULL }, "master_link_status:up");
}

static bool is_whole(const struct cluster *c)
{
	int primaries = 0, replicas = 0;

	for (int i = 0; i < CLUSTER_NODES; i++) {
		if (!runs(c, i))
			return false;
		if (c->nodes[i].sentinel) {
			if (!says(c, i, (const char *const[]){ "INFO", "sentinel", NULL }, "status=ok") ||
				!says(c, i, (const char *const[]){ "INFO", "sentinel", NULL }, "slaves=2,sentinels=3"))
				return false;
		} else if (cluster_is_primary(c, i)) {
			primaries++;
		} else if (follows(c, i)) {
			replicas++;
		} else {
			return false;
		}
	}
	if (c->nodes[5].sentinel)
		return primaries == 1 && replicas == 2;
	for (int i = 0; i < CLUSTER_NODES; i++)
		if (!says(c, i, (const char *const[]){ "CLUSTER", "INFO", NULL }, "cluster_state:ok") ||
			!says(c, i, (const char *const[]){ "CLUSTER", "INFO", NULL }, "cluster_known_nodes:6"))
			return false;
	return primaries == 3 && replicas == 3;
}

bool cluster_whole(const struct cluster *c, int ms)
{
	int64_t deadline = real_ms() + ms;

	while (!is_whole(c)) {
		if (real_ms() > deadline)
			return false;
		pause_ms(LOOK_MS);
	}
	return true;
}

int cluster_primary_of(const struct cluster *c, uint32_t partition)
{
	char key[40];
	const char *words[] = { "EXISTS", key, NULL };

	snprintf(key, sizeof(key), "any:{%u}", partition);
	for (int i = 0; i < CLUSTER_NODES; i++) {
		CLEANUP(buf_clear) struct buf output = { 0 };

		if (cluster_is_primary(c, i) && cluster_cli(c, i, words, &output) == 0 && buf_str(&output)[0] == '0')
			return i;
	}
	return -1;
}

/* --- what befalls it ---------------------------------------------------------------------------------------------------------------- */

void cluster_kill(struct cluster *c, int node)
{
	process_kill(&c->nodes[node].process);
}

void cluster_revive(struct cluster *c, int node)
{
	start_node(&c->nodes[node], !c->nodes[CLUSTER_NODES - 1].sentinel, CLUSTER_NODE_TIMEOUT_MS);
	await_pong(c, node);
}

void cluster_pause(struct cluster *c, int node, bool paused)
{
	c->nodes[node].stopped = paused;
	(void)kill(c->nodes[node].process.pid, paused ? SIGSTOP : SIGCONT);
}

static void node_id(const struct cluster *c, int node, char ret[41])
{
	CLEANUP(buf_clear) struct buf output = { 0 };

	if (cluster_cli(c, node, (const char *const[]){ "CLUSTER", "MYID", NULL }, &output) != 0 || output.len < 40)
		world_fail("%s does not say who it is", c->nodes[node].dir);
	snprintf(ret, 41, "%s", output.data);
}

static const char *slot_of(uint32_t partition, char ret[12])
{
	char tag[16];

	snprintf(tag, sizeof(tag), "{%u}", partition);
	snprintf(ret, 12, "%d", redis_slot(tag));
	return ret;
}

int cluster_uncover(const struct cluster *c, uint32_t partition)
{
	int owner = cluster_primary_of(c, partition);
	char slot[12];

	slot_of(partition, slot);
	for (int i = 0; i < CLUSTER_NODES; i++) /* the owner first, so that nobody hears of it anew */
		if (owner < 0 || cluster_cli(c, (owner + i) % CLUSTER_NODES, (const char *const[]){ "CLUSTER", "DELSLOTS", slot, NULL }, NULL) != 0)
			world_fail("slot %s is not taken away", slot);
	return owner;
}

void cluster_cover(const struct cluster *c, uint32_t partition, int node)
{
	char slot[12];

	if (cluster_cli(c, node, (const char *const[]){ "CLUSTER", "ADDSLOTS", slot_of(partition, slot), NULL }, NULL) != 0)
		world_fail("slot %s is not given back", slot);
}

/* SETSLOT, MIGRATE by tens, SETSLOT, as redis-cli --cluster reshard does, but for the one slot. */
void cluster_move_begin(struct cluster *c, uint32_t partition, int to)
{
	char slot[12], id[41];

	c->moving_from = cluster_primary_of(c, partition);
	if (c->moving_from < 0 || c->moving_from == to)
		world_fail("nobody serves partition %u, or it is there already", partition);
	slot_of(partition, slot);
	node_id(c, c->moving_from, id);
	if (cluster_cli(c, to, (const char *const[]){ "CLUSTER", "SETSLOT", slot, "IMPORTING", id, NULL }, NULL) != 0)
		world_fail("slot %s does not begin to move", slot);
	node_id(c, to, id);
	if (cluster_cli(c, c->moving_from, (const char *const[]){ "CLUSTER", "SETSLOT", slot, "MIGRATING", id, NULL }, NULL) != 0)
		world_fail("slot %s does not begin to move", slot);
}

bool cluster_move_keys(const struct cluster *c, uint32_t partition, int to, const char *only)
{
	CLEANUP(buf_clear) struct buf keys = { 0 };
	char slot[12], port[12];
	const char *words[40] = { "MIGRATE", c->nodes[to].address, port, "", "0", "10000", "KEYS" };
	size_t n = 7;

	snprintf(port, sizeof(port), "%d", c->nodes[to].port);
	if (only)
		words[n++] = only;
	else if (cluster_cli(c, c->moving_from, (const char *const[]){ "CLUSTER", "GETKEYSINSLOT", slot_of(partition, slot), "10", NULL }, &keys) != 0)
		world_fail("slot %s: no keys", slot);
	for (char *key = keys.data ? strtok(keys.data, "\n") : NULL; key && n < 38; key = strtok(NULL, "\n"))
		words[n++] = key;
	if (n == 7)
		return false;
	if (cluster_cli(c, c->moving_from, words, NULL) != 0)
		world_fail("keys of partition %u do not move", partition);
	return true;
}

void cluster_move_end(struct cluster *c, uint32_t partition, int to)
{
	char slot[12], id[41];

	while (cluster_move_keys(c, partition, to, NULL))
		;
	node_id(c, to, id);
	slot_of(partition, slot);
	for (int i = 0; i < 2; i++) /* the new one first */
		if (cluster_cli(c, i ? c->moving_from : to, (const char *const[]){ "CLUSTER", "SETSLOT", slot, "NODE", id, NULL }, NULL) != 0)
			world_fail("slot %s does not end to move", slot);
}

void cluster_move(struct cluster *c, uint32_t partition, int to)
{
	if (cluster_primary_of(c, partition) == to)
		return;
	cluster_move_begin(c, partition, to);
	cluster_move_end(c, partition, to);
}
