#include "tools/outlook.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/escalation.h"
#include "common/keys.h"
#include "common/migration.h"
#include "common/utc.h"
#include "common/zone.h"

#define PAYS_AFTER_DAYS 3
#define FEED_EVERY_MS (6 * HOUR_MS)

/* --- the book ------------------------------------------------------------------------------------------------------------------------ */

void book_add_event(struct book *book, const struct book_event *event)
{
	book->events = arena_grow(book->arena, book->events, book->event_count, &book->event_capacity, sizeof(*book->events));
	book->events[book->event_count++] = *event;
}

static int add_text(struct book *book, const char *type_prefix, size_t line, const char *text, size_t len, struct err *err)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct event event = { 0 };
	struct err inner = { 0 };
	int r = event_parse(arena, text, len, type_prefix, &event, &inner);

	if (r < 0)
		return err_set(err, r, inner.code, inner.path, "event %zu: %s %s", line, inner.path, inner.text);
	book_add_event(book, &(struct book_event){ event.time, text, len, event.type == EVENT_OPERATOR_COMMAND });
	return 0;
}

static int add_array(struct book *book, const char *type_prefix, const struct json *root, struct err *err)
{
	for (size_t i = 0; i < json_len(root); i++) {
		CLEANUP(buf_clear) struct buf text = { 0 };
		struct json one = json_at(root, i);
		int r;

		json_write(&text, &one);
		r = add_text(book, type_prefix, i + 1, arena_memdup(book->arena, buf_str(&text), text.len), text.len, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int book_read_events(struct book *book, const char *type_prefix, const char *text, size_t len, struct err *err)
{
	size_t line = 0;
	int r = 0;

	if (len && text[strspn(text, " \t\r\n")] == '[') {
		struct json *root = arena_alloc(book->arena, sizeof(*root));

		r = json_parse(book->arena, text, len, 0, root, err);
		return r < 0 ? r : add_array(book, type_prefix, root, err);
	}
	for (const char *at = text, *end = text + len; at < end && r == 0; line++) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t n = stop ? (size_t)(stop - at) : (size_t)(end - at);

		if (strspn(at, " \t\r") < n)
			r = add_text(book, type_prefix, line + 1, at, n, err);
		at += n + (stop != NULL);
	}
	return r;
}

/* --- assumptions ------------------------------------------------------------------------------------------------------------------------ */

int assumption_parse(const char *text, struct assumption *ret, struct err *err)
{
	char *end;

	if (strcmp(text, "nobody-pays") == 0) {
		ret->answer = NOBODY_PAYS;
		return 0;
	}
	if (strcmp(text, "history") == 0) {
		ret->answer = PAYS_HISTORY;
		return 0;
	}
	if (strncmp(text, "pays-after:", 11) == 0) {
		const char *step = text + 11, *plus = strrchr(step, '+');
		size_t n = plus ? (size_t)(plus - step) : strlen(step);
		int64_t span = PAYS_AFTER_DAYS * DAY_MS;

		if (n && n < sizeof(ret->step) && (!plus || (span_parse(plus + 1, &span) == 0 && span >= DAY_MS))) {
			ret->answer = PAYS_AFTER;
			ret->days = (int32_t)(span / DAY_MS);
			snprintf(ret->step, sizeof(ret->step), "%.*s", (int)n, step);
			return 0;
		}
	}
	if (strncmp(text, "share:", 6) == 0) {
		long percent = strtol(text + 6, &end, 10);

		if (text[6] && !*end && percent >= 0 && percent <= 100) {
			ret->answer = PAYS_SHARE;
			ret->percent = (int32_t)percent;
			ret->days = 7;
			return 0;
		}
	}
	return err_set(err, -EINVAL, "usage", "", "--assume wants nobody-pays, pays-after:STEP, pays-after:STEP+5d, share:PERCENT or history, "
		"not \"%s\"", text);
}

/* --- what is seen ---------------------------------------------------------------------------------------------------------------------------- */

struct word {
	struct word *next;
	char text[];
};

struct pending { /* an intent, until its message is sent */
	char attempt[32];
	struct outlook_contact contact;
	struct pending *next;
};

struct watching {
	const struct outlook_settings *settings;
	struct outlook *outlook;
	struct simulation *sim;
	struct arena *arena; /* of one record */
	struct pending *pending;
	struct word *words[4096];
	uint64_t order;
};

static uint32_t hash_text(uint32_t h, const char *s)
{
	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	return h;
}

/* The same few words come a hundred thousand times. */
static const char *keep(struct watching *w, const char *s)
{
	struct word **bucket, *word;

	if (!s || !*s)
		return NULL;
	bucket = &w->words[hash_text(2166136261u, s) % ARRAY_LEN(w->words)];
	for (word = *bucket; word; word = word->next)
		if (strcmp(word->text, s) == 0)
			return word->text;
	word = arena_alloc(w->outlook->arena, sizeof(*word) + strlen(s) + 1);
	memcpy(word->text, s, strlen(s) + 1);
	word->next = *bucket;
	*bucket = word;
	return word->text;
}

static void tally(struct watching *w, const char *kind, const char *step, const char *reason)
{
	struct outlook *o = w->outlook;

	step = keep(w, step);
	reason = keep(w, reason);
	for (size_t i = 0; i < o->tally_count; i++)
		if (o->tallies[i].step == step && o->tallies[i].reason == reason && strcmp(o->tallies[i].kind, kind) == 0) {
			o->tallies[i].count++;
			return;
		}
	o->tallies = arena_grow(o->arena, o->tallies, o->tally_count, &o->tally_capacity, sizeof(*o->tallies));
	o->tallies[o->tally_count++] = (struct outlook_tally){ kind, step, reason, 1 };
}

static const char *member(const struct json *object, const char *key)
{
	struct json value = json_get(object, key);

	return json_str(&value);
}

static const char **words_of(struct watching *w, const struct json *object, const char *key, size_t *count)
{
	struct json list = json_get(object, key);
	const char **ids;

	*count = json_len(&list);
	ids = arena_alloc(w->outlook->arena, (*count + 1) * sizeof(*ids));
	for (size_t i = 0; i < *count; i++) {
		struct json one = json_at(&list, i);

		ids[i] = keep(w, json_str(&one));
	}
	return ids;
}

/* --- answers ----------------------------------------------------------------------------------------------------------------------------------- */

/* As the store has it. False: it has none. */
static bool stored(struct watching *w, const char *invoice_id, struct escalation *ret)
{
	struct keyspace keys = simulation_keys(w->sim);
	size_t len;
	const char *text = simulation_get(w->sim, key_escalation(w->arena, &keys, invoice_id), &len);

	*ret = (struct escalation){ .invoice.id = invoice_id };
	return text && escalation_read(w->arena, text, len, ret, NULL) == 0;
}

static int64_t balance_of(struct watching *w, const char *invoice_id)
{
	struct escalation e;

	return stored(w, invoice_id, &e) ? invoice_view(&e.invoice).balance : 0;
}

/* By seed, invoice and step alone, so that two policies get the same answers from the same people. */
static uint32_t chance(const struct assumption *a, const char *invoice_id, const char *step)
{
	uint32_t h = hash_text(hash_text(2166136261u ^ (uint32_t)a->seed ^ (uint32_t)(a->seed >> 32), invoice_id) * 31, step);

	h ^= h >> 16;
	h *= 0x85ebca6bu;
	h ^= h >> 13;
	h *= 0xc2b2ae35u;
	return h ^ h >> 16;
}

static void pay(struct watching *w, const char *invoice_id, int32_t days)
{
	int64_t balance = balance_of(w, invoice_id), at = simulation_now(w->sim) + days * DAY_MS;
	char when[UTC_TEXT_SIZE];
	const char *text;

	if (balance <= 0)
		return;
	utc_format(at, when);
	text = arena_printf(w->outlook->arena,
		"{\"specversion\":\"1.0\",\"id\":\"sim-%s\",\"source\":\"urn:dunningd:simulation\",\"type\":\"invoice.payment_received\",\"time\":\"%s\","
		"\"data\":{\"invoice_id\":\"%s\",\"payment_id\":\"sim-%s\",\"amount_minor\":%lld,\"paid_at\":\"%s\"}}",
		invoice_id, when, invoice_id, invoice_id, (long long)balance, when);
	simulation_event(w->sim, at, text, strlen(text), false);
	w->outlook->payments++;
}

static void answer(struct watching *w, const struct outlook_contact *c)
{
	const struct assumption *a = &w->settings->assumption;

	for (size_t i = 0; i < c->invoice_count; i++) {
		uint32_t luck = chance(a, c->invoices[i], c->step);
		int32_t days;

		if (a->answer == PAYS_AFTER && strcmp(c->step, a->step) == 0)
			pay(w, c->invoices[i], a->days);
		else if (a->answer == PAYS_SHARE && luck % 100 < (uint32_t)a->percent)
			pay(w, c->invoices[i], 1 + (int32_t)(luck / 100 % (uint32_t)a->days));
		else if (a->answer == PAYS_HISTORY && (days = payment_history_answer(a->history, c->step, luck)) > 0)
			pay(w, c->invoices[i], days);
	}
}

/* A decision: go on. A handover: to a lawyer. Where a policy names who alone may answer, they do; of an unknown version nobody does. */
static void go_on(struct watching *w, const char *invoice_id, const char *step_id, const char *task, int64_t at)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct json_writer jw = jw_init(&text);
	const struct policy *policy = NULL;
	const struct step *step;
	struct escalation e;
	char when[UTC_TEXT_SIZE];
	int index;

	if (stored(w, invoice_id, &e) && e.policy_digest)
		policy = library_policy_digest(w->settings->library, e.policy_digest);
	index = policy ? policy_step_index(policy, step_id) : -ENOENT;
	if (index < 0)
		return;
	step = &policy->steps[index];
	jw_object(&jw, NULL);
	jw_str(&jw, "specversion", "1.0");
	jw_str(&jw, "id", arena_printf(w->arena, "sim-decide-%llu", (unsigned long long)w->order++));
	jw_str(&jw, "source", "urn:dunningd:simulation");
	jw_str(&jw, "type", "operator.command");
	jw_str(&jw, "time", utc_format(at, when));
	jw_object(&jw, "data");
	jw_str(&jw, "command", step->handover ? "handover" : "decide");
	jw_str(&jw, "target", task);
	jw_str(&jw, step->handover ? "to" : "decision", step->handover ? "lawyer" : "continue");
	jw_str(&jw, "who", step->approver ? step->approver : "simulation");
	jw_str(&jw, "why", "assumed");
	jw_end_object(&jw);
	jw_end_object(&jw);
	simulation_event(w->sim, at + 1, arena_memdup(w->outlook->arena, text.data, text.len), text.len, true);
}

/* Who was asked before it began answers, too. */
static void answer_asked(struct watching *w)
{
	const struct book *book = w->settings->book;

	for (size_t i = 0; w->settings->gates && i < book->doc_count; i++) {
		struct escalation e;

		arena_clear(w->arena);
		if (book->docs[i].kind == BOOK_ESCALATION && stored(w, book->docs[i].id, &e) && e.state == ESCALATION_GATE && e.step && e.task)
			go_on(w, e.invoice.id, e.step, e.task, w->settings->begin);
	}
}

/* --- contacts ----------------------------------------------------------------------------------------------------------------------------------- */

static void add_contact(struct watching *w, struct outlook_contact *c)
{
	struct outlook *o = w->outlook;
	const struct zone *zone;

	if (zone_get(c->zone ? c->zone : w->settings->config->creditor.zone, &zone) == 0) {
		c->day = zone_date(zone, c->at);
		c->minute = zone_minute(zone, c->at);
	}
	o->contacts = arena_grow(o->arena, o->contacts, o->contact_count, &o->contact_capacity, sizeof(*o->contacts));
	o->contacts[o->contact_count++] = *c;
	answer(w, c);
}

static void on_intent(struct watching *w, const struct json *record)
{
	struct json rule = json_get(record, "rule"), owed = json_get(&rule, "owed_at"), balances = json_get(&rule, "balances_minor");
	struct pending *p = xcalloc(1, sizeof(*p));
	struct outlook_contact *c = &p->contact;
	const char *attempt = member(record, "attempt");
	size_t step_count;

	snprintf(p->attempt, sizeof(p->attempt), "%s", attempt ? attempt : "");
	c->debtor = keep(w, member(record, "case"));
	c->step = keep(w, member(record, "step"));
	c->tone = keep(w, member(record, "tone"));
	c->channel = keep(w, member(record, "channel"));
	c->provider = keep(w, member(record, "provider"));
	c->policy = keep(w, member(record, "policy_name"));
	c->why = keep(w, member(&rule, "why"));
	c->rule = keep(w, member(&rule, "contact_rule"));
	c->zone = keep(w, member(&rule, "zone"));
	c->currency = keep(w, member(&rule, "currency"));
	c->owed_at = json_int(&owed);
	for (size_t i = 0; i < json_len(&balances); i++) {
		struct json one = json_at(&balances, i);

		c->balance += json_int(&one);
	}
	c->invoices = words_of(w, record, "invoices", &c->invoice_count);
	c->steps = words_of(w, &rule, "steps", &step_count);
	if (step_count != c->invoice_count)
		c->steps = NULL;
	p->next = w->pending;
	w->pending = p;
}

/* The person behind the address. */
static const struct contact *find_person(const struct debtor *debtor, const struct message *m)
{
	for (size_t i = 0; debtor && i < debtor->customer.contact_count; i++) {
		const struct contact *c = &debtor->customer.contacts[i];
		const char *has = m->channel == CHANNEL_EMAIL ? c->email : c->phone;
		const char *to = m->channel == CHANNEL_EMAIL ? m->to.email : m->to.phone;

		if (has && to && strcmp(has, to) == 0)
			return c;
	}
	return NULL;
}

static void on_sent(const struct message *m, const struct debtor *debtor, int64_t at, void *arg)
{
	struct watching *w = arg;
	const struct contact *person = find_person(debtor, m);

	arena_clear(w->arena);
	for (struct pending **p = &w->pending; *p; p = &(*p)->next) {
		struct pending *found = *p;

		if (strcmp(found->attempt, m->attempt_id) != 0)
			continue;
		found->contact.at = at;
		found->contact.name = debtor ? keep(w, debtor->customer.name) : NULL;
		found->contact.role = person ? keep(w, person->role) : NULL;
		found->contact.contact = person ? keep(w, person->id) : NULL;
		add_contact(w, &found->contact);
		*p = found->next;
		free(found);
		return;
	}
}

static void on_task(struct watching *w, const struct json *record, int64_t at)
{
	const char *kind = member(record, "task_kind"), *step = member(record, "step"), *reason = member(record, "reason");
	struct json invoices = json_get(record, "invoices"), invoice = json_at(&invoices, 0);
	bool renewed = reason && strcmp(reason, "renewed") == 0;

	if (!kind)
		return;
	if (strcmp(kind, "call") == 0) {
		struct outlook_contact c = { .at = at, .debtor = keep(w, member(record, "case")), .step = keep(w, step), .channel = "call",
			.role = keep(w, member(record, "role")) };
		struct keyspace keys = simulation_keys(w->sim);
		struct debtor debtor = { .id = c.debtor };
		size_t len;
		const char *text = simulation_get(w->sim, key_debtor(w->arena, &keys, c.debtor), &len);

		c.invoices = words_of(w, record, "invoices", &c.invoice_count);
		if (text && debtor_read(w->arena, text, len, &debtor, NULL) == 0) {
			c.name = keep(w, debtor.customer.name);
			c.zone = keep(w, debtor_zone(&debtor, w->settings->config->creditor.zone));
		}
		add_contact(w, &c);
	} else if (strcmp(kind, "decision") == 0) {
		if (!renewed)
			tally(w, "gate", step, reason);
		if (!renewed && w->settings->gates && json_len(&invoices))
			go_on(w, json_str(&invoice), step, member(record, "task"), at);
	} else if (!renewed) {
		tally(w, "task", step, kind);
	}
}

static const char *const kinds[] = { "attempt.intent", "attempt.deferred", "attempt.skipped", "hold.opened", "task.opened" };

static bool on_kind(const char *kind, void *arg)
{
	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcmp(kinds[i], kind) == 0)
			return true;
	return false;
}

static void on_record(const char *json, size_t len, int64_t at, void *arg)
{
	struct watching *w = arg;
	struct json record;
	const char *kind;

	arena_clear(w->arena);
	if (json_parse(w->arena, json, len, JSON_OURS, &record, NULL) < 0)
		return;
	kind = member(&record, "kind");
	if (strcmp(kind, "attempt.intent") == 0)
		on_intent(w, &record);
	else if (strcmp(kind, "attempt.deferred") == 0)
		tally(w, "deferred", member(&record, "step"), member(&record, "reason"));
	else if (strcmp(kind, "attempt.skipped") == 0)
		tally(w, "skipped", member(&record, "step"), member(&record, "reason"));
	else if (strcmp(kind, "hold.opened") == 0)
		tally(w, "hold", NULL, member(&record, "hold"));
	else
		on_task(w, &record, at);
}

static void on_refused(const char *reason, void *arg)
{
	tally(arg, "refused", NULL, reason);
}

/* Payment feeds go on: whatever came is known, up to now. */
static void tell_feeds(struct watching *w, int64_t now)
{
	for (size_t i = 0; i < w->settings->book->feed_count; i++)
		for (int64_t at = now; at < now + DAY_MS; at += FEED_EVERY_MS) {
			char when[UTC_TEXT_SIZE];
			const char *text = arena_printf(w->outlook->arena,
				"{\"specversion\":\"1.0\",\"id\":\"sim-feed-%llu\",\"source\":\"%s\",\"type\":\"ledger.watermark\",\"time\":\"%s\","
				"\"data\":{\"ledger\":\"%s\",\"complete_until\":\"%s\"}}",
				(unsigned long long)w->order++, w->settings->book->feeds[i], utc_format(at, when),
				w->settings->book->feeds[i], when);

			simulation_event(w->sim, at, text, strlen(text), false);
		}
}

static void on_day(int64_t at, void *arg)
{
	struct watching *w = arg;
	const struct outlook_settings *s = w->settings;

	tell_feeds(w, at);
	if (s->progress)
		s->progress((at - s->begin) / DAY_MS, (s->end - s->begin) / DAY_MS, s->arg);
}

/* --- play ------------------------------------------------------------------------------------------------------------------------------------------ */

/* The policy does not ask what a person is being asked. */
static bool asks_otherwise(const struct escalation *e, const struct policy *to)
{
	int step = e->step ? policy_step_index(to, e->step) : -ENOENT;

	return (e->state == ESCALATION_GATE && (step < 0 || to->steps[step].kind != STEP_GATE)) || (e->state == ESCALATION_TASK && step < 0);
}

/* Nobody would ever answer, and the walk goes on without it. */
static void drop_question(struct escalation *e)
{
	(void)escalation_move(e, e->state == ESCALATION_GATE ? TRIGGER_DECIDED : TRIGGER_TASK_ENDED);
	e->step = e->task = NULL;
	e->look_at = 0;
}

/* As after `policy migrate`: the walk goes on, by the version that is loaded. Where that is refused, the policy begins with its own steps. */
static bool put_moved(struct watching *w, const char *key, const struct book_doc *doc)
{
	struct escalation e = { .invoice.id = doc->id };
	CLEANUP(buf_clear) struct buf text = { 0 };
	const struct policy *to;
	struct migration plan;
	struct effects fx;

	if (!w->settings->moved_from || escalation_read(w->arena, doc->text, doc->len, &e, NULL) < 0 || !e.policy ||
		strcmp(e.policy, w->settings->moved_from) != 0)
		return false;
	to = library_policy(w->settings->library, w->settings->moved_to);
	if (!to)
		return false;
	plan = migration_plan(&e, to, NULL);
	if (plan.refused && (strcmp(plan.refused, "asked") == 0 || asks_otherwise(&e, to))) {
		drop_question(&e);
		plan = migration_plan(&e, to, NULL);
	}
	effects_init(&fx, w->arena, w->settings->begin);
	if (!plan.refused)
		migration_apply(&e, to, &plan, &fx);
	e.policy = to->name;
	e.policy_digest = to->digest;
	escalation_write(&text, &e);
	simulation_put(w->sim, key, buf_str(&text), text.len);
	return true;
}

static void open_book(struct watching *w)
{
	const struct book *book = w->settings->book;
	struct keyspace keys = simulation_keys(w->sim);
	bool moves = w->settings->moved_from != NULL;

	for (size_t i = 0; i < book->doc_count; i++) {
		const struct book_doc *doc = &book->docs[i];
		const char *key;

		arena_clear(w->arena);
		key = doc->kind == BOOK_ESCALATION ? key_escalation(w->arena, &keys, doc->id) : key_debtor(w->arena, &keys, doc->id);
		if (doc->kind != BOOK_ESCALATION || !put_moved(w, key, doc))
			simulation_put(w->sim, key, doc->text, doc->len);
		if (doc->kind == BOOK_ESCALATION && moves) /* all are looked at anew */
			simulation_put_due(w->sim, doc->id, w->settings->begin);
	}
	for (size_t i = 0; i < book->due_count; i++)
		if (!moves)
			simulation_put_due(w->sim, book->dues[i].invoice_id, book->dues[i].at);
	for (size_t i = 0; i < book->attempt_count; i++)
		simulation_put_attempt(w->sim, book->attempts[i].id, book->attempts[i].text, book->attempts[i].len);
	for (size_t i = 0; i < book->event_count; i++) {
		const struct book_event *e = &book->events[i];

		simulation_event(w->sim, e->at, e->text, e->len, e->operator);
	}
	answer_asked(w);
	tell_feeds(w, w->settings->begin);
}

static int word_order(const char *a, const char *b)
{
	return a == b ? 0 : !a ? -1 : !b ? 1 : strcmp(a, b);
}

static int by_time(const void *a, const void *b)
{
	const struct outlook_contact *x = a, *y = b;
	int order;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	order = word_order(x->debtor, y->debtor);
	return order ? order : word_order(x->step, y->step);
}

static int by_kind(const void *a, const void *b)
{
	const struct outlook_tally *x = a, *y = b;
	int order = strcmp(x->kind, y->kind);

	if (!order)
		order = word_order(x->step, y->step);
	return order ? order : word_order(x->reason, y->reason);
}

static int pointer_order(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void finish(struct watching *w)
{
	struct outlook *o = w->outlook;
	const char **debtors = xcalloc(o->contact_count + 1, sizeof(*debtors));

	if (o->contact_count)
		qsort(o->contacts, o->contact_count, sizeof(*o->contacts), by_time);
	if (o->tally_count)
		qsort(o->tallies, o->tally_count, sizeof(*o->tallies), by_kind);
	for (size_t i = 0; i < o->contact_count; i++)
		debtors[i] = o->contacts[i].debtor;
	qsort(debtors, o->contact_count, sizeof(*debtors), pointer_order);
	for (size_t i = 0; i < o->contact_count; i++)
		o->debtors += !i || debtors[i] != debtors[i - 1];
	free(debtors);
	o->counts = simulation_counts(w->sim);
	if (o->counts.held)
		o->counts.held = keep(w, o->counts.held);
}

int outlook_play(const struct outlook_settings *settings, struct outlook **ret, struct err *err)
{
	CLEANUP(outlook_freep) struct outlook *o = xcalloc(1, sizeof(*o));
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(simulation_freep) struct simulation *sim = NULL;
	struct watching w = { .settings = settings, .outlook = o, .arena = arena };
	const struct simulation_settings play = { .config = settings->config, .library = settings->library, .begin = settings->begin,
		.end = settings->end };
	const struct simulation_watch watch = { .sent = on_sent, .record = on_record, .hears = on_kind, .refused = on_refused, .day = on_day, .arg = &w };
	int r;

	o->arena = arena_create();
	o->begin = settings->begin;
	o->end = settings->end;
	w.sim = sim = simulation_create(&play, &watch);
	open_book(&w);
	r = simulation_run(sim, err);
	finish(&w);
	while (w.pending) {
		struct pending *gone = w.pending;

		w.pending = gone->next;
		free(gone);
	}
	if (r < 0)
		return r;
	*ret = TAKE(o);
	return 0;
}

void outlook_free(struct outlook *outlook)
{
	if (!outlook)
		return;
	arena_free(outlook->arena);
	free(outlook);
}
