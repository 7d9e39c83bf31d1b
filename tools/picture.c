#include "tools/picture.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/file.h"

#define HEIGHT 2400 /* pixels: longer than any message */
#define WAIT_S 60 /* for the browser, which may be slow to start the first time */

extern char **environ;

/* The first of these that PATH has. All take the same arguments. */
static const char *const browsers[] = { "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge",
	"brave-browser" };

static const char *find_browser(struct arena *arena)
{
	char *dirs = arena_strdup(arena, getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin"), *rest = NULL;

	for (char *dir = strtok_r(dirs, ":", &rest); dir; dir = strtok_r(NULL, ":", &rest))
		for (size_t i = 0; i < ARRAY_LEN(browsers); i++) {
			const char *path = arena_printf(arena, "%s/%s", dir, browsers[i]);

			if (access(path, X_OK) == 0)
				return path;
		}
	return NULL;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	(void)remove(path);
	return 0;
}

/* Its exit status says little: the picture tells. Its complaints about the desktop it does not have are of no use. */
static int run(const char *const *argv)
{
	const struct timespec pause = { .tv_nsec = 20 * 1000 * 1000 };
	struct timespec now;
	siginfo_t info = { 0 };
	time_t end;
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	pid_t pid;
	int r;

	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	(void)posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	(void)posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	(void)posix_spawnattr_init(&attributes);
	/* A group of its own: what it starts ends with it. */
	(void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
	(void)posix_spawnattr_setpgroup(&attributes, 0);
	r = posix_spawn(&pid, argv[0], &actions, &attributes, (char *const *)(uintptr_t)argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)posix_spawnattr_destroy(&attributes);
	if (r != 0)
		return -r;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	end = now.tv_sec + WAIT_S;
	/* Not reaped before its group is ended: until then the number is surely its own. */
	while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0 && now.tv_sec < end) {
		(void)nanosleep(&pause, NULL);
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
	}
	(void)kill(-pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	return 0;
}

static int draw(const char *browser, const char *dir, const char *html, const char *path, unsigned width, bool dark, struct arena *arena,
	struct err *err)
{
	const char *page = arena_printf(arena, "%s/page.html", dir), *png = arena_printf(arena, "%s/page.png", dir);
	const char *argv[16] = { browser, "--headless", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
		"--host-resolver-rules=MAP * ~NOTFOUND", arena_printf(arena, "--user-data-dir=%s/profile", dir),
		arena_printf(arena, "--window-size=%u,%d", width, HEIGHT), arena_printf(arena, "--screenshot=%s", png) };
	CLEANUP(buf_clear) struct buf picture = { 0 };
	size_t n = 9;
	int r = file_replace(page, html, strlen(html), 0600);

	if (dark)
		argv[n++] = "--force-dark-mode";
	if (geteuid() == 0)
		argv[n++] = "--no-sandbox"; /* which it cannot set up for root; the page is ours and runs nothing */
	argv[n++] = arena_printf(arena, "file://%s", page);
	if (r == 0)
		r = run(argv);
	if (r == 0)
		r = file_read(png, 64 * 1024 * 1024, &picture, NULL);
	if (r < 0)
		return err_set(err, -EIO, "no_picture", "", "%s drew no picture; see the page itself with --html", browser);
	r = file_replace(path, picture.data, picture.len, 0644);
	return r < 0 ? err_set(err, r, "unwritable", "", "%s: %s", path, strerror(-r)) : 0;
}

int picture_write(const char *html, const char *path, unsigned width, bool dark, struct err *err)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *browser = find_browser(arena), *base = getenv("TMPDIR");
	char *dir = arena_strdup(arena, arena_printf(arena, "%s/dunningctl.XXXXXX", base && *base == '/' ? base : "/tmp"));
	int r;

	if (!browser)
		return err_set(err, -ENOENT, "no_browser", "",
			"no Chromium is installed to draw the picture; write the page with --html, and open it in any browser");
	if (!mkdtemp(dir))
		return err_set(err, -errno, "unwritable", "", "%s: %s", dir, strerror(errno));
	r = draw(browser, dir, html, path, width, dark, arena, err);
	(void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return r;
}
