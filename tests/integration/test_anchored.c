/*
 * The whole daemon with those who vouch for its trail: whatever they do, its messages go out as ever; what they say is recorded and shown;
 * and a configuration that cannot work refuses the start.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "common/hash.h"
#include "common/json.h"
#include "daemon/log_key.h"
#include "tests/support/authority.h"
#include "tests/support/http_peer.h"
#include "tests/support/s3_peer.h"
#include "tests/support/witness_peer.h"
#include "tests/support/world.h"

#define WAIT_MS 60000
#define INVOICES 200

struct fixture {
	struct world world;
	struct arena *arena;
	struct authority *authority;
	struct witness_peer *witness;
	struct s3_peer *s3;
	struct http_peer *tsa_http, *witness_http, *s3_http;
	uint16_t year;
};

static const char *in_world(struct fixture *f, const char *name)
{
	return arena_printf(f->arena, "%s/%s", f->world.dir, name);
}

static void put(struct fixture *f, const char *name, const char *text)
{
	assert_int_equal(file_replace(in_world(f, name), text, strlen(text), 0600), 0);
}

/* The world's configuration with these anchors. */
static void configure(struct fixture *f, const char *anchors)
{
	CLEANUP(buf_clear) struct buf text = { 0 }, changed = { 0 };
	const char *at;

	assert_int_equal(file_read(f->world.config, 1 << 20, &text, NULL), 0);
	at = strstr(buf_str(&text), "\"trail\":{");
	assert_non_null(at);
	at += strlen("\"trail\":{");
	buf_add(&changed, text.data, (size_t)(at - text.data));
	buf_printf(&changed, "\"anchors\":{%s},%s", anchors, at);
	assert_int_equal(file_replace(f->world.config, changed.data, changed.len, 0600), 0);
}

static const char *all_anchors(struct fixture *f)
{
	CLEANUP(buf_clear) struct buf key = { 0 };

	witness_peer_key(f->witness, &key);
	return arena_printf(f->arena,
		"\"tsa-1\":{\"kind\":\"timestamp\",\"url\":\"http://127.0.0.1:%u/tsr\",\"roots\":\"%s\",\"timeout\":\"3s\"},"
		"\"witness-1\":{\"kind\":\"witness\",\"url\":\"http://127.0.0.1:%u\",\"verifier_key\":\"%s\",\"timeout\":\"3s\"},"
		"\"copies\":{\"kind\":\"s3\",\"url\":\"http://127.0.0.1:%u\",\"bucket\":\"copies\",\"region\":\"eu-west-3\",\"id\":\"s3-id\","
		"\"secret\":\"s3-secret\",\"timeout\":\"3s\"}",
		http_peer_port(f->tsa_http), in_world(f, "root.pem"), http_peer_port(f->witness_http), buf_str(&key), http_peer_port(f->s3_http));
}

static uint16_t this_year(void)
{
	time_t now = time(NULL);
	struct tm tm;

	return (uint16_t)(gmtime_r(&now, &tm)->tm_year + 1900); /* a test over New Year's Eve may fail */
}

static int setup(void **state)
{
	static const struct s3_peer_settings s3 = { .region = "eu-west-3", .id = "AKIDEXAMPLE", .secret = "secret/key", .bucket = "copies" };
	struct fixture *f = calloc(1, sizeof(*f));
	struct log_key key;
	struct note_key log;
	struct err err = { 0 };

	f->arena = arena_create();
	world_open(&f->world, &(struct world_options){ 0 });
	world_measure(&f->world);
	f->authority = authority_create(AUTHORITY_SOUND);
	f->year = this_year();
	if (log_key_read(in_world(f, "credentials"), "test.example/world", NULL, &key, &err) < 0)
		fail_msg("%s", err.text);
	log_key_of_year(&key.verifier, f->year, &log);
	f->witness = witness_peer_create(&log);
	f->s3 = s3_peer_create(&s3);
	f->tsa_http = http_peer_create(NULL);
	f->witness_http = http_peer_create(NULL);
	f->s3_http = http_peer_create(NULL);
	http_peer_handler(f->tsa_http, authority_http, f->authority);
	http_peer_handler(f->witness_http, witness_peer_answer, f->witness);
	http_peer_handler(f->s3_http, s3_peer_answer, f->s3);
	put(f, "root.pem", authority_root(f->authority, f->arena));
	put(f, "credentials/s3-id", "AKIDEXAMPLE");
	put(f, "credentials/s3-secret", "secret/key");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	world_close(&f->world, false);
	http_peer_destroy(f->tsa_http);
	http_peer_destroy(f->witness_http);
	http_peer_destroy(f->s3_http);
	authority_destroy(f->authority);
	witness_peer_destroy(f->witness);
	s3_peer_destroy(f->s3);
	arena_free(f->arena);
	free(f);
	return 0;
}

static int64_t anchors_say(struct fixture *f, const char *key)
{
	struct json status = world_status(&f->world, f->arena), anchors = json_get(&status, "anchors"), value = json_get(&anchors, key);

	return value.type == JSON_BOOL ? json_bool(&value) : json_int(&value);
}

static void until_they_say(struct fixture *f, const char *key, int64_t wanted)
{
	int64_t deadline = real_ms() + WAIT_MS;

	while (anchors_say(f, key) != wanted) {
		if (real_ms() > deadline)
			fail_msg("%s is %lld, not %lld", key, (long long)anchors_say(f, key), (long long)wanted);
		pause_ms(20);
	}
}

static const char *ctl(struct fixture *f, const char *const *words)
{
	CLEANUP(buf_clear) struct buf output = { 0 };

	if (world_ctl(&f->world, words, &output) != 0)
		fail_msg("%s %s: %s", words[0], words[1] ? words[1] : "", buf_str(&output));
	return arena_strdup(f->arena, buf_str(&output));
}

static const char *ctl_fails(struct fixture *f, const char *const *words)
{
	CLEANUP(buf_clear) struct buf output = { 0 };

	assert_int_equal(world_ctl(&f->world, words, &output), 1);
	return arena_strdup(f->arena, buf_str(&output));
}

static size_t count_of(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}

/* How long the messages take with that behind the anchors; ms. */
static int64_t send_all(struct fixture *f, int from)
{
	int64_t begun = real_ms();
	struct world_sent sent;

	world_push_range(&f->world, WORLD_FINALIZED, from, INVOICES, 1);
	assert_true(world_quiet(&f->world, WAIT_MS));
	sent = world_sent(&f->world, f->arena, from + INVOICES);
	assert_int_equal(sent.messages, from + INVOICES);
	return real_ms() - begun;
}

/* Until each of them vouches for so many leaves at least; asked again and again, as one may just have had its timeout ahead of it. */
static void until_all_vouch_for(struct fixture *f, int64_t size)
{
	static const char *const keys[] = { "anchored", "witnessed", "copied" };
	const char *anchor[] = { "trail", "anchor", "for the court", NULL };
	int64_t deadline = real_ms() + WAIT_MS;

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		while (anchors_say(f, keys[i]) < size) {
			if (real_ms() > deadline)
				fail_msg("%s is %lld, not %lld", keys[i], (long long)anchors_say(f, keys[i]), (long long)size);
			(void)ctl(f, anchor);
			pause_ms(200);
		}
}

/* Of the signed log, once the anchors have seen what was sent. */
static int64_t signed_size(struct fixture *f)
{
	int64_t deadline = real_ms() + WAIT_MS;

	while (anchors_say(f, "size") < INVOICES) {
		assert_true(real_ms() < deadline);
		pause_ms(20);
	}
	return anchors_say(f, "size");
}

/* --- tests ------------------------------------------------------------------------------------------------- */

static void nobody_who_hangs_delays_a_message(void **state)
{
	static const struct peer_step hang = { PEER_HANG, NULL }, real = { PEER_ANSWER, NULL };
	const char *status[] = { "status", NULL }, *log[] = { "trail", "log", "--customer", "~system", "--json", NULL };
	struct fixture *f = *state;
	struct world *w = &f->world;
	const char *text;
	int64_t alone, beside, size;

	world_start(w, NULL);
	assert_true(world_ready(w, WAIT_MS));
	alone = send_all(f, 0);
	text = ctl(f, status);
	assert_true(strstr(text, "not anchored") && strstr(text, "not witnessed") && strstr(text, "not copied"));
	(void)process_stop(&w->daemon, WAIT_MS);
	http_peer_script(f->tsa_http, &hang, 1);
	http_peer_script(f->witness_http, &hang, 1);
	http_peer_script(f->s3_http, &hang, 1);
	configure(f, all_anchors(f));
	world_start(w, NULL);
	assert_true(world_ready(w, WAIT_MS));
	for (int64_t until = real_ms() + WAIT_MS;
		!http_peer_requests(f->tsa_http) || !http_peer_requests(f->witness_http) || !http_peer_requests(f->s3_http); pause_ms(10))
		assert_true(real_ms() < until);
	beside = send_all(f, INVOICES);
	if (beside > 2 * alone + 2000) /* a request that hangs takes 3 s and more */
		fail_msg("%lld ms instead of %lld", (long long)beside, (long long)alone);
	assert_int_equal(anchors_say(f, "anchored"), 0);
	world_fires_above(w, "DunningdUnanchored", "dunningd_trail_unanchored_seconds{anchor=\"tsa-1\",kind=\"timestamp\"}", 0);
	world_fires_above(w, "DunningdAnchorFails", "dunningd_trail_anchor_failures{anchor=\"tsa-1\",kind=\"timestamp\"}", 0);
	http_peer_script(f->tsa_http, &real, 1);
	http_peer_script(f->witness_http, &real, 1);
	http_peer_script(f->s3_http, &real, 1);
	size = signed_size(f);
	until_all_vouch_for(f, size);
	assert_int_equal(anchors_say(f, "alarm"), 0);
	text = ctl(f, status);
	assert_non_null(strstr(text, "leaves"));
	assert_null(strstr(text, "not anchored"));
	for (int64_t deadline = real_ms() + WAIT_MS; real_ms() < deadline && count_of(ctl(f, log), "\"kind\":\"anchor.token\"") < 3;)
		pause_ms(50);
	text = ctl(f, log);
	assert_true(count_of(text, arena_printf(f->arena, "\"anchor\":\"timestamp\",\"name\":\"tsa-1\",\"log\":\"test.example/world/%u\"", f->year)));
	assert_true(count_of(text, "\"name\":\"token.tsr\",\"media_type\":\"application/timestamp-reply\""));
	assert_true(count_of(text, "\"anchor\":\"witness\"") && count_of(text, "\"anchor\":\"s3\""));
	assert_true(world_trail_verifies(w));
	assert_int_equal(WEXITSTATUS(process_stop(&w->daemon, WAIT_MS)), 0);
}

/* Until the last record of an anchor is in the signed log. */
static int64_t still_size(struct fixture *f)
{
	int64_t size = signed_size(f), until = real_ms() + 2500;

	for (; real_ms() < until; pause_ms(50))
		if (anchors_say(f, "size") != size)
			size = anchors_say(f, "size"), until = real_ms() + 2500;
	return size;
}

/* The records of the anchors make the log grow, and nothing waits for an anchor for their sake. */
static void an_idle_log_stamps_no_stamps(void **state)
{
	struct fixture *f = *state;
	struct world *w = &f->world;
	const char *anchor[] = { "trail", "anchor", "--wait", "60s", NULL };
	struct json status, anchors, each;
	int64_t size;

	configure(f, all_anchors(f));
	world_start(w, NULL);
	assert_true(world_ready(w, WAIT_MS));
	(void)send_all(f, 0);
	size = still_size(f);
	assert_non_null(strstr(ctl(f, anchor), "witness-1"));
	assert_int_equal(anchors_say(f, "anchored"), size);
	assert_int_equal(anchors_say(f, "witnessed"), size);
	assert_int_equal(anchors_say(f, "copied"), size);
	assert_int_equal(still_size(f), size + 3);
	status = world_status(w, f->arena);
	anchors = json_get(&status, "anchors");
	each = json_get(&anchors, "each");
	assert_int_equal(json_len(&each), 3);
	for (size_t i = 0; i < json_len(&each); i++) {
		struct json one = json_at(&each, i), age = json_get(&one, "age_ms"), name = json_get(&one, "name");

		if (json_int(&age) != 0)
			fail_msg("a leaf waits for %s", json_str(&name));
	}
}

/* --- what is kept ------------------------------------------------------------------------------------------- */

/* A file that ends so in one of the folders of that folder; the first one. */
static const char *file_below(struct fixture *f, const char *year, const char *suffix)
{
	char **sizes, **names;
	size_t size_count, count;

	assert_int_equal(file_list(f->arena, year, "", &sizes, &size_count), 0);
	for (size_t i = 0; i < size_count; i++) {
		const char *dir = arena_printf(f->arena, "%s/%s", year, sizes[i]);

		if (strcmp(sizes[i], "state.json") != 0 && file_list(f->arena, dir, suffix, &names, &count) == 0 && count)
			return arena_printf(f->arena, "%s/%s", dir, names[0]);
	}
	fail_msg("no %s is kept", suffix);
	return NULL;
}

static const char *kept_file(struct fixture *f, const char *suffix)
{
	return file_below(f, arena_printf(f->arena, "%s/anchors/%u", f->world.state, f->year), suffix);
}

/* dunningctl trail verify finds that, and nothing when the file is as it was. */
static void assert_found(struct fixture *f, const char *path, int64_t offset, const char *code)
{
	const char *verify[] = { "trail", "verify", NULL }, *status[] = { "trail", "status", NULL };
	CLEANUP(buf_clear) struct buf bytes = { 0 }, output = { 0 };
	size_t at;

	assert_int_equal(file_read(path, 1 << 20, &bytes, NULL), 0);
	at = offset < 0 ? bytes.len - (size_t)-offset : (size_t)offset;
	bytes.data[at] ^= 1;
	assert_int_equal(file_replace(path, bytes.data, bytes.len, 0600), 0);
	assert_int_equal(world_ctl(&f->world, verify, &output), 1);
	if (!strstr(buf_str(&output), code) || !strstr(buf_str(&output), "IS NOT WHOLE"))
		fail_msg("%s: not %s\n%s", path, code, buf_str(&output));
	assert_int_equal(world_ctl(&f->world, status, NULL), 1);
	bytes.data[at] ^= 1;
	assert_int_equal(file_replace(path, bytes.data, bytes.len, 0600), 0);
}

static void what_is_kept_is_verified_anew(void **state)
{
	const char *verify[] = { "trail", "verify", NULL }, *status[] = { "trail", "status", NULL };
	struct fixture *f = *state;
	struct world *w = &f->world;
	struct authority *stranger;
	const char *text, *plain = in_world(f, "plain.json");
	int64_t size;

	assert_int_equal(process_run((const char *const[]){ "cp", w->config, plain, NULL }, NULL, WAIT_MS), 0);
	configure(f, all_anchors(f));
	world_start(w, NULL);
	assert_true(world_ready(w, WAIT_MS));
	(void)send_all(f, 0);
	size = signed_size(f);
	until_all_vouch_for(f, size);
	(void)process_stop(&w->daemon, WAIT_MS);
	for (int i = 0; i < 2; i++) {
		text = ctl(f, i ? status : verify);
		if (!strstr(text, ", by tsa-1") || !strstr(text, ", by witness-1"))
			fail_msg("%s", text);
		assert_true(!strstr(text, "not anchored") && !strstr(text, "not witnessed"));
	}
	assert_found(f, kept_file(f, ".tsr"), -1, "stamp_wrong");
	assert_found(f, kept_file(f, ".tsq"), -1, "stamp_query");
	assert_found(f, kept_file(f, ".tsq"), 30, "stamp_other");
	assert_found(f, kept_file(f, ".cosigned"), -8, "cosigned_");
	assert_found(f, kept_file(f, ".cosigned"), 3, "cosigned_other");
	assert_found(f, kept_file(f, "checkpoint"), -8, "anchored_"); /* _signature, or no note at all: what was base64 may be none any more */
	assert_found(f, arena_printf(f->arena, "%s/log/%u/tile/1/000.p/%d", w->state, f->year, (int)(size / 256)), 5, "anchored_root");
	/* without the configuration they hold by what is kept beside them, and that is said */
	text = ctl(f, (const char *const[]){ "trail", "verify", w->state, "--config", plain, NULL });
	if (!strstr(text, ", by witness-1") || !strstr(text, "by keys kept beside them") || !strstr(text, "certificates kept beside them"))
		fail_msg("%s", text);
	stranger = authority_create(AUTHORITY_SOUND);
	put(f, "root.pem", authority_root(stranger, f->arena));
	authority_destroy(stranger);
	text = ctl_fails(f, verify);
	assert_non_null(strstr(text, "the authority's certificate is not believed"));
	assert_non_null(strstr(text, "not anchored"));
}

/* --- a bundle of it ------------------------------------------------------------------------------------------ */

/* The state of that check, as dunningctl trail verify BUNDLE says it. */
static const char *checked(struct fixture *f, int expected, const char *const *words, const char *name)
{
	CLEANUP(buf_clear) struct buf output = { 0 };
	struct json root, checks;

	if (world_ctl(&f->world, words, &output) != expected)
		fail_msg("%s", buf_str(&output));
	assert_int_equal(json_parse(f->arena, buf_str(&output), output.len, JSON_FRACTIONS, &root, NULL), 0);
	checks = json_get(&root, "checks");
	for (size_t i = 0; i < json_len(&checks); i++) {
		struct json one = json_at(&checks, i), check = json_get(&one, "check"), state = json_get(&one, "state");

		if (strcmp(json_str(&check), name) == 0)
			return json_str(&state);
	}
	return "";
}

/* The file in the bundle with one bit changed, and a manifest over it without a signature, as anybody could make one. */
static void forge(struct fixture *f, const char *bundle, const char *path)
{
	CLEANUP(buf_clear) struct buf bytes = { 0 }, manifest = { 0 };
	const char *list = arena_printf(f->arena, "%s/manifest", bundle);
	uint8_t digest[32];
	char hex[65], *line, *end;

	assert_int_equal(file_read(arena_printf(f->arena, "%s/%s", bundle, path), 1 << 20, &bytes, NULL), 0);
	bytes.data[bytes.len - 20] ^= 1;
	assert_int_equal(file_replace(arena_printf(f->arena, "%s/%s", bundle, path), bytes.data, bytes.len, 0600), 0);
	sha256(bytes.data, bytes.len, digest);
	assert_int_equal(file_read(list, 1 << 22, &manifest, NULL), 0);
	line = strstr(manifest.data, arena_printf(f->arena, "  %s\n", path));
	memcpy(line - 64, hex_format(digest, 32, hex), 64);
	end = strstr(manifest.data, "\n\n");
	assert_int_equal(file_replace(list, manifest.data, end ? (size_t)(end + 1 - manifest.data) : manifest.len, 0600), 0);
}

/* Without anything of ours. */
static int verify_sh(const char *bundle, const char *said)
{
	const char *argv[] = { "sh", SOURCE_DIR "/tools/evidence/verify.sh", bundle, NULL };
	CLEANUP(buf_clear) struct buf output = { 0 };
	int r = process_run(argv, &output, WAIT_MS);

	if (!strstr(buf_str(&output), said))
		fail_msg("\"%s\" is not said: %s", said, buf_str(&output));
	return r;
}

/* What an authority and a witness really gave the daemon goes into the bundle, and is checked there without anything of ours. */
static void a_bundle_carries_and_checks_them(void **state)
{
	struct fixture *f = *state;
	struct world *w = &f->world;
	CLEANUP(buf_clear) struct buf key = { 0 };
	const char *bundle = in_world(f, "bundle"), *make[] = { "evidence", "inv_0", "-o", bundle, NULL };
	const char *verify[] = { "--json", "trail", "verify", bundle, NULL, NULL, NULL };
	const char *anchored, *stamp, *cosigned;

	configure(f, all_anchors(f));
	world_start(w, NULL);
	assert_true(world_ready(w, WAIT_MS));
	(void)send_all(f, 0);
	until_all_vouch_for(f, signed_size(f));
	(void)process_stop(&w->daemon, WAIT_MS);
	(void)ctl(f, make);
	assert_string_equal(checked(f, 0, verify, "stamp"), "good");
	assert_string_equal(checked(f, 0, verify, "anchored"), "good");
	assert_string_equal(checked(f, 0, verify, "witness"), "good");
	assert_string_equal(checked(f, 0, verify, "witnessed"), "good");
	assert_string_equal(checked(f, 0, verify, "root"), "NOT CHECKED");
	assert_string_equal(checked(f, 0, verify, "witness_key"), "NOT CHECKED");
	witness_peer_key(f->witness, &key);
	verify[4] = "--witness";
	verify[5] = buf_str(&key);
	assert_string_equal(checked(f, 0, verify, "witness_key"), "good");
	verify[4] = NULL;
	assert_int_equal(verify_sh(bundle, "signatures of witnesses"), 0);
	assert_int_equal(verify_sh(bundle, buf_str(&key)), 0);
	anchored = arena_printf(f->arena, "%s/log/%u/anchored", bundle, f->year);
	stamp = file_below(f, anchored, ".tsr") + strlen(bundle) + 1;
	cosigned = file_below(f, anchored, ".cosigned") + strlen(bundle) + 1;
	forge(f, bundle, stamp);
	assert_string_equal(checked(f, 1, verify, "stamp"), "REFUSED");
	forge(f, bundle, stamp); /* and back */
	forge(f, bundle, cosigned);
	assert_string_equal(checked(f, 1, verify, "witness"), "REFUSED");
	assert_int_equal(verify_sh(bundle, "REFUSED: "), 1);
	forge(f, bundle, cosigned);
	assert_string_equal(checked(f, 0, verify, "manifest"), "NOT CHECKED");
}

/* --- set back ------------------------------------------------------------------------------------------------- */

static const char *published(struct fixture *f)
{
	CLEANUP(buf_clear) struct buf text = { 0 };

	assert_int_equal(file_read(arena_printf(f->arena, "%s/log/%u/checkpoint", f->world.state, f->year), 1 << 16, &text, NULL), 0);
	return arena_strdup(f->arena, buf_str(&text));
}

static const char *held_by(struct fixture *f)
{
	struct json status = world_status(&f->world, f->arena), partitions = json_get(&status, "partitions"), first = json_at(&partitions, 0),
		    holding = json_get(&first, "holding");

	return json_str(&holding) ? json_str(&holding) : "";
}

/*
 * The whole computer is set back to yesterday, Redis too: everything here agrees. Only those outside know better, and are asked before
 * anything is signed: there is never a second tree of the same size, and nothing is sent. Sealed, it goes on under another origin.
 * `away`: one of them is, NULL = none.
 */
static void set_back(struct fixture *f, struct http_peer *away)
{
	static const struct peer_step fault = { PEER_ANSWER, "HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n" };
	struct world *w = &f->world;
	const char *yesterday = in_world(f, "yesterday"), *before;
	const char *const keep[] = { "cp", "-a", w->state, yesterday, NULL }, *const remove[] = { "rm", "-rf", w->state, NULL },
			  *const restore[] = { "cp", "-a", yesterday, w->state, NULL };
	const char *flush[] = { "FLUSHALL", NULL }, *seal[] = { "trail", "seal", "--yes", "--why", "set back to yesterday", NULL };
	struct world_sent sent;
	int64_t until;
	int repeated;

	configure(f, all_anchors(f));
	world_start(w, NULL);
	assert_true(world_ready(w, WAIT_MS));
	(void)send_all(f, 0);
	until_all_vouch_for(f, signed_size(f));
	(void)process_stop(&w->daemon, WAIT_MS);
	assert_int_equal(process_run(keep, NULL, WAIT_MS), 0);
	before = published(f);
	world_start(w, NULL);
	assert_true(world_ready(w, WAIT_MS));
	(void)send_all(f, INVOICES);
	until_all_vouch_for(f, still_size(f));
	(void)process_stop(&w->daemon, WAIT_MS);
	assert_string_not_equal(published(f), before);
	assert_int_equal(process_run(remove, NULL, WAIT_MS), 0);
	assert_int_equal(process_run(restore, NULL, WAIT_MS), 0);
	(void)world_redis_int(w, flush);
	if (away)
		http_peer_script(away, &fault, 1);
	world_start(w, NULL);
	assert_true(world_ready(w, WAIT_MS));
	until_they_say(f, "set_back", 1);
	for (until = real_ms() + 2000; real_ms() < until; pause_ms(50))
		assert_string_equal(published(f), before);
	assert_string_equal(held_by(f), "trail_set_back");
	world_push_range(w, WORLD_FINALIZED, INVOICES, INVOICES, 1); /* sent by the trail that is lost: taken in, and not sent again here */
	for (until = real_ms() + WAIT_MS; !world_applied(w); pause_ms(20))
		assert_true(real_ms() < until);
	repeated = world_sent(w, f->arena, 2 * INVOICES).repeated;
	(void)process_stop(&w->daemon, WAIT_MS);
	assert_string_equal(published(f), before); /* also at the end */
	assert_int_equal(repeated, 0);
	(void)ctl(f, seal);
	world_start(w, NULL);
	assert_true(world_ready(w, WAIT_MS));
	assert_true(world_quiet(w, WAIT_MS));
	sent = world_sent(w, f->arena, 2 * INVOICES);
	assert_int_equal(sent.messages, 2 * INVOICES); /* by their keys the provider knows again what it had */
	assert_true(sent.repeated >= INVOICES);
	for (until = real_ms() + WAIT_MS; access(arena_printf(f->arena, "%s/log/%u/checkpoint", w->state, f->year), F_OK) < 0; pause_ms(20))
		if (real_ms() > until)
			fail_msg("the new log is not signed");
	assert_int_equal(process_stop(&w->daemon, WAIT_MS), 0);
	if (strncmp(published(f), "test.example/world/g2-", 22) != 0)
		fail_msg("published by another origin: %.60s", published(f));
	assert_true(world_trail_verifies(w));
	(void)ctl(f, (const char *[]){ "evidence", arena_printf(f->arena, "inv_%d", INVOICES), "--out", in_world(f, "now.zip"), NULL });
	(void)ctl(f, (const char *[]){ "evidence", "inv_0", "--out", in_world(f, "then.zip"), "--state",
			 arena_printf(f->arena, "%s/sealed/1", w->state), NULL });
	(void)ctl(f, (const char *[]){ "trail", "verify", in_world(f, "now.zip"), NULL });
	(void)ctl(f, (const char *[]){ "trail", "verify", in_world(f, "then.zip"), NULL });
}

static void a_witness_alone_keeps_a_log_from_forking(void **state)
{
	struct fixture *f = *state;

	set_back(f, f->s3_http);
}

static void a_store_alone_keeps_a_log_from_forking(void **state)
{
	struct fixture *f = *state;

	set_back(f, f->witness_http);
}

static void the_alarm_is_shown(void **state)
{
	const char *status[] = { "status", NULL }, *anchor[] = { "trail", "anchor", "--wait", "1s", NULL };
	struct fixture *f = *state;
	uint8_t root[SHA256_SIZE] = { 1 };

	witness_peer_know(f->witness, 1000000, root);
	configure(f, all_anchors(f));
	world_start(&f->world, NULL);
	assert_true(world_ready(&f->world, WAIT_MS));
	until_they_say(f, "alarm", 1);
	assert_non_null(strstr(ctl_fails(f, anchor), "ahead"));
	assert_non_null(strstr(ctl_fails(f, status), "somebody outside has seen more of the log"));
	assert_string_equal(held_by(f), "trail_set_back"); /* what it says may be wrong, but a person must look */
	world_fires(&f->world, "DunningdAnchorDisagrees", "dunningd_trail_anchor_disagrees{anchor=\"witness-1\",kind=\"witness\"}", 1);
	world_fires(&f->world, "DunningdTrailSetBack", "dunningd_trail_set_back", 1);
	world_fires_above(&f->world, "DunningdUnsigned", "dunningd_trail_unsigned_records", 0);
}

static void until_held_by(struct fixture *f, const char *what)
{
	for (int64_t deadline = real_ms() + WAIT_MS; strcmp(held_by(f), what) != 0; pause_ms(50))
		if (real_ms() > deadline)
			fail_msg("held by \"%s\", not \"%s\"", held_by(f), what);
}

/* A witness was wrong and mends its word: a person lets the trail go on, and nothing else does, no restart either. */
static void a_word_taken_back_needs_a_person(void **state)
{
	const char *ask[] = { "trail", "anchor", NULL }, *agreed[] = { "trail", "anchor", "--agreed", "the witness had restored a backup", NULL },
		   *mute[] = { "trail", "anchor", "--agreed", NULL }, *log[] = { "trail", "log", "--customer", "~system", "--json", NULL };
	static const struct peer_step fault = { PEER_ANSWER, "HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n" }, real = { PEER_ANSWER, NULL };
	struct fixture *f = *state;
	uint8_t root[SHA256_SIZE] = { 1 };
	const char *before;

	configure(f, all_anchors(f));
	world_start(&f->world, NULL);
	assert_true(world_ready(&f->world, WAIT_MS));
	(void)send_all(f, 0);
	until_all_vouch_for(f, signed_size(f));
	assert_non_null(strstr(ctl_fails(f, agreed), "nothing is held"));
	(void)process_stop(&f->world.daemon, WAIT_MS);
	witness_peer_know(f->witness, 1000000, root);
	world_start(&f->world, NULL);
	assert_true(world_ready(&f->world, WAIT_MS));
	until_held_by(f, "trail_set_back");
	before = published(f);
	assert_non_null(strstr(ctl_fails(f, agreed), "witness-1 has not answered with what agrees"));
	assert_int_equal(world_ctl(&f->world, mute, NULL), 2);

	http_peer_script(f->witness_http, &fault, 1); /* away is not agreeing */
	for (int64_t until = real_ms() + 2000; real_ms() < until; pause_ms(200))
		(void)ctl(f, ask);
	assert_non_null(strstr(ctl_fails(f, agreed), "witness-1 has not answered"));
	(void)process_stop(&f->world.daemon, WAIT_MS);
	world_start(&f->world, NULL);
	assert_true(world_ready(&f->world, WAIT_MS));
	until_held_by(f, "trail_set_back");
	assert_non_null(strstr(ctl_fails(f, agreed), "witness-1 has not answered"));

	http_peer_script(f->witness_http, &real, 1);
	sha256("", 0, root);
	witness_peer_know(f->witness, 0, root);
	for (int64_t deadline = real_ms() + WAIT_MS; anchors_say(f, "alarm"); pause_ms(200)) {
		if (real_ms() > deadline)
			fail_msg("%s", strstr(ctl(f, (const char *[]){ "status", "--json", NULL }), "\"anchors\""));
		(void)ctl(f, ask);
	}
	assert_string_equal(held_by(f), "trail_set_back");
	(void)process_stop(&f->world.daemon, WAIT_MS);
	world_start(&f->world, NULL);
	assert_true(world_ready(&f->world, WAIT_MS));
	until_held_by(f, "trail_set_back");
	assert_string_equal(published(f), before);

	for (int64_t deadline = real_ms() + WAIT_MS; world_ctl(&f->world, agreed, NULL) != 0; pause_ms(50))
		assert_true(real_ms() < deadline);
	until_held_by(f, "");
	(void)send_all(f, INVOICES);
	until_all_vouch_for(f, still_size(f));
	assert_string_not_equal(published(f), before);
	assert_int_equal(count_of(ctl(f, log), "\"command\":\"trail_agreed\""), 1);
	assert_non_null(strstr(ctl(f, log), "\"why\":\"the witness had restored a backup\""));
	(void)process_stop(&f->world.daemon, WAIT_MS);
	world_start(&f->world, NULL);
	assert_true(world_ready(&f->world, WAIT_MS));
	until_held_by(f, "");
	assert_true(world_trail_verifies(&f->world));
}

static size_t stamps_recorded(struct fixture *f)
{
	return count_of(ctl(f, (const char *[]){ "trail", "log", "--customer", "~system", "--json", NULL }), "\"anchor\":\"timestamp\"");
}

/* Each stamp has one record: asked for again and again, there may be more than one of them, each over more of the log. */
static void assert_recorded_once(struct fixture *f)
{
	const char *log = ctl(f, (const char *[]){ "trail", "log", "--customer", "~system", "--json", NULL }), *at = log;
	size_t stamps = 0;

	for (; (at = strstr(at, "\"serial\":\"")) != NULL; at++, stamps++) {
		const char *serial = arena_printf(f->arena, "%.*s\"", (int)(10 + strcspn(at + 10, "\"")), at);

		if (count_of(log, serial) != 1)
			fail_msg("the stamp with %s is recorded %zu times", serial, count_of(log, serial));
	}
	assert_int_equal(stamps, stamps_recorded(f));
	assert_true(stamps > 0);
}

static bool unrecorded(struct fixture *f)
{
	CLEANUP(buf_clear) struct buf text = { 0 };

	assert_int_equal(file_read(arena_printf(f->arena, "%s/anchors/%u/state.json", f->world.state, f->year), 1 << 20, &text, NULL), 0);
	return strstr(buf_str(&text), "\"unrecorded\"") != NULL;
}

/* A stamp that came while Redis hung, so that no group could be decided; then the process is killed. Its file alone must not be all. */
static void a_stamp_not_recorded_at_the_end_is_recorded_later(void **state)
{
	const char *ask[] = { "trail", "anchor", NULL };
	static const struct peer_step fault = { PEER_ANSWER, "HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n" }, real = { PEER_ANSWER, NULL };
	struct fixture *f = *state;
	int64_t deadline;
	size_t before;
	bool waiting;

	http_peer_script(f->tsa_http, &fault, 1);
	configure(f, all_anchors(f));
	world_start(&f->world, NULL);
	assert_true(world_ready(&f->world, WAIT_MS));
	(void)send_all(f, 0);
	(void)signed_size(f);
	assert_int_equal(kill(f->world.redis.pid, SIGSTOP), 0);
	http_peer_script(f->tsa_http, &real, 1);
	for (deadline = real_ms() + WAIT_MS; anchors_say(f, "anchored") <= 0; pause_ms(100)) {
		assert_true(real_ms() < deadline);
		(void)ctl(f, ask);
	}
	waiting = unrecorded(f);
	process_kill(&f->world.daemon);
	assert_int_equal(kill(f->world.redis.pid, SIGCONT), 0);
	before = stamps_recorded(f); /* a group that needs nothing of Redis is in the journal by then; that it is there may not be known yet */
	assert_true(before > 0 || waiting);
	world_start(&f->world, NULL);
	assert_true(world_ready(&f->world, WAIT_MS));
	for (deadline = real_ms() + WAIT_MS; unrecorded(f); pause_ms(50))
		assert_true(real_ms() < deadline);
	assert_recorded_once(f); /* also if it was told again */
	(void)process_stop(&f->world.daemon, WAIT_MS);
	world_start(&f->world, NULL);
	assert_true(world_ready(&f->world, WAIT_MS));
	assert_true(world_quiet(&f->world, WAIT_MS));
	assert_recorded_once(f);
	assert_non_null(strstr(ctl(f, (const char *[]){ "trail", "log", "--customer", "~system", "--json", "--parts", NULL }), "\"token.tsr\""));
	assert_true(world_trail_verifies(&f->world));
}

static void what_cannot_work_refuses_the_start(void **state)
{
	struct fixture *f = *state;
	const char *const argv[] = { arena_printf(f->arena, "%s/dunningd", f->world.programs), "--check-config", "--config", f->world.config,
		"--credentials", in_world(f, "credentials"), "--share", SOURCE_DIR "/daemon/share", NULL };
	CLEANUP(buf_clear) struct buf output = { 0 };

	configure(f, all_anchors(f));
	if (process_run(argv, &output, WAIT_MS) != 0)
		fail_msg("%s", buf_str(&output));
	assert_int_equal(unlink(in_world(f, "credentials/s3-secret")), 0);
	buf_reset(&output);
	assert_int_equal(process_run(argv, &output, WAIT_MS), 78);
	assert_non_null(strstr(buf_str(&output), "s3-secret"));
	put(f, "root.pem", "no certificate");
	buf_reset(&output);
	assert_int_equal(process_run(argv, &output, WAIT_MS), 78);
	assert_non_null(strstr(buf_str(&output), "dunningd-0.json: $.trail.anchors.tsa-1.roots: "));
	assert_non_null(strstr(buf_str(&output), "root.pem holds no certificate: want PEM"));
	world_start(&f->world, NULL);
	assert_false(world_ready(&f->world, WAIT_MS));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(nobody_who_hangs_delays_a_message),
		TEST(an_idle_log_stamps_no_stamps),
		TEST(what_is_kept_is_verified_anew),
		TEST(a_bundle_carries_and_checks_them),
		TEST(a_witness_alone_keeps_a_log_from_forking),
		TEST(a_store_alone_keeps_a_log_from_forking),
		TEST(the_alarm_is_shown),
		TEST(a_word_taken_back_needs_a_person),
		TEST(a_stamp_not_recorded_at_the_end_is_recorded_later),
		TEST(what_cannot_work_refuses_the_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
