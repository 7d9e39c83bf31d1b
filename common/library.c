#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/adapter_poll.h"
#include "common/file.h"
#include "common/library_check.h"
#include "common/library_internal.h"

#define FILE_MAX LIBRARY_FILE_MAX

/* Where a policy was read, for complaints about it. */
struct origin {
	const struct policy *policy;
	const char *path;
	bool own; /* the user's, not a shipped one */
};

/* What is being read, and where complaints point. */
struct loading {
	const struct config *config;
	struct library *library;
	struct origin *origins; /* one for each of library->policies, in the order of reading */
	char **locales; /* folders that hold templates */
	size_t origin_count, origin_capacity, locale_count, locale_capacity;
	size_t policy_capacity, retired_capacity, unfit_capacity, verdict_capacity;
	bool lenient, bare; /* policies are judged, and none is refused for it; without a configuration */
	struct err *err;
};

static const char *path_of(struct loading *l, const char *dir, const char *name)
{
	return arena_printf(l->library->arena, "%s/%s", dir, name);
}

int library_refuse_file(const char *path, int r, const struct err *inner, struct err *err)
{
	return err_set(err, r, inner->code[0] ? inner->code : "bad_file", inner->path, "%s: %s%s%s", path, inner->path, inner->path[0] ? " " : "",
		inner->text[0] ? inner->text : strerror(-r));
}

static int refuse_file(struct loading *l, const char *path, int r, const struct err *inner)
{
	return library_refuse_file(path, r, inner, l->err);
}

/* --- policies ------------------------------------------------------------------------------------------------------- */

static struct origin *origin_of(struct loading *l, const struct policy *policy)
{
	size_t i = 0;

	while (i < l->origin_count && l->origins[i].policy != policy)
		i++;
	if (i == l->origin_count) {
		l->origins = arena_grow(l->library->arena, l->origins, i, &l->origin_capacity, sizeof(*l->origins));
		l->origins[l->origin_count++] = (struct origin){ .policy = policy };
	}
	return &l->origins[i];
}

/* Takes the policy over; one of the same name gives way. */
static void put_policy(struct loading *l, struct policy *policy, const char *path, bool own)
{
	struct library *lib = l->library;
	size_t at = 0;

	while (at < lib->policy_count && strcmp(lib->policies[at]->name, policy->name) < 0)
		at++;
	if (at < lib->policy_count && strcmp(lib->policies[at]->name, policy->name) == 0) {
		*origin_of(l, lib->policies[at]) = (struct origin){ policy, path, own };
		policy_free(lib->policies[at]);
		lib->policies[at] = policy;
		return;
	}
	*origin_of(l, policy) = (struct origin){ policy, path, own };
	lib->policies = arena_grow(lib->arena, lib->policies, lib->policy_count, &l->policy_capacity, sizeof(struct policy *));
	memmove(&lib->policies[at + 1], &lib->policies[at], (lib->policy_count - at) * sizeof(struct policy *));
	lib->policies[at] = policy;
	lib->policy_count++;
}

static int load_policies(struct loading *l, const char *share_dir, const char *extra)
{
	struct policy_files files = { .arena = l->library->arena };
	int r = policy_files_read(&files, share_dir, l->config->policy_dir, extra, l->err);

	for (size_t i = 0; r == 0 && i < files.count; i++)
		put_policy(l, TAKE(files.files[i].policy), files.files[i].path, files.files[i].own);
	policy_files_clear(&files);
	return r;
}

/* Files that dunningd kept itself. One that this version cannot read any more leaves its escalations in hold `unknown_policy`. */
static int load_retired(struct loading *l)
{
	struct library *lib = l->library;
	const char *dir = path_of(l, l->config->state_dir, "policies");
	char **names;
	size_t count;
	int r = file_list(lib->arena, dir, ".json", &names, &count);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_set(l->err, r, "unreadable", "", "%s: %s", dir, strerror(-r));
	for (size_t i = 0; i < count; i++) {
		struct policy *policy = NULL;
		CLEANUP(buf_clear) struct buf text = { 0 };

		if (file_read(path_of(l, dir, names[i]), FILE_MAX, &text, NULL) < 0 ||
			policy_parse(buf_str(&text), text.len, &policy, NULL) < 0)
			continue;
		if (library_policy_digest(lib, policy->digest)) {
			policy_free(policy);
			continue;
		}
		lib->retired =
			arena_grow(lib->arena, lib->retired, lib->retired_count, &l->retired_capacity, sizeof(struct policy *));
		lib->retired[lib->retired_count++] = policy;
	}
	return 0;
}

int library_keep(const struct library *library, const char *state_dir, struct err *err)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *dir = arena_printf(arena, "%s/policies", state_dir);
	bool fresh = false;
	int r = file_make_dirs(dir, 0700);

	for (size_t i = 0; r == 0 && i < library->policy_count; i++) {
		const struct policy *policy = library->policies[i];
		const char *path = arena_printf(arena, "%s/%s.json", dir, policy->digest);
		CLEANUP(buf_clear) struct buf there = { 0 };

		if (file_read(path, FILE_MAX, &there, NULL) == 0 && there.len == policy->source_len &&
			memcmp(buf_str(&there), policy->source, there.len) == 0)
			continue;
		r = file_replace_unsynced(path, policy->source, policy->source_len, 0600);
		fresh = true;
	}
	if (r == 0 && fresh)
		r = file_sync_dir(arena_printf(arena, "%s/policies/", state_dir));
	return r < 0 ? err_set(err, r, "unwritable", "", "%s: %s", dir, strerror(-r)) : 0;
}

/* --- templates ------------------------------------------------------------------------------------------------------ */

static void note_locale(struct loading *l, char *locale)
{
	for (size_t i = 0; i < l->locale_count; i++)
		if (strcmp(l->locales[i], locale) == 0)
			return;
	l->locales = arena_grow(l->library->arena, l->locales, l->locale_count, &l->locale_capacity, sizeof(char *));
	l->locales[l->locale_count++] = locale;
}

/* The text and the HTML of one message go together; those of a partial do not: shipped HTML still needs the shipped one. */
static void drop_shipped(struct loading *l, const char *locale, const char *name, enum notice_part part)
{
	if (name[0] != '_')
		notice_set_drop(l->library->notices, locale, name, part);
}

/* The name of a template in a file's name, where it is one of that part; NULL. */
static const char *stem_of(struct loading *l, const char *file, enum notice_part part)
{
	const char *dot = strrchr(file, '.');

	return dot && strcmp(dot + 1, notice_part_suffixes[part]) == 0 ? arena_memdup(l->library->arena, file, (size_t)(dot - file)) : NULL;
}

static int load_locale(struct loading *l, const char *dir, char *locale, bool own)
{
	const char *folder = path_of(l, dir, locale), *stem;
	CLEANUP(buf_clear) struct buf text = { 0 };
	char **names;
	size_t count;
	int r = file_list(l->library->arena, folder, "", &names, &count);

	if (r < 0)
		return r == -ENOTDIR ? 0 : err_set(l->err, r, "unreadable", "", "%s: %s", folder, strerror(-r));
	for (enum notice_part p = 0; own && p < NOTICE_PART_COUNT; p++)
		for (size_t i = 0; i < count; i++)
			if ((stem = stem_of(l, names[i], p)) != NULL)
				drop_shipped(l, locale, stem, p);
	for (enum notice_part p = 0; p < NOTICE_PART_COUNT; p++)
		for (size_t i = 0; i < count; i++) {
			struct err inner = { 0 };
			const char *path;

			if (!(stem = stem_of(l, names[i], p)))
				continue;
			path = path_of(l, folder, names[i]);
			buf_reset(&text);
			if ((r = file_read(path, FILE_MAX, &text, l->err)) < 0)
				return r;
			r = (own ? notice_set_add : notice_set_hold)(l->library->notices, locale, stem, p, buf_str(&text), text.len, &inner);
			if (r < 0)
				return refuse_file(l, path, r, &inner);
			notice_set_from(l->library->notices, locale, stem, p, path);
			note_locale(l, locale);
		}
	return 0;
}

/*
 * A body or subject of the user's that makes no message (an HTML without its text: the shipped one gave way) would silently be written
 * in another language.
 */
static int check_own_parts(struct loading *l, const char *dir, const char *locale)
{
	const char *folder = path_of(l, dir, locale);
	static const enum notice_part parts[] = { NOTICE_SUBJECT, NOTICE_TEXT, NOTICE_HTML, NOTICE_LETTER };
	char **names;
	size_t count;

	for (size_t p = 0; p < ARRAY_LEN(parts); p++) {
		const char *suffix = arena_printf(l->library->arena, ".%s", notice_part_suffixes[parts[p]]);

		if (file_list(l->library->arena, folder, suffix, &names, &count) < 0)
			return 0; /* no folder */
		for (size_t i = 0; i < count; i++) {
			const char *name = arena_memdup(l->library->arena, names[i], strlen(names[i]) - strlen(suffix));
			struct err inner = { 0 };
			int r = notice_set_check(l->library->notices, locale, name, parts[p] == NOTICE_LETTER ? CHANNEL_LETTER : CHANNEL_EMAIL,
				NULL, &inner);

			if (name[0] == '_' || r != -ENOENT ||
				(parts[p] == NOTICE_TEXT &&
					notice_set_check(l->library->notices, locale, name, CHANNEL_CALL, NULL, NULL) != -ENOENT) ||
				(parts[p] == NOTICE_SUBJECT &&
					notice_set_check(l->library->notices, locale, name, CHANNEL_LETTER, NULL, NULL) != -ENOENT))
				continue;
			return refuse_file(l, path_of(l, folder, names[i]), -EBADMSG, &inner);
		}
	}
	return 0;
}

static int load_templates(struct loading *l, const char *dir, bool own)
{
	char **locales;
	size_t count;
	int r = file_list(l->library->arena, dir, "", &locales, &count);

	if (r < 0)
		return err_set(l->err, r, "unreadable", own ? "$.templates.dir" : "", "%s: %s", dir, strerror(-r));
	for (size_t i = 0; i < count; i++)
		if ((r = load_locale(l, dir, locales[i], own)) < 0)
			return r;
	for (size_t i = 0; own && i < count; i++)
		if ((r = check_own_parts(l, dir, locales[i])) < 0)
			return r;
	return 0;
}

/* --- providers ------------------------------------------------------------------------------------------------------ */

static int load_adapter(struct loading *l, const char *path, const struct provider_settings *settings,
	struct library_provider *ret)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct adapter *adapter = NULL;
	struct err inner = { 0 };
	int r = file_read(path, ADAPTER_FILE_MAX, &text, l->err);

	if (r < 0)
		return r;
	if ((r = adapter_parse(buf_str(&text), text.len, &adapter, &inner)) < 0)
		return refuse_file(l, path, r, &inner);
	ret->adapter = adapter;
	if ((r = adapter_check_settings(adapter, settings, &inner)) < 0)
		return err_set(l->err, r, inner.code, inner.path, "provider \"%s\" (%s): %s%s%s", settings->name, path, inner.path,
			inner.path[0] ? " " : "", inner.text);
	return 0;
}

static int load_smtp(struct loading *l, const struct provider_settings *settings, struct library_provider *ret)
{
	struct smtp_settings *smtp = arena_alloc(l->library->arena, sizeof(*smtp));
	struct err inner = { 0 };
	int r = smtp_settings_read(settings, smtp, &inner);

	if (r < 0)
		return err_set(l->err, r, inner.code, "$.providers", "$.providers.%s%s %s", settings->name, inner.path + 1, inner.text); /* without its '$' */
	ret->smtp = smtp;
	return 0;
}

const char *library_provider_file(const struct config *config, const char *share_dir, const char *file, struct arena *arena)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	const char *own = config->provider_dir ? arena_printf(arena, "%s/%s", config->provider_dir, file) : NULL;

	if (file[0] == '/')
		return file;
	if (own && file_read(own, ADAPTER_FILE_MAX, &text, NULL) != -ENOENT)
		return own;
	return arena_printf(arena, "%s/providers/%s", share_dir, file);
}

static int load_providers(struct loading *l, const char *share_dir)
{
	const struct config *c = l->config;
	struct library *lib = l->library;
	int r;

	lib->providers = arena_alloc(lib->arena, (c->provider_count + 1) * sizeof(*lib->providers));
	for (size_t i = 0; i < c->provider_count; i++) {
		const struct provider_settings *settings = &c->providers[i];
		struct library_provider *provider = &lib->providers[lib->provider_count++];

		*provider = (struct library_provider){ .name = settings->name, .settings = settings };
		if (strcmp(settings->file, "outbox") == 0)
			continue;
		if (strcmp(settings->file, "smtp") == 0) {
			if ((r = load_smtp(l, settings, provider)) < 0)
				return r;
			continue;
		}
		if ((r = load_adapter(l, library_provider_file(c, share_dir, settings->file, lib->arena), settings, provider)) < 0)
			return r;
	}
	return 0;
}

/* --- whether a policy can be carried out ------------------------------------------------------------------------------ */

/* The first that refuses it, and how many more there are. */
static const char *why_not(struct loading *l, const struct library_verdict *verdict)
{
	const char *why = lint_sentence(&verdict->report, lint_first_error(&verdict->report));

	if (verdict->report.errors == 1)
		return arena_printf(l->library->arena, "%s: %s", verdict->file, why);
	return arena_printf(l->library->arena, "%s: %s (and %zu more: dunningctl policy check)", verdict->file, why, verdict->report.errors - 1);
}

static bool named_by_rule(const struct loading *l, const char *name)
{
	for (size_t i = 0; i < l->config->policy_rule_count; i++)
		if (strcmp(l->config->policy_rules[i].policy, name) == 0)
			return true;
	return false;
}

static struct library_verdict *judge(struct loading *l, const struct library_check *check, const struct policy *policy)
{
	struct library *lib = l->library;
	const struct origin *origin = origin_of(l, policy);
	struct library_verdict *verdict;

	lib->verdicts = arena_grow(lib->arena, lib->verdicts, lib->verdict_count, &l->verdict_capacity, sizeof(*lib->verdicts));
	verdict = &lib->verdicts[lib->verdict_count++];
	*verdict = (struct library_verdict){ .file = origin->path, .policy = arena_strdup(lib->arena, policy->name),
		.digest = arena_strdup(lib->arena, policy->digest), .report.arena = lib->arena,
		.must_fit = origin->own || strcmp(policy->name, l->config->policy_default) == 0 || named_by_rule(l, policy->name) };
	/* A shipped policy that nothing here names is not used: that its texts are right is not looked at each time we start. */
	lint_texts_read(check->texts, verdict->must_fit || l->lenient);
	library_lint(check, policy, &verdict->report);
	return verdict;
}

static int check_policies(struct loading *l)
{
	struct library *lib = l->library;
	CLEANUP(lint_texts_freep) struct lint_texts *texts =
		lint_texts_create(lib->notices, (const char *const *)l->locales, l->locale_count);
	const struct library_check check = { .config = l->config, .library = lib, .texts = texts, .bare = l->bare };
	size_t kept = 0;
	int refused = 0;

	for (size_t i = 0; i < lib->policy_count; i++) {
		struct policy *policy = lib->policies[i];
		const struct library_verdict *verdict = judge(l, &check, policy);
		const struct lint_finding *error = lint_first_error(&verdict->report);

		if (error && !verdict->must_fit && !l->lenient) {
			lib->unfit = arena_grow(lib->arena, lib->unfit, lib->unfit_count, &l->unfit_capacity, sizeof(*lib->unfit));
			lib->unfit[lib->unfit_count++] = (struct library_unfit){ verdict->policy, why_not(l, verdict) };
			policy_free(policy);
			continue;
		}
		if (error && !refused && !l->lenient)
			refused = err_set(l->err, -EBADMSG, error->code, error->path, "%s", why_not(l, verdict));
		lib->policies[kept++] = policy;
	}
	lib->policy_count = kept;
	if (!refused && !l->lenient && !library_policy(lib, l->config->policy_default))
		return err_set(l->err, -EBADMSG, "unknown_policy", "$.policies.default",
			"$.policies.default: policy \"%s\" must be one of the loaded ones", l->config->policy_default);
	for (size_t i = 0; !refused && !l->lenient && i < l->config->policy_rule_count; i++) {
		const struct policy_rule *rule = &l->config->policy_rules[i];

		if (!library_policy(lib, rule->policy))
			return err_set(l->err, -EBADMSG, "unknown_policy", arena_printf(lib->arena, "$.policies.rules[%zu].policy", i),
				"$.policies.rules[%zu].policy: \"%s\" must be one of the loaded ones", i, rule->policy);
	}
	return refused;
}

/* --- the whole ---------------------------------------------------------------------------------------------------------- */

static int load_retention(struct loading *l, const char *share_dir)
{
	const char *path = l->config->retention_file ? l->config->retention_file : path_of(l, share_dir, "retention.json");
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct err inner = { 0 };
	int r = file_read(path, FILE_MAX, &text, l->err);

	if (r < 0)
		return r;
	r = retention_parse(buf_str(&text), text.len, &l->library->retention, &inner);
	return r < 0 ? refuse_file(l, path, r, &inner) : 0;
}

static int load_law(struct loading *l, const char *share_dir)
{
	int r = law_load(share_dir, l->config->law_dir, &l->library->law, l->err);

	if (r == 0)
		l->library->law->guard.role = guard_role(l->config->creditor.role);
	return r;
}

static int load(struct loading *l, const char *share_dir, const char *policy_file, struct library **ret)
{
	CLEANUP(library_freep) struct library *lib = xcalloc(1, sizeof(*lib));
	const struct config *config = l->config;
	int r;

	l->library = lib;
	lib->references = 1;
	lib->arena = arena_create();
	lib->notices = notice_set_create();
	if ((r = load_policies(l, share_dir, policy_file)) < 0 ||
		(r = load_templates(l, path_of(l, share_dir, "templates"), false)) < 0 ||
		(config->template_dir && (r = load_templates(l, config->template_dir, true)) < 0) ||
		(r = load_providers(l, share_dir)) < 0 || (r = load_law(l, share_dir)) < 0 || (r = check_policies(l)) < 0 || (r = load_retired(l)) < 0 ||
		(r = load_retention(l, share_dir)) < 0)
		return r;
	*ret = TAKE(lib);
	return 0;
}

int library_load(const struct config *config, const char *share_dir, struct library **ret, struct err *err)
{
	return library_load_with(config, share_dir, NULL, ret, err);
}

int library_load_with(const struct config *config, const char *share_dir, const char *policy_file, struct library **ret, struct err *err)
{
	struct loading l = { .config = config, .err = err };

	return load(&l, share_dir, policy_file, ret);
}

int library_judge(const struct config *config, bool bare, const char *share_dir, const char *policy_file, struct library **ret, struct err *err)
{
	struct loading l = { .config = config, .lenient = true, .bare = bare, .err = err };

	return load(&l, share_dir, policy_file, ret);
}

const struct guard_rules *library_guard(const struct library *library)
{
	return library->law ? &library->law->guard : NULL;
}

struct library *library_ref(const struct library *library)
{
	struct library *counted = (struct library *)(uintptr_t)library;

	counted->references++;
	return counted;
}

void library_free(struct library *library)
{
	if (!library || --library->references > 0)
		return;
	for (size_t i = 0; i < library->policy_count; i++)
		policy_free(library->policies[i]);
	for (size_t i = 0; i < library->retired_count; i++)
		policy_free(library->retired[i]);
	notice_set_free(library->notices);
	for (size_t i = 0; i < library->provider_count; i++)
		adapter_free((struct adapter *)(uintptr_t)library->providers[i].adapter);
	retention_free(library->retention);
	law_free(library->law);
	arena_free(library->arena);
	free(library);
}

const struct policy *library_policy(const struct library *library, const char *name)
{
	for (size_t i = 0; i < library->policy_count; i++)
		if (strcmp(library->policies[i]->name, name) == 0)
			return library->policies[i];
	return NULL;
}

const struct policy *library_policy_digest(const struct library *library, const char *digest)
{
	for (size_t i = 0; i < library->policy_count; i++)
		if (strcmp(library->policies[i]->digest, digest) == 0)
			return library->policies[i];
	for (size_t i = 0; i < library->retired_count; i++)
		if (strcmp(library->retired[i]->digest, digest) == 0)
			return library->retired[i];
	return NULL;
}

const struct library_provider *library_provider(const struct library *library, const char *name)
{
	for (size_t i = 0; i < library->provider_count; i++)
		if (strcmp(library->providers[i].name, name) == 0)
			return &library->providers[i];
	return NULL;
}

const struct holidays *library_holidays(const struct library *library)
{
	return library->law ? library->law->holidays : NULL;
}

const char *library_reaches_out(const struct library *library)
{
	for (size_t i = 0; i < library->provider_count; i++) {
		const struct library_provider *p = &library->providers[i];

		if (p->smtp || (p->adapter && !adapter_is_local(p->adapter, p->settings))) /* a mail server here hands on to others */
			return p->name;
	}
	return NULL;
}

bool library_polls(const struct library *library)
{
	for (size_t i = 0; i < library->provider_count; i++) {
		const struct library_provider *of = &library->providers[i];

		for (size_t k = 0; of->adapter && k < adapter_poll_count(of->adapter); k++)
			if (poll_wanted(adapter_poll(of->adapter, k), of->settings))
				return true;
	}
	return false;
}

struct shortest { /* of one provider: several of its webhooks may go by the same certificate */
	const struct provider_settings *settings;
	const char *setting; /* NULL = none */
	int64_t until;
};

static int find_shortest(const char *path, const struct hook *hook, void *arg)
{
	struct shortest *shortest = arg;
	const char *setting;
	int64_t until;

	(void)path;
	if (hook_certificate(hook, shortest->settings, &setting, &until) && (!shortest->setting || until < shortest->until)) {
		shortest->setting = setting;
		shortest->until = until;
	}
	return 0;
}

void library_certificates(const struct library *library, int64_t before,
	void (*fn)(const char *provider, const char *setting, int64_t until, void *arg), void *arg)
{
	for (size_t i = 0; i < library->provider_count; i++) {
		const struct library_provider *of = &library->providers[i];
		struct shortest shortest = { .settings = of->settings };

		if (of->adapter)
			(void)adapter_each_hook(of->adapter, find_shortest, &shortest);
		if (shortest.setting && shortest.until < before)
			fn(of->name, shortest.setting, shortest.until, arg);
	}
}
