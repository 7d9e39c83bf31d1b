/* One debtor: whom we know, what is open, and all that was said, out of the records of the trail. */
#include "common/board.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/report_words.h"

struct moment { /* one line of the timeline: a contact or an entry */
	int64_t at;
	size_t order;
	const struct case_contact *contact;
	const struct case_entry *entry;
};

static int by_time(const void *a, const void *b) /* the newest first */
{
	const struct moment *x = a, *y = b;

	if (x->at != y->at)
		return x->at > y->at ? -1 : 1;
	return x->order > y->order ? -1 : 1;
}

/* "records/0007" -> 6. -1: none of ours. */
static int record_of(const struct board_file *file, const char *folder)
{
	long n = folder && strncmp(folder, "records/", 8) == 0 ? strtol(folder + 8, NULL, 10) : 0;

	return n > 0 && (size_t)n <= file->record_count ? (int)n - 1 : -1;
}

static void put_place(struct board *b, const struct board_file *file, const char *folder)
{
	int i = record_of(file, folder);

	if (i < 0)
		return;
	board_html(b, " <span class=\"soft place\">%s</span>", board_says(b, W_RECORD, arena_printf(b->arena, "%u/%" PRIu64, file->records[i].year,
		file->records[i].index), NULL), NULL);
}

static void put_message_links(struct board *b, const struct board_file *file, const struct case_contact *c)
{
	int i = record_of(file, c->content_place.folder ? c->content_place.folder : c->place.folder);
	const char *at;

	if (i < 0 || (!c->message.html && !c->message.attachment_count))
		return;
	at = arena_printf(b->arena, "/message?log=%u&n=%" PRIu64, file->records[i].year, file->records[i].index);
	buf_add_str(b->out, "<p class=\"acts\">");
	if (c->message.html)
		board_html(b, "<a href=\"%s&amp;part=html\">%s</a> ", at, board_say(b, W_AS_HTML), NULL);
	for (size_t k = 0; k < c->message.attachment_count; k++)
		board_html(b, "<a href=\"%s&amp;part=%s\">%s</a> ", at, arena_printf(b->arena, "%zu", k), board_says(b, W_COLON, board_say(b, W_ATTACHED),
			c->message.attachments[k].name), NULL);
	buf_add_str(b->out, "</p>");
}

static void put_message(struct board *b, const struct board_file *file, const struct case_contact *c)
{
	bool call = c->channel && strcmp(c->channel, "call") == 0;

	if (c->message_closed) {
		board_html(b, "<p class=\"soft\">%s</p>", board_say(b, W_MESSAGE_CLOSED), NULL);
		return;
	}
	if (!c->message.text && !c->message.html && !c->message.attachment_count)
		return;
	board_html(b, "<details><summary>%s</summary><div class=\"letter\">", board_say(b, call ? W_MESSAGE_SCRIPT : W_MESSAGE_SENT), NULL);
	if (c->message.from.name)
		board_html(b, "<p class=\"soft\">%s</p>", board_says(b, W_COLON, board_say(b, W_FROM), c->message.from.name), NULL);
	if (c->message.subject)
		board_html(b, "<p><strong>%s</strong></p>", c->message.subject, NULL);
	if (c->message.text)
		board_html(b, "<div class=\"text\" lang=\"%s\">%s</div>", c->message.locale ? c->message.locale : c->locale ? c->locale : "", c->message.text,
			NULL);
	buf_add_str(b->out, "</div>");
	put_message_links(b, file, c);
	buf_add_str(b->out, "</details>");
}

static void put_contact(struct board *b, const struct board_file *file, const struct case_contact *c)
{
	const char *plain = c->step && strchr(c->step, ':') ? arena_printf(b->arena, "%.*s", (int)strcspn(c->step, ":"), c->step) : c->step;
	const char *class = !c->outcome ? "wait" : strcmp(c->outcome, "accepted") == 0 || strcmp(c->outcome, "done") == 0 ? "good" : "bad";

	board_html(b, "<li class=\"said %s\"><p class=\"when soft\">%s</p><p><strong>%s</strong> · %s", class, board_at(b, c->place.at),
		plain ? word_step(b->language, plain) : word_channel(b->language, c->channel), word_channel(b->language, c->channel), NULL);
	for (size_t i = 0; i < c->invoice_count; i++)
		board_html(b, " · <a href=\"/invoice?id=%s\">%s</a>", board_escape(b, c->invoices[i]), c->invoices[i], NULL);
	put_place(b, file, c->place.folder);
	buf_add_str(b->out, "</p>");
	if (c->name || c->address)
		board_html(b, "<p class=\"soft\">%s %s %s</p>", board_say(b, W_TO), c->name, c->address, NULL);
	board_html(b, "<p><span class=\"chip %s\">%s</span>", class,
		c->shadow ? board_say(b, W_IN_SHADOW) : c->outcome ? word_outcome(b->language, c) : board_say(b, W_WAITS_OUTCOME), NULL);
	if (c->receipt)
		board_html(b, " <span class=\"chip\">%s</span>", word_receipt(b->language, c->receipt), NULL);
	if (c->note)
		board_html(b, " %s", c->note, NULL);
	if (c->by)
		board_html(b, " <span class=\"soft\">%s %s</span>", board_say(b, W_BY), c->by, NULL);
	buf_add_str(b->out, "</p>");
	put_message(b, file, c);
	buf_add_str(b->out, "</li>");
}

static void put_entry(struct board *b, const struct board_file *file, const struct case_entry *e)
{
	board_html(b, "<li class=\"%s\"><p class=\"when soft\">%s</p><p><strong>%s</strong>", e->silence ? "silence" : "event", board_at(b, e->place.at),
		board_word(b, e->kind), NULL);
	if (e->step)
		board_html(b, " · %s", word_step(b->language, e->step), NULL);
	if (e->reason)
		board_html(b, " · %s", board_word(b, e->reason), NULL);
	if (e->until)
		board_html(b, " · %s %s", board_say(b, W_UNTIL), board_at(b, e->until), NULL);
	if (e->invoice)
		board_html(b, " · <a href=\"/invoice?id=%s\">%s</a>", board_escape(b, e->invoice), e->invoice, NULL);
	put_place(b, file, e->place.folder);
	buf_add_str(b->out, "</p>");
	if (e->text)
		board_html(b, "<p class=\"quote\">%s</p>", e->text, NULL);
	buf_add_str(b->out, "</li>");
}

static void put_timeline(struct board *b, const struct board_file *file)
{
	const struct case_file *f = file->file;
	struct moment *moments = arena_alloc(b->arena, (f->contact_count + f->entry_count + 1) * sizeof(*moments));
	size_t count = 0;

	for (size_t i = 0; i < f->entry_count; i++, count++)
		moments[count] = (struct moment){ .at = f->entries[i].place.at, .order = count, .entry = &f->entries[i] };
	for (size_t i = 0; i < f->contact_count; i++, count++)
		moments[count] = (struct moment){ .at = f->contacts[i].place.at, .order = count, .contact = &f->contacts[i] };
	if (count)
		qsort(moments, count, sizeof(*moments), by_time);
	buf_add_str(b->out, "<ol class=\"timeline\">");
	for (size_t i = 0; i < count; i++)
		if (moments[i].contact)
			put_contact(b, file, moments[i].contact);
		else
			put_entry(b, file, moments[i].entry);
	buf_add_str(b->out, "</ol>");
}

static void put_more(struct board *b, const struct board_file *file)
{
	const char *id = board_escape(b, file->d->id);

	if (file->erased)
		board_html(b, "<p class=\"soft\">%s</p>", board_say(b, W_ERASED_BEFORE), NULL);
	else if (file->other_log)
		board_html(b, "<p class=\"soft\">%s</p>", board_says(b, W_OTHER_LOG, file->other_log, NULL), NULL);
	else if (!file->older && file->record_count)
		board_html(b, "<p class=\"soft\">%s</p>", board_say(b, W_BEGINNING), NULL);
	buf_add_str(b->out, "<p class=\"acts\">");
	if (!file->newest)
		board_html(b, "<a class=\"button\" href=\"/debtor?id=%s\">%s</a> ", id, board_say(b, W_NEWER), NULL);
	if (file->older)
		board_html(b, "<a class=\"button\" rel=\"next\" href=\"/debtor?id=%s&amp;from=%s\">%s</a>", id, board_escape(b, file->older), board_say(b, W_OLDER),
			NULL);
	buf_add_str(b->out, "</p>");
}

static void put_people(struct board *b, const struct debtor *d)
{
	bool none = true;

	for (size_t i = 0; i < d->customer.contact_count; i++) {
		const struct contact *c = &d->customer.contacts[i];

		if (i == 0)
			board_html(b, "<section class=\"card\"><h2>%s</h2><ul class=\"lines\">", board_say(b, W_CONTACTS), NULL);
		board_html(b, "<li><span><strong>%s</strong> <span class=\"soft\">%s</span>", c->name ? c->name : c->id, c->role, NULL);
		if (c->email)
			board_html(b, " %s", c->email, NULL);
		if (c->phone)
			board_html(b, " %s", c->phone, NULL);
		if (c->external)
			board_html(b, " <span class=\"chip\">%s</span>", board_say(b, W_OUTSIDE), NULL);
		buf_add_str(b->out, "</span></li>");
	}
	if (d->customer.contact_count)
		buf_add_str(b->out, "</ul>");
	for (int i = 0; i < CHANNEL_COUNT; i++)
		if (d->opt_out[i].on && d->customer.contact_count) {
			board_html(b, none ? "<p><span class=\"soft\">%s</span>" : "", board_say(b, W_OPTED_OUT), NULL);
			board_html(b, " <span class=\"chip held\">%s</span>", word_channel(b->language, channel_names[i]), NULL);
			none = false;
		}
	if (!none)
		buf_add_str(b->out, "</p>");
	if (d->customer.contact_count)
		buf_add_str(b->out, "</section>");
}

static void put_open(struct board *b, const struct board_file *file)
{
	board_html(b, "<section class=\"card\"><h2>%s</h2>", board_say(b, W_OPEN_INVOICES), NULL);
	if (!file->count)
		board_html(b, "<p class=\"soft\">%s</p>", board_say(b, W_NO_OPEN_INVOICE), NULL);
	else
		buf_add_str(b->out, "<ul class=\"lines\">");
	for (size_t i = 0; i < file->count; i++) {
		const struct escalation *e = &file->entries[i].e;
		const struct snapshot *s = &e->invoice.snapshot;

		board_html(b, "<li><span><a href=\"/invoice?id=%s\">%s</a>", board_escape(b, e->invoice.id), s->number ? s->number : e->invoice.id, NULL);
		if (e->held)
			board_html(b, " <span class=\"chip held\">%s</span>", board_word(b, e->held), NULL);
		buf_add_str(b->out, "</span>");
		if (e->invoice.known)
			board_html(b, "<span class=\"end\">%s <span class=\"soft\">%s</span></span>", board_money(b, invoice_view(&e->invoice).balance, s->currency),
				board_day(b, s->due_on), NULL);
		buf_add_str(b->out, "</li>");
	}
	buf_add_str(b->out, file->count ? "</ul></section>" : "</section>");
}

void board_debtor(struct board *b, const struct board_file *file)
{
	const struct debtor *d = file->d;
	const char *name = d->customer.name ? d->customer.name : d->id;

	board_begin(b, name);
	board_html(b, "<p class=\"above\"><a href=\"/invoices\">%s</a></p><h1>%s</h1><p class=\"soft\">%s</p><div class=\"cards\"><div>",
		board_say(b, W_INVOICES), name, d->id, NULL);
	put_open(b, file);
	buf_add_str(b->out, "</div><div>");
	put_people(b, d);
	board_html(b, "</div></div><h2>%s</h2>", board_say(b, W_TIMELINE), NULL);
	if (file->file && file->record_count) {
		board_html(b, "<p class=\"soft\">%s</p>", board_say(b, W_TIMELINE_NOTE), NULL);
		put_timeline(b, file);
	} else {
		board_html(b, "<p class=\"soft\">%s</p>", board_say(b, W_NO_FILE), NULL);
	}
	put_more(b, file);
	board_end(b);
}
