/* The report as a page: no scripts, nothing from the network. */
#include <string.h>

#include "common/report.h"

static const char style[] =
	"body{font:15px/1.45 'Liberation Serif','DejaVu Serif',Georgia,serif;color:#111;max-width:60em;margin:2em auto;padding:0 1.5em;"
	"overflow-wrap:anywhere}"
	"h1{font-size:1.6em}h2{font-size:1.25em;border-bottom:1px solid #888;margin-top:2em}h3{font-size:1.05em;margin-top:1.6em}"
	"table{border-collapse:collapse;width:100%;margin:.6em 0;font-size:.95em}"
	"td,th{border:1px solid #bbb;padding:.3em .45em;text-align:left;vertical-align:top;white-space:pre-line}"
	"th{background:#eee;overflow-wrap:break-word}td.n,th.n{text-align:right}td.n{white-space:nowrap}"
	"table.f td,table.f th{border:0;border-bottom:1px solid #ddd;background:none}"
	"tr.t td{font-weight:bold;border-top:2px solid #333}.q{white-space:pre-wrap;border-left:4px solid #999;"
	"padding:.6em 1em;margin:.6em 0;background:#f7f7f7}.s{font-size:.88em;color:#444}footer{margin-top:3em;font-size:.85em;color:#444}"
	"@media(max-width:64em){body{padding:0 .5em}table{font-size:.76em}}@media print{.p{break-before:page}}";

static void escape(struct buf *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '<')
			buf_add_str(out, "&lt;");
		else if (c == '>')
			buf_add_str(out, "&gt;");
		else if (c == '&')
			buf_add_str(out, "&amp;");
		else if (c == '"')
			buf_add_str(out, "&quot;");
		else if (c >= 0x20 || c == '\n' || c == '\t') /* other controls have no business on a page */
			buf_add_char(out, *text);
	}
}

static void element(struct buf *out, const char *open, const char *text, const char *close)
{
	buf_add_str(out, open);
	escape(out, text);
	buf_add_str(out, close);
}

static void write_table(struct buf *out, const struct block *b)
{
	bool fields = b->kind == BLOCK_FIELDS;

	buf_printf(out, "<table%s><colgroup>", fields ? " class=\"f\"" : "");
	for (size_t c = 0; c < b->columns; c++)
		buf_printf(out, "<col style=\"width:%u%%\">", (unsigned)b->widths[c]);
	buf_add_str(out, "</colgroup>\n");
	for (size_t r = 0; r < b->rows; r++) {
		buf_add_str(out, b->total && r + 1 == b->rows ? "<tr class=\"t\">" : "<tr>");
		for (size_t c = 0; c < b->columns; c++) {
			bool head = fields ? c == 0 : r == 0;

			buf_printf(out, "<%s%s%s>", head ? "th" : "td", head && !fields ? " scope=\"col\"" : head ? " scope=\"row\"" : "",
				b->right >> c & 1 ? " class=\"n\"" : "");
			escape(out, b->cells[r * b->columns + c]);
			buf_add_str(out, head ? "</th>" : "</td>");
		}
		buf_add_str(out, "</tr>\n");
	}
	buf_add_str(out, "</table>\n");
}

static void write_block(struct buf *out, const struct block *b)
{
	static const char *const open[] = { [BLOCK_TITLE] = "<h1>", [BLOCK_HEADING] = "<h2>", [BLOCK_SUBHEADING] = "<h3>", [BLOCK_TEXT] = "<p>",
		[BLOCK_NOTE] = "<p class=\"s\">", [BLOCK_QUOTE] = "<div class=\"q\">" };
	static const char *const close[] = { [BLOCK_TITLE] = "</h1>\n", [BLOCK_HEADING] = "</h2>\n", [BLOCK_SUBHEADING] = "</h3>\n",
		[BLOCK_TEXT] = "</p>\n", [BLOCK_NOTE] = "</p>\n", [BLOCK_QUOTE] = "</div>\n" };

	if (b->kind == BLOCK_FIELDS || b->kind == BLOCK_TABLE)
		write_table(out, b);
	else if (b->kind == BLOCK_PAGE)
		buf_add_str(out, "<div class=\"p\"></div>\n");
	else
		element(out, open[b->kind], b->text, close[b->kind]);
}

void report_html(const struct report *report, struct buf *out)
{
	buf_printf(out, "<!DOCTYPE html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n", report_tags[report->language]);
	buf_add_str(out, "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n");
	element(out, "<title>", report->title, "</title>\n");
	buf_printf(out, "<style>%s</style>\n</head>\n<body>\n", style);
	for (size_t i = 0; i < report->count; i++)
		write_block(out, &report->blocks[i]);
	element(out, "<footer>", report->footer, "</footer>\n</body>\n</html>\n");
}
