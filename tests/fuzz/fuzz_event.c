/* Input: one entry of an inbound stream. A good event can be applied and stored; a bad one has a reason, and ids that are ids. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/debtor.h"
#include "common/invoice.h"

static void store(struct arena *arena, const struct event *e)
{
	struct invoice invoice = { .id = e->invoice_id ? e->invoice_id : "none" }, back;
	struct debtor debtor = { .id = e->customer_id ? e->customer_id : "none" }, debtor_back;
	CLEANUP(buf_clear) struct buf once = { 0 };
	CLEANUP(buf_clear) struct buf twice = { 0 };
	struct json_writer w = jw_init(&once);
	struct invoice_view view;
	struct json root;
	struct err err = { 0 };

	invoice_apply(&invoice, e, arena);
	assert(!invoice_apply(&invoice, e, arena)); /* told again: nothing new */
	view = invoice_view(&invoice);
	assert(view.balance >= 0 && view.paid >= 0 && view.credited >= 0);
	jw_object(&w, NULL);
	invoice_write(&w, &invoice);
	jw_end_object(&w);
	assert(json_parse(arena, once.data, once.len, 0, &root, &err) == 0);
	assert(invoice_read(&root, arena, &back, &err) == 0);
	assert(!invoice_apply(&back, e, arena));
	w = jw_init(&twice);
	jw_object(&w, NULL);
	invoice_write(&w, &back);
	jw_end_object(&w);
	assert(strcmp(once.data, twice.data) == 0);

	debtor_apply(&debtor, e, arena);
	assert(!debtor_apply(&debtor, e, arena));
	buf_reset(&once);
	buf_reset(&twice);
	debtor_write(&once, &debtor);
	assert(debtor_read(arena, once.data, once.len, &debtor_back, &err) == 0);
	debtor_write(&twice, &debtor_back);
	assert(strcmp(once.data, twice.data) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	char *text = malloc(size ? size : 1);
	struct err err = { 0 };
	struct event e;

	assert(text);
	memcpy(text, data, size);
	if (event_parse(arena, text, size, "com.example.", &e, &err) < 0) {
		assert(err.code[0] && err.path[0] == '$' && err.text[0]);
		assert(!e.invoice_id || id_valid(e.invoice_id));
		assert(!e.customer_id || id_valid(e.customer_id));
		free(text);
		return 0;
	}
	free(text);
	assert(!err.code[0] && e.id[0] && e.source[0] && e.type < EVENT_TYPE_COUNT && e.channel <= CHANNEL_COUNT && e.amount >= 0);
	assert(!e.invoice_id || id_valid(e.invoice_id));
	assert(!e.customer_id || id_valid(e.customer_id));
	assert(!e.has_snapshot || (currency_exponent(e.snapshot.currency) >= 0 &&
		e.snapshot.due == e.snapshot.total - e.snapshot.paid - e.snapshot.credited));
	store(arena, &e);
	return 0;
}
