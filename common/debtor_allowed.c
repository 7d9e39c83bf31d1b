/* Outsiders that a named person let be written to. */
#include <string.h>

#include "common/debtor.h"
#include "common/invoice.h"
#include "common/utc.h"

bool debtor_allow(struct debtor *debtor, struct arena *arena, const struct allowed *allowed)
{
	for (size_t i = 0; i < debtor->allowed_count; i++) {
		struct allowed *one = &debtor->allowed[i];

		if (strcmp(one->contact, allowed->contact) != 0)
			continue;
		if (fact_time_compare(&allowed->order, &one->order) <= 0)
			return false;
		*one = *allowed;
		return true;
	}
	if (debtor->allowed_count == ALLOWED_MAX)
		return false;
	debtor->allowed = arena_grow(arena, debtor->allowed, debtor->allowed_count, &debtor->allowed_capacity, sizeof(*debtor->allowed));
	debtor->allowed[debtor->allowed_count++] = *allowed;
	return true;
}

bool debtor_allows(const struct debtor *debtor, const struct contact *contact, int64_t now)
{
	for (size_t i = 0; i < debtor->allowed_count && contact->external; i++)
		if (debtor->allowed[i].on && strcmp(debtor->allowed[i].contact, contact->id) == 0)
			return now < ((int64_t)debtor->allowed[i].last_on.days + 1) * DAY_MS;
	return !contact->external;
}

date allowed_until(int64_t said_at, date wanted)
{
	return date_is_set(wanted) ? wanted : (date){ (int32_t)(said_at / DAY_MS) + ALLOWED_DAYS };
}

void allowed_write(struct json_writer *w, const char *key, const struct debtor *debtor)
{
	char day[DATE_TEXT_SIZE];

	if (!debtor->allowed_count)
		return;
	jw_array(w, key);
	for (size_t i = 0; i < debtor->allowed_count; i++) {
		const struct allowed *one = &debtor->allowed[i];

		jw_object(w, NULL);
		jw_str(w, "contact", one->contact);
		jw_bool(w, "on", one->on);
		jw_opt_str(w, "who", one->who);
		jw_opt_str(w, "why", one->why);
		order_write(w, "order", &one->order);
		jw_str(w, "last_on", date_format(one->last_on, day));
		jw_end_object(w);
	}
	jw_end_array(w);
}

void allowed_read(const struct json *json, struct arena *arena, struct debtor *ret)
{
	for (size_t i = 0; i < json_len(json); i++) {
		struct json one = json_at(json, i), contact = json_get(&one, "contact"), on = json_get(&one, "on"), who = json_get(&one, "who"),
			    why = json_get(&one, "why"), order = json_get(&one, "order"), last_on = json_get(&one, "last_on");
		struct allowed allowed = { json_str(&contact), json_str(&who), json_str(&why), json_bool(&on), { 0 }, date_none() };

		order_read(&order, &allowed.order);
		if (!json_str(&last_on) || date_parse(json_str(&last_on), &allowed.last_on) < 0)
			allowed.last_on = allowed_until(allowed.order.time, date_none());
		if (allowed.contact)
			(void)debtor_allow(ret, arena, &allowed);
	}
}
