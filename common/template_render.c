#include "common/template.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/template_internal.h"

struct frame { /* the contexts, innermost first */
	struct json value;
	const struct frame *up;
};

struct indent { /* what each line of a partial begins with, outermost first */
	const char *text;
	size_t len;
	const struct indent *outer;
};

struct render {
	enum template_escape escape;
	template_partial_fn partial;
	void *arg;
	bool strict;
	struct buf *out;
	size_t start; /* out->len before */
	bool space_due; /* HEADER, SMS: white space came, and is written if anything follows */
	size_t steps;
	unsigned depth;
	struct err *err;
};

static uint32_t utf8_char(const char *p, size_t len)
{
	const uint8_t *b = (const uint8_t *)p;
	uint32_t c = len == 1 ? b[0] : b[0] & (0xffu >> (len + 1));

	for (size_t i = 1; i < len; i++)
		c = c << 6 | (b[i] & 0x3f);
	return c;
}

static bool is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0);
}

static bool turns_direction(uint32_t c)
{
	return (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

static bool is_wide_space(uint32_t c)
{
	return c == 0xa0 || c == 0x202f || (c >= 0x2000 && c <= 0x200a);
}

static void write_one_line(struct render *r, const char *text, size_t len)
{
	const char *end = text + len;

	while (text < end) {
		size_t step = utf8_len(text, end);
		uint32_t c = step ? utf8_char(text, step) : 0;

		if (c <= ' ' || is_control(c) || c == 0x2028 || c == 0x2029 ||
			(r->escape == ESCAPE_SMS && is_wide_space(c))) {
			r->space_due = r->out->len > r->start;
		} else if (!turns_direction(c)) {
			if (r->space_due)
				buf_add_char(r->out, ' ');
			r->space_due = false;
			buf_add(r->out, text, step);
		}
		text += step ? step : 1;
	}
}

/* Drops control characters; `entities` for HTML. */
static void write_printable(struct render *r, const char *text, size_t len, bool entities)
{
	const char *end = text + len, *kept = text;

	while (text < end) {
		size_t step = utf8_len(text, end);
		uint32_t c = step ? utf8_char(text, step) : 0;
		const char *instead = NULL;

		if (is_control(c) && c != '\n' && c != '\t')
			instead = "";
		else if (entities && c < 0x40)
			instead = c == '&' ? "&amp;" :
				c == '<'   ? "&lt;" :
				c == '>'   ? "&gt;" :
				c == '"'   ? "&quot;" :
				c == '\''  ? "&#39;" :
					     NULL;
		step = step ? step : 1;
		if (instead) {
			buf_add(r->out, kept, (size_t)(text - kept));
			buf_add_str(r->out, instead);
			kept = text + step;
		}
		text += step;
	}
	buf_add(r->out, kept, (size_t)(end - kept));
}

static void write_url(struct render *r, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (template_name_char(text[i]) || text[i] == '.' || text[i] == '~')
			buf_add_char(r->out, text[i]);
		else
			buf_printf(r->out, "%%%02X", (unsigned)(uint8_t)text[i]);
	}
}

static void write_literal(struct render *r, const char *text, size_t len)
{
	if (r->escape == ESCAPE_HEADER || r->escape == ESCAPE_SMS)
		write_one_line(r, text, len);
	else
		buf_add(r->out, text, len);
}

static void write_text(struct render *r, const char *text, bool raw)
{
	size_t len = strlen(text);

	switch (r->escape) {
	case ESCAPE_HTML:
		if (raw)
			buf_add(r->out, text, len);
		else
			write_printable(r, text, len, true);
		return;
	case ESCAPE_TEXT:
		write_printable(r, text, len, false);
		return;
	case ESCAPE_URL:
		write_url(r, text, len);
		return;
	case ESCAPE_HEADER:
	case ESCAPE_SMS:
		write_one_line(r, text, len);
	}
}

static void write_double(struct render *r, double d, bool raw)
{
	char text[40];

	/* The shortest that reads back as the same number. */
	for (int digits = 15; digits <= 17; digits++) {
		(void)snprintf(text, sizeof(text), "%.*g", digits, d);
		if (!(strtod(text, NULL) < d || strtod(text, NULL) > d))
			break;
	}
	for (char *c = text; *c; c++)
		if (*c == ',') /* a locale's decimal point, should the process have set one */
			*c = '.';
	write_text(r, text, raw);
}

/* A null is as good as no member, as everywhere in our JSON. */
static bool find_member(const struct json *object, const char *key, struct json *ret)
{
	if (object->type != JSON_OBJECT)
		return false;
	*ret = json_get(object, key);
	ret->parent = NULL; /* no path is ever asked of it, and `object` may not outlive it */
	return ret->type != JSON_NONE;
}

/* The first part of a name is looked for in all contexts, the rest only inside what was found. */
static bool find_value(const struct node *node, const struct frame *frame, struct json *ret)
{
	struct json value = frame->value;
	bool found = !node->part_count;

	for (; frame && !found; frame = frame->up)
		found = find_member(&frame->value, node->parts[0], &value);
	for (size_t i = 1; found && i < node->part_count; i++) {
		struct json object = value;

		found = find_member(&object, node->parts[i], &value);
	}
	if (found)
		*ret = value;
	return found;
}

static int render_variable(struct render *r, const struct node *node, const struct frame *frame)
{
	struct json value = { 0 };
	char digits[24];

	if (!find_value(node, frame, &value) && r->strict)
		return err_set(r->err, -EBADMSG, "missing_variable", "", "line %u: {{%s}} has no value", node->line,
			node->name);
	switch (value.type) {
	case JSON_NONE:
	case JSON_NULL:
		break;
	case JSON_BOOL:
		write_text(r, json_bool(&value) ? "true" : "false", node->raw);
		break;
	case JSON_INT:
		(void)snprintf(digits, sizeof(digits), "%lld", (long long)json_int(&value));
		write_text(r, digits, node->raw);
		break;
	case JSON_DOUBLE:
		write_double(r, json_double(&value), node->raw);
		break;
	case JSON_STRING:
		write_text(r, json_str(&value), node->raw);
		break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		if (r->strict)
			return err_set(r->err, -EBADMSG, "not_text", "", "line %u: {{%s}} is a list or an object, not a text",
				node->line, node->name);
	}
	return 0;
}

static bool is_true(const struct json *value)
{
	switch (value->type) {
	case JSON_NONE:
	case JSON_NULL:
		return false;
	case JSON_BOOL:
		return json_bool(value);
	case JSON_STRING:
		return *json_str(value) != '\0';
	case JSON_ARRAY:
		return json_len(value) > 0;
	default:
		return true;
	}
}

static int render_nodes(struct render *r, const struct template *template, size_t from, size_t until,
	const struct frame *frame, const struct indent *indent);

static int take_step(struct render *r)
{
	if (r->out->len - r->start > TEMPLATE_OUTPUT_MAX)
		return err_set(r->err, -EBADMSG, "too_long", "", "the text has more than %d bytes", TEMPLATE_OUTPUT_MAX);
	if (++r->steps > TEMPLATE_STEPS_MAX)
		return err_set(r->err, -EBADMSG, "too_many_steps", "", "the text takes more than %d steps to write",
			TEMPLATE_STEPS_MAX);
	return 0;
}

static int go_deeper(struct render *r, const struct node *node)
{
	if (r->depth == TEMPLATE_DEPTH_MAX)
		return err_set(r->err, -EBADMSG, "too_deep", "", "line %u: {{%s}}: partials and sections more than %d deep",
			node->line, node->name, TEMPLATE_DEPTH_MAX);
	r->depth++;
	return 0;
}

static int render_section(struct render *r, const struct template *template, size_t at, const struct frame *frame,
	const struct indent *indent)
{
	const struct node *node = &template->nodes[at];
	struct frame inner = { .up = frame };
	struct json value = { 0 };
	int e;

	(void)find_value(node, frame, &value);
	if (is_true(&value) != (node->kind == NODE_SECTION))
		return 0;
	e = go_deeper(r, node);
	if (e < 0)
		return e;
	if (node->kind == NODE_INVERTED) {
		e = render_nodes(r, template, at + 1, node->end, frame, indent);
	} else if (value.type != JSON_ARRAY) {
		inner.value = value;
		e = render_nodes(r, template, at + 1, node->end, &inner, indent);
	} else {
		for (size_t i = 0, count = json_len(&value); i < count && e == 0; i++) {
			e = take_step(r);
			if (e < 0)
				break;
			inner.value = json_at(&value, i);
			inner.value.parent = NULL;
			e = render_nodes(r, template, at + 1, node->end, &inner, indent);
		}
	}
	r->depth--;
	return e;
}

static int render_partial(struct render *r, const struct node *node, const struct frame *frame,
	const struct indent *outer)
{
	const struct template *partial = r->partial ? r->partial(node->name, r->arg) : NULL;
	struct indent indent = { .text = node->text, .len = node->len, .outer = outer };
	int e;

	if (!partial)
		return r->strict ? err_set(r->err, -EBADMSG, "missing_partial", "", "line %u: there is no partial %s",
					   node->line, node->name) :
				   0;
	e = go_deeper(r, node);
	if (e < 0)
		return e;
	/* Inside a line it goes on with that line; the lines that it adds itself are not indented. */
	e = render_nodes(r, partial, 0, partial->count, frame, node->text ? &indent : NULL);
	r->depth--;
	return e;
}

static void write_indent(struct render *r, const struct indent *indent)
{
	if (!indent)
		return;
	write_indent(r, indent->outer);
	write_literal(r, indent->text, indent->len);
}

static int render_nodes(struct render *r, const struct template *template, size_t from, size_t until,
	const struct frame *frame, const struct indent *indent)
{
	for (size_t i = from; i < until; i++) {
		const struct node *node = &template->nodes[i];
		int e = 0;

		switch (node->kind) {
		case NODE_TEXT:
			write_literal(r, node->text, node->len);
			break;
		case NODE_LINE:
			write_indent(r, indent);
			break;
		case NODE_VARIABLE:
			e = render_variable(r, node, frame);
			break;
		case NODE_SECTION:
		case NODE_INVERTED:
			e = render_section(r, template, i, frame, indent);
			i = node->end;
			break;
		case NODE_PARTIAL:
			e = render_partial(r, node, frame, indent);
			break;
		case NODE_END:
			break;
		}
		if (e == 0)
			e = take_step(r);
		if (e < 0)
			return e;
	}
	return 0;
}

int template_render(const struct template *template, const struct json *context, enum template_escape escape,
	template_partial_fn partial, void *arg, bool strict, struct buf *out, struct err *err)
{
	struct render r = { .escape = escape, .partial = partial, .arg = arg, .strict = strict, .out = out,
		.start = out->len, .err = err };
	struct frame root = { .value = *context };
	int e;

	root.value.parent = NULL;
	e = render_nodes(&r, template, 0, template->count, &root, NULL);
	if (e < 0 && out->data) {
		out->len = r.start;
		out->data[out->len] = '\0';
	}
	return e;
}
