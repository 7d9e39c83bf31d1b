/*
 * What a browser or a mail program brings to prove who it is, each up to a NUL: a session, a form's pass, an unsubscribe link, then a POST's
 * body; and an address that an event names. Nobody without the key is believed, and no address leads to a host that is not listed.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/fetch_url.h"
#include "common/session.h"
#include "common/unsubscribe.h"

static const char *next_text(struct arena *arena, const uint8_t **data, size_t *size)
{
	size_t len = strnlen((const char *)*data, *size);
	const char *text = arena_memdup(arena, *data, len);

	*data += len + (len < *size);
	*size -= len + (len < *size);
	return text;
}

static void addresses(const char *url, const char *location, struct arena *arena)
{
	static const char *const hosts[] = { "docs.example", "*.cdn.example:8443", "localhost", NULL };
	const char *next;
	bool local = false;

	if (fetch_url_check(hosts, url, &local, NULL) < 0)
		return;
	assert((strncmp(url, "https://", 8) == 0 || (local && strncmp(url, "http://", 7) == 0)) && !strpbrk(url, " \r\n"));
	assert(strcspn(url + 8, "/?#") <= strcspn(url + 8, "@"));
	next = fetch_url_follow(url, location, arena);
	assert(!next || strlen(next) <= strlen(url) + strlen(location) + 10);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t key[32] = { 1, 2, 3 };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	char id[PASS_ID_SIZE], attempt[ATTEMPT_ID_SIZE];
	const char *url, *location;
	uint32_t who;

	assert(!session_read(key, next_text(arena, &data, &size), 1000, &who));
	assert(!pass_read(key, "ann", "hold", "inv_1", 1000, next_text(arena, &data, &size), id));
	assert(!unsubscribe_check(key, next_text(arena, &data, &size), attempt));
	url = next_text(arena, &data, &size);
	location = next_text(arena, &data, &size);
	addresses(url, location, arena);
	(void)unsubscribe_asked(arena_memdup(arena, data, size), size);
	return 0;
}
