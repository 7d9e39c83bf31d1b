#include "tests/support/disk_trace.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/file.h"
#include "tests/support/world.h"

#define SECTOR 512

/* --- reading ------------------------------------------------------------------------------------------------------------------------ */

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "\x61\x62" up to `end`; *at is moved behind that. */
static char *unhex(struct arena *arena, const char **at, char end, size_t *len)
{
	const char *p = *at;
	char *ret;
	size_t n = 0;

	while (*p && *p != end)
		p++;
	ret = arena_alloc(arena, (size_t)(p - *at) + 1);
	for (p = *at; *p && *p != end;)
		if (p[0] == '\\' && p[1] == 'x' && hex_digit(p[2]) >= 0 && hex_digit(p[3]) >= 0) {
			ret[n++] = (char)(hex_digit(p[2]) << 4 | hex_digit(p[3]));
			p += 4;
		} else {
			ret[n++] = *p++;
		}
	if (*p != end)
		world_fail("this line of the trace is not understood: %.200s", *at);
	*at = p + 1;
	ret[n] = '\0';
	if (len)
		*len = n;
	return ret;
}

struct call {
	char name[16];
	const char *dir[2], *path[2]; /* folders and names as given; dir of a descriptor: its path */
	size_t dirs, paths;
	const char *data;
	size_t len;
	const char *rest; /* what follows the last string or descriptor */
};

static struct call read_call(struct arena *arena, const char *line)
{
	struct call call = { 0 };
	const char *p = strchr(line, '(');

	snprintf(call.name, sizeof(call.name), "%.*s", (int)(p - line), line);
	for (p++; *p && *p != ')';) {
		if (*p == '<' && call.dirs < 2) {
			p++;
			call.dir[call.dirs++] = unhex(arena, &p, '>', NULL);
			call.rest = p;
		} else if (*p == '"' && call.paths < 2) {
			size_t len;
			const char *text;

			p++;
			text = unhex(arena, &p, '"', &len);
			call.path[call.paths++] = text;
			call.data = text;
			call.len = len;
			call.rest = p;
		} else {
			p++;
		}
	}
	return call;
}

/* Relative to the folder, or NULL: elsewhere. */
static const char *inside(struct arena *arena, const char *folder, const char *dir, const char *path)
{
	const char *whole = path && path[0] == '/' ? path : path ? arena_printf(arena, "%s/%s", dir ? dir : "", path) : dir;
	size_t len = strlen(folder);

	if (!whole || strncmp(whole, folder, len) != 0 || (whole[len] && whole[len] != '/'))
		return NULL;
	return whole[len] ? whole + len + 1 : "";
}

static struct disk_op *add(struct disk_trace *t, enum disk_op_kind kind, const char *path, size_t began, size_t ended)
{
	t->ops = arena_grow(t->arena, t->ops, t->count, &t->capacity, sizeof(*t->ops));
	t->ops[t->count] = (struct disk_op){ .kind = kind, .path = path, .began = began, .ended = ended };
	return &t->ops[t->count++];
}

static bool is(const struct call *call, const char *name)
{
	return strcmp(call->name, name) == 0;
}

/* The n-th number of the arguments behind the last string or descriptor. */
static uint64_t number(const struct call *call, int n)
{
	const char *p = call->rest;

	for (int i = 0; p && i < n; i++)
		p = strchr(p + 1, ',');
	return p ? strtoull(p + strspn(p, ", "), NULL, 10) : 0;
}

static void take(struct disk_trace *t, const char *folder, const char *line, const char *result, size_t began, size_t ended)
{
	struct call call = read_call(t->arena, line);
	const char *dir = call.dirs ? call.dir[0] : NULL, *path;
	struct disk_op *op;
	long r = strtol(result, NULL, 10);

	if (r < 0)
		return;
	if (is(&call, "sendto")) {
		op = add(t, DISK_SENT, "", began, ended);
		op->data = call.data;
		op->len = call.len;
		return;
	}
	if (is(&call, "write") || is(&call, "pwrite64") || is(&call, "ftruncate") || is(&call, "fallocate") || is(&call, "fsync") ||
		is(&call, "fdatasync") || is(&call, "writev"))
		path = inside(t->arena, folder, NULL, dir);
	else
		path = inside(t->arena, folder, dir, call.path[0]);
	if (!path || (!*path && strncmp(call.name, "mkdir", 5) == 0))
		return;
	if (is(&call, "openat")) {
		if (strstr(line, "O_CREAT"))
			(void)add(t, DISK_CREATE, path, began, ended);
		if (strstr(line, "O_TRUNC"))
			(void)add(t, DISK_SIZE, path, began, ended);
	} else if (strncmp(call.name, "mkdir", 5) == 0) {
		(void)add(t, DISK_MKDIR, path, began, ended);
	} else if (strncmp(call.name, "rename", 6) == 0) {
		op = add(t, DISK_RENAME, path, began, ended);
		op->to = inside(t->arena, folder, call.dirs > 1 ? call.dir[1] : dir, call.path[1]);
	} else if (strncmp(call.name, "unlink", 6) == 0) {
		(void)add(t, DISK_UNLINK, path, began, ended);
	} else if (is(&call, "fsync") || is(&call, "fdatasync")) {
		(void)add(t, DISK_SYNC, path, began, ended);
	} else if (is(&call, "ftruncate")) {
		op = add(t, DISK_SIZE, path, began, ended);
		op->offset = number(&call, 0);
	} else if (is(&call, "fallocate")) { /* fd, mode, offset, len */
		op = add(t, DISK_SIZE, path, began, ended);
		op->offset = number(&call, 1) + number(&call, 2);
		op->grows = true;
	} else if (is(&call, "pwrite64") || is(&call, "write")) {
		op = add(t, DISK_WRITE, path, began, ended);
		op->data = call.data;
		op->len = (size_t)r;
		op->offset = is(&call, "pwrite64") ? number(&call, 1) : UINT64_MAX; /* UINT64_MAX: at its end */
		if (op->len > call.len)
			world_fail("the trace has not all that was written to %s", path);
	} else {
		world_fail("%s to a file is not expected here", call.name);
	}
}

void disk_trace_read(struct disk_trace *t, const char *path, const char *folder)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct {
		long thread;
		const char *line;
		size_t at;
	} open[64];
	size_t open_count = 0;
	size_t line_number = 0;

	*t = (struct disk_trace){ .arena = arena_create() };
	if (file_read(path, (size_t)1 << 30, &text, NULL) < 0)
		world_fail("no trace in %s", path);
	for (char *line = text.data, *end; line && *line; line = end) {
		char *call, *broken, *result;
		long thread = strtol(line, &call, 10);
		size_t i;

		line_number++;
		end = strchr(line, '\n');
		if (end)
			*end++ = '\0';
		else
			end = line + strlen(line);
		call += strspn(call, " ");
		for (i = 0; i < open_count && open[i].thread != thread; i++)
			;
		if (strncmp(call, "<... ", 5) == 0) {
			char *resumed = strstr(call, "resumed>");

			if (i == open_count || !resumed)
				continue;
			result = strrchr(resumed, '=');
			if (result)
				take(t, folder, arena_printf(t->arena, "%s%s", open[i].line, resumed + 8), result + 1, open[i].at, line_number);
			open[i] = open[--open_count];
			continue;
		}
		broken = strstr(call, " <unfinished ...>");
		if (broken) {
			*broken = '\0';
			if (open_count == ARRAY_LEN(open))
				world_fail("too many threads in %s", path);
			open[open_count].thread = thread;
			open[open_count].line = call;
			open[open_count++].at = line_number;
			continue;
		}
		result = strrchr(call, '=');
		if (strchr(call, '(') && result && call[0] >= 'a' && call[0] <= 'z')
			take(t, folder, call, result + 1, line_number, line_number);
	}
	t->lines = line_number;
}

void disk_trace_free(struct disk_trace *t)
{
	arena_free(t->arena);
}

/* --- what is left ------------------------------------------------------------------------------------------------------------------- */

/* A file or a folder, whatever its name is. */
struct node {
	bool folder;
	const struct disk_op **changes; /* WRITE and SIZE, in their order */
	size_t count, capacity, durable; /* the first `durable` of them */
	uint64_t size; /* as the program sees it */
	uint64_t *offsets; /* of each change: where a write at the end went */
	size_t offsets_capacity;
};

struct entry {
	const char *path;
	struct node *node;
};

struct change { /* of entries */
	const struct disk_op *op;
	struct node *node; /* of CREATE and MKDIR */
	bool durable;
};

struct model {
	struct arena *arena;
	struct entry *entries; /* as the program sees them */
	size_t count, capacity;
	struct change *changes;
	size_t change_count, change_capacity;
};

static struct entry *find(struct entry *entries, size_t count, const char *path)
{
	for (size_t i = 0; i < count; i++)
		if (entries[i].node && strcmp(entries[i].path, path) == 0)
			return &entries[i];
	return NULL;
}

static void put(struct arena *arena, struct entry **entries, size_t *count, size_t *capacity, const char *path, struct node *node)
{
	struct entry *there = find(*entries, *count, path);

	if (there) {
		there->node = node;
		return;
	}
	*entries = arena_grow(arena, *entries, *count, capacity, sizeof(**entries));
	(*entries)[(*count)++] = (struct entry){ path, node };
}

static bool in_folder(const char *path, const char *folder)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;

	return strlen(folder) == len && strncmp(path, folder, len) == 0;
}

static void change_node(struct model *m, struct node *node, const struct disk_op *op)
{
	uint64_t at = op->kind == DISK_WRITE && op->offset == UINT64_MAX ? node->size : op->offset;

	node->changes = arena_grow(m->arena, node->changes, node->count, &node->capacity, sizeof(*node->changes));
	node->offsets = arena_grow(m->arena, node->offsets, node->count, &node->offsets_capacity, sizeof(*node->offsets));
	node->changes[node->count] = op;
	node->offsets[node->count++] = at;
	if (op->kind == DISK_WRITE)
		node->size = at + op->len > node->size ? at + op->len : node->size;
	else if (!op->grows || at > node->size)
		node->size = at;
}

static void change_entry(struct model *m, const struct disk_op *op, struct node *node)
{
	m->changes = arena_grow(m->arena, m->changes, m->change_count, &m->change_capacity, sizeof(*m->changes));
	m->changes[m->change_count++] = (struct change){ op, node, false };
}

/* One entry operation on a set of names. */
static void apply(struct arena *arena, struct entry **entries, size_t *count, size_t *capacity, const struct change *change)
{
	const struct disk_op *op = change->op;
	struct entry *from = find(*entries, *count, op->path);
	struct node *node;

	switch (op->kind) {
	case DISK_RENAME:
		if (!from)
			return;
		node = from->node;
		from->node = NULL;
		put(arena, entries, count, capacity, op->to, node);
		return;
	case DISK_UNLINK:
		if (from)
			from->node = NULL;
		return;
	default:
		put(arena, entries, count, capacity, op->path, change->node);
		return;
	}
}

static void sync_node(struct model *m, const struct disk_op *op)
{
	struct entry *at = find(m->entries, m->count, op->path);

	if (!*op->path || (at && at->node->folder)) {
		for (size_t i = 0; i < m->change_count; i++)
			m->changes[i].durable |= m->changes[i].op->ended < op->began && in_folder(m->changes[i].op->path, op->path);
		return;
	}
	while (at && at->node->durable < at->node->count && at->node->changes[at->node->durable]->ended < op->began)
		at->node->durable++;
}

static struct model run_until(const struct disk_trace *t, size_t line, struct arena *arena)
{
	struct model m = { .arena = arena };

	for (size_t i = 0; i < t->count; i++) {
		const struct disk_op *op = &t->ops[i];
		struct entry *at = find(m.entries, m.count, op->path);
		struct node *node;

		/* Begun and not ended: it may have come far. A sync has done nothing for sure before it ended. */
		if (op->began > line || (op->kind == DISK_SYNC && op->ended > line))
			continue;
		switch (op->kind) {
		case DISK_CREATE:
		case DISK_MKDIR:
			if (at)
				break;
			node = arena_alloc(arena, sizeof(*node));
			node->folder = op->kind == DISK_MKDIR;
			change_entry(&m, op, node);
			apply(arena, &m.entries, &m.count, &m.capacity, &m.changes[m.change_count - 1]);
			break;
		case DISK_RENAME:
		case DISK_UNLINK:
			change_entry(&m, op, NULL);
			apply(arena, &m.entries, &m.count, &m.capacity, &m.changes[m.change_count - 1]);
			break;
		case DISK_WRITE:
		case DISK_SIZE:
			if (at)
				change_node(&m, at->node, op);
			break;
		case DISK_SYNC: sync_node(&m, op); break;
		case DISK_SENT: break;
		}
	}
	return m;
}

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static bool lucky(enum disk_luck luck, uint64_t *seed)
{
	return luck == DISK_ALL || (luck == DISK_SOME && (next_random(seed) >> 32 & 1));
}

static void write_all(int fd, const char *data, size_t len, uint64_t offset)
{
	if (pwrite(fd, data, len, (off_t)offset) != (ssize_t)len)
		world_fail("a rebuilt file cannot be written");
}

static void rebuild_file(const struct node *node, const char *path, enum disk_luck luck, uint64_t *seed)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		world_fail("%s cannot be rebuilt", path);
	for (size_t i = 0; i < node->count; i++) {
		const struct disk_op *op = node->changes[i];
		bool durable = i < node->durable;
		uint64_t at = node->offsets[i];
		struct stat st;

		if (op->kind == DISK_SIZE) {
			if (fstat(fd, &st) < 0)
				world_fail("fstat");
			if ((durable || lucky(luck, seed)) && (!op->grows || (uint64_t)st.st_size < at) && ftruncate(fd, (off_t)at) < 0)
				world_fail("ftruncate");
			continue;
		}
		for (size_t done = 0, part; done < op->len; done += part) { /* sector by sector of the file */
			part = SECTOR - (at + done) % SECTOR;
			if (part > op->len - done)
				part = op->len - done;
			if (durable || lucky(luck, seed))
				write_all(fd, op->data + done, part, at + done);
		}
	}
	if (close(fd) < 0)
		world_fail("close");
}

/* Folders before what is in them. */
static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->path, ((const struct entry *)b)->path);
}

static bool parent_there(const char *path)
{
	char parent[600];
	struct stat st;

	snprintf(parent, sizeof(parent), "%s", path);
	*strrchr(parent, '/') = '\0';
	return stat(parent, &st) == 0;
}

/* Of each folder's entries those that are durable, and a beginning of the others. */
static bool kept(struct model *m, size_t i, enum disk_luck luck, uint64_t *seed, const char **broken, size_t *broken_count)
{
	const char *path = m->changes[i].op->path, *slash = strrchr(path, '/');
	const char *folder = slash ? arena_printf(m->arena, "%.*s", (int)(slash - path), path) : "";

	if (m->changes[i].durable)
		return true;
	for (size_t k = 0; k < *broken_count; k++)
		if (strcmp(broken[k], folder) == 0)
			return false;
	if (luck == DISK_ALL || (luck == DISK_SOME && next_random(seed) >> 32 & 3))
		return true;
	if (*broken_count < 64)
		broken[(*broken_count)++] = folder;
	return false;
}

void disk_trace_rebuild(const struct disk_trace *t, size_t line, enum disk_luck luck, uint64_t seed, const char *folder)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct model m = run_until(t, line, arena);
	struct entry *entries = NULL;
	const char *broken[64];
	size_t count = 0, capacity = 0, broken_count = 0;

	seed = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	for (size_t i = 0; i < m.change_count; i++)
		if (kept(&m, i, luck, &seed, broken, &broken_count))
			apply(arena, &entries, &count, &capacity, &m.changes[i]);
	qsort(entries, count, sizeof(*entries), by_path);
	if (mkdir(folder, 0700) < 0)
		world_fail("%s cannot be made", folder);
	for (size_t i = 0; i < count; i++) {
		const char *path = arena_printf(arena, "%s/%s", folder, entries[i].path);

		if (!entries[i].node || !parent_there(path))
			continue;
		if (!entries[i].node->folder)
			rebuild_file(entries[i].node, path, luck, &seed);
		else if (mkdir(path, 0700) < 0)
			world_fail("%s cannot be made", path);
	}
}

const char *disk_trace_file(const struct disk_trace *t, size_t line, const char *path, struct arena *arena, size_t *len)
{
	struct model m = run_until(t, line, arena);
	struct entry *at = find(m.entries, m.count, path);
	char *data;

	if (!at || at->node->folder)
		return NULL;
	data = arena_alloc(arena, at->node->size + 1);
	for (size_t i = 0; i < at->node->count; i++)
		if (at->node->changes[i]->kind == DISK_WRITE && at->node->offsets[i] + at->node->changes[i]->len <= at->node->size)
			memcpy(data + at->node->offsets[i], at->node->changes[i]->data, at->node->changes[i]->len);
	if (len)
		*len = at->node->size;
	return data;
}
