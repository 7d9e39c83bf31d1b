/* A proof file by anyone. What is taken must come out again as it went in; nothing is believed without a key. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "common/tlog_proof.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t none[ED25519_KEY_SIZE];
	struct buf again = { 0 };
	struct tlog_proof proof;
	struct note_key key;

	if (tlog_proof_parse(data, size, &proof) < 0)
		return 0;
	assert(proof.index <= INT64_MAX && proof.path.count <= MERKLE_PROOF_MAX);
	tlog_proof_add(&again, &proof);
	assert(again.len == size && memcmp(again.data, data, size) == 0);
	buf_clear(&again);
	assert(note_key_make("x", NOTE_ED25519, none, &key) == 0);
	assert(tlog_proof_check(&proof, none, "x", &key, 1, NULL) < 0);
	return 0;
}
