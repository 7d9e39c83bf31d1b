/*
 * Input: a byte that names the action, then a link up to a NUL, a form's token up to a NUL, and the form. Nobody without the key is
 * believed; what was typed and is taken makes an event that we read ourselves, and no page holds it unescaped.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/page.h"

static const uint8_t install[32] = { 7 };
static const struct token_keys keys = { install, 3, 2 };

static const char *next_text(struct arena *arena, const uint8_t **data, size_t *size)
{
	const uint8_t *nul = *size ? memchr(*data, 0, *size) : NULL;
	size_t len = nul ? (size_t)(nul - *data) : *size;
	const char *text = arena_memdup(arena, *data, len);

	*data += nul ? len + 1 : len;
	*size -= nul ? len + 1 : len;
	return text;
}

static struct config *shared_config(void)
{
	static const char text[] = "{\"origin\":\"x\",\"creditor\":{\"name\":\"x\",\"locale\":\"en\",\"zone\":\"UTC\"},\"senders\":{\"default\":{\"name\":\"x\",\"email\":\"a@x.example\"}}}";
	struct config *config = NULL;

	if (config_parse(text, sizeof(text) - 1, &config, NULL) < 0)
		abort();
	return config;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct config *config;
	static struct page_texts *texts;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf out = { 0 };
	const struct instalment parts[] = { { { 20600 }, 51 }, { { 20630 }, 49 } };
	struct made_offer offers[] = { { .code = "parts", .until = { 20600 }, .instalments = parts, .instalment_count = 2, .made_at = 1 },
		{ .code = "less", .until = { 20600 }, .amount = 90, .settles_at = 90, .made_at = 1 } };
	struct debtor debtor = { .id = "cus_1", .known = true, .customer = { .name = "x" } };
	struct escalation e = { .state = ESCALATION_WAITING, .offers = offers, .offer_count = 2, .invoice = { .id = "inv_1", .debtor_id = "cus_1", .known = true,
		.snapshot = { .status = INVOICE_OPEN, .due_on = date_of(2026, 4, 1), .issued_on = date_none(), .currency = "EUR", .total = 100, .due = 100 } } };
	struct page_link link = { .channel = CHANNEL_EMAIL, .invoice_id = "inv_1", .key = 2 };
	struct page_case c = { .e = &e, .debtor = &debtor, .link = &link, .link_text = "l", .now = INT64_C(1775808000000) };
	struct page_limits limits;
	struct page_said said;
	struct form_pair *pairs;
	struct page_link read;
	const char *text, *token;
	char id[TOKEN_ID_SIZE];
	enum page_action action;
	size_t count;

	if (!config && (page_texts_load(SOURCE_DIR "/daemon/share", NULL, &texts, NULL) < 0 || !(config = shared_config())))
		abort();
	if (!size)
		return 0;
	c.config = config;
	action = (enum page_action)(data[0] % PAGE_ACTION_COUNT);
	data++, size--;
	text = next_text(arena, &data, &size);
	token = next_text(arena, &data, &size);
	assert(!page_link_read(&keys, text, 0, arena, &read));
	assert(!form_token_read(&keys, &link, "l", "paid", c.now, token, id));
	if (form_decode((const char *)data, size, arena, &pairs, &count, NULL) < 0 || !page_allows(&c, action, &limits))
		return 0;
	if (page_read(&c, action, &limits, pairs, count, arena, &said)) {
		struct event event;

		said.offer = page_offer(&c, action, NULL);
		page_event(&c, &said, "0123456789abcdef01234567", &out);
		assert(event_parse(arena, buf_str(&out), out.len, NULL, &event, NULL) == 0);
		assert(strcmp(event.invoice_id, "inv_1") == 0 && strcmp(event.customer_id, "cus_1") == 0);
	} else {
		struct page_view view = { .kind = PAGE_KIND_FORM, .config = config, .c = &c, .base = "", .link_text = "l", .action = action, .said = &said,
			.limits = &limits, .offer = page_offer(&c, action, NULL), .token = "t" };

		assert(page_render(texts, &view, arena, &out, NULL) == 0);
		assert(!strstr(buf_str(&out), "<script"));
	}
	return 0;
}
