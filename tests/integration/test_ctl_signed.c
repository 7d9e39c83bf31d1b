/* dunningctl over the signed log: its key, and (with it) what lies on the disk. */
#include "daemon/log_key.h"
#include "tests/integration/ctl_fixture.h"

static const char *key_file(struct fixture *f)
{
	return arena_printf(f->arena, "%s/" LOG_KEY_CREDENTIAL, f->credentials);
}

/* --- key ----------------------------------------------------------------------------------------------------------------------------- */

static void a_key_is_made_once(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_clear) struct buf before = { 0 };
	CLEANUP(buf_clear) struct buf after = { 0 };
	struct note_key key, log;
	struct log_key read;
	struct err err = { 0 };
	struct stat st;
	const char *verifier;

	assert_ctl(f, 1, "trail", "key", "show");
	assert_says(f, "not signed");
	assert_ctl(f, 0, "trail", "key", "new", "--json");
	verifier = arena_strdup(f->arena, text_of(output(f), "verifier_key"));
	assert_int_equal(note_key_parse(verifier, &key), 0);
	assert_string_equal(key.name, f->config->origin);
	assert_int_equal(note_key_parse(text_of(output(f), "log_verifier_key"), &log), 0);
	assert_int_equal(strncmp(log.name, key.name, strlen(key.name)), 0);
	assert_int_equal(log.name[strlen(key.name)], '/');
	assert_memory_equal(log.public_key, key.public_key, sizeof(key.public_key));
	assert_int_equal(stat(key_file(f), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(file_read(key_file(f), 1000, &before, NULL), 0);
	assert_null(strstr(buf_str(&f->out), "seed"));

	assert_int_equal(log_key_read(f->credentials, f->config->origin, verifier, &read, &err), 0); /* as the daemon does */
	assert_memory_equal(read.verifier.public_key, key.public_key, sizeof(key.public_key));

	assert_ctl(f, 1, "trail", "key", "new"); /* never a second time */
	assert_says(f, "never overwritten");
	assert_int_equal(file_read(key_file(f), 1000, &after, NULL), 0);
	assert_string_equal(before.data, after.data);
	assert_ctl(f, 0, "trail", "key", "show", "--json");
	assert_string_equal(text_of(output(f), "verifier_key"), verifier);
	assert_ctl(f, 1, "trail", "key", "new", "/nowhere/at/all");
	put(f, "credentials/" LOG_KEY_CREDENTIAL, "x", 1);
	assert_ctl(f, 78, "trail", "key", "show");
	assert_says(f, "64 hexadecimal digits");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_key_is_made_once),
	};

	return cmocka_run_group_tests_name("ctl_signed", tests, NULL, NULL);
}
