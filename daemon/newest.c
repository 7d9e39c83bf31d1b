#include "daemon/newest.h"

#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/hash.h"
#include "common/note.h"
#include "daemon/log_files.h"

#define CHECKPOINT_FILE_MAX (64 * 1024)

static const char *line_of(struct arena *arena, const char *path)
{
	CLEANUP(buf_clear) struct buf text = { 0 }, root = { 0 };
	struct checkpoint checkpoint;
	const char *end;

	if (file_read(path, CHECKPOINT_FILE_MAX, &text, NULL) < 0 || !(end = strstr(buf_str(&text), "\n\n")) ||
		checkpoint_parse(buf_str(&text), (size_t)(end + 1 - buf_str(&text)), &checkpoint) < 0 || !checkpoint.size)
		return NULL;
	base64_add(&root, checkpoint.root, SHA256_SIZE);
	return arena_printf(arena, "%.*s · %llu · %s", (int)checkpoint.origin.len, (const char *)checkpoint.origin.data,
		(unsigned long long)checkpoint.size, buf_str(&root));
}

const char *newest_checkpoint(struct arena *arena, void *state_dir)
{
	const char *ret = NULL;
	size_t count = 0;
	char **years;

	if (!state_dir || file_list(arena, arena_printf(arena, "%s/log", (const char *)state_dir), "", &years, &count) < 0)
		return NULL;
	while (count-- > 0 && !ret)
		if (strlen(years[count]) == 4 && strspn(years[count], "0123456789") == 4)
			ret = line_of(arena, arena_printf(arena, "%s/log/%s/checkpoint", (const char *)state_dir, years[count]));
	return ret;
}
