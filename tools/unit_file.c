#include "tools/unit_file.h"

#include <string.h>

#include "common/file.h"

#define UNIT_MAX (256 * 1024)

char *unit_of(struct arena *arena, const char *config_file)
{
	const char *slash = strrchr(config_file, '/'), *name = slash ? slash + 1 : config_file, *dot = strrchr(name, '.');
	int len = (int)(dot ? dot - name : (ptrdiff_t)strlen(name));

	if (len == 8 && strncmp(name, "dunningd", 8) == 0)
		return arena_strdup(arena, "dunningd.service");
	return arena_printf(arena, "dunningd@%.*s.service", len, name);
}

/* Blanks before and behind the name of a setting are systemd's own custom. */
static bool line_encrypts(const char *line, const char *credential)
{
	static const char *const settings[] = { "LoadCredentialEncrypted", "SetCredentialEncrypted" };
	size_t len = strlen(credential);

	line += strspn(line, " \t");
	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		const char *at = line + strlen(settings[i]);

		if (strncmp(line, settings[i], strlen(settings[i])) != 0)
			continue;
		at += strspn(at, " \t");
		if (*at++ != '=')
			continue;
		at += strspn(at, " \t");
		if (strncmp(at, credential, len) == 0 && (at[len] == ':' || at[len] == '\n' || !at[len]))
			return true;
	}
	return false;
}

static bool file_encrypts(const char *path, const char *credential)
{
	CLEANUP(buf_clear) struct buf text = { 0 };

	if (file_read(path, UNIT_MAX, &text, NULL) < 0)
		return false;
	for (const char *line = buf_str(&text); *line; line += strcspn(line, "\n"), line += *line == '\n')
		if (line_encrypts(line, credential))
			return true;
	return false;
}

bool unit_encrypts(const char *dir, const char *unit, const char *credential)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *at = strchr(unit, '@'), *of[] = { unit, at ? arena_printf(arena, "%.*s@.service", (int)(at - unit), unit) : NULL };

	for (size_t i = 0; i < ARRAY_LEN(of) && of[i]; i++) {
		const char *drop_ins = arena_printf(arena, "%s/%s.d", dir, of[i]);
		char **names;
		size_t count = 0;

		if (file_encrypts(arena_printf(arena, "%s/%s", dir, of[i]), credential))
			return true;
		if (file_list(arena, drop_ins, ".conf", &names, &count) < 0)
			continue;
		for (size_t k = 0; k < count; k++)
			if (file_encrypts(arena_printf(arena, "%s/%s", drop_ins, names[k]), credential))
				return true;
	}
	return false;
}
