/*
 * counting_peer - a provider that keeps what it accepted, by dispatch id, and has one of the means to settle a doubt, or none. It accepts
 * what it has read in full, whatever becomes of the answer; of every so many it accepts it answers one with 500 all the same.
 */
#ifndef DUNNINGD_TESTS_SUPPORT_COUNTING_PEER_H
#define DUNNINGD_TESTS_SUPPORT_COUNTING_PEER_H

#include <stdbool.h>

#include "common/cleanup.h"

enum doubt_means {
	MEANS_HEADER, /* a key in a header: the same answer again */
	MEANS_DUPLICATE, /* a key in the body: an error that says so */
	MEANS_LOOKUP, /* its list can be asked */
	MEANS_WEBHOOK, /* it tells by itself, echoing our id */
	MEANS_NONE,
	MEANS_COUNT
};
extern const char *const doubt_means_names[MEANS_COUNT + 1]; /* "header", "duplicate", ...; NULL-terminated */

#define COUNTING_KEY "what the counting provider signs with" /* of its webhook, the secret "key" */

struct counting_peer;

/* Each answer takes delay_us; the fail_every-th acceptance is answered with 500 (0 = none). */
struct counting_peer *counting_peer_create(enum doubt_means means, unsigned delay_us, unsigned fail_every);
void counting_peer_destroy(struct counting_peer *peer); /* NULL is allowed */
DEFINE_CLEANUP(struct counting_peer, counting_peer_destroy)

const char *counting_peer_file(enum doubt_means means); /* its provider file: settings base_url, and key for MEANS_WEBHOOK */
unsigned counting_peer_port(const struct counting_peer *peer);
/* From now on each acceptance is posted to this port, over and over until it is taken. */
void counting_peer_tell(struct counting_peer *peer, int port, const char *path);
void counting_peer_calm(struct counting_peer *peer); /* no more failures */
bool counting_peer_told(struct counting_peer *peer); /* all of them are taken */

bool counting_peer_accepted(struct counting_peer *peer, const char *attempt);
struct counting_totals {
	int messages; /* accepted */
	int repeated; /* recognised as such, by their key */
	int asked; /* look-ups */
	int malformed;
};
/* Also how often each invoice inv_0 .. inv_<count-1> was accepted. */
struct counting_totals counting_peer_totals(struct counting_peer *peer, int *by_invoice, int count);

#endif
