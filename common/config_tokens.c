/* dashboard.tokens: who may see the dashboard, and who may act there. */
#include <errno.h>
#include <string.h>

#include "common/config_internal.h"

#define TOKENS_MAX 32
#define WHO_MAX 100

static const char *const members[] = { "credential", "scope", NULL };
static const char *const scopes[] = { "read", "act", NULL };

static bool who_ok(const char *text)
{
	if (!text[0] || strlen(text) > WHO_MAX)
		return false;
	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		if (*p < 0x20 || *p == 0x7f)
			return false;
	return true;
}

static int parse_token(const struct json *tokens, const char *who, struct config *config, struct err *err)
{
	struct token_settings *token = &config->tokens[config->token_count];
	struct json object = { 0 };
	int r, scope = 0;

	if (!who_ok(who))
		return json_refuse(tokens, who, err, "bad_name", "must be a person's name in one line: it stands in the trail with all that they do");
	if ((r = json_get_object(tokens, who, &object, err)) < 0 || (r = config_only_known(&object, members, err)) < 0 ||
		(r = json_get_str(&object, "credential", 64, &token->credential, err)) < 0 || (r = json_get_word(&object, "scope", scopes, &scope, err)) < 0)
		return r;
	if (!config_credential_ok(token->credential))
		return json_refuse(&object, "credential", err, "bad_name", "must be the name of a credential ([A-Za-z0-9._-]), never the token itself");
	for (size_t i = 0; i < config->token_count; i++)
		if (strcmp(config->tokens[i].credential, token->credential) == 0)
			return json_refuse(&object, "credential", err, "duplicate_id", "\"%s\" is %s's: everybody has a token of their own", token->credential,
				config->tokens[i].who);
	token->who = who;
	token->act = scope == 1;
	config->token_count++;
	return 0;
}

int config_parse_tokens(const struct json *root, struct config *config, struct err *err)
{
	struct json dashboard = json_get(root, "dashboard"), tokens = { 0 }, value;
	const char *who;
	int r = json_opt_object(&dashboard, "tokens", &tokens, err);

	if (r < 0)
		return r;
	if (json_len(&tokens) > TOKENS_MAX)
		return json_refuse(&dashboard, "tokens", err, "too_many", "must be at most %d", TOKENS_MAX);
	config->tokens = arena_alloc(config->arena, (json_len(&tokens) + 1) * sizeof(*config->tokens));
	for (size_t i = 0; json_member(&tokens, &i, &who, &value);)
		if ((r = parse_token(&tokens, who, config, err)) < 0)
			return r;
	if (config->dashboard_listen && !config->token_count)
		return json_refuse(&dashboard, "tokens", err, "missing", "must name somebody beside dashboard.listen: nobody else is let in");
	return 0;
}
