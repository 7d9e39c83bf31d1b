/* The JSON of request_leaves. By itself: the names of json-c are those of ours. */
#include <json-c/json.h>

#include "tests/support/request_leaves.h"

#include <string.h>

static void walk(struct json_object *value, const char *place, struct arena *arena, struct leaves *ret)
{
	if (json_object_is_type(value, json_type_object)) {
		json_object_object_foreach(value, key, member)
			walk(member, arena_printf(arena, "%s/%s", place, key), arena, ret);
		leaf_add(arena, ret, arena_printf(arena, "%s{}", place), "", 0);
	} else if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++)
			walk(json_object_array_get_idx(value, i), arena_printf(arena, "%s/%zu", place, i), arena, ret);
		leaf_add(arena, ret, arena_printf(arena, "%s[]", place), "", 0);
	} else if (json_object_is_type(value, json_type_string)) {
		leaf_add(arena, ret, place, json_object_get_string(value), (size_t)json_object_get_string_len(value));
	} else {
		const char *text = json_object_to_json_string(value);

		leaf_add(arena, ret, arena_printf(arena, "%s (no text)", place), text, strlen(text));
	}
}

const char *leaves_of_json(const char *text, size_t len, const char *place, struct arena *arena, struct leaves *ret)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *root;
	const char *wrong = NULL;

	/* Not by its strict mode: that of 0.18 takes every byte beyond ASCII for a control character. */
	for (size_t i = 0; i < len && !wrong; i++)
		if ((unsigned char)text[i] < ' ')
			wrong = "no JSON: a control character";
	root = json_tokener_parse_ex(tokener, text, (int)len + 1); /* its NUL ends a number */
	if (!wrong && (json_tokener_get_error(tokener) != json_tokener_success || json_tokener_get_parse_end(tokener) != len))
		wrong = arena_printf(arena, "no JSON: %s", json_tokener_error_desc(json_tokener_get_error(tokener)));
	if (!wrong)
		walk(root, place, arena, ret);
	json_object_put(root);
	json_tokener_free(tokener);
	return wrong;
}
