#include "tests/support/sites.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/process.h"
#include "tests/support/world.h"

#define ORDER_MS 10000

/* One command line of ip(8), its words parted by blanks. */
static bool ip(const char *format, ...) __attribute__((format(printf, 1, 2)));
static bool ip(const char *format, ...)
{
	CLEANUP(buf_clear) struct buf output = { 0 };
	char line[200], *rest = line;
	const char *argv[24] = { "ip" };
	size_t n = 1;
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	while (n < 23 && (argv[n] = strtok_r(n == 1 ? line : NULL, " ", &rest)))
		n++;
	argv[n] = NULL;
	if (process_run(argv, &output, ORDER_MS) == 0)
		return true;
	fprintf(stderr, "ip %s ...: %s\n", argv[1], buf_str(&output));
	return false;
}

bool sites_enter(int servers)
{
	if (geteuid() != 0) {
		puts("no network is cut: it takes root");
		return false;
	}
	if (process_run((const char *const[]){ "nsenter", "--version", NULL }, NULL, ORDER_MS) != 0 ||
		process_run((const char *const[]){ "ip", "-V", NULL }, NULL, ORDER_MS) != 0 || unshare(CLONE_NEWNET) < 0) {
		puts("no network is cut: it takes ip, nsenter and network namespaces");
		return false;
	}
	if (!ip("link set lo up"))
		world_fail("there is no loopback in a namespace of its own");
	for (int i = 0; i < servers; i++)
		if (!ip("addr add " SITES_ADDRESS "/32 dev lo", i + 1))
			world_fail("server %d has no address", i);
	return true;
}

/* --- the way to the provider, which is on this side's 127.0.0.1 ------------------------------------------------------------------- */

static void drained(struct bufferevent *to, void *arg)
{
	(void)arg;
	bufferevent_free(to);
}

static void passed(struct bufferevent *from, void *arg)
{
	bufferevent_write_buffer(arg, bufferevent_get_input(from));
}

/* What was said before the end is still passed on. */
static void ended(struct bufferevent *from, short what, void *arg)
{
	struct bufferevent *to = arg;

	if (!(what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)))
		return;
	bufferevent_write_buffer(to, bufferevent_get_input(from));
	bufferevent_free(from);
	if (evbuffer_get_length(bufferevent_get_output(to)) == 0) {
		bufferevent_free(to);
		return;
	}
	bufferevent_disable(to, EV_READ);
	bufferevent_setcb(to, NULL, drained, NULL, NULL);
}

static void accepted(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address, int len, void *arg)
{
	struct event_base *base = evconnlistener_get_base(listener);
	struct bufferevent *client = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	struct bufferevent *server = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);

	(void)address;
	(void)len;
	bufferevent_setcb(client, passed, NULL, ended, server);
	bufferevent_setcb(server, passed, NULL, ended, client);
	if (bufferevent_socket_connect(server, arg, sizeof(struct sockaddr_in)) < 0) {
		bufferevent_free(client);
		bufferevent_free(server);
		return;
	}
	bufferevent_enable(client, EV_READ | EV_WRITE);
	bufferevent_enable(server, EV_READ | EV_WRITE);
}

static pid_t relay(int listener, struct sockaddr_in to)
{
	pid_t parent = getpid(), pid = fork();
	struct event_base *base;

	if (pid)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	base = event_base_new();
	(void)evutil_make_socket_nonblocking(listener);
	if (base && evconnlistener_new(base, accepted, &to, LEV_OPT_CLOSE_ON_FREE, 0, listener))
		(void)event_base_dispatch(base);
	_exit(1);
}

/* --- sites ------------------------------------------------------------------------------------------------------------------------- */

void site_make(struct site *site, int number, int provider)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)provider), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), listener, there, one = 1;
	char filter[60];
	FILE *setting;

	if (home < 0 || unshare(CLONE_NEWNET) < 0)
		world_fail("no namespace for site %d", number);
	there = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (there < 0 || !ip("link set lo up") || bind(listener, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(listener, 128) < 0 ||
		setns(home, CLONE_NEWNET) < 0)
		world_fail("site %d cannot be made", number);
	*site = (struct site){ .number = number, .ns = there };
	snprintf(site->enter, sizeof(site->enter), "--net=/proc/%d/fd/%d", (int)getpid(), there);
	if (!ip("link add wire%d type veth peer name wire netns /proc/%d/fd/%d", number, (int)getpid(), there) ||
		!ip("addr add 10.78.%d.1/30 dev wire%d", number, number) || !ip("link set wire%d up", number) || setns(there, CLONE_NEWNET) < 0)
		world_fail("site %d has no wire", number);
	if (!ip("addr add 10.78.%d.2/30 dev wire", number) || !ip("link set wire up") || !ip("route add default via 10.78.%d.1", number) ||
		setns(home, CLONE_NEWNET) < 0)
		world_fail("site %d has no wire", number);
	close(home);
	snprintf(filter, sizeof(filter), "/proc/sys/net/ipv4/conf/wire%d/rp_filter", number); /* what may not be answered is not heard */
	setting = fopen(filter, "w");
	if (!setting || fputs("1", setting) < 0 || fclose(setting) != 0)
		world_fail("%s cannot be set", filter);
	site->relay = relay(listener, at);
	close(listener);
}

void site_end(struct site *site)
{
	if (site->relay <= 0)
		return;
	(void)kill(site->relay, SIGKILL);
	(void)waitpid(site->relay, NULL, 0);
	close(site->ns);
	*site = (struct site){ 0 };
}

void site_cut(const struct site *site, int server, bool cut)
{
	if (!ip("rule %s from " SITES_ADDRESS " to 10.78.%d.2 blackhole pref %d", cut ? "add" : "del", server + 1, site->number, 100 + server))
		world_fail("the wire between site %d and server %d cannot be %s", site->number, server, cut ? "cut" : "mended");
}
