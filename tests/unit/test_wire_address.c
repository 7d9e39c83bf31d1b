/* Where nothing of ours is, and a connection is not begun. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/http_client_wire.h"

static const struct row {
	const char *address;
	bool nowhere, loopback;
} rows[] = {
	{ "203.0.113.7", false, false },
	{ "10.0.0.1", false, false },
	{ "127.0.0.1", false, true },
	{ "169.254.169.254", true, false },
	{ "169.253.255.255", false, false },
	{ "169.255.0.0", false, false },
	{ "0.0.0.0", true, false },
	{ "223.255.255.255", false, false },
	{ "224.0.0.1", true, false },
	{ "255.255.255.255", true, false },
	{ "2001:db8::1", false, false },
	{ "fd00::1", false, false },
	{ "::1", false, true },
	{ "::", true, false },
	{ "fe80::1", true, false },
	{ "ff02::1", true, false },
	{ "::ffff:203.0.113.7", false, false },
	{ "::ffff:127.0.0.1", false, true },
	{ "::ffff:169.254.169.254", true, false },
	{ "64:ff9b::203.0.113.7", false, false },
	{ "64:ff9b::169.254.169.254", true, false },
	{ "64:ff9b::0.0.0.0", true, false },
	{ "64:ff9b::127.0.0.1", false, false },
	{ "64:ff9c::169.254.169.254", false, false },
	{ "2002:cb00:7107::1", false, false },
	{ "2002:a9fe:a9fe::1", true, false },
	{ "2002:e000:1::", true, false },
	{ "2003:a9fe:a9fe::1", false, false },
};

static void where(void **state)
{
	const struct row *row = *state;
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	bool is4 = inet_pton(AF_INET, row->address, &v4.sin_addr) == 1;
	const struct sockaddr *address = is4 ? (const void *)&v4 : (const void *)&v6;

	assert_true(is4 || inet_pton(AF_INET6, row->address, &v6.sin6_addr) == 1);
	assert_int_equal(wire_is_nowhere(address), row->nowhere);
	assert_int_equal(wire_is_loopback(address), row->loopback);
}

static void no_address_at_all(void **state)
{
	const struct sockaddr local = { .sa_family = AF_UNIX };

	(void)state;
	assert_true(wire_is_nowhere(&local));
	assert_false(wire_is_loopback(&local));
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_LEN(rows) + 1] = { cmocka_unit_test(no_address_at_all) };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		tests[i + 1] = (struct CMUnitTest){ .name = rows[i].address, .test_func = where, .initial_state = (void *)(uintptr_t)&rows[i] };
	return cmocka_run_group_tests_name("wire_address", tests, NULL, NULL);
}
