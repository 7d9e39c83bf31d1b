/*
 * /hooks/unsubscribe/<token>: what a mail program POSTs when its reader wants no more of our mails (RFC 8058), and what a browser shows to
 * who opens the address: a page with one button, as programs that look through mails open each link in them. A GET changes nothing.
 */
#include <errno.h>
#include <string.h>

#include "common/unsubscribe.h"
#include "daemon/hooks_internal.h"

int unsubscribe_page(const struct hooks_settings *settings, const struct hook_request *asked, enum page_kind kind, struct arena *arena,
	const char **ret, struct err *err)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	const char *base = settings->config->hooks_public_url ? strchr(settings->config->hooks_public_url + strlen("https://"), '/') : NULL;
	struct page_view view = { .kind = kind, .config = settings->config, .base = "" };
	int r;

	for (size_t i = 0; i < asked->header_count; i++)
		if (strcasecmp(asked->headers[i].name, "Accept-Language") == 0)
			view.language = page_texts_prefer(settings->texts, asked->headers[i].value);
	view.style = arena_printf(arena, "%s" UNSUBSCRIBE_PATH UNSUBSCRIBE_STYLE, base ? base : "");
	r = page_render(settings->texts, &view, arena, &out, err);
	*ret = arena_strdup(arena, buf_str(&out));
	return r;
}

int unsubscribe_read(const uint8_t install_key[32], const struct hook_request *asked, const char *token, struct arena *arena,
	struct hook_event *ret)
{
	char attempt[ATTEMPT_ID_SIZE], hex[HOOK_ID_SIZE];
	uint8_t digest[SHA256_SIZE];

	if (!unsubscribe_check(install_key, token, attempt))
		return -EACCES;
	*ret = (struct hook_event){ .word = HOOK_STOPPED, .said = "List-Unsubscribe=One-Click", .reason = "unsubscribe",
		.attempt_id = arena_strdup(arena, attempt) };
	sha256(attempt, strlen(attempt), digest); /* asked for again, it is the same wish */
	ret->id = arena_strdup(arena, hex_format(digest, sizeof(digest), hex));
	return unsubscribe_asked(asked->body, asked->body_len) ? 0 : -EBADMSG;
}
