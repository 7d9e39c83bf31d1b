#include "common/digest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/locale.h"
#include "common/utc.h"

void digest_begin(struct digest *d, struct arena *arena, const struct zone *zone, date day, int64_t payments_known_to)
{
	*d = (struct digest){ .arena = arena, .zone = zone, .day = day, .payments_known_to = payments_known_to };
	d->from = zone_to_utc(zone, date_add_days(day, -1), 0);
	d->until = zone_to_utc(zone, day, 0);
	d->feed_late = payments_known_to && payments_known_to < d->until - DAY_MS;
}

int64_t digest_at(const struct zone *zone, date day, const char *at)
{
	int hour = 0, minute = 0;

	(void)sscanf(at, "%d:%d", &hour, &minute);
	return zone_to_utc(zone, day, hour * 60 + minute);
}

/* A walk gives them in any order: the same documents give the same text. */
static bool before(const struct digest_line *a, const struct digest_line *b)
{
	int r = a->count != b->count ? (a->count > b->count ? -1 : 1) : a->order != b->order ? (a->order < b->order ? -1 : 1) : 0;

	if (r == 0)
		r = strcmp(a->invoice ? a->invoice : "", b->invoice ? b->invoice : "");
	if (r == 0)
		r = strcmp(a->what, b->what);
	return r < 0;
}

/* Only those that are shown are kept: the first by their order. */
static void add(struct digest *d, enum digest_section section, struct digest_line line)
{
	struct digest_line *lines = d->lines[section];
	size_t at, kept = d->counts[section] < DIGEST_LINES_MAX ? d->counts[section] : DIGEST_LINES_MAX;

	d->counts[section]++;
	if (!lines)
		lines = d->lines[section] = arena_alloc(d->arena, (DIGEST_LINES_MAX + 1) * sizeof(*lines));
	for (at = kept; at > 0 && before(&line, &lines[at - 1]); at--)
		lines[at] = lines[at - 1];
	if (at >= DIGEST_LINES_MAX)
		return;
	line.what = arena_strdup(d->arena, line.what);
	line.reason = arena_strdup(d->arena, line.reason);
	line.invoice = arena_strdup(d->arena, line.invoice);
	line.debtor = arena_strdup(d->arena, line.debtor);
	lines[at] = line;
}

/* One line for each word, with how often. */
static void count_one(struct digest *d, enum digest_section section, const char *what, const char *reason)
{
	struct digest_line *lines = d->lines[section];
	size_t at = 0;

	if (!lines)
		lines = d->lines[section] = arena_alloc(d->arena, (DIGEST_LINES_MAX + 1) * sizeof(*lines));
	while (at < d->counts[section] && (strcmp(lines[at].what, what) != 0 || (reason && strcmp(lines[at].reason, reason) != 0)))
		at++;
	if (at == d->counts[section]) {
		if (at == DIGEST_LINES_MAX)
			return;
		lines[at] = (struct digest_line){ .what = arena_strdup(d->arena, what), .reason = arena_strdup(d->arena, reason), .on = date_none() };
		d->counts[section]++;
	}
	lines[at].count++;
}

static uint64_t hash_of(const char *text) /* FNV-1a */
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return h ? h : 1;
}

static bool first_time(struct digest *d, uint64_t hash)
{
	size_t at;

	if (d->seen_count * 2 >= d->seen_size) {
		uint64_t *before = d->seen;
		size_t size = d->seen_size;

		d->seen_size = size ? size * 2 : 1024;
		d->seen = arena_alloc(d->arena, d->seen_size * sizeof(*d->seen));
		d->seen_count = 0;
		for (size_t i = 0; i < size; i++)
			if (before[i])
				(void)first_time(d, before[i]);
	}
	for (at = hash & (d->seen_size - 1); d->seen[at]; at = (at + 1) & (d->seen_size - 1))
		if (d->seen[at] == hash)
			return false;
	d->seen[at] = hash;
	d->seen_count++;
	return true;
}

static struct digest_line line_of(const struct escalation *e, const char *what, int64_t order)
{
	const struct snapshot *s = &e->invoice.snapshot;

	return (struct digest_line){ .what = what, .invoice = s->number ? s->number : e->invoice.id, .debtor = e->invoice.debtor_id, .order = order,
		.on = date_none() };
}

static bool that_day(const struct digest *d, int64_t at)
{
	return at >= d->from && at < d->until;
}

static bool nobody_reached(const char *reason)
{
	static const char *const words[] = { "no_address", "refused", "unknown", "opted_out", "task_expired", "third_party", NULL };

	for (size_t i = 0; reason && words[i]; i++)
		if (strcmp(words[i], reason) == 0)
			return true;
	return false;
}

static void add_walked(struct digest *d, const struct escalation *e, const struct walked *walked)
{
	/* "promise:042054880da8": what follows the colon tells nobody anything */
	struct digest_line line = line_of(e, arena_printf(d->arena, "%.*s", (int)strcspn(walked->step, ":"), walked->step), walked->at);

	line.reason = walked->reason;
	if (walked->end != STEP_SKIPPED)
		add(d, DIGEST_SENT, line);
	else if (nobody_reached(walked->reason))
		add(d, DIGEST_FAILED, line);
}

static void add_walk(struct digest *d, const struct escalation *e)
{
	for (size_t i = 0; i < e->walk_count; i++)
		if (that_day(d, e->walk[i].at))
			add_walked(d, e, &e->walk[i]);
}

static void set_amount(struct digest_line *line, const struct escalation *e, int64_t minor)
{
	line->amount.minor = minor;
	memcpy(line->amount.currency, e->invoice.snapshot.currency, 4);
}

static void add_due(struct digest *d, const struct escalation *e, const char *what, date on, int64_t minor)
{
	struct digest_line line = line_of(e, what, on.days);

	if (!date_is_set(on) || date_diff(on, d->day) < 0 || date_diff(on, d->day) > 7)
		return;
	line.on = on;
	set_amount(&line, e, minor);
	add(d, DIGEST_DUE, line);
}

static void add_agreed(struct digest *d, const struct escalation *e)
{
	struct invoice_view view = invoice_view(&e->invoice);
	struct instalment_view next;

	for (size_t i = 0; i < e->ended_count; i++) {
		struct digest_line line = line_of(e, e->ended[i].what, e->ended[i].at);

		set_amount(&line, e, view.balance);
		if (that_day(d, e->ended[i].at))
			add(d, e->ended[i].kept ? DIGEST_KEPT : DIGEST_BROKEN, line);
	}
	if (e->state == ESCALATION_CLOSED)
		return;
	if (view.promise)
		add_due(d, e, "promise", view.promise->until_on, view.balance);
	if (view.plan && plan_next(view.plan, view.balance, &next))
		add_due(d, e, "plan", next.due_on, next.rest);
	if (view.settlement && view.settlement->settles)
		add_due(d, e, "settlement", view.settlement->until_on, view.settlement->amount - view.paid - view.credited);
}

bool digest_invoice(struct digest *d, const struct escalation *e)
{
	if (!first_time(d, hash_of(e->invoice.id)))
		return false;
	add_walk(d, e);
	if (!e->invoice.known)
		return true;
	add_agreed(d, e);
	if (e->state == ESCALATION_CLOSED || e->state == ESCALATION_STUB || e->state == ESCALATION_NONE)
		return true;
	d->open++;
	if (e->held)
		count_one(d, DIGEST_HELD, e->held, NULL);
	if (e->policy_by && strcmp(e->policy_by, "rule") == 0 && e->policy_rule && that_day(d, e->opened_at))
		count_one(d, DIGEST_CHOSEN, e->policy ? e->policy : "", e->policy_rule);
	return true;
}

void digest_task(struct digest *d, const char *kind, const char *invoice, const char *reason, int64_t deadline)
{
	add(d, DIGEST_NEEDS_YOU, (struct digest_line){ .what = kind, .reason = reason, .invoice = invoice, .order = deadline,
		.on = deadline ? zone_date(d->zone, deadline) : date_none() });
}

static const char *member(const struct json *object, const char *key)
{
	struct json v = json_get(object, key);

	return json_str(&v);
}

void digest_task_read(struct digest *d, const struct json *task)
{
	struct json invoices = json_get(task, "invoices"), first = json_at(&invoices, 0), deadline = json_get(task, "deadline");

	if (member(task, "kind")) /* one that is about no invoice is about a customer, or us */
		digest_task(d, member(task, "kind"), json_str(&first) ? json_str(&first) : member(task, "debtor"), member(task, "reason"), json_int(&deadline));
}

/* --- the mail ---------------------------------------------------------------------------------------------------------- */

static void put_html(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '&')
			buf_add_str(out, "&amp;");
		else if (*text == '<')
			buf_add_str(out, "&lt;");
		else if (*text == '>')
			buf_add_str(out, "&gt;");
		else if (*text == '"')
			buf_add_str(out, "&quot;");
		else
			buf_add_char(out, (unsigned char)*text < 0x20 ? ' ' : *text);
	}
}

static const char *line_text(const struct digest *d, const struct digest_words *words, const char *locale, const struct digest_line *line)
{
	CLEANUP(buf_clear) struct buf out = { 0 };

	if (line->count)
		buf_printf(&out, "%lld ", (long long)line->count);
	buf_add_str(&out, digest_word(words, line->what));
	if (line->reason && line->reason[0])
		buf_printf(&out, line->count ? " (%s)" : ", %s", digest_word(words, line->reason));
	if (line->invoice)
		buf_printf(&out, ": %s", line->invoice);
	if (line->debtor)
		buf_printf(&out, " (%s)", line->debtor);
	if (line->amount.minor) {
		buf_add_str(&out, ", ");
		(void)locale_money(locale, line->amount, &out);
	}
	if (date_is_set(line->on)) {
		buf_add_str(&out, ", ");
		(void)locale_date(locale, line->on, &out);
	}
	return arena_strdup(d->arena, buf_str(&out));
}

/* Each "{}" becomes the next of `values`. */
static const char *fill(struct arena *arena, const char *form, const char *const *values)
{
	CLEANUP(buf_clear) struct buf out = { 0 };

	for (; *form; form++) {
		if (form[0] == '{' && form[1] == '}' && *values) {
			buf_add_str(&out, *values++);
			form++;
		} else {
			buf_add_char(&out, *form);
		}
	}
	return arena_strdup(arena, buf_str(&out));
}
#define FILL(arena, form, ...) fill(arena, form, (const char *const[]){ __VA_ARGS__, NULL })

static const char *digits(struct arena *arena, int64_t n)
{
	return arena_printf(arena, "%lld", (long long)n);
}

struct writing {
	struct buf text, html;
};

static void say(struct writing *w, const char *tag, const char *line)
{
	buf_printf(&w->text, "%s\n", line);
	buf_printf(&w->html, "<%s>", tag);
	put_html(&w->html, line);
	buf_printf(&w->html, "</%s>\n", tag);
}

static void write_section(struct digest *d, struct writing *w, const struct digest_words *words, const char *locale, enum digest_section section)
{
	size_t all = d->counts[section], shown = all < DIGEST_LINES_MAX ? all : DIGEST_LINES_MAX;
	int64_t sum = 0;

	for (size_t i = 0; i < shown; i++) {
		struct digest_line *lines = d->lines[section], one = lines[i];
		size_t at = i;

		sum += one.count;
		for (; at > 0 && before(&one, &lines[at - 1]); at--)
			lines[at] = lines[at - 1];
		lines[at] = one;
	}
	if (!all)
		return;
	buf_add_char(&w->text, '\n');
	say(w, "h2", arena_printf(d->arena, "%s: %lld", words->sections[section], sum ? (long long)sum : (long long)all));
	buf_add_str(&w->html, "<ul>\n");
	for (size_t i = 0; i < shown; i++) {
		buf_add_str(&w->text, "- ");
		say(w, "li", line_text(d, words, locale, &d->lines[section][i]));
	}
	if (all > shown) {
		buf_add_str(&w->text, "- ");
		say(w, "li", FILL(d->arena, words->more, digits(d->arena, (int64_t)(all - shown))));
	}
	buf_add_str(&w->html, "</ul>\n");
}

void digest_write(struct digest *d, const char *locale, const char *creditor, struct digest_text *ret)
{
	const struct digest_words *words = digest_words(locale);
	const char *form = strncmp(words->language, locale, 2) == 0 ? locale : "en-GB";
	CLEANUP(buf_clear) struct buf day = { 0 };
	struct writing w = { 0 };
	bool any = false;

	(void)locale_date(form, date_add_days(d->day, -1), &day);
	ret->subject = FILL(d->arena, words->subject, creditor, buf_str(&day), digits(d->arena, (int64_t)d->counts[DIGEST_NEEDS_YOU]));
	buf_printf(&w.html, "<!DOCTYPE html>\n<html lang=\"%s\"><head><meta charset=\"utf-8\"><meta name=\"color-scheme\" content=\"light dark\"><title>",
		words->language);
	put_html(&w.html, ret->subject);
	buf_add_str(&w.html, "</title></head>\n<body style=\"font-family:Arial,Helvetica,sans-serif;font-size:15px;line-height:22px\">\n");
	say(&w, "p", FILL(d->arena, words->greeting, creditor, buf_str(&day)));
	say(&w, "p", FILL(d->arena, words->open, digits(d->arena, d->open)));
	say(&w, "p", !d->payments_known_to ? words->feed_never : FILL(d->arena, d->feed_late ? words->feed_late : words->feed_fresh,
		zone_format(d->zone, d->payments_known_to, (char[64]){ 0 }, 64)));
	for (int s = 0; s < DIGEST_SECTION_COUNT; s++) {
		any |= d->counts[s] > 0;
		write_section(d, &w, words, form, (enum digest_section)s);
	}
	if (!any) {
		buf_add_char(&w.text, '\n');
		say(&w, "p", words->nothing);
	}
	buf_add_str(&w.html, "</body></html>\n");
	ret->text = arena_strdup(d->arena, buf_str(&w.text));
	ret->html = arena_strdup(d->arena, buf_str(&w.html));
	buf_clear(&w.text);
	buf_clear(&w.html);
}
