#include "daemon/http_client_curl.h"

struct curl_functions curl;

int http_client_curl_load(struct err *err)
{
	static const char *const names[] = { CURL_FUNCTIONS(LAZY_NAME) };
	static struct lazy lazy = { CURL_LIBRARY, "libcurl4", names, &curl, sizeof(names) / sizeof(*names), false };

	return lazy_load(&lazy, err);
}
