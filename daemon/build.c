/* What a decided group becomes: effects become trail records, changed documents become after-images. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/hash.h"
#include "common/utc.h"
#include "daemon/flow.h"

#define ATTEMPT_TTL_MS (180 * DAY_MS)
#define INTENT_LEAF_LEN 16 /* 64 bits: each request that is doubtful is one try */
#define IMAGES_FRAME_BYTES (256 * 1024)
/* What a record, a part of one, an image take beside what is in them, about: so much is reserved at once. */
#define RECORD_BYTES 1024
#define PART_BYTES 256
#define IMAGE_BYTES 128

/* --- keys and places of the cases ------------------------------------------------------------------------------------ */

/*
 * The case's keys for this log year: made when it has none there yet; its case key stays the same over the years of a tenure. What
 * another instance wrote, or we before it, is under keys that are not at hand or whose n are spent: a new file begins, and points back.
 */
static int key_case(struct dunner *d, struct arena *arena, struct doc *doc, uint16_t year)
{
	const struct keys_port *port = d->ports.keys;
	struct trail_place *place = &doc->d->trail;
	bool ours = place->log && strcmp(place->log, d->settings.log_origin) == 0 && place->tenure == d->tenure;
	struct case_keys before;
	int r;

	if (doc->keyed && doc->keys.year == year) /* the group may have waited for space over New Year */
		return 0;
	if (doc->lent && ours && place->year == year && doc->keys.year == year && doc->keys.slot == place->slot) {
		doc->keyed = true;
		return 0;
	}
	if (ours && place->year == year) {
		r = port->open(port->self, year, place->slot, &doc->keys);
	} else {
		bool known = ours && place->year &&
			port->open(port->self, place->year, place->slot, &before) == 0;

		r = port->create(port->self, year, known ? before.case_key : NULL, &doc->keys);
		if (r < 0)
			return r;
		debtor_trail_begin(place, arena, d->settings.log_origin, d->tenure, year, doc->keys.slot);
		doc->case_opened = doc->touched = true;
	}
	if (r < 0)
		return r;
	if (!d->ports.journal->hears)
		record_tag_key(doc->keys.case_key, d->ports.journal->origin(d->ports.journal->self, year), doc->tag_key);
	doc->keyed = true;
	return 0;
}

/* --- records ----------------------------------------------------------------------------------------------------------- */

struct scratch {
	struct buf text; /* of the record that is made */
	struct buf stamp; /* see write_stamp() */
};

static void scratch_clear(struct scratch *scratch)
{
	buf_clear(&scratch->text);
	buf_clear(&scratch->stamp);
}

/* The members that are alike in all records of a group, as they stand behind others. */
static void write_stamp(struct dunner *d, struct buf *out)
{
	struct json_writer writer = { .buf = out, .comma = true }, *w = &writer;
	const char *doubt = d->ports.clock->doubt(d->ports.clock->self);
	char text[UTC_TEXT_SIZE];

	jw_str(w, "time", utc_format(flow_now(d), text));
	jw_int(w, "mono_ns", flow_mono(d) * 1000000);
	jw_str(w, "boot_id", d->settings.boot_id);
	jw_str(w, "clock", doubt ? doubt : "trusted");
	jw_str(w, "instance", d->config->instance);
	jw_str(w, "build", d->settings.build);
}

static void write_parts(struct json_writer *w, const struct draft *draft)
{
	char hex[2 * SHA256_SIZE + 1];
	uint8_t commitment[SHA256_SIZE];

	jw_array(w, "parts");
	for (size_t i = 0; i < draft->part_count; i++) {
		const struct part *part = &draft->parts[i];

		part_commitment(part->salt, part->data, part->len, commitment);
		jw_object(w, NULL);
		jw_str(w, "name", part->name);
		jw_str(w, "media_type", part->media_type);
		jw_int(w, "size", (int64_t)part->len);
		jw_str(w, "commitment", hex_format(commitment, SHA256_SIZE, hex));
		jw_str(w, "class", class_names[part->class]);
		jw_end_object(w);
	}
	jw_end_array(w);
}

static void write_record(const struct draft *draft, const struct doc *doc, const struct buf *stamp, bool parts, struct buf *out)
{
	const struct trail_place *place = &doc->d->trail;
	struct json_writer writer = jw_init(out), *w = &writer;

	jw_object(w, NULL);
	jw_int(w, "v", 1);
	jw_str(w, "kind", draft->kind);
	jw_str(w, "case", doc->id);
	jw_int(w, "seq", (int64_t)place->n);
	if (place->prev_origin) {
		jw_object(w, "prev");
		jw_str(w, "origin", place->prev_origin);
		jw_int(w, "index", (int64_t)place->prev_index);
		jw_str(w, "leaf_hash", place->prev_hash);
		jw_end_object(w);
	}
	buf_add(out, stamp->data, stamp->len);
	jw_str(w, "actor", draft->actor);
	if (draft->data.len) {
		buf_add_char(out, ',');
		buf_add(out, draft->data.data, draft->data.len);
	}
	if (parts && draft->part_count)
		write_parts(w, draft);
	jw_end_object(w);
}

/* For who only listens. */
static void say_record(struct dunner *d, struct group *g, struct draft *draft, struct doc *doc, struct scratch *scratch)
{
	const struct journal_port *port = d->ports.journal;
	struct slice *said = &g->records[g->out.record_count];

	*said = (struct slice){ 0 };
	if (port->hears(port->self, draft->kind)) {
		buf_reset(&scratch->text);
		write_record(draft, doc, &scratch->stamp, false, &scratch->text);
		*said = (struct slice){ arena_memdup(g->arena, scratch->text.data, scratch->text.len), scratch->text.len };
	}
	draft->index = g->out.head.first_index + g->out.record_count++;
	memset(draft->leaf_hash, '0', sizeof(draft->leaf_hash) - 1);
	doc->d->trail.n++;
}

static void add_record(struct dunner *d, struct group *g, struct draft *draft, struct doc *doc, uint16_t year, struct scratch *scratch)
{
	struct trail_place *place = &doc->d->trail;
	const struct random_port *random = d->ports.random;
	struct buf *text = &scratch->text;
	uint8_t commitment[SHA256_SIZE], tag[SHA256_SIZE], hash[SHA256_SIZE];
	struct record_secret secret;
	struct seal *seals;
	char leaf[LEAF_SIZE];
	size_t from = g->bodies[0].len;

	if (d->ports.journal->hears) {
		say_record(d, g, draft, doc, scratch);
		return;
	}
	for (size_t i = 0; i < draft->part_count; i++)
		random->bytes(random->self, draft->parts[i].salt, SALT_SIZE);
	random->bytes(random->self, &secret, sizeof(secret));
	buf_reset(text);
	write_record(draft, doc, &scratch->stamp, true, text);
	record_commitment(secret.salt, text->data, text->len, commitment);
	record_tag(doc->tag_key, place->n, tag);
	record_leaf(commitment, tag, leaf);
	record_leaf_hash(leaf, hash);
	seals = g->out.seals + g->out.seal_count;
	g->out.seal_count += 1 + draft->part_count;
	record_body_lay(&g->bodies[0], leaf, &doc->keys, &secret, text->data, text->len, draft->parts, draft->part_count, seals);
	for (size_t i = 0; i <= draft->part_count; i++)
		seals[i].body = g->out.record_count;
	g->records[g->out.record_count].data = (const uint8_t *)(uintptr_t)from; /* an offset until the buffer is final */
	g->records[g->out.record_count].len = g->bodies[0].len - from;
	draft->index = g->out.head.first_index + g->out.record_count;
	g->out.record_count++;
	place->n++;
	place->prev_origin = arena_strdup(g->arena, d->ports.journal->origin(d->ports.journal->self, year));
	place->prev_index = draft->index;
	hex_format(hash, SHA256_SIZE, place->prev_hash);
	memcpy(draft->leaf_hash, place->prev_hash, sizeof(draft->leaf_hash));
}

static void open_case(struct dunner *d, struct group *g, struct doc *doc, uint16_t year, struct scratch *scratch)
{
	struct effects once;
	struct draft *draft;

	doc->case_opened = false;
	effects_init(&once, g->arena, g->fx.now);
	draft = effects_record(&once, "case.opened", doc->id);
	jw_str(&draft->w, "debtor", doc->id);
	add_record(d, g, draft, doc, year, scratch);
}

/* Everything that can fail comes first, so that a group held up for want of space can be built again. */
static int key_cases(struct dunner *d, struct group *g, uint16_t year)
{
	int r = 0;

	for (struct draft *draft = g->fx.records; draft; draft = draft->next)
		group_case(d, g, draft->debtor_id)->touched = true;
	for (struct doc *doc = g->docs; doc && r == 0; doc = doc->next)
		if (doc->kind == DOC_DEBTOR && doc->loaded && !doc->erased &&
			(doc->touched || doc->existed || strcmp(doc->id, SYSTEM_CASE) == 0))
			r = key_case(d, g->arena, doc, year);
	return r;
}

static void add_system(struct dunner *d, struct group *g, struct draft *draft, uint16_t year, struct scratch *scratch)
{
	struct doc *system = group_case(d, g, NULL);

	if (system->case_opened)
		open_case(d, g, system, year, scratch);
	add_record(d, g, draft, system, year, scratch);
}

static void build_records(struct dunner *d, struct group *g, const struct log_turn *turn)
{
	CLEANUP(scratch_clear) struct scratch scratch = { 0 };
	uint16_t year = turn->year;
	size_t count = g->doc_count + 2, seals = g->doc_count * (1 + CLASS_COUNT) + 2, bytes = 0; /* 2: a log begun, and one sealed */
	struct effects own;

	for (struct draft *draft = g->fx.records; draft; draft = draft->next) {
		count++;
		seals += 1 + draft->part_count;
		bytes += RECORD_BYTES + draft->data.len;
		for (size_t i = 0; i < draft->part_count; i++)
			bytes += PART_BYTES + draft->parts[i].len;
	}
	if (!d->ports.journal->hears)
		buf_reserve(&g->bodies[0], bytes);
	buf_reserve(&scratch.text, 4 * RECORD_BYTES);
	write_stamp(d, &scratch.stamp);
	g->records = arena_alloc(g->arena, (count + 1) * sizeof(*g->records));
	g->out.seals = arena_alloc(g->arena, (seals + 1) * sizeof(*g->out.seals)); /* a case opened, and its images: one each of them */
	effects_init(&own, g->arena, g->fx.now);
	if (turn->before)
		add_system(d, g, log_turn_begun(d, &own, turn), year, &scratch);
	for (struct draft *draft = g->fx.records; draft; draft = draft->next) {
		struct doc *doc = group_case(d, g, draft->debtor_id);

		if (doc->case_opened)
			open_case(d, g, doc, year, &scratch);
		add_record(d, g, draft, doc, year, &scratch);
	}
	for (struct doc *doc = g->docs; doc; doc = doc->next)
		if (doc->case_opened)
			open_case(d, g, doc, year, &scratch);
	if (turn->ends)
		add_system(d, g, log_turn_sealed(d, &own, turn), year, &scratch);
}

/* --- after-images ------------------------------------------------------------------------------------------------------ */

void group_image(struct group *g, struct doc *owner, enum key_class class, const struct image *image)
{
	struct owned_image *owned = arena_alloc(g->arena, sizeof(*owned));

	g->images = arena_grow(g->arena, g->images, g->image_count, &g->image_capacity, sizeof(*g->images));
	g->images[g->image_count] = *image;
	g->image_bytes += IMAGE_BYTES + image->value_len;
	owned->index = g->image_count++;
	*(owner->images_end[class] ? owner->images_end[class] : &owner->images[class]) = owned;
	owner->images_end[class] = &owned->next;
}

static void *keep(struct group *g, struct buf *buf, size_t *len)
{
	void *copy = arena_memdup(g->arena, buf->data, buf->len);

	*len = buf->len;
	return copy;
}

static void image_timer(struct dunner *d, struct group *g, const char *due, const char *invoice_id, int64_t at)
{
	struct image image = { .op = at ? IMAGE_ZADD : IMAGE_ZREM, .key = due, .field = invoice_id, .number = at };

	group_image(g, group_case(d, g, NULL), CLASS_FACTS, &image);
}

static bool is_imaged(const struct doc *doc, enum doc_kind kind)
{
	return doc->kind == kind && doc->touched && doc->loaded && !doc->erased;
}

static void image_text(struct group *g, struct doc *doc, struct doc *owner, enum key_class class, struct buf *text)
{
	struct image set = { .op = IMAGE_SET, .key = doc->key };

	set.value = doc->text = keep(g, text, &doc->text_len);
	set.value_len = doc->text_len;
	group_image(g, owner, class, &set);
	buf_reset(text);
}

/* Here as below: what is alike stands side by side, and the store makes one command of it. */
static void image_docs(struct dunner *d, struct group *g)
{
	const char *due = key_of(g->arena, &d->keyspace, "due");
	CLEANUP(buf_clear) struct buf text = { 0 };

	for (struct doc *doc = g->docs; doc; doc = doc->next)
		if (is_imaged(doc, DOC_DEBTOR)) {
			doc->d->version++;
			debtor_write(&text, doc->d);
			image_text(g, doc, doc, CLASS_IDENTITY, &text);
		} else if (is_imaged(doc, DOC_ESCALATION) && (doc->existed || doc->e->state != ESCALATION_NONE)) {
			doc->e->version++;
			escalation_write(&text, doc->e);
			image_text(g, doc, group_case(d, g, doc->e->invoice.debtor_id), CLASS_FACTS, &text);
		}
	for (int timed = 1; timed >= 0; timed--)
		for (struct doc *doc = g->docs; doc; doc = doc->next)
			if (is_imaged(doc, DOC_ESCALATION) && (doc->e->next_at != 0) == timed)
				image_timer(d, g, due, doc->id, doc->e->next_at);
	for (size_t i = 0; i < g->hint_count; i++) {
		struct doc *doc = group_find(d, g, DOC_ESCALATION, g->hints[i]);

		if (!doc || !doc->touched)
			image_timer(d, g, due, g->hints[i], g->fx.now);
	}
}

/* Gives what it wrote. */
static struct slice image_attempt(struct dunner *d, struct group *g, const struct attempt_entry *entry)
{
	const char *key = key_of(g->arena, &d->keyspace, "attempts");
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct image set = { .op = IMAGE_HSET, .key = key, .field = entry->id };

	attempt_entry_write(&text, entry);
	set.value = keep(g, &text, &set.value_len);
	group_image(g, group_case(d, g, entry->debtor_id), CLASS_FACTS, &set);
	return (struct slice){ (const uint8_t *)set.value, set.value_len };
}

/* A cancelled attempt may be decided anew, under the same id, by the very group that records its end: then its entry stays. */
static bool released_again(const struct group *g, const char *attempt_id)
{
	for (const struct release *release = g->releases; release; release = release->next)
		if (strcmp(release->entry.id, attempt_id) == 0)
			return true;
	return false;
}

static void image_attempts(struct dunner *d, struct group *g)
{
	const char *key = key_of(g->arena, &d->keyspace, "attempts");

	for (struct release *release = g->releases; release; release = release->next) {
		release->entry.intent_year = g->out.head.year;
		release->entry.intent_index = release->intent->index;
		release->entry.intent_leaf = arena_memdup(g->arena, release->intent->leaf_hash, INTENT_LEAF_LEN);
		release->entry.pseq = (int64_t)g->out.head.pseq;
		release->text = image_attempt(d, g, &release->entry);
	}
	for (size_t i = 0; i < g->kept_count; i++)
		(void)image_attempt(d, g, g->kept[i]);
	for (struct release *release = g->releases; release; release = release->next) {
		struct image index = { .op = IMAGE_SET_UNTIL, .number = g->fx.now + ATTEMPT_TTL_MS + d->settings.redis_ahead_ms,
			.key = key_attempt(g->arena, &d->keyspace, release->entry.id),
			.value = (const char *)release->text.data, .value_len = release->text.len };

		group_image(g, group_case(d, g, release->entry.debtor_id), CLASS_FACTS, &index);
	}
	for (size_t i = 0; i < g->settled_count; i++) {
		struct image gone = { .op = IMAGE_HDEL, .key = key, .field = g->settled[i] };

		if (!released_again(g, g->settled[i]))
			group_image(g, group_case(d, g, NULL), CLASS_FACTS, &gone);
	}
}

static void write_task(struct json_writer *w, const struct task *task, const struct debtor *debtor)
{
	jw_object(w, NULL);
	jw_str(w, "id", task->id);
	jw_str(w, "kind", task->kind);
	jw_opt_str(w, "debtor", task->debtor_id);
	jw_array(w, "invoices");
	for (size_t i = 0; i < task->invoice_count; i++)
		jw_str(w, NULL, task->invoice_ids[i]);
	jw_end_array(w);
	jw_opt_str(w, "step", task->step);
	jw_opt_str(w, "role", task->role);
	jw_opt_str(w, "owner", task->owner ? task->owner : debtor ? debtor->customer.owner : NULL);
	jw_opt_str(w, "reason", task->reason);
	jw_opt_str(w, "script", task->script);
	if (task->document) {
		CLEANUP(buf_clear) struct buf base64 = { 0 };

		base64_add(&base64, task->document, task->document_len);
		jw_str(w, "document", buf_str(&base64));
	}
	jw_int(w, "opened_at", task->opened_at);
	jw_opt_int(w, "deadline", task->deadline);
	jw_end_object(w);
}

static void image_tasks(struct dunner *d, struct group *g)
{
	const char *tasks = key_of(g->arena, &d->keyspace, "tasks");
	const char *due = key_of(g->arena, &d->keyspace, "task_due");

	for (struct task *task = g->fx.tasks; task; task = task->next) {
		struct doc *owner = group_case(d, g, task->debtor_id);
		struct image one = { .op = task->close ? IMAGE_HDEL : IMAGE_HSET, .key = tasks, .field = task->id };
		struct image timer = { .op = task->close ? IMAGE_ZREM : IMAGE_ZADD, .key = due, .field = task->id,
			.number = task->deadline };
		CLEANUP(buf_clear) struct buf text = { 0 };

		if (!task->close) {
			struct json_writer w = jw_init(&text);

			write_task(&w, task, owner && owner->loaded ? owner->d : NULL);
			one.value = keep(g, &text, &one.value_len);
		}
		group_image(g, owner, CLASS_CONTENT, &one);
		group_image(g, owner, CLASS_FACTS, &timer);
	}
}

static char *stream_entry_id(struct group *g, const char *pseq, size_t i)
{
	char number[U64_TEXT_SIZE];

	u64_format(i, number);
	return arena_join(g->arena, pseq, number);
}

/* One CloudEvent. What is the same for all of a group comes ready made. */
static void write_event(struct group *g, const struct draft *draft, const char *id, const char *source, const char *time,
	struct buf *out)
{
	struct json_writer w = jw_init(out);

	jw_object(&w, NULL);
	jw_str(&w, "specversion", "1.0");
	jw_str(&w, "id", id);
	jw_str(&w, "source", source);
	jw_str(&w, "type", draft->kind);
	if (draft->invoice_id)
		jw_str(&w, "subject", arena_join(g->arena, "invoice/", draft->invoice_id));
	jw_str(&w, "time", time);
	jw_object(&w, "data");
	jw_opt_str(&w, "invoice_id", draft->invoice_id);
	jw_opt_str(&w, "customer_id", draft->debtor_id);
	if (draft->data.len) {
		if (draft->invoice_id || draft->debtor_id)
			buf_add_char(out, ',');
		buf_add(out, draft->data.data, draft->data.len);
	}
	jw_end_object(&w);
	jw_end_object(&w);
}

static void image_events(struct dunner *d, struct group *g)
{
	const char *outbound = key_of(g->arena, &d->keyspace, "outbound"), *dead = key_of(g->arena, &d->keyspace, "dead");
	const char *source = arena_printf(g->arena, "dunningd://%s/%s", d->config->origin, d->config->instance);
	const char *partition = arena_printf(g->arena, "%s-%u-", d->config->instance, d->settings.partition);
	const char *pseq = arena_printf(g->arena, "%llu-", (unsigned long long)g->out.head.pseq);
	CLEANUP(buf_clear) struct buf event = { 0 };
	CLEANUP(buf_clear) struct buf fields = { 0 };
	char text[UTC_TEXT_SIZE];
	size_t n = 1;

	utc_format(g->fx.now, text);
	for (struct draft *draft = g->fx.events; draft; draft = draft->next, n++) {
		struct image add = { .op = IMAGE_XADD_EVENT, .key = outbound, .field = stream_entry_id(g, pseq, n),
			.number = draft->next ? 0 : d->config->limits.outbound_maxlen }; /* once a group is enough */

		buf_reset(&event);
		write_event(g, draft, arena_join(g->arena, partition, add.field), source, text, &event);
		add.value = keep(g, &event, &add.value_len);
		group_image(g, group_case(d, g, draft->debtor_id), CLASS_FACTS, &add);
	}
	n = 1;
	for (struct dead_letter *letter = g->dead; letter; letter = letter->next, n++) {
		struct image add = { .op = IMAGE_XADD, .key = dead, .field = stream_entry_id(g, pseq, n),
			.number = d->config->limits.dead_maxlen };
		struct json_writer w;

		buf_reset(&fields);
		w = jw_init(&fields);
		jw_array(&w, NULL);
		jw_str(&w, NULL, "event");
		jw_strn(&w, NULL, letter->raw ? letter->raw : "", letter->raw_len);
		jw_str(&w, NULL, "reason");
		jw_str(&w, NULL, letter->err->code);
		jw_str(&w, NULL, "path");
		jw_str(&w, NULL, letter->err->path);
		jw_str(&w, NULL, "detail");
		jw_str(&w, NULL, letter->err->text);
		jw_str(&w, NULL, "stream");
		jw_str(&w, NULL, letter->stream);
		jw_str(&w, NULL, "id");
		jw_str(&w, NULL, letter->id);
		jw_end_array(&w);
		add.value = keep(g, &fields, &add.value_len);
		group_image(g, group_case(d, g, letter->debtor_id), CLASS_CONTENT, &add);
	}
}

/*
 * What lay beside an event is in its record from here on, and with the last of several in the records of all. Told again by another event, the
 * earlier one's record has it.
 */
static void image_bodies(struct dunner *d, struct group *g)
{
	for (const struct doc *doc = g->docs; doc; doc = doc->next)
		if (is_imaged(doc, DOC_BODY))
			group_image(g, group_case(d, g, NULL), CLASS_FACTS, &(struct image){ .op = IMAGE_DEL, .key = doc->key });
}

static void image_adopted(struct dunner *d, struct group *g)
{
	for (const struct adopted *one = g->adopted; one; one = one->next)
		group_image(g, group_case(d, g, one->debtor_id), one->class, &one->image);
}

static void image_positions(struct dunner *d, struct group *g)
{
	const char *cursor = key_of(g->arena, &d->keyspace, "cursor");

	for (size_t i = 0; i < g->position_count; i++) {
		struct image set = { .op = IMAGE_HSET, .key = cursor, .field = g->positions[i].stream,
			.value = g->positions[i].id, .value_len = strlen(g->positions[i].id) };

		group_image(g, group_case(d, g, NULL), CLASS_FACTS, &set);
	}
}

/* Each case's images, to be sealed under its class keys: at most 64 blobs and some 256 KiB a frame. */
static void lay_images(struct dunner *d, struct group *g)
{
	const struct random_port *random = d->ports.random;
	CLEANUP(buf_clear) struct buf plain = { 0 };
	struct buf *out = &g->bodies[1];
	size_t frames = 0, blobs = 0, from = 0;

	buf_reserve(out, g->image_bytes);
	g->frames = arena_alloc(g->arena, (2 * g->doc_count * CLASS_COUNT + 2) * sizeof(*g->frames));
	for (struct doc *doc = g->docs; doc; doc = doc->next)
		for (int class = 0; class < CLASS_COUNT && doc->kind == DOC_DEBTOR; class ++) {
			uint8_t nonce[AES_NONCE_SIZE];
			struct slice content;
			struct seal *seal;

			if (!doc->images[class])
				continue;
			buf_reset(&plain);
			for (const struct owned_image *at = doc->images[class]; at; at = at->next)
				image_add(&plain, &g->images[at->index]);
			content = (struct slice){ (const uint8_t *)plain.data, plain.len };
			if (blobs == 64 || (blobs && out->len - from > IMAGES_FRAME_BYTES)) {
				out->data[from] = (char)blobs;
				g->frames[frames].data = (const uint8_t *)(uintptr_t)from;
				g->frames[frames++].len = out->len - from;
				blobs = 0;
			}
			if (!blobs) {
				from = out->len;
				buf_add_char(out, 0);
			}
			random->bytes(random->self, nonce, sizeof(nonce));
			seal = &g->out.seals[g->out.seal_count++];
			blob_lay(out, &doc->keys, (enum key_class)class, nonce, &content, 1, seal);
			seal->body = g->out.record_count + frames;
			seal->at -= from;
			blobs++;
		}
	if (blobs) {
		out->data[from] = (char)blobs;
		g->frames[frames].data = (const uint8_t *)(uintptr_t)from;
		g->frames[frames++].len = out->len - from;
	}
	for (size_t i = 0; i < frames; i++)
		g->frames[i].data = (const uint8_t *)out->data + (uintptr_t)g->frames[i].data;
	for (size_t i = 0; i < g->out.record_count; i++)
		g->records[i].data = (const uint8_t *)g->bodies[0].data + (uintptr_t)g->records[i].data;
	g->out.images = g->frames;
	g->out.image_count = frames;
	g->out.records = g->records;
}

int group_build(struct dunner *d, struct group *g)
{
	struct group_header *head = &g->out.head;
	const struct group *before = d->decided;
	struct log_turn turn;
	int r = log_turn(d, g->fx.now, &turn);

	if (r < 0)
		return r;
	if (turn.before || turn.ends)
		group_case(d, g, NULL)->touched = true; /* its number in the case */
	r = key_cases(d, g, turn.year);
	if (r < 0)
		return r;
	g->bodies = arena_alloc(g->arena, 2 * sizeof(*g->bodies));
	head->partition = d->settings.partition;
	while (before && before->next)
		before = before->next;
	head->pseq = (before ? before->out.head.pseq : d->pseq) + 1;
	head->epoch = d->epoch;
	d->ports.random->bytes(d->ports.random->self, head->id, GROUP_ID_SIZE);
	memcpy(head->predecessor, before ? before->out.head.id : d->last_group, GROUP_ID_SIZE);
	memcpy(head->run_id, d->run_id, REDIS_ID_SIZE);
	memcpy(head->repl_id, d->repl_id, REDIS_ID_SIZE);
	head->year = turn.year;
	head->first_index = d->ports.journal->next_index(d->ports.journal->self, turn.year);
	head->decided_at = g->fx.now;
	build_records(d, g, &turn);
	image_addresses(d, g);
	image_docs(d, g);
	erase_images(d, g);
	image_attempts(d, g);
	image_references(d, g);
	image_tasks(d, g);
	image_bodies(d, g);
	image_adopted(d, g);
	image_events(d, g);
	image_positions(d, g);
	if (d->ports.journal->hears)
		g->out.records = g->records;
	else
		lay_images(d, g);
	return 0;
}
