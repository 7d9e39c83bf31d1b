/*
 * sandbox_world - the world with webhooks: the sandbox as provider, and beside it the shipped files of Twilio, SendGrid and Resend with its
 * keys, so that what it tells in their schemes is understood. Running, with one mail at once for each invoice, or else an SMS.
 */
#ifndef DUNNINGD_TESTS_SUPPORT_SANDBOX_WORLD_H
#define DUNNINGD_TESTS_SUPPORT_SANDBOX_WORLD_H

#include "tests/support/http_get.h"
#include "tests/support/world.h"

#define SANDBOX_WORLD_PUBLIC "https://dunning.example"

struct sandbox_world {
	struct world world;
	int hooks; /* the port of the daemon's webhooks */
};

/* Each fails the test when what it does or waits for does not come. world_close() ends it. */
void sandbox_world_open(struct sandbox_world *t, const char *clock); /* of --clock; NULL = the computer's */
void sandbox_world_aim(struct sandbox_world *t, const char *public_url, int retry_ms); /* where the sandbox's webhooks go: POST /hooks */
long sandbox_world_post(struct sandbox_world *t, const char *path, const char *body, struct http_reply *reply); /* to the sandbox */
/* The customer's first contact has `mail` and `phone`, the second two@ID.example. */
void sandbox_world_push(struct sandbox_world *t, const char *id, const char *customer, const char *mail, const char *phone);
/* Waits until so many messages about the invoice were captured: the attempt of the last, in the arena. */
const char *sandbox_world_sent(struct sandbox_world *t, struct arena *arena, const char *invoice, size_t count);
/* Until the text stands in the document "kind:id" of Redis. */
void sandbox_world_says(struct sandbox_world *t, const char *kind, const char *id, const char *text);

#endif
