/* An outlook as one page that needs nothing else: no script, no font, no network. Light and dark as the reader's system is. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/utc.h"
#include "tools/outlook_html.h"

#define PLOT_WIDTH 960
#define PLOT_HEIGHT 200
#define PLOT_LEFT 44 /* room for the scale */
#define PLOT_TOP 10
#define ROWS_MAX 2000 /* contacts listed: more than anybody reads */
#define DEBTORS_MAX 300 /* listed, those with most contacts first */

static const char style[] =
	":root{color-scheme:light dark;--ink:#1b1f24;--soft:#5b6470;--page:#fff;--line:#d9dee4;--h1:#dbe9fb;--h2:#a9cbf5;--h3:#6ba3ea;--h4:#2f6fc4;"
	"--email:#2f6fc4;--sms:#c9761d;--call:#2b8a57;--letter:#9b3fae;--voice:#b8323f}"
	"@media (prefers-color-scheme:dark){:root{--ink:#e6e9ed;--soft:#9aa4b0;--page:#15181c;--line:#323841;--h1:#1d2f47;--h2:#25496f;--h3:#2f69a8;"
	"--h4:#5a9bea;--email:#5a9bea;--sms:#e39a4a;--call:#4fb981;--letter:#c477d4;--voice:#e0626e}}"
	"body{margin:0 auto;max-width:62rem;padding:1.5rem;background:var(--page);color:var(--ink);font:15px/1.45 system-ui,sans-serif}"
	"h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .6rem}p{margin:.3rem 0;color:var(--soft)}"
	"table{border-collapse:collapse;font-variant-numeric:tabular-nums}td,th{text-align:left;padding:.15rem .8rem .15rem 0;"
	"border-bottom:1px solid var(--line);font-weight:400;vertical-align:top}th{color:var(--soft)}td.n,th.n{text-align:right}.d{white-space:nowrap}.wide{overflow-x:auto}.wide table{min-width:46rem}"
	".months{display:flex;flex-wrap:wrap;gap:1.4rem}.month caption{text-align:left;padding-bottom:.3rem}"
	".month td,.month th{width:2.2rem;height:2.2rem;padding:0;text-align:center;border:2px solid var(--page);border-radius:5px;font-size:.8rem;vertical-align:middle}"
	".month td small{display:block;font-size:.65rem;line-height:1;color:inherit;opacity:.75}.month th{height:1.2rem}"
	".o{color:var(--soft)}.a1{background:var(--h1)}.a2{background:var(--h2)}.a3{background:var(--h3)}"
	".a4{background:var(--h4);color:var(--page)}svg{width:100%;min-width:40rem;height:auto}svg text{fill:var(--soft);font-size:11px}"
	".grid{stroke:var(--line)}.before{fill:none;stroke:var(--ink);stroke-width:1.2;stroke-dasharray:3 2}"
	".email{fill:var(--email);color:var(--email)}.sms{fill:var(--sms);color:var(--sms)}.call{fill:var(--call);color:var(--call)}"
	".letter{fill:var(--letter);color:var(--letter)}.voice{fill:var(--voice);color:var(--voice)}";

static void escape(struct buf *out, const char *text)
{
	for (; text && *text; text++)
		switch (*text) {
		case '<':
			buf_add_str(out, "&lt;");
			break;
		case '>':
			buf_add_str(out, "&gt;");
			break;
		case '&':
			buf_add_str(out, "&amp;");
			break;
		case '"':
			buf_add_str(out, "&quot;");
			break;
		default:
			if ((unsigned char)*text >= 0x20)
				buf_add_char(out, *text);
		}
}

/* --- by day ---------------------------------------------------------------------------------------------------------------------------- */

struct days {
	date first;
	size_t count;
	int64_t *by_channel; /* [day * CHANNEL_COUNT + channel] */
	int64_t *total;
	int64_t most;
};

static int channel_of(const char *name)
{
	for (int c = 0; c < CHANNEL_COUNT; c++)
		if (strcmp(channel_names[c], name) == 0)
			return c;
	return CHANNEL_EMAIL;
}

/* The debtors' own days: where some live further east or west, that is a day more at both ends. */
static struct days count_days(const struct outlook *o)
{
	struct days d = { .first = { (int32_t)(o->begin / DAY_MS) - 1 } };

	d.count = (size_t)((o->end - o->begin) / DAY_MS) + 3;
	d.by_channel = xcalloc(d.count * CHANNEL_COUNT, sizeof(*d.by_channel));
	d.total = xcalloc(d.count, sizeof(*d.total));
	for (size_t i = 0; i < o->contact_count; i++) {
		int32_t day = date_diff(o->contacts[i].day, d.first);

		if (day < 0 || (size_t)day >= d.count)
			continue;
		d.by_channel[day * CHANNEL_COUNT + channel_of(o->contacts[i].channel)]++;
		if (++d.total[day] > d.most)
			d.most = d.total[day];
	}
	return d;
}

static void days_clear(struct days *d)
{
	free(d->by_channel);
	free(d->total);
}

static void say_day(struct buf *out, const struct days *d, size_t day)
{
	char text[DATE_TEXT_SIZE];

	buf_printf(out, "%s: %" PRId64, date_format(date_add_days(d->first, (int32_t)day), text), d->total[day]);
	for (int c = 0; c < CHANNEL_COUNT; c++)
		if (d->by_channel[day * CHANNEL_COUNT + (size_t)c])
			buf_printf(out, ", %s %" PRId64, channel_names[c], d->by_channel[day * CHANNEL_COUNT + (size_t)c]);
}

/* --- plot ---------------------------------------------------------------------------------------------------------------------------------- */

/* The next of 1, 2, 3, 4, 5, 6, 8, 10, 20 ... */
static int64_t round_up(int64_t most)
{
	static const int64_t steps[] = { 1, 2, 3, 4, 5, 6, 8 };

	for (int64_t ten = 1;; ten *= 10)
		for (size_t i = 0; i < ARRAY_LEN(steps); i++)
			if (steps[i] * ten >= most)
				return steps[i] * ten;
}

static void add_scale(struct buf *out, const struct days *d, int64_t top, double width)
{
	for (int i = 0; i <= 2; i++) {
		int y = PLOT_TOP + PLOT_HEIGHT - PLOT_HEIGHT * i / 2;

		buf_printf(out, "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/>", PLOT_LEFT, PLOT_WIDTH, y, y);
		if (i != 1 || top % 2 == 0)
			buf_printf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%" PRId64 "</text>", PLOT_LEFT - 6, y + 4, top * i / 2);
	}
	for (size_t day = 0; day < d->count; day++) {
		date at = date_add_days(d->first, (int32_t)day);
		char text[DATE_TEXT_SIZE];
		int year, month, of;

		date_split(at, &year, &month, &of);
		if (day + 4 < d->count && (of == 1 || (d->count < 100 && of == 15)))
			buf_printf(out, "<text x=\"%.1f\" y=\"%d\">%s</text>", PLOT_LEFT + (double)day * width, PLOT_TOP + PLOT_HEIGHT + 16,
				date_format(at, text));
	}
}

static void add_plot(struct buf *out, const struct days *d, const struct days *before)
{
	int64_t most = before && before->most > d->most ? before->most : d->most, top = round_up(most > 1 ? most : 1);
	double width = (double)(PLOT_WIDTH - PLOT_LEFT) / (double)d->count, unit = (double)PLOT_HEIGHT / (double)top;

	buf_printf(out, "<div class=\"wide\"><svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"contacts by day\">", PLOT_WIDTH, PLOT_TOP + PLOT_HEIGHT + 24);
	add_scale(out, d, top, width);
	for (size_t day = 0; day < d->count; day++) {
		double y = PLOT_TOP + PLOT_HEIGHT;

		if (!d->total[day])
			continue;
		buf_add_str(out, "<g><title>");
		say_day(out, d, day);
		buf_add_str(out, "</title>");
		for (int c = 0; c < CHANNEL_COUNT; c++) {
			double height = (double)d->by_channel[day * CHANNEL_COUNT + (size_t)c] * unit;

			y -= height;
			if (height > 0)
				buf_printf(out, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>", channel_names[c],
					PLOT_LEFT + (double)day * width, y, width * 0.85, height);
		}
		buf_add_str(out, "</g>");
	}
	if (before) {
		buf_add_str(out, "<polyline class=\"before\" points=\"");
		for (size_t day = 0; day < before->count; day++)
			buf_printf(out, "%.1f,%.1f ", PLOT_LEFT + ((double)day + 0.42) * width,
				PLOT_TOP + PLOT_HEIGHT - (double)before->total[day] * unit);
		buf_add_str(out, "\"/>");
	}
	buf_add_str(out, "</svg></div><p>");
	for (int c = 0; c < CHANNEL_COUNT; c++) {
		int64_t sum = 0;

		for (size_t day = 0; day < d->count; day++)
			sum += d->by_channel[day * CHANNEL_COUNT + (size_t)c];
		if (sum)
			buf_printf(out, "<b class=\"%s\">&#9632;</b> %s %" PRId64 " &nbsp; ", channel_names[c], channel_names[c], sum);
	}
	buf_add_str(out, before ? "- - - before</p>" : "</p>");
}

/* --- calendar -------------------------------------------------------------------------------------------------------------------------------- */

/* Four shades, by how near a day comes to the fullest one. */
static int shade(const struct days *d, size_t day)
{
	return d->total[day] ? 1 + (int)((d->total[day] * 4 - 1) / (d->most ? d->most : 1)) : 0;
}

static void add_month(struct buf *out, const struct days *d, date first)
{
	static const char *const names[] = { "January", "February", "March", "April", "May", "June", "July", "August", "September",
		"October", "November", "December" };
	date last = date_end_of_month(first);
	int year, month, of;

	date_split(first, &year, &month, &of);
	buf_printf(out, "<table class=\"month\"><caption>%s %d</caption><tr><th>M</th><th>T</th><th>W</th><th>T</th><th>F</th><th>S</th><th>S</th></tr><tr>",
		names[month - 1], year);
	for (int i = MONDAY; i < (int)date_weekday(first); i++)
		buf_add_str(out, "<td></td>");
	for (date at = first; date_diff(at, last) <= 0; at = date_add_days(at, 1)) {
		int32_t day = date_diff(at, d->first);

		if (date_weekday(at) == MONDAY && date_diff(at, first))
			buf_add_str(out, "</tr><tr>");
		date_split(at, &year, &month, &of);
		if (day < 0 || (size_t)day >= d->count || !d->total[day]) {
			buf_printf(out, "<td class=\"o\">%d</td>", of);
			continue;
		}
		buf_printf(out, "<td class=\"a%d\" title=\"", shade(d, (size_t)day) > 4 ? 4 : shade(d, (size_t)day));
		say_day(out, d, (size_t)day);
		buf_printf(out, "\">%" PRId64 "<small>%d</small></td>", d->total[day], of);
	}
	buf_add_str(out, "</tr></table>");
}

static void add_calendar(struct buf *out, const struct days *d)
{
	date end = date_add_days(d->first, (int32_t)d->count - 2), first = date_add_days(date_end_of_month(date_add_days(d->first, 1)), 1);

	buf_add_str(out, "<div class=\"months\">");
	for (first = date_add_months(first, -1); date_diff(first, end) < 0; first = date_add_months(first, 1))
		add_month(out, d, first);
	buf_add_str(out, "</div>");
}

/* --- lists ------------------------------------------------------------------------------------------------------------------------------------- */

static void add_cell(struct buf *out, const char *text)
{
	buf_add_str(out, "<td>");
	escape(out, text);
	buf_add_str(out, "</td>");
}

/* One step: what goes out by it, and what keeps it from going out. */
struct step_line {
	const char *step, *channel, *tone;
	int64_t contacts, invoices, first;
};

struct step_lines {
	struct step_line *items;
	size_t count, capacity;
};

static void step_lines_clear(struct step_lines *lines)
{
	free(lines->items);
}

/* `channel` NULL: by any. Words of an outlook are kept once: alike is the same. */
static struct step_line *step_line(struct step_lines *lines, const char *step, const char *channel)
{
	for (size_t i = 0; i < lines->count; i++)
		if (lines->items[i].step == step && (!channel || (lines->items[i].channel && strcmp(lines->items[i].channel, channel) == 0)))
			return &lines->items[i];
	xgrow(&lines->items, &lines->capacity, lines->count + 1, sizeof(*lines->items));
	lines->items[lines->count] = (struct step_line){ .step = step, .channel = channel, .first = INT64_MAX };
	return &lines->items[lines->count++];
}

static int by_first(const void *a, const void *b)
{
	const struct step_line *x = a, *y = b;

	return x->first != y->first ? x->first < y->first ? -1 : 1 : strcmp(x->step, y->step);
}

static void add_word(struct buf *out, const char *text)
{
	for (; *text; text++)
		if (*text == '_')
			buf_add_str(out, "&nbsp;");
		else
			escape(out, (char[]){ *text, '\0' });
}

/* "cap 40, window 3" of the tallies of these kinds. */
static void add_reasons(struct buf *out, const struct outlook *o, const char *step, const char *const *kinds)
{
	const char *between = "";

	buf_add_str(out, "<td>");
	for (size_t i = 0; i < o->tally_count; i++)
		for (const char *const *kind = kinds; *kind; kind++)
			if (o->tallies[i].step == step && strcmp(o->tallies[i].kind, *kind) == 0) {
				buf_add_str(out, between);
				if (!step)
					buf_printf(out, "%s&nbsp;", *kind);
				add_word(out, o->tallies[i].reason ? o->tallies[i].reason : *kind);
				buf_printf(out, "&nbsp;%" PRId64, o->tallies[i].count);
				between = ", ";
			}
	buf_add_str(out, "</td>");
}

static void add_steps(struct buf *out, const struct outlook *o)
{
	static const char *const deferred[] = { "deferred", NULL }, *const skipped[] = { "skipped", NULL }, *const person[] = { "gate", "task", NULL };
	static const char *const rest[] = { "hold", "task", "refused", NULL };
	CLEANUP(step_lines_clear) struct step_lines lines = { 0 };
	bool whole = false;

	for (size_t i = 0; i < o->contact_count; i++) {
		const struct outlook_contact *c = &o->contacts[i];
		struct step_line *line = step_line(&lines, c->step, c->channel);

		line->tone = c->tone;
		line->contacts++;
		line->invoices += (int64_t)c->invoice_count;
		line->first = c->at < line->first ? c->at : line->first;
	}
	for (size_t i = 0; i < o->tally_count; i++) {
		whole = whole || !o->tallies[i].step;
		if (o->tallies[i].step)
			(void)step_line(&lines, o->tallies[i].step, NULL);
	}
	if (lines.count)
		qsort(lines.items, lines.count, sizeof(*lines.items), by_first);
	buf_add_str(out, "<div class=\"wide\"><table><tr><th>step</th><th>channel</th><th>tone</th><th class=\"n\">contacts</th><th class=\"n\">invoices</th>"
			 "<th>put off</th><th>left out</th><th>for a person</th></tr>");
	for (size_t i = 0; i < lines.count; i++) {
		const struct step_line *line = &lines.items[i];
		bool again = i > 0 && lines.items[i - 1].step == line->step;

		buf_add_str(out, "<tr><td class=\"d\">");
		escape(out, line->step);
		buf_add_str(out, "</td>");
		add_cell(out, line->channel);
		add_cell(out, line->tone);
		buf_printf(out, "<td class=\"n\">%" PRId64 "</td><td class=\"n\">%" PRId64 "</td>", line->contacts, line->invoices);
		for (size_t k = 0; k < 3; k++)
			add_reasons(out, o, again ? NULL : line->step, again ? (const char *const[]){ NULL } : k == 0 ? deferred : k == 1 ? skipped : person);
		buf_add_str(out, "</tr>");
	}
	if (whole) {
		buf_add_str(out, "<tr><td colspan=\"5\">of no step</td>");
		add_reasons(out, o, NULL, rest);
		buf_add_str(out, "<td></td><td></td></tr>");
	}
	buf_add_str(out, "</table></div>");
}

struct debtor_line {
	size_t first, count; /* in `order` */
};

static int by_debtor(const void *a, const void *b)
{
	const struct outlook_contact *x = *(const struct outlook_contact *const *)a, *y = *(const struct outlook_contact *const *)b;
	int order = strcmp(x->debtor, y->debtor);

	return order ? order : x->at != y->at ? x->at < y->at ? -1 : 1 : strcmp(x->step, y->step);
}

static int by_count(const void *a, const void *b)
{
	const struct debtor_line *x = a, *y = b;

	return x->count != y->count ? x->count > y->count ? -1 : 1 : x->first < y->first ? -1 : 1;
}

/* What each debtor gets: whoever gets most comes first. */
static void add_debtors(struct buf *out, const struct outlook *o)
{
	CLEANUP(freep) const struct outlook_contact **order = xcalloc(o->contact_count + 1, sizeof(*order));
	CLEANUP(freep) struct debtor_line *lines = xcalloc(o->contact_count + 1, sizeof(*lines));
	size_t count = 0;

	for (size_t i = 0; i < o->contact_count; i++)
		order[i] = &o->contacts[i];
	if (o->contact_count)
		qsort(order, o->contact_count, sizeof(*order), by_debtor);
	for (size_t i = 0; i < o->contact_count; i++) {
		if (!i || strcmp(order[i]->debtor, order[i - 1]->debtor) != 0)
			lines[count++].first = i;
		lines[count - 1].count++;
	}
	if (count)
		qsort(lines, count, sizeof(*lines), by_count);
	buf_add_str(out, "<div class=\"wide\"><table><tr><th>debtor</th><th></th><th class=\"n\">contacts</th><th>when and what</th></tr>");
	for (size_t i = 0; i < count && i < DEBTORS_MAX; i++) {
		const struct outlook_contact *const *c = &order[lines[i].first];

		buf_add_str(out, "<tr>");
		add_cell(out, c[0]->debtor);
		add_cell(out, c[0]->name);
		buf_printf(out, "<td class=\"n\">%zu</td><td>", lines[i].count);
		for (size_t k = 0; k < lines[i].count; k++) {
			char day[DATE_TEXT_SIZE];

			buf_printf(out, "%s<span class=\"d\">%s ", k ? ", " : "", date_format(c[k]->day, day));
			escape(out, c[k]->step);
			buf_add_str(out, "</span>");
		}
		buf_add_str(out, "</td></tr>");
	}
	buf_add_str(out, "</table></div>");
	if (count > DEBTORS_MAX)
		buf_printf(out, "<p>The first %d of %zu; --json has all.</p>", DEBTORS_MAX, count);
}

static void add_contacts(struct buf *out, const struct outlook *o)
{
	buf_add_str(out, "<div class=\"wide\"><table><tr><th>day</th><th>time</th><th>debtor</th><th></th><th>invoice</th><th class=\"n\">of</th>"
			 "<th>step</th><th>channel</th><th>to</th><th>tone</th><th>why then</th></tr>");
	for (size_t i = 0; i < o->contact_count && i < ROWS_MAX; i++) {
		const struct outlook_contact *c = &o->contacts[i];
		char day[DATE_TEXT_SIZE];

		buf_printf(out, "<tr><td class=\"d\">%s</td><td>%02d:%02d</td>", date_format(c->day, day), c->minute / 60, c->minute % 60);
		add_cell(out, c->debtor);
		add_cell(out, c->name);
		add_cell(out, c->invoice_count ? c->invoices[0] : NULL);
		buf_printf(out, "<td class=\"n\">%zu</td>", c->invoice_count);
		add_cell(out, c->step);
		add_cell(out, c->channel);
		add_cell(out, c->role);
		add_cell(out, c->tone);
		add_cell(out, c->rule ? c->rule : c->why);
		buf_add_str(out, "</tr>");
	}
	buf_add_str(out, "</table></div>");
	if (o->contact_count > ROWS_MAX)
		buf_printf(out, "<p>The first %d of %zu; --json has all.</p>", ROWS_MAX, o->contact_count);
}

void outlook_html(struct buf *out, const struct outlook_page *page)
{
	const struct outlook *o = page->outlook;
	CLEANUP(days_clear) struct days days = count_days(o);
	CLEANUP(days_clear) struct days before = { 0 };
	char from[DATE_TEXT_SIZE], until[DATE_TEXT_SIZE];

	if (page->before)
		before = count_days(page->before);
	buf_add_str(out,
		"<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">"
			 "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"><title>");
	escape(out, page->title);
	buf_printf(out, "</title><style>%s</style><h1>", style);
	escape(out, page->title);
	buf_printf(out, "</h1><p>%s to %s: %zu contacts with %" PRId64 " debtors", date_format((date){ (int32_t)(o->begin / DAY_MS) }, from),
		date_format((date){ (int32_t)(o->end / DAY_MS) }, until), o->contact_count, o->debtors);
	if (page->before)
		buf_printf(out, "; before %zu with %" PRId64 " (<b>%" PRId64 "</b> invoices' steps added, <b>%" PRId64 "</b> dropped, <b>%" PRId64
				"</b> on another day)", page->before->contact_count, page->before->debtors, page->added, page->dropped, page->moved);
	if (o->payments)
		buf_printf(out, "; %" PRId64 " payments assumed", o->payments);
	if (page->cost) {
		buf_add_str(out, "; cost ");
		escape(out, page->cost);
	}
	if (o->counts.held) {
		buf_add_str(out, "; all sending held by ");
		add_word(out, o->counts.held);
		buf_printf(out, " for %" PRId64 " minutes", o->counts.braked_ms / MINUTE_MS);
	}
	buf_add_str(out, ".</p><h2>By day</h2>");
	add_plot(out, &days, page->before ? &before : NULL);
	buf_add_str(out, "<h2>Calendar</h2>");
	add_calendar(out, &days);
	buf_add_str(out, "<h2>Steps, and what puts off or leaves out</h2>");
	add_steps(out, o);
	buf_add_str(out, "<h2>By debtor</h2>");
	add_debtors(out, o);
	buf_add_str(out, "<h2>Contacts</h2>");
	add_contacts(out, o);
	buf_add_str(out, "</html>\n");
}
