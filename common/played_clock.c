#include "common/played_clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/utc.h"

#define WALL_MAX INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */

/* --- what a person asks for ----------------------------------------------------------------------------------------- */

static bool parse_instant(const char *text, int64_t *ret)
{
	return utc_parse(text, ret) == 0 && *ret > 0;
}

static bool parse_rate(const char *text, int64_t *ret)
{
	int64_t rate = 0;

	if (!*text)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		rate = rate * 10 + (*text - '0');
		if (rate > PLAYED_CLOCK_RATE_MAX)
			return false;
	}
	*ret = rate;
	return true;
}

enum word { WORD_START, WORD_RATE, WORD_JUMP, WORD_UNTIL, WORD_COUNT };
static const struct {
	const char *name; /* with ':' when a value follows */
	bool (*parse)(const char *text, int64_t *ret);
	const char *like;
} words[WORD_COUNT] = {
	[WORD_START] = { "start:", parse_instant, "an instant such as 2026-03-02T09:00:00Z" },
	[WORD_RATE] = { "rate:", parse_rate, "a whole number from 0 to 1000000" },
	[WORD_JUMP] = { "jump", NULL, "nothing behind it" },
	[WORD_UNTIL] = { "until:", parse_instant, "an instant such as 2026-12-31T00:00:00Z" },
};

static int parse_word(const char *word, int64_t values[WORD_COUNT], bool seen[WORD_COUNT], struct err *err)
{
	for (size_t i = 0; i < WORD_COUNT; i++) {
		size_t len = strlen(words[i].name);

		if (strncmp(word, words[i].name, len))
			continue;
		if (seen[i])
			return err_set(err, -EINVAL, "duplicate_key", "", "\"%s\" is given twice", words[i].name);
		if (words[i].parse ? !words[i].parse(word + len, &values[i]) : word[len] != '\0')
			return err_set(err, -EINVAL, "out_of_range", "", "\"%s\" must have %s", word, words[i].like);
		seen[i] = true;
		return 0;
	}
	return err_set(err, -EINVAL, "not_one_of", "",
		"\"%s\" is none of start:INSTANT, rate:N, jump, until:INSTANT", word);
}

int played_spec_parse(const char *text, struct played_spec *ret, struct err *err)
{
	CLEANUP(freep) char *copy = xstrdup(text);
	int64_t values[WORD_COUNT] = { 0 };
	bool seen[WORD_COUNT] = { false };

	for (char *word = copy, *next; word; word = next) {
		int r;

		next = strchr(word, ',');
		if (next)
			*next++ = '\0';
		r = parse_word(word, values, seen, err);
		if (r < 0)
			return r;
	}
	if (seen[WORD_UNTIL] && !seen[WORD_JUMP])
		return err_set(err, -EINVAL, "missing", "", "\"until:\" bounds the jumps: it needs \"jump\"");
	*ret = (struct played_spec){ .start = values[WORD_START], .rate = seen[WORD_RATE] ? values[WORD_RATE] : -1,
		.jump = seen[WORD_JUMP], .until = values[WORD_UNTIL] };
	return 0;
}

struct played_clock played_clock_begin(const struct played_spec *spec, const struct played_clock *before, int64_t real)
{
	int64_t now = before ? played_clock_at(before, real) : spec->start ? spec->start : real;
	int64_t rate = spec->rate >= 0 ? spec->rate : before ? before->rate : 1;

	if (spec->start > now)
		now = spec->start;
	return (struct played_clock){ .base_wall = now, .base_real = real, .rate = rate, .jump = spec->jump,
		.until = spec->until };
}

/* --- what it shows --------------------------------------------------------------------------------------------------- */

int64_t played_clock_at(const struct played_clock *clock, int64_t real)
{
	int64_t wall;

	if (__builtin_sub_overflow(real, clock->base_real, &wall) || __builtin_mul_overflow(wall, clock->rate, &wall) ||
		__builtin_add_overflow(wall, clock->base_wall, &wall))
		return real >= clock->base_real ? WALL_MAX : 0;
	return wall < 0 ? 0 : wall > WALL_MAX ? WALL_MAX : wall;
}

int64_t played_clock_wait(const struct played_clock *clock, int64_t wall, int64_t real)
{
	int64_t now = played_clock_at(clock, real), left;

	if (wall <= now)
		return 0;
	if (!clock->rate || wall > WALL_MAX)
		return -1;
	left = wall - now;
	return left / clock->rate + (left % clock->rate != 0);
}

bool played_clock_jump(struct played_clock *clock, int64_t wall, int64_t real)
{
	if (clock->until && wall > clock->until)
		wall = clock->until;
	if (wall > WALL_MAX || wall <= played_clock_at(clock, real))
		return false;
	clock->base_wall = wall;
	clock->base_real = real;
	return true;
}

/* --- <state>/clock ----------------------------------------------------------------------------------------------------- */

void played_clock_write(const struct played_clock *clock, struct buf *buf)
{
	struct json_writer w = jw_init(buf);

	jw_object(&w, NULL);
	jw_int(&w, "base_wall", clock->base_wall);
	jw_int(&w, "base_real", clock->base_real);
	jw_int(&w, "rate", clock->rate);
	if (clock->jump)
		jw_bool(&w, "jump", true);
	jw_opt_int(&w, "until", clock->until);
	jw_end_object(&w);
	buf_add_char(buf, '\n');
}

int played_clock_read(const char *json, size_t len, struct played_clock *ret, struct err *err)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct played_clock clock = { 0 };
	struct json root;
	int r;

	r = json_parse(arena, json, len, 0, &root, err);
	if (r < 0)
		return r;
	if (root.type != JSON_OBJECT)
		return err_set(err, -EBADMSG, "wrong_type", "$", "a clock file must be a JSON object");
	r = json_get_int(&root, "base_wall", 0, WALL_MAX, &clock.base_wall, err);
	if (r == 0)
		r = json_get_int(&root, "base_real", 0, WALL_MAX, &clock.base_real, err);
	if (r == 0)
		r = json_get_int(&root, "rate", 0, PLAYED_CLOCK_RATE_MAX, &clock.rate, err);
	if (r == 0)
		r = json_opt_bool(&root, "jump", &clock.jump, err);
	if (r == 0)
		r = json_opt_int(&root, "until", 0, WALL_MAX, &clock.until, err);
	if (r == 0)
		*ret = clock;
	return r;
}
