/* The texts of a step: whether they are there and right in every language, whether they threaten, and whether anything can send them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/demand.h"
#include "common/lint_internal.h"
#include "common/locale.h"

/* --- each text once ----------------------------------------------------------------------------------------------------- */

struct text {
	const char *name, *locale;
	enum channel channel;
	const struct regime *late;
	bool read; /* else only looked for */
	int r; /* of notice_set_look(), or notice_set_find() */
	struct err err;
	const char *words, *folder; /* of the first threat in it, and where; NULL = none */
	struct text *next;
};

struct lint_texts {
	struct arena *arena;
	const struct notice_set *set;
	const char *const *locales;
	size_t locale_count;
	bool read;
	struct text *first;
};

struct lint_texts *lint_texts_create(const struct notice_set *set, const char *const *locales, size_t count)
{
	struct lint_texts *texts = xcalloc(1, sizeof(*texts));

	*texts = (struct lint_texts){ .arena = arena_create(), .set = set, .locales = locales, .locale_count = count, .read = true };
	return texts;
}

void lint_texts_read(struct lint_texts *texts, bool read)
{
	texts->read = read;
}

void lint_texts_free(struct lint_texts *texts)
{
	if (!texts)
		return;
	arena_free(texts->arena);
	free(texts);
}

struct reading {
	struct lint_texts *texts;
	struct text *text;
};

static void read_notice(const struct notice *notice, void *arg)
{
	const struct reading *reading = arg;
	struct text *text = reading->text;
	const char *const parts[] = { notice->subject, notice->text, notice->html };

	for (size_t i = 0; i < ARRAY_LEN(parts) && !text->words; i++) {
		text->words = parts[i] ? lint_threat(notice->locale, parts[i], i == 2, reading->texts->arena) : NULL;
		text->folder = text->words ? arena_strdup(reading->texts->arena, notice->locale) : NULL;
	}
}

/* With the law that it may state, NULL = none. */
static const struct text *look(struct lint_texts *texts, const char *locale, const char *name, enum channel channel, const struct regime *late)
{
	struct text *text = texts->first;

	while (text && (text->channel != channel || text->late != late || (texts->read && !text->read) || strcmp(text->name, name) != 0 ||
			       strcmp(text->locale, locale) != 0))
		text = text->next;
	if (text)
		return text;
	text = arena_alloc(texts->arena, sizeof(*text));
	*text = (struct text){ .name = arena_strdup(texts->arena, name), .locale = arena_strdup(texts->arena, locale), .channel = channel,
		.late = late, .read = texts->read, .next = texts->first };
	texts->first = text;
	text->r = text->read ? notice_set_look(texts->set, locale, name, channel, late, read_notice, &(struct reading){ texts, text }, &text->err) :
			       notice_set_find(texts->set, locale, name, channel, &text->err);
	return text;
}

/* --- one text of a step ------------------------------------------------------------------------------------------------- */

/* What a step, or the policy beside its steps, says on one channel. */
struct saying {
	size_t step; /* or LINT_POLICY */
	const char *name, *member; /* "penalties", "template"; or the whole path, "$.promise.thanks" */
	enum channel channel;
	const char *through; /* the member that chose the channel */
	const struct regime *late; /* that it may state */
	enum tone tone;
	const char *sender;
	bool attach;
	const char *const *countries; /* whom it is for; NULL = all */
};

static void tell_threat(struct lint *l, const struct saying *s, const struct text *text)
{
	lint_add(l, LINT_THREAT_EARLY, s->step, s->member, NULL, "\"%s\" says \"%s\" in %s, and its tone is %s", s->name, text->words,
		text->folder, tone_names[s->tone]);
}

/* In the creditor's language it must be there; in each other one it may be missing, but not be wrong. */
static void check_text(struct lint *l, const struct saying *s)
{
	struct lint_texts *texts = l->input->texts;
	bool early = s->tone < TONE_LEGAL, threatens = false, there = false;

	for (size_t k = 0; k <= texts->locale_count; k++) {
		const char *locale = k ? texts->locales[k - 1] : l->input->locale;
		const struct text *text = locale ? look(texts, locale, s->name, s->channel, s->late) : NULL;

		if (!text || (text->r == -ENOENT && k))
			continue;
		there = there || text->r != -ENOENT;
		if (text->r < 0) {
			lint_add(l, text->r == -ENOENT ? LINT_NO_TEMPLATE : LINT_BAD_TEMPLATE, s->step, s->member, text->err.code, "%s", text->err.text);
			return;
		}
		if (text->words && early && !threatens)
			tell_threat(l, s, text);
		threatens = threatens || text->words;
	}
	if (!there)
		lint_add(l, LINT_NO_TEMPLATE, s->step, s->member, NULL, "template \"%s\" is there for %s in no language", s->name, channel_names[s->channel]);
}

/* Whom a step names by country can read it. */
static void check_language(struct lint *l, const struct saying *s)
{
	const char *const *countries = s->countries;
	char locale[24];

	for (size_t c = 0; countries && countries[c]; c++) {
		if (locale_of_country(countries[c], locale) < 0 || look(l->input->texts, locale, s->name, s->channel, s->late)->r != -ENOENT)
			continue;
		lint_add(l, LINT_NO_LANGUAGE, s->step, "if.countries", NULL, "\"%s\" is not there in the language of %s (%s)", s->name, countries[c], locale);
		return;
	}
}

static void check_unread(struct lint *l, const struct saying *s)
{
	const struct lint_texts *texts = l->input->texts;

	for (size_t k = 0; k < l->report->count; k++)
		if (strcmp(l->report->findings[k].rule->id, "unread_language") == 0)
			return; /* once for a policy */
	for (size_t k = 0; k < texts->locale_count; k++)
		if (!lint_reads(texts->locales[k]) && look(l->input->texts, texts->locales[k], s->name, s->channel, s->late)->r == 0) {
			lint_add(l, LINT_UNREAD_LANGUAGE, s->step, s->member, NULL, "\"%s\" is there in %s", s->name, texts->locales[k]);
			return;
		}
}

/* --- whether it can be sent --------------------------------------------------------------------------------------------- */

static bool check_sending(struct lint *l, const struct saying *s)
{
	const struct lint_sending sending = { s->channel, s->sender, s->attach, s->attach && l->policy->steps[s->step].attach_invoice,
		s->channel == CHANNEL_LETTER && s->step != LINT_POLICY ? l->policy->steps[s->step].delivery : LETTER_SIMPLE };
	struct err err = { 0 };

	if (l->input->can_send(&sending, l->input->arg, &err) >= 0)
		return true;
	if (strcmp(err.code, "unknown_sender") == 0)
		lint_add(l, LINT_UNKNOWN_SENDER, s->step, s->step == LINT_POLICY ? s->member : "sender", err.code, "%s", err.text);
	else if (strcmp(err.code, "no_provider") == 0)
		lint_add(l, LINT_NO_PROVIDER, s->step, s->through, err.code, "%s", err.text);
	else if (strcmp(err.code, "no_postal") == 0 || strcmp(err.code, "no_delivery") == 0)
		lint_add(l, LINT_NO_LETTER, s->step, strcmp(err.code, "no_delivery") == 0 ? "delivery" : s->through, err.code, "%s", err.text);
	else if (strcmp(err.code, "no_documents") == 0 || strcmp(err.code, "no_attachments") == 0)
		lint_add(l, LINT_NO_ATTACHMENTS, s->step, "attach", err.code, "%s", err.text);
	else
		lint_add(l, LINT_BAD_SENDER, s->step, s->step == LINT_POLICY ? s->member : "sender", err.code, "%s", err.text);
	return false;
}

static void check_sayings(struct lint *l, const struct saying *sayings, size_t count)
{
	for (size_t k = 0; k < count; k++)
		if (l->input->can_send && !check_sending(l, &sayings[k]))
			break;
	for (size_t k = 0; l->input->texts && k < count; k++) {
		check_text(l, &sayings[k]);
		check_language(l, &sayings[k]);
		check_unread(l, &sayings[k]);
	}
}

/* --- what a formal notice must contain ----------------------------------------------------------------------------------- */

/* In the creditor's language and in each other one that it is written in: what no invoice could ever put there. True: something was found. */
static bool check_notice(struct lint *l, const struct saying *s, const struct demand_kind *kind)
{
	const struct step *step = &l->policy->steps[s->step];
	const struct lint_texts *texts = l->input->texts;

	for (size_t k = 0; k <= texts->locale_count; k++) {
		const char *locale = k ? texts->locales[k - 1] : l->input->locale, *list = "";
		const char *const *fields, *const *lacks;

		if (!locale || notice_set_fields(texts->set, locale, s->name, s->channel, s->late, l->input->creditor, step->deadline_days > 0,
				       texts->arena, &fields, NULL) < 0)
			continue; /* whatever is wrong with the text itself was found before */
		lacks = demand_lacks(texts->arena, kind, fields, s->channel == CHANNEL_LETTER);
		for (const char *const *field = lacks; *field; field++)
			list = arena_printf(texts->arena, "%s%s%s", list, *list ? ", " : "", *field);
		if (!*lacks)
			continue;
		lint_add(l, LINT_NOTICE_INCOMPLETE, s->step, "notice", NULL, "\"%s\" by %s in %s lacks %s, and %s asks for it (%s)", s->name,
			channel_names[s->channel], locale, list, kind->name, kind->source);
		return true;
	}
	return false;
}

static void check_notices(struct lint *l, const struct saying *sayings, size_t count)
{
	const struct step *step = &l->policy->steps[sayings->step];
	const struct demand_kind *kind = step->notice && l->input->law ? demand_kind(&l->input->law->demands, step->notice) : NULL;

	if (!step->notice || !l->input->law)
		return;
	if (!kind)
		lint_add(l, LINT_UNKNOWN_NOTICE, sayings->step, "notice", NULL, "\"%s\" is in none of the law files", step->notice);
	for (size_t k = 0; kind && l->input->texts && l->input->texts->read && k < count; k++)
		if (check_notice(l, &sayings[k], kind))
			return;
}

void lint_texts_of(struct lint *l, size_t i)
{
	const struct step *step = &l->policy->steps[i];
	const struct saying first = { i, step->template_name, "template", step->channel, "channel", step->fees ? l->late : NULL, step->tone,
		step->sender, step->attach_invoice || step->attach_statement, step->when.countries };
	struct saying sayings[4] = { first, first, first, first };
	size_t count = 1;

	if (!lint_contacts(step))
		return;
	if (step->has_fallback) {
		sayings[count].channel = step->fallback;
		sayings[count].through = "else";
		sayings[count].attach = false;
		count++;
	}
	check_notices(l, sayings, count);
	if (step->confirm) {
		sayings[count] = (struct saying){ i, step->confirm, "confirm", CHANNEL_EMAIL, "confirm", NULL, step->tone, step->sender, false,
			step->when.countries };
		count++;
	}
	if (step->announces.named) {
		sayings[count] = (struct saying){ i, step->announces.withdraw, "announces.withdraw", CHANNEL_EMAIL, "announces.withdraw", NULL,
			TONE_FRIENDLY, "", false, step->when.countries };
		count++;
	}
	check_sayings(l, sayings, count);
}

void lint_texts_agreed(struct lint *l)
{
	const char *name, *path;

	for (size_t i = 0; (name = policy_agreed_template(l->policy, i, &path)) != NULL; i++)
		check_sayings(l, &(struct saying){ LINT_POLICY, name, path, CHANNEL_EMAIL, path, NULL, TONE_FRIENDLY, "default", false, NULL }, 1);
}
