/*
 * Input: one byte that says which document, then its text as it might stand in Redis or in the journal. What is read is written as
 * something that reads back as the same; what cannot be is refused with a reason.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/escalation.h"
#include "common/images.h"
#include "common/message.h"

static bool debtor_once(struct arena *arena, const char *text, size_t len, struct buf *out, struct err *err)
{
	struct debtor debtor;

	if (debtor_read(arena, text, len, &debtor, err) < 0)
		return false;
	for (int i = 0; i < CHANNEL_COUNT; i++)
		(void)debtor_contact(&debtor, (enum channel)i, (const char *const[]){ "billing", NULL }, 0);
	debtor_write(out, &debtor);
	return true;
}

static bool escalation_once(struct arena *arena, const char *text, size_t len, struct buf *out, struct err *err)
{
	struct escalation escalation;
	struct invoice_view view;

	if (escalation_read(arena, text, len, &escalation, err) < 0)
		return false;
	view = invoice_view(&escalation.invoice);
	assert(view.balance >= 0);
	escalation_write(out, &escalation);
	return true;
}

static bool message_once(struct arena *arena, const char *text, size_t len, struct buf *out, struct err *err)
{
	struct json_writer w = jw_init(out);
	struct json *root = arena_alloc(arena, sizeof(*root));
	struct message message;

	if (json_parse(arena, text, len, 0, root, err) < 0 || message_read(root, arena, &message, err) < 0)
		return false;
	(void)message_check(&message, NULL);
	message_write(&w, NULL, &message);
	return true;
}

/* Images are bytes, not JSON: what is read, written again, is the same bytes. */
static void images(struct arena *arena, const char *bytes, size_t len)
{
	CLEANUP(buf_clear) struct buf again = { 0 };
	struct reader r = reader_init(bytes, len);
	struct image image;
	int got;

	while ((got = image_read(&r, arena, &image)) == 1) {
		image_add(&again, &image);
		assert(again.len == (size_t)(r.at - (const uint8_t *)bytes));
	}
	assert(again.len <= len && (!again.len || memcmp(again.data, bytes, again.len) == 0));
	assert(got != 0 || again.len == len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool (*const once[])(struct arena *arena, const char *text, size_t len, struct buf *out, struct err *err) = { debtor_once,
		escalation_once, message_once };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf first = { 0 };
	CLEANUP(buf_clear) struct buf second = { 0 };
	struct err err = { 0 };
	char *text;
	unsigned way;

	if (!size)
		return 0;
	way = data[0] % 4;
	size--;
	text = malloc(size ? size : 1);
	assert(text);
	memcpy(text, data + 1, size);
	if (way == 3) {
		images(arena, text, size);
	} else if (once[way](arena, text, size, &first, &err)) {
		assert(once[way](arena, first.data, first.len, &second, &err));
		assert(strcmp(first.data, second.data) == 0);
	} else {
		assert(err.code[0] && err.path[0] == '$');
	}
	free(text);
	return 0;
}
