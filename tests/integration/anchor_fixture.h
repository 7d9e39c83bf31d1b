/*
 * anchor_fixture - a signed log on the disk, those who may vouch for it on loopback (an authority, a witness, a store), and the anchors that ask
 * them. For the tests of anchor.
 */
#ifndef DUNNINGD_TESTS_INTEGRATION_ANCHOR_FIXTURE_H
#define DUNNINGD_TESTS_INTEGRATION_ANCHOR_FIXTURE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "daemon/anchor.h"
#include "tests/support/authority.h"
#include "tests/support/http_peer.h"
#include "tests/support/log_maker.h"
#include "tests/support/process.h"
#include "tests/support/s3_peer.h"
#include "tests/support/tree.h"
#include "tests/support/witness_peer.h"

#define WAIT_MS 30000
#define HELPER static inline __attribute__((unused))

struct fixture {
	char dir[64];
	struct arena *arena;
	struct event_base *base;
	struct authority *authority, *stranger;
	struct witness_peer *witness;
	struct s3_peer *s3;
	struct http_peer *tsa_http, *witness_http, *s3_http;
	struct config *config;
	struct anchors *anchors;
	struct anchors_status status;
	size_t records, erasures;
	struct anchor_erased_record erased; /* the last one */
	struct anchor_token_record last; /* in the arena */
	struct buf notes;
};

HELPER const char *path_of(struct fixture *f, const char *name)
{
	return arena_printf(f->arena, "%s/%s", f->dir, name);
}

HELPER void on_record(const struct anchor_token_record *record, void *arg)
{
	struct fixture *f = arg;

	f->records++;
	f->last = *record;
	f->last.origin = arena_strdup(f->arena, record->origin);
	f->last.serial = arena_strdup(f->arena, record->serial);
	f->last.authority = arena_strdup(f->arena, record->authority);
	f->last.bytes.data = arena_memdup(f->arena, record->bytes.len ? (const void *)record->bytes.data : "", record->bytes.len);
}

HELPER void on_erased(const struct anchor_erased_record *record, void *arg)
{
	struct fixture *f = arg;

	f->erasures++;
	f->erased = *record;
}

HELPER void on_line(int priority, const char *line, void *arg)
{
	struct fixture *f = arg;

	buf_printf(&f->notes, "<%d>%s\n", priority & LOG_PRIMASK, line);
}

HELPER const char *credential(const char *name, void *arg)
{
	(void)arg;
	return strcmp(name, "s3-id") == 0 ? "AKIDEXAMPLE" : strcmp(name, "s3-secret") == 0 ? "secret/key" : NULL;
}

/* An anchor's row for the configuration. */
HELPER const char *stamp_row(struct fixture *f, const char *more)
{
	return arena_printf(f->arena, "\"tsa-1\":{\"kind\":\"timestamp\",\"url\":\"http://127.0.0.1:%u/tsr\",\"roots\":\"%s\"%s}",
		http_peer_port(f->tsa_http), path_of(f, "root.pem"), more);
}

HELPER const char *witness_row(struct fixture *f)
{
	CLEANUP(buf_clear) struct buf key = { 0 };

	witness_peer_key(f->witness, &key);
	return arena_printf(f->arena, "\"witness-1\":{\"kind\":\"witness\",\"url\":\"http://127.0.0.1:%u/w\",\"verifier_key\":\"%s\"}",
		http_peer_port(f->witness_http), buf_str(&key));
}

HELPER const char *store_row(struct fixture *f)
{
	return arena_printf(f->arena,
		"\"copies\":{\"kind\":\"s3\",\"url\":\"http://127.0.0.1:%u\",\"bucket\":\"copies\",\"region\":\"eu-west-3\",\"id\":\"s3-id\","
		"\"secret\":\"s3-secret\",\"timeout\":\"5s\"}", /* a slow machine cuts an endless answer off by its length, too, not by the time */
		http_peer_port(f->s3_http));
}

HELPER struct fixture *fixture_create(const struct s3_peer_settings *more)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct s3_peer_settings s3 = *more;
	struct note_key log;
	const char *root;

	s3.region = "eu-west-3";
	s3.id = "AKIDEXAMPLE";
	s3.secret = "secret/key";
	s3.bucket = "copies";
	s3.keys_bucket = "keys";
	f->arena = arena_create();
	snprintf(f->dir, sizeof(f->dir), "/tmp/anchor-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->base = event_base_new();
	f->authority = authority_create(AUTHORITY_SOUND);
	f->stranger = authority_create(AUTHORITY_SOUND);
	log_maker_key(&log);
	f->witness = witness_peer_create(&log);
	f->s3 = s3_peer_create(&s3);
	f->tsa_http = http_peer_create(NULL);
	f->witness_http = http_peer_create(NULL);
	f->s3_http = http_peer_create(NULL);
	http_peer_handler(f->tsa_http, authority_http, f->authority);
	http_peer_handler(f->witness_http, witness_peer_answer, f->witness);
	http_peer_handler(f->s3_http, s3_peer_answer, f->s3);
	root = authority_root(f->authority, f->arena);
	assert_int_equal(file_replace(path_of(f, "root.pem"), root, strlen(root), 0600), 0);
	return f;
}

/* The anchors of these rows, as after a start of the daemon. */
HELPER void begin(struct fixture *f, const char *rows)
{
	const char *json = arena_printf(f->arena,
		"{\"origin\":\"test.example.com/acme\",\"creditor\":{\"name\":\"Acme\",\"locale\":\"fr-FR\",\"zone\":\"Europe/Paris\"},"
		"\"senders\":{\"default\":{\"name\":\"Acme\",\"email\":\"mail@acme.example\"}},\"trail\":{\"anchors\":{%s}}}",
		rows);
	struct anchor_run run = { .state_dir = f->dir, .origin = "test.example.com/acme", .keys_origin = "test.example.com/acme", .lock_months = 24,
		.secret = credential, .record = on_record, .erased = on_erased, .note = on_line, .arg = f };
	struct err err = { 0 };

	if (config_parse(json, strlen(json), &f->config, &err) < 0)
		fail_msg("%s %s", err.path, err.text);
	run.config = f->config;
	if (anchors_create(f->base, &run, &f->anchors, &err) < 0)
		fail_msg("%s %s", err.path, err.text);
}

HELPER void finish(struct fixture *f)
{
	anchors_destroy(f->anchors);
	config_free(f->config);
	f->anchors = NULL;
	f->config = NULL;
}

HELPER void fixture_destroy(struct fixture *f)
{
	finish(f);
	http_peer_destroy(f->tsa_http);
	http_peer_destroy(f->witness_http);
	http_peer_destroy(f->s3_http);
	authority_destroy(f->authority);
	authority_destroy(f->stranger);
	witness_peer_destroy(f->witness);
	s3_peer_destroy(f->s3);
	event_base_free(f->base);
	tree_remove(f->dir);
	buf_clear(&f->notes);
	arena_free(f->arena);
	free(f);
}

HELPER const struct anchor_status *look_at(struct fixture *f, const char *name)
{
	(void)event_base_loop(f->base, EVLOOP_NONBLOCK);
	anchors_status(f->anchors, &f->status);
	for (size_t i = 0; i < f->status.count; i++)
		if (strcmp(f->status.anchors[i].name, name) == 0)
			return &f->status.anchors[i];
	fail_msg("no anchor %s", name);
	return NULL;
}

/* Until it vouches for so many leaves, and is at rest; or until it has failed with that word. */
/* Until it is so, at most for WAIT_MS. */
#define UNTIL(f, condition)                                                                                                      \
	for (int64_t until_ = real_ms() + WAIT_MS; !(condition); pause_ms(10))                                                   \
		if (real_ms() > until_)                                                                                          \
			fail_msg("not within the time: %s\n%s", #condition, buf_str(&(f)->notes))

HELPER void wait_for(struct fixture *f, const char *name, uint64_t size, const char *word)
{
	int64_t until = real_ms() + WAIT_MS;
	const struct anchor_status *s;

	while (s = look_at(f, name), s->busy || (word ? strcmp(s->word, word) != 0 : s->size != size)) {
		if (real_ms() > until)
			fail_msg("%s: %llu leaves, failed \"%s\"\n%s", name, (unsigned long long)s->size, s->word, buf_str(&f->notes));
		pause_ms(10);
	}
	(void)event_base_loop(f->base, EVLOOP_NONBLOCK);
}

HELPER bool there_is(struct fixture *f, const char *name)
{
	return access(path_of(f, name), R_OK) == 0;
}

#endif
