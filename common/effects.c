#include "common/effects.h"

#include <string.h>

#include <assert.h>

void effects_init(struct effects *fx, struct arena *arena, int64_t now)
{
	*fx = (struct effects){ .arena = arena, .now = now, .actor = "daemon" };
	fx->records_end = &fx->records;
	fx->events_end = &fx->events;
	fx->tasks_end = &fx->tasks;
}

static struct draft *add(struct effects *fx, struct draft ***end, const char *kind, const char *debtor_id)
{
	struct draft *draft = arena_alloc(fx->arena, sizeof(*draft));

	draft->kind = kind;
	draft->debtor_id = debtor_id;
	draft->actor = fx->actor;
	draft->data.arena = fx->arena;
	draft->w = jw_init(&draft->data);
	**end = draft;
	*end = &draft->next;
	return draft;
}

struct draft *effects_record(struct effects *fx, const char *kind, const char *debtor_id)
{
	return add(fx, &fx->records_end, kind, debtor_id);
}

void draft_part(struct draft *draft, const char *name, const char *media_type, enum key_class class, const void *data,
	size_t len)
{
	assert(draft->part_count < RECORD_PARTS_MAX);
	draft->parts[draft->part_count++] =
		(struct part){ .name = name, .media_type = media_type, .class = class, .data = data, .len = len };
}

struct draft *effects_event(struct effects *fx, const char *type, const char *debtor_id, const char *invoice_id)
{
	struct draft *draft = add(fx, &fx->events_end, type, debtor_id);

	draft->invoice_id = invoice_id;
	return draft;
}

const char *task_kind(const char *id)
{
	return id && strncmp(id, "post:", 5) == 0 ? "post" : "call";
}

struct draft *effects_task(struct effects *fx, const struct task *task)
{
	struct task *copy = arena_alloc(fx->arena, sizeof(*copy));
	struct draft *record, *event;

	*copy = *task;
	*fx->tasks_end = copy;
	fx->tasks_end = &copy->next;
	record = effects_record(fx, task->close ? "task.closed" : "task.opened", task->debtor_id);
	event = effects_event(fx,
		!task->close	       ? "task.opened" :
		task->result[0] == 'e' ? "task.expired" :
					 "task.closed",
		task->debtor_id, task->invoice_count ? task->invoice_ids[0] : NULL);
	for (int i = 0; i < 2; i++) {
		struct json_writer *w = i ? &event->w : &record->w;

		jw_str(w, "task", task->id);
		jw_str(w, "task_kind", task->kind);
		jw_array(w, "invoices");
		for (size_t k = 0; k < task->invoice_count; k++)
			jw_str(w, NULL, task->invoice_ids[k]);
		jw_end_array(w);
		jw_opt_str(w, "step", task->step);
		jw_opt_str(w, "role", task->role);
		jw_opt_str(w, "owner", task->owner);
		jw_opt_str(w, "reason", task->reason);
		jw_opt_str(w, "result", task->result);
		jw_opt_int(w, "deadline", task->deadline);
	}
	if (task->script && !task->close)
		draft_part(record, "script.txt", "text/plain; charset=utf-8", CLASS_CONTENT, task->script,
			__builtin_strlen(task->script));
	if (task->document && !task->close)
		draft_part(record, "letter.pdf", "application/pdf", CLASS_CONTENT, task->document, task->document_len);
	return record;
}
