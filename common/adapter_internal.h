/*
 * adapter_internal - the compiled form of a provider file, shared by the adapter_*.c files alone.
 */
#ifndef DUNNINGD_COMMON_ADAPTER_INTERNAL_H
#define DUNNINGD_COMMON_ADAPTER_INTERNAL_H

#include "common/adapter.h"
#include "common/json.h"

/* --- values (adapter_value.c) ----------------------------------------------------------------------------------- */

enum value_kind { VALUE_NONE, VALUE_STRING, VALUE_INT, VALUE_BOOL, VALUE_LIST, VALUE_PAIRS, VALUE_PARTY };

struct value {
	enum value_kind kind;
	const char *s;
	int64_t n; /* INT, BOOL */
	const char *const *items; /* LIST; PAIRS: name, value, name, value ... */
	size_t count; /* of items; PAIRS: of pairs */
	const struct party *party;
};

#define KIND(k) (1u << (k)) /* sets of value kinds */

struct scope;
struct filter_row {
	const char *name;
	unsigned takes; /* bits of value kinds */
	enum value_kind gives;
	enum { ARG_NONE, ARG_TEXT, ARG_NUMBER } arg;
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
	const char *name; /* behind "config.": the setting's name */
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
};

struct scope {
	const struct adapter *adapter;
	const struct adapter_input *input;
	struct arena *arena;
	const struct value *item; /* inside $each, else NULL */
	const char *pair_key, *pair_value; /* inside $map, else NULL */
};

int text_parse(const struct adapter *adapter, const struct json *json, unsigned places, struct text *ret, struct err *err);
/* Without braces: "html", "metadata", "config.test|bool"; `kinds` are those that it may be. */
int reference_parse(const struct adapter *adapter, const struct json *json, const char *name, unsigned places,
	unsigned kinds, struct reference *ret, struct err *err);
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
};

struct node { /* of a JSON body */
	enum node_kind kind;
	const char *raw;
	struct text text; /* TEXT; MAP: the value's template */
	struct text name; /* MAP: the member name's template */
	struct reference ref; /* EACH, IF, MAP */
	const char **keys; /* OBJECT */
	struct node *kids; /* ARRAY, OBJECT; EACH and OPT: [0]; IF: [0] then, [1] else */
	size_t count;
};

struct field { /* of a form, a query, or a list of headers */
	enum node_kind kind; /* TEXT, EACH, IF, OPT, MAP */
	const char *name;
	struct text name_text, text; /* MAP: both; else text */
	struct reference ref;
	struct field *kids[2]; /* EACH: [0]; IF: then, else */
	size_t kid_count[2];
};

struct field_list {
	struct field *fields;
	size_t count;
};

struct pair {
	const char *name, *value;
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

/* --- answers (adapter_rules.c compiles, adapter_answer.c reads) --------------------------------------------------------------------------------- */

enum test_kind { TEST_EXISTS, TEST_ABSENT, TEST_ONE_OF, TEST_NONE_OF };

struct constant {
	enum json_type type; /* STRING, INT, BOOL */
	const char *s;
	int64_t n;
};

struct condition {
	bool header; /* else a pointer into the body */
	const char *name; /* header name or pointer */
	enum test_kind test;
	struct constant *constants;
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

struct lookup_match {
	const char *pointer;
	struct text text;
};

struct lookup_plan {
	const char *each; /* pointer to the list; "" = the document */
	struct lookup_match *matches;
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

int response_parse(struct arena *arena, const struct json *json, struct response *ret, struct err *err);
int id_source_parse(const struct json *json, struct id_source *ret, struct err *err);
int pointer_parse(const struct json *at, const char *key, const char *pointer, struct err *err); /* checks only */
int header_name_parse(const struct json *at, const char *key, const char *name, struct err *err); /* checks only */
bool token_valid(const char *s); /* letters, digits, '-' and '_' */
struct json pointer_get(const struct json *root, const char *pointer); /* its parent and key are not set */

/* --- the whole (adapter.c) -------------------------------------------------------------------------------------- */

struct setting {
	const char *name, *fallback;
	bool required, secret;
};

enum auth_kind { AUTH_NONE, AUTH_BASIC, AUTH_BEARER, AUTH_HEADER, AUTH_QUERY };

struct auth {
	enum auth_kind kind;
	const char *name; /* HEADER, QUERY */
	struct text user, secret;
};

enum body_kind { BODY_NONE, BODY_JSON, BODY_FORM };

struct request_plan {
	const char *method;
	struct text url;
	struct field_list query, headers;
	struct auth auth;
	enum body_kind body;
	struct node json;
	struct field_list form;
	int64_t timeout_ms;
};

struct adapter {
	unsigned references;
	struct arena *arena; /* owns everything here, the document included */
	const char *name;
	unsigned channels; /* bit per enum channel */
	struct setting *settings;
	size_t setting_count;
	const char *idempotency_header; /* NULL = none, or a member of the body */
	int64_t idempotency_ms;
	int64_t per_second, concurrency, max_request_bytes;
	struct request_plan send;
	struct response response;
	bool has_lookup;
	struct request_plan lookup_request;
	struct lookup_plan lookup;
	struct hook *hooks; /* adapter_hook_internal.h */
	size_t hook_count;
};

#endif
