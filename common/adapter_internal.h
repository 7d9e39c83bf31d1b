/*
 * adapter_internal - the compiled form of a provider file, shared by the adapter_*.c files alone.
 */
#ifndef DUNNINGD_COMMON_ADAPTER_INTERNAL_H
#define DUNNINGD_COMMON_ADAPTER_INTERNAL_H

#include "common/adapter.h"
#include "common/hash.h"
#include "common/json.h"

/* --- values (adapter_value.c) ----------------------------------------------------------------------------------- */

enum value_kind { VALUE_NONE, VALUE_STRING, VALUE_INT, VALUE_BOOL, VALUE_LIST, VALUE_PAIRS, VALUE_PARTY, VALUE_BYTES, VALUE_FILES };

struct value {
	enum value_kind kind;
	const char *s; /* STRING; BYTES: `count` of them, NULs among them */
	int64_t n; /* INT, BOOL */
	const char *const *items; /* LIST; PAIRS: name, value, name, value ... */
	size_t count; /* of items; PAIRS: of pairs; BYTES, FILES */
	const struct party *party;
	const struct attachment *files;
};

#define KIND(k) (1u << (k)) /* sets of value kinds */

struct scope;
struct filter_row {
	const char *name;
	unsigned takes; /* bits of value kinds */
	enum value_kind gives;
	enum { ARG_NONE, ARG_TEXT, ARG_NUMBER, ARG_CHOICE, ARG_TABLE } arg; /* CHOICE: "a:b"; TABLE: its name in `tables` */
	int (*apply)(const struct scope *scope, const char *arg, struct value *v); /* never gets VALUE_NONE */
};
const struct filter_row *filter_find(const char *name); /* adapter_filter.c; NULL = there is none */

struct filter {
	const struct filter_row *row;
	const char *arg; /* NULL = none */
};

struct reference { /* {to.phone|e164} */
	const char *source; /* as written, for complaints */
	const struct model_row *row;
	const char *name; /* behind "config.": the setting's name; behind "steps.": what a step gave */
	struct filter *filters;
	size_t filter_count;
};

struct text_part {
	const char *literal; /* NULL: a reference */
	struct reference ref;
};

struct text { /* a compiled template */
	struct text_part *parts;
	size_t count;
};

/* Where a template stands decides what it may name. */
enum place {
	PLACE_URL = 1, /* no secrets */
	PLACE_LOOKUP = 2, /* {sent_at} has a meaning */
	PLACE_ITEM = 4, /* inside $each: {item} */
	PLACE_PAIR = 8, /* inside $map: {key}, {value} */
	PLACE_TREE = 16, /* a member of a JSON body: a value alone may be a list or an object */
	PLACE_FILE = 32, /* inside $each over attachments: {item.name} ... */
	PLACE_SIGNED = 64, /* the parts of a signature: {request.url} ... */
	PLACE_SIGNATURE = 128, /* {signature} */
	PLACE_MULTIPART = 256, /* $file */
	PLACE_AGAIN = 1024, /* the body of what may be sent again under its key: {now} would make another one of it */
	PLACE_POLL = 512, /* {poll.item} ... have a meaning, and there is no message */
	PLACE_TEST = 2048, /* of an $if: it is asked about, and not sent */
};

/* What a request carries that the features of a file may promise. */
enum carried {
	CARRIED_ID = 1, /* of the attempt: the same in a second request */
	CARRIED_FILES = 2, /* each attachment */
	CARRIED_PDF = 4, /* the first one: a letter's document */
};

struct scope {
	const struct adapter *adapter;
	const struct adapter_input *input;
	struct arena *arena;
	const struct value *item; /* inside $each, else NULL */
	const char *pair_key, *pair_value; /* inside $map, else NULL */
	const struct attachment *file; /* inside $each over attachments, else NULL */
	const struct http_request *request; /* for its signature, else NULL */
	const char *signature; /* NULL unless it is made */
	const struct poll_position *position; /* of a poll, else NULL */
	int64_t since; /* ms UTC */
};

int text_parse(const struct adapter *adapter, const struct json *json, unsigned places, struct text *ret, struct err *err);
/* Without braces: "html", "metadata", "config.test|bool"; `kinds` are those that it may be. */
int reference_parse(const struct adapter *adapter, const struct json *json, const char *name, unsigned places,
	unsigned kinds, struct reference *ret, struct err *err);
bool reference_lists_files(const struct reference *ref);
int reference_value(const struct scope *scope, const struct reference *ref, struct value *ret, struct err *err);
const char *value_string(const struct scope *scope, const struct value *value); /* of a scalar */
bool value_empty(const struct value *value);
/*
 * The template as one value: that of its only reference, keeping its type, or a string. VALUE_NONE when a part is missing;
 * ret->s then is the source of that part.
 */
int text_value(const struct scope *scope, const struct text *text, struct value *ret, struct err *err);
/* The template as a string; a missing value is an error. */
int text_string(const struct scope *scope, const struct text *text, const char **ret, struct err *err);
int setting_value(const struct adapter *adapter, const struct adapter_input *input, const char *name, const char **ret,
	struct err *err);
const char *settings_get(const struct provider_settings *settings, const char *name); /* as given; NULL = it is not */
void value_write(struct json_writer *w, const char *key, const struct value *value);

/* --- bodies (adapter_body.c) ------------------------------------------------------------------------------------ */

enum node_kind {
	NODE_RAW, /* true, 7, null: as they stand */
	NODE_TEXT,
	NODE_ARRAY,
	NODE_OBJECT,
	NODE_EACH,
	NODE_IF,
	NODE_OPT,
	NODE_MAP,
	NODE_JSON, /* a tree as text */
	NODE_FILE, /* of a multipart body */
};

struct node { /* of a JSON body */
	enum node_kind kind;
	const char *raw;
	struct text text; /* TEXT; MAP: the value's template */
	struct text name; /* MAP: the member name's template */
	struct reference ref; /* EACH, IF, MAP */
	const char **keys; /* OBJECT */
	struct node *kids; /* ARRAY, OBJECT; EACH, OPT and JSON: [0]; IF: [0] then, [1] else */
	size_t count;
};

struct field { /* of a form, a query, or a list of headers */
	enum node_kind kind; /* TEXT, EACH, IF, OPT, MAP, JSON, FILE */
	const char *name;
	struct text name_text, text; /* MAP: name and value; FILE: type and name; else text */
	struct reference ref; /* FILE: its bytes */
	struct node *tree; /* JSON */
	struct field *kids[2]; /* EACH: [0]; IF: then, else */
	size_t kid_count[2];
};

struct field_list {
	struct field *fields;
	size_t count;
};

struct pair {
	const char *name, *value;
	size_t len; /* of the value */
	const char *filename, *type; /* of a file's, else NULL */
};
struct pair_list {
	struct pair *pairs;
	size_t count, capacity;
};

int node_parse(const struct adapter *adapter, const struct json *json, unsigned places, struct node *ret, struct err *err);
/* Writes nothing at all for an $if or $opt that gives nothing. `in_array`: the items of an $each go straight into it. */
int node_render(const struct scope *scope, const struct node *node, struct json_writer *w, const char *key, bool in_array,
	struct err *err);
int fields_parse(const struct adapter *adapter, const struct json *array, unsigned places, struct field_list *ret,
	struct err *err);
int fields_render(const struct scope *scope, const struct field_list *list, struct pair_list *ret, struct err *err);
void url_escape(struct buf *buf, const char *s); /* all but RFC 3986 unreserved */
void pairs_write_form(struct buf *out, const struct pair_list *pairs, const char *separator); /* "a=b&c=d" behind the separator */
/* RFC 7578. The boundary is made of the parts, so that the same message gives the same bytes; returns the content type. */
const char *pairs_write_multipart(struct buf *out, const struct pair_list *pairs, struct arena *arena);

/* --- answers (adapter_rules.c compiles, adapter_answer.c reads) --------------------------------------------------------------------------------- */

enum test_kind { TEST_EXISTS, TEST_ABSENT, TEST_ONE_OF, TEST_NONE_OF, TEST_LIKE };

struct constant {
	enum json_type type; /* STRING, INT, BOOL */
	const char *s;
	int64_t n;
};

struct condition {
	enum { IN_JSON, IN_HEADER, IN_BODY } where;
	const char *name; /* header name or pointer */
	const char *rest; /* behind a "*" in the pointer: into each element; NULL = there is none */
	bool all; /* every element must pass, and there is one; else any */
	enum test_kind test;
	struct constant *constants; /* LIKE: texts with "*" for anything */
	size_t count;
};

enum delay_unit { DELAY_AUTO, DELAY_SECONDS, DELAY_MS, DELAY_EPOCH, DELAY_EPOCH_MS };

struct delay_source {
	const char *header, *pointer; /* one of them, or neither */
	enum delay_unit unit;
};

enum id_transform { ID_PLAIN, ID_STRIP_ANGLE, ID_BEFORE };

struct id_source {
	const char *header, *pointer;
	enum id_transform transform;
	char before; /* ID_BEFORE: cut at its first occurrence */
};

struct answer_row {
	const char *name;
	enum outcome_kind kind;
	enum outcome_scope scope; /* unless the rule says otherwise */
	bool needs_id; /* without the provider's id it is in doubt */
};

struct rule {
	int status_low[16], status_high[16]; /* none = any */
	size_t status_count;
	struct condition *conditions;
	size_t condition_count;
	const struct answer_row *answer;
	enum outcome_scope scope;
	const char *reason;
	int64_t retry_after_ms;
	struct delay_source delay;
};

struct response {
	struct id_source id;
	struct rule *rules;
	size_t rule_count;
};

struct reading { /* of one answer */
	const struct http_answer *answer;
	struct arena *arena;
	struct json body; /* JSON_NONE unless the whole body is JSON */
	int64_t now;
};
void reading_init(struct reading *reading, const struct http_answer *answer, int64_t now, struct arena *arena);
const struct rule *rule_find(const struct reading *reading, const struct rule *rules, size_t count); /* NULL = none matches */
int64_t reading_delay(const struct reading *reading, const struct rule *rule); /* ms; 0 = nothing is said. `rule` may be NULL */
/* Ids go into records and URLs: printable ASCII and of sane length, or NULL. */
const char *reading_id(const struct reading *reading, const struct json *root, const struct id_source *source);
const char *scalar_text(const struct json *json, struct arena *arena); /* NULL for what is none */
char *reading_raw(const struct reading *reading, size_t *len); /* a copy of the answer */

struct lookup_match {
	const char *pointer;
	struct text text;
};

struct lookup_plan {
	const char *each; /* pointer to the list; "" = the document */
	struct lookup_match *matches; /* none: the request asks for nothing but this message */
	size_t match_count;
	const char *since; /* pointer to the element's time, NULL = none */
	const char *more; /* pointer to what says that the list goes on elsewhere (a link, a cursor, true), NULL = it is always whole */
	struct id_source id;
	int not_found_status; /* this status is a miss too; 0 = none */
	int64_t not_before_ms, conclusive_ms;
};

struct adapter_lookup {
	const struct lookup_plan *plan; /* the adapter's */
	const char **expected; /* beside plan->matches */
	int64_t sent_at;
};

int rules_parse(struct arena *arena, const struct json *list, struct rule **ret, size_t *count, struct err *err);
int response_parse(struct arena *arena, const struct json *json, struct response *ret, struct err *err);
int id_source_parse(const struct json *json, struct id_source *ret, struct err *err);
int pointer_parse(const struct json *at, const char *key, const char *pointer, struct err *err); /* checks only */
int header_name_parse(const struct json *at, const char *key, const char *name, struct err *err); /* checks only */
bool token_valid(const char *s); /* letters, digits, '-' and '_' */
struct json pointer_get(const struct json *root, const char *pointer); /* its parent and key are not set */

/* --- the whole (adapter.c) -------------------------------------------------------------------------------------- */

struct setting {
	const char *name, *fallback;
	const char *webhook; /* path of the one whose public address it is when it is not given; NULL = none */
	bool required, secret;
	bool account; /* it names the account that the secrets are of */
	bool means; /* what sends or finds a message names it */
};
/*
 * The public address of the setting's webhook, for who did not give one, in the arena. NULL: there is none, or what came there would be refused
 * for want of the key that it is verified by.
 */
const char *webhook_address(const struct adapter *adapter, const struct provider_settings *settings, const struct setting *setting,
	struct arena *arena);

/* --- requests (adapter_plan.c compiles, adapter_request.c fills; adapter_auth.c both for `auth`) ------------------------- */

/* What providers call things that we have another word for: countries, languages. */
struct table {
	const char *name;
	const char **pairs; /* word, its translation, ...; "*" = any other */
	size_t count;
};
const struct table *table_find(const struct adapter *adapter, const char *name); /* adapter.c; NULL = there is none */

enum auth_kind { AUTH_NONE, AUTH_BASIC, AUTH_BEARER, AUTH_HEADER, AUTH_QUERY, AUTH_SIGNED, AUTH_SIGV4, AUTH_JWT };

struct auth {
	enum auth_kind kind;
	const char *name; /* HEADER, QUERY */
	struct text user, secret; /* SIGNED: the secret is the HMAC key, without parts: a plain hash; SIGV4: key id, key; JWT: PEM */
	struct text *parts; /* SIGNED: what is hashed, `join` between them */
	size_t part_count;
	const char *join;
	enum hash_kind hash;
	bool base64, base64_key; /* else hex; else the key as it is */
	struct field_list fields; /* SIGNED: headers; JWT: claims */
	struct text region; /* SIGV4 */
	const char *service; /* SIGV4 */
	int64_t lifetime_s; /* JWT */
};

enum body_kind { BODY_NONE, BODY_JSON, BODY_FORM, BODY_MULTIPART, BODY_RAW };

struct request_plan {
	const char *method;
	struct text url;
	struct field_list query, headers;
	struct auth auth;
	enum body_kind body;
	struct node json;
	struct field_list form; /* FORM, MULTIPART */
	struct text raw; /* RAW */
	const char *raw_type;
	int64_t timeout_ms;
};

/* places: PLACE_LOOKUP for a look-up's, PLACE_AGAIN. `inherited`: the auth of one that says none; NULL: it must say. */
int plan_parse(const struct adapter *adapter, const struct json *json, unsigned places, const struct auth *inherited,
	struct request_plan *ret, struct err *err);
int plan_build(const struct scope *scope, const struct request_plan *plan, const char *idempotency, struct http_request *ret,
	struct err *err);
int auth_parse(const struct adapter *adapter, const struct json *request, struct auth *ret, struct err *err);
#define HEADERS_MAX 40
int request_add_header(struct http_request *request, struct http_header *headers, const char *name, const char *value,
	struct err *err);
/* Adds its headers; `request` has URL and body already. Masked, nothing that was made from a secret is shown. */
int auth_apply(const struct scope *scope, const struct auth *auth, struct http_request *request, struct http_header *headers,
	struct err *err);
int parse_text_member(const struct adapter *adapter, const struct json *json, const char *key, unsigned places,
	struct text *ret, struct err *err);
int headers_check(const struct json *json, const struct field *fields, size_t count, struct err *err);
const char *text_secret(const struct adapter *adapter, const struct text *text); /* the first secret that it names, or NULL */

/* --- before it (adapter_steps.c) -------------------------------------------------------------------------------------- */

struct bind {
	const char *name; /* "upload.url" */
	struct id_source source; /* of text of any kind */
};
struct step { /* also the token, whose only bind is "token" */
	const char *name;
	struct request_plan request;
	struct rule *rules;
	size_t rule_count;
	struct bind binds[ADAPTER_BINDS_MAX];
	size_t bind_count;
};
int steps_parse(struct adapter *adapter, const struct json *root, struct err *err);
int lookup_parse(struct adapter *adapter, const struct json *root, struct err *err); /* adapter_lookup.c */
int means_parse(struct adapter *adapter, const struct json *root, struct err *err); /* adapter_means.c: behind all that names settings to send or find */

struct adapter {
	unsigned references;
	struct arena *arena; /* owns everything here, the document included */
	const char *name;
	unsigned channels; /* bit per enum channel */
	struct setting *settings;
	size_t setting_count;
	uint8_t means[SHA256_SIZE]; /* of what sends and finds a message, as it stands in the file */
	const char *idempotency_header; /* NULL = none, or a member of the body */
	int64_t idempotency_ms;
	struct pace_limits limits;
	int64_t max_request_bytes;
	int64_t sms_parts; /* most that are sent; 0 = no limit stated */
	unsigned *carried; /* bits of enum carried: by the requests that were compiled so far */
	bool takes_files;
	int64_t documents; /* PDFs that one letter can have, the letter itself among them */
	unsigned deliveries; /* of letters: bit per enum letter_delivery */
	struct table *tables;
	size_t table_count;
	struct step *token; /* NULL = there is none */
	const char *token_lifetime; /* pointer to the seconds it lives, or to the epoch second it ends at; NULL = not said */
	bool token_ends; /* the latter */
	int64_t token_lifetime_s; /* when the answer does not say */
	struct step *steps;
	size_t step_count;
	struct request_plan send;
	struct response response;
	bool has_lookup;
	struct request_plan lookup_request;
	struct lookup_plan lookup;
	struct hook *hooks; /* adapter_hook_internal.h */
	size_t hook_count;
	struct poll *polls; /* adapter_poll.c */
	size_t poll_count;
};

#endif
