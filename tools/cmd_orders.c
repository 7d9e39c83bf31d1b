/* What a person tells the daemon about one invoice or task: an operator.command in the operator's stream, with who and why. */
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/hash.h"
#include "common/utc.h"
#include "tools/cmd.h"

#define SOURCE "dunningctl"

int ctl_order_send(struct ctl *ctl, uint32_t partition, const struct order *order, const char **id, const char **entry)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct keyspace keys = ctl_keys(ctl, partition);
	char hex[33];
	uint8_t random[16];
	const struct redis_reply *reply;
	struct event event;
	struct err err = { 0 };
	int r;

	random_bytes(random, sizeof(random));
	*id = arena_strdup(ctl->arena, hex_format(random, sizeof(random), hex));
	order_event(&text, order, *id, SOURCE, ctl_who(ctl), ctl->now);
	if (!order->why[0])
		return ctl_fail(ctl, EXIT_USAGE, "usage", "say why: it stands in the trail");
	if (event_parse(ctl->arena, text.data, text.len, NULL, &event, &err) < 0)
		return ctl_fail(ctl, EXIT_USAGE, err.code, "%s %s", err.path, err.text);
	r = ctl_ask(ctl, ctl->arena, &reply, "XADD", key_events(ctl->arena, &keys, "operator"), "*", "event", buf_str(&text), NULL);
	*entry = r == 0 ? reply->str : NULL;
	return r;
}

int ctl_order(struct ctl *ctl, uint32_t partition, const struct order *order)
{
	const char *id, *entry;
	struct fields *f;
	int r = ctl_order_send(ctl, partition, order, &id, &entry);

	if (r != 0)
		return r;
	f = fields_create(ctl->arena);
	fields_add(f, "command", NULL, cell_text(order->command));
	fields_add(f, "target", NULL, cell_text(order->target));
	fields_add(f, "until", NULL, cell_time(order->until, NULL));
	fields_add(f, "event_id", NULL, cell_text(id));
	fields_add(f, "entry", NULL, cell_text(entry));
	if (ctl->view.json)
		view_fields(&ctl->view, f);
	else
		view_say(&ctl->view, "Told to the daemon: %s %s (%s)", order->command, order->target ? order->target : "", entry);
	return EXIT_DONE;
}

/* Looks at the invoice first: a slip of the pen is told here and not only found in the trail. */
static int find_invoice(struct ctl *ctl, const char *invoice_id, struct order *order, struct entry *entry)
{
	int r = entry_find(ctl, ctl->arena, invoice_id, entry);

	if (r != 0)
		return r;
	order->target = invoice_id;
	if (entry->e.state == ESCALATION_CLOSED && strcmp(order->command, "hold") != 0 &&
		(strcmp(order->command, "decide") != 0 || !escalation_answers(&entry->e)[0]))
		return ctl_fail(ctl, EXIT_FOUND, "closed", "invoice %s is closed (%s)", invoice_id, entry->e.closed ? entry->e.closed : "?");
	return 0;
}

static int run_hold(struct ctl *ctl, const struct invocation *call)
{
	struct order order = { .command = "hold", .why = call->args[1] };
	const char *until = command_option(call, "until");
	struct entry entry;
	int r = ctl_config(ctl, false);

	if (r == 0 && until)
		r = ctl_until(ctl, until, &order.until);
	if (r == 0)
		r = find_invoice(ctl, call->args[0], &order, &entry);
	return r == 0 ? ctl_order(ctl, entry.partition, &order) : r;
}

static const struct option_row hold_options[] = {
	{ "until", "WHEN", "2026-03-02T09:00:00Z, 2026-03-02 (that day included) or a span such as 10d (30d)" },
	{ 0 },
};

const struct command cmd_hold = { .name = "hold", .args = "INVOICE WHY", .min_args = 2, .max_args = 2,
	.help = "contact nobody about this invoice for now", .options = hold_options, .run = run_hold };

static int run_resume(struct ctl *ctl, const struct invocation *call)
{
	struct order order = { .command = call->command->name, .why = call->args[1] };
	struct entry entry;
	struct verdict verdict;
	int r = find_invoice(ctl, call->args[0], &order, &entry);

	if (r != 0)
		return r;
	verdict = entry_next(ctl, &entry);
	r = ctl_order(ctl, entry.partition, &order);
	if (r == 0 && verdict.next.kind == NEXT_HELD && entry.e.hold_count && strcmp(order.command, "retry") == 0)
		ctl_warn(ctl, "it stays held (%s): what was put on it ends by dunningctl resume", verdict.next.why);
	else if (r == 0 && verdict.next.kind == NEXT_HELD && !entry.e.hold_count)
		ctl_warn(ctl, "the hold \"%s\" follows from facts: it goes when they change, not by this", verdict.next.why);
	return r;
}

const struct command cmd_resume = { .name = "resume", .args = "INVOICE WHY", .min_args = 2, .max_args = 2,
	.help = "end the holds that were put on this invoice", .run = run_resume };
const struct command cmd_retry = { .name = "retry", .args = "INVOICE WHY", .min_args = 2, .max_args = 2,
	.help = "do not wait any longer after a failed try", .run = run_resume };

static int run_skip(struct ctl *ctl, const struct invocation *call)
{
	struct order order = { .command = "skip", .why = call->args[1], .step = command_option(call, "step") };
	struct err err = { 0 };
	struct rules rules;
	struct entry entry;
	struct verdict verdict;
	int r = find_invoice(ctl, call->args[0], &order, &entry);

	if (r != 0)
		return r;
	if (entry.e.state == ESCALATION_SENDING || entry.e.state == ESCALATION_DOUBT)
		return ctl_fail(ctl, EXIT_FOUND, "under_way", "step %s of invoice %s is %s: it cannot be skipped", entry.e.step, call->args[0],
			entry.e.state == ESCALATION_SENDING ? "being sent" : "in doubt (see dunningctl decide)");
	if (order.step && entry.policy && policy_step_index(entry.policy, order.step) < 0)
		return ctl_fail(ctl, EXIT_FOUND, "unknown_step", "policy %s has no step \"%s\"", entry.e.policy, order.step);
	for (size_t i = 0; order.step && i < entry.e.walk_count; i++)
		if (strcmp(entry.e.walk[i].step, order.step) == 0)
			return ctl_fail(ctl, EXIT_FOUND, "walked", "step %s of invoice %s is over already", order.step, call->args[0]);
	verdict = entry_next(ctl, &entry);
	if (!order.step)
		order.step = verdict_step(&entry, &verdict);
	if (!order.step)
		return ctl_fail(ctl, EXIT_FOUND, "no_step", "invoice %s has no next step just now (%s): name one with --step", call->args[0],
			verdict.next.why ? verdict.next.why : "nothing");
	rules = entry_rules(ctl, &entry);
	if (commitment_may(&entry.e, entry.d, &rules, "skip", order.step, ctl_who(ctl), &err) < 0)
		return ctl_fail(ctl, EXIT_FOUND, err.code, "%s", err.text);
	return ctl_order(ctl, entry.partition, &order);
}

static const struct option_row skip_options[] = {
	{ "step", "STEP", "which one, when it is not the next" },
	{ 0 },
};

const struct command cmd_skip = { .name = "skip", .args = "INVOICE WHY", .min_args = 2, .max_args = 2,
	.help = "leave out its next step for good", .options = skip_options, .run = run_skip };

/* --- outsiders ------------------------------------------------------------------------------------------------------------------- */

static void write_contact(struct json_writer *w, const void *arg)
{
	const struct allowed *allowed = arg;
	char day[DATE_TEXT_SIZE];

	jw_str(w, "contact_id", allowed->contact);
	if (allowed->on)
		jw_str(w, "until_on", date_format(allowed->last_on, day));
}

static int run_allow(struct ctl *ctl, const struct invocation *call)
{
	struct allowed allowed = { .contact = call->args[1], .on = strcmp(call->command->name, "allow") == 0, .last_on = date_none() };
	struct order order = { .command = call->command->name, .target = call->args[0], .why = call->args[2], .more = write_contact,
		.more_arg = &allowed };
	const char *until = allowed.on ? command_option(call, "until") : NULL;
	const struct redis_reply *reply;
	struct keyspace keys;
	const struct contact *contact = NULL;
	uint32_t partition;
	struct debtor d;
	int r = ctl_config(ctl, false);

	if (r != 0)
		return r;
	if (until && date_parse(until, &allowed.last_on) < 0)
		return ctl_fail(ctl, EXIT_USAGE, "usage", "\"%s\" must be a day like 2026-03-02", until);
	allowed.last_on = allowed_until(ctl->now, allowed.last_on);
	if (allowed.last_on.days < ctl->now / DAY_MS || allowed.last_on.days > ctl->now / DAY_MS + ALLOWED_DAYS_MAX)
		return ctl_fail(ctl, EXIT_USAGE, "usage", "%s must be a day from today on, %d days away at most", until, ALLOWED_DAYS_MAX);
	partition = partition_of(order.target, ctl_partitions(ctl));
	keys = ctl_keys(ctl, partition);
	r = ctl_ask(ctl, ctl->arena, &reply, "GET", key_debtor(ctl->arena, &keys, order.target), NULL);
	if (r != 0)
		return r;
	if (reply->type != REDIS_STRING || debtor_read(ctl->arena, reply->str, reply->len, &d, NULL) < 0)
		return ctl_fail(ctl, EXIT_FOUND, "unknown_customer", "no customer %s is known", order.target);
	for (size_t i = 0; i < d.customer.contact_count; i++)
		if (strcmp(d.customer.contacts[i].id, call->args[1]) == 0)
			contact = &d.customer.contacts[i];
	if (!contact)
		return ctl_fail(ctl, EXIT_FOUND, "unknown_contact", "customer %s has no contact %s", order.target, call->args[1]);
	if (!contact->external)
		return ctl_fail(ctl, EXIT_FOUND, "inside", "contact %s is inside the customer's house: no word is needed", contact->id);
	return ctl_order(ctl, partition, &order);
}

static const struct option_row allow_options[] = {
	{ "until", "DAY", "the last day on which it counts (90 days from now; a year at most)" },
	{ 0 },
};

const struct command cmd_allow = { .name = "allow", .args = "CUSTOMER CONTACT WHY", .min_args = 3, .max_args = 3,
	.help = "let one contact outside the customer's house be written to, until a day", .options = allow_options,
	.more = "Nobody outside is ever contacted unless a named person (--who) allows this one, for this customer alone. The contact rules of the\n"
		"law still say no where nobody else may be told of a debt.",
	.run = run_allow };
const struct command cmd_forbid = { .name = "forbid", .args = "CUSTOMER CONTACT WHY", .min_args = 3, .max_args = 3,
	.help = "take back that an outsider may be written to", .run = run_allow };

/* --- decisions ------------------------------------------------------------------------------------------------------------------- */

static int run_decide(struct ctl *ctl, const struct invocation *call)
{
	struct order order = { .command = "decide", .decision = call->args[1], .why = call->args[2] };
	const char *word = call->args[1];
	const char *const *answer;
	CLEANUP(buf_clear) struct buf answers = { 0 };
	struct err err = { 0 };
	struct rules rules;
	struct entry entry;
	int r;

	r = find_invoice(ctl, order_invoice(ctl->arena, call->args[0]), &order, &entry);
	if (r != 0)
		return r;
	rules = entry_rules(ctl, &entry);
	if (commitment_may(&entry.e, entry.d, &rules, "decide", word, ctl_who(ctl), &err) < 0)
		return ctl_fail(ctl, strcmp(err.code, "not_one_of") == 0 ? EXIT_USAGE : EXIT_FOUND, err.code, "%s", err.text);
	if (!escalation_asks(&entry.e, word)) {
		for (answer = escalation_answers(&entry.e); *answer; answer++)
			buf_printf(&answers, "%s%s", buf_str(&answers)[0] ? ", " : "; it can be answered ", *answer);
		return ctl_fail(ctl, EXIT_FOUND, "not_asked", "invoice %s is %s, and nothing asks for \"%s\"%s", order.target,
			escalation_state_names[entry.e.state], word, buf_str(&answers));
	}
	return ctl_order(ctl, entry.partition, &order);
}

const struct command cmd_decide = { .name = "decide", .args = "INVOICE|TASK pursue|settle|write_off|stop|sent|not_sent WHY", .min_args = 3, .max_args = 3,
	.help = "answer a gate, or say what became of a message in doubt",
	.more = "The first four answer a step that asks for a decision (its task shows what the case has cost, and what may come of it: dunningctl\n"
		"tasks --script, dunningctl worth). pursue, or continue: the ladder goes on. settle: it goes on at its next step with offers; where\n"
		"there is none, a task asks to agree on something. write_off: a loss, which newer figures open again. stop: for good.\n"
		"Where every step was walked, or the limit of contacts is reached (exhausted), they are settle, write_off and stop.\n"
		"sent and not_sent say what became of a message of which nobody knows whether it was sent.",
	.run = run_decide };

/* --- tasks ----------------------------------------------------------------------------------------------------------------------- */

struct open_task {
	uint32_t partition;
	const char *id, *json;
	struct json root;
	int64_t deadline;
};

static int read_tasks(struct ctl *ctl, uint32_t partition, struct open_task **ret, size_t *count, size_t *capacity)
{
	struct keyspace keys = ctl_keys(ctl, partition);
	const struct redis_reply *reply;
	int r = ctl_ask(ctl, ctl->arena, &reply, "HGETALL", key_of(ctl->arena, &keys, "tasks"), NULL);

	if (r != 0)
		return r;
	for (size_t i = 0; i + 1 < reply->count; i += 2) {
		struct open_task *task;
		struct json deadline;

		*ret = arena_grow(ctl->arena, *ret, *count, capacity, sizeof(**ret));
		task = &(*ret)[*count];
		*task = (struct open_task){ .partition = partition, .id = reply->items[i].str, .json = reply->items[i + 1].str };
		if (json_parse(ctl->arena, reply->items[i + 1].str, reply->items[i + 1].len, 0, &task->root, NULL) < 0) {
			ctl_warn(ctl, "the task %s cannot be read", task->id);
			continue;
		}
		deadline = json_get(&task->root, "deadline");
		task->deadline = json_int(&deadline);
		++*count;
	}
	return 0;
}

static int by_deadline(const void *a, const void *b)
{
	const struct open_task *x = a, *y = b;

	if (x->deadline != y->deadline)
		return x->deadline < y->deadline ? -1 : 1;
	return strcmp(x->id, y->id);
}

static const char *joined(struct arena *arena, const struct json *array)
{
	const char *list = NULL;

	for (size_t i = 0; i < json_len(array); i++) {
		struct json one = json_at(array, i);

		list = list ? arena_printf(arena, "%s, %s", list, json_str(&one)) : json_str(&one);
	}
	return list;
}

static const struct column task_columns[] = { { "deadline", "UNTIL", false }, { "kind", "KIND", false },
	{ "invoices", "INVOICES", false }, { "customer", "CUSTOMER", false }, { "step", "STEP", false }, { "role", "FOR", false }, { "owner", "OWNER", false },
	{ "reason", "WHY", false }, { "id", "TASK", false }, { "script", NULL, false }, { "opened_at", NULL, false }, { 0 } };

static const struct zone *debtor_zone_of(struct ctl *ctl, uint32_t partition, const char *debtor_id)
{
	struct keyspace keys = ctl_keys(ctl, partition);
	const char *name = ctl->config->creditor.zone;
	const struct redis_reply *reply;
	const struct zone *zone = NULL;
	struct debtor d;

	if (debtor_id && ctl_ask(ctl, ctl->arena, &reply, "GET", key_debtor(ctl->arena, &keys, debtor_id), NULL) == 0 &&
		reply->type == REDIS_STRING && debtor_read(ctl->arena, reply->str, reply->len, &d, NULL) == 0)
		name = debtor_zone(&d, name);
	return zone_get(name, &zone) == 0 ? zone : NULL;
}

/* By role or by name; "-": nobody's yet. */
static bool owned(const struct json *task, const char *owner)
{
	const char *role = json_text(task, "role"), *name = json_text(task, "owner");

	return strcmp(owner, "-") == 0 ? !(role && *role) && !name : (role && strcmp(role, owner) == 0) || (name && strcmp(name, owner) == 0);
}

static int run_tasks(struct ctl *ctl, const struct invocation *call)
{
	struct table *t = table_create(ctl->arena, task_columns);
	const char *kind = command_option(call, "kind"), *owner = command_option(call, "owner");
	struct open_task *tasks = NULL;
	size_t count = 0, capacity = 0;
	bool changed = false, replied = false;
	int r = ctl_config(ctl, false);

	for (uint32_t p = 0; r == 0 && p < ctl_partitions(ctl); p++)
		r = read_tasks(ctl, p, &tasks, &count, &capacity);
	if (r != 0)
		return r;
	if (count)
		qsort(tasks, count, sizeof(*tasks), by_deadline);
	for (size_t i = 0; i < count; i++) {
		struct json *root = &tasks[i].root, invoices = json_get(root, "invoices"), opened = json_get(root, "opened_at");

		if (kind && (!json_text(root, "kind") || strcmp(json_text(root, "kind"), kind) != 0))
			continue;
		if (owner && !owned(root, owner))
			continue;
		changed |= json_text(root, "reason") && strcmp(json_text(root, "reason"), "provider_changed") == 0;
		replied |= json_text(root, "kind") && strcmp(json_text(root, "kind"), "answer_reply") == 0;
		table_add(t, (struct cell[]){ cell_time(tasks[i].deadline, debtor_zone_of(ctl, tasks[i].partition, json_text(root, "debtor"))),
				      cell_text(json_text(root, "kind")), cell_text(joined(ctl->arena, &invoices)), cell_text(json_text(root, "debtor")),
				      cell_text(json_text(root, "step")), cell_text(json_text(root, "role")), cell_text(json_text(root, "owner")), cell_text(json_text(root, "reason")),
				      cell_text(tasks[i].id), cell_text(json_text(root, "script")), cell_time(json_int(&opened), NULL) });
		if (command_option(call, "script") && json_text(root, "script") && !ctl->view.json) {
			view_say(&ctl->view, "--- %s", tasks[i].id);
			view_text(&ctl->view, json_text(root, "script"));
		}
	}
	view_table(&ctl->view, t, "Nothing waits for a person.");
	if (replied && !command_option(call, "script"))
		view_say(&ctl->view, "answer_reply: what they wrote: dunningctl tasks --kind answer_reply --script");
	if (changed)
		view_say(&ctl->view, "provider_changed: the provider " CTL_PROVIDER_CHANGED ".");
	return EXIT_DONE;
}

static const struct option_row tasks_options[] = {
	{ "kind", "KIND", "those of one kind: call, post, decision, reconcile, unknown_attempt ..." },
	{ "owner", "WHO", "those of one owner, by role or by name; - for those that are nobody's yet" },
	{ "script", NULL, "what to say in the calls, and whom letters go to, too" },
	{ 0 },
};

const struct command cmd_tasks = { .name = "tasks", .args = "", .max_args = 0, .help = "what waits for a person, soonest deadline first",
	.options = tasks_options, .run = run_tasks };

static int run_task_letter(struct ctl *ctl, const struct invocation *call)
{
	struct open_task *tasks = NULL;
	size_t count = 0, capacity = 0;
	int r = ctl_config(ctl, false);

	for (uint32_t p = 0; r == 0 && p < ctl_partitions(ctl); p++)
		r = read_tasks(ctl, p, &tasks, &count, &capacity);
	for (size_t i = 0; r == 0 && i < count; i++) {
		CLEANUP(buf_clear) struct buf pdf = { 0 };
		const char *text;

		if (strcmp(tasks[i].id, call->args[0]) != 0)
			continue;
		text = json_text(&tasks[i].root, "document");
		if (!text || base64_decode(text, strlen(text), &pdf) < 0)
			return ctl_fail(ctl, EXIT_FOUND, "no_letter", "%s has no letter to print", tasks[i].id);
		r = file_replace(call->args[1], pdf.data, pdf.len, 0600);
		if (r < 0)
			return ctl_fail(ctl, EXIT_FOUND, "unwritable", "%s: %s", call->args[1], strerror(-r));
		view_say(&ctl->view, "%s%s is in %s. Once it is posted: dunningctl task done %s WHAT", json_text(&tasks[i].root, "script"), "The letter",
			call->args[1], tasks[i].id);
		return EXIT_DONE;
	}
	return r != 0 ? r : ctl_fail(ctl, EXIT_FOUND, "unknown_task", "there is no open task %s", call->args[0]);
}

const struct command cmd_task_letter = { .name = "task letter", .args = "TASK FILE", .min_args = 2, .max_args = 2,
	.help = "the PDF of a letter that waits to be printed and posted", .run = run_task_letter };

static int run_task_done(struct ctl *ctl, const struct invocation *call)
{
	struct order order = { .command = "task_done", .target = call->args[0], .why = call->args[1] };
	struct open_task *tasks = NULL;
	size_t count = 0, capacity = 0;
	bool found = false;
	struct err err = { 0 };
	int r = ctl_config(ctl, false);

	if (order_may_be_done(ctl->arena, order.target, &err) < 0)
		return ctl_fail(ctl, EXIT_FOUND, err.code, "%s", err.text);
	for (uint32_t p = 0; r == 0 && p < ctl_partitions(ctl); p++)
		r = read_tasks(ctl, p, &tasks, &count, &capacity);
	for (size_t i = 0; r == 0 && i < count; i++)
		if (strcmp(tasks[i].id, order.target) == 0) { /* a provider's may be open in several partitions */
			found = true;
			r = ctl_order(ctl, tasks[i].partition, &order);
		}
	return r != 0 || found ? r : ctl_fail(ctl, EXIT_FOUND, "unknown_task", "there is no open task %s", order.target);
}

const struct command cmd_task_done = { .name = "task done", .args = "TASK WHAT", .min_args = 2, .max_args = 2,
	.help = "a person did it, and says what came of it", .run = run_task_done };
