#include "common/order.h"

#include <errno.h>
#include <string.h>

#include "common/event.h"
#include "common/utc.h"

void order_event(struct buf *out, const struct order *order, const char *id, const char *source, const char *who, int64_t time)
{
	struct json_writer w = jw_init(out);
	char text[UTC_TEXT_SIZE];

	jw_object(&w, NULL);
	jw_str(&w, "specversion", "1.0");
	jw_str(&w, "id", id);
	jw_str(&w, "source", source);
	jw_str(&w, "type", event_type_names[EVENT_OPERATOR_COMMAND]);
	jw_str(&w, "time", utc_format(order->time ? order->time : time, text));
	jw_object(&w, "data");
	jw_str(&w, "command", order->command);
	jw_opt_str(&w, "target", order->target);
	jw_str(&w, "who", who);
	jw_str(&w, "why", order->why);
	jw_opt_str(&w, "step", order->step);
	jw_opt_str(&w, "decision", order->decision);
	jw_opt_str(&w, "policy", order->policy);
	jw_opt_str(&w, "policy_digest", order->policy_digest);
	jw_opt_str(&w, "from_digest", order->from_digest);
	if (order->until)
		jw_str(&w, "until", utc_format(order->until, text));
	if (order->more)
		order->more(&w, order->more_arg);
	jw_end_object(&w);
	jw_end_object(&w);
}

/* A step has no colon, an invoice may. */
const char *order_invoice(struct arena *arena, const char *target)
{
	const char *from = strchr(target, ':'), *end;

	if (strncmp(target, "exhausted:", 10) == 0)
		return target + 10;
	if (strncmp(target, "decision:", 9) != 0)
		return target;
	end = strrchr(from + 1, ':');
	return end ? arena_printf(arena, "%.*s", (int)(end - from - 1), from + 1) : from + 1;
}

const char *order_instead(struct arena *arena, const char *task)
{
	size_t kind = strcspn(task, ":");
	const char *about = task[kind] ? task + kind + 1 : "", *step = strrchr(about, ':');

	if (strncmp(task, "call:", 5) == 0)
		return arena_printf(arena, "dunningctl call log %s NOTES --outcome WORD; a call that is not made, dunningctl skip %.*s WHY", task,
			(int)(step ? (size_t)(step - about) : strlen(about)), about);
	if (strncmp(task, "commitment:", 11) == 0)
		return arena_printf(arena, "dunningctl handover %s --to WHOM, dunningctl commitment execute %s WHAT, or dunningctl commitment withdraw %s WHY",
			about, about, about);
	if (strncmp(task, "decision:", 9) == 0)
		return arena_printf(arena, "dunningctl decide %s pursue|settle|write_off|stop WHY", task);
	if (strncmp(task, "exhausted:", 10) == 0)
		return arena_printf(arena, "dunningctl decide %s settle|write_off|stop WHY", about);
	if (strncmp(task, "unknown_attempt:", 16) == 0)
		return "dunningctl decide INVOICE sent|not_sent WHY";
	return NULL;
}

int order_may_be_done(struct arena *arena, const char *task, struct err *err)
{
	const char *instead = order_instead(arena, task);

	return instead ? err_set(err, -EBADMSG, "say_more", "$.data.target", "task %s ends by %s", task, instead) : 0;
}
