#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "common/lazy.h"

#define FUNCTIONS(X) X(str, len) X(str, cmp)

static struct {
	FUNCTIONS(LAZY_MEMBER)
} str;
static const char *const names[] = { FUNCTIONS(LAZY_NAME) };

static struct lazy lazy(const char *library)
{
	return (struct lazy){ library, "libc6", names, &str, sizeof(names) / sizeof(*names), false };
}

static void functions_are_there_once_loaded(void **state)
{
	struct lazy c = lazy("libc.so.6");

	(void)state;
	assert_int_equal(lazy_load(&c, NULL), 0);
	assert_int_equal(str.len("seven"), 5);
	assert_int_equal(str.cmp("a", "a"), 0);
	memset(&str, 0, sizeof(str));
	assert_int_equal(lazy_load(&c, NULL), 0); /* once is enough */
	assert_null(str.len);
}

static void who_lacks_a_library_is_told_what_to_install(void **state)
{
	struct lazy none = lazy("libnone.so.9");
	struct err err = { 0 };

	(void)state;
	assert_int_equal(lazy_load(&none, &err), -ENOENT);
	assert_string_equal(err.code, "no_library");
	assert_non_null(strstr(err.text, "libnone.so.9 cannot be loaded"));
	assert_non_null(strstr(err.text, "install libc6"));
	assert_int_equal(lazy_load(&none, NULL), -ENOENT); /* asked again, refused again */
}

static void a_library_that_lacks_a_function_is_refused(void **state)
{
	static const char *const old[] = { "strlen", "strnone" };
	struct lazy c = lazy("libc.so.6");
	struct err err = { 0 };

	(void)state;
	c.names = old;
	assert_int_equal(lazy_load(&c, &err), -ENOENT);
	assert_string_equal(err.text, "libc.so.6 has no strnone: install a newer libc6");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions_are_there_once_loaded),
		cmocka_unit_test(who_lacks_a_library_is_told_what_to_install),
		cmocka_unit_test(a_library_that_lacks_a_function_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
