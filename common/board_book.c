/* Invoices and tasks: lists, one invoice, and what a person does about them. */
#include "common/board.h"

#include <stdio.h>
#include <string.h>

#include "common/order.h"
#include "common/report_words.h"

const char *const board_filter_names[FILTER_COUNT + 1] = { "all", "held", "person", "doubt", "closed", NULL };
const char *const board_action_names[BOARD_ACTION_COUNT + 1] = { "hold", "resume", "done", "decide", NULL };

static const char *step_word(const struct board *b, const char *step)
{
	const char *plain = strchr(step, ':') ? arena_printf(b->arena, "%.*s", (int)strcspn(step, ":"), step) : step, *word = word_step(b->language, plain);

	return word != plain ? word : plain;
}

/* --- what matches ------------------------------------------------------------------------------------------------------------------ */

static bool holds_word(const char *text, const char *words)
{
	return text && strcasestr(text, words) != NULL;
}

bool board_matches(const struct escalation *e, enum board_filter filter, const char *words)
{
	bool open = e->state != ESCALATION_NONE && e->state != ESCALATION_STUB && e->state != ESCALATION_CLOSED;

	switch (filter) {
	case FILTER_HELD:
		if (!open || !e->held)
			return false;
		break;
	case FILTER_PERSON:
		if (e->state != ESCALATION_TASK && e->state != ESCALATION_GATE)
			return false;
		break;
	case FILTER_DOUBT:
		if (e->state != ESCALATION_DOUBT)
			return false;
		break;
	case FILTER_CLOSED:
		if (e->state != ESCALATION_CLOSED)
			return false;
		break;
	default:
		break;
	}
	return !words || !*words || holds_word(e->invoice.id, words) || holds_word(e->invoice.snapshot.number, words) || holds_word(e->invoice.debtor_id,
		words);
}

bool board_debtor_matches(const struct debtor *d, const char *words)
{
	if (holds_word(d->id, words) || holds_word(d->customer.name, words))
		return true;
	for (size_t i = 0; i < d->customer.contact_count; i++)
		if (holds_word(d->customer.contacts[i].name, words) || holds_word(d->customer.contacts[i].email, words))
			return true;
	return false;
}

/* --- what comes next ------------------------------------------------------------------------------------------------------------- */

static const char *step_of(const struct board *b, const struct board_entry *entry)
{
	const struct next_action *next = &entry->next;

	if (entry->e.step)
		return step_word(b, entry->e.step);
	if (next->aside.id[0])
		return step_word(b, next->aside.id);
	if (entry->policy && (next->kind == NEXT_CONTACT || next->kind == NEXT_GATE || next->kind == NEXT_SKIP))
		return step_word(b, entry->policy->steps[next->step].id);
	return "?";
}

static const char *next_short(const struct board *b, const struct board_entry *entry)
{
	switch (entry->next.kind) {
	case NEXT_NONE:
		return entry->e.state == ESCALATION_CLOSED ? board_word(b, entry->e.closed) : board_word(b, escalation_state_names[entry->e.state]);
	case NEXT_HELD:
		return board_word(b, entry->next.why);
	case NEXT_BUSY:
	case NEXT_RESOLVE:
	case NEXT_TASK_END:
	case NEXT_GATE_END:
		return arena_printf(b->arena, "%s, %s", step_of(b, entry), board_word(b, escalation_state_names[entry->e.state]));
	default:
		return step_of(b, entry);
	}
}

static const char *next_sentence(const struct board *b, const struct board_entry *entry)
{
	const struct next_action *next = &entry->next;
	const char *step = step_of(b, entry), *at = board_at(b, next->at);

	switch (next->kind) {
	case NEXT_HELD:
		return board_says(b, W_NEXT_HELD, at, board_word(b, next->why));
	case NEXT_BUSY:
		return board_says(b, W_NEXT_BUSY, step, NULL);
	case NEXT_RESOLVE:
		return board_says(b, W_NEXT_RESOLVE, step, at);
	case NEXT_TASK_END:
		return board_says(b, W_NEXT_TASK, step, at);
	case NEXT_GATE_END:
		return board_says(b, W_NEXT_GATE_END, step, at);
	case NEXT_SKIP:
		return board_says(b, W_NEXT_SKIP, step, board_word(b, next->why));
	case NEXT_GATE:
		return board_says(b, W_NEXT_GATE, step, at);
	case NEXT_CONTACT:
		return board_says(b, W_NEXT_CONTACT, step, at);
	case NEXT_ASIDE:
		return board_says(b, W_NEXT_ASIDE, step, at);
	default:
		break;
	}
	return entry->e.state == ESCALATION_CLOSED ? board_says(b, W_NEXT_CLOSED, board_word(b, entry->e.closed), NULL) : board_say(b, W_NEXT_STUB);
}

static const char *chip_class(const struct board_entry *entry)
{
	if (entry->next.kind == NEXT_HELD)
		return "held";
	switch (entry->e.state) {
	case ESCALATION_TASK:
	case ESCALATION_GATE:
	case ESCALATION_DOUBT:
		return "wait";
	case ESCALATION_CLOSED:
		return entry->e.closed && strcmp(entry->e.closed, "paid") == 0 ? "good" : "calm";
	default:
		return "calm";
	}
}

/* --- lists -------------------------------------------------------------------------------------------------------------------------- */

static void put_search(struct board *b, const struct board_list *list)
{
	static const enum board_word names[FILTER_COUNT] = { [FILTER_ALL] = W_ALL, [FILTER_HELD] = W_STATE_HELD, [FILTER_PERSON] = W_STATE_WAITS,
		[FILTER_DOUBT] = W_STATE_DOUBT, [FILTER_CLOSED] = W_STATE_CLOSED };

	board_html(b, "<form class=\"search\" role=\"search\" method=\"get\" action=\"/invoices\"><div class=\"field\"><label for=\"q\">%s</label>"
		"<input id=\"q\" name=\"q\" type=\"search\" maxlength=\"100\" value=\"%s\"></div>",
		board_say(b, W_SEARCH_LABEL), list->words ? list->words : "", NULL);
	if (list->filter)
		board_html(b, "<input type=\"hidden\" name=\"state\" value=\"%s\">", board_filter_names[list->filter], NULL);
	board_html(b, "<button class=\"main\">%s</button></form><nav class=\"chips\" aria-label=\"%s\"><ul>", board_say(b, W_SEARCH), board_say(b, W_SHOWN),
		NULL);
	for (int f = 0; f < FILTER_COUNT; f++) {
		board_html(b, "<li><a href=\"/invoices?state=%s", board_filter_names[f], NULL);
		if (list->words)
			board_html(b, "&amp;q=%s", board_escape(b, list->words), NULL);
		buf_printf(b->out, "\"%s>", f == (int)list->filter ? " aria-current=\"true\"" : "");
		board_html(b, "%s</a></li>", board_say(b, names[f]), NULL);
	}
	buf_add_str(b->out, "</ul></nav>");
}

static void put_entries(struct board *b, const struct board_entry *entries, size_t count)
{
	board_html(b, "<table class=\"rows\"><thead><tr><th scope=\"col\">%s</th><th scope=\"col\">%s</th><th scope=\"col\">%s</th>"
		"<th scope=\"col\" class=\"n\">%s</th><th scope=\"col\">%s</th><th scope=\"col\">%s</th></tr></thead><tbody>",
		board_say(b, W_INVOICE), board_say(b, W_CUSTOMER), board_say(b, W_DUE_ON), board_say(b, W_BALANCE), board_say(b, W_NEXT), board_say(b, W_WHEN),
		NULL);
	for (size_t i = 0; i < count; i++) {
		const struct board_entry *entry = &entries[i];
		const struct invoice *invoice = &entry->e.invoice;
		const char *debtor = invoice->debtor_id ? invoice->debtor_id : "";

		board_html(b, "<tr><th scope=\"row\"><a href=\"/invoice?id=%s\">%s</a></th>", board_escape(b, invoice->id),
			invoice->snapshot.number ? invoice->snapshot.number : invoice->id, NULL);
		if (*debtor)
			board_html(b, "<td data-as=\"%s\"><a href=\"/debtor?id=%s\">%s</a></td>", board_say(b, W_CUSTOMER), board_escape(b, debtor),
				entry->d && entry->d->customer.name ? entry->d->customer.name : debtor, NULL);
		else
			buf_add_str(b->out, "<td></td>");
		board_html(b, "<td class=\"day\" data-as=\"%s\">%s</td><td class=\"n\" data-as=\"%s\">%s</td>", board_say(b, W_DUE_ON),
			invoice->known ? board_day(b, invoice->snapshot.due_on) : "", board_say(b, W_BALANCE),
			invoice->known ? board_money(b, invoice_view(invoice).balance, invoice->snapshot.currency) : "", NULL);
		board_html(b, "<td data-as=\"%s\"><span class=\"chip %s\">%s</span></td><td class=\"soft day\" data-as=\"%s\">%s</td></tr>", board_say(b, W_NEXT),
			chip_class(entry),
			next_short(b, entry), board_say(b, W_WHEN), board_at(b, entry->e.state == ESCALATION_CLOSED ? entry->e.closed_at : entry->next.at), NULL);
	}
	buf_add_str(b->out, "</tbody></table>");
}

static void put_debtors(struct board *b, const struct board_list *list)
{
	if (!list->debtor_count)
		return;
	board_html(b, "<h2>%s</h2><ul class=\"lines card\">", board_say(b, W_CUSTOMERS), NULL);
	for (size_t i = 0; i < list->debtor_count; i++) {
		const struct debtor *d = list->debtors[i];

		board_html(b, "<li><span><a href=\"/debtor?id=%s\">%s</a> <span class=\"soft\">%s</span></span></li>", board_escape(b, d->id),
			d->customer.name ? d->customer.name : d->id, d->id, NULL);
	}
	board_html(b, "</ul><h2>%s</h2>", board_say(b, W_INVOICES), NULL);
}

void board_list(struct board *b, const struct board_list *list)
{
	board_begin(b, board_say(b, W_INVOICES));
	board_html(b, "<h1>%s</h1>", board_say(b, W_INVOICES), NULL);
	put_search(b, list);
	if (!list->walked)
		board_html(b, "<p class=\"soft\">%s", board_say(b, W_SOONEST), NULL);
	if (!list->walked && list->partitions)
		board_html(b, " · %s", board_says(b, W_PARTITION, arena_printf(b->arena, "%u", list->partition), NULL), NULL);
	if (!list->walked)
		buf_add_str(b->out, "</p>");
	put_debtors(b, list);
	if (list->count)
		put_entries(b, list->entries, list->count);
	else
		board_html(b, "<p class=\"card soft\">%s</p>", board_say(b, W_NONE_MATCH), NULL);
	if (list->walked)
		board_html(b, "<p class=\"soft foot\">%s</p>", board_says(b, W_SEARCHED, arena_printf(b->arena, "%lld", (long long)list->read), NULL), NULL);
	if (list->next) {
		board_html(b, "<p class=\"foot\"><a class=\"button\" rel=\"next\" href=\"/invoices?from=%s&amp;state=%s", board_escape(b, list->next),
			board_filter_names[list->filter], NULL);
		if (list->words)
			board_html(b, "&amp;q=%s", board_escape(b, list->words), NULL);
		board_html(b, "\">%s</a></p>", board_say(b, list->walked ? W_SEARCH_ON : W_MORE), NULL);
	}
	board_end(b);
}

/* --- tasks -------------------------------------------------------------------------------------------------------------------------- */

static const char *member(const struct json *object, const char *key)
{
	struct json v = json_get(object, key);

	return json_str(&v);
}

/* What is to be said, what the debtor said, or what the case has cost. */
static void put_script(struct board *b, const struct board_task *task)
{
	const char *script = member(&task->root, "script"), *kind = member(&task->root, "kind");
	bool decision = strncmp(task->id, "decision:", 9) == 0 || strncmp(task->id, "exhausted:", 10) == 0;

	if (script)
		board_html(b, "<details><summary>%s</summary><div class=\"letter\">%s</div></details>", board_say(b, decision ? W_TASK_CASE :
			kind && strcmp(kind, "answer_reply") == 0 ? W_TASK_REPLY : W_MESSAGE_SCRIPT), script, NULL);
}

static void put_task(struct board *b, const struct board_task *task)
{
	struct json invoices = json_get(&task->root, "invoices"), deadline = json_get(&task->root, "deadline");
	const char *kind = member(&task->root, "kind"), *debtor = member(&task->root, "debtor");
	bool decision = strncmp(task->id, "decision:", 9) == 0 || strncmp(task->id, "exhausted:", 10) == 0;
	const char *instead = order_instead(b->arena, task->id), *asks = decision ? task->id : NULL; /* whose answer is one of a few */
	struct json first = json_at(&invoices, 0);

	if (strncmp(task->id, "unknown_attempt:", 16) == 0)
		asks = json_str(&first);

	board_html(b, "<li class=\"card task\"><h2>%s</h2><p>", board_word(b, kind), NULL);
	for (size_t i = 0; i < json_len(&invoices); i++) {
		struct json one = json_at(&invoices, i);

		board_html(b, "<a href=\"/invoice?id=%s\">%s</a> ", board_escape(b, json_str(&one) ? json_str(&one) : ""), json_str(&one), NULL);
	}
	if (debtor)
		board_html(b, "· <a href=\"/debtor?id=%s\">%s</a>", board_escape(b, debtor), debtor, NULL);
	buf_add_str(b->out, "</p><p class=\"soft\">");
	if (member(&task->root, "step"))
		board_html(b, "%s · ", step_word(b, member(&task->root, "step")), NULL);
	if (member(&task->root, "reason"))
		board_html(b, "%s · ", board_word(b, member(&task->root, "reason")), NULL);
	if (json_int(&deadline))
		board_html(b, "%s %s", board_say(b, W_UNTIL), board_at(b, json_int(&deadline)), NULL);
	buf_add_str(b->out, "</p>");
	put_script(b, task);
	if (instead && !asks)
		board_html(b, "<p class=\"soft\">%s <code>%s</code></p>", board_say(b, W_ENDS_BY), instead, NULL);
	else if (b->may_act)
		board_html(b, "<p><a class=\"button\" href=\"/do?what=%s&amp;id=%s&amp;p=%s\">%s</a></p>", asks ? "decide" : "done",
			board_escape(b, asks ? asks : task->id), arena_printf(b->arena, "%u", task->partition), board_say(b, asks ? W_DO_DECIDE : W_DO_DONE), NULL);
	buf_add_str(b->out, "</li>");
}

void board_tasks(struct board *b, const struct board_tasks *tasks)
{
	board_begin(b, board_say(b, W_TASKS));
	board_html(b, "<h1>%s</h1>", board_say(b, W_TASKS), NULL);
	if (!tasks->count)
		board_html(b, "<p class=\"card soft\">%s</p>", board_say(b, W_NOTHING_WAITS), NULL);
	else
		buf_add_str(b->out, "<ul class=\"tasks\">");
	for (size_t i = 0; i < tasks->count; i++)
		put_task(b, &tasks->tasks[i]);
	if (tasks->count)
		buf_add_str(b->out, "</ul>");
	if (tasks->next)
		board_html(b, "<p class=\"foot\"><a class=\"button\" rel=\"next\" href=\"/tasks?from=%s\">%s</a></p>", board_escape(b, tasks->next),
			board_say(b, W_MORE), NULL);
	board_end(b);
}

/* --- one invoice ------------------------------------------------------------------------------------------------------------------ */

static void put_field(struct board *b, enum board_word name, const char *value)
{
	if (value && *value)
		board_html(b, "<div><dt>%s</dt><dd>%s</dd></div>", board_say(b, name), value, NULL);
}

static void put_figures(struct board *b, const struct board_entry *entry)
{
	const struct invoice *invoice = &entry->e.invoice;
	const struct snapshot *s = &invoice->snapshot;
	struct invoice_view view;

	buf_add_str(b->out, "<dl class=\"card\">");
	if (invoice->debtor_id)
		board_html(b, "<div><dt>%s</dt><dd><a href=\"/debtor?id=%s\">%s</a></dd></div>", board_say(b, W_CUSTOMER), board_escape(b, invoice->debtor_id),
			entry->d && entry->d->customer.name ? entry->d->customer.name : invoice->debtor_id, NULL);
	if (invoice->known) {
		view = invoice_view(invoice);
		put_field(b, W_BALANCE, board_money(b, view.balance, s->currency));
		put_field(b, W_AMOUNT_TOTAL, board_money(b, s->total, s->currency));
		put_field(b, W_PAID, view.paid ? board_money(b, view.paid, s->currency) : NULL);
		put_field(b, W_CREDITED, view.credited ? board_money(b, view.credited, s->currency) : NULL);
		put_field(b, W_ISSUED, board_day(b, s->issued_on));
		put_field(b, W_DUE_ON, board_day(b, s->due_on));
	}
	put_field(b, W_STATE, board_word(b, escalation_state_names[entry->e.state]));
	put_field(b, W_POLICY, entry->e.policy);
	buf_add_str(b->out, "</dl>");
}

static void put_walk(struct board *b, const struct escalation *e)
{
	static const enum board_word ends[] = { [STEP_SENT] = W_END_SENT, [STEP_DONE] = W_END_DONE, [STEP_SKIPPED] = W_END_SKIPPED };

	board_html(b, "<section class=\"card\"><h2>%s</h2>", board_say(b, W_STEPS_WALKED), NULL);
	if (!e->walk_count)
		board_html(b, "<p class=\"soft\">%s</p></section>", board_say(b, W_NO_STEP), NULL);
	if (!e->walk_count)
		return;
	buf_add_str(b->out, "<ol class=\"walk\">");
	for (size_t i = 0; i < e->walk_count; i++) {
		const struct walked *w = &e->walk[i];

		board_html(b, "<li class=\"%s\"><strong>%s</strong> %s", w->end == STEP_SKIPPED ? "skipped" : "taken", step_word(b, w->step),
			board_say(b, ends[w->end]), NULL);
		if (w->reason)
			board_html(b, " <span class=\"soft\">(%s)</span>", board_word(b, w->reason), NULL);
		board_html(b, " <span class=\"soft end\">%s</span></li>", board_at(b, w->at), NULL);
	}
	buf_add_str(b->out, "</ol></section>");
}

static void put_holds(struct board *b, const struct escalation *e)
{
	bool any = false;

	for (size_t i = 0; i < e->hold_count; i++) {
		const struct hold_entry *h = &e->holds[i];

		if (h->until <= b->now)
			continue;
		if (!any)
			board_html(b, "<section class=\"card\"><h2>%s</h2><ul class=\"lines\">", board_say(b, W_HOLDS), NULL);
		any = true;
		board_html(b, "<li><span><strong>%s</strong> %s", board_word(b, h->reason), h->why ? h->why : "", NULL);
		if (h->who)
			board_html(b, " <span class=\"soft\">%s %s</span>", board_say(b, W_BY), h->who, NULL);
		board_html(b, "</span><span class=\"soft end\">%s %s</span></li>", board_say(b, W_UNTIL), board_at(b, h->until), NULL);
	}
	if (any)
		buf_add_str(b->out, "</ul></section>");
}

static void put_facts(struct board *b, const struct invoice *invoice)
{
	if (!invoice->fact_count)
		return;
	board_html(b, "<section class=\"card\"><h2>%s</h2><ul class=\"lines\">", board_say(b, W_FACTS), NULL);
	for (size_t i = 0; i < invoice->fact_count; i++) {
		const struct fact *f = &invoice->facts[i];

		board_html(b, "<li><span><strong>%s</strong> <span class=\"soft\">%s</span>", board_word(b, fact_names[f->kind]), f->id, NULL);
		if (f->amount && invoice->known)
			board_html(b, " %s", board_money(b, f->amount, invoice->snapshot.currency), NULL);
		if (f->reason)
			board_html(b, " %s", board_word(b, f->reason), NULL);
		if (date_is_set(f->until_on))
			board_html(b, " <span class=\"soft\">%s %s</span>", board_say(b, W_UNTIL), board_day(b, f->until_on), NULL);
		if (f->ended && f->kind != FACT_REPLY) /* a reply was read */
			board_html(b, " <span class=\"soft\">(%s)</span>", board_say(b, W_WITHDRAWN), NULL);
		board_html(b, "</span><span class=\"soft end\">%s</span></li>", board_at(b, f->at ? f->at : f->order.time), NULL);
	}
	buf_add_str(b->out, "</ul></section>");
}

static void put_actions(struct board *b, const struct board_entry *entry)
{
	static const enum board_word names[] = { [BOARD_HOLD] = W_DO_HOLD, [BOARD_RESUME] = W_DO_RESUME, [BOARD_DECIDE] = W_DO_DECIDE };

	if (!b->may_act)
		return;
	buf_add_str(b->out, "<p class=\"acts\">");
	for (int a = 0; a < BOARD_ACTION_COUNT; a++)
		if (a != BOARD_DONE && board_asked(entry, (enum board_action)a))
			board_html(b, "<a class=\"button\" href=\"/do?what=%s&amp;id=%s\">%s</a> ", board_action_names[a], board_escape(b, entry->e.invoice.id),
				board_say(b, names[a]), NULL);
	buf_add_str(b->out, "</p>");
}

void board_invoice(struct board *b, const struct board_entry *entry, bool told)
{
	const struct invoice *invoice = &entry->e.invoice;
	const char *name = invoice->snapshot.number ? invoice->snapshot.number : invoice->id;

	board_begin(b, name);
	board_html(b, "<p class=\"above\"><a href=\"/invoices\">%s</a></p><h1>%s</h1>", board_say(b, W_INVOICES), name, NULL);
	if (strcmp(name, invoice->id) != 0)
		board_html(b, "<p class=\"soft\">%s</p>", invoice->id, NULL);
	if (told)
		board_html(b, "<p class=\"noted\" role=\"status\">%s</p>", board_say(b, W_TOLD), NULL);
	board_html(b, "<section class=\"card next\"><h2>%s</h2><p>%s</p>", board_say(b, W_WHAT_NEXT), next_sentence(b, entry), NULL);
	put_actions(b, entry);
	buf_add_str(b->out, "</section><div class=\"cards\"><div>");
	put_figures(b, entry);
	if (invoice->debtor_id)
		board_html(b, "<p><a class=\"button\" href=\"/debtor?id=%s\">%s</a></p>", board_escape(b, invoice->debtor_id), board_say(b, W_WITH_CUSTOMER), NULL);
	put_facts(b, invoice);
	buf_add_str(b->out, "</div><div>");
	put_walk(b, &entry->e);
	put_holds(b, &entry->e);
	buf_add_str(b->out, "</div></div>");
	board_end(b);
}

/* --- what is done ------------------------------------------------------------------------------------------------------------------ */

bool board_asked(const struct board_entry *entry, enum board_action action)
{
	const struct escalation *e = &entry->e;
	bool open = e->state != ESCALATION_NONE && e->state != ESCALATION_CLOSED;

	switch (action) {
	case BOARD_HOLD:
		return open;
	case BOARD_RESUME:
		return open && e->hold_count;
	case BOARD_DECIDE:
		return escalation_answers(&entry->e)[0] != NULL;
	default:
		return true;
	}
}

static void put_wrong(struct board *b, const char *id, const char *wrong)
{
	if (wrong)
		board_html(b, "<p class=\"wrong\" id=\"%s-wrong\">%s</p>", id, wrong, NULL);
}

static void put_input(struct board *b, const char *id, const char *type, enum board_word label, const char *hint, const char *value,
	const char *wrong, bool needed)
{
	board_html(b, "<div class=\"field\"><label for=\"%s\">%s", id, board_say(b, label), NULL);
	if (hint)
		board_html(b, " <span class=\"soft\">%s</span>", hint, NULL);
	buf_add_str(b->out, "</label>");
	put_wrong(b, id, wrong);
	board_html(b, "<input id=\"%s\" name=\"%s\" type=\"%s\" value=\"%s\"", id, id, type, value ? value : "", NULL);
	if (wrong)
		board_html(b, " aria-invalid=\"true\" aria-describedby=\"%s-wrong\"", id, NULL);
	buf_printf(b->out, "%s%s></div>", needed ? " required" : "", strcmp(type, "text") == 0 ? " maxlength=\"400\" autocomplete=\"off\"" : "");
}

static void put_decisions(struct board *b, const struct board_form *form)
{
	static const struct {
		const char *word;
		enum board_word name;
	} names[] = { { "pursue", W_DECIDE_PURSUE }, { "settle", W_DECIDE_SETTLE }, { "write_off", W_DECIDE_WRITE_OFF }, { "stop", W_DECIDE_STOP },
		{ "sent", W_DECIDE_SENT }, { "not_sent", W_DECIDE_NOT_SENT } };

	board_html(b, "<fieldset class=\"field\"><legend>%s</legend>", board_say(b, W_DECISION), NULL);
	put_wrong(b, "decision", form->decision_wrong);
	for (const char *const *word = escalation_answers(&form->entry->e); *word; word++)
		for (size_t i = 0; i < ARRAY_LEN(names); i++) {
			if (strcmp(names[i].word, *word) != 0)
				continue;
			board_html(b, "<label class=\"choice\"><input type=\"radio\" name=\"decision\" value=\"%s\" required", *word, NULL);
			if (form->decision && strcmp(form->decision, *word) == 0)
				buf_add_str(b->out, " checked");
			board_html(b, "> %s</label>", board_say(b, names[i].name), NULL);
		}
	buf_add_str(b->out, "</fieldset>");
}

void board_form(struct board *b, const struct board_form *form)
{
	static const enum board_word titles[] = { W_DO_HOLD, W_DO_RESUME, W_DO_DONE, W_DO_DECIDE }, leads[] = { W_HOLD_LEAD, W_RESUME_LEAD, W_DONE_LEAD,
		W_DECIDE_LEAD };
	bool doubt = form->action == BOARD_DECIDE && form->entry->e.attempt;
	const char *what = form->entry ? form->entry->e.invoice.snapshot.number : NULL, *name = what ? what : form->target;

	board_begin(b, board_say(b, titles[form->action]));
	board_html(b, "<div class=\"card lone\"><h1>%s</h1><p>%s</p>", board_says(b, W_COLON, board_say(b, titles[form->action]), name),
		board_say(b, doubt ? W_DECIDE_DOUBT_LEAD : leads[form->action]), NULL);
	if (form->task)
		put_script(b, form->task);
	board_html(b, "<form method=\"post\" action=\"/do\"><input type=\"hidden\" name=\"what\" value=\"%s\">"
		"<input type=\"hidden\" name=\"id\" value=\"%s\"><input type=\"hidden\" name=\"pass\" value=\"%s\">",
		board_action_names[form->action], form->target, form->pass, NULL);
	if (form->task)
		board_html(b, "<input type=\"hidden\" name=\"p\" value=\"%s\">", arena_printf(b->arena, "%u", form->task->partition), NULL);
	if (form->action == BOARD_DECIDE)
		put_decisions(b, form);
	put_input(b, "why", "text", form->action == BOARD_DONE ? W_WHAT_CAME : W_WHY, board_say(b, W_WHY_HINT), form->why, form->why_wrong, true);
	if (form->action == BOARD_HOLD)
		put_input(b, "until", "date", W_UNTIL_DAY, board_say(b, W_OPTIONAL), form->until, form->until_wrong, false);
	if (b->ask_who)
		put_input(b, "who", "text", W_WHO, NULL, form->name, form->name_wrong, true);
	board_html(b, "<p class=\"acts\"><button class=\"main\">%s</button> ", board_say(b, titles[form->action]), NULL);
	if (form->entry)
		board_html(b, "<a class=\"button\" href=\"/invoice?id=%s\">%s</a></p></form></div>", board_escape(b, form->entry->e.invoice.id),
			board_say(b, W_CANCEL), NULL);
	else
		board_html(b, "<a class=\"button\" href=\"/tasks\">%s</a></p></form></div>", board_say(b, W_CANCEL), NULL);
	board_end(b);
}
