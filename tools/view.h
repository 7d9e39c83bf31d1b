/*
 * view - what a command shows: tables and lists of fields, aligned for people or as JSON, from the same cells. What comes from outside
 * (names, reasons) cannot steer the terminal.
 */
#ifndef DUNNINGD_TOOLS_VIEW_H
#define DUNNINGD_TOOLS_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/date.h"
#include "common/zone.h"

enum cell_kind { CELL_NONE, CELL_TEXT, CELL_NUMBER, CELL_FLAG, CELL_TIME, CELL_DATE, CELL_MONEY, CELL_JSON };

/* One value. JSON: null, string, integer, boolean, RFC 3339 in UTC, date, {"minor","currency"}, or as it is. */
struct cell {
	enum cell_kind kind;
	const char *text; /* borrowed. MONEY: the currency; JSON: the value */
	int64_t number;
	const struct zone *zone; /* TIME: where it is shown for people, beside UTC */
};
struct cell cell_none(void);
struct cell cell_text(const char *text); /* NULL gives none, as for the others what is not set */
struct cell cell_number(int64_t number);
struct cell cell_flag(bool flag);
struct cell cell_time(int64_t at, const struct zone *zone); /* ms UTC; 0 = none. zone NULL = UTC alone */
struct cell cell_date(date d);
struct cell cell_money(int64_t minor, const char *currency);
struct cell cell_json(const char *json);

/* "2026-03-02 10:00 CET (09:00Z)", with the date before UTC's time when it is another one. In the arena. */
char *view_time(struct arena *arena, int64_t at, const struct zone *zone);
/* "8 days ago", "in 3 hours", "now". In the arena. */
char *view_distance(struct arena *arena, int64_t at, int64_t now);

struct view {
	bool json;
	FILE *out;
};

struct column {
	const char *key, *heading; /* of JSON; for people, NULL = shown in JSON alone. A row with key NULL ends the columns */
	bool right;
};

struct table;
struct table *table_create(struct arena *arena, const struct column *columns); /* both live as long as the table */
void table_add(struct table *table, const struct cell *cells); /* one for each column; their texts are borrowed */
size_t table_rows(const struct table *table);

struct fields;
struct fields *fields_create(struct arena *arena);
/* label NULL: in JSON alone; key NULL: for people alone. Those that are none are left out for people. */
void fields_add(struct fields *fields, const char *key, const char *label, struct cell cell);
void fields_table(struct fields *fields, const char *key, const char *label, const struct table *table); /* left out when empty */

void view_table(const struct view *view, const struct table *table, const char *empty); /* `empty`: said to people instead */
void view_fields(const struct view *view, const struct fields *fields);
/*
 * As RFC 4180 asks for, with the keys as its head: amounts as plain decimals with their currency in a column of its own behind them, instants in
 * UTC. What a spreadsheet would take for a formula is text.
 */
void view_csv(const struct view *view, const struct table *table);
/* Lines for people alone. */
void view_say(const struct view *view, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Text of several lines from outside: line ends and tabs stay, what could steer a terminal does not. */
void view_text(const struct view *view, const char *text);
/* Appends `text` in one line that steers nothing: control characters, and those that turn the direction of writing, become '?'. */
void view_clean(struct buf *out, const char *text);

#endif
