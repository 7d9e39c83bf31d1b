/* adapter_hook_internal - the compiled form of a webhook, shared by the adapter_hook*.c files alone. */
#ifndef DUNNINGD_COMMON_ADAPTER_HOOK_INTERNAL_H
#define DUNNINGD_COMMON_ADAPTER_HOOK_INTERNAL_H

#include "common/adapter_hook.h"
#include "common/adapter_internal.h"
#include "common/form.h"
#include "common/hash.h"

#define HOOK_KEYS_MAX 4
#define HOOK_PARTS_MAX 12
#define HOOK_SOURCES_MAX 6
#define HOOK_STEPS_MAX 4

/* Where a value of a request stands. */
enum source_kind { SOURCE_NONE, SOURCE_HEADER, SOURCE_QUERY, SOURCE_POINTER, SOURCE_OUTER };
struct source {
	enum source_kind kind;
	const char *name; /* header, query parameter or pointer; OUTER: a pointer into what stands around the element */
	const char *prefix; /* it must begin so, and is taken without; of an array its first such member. NULL = none */
	enum id_transform transform;
	char before;
	bool html; /* transform: of HTML, what is seen of it */
	bool mail; /* transform: of a whole mail, perhaps in base64, its text */
	bool address; /* transform: of "Ann <ann@x.example>" what stands between the brackets */
	const char **words; /* what it says, and what that means, in turn; NULL at the end. NULL: nothing is translated */
	bool phone; /* transform: "33612345678" and "0033612345678" become "+33612345678" */
};
struct source_list {
	struct source sources[HOOK_SOURCES_MAX];
	size_t count;
};

enum part_kind { PART_URL, PART_BODY, PART_FORM_SORTED, PART_URL_SORTED, PART_LITERAL, PART_SOURCE };
struct signed_part {
	enum part_kind kind;
	const char *literal; /* URL_SORTED: what stands between the query and the form */
	struct source source;
};

enum verify_kind {
	VERIFY_NONE,
	VERIFY_BASIC,
	VERIFY_HEADER,
	VERIFY_PATH,
	VERIFY_HMAC,
	VERIFY_ED25519,
	VERIFY_ECDSA,
	VERIFY_SNS,
	VERIFY_JWT,
	VERIFY_KIND_COUNT
};
enum hook_encoding { ENCODING_HEX, ENCODING_BASE64, ENCODING_RAW };
enum time_unit { TIME_SECONDS, TIME_MS, TIME_AUTO };

struct verify_plan {
	enum verify_kind kind;
	const char *keys[HOOK_KEYS_MAX]; /* names of settings; those not set are passed over */
	size_t key_count;
	const char *user; /* BASIC: name of a setting; SNS: of that of the topic */
	const char *header; /* HEADER, JWT: its name */
	const char *body_claim, *url_claim; /* JWT: those that hold hex SHA-256 of the body and of the address; the second may be NULL */
	enum hash_kind hash; /* HMAC */
	const char *key_prefix; /* taken off a key before it is decoded */
	enum hook_encoding key_encoding;
	struct signed_part parts[HOOK_PARTS_MAX];
	size_t part_count;
	const char *body_hash; /* query parameter with the hex SHA-256 of a body that is no form; NULL = none */
	struct source signature;
	enum hook_encoding encoding;
	char separator; /* between several signatures; 0 = one */
	const char *signature_prefix; /* of each that counts; NULL = none */
	struct source time;
	enum time_unit time_unit;
	int64_t tolerance_ms; /* 0: the time is not looked at */
	struct source once;
};

enum step_kind { STEP_POINTER, STEP_TEXT, STEP_SINGLE, STEP_READ };
struct unwrap_step {
	enum step_kind kind;
	const char *pointer; /* POINTER; TEXT: of a string that is JSON itself; READ: name of a member that is one, and is read in its place */
};
struct unwrap {
	struct unwrap_step steps[HOOK_STEPS_MAX];
	size_t count;
};

struct word_row {
	const char *said; /* "bounce/blocked", "bounce" and whatever follows (any), or anything at all ("" and any) */
	bool any;
	enum hook_word word;
};

struct stop_rule {
	struct source source;
	const char *value;
};

enum hook_form { FORM_JSON, FORM_FIELDS, FORM_QUERY, FORM_MAIL, FORM_EITHER /* of the first two, as the request says */ };

struct hook {
	const struct adapter *adapter;
	const char *path;
	enum hook_form form; /* parse */
	struct verify_plan verify;
	int refused_status;
	int64_t body_bytes; /* 0 = not said */
	const char *charsets; /* the field of a form that has the character sets of the others, as a JSON object; NULL = all are UTF-8 */
	struct hook_answer answer;
	struct unwrap unwrap, element;
	const char *each; /* pointer; "" = the document, an array or one object */
	struct source_list attempt, message, id, type, time, reason, address, recipient, text;
	const char *files; /* pointer to what came attached; NULL: nothing does, or the files of a form */
	struct source file_name, file_type, file_bytes, file_content;
	struct word_row *words;
	size_t word_count;
	struct stop_rule *stops, *paids; /* a reply that is a STOP, or says that it is paid: any of them */
	size_t stop_count, paid_count;
};

/* One request while it is read. */
struct hook_reading {
	const struct hook_request *request;
	struct arena *arena;
	struct json *outer, *element; /* NULL = not there */
};

/* The body as a document: JSON, or a form as an object of strings. -EBADMSG. */
int hook_document(const struct hook *hook, const struct hook_request *request, struct arena *arena, struct json **ret, struct err *err);
/* *ret NULL: it is not there. -EACCES "twice": a header that stands more than once. */
int source_get(const struct hook_reading *reading, const struct source *source, const char **ret, struct err *err);

struct form_file {
	const char *name, *type, *data;
	size_t len;
};
#define FORM_FILES "@files" /* the member of a form's document that names them: no field can have it */
/* The fields of the body, by its Content-Type: as above, or multipart/form-data, whose files go to *files. -EBADMSG. */
int form_fields(const struct hook_request *request, struct arena *arena, struct form_pair **ret, size_t *count, struct form_file **files,
	size_t *file_count, struct err *err);
bool form_is(const struct hook_request *request, const char *type); /* its Content-Type */
/* The value of a parameter of the URL's query; NULL = absent, or there twice. */
const char *query_get(const char *url, const char *name, struct arena *arena);
/* The value of a header; NULL = absent. -EACCES "twice". */
int header_get(const struct hook_request *request, const char *name, const char **ret, struct err *err);

/* VERIFY_JWT: the token's text, checked by one key; -EACCES. `other_url` may be NULL. */
int jwt_check(const struct verify_plan *plan, const struct hook_request *request, const char *other_url, const char *token,
	const struct buf *key, struct arena *arena, struct err *err);

int hook_events_parse(struct arena *arena, const struct json *webhook, struct hook *ret, struct err *err); /* `element` and `events` */
int time_read(const struct json *value, int64_t *ret); /* of an event, ms UTC; -EBADMSG */
int polls_parse(struct adapter *adapter, const struct json *root, struct err *err); /* the member `poll`: adapter_poll.c */
int hooks_parse(struct adapter *adapter, const struct json *root, struct err *err); /* the member `webhooks` */

#endif
