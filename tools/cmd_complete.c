/* What the shells ask when somebody presses Tab: words of the command table, and invoices, customers, tasks, policies and providers as they are now. */
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "tools/cmd.h"

#define MOST 200 /* candidates: more than anybody reads */
#define ROUNDS 20 /* pages of Redis's answer: a Tab in a large book must not wait for all of it */
#define PAGE "1000"

struct candidates {
	struct ctl *ctl;
	const char *before; /* of the word, and not what is completed: "--policy=" */
	const char *prefix; /* what was typed of it so far */
	size_t count;
};

static void offer(struct candidates *c, const char *word, const char *help)
{
	if (strncmp(word, c->prefix, strlen(c->prefix)) != 0 || c->count >= MOST)
		return;
	c->count++;
	printf("%s%s%s%s\n", c->before, word, help ? "\t" : "", help ? help : "");
}

/* --- out of the live system --------------------------------------------------------------------------------------------------------- */

/* The prefix as a pattern of Redis that matches it alone. */
static const char *pattern_of(struct candidates *c)
{
	CLEANUP(buf_clear) struct buf ret = { 0 };

	for (const char *p = c->prefix; *p; p++)
		buf_printf(&ret, "%s%c", strchr("*?[]\\^", *p) ? "\\" : "", *p);
	buf_printf(&ret, "*");
	return arena_strdup(c->ctl->arena, buf_str(&ret));
}

/* One of Redis's scans: of a key's members, each `stride` items apart, or of keys behind a common beginning (`key` NULL). */
static void scan(struct candidates *c, const char *key, const char *command, size_t stride, const char *beginning)
{
	const char *pattern = arena_printf(c->ctl->arena, "%s%s", beginning, pattern_of(c));
	char cursor[32] = "0";

	for (int round = 0; round < ROUNDS && c->count < MOST; round++) {
		const char *with_key[] = { command, key, cursor, "MATCH", pattern, "COUNT", PAGE }, *without[] = { command, cursor, "MATCH", pattern, "COUNT", PAGE };
		const struct redis_reply *reply;

		if (ctl_askv(c->ctl, c->ctl->arena, &reply, key ? ARRAY_LEN(with_key) : ARRAY_LEN(without), key ? with_key : without, NULL) != 0 ||
			reply->count != 2 || reply->items[0].len >= sizeof(cursor))
			return;
		(void)snprintf(cursor, sizeof(cursor), "%s", reply->items[0].str);
		for (size_t i = 0; i < reply->items[1].count; i += stride)
			offer(c, reply->items[1].items[i].str + strlen(beginning), NULL);
		if (strcmp(cursor, "0") == 0)
			return;
	}
}

static void offer_invoices(struct candidates *c)
{
	for (uint32_t p = 0; p < ctl_partitions(c->ctl); p++) {
		struct keyspace keys = ctl_keys(c->ctl, p);

		scan(c, key_of(c->ctl->arena, &keys, "due"), "ZSCAN", 2, "");
	}
}

static void offer_tasks(struct candidates *c)
{
	for (uint32_t p = 0; p < ctl_partitions(c->ctl); p++) {
		struct keyspace keys = ctl_keys(c->ctl, p);

		scan(c, key_of(c->ctl->arena, &keys, "tasks"), "HSCAN", 2, "");
	}
}

static void offer_customers(struct candidates *c)
{
	for (uint32_t p = 0; p < ctl_partitions(c->ctl); p++) {
		struct keyspace keys = ctl_keys(c->ctl, p);

		scan(c, NULL, "SCAN", 1, key_debtor(c->ctl->arena, &keys, ""));
	}
}

static void offer_files(struct candidates *c, const char *dir)
{
	char **names;
	size_t count;

	if (!dir || file_list(c->ctl->arena, dir, ".json", &names, &count) < 0)
		return;
	for (size_t i = 0; i < count; i++)
		offer(c, arena_printf(c->ctl->arena, "%.*s", (int)(strlen(names[i]) - strlen(".json")), names[i]), NULL);
}

static void offer_policies(struct candidates *c)
{
	offer_files(c, c->ctl->config->policy_dir);
	offer_files(c, arena_printf(c->ctl->arena, "%s/policies", ctl_share(c->ctl)));
}

static void offer_providers(struct candidates *c)
{
	for (size_t i = 0; i < c->ctl->config->provider_count; i++)
		offer(c, c->ctl->config->providers[i].name, c->ctl->config->providers[i].file);
}

static void offer_settings(struct candidates *c)
{
	size_t count;
	const struct config_key *keys = config_keys(&count);

	for (size_t i = 0; i < count; i++)
		offer(c, keys[i].path, keys[i].help);
}

/* By the word that stands for it in the table. */
static const struct {
	const char *word;
	void (*offer)(struct candidates *c);
} live[] = {
	{ "INVOICE", offer_invoices },
	{ "CUSTOMER", offer_customers },
	{ "TASK", offer_tasks },
	{ "POLICY", offer_policies },
	{ "PROVIDER", offer_providers },
	{ "SETTING", offer_settings },
};

/* "INVOICE|TASK", "[POLICY]", "continue|stop": what the table says of a word. Files are the shell's own: nothing is offered for them. */
static void offer_kind(struct candidates *c, const char *kind, size_t len)
{
	while (len) {
		size_t part = strcspn(kind, "|[]. ");
		const char *word;

		part = part < len ? part : len;
		word = arena_printf(c->ctl->arena, "%.*s", (int)part, kind);
		if (*word >= 'a' && *word <= 'z')
			offer(c, word, NULL);
		for (size_t i = 0; i < ARRAY_LEN(live); i++)
			if (strcmp(word, live[i].word) == 0 && ctl_config(c->ctl, false) == 0)
				live[i].offer(c);
		part += part < len; /* the sign behind it */
		kind += part;
		len -= part;
	}
}

/* --- out of the table ---------------------------------------------------------------------------------------------------------------- */

/* What was typed before the word that is completed. */
struct typed {
	const struct command *command; /* NULL: not yet */
	const char *words; /* of its name, so far; "" */
	size_t args;
	const struct option_row *wants; /* the option that the word belongs to */
};

static void offer_options(struct candidates *c, const struct option_row *rows)
{
	for (; rows && rows->name; rows++)
		offer(c, arena_printf(c->ctl->arena, "--%s", rows->name), rows->help);
}

static void offer_words(struct candidates *c, const char *words)
{
	size_t len = strlen(words);
	const char *last = NULL;

	for (const struct command *const *row = cmd_table; *row; row++) {
		const char *next = (*row)->name + len + (len > 0);
		bool longer;
		const char *word;

		if (strncmp((*row)->name, words, len) != 0 || (len && (*row)->name[len] != ' '))
			continue;
		longer = strchr(next, ' ');
		word = longer ? arena_printf(c->ctl->arena, "%.*s", (int)strcspn(next, " "), next) : next;
		if (!last || strcmp(last, word) != 0) /* commands of one family stand together */
			offer(c, word, longer ? NULL : (*row)->help);
		last = word;
	}
}

static void offer_arg(struct candidates *c, const struct typed *t)
{
	const char *args = t->command->args;

	for (size_t i = 0; i < t->args && strchr(args, ' '); i++)
		args = strchr(args, ' ') + 1;
	/* Behind the last one there is only what may stand there again and again. */
	if (t->args < t->command->max_args)
		offer_kind(c, args, strcspn(args, " "));
}

static const struct option_row *option_of(const struct option_row *rows, const char *word, size_t len)
{
	for (; rows && rows->name; rows++)
		if (strlen(rows->name) == len && strncmp(rows->name, word, len) == 0)
			return rows;
	return NULL;
}

static const struct command *command_named(const char *words)
{
	for (const struct command *const *row = cmd_table; *row; row++)
		if (strcmp((*row)->name, words) == 0)
			return *row;
	return NULL;
}

/* An option of every command counts: whose configuration, which Redis. */
static void take_option(struct typed *t, const char *word, struct invocation *ret)
{
	const char *value = strchr(word, '=');
	size_t len = value ? (size_t)(value - word) : strlen(word);
	const struct option_row *row = option_of(cmd_globals, word, len);

	if (row && value)
		ret->globals[row - cmd_globals] = value + 1;
	if (!row && t->command)
		row = option_of(t->command->options, word, len);
	t->wants = row && row->arg && !value ? row : NULL;
}

static void read_typed(struct candidates *c, const char *const *words, size_t count, struct invocation *call, struct typed *t)
{
	for (size_t i = 0; i < count; i++) {
		const struct option_row *wants = t->wants;

		t->wants = NULL;
		if (wants) {
			if (wants >= cmd_globals && wants < cmd_globals + COMMAND_OPTIONS_MAX && option_of(cmd_globals, wants->name, strlen(wants->name)) == wants)
				call->globals[wants - cmd_globals] = words[i];
		} else if (strncmp(words[i], "--", 2) == 0) {
			take_option(t, words[i] + 2, call);
		} else if (t->command) {
			t->args++;
		} else {
			t->words = *t->words ? arena_printf(c->ctl->arena, "%s %s", t->words, words[i]) : words[i];
			t->command = command_named(t->words);
		}
	}
}

static int run_complete(struct ctl *ctl, const struct invocation *call)
{
	size_t before = call->arg_count ? call->arg_count - 1 : 0;
	const char *word = call->arg_count ? call->args[before] : "", *equals = strchr(word, '=');
	struct candidates c = { .ctl = ctl, .before = "", .prefix = word };
	struct invocation typed_call = *call;
	struct typed t = { .words = "" };

	ctl->call = &typed_call;
	ctl->once = true;
	read_typed(&c, call->args, before, &typed_call, &t);
	if (!t.wants && strncmp(word, "--", 2) == 0 && equals) {
		take_option(&t, arena_printf(ctl->arena, "%.*s", (int)(equals - word - 2), word + 2), &typed_call);
		c.before = arena_printf(ctl->arena, "%.*s", (int)(equals + 1 - word), word);
		c.prefix = equals + 1;
	}
	if (t.wants) {
		offer_kind(&c, t.wants->arg, strlen(t.wants->arg));
	} else if (*word == '-') {
		offer_options(&c, cmd_globals);
		offer_options(&c, t.command ? t.command->options : NULL);
	} else if (t.command) {
		offer_arg(&c, &t);
	} else {
		offer_words(&c, t.words);
	}
	ctl->call = call;
	return EXIT_DONE;
}

const struct command cmd_complete = { .name = "complete", .args = "[WORD]...", .max_args = COMMAND_ANY,
	.help = "what the last word may become, for the shells: dunningctl complete -- WORD...",
	.more = "One a line, with a word of help behind a tab. Files are left to the shell. Without Redis, or without a configuration, less is\n"
		"offered; why is said on standard error.",
	.run = run_complete };
