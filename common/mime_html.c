#include "common/mime_html.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/buf.h"

#define TAG_MAX 16
#define ATTRIBUTES_MAX 400

struct page {
	struct buf out;
	size_t lines; /* line ends that are due before the next character */
	bool blank; /* and a blank */
	size_t quotes; /* blockquotes that are open */
	size_t divs; /* those that are open within one that quotes, itself included; 0 = none does */
	unsigned unclosed; /* bit per element of unseen[]: it is closed nowhere from here on, and not looked for again */
};

static bool quoted(const struct page *page)
{
	return page->quotes || page->divs;
}

/* At most one empty line between two others, and none above the first. */
static void end_line(struct page *page, size_t lines)
{
	page->blank = false;
	if (page->out.len && page->lines < lines)
		page->lines = lines;
}

static void add(struct page *page, const char *text, size_t len)
{
	if (page->lines || !page->out.len) {
		for (size_t i = 0; i < page->lines; i++)
			buf_add_char(&page->out, '\n');
		if (quoted(page))
			buf_add_str(&page->out, "> ");
	} else if (page->blank) {
		buf_add_char(&page->out, ' ');
	}
	page->lines = 0;
	page->blank = false;
	buf_add(&page->out, text, len);
}

/* --- entities --------------------------------------------------------------------------------------------------------------------- */

/* U+00A0 to U+00FF, by their names in HTML. */
static const char *const latin[96] = { "nbsp", "iexcl", "cent", "pound", "curren", "yen", "brvbar", "sect", "uml", "copy", "ordf", "laquo", "not",
	"shy",
	"reg", "macr", "deg", "plusmn", "sup2", "sup3", "acute", "micro", "para", "middot", "cedil", "sup1", "ordm", "raquo", "frac14", "frac12", "frac34",
	"iquest", "Agrave", "Aacute", "Acirc", "Atilde", "Auml", "Aring", "AElig", "Ccedil", "Egrave", "Eacute", "Ecirc", "Euml", "Igrave", "Iacute",
	"Icirc",
	"Iuml", "ETH", "Ntilde", "Ograve", "Oacute", "Ocirc", "Otilde", "Ouml", "times", "Oslash", "Ugrave", "Uacute", "Ucirc", "Uuml", "Yacute", "THORN",
	"szlig", "agrave", "aacute", "acirc", "atilde", "auml", "aring", "aelig", "ccedil", "egrave", "eacute", "ecirc", "euml", "igrave", "iacute", "icirc",
	"iuml", "eth", "ntilde", "ograve", "oacute", "ocirc", "otilde", "ouml", "divide", "oslash", "ugrave", "uacute", "ucirc", "uuml", "yacute", "thorn",
	"yuml" };
static const struct {
	const char *name;
	uint32_t c;
} others[] = { { "amp", '&' }, { "lt", '<' }, { "gt", '>' }, { "quot", '"' }, { "apos", '\'' }, { "euro", 0x20ac }, { "lsquo", 0x2018 },
	{ "rsquo", 0x2019 },
	{ "ldquo", 0x201c }, { "rdquo", 0x201d }, { "ndash", 0x2013 }, { "mdash", 0x2014 }, { "hellip", 0x2026 }, { "oelig", 0x153 }, { "OElig", 0x152 } };

static uint32_t named(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (strcmp(others[i].name, name) == 0)
			return others[i].c;
	for (size_t i = 0; i < ARRAY_LEN(latin); i++)
		if (strcmp(latin[i], name) == 0)
			return (uint32_t)(0xa0 + i);
	return 0;
}

static size_t encode(uint32_t c, char ret[4])
{
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (size_t i = n - 1; i > 0; i--, c >>= 6)
		ret[i] = (char)(0x80 | (c & 0x3f));
	ret[0] = (char)(n == 1 ? c : (0xf00u >> n & 0xff) | c);
	return n;
}

/* "&eacute;" or "&#233;" or "&#xe9;" at `at`: what stands behind it; `at` + 1 when it is none, which then is a '&'. */
static const char *entity(struct page *page, const char *at, const char *end)
{
	char name[12], bytes[4];
	const char *stop = memchr(at, ';', (size_t)(end - at < (ptrdiff_t)sizeof(name) ? end - at : (ptrdiff_t)sizeof(name)));
	size_t len = stop ? (size_t)(stop - at - 1) : 0;
	uint32_t c = 0;

	if (len) {
		memcpy(name, at + 1, len);
		name[len] = '\0';
		c = *name != '#' ? named(name) : (name[1] | 32) == 'x' ? (uint32_t)strtoul(name + 2, NULL, 16) : (uint32_t)strtoul(name + 1, NULL, 10);
	}
	if (!c || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) {
		add(page, "&", 1);
		return at + 1;
	}
	if (c == ' ' || c == '\t' || c == '\n' || c == 0xa0)
		page->blank = true;
	else if (c > ' ' && (c < 0x7f || c > 0xa0))
		add(page, bytes, encode(c, bytes));
	return stop + 1;
}

/* --- tags ------------------------------------------------------------------------------------------------------------------------- */

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int index_of(const char *word, const char *const *list)
{
	for (int i = 0; list[i]; i++)
		if (strcasecmp(word, list[i]) == 0)
			return i;
	return -ENOENT;
}

/* Case does not matter. NULL: it is not there. */
static const char *find(const char *at, const char *end, const char *word)
{
	size_t len = strlen(word);

	for (; (size_t)(end - at) >= len; at++)
		if (strncasecmp(at, word, len) == 0)
			return at;
	return NULL;
}

static bool quotes(const char *attributes)
{
	static const char *const marks[] = { "gmail_quote", "yahoo_quoted", "protonmail_quote" };

	for (size_t i = 0; i < ARRAY_LEN(marks); i++)
		if (strcasestr(attributes, marks[i]))
			return true;
	return false;
}

/* What stands behind an element of which nothing is shown; where it is never closed the rest is. */
static const char *skip(struct page *page, int element, const char *name, const char *behind, const char *end)
{
	char close[TAG_MAX + 2] = "</";
	const char *from = page->unclosed >> element & 1 ? NULL : find(behind, end, strcat(close, name));
	const char *stop = from ? memchr(from, '>', (size_t)(end - from)) : NULL;

	if (!from)
		page->unclosed |= 1u << element;
	return stop ? stop + 1 : from ? end : behind;
}

/* A tag, a comment or the like at `at`: what stands behind it, and behind all that is not shown. */
static const char *tag(struct page *page, const char *at, const char *end)
{
	static const char *const unseen[] = { "style", "script", "head", "title", NULL };
	static const char *const blocks[] = { "div", "tr", "li", "ul", "ol", "table", "hr", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "p",
		"pre", NULL };
	char name[TAG_MAX], attributes[ATTRIBUTES_MAX];
	bool closes = at + 1 < end && at[1] == '/';
	const char *from = at + 1 + closes, *stop, *behind;
	size_t len = 0;
	int element;

	if (end - at > 3 && strncmp(at, "<!--", 4) == 0)
		return (stop = memmem(at + 4, (size_t)(end - at - 4), "-->", 3)) ? stop + 3 : end;
	while (from + len < end && len + 1 < sizeof(name) && (is_letter(from[len]) || (len && from[len] >= '0' && from[len] <= '9'))) /* h1 */
		len++;
	memcpy(name, from, len);
	name[len] = '\0';
	if (!len && !(from < end && (*from == '!' || *from == '?'))) { /* "a < b" */
		add(page, "<", 1);
		return at + 1;
	}
	stop = memchr(at, '>', (size_t)(end - at));
	behind = stop ? stop + 1 : end;
	len = (size_t)(behind - from) < sizeof(attributes) ? (size_t)(behind - from) : sizeof(attributes) - 1;
	memcpy(attributes, from, len);
	attributes[len] = '\0';
	if (!closes && (element = index_of(name, unseen)) >= 0)
		return skip(page, element, name, behind, end);
	if (strcasecmp(name, "br") == 0)
		end_line(page, page->lines < 2 ? page->lines + 1 : 2);
	if (index_of(name, blocks) >= 0)
		end_line(page, strcasecmp(name, "p") == 0 ? 2 : 1);
	if (strcasecmp(name, "blockquote") == 0)
		page->quotes = closes ? page->quotes - (page->quotes > 0) : page->quotes + 1;
	if (strcasecmp(name, "div") == 0 && (page->divs || (!closes && quotes(attributes))))
		page->divs = closes ? page->divs - 1 : page->divs + 1;
	return behind;
}

const char *mime_html_text(const char *html, size_t len, size_t max, struct arena *arena)
{
	struct page page = { 0 };
	const char *end = html + (len < MIME_HTML_MAX ? len : MIME_HTML_MAX), *ret;

	for (const char *at = html; at < end && page.out.len < max;) {
		size_t n = (unsigned char)*at < 0x80 ? 1 : utf8_len(at, end);

		if (*at == '<') {
			at = tag(&page, at, end);
		} else if (*at == '&') {
			at = entity(&page, at, end);
		} else if (n == 1 && ((unsigned char)*at <= ' ' || *at == 0x7f)) {
			page.blank |= *at == ' ' || *at == '\n' || *at == '\t' || *at == '\r';
			at++;
		} else {
			if (n && !(n == 2 && (unsigned char)*at == 0xc2 && (unsigned char)at[1] < 0xa0)) /* no C1 controls */
				add(&page, at, n);
			at += n ? n : 1;
		}
	}
	ret = arena_memdup(arena, buf_str(&page.out), page.out.len);
	buf_clear(&page.out);
	return ret;
}
