/* policy simulate and policy diff: what the book will lead to, before it does. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/utc.h"
#include "tools/cmd.h"
#include "tools/cmd_simulate.h"
#include "tools/outlook_html.h"

#define BOOK_FILE_MAX (1u << 30)
#define POLICY_FILE_MAX (256 * 1024)
#define DAYS_MAX 3660
#define PRICE_UNIT 10000 /* a price has at most 4 decimals */

/* --- which policy ------------------------------------------------------------------------------------------------------------------- */

struct side { /* the book under one policy */
	const char *label;
	struct config config;
	struct library *library;
	const char *moved_from, *moved_to;
	struct outlook *outlook;
};

static void side_clear(struct side *side)
{
	outlook_free(side->outlook);
	library_free(side->library);
}

static bool is_file(const char *word)
{
	size_t len = strlen(word);

	return strchr(word, '/') || (len > 5 && strcmp(word + len - 5, ".json") == 0);
}

/* Of a policy file, before the library takes it. */
static int policy_name(struct ctl *ctl, const char *path, const char **ret)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct err err = { 0 }, inner = { 0 };
	struct policy_head head;

	if (file_read(path, POLICY_FILE_MAX, &text, &err) < 0)
		return ctl_fail_err(ctl, EXIT_FOUND, &err);
	if (policy_read_head(ctl->arena, buf_str(&text), text.len, &head, &inner) < 0)
		return ctl_fail(ctl, EXIT_FOUND, inner.code, "%s: %s %s", path, inner.path, inner.text);
	*ret = head.name;
	return 0;
}

/*
 * NULL or "CURRENT": as the daemon has it. A file takes the place of the loaded policy of its name; under a new name, and a loaded policy
 * by its name, it takes the default's place.
 */
static int side_load(struct ctl *ctl, const char *word, struct side *side)
{
	const char *file = NULL, *name = NULL, *given = ctl->config->policy_default;
	struct err err = { 0 };
	int r = 0;

	*side = (struct side){ .label = word ? word : "CURRENT", .config = *ctl->config };
	if (!word || strcmp(word, "CURRENT") == 0) {
		word = NULL;
	} else if (is_file(word)) {
		file = word;
		r = policy_name(ctl, file, &name);
	} else {
		name = word;
	}
	if (r == 0 && library_load(ctl->config, ctl_share(ctl), &side->library, &err) < 0)
		r = ctl_fail_err(ctl, EXIT_CONFIG, &err);
	if (r != 0 || !word)
		return r;
	if (!file && !library_policy(side->library, name))
		return ctl_fail(ctl, EXIT_FOUND, "unknown_policy", "no policy \"%s\" is loaded; dunningctl policy show lists them", name);
	side->moved_from = side->moved_to = name;
	if (!file || !library_policy(side->library, name)) {
		side->config.policy_default = name;
		side->moved_from = given;
	}
	library_free(TAKE(side->library));
	if (library_load_with(&side->config, ctl_share(ctl), file, &side->library, &err) < 0)
		return ctl_fail_err(ctl, EXIT_FOUND, &err);
	return 0;
}

/* --- what is asked -------------------------------------------------------------------------------------------------------------------- */

struct question {
	struct book book;
	struct buf text; /* the book's file */
	int64_t begin, end;
	struct assumption assumption;
	struct payment_history history;
	bool gates, summary;
	int64_t prices[CHANNEL_COUNT]; /* in 1/PRICE_UNIT; -1 = not known */
	const char *currency; /* of the prices; NULL = none are known */
	const char *html;
};

static int number_option(struct ctl *ctl, const struct invocation *call, const char *name, int64_t min, int64_t max, int64_t *ret)
{
	const char *text = command_option(call, name);
	long long n;
	char *end;

	if (!text)
		return 0;
	n = strtoll(text, &end, 10);
	if (!*text || *end || n < min || n > max)
		return ctl_fail(ctl, EXIT_USAGE, "usage", "--%s wants a number from %" PRId64 " to %" PRId64 ", not \"%s\"", name, min, max, text);
	*ret = n;
	return 0;
}

/* "0.045" as 450 of PRICE_UNIT. */
static bool read_price(const char *text, size_t len, int64_t *ret)
{
	int64_t value = 0, unit = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '.' && !unit && i) {
			unit = PRICE_UNIT;
			continue;
		}
		if (text[i] < '0' || text[i] > '9' || value > INT64_C(1000000000000) || unit == 1)
			return false;
		value = 10 * value + text[i] - '0';
		unit /= unit ? 10 : 1;
	}
	*ret = value * (unit ? unit : PRICE_UNIT);
	return len > 0;
}

static int read_prices(struct ctl *ctl, const char *text, struct question *q)
{
	for (int c = 0; c < CHANNEL_COUNT; c++)
		q->prices[c] = -1;
	if (!text)
		return 0;
	q->currency = arena_memdup(ctl->arena, text, strcspn(text, ":"));
	if (currency_exponent(q->currency) < 0 || text[strlen(q->currency)] != ':')
		return ctl_fail(ctl, EXIT_USAGE, "usage", "--prices wants CURRENCY:CHANNEL=PRICE,... such as EUR:email=0.001,sms=0.045");
	for (const char *at = text + strlen(q->currency) + 1; *at;) {
		size_t len = strcspn(at, ","), name = strcspn(at, "=");
		bool known = false;

		for (int c = 0; c < CHANNEL_COUNT && name < len; c++)
			if (strncmp(channel_names[c], at, name) == 0 && !channel_names[c][name])
				known = read_price(at + name + 1, len - name - 1, &q->prices[c]);
		if (!known)
			return ctl_fail(ctl, EXIT_USAGE, "usage", "--prices: \"%.*s\" is no channel with a price of at most four decimals", (int)len, at);
		at += len + (at[len] == ',');
	}
	return 0;
}

static int read_begin(struct ctl *ctl, const char *text, int64_t *ret)
{
	const struct zone *zone;
	date day;

	*ret = ctl->now;
	if (!text || utc_parse(text, ret) == 0)
		return 0;
	if (date_parse(text, &day) < 0)
		return ctl_fail(ctl, EXIT_USAGE, "usage", "--from wants 2026-03-02T09:00:00Z or 2026-03-02, not \"%s\"", text);
	if (zone_get(ctl->config->creditor.zone, &zone) < 0)
		return ctl_fail(ctl, EXIT_CONFIG, "unknown_zone", "%s is no time zone", ctl->config->creditor.zone);
	*ret = zone_to_utc(zone, day, 0);
	return 0;
}

/* From the invoices that the book keeps, closed ones too. */
static int read_history(struct ctl *ctl, struct question *q)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	if (q->assumption.answer != PAYS_HISTORY)
		return 0;
	payment_history_begin(&q->history, ctl->arena);
	q->assumption.history = &q->history;
	for (size_t i = 0; i < q->book.doc_count; i++) {
		const struct book_doc *doc = &q->book.docs[i];
		struct escalation e = { .invoice.id = doc->id };

		arena_clear(arena);
		if (doc->kind == BOOK_ESCALATION && escalation_read(arena, doc->text, doc->len, &e, NULL) == 0)
			payment_history_add(&q->history, &e, q->begin);
	}
	return q->history.steps[0].paid ? 0 : ctl_fail(ctl, EXIT_FOUND, "no_history", "no invoice of this book was paid after a contact yet: "
		"there is no history to go by; share:PERCENT assumes one");
}

static int read_question(struct ctl *ctl, const struct invocation *call, struct question *q)
{
	const char *file = command_option(call, "book"), *assume = command_option(call, "assume");
	int64_t days = 90, seed = 1;
	struct err err = { 0 };
	int r = ctl_config(ctl, true);

	q->book.arena = ctl->arena;
	q->gates = command_option(call, "gates") != NULL;
	q->summary = command_option(call, "summary") != NULL;
	q->html = command_option(call, "html");
	if (r != 0 || (r = number_option(ctl, call, "days", 1, DAYS_MAX, &days)) != 0 ||
		(r = number_option(ctl, call, "seed", 0, INT64_MAX, &seed)) != 0 ||
		(r = read_prices(ctl, command_option(call, "prices"), q)) != 0 ||
		(r = read_begin(ctl, command_option(call, "from"), &q->begin)) != 0)
		return r;
	if (assume && assumption_parse(assume, &q->assumption, &err) < 0)
		return ctl_fail_err(ctl, EXIT_USAGE, &err);
	q->assumption.seed = (uint64_t)seed;
	q->end = q->begin + days * DAY_MS;
	if (!file)
		return (r = simulate_read_redis(ctl, &q->book)) != 0 ? r : read_history(ctl, q);
	if (q->assumption.answer == PAYS_HISTORY)
		return ctl_fail(ctl, EXIT_USAGE, "usage", "--assume history goes by what the book in Redis has seen; events of a file tell no answers to contacts");
	if (file_read(file, BOOK_FILE_MAX, &q->text, &err) < 0)
		return ctl_fail_err(ctl, EXIT_FOUND, &err);
	if (book_read_events(&q->book, ctl->config->type_prefix, buf_str(&q->text), q->text.len, &err) < 0)
		return ctl_fail(ctl, EXIT_FOUND, err.code, "%s: %s", file, err.text);
	return 0;
}

/* --- playing it ------------------------------------------------------------------------------------------------------------------------ */

#define BAR_WIDTH 40

static void draw_bar(int64_t done, int64_t whole, void *arg)
{
	const struct side *side = arg;
	int filled = whole ? (int)(done * BAR_WIDTH / whole) : BAR_WIDTH;

	fprintf(stderr, "\r%s [%.*s%.*s] day %" PRId64 " of %" PRId64, side->label, filled, "########################################",
		BAR_WIDTH - filled, "                                        ", done, whole);
	if (done >= whole)
		fputs("\r\033[K", stderr);
	fflush(stderr);
}

static int play(struct ctl *ctl, const struct question *q, struct side *side)
{
	bool watched = isatty(STDERR_FILENO);
	struct outlook_settings settings = { .config = &side->config, .library = side->library, .book = &q->book, .begin = q->begin,
		.end = q->end, .moved_from = side->moved_from, .moved_to = side->moved_to, .assumption = q->assumption, .gates = q->gates,
		.progress = watched ? draw_bar : NULL, .arg = side };
	struct err err = { 0 };
	int r = outlook_play(&settings, &side->outlook, &err);

	if (watched)
		draw_bar(1, 1, side);
	return r < 0 ? ctl_fail_err(ctl, EXIT_FOUND, &err) : 0;
}

/* --- one policy ---------------------------------------------------------------------------------------------------------------------------- */

static const char *json_list(struct arena *arena, const char *const *items, size_t count)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct json_writer w = jw_init(&text);

	jw_array(&w, NULL);
	for (size_t i = 0; i < count; i++)
		jw_str(&w, NULL, items[i]);
	jw_end_array(&w);
	return arena_strdup(arena, buf_str(&text));
}

static const struct column contact_columns[] = { { "at", NULL, false }, { "day", "DAY", false }, { "time", "TIME", false },
	{ "debtor", "DEBTOR", false }, { "invoice", "INVOICE", false }, { "count", "OF", true }, { "invoices", NULL, false },
	{ "step", "STEP", false }, { "channel", "CHANNEL", false }, { "role", "TO", false }, { "contact", NULL, false },
	{ "tone", "TONE", false }, { "policy", NULL, false }, { "provider", NULL, false }, { "why", "WHY THEN", false },
	{ "rule", NULL, false }, { "owed_at", NULL, false }, { "balance_minor", NULL, true }, { "currency", NULL, false }, { 0 } };

static struct table *contacts_table(struct ctl *ctl, const struct outlook *o)
{
	struct table *t = table_create(ctl->arena, contact_columns);

	for (size_t i = 0; i < o->contact_count; i++) {
		const struct outlook_contact *c = &o->contacts[i];

		table_add(t, (struct cell[]){ cell_time(c->at, NULL), cell_date(c->day),
				      cell_text(arena_printf(ctl->arena, "%02d:%02d", c->minute / 60, c->minute % 60)), cell_text(c->debtor),
				      cell_text(c->invoice_count ? c->invoices[0] : NULL), cell_number((int64_t)c->invoice_count),
				      ctl->view.json ? cell_json(json_list(ctl->arena, c->invoices, c->invoice_count)) : cell_none(),
				      cell_text(c->step), cell_text(c->channel), cell_text(c->role), cell_text(c->contact), cell_text(c->tone),
				      cell_text(c->policy), cell_text(c->provider), cell_text(c->why), cell_text(c->rule),
				      cell_time(c->owed_at, NULL), c->currency ? cell_number(c->balance) : cell_none(),
				      cell_text(c->currency) });
	}
	return t;
}

static const struct column step_columns[] = { { "step", "STEP", false }, { "channel", "CHANNEL", false }, { "tone", "TONE", false },
	{ "contacts", "CONTACTS", true }, { "invoices", "INVOICES", true }, { 0 } };

struct step_row {
	const char *step, *channel, *tone;
	int64_t contacts, invoices, first;
};

/* A ladder's steps in the order in which they begin. */
static int by_first(const void *a, const void *b)
{
	const struct step_row *x = a, *y = b;

	return x->first != y->first ? x->first < y->first ? -1 : 1 : strcmp(x->step, y->step);
}

static struct table *steps_table(struct ctl *ctl, const struct outlook *o)
{
	struct table *t = table_create(ctl->arena, step_columns);
	struct step_row *rows = NULL;
	size_t count = 0, capacity = 0;

	for (size_t i = 0; i < o->contact_count; i++) {
		const struct outlook_contact *c = &o->contacts[i];
		size_t k = 0;

		while (k < count && (rows[k].step != c->step || strcmp(rows[k].channel, c->channel) != 0))
			k++;
		if (k == count) {
			rows = arena_grow(ctl->arena, rows, count, &capacity, sizeof(*rows));
			rows[count++] = (struct step_row){ .step = c->step, .channel = c->channel, .tone = c->tone, .first = c->at };
		}
		rows[k].contacts++;
		rows[k].invoices += (int64_t)c->invoice_count;
	}
	if (count)
		qsort(rows, count, sizeof(*rows), by_first);
	for (size_t k = 0; k < count; k++)
		table_add(t, (struct cell[]){ cell_text(rows[k].step), cell_text(rows[k].channel), cell_text(rows[k].tone),
				      cell_number(rows[k].contacts), cell_number(rows[k].invoices) });
	return t;
}

static const struct column history_columns[] = { { "step", "STEP", false }, { "contacts", "CONTACTED", true }, { "paid", "PAID BEFORE THE NEXT", true },
	{ "percent", "%", true }, { 0 } };

/* What --assume history goes by. */
static struct table *history_table(struct ctl *ctl, const struct payment_history *history)
{
	struct table *t = table_create(ctl->arena, history_columns);

	for (size_t i = 0; i < history->count; i++) {
		const struct paid_step *one = &history->steps[(i + 1) % history->count];

		table_add(t, (struct cell[]){ cell_text(one->step ? one->step : "(all)"), cell_number(one->contacts), cell_number(one->paid),
				      cell_number(one->contacts ? (100 * one->paid + one->contacts / 2) / one->contacts : 0) });
	}
	return t;
}

static const struct column tally_columns[] = { { "kind", "WHAT", false }, { "step", "STEP", false }, { "reason", "REASON", false },
	{ "count", "TIMES", true }, { 0 } };

static struct table *tallies_table(struct ctl *ctl, const struct outlook *o)
{
	struct table *t = table_create(ctl->arena, tally_columns);

	for (size_t i = 0; i < o->tally_count; i++)
		table_add(t, (struct cell[]){ cell_text(o->tallies[i].kind), cell_text(o->tallies[i].step), cell_text(o->tallies[i].reason),
				      cell_number(o->tallies[i].count) });
	return t;
}

static int64_t cost_of(const struct question *q, const struct outlook *o)
{
	int64_t cost = 0;

	for (size_t i = 0; i < o->contact_count; i++)
		for (int c = 0; c < CHANNEL_COUNT; c++)
			if (q->prices[c] > 0 && strcmp(o->contacts[i].channel, channel_names[c]) == 0)
				cost += q->prices[c];
	return cost;
}

/* Rounded once, to the currency's smallest coin. */
static int64_t cost_minor(const struct question *q, const struct outlook *o)
{
	int64_t unit = PRICE_UNIT;

	for (int i = currency_exponent(q->currency); i > 0; i--)
		unit /= unit > 1 ? 10 : 1;
	return (cost_of(q, o) + unit / 2) / unit;
}

static struct cell cost_cell(const struct question *q, const struct outlook *o)
{
	return q->currency ? cell_money(cost_minor(q, o), q->currency) : cell_none();
}

static void add_side(struct ctl *ctl, const struct question *q, const struct side *side, struct fields *f)
{
	const struct outlook *o = side->outlook;

	fields_add(f, "policy", "Policy", cell_text(side->label));
	fields_add(f, "from", "From", cell_time(o->begin, NULL));
	fields_add(f, "until", "Until", cell_time(o->end, NULL));
	fields_add(f, "contact_count", "Contacts", cell_number((int64_t)o->contact_count));
	fields_add(f, "debtors", "Debtors", cell_number(o->debtors));
	fields_add(f, "payments", "Payments assumed", o->payments ? cell_number(o->payments) : cell_none());
	fields_add(f, "cost", "Cost", cost_cell(q, o));
	fields_add(f, "held_by", "All sending held by", cell_text(o->counts.held));
	fields_add(f, "held_minutes", "Minutes so", o->counts.held ? cell_number(o->counts.braked_ms / MINUTE_MS) : cell_none());
	if (q->assumption.history)
		fields_table(f, "history", "How it was paid so far", history_table(ctl, q->assumption.history));
	fields_table(f, "steps", "By step", steps_table(ctl, o));
	fields_table(f, "also", "What holds, waits or is left out", tallies_table(ctl, o));
	if (!q->summary)
		fields_table(f, "contacts", "Contacts", contacts_table(ctl, o));
}

/* --- two policies -------------------------------------------------------------------------------------------------------------------------- */

struct walk { /* one invoice's part in a contact */
	const struct outlook_contact *c;
	const char *invoice, *step;
};

static int same_walk(const struct walk *x, const struct walk *y)
{
	int order = strcmp(x->c->debtor, y->c->debtor);

	if (!order)
		order = strcmp(x->invoice, y->invoice);
	if (!order)
		order = strcmp(x->step, y->step);
	return order ? order : strcmp(x->c->channel, y->c->channel);
}

static int by_walk(const void *a, const void *b)
{
	const struct walk *x = a, *y = b;
	int order = same_walk(x, y);

	return order ? order : x->c->at < y->c->at ? -1 : x->c->at > y->c->at;
}

static struct walk *walks_of(struct arena *arena, const struct outlook *o, size_t *count)
{
	struct walk *walks;
	size_t n = 0;

	for (size_t i = 0; i < o->contact_count; i++)
		n += o->contacts[i].invoice_count;
	walks = arena_alloc(arena, (n + 1) * sizeof(*walks));
	*count = 0;
	for (size_t i = 0; i < o->contact_count; i++)
		for (size_t k = 0; k < o->contacts[i].invoice_count; k++)
			walks[(*count)++] = (struct walk){ &o->contacts[i], o->contacts[i].invoices[k],
				o->contacts[i].steps ? o->contacts[i].steps[k] : o->contacts[i].step };
	if (*count)
		qsort(walks, *count, sizeof(*walks), by_walk);
	return walks;
}

static const struct column change_columns[] = { { "change", "CHANGE", false }, { "debtor", "DEBTOR", false },
	{ "invoice", "INVOICE", false }, { "step", "STEP", false }, { "channel", "CHANNEL", false }, { "was", "WAS", false },
	{ "becomes", "BECOMES", false }, { "days", "DAYS", true }, { 0 } };

static struct table *changes_table(struct ctl *ctl, const struct outlook *before, const struct outlook *after, int64_t changes[4])
{
	enum { SAME, ADDED, DROPPED, MOVED };
	static const char *const names[] = { "same", "added", "dropped", "moved" };
	struct table *t = table_create(ctl->arena, change_columns);
	size_t count[2], i = 0, k = 0;
	const struct walk *a = walks_of(ctl->arena, before, &count[0]), *b = walks_of(ctl->arena, after, &count[1]);

	while (i < count[0] || k < count[1]) {
		int order = i == count[0] ? 1 : k == count[1] ? -1 : same_walk(&a[i], &b[k]);
		const struct walk *was = order <= 0 ? &a[i++] : NULL, *is = order >= 0 ? &b[k++] : NULL, *any = was ? was : is;
		int change = !was ? ADDED : !is ? DROPPED : was->c->day.days != is->c->day.days ? MOVED : SAME;

		changes[change]++;
		if (change != SAME)
			table_add(t, (struct cell[]){ cell_text(names[change]), cell_text(any->c->debtor), cell_text(any->invoice),
					      cell_text(any->step), cell_text(any->c->channel), was ? cell_date(was->c->day) : cell_none(),
					      is ? cell_date(is->c->day) : cell_none(),
					      change == MOVED ? cell_number(date_diff(is->c->day, was->c->day)) : cell_none() });
	}
	return t;
}

static const struct column side_columns[] = { { "policy", "POLICY", false }, { "contacts", "CONTACTS", true },
	{ "debtors", "DEBTORS", true }, { "cost", "COST", true }, { 0 } };

static void show_diff(struct ctl *ctl, const struct question *q, const struct side *before, const struct side *after, int64_t changes[4])
{
	struct fields *f = fields_create(ctl->arena);
	struct table *sides = table_create(ctl->arena, side_columns);
	struct table *t = changes_table(ctl, before->outlook, after->outlook, changes);

	for (const struct side *const *s = (const struct side *const[]){ before, after, NULL }; *s; s++)
		table_add(sides, (struct cell[]){ cell_text((*s)->label), cell_number((int64_t)(*s)->outlook->contact_count),
					 cell_number((*s)->outlook->debtors), cost_cell(q, (*s)->outlook) });
	fields_add(f, "from", "From", cell_time(q->begin, NULL));
	fields_add(f, "until", "Until", cell_time(q->end, NULL));
	fields_table(f, "sides", "Contacts", sides);
	fields_add(f, "same", "Invoices' steps on the same day", cell_number(changes[0]));
	fields_add(f, "added", "Added", cell_number(changes[1]));
	fields_add(f, "dropped", "Dropped", cell_number(changes[2]));
	fields_add(f, "moved", "Moved", cell_number(changes[3]));
	if (!q->summary)
		fields_table(f, "changes", "Changes", t);
	view_fields(&ctl->view, f);
}

static const char *label_of(const struct side *side)
{
	return strcmp(side->label, "CURRENT") == 0 ? "what is in force" : side->label;
}

static int write_page(struct ctl *ctl, const struct question *q, const struct side *before, const struct side *after, const int64_t changes[4])
{
	CLEANUP(buf_clear) struct buf page = { 0 };
	const char *title = before->label ? arena_printf(ctl->arena, "%s instead of %s", label_of(after), label_of(before)) :
			    strcmp(after->label, "CURRENT") == 0 ? "What will go out" : arena_printf(ctl->arena, "What %s will lead to", after->label);
	const char *cost = NULL;
	char text[40];
	int r;

	if (!q->html)
		return 0;
	if (q->currency) {
		struct money money = { .minor = cost_minor(q, after->outlook) };

		memcpy(money.currency, q->currency, sizeof(money.currency));
		cost = arena_printf(ctl->arena, "%s %s", money_plain(money, text, sizeof(text)), q->currency);
	}
	outlook_html(&page, &(struct outlook_page){ .title = title, .outlook = after->outlook, .before = before->outlook, .added = changes[1],
				   .dropped = changes[2], .moved = changes[3],
				   .cost = cost });
	r = file_replace(q->html, page.data, page.len, 0644);
	return r < 0 ? ctl_fail(ctl, EXIT_FOUND, "unwritable", "%s: %s", q->html, strerror(-r)) : 0;
}

/* --- commands ------------------------------------------------------------------------------------------------------------------------------- */

static int run(struct ctl *ctl, const struct invocation *call, const char *before_word, const char *after_word, bool diff)
{
	CLEANUP(side_clear) struct side before = { 0 };
	CLEANUP(side_clear) struct side after = { 0 };
	struct question q = { 0 };
	int64_t changes[4] = { 0 };
	struct fields *f;
	int r = read_question(ctl, call, &q);

	if (r == 0)
		r = side_load(ctl, after_word, &after);
	if (r == 0 && diff)
		r = side_load(ctl, before_word, &before);
	if (r == 0 && diff)
		r = play(ctl, &q, &before);
	if (r == 0)
		r = play(ctl, &q, &after);
	if (r == 0 && diff) {
		show_diff(ctl, &q, &before, &after, changes);
	} else if (r == 0) {
		f = fields_create(ctl->arena);
		add_side(ctl, &q, &after, f);
		view_fields(&ctl->view, f);
	}
	if (r == 0)
		r = write_page(ctl, &q, &before, &after, changes);
	buf_clear(&q.text);
	return r == 0 ? EXIT_DONE : r;
}

static int run_simulate(struct ctl *ctl, const struct invocation *call)
{
	const char *against = command_option(call, "against");

	return run(ctl, call, against, command_option(call, "policy"), against != NULL);
}

static int run_diff(struct ctl *ctl, const struct invocation *call)
{
	return run(ctl, call, call->args[0], call->args[1], true);
}

#define COMMON_OPTIONS                                                                                                            \
	{ "days", "N", "so long (90)" }, { "book", "FILE", "events of this file, instead of the book in Redis" },                  \
		{ "from", "TIME", "an instant or a day, instead of now" },                                                         \
		{ "assume", "ANSWER", "nobody-pays, pays-after:STEP[+5d], share:PERCENT, history (nobody-pays)" },                          \
		{ "seed", "N", "who pays, with share: (1)" }, { "gates", NULL, "whoever is asked for a decision says: go on" },     \
		{ "prices", "LIST", "of a message, such as EUR:email=0.001,sms=0.045,letter=3.2" },                                \
		{ "summary", NULL, "figures alone, not each contact" }, { "html", "FILE", "a page with calendar, plot, steps and debtors" }

#define POLICY_WORDS                                                                                                                \
	"A policy is CURRENT (what the daemon walks), the name of a loaded one, which then is the default, or a file. A file takes\n"       \
	"the place of the policy of its name, and invoices that walk that one go over to it."

static const struct option_row simulate_options[] = { { "policy", "POLICY", "under this one, instead of CURRENT" },
	{ "against", "POLICY", "and what would change, from this one" }, COMMON_OPTIONS, { 0 } };
static const struct option_row diff_options[] = { COMMON_OPTIONS, { 0 } };

const struct command cmd_policy_simulate = { .name = "policy simulate", .args = "", .max_args = 0,
	.help = "every contact that will go out: the daemon's own code on the real book, with a clock of its own",
	.more = "Nobody is contacted and nothing is written. " POLICY_WORDS,
	.options = simulate_options, .run = run_simulate };

const struct command cmd_policy_diff = { .name = "policy diff", .args = "POLICY POLICY", .min_args = 2, .max_args = 2,
	.help = "the same book under two policies: what is added, dropped and moved",
	.more = POLICY_WORDS,
	.options = diff_options, .run = run_diff };
