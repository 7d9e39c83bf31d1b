#include "tools/trail_turn.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "common/utc.h"

struct log {
	uint16_t year; /* 0: there is none yet */
	const char *origin, *file;
	uint64_t size, at; /* at: of its last group */
	bool ended; /* a record of its last group was decided in a later year */
	bool sealed, closed; /* the last record is log.sealed; it could not be opened */
};

struct link { /* a root that was named, to be compared once all trees are there */
	struct log log;
	uint16_t before;
	const char *origin, *root;
	struct link *next;
};

struct trail_turn {
	struct link *links;
	const struct trail_signed *trees;
	trail_finding_fn fn;
	void *arg;
	struct arena *arena;
	struct log log, before;
	bool linked, link_closed;
	uint64_t findings;
};

struct trail_turn *trail_turn_create(const struct trail_signed *trees, trail_finding_fn fn, void *arg, struct arena *arena)
{
	struct trail_turn *turn = arena_alloc(arena, sizeof(*turn));

	*turn = (struct trail_turn){ .trees = trees, .fn = fn, .arg = arg, .arena = arena };
	return turn;
}

static void find(struct trail_turn *t, const struct log *log, const char *code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
static void find(struct trail_turn *t, const struct log *log, const char *code, const char *format, ...)
{
	struct trail_finding finding = { .file = log->file, .offset = log->at, .code = code };
	char text[400];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	finding.text = text;
	t->findings++;
	if (t->fn)
		t->fn(&finding, t->arg);
}

static bool is(const struct json *object, const char *key, const char *value)
{
	struct json found = json_get(object, key);
	const char *text = json_str(&found);

	return text && strcmp(text, value) == 0;
}

static bool parse(struct arena *arena, const struct trail_record *record, struct json *ret)
{
	return record->opened && json_parse(arena, record->text, record->len, JSON_FRACTIONS, ret, NULL) == 0;
}

/* The last word on the log before. */
static void end_log(struct trail_turn *t)
{
	const struct log *log = &t->log;

	if (!log->ended || (!log->sealed && !log->closed))
		find(t, log, "not_sealed", "the log %s does not end with log.sealed, and the next one has begun", log->origin);
}

static void check_link(struct trail_turn *t, const struct json *root)
{
	struct json before = json_get(root, "before"), size = json_get(&before, "size"), hash = json_get(&before, "root");
	struct link *link;

	t->linked = true;
	if (!is(&before, "origin", t->before.origin) || size.type != JSON_INT || (uint64_t)json_int(&size) != t->before.size)
		find(t, &t->log, "link_differs", "the log %s names another end than that of %s, which has %" PRIu64 " records", t->log.origin,
			t->before.origin, t->before.size);
	if (!json_str(&hash))
		return;
	link = arena_alloc(t->arena, sizeof(*link));
	*link = (struct link){ .log = t->log, .before = t->before.year, .origin = t->before.origin, .root = arena_strdup(t->arena, json_str(&hash)),
		.next = t->links };
	t->links = link;
}

static void begin_log(struct trail_turn *t, const struct trail_record *record)
{
	if (t->log.year)
		end_log(t);
	t->before = t->log;
	t->log = (struct log){ .year = record->year, .origin = arena_strdup(t->arena, record->origin),
		.file = arena_strdup(t->arena, record->file) };
	t->linked = t->link_closed = !t->before.year;
}

void trail_turn_record(struct trail_turn *t, const struct trail_record *record)
{
	CLEANUP(arena_freep) struct arena *arena = NULL;
	struct log *log = &t->log;
	bool ending, linking;
	struct json root;

	if (record->year > log->year)
		begin_log(t, record);
	if (record->year < log->year) {
		find(t, log, "log_left", "record %" PRIu64 " of %s stands behind the beginning of %s", record->index, record->origin, log->origin);
		return;
	}
	if (log->ended && (record->at != log->at || strcmp(record->file, log->file) != 0))
		find(t, log, "behind_seal", "record %" PRIu64 " of %s stands behind the end of its log", record->index, record->origin);
	if (strcmp(record->file, log->file) != 0)
		log->file = arena_strdup(t->arena, record->file);
	log->at = record->at;
	log->size = record->index + 1;
	ending = utc_year(record->decided_at) > record->year;
	linking = !t->linked && record->index <= 1; /* behind the opening of the system's own case */
	log->ended |= ending;
	if (!ending && !linking)
		return;
	arena = arena_create();
	if (!parse(arena, record, &root)) {
		log->closed = ending;
		t->link_closed |= linking;
		return;
	}
	log->sealed = is(&root, "kind", "log.sealed");
	log->closed = false;
	if (linking && is(&root, "kind", "log.begun"))
		check_link(t, &root);
	else if (linking && record->index == 1 && !t->link_closed)
		find(t, log, "not_linked", "the log %s does not begin by naming the end of %s", log->origin, t->before.origin);
}

void trail_turn_end(struct trail_turn *t)
{
	char hex[2 * SHA256_SIZE + 1];
	uint8_t root[SHA256_SIZE];

	for (const struct link *link = t->links; link; link = link->next)
		if (trail_signed_root(t->trees, link->before, root) && strcmp(link->root, hex_format(root, SHA256_SIZE, hex)) != 0)
			find(t, &link->log, "link_differs", "the log %s names another root of %s than its records have", link->log.origin,
				link->origin);
	if (t->log.ended && !t->log.sealed && !t->log.closed)
		find(t, &t->log, "not_sealed", "the log %s does not end with log.sealed, and its year is over", t->log.origin);
}

uint64_t trail_turn_findings(const struct trail_turn *turn)
{
	return turn->findings;
}
