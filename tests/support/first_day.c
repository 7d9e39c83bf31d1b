#include "tests/support/first_day.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define SHARE SOURCE_DIR "/daemon/share"

const char *first_day_config(struct arena *arena, const char *locale, const char *zone, const char *policy)
{
	return arena_printf(arena,
		"{\"origin\": \"test.example/acme\", \"state_dir\": \"/nonexistent\","
		"\"creditor\": {\"name\": \"Acme\", \"locale\": \"%s\", \"zone\": \"%s\"},"
		"\"senders\": {\"default\": {\"name\": \"Acme, accounts\", \"email\": \"accounts@acme.example\", \"phone\": \"+33100000009\"}},"
		"\"providers\": {\"box\": {\"file\": \"sandbox.json\", \"settings\": {\"base_url\": \"http://127.0.0.1:8025\"}}},"
		"\"channels\": {\"email\": \"box\", \"sms\": \"box\"}, \"policies\": {\"default\": \"%s\"}}", locale, zone, policy);
}

void first_day_open(struct first_day *s, const char *locale, const char *zone, const char *policy)
{
	struct err err = { 0 };
	const char *text;

	*s = (struct first_day){ .arena = arena_create() };
	text = first_day_config(s->arena, locale, zone, policy);
	if (config_parse(text, strlen(text), &s->config, &err) < 0 || library_load(s->config, SHARE, &s->library, &err) < 0)
		fail_msg("%s: %s %s", policy, err.path, err.text);
}

void first_day_close(struct first_day *s)
{
	library_free(s->library);
	config_free(s->config);
	arena_free(s->arena);
}
