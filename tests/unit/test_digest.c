/* The owner's digest: the same documents give the same text, in six languages, as text and as HTML, however many there are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/digest.h"
#include "tests/unit/escalation_world.h"

static const char *const locales[] = { "en-GB", "fr-FR", "de-DE", "es-ES", "it-IT", "nl-NL" };

static void fill(struct digest *digest, struct world *w, size_t invoices, bool backwards)
{
	const struct zone *zone;

	assert_int_equal(zone_get("Europe/Paris", &zone), 0);
	digest_begin(digest, w->arena, zone, date_of(2026, 4, 3), at("2026-03-31T08:00:00Z"));
	for (size_t i = 0; i < invoices; i++) {
		size_t n = backwards ? invoices - 1 - i : i;
		struct escalation e = w->e;

		e.invoice.id = arena_printf(w->arena, "inv_%03zu", n);
		e.invoice.snapshot.number = n == 1 ? "F<1> & \"more\"" : e.invoice.id;
		e.held = n % 3 ? "dispute" : "promise";
		digest_invoice(digest, &e);
		digest_invoice(digest, &e); /* a walk may give it twice */
		digest_task(digest, "review_dispute", e.invoice.id, "dispute", at("2026-04-10T08:00:00Z"));
	}
}

static void each_language(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, LADDER, TEN);
	walked(&w, "reminder", STEP_SENT, NULL, "2026-04-02T08:00:00Z"); /* yesterday */
	walked(&w, "second", STEP_SKIPPED, "no_address", "2026-04-02T08:00:00Z");
	walked(&w, "call", STEP_SKIPPED, "condition", "2026-04-02T08:00:00Z"); /* nobody need know */
	add_fact(&w, FACT_PROMISE, "2026-04-01T12:00:00Z", "2026-04-10");
	for (size_t l = 0; l < ARRAY_LEN(locales); l++) {
		const struct digest_words *words = digest_words(locales[l]);
		struct digest digest;
		struct digest_text text;

		assert_memory_equal(words->language, locales[l], 2);
		fill(&digest, &w, 40, false);
		digest_write(&digest, locales[l], "Acme & Co", &text);
		for (int s = 0; s < DIGEST_SECTION_COUNT; s++)
			assert_non_null(words->sections[s]);
		assert_null(strstr(text.text, "{}"));
		assert_null(strstr(text.subject, "{}"));
		assert_non_null(strstr(text.text, arena_printf(w.arena, "%s: 40\n", words->sections[DIGEST_SENT])));
		assert_non_null(strstr(text.text, arena_printf(w.arena, "%s: 40\n", words->sections[DIGEST_FAILED])));
		assert_non_null(strstr(text.text, arena_printf(w.arena, "%s: 40\n- 26 ", words->sections[DIGEST_HELD])));
		assert_null(strstr(text.text, "condition"));
		assert_non_null(strstr(text.html, "Acme &amp; Co"));
		assert_non_null(strstr(text.html, "F&lt;1&gt; &amp; &quot;more&quot;"));
		assert_true(digest.feed_late && digest.open == 40);
	}
	world_clear(&w);
}

static void any_order_of_documents(void **state)
{
	struct world w;
	struct digest a, b;
	struct digest_text text_a, text_b;

	(void)state;
	world_init(&w, LADDER, TEN);
	walked(&w, "reminder", STEP_SENT, NULL, "2026-04-02T08:00:00Z");
	fill(&a, &w, 60, false);
	fill(&b, &w, 60, true);
	digest_write(&a, "de-DE", "Acme", &text_a);
	digest_write(&b, "de-DE", "Acme", &text_b);
	assert_string_equal(text_a.text, text_b.text);
	assert_string_equal(text_a.html, text_b.html);
	world_clear(&w);
}

static void a_quiet_day(void **state)
{
	struct arena *arena = arena_create();
	const struct zone *zone;
	struct digest digest;
	struct digest_text text;

	(void)state;
	assert_int_equal(zone_get("Pacific/Auckland", &zone), 0);
	digest_begin(&digest, arena, zone, date_of(2026, 4, 5), 0); /* the night in which summer time ends */
	assert_int_equal(digest.until - digest.from, DAY_MS);
	digest_begin(&digest, arena, zone, date_of(2026, 4, 6), 0);
	assert_int_equal(digest.until - digest.from, 25 * HOUR_MS);
	digest_write(&digest, "xx", "Acme", &text); /* no language of ours: English */
	assert_non_null(strstr(text.text, "Nothing happened, and nothing needs you."));
	assert_non_null(strstr(text.text, "No payment feed"));
	assert_int_equal(digest_at(zone, date_of(2026, 4, 6), "07:30") - zone_to_utc(zone, date_of(2026, 4, 6), 0), 450 * MINUTE_MS);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_language),
		cmocka_unit_test(any_order_of_documents),
		cmocka_unit_test(a_quiet_day),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
