/* A zip file by anyone, taken for an evidence bundle. What is taken must come out again as it went in. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "common/bundle_check.h"
#include "common/case_file.h"
#include "common/report.h"

/* Records of any content: what is made of them is well-formed UTF-8, and ends. */
static void report(struct bundle *bundle)
{
	struct case_file file;
	struct buf html = { 0 };

	if (case_file_read(bundle, &file, NULL) == 0 && file.debtor)
		for (int l = 0; l < REPORT_LANGUAGE_COUNT; l++) {
			struct report made;

			report_make(&file, (enum report_language)l, bundle->arena, &made);
			report_html(&made, &html);
		}
	for (const char *at = buf_str(&html), *end = at + html.len; at < end; at += utf8_len(at, end))
		assert(utf8_len(at, end));
	buf_clear(&html);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_create();
	struct bundle bundle = { .arena = arena };
	struct bundle_checking how = { .ahead = 2 };
	struct err err = { 0 };
	struct buf again = { 0 };

	if (bundle_unzip(data, size, &bundle, &err) == 0) {
		assert(bundle_zip(&bundle, &again) == 0 && again.len == size && memcmp(again.data, data, size) == 0);
		(void)bundle_check(&bundle, &how, &err);
		/* the manifest is made right, so that what stands behind it is reached */
		for (size_t i = 0; i < bundle.count; i++)
			if (strcmp(bundle.files[i].path, BUNDLE_MANIFEST) == 0) {
				struct buf text = { 0 };

				bundle_manifest(&bundle, &text);
				bundle.files[i].data = (struct slice){ arena_memdup(arena, text.data, text.len), text.len };
				buf_clear(&text);
				(void)bundle_check(&bundle, &how, &err);
			}
		bundle_sort(&bundle);
		report(&bundle);
	}
	bundle = (struct bundle){ .arena = arena }; /* and as one record, which no zip file's checksums guard */
	bundle_add(&bundle, "records/0001/leaf", "", 0);
	bundle_add(&bundle, "records/0001/record.json", data, size);
	bundle_sort(&bundle);
	report(&bundle);
	buf_clear(&again);
	arena_free(arena);
	return 0;
}
