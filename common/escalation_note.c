/* A person's own words, put into the next message about an invoice: once, in the trail with who wrote them, and gone when their day is over. */
#include <errno.h>
#include <string.h>

#include "common/escalation_internal.h"
#include "common/utc.h"

#define NOTE_MS (30 * DAY_MS) /* where nobody says until when */
#define NOTE_SMS_MAX 120 /* bytes */

/* What a text message carries as it is: it has one line, and no wide spaces. */
static bool fits_sms(const char *text)
{
	return strlen(text) <= NOTE_SMS_MAX && !strstr(text, "  ") && !strstr(text, "\xc2\xa0") && !strstr(text, "\xe2\x80");
}

const char *note_to_say(const struct escalation *e, enum channel channel, int64_t now)
{
	const struct personal_note *note = &e->note;

	if (!note->text || note->said_at || now >= note->until || (channel != CHANNEL_EMAIL && channel != CHANNEL_LETTER && channel != CHANNEL_SMS))
		return NULL;
	return channel == CHANNEL_SMS && !fits_sms(note->text) ? NULL : note->text;
}

static bool one_paragraph(const char *text)
{
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == '\x7f')
			return false;
	return *text && *text != ' ' && text[strlen(text) - 1] != ' ';
}

int note_command(struct escalation *e, const struct event *command, const char *text, int64_t now, struct arena *arena, struct err *err)
{
	bool under_way = e->note.text && !e->note.said_at && e->attempt && e->note.attempt && strcmp(e->note.attempt, e->attempt) == 0;

	if (under_way)
		return err_set(err, -EBADMSG, "under_way", "$.data", "the note before it is on its way just now");
	if (strcmp(command->command, "note_remove") == 0) {
		if (!e->note.text || e->note.said_at)
			return err_set(err, -EBADMSG, "no_note", "$.data.target", "no note waits for a message about invoice %s", e->invoice.id);
		e->note = (struct personal_note){ 0 };
		return 0;
	}
	if (e->state == ESCALATION_CLOSED)
		return err_set(err, -EBADMSG, "closed", "$.data.target", "invoice %s is closed: no message has the note", e->invoice.id);
	if (!text || !one_paragraph(text) || strlen(text) > PERSONAL_NOTE_MAX)
		return err_set(err, -EBADMSG, "bad_note", "$.data.text", "must be one paragraph of 1 to %d bytes", PERSONAL_NOTE_MAX);
	if (command->until && command->until <= command->time)
		return err_set(err, -EBADMSG, "out_of_range", "$.data.until", "must be later than the note itself");
	e->note = (struct personal_note){ .text = arena_strdup(arena, text), .by = arena_strdup(arena, command->who), .at = now,
		.until = command->until ? command->until : now + NOTE_MS };
	return 0;
}

/* Whatever the template is: only what stands in the message counts as said. */
void note_written(struct escalation *e, const char *text, const char *attempt, enum channel channel, int64_t now)
{
	const char *note = note_to_say(e, channel, now);

	if (note)
		e->note.attempt = text && strstr(text, note) ? attempt : NULL;
}

void note_said(struct escalation *e, const char *attempt, struct effects *fx)
{
	struct draft *draft;

	if (!e->note.text || e->note.said_at || !attempt || !e->note.attempt || strcmp(e->note.attempt, attempt) != 0)
		return;
	e->note.said_at = fx->now;
	draft = effects_record(fx, "note.said", e->invoice.debtor_id);
	jw_str(&draft->w, "invoice", e->invoice.id);
	jw_str(&draft->w, "attempt", attempt);
	jw_opt_str(&draft->w, "who", e->note.by);
}

void note_undelivered(struct escalation *e, const char *attempt)
{
	if (e->note.attempt && strcmp(e->note.attempt, attempt) == 0) {
		e->note.attempt = NULL;
		e->note.said_at = 0;
	}
}

/* --- as it is stored ------------------------------------------------------------------------------------------------------ */

void note_write(struct json_writer *w, const struct escalation *e)
{
	const struct personal_note *note = &e->note;

	if (!note->text)
		return;
	jw_object(w, "note");
	jw_str(w, "text", note->text);
	jw_opt_str(w, "by", note->by);
	jw_int(w, "at", note->at);
	jw_int(w, "until", note->until);
	jw_opt_str(w, "attempt", note->attempt);
	jw_opt_int(w, "said_at", note->said_at);
	jw_end_object(w);
}

int note_read(const struct json *json, struct escalation *ret, struct err *err)
{
	struct personal_note *note = &ret->note;
	struct json one = { 0 };
	int r = json_opt_object(json, "note", &one, err);

	if (r < 0 || one.type == JSON_NONE)
		return r;
	if ((r = json_get_str(&one, "text", 4 * PERSONAL_NOTE_MAX, &note->text, err)) < 0 ||
		(r = json_opt_str(&one, "by", EVENT_SOURCE_MAX, &note->by, err)) < 0 ||
		(r = json_get_int(&one, "at", INT64_MIN, INT64_MAX, &note->at, err)) < 0 ||
		(r = json_get_int(&one, "until", INT64_MIN, INT64_MAX, &note->until, err)) < 0 ||
		(r = json_opt_str(&one, "attempt", 400, &note->attempt, err)) < 0)
		return r;
	return json_opt_int(&one, "said_at", INT64_MIN, INT64_MAX, &note->said_at, err);
}
