/*
 * sd_journal_sendv() sends on a blocking socket: a stopped journald would stop us. So the native protocol (one datagram of
 * KEY=value lines) is spoken here, on a socket of our own that does not block.
 */
#include "daemon/log.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/buf.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define TEXT_MAX 1024
#define RING_SIZE 256
#define PIPE_ATOMIC 4096 /* a pipe that polls writable takes this much at once */

struct line {
	int priority; /* with an id above it, see log_id.h */
	uint32_t partition;
	char *text; /* owned */
};

struct log {
	int fd; /* borrowed */
	int socket; /* -1 = no journal */
	struct sockaddr_un address;
	bool levels; /* "<N>" before each line; not on a terminal */
	struct line ring[RING_SIZE];
	size_t first, count;
	uint64_t dropped, dropped_told;
};

static bool is_journal_stream(int fd)
{
	const char *text = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	return text && sscanf(text, "%llu:%llu", &device, &inode) == 2 && fstat(fd, &st) == 0 &&
		st.st_dev == (dev_t)device && st.st_ino == (ino_t)inode;
}

struct log *log_create(const char *journal_socket, int fd)
{
	struct log *log = xcalloc(1, sizeof(*log));

	log->fd = fd;
	log->socket = -1;
	log->levels = !isatty(fd);
	if (!journal_socket && is_journal_stream(fd))
		journal_socket = JOURNAL_SOCKET;
	if (!journal_socket || strlen(journal_socket) >= sizeof(log->address.sun_path))
		return log;
	log->address.sun_family = AF_UNIX;
	strcpy(log->address.sun_path, journal_socket);
	log->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	return log;
}

void log_destroy(struct log *log)
{
	if (!log)
		return;
	(void)log_flush(log);
	for (size_t i = 0; i < log->count; i++)
		free(log->ring[(log->first + i) % RING_SIZE].text);
	closep(&log->socket);
	free(log);
}

/* --- the two ways out: 0, -EAGAIN, or -errno ------------------------------------------------------------------------------ */

static int send_journal(struct log *log, const struct line *line)
{
	CLEANUP(buf_clear) struct buf buf = { 0 };
	ssize_t n;

	buf_printf(&buf, "MESSAGE=%s\nPRIORITY=%d\nSYSLOG_IDENTIFIER=dunningd\n", line->text, line->priority & LOG_PRIMASK);
	if (line->priority >> LOG_ID_SHIFT)
		buf_printf(&buf, "MESSAGE_ID=%s\n", log_ids[line->priority >> LOG_ID_SHIFT]);
	if (line->partition != LOG_NO_PARTITION)
		buf_printf(&buf, "DUNNINGD_PARTITION=%" PRIu32 "\n", line->partition);
	n = sendto(log->socket, buf.data, buf.len, MSG_NOSIGNAL, (const struct sockaddr *)&log->address,
		sizeof(log->address));
	return n < 0 ? -errno : 0;
}

static int write_stream(struct log *log, const struct line *line)
{
	struct pollfd ready = { .fd = log->fd, .events = POLLOUT };
	char text[PIPE_ATOMIC];
	int len = log->levels ? snprintf(text, sizeof(text), "<%d>%s\n", line->priority & LOG_PRIMASK, line->text) :
				snprintf(text, sizeof(text), "%s\n", line->text);

	if (poll(&ready, 1, 0) <= 0 || !(ready.revents & POLLOUT))
		return ready.revents ? -EPIPE : -EAGAIN;
	return write(log->fd, text, (size_t)len) < 0 ? -errno : 0;
}

/* Whether the line is done with: written, or beyond hope. */
static bool put(struct log *log, const struct line *line)
{
	int r = log->socket >= 0 ? send_journal(log, line) : -ENOTCONN;

	if (r < 0 && r != -EAGAIN && r != -ENOBUFS)
		r = write_stream(log, line); /* journald is away: whoever reads our stderr gets it */
	if (r < 0 && r != -EAGAIN && r != -ENOBUFS && r != -EINTR)
		log->dropped++;
	return r != -EAGAIN && r != -ENOBUFS && r != -EINTR;
}

/* --- the ring -------------------------------------------------------------------------------------------------------------- */

static void add(struct log *log, int priority, uint32_t partition, const char *module, const char *text)
{
	struct line *line = &log->ring[(log->first + log->count) % RING_SIZE];
	struct buf buf = { 0 };

	if (log->count == RING_SIZE) {
		log->dropped++;
		return;
	}
	if (partition == LOG_NO_PARTITION)
		buf_printf(&buf, "%s: %.*s", module, TEXT_MAX, text);
	else
		buf_printf(&buf, "%s[%" PRIu32 "]: %.*s", module, partition, TEXT_MAX, text);
	for (char *p = buf.data; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
	*line = (struct line){ priority, partition, buf_take(&buf) };
	log->count++;
}

size_t log_flush(struct log *log)
{
	for (;;) {
		while (log->count && put(log, &log->ring[log->first])) {
			free(log->ring[log->first].text);
			log->first = (log->first + 1) % RING_SIZE;
			log->count--;
		}
		if (log->count || log->dropped == log->dropped_told)
			return log->count;
		{
			char text[80];
			uint64_t lost = log->dropped - log->dropped_told;

			snprintf(text, sizeof(text), "%" PRIu64 " lines were dropped: nobody took them", lost);
			log->dropped_told = log->dropped;
			add(log, LOG_WARNING | MSG(LINES_DROPPED), LOG_NO_PARTITION, "log", text);
			if (!put(log, &log->ring[log->first]))
				return log->count;
			free(log->ring[log->first].text);
			log->first = (log->first + 1) % RING_SIZE;
			log->count = 0;
			log->dropped_told = log->dropped; /* the notice itself, when nobody reads at all */
		}
	}
}

void log_partition(struct log *log, int priority, const char *module, uint32_t partition, const char *text)
{
	if (!log)
		return;
	(void)log_flush(log); /* older lines first */
	add(log, priority, partition, module, text);
	(void)log_flush(log);
}

void log_line(struct log *log, int priority, const char *module, const char *format, ...)
{
	char text[TEXT_MAX + 1];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log_partition(log, priority, module, LOG_NO_PARTITION, text);
}

uint64_t log_dropped(const struct log *log)
{
	return log->dropped;
}
