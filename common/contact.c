/* From what is owed to a message: plan, render, release. What its outcome means: contact_settle.c. */
#include "common/contact.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "common/hash.h"
#include "common/token.h"
#include "common/unsubscribe.h"
#include "common/utc.h"

#define SAFETY_LOOK_MS (10 * MINUTE_MS) /* an attempt whose outcome did not come back by itself is looked at again */

struct rules contact_rules(const struct contact_env *env, const struct policy *policy)
{
	return (struct rules){ .policy = policy, .creditor_zone = env->config->creditor.zone, .holidays = env->holidays,
		.guard = env->guard, .books = env->books, .now = env->now, .loaded_at = env->loaded_at,
		.feed_stale_since = feed_stale_since(policy, env->payments_known_to, env->now) };
}

static bool owed_now(const struct contact_env *env, const struct debtor *debtor, const struct candidate *c,
	struct next_action *next)
{
	struct rules rules = contact_rules(env, c->policy);

	*next = escalation_next(c->escalation, debtor, &rules);
	return (next->kind == NEXT_CONTACT || next->kind == NEXT_ASIDE) && next->at <= env->now;
}

static bool same_law(const struct policy *a, const struct policy *b)
{
	return a->regime == b->regime || (a->regime && b->regime && strcmp(a->regime, b->regime) == 0);
}

/*
 * What is sent has consequences of its own: a warning, an offer, a notice that the law knows, or that a later step rests on it. One text gives no
 * other step's.
 */
static bool of_its_own(const struct policy *policy, const struct step *step)
{
	bool required = false;

	for (size_t i = 0; i < policy->step_count; i++)
		required |= policy->steps[i].needs.steps >> (step - policy->steps) & 1;
	return required || step->announces.on || step->offer_count || step->notice || step->tone == TONE_LEGAL;
}

/* An offer is made about each invoice of its message, or about none: those for which nobody stands have another one. */
static bool same_offers(const struct escalation *a, const struct escalation *b, const struct step *step)
{
	bool open = false; /* approved by nobody beforehand */

	for (size_t i = 0; i < step->offer_count; i++)
		open |= !step->offers[i].approved_by;
	return !open || !offers_approver(a) == !offers_approver(b);
}

static bool together(const struct candidate *a, const struct step *step_a, const struct candidate *b,
	const struct step *step_b)
{
	if (strcmp(a->escalation->invoice.snapshot.currency, b->escalation->invoice.snapshot.currency) != 0 ||
		a->policy->group != b->policy->group ||
		((of_its_own(a->policy, step_a) || of_its_own(b->policy, step_b)) &&
			(strcmp(a->policy->digest, b->policy->digest) != 0 || strcmp(step_a->id, step_b->id) != 0)) ||
		!same_offers(a->escalation, b->escalation, step_a) || ((step_a->fees || step_b->fees) && !same_law(a->policy, b->policy)))
		return false;
	switch (a->policy->group) {
	case GROUP_DEBTOR:
		return true;
	case GROUP_LEVEL:
		return strcmp(step_a->id, step_b->id) == 0 && strcmp(a->policy->name, b->policy->name) == 0;
	case GROUP_BAND:
		return step_a->tone == step_b->tone;
	default:
		return false;
	}
}

static bool older(const struct escalation *a, const struct escalation *b)
{
	int32_t days = date_diff(a->invoice.snapshot.due_on, b->invoice.snapshot.due_on);

	return days ? days < 0 : strcmp(a->invoice.id, b->invoice.id) < 0;
}

/*
 * One call was about several invoices: one mail states what was said. And one thanks for all that was paid, also for what was told just now.
 * Anything else beside the ladder is about one invoice.
 */
static bool one_mail(const struct contact_env *env, const struct debtor *debtor, const struct candidate *a, const struct next_action *next_a,
	const struct candidate *b, struct next_action *next_b)
{
	bool now = owed_now(env, debtor, b, next_b);

	return next_b->kind == NEXT_ASIDE && a->policy == b->policy && next_a->aside.kind == next_b->aside.kind &&
		(aside_for_payment(next_a->aside.kind) ||
			(now && next_a->aside.kind == ASIDE_CONFIRM && a->escalation->call.at == b->escalation->call.at)) &&
		strcmp(next_a->aside.template_name, next_b->aside.template_name) == 0 &&
		strcmp(a->escalation->invoice.snapshot.currency, b->escalation->invoice.snapshot.currency) == 0;
}

/* All but `asides` and `own`, which only a plan beside the ladder has, and as many of them as members: they are large. */
static void begin_plan(struct contact_plan *plan, const struct policy *policy, const struct next_action *next)
{
	memset(plan, 0, offsetof(struct contact_plan, asides));
	plan->policy = policy;
	plan->why = next->why;
	plan->rule = next->rule;
}

static void add_aside(struct contact_plan *plan, const struct candidate *c, const struct next_action *next)
{
	size_t i = plan->member_count++;

	plan->members[i] = c->escalation;
	plan->asides[i] = next->aside;
	plan->steps[i] = &plan->own[i];
}

static bool plan_aside(const struct contact_env *env, const struct debtor *debtor, const struct candidate *candidates, size_t count,
	const struct candidate *first, const struct next_action *next, struct contact_plan *ret)
{
	struct rules rules = contact_rules(env, first->policy);
	struct next_action other;
	struct permit permit;

	begin_plan(ret, first->policy, next);
	ret->beside = true;
	ret->owed_at = next->owed_at;
	ret->channel = next->aside.channel;
	add_aside(ret, first, next);
	for (size_t i = 0; i < count && ret->member_count < CONTACT_INVOICES_MAX; i++)
		if (&candidates[i] != first && one_mail(env, debtor, first, next, &candidates[i], &other))
			add_aside(ret, &candidates[i], &other);
	ret->contact = escalation_reach_aside(ret->members[0], debtor, &rules, &ret->asides[0], env->now, &ret->own[0], &permit);
	for (size_t i = 1; i < ret->member_count; i++) {
		ret->own[i] = ret->own[0];
		ret->own[i].id = ret->asides[i].id;
	}
	ret->step = ret->steps[0];
	return ret->contact != NULL;
}

/* Whose turn it is: what has been owed longest. So nothing that caps and gap put off is overtaken for ever by what comes after it. */
static size_t longest_owed(const struct candidate *candidates, const struct next_action *owed, size_t count, size_t wanted)
{
	size_t first = wanted;

	for (size_t i = 0; i < count; i++)
		if (owed[i].kind == NEXT_CONTACT && (owed[i].owed_at < owed[first].owed_at ||
			(owed[i].owed_at == owed[first].owed_at && older(candidates[i].escalation, candidates[first].escalation))))
			first = i;
	return first;
}

bool contact_plan(const struct contact_env *env, const struct debtor *debtor, const struct candidate *candidates,
	size_t count, const char *wanted, struct contact_plan *ret)
{
	CLEANUP(freep) struct next_action *owed = xcalloc(count + 1, sizeof(*owed));
	const struct candidate *first = NULL;
	const struct step *step;
	struct permit permit;
	struct rules rules;
	size_t leader = 0, at = count;
	int64_t owed_at;

	for (size_t i = 0; i < count && at == count; i++)
		if (strcmp(candidates[i].escalation->invoice.id, wanted) == 0)
			at = i;
	if (at == count || !owed_now(env, debtor, &candidates[at], &owed[at]))
		return false;
	if (owed[at].kind == NEXT_ASIDE)
		return plan_aside(env, debtor, candidates, count, &candidates[at], &owed[at], ret);
	for (size_t i = 0; i < count; i++)
		if (i != at && (!owed_now(env, debtor, &candidates[i], &owed[i]) || owed[i].kind != NEXT_CONTACT))
			owed[i].kind = NEXT_NONE;
	at = longest_owed(candidates, owed, count, at);
	first = &candidates[at];
	step = &first->policy->steps[owed[at].step];
	owed_at = owed[at].owed_at;
	begin_plan(ret, first->policy, &owed[at]);
	ret->members[0] = first->escalation;
	ret->steps[0] = step;
	ret->member_count = 1;
	for (size_t i = 0; i < count && ret->member_count < CONTACT_INVOICES_MAX; i++) {
		const struct candidate *c = &candidates[i];

		if (c == first || owed[i].kind != NEXT_CONTACT || !together(first, step, c, &c->policy->steps[owed[i].step]))
			continue;
		ret->members[ret->member_count] = c->escalation;
		ret->steps[ret->member_count] = &c->policy->steps[owed[i].step];
		if (older(c->escalation, ret->members[leader])) {
			leader = ret->member_count;
			ret->policy = c->policy;
			owed_at = owed[i].owed_at;
			ret->why = owed[i].why;
			ret->rule = owed[i].rule;
		}
		ret->member_count++;
	}
	if (leader) {
		struct escalation *e = ret->members[leader];

		step = ret->steps[leader];
		ret->members[leader] = ret->members[0];
		ret->steps[leader] = ret->steps[0];
		ret->members[0] = e;
		ret->steps[0] = step;
	}
	ret->step = ret->steps[0];
	ret->owed_at = owed_at;
	rules = contact_rules(env, ret->policy);
	ret->contact = escalation_reach(ret->members[0], debtor, &rules, ret->step, env->now, &ret->channel, &permit);
	return ret->contact != NULL;
}

/* --- rendering ----------------------------------------------------------------------------------------------------- */

static const struct sender *find_sender(const struct config *config, const char *profile)
{
	for (size_t i = 0; i < config->sender_count; i++)
		if (strcmp(config->senders[i].profile, profile && *profile ? profile : "default") == 0)
			return &config->senders[i];
	return config->sender_count ? &config->senders[0] : NULL;
}

/* What a message beside the ladder is about, in the debtor's days. */
static struct notice_talk talk_of(const struct contact_plan *plan, const struct zone *zone)
{
	const struct escalation *e = plan->members[0];
	const struct aside *aside = &plan->asides[0];
	struct notice_talk talk = { .outcome = CALL_NONE, .said_on = date_none(), .until_on = date_none(), .due_on = date_none(),
		.announced_on = date_none() };

	if (aside->kind == ASIDE_CONFIRM) {
		talk.outcome = e->call.outcome;
		talk.said_on = zone_date(zone, e->call.at);
		talk.until_on = e->call.until_on;
		talk.tell = e->call.tell;
		talk.no_pay = e->call.outcome == CALL_DISPUTE || e->call.outcome == CALL_PAID;
		for (size_t i = 0; i < plan->member_count; i++)
			talk.no_pay |= invoice_view(&plan->members[i]->invoice).dispute != NULL;
	} else if (aside->kind == ASIDE_WITHDRAWN) {
		talk.announced_on = zone_date(zone, e->commitment.opened_at);
	} else if (aside->kind == ASIDE_PROMISE) {
		talk.until_on = aside->fact->until_on;
	} else if (aside->kind == ASIDE_INSTALMENT) {
		talk.instalment = (int64_t)aside->instalment.index + 1;
		talk.instalments = (int64_t)aside->fact->instalment_count;
		talk.due_on = aside->instalment.due_on;
		talk.rest.minor = aside->instalment.rest;
		memcpy(talk.rest.currency, e->invoice.snapshot.currency, 4);
	}
	return talk;
}

/* The last day that a step names: a business day of the debtor's, since on another no bank pays and nobody answers. */
static date last_day(const struct business_time *when, const struct step *step, date today)
{
	return step->deadline_business ? business_add_days(when, today, step->deadline_days) :
					 business_next_day(when, date_add_days(today, step->deadline_days));
}

static bool has_effect(const struct step *step, const char *effect)
{
	const char *const *name = step->effects;

	while (*name && strcmp(*name, effect) != 0)
		name++;
	return *name != NULL;
}

void contact_step_says(const struct policy *policy, const struct step *step, const struct interest_rules *interest,
	const struct business_time *when, struct notice_input *input)
{
	input->holds_work = has_effect(step, "work.hold_requested");
	input->late = interest && policy->regime && step->fees ? interest_regime(interest, policy->regime) : NULL;
	if (step->kind == STEP_MESSAGE && step->deadline_days)
		input->deadline = last_day(when, step, input->today);
}

/* A formal notice that lacks what the law asks of it does not go out: a person looks at it, and is told what it lacks. */
static int check_notice(const struct contact_env *env, const struct contact_plan *plan, enum channel channel, const struct notice_input *input,
	struct arena *arena, struct err *err)
{
	const char *const *fields, *const *lacks;
	const struct demand_kind *kind;
	const char *list = "";
	int r;

	if (!plan->step->notice || plan->beside)
		return 0;
	kind = env->demands ? demand_kind(env->demands, plan->step->notice) : NULL;
	if (!kind)
		return err_set(err, -EBADMSG, CONTACT_INCOMPLETE, "", "the law data has no notice \"%s\"", plan->step->notice);
	if ((r = notice_fields(env->notices, plan->step->template_name, channel, input, arena, &fields, err)) < 0)
		return r;
	lacks = demand_lacks(arena, kind, fields, channel == CHANNEL_LETTER);
	for (const char *const *field = lacks; *field; field++)
		list = arena_printf(arena, "%s%s%s", list, *list ? ", " : "", *field);
	return *lacks ? err_set(err, -EBADMSG, CONTACT_INCOMPLETE, "", "%s lacks %s (%s)", kind->name, list, kind->source) : 0;
}

/* The link to the debtor's page about it, where there is one: good for some time from today, and it knows by which way it went. */
static const char *page_url(const struct contact_env *env, const struct escalation *e, enum channel channel, const char *locale, struct arena *arena)
{
	const struct config *c = env->config;
	const struct token_keys keys = { env->install_key, (int)c->page_key, (int)c->page_oldest_key };
	struct page_link link = { .partition = env->partition, .channel = channel, .invoice_id = e->invoice.id,
		.last_on = { (int32_t)(env->now / DAY_MS + c->page_link_days) } };

	page_link_language(locale, link.language);
	return c->page_public_url && env->install_key ? arena_printf(arena, "%s/p/%s", c->page_public_url, page_link_write(&keys, &link, arena)) : NULL;
}

unsigned contact_offers(const struct contact_plan *plan, const struct business_time *when, date today, struct arena *arena)
{
	unsigned offered = 0;

	for (size_t k = 0; k < plan->step->offer_count; k++) {
		struct made_offer one;
		size_t given = 0;

		while (given < plan->member_count && offer_terms(&plan->step->offers[k], plan->members[given], when, today, &one, arena))
			given++;
		offered |= (unsigned)(given == plan->member_count) << k;
	}
	return offered;
}

/* About several invoices together: each keeps its own share, and the notice states the sum. */
static int add_offers(const struct contact_plan *plan, const struct business_time *when, date today, struct notice_input *input,
	struct arena *arena, struct err *err)
{
	struct notice_offer *offers = arena_alloc(arena, OFFERS_MAX * sizeof(*offers));
	const char *currency = plan->members[0]->invoice.snapshot.currency;
	unsigned offered = contact_offers(plan, when, today, arena);

	for (size_t k = 0; k < plan->step->offer_count; k++) {
		struct notice_offer *to = &offers[input->offer_count];
		struct notice_part_due *parts = NULL;

		if (!(offered >> k & 1))
			continue;
		input->offer_count++;
		*to = (struct notice_offer){ .code = plan->step->offers[k].code, .plan = plan->step->offers[k].instalments > 0 };
		memcpy(to->amount.currency, currency, 4);
		for (size_t i = 0; i < plan->member_count; i++) {
			struct made_offer one;

			(void)offer_terms(&plan->step->offers[k], plan->members[i], when, today, &one, arena);
			to->until = one.until;
			parts = parts ? parts : arena_alloc(arena, (one.instalment_count + 1) * sizeof(*parts));
			for (size_t n = 0; n < one.instalment_count; n++) {
				parts[n].due_on = one.instalments[n].due_on;
				memcpy(parts[n].amount.currency, currency, 4);
				if (!money_add(parts[n].amount.minor, one.instalments[n].amount, &parts[n].amount.minor))
					return err_set(err, -EBADMSG, "out_of_range", "", "what is offered does not add up within 2^53");
			}
			if (!money_add(to->amount.minor, one.amount, &to->amount.minor))
				return err_set(err, -EBADMSG, "out_of_range", "", "what is offered does not add up within 2^53");
			to->instalments = parts;
			to->instalment_count = one.instalment_count;
		}
	}
	input->offers = offers;
	return 0;
}

/* The step's text, or the one that says that we were waited on too long. A user who ships texts of his own may have none of that name. */
static const char *template_of(const struct contact_env *env, const struct contact_plan *plan, enum channel channel, const char *locale)
{
	if (plan->beside || !escalation_resets(plan->members[0], plan->policy, plan->step, channel))
		return plan->step->template_name;
	if (notice_set_find(env->notices, locale, plan->step->template_name, channel, NULL) < 0)
		locale = env->config->creditor.locale; /* the step's own would be in that language, too */
	return notice_set_find(env->notices, locale, RESET_TEMPLATE, channel, NULL) == 0 ? RESET_TEMPLATE : plan->step->template_name;
}

int contact_render(const struct contact_env *env, const struct debtor *debtor, const struct contact_plan *plan,
	enum channel channel, const char *attempt, struct arena *arena, struct notice *ret, const struct sender **sender, struct err *err)
{
	struct business_time when = schedule_window(plan->policy, debtor, env->config->creditor.zone, env->holidays);
	struct notice_invoice *invoices = arena_alloc(arena, plan->member_count * sizeof(*invoices));
	struct notice_input input = { .creditor = &env->config->creditor, .debtor_name = debtor->customer.name,
		.contact_name = plan->contact->name, .invoices = invoices, .invoice_count = plan->member_count,
		.today = business_date(&when, env->now), .deadline = date_none(), .attempt_id = attempt,
		.fallback_locale = env->config->creditor.locale, .country = debtor->customer.country,
		.consumer = guard_debtor(customer_kind_names[debtor->customer.kind]) == DEBTOR_CONSUMER, .nothing_open = debtor_owes_nothing(debtor) };
	struct notice_talk talk;
	int r;

	contact_step_says(plan->policy, plan->step, env->interest, &when, &input);
	*sender = find_sender(env->config, plan->step->sender);
	if (plan->beside) {
		talk = talk_of(plan, when.zone);
		input.talk = &talk;
	}
	input.sender = *sender;
	input.locale = debtor_locale(debtor, plan->contact, env->config->creditor.locale);
	for (size_t i = 0; i < plan->member_count; i++) {
		const struct snapshot *s = &plan->members[i]->invoice.snapshot;
		struct invoice_view view = invoice_view(&plan->members[i]->invoice);

		invoices[i] = (struct notice_invoice){ .number = s->number ? s->number : plan->members[i]->invoice.id,
			.payment_url = payment_link_of(plan->members[i], env->now), .pdf_url = s->pdf_url, .page_url = page_url(env, plan->members[i], channel, input.locale, arena),
			.issued_on = s->issued_on, .terms = s->late_fee_ref, .contract = s->contract, .due_on = s->due_on,
			.terms_url = s->terms_url, .terms_agreed_on = s->terms_agreed_on, .purchase_order = s->purchase_order, .delivery_proof = s->delivery_proof,
			.note = !plan->beside && plan->step->kind == STEP_MESSAGE ? note_to_say(plan->members[i], channel, env->now) : NULL,
			.moved_days = date_diff(schedule_due(plan->policy, &when, s->due_on), s->due_on),
			.total.minor = s->total, .balance.minor = view.balance, .days_past_due = date_diff(input.today, s->due_on),
			.fee_waived = plan->members[i]->late_fee.waived_at != 0 };
		memcpy(invoices[i].total.currency, s->currency, 4);
		memcpy(invoices[i].balance.currency, s->currency, 4);
		if (!money_add(input.balance.minor, view.balance, &input.balance.minor))
			return err_set(err, -EBADMSG, "out_of_range", "", "the balances do not add up within 2^53");
		memcpy(input.balance.currency, s->currency, 4);
	}
	if (add_offers(plan, &when, input.today, &input, arena, err) < 0)
		return -EBADMSG;
	if ((r = check_notice(env, plan, channel, &input, arena, err)) < 0)
		return r;
	return notice_render(env->notices, template_of(env, plan, channel, input.locale), channel, &input, arena, ret, err);
}

const char **contact_ids(const struct contact_plan *plan, struct arena *arena)
{
	const char **ids = arena_alloc(arena, plan->member_count * sizeof(*ids));

	for (size_t i = 0; i < plan->member_count; i++)
		ids[i] = plan->members[i]->invoice.id;
	return ids;
}

struct draft *contact_task_opened(const struct contact_plan *plan, const struct task *task, struct effects *fx)
{
	for (size_t i = 0; i < plan->member_count; i++) {
		struct escalation *e = plan->members[i];

		escalation_move(e, TRIGGER_TASK_OPENED);
		e->step = plan->steps[i]->id;
		e->task = task->id;
		e->since = task->opened_at;
		e->look_at = e->next_at = task->deadline;
		e->acts_at = 0;
	}
	return effects_task(fx, task);
}

static void write_ids(struct json_writer *w, const char *const *ids, size_t count)
{
	jw_array(w, "invoices");
	for (size_t i = 0; i < count; i++)
		jw_str(w, NULL, ids[i]);
	jw_end_array(w);
}

static void write_trace(struct json_writer *w, const struct contact_env *env, const struct debtor *debtor,
	const struct contact_plan *plan)
{
	size_t week = 0;

	for (size_t i = 0; i < debtor->contact_count; i++)
		week += debtor->contacts[i].at > env->now - 7 * DAY_MS;
	jw_object(w, "rule");
	jw_int(w, "owed_at", plan->owed_at);
	jw_opt_str(w, "why", plan->why);
	jw_opt_str(w, "contact_rule", plan->rule);
	jw_int(w, "contacts_last_7_days", (int64_t)week);
	jw_str(w, "zone", debtor_zone(debtor, env->config->creditor.zone));
	jw_array(w, "steps");
	for (size_t i = 0; i < plan->member_count; i++)
		jw_str(w, NULL, plan->steps[i]->id);
	jw_end_array(w);
	jw_array(w, "balances_minor");
	for (size_t i = 0; i < plan->member_count; i++)
		jw_int(w, NULL, invoice_view(&plan->members[i]->invoice).balance);
	jw_end_array(w);
	jw_str(w, "currency", plan->members[0]->invoice.snapshot.currency);
	jw_end_object(w);
}

static struct buf *arena_buf(struct arena *arena)
{
	struct buf *buf = arena_alloc(arena, sizeof(*buf));

	buf->arena = arena;
	return buf;
}

static const struct draft *record_intent(const struct contact_env *env, const struct debtor *debtor,
	const struct contact_plan *plan, const struct message *m, const struct notice *notice, const struct buf *request,
	const char *request_type, const struct contact_papers *papers, struct effects *fx)
{
	struct draft *draft = effects_record(fx, "attempt.intent", debtor->id);
	struct json_writer *w = &draft->w, part;
	struct buf *message = arena_buf(fx->arena), *recipient = arena_buf(fx->arena);
	uint8_t digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];

	jw_str(w, "attempt", m->attempt_id);
	write_ids(w, m->invoice_ids, m->invoice_count);
	jw_str(w, "step", m->step);
	jw_str(w, "tone", tone_names[plan->step->tone]);
	jw_str(w, "channel", channel_names[m->channel]);
	jw_str(w, "provider", m->provider);
	jw_str(w, "locale", m->locale);
	jw_str(w, "template", template_of(env, plan, m->channel, debtor_locale(debtor, plan->contact, env->config->creditor.locale)));
	jw_str(w, "template_digest", notice->digest);
	jw_str(w, "policy_name", plan->policy->name);
	jw_str(w, "policy_digest", plan->policy->digest);
	if (env->config->shadow)
		jw_bool(w, "shadow", true);
	write_trace(w, env, debtor, plan);
	contact_documents_write(w, m, papers);
	if (env->unkept)
		return draft;
	part = jw_init(message);
	message_write(&part, NULL, m);
	draft_part(draft, "message.json", "application/json", CLASS_CONTENT, message->data, message->len);
	part = jw_init(recipient);
	jw_object(&part, NULL);
	jw_str(&part, "contact", plan->contact->id);
	jw_opt_str(&part, "name", plan->contact->name);
	jw_opt_str(&part, "address", message_address(m, fx->arena));
	jw_end_object(&part);
	draft_part(draft, "recipient.json", "application/json", CLASS_IDENTITY, recipient->data, recipient->len);
	if (request->len) {
		sha256(request->data, request->len, digest);
		jw_str(w, "request_sha256", hex_format(digest, SHA256_SIZE, hex));
		draft_part(draft, "request", request_type, CLASS_CONTENT, request->data, request->len);
	}
	return draft;
}

const char *contact_attempt(const struct contact_env *env, const struct debtor *debtor, const struct contact_plan *plan, struct arena *arena,
	const char **address)
{
	struct attempt_name name = { .debtor = debtor->id, .invoice = plan->members[0]->invoice.id, .step = plan->step->id,
		.channel = channel_names[plan->channel], .recipient = debtor_address(debtor, plan->contact, plan->channel, arena),
		.attempt_try = (uint32_t)plan->members[0]->tries, .partition = env->partition, .due_at = plan->owed_at };
	char id[ATTEMPT_ID_SIZE];

	attempt_id(env->install_key, &name, id);
	*address = name.recipient;
	return arena_strdup(arena, id);
}

int contact_release(const struct contact_env *env, struct debtor *debtor, const struct contact_plan *plan,
	contact_request_fn request, void *arg, struct effects *fx, struct contact_released *ret, struct err *err)
{
	struct message *m = &ret->message;
	struct buf *masked = arena_buf(fx->arena);
	const struct sender *sender = NULL;
	const char *address;
	struct notice notice;
	struct err inner = { 0 };
	struct draft *event;
	int r, mail = 0;

	*m = (struct message){ .channel = plan->channel, .provider = plan->provider ? plan->provider : env->config->channel_providers[plan->channel][0],
		.debtor_id = debtor->id, .step = plan->step->id, .policy = plan->policy->name,
		.invoice_ids = contact_ids(plan, fx->arena), .invoice_count = plan->member_count, .written_at = env->now };
	if (plan->beside) /* made for this plan: the message outlives it */
		m->step = arena_strdup(fx->arena, plan->step->id);
	if (!m->provider)
		return err_set(err, -ENOENT, "no_provider", "$.channels", "no provider is configured for channel %s",
			channel_names[plan->channel]);
	if (contact_enclosures(env, plan))
		return err_set(err, -EBADMSG, CONTACT_INCOMPLETE, "", "%s must have enclosures, which a person adds", plan->step->notice);
	if ((r = contact_links(env, plan, fx, err)) < 0)
		return r;
	m->attempt_id = contact_attempt(env, debtor, plan, fx->arena, &address);
	r = contact_render(env, debtor, plan, plan->channel, m->attempt_id, fx->arena, &notice, &sender, err);
	if (r < 0)
		return r;
	m->to = (struct party){ .name = plan->contact->name, .email = plan->contact->email,
		.phone = plan->contact->phone };
	if (sender)
		m->from = (struct party){ sender->name, sender->email, sender->phone, sender->reply_to };
	unsubscribe_offer(env->config, env->install_key, page_url(env, plan->members[0], m->channel, notice.locale, fx->arena), m, fx->arena);
	m->locale = m->channel == CHANNEL_VOICE ? notice.format : notice.locale; /* a voice has an accent */
	m->subject = notice.subject;
	m->text = notice.text;
	m->html = notice.html;
	r = m->channel == CHANNEL_LETTER ? contact_letter(env, debtor, plan, sender, &notice, m, fx->arena, err) :
	    plan->step->attach_statement && m->channel == CHANNEL_EMAIL ?
					   contact_statement(env, debtor, plan, sender, &notice, m, fx->arena, err) : 0;
	if (r < 0 || (r = contact_documents(env, plan, m, &ret->papers, fx->arena, err)) < 0)
		return r;
	if (request && (mail = request(m, masked, &inner, arg)) < 0)
		return err_set(err, mail, "bad_request", inner.path, "the request to provider %s cannot be made: %s", m->provider, inner.text);
	for (size_t i = 0; i < plan->member_count; i++) {
		struct escalation *e = plan->members[i];

		escalation_move(e, TRIGGER_RELEASED);
		e->step = plan->beside ? arena_strdup(fx->arena, plan->steps[i]->id) : plan->steps[i]->id;
		e->attempt = m->attempt_id;
		e->since = env->now;
		e->look_at = e->next_at = env->now + SAFETY_LOOK_MS;
		e->acts_at = 0;
	}
	contact_written(env, debtor, plan, &notice, m->attempt_id, fx);
	debtor_contact_add(debtor, fx->arena, env->now, plan->channel, m->attempt_id);
	debtor_contact_made(debtor, m->attempt_id)->to = address;
	debtor_contact_made(debtor, m->attempt_id)->aside = plan->beside;
	if (plan->beside && plan->asides[0].kind == ASIDE_STOPPED)
		debtor->stop_replies[plan->channel].confirmed = true; /* once, whatever becomes of it */
	ret->intent = record_intent(env, debtor, plan, m, &notice, masked, mail ? "message/rfc822" : "application/http", &ret->papers, fx);
	event = effects_event(fx, "contact.reserved", debtor->id, m->invoice_ids[0]);
	jw_str(&event->w, "attempt", m->attempt_id);
	jw_str(&event->w, "step", m->step);
	jw_str(&event->w, "channel", channel_names[m->channel]);
	write_ids(&event->w, m->invoice_ids, m->invoice_count);
	if (env->config->shadow)
		jw_bool(&event->w, "shadow", true);
	return 0;
}

int contact_open_call(const struct contact_env *env, struct debtor *debtor, const struct contact_plan *plan,
	struct effects *fx, struct err *err)
{
	struct business_time when = schedule_window(plan->policy, debtor, env->config->creditor.zone, env->holidays);
	date today = business_date(&when, env->now), last;
	const struct sender *sender;
	struct notice notice;
	struct task task;
	int r;

	r = contact_render(env, debtor, plan, CHANNEL_CALL, NULL, fx->arena, &notice, &sender, err);
	if (r < 0)
		return r;
	last = plan->step->deadline_business ? business_add_days(&when, today, plan->step->deadline_days) :
					       date_add_days(today, plan->step->deadline_days);
	task = (struct task){ .id = arena_printf(fx->arena, "call:%s:%s", plan->members[0]->invoice.id, plan->step->id),
		.kind = "call", .debtor_id = debtor->id, .invoice_ids = contact_ids(plan, fx->arena),
		.invoice_count = plan->member_count, .step = plan->step->id, .role = plan->step->role, .owner = plan->step->owner,
		.opened_at = env->now, .deadline = zone_to_utc(when.zone, last, when.to_minute), .script = notice.text };
	(void)contact_task_opened(plan, &task, fx);
	return 0;
}

/* Who was called: whom they name, else whom the step reaches. That person is not used again, also not for the debtor's other invoices. */
static void note_wrong(const struct contact_env *env, struct debtor *debtor, const struct candidate *members, size_t count, const struct event *call,
	struct effects *fx)
{
	static const char *const billing[] = { "billing", NULL };
	const struct policy *policy = members[0].policy;
	int step = policy && members[0].escalation->step ? policy_step_index(policy, members[0].escalation->step) : -1;
	const struct contact *called = call->contact_id ? NULL : debtor_contact(debtor, CHANNEL_CALL, step >= 0 && policy->steps[step].to ? policy->steps[step].to : billing, env->now);

	for (size_t i = 0; i < debtor->customer.contact_count && call->contact_id; i++)
		if (strcmp(debtor->customer.contacts[i].id, call->contact_id) == 0)
			called = &debtor->customer.contacts[i];
	for (size_t i = 0; i < count; i++)
		debtor_wrong_add(debtor, fx->arena, called, members[i].escalation->invoice.id, env->now);
}

const char *contact_told_id(struct arena *arena, const char *what, const struct event *told)
{
	const char *word = arena_printf(arena, "%s\n%s", told->source, told->id);
	uint8_t digest[SHA256_SIZE];

	sha256(word, strlen(word), digest);
	return arena_printf(arena, "%s@%llu", what, (unsigned long long)read_u64be(digest)); /* see contact_made_by() */
}

void contact_called(const struct contact_env *env, struct debtor *debtor, struct candidate *members, size_t count, const struct event *call,
	const char *task, struct effects *fx)
{
	const char *outcome = call_outcome_names[call->outcome];
	const char *made = contact_told_id(fx->arena, task ? task : arena_printf(fx->arena, "call:%s", members[0].escalation->invoice.id), call);
	const char **ids = arena_alloc(fx->arena, (count + 1) * sizeof(*ids));
	struct draft *draft = effects_record(fx, "phone.note", members[0].escalation->invoice.debtor_id);
	char day[DATE_TEXT_SIZE];

	for (size_t i = 0; i < count; i++)
		ids[i] = members[i].escalation->invoice.id;
	jw_str(&draft->w, "invoice", ids[0]);
	write_ids(&draft->w, ids, count);
	jw_opt_str(&draft->w, "task", task);
	jw_str(&draft->w, "outcome", outcome);
	jw_opt_str(&draft->w, "who", call->who);
	jw_opt_str(&draft->w, "contact", call->contact_id);
	jw_opt_str(&draft->w, "reason", call->reason);
	jw_str(&draft->w, "event_id", call->id);
	if (date_is_set(call->until_on))
		jw_str(&draft->w, "until_on", date_format(call->until_on, day));
	jw_opt_int(&draft->w, "back_at", call->back_at);
	if (call->notes)
		draft_part(draft, "notes.txt", "text/plain; charset=utf-8", CLASS_CONTENT, call->notes, strlen(call->notes));
	if (call->tell)
		draft_part(draft, "told.txt", "text/plain; charset=utf-8", CLASS_CONTENT, call->tell, strlen(call->tell));
	if (task) {
		struct task done = { .id = task, .kind = "call", .debtor_id = members[0].escalation->invoice.debtor_id, .invoice_ids = ids,
			.invoice_count = count, .step = members[0].escalation->step, .reason = outcome, .close = true, .result = "done" };

		effects_task(fx, &done);
	}
	if (debtor && call->outcome == CALL_WRONG_CONTACT)
		note_wrong(env, debtor, members, count, call, fx);
	for (size_t i = 0; i < count; i++) { /* "call:<invoice>:<step>" */
		struct rules rules = contact_rules(env, members[i].policy);
		const char *said = task ? strrchr(task, ':') + 1 : NULL, *step = task ? members[i].escalation->step : NULL;

		size_t walked = members[i].escalation->walk_count;

		escalation_called(members[i].escalation, call, step, task, &rules, fx);
		if (members[i].escalation->walk_count > walked)
			escalation_said(members[i].escalation, said);
		if (call_reached(call->outcome)) /* a voicemail announces nothing to anybody */
			escalation_step_effects(members[i].escalation, debtor, members[i].policy, step, said, fx);
	}
	if (debtor && call->outcome != CALL_BACK_AT) /* who asks to be called again is not called too often by it */
		debtor_contact_add(debtor, fx->arena, env->now, CHANNEL_CALL, made);
}
