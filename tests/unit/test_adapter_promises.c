/* What a provider file promises under features, its requests must carry: the key of a second request, a message's files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/adapter.h"
#include "common/cleanup.h"

#define REQUEST(url, more) "{\"method\":\"POST\",\"url\":\"" url "\",\"auth\":{\"kind\":\"none\"}" more "}"
#define FILE_OF(channel, features, more, send) "{\"adapter\":1,\"name\":\"x\",\"channel\":\"" channel "\",\"features\":{" features "}," more \
	"\"send\":" REQUEST("https://x.example", send) ",\"response\":{\"id\":\"/id\"}}"
#define STEP(url, more) "\"steps\":[{\"name\":\"a\",\"request\":" REQUEST(url, more) ",\"bind\":{\"a\":\"/a\"}}],"
#define JSON(value) ",\"body\":{\"kind\":\"json\",\"value\":" value "}"
#define PARTS(fields) ",\"body\":{\"kind\":\"multipart\",\"fields\":[" fields "]}"
#define EACH "{\"$each\":\"attachments\",\"do\":\"{item.data|base64}\"}"
#define EACH_FILE "{\"$each\":\"attachments\",\"do\":[[\"f\",{\"$file\":\"item.data\",\"filename\":\"{item.name}\",\"type\":\"{item.type}\"}]]}"
#define PDF_FILE "[\"f\",{\"$file\":\"pdf.data\",\"filename\":\"{pdf.name}\",\"type\":\"application/pdf\"}]"
#define KEY "\"idempotency\":{\"kind\":\"body\",\"window_s\":86400}"
#define FILES "\"attachments\":true"

static const struct promise {
	const char *json, *path, *says; /* path NULL: it is kept */
} promises[] = {
	{ FILE_OF("sms", KEY, "", JSON("{\"key\":\"{dispatch.id|uuid}\"}")), NULL, NULL },
	{ FILE_OF("sms", KEY, "", JSON("{\"echo\":\"{metadata}\"}")), NULL, NULL },
	{ FILE_OF("sms", KEY, "", PARTS("{\"$map\":\"metadata\",\"key\":\"{key}\",\"value\":\"{value}\"}")), NULL, NULL },
	{ FILE_OF("sms", KEY, "", ",\"headers\":[{\"$if\":\"text\",\"then\":[[\"X-Key\",\"{dispatch.id}\"]]}]"), NULL, NULL },
	{ FILE_OF("sms", KEY, "", JSON("{\"to\":\"{to.phone}\",\"text\":\"{text}\"}")), "$.features.idempotency", "`send` must carry {dispatch.id}" },
	{ FILE_OF("sms", KEY, "", JSON("{\"a\":{\"$if\":\"dispatch.id\",\"then\":1}}")), "$.features.idempotency", "{dispatch.id}" },
	{ FILE_OF("sms", KEY, STEP("https://x.example/{dispatch.id|path}", ""), ""), "$.features.idempotency", "`send`" }, /* a step's is no key */

	{ FILE_OF("email", FILES, "", JSON("[" EACH "]")), NULL, NULL },
	{ FILE_OF("email", FILES, "", PARTS(EACH_FILE)), NULL, NULL },
	{ FILE_OF("email", FILES, STEP("https://x.example", JSON("[" EACH "]")), ""), NULL, NULL },
	{ FILE_OF("letter", FILES, "", PARTS(PDF_FILE)), NULL, NULL },
	{ FILE_OF("letter", FILES ",\"documents\":3", "", PARTS(EACH_FILE)), NULL, NULL },
	{ FILE_OF("email", FILES, "", JSON("{\"text\":\"{text}\"}")), "$.features.attachments", "$each over attachments" },
	{ FILE_OF("email", FILES, "", JSON("{\"a\":{\"$if\":\"attachments\",\"then\":true}}")), "$.features.attachments", "$each" },
	{ FILE_OF("email", FILES, "", JSON("[{\"$each\":\"attachments\",\"do\":\"{item.name}\"}]")), "$.features.attachments", "{item.data|base64}" },
	{ FILE_OF("email", FILES, "", PARTS(PDF_FILE)), "$.features.attachments", "$each" }, /* the second one would be lost */
	{ FILE_OF("letter", FILES ",\"documents\":3", "", PARTS(PDF_FILE)), "$.features.attachments", "$each" },
	{ FILE_OF("letter", FILES, "", JSON("{\"a\":\"{pdf.name}\"}")), "$.features.attachments", "{pdf.data|base64}" },
};

static void carried_or_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(promises); i++) {
		CLEANUP(adapter_freep) struct adapter *adapter = NULL;
		const struct promise *row = &promises[i];
		struct err err = { 0 };
		int r = adapter_parse(row->json, strlen(row->json), &adapter, &err);

		if (row->path ? r == 0 || strcmp(err.path, row->path) != 0 || !strstr(err.text, row->says) : r < 0)
			fail_msg("%s\n%d: %s %s", row->json, r, err.path, err.text);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(carried_or_refused) };

	return cmocka_run_group_tests_name("adapter_promises", tests, NULL, NULL);
}
