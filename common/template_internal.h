/*
 * template_internal - the compiled form, shared by the compiler (template.c) and the renderer (template_render.c).
 */
#ifndef DUNNINGD_COMMON_TEMPLATE_INTERNAL_H
#define DUNNINGD_COMMON_TEMPLATE_INTERNAL_H

#include "common/template.h"

/* LINE marks where a line of the template begins: there a partial's indentation is written. */
enum node_kind { NODE_TEXT, NODE_LINE, NODE_VARIABLE, NODE_SECTION, NODE_INVERTED, NODE_END, NODE_PARTIAL };

struct node {
	enum node_kind kind;
	bool raw;
	uint32_t line;
	size_t end; /* of a section: index of its NODE_END */
	const char *text; /* literal text; of a partial: the white space before it, when it stands alone on its line */
	size_t len;
	const char *name;
	const char **parts; /* the name cut at its dots; none for "." */
	size_t part_count;
};

struct template {
	struct arena *arena; /* text, names, parts */
	struct node *nodes;
	size_t count;
	size_t capacity;
};

/* [A-Za-z0-9_-], what names are made of and what a URL keeps */
static inline bool template_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

#endif
