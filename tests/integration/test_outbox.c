/* The outbox on a real folder: whole files, once per attempt, and what happens when the disk does not do its part. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "daemon/outbox.h"
#include "tests/support/tree.h"

#define NOW INT64_C(1772442000000) /* 2026-03-02T09:00:00Z, a Monday */
#define WAIT_S 60
#define ID "01HQZZ00000000000000000001"

struct trip {
	bool declines, started;
	unsigned asked, done, looked_up;
	struct outcome outcome;
	char reason[32], id[64];
	enum lookup_result found;
};

struct fixture {
	char parent[64], dir[80];
	struct event_base *base;
	struct outbox *outbox;
	struct message message;
	struct trip trips[200];
	bool late;
};

static const char *const invoices[] = { "INV-1", "INV-2" };

static void fill_message(struct fixture *f)
{
	f->message = (struct message){ .attempt_id = ID, .channel = CHANNEL_EMAIL, .provider = "outbox",
		.to = { .name = "Mme \"Roy\"", .email = "compta@dupont.example" },
		.from = { .name = "Société Générale d'Électricité et de Réparations — Direction financière", .email = "b@acme.example",
			.reply_to = "r@acme.example" },
		.locale = "fr", .subject = "Facture F-42 échue", .text = "Bonjour,\n\nil reste 12 € = dû. \n", .html = "<p>Bonjour</p>",
		.debtor_id = "D1", .step = "reminder", .policy = "fr-b2b", .invoice_ids = invoices, .invoice_count = 2 };
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct err err = { 0 };

	(void)snprintf(f->parent, sizeof(f->parent), "/tmp/dunningd-outbox-XXXXXX");
	assert_non_null(mkdtemp(f->parent));
	(void)snprintf(f->dir, sizeof(f->dir), "%s/state/outbox", f->parent);
	f->base = event_base_new();
	if (outbox_create(f->base, f->dir, &f->outbox, &err) < 0)
		fail_msg("%s", err.text);
	fill_message(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	outbox_destroy(f->outbox);
	event_base_free(f->base);
	tree_remove(f->parent);
	free(f);
	return 0;
}

static bool may_start(void *arg)
{
	struct trip *trip = arg;

	trip->asked++;
	return !trip->declines;
}

static void on_done(const struct outcome *outcome, void *arg)
{
	struct trip *trip = arg;

	assert_true(trip->started);
	trip->done++;
	trip->outcome = *outcome;
	(void)snprintf(trip->reason, sizeof(trip->reason), "%s", outcome->reason);
	(void)snprintf(trip->id, sizeof(trip->id), "%s", outcome->provider_id ? outcome->provider_id : "");
}

static void on_lookup(enum lookup_result result, const char *provider_id, void *arg)
{
	struct trip *trip = arg;

	trip->looked_up++;
	trip->found = result;
	(void)snprintf(trip->id, sizeof(trip->id), "%s", provider_id ? provider_id : "");
}

static void on_late(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	*(bool *)arg = true;
}

static void run_until(struct fixture *f, const unsigned *count)
{
	struct event *late = evtimer_new(f->base, on_late, &f->late);

	event_add(late, &(struct timeval){ .tv_sec = WAIT_S });
	while (!*count) {
		event_base_loop(f->base, EVLOOP_ONCE);
		if (f->late)
			fail_msg("no callback came");
	}
	event_free(late);
}

static void start(struct fixture *f, size_t n, int64_t now)
{
	outbox_start(f->outbox, &f->message, now, may_start, on_done, &f->trips[n]);
	f->trips[n].started = true;
}

static void assert_goes(struct fixture *f, size_t n, int64_t now, enum outcome_kind kind, const char *reason)
{
	start(f, n, now);
	run_until(f, &f->trips[n].done);
	assert_string_equal(outcome_names[f->trips[n].outcome.kind], outcome_names[kind]);
	assert_string_equal(f->trips[n].reason, reason);
	assert_int_equal(f->trips[n].done, 1);
}

static void read_file(struct fixture *f, const char *name, struct buf *ret)
{
	char path[160];
	struct err err = { 0 };

	(void)snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	buf_reset(ret);
	if (file_read(path, 1 << 20, ret, &err) < 0)
		fail_msg("%s", err.text);
}

static size_t count_files(struct fixture *f, const char *suffix)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	char **names;
	size_t count;

	assert_int_equal(file_list(arena, f->dir, suffix, &names, &count), 0);
	return count;
}

/* --- what is written ------------------------------------------------------------------------------------------------------ */

static const char mail[] =
	"Date: Mon, 02 Mar 2026 09:00:00 +0000\r\n"
	"From: =?UTF-8?B?U29jacOpdMOpIEfDqW7DqXJhbGUgZCfDiWxlY3Ry?=\r\n"
	" =?UTF-8?B?aWNpdMOpIGV0IGRlIFLDqXBhcmF0aW9ucyDigJQg?=\r\n"
	" =?UTF-8?B?RGlyZWN0aW9uIGZpbmFuY2nDqHJl?=\r\n"
	" <b@acme.example>\r\n"
	"To: \"Mme \\\"Roy\\\"\" <compta@dupont.example>\r\n"
	"Reply-To: <r@acme.example>\r\n"
	"Subject: =?UTF-8?B?RmFjdHVyZSBGLTQyIMOpY2h1ZQ==?=\r\n"
	"Message-ID: <" ID "@acme.example>\r\n"
	"Auto-Submitted: auto-generated\r\n"
	"Content-Language: fr\r\n"
	"X-Dunningd-Attempt: " ID "\r\n"
	"X-Dunningd-Provider: outbox\r\n"
	"X-Dunningd-Debtor: D1\r\n"
	"X-Dunningd-Policy: fr-b2b\r\n"
	"X-Dunningd-Step: reminder\r\n"
	"X-Dunningd-Invoice: INV-1\r\n"
	"X-Dunningd-Invoice: INV-2\r\n"
	"MIME-Version: 1.0\r\n"
	"Content-Type: multipart/alternative; boundary=\"=_" ID "\"\r\n\r\n"
	"--=_" ID "\r\n"
	"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
	"Bonjour,\r\n\r\nil reste 12 =E2=82=AC =3D d=C3=BB.=20\r\n\r\n"
	"--=_" ID "\r\n"
	"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
	"<p>Bonjour</p>\r\n"
	"--=_" ID "--\r\n";

static void mail_is_a_mail_file(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_clear) struct buf got = { 0 };
	struct stat st;
	char path[160];

	assert_goes(f, 0, NOW, OUTCOME_ACCEPTED, "accepted");
	assert_string_equal(f->trips[0].id, ID ".eml");
	assert_int_equal(f->trips[0].asked, 1);
	read_file(f, ID ".eml", &got);
	assert_string_equal(got.data, mail);
	(void)snprintf(path, sizeof(path), "%s/" ID ".eml", f->dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_nlink, 1); /* the temporary name is gone */
	assert_int_equal(stat(f->dir, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

static void the_rest_is_plain_text(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_clear) struct buf got = { 0 };

	f->message.channel = CHANNEL_SMS;
	f->message.to.phone = "+33100000000";
	f->message.subject = NULL;
	f->message.html = NULL;
	f->message.from.name = "ACME";
	f->message.text = "Facture F-42";
	assert_goes(f, 0, NOW, OUTCOME_ACCEPTED, "accepted");
	assert_string_equal(f->trips[0].id, ID ".txt");
	read_file(f, ID ".txt", &got);
	assert_string_equal(got.data, "Date: Mon, 02 Mar 2026 09:00:00 +0000\nChannel: sms\nFrom: ACME, b@acme.example\n"
				      "To: Mme \"Roy\", +33100000000\nAttempt: " ID "\nProvider: outbox\nDebtor: D1\n"
				      "Policy: fr-b2b\nStep: reminder\nInvoice: INV-1\nInvoice: INV-2\n\nFacture F-42\n");
}

static const struct attachment invoice_files[] = { { "Facture n\xc2\xb0 42.pdf", "application/pdf", "%PDF-1.4\n<<>>\0\xff%%EOF\r\n" "0123456789012345678901234567890123456789", 62 } };

static void files_go_along(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_clear) struct buf got = { 0 };

	f->message.attachments = invoice_files;
	f->message.attachment_count = 1;
	assert_goes(f, 0, NOW, OUTCOME_ACCEPTED, "accepted");
	read_file(f, ID ".eml", &got);
	assert_non_null(strstr(got.data, "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"=_m_" ID "\"\r\n\r\n--=_m_" ID "\r\n"
		"Content-Type: multipart/alternative; boundary=\"=_" ID "\"\r\n"));
	assert_non_null(strstr(got.data, "--=_" ID "--\r\n--=_m_" ID "\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; "
		"filename*=utf-8''Facture%20n%C2%B0%2042.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
		"JVBERi0xLjQKPDw+PgD/JSVFT0YNCjAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0\r\nNTY3ODk=\r\n--=_m_" ID "--\r\n"));
	buf_reset(&got);
	f->message.text = f->message.html = NULL; /* a file alone */
	outbox_render(&f->message, NOW, &got);
	assert_null(strstr(got.data, "text/plain"));
}

static void a_letter_and_its_document(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_clear) struct buf got = { 0 };

	f->message.channel = CHANNEL_LETTER;
	f->message.attachments = invoice_files;
	f->message.attachment_count = 1;
	f->message.registered = true;
	f->message.text = f->message.html = NULL;
	f->message.to_postal = (struct postal){ .line1 = "1 rue X", .line2 = "", .postcode = "75001", .city = "Paris", .country = "FR" };
	assert_goes(f, 0, NOW, OUTCOME_ACCEPTED, "accepted"); /* the document itself, to be printed */
	read_file(f, ID ".pdf", &got);
	assert_int_equal(got.len, invoice_files[0].len);
	assert_memory_equal(got.data, invoice_files[0].data, got.len);
	assert_goes(f, 1, NOW + 60000, OUTCOME_ACCEPTED, "accepted"); /* once more: it is the same */
	assert_int_equal(outbox_forget(f->outbox, (const char *const[]){ ID }, 1), 0);
	buf_reset(&got);
	f->message.attachments = &(struct attachment){ invoice_files[0].name, "application/octet-stream", invoice_files[0].data, invoice_files[0].len };
	assert_goes(f, 2, NOW, OUTCOME_ACCEPTED, "accepted"); /* of one without a PDF all that is known */
	read_file(f, ID ".txt", &got);
	assert_non_null(strstr(got.data, "\nTo address: 1 rue X, 75001, Paris, FR\nRegistered: yes\n\n\n\nAttachment: Facture n\xc2\xb0 42.pdf "
		"(application/octet-stream, 62 bytes)\nJVBERi0xLjQKPDw+PgD/JSVFT0YNCjAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0\nNTY3ODk=\n"));
}

/* Each encoded word must be whole characters: RFC 2047, section 5. */
static void no_character_is_cut(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_clear) struct buf got = { 0 };

	f->message.subject = "xéééééééééééééééééééé";
	outbox_render(&f->message, NOW, &got);
	assert_non_null(strstr(got.data, "\r\nSubject: =?UTF-8?B?eMOpw6nDqcOpw6nDqcOpw6nDqcOpw6nDqcOpw6k=?=\r\n =?UTF-8?B?w6nDqcOpw6nDqcOp?=\r\n"));
}

static void no_line_of_a_mail_is_too_long(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_clear) struct buf got = { 0 };
	char text[3000], subject[1901];

	memset(text, '=', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	memset(subject, 'x', sizeof(subject) - 1);
	subject[sizeof(subject) - 1] = '\0';
	f->message.text = text;
	f->message.subject = subject;
	outbox_render(&f->message, NOW, &got);
	for (const char *line = got.data, *end; (end = strstr(line, "\r\n")); line = end + 2)
		assert_true(end - line <= 78);
}

/* --- once ------------------------------------------------------------------------------------------------------------------- */

static void a_second_request_is_accepted_as_the_first_was(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_clear) struct buf got = { 0 };

	assert_goes(f, 0, NOW, OUTCOME_ACCEPTED, "accepted");
	assert_goes(f, 1, NOW + 86400000, OUTCOME_ACCEPTED, "accepted");
	assert_string_equal(f->trips[1].id, ID ".eml");
	read_file(f, ID ".eml", &got);
	assert_string_equal(got.data, mail); /* with the first one's date */
	assert_int_equal(count_files(f, ""), 1);
}

static void another_message_never_replaces_the_first(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_clear) struct buf got = { 0 };
	static const char *const texts[] = { "Bonjour,\n\nil reste 13 € = dû. \n", "Bonjour", "Bonjour,\n\nil reste 12 € = dû. \nMerci\n" };

	assert_goes(f, 0, NOW, OUTCOME_ACCEPTED, "accepted");
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		f->message.text = texts[i];
		assert_goes(f, i + 1, NOW, OUTCOME_IN_DOUBT, "conflict");
	}
	read_file(f, ID ".eml", &got);
	assert_string_equal(got.data, mail);
	assert_int_equal(count_files(f, ""), 1);
}

static void a_torn_file_of_a_crash_is_no_message(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_clear) struct buf got = { 0 };
	char path[160];

	(void)snprintf(path, sizeof(path), "%s/." ID ".eml", f->dir); /* what a crash before the link leaves */
	assert_int_equal(file_replace(path, "Date: Mon, 02 Mar 2026 09:00:00 +0000\r\nFrom: and then the power was gone for a while", 80, 0600), 0);
	assert_goes(f, 0, NOW, OUTCOME_ACCEPTED, "accepted");
	read_file(f, ID ".eml", &got);
	assert_string_equal(got.data, mail);
	assert_int_equal(access(path, F_OK), -1);
}

static void no_means_no_file(void **state)
{
	struct fixture *f = *state;

	f->trips[0].declines = true;
	assert_goes(f, 0, NOW, OUTCOME_CANCELLED, "not_started");
	assert_int_equal(f->trips[0].asked, 1);
	assert_int_equal(count_files(f, ""), 0);
}

static void many_at_once(void **state)
{
	struct fixture *f = *state;
	struct outbox_counters counters;
	char id[ATTEMPT_ID_SIZE];

	f->message.attempt_id = id;
	for (size_t i = 0; i < ARRAY_LEN(f->trips); i++) {
		(void)snprintf(id, sizeof(id), "01HQZZ00000000000000000%03u", (unsigned)i);
		start(f, i, NOW);
	}
	for (size_t i = 0; i < ARRAY_LEN(f->trips); i++) {
		run_until(f, &f->trips[i].done);
		assert_int_equal(f->trips[i].outcome.kind, OUTCOME_ACCEPTED);
		assert_int_equal(f->trips[i].asked, 1);
	}
	assert_int_equal(count_files(f, ".eml"), ARRAY_LEN(f->trips));
	outbox_count(f->outbox, &counters);
	assert_int_equal(counters.outcomes[OUTCOME_ACCEPTED], ARRAY_LEN(f->trips));
	assert_int_equal(counters.in_flight, 0);
}

/* --- what cannot be written ---------------------------------------------------------------------------------------------- */

static void a_message_with_a_fault_is_refused(void **state)
{
	struct fixture *f = *state;
	static const char *const ids[] = { "", "../../../../etc/cron.d/x", "01HQZZ0000000000000000000/", "01hqzz00000000000000000001",
		"01HQZZ000000000000000000011" };

	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		f->message.attempt_id = ids[i];
		assert_goes(f, i, NOW, OUTCOME_REFUSED, "bad_id");
	}
	f->message.attempt_id = ID;
	f->message.to.email = "nobody";
	assert_goes(f, 10, NOW, OUTCOME_REFUSED, "bad_address");
	assert_int_equal(f->trips[10].outcome.scope, SCOPE_RECIPIENT);
	f->message.to.email = "a@example.com";
	f->message.subject = "Invoice\r\nBcc: eve@example.com";
	assert_goes(f, 11, NOW, OUTCOME_REFUSED, "control_character");
	assert_int_equal(f->trips[11].outcome.scope, SCOPE_MESSAGE);
	assert_int_equal(f->trips[11].asked, 0);
	assert_int_equal(count_files(f, ""), 0);
}

/* A limit on the size of files ends a write half-way, as a full disk does. */
static void a_full_disk_is_surely_not_sent(void **state)
{
	struct fixture *f = *state;
	struct rlimit before, small;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 100;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	start(f, 0, NOW);
	run_until(f, &f->trips[0].done);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(f->trips[0].outcome.kind, OUTCOME_TEMPORARY);
	assert_string_equal(f->trips[0].reason, "no_space");
	assert_int_equal(count_files(f, ""), 0);
	assert_goes(f, 1, NOW, OUTCOME_ACCEPTED, "accepted");
}

/*
 * One message, written by this same program under strace, which makes the n-th fsync fail: the first is the file's, the second its
 * folder's. What became of it is printed.
 */
static void sync_fails(struct fixture *f, int n, const char *expected, size_t files)
{
	CLEANUP(buf_clear) struct buf command = { 0 };
	char self[400], got[100] = "";
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	FILE *pipe;

	assert_true(len > 0);
	self[len] = '\0';
	/* The leak checker and strace both want to be the one that traces. */
	buf_printf(&command, "ASAN_OPTIONS=detect_leaks=0 strace -f -qq -o /dev/null -e inject=fsync:error=EIO:when=%d '%s' '%s'", n,
		self, f->dir);
	pipe = popen(command.data, "re");
	assert_non_null(pipe);
	(void)!fgets(got, sizeof(got), pipe);
	assert_int_equal(pclose(pipe), 0);
	assert_string_equal(got, expected);
	assert_int_equal(count_files(f, ""), files);
}

static void a_file_that_is_not_on_the_disk_is_not_accepted(void **state)
{
	struct fixture *f = *state;

	if (system("strace -V >/dev/null 2>&1") != 0) {
		if (getenv("CI"))
			fail_msg("strace is missing");
		skip();
	}
	sync_fails(f, 1, "temporary disk", 0);
	sync_fails(f, 2, "in_doubt disk", 1); /* it may be there after a power cut, or not */
	sync_fails(f, 3, "accepted accepted", 1); /* there is no third one; the file is there already */
	sync_fails(f, 2, "in_doubt disk", 1); /* a repeated request syncs the folder too */
}

static void a_folder_that_is_gone_is_surely_not_sent(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(rmdir(f->dir), 0);
	assert_goes(f, 0, NOW, OUTCOME_TEMPORARY, "disk");
}

static void a_folder_that_cannot_be_made(void **state)
{
	struct fixture *f = *state;
	struct outbox *outbox = NULL;
	struct err err = { 0 };
	char path[120];

	(void)snprintf(path, sizeof(path), "%s/file", f->parent);
	assert_int_equal(file_replace(path, "", 0, 0600), 0);
	(void)snprintf(path, sizeof(path), "%s/file/outbox", f->parent);
	assert_int_equal(outbox_create(f->base, path, &outbox, &err), -ENOTDIR);
	assert_non_null(strstr(err.text, path));
	assert_null(outbox);
}

static void a_look_up_looks_for_the_file(void **state)
{
	struct fixture *f = *state;

	outbox_lookup(f->outbox, &f->message, on_lookup, &f->trips[0]);
	assert_int_equal(f->trips[0].looked_up, 0);
	run_until(f, &f->trips[0].looked_up);
	assert_int_equal(f->trips[0].found, LOOKUP_MISSED);
	assert_goes(f, 1, NOW, OUTCOME_ACCEPTED, "accepted");
	outbox_lookup(f->outbox, &f->message, on_lookup, &f->trips[2]);
	run_until(f, &f->trips[2].looked_up);
	assert_int_equal(f->trips[2].found, LOOKUP_FOUND);
	assert_string_equal(f->trips[2].id, ID ".eml");
}

static void what_is_forgotten_is_gone(void **state)
{
	struct fixture *f = *state;
	static const char *const ids[] = { "01JZ0000000000000000000000", ID, "../other", "call:INV-1:call" };

	assert_int_equal(outbox_forget(f->outbox, ids, ARRAY_LEN(ids)), 0); /* nothing is there */
	assert_goes(f, 0, NOW, OUTCOME_ACCEPTED, "accepted");
	assert_int_equal(count_files(f, ""), 1);
	assert_int_equal(outbox_forget(f->outbox, ids, 1), 0);
	assert_int_equal(count_files(f, ""), 1);
	assert_int_equal(outbox_forget(f->outbox, ids, ARRAY_LEN(ids)), 0);
	assert_int_equal(count_files(f, ""), 0);
}

static void nothing_is_called_after_the_end(void **state)
{
	struct fixture *f = *state;

	start(f, 0, NOW);
	event_base_loop(f->base, EVLOOP_ONCE); /* it is with the thread */
	assert_int_equal(f->trips[0].asked, 1);
	f->trips[0].done = 0;
	start(f, 1, NOW);
	outbox_destroy(f->outbox);
	f->outbox = NULL;
	event_base_loop(f->base, EVLOOP_NONBLOCK);
	assert_int_equal(f->trips[0].done + f->trips[1].done + f->trips[1].asked, 0);
	assert_int_equal(count_files(f, ".eml"), 1); /* what was begun is finished */
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

/* For sync_fails(): writes the message into the folder and says what became of it. */
static int write_one(const char *dir)
{
	struct fixture f = { 0 };
	struct err err = { 0 };

	f.base = event_base_new();
	fill_message(&f);
	if (outbox_create(f.base, dir, &f.outbox, &err) < 0)
		return 1;
	start(&f, 0, NOW);
	run_until(&f, &f.trips[0].done);
	printf("%s %s", outcome_names[f.trips[0].outcome.kind], f.trips[0].reason);
	outbox_destroy(f.outbox);
	event_base_free(f.base);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(mail_is_a_mail_file),
		TEST(the_rest_is_plain_text),
		TEST(files_go_along),
		TEST(a_letter_and_its_document),
		TEST(no_character_is_cut),
		TEST(no_line_of_a_mail_is_too_long),
		TEST(a_second_request_is_accepted_as_the_first_was),
		TEST(another_message_never_replaces_the_first),
		TEST(a_torn_file_of_a_crash_is_no_message),
		TEST(no_means_no_file),
		TEST(many_at_once),
		TEST(a_message_with_a_fault_is_refused),
		TEST(a_full_disk_is_surely_not_sent),
		TEST(a_folder_that_is_gone_is_surely_not_sent),
		TEST(a_folder_that_cannot_be_made),
		TEST(a_look_up_looks_for_the_file),
		TEST(a_file_that_is_not_on_the_disk_is_not_accepted),
		TEST(what_is_forgotten_is_gone),
		TEST(nothing_is_called_after_the_end),
	};

	if (argc == 2)
		return write_one(argv[1]);

	return cmocka_run_group_tests(tests, NULL, NULL);
}
