/* All that must be right before anything is started: files, credentials, and that a played clock cannot reach anybody. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/hash.h"
#include "common/letter.h"
#include "common/page.h"
#include "daemon/instance_internal.h"

#define CONFIG_FILE_MAX (1024 * 1024)
#define CA_FILE_MAX (16 * 1024 * 1024)
#define TOKEN_BYTES_MIN 20

/* The same complaint with file and path in front, as library_load() gives it. */
static int in_file(struct err *err, int r, const char *file)
{
	struct err inner = *err;

	err_clear(err);
	return err_set(err, r, inner.code, inner.path, "%s: %s%s%s", file, inner.path, inner.path[0] ? " " : "", inner.text);
}

/* Without its authorities every https provider fails, one attempt after the other: better not to start. */
static int ca_file(const char *path, const char *file, struct err *err)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct err why = { 0 };

	if (!path || (file_read(path, CA_FILE_MAX, &text, &why) == 0 && strstr(buf_str(&text), "-----BEGIN ")))
		return 0;
	return err_set(err, -EBADMSG, "ca_file", "$.http.ca_file", "%s: $.http.ca_file: %s", file,
		why.text[0] ? why.text : "it must hold certificates as PEM");
}

/* The same for what trail.anchors names. */
static int anchor_files(const struct config *config, const char *file, struct err *err)
{
	struct err inner = { 0 };
	int r = anchors_check(config, &inner);

	return r < 0 ? err_set(err, -EBADMSG, inner.code, inner.path, "%s: %s: %s", file, inner.path, inner.text) : 0;
}

int setup_config(const char *file, struct config **ret, struct err *err)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	char host[HOST_NAME_MAX + 1] = "";
	int r;

	r = file_read(file, CONFIG_FILE_MAX, &text, err);
	if (r < 0)
		return r;
	r = config_parse(text.data ? text.data : "", text.len, ret, err);
	if (r < 0)
		return in_file(err, r, file);
	r = ca_file((*ret)->http_ca_file, file, err);
	if (r == 0)
		r = anchor_files(*ret, file, err);
	if (r < 0) {
		config_free(*ret);
		*ret = NULL;
		return r;
	}
	if (!(*ret)->instance) {
		if (gethostname(host, sizeof(host) - 1) < 0 || !host[0] || !id_valid(host)) {
			config_free(*ret);
			*ret = NULL;
			return err_set(err, -EBADMSG, "missing", "$.instance",
				"%s: $.instance must be there: this computer has no host name that could serve", file);
		}
		(*ret)->instance = arena_strdup((*ret)->arena, host);
	}
	return 0;
}

bool setup_config_changed(const char *file, const struct config *config)
{
	CLEANUP(config_freep) struct config *now = NULL;
	struct err err = { 0 };

	return setup_config(file, &now, &err) < 0 || strcmp(now->text, config->text) != 0;
}

struct wanting {
	struct setup *setup;
	struct err *err;
};

static int want_secret(const char *credential, void *arg)
{
	struct wanting *w = arg;
	struct setup *setup = w->setup;
	struct buf value = { 0 };
	int r;

	if (setup_secret(credential, setup))
		return 0;
	r = credential_read(setup->options->credentials_dir, credential, false, &value, w->err);
	if (r == 0) {
		setup->secrets = arena_grow(setup->arena, setup->secrets, setup->secret_count, &setup->secret_capacity,
			sizeof(*setup->secrets));
		setup->secrets[setup->secret_count++] =
			(struct secret){ arena_strdup(setup->arena, credential), arena_strdup(setup->arena, value.data) };
		cleanse(value.data, value.len);
	}
	buf_clear(&value);
	return r;
}

const char *setup_secret(const char *credential, void *arg)
{
	const struct setup *setup = arg;

	for (size_t i = 0; i < setup->secret_count; i++)
		if (strcmp(setup->secrets[i].credential, credential) == 0)
			return setup->secrets[i].value;
	return NULL;
}

static int read_secrets(struct setup *setup, struct err *err)
{
	struct wanting wanting = { setup, err };

	for (size_t i = 0; i < setup->library->provider_count; i++) {
		const struct library_provider *p = &setup->library->providers[i];
		int r = p->adapter ? adapter_each_secret(p->adapter, p->settings, want_secret, &wanting) : 0;

		if (r == 0 && p->smtp && p->smtp->password)
			r = want_secret(p->smtp->password, &wanting);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < setup->config->anchor_count; i++) {
		const struct anchor_settings *anchor = &setup->config->anchors[i];
		const char *const names[] = { anchor->authorization, anchor->id, anchor->secret };

		for (size_t k = 0; k < ARRAY_LEN(names); k++) {
			int r = names[k] ? want_secret(names[k], &wanting) : 0;

			if (r < 0)
				return r;
		}
	}
	for (size_t i = 0; i < setup->config->token_count; i++) {
		int r = want_secret(setup->config->tokens[i].credential, &wanting);

		if (r == 0 && strlen(setup_secret(setup->config->tokens[i].credential, setup)) < TOKEN_BYTES_MIN)
			r = err_set(err, -EBADMSG, "too_short", "$.dashboard.tokens", "the token of %s, credential \"%s\", is too short to be safe: at least %d characters",
				setup->config->tokens[i].who, setup->config->tokens[i].credential, TOKEN_BYTES_MIN);
		if (r < 0)
			return r;
	}
	if (!setup->config->redis_password)
		return 0;
	return want_secret(setup->config->redis_password, &wanting);
}

/* Without one the daemon runs, and says that the trail is not signed. */
static int read_log_key(struct setup *setup, struct err *err)
{
	struct err missing = { 0 };
	const struct log_key_pins pins = { setup->config->trail_verifier_key, setup->config->trail_next_verifier_key };
	int r = log_key_read(setup->options->credentials_dir, setup->config->origin, &pins, &setup->log_key, &missing);

	setup->signs = r == 0;
	if (r == 0 || r == -ENOENT)
		return 0;
	return err_set(err, r, missing.code, missing.path, "%s: %s", setup->options->config_file, missing.text);
}

static int redis_address(struct setup *setup, struct err *err)
{
	const struct config *config = setup->config;
	const char *password;
	int r = redis_url_parse(config->redis_url, &setup->url, err);

	if (r < 0)
		return in_file(err, r, setup->options->config_file);
	if (config->redis_user)
		snprintf(setup->url.user, sizeof(setup->url.user), "%s", config->redis_user);
	if (!config->redis_password)
		return 0;
	password = setup_secret(config->redis_password, setup);
	if (strlen(password) >= sizeof(setup->url.password))
		return err_set(err, -EBADMSG, "too_long", "$.redis.password_credential", "the Redis password is too long");
	snprintf(setup->url.password, sizeof(setup->url.password), "%s", password);
	return 0;
}

/* Under a played clock years pass in minutes: nobody outside this computer may be contacted by it, and no real trail written. */
static int played_clock(struct setup *setup, struct err *err)
{
	int r = played_spec_parse(setup->options->clock, &setup->clock, err);
	const char *far;

	if (r < 0)
		return in_file(err, r, "--clock");
	if (strncmp(setup->config->origin, "test.", 5) != 0)
		return err_set(err, -EBADMSG, "not_a_test", "$.origin",
			"%s: $.origin: --clock is for trails whose origin begins with \"test.\"", setup->options->config_file);
	far = setup->config->shadow ? NULL : library_reaches_out(setup->library);
	if (far)
		return err_set(err, -EBADMSG, "not_a_test", "$.providers", "%s: $.providers: --clock is for providers that reach nobody outside this computer; \"%s\" may (a mail server "
			"hands on to others, wherever it runs)", setup->options->config_file, far);
	return 0;
}

/* What is wrong with a name in the configuration is only found here: then its file is the one to mend. */
int setup_library(const struct instance_options *options, const struct config *config, struct library **ret, struct err *err)
{
	int r = library_load(config, options->share_dir, ret, err);
	struct err inner = *err;

	if (r >= 0 || inner.text[0] != '$')
		return r;
	err_clear(err);
	return err_set(err, r, inner.code, inner.path, "%s: %s", options->config_file, inner.text);
}

/* What debtors would see is looked at before anything is started. */
int setup_texts(const struct instance_options *options, const struct config *config, struct page_texts **ret, struct err *err)
{
	return config->page_listen || config->hooks_listen ? page_texts_load(options->share_dir, config->page_dir, ret, err) : 0;
}

int setup_read(const struct instance_options *options, struct setup *ret, struct err *err)
{
	int r;

	*ret = (struct setup){ .options = options, .arena = arena_create() };
	if ((r = setup_config(options->config_file, &ret->config, err)) < 0 ||
		(r = setup_library(options, ret->config, &ret->library, err)) < 0 ||
		(r = setup_texts(options, ret->config, &ret->texts, err)) < 0 ||
		(r = credential_key(options->credentials_dir, "install-key", ret->install_key, err)) < 0 ||
		(r = credential_key(options->credentials_dir, "wrap-key", ret->wrap_key, err)) < 0 || (r = read_log_key(ret, err)) < 0 ||
		(r = read_secrets(ret, err)) < 0 || (r = redis_address(ret, err)) < 0)
		return r;
	return options->clock ? played_clock(ret, err) : 0;
}

void setup_clear(struct setup *setup)
{
	if (!setup->arena)
		return;
	for (size_t i = 0; i < setup->secret_count; i++)
		cleanse((char *)(uintptr_t)setup->secrets[i].value, strlen(setup->secrets[i].value));
	cleanse(setup->install_key, sizeof(setup->install_key));
	cleanse(setup->wrap_key, sizeof(setup->wrap_key));
	cleanse(&setup->log_key, sizeof(setup->log_key));
	cleanse(&setup->url, sizeof(setup->url));
	library_free(setup->library);
	page_texts_free(setup->texts);
	config_free(setup->config);
	arena_free(setup->arena);
	*setup = (struct setup){ 0 };
}

static bool writes_letters(const struct policy *policy)
{
	for (size_t i = 0; policy && i < policy->step_count; i++) {
		const struct step *step = &policy->steps[i];

		if (step->kind == STEP_MESSAGE && (step->attach_statement || step->channel == CHANNEL_LETTER || (step->has_fallback && step->fallback == CHANNEL_LETTER)))
			return true;
	}
	return false;
}

void setup_fonts(const struct config *config, const struct library *library)
{
	bool letters = config->policy_default && writes_letters(library_policy(library, config->policy_default));

	for (size_t i = 0; i < config->policy_rule_count && !letters; i++)
		letters = writes_letters(library_policy(library, config->policy_rules[i].policy));
	if (letters)
		letter_warm_up();
}
