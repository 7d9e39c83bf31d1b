/*
 * A signed note by anyone, read with the verifier key on its first line (or with a fixed one when there is none). What is taken must come
 * out again as it went in: the text, the signature lines, the checkpoint and the key. The corpus holds notes that are signed rightly.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/note.h"

static void checkpoint(const struct slice *text)
{
	struct buf again = { 0 };
	struct checkpoint c;

	if (checkpoint_parse(text->data, text->len, &c) == 0) {
		assert(c.origin.len && c.size <= INT64_MAX);
		assert(checkpoint_add(&again, &c) == 0);
		assert(again.len == text->len && memcmp(again.data, text->data, text->len) == 0);
	}
	buf_clear(&again);
}

static void write_again(const struct note *note, const void *data, size_t len)
{
	struct buf again = { 0 };

	assert(note_begin(&again, note->text.data, note->text.len) == 0);
	for (size_t i = 0; i < note->signature_count; i++) {
		buf_add_str(&again, "\u2014 ");
		buf_add(&again, note->signatures[i].name.data, note->signatures[i].name.len);
		buf_add_char(&again, ' ');
		buf_add(&again, note->signatures[i].base64.data, note->signatures[i].base64.len);
		buf_add_char(&again, '\n');
	}
	assert(again.len == len && memcmp(again.data, data, len) == 0);
	buf_clear(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
	struct buf line = { 0 }, again = { 0 };
	struct note_key key;
	struct note_seal seal;
	struct note note;
	int r;

	if (!end)
		return 0;
	buf_add(&line, data, (size_t)(end - data));
	size -= line.len + 1;
	data = end + 1;
	if (note_key_parse(buf_str(&line), &key) == 0) {
		note_key_add(&again, &key);
		assert(strcmp(buf_str(&again), buf_str(&line)) == 0);
	} else {
		static const uint8_t none[ED25519_KEY_SIZE];

		assert(note_key_make("x", NOTE_ED25519, none, &key) == 0);
	}
	checkpoint(&(struct slice){ data, size });
	if (note_parse(data, size, &note) == 0) {
		assert(note.text.len && note.signature_count && note.signature_count <= NOTE_SIGNATURES_MAX);
		write_again(&note, data, size);
		r = note_verify(&note, &key, 1, &seal);
		assert(r == 0 || r == -ENOKEY || r == -EKEYREJECTED);
		assert(seal.good == (r == 0) && seal.time <= INT64_MAX);
		checkpoint(&note.text);
	}
	buf_clear(&line);
	buf_clear(&again);
	return 0;
}
