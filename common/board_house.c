/* Policies as ladders, and the health of what carries them out: providers, trail, daemon. */
#include "common/board.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/report_words.h"
#include "common/utc.h"

static const char *member(const struct json *object, const char *key)
{
	struct json v = json_get(object, key);

	return json_str(&v);
}

static const char *count(const struct board *b, const struct json *object, const char *key)
{
	struct json v = json_get(object, key);

	return arena_printf(b->arena, "%" PRId64, json_int(&v));
}

static bool flag(const struct json *object, const char *key)
{
	struct json v = json_get(object, key);

	return json_bool(&v);
}

static int64_t instant(const struct json *object, const char *key)
{
	const char *text = member(object, key);
	int64_t at = 0;

	return text && utc_parse(text, &at) == 0 ? at : 0;
}

/* --- policies ---------------------------------------------------------------------------------------------------------------------- */

/* "échéance +5 j" */
static const char *when(const struct board *b, const struct policy *policy, const struct step *step)
{
	const struct step_at *at = &step->at;
	const char *anchor = at->anchor == ANCHOR_STEP ? policy->steps[at->step].id : at->anchor == ANCHOR_DUE ? board_say(b, W_AT_DUE) :
		at->anchor == ANCHOR_ISSUED ? board_say(b, W_ISSUED) : policy_step_at(b->arena, policy, step);

	if (!at->days || at->anchor == ANCHOR_EOM)
		return anchor;
	if (at->business)
		return policy_step_at(b->arena, policy, step);
	return arena_printf(b->arena, "%s %s%s", anchor, at->days < 0 ? "−" : "+",
		board_says(b, W_AT_DAYS, arena_printf(b->arena, "%d", at->days < 0 ? -at->days : at->days), NULL));
}

static void put_chip(struct board *b, const char *class, const char *text)
{
	board_html(b, " <span class=\"chip %s\">%s</span>", class, text, NULL);
}

static void put_rung(struct board *b, const struct policy *policy, const struct step *step)
{
	static const char *const classes[] = { [STEP_MESSAGE] = "", [STEP_CALL] = "", [STEP_GATE] = " gate", [STEP_ACTION] = " gate" };
	bool speaks = step->kind == STEP_MESSAGE || step->kind == STEP_CALL;

	buf_printf(b->out, "<li class=\"tone%d%s\">", speaks ? (int)step->tone : TONE_COUNT, classes[step->kind]);
	board_html(b, "<p class=\"soft\">%s</p><p><strong>%s</strong>", when(b, policy, step), word_step(b->language, step->id), NULL);
	if (speaks) {
		put_chip(b, "", word_channel(b->language, channel_names[step->kind == STEP_CALL ? CHANNEL_CALL : step->channel]));
		put_chip(b, "tone", board_say(b, (enum board_word)(W_TONE_0 + (int)step->tone)));
	} else {
		put_chip(b, "wait", board_say(b, step->kind == STEP_GATE ? W_GATE : W_ACTION));
	}
	if (step->fees)
		put_chip(b, "", board_say(b, W_FEES));
	if (step->delivery != LETTER_SIMPLE)
		put_chip(b, "", board_say(b, W_REGISTERED));
	if (step->announces.on && step->announces.named)
		put_chip(b, "wait", board_say(b, W_ANNOUNCES));
	buf_add_str(b->out, "</p></li>");
}

static void put_policy(struct board *b, const struct policy *policy, bool fallback)
{
	board_html(b, "<section class=\"card\"><h2>%s</h2><p class=\"soft\">%s · %s", policy->title && *policy->title ? policy->title : policy->name,
		policy->name,
		arena_printf(b->arena, "%.12s", policy->digest), NULL);
	if (policy->min_gap_ms && policy->step_count)
		board_html(b, " · %s", board_says(b, W_MIN_GAP, arena_printf(b->arena, "%" PRId64, policy->min_gap_ms / HOUR_MS), NULL), NULL);
	if (fallback)
		put_chip(b, "good", board_say(b, W_BY_DEFAULT));
	buf_add_str(b->out, "</p>");
	if (!policy->step_count)
		board_html(b, "<p>%s</p></section>", board_say(b, W_NO_STEPS), NULL);
	if (!policy->step_count)
		return;
	buf_add_str(b->out, "<ol class=\"ladder\">");
	for (size_t i = 0; i < policy->step_count; i++)
		put_rung(b, policy, &policy->steps[i]);
	buf_add_str(b->out, "</ol></section>");
}

static bool used(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->policy_rule_count; i++)
		if (strcmp(config->policy_rules[i].policy, name) == 0)
			return true;
	return strcmp(config->policy_default, name) == 0;
}

static size_t put_policies(struct board *b, const struct library *library, const struct config *config, bool wanted)
{
	size_t n = 0;

	buf_add_str(b->out, "<div class=\"policies\">");
	for (size_t i = 0; i < library->policy_count; i++)
		if (used(config, library->policies[i]->name) == wanted) {
			put_policy(b, library->policies[i], strcmp(config->policy_default, library->policies[i]->name) == 0);
			n++;
		}
	buf_add_str(b->out, "</div>");
	return n;
}

/* Those that an invoice may come to by itself; the others, which an event can name, are folded away. */
void board_policies(struct board *b, const struct library *library, const struct config *config)
{
	size_t others = library->policy_count;

	board_begin(b, board_say(b, W_POLICIES));
	board_html(b, "<h1>%s</h1><p class=\"soft\">%s</p>", board_say(b, W_POLICIES), board_say(b, W_POLICIES_LEAD), NULL);
	others -= put_policies(b, library, config, true);
	if (others) {
		board_html(b, "<details><summary>%s</summary>", board_says(b, W_OTHER_POLICIES, arena_printf(b->arena, "%zu", others), NULL), NULL);
		(void)put_policies(b, library, config, false);
		buf_add_str(b->out, "</details>");
	}
	if (library->unfit_count)
		board_html(b, "<h2>%s</h2><ul class=\"lines card\">", board_say(b, W_LEFT_OUT), NULL);
	for (size_t i = 0; i < library->unfit_count; i++)
		board_html(b, "<li><span><strong>%s</strong> <span class=\"soft\">%s</span></span></li>", library->unfit[i].name, library->unfit[i].why, NULL);
	if (library->unfit_count)
		buf_add_str(b->out, "</ul>");
	board_end(b);
}

/* --- what is wrong ----------------------------------------------------------------------------------------------------------------- */

static int wrong(struct board *b, struct buf *items, const char *text)
{
	struct buf *out = b->out;

	b->out = items;
	board_html(b, "<li>%s</li>", text, NULL);
	b->out = out;
	return 1;
}

static int wrong_partitions(struct board *b, const struct json *status, struct buf *items)
{
	struct json partitions = json_get(status, "partitions");
	const char *held = NULL;
	bool stale = false;
	int wrongs = 0;

	for (size_t i = 0; i < json_len(&partitions) && wrongs < 10; i++) {
		struct json p = json_at(&partitions, i);
		const char *state = member(&p, "state"), *number = count(b, &p, "partition");

		if (!held)
			held = member(&p, "holding");
		stale |= flag(&p, "feed_stale");
		if (!flag(&p, "redis_connected"))
			wrongs += wrong(b, items, board_says(b, W_BAD_REDIS, number, NULL));
		else if (state && strcmp(state, "refused") == 0)
			wrongs += wrong(b, items, board_says(b, W_BAD_REFUSED, number,
				b->language == REPORT_EN && member(&p, "reason") ? member(&p, "reason") : board_say(b, W_SEE_STATUS))); /* it is English */
		else if (state && strcmp(state, "passive") == 0 && !member(&p, "owner"))
			wrongs += wrong(b, items, board_says(b, W_BAD_NOT_LED, number, NULL));
		else if (state && strcmp(state, "running") != 0 && strcmp(state, "passive") != 0)
			wrongs += wrong(b, items, board_says(b, W_BAD_STATE, number, board_word(b, state)));
	}
	if (held)
		wrongs += wrong(b, items, board_says(b, W_BAD_HOLDING, board_word(b, held), NULL));
	if (stale)
		wrongs += wrong(b, items, board_say(b, W_BAD_FEED));
	return wrongs;
}

int board_wrongs(struct board *b, const struct json *status, struct buf *items)
{
	struct json trail = json_get(status, "trail"), providers = json_get(status, "providers"), anchors = json_get(status, "anchors"),
		dead = json_get(status, "dead_letters");
	int wrongs = wrong_partitions(b, status, items);

	if (json_int(&dead))
		wrongs += wrong(b, items, board_says(b, W_BAD_DEAD, count(b, status, "dead_letters"), NULL));
	if (member(status, "clock_doubt"))
		wrongs += wrong(b, items, board_says(b, W_BAD_CLOCK, board_word(b, member(status, "clock_doubt")), NULL));
	if (flag(&trail, "no_space"))
		wrongs += wrong(b, items, board_say(b, W_BAD_SPACE));
	for (size_t i = 0; i < json_len(&providers); i++) {
		struct json p = json_at(&providers, i);
		const char *state = member(&p, "state"); /* "paused": it asked for that */

		if (state && (strcmp(state, "down") == 0 || strcmp(state, "stopped") == 0))
			wrongs += wrong(b, items, board_says(b, strcmp(state, "down") == 0 ? W_BAD_PROVIDER : W_BAD_ACCOUNT, member(&p, "name"), NULL));
	}
	if (flag(&anchors, "set_back"))
		wrongs += wrong(b, items, board_say(b, W_BAD_ANCHORS));
	else if (flag(&anchors, "alarm")) /* it holds nothing */
		wrongs += wrong(b, items, board_say(b, W_BAD_ANCHOR_LATE));
	return wrongs;
}

/* --- health ------------------------------------------------------------------------------------------------------------------------- */

static void put_field(struct board *b, enum board_word name, const char *value)
{
	if (value && *value)
		board_html(b, "<div><dt>%s</dt><dd>%s</dd></div>", board_say(b, name), value, NULL);
}

static void put_providers(struct board *b, const struct json *status)
{
	struct json providers = json_get(status, "providers");

	board_html(b, "<section><h2>%s</h2>", board_say(b, W_PROVIDERS), NULL);
	if (!json_len(&providers))
		board_html(b, "<p class=\"card soft\">%s</p></section>", board_say(b, W_NO_PROVIDER), NULL);
	if (!json_len(&providers))
		return;
	board_html(b, "<table class=\"rows\"><thead><tr><th scope=\"col\">%s</th><th scope=\"col\">%s</th><th scope=\"col\" class=\"n\">%s</th>"
		"<th scope=\"col\" class=\"n\">%s</th><th scope=\"col\" class=\"n\">%s</th><th scope=\"col\" class=\"n\">%s</th><th scope=\"col\">%s</th></tr>"
		"</thead><tbody>",
		board_say(b, W_PROVIDER), board_say(b, W_STATE), board_say(b, W_REQUESTS), board_say(b, W_ACCEPTED), board_say(b, W_IN_DOUBT),
		board_say(b, W_QUEUED),
		board_say(b, W_LAST_ERROR), NULL);
	for (size_t i = 0; i < json_len(&providers); i++) {
		struct json p = json_at(&providers, i), last = json_get(&p, "last_error");
		const char *state = member(&p, "state");
		bool down = state && strcmp(state, "down") == 0, well = state && strcmp(state, "asked") == 0;
		enum board_word word = down ? W_PROVIDER_DOWN : well ? W_PROVIDER_UP : state && strcmp(state, "paused") == 0 ? W_PROVIDER_PAUSED :
			W_PROVIDER_STOPPED;

		board_html(b, "<tr><th scope=\"row\">%s</th><td data-as=\"%s\"><span class=\"chip %s\">%s</span></td><td class=\"n\" data-as=\"%s\">%s</td>"
			"<td class=\"n\" data-as=\"%s\">%s</td>",
			member(&p, "name"), board_say(b, W_STATE), down ? "bad" : well ? "good" : "wait", board_say(b, word), board_say(b, W_REQUESTS), count(b, &p,
			"requests"),
			board_say(b, W_ACCEPTED), count(b, &p, "accepted"), NULL);
		board_html(b, "<td class=\"n\" data-as=\"%s\">%s</td><td class=\"n\" data-as=\"%s\">%s</td><td class=\"soft\" data-as=\"%s\">%s %s</td></tr>",
			board_say(b, W_IN_DOUBT),
			count(b, &p, "in_doubt"), board_say(b, W_QUEUED), count(b, &p, "queued"), board_say(b, W_LAST_ERROR), board_at(b, instant(&last, "at")),
			member(&last, "reason") ? board_word(b, member(&last, "reason")) : "–", NULL);
	}
	buf_add_str(b->out, "</tbody></table></section>");
}

static void put_anchors(struct board *b, const struct json *status)
{
	struct json anchors = json_get(status, "anchors"), each = json_get(&anchors, "each");

	board_html(b, "<section class=\"card\"><h2>%s</h2>", board_say(b, W_TRAIL_ANCHORS), NULL);
	if (!json_len(&each))
		board_html(b, "<p class=\"soft\">%s</p></section>", board_say(b, W_NO_ANCHORS), NULL);
	if (!json_len(&each))
		return;
	buf_add_str(b->out, "<ul class=\"lines\">");
	for (size_t i = 0; i < json_len(&each); i++) {
		struct json one = json_at(&each, i);

		board_html(b, "<li><span><strong>%s</strong> <span class=\"soft\">%s</span> <span class=\"chip %s\">%s</span></span>"
			"<span class=\"soft end\">%s</span></li>",
			member(&one, "name"), board_word(b, member(&one, "kind")), flag(&one, "alarm") ? "bad" : "good", board_word(b, member(&one, "state")),
			member(&one, "failed") ? board_word(b, member(&one, "failed")) : count(b, &one, "size"), NULL);
	}
	buf_add_str(b->out, "</ul></section>");
}

static void put_trail(struct board *b, const struct json *status)
{
	struct json trail = json_get(status, "trail");
	bool sealed = flag(&trail, "signed");

	board_html(b, "<section class=\"card\"><h2>%s</h2><p><span class=\"chip %s\">%s</span></p><dl>", board_say(b, W_TRAIL), sealed ? "good" : "wait",
		board_say(b, sealed ? W_TRAIL_SIGNED : W_TRAIL_UNSIGNED), NULL);
	put_field(b, W_TRAIL_LOG, sealed ? arena_printf(b->arena, "%s/%s", member(&trail, "origin"), count(b, &trail, "year")) : member(&trail, "origin"));
	if (sealed) {
		put_field(b, W_TRAIL_RECORDS, count(b, &trail, "records"));
		put_field(b, W_TRAIL_SIZE, count(b, &trail, "size"));
		put_field(b, W_TRAIL_BEHIND, count(b, &trail, "behind"));
		put_field(b, W_TRAIL_ROOT, member(&trail, "root"));
	}
	buf_add_str(b->out, "</dl>");
	if (!sealed && trail.type == JSON_OBJECT)
		board_html(b, "<p class=\"soft\">%s</p>", board_say(b, W_TRAIL_KEY_NEW), NULL);
	buf_add_str(b->out, "</section>");
}

static void put_daemon(struct board *b, const struct json *status)
{
	struct json partitions = json_get(status, "partitions");
	bool shadow = member(status, "mode") && strcmp(member(status, "mode"), "shadow") == 0;

	board_html(b, "<section class=\"card\"><h2>%s</h2><dl>", board_say(b, W_DAEMON), NULL);
	put_field(b, W_VERSION, member(status, "version"));
	put_field(b, W_STARTED, board_at(b, instant(status, "started_at")));
	put_field(b, W_MODE, board_say(b, shadow ? W_MODE_SHADOW : W_MODE_LIVE));
	buf_add_str(b->out, "</dl>");
	board_html(b, "<h3>%s</h3><ul class=\"lines\">", board_say(b, W_PARTITIONS), NULL);
	for (size_t i = 0; i < json_len(&partitions); i++) {
		struct json p = json_at(&partitions, i);
		const char *state = member(&p, "state"), *holding = member(&p, "holding");
		bool well = state && strcmp(state, "running") == 0 && !holding;

		board_html(b, "<li><span><strong>%s</strong> <span class=\"chip %s\">%s</span></span><span class=\"soft end\">%s</span></li>", count(b, &p,
			"partition"),
			well ? "good" : "wait", well ? board_say(b, W_SENDS) : holding ? board_word(b, holding) : board_word(b, state && strcmp(state,
			"refused") == 0 ? "refused_state" : state),
			board_at(b, instant(&p, "next_due")), NULL);
	}
	buf_add_str(b->out, "</ul></section>");
}

void board_health(struct board *b, const struct json *status)
{
	CLEANUP(buf_clear) struct buf items = { 0 };
	int wrongs = board_wrongs(b, status, &items);

	board_begin(b, board_say(b, W_HEALTH));
	board_html(b, "<h1>%s</h1>", board_say(b, W_HEALTH), NULL);
	if (wrongs)
		buf_printf(b->out, "<section class=\"state wait\"><ul>%s</ul></section>", buf_str(&items));
	else
		board_html(b, "<section class=\"state good\"><p><strong>%s</strong> %s</p></section>", board_say(b, W_WELL), board_say(b, W_WELL_TEXT), NULL);
	put_providers(b, status);
	buf_add_str(b->out, "<div class=\"cards\"><div>");
	put_trail(b, status);
	buf_add_str(b->out, "</div><div>");
	put_anchors(b, status);
	put_daemon(b, status);
	buf_add_str(b->out, "</div></div>");
	board_end(b);
}
