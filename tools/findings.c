#include "tools/findings.h"

#include <stdarg.h>
#include <string.h>

#include "common/utc.h"

const char *const grade_names[GRADE_COUNT + 1] = { "ok", "note", "warn", "fail", NULL };

#define LATE_MS (10 * MINUTE_MS) /* a timer that passed and was not looked at: as `check` counts it */

static struct finding *add(struct findings *f, enum grade grade, const char *code, const char *todo, const char *text)
{
	f->items = arena_grow(f->arena, f->items, f->count, &f->capacity, sizeof(*f->items));
	f->items[f->count] = (struct finding){ .grade = grade, .code = code, .what = arena_strdup(f->arena, text), .todo = todo };
	return &f->items[f->count++];
}

void findings_add(struct findings *f, enum grade grade, const char *code, const char *todo, const char *format, ...)
{
	char text[1200];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	(void)add(f, grade, code, todo, text);
}

static struct finding *find(const struct findings *f, const char *code, const char *sentence)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->items[i].where && strcmp(f->items[i].code, code) == 0 && strcmp(f->items[i].sentence, sentence) == 0)
			return &f->items[i];
	return NULL;
}

void findings_add_in(struct findings *f, int64_t partition, enum grade grade, const char *code, const char *todo, const char *format, ...)
{
	char text[1200];
	struct finding *same;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	same = partition < 0 ? NULL : find(f, code, text);
	if (!same)
		same = add(f, grade, code, todo, text);
	if (partition < 0)
		return;
	if (!same->where)
		same->sentence = same->what;
	same->where = same->where ? arena_printf(f->arena, "%s, %lld", same->where, (long long)partition) :
		arena_printf(f->arena, "%lld", (long long)partition);
	same->what = arena_printf(f->arena, "%s (partition%s %s)", same->sentence, strchr(same->where, ',') ? "s" : "", same->where);
}

size_t findings_of(const struct findings *f, enum grade grade)
{
	size_t n = 0;

	for (size_t i = 0; i < f->count; i++)
		n += f->items[i].grade == grade;
	return n;
}

bool findings_well(const struct findings *f)
{
	return !findings_of(f, GRADE_FAIL) && !findings_of(f, GRADE_WARN);
}

const char *findings_verdict(const struct findings *f)
{
	size_t fails = findings_of(f, GRADE_FAIL), warns = findings_of(f, GRADE_WARN);
	const char *now = arena_printf(f->arena, "%zu thing%s you now", fails, fails == 1 ? " needs" : "s need"),
		   *later = arena_printf(f->arena, "%zu thing%s can wait for the morning", warns, warns == 1 ? "" : "s");

	if (fails && warns)
		return arena_printf(f->arena, "NOT WELL: %s, %s.", now, later);
	if (fails)
		return arena_printf(f->arena, "NOT WELL: %s.", now);
	return warns ? arena_printf(f->arena, "Not quite well: %s.", later) : "Well: nothing needs you.";
}

static const struct column columns[] = { { "grade", "", false }, { "code", "FINDING", false }, { "text", "WHAT", false }, { "todo", "WHAT TO DO", false },
	{ 0 } };

const struct table *findings_table(const struct findings *f, bool all)
{
	struct table *t = table_create(f->arena, columns);

	for (int grade = GRADE_FAIL; grade >= (all ? GRADE_OK : GRADE_NOTE); grade--)
		for (size_t i = 0; i < f->count; i++)
			if ((int)f->items[i].grade == grade)
				table_add(t, (struct cell[]){ cell_text(grade_names[grade]), cell_text(f->items[i].code),
						      cell_text(f->items[i].what), cell_text(f->items[i].todo) });
	return t;
}

void findings_book(struct findings *f, const struct book_look *look)
{
	const char *part = look->suspended_in == look->partitions ? "" :
		arena_printf(f->arena, " (in %u of %u partitions)", look->suspended_in, look->partitions);
	char until[UTC_TEXT_SIZE];

	if (look->suspended)
		findings_add(f, GRADE_WARN, "suspended", "dunningctl release \"WHY\"", "a person suspended all sending%s%s: %s%s",
			look->suspended_until ? " until " : "", look->suspended_until ? utc_format(look->suspended_until, until) : "", look->suspended, part);
	if (look->dead)
		findings_add(f, GRADE_WARN, "dead_letters", "dunningctl dead list", "%lld events could not be taken: whomever they name is held for 72 hours, and nobody by those that name none",
			(long long)look->dead);
	if (look->tasks_late)
		findings_add(f, GRADE_WARN, "tasks_late", "dunningctl tasks", "%lld of %lld tasks are past their deadline", (long long)look->tasks_late,
			(long long)look->tasks);
	else if (look->tasks)
		findings_add(f, GRADE_NOTE, "tasks", "dunningctl tasks", "%lld tasks wait for a person", (long long)look->tasks);
	if (look->in_doubt)
		findings_add(f, GRADE_NOTE, "in_doubt", "dunningctl tasks",
			"of %lld messages it is not known yet whether they were sent; what cannot be settled becomes a task", (long long)look->in_doubt);
	if (!look->played && look->oldest_due && look->now - look->oldest_due > LATE_MS)
		findings_add(f, GRADE_FAIL, "timers_late", "dunningctl check; journalctl -u dunningd -p warning -n 50",
			"an invoice should have been looked at %s, and was not", view_distance(f->arena, look->oldest_due, look->now));
}
