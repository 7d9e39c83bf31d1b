/* The configuration as it counts: each setting with its value and where that comes from, and what differs from what runs. */
#include <string.h>

#include "common/config_effective.h"
#include "common/file.h"
#include "tools/cmd.h"

#define CONFIG_FILE_MAX (1024 * 1024)

struct values {
	struct config_value *items;
	size_t count;
};

static struct values of(struct ctl *ctl, const struct config *config)
{
	struct values v;

	config_effective(config, ctl->arena, &v.items, &v.count);
	return v;
}

/* What the running daemon was started with. 0 or an exit code, said already. */
static int running(struct ctl *ctl, struct values *ret)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	CLEANUP(config_freep) struct config *config = NULL;
	struct json answer = { 0 }, said;
	struct err err = { 0 };
	int http = 0, r = ctl_daemon(ctl, "GET", "/config", NULL, &http, &answer);

	if (r < 0)
		return ctl_daemon_away(ctl, r);
	said = json_get(&answer, "config");
	if (http != 200 || said.type != JSON_OBJECT)
		return ctl_fail(ctl, EXIT_FOUND, "not_told", "the daemon that runs is older, and does not tell its configuration");
	json_write(&text, &said);
	if (config_parse(buf_str(&text), text.len, &config, &err) < 0)
		return ctl_fail(ctl, EXIT_FOUND, err.code, "what the daemon runs with is not understood here: %s %s", err.path, err.text);
	*ret = of(ctl, config);
	return 0;
}

static int from_file(struct ctl *ctl, const char *path, struct values *ret)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	CLEANUP(config_freep) struct config *config = NULL;
	struct err err = { 0 };

	if (file_read(path, CONFIG_FILE_MAX, &text, &err) < 0)
		return ctl_fail(ctl, EXIT_CONFIG, "unreadable", "%s", err.text);
	if (config_parse(buf_str(&text), text.len, &config, &err) < 0)
		return ctl_fail(ctl, EXIT_CONFIG, err.code, "%s: %s %s", path, err.path, err.text);
	*ret = of(ctl, config);
	return 0;
}

/* --- config show ------------------------------------------------------------------------------------------------------------------------ */

static const struct column show_columns[] = { { "setting", "SETTING", false }, { "value", "VALUE", false }, { "from", "FROM", false },
	{ "unit", "UNIT", false }, { "help", NULL, false }, { 0 } };

/* Exactly, or all of a section. */
static bool asked_for(const char *path, const char *setting)
{
	size_t len = setting ? strlen(setting) : 0;

	return !setting || (strncmp(path, setting, len) == 0 && (path[len] == '\0' || path[len] == '.'));
}

/* For people a text without its quotes; what is not set is said. JSON has the value itself. */
static struct cell value_cell(struct ctl *ctl, const struct config_value *v)
{
	size_t len = v && v->value ? strlen(v->value) : 0;

	if (ctl->view.json)
		return v && v->value ? cell_json(v->value) : cell_none();
	if (len > 2 && v->value[0] == '"' && !strchr(v->value, '\\'))
		return cell_text(arena_printf(ctl->arena, "%.*s", (int)len - 2, v->value + 1));
	return cell_text(v && v->value ? v->value : "not set");
}

static int run_show(struct ctl *ctl, const struct invocation *call)
{
	struct table *t = table_create(ctl->arena, show_columns);
	const char *setting = call->args[0];
	struct values all = { 0 };
	int r = ctl_config(ctl, true);

	if (r != 0)
		return r;
	if (!command_option(call, "running"))
		all = of(ctl, ctl->config);
	else if ((r = running(ctl, &all)) != 0)
		return r;
	for (size_t i = 0; i < all.count; i++) {
		const struct config_value *v = &all.items[i];

		if (!asked_for(v->path, setting) || (command_option(call, "set") && !v->from_file))
			continue;
		table_add(t, (struct cell[]){ cell_text(v->path), value_cell(ctl, v), cell_text(v->from_file ? "file" : "default"),
				      cell_text(v->key && v->key->unit[0] ? v->key->unit : NULL), cell_text(v->key ? v->key->help : NULL) });
	}
	if (setting && !table_rows(t))
		return ctl_fail(ctl, EXIT_FOUND, "unknown_setting", "there is no setting \"%s\": dunningctl config show tells them", setting);
	view_table(&ctl->view, t, "Nothing is set.");
	if (setting && table_rows(t) == 1)
		for (size_t i = 0; i < all.count; i++)
			if (strcmp(all.items[i].path, setting) == 0 && all.items[i].key)
				view_say(&ctl->view, "%s", all.items[i].key->help);
	return EXIT_DONE;
}

static const struct option_row show_options[] = {
	{ "running", NULL, "of the running daemon: what it was started with" },
	{ "set", NULL, "only what the file sets" },
	{ 0 },
};

const struct command cmd_config_show = { .name = "config show", .args = "[SETTING]", .max_args = 1,
	.help = "every setting with its value, and whether the file or the default gives it",
	.more = "SETTING is one, or a section such as redis. Of secrets a configuration has the names alone.", .options = show_options, .run = run_show };

/* --- config diff ------------------------------------------------------------------------------------------------------------------------ */

static const struct column running_columns[] = { { "setting", "SETTING", false }, { "running", "RUNNING", false }, { "file", "FILE", false }, { 0 } };
static const struct column default_columns[] = { { "setting", "SETTING", false }, { "default", "DEFAULT", false }, { "file", "FILE", false }, { 0 } };
static const struct column file_columns[] = { { "setting", "SETTING", false }, { "file", "FILE", false }, { "other", "OTHER", false }, { 0 } };

static int run_diff(struct ctl *ctl, const struct invocation *call)
{
	bool defaults = command_option(call, "defaults") != NULL;
	const struct column *columns = call->args[0] ? file_columns : defaults ? default_columns : running_columns;
	struct table *t = table_create(ctl->arena, columns);
	struct values a = { 0 }, b = { 0 };
	struct config_difference *all;
	size_t count;
	int r = ctl_config(ctl, true);

	if (r != 0)
		return r;
	if (defaults && call->args[0])
		return ctl_fail(ctl, EXIT_USAGE, "usage", "--defaults and FILE: one of them");
	b = of(ctl, ctl->config);
	if (call->args[0]) {
		a = b;
		r = from_file(ctl, call->args[0], &b);
	} else if (defaults) {
		for (size_t i = 0; i < b.count; i++)
			if (b.items[i].from_file)
				table_add(t, (struct cell[]){ cell_text(b.items[i].path),
						      cell_text(b.items[i].key && b.items[i].key->fallback ? b.items[i].key->fallback : NULL),
						      value_cell(ctl, &b.items[i]) });
		view_table(&ctl->view, t, "The file sets nothing.");
		return EXIT_DONE;
	} else {
		r = running(ctl, &a);
	}
	if (r != 0)
		return r;
	config_differences(a.items, a.count, b.items, b.count, ctl->arena, &all, &count);
	for (size_t i = 0; i < count; i++)
		table_add(t, (struct cell[]){ cell_text(all[i].path), value_cell(ctl, all[i].a), value_cell(ctl, all[i].b) });
	view_table(&ctl->view, t, call->args[0] ? "They are the same." : "The daemon runs with what stands in the file.");
	if (count && !call->args[0])
		view_say(&ctl->view, "The file counts from the next start: systemctl restart dunningd");
	return count ? EXIT_FOUND : EXIT_DONE;
}

static const struct option_row diff_options[] = {
	{ "defaults", NULL, "what the file sets, beside the defaults; no daemon is needed" },
	{ 0 },
};

const struct command cmd_config_diff = { .name = "config diff", .args = "[FILE]", .max_args = 1,
	.help = "what a restart would change: the running daemon's configuration beside the file's; or two files",
	.more = "With FILE, the configuration beside that one: before it is installed. Exit status 1 when they differ.", .options = diff_options, .run = run_diff };
