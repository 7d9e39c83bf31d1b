/*
 * sdks - the providers' own libraries (Node: twilio, @sendgrid/eventwebhook, svix, resend) against the sandbox and the daemon, both ways.
 *
 *	sdks --modules NODE_MODULES [--keep]
 *
 * sdks.js does the signing and the verifying; what it told the daemon must stand in the state.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/sandbox_world.h"

#define RUN_MS 120000

static const char *const names[] = { "twilio", "sendgrid", "resend" };

int main(int argc, char **argv)
{
	static const struct option options[] = { { "modules", required_argument, NULL, 'm' }, { "keep", no_argument, NULL, 'k' }, { 0 } };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf output = { 0 };
	const char *modules = NULL, *attempts[ARRAY_LEN(names)], *script;
	struct sandbox_world t = { 0 };
	bool keep = false;
	int c, r;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'm')
			modules = optarg;
		else if (c == 'k')
			keep = true;
		else
			return 2;
	}
	if (!modules) {
		fprintf(stderr, "usage: sdks --modules NODE_MODULES [--keep]\n");
		return 2;
	}
	sandbox_world_open(&t, NULL);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		sandbox_world_push(&t, names[i], names[i], arena_printf(arena, "one@%s.example", names[i]), "+33612345678");
		attempts[i] = sandbox_world_sent(&t, arena, names[i], 1);
		sandbox_world_says(&t, "escalation", names[i], "\"end\":\"sent\"");
	}
	script = arena_printf(arena, "%s/tests/outside/sdks.js", SOURCE_DIR);
	r = process_run((const char *const[]){ "node", script, arena_printf(arena, "%d", t.world.port), arena_printf(arena, "%d", t.hooks),
				SANDBOX_WORLD_PUBLIC, arena_printf(arena, "%s/credentials/sandbox-p256.pem", t.world.dir), modules, attempts[0],
				attempts[1], attempts[2], NULL },
		&output, RUN_MS);
	fputs(buf_str(&output), stdout);
	if (r != 0)
		world_fail("node ends with %d", r);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) /* DELIVERY_DELIVERED */
		sandbox_world_says(&t, "debtor", names[i], arena_printf(arena, "\"%s\",\"one@%s.example\",4", attempts[i], names[i]));
	if (!world_trail_verifies(&t.world))
		world_fail("the trail does not verify");
	printf("what they told stands in the state\n");
	world_close(&t.world, keep);
	return 0;
}
