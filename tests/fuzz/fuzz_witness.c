/*
 * What a witness and a log say to each other, and the file that keeps where each anchor stands. The first byte tells which; a witness's answer
 * is read against a fixed request, whose checkpoint nobody has cosigned.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "common/anchor.h"
#include "common/witness.h"

#define CHECKPOINT "x.example\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n\u2014 x.example AAAAAAAA\n"

static void request(const uint8_t *data, size_t size)
{
	struct witness_request read;
	struct buf again = { 0 };

	if (witness_request_parse(data, size, &read) == 0) {
		assert(read.checkpoint.len && read.proof.count <= WITNESS_PROOF_MAX && read.old <= INT64_MAX);
		assert(witness_request_add(&again, &read) == 0);
		assert(again.len == size && memcmp(again.data, data, size) == 0);
	}
	buf_clear(&again);
}

static void answer(int status, const uint8_t *data, size_t size)
{
	static const uint8_t none[ED25519_KEY_SIZE] = { 1 };
	struct witness_request asked = { .old = 5, .checkpoint = { (const uint8_t *)CHECKPOINT, strlen(CHECKPOINT) } };
	struct witness_answer a = { status, "text/x.tlog.size", { data, size } };
	struct buf lines = { 0 };
	struct witness_reply reply;
	struct note_key key;

	assert(note_key_make("w.example", NOTE_COSIGNATURE, none, &key) == 0);
	reply = witness_read(&a, &asked, 10, &key, 0, 1000, &lines);
	assert(reply.outcome != WITNESS_COSIGNED && !lines.len);
	assert(reply.outcome != WITNESS_BEHIND || (reply.size <= 10 && reply.size != 5));
	assert(reply.outcome != WITNESS_AHEAD || reply.size > 10);
	buf_clear(&lines);
}

static void state(const uint8_t *data, size_t size)
{
	static struct anchor_state read; /* large */
	struct anchor_state again = { 0 };
	struct buf text = { 0 };

	if (anchor_state_parse((const char *)data, size, &read, NULL) == 0) {
		anchor_state_add(&text, &read);
		assert(anchor_state_parse(text.data, text.len, &again, NULL) == 0);
		assert(again.mark_count == read.mark_count && again.size == read.size && again.token_count == read.token_count);
		for (size_t i = 0; i < read.mark_count; i++) {
			(void)anchor_due(&read, &read.marks[i], HOUR_MS, 1);
			(void)anchor_age_ms(&read.marks[i], 1);
		}
	}
	anchor_state_clear(&read);
	anchor_state_clear(&again);
	buf_clear(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	switch (data[0]) {
	case 'r':
		request(data + 1, size - 1);
		break;
	case 'l':
		answer(200, data + 1, size - 1);
		break;
	case 'c':
		answer(409, data + 1, size - 1);
		break;
	case 's':
		state(data + 1, size - 1);
		break;
	default:
		break;
	}
	return 0;
}
