/*
 * A time-stamp answer by anyone, against a fixed request; and the same bytes as a request, as certificates and as a list of revoked ones. Nothing that is taken may
 * change what is said: the corpus holds one good answer, to zeros with nonce 1, and the root that it goes back to.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "common/file.h"
#include "common/timestamp.h"

static struct timestamp_trust *trust;
static struct buf granted;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct buf pem = { 0 };

	(void)argc, (void)argv;
	assert(file_read(SOURCE_DIR "/tests/fuzz/corpus/timestamp/root.pem", 1 << 16, &pem, NULL) == 0);
	assert(timestamp_trust_parse(pem.data, pem.len, &trust, NULL) == 0);
	assert(file_read(SOURCE_DIR "/tests/fuzz/corpus/timestamp/granted", 1 << 16, &granted, NULL) == 0);
	buf_clear(&pem);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct timestamp_wanted wanted = { .query = { .nonce = 1 }, .trust = trust, .tolerance_ms = -1 };
	struct timestamp_trust *others = NULL;
	struct timestamp_query query;
	struct timestamp stamp;
	struct buf again = { 0 };
	struct err err = { 0 };
	int r;

	if (timestamp_query_parse(data, size, &query) == 0) {
		timestamp_query_add(&again, &query);
		assert(again.len == size && memcmp(again.data, data, size) == 0);
		buf_clear(&again);
	}
	if (timestamp_trust_parse(data, size, &others, NULL) == 0) {
		assert(others);
		timestamp_trust_free(others);
	}
	r = timestamp_check(data, size, &wanted, &stamp, &err);
	if (r == 0)
		assert(stamp.at == 1800000000000 && strcmp(stamp.serial, "65") == 0);
	else
		assert(r == -EKEYREJECTED && err.code[0] && err.text[0]);
	wanted.crl = (struct slice){ data, size };
	r = timestamp_check(granted.data, granted.len, &wanted, &stamp, NULL); /* as a list of revoked certificates */
	assert(r == 0 || (r == -EKEYREJECTED && size));
	return 0;
}
