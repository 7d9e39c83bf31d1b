/* The first page: is it well, what waits for a person, what went out, what is held and why, what comes next, what is owed. */
#include "common/board.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/locale.h"
#include "common/report_words.h"
#include "common/utc.h"

#define BAR_WIDTH 100 /* of a row's bar, in its own units */
#define HOURS_WIDTH 312 /* of a day's plot: 24 hours of 13 */
#define HOURS_HEIGHT 76
#define DSO_WIDTH 360
#define DSO_HEIGHT 170
#define DSO_LEFT 34
#define DSO_TOP 14
#define DSO_FOOT 22

void board_queue_add(struct board_today *today, const struct zone *zone, int64_t now, const struct escalation *e)
{
	int64_t acts_at = e->acts_at ? e->acts_at : e->next_at, at = acts_at < now ? now : acts_at;
	int32_t day;

	if (!e->next_at || at - now > (BOARD_DAYS + 1) * DAY_MS || e->held || (e->state != ESCALATION_WAITING && e->state != ESCALATION_TASK &&
		e->state != ESCALATION_GATE))
		return;
	day = date_diff(zone_date(zone, at), zone_date(zone, now));
	if (day >= 0 && day < BOARD_DAYS)
		today->queue[day][zone_minute(zone, at) / 60]++;
}

static const char *number(const struct board *b, int64_t n)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRId64, n);
	return locale_number(b->language == REPORT_FR ? "fr-FR" : "en-GB", text, &out) == 0 ? arena_strdup(b->arena, buf_str(&out)) : arena_strdup(b->arena,
		text);
}

/* --- is it well ------------------------------------------------------------------------------------------------------------------ */

static void put_state(struct board *b, const struct board_today *today)
{
	CLEANUP(buf_clear) struct buf items = { 0 };
	int wrongs = board_wrongs(b, &today->status, &items);
	struct json mode = json_get(&today->status, "mode");

	buf_printf(b->out, "<section class=\"state %s\"><p><strong>", wrongs ? "wait" : "good");
	board_html(b, "%s</strong>", !wrongs ? board_say(b, W_WELL) : wrongs == 1 ? board_say(b, W_ATTENTION) :
		board_says(b, W_ATTENTIONS, number(b, wrongs), NULL), NULL);
	if (!wrongs)
		board_html(b, " %s", board_say(b, W_WELL_TEXT), NULL);
	buf_add_str(b->out, "</p>");
	if (wrongs)
		buf_printf(b->out, "<ul>%s</ul>", buf_str(&items));
	if (json_str(&mode) && strcmp(json_str(&mode), "shadow") == 0)
		board_html(b, "<p>%s</p>", board_say(b, W_SHADOW), NULL);
	buf_add_str(b->out, "</section>");
}

static int64_t sum_of(const struct digest *d, enum digest_section section)
{
	int64_t sum = 0;

	for (size_t i = 0; i < d->counts[section] && i < DIGEST_LINES_MAX; i++)
		sum += d->lines[section][i].count;
	return sum;
}

static void put_tile(struct board *b, const char *class, const char *to, int64_t n, enum board_word word)
{
	buf_printf(b->out, "<li class=\"%s\"><a href=\"%s\"><b>", n ? class : "calm", to);
	board_html(b, "%s</b> <span>%s</span></a></li>", number(b, n), board_say(b, word), NULL);
}

static void put_tiles(struct board *b, const struct board_today *today)
{
	buf_add_str(b->out, "<ul class=\"tiles\">");
	put_tile(b, "needs", "#needs", today->tasks_open, W_NEEDS_YOU);
	put_tile(b, "sent", "#sent", (int64_t)today->digest->counts[DIGEST_SENT], W_SENT_TODAY);
	put_tile(b, "held", "#held", sum_of(today->digest, DIGEST_HELD), W_HELD);
	put_tile(b, "failed", "#failed", (int64_t)today->digest->counts[DIGEST_FAILED], W_FAILED);
	put_tile(b, "followed", "/invoices", today->digest->open, W_FOLLOWED);
	buf_add_str(b->out, "</ul>");
}

/* --- the day ---------------------------------------------------------------------------------------------------------------------- */

static void put_tasks(struct board *b, const struct board_today *today)
{
	board_html(b, "<section class=\"card\" id=\"needs\"><h2>%s</h2>", board_say(b, W_NEEDS_YOU), NULL);
	if (!today->tasks_open)
		board_html(b, "<p class=\"soft\">%s</p>", board_say(b, W_NOTHING_WAITS), NULL);
	else
		buf_add_str(b->out, "<ul class=\"lines\">");
	for (size_t i = 0; i < today->task_count; i++) {
		const struct json *root = &today->tasks[i].root;
		struct json kind = json_get(root, "kind"), invoices = json_get(root, "invoices"), first = json_at(&invoices, 0), debtor = json_get(root, "debtor"),
			    deadline = json_get(root, "deadline"), *about = json_str(&first) ? &first : &debtor;

		board_html(b, "<li><span><a href=\"/%s?id=%s\">%s</a> <strong>%s</strong> <span class=\"soft\">%s</span></span>",
			json_str(&first) ? "invoice" : "debtor", board_escape(b, json_str(about) ? json_str(about) : ""), json_str(about), board_word(b, json_str(&kind)),
			json_str(&debtor), NULL);
		board_html(b, "<span class=\"soft end\">%s</span></li>", board_at(b, json_int(&deadline)), NULL);
	}
	if (today->tasks_open)
		board_html(b, "</ul><p class=\"foot\"><a href=\"/tasks\">%s</a></p>", board_say(b, W_ALL_TASKS), NULL);
	buf_add_str(b->out, "</section>");
}

static void put_lines(struct board *b, const struct digest *d, enum digest_section section, const char *id, enum board_word title,
	enum board_word none)
{
	size_t count = d->counts[section], shown = count < DIGEST_LINES_MAX ? count : DIGEST_LINES_MAX;

	board_html(b, "<section class=\"card\" id=\"%s\"><h2>%s</h2>", id, board_say(b, title), NULL);
	if (!count)
		board_html(b, "<p class=\"soft\">%s</p></section>", board_say(b, none), NULL);
	if (!count)
		return;
	buf_add_str(b->out, "<ul class=\"lines\">");
	for (size_t i = 0; i < shown; i++) {
		const struct digest_line *line = &d->lines[section][i];

		board_html(b, "<li><span><a href=\"/invoices?q=%s\">%s</a> <strong>%s</strong>", board_escape(b, line->invoice ? line->invoice : ""), line->invoice,
			word_step(b->language, line->what) != line->what ? word_step(b->language, line->what) : board_word(b, line->what), NULL);
		if (line->reason)
			board_html(b, " <span class=\"soft\">%s</span>", board_word(b, line->reason), NULL);
		if (line->debtor)
			board_html(b, " <a class=\"soft\" href=\"/debtor?id=%s\">%s</a>", board_escape(b, line->debtor), line->debtor, NULL);
		buf_add_str(b->out, "</span>");
		if (section == DIGEST_SENT || section == DIGEST_FAILED) {
			int minute = zone_minute(b->zone, line->order);

			buf_printf(b->out, "<span class=\"soft end\">%02d:%02d</span>", minute / 60, minute % 60);
		} else if (line->amount.minor) {
			board_html(b, "<span class=\"end\">%s</span>", board_money(b, line->amount.minor, line->amount.currency), NULL);
		}
		buf_add_str(b->out, "</li>");
	}
	buf_add_str(b->out, "</ul>");
	if (count > shown)
		board_html(b, "<p class=\"soft foot\">%s</p>", board_says(b, W_AND_MORE, number(b, (int64_t)(count - shown)), NULL), NULL);
	buf_add_str(b->out, "</section>");
}

/* A bar whose length is a share; what it says stands beside it in words. */
static void put_bar(struct board *b, int64_t part, int64_t most, const char *class)
{
	double width = most > 0 ? (double)part / (double)most * BAR_WIDTH : 0;

	buf_printf(b->out, "<svg class=\"bar %s\" viewBox=\"0 0 %d 8\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
		"<rect class=\"back\" width=\"%d\" height=\"8\"/>"
		"<rect width=\"%.2f\" height=\"8\"/></svg>", class, BAR_WIDTH, BAR_WIDTH, part > 0 && width < 1 ? 1 : width);
}

static void put_held(struct board *b, const struct digest *d)
{
	size_t count = d->counts[DIGEST_HELD];
	int64_t all = sum_of(d, DIGEST_HELD);

	board_html(b, "<section class=\"card\" id=\"held\"><h2>%s</h2>", board_say(b, W_WHY_HELD), NULL);
	if (!count)
		board_html(b, "<p class=\"soft\">%s</p>", board_say(b, W_NOTHING_HELD), NULL);
	else
		buf_add_str(b->out, "<table class=\"bars\"><tbody>");
	for (size_t i = 0; i < count && i < DIGEST_LINES_MAX; i++) {
		const struct digest_line *line = &d->lines[DIGEST_HELD][i];

		board_html(b, "<tr><th scope=\"row\"><a href=\"/invoices?state=held\">%s</a></th><td class=\"draw\">", board_word(b, line->what), NULL);
		put_bar(b, line->count, all, "hold");
		board_html(b, "</td><td class=\"n\">%s</td></tr>", number(b, line->count), NULL);
	}
	buf_add_str(b->out, count ? "</tbody></table></section>" : "</section>");
}

/* --- the queue -------------------------------------------------------------------------------------------------------------------- */

static const char *steps(const struct board *b, int64_t n)
{
	return n == 0 ? board_say(b, W_STEPS_0) : n == 1 ? board_say(b, W_STEPS_1) : board_says(b, W_STEPS_N, number(b, n), NULL);
}

static void put_hours(struct board *b, const int64_t hours[24], int64_t most, int now)
{
	for (int h = 0; h < 24; h++) {
		double height = most ? (double)hours[h] / (double)most * (HOURS_HEIGHT - 20) : 0;

		if (hours[h] && height < 3)
			height = 3;
		buf_printf(b->out, "<rect class=\"%s\" x=\"%d\" y=\"%.1f\" width=\"11\" height=\"%.1f\" rx=\"2\">", hours[h] ? "hour" : h == now ? "hour now" :
			"hour none",
			h * 13 + 1, hours[h] ? HOURS_HEIGHT - 16 - height : HOURS_HEIGHT - 18.0, hours[h] ? height : 2.0);
		buf_printf(b->out, "<title>%02d:00 – ", h);
		board_html(b, "%s</title></rect>", steps(b, hours[h]), NULL);
	}
	for (int h = 0; h < 24; h += 6)
		buf_printf(b->out, "<text x=\"%d\" y=\"%d\">%02dh</text>", h * 13, HOURS_HEIGHT - 2, h);
}

static void put_queue(struct board *b, const struct board_today *today)
{
	date first = zone_date(b->zone, b->now);
	int64_t most = 0;

	for (int d = 0; d < BOARD_DAYS; d++)
		for (int h = 0; h < 24; h++)
			most = today->queue[d][h] > most ? today->queue[d][h] : most;
	board_html(b, "<section class=\"card wide\" id=\"queue\"><h2>%s</h2><p class=\"soft\">%s</p><div class=\"days\">", board_say(b, W_QUEUE),
		board_say(b, W_QUEUE_NOTE), NULL);
	for (int d = 0; d < BOARD_DAYS; d++) {
		CLEANUP(buf_clear) struct buf day = { 0 };
		int64_t sum = 0;

		(void)locale_date_styled(b->language == REPORT_FR ? "fr-FR" : "en-GB", date_add_days(first, d), LOCALE_DATE_FULL, &day);
		if (day.len > 5 && day.data[day.len - 5] == ' ')
			day.data[day.len -= 5] = '\0'; /* the year is known */
		for (int h = 0; h < 24; h++)
			sum += today->queue[d][h];
		board_html(b, "<figure><figcaption><strong>%s</strong> <span class=\"soft\">%s</span></figcaption>", d ? buf_str(&day) : board_say(b, W_TODAY),
			steps(b, sum), NULL);
		board_html(b, "<svg class=\"hours\" role=\"img\" aria-label=\"%s\"", board_says(b, W_COLON, buf_str(&day), steps(b, sum)), NULL);
		buf_printf(b->out, " viewBox=\"0 0 %d %d\">", HOURS_WIDTH, HOURS_HEIGHT);
		put_hours(b, today->queue[d], most, d ? -1 : zone_minute(b->zone, b->now) / 60);
		buf_add_str(b->out, "</svg></figure>");
	}
	buf_add_str(b->out, "</div></section>");
}

/* --- what is owed ------------------------------------------------------------------------------------------------------------------ */

static void put_left_out(struct board *b, const struct book_figures *f)
{
	if (f->more)
		board_html(b, "<p class=\"soft\">%s</p>", board_say(b, W_MORE_CURRENCIES), NULL);
}

static void put_aging(struct board *b, const struct book_figures *f)
{
	board_html(b, "<section class=\"card\" id=\"aging\"><h2>%s</h2>", board_say(b, W_AGING), NULL);
	for (size_t i = 0; i < f->count; i++) {
		const struct book_currency *c = &f->currencies[i];

		if (!c->all_count)
			continue;
		if (c->overflow) {
			board_html(b, "<p>%s: %s</p>", c->currency, board_say(b, W_TOO_LARGE), NULL);
			continue;
		}
		board_html(b, "<table class=\"bars\"><caption>%s</caption><thead class=\"hidden\"><tr><th scope=\"col\">%s</th><td></td><th scope=\"col\">%s</th>"
			"<th scope=\"col\">%s</th></tr></thead><tbody>",
			c->currency, board_say(b, W_AGE), board_say(b, W_INVOICES), board_say(b, W_AMOUNT), NULL);
		for (size_t age = 0; age < AGES; age++) {
			char class[8];

			(void)snprintf(class, sizeof(class), "age%zu", age);
			board_html(b, "<tr><th scope=\"row\">%s</th><td class=\"draw\">", board_say(b, (enum board_word)(W_AGE_0 + age)), NULL);
			put_bar(b, c->amount[age], c->all, class);
			board_html(b, "</td><td class=\"n soft\">%s</td><td class=\"n\">%s</td></tr>", number(b, c->count[age]), board_money(b, c->amount[age],
				c->currency), NULL);
		}
		board_html(b, "</tbody><tfoot><tr><th scope=\"row\">%s</th><td></td><td class=\"n\">%s</td><td class=\"n\">%s</td></tr></tfoot></table>",
			board_say(b, W_TOTAL),
			number(b, c->all_count), board_money(b, c->all, c->currency), NULL);
	}
	if (!f->count)
		board_html(b, "<p class=\"soft\">%s</p>", board_say(b, W_NOTHING_OWED), NULL);
	put_left_out(b, f);
	buf_add_str(b->out, "</section>");
}

static const char *tenths(const struct board *b, int64_t value)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	char text[40];

	(void)snprintf(text, sizeof(text), "%" PRId64 ".%" PRId64, value / 10, value % 10);
	(void)locale_number(b->language == REPORT_FR ? "fr-FR" : "en-GB", text, &out);
	return arena_strdup(b->arena, buf_str(&out));
}

/* The next of 10, 20, 30, 40, 60, 80, 100 ... days. */
static int64_t round_up(int64_t days)
{
	static const int64_t tops[] = { 1, 2, 3, 4, 6, 8 };

	for (int64_t ten = 10;; ten *= 10)
		for (size_t i = 0; i < ARRAY_LEN(tops); i++)
			if (tops[i] * ten >= days)
				return tops[i] * ten;
}

static double x_of(size_t month)
{
	return DSO_LEFT + (double)month * (DSO_WIDTH - DSO_LEFT - 12) / (BOOK_MONTHS - 1);
}

static void put_curve(struct board *b, const struct book_figures *f, const int64_t values[BOOK_MONTHS], int64_t top)
{
	double unit = (DSO_HEIGHT - DSO_TOP - DSO_FOOT) / ((double)top * 10), foot = DSO_HEIGHT - DSO_FOOT;
	bool drawn = false;

	for (int i = 0; i <= 2; i++)
		buf_printf(b->out, "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
			"<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%" PRId64 "</text>",
			DSO_LEFT, DSO_WIDTH, foot - i * (foot - DSO_TOP) / 2, foot - i * (foot - DSO_TOP) / 2, DSO_LEFT - 6, foot - i * (foot - DSO_TOP) / 2 + 4,
			top * i / 2);
	for (size_t m = 0; m < BOOK_MONTHS; m += 4) {
		int year, month, of;

		date_split(f->spans[m].day, &year, &month, &of);
		buf_printf(b->out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"%s\">%02d/%02d</text>", x_of(m), DSO_HEIGHT - 4, m + 4 < BOOK_MONTHS ? "middle" :
			"end", month,
			year % 100);
	}
	buf_add_str(b->out, "<path class=\"curve\" d=\"");
	for (size_t m = 0; m < BOOK_MONTHS; m++) {
		if (values[m] >= 0)
			buf_printf(b->out, "%c%.1f %.1f", drawn ? 'L' : 'M', x_of(m), foot - (double)values[m] * unit);
		drawn = values[m] >= 0;
	}
	buf_add_str(b->out, "\"/>");
	for (size_t m = 0; m < BOOK_MONTHS; m++) {
		if (values[m] < 0)
			continue;
		buf_printf(b->out, "<circle class=\"dot\" cx=\"%.1f\" cy=\"%.1f\" r=\"%s\"><title>", x_of(m), foot - (double)values[m] * unit,
			m + 1 == BOOK_MONTHS ? "5" : "3.2");
		board_html(b, "%s: %s</title></circle>", board_day(b, f->spans[m].day), board_says(b, W_DSO_DAYS, tenths(b, values[m]), NULL), NULL);
	}
}

static void put_dso(struct board *b, const struct book_figures *f)
{
	board_html(b, "<section class=\"card\" id=\"dso\"><h2>%s</h2><p class=\"soft\">%s</p>", board_say(b, W_DSO), board_say(b, W_DSO_NOTE), NULL);
	for (size_t i = 0; i < f->count; i++) {
		const struct book_currency *c = &f->currencies[i];
		int64_t values[BOOK_MONTHS], most = 0;
		const char *last;

		for (size_t m = 0; m < BOOK_MONTHS; m++) {
			values[m] = book_dso(c, m);
			most = values[m] > most ? values[m] : most;
		}
		last = values[BOOK_MONTHS - 1] < 0 ? board_say(b, W_NO_BILLING) : board_says(b, W_DSO_DAYS, tenths(b, values[BOOK_MONTHS - 1]), NULL);
		board_html(b, "<figure><figcaption>%s <strong class=\"big\">%s</strong></figcaption><svg class=\"plot\" role=\"img\" aria-label=\"%s, %s: %s\"",
			c->currency, last,
			board_say(b, W_DSO), c->currency, last, NULL);
		buf_printf(b->out, " viewBox=\"0 0 %d %d\">", DSO_WIDTH, DSO_HEIGHT);
		put_curve(b, f, values, round_up((most + 9) / 10 > 0 ? (most + 9) / 10 : 1));
		board_html(b, "</svg></figure><details><summary>%s, %s</summary><table class=\"plain\"><thead><tr><th scope=\"col\">%s</th>"
			"<th scope=\"col\" class=\"n\">DSO</th></tr></thead><tbody>",
			board_say(b, W_DSO_FIGURES), c->currency, board_say(b, W_MONTH_END), NULL);
		for (size_t m = BOOK_MONTHS; m-- > 0;)
			board_html(b, "<tr><th scope=\"row\">%s</th><td class=\"n\">%s</td></tr>", board_day(b, f->spans[m].day),
				values[m] < 0 ? board_say(b, W_NO_BILLING) : tenths(b, values[m]), NULL);
		buf_add_str(b->out, "</tbody></table></details>");
	}
	if (!f->count)
		board_html(b, "<p class=\"soft\">%s</p>", board_say(b, W_NO_BILLING), NULL);
	put_left_out(b, f);
	buf_add_str(b->out, "</section>");
}

void board_today(struct board *b, const struct board_today *today)
{
	CLEANUP(buf_clear) struct buf day = { 0 };

	(void)locale_date_styled(b->language == REPORT_FR ? "fr-FR" : "en-GB", zone_date(b->zone, b->now), LOCALE_DATE_FULL, &day);
	if (day.len && day.data[0] >= 'a' && day.data[0] <= 'z')
		day.data[0] = (char)(day.data[0] - 'a' + 'A'); /* "dimanche": it begins a title */
	board_begin(b, board_say(b, W_TODAY));
	board_html(b, "<h1>%s</h1>", buf_str(&day), NULL);
	put_state(b, today);
	if (!today->as_of) {
		board_html(b, "<section class=\"card\"><h2>%s</h2><p>%s</p></section>", board_say(b, W_READING_BOOK), board_say(b, W_READING_BOOK_TEXT), NULL);
		board_end(b);
		return;
	}
	put_tiles(b, today);
	buf_add_str(b->out, "<div class=\"cards\"><div>");
	put_tasks(b, today);
	put_lines(b, today->digest, DIGEST_SENT, "sent", W_SENT_TODAY, W_NOTHING_SENT);
	put_lines(b, today->digest, DIGEST_FAILED, "failed", W_FAILED, W_ALL_REACHED);
	buf_add_str(b->out, "</div><div>");
	put_held(b, today->digest);
	put_aging(b, today->figures);
	buf_add_str(b->out, "</div></div>");
	put_queue(b, today);
	buf_add_str(b->out, "<div class=\"cards\"><div>");
	put_dso(b, today->figures);
	buf_add_str(b->out, "</div><div>");
	put_lines(b, today->digest, DIGEST_DUE, "expected", W_EXPECTED, W_NOTHING_EXPECTED);
	if (today->digest->counts[DIGEST_BROKEN])
		put_lines(b, today->digest, DIGEST_BROKEN, "broken", W_BROKEN, W_NOTHING_EXPECTED);
	buf_add_str(b->out, "</div></div>");
	board_html(b, "<p class=\"soft foot\">%s</p>", board_says(b, W_AS_OF, board_at(b, today->as_of), NULL), NULL);
	board_end(b);
}
