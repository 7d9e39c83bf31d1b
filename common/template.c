#include "common/template.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/template_internal.h"

#define DELIMITER_MAX 16
#define NAME_MAX_LEN 128

struct parser {
	struct template *template;
	const char *at; /* not yet consumed */
	const char *end;
	const char *counted; /* `line` is the line of this byte */
	uint32_t line;
	char open[DELIMITER_MAX + 1];
	char close[DELIMITER_MAX + 1];
	bool line_start; /* nothing of the line at `at` has been added */
	size_t sections[TEMPLATE_NESTING_MAX]; /* the open ones: their nodes */
	size_t depth;
	struct err *err;
};

static uint32_t line_of(struct parser *p, const char *at)
{
	for (; p->counted < at; p->counted++)
		p->line += *p->counted == '\n';
	return p->line;
}

static struct node *add_node(struct parser *p, enum node_kind kind, uint32_t line)
{
	struct template *t = p->template;

	xgrow(&t->nodes, &t->capacity, t->count + 1, sizeof(*t->nodes));
	t->nodes[t->count] = (struct node){ .kind = kind, .line = line };
	return &t->nodes[t->count++];
}

/* A partial is indented by writing the indentation wherever a line of its text begins. */
static void begin_line(struct parser *p)
{
	if (p->line_start)
		add_node(p, NODE_LINE, 0);
	p->line_start = false;
}

static void add_text(struct parser *p, const char *from, const char *until)
{
	while (from < until) {
		const char *newline = memchr(from, '\n', (size_t)(until - from));
		const char *next = newline ? newline + 1 : until;
		struct node *node;

		begin_line(p);
		node = add_node(p, NODE_TEXT, 0);
		node->text = from;
		node->len = (size_t)(next - from);
		p->line_start = newline != NULL;
		from = next;
	}
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_space(char c)
{
	return is_blank(c) || c == '\n' || c == '\r';
}

static bool name_valid(const char *name, size_t len, bool partial)
{
	if (!partial && len == 1 && *name == '.')
		return true;
	if (!len || len > NAME_MAX_LEN)
		return false;
	for (size_t i = 0; i < len; i++) {
		bool joint = name[i] == '.' || (partial && name[i] == '/');

		if (!joint && !template_name_char(name[i]))
			return false;
		if (joint && (i == 0 || i + 1 == len || !template_name_char(name[i + 1])))
			return false;
	}
	return true;
}

static void set_name(struct parser *p, struct node *node, const char *name, size_t len)
{
	struct arena *arena = p->template->arena;
	size_t parts = 1;
	char *part;

	node->name = arena_memdup(arena, name, len);
	if (node->kind == NODE_PARTIAL || !strcmp(node->name, "."))
		return;
	for (size_t i = 0; i < len; i++)
		parts += name[i] == '.';
	node->parts = arena_alloc(arena, parts * sizeof(*node->parts));
	part = arena_memdup(arena, name, len);
	while (part) {
		char *dot = strchr(part, '.');

		if (dot)
			*dot++ = '\0';
		node->parts[node->part_count++] = part;
		part = dot;
	}
}

static int set_delimiters(struct parser *p, const char *from, const char *until, uint32_t line)
{
	const char *words[2][2] = { { NULL } };
	const char *at = from;

	for (size_t i = 0; i < 2; i++) {
		while (at < until && is_space(*at))
			at++;
		words[i][0] = at;
		while (at < until && !is_space(*at) && *at != '=')
			at++;
		words[i][1] = at;
	}
	while (at < until && is_space(*at))
		at++;
	for (size_t i = 0; i < 2; i++) {
		size_t len = (size_t)(words[i][1] - words[i][0]);
		char *delimiter = i == 0 ? p->open : p->close;

		if (at != until || !len || len > DELIMITER_MAX)
			return err_set(p->err, -EBADMSG, "bad_template", "",
				"line %u: delimiters are set as {{=<%% %%>=}}, two words of at most %d bytes", line, DELIMITER_MAX);
		memcpy(delimiter, words[i][0], len);
		delimiter[len] = '\0';
	}
	return 0;
}

static int open_section(struct parser *p, enum node_kind kind, const char *name, size_t len, uint32_t line)
{
	if (p->depth == TEMPLATE_NESTING_MAX)
		return err_set(p->err, -EBADMSG, "bad_template", "", "line %u: sections are nested more than %d deep", line,
			TEMPLATE_NESTING_MAX);
	p->sections[p->depth++] = p->template->count;
	set_name(p, add_node(p, kind, line), name, len);
	return 0;
}

static int close_section(struct parser *p, const char *name, size_t len, uint32_t line)
{
	struct node *section, *end;

	if (!p->depth)
		return err_set(p->err, -EBADMSG, "bad_template", "", "line %u: {{/%.*s}} closes no open section", line,
			(int)len, name);
	end = add_node(p, NODE_END, line);
	section = &p->template->nodes[p->sections[--p->depth]];
	if (strlen(section->name) != len || memcmp(section->name, name, len) != 0)
		return err_set(p->err, -EBADMSG, "bad_template", "",
			"line %u: {{/%.*s}} closes the section {{#%s}} of line %u", line, (int)len, name, section->name,
			section->line);
	section->end = (size_t)(end - p->template->nodes);
	end->name = section->name;
	return 0;
}

static int add_tag(struct parser *p, char sigil, const char *name, size_t len, struct slice indent,
	uint32_t line)
{
	struct node *node;

	if (!name_valid(name, len, sigil == '>'))
		return err_set(p->err, -EBADMSG, "bad_template", "",
			"line %u: \"%.*s\" is no name: letters, digits, '_' and '-', joined by dots", line,
			(int)(len < 40 ? len : 40), name);
	switch (sigil) {
	case '#':
		return open_section(p, NODE_SECTION, name, len, line);
	case '^':
		return open_section(p, NODE_INVERTED, name, len, line);
	case '/':
		return close_section(p, name, len, line);
	case '>':
		node = add_node(p, NODE_PARTIAL, line);
		node->text = (const char *)indent.data;
		node->len = indent.len;
		break;
	default:
		node = add_node(p, NODE_VARIABLE, line);
		node->raw = sigil != 0;
	}
	set_name(p, node, name, len);
	return 0;
}

/* The end of the tag whose content begins at `from`: *close points to the closing delimiter. */
static const char *find_close(const struct parser *p, char sigil, const char *from, const char **close)
{
	char tail[DELIMITER_MAX + 2];
	size_t prefix = sigil == '{' || sigil == '=';

	(void)snprintf(tail, sizeof(tail), "%s%s", sigil == '{' ? "}" : sigil == '=' ? "=" : "", p->close);
	*close = memmem(from, (size_t)(p->end - from), tail, strlen(tail));
	return *close ? *close + prefix + strlen(p->close) : NULL;
}

/* Whether only white space stands around [tag, after) on its line; then *left and *right bound the whole line. */
static bool stands_alone(const struct parser *p, const char *tag, const char *after, const char **left,
	const char **right)
{
	const char *from = tag, *until = after;

	while (from > p->at && is_blank(from[-1]))
		from--;
	if (from > p->at ? from[-1] != '\n' : !p->line_start)
		return false;
	while (until < p->end && is_blank(*until))
		until++;
	if (until < p->end && *until == '\r' && until + 1 < p->end && until[1] == '\n')
		until++;
	if (until < p->end && *until++ != '\n')
		return false;
	*left = from;
	*right = until;
	return true;
}

static int parse_tag(struct parser *p, const char *tag)
{
	const char *body = tag + strlen(p->open), *close, *after, *left, *right;
	uint32_t line = line_of(p, tag);
	struct slice indent = { 0 };
	char sigil = 0;

	while (body < p->end && is_space(*body))
		body++;
	if (body < p->end && strchr("#^/>!=&{", *body) && *body)
		sigil = *body++;
	after = find_close(p, sigil, body, &close);
	if (!after)
		return err_set(p->err, -EBADMSG, "bad_template", "", "line %u: the tag is not closed", line);

	if (sigil && sigil != '&' && sigil != '{' && stands_alone(p, tag, after, &left, &right)) {
		add_text(p, p->at, left);
		indent = (struct slice){ (const uint8_t *)left, (size_t)(tag - left) };
		p->line_start = true;
	} else {
		add_text(p, p->at, tag);
		begin_line(p);
		right = after;
	}
	p->at = right;
	if (sigil == '!')
		return 0;
	if (sigil == '=')
		return set_delimiters(p, body, close, line);
	while (body < close && is_space(*body))
		body++;
	while (close > body && is_space(close[-1]))
		close--;
	return add_tag(p, sigil, body, (size_t)(close - body), indent, line);
}

static int parse(struct parser *p)
{
	while (p->at < p->end) {
		const char *tag = memmem(p->at, (size_t)(p->end - p->at), p->open, strlen(p->open));
		int r;

		if (!tag) {
			add_text(p, p->at, p->end);
			break;
		}
		r = parse_tag(p, tag);
		if (r < 0)
			return r;
	}
	if (p->depth) {
		const struct node *section = &p->template->nodes[p->sections[p->depth - 1]];

		return err_set(p->err, -EBADMSG, "bad_template", "", "line %u: section {{#%s}} is not closed",
			section->line, section->name);
	}
	return 0;
}

int template_parse(const char *text, size_t len, struct template **ret, struct err *err)
{
	CLEANUP(template_freep) struct template *template = NULL;
	struct parser p = { .open = "{{", .close = "}}", .line = 1, .line_start = true, .err = err };
	int r;

	if (len > TEMPLATE_MAX)
		return err_set(err, -EBADMSG, "too_long", "", "a template has at most %d bytes", TEMPLATE_MAX);
	template = xcalloc(1, sizeof(*template));
	template->arena = arena_create();
	p.template = template;
	p.counted = p.at = arena_memdup(template->arena, text, len);
	p.end = p.at + len;
	for (const char *c = p.at; c < p.end;) {
		size_t step = *c ? utf8_len(c, p.end) : 0;

		if (!step)
			return err_set(err, -EBADMSG, "bad_utf8", "", "byte %zu is not UTF-8 text", (size_t)(c - p.at));
		c += step;
	}
	r = parse(&p);
	if (r < 0)
		return r;
	*ret = TAKE(template);
	return 0;
}

void template_free(struct template *template)
{
	if (!template)
		return;
	arena_free(template->arena);
	free(template->nodes);
	free(template);
}

bool template_next(const struct template *template, size_t *i, struct template_use *ret)
{
	static const enum template_use_kind kinds[] = {
		[NODE_VARIABLE] = TEMPLATE_VARIABLE,
		[NODE_SECTION] = TEMPLATE_SECTION,
		[NODE_INVERTED] = TEMPLATE_INVERTED,
		[NODE_END] = TEMPLATE_SECTION_END,
		[NODE_PARTIAL] = TEMPLATE_PARTIAL,
	};

	while (*i < template->count) {
		const struct node *node = &template->nodes[(*i)++];

		if (!node->name)
			continue;
		*ret = (struct template_use){ kinds[node->kind], node->name, node->line, node->raw };
		return true;
	}
	return false;
}
