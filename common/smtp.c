#include "common/smtp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/hash.h"
#include "common/mime.h"

#define HOST_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-"
#define ID_MAX 200

/* --- settings -------------------------------------------------------------------------------------------------------------- */

static bool host_ok(const char *s, size_t len)
{
	return len > 0 && len <= 253 && s[0] != '-' && s[0] != '.' && strspn(s, HOST_CHARS) >= len;
}

static bool port_ok(const char *s)
{
	size_t digits = strspn(s, "0123456789");

	return digits > 0 && digits <= 5 && !s[digits] && atoi(s) > 0 && atoi(s) <= 65535;
}

/* The host of "smtp://host:port", of *len bytes (an IPv6 address with its brackets); NULL: it has none, or more than host and port. */
static const char *url_host(const char *url, size_t *len)
{
	const char *host = strstr(url, "://"), *end;

	if (!host)
		return NULL;
	host += 3;
	if (*host == '[') {
		*len = strspn(host + 1, "0123456789abcdefABCDEF:.") + 2;
		if (host[*len - 1] != ']')
			return NULL;
	} else {
		*len = strcspn(host, ":");
		if (!host_ok(host, *len))
			return NULL;
	}
	end = host + *len;
	return !*end || (*end == ':' && port_ok(end + 1)) ? host : NULL;
}

static bool is_loopback(const char *host, size_t len)
{
	return (len == 9 && strncasecmp(host, "localhost", len) == 0) || (len == 5 && strncmp(host, "[::1]", len) == 0) ||
		(len >= 9 && len <= 15 && strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") >= len);
}

bool smtp_is_local(const struct smtp_settings *settings)
{
	size_t len = 0;
	const char *host = url_host(settings->url, &len);

	return host && is_loopback(host, len);
}

static int bad(struct err *err, const char *path, const char *text)
{
	return err_set(err, -EBADMSG, "bad_value", path, "%s", text);
}

static int check(const struct smtp_settings *s, const char *starttls, struct err *err)
{
	bool tls = s->url && strncmp(s->url, "smtps://", 8) == 0;
	size_t len;

	if (!s->url)
		return err_set(err, -EBADMSG, "missing", "$.settings.url", "must be there: smtp://host:587, or smtps://host:465");
	if ((!tls && strncmp(s->url, "smtp://", 7) != 0) || !url_host(s->url, &len))
		return bad(err, "$.settings.url", "must be like smtp://host:587 or smtps://host:465, without user or path");
	if (starttls && strcmp(starttls, "true") != 0 && strcmp(starttls, "false") != 0)
		return bad(err, "$.settings.starttls", "must be true or false");
	if (starttls && tls)
		return bad(err, "$.settings.starttls", "smtps:// speaks TLS from its first byte: leave it out");
	if (starttls && strcmp(starttls, "false") == 0 && !smtp_is_local(s))
		return bad(err, "$.settings.starttls", "without TLS only a server on this machine is spoken to (localhost, 127.x, [::1])");
	if (s->helo && (!host_ok(s->helo, strlen(s->helo)) || s->helo[strspn(s->helo, HOST_CHARS)]))
		return bad(err, "$.settings.helo", "must be a host's name");
	if (s->return_path && !email_valid(s->return_path))
		return bad(err, "$.settings.return_path", "must be a mail address");
	if (s->user && (!*s->user || strspn(s->user, " \t") || strpbrk(s->user, "\r\n")))
		return bad(err, "$.settings.user", "must be the name to log in with");
	if (!s->user != !s->password)
		return err_set(err, -EBADMSG, "missing", s->user ? "$.secrets.password" : "$.settings.user",
			"user and password go together: settings.user, and secrets.password with the name of a credential");
	return 0;
}

int smtp_settings_read(const struct provider_settings *settings, struct smtp_settings *ret, struct err *err)
{
	struct smtp_settings s = { 0 };
	const char *starttls = NULL;
	const struct {
		const char *key, **value;
	} rows[] = { { "url", &s.url }, { "user", &s.user }, { "password", &s.password }, { "helo", &s.helo },
		{ "return_path", &s.return_path }, { "starttls", &starttls } };
	int r;

	for (const char *const *pair = settings->settings; *pair; pair += 2) {
		size_t i = 0;

		while (i < ARRAY_LEN(rows) && strcmp(rows[i].key, pair[0]) != 0)
			i++;
		if (i == ARRAY_LEN(rows))
			return err_set(err, -EBADMSG, "unknown_member", "$.settings",
				"has the unknown member \"%.60s\": known are url, user, starttls, helo, return_path; and in secrets: password", pair[0]);
		*rows[i].value = pair[1];
	}
	if ((r = check(&s, starttls, err)) < 0)
		return r;
	if (strncmp(s.url, "smtps://", 8) == 0)
		s.tls = SMTP_TLS;
	else if (starttls ? strcmp(starttls, "true") == 0 : !smtp_is_local(&s))
		s.tls = SMTP_STARTTLS;
	*ret = s;
	return 0;
}

/* --- the mail ---------------------------------------------------------------------------------------------------------------- */

int smtp_mail(const struct message *message, struct buf *ret, struct err *err)
{
	int r;

	if (message->channel != CHANNEL_EMAIL)
		return err_set(err, -EBADMSG, "no_mail", "$.channel", "by SMTP mail alone is sent");
	if ((r = message_check(message, err)) < 0)
		return r;
	mime_head(message, message->written_at, ret);
	mime_body(message, ret);
	return 0;
}

const char *smtp_return_path(const struct smtp_settings *settings, const struct message *message)
{
	return settings->return_path ? settings->return_path : message->from.email;
}

static bool is_ascii(const char *s)
{
	for (; s && *s; s++)
		if (*s & 0x80)
			return false;
	return true;
}

const char *smtp_hindrance(const struct smtp_dialogue *d, const struct message *m, const char *return_path, size_t len)
{
	bool ascii = is_ascii(m->to.email) && is_ascii(m->from.email) && is_ascii(m->from.reply_to) && is_ascii(return_path);

	if (!ascii && !d->utf8)
		return "no_smtputf8";
	return d->size_max > 0 && len > (uint64_t)d->size_max ? "too_large" : NULL;
}

/* --- the dialogue -------------------------------------------------------------------------------------------------------------- */

void smtp_dialogue_clear(struct smtp_dialogue *d)
{
	buf_clear(&d->text);
	*d = (struct smtp_dialogue){ 0 };
}

static void note(struct smtp_dialogue *d, const char *who, const char *line, size_t len)
{
	while (len > 0 && (line[len - 1] == '\r' || line[len - 1] == '\n'))
		len--;
	if (d->text.len + len + 5 > SMTP_DIALOGUE_MAX) {
		d->too_long = true;
		return;
	}
	buf_add_str(&d->text, who);
	buf_add(&d->text, line, len);
	buf_add_str(&d->text, "\r\n");
}

static void read_extension(struct smtp_dialogue *d, const char *text)
{
	if (strncasecmp(text, "SMTPUTF8", 8) == 0)
		d->utf8 = true;
	if (strncasecmp(text, "SIZE ", 5) == 0)
		d->size_max = strtoll(text + 5, NULL, 10);
}

/* IANA's registry: DKIM, SPF, the reverse DNS, or several of them, fail, and our sender's domain takes no mail: X.7.20 to X.7.27. */
static bool is_code_of_us(const char *line)
{
	int class, subject, detail;

	return sscanf(line, "%1d.%3d.%3d", &class, &subject, &detail) == 3 && class == 5 && subject == 7 && detail >= 20 && detail <= 27;
}

/*
 * That it does not relay for us has the 550 of any policy (RFC 5321 section 3.6.2) and the X.7.1 of what is refused for this recipient alone (RFC
 * 3463), and so has what Postfix thinks of our host, name and sender and says at RCPT (smtpd_delay_reject): only the words tell, on any line of a
 * reply. Each has a space, as the reply may name an address, too. A list of recipients' domains (reject_rhsbl_recipient) is about them.
 */
static bool is_said_of_us(const struct smtp_dialogue *d, const char *line)
{
	static const char *const words[] = { "relay access denied" /* Postfix */, "client host", "helo command", "sender address rejected",
		"sender address [", "blocked using", "relay not permitted" /* Exim */, "black list at", "in an rbl", "relaying denied" /* Sendmail */,
		"unable to relay" /* Exchange */, "sending ip", "banned send", "on our block list", "relaying not allowed", "relay denied", "not relay",
		"your ip ", "your host ", "your server ", "your reverse dns", "ptr record", "poor reputation", "due to: spf" };

	if (d->phase != SMTP_RECIPIENT && d->phase != SMTP_DATA)
		return is_code_of_us(line) && d->phase == SMTP_END; /* behind the mail, "blocked using" may be a word about what stands in it */
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcasestr(line, words[i]))
			return !strcasestr(line, "recipient address [");
	return is_code_of_us(line);
}

void smtp_heard(struct smtp_dialogue *d, const char *line, size_t len)
{
	note(d, "S: ", line, len);
	if (d->over)
		return;
	while (len > 0 && (line[len - 1] == '\r' || line[len - 1] == '\n' || line[len - 1] == ' '))
		len--;
	if (len < 3 || strspn(line, "0123456789") < 3 || (len > 3 && line[3] != ' ' && line[3] != '-'))
		return; /* no reply at all */
	d->code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + line[2] - '0';
	snprintf(d->reply, sizeof(d->reply), "%.*s", len > 4 ? (int)(len - 4) : 0, line + (len > 4 ? 4 : 3));
	d->of_us |= d->code >= 500 && is_said_of_us(d, d->reply);
	d->answered = len == 3 || line[3] == ' ';
	d->over = d->answered && d->phase == SMTP_END; /* a 421 behind it, or what QUIT gets, changes nothing any more */
	d->secret = d->phase == SMTP_LOGIN && d->code == 334;
	if (d->phase == SMTP_HELLO && d->code == 250)
		read_extension(d, d->reply);
}

static bool begins(const char *command, size_t len, const char *word)
{
	size_t n = strlen(word);

	return len >= n && strncasecmp(command, word, n) == 0 && (len == n || command[n] == ' ' || command[n] == '\r');
}

void smtp_said(struct smtp_dialogue *d, const char *command, size_t len)
{
	static const struct {
		const char *word;
		enum smtp_phase phase;
	} words[] = { { "EHLO", SMTP_HELLO }, { "HELO", SMTP_HELLO }, { "STARTTLS", SMTP_SECURING }, { "AUTH", SMTP_LOGIN },
		{ "MAIL", SMTP_MAIL }, { "RCPT", SMTP_RECIPIENT }, { "DATA", SMTP_DATA }, { "QUIT", SMTP_END } };

	if (d->secret) {
		note(d, "C: ", "***", 3);
		d->secret = d->answered = false;
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (!begins(command, len, words[i].word))
			continue;
		if (words[i].phase == SMTP_HELLO) { /* after STARTTLS it counts anew */
			d->utf8 = false;
			d->size_max = 0;
		}
		if (words[i].phase == SMTP_LOGIN) { /* "AUTH", mechanism, and perhaps all that is secret */
			size_t name = len > 5 ? 5 + strcspn(command + 5, " \r\n") : len;

			note(d, "C: ", command, name < len ? name : len);
			if (name < len && command[name] == ' ') {
				d->text.len -= 2;
				buf_add_str(&d->text, " ***\r\n");
			}
		} else {
			note(d, "C: ", command, len);
		}
		d->over = d->over || words[i].phase == SMTP_END;
		if (!d->over) {
			d->phase = words[i].phase;
			d->answered = d->of_us = false;
		}
		return;
	}
	note(d, "C: ", "***", 3); /* nothing that we know: rather too little than a secret */
}

void smtp_ended(struct smtp_dialogue *d, const void *mail, size_t len)
{
	uint8_t digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1], line[160];

	sha256(mail, len, digest);
	snprintf(line, sizeof(line), "(the mail, %zu bytes, SHA-256 %s)", len, hex_format(digest, SHA256_SIZE, hex));
	note(d, "C: ", line, strlen(line));
	note(d, "C: ", ".", 1);
	d->phase = SMTP_END;
	d->answered = d->of_us = false;
}

/* --- what it means -------------------------------------------------------------------------------------------------------------- */

/* RFC 3463: "5.1.1" at the beginning of a reply. False: there is none. */
static bool enhanced(const char *reply, int *class, int *subject, int *detail)
{
	return sscanf(reply, "%1d.%3d.%3d", class, subject, detail) == 3;
}

/* By their enhanced code alone (IANA's registry): a bare 550 may as well be the server's policy, and would burn a good address. */
static bool address_is_bad(const struct smtp_dialogue *d)
{
	static const int bad_details[] = { 1, 2, 3, 6, 10 }; /* no such mailbox, no such host, its form, moved, takes no mail (RFC 7505) */
	int class, subject, detail;

	if (d->phase != SMTP_RECIPIENT || !enhanced(d->reply, &class, &subject, &detail) || class != 5)
		return false;
	if (subject == 2)
		return detail == 1; /* the mailbox is closed */
	for (size_t i = 0; subject == 1 && i < ARRAY_LEN(bad_details); i++)
		if (bad_details[i] == detail)
			return true;
	return false;
}

/* RFC 3463: X.3.4 for the system, X.2.3 for the mailbox; without one the 552 of RFC 1870. */
static bool is_too_large(const struct smtp_dialogue *d)
{
	int class, subject, detail;

	return enhanced(d->reply, &class, &subject, &detail) ? (subject == 3 && detail == 4) || (subject == 2 && detail == 3) : d->code == 552;
}

/* Our address itself (RFC 3463: X.1.7, X.1.8), which a server may also say at RCPT; or as the "mailbox name not allowed" of RFC 5321 at MAIL. */
static bool is_sender_refused(const struct smtp_dialogue *d)
{
	int class, subject, detail;

	if (enhanced(d->reply, &class, &subject, &detail) && subject == 1 && (detail == 7 || detail == 8))
		return true;
	return d->phase == SMTP_MAIL && d->code == 553;
}

/* The mail's own size, room for it and its form are told at MAIL, too (RFC 1870, RFC 6531): X.3.4, X.2.3, X.6.x, 552. */
static bool is_about_mail(const struct smtp_dialogue *d)
{
	int class, subject, detail;

	return is_too_large(d) || d->code == 552 || (enhanced(d->reply, &class, &subject, &detail) && subject == 6);
}

/* RFC 4954 section 6: authentication is wanted, or not good enough. Up to MAIL nobody has heard of the recipient, so it is about us. */
static bool is_about_us(const struct smtp_dialogue *d)
{
	return d->phase < SMTP_MAIL || d->code == 530 || d->code == 534 || d->code == 535 || d->code == 538 || d->of_us ||
	       (d->phase == SMTP_MAIL && !is_about_mail(d));
}

static void refused(const struct smtp_dialogue *d, struct outcome *ret)
{
	ret->kind = OUTCOME_REFUSED;
	ret->reason = "refused";
	if (is_sender_refused(d)) {
		ret->scope = SCOPE_PROVIDER;
		ret->reason = "bad_sender";
	} else if (address_is_bad(d)) {
		ret->scope = SCOPE_RECIPIENT;
		ret->reason = "bad_address";
	} else if (is_about_us(d)) {
		ret->scope = SCOPE_PROVIDER;
		ret->reason = "config";
	} else if (is_too_large(d)) {
		ret->reason = "too_large";
	}
}

/* The server's name for it: "2.0.0 Ok: queued as 4F1B2C", "OK id=1rX0ab-0004Cd-1p", "2.0.0 8b8c1c5e Message accepted for delivery". */
static const char *queue_id(const char *reply, struct arena *arena)
{
	static const char *const leads[] = { "queued as ", "id=" };
	int class, subject, detail, n = 0;
	const char *id = NULL;
	char *copy;

	if (sscanf(reply, "%1d.%3d.%3d %n", &class, &subject, &detail, &n) == 3 && n > 0)
		reply += n;
	for (size_t i = 0; !id && i < ARRAY_LEN(leads); i++)
		if ((id = strstr(reply, leads[i])))
			id += strlen(leads[i]);
	if (!id && strstr(reply, " Message accepted"))
		id = reply;
	copy = id ? arena_printf(arena, "%.*s", (int)strcspn(id, " ,;"), id) : arena_printf(arena, "%.*s", ID_MAX, reply);
	for (char *p = copy; *p; p++) /* the server's bytes: an id is printable ASCII */
		if (*p < ' ' || *p > '~')
			*p = '?';
	return *copy ? copy : "250";
}

void smtp_outcome(const struct smtp_dialogue *d, const char *broken, struct arena *arena, struct outcome *ret)
{
	bool said = d->answered && d->code >= 200;

	*ret = (struct outcome){ .reason = broken, .status = said ? d->code : 0, .raw_type = "text/plain; charset=utf-8" };
	if (d->text.len) {
		ret->raw = arena_memdup(arena, d->text.data, d->text.len);
		ret->raw_len = d->text.len;
	}
	if (d->phase == SMTP_END && said && d->code < 300) {
		ret->kind = OUTCOME_ACCEPTED;
		ret->reason = "accepted";
		ret->provider_id = queue_id(d->reply, arena);
	} else if (said && d->code >= 500) {
		refused(d, ret);
	} else if (said && d->code >= 400) {
		ret->kind = OUTCOME_TEMPORARY;
		ret->reason = "deferred";
		/* Before MAIL, and with 421 always, it is the server that has no time, not this mail that must wait (RFC 5321 section 3.8). */
		ret->scope = d->phase < SMTP_MAIL || d->code == 421 ? SCOPE_PROVIDER : SCOPE_MESSAGE;
	} else if (d->phase == SMTP_END) {
		ret->kind = OUTCOME_IN_DOUBT;
	} else if (strcmp(broken, "config") == 0) {
		ret->kind = OUTCOME_REFUSED;
		ret->scope = SCOPE_PROVIDER;
	} else {
		ret->kind = OUTCOME_TEMPORARY;
		ret->status = 0;
	}
}
