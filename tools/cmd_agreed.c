/*
 * dunningctl promise, plan, dispute, settle: what a person agreed with a debtor, or heard from one, as the events that any producer may
 * send, on the operator's stream, with who and why. And what of it stands.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/hash.h"
#include "common/utc.h"
#include "tools/cmd.h"

struct told { /* an event to be */
	enum event_type type;
	const char *invoice_id, *why;
	const char *id_key, *id; /* of the fact */
	date until_on;
	const char *reason, *accepted_by;
	int64_t amount; /* minor units; -1 = none */
	bool in_kind;
	const struct instalment *instalments;
	size_t instalment_count;
};

static void write_told(struct ctl *ctl, const struct told *told, const char *event_id, int64_t at, struct buf *out)
{
	struct json_writer w = jw_init(out);
	char text[UTC_TEXT_SIZE], day[DATE_TEXT_SIZE];

	jw_object(&w, NULL);
	jw_str(&w, "specversion", "1.0");
	jw_str(&w, "id", event_id);
	jw_str(&w, "source", "dunningctl");
	jw_str(&w, "type", event_type_names[told->type]);
	jw_str(&w, "time", utc_format(at, text));
	jw_object(&w, "data");
	jw_opt_str(&w, "invoice_id", told->invoice_id);
	jw_str(&w, told->id_key, told->id);
	jw_str(&w, "who", ctl_who(ctl));
	jw_str(&w, "why", told->why);
	if (date_is_set(told->until_on))
		jw_str(&w, "until_on", date_format(told->until_on, day));
	jw_opt_str(&w, "reason", told->reason);
	jw_opt_str(&w, "accepted_by", told->accepted_by);
	if (told->amount >= 0)
		jw_int(&w, "amount_minor", told->amount);
	if (told->in_kind)
		jw_str(&w, "method", "other");
	if (told->instalment_count)
		jw_array(&w, "instalments");
	for (size_t i = 0; i < told->instalment_count; i++) {
		jw_object(&w, NULL);
		jw_str(&w, "due_on", date_format(told->instalments[i].due_on, day));
		jw_int(&w, "amount_minor", told->instalments[i].amount);
		jw_end_object(&w);
	}
	if (told->instalment_count)
		jw_end_array(&w);
	jw_end_object(&w);
	jw_end_object(&w);
}

/* Whoever takes something back has seen it: his word is newer, also where a played clock stands still or another's runs ahead. */
static int64_t told_at(const struct ctl *ctl, const struct entry *entry, const struct told *told)
{
	int64_t at = ctl->now;

	for (size_t i = 0; i < entry->e.invoice.fact_count; i++) {
		const struct fact *fact = &entry->e.invoice.facts[i];

		if (strcmp(fact->id, told->id) == 0 && fact->order.time >= at)
			at = fact->order.time + 1;
	}
	return at;
}

static const char *fresh_id(struct ctl *ctl)
{
	uint8_t random[16];
	char hex[33];

	random_bytes(random, sizeof(random));
	return arena_strdup(ctl->arena, hex_format(random, sizeof(random), hex));
}

/* Puts it into the operator's stream of that partition, `about` whom. */
static int send_told(struct ctl *ctl, uint32_t partition, struct told *told, const char *about, int64_t at)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct keyspace keys = ctl_keys(ctl, partition);
	const char *event_id = fresh_id(ctl);
	const struct redis_reply *reply;
	struct fields *f = fields_create(ctl->arena);
	struct event event;
	struct err err = { 0 };
	int r;

	if (!told->why[0])
		return ctl_fail(ctl, EXIT_USAGE, "usage", "say why: it stands in the trail");
	write_told(ctl, told, event_id, at, &text);
	if (event_parse(ctl->arena, text.data, text.len, NULL, &event, &err) < 0)
		return ctl_fail(ctl, EXIT_USAGE, err.code, "%s %s", err.path, err.text);
	r = ctl_ask(ctl, ctl->arena, &reply, "XADD", key_events(ctl->arena, &keys, "operator"), "*", "event", buf_str(&text), NULL);
	if (r != 0)
		return r;
	fields_add(f, "event", NULL, cell_text(event_type_names[told->type]));
	fields_add(f, told->invoice_id ? "invoice" : "customer", NULL, cell_text(about));
	if (told->invoice_id)
		fields_add(f, "id", NULL, cell_text(told->id));
	fields_add(f, "event_id", NULL, cell_text(event_id));
	fields_add(f, "entry", NULL, cell_text(reply->str));
	if (ctl->view.json)
		view_fields(&ctl->view, f);
	else
		view_say(&ctl->view, "Told to the daemon: %s of %s%s%s", event_type_names[told->type], about, told->invoice_id ? ", " : "",
			told->invoice_id ? told->id : "");
	return EXIT_DONE;
}

static int tell(struct ctl *ctl, const struct entry *entry, struct told *told)
{
	told->invoice_id = entry->e.invoice.id;
	return send_told(ctl, entry->partition, told, told->invoice_id, told_at(ctl, entry, told));
}

/* The invoice of the first word, which must be open. */
static int open_entry(struct ctl *ctl, const struct invocation *call, struct entry *ret)
{
	int r = ctl_config(ctl, false);

	if (r == 0)
		r = entry_find(ctl, ctl->arena, call->args[0], ret);
	if (r == 0 && ret->e.state == ESCALATION_CLOSED)
		return ctl_fail(ctl, EXIT_FOUND, "closed", "invoice %s is closed (%s)", call->args[0], ret->e.closed ? ret->e.closed : "?");
	return r;
}

static int read_day(struct ctl *ctl, const char *text, date *ret)
{
	if (date_parse(text, ret) < 0)
		return ctl_fail(ctl, EXIT_USAGE, "usage", "\"%s\" must be a day like 2026-03-02", text);
	return 0;
}

/* "400", "400.00": in the invoice's currency. */
static int read_amount(struct ctl *ctl, const char *text, const char *currency, int64_t *ret)
{
	int exponent = currency_exponent(currency), decimals = 0;
	size_t digits = strspn(text, "0123456789");
	const char *at = text + digits;
	int64_t minor = 0;

	if (exponent < 0 || !digits || digits > 14)
		return ctl_fail(ctl, EXIT_USAGE, "usage", "\"%s\" is no amount of %s", text, currency);
	for (size_t i = 0; i < digits; i++)
		minor = minor * 10 + (text[i] - '0');
	if (*at == '.')
		for (at++; *at >= '0' && *at <= '9' && decimals < exponent; at++, decimals++)
			minor = minor * 10 + (*at - '0');
	for (; decimals < exponent; decimals++)
		minor *= 10;
	if (*at || minor > AGREED_AMOUNT_MAX)
		return ctl_fail(ctl, EXIT_USAGE, "usage", "\"%s\" is no amount of %s, which has %d decimals", text, currency, exponent);
	*ret = minor;
	return 0;
}

/* Which one: as named, else the one in force. */
static int standing(struct ctl *ctl, const struct entry *entry, const struct fact *fact, const char *given, const char *what, const char **ret)
{
	if (!given && !fact)
		return ctl_fail(ctl, EXIT_FOUND, "none", "no %s of invoice %s stands", what, entry->e.invoice.id);
	*ret = given ? given : fact->id;
	return 0;
}

/* --- promises --------------------------------------------------------------------------------------------------------------- */

static int run_promise_make(struct ctl *ctl, const struct invocation *call)
{
	struct told told = { .type = EVENT_PROMISE_MADE, .id_key = "promise_id", .why = call->args[2], .amount = -1 };
	struct entry entry;
	int r = open_entry(ctl, call, &entry);

	if (r == 0)
		r = read_day(ctl, call->args[1], &told.until_on);
	if (r == 0 && entry.zone && date_diff(told.until_on, zone_date(entry.zone, ctl->now)) < 0)
		return ctl_fail(ctl, EXIT_USAGE, "past", "%s is over already: nobody can promise it", call->args[1]);
	told.id = command_option(call, "id") ? command_option(call, "id") : fresh_id(ctl);
	return r == 0 ? tell(ctl, &entry, &told) : r;
}

static int run_promise_withdraw(struct ctl *ctl, const struct invocation *call)
{
	struct told told = { .type = EVENT_PROMISE_WITHDRAWN, .id_key = "promise_id", .why = call->args[1], .amount = -1, .until_on = date_none() };
	struct entry entry;
	int r = open_entry(ctl, call, &entry);

	if (r == 0)
		r = standing(ctl, &entry, invoice_view(&entry.e.invoice).promise, command_option(call, "id"), "promise", &told.id);
	return r == 0 ? tell(ctl, &entry, &told) : r;
}

static const struct option_row id_options[] = {
	{ "id", "ID", "which one, or under which id (the one that stands; a new one)" },
	{ 0 },
};

/* --- plans ------------------------------------------------------------------------------------------------------------------ */

static int run_plan_make(struct ctl *ctl, const struct invocation *call)
{
	struct told told = { .type = EVENT_PAYMENT_PLAN_AGREED, .id_key = "plan_id", .why = call->args[1], .amount = -1, .until_on = date_none(),
		.instalment_count = call->arg_count - 2 };
	struct instalment *items = arena_alloc(ctl->arena, call->arg_count * sizeof(*items));
	const char *currency;
	int64_t sum = 0, balance;
	struct entry entry;
	int r = open_entry(ctl, call, &entry);

	if (r != 0)
		return r;
	currency = entry.e.invoice.snapshot.currency;
	balance = invoice_view(&entry.e.invoice).balance;
	for (size_t i = 0; i < told.instalment_count && r == 0; i++) {
		const char *equals = strchr(call->args[i + 2], '=');

		if (!equals)
			return ctl_fail(ctl, EXIT_USAGE, "usage", "\"%s\" must be a day and its amount, such as 2026-04-15=400.00", call->args[i + 2]);
		r = read_day(ctl, arena_printf(ctl->arena, "%.*s", (int)(equals - call->args[i + 2]), call->args[i + 2]), &items[i].due_on);
		if (r == 0)
			r = read_amount(ctl, equals + 1, currency, &items[i].amount);
		if (r == 0 && !money_add(sum, items[i].amount, &sum))
			return ctl_fail(ctl, EXIT_USAGE, "usage", "the instalments do not add up within 2^53");
	}
	if (r == 0 && sum != balance) {
		char owed[32], told_sum[32];
		struct money a = { balance, "" }, b = { sum, "" };

		memcpy(a.currency, currency, 4);
		memcpy(b.currency, currency, 4);
		return ctl_fail(ctl, EXIT_FOUND, "sum_mismatch", "the instalments come to %s, but %s %s are owed: say a settlement for less (dunningctl settle agree)",
			money_plain(b, told_sum, sizeof(told_sum)), money_plain(a, owed, sizeof(owed)), currency);
	}
	told.instalments = items;
	told.id = command_option(call, "id") ? command_option(call, "id") : fresh_id(ctl);
	return r == 0 ? tell(ctl, &entry, &told) : r;
}

static int run_plan_cancel(struct ctl *ctl, const struct invocation *call)
{
	struct told told = { .type = EVENT_PAYMENT_PLAN_CANCELLED, .id_key = "plan_id", .why = call->args[1], .amount = -1, .until_on = date_none() };
	struct entry entry;
	int r = open_entry(ctl, call, &entry);

	if (r == 0)
		r = standing(ctl, &entry, invoice_view(&entry.e.invoice).plan, command_option(call, "id"), "plan", &told.id);
	return r == 0 ? tell(ctl, &entry, &told) : r;
}

/* --- disputes --------------------------------------------------------------------------------------------------------------- */

static int run_dispute_open(struct ctl *ctl, const struct invocation *call)
{
	struct told told = { .type = EVENT_DISPUTE_OPENED, .id_key = "dispute_id", .reason = call->args[1], .why = call->args[2], .amount = -1,
		.until_on = date_none() };
	struct entry entry;
	int r = open_entry(ctl, call, &entry);

	if (r == 0 && !id_valid(told.reason))
		return ctl_fail(ctl, EXIT_USAGE, "usage", "the reason is a code such as quality or price, not \"%s\"; words belong into WHY", told.reason);
	told.id = command_option(call, "id") ? command_option(call, "id") : fresh_id(ctl);
	return r == 0 ? tell(ctl, &entry, &told) : r;
}

static int run_dispute_resolve(struct ctl *ctl, const struct invocation *call)
{
	struct told told = { .type = EVENT_DISPUTE_RESOLVED, .id_key = "dispute_id", .why = call->args[1], .amount = -1, .until_on = date_none() };
	struct entry entry;
	int r = open_entry(ctl, call, &entry);

	if (r == 0)
		r = standing(ctl, &entry, invoice_view(&entry.e.invoice).dispute, command_option(call, "id"), "dispute", &told.id);
	return r == 0 ? tell(ctl, &entry, &told) : r;
}

/* --- settlements ------------------------------------------------------------------------------------------------------------ */

static int run_settle_agree(struct ctl *ctl, const struct invocation *call)
{
	struct told told = { .type = EVENT_SETTLEMENT_AGREED, .id_key = "settlement_id", .why = call->args[1], .amount = -1, .until_on = date_none(),
		.accepted_by = command_option(call, "by") ? command_option(call, "by") : ctl_who(ctl), .in_kind = command_option(call, "in-kind") };
	const char *amount = command_option(call, "amount"), *until = command_option(call, "until");
	struct entry entry;
	int r = open_entry(ctl, call, &entry);

	if (r == 0 && !amount == !told.in_kind)
		return ctl_fail(ctl, EXIT_USAGE, "usage", "what is accepted: --amount for so much in all, or --in-kind for something else than money");
	if (r == 0 && amount && !until)
		return ctl_fail(ctl, EXIT_USAGE, "usage", "by when is it to be paid? (--until 2026-03-02): after that day all is owed again");
	if (r == 0 && amount)
		r = read_amount(ctl, amount, entry.e.invoice.snapshot.currency, &told.amount);
	if (r == 0 && until)
		r = read_day(ctl, until, &told.until_on);
	told.id = command_option(call, "id") ? command_option(call, "id") : fresh_id(ctl);
	return r == 0 ? tell(ctl, &entry, &told) : r;
}

static const struct option_row settle_options[] = {
	{ "amount", "AMOUNT", "what is accepted for the whole invoice, with what was paid before, such as 800.00" },
	{ "until", "DAY", "the last day to pay it" },
	{ "in-kind", NULL, "it is settled by something else than money" },
	{ "by", "NAME", "who accepted it (whoever orders this)" },
	{ "id", "ID", "under which id (a new one)" },
	{ 0 },
};

/* --- insolvency --------------------------------------------------------------------------------------------------------------- */

static int run_insolvency_end(struct ctl *ctl, const struct invocation *call)
{
	struct told told = { .type = EVENT_CUSTOMER_INSOLVENCY_ENDED, .id_key = "customer_id", .id = call->args[0], .why = call->args[1], .amount = -1,
		.until_on = date_none() };
	const struct redis_reply *reply;
	struct keyspace keys;
	uint32_t partition;
	struct debtor d;
	int r = ctl_config(ctl, false);

	if (r != 0)
		return r;
	partition = partition_of(told.id, ctl_partitions(ctl));
	keys = ctl_keys(ctl, partition);
	r = ctl_ask(ctl, ctl->arena, &reply, "GET", key_debtor(ctl->arena, &keys, told.id), NULL);
	if (r != 0)
		return r;
	if (reply->type != REDIS_STRING || debtor_read(ctl->arena, reply->str, reply->len, &d, NULL) < 0)
		return ctl_fail(ctl, EXIT_FOUND, "unknown_customer", "no customer %s is known", told.id);
	if (!d.insolvent.on)
		return ctl_fail(ctl, EXIT_FOUND, "none", "nobody said that customer %s is insolvent", told.id);
	return send_told(ctl, partition, &told, told.id, d.insolvent.order.time >= ctl->now ? d.insolvent.order.time + 1 : ctl->now);
}

const struct command cmd_insolvency_end = { .name = "insolvency end", .args = "CUSTOMER WHY", .min_args = 2, .max_args = 2,
	.help = "the customer is not insolvent any more, or never was: what was held because of it goes on", .run = run_insolvency_end };

/* --- what stands ------------------------------------------------------------------------------------------------------------ */

struct agreed_list {
	struct table *table;
	enum fact_kind kind;
};

static const struct column list_columns[] = { { "invoice", "INVOICE", false }, { "customer", "CUSTOMER", false }, { "id", "ID", false },
	{ "state", "STATE", false }, { "amount", "AMOUNT", true }, { "until_on", "UNTIL", false }, { "reason", "REASON", false },
	{ "told_at", "TOLD", false }, { "source", "BY", false }, { 0 } };

static const char *state_of(const struct entry *entry, const struct fact *fact)
{
	static const char *const words[FACT_KIND_COUNT] = { [FACT_PROMISE] = "promise", [FACT_PLAN] = "plan", [FACT_SETTLEMENT] = "settlement" };

	for (size_t i = entry->e.ended_count; i-- > 0;)
		if (words[fact->kind] && strcmp(entry->e.ended[i].what, words[fact->kind]) == 0 && strcmp(entry->e.ended[i].id, fact->id) == 0 &&
			entry->e.ended[i].told_at == fact->order.time)
			return entry->e.ended[i].kept ? "kept" : "broken";
	return fact->ended ? fact->kind == FACT_DISPUTE ? "resolved" : "withdrawn" : "stands";
}

static void list_entry(struct ctl *ctl, const struct entry *entry, struct agreed_list *list)
{
	const struct invoice *invoice = &entry->e.invoice;

	for (size_t i = 0; i < invoice->fact_count; i++) {
		const struct fact *fact = &invoice->facts[i];
		int64_t amount = fact->kind == FACT_PLAN ? plan_sum(fact) : fact->amount;
		date until = fact->kind == FACT_PLAN && fact->instalment_count ? fact->instalments[fact->instalment_count - 1].due_on : fact->until_on;

		if (fact->kind != list->kind)
			continue;
		table_add(list->table, (struct cell[]){ cell_text(arena_strdup(ctl->arena, invoice->id)), cell_text(arena_strdup(ctl->arena, invoice->debtor_id)),
			cell_text(arena_strdup(ctl->arena, fact->id)), cell_text(state_of(entry, fact)),
			amount && invoice->known ? cell_money(amount, arena_strdup(ctl->arena, invoice->snapshot.currency)) : cell_none(), cell_date(until),
			cell_text(arena_strdup(ctl->arena, fact->reason)), cell_time(fact->order.time, NULL), cell_text(arena_strdup(ctl->arena, fact->order.source)) });
	}
}

static int list_page(struct ctl *ctl, struct arena *arena, struct entry *entries, size_t count, void *arg)
{
	(void)arena;
	for (size_t i = 0; i < count; i++)
		if (entry_open(&entries[i]))
			list_entry(ctl, &entries[i], arg);
	return 0;
}

static int run_agreed_list(struct ctl *ctl, const struct invocation *call)
{
	const char *name = call->command->name;
	struct agreed_list list = { .table = table_create(ctl->arena, list_columns), .kind = name[1] == 'r' ? FACT_PROMISE :
		name[1] == 'l' ? FACT_PLAN : name[1] == 'i' ? FACT_DISPUTE : FACT_SETTLEMENT };
	struct entry entry;
	int r = ctl_config(ctl, false);

	if (r == 0 && call->arg_count) {
		r = entry_find(ctl, ctl->arena, call->args[0], &entry);
		if (r == 0)
			list_entry(ctl, &entry, &list);
	}
	for (uint32_t p = 0; r == 0 && !call->arg_count && p < ctl_partitions(ctl); p++)
		r = entries_scan(ctl, p, list_page, NULL, &list);
	if (r == 0)
		view_table(&ctl->view, list.table, "There is none.");
	return r;
}

const struct command cmd_promise_make = { .name = "promise make", .args = "INVOICE DAY WHY", .min_args = 3, .max_args = 3,
	.help = "the debtor promised to pay by that day", .options = id_options, .run = run_promise_make };
const struct command cmd_promise_withdraw = { .name = "promise withdraw", .args = "INVOICE WHY", .min_args = 2, .max_args = 2,
	.help = "the promise does not stand any more", .options = id_options, .run = run_promise_withdraw };
const struct command cmd_promise_list = { .name = "promise list", .args = "[INVOICE]", .max_args = 1,
	.help = "promises of open invoices, or of one", .run = run_agreed_list };
const struct command cmd_plan_make = { .name = "plan make", .args = "INVOICE WHY DAY=AMOUNT...", .min_args = 3, .max_args = COMMAND_ANY,
	.help = "a payment plan is agreed", .more = "The instalments must come to what is owed: plan make INV_42 \"agreed by mail\" 2026-04-15=400.00 2026-05-15=800.00",
	.options = id_options, .run = run_plan_make };
const struct command cmd_plan_cancel = { .name = "plan cancel", .args = "INVOICE WHY", .min_args = 2, .max_args = 2,
	.help = "the plan does not stand any more", .options = id_options, .run = run_plan_cancel };
const struct command cmd_plan_list = { .name = "plan list", .args = "[INVOICE]", .max_args = 1, .help = "payment plans of open invoices, or of one",
	.run = run_agreed_list };
const struct command cmd_dispute_open = { .name = "dispute open", .args = "INVOICE REASON WHY", .min_args = 3, .max_args = 3,
	.help = "the debtor disputes it; the reason is a code such as quality", .options = id_options, .run = run_dispute_open };
const struct command cmd_dispute_resolve = { .name = "dispute resolve", .args = "INVOICE WHY", .min_args = 2, .max_args = 2,
	.help = "the dispute is over: the ladder goes on", .options = id_options, .run = run_dispute_resolve };
const struct command cmd_dispute_list = { .name = "dispute list", .args = "[INVOICE]", .max_args = 1, .help = "disputes of open invoices, or of one",
	.run = run_agreed_list };
const struct command cmd_settle_agree = { .name = "settle agree", .args = "INVOICE WHY", .min_args = 2, .max_args = 2,
	.help = "less, or something else, is accepted for all of it", .options = settle_options, .run = run_settle_agree };
const struct command cmd_settle_list = { .name = "settle list", .args = "[INVOICE]", .max_args = 1, .help = "settlements of open invoices, or of one",
	.run = run_agreed_list };
