#include "common/notice.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/hash.h"
#include "common/locale.h"
#include "common/notice_internal.h"
#include "common/template.h"

const char *const notice_part_suffixes[NOTICE_PART_COUNT + 1] = { "subject", "txt", "html", "sms", "letter", "voice", NULL };

#define SUBJECT_MAX 900 /* bytes: a header line may have 998 (RFC 5322) */
#define SMS_MAX 459 /* characters: three segments of GSM 7-bit */
#define SMS_NAME_MAX 40
#define VOICE_MAX 1200 /* characters: a minute and a half, and few stay so long */
#define NAME_MAX_LEN 64
#define HEX_SIZE (2 * SHA256_SIZE + 1)

static const enum template_escape escapes[NOTICE_PART_COUNT] = {
	[NOTICE_SUBJECT] = ESCAPE_HEADER,
	[NOTICE_TEXT] = ESCAPE_TEXT,
	[NOTICE_HTML] = ESCAPE_HTML,
	[NOTICE_SMS] = ESCAPE_SMS,
	[NOTICE_LETTER] = ESCAPE_TEXT,
	[NOTICE_VOICE] = ESCAPE_TEXT,
};

/* What a channel is made of. A call's text is the script for the person who calls. */
static const struct {
	unsigned needs, may; /* bits of parts */
} channel_parts[CHANNEL_COUNT] = {
	[CHANNEL_EMAIL] = { 1u << NOTICE_SUBJECT | 1u << NOTICE_TEXT, 1u << NOTICE_HTML },
	[CHANNEL_SMS] = { 1u << NOTICE_SMS, 0 },
	[CHANNEL_CALL] = { 1u << NOTICE_TEXT, 0 },
	[CHANNEL_LETTER] = { 1u << NOTICE_SUBJECT | 1u << NOTICE_LETTER, 0 },
	[CHANNEL_VOICE] = { 1u << NOTICE_VOICE, 0 },
};

struct entry {
	char *locale, *name;
	enum notice_part part;
	char *text; /* of the file, until it is compiled */
	size_t len;
	struct template *template; /* NULL until then */
	uint8_t digest[SHA256_SIZE]; /* of the file; with the template */
	char *origin; /* its path; NULL = not noted */
};

struct notice_set {
	struct entry *entries; /* by locale, name, part */
	size_t count, capacity;
};

/* --- the set ------------------------------------------------------------------------------------------------------ */

struct notice_set *notice_set_create(void)
{
	return xcalloc(1, sizeof(struct notice_set));
}

static void entry_clear(struct entry *entry)
{
	free(entry->locale);
	free(entry->name);
	free(entry->origin);
	free(entry->text);
	template_free(entry->template);
}

void notice_set_free(struct notice_set *set)
{
	if (!set)
		return;
	for (size_t i = 0; i < set->count; i++)
		entry_clear(&set->entries[i]);
	free(set->entries);
	free(set);
}

static int entry_compare(const struct entry *e, const char *locale, const char *name, enum notice_part part)
{
	int order = strcmp(e->locale, locale);

	if (!order)
		order = strcmp(e->name, name);
	return order ? order : (int)e->part - (int)part;
}

/* The index of an entry, or of the first one behind its place. */
static size_t place_of(const struct notice_set *set, const char *locale, const char *name, enum notice_part part)
{
	size_t low = 0, high = set->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (entry_compare(&set->entries[middle], locale, name, part) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static const struct entry *find(const struct notice_set *set, const char *locale, const char *name, enum notice_part part)
{
	size_t i = place_of(set, locale, name, part);

	return i < set->count && !entry_compare(&set->entries[i], locale, name, part) ? &set->entries[i] : NULL;
}

static bool name_ok(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len <= NAME_MAX_LEN && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == len;
}

unsigned notice_channel_parts(enum channel channel)
{
	return channel_parts[channel].needs | channel_parts[channel].may;
}

void notice_set_from(struct notice_set *set, const char *locale, const char *name, enum notice_part part, const char *path)
{
	size_t i = place_of(set, locale, name, part);

	if (i == set->count || entry_compare(&set->entries[i], locale, name, part))
		return;
	free(set->entries[i].origin);
	set->entries[i].origin = xstrdup(path);
}

const char *notice_set_origin(const struct notice_set *set, const char *locale, const char *name, enum notice_part part)
{
	const struct entry *entry = find(set, locale, name, part);

	return entry ? entry->origin : NULL;
}

static int check_place(const char *locale, const char *name, struct err *err)
{
	if (!locale_valid(locale))
		return err_set(err, -EBADMSG, "bad_template", "", "folder \"%s\" must be a language such as \"fr\" or \"en-GB\"",
			locale);
	if (!name_ok(name))
		return err_set(err, -EBADMSG, "bad_template", "",
			"template \"%s\" must be named by a-z, 0-9, '-' and '_', at most %d characters", name, NAME_MAX_LEN);
	return 0;
}

/* One with nothing in it; the one that was there is gone. */
static struct entry *put(struct notice_set *set, const char *locale, const char *name, enum notice_part part)
{
	size_t at = place_of(set, locale, name, part);

	if (at == set->count || entry_compare(&set->entries[at], locale, name, part)) {
		xgrow(&set->entries, &set->capacity, set->count + 1, sizeof(*set->entries));
		memmove(&set->entries[at + 1], &set->entries[at], (set->count - at) * sizeof(*set->entries));
		set->count++;
	} else {
		entry_clear(&set->entries[at]);
	}
	set->entries[at] = (struct entry){ .locale = xstrdup(locale), .name = xstrdup(name), .part = part };
	return &set->entries[at];
}

int notice_set_add(struct notice_set *set, const char *locale, const char *name, enum notice_part part, const char *text,
	size_t len, struct err *err)
{
	struct template *template = NULL;
	struct entry *entry;
	int r = check_place(locale, name, err);

	if (r < 0 || (r = template_parse(text, len, &template, err)) < 0)
		return r;
	entry = put(set, locale, name, part);
	entry->template = template;
	sha256(text, len, entry->digest);
	return 0;
}

int notice_set_hold(struct notice_set *set, const char *locale, const char *name, enum notice_part part, const char *text,
	size_t len, struct err *err)
{
	struct entry *entry;
	int r = check_place(locale, name, err);

	if (r < 0)
		return r;
	entry = put(set, locale, name, part);
	entry->text = xmalloc(len + 1);
	memcpy(entry->text, text, len);
	entry->len = len;
	return 0;
}

/* An entry never changes for those who ask. */
static int compiled(const struct entry *entry, const struct template **ret, struct err *err)
{
	struct entry *own = (struct entry *)(uintptr_t)entry;
	int r;

	if (!own->template) {
		if ((r = template_parse(own->text, own->len, &own->template, err)) < 0)
			return r;
		sha256(own->text, own->len, own->digest);
		free(own->text);
		own->text = NULL;
	}
	*ret = own->template;
	return 0;
}

static void drop_one(struct notice_set *set, const char *locale, const char *name, enum notice_part part)
{
	size_t at = place_of(set, locale, name, part);

	if (at == set->count || entry_compare(&set->entries[at], locale, name, part))
		return;
	entry_clear(&set->entries[at]);
	set->count--;
	memmove(&set->entries[at], &set->entries[at + 1], (set->count - at) * sizeof(*set->entries));
}

void notice_set_drop(struct notice_set *set, const char *locale, const char *name, enum notice_part part)
{
	drop_one(set, locale, name, part);
	if (part == NOTICE_TEXT)
		drop_one(set, locale, name, NOTICE_HTML);
	if (part == NOTICE_HTML)
		drop_one(set, locale, name, NOTICE_TEXT);
}

/* --- choosing ----------------------------------------------------------------------------------------------------- */

/*
 * The templates that make one message: all from one folder, so that no message speaks two languages. Its partials may come from a
 * more special folder of the same language: "en-US" has its own closing words, and most of its messages are those of "en".
 */
struct choice {
	const char *locale;
	const struct entry *parts[NOTICE_PART_COUNT];
	char chain[4][24]; /* folders for its partials, the reader's first */
	size_t chain_count;
};

static bool choose_in(const struct notice_set *set, const char *locale, const char *name, enum channel channel,
	struct choice *ret)
{
	ret->locale = NULL;
	memset(ret->parts, 0, sizeof(ret->parts));
	for (size_t p = 0; p < NOTICE_PART_COUNT; p++) {
		unsigned bit = 1u << p;

		if ((channel_parts[channel].needs | channel_parts[channel].may) & bit)
			ret->parts[p] = find(set, locale, name, (enum notice_part)p);
		if ((channel_parts[channel].needs & bit) && !ret->parts[p])
			return false;
		if (ret->parts[p])
			ret->locale = ret->parts[p]->locale;
	}
	return ret->locale;
}

static bool choose(const struct notice_set *set, const char *tag, const char *name, enum channel channel, struct choice *ret)
{
	*ret = (struct choice){ 0 };
	ret->chain_count = tag ? locale_chain(tag, ret->chain) : 0;
	for (size_t i = 0; i < ret->chain_count; i++)
		if (choose_in(set, ret->chain[i], name, channel, ret))
			return true;
	return false;
}

static int refuse_none(const char *locale, const char *name, enum channel channel, struct err *err)
{
	char parts[64] = "";

	for (size_t p = 0; p < NOTICE_PART_COUNT; p++) {
		if (!(channel_parts[channel].needs & 1u << p))
			continue;
		strcat(parts, parts[0] ? " and ." : ".");
		strcat(parts, notice_part_suffixes[p]);
	}
	return err_set(err, -ENOENT, "no_template", "", "template \"%s\" must exist for %s in the folder \"%s\" as %s", name,
		channel_names[channel], locale, parts);
}

/* What a partial is looked up with. */
struct partial_env {
	const struct notice_set *set;
	const struct choice *choice;
	enum notice_part part;
};

static const struct entry *find_partial(const struct partial_env *env, const char *name)
{
	const enum notice_part parts[] = { env->part, NOTICE_TEXT };
	size_t count = env->part == NOTICE_LETTER || env->part == NOTICE_VOICE ? 2 : 1;

	for (size_t p = 0; p < count; p++)
		for (size_t i = 0; i < env->choice->chain_count; i++) {
			const struct entry *entry = find(env->set, env->choice->chain[i], name, parts[p]);

			if (entry)
				return entry;
		}
	return NULL;
}

static const struct template *partial(const char *name, void *arg)
{
	const struct entry *entry = find_partial(arg, name);
	const struct template *template;

	return entry && compiled(entry, &template, NULL) == 0 ? template : NULL;
}

/* Marks an entry and all partials it includes, whether or not a rendering would reach them. */
static void mark_used(const struct partial_env *env, const struct entry *entry, bool *used)
{
	const struct template *template;
	struct template_use use;

	if (!entry || used[entry - env->set->entries] || compiled(entry, &template, NULL) < 0)
		return;
	used[entry - env->set->entries] = true;
	for (size_t i = 0; template_next(template, &i, &use);)
		if (use.kind == TEMPLATE_PARTIAL)
			mark_used(env, find_partial(env, use.name), used);
}

/* The next one from `i` on, else how many there are: of hundreds of templates a message uses a few. */
static size_t next_used(const struct notice_set *set, const bool *used, size_t i)
{
	const bool *at = memchr(used + i, true, set->count - i);

	return at ? (size_t)(at - used) : set->count;
}

static void digest_used(const struct notice_set *set, const struct choice *choice, struct arena *arena, char ret[HEX_SIZE])
{
	CLEANUP(buf_clear) struct buf all = { 0 };
	bool *used = arena_alloc(arena, set->count + 1);
	uint8_t digest[SHA256_SIZE];

	for (size_t p = 0; p < NOTICE_PART_COUNT; p++)
		mark_used(&(struct partial_env){ set, choice, (enum notice_part)p }, choice->parts[p], used);
	for (size_t i = next_used(set, used, 0); i < set->count; i = next_used(set, used, i + 1))
		buf_add(&all, set->entries[i].digest, SHA256_SIZE);
	sha256(buf_str(&all), all.len, digest);
	hex_format(digest, sizeof(digest), ret);
}

/* --- what a formal notice must contain ---------------------------------------------------------------------------- */

/* The fields of which the templates of a message and their partials speak, each once. NULL-terminated, in the arena. */
static const char *const *fields_of(const struct notice_set *set, const struct choice *choice, struct arena *arena)
{
	bool *used = arena_alloc(arena, set->count + 1);
	const char **fields = NULL;
	size_t count = 0, capacity = 0;
	struct template_use use;

	for (size_t p = 0; p < NOTICE_PART_COUNT; p++)
		mark_used(&(struct partial_env){ set, choice, (enum notice_part)p }, choice->parts[p], used);
	for (size_t i = next_used(set, used, 0); i < set->count; i = next_used(set, used, i + 1))
		for (size_t at = 0; template_next(set->entries[i].template, &at, &use);) {
			const char *field = use.name + sizeof(NOTICE_HOLDS) - 1;
			bool known = use.kind != TEMPLATE_SECTION || strncmp(use.name, NOTICE_HOLDS, sizeof(NOTICE_HOLDS) - 1) != 0;

			for (size_t f = 0; f < count && !known; f++)
				known = strcmp(fields[f], field) == 0;
			if (known)
				continue;
			fields = arena_grow(arena, fields, count, &capacity, sizeof(*fields));
			fields[count++] = field;
		}
	fields = arena_grow(arena, fields, count, &capacity, sizeof(*fields));
	fields[count] = NULL;
	return fields;
}

/* --- rendering ---------------------------------------------------------------------------------------------------- */

static bool same_language(const char *a, const char *b)
{
	size_t len = strcspn(a, "-");

	return strcspn(b, "-") == len && !strncasecmp(a, b, len);
}

/* The reader's own region where the template speaks their language: a Canadian reads French with Canadian amounts. */
static const char *format_locale(const struct choice *choice, const struct notice_input *input)
{
	if (input->locale && same_language(input->locale, choice->locale) && locale_valid(input->locale))
		return input->locale;
	if (input->fallback_locale && same_language(input->fallback_locale, choice->locale))
		return input->fallback_locale;
	return choice->locale;
}

static size_t characters(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

/* Sections left out leave their empty lines behind: more than one in a row becomes one, none at the ends. */
static void tidy_lines(struct buf *text)
{
	size_t kept = 0, breaks = 2;

	for (size_t i = 0; i < text->len; i++) {
		breaks = text->data[i] == '\n' ? breaks + 1 : 0;
		if (breaks <= 2)
			text->data[kept++] = text->data[i];
	}
	while (kept > 0 && text->data[kept - 1] == '\n')
		kept--;
	text->len = kept;
	if (kept)
		buf_add_char(text, '\n');
}

static int refuse_part(const struct entry *entry, int r, struct err *err, const struct err *inner)
{
	return err_set(err, r, inner->code, "", "%s/%s.%s: %s", entry->locale, entry->name, notice_part_suffixes[entry->part],
		inner->text);
}

static int check_output(enum notice_part part, const struct buf *text, struct err *err)
{
	if (strspn(buf_str(text), " \t\n") == text->len)
		return err_set(err, -EBADMSG, "empty", "", "must not render to nothing");
	if (part == NOTICE_SUBJECT && text->len > SUBJECT_MAX)
		return err_set(err, -EBADMSG, "too_long", "", "must be at most %d bytes once rendered, and is %zu", SUBJECT_MAX,
			text->len);
	if ((part == NOTICE_SMS || part == NOTICE_VOICE) && characters(text->data) > (part == NOTICE_SMS ? SMS_MAX : VOICE_MAX))
		return err_set(err, -EBADMSG, "too_long", "", "must be at most %d characters once rendered, and is %zu",
			part == NOTICE_SMS ? SMS_MAX : VOICE_MAX, characters(text->data));
	return 0;
}

static int render_part(const struct partial_env *env, const struct json *model, struct arena *arena, const char **ret,
	struct err *err)
{
	const struct entry *entry = env->choice->parts[env->part];
	const struct template *template;
	struct buf text = { .arena = arena };
	struct err inner = { 0 };
	int r = compiled(entry, &template, &inner);

	if (r == 0)
		r = template_render(template, model, escapes[env->part], partial, (void *)env, true, &text, &inner);
	if (r == 0 && (env->part == NOTICE_TEXT || env->part == NOTICE_LETTER || env->part == NOTICE_VOICE))
		tidy_lines(&text);
	if (r == 0)
		r = check_output(env->part, &text, &inner);
	if (r < 0)
		return refuse_part(entry, r, err, &inner);
	*ret = buf_str(&text);
	return 0;
}

static int render_choice(const struct notice_set *set, const struct choice *choice, enum channel channel,
	const struct notice_input *input, struct arena *arena, struct notice *ret, struct err *err)
{
	const char *texts[NOTICE_PART_COUNT] = { 0 };
	struct json model;
	int r = notice_model(input, format_locale(choice, input), channel == CHANNEL_SMS ? SMS_NAME_MAX : 0, fields_of(set, choice, arena), arena,
		&model, err);

	if (r < 0)
		return r;
	for (size_t p = 0; p < NOTICE_PART_COUNT; p++) {
		struct partial_env env = { set, choice, (enum notice_part)p };

		if (choice->parts[p] && (r = render_part(&env, &model, arena, &texts[p], err)) < 0)
			return r;
	}
	*ret = (struct notice){ .locale = arena_strdup(arena, choice->locale), .format = arena_strdup(arena, format_locale(choice, input)),
		.subject = texts[NOTICE_SUBJECT],
		.text = texts[NOTICE_TEXT] ? texts[NOTICE_TEXT] : texts[NOTICE_SMS] ? texts[NOTICE_SMS] :
			texts[NOTICE_LETTER] ? texts[NOTICE_LETTER] : texts[NOTICE_VOICE],
		.html = texts[NOTICE_HTML] };
	digest_used(set, choice, arena, ret->digest);
	return 0;
}

int notice_render(const struct notice_set *set, const char *name, enum channel channel, const struct notice_input *input,
	struct arena *arena, struct notice *ret, struct err *err)
{
	struct choice choice;

	if (!choose(set, input->locale, name, channel, &choice) &&
		!choose(set, input->fallback_locale, name, channel, &choice))
		return refuse_none(input->fallback_locale ? input->fallback_locale : "?", name, channel, err);
	return render_choice(set, &choice, channel, input, arena, ret, err);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/*
 * What a field's passages leave in the message shows when they are left out. A part that cannot stand without them (it would be empty) was
 * made of them.
 */
static int held_fields(const struct notice_set *set, const struct choice *choice, enum channel channel, const struct notice_input *input,
	struct arena *arena, const char *const **ret, struct err *err)
{
	const char *const *fields = fields_of(set, choice, arena);
	struct notice_input less = *input;
	struct notice whole, rest;
	const char **held;
	size_t n = 0, count = 0;
	int r = render_choice(set, choice, channel, input, arena, &whole, err);

	while (fields[count])
		count++;
	held = arena_alloc(arena, (count + 1) * sizeof(*held));
	for (size_t i = 0; r == 0 && i < count; i++) {
		struct err inner = { 0 };

		less.without = fields[i];
		if (render_choice(set, choice, channel, &less, arena, &rest, &inner) < 0 || !same_text(whole.subject, rest.subject) ||
			!same_text(whole.text, rest.text))
			held[n++] = fields[i];
	}
	*ret = held;
	return r;
}

int notice_fields(const struct notice_set *set, const char *name, enum channel channel, const struct notice_input *input, struct arena *arena,
	const char *const **ret, struct err *err)
{
	struct choice choice;

	if (!choose(set, input->locale, name, channel, &choice) && !choose(set, input->fallback_locale, name, channel, &choice))
		return refuse_none(input->fallback_locale ? input->fallback_locale : "?", name, channel, err);
	return held_fields(set, &choice, channel, input, arena, ret, err);
}

/* --- checking ----------------------------------------------------------------------------------------------------- */

/* Names in one template and its partials; those of partials count where they are included. `depth` ends a circle. */
static int check_names(const struct partial_env *env, const struct entry *entry, int depth, struct err *err)
{
	const struct template *template;
	struct template_use use;
	struct err inner = { 0 };

	if (compiled(entry, &template, &inner) < 0)
		return refuse_part(entry, -EBADMSG, err, &inner);
	for (size_t i = 0; template_next(template, &i, &use);) {
		const struct entry *included;
		int r;

		if (use.kind == TEMPLATE_SECTION_END)
			continue;
		if (use.kind != TEMPLATE_PARTIAL && !notice_model_has(use.name)) {
			(void)err_set(&inner, -EBADMSG, "unknown_variable", "", "line %u: \"%s\" must be one of the names in dunningd-policy(5)",
				use.line, use.name);
			return refuse_part(entry, -EBADMSG, err, &inner);
		}
		if (use.raw && env->part == NOTICE_HTML) {
			(void)err_set(&inner, -EBADMSG, "raw_value", "", "line %u: \"%s\" must be written with two braces: a debtor's "
				"data would become part of the HTML", use.line, use.name);
			return refuse_part(entry, -EBADMSG, err, &inner);
		}
		if (use.kind != TEMPLATE_PARTIAL)
			continue;
		included = find_partial(env, use.name);
		if (!included) {
			(void)err_set(&inner, -EBADMSG, "missing_partial", "", "line %u: partial \"%s\" must exist as %s.%s",
				use.line, use.name, use.name, notice_part_suffixes[env->part]);
			return refuse_part(entry, -EBADMSG, err, &inner);
		}
		if (depth == 0) {
			(void)err_set(&inner, -EBADMSG, "too_deep", "", "line %u: partial \"%s\" must not lead back to itself",
				use.line, use.name);
			return refuse_part(entry, -EBADMSG, err, &inner);
		}
		if ((r = check_names(env, included, depth - 1, err)) < 0)
			return r;
	}
	return 0;
}

/* Renders with everything there, and with nothing optional there, for one invoice and for several, before and after the due date. */
static int check_by_rendering(const struct notice_set *set, const struct choice *choice, enum channel channel, const struct regime *late,
	notice_look_fn look, void *arg, struct err *err)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();

	for (unsigned variant = 0; variant < NOTICE_SAMPLES; variant++) {
		struct notice_input input;
		struct notice notice;
		int r;

		notice_sample(variant, choice->locale, late, arena, &input);
		if ((r = render_choice(set, choice, channel, &input, arena, &notice, err)) < 0)
			return r;
		if (look)
			look(&notice, arg);
	}
	return 0;
}

int notice_set_find(const struct notice_set *set, const char *locale, const char *name, enum channel channel, struct err *err)
{
	struct choice choice;

	return choose(set, locale, name, channel, &choice) ? 0 : refuse_none(locale, name, channel, err);
}

int notice_set_check(const struct notice_set *set, const char *locale, const char *name, enum channel channel, const struct regime *late,
	struct err *err)
{
	return notice_set_look(set, locale, name, channel, late, NULL, NULL, err);
}

int notice_set_look(const struct notice_set *set, const char *locale, const char *name, enum channel channel, const struct regime *late,
	notice_look_fn look, void *arg, struct err *err)
{
	struct choice choice;
	int r;

	if (!choose(set, locale, name, channel, &choice))
		return refuse_none(locale, name, channel, err);
	for (size_t p = 0; p < NOTICE_PART_COUNT; p++) {
		struct partial_env env = { set, &choice, (enum notice_part)p };

		if (choice.parts[p] && (r = check_names(&env, choice.parts[p], 16, err)) < 0)
			return r;
	}
	return check_by_rendering(set, &choice, channel, late, look, arg, err);
}

int notice_set_fields(const struct notice_set *set, const char *locale, const char *name, enum channel channel, const struct regime *late,
	const struct creditor *creditor, bool deadline, struct arena *arena, const char *const **ret, struct err *err)
{
	struct notice_input input;
	struct choice choice;

	if (!choose(set, locale, name, channel, &choice))
		return refuse_none(locale, name, channel, err);
	notice_sample(NOTICE_RICH, choice.locale, late, arena, &input);
	if (creditor)
		input.creditor = creditor;
	if (!deadline)
		input.deadline = date_none();
	return held_fields(set, &choice, channel, &input, arena, ret, err);
}
