/* hook_testing - provider files with one webhook each, the keys that a test sets, and what is read as a line. Include <cmocka.h> first. */
#ifndef DUNNINGD_TESTS_UNIT_HOOK_TESTING_H
#define DUNNINGD_TESTS_UNIT_HOOK_TESTING_H

#include <string.h>

#include "common/adapter_hook.h"
#include "common/buf.h"
#include "common/file.h"
#include "tests/unit/adapter_parsed.h"

#define TESTING static __attribute__((unused))

#define ATTEMPT "01JX9000000000000000000042"
#define TEN "bbbbbbbbbb"
#define NOW INT64_C(1767225610000)
#define FILE_(config, webhooks) \
	"{\"adapter\":1,\"name\":\"x\",\"channel\":\"email\",\"config\":{" config "}," \
	"\"send\":{\"method\":\"POST\",\"url\":\"https://x.example\",\"auth\":{\"kind\":\"none\"}},\"response\":{\"id\":\"/id\"}," \
	"\"webhooks\":" webhooks "}"
#define CONFIG "\"key\":{\"secret\":true},\"key2\":{\"secret\":true},\"public\":{},\"user\":{}"
#define EVENTS "\"events\":{\"attempt\":[\"/attempt\",{\"query\":\"d\"}],\"message\":\"/id\",\"type\":\"/type\",\"map\":{\"ok\":\"delivered\"}}"
#define HOOKS(webhooks) FILE_(CONFIG, webhooks)
#define HOOK(members) HOOKS("[{\"parse\":\"json\"," members "}]")
#define VERIFY(verify) HOOK("\"verify\":" verify "," EVENTS)
#define QUERY(verify) HOOKS("[{\"parse\":\"query\",\"verify\":" verify "," EVENTS "}]")
#define READ(members) HOOK("\"verify\":{\"kind\":\"none\",\"why\":\"a test\"}," members)
#define TELLS(members) READ("\"events\":{" members "}")
#define MAP "\"map\":{\"ok\":\"delivered\"}"
#define SIGNED_(parts, more) \
	"{\"kind\":\"hmac\",\"key\":\"{config.key}\",\"parts\":" parts ",\"signature\":{\"header\":\"S\",\"encoding\":\"hex\"}" more "}"
#define SIGNED(more) SIGNED_("[{\"body\":true}]", more)

TESTING struct adapter *shipped(struct arena *arena, const char *name)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct adapter *adapter = NULL;
	struct err err = { 0 };

	if (file_read(arena_printf(arena, SOURCE_DIR "/daemon/share/providers/%s.json", name), ADAPTER_FILE_MAX, &text, &err) < 0 ||
		adapter_parse(buf_str(&text), text.len, &adapter, &err) < 0)
		fail_msg("%s: %s %s", name, err.path, err.text);
	return adapter;
}

struct keys { /* by the name of a credential: that of its setting */
	const char *key, *key2;
};

TESTING const char *secret_of(const char *credential, void *arg)
{
	const struct keys *keys = arg;

	return strcmp(credential, "key") == 0 ? keys->key : strcmp(credential, "key2") == 0 ? keys->key2 : NULL;
}

struct call {
	const char *settings[9];
	struct keys keys;
	struct hook_request request;
};

TESTING int verify(const struct adapter *adapter, const char *path, struct call *call, struct arena *arena, struct hook_proof *proof,
	struct err *err)
{
	struct provider_settings settings = { .name = "x", .settings = call->settings };
	struct adapter_input input = { .settings = &settings, .secret = secret_of, .secret_arg = &call->keys, .now = call->request.now };
	const struct hook *hook = adapter_hook(adapter, path);

	assert_non_null(hook);
	if (!call->request.url)
		call->request.url = "https://dunning.example/hooks/x";
	if (!call->request.path_secret)
		call->request.path_secret = "";
	return hook_verify(hook, &input, &call->request, arena, proof, err);
}

/* One event after the other: "delivered message=x; ". */
TESTING void expect(struct buf *out, const struct hook_event *e)
{
	buf_printf(out, "%s", e->unread ? "unread" : hook_words[e->word]);
	if (e->unread)
		buf_printf(out, " %.*s", (int)e->raw_len, e->raw);
	if (e->attempt_id)
		buf_printf(out, " attempt=%s", e->attempt_id);
	if (e->message_id)
		buf_printf(out, " message=%s", e->message_id);
	if (e->at)
		buf_printf(out, " at=%lld", (long long)e->at);
	if (e->reason)
		buf_printf(out, " reason=%s", e->reason);
	if (e->address)
		buf_printf(out, " address=%s", e->address);
	if (e->text)
		buf_printf(out, " text=%s", e->text);
	if (e->announced)
		buf_add_str(out, " announced");
	if (e->files)
		buf_printf(out, " files=%s", e->files);
	buf_add_str(out, "; ");
}

#endif
