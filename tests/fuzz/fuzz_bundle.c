/* A zip file by anyone, taken for an evidence bundle. What is taken must come out again as it went in. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "common/bundle_check.h"

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
	}
	buf_clear(&again);
	arena_free(arena);
	return 0;
}
