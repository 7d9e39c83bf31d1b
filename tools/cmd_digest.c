/* dunningctl digest: what the owner's mail of a day says. */
#include <string.h>

#include "common/digest.h"
#include "common/utc.h"
#include "tools/cmd.h"

static int take_page(struct ctl *ctl, struct arena *arena, struct entry *entries, size_t count, void *arg)
{
	(void)ctl, (void)arena;
	for (size_t i = 0; i < count; i++)
		(void)digest_invoice(arg, &entries[i].e);
	return 0;
}

static int take_tasks(struct ctl *ctl, uint32_t partition, struct digest *digest)
{
	struct keyspace keys = ctl_keys(ctl, partition);
	const struct redis_reply *reply;
	int r = ctl_ask(ctl, ctl->arena, &reply, "HGETALL", key_of(ctl->arena, &keys, "tasks"), NULL);

	for (size_t i = 0; r == 0 && i + 1 < reply->count; i += 2) {
		struct json root = { 0 };

		if (json_parse(ctl->arena, reply->items[i + 1].str, reply->items[i + 1].len, 0, &root, NULL) == 0)
			digest_task_read(digest, &root);
	}
	return r;
}

static int run_digest(struct ctl *ctl, const struct invocation *call)
{
	const char *day = command_option(call, "date"), *locale;
	struct fields *f = fields_create(ctl->arena);
	const struct zone *zone;
	struct digest digest;
	struct digest_text text;
	date on;
	int r = ctl_config(ctl, false);

	if (r != 0)
		return r;
	if (zone_get(ctl->config->digest_zone ? ctl->config->digest_zone : ctl->config->creditor.zone, &zone) < 0 && zone_get("UTC", &zone) < 0)
		return ctl_fail(ctl, EXIT_CONFIG, "unknown_zone", "the digest's time zone is not known here");
	on = zone_date(zone, ctl->now);
	if (day && date_parse(day, &on) < 0)
		return ctl_fail(ctl, EXIT_USAGE, "usage", "--date must be a day like 2026-03-02, not \"%s\"", day);
	digest_begin(&digest, ctl->arena, zone, on, ctl_payments_known_to(ctl));
	for (uint32_t p = 0; r == 0 && p < ctl_partitions(ctl); p++) {
		r = entries_scan(ctl, p, take_page, NULL, &digest);
		if (r == 0)
			r = take_tasks(ctl, p, &digest);
	}
	if (r != 0)
		return r;
	locale = ctl->config->digest_locale ? ctl->config->digest_locale : ctl->config->creditor.locale ? ctl->config->creditor.locale : "en-GB";
	digest_write(&digest, locale, ctl->config->creditor.name ? ctl->config->creditor.name : "dunningd", &text);
	if (ctl->view.json) {
		fields_add(f, "date", NULL, cell_date(on));
		fields_add(f, "subject", NULL, cell_text(text.subject));
		fields_add(f, "text", NULL, cell_text(text.text));
		fields_add(f, "html", NULL, cell_text(text.html));
		view_fields(&ctl->view, f);
	} else {
		view_text(&ctl->view, text.subject);
		view_text(&ctl->view, "\n");
		view_text(&ctl->view, text.text);
	}
	return EXIT_DONE;
}

static const struct option_row digest_options[] = {
	{ "date", "DAY", "of that morning: it tells of the day before (today)" },
	{ 0 },
};

const struct command cmd_digest = { .name = "digest", .args = "", .help = "what the owner is told of a day: sent, held and why, failed, promised, to be done",
	.more = "The same as the mail of digest.email. What is held, open and to be done is told as of now, also for a day that is over.",
	.options = digest_options, .run = run_digest };
