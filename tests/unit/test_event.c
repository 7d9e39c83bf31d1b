/* The inbound event: what is read out of a good one; reason, path and rescued ids of every bad one. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/event.h"
#include "common/file.h"
#include "common/utc.h"

/* The example of the design contract. */
static const char sample[] =
	"{\"specversion\":\"1.0\",\"id\":\"01JX9\",\"source\":\"https://billing.example/eu\",\"type\":\"invoice.finalized\","
	"\"subject\":\"invoice/inv_42\",\"time\":\"2026-03-02T09:00:00Z\","
	"\"data\":{\"invoice\":{\"id\":\"inv_42\",\"number\":\"F-2026-0042\",\"version\":1,\"kind\":\"standard\",\"status\":\"open\","
	"\"issued_on\":\"2026-03-02\",\"due_on\":\"2026-04-01\",\"currency\":\"EUR\",\"total_minor\":120000,\"paid_minor\":0,"
	"\"credited_minor\":0,\"due_minor\":120000,\"payment_url\":\"https://pay.example/x\",\"pdf_url\":\"https://billing.example/x.pdf\","
	"\"pdf_sha256\":\"ab\",\"collection\":\"send_invoice\",\"terms\":{\"net_days\":30,\"late_fee_ref\":\"CGV-7\"},"
	"\"refs\":{\"contract\":\"C-17\",\"purchase_order\":\"PO-9\"},\"tags\":[\"vip\",\"eu\"],\"policy\":\"fr-b2b\"},"
	"\"customer\":{\"id\":\"cus_7\",\"name\":\"Dupont SARL\",\"country\":\"FR\",\"kind\":\"company\",\"locale\":\"fr-FR\","
	"\"timezone\":\"Europe/Paris\",\"policy\":\"fr-b2b\",\"contacts\":[{\"id\":\"c1\",\"role\":\"billing\",\"relation\":\"internal\","
	"\"name\":\"Mme Roy\",\"email\":\"compta@dupont.example\",\"phone\":\"+33100000000\",\"locale\":\"fr\","
	"\"channels\":[\"email\",\"call\"],\"consent\":{\"sms\":true,\"voice\":true}}]}}}";

#define FACT(type, rest)                                                                                                      \
	"{\"specversion\":\"1.0\",\"id\":\"e1\",\"source\":\"s\",\"type\":\"" type "\",\"time\":\"2026-03-02T09:00:00Z\",\"data\":{" rest "}}"

/* `text` with the first `find` replaced; find NULL: `put` alone. */
static char *edited(struct arena *arena, const char *text, const char *find, const char *put)
{
	const char *at = find ? strstr(text, find) : NULL;

	if (!find)
		return arena_strdup(arena, put);
	if (!at)
		fail_msg("the sample has no %s", find);
	return arena_printf(arena, "%.*s%s%s", (int)(at - text), text, put, at + strlen(find));
}

struct row {
	const char *name, *find, *put;
	const char *code, *path; /* code NULL: accepted */
	bool nobody; /* neither invoice nor customer can be read out of it */
};

static const char long_id[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
			      "aaaaaaaaaaaaaaaaaa"; /* 129 */

/* Each line of "bad input" that an event alone can show; what needs the loaded documents stands in test_apply.c. */
static const struct row rows[] = {
	/* not JSON, or none that is taken */
	{ "not JSON", NULL, "hello", "bad_json", "$", true },
	{ "nothing", NULL, "", "bad_json", "$", true },
	{ "XML", NULL, "<event/>", "bad_json", "$", true },
	{ "an array", NULL, "[]", "wrong_type", "$", true },
	{ "a string", NULL, "\"invoice.paid\"", "wrong_type", "$", true },
	{ "null", NULL, "null", "wrong_type", "$", true },
	{ "cut short", "}]}}}", "", "bad_json", "$.data.customer.contacts[0].consent", false },
	{ "the same member twice", "\"version\":1", "\"version\":1,\"version\":2", "duplicate_key", "$.data.invoice.version", false },
	{ "NaN as an amount", "\"total_minor\":120000", "\"total_minor\":NaN", "bad_json", "$.data.invoice.total_minor", false },
	{ "1e2 as an amount", "\"total_minor\":120000", "\"total_minor\":1e2", "not_integer", "$.data.invoice.total_minor", false },
	{ "a fraction as an amount", "\"total_minor\":120000", "\"total_minor\":1200.00", "not_integer",
		"$.data.invoice.total_minor", false },
	{ "\"100\" as an amount", "\"total_minor\":120000", "\"total_minor\":\"100\"", "wrong_type",
		"$.data.invoice.total_minor", false },
	{ "2^64 as an amount", "\"total_minor\":120000", "\"total_minor\":18446744073709551616", "out_of_range",
		"$.data.invoice.total_minor", false },
	{ "2^63 as an amount", "\"total_minor\":120000", "\"total_minor\":9223372036854775808", "out_of_range",
		"$.data.invoice.total_minor", false },
	{ "bad UTF-8 in a name", "Dupont", "Dup\xf4nt", "bad_utf8", "$.data.customer.name", false },
	{ "a lone surrogate in a name", "Dupont", "\\ud83d", "bad_utf8", "$.data.customer.name", false },
	{ "U+0000 in a name", "Dupont", "\\u0000", "bad_json", "$.data.customer.name", false },
	{ "a raw newline in a name", "Dupont", "\n", "bad_json", "$.data.customer.name", false },
	/* the envelope */
	{ "no specversion", "\"specversion\":\"1.0\",", "", "missing", "$.specversion", false },
	{ "specversion 0.3", "\"1.0\"", "\"0.3\"", "not_one_of", "$.specversion", false },
	{ "specversion as a number", "\"1.0\"", "1", "wrong_type", "$.specversion", false },
	{ "no id", "\"id\":\"01JX9\",", "", "missing", "$.id", false },
	{ "an empty id", "\"01JX9\"", "\"\"", "missing", "$.id", false },
	{ "an id that is a number", "\"01JX9\"", "7", "wrong_type", "$.id", false },
	{ "no source", "\"source\":\"https://billing.example/eu\",", "", "missing", "$.source", false },
	{ "an empty source", "\"https://billing.example/eu\"", "\"\"", "missing", "$.source", false },
	{ "no type", "\"type\":\"invoice.finalized\",", "", "missing", "$.type", false },
	{ "a type that is an object", "\"invoice.finalized\"", "{}", "wrong_type", "$.type", false },
	{ "an unknown type", "invoice.finalized", "invoice.finalised", "unknown_type", "$.type", false },
	{ "a type in capitals", "invoice.finalized", "Invoice.Finalized", "unknown_type", "$.type", false },
	{ "another prefix", "invoice.finalized", "org.example.invoice.finalized", "unknown_type", "$.type", false },
	{ "no time", "\"time\":\"2026-03-02T09:00:00Z\",", "", "missing", "$.time", false },
	{ "time null", "\"2026-03-02T09:00:00Z\"", "null", "missing", "$.time", false },
	{ "time as a number", "\"2026-03-02T09:00:00Z\"", "1772442000", "wrong_type", "$.time", false },
	{ "time without a zone", "09:00:00Z", "09:00:00", "bad_time", "$.time", false },
	{ "a time that does not exist", "2026-03-02T", "2026-02-30T", "bad_time", "$.time", false },
	{ "a subject that is none", "\"invoice/inv_42\"", "[]", "wrong_type", "$.subject", false },
	{ "no data", "\"data\":", "\"date\":", "missing", "$.data", false },
	{ "data as a string", NULL, "{\"specversion\":\"1.0\",\"id\":\"e\",\"source\":\"s\",\"type\":\"invoice.paid\","
		"\"time\":\"2026-03-02T09:00:00Z\",\"data\":\"invoice_id\"}", "wrong_type", "$.data", true },
	/* ids */
	{ "no invoice", "\"invoice\":{", "\"bill\":{", "missing", "$.data.invoice", false },
	{ "an invoice that is its id", NULL, FACT("invoice.paid", "\"invoice\":\"inv_1\",\"customer_id\":\"cus_7\""), "wrong_type",
		"$.data.invoice", false },
	{ "an invoice without id", "\"id\":\"inv_42\",", "", "missing", "$.data.invoice.id", false },
	{ "an id with a blank", "\"inv_42\"", "\"inv 42\"", "bad_id", "$.data.invoice.id", false },
	{ "an id with an accent", "\"inv_42\"", "\"inv\\u00e9\"", "bad_id", "$.data.invoice.id", false },
	{ "an id with a brace", "\"inv_42\"", "\"{inv}\"", "bad_id", "$.data.invoice.id", false },
	{ "an id with a tilde, as the system's case", "\"cus_7\"", "\"~system\"", "bad_id", "$.data.customer.id", false },
	{ "an empty invoice id", "\"inv_42\"", "\"\"", "bad_id", "$.data.invoice.id", false },
	{ "an id of 129", "\"id\":\"inv_42\",", NULL /* long_id */, "bad_id", "$.data.invoice.id", false },
	{ "an id that is a number, with figures", "\"inv_42\"", "42", "wrong_type", "$.data.invoice.id", false },
	{ "a flat id with a newline", NULL, FACT("invoice.paid", "\"invoice_id\":\"a\\nb\""), "bad_id", "$.data.invoice_id", true },
	{ "no customer", "\"customer\":{", "\"debtor\":{", "missing", "$.data.customer", false },
	{ "a customer without id", "\"id\":\"cus_7\",", "", "missing", "$.data.customer.id", false },
	{ "a contact's id with a blank", "\"c1\"", "\"c 1\"", "bad_id", "$.data.customer.contacts[0].id", false },
	{ "a role with a blank", "\"billing\"", "\"the boss\"", "bad_id", "$.data.customer.contacts[0].role", false },
	{ "a policy with a blank", "\"fr-b2b\"", "\"fr b2b\"", "bad_id", "$.data.invoice.policy", false },
	{ "a payment id with a blank", NULL, FACT("invoice.payment_received", "\"invoice_id\":\"i\",\"payment_id\":\"p 1\",\"amount_minor\":1"),
		"bad_id", "$.data.payment_id", false },
	/* figures */
	{ "an unknown currency", "\"EUR\"", "\"EUX\"", "unknown_currency", "$.data.invoice.currency", false },
	{ "a fund's code", "\"EUR\"", "\"CHW\"", "unknown_currency", "$.data.invoice.currency", false },
	{ "gold", "\"EUR\"", "\"XAU\"", "unknown_currency", "$.data.invoice.currency", false },
	{ "the euro's name", "\"EUR\"", "\"EURO\"", "unknown_currency", "$.data.invoice.currency", false },
	{ "one letter", "\"EUR\"", "\"E\"", "unknown_currency", "$.data.invoice.currency", false },
	{ "an empty currency", "\"EUR\"", "\"\"", "unknown_currency", "$.data.invoice.currency", false },
	{ "no currency", "\"currency\":\"EUR\",", "", "missing", "$.data.invoice.currency", false },
	{ "a currency by number", "\"EUR\"", "978", "wrong_type", "$.data.invoice.currency", false },
	{ "a small currency", "\"EUR\"", "\"eur\"", NULL, NULL, false },
	{ "a sum that does not add up", "\"due_minor\":120000", "\"due_minor\":119999", "sum_mismatch", "$.data.invoice.due_minor", false },
	{ "paid forgotten in the sum", "\"paid_minor\":0", "\"paid_minor\":1", "sum_mismatch", "$.data.invoice.due_minor", false },
	{ "a credit forgotten in the sum", "\"credited_minor\":0", "\"credited_minor\":1", "sum_mismatch", "$.data.invoice.due_minor",
		false },
	{ "a negative total", "\"total_minor\":120000", "\"total_minor\":-1", "out_of_range", "$.data.invoice.total_minor", false },
	{ "a negative payment", "\"paid_minor\":0", "\"paid_minor\":-1", "out_of_range", "$.data.invoice.paid_minor", false },
	{ "a negative credit", "\"credited_minor\":0", "\"credited_minor\":-5", "out_of_range", "$.data.invoice.credited_minor", false },
	{ "a total beyond all reason", "\"total_minor\":120000", "\"total_minor\":100000000000001", "out_of_range",
		"$.data.invoice.total_minor", false },
	{ "a due sum beyond all reason", "\"due_minor\":120000", "\"due_minor\":-100000000000001", "out_of_range",
		"$.data.invoice.due_minor", false },
	{ "no total", "\"total_minor\":120000,", "", "missing", "$.data.invoice.total_minor", false },
	{ "no due sum", "\"due_minor\":120000,", "", "missing", "$.data.invoice.due_minor", false },
	{ "a total that is true", "\"total_minor\":120000", "\"total_minor\":true", "wrong_type", "$.data.invoice.total_minor", false },
	{ "a payment without an amount", NULL, FACT("invoice.payment_received", "\"invoice_id\":\"i\""), "missing", "$.data.amount_minor",
		false },
	{ "a payment of less than nothing", NULL, FACT("invoice.payment_received", "\"invoice_id\":\"i\",\"amount_minor\":-1"),
		"out_of_range", "$.data.amount_minor", false },
	{ "a payment of \"100\"", NULL, FACT("invoice.payment_received", "\"invoice_id\":\"i\",\"amount_minor\":\"100\""),
		"wrong_type", "$.data.amount_minor", false },
	{ "a payment of 1e2", NULL, FACT("invoice.payment_received", "\"invoice_id\":\"i\",\"amount_minor\":1e2"), "not_integer",
		"$.data.amount_minor", false },
	{ "a payment of 2^64", NULL, FACT("invoice.payment_received", "\"invoice_id\":\"i\",\"amount_minor\":18446744073709551616"),
		"out_of_range", "$.data.amount_minor", false },
	{ "a payment over 10^14", NULL, FACT("invoice.payment_received", "\"invoice_id\":\"i\",\"amount_minor\":100000000000001"),
		"out_of_range", "$.data.amount_minor", false },
	{ "a credit note without an amount", NULL, FACT("credit_note.issued", "\"invoice_id\":\"i\""), "missing", "$.data.amount_minor",
		false },
	/* words, dates and the rest of the invoice */
	{ "version 0", "\"version\":1", "\"version\":0", "out_of_range", "$.data.invoice.version", false },
	{ "a version in quotes", "\"version\":1", "\"version\":\"1\"", "wrong_type", "$.data.invoice.version", false },
	{ "a version over 2^53", "\"version\":1", "\"version\":9007199254740992", "out_of_range", "$.data.invoice.version", false },
	{ "an unknown kind", "\"standard\"", "\"proforma\"", "not_one_of", "$.data.invoice.kind", false },
	{ "an unknown status", "\"open\"", "\"overdue\"", "not_one_of", "$.data.invoice.status", false },
	{ "an unknown collection", "\"send_invoice\"", "\"sepa\"", "not_one_of", "$.data.invoice.collection", false },
	{ "no due date", "\"due_on\":\"2026-04-01\",", "", "missing", "$.data.invoice.due_on", false },
	{ "the 31st of April", "2026-04-01", "2026-04-31", "bad_date", "$.data.invoice.due_on", false },
	{ "a date of the wrong order", "2026-04-01", "01-04-2026", "bad_date", "$.data.invoice.due_on", false },
	{ "a date with a time", "\"2026-04-01\"", "\"2026-04-01T00:00:00Z\"", "too_long", "$.data.invoice.due_on", false },
	{ "a date as a number", "\"2026-04-01\"", "20260401", "wrong_type", "$.data.invoice.due_on", false },
	{ "an issue date that is none", "\"issued_on\":\"2026-03-02\"", "\"issued_on\":\"yesterday\"", "bad_date",
		"$.data.invoice.issued_on", false },
	{ "a link over http", "https://pay.", "http://pay.", "bad_url", "$.data.invoice.payment_url", false },
	{ "a link of script", "https://pay.example/x", "javascript:alert(1)", "bad_url", "$.data.invoice.payment_url", false },
	{ "a link with a quote", "pay.example/x", "pay.example/\\\">", "bad_url", "$.data.invoice.payment_url", false },
	{ "a link with a newline", "pay.example/x", "pay.example/\\r\\nX: y", "bad_url", "$.data.invoice.payment_url", false },
	{ "terms that are a string", "{\"net_days\":30,\"late_fee_ref\":\"CGV-7\"}", "\"30 days\"", "wrong_type", "$.data.invoice.terms", false },
	{ "a reference that is a number", "\"CGV-7\"", "7", "wrong_type", "$.data.invoice.terms.late_fee_ref", false },
	{ "a digest of the terms that is none", "\"CGV-7\"", "\"CGV-7\",\"sha256\":\"AB\"", "bad_digest", "$.data.invoice.terms.sha256", false },
	{ "terms over http", "\"CGV-7\"", "\"CGV-7\",\"url\":\"http://x.example\"", "bad_url", "$.data.invoice.terms.url", false },
	{ "work that starts on no day", "\"issued_on\":\"2026-03-02\"", "\"starts_on\":\"2026-02-30\"", "bad_date", "$.data.invoice.starts_on", false },
	{ "terms agreed on no day", "\"CGV-7\"", "\"CGV-7\",\"agreed_on\":\"2026-02-30\"", "bad_date", "$.data.invoice.terms.agreed_on", false },
	{ "tags that are a string", "[\"vip\",\"eu\"]", "\"vip\"", "wrong_type", "$.data.invoice.tags", false },
	{ "a tag that is a number", "\"vip\"", "1", "wrong_type", "$.data.invoice.tags", false },
	{ "a tag with a comma", "\"vip\"", "\"a,b\"", "wrong_type", "$.data.invoice.tags", false },
	{ "a digest too long", "\"ab\"", "\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff0\"", "too_long",
		"$.data.invoice.pdf_sha256", false },
	/* the customer */
	{ "an unknown zone", "Europe/Paris", "Europe/Lutetia", "unknown_zone", "$.data.customer.timezone", false },
	{ "an offset as a zone", "Europe/Paris", "+01:00", "unknown_zone", "$.data.customer.timezone", false },
	{ "an empty zone", "\"Europe/Paris\"", "\"\"", "unknown_zone", "$.data.customer.timezone", false },
	{ "a zone that is a number", "\"Europe/Paris\"", "1", "wrong_type", "$.data.customer.timezone", false },
	{ "an unknown country", "\"FR\"", "\"fr\"", "unknown_country", "$.data.customer.country", false },
	{ "a country in three letters", "\"FR\"", "\"FRA\"", "too_long", "$.data.customer.country", false },
	{ "a country in one letter", "\"FR\"", "\"F\"", "unknown_country", "$.data.customer.country", false },
	{ "a postal address without a city", "\"company\"", "\"company\",\"postal\":{\"line1\":\"x\"}", "bad_address", "$.data.customer.postal", false },
	{ "one with a line break", "\"company\"", "\"company\",\"postal\":{\"line1\":\"x\\ny\",\"city\":\"Lyon\"}", "control_character",
		"$.data.customer.postal", false },
	{ "one that is text", "\"company\"", "\"company\",\"postal\":\"3, rue X\"", "wrong_type", "$.data.customer.postal", false },
	{ "an unknown customer kind", "\"company\"", "\"friend\"", "not_one_of", "$.data.customer.kind", false },
	{ "an unknown locale", "\"fr-FR\"", "\"q!\"", "unknown_locale", "$.data.customer.locale", false },
	{ "a contact's unknown locale", "\"locale\":\"fr\"", "\"locale\":\"12\"", "unknown_locale", "$.data.customer.contacts[0].locale", false },
	{ "contacts that are an object", NULL, FACT("customer.updated", "\"customer\":{\"id\":\"cus_7\",\"contacts\":{}}"), "wrong_type",
		"$.data.customer.contacts", false },
	{ "a contact that is a string", NULL, FACT("customer.updated", "\"customer\":{\"id\":\"cus_7\",\"contacts\":[\"a@b.example\"]}"),
		"wrong_type", "$.data.customer.contacts", false },
	{ "no contact for any step", "\"email\":\"compta@dupont.example\",\"phone\":\"+33100000000\",", "", "no_contact",
		"$.data.customer.contacts", false },
	{ "no contacts at all", ",\"contacts\":[", ",\"kontakte\":[", "no_contact", "$.data.customer.contacts", false },
	{ "a phone alone", "\"email\":\"compta@dupont.example\",", "", NULL, NULL, false },
	{ "an address alone", "\"phone\":\"+33100000000\",", "", NULL, NULL, false },
	{ "a customer by its id alone", NULL, FACT("invoice.finalized", "\"invoice\":{\"id\":\"i\",\"due_on\":\"2026-04-01\",\"currency\":\"EUR\","
		"\"total_minor\":1,\"due_minor\":1},\"customer_id\":\"cus_7\""), NULL, NULL, false },
	{ "an address without @", "compta@dupont.example", "compta", "bad_email", "$.data.customer.contacts[0].email", false },
	{ "two addresses", "compta@dupont.example", "a@b.example,c@d.example", "bad_email", "$.data.customer.contacts[0].email", false },
	{ "an address with a newline", "compta@dupont.example", "a@b.example\\r\\nBcc: x", "bad_email",
		"$.data.customer.contacts[0].email", false },
	{ "an address with a tab's neighbour", "compta@dupont.example", "a\\u0001@b.example", "bad_email",
		"$.data.customer.contacts[0].email", false },
	{ "an address without a host", "compta@dupont.example", "a@", "bad_email", "$.data.customer.contacts[0].email", false },
	{ "an address with two @", "compta@dupont.example", "a@b@c", "bad_email", "$.data.customer.contacts[0].email", false },
	{ "a phone without plus", "+33100000000", "0033100000000", "bad_phone", "$.data.customer.contacts[0].phone", false },
	{ "a phone with blanks", "+33100000000", "+33 1 00 00 00", "bad_phone", "$.data.customer.contacts[0].phone", false },
	{ "a phone of 16 digits", "+33100000000", "+1234567890123456", "too_long", "$.data.customer.contacts[0].phone", false },
	{ "a country code that begins with 0", "+33100000000", "+0033100000", "bad_phone", "$.data.customer.contacts[0].phone", false },
	{ "an unknown relation", "\"internal\"", "\"cousin\"", "not_one_of", "$.data.customer.contacts[0].relation", false },
	{ "an unknown channel", "[\"email\",\"call\"]", "[\"email\",\"fax\"]", "not_one_of", "$.data.customer.contacts[0].channels", false },
	{ "a channel that is a number", "[\"email\",\"call\"]", "[1]", "not_one_of", "$.data.customer.contacts[0].channels", false },
	{ "channels that are a word", "[\"email\",\"call\"]", "\"email\"", "wrong_type", "$.data.customer.contacts[0].channels", false },
	{ "another consent in words", "\"voice\":true", "\"voice\":1", "wrong_type", "$.data.customer.contacts[0].consent.voice", false },
	{ "consent in words", "\"sms\":true", "\"sms\":\"yes\"", "wrong_type", "$.data.customer.contacts[0].consent.sms", false },
	/* facts */
	{ "a promise without a date", NULL, FACT("promise.made", "\"invoice_id\":\"i\",\"promise_id\":\"p\""), "missing", "$.data.until_on", false },
	{ "a promise for no day", NULL, FACT("promise.made", "\"invoice_id\":\"i\",\"until_on\":\"soon\""), "bad_date", "$.data.until_on", false },
	{ "paid at no time", NULL, FACT("invoice.payment_received", "\"invoice_id\":\"i\",\"amount_minor\":1,\"paid_at\":\"2026-03-02\""),
		"bad_time", "$.data.paid_at", false },
	{ "after version 0", NULL, FACT("invoice.payment_received", "\"invoice_id\":\"i\",\"amount_minor\":1,\"after_version\":0"),
		"out_of_range", "$.data.after_version", false },
	{ "a pause until no time", NULL, FACT("customer.paused", "\"customer_id\":\"cus_7\",\"until\":\"May\""), "bad_time", "$.data.until", false },
	{ "opted out of no channel", NULL, FACT("customer.opted_out", "\"customer_id\":\"cus_7\",\"channel\":\"fax\""), "not_one_of",
		"$.data.channel", false },
	{ "a reason that is a list", NULL, FACT("dispute.opened", "\"invoice_id\":\"i\",\"reason\":[]"), "wrong_type", "$.data.reason", false },
	{ "a watermark without its time", NULL, FACT("ledger.watermark", "\"ledger\":\"bank\""), "missing", "$.data.complete_until", true },
	{ "a watermark at no time", NULL, FACT("ledger.watermark", "\"complete_until\":\"noon\""), "bad_time", "$.data.complete_until", true },
	{ "a command without a name", NULL, FACT("operator.command", "\"who\":\"a\",\"why\":\"b\""), "missing", "$.data.command", true },
	{ "a command of nobody", NULL, FACT("operator.command", "\"command\":\"hold\",\"why\":\"b\""), "missing", "$.data.who", true },
	{ "a command for no reason", NULL, FACT("operator.command", "\"command\":\"hold\",\"who\":\"a\""), "missing", "$.data.why", true },
	{ "a pause of nobody", NULL, FACT("customer.paused", "\"reason\":\"x\""), "missing", "$.data.customer", true },
	{ "a payment for nothing", NULL, FACT("invoice.payment_received", "\"amount_minor\":1"), "missing", "$.data.invoice", true },
	{ "figures by an id alone", NULL, FACT("invoice.updated", "\"invoice_id\":\"inv_1\""), "missing", "$.data.invoice", false },
	/* taken */
	{ "the sample", "inv_42", "inv_42", NULL, NULL, false },
	{ "unknown members anywhere", "\"specversion\"", "\"traceparent\":\"00-1-2-3\",\"datacontenttype\":\"application/json\",\"x\":{\"y\":[null]},"
		"\"specversion\"", NULL, NULL, false },
	{ "null for what may be absent", "\"kind\":\"standard\"", "\"kind\":null", NULL, NULL, false },
	{ "an id of 128", "\"id\":\"inv_42\",", NULL /* long_id, one less */, NULL, NULL, false },
	{ "an id of every kind of character", "\"inv_42\"", "\"A.z_0:/@+=-9\"", NULL, NULL, false },
	{ "10^14 minor units", "\"total_minor\":120000,\"paid_minor\":0,\"credited_minor\":0,\"due_minor\":120000",
		"\"total_minor\":100000000000000,\"due_minor\":100000000000000", NULL, NULL, false },
	{ "more paid than owed", "\"paid_minor\":0,\"credited_minor\":0,\"due_minor\":120000", "\"paid_minor\":120001,\"due_minor\":-1", NULL,
		NULL, false },
	{ "a currency without decimals", "\"EUR\"", "\"JPY\"", NULL, NULL, false },
};

static void row_holds(void **state)
{
	const struct row *row = *state;
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	const char *put = row->put ? row->put : arena_printf(arena, "\"id\":\"%s\",", row->code ? long_id : long_id + 1);
	const char *text = edited(arena, sample, row->find, put);
	struct err err = { 0 };
	struct event e;
	int r = event_parse(arena, text, strlen(text), NULL, &e, &err);

	if (!row->code) {
		if (r < 0)
			fail_msg("%s %s: %s", err.code, err.path, err.text);
		return;
	}
	assert_int_equal(r, -EBADMSG);
	assert_string_equal(err.code, row->code);
	assert_string_equal(err.path, row->path);
	assert_true(strlen(err.text) > 5);
	assert_int_equal(e.invoice_id || e.customer_id, !row->nobody);
	assert_true(!e.invoice_id || id_valid(e.invoice_id));
	assert_true(!e.customer_id || id_valid(e.customer_id));
	assert_int_equal(event_parse(arena, text, strlen(text), NULL, &e, NULL), -EBADMSG);
}

/* --- limits ---------------------------------------------------------------------------------------------------------- */

static void a_quarter_of_a_mebibyte(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct err err = { 0 };
	struct event e;

	(void)state;
	buf_add_str(&text, edited(arena, sample, "{\"specversion\"", "{\"padding\":\""));
	text.len = strlen("{\"padding\":\"");
	while (text.len < JSON_EVENT_MAX - (sizeof(sample) - 1) - 2 + 1)
		buf_add_char(&text, 'x');
	buf_add_str(&text, "\",");
	buf_add_str(&text, sample + 1);
	assert_int_equal(text.len, JSON_EVENT_MAX);
	assert_int_equal(event_parse(arena, text.data, text.len, NULL, &e, &err), 0);
	buf_add_char(&text, ' '); /* 256 KiB + 1: still the same JSON, and still it names whom it concerns */
	assert_int_equal(event_parse(arena, text.data, text.len, NULL, &e, &err), -EBADMSG);
	assert_string_equal(err.code, "too_large");
	assert_string_equal(err.path, "$");
	assert_string_equal(e.invoice_id, "inv_42");
	assert_string_equal(e.customer_id, "cus_7");
}

static void depth_33(void **state)
{
	(void)state;
	for (int depth = 32; depth <= 33; depth++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		CLEANUP(buf_clear) struct buf deep = { 0 };
		struct err err = { 0 };
		struct event e;
		char *text;

		for (int i = 3; i <= depth; i++) /* the member of `invoice` stands at level 3 */
			buf_add_str(&deep, i == 3 ? "\"refs\":" : "[");
		buf_add_char(&deep, '[');
		for (int i = 3; i <= depth; i++)
			buf_add_char(&deep, ']');
		buf_add_str(&deep, ",\"number\"");
		text = edited(arena, edited(arena, sample, "\"refs\"", "\"r\""), "\"number\"", deep.data);
		if (depth == 32) {
			deep.len = 0;
			text = edited(arena, text, "[[", "[");
			text = edited(arena, text, "]]", "]");
		}
		assert_int_equal(event_parse(arena, text, strlen(text), NULL, &e, &err), depth == 32 ? 0 : -EBADMSG);
		if (depth == 33) {
			assert_string_equal(err.code, "too_deep");
			assert_memory_equal(err.path, "$.data.invoice.refs[0][0]", 25);
			assert_string_equal(e.invoice_id, "inv_42");
		}
	}
}

static void fifty_contacts(void **state)
{
	(void)state;
	for (int count = 50; count <= 51; count++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		CLEANUP(buf_clear) struct buf text = { 0 };
		struct err err = { 0 };
		struct event e;

		buf_add_str(&text, "\"customer\":{\"id\":\"cus_7\",\"contacts\":[");
		for (int i = 0; i < count; i++)
			buf_printf(&text, "%s{\"id\":\"c%d\"}", i ? "," : "", i);
		buf_add_str(&text, "]}");
		char *whole = edited(arena, FACT("customer.updated", "HERE"), "HERE", text.data);

		assert_int_equal(event_parse(arena, whole, strlen(whole), NULL, &e, &err), count == 50 ? 0 : -EBADMSG);
		if (count == 51)
			assert_string_equal(err.path, "$.data.customer.contacts");
	}
}

/* --- good events -------------------------------------------------------------------------------------------------------- */

static void the_sample_is_read(void **state)
{
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct event e;
	struct err err = { 0 };
	char text[UTC_TEXT_SIZE], day[DATE_TEXT_SIZE];
	const struct contact *c;

	(void)state;
	assert_int_equal(event_parse(arena, sample, sizeof(sample) - 1, "", &e, &err), 0);
	assert_int_equal(e.type, EVENT_INVOICE_FINALIZED);
	assert_string_equal(e.id, "01JX9");
	assert_string_equal(e.source, "https://billing.example/eu");
	assert_string_equal(e.subject, "invoice/inv_42");
	assert_string_equal(utc_format(e.time, text), "2026-03-02T09:00:00Z");
	assert_int_equal(e.order.version, 1);
	assert_true(e.order.time == e.time);
	assert_string_equal(e.order.source, e.source);
	assert_string_equal(e.order.id, e.id);
	assert_string_equal(e.invoice_id, "inv_42");
	assert_string_equal(e.customer_id, "cus_7");
	assert_true(e.has_snapshot && e.has_customer);
	assert_string_equal(e.snapshot.number, "F-2026-0042");
	assert_string_equal(e.snapshot.payment_url, "https://pay.example/x");
	assert_string_equal(e.snapshot.pdf_url, "https://billing.example/x.pdf");
	assert_string_equal(e.snapshot.pdf_sha256, "ab");
	assert_string_equal(e.snapshot.policy, "fr-b2b");
	assert_string_equal(e.snapshot.late_fee_ref, "CGV-7");
	assert_string_equal(e.snapshot.tags, "vip,eu");
	assert_int_equal(e.snapshot.kind, 0);
	assert_int_equal(e.snapshot.status, INVOICE_OPEN);
	assert_false(e.snapshot.automatic);
	assert_string_equal(e.snapshot.currency, "EUR");
	assert_string_equal(date_format(e.snapshot.issued_on, day), "2026-03-02");
	assert_string_equal(date_format(e.snapshot.due_on, day), "2026-04-01");
	assert_true(e.snapshot.total == 120000 && e.snapshot.due == 120000 && !e.snapshot.paid && !e.snapshot.credited);
	assert_string_equal(e.customer.name, "Dupont SARL");
	assert_string_equal(e.customer.country, "FR");
	assert_string_equal(e.customer.locale, "fr-FR");
	assert_string_equal(e.customer.timezone, "Europe/Paris");
	assert_string_equal(e.customer.policy, "fr-b2b");
	assert_int_equal(e.customer.kind, 0);
	assert_int_equal(e.customer.contact_count, 1);
	c = e.customer.contacts;
	assert_string_equal(c->id, "c1");
	assert_string_equal(c->role, "billing");
	assert_string_equal(c->name, "Mme Roy");
	assert_string_equal(c->email, "compta@dupont.example");
	assert_string_equal(c->phone, "+33100000000");
	assert_string_equal(c->locale, "fr");
	assert_int_equal(c->channels, 1u << CHANNEL_EMAIL | 1u << CHANNEL_CALL);
	assert_true(c->sms_consent && c->voice_consent && !c->external);
	assert_int_equal(e.channel, CHANNEL_COUNT);
	assert_false(date_is_set(e.until_on));
	assert_true(e.at == e.time);
	assert_null(e.fact_id);
	assert_int_equal(e.data.type, JSON_OBJECT);
}

/* One event of every type, the least that it needs. */
static const struct {
	enum event_type type;
	const char *text;
	const char *fact_id;
} least[] = {
	{ EVENT_INVOICE_FINALIZED, FACT("invoice.finalized", "\"invoice\":{\"id\":\"i\",\"due_on\":\"2026-04-01\",\"currency\":\"EUR\","
		"\"total_minor\":1,\"due_minor\":1},\"customer\":{\"id\":\"c\"}"), NULL },
	{ EVENT_INVOICE_SENT, FACT("invoice.sent", "\"invoice_id\":\"i\""), NULL },
	{ EVENT_INVOICE_DELIVERY_FAILED, FACT("invoice.delivery_failed", "\"invoice_id\":\"i\""), NULL },
	{ EVENT_INVOICE_UPDATED, FACT("invoice.updated", "\"invoice\":{\"id\":\"i\",\"due_on\":\"2026-04-01\",\"currency\":\"EUR\","
		"\"total_minor\":1,\"due_minor\":1}"), NULL },
	{ EVENT_INVOICE_VIEWED, FACT("invoice.viewed", "\"invoice_id\":\"i\""), NULL },
	{ EVENT_INVOICE_PAID, FACT("invoice.paid", "\"invoice_id\":\"i\""), NULL },
	{ EVENT_INVOICE_PAYMENT_RECEIVED, FACT("invoice.payment_received", "\"invoice_id\":\"i\",\"payment_id\":\"f\",\"amount_minor\":5"), "f" },
	{ EVENT_INVOICE_PAYMENT_ANNOUNCED, FACT("invoice.payment_announced", "\"invoice_id\":\"i\",\"announcement_id\":\"f\""), "f" },
	{ EVENT_INVOICE_PAYMENT_FAILED, FACT("invoice.payment_failed", "\"invoice_id\":\"i\",\"payment_id\":\"f\""), "f" },
	{ EVENT_INVOICE_PAYMENT_REVERSED, FACT("invoice.payment_reversed", "\"invoice_id\":\"i\",\"payment_id\":\"f\""), "f" },
	{ EVENT_INVOICE_VOIDED, FACT("invoice.voided", "\"invoice_id\":\"i\""), NULL },
	{ EVENT_INVOICE_MARKED_UNCOLLECTIBLE, FACT("invoice.marked_uncollectible", "\"invoice_id\":\"i\""), NULL },
	{ EVENT_CREDIT_NOTE_ISSUED, FACT("credit_note.issued", "\"invoice_id\":\"i\",\"credit_note_id\":\"f\",\"amount_minor\":5"), "f" },
	{ EVENT_CREDIT_NOTE_VOIDED, FACT("credit_note.voided", "\"invoice_id\":\"i\",\"credit_note_id\":\"f\""), "f" },
	{ EVENT_DISPUTE_OPENED, FACT("dispute.opened", "\"invoice_id\":\"i\",\"dispute_id\":\"f\""), "f" },
	{ EVENT_DISPUTE_RESOLVED, FACT("dispute.resolved", "\"invoice_id\":\"i\",\"dispute_id\":\"f\""), "f" },
	{ EVENT_PROMISE_MADE, FACT("promise.made", "\"invoice_id\":\"i\",\"promise_id\":\"f\",\"until_on\":\"2026-05-01\""), "f" },
	{ EVENT_PROMISE_WITHDRAWN, FACT("promise.withdrawn", "\"invoice_id\":\"i\",\"promise_id\":\"f\""), "f" },
	{ EVENT_PAYMENT_PLAN_AGREED, FACT("payment_plan.agreed", "\"invoice_id\":\"i\",\"plan_id\":\"f\""), "f" },
	{ EVENT_PAYMENT_PLAN_AMENDED, FACT("payment_plan.amended", "\"invoice_id\":\"i\",\"plan_id\":\"f\""), "f" },
	{ EVENT_PAYMENT_PLAN_CANCELLED, FACT("payment_plan.cancelled", "\"invoice_id\":\"i\",\"plan_id\":\"f\""), "f" },
	{ EVENT_FEE_WAIVED, FACT("fee.waived", "\"invoice_id\":\"i\""), NULL },
	{ EVENT_SETTLEMENT_AGREED, FACT("settlement.agreed", "\"invoice_id\":\"i\",\"settlement_id\":\"f\""), "f" },
	{ EVENT_CUSTOMER_UPDATED, FACT("customer.updated", "\"customer\":{\"id\":\"c\",\"name\":\"N\"}"), NULL },
	{ EVENT_CUSTOMER_PAUSED, FACT("customer.paused", "\"customer_id\":\"c\",\"until\":\"2026-05-01T00:00:00+02:00\""), NULL },
	{ EVENT_CUSTOMER_RESUMED, FACT("customer.resumed", "\"customer_id\":\"c\""), NULL },
	{ EVENT_CUSTOMER_OPTED_OUT, FACT("customer.opted_out", "\"customer_id\":\"c\",\"channel\":\"sms\""), NULL },
	{ EVENT_CUSTOMER_INSOLVENCY_OPENED, FACT("customer.insolvency_opened", "\"customer_id\":\"c\""), NULL },
	{ EVENT_CUSTOMER_INSOLVENCY_ENDED, FACT("customer.insolvency_ended", "\"customer_id\":\"c\",\"who\":\"anna\",\"why\":\"another firm\""), NULL },
	{ EVENT_CONTACT_REPLY_RECEIVED, FACT("contact.reply_received", "\"customer_id\":\"c\",\"reply_id\":\"f\",\"text\":\"hello\""), "f" },
	{ EVENT_CONTACT_DELIVERY_UPDATED, FACT("contact.delivery_updated", ""), NULL },
	{ EVENT_CALL_COMPLETED, FACT("call.completed", "\"call_id\":\"f\""), "f" },
	{ EVENT_LETTER_STATUS_UPDATED, FACT("letter.status_updated", ""), NULL },
	{ EVENT_LEDGER_WATERMARK, FACT("ledger.watermark", "\"complete_until\":\"2026-03-01T23:00:00Z\""), NULL },
	{ EVENT_BOOK_SNAPSHOT, FACT("book.snapshot", "\"snapshot_id\":\"s\",\"part\":1,\"parts\":1,\"invoices\":[]"), NULL },
	{ EVENT_OPERATOR_COMMAND, FACT("operator.command", "\"command\":\"hold\",\"target\":\"i\",\"who\":\"alice\",\"why\":\"asked\",\"step\":\"call\""),
		NULL },
};

static void every_type(void **state)
{
	bool seen[EVENT_TYPE_COUNT] = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(least); i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		struct err err = { 0 };
		struct event e;
		char *prefixed;

		if (event_parse(arena, least[i].text, strlen(least[i].text), "com.example.", &e, &err) < 0)
			fail_msg("%s: %s %s", least[i].text, err.code, err.path);
		assert_int_equal(e.type, least[i].type);
		if (least[i].fact_id)
			assert_string_equal(e.fact_id, least[i].fact_id);
		else
			assert_null(e.fact_id);
		seen[e.type] = true;
		/* and with the configured prefix of reversed domain */
		prefixed = edited(arena, least[i].text, "\"type\":\"", "\"type\":\"com.example.");
		assert_int_equal(event_parse(arena, prefixed, strlen(prefixed), "com.example.", &e, &err), 0);
		assert_int_equal(e.type, least[i].type);
		assert_int_equal(event_parse(arena, prefixed, strlen(prefixed), NULL, &e, &err), -EBADMSG);
		assert_string_equal(err.code, "unknown_type");
	}
	for (size_t i = 0; i < EVENT_TYPE_COUNT; i++)
		assert_true(seen[i]);
	assert_null(event_type_names[EVENT_TYPE_COUNT]);
}

static void facts_of_an_event(void **state)
{
	static const char payment[] = FACT("invoice.payment_received", "\"invoice\":{\"id\":\"i\",\"version\":3},\"customer\":{\"id\":\"c\"},"
		"\"payment_id\":\"p1\",\"amount_minor\":250,\"paid_at\":\"2026-03-01T12:00:00.5Z\",\"after_version\":2,\"reason\":\"wire\"");
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct event e;
	struct err err = { 0 };
	char text[UTC_TEXT_SIZE];

	(void)state;
	assert_int_equal(event_parse(arena, payment, strlen(payment), NULL, &e, &err), 0);
	assert_false(e.has_snapshot);
	assert_false(e.has_customer); /* an id is no data */
	assert_int_equal(e.amount, 250);
	assert_int_equal(e.after_version, 2);
	assert_int_equal(e.order.version, 3);
	assert_string_equal(e.reason, "wire");
	assert_string_equal(utc_format(e.at, text), "2026-03-01T12:00:00.500Z");

	for (size_t i = 0; i < ARRAY_LEN(least); i++)
		switch (least[i].type) {
		case EVENT_CUSTOMER_PAUSED:
			assert_int_equal(event_parse(arena, least[i].text, strlen(least[i].text), NULL, &e, &err), 0);
			assert_string_equal(utc_format(e.until, text), "2026-04-30T22:00:00Z");
			break;
		case EVENT_CUSTOMER_OPTED_OUT:
			assert_int_equal(event_parse(arena, least[i].text, strlen(least[i].text), NULL, &e, &err), 0);
			assert_int_equal(e.channel, CHANNEL_SMS);
			break;
		case EVENT_LEDGER_WATERMARK:
			assert_int_equal(event_parse(arena, least[i].text, strlen(least[i].text), NULL, &e, &err), 0);
			assert_string_equal(utc_format(e.watermark, text), "2026-03-01T23:00:00Z");
			assert_string_equal(e.ledger, "s"); /* its source, unless it names one */
			break;
		case EVENT_OPERATOR_COMMAND:
			assert_int_equal(event_parse(arena, least[i].text, strlen(least[i].text), NULL, &e, &err), 0);
			assert_string_equal(e.command, "hold");
			assert_string_equal(e.target, "i");
			assert_string_equal(e.who, "alice");
			assert_string_equal(e.why, "asked");
			assert_string_equal(e.step, "call");
			break;
		default:
			break;
		}
	static const char all[] = FACT("customer.opted_out", "\"customer_id\":\"c\",\"channel\":\"all\"");
	assert_int_equal(event_parse(arena, all, strlen(all), NULL, &e, &err), 0);
	assert_int_equal(e.channel, CHANNEL_COUNT);
	/* `paid` with figures carries them */
	static const char paid[] = FACT("invoice.paid", "\"invoice\":{\"id\":\"i\",\"version\":4,\"status\":\"paid\",\"due_on\":\"2026-04-01\","
		"\"currency\":\"JPY\",\"total_minor\":5,\"paid_minor\":5,\"due_minor\":0,\"collection\":\"charge_automatically\"}");
	assert_int_equal(event_parse(arena, paid, strlen(paid), NULL, &e, &err), 0);
	assert_true(e.has_snapshot && e.snapshot.automatic);
	assert_int_equal(e.snapshot.status, INVOICE_PAID);
}

/* --- who is held ------------------------------------------------------------------------------------------------------- */

static void ids_out_of_wreckage(void **state)
{
	static const struct {
		const char *text, *invoice, *customer;
	} cases[] = {
		{ "{\"type\":\"invoice.payment_received\",\"data\":{\"invoice_id\":\"i-1\",\"amount_minor\":1e2}}", "i-1", NULL },
		{ "{\"data\":{\"invoice_id\":\"i-1\",\"customer_id\":\"c-1\"", "i-1", "c-1" },
		{ "{\"data\":{\"invoice\" : { \"refs\":{\"id\":\"no\"}, \"id\" : \"i-1\", \"x\":NaN}}}", "i-1", NULL },
		{ "{\"id\":\"event\",\"data\":{\"customer\":{\"contacts\":[{\"id\":\"c1\"}],\"id\":\"c-1\"},\"invoice\":{},\"id\":\"no\"},,}", NULL, "c-1" },
		{ "{\"invoice\":{\"number\":\"\\\"id\\\":\\\"no\\\"\",\"id\":\"i-1\"}'", "i-1", NULL },
		{ "{\"a\":1,\"a\":2,\"subject\":\"invoice/i-1\"}", NULL, NULL }, /* the subject is only a hint, and stays one */
		{ "{\"invoice_id\":\"not an id\",\"invoice_id\":\"i-2\"}", "i-2", NULL },
		{ "{\"invoice_id\":\"cut", NULL, NULL },
		{ "{\"invoice_id\":\"i\\", NULL, NULL },
		{ "{\"invoice_id\":", NULL, NULL },
		{ "{\"invoice_id\"", NULL, NULL },
		{ "\"invoice_id\" : i-1", NULL, NULL },
		{ "]]]]}}}{\"invoice_id\":\"i-1\"", "i-1", NULL },
		{ "\xff\xfe{\"customer_id\":\"c-1\"}", NULL, "c-1" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(arena_freep) struct arena *arena = arena_create();
		size_t len = strlen(cases[i].text);
		char *exact = malloc(len);
		struct event e;

		memcpy(exact, cases[i].text, len);
		assert_int_equal(event_parse(arena, exact, len, NULL, &e, NULL), -EBADMSG);
		free(exact);
		if ((!e.invoice_id) != (!cases[i].invoice) || (e.invoice_id && strcmp(e.invoice_id, cases[i].invoice) != 0))
			fail_msg("%s: invoice %s", cases[i].text, e.invoice_id);
		if ((!e.customer_id) != (!cases[i].customer) || (e.customer_id && strcmp(e.customer_id, cases[i].customer) != 0))
			fail_msg("%s: customer %s", cases[i].text, e.customer_id);
	}
}

/* Well-formed, but not to be read: the ids come from its members, at last from the subject, even when that was not reached. */
static void ids_out_of_members(void **state)
{
	static const char flat[] = "{\"specversion\":\"9\",\"data\":{\"invoice\":{\"x\":1},\"invoice_id\":\"i-1\",\"customer_id\":\"c-1\"}}";
	static const char subject[] = "{\"specversion\":\"9\",\"subject\":\"invoice/i-1\",\"data\":7}";
	static const char bad[] = "{\"specversion\":\"9\",\"subject\":\"invoice/i 1\",\"data\":{\"customer_id\":\"c 1\"}}";
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	struct event e;

	(void)state;
	assert_int_equal(event_parse(arena, flat, strlen(flat), NULL, &e, NULL), -EBADMSG);
	assert_string_equal(e.invoice_id, "i-1");
	assert_string_equal(e.customer_id, "c-1");
	assert_int_equal(event_parse(arena, subject, strlen(subject), NULL, &e, NULL), -EBADMSG);
	assert_string_equal(e.invoice_id, "i-1");
	assert_int_equal(event_parse(arena, bad, strlen(bad), NULL, &e, NULL), -EBADMSG);
	assert_null(e.invoice_id);
	assert_null(e.customer_id);
}

/* --- order ---------------------------------------------------------------------------------------------------------------- */

static int sign(int n)
{
	return (n > 0) - (n < 0);
}

static void competing_facts(void **state)
{
	static const struct {
		struct fact_order a, b;
		int sign;
	} cases[] = {
		{ { 2, 100, "s", "a" }, { 1, 200, "s", "b" }, 1 }, /* by version, not by time */
		{ { 0, 300, "s", "a" }, { 1, 200, "s", "b" }, -1 }, /* without one: before all that have one */
		{ { 3, 100, "s", "a" }, { 3, 200, "s", "b" }, -1 },
		{ { 0, 100, "s", "a" }, { 0, 100, "t", "a" }, -1 },
		{ { 0, 100, "s", "a" }, { 0, 100, "s", "b" }, -1 },
		{ { 5, 100, "s", "a" }, { 5, 100, "s", "a" }, 0 },
		{ { 0, 100, NULL, NULL }, { 0, 100, "", "" }, 0 },
		{ { 0, -5, "s", "a" }, { 0, 5, "s", "a" }, -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(sign(fact_order_compare(&cases[i].a, &cases[i].b)), cases[i].sign);
		assert_int_equal(sign(fact_order_compare(&cases[i].b, &cases[i].a)), -cases[i].sign);
	}
}

/* Of any three, in any mix: a < b and b < c makes a < c, and b > a says the same as a < b. */
static void orders_are_total(void **state)
{
	static const char *const words[] = { NULL, "", "a", "b" };
	enum { COUNT = 60 };
	static int (*const orders[])(const struct fact_order *, const struct fact_order *) = { fact_order_compare, fact_time_compare };
	struct fact_order all[COUNT];
	uint32_t seed = 1;

	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		uint32_t bits = (seed = seed * 1664525 + 1013904223) >> 8;

		all[i] = (struct fact_order){ bits % 4, bits / 4 % 4 - 1, words[bits / 16 % 4], words[bits / 64 % 4] };
	}
	for (size_t o = 0; o < ARRAY_LEN(orders); o++)
		for (size_t i = 0; i < COUNT; i++)
			for (size_t k = 0; k < COUNT; k++) {
				int ik = sign(orders[o](&all[i], &all[k]));

				assert_int_equal(ik, -sign(orders[o](&all[k], &all[i])));
				if (o == 0 && all[i].version != all[k].version)
					assert_int_equal(ik, all[i].version < all[k].version ? -1 : 1);
				for (size_t m = 0; m < COUNT; m++)
					if (ik == sign(orders[o](&all[k], &all[m])))
						assert_int_equal(sign(orders[o](&all[i], &all[m])), ik);
			}
}

/* --- CloudEvents --------------------------------------------------------------------------------------------------------------- */

/* What the published schema requires is required here; of what it describes, no member is taken as another type. */
static void published_schema(void **state)
{
	const char *shared = getenv("DUNNINGD_SHARED");
	CLEANUP(arena_freep) struct arena *arena = arena_create();
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct json schema, required, properties, value, root, member;
	struct err err = { 0 };
	struct event e;
	const char *key, *name;
	size_t checked = 0;

	(void)state;
	if (file_read(shared ? arena_printf(arena, "%s/cloudevents/cloudevents.schema.json", shared) :
			       arena_printf(arena, "%s/../shared/cloudevents/cloudevents.schema.json", SOURCE_DIR),
		    1 << 20, &text, &err) < 0) {
		print_message("the CloudEvents schema is not there: passed over\n");
		if (!getenv("CI"))
			skip();
		fail_msg("%s", err.text);
	}
	assert_int_equal(json_parse(arena, text.data, text.len, 0, &schema, &err), 0);
	required = json_get(&schema, "required");
	properties = json_get(&schema, "properties");
	assert_int_equal(json_len(&required), 4);
	assert_int_equal(json_parse(arena, sample, sizeof(sample) - 1, 0, &root, &err), 0);
	for (size_t i = 0; json_member(&root, &i, &key, &member);) /* the sample has no member that the schema does not know */
		assert_true(json_has(&properties, key));
	for (size_t i = 0; i < json_len(&required); i++) {
		CLEANUP(buf_clear) struct buf without = { 0 };
		struct json_writer w = jw_init(&without);

		value = json_at(&required, i);
		name = json_str(&value);
		jw_object(&w, NULL);
		for (size_t k = 0; json_member(&root, &k, &key, &member);)
			if (strcmp(key, name) != 0)
				jw_json(&w, key, &member);
		jw_end_object(&w);
		err_clear(&err);
		assert_int_equal(event_parse(arena, without.data, without.len, NULL, &e, &err), -EBADMSG);
		assert_string_equal(err.code, "missing");
		assert_string_equal(err.path + 2, name);
		checked++;
	}
	for (size_t i = 0; json_member(&root, &i, &name, &value);) {
		CLEANUP(buf_clear) struct buf other = { 0 };
		struct json_writer w = jw_init(&other);

		jw_object(&w, NULL);
		for (size_t k = 0; json_member(&root, &k, &key, &member);)
			if (strcmp(key, name) != 0)
				jw_json(&w, key, &member);
			else
				jw_int(&w, key, 1);
		jw_end_object(&w);
		err_clear(&err);
		assert_int_equal(event_parse(arena, other.data, other.len, NULL, &e, &err), -EBADMSG);
		assert_string_equal(err.code, "wrong_type");
		assert_string_equal(err.path + 2, name);
		checked++;
	}
	assert_int_equal(checked, 4 + 7);
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(a_quarter_of_a_mebibyte),
		cmocka_unit_test(depth_33),
		cmocka_unit_test(fifty_contacts),
		cmocka_unit_test(the_sample_is_read),
		cmocka_unit_test(every_type),
		cmocka_unit_test(facts_of_an_event),
		cmocka_unit_test(ids_out_of_wreckage),
		cmocka_unit_test(ids_out_of_members),
		cmocka_unit_test(competing_facts),
		cmocka_unit_test(orders_are_total),
		cmocka_unit_test(published_schema),
	};
	struct CMUnitTest tests[ARRAY_LEN(rows)];
	int failed;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].name,
			.test_func = row_holds,
			.initial_state = (void *)(uintptr_t)&rows[i] };
	failed = cmocka_run_group_tests_name("event_parse: rows", tests, NULL, NULL);
	return failed + cmocka_run_group_tests_name("event", others, NULL, NULL);
}
