/* What the engines take out of the merged document. */
#include "common/law.h"

static bool holiday(const void *arg, const char *calendar, date d)
{
	const struct law *law = arg;

	return calendar_holiday(holidays_place(law->holidays, calendar), d);
}

int law_read_engines(struct law *law, const char **section, struct err *err)
{
	static const char *const names[] = { "fees", "rates", "regimes", "limitation", "notices", "contact_rules", "relations" };
	struct json s[ARRAY_LEN(names)];
	struct day_off off = { holiday, law };
	int r;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		s[i] = law_section(law, names[i]);
	*section = "fees";
	if ((r = fees_read(law->arena, &s[0], &law->fees, err)) < 0)
		return r;
	*section = "regimes";
	if ((r = interest_rules_read(law->arena, &s[1], &s[2], &law->fees, &law->interest, err)) < 0)
		return r;
	*section = "limitation";
	if ((r = limitation_read(law->arena, &s[3], &law->limitation, err)) < 0)
		return r;
	*section = "notices";
	if ((r = demands_read(law->arena, &s[4], &law->demands, err)) < 0)
		return r;
	*section = "contact_rules";
	return guard_rules_read(law->arena, &s[5], &s[6], &law->fees, off, &law->guard, err);
}
