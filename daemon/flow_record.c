/* What happened outside the flow, on its way into the trail. */
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

void decide_record(struct dunner *d, struct group *g, const struct dunner_record *record)
{
	struct draft *draft = effects_record(&g->fx, record->kind, NULL);

	if (record->who)
		draft->actor = arena_printf(g->arena, "person:%s", record->who);
	for (size_t i = 0; i < record->count; i++)
		if (record->members[i].text)
			jw_str(&draft->w, record->members[i].key, record->members[i].text);
		else
			jw_int(&draft->w, record->members[i].key, record->members[i].number);
	if (record->part)
		draft_part(draft, record->part, record->media_type, CLASS_FACTS, record->bytes, record->len);
	group_case(d, g, NULL)->touched = true; /* its number in the case */
}
