/* Input: a law file, laid over an empty one. What is taken can be asked: calendars give ordered days, entries have a source. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "common/law.h"

static void check_calendar(const struct calendar *calendar)
{
	static const int years[] = { 1900, 1989, 2026, 2100, 2101, 9998 };

	for (size_t y = 0; y < ARRAY_LEN(years); y++) {
		struct holiday days[HOLIDAYS_MAX];
		size_t count = calendar_year(calendar, years[y], days);

		assert(count <= HOLIDAYS_MAX);
		for (size_t i = 0; i < count; i++) {
			assert(i == 0 || days[i].observed.days > days[i - 1].observed.days);
			assert(calendar_holiday(calendar, days[i].observed));
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct law_text texts[] = { { "shipped.json", "{\"as_of\":\"2026-11-22\"}", 22, false }, { "own.json", (const char *)data, size, true } };
	const struct law_entry *entries;
	struct law *law = NULL;
	struct err err = { 0 };

	if (law_parse(texts, 2, &law, &err) < 0) {
		assert(err.code[0] && err.text[0]);
		return 0;
	}
	for (size_t i = law_entries(law, &entries); i-- > 0;) {
		const struct calendar *calendar = holidays_calendar(law->holidays, entries[i].name);

		assert(entries[i].source && entries[i].certainty < LAW_CERTAINTY_COUNT && date_is_set(entries[i].as_of));
		if (strcmp(entries[i].section, "holidays") == 0) {
			assert(calendar);
			check_calendar(calendar);
		}
	}
	law_free(law);
	return 0;
}
