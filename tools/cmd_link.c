/* The address of the debtor's page about one invoice, for somebody who asks for it. */
#include "tools/cmd.h"

static int run_link(struct ctl *ctl, const struct invocation *call)
{
	CLEANUP(buf_clear) struct buf body = { 0 };
	struct fields *f = fields_create(ctl->arena);
	struct json_writer w = jw_init(&body);
	struct json answer = { 0 };
	struct entry entry;
	int http = 0, r = entry_find(ctl, ctl->arena, call->args[0], &entry);

	if (r != 0)
		return r;
	jw_object(&w, NULL);
	jw_str(&w, "who", ctl_who(ctl));
	jw_str(&w, "invoice", entry.e.invoice.id);
	jw_int(&w, "partition", entry.partition);
	jw_end_object(&w);
	r = ctl_daemon(ctl, "POST", "/link", &body, &http, &answer);
	if (r < 0)
		return ctl_daemon_away(ctl, r);
	if (http != 200 || !json_text(&answer, "url"))
		return ctl_fail(ctl, EXIT_FOUND, json_text(&answer, "error") ? json_text(&answer, "error") : "refused", "the daemon refuses: %s",
			json_text(&answer, "text") ? json_text(&answer, "text") : "no reason given");
	if (!ctl->view.json) {
		view_say(&ctl->view, "%s", json_text(&answer, "url"));
		return EXIT_DONE;
	}
	fields_add(f, "invoice", NULL, cell_text(entry.e.invoice.id));
	fields_add(f, "url", NULL, cell_text(json_text(&answer, "url")));
	view_fields(&ctl->view, f);
	return EXIT_DONE;
}

const struct command cmd_link = { .name = "link", .args = "INVOICE", .min_args = 1, .max_args = 1,
	.help = "the address of the debtor's page about one invoice, for somebody who asks for it",
	.more = "Whoever has it can see this invoice and answer about it, for page.link_days: give it to the debtor alone. The daemon signs it.",
	.run = run_link };
