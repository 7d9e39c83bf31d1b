/* The files of policies, and which of them stands on which. */
#include <errno.h>
#include <string.h>

#include "common/file.h"
#include "common/library_internal.h"

void policy_files_clear(struct policy_files *files)
{
	for (size_t i = 0; i < files->count; i++)
		policy_free(files->files[i].policy);
	files->count = 0;
}

static int read_file(struct policy_files *files, const char *path, bool own, struct err *err)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct policy_file *file;
	struct policy_head head;
	struct err inner = { 0 };
	int r = file_read(path, LIBRARY_FILE_MAX, &text, err);

	if (r < 0)
		return r;
	if ((r = policy_read_head(files->arena, buf_str(&text), text.len, &head, &inner)) < 0)
		return library_refuse_file(path, r, &inner, err);
	files->files = arena_grow(files->arena, files->files, files->count, &files->capacity, sizeof(*files->files));
	file = &files->files[files->count++];
	*file = (struct policy_file){ .path = path, .name = head.name, .extends = head.extends,
		.text = arena_memdup(files->arena, buf_str(&text), text.len), .len = text.len, .own = own };
	return 0;
}

static int read_folder(struct policy_files *files, const char *dir, bool own, struct err *err)
{
	char **names;
	size_t count;
	int r = file_list(files->arena, dir, ".json", &names, &count);

	if (r < 0)
		return err_set(err, r, "unreadable", own ? "$.policies.dir" : "", "%s: %s", dir, strerror(-r));
	for (size_t i = 0; i < count; i++) {
		const char *path = arena_printf(files->arena, "%s/%s", dir, names[i]), *name;

		if ((r = read_file(files, path, own, err)) < 0)
			return r;
		/* So that two files cannot mean the same policy, and a reader finds it. */
		name = files->files[files->count - 1].name;
		if (strlen(name) != strlen(names[i]) - 5 || strncmp(name, names[i], strlen(name)) != 0)
			return err_set(err, -EBADMSG, "bad_name", "$.name", "%s: $.name \"%s\" must be the file's name without .json", path, name);
	}
	return 0;
}

/*
 * The file that is meant by a base's name: the user's own before the shipped one, but for shipped files, whose ground does not move. One
 * that extends its own name means the file that it replaces. NULL: there is none.
 */
static struct policy_file *base_of(const struct policy_files *files, const struct policy_file *file)
{
	bool itself = strcmp(file->name, file->extends) == 0;

	for (size_t i = files->count; i-- > 0;) {
		struct policy_file *other = &files->files[i];

		if (strcmp(other->name, file->extends) == 0 && (file->own || !other->own) && (!itself || other < file))
			return other;
	}
	return NULL;
}

static const char *known_names(const struct policy_files *files, const struct policy_file *but)
{
	const char *list = "";

	for (size_t i = 0; i < files->count; i++) {
		const struct policy_file *file = &files->files[i];

		if (strcmp(file->name, but->name) != 0 && (i == 0 || strcmp(file->name, files->files[i - 1].name) != 0) && strlen(list) < 200)
			list = arena_printf(files->arena, "%s%s%s", list, *list ? ", " : "", file->name);
	}
	return list;
}

static int resolve(struct policy_files *files, struct policy_file *file, struct err *err)
{
	struct policy_file *base = NULL;
	struct err inner = { 0 };
	int r;

	if (file->policy)
		return 0;
	if (file->extends) {
		base = base_of(files, file);
		if (!base) {
			(void)err_set(&inner, -EBADMSG, "unknown_policy", "$.extends", "\"%s\" must be the name of another policy: there are %s", file->extends,
				known_names(files, file));
			return library_refuse_file(file->path, -EBADMSG, &inner, err);
		}
		if (base->under_way) {
			(void)err_set(&inner, -EBADMSG, "extends_cycle", "$.extends",
				"\"%s\" must not lead back to \"%s\": one of the two has to stand alone", file->extends, file->name);
			return library_refuse_file(file->path, -EBADMSG, &inner, err);
		}
		file->under_way = true;
		if ((r = resolve(files, base, err)) < 0)
			return r;
		file->under_way = false;
	}
	r = base ? policy_parse_on(file->text, file->len, base->policy, &file->policy, &inner) :
		   policy_parse(file->text, file->len, &file->policy, &inner);
	return r < 0 ? library_refuse_file(file->path, r, &inner, err) : 0;
}

int policy_files_read(struct policy_files *files, const char *share_dir, const char *own_dir, const char *extra, struct err *err)
{
	int r;

	if ((r = read_folder(files, arena_printf(files->arena, "%s/policies", share_dir), false, err)) < 0 ||
		(own_dir && (r = read_folder(files, own_dir, true, err)) < 0) || (extra && (r = read_file(files, extra, true, err)) < 0))
		return r;
	for (size_t i = 0; i < files->count; i++)
		if ((r = resolve(files, &files->files[i], err)) < 0)
			return r;
	return 0;
}

int library_read_policy(const struct config *config, const char *share_dir, const char *path, struct policy **ret, struct err *err)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(policy_files_clear) struct policy_files files = { .arena = arena };
	struct policy_files alone = { .arena = arena };
	int r = read_file(&alone, path, true, err);

	if (r == 0 && !alone.files[0].extends)
		r = resolve(&alone, &alone.files[0], err); /* what stands beside it may be as wrong as it likes */
	if (r < 0 || alone.files[0].policy) {
		if (r == 0)
			*ret = TAKE(alone.files[0].policy);
		return r;
	}
	if ((r = policy_files_read(&files, share_dir, config ? config->policy_dir : NULL, path, err)) < 0)
		return r;
	*ret = TAKE(files.files[files.count - 1].policy);
	return 0;
}
