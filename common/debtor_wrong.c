/* Contacts of whom a call told that they are not, or no longer, the right ones. */
#include <stdio.h>
#include <string.h>

#include "common/debtor.h"
#include "common/hash.h"
#include "common/utc.h"

#define KNOWN_SIZE (2 * 12 + 1)
#define NOBODY "" /* no contact's id: who was called is not among them, or has no number */

/* Of persons as the customer's data have them: another name or address is another person. It holds no address itself. */
static const char *known_as(const struct contact *contacts, size_t count, char ret[KNOWN_SIZE])
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	uint8_t digest[SHA256_SIZE];

	for (size_t i = 0; i < count; i++) {
		const char *const parts[] = { contacts[i].name, contacts[i].email, contacts[i].phone };

		for (size_t k = 0; k < ARRAY_LEN(parts); k++)
			buf_printf(&text, "%s\n", parts[k] ? parts[k] : "");
	}
	buf_add_char(&text, '\n');
	sha256(text.data, text.len, digest);
	return hex_format(digest, 12, ret);
}

static bool is_about(const struct wrong_contact *wrong, const struct contact *contact)
{
	char known[KNOWN_SIZE];

	return strcmp(wrong->contact, contact->id) == 0 && strcmp(wrong->known, known_as(contact, 1, known)) == 0;
}

static const struct wrong_contact *find(const struct debtor *debtor, const struct contact *contact)
{
	for (size_t i = debtor->wrong_count; i-- > 0;)
		if (is_about(&debtor->wrong[i], contact))
			return &debtor->wrong[i];
	return NULL;
}

bool debtor_wrong(const struct debtor *debtor, const struct contact *contact)
{
	return find(debtor, contact) != NULL;
}

void debtor_wrong_add(struct debtor *debtor, struct arena *arena, const struct contact *contact, const char *invoice, int64_t at)
{
	const char *id = contact ? contact->id : NOBODY;
	char known[KNOWN_SIZE];
	size_t kept = 0;

	for (size_t i = 0; i < debtor->wrong_count; i++)
		if (strcmp(debtor->wrong[i].invoice, invoice) != 0 || strcmp(debtor->wrong[i].contact, id) != 0)
			debtor->wrong[kept++] = debtor->wrong[i];
	debtor->wrong_count = kept;
	if (kept == WRONG_MAX)
		memmove(debtor->wrong, debtor->wrong + 1, --debtor->wrong_count * sizeof(*debtor->wrong));
	debtor->wrong = arena_grow(arena, debtor->wrong, debtor->wrong_count, &debtor->wrong_capacity, sizeof(*debtor->wrong));
	known_as(contact ? contact : debtor->customer.contacts, contact ? 1 : debtor->customer.contact_count, known);
	debtor->wrong[debtor->wrong_count++] = (struct wrong_contact){ arena_strdup(arena, id), arena_strdup(arena, known), arena_strdup(arena, invoice), at };
}

void debtor_wrong_mended(struct debtor *debtor)
{
	char all[KNOWN_SIZE];
	size_t kept = 0;

	known_as(debtor->customer.contacts, debtor->customer.contact_count, all);
	for (size_t i = 0; i < debtor->wrong_count; i++) {
		bool theirs = strcmp(debtor->wrong[i].contact, NOBODY) == 0 && strcmp(debtor->wrong[i].known, all) == 0;

		for (size_t k = 0; k < debtor->customer.contact_count; k++)
			theirs |= is_about(&debtor->wrong[i], &debtor->customer.contacts[k]);
		if (theirs)
			debtor->wrong[kept++] = debtor->wrong[i];
	}
	debtor->wrong_count = kept;
}

bool debtor_wrong_told(const struct debtor *debtor, const char *invoice)
{
	for (size_t i = 0; i < debtor->wrong_count; i++)
		if (strcmp(debtor->wrong[i].invoice, invoice) == 0)
			return true;
	return false;
}

void debtor_wrong_seen(struct debtor *debtor, const char *invoice)
{
	bool own = debtor_wrong_told(debtor, invoice), seen[WRONG_MAX];
	size_t kept = 0;

	for (size_t i = 0; i < debtor->wrong_count; i++) {
		seen[i] = !own;
		for (size_t k = 0; k < debtor->wrong_count; k++)
			seen[i] |= strcmp(debtor->wrong[k].invoice, invoice) == 0 && strcmp(debtor->wrong[k].contact, debtor->wrong[i].contact) == 0;
	}
	for (size_t i = 0; i < debtor->wrong_count; i++)
		if (!seen[i])
			debtor->wrong[kept++] = debtor->wrong[i];
	debtor->wrong_count = kept;
}

int64_t debtor_wrong_until(const struct debtor *debtor, enum channel channel, const char *const *roles, int64_t now)
{
	struct debtor before = *debtor;
	const struct contact *contact;
	const struct wrong_contact *wrong;

	before.wrong_count = 0;
	contact = debtor_contact(&before, channel, roles, now);
	wrong = contact ? find(debtor, contact) : NULL;
	return wrong && wrong->at + WRONG_WAIT_MS > now ? wrong->at + WRONG_WAIT_MS : 0;
}

void wrong_write(struct json_writer *w, const char *key, const struct debtor *debtor)
{
	if (!debtor->wrong_count)
		return;
	jw_array(w, key);
	for (size_t i = 0; i < debtor->wrong_count; i++) {
		jw_object(w, NULL);
		jw_str(w, "contact", debtor->wrong[i].contact);
		jw_str(w, "known", debtor->wrong[i].known);
		jw_str(w, "invoice", debtor->wrong[i].invoice);
		jw_int(w, "at", debtor->wrong[i].at);
		jw_end_object(w);
	}
	jw_end_array(w);
}

void wrong_read(const struct json *json, struct arena *arena, struct debtor *ret)
{
	for (size_t i = 0; i < json_len(json) && ret->wrong_count < WRONG_MAX; i++) {
		struct json one = json_at(json, i), contact = json_get(&one, "contact"), known = json_get(&one, "known"),
			    invoice = json_get(&one, "invoice"), at = json_get(&one, "at");

		if (!json_str(&contact) || !json_str(&known) || !json_str(&invoice))
			continue;
		ret->wrong = arena_grow(arena, ret->wrong, ret->wrong_count, &ret->wrong_capacity, sizeof(*ret->wrong));
		ret->wrong[ret->wrong_count++] = (struct wrong_contact){ json_str(&contact), json_str(&known), json_str(&invoice), json_int(&at) };
	}
}
