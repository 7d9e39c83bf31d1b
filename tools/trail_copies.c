#include "tools/trail_copies.h"

#include <stdlib.h>
#include <string.h>

#include "common/copies.h"
#include "common/file.h"
#include "daemon/keystore.h"

#define STATE_MAX (64u << 20)

static bool is_as_copied(const char *path, const struct copies_shard *shard)
{
	CLEANUP(buf_clear) struct buf bytes = { 0 };
	char hex[2 * SHA256_SIZE + 1];
	uint8_t hash[SHA256_SIZE];

	if (file_read(path, KEYSTORE_SHARD_BYTES, &bytes, NULL) < 0)
		return false;
	sha256(bytes.data, bytes.len, hash);
	return strcmp(hex_format(hash, sizeof(hash), hex), shard->sum) == 0;
}

static void read_keys(struct arena *arena, const char *state_dir, struct copies *state, struct trail_copies *ret)
{
	const char *dir = arena_printf(arena, "%s/keys", state_dir);
	char **years, **names;
	size_t year_count, count;

	if (file_list(arena, dir, "", &years, &year_count) < 0)
		return;
	for (size_t i = 0; i < year_count; i++) {
		const char *folder = arena_printf(arena, "%s/%s", dir, years[i]);

		if (file_list(arena, folder, ".keys", &names, &count) < 0)
			continue;
		ret->shards += count;
		for (size_t k = 0; k < count; k++)
			ret->shards_copied += is_as_copied(arena_printf(arena, "%s/%s", folder, names[k]),
				copies_shard(state, (uint16_t)strtoul(years[i], NULL, 10), (uint32_t)strtoul(names[k], NULL, 10)));
	}
}

void trail_copies_read(const char *state_dir, const struct anchor_settings *store, struct trail_copies *ret)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(copies_clear) struct copies state = { 0 };
	CLEANUP(buf_clear) struct buf text = { 0 };
	char **names;
	size_t count;

	*ret = (struct trail_copies){ .keys = store->keys_bucket != NULL };
	if (file_read(arena_printf(arena, "%s/anchors/%s.json", state_dir, store->name), STATE_MAX, &text, NULL) == 0)
		(void)copies_parse(buf_str(&text), text.len, &state, NULL); /* else all is compared anew */
	if (file_list(arena, arena_printf(arena, "%s/journal", state_dir), ".journal", &names, &count) == 0)
		for (size_t i = 0; i + 1 < count; i++) { /* the last is still written */
			ret->segments++;
			ret->segments_copied += strcmp(names[i], state.segment) <= 0;
		}
	if (ret->keys)
		read_keys(arena, state_dir, &state, ret);
}
