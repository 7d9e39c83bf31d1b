/*
 * cluster - three primaries with a replica each as one Redis Cluster, or one primary with two replicas and three sentinels: real servers on
 * loopback, in folders of their own, ended by their pid.
 */
#ifndef DUNNINGD_TESTS_SUPPORT_CLUSTER_H
#define DUNNINGD_TESTS_SUPPORT_CLUSTER_H

#include "tests/support/process.h"

#define CLUSTER_NODES 6
#define CLUSTER_NODE_TIMEOUT_MS "1000" /* of silence, until a node is held for dead */

struct cluster_node {
	struct process process;
	int port, bus_port;
	char dir[140], address[20];
	bool sentinel, stopped;
};

struct cluster {
	struct cluster_node nodes[CLUSTER_NODES]; /* sentinels are the last three */
	char url[300];
	bool apart; /* set before it starts: each node has an address of sites_enter() */
	int moving_from; /* between cluster_move_begin() and its end */
};

/* In `dir`; up, and agreed, when it returns. Fails the test otherwise. */
void cluster_start(struct cluster *cluster, const char *dir);
void sentinels_start(struct cluster *cluster, const char *dir);
void cluster_end(struct cluster *cluster);

/* redis-cli to one node: its exit status. `words` are NULL-terminated; output may be NULL. */
int cluster_cli(const struct cluster *cluster, int node, const char *const *words, struct buf *output);
void cluster_be_patient(const struct cluster *cluster); /* of sentinels: a primary may think for a minute before it is replaced */
bool cluster_is_primary(const struct cluster *cluster, int node); /* as it says itself */
int cluster_primary_of(const struct cluster *cluster, uint32_t partition); /* the node that serves it; -1 = nobody does */
/* Until all slots are served and every primary has a replica that is in step; of sentinels: one primary, and both others follow it. */
bool cluster_whole(const struct cluster *cluster, int ms);
void cluster_kill(struct cluster *cluster, int node);
void cluster_revive(struct cluster *cluster, int node); /* started again with what it had */
void cluster_pause(struct cluster *cluster, int node, bool paused); /* SIGSTOP, SIGCONT */
/* The partition's slot, with its keys, goes to another primary, as an operator would move it. */
void cluster_move(struct cluster *cluster, uint32_t partition, int to);
/* The same in three steps; keys: `only`, or some ten of them (NULL). False: there are no more. */
void cluster_move_begin(struct cluster *cluster, uint32_t partition, int to);
bool cluster_move_keys(const struct cluster *cluster, uint32_t partition, int to, const char *only);
void cluster_move_end(struct cluster *cluster, uint32_t partition, int to);
/* The partition's slot is nobody's, as all of them say; its keys stay where they are. The node that had it, to which it is given back then. */
int cluster_uncover(const struct cluster *cluster, uint32_t partition);
void cluster_cover(const struct cluster *cluster, uint32_t partition, int node);

#endif
