/* The value templates of provider files: {to.phone|e164} over a fixed model, typed when the file is loaded. */
#include <errno.h>
#include <string.h>

#include "common/adapter_hook_internal.h"
#include "common/adapter_internal.h"
#include "common/adapter_poll.h"

#define SCALARS (KIND(VALUE_STRING) | KIND(VALUE_INT) | KIND(VALUE_BOOL))
#define FILTERS_MAX 8

/* --- the model ---------------------------------------------------------------------------------------------------- */

enum model_id { MODEL_FIELD, MODEL_PARTY, MODEL_CHANNEL, MODEL_INVOICE, MODEL_INVOICES, MODEL_METADATA,
	MODEL_CONFIG, MODEL_NOW, MODEL_SENT_AT, MODEL_POLL, MODEL_ITEM, MODEL_KEY, MODEL_VALUE, MODEL_REGISTERED, MODEL_ELECTRONIC, MODEL_FILES, MODEL_FILE_NAME,
	MODEL_FILE_TYPE, MODEL_FILE_DATA, MODEL_PDF_NAME, MODEL_PDF_DATA, MODEL_TOKEN, MODEL_STEP, MODEL_REQUEST, MODEL_BODY,
	MODEL_SIGNATURE };

struct model_row {
	const char *name;
	enum value_kind kind;
	enum model_id id;
	size_t offset; /* FIELD: of a string, PARTY: of a party, in struct message */
	unsigned place; /* only there; 0 = anywhere */
};

#define FIELD(text, member) { text, VALUE_STRING, MODEL_FIELD, offsetof(struct message, member), 0 }

static const struct model_row model[] = {
	FIELD("dispatch.id", attempt_id),
	{ "to", VALUE_PARTY, MODEL_PARTY, offsetof(struct message, to), 0 },
	FIELD("to.name", to.name),
	FIELD("to.email", to.email),
	FIELD("to.phone", to.phone),
	{ "from", VALUE_PARTY, MODEL_PARTY, offsetof(struct message, from), 0 },
	FIELD("from.name", from.name),
	FIELD("from.email", from.email),
	FIELD("from.phone", from.phone),
	FIELD("from.reply_to", from.reply_to),
	FIELD("to.line1", to_postal.line1),
	FIELD("to.line2", to_postal.line2),
	FIELD("to.postcode", to_postal.postcode),
	FIELD("to.city", to_postal.city),
	FIELD("to.region", to_postal.region),
	FIELD("to.country", to_postal.country),
	FIELD("from.line1", from_postal.line1),
	FIELD("from.line2", from_postal.line2),
	FIELD("from.postcode", from_postal.postcode),
	FIELD("from.city", from_postal.city),
	FIELD("from.region", from_postal.region),
	FIELD("from.country", from_postal.country),
	FIELD("locale", locale),
	FIELD("subject", subject),
	FIELD("text", text),
	FIELD("html", html),
	FIELD("debtor", debtor_id),
	FIELD("step", step),
	FIELD("policy", policy),
	FIELD("list_unsubscribe", list_unsubscribe),
	FIELD("list_unsubscribe_post", list_unsubscribe_post),
	{ "channel", VALUE_STRING, MODEL_CHANNEL, 0, 0 },
	{ "invoice", VALUE_STRING, MODEL_INVOICE, 0, 0 },
	{ "invoices", VALUE_LIST, MODEL_INVOICES, 0, 0 },
	{ "metadata", VALUE_PAIRS, MODEL_METADATA, 0, 0 },
	{ "now", VALUE_INT, MODEL_NOW, 0, 0 },
	{ "sent_at", VALUE_INT, MODEL_SENT_AT, 0, PLACE_LOOKUP },
	{ "poll.since", VALUE_INT, MODEL_POLL, 0, PLACE_POLL },
	{ "poll.cursor", VALUE_INT, MODEL_POLL, 1, PLACE_POLL },
	{ "poll.item", VALUE_STRING, MODEL_POLL, 2, PLACE_POLL },
	{ "poll.page", VALUE_STRING, MODEL_POLL, 3, PLACE_POLL },
	{ "item", VALUE_STRING, MODEL_ITEM, 0, PLACE_ITEM },
	{ "registered", VALUE_BOOL, MODEL_REGISTERED, 0, 0 },
	{ "electronic", VALUE_BOOL, MODEL_ELECTRONIC, 0, 0 },
	{ "attachments", VALUE_FILES, MODEL_FILES, 0, 0 },
	{ "item.name", VALUE_STRING, MODEL_FILE_NAME, 0, PLACE_FILE },
	{ "item.type", VALUE_STRING, MODEL_FILE_TYPE, 0, PLACE_FILE },
	{ "item.data", VALUE_BYTES, MODEL_FILE_DATA, 0, PLACE_FILE },
	{ "pdf.name", VALUE_STRING, MODEL_PDF_NAME, 0, 0 },
	{ "pdf.data", VALUE_BYTES, MODEL_PDF_DATA, 0, 0 },
	{ "token", VALUE_STRING, MODEL_TOKEN, 0, 0 },
	{ "request.method", VALUE_STRING, MODEL_REQUEST, 0, PLACE_SIGNED },
	{ "request.url", VALUE_STRING, MODEL_REQUEST, 1, PLACE_SIGNED },
	{ "request.path", VALUE_STRING, MODEL_REQUEST, 2, PLACE_SIGNED },
	{ "request.body", VALUE_BYTES, MODEL_BODY, 0, PLACE_SIGNED },
	{ "signature", VALUE_STRING, MODEL_SIGNATURE, 0, PLACE_SIGNATURE },
	{ "key", VALUE_STRING, MODEL_KEY, 0, PLACE_PAIR },
	{ "value", VALUE_STRING, MODEL_VALUE, 0, PLACE_PAIR },
};
static const struct model_row model_config = { "config", VALUE_STRING, MODEL_CONFIG, 0, 0 };
static const struct model_row model_step = { "steps", VALUE_STRING, MODEL_STEP, 0, 0 };

static struct value string_value(const char *s)
{
	return (struct value){ .kind = s ? VALUE_STRING : VALUE_NONE, .s = s };
}

/* Few and small: what the recipient's own message says already, so that the provider learns nothing more. */
static struct value metadata_value(const struct scope *scope)
{
	const struct message *m = scope->input->message;
	const char **items = arena_alloc(scope->arena, 6 * sizeof(*items));
	size_t n = 0;

	items[n++] = "attempt";
	items[n++] = m->attempt_id;
	if (m->invoice_count > 0) {
		items[n++] = "invoice";
		items[n++] = m->invoice_ids[0];
	}
	if (m->step) {
		items[n++] = "step";
		items[n++] = m->step;
	}
	return (struct value){ .kind = VALUE_PAIRS, .items = items, .count = n / 2 };
}

static struct value bytes_value(const struct attachment *file)
{
	return file ? (struct value){ .kind = VALUE_BYTES, .s = file->data, .count = file->len } : (struct value){ 0 };
}

/* The document of a letter: the first PDF. */
static const struct attachment *message_pdf(const struct message *m)
{
	for (size_t i = 0; i < m->attachment_count; i++) {
		if (strcmp(m->attachments[i].type, "application/pdf") == 0)
			return &m->attachments[i];
	}
	return NULL;
}

static struct value request_value(const struct http_request *request, size_t part)
{
	const char *authority, *path;

	if (!request)
		return (struct value){ 0 };
	authority = strstr(request->url, "://") + 3;
	path = authority + strcspn(authority, "/?");
	return string_value(part == 0 ? request->method : part == 1 ? request->url : *path ? path : "/");
}

static struct value file_value(const struct scope *scope, const struct model_row *row)
{
	const struct message *m = scope->input->message;
	const struct attachment *file = scope->file, *pdf = message_pdf(m);

	switch (row->id) {
	case MODEL_FILES:
		return (struct value){ .kind = VALUE_FILES, .files = m->attachments, .count = m->attachment_count };
	case MODEL_FILE_NAME:
		return string_value(file ? file->name : NULL);
	case MODEL_FILE_TYPE:
		return string_value(file ? file->type : NULL);
	case MODEL_FILE_DATA:
		return bytes_value(file);
	case MODEL_PDF_NAME:
		return string_value(pdf ? pdf->name : NULL);
	default:
		return bytes_value(pdf);
	}
}

static struct value poll_value(const struct scope *scope, size_t part)
{
	const struct poll_position *position = scope->position;

	if (!position)
		return (struct value){ 0 };
	switch (part) {
	case 0:
		return (struct value){ .kind = VALUE_INT, .n = scope->since };
	case 1:
		return (struct value){ .kind = position->has_cursor ? VALUE_INT : VALUE_NONE, .n = position->cursor };
	case 2:
		return string_value(position->item);
	default:
		return string_value(position->page);
	}
}

static struct value model_value(const struct scope *scope, const struct model_row *row)
{
	const struct message *m = scope->input->message;

	switch (row->id) {
	case MODEL_FIELD:
		return string_value(*(const char *const *)((const char *)m + row->offset));
	case MODEL_PARTY:
		return (struct value){ .kind = VALUE_PARTY,
			.party = (const struct party *)(const void *)((const char *)m + row->offset) };
	case MODEL_CHANNEL:
		return string_value(channel_names[m->channel]);
	case MODEL_INVOICE:
		return string_value(m->invoice_count > 0 ? m->invoice_ids[0] : NULL);
	case MODEL_INVOICES:
		return (struct value){ .kind = VALUE_LIST, .items = m->invoice_ids,
			.count = m->invoice_count };
	case MODEL_METADATA:
		return metadata_value(scope);
	case MODEL_NOW:
		return (struct value){ .kind = VALUE_INT, .n = scope->input->now };
	case MODEL_SENT_AT:
		return (struct value){ .kind = VALUE_INT, .n = scope->input->sent_at };
	case MODEL_POLL:
		return poll_value(scope, row->offset);
	case MODEL_ITEM:
		return scope->item ? *scope->item : (struct value){ 0 };
	case MODEL_KEY:
		return string_value(scope->pair_key);
	case MODEL_VALUE:
		return string_value(scope->pair_value);
	case MODEL_REGISTERED:
		return (struct value){ .kind = VALUE_BOOL, .n = m->registered };
	case MODEL_ELECTRONIC:
		return (struct value){ .kind = VALUE_BOOL, .n = m->electronic };
	case MODEL_FILES:
	case MODEL_FILE_NAME:
	case MODEL_FILE_TYPE:
	case MODEL_FILE_DATA:
	case MODEL_PDF_NAME:
	case MODEL_PDF_DATA:
		return file_value(scope, row);
	case MODEL_REQUEST:
		return request_value(scope->request, row->offset);
	case MODEL_BODY:
		return scope->request ? (struct value){ .kind = VALUE_BYTES, .s = scope->request->body ? scope->request->body : "",
						.count = scope->request->body_len } :
					(struct value){ 0 };
	case MODEL_SIGNATURE:
		return string_value(scope->signature);
	case MODEL_TOKEN:
	case MODEL_STEP:
	case MODEL_CONFIG:
		break;
	}
	return (struct value){ 0 };
}

/* What an answer gave. In the form for records, which is made before anything is asked, its name stands for it. */
static int answered_value(const struct scope *scope, const struct reference *ref, struct value *ret, struct err *err)
{
	const struct adapter_input *input = scope->input;
	const char *value = NULL;

	if (ref->row->id == MODEL_TOKEN)
		value = input->secret ? input->token : "***";
	else if (!input->secret)
		value = ref->name;
	for (size_t i = 0; !value && ref->name && i < input->bound_count; i++) {
		if (strcmp(input->bound[i].name, ref->name) == 0)
			value = input->bound[i].value;
	}
	if (!value)
		return err_set(err, -EAGAIN, "not_bound", ref->source, "%s is not known yet", ref->source);
	*ret = string_value(value);
	return 0;
}

static const struct setting *find_setting(const struct adapter *adapter, const char *name)
{
	for (size_t i = 0; i < adapter->setting_count; i++) {
		if (strcmp(adapter->settings[i].name, name) == 0)
			return &adapter->settings[i];
	}
	return NULL;
}

const char *settings_get(const struct provider_settings *settings, const char *name)
{
	const char *value = NULL;

	for (const char *const *pairs = settings ? settings->settings : NULL; pairs && pairs[0]; pairs += 2) {
		if (strcmp(pairs[0], name) == 0)
			value = pairs[1];
	}
	return value;
}

const char *webhook_address(const struct adapter *adapter, const struct provider_settings *settings, const struct setting *setting,
	struct arena *arena)
{
	const struct hook *hook = setting->webhook ? adapter_hook(adapter, setting->webhook) : NULL;

	if (!hook || !settings || !settings->hooks_url || (hook->verify.key_count > 0 && !settings_get(settings, hook->verify.keys[0])))
		return NULL;
	return *hook->path ? arena_printf(arena, "%s/%s", settings->hooks_url, hook->path) : settings->hooks_url;
}

/* *ret NULL: not set. A secret's setting is the name of a credential; its value comes from input->secret. */
int setting_value(const struct adapter *adapter, const struct adapter_input *input, const char *name,
	const char **ret, struct err *err)
{
	const struct setting *setting = find_setting(adapter, name);
	const char *value = settings_get(input->settings, name);

	if (!value)
		value = setting ? setting->fallback : NULL;
	if (value && setting && setting->secret) {
		const char *credential = value;

		value = input->secret ? input->secret(credential, input->secret_arg) : "***";
		if (!value)
			return err_set(err, -ENOENT, "no_credential", credential,
				"there is no credential \"%s\" for the setting %s", credential,
				name);
	}
	*ret = value;
	return 0;
}

bool value_empty(const struct value *v)
{
	switch (v->kind) {
	case VALUE_NONE:
		return true;
	case VALUE_STRING:
		return !*v->s;
	case VALUE_INT:
	case VALUE_BOOL:
		return v->n == 0;
	case VALUE_LIST:
	case VALUE_PAIRS:
	case VALUE_BYTES:
	case VALUE_FILES:
		return v->count == 0;
	case VALUE_PARTY:
		return !v->party->email && !v->party->phone && !v->party->name;
	}
	return true;
}

void value_write(struct json_writer *w, const char *key, const struct value *v)
{
	switch (v->kind) {
	case VALUE_NONE:
		jw_null(w, key);
		break;
	case VALUE_STRING:
		jw_str(w, key, v->s);
		break;
	case VALUE_INT:
		jw_int(w, key, v->n);
		break;
	case VALUE_BOOL:
		jw_bool(w, key, v->n != 0);
		break;
	case VALUE_LIST:
		jw_array(w, key);
		for (size_t i = 0; i < v->count; i++)
			jw_str(w, NULL, v->items[i]);
		jw_end_array(w);
		break;
	case VALUE_PAIRS:
		jw_object(w, key);
		for (size_t i = 0; i < v->count; i++)
			jw_str(w, v->items[2 * i], v->items[2 * i + 1]);
		jw_end_object(w);
		break;
	case VALUE_PARTY:
		jw_object(w, key);
		jw_opt_str(w, "name", v->party->name);
		jw_opt_str(w, "email", v->party->email);
		jw_opt_str(w, "phone", v->party->phone);
		jw_end_object(w);
		break;
	case VALUE_BYTES: /* never alone in a tree: see check_kinds() */
	case VALUE_FILES:
		break;
	}
}

/* --- compiling -------------------------------------------------------------------------------------------------------- */

/* Only what a step before this one gives. */
static int parse_step_name(const struct adapter *adapter, const struct json *json, const char *name, struct reference *ret,
	struct err *err)
{
	for (size_t i = 0; i < adapter->step_count; i++) {
		for (size_t k = 0; k < adapter->steps[i].bind_count; k++) {
			if (strcmp(adapter->steps[i].binds[k].name, name) == 0) {
				ret->row = &model_step;
				ret->name = name;
				return 0;
			}
		}
	}
	return json_refuse(json, NULL, err, "unknown_value", "no step before this one binds \"%s\"", name);
}

/* Nobody in particular is asked for: these say nothing in a poll. */
static bool of_message(const struct model_row *row)
{
	return !row->place && row->id != MODEL_NOW && row->id != MODEL_TOKEN;
}

static unsigned carried_by(enum model_id id, const char *name)
{
	switch (id) {
	case MODEL_METADATA: /* its first pair: metadata_value() */
		return CARRIED_ID;
	case MODEL_FIELD:
		return strcmp(name, "dispatch.id") == 0 ? CARRIED_ID : 0;
	case MODEL_FILE_DATA:
		return CARRIED_FILES;
	case MODEL_PDF_DATA:
		return CARRIED_PDF;
	default:
		return 0;
	}
}

static int parse_name(const struct adapter *adapter, const struct json *json, const char *name,
	unsigned places, struct reference *ret, struct err *err)
{
	if (strncmp(name, "config.", 7) == 0) {
		const struct setting *setting = find_setting(adapter, name + 7);

		if (!setting)
			return json_refuse(json, NULL, err, "unknown_value",
				"\"%s\" is not declared under config", name);
		if (setting->secret && (places & PLACE_URL))
			return json_refuse(json, NULL, err, "secret_in_url",
				"\"%s\" is a secret and would stand in a URL", name);
		ret->row = &model_config;
		ret->name = name + 7;
		return 0;
	}
	if (strncmp(name, "steps.", 6) == 0)
		return parse_step_name(adapter, json, name + 6, ret, err);
	if (strcmp(name, "token") == 0 && ((places & PLACE_URL) || !adapter->token))
		return json_refuse(json, NULL, err, adapter->token ? "secret_in_url" : "unknown_value",
			adapter->token ? "the token is a secret and would stand in a URL" : "there is no section token");
	for (size_t i = 0; i < ARRAY_LEN(model); i++) {
		if (strcmp(model[i].name, name) != 0)
			continue;
		if ((model[i].place && !(model[i].place & places)) || ((places & PLACE_POLL) && of_message(&model[i])))
			return json_refuse(json, NULL, err, "unknown_value",
				"\"%s\" has no meaning here", name);
		if (model[i].id == MODEL_NOW && (places & PLACE_AGAIN))
			return json_refuse(json, NULL, err, "bad_value",
				"\"now\" would make another request of the one that is sent again under its key: only with idempotency \"none\"");
		if (!(places & PLACE_TEST))
			*adapter->carried |= carried_by(model[i].id, name);
		ret->row = &model[i];
		return 0;
	}
	return json_refuse(json, NULL, err, "unknown_value", "there is no value \"%s\"", name);
}

static int parse_filter(const struct adapter *adapter, const struct json *json, const char *spec,
	struct filter *ret, enum value_kind *kind, struct err *err)
{
	const char *colon = strchr(spec, ':');
	const char *name = colon ? arena_memdup(adapter->arena, spec, (size_t)(colon - spec)) : spec;
	const struct filter_row *row = filter_find(name);

	if (!row)
		return json_refuse(json, NULL, err, "unknown_filter", "there is no filter \"%s\"",
			name);
	if (!!colon != (row->arg != ARG_NONE))
		return json_refuse(json, NULL, err, "bad_filter", "the filter %s takes %s", name,
			row->arg == ARG_NONE ? "no argument" : "an argument (name:argument)");
	if (row->arg == ARG_NUMBER &&
		(strlen(colon + 1) > 6 || !colon[1] || colon[1 + strspn(colon + 1, "0123456789")]))
		return json_refuse(json, NULL, err, "bad_filter",
			"the argument of %s must be a number", name);
	if (row->arg == ARG_TABLE && !table_find(adapter, colon + 1))
		return json_refuse(json, NULL, err, "bad_filter", "there is no \"%s\" under tables", colon + 1);
	if (row->arg == ARG_CHOICE && !strchr(colon + 1, ':'))
		return json_refuse(json, NULL, err, "bad_filter", "the argument of %s must be two words (%s:a:b)", name, name);
	if (!(row->takes & KIND(*kind)))
		return json_refuse(json, NULL, err, "bad_filter",
			"the filter %s cannot be applied to such a value", name);
	ret->row = row;
	ret->arg = colon ? colon + 1 : NULL;
	*kind = row->gives;
	return 0;
}

/* Between the braces: a name and its filters. *kind is what comes out. */
static int parse_reference(const struct adapter *adapter, const struct json *json, char *inside,
	unsigned places, struct reference *ret, enum value_kind *kind, struct err *err)
{
	char *rest = inside;
	const char *name = strsep(&rest, "|");
	int r = parse_name(adapter, json, name, places, ret, err);

	if (r < 0)
		return r;
	*kind = ret->row->kind;
	ret->filters = arena_alloc(adapter->arena, FILTERS_MAX * sizeof(*ret->filters));
	while (rest) {
		if (ret->filter_count == FILTERS_MAX)
			return json_refuse(json, NULL, err, "bad_filter", "too many filters");
		r = parse_filter(adapter, json, strsep(&rest, "|"),
			&ret->filters[ret->filter_count++], kind, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int reference_parse(const struct adapter *adapter, const struct json *json, const char *name,
	unsigned places, unsigned kinds, struct reference *ret, struct err *err)
{
	enum value_kind kind;
	int r;

	*ret = (struct reference){ .source = name };
	r = parse_reference(adapter, json, arena_strdup(adapter->arena, name), places, ret, &kind, err);
	if (r == 0 && !(kinds & KIND(kind)))
		return json_refuse(json, NULL, err, "bad_value", "%s is not of the right kind here", name);
	return r;
}

bool reference_lists_files(const struct reference *ref)
{
	return ref->row->kind == VALUE_FILES;
}

/* In a URL all but a leading setting (the base) must be escaped, so that no value can change what the URL means. */
static bool escaped_for_url(const struct text *text, const struct reference *ref)
{
	const char *last = ref->filter_count > 0 ? ref->filters[ref->filter_count - 1].row->name : "";

	if (strcmp(last, "path") == 0 || strcmp(last, "query") == 0)
		return true;
	return ref == &text->parts[0].ref && ref->row == &model_config && ref->filter_count == 0;
}

static struct text_part *add_part(const struct adapter *adapter, struct text *text, size_t *capacity)
{
	text->parts = arena_grow(adapter->arena, text->parts, text->count, capacity,
		sizeof(*text->parts));
	text->parts[text->count] = (struct text_part){ 0 };
	return &text->parts[text->count++];
}

static int check_kinds(const struct json *json, unsigned places, const struct text *text,
	enum value_kind last_kind, bool all_scalar, struct err *err)
{
	bool alone = text->count == 1 && !text->parts[0].literal;

	if (all_scalar)
		return 0;
	if (alone && (places & PLACE_TREE) && (last_kind == VALUE_LIST || last_kind == VALUE_PAIRS))
		return 0;
	if (alone && (places & PLACE_SIGNED) && last_kind == VALUE_BYTES)
		return 0;
	if (last_kind == VALUE_BYTES || last_kind == VALUE_FILES)
		return json_refuse(json, NULL, err, "bad_value", "bytes cannot stand in a text: use |base64, or $file in a multipart body");
	return json_refuse(json, NULL, err, "bad_value",
		"a list, an object or a person cannot stand in a text: use |join, |json or |address");
}

int text_parse(const struct adapter *adapter, const struct json *json, unsigned places,
	struct text *ret, struct err *err)
{
	const char *p = json_str(json);
	CLEANUP(buf_clear) struct buf literal = { 0 };
	enum value_kind kind = VALUE_STRING;
	bool all_scalar = true;
	size_t capacity = 0;
	int r;

	*ret = (struct text){ 0 };
	if (json->type != JSON_STRING)
		return json_refuse(json, NULL, err, "wrong_type", "must be a string");
	while (*p) {
		const char *end;
		char *inside;

		if (*p == '}' && p[1] != '}')
			return json_refuse(json, NULL, err, "bad_template",
				"a lone \"}\" (write \"}}\" for the character)");
		if (*p != '{' || p[1] == '{') {
			buf_add_char(&literal, *p);
			p += *p == '{' || *p == '}' ? 2 : 1;
			continue;
		}
		end = strchr(p, '}');
		if (!end)
			return json_refuse(json, NULL, err, "bad_template",
				"a \"{\" without \"}\" (write \"{{\" for the character)");
		if (literal.len > 0)
			add_part(adapter, ret, &capacity)->literal =
				arena_memdup(adapter->arena, literal.data, literal.len);
		buf_reset(&literal);
		inside = arena_memdup(adapter->arena, p + 1, (size_t)(end - p - 1));
		struct text_part *part = add_part(adapter, ret, &capacity);
		part->ref.source = arena_memdup(adapter->arena, p, (size_t)(end - p + 1));
		r = parse_reference(adapter, json, inside, places, &part->ref, &kind, err);
		if (r < 0)
			return r;
		all_scalar = all_scalar && (KIND(kind) & SCALARS);
		if ((places & PLACE_URL) && !escaped_for_url(ret, &part->ref))
			return json_refuse(json, NULL, err, "not_escaped",
				"in a URL %s needs |path or |query", part->ref.source);
		p = end + 1;
	}
	if (literal.len > 0 || ret->count == 0)
		add_part(adapter, ret, &capacity)->literal =
			arena_memdup(adapter->arena, buf_str(&literal), literal.len);
	return check_kinds(json, places, ret, kind, all_scalar, err);
}

/* --- filling ------------------------------------------------------------------------------------------------------------ */

/* A country or a language is named; what may be a person's stays in the message. */
static const char *code_of(const char *text, struct arena *arena)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-";

	return strlen(text) <= 7 && !text[strspn(text, letters)] ? arena_printf(arena, "\"%s\"", text) : "the value";
}

int reference_value(const struct scope *scope, const struct reference *ref, struct value *ret,
	struct err *err)
{
	const char *before;
	int r;

	if (ref->row == &model_config) {
		const char *value = NULL;

		r = setting_value(scope->adapter, scope->input, ref->name, &value, err);
		if (r < 0)
			return r;
		if (!value)
			value = webhook_address(scope->adapter, scope->input->settings, find_setting(scope->adapter, ref->name), scope->arena);
		*ret = string_value(value);
	} else if (ref->row->id == MODEL_TOKEN || ref->row->id == MODEL_STEP) {
		r = answered_value(scope, ref, ret, err);
		if (r < 0)
			return r;
	} else {
		*ret = model_value(scope, ref->row);
	}
	for (size_t i = 0; i < ref->filter_count && ret->kind != VALUE_NONE; i++) {
		const struct filter *filter = &ref->filters[i];

		before = ret->s;
		r = filter->row->apply(scope, filter->arg, ret);
		if (r < 0 && strcmp(filter->row->name, "table") == 0)
			return err_set(err, r, "bad_value", ref->source, "%s is not among the words of $.tables.%s", code_of(before, scope->arena), filter->arg);
		if (r < 0)
			return err_set(err, r, "bad_value", ref->source,
				"the value does not suit the filter %s", filter->row->name);
	}
	return 0;
}

int text_value(const struct scope *scope, const struct text *text, struct value *ret, struct err *err)
{
	struct buf out = { .arena = scope->arena };
	struct value v;
	int r;

	if (text->count == 1 && !text->parts[0].literal) {
		r = reference_value(scope, &text->parts[0].ref, ret, err);
		if (r == 0 && ret->kind == VALUE_NONE)
			ret->s = text->parts[0].ref.source;
		return r;
	}
	for (size_t i = 0; i < text->count; i++) {
		const struct text_part *part = &text->parts[i];

		if (part->literal) {
			buf_add_str(&out, part->literal);
			continue;
		}
		r = reference_value(scope, &part->ref, &v, err);
		if (r < 0)
			return r;
		if (v.kind == VALUE_NONE) {
			*ret = (struct value){ .s = part->ref.source };
			return 0;
		}
		buf_add_str(&out, value_string(scope, &v));
	}
	*ret = string_value(buf_str(&out));
	return 0;
}

int text_string(const struct scope *scope, const struct text *text, const char **ret, struct err *err)
{
	struct value v;
	int r = text_value(scope, text, &v, err);

	if (r < 0)
		return r;
	if (v.kind == VALUE_NONE)
		return err_set(err, -EBADMSG, "missing_value", v.s, "the message has no %s", v.s);
	*ret = value_string(scope, &v);
	return 0;
}
