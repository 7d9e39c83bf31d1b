/*
 * The documents that were written last, as the store has them, with the keys of their cases: the answer to a message comes soon after
 * its release and concerns the same ones, so they need not be asked for, unsealed and checked again. Nobody else writes them: our
 * commits fail as soon as the store is not where we left it, and then all of this is forgotten.
 *
 * A place for each hash and no more: what falls into the same place goes. Nothing is kept while an erasure is under way, and nothing
 * given while a store is taken over: what is decided from a walk over the store stands on its being where it was.
 */
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "daemon/flow.h"

#define PLACES 4096 /* of all partitions */
#define PLACES_MIN 256
#define TEXT_MAX 4096 /* bytes of a document that is kept */

struct kept_doc {
	enum doc_kind kind;
	struct buf id, text; /* no text: nothing is kept */
	bool keyed;
	struct case_keys keys;
	uint8_t tag_key[32];
};

struct recent {
	size_t count;
	struct kept_doc *places[]; /* NULL until something falls there */
};

static struct recent *recent_create(const struct dunner *d)
{
	size_t share = PLACES / (size_t)d->config->partitions, count = share > PLACES_MIN ? share : PLACES_MIN;
	struct recent *recent = xcalloc(1, sizeof(*recent) + count * sizeof(*recent->places));

	recent->count = count;
	return recent;
}

static struct kept_doc **place_of(struct recent *recent, const struct doc *doc)
{
	return &recent->places[crc32c((uint32_t)doc->kind, doc->id, strlen(doc->id)) % recent->count];
}

static void forget(struct kept_doc *kept)
{
	if (kept->text.len)
		cleanse(kept->text.data, kept->text.len);
	buf_reset(&kept->text);
	buf_reset(&kept->id);
	cleanse(&kept->keys, sizeof(kept->keys));
	kept->keyed = false;
}

void recent_put(struct dunner *d, const struct group *g)
{
	if (d->erase || d->recovery || !g->journaled || d->ports.journal->hears) /* there the store is as near, and unsealed */
		return;
	if (!d->recent)
		d->recent = recent_create(d);
	for (const struct doc *doc = g->docs; doc; doc = doc->next) {
		struct kept_doc **place, *kept;

		if (!doc->text)
			continue;
		place = place_of(d->recent, doc);
		if (!*place)
			*place = xcalloc(1, sizeof(**place));
		kept = *place;
		forget(kept);
		if (doc->text_len > TEXT_MAX)
			continue;
		kept->kind = doc->kind;
		buf_add_str(&kept->id, doc->id);
		buf_add(&kept->text, doc->text, doc->text_len);
		kept->keyed = doc->keyed;
		if (doc->keyed) {
			kept->keys = doc->keys;
			memcpy(kept->tag_key, doc->tag_key, sizeof(kept->tag_key));
		}
	}
}

bool recent_get(struct dunner *d, struct doc *doc, struct store_value *ret)
{
	const struct kept_doc *kept;

	if (!d->recent || d->erase || d->adoption)
		return false;
	kept = *place_of(d->recent, doc);
	if (!kept || !kept->text.len || kept->kind != doc->kind || strcmp(kept->id.data, doc->id) != 0)
		return false;
	*ret = (struct store_value){ kept->text.data, kept->text.len };
	recent_lend_keys(doc, kept->keyed ? &kept->keys : NULL, kept->tag_key);
	return true;
}

void recent_lend_keys(struct doc *doc, const struct case_keys *keys, const uint8_t tag_key[32])
{
	doc->lent = keys != NULL;
	if (!keys)
		return;
	doc->keys = *keys;
	memcpy(doc->tag_key, tag_key, sizeof(doc->tag_key));
}

void recent_forget(struct dunner *d)
{
	for (size_t i = 0; d->recent && i < d->recent->count; i++) {
		struct kept_doc *kept = d->recent->places[i];

		if (!kept)
			continue;
		forget(kept);
		buf_clear(&kept->text);
		buf_clear(&kept->id);
		free(kept);
	}
	free(d->recent);
	d->recent = NULL;
}
