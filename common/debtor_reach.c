/* Who of a debtor is contacted by a channel, and where that is. */
#include <string.h>

#include "common/debtor.h"

const char *debtor_address(const struct debtor *debtor, const struct contact *contact, enum channel channel, struct arena *arena)
{
	if (channel == CHANNEL_LETTER)
		return postal_line(&debtor->customer.postal, arena);
	return channel == CHANNEL_EMAIL ? contact->email : contact->phone;
}

/* A letter goes to the house; who of it is to open it is written above its address, where we know somebody. */
static const struct contact *letter_contact(const struct debtor *debtor, const char *const *roles, int64_t now)
{
	static const struct contact house = { .id = "postal", .role = "billing" };
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const struct customer *c = &debtor->customer;

	if (!c->postal.line1 || !c->postal.city || !c->postal.country ||
		debtor_address_dead(debtor, CHANNEL_LETTER, postal_line(&c->postal, arena)))
		return NULL;
	for (; *roles; roles++)
		for (size_t i = 0; i < c->contact_count; i++)
			if (debtor_allows(debtor, &c->contacts[i], now) && !debtor_wrong(debtor, &c->contacts[i]) && strcmp(c->contacts[i].role, *roles) == 0 && (c->name || c->contacts[i].name))
				return &c->contacts[i];
	return c->name ? &house : NULL;
}

/* Whether what a machine sends to this number was agreed to, where that is needed. */
static bool number_allowed(const struct debtor *debtor, const struct contact *c, enum channel channel)
{
	bool consumer = debtor->customer.kind == 2, us = debtor->customer.country && strcmp(debtor->customer.country, "US") == 0;

	/* With consent alone: consumers, and whoever has a North American number (47 USC 227, and its carriers). */
	if (channel == CHANNEL_SMS)
		return c->sms_consent || (!consumer && strncmp(c->phone, "+1", 2) != 0);
	/* A voice that nobody speaks: of nobody in America (47 CFR 64.1200(a)(1)). */
	return channel != CHANNEL_VOICE || c->voice_consent || (!consumer && !us && strncmp(c->phone, "+1", 2) != 0);
}

static bool passed_over(const struct contact *c, enum channel channel, const char *const *passed, size_t count)
{
	size_t len = strlen(channel_names[channel]);

	for (size_t i = 0; i < count; i++)
		if (strncmp(passed[i], channel_names[channel], len) == 0 && passed[i][len] == ':' && strcmp(passed[i] + len + 1, c->id) == 0)
			return true;
	return false;
}

const struct contact *debtor_contact(const struct debtor *debtor, enum channel channel, const char *const *roles, int64_t now)
{
	return debtor_contact_but(debtor, channel, roles, now, NULL, 0);
}

const struct contact *debtor_contact_but(const struct debtor *debtor, enum channel channel, const char *const *roles, int64_t now,
	const char *const *passed, size_t passed_count)
{
	if (debtor_opted_out(debtor, channel))
		return NULL;
	if (channel == CHANNEL_LETTER)
		return letter_contact(debtor, roles, now);
	for (; *roles; roles++)
		for (size_t i = 0; i < debtor->customer.contact_count; i++) {
			const struct contact *c = &debtor->customer.contacts[i];
			const char *address = channel == CHANNEL_EMAIL ? c->email : c->phone;

			if (!debtor_allows(debtor, c, now) || strcmp(c->role, *roles) != 0 || !address || passed_over(c, channel, passed, passed_count))
				continue;
			if (c->channels && !(c->channels >> channel & 1))
				continue;
			if (debtor_address_dead(debtor, channel, address) || debtor_wrong(debtor, c))
				continue;
			if (!number_allowed(debtor, c, channel))
				continue;
			return c;
		}
	return NULL;
}

const struct stop_reply *debtor_stop_unconfirmed(const struct debtor *debtor, enum channel channel)
{
	const struct stop_reply *stop = &debtor->stop_replies[channel];

	return stop->at && !stop->confirmed && debtor_opted_out(debtor, channel) ? stop : NULL;
}

struct place debtor_place(const struct debtor *debtor)
{
	const struct postal *postal = &debtor->customer.postal;
	const char *country = debtor->customer.country;
	bool there = country && (!postal->country || strcmp(postal->country, country) == 0);

	return (struct place){ .country = country, .region = there ? postal->region : NULL, .postcode = there ? postal->postcode : NULL };
}

const char *debtor_zone(const struct debtor *debtor, const char *fallback)
{
	return debtor->customer.timezone ? debtor->customer.timezone : fallback;
}

const char *debtor_locale(const struct debtor *debtor, const struct contact *contact, const char *fallback)
{
	if (contact && contact->locale)
		return contact->locale;
	return debtor->customer.locale ? debtor->customer.locale : fallback;
}
