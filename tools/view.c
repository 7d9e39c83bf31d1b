#include "tools/view.h"

#include <stdarg.h>
#include <string.h>

#include "common/json.h"
#include "common/money.h"
#include "common/utc.h"

#define GAP 2 /* blanks between columns */

/* --- cells --------------------------------------------------------------------------------------------------------------------- */

struct cell cell_none(void)
{
	return (struct cell){ .kind = CELL_NONE };
}

struct cell cell_text(const char *text)
{
	return text ? (struct cell){ .kind = CELL_TEXT, .text = text } : cell_none();
}

struct cell cell_number(int64_t number)
{
	return (struct cell){ .kind = CELL_NUMBER, .number = number };
}

struct cell cell_flag(bool flag)
{
	return (struct cell){ .kind = CELL_FLAG, .number = flag };
}

struct cell cell_time(int64_t at, const struct zone *zone)
{
	return at ? (struct cell){ .kind = CELL_TIME, .number = at, .zone = zone } : cell_none();
}

struct cell cell_date(date d)
{
	return date_is_set(d) ? (struct cell){ .kind = CELL_DATE, .number = d.days } : cell_none();
}

struct cell cell_money(int64_t minor, const char *currency)
{
	return (struct cell){ .kind = CELL_MONEY, .number = minor, .text = currency };
}

struct cell cell_json(const char *json)
{
	return json ? (struct cell){ .kind = CELL_JSON, .text = json } : cell_none();
}

char *view_time(struct arena *arena, int64_t at, const struct zone *zone)
{
	char utc[UTC_TEXT_SIZE], local[64];

	utc_format(at, utc);
	if (!zone || strcmp(zone_name(zone), "UTC") == 0)
		return arena_printf(arena, "%.10s %.5sZ", utc, utc + 11);
	zone_format(zone, at, local, sizeof(local));
	if (strncmp(local, utc, 10) == 0)
		return arena_printf(arena, "%s (%.5sZ)", local, utc + 11);
	return arena_printf(arena, "%s (%.10s %.5sZ)", local, utc, utc + 11);
}

char *view_distance(struct arena *arena, int64_t at, int64_t now)
{
	static const struct {
		int64_t ms;
		const char *name;
	} units[] = { { DAY_MS, "day" }, { HOUR_MS, "hour" }, { MINUTE_MS, "minute" }, { SECOND_MS, "second" } };
	int64_t span = at > now ? at - now : now - at;

	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		int64_t n = span / units[i].ms;

		if (n)
			return arena_printf(arena, "%s%lld %s%s%s", at > now ? "in " : "", (long long)n, units[i].name, n == 1 ? "" : "s",
				at > now ? "" : " ago");
	}
	return arena_strdup(arena, "now");
}

/* U+202A to U+202E, U+2066 to U+2069: what follows would run the other way, over the next column. */
static bool turns_direction(const unsigned char *p)
{
	return p[0] == 0xe2 && ((p[1] == 0x80 && p[2] >= 0xaa && p[2] <= 0xae) || (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9));
}

void view_clean(struct buf *out, const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0) { /* C1: an escape sequence in one character */
			buf_add_char(out, '?');
			p++;
		} else if (turns_direction(p)) {
			buf_add_char(out, '?');
			p += 2;
		} else {
			buf_add_char(out, *p < 0x20 || *p == 0x7f ? '?' : (char)*p);
		}
	}
}

static void cell_show(struct arena *arena, const struct cell *cell, struct buf *out)
{
	char text[64];
	struct money money;

	switch (cell->kind) {
	case CELL_NONE:
		break;
	case CELL_TEXT:
	case CELL_JSON:
		view_clean(out, cell->text);
		break;
	case CELL_NUMBER:
		buf_add_int(out, cell->number);
		break;
	case CELL_FLAG:
		buf_add_str(out, cell->number ? "yes" : "no");
		break;
	case CELL_TIME:
		buf_add_str(out, view_time(arena, cell->number, cell->zone));
		break;
	case CELL_DATE:
		buf_add_str(out, date_format((date){ (int32_t)cell->number }, text));
		break;
	case CELL_MONEY:
		money.minor = cell->number;
		snprintf(money.currency, sizeof(money.currency), "%s", cell->text);
		buf_printf(out, "%s %s", money_plain(money, text, sizeof(text)), money.currency);
		break;
	}
}

static void cell_write(struct json_writer *w, const char *key, const struct cell *cell)
{
	char text[UTC_TEXT_SIZE];

	switch (cell->kind) {
	case CELL_NONE:
		jw_null(w, key);
		break;
	case CELL_TEXT:
		jw_str(w, key, cell->text);
		break;
	case CELL_JSON:
		jw_raw(w, key, cell->text, strlen(cell->text));
		break;
	case CELL_NUMBER:
		jw_int(w, key, cell->number);
		break;
	case CELL_FLAG:
		jw_bool(w, key, cell->number != 0);
		break;
	case CELL_TIME:
		jw_str(w, key, utc_format(cell->number, text));
		break;
	case CELL_DATE:
		jw_str(w, key, date_format((date){ (int32_t)cell->number }, text));
		break;
	case CELL_MONEY:
		jw_object(w, key);
		jw_int(w, "minor", cell->number);
		jw_str(w, "currency", cell->text);
		jw_end_object(w);
		break;
	}
}

/* --- tables -------------------------------------------------------------------------------------------------------------------- */

struct table {
	struct arena *arena;
	const struct column *columns;
	size_t column_count;
	struct cell **rows;
	size_t count, capacity;
};

struct table *table_create(struct arena *arena, const struct column *columns)
{
	struct table *t = arena_alloc(arena, sizeof(*t));

	t->arena = arena;
	t->columns = columns;
	while (columns[t->column_count].key)
		t->column_count++;
	return t;
}

void table_add(struct table *t, const struct cell *cells)
{
	t->rows = arena_grow(t->arena, t->rows, t->count, &t->capacity, sizeof(*t->rows));
	t->rows[t->count++] = arena_memdup(t->arena, cells, t->column_count * sizeof(*cells));
}

size_t table_rows(const struct table *t)
{
	return t->count;
}

static void table_write(struct json_writer *w, const char *key, const struct table *t)
{
	jw_array(w, key);
	for (size_t i = 0; i < t->count; i++) {
		jw_object(w, NULL);
		for (size_t c = 0; c < t->column_count; c++)
			cell_write(w, t->columns[c].key, &t->rows[i][c]);
		jw_end_object(w);
	}
	jw_end_array(w);
}

/* Character ranges that a terminal gives no column (they stand on the one before) or two: Unicode's marks, and UAX #11 wide and fullwidth. */
static const struct {
	uint32_t first, last;
	unsigned width;
} unusual[] = { { 0x300, 0x36f, 0 }, { 0x1100, 0x115f, 2 }, { 0x1ab0, 0x1aff, 0 }, { 0x1dc0, 0x1dff, 0 }, { 0x200b, 0x200f, 0 }, { 0x2060, 0x2064, 0 },
	{ 0x20d0, 0x20ff, 0 }, { 0x2e80, 0x303e, 2 }, { 0x3041, 0xa4cf, 2 }, { 0xac00, 0xd7a3, 2 }, { 0xf900, 0xfaff, 2 }, { 0xfe00, 0xfe0f, 0 },
	{ 0xfe20, 0xfe2f, 0 }, { 0xfe30, 0xfe6f, 2 }, { 0xfeff, 0xfeff, 0 }, { 0xff01, 0xff60, 2 }, { 0xffe0, 0xffe6, 2 }, { 0x1f300, 0x1f64f, 2 },
	{ 0x1f900, 0x1f9ff, 2 }, { 0x20000, 0x3fffd, 2 } };

static unsigned columns_of(const char *p, size_t len)
{
	const uint8_t *b = (const uint8_t *)p;
	uint32_t c = len == 1 ? b[0] : b[0] & (0xffu >> (len + 1));

	for (size_t i = 1; i < len; i++)
		c = c << 6 | (b[i] & 0x3f);
	for (size_t i = 0; c >= unusual[0].first && i < ARRAY_LEN(unusual); i++)
		if (c >= unusual[i].first && c <= unusual[i].last)
			return unusual[i].width;
	return 1;
}

/* Columns of a terminal, not bytes. */
static size_t width_of(const char *text)
{
	const char *end = text + strlen(text);
	size_t n = 0;

	while (text < end) {
		size_t len = utf8_len(text, end);

		n += len ? columns_of(text, len) : 1; /* what is no character is shown as one */
		text += len ? len : 1;
	}
	return n;
}

static void pad(struct buf *out, size_t n)
{
	while (n--)
		buf_add_char(out, ' ');
}

static bool shown(const struct table *t, size_t c, bool *used)
{
	return t->columns[c].heading && used[c];
}

static void add_row(struct buf *out, const struct table *t, const char *const *texts, const size_t *widths, bool *used,
	const char *indent)
{
	size_t owed = 0; /* blanks not written yet: none at the end of a line */

	buf_add_str(out, indent);
	for (size_t c = 0; c < t->column_count; c++) {
		size_t width;

		if (!shown(t, c, used))
			continue;
		width = width_of(texts[c]);
		if (t->columns[c].right)
			owed += widths[c] - width;
		if (*texts[c]) {
			pad(out, owed);
			owed = 0;
			buf_add_str(out, texts[c]);
		}
		owed += GAP + (t->columns[c].right ? 0 : widths[c] - width);
	}
	buf_add_char(out, '\n');
}

/* A column that is empty in every row is left out. */
static void table_show(struct buf *out, const struct table *t, const char *indent)
{
	const char **texts = arena_alloc(t->arena, t->column_count * sizeof(*texts));
	const char ***rows = arena_alloc(t->arena, (t->count + 1) * sizeof(*rows));
	size_t *widths = arena_alloc(t->arena, t->column_count * sizeof(*widths));
	bool *used = arena_alloc(t->arena, t->column_count * sizeof(*used));
	CLEANUP(buf_clear) struct buf one = { 0 };

	for (size_t c = 0; c < t->column_count; c++) {
		texts[c] = t->columns[c].heading ? t->columns[c].heading : "";
		widths[c] = width_of(texts[c]);
	}
	for (size_t i = 0; i < t->count; i++) {
		rows[i] = arena_alloc(t->arena, t->column_count * sizeof(**rows));
		for (size_t c = 0; c < t->column_count; c++) {
			size_t width;

			buf_reset(&one);
			cell_show(t->arena, &t->rows[i][c], &one);
			rows[i][c] = arena_memdup(t->arena, buf_str(&one), one.len);
			width = width_of(rows[i][c]);
			widths[c] = width > widths[c] ? width : widths[c];
			used[c] |= width > 0;
		}
	}
	add_row(out, t, texts, widths, used, indent);
	for (size_t i = 0; i < t->count; i++)
		add_row(out, t, rows[i], widths, used, indent);
}

/* --- fields -------------------------------------------------------------------------------------------------------------------- */

struct field {
	const char *key, *label;
	struct cell cell;
	const struct table *table;
};

struct fields {
	struct arena *arena;
	struct field *items;
	size_t count, capacity;
};

struct fields *fields_create(struct arena *arena)
{
	struct fields *f = arena_alloc(arena, sizeof(*f));

	f->arena = arena;
	return f;
}

static void add_field(struct fields *f, struct field field)
{
	f->items = arena_grow(f->arena, f->items, f->count, &f->capacity, sizeof(*f->items));
	f->items[f->count++] = field;
}

void fields_add(struct fields *f, const char *key, const char *label, struct cell cell)
{
	add_field(f, (struct field){ key, label, cell, NULL });
}

void fields_table(struct fields *f, const char *key, const char *label, const struct table *table)
{
	add_field(f, (struct field){ key, label, cell_none(), table });
}

static void fields_write(struct json_writer *w, const struct fields *f)
{
	jw_object(w, NULL);
	for (size_t i = 0; i < f->count; i++) {
		const struct field *field = &f->items[i];

		if (!field->key)
			continue;
		if (field->table)
			table_write(w, field->key, field->table);
		else
			cell_write(w, field->key, &field->cell);
	}
	jw_end_object(w);
}

static void fields_show(struct buf *out, const struct fields *f)
{
	size_t widest = 0;

	for (size_t i = 0; i < f->count; i++) {
		const struct field *field = &f->items[i];
		size_t width = field->label && !field->table && field->cell.kind != CELL_NONE ? width_of(field->label) : 0;

		widest = width > widest ? width : widest;
	}
	for (size_t i = 0; i < f->count; i++) {
		const struct field *field = &f->items[i];

		if (!field->label)
			continue;
		if (field->table && table_rows(field->table)) {
			buf_printf(out, "%s\n", field->label);
			table_show(out, field->table, "  ");
		} else if (!field->table && field->cell.kind != CELL_NONE) {
			buf_add_str(out, field->label);
			pad(out, widest - width_of(field->label) + GAP);
			cell_show(f->arena, &field->cell, out);
			buf_add_char(out, '\n');
		}
	}
}

/* --- showing ------------------------------------------------------------------------------------------------------------------- */

static void put(const struct view *view, struct buf *out)
{
	if (view->json)
		buf_add_char(out, '\n');
	(void)fwrite(buf_str(out), 1, out->len, view->out);
}

void view_table(const struct view *view, const struct table *table, const char *empty)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	struct json_writer w = jw_init(&out);

	if (view->json)
		table_write(&w, NULL, table);
	else if (table->count)
		table_show(&out, table, "");
	else
		buf_printf(&out, "%s\n", empty);
	put(view, &out);
}

static void csv_text(struct buf *out, const char *text)
{
	bool number = *text == '-' && text[1] && strspn(text + 1, "0123456789.") == strlen(text + 1);
	bool formula = *text && !number && strchr("=+-@\t\r", *text); /* a name such as "=HYPERLINK(...)" must not run in anybody's spreadsheet */

	if (!formula && !strpbrk(text, ",\"\r\n")) {
		buf_add_str(out, text);
		return;
	}
	buf_add_str(out, formula ? "\"'" : "\"");
	for (; *text; text++) {
		buf_add_char(out, *text);
		if (*text == '"')
			buf_add_char(out, '"');
	}
	buf_add_char(out, '"');
}

static void csv_cell(struct arena *arena, const struct cell *cell, struct buf *out)
{
	char text[64];
	struct money money = { .minor = cell->number };

	switch (cell->kind) {
	case CELL_TEXT:
	case CELL_JSON:
		csv_text(out, cell->text);
		break;
	case CELL_TIME:
		buf_add_str(out, utc_format(cell->number, text));
		break;
	case CELL_MONEY:
		snprintf(money.currency, sizeof(money.currency), "%s", cell->text);
		buf_printf(out, "%s,%s", money_plain(money, text, sizeof(text)), money.currency);
		break;
	default:
		cell_show(arena, cell, out);
		break;
	}
}

static bool has_money(const struct table *t, size_t c)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->rows[i][c].kind == CELL_MONEY)
			return true;
	return false;
}

void view_csv(const struct view *view, const struct table *t)
{
	CLEANUP(buf_clear) struct buf out = { 0 };

	for (size_t c = 0; c < t->column_count; c++) {
		buf_printf(&out, "%s%s", c ? "," : "", t->columns[c].key);
		if (has_money(t, c))
			buf_printf(&out, ",%s_currency", t->columns[c].key);
	}
	buf_add_str(&out, "\r\n");
	for (size_t i = 0; i < t->count; i++) {
		for (size_t c = 0; c < t->column_count; c++) {
			buf_add_str(&out, c ? "," : "");
			csv_cell(t->arena, &t->rows[i][c], &out);
			if (t->rows[i][c].kind != CELL_MONEY && has_money(t, c))
				buf_add_char(&out, ',');
		}
		buf_add_str(&out, "\r\n");
	}
	(void)fwrite(buf_str(&out), 1, out.len, view->out);
}

void view_fields(const struct view *view, const struct fields *fields)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	struct json_writer w = jw_init(&out);

	if (view->json)
		fields_write(&w, fields);
	else
		fields_show(&out, fields);
	put(view, &out);
}

void view_say(const struct view *view, const char *format, ...)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	CLEANUP(freep) char *text = NULL;
	va_list args;
	int n;

	if (view->json)
		return;
	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0) {
		text = NULL;
		return;
	}
	view_clean(&out, text);
	fprintf(view->out, "%s\n", buf_str(&out));
}

void view_text(const struct view *view, const char *text)
{
	CLEANUP(buf_clear) struct buf line = { 0 };

	for (const char *end; *text; text = end) {
		size_t len = strcspn(text, "\n\t\r");
		CLEANUP(freep) char *part = strndup(text, len);

		view_clean(&line, part ? part : "");
		end = text + len;
		if (*end) {
			if (*end != '\r')
				buf_add_char(&line, *end);
			end++;
		}
	}
	if (line.len && line.data[line.len - 1] != '\n')
		buf_add_char(&line, '\n');
	(void)fwrite(buf_str(&line), 1, line.len, view->out);
}
