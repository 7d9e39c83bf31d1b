/* The shipped provider files, each with settings that suit it, and messages for every channel. */
#ifndef DUNNINGD_TESTS_SHIPPED_H
#define DUNNINGD_TESTS_SHIPPED_H

#include "common/adapter.h"

struct shipped {
	const char *name;
	enum channel channel;
	const char *settings[21]; /* name, value ...; a secret's value is "the-secret" */
};
extern const struct shipped shipped[];
extern const size_t shipped_count;
const struct shipped *shipped_find(const char *name); /* fails the test when there is none */

/* Those whose published description lies in shared/provider-specs. */
struct shipped_description {
	const char *provider, *description;
};
#define SHIPPED_DESCRIPTIONS 8
extern const struct shipped_description shipped_descriptions[SHIPPED_DESCRIPTIONS];

#define SHIPPED_ATTEMPT "01JX9000000000000000000042"
#define SHIPPED_NOW INT64_C(1775119800000) /* 2026-04-02T08:50:00Z */
#define SHIPPED_SECRET "S3cret"

struct adapter *shipped_load(const char *name); /* fails the test unless it is valid and called so */
struct adapter *shipped_load_fast(const char *name); /* the same, with every time-out cut to one second */
const char *shipped_secret(const char *credential, void *arg); /* adapter_secret_fn */
/* A whole one: names beyond ASCII, text and HTML, reply-to, postal addresses, a PDF where the channel and the provider take it. */
struct message shipped_message(enum channel channel, bool with_files);
/* With everything, with the least, with a text of many parts ... */
enum shipped_variant { SHIPPED_WHOLE, SHIPPED_NO_FILES, SHIPPED_NO_HTML, SHIPPED_BARE, SHIPPED_LONG, SHIPPED_REGISTERED, SHIPPED_VARIANTS };
struct message shipped_variant(const struct shipped *provider, bool with_files, enum shipped_variant variant);
struct adapter_input shipped_input(const struct provider_settings *settings, const struct message *message);

#endif
