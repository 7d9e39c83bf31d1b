/* What happened outside the flow, on its way into the trail. */
#include <string.h>

#include "daemon/flow.h"

void dunner_record(struct dunner *d, const struct dunner_record *record)
{
	struct input *input = flow_input(INPUT_RECORD);
	struct dunner_record *copy = arena_memdup(input->arena, record, sizeof(*record));

	copy->who = arena_strdup(input->arena, record->who);
	for (size_t i = 0; i < copy->count; i++)
		copy->members[i].text = arena_strdup(input->arena, record->members[i].text);
	copy->bytes = arena_memdup(input->arena, record->len ? record->bytes : "", record->len);
	input->record = copy;
	flow_wait(d, input);
	dunner_pump(d);
}

/* -1: it has none of that name. */
static int member_of(const struct dunner_record *record, const char *key)
{
	for (size_t i = 0; i < record->count; i++)
		if (strcmp(record->members[i].key, key) == 0)
			return (int)i;
	return -1;
}

/*
 * What an anchor gave is kept beside the log until it is known to be in the journal; a kill between the two tells it again. That it is there
 * stands in the system's document, in the same group as its record.
 */
static bool recorded_before(struct group *g, const struct dunner_record *record, struct debtor *system)
{
	int name = member_of(record, "name"), log = member_of(record, "log"), size = member_of(record, "size");
	const char *whose, *whole;

	if (strcmp(record->kind, "anchor.token") != 0 || name < 0 || log < 0 || size < 0)
		return false;
	whose = arena_printf(g->arena, "%s %s ", record->members[name].text, record->members[log].text);
	whole = arena_printf(g->arena, "%s%lld", whose, (long long)record->members[size].number);
	for (size_t i = 0; i < system->anchored_count; i++) {
		if (strcmp(system->anchored[i], whole) == 0)
			return true;
		if (strncmp(system->anchored[i], whose, strlen(whose)) == 0) {
			system->anchored[i] = whole;
			return false;
		}
	}
	if (!system->anchored_capacity)
		system->anchored_capacity = system->anchored_count; /* as it was read */
	system->anchored = arena_grow(g->arena, system->anchored, system->anchored_count, &system->anchored_capacity, sizeof(*system->anchored));
	system->anchored[system->anchored_count++] = whole;
	return false;
}

void decide_record(struct dunner *d, struct group *g, const struct dunner_record *record)
{
	struct draft *draft;

	group_case(d, g, NULL)->touched = true; /* its number in the case */
	if (recorded_before(g, record, group_case(d, g, NULL)->d))
		return;
	draft = effects_record(&g->fx, record->kind, NULL);
	if (record->who)
		draft->actor = arena_printf(g->arena, "person:%s", record->who);
	for (size_t i = 0; i < record->count; i++)
		if (record->members[i].text)
			jw_str(&draft->w, record->members[i].key, record->members[i].text);
		else
			jw_int(&draft->w, record->members[i].key, record->members[i].number);
	if (record->part)
		draft_part(draft, record->part, record->media_type, CLASS_FACTS, record->bytes, record->len);
}
