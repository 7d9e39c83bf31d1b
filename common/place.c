#include "common/place.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

/* "ab1 2" begins with the prefix "AB", and not with "A": letters end where figures begin. Spaces and hyphens do not count. */
static bool begins(const char *postcode, const char *prefix)
{
	for (; *prefix; postcode++) {
		if (*postcode == ' ' || *postcode == '-')
			continue;
		if (toupper((unsigned char)*postcode) != *prefix)
			return false;
		prefix++;
	}
	return !isalpha((unsigned char)prefix[-1]) || !isalpha((unsigned char)*postcode);
}

/* The longest prefix that fits; 0: none does. */
static size_t postcode_fits(const char *postcode, const char *const *prefixes)
{
	size_t longest = 0;

	for (; *prefixes; prefixes++)
		if (strlen(*prefixes) > longest && begins(postcode, *prefixes))
			longest = strlen(*prefixes);
	return longest;
}

static bool of_a_kind(const char *a, const char *b)
{
	for (; *a && *b; a++, b++) {
		bool figures = isdigit((unsigned char)*a) && isdigit((unsigned char)*b);

		if (!figures && (!isupper((unsigned char)*a) || !isupper((unsigned char)*b)))
			return false;
	}
	return !*a && !*b;
}

/* "DE-BY" is BY; without a country in front it is as it is. */
static const char *bare(const struct place *place)
{
	size_t len = place->country ? strlen(place->country) : 0;

	return len && strncmp(place->region, place->country, len) == 0 && place->region[len] == '-' ? place->region + len + 1 : place->region;
}

static bool named(const char *region, const struct area *area)
{
	for (const char *const *name = area->names; name && *name; name++)
		if (strcasecmp(region, *name) == 0)
			return true;
	return strcasecmp(region, area->code) == 0;
}

enum place_fit place_fit(const struct place *place, const struct area *area)
{
	const char *region = place->region && *place->region ? bare(place) : NULL;

	if (place->postcode && *place->postcode && area->postcodes)
		return postcode_fits(place->postcode, area->postcodes) ? PLACE_THERE : PLACE_ELSEWHERE;
	if (!region)
		return PLACE_PERHAPS;
	if (named(region, area))
		return PLACE_THERE;
	if (area->within)
		return strcasecmp(region, area->within) != 0 && of_a_kind(region, area->within) ? PLACE_ELSEWHERE : PLACE_PERHAPS;
	return of_a_kind(region, area->code) ? PLACE_ELSEWHERE : PLACE_PERHAPS;
}

static int read_list(struct arena *arena, const struct json *row, const char *key, const char *const **ret, struct err *err)
{
	struct json list = { 0 };
	const char **words;
	int r = json_opt_array(row, key, &list, err);

	if (r < 0 || list.type == JSON_NONE)
		return r;
	words = arena_alloc(arena, (json_len(&list) + 1) * sizeof(*words));
	for (size_t i = 0; i < json_len(&list); i++) {
		struct json item = json_at(&list, i);

		if (item.type != JSON_STRING || !*json_str(&item))
			return json_refuse(&item, NULL, err, "wrong_type", "must be a text such as \"67\"");
		words[i] = json_str(&item);
	}
	*ret = words;
	return 0;
}

int area_read(struct arena *arena, const struct json *row, struct area *ret, struct err *err)
{
	int r = read_list(arena, row, "names", &ret->names, err);

	if (r < 0 || (r = read_list(arena, row, "postcodes", &ret->postcodes, err)) < 0)
		return r;
	return json_opt_str(row, "within", 8, &ret->within, err);
}
