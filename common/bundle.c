#include "common/bundle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"

#define VERSION "dunningd-bundle/v1\n"

bool bundle_path_valid(const char *path)
{
	size_t len = strlen(path);

	if (!len || len > BUNDLE_PATH_MAX || path[len - 1] == '/')
		return false;
	for (size_t i = 0; i < len; i++) {
		bool begins = i == 0 || path[i - 1] == '/', letter = (path[i] >= 'a' && path[i] <= 'z') || (path[i] >= 'A' && path[i] <= 'Z') ||
								    (path[i] >= '0' && path[i] <= '9');

		if (!letter && (begins || (path[i] != '.' && path[i] != '_' && path[i] != '-' && path[i] != '/')))
			return false;
	}
	return true;
}

static void add(struct bundle *bundle, const char *path, struct slice data)
{
	bundle->files = arena_grow(bundle->arena, bundle->files, bundle->count, &bundle->capacity, sizeof(*bundle->files));
	bundle->files[bundle->count++] = (struct bundle_file){ path, data };
}

void bundle_add(struct bundle *bundle, const char *path, const void *data, size_t len)
{
	add(bundle, arena_strdup(bundle->arena, path), (struct slice){ arena_memdup(bundle->arena, data, len), len });
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct bundle_file *)a)->path, ((const struct bundle_file *)b)->path);
}

void bundle_sort(struct bundle *bundle)
{
	if (bundle->count)
		qsort(bundle->files, bundle->count, sizeof(*bundle->files), by_path);
}

const struct bundle_file *bundle_find(const struct bundle *bundle, const char *path)
{
	struct bundle_file key = { .path = path };

	return bundle->count ? bsearch(&key, bundle->files, bundle->count, sizeof(key), by_path) : NULL;
}

/* --- manifest ------------------------------------------------------------------------------------ */

static bool is_manifest(const struct bundle_file *file)
{
	return strcmp(file->path, BUNDLE_MANIFEST) == 0;
}

static void add_line(struct buf *out, const struct bundle_file *file)
{
	uint8_t digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];

	sha256(file->data.data, file->data.len, digest);
	buf_printf(out, "%s  %s\n", hex_format(digest, SHA256_SIZE, hex), file->path);
}

void bundle_manifest(const struct bundle *bundle, struct buf *out)
{
	buf_add_str(out, VERSION);
	for (size_t i = 0; i < bundle->count; i++)
		if (!is_manifest(&bundle->files[i]))
			add_line(out, &bundle->files[i]);
}

/* The path on the line that begins at `at`; "" when it is no such line. */
static const char *line_path(struct arena *arena, const char *at, const char *end)
{
	const char *line_end = memchr(at, '\n', (size_t)(end - at));

	if (!line_end || line_end - at < 2 * SHA256_SIZE + 3)
		return "";
	return arena_printf(arena, "%.*s", (int)(line_end - at - 2 * SHA256_SIZE - 2), at + 2 * SHA256_SIZE + 2);
}

int bundle_manifest_check(const struct bundle *bundle, const void *text, size_t len, struct err *err)
{
	const char *at = text, *end = at + len;

	if (len < strlen(VERSION) || memcmp(text, VERSION, strlen(VERSION)) != 0)
		return err_set(err, -EBADMSG, "manifest", BUNDLE_MANIFEST, "it is no manifest of this version");
	at += strlen(VERSION);
	for (size_t i = 0; i < bundle->count; i++) {
		CLEANUP(buf_clear) struct buf line = { 0 };
		const struct bundle_file *file = &bundle->files[i];
		const char *path;

		if (is_manifest(file))
			continue;
		add_line(&line, file);
		if ((size_t)(end - at) >= line.len && memcmp(at, line.data, line.len) == 0) {
			at += line.len;
			continue;
		}
		path = line_path(bundle->arena, at, end);
		if (strcmp(path, file->path) == 0)
			return err_set(err, -EBADMSG, "file_altered", path, "%s is not the file that the manifest names", path);
		if (bundle_path_valid(path) && !bundle_find(bundle, path))
			return err_set(err, -EBADMSG, "file_missing", path, "%s is missing", path);
		return err_set(err, -EBADMSG, "file_unknown", file->path, "%s is not in the manifest", file->path);
	}
	if (at != end)
		return err_set(err, -EBADMSG, "file_missing", "", "the manifest names more files than are here: %.100s",
			line_path(bundle->arena, at, end));
	return 0;
}

/* --- zip ----------------------------------------------------------------------------------------- */

/* tables[k][n]: the CRC of the byte n with k bytes of 0 behind it. */
static uint32_t (*crc32_tables(void))[256]
{
	static uint32_t tables[4][256];

	for (uint32_t i = 0; !tables[0][255] && i < 256; i++) {
		uint32_t n = i;

		for (int bit = 0; bit < 8; bit++)
			n = n & 1 ? n >> 1 ^ UINT32_C(0xEDB88320) : n >> 1;
		tables[0][i] = n;
	}
	for (size_t k = 1; !tables[3][255] && k < 4; k++)
		for (size_t i = 0; i < 256; i++)
			tables[k][i] = tables[0][tables[k - 1][i] & 0xff] ^ tables[k - 1][i] >> 8;
	return tables;
}

/* The CRC-32 of zip files: polynomial 0xEDB88320, reflected (APPNOTE 4.4.7); four bytes at a time. */
static uint32_t crc32_zip(const struct slice *data)
{
	uint32_t (*tables)[256] = crc32_tables(), crc = ~UINT32_C(0);
	const uint8_t *at = data->data;
	size_t left = data->len;

	for (; left >= 4; left -= 4, at += 4) {
		crc ^= (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
		crc = tables[3][crc & 0xff] ^ tables[2][crc >> 8 & 0xff] ^ tables[1][crc >> 16 & 0xff] ^ tables[0][crc >> 24];
	}
	for (; left; left--)
		crc = tables[0][(crc ^ *at++) & 0xff] ^ crc >> 8;
	return ~crc;
}

static void add_le(struct buf *out, uint32_t n, int bytes)
{
	for (int i = 0; i < bytes; i++)
		buf_add_char(out, (char)(n >> 8 * i & 0xff));
}

/* What the local header and the central one have in common: APPNOTE 4.3.7 and 4.3.12, from "version needed" on. */
static void add_header(struct buf *out, const struct bundle_file *file, uint32_t crc)
{
	add_le(out, 10, 2); /* version needed: 1.0 */
	add_le(out, 0, 2); /* flags */
	add_le(out, 0, 2); /* method: stored */
	add_le(out, 0, 2); /* time */
	add_le(out, 0x0021, 2); /* date: 1980-01-01 */
	add_le(out, crc, 4);
	add_le(out, (uint32_t)file->data.len, 4);
	add_le(out, (uint32_t)file->data.len, 4);
	add_le(out, (uint32_t)strlen(file->path), 2);
	add_le(out, 0, 2); /* extra */
}

int bundle_zip(const struct bundle *bundle, struct buf *out)
{
	CLEANUP(buf_clear) struct buf central = { 0 };
	size_t start = out->len, offset;

	if (bundle->count > BUNDLE_FILES_MAX)
		return -EFBIG;
	for (size_t i = 0; i < bundle->count; i++) {
		const struct bundle_file *file = &bundle->files[i];
		uint32_t crc = crc32_zip(&file->data);

		offset = out->len - start;
		if (offset + file->data.len + central.len > (size_t)UINT32_MAX - (1 << 20))
			return -EFBIG;
		buf_add_str(out, "PK\x03\x04");
		add_header(out, file, crc);
		buf_add_str(out, file->path);
		buf_add(out, file->data.data, file->data.len);
		buf_add_str(&central, "PK\x01\x02");
		add_le(&central, 10, 2); /* made by: 1.0, no system's attributes */
		add_header(&central, file, crc);
		add_le(&central, 0, 2); /* comment */
		add_le(&central, 0, 2); /* disk */
		add_le(&central, 0, 2); /* attributes */
		add_le(&central, 0, 4);
		add_le(&central, (uint32_t)offset, 4);
		buf_add_str(&central, file->path);
	}
	offset = out->len - start;
	buf_add(out, central.data, central.len);
	buf_add_str(out, "PK\x05\x06");
	add_le(out, 0, 4); /* disks */
	add_le(out, (uint32_t)bundle->count, 2);
	add_le(out, (uint32_t)bundle->count, 2);
	add_le(out, (uint32_t)central.len, 4);
	add_le(out, (uint32_t)offset, 4);
	add_le(out, 0, 2); /* comment */
	return 0;
}

static uint32_t read_le(const uint8_t *p, int bytes)
{
	uint32_t n = 0;

	for (int i = 0; i < bytes; i++)
		n |= (uint32_t)p[i] << 8 * i;
	return n;
}

/* One local header with its file. Only what leads from one to the next is read: the whole is written again and compared. */
static bool read_entry(struct reader *r, struct bundle *bundle)
{
	struct slice head = reader_take(r, 30), name, data;
	const char *path;

	if (head.len != 30)
		return false;
	name = reader_take(r, read_le(head.data + 26, 2));
	data = reader_take(r, read_le(head.data + 18, 4));
	if (r->bad || !name.len || memchr(name.data, '\0', name.len))
		return false;
	path = arena_memdup(bundle->arena, name.data, name.len);
	if (!bundle_path_valid(path) || (bundle->count && strcmp(bundle->files[bundle->count - 1].path, path) >= 0))
		return false;
	add(bundle, path, data);
	return true;
}

int bundle_unzip(const void *data, size_t len, struct bundle *bundle, struct err *err)
{
	CLEANUP(buf_clear) struct buf again = { 0 };
	struct reader r = reader_init(data, len);

	while (reader_left(&r) >= 4 && memcmp(r.at, "PK\x03\x04", 4) == 0)
		if (bundle->count == BUNDLE_FILES_MAX || !read_entry(&r, bundle))
			return err_set(err, -EBADMSG, "zip", "", "the zip file is damaged, or is none of dunningd's, at byte %zu", len - reader_left(&r));
	buf_reserve(&again, len);
	if (!bundle->count || bundle_zip(bundle, &again) < 0 || again.len != len || memcmp(again.data, data, len) != 0)
		return err_set(err, -EBADMSG, "zip", "", "the zip file is damaged, or is none of dunningd's");
	return 0;
}
