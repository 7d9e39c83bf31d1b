#include "tests/support/mail_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/file.h"

#define SERVICES "/usr/lib/postfix/sbin"
#define WAIT_MS 30000

static const char main_cf[] =
	"compatibility_level = 3.6\nqueue_directory = %1$s/queue\ndata_directory = %1$s/data\nmaillog_file = %1$s/log\n"
	"maillog_file_prefixes = /tmp\nmyhostname = mail.example.test\nmydestination =\nmynetworks =\ninet_interfaces = 127.0.0.1\n"
	"inet_protocols = ipv4\nlocal_recipient_maps =\nalias_maps =\nmessage_size_limit = 2000000\nsmtputf8_enable = yes\n"
	"default_transport = error:nothing leaves\nrelay_transport = error:nothing leaves\nsmtpd_delay_reject = yes\n"
	"smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination\n"
	"smtpd_recipient_restrictions = check_recipient_access texthash:%1$s/etc/access, permit\n"
	"virtual_mailbox_domains = example.test\nvirtual_mailbox_base = %1$s/mail\nvirtual_mailbox_maps = texthash:%1$s/etc/boxes\n"
	"virtual_uid_maps = static:%2$u\nvirtual_gid_maps = static:%3$u\nvirtual_minimum_uid = 1\n"
	"smtpd_tls_cert_file = %1$s/etc/cert.pem\nsmtpd_tls_key_file = %1$s/etc/key.pem\nsmtpd_tls_security_level = may\n"
	"smtpd_sasl_type = cyrus\nsmtpd_sasl_path = smtpd\ncyrus_sasl_config_path = %1$s/etc/sasl\nsmtpd_sasl_local_domain = example.test\n";

static const char master_cf[] =
	"%1$d inet n - n - - smtpd\n"
	"%2$d inet n - n - - smtpd -o smtpd_tls_wrappermode=yes\n"
	"%3$d inet n - n - - smtpd -o smtpd_tls_security_level=encrypt -o smtpd_sasl_auth_enable=yes\n"
	" -o smtpd_client_restrictions=permit_sasl_authenticated,reject -o smtpd_reject_unlisted_recipient=no\n"
	"postlog unix-dgram n - n - 1 postlogd\ncleanup unix n - n - 0 cleanup\nqmgr unix n - n 300 1 qmgr\n"
	"tlsmgr unix - - n 1000? 1 tlsmgr\nrewrite unix - - n - - trivial-rewrite\nbounce unix - - n - 0 bounce\n"
	"defer unix - - n - 0 bounce\ntrace unix - - n - 0 bounce\nvirtual unix - n n - - virtual\nanvil unix - - n - 1 anvil\n"
	"error unix - - n - - error\nproxymap unix - - n - - proxymap\nscache unix - - n - 1 scache\n";

static const char access_map[] =
	"later@example.test 450 4.7.1 Greylisted, come back later\nclosed@example.test 550 5.2.1 Mailbox disabled\n"
	"policy@example.test 550 5.7.1 Not from you\n";

static const char boxes[] = "debtor@example.test debtor/\nzo\303\251@example.test zoe/\nlater@example.test later/\n"
			    "closed@example.test closed/\npolicy@example.test policy/\n";

/* As libsasl2's auxprop plugin "sasldb" reads it. */
static const char sasl_conf[] = "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN LOGIN\nsasldb_path: %1$s/etc/sasldb\n";

bool mail_server_can(void)
{
	return geteuid() == 0 && access(SERVICES "/master", X_OK) == 0 && getpwnam("postfix") && access("/usr/sbin/saslpasswd2", X_OK) == 0;
}

int free_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	CLEANUP(closep) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	return ntohs(address.sin_port);
}

static void put(const struct mail_server *server, const char *name, const struct buf *text)
{
	CLEANUP(buf_clear) struct buf path = { 0 };
	CLEANUP(closep) int fd = -1;

	buf_printf(&path, "%s/%s", server->dir, name);
	fd = open(path.data, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text->data, text->len), (ssize_t)text->len);
}

static void put_text(const struct mail_server *server, const char *name, const char *text)
{
	CLEANUP(buf_clear) struct buf copy = { 0 };

	buf_add_str(&copy, text);
	put(server, name, &copy);
}

static bool is_shared(const char *dir)
{
	return strcmp(dir, "queue/maildrop") == 0 || strcmp(dir, "queue/public") == 0;
}

static void make_dirs(const struct mail_server *server, const struct passwd *postfix, gid_t postdrop)
{
	static const char *const dirs[] = { "etc", "data", "mail", "queue", "queue/pid", "queue/active", "queue/bounce", "queue/corrupt", "queue/defer",
		"queue/deferred", "queue/flush", "queue/hold", "queue/incoming", "queue/saved", "queue/trace", "queue/private", "queue/maildrop",
		"queue/public", "etc/sasl" };
	char path[160];

	assert_int_equal(chmod(server->dir, 0755), 0);
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		snprintf(path, sizeof(path), "%s/%s", server->dir, dirs[i]);
		assert_int_equal(mkdir(path, strncmp(dirs[i], "queue/", 6) == 0 ? 0700 : 0755), 0);
		if (strncmp(dirs[i], "etc", 3) != 0 && strcmp(dirs[i], "queue") != 0 && strcmp(dirs[i], "queue/pid") != 0)
			assert_int_equal(chown(path, postfix->pw_uid, is_shared(dirs[i]) ? postdrop : postfix->pw_gid), 0);
	}
	snprintf(path, sizeof(path), "%s/queue/public", server->dir);
	assert_int_equal(chmod(path, 0710), 0);
	snprintf(path, sizeof(path), "%s/queue/maildrop", server->dir);
	assert_int_equal(chmod(path, 0730), 0);
	snprintf(path, sizeof(path), "%s/queue/pid", server->dir);
	assert_int_equal(chmod(path, 0755), 0);
}

static void run(const char *const *argv, const char *what)
{
	CLEANUP(buf_clear) struct buf output = { 0 };

	if (process_run(argv, &output, WAIT_MS) != 0)
		fail_msg("%s: %s", what, buf_str(&output));
}

/* A certificate of localhost, and the one who may log in. */
static void make_secrets(struct mail_server *server)
{
	char key[96], db[96], command[300];

	snprintf(key, sizeof(key), "%s/etc/key.pem", server->dir);
	snprintf(db, sizeof(db), "%s/etc/sasldb", server->dir);
	snprintf(server->certificate, sizeof(server->certificate), "%s/etc/cert.pem", server->dir);
	run((const char *const[]){ "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key,
		    "-out", server->certificate, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2", NULL },
		"openssl");
	snprintf(command, sizeof(command), "echo %s | saslpasswd2 -p -c -f %s -u example.test %s && chmod 644 %s", MAIL_PASSWORD, db, MAIL_USER, db);
	run((const char *const[]){ "sh", "-c", command, NULL }, "saslpasswd2");
}

static bool listens(int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	CLEANUP(closep) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
}

static void show_log(const struct mail_server *server)
{
	CLEANUP(buf_clear) struct buf log = { 0 };
	char path[96];

	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", server->dir, i ? "log" : "output");
		if (file_read(path, 1 << 20, &log, NULL) == 0)
			print_error("%s:\n%s\n", path, buf_str(&log));
		buf_reset(&log);
	}
}

void mail_server_open(struct mail_server *server)
{
	const struct passwd *postfix = getpwnam("postfix");
	const struct group *postdrop = getgrnam("postdrop");
	CLEANUP(buf_clear) struct buf text = { 0 };
	char etc[96], output[96];
	int64_t end = real_ms() + WAIT_MS;

	*server = (struct mail_server){ .port = free_port(), .tls_port = free_port(), .login_port = free_port() };
	snprintf(server->dir, sizeof(server->dir), "/tmp/dunningd-mail-XXXXXX");
	assert_non_null(mkdtemp(server->dir));
	make_dirs(server, postfix, postdrop->gr_gid);
	buf_printf(&text, main_cf, server->dir, (unsigned)postfix->pw_uid, (unsigned)postfix->pw_gid);
	put(server, "etc/main.cf", &text);
	buf_reset(&text);
	buf_printf(&text, master_cf, server->port, server->tls_port, server->login_port);
	put(server, "etc/master.cf", &text);
	buf_reset(&text);
	buf_printf(&text, sasl_conf, server->dir);
	put(server, "etc/sasl/smtpd.conf", &text);
	put_text(server, "etc/access", access_map);
	put_text(server, "etc/boxes", boxes);
	make_secrets(server);
	snprintf(etc, sizeof(etc), "%s/etc", server->dir);
	snprintf(output, sizeof(output), "%s/output", server->dir);
	/* In a session of its own: at its end it ends its process group. */
	process_start(&server->process, (const char *const[]){ "setsid", SERVICES "/master", "-c", etc, "-d", NULL }, output);
	while (!listens(server->port) || !listens(server->tls_port) || !listens(server->login_port)) {
		if (!process_running(&server->process) || real_ms() > end) {
			show_log(server);
			fail_msg("Postfix does not come up");
		}
		pause_ms(10);
	}
}

void mail_server_close(struct mail_server *server)
{
	if (!server->process.pid)
		return;
	(void)process_stop(&server->process, WAIT_MS);
	run((const char *const[]){ "rm", "-rf", server->dir, NULL }, "rm");
}

static size_t list(const struct mail_server *server, const char *box, struct arena *arena, const char **dir, char ***names)
{
	size_t count = 0;

	*dir = arena_printf(arena, "%s/mail/%s/new", server->dir, box);
	return file_list(arena, *dir, "", names, &count) == 0 ? count : 0;
}

size_t mail_server_count(const struct mail_server *server, const char *box)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *dir;
	char **names;

	return list(server, box, arena, &dir, &names);
}

void mail_server_has(const struct mail_server *server, const char *box, size_t count)
{
	int64_t end = real_ms() + WAIT_MS;

	while (mail_server_count(server, box) < count) {
		if (real_ms() > end) {
			show_log(server);
			fail_msg("%s never had %zu mails", box, count);
		}
		pause_ms(10);
	}
	assert_int_equal(mail_server_count(server, box), count);
}

void mail_server_read(const struct mail_server *server, const char *box, struct buf *ret)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *dir, *newest = NULL;
	struct stat st;
	struct timespec at = { 0 };
	char **names;
	size_t count = list(server, box, arena, &dir, &names);

	for (size_t i = 0; i < count; i++) {
		const char *path = arena_printf(arena, "%s/%s", dir, names[i]);

		assert_int_equal(stat(path, &st), 0);
		if (st.st_mtim.tv_sec < at.tv_sec || (st.st_mtim.tv_sec == at.tv_sec && st.st_mtim.tv_nsec < at.tv_nsec))
			continue;
		at = st.st_mtim;
		newest = path;
	}
	assert_non_null(newest);
	assert_int_equal(file_read(newest, 8 << 20, ret, NULL), 0);
}

static bool is_idle(const struct mail_server *server)
{
	static const char *const queues[] = { "incoming", "active", "maildrop" };

	for (size_t i = 0; i < ARRAY_LEN(queues); i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		char **names;
		size_t count = 0;

		(void)file_list(arena, arena_printf(arena, "%s/queue/%s", server->dir, queues[i]), "", &names, &count);
		if (count > 0)
			return false;
	}
	return true;
}

void mail_server_settle(const struct mail_server *server)
{
	int64_t end = real_ms() + WAIT_MS;

	while (!is_idle(server)) {
		if (real_ms() > end)
			fail_msg("Postfix does not come to rest");
		pause_ms(5);
	}
}
