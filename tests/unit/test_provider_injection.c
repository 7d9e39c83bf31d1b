/*
 * Hostile words in every text of a message and of the settings, for every shipped provider and the outbox: refused, or literal. "Literal"
 * is: parsers that are not ours read the same values in the same places as with a harmless word, and in those where that word stood the
 * hostile one stands, whole or cut to a length.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/adapter.h"
#include "common/buf.h"
#include "common/file.h"
#include "common/json.h"
#include "daemon/outbox.h"
#include "tests/support/hostile.h"
#include "tests/support/request_leaves.h"
#include "tests/support/shipped.h"

#define CUT_MIN 8 /* characters that are left of a word at least where it is cut */

static const struct field {
	const char *name, *harmless; /* a word that stands nowhere else */
	size_t offset;
	const char *before, *behind; /* the hostile word is tried between these as well; NULL = alone only */
} fields[] = {
#define FIELD(member) offsetof(struct message, member)
	{ "to.name", "Quixote", FIELD(to.name), NULL, NULL },
	{ "to.email", "quixote@mancha.example", FIELD(to.email), "", "@mancha.example" },
	{ "to.phone", "+33699887766", FIELD(to.phone), "+3361", "" },
	{ "from.name", "Quixote", FIELD(from.name), NULL, NULL },
	{ "from.email", "quixote@mancha.example", FIELD(from.email), "", "@mancha.example" },
	{ "from.phone", "+33699887766", FIELD(from.phone), NULL, NULL },
	{ "from.reply_to", "quixote@mancha.example", FIELD(from.reply_to), "", "@mancha.example" },
	{ "to.line1", "Quixote", FIELD(to_postal.line1), NULL, NULL },
	{ "to.line2", "Quixote", FIELD(to_postal.line2), NULL, NULL },
	{ "to.postcode", "Quixote", FIELD(to_postal.postcode), NULL, NULL },
	{ "to.city", "Quixote", FIELD(to_postal.city), NULL, NULL },
	{ "to.region", "Quixote", FIELD(to_postal.region), NULL, NULL },
	{ "to.country", "DE", FIELD(to_postal.country), NULL, NULL },
	{ "from.line1", "Quixote", FIELD(from_postal.line1), NULL, NULL },
	{ "from.line2", "Quixote", FIELD(from_postal.line2), NULL, NULL },
	{ "from.postcode", "Quixote", FIELD(from_postal.postcode), NULL, NULL },
	{ "from.city", "Quixote", FIELD(from_postal.city), NULL, NULL },
	{ "from.region", "Quixote", FIELD(from_postal.region), NULL, NULL },
	{ "from.country", "DE", FIELD(from_postal.country), NULL, NULL },
	{ "locale", "Quixote", FIELD(locale), NULL, NULL },
	{ "subject", "Quixote", FIELD(subject), "begin ", "" },
	{ "text", "Quixote", FIELD(text), "Bonjour,\n", "\nau revoir" },
	{ "html", "Quixote", FIELD(html), NULL, NULL }, /* what stands in it is the template's business: tests of templates */
	{ "debtor_id", "Quixote", FIELD(debtor_id), NULL, NULL },
	{ "step", "Quixote", FIELD(step), NULL, NULL },
	{ "policy", "Quixote", FIELD(policy), NULL, NULL },
	{ "list_unsubscribe", "Quixote", FIELD(list_unsubscribe), NULL, NULL },
	{ "list_unsubscribe_post", "Quixote", FIELD(list_unsubscribe_post), NULL, NULL },
#define INVOICE SIZE_MAX
	{ "invoices", "Quixote", INVOICE, NULL, NULL },
#define FILE_NAME (SIZE_MAX - 1)
	{ "attachments.name", "Quixote", FILE_NAME, "", ".pdf" },
#define FILE_DATA (SIZE_MAX - 2)
	{ "attachments.data", "Quixote", FILE_DATA, "%PDF ", "" },
#define FILE_TYPE (SIZE_MAX - 3)
	{ "attachments.type", "application/x-quixote", FILE_TYPE, "application/", "" },
};

static struct {
	size_t taken, refused, told, tried[ARRAY_LEN(fields)];
} counted;

/* With all that an address can have. */
static struct message whole_message(const struct shipped *provider, bool with_files)
{
	struct message m = shipped_message(provider->channel, with_files);

	m.to_postal.region = "Sancho";
	m.from_postal.line2 = "Rocinante";
	m.from_postal.region = "Dulcinea";
	return m;
}

/* --- literal ------------------------------------------------------------------------------------------------------------------- */

static size_t characters(const char *s, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)s[i] & 0xc0) != 0x80;
	return n;
}

/* The word itself, or its beginning or end where it is cut. */
static bool is_word(const char *got, size_t len, const char *word)
{
	size_t all = strlen(word);

	return len == all ? memcmp(got, word, len) == 0 :
			    len < all && characters(got, len) >= CUT_MIN &&
				    (memcmp(got, word, len) == 0 || memcmp(got, word + all - len, len) == 0);
}

/* What an XML reader makes of a text; false: it is more than a text. */
static bool xml_text(const char *p, size_t len, struct buf *out)
{
	static const struct {
		const char *name;
		char c;
	} entities[] = { { "&amp;", '&' }, { "&lt;", '<' }, { "&gt;", '>' }, { "&quot;", '"' }, { "&apos;", '\'' }, { "&#39;", '\'' }, { "&#34;", '"' } };

	for (size_t i = 0; i < len; i++) {
		size_t k = 0;

		if (p[i] == '<' || p[i] == '>' || p[i] == '"')
			return false;
		if (p[i] != '&') {
			buf_add_char(out, p[i]);
			continue;
		}
		while (k < ARRAY_LEN(entities) && strncmp(p + i, entities[k].name, strlen(entities[k].name)) != 0)
			k++;
		if (k == ARRAY_LEN(entities))
			return false;
		buf_add_char(out, entities[k].c);
		i += strlen(entities[k].name) - 1;
	}
	return true;
}

/* An RFC 5322 quoted string's inside; false: it ends before. */
static bool quoted_text(const char *p, size_t len, struct buf *out)
{
	for (size_t i = 0; i < len; i++) {
		if (p[i] == '"' || (p[i] == '\\' && ++i == len))
			return false;
		buf_add_char(out, p[i]);
	}
	return true;
}

/* A file's name as browsers escape it; false: it ends before. */
static bool filename_text(const char *p, size_t len, struct buf *out)
{
	for (size_t i = 0; i < len; i++) {
		if (p[i] == '"')
			return false;
		if (i + 2 < len && strncmp(p + i, "%22", 3) == 0) {
			buf_add_char(out, '"');
			i += 2;
		} else {
			buf_add_char(out, p[i]);
		}
	}
	return true;
}

/* RFC 8187; false: a character that must not stand there. */
static bool extended_text(const char *p, size_t len, struct buf *out)
{
	for (size_t i = 0; i < len; i++) {
		char hex[3] = { 0 };

		if (p[i] == '%' && i + 2 < len) {
			memcpy(hex, p + i + 1, 2);
			buf_add_char(out, (char)strtol(hex, NULL, 16));
			i += 2;
		} else if (strchr(" \t\"';,\\%()<>@:/[]?=*", p[i])) {
			return false;
		} else {
			buf_add_char(out, p[i]);
		}
	}
	return true;
}

static bool same(const struct leaf *a, const struct leaf *b)
{
	return a->len == b->len && memcmp(a->value, b->value, a->len) == 0;
}

/* Digests, boundaries, ids made of others; "unicode" instead of "text". */
static bool is_opaque(const struct leaf *leaf)
{
	return leaf->len <= 200 && strspn(leaf->value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=_.:;$ -") == leaf->len;
}

/* What stands for the word: between what is before and behind it in the harmless value. */
static bool stands_for(const struct leaf *plain, const struct leaf *got, const char *harmless, const char *word, struct arena *arena)
{
	const char *at = memmem(plain->value, plain->len, harmless, strlen(harmless)), *middle, *decoded, *end;
	size_t before = (size_t)(at - plain->value), behind = plain->len - before - strlen(harmless), len;
	bool (*const readers[])(const char *, size_t, struct buf *) = { xml_text, quoted_text, filename_text, extended_text };

	/* a name in encoded words */
	if (before == 1 && plain->value[0] == '"' && (decoded = leaf_words(got->value, arena, &end)))
		return is_word(decoded, strlen(decoded), word) && behind == strlen(end) + 1 && strcmp(end, at + strlen(harmless) + 1) == 0;
	if (got->len < before + behind || memcmp(got->value, plain->value, before) != 0 ||
		memcmp(got->value + got->len - behind, at + strlen(harmless), behind) != 0)
		return false;
	middle = got->value + before;
	len = got->len - before - behind;
	if (before && plain->value[before - 1] == '"' ? false : is_word(middle, len, word) && !(before && plain->value[0] == '<'))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(readers); i++) {
		CLEANUP(buf_clear) struct buf read = { 0 };

		if (readers[i](middle, len, &read) && is_word(buf_str(&read), read.len, word))
			return true;
	}
	return false;
}

static const char *compare(const struct leaves *plain, const struct leaves *got, const char *harmless, const char *word, struct arena *arena);

/* JSON as text, in both. */
static bool same_in_json(const struct leaf *plain, const struct leaf *got, const char *harmless, const char *word, struct arena *arena)
{
	struct leaves one = { 0 }, other = { 0 };

	return plain->len > 1 && plain->value[0] == '{' && !leaves_of_json(plain->value, plain->len, "text ", arena, &one) &&
	       !leaves_of_json(got->value, got->len, "text ", arena, &other) && !compare(&one, &other, harmless, word, arena);
}

/* NULL, or what is not literal. */
static const char *compare(const struct leaves *plain, const struct leaves *got, const char *harmless, const char *word, struct arena *arena)
{
	for (size_t i = 0; i < plain->count && i < got->count; i++) {
		const struct leaf *a = &plain->items[i], *b = &got->items[i];
		const char *text, *other;
		size_t len, other_len;

		if (strcmp(a->place, b->place) != 0)
			return arena_printf(arena, "%s instead of %s", b->place, a->place);
		if (same_in_json(a, b, harmless, word, arena))
			continue;
		if (memmem(a->value, a->len, harmless, strlen(harmless))) {
			counted.told++;
			if (stands_for(a, b, harmless, word, arena))
				continue;
		} else if (same(a, b) || (is_opaque(a) && is_opaque(b))) {
			continue;
		} else if (leaf_base64(a->value, a->len, arena, &text, &len) && memmem(text, len, harmless, strlen(harmless)) &&
			   leaf_base64(b->value, b->len, arena, &other, &other_len)) {
			const struct leaf one = { a->place, text, len }, two = { b->place, other, other_len };

			counted.told++;
			if (stands_for(&one, &two, harmless, word, arena))
				continue;
		}
		return arena_printf(arena, "%s is: %s\nwith a harmless word: %s", a->place, b->value, a->value);
	}
	return plain->count == got->count ? NULL : arena_printf(arena, "%zu values instead of %zu", got->count, plain->count);
}

/* --- trying ------------------------------------------------------------------------------------------------------------------- */

struct setting { /* of a provider, a hostile one in front of its own */
	const char *name;
	const char *pairs[32];
	struct provider_settings settings;
	const char *secret; /* NULL = the usual one */
};

static const char *secret_of(const char *credential, void *arg)
{
	const struct setting *setting = arg;

	return setting->secret ? setting->secret : shipped_secret(credential, NULL);
}

static void set(struct setting *setting, const struct shipped *provider, const char *name, const char *value)
{
	size_t n = 0;

	for (const char *const *p = provider->settings; *p; p += 2) {
		if (name && strcmp(*p, name) == 0)
			continue;
		setting->pairs[n++] = p[0];
		setting->pairs[n++] = p[1];
	}
	if (name) {
		setting->pairs[n++] = name;
		setting->pairs[n++] = value;
	}
	setting->pairs[n] = NULL;
	setting->settings = (struct provider_settings){ .name = provider->name, .settings = setting->pairs };
}

/* NULL, or why it was refused. */
static const char *read_request(const struct adapter *adapter, const struct setting *setting, const struct message *message, struct arena *arena,
	struct leaves *ret)
{
	static const struct adapter_bound bound = { "upload.url", "https://files.example/1.pdf" };
	struct adapter_input input = shipped_input(&setting->settings, message);
	struct http_request request;
	struct err err = { 0 };
	const char *wrong;

	input.secret = secret_of;
	input.secret_arg = (void *)(uintptr_t)setting;
	input.token = "T0";
	input.bound = &bound;
	input.bound_count = 1;
	if (adapter_request(adapter, &input, arena, &request, &err) < 0)
		return arena_printf(arena, "%s %s", err.code, err.text);
	wrong = leaves_of_request(&request, arena, ret);
	if (wrong)
		fail_msg("%s: %s", adapter_name(adapter), wrong);
	return NULL;
}

/* The message with a word in a field; false: the message has no such thing. */
static bool put(const struct field *field, const char *word, struct arena *arena, struct message *m)
{
	if (field->offset == INVOICE) {
		const char **ids = arena_alloc(arena, 2 * sizeof(*ids));

		ids[0] = word;
		ids[1] = "inv_43";
		m->invoice_ids = ids;
	} else if (field->offset >= FILE_TYPE) {
		struct attachment *file = m->attachment_count ? arena_memdup(arena, m->attachments, sizeof(*file)) : NULL;

		if (!file || (field->offset == FILE_TYPE && m->channel == CHANNEL_LETTER)) /* a letter is a PDF */
			return false;
		if (field->offset == FILE_NAME) {
			file->name = word;
		} else if (field->offset == FILE_TYPE) {
			file->type = word;
		} else {
			file->data = word;
			file->len = strlen(word);
		}
		m->attachments = file;
	} else {
		const char **member = (const char **)((char *)m + field->offset);

		if (!*member)
			return false;
		*member = word;
	}
	return true;
}

static void try_field(const struct shipped *provider, const struct adapter *adapter, const struct field *field)
{
	CLEANUP(arena_freep) struct arena *kept = arena_create();
	struct message message = whole_message(provider, adapter_takes_files(adapter));
	struct setting setting = { 0 };
	struct leaves plain = { 0 };
	size_t told = counted.told, taken = counted.taken;

	set(&setting, provider, NULL, NULL);
	if (!put(field, field->harmless, kept, &message))
		return;
	if (read_request(adapter, &setting, &message, kept, &plain))
		fail_msg("%s: %s is not taken in %s", provider->name, field->harmless, field->name);
	for (size_t i = 0; i < hostile_count * (field->before ? 2 : 1); i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		const char *word = hostile_words[i % hostile_count];
		struct message hostile = message;
		struct leaves got = { 0 };
		const char *wrong;

		if (counted.taken - taken > 40 && counted.told == told)
			return; /* it stands nowhere in this provider's requests */
		if (i >= hostile_count)
			word = arena_printf(arena, "%s%s%s", field->before, word, field->behind);
		assert_true(put(field, word, arena, &hostile));
		if (read_request(adapter, &setting, &hostile, arena, &got)) {
			counted.refused++;
			continue;
		}
		counted.taken++;
		wrong = compare(&plain, &got, field->harmless, word, arena);
		if (wrong)
			fail_msg("%s, %s: %s\n%s", provider->name, field->name, word, wrong);
		if (field->offset != FIELD(text) && field->offset != FIELD(html) && field->offset != FILE_DATA && i < hostile_controls)
			fail_msg("%s takes a control character in %s", provider->name, field->name);
	}
}

static void nothing_escapes(void **state)
{
	(void)state;
	memset(&counted, 0, sizeof(counted));
	for (size_t i = 0; i < shipped_count; i++) {
		CLEANUP(adapter_freep) struct adapter *adapter = shipped_load(shipped[i].name);

		size_t told = counted.told;

		for (size_t f = 0; f < ARRAY_LEN(fields); f++) {
			size_t before = counted.taken + counted.refused;

			try_field(&shipped[i], adapter, &fields[f]);
			counted.tried[f] += counted.taken + counted.refused - before;
		}
		assert_true(counted.told > told + hostile_count);
	}
	for (size_t f = 0; f < ARRAY_LEN(fields); f++)
		if (!counted.tried[f])
			fail_msg("%s was never tried: no message has one", fields[f].name);
	print_message("%zu words: %zu taken, %zu refused, %zu places compared\n", hostile_count, counted.taken, counted.refused, counted.told);
	assert_true(hostile_count >= 150 && counted.taken > 30000 && counted.refused > 10000 && counted.told > 30000);
}

/* Whether the file's config has it, and whether as a secret. */
static void try_setting(const struct shipped *provider, const struct adapter *adapter, const char *name, bool secret)
{
	const char *harmless = strcmp(name, "callback_url") == 0 || strcmp(name, "answer_url") == 0 ? "https://quixote.example/cb" : "Quixote";
	CLEANUP(arena_freep) struct arena *kept = arena_create();
	struct message message = shipped_message(provider->channel, adapter_takes_files(adapter));
	struct setting setting = { 0 };
	struct leaves plain = { 0 };

	set(&setting, provider, secret ? NULL : name, harmless);
	setting.secret = secret ? harmless : NULL;
	if (read_request(adapter, &setting, &message, kept, &plain))
		return; /* a number, or one of a few words */
	for (size_t i = 0; i < hostile_count; i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		const char *word = hostile_words[i];
		struct leaves got = { 0 };
		const char *wrong;

		if (secret)
			setting.secret = word;
		else
			set(&setting, provider, name, word);
		if (read_request(adapter, &setting, &message, arena, &got)) {
			counted.refused++;
			continue;
		}
		counted.taken++;
		wrong = compare(&plain, &got, harmless, word, arena);
		if (wrong)
			fail_msg("%s, the setting %s: %s\n%s", provider->name, name, word, wrong);
	}
}

/* What the configuration says is trusted to be meant, and yet stays in its place. Of a base URL it is the place. */
static void settings_stay_in_their_place(void **state)
{
	(void)state;
	memset(&counted, 0, sizeof(counted));
	for (size_t i = 0; i < shipped_count; i++) {
		CLEANUP(adapter_freep) struct adapter *adapter = shipped_load(shipped[i].name);
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		CLEANUP(buf_clear) struct buf text = { 0 };
		struct json root, config, value;
		const char *name;

		assert_int_equal(file_read(arena_printf(arena, SOURCE_DIR "/daemon/share/providers/%s.json", shipped[i].name), ADAPTER_FILE_MAX, &text, NULL), 0);
		assert_int_equal(json_parse(arena, buf_str(&text), text.len, JSON_COMMENTS, &root, NULL), 0);
		config = json_get(&root, "config");
		for (size_t k = 0; json_member(&config, &k, &name, &value);) {
			struct json secret = json_get(&value, "secret");

			if (strcmp(name, "base_url") != 0 && strcmp(name, "url") != 0)
				try_setting(&shipped[i], adapter, name, json_bool(&secret));
		}
	}
	print_message("%zu taken, %zu refused, %zu places compared\n", counted.taken, counted.refused, counted.told);
	assert_true(counted.taken > 1000 && counted.refused > 1000 && counted.told > 1000);
}

/* --- the outbox --------------------------------------------------------------------------------------------------------------- */

static const char *read_mail(const struct message *message, struct arena *arena, struct leaves *ret)
{
	CLEANUP(buf_clear) struct buf mail = { 0 };
	struct err err = { 0 };
	const char *wrong;

	if (message_check(message, &err) < 0)
		return "refused";
	outbox_render(message, SHIPPED_NOW, &mail);
	wrong = leaves_of_mail(buf_str(&mail), mail.len, arena, ret);
	if (wrong)
		fail_msg("the outbox: %s\n%s", wrong, buf_str(&mail));
	return NULL;
}

/* A mail has one kind of line end. */
static const char *with_lf(const char *word, struct arena *arena)
{
	char *ret = arena_strdup(arena, word), *to = ret;

	for (const char *p = word; *p; p++)
		if (p[0] != '\r' || p[1] != '\n')
			*to++ = *p;
	*to = '\0';
	return ret;
}

/* "name in words" and "name" are the same header. */
static void forget_words(struct leaves *leaves, struct arena *arena)
{
	for (size_t i = 0; i < leaves->count; i++) {
		struct leaf *leaf = &leaves->items[i];
		const char *mark = strstr(leaf->place, " in words");

		if (!mark)
			continue;
		leaf->place = arena_printf(arena, "%.*s", (int)(mark - leaf->place), leaf->place);
		if (leaf->value[leaf->len - 1] == '"') { /* no address behind: no quotes either */
			leaf->value = arena_printf(arena, "%.*s", (int)leaf->len - 2, leaf->value + 1);
			leaf->len -= 2;
		}
	}
}

static void a_mail_in_the_outbox(void **state)
{
	(void)state;
	memset(&counted, 0, sizeof(counted));
	for (size_t f = 0; f < ARRAY_LEN(fields); f++) {
		const struct field *field = &fields[f];
		CLEANUP(arena_freep) struct arena *kept = arena_create();
		struct message message = shipped_message(CHANNEL_EMAIL, true);
		struct leaves plain = { 0 };

		if (!put(field, field->harmless, kept, &message))
			continue;
		assert_null(read_mail(&message, kept, &plain));
		forget_words(&plain, kept);
		for (size_t i = 0; i < hostile_count; i++) {
			CLEANUP(arena_freep) struct arena *arena = arena_create();
			struct message hostile = message;
			struct leaves got = { 0 };
			const char *wrong;

			assert_true(put(field, hostile_words[i], arena, &hostile));
			if (read_mail(&hostile, arena, &got)) {
				counted.refused++;
				continue;
			}
			counted.taken++;
			forget_words(&got, arena);
			wrong = compare(&plain, &got, field->harmless,
				field->offset == FIELD(text) || field->offset == FIELD(html) ? with_lf(hostile_words[i], arena) : hostile_words[i], arena);
			if (wrong)
				fail_msg("the outbox, %s: %s\n%s", field->name, hostile_words[i], wrong);
		}
	}
	print_message("%zu taken, %zu refused, %zu places compared\n", counted.taken, counted.refused, counted.told);
	assert_true(counted.taken > 1000 && counted.refused > 500 && counted.told > 1000);
}

/* Each head line of the other files is "Name: value"; a word makes no other line and no other name. */
static void a_text_in_the_outbox(void **state)
{
	(void)state;
	for (size_t f = 0; f < ARRAY_LEN(fields); f++) {
		for (size_t i = 0; i < hostile_count; i++) {
			CLEANUP(arena_freep) struct arena *arena = arena_create();
			CLEANUP(buf_clear) struct buf one = { 0 }, other = { 0 };
			struct message plain = shipped_message(CHANNEL_LETTER, false), hostile = plain; /* with its PDF it is that */
			const char *a, *b;

			if (!put(&fields[f], fields[f].harmless, arena, &plain) || !put(&fields[f], hostile_words[i], arena, &hostile) ||
				message_check(&hostile, NULL) < 0)
				continue;
			outbox_render(&plain, SHIPPED_NOW, &one);
			outbox_render(&hostile, SHIPPED_NOW, &other);
			a = buf_str(&one);
			b = buf_str(&other);
			while (*a != '\n' && *b != '\n') { /* up to the empty line */
				size_t name = strcspn(a, ":\n");

				if (strncmp(a, b, name) != 0)
					fail_msg("%s, %s: another head:\n%s", fields[f].name, hostile_words[i], buf_str(&other));
				a += strcspn(a, "\n") + 1;
				b += strcspn(b, "\n") + 1;
			}
			if (*a != *b)
				fail_msg("%s, %s: another head:\n%s", fields[f].name, hostile_words[i], buf_str(&other));
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_escapes),
		cmocka_unit_test(settings_stay_in_their_place),
		cmocka_unit_test(a_mail_in_the_outbox),
		cmocka_unit_test(a_text_in_the_outbox),
	};

	return cmocka_run_group_tests_name("provider_injection", tests, NULL, NULL);
}
