/* What a configuration comes to, and what two of them differ in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/config_effective.h"

#define HEAD                                                                                                                       \
	"// a comment\n{\"origin\":\"trail.example.com/acme\",\"creditor\":{\"name\":\"Acme\",\"locale\":\"fr-FR\",\"zone\":\"Europe/Paris\"}," \
	"\"senders\":{\"default\":{\"name\":\"Acme\",\"email\":\"a@acme.example\"}}"

struct look {
	struct config *config;
	struct config_value *values;
	size_t count;
};

static struct look look(struct arena *arena, const char *text)
{
	struct look l = { 0 };
	struct err err = { 0 };

	if (config_parse(text, strlen(text), &l.config, &err) < 0)
		fail_msg("%s %s", err.path, err.text);
	config_effective(l.config, arena, &l.values, &l.count);
	return l;
}

static const struct config_value *value(const struct look *l, const char *path)
{
	for (size_t i = 0; i < l->count; i++)
		if (strcmp(l->values[i].path, path) == 0)
			return &l->values[i];
	return NULL;
}

static void each_setting_has_a_value_and_where_it_is_from(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct look l = look(arena, HEAD ",\"redis\":{\"url\":\"redis://h:1\"},\"retention\":{\"expire\":false},\"limits\":{\"batch\":7},"
		"\"providers\":{\"brevo\":{\"file\":\"outbox\",\"per_second\":3}},\"channels\":{\"email\":[\"brevo\"]},\"producers\":{\"bank\":[\"invoice.paid\"]}}");
	size_t keys;

	(void)state;
	(void)config_keys(&keys);
	assert_true(l.count > keys); /* none is missing */
	assert_string_equal(value(&l, "redis.url")->value, "\"redis://h:1\"");
	assert_true(value(&l, "redis.url")->from_file);
	assert_string_equal(value(&l, "prefix")->value, "\"dunning\"");
	assert_false(value(&l, "prefix")->from_file);
	assert_string_equal(value(&l, "retention.expire")->value, "false");
	assert_string_equal(value(&l, "redis.check_settings")->value, "true");
	assert_string_equal(value(&l, "limits.batch")->value, "7");
	assert_string_equal(value(&l, "mode")->value, "\"live\"");
	assert_null(value(&l, "redis.user")->value);
	assert_string_equal(value(&l, "redis.url")->key->unit, "address");
	assert_string_equal(value(&l, "senders.default.email")->value, "\"a@acme.example\"");
	assert_null(value(&l, "senders.default.email")->key);
	assert_string_equal(value(&l, "providers.brevo.per_second")->value, "3");
	assert_string_equal(value(&l, "channels.email")->value, "[\"brevo\"]");
	assert_string_equal(value(&l, "producers.bank")->value, "[\"invoice.paid\"]");
	for (size_t i = 0; i < l.count; i++) /* each once */
		assert_ptr_equal(value(&l, l.values[i].path), &l.values[i]);
	config_free(l.config);
}

static void what_differs(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct look a = look(arena, HEAD ",\"prefix\":\"dunning\",\"limits\":{\"batch\":7},\"ledgers\":[\"a\"]}"),
		    b = look(arena, HEAD ",\"limits\":{\"batch\":8},\"producers\":{\"bank\":[\"invoice.paid\"]}}");
	struct config_difference *all;
	size_t count;

	(void)state;
	config_differences(a.values, a.count, a.values, a.count, arena, &all, &count);
	assert_int_equal(count, 0);
	config_differences(a.values, a.count, b.values, b.count, arena, &all, &count);
	assert_int_equal(count, 3); /* the prefix is the same, said or not */
	assert_string_equal(all[0].path, "limits.batch");
	assert_string_equal(all[0].a->value, "7");
	assert_string_equal(all[0].b->value, "8");
	assert_string_equal(all[1].path, "ledgers");
	assert_null(all[1].b);
	assert_string_equal(all[2].path, "producers.bank");
	assert_null(all[2].a);
	config_free(a.config);
	config_free(b.config);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_setting_has_a_value_and_where_it_is_from),
		cmocka_unit_test(what_differs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
