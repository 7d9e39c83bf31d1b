/*
 * Builds a document from text that passed the scan, in the arena alone: what lives and dies by thousands (events, states, answers) costs
 * no allocation a node and nothing to free. Believes the text, since json_scan() has seen it: there is nothing left to refuse.
 */
#include <stdlib.h>
#include <string.h>

#include "common/json_internal.h"

#define FEW_NODES 64

struct build {
	struct arena *arena;
	char *at, *end; /* of a copy, in which strings are decoded where they stand: none is longer than its text */
	struct json_node *stack, few[FEW_NODES]; /* items of the containers that are still open */
	size_t used, capacity;
};

static void skip_blank(struct build *b)
{
	while (*b->at == ' ' || *b->at == '\n' || *b->at == '\r' || *b->at == '\t')
		b->at++;
}

static uint32_t hex4(const char *at)
{
	uint32_t c = 0;

	for (int i = 0; i < 4; i++)
		c = c << 4 | (uint32_t)(at[i] <= '9' ? at[i] - '0' : (at[i] | 0x20) - 'a' + 10);
	return c;
}

static char *put_rune(char *to, uint32_t c)
{
	if (c < 0x80) {
		*to++ = (char)c;
		return to;
	}
	if (c < 0x800) {
		*to++ = (char)(0xc0 | c >> 6);
	} else {
		if (c < 0x10000) {
			*to++ = (char)(0xe0 | c >> 12);
		} else {
			*to++ = (char)(0xf0 | c >> 18);
			*to++ = (char)(0x80 | (c >> 12 & 0x3f));
		}
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
	}
	*to++ = (char)(0x80 | (c & 0x3f));
	return to;
}

/* Behind a backslash. */
static char *unescape(struct build *b, char *to)
{
	static const char from[] = "\"\\/bfnrt", plain[] = "\"\\/\b\f\n\r\t";
	uint32_t c;

	if (*b->at != 'u') {
		*to++ = plain[strchr(from, *b->at++) - from];
		return to;
	}
	c = hex4(b->at + 1);
	b->at += 5;
	if (c >= 0xd800 && c < 0xdc00) {
		c = 0x10000 + ((c - 0xd800) << 10) + (hex4(b->at + 2) - 0xdc00);
		b->at += 6;
	}
	return put_rune(to, c);
}

/* Where the next quote or backslash is. */
static char *run_end(const struct build *b, char *at)
{
	for (;; at++) {
		at += json_plain(at, (size_t)(b->end - at));
		if (*at == '"' || *at == '\\')
			return at;
	}
}

static const char *string(struct build *b, size_t *len)
{
	char *start = b->at + 1, *to = run_end(b, start);

	for (b->at = to; *b->at == '\\';) {
		char *from;

		b->at++;
		to = unescape(b, to);
		from = b->at;
		b->at = run_end(b, from);
		memmove(to, from, (size_t)(b->at - from));
		to += b->at - from;
	}
	b->at++;
	*to = '\0'; /* at the latest in place of the quote */
	*len = (size_t)(to - start);
	return start;
}

static void number(struct build *b, struct json_node *node)
{
	const char *start = b->at;
	bool minus = *start == '-';
	uint64_t n = 0;
	char *text;
	size_t len;

	for (b->at += minus; *b->at >= '0' && *b->at <= '9'; b->at++)
		n = n * 10 + (uint64_t)(*b->at - '0');
	if (*b->at != '.' && *b->at != 'e' && *b->at != 'E') {
		node->type = JSON_INT;
		node->whole = (int64_t)(minus ? 0 - n : n);
		return;
	}
	len = strspn(b->at, "0123456789.eE+-");
	b->at += len;
	text = arena_memdup(b->arena, start, (size_t)(b->at - start));
	node->type = JSON_DOUBLE;
	node->fraction = strtod(text, NULL);
}

static void push(struct build *b, const struct json_node *node)
{
	if (b->used == b->capacity) {
		struct json_node *more = xmalloc(2 * b->capacity * sizeof(*more));

		memcpy(more, b->stack, b->used * sizeof(*more));
		if (b->stack != b->few)
			free(b->stack);
		b->stack = more;
		b->capacity *= 2;
	}
	b->stack[b->used++] = *node;
}

static void value(struct build *b, struct json_node *node);

/* Its depth is at most JSON_DEPTH_MAX. */
static void container(struct build *b, struct json_node *node)
{
	size_t from = b->used, len;
	uint64_t names = 0;

	node->type = *b->at++ == '{' ? JSON_OBJECT : JSON_ARRAY;
	for (skip_blank(b); *b->at != '}' && *b->at != ']'; skip_blank(b)) {
		struct json_node item = { 0 };

		if (node->type == JSON_OBJECT) {
			item.key = string(b, &len);
			names |= json_name_bit(item.key);
			skip_blank(b);
			b->at++; /* the colon */
			skip_blank(b);
		}
		value(b, &item);
		push(b, &item);
		skip_blank(b);
		if (*b->at == ',')
			b->at++;
	}
	b->at++;
	node->count = (uint32_t)(b->used - from);
	if (node->count) {
		node->items = arena_alloc(b->arena, node->count * sizeof(*node->items));
		memcpy(node->items, b->stack + from, node->count * sizeof(*node->items));
		node->names = names;
	}
	b->used = from;
}

static void value(struct build *b, struct json_node *node)
{
	size_t len;

	switch (*b->at) {
	case '{':
	case '[':
		container(b, node);
		break;
	case '"':
		node->type = JSON_STRING;
		node->text = string(b, &len);
		node->count = (uint32_t)len;
		break;
	case 't':
	case 'f':
		node->type = JSON_BOOL;
		node->truth = *b->at == 't';
		b->at += node->truth ? 4 : 5;
		break;
	case 'n':
		node->type = JSON_NULL;
		b->at += 4;
		break;
	default:
		number(b, node);
	}
}

struct json_node *json_tree(struct arena *arena, const char *text, size_t len)
{
	struct json_node *root = arena_alloc(arena, sizeof(*root));
	__attribute__((uninitialized)) struct build b;

	b.arena = arena; /* one by one: the array needs no zeros */
	b.at = arena_memdup(arena, text, len); /* with an end: a number may be the last that there is */
	b.end = b.at + len;
	b.stack = b.few;
	b.used = 0;
	b.capacity = FEW_NODES;
	skip_blank(&b);
	value(&b, root);
	if (b.stack != b.few)
		free(b.stack);
	return root;
}
