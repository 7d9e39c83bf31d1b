#include "daemon/documents.h"

#include <errno.h>
#include <string.h>

#include "common/file.h"
#include "common/hash.h"

int documents_read(const char *dir, const char *sha256_hex, struct arena *arena, struct attachment *ret, struct err *err)
{
	CLEANUP(buf_clear) struct buf bytes = { 0 };
	uint8_t digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];
	const char *path;
	int r;

	if (!dir)
		return err_set(err, -EBADMSG, "no_documents", "$.documents.dir", "$.documents.dir is not configured");
	if (strlen(sha256_hex) != 2 * SHA256_SIZE || strspn(sha256_hex, "0123456789abcdef") != 2 * SHA256_SIZE)
		return err_set(err, -EBADMSG, "bad_digest", "", "pdf_sha256 must be 64 lower-case hex digits");
	path = arena_printf(arena, "%s/%s.pdf", dir, sha256_hex);
	r = file_read(path, DOCUMENT_MAX, &bytes, err);
	if (r < 0)
		return r;
	sha256(buf_str(&bytes), bytes.len, digest);
	if (strcmp(hex_format(digest, SHA256_SIZE, hex), sha256_hex) != 0)
		return err_set(err, -EBADMSG, "bad_digest", "", "%s has another digest: %s", path, hex);
	if (bytes.len < 5 || memcmp(bytes.data, "%PDF-", 5) != 0)
		return err_set(err, -EBADMSG, "no_pdf", "", "%s is no PDF", path);
	ret->data = arena_memdup(arena, bytes.data, bytes.len);
	ret->len = bytes.len;
	return 0;
}

int documents_get(struct document_wanted *wanted, struct arena *arena, struct attachment *ret, struct err *err, void *documents)
{
	const struct documents *from = documents;
	struct err missing = { 0 };
	int r = -ENOENT;

	if (wanted->sha256 && (from->dir || !from->fetch || !wanted->url)) {
		r = documents_read(from->dir, wanted->sha256, arena, ret, &missing);
		if (r == 0)
			return 0;
	}
	if (wanted->url && from->fetch) {
		wanted->fetched = true;
		return fetch_document(from->fetch, wanted, arena, ret, err);
	}
	if (!wanted->sha256)
		return err_set(err, -EBADMSG, "not_fetched", "$.documents.fetch", "$.documents.fetch lists no hosts, so its pdf_url is not fetched");
	return err_set(err, r, missing.code, missing.path, "%s", missing.text);
}
