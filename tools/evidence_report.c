/* The reports of a bundle: one for each language, as a page and on paper; and whether those of a bundle say what its records say. */
#include <errno.h>
#include <string.h>

#include "common/hash.h"
#include "common/report.h"
#include "tools/evidence.h"
#include "tools/evidence_pdf.h"

#define VERSION_FILE "process/version"

static const char *report_path(const struct bundle *bundle, int language)
{
	return arena_printf(bundle->arena, "report.%s.html", report_tags[language]);
}

int evidence_add_reports(struct bundle *bundle, struct err *err)
{
	struct case_file *file = arena_alloc(bundle->arena, sizeof(*file));
	int r = case_file_read(bundle, file, err);

	for (int l = 0; l < REPORT_LANGUAGE_COUNT && r == 0; l++) {
		CLEANUP(buf_clear) struct buf html = { 0 };
		CLEANUP(buf_clear) struct buf pdf = { 0 };
		struct report report;

		report_make(file, (enum report_language)l, bundle->arena, &report);
		report_html(&report, &html);
		bundle_add(bundle, report_path(bundle, l), html.data, html.len);
		r = evidence_pdf(&report, file->last_at, &pdf, err);
		if (r < 0)
			return r;
		bundle_add(bundle, arena_printf(bundle->arena, "report.%s.pdf", report_tags[l]), pdf.data, pdf.len);
	}
	bundle_add(bundle, VERSION_FILE, DUNNINGD_VERSION "\n", strlen(DUNNINGD_VERSION "\n"));
	return r;
}

static bool same(const struct bundle_file *file, const char *text, size_t len)
{
	return file && file->data.len == len && memcmp(file->data.data, text, len) == 0;
}

/* The description of the process that was in force, against the one enclosed: a program may have been renewed since. */
static void check_process(const struct bundle *bundle, const struct case_file *file, check_line_fn fn, void *arg)
{
	const struct bundle_file *process = bundle_find(bundle, "process/TRAIL.md");
	struct check_line line = { "process", CHECK_NOT, "no start of the program with a description of its process is on record here" };
	uint8_t digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];

	if (process && file->process) {
		sha256(process->data.data, process->data.len, digest);
		line.state = strcmp(hex_format(digest, SHA256_SIZE, hex), file->process) == 0 ? CHECK_GOOD : CHECK_NOT;
		line.text = line.state == CHECK_GOOD ? "the description of the process is the one recorded at the last start" :
						       "not compared: the description enclosed is that of another version than the last start recorded";
	}
	fn(&line, arg);
}

/* One in a language of which we have no words may say anything. */
static void name_strangers(const struct bundle *bundle, check_line_fn fn, void *arg)
{
	for (size_t i = 0; i < bundle->count; i++) {
		const char *path = bundle->files[i].path;
		bool known = strncmp(path, "report.", 7) != 0 || strchr(path, '/') || !strstr(path, ".html");

		for (int l = 0; l < REPORT_LANGUAGE_COUNT; l++)
			known |= strcmp(path, report_path(bundle, l)) == 0;
		if (!known)
			fn(&(struct check_line){ "report", CHECK_NOT,
				   arena_printf(bundle->arena, "%s is in no language that is known here: not compared", path) },
				arg);
	}
}

int evidence_check_reports(const struct bundle *bundle, check_line_fn fn, void *arg, struct err *err)
{
	struct case_file *file = arena_alloc(bundle->arena, sizeof(*file));
	struct check_line line = { "report", CHECK_GOOD, "the HTML reports say what the records say; for the PDF files only the manifest stands" };
	int r = case_file_read(bundle, file, err), compared = 0;

	if (r == 0)
		check_process(bundle, file, fn, arg);
	if (!same(bundle_find(bundle, VERSION_FILE), DUNNINGD_VERSION "\n", strlen(DUNNINGD_VERSION "\n"))) {
		fn(&(struct check_line){ "report", CHECK_NOT, "not compared with the records: made by another version of dunningd" }, arg);
		return 0;
	}
	for (int l = 0; l < REPORT_LANGUAGE_COUNT && r == 0; l++) {
		CLEANUP(buf_clear) struct buf html = { 0 };
		const char *path = report_path(bundle, l);
		const struct bundle_file *enclosed = bundle_find(bundle, path);
		struct report report;

		if (!enclosed) /* what belongs to a bundle the manifest says: one that was made before there was this language has none in it */
			continue;
		compared++;
		report_make(file, (enum report_language)l, bundle->arena, &report);
		report_html(&report, &html);
		if (!same(enclosed, html.data, html.len))
			r = err_set(err, -EBADMSG, "report", path, "%s does not say what the records say", path);
	}
	if (r < 0) {
		line.state = CHECK_REFUSED;
		line.text = err->text;
	} else if (!compared) {
		line = (struct check_line){ "report", CHECK_NOT, "there is no HTML report to compare with the records" };
	}
	fn(&line, arg);
	name_strangers(bundle, fn, arg);
	return r;
}
