/* Policies and templates: whether they are right, what they say, and how a message will look. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/contact.h"
#include "common/file.h"
#include "common/letter.h"
#include "common/notice.h"
#include "common/utc.h"
#include "tools/cmd.h"
#include "tools/picture.h"

static int load_library(struct ctl *ctl, struct library **ret)
{
	struct err err = { 0 };
	int r = ctl_config(ctl, true);

	if (r != 0)
		return r;
	if (library_load(ctl->config, ctl_share(ctl), ret, &err) < 0)
		return ctl_fail_err(ctl, EXIT_CONFIG, &err);
	return 0;
}

/* --- policy check -------------------------------------------------------------------------------------------------------------------- */

static const struct column check_columns[] = { { "file", "FILE", false }, { "policy", "POLICY", false }, { "severity", "SEVERITY", false },
	{ "finding", "FINDING", false }, { "path", "PATH", false }, { "step", "STEP", false }, { "text", "TEXT", false }, { "remedy", "REMEDY", false },
	{ "code", NULL, false }, { "left_out", NULL, false }, { "digest", NULL, false }, { 0 } };

/* For people two lines each, since a table of sentences is too wide to be read. */
static void say_finding(const struct ctl *ctl, const char *file, const struct lint_finding *f)
{
	if (f->step)
		view_say(&ctl->view, "%s: %s %s: %s (\"%s\"): %s", file, lint_severity_names[f->rule->severity], f->rule->id, f->path, f->step, f->reason);
	else
		view_say(&ctl->view, "%s: %s %s: %s: %s", file, lint_severity_names[f->rule->severity], f->rule->id, f->path, f->reason);
	view_say(&ctl->view, "    %s", f->rule->remedy);
}

static void add_verdict(struct ctl *ctl, const struct library_verdict *v, struct table *t)
{
	struct arena *arena = ctl->arena;
	const char *file = arena_strdup(arena, v->file);
	const struct cell policy = v->policy ? cell_text(arena_strdup(arena, v->policy)) : cell_none();
	const struct cell digest = v->digest ? cell_text(arena_strdup(arena, v->digest)) : cell_none();

	for (size_t i = 0; i < v->report.count; i++) {
		const struct lint_finding *f = &v->report.findings[i];

		say_finding(ctl, file, f);
		table_add(t, (struct cell[]){ cell_text(file), policy, cell_text(lint_severity_names[f->rule->severity]), cell_text(f->rule->id),
				      cell_text(arena_strdup(arena, f->path)), f->step ? cell_text(arena_strdup(arena, f->step)) : cell_none(),
				      cell_text(arena_strdup(arena, f->reason)), cell_text(f->rule->remedy), cell_text(arena_strdup(arena, f->code)),
				      cell_flag(v->report.errors && !v->must_fit), digest });
	}
	if (v->report.errors && !v->must_fit)
		view_say(&ctl->view, "%s: left out, since this configuration cannot carry it out", file);
	if (v->report.count)
		return;
	view_say(&ctl->view, "%s: ok", file);
	table_add(t, (struct cell[]){ cell_text(file), policy, cell_none(), cell_text("ok"), cell_none(), cell_none(), cell_none(), cell_none(),
			      cell_text("ok"), cell_flag(false), digest });
}

/* Without the shipped files only what the policy says by itself can be looked at. */
static void lint_alone(struct ctl *ctl, const struct policy *policy, const struct err *why, struct lint_report *report)
{
	ctl_warn(ctl, "only the policy itself is checked, neither its texts nor the law: %s", why->text);
	lint_policy(&(struct lint_input){ .policy = policy }, report);
}

/* 0, or an exit code. */
static int check_file(struct ctl *ctl, const char *path, struct table *t, bool *right)
{
	CLEANUP(policy_freep) struct policy *policy = NULL;
	CLEANUP(library_freep) struct library *library = NULL;
	struct library_verdict alone = { .file = path, .must_fit = true, .report.arena = ctl->arena }, *found = &alone;
	struct err err = { 0 };
	int r = ctl_config(ctl, false);

	if (r != 0)
		return r;
	if (library_read_policy(ctl->configured ? ctl->config : NULL, ctl_share(ctl), path, &policy, &err) < 0) {
		const char *before = arena_printf(ctl->arena, "%s: %s%s", path, err.path, err.path[0] ? " " : "");
		size_t len = strlen(before);

		if (strncmp(err.text, before, len) == 0) /* both have a place of their own */
			memmove(err.text, err.text + len, strlen(err.text + len) + 1);
		lint_refused(&err, &alone.report);
	} else if (library_judge(ctl->config, !ctl->configured, ctl_share(ctl), path, &library, &err) == 0) {
		for (size_t i = 0; i < library->verdict_count; i++)
			if (strcmp(library->verdicts[i].file, path) == 0)
				found = &library->verdicts[i];
	} else if (ctl->configured) {
		return ctl_fail_err(ctl, EXIT_CONFIG, &err);
	} else {
		alone.policy = policy->name;
		alone.digest = policy->digest;
		lint_alone(ctl, policy, &err, &alone.report);
	}
	*right = *right && !found->report.errors;
	add_verdict(ctl, found, t);
	return 0;
}

static int check_loaded(struct ctl *ctl, struct table *t, bool *right)
{
	CLEANUP(library_freep) struct library *library = NULL;
	struct err err = { 0 };
	int r = ctl_config(ctl, true);

	if (r != 0)
		return r;
	if (library_judge(ctl->config, false, ctl_share(ctl), NULL, &library, &err) < 0)
		return ctl_fail_err(ctl, EXIT_CONFIG, &err);
	for (size_t i = 0; i < library->verdict_count; i++) {
		const struct library_verdict *v = &library->verdicts[i];

		*right = *right && !(v->report.errors && v->must_fit);
		add_verdict(ctl, v, t);
	}
	if (!library_policy(library, ctl->config->policy_default))
		return ctl_fail(ctl, EXIT_CONFIG, "unknown_policy", "$.policies.default: policy \"%s\" must be one of the loaded ones",
			ctl->config->policy_default);
	return 0;
}

static int run_check(struct ctl *ctl, const struct invocation *call)
{
	struct table *t = table_create(ctl->arena, check_columns);
	bool right = true;
	int r = 0;

	for (size_t i = 0; i < call->arg_count && r == 0; i++)
		r = check_file(ctl, call->args[i], t, &right);
	if (!call->arg_count)
		r = check_loaded(ctl, t, &right);
	if (r != 0)
		return r;
	if (ctl->view.json)
		view_table(&ctl->view, t, "");
	return right ? EXIT_DONE : call->arg_count ? EXIT_FOUND : EXIT_CONFIG;
}

const struct command cmd_policy_check = { .name = "policy check", .args = "[FILE]...", .max_args = COMMAND_ANY,
	.help = "that policies can be walked as they are written, lawfully and by this configuration; without a file, all that the daemon would load",
	.more = "An error refuses a policy: the daemon would not start, and keeps what it has at a reload (78 without a file, 1 with\n"
		"one). A warning is told. A shipped policy with an error is left out. Each finding has its place in the file and\n"
		"what to do about it; dunningd-policy(5), FINDINGS, lists them all. Without a configuration the texts of every\n"
		"language and the law are looked at, and neither senders nor providers.",
	.run = run_check };

/* --- policy show --------------------------------------------------------------------------------------------------------------------- */

static const char *const kind_names[] = { [STEP_MESSAGE] = "message", [STEP_CALL] = "call", [STEP_GATE] = "gate", [STEP_ACTION] = "action" };

static const struct column step_columns[] = { { "id", "STEP", false }, { "at", "AT", false }, { "kind", "KIND", false },
	{ "channel", "CHANNEL", false }, { "else", "ELSE", false }, { "template", "TEMPLATE", false }, { "tone", "TONE", false },
	{ "to", "TO", false }, { "sender", "AS", false }, { "deadline_days", "DEADLINE", true }, { "role", "ROLE", false },
	{ "owner", "OWNER", false }, { "approver", "ANSWERED BY", false }, { 0 } };

static struct table *step_table(struct ctl *ctl, const struct policy *policy)
{
	struct table *t = table_create(ctl->arena, step_columns);

	for (size_t i = 0; i < policy->step_count; i++) {
		const struct step *s = &policy->steps[i];
		bool contact = s->kind == STEP_MESSAGE || s->kind == STEP_CALL;
		const char *to = NULL;

		for (const char *const *role = s->to; role && *role; role++)
			to = to ? arena_printf(ctl->arena, "%s, %s", to, *role) : *role;
		table_add(t, (struct cell[]){ cell_text(s->id), cell_text(policy_step_at(ctl->arena, policy, s)), cell_text(kind_names[s->kind]),
				      contact ? cell_text(channel_names[s->channel]) : cell_none(),
				      s->has_fallback ? cell_text(channel_names[s->fallback]) : cell_none(), cell_text(s->template_name),
				      contact ? cell_text(tone_names[s->tone]) : cell_none(), contact ? cell_text(to) : cell_none(),
				      s->sender && *s->sender ? cell_text(s->sender) : cell_none(),
				      s->deadline_days ? cell_number(s->deadline_days) : cell_none(),
				      s->role && *s->role ? cell_text(s->role) : cell_none(), cell_text(s->owner), cell_text(s->approver) });
	}
	return t;
}

static const char *window_text(struct arena *arena, const struct window *w)
{
	static const char *const days[] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun" };
	const char *list = NULL;

	for (size_t i = 0; i < ARRAY_LEN(days); i++)
		if (w->weekdays >> i & 1)
			list = list ? arena_printf(arena, "%s %s", list, days[i]) : days[i];
	return arena_printf(arena, "%s, %02d:%02d-%02d:%02d, %s", list ? list : "no day", w->from_minute / 60, w->from_minute % 60,
		w->to_minute / 60, w->to_minute % 60, w->debtor_zone ? "the debtor's time" : w->zone);
}

static const char *caps_text(struct arena *arena, const struct policy *policy)
{
	const char *list = NULL;

	for (size_t i = 0; i < policy->cap_count; i++) {
		const struct cap *c = &policy->caps[i];
		const char *one = arena_printf(arena, "%" PRId32 "%s%s in %" PRId32 " days", c->contacts, c->any_channel ? "" : " by ",
			c->any_channel ? "" : channel_names[c->channel], c->days);

		list = list ? arena_printf(arena, "%s, %s", list, one) : one;
	}
	return list;
}

static void show_policy(struct ctl *ctl, const struct policy *policy)
{
	struct fields *f = fields_create(ctl->arena);

	fields_add(f, "name", "Policy", cell_text(policy->name));
	fields_add(f, "title", "Title", cell_text(policy->title));
	fields_add(f, "digest", "Version", cell_text(policy->digest));
	fields_add(f, "extends", "Extends", cell_text(policy->extends));
	fields_add(f, "nothing", "Contacts nobody", policy->nothing ? cell_flag(true) : cell_none());
	fields_add(f, "window", "Contacts", cell_text(window_text(ctl->arena, &policy->window)));
	fields_add(f, "caps", "At most", cell_text(caps_text(ctl->arena, policy)));
	fields_add(f, "min_gap_h", "Hours between", policy->min_gap_ms ? cell_number(policy->min_gap_ms / HOUR_MS) : cell_none());
	fields_add(f, "same_day", "Several messages a day", policy->same_day ? cell_flag(true) : cell_none());
	fields_add(f, "max_contacts", "In all at most", policy->max_contacts ? cell_number(policy->max_contacts) : cell_none());
	fields_add(f, "group", "Grouped by", cell_text(group_names[policy->group]));
	fields_add(f, "late", "Late payment", cell_text(policy->regime));
	fields_add(f, "freshness_h", "Hours payments may be old", policy->freshness_ms ? cell_number(policy->freshness_ms / HOUR_MS) : cell_none());
	fields_table(f, "steps", "Steps", step_table(ctl, policy));
	view_fields(&ctl->view, f);
}

static const struct column policy_columns[] = { { "name", "POLICY", false }, { "title", "TITLE", false }, { "steps", "STEPS", true },
	{ "default", "DEFAULT", false }, { "digest", "VERSION", false }, { 0 } };

static int run_policy_show(struct ctl *ctl, const struct invocation *call)
{
	CLEANUP(library_freep) struct library *library = NULL;
	struct table *t = table_create(ctl->arena, policy_columns);
	const struct policy *policy;
	int r = load_library(ctl, &library);

	if (r != 0)
		return r;
	if (call->arg_count) {
		policy = library_policy(library, call->args[0]);
		if (!policy)
			policy = library_policy_digest(library, call->args[0]);
		if (!policy)
			return ctl_fail(ctl, EXIT_FOUND, "unknown_policy", "no policy \"%s\" is loaded; dunningctl policy show lists them",
				call->args[0]);
		show_policy(ctl, policy);
		return EXIT_DONE;
	}
	for (size_t i = 0; i < library->policy_count; i++) {
		policy = library->policies[i];
		table_add(t, (struct cell[]){ cell_text(policy->name), cell_text(policy->title), cell_number((int64_t)policy->step_count),
				      strcmp(policy->name, ctl->config->policy_default) == 0 ? cell_flag(true) : cell_none(),
				      cell_text(policy->digest) });
	}
	view_table(&ctl->view, t, "There is no policy.");
	return EXIT_DONE;
}

const struct command cmd_policy_show = { .name = "policy show", .args = "[POLICY]", .max_args = 1,
	.help = "one policy by name or version, or all that are loaded",
	.more = "A policy that extends another is shown as the whole that both make; its version is that of the whole.", .run = run_policy_show };

/* --- template preview ---------------------------------------------------------------------------------------------------------------- */

static const struct notice_invoice sample_invoices[] = {
	{ .number = "F-2026-0042", .payment_url = "https://pay.example/F-2026-0042", .pdf_url = "https://billing.example/F-2026-0042.pdf",
		.terms = "CGV-7" },
	{ .number = "F-2026-0051", .payment_url = "https://pay.example/F-2026-0051", .pdf_url = "https://billing.example/F-2026-0051.pdf",
		.terms = "CGV-7" },
};

/* What a link looks like: a real one is signed by the daemon alone. */
static const char *page_url(struct ctl *ctl)
{
	const char *url = ctl->config->page_public_url;

	return url ? arena_printf(ctl->arena, "%s/p/AQEAAABRBWZyRi0yMDI2LTAwNDIxMjM0NTY3ODkwMTIzNDU2", url) : NULL;
}

/* Two invoices of a made-up debtor: 15 and 3 days past due. */
static void sample(struct ctl *ctl, bool many, const char *currency, struct notice_input *input)
{
	struct notice_invoice *invoices = arena_memdup(ctl->arena, sample_invoices, sizeof(sample_invoices));

	input->invoice_count = many ? 2 : 1;
	for (size_t i = 0; i < input->invoice_count; i++) {
		invoices[i].page_url = page_url(ctl);
		invoices[i].due_on = date_add_days(input->today, i ? -3 : -15);
		invoices[i].issued_on = date_add_days(invoices[i].due_on, -30);
		invoices[i].days_past_due = i ? 3 : 15;
		if (input->late) /* what a law says where nothing was agreed */
			invoices[i].terms = NULL;
		invoices[i].total.minor = i ? 84050 : 120000;
		invoices[i].balance.minor = invoices[i].total.minor;
		memcpy(invoices[i].total.currency, currency, sizeof(invoices[i].total.currency));
		memcpy(invoices[i].balance.currency, currency, sizeof(invoices[i].balance.currency));
		input->balance.minor += invoices[i].balance.minor;
	}
	memcpy(input->balance.currency, currency, sizeof(input->balance.currency));
	input->invoices = invoices;
	input->debtor_name = "Dupont SARL";
	input->contact_name = "Mme Roy";
}

static void real(struct ctl *ctl, const struct entry *entry, int32_t moved_days, struct notice_input *input)
{
	const struct snapshot *s = &entry->e.invoice.snapshot;
	struct notice_invoice *one = arena_alloc(ctl->arena, sizeof(*one));
	const struct contact *contact = entry->d && entry->d->customer.contact_count ? &entry->d->customer.contacts[0] : NULL;

	*one = (struct notice_invoice){ .number = s->number ? s->number : entry->e.invoice.id, .payment_url = payment_link_of(&entry->e, ctl->now),
		.pdf_url = s->pdf_url, .page_url = page_url(ctl), .issued_on = s->issued_on, .due_on = s->due_on, .total.minor = s->total,
		.balance.minor = invoice_view(&entry->e.invoice).balance, .terms = s->late_fee_ref, .contract = s->contract, .moved_days = moved_days,
		.terms_url = s->terms_url, .terms_agreed_on = s->terms_agreed_on, .purchase_order = s->purchase_order, .delivery_proof = s->delivery_proof,
		.days_past_due = date_diff(input->today, s->due_on), .fee_waived = entry->e.late_fee.waived_at != 0 };
	memcpy(one->total.currency, s->currency, sizeof(one->total.currency));
	memcpy(one->balance.currency, s->currency, sizeof(one->balance.currency));
	input->balance = one->balance;
	input->invoices = one;
	input->invoice_count = 1;
	input->debtor_name = entry->d ? entry->d->customer.name : NULL;
	input->contact_name = contact ? contact->name : NULL;
	input->country = entry->d ? entry->d->customer.country : NULL;
	input->consumer = entry->d && guard_debtor(customer_kind_names[entry->d->customer.kind]) == DEBTOR_CONSUMER;
	if (entry->d && !input->locale)
		input->locale = debtor_locale(entry->d, contact, ctl->config->creditor.locale);
}

/* The word names a template, or POLICY/STEP with its template, channel, sender and what else the step says. */
static int find_template(struct ctl *ctl, const struct library *library, const char *name, const struct entry *entry,
	const char **template_name, enum channel *channel, const char **currency, struct notice_input *input, enum letter_delivery *delivery,
	int32_t *moved_days, const char **formal)
{
	static const struct debtor nobody;
	const struct debtor *debtor = entry ? entry->d : NULL;
	const char *slash = strchr(name, '/');
	const struct policy *policy;
	struct business_time when;
	int step;

	*template_name = name;
	*currency = "EUR";
	input->sender = config_sender(ctl->config, "");
	input->deadline = date_add_days(input->today, 8);
	if (!slash)
		return 0;
	policy = library_policy(library, arena_printf(ctl->arena, "%.*s", (int)(slash - name), name));
	step = policy ? policy_step_index(policy, slash + 1) : -ENOENT;
	if (step < 0 || !policy->steps[step].template_name)
		return ctl_fail(ctl, EXIT_FOUND, "unknown_step", "%s names no loaded policy and step with a template", name);
	*template_name = policy->steps[step].template_name;
	if (policy->minimum_count == 1)
		*currency = policy->minimum[0].currency;
	*channel = policy->steps[step].channel;
	*delivery = policy->steps[step].delivery;
	*formal = policy->steps[step].notice;
	if (config_sender(ctl->config, policy->steps[step].sender))
		input->sender = config_sender(ctl->config, policy->steps[step].sender);
	when = schedule_window(policy, debtor ? debtor : &nobody, ctl->config->creditor.zone, library_holidays(library));
	input->deadline = date_none();
	if (entry)
		*moved_days = date_diff(schedule_due(policy, &when, entry->e.invoice.snapshot.due_on), entry->e.invoice.snapshot.due_on);
	contact_step_says(policy, &policy->steps[step], &library->law->interest, &when, input);
	return 0;
}

static int read_channel(struct ctl *ctl, const char *word, enum channel *channel)
{
	if (!word)
		return 0;
	for (int i = 0; i < CHANNEL_COUNT; i++)
		if (strcmp(channel_names[i], word) == 0) {
			*channel = (enum channel)i;
			return 0;
		}
	return ctl_fail(ctl, EXIT_USAGE, "usage", "there is no channel \"%s\": email, sms, call, letter, voice", word);
}

/* Which file each part of it is: yours or a shipped one. */
static void show_origins(struct ctl *ctl, struct fields *f, const struct library *library, const char *name, enum channel channel,
	const struct notice *notice)
{
	const char *own = ctl->config->template_dir;

	for (enum notice_part p = 0; p < NOTICE_PART_COUNT; p++) {
		const char *path = notice_set_origin(library->notices, notice->locale, name, p);
		bool yours = path && own && strncmp(path, own, strlen(own)) == 0 && path[strlen(own)] == '/';

		if (!path || !(notice_channel_parts(channel) >> p & 1))
			continue;
		fields_add(f, arena_printf(ctl->arena, "from_%s", notice_part_suffixes[p]), arena_printf(ctl->arena, "File of %s", notice_part_suffixes[p]),
			cell_text(arena_printf(ctl->arena, "%s (%s)", path, yours ? "yours" : "shipped")));
	}
}

static void show_notice(struct ctl *ctl, const struct library *library, const char *name, enum channel channel, const struct notice *notice)
{
	struct fields *f = fields_create(ctl->arena);

	fields_add(f, "locale", "Language", cell_text(notice->locale));
	fields_add(f, "subject", "Subject", cell_text(notice->subject));
	fields_add(f, "text", NULL, cell_text(notice->text));
	fields_add(f, "html", NULL, cell_text(notice->html));
	fields_add(f, "digest", NULL, cell_text(notice->digest));
	show_origins(ctl, f, library, name, channel, notice);
	view_fields(&ctl->view, f);
	if (ctl->view.json)
		return;
	fputc('\n', ctl->view.out);
	view_text(&ctl->view, notice->text ? notice->text : "");
}

static int read_width(struct ctl *ctl, const struct invocation *call, unsigned long *ret)
{
	const char *word = command_option(call, "width");
	char *end;

	*ret = word ? strtoul(word, &end, 10) : 800;
	if (word && (*end || *ret < PICTURE_WIDTH_MIN || *ret > PICTURE_WIDTH_MAX))
		return ctl_fail(ctl, EXIT_USAGE, "usage", "--width %s must be a number of pixels from %d to %d", word, PICTURE_WIDTH_MIN,
			PICTURE_WIDTH_MAX);
	return 0;
}

/* The letter as it would be printed, but for the state of the trail. */
static struct letter letter_of(const struct ctl *ctl, const struct notice_input *input, const struct notice *notice, const struct entry *entry,
	enum letter_delivery delivery)
{
	static const struct postal made_up = { .line1 = "12 rue de l’Exemple", .postcode = "69002", .city = "Lyon", .country = "FR" };
	struct letter letter = { .locale = notice->format, .creditor = input->creditor, .from = ctl->config->creditor_postal,
		.sender = input->sender, .to_name = input->debtor_name ? input->debtor_name : input->contact_name,
		.attention = input->contact_name, .to = entry && entry->d ? entry->d->customer.postal : made_up, .delivery = delivery,
		.written_on = input->today, .reference = input->invoices[0].number, .attempt = input->attempt_id, .subject = notice->subject,
		.body = notice->text };

	letter.form = letter_form_of(letter.from.country, letter.to.country);
	return letter;
}

static int print_letter(struct ctl *ctl, const struct invocation *call, const struct letter *letter)
{
	const char *path = command_option(call, "pdf"), *picture = command_option(call, "picture"), *word = command_option(call, "page");
	CLEANUP(buf_clear) struct buf file = { 0 };
	unsigned long width, page;
	struct err err = { 0 };
	char *end;
	int r = read_width(ctl, call, &width);

	if (r != 0)
		return r;
	page = word ? strtoul(word, &end, 10) : 1;
	if (word && (*end || page < 1 || page > 999))
		return ctl_fail(ctl, EXIT_USAGE, "usage", "--page %s must be a number from 1", word);
	if ((path ? letter_pdf(letter, &file, &err) : letter_picture(letter, (int)page, (unsigned)width, &file, &err)) < 0)
		return ctl_fail_err(ctl, EXIT_FOUND, &err);
	r = file_replace(path ? path : picture, file.data, file.len, 0644);
	if (r < 0)
		return ctl_fail(ctl, EXIT_FOUND, "unwritable", "%s: %s", path ? path : picture, strerror(-r));
	view_say(&ctl->view, "The letter is in %s.", path ? path : picture);
	return EXIT_DONE;
}

static int draw(struct ctl *ctl, const struct invocation *call, const char *html)
{
	const char *path = command_option(call, "picture");
	unsigned long width;
	struct err err = { 0 };
	int r = read_width(ctl, call, &width);

	if (r != 0)
		return r;
	if (picture_write(html, path, (unsigned)width, command_option(call, "dark") != NULL, &err) < 0)
		return ctl_fail_err(ctl, EXIT_FOUND, &err);
	view_say(&ctl->view, "The picture is in %s.", path);
	return EXIT_DONE;
}

/* Of a formal notice: what the daemon would hold it for. */
static void warn_of_lacks(struct ctl *ctl, const struct library *library, const char *formal, const char *name, enum channel channel,
	const struct notice_input *input)
{
	const struct demand_kind *kind = formal ? demand_kind(&library->law->demands, formal) : NULL;
	const char *const *fields, *const *lacks, *list = "";

	if (!kind || notice_fields(library->notices, name, channel, input, ctl->arena, &fields, NULL) < 0)
		return;
	lacks = demand_lacks(ctl->arena, kind, fields, channel == CHANNEL_LETTER);
	for (size_t i = 0; lacks[i]; i++)
		list = arena_printf(ctl->arena, "%s%s%s", list, i ? ", " : "", lacks[i]);
	if (*lacks)
		ctl_warn(ctl, "so it would wait for a person: %s lacks %s (%s)", kind->name, list, kind->source);
}

static int render(struct ctl *ctl, const struct library *library, const struct invocation *call)
{
	const char *formal = NULL, *name, *usual, *currency = command_option(call, "currency"), *invoice_id = command_option(call, "invoice");
	enum channel channel = CHANNEL_EMAIL;
	enum letter_delivery delivery = LETTER_SIMPLE;
	struct notice_input input = { .locale = command_option(call, "locale"), .fallback_locale = ctl->config->creditor.locale,
		.creditor = &ctl->config->creditor, .attempt_id = "00000000000000000000000000" };
	const struct zone *zone;
	struct entry entry;
	struct notice notice;
	struct err err = { 0 };
	int32_t moved_days = 0;
	int r = invoice_id ? entry_find(ctl, ctl->arena, invoice_id, &entry) : 0;

	if (r != 0)
		return r;
	if (currency && currency_exponent(currency) < 0)
		return ctl_fail(ctl, EXIT_USAGE, "usage", "%s is no currency", currency);
	zone = invoice_id ? entry.zone : NULL;
	if (!zone && zone_get(ctl->config->creditor.zone, &zone) < 0)
		return ctl_fail(ctl, EXIT_CONFIG, "unknown_zone", "%s is no time zone", ctl->config->creditor.zone);
	input.today = zone_date(zone, ctl->now);
	if (command_option(call, "on") && date_parse(command_option(call, "on"), &input.today) < 0)
		return ctl_fail(ctl, EXIT_USAGE, "usage", "--on %s must be a date such as 2026-03-02", command_option(call, "on"));
	r = find_template(ctl, library, call->args[0], invoice_id ? &entry : NULL, &name, &channel, &usual, &input, &delivery, &moved_days,
		&formal);
	if (r == 0)
		r = read_channel(ctl, command_option(call, "channel"), &channel);
	if (r != 0)
		return r;
	if (invoice_id)
		real(ctl, &entry, moved_days, &input);
	else
		sample(ctl, command_option(call, "many") != NULL, currency ? currency : usual, &input);
	if (!invoice_id && input.late)
		input.country = input.late->country;
	if (command_option(call, "consumer"))
		input.consumer = true;
	if (!input.locale)
		input.locale = ctl->config->creditor.locale;
	if (notice_render(library->notices, name, channel, &input, ctl->arena, &notice, &err) < 0)
		return ctl_fail(ctl, EXIT_FOUND, err.code, "%s: %s", name, err.text);
	warn_of_lacks(ctl, library, formal, name, channel, &input);
	if (command_option(call, "pdf") && channel != CHANNEL_LETTER)
		return ctl_fail(ctl, EXIT_FOUND, "no_letter", "%s is no letter: --channel letter, or a step that is one", name);
	if (channel == CHANNEL_LETTER && (command_option(call, "pdf") || command_option(call, "picture"))) {
		struct letter letter = letter_of(ctl, &input, &notice, invoice_id ? &entry : NULL, delivery);

		return print_letter(ctl, call, &letter);
	}
	if ((command_option(call, "html") || command_option(call, "picture")) && !notice.html)
		return ctl_fail(ctl, EXIT_FOUND, "no_html", "%s has no HTML for %s", name, channel_names[channel]);
	if (command_option(call, "picture"))
		return draw(ctl, call, notice.html);
	if (command_option(call, "html")) {
		(void)fputs(notice.html, ctl->view.out);
		return EXIT_DONE;
	}
	show_notice(ctl, library, name, channel, &notice);
	return EXIT_DONE;
}

static int run_preview(struct ctl *ctl, const struct invocation *call)
{
	CLEANUP(library_freep) struct library *library = NULL;
	int r = load_library(ctl, &library);

	return r == 0 ? render(ctl, library, call) : r;
}

static const struct option_row preview_options[] = {
	{ "channel", "CHANNEL", "email, sms, call, letter or voice (the step's, else email)" },
	{ "locale", "TAG", "of the reader, such as fr-FR (the debtor's, else the creditor's)" },
	{ "invoice", "INVOICE", "with the figures of this one, instead of a made-up one" },
	{ "many", NULL, "about two made-up invoices" },
	{ "on", "DATE", "as it would read on that day (today)" },
	{ "currency", "CODE", "of the made-up ones (that of the policy's minimum, else EUR)" },
	{ "consumer", NULL, "as a consumer reads it" },
	{ "html", NULL, "the HTML alone, for a browser" },
	{ "picture", "FILE", "the HTML as a PNG, where Chromium or its like is installed; of a letter a page" },
	{ "pdf", "FILE", "a letter as it would be printed" },
	{ "page", "N", "of a letter's picture (1)" },
	{ "width", "PIXELS", "of the picture (800; a telephone has 360)" },
	{ "dark", NULL, "the picture in dark colours" },
	{ 0 },
};

const struct command cmd_template_preview = { .name = "template preview", .args = "TEMPLATE|POLICY/STEP", .min_args = 1, .max_args = 1,
	.help = "a message as its reader will get it", .options = preview_options, .run = run_preview };
