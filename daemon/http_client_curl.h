/*
 * http_client_curl - the functions of libcurl that are called, as curl.easy_init(); there once http_client_curl_load() was well.
 */
#ifndef DUNNINGD_DAEMON_HTTP_CLIENT_CURL_H
#define DUNNINGD_DAEMON_HTTP_CLIENT_CURL_H

#include <curl/curl.h>

#include "common/lazy.h"

#define CURL_FUNCTIONS(X) \
	X(curl_, easy_cleanup) X(curl_, easy_getinfo) X(curl_, easy_init) X(curl_, easy_perform) X(curl_, easy_setopt) X(curl_, global_cleanup) \
	X(curl_, global_init) X(curl_, multi_add_handle) X(curl_, multi_assign) X(curl_, multi_cleanup) X(curl_, multi_info_read) \
	X(curl_, multi_init) X(curl_, multi_remove_handle) X(curl_, multi_setopt) X(curl_, multi_socket_action) X(curl_, slist_append) \
	X(curl_, slist_free_all)
extern struct curl_functions {
	CURL_FUNCTIONS(LAZY_MEMBER)
} curl;

int http_client_curl_load(struct err *err); /* as lazy_load() */

#endif
