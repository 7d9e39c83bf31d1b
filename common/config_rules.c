/* policies.rules: which policy an invoice walks when nobody names one. */
#include <string.h>

#include "common/config_internal.h"
#include "common/money.h"

#define RULES_MAX 200
#define LIST_MAX 300 /* countries of the world, and some */
#define WORD_MAX 128
#define COUNT_MAX 1000000

static const char *const rule_members[] = { "id", "policy", "if", NULL };
static const char *const if_members[] = { "kinds", "invoice_kinds", "countries", "tags", "currency", "balance_min_minor", "balance_max_minor",
	"open_invoices_min", "open_invoices_max", "paid_min", "paid_max", "paid_late_min", "paid_late_max", "promises_broken_min",
	"promises_broken_max", "deposits_min", "deposits_max", "deposits_late_min", "deposits_late_max", NULL };

static bool kind_ok(const char *text)
{
	for (size_t i = 0; customer_kind_names[i]; i++)
		if (strcmp(customer_kind_names[i], text) == 0)
			return true;
	return false;
}

static bool invoice_kind_ok(const char *text)
{
	for (size_t i = 0; invoice_kind_names[i]; i++)
		if (strcmp(invoice_kind_names[i], text) == 0)
			return true;
	return false;
}

static bool country_ok(const char *text)
{
	return strlen(text) == 2 && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 2;
}

static bool tag_ok(const char *text)
{
	return text[0] && strlen(text) <= WORD_MAX && !strchr(text, ',');
}

static int opt_list(struct config *config, const struct json *object, const char *key, bool (*check)(const char *), const char *like,
	const char *const **ret, struct err *err)
{
	struct json array = { 0 };
	const char **list;
	int r = json_opt_array(object, key, &array, err);

	if (r < 0 || array.type == JSON_NONE)
		return r;
	if (json_len(&array) == 0 || json_len(&array) > LIST_MAX)
		return json_refuse(object, key, err, "bad_list", "must have 1 to %d items: leave it out to say nothing", LIST_MAX);
	list = arena_alloc(config->arena, (json_len(&array) + 1) * sizeof(*list));
	for (size_t i = 0; i < json_len(&array); i++) {
		struct json item = json_at(&array, i);

		list[i] = json_str(&item);
		if (!list[i] || !check(list[i]))
			return json_refuse(&item, NULL, err, "bad_item", "must be %s", like);
	}
	*ret = list;
	return 0;
}

static int opt_range(const struct json *object, const char *min, const char *max, int64_t most, struct rule_range *ret, struct err *err)
{
	int r;

	*ret = (struct rule_range){ -1, -1 };
	if ((r = json_opt_int(object, min, 0, most, &ret->min, err)) < 0 || (r = json_opt_int(object, max, 0, most, &ret->max, err)) < 0)
		return r;
	if (ret->max >= 0 && ret->min > ret->max)
		return json_refuse(object, max, err, "out_of_range", "must be at least %s", min);
	return 0;
}

static int parse_if(const struct json *object, struct config *config, struct policy_rule *rule, struct err *err)
{
	int r;

	if ((r = config_only_known(object, if_members, err)) < 0 ||
		(r = opt_list(config, object, "kinds", kind_ok, "one of company, sole_trader, consumer, public", &rule->kinds, err)) < 0 ||
		(r = opt_list(config, object, "invoice_kinds", invoice_kind_ok, "one of standard, deposit, balance, instalment",
			 &rule->invoice_kinds, err)) < 0 ||
		(r = opt_list(config, object, "countries", country_ok, "an ISO 3166 country of two capitals, such as \"FR\"", &rule->countries,
			 err)) < 0 ||
		(r = opt_list(config, object, "tags", tag_ok, "a tag of 1 to 128 characters without ','", &rule->tags, err)) < 0 ||
		(r = json_opt_str(object, "currency", 8, &rule->currency, err)) < 0 ||
		(r = opt_range(object, "balance_min_minor", "balance_max_minor", MONEY_MAX, &rule->balance, err)) < 0 ||
		(r = opt_range(object, "open_invoices_min", "open_invoices_max", COUNT_MAX, &rule->open_invoices, err)) < 0 ||
		(r = opt_range(object, "paid_min", "paid_max", COUNT_MAX, &rule->paid, err)) < 0 ||
		(r = opt_range(object, "paid_late_min", "paid_late_max", COUNT_MAX, &rule->paid_late, err)) < 0 ||
		(r = opt_range(object, "promises_broken_min", "promises_broken_max", COUNT_MAX, &rule->promises_broken, err)) < 0 ||
		(r = opt_range(object, "deposits_min", "deposits_max", COUNT_MAX, &rule->deposits, err)) < 0 ||
		(r = opt_range(object, "deposits_late_min", "deposits_late_max", COUNT_MAX, &rule->deposits_late, err)) < 0)
		return r;
	if (rule->currency && (strlen(rule->currency) != 3 || currency_exponent(rule->currency) < 0))
		return json_refuse(object, "currency", err, "unknown_currency", "must be an ISO 4217 currency in capitals, such as \"EUR\"");
	if (!rule->currency && (rule->balance.min >= 0 || rule->balance.max >= 0))
		return json_refuse(object, "currency", err, "missing", "must be there beside an amount, such as \"EUR\"");
	return 0;
}

static int parse_rule(const struct json *object, struct config *config, struct err *err)
{
	struct policy_rule *rule = &config->policy_rules[config->policy_rule_count];
	struct json conditions = { 0 };
	int r;

	if (object->type != JSON_OBJECT)
		return json_refuse(object, NULL, err, "wrong_type", "must be an object with id, policy and if");
	if ((r = config_only_known(object, rule_members, err)) < 0 || (r = json_get_str(object, "id", 64, &rule->id, err)) < 0 ||
		(r = json_get_str(object, "policy", 64, &rule->policy, err)) < 0 || (r = json_get_object(object, "if", &conditions, err)) < 0)
		return r;
	if (!config_name_ok(rule->id))
		return json_refuse(object, "id", err, "bad_name", "\"%s\" must be a name such as \"small-invoices\"", rule->id);
	if (!config_name_ok(rule->policy))
		return json_refuse(object, "policy", err, "bad_name", "\"%s\" must be a policy's name such as \"fr-b2b\"", rule->policy);
	for (size_t i = 0; i < config->policy_rule_count; i++)
		if (strcmp(config->policy_rules[i].id, rule->id) == 0)
			return json_refuse(object, "id", err, "duplicate_id", "\"%s\" is taken: every rule has its own id", rule->id);
	/* One that always matches would be asked against every other, and be no default at all. */
	if (json_len(&conditions) == 0)
		return json_refuse(object, "if", err, "bad_list", "must have at least one condition; what holds otherwise is policies.default");
	if ((r = parse_if(&conditions, config, rule, err)) < 0)
		return r;
	config->policy_rule_count++;
	return 0;
}

int config_parse_rules(const struct json *root, struct config *config, struct err *err)
{
	struct json policies = json_get(root, "policies"), array = { 0 };
	int r = json_opt_array(&policies, "rules", &array, err);

	if (r < 0)
		return r;
	if (json_len(&array) > RULES_MAX)
		return json_refuse(&policies, "rules", err, "too_many", "must be at most %d", RULES_MAX);
	config->policy_rules = arena_alloc(config->arena, (json_len(&array) + 1) * sizeof(*config->policy_rules));
	for (size_t i = 0; i < json_len(&array); i++) {
		struct json item = json_at(&array, i);

		if ((r = parse_rule(&item, config, err)) < 0)
			return r;
	}
	return 0;
}
