/* What happens next with one invoice, when and by which rule: asked of the very rules that will act. */
#include <inttypes.h>
#include <string.h>

#include "common/contact.h"
#include "common/page.h"
#include "common/utc.h"
#include "tools/cmd.h"

struct sentence {
	const char *word, *text;
};

static const struct sentence holds[] = {
	{ "operator", "an operator put it on hold" },
	{ "dead_letter", "an event that names it could not be read; it may be a payment: see dunningctl dead list" },
	{ "no_customer", "nothing is known of its customer yet" },
	{ "insolvency", "insolvency proceedings are open against the debtor" },
	{ "paused", "its customer is paused" },
	{ "dispute", "the debtor disputes it" },
	{ "draft", "its producer took it back to draft" },
	{ "reconcile", "the figures of the events do not agree: a person must compare the books" },
	{ "book_differs", "its producer's list of open invoices does not have it, or with less: dunningctl report book" },
	{ "plan", "a payment plan is agreed" },
	{ "settlement", "a settlement is agreed" },
	{ "undelivered", "the invoice itself could not be delivered" },
	{ "reply", "the debtor replied, and a person should read it first (dunningctl tasks --kind answer_reply --script)" },
	{ "says_paid", "the debtor says that it is paid: somebody looks for the money" },
	{ "waiting_approval", "it waits for approval in the debtor's house" },
	{ "lacks_reference", "they lack an order number or a proof of delivery to approve it: give it to them, then dunningctl resume" },
	{ "refuses", "the debtor refuses to pay: a person must say how to go on" },
	{ "wrong_contact", "a call told that the contact is the wrong one, and there is no other: the right one is asked for" },
	{ "call_back_at", "they asked to be called then: a task, and nobody is written to before" },
	{ "unknown_policy", "its policy is not among those loaded" },
	{ "promise", "the debtor promised to pay" },
	{ "announced", "a payment is announced" },
	{ "automatic", "it is charged by itself, and no charge has failed" },
	{ "do_nothing", "its policy contacts nobody" },
	{ "below_minimum", "the balance is below the policy's minimum" },
	{ "handed_over", "somebody else goes on with it: nothing is done by itself" },
	{ "commitment", "what was announced is neither carried out nor taken back: nothing else is announced before" },
	{ "incomplete", "what the step must rest on is not there" },
	{ "settle", "a person decided to meet them, and the policy has no offer left: agree on something" },
	{ "exhausted", "every step was walked, or the limit of contacts is reached: a person must decide" },
	{ "feed_stale", "what was told of payments is too old to ask anybody for money" },
	{ "unrenderable", "the message of its next step cannot be made: the task says why; it is tried daily, and after a reload or newer data at once" },
	{ "unknown", "nobody knows whether its last message was sent: a person must decide" },
	{ "zone_unknown", "no time zone is known for the debtor, and the law names hours: a person must look" },
	{ "no_common_hours", "the hours of the policy, of the law and of the debtor's zones never meet: a person must look" },
	{ "confirm_same_company", "the person may not belong to the same company: a person must confirm" },
	{ "notice_incomplete", "its formal notice lacks what the law says it must contain: the task names it, and a person must look" },
	{ "document_awaited", "the PDF of an invoice that its next step attaches is not there yet: it is tried again" },
	{ "no_document", "the PDF of an invoice that its next step attaches is not to be had: a person must bring it, or skip the step" },
	{ "other_legal_entity", "the person belongs to another company: a person must confirm" },
	{ "in_doubt", "nobody knows whether its last message was sent" },
	{ NULL, NULL },
};

static const struct sentence rules_said[] = {
	{ "schedule", "the policy's day" },
	{ "spacing", "the policy's distance to the step before" },
	{ "min_gap", "the policy's least time between two contacts with this debtor" },
	{ "cap", "the policy's limit of contacts with this debtor" },
	{ "retry", "the last try failed and is made again" },
	{ "step_refused", "the step before was refused for good: a day for a person to look why (task refused:INVOICE), then it goes on" },
	{ "payment_link", "the payment link has expired, and its producer was asked for another one" },
	{ "document", "the PDF of an invoice that the step attaches is being fetched" },
	{ "rate", "the provider takes so many a second, and others have their turn" },
	{ "concurrency", "the provider has as many requests in hand as it takes at once" },
	{ "retry_after", "the provider asked to be left alone until then" },
	{ "quota", "as many messages as the provider takes in this hour, day or month were sent" },
	{ "provider_down", "the provider fails: one message tries it from time to time, the others wait" },
	{ "provider_refuses", "the provider refuses this account: a person must look (dunningctl provider health)" },
	{ "window", "the hours in which the debtor may be contacted" },
	{ "outside_window", "the hours in which the rule lets such a debtor be contacted" },
	{ "contact_cap", "the rule's limit of contacts with this debtor" },
	{ "call_cap", "the rule's limit of calls to this debtor" },
	{ "after_conversation", "the days of silence after a conversation" },
	{ "grace_period", "the days that the law gives after the first reminder" },
	{ "first_letter_days", "the days that the law gives after the first letter" },
	{ "third_party", "the person is not the debtor: nobody else may be told of the debt" },
	{ "public_disclosure", "nobody else may be told of the debt" },
	{ "electronic_consent_missing", "the law asks for a consent to electronic messages, and none is known" },
	{ "past_due", "a step from before the due date is not made up for afterwards" },
	{ "condition", "the step's condition does not hold" },
	{ "no_address", "no contact has an address for its channel" },
	{ "refused", "the provider refuses the message, and nobody can be reached by the step's other channel" },
	{ "opted_out", "the debtor asked not to be contacted on its channel" },
	{ "anchor_skipped", "it counts from a step that was skipped" },
	{ "beside", "it follows from what was said or paid, not from the ladder" },
	{ "same_day", "the debtor is written to once a day" },
	{ "call_back_at", "the hour at which they asked to be called again" },
	{ "promise_broken", "a promise was broken: the ladder goes on further up" },
	{ "plan_broken", "a payment plan was broken: the ladder goes on further up" },
	{ "settle", "a person decided to meet them: the ladder goes on at the next offer" },
	{ "withdrawn", "what was announced was taken back" },
	{ "held", "something holds it back, and would not end by itself" },
	{ "stale", "it comes too late to be of use" },
	{ "task", "the task's deadline" },
	{ "decision", "the decision's deadline, when it is asked for again" },
	{ "sending", "a message is on its way; its outcome comes by itself" },
	{ "in_doubt", "a message may have been sent; whether it was is being found out" },
	{ "as_noted", "what the daemon noted" },
	{ NULL, NULL },
};

static const char *say(const struct sentence *rows, const char *word)
{
	for (; rows->word; rows++)
		if (strcmp(rows->word, word) == 0)
			return rows->text;
	return word;
}

/* The step's day by the policy alone, without what was walked before: tells whether spacing moved it. */
static bool moved_by_spacing(struct ctl *ctl, const struct entry *entry, const struct next_action *next)
{
	const struct policy *policy = entry->policy;
	const struct business_time when = schedule_window(policy, entry->d, ctl->config->creditor.zone, ctl_holidays(ctl));
	const struct step_at *at = &policy->steps[next->step].at;
	struct schedule_walk walk = { .issued_on = entry->e.invoice.snapshot.issued_on,
		.due_on = schedule_due(policy, &when, entry->e.invoice.snapshot.due_on) };
	date day;

	for (size_t i = 0; i < POLICY_STEPS_MAX; i++)
		walk.done[i] = date_none();
	for (size_t i = 0; i < entry->e.walk_count && at->anchor == ANCHOR_STEP; i++)
		if (strcmp(entry->e.walk[i].step, policy->steps[at->step].id) == 0 && entry->e.walk[i].end != STEP_SKIPPED)
			walk.done[at->step] = business_date(&when, entry->e.walk[i].at);
	day = schedule_step_date(policy, next->step, &walk, &when);
	return date_is_set(day) && business_opening(&when, day) != next->owed_at;
}

static bool in_plan(const struct contact_plan *plan, const char *invoice_id)
{
	for (size_t i = 0; i < plan->member_count; i++)
		if (strcmp(plan->members[i]->invoice.id, invoice_id) == 0)
			return true;
	return false;
}

/* Whom the contact would reach, and about what else: as it would be planned at that instant. Or which invoice's turn comes before. */
static void add_contact(struct ctl *ctl, struct fields *f, const struct entry *entry, const struct next_action *next)
{
	struct contact_env env = { .config = ctl->config, .holidays = ctl_holidays(ctl), .guard = ctl_guard(ctl), .partition = entry->partition,
		.books = ctl_books(ctl, entry->partition),
		.now = next->at > ctl->now ? next->at : ctl->now };
	struct contact_plan *plan = arena_alloc(ctl->arena, sizeof(*plan));
	struct entry *siblings = arena_alloc(ctl->arena, (entry->d->open_count + 1) * sizeof(*siblings));
	struct candidate *candidates = arena_alloc(ctl->arena, (entry->d->open_count + 1) * sizeof(*candidates));
	const char *others = NULL, *address;
	size_t found = 0, count = 0;

	if (entries_load(ctl, ctl->arena, entry->partition, entry->d->open, entry->d->open_count, siblings, &found, NULL, NULL) != 0)
		return;
	for (size_t i = 0; i < found; i++)
		if (siblings[i].policy && siblings[i].e.state == ESCALATION_WAITING)
			candidates[count++] = (struct candidate){ &siblings[i].e, siblings[i].policy };
	if (!contact_plan(&env, entry->d, candidates, count, entry->e.invoice.id, plan))
		return;
	if (!in_plan(plan, entry->e.invoice.id)) {
		fields_add(f, "after", "After", cell_text(plan->members[0]->invoice.id));
		return;
	}
	address = debtor_address(entry->d, plan->contact, plan->channel, ctl->arena);
	fields_add(f, "channel", "By", cell_text(channel_names[plan->channel]));
	fields_add(f, "contact", NULL, cell_text(plan->contact->id));
	fields_add(f, "to", "To", cell_text(plan->contact->name ? arena_printf(ctl->arena, "%s, %s", plan->contact->name, address) : address));
	for (size_t i = 0; i < plan->member_count; i++) {
		const char *id = plan->members[i]->invoice.id;

		if (strcmp(id, entry->e.invoice.id) != 0)
			others = others ? arena_printf(ctl->arena, "%s, %s", others, id) : id;
	}
	if (!plan->beside && escalation_resets(plan->members[0], plan->policy, plan->step, plan->channel))
		fields_add(f, "text", "Text", cell_text(RESET_TEMPLATE));
	fields_add(f, "note", "With the note", !plan->beside && plan->step->kind == STEP_MESSAGE ?
		cell_text(note_to_say(&entry->e, plan->channel, env.now)) : cell_none());
	fields_add(f, "together_with", "Together with", cell_text(others));
	if (plan->member_count > 1)
		fields_add(f, "led_by", "Led by", cell_text(plan->members[0]->invoice.id));
	if (plan->step->tone < TONE_COUNT)
		fields_add(f, "tone", "Tone", cell_text(tone_names[plan->step->tone]));
}

/* What was said on the debtor's page is evidence: the words stand in the trail. */
static void add_page(struct ctl *ctl, struct fields *f, const struct entry *entry, const struct fact *fact)
{
	if (!fact || !page_said_here(fact))
		return;
	fields_add(f, "hold_since", "Since", cell_time(fact->order.time, entry->zone));
	fields_add(f, "hold_by", "By", cell_text("the debtor, on the page"));
	fields_add(f, "page_link", NULL, cell_text(fact->order.source + 3));
	fields_add(f, NULL, "Words", cell_text(arena_printf(ctl->arena, "in the trail, event %s: dunningctl trail log %s", fact->order.id,
		entry->e.invoice.id)));
}

static const char *lacking(struct ctl *ctl, const struct entry *entry)
{
	struct verdict verdict = entry_next(ctl, entry);

	return escalation_lacks(&entry->e, entry->d, entry->policy, &entry->policy->steps[verdict.next.step].needs, ctl->arena);
}

/* What was agreed, and what is to come of it next. */
static void add_agreed(struct ctl *ctl, struct fields *f, const struct entry *entry, const struct invoice_view *view, const char *hold)
{
	const char *currency = entry->e.invoice.snapshot.currency;
	struct instalment_view next;

	if (strcmp(hold, "plan") == 0 && view->plan && plan_next(view->plan, view->balance, &next)) {
		fields_add(f, "expected_on", "Next instalment", cell_date(next.due_on));
		fields_add(f, "expected_minor", "Amount", cell_money(next.rest, currency));
		fields_add(f, NULL, "Instalment", cell_text(arena_printf(ctl->arena, "%zu of %zu", next.index + 1, view->plan->instalment_count)));
	}
	if (strcmp(hold, "settlement") == 0 && view->settlement && view->settlement->settles) {
		fields_add(f, "expected_on", "Expected by", cell_date(view->settlement->until_on));
		fields_add(f, "expected_minor", "Amount", cell_money(view->settlement->amount - view->paid - view->credited, currency));
	}
}

static void add_hold(struct ctl *ctl, struct fields *f, const struct entry *entry, const char *hold)
{
	struct invoice_view view = invoice_view(&entry->e.invoice);
	const struct fact *announced = strcmp(hold, view.announced && view.announced->says_paid ? "says_paid" : "announced") == 0 ? view.announced : NULL;
	char text[DATE_TEXT_SIZE];

	for (size_t i = 0; i < entry->e.hold_count; i++)
		if (strcmp(entry->e.holds[i].reason, hold) == 0) {
			fields_add(f, "hold_since", "Since", cell_time(entry->e.holds[i].since, entry->zone));
			fields_add(f, "hold_by", "By", cell_text(entry->e.holds[i].who));
			fields_add(f, "hold_why", "Why", cell_text(entry->e.holds[i].why));
		}
	if (strcmp(hold, "incomplete") == 0 && entry->policy)
		fields_add(f, "lacks", "Lacks", cell_text(lacking(ctl, entry)));
	if (strcmp(hold, "promise") == 0 && view.promise)
		fields_add(f, "promised_for", "Promised for", cell_text(arena_strdup(ctl->arena, date_format(view.promise->until_on, text))));
	if (announced)
		fields_add(f, "expected_on", "Expected on", cell_date(announced->until_on));
	if (strcmp(hold, "dispute") == 0 && view.dispute) {
		fields_add(f, "dispute", "Dispute", cell_text(view.dispute->id));
		fields_add(f, "dispute_reason", "About", cell_text(view.dispute->reason));
	}
	add_agreed(ctl, f, entry, &view, hold);
	add_page(ctl, f, entry, strcmp(hold, "promise") == 0 ? view.promise : strcmp(hold, "plan") == 0 ? view.plan :
		strcmp(hold, "settlement") == 0 ? view.settlement : announced ? announced :
		strcmp(hold, "dispute") == 0 ? view.dispute : strcmp(hold, "reply") == 0 ? view.reply : NULL);
	if (strcmp(hold, "reconcile") == 0)
		fields_add(f, "reconcile", "What differs", cell_text(escalation_differs(&entry->e, &view, ctl->arena)));
	if (strcmp(hold, "paused") == 0 && entry->d)
		fields_add(f, "hold_why", "Why", cell_text(entry->d->paused.reason));
}

static const char *first_line(struct ctl *ctl, const struct entry *entry, const struct verdict *verdict, const char *rule)
{
	const struct next_action *next = &verdict->next;
	const char *step = verdict_step(entry, verdict), *when = view_time(ctl->arena, next->at, entry->zone),
		   *away = view_distance(ctl->arena, next->at, ctl->now);
	struct arena *arena = ctl->arena;
	bool now = next->at <= ctl->now;

	if (!step)
		step = "?";
	switch (next->kind) {
	case NEXT_HELD:
		return arena_printf(arena, "Held until %s, %s: %s.", when, away, say(holds, rule));
	case NEXT_BUSY:
		return arena_printf(arena, "Step %s is being sent; at the latest it is looked at %s.", step, when);
	case NEXT_RESOLVE:
		return arena_printf(arena, "Step %s may have been sent. It is looked at again %s: a provider that can be asked is asked; else its receipt tells, or a "
						 "person (dunningctl decide).", step, when);
	case NEXT_TASK_END:
		return arena_printf(arena, "Step %s waits for a person; the task ends %s, %s.", step, when, away);
	case NEXT_GATE_END:
		return arena_printf(arena, "Step %s waits for a decision; it is asked for again %s, %s.", step, when, away);
	case NEXT_SKIP:
		return arena_printf(arena, "Step %s will be skipped %s: %s.", step, now ? "now" : when, say(rules_said, rule));
	case NEXT_GATE:
		return arena_printf(arena, "Step %s asks a person to decide %s.", step,
			now ? "now" : arena_printf(arena, "%s, %s", when, away));
	case NEXT_CONTACT:
		if (!verdict->by_rules)
			return arena_printf(arena, "It is looked at %s, %s; the policy's version is not at hand to say more.", when, away);
		return arena_printf(arena, "Step %s goes out %s.", step,
			now ? arena_printf(arena, "now; it is owed since %s", view_time(arena, next->owed_at, entry->zone)) :
			      arena_printf(arena, "%s, %s", when, away));
	case NEXT_ASIDE:
		return arena_printf(arena, "A %s beside the ladder (%s) goes out %s%s%s.",
			next->aside.channel == CHANNEL_EMAIL ? "mail" : "text message", next->aside.id,
			now ? "now" : arena_printf(arena, "%s, %s", when, away), next->held ? "; the ladder is held: " : "",
			next->held ? say(holds, next->held) : "");
	case NEXT_NONE:
		break;
	}
	if (entry->e.state == ESCALATION_CLOSED)
		return arena_printf(arena, "Closed (%s) since %s: nothing happens any more.", entry->e.closed ? entry->e.closed : "?",
			view_time(arena, entry->e.closed_at, entry->zone));
	return "Only facts about it came yet, not the invoice itself: nothing happens until it comes.";
}

/* What the daemon noted of its doubt. */
static void add_doubt(struct ctl *ctl, struct fields *f, const struct entry *entry)
{
	struct keyspace keys = ctl_keys(ctl, entry->partition);
	struct attempt_entry attempt = { 0 };
	const struct redis_reply *reply;

	if (entry->e.state != ESCALATION_DOUBT || !entry->e.attempt ||
		ctl_ask(ctl, ctl->arena, &reply, "HGET", key_of(ctl->arena, &keys, "attempts"), entry->e.attempt, NULL) != 0 ||
		reply->type != REDIS_STRING || attempt_entry_read(ctl->arena, reply->str, reply->len, &attempt, NULL) < 0)
		return;
	fields_add(f, "provider", "Sent through", cell_text(attempt.provider));
	fields_add(f, "provider_changed", NULL, cell_flag(attempt.moved));
	if (attempt.moved)
		fields_add(f, NULL, "But", cell_text(arena_printf(ctl->arena, "provider %s " CTL_PROVIDER_CHANGED, attempt.provider)));
}

static void add_brakes(struct ctl *ctl, struct fields *f, const struct entry *entry, const struct verdict *verdict)
{
	struct debtor *system = arena_alloc(ctl->arena, sizeof(*system));

	if (ctl_system(ctl, ctl->arena, entry->partition, system) == 0 && system->suspended.on &&
		(!system->suspended.until || system->suspended.until > ctl->now)) {
		fields_add(f, "suspended", NULL, cell_flag(true));
		fields_add(f, "suspended_until", NULL, cell_time(system->suspended.until, entry->zone));
		fields_add(f, "suspended_why", NULL, cell_text(system->suspended.reason));
		fields_add(f, NULL, "But", cell_text(arena_printf(ctl->arena, "all sending is suspended%s%s: %s",
			system->suspended.until ? " until " : "",
			system->suspended.until ? view_time(ctl->arena, system->suspended.until, entry->zone) : "",
			system->suspended.reason ? system->suspended.reason : "no reason given")));
	}
	if (verdict->next.at && verdict->next.at <= ctl->now && entry_open(entry)) { /* what ought to happen now, and perhaps does not */
		bool answers;
		const char *holding = ctl_holding(ctl, entry->partition, &answers);

		fields_add(f, "holding", NULL, cell_text(holding));
		if (holding)
			fields_add(f, NULL, "But", cell_text(arena_printf(ctl->arena, "the daemon holds all sending just now: %s", holding)));
		else if (!answers)
			fields_add(f, NULL, "But", cell_text("the daemon does not answer here: it acts as soon as it runs"));
	}
	if (entry->policy && entry->policy->freshness_ms && ctl_feed_unknown(ctl)) {
		fields_add(f, "payment_feed", NULL, cell_text("unknown"));
		fields_add(f, NULL, "Note", cell_text("payment feed unknown: no ledger.watermark ever came, so a late payment feed is not noticed"));
	}
	if (!verdict->by_rules)
		fields_add(f, NULL, "Note", cell_text(arena_printf(ctl->arena, "version %.12s of policy %s is not among the files here "
			"(--config, --share): this is what the daemon noted", entry->e.policy_digest, entry->e.policy)));
}

/* Why this policy: who named it. */
static const char *policy_reason(struct ctl *ctl, const struct escalation *e)
{
	static const struct sentence reasons[] = {
		{ "invoice", "its event names it" },
		{ "customer", "its customer's event names it" },
		{ "default", "nothing else speaks of it, so policies.default does" },
		{ "operator", "a person moved it there" },
		{ NULL, NULL },
	};

	if (!e->policy)
		return e->state == ESCALATION_STUB ? NULL : "it is chosen once its customer is known";
	if (!e->policy_by)
		return NULL;
	if (strcmp(e->policy_by, "rule") == 0)
		return arena_printf(ctl->arena, "the rule \"%s\" of policies.rules, the most careful of those that matched",
			e->policy_rule ? e->policy_rule : "?");
	return say(reasons, e->policy_by);
}

static void add_policy(struct ctl *ctl, struct fields *f, const struct entry *entry, const struct verdict *verdict, const char **rule)
{
	const struct next_action *next = &verdict->next;
	const struct step *step;

	fields_add(f, "policy", "Policy", cell_text(entry->e.policy));
	fields_add(f, "policy_digest", NULL, cell_text(entry->e.policy_digest));
	fields_add(f, "policy_by", NULL, cell_text(entry->e.policy_by));
	fields_add(f, "policy_rule", NULL, cell_text(entry->e.policy_rule));
	if (entry->e.reset_from) {
		fields_add(f, "stricter_than", NULL, cell_text(entry->e.reset_from));
		fields_add(f, NULL, "Stricter", cell_text(arena_printf(ctl->arena, "than %s, by which this debtor was treated before: the first reminder "
			"resets expectations", entry->e.reset_from)));
	}
	fields_add(f, "policy_why", "Because", cell_text(policy_reason(ctl, &entry->e)));
	if (!entry->policy || !entry->d || next->aside.id[0] || (next->kind != NEXT_CONTACT && next->kind != NEXT_GATE && next->kind != NEXT_SKIP))
		return;
	step = &entry->policy->steps[next->step];
	if (strcmp(*rule, "schedule") == 0 && moved_by_spacing(ctl, entry, next))
		*rule = "spacing";
	fields_add(f, "step_at", "Step's day", cell_text(policy_step_at(ctl->arena, entry->policy, step)));
	fields_add(f, "owed_at", "Owed", cell_time(next->owed_at, entry->zone));
}

/* What rules of policies.rules go by: how this debtor paid, and kept promises, before. */
static void add_habits(struct ctl *ctl, struct fields *f, const struct debtor *d, const char *settled)
{
	int64_t paid, late;

	if (!d || !(d->paid || d->promises_kept || d->promises_broken || d->deposits_late))
		return;
	fields_add(f, "paid", NULL, cell_number(d->paid));
	fields_add(f, "paid_late", NULL, cell_number(d->paid_late));
	fields_add(f, "promises_kept", NULL, cell_number(d->promises_kept));
	fields_add(f, "promises_broken", NULL, cell_number(d->promises_broken));
	paid = d->paid - (settled != NULL); /* this one is none of those before */
	late = d->paid_late - (settled && settled[0] == 'l');
	if (paid > 0 || d->promises_kept || d->promises_broken)
		fields_add(f, NULL, "The debtor", cell_text(arena_printf(ctl->arena, "paid %" PRId64 " other invoice%s, %" PRId64 " of them late; kept %" PRId64
			" promise%s, broke %" PRId64, paid, paid == 1 ? "" : "s", late, d->promises_kept, d->promises_kept == 1 ? "" : "s", d->promises_broken)));
	if (!d->deposits && !d->deposits_late)
		return;
	fields_add(f, "deposits", NULL, cell_number(d->deposits));
	fields_add(f, "deposits_late", NULL, cell_number(d->deposits_late));
	fields_add(f, NULL, "Deposits", cell_text(arena_printf(ctl->arena, "%" PRId64 " paid; %" PRId64 " came late or did not come yet", d->deposits,
		d->deposits_late)));
}

static int run_explain(struct ctl *ctl, const struct invocation *call)
{
	struct fields *f = fields_create(ctl->arena);
	struct verdict verdict;
	struct entry entry;
	const char *rule;
	bool held;
	int r = entry_find(ctl, ctl->arena, call->args[0], &entry);

	if (r != 0)
		return r;
	verdict = entry_next(ctl, &entry);
	rule = verdict.next.why ? verdict.next.why : "";
	held = verdict.next.kind == NEXT_HELD;
	fields_add(f, "invoice", "Invoice", cell_text(entry.e.invoice.id));
	fields_add(f, "state", "State", cell_text(escalation_state_names[entry.e.state]));
	fields_add(f, "action", "Next", cell_text(entry_open(&entry) ? verdict_action(&verdict) : "none"));
	fields_add(f, "step", "Step", cell_text(verdict_step(&entry, &verdict)));
	fields_add(f, "at", "When", cell_time(verdict.next.at, entry.zone));
	if (entry.zone && verdict.next.at) {
		char *local = arena_alloc(ctl->arena, 64);

		fields_add(f, "at_local", NULL, cell_text(zone_format(entry.zone, verdict.next.at, local, 64)));
	}
	fields_add(f, "zone", "Debtor's zone", cell_text(entry.zone ? zone_name(entry.zone) : NULL));
	add_policy(ctl, f, &entry, &verdict, &rule);
	add_habits(ctl, f, entry.d, entry.e.settled);
	fields_add(f, "rule", "Rule", *rule ? cell_text(rule) : cell_none());
	fields_add(f, NULL, "That is", *rule ? cell_text(say(held ? holds : rules_said, rule)) : cell_none());
	fields_add(f, "contact_rule", "By the rule", cell_text(verdict.next.rule));
	fields_add(f, "law", "Law", cell_text(verdict.next.source));
	if (held)
		add_hold(ctl, f, &entry, rule);
	else if ((verdict.next.kind == NEXT_CONTACT || verdict.next.kind == NEXT_ASIDE) && verdict.by_rules && entry.policy && entry.d)
		add_contact(ctl, f, &entry, &verdict.next);
	fields_add(f, "task", "Task", cell_text(entry.e.task));
	fields_add(f, "attempt", "Attempt", cell_text(entry.e.attempt));
	add_doubt(ctl, f, &entry);
	fields_add(f, "timer", "Looked at", cell_time(entry.timer, entry.zone));
	fields_add(f, "by_rules", NULL, cell_flag(verdict.by_rules));
	fields_add(f, "sentence", NULL, cell_text(first_line(ctl, &entry, &verdict, rule)));
	add_brakes(ctl, f, &entry, &verdict);
	view_say(&ctl->view, "%s", first_line(ctl, &entry, &verdict, rule));
	view_fields(&ctl->view, f);
	return EXIT_DONE;
}

const struct command cmd_explain = { .name = "explain", .args = "INVOICE", .min_args = 1, .max_args = 1,
	.help = "what happens next, when and why, or what holds it",
	.more = "Asks the rules that the daemon acts by, with the facts of now. Times are the debtor's, with UTC beside them.",
	.run = run_explain };
