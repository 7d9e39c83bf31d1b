/*
 * sites - network namespaces, one for each dunningd, as hosts have them: a cable leads from each to the servers, and can be cut for one of them.
 * All lie inside a namespace that this program enters, so that nothing of the computer's own network is touched and all ends with it.
 */
#ifndef DUNNINGD_TESTS_SUPPORT_SITES_H
#define DUNNINGD_TESTS_SUPPORT_SITES_H

#include <stdbool.h>
#include <sys/types.h>

struct site {
	int number, ns; /* a file descriptor of its namespace */
	pid_t relay; /* what listens there in the provider's stead */
	char enter[60]; /* nsenter's --net=FILE */
};

#define SITES_ADDRESS "10.77.0.%d" /* of server N: N + 1 */

/* Before anything listens or connects; false, with the reason printed: it takes root, ip(8) and nsenter(1). */
bool sites_enter(int servers);
/* `number` from 0; there 127.0.0.1:`provider` leads to the same port here. Fails the test when it cannot be. */
void site_make(struct site *site, int number, int provider);
void site_end(struct site *site);
/* Nothing passes between the site and the server any more, in either direction and without a word to either; or again. */
void site_cut(const struct site *site, int server, bool cut);

#endif
