/*
 * short_write - preloaded into dunningd by tests/outside/faults: the SHORT_WRITE_AT-th write to a regular file really writes half of its
 * bytes and says so; the one after it does SHORT_WRITE_THEN: "ok", "ENOSPC", "EIO" or "kill".
 */
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_int writes;

enum act { WHOLE, HALF, FAIL };

static enum act decide(int fd, size_t len)
{
	const char *at = getenv("SHORT_WRITE_AT"), *then = getenv("SHORT_WRITE_THEN");
	struct stat st;
	int n;

	if (!at || !then || fd == STDERR_FILENO || len < 2 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return WHOLE;
	n = atomic_fetch_add(&writes, 1) + 1;
	if (n == atoi(at))
		return HALF;
	if (n != atoi(at) + 1 || strcmp(then, "ok") == 0)
		return WHOLE;
	if (strcmp(then, "kill") == 0)
		(void)kill(getpid(), SIGKILL);
	errno = strcmp(then, "EIO") == 0 ? EIO : ENOSPC;
	return FAIL;
}

static void *real(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

ssize_t write(int fd, const void *data, size_t len)
{
	static ssize_t (*next)(int, const void *, size_t);
	enum act act = decide(fd, len);

	if (!next)
		*(void **)&next = real("write");
	return act == FAIL ? -1 : next(fd, data, act == HALF ? len / 2 : len);
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t offset)
{
	static ssize_t (*next)(int, const void *, size_t, off64_t);
	enum act act = decide(fd, len);

	if (!next)
		*(void **)&next = real("pwrite64");
	return act == FAIL ? -1 : next(fd, data, act == HALF ? len / 2 : len, offset);
}
