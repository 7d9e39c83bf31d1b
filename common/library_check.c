/* Whether this configuration can carry out a policy: its side of the lint. */
#include "common/library_check.h"

#include <errno.h>
#include <string.h>

/* What the adapter makes of this sender: a mail needs an address, an SMS perhaps a number, a letter a house. The recipient is any. */
static int check_sender(const struct library_check *check, const struct library_provider *provider, const struct sender *sender,
	enum channel channel, struct err *err)
{
	static const struct postal anywhere = { .line1 = "1", .postcode = "75001", .city = "C", .region = "R", .country = "FR" };
	static const struct attachment page = { "letter.pdf", "application/pdf", "%PDF-", 5 };
	static const char *const invoices[] = { "INV-1" };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct message message = { .attempt_id = "00000000000000000000000000", .channel = channel, .provider = provider->name,
		.to = { .name = "A", .email = "a@example.com", .phone = "+15005550006" },
		.from = { .name = sender->name, .email = sender->email, .phone = sender->phone,
			.reply_to = sender->reply_to },
		.locale = "en", .subject = channel == CHANNEL_EMAIL || channel == CHANNEL_LETTER ? "S" : NULL, .text = "T",
		.html = channel == CHANNEL_EMAIL ? "<p>T</p>" : NULL, .debtor_id = "D", .step = "s", .policy = "p",
		.invoice_ids = invoices, .invoice_count = 1 };
	const struct adapter_input input = { .settings = provider->settings, .message = &message };
	CLEANUP(buf_clear) struct buf mail = { 0 };
	struct http_request request;
	struct err inner = { 0 };
	int r;

	if (channel == CHANNEL_LETTER) {
		if (!check->config->creditor_postal.line1)
			return err_set(err, -EBADMSG, "no_postal", "$.creditor.postal", "$.creditor.postal does not say where letters come from");
		message.to_postal = anywhere;
		message.from_postal = check->config->creditor_postal;
		message.attachments = &page;
		message.attachment_count = 1;
	}
	r = provider->smtp ? smtp_mail(&message, &mail, &inner) : adapter_request(provider->adapter, &input, arena, &request, &inner);
	return r < 0 ? err_set(err, r, inner.code, "$.senders", "provider \"%s\" cannot send %s as \"%s\": %s", provider->name,
			       channel_names[channel], sender->profile, inner.text) :
		       0;
}

/* A step with a file needs a provider that carries it; a letter is one itself. */
static int check_attach(const struct library_provider *provider, struct err *err)
{
	if (provider->adapter && !adapter_takes_files(provider->adapter))
		return err_set(err, -EBADMSG, "no_attachments", "$.channels", "provider \"%s\" carries no files", provider->name);
	return 0;
}

static int can_send(const struct lint_sending *sending, void *arg, struct err *err)
{
	const struct library_check *check = arg;
	const enum channel channel = sending->channel;
	const char *const *names = check->config->channel_providers[channel];
	const struct sender *sender = config_sender(check->config, sending->sender);
	int r = 0;

	if (!sender)
		return err_set(err, -EBADMSG, "unknown_sender", "$.senders", "$.senders has no \"%s\"", sending->sender);
	if (sending->documents && !check->config->documents_dir && !check->config->documents_fetch)
		return err_set(err, -EBADMSG, "no_documents", "$.documents", "neither $.documents.dir nor $.documents.fetch says where the PDFs are");
	if (channel == CHANNEL_CALL || (channel == CHANNEL_LETTER && !names[0]))
		return 0; /* a person calls, or prints and posts */
	if (!names[0])
		return err_set(err, -EBADMSG, "no_provider", "$.channels", "$.channels has none for %s", channel_names[channel]);
	for (size_t i = 0; i < CHANNEL_PROVIDERS_MAX && names[i] && r == 0; i++) {
		const struct library_provider *provider = library_provider(check->library, names[i]);

		if (provider->smtp ? channel != CHANNEL_EMAIL : provider->adapter && !(adapter_sends(provider->adapter) && adapter_serves(provider->adapter, channel)))
			return err_set(err, -EBADMSG, "no_provider", "$.channels", "provider \"%s\" does not send %s", names[i],
				channel_names[channel]);
		/* One that must be registered needs a provider that proves its delivery, not one that is only quick. */
		if (provider->adapter && channel == CHANNEL_LETTER && !adapter_delivers(provider->adapter, sending->delivery))
			return err_set(err, -EBADMSG, "no_delivery", "$.channels", "provider \"%s\" posts no letters that are %s", names[i],
				letter_delivery_names[sending->delivery]);
		if (sending->attaches)
			r = check_attach(provider, err);
		if (r == 0 && (provider->adapter || provider->smtp))
			r = check_sender(check, provider, sender, channel, err);
	}
	return r;
}

/* "fr-FR" is FR; NULL: the tag names no country. In the arena. */
static const char *country_of(const char *locale, struct arena *arena)
{
	for (const char *at = locale; (at = strchr(at, '-')) != NULL;) {
		at++;
		if (strcspn(at, "-") == 2 && strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") >= 2)
			return arena_memdup(arena, at, 2);
	}
	return NULL;
}

void library_lint(const struct library_check *check, const struct policy *policy, struct lint_report *report)
{
	const struct creditor *creditor = &check->config->creditor;
	const struct lint_input input = { .policy = policy, .law = check->library->law, .zone = creditor->zone,
		.country = check->bare ? NULL : country_of(creditor->locale, report->arena), .locale = check->bare ? NULL : creditor->locale,
		.creditor = check->bare ? NULL : creditor, .texts = check->texts, .can_send = check->bare ? NULL : can_send, .arg = (void *)(uintptr_t)check };

	lint_policy(&input, report);
}
