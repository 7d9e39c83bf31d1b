/*
 * bench_disk - the raw disk: how many groups of a given size one thread can append and fdatasync, one after the other, into a file whose
 * blocks are reserved like a journal segment's (fallocate), and into one whose blocks were written before.
 */
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/bench.h"

#define SEGMENT ((int64_t)64 << 20)

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static int open_file(const char *dir, bool written)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/bench_disk.XXXXXX", dir);
	fd = mkstemp(path);
	if (fd < 0 || unlink(path) < 0 || fallocate(fd, 0, 0, SEGMENT) < 0)
		bench_die("%s: cannot be made", path);
	if (written) {
		char *zeros = calloc(1, 1 << 20);

		for (int64_t at = 0; at < SEGMENT; at += 1 << 20)
			if (pwrite(fd, zeros, 1 << 20, (off_t)at) != 1 << 20)
				bench_die("%s: cannot be written", path);
		free(zeros);
	}
	if (fsync(fd) < 0)
		bench_die("%s: cannot be synced", path);
	return fd;
}

static void run(const char *dir, const char *kind, bool written, int64_t bytes, int64_t groups)
{
	double *spans = calloc((size_t)groups, sizeof(*spans)), began, last;
	char *data = malloc((size_t)bytes), name[80];
	int fd = open_file(dir, written);
	int64_t at = 0;

	memset(data, 'x', (size_t)bytes);
	began = last = bench_now();
	for (int64_t i = 0; i < groups; i++, at += bytes) {
		double now;

		if (at + bytes > SEGMENT) { /* a segment is full: the next one is made, as the journal does it */
			close(fd);
			fd = open_file(dir, written);
			at = 0;
		}
		if (pwrite(fd, data, (size_t)bytes, (off_t)at) != bytes || fdatasync(fd) < 0)
			bench_die("a write failed");
		now = bench_now();
		spans[i] = now - last;
		last = now;
	}
	snprintf(name, sizeof(name), "raw.disk.%s.groups", kind);
	bench_emit(name, (double)groups / (last - began), "group/s");
	snprintf(name, sizeof(name), "raw.disk.%s.bytes", kind);
	bench_emit(name, (double)groups * (double)bytes / (last - began) / 1e6, "MB/s");
	qsort(spans, (size_t)groups, sizeof(*spans), compare);
	snprintf(name, sizeof(name), "raw.disk.%s.p50", kind);
	bench_emit(name, spans[groups / 2] * 1e6, "us");
	snprintf(name, sizeof(name), "raw.disk.%s.p99", kind);
	bench_emit(name, spans[groups - 1 - groups / 100] * 1e6, "us");
	close(fd);
	free(spans);
	free(data);
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "dir", 1, NULL, 'd' }, { "bytes", 1, NULL, 'b' }, { "groups", 1, NULL, 'g' }, { 0 } };
	const char *dir = NULL;
	int64_t bytes = 0, groups = 1000;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
		switch (option) {
		case 'd': dir = optarg; break;
		case 'b': bytes = bench_number(optarg, 1, SEGMENT); break;
		case 'g': groups = bench_number(optarg, 10, 10000000); break;
		default: return 2;
		}
	if (!dir || !bytes)
		bench_die("usage: bench_disk --dir DIR --bytes N [--groups N]");
	run(dir, "reserved", false, bytes, groups);
	run(dir, "written", true, bytes, groups);
	return 0;
}
