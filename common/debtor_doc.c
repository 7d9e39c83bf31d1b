/* The stored form of a debtor: written as JSON, and read. */
#include "common/debtor.h"

#include <string.h>

#include "common/reply.h"

#define SCHEMA 1

static void write_switch(struct json_writer *w, const char *key, const struct debtor_switch *s)
{
	if (!s->set)
		return;
	jw_object(w, key);
	jw_bool(w, "on", s->on);
	order_write(w, "order", &s->order);
	jw_opt_int(w, "until", s->until);
	jw_opt_str(w, "reason", s->reason);
	jw_end_object(w);
}

static void write_keys(struct json_writer *w, const struct trail_keys *keys, size_t count)
{
	if (count)
		jw_array(w, "keys");
	for (size_t i = 0; i < count; i++) {
		jw_array(w, NULL);
		jw_int(w, NULL, keys[i].year);
		jw_int(w, NULL, keys[i].slot);
		jw_int(w, NULL, keys[i].classes);
		jw_int(w, NULL, (int64_t)keys[i].n);
		jw_int(w, NULL, (int64_t)keys[i].last_index);
		jw_str(w, NULL, keys[i].log ? keys[i].log : "");
		jw_end_array(w);
	}
	if (count)
		jw_end_array(w);
}

static void write_strings(struct json_writer *w, const char *key, const char *const *items, size_t count)
{
	if (!count)
		return;
	jw_array(w, key);
	for (size_t i = 0; i < count; i++)
		jw_str(w, NULL, items[i]);
	jw_end_array(w);
}

static void write_erasing(struct json_writer *w, const struct debtor *system)
{
	if (system->erasing_count)
		jw_array(w, "erasing");
	for (size_t i = 0; i < system->erasing_count; i++) {
		const struct erasing *one = &system->erasing[i];

		jw_object(w, NULL);
		jw_str(w, "debtor", one->debtor);
		write_keys(w, one->keys, one->key_count);
		write_strings(w, "ids", one->ids, one->id_count);
		write_strings(w, "attempts", one->attempts, one->attempt_count);
		jw_end_object(w);
	}
	if (system->erasing_count)
		jw_end_array(w);
}

static void write_customer(struct json_writer *w, const struct customer *c)
{
	jw_object(w, "customer");
	jw_opt_str(w, "name", c->name);
	jw_opt_str(w, "country", c->country);
	jw_opt_int(w, "kind", c->kind);
	jw_opt_str(w, "locale", c->locale);
	jw_opt_str(w, "timezone", c->timezone);
	jw_opt_str(w, "policy", c->policy);
	jw_opt_str(w, "owner", c->owner);
	postal_write(w, "postal", &c->postal);
	if (c->contact_count)
		jw_array(w, "contacts");
	for (size_t i = 0; i < c->contact_count; i++) {
		const struct contact *one = &c->contacts[i];

		jw_object(w, NULL);
		jw_str(w, "id", one->id);
		jw_opt_str(w, "role", one->role);
		jw_opt_str(w, "name", one->name);
		jw_opt_str(w, "email", one->email);
		jw_opt_str(w, "phone", one->phone);
		jw_opt_str(w, "locale", one->locale);
		if (one->external)
			jw_bool(w, "external", true);
		jw_opt_int(w, "channels", one->channels);
		if (one->sms_consent)
			jw_bool(w, "sms_consent", true);
		if (one->voice_consent)
			jw_bool(w, "voice_consent", true);
		jw_end_object(w);
	}
	if (c->contact_count)
		jw_end_array(w);
	jw_end_object(w);
}

void debtor_write(struct buf *out, const struct debtor *debtor)
{
	struct json_writer writer = jw_init(out), *w = &writer;

	jw_object(w, NULL);
	jw_int(w, "schema", SCHEMA);
	jw_int(w, "version", debtor->version);
	jw_str(w, "id", debtor->id);
	if (debtor->known) {
		write_customer(w, &debtor->customer);
		order_write(w, "order", &debtor->order);
	}
	write_switch(w, "paused", &debtor->paused);
	write_switch(w, "insolvent", &debtor->insolvent);
	for (int i = 0; i < CHANNEL_COUNT; i++) {
		char key[32] = "opt_out_";

		strcat(key, channel_names[i]);
		write_switch(w, key, &debtor->opt_out[i]);
	}
	for (int i = 0; i < CHANNEL_COUNT; i++) {
		char key[32] = "stop_reply_";

		if (!debtor->stop_replies[i].at)
			continue;
		jw_array(w, strcat(key, channel_names[i]));
		jw_int(w, NULL, debtor->stop_replies[i].at);
		jw_str(w, NULL, debtor->stop_replies[i].from);
		jw_bool(w, NULL, debtor->stop_replies[i].confirmed);
		jw_end_array(w);
	}
	if (debtor->contact_count) {
		jw_array(w, "contacts");
		for (size_t i = 0; i < debtor->contact_count; i++) {
			jw_array(w, NULL);
			jw_int(w, NULL, debtor->contacts[i].at);
			jw_int(w, NULL, debtor->contacts[i].channel);
			jw_str(w, NULL, debtor->contacts[i].attempt);
			if (debtor->contacts[i].to || debtor->contacts[i].delivery || debtor->contacts[i].aside) {
				jw_str(w, NULL, debtor->contacts[i].to ? debtor->contacts[i].to : "");
				jw_int(w, NULL, debtor->contacts[i].delivery);
				jw_int(w, NULL, debtor->contacts[i].delivery_at);
			}
			if (debtor->contacts[i].aside)
				jw_bool(w, NULL, true);
			jw_end_array(w);
		}
		jw_end_array(w);
	}
	if (debtor->address_count) {
		jw_array(w, "addresses");
		for (size_t i = 0; i < debtor->address_count; i++) {
			jw_array(w, NULL);
			jw_str(w, NULL, debtor->addresses[i].address);
			jw_int(w, NULL, debtor->addresses[i].channel);
			jw_bool(w, NULL, debtor->addresses[i].dead);
			jw_int(w, NULL, debtor->addresses[i].at);
			jw_end_array(w);
		}
		jw_end_array(w);
	}
	write_strings(w, "open", debtor->open, debtor->open_count);
	write_strings(w, "work_held", debtor->work_held, debtor->work_held_count);
	jw_opt_int(w, "paid", debtor->paid);
	jw_opt_int(w, "paid_late", debtor->paid_late);
	jw_opt_int(w, "deposits", debtor->deposits);
	jw_opt_int(w, "deposits_late", debtor->deposits_late);
	jw_opt_str(w, "walks", debtor->walks);
	jw_opt_int(w, "promises_kept", debtor->promises_kept);
	jw_opt_int(w, "promises_broken", debtor->promises_broken);
	write_strings(w, "thanks", debtor->thanks, debtor->thanks_count);
	jw_opt_int(w, "still_owed", debtor->still_owed);
	allowed_write(w, "allowed", debtor);
	wrong_write(w, "wrong", debtor);
	jw_opt_int(w, "dead_letter_until", debtor->dead_letter_until);
	if (debtor->indexed)
		jw_bool(w, "indexed", true);
	jw_array(w, "trail");
	jw_int(w, NULL, debtor->trail.year);
	jw_int(w, NULL, debtor->trail.slot);
	jw_int(w, NULL, (int64_t)debtor->trail.n);
	jw_str(w, NULL, debtor->trail.log ? debtor->trail.log : "");
	jw_int(w, NULL, (int64_t)debtor->trail.tenure);
	if (debtor->trail.prev_origin) {
		jw_str(w, NULL, debtor->trail.prev_origin);
		jw_int(w, NULL, (int64_t)debtor->trail.prev_index);
		jw_str(w, NULL, debtor->trail.prev_hash);
	}
	jw_end_array(w);
	write_keys(w, debtor->trail.earlier, debtor->trail.earlier_count);
	write_switch(w, "retained", &debtor->retained);
	jw_opt_int(w, "tenure", (int64_t)debtor->tenure);
	write_switch(w, "suspended", &debtor->suspended);
	if (debtor->running)
		jw_bool(w, "running", true);
	if (debtor->feed_count) {
		jw_array(w, "feeds");
		for (size_t i = 0; i < debtor->feed_count; i++) {
			jw_array(w, NULL);
			jw_str(w, NULL, debtor->feeds[i].source);
			jw_int(w, NULL, debtor->feeds[i].watermark);
			jw_end_array(w);
		}
		jw_end_array(w);
	}
	write_strings(w, "policies", debtor->policies, debtor->policy_count);
	jw_opt_str(w, "adopted", debtor->adopted);
	write_strings(w, "gaps", debtor->gaps, debtor->gap_count);
	if (debtor->experience.reached[0]) {
		jw_array(w, "experience");
		for (int i = 0; i < EXPERIENCE_AGES; i++) {
			jw_int(w, NULL, debtor->experience.reached[i]);
			jw_int(w, NULL, debtor->experience.paid[i]);
		}
		jw_end_array(w);
	}
	write_strings(w, "anchored", debtor->anchored, debtor->anchored_count);
	write_strings(w, "quotas", debtor->quotas, debtor->quota_count);
	write_strings(w, "refusing", debtor->refusing, debtor->refusing_count);
	write_strings(w, "refusing_why", debtor->refusing_why, debtor->refusing_count);
	write_erasing(w, debtor);
	books_write(w, "books", &debtor->books);
	if (debtor->digest_on.days > 0)
		jw_int(w, "digest_on", debtor->digest_on.days);
	jw_opt_int(w, "digest_tries", debtor->digest_tries);
	jw_opt_int(w, "feed_stale", debtor->feed_stale);
	jw_opt_int(w, "unknown_since", debtor->unknown_since);
	jw_opt_int(w, "suspended_told", debtor->suspended_told);
	jw_opt_int(w, "braked_at", debtor->braked_at);
	if (debtor->hour_contacts)
		jw_int(w, "hour_since", debtor->hour_since);
	jw_opt_int(w, "hour_contacts", debtor->hour_contacts);
	jw_opt_str(w, "held", debtor->held);
	jw_opt_int(w, "held_since", debtor->held_since);
	jw_end_object(w);
}

static void read_switch(const struct json *json, const char *key, struct debtor_switch *ret)
{
	struct json s = json_get(json, key), v, order;

	*ret = (struct debtor_switch){ .set = s.type == JSON_OBJECT };
	if (!ret->set) /* so are nearly all */
		return;
	v = json_get(&s, "on");
	ret->on = json_bool(&v);
	order = json_get(&s, "order");
	order_read(&order, &ret->order);
	v = json_get(&s, "until");
	ret->until = json_int(&v);
	v = json_get(&s, "reason");
	ret->reason = json_str(&v);
}

static const char *member(const struct json *json, const char *key)
{
	struct json v = json_get(json, key);

	return json_str(&v);
}

static int64_t number(const struct json *json, const char *key)
{
	struct json v = json_get(json, key);

	return json_int(&v);
}

static int read_customer(struct arena *arena, const struct json *json, struct customer *c, struct err *err)
{
	struct json contacts = { 0 }, v;
	int64_t kind = 0, channels;
	int r;

	*c = (struct customer){ .name = member(json, "name"), .country = member(json, "country"),
		.locale = member(json, "locale"), .timezone = member(json, "timezone"), .policy = member(json, "policy"),
		.owner = member(json, "owner") };
	if ((r = json_opt_int(json, "kind", 0, 3, &kind, err)) < 0 ||
		(r = json_opt_array(json, "contacts", &contacts, err)) < 0 || (r = postal_read(json, "postal", &c->postal, err)) < 0)
		return r;
	c->kind = (int)kind;
	c->contact_count = json_len(&contacts);
	c->contacts = arena_alloc(arena, c->contact_count * sizeof(*c->contacts));
	for (size_t i = 0; i < c->contact_count; i++) {
		struct json one = json_at(&contacts, i);
		struct contact *to = &c->contacts[i];

		*to = (struct contact){ .role = member(&one, "role"), .name = member(&one, "name"),
			.email = member(&one, "email"), .phone = member(&one, "phone"), .locale = member(&one, "locale") };
		channels = 0;
		if ((r = json_get_str(&one, "id", 128, &to->id, err)) < 0 ||
			(r = json_opt_int(&one, "channels", 0, (1 << CHANNEL_COUNT) - 1, &channels, err)) < 0)
			return r;
		to->channels = (uint32_t)channels;
		v = json_get(&one, "external");
		to->external = json_bool(&v);
		v = json_get(&one, "sms_consent");
		to->sms_consent = json_bool(&v);
		v = json_get(&one, "voice_consent");
		to->voice_consent = json_bool(&v);
		if (!to->role)
			to->role = "billing";
	}
	return 0;
}

static void read_trail(const struct json *json, struct trail_place *ret)
{
	struct json at[8];

	for (size_t i = 0; i < ARRAY_LEN(at); i++)
		at[i] = json_at(json, i);
	*ret = (struct trail_place){ .year = (uint16_t)json_int(&at[0]), .slot = (uint32_t)json_int(&at[1]),
		.n = (uint64_t)json_int(&at[2]), .log = json_str(&at[3]), .tenure = (uint64_t)json_int(&at[4]),
		.prev_origin = json_str(&at[5]), .prev_index = (uint64_t)json_int(&at[6]) };
	if (at[7].type == JSON_STRING && strlen(json_str(&at[7])) == 64)
		memcpy(ret->prev_hash, json_str(&at[7]), 65);
}

static const char **read_strings(struct arena *arena, const struct json *json, size_t *count)
{
	const char **items;

	*count = json_len(json);
	items = arena_alloc(arena, *count * sizeof(*items));
	for (size_t i = 0; i < *count; i++) {
		struct json one = json_at(json, i);

		items[i] = json_str(&one);
		if (!items[i])
			items[i] = "";
	}
	return items;
}

/* Older documents have none. */
static void read_whys(struct arena *arena, const struct json *json, struct debtor *ret)
{
	struct json list = json_get(json, "refusing_why");

	ret->refusing_capacity = ret->refusing_why_capacity = ret->refusing_count;
	ret->refusing_why = arena_alloc(arena, ret->refusing_count * sizeof(*ret->refusing_why));
	for (size_t i = 0; i < ret->refusing_count; i++) {
		struct json why = json_at(&list, i);

		ret->refusing_why[i] = json_str(&why) ? json_str(&why) : "";
	}
}

static struct trail_keys *read_keys(struct arena *arena, const struct json *json, size_t *count)
{
	struct trail_keys *keys;

	*count = json_len(json);
	keys = arena_alloc(arena, *count * sizeof(*keys));
	for (size_t i = 0; i < *count; i++) {
		struct json row = json_at(json, i), at[6];

		for (size_t k = 0; k < ARRAY_LEN(at); k++)
			at[k] = json_at(&row, k);
		keys[i] = (struct trail_keys){ json_str(&at[5]) ? json_str(&at[5]) : "", (uint16_t)json_int(&at[0]),
			(uint32_t)json_int(&at[1]), (unsigned)json_int(&at[2]) & TRAIL_CLASSES, (uint64_t)json_int(&at[3]),
			(uint64_t)json_int(&at[4]) };
	}
	return keys;
}

static void read_erasing(struct arena *arena, const struct json *json, struct debtor *ret)
{
	for (size_t i = 0; i < json_len(json); i++) {
		struct json one = json_at(json, i), keys = json_get(&one, "keys"), ids = json_get(&one, "ids"),
			    attempts = json_get(&one, "attempts");
		struct erasing erasing = { .debtor = member(&one, "debtor") };

		if (!erasing.debtor)
			continue;
		erasing.keys = read_keys(arena, &keys, &erasing.key_count);
		erasing.ids = read_strings(arena, &ids, &erasing.id_count);
		erasing.attempts = read_strings(arena, &attempts, &erasing.attempt_count);
		debtor_erasing_add(ret, arena, &erasing);
	}
}

static void read_stop_reply(const struct json *json, struct stop_reply *ret)
{
	struct json at = json_at(json, 0), from = json_at(json, 1), confirmed = json_at(json, 2);

	*ret = (struct stop_reply){ .at = json_int(&at), .from = json_str(&from) ? json_str(&from) : "", .confirmed = json_bool(&confirmed) };
}

static void read_delivery(const struct json *json, struct contact_made *ret)
{
	struct json to = json_at(json, 3), delivery = json_at(json, 4), at = json_at(json, 5), aside = json_at(json, 6);

	ret->to = json_str(&to) && json_str(&to)[0] ? json_str(&to) : NULL;
	if (json_int(&delivery) > 0 && json_int(&delivery) < DELIVERY_COUNT)
		ret->delivery = (enum delivery_state)json_int(&delivery);
	ret->delivery_at = json_int(&at);
	ret->aside = json_bool(&aside);
}

int debtor_read(struct arena *arena, const char *text, size_t len, struct debtor *ret, struct err *err)
{
	struct json *json = arena_alloc(arena, sizeof(*json));
	int r = json_parse(arena, text, len, 0, json, err);

	return r < 0 ? r : debtor_from(arena, json, ret, err);
}

int debtor_from(struct arena *arena, const struct json *json, struct debtor *ret, struct err *err)
{
	struct json v;
	int r;

	*ret = (struct debtor){ 0 };
	if ((r = json_get_int(json, "schema", 1, SCHEMA, &(int64_t){ 0 }, err)) < 0 ||
		(r = json_get_int(json, "version", 0, MONEY_MAX, &ret->version, err)) < 0 ||
		(r = json_get_str(json, "id", 128, &ret->id, err)) < 0)
		return r;
	v = json_get(json, "customer");
	if (v.type == JSON_OBJECT) {
		ret->known = true;
		r = read_customer(arena, &v, &ret->customer, err);
		if (r < 0)
			return r;
		v = json_get(json, "order");
		order_read(&v, &ret->order);
	}
	read_switch(json, "paused", &ret->paused);
	read_switch(json, "insolvent", &ret->insolvent);
	for (int i = 0; i < CHANNEL_COUNT; i++) {
		char key[32] = "opt_out_";

		strcat(key, channel_names[i]);
		read_switch(json, key, &ret->opt_out[i]);
	}
	for (int i = 0; i < CHANNEL_COUNT; i++) {
		char key[32] = "stop_reply_";

		v = json_get(json, strcat(key, channel_names[i]));
		if (v.type == JSON_ARRAY)
			read_stop_reply(&v, &ret->stop_replies[i]);
	}
	v = json_get(json, "contacts");
	ret->contact_count = ret->contact_capacity = json_len(&v);
	ret->contacts = arena_alloc(arena, ret->contact_count * sizeof(*ret->contacts));
	for (size_t i = 0; i < ret->contact_count; i++) {
		struct json one = json_at(&v, i), at = json_at(&one, 0), channel = json_at(&one, 1),
			    id = json_at(&one, 2);

		if (json_int(&channel) < 0 || json_int(&channel) >= CHANNEL_COUNT)
			return json_refuse(&channel, NULL, err, "out_of_range", "must be a channel");
		ret->contacts[i] = (struct contact_made){ .at = json_int(&at), .channel = (enum channel)json_int(&channel),
			.attempt = json_str(&id) ? json_str(&id) : "" };
		read_delivery(&one, &ret->contacts[i]);
	}
	v = json_get(json, "addresses");
	for (size_t i = 0; i < json_len(&v); i++) {
		struct json one = json_at(&v, i), address = json_at(&one, 0), channel = json_at(&one, 1), dead = json_at(&one, 2),
			    at = json_at(&one, 3);

		if (json_int(&channel) < 0 || json_int(&channel) >= CHANNEL_COUNT || !json_str(&address))
			return json_refuse(&one, NULL, err, "out_of_range", "must be an address and its channel");
		(void)debtor_address_told(ret, arena, (enum channel)json_int(&channel), json_str(&address), json_bool(&dead), json_int(&at));
	}
	v = json_get(json, "open");
	ret->open = read_strings(arena, &v, &ret->open_count);
	ret->open_capacity = ret->open_count;
	v = json_get(json, "work_held");
	ret->work_held = read_strings(arena, &v, &ret->work_held_count);
	ret->work_held_capacity = ret->work_held_count;
	ret->paid = number(json, "paid");
	ret->paid_late = number(json, "paid_late");
	ret->deposits = number(json, "deposits");
	ret->deposits_late = number(json, "deposits_late");
	v = json_get(json, "walks");
	ret->walks = json_str(&v);
	ret->promises_kept = number(json, "promises_kept");
	ret->promises_broken = number(json, "promises_broken");
	v = json_get(json, "thanks");
	ret->thanks = read_strings(arena, &v, &ret->thanks_count);
	ret->thanks_capacity = ret->thanks_count;
	ret->still_owed = number(json, "still_owed");
	v = json_get(json, "allowed");
	allowed_read(&v, arena, ret);
	v = json_get(json, "wrong");
	wrong_read(&v, arena, ret);
	ret->dead_letter_until = number(json, "dead_letter_until");
	v = json_get(json, "trail");
	read_trail(&v, &ret->trail);
	v = json_get(json, "keys");
	ret->trail.earlier = read_keys(arena, &v, &ret->trail.earlier_count);
	ret->trail.earlier_capacity = ret->trail.earlier_count;
	read_switch(json, "retained", &ret->retained);
	ret->tenure = (uint64_t)number(json, "tenure");
	read_switch(json, "suspended", &ret->suspended);
	v = json_get(json, "running");
	ret->running = json_bool(&v);
	v = json_get(json, "feeds");
	for (size_t i = 0; i < json_len(&v) && i < FEEDS_MAX; i++) {
		struct json feed = json_at(&v, i), source = json_at(&feed, 0), watermark = json_at(&feed, 1);

		if (json_str(&source))
			(void)debtor_feed_told(ret, arena, json_str(&source), json_int(&watermark));
	}
	v = json_get(json, "policies");
	ret->policies = read_strings(arena, &v, &ret->policy_count);
	ret->policy_capacity = ret->policy_count;
	v = json_get(json, "adopted");
	ret->adopted = json_str(&v);
	v = json_get(json, "gaps");
	ret->gaps = read_strings(arena, &v, &ret->gap_count);
	v = json_get(json, "experience");
	for (size_t i = 0; i < EXPERIENCE_AGES && 2 * i + 1 < json_len(&v); i++) {
		struct json reached = json_at(&v, 2 * i), paid = json_at(&v, 2 * i + 1);

		ret->experience.reached[i] = json_int(&reached);
		ret->experience.paid[i] = json_int(&paid);
	}
	v = json_get(json, "anchored");
	ret->anchored = read_strings(arena, &v, &ret->anchored_count);
	v = json_get(json, "quotas");
	ret->quotas = read_strings(arena, &v, &ret->quota_count);
	v = json_get(json, "refusing");
	ret->refusing = read_strings(arena, &v, &ret->refusing_count);
	read_whys(arena, json, ret);
	ret->gap_capacity = ret->gap_count;
	v = json_get(json, "erasing");
	read_erasing(arena, &v, ret);
	v = json_get(json, "books");
	books_read(&v, arena, &ret->books);
	ret->digest_on = number(json, "digest_on") ? (date){ (int32_t)number(json, "digest_on") } : date_none();
	ret->digest_tries = number(json, "digest_tries");
	ret->feed_stale = number(json, "feed_stale");
	v = json_get(json, "indexed");
	ret->indexed = json_bool(&v);
	ret->unknown_since = number(json, "unknown_since");
	ret->suspended_told = number(json, "suspended_told");
	ret->braked_at = number(json, "braked_at");
	ret->hour_since = number(json, "hour_since");
	ret->hour_contacts = number(json, "hour_contacts");
	ret->held_since = number(json, "held_since");
	(void)json_opt_str(json, "held", 64, &ret->held, NULL);
	return 0;
}
